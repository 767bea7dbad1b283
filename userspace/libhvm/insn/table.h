/* SPDX-License-Identifier: MIT */
/*
 * What the opcode tables tell the decoder: which operation a byte names and how
 * its operands are written. Private to userspace/libhvm/insn; operations are
 * carried out in execute.c, string.c and vector.c.
 */
#ifndef LIBHVM_INSN_TABLE_H
#define LIBHVM_INSN_TABLE_H

#include <stdbool.h>
#include <stdint.h>

/* The operations; execute.c has one function for each. */
enum insn_op {
	OP_UNSUPPORTED,
	OP_NOP,
	OP_LOAD,
	OP_STORE,
	OP_STORE_SEG,
	OP_MOVZX,
	OP_MOVSX,
	OP_MOVBE,
	OP_XCHG,
	OP_XADD,
	OP_CMPXCHG,
	OP_CMPXCHG8B,
	OP_ALU,
	OP_TEST,
	OP_UNARY,
	OP_MUL,
	OP_IMUL,
	OP_DIV,
	OP_BIT,
	OP_SHIFT,
	OP_SHIFT_DOUBLE,
	OP_SCAN,
	OP_PUSH,
	OP_POP,
	OP_SETCC,
	OP_CMOVCC,
	OP_XLAT,
	OP_MOVS,
	OP_STOS,
	OP_LODS,
	OP_CMPS,
	OP_SCAS,
	OP_INS,
	OP_OUTS,
	OP_IN,
	OP_OUT,
	OP_VLOAD,
	OP_VSTORE,
	OP_COUNT,
};

/* &insn.sub of OP_ALU, in the order of opcodes. */
enum insn_alu_op { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };

/* &insn.sub of OP_UNARY. */
enum insn_unary_op { UNARY_NOT, UNARY_NEG, UNARY_INC, UNARY_DEC };

/* &insn.sub of OP_BIT. */
enum insn_bit_op { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

/* &insn.sub of OP_SHIFT, in the order of opcodes; 6 is an alias of SHL. */
enum insn_shift_op {
	SHIFT_ROL, SHIFT_ROR, SHIFT_RCL, SHIFT_RCR, SHIFT_SHL, SHIFT_SHR, SHIFT_SAL, SHIFT_SAR,
};

/* &insn.sub of OP_SHIFT_DOUBLE. */
enum insn_double_op { DOUBLE_LEFT, DOUBLE_RIGHT };

/* &insn.sub of OP_SCAN. */
enum insn_scan_op { SCAN_BSF, SCAN_BSR, SCAN_TZCNT, SCAN_LZCNT, SCAN_POPCNT };

/* &insn.sub of OP_MUL and OP_DIV. */
enum insn_sign { SIGN_UNSIGNED, SIGN_SIGNED };

/* &insn.sub of OP_VLOAD and OP_VSTORE. */
enum insn_vector_kind {
	VECTOR_WHOLE,	/* the low bytes; a load clears the rest of the register */
	VECTOR_LOW,	/* the low half; a load keeps the rest */
	VECTOR_HIGH,	/* the upper half; a load keeps the rest */
};

/* Bits of a REX prefix. */
#define REX_B		0x01
#define REX_X		0x02
#define REX_R		0x04
#define REX_W		0x08
#define REX_PRESENT	0x40

/* How an opcode's operands are written. */
#define T_MODRM		0x000001u	/* a ModRM byte follows */
#define T_BYTE		0x000002u	/* byte operands */
#define T_TO_REG	0x000004u	/* reg is the destination */
#define T_IMM8		0x000008u	/* a sign-extended byte follows */
#define T_IMMZ		0x000010u	/* a word or a sign-extended dword follows */
#define T_LOCK		0x000020u	/* may be locked when memory is the destination */
#define T_MEM_ONLY	0x000040u	/* a register in r/m is #UD */
#define T_GROUP		0x000080u	/* sub names a group; ModRM.reg picks the operation */
#define T_PREFIXED	0x000100u	/* sub names a row; 66, F3, F2 pick the operation */
#define T_PREFIX	0x000200u	/* a prefix byte */
#define T_MOFFS		0x000400u	/* an absolute offset of address size follows */
#define T_ACC		0x000800u	/* both operands default to the accumulator */
#define T_STRING	0x001000u	/* implicit SI and DI, may be repeated */
#define T_STACK64	0x002000u	/* 64-bit operand by default in 64-bit mode */
#define T_MAX32		0x004000u	/* operand of at most 32 bits (ports) */
#define T_MEM8		0x008000u	/* r/m is a byte, reg has the operand size */
#define T_MEM16		0x010000u	/* r/m is a word */
#define T_MEM32		0x020000u	/* r/m is a dword */
#define T_NO64		0x040000u	/* #UD in 64-bit mode */
#define T_CL		0x080000u	/* the count is in CL */
#define T_ONE		0x100000u	/* the count is 1 */
#define T_ALIGNED	0x200000u	/* memory is aligned to its size */
#define T_NEED66	0x400000u	/* another instruction without prefix 66 */
#define T_VECTOR	0x800000u	/* reg is a vector register; see T_V_ */
#define T_ONLY64	0x1000000u	/* another instruction outside 64-bit mode */

/* Memory size of a T_VECTOR entry, log2, in the top bits. */
#define T_V_SHIFT	28
#define T_V4		(2u << T_V_SHIFT)
#define T_V8		(3u << T_V_SHIFT)
#define T_V16		(4u << T_V_SHIFT)	/* 32 with VEX.L */
#define T_VGPR		(0u << T_V_SHIFT)	/* 4, or 8 with REX.W */

/**
 * struct insn_opcode - one table entry
 * @op: enum insn_op; OP_UNSUPPORTED where nothing is known
 * @sub: which of its kind, or a group or row number
 * @flags: T_ bits
 */
struct insn_opcode {
	uint8_t op;
	uint8_t sub;
	uint32_t flags;
};

/* Groups: ModRM.reg picks the operation. */
enum insn_group {
	GROUP_1, GROUP_1A, GROUP_2, GROUP_3, GROUP_4, GROUP_5, GROUP_8, GROUP_9, GROUP_11,
	GROUP_15, GROUP_COUNT,
};

/* Rows: none, 66, F3, F2 pick the operation. */
enum insn_row {
	ROW_0F10, ROW_0F11, ROW_0F12, ROW_0F13, ROW_0F16, ROW_0F17, ROW_0F28, ROW_0F29, ROW_0F2B,
	ROW_0F6E, ROW_0F6F, ROW_0F7E, ROW_0F7F, ROW_0FD6, ROW_0FE7, ROW_0FF0, ROW_0FB8, ROW_0FBC,
	ROW_0FBD, ROW_COUNT,
};

extern const struct insn_opcode insn_map_one[256];
extern const struct insn_opcode insn_map_0f[256];
extern const struct insn_opcode insn_groups[GROUP_COUNT][8];
extern const struct insn_opcode insn_rows[ROW_COUNT][4];

/**
 * insn_map_0f38() - look up an opcode of the 0F 38 map
 * @byte: third opcode byte
 * @row: 0 without prefix, 1 for 66, 2 for F3, 3 for F2
 */
const struct insn_opcode *insn_map_0f38(uint8_t byte, unsigned int row);

struct insn;

/**
 * insn_decode_plain() - decode a common instruction of 64-bit mode quickly
 * @p: INSN_MAX_LENGTH bytes
 * @insn: the result
 *
 * Return: false when the instruction is not one of the common ones; then
 * insn_decode() has to look at it in full.
 */
bool insn_decode_plain(const uint8_t *p, struct insn *insn);

#endif
