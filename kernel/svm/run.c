// SPDX-License-Identifier: GPL-2.0-only
/*
 * One entry: carry what changed into the VMCB, go, fetch what the guest changed. The hot path of
 * the whole backend: what is rare sits behind one test of &hvm_hw.dirty before and of
 * &svm_vcpu.after behind. Not here: what an exit means (exit.c).
 */
#include <linux/mem_encrypt.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/trapnr.h>

#include "svm.h"

/**
 * svm_exceptions - the exceptions that exit
 * @svm: the virtual CPU
 *
 * A machine check is the host's: without the intercept the guest's handler would get it.
 */
u32 svm_exceptions(const struct svm_vcpu *svm)
{
	return svm->hw.exit_exceptions | BIT(X86_TRAP_MC);
}

/*
 * While the guest does not hold its debug registers, DR7 in the VMCB is the debugger's, or has no
 * breakpoint on: DR0 to DR3 are the host's. An emulator (QEMU, see caps.c) obeys no DR7 but one
 * that was loaded by MOV.
 */
static void move_dr7(struct svm_vcpu *svm)
{
	bool live = svm->hw.dr_owner == HVM_DR_GUEST;
	bool held = svm->hw.dr_owner == HVM_DR_DEBUGGER;
	struct vmcb *vmcb = svm->vmcb;

	if (live && !svm->dr_live) {
		vmcb->dr7 = svm->dr7;
		svm->after |= SVM_AFTER_DR;
	} else if (!live && svm->dr_live) {
		svm->dr7 = vmcb->dr7;
		vmcb->dr6 = SVM_DR6_NEUTRAL;
		svm->after &= ~SVM_AFTER_DR;
	}
	if (!live)
		vmcb->dr7 = held ? svm->hw.debugger_dr7 : SVM_DR7_NEUTRAL;
	svm->dr_live = live;
	svm->mov_dr7 = held && !svm_caps.nrip;
	vmcb->clean &= ~VMCB_CLEAN_DR;
}

static void sync_intercepts(struct svm_vcpu *svm)
{
	struct vmcb *vmcb = svm->vmcb;

	vmcb->intercept_exceptions = svm_exceptions(svm);
	svm_int3_intercept(svm);
	vmcb->intercept_dr = svm->hw.dr_owner == HVM_DR_GUEST ? 0 : ~0U;
	vmcb->msrpm_pa = svm_msr_map(svm->hw.exit_all_msrs);
	vmcb->clean &= ~(VMCB_CLEAN_INTERCEPTS | VMCB_CLEAN_PERMISSION_MAPS);
	move_dr7(svm);
}

/*
 * A flush names the ASID where the processor can do that; elsewhere a new ASID does it. Nested and
 * guest translations are tagged with the ASID alike (APM volume 2, "TLB Flush"), so one flush drops
 * both.
 */
static void flush_tlb(struct svm_vcpu *svm)
{
	if (svm->new_asid || !svm_caps.flush_by_asid)
		svm_asid_new(svm);
	else
		svm->vmcb->tlb_control = VMCB_TLB_FLUSH_ASID;
}

/* Everything that changed since the last entry and is not looked at on each. */
static noinline void sync(struct svm_vcpu *svm)
{
	struct vmcb *vmcb = svm->vmcb;
	u32 dirty = svm->hw.dirty;

	svm->hw.dirty = 0;
	vmcb->tlb_control = VMCB_TLB_NOTHING;
	if (dirty & HVM_HW_NEW_HOST)
		svm->host_debugctl = __rdmsr(MSR_IA32_DEBUGCTLMSR);
	if (dirty & HVM_HW_NEW_ROOT) {
		vmcb->nested_cr3 = __sme_set(svm->hw.tdp_root);
		vmcb->clean &= ~VMCB_CLEAN_NESTED_PAGING;
	}
	if (dirty & (HVM_HW_FLUSH_TLB | HVM_HW_NEW_ROOT))
		flush_tlb(svm);
	if (dirty & HVM_HW_NEW_TSC) {
		vmcb->tsc_offset = svm->hw.tsc_offset;
		vmcb->clean &= ~VMCB_CLEAN_INTERCEPTS;
	}
	if (dirty & HVM_HW_NEW_INTERCEPTS)
		sync_intercepts(svm);
	if (dirty & SVM_DIRTY_NMI)
		svm_nmi_before_entry(svm);
	if (svm->dr_live) {
		vmcb->dr6 = svm->hw.dr6;
		vmcb->clean &= ~VMCB_CLEAN_DR;
		svm->hw.dirty |= SVM_DIRTY_DR;
	}
	if (vmcb->tlb_control)
		svm->hw.dirty |= SVM_DIRTY_TLB;
}

/* Where HVM_RUN begins, that the host's registers may be others is mostly all there is. */
static __always_inline void prepare(struct svm_vcpu *svm)
{
	if (likely(svm->hw.dirty == HVM_HW_NEW_HOST)) {
		svm->hw.dirty = 0;
		svm->host_debugctl = __rdmsr(MSR_IA32_DEBUGCTLMSR);
	} else {
		sync(svm);
	}
}

/*
 * TPR and CR2 change often, and on both sides. V_TPR holds the priority class only: the lower bits
 * survive unless the guest writes.
 */
static __always_inline void load_registers(struct svm_vcpu *svm, struct vmcb *vmcb)
{
	u8 class = svm->hw.tpr >> 4;

	if (vmcb->v_tpr != class) {
		vmcb->v_tpr = class;
		vmcb->clean &= ~VMCB_CLEAN_TPR;
	}
	if (vmcb->cr2 != svm->hw.cr2) {
		vmcb->cr2 = svm->hw.cr2;
		vmcb->clean &= ~VMCB_CLEAN_CR2;
	}
	vmcb->rax = READ_ONCE(svm->entry.gpr[HVM_RAX]);
}

/* The guest may have trained the branch predictor against this process, too (VMSCAPE). */
static __always_inline void guard_process(void)
{
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
}

static __always_inline void store_registers(struct svm_vcpu *svm, struct vmcb *vmcb)
{
	u8 class = vmcb->v_tpr;

	svm->entry.gpr[HVM_RAX] = vmcb->rax;
	svm->hw.cr2 = vmcb->cr2;
	if (unlikely(svm->hw.tpr >> 4 != class))
		svm->hw.tpr = class << 4;
}

/*
 * Where the processor keeps SPEC_CTRL of guest and host apart, the VMCB has the guest's and there
 * is nothing to switch.
 */
static __always_inline void choose_spec_ctrl(struct svm_vcpu *svm)
{
	u64 host;

	if (!cpu_feature_enabled(X86_FEATURE_MSR_SPEC_CTRL))
		return;
	host = this_cpu_read(x86_spec_ctrl_current);
	svm->entry.host_spec_ctrl = host;
	svm->entry.guest_spec_ctrl =
		cpu_feature_enabled(X86_FEATURE_V_SPEC_CTRL) ? host : svm->spec_ctrl;
}

/* Exits that only have a reason and a length are told right here; exit.c has the others. */
static __always_inline void describe(struct svm_vcpu *svm, struct vmcb *vmcb, struct hvm_exit *exit)
{
	u32 code = vmcb->exit_code;
	const struct svm_exit_rule *rule;

	exit->vectoring.type = HVM_EVENT_NONE;
	if (likely(code < SVM_EXIT_RULES)) {
		rule = &svm_exit_rules[code];
		exit->reason = rule->reason;
		exit->insn_len = rule->len;
		if (rule->len && svm_caps.nrip)
			exit->insn_len = vmcb->next_rip - vmcb->rip;
		if (rule->detail != SVM_EXIT_NOTHING)
			svm_exit_detail(svm, exit, rule->detail, code);
	} else {
		svm_exit_beyond(svm, exit, code);
		if (code == VMEXIT_INVALID)
			return;
	}
	if (unlikely(vmcb->exit_int_info & VMCB_EVENT_VALID))
		svm_exit_vectoring(svm, exit);
}

/*
 * Where the branch records are not the guest's own, VMRUN leaves DebugCtl alone, and the guest has
 * none of its own: what the host has switched on (perf, a debugger's steps) stops for its time.
 */
static __always_inline bool pause_debugctl(const struct svm_vcpu *svm)
{
	if (likely(!svm->host_debugctl) || svm->vmcb->lbr_control)
		return false;
	native_wrmsrl(MSR_IA32_DEBUGCTLMSR, 0);
	return true;
}

static noinline void after_exit(struct svm_vcpu *svm, struct hvm_exit *exit)
{
	if (svm->after & SVM_AFTER_DR)
		svm->hw.dr6 = svm->vmcb->dr6;
	if (svm->after & SVM_AFTER_NMI)
		svm_nmi_after_exit(svm, exit);
	if (svm->after & SVM_AFTER_INT3)
		svm_int3_after_exit(svm, exit);
}

/**
 * svm_enter - &hvm_backend.enter
 * @hw: the virtual CPU, loaded here
 * @exit: filled in
 *
 * All is marked clean behind each VMRUN, and whoever changes a field until the next marks its group
 * again.
 *
 * Context: interrupts off
 */
void svm_enter(struct hvm_hw *hw, struct hvm_exit *exit)
{
	struct svm_vcpu *svm = to_svm(hw);
	struct vmcb *vmcb = svm->vmcb;
	bool paused;

	if (unlikely(hw->dirty))
		prepare(svm);
	choose_spec_ctrl(svm);
	load_registers(svm, vmcb);

	paused = pause_debugctl(svm);
	if (unlikely(svm->mov_dr7))
		set_debugreg(vmcb->dr7, 7);
	svm_vmrun(&svm->entry);
	if (unlikely(svm->mov_dr7))
		set_debugreg(0, 7);
	if (unlikely(paused))
		native_wrmsrl(MSR_IA32_DEBUGCTLMSR, svm->host_debugctl);

	guard_process();
	vmcb->clean = VMCB_CLEAN_ALL;
	store_registers(svm, vmcb);
	describe(svm, vmcb, exit);
	vmcb->event_inj = 0;
	if (unlikely(svm->after))
		after_exit(svm, exit);
}
