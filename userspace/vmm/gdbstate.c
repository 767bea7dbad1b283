// SPDX-License-Identifier: GPL-2.0-only
/*
 * Between HVM_GET_STATE's blocks and gdb's registers. Manuals: SDM volume 1, "Managing State Using
 * the XSAVE Feature Set" (layout of the image) and "x87 FPU Tag Word".
 */
#include <errno.h>
#include <string.h>

#include "container_of.h"
#include "vmm/gdbstate.h"
#include "walk.h"

/* The XSAVE image, standard format. */
#define XSAVE_MXCSR	24
#define XSAVE_ST	32
#define XSAVE_XMM	160
#define XSAVE_BV	512
#define XSAVE_YMMH	576
#define XSAVE_AVX_END	832
#define BV_X87		1
#define BV_SSE		2
#define BV_AVX		4

#define CR4_SMAP	(1ULL << 21)
#define RFLAGS_RF	(1ULL << 16)
#define MXCSR_RESET	0x1f80
#define FCTRL_RESET	0x37f
#define OPERAND_SIZE	0x66

#define BLOCKS	(HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL)

static const uint8_t gpr_order[] = {
	HVM_RAX, HVM_RBX, HVM_RCX, HVM_RDX, HVM_RSI, HVM_RDI, HVM_RBP, HVM_RSP,
	HVM_R8, HVM_R9, HVM_R10, HVM_R11, HVM_R12, HVM_R13, HVM_R14, HVM_R15,
};

static const uint8_t seg_order[] = { HVM_CS, HVM_SS, HVM_DS, HVM_ES, HVM_FS, HVM_GS };

/* --- registers ------------------------------------------------------------------ */

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) | (uint32_t)get16(at + 2) << 16;
}

/* FXSAVE keeps one bit a register: empty or not. gdb's two bits say valid or empty. */
static uint32_t widen_tags(uint8_t tags)
{
	uint32_t wide = 0;

	for (int i = 0; i < 8; i++)
		if (!(tags & 1 << i))
			wide |= 3u << 2 * i;
	return wide;
}

static uint8_t narrow_tags(uint32_t wide)
{
	uint8_t tags = 0;

	for (int i = 0; i < 8; i++)
		if ((wide >> 2 * i & 3) != 3)
			tags |= (uint8_t)(1 << i);
	return tags;
}

static void read_x87(const uint8_t *x, struct gdb_registers *r)
{
	const uint32_t fp[8] = {
		get16(x), get16(x + 2), widen_tags(x[4]), get16(x + 12), get32(x + 8),
		get16(x + 20), get32(x + 16), get16(x + 6),
	};

	memcpy(r->fp, fp, sizeof(r->fp));
	for (int i = 0; i < 8; i++)
		memcpy(r->st[i], x + XSAVE_ST + 16 * i, 10);
}

/* What a component's bit does not announce is as after reset. */
static void read_vectors(const uint8_t *x, uint32_t bytes, struct gdb_registers *r)
{
	uint8_t bv = x[XSAVE_BV];

	r->fp[0] = FCTRL_RESET;
	r->fp[2] = 0xffff;
	r->mxcsr = MXCSR_RESET;
	if (bv & BV_X87)
		read_x87(x, r);
	if (bv & (BV_SSE | BV_AVX))
		r->mxcsr = get32(x + XSAVE_MXCSR);
	if (bv & BV_SSE)
		memcpy(r->xmm, x + XSAVE_XMM, sizeof(r->xmm));
	if (bv & BV_AVX && bytes >= XSAVE_AVX_END)
		memcpy(r->ymmh, x + XSAVE_YMMH, sizeof(r->ymmh));
}

static void set_blocks(struct hvm_state *state, uint8_t *xsave, uint32_t bytes)
{
	*state = (struct hvm_state){ 0 };
	state->xsave.address = (uintptr_t)xsave;
	state->xsave.count = bytes;
}

static int get_state(const struct hvm_vcpu *vcpu, uint8_t *xsave, uint32_t bytes,
		     struct hvm_state *state)
{
	set_blocks(state, xsave, bytes);
	return hvm_vcpu_get_state(vcpu, state, BLOCKS | (xsave ? HVM_STATE_XSAVE : 0));
}

static void from_state(const struct hvm_state *state, struct gdb_registers *r)
{
	const struct hvm_state_control *c = &state->control;
	const uint64_t control[GDB_CONTROLS] = { c->cr0, c->cr2, c->cr3, c->cr4, c->cr8, c->efer };

	for (int i = 0; i < 16; i++)
		r->gpr[i] = state->gpr.gpr[gpr_order[i]];
	r->rip = state->gpr.rip;
	r->rflags = (uint32_t)state->gpr.rflags;
	for (int i = 0; i < 6; i++)
		r->seg[i] = state->segments.seg[seg_order[i]].selector;
	r->base[0] = state->segments.seg[HVM_FS].base;
	r->base[1] = state->segments.seg[HVM_GS].base;
	memcpy(r->control, control, sizeof(r->control));
}

int gdbstate_get(const struct hvm_vcpu *vcpu, uint8_t *xsave, uint32_t bytes,
		 struct gdb_registers *r)
{
	struct hvm_state state;
	int ret = get_state(vcpu, xsave, bytes, &state);

	if (ret < 0)
		return ret;
	memset(r, 0, sizeof(*r));
	from_state(&state, r);
	if (xsave)
		read_vectors(xsave, bytes, r);
	return 0;
}

static void write_x87(uint8_t *x, const struct gdb_registers *r)
{
	const uint16_t control[] = { (uint16_t)r->fp[0], (uint16_t)r->fp[1],
				     narrow_tags(r->fp[2]), (uint16_t)r->fp[7] };

	memcpy(x, control, sizeof(control));
	memcpy(x + 8, &r->fp[4], 4);
	memcpy(x + 12, &r->fp[3], 2);
	memcpy(x + 16, &r->fp[6], 4);
	memcpy(x + 20, &r->fp[5], 2);
	for (int i = 0; i < 8; i++)
		memcpy(x + XSAVE_ST + 16 * i, r->st[i], 10);
}

static void write_vectors(uint8_t *x, const struct gdb_registers *r, bool avx)
{
	write_x87(x, r);
	memcpy(x + XSAVE_MXCSR, &r->mxcsr, 4);
	memcpy(x + XSAVE_XMM, r->xmm, sizeof(r->xmm));
	x[XSAVE_BV] |= BV_X87 | BV_SSE;
	if (!avx)
		return;
	memcpy(x + XSAVE_YMMH, r->ymmh, sizeof(r->ymmh));
	x[XSAVE_BV] |= BV_AVX;
}

static bool vectors_differ(const struct gdb_registers *a, const struct gdb_registers *b)
{
	return memcmp(a->st, b->st, sizeof(a->st)) || memcmp(a->fp, b->fp, sizeof(a->fp)) ||
	       memcmp(a->xmm, b->xmm, sizeof(a->xmm)) || a->mxcsr != b->mxcsr ||
	       memcmp(a->ymmh, b->ymmh, sizeof(a->ymmh));
}

/* RF belongs to the instruction it was set for. */
static void to_state(const struct gdb_registers *r, struct hvm_state *state)
{
	bool moved = state->gpr.rip != r->rip;

	for (int i = 0; i < 16; i++)
		state->gpr.gpr[gpr_order[i]] = r->gpr[i];
	state->gpr.rip = r->rip;
	state->gpr.rflags = r->rflags;
	if (moved)
		state->gpr.rflags &= ~RFLAGS_RF;
	state->segments.seg[HVM_FS].base = r->base[0];
	state->segments.seg[HVM_GS].base = r->base[1];
}

int gdbstate_set(const struct hvm_vcpu *vcpu, uint8_t *xsave, uint32_t bytes,
		 const struct gdb_registers *r)
{
	uint32_t mask = HVM_STATE_GPR | HVM_STATE_SEGMENTS;
	struct gdb_registers old = { 0 };
	struct hvm_state state;
	int ret = get_state(vcpu, xsave, bytes, &state);

	if (ret < 0)
		return ret;
	to_state(r, &state);
	if (xsave)
		read_vectors(xsave, bytes, &old);
	if (xsave && vectors_differ(&old, r)) {
		mask |= HVM_STATE_XSAVE;
		write_vectors(xsave, r, memcmp(old.ymmh, r->ymmh, sizeof(old.ymmh)) &&
			      bytes >= XSAVE_AVX_END);
	}
	return hvm_vcpu_set_state(vcpu, &state, mask);
}

/* --- addresses -------------------------------------------------------------------- */

struct tables {
	struct walk_memory walk;
	struct memory *memory;
};

static bool read_entry(struct walk_memory *walk, uint64_t gpa, void *entry, unsigned int size)
{
	const void *at = memory_at(container_of(walk, struct tables, walk)->memory, gpa, size);

	if (!at)
		return false;
	memcpy(entry, at, size);
	return true;
}

static bool is_canonical(const struct hvm_state_control *control, uint64_t gva)
{
	unsigned int unused = control->cr4 & 1 << 12 ? 64 - 57 : 64 - 48;

	if (!(control->efer & 1 << 10))
		return !(gva >> 32);
	return (uint64_t)((int64_t)(gva << unused) >> unused) == gva;
}

int gdbstate_translate(const struct hvm_vcpu *vcpu, struct memory *memory, uint8_t phys_bits,
		       uint64_t gva, uint64_t *gpa)
{
	struct tables tables = { .walk.read = read_entry, .memory = memory };
	struct walk_paging paging;
	struct walk_result result;
	struct hvm_state state;

	if (hvm_vcpu_get_state(vcpu, &state, HVM_STATE_CONTROL) < 0 ||
	    !is_canonical(&state.control, gva))
		return -EFAULT;
	paging = (struct walk_paging){
		.cr0 = state.control.cr0,
		.cr3 = state.control.cr3,
		.cr4 = state.control.cr4 & ~CR4_SMAP,
		.efer = state.control.efer,
		.phys_bits = phys_bits,
	};
	if (walk_gva(&paging, &tables.walk, gva, 0, &result) != WALK_OK)
		return -EFAULT;
	*gpa = result.gpa;
	return 0;
}

int gdbstate_code(const struct hvm_vcpu *vcpu, struct memory *memory, uint8_t phys_bits,
		  uint8_t *opcode)
{
	struct hvm_state state;
	uint64_t gva, gpa;

	if (hvm_vcpu_get_state(vcpu, &state, HVM_STATE_GPR | HVM_STATE_SEGMENTS) < 0)
		return -EFAULT;
	gva = state.gpr.rip;
	if (!(state.segments.seg[HVM_CS].attributes & HVM_SEG_L))
		gva += state.segments.seg[HVM_CS].base;
	for (int prefixes = 0; prefixes < 2; prefixes++) {
		const uint8_t *at;

		if (gdbstate_translate(vcpu, memory, phys_bits, gva++, &gpa) < 0)
			return -EFAULT;
		at = memory_at(memory, gpa, 1);
		if (!at)
			return -EFAULT;
		*opcode = *at;
		if (*opcode != OPERAND_SIZE)
			break;
	}
	return 0;
}
