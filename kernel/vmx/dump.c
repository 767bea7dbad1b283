// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMCS as lines of the kernel log, for whoever has to find out why an entry failed. Callers
 * limit the rate.
 */
#include <linux/kernel.h>
#include <linux/printk.h>

#include "vmx.h"

static const struct {
	u32 field;
	const char *name;
} fields[] = {
	{ VMCS_GUEST_RIP, "rip" },
	{ VMCS_GUEST_RSP, "rsp" },
	{ VMCS_GUEST_RFLAGS, "rflags" },
	{ VMCS_GUEST_CR0, "cr0" },
	{ VMCS_GUEST_CR3, "cr3" },
	{ VMCS_GUEST_CR4, "cr4" },
	{ VMCS_CR0_SHADOW, "cr0 shadow" },
	{ VMCS_CR4_SHADOW, "cr4 shadow" },
	{ VMCS_GUEST_EFER, "efer" },
	{ VMCS_GUEST_PDPTE(0), "pdpte0" },
	{ VMCS_GUEST_PDPTE(1), "pdpte1" },
	{ VMCS_GUEST_PDPTE(2), "pdpte2" },
	{ VMCS_GUEST_PDPTE(3), "pdpte3" },
	{ VMCS_GUEST_GDTR_BASE, "gdt" },
	{ VMCS_GUEST_GDTR_LIMIT, "gdt limit" },
	{ VMCS_GUEST_IDTR_BASE, "idt" },
	{ VMCS_GUEST_IDTR_LIMIT, "idt limit" },
	{ VMCS_GUEST_DR7, "dr7" },
	{ VMCS_GUEST_DEBUGCTL, "debugctl" },
	{ VMCS_GUEST_PAT, "pat" },
	{ VMCS_GUEST_INTERRUPTIBILITY, "interruptibility" },
	{ VMCS_GUEST_PENDING_DEBUG, "pending debug" },
	{ VMCS_GUEST_ACTIVITY, "activity" },
	{ VMCS_LINK, "link" },
	{ VMCS_PIN_CONTROLS, "pin" },
	{ VMCS_PRIMARY_CONTROLS, "primary" },
	{ VMCS_SECONDARY_CONTROLS, "secondary" },
	{ VMCS_ENTRY_CONTROLS, "entry" },
	{ VMCS_EXIT_CONTROLS, "exit" },
	{ VMCS_EXCEPTION_BITMAP, "exceptions" },
	{ VMCS_EPT_POINTER, "eptp" },
	{ VMCS_TSC_OFFSET, "tsc offset" },
	{ VMCS_TPR_THRESHOLD, "tpr threshold" },
	{ VMCS_ENTRY_EVENT, "entry event" },
	{ VMCS_ENTRY_ERROR_CODE, "entry error" },
	{ VMCS_ENTRY_INSN_LEN, "entry length" },
	{ VMCS_EXIT_REASON, "exit reason" },
	{ VMCS_QUALIFICATION, "qualification" },
	{ VMCS_EXIT_EVENT, "exit event" },
	{ VMCS_VECTORING_EVENT, "vectoring" },
	{ VMCS_GUEST_PHYSICAL, "guest physical" },
	{ VMCS_GUEST_LINEAR, "guest linear" },
	{ VMCS_INSTRUCTION_ERROR, "instruction error" },
	{ VMCS_HOST_CR0, "host cr0" },
	{ VMCS_HOST_CR3, "host cr3" },
	{ VMCS_HOST_CR4, "host cr4" },
	{ VMCS_HOST_RSP, "host rsp" },
	{ VMCS_HOST_RIP, "host rip" },
	{ VMCS_HOST_TR_BASE, "host tr" },
};

static const char *const segments[HVM_SEG_COUNT] = {
	[HVM_ES] = "es", [HVM_CS] = "cs", [HVM_SS] = "ss", [HVM_DS] = "ds",
	[HVM_FS] = "fs", [HVM_GS] = "gs", [HVM_LDTR] = "ldtr", [HVM_TR] = "tr",
};

/**
 * vmx_dump - print the VMCS
 * @hw: the vCPU
 *
 * Context: interrupts on, or loaded
 */
void vmx_dump(struct hvm_hw *hw)
{
	struct vmx_vcpu *vmx = to_vmx(hw), *before = NULL;
	bool loaded = vmx->loaded;
	int i;

	if (!loaded)
		before = vmx_hold(vmx);
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		pr_info("hvm: vmcs %-17s %016llx\n", fields[i].name, vmcs_read(fields[i].field));
	for (i = 0; i < HVM_SEG_COUNT; i++)
		pr_info("hvm: vmcs %-4s %04llx base %016llx limit %08llx rights %05llx\n",
			segments[i], vmcs_read(VMCS_GUEST_SELECTOR(i)),
			vmcs_read(VMCS_GUEST_BASE(i)), vmcs_read(VMCS_GUEST_LIMIT(i)),
			vmcs_read(VMCS_GUEST_RIGHTS(i)));
	if (!loaded)
		vmx_unhold(vmx, before);
}
