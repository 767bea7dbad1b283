// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's registers between the VMCB and the ABI's terms, the state after reset, and which
 * register it was when the processor refuses to run the guest. Not here: MSRs (msr.c).
 */
#include <linux/bitops.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/processor.h>

#include "svm.h"

#define SEG_ATTRIBUTES	0x0fff
#define TYPE_BUSY	0x2	/* in the type of a TSS */
#define PAT_RESET	0x0007040600070406ULL

/* By enum hvm_seg. */
static const u16 segment_offset[HVM_SEG_COUNT] = {
	[HVM_ES] = offsetof(struct vmcb, es),
	[HVM_CS] = offsetof(struct vmcb, cs),
	[HVM_SS] = offsetof(struct vmcb, ss),
	[HVM_DS] = offsetof(struct vmcb, ds),
	[HVM_FS] = offsetof(struct vmcb, fs),
	[HVM_GS] = offsetof(struct vmcb, gs),
	[HVM_LDTR] = offsetof(struct vmcb, ldtr),
	[HVM_TR] = offsetof(struct vmcb, tr),
};

static struct vmcb_segment *segment(struct vmcb *vmcb, int which)
{
	return (void *)vmcb + segment_offset[which];
}

/* The processor does not look at G once the limit is expanded, and may show a stale one. */
static u16 sound_granularity(u16 attributes, u32 limit)
{
	if (limit > 0xfffff)
		return attributes | HVM_SEG_G;
	if ((limit & 0xfff) != 0xfff)
		return attributes & ~HVM_SEG_G;
	return attributes;
}

/*
 * What is not present is unusable, to this processor as to the other vendor's. SS carries the
 * privilege level in its DPL, whatever is stored there, and a task register is always busy.
 */
static void get_segment(struct vmcb *vmcb, int which, struct hvm_segment *out)
{
	const struct vmcb_segment *in = segment(vmcb, which);
	u16 attributes = in->attributes & SEG_ATTRIBUTES;

	if (which == HVM_SS)
		attributes = (attributes & ~HVM_SEG_DPL) | vmcb->cpl << HVM_SEG_DPL_SHIFT;
	if (!(attributes & HVM_SEG_P))
		attributes |= HVM_SEG_UNUSABLE;
	else
		attributes = sound_granularity(attributes, in->limit);
	if (which == HVM_TR)
		attributes |= TYPE_BUSY;

	out->base = in->base;
	out->limit = in->limit;
	out->selector = in->selector;
	out->attributes = attributes;
}

static void set_segment(struct vmcb *vmcb, int which, const struct hvm_segment *in)
{
	struct vmcb_segment *out = segment(vmcb, which);

	out->base = in->base;
	out->limit = in->limit;
	out->selector = in->selector;
	out->attributes = in->attributes & SEG_ATTRIBUTES;
	if (in->attributes & HVM_SEG_UNUSABLE)
		out->attributes &= ~HVM_SEG_P;
}

static void get_table(const struct vmcb_segment *in, struct hvm_dtable *out)
{
	out->base = in->base;
	out->limit = in->limit;
	out->reserved = 0;
}

static void set_table(struct vmcb_segment *out, const struct hvm_dtable *in)
{
	out->base = in->base;
	out->limit = in->limit;
}

/*
 * VMRUN takes the privilege level from here, emulators from SS: keep both the same. After an exit
 * it is the processor's word that counts, for SYSRET leaves SS.DPL as it was; only a new SS has the
 * level in its DPL.
 */
static void update_cpl(struct vmcb *vmcb, bool new_ss)
{
	if (!(vmcb->cr0 & X86_CR0_PE))
		vmcb->cpl = 0;
	else if (vmcb->rflags & X86_EFLAGS_VM)
		vmcb->cpl = 3;
	else if (new_ss)
		vmcb->cpl = (vmcb->ss.attributes & HVM_SEG_DPL) >> HVM_SEG_DPL_SHIFT;
	vmcb->ss.attributes = (vmcb->ss.attributes & ~HVM_SEG_DPL) | vmcb->cpl << HVM_SEG_DPL_SHIFT;
	vmcb->clean &= ~VMCB_CLEAN_SEGMENTS;
}

static void set_real_mode_segment(struct vmcb_segment *seg, u16 selector, u64 base, u16 attributes)
{
	seg->selector = selector;
	seg->base = base;
	seg->limit = 0xffff;
	seg->attributes = attributes;
}

/**
 * svm_state_reset - APM volume 2, "Initial Processor State"
 * @svm: the virtual CPU
 *
 * EFER.SVME is what VMRUN asks for and not the guest's: it is never shown.
 */
void svm_state_reset(struct svm_vcpu *svm)
{
	struct vmcb *vmcb = svm->vmcb;
	int i;

	for (i = HVM_ES; i <= HVM_GS; i++)
		set_real_mode_segment(segment(vmcb, i), 0, 0, 0x93);
	set_real_mode_segment(&vmcb->cs, 0xf000, 0xffff0000, 0x9b);
	set_real_mode_segment(&vmcb->ldtr, 0, 0, 0x82);
	set_real_mode_segment(&vmcb->tr, 0, 0, 0x8b);
	vmcb->gdtr.limit = 0xffff;
	vmcb->idtr.limit = 0xffff;
	vmcb->cr0 = X86_CR0_CD | X86_CR0_NW | X86_CR0_ET;
	vmcb->efer = EFER_SVME;
	vmcb->rflags = X86_EFLAGS_FIXED;
	vmcb->rip = 0xfff0;
	vmcb->dr6 = SVM_DR6_NEUTRAL;
	vmcb->dr7 = SVM_DR7_NEUTRAL;
	vmcb->g_pat = PAT_RESET;
	svm->dr7 = SVM_DR7_NEUTRAL;
	vmcb->clean = 0;
}

/* Where HVM_SEG_* are in the second half of struct hvm_segment. */
#define HALF_ATTRIBUTES(bits)	((u64)(bits) << 48)

/*
 * As get_segment(), but for G, which says nothing beside a limit in bytes; at every access to a
 * device's memory. Selector, attributes and limit are one half of either structure, in the same
 * order but for where they begin.
 */
static noinline void expose_segments(struct hvm_run *run, const struct vmcb *vmcb)
{
	const u64 *in = (const u64 *)&vmcb->es;
	u64 *out = (u64 *)run->seg;
	int i;

	for (i = HVM_ES; i <= HVM_GS; i++, in += 2, out += 2) {
		u64 half = rol64(in[0], 32) & ~HALF_ATTRIBUTES(0xf000);

		if (!(half & HALF_ATTRIBUTES(HVM_SEG_P)))
			half |= HALF_ATTRIBUTES(HVM_SEG_UNUSABLE);
		out[0] = in[1];
		out[1] = half;
	}
	run->seg[HVM_SS].attributes &= ~HVM_SEG_DPL;
	run->seg[HVM_SS].attributes |= vmcb->cpl << HVM_SEG_DPL_SHIFT;
}

static_assert(offsetof(struct vmcb_segment, selector) == 0);
static_assert(offsetof(struct vmcb_segment, attributes) == 2);
static_assert(offsetof(struct vmcb_segment, limit) == 4);
static_assert(offsetof(struct vmcb_segment, base) == 8);
static_assert(offsetof(struct hvm_segment, base) == 0);
static_assert(offsetof(struct hvm_segment, limit) == 8);
static_assert(offsetof(struct hvm_segment, selector) == 12);
static_assert(offsetof(struct hvm_segment, attributes) == 14);
static_assert(offsetof(struct vmcb, gs) == offsetof(struct vmcb, es) +
	      (HVM_GS - HVM_ES) * sizeof(struct vmcb_segment));

/* 64-bit code: no more than the little that means anything there. */
static void expose_flat(struct hvm_run *run, const struct vmcb *vmcb)
{
	run->seg[HVM_CS].attributes = vmcb->cs.attributes & SEG_ATTRIBUTES;
	run->seg[HVM_FS].base = vmcb->fs.base;
	run->seg[HVM_GS].base = vmcb->gs.base;
}

/**
 * svm_expose - &hvm_backend.expose
 * @hw: the virtual CPU
 * @full: what a decoder needs, too
 */
void svm_expose(struct hvm_hw *hw, bool full)
{
	struct hvm_run *run = hw->run;
	struct vmcb *vmcb = to_svm(hw)->vmcb;

	hw->rsp = vmcb->rsp;
	hw->rflags = vmcb->rflags;
	run->rip = vmcb->rip;
	run->rflags = hw->rflags;
	run->gpr[HVM_RSP] = hw->rsp;
	if (!full)
		return;
	run->cpl = vmcb->cpl;
	run->cr0 = vmcb->cr0;
	run->cr2 = hw->cr2;
	run->cr3 = vmcb->cr3;
	run->cr4 = vmcb->cr4;
	run->efer = vmcb->efer & ~EFER_SVME;
	if (likely(vmcb->efer & EFER_LMA && vmcb->cs.attributes & HVM_SEG_L))
		expose_flat(run, vmcb);
	else
		expose_segments(run, vmcb);
}

static void get_segments(struct vmcb *vmcb, struct hvm_state_segments *out)
{
	int i;

	for (i = 0; i < HVM_SEG_COUNT; i++)
		get_segment(vmcb, i, &out->seg[i]);
	get_table(&vmcb->gdtr, &out->gdt);
	get_table(&vmcb->idtr, &out->idt);
}

/*
 * With nested paging the processor keeps no page-directory pointers: it reads them like any other
 * table.
 */
static void get_control(struct vmcb *vmcb, struct hvm_hw_state *state)
{
	state->cr0 = vmcb->cr0;
	state->cr3 = vmcb->cr3;
	state->cr4 = vmcb->cr4;
	state->efer = vmcb->efer & ~EFER_SVME;
	memset(state->pdpte, 0, sizeof(state->pdpte));
}

/* The processor does not say which of the two a shadow is; STI's comes with interrupts enabled. */
static u8 get_shadow(const struct vmcb *vmcb)
{
	if (!(vmcb->int_state & VMCB_INT_SHADOW))
		return 0;
	return vmcb->rflags & X86_EFLAGS_IF ? HVM_SHADOW_STI : HVM_SHADOW_MOV_SS;
}

/**
 * svm_get_state - &hvm_backend.get_state
 * @hw: the virtual CPU
 * @mask: HVM_STATE_GPR, SEGMENTS, CONTROL, DEBUG, EVENTS
 * @state: filled in
 */
void svm_get_state(struct hvm_hw *hw, u32 mask, struct hvm_hw_state *state)
{
	struct svm_vcpu *svm = to_svm(hw);
	struct vmcb *vmcb = svm->vmcb;

	if (mask & HVM_STATE_GPR) {
		state->rip = vmcb->rip;
		state->rsp = vmcb->rsp;
		state->rflags = vmcb->rflags;
	}
	if (mask & HVM_STATE_SEGMENTS)
		get_segments(vmcb, &state->segments);
	if (mask & HVM_STATE_CONTROL)
		get_control(vmcb, state);
	if (mask & HVM_STATE_DEBUG)
		state->dr7 = svm->dr_live ? vmcb->dr7 : svm->dr7;
	if (mask & HVM_STATE_EVENTS) {
		state->shadow = get_shadow(vmcb);
		state->nmi_masked = svm->nmi_masked;
	}
}

static void set_segments(struct vmcb *vmcb, const struct hvm_state_segments *in)
{
	int i;

	for (i = 0; i < HVM_SEG_COUNT; i++)
		set_segment(vmcb, i, &in->seg[i]);
	set_table(&vmcb->gdtr, &in->gdt);
	set_table(&vmcb->idtr, &in->idt);
	vmcb->clean &= ~(VMCB_CLEAN_DT | VMCB_CLEAN_SEGMENTS);
}

static void set_control(struct svm_vcpu *svm, const struct hvm_hw_state *state)
{
	struct vmcb *vmcb = svm->vmcb;

	vmcb->cr0 = state->cr0;
	vmcb->cr3 = state->cr3;
	vmcb->cr4 = state->cr4;
	vmcb->efer = state->efer | EFER_SVME;
	vmcb->clean &= ~VMCB_CLEAN_CR;
	svm->hw.dirty |= HVM_HW_FLUSH_TLB;
}

static void set_dr7(struct svm_vcpu *svm, u64 dr7)
{
	if (!svm->dr_live) {
		svm->dr7 = dr7;
		return;
	}
	svm->vmcb->dr7 = dr7;
	svm->vmcb->clean &= ~VMCB_CLEAN_DR;
}

static void set_events(struct svm_vcpu *svm, const struct hvm_hw_state *state)
{
	svm->vmcb->int_state = state->shadow ? VMCB_INT_SHADOW : 0;
	if (state->nmi_masked || svm->nmi_masked)
		svm_nmi_set_masked(svm, state->nmi_masked);
}

/**
 * svm_set_state - &hvm_backend.set_state
 * @hw: the virtual CPU
 * @mask: HVM_STATE_GPR, SEGMENTS, CONTROL, DEBUG, EVENTS
 * @state: the values, each right by itself
 */
void svm_set_state(struct hvm_hw *hw, u32 mask, const struct hvm_hw_state *state)
{
	struct svm_vcpu *svm = to_svm(hw);
	struct vmcb *vmcb = svm->vmcb;

	if (mask & HVM_STATE_GPR) {
		vmcb->rip = state->rip;
		vmcb->rsp = state->rsp;
		vmcb->rflags = state->rflags;
	}
	if (mask & HVM_STATE_SEGMENTS)
		set_segments(vmcb, &state->segments);
	if (mask & HVM_STATE_CONTROL)
		set_control(svm, state);
	if (mask & HVM_STATE_DEBUG)
		set_dr7(svm, state->dr7);
	if (mask & HVM_STATE_EVENTS)
		set_events(svm, state);
	update_cpl(vmcb, mask & HVM_STATE_SEGMENTS);
}

static bool long_mode_enabled(const struct vmcb *vmcb)
{
	return vmcb->efer & EFER_LME && vmcb->cr0 & X86_CR0_PG;
}

static bool cr0_invalid(const struct vmcb *vmcb)
{
	u64 cr0 = vmcb->cr0;

	if (cr0 >> 32 || (cr0 & X86_CR0_NW && !(cr0 & X86_CR0_CD)))
		return true;
	return cr0 & X86_CR0_PG && !(cr0 & X86_CR0_PE);
}

static bool cr3_invalid(const struct vmcb *vmcb)
{
	return long_mode_enabled(vmcb) && vmcb->cr3 >> boot_cpu_data.x86_phys_bits;
}

static bool cr4_invalid(const struct vmcb *vmcb)
{
	if (vmcb->cr4 >> 32 || (long_mode_enabled(vmcb) && !(vmcb->cr4 & X86_CR4_PAE)))
		return true;
	return vmcb->cr4 & X86_CR4_CET && !(vmcb->cr0 & X86_CR0_WP);
}

static bool efer_invalid(const struct vmcb *vmcb)
{
	if (vmcb->efer >> 32 || !(vmcb->efer & EFER_SVME))
		return true;
	return !(vmcb->efer & EFER_LMA) != !long_mode_enabled(vmcb);
}

static bool cs_invalid(const struct vmcb *vmcb)
{
	return long_mode_enabled(vmcb) && vmcb->cs.attributes & HVM_SEG_L &&
	       vmcb->cs.attributes & HVM_SEG_DB;
}

static bool debug_invalid(const struct vmcb *vmcb)
{
	return vmcb->dr6 >> 32 || vmcb->dr7 >> 32;
}

static bool event_invalid(const struct vmcb *vmcb)
{
	u64 type = vmcb->event_inj & VMCB_EVENT_TYPE;
	u8 vector = vmcb->event_inj & VMCB_EVENT_VECTOR;

	if (!(vmcb->event_inj & VMCB_EVENT_VALID) || type != VMCB_EVENT_EXCEPTION)
		return false;
	if (vector >= 31 || vector == 2)
		return true;
	/* #OF and #BR cannot be raised where their instructions do not exist; #BP's can. */
	return vector == 5 && long_mode_enabled(vmcb) && vmcb->cs.attributes & HVM_SEG_L;
}

/**
 * svm_state_invalid - what the processor did not like about a VMCB it refused to run
 * @vmcb: the VMCB
 *
 * APM volume 2, "Canonicalization and Consistency Checks", of what a VMM can set.
 */
enum hvm_invalid_field svm_state_invalid(const struct vmcb *vmcb)
{
	static const struct {
		bool (*invalid)(const struct vmcb *vmcb);
		enum hvm_invalid_field field;
	} checks[] = {
		{ cr0_invalid, HVM_INVALID_CR0 },
		{ cr4_invalid, HVM_INVALID_CR4 },
		{ cr3_invalid, HVM_INVALID_CR3 },
		{ efer_invalid, HVM_INVALID_EFER },
		{ cs_invalid, HVM_INVALID_CS },
		{ debug_invalid, HVM_INVALID_DEBUG },
		{ event_invalid, HVM_INVALID_EVENT },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(checks); i++)
		if (checks[i].invalid(vmcb))
			return checks[i].field;
	return HVM_INVALID_UNKNOWN;
}
