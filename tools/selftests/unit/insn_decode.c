// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the decoder: lengths, addressing forms and refusals in every
 * mode, from tables of encodings. What instructions do is in insn_exec.c and
 * insn_native.c.
 */
#include "insn/insn.h"
#include "insn/table.h"
#include "ktap.h"

#define M16	INSN_MODE_16
#define M32	INSN_MODE_32
#define M64	INSN_MODE_64
#define NONE	INSN_BASE_NONE
#define RIP	INSN_BASE_RIP
#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

struct encoding {
	uint8_t n;
	uint8_t bytes[INSN_MAX_LENGTH + 3];
};

#define BYTES(...) { sizeof((uint8_t[]){ __VA_ARGS__ }), { __VA_ARGS__ } }

static enum insn_status decode(const struct encoding *e, enum insn_mode mode, struct insn *insn,
			       struct insn_exception *exception)
{
	memset(exception, 0, sizeof(*exception));
	return insn_decode(e->bytes, e->n, mode, insn, exception);
}

/* Operand size, address size and length by mode and prefix. */
static void sizes(struct ktap *t)
{
	static const struct {
		enum insn_mode mode;
		struct encoding e;
		unsigned int size, addr_size;
	} table[] = {
		{ M16, BYTES(0x8b, 0x07), 2, 2 },
		{ M16, BYTES(0x66, 0x8b, 0x07), 4, 2 },
		{ M16, BYTES(0x67, 0x8b, 0x07), 2, 4 },
		{ M32, BYTES(0x8b, 0x07), 4, 4 },
		{ M32, BYTES(0x66, 0x67, 0x8b, 0x07), 2, 2 },
		{ M64, BYTES(0x8b, 0x07), 4, 8 },
		{ M64, BYTES(0x48, 0x8b, 0x07), 8, 8 },
		{ M64, BYTES(0x66, 0x8b, 0x07), 2, 8 },
		{ M64, BYTES(0x66, 0x48, 0x8b, 0x07), 8, 8 },
		/* A REX prefix that is not the last prefix is ignored. */
		{ M64, BYTES(0x48, 0x66, 0x8b, 0x07), 2, 8 },
		{ M64, BYTES(0x67, 0x8b, 0x07), 4, 4 },
		{ M64, BYTES(0x8a, 0x07), 1, 8 },
		{ M64, BYTES(0xff, 0x37), 8, 8 },
		{ M64, BYTES(0x66, 0xff, 0x37), 2, 8 },
		{ M32, BYTES(0xff, 0x37), 4, 4 },
		{ M64, BYTES(0x48, 0xed), 4, 8 },
		{ M64, BYTES(0x66, 0xef), 2, 8 },
		{ M16, BYTES(0x6d), 2, 2 },
		{ M64, BYTES(0x48, 0xc7, 0x00, 1, 2, 3, 4), 8, 8 },
		{ M64, BYTES(0x66, 0xc7, 0x00, 1, 2), 2, 8 },
		{ M16, BYTES(0xc7, 0x07, 1, 2), 2, 2 },
		{ M64, BYTES(0xa1, 1, 2, 3, 4, 5, 6, 7, 8), 4, 8 },
		{ M64, BYTES(0x67, 0xa1, 1, 2, 3, 4), 4, 4 },
		{ M32, BYTES(0xa0, 1, 2, 3, 4), 1, 4 },
		{ M16, BYTES(0xa3, 1, 2), 2, 2 },
		{ M64, BYTES(0xf7, 0x00, 1, 2, 3, 4), 4, 8 },
		{ M64, BYTES(0xf7, 0x10), 4, 8 },
		{ M64, BYTES(0xf6, 0x00, 1), 1, 8 },
		{ M64, BYTES(0x66, 0x0f, 0x6f, 0x00), 16, 8 },
		{ M64, BYTES(0xf3, 0x0f, 0x10, 0x00), 4, 8 },
		{ M64, BYTES(0x66, 0x48, 0x0f, 0x7e, 0x00), 8, 8 },
		{ M64, BYTES(0xc5, 0xfe, 0x6f, 0x00), 32, 8 },
		{ M64, BYTES(0xc5, 0xfa, 0x7f, 0x00), 16, 8 },
		{ M64, BYTES(0xc4, 0xc1, 0x7d, 0xe7, 0x00), 32, 8 },
		{ M32, BYTES(0xc5, 0xf8, 0x28, 0x00), 16, 4 },
		{ M64, BYTES(0x0f, 0x38, 0xf9, 0x00), 4, 8 },
		{ M64, BYTES(0x48, 0x0f, 0x38, 0xf0, 0x00), 8, 8 },
	};

	for (unsigned int i = 0; i < COUNT(table); i++) {
		struct insn_exception exception;
		struct insn insn = { 0 };

		KTAP_EQ(t, decode(&table[i].e, table[i].mode, &insn, &exception), INSN_OK);
		KTAP_EQ(t, insn.length, table[i].e.n);
		if (insn.size != table[i].size || insn.addr_size != table[i].addr_size)
			KTAP_FAIL(t, "row %u: size %u, address size %u", i, insn.size,
				  insn.addr_size);
	}
}

/* Where the memory operand is. */
static void addresses(struct ktap *t)
{
	static const struct {
		enum insn_mode mode;
		struct encoding e;
		uint8_t seg, base, index, scale;
		uint64_t disp;
	} table[] = {
		{ M16, BYTES(0x8b, 0x00), INSN_SEG_DS, INSN_RBX, INSN_RSI, 0, 0 },
		{ M16, BYTES(0x8b, 0x02), INSN_SEG_SS, INSN_RBP, INSN_RSI, 0, 0 },
		{ M16, BYTES(0x8b, 0x05), INSN_SEG_DS, INSN_RDI, NONE, 0, 0 },
		{ M16, BYTES(0x8b, 0x06, 0x34, 0x12), INSN_SEG_DS, NONE, NONE, 0, 0x1234 },
		{ M16, BYTES(0x8b, 0x46, 0xfe), INSN_SEG_SS, INSN_RBP, NONE, 0, -2ull },
		{ M16, BYTES(0x26, 0x8b, 0x87, 0, 0x80), INSN_SEG_ES, INSN_RBX, NONE, 0,
		  -0x8000ull },
		{ M32, BYTES(0x8b, 0x05, 0, 0, 0xe0, 0xfe), INSN_SEG_DS, NONE, NONE, 0,
		  0xfffffffffee00000 },
		{ M32, BYTES(0x8b, 0x04, 0x24), INSN_SEG_SS, INSN_RSP, NONE, 0, 0 },
		{ M32, BYTES(0x8b, 0x04, 0x8d, 4, 0, 0, 0), INSN_SEG_DS, NONE, INSN_RCX, 2, 4 },
		{ M32, BYTES(0x3e, 0x8b, 0x45, 0x08), INSN_SEG_DS, INSN_RBP, NONE, 0, 8 },
		{ M64, BYTES(0x8b, 0x05, 0xf0, 0xff, 0xff, 0xff), INSN_SEG_DS, RIP, NONE, 0,
		  -16ull },
		{ M64, BYTES(0x8b, 0x04, 0x25, 0, 0, 0xe0, 0xfe), INSN_SEG_DS, NONE, NONE, 0,
		  0xfffffffffee00000 },
		{ M64, BYTES(0x41, 0x8b, 0x45, 0x00), INSN_SEG_DS, 13, NONE, 0, 0 },
		{ M64, BYTES(0x43, 0x8b, 0x04, 0xe4), INSN_SEG_DS, 12, 12, 3, 0 },
		{ M64, BYTES(0x8b, 0x45, 0x10), INSN_SEG_SS, INSN_RBP, NONE, 0, 16 },
		/* ES to DS overrides mean nothing in 64-bit mode, FS and GS do. */
		{ M64, BYTES(0x26, 0x8b, 0x00), INSN_SEG_DS, INSN_RAX, NONE, 0, 0 },
		{ M64, BYTES(0x65, 0x8b, 0x00), INSN_SEG_GS, INSN_RAX, NONE, 0, 0 },
		{ M64, BYTES(0x64, 0x2e, 0x8b, 0x00), INSN_SEG_FS, INSN_RAX, NONE, 0, 0 },
		{ M64, BYTES(0x64, 0xa1, 8, 7, 6, 5, 4, 3, 2, 1), INSN_SEG_FS, NONE, NONE, 0,
		  0x0102030405060708 },
	};

	for (unsigned int i = 0; i < COUNT(table); i++) {
		struct insn_exception exception;
		struct insn insn = { 0 };

		KTAP_EQ(t, decode(&table[i].e, table[i].mode, &insn, &exception), INSN_OK);
		KTAP_EQ(t, insn.length, table[i].e.n);
		KTAP_TRUE(t, insn.flags & INSN_F_MEM);
		if (insn.seg != table[i].seg || insn.base != table[i].base ||
		    insn.index != table[i].index || insn.scale != table[i].scale ||
		    insn.disp != table[i].disp)
			KTAP_FAIL(t, "row %u: seg %u base %u index %u scale %u disp 0x%llx", i,
				  insn.seg, insn.base, insn.index, insn.scale,
				  (unsigned long long)insn.disp);
	}
}

/* AH to BH without REX, SPL to DIL with one. */
static void byte_registers(struct ktap *t)
{
	static const struct encoding without = BYTES(0x88, 0x20), with = BYTES(0x40, 0x88, 0x20);
	static const struct encoding direct = BYTES(0x0f, 0xb6, 0xc7);
	struct insn_exception exception;
	struct insn insn;

	KTAP_EQ(t, decode(&without, M64, &insn, &exception), INSN_OK);
	KTAP_EQ(t, insn.reg, 16);
	KTAP_EQ(t, decode(&with, M64, &insn, &exception), INSN_OK);
	KTAP_EQ(t, insn.reg, INSN_RSP);
	KTAP_EQ(t, decode(&direct, M32, &insn, &exception), INSN_OK);
	KTAP_EQ(t, insn.rm, 19);
	KTAP_EQ(t, insn.mem_size, 1);
}

static void undefined(struct ktap *t)
{
	static const struct encoding table[] = {
		BYTES(0xf0, 0x8b, 0x00),		/* lock mov */
		BYTES(0xf0, 0x01, 0xc0),		/* lock add eax, eax */
		BYTES(0xf0, 0x03, 0x00),		/* lock add eax, [rax] */
		BYTES(0xf0, 0x39, 0x00),		/* lock cmp [rax], eax */
		BYTES(0xf0, 0x83, 0x38, 0x01),		/* lock cmp [rax], 1 */
		BYTES(0xf0, 0x0f, 0xa3, 0x00),		/* lock bt [rax], eax */
		BYTES(0xf0, 0xa4),			/* lock movsb */
		BYTES(0x0f, 0xc3, 0xc0),		/* movnti eax, eax */
		BYTES(0x0f, 0xc7, 0xc8),		/* cmpxchg8b eax */
		BYTES(0x82, 0x00, 0x01),		/* not in 64-bit mode */
		BYTES(0x66, 0xc5, 0xfa, 0x7f, 0x00),	/* prefix before VEX */
		BYTES(0xc5, 0xfe, 0x10, 0x00),		/* vmovss with L set */
	};

	for (unsigned int i = 0; i < COUNT(table); i++) {
		struct insn_exception exception;
		struct insn insn;

		if (decode(&table[i], M64, &insn, &exception) != INSN_EXCEPTION ||
		    exception.vector != INSN_UD || exception.has_error)
			KTAP_FAIL(t, "row %u is not #UD", i);
	}
}

static void unsupported(struct ktap *t)
{
	static const struct {
		enum insn_mode mode;
		struct encoding e;
	} table[] = {
		{ M64, BYTES(0xff, 0x10) },			/* call [rax] */
		{ M64, BYTES(0xff, 0x20) },			/* jmp [rax] */
		{ M64, BYTES(0x8e, 0x18) },			/* mov ds, [rax] */
		{ M64, BYTES(0x0f, 0x0b) },			/* ud2 */
		{ M64, BYTES(0xd9, 0x00) },			/* fld [rax] */
		{ M64, BYTES(0x0f, 0x6f, 0x00) },		/* movq mm0, [rax] */
		{ M64, BYTES(0x0f, 0xae, 0x00) },		/* fxsave [rax] */
		{ M64, BYTES(0x0f, 0xae, 0x30) },		/* xsaveopt [rax] */
		{ M64, BYTES(0x0f, 0x3a, 0x16, 0x00, 0x01) },	/* pextrd */
		{ M64, BYTES(0x62, 0xf1, 0x7d, 0x48, 0x6f, 0x00) },	/* EVEX */
		{ M64, BYTES(0xc5, 0xfd, 0xfe, 0x00) },		/* vpaddd */
		{ M64, BYTES(0xc5, 0xf8, 0x8b, 0x00) },		/* nothing */
		{ M32, BYTES(0x63, 0x00) },			/* arpl */
		{ M32, BYTES(0xc5, 0x00) },			/* lds */
		{ M32, BYTES(0x40) },				/* inc eax */
		{ M16, BYTES(0x0f, 0x01, 0x10) },		/* lgdt */
	};

	for (unsigned int i = 0; i < COUNT(table); i++) {
		struct insn_exception exception;
		struct insn insn;

		if (decode(&table[i].e, table[i].mode, &insn, &exception) != INSN_UNSUPPORTED)
			KTAP_FAIL(t, "row %u is known", i);
	}
}

/* Fifteen bytes are decoded, sixteen are #GP, fewer than it takes are short. */
static void length_limit(struct ktap *t)
{
	struct encoding e = { INSN_MAX_LENGTH, { 0 } };
	struct insn_exception exception;
	struct insn insn;

	memset(e.bytes, 0x66, sizeof(e.bytes));
	e.bytes[13] = 0x8b;
	e.bytes[14] = 0x00;
	KTAP_EQ(t, decode(&e, M64, &insn, &exception), INSN_OK);
	KTAP_EQ(t, insn.length, 15);
	for (e.n = 0; e.n < INSN_MAX_LENGTH; e.n++)
		KTAP_EQ(t, decode(&e, M64, &insn, &exception), INSN_SHORT);
	e.bytes[13] = 0x66;
	e.bytes[14] = 0x8b;
	e.bytes[15] = 0x00;
	e.n = 16;
	KTAP_EQ(t, decode(&e, M64, &insn, &exception), INSN_EXCEPTION);
	KTAP_EQ(t, exception.vector, INSN_GP);
	KTAP_TRUE(t, exception.has_error);
}

/* What follows the instruction is not looked at. */
static void stops_at_end(struct ktap *t)
{
	static const struct encoding e = BYTES(0x89, 0x48, 0x20, 0xf0, 0x0f, 0x0b);
	struct insn_exception exception;
	struct insn insn;

	KTAP_EQ(t, decode(&e, M64, &insn, &exception), INSN_OK);
	KTAP_EQ(t, insn.length, 3);
	KTAP_EQ(t, insn.op, OP_STORE);
	KTAP_EQ(t, insn.reg, INSN_RCX);
}

static void description(struct ktap *t)
{
	static const uint8_t bytes[] = { 0xff, 0x10 };
	struct hvm_segment seg[6] = { [INSN_SEG_CS] = { .attributes = HVM_SEG_P | HVM_SEG_L } };
	struct insn_cpu cpu = { .seg = seg, .rip = 0xffffffff81000000, .efer = 0x400 };
	char line[128], small[8];

	KTAP_STREQ(t, insn_describe(line, sizeof(line), bytes, 2, &cpu),
		   "64-bit code at rip 0xffffffff81000000, cpl 0: ff 10");
	cpu.efer = 0;
	cpu.rip = 0xfff0;
	KTAP_STREQ(t, insn_describe(line, sizeof(line), NULL, 0, &cpu),
		   "16-bit code at rip 0xfff0, cpl 0: (no bytes)");
	KTAP_STREQ(t, insn_describe(small, sizeof(small), bytes, 2, &cpu), "16-bit ");
}

static const struct ktap_case cases[] = {
	{ "sizes", sizes },
	{ "addresses", addresses },
	{ "byte_registers", byte_registers },
	{ "undefined", undefined },
	{ "unsupported", unsupported },
	{ "length_limit", length_limit },
	{ "stops_at_end", stops_at_end },
	{ "description", description },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
