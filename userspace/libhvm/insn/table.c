// SPDX-License-Identifier: MIT
/*
 * The opcode tables: SDM volume 2, appendix "Opcode Map", reduced to what can
 * touch a device's memory or a port and what a compiler or a driver author
 * writes for that. A byte without an entry is answered as unsupported. Nothing
 * here executes anything.
 */
#include "table.h"

#define PREFIX		{ OP_UNSUPPORTED, 0, T_PREFIX }

/* The six encodings every two-operand arithmetic operation has. */
#define ALU_ROW(first, alu, lock)						\
	[(first)]     = { OP_ALU, alu, T_MODRM | T_BYTE | (lock) },		\
	[(first) + 1] = { OP_ALU, alu, T_MODRM | (lock) },			\
	[(first) + 2] = { OP_ALU, alu, T_MODRM | T_BYTE | T_TO_REG },		\
	[(first) + 3] = { OP_ALU, alu, T_MODRM | T_TO_REG },			\
	[(first) + 4] = { OP_ALU, alu, T_ACC | T_BYTE | T_IMM8 },		\
	[(first) + 5] = { OP_ALU, alu, T_ACC | T_IMMZ }

const struct insn_opcode insn_map_one[256] = {
	ALU_ROW(0x00, ALU_ADD, T_LOCK),
	ALU_ROW(0x08, ALU_OR, T_LOCK),
	ALU_ROW(0x10, ALU_ADC, T_LOCK),
	ALU_ROW(0x18, ALU_SBB, T_LOCK),
	ALU_ROW(0x20, ALU_AND, T_LOCK),
	ALU_ROW(0x28, ALU_SUB, T_LOCK),
	ALU_ROW(0x30, ALU_XOR, T_LOCK),
	ALU_ROW(0x38, ALU_CMP, 0),
	[0x0f] = PREFIX,
	[0x26] = PREFIX,
	[0x2e] = PREFIX,
	[0x36] = PREFIX,
	[0x3e] = PREFIX,
	[0x40 ... 0x4f] = PREFIX,
	[0x63] = { OP_MOVSX, 0, T_MODRM | T_TO_REG | T_MEM32 | T_ONLY64 },
	[0x64 ... 0x67] = PREFIX,
	[0x69] = { OP_IMUL, 0, T_MODRM | T_TO_REG | T_IMMZ },
	[0x6b] = { OP_IMUL, 0, T_MODRM | T_TO_REG | T_IMM8 },
	[0x6c] = { OP_INS, 0, T_STRING | T_BYTE },
	[0x6d] = { OP_INS, 0, T_STRING | T_MAX32 },
	[0x6e] = { OP_OUTS, 0, T_STRING | T_BYTE },
	[0x6f] = { OP_OUTS, 0, T_STRING | T_MAX32 },
	[0x80] = { OP_UNSUPPORTED, GROUP_1, T_MODRM | T_GROUP | T_BYTE | T_IMM8 },
	[0x81] = { OP_UNSUPPORTED, GROUP_1, T_MODRM | T_GROUP | T_IMMZ },
	[0x82] = { OP_UNSUPPORTED, GROUP_1, T_MODRM | T_GROUP | T_BYTE | T_IMM8 | T_NO64 },
	[0x83] = { OP_UNSUPPORTED, GROUP_1, T_MODRM | T_GROUP | T_IMM8 },
	[0x84] = { OP_TEST, 0, T_MODRM | T_BYTE },
	[0x85] = { OP_TEST, 0, T_MODRM },
	[0x86] = { OP_XCHG, 0, T_MODRM | T_BYTE | T_LOCK },
	[0x87] = { OP_XCHG, 0, T_MODRM | T_LOCK },
	[0x88] = { OP_STORE, 0, T_MODRM | T_BYTE },
	[0x89] = { OP_STORE, 0, T_MODRM },
	[0x8a] = { OP_LOAD, 0, T_MODRM | T_BYTE },
	[0x8b] = { OP_LOAD, 0, T_MODRM },
	[0x8c] = { OP_STORE_SEG, 0, T_MODRM },
	[0x8f] = { OP_UNSUPPORTED, GROUP_1A, T_MODRM | T_GROUP },
	[0xa0] = { OP_LOAD, 0, T_MOFFS | T_BYTE },
	[0xa1] = { OP_LOAD, 0, T_MOFFS },
	[0xa2] = { OP_STORE, 0, T_MOFFS | T_BYTE },
	[0xa3] = { OP_STORE, 0, T_MOFFS },
	[0xa4] = { OP_MOVS, 0, T_STRING | T_BYTE },
	[0xa5] = { OP_MOVS, 0, T_STRING },
	[0xa6] = { OP_CMPS, 0, T_STRING | T_BYTE },
	[0xa7] = { OP_CMPS, 0, T_STRING },
	[0xa8] = { OP_TEST, 0, T_ACC | T_BYTE | T_IMM8 },
	[0xa9] = { OP_TEST, 0, T_ACC | T_IMMZ },
	[0xaa] = { OP_STOS, 0, T_STRING | T_BYTE },
	[0xab] = { OP_STOS, 0, T_STRING },
	[0xac] = { OP_LODS, 0, T_STRING | T_BYTE },
	[0xad] = { OP_LODS, 0, T_STRING },
	[0xae] = { OP_SCAS, 0, T_STRING | T_BYTE },
	[0xaf] = { OP_SCAS, 0, T_STRING },
	[0xc0] = { OP_UNSUPPORTED, GROUP_2, T_MODRM | T_GROUP | T_BYTE | T_IMM8 },
	[0xc1] = { OP_UNSUPPORTED, GROUP_2, T_MODRM | T_GROUP | T_IMM8 },
	[0xc4] = PREFIX,
	[0xc5] = PREFIX,
	[0xc6] = { OP_UNSUPPORTED, GROUP_11, T_MODRM | T_GROUP | T_BYTE | T_IMM8 },
	[0xc7] = { OP_UNSUPPORTED, GROUP_11, T_MODRM | T_GROUP | T_IMMZ },
	[0xd0] = { OP_UNSUPPORTED, GROUP_2, T_MODRM | T_GROUP | T_BYTE | T_ONE },
	[0xd1] = { OP_UNSUPPORTED, GROUP_2, T_MODRM | T_GROUP | T_ONE },
	[0xd2] = { OP_UNSUPPORTED, GROUP_2, T_MODRM | T_GROUP | T_BYTE | T_CL },
	[0xd3] = { OP_UNSUPPORTED, GROUP_2, T_MODRM | T_GROUP | T_CL },
	[0xd7] = { OP_XLAT, 0, T_BYTE },
	[0xe4] = { OP_IN, 0, T_BYTE | T_IMM8 },
	[0xe5] = { OP_IN, 0, T_MAX32 | T_IMM8 },
	[0xe6] = { OP_OUT, 0, T_BYTE | T_IMM8 },
	[0xe7] = { OP_OUT, 0, T_MAX32 | T_IMM8 },
	[0xec] = { OP_IN, 0, T_BYTE },
	[0xed] = { OP_IN, 0, T_MAX32 },
	[0xee] = { OP_OUT, 0, T_BYTE },
	[0xef] = { OP_OUT, 0, T_MAX32 },
	[0xf0] = PREFIX,
	[0xf2] = PREFIX,
	[0xf3] = PREFIX,
	[0xf6] = { OP_UNSUPPORTED, GROUP_3, T_MODRM | T_GROUP | T_BYTE },
	[0xf7] = { OP_UNSUPPORTED, GROUP_3, T_MODRM | T_GROUP },
	[0xfe] = { OP_UNSUPPORTED, GROUP_4, T_MODRM | T_GROUP | T_BYTE },
	[0xff] = { OP_UNSUPPORTED, GROUP_5, T_MODRM | T_GROUP },
};

#define ROW(row)	{ OP_UNSUPPORTED, row, T_MODRM | T_PREFIXED }

/* A conditional operation's condition is the low nibble of its opcode. */
#define CONDITIONS(first, operation, how)					\
	[(first)]      = { operation, 0, how },  [(first) + 1]  = { operation, 1, how },  \
	[(first) + 2]  = { operation, 2, how },  [(first) + 3]  = { operation, 3, how },  \
	[(first) + 4]  = { operation, 4, how },  [(first) + 5]  = { operation, 5, how },  \
	[(first) + 6]  = { operation, 6, how },  [(first) + 7]  = { operation, 7, how },  \
	[(first) + 8]  = { operation, 8, how },  [(first) + 9]  = { operation, 9, how },  \
	[(first) + 10] = { operation, 10, how }, [(first) + 11] = { operation, 11, how }, \
	[(first) + 12] = { operation, 12, how }, [(first) + 13] = { operation, 13, how }, \
	[(first) + 14] = { operation, 14, how }, [(first) + 15] = { operation, 15, how }

const struct insn_opcode insn_map_0f[256] = {
	[0x0d] = { OP_NOP, 0, T_MODRM },
	[0x10] = ROW(ROW_0F10),
	[0x11] = ROW(ROW_0F11),
	[0x12] = ROW(ROW_0F12),
	[0x13] = ROW(ROW_0F13),
	[0x16] = ROW(ROW_0F16),
	[0x17] = ROW(ROW_0F17),
	[0x18 ... 0x19] = { OP_NOP, 0, T_MODRM },
	[0x1c ... 0x1f] = { OP_NOP, 0, T_MODRM },
	[0x28] = ROW(ROW_0F28),
	[0x29] = ROW(ROW_0F29),
	[0x2b] = ROW(ROW_0F2B),
	CONDITIONS(0x40, OP_CMOVCC, T_MODRM | T_TO_REG),
	[0x6e] = ROW(ROW_0F6E),
	[0x6f] = ROW(ROW_0F6F),
	[0x7e] = ROW(ROW_0F7E),
	[0x7f] = ROW(ROW_0F7F),
	CONDITIONS(0x90, OP_SETCC, T_MODRM | T_BYTE),
	[0xa3] = { OP_BIT, BIT_TEST, T_MODRM },
	[0xa4] = { OP_SHIFT_DOUBLE, DOUBLE_LEFT, T_MODRM | T_IMM8 },
	[0xa5] = { OP_SHIFT_DOUBLE, DOUBLE_LEFT, T_MODRM | T_CL },
	[0xab] = { OP_BIT, BIT_SET, T_MODRM | T_LOCK },
	[0xac] = { OP_SHIFT_DOUBLE, DOUBLE_RIGHT, T_MODRM | T_IMM8 },
	[0xad] = { OP_SHIFT_DOUBLE, DOUBLE_RIGHT, T_MODRM | T_CL },
	[0xae] = { OP_UNSUPPORTED, GROUP_15, T_MODRM | T_GROUP },
	[0xaf] = { OP_IMUL, 0, T_MODRM | T_TO_REG },
	[0xb0] = { OP_CMPXCHG, 0, T_MODRM | T_BYTE | T_LOCK },
	[0xb1] = { OP_CMPXCHG, 0, T_MODRM | T_LOCK },
	[0xb3] = { OP_BIT, BIT_RESET, T_MODRM | T_LOCK },
	[0xb6] = { OP_MOVZX, 0, T_MODRM | T_TO_REG | T_MEM8 },
	[0xb7] = { OP_MOVZX, 0, T_MODRM | T_TO_REG | T_MEM16 },
	[0xb8] = ROW(ROW_0FB8),
	[0xba] = { OP_UNSUPPORTED, GROUP_8, T_MODRM | T_GROUP | T_IMM8 },
	[0xbb] = { OP_BIT, BIT_COMPLEMENT, T_MODRM | T_LOCK },
	[0xbc] = ROW(ROW_0FBC),
	[0xbd] = ROW(ROW_0FBD),
	[0xbe] = { OP_MOVSX, 0, T_MODRM | T_TO_REG | T_MEM8 },
	[0xbf] = { OP_MOVSX, 0, T_MODRM | T_TO_REG | T_MEM16 },
	[0xc0] = { OP_XADD, 0, T_MODRM | T_BYTE | T_LOCK },
	[0xc1] = { OP_XADD, 0, T_MODRM | T_LOCK },
	[0xc3] = { OP_STORE, 0, T_MODRM | T_MEM_ONLY },
	[0xc7] = { OP_UNSUPPORTED, GROUP_9, T_MODRM | T_GROUP },
	[0xd6] = ROW(ROW_0FD6),
	[0xe7] = ROW(ROW_0FE7),
	[0xf0] = ROW(ROW_0FF0),
};

const struct insn_opcode insn_groups[GROUP_COUNT][8] = {
	[GROUP_1] = {
		{ OP_ALU, ALU_ADD, T_LOCK }, { OP_ALU, ALU_OR, T_LOCK },
		{ OP_ALU, ALU_ADC, T_LOCK }, { OP_ALU, ALU_SBB, T_LOCK },
		{ OP_ALU, ALU_AND, T_LOCK }, { OP_ALU, ALU_SUB, T_LOCK },
		{ OP_ALU, ALU_XOR, T_LOCK }, { OP_ALU, ALU_CMP, 0 },
	},
	[GROUP_1A] = { [0] = { OP_POP, 0, T_STACK64 } },
	[GROUP_2] = {
		{ OP_SHIFT, SHIFT_ROL, 0 }, { OP_SHIFT, SHIFT_ROR, 0 },
		{ OP_SHIFT, SHIFT_RCL, 0 }, { OP_SHIFT, SHIFT_RCR, 0 },
		{ OP_SHIFT, SHIFT_SHL, 0 }, { OP_SHIFT, SHIFT_SHR, 0 },
		{ OP_SHIFT, SHIFT_SAL, 0 }, { OP_SHIFT, SHIFT_SAR, 0 },
	},
	[GROUP_3] = {
		{ OP_TEST, 0, T_IMMZ }, { OP_TEST, 0, T_IMMZ },
		{ OP_UNARY, UNARY_NOT, T_LOCK }, { OP_UNARY, UNARY_NEG, T_LOCK },
		{ OP_MUL, SIGN_UNSIGNED, 0 }, { OP_MUL, SIGN_SIGNED, 0 },
		{ OP_DIV, SIGN_UNSIGNED, 0 }, { OP_DIV, SIGN_SIGNED, 0 },
	},
	[GROUP_4] = { { OP_UNARY, UNARY_INC, T_LOCK }, { OP_UNARY, UNARY_DEC, T_LOCK } },
	[GROUP_5] = {
		[0] = { OP_UNARY, UNARY_INC, T_LOCK },
		[1] = { OP_UNARY, UNARY_DEC, T_LOCK },
		[6] = { OP_PUSH, 0, T_STACK64 },
	},
	[GROUP_8] = {
		[4] = { OP_BIT, BIT_TEST, 0 },
		[5] = { OP_BIT, BIT_SET, T_LOCK },
		[6] = { OP_BIT, BIT_RESET, T_LOCK },
		[7] = { OP_BIT, BIT_COMPLEMENT, T_LOCK },
	},
	[GROUP_9] = { [1] = { OP_CMPXCHG8B, 0, T_LOCK | T_MEM_ONLY } },
	[GROUP_11] = { [0] = { OP_STORE, 0, 0 } },
	[GROUP_15] = {
		[6] = { OP_NOP, 0, T_MEM_ONLY | T_NEED66 },
		[7] = { OP_NOP, 0, T_MEM_ONLY },
	},
};

#define VLOAD(kind, how)	{ OP_VLOAD, kind, T_VECTOR | T_MEM_ONLY | (how) }
#define VSTORE(kind, how)	{ OP_VSTORE, kind, T_VECTOR | T_MEM_ONLY | (how) }

const struct insn_opcode insn_rows[ROW_COUNT][4] = {
	[ROW_0F10] = {
		VLOAD(VECTOR_WHOLE, T_V16), VLOAD(VECTOR_WHOLE, T_V16),
		VLOAD(VECTOR_WHOLE, T_V4), VLOAD(VECTOR_WHOLE, T_V8),
	},
	[ROW_0F11] = {
		VSTORE(VECTOR_WHOLE, T_V16), VSTORE(VECTOR_WHOLE, T_V16),
		VSTORE(VECTOR_WHOLE, T_V4), VSTORE(VECTOR_WHOLE, T_V8),
	},
	[ROW_0F12] = { VLOAD(VECTOR_LOW, T_V8), VLOAD(VECTOR_LOW, T_V8) },
	[ROW_0F13] = { VSTORE(VECTOR_LOW, T_V8), VSTORE(VECTOR_LOW, T_V8) },
	[ROW_0F16] = { VLOAD(VECTOR_HIGH, T_V8), VLOAD(VECTOR_HIGH, T_V8) },
	[ROW_0F17] = { VSTORE(VECTOR_HIGH, T_V8), VSTORE(VECTOR_HIGH, T_V8) },
	[ROW_0F28] = {
		VLOAD(VECTOR_WHOLE, T_V16 | T_ALIGNED), VLOAD(VECTOR_WHOLE, T_V16 | T_ALIGNED),
	},
	[ROW_0F29] = {
		VSTORE(VECTOR_WHOLE, T_V16 | T_ALIGNED), VSTORE(VECTOR_WHOLE, T_V16 | T_ALIGNED),
	},
	[ROW_0F2B] = {
		VSTORE(VECTOR_WHOLE, T_V16 | T_ALIGNED), VSTORE(VECTOR_WHOLE, T_V16 | T_ALIGNED),
	},
	[ROW_0F6E] = { [1] = VLOAD(VECTOR_WHOLE, T_VGPR) },
	[ROW_0F6F] = {
		[1] = VLOAD(VECTOR_WHOLE, T_V16 | T_ALIGNED), [2] = VLOAD(VECTOR_WHOLE, T_V16),
	},
	[ROW_0F7E] = { [1] = VSTORE(VECTOR_WHOLE, T_VGPR), [2] = VLOAD(VECTOR_WHOLE, T_V8) },
	[ROW_0F7F] = {
		[1] = VSTORE(VECTOR_WHOLE, T_V16 | T_ALIGNED), [2] = VSTORE(VECTOR_WHOLE, T_V16),
	},
	[ROW_0FD6] = { [1] = VSTORE(VECTOR_WHOLE, T_V8) },
	[ROW_0FE7] = { [1] = VSTORE(VECTOR_WHOLE, T_V16 | T_ALIGNED) },
	[ROW_0FF0] = { [3] = VLOAD(VECTOR_WHOLE, T_V16) },
	[ROW_0FB8] = { [2] = { OP_SCAN, SCAN_POPCNT, T_MODRM | T_TO_REG } },
	[ROW_0FBC] = {
		{ OP_SCAN, SCAN_BSF, T_TO_REG }, { OP_SCAN, SCAN_BSF, T_TO_REG },
		{ OP_SCAN, SCAN_TZCNT, T_TO_REG }, { OP_SCAN, SCAN_BSF, T_TO_REG },
	},
	[ROW_0FBD] = {
		{ OP_SCAN, SCAN_BSR, T_TO_REG }, { OP_SCAN, SCAN_BSR, T_TO_REG },
		{ OP_SCAN, SCAN_LZCNT, T_TO_REG }, { OP_SCAN, SCAN_BSR, T_TO_REG },
	},
};

const struct insn_opcode *insn_map_0f38(uint8_t byte, unsigned int row)
{
	static const struct insn_opcode movbe_load = {
		OP_MOVBE, 0, T_MODRM | T_TO_REG | T_MEM_ONLY,
	};
	static const struct insn_opcode movbe_store = { OP_MOVBE, 1, T_MODRM | T_MEM_ONLY };
	static const struct insn_opcode movdiri = { OP_STORE, 0, T_MODRM | T_MEM_ONLY };
	static const struct insn_opcode movntdqa = {
		OP_VLOAD, VECTOR_WHOLE,
		T_MODRM | T_VECTOR | T_MEM_ONLY | T_V16 | T_ALIGNED,
	};
	static const struct insn_opcode unknown;

	if (byte == 0xf0 && row < 2)
		return &movbe_load;
	if (byte == 0xf1 && row < 2)
		return &movbe_store;
	if (byte == 0xf9 && row == 0)
		return &movdiri;
	if (byte == 0x2a && row == 1)
		return &movntdqa;
	return &unknown;
}
