// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the executor where the processor at hand cannot be asked: 16-
 * and 32-bit modes, segmentation, exceptions, callbacks, fetching, vector
 * extensions. Ports and strings are in insn_string.c, arithmetic in
 * insn_native.c.
 */
#include "insn_model.h"
#include "ktap.h"

#define M16	INSN_MODE_16
#define M32	INSN_MODE_32
#define M64	INSN_MODE_64

static struct insn_model m;

/* Expect an exception; -1 for @error means that the vector pushes none. */
static void expect_exception(struct ktap *t, enum insn_status status, unsigned int vector,
			     int64_t error)
{
	KTAP_EQ(t, status, INSN_EXCEPTION);
	KTAP_EQ(t, m.cpu.exception.vector, vector);
	KTAP_EQ(t, m.cpu.exception.has_error, error >= 0);
	if (error >= 0)
		KTAP_EQ(t, m.cpu.exception.error, error);
}

static void real_mode(struct ktap *t)
{
	model_init(&m, M16, false);
	m.seg[INSN_SEG_DS].base = 0x1000;
	m.seg[INSN_SEG_ES].base = 0x8000;
	m.gpr[INSN_RBX] = 0x12340100;
	m.gpr[INSN_RAX] = 0xdeadbeef;
	KTAP_EQ(t, RUN(&m, 0x89, 0x47, 0x10), INSN_OK);		/* mov [bx+0x10], ax */
	KTAP_EQ(t, m.insn.length, 3);
	KTAP_EQ(t, model_get(&m, 0x1110, 4), 0xbeef);
	KTAP_EQ(t, RUN(&m, 0x26, 0x66, 0xa3, 0x20, 0x00), INSN_OK);	/* mov es:[0x20], eax */
	KTAP_EQ(t, model_get(&m, 0x8020, 8), 0xdeadbeef);
	m.gpr[INSN_RSI] = 0xff00;
	/* bx + si wraps at 64 KiB. */
	KTAP_EQ(t, RUN(&m, 0x8a, 0x48, 0x10), INSN_OK);		/* mov cl, [bx+si+0x10] */
	KTAP_EQ(t, m.gpr[INSN_RCX], 0);
	model_put(&m, 0x1010, 0x5a, 1);
	KTAP_EQ(t, RUN(&m, 0x8a, 0x48, 0x10), INSN_OK);
	KTAP_EQ(t, m.gpr[INSN_RCX], 0x5a);
}

/* Real mode has limits too, and pushes no error codes. */
static void real_mode_limit(struct ktap *t)
{
	model_init(&m, M16, false);
	m.gpr[INSN_RBX] = 0xffff;
	KTAP_EQ(t, RUN(&m, 0x8a, 0x07), INSN_OK);
	expect_exception(t, RUN(&m, 0x8b, 0x07), INSN_GP, -1);
	m.gpr[INSN_RBP] = 0xffff;
	expect_exception(t, RUN(&m, 0x8b, 0x46, 0x00), INSN_SS, -1);
	m.seg[INSN_SEG_DS].limit = 0xffffffff;
	m.gpr[INSN_RBX] = 0x10000;
	KTAP_EQ(t, RUN(&m, 0x67, 0x8b, 0x03), INSN_OK);		/* "unreal": mov ax, [ebx] */
	KTAP_EQ(t, m.reads, 2);
}

static void protected_32(struct ktap *t)
{
	model_init(&m, M32, true);
	m.gpr[INSN_RBX] = 0xffffffff00001000;
	m.gpr[INSN_RCX] = 4;
	m.gpr[INSN_RAX] = 0x11223344;
	KTAP_EQ(t, RUN(&m, 0x89, 0x44, 0x8b, 0x08), INSN_OK);	/* mov [ebx+ecx*4+8], eax */
	KTAP_EQ(t, model_get(&m, 0x1018, 8), 0x11223344);
	KTAP_EQ(t, RUN(&m, 0x66, 0x67, 0x8b, 0x16, 0x1a, 0x10), INSN_OK); /* mov dx, [0x101a] */
	KTAP_EQ(t, m.gpr[INSN_RDX], 0x1122);
	KTAP_EQ(t, RUN(&m, 0x88, 0x25, 0x00, 0x20, 0, 0), INSN_OK);	/* mov [0x2000], ah */
	KTAP_EQ(t, model_get(&m, 0x2000, 2), 0x33);
	/* Base and offset wrap at 4 GiB. */
	m.seg[INSN_SEG_DS].base = 0xfffff000;
	KTAP_EQ(t, RUN(&m, 0x8b, 0x15, 0x18, 0x20, 0, 0), INSN_OK);
	KTAP_EQ(t, m.gpr[INSN_RDX], 0x11223344);
}

static void segment_checks(struct ktap *t)
{
	static const struct {
		uint16_t attributes;
		uint32_t limit, offset;
		bool write, fails;
	} table[] = {
		{ HVM_SEG_P | 3, 0xfff, 0xffc, true, false },
		{ HVM_SEG_P | 3, 0xfff, 0xffd, true, true },
		{ HVM_SEG_P | 1, 0xfff, 0, false, false },		/* read-only data */
		{ HVM_SEG_P | 1, 0xfff, 0, true, true },
		{ HVM_SEG_P | 0xb, 0xfff, 0, false, false },		/* readable code */
		{ HVM_SEG_P | 0xb, 0xfff, 0, true, true },
		{ HVM_SEG_P | 9, 0xfff, 0, false, true },		/* execute only */
		{ 3, 0xfff, 0, false, true },				/* not present */
		{ HVM_SEG_P | HVM_SEG_UNUSABLE | 3, 0xfff, 0, false, true },
		{ HVM_SEG_P | 7, 0xfff, 0xfff, false, true },		/* expand down */
		{ HVM_SEG_P | 7, 0xfff, 0x1000, true, false },
		{ HVM_SEG_P | 7, 0xfff, 0xfffd, true, true },
		{ HVM_SEG_P | HVM_SEG_DB | 7, 0xfff, 0x10000, true, false },
		{ HVM_SEG_P | 3, 0xffffffff, 0xfffffffe, false, true },
	};

	for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		enum insn_status status;

		model_init(&m, M32, true);
		m.seg[INSN_SEG_FS].attributes = table[i].attributes;
		m.seg[INSN_SEG_FS].limit = table[i].limit;
		m.gpr[INSN_RBX] = table[i].offset;
		status = table[i].write ? RUN(&m, 0x64, 0x89, 0x03) : RUN(&m, 0x64, 0x8b, 0x03);
		if (status != (table[i].fails ? INSN_EXCEPTION : INSN_OK))
			KTAP_FAIL(t, "row %u: status %u", i, status);
		KTAP_EQ(t, m.reads + m.writes, !table[i].fails);
		if (table[i].fails)
			expect_exception(t, status, INSN_GP, 0);
	}
}

static void canonical(struct ktap *t)
{
	model_init(&m, M64, true);
	m.gpr[INSN_RBX] = 0x0000800000000000;
	expect_exception(t, RUN(&m, 0x8b, 0x03), INSN_GP, 0);
	m.gpr[INSN_RBP] = 0x00007ffffffffffd;
	expect_exception(t, RUN(&m, 0x8b, 0x45, 0x00), INSN_SS, 0);
	m.gpr[INSN_RBX] = m.gpr[INSN_RBP];
	expect_exception(t, RUN(&m, 0x8b, 0x03), INSN_GP, 0);
	KTAP_EQ(t, m.reads, 0);
	m.cpu.cr4 |= CR4_LA57;
	KTAP_EQ(t, RUN(&m, 0x8b, 0x03), INSN_STOP);
	KTAP_EQ(t, m.reads, 1);
}

static void segment_base_64(struct ktap *t)
{
	model_init(&m, M64, true);
	m.seg[INSN_SEG_GS].base = 0x5000;
	m.seg[INSN_SEG_DS].base = 0x9000;
	m.seg[INSN_SEG_DS].attributes = 0;
	m.gpr[INSN_RBX] = 0x10;
	m.gpr[INSN_RAX] = 0x0102030405060708;
	KTAP_EQ(t, RUN(&m, 0x65, 0x48, 0x89, 0x03), INSN_OK);
	KTAP_EQ(t, model_get(&m, 0x5010, 8), 0x0102030405060708);
	KTAP_EQ(t, RUN(&m, 0x48, 0x89, 0x03), INSN_OK);
	KTAP_EQ(t, model_get(&m, 0x10, 8), 0x0102030405060708);
}

static void rip_relative(struct ktap *t)
{
	model_init(&m, M64, true);
	m.cpu.rip = 0x3000;
	model_put(&m, 0x300a + 0x100, 0x77, 1);
	/* The displacement counts from the end, beyond the immediate. */
	KTAP_EQ(t, RUN(&m, 0x81, 0x05, 0x00, 0x01, 0, 0, 1, 0, 0, 0), INSN_OK);
	KTAP_EQ(t, model_get(&m, 0x310a, 4), 0x78);
}

/* One read and one write of the operand's size, and the read says what follows. */
static void read_modify_write(struct ktap *t)
{
	model_init(&m, M64, true);
	m.gpr[INSN_RBX] = 0x1000;
	model_put(&m, 0x1000, 0xff00, 2);
	KTAP_EQ(t, RUN(&m, 0xf0, 0x66, 0x83, 0x0b, 0x0f), INSN_OK);	/* lock or word [rbx], 15 */
	KTAP_EQ(t, m.reads, 1);
	KTAP_EQ(t, m.writes, 1);
	KTAP_EQ(t, m.last_size, 2);
	KTAP_EQ(t, m.last_access, INSN_MODIFY);
	KTAP_EQ(t, model_get(&m, 0x1000, 4), 0xff0f);
	KTAP_EQ(t, RUN(&m, 0x39, 0x03), INSN_OK);			/* cmp [rbx], eax */
	KTAP_EQ(t, m.last_access, INSN_READ);
	KTAP_EQ(t, m.writes, 1);
}

/* A fault in the store leaves registers and flags as they were. */
static void fault_leaves_no_trace(struct ktap *t)
{
	uint64_t before[16];

	model_init(&m, M64, true);
	for (unsigned int i = 0; i < 16; i++)
		m.gpr[i] = 0x1000 + i;
	memcpy(before, m.gpr, sizeof(before));
	m.fault_at = 0x1003;
	expect_exception(t, RUN(&m, 0x87, 0x0b), INSN_PF, 2);		/* xchg [rbx], ecx */
	KTAP_EQ(t, m.cpu.exception.cr2, 0x1003);
	expect_exception(t, RUN(&m, 0x0f, 0xc1, 0x0b), INSN_PF, 2);	/* xadd */
	expect_exception(t, RUN(&m, 0x0f, 0xb1, 0x0b), INSN_PF, 2);	/* cmpxchg */
	expect_exception(t, RUN(&m, 0x01, 0x0b), INSN_PF, 2);		/* add */
	expect_exception(t, RUN(&m, 0xff, 0x0b), INSN_PF, 2);		/* dec */
	m.gpr[INSN_RSP] = 0x2000;
	before[INSN_RSP] = 0x2000;
	expect_exception(t, RUN(&m, 0x8f, 0x03), INSN_PF, 2);		/* pop [rbx] */
	KTAP_TRUE(t, !memcmp(before, m.gpr, sizeof(before)));
	KTAP_EQ(t, m.cpu.rflags, 2);
}

static void divide_error(struct ktap *t)
{
	model_init(&m, M32, true);
	m.gpr[INSN_RAX] = 7;
	m.gpr[INSN_RBX] = 0x1000;
	expect_exception(t, RUN(&m, 0xf7, 0x33), INSN_DE, -1);
	KTAP_EQ(t, m.gpr[INSN_RAX], 7);
	model_put(&m, 0x1000, 2, 4);
	KTAP_EQ(t, RUN(&m, 0xf7, 0x33), INSN_OK);
	KTAP_EQ(t, m.gpr[INSN_RAX], 3);
	KTAP_EQ(t, m.gpr[INSN_RDX], 1);
}

static void stack_16(struct ktap *t)
{
	model_init(&m, M16, false);
	m.seg[INSN_SEG_SS].base = 0x4000;
	m.gpr[INSN_RSP] = 0xabcd0000;
	m.gpr[INSN_RBX] = 0x100;
	model_put(&m, 0x100, 0x1234, 2);
	/* SP wraps, the rest of ESP stays. */
	KTAP_EQ(t, RUN(&m, 0xff, 0x37), INSN_OK);			/* push word [bx] */
	KTAP_EQ(t, m.gpr[INSN_RSP], 0xabcdfffe);
	KTAP_EQ(t, model_get(&m, 0x13ffe, 2), 0x1234);
	KTAP_EQ(t, RUN(&m, 0x8f, 0x47, 0x10), INSN_OK);			/* pop word [bx+16] */
	KTAP_EQ(t, m.gpr[INSN_RSP], 0xabcd0000);
	KTAP_EQ(t, model_get(&m, 0x110, 2), 0x1234);
}

/* POP with an RSP-based address uses RSP after the pop. */
static void pop_address(struct ktap *t)
{
	model_init(&m, M64, true);
	m.gpr[INSN_RSP] = 0x1000;
	model_put(&m, 0x1000, 0x42, 8);
	KTAP_EQ(t, RUN(&m, 0x8f, 0x44, 0x24, 0x10), INSN_OK);		/* pop [rsp+16] */
	KTAP_EQ(t, model_get(&m, 0x1018, 8), 0x42);
	KTAP_EQ(t, m.gpr[INSN_RSP], 0x1008);
}

static void store_segment(struct ktap *t)
{
	model_init(&m, M64, true);
	m.seg[INSN_SEG_GS].selector = 0x2b;
	m.gpr[INSN_RBX] = 0x1000;
	model_put(&m, 0x1000, ~0ull, 8);
	KTAP_EQ(t, RUN(&m, 0x48, 0x8c, 0x2b), INSN_OK);			/* mov [rbx], gs */
	KTAP_EQ(t, model_get(&m, 0x1000, 4), 0xffff002b);
	expect_exception(t, RUN(&m, 0x8c, 0x33), INSN_UD, -1);
}

static void cmpxchg16b_alignment(struct ktap *t)
{
	model_init(&m, M64, true);
	m.gpr[INSN_RDI] = 0x1008;
	expect_exception(t, RUN(&m, 0x48, 0x0f, 0xc7, 0x0f), INSN_GP, 0);
	KTAP_EQ(t, m.reads, 0);
	KTAP_EQ(t, RUN(&m, 0x0f, 0xc7, 0x0f), INSN_OK);
	KTAP_EQ(t, m.last_size, 8);
	KTAP_EQ(t, m.cpu.rflags & FLAG_ZF, FLAG_ZF);
}

static void direct_store(struct ktap *t)
{
	model_init(&m, M64, true);
	m.gpr[INSN_RDI] = 0x1000;
	m.gpr[INSN_RCX] = 0x8877665544332211;
	KTAP_EQ(t, RUN(&m, 0x48, 0x0f, 0x38, 0xf9, 0x0f), INSN_OK);	/* movdiri [rdi], rcx */
	KTAP_EQ(t, model_get(&m, 0x1000, 8), 0x8877665544332211);
	KTAP_EQ(t, m.writes, 1);
}

static void cache_hints(struct ktap *t)
{
	model_init(&m, M64, true);
	KTAP_EQ(t, RUN(&m, 0x0f, 0xae, 0x38), INSN_OK);			/* clflush */
	KTAP_EQ(t, RUN(&m, 0x66, 0x0f, 0xae, 0x38), INSN_OK);		/* clflushopt */
	KTAP_EQ(t, RUN(&m, 0x66, 0x0f, 0xae, 0x30), INSN_OK);		/* clwb */
	KTAP_EQ(t, RUN(&m, 0x0f, 0x18, 0x08), INSN_OK);			/* prefetcht0 */
	KTAP_EQ(t, RUN(&m, 0x0f, 0x0d, 0x08), INSN_OK);			/* prefetchw */
	KTAP_EQ(t, m.reads + m.writes, 0);
}

static void vector_guards(struct ktap *t)
{
	model_init(&m, M64, true);
	m.cpu.cr0 |= CR0_TS;
	expect_exception(t, RUN(&m, 0x0f, 0x10, 0x00), INSN_NM, -1);
	m.cpu.cr0 |= CR0_EM;
	expect_exception(t, RUN(&m, 0x0f, 0x10, 0x00), INSN_UD, -1);
	m.cpu.cr0 = CR0_PE;
	m.cpu.cr4 = 0;
	expect_exception(t, RUN(&m, 0x0f, 0x10, 0x00), INSN_UD, -1);
	expect_exception(t, RUN(&m, 0xc5, 0xf8, 0x10, 0x00), INSN_UD, -1);
	m.cpu.cr4 = CR4_OSFXSR;
	m.gpr[INSN_RAX] = 0x1008;
	KTAP_EQ(t, RUN(&m, 0x0f, 0x10, 0x00), INSN_OK);
	expect_exception(t, RUN(&m, 0x0f, 0x28, 0x00), INSN_GP, 0);
	m.cpu.xmm = NULL;
	KTAP_EQ(t, RUN(&m, 0x0f, 0x10, 0x00), INSN_UNSUPPORTED);
}

static void vector_256(struct ktap *t)
{
	model_init(&m, M64, true);
	m.gpr[INSN_RAX] = 0x1000;
	for (unsigned int i = 0; i < 32; i++)
		m.memory[0x1000 + i] = i + 1;
	KTAP_EQ(t, RUN(&m, 0xc5, 0x7e, 0x6f, 0x08), INSN_OK);		/* vmovdqu ymm9, [rax] */
	KTAP_EQ(t, m.last_size, 32);
	KTAP_TRUE(t, !memcmp(m.xmm[9], m.memory + 0x1000, 16));
	KTAP_TRUE(t, !memcmp(m.ymm_high[9], m.memory + 0x1010, 16));
	KTAP_EQ(t, RUN(&m, 0xc5, 0x7d, 0x7f, 0x48, 0x40), INSN_OK);	/* vmovdqa [rax+64], ymm9 */
	KTAP_TRUE(t, !memcmp(m.memory + 0x1040, m.memory + 0x1000, 32));
	/* A 128-bit VEX load clears the upper half, a legacy load keeps it. */
	KTAP_EQ(t, RUN(&m, 0x44, 0x0f, 0x10, 0x08), INSN_OK);
	KTAP_EQ(t, m.ymm_high[9][0], 17);
	KTAP_EQ(t, RUN(&m, 0xc5, 0x78, 0x10, 0x08), INSN_OK);
	KTAP_EQ(t, m.ymm_high[9][0], 0);
	m.cpu.ymm_high = NULL;
	KTAP_EQ(t, RUN(&m, 0xc5, 0x78, 0x10, 0x08), INSN_UNSUPPORTED);
}

/* Without bytes from the hardware, they are read page by page and no further. */
static void fetch(struct ktap *t)
{
	static const uint8_t code[] = { 0xc7, 0x05, 0, 0x10, 0, 0, 0x78, 0x56, 0x34, 0x12 };
	uint8_t bytes[INSN_MAX_LENGTH];
	size_t n = 0;

	model_init(&m, M32, true);
	m.cpu.rip = 0x2ffc;
	memcpy(m.memory + 0x2ffc, code, sizeof(code));
	KTAP_EQ(t, insn_step(&m.cpu, bytes, &n, &m.insn), INSN_OK);
	KTAP_EQ(t, m.insn.length, sizeof(code));
	KTAP_EQ(t, m.reads, 2);
	KTAP_EQ(t, model_get(&m, 0x1000, 4), 0x12345678);
	m.fault_at = 0x3000;
	n = 0;
	expect_exception(t, insn_step(&m.cpu, bytes, &n, &m.insn), INSN_PF, 2);
	KTAP_EQ(t, m.insn.length, 0);
	/* An instruction that ends with its page does not touch the next. */
	m.cpu.rip = 0x3000 - sizeof(code);
	memcpy(m.memory + m.cpu.rip, code, sizeof(code));
	n = 0;
	KTAP_EQ(t, insn_step(&m.cpu, bytes, &n, &m.insn), INSN_OK);
}

static void fetch_limit(struct ktap *t)
{
	uint8_t bytes[INSN_MAX_LENGTH];
	size_t n = 0;

	model_init(&m, M32, true);
	m.seg[INSN_SEG_CS].limit = 0x2000;
	m.cpu.rip = 0x2000;
	m.memory[0x2000] = 0x8b;
	expect_exception(t, insn_step(&m.cpu, bytes, &n, &m.insn), INSN_GP, 0);
	KTAP_EQ(t, n, 1);
	m.seg[INSN_SEG_CS].limit = 0x2001;
	n = 0;
	KTAP_EQ(t, insn_step(&m.cpu, bytes, &n, &m.insn), INSN_OK);
	KTAP_EQ(t, n, 2);
}

static void modes(struct ktap *t)
{
	model_init(&m, M64, true);
	KTAP_EQ(t, insn_cpu_mode(&m.cpu), M64);
	m.seg[INSN_SEG_CS].attributes = HVM_SEG_P | HVM_SEG_DB;
	KTAP_EQ(t, insn_cpu_mode(&m.cpu), M32);
	m.seg[INSN_SEG_CS].attributes = HVM_SEG_P;
	KTAP_EQ(t, insn_cpu_mode(&m.cpu), M16);
	model_init(&m, M32, true);
	m.cpu.rflags |= FLAG_VM;
	KTAP_EQ(t, insn_cpu_mode(&m.cpu), M16);
	model_init(&m, M32, false);
	KTAP_EQ(t, insn_cpu_mode(&m.cpu), M16);
}

static const struct ktap_case cases[] = {
	{ "real_mode", real_mode },
	{ "real_mode_limit", real_mode_limit },
	{ "protected_32", protected_32 },
	{ "segment_checks", segment_checks },
	{ "canonical", canonical },
	{ "segment_base_64", segment_base_64 },
	{ "rip_relative", rip_relative },
	{ "read_modify_write", read_modify_write },
	{ "fault_leaves_no_trace", fault_leaves_no_trace },
	{ "divide_error", divide_error },
	{ "stack_16", stack_16 },
	{ "pop_address", pop_address },
	{ "store_segment", store_segment },
	{ "cmpxchg16b_alignment", cmpxchg16b_alignment },
	{ "direct_store", direct_store },
	{ "cache_hints", cache_hints },
	{ "vector_guards", vector_guards },
	{ "vector_256", vector_256 },
	{ "fetch", fetch },
	{ "fetch_limit", fetch_limit },
	{ "modes", modes },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
