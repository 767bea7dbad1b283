/* SPDX-License-Identifier: MIT */
/*
 * Operands, shared by the executor's files: registers by number and size,
 * effective and linear addresses, memory through the callbacks. Inline because
 * a device access costs little more than what stands here. Private to
 * userspace/libhvm/insn.
 */
#ifndef LIBHVM_INSN_EXEC_H
#define LIBHVM_INSN_EXEC_H

#include "alu.h"
#include "insn.h"
#include "table.h"

#define CR0_PE		0x1u
#define CR0_EM		0x4u
#define CR0_TS		0x8u
#define CR4_OSFXSR	0x200u
#define CR4_LA57	0x1000u
#define CR4_OSXSAVE	0x40000u
#define EFER_LMA	0x400u

/**
 * insn_raise() - fill in an exception
 * @cpu: the processor; real mode pushes no error code
 * @vector: enum insn_vector
 *
 * The error code is 0 for every exception raised here.
 *
 * Return: INSN_EXCEPTION.
 */
enum insn_status insn_raise(struct insn_cpu *cpu, enum insn_vector vector);

/**
 * insn_linear() - from segment and offset to a linear address
 * @cpu: the processor
 * @mode: enum insn_mode
 * @seg: enum insn_seg_index
 * @offset: offset into the segment
 * @size: bytes accessed
 * @access: why
 * @gva: the linear address
 *
 * Return: INSN_OK, or INSN_EXCEPTION with #GP or #SS.
 */
enum insn_status insn_linear(struct insn_cpu *cpu, unsigned int mode, unsigned int seg,
			     uint64_t offset, unsigned int size, enum insn_access access,
			     uint64_t *gva);

/* Check the address with insn_linear(), then load or store. */
enum insn_status insn_load(struct insn_cpu *cpu, unsigned int mode, unsigned int seg,
			   uint64_t offset, unsigned int size, enum insn_access access,
			   uint64_t *value);
enum insn_status insn_store(struct insn_cpu *cpu, unsigned int mode, unsigned int seg,
			    uint64_t offset, unsigned int size, uint64_t value);

/* Vector moves and string instructions, in files of their own. */
enum insn_status insn_exec_vload(struct insn_cpu *cpu, const struct insn *insn);
enum insn_status insn_exec_vstore(struct insn_cpu *cpu, const struct insn *insn);
enum insn_status insn_exec_string(struct insn_cpu *cpu, const struct insn *insn);
enum insn_status insn_exec_in(struct insn_cpu *cpu, const struct insn *insn);
enum insn_status insn_exec_out(struct insn_cpu *cpu, const struct insn *insn);

/* One byte of a register: numbers from 16 on are AH, CH, DH, BH. */
static inline uint8_t *reg_byte(struct insn_cpu *cpu, unsigned int reg)
{
	return (uint8_t *)&cpu->gpr[reg & 15] + (reg >> 4);
}

static inline uint64_t reg_get(struct insn_cpu *cpu, unsigned int reg, unsigned int size)
{
	if (size == 1)
		return *reg_byte(cpu, reg);
	return cpu->gpr[reg & 15] & size_mask(size);
}

/* A 32-bit write clears the upper half; smaller ones leave the rest alone. */
static inline void reg_set(struct insn_cpu *cpu, unsigned int reg, unsigned int size,
			   uint64_t value)
{
	uint64_t *gpr = &cpu->gpr[reg & 15];

	switch (size) {
	case 1:
		*reg_byte(cpu, reg) = (uint8_t)value;
		break;
	case 2:
		*gpr = (*gpr & ~0xffffull) | (value & 0xffff);
		break;
	case 4:
		*gpr = (uint32_t)value;
		break;
	default:
		*gpr = value;
	}
}

/* The offset of the memory operand within its segment. */
static inline uint64_t effective_address(const struct insn_cpu *cpu, const struct insn *insn)
{
	uint64_t offset = insn->disp;

	if (insn->base < INSN_GPR_COUNT)
		offset += cpu->gpr[insn->base];
	else if (insn->base == INSN_BASE_RIP)
		offset += cpu->rip + insn->length;
	if (insn->index < INSN_GPR_COUNT)
		offset += cpu->gpr[insn->index] << insn->scale;
	return insn->addr_size == 8 ? offset : offset & size_mask(insn->addr_size);
}

static inline bool is_canonical(const struct insn_cpu *cpu, uint64_t gva)
{
	unsigned int shift = cpu->cr4 & CR4_LA57 ? 64 - 57 : 64 - 48;

	return (uint64_t)((int64_t)(gva << shift) >> shift) == gva;
}

/*
 * The address of nearly every access: 64-bit mode, canonical with 48 bits
 * whatever the size. False leaves the question to linear_address().
 */
static inline bool plain_address(const struct insn_cpu *cpu, unsigned int mode, unsigned int seg,
				 uint64_t offset, uint64_t *gva)
{
	if (mode != INSN_MODE_64)
		return false;
	if (seg >= INSN_SEG_FS)
		offset += cpu->seg[seg].base;
	*gva = offset;
	return offset + (1ull << 47) <= (1ull << 48) - INSN_MAX_ACCESS;
}

/* From segment and offset to a linear address, with every check on the way. */
static inline enum insn_status linear_address(struct insn_cpu *cpu, unsigned int mode,
					      unsigned int seg, uint64_t offset,
					      unsigned int size, enum insn_access access,
					      uint64_t *gva)
{
	if (plain_address(cpu, mode, seg, offset, gva))
		return INSN_OK;
	return insn_linear(cpu, mode, seg, offset, size, access, gva);
}

/* Load @size bytes, zero-extended. */
static inline enum insn_status mem_load(struct insn_cpu *cpu, const struct insn *insn,
					unsigned int seg, uint64_t offset, unsigned int size,
					enum insn_access access, uint64_t *value)
{
	uint64_t gva;

	*value = 0;
	if (plain_address(cpu, insn->mode, seg, offset, &gva))
		return cpu->ops->read(cpu, gva, value, size, access);
	return insn_load(cpu, insn->mode, seg, offset, size, access, value);
}

static inline enum insn_status mem_store(struct insn_cpu *cpu, const struct insn *insn,
					 unsigned int seg, uint64_t offset, unsigned int size,
					 uint64_t value)
{
	uint64_t gva;

	if (plain_address(cpu, insn->mode, seg, offset, &gva))
		return cpu->ops->write(cpu, gva, &value, size);
	return insn_store(cpu, insn->mode, seg, offset, size, value);
}

/* Read the r/m operand, register or memory. */
static inline enum insn_status rm_get(struct insn_cpu *cpu, const struct insn *insn,
				      unsigned int size, enum insn_access access,
				      uint64_t *value)
{
	if (insn->flags & INSN_F_MEM)
		return mem_load(cpu, insn, insn->seg, effective_address(cpu, insn), size, access,
				value);
	*value = reg_get(cpu, insn->rm, size);
	return INSN_OK;
}

static inline enum insn_status rm_set(struct insn_cpu *cpu, const struct insn *insn,
				      unsigned int size, uint64_t value)
{
	if (insn->flags & INSN_F_MEM)
		return mem_store(cpu, insn, insn->seg, effective_address(cpu, insn), size, value);
	reg_set(cpu, insn->rm, size, value);
	return INSN_OK;
}

#endif
