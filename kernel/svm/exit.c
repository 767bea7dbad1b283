// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an exit was, in neutral terms: from the exit codes of APM volume 2, appendix "SVM Intercept
 * Exit Codes", to struct hvm_exit. It describes; what follows from an exit is for common code to
 * decide.
 */
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/ptrace.h>
#include <asm/mce.h>
#include <asm/trapnr.h>

#include "svm.h"

/* By exit code. Lengths are those of the instructions without redundant prefixes. */
const struct svm_exit_rule svm_exit_rules[SVM_EXIT_RULES] = {
	[VMEXIT_DR_READ ... VMEXIT_DR_READ + 0x1f] = { HVM_HW_DR_ACCESS, SVM_EXIT_NOTHING },
	[VMEXIT_EXCEPTION ... VMEXIT_EXCEPTION + 0x1f] = { HVM_HW_EXCEPTION, SVM_EXIT_EXCEPTION },
	[VMEXIT_INTR ... VMEXIT_INIT] = { HVM_HW_INTR, SVM_EXIT_NOTHING },
	[VMEXIT_VINTR] = { HVM_HW_WINDOW, SVM_EXIT_WINDOW },
	[VMEXIT_RDPMC] = { HVM_HW_PRIVILEGED, SVM_EXIT_NOTHING },
	[VMEXIT_CPUID] = { HVM_HW_CPUID, SVM_EXIT_NOTHING, 2 },
	[VMEXIT_RSM] = { HVM_HW_UNDEFINED, SVM_EXIT_NOTHING },
	[VMEXIT_IRET] = { HVM_HW_INTR, SVM_EXIT_IRET },
	[VMEXIT_SOFT_INTR] = { HVM_HW_EXCEPTION, SVM_EXIT_SOFT_INTR },
	[VMEXIT_INVD] = { HVM_HW_NOP, SVM_EXIT_NOTHING, 2 },
	[VMEXIT_PAUSE] = { HVM_HW_PAUSE, SVM_EXIT_NOTHING },
	[VMEXIT_HLT] = { HVM_HW_HLT, SVM_EXIT_NOTHING, 1 },
	[VMEXIT_INVLPGA] = { HVM_HW_UNDEFINED, SVM_EXIT_NOTHING },
	[VMEXIT_IOIO] = { HVM_HW_PIO, SVM_EXIT_PORT },
	[VMEXIT_MSR] = { HVM_HW_MSR_READ, SVM_EXIT_MSR, 2 },
	[VMEXIT_TASK_SWITCH] = { HVM_HW_TASK_SWITCH, SVM_EXIT_TASK_SWITCH },
	[VMEXIT_FERR] = { HVM_HW_EXCEPTION, SVM_EXIT_FERR },
	[VMEXIT_SHUTDOWN] = { HVM_HW_TRIPLE_FAULT, SVM_EXIT_SHUTDOWN },
	[VMEXIT_VMRUN] = { HVM_HW_UNDEFINED, SVM_EXIT_NOTHING },
	[VMEXIT_VMMCALL] = { HVM_HW_HYPERCALL, SVM_EXIT_CALL, 3 },
	[VMEXIT_VMLOAD ... VMEXIT_SKINIT] = { HVM_HW_UNDEFINED, SVM_EXIT_NOTHING },
	[VMEXIT_WBINVD] = { HVM_HW_NOP, SVM_EXIT_NOTHING, 2 },
	[VMEXIT_MONITOR ... VMEXIT_MWAIT_ARMED] = { HVM_HW_UNDEFINED, SVM_EXIT_NOTHING },
	[VMEXIT_XSETBV] = { HVM_HW_XSETBV, SVM_EXIT_NOTHING, 3 },
	[VMEXIT_RDPRU] = { HVM_HW_UNDEFINED, SVM_EXIT_NOTHING },
};

/*
 * The event whose delivery the exit interrupted, from EXITINTINFO or EVENTINJ. INT n, INT3 and INTO
 * are left out on purpose: RIP still stands at them, so running the guest again executes them
 * again, and all that was done of the delivery (pushes) is done over with the same values. That is
 * right with and without NRIP save, and needs no instruction length. The processor reports INT3 and
 * INTO as exceptions 3 and 4, which nothing else raises.
 */
static void decode_event(struct svm_vcpu *svm, u64 info, struct hvm_event *event)
{
	u8 vector = info & VMCB_EVENT_VECTOR;

	*event = (struct hvm_event) { .vector = vector };
	switch (info & VMCB_EVENT_TYPE) {
	case VMCB_EVENT_INTR:
		event->type = HVM_EVENT_INTR;
		break;
	case VMCB_EVENT_NMI:
		event->type = HVM_EVENT_NMI;
		event->vector = X86_TRAP_NMI;
		svm_nmi_set_masked(svm, false);
		break;
	case VMCB_EVENT_EXCEPTION:
		if (vector != X86_TRAP_BP && vector != X86_TRAP_OF)
			event->type = HVM_EVENT_EXCEPTION;
		break;
	}
	if (event->type == HVM_EVENT_EXCEPTION && info & VMCB_EVENT_HAS_ERROR) {
		event->flags = HVM_EVENT_ERROR;
		event->error = info >> VMCB_EVENT_ERROR_SHIFT;
	}
}

static bool pushes_error(u8 vector)
{
	const u32 set = BIT(X86_TRAP_DF) | BIT(X86_TRAP_TS) | BIT(X86_TRAP_NP) | BIT(X86_TRAP_SS) |
			BIT(X86_TRAP_GP) | BIT(X86_TRAP_PF) | BIT(X86_TRAP_AC) | BIT(X86_TRAP_CP) |
			BIT(X86_TRAP_VC) | BIT(30);

	return BIT(vector) & set;
}

/*
 * A machine check hit while the guest ran; what happened is in the machine-check banks. The
 * intercept took the place of the host's own exception, so its handler has to be called, as if it
 * had interrupted the process: this process runs the guest's memory.
 */
static void handle_machine_check(void)
{
	struct pt_regs regs = { .cs = 3, .flags = X86_EFLAGS_IF };

	if (IS_ENABLED(CONFIG_X86_MCE))
		do_machine_check(&regs);
}

/*
 * A machine check while the guest has CR4.MCE clear shuts it down instead, and the host's handler
 * has to hear of it all the same. There is no way back for the guest. Out of line, for the address
 * of a variable puts a stack canary into its function.
 */
static noinline void check_shutdown(void)
{
	u64 status;

	if (boot_cpu_has(X86_FEATURE_MCE) && !rdmsrl_safe(MSR_IA32_MCG_STATUS, &status) &&
	    status & MCG_STATUS_MCIP)
		handle_machine_check();
}

/*
 * While the guest does not hold its debug registers DR6 in the VMCB is neutral, so that what is set
 * in it is what this #DB means.
 */
static u64 take_dr6(struct svm_vcpu *svm)
{
	u64 bits = svm->vmcb->dr6 & SVM_DR6_EVENTS;

	if (!svm->dr_live) {
		svm->vmcb->dr6 = SVM_DR6_NEUTRAL;
		svm->vmcb->clean &= ~VMCB_CLEAN_DR;
	}
	return bits;
}

/* RIP stands at the INT3; where no next RIP is saved it is the short one, or nobody asks. */
static void decode_int3(const struct vmcb *vmcb, struct hvm_exit *exit)
{
	u64 len = svm_caps.nrip ? vmcb->next_rip - vmcb->rip : 1;

	exit->event = (struct hvm_event) {
		.type = HVM_EVENT_SOFT_EXCEPTION,
		.vector = X86_TRAP_BP,
		.insn_len = len && len <= 15 ? len : 1,
	};
}

static void decode_exception(struct svm_vcpu *svm, struct hvm_exit *exit, u8 vector)
{
	struct vmcb *vmcb = svm->vmcb;

	if (vector == X86_TRAP_MC) {
		handle_machine_check();
		exit->reason = HVM_HW_INTR;
		return;
	}
	exit->event = (struct hvm_event) { .type = HVM_EVENT_EXCEPTION, .vector = vector };
	if (pushes_error(vector)) {
		exit->event.flags |= HVM_EVENT_ERROR;
		exit->event.error = vmcb->exit_info_1;
	}
	if (vector == X86_TRAP_PF) {
		exit->event.flags |= HVM_EVENT_PAYLOAD;
		exit->event.payload = vmcb->exit_info_2;
	} else if (vector == X86_TRAP_BP) {
		decode_int3(vmcb, exit);
	} else if (vector == X86_TRAP_DB) {
		exit->event.flags |= HVM_EVENT_PAYLOAD;
		exit->event.payload = take_dr6(svm);
	}
}

static void decode_port(struct vmcb *vmcb, struct hvm_exit *exit)
{
	u64 info = vmcb->exit_info_1;

	exit->insn_len = vmcb->exit_info_2 - vmcb->rip;
	exit->pio.port = info >> VMEXIT_IO_PORT_SHIFT;
	exit->pio.bytes = info >> VMEXIT_IO_BYTES_SHIFT & 7;
	exit->pio.flags = info & VMEXIT_IO_IN ? HVM_PIO_IN : 0;
	if (unlikely(info & (VMEXIT_IO_STRING | VMEXIT_IO_REP))) {
		exit->pio.flags |= info & VMEXIT_IO_STRING ? HVM_PIO_STRING : 0;
		exit->pio.flags |= info & VMEXIT_IO_REP ? HVM_PIO_REP : 0;
	}
}

static noinline void copy_insn(struct vmcb *vmcb, struct hvm_exit *exit)
{
	u8 len = vmcb->insn_bytes_len & 0xf;

	exit->insn_bytes_len = len;
	memcpy(exit->insn_bytes, vmcb->insn_bytes, len);
}

/*
 * A reserved bit set in a nested table is not the guest's doing and mapping the page again would
 * not help.
 */
static void decode_fault(struct vmcb *vmcb, struct hvm_exit *exit)
{
	u64 info = vmcb->exit_info_1;

	exit->reason = HVM_HW_TDP_FAULT;
	exit->insn_bytes_len = 0;
	if (unlikely(info & VMEXIT_NPF_RESERVED)) {
		exit->reason = HVM_HW_UNKNOWN;
		exit->raw = VMEXIT_NPF;
		return;
	}
	exit->memory.gpa = vmcb->exit_info_2;
	exit->memory.access = info & VMEXIT_NPF_FETCH ? HVM_ACCESS_EXEC :
			      info & VMEXIT_NPF_WRITE ? HVM_ACCESS_WRITE : HVM_ACCESS_READ;
	exit->memory.walk = info & VMEXIT_NPF_WALK;
	if (svm_caps.insn_bytes && !(info & VMEXIT_NPF_FETCH))
		copy_insn(vmcb, exit);
}

/*
 * An unmasked x87 error while CR0.NE is clear would be told by a pin that no part of this machine
 * listens to: tell it as #MF.
 */
static void decode_ferr(struct hvm_exit *exit)
{
	exit->event = (struct hvm_event) { .type = HVM_EVENT_EXCEPTION, .vector = X86_TRAP_MF };
}

/**
 * svm_exit_detail - what an exit tells beside its reason
 * @svm: the virtual CPU
 * @exit: has the reason
 * @detail: enum svm_exit_detail, not SVM_EXIT_NOTHING; the frequent ones are first
 * @code: exit code
 */
void svm_exit_detail(struct svm_vcpu *svm, struct hvm_exit *exit, u8 detail, u32 code)
{
	struct vmcb *vmcb = svm->vmcb;

	if (detail == SVM_EXIT_MSR) {
		exit->reason = vmcb->exit_info_1 & 1 ? HVM_HW_MSR_WRITE : HVM_HW_MSR_READ;
		return;
	}
	if (detail == SVM_EXIT_PORT) {
		decode_port(vmcb, exit);
		return;
	}
	if (detail == SVM_EXIT_CALL) {
		exit->call.cpl = vmcb->cpl;
		exit->call.wide = vmcb->efer & EFER_LMA && vmcb->cs.attributes & HVM_SEG_L;
		return;
	}
	switch (detail) {
	case SVM_EXIT_EXCEPTION:
		decode_exception(svm, exit, code - VMEXIT_EXCEPTION);
		break;
	case SVM_EXIT_SOFT_INTR:
		decode_int3(vmcb, exit);
		break;
	case SVM_EXIT_WINDOW:
		if (!svm_window_is_open(svm))
			exit->reason = HVM_HW_INTR;
		break;
	case SVM_EXIT_IRET:
		svm_nmi_iret(svm);
		break;
	case SVM_EXIT_TASK_SWITCH:
		exit->raw = (u16)vmcb->exit_info_1;
		break;
	case SVM_EXIT_FERR:
		decode_ferr(exit);
		break;
	case SVM_EXIT_SHUTDOWN:
		check_shutdown();
		break;
	default:
		exit->reason = HVM_HW_UNKNOWN;
		exit->raw = code;
	}
}

/* Codes beyond the table. */
static void decode_rare(struct svm_vcpu *svm, struct hvm_exit *exit, u32 code)
{
	if (code != VMEXIT_INVALID) {
		exit->reason = HVM_HW_UNKNOWN;
		exit->raw = code;
		return;
	}
	/* Nothing ran: the event that should have gone in is still to be delivered. */
	if (svm->vmcb->event_inj & VMCB_EVENT_VALID)
		decode_event(svm, svm->vmcb->event_inj, &exit->vectoring);
	exit->reason = HVM_HW_INVALID_STATE;
	exit->raw = svm_state_invalid(svm->vmcb);
	/* An emulated host clears it, and the guest's CR8 would be the host's. */
	svm->vmcb->v_intr_masking = VMCB_V_INTR_MASKING;
}

/**
 * svm_exit_beyond - an exit whose code is beyond svm_exit_rules
 * @svm: the virtual CPU
 * @exit: filled in
 * @code: exit code
 */
void svm_exit_beyond(struct svm_vcpu *svm, struct hvm_exit *exit, u32 code)
{
	exit->insn_len = 0;
	if (likely(code == VMEXIT_NPF))
		decode_fault(svm->vmcb, exit);
	else
		decode_rare(svm, exit, code);
}

/**
 * svm_exit_vectoring - the event whose delivery an exit interrupted
 * @svm: the virtual CPU, with a valid EXITINTINFO
 * @exit: filled in
 */
void svm_exit_vectoring(struct svm_vcpu *svm, struct hvm_exit *exit)
{
	decode_event(svm, svm->vmcb->exit_int_info, &exit->vectoring);
}
