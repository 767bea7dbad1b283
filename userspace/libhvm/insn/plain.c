// SPDX-License-Identifier: MIT
/*
 * The short way through the decoder for what device accesses nearly always are:
 * 64-bit mode, at most a 66 and a REX prefix, an operand in memory. It takes
 * whole instructions without asking for the end of the bytes: the longest it
 * knows has 14, and 15 are there. What it does not know it leaves to decode.c,
 * and where both know an instruction they agree; the fuzzer compares them.
 */
#include <string.h>

#include "insn.h"
#include "table.h"

/* What is understood here. */
#define T_PLAIN		(T_MODRM | T_BYTE | T_TO_REG | T_IMM8 | T_IMMZ | T_LOCK | T_GROUP | \
			 T_MEM8 | T_MEM16)

_Static_assert(T_TO_REG == INSN_F_TO_REG, "one is copied to the other");

/* SIB and displacement, with at least nine bytes to read. */
static inline const uint8_t *decode_address(const uint8_t *p, unsigned int mod, unsigned int rm,
					    unsigned int rex, struct insn *insn)
{
	unsigned int base = rm | (rex & REX_B) << 3, index = INSN_BASE_NONE;
	int32_t dword = 0;

	insn->scale = 0;
	if (rm == 4) {
		unsigned int sib = *p++;

		if (((sib >> 3 & 7) | (rex & REX_X) << 2) != 4) {
			index = (sib >> 3 & 7) | (rex & REX_X) << 2;
			insn->scale = sib >> 6;
		}
		base = (sib & 7) | (rex & REX_B) << 3;
		if (mod == 0 && (sib & 7) == 5) {
			base = INSN_BASE_NONE;
			mod = 2;
		}
	} else if (rm == 5 && mod == 0) {
		base = INSN_BASE_RIP;
		mod = 2;
	}
	if (mod == 1) {
		dword = (int8_t)*p++;
	} else if (mod == 2) {
		memcpy(&dword, p, 4);
		p += 4;
	}
	insn->disp = (uint64_t)dword;
	insn->index = index;
	insn->base = base;
	if (base == INSN_RSP || base == INSN_RBP)
		insn->seg = INSN_SEG_SS;
	return p;
}

static inline const uint8_t *plain_immediate(const uint8_t *p, uint32_t flags, struct insn *insn)
{
	int32_t dword;
	int16_t word;

	insn->imm = 0;
	if (!(flags & (T_IMM8 | T_IMMZ)))
		return p;
	insn->flags |= INSN_F_IMM;
	if (flags & T_IMM8 || insn->size == 1) {
		insn->imm = (uint64_t)(int8_t)*p;
		return p + 1;
	}
	if (insn->size == 2) {
		memcpy(&word, p, 2);
		insn->imm = (uint64_t)word;
		return p + 2;
	}
	memcpy(&dword, p, 4);
	insn->imm = (uint64_t)dword;
	return p + 4;
}

/* Everything but the address; without REX, byte registers 4 to 7 are AH to BH. */
static inline void plain_operands(uint32_t flags, unsigned int size, unsigned int rex,
				  unsigned int reg, struct insn *insn)
{
	if (rex & REX_W)
		size = 8;
	if (flags & T_BYTE) {
		size = 1;
		if (!rex && reg >= 4)
			reg += 12;
	}
	insn->mode = INSN_MODE_64;
	insn->size = size;
	insn->mem_size = size;
	if (flags & (T_MEM8 | T_MEM16))
		insn->mem_size = flags & T_MEM8 ? 1 : 2;
	insn->addr_size = 8;
	insn->seg = INSN_SEG_DS;
	insn->reg = reg | (rex & REX_R) << 1;
	insn->rm = INSN_RAX;
	insn->flags = INSN_F_MEM | (flags & T_TO_REG);
}

bool insn_decode_plain(const uint8_t *p, struct insn *insn)
{
	const uint8_t *start = p;
	const struct insn_opcode *opcode;
	unsigned int rex = 0, modrm, reg;
	bool size66 = *p == 0x66;
	uint32_t flags;

	p += size66;
	if ((*p & 0xf0) == 0x40)
		rex = *p++;
	opcode = &insn_map_one[*p++];
	if (p[-1] == 0x0f)
		opcode = &insn_map_0f[*p++];
	flags = opcode->flags;
	modrm = *p++;
	if (!(flags & T_MODRM) || flags & ~T_PLAIN || modrm >= 0xc0)
		return false;
	reg = modrm >> 3 & 7;
	if (flags & T_GROUP) {
		opcode = &insn_groups[opcode->sub][reg];
		flags |= opcode->flags;
		if (flags & ~T_PLAIN)
			return false;
	}
	if (opcode->op == OP_UNSUPPORTED)
		return false;
	insn->op = opcode->op;
	insn->sub = opcode->sub;
	plain_operands(flags, size66 ? 2 : 4, rex, reg, insn);
	p = decode_address(p, modrm >> 6, modrm & 7, rex, insn);
	insn->length = plain_immediate(p, flags, insn) - start;
	return true;
}
