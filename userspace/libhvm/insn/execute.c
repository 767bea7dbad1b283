// SPDX-License-Identifier: MIT
/*
 * Carries out one decoded instruction: a function for each operation, found
 * through a table. Every one reads its operands, computes, stores to memory and
 * only then changes registers and flags, so that a fault leaves no trace.
 * String instructions, ports and vector moves are in string.c and vector.c.
 */
#include <string.h>

#include "exec.h"

#define REG_AH	16

static enum insn_status exec_nop(struct insn_cpu *cpu, const struct insn *insn)
{
	(void)cpu;
	(void)insn;
	return INSN_OK;
}

static enum insn_status exec_unsupported(struct insn_cpu *cpu, const struct insn *insn)
{
	(void)cpu;
	(void)insn;
	return INSN_UNSUPPORTED;
}

/* The operand that is not r/m: an immediate or a register. */
static inline uint64_t second_operand(struct insn_cpu *cpu, const struct insn *insn)
{
	return insn->flags & INSN_F_IMM ? insn->imm : reg_get(cpu, insn->reg, insn->size);
}

static enum insn_status exec_load(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_status status;
	uint64_t value;

	status = rm_get(cpu, insn, insn->size, INSN_READ, &value);
	if (status == INSN_OK)
		reg_set(cpu, insn->reg, insn->size, value);
	return status;
}

static enum insn_status exec_store(struct insn_cpu *cpu, const struct insn *insn)
{
	return rm_set(cpu, insn, insn->size, second_operand(cpu, insn));
}

bool insn_plain_store(struct insn_cpu *cpu, const struct insn *insn, uint64_t *gva,
		      uint64_t *value)
{
	if (insn->op != OP_STORE || !(insn->flags & INSN_F_MEM))
		return false;
	*gva = effective_address(cpu, insn);
	if (insn->seg >= INSN_SEG_FS)
		*gva += cpu->seg[insn->seg].base;
	if (insn->flags & INSN_F_IMM)
		*value = insn->imm;
	else
		*value = insn->size == 1 ? *reg_byte(cpu, insn->reg) : cpu->gpr[insn->reg & 15];
	return true;
}

/* Memory gets 16 bits whatever the operand size; a register gets it all. */
static enum insn_status exec_store_seg(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned int seg = insn->reg & 7;

	if (seg >= INSN_SEG_COUNT)
		return insn_raise(cpu, INSN_UD);
	if (cpu->no_selectors)
		return INSN_UNSUPPORTED;
	return rm_set(cpu, insn, insn->flags & INSN_F_MEM ? 2 : insn->size,
		      cpu->seg[seg].selector);
}

static enum insn_status exec_movzx(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_status status;
	uint64_t value;

	status = rm_get(cpu, insn, insn->mem_size, INSN_READ, &value);
	if (status == INSN_OK)
		reg_set(cpu, insn->reg, insn->size, value);
	return status;
}

static enum insn_status exec_movsx(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_status status;
	uint64_t value;

	status = rm_get(cpu, insn, insn->mem_size, INSN_READ, &value);
	if (status == INSN_OK)
		reg_set(cpu, insn->reg, insn->size, sign_extend(value, insn->mem_size));
	return status;
}

static inline uint64_t swap_bytes(uint64_t value, unsigned int size)
{
	return __builtin_bswap64(value) >> (64 - 8 * size);
}

static enum insn_status exec_movbe(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_status status;
	uint64_t value;

	if (!(insn->flags & INSN_F_TO_REG)) {
		value = reg_get(cpu, insn->reg, insn->size);
		return rm_set(cpu, insn, insn->size, swap_bytes(value, insn->size));
	}
	status = rm_get(cpu, insn, insn->size, INSN_READ, &value);
	if (status == INSN_OK)
		reg_set(cpu, insn->reg, insn->size, swap_bytes(value, insn->size));
	return status;
}

static enum insn_status exec_xchg(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_status status;
	uint64_t value;

	status = rm_get(cpu, insn, insn->size, INSN_MODIFY, &value);
	if (status)
		return status;
	status = rm_set(cpu, insn, insn->size, reg_get(cpu, insn->reg, insn->size));
	if (status == INSN_OK)
		reg_set(cpu, insn->reg, insn->size, value);
	return status;
}

/* With two names for one register the sum is what stays. */
static enum insn_status exec_xadd(struct insn_cpu *cpu, const struct insn *insn)
{
	uint64_t value, sum, flags = cpu->rflags;
	enum insn_status status;

	status = rm_get(cpu, insn, insn->size, INSN_MODIFY, &value);
	if (status)
		return status;
	sum = alu_binary(ALU_ADD, insn->size, value, reg_get(cpu, insn->reg, insn->size), &flags);
	if (!(insn->flags & INSN_F_MEM))
		reg_set(cpu, insn->reg, insn->size, value);
	status = rm_set(cpu, insn, insn->size, sum);
	if (status)
		return status;
	if (insn->flags & INSN_F_MEM)
		reg_set(cpu, insn->reg, insn->size, value);
	cpu->rflags = flags;
	return INSN_OK;
}

/* The processor stores in either case; a failed comparison stores what was read. */
static enum insn_status exec_cmpxchg(struct insn_cpu *cpu, const struct insn *insn)
{
	uint64_t value, accumulator, flags = cpu->rflags;
	enum insn_status status;
	bool equal;

	status = rm_get(cpu, insn, insn->size, INSN_MODIFY, &value);
	if (status)
		return status;
	accumulator = reg_get(cpu, INSN_RAX, insn->size);
	alu_binary(ALU_CMP, insn->size, accumulator, value, &flags);
	equal = flags & FLAG_ZF;
	status = rm_set(cpu, insn, insn->size,
			equal ? reg_get(cpu, insn->reg, insn->size) : value);
	if (status)
		return status;
	if (!equal)
		reg_set(cpu, INSN_RAX, insn->size, value);
	cpu->rflags = flags;
	return INSN_OK;
}

static enum insn_status exec_cmpxchg8b(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned int half = insn->size == 8 ? 8 : 4;
	uint64_t gva, low = 0, high = 0;
	enum insn_status status;
	uint8_t pair[16];
	bool equal;

	status = linear_address(cpu, insn->mode, insn->seg, effective_address(cpu, insn),
				2 * half, INSN_MODIFY, &gva);
	if (status)
		return status;
	if (half == 8 && gva & 15)
		return insn_raise(cpu, INSN_GP);
	status = cpu->ops->read(cpu, gva, pair, 2 * half, INSN_MODIFY);
	if (status)
		return status;
	memcpy(&low, pair, half);
	memcpy(&high, pair + half, half);
	equal = low == reg_get(cpu, INSN_RAX, half) && high == reg_get(cpu, INSN_RDX, half);
	if (equal) {
		memcpy(pair, &cpu->gpr[INSN_RBX], half);
		memcpy(pair + half, &cpu->gpr[INSN_RCX], half);
	}
	status = cpu->ops->write(cpu, gva, pair, 2 * half);
	if (status)
		return status;
	if (!equal) {
		reg_set(cpu, INSN_RAX, half, low);
		reg_set(cpu, INSN_RDX, half, high);
	}
	cpu->rflags = (cpu->rflags & ~(uint64_t)FLAG_ZF) | (equal ? FLAG_ZF : 0);
	return INSN_OK;
}

static enum insn_status exec_alu(struct insn_cpu *cpu, const struct insn *insn)
{
	bool to_reg = insn->flags & INSN_F_TO_REG, compare = insn->sub == ALU_CMP;
	uint64_t value, other, result, flags = cpu->rflags;
	enum insn_status status;

	status = rm_get(cpu, insn, insn->size, to_reg || compare ? INSN_READ : INSN_MODIFY, &value);
	if (status)
		return status;
	other = second_operand(cpu, insn);
	if (to_reg)
		result = alu_binary(insn->sub, insn->size, other, value, &flags);
	else
		result = alu_binary(insn->sub, insn->size, value, other, &flags);
	if (to_reg && !compare)
		reg_set(cpu, insn->reg, insn->size, result);
	else if (!compare)
		status = rm_set(cpu, insn, insn->size, result);
	if (status == INSN_OK)
		cpu->rflags = flags;
	return status;
}

static enum insn_status exec_test(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_status status;
	uint64_t value;

	status = rm_get(cpu, insn, insn->size, INSN_READ, &value);
	if (status == INSN_OK)
		alu_binary(ALU_AND, insn->size, value, second_operand(cpu, insn), &cpu->rflags);
	return status;
}

static enum insn_status exec_unary(struct insn_cpu *cpu, const struct insn *insn)
{
	uint64_t value, flags = cpu->rflags;
	enum insn_status status;

	status = rm_get(cpu, insn, insn->size, INSN_MODIFY, &value);
	if (status)
		return status;
	value = alu_unary(insn->sub, insn->size, value, &flags);
	status = rm_set(cpu, insn, insn->size, value);
	if (status == INSN_OK)
		cpu->rflags = flags;
	return status;
}

/* Byte operands pair AL with AH, all others RAX with RDX. */
static inline unsigned int upper_half(const struct insn *insn)
{
	return insn->size == 1 ? REG_AH : INSN_RDX;
}

static enum insn_status exec_mul(struct insn_cpu *cpu, const struct insn *insn)
{
	uint64_t value, low, high;
	enum insn_status status;

	status = rm_get(cpu, insn, insn->size, INSN_READ, &value);
	if (status)
		return status;
	alu_multiply(insn->sub == SIGN_SIGNED, insn->size, value,
		     reg_get(cpu, INSN_RAX, insn->size), &low, &high, &cpu->rflags);
	reg_set(cpu, INSN_RAX, insn->size, low);
	reg_set(cpu, upper_half(insn), insn->size, high);
	return INSN_OK;
}

static enum insn_status exec_imul(struct insn_cpu *cpu, const struct insn *insn)
{
	uint64_t value, low, high;
	enum insn_status status;

	status = rm_get(cpu, insn, insn->size, INSN_READ, &value);
	if (status)
		return status;
	alu_multiply(true, insn->size, value, second_operand(cpu, insn), &low, &high,
		     &cpu->rflags);
	reg_set(cpu, insn->reg, insn->size, low);
	return INSN_OK;
}

static enum insn_status exec_div(struct insn_cpu *cpu, const struct insn *insn)
{
	uint64_t value, low, high;
	enum insn_status status;

	status = rm_get(cpu, insn, insn->size, INSN_READ, &value);
	if (status)
		return status;
	low = reg_get(cpu, INSN_RAX, insn->size);
	high = reg_get(cpu, upper_half(insn), insn->size);
	if (!alu_divide(insn->sub == SIGN_SIGNED, insn->size, &low, &high, value))
		return insn_raise(cpu, INSN_DE);
	reg_set(cpu, INSN_RAX, insn->size, low);
	reg_set(cpu, upper_half(insn), insn->size, high);
	return INSN_OK;
}

/*
 * A bit number from a register reaches beyond the operand: the address moves by
 * whole operands, up or down (SDM volume 1, "Bit and Byte Instructions").
 */
static uint64_t bit_address(struct insn_cpu *cpu, const struct insn *insn, uint64_t number)
{
	uint64_t offset = effective_address(cpu, insn);
	int64_t bits = 8 * insn->size;

	if (!(insn->flags & INSN_F_IMM)) {
		number = sign_extend(number, insn->size);
		offset += (uint64_t)((int64_t)(number & ~(uint64_t)(bits - 1)) / 8);
	}
	return offset & size_mask(insn->addr_size);
}

static inline uint64_t bit_change(unsigned int op, uint64_t value, uint64_t bit)
{
	switch (op) {
	case BIT_SET:
		return value | bit;
	case BIT_RESET:
		return value & ~bit;
	default:
		return value ^ bit;
	}
}

static enum insn_status exec_bit(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_access access = insn->sub == BIT_TEST ? INSN_READ : INSN_MODIFY;
	uint64_t number = second_operand(cpu, insn), offset = 0, value, bit;
	bool memory = insn->flags & INSN_F_MEM;
	enum insn_status status = INSN_OK;

	if (memory) {
		offset = bit_address(cpu, insn, number);
		status = mem_load(cpu, insn, insn->seg, offset, insn->size, access, &value);
	} else {
		value = reg_get(cpu, insn->rm, insn->size);
	}
	if (status)
		return status;
	bit = 1ull << (number & (8 * insn->size - 1));
	if (insn->sub != BIT_TEST && memory)
		status = mem_store(cpu, insn, insn->seg, offset, insn->size,
				   bit_change(insn->sub, value, bit));
	else if (insn->sub != BIT_TEST)
		reg_set(cpu, insn->rm, insn->size, bit_change(insn->sub, value, bit));
	if (status == INSN_OK)
		cpu->rflags = (cpu->rflags & ~(uint64_t)FLAG_CF) | (value & bit ? FLAG_CF : 0);
	return status;
}

static inline unsigned int shift_count(struct insn_cpu *cpu, const struct insn *insn)
{
	return insn->flags & INSN_F_CL ? reg_get(cpu, INSN_RCX, 1) : (uint8_t)insn->imm;
}

static enum insn_status exec_shift(struct insn_cpu *cpu, const struct insn *insn)
{
	uint64_t value, flags = cpu->rflags;
	enum insn_status status;

	status = rm_get(cpu, insn, insn->size, INSN_MODIFY, &value);
	if (status)
		return status;
	value = alu_shift(insn->sub, insn->size, value, shift_count(cpu, insn), &flags);
	status = rm_set(cpu, insn, insn->size, value);
	if (status == INSN_OK)
		cpu->rflags = flags;
	return status;
}

static enum insn_status exec_shift_double(struct insn_cpu *cpu, const struct insn *insn)
{
	uint64_t value, flags = cpu->rflags;
	enum insn_status status;

	status = rm_get(cpu, insn, insn->size, INSN_MODIFY, &value);
	if (status)
		return status;
	value = alu_shift_double(insn->sub, insn->size, value,
				 reg_get(cpu, insn->reg, insn->size), shift_count(cpu, insn),
				 &flags);
	status = rm_set(cpu, insn, insn->size, value);
	if (status == INSN_OK)
		cpu->rflags = flags;
	return status;
}

static enum insn_status exec_scan(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_status status;
	uint64_t value, result;

	status = rm_get(cpu, insn, insn->size, INSN_READ, &value);
	if (status)
		return status;
	if (alu_scan(insn->sub, insn->size, value, &cpu->rflags, &result))
		reg_set(cpu, insn->reg, insn->size, result);
	return INSN_OK;
}

/* How much of RSP the stack uses, in bytes. */
static unsigned int stack_size(const struct insn_cpu *cpu, const struct insn *insn)
{
	if (insn->mode == INSN_MODE_64)
		return 8;
	return cpu->seg[INSN_SEG_SS].attributes & HVM_SEG_DB ? 4 : 2;
}

/* Only the stack pointer's own width changes, also where that is 32 bits. */
static void stack_move(struct insn_cpu *cpu, const struct insn *insn, uint64_t rsp)
{
	reg_set(cpu, INSN_RSP, stack_size(cpu, insn), rsp);
}

static enum insn_status exec_push(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned int width = stack_size(cpu, insn);
	enum insn_status status;
	uint64_t value, rsp;

	status = rm_get(cpu, insn, insn->size, INSN_READ, &value);
	if (status)
		return status;
	rsp = (cpu->gpr[INSN_RSP] - insn->size) & size_mask(width);
	status = mem_store(cpu, insn, INSN_SEG_SS, rsp, insn->size, value);
	if (status == INSN_OK)
		stack_move(cpu, insn, rsp);
	return status;
}

/* An address based on RSP is formed after RSP has moved (SDM volume 2, POP). */
static enum insn_status exec_pop(struct insn_cpu *cpu, const struct insn *insn)
{
	uint64_t old = cpu->gpr[INSN_RSP], value;
	unsigned int width = stack_size(cpu, insn);
	enum insn_status status;

	status = mem_load(cpu, insn, INSN_SEG_SS, old & size_mask(width), insn->size, INSN_READ,
			  &value);
	if (status)
		return status;
	stack_move(cpu, insn, old + insn->size);
	status = rm_set(cpu, insn, insn->size, value);
	if (status)
		cpu->gpr[INSN_RSP] = old;
	return status;
}

static enum insn_status exec_setcc(struct insn_cpu *cpu, const struct insn *insn)
{
	return rm_set(cpu, insn, 1, alu_condition(insn->sub, cpu->rflags));
}

/* The load happens, and a 32-bit register is cleared above, either way. */
static enum insn_status exec_cmovcc(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_status status;
	uint64_t value;

	status = rm_get(cpu, insn, insn->size, INSN_READ, &value);
	if (status)
		return status;
	if (!alu_condition(insn->sub, cpu->rflags))
		value = reg_get(cpu, insn->reg, insn->size);
	reg_set(cpu, insn->reg, insn->size, value);
	return INSN_OK;
}

static enum insn_status exec_xlat(struct insn_cpu *cpu, const struct insn *insn)
{
	uint64_t offset = cpu->gpr[INSN_RBX] + reg_get(cpu, INSN_RAX, 1);
	enum insn_status status;
	uint64_t value;

	status = mem_load(cpu, insn, insn->seg, offset & size_mask(insn->addr_size), 1, INSN_READ,
			  &value);
	if (status == INSN_OK)
		reg_set(cpu, INSN_RAX, 1, value);
	return status;
}

static enum insn_status (*const executors[OP_COUNT])(struct insn_cpu *cpu,
						     const struct insn *insn) = {
	[OP_UNSUPPORTED] = exec_unsupported,
	[OP_NOP] = exec_nop,
	[OP_LOAD] = exec_load,
	[OP_STORE] = exec_store,
	[OP_STORE_SEG] = exec_store_seg,
	[OP_MOVZX] = exec_movzx,
	[OP_MOVSX] = exec_movsx,
	[OP_MOVBE] = exec_movbe,
	[OP_XCHG] = exec_xchg,
	[OP_XADD] = exec_xadd,
	[OP_CMPXCHG] = exec_cmpxchg,
	[OP_CMPXCHG8B] = exec_cmpxchg8b,
	[OP_ALU] = exec_alu,
	[OP_TEST] = exec_test,
	[OP_UNARY] = exec_unary,
	[OP_MUL] = exec_mul,
	[OP_IMUL] = exec_imul,
	[OP_DIV] = exec_div,
	[OP_BIT] = exec_bit,
	[OP_SHIFT] = exec_shift,
	[OP_SHIFT_DOUBLE] = exec_shift_double,
	[OP_SCAN] = exec_scan,
	[OP_PUSH] = exec_push,
	[OP_POP] = exec_pop,
	[OP_SETCC] = exec_setcc,
	[OP_CMOVCC] = exec_cmovcc,
	[OP_XLAT] = exec_xlat,
	[OP_MOVS] = insn_exec_string,
	[OP_STOS] = insn_exec_string,
	[OP_LODS] = insn_exec_string,
	[OP_CMPS] = insn_exec_string,
	[OP_SCAS] = insn_exec_string,
	[OP_INS] = insn_exec_string,
	[OP_OUTS] = insn_exec_string,
	[OP_IN] = insn_exec_in,
	[OP_OUT] = insn_exec_out,
	[OP_VLOAD] = insn_exec_vload,
	[OP_VSTORE] = insn_exec_vstore,
};

enum insn_status insn_execute(struct insn_cpu *cpu, const struct insn *insn)
{
	if (insn->op >= OP_COUNT)
		return INSN_UNSUPPORTED;
	return executors[insn->op](cpu, insn);
}
