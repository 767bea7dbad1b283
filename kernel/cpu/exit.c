// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an exit leads to. The backend has described it; here it is decided. Handlers are called with
 * interrupts off, straight after the exit; one that has to sleep opens them first. An exit that
 * leaves to userspace stands at its instruction; complete.c finishes it. Not here: the loop
 * (run.c).
 */
#include <asm/trapnr.h>

#include "../trace.h"
#include "control.h"
#include "cpuid.h"
#include "debug.h"
#include "debugreg.h"
#include "exit.h"
#include "idle.h"
#include "pv.h"
#include "run.h"
#include "vcpu.h"

/* Step over the instruction that exited; a single-stepping guest gets its #DB. */
static enum hvm_next step_over(struct hvm_vcpu *vcpu, const struct hvm_exit *exit)
{
	if (unlikely(hvm_backend->skip(vcpu->hw, exit->insn_len)))
		hvm_event_single_step(vcpu);
	if (unlikely(vcpu->debugger.active))
		hvm_debug_retired(vcpu);
	return HVM_NEXT_ENTER;
}

static enum hvm_next raise_gp(struct hvm_vcpu *vcpu)
{
	hvm_event_raise_error(vcpu, X86_TRAP_GP, 0);
	return HVM_NEXT_ENTER;
}

/**
 * hvm_exit_leave - to userspace
 * @vcpu: the vCPU
 * @reason: enum hvm_exit_reason; what belongs to it is in the run page already
 */
enum hvm_next hvm_exit_leave(struct hvm_vcpu *vcpu, u32 reason)
{
	vcpu->stats->leaves[reason]++;
	vcpu->reason = reason;
	vcpu->run->reason = reason;
	return HVM_NEXT_LEAVE;
}

static enum hvm_next tell_eois(struct hvm_vcpu *vcpu)
{
	int vector;

	while ((vector = hvm_lapic_take_eoi(&vcpu->lapic)) >= 0) {
		hvm_irqfd_resample(&vcpu->vm->irqfds, vector);
		if (!hvm_lapic_take_exit(&vcpu->lapic, vector))
			continue;
		vcpu->run->eoi.vector = vector;
		hvm_backend->expose(vcpu->hw, false);
		return hvm_exit_leave(vcpu, HVM_EXIT_EOI);
	}
	return HVM_NEXT_ENTER;
}

/**
 * hvm_exit_tell_eois - tell whom it concerns that level-triggered interrupts ended
 * @vcpu: the vCPU
 *
 * Opens interrupts if there is somebody to tell: eventfds are signalled, which may be many.
 *
 * Return: HVM_NEXT_LEAVE when it is to be an HVM_EXIT_EOI, else HVM_NEXT_ENTER
 */
enum hvm_next hvm_exit_tell_eois(struct hvm_vcpu *vcpu)
{
	if (likely(!hvm_lapic_has_eoi(&vcpu->lapic)))
		return HVM_NEXT_ENTER;
	if (vcpu->bell.mode == HVM_IN_GUEST)
		hvm_run_open(vcpu);
	return tell_eois(vcpu);
}

static enum hvm_next handle_intr(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	hvm_run_take_interrupt(vcpu);
	hvm_clock_look(vcpu, false);
	return HVM_NEXT_ENTER;
}

static enum hvm_next handle_window(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	vcpu->lapic.recheck = true;
	if (READ_ONCE(vcpu->run->want_window) && hvm_event_takes_intr(vcpu)) {
		hvm_backend->expose(vcpu->hw, false);
		return hvm_exit_leave(vcpu, HVM_EXIT_INTWINDOW);
	}
	return HVM_NEXT_ENTER;
}

static enum hvm_next handle_deadline(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	hvm_lapic_deadline(&vcpu->lapic);
	return HVM_NEXT_ENTER;
}

static enum hvm_next handle_eoi(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	hvm_lapic_ended(&vcpu->lapic, exit->raw);
	return hvm_exit_tell_eois(vcpu);
}

static enum hvm_next handle_cpuid(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	u64 *gpr = vcpu->run->gpr;
	u32 out[4];

	hvm_cpuid_query(vcpu, READ_ONCE(gpr[HVM_RAX]), READ_ONCE(gpr[HVM_RCX]), out);
	gpr[HVM_RAX] = out[0];
	gpr[HVM_RBX] = out[1];
	gpr[HVM_RCX] = out[2];
	gpr[HVM_RDX] = out[3];
	return step_over(vcpu, exit);
}

static enum hvm_next handle_hlt(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	step_over(vcpu, exit);
	if (!hvm_event_runnable(vcpu))
		vcpu->events.mp_state = HVM_MP_HALTED;
	return HVM_NEXT_ENTER;
}

static enum hvm_next handle_hypercall(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	vcpu->run->gpr[HVM_RAX] = hvm_hypercall(vcpu, exit);
	return step_over(vcpu, exit);
}

static enum hvm_next leave_msr(struct hvm_vcpu *vcpu, const struct hvm_exit *exit, u32 index,
			       bool write, u64 value)
{
	struct hvm_run *run = vcpu->run;

	run->msr.index = index;
	run->msr.write = write;
	run->msr.value = value;
	vcpu->exit_write = write;
	vcpu->insn_len = exit->insn_len;
	run->insn_len = exit->insn_len;
	hvm_backend->expose(vcpu->hw, false);
	return hvm_exit_leave(vcpu, HVM_EXIT_MSR);
}

static enum hvm_next handle_msr_read(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	u64 *gpr = vcpu->run->gpr;
	struct hvm_msr_access a = { .vcpu = vcpu, .index = READ_ONCE(gpr[HVM_RCX]) };

	switch (hvm_msr_read(&a)) {
	case HVM_MSR_DONE:
		gpr[HVM_RAX] = (u32)a.value;
		gpr[HVM_RDX] = a.value >> 32;
		return step_over(vcpu, exit);
	case HVM_MSR_EXIT:
		return leave_msr(vcpu, exit, a.index, false, 0);
	default:
		return raise_gp(vcpu);
	}
}

static enum hvm_next handle_msr_write(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	u64 *gpr = vcpu->run->gpr;
	struct hvm_msr_access a = {
		.vcpu = vcpu,
		.index = READ_ONCE(gpr[HVM_RCX]),
		.value = (u32)READ_ONCE(gpr[HVM_RAX]) | READ_ONCE(gpr[HVM_RDX]) << 32,
	};

	switch (hvm_msr_write(&a)) {
	case HVM_MSR_DONE:
		step_over(vcpu, exit);
		return hvm_exit_tell_eois(vcpu);
	case HVM_MSR_EXIT:
		return leave_msr(vcpu, exit, a.index, true, a.value);
	default:
		return raise_gp(vcpu);
	}
}

static enum hvm_next handle_pio(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	struct hvm_run *run = vcpu->run;

	if (!exit->pio.flags && hvm_ioeventfd_write(&vcpu->vm->ioeventfds, exit->pio.port,
						    exit->pio.bytes,
						    READ_ONCE(run->gpr[HVM_RAX])))
		return step_over(vcpu, exit);
	run->pio.port = exit->pio.port;
	run->pio.bytes = exit->pio.bytes;
	run->pio.flags = exit->pio.flags;
	run->insn_len = exit->insn_len;
	run->insn_bytes_len = 0;
	vcpu->insn_len = exit->insn_len;
	vcpu->exit_string = exit->pio.flags & HVM_PIO_STRING;
	hvm_backend->expose(vcpu->hw, vcpu->exit_string);
	return hvm_exit_leave(vcpu, HVM_EXIT_PIO);
}

/* All that the decoder needs. */
static noinline void fill_decode(struct hvm_vcpu *vcpu, const struct hvm_exit *exit)
{
	struct hvm_run *run = vcpu->run;

	run->insn_len = 0;
	run->insn_bytes_len = exit->insn_bytes_len;
	if (exit->insn_bytes_len)
		memcpy(run->insn_bytes, exit->insn_bytes, sizeof(run->insn_bytes));
	vcpu->insn_len = 0;
	hvm_backend->expose(vcpu->hw, true);
}

static enum hvm_next leave_memory(struct hvm_vcpu *vcpu, const struct hvm_exit *exit, u32 reason)
{
	struct hvm_run *run = vcpu->run;

	run->memory.gpa = exit->memory.gpa;
	run->memory.access = exit->memory.access;
	run->memory.error = exit->memory.detail;
	fill_decode(vcpu, exit);
	return hvm_exit_leave(vcpu, reason);
}

/**
 * hvm_exit_leave_absent - to userspace for a page that the kernel wants to write
 * @vcpu: the vCPU
 * @gpa: where it is
 */
enum hvm_next hvm_exit_leave_absent(struct hvm_vcpu *vcpu, gpa_t gpa)
{
	const struct hvm_exit exit = {
		.memory = { .gpa = gpa, .access = HVM_ACCESS_WRITE },
	};

	return leave_memory(vcpu, &exit, HVM_EXIT_FAULT);
}

/* An instruction cannot be decoded when it is not the instruction that made the access. */
static noinline enum hvm_next leave_event_memory(struct hvm_vcpu *vcpu, const struct hvm_exit *exit)
{
	vcpu->run->unsupported.what = HVM_UNSUPPORTED_EVENT_MEMORY;
	vcpu->run->unsupported.detail = exit->memory.gpa;
	fill_decode(vcpu, exit);
	return hvm_exit_leave(vcpu, HVM_EXIT_UNSUPPORTED);
}

static bool is_apic_access(struct hvm_vcpu *vcpu, gpa_t gpa)
{
	return (gpa & ~0xfffULL) == HVM_APIC_PAGE && hvm_lapic_enabled(&vcpu->lapic) &&
	       !hvm_lapic_x2apic(&vcpu->lapic);
}

static noinline enum hvm_next leave_apic(struct hvm_vcpu *vcpu, const struct hvm_exit *exit)
{
	struct hvm_run *run = vcpu->run;
	u32 offset = exit->memory.gpa & 0xfff;
	bool write = exit->memory.access & HVM_ACCESS_WRITE;

	fill_decode(vcpu, exit);
	run->apic.offset = offset;
	run->apic.write = write;
	run->apic.value = write ? 0 : hvm_lapic_read(&vcpu->lapic, offset);
	vcpu->exit_write = write;
	vcpu->exit_offset = offset;
	return hvm_exit_leave(vcpu, HVM_EXIT_APIC);
}

static enum hvm_next leave_device(struct hvm_vcpu *vcpu, const struct hvm_exit *exit)
{
	if (exit->vectoring.type != HVM_EVENT_NONE || exit->memory.walk)
		return leave_event_memory(vcpu, exit);
	if (is_apic_access(vcpu, exit->memory.gpa))
		return leave_apic(vcpu, exit);
	return leave_memory(vcpu, exit, HVM_EXIT_MEMORY);
}

static enum hvm_next handle_tdp_fault(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	enum hvm_fault_outcome outcome;

	hvm_run_open(vcpu);
	exit->memory.detail = 0;
	outcome = hvm_mem_fault(&vcpu->vm->mem, exit->memory.gpa, exit->memory.access,
				&exit->memory.detail);
	trace_hvm_fault(vcpu->lapic.id, exit, outcome, exit->memory.detail);
	switch (outcome) {
	case HVM_FAULT_FETCHED:
		vcpu->hw->dirty |= HVM_HW_FOREIGN_DATA;
		fallthrough;
	case HVM_FAULT_FIXED:
		if (likely(exit->memory.detail))
			vcpu->stats->faults[exit->memory.detail - 1]++;
		return HVM_NEXT_ENTER;
	case HVM_FAULT_SIGNAL:
		return HVM_NEXT_ENTER;
	case HVM_FAULT_NO_RANGE:
	case HVM_FAULT_READONLY:
		return leave_device(vcpu, exit);
	case HVM_FAULT_ABSENT:
	case HVM_FAULT_HOST:
		return leave_memory(vcpu, exit, HVM_EXIT_FAULT);
	case HVM_FAULT_NOMEM:
		break;
	}
	return HVM_NEXT_NOMEM;
}

static enum hvm_next handle_cr_write(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	hvm_run_open(vcpu);
	if (!hvm_control_write(vcpu, exit->cr.nr, exit->cr.value))
		return raise_gp(vcpu);
	return step_over(vcpu, exit);
}

static enum hvm_next handle_dr_access(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	if (unlikely(vcpu->hw->dr_owner == HVM_DR_DEBUGGER))
		hvm_debug_borrow(vcpu);
	else
		hvm_debugreg_lend(vcpu);
	return HVM_NEXT_ENTER;
}

static unsigned int privilege_level(struct hvm_vcpu *vcpu)
{
	struct hvm_hw_state state;

	hvm_backend->get_state(vcpu->hw, HVM_STATE_SEGMENTS, &state);
	return (state.segments.seg[HVM_SS].attributes & HVM_SEG_DPL) >> HVM_SEG_DPL_SHIFT;
}

/* An AMD processor exits before it looks at the privilege level. */
static enum hvm_next handle_xsetbv(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	u64 *gpr = vcpu->run->gpr;
	u64 value = (u32)READ_ONCE(gpr[HVM_RAX]) | READ_ONCE(gpr[HVM_RDX]) << 32;

	if ((u32)READ_ONCE(gpr[HVM_RCX]) != 0 || !hvm_fpu_xcr0_valid(value) ||
	    privilege_level(vcpu) != 0)
		return raise_gp(vcpu);
	vcpu->fpu.xcr0 = value;
	return step_over(vcpu, exit);
}

/*
 * The exception whose delivery failed for good is lost: whoever sets the vCPU up again finds none
 * on its way.
 */
static enum hvm_next handle_triple_fault(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	vcpu->events.injected.type = HVM_EVENT_NONE;
	hvm_backend->expose(vcpu->hw, true);
	return hvm_exit_leave(vcpu, HVM_EXIT_SHUTDOWN);
}

/*
 * A guest whose exceptions raise exceptions exits on the way to its next instruction, for ever: no
 * entry gets as far as to notice a host interrupt that is pending. So they are let in here.
 */
static enum hvm_next handle_exception(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	hvm_run_open(vcpu);
	if (unlikely(vcpu->debugger.active) && hvm_debug_takes(vcpu, &exit->event))
		return HVM_NEXT_ENTER;
	if (hvm_event_reflect(vcpu, &exit->event))
		return HVM_NEXT_ENTER;
	return handle_triple_fault(vcpu, exit);
}

static enum hvm_next handle_undefined(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	hvm_event_raise(vcpu, X86_TRAP_UD);
	return HVM_NEXT_ENTER;
}

static enum hvm_next handle_privileged(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	return raise_gp(vcpu);
}

static enum hvm_next handle_nop(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	return step_over(vcpu, exit);
}

/* It waits for somebody who may not run. */
static enum hvm_next handle_pause(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	hvm_run_open(vcpu);
	hvm_idle_yield(vcpu);
	return HVM_NEXT_ENTER;
}

static enum hvm_next leave_unsupported(struct hvm_vcpu *vcpu, u32 what, u64 detail)
{
	vcpu->run->unsupported.what = what;
	vcpu->run->unsupported.detail = detail;
	hvm_backend->expose(vcpu->hw, true);
	return hvm_exit_leave(vcpu, HVM_EXIT_UNSUPPORTED);
}

static enum hvm_next handle_task_switch(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	return leave_unsupported(vcpu, HVM_UNSUPPORTED_TASK_SWITCH, exit->raw);
}

static enum hvm_next handle_unknown(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	return leave_unsupported(vcpu, HVM_UNSUPPORTED_EXIT, exit->raw);
}

static enum hvm_next handle_invalid(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	vcpu->run->invalid.field = exit->raw;
	vcpu->lapic.recheck = true;
	hvm_backend->expose(vcpu->hw, true);
	return hvm_exit_leave(vcpu, HVM_EXIT_INVALID_STATE);
}

static enum hvm_next (*const handlers[HVM_HW_EXITS])(struct hvm_vcpu *, struct hvm_exit *) = {
	[HVM_HW_INTR]		= handle_intr,
	[HVM_HW_WINDOW]		= handle_window,
	[HVM_HW_DEADLINE]	= handle_deadline,
	[HVM_HW_EOI]		= handle_eoi,
	[HVM_HW_CPUID]		= handle_cpuid,
	[HVM_HW_HLT]		= handle_hlt,
	[HVM_HW_HYPERCALL]	= handle_hypercall,
	[HVM_HW_MSR_READ]	= handle_msr_read,
	[HVM_HW_MSR_WRITE]	= handle_msr_write,
	[HVM_HW_PIO]		= handle_pio,
	[HVM_HW_TDP_FAULT]	= handle_tdp_fault,
	[HVM_HW_CR_WRITE]	= handle_cr_write,
	[HVM_HW_DR_ACCESS]	= handle_dr_access,
	[HVM_HW_XSETBV]		= handle_xsetbv,
	[HVM_HW_EXCEPTION]	= handle_exception,
	[HVM_HW_UNDEFINED]	= handle_undefined,
	[HVM_HW_PRIVILEGED]	= handle_privileged,
	[HVM_HW_NOP]		= handle_nop,
	[HVM_HW_PAUSE]		= handle_pause,
	[HVM_HW_TASK_SWITCH]	= handle_task_switch,
	[HVM_HW_TRIPLE_FAULT]	= handle_triple_fault,
	[HVM_HW_INVALID_STATE]	= handle_invalid,
	[HVM_HW_UNKNOWN]	= handle_unknown,
};

/**
 * hvm_exit_handle - decide what an exit leads to
 * @vcpu: the vCPU, loaded
 * @exit: the exit as the backend described it
 *
 * Context: interrupts off; may return with them on, &hvm_bell.mode tells
 */
enum hvm_next hvm_exit_handle(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	unsigned int reason = exit->reason;

	vcpu->stats->exits[reason]++;
	return handlers[reason](vcpu, exit);
}
