// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hardware vCPU's beginning and end: its pages, its VPID, and the fields of its VMCS that never
 * change again. Not here: its registers (state.c) and the fields that differ by CPU (host.c).
 */
#include <linux/gfp.h>
#include <linux/idr.h>
#include <linux/slab.h>
#include <asm/desc.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/segment.h>
#include <asm/special_insns.h>

#include "vmx.h"

#define MAX_VPID	0xffff

/* PAUSEs at most so many ticks apart are one loop, which exits after so many. */
#define PLE_GAP		128
#define PLE_WINDOW	4096

/* SDM "Processor State After Reset" */
#define RESET_BLOCKS	(HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL | \
			 HVM_STATE_DEBUG | HVM_STATE_EVENTS)
#define RESET_CR0	0x60000010
#define RESET_RIP	0xfff0
#define RESET_RFLAGS	2
#define RESET_DR7	0x400
#define RESET_PAT	0x0007040600070406ULL
#define RESET_CS	0xf000
#define RESET_CS_BASE	0xffff0000ULL
#define RESET_LIMIT	0xffff
#define RESET_DATA	(HVM_SEG_P | HVM_SEG_S | 3)
#define RESET_CODE	(HVM_SEG_P | HVM_SEG_S | 0xb)
#define RESET_LDTR	(HVM_SEG_P | 2)
#define RESET_TR	(HVM_SEG_P | 0xb)

static DEFINE_IDA(vpids);

/* Without one (there are 65,535) the processor flushes at each entry and exit. */
static u16 alloc_vpid(void)
{
	int vpid;

	if (!vmx_caps.invvpid)
		return 0;
	vpid = ida_alloc_range(&vpids, 1, MAX_VPID, GFP_KERNEL_ACCOUNT);
	return vpid < 0 ? 0 : vpid;
}

static void free_vpid(u16 vpid)
{
	if (vpid)
		ida_free(&vpids, vpid);
}

static void write_controls(struct vmx_vcpu *vmx)
{
	u32 secondary = vmx_caps.secondary;

	if (!vmx->vpid)
		secondary &= ~VMX_SECONDARY_VPID;
	vmx->primary = vmx_caps.primary;
	vmcs_write(VMCS_PIN_CONTROLS, vmx_caps.pin);
	vmcs_write(VMCS_PRIMARY_CONTROLS, vmx->primary);
	vmcs_write(VMCS_SECONDARY_CONTROLS, secondary);
	vmcs_write(VMCS_EXIT_CONTROLS, vmx_caps.exit);
	vmcs_write(VMCS_ENTRY_CONTROLS, vmx_caps.entry);
	if (secondary & VMX_SECONDARY_VPID)
		vmcs_write(VMCS_VPID, vmx->vpid);
	if (secondary & VMX_SECONDARY_PAUSE_LOOP) {
		vmcs_write(VMCS_PLE_GAP, PLE_GAP);
		vmcs_write(VMCS_PLE_WINDOW, PLE_WINDOW);
	}
	if (secondary & VMX_SECONDARY_ENCLS)
		vmcs_write(VMCS_ENCLS_BITMAP, ~0ULL);
	if (vmx_caps.pin & VMX_PIN_PREEMPTION_TIMER)
		vmcs_write(VMCS_PREEMPTION_TIMER, ~0U);
	vmcs_write(VMCS_VIRTUAL_APIC, __pa(vmx->vapic));
	vmcs_write(VMCS_TPR_THRESHOLD, 0);
	vmcs_write(VMCS_TSC_OFFSET, 0);
	vmcs_write(VMCS_PF_ERROR_MASK, 0);
	vmcs_write(VMCS_PF_ERROR_MATCH, 0);
	vmcs_write(VMCS_CR3_TARGET_COUNT, 0);
	vmcs_write(VMCS_EXIT_MSR_STORE_COUNT, 0);
	vmcs_write(VMCS_EXIT_MSR_LOAD_COUNT, 0);
	vmcs_write(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
	vmcs_write(VMCS_ENTRY_EVENT, 0);
	vmcs_write(VMCS_LINK, ~0ULL);
	vmcs_write(VMCS_CR4_MASK, ~vmx_caps.cr4_owned);
	vmcs_write(VMCS_CR0_MASK, vmx_caps.cr0_fixed | X86_CR0_CD | X86_CR0_NW);
}

/*
 * What is the same on every CPU. Segments that user programs may have set are null here, see
 * host.c.
 */
static void write_host(struct vmx_vcpu *vmx)
{
	struct desc_ptr idt;
	u64 value;

	store_idt(&idt);
	vmcs_write(VMCS_HOST_IDTR_BASE, idt.address);
	vmcs_write(VMCS_HOST_CR0, native_read_cr0());
	vmcs_write(VMCS_HOST_CS, __KERNEL_CS);
	vmcs_write(VMCS_HOST_SS, __KERNEL_DS);
	vmcs_write(VMCS_HOST_DS, 0);
	vmcs_write(VMCS_HOST_ES, 0);
	vmcs_write(VMCS_HOST_FS, 0);
	vmcs_write(VMCS_HOST_GS, 0);
	vmcs_write(VMCS_HOST_TR, GDT_ENTRY_TSS * 8);
	vmcs_write(VMCS_HOST_FS_BASE, 0);
	rdmsrl(MSR_IA32_SYSENTER_CS, value);
	vmcs_write(VMCS_HOST_SYSENTER_CS, value);
	rdmsrl(MSR_IA32_SYSENTER_EIP, value);
	vmcs_write(VMCS_HOST_SYSENTER_EIP, value);
	rdmsrl(MSR_EFER, value);
	vmcs_write(VMCS_HOST_EFER, value);
	rdmsrl(MSR_IA32_CR_PAT, value);
	vmcs_write(VMCS_HOST_PAT, value);
	vmcs_write(VMCS_HOST_RIP, (unsigned long)vmx_guest_exit);
	vmx->host_cr3 = __native_read_cr3();
	vmcs_write(VMCS_HOST_CR3, vmx->host_cr3);
	vmx->host_cr4 = native_read_cr4();
	vmcs_write(VMCS_HOST_CR4, vmx->host_cr4);
}

static void write_guest(struct vmx_vcpu *vmx)
{
	vmcs_write(VMCS_GUEST_ACTIVITY, 0);
	vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmcs_write(VMCS_GUEST_PENDING_DEBUG, 0);
	vmcs_write(VMCS_GUEST_DEBUGCTL, 0);
	vmcs_write(VMCS_GUEST_SYSENTER_CS, 0);
	vmcs_write(VMCS_GUEST_SYSENTER_ESP, 0);
	vmcs_write(VMCS_GUEST_SYSENTER_EIP, 0);
	vmcs_write(VMCS_GUEST_PAT, RESET_PAT);
}

static void reset(struct vmx_vcpu *vmx)
{
	struct hvm_hw_state state = {
		.rip = RESET_RIP, .rflags = RESET_RFLAGS, .cr0 = RESET_CR0, .dr7 = RESET_DR7,
		.segments.gdt.limit = RESET_LIMIT, .segments.idt.limit = RESET_LIMIT,
	};
	struct hvm_segment *seg = state.segments.seg;
	int i;

	for (i = 0; i < HVM_SEG_COUNT; i++) {
		seg[i].limit = RESET_LIMIT;
		seg[i].attributes = RESET_DATA;
	}
	seg[HVM_CS].selector = RESET_CS;
	seg[HVM_CS].base = RESET_CS_BASE;
	seg[HVM_CS].attributes = RESET_CODE;
	seg[HVM_LDTR].attributes = RESET_LDTR;
	seg[HVM_TR].attributes = RESET_TR;
	vmx_set_state(&vmx->hw, RESET_BLOCKS, &state);
}

static bool alloc_pages_of(struct vmx_vcpu *vmx)
{
	vmx->vmcs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vmx->vapic = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vmx->vmcs || !vmx->vapic)
		return false;
	*(u32 *)vmx->vmcs = vmx_caps.revision;
	vmx->vmcs_pa = __pa(vmx->vmcs);
	return true;
}

static void free_all(struct vmx_vcpu *vmx)
{
	free_page((unsigned long)vmx->vapic);
	free_page((unsigned long)vmx->vmcs);
	kfree(vmx);
}

/**
 * vmx_create - a hardware vCPU in reset state
 * @run: its run page
 *
 * Return: its neutral face, or ERR_PTR(-ENOMEM)
 * Context: process
 */
struct hvm_hw *vmx_create(struct hvm_run *run)
{
	struct vmx_vcpu *vmx, *before;

	vmx = kzalloc(sizeof(*vmx), GFP_KERNEL_ACCOUNT);
	if (!vmx)
		return ERR_PTR(-ENOMEM);
	if (!alloc_pages_of(vmx)) {
		free_all(vmx);
		return ERR_PTR(-ENOMEM);
	}
	vmx->hw.run = run;
	vmx->hw.vapic.page = vmx_caps.has_vapic ? (u32 *)vmx->vapic : NULL;
	vmx->hw.dirty = HVM_HW_NEW_ROOT | HVM_HW_NEW_TSC | HVM_HW_NEW_INTERCEPTS;
	vmx->cpu = -1;
	vmx->field_cpu = -1;
	vmx->vpid = alloc_vpid();
	/* SDM "Initializing a VMCS": VMCLEAR before the first use. */
	vmcs_clear(vmx->vmcs_pa);
	before = vmx_hold(vmx);
	write_controls(vmx);
	write_host(vmx);
	write_guest(vmx);
	reset(vmx);
	vmx_unhold(vmx, before);
	return &vmx->hw;
}

/**
 * vmx_destroy - reverse of vmx_create()
 * @hw: the vCPU, loaded by nobody
 *
 * Context: process
 */
void vmx_destroy(struct hvm_hw *hw)
{
	struct vmx_vcpu *vmx = to_vmx(hw);

	vmx_vmcs_release(vmx);
	free_vpid(vmx->vpid);
	free_all(vmx);
}
