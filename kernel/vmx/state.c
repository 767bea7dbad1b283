// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's registers in the VMCS, in the ABI's terms and back. Not here: whether values are
 * right (common code by itself, the processor in combination), and MSRs (msr.c).
 */
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>

#include "vmx.h"

/*
 * Bits of CR0 that the hardware register never has: the host's caches are not the guest's to turn
 * off.
 */
#define CR0_NEVER	(X86_CR0_CD | X86_CR0_NW)

/* --- segments -------------------------------------------------------------- */

/*
 * Attributes 7:0 are the same; AVL, L, D/B and G lie four bits higher, "unusable" one (SDM "Format
 * of Access Rights").
 */
static u32 to_rights(u16 attributes)
{
	return (attributes & 0xff) | (attributes & 0xf00) << 4 |
	       (attributes & HVM_SEG_UNUSABLE) << 1;
}

static u16 to_attributes(u32 rights)
{
	return (rights & 0xff) | (rights >> 4 & 0xf00) | (rights >> 1 & HVM_SEG_UNUSABLE);
}

static_assert(HVM_SEG_AVL << 4 == VMX_RIGHTS_AVL && HVM_SEG_G << 4 == VMX_RIGHTS_G);
static_assert(HVM_SEG_UNUSABLE << 1 == VMX_RIGHTS_UNUSABLE);

static void read_segment(unsigned int index, struct hvm_segment *seg)
{
	seg->base = vmcs_read(VMCS_GUEST_BASE(index));
	seg->limit = vmcs_read(VMCS_GUEST_LIMIT(index));
	seg->selector = vmcs_read(VMCS_GUEST_SELECTOR(index));
	seg->attributes = to_attributes(vmcs_read(VMCS_GUEST_RIGHTS(index)));
}

/*
 * What is not present is unusable to the processor. A code or data segment that is loaded was
 * marked accessed when it was; the processor insists, so an image of the registers that forgot it
 * is put right.
 */
static void write_segment(unsigned int index, const struct hvm_segment *seg)
{
	u32 rights = to_rights(seg->attributes);

	if (!(rights & HVM_SEG_P))
		rights |= VMX_RIGHTS_UNUSABLE;
	else if (rights & HVM_SEG_S)
		rights |= 1;
	vmcs_write(VMCS_GUEST_BASE(index), seg->base);
	vmcs_write(VMCS_GUEST_LIMIT(index), seg->limit);
	vmcs_write(VMCS_GUEST_SELECTOR(index), seg->selector);
	vmcs_write(VMCS_GUEST_RIGHTS(index), rights);
}

static void get_segments(struct hvm_state_segments *segments)
{
	unsigned int i;

	for (i = 0; i < HVM_SEG_COUNT; i++)
		read_segment(i, &segments->seg[i]);
	segments->gdt.base = vmcs_read(VMCS_GUEST_GDTR_BASE);
	segments->gdt.limit = vmcs_read(VMCS_GUEST_GDTR_LIMIT);
	segments->gdt.reserved = 0;
	segments->idt.base = vmcs_read(VMCS_GUEST_IDTR_BASE);
	segments->idt.limit = vmcs_read(VMCS_GUEST_IDTR_LIMIT);
	segments->idt.reserved = 0;
}

static void set_segments(const struct hvm_state_segments *segments)
{
	unsigned int i;

	for (i = 0; i < HVM_SEG_COUNT; i++)
		write_segment(i, &segments->seg[i]);
	vmcs_write(VMCS_GUEST_GDTR_BASE, segments->gdt.base);
	vmcs_write(VMCS_GUEST_GDTR_LIMIT, segments->gdt.limit);
	vmcs_write(VMCS_GUEST_IDTR_BASE, segments->idt.base);
	vmcs_write(VMCS_GUEST_IDTR_LIMIT, segments->idt.limit);
}

/* --- control registers ------------------------------------------------------ */

static u64 cr0_mask(void)
{
	return vmx_caps.cr0_fixed | CR0_NEVER;
}

static u64 get_cr0(void)
{
	return (vmcs_read(VMCS_GUEST_CR0) & ~cr0_mask()) |
	       (vmcs_read(VMCS_CR0_SHADOW) & cr0_mask());
}

static u64 get_cr4(void)
{
	return (vmcs_read(VMCS_GUEST_CR4) & vmx_caps.cr4_owned) |
	       (vmcs_read(VMCS_CR4_SHADOW) & ~vmx_caps.cr4_owned);
}

static void set_cr0(u64 cr0)
{
	vmcs_write(VMCS_CR0_SHADOW, cr0);
	vmcs_write(VMCS_GUEST_CR0, (cr0 & ~(u64)CR0_NEVER) | vmx_caps.cr0_fixed);
}

/*
 * MCE stays set, whatever the guest thinks: with it clear a machine check in the guest would shut
 * the host down.
 */
static void set_cr4(u64 cr4)
{
	vmcs_write(VMCS_CR4_SHADOW, cr4);
	vmcs_write(VMCS_GUEST_CR4, cr4 | vmx_caps.cr4_fixed | (native_read_cr4() & X86_CR4_MCE));
}

/*
 * "IA-32e mode guest" is EFER.LMA said twice. The processor itself moves both when the guest turns
 * paging on or off (SDM "Saving Control Registers, Debug Registers, and MSRs"), so the control is
 * read, not remembered.
 */
static void set_efer(struct vmx_vcpu *vmx, u64 efer)
{
	u32 entry = vmcs_read(VMCS_ENTRY_CONTROLS);
	u32 wanted = efer & EFER_LMA ? entry | VMX_ENTRY_IA32E : entry & ~VMX_ENTRY_IA32E;

	vmcs_write(VMCS_GUEST_EFER, efer);
	if (wanted != entry)
		vmcs_write(VMCS_ENTRY_CONTROLS, wanted);
	vmx->syscall_on = efer & EFER_SCE;
}

static void get_control(struct hvm_hw_state *state)
{
	bool pae;
	int i;

	state->cr0 = get_cr0();
	state->cr3 = vmcs_read(VMCS_GUEST_CR3);
	state->cr4 = get_cr4();
	state->efer = vmcs_read(VMCS_GUEST_EFER);
	pae = state->cr0 & X86_CR0_PG && state->cr4 & X86_CR4_PAE && !(state->efer & EFER_LMA);
	for (i = 0; i < ARRAY_SIZE(state->pdpte); i++)
		state->pdpte[i] = pae ? vmcs_read(VMCS_GUEST_PDPTE(i)) : 0;
}

static void set_control(struct vmx_vcpu *vmx, const struct hvm_hw_state *state)
{
	int i;

	set_cr0(state->cr0);
	vmcs_write(VMCS_GUEST_CR3, state->cr3);
	set_cr4(state->cr4);
	set_efer(vmx, state->efer);
	for (i = 0; i < ARRAY_SIZE(state->pdpte); i++)
		vmcs_write(VMCS_GUEST_PDPTE(i), state->pdpte[i]);
}

/* SYSCALL may just have been turned on. */
static void load_syscall_msrs(struct vmx_vcpu *vmx)
{
	preempt_disable();
	if (vmx->loaded)
		vmx_user_return_load(vmx);
	preempt_enable();
}

/* --- events ------------------------------------------------------------------ */

static void get_events(struct hvm_hw_state *state)
{
	u32 blocking = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);

	state->shadow = 0;
	if (blocking & VMX_SHADOW_MOV_SS)
		state->shadow = HVM_SHADOW_MOV_SS;
	else if (blocking & VMX_SHADOW_STI)
		state->shadow = HVM_SHADOW_STI;
	state->nmi_masked = blocking & VMX_NMI_MASKED;
}

static void set_events(const struct hvm_hw_state *state)
{
	u32 blocking = state->nmi_masked ? VMX_NMI_MASKED : 0;

	if (state->shadow == HVM_SHADOW_STI)
		blocking |= VMX_SHADOW_STI;
	else if (state->shadow == HVM_SHADOW_MOV_SS)
		blocking |= VMX_SHADOW_MOV_SS;
	vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, blocking);
	vmcs_write(VMCS_GUEST_PENDING_DEBUG, 0);
}

/* --- the waist ---------------------------------------------------------------- */

/**
 * vmx_get_state - read blocks of registers
 * @hw: the vCPU
 * @mask: HVM_STATE_*
 * @state: filled in
 *
 * Context: interrupts on, or loaded
 */
void vmx_get_state(struct hvm_hw *hw, u32 mask, struct hvm_hw_state *state)
{
	struct vmx_vcpu *vmx = to_vmx(hw), *before = NULL;
	bool loaded = vmx->loaded;

	if (!loaded)
		before = vmx_hold(vmx);
	if (mask & HVM_STATE_GPR) {
		state->rip = vmcs_read(VMCS_GUEST_RIP);
		state->rsp = vmcs_read(VMCS_GUEST_RSP);
		state->rflags = vmcs_read(VMCS_GUEST_RFLAGS);
	}
	if (mask & HVM_STATE_SEGMENTS)
		get_segments(&state->segments);
	if (mask & HVM_STATE_CONTROL)
		get_control(state);
	if (mask & HVM_STATE_DEBUG)
		state->dr7 = vmx->dr7_kept ? vmx->dr7 : vmcs_read(VMCS_GUEST_DR7);
	if (mask & HVM_STATE_EVENTS)
		get_events(state);
	if (!loaded)
		vmx_unhold(vmx, before);
}

/**
 * vmx_set_state - write blocks of registers
 * @hw: the vCPU
 * @mask: HVM_STATE_*
 * @state: the values, each right by itself
 *
 * Context: interrupts on, or loaded
 */
void vmx_set_state(struct hvm_hw *hw, u32 mask, const struct hvm_hw_state *state)
{
	struct vmx_vcpu *vmx = to_vmx(hw), *before = NULL;
	bool loaded = vmx->loaded;

	if (!loaded)
		before = vmx_hold(vmx);
	if (mask & HVM_STATE_GPR) {
		vmcs_write(VMCS_GUEST_RIP, state->rip);
		vmcs_write(VMCS_GUEST_RSP, state->rsp);
		vmcs_write(VMCS_GUEST_RFLAGS, state->rflags);
	}
	if (mask & HVM_STATE_SEGMENTS)
		set_segments(&state->segments);
	if (mask & HVM_STATE_CONTROL) {
		set_control(vmx, state);
		load_syscall_msrs(vmx);
		hw->dirty |= VMX_WORK_FLUSH_VPID;
	}
	if (mask & HVM_STATE_DEBUG && vmx->dr7_kept)
		vmx->dr7 = state->dr7;
	else if (mask & HVM_STATE_DEBUG)
		vmcs_write(VMCS_GUEST_DR7, state->dr7);
	if (mask & HVM_STATE_EVENTS)
		set_events(state);
	hw->dirty |= VMX_WORK_DEBUG;
	if (!loaded)
		vmx_unhold(vmx, before);
}

/* In 64-bit code no more than the little that means anything there. */
static void expose_segments(struct hvm_run *run, u64 efer)
{
	u32 code = vmcs_read(VMCS_GUEST_RIGHTS(HVM_CS));
	unsigned int i;

	if (likely(efer & EFER_LMA && code & VMX_RIGHTS_L)) {
		run->seg[HVM_CS].attributes = to_attributes(code);
		run->seg[HVM_FS].base = vmcs_read(VMCS_GUEST_BASE(HVM_FS));
		run->seg[HVM_GS].base = vmcs_read(VMCS_GUEST_BASE(HVM_GS));
		return;
	}
	for (i = 0; i < ARRAY_SIZE(run->seg); i++)
		read_segment(i, &run->seg[i]);
}

static noinline void expose_rest(const struct hvm_hw *hw)
{
	struct hvm_run *run = hw->run;
	u64 efer = vmcs_read(VMCS_GUEST_EFER);

	run->cr0 = get_cr0();
	run->cr2 = hw->cr2;
	run->cr3 = vmcs_read(VMCS_GUEST_CR3);
	run->cr4 = get_cr4();
	run->efer = efer;
	expose_segments(run, efer);
	/* SS.DPL is the CPL in every mode (SDM "Checks on Guest Segment Registers"). */
	run->cpl = (vmcs_read(VMCS_GUEST_RIGHTS(HVM_SS)) & HVM_SEG_DPL) >> HVM_SEG_DPL_SHIFT;
}

/**
 * vmx_expose - what userspace sees at an exit
 * @hw: the vCPU, loaded
 * @full: all that an instruction decoder needs
 */
void vmx_expose(struct hvm_hw *hw, bool full)
{
	struct hvm_run *run = hw->run;

	hw->rsp = vmcs_read(VMCS_GUEST_RSP);
	hw->rflags = vmcs_read(VMCS_GUEST_RFLAGS);
	run->rip = vmcs_read(VMCS_GUEST_RIP);
	run->rflags = hw->rflags;
	run->gpr[HVM_RSP] = hw->rsp;
	if (full)
		expose_rest(hw);
}
