// SPDX-License-Identifier: GPL-2.0-only
/*
 * L1 Terminal Fault: a guest may guess at whatever is in the L1 data cache, through page-table
 * entries of its own making. Where the host guards itself, the cache is flushed before an entry
 * that follows work on others' data. Not here: buffers, return stack, SPEC_CTRL and branch history
 * (enter.S), branch predictions between vCPUs (host.c), large executable pages (caps.c).
 */
#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/hardirq.h>
#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/vmx.h>

/* asm/vmx.h has names of its own for the VMCS; here only the state that sysfs shows is wanted. */
#include "vmx.h"

/* Twice the largest L1 data cache of the processors concerned: displaces all of it. */
#define FLUSH_ORDER	4
#define FLUSH_BYTES	(PAGE_SIZE << FLUSH_ORDER)
#define LINE_BYTES	64

DEFINE_STATIC_KEY_FALSE(vmx_l1d_key);

static u8 *flush_pages;
static bool flush_always;

static bool is_immune(void)
{
	u64 capabilities = 0;

	if (!boot_cpu_has_bug(X86_BUG_L1TF))
		return true;
	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, capabilities);
	return capabilities & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH;
}

/*
 * The host's l1tf= choice, in the terms that /sys/devices/system/cpu/vulnerabilities/l1tf prints.
 */
static enum vmx_l1d_flush_state choose(void)
{
	if (is_immune())
		return VMENTER_L1D_FLUSH_NOT_REQUIRED;
	switch (l1tf_mitigation) {
	case L1TF_MITIGATION_OFF:
		return VMENTER_L1D_FLUSH_NEVER;
	case L1TF_MITIGATION_FULL:
	case L1TF_MITIGATION_FULL_FORCE:
		return VMENTER_L1D_FLUSH_ALWAYS;
	default:
		return VMENTER_L1D_FLUSH_COND;
	}
}

/**
 * vmx_mitigate_setup - do as the host does
 *
 * Return: 0 or -ENOMEM
 * Context: process; module load
 */
int vmx_mitigate_setup(void)
{
	enum vmx_l1d_flush_state state = choose();
	struct page *pages;

	if (state == VMENTER_L1D_FLUSH_COND || state == VMENTER_L1D_FLUSH_ALWAYS) {
		if (!boot_cpu_has(X86_FEATURE_FLUSH_L1D)) {
			/*
			 * Lines of their own content: zeroed pages may be merged by a hypervisor
			 * below us.
			 */
			pages = alloc_pages(GFP_KERNEL, FLUSH_ORDER);
			if (!pages)
				return -ENOMEM;
			flush_pages = page_address(pages);
			memset(flush_pages, 1, FLUSH_BYTES);
		}
		flush_always = state == VMENTER_L1D_FLUSH_ALWAYS;
		static_branch_enable(&vmx_l1d_key);
	}
	l1tf_vmx_mitigation = state;
	return 0;
}

/**
 * vmx_mitigate_teardown - reverse of vmx_mitigate_setup()
 */
void vmx_mitigate_teardown(void)
{
	l1tf_vmx_mitigation = VMENTER_L1D_FLUSH_AUTO;
	if (static_key_enabled(&vmx_l1d_key))
		static_branch_disable(&vmx_l1d_key);
	if (flush_pages)
		free_pages((unsigned long)flush_pages, FLUSH_ORDER);
	flush_pages = NULL;
}

/*
 * Without the command MSR: read enough lines to displace every other. Translations come first, so
 * that no page walk puts page-table lines between them, and are complete before the second pass.
 */
static noinline void displace(void)
{
	const u8 *end = flush_pages + FLUSH_BYTES;
	const u8 *p;

	for (p = flush_pages; p < end; p += PAGE_SIZE)
		(void)READ_ONCE(*p);
	cpuid_eax(0);
	for (p = flush_pages; p < end; p += 4 * LINE_BYTES) {
		(void)READ_ONCE(p[0]);
		(void)READ_ONCE(p[LINE_BYTES]);
		(void)READ_ONCE(p[2 * LINE_BYTES]);
		(void)READ_ONCE(p[3 * LINE_BYTES]);
	}
	/* The reads are done before the guest is entered. */
	rmb();
}

/**
 * vmx_mitigate_l1d - flush the L1 data cache if there is a reason
 * @vmx: the vCPU about to enter
 *
 * A reason is that the vCPU was loaded, which it is where HVM_RUN begins and whenever the thread is
 * scheduled in; that common code had others work for it (HVM_HW_FOREIGN_DATA); or that an interrupt
 * handler said so. An exit that this module finishes by itself is none: it touches the vCPU's own
 * structures, the process's page tables and the second-level tables, which have addresses, but no
 * data.
 *
 * Context: interrupts off
 */
void vmx_mitigate_l1d(struct vmx_vcpu *vmx)
{
	bool flush = vmx->flush_l1d | kvm_get_cpu_l1tf_flush_l1d();

	if (!flush && !flush_always)
		return;
	vmx->flush_l1d = false;
	kvm_clear_cpu_l1tf_flush_l1d();
	if (boot_cpu_has(X86_FEATURE_FLUSH_L1D))
		native_wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
	else
		displace();
}
