// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the processor's record of an exit to struct hvm_exit. A table says what most reasons mean; a
 * few need a look at the exit qualification (SDM "Basic VM-Exit Information"). Nothing is decided
 * here; only what belongs to the host, its NMIs and machine checks, is handed to it at once.
 */
#include <asm/mce.h>
#include <asm/ptrace.h>
#include <asm/processor-flags.h>

#include "vmx.h"

/* &struct reason.flags */
#define HAS_LENGTH	BIT(0)	/* VMCS_EXIT_INSN_LEN holds */
#define PLAIN		BIT(1)	/* that is all; otherwise describe_special() has a closer look */

/**
 * struct reason - what an exit reason means
 * @exit: enum hvm_hw_exit
 * @flags: HAS_LENGTH, PLAIN
 */
struct reason {
	u8 exit;
	u8 flags;
};

#define INSTRUCTION(what)	{ .exit = (what), .flags = HAS_LENGTH | PLAIN }
#define SPECIAL(what)		{ .exit = (what), .flags = HAS_LENGTH }
#define EVENT(what)		{ .exit = (what), .flags = PLAIN }

/* A reason that is not here is not PLAIN, and unknown to describe_special(). */
static const struct reason reasons[VMX_REASONS] = {
	[VMX_REASON_EXCEPTION]		= { .exit = HVM_HW_EXCEPTION },
	[VMX_REASON_INTR]		= EVENT(HVM_HW_INTR),
	[VMX_REASON_TRIPLE_FAULT]	= EVENT(HVM_HW_TRIPLE_FAULT),
	[VMX_REASON_INTR_WINDOW]	= EVENT(HVM_HW_WINDOW),
	[VMX_REASON_NMI_WINDOW]		= EVENT(HVM_HW_WINDOW),
	[VMX_REASON_TPR]		= EVENT(HVM_HW_WINDOW),
	[VMX_REASON_PREEMPTION_TIMER]	= EVENT(HVM_HW_DEADLINE),
	[VMX_REASON_EOI]		= { .exit = HVM_HW_EOI },
	[VMX_REASON_TASK_SWITCH]	= { .exit = HVM_HW_TASK_SWITCH },
	[VMX_REASON_CPUID]		= INSTRUCTION(HVM_HW_CPUID),
	[VMX_REASON_HLT]		= INSTRUCTION(HVM_HW_HLT),
	[VMX_REASON_VMCALL]		= SPECIAL(HVM_HW_HYPERCALL),
	[VMX_REASON_RDMSR]		= INSTRUCTION(HVM_HW_MSR_READ),
	[VMX_REASON_WRMSR]		= INSTRUCTION(HVM_HW_MSR_WRITE),
	[VMX_REASON_IO]			= SPECIAL(HVM_HW_PIO),
	[VMX_REASON_EPT_VIOLATION]	= { .exit = HVM_HW_TDP_FAULT },
	[VMX_REASON_CR]			= SPECIAL(HVM_HW_CR_WRITE),
	[VMX_REASON_DR]			= EVENT(HVM_HW_DR_ACCESS),
	[VMX_REASON_XSETBV]		= INSTRUCTION(HVM_HW_XSETBV),
	[VMX_REASON_INVD]		= INSTRUCTION(HVM_HW_NOP),
	[VMX_REASON_WBINVD]		= INSTRUCTION(HVM_HW_NOP),
	[VMX_REASON_PAUSE]		= EVENT(HVM_HW_PAUSE),
	[VMX_REASON_RDPMC]		= EVENT(HVM_HW_PRIVILEGED),
	[VMX_REASON_GETSEC]		= EVENT(HVM_HW_UNDEFINED),
	[VMX_REASON_MWAIT]		= EVENT(HVM_HW_UNDEFINED),
	[VMX_REASON_MONITOR]		= EVENT(HVM_HW_UNDEFINED),
	[VMX_REASON_VMCLEAR]		= EVENT(HVM_HW_UNDEFINED),
	[VMX_REASON_VMLAUNCH]		= EVENT(HVM_HW_UNDEFINED),
	[VMX_REASON_VMPTRLD]		= EVENT(HVM_HW_UNDEFINED),
	[VMX_REASON_VMPTRST]		= EVENT(HVM_HW_UNDEFINED),
	[VMX_REASON_VMREAD]		= EVENT(HVM_HW_UNDEFINED),
	[VMX_REASON_VMRESUME]		= EVENT(HVM_HW_UNDEFINED),
	[VMX_REASON_VMWRITE]		= EVENT(HVM_HW_UNDEFINED),
	[VMX_REASON_VMXOFF]		= EVENT(HVM_HW_UNDEFINED),
	[VMX_REASON_VMXON]		= EVENT(HVM_HW_UNDEFINED),
	[VMX_REASON_INVEPT]		= EVENT(HVM_HW_UNDEFINED),
	[VMX_REASON_INVVPID]		= EVENT(HVM_HW_UNDEFINED),
	[VMX_REASON_VMFUNC]		= EVENT(HVM_HW_UNDEFINED),
	[VMX_REASON_ENCLS]		= EVENT(HVM_HW_UNDEFINED),
};

/* VMCS_QUALIFICATION of port accesses (SDM "Exit Qualification for I/O Instructions") */
#define IO_BYTES		GENMASK(2, 0)	/* less one */
#define IO_IN			BIT(3)
#define IO_STRING		BIT(4)
#define IO_REP			BIT(5)
#define IO_PORT_SHIFT		16

/* ... of EPT violations */
#define EPT_READ		BIT(0)
#define EPT_WRITE		BIT(1)
#define EPT_FETCH		BIT(2)
#define EPT_LINEAR_VALID	BIT(7)
#define EPT_TRANSLATED		BIT(8)
#define EPT_UNBLOCKED_NMI	BIT(12)

/* ... of control register accesses */
#define CR_NUMBER		GENMASK(3, 0)
#define CR_TYPE			GENMASK(5, 4)
#define CR_MOV_TO		(0 << 4)
#define CR_CLTS			(2 << 4)
#define CR_LMSW			(3 << 4)
#define CR_GPR_SHIFT		8
#define CR_GPR			GENMASK(3, 0)
#define CR_LMSW_SHIFT		16
#define CR_LMSW_SOURCE		GENMASK(3, 0)	/* LMSW reaches PE, MP, EM and TS only */

#define VECTOR_DB		1
#define VECTOR_DF		8
#define VECTOR_PF		14
#define VECTOR_MC		18

static void set_nmi_masked(bool masked)
{
	u32 blocking = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);

	vmcs_write(VMCS_GUEST_INTERRUPTIBILITY,
		   masked ? blocking | VMX_NMI_MASKED : blocking & ~VMX_NMI_MASKED);
}

/*
 * An event that was on its way when the exit hit. An NMI had masked NMIs already; it will do so
 * again when it is injected anew, and may not be injected otherwise. Return: there was one.
 */
static bool describe_vectoring(struct hvm_exit *exit)
{
	u32 info = vmcs_read(VMCS_VECTORING_EVENT);

	if (likely(!(info & VMX_EVENT_VALID)))
		return false;
	vmx_decode_event(&exit->vectoring, info, vmcs_read(VMCS_VECTORING_ERROR_CODE),
			 vmcs_read(VMCS_EXIT_INSN_LEN));
	if (exit->vectoring.type == HVM_EVENT_NMI)
		set_nmi_masked(false);
	return true;
}

/*
 * The host's handler finds out what happened; the guest's registers are none of its business, but a
 * user process it may kill.
 */
static void handle_machine_check(void)
{
	struct pt_regs regs = { .cs = 3, .flags = X86_EFLAGS_IF };

	if (IS_ENABLED(CONFIG_X86_MCE))
		do_machine_check(&regs);
}

/* The exit consumed the NMI and blocks further ones until the IRET at the end of this. */
static void handle_nmi(void)
{
	asm volatile("int $2" : : : "memory");
}

/*
 * INT1 has done all but the delivery of its #DB: behind it, that is one like any other. Its own
 * class is left to the one whose delivery an exit interrupts.
 */
static void finish_int1(struct vmx_vcpu *vmx, struct hvm_event *event)
{
	vmx_skip(&vmx->hw, event->insn_len);
	event->type = HVM_EVENT_EXCEPTION;
	event->insn_len = 0;
}

static void describe_exception(struct vmx_vcpu *vmx, struct hvm_exit *exit)
{
	u32 info = vmcs_read(VMCS_EXIT_EVENT);
	u8 vector = info & VMX_EVENT_VECTOR;
	bool vectoring;

	if ((info & VMX_EVENT_TYPE) == VMX_EVENT_NMI) {
		exit->reason = HVM_HW_INTR;
		handle_nmi();
		return;
	}
	vectoring = describe_vectoring(exit);
	if (vector == VECTOR_MC) {
		exit->reason = HVM_HW_INTR;
		handle_machine_check();
		return;
	}
	/* The fault was an IRET's, which has unmasked NMIs and will be executed again. */
	if (info & VMX_EVENT_UNBLOCKED_NMI && vector != VECTOR_DF && !vectoring)
		set_nmi_masked(true);
	vmx_decode_event(&exit->event, info, vmcs_read(VMCS_EXIT_ERROR_CODE),
			 vmcs_read(VMCS_EXIT_INSN_LEN));
	if ((info & VMX_EVENT_TYPE) == VMX_EVENT_PRIVILEGED)
		finish_int1(vmx, &exit->event);
	/* An exit by #DB leaves the pending step out, and the entry asks for it. */
	if (vector == VECTOR_DB)
		vmx->hw.dirty |= VMX_WORK_DEBUG;
	if (vector == VECTOR_DB || vector == VECTOR_PF) {
		exit->event.flags |= HVM_EVENT_PAYLOAD;
		exit->event.payload = vmcs_read(VMCS_QUALIFICATION);
	}
}

static void describe_pio(struct hvm_exit *exit)
{
	u32 qualification = vmcs_read(VMCS_QUALIFICATION);

	exit->pio.port = qualification >> IO_PORT_SHIFT;
	exit->pio.bytes = (qualification & IO_BYTES) + 1;
	exit->pio.flags = (qualification & IO_IN ? HVM_PIO_IN : 0) |
			  (qualification & IO_STRING ? HVM_PIO_STRING : 0) |
			  (qualification & IO_REP ? HVM_PIO_REP : 0);
}

static void describe_tdp_fault(struct hvm_exit *exit)
{
	u64 qualification = vmcs_read(VMCS_QUALIFICATION);

	if (!describe_vectoring(exit) && unlikely(qualification & EPT_UNBLOCKED_NMI))
		set_nmi_masked(true);
	exit->insn_len = 0;
	exit->insn_bytes_len = 0;
	exit->memory.gpa = vmcs_read(VMCS_GUEST_PHYSICAL);
	exit->memory.access = (qualification & EPT_READ ? HVM_ACCESS_READ : 0) |
			      (qualification & EPT_WRITE ? HVM_ACCESS_WRITE : 0) |
			      (qualification & EPT_FETCH ? HVM_ACCESS_EXEC : 0);
	exit->memory.walk = qualification & EPT_LINEAR_VALID && !(qualification & EPT_TRANSLATED);
}

static bool in_64bit_code(void)
{
	return vmcs_read(VMCS_GUEST_EFER) & EFER_LMA &&
	       vmcs_read(VMCS_GUEST_RIGHTS(HVM_CS)) & VMX_RIGHTS_L;
}

static void describe_call(struct hvm_exit *exit)
{
	u32 rights = vmcs_read(VMCS_GUEST_RIGHTS(HVM_SS));

	exit->call.cpl = (rights & HVM_SEG_DPL) >> HVM_SEG_DPL_SHIFT;
	exit->call.wide = in_64bit_code();
}

static u64 read_gpr(struct vmx_vcpu *vmx, unsigned int index)
{
	u64 value;

	if (index == HVM_RSP)
		value = vmcs_read(VMCS_GUEST_RSP);
	else
		value = READ_ONCE(vmx->hw.run->gpr[index]);

	return in_64bit_code() ? value : (u32)value;
}

static u64 guest_cr0(void)
{
	u64 mask = vmcs_read(VMCS_CR0_MASK);

	return (vmcs_read(VMCS_GUEST_CR0) & ~mask) | (vmcs_read(VMCS_CR0_SHADOW) & mask);
}

/* LMSW sets PE but never clears it (SDM "LMSW"). */
static u64 lmsw(u64 cr0, u32 source)
{
	return (cr0 & ~(u64)(CR_LMSW_SOURCE & ~X86_CR0_PE)) | source;
}

static void describe_cr(struct vmx_vcpu *vmx, struct hvm_exit *exit)
{
	u64 qualification = vmcs_read(VMCS_QUALIFICATION);

	exit->cr.nr = qualification & CR_NUMBER;
	switch (qualification & CR_TYPE) {
	case CR_MOV_TO:
		exit->cr.value = read_gpr(vmx, (qualification >> CR_GPR_SHIFT) & CR_GPR);
		return;
	case CR_CLTS:
		exit->cr.value = guest_cr0() & ~(u64)X86_CR0_TS;
		return;
	case CR_LMSW:
		exit->cr.value =
			lmsw(guest_cr0(), (qualification >> CR_LMSW_SHIFT) & CR_LMSW_SOURCE);
		return;
	}
	/* Reads never exit. */
	exit->reason = HVM_HW_UNKNOWN;
	exit->raw = VMX_REASON_CR;
}

/* The rare ones among those that are not PLAIN. */
static noinline void describe_special(struct vmx_vcpu *vmx, struct hvm_exit *exit, u32 reason)
{
	switch (reason) {
	case VMX_REASON_VMCALL:
		describe_call(exit);
		return;
	case VMX_REASON_EXCEPTION:
		describe_exception(vmx, exit);
		return;
	case VMX_REASON_CR:
		describe_cr(vmx, exit);
		return;
	case VMX_REASON_EOI:
		exit->raw = vmcs_read(VMCS_QUALIFICATION);
		return;
	case VMX_REASON_TASK_SWITCH:
		describe_vectoring(exit);
		exit->raw = (u16)vmcs_read(VMCS_QUALIFICATION);
		return;
	default:
		describe_vectoring(exit);
		exit->reason = HVM_HW_UNKNOWN;
		exit->raw = reason;
	}
}

/*
 * Nothing ran. What was to be injected is not in the guest, and must not be found in the VMCS by
 * the next entry.
 */
static void take_back_event(struct hvm_exit *exit)
{
	u32 info = vmcs_read(VMCS_ENTRY_EVENT);

	if (!(info & VMX_EVENT_VALID))
		return;
	vmx_decode_event(&exit->vectoring, info, vmcs_read(VMCS_ENTRY_ERROR_CODE),
			 vmcs_read(VMCS_ENTRY_INSN_LEN));
	vmcs_write(VMCS_ENTRY_EVENT, 0);
}

/*
 * The entry got as far as the guest's state (SDM "VM-Entry Failures During or After Loading Guest
 * State").
 */
static noinline void describe_invalid(struct hvm_exit *exit, u32 reason)
{
	take_back_event(exit);
	if ((reason & VMX_REASON_BASIC) == VMX_REASON_ENTRY_MCE) {
		exit->reason = HVM_HW_INTR;
		handle_machine_check();
		return;
	}
	exit->reason = HVM_HW_INVALID_STATE;
	exit->raw = vmx_check_state();
}

/**
 * vmx_describe_failed_entry - VMLAUNCH or VMRESUME failed (SDM "VM-Instruction Error Numbers")
 * @vmx: the vCPU, loaded
 * @exit: filled in
 *
 * The controls of a VMCS are known to be good but for the event, which userspace may have chosen.
 */
void vmx_describe_failed_entry(struct vmx_vcpu *vmx, struct hvm_exit *exit)
{
	u32 error = vmcs_read(VMCS_INSTRUCTION_ERROR);

	exit->vectoring.type = HVM_EVENT_NONE;
	exit->insn_len = 0;
	take_back_event(exit);
	if (error == VMX_ERROR_CONTROLS && exit->vectoring.type != HVM_EVENT_NONE) {
		exit->reason = HVM_HW_INVALID_STATE;
		exit->raw = HVM_INVALID_EVENT;
		return;
	}
	exit->reason = HVM_HW_UNKNOWN;
	exit->raw = error;
}

/**
 * vmx_describe - what the exit was
 * @vmx: the vCPU, loaded
 * @exit: filled in
 *
 * Context: interrupts off, straight after the exit
 */
void vmx_describe(struct vmx_vcpu *vmx, struct hvm_exit *exit)
{
	u32 reason = vmcs_read(VMCS_EXIT_REASON);
	const struct reason *known;

	exit->vectoring.type = HVM_EVENT_NONE;
	if (unlikely(reason & VMX_REASON_FAILED_ENTRY)) {
		describe_invalid(exit, reason);
		return;
	}
	vmx->frame.launched = 1;
	reason &= VMX_REASON_BASIC;
	known = reason < VMX_REASONS ? &reasons[reason] : &reasons[VMX_REASONS - 1];
	exit->reason = known->exit;
	if (known->flags & HAS_LENGTH)
		exit->insn_len = vmcs_read(VMCS_EXIT_INSN_LEN);
	if (known->flags & PLAIN)
		return;
	if (reason == VMX_REASON_IO)
		describe_pio(exit);
	else if (reason == VMX_REASON_EPT_VIOLATION)
		describe_tdp_fault(exit);
	else
		describe_special(vmx, exit, reason);
}
