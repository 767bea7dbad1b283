// SPDX-License-Identifier: GPL-2.0-only
/*
 * The differential test of the executor: random encodings of every 64-bit form,
 * with random registers, flags and memory, are executed twice, by the processor
 * this runs on and by libhvm, and all registers, the memory and the flags the
 * manuals define must agree. 16- and 32-bit modes, faults and ports are in
 * insn_exec.c.
 */
#include <cpuid.h>

#include "insn/exec.h"
#include "insn/insn.h"
#include "insn_forms.h"
#include "insn_run_native.h"
#include "ktap.h"

#define ROUNDS		400
#define OPERAND_AT	2048u	/* where in the data area memory operands lie */

/* One random instruction and the state it starts from. */
struct trial {
	const struct form *form;
	uint8_t bytes[24];
	size_t length;
	unsigned int variant;
	unsigned int digit;
	unsigned int size;
	uint8_t imm;
	int base;	/* -1: none */
	int index;
	bool memory;
	bool addr32;
	struct native_state state;
};

/* The executor's processor and the shadow of the data area it works on. */
struct model {
	struct insn_cpu cpu;
	struct hvm_segment seg[6];
	uint64_t base;
	uint8_t data[NATIVE_DATA];
};

static struct native native;
static struct model model;
static uint64_t seed;

static uint64_t random64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dull;
}

static unsigned int below(unsigned int n)
{
	return (random64() >> 32) % n;
}

/* Values at the edges of every operand size come up often. */
static uint64_t interesting(void)
{
	static const uint64_t edges[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff };

	switch (below(5)) {
	case 0:
		return edges[below(8)];
	case 1:
		return -edges[below(8)];
	case 2:
		return 1ull << below(64);
	case 3:
		return random64() & random64() & random64();
	default:
		return random64();
	}
}

static struct model *of_cpu(struct insn_cpu *cpu)
{
	return (struct model *)((char *)cpu - offsetof(struct model, cpu));
}

static uint8_t *at(struct model *m, uint64_t gva, unsigned int size)
{
	if (gva < m->base || gva - m->base > NATIVE_DATA - size)
		return NULL;
	return m->data + (gva - m->base);
}

static enum insn_status model_read(struct insn_cpu *cpu, uint64_t gva, void *buf,
				   unsigned int size, enum insn_access access)
{
	uint8_t *bytes = at(of_cpu(cpu), gva, size);

	(void)access;
	if (!bytes)
		return INSN_STOP;
	memcpy(buf, bytes, size);
	return INSN_OK;
}

static enum insn_status model_write(struct insn_cpu *cpu, uint64_t gva, const void *buf,
				    unsigned int size)
{
	uint8_t *bytes = at(of_cpu(cpu), gva, size);

	if (!bytes)
		return INSN_STOP;
	memcpy(bytes, buf, size);
	return INSN_OK;
}

static const struct insn_ops model_ops = { .read = model_read, .write = model_write };

static void put(struct trial *t, uint64_t value, unsigned int size)
{
	memcpy(t->bytes + t->length, &value, size);
	t->length += size;
}

/* C0, C1, D0 to D3. */
static bool is_shift_group(const struct form *f)
{
	return f->opcode_length == 1 && (f->opcode[0] & 0xee) == 0xc0 && f->digits == 8;
}

/* Prefixes, choosing operand size, address size and locking on the way. */
static uint8_t put_prefixes(struct trial *t)
{
	const struct form *f = t->form;
	bool size66 = !(f->what & (BYTE | NO_16 | VECTOR)) && below(3) == 0;
	bool wide = !(f->what & BYTE) && below(3) == 0;

	t->size = f->what & BYTE ? 1 : wide ? 8 : size66 ? 2 : 4;
	t->memory = (f->what & (MEM_ONLY | STRING)) || below(4);
	if ((f->what & WIDE_ONLY) && t->size == 4)
		t->memory = true;
	t->addr32 = t->memory && !below(4);
	if (size66)
		put(t, 0x66, 1);
	if (t->addr32)
		put(t, 0x67, 1);
	if ((f->what & LOCKABLE) && t->memory && below(2))
		put(t, 0xf0, 1);
	if (f->what & REPEAT && below(3))
		put(t, 0xf2 + below(2), 1);
	if (f->prefix)
		put(t, f->prefix, 1);
	return wide ? 0x48 : below(2) ? 0x40 : 0;
}

static void choose_address(struct trial *t)
{
	t->base = below(17) - 1;
	t->index = below(17) - 1;
	if (t->index == INSN_RSP || t->index == t->base)
		t->index = -1;
	if (t->form->what & STACK) {
		if (t->base == INSN_RSP)
			t->base = -1;
	}
}

/*
 * ModRM, SIB and a 32- or 8-bit displacement. The displacement is random; the
 * base is what makes the address right, or the displacement where there is none.
 */
static int32_t put_modrm(struct trial *t, unsigned int reg, unsigned int rm, unsigned int scale)
{
	int32_t disp = (int32_t)random64();
	bool short_disp = below(2);

	if (!t->memory) {
		put(t, 0xc0 | (reg & 7) << 3 | (rm & 7), 1);
		return 0;
	}
	if (t->base < 0 && t->index < 0) {
		put(t, (reg & 7) << 3 | 5, 1);
		put(t, 0, 4);
		return 0;
	}
	if (t->base < 0) {
		put(t, (reg & 7) << 3 | 4, 1);
		put(t, scale << 6 | (t->index & 7) << 3 | 5, 1);
		disp &= t->form->what & ALIGN16 ? 0x0ffffff0 : 0x0fffffff;
		put(t, (uint32_t)disp, 4);
		return disp;
	}
	if (t->index >= 0 || (t->base & 7) == 4) {
		put(t, (short_disp ? 0x44 : 0x84) | (reg & 7) << 3, 1);
		put(t, scale << 6 | (t->index < 0 ? 4 : t->index & 7) << 3 | (t->base & 7), 1);
	} else {
		put(t, (short_disp ? 0x40 : 0x80) | (reg & 7) << 3 | (t->base & 7), 1);
	}
	if (short_disp)
		disp = (int8_t)disp;
	put(t, (uint32_t)disp, short_disp ? 1 : 4);
	return disp;
}

/* Give base or index the value that makes the address @target. */
static void aim(struct trial *t, uint64_t target, int32_t disp, unsigned int scale)
{
	uint64_t *gpr = t->state.gpr;

	if (t->base >= 0) {
		gpr[t->base] = target - (uint64_t)(int64_t)disp;
		if (t->index >= 0)
			gpr[t->base] -= gpr[t->index] << scale;
		if (t->addr32)
			gpr[t->base] = (uint32_t)gpr[t->base] | random64() << 32;
	} else if (t->index >= 0) {
		gpr[t->index] = (target - (uint64_t)(int64_t)disp) >> scale;
	}
}

/* An index without a base reaches only multiples of the scale. */
static uint64_t target_address(struct trial *t, int32_t disp, unsigned int scale)
{
	uint64_t target = (uintptr_t)native.data + OPERAND_AT;

	if (t->form->what & ALIGN16)
		target += 16 * below(4);
	else
		target += below(64);
	if (t->memory && t->base < 0 && t->index >= 0)
		target -= (target - (uint64_t)(int64_t)disp) & ((1u << scale) - 1);
	return target;
}

static void small_bit_number(struct trial *t, unsigned int reg)
{
	uint64_t *gpr = &t->state.gpr[reg];

	if (!t->memory || (int)reg == t->base || (int)reg == t->index)
		return;
	*gpr = (uint64_t)((int64_t)below(8000) - 4000);
	if (t->size < 8)
		*gpr = (*gpr & size_mask(t->size)) | random64() << 32;
	if (t->size == 2)
		*gpr = (*gpr & 0xffffffff0000ffffull) | (random64() & 0xffff0000);
}

/* Half the time, make a comparison with the accumulator come out equal. */
static void make_equal(struct trial *t, uint64_t target)
{
	const uint8_t *bytes = native.data + (target - (uintptr_t)native.data);

	if (!t->memory || below(2))
		return;
	if (t->base != INSN_RAX && t->index != INSN_RAX)
		memcpy(&t->state.gpr[INSN_RAX], bytes, 8);
	if (t->form->what & MEM_ONLY && t->base != INSN_RDX && t->index != INSN_RDX)
		memcpy(&t->state.gpr[INSN_RDX], bytes + (t->size == 8 ? 8 : 4), 8);
}

static void build_string(struct trial *t, uint8_t rex)
{
	uint64_t middle = (uintptr_t)native.data + OPERAND_AT;
	uint64_t *gpr = t->state.gpr;

	if (rex)
		put(t, rex, 1);
	put(t, t->form->opcode[0], 1);
	gpr[INSN_RSI] = middle - 512 + below(64);
	gpr[INSN_RDI] = middle + 512 + below(64);
	gpr[INSN_RBX] = middle;
	gpr[INSN_RCX] = 1 + below(20);
	if (!below(3) && !t->addr32)
		gpr[INSN_RCX] = 0;
	/* Let comparisons go on for a while. */
	if (below(2))
		memset(native.data + OPERAND_AT - 1024, (int)gpr[INSN_RAX], 2048);
	if (t->addr32) {
		gpr[INSN_RSI] |= random64() << 32;
		gpr[INSN_RDI] |= random64() << 32;
		gpr[INSN_RBX] |= random64() << 32;
		gpr[INSN_RCX] |= random64() << 32;
	}
}

static void put_opcode(struct trial *t)
{
	const struct form *f = t->form;

	t->variant = f->span ? below(f->span) : 0;
	for (unsigned int i = 0; i < f->opcode_length; i++) {
		bool last = i == f->opcode_length - 1u;

		put(t, f->opcode[i] + (last ? t->variant * f->stride : 0), 1);
	}
}

static void put_immediate(struct trial *t)
{
	uint64_t value = interesting();

	if (t->form->what & COUNTED && t->size == 2)
		value = below(17);
	t->imm = (uint8_t)value;
	if (t->form->what & IMM8)
		put(t, value & 0xff, 1);
	else if (t->form->what & IMMZ)
		put(t, value & 0xffffffff, t->size == 2 ? 2 : 4);
	if (t->form->what & COUNTED && t->size == 2 && !(t->form->what & IMM8))
		t->state.gpr[INSN_RCX] = (t->state.gpr[INSN_RCX] & ~0xffull) | below(17);
}

/* A RIP-relative displacement can be filled in only when the length is known. */
static void patch_rip_relative(struct trial *t, size_t disp_at, uint64_t target)
{
	uint32_t disp = (uint32_t)(target - ((uintptr_t)native.code + t->length));

	memcpy(t->bytes + disp_at, &disp, sizeof(disp));
}

static void build_modrm(struct trial *t, uint8_t rex)
{
	const struct form *f = t->form;
	unsigned int scale = below(4), reg, rm = below(16);
	uint64_t target;
	size_t disp_at;
	int32_t disp;

	choose_address(t);
	/* CL is a count where 16-bit double shifts are concerned. */
	if ((f->what & COUNTED) && (t->base == INSN_RCX || t->index == INSN_RCX)) {
		t->base = -1;
		t->index = -1;
	}
	reg = f->digit < 0 ? below(16) : f->digit + (f->digits ? below(f->digits) : 0u);
	t->digit = reg;
	while ((f->what & BIT_INDEX) && ((int)reg == t->base || (int)reg == t->index))
		reg = below(16);
	if ((f->what & STACK) && rm == INSN_RSP)
		rm = INSN_RAX;
	rex |= (reg >> 3) << 2;
	if (t->memory)
		rex |= (t->index >= 8) << 1 | (t->base >= 8);
	else
		rex |= rm >> 3;
	if (rex)
		put(t, rex | 0x40, 1);
	put_opcode(t);
	if (f->what & BIT_INDEX)
		small_bit_number(t, reg);
	disp = put_modrm(t, reg, rm, scale);
	disp_at = t->length - 4;
	target = target_address(t, disp, scale);
	if (f->what & STACK)
		t->state.gpr[INSN_RSP] = (uintptr_t)native.data + OPERAND_AT + 512;
	aim(t, target, disp, scale);
	if (f->what & COMPARE)
		make_equal(t, target);
	if (f->what & NOT_ZERO) {
		memset(native.data + OPERAND_AT, 0x90, 128);
		t->state.gpr[rm] |= 0x8001;
		aim(t, target, disp, scale);
	}
	put_immediate(t);
	if (t->memory && t->base < 0 && t->index < 0)
		patch_rip_relative(t, disp_at, target);
}

static void build(struct trial *t, const struct form *form)
{
	uint8_t rex;

	memset(t, 0, sizeof(*t));
	t->form = form;
	for (unsigned int i = 0; i < 16; i++)
		t->state.gpr[i] = interesting();
	for (unsigned int i = 0; i < sizeof(t->state.xmm); i++)
		t->state.xmm[i / 16][i % 16] = (uint8_t)random64();
	for (unsigned int i = 0; i < NATIVE_DATA; i += 8) {
		uint64_t value = interesting();

		memcpy(native.data + i, &value, 8);
	}
	t->state.rflags = 0x202 | (random64() & (FLAGS_ARITH | FLAG_DF));
	rex = put_prefixes(t);
	if (form->what & STRING)
		build_string(t, rex);
	else
		build_modrm(t, rex);
}

/* Shifts: what is defined depends on the count (SDM volume 2, SAL/SAR/SHL/SHR, RCL). */
static uint64_t vague_shift(const struct trial *t)
{
	unsigned int count = t->form->what & IMM8 ? t->imm : 1;
	bool rotates = !(t->form->what & COUNTED) && t->digit < 4;
	uint64_t vague = rotates ? 0 : FLAG_AF;

	if (!(t->form->what & IMM8) && (t->variant == 1 || t->form->what & COUNTED))
		count = (uint8_t)t->state.gpr[INSN_RCX];
	count &= t->size == 8 ? 63 : 31;
	if (!count)
		return 0;
	if (count != 1)
		vague |= FLAG_OF;
	if (!rotates && count > 8 * t->size)
		vague |= FLAG_CF;
	return vague;
}

static uint64_t vague_flags(const struct trial *t)
{
	uint64_t vague = t->form->vague;

	if (is_shift_group(t->form) || (t->form->what & COUNTED))
		return vague_shift(t);
	if (!strncmp(t->form->name, "alu", 3) || !strncmp(t->form->name, "locked", 6)) {
		unsigned int op = t->form->digits ? t->digit : t->variant;

		if (op == ALU_OR || op == ALU_AND || op == ALU_XOR)
			vague |= FLAG_AF;
	}
	return vague;
}

static void model_load(const struct trial *t, uint64_t *gpr, uint8_t (*xmm)[16])
{
	memcpy(gpr, t->state.gpr, sizeof(t->state.gpr));
	memcpy(xmm, t->state.xmm, sizeof(t->state.xmm));
	memcpy(model.data, native.data, NATIVE_DATA);
	model.base = (uintptr_t)native.data;
	model.seg[INSN_SEG_CS].attributes = HVM_SEG_L | HVM_SEG_P;
	model.cpu = (struct insn_cpu){
		.ops = &model_ops, .gpr = gpr, .seg = model.seg, .xmm = xmm,
		.rip = (uintptr_t)native.code, .rflags = t->state.rflags,
		.cr0 = CR0_PE, .cr4 = CR4_OSFXSR, .efer = EFER_LMA, .cpl = 3,
	};
}

static void complain(struct ktap *k, const struct trial *t, const char *what, uint64_t ours,
		     uint64_t theirs)
{
	char line[160];

	insn_describe(line, sizeof(line), t->bytes, t->length, &model.cpu);
	KTAP_FAIL(k, "%s: 0x%llx, processor 0x%llx: %s", what, (unsigned long long)ours,
		  (unsigned long long)theirs, line);
}

static void compare(struct ktap *k, const struct trial *t, const struct native_state *after)
{
	static const char *const names[16] = {
		"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
	};
	uint64_t defined = (FLAGS_ARITH | FLAG_DF) & ~vague_flags(t);

	for (unsigned int i = 0; i < 16; i++) {
		if (model.cpu.gpr[i] != after->gpr[i])
			complain(k, t, names[i], model.cpu.gpr[i], after->gpr[i]);
	}
	if ((model.cpu.rflags ^ after->rflags) & defined)
		complain(k, t, "rflags", model.cpu.rflags & defined, after->rflags & defined);
	if (memcmp(model.cpu.xmm, after->xmm, sizeof(after->xmm)))
		complain(k, t, "xmm", 0, 0);
	for (unsigned int i = 0; i < NATIVE_DATA; i++) {
		if (model.data[i] == native.data[i])
			continue;
		complain(k, t, "memory", model.data[i], native.data[i]);
		break;
	}
}

static void run_trial(struct ktap *k, const struct form *form)
{
	struct insn_exception exception;
	struct native_state after;
	enum insn_status status;
	uint8_t xmm[16][16];
	uint64_t gpr[16];
	struct insn insn;
	struct trial t;
	bool done, faulted;

	build(&t, form);
	model_load(&t, gpr, xmm);
	status = insn_decode(t.bytes, sizeof(t.bytes), INSN_MODE_64, &insn, &exception);
	if (status || insn.length != t.length) {
		complain(k, &t, "decode: status, length", status, insn.length);
		return;
	}
	status = insn_execute(&model.cpu, &insn);
	if (status && (status != INSN_EXCEPTION || model.cpu.exception.vector != INSN_DE)) {
		complain(k, &t, "execute: status, vector", status, model.cpu.exception.vector);
		return;
	}
	after = t.state;
	done = native_run(&native, t.bytes, t.length, &after);
	faulted = status == INSN_EXCEPTION;
	if (done == faulted)
		complain(k, &t, "divide error", status, done);
	else if (done)
		compare(k, &t, &after);
}

static bool processor_has(enum needs needs)
{
	unsigned int a, b, c1 = 0, d, b7 = 0, cx = 0;

	__get_cpuid(1, &a, &b, &c1, &d);
	__get_cpuid_count(7, 0, &a, &b7, &cx, &d);
	__get_cpuid(0x80000001, &a, &b, &cx, &d);
	switch (needs) {
	case NEEDS_MOVBE:
		return c1 & bit_MOVBE;
	case NEEDS_POPCNT:
		return c1 & bit_POPCNT;
	case NEEDS_BMI1:
		return b7 & bit_BMI;
	case NEEDS_LZCNT:
		return cx & bit_LZCNT;
	default:
		return true;
	}
}

static const struct form *current;

static void run_form(struct ktap *k)
{
	if (!processor_has(current->needs))
		KTAP_SKIP(k, "this processor does not have %s", current->name);
	for (unsigned int i = 0; i < ROUNDS && k->failures < 8; i++)
		run_trial(k, current);
}

/* One case a form; @argv[1], a number, is another seed than the usual one. */
int main(int argc, char **argv)
{
	struct ktap_case one = { .run = run_form };
	unsigned int failed = 0, n = sizeof(forms) / sizeof(forms[0]);

	seed = argc > 1 ? strtoull(argv[1], NULL, 0) | 1 : 0x9e3779b97f4a7c15ull;
	printf("KTAP version 1\n1..%u\n", n);
	if (!native_init(&native)) {
		printf("not ok 1 executable pages\n");
		return EXIT_FAILURE;
	}
	for (unsigned int i = 0; i < n; i++) {
		current = &forms[i];
		one.name = current->name;
		failed += !ktap_run_case(i + 1, &one);
	}
	native_deinit(&native);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
