// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes into the guest, and what keeps it out: events, windows, the interrupt shadow, and
 * stepping over an instruction. Common code has decided already; here it is put into the
 * processor's terms (SDM "VM-Entry Controls for Event Injection").
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "vmx.h"

#define VECTOR_INT1	1

/* VMCS_GUEST_PENDING_DEBUG */
#define PENDING_STEP	BIT_ULL(14)

static const u32 types[] = {
	[HVM_EVENT_INTR]		= VMX_EVENT_INTR,
	[HVM_EVENT_NMI]			= VMX_EVENT_NMI,
	[HVM_EVENT_EXCEPTION]		= VMX_EVENT_EXCEPTION,
	[HVM_EVENT_SOFT_INTR]		= VMX_EVENT_SOFT_INTR,
	[HVM_EVENT_SOFT_EXCEPTION]	= VMX_EVENT_SOFT_EXCEPTION,
};

static const u8 type_of[8] = {
	[VMX_EVENT_INTR >> 8]		= HVM_EVENT_INTR,
	[VMX_EVENT_NMI >> 8]		= HVM_EVENT_NMI,
	[VMX_EVENT_EXCEPTION >> 8]	= HVM_EVENT_EXCEPTION,
	[VMX_EVENT_SOFT_INTR >> 8]	= HVM_EVENT_SOFT_INTR,
	[VMX_EVENT_PRIVILEGED >> 8]	= HVM_EVENT_SOFT_EXCEPTION,
	[VMX_EVENT_SOFT_EXCEPTION >> 8]	= HVM_EVENT_SOFT_EXCEPTION,
};

static bool is_soft(u32 info)
{
	u32 type = info & VMX_EVENT_TYPE;

	return type == VMX_EVENT_SOFT_INTR || type == VMX_EVENT_PRIVILEGED ||
	       type == VMX_EVENT_SOFT_EXCEPTION;
}

/**
 * vmx_decode_event - from the processor's format
 * @event: filled in
 * @info: VMCS_EXIT_EVENT, VMCS_VECTORING_EVENT or VMCS_ENTRY_EVENT
 * @error: error code, where @info says that there is one
 * @insn_len: length of the instruction, for software events
 */
void vmx_decode_event(struct hvm_event *event, u32 info, u32 error, u8 insn_len)
{
	*event = (struct hvm_event) {
		.type = type_of[(info & VMX_EVENT_TYPE) >> 8],
		.vector = info & VMX_EVENT_VECTOR,
		.insn_len = is_soft(info) ? insn_len : 0,
	};
	if (info & VMX_EVENT_ERROR) {
		event->flags = HVM_EVENT_ERROR;
		event->error = error;
	}
}

/**
 * vmx_inject - deliver an event with the next entry
 * @hw: the vCPU
 * @event: the event; its type is not HVM_EVENT_NONE
 */
void vmx_inject(struct hvm_hw *hw, const struct hvm_event *event)
{
	struct vmx_vcpu *vmx = to_vmx(hw);
	u32 info = types[event->type];

	/* INT1 is a class of its own to the processor: neither DPL nor #GP stand in its way. */
	if (event->type == HVM_EVENT_SOFT_EXCEPTION && event->vector == VECTOR_INT1)
		info = VMX_EVENT_PRIVILEGED;
	if (event->type == HVM_EVENT_EXCEPTION && event->flags & HVM_EVENT_ERROR)
		info |= VMX_EVENT_ERROR;
	vmx->entry_event = info | event->vector | VMX_EVENT_VALID;
	vmx->entry_error = event->error;
	vmx->entry_len = event->insn_len;
	hw->dirty |= VMX_WORK_EVENT;
}

/**
 * vmx_write_event - what vmx_inject() left goes into the VMCS
 * @vmx: the vCPU, loaded
 */
void vmx_write_event(struct vmx_vcpu *vmx)
{
	u32 info = vmx->entry_event;

	/* Real mode has no error codes, and the entry would be refused. */
	if (info & VMX_EVENT_ERROR && !(vmcs_read(VMCS_GUEST_CR0) & X86_CR0_PE))
		info &= ~VMX_EVENT_ERROR;
	if (info & VMX_EVENT_ERROR)
		vmcs_write(VMCS_ENTRY_ERROR_CODE, vmx->entry_error);
	if (is_soft(info))
		vmcs_write(VMCS_ENTRY_INSN_LEN, vmx->entry_len);
	vmcs_write(VMCS_ENTRY_EVENT, info);
}

/**
 * vmx_window - ask for an exit
 * @hw: the vCPU
 * @flags: HVM_WINDOW_*
 * @prio: priority class of the waiting interrupt
 */
void vmx_window(struct hvm_hw *hw, u32 flags, u8 prio)
{
	struct vmx_vcpu *vmx = to_vmx(hw);

	vmx->window_flags = flags;
	vmx->window_prio = prio;
	hw->dirty |= VMX_WORK_WINDOW;
}

/*
 * An interrupt waits for RFLAGS.IF and the shadow, or for the guest to lower its task priority
 * below the interrupt's class: each has its own exit. The processor refuses a threshold above the
 * current class.
 */
static u8 intr_window(const struct vmx_vcpu *vmx, u32 *primary)
{
	if (vmx->window_prio <= vmx->hw.tpr >> 4)
		return vmx->window_prio;
	*primary |= VMX_PRIMARY_INTR_WINDOW;
	return 0;
}

/*
 * The NMI window ignores the shadow of STI, which an injection must not: then the interrupt window
 * comes right after it, for IF is set.
 */
static u32 nmi_window(void)
{
	if (vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) & VMX_SHADOW_STI)
		return VMX_PRIMARY_INTR_WINDOW;
	return VMX_PRIMARY_NMI_WINDOW;
}

/**
 * vmx_write_window - what vmx_window() left goes into the VMCS
 * @vmx: the vCPU, loaded
 *
 * As long as a window is wanted this is done before each entry: the task priority and the shadow
 * decide which.
 */
void vmx_write_window(struct vmx_vcpu *vmx)
{
	u32 primary = vmx->primary & ~(VMX_PRIMARY_INTR_WINDOW | VMX_PRIMARY_NMI_WINDOW);
	u8 threshold = 0;

	if (vmx->window_flags & HVM_WINDOW_INTR)
		threshold = intr_window(vmx, &primary);
	if (vmx->window_flags & HVM_WINDOW_NMI)
		primary |= nmi_window();
	if (primary != vmx->primary) {
		vmx->primary = primary;
		vmcs_write(VMCS_PRIMARY_CONTROLS, primary);
	}
	if (threshold != vmx->tpr_threshold) {
		vmx->tpr_threshold = threshold;
		vmcs_write(VMCS_TPR_THRESHOLD, threshold);
	}
	if (vmx->window_flags)
		vmx->hw.dirty |= VMX_WORK_WINDOW;
}

/**
 * vmx_blocked - what the guest does not take now
 * @hw: the vCPU, loaded
 *
 * Return: HVM_BLOCKED_*
 */
u32 vmx_blocked(struct hvm_hw *hw)
{
	u32 blocking = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);
	u32 blocked = 0;

	if (blocking & VMX_SHADOWS || !(vmcs_read(VMCS_GUEST_RFLAGS) & X86_EFLAGS_IF))
		blocked |= HVM_BLOCKED_INTR;
	if (blocking & (VMX_SHADOWS | VMX_NMI_MASKED))
		blocked |= HVM_BLOCKED_NMI;
	if (hw->dirty & VMX_WORK_EVENT)
		blocked |= HVM_BLOCKED_EVENT;
	return blocked;
}

static void write_pending_step(bool pending)
{
	u64 debug = vmcs_read(VMCS_GUEST_PENDING_DEBUG);

	vmcs_write(VMCS_GUEST_PENDING_DEBUG,
		   pending ? debug | PENDING_STEP : debug & ~PENDING_STEP);
}

/**
 * vmx_fix_pending_debug - in a shadow, a pending single step has to be what TF and BTF say (SDM
 * "Checks on Guest Non-Register State")
 */
void vmx_fix_pending_debug(void)
{
	if (!(vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) & VMX_SHADOWS))
		return;
	write_pending_step(vmcs_read(VMCS_GUEST_RFLAGS) & X86_EFLAGS_TF &&
			   !(vmcs_read(VMCS_GUEST_DEBUGCTL) & DEBUGCTLMSR_BTF));
}

/* The instruction is done: its shadow and RF end, and a single step is common code's to raise. */
static noinline bool settle(u32 blocking, u64 rflags)
{
	if (blocking & VMX_SHADOWS)
		vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, blocking & ~VMX_SHADOWS);
	if (rflags & X86_EFLAGS_RF)
		vmcs_write(VMCS_GUEST_RFLAGS, rflags & ~(u64)X86_EFLAGS_RF);
	write_pending_step(false);
	return rflags & X86_EFLAGS_TF;
}

static noinline u64 wrap(u64 rip)
{
	if (vmcs_read(VMCS_GUEST_EFER) & EFER_LMA &&
	    vmcs_read(VMCS_GUEST_RIGHTS(HVM_CS)) & VMX_RIGHTS_L)
		return rip;
	return (u32)rip;
}

/**
 * vmx_skip - step over an instruction
 * @hw: the vCPU, loaded
 * @len: its length, 1 to 15
 *
 * Return: RFLAGS.TF is set
 */
bool vmx_skip(struct hvm_hw *hw, unsigned int len)
{
	u64 rip = vmcs_read(VMCS_GUEST_RIP);
	u64 next = rip + len;
	u64 rflags = vmcs_read(VMCS_GUEST_RFLAGS);
	u32 blocking = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);

	if (unlikely((rip ^ next) >> 32))
		next = wrap(next);
	vmcs_write(VMCS_GUEST_RIP, next);
	if (unlikely(blocking & VMX_SHADOWS || rflags & (X86_EFLAGS_RF | X86_EFLAGS_TF)))
		return settle(blocking, rflags);
	return false;
}
