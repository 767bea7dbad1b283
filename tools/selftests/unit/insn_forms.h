/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The forms of instructions the differential test of the executor goes through:
 * a table of encodings with what is special about each. Only insn_native.c
 * includes it.
 */
#ifndef SELFTESTS_UNIT_INSN_FORMS_H
#define SELFTESTS_UNIT_INSN_FORMS_H

#include <stdint.h>

#include "insn/alu.h"

/* Which processor feature a form needs. */
enum needs { NEEDS_NONE, NEEDS_MOVBE, NEEDS_BMI1, NEEDS_LZCNT, NEEDS_POPCNT };

/* What is special about a form. */
#define BYTE		0x0001u	/* byte operand */
#define LOCKABLE	0x0002u
#define MEM_ONLY	0x0004u
#define IMM8		0x0008u
#define IMMZ		0x0010u
#define STRING		0x0020u
#define REPEAT		0x0040u	/* may have F2 or F3 */
#define COMPARE		0x0080u	/* make the accumulator equal memory half the time */
#define BIT_INDEX	0x0100u	/* reg is a bit number: keep it small */
#define ALIGN16		0x0200u
#define STACK		0x0400u	/* RSP must point into the data area */
#define COUNTED		0x0800u	/* a 16-bit operand takes counts to 16 only */
#define VECTOR		0x1000u	/* operand size prefixes mean something else */
#define NOT_ZERO	0x2000u	/* no defined result for a zero operand */
#define NO_16		0x4000u
#define WIDE_ONLY	0x8000u	/* no direct register form with 32 bits */

/*
 * One form: @opcode with @span variants @stride apart, @digit in ModRM.reg or
 * -1 for a register; @prefix is mandatory; @vague are flags without a defined
 * value.
 */
struct form {
	const char *name;
	uint8_t prefix;
	uint8_t opcode[3];
	uint8_t opcode_length;
	uint8_t span;
	uint8_t stride;
	int8_t digit;
	uint8_t digits;
	uint8_t needs;
	uint32_t what;
	uint64_t vague;
};

#define ONE(byte)	.opcode = { byte }, .opcode_length = 1
#define TWO(byte)	.opcode = { 0x0f, byte }, .opcode_length = 2
#define THREE(byte)	.opcode = { 0x0f, 0x38, byte }, .opcode_length = 3
#define SPAN(n, s)	.span = n, .stride = s
#define REG		.digit = -1
#define DIGIT(d)	.digit = d
#define DIGITS(d, n)	.digit = d, .digits = n
#define VAGUE_MUL	(FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF)
#define VAGUE_BIT	(FLAG_SF | FLAG_OF | FLAG_AF | FLAG_PF)
#define VAGUE_SCAN	(FLAGS_ARITH & ~FLAG_ZF)
#define VAGUE_COUNT	(FLAG_SF | FLAG_OF | FLAG_AF | FLAG_PF)

static const struct form forms[] = {
	{ "alu_rm8_r8", ONE(0x00), SPAN(8, 8), REG, .what = BYTE },
	{ "alu_rm_r", ONE(0x01), SPAN(8, 8), REG },
	{ "alu_r8_rm8", ONE(0x02), SPAN(8, 8), REG, .what = BYTE },
	{ "alu_r_rm", ONE(0x03), SPAN(8, 8), REG },
	{ "alu_rm8_imm8", ONE(0x80), DIGITS(0, 8), .what = BYTE | IMM8 },
	{ "alu_rm_imm", ONE(0x81), DIGITS(0, 8), .what = IMMZ },
	{ "alu_rm_imm8", ONE(0x83), DIGITS(0, 8), .what = IMM8 },
	{ "locked_alu", ONE(0x01), SPAN(7, 8), REG, .what = LOCKABLE },
	{ "movsxd", ONE(0x63), REG, .what = NO_16 },
	{ "imul_r_rm_imm", ONE(0x69), REG, .what = IMMZ, .vague = VAGUE_MUL },
	{ "imul_r_rm_imm8", ONE(0x6b), REG, .what = IMM8, .vague = VAGUE_MUL },
	{ "imul_r_rm", TWO(0xaf), REG, .vague = VAGUE_MUL },
	{ "test_rm8_r8", ONE(0x84), REG, .what = BYTE, .vague = FLAG_AF },
	{ "test_rm_r", ONE(0x85), REG, .vague = FLAG_AF },
	{ "xchg_rm8_r8", ONE(0x86), REG, .what = BYTE | LOCKABLE },
	{ "xchg_rm_r", ONE(0x87), REG, .what = LOCKABLE },
	{ "mov_rm8_r8", ONE(0x88), REG, .what = BYTE },
	{ "mov_rm_r", ONE(0x89), REG },
	{ "mov_r8_rm8", ONE(0x8a), REG, .what = BYTE },
	{ "mov_r_rm", ONE(0x8b), REG },
	{ "mov_rm8_imm8", ONE(0xc6), DIGIT(0), .what = BYTE | IMM8 },
	{ "mov_rm_imm", ONE(0xc7), DIGIT(0), .what = IMMZ },
	{ "pop", ONE(0x8f), DIGIT(0), .what = STACK },
	{ "push", ONE(0xff), DIGIT(6), .what = STACK },
	{ "shift8_imm", ONE(0xc0), DIGITS(0, 8), .what = BYTE | IMM8 },
	{ "shift_imm", ONE(0xc1), DIGITS(0, 8), .what = IMM8 },
	{ "shift8_1_or_cl", ONE(0xd0), SPAN(2, 2), DIGITS(0, 8), .what = BYTE },
	{ "shift_1_or_cl", ONE(0xd1), SPAN(2, 2), DIGITS(0, 8) },
	{ "shld_shrd_imm", TWO(0xa4), SPAN(2, 8), REG, .what = IMM8 | COUNTED },
	{ "shld_shrd_cl", TWO(0xa5), SPAN(2, 8), REG, .what = COUNTED },
	{ "test8_imm", ONE(0xf6), DIGIT(0), .what = BYTE | IMM8, .vague = FLAG_AF },
	{ "test_imm", ONE(0xf7), DIGIT(0), .what = IMMZ, .vague = FLAG_AF },
	{ "not_neg8", ONE(0xf6), DIGITS(2, 2), .what = BYTE | LOCKABLE },
	{ "not_neg", ONE(0xf7), DIGITS(2, 2), .what = LOCKABLE },
	{ "mul_imul8", ONE(0xf6), DIGITS(4, 2), .what = BYTE, .vague = VAGUE_MUL },
	{ "mul_imul", ONE(0xf7), DIGITS(4, 2), .vague = VAGUE_MUL },
	{ "div_idiv8", ONE(0xf6), DIGITS(6, 2), .what = BYTE, .vague = FLAGS_ARITH },
	{ "div_idiv", ONE(0xf7), DIGITS(6, 2), .vague = FLAGS_ARITH },
	{ "inc_dec8", ONE(0xfe), DIGITS(0, 2), .what = BYTE | LOCKABLE },
	{ "inc_dec", ONE(0xff), DIGITS(0, 2), .what = LOCKABLE },
	{ "cmovcc", TWO(0x40), SPAN(16, 1), REG },
	{ "setcc", TWO(0x90), SPAN(16, 1), DIGIT(0), .what = BYTE },
	{ "bt_rm_r", TWO(0xa3), REG, .what = BIT_INDEX, .vague = VAGUE_BIT },
	{ "bts_btr_rm_r", TWO(0xab), SPAN(2, 8), REG, .what = BIT_INDEX | LOCKABLE,
	  .vague = VAGUE_BIT },
	{ "btc_rm_r", TWO(0xbb), REG, .what = BIT_INDEX | LOCKABLE, .vague = VAGUE_BIT },
	{ "bt_imm", TWO(0xba), DIGITS(4, 4), .what = IMM8, .vague = VAGUE_BIT },
	{ "cmpxchg8", TWO(0xb0), REG, .what = BYTE | LOCKABLE | COMPARE },
	{ "cmpxchg", TWO(0xb1), REG, .what = LOCKABLE | COMPARE | WIDE_ONLY },
	{ "cmpxchg8b_16b", TWO(0xc7), DIGIT(1),
	  .what = LOCKABLE | COMPARE | MEM_ONLY | ALIGN16 | NO_16 },
	{ "movzx8", TWO(0xb6), REG },
	{ "movzx16", TWO(0xb7), REG },
	{ "movsx8", TWO(0xbe), REG },
	{ "movsx16", TWO(0xbf), REG },
	{ "xadd8", TWO(0xc0), REG, .what = BYTE | LOCKABLE },
	{ "xadd", TWO(0xc1), REG, .what = LOCKABLE },
	{ "movnti", TWO(0xc3), REG, .what = MEM_ONLY | NO_16 },
	{ "movbe", THREE(0xf0), SPAN(2, 1), REG, .needs = NEEDS_MOVBE, .what = MEM_ONLY },
	{ "bsf_bsr", TWO(0xbc), SPAN(2, 1), REG, .what = NOT_ZERO, .vague = VAGUE_SCAN },
	{ "tzcnt", .prefix = 0xf3, TWO(0xbc), REG, .needs = NEEDS_BMI1, .vague = VAGUE_COUNT },
	{ "lzcnt", .prefix = 0xf3, TWO(0xbd), REG, .needs = NEEDS_LZCNT, .vague = VAGUE_COUNT },
	{ "popcnt", .prefix = 0xf3, TWO(0xb8), REG, .needs = NEEDS_POPCNT },
	{ "xlat", ONE(0xd7), .what = STRING | BYTE },
	{ "movs8", ONE(0xa4), .what = STRING | BYTE | REPEAT },
	{ "movs", ONE(0xa5), .what = STRING | REPEAT },
	{ "cmps8", ONE(0xa6), .what = STRING | BYTE | REPEAT },
	{ "cmps", ONE(0xa7), .what = STRING | REPEAT },
	{ "stos8", ONE(0xaa), .what = STRING | BYTE | REPEAT },
	{ "stos", ONE(0xab), .what = STRING | REPEAT },
	{ "lods8", ONE(0xac), .what = STRING | BYTE | REPEAT },
	{ "lods", ONE(0xad), .what = STRING | REPEAT },
	{ "scas8", ONE(0xae), .what = STRING | BYTE | REPEAT },
	{ "scas", ONE(0xaf), .what = STRING | REPEAT },
	{ "movups", TWO(0x10), SPAN(2, 1), REG, .what = VECTOR | MEM_ONLY },
	{ "movupd", .prefix = 0x66, TWO(0x10), SPAN(2, 1), REG, .what = VECTOR | MEM_ONLY },
	{ "movss", .prefix = 0xf3, TWO(0x10), SPAN(2, 1), REG, .what = VECTOR | MEM_ONLY },
	{ "movsd", .prefix = 0xf2, TWO(0x10), SPAN(2, 1), REG, .what = VECTOR | MEM_ONLY },
	{ "movlps", TWO(0x12), SPAN(2, 1), REG, .what = VECTOR | MEM_ONLY },
	{ "movhpd", .prefix = 0x66, TWO(0x16), SPAN(2, 1), REG, .what = VECTOR | MEM_ONLY },
	{ "movaps", TWO(0x28), SPAN(2, 1), REG, .what = VECTOR | MEM_ONLY | ALIGN16 },
	{ "movntps", TWO(0x2b), REG, .what = VECTOR | MEM_ONLY | ALIGN16 },
	{ "movd_movq", .prefix = 0x66, TWO(0x6e), SPAN(2, 16), REG, .what = VECTOR | MEM_ONLY },
	{ "movdqa", .prefix = 0x66, TWO(0x6f), SPAN(2, 16), REG,
	  .what = VECTOR | MEM_ONLY | ALIGN16 },
	{ "movdqu", .prefix = 0xf3, TWO(0x6f), SPAN(2, 16), REG, .what = VECTOR | MEM_ONLY },
	{ "movq_load", .prefix = 0xf3, TWO(0x7e), REG, .what = VECTOR | MEM_ONLY },
	{ "movq_store", .prefix = 0x66, TWO(0xd6), REG, .what = VECTOR | MEM_ONLY },
	{ "movntdq", .prefix = 0x66, TWO(0xe7), REG, .what = VECTOR | MEM_ONLY | ALIGN16 },
	{ "lddqu", .prefix = 0xf2, TWO(0xf0), REG, .what = VECTOR | MEM_ONLY },
	{ "movntdqa", .prefix = 0x66, THREE(0x2a), REG, .what = VECTOR | MEM_ONLY | ALIGN16 },
};

#endif
