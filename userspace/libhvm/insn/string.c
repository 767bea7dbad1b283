// SPDX-License-Identifier: MIT
/*
 * String instructions, with and without repetition, and the port instructions.
 * A repetition stops after INSN_MAX_REPEAT iterations and leaves the registers
 * as an interrupt between two iterations would (SDM volume 2, REP).
 */
#include "exec.h"

/* May this processor touch the port (SDM volume 1, "I/O Protection")? */
static enum insn_status port_check(struct insn_cpu *cpu, uint16_t port, unsigned int size)
{
	unsigned int iopl = (cpu->rflags & FLAG_IOPL) >> 12;

	if (!(cpu->cr0 & CR0_PE))
		return INSN_OK;
	if (!(cpu->rflags & FLAG_VM) && cpu->cpl <= iopl)
		return INSN_OK;
	if (cpu->io_checked && cpu->io_port == port && size <= cpu->io_size)
		return INSN_OK;
	return insn_raise(cpu, INSN_GP);
}

static enum insn_status port_read(struct insn_cpu *cpu, uint16_t port, unsigned int size,
				  uint32_t *value)
{
	enum insn_status status = port_check(cpu, port, size);

	if (status)
		return status;
	return cpu->ops->io_in ? cpu->ops->io_in(cpu, port, size, value) : INSN_UNSUPPORTED;
}

static enum insn_status port_write(struct insn_cpu *cpu, uint16_t port, unsigned int size,
				   uint32_t value)
{
	enum insn_status status = port_check(cpu, port, size);

	if (status)
		return status;
	return cpu->ops->io_out ? cpu->ops->io_out(cpu, port, size, value) : INSN_UNSUPPORTED;
}

static uint16_t port_number(struct insn_cpu *cpu, const struct insn *insn)
{
	return insn->flags & INSN_F_IMM ? (uint8_t)insn->imm : reg_get(cpu, INSN_RDX, 2);
}

enum insn_status insn_exec_in(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_status status;
	uint32_t value = 0;

	status = port_read(cpu, port_number(cpu, insn), insn->size, &value);
	if (status == INSN_OK)
		reg_set(cpu, INSN_RAX, insn->size, value);
	return status;
}

enum insn_status insn_exec_out(struct insn_cpu *cpu, const struct insn *insn)
{
	return port_write(cpu, port_number(cpu, insn), insn->size,
			  reg_get(cpu, INSN_RAX, insn->size));
}

/* Move SI or DI by one element in the direction DF says. */
static inline void advance(struct insn_cpu *cpu, const struct insn *insn, unsigned int reg)
{
	uint64_t step = insn->size;

	if (cpu->rflags & FLAG_DF)
		step = -step;
	reg_set(cpu, reg, insn->addr_size, cpu->gpr[reg] + step);
}

static inline enum insn_status load_source(struct insn_cpu *cpu, const struct insn *insn,
					   uint64_t *value)
{
	return mem_load(cpu, insn, insn->seg, reg_get(cpu, INSN_RSI, insn->addr_size), insn->size,
			INSN_READ, value);
}

/* The destination is always in ES. */
static inline enum insn_status load_destination(struct insn_cpu *cpu, const struct insn *insn,
						uint64_t *value)
{
	return mem_load(cpu, insn, INSN_SEG_ES, reg_get(cpu, INSN_RDI, insn->addr_size),
			insn->size, INSN_READ, value);
}

static inline enum insn_status store_destination(struct insn_cpu *cpu, const struct insn *insn,
						 uint64_t value)
{
	return mem_store(cpu, insn, INSN_SEG_ES, reg_get(cpu, INSN_RDI, insn->addr_size),
			 insn->size, value);
}

static enum insn_status one_movs(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_status status;
	uint64_t value;

	status = load_source(cpu, insn, &value);
	if (status)
		return status;
	status = store_destination(cpu, insn, value);
	if (status)
		return status;
	advance(cpu, insn, INSN_RSI);
	advance(cpu, insn, INSN_RDI);
	return INSN_OK;
}

static enum insn_status one_stos(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_status status;

	status = store_destination(cpu, insn, reg_get(cpu, INSN_RAX, insn->size));
	if (status == INSN_OK)
		advance(cpu, insn, INSN_RDI);
	return status;
}

static enum insn_status one_lods(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_status status;
	uint64_t value;

	status = load_source(cpu, insn, &value);
	if (status)
		return status;
	reg_set(cpu, INSN_RAX, insn->size, value);
	advance(cpu, insn, INSN_RSI);
	return INSN_OK;
}

static enum insn_status one_cmps(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_status status;
	uint64_t source, other;

	status = load_source(cpu, insn, &source);
	if (status)
		return status;
	status = load_destination(cpu, insn, &other);
	if (status)
		return status;
	alu_binary(ALU_CMP, insn->size, source, other, &cpu->rflags);
	advance(cpu, insn, INSN_RSI);
	advance(cpu, insn, INSN_RDI);
	return INSN_OK;
}

static enum insn_status one_scas(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_status status;
	uint64_t other;

	status = load_destination(cpu, insn, &other);
	if (status)
		return status;
	alu_binary(ALU_CMP, insn->size, reg_get(cpu, INSN_RAX, insn->size), other, &cpu->rflags);
	advance(cpu, insn, INSN_RDI);
	return INSN_OK;
}

/* What a port gives is gone: make sure that it can be stored before it is read. */
static enum insn_status one_ins(struct insn_cpu *cpu, const struct insn *insn)
{
	uint64_t offset = reg_get(cpu, INSN_RDI, insn->addr_size), gva;
	enum insn_status status;
	uint32_t value = 0;

	status = linear_address(cpu, insn->mode, INSN_SEG_ES, offset, insn->size, INSN_WRITE, &gva);
	if (status == INSN_OK && cpu->ops->probe)
		status = cpu->ops->probe(cpu, gva, insn->size);
	if (status == INSN_OK)
		status = port_read(cpu, reg_get(cpu, INSN_RDX, 2), insn->size, &value);
	if (status == INSN_OK)
		status = cpu->ops->write(cpu, gva, &value, insn->size);
	if (status == INSN_OK)
		advance(cpu, insn, INSN_RDI);
	return status;
}

static enum insn_status one_outs(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_status status;
	uint64_t value;

	status = load_source(cpu, insn, &value);
	if (status)
		return status;
	status = port_write(cpu, reg_get(cpu, INSN_RDX, 2), insn->size, value);
	if (status == INSN_OK)
		advance(cpu, insn, INSN_RSI);
	return status;
}

static enum insn_status one_element(struct insn_cpu *cpu, const struct insn *insn)
{
	switch (insn->op) {
	case OP_MOVS:
		return one_movs(cpu, insn);
	case OP_STOS:
		return one_stos(cpu, insn);
	case OP_LODS:
		return one_lods(cpu, insn);
	case OP_CMPS:
		return one_cmps(cpu, insn);
	case OP_SCAS:
		return one_scas(cpu, insn);
	case OP_INS:
		return one_ins(cpu, insn);
	default:
		return one_outs(cpu, insn);
	}
}

/* CMPS and SCAS also end when ZF differs from what the prefix asks for. */
static inline bool comparison_ends(const struct insn_cpu *cpu, const struct insn *insn)
{
	bool equal = cpu->rflags & FLAG_ZF;

	if (insn->op != OP_CMPS && insn->op != OP_SCAS)
		return false;
	return equal != !!(insn->flags & INSN_F_REP);
}

enum insn_status insn_exec_string(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_status status;
	uint64_t count;

	if (!(insn->flags & (INSN_F_REP | INSN_F_REPNE)))
		return one_element(cpu, insn);
	count = reg_get(cpu, INSN_RCX, insn->addr_size);
	for (unsigned int i = 0; count && i < INSN_MAX_REPEAT; i++) {
		status = one_element(cpu, insn);
		if (status)
			return status;
		reg_set(cpu, INSN_RCX, insn->addr_size, --count);
		if (comparison_ends(cpu, insn))
			return INSN_OK;
	}
	return count ? INSN_AGAIN : INSN_OK;
}
