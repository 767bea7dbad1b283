// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events on their way in: EVENTINJ, the interrupt window, and the masking of NMIs, which the
 * processor leaves to software. Not here: which event goes first (common code), and what an exit
 * says about an interrupted delivery (exit.c).
 *
 * NMIs. An injected NMI does not set the processor's NMI blocking, so it is tracked here: from the
 * injection to the completion of the next IRET. The IRET is intercepted, which happens before it
 * runs; that it ran shows at the first exit with another RIP. Usually nobody is waiting for that
 * moment. When an NMI is, the IRET is run as a single step (RFLAGS.TF): the #DB behind it is the
 * window. During the step all faults exit, so that none pushes a RFLAGS with our TF for the guest
 * to see. The same step is made over an interrupt shadow, where the instruction is any: one that
 * copies RFLAGS (PUSHF, SYSCALL) right behind a STI or MOV SS, while an NMI is waiting, shows TF to
 * the guest.
 */
#include <linux/kernel.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "svm.h"

/*
 * INT3 and INTO exit like faults, and would be reflected with the wrong return address, or with
 * trouble (deliver_int3()); an NMI does not come as an exception.
 */
#define STEP_EXCEPTIONS	(~(u32)(BIT(X86_TRAP_NMI) | BIT(X86_TRAP_BP) | BIT(X86_TRAP_OF)))

/**
 * svm_skip - &hvm_backend.skip
 * @hw: the virtual CPU
 * @len: bytes, 1 to 15
 *
 * Return: whether RFLAGS.TF is set
 */
bool svm_skip(struct hvm_hw *hw, unsigned int len)
{
	struct vmcb *vmcb = to_svm(hw)->vmcb;

	vmcb->rip += len;
	if (unlikely(!(vmcb->cs.attributes & HVM_SEG_L)))
		vmcb->rip = (u32)vmcb->rip;
	vmcb->rflags &= ~X86_EFLAGS_RF;
	vmcb->int_state = 0;
	return vmcb->rflags & X86_EFLAGS_TF;
}

/**
 * svm_int3_intercept - an emulator (QEMU, see caps.c) tells of INT3 by the intercept of INT n
 * @svm: the virtual CPU
 *
 * It does not say which of the two it was. One that is to be executed passes.
 */
void svm_int3_intercept(struct svm_vcpu *svm)
{
	struct vmcb *vmcb = svm->vmcb;

	if (!svm_caps.nrip && !(svm->after & SVM_AFTER_INT3) &&
	    svm->hw.exit_exceptions & BIT(X86_TRAP_BP))
		vmcb->intercept_misc1 |= VMCB_INTERCEPT_SOFT_INTR;
	else
		vmcb->intercept_misc1 &= ~VMCB_INTERCEPT_SOFT_INTR;
	vmcb->clean &= ~VMCB_CLEAN_INTERCEPTS;
}

/*
 * An INT3 that exits is delivered with RIP behind it, which is what its handler is to see. Where it
 * may have been an INT n it is executed instead, by entries that let both pass.
 */
static void deliver_int3(struct svm_vcpu *svm, u8 len)
{
	struct vmcb *vmcb = svm->vmcb;

	svm->after |= SVM_AFTER_INT3;
	svm->int3_rip = vmcb->rip;
	if (!svm_caps.nrip) {
		svm_int3_intercept(svm);
		return;
	}
	vmcb->rip += len;
	vmcb->next_rip = vmcb->rip;
	vmcb->event_inj = VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | X86_TRAP_BP;
}

static bool is_int3(u64 info)
{
	return info & VMCB_EVENT_VALID && (info & VMCB_EVENT_VECTOR) == X86_TRAP_BP &&
	       (info & VMCB_EVENT_TYPE) == VMCB_EVENT_EXCEPTION;
}

/**
 * svm_int3_after_exit - an INT3 whose delivery was interrupted is to be delivered again
 * @svm: the virtual CPU, with SVM_AFTER_INT3
 * @exit: the exit
 */
void svm_int3_after_exit(struct svm_vcpu *svm, struct hvm_exit *exit)
{
	struct vmcb *vmcb = svm->vmcb;

	if (!svm_caps.nrip && vmcb->rip == svm->int3_rip)
		return;
	if (svm_caps.nrip && (vmcb->exit_code == VMEXIT_INVALID || is_int3(vmcb->exit_int_info))) {
		exit->vectoring = (struct hvm_event) {
			.type = HVM_EVENT_SOFT_EXCEPTION,
			.vector = X86_TRAP_BP,
			.insn_len = vmcb->rip - svm->int3_rip,
		};
		vmcb->rip = svm->int3_rip;
	}
	svm->after &= ~SVM_AFTER_INT3;
	svm_int3_intercept(svm);
}

/**
 * svm_inject - &hvm_backend.inject
 * @hw: the virtual CPU
 * @event: the event
 *
 * A software event needs nothing: RIP stands at its instruction, which raises it again when the
 * guest runs (decode_event() in exit.c). An INT3 would exit again where it is intercepted.
 */
void svm_inject(struct hvm_hw *hw, const struct hvm_event *event)
{
	static const u64 types[] = {
		[HVM_EVENT_INTR] = VMCB_EVENT_INTR,
		[HVM_EVENT_NMI] = VMCB_EVENT_NMI,
		[HVM_EVENT_EXCEPTION] = VMCB_EVENT_EXCEPTION,
	};
	struct svm_vcpu *svm = to_svm(hw);
	u64 info;

	if (event->type == HVM_EVENT_SOFT_EXCEPTION && event->vector == X86_TRAP_BP &&
	    event->insn_len)
		deliver_int3(svm, event->insn_len);
	if (event->type == HVM_EVENT_NONE || event->type >= ARRAY_SIZE(types))
		return;
	info = VMCB_EVENT_VALID | types[event->type] | event->vector;
	/* Real mode has no error codes. */
	if (event->flags & HVM_EVENT_ERROR && svm->vmcb->cr0 & X86_CR0_PE)
		info |= VMCB_EVENT_HAS_ERROR | (u64)event->error << VMCB_EVENT_ERROR_SHIFT;
	svm->vmcb->event_inj = info;
	if (unlikely(event->type == HVM_EVENT_NMI))
		svm_nmi_set_masked(svm, true);
}

/* See svm_window_is_open(). Only ever set, and no harm is done by seeing that late. */
static bool takes_equal_priority;

/*
 * A virtual interrupt that is never taken: with the VINTR intercept the processor exits where it
 * would take it, that is with RFLAGS.IF set, no shadow, and its priority above V_TPR. Its vector
 * does not matter.
 */
static void set_intr_window(struct svm_vcpu *svm, bool wanted, u8 prio)
{
	struct vmcb *vmcb = svm->vmcb;

	if (!wanted && !vmcb->v_irq)
		return;
	vmcb->v_irq = wanted ? VMCB_V_IRQ : 0;
	svm->window_prio = prio & 0xf;
	vmcb->v_intr_prio = svm->window_prio;
	if (vmcb->v_intr_prio && READ_ONCE(takes_equal_priority))
		vmcb->v_intr_prio--;
	if (wanted)
		vmcb->intercept_misc1 |= VMCB_INTERCEPT_VINTR;
	else
		vmcb->intercept_misc1 &= ~VMCB_INTERCEPT_VINTR;
	vmcb->clean &= ~(VMCB_CLEAN_TPR | VMCB_CLEAN_INTERCEPTS);
}

/**
 * svm_window_is_open - whether an exit for the interrupt window came when it should
 * @svm: the virtual CPU
 *
 * An emulator (QEMU) takes a virtual interrupt whose priority equals the task priority, too;
 * nothing could be delivered then, and every further entry would exit so at once. There, ask for
 * one less.
 */
bool svm_window_is_open(struct svm_vcpu *svm)
{
	struct vmcb *vmcb = svm->vmcb;

	if (svm->window_prio > vmcb->v_tpr || !svm->window_prio)
		return true;
	WRITE_ONCE(takes_equal_priority, true);
	vmcb->v_intr_prio = svm->window_prio - 1;
	vmcb->clean &= ~VMCB_CLEAN_TPR;
	return false;
}

/* SVM_AFTER_NMI is set exactly while there is something to watch. */
static void watch_nmi(struct svm_vcpu *svm)
{
	if (svm->nmi_masked || svm->want_nmi)
		svm->after |= SVM_AFTER_NMI;
	else
		svm->after &= ~SVM_AFTER_NMI;
	if (svm->want_nmi)
		svm->hw.dirty |= SVM_DIRTY_NMI;
}

static void intercept_iret(struct vmcb *vmcb, bool wanted)
{
	if (wanted)
		vmcb->intercept_misc1 |= VMCB_INTERCEPT_IRET;
	else
		vmcb->intercept_misc1 &= ~VMCB_INTERCEPT_IRET;
	vmcb->clean &= ~VMCB_CLEAN_INTERCEPTS;
}

/**
 * svm_nmi_set_masked - NMIs are masked from here on, or no longer
 * @svm: the virtual CPU
 * @masked: which
 */
void svm_nmi_set_masked(struct svm_vcpu *svm, bool masked)
{
	svm->nmi_masked = masked;
	svm->nmi_iret = false;
	intercept_iret(svm->vmcb, masked);
	watch_nmi(svm);
}

/**
 * svm_window - &hvm_backend.window
 * @hw: the virtual CPU
 * @flags: HVM_WINDOW_*
 * @prio: priority class for HVM_WINDOW_INTR
 */
void svm_window(struct hvm_hw *hw, u32 flags, u8 prio)
{
	struct svm_vcpu *svm = to_svm(hw);

	set_intr_window(svm, flags & HVM_WINDOW_INTR, prio);
	svm->want_nmi = flags & HVM_WINDOW_NMI;
	watch_nmi(svm);
}

static bool in_shadow(const struct vmcb *vmcb)
{
	return vmcb->int_state & VMCB_INT_SHADOW;
}

/*
 * The processor does not tell a shadow of STI from one of MOV SS: both hold off NMIs here, as the
 * latter must.
 */
static bool nmi_blocked(const struct svm_vcpu *svm)
{
	return svm->nmi_masked || in_shadow(svm->vmcb);
}

/**
 * svm_blocked - &hvm_backend.blocked
 * @hw: the virtual CPU
 *
 * Return: HVM_BLOCKED_* bits
 */
u32 svm_blocked(struct hvm_hw *hw)
{
	struct svm_vcpu *svm = to_svm(hw);
	struct vmcb *vmcb = svm->vmcb;
	u32 blocked = 0;

	if (!(vmcb->rflags & X86_EFLAGS_IF) || in_shadow(vmcb))
		blocked |= HVM_BLOCKED_INTR;
	if (nmi_blocked(svm))
		blocked |= HVM_BLOCKED_NMI;
	if (vmcb->event_inj & VMCB_EVENT_VALID)
		blocked |= HVM_BLOCKED_EVENT;
	return blocked;
}

/**
 * svm_nmi_iret - the guest is about to execute IRET with NMIs masked
 * @svm: the virtual CPU
 */
void svm_nmi_iret(struct svm_vcpu *svm)
{
	svm->nmi_iret = true;
	svm->iret_rip = svm->vmcb->rip;
	intercept_iret(svm->vmcb, false);
	watch_nmi(svm);
}

/**
 * svm_nmi_before_entry - make a step when an NMI waits for just that
 * @svm: the virtual CPU
 *
 * Not with an event on its way in, whose delivery would push our TF; then the next exit looks
 * again.
 */
void svm_nmi_before_entry(struct svm_vcpu *svm)
{
	struct vmcb *vmcb = svm->vmcb;

	if (!svm->want_nmi || svm->stepping || vmcb->event_inj & VMCB_EVENT_VALID)
		return;
	if (svm->nmi_masked ? !svm->nmi_iret : !in_shadow(vmcb))
		return;
	svm->stepping = true;
	svm->step_tf = vmcb->rflags & X86_EFLAGS_TF;
	svm->step_rip = vmcb->rip;
	vmcb->rflags |= X86_EFLAGS_TF;
	vmcb->intercept_exceptions = STEP_EXCEPTIONS;
	vmcb->clean &= ~VMCB_CLEAN_INTERCEPTS;
}

/* An IRET raises no other #DB without a bit in DR6; emulators leave DR6 alone when #DB exits. */
static bool is_step_trap(const struct svm_vcpu *svm, const struct hvm_exit *exit)
{
	if (exit->reason != HVM_HW_EXCEPTION || exit->event.vector != X86_TRAP_DB)
		return false;
	return exit->event.payload & SVM_DR6_STEP || (!exit->event.payload && svm->nmi_iret);
}

/* The #DB of our step is not the guest's, what else it reports is. */
static void hide_step_trap(struct hvm_exit *exit)
{
	exit->event.payload &= ~SVM_DR6_STEP;
	if (!exit->event.payload)
		exit->reason = HVM_HW_WINDOW;
}

/*
 * Take TF back, unless the step was an IRET that completed: then the flags are those it loaded.
 */
static bool finish_step(struct svm_vcpu *svm, struct hvm_exit *exit)
{
	struct vmcb *vmcb = svm->vmcb;
	bool trap = is_step_trap(svm, exit);
	bool done = trap || vmcb->rip != svm->step_rip;

	svm->stepping = false;
	vmcb->intercept_exceptions = svm_exceptions(svm);
	vmcb->clean &= ~VMCB_CLEAN_INTERCEPTS;
	if (!svm->step_tf && !(done && svm->nmi_iret))
		vmcb->rflags &= ~(u64)X86_EFLAGS_TF;
	if (trap && !svm->step_tf)
		hide_step_trap(exit);
	return done;
}

/**
 * svm_nmi_after_exit - see whether NMIs are still masked
 * @svm: the virtual CPU
 * @exit: the exit; a #DB that only our step raised becomes HVM_HW_WINDOW
 */
void svm_nmi_after_exit(struct svm_vcpu *svm, struct hvm_exit *exit)
{
	bool stepped = svm->stepping && finish_step(svm, exit);

	if (svm->nmi_iret && (stepped || svm->vmcb->rip != svm->iret_rip)) {
		svm->nmi_masked = false;
		svm->nmi_iret = false;
	}
	if (svm->want_nmi && !nmi_blocked(svm) && exit->reason == HVM_HW_INTR)
		exit->reason = HVM_HW_WINDOW;
	watch_nmi(svm);
}
