// SPDX-License-Identifier: GPL-2.0-only
/*
 * One entry: what changed since the last one goes into the VMCS, the guest runs, and what the exit
 * took from the host is given back. The common case writes no field at all. Not here: what the exit
 * was (exit.c).
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/special_insns.h>

#include "vmx.h"

/* Task priority in the virtual-APIC page (SDM "Virtualized APIC Registers"). */
#define VAPIC_TPR	0x80

/* SDM "Extended-Page-Table Pointer" */
#define EPTP_WRITE_BACK		6
#define EPTP_LEVELS_SHIFT	3
#define EPTP_ACCESSED_DIRTY	BIT_ULL(6)

#define VECTOR_MC	18

/*
 * With EPT all cached translations are guest-physical or combined ones, and INVEPT of the EPTP
 * drops both, whatever the VPID (SDM "Operations that Invalidate Cached Mappings"). Those left
 * behind on other CPUs go when the vCPU comes to such a CPU (host.c).
 */
static void flush_ept(const struct vmx_vcpu *vmx)
{
	vmx_invept(vmx_caps.invept, vmx->eptp);
}

/* Only what the guest's own tables and registers say: second-level translations stay. */
static void flush_vpid(const struct vmx_vcpu *vmx)
{
	if (vmx->vpid)
		vmx_invvpid(vmx_caps.invvpid, vmx->vpid);
}

static void write_root(struct vmx_vcpu *vmx)
{
	u64 eptp = vmx->hw.tdp_root | EPTP_WRITE_BACK;

	eptp |= (u64)(vmx->hw.tdp_levels - 1) << EPTP_LEVELS_SHIFT;
	if (vmx_caps.ept_accessed)
		eptp |= EPTP_ACCESSED_DIRTY;
	vmx->eptp = eptp;
	vmcs_write(VMCS_EPT_POINTER, eptp);
}

/* DR7 of the guest is in the VMCS, but for the time of a debugger's. */
static void move_dr7(struct vmx_vcpu *vmx)
{
	bool held = vmx->hw.dr_owner == HVM_DR_DEBUGGER;

	if (held && !vmx->dr7_kept)
		vmx->dr7 = vmcs_read(VMCS_GUEST_DR7);
	if (held)
		vmcs_write(VMCS_GUEST_DR7, vmx->hw.debugger_dr7);
	else if (vmx->dr7_kept)
		vmcs_write(VMCS_GUEST_DR7, vmx->dr7);
	vmx->dr7_kept = held;
}

static void write_intercepts(struct vmx_vcpu *vmx)
{
	u32 primary = vmx->primary & ~VMX_PRIMARY_MOV_DR;

	move_dr7(vmx);
	if (vmx->hw.dr_owner != HVM_DR_GUEST)
		primary |= VMX_PRIMARY_MOV_DR;
	if (primary != vmx->primary) {
		vmx->primary = primary;
		vmcs_write(VMCS_PRIMARY_CONTROLS, primary);
	}
	vmcs_write(VMCS_EXCEPTION_BITMAP, vmx->hw.exit_exceptions | BIT(VECTOR_MC));
	vmcs_write(VMCS_MSR_BITMAP, vmx_msr_bitmap(vmx));
}

static void write_tsc(struct vmx_vcpu *vmx)
{
	vmcs_write(VMCS_TSC_OFFSET, vmx->hw.tsc_offset);
	if (vmx_caps.secondary & VMX_SECONDARY_TSC_SCALING)
		vmcs_write(VMCS_TSC_MULTIPLIER, vmx->hw.tsc_factor ?: BIT_ULL(48));
}

static void switch_vapic(struct vmx_vcpu *vmx)
{
	u32 secondary = vmcs_read(VMCS_SECONDARY_CONTROLS) & ~VMX_SECONDARY_VAPIC;

	if (vmx->hw.vapic.on)
		secondary |= VMX_SECONDARY_VAPIC;
	vmcs_write(VMCS_SECONDARY_CONTROLS, secondary);
	vmcs_write(VMCS_MSR_BITMAP, vmx_msr_bitmap(vmx));
	vmx->vapic_on = vmx->hw.vapic.on;
}

/* SDM "Guest Interrupt Status", "EOI-Exit Bitmaps" */
static void write_vapic(struct vmx_vcpu *vmx)
{
	const struct hvm_vapic *vapic = &vmx->hw.vapic;
	int i;

	if (vapic->on != vmx->vapic_on)
		switch_vapic(vmx);
	if (!vapic->on)
		return;
	vmcs_write(VMCS_GUEST_INTR_STATUS, vapic->service << 8 | vapic->requested);
	for (i = 0; i < 4; i++)
		vmcs_write(VMCS_EOI_EXITS(i), vapic->eoi_exits[i]);
}

static void note_host(struct vmx_vcpu *vmx)
{
	vmx->host_debugctl = __rdmsr(MSR_IA32_DEBUGCTLMSR);
}

static noinline void prepare_all(struct vmx_vcpu *vmx)
{
	u32 dirty = vmx->hw.dirty;

	vmx->hw.dirty = 0;
	if (dirty & HVM_HW_NEW_ROOT)
		write_root(vmx);
	if (dirty & (HVM_HW_NEW_ROOT | HVM_HW_FLUSH_TLB))
		flush_ept(vmx);
	else if (dirty & VMX_WORK_FLUSH_VPID)
		flush_vpid(vmx);
	if (dirty & HVM_HW_NEW_TSC)
		write_tsc(vmx);
	if (dirty & HVM_HW_NEW_INTERCEPTS)
		write_intercepts(vmx);
	if (dirty & HVM_HW_NEW_VAPIC)
		write_vapic(vmx);
	if (dirty & VMX_WORK_EVENT)
		vmx_write_event(vmx);
	if (dirty & VMX_WORK_WINDOW)
		vmx_write_window(vmx);
	if (dirty & VMX_WORK_DEBUG)
		vmx_fix_pending_debug();
	if (dirty & HVM_HW_NEW_HOST)
		note_host(vmx);
	if (dirty & HVM_HW_FOREIGN_DATA)
		vmx->flush_l1d = true;
}

/* Where HVM_RUN begins, that the host's registers may be others is mostly all there is. */
static __always_inline void prepare(struct vmx_vcpu *vmx)
{
	if (likely(vmx->hw.dirty == HVM_HW_NEW_HOST)) {
		vmx->hw.dirty = 0;
		note_host(vmx);
	} else {
		prepare_all(vmx);
	}
}

/*
 * Exits load CR3 and CR4 from the VMCS. Both change with the thread and its mm, CR4 by interrupts
 * too (RDPMC, TSD), so they are compared each time; reading them costs less than the kernel's own
 * bookkeeping and cannot be behind it.
 */
static __always_inline void sync_host(struct vmx_vcpu *vmx)
{
	unsigned long cr3 = __native_read_cr3();
	unsigned long cr4 = native_read_cr4();

	if (unlikely(cr3 != vmx->host_cr3)) {
		vmx->host_cr3 = cr3;
		vmcs_write(VMCS_HOST_CR3, cr3);
	}
	if (unlikely(cr4 != vmx->host_cr4)) {
		vmx->host_cr4 = cr4;
		vmcs_write(VMCS_HOST_CR4, cr4);
	}
	if (static_cpu_has(X86_FEATURE_MSR_SPEC_CTRL))
		vmx->frame.host_spec = this_cpu_read(x86_spec_ctrl_current);
}

/*
 * Precise sampling writes its records to a linear address, which in the guest is the guest's
 * memory. The host's other counters go on counting. Return: for resume_pebs().
 */
static __always_inline u64 pause_pebs(void)
{
	u64 enabled = 0;

	if (vmx_caps.has_pebs)
		enabled = __rdmsr(MSR_IA32_PEBS_ENABLE);
	if (unlikely(enabled))
		native_wrmsrl(MSR_IA32_PEBS_ENABLE, 0);
	return enabled;
}

static __always_inline void resume_pebs(u64 enabled)
{
	if (unlikely(enabled))
		native_wrmsrl(MSR_IA32_PEBS_ENABLE, enabled);
}

/*
 * The preemption timer counts from each entry on. It stays on with its maximum when nothing waits
 * for it: minutes, and an exit that finds no deadline is no harm.
 */
static noinline void write_timer(struct vmx_vcpu *vmx)
{
	u64 deadline = vmx->hw.deadline, now = rdtsc();
	u64 ticks = ~0U;

	if (deadline)
		ticks = deadline > now ? ((deadline - now) >> vmx_caps.timer_shift) + 1 : 0;
	vmcs_write(VMCS_PREEMPTION_TIMER, min_t(u64, ticks, ~0U));
	vmx->timer_on = deadline;
}

/* DR6 is no field of the VMCS; the host expects its own without stale bits. */
static void load_dr6(struct vmx_vcpu *vmx)
{
	set_debugreg(vmx->hw.dr6, 6);
}

static void save_dr6(struct vmx_vcpu *vmx)
{
	unsigned long dr6;

	get_debugreg(dr6, 6);
	vmx->hw.dr6 = dr6;
	set_debugreg(DR6_RESERVED, 6);
}

/*
 * Exits clear DEBUGCTL, and DR7, which common code looks after (SDM "Loading Host Control
 * Registers, Debug Registers, MSRs").
 */
static __always_inline void restore_host(struct vmx_vcpu *vmx)
{
	if (unlikely(vmx->host_debugctl))
		native_wrmsrl(MSR_IA32_DEBUGCTLMSR, vmx->host_debugctl);
	if (static_cpu_has(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
}

/**
 * vmx_enter - run the guest until an exit, and describe it
 * @hw: the vCPU, loaded
 * @exit: filled in
 *
 * Context: interrupts off
 */
void vmx_enter(struct hvm_hw *hw, struct hvm_exit *exit)
{
	struct vmx_vcpu *vmx = to_vmx(hw);
	bool refused;
	u64 pebs;

	if (unlikely(hw->dirty))
		prepare(vmx);
	if (hw->deadline || vmx->timer_on)
		write_timer(vmx);
	sync_host(vmx);
	vmx->vapic[VAPIC_TPR] = hw->tpr;
	if (native_read_cr2() != hw->cr2)
		native_write_cr2(hw->cr2);
	if (unlikely(hw->dr_owner == HVM_DR_GUEST))
		load_dr6(vmx);
	if (static_branch_unlikely(&vmx_l1d_key))
		vmx_mitigate_l1d(vmx);

	pebs = pause_pebs();
	refused = vmx_enter_guest(&vmx->frame, hw->run->gpr);
	resume_pebs(pebs);

	hw->cr2 = native_read_cr2();
	hw->tpr = vmx->vapic[VAPIC_TPR];
	if (unlikely(hw->dr_owner == HVM_DR_GUEST))
		save_dr6(vmx);
	restore_host(vmx);
	if (unlikely(refused))
		vmx_describe_failed_entry(vmx, exit);
	else
		vmx_describe(vmx, exit);
}
