// SPDX-License-Identifier: GPL-2.0-only
/*
 * HVM_DEBUG. Neither vendor runs a guest for one instruction, so a step is RFLAGS.TF, set for one
 * entry and taken back at its exit. During a step all exceptions exit, so that none pushes RFLAGS
 * with our TF for the guest to see; an event goes in by an entry without TF that a host interrupt
 * ends before the handler's first instruction. Breakpoints are the processor's, which the guest
 * lends. Its MOV DR exits then, and is executed as a step with its own registers, of which neither
 * side notices anything.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "debug.h"
#include "debugreg.h"
#include "vcpu.h"

#define DEBUG_FLAGS	(HVM_DEBUG_STEP | HVM_DEBUG_HOLD | HVM_DEBUG_INT3)

/* DR7 (SDM "Debug Control Register (DR7)"); the encoding of lengths is one less, but 8 is 2. */
#define DR7_FIXED	BIT_ULL(10)
#define DR7_GLOBAL(n)	BIT_ULL((n) * 2 + 1)
#define DR7_TYPE_SHIFT(n) ((n) * 4 + 16)
#define DR7_BYTES_SHIFT(n) ((n) * 4 + 18)

#define DR6_BS		BIT_ULL(14)

/* Those that always exit (&hvm_hw.exit_exceptions). */
#define ALWAYS		(BIT(X86_TRAP_DB) | BIT(X86_TRAP_AC))
/* An NMI is no exception; INTO, unlike INT3, cannot be delivered by hand on all processors. */
#define WHILE_STEPPING	(~(u32)(BIT(X86_TRAP_NMI) | BIT(X86_TRAP_OF)))

static u64 dr7_type(u32 kind)
{
	return kind == HVM_BREAK_EXEC ? 0 : kind == HVM_BREAK_WRITE ? 1 : 3;
}

static bool breakpoint_valid(const struct hvm_breakpoint *b)
{
	if (b->kind == HVM_BREAK_NONE)
		return !b->gva && !b->bytes;
	if (b->kind > HVM_BREAK_ACCESS || b->bytes > 8 || !is_power_of_2(b->bytes))
		return false;
	return !(b->gva & (b->bytes - 1)) && (b->kind != HVM_BREAK_EXEC || b->bytes == 1);
}

static void set_breakpoints(struct hvm_vcpu *vcpu, const struct hvm_breakpoint *breakpoint)
{
	struct hvm_debugger *d = &vcpu->debugger;
	u64 dr7 = DR7_FIXED;
	int i;

	d->enabled = 0;
	for (i = 0; i < HVM_BREAKPOINTS; i++) {
		const struct hvm_breakpoint *b = &breakpoint[i];

		d->dr[i] = b->gva;
		if (b->kind == HVM_BREAK_NONE)
			continue;
		d->enabled |= BIT(i);
		dr7 |= DR7_GLOBAL(i) | dr7_type(b->kind) << DR7_TYPE_SHIFT(i) |
		       (b->bytes == 8 ? 2ULL : b->bytes - 1ULL) << DR7_BYTES_SHIFT(i);
	}
	vcpu->hw->debugger_dr7 = dr7;
}

/* What exits: the guest pays for a step only while it lasts. */
static void set_exceptions(struct hvm_vcpu *vcpu)
{
	struct hvm_debugger *d = &vcpu->debugger;
	u32 exceptions = ALWAYS;

	if (d->flags & HVM_DEBUG_INT3)
		exceptions |= BIT(X86_TRAP_BP);
	if (d->flags & HVM_DEBUG_STEP || d->borrowing)
		exceptions = WHILE_STEPPING;
	vcpu->hw->exit_exceptions = exceptions;
	vcpu->hw->dirty |= HVM_HW_NEW_INTERCEPTS;
}

/* Without a debugger the guest gets back what it uses; the next reclaim sees if that is nothing. */
static void choose_owner(struct hvm_vcpu *vcpu)
{
	if (vcpu->debugger.enabled)
		hvm_debugreg_give(vcpu, HVM_DR_DEBUGGER);
	else if (vcpu->hw->dr_owner == HVM_DR_DEBUGGER)
		hvm_debugreg_give(vcpu, HVM_DR_GUEST);
}

/**
 * hvm_debug_set - HVM_DEBUG
 * @vcpu: the vCPU, its lock held
 * @arg: the argument
 *
 * What waits to be reported is dropped: it is about what was asked for before.
 *
 * Return: 0, -EOPNOTSUPP: unknown flag, -EINVAL
 */
int hvm_debug_set(struct hvm_vcpu *vcpu, const struct hvm_debug *arg)
{
	struct hvm_debugger *d = &vcpu->debugger;
	int i;

	lockdep_assert_held(&vcpu->lock);
	if (arg->flags & ~DEBUG_FLAGS)
		return -EOPNOTSUPP;
	if ((arg->flags & (HVM_DEBUG_STEP | HVM_DEBUG_HOLD)) == HVM_DEBUG_HOLD)
		return -EINVAL;
	for (i = 0; i < HVM_BREAKPOINTS; i++)
		if (!breakpoint_valid(&arg->breakpoint[i]))
			return -EINVAL;

	d->flags = arg->flags;
	d->borrowing = false;
	d->hits = 0;
	clear_bit(ilog2(HVM_REQ_DEBUG), &vcpu->bell.requests);
	set_breakpoints(vcpu, arg->breakpoint);
	d->active = d->flags || d->enabled;
	set_exceptions(vcpu);
	choose_owner(vcpu);
	vcpu->lapic.recheck = true;
	return 0;
}

/* --- around an entry ------------------------------------------------------- */

/*
 * A shadow at the start of a step ends with it. It is set aside until then: with one, processors
 * differ on when the trap comes (SDM "Checks on Guest Non-Register State"). What waits for its end
 * waits for that of the step: a window would be open before the instruction.
 */
static void arm(struct hvm_vcpu *vcpu)
{
	struct hvm_debugger *d = &vcpu->debugger;
	u32 mask = HVM_STATE_GPR;
	struct hvm_hw_state state;

	hvm_backend->get_state(vcpu->hw, HVM_STATE_GPR | HVM_STATE_EVENTS, &state);
	d->armed = true;
	d->own_tf = state.rflags & X86_EFLAGS_TF;
	d->rip = state.rip;
	d->shadow = state.shadow;
	if (state.shadow) {
		mask |= HVM_STATE_EVENTS;
		hvm_event_close_window(vcpu);
	}
	state.rflags |= X86_EFLAGS_TF;
	state.shadow = 0;
	hvm_backend->set_state(vcpu->hw, mask, &state);
	if (d->borrowing)
		hvm_debugreg_give(vcpu, HVM_DR_GUEST);
}

/* A software event may be executed again instead, which the backend knows. */
static bool delivers_event(struct hvm_vcpu *vcpu)
{
	return vcpu->events.injected.type != HVM_EVENT_NONE &&
	       hvm_backend->blocked(vcpu->hw) & HVM_BLOCKED_EVENT;
}

/**
 * hvm_debug_before_entry - make the entry a step, if one is wanted
 * @vcpu: the vCPU, loaded; what goes into the guest has been chosen
 *
 * Context: interrupts off
 */
void hvm_debug_before_entry(struct hvm_vcpu *vcpu)
{
	struct hvm_debugger *d = &vcpu->debugger;

	d->trapped = false;
	if (!(d->flags & HVM_DEBUG_STEP) && !d->borrowing)
		return;
	if (!delivers_event(vcpu)) {
		arm(vcpu);
		return;
	}
	/* The guest comes back to its MOV DR. */
	if (d->borrowing) {
		d->borrowing = false;
		set_exceptions(vcpu);
	}
	if (d->flags & HVM_DEBUG_STEP) {
		d->injecting = true;
		hvm_bell_interrupt(&vcpu->bell);
	}
}

static void end_borrowing(struct hvm_vcpu *vcpu)
{
	vcpu->debugger.borrowing = false;
	set_exceptions(vcpu);
	hvm_debugreg_give(vcpu, HVM_DR_DEBUGGER);
}

/* Emulators (Bochs) leave DR6 alone when #DB exits: then it is the step, if there is one. */
static bool is_trap(const struct hvm_exit *exit)
{
	return exit->reason == HVM_HW_EXCEPTION && exit->event.vector == X86_TRAP_DB &&
	       (exit->event.payload & DR6_BS || !exit->event.payload);
}

/*
 * Take TF back. Flags that the guest loaded itself have none but its own. What an instruction that
 * will be executed again left pending goes, too: emulators (Bochs) keep its trap.
 */
static void disarm(struct hvm_vcpu *vcpu, const struct hvm_exit *exit)
{
	struct hvm_debugger *d = &vcpu->debugger;
	u32 mask = HVM_STATE_GPR;
	struct hvm_hw_state state;

	d->armed = false;
	d->trapped = is_trap(exit);
	hvm_backend->get_state(vcpu->hw, HVM_STATE_GPR | HVM_STATE_EVENTS, &state);
	if (!d->own_tf)
		state.rflags &= ~(u64)X86_EFLAGS_TF;
	if (!d->trapped && state.rip == d->rip) {
		state.shadow = d->shadow;
		mask |= HVM_STATE_EVENTS;
	}
	hvm_backend->set_state(vcpu->hw, mask, &state);
	if (d->borrowing)
		end_borrowing(vcpu);
}

static void report(struct hvm_vcpu *vcpu, u32 hits)
{
	vcpu->debugger.int3 = false;
	vcpu->debugger.hits |= hits;
	hvm_bell_ring(&vcpu->bell, HVM_REQ_DEBUG);
}

/**
 * hvm_debug_after_exit - see what became of the step
 * @vcpu: the vCPU, loaded
 * @exit: the exit
 *
 * Context: interrupts off
 */
void hvm_debug_after_exit(struct hvm_vcpu *vcpu, const struct hvm_exit *exit)
{
	struct hvm_debugger *d = &vcpu->debugger;

	if (d->armed)
		disarm(vcpu, exit);
	if (!d->injecting)
		return;
	d->injecting = false;
	if (exit->reason != HVM_HW_INVALID_STATE && exit->vectoring.type == HVM_EVENT_NONE)
		report(vcpu, HVM_HIT_STEP);
}

/* --- exits ------------------------------------------------------------------- */

/**
 * hvm_debug_borrow - the guest wants its debug registers, which a debugger holds
 * @vcpu: the vCPU, its lock held
 */
void hvm_debug_borrow(struct hvm_vcpu *vcpu)
{
	vcpu->debugger.borrowing = true;
	set_exceptions(vcpu);
}

/**
 * hvm_debug_retired - an instruction that exited has been stepped over
 * @vcpu: the vCPU, its lock held
 */
void hvm_debug_retired(struct hvm_vcpu *vcpu)
{
	if (vcpu->debugger.flags & HVM_DEBUG_STEP)
		report(vcpu, HVM_HIT_STEP);
}

/* A breakpoint on an instruction would hit again where it stands, but for RF. */
static void set_resume(struct hvm_vcpu *vcpu)
{
	struct hvm_hw_state state;

	hvm_backend->get_state(vcpu->hw, HVM_STATE_GPR, &state);
	state.rflags |= X86_EFLAGS_RF;
	hvm_backend->set_state(vcpu->hw, HVM_STATE_GPR, &state);
}

static bool stops_before(struct hvm_vcpu *vcpu, u32 hits)
{
	int i;

	for (i = 0; i < HVM_BREAKPOINTS; i++)
		if (hits & BIT(i) && !(vcpu->hw->debugger_dr7 >> DR7_TYPE_SHIFT(i) & 3))
			return true;
	return false;
}

/* Which of the debugger's breakpoints a #DB means; emulators that do not tell may mean any. */
static u32 take_hits(struct hvm_vcpu *vcpu, u64 payload)
{
	struct hvm_debugger *d = &vcpu->debugger;
	u32 hits = payload & d->enabled;

	if (!payload && !d->trapped)
		hits = d->enabled;
	if (stops_before(vcpu, hits))
		set_resume(vcpu);
	return hits;
}

/* What of a #DB is the guest's stays in the payload. */
static bool takes_debug(struct hvm_vcpu *vcpu, struct hvm_event *event)
{
	struct hvm_debugger *d = &vcpu->debugger;
	bool ours = d->enabled || d->trapped;
	u32 hits = take_hits(vcpu, event->payload);

	if (d->enabled)
		event->payload &= ~(u64)HVM_HIT_BREAKPOINTS;
	if (d->trapped && !d->own_tf)
		event->payload &= ~DR6_BS;
	if (d->trapped && d->flags & HVM_DEBUG_STEP)
		hits |= HVM_HIT_STEP;
	if (hits)
		report(vcpu, hits);
	return ours && !event->payload;
}

/**
 * hvm_debug_takes - whether an exception is the debugger's and not the guest's
 * @vcpu: the vCPU, its lock held, loaded; a debugger is active
 * @event: the exception; what is left in the payload of a #DB is the guest's
 */
bool hvm_debug_takes(struct hvm_vcpu *vcpu, struct hvm_event *event)
{
	struct hvm_debugger *d = &vcpu->debugger;

	if (event->vector == X86_TRAP_DB)
		return takes_debug(vcpu, event);
	if (event->vector != X86_TRAP_BP || !(d->flags & HVM_DEBUG_INT3))
		return false;
	report(vcpu, 0);
	d->int3 = true;
	return true;
}

/* --- towards userspace --------------------------------------------------------- */

/**
 * hvm_debug_report - fill in HVM_EXIT_DEBUG
 * @vcpu: the vCPU, its lock held, loaded; HVM_REQ_DEBUG is set
 */
void hvm_debug_report(struct hvm_vcpu *vcpu)
{
	struct hvm_debugger *d = &vcpu->debugger;

	clear_bit(ilog2(HVM_REQ_DEBUG), &vcpu->bell.requests);
	vcpu->run->debug.vector = d->int3 ? X86_TRAP_BP : X86_TRAP_DB;
	vcpu->run->debug.hits = d->hits;
	d->hits = 0;
	hvm_backend->expose(vcpu->hw, true);
}

/**
 * hvm_debug_reflect - HVM_COMPLETE_REFLECT
 * @vcpu: the vCPU, its lock held, loaded; its last exit was HVM_EXIT_DEBUG
 *
 * Return: 0, -EINVAL: not for an INT3
 */
int hvm_debug_reflect(struct hvm_vcpu *vcpu)
{
	if (!vcpu->debugger.int3)
		return -EINVAL;
	vcpu->debugger.int3 = false;
	hvm_event_reflect(vcpu, &vcpu->exit.event);
	return 0;
}

/**
 * hvm_debug_holds - whether interrupts and NMIs have to wait for a debugger
 * @vcpu: the vCPU, its lock held
 */
bool hvm_debug_holds(const struct hvm_vcpu *vcpu)
{
	return vcpu->debugger.flags & HVM_DEBUG_HOLD;
}
