// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes into the guest with the next entry. One event an entry, in the order of SDM "Priority
 * Among Concurrent Events": the event whose delivery an exit interrupted, an exception, an NMI, an
 * external interrupt. For what cannot go in yet, a window is asked for. Not here: which vectors
 * wait (irq/lapic.c) and how the hardware is told (the backend).
 */
#include <linux/errno.h>
#include <asm/trapnr.h>

#include "../trace.h"
#include "debug.h"
#include "debugreg.h"
#include "event.h"
#include "vcpu.h"

#define DR6_BS		BIT_ULL(14)
#define MAX_NMI		2

/**
 * hvm_event_reset - nothing is on its way
 * @vcpu: the vCPU, its lock held
 */
void hvm_event_reset(struct hvm_vcpu *vcpu)
{
	struct hvm_events *e = &vcpu->events;

	lockdep_assert_held(&vcpu->lock);
	e->injected.type = HVM_EVENT_NONE;
	e->pending.type = HVM_EVENT_NONE;
	e->nmi_pending = 0;
	vcpu->lapic.recheck = true;
}

/* Move the payload into its register: from here on it is architectural state. */
static void settle_payload(struct hvm_vcpu *vcpu, struct hvm_event *event)
{
	if (!(event->flags & HVM_EVENT_PAYLOAD))
		return;
	if (event->vector == X86_TRAP_PF)
		vcpu->hw->cr2 = event->payload;
	else if (event->vector == X86_TRAP_DB)
		hvm_debugreg_hit(vcpu, event->payload);
	event->flags &= ~HVM_EVENT_PAYLOAD;
}

static void inject(struct hvm_vcpu *vcpu, const struct hvm_event *event)
{
	vcpu->stats->injected[event->type]++;
	trace_hvm_inject(vcpu->lapic.id, event);
	vcpu->events.injected = *event;
	hvm_backend->inject(vcpu->hw, event);
}

static void inject_nmi(struct hvm_vcpu *vcpu)
{
	static const struct hvm_event nmi = { .type = HVM_EVENT_NMI, .vector = X86_TRAP_NMI };

	vcpu->events.nmi_pending--;
	inject(vcpu, &nmi);
}

static void inject_intr(struct hvm_vcpu *vcpu, u8 vector)
{
	const struct hvm_event intr = { .type = HVM_EVENT_INTR, .vector = vector };

	hvm_lapic_accept(&vcpu->lapic, vector);
	hvm_eoi_arm(vcpu);
	inject(vcpu, &intr);
}

/*
 * Whether the hardware delivers the local APIC's interrupts by itself. Not where somebody wants to
 * see what it would do on its own: a debugger, or who waits for an interrupt window.
 */
static bool hardware_delivers(const struct hvm_vcpu *vcpu)
{
	const struct hvm_lapic *lapic = &vcpu->lapic;

	return lapic->vapic && hvm_lapic_x2apic(lapic) && !vcpu->hw->exit_all_msrs &&
	       !vcpu->debugger.active && !vcpu->events.user_window;
}

/* What the hardware has is the hardware's until somebody looks at it. */
static void lend(struct hvm_vcpu *vcpu)
{
	struct hvm_hw *hw = vcpu->hw;
	bool on = hardware_delivers(vcpu);

	if (on && hvm_lapic_lend(&vcpu->lapic))
		hw->dirty |= HVM_HW_NEW_VAPIC;
	if (likely(on == hw->vapic.on))
		return;
	if (!on)
		hvm_lapic_own(&vcpu->lapic);
	hw->vapic.on = on;
	hw->dirty |= HVM_HW_NEW_VAPIC;
}

/* Choose the one event that goes in now. */
static void choose(struct hvm_vcpu *vcpu)
{
	struct hvm_events *e = &vcpu->events;
	u32 blocked;
	int vector;

	if (e->injected.type != HVM_EVENT_NONE) {
		hvm_backend->inject(vcpu->hw, &e->injected);
		return;
	}
	if (e->pending.type != HVM_EVENT_NONE) {
		settle_payload(vcpu, &e->pending);
		inject(vcpu, &e->pending);
		e->pending.type = HVM_EVENT_NONE;
		return;
	}

	if (unlikely(hvm_debug_holds(vcpu)))
		return;
	blocked = hvm_backend->blocked(vcpu->hw);
	if (e->nmi_pending && !(blocked & HVM_BLOCKED_NMI)) {
		inject_nmi(vcpu);
		return;
	}
	if (blocked & HVM_BLOCKED_INTR || vcpu->hw->vapic.on)
		return;
	vector = hvm_lapic_pending(&vcpu->lapic);
	if (vector >= 0)
		inject_intr(vcpu, vector);
}

/* Ask for an exit when what is left over can go in. */
static void ask_window(struct hvm_vcpu *vcpu)
{
	struct hvm_events *e = &vcpu->events;
	bool held = hvm_debug_holds(vcpu);
	int vector = held || vcpu->hw->vapic.on ? -1 : hvm_lapic_waiting(&vcpu->lapic);
	u32 window = 0;
	u8 prio = 0;

	if (e->nmi_pending && !held)
		window |= HVM_WINDOW_NMI;
	if (vector >= 0) {
		window |= HVM_WINDOW_INTR;
		prio = vector >> 4;
	}
	if (e->user_window) {
		window |= HVM_WINDOW_INTR;
		prio = 15;
	}
	if (window == e->window && prio == e->window_prio)
		return;
	e->window = window;
	e->window_prio = prio;
	hvm_backend->window(vcpu->hw, window, prio);
}

/**
 * hvm_event_close_window - no exit for what waits, with the next entry
 * @vcpu: the vCPU, loaded, after hvm_event_prepare()
 *
 * The next hvm_event_prepare() asks again; the caller sees to it that there is one.
 *
 * Context: interrupts off
 */
void hvm_event_close_window(struct hvm_vcpu *vcpu)
{
	struct hvm_events *e = &vcpu->events;

	if (!e->window)
		return;
	e->window = 0;
	e->window_prio = 0;
	hvm_backend->window(vcpu->hw, 0, 0);
}

static void take_nmis(struct hvm_vcpu *vcpu)
{
	struct hvm_events *e = &vcpu->events;
	u32 nmis = hvm_lapic_take_nmi(&vcpu->lapic);

	if (unlikely(nmis))
		e->nmi_pending = min_t(u32, e->nmi_pending + nmis, MAX_NMI);
}

/**
 * hvm_event_prepare - put the next event into the hardware, ask for windows for the rest
 * @vcpu: the vCPU, loaded
 *
 * Clears &hvm_lapic.recheck unless more than one event waits. After an entry that failed the
 * event stays in &hvm_events.injected, so nothing is lost.
 *
 * Context: interrupts off
 */
void hvm_event_prepare(struct hvm_vcpu *vcpu)
{
	struct hvm_events *e = &vcpu->events;

	e->user_window = READ_ONCE(vcpu->run->want_window);
	take_nmis(vcpu);
	lend(vcpu);
	vcpu->lapic.recheck = false;
	choose(vcpu);
	ask_window(vcpu);
	/*
	 * An event that goes in first leaves the others waiting, and they have no window. With a
	 * window open any exit may come before the one asked for: what waits can go in behind it.
	 */
	if (e->pending.type != HVM_EVENT_NONE || e->window)
		vcpu->lapic.recheck = true;
}

/**
 * hvm_event_interrupted - the exit hit the delivery of an event
 * @vcpu: the vCPU, its lock held, loaded
 * @event: the event
 *
 * It is injected with the next entry; but an interrupt that the hardware delivered by itself goes
 * back to where the hardware finds it again. That came after what was injected, which is done.
 */
void hvm_event_interrupted(struct hvm_vcpu *vcpu, const struct hvm_event *event)
{
	struct hvm_events *e = &vcpu->events;

	vcpu->lapic.recheck = true;
	if (vcpu->hw->vapic.on && event->type == HVM_EVENT_INTR &&
	    e->injected.type != HVM_EVENT_INTR) {
		e->injected.type = HVM_EVENT_NONE;
		hvm_lapic_undeliver(&vcpu->lapic);
		return;
	}
	e->injected = *event;
}

/**
 * hvm_event_raise - queue an exception without error code
 * @vcpu: the vCPU, its lock held
 * @vector: X86_TRAP_*
 */
void hvm_event_raise(struct hvm_vcpu *vcpu, u8 vector)
{
	vcpu->events.pending = (struct hvm_event) {
		.type = HVM_EVENT_EXCEPTION,
		.vector = vector,
	};
	vcpu->lapic.recheck = true;
}

/**
 * hvm_event_raise_error - queue an exception with error code
 * @vcpu: the vCPU, its lock held
 * @vector: X86_TRAP_*
 * @error: error code
 */
void hvm_event_raise_error(struct hvm_vcpu *vcpu, u8 vector, u32 error)
{
	vcpu->events.pending = (struct hvm_event) {
		.type = HVM_EVENT_EXCEPTION,
		.vector = vector,
		.flags = HVM_EVENT_ERROR,
		.error = error,
	};
	vcpu->lapic.recheck = true;
}

/**
 * hvm_event_single_step - the instruction just finished ran with RFLAGS.TF set
 * @vcpu: the vCPU, its lock held
 */
void hvm_event_single_step(struct hvm_vcpu *vcpu)
{
	hvm_event_raise(vcpu, X86_TRAP_DB);
	vcpu->events.pending.flags = HVM_EVENT_PAYLOAD;
	vcpu->events.pending.payload = DR6_BS;
}

/* SDM "Interrupt 8—Double Fault Exception (#DF)", classes of the table there. */
static bool is_contributory(u8 vector)
{
	const u32 set = BIT(X86_TRAP_DE) | BIT(X86_TRAP_TS) | BIT(X86_TRAP_NP) |
			BIT(X86_TRAP_SS) | BIT(X86_TRAP_GP) | BIT(X86_TRAP_CP);

	return vector < 32 && set & BIT(vector);
}

static bool makes_double_fault(u8 first, u8 second)
{
	if (is_contributory(first))
		return is_contributory(second);
	if (first == X86_TRAP_PF)
		return is_contributory(second) || second == X86_TRAP_PF;
	return false;
}

/*
 * The exit interrupted the delivery of @injected with an exception. What was not begun goes back to
 * where it came from; a fault's own delivery is repeated by the instruction when it runs again.
 * False: an interrupt of userspace's own controller, which stays here and is delivered anew, for
 * there is nobody to give it back to.
 */
static bool put_back(struct hvm_vcpu *vcpu)
{
	struct hvm_events *e = &vcpu->events;

	if (e->injected.type == HVM_EVENT_INTR &&
	    !hvm_lapic_retract(&vcpu->lapic, e->injected.vector))
		return false;
	if (e->injected.type == HVM_EVENT_NMI)
		e->nmi_pending = min(e->nmi_pending + 1, MAX_NMI);
	e->injected.type = HVM_EVENT_NONE;
	return true;
}

/**
 * hvm_event_reflect - give the guest an exception that exited
 * @vcpu: the vCPU, its lock held
 * @event: the exception; DR6 bits of a #DB are in its payload
 *
 * Return: false when it comes to a triple fault
 */
bool hvm_event_reflect(struct hvm_vcpu *vcpu, const struct hvm_event *event)
{
	struct hvm_events *e = &vcpu->events;
	bool vectoring = e->injected.type == HVM_EVENT_EXCEPTION ||
			 e->injected.type == HVM_EVENT_SOFT_EXCEPTION;

	if (vectoring && e->injected.vector == X86_TRAP_DF &&
	    (is_contributory(event->vector) || event->vector == X86_TRAP_PF))
		return false;
	if (vectoring && makes_double_fault(e->injected.vector, event->vector)) {
		e->injected.type = HVM_EVENT_NONE;
		hvm_event_raise_error(vcpu, X86_TRAP_DF, 0);
		return true;
	}
	vcpu->lapic.recheck = true;
	if (put_back(vcpu))
		e->pending = *event;
	return true;
}

/**
 * hvm_event_runnable - whether a halted vCPU has something to wake for
 * @vcpu: the vCPU, its lock held
 *
 * Context: process
 */
bool hvm_event_runnable(struct hvm_vcpu *vcpu)
{
	struct hvm_events *e = &vcpu->events;
	u32 blocked;

	if (e->injected.type != HVM_EVENT_NONE || e->pending.type != HVM_EVENT_NONE)
		return true;
	take_nmis(vcpu);
	blocked = hvm_backend->blocked(vcpu->hw);
	if (e->nmi_pending && !(blocked & HVM_BLOCKED_NMI))
		return true;
	return !(blocked & HVM_BLOCKED_INTR) && hvm_lapic_pending(&vcpu->lapic) >= 0;
}

/**
 * hvm_event_takes_intr - whether an external interrupt could be delivered right now
 * @vcpu: the vCPU, its lock held, loaded
 */
bool hvm_event_takes_intr(struct hvm_vcpu *vcpu)
{
	return vcpu->events.injected.type == HVM_EVENT_NONE &&
	       vcpu->events.pending.type == HVM_EVENT_NONE &&
	       !(hvm_backend->blocked(vcpu->hw) & HVM_BLOCKED_INTR);
}

/**
 * hvm_event_check - whether an event from userspace is well-formed
 * @event: the event
 *
 * Return: 0 or -EINVAL
 */
int hvm_event_check(const struct hvm_event *event)
{
	if (event->type > HVM_EVENT_SOFT_EXCEPTION || event->insn_len > 15)
		return -EINVAL;
	if (event->flags & ~(HVM_EVENT_ERROR | HVM_EVENT_PAYLOAD))
		return -EINVAL;
	if (event->type != HVM_EVENT_EXCEPTION && event->type != HVM_EVENT_SOFT_EXCEPTION &&
	    event->flags)
		return -EINVAL;

	switch (event->type) {
	case HVM_EVENT_NMI:
		return event->vector == X86_TRAP_NMI ? 0 : -EINVAL;
	case HVM_EVENT_EXCEPTION:
		if (event->vector > 31 || event->vector == X86_TRAP_NMI)
			return -EINVAL;
		if (event->flags & HVM_EVENT_PAYLOAD &&
		    event->vector != X86_TRAP_PF && event->vector != X86_TRAP_DB)
			return -EINVAL;
		return event->flags & HVM_EVENT_ERROR && event->error >> 16 ? -EINVAL : 0;
	case HVM_EVENT_SOFT_EXCEPTION:
		/* INT1 raises #DB as software, and is the one that has a payload. */
		if (event->vector == X86_TRAP_DB)
			return event->flags & HVM_EVENT_ERROR ? -EINVAL : 0;
		if (event->vector != X86_TRAP_BP && event->vector != X86_TRAP_OF)
			return -EINVAL;
		return event->flags ? -EINVAL : 0;
	default:
		return 0;
	}
}

/**
 * hvm_event_inject - HVM_INJECT
 * @vcpu: the vCPU, its lock held, loaded
 * @arg: the argument
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP for other kinds of event, -EBUSY: one waits already, -EAGAIN: the
 * guest takes no interrupts now
 */
int hvm_event_inject(struct hvm_vcpu *vcpu, const struct hvm_inject *arg)
{
	struct hvm_events *e = &vcpu->events;

	lockdep_assert_held(&vcpu->lock);
	if (arg->event.type != HVM_EVENT_EXCEPTION && arg->event.type != HVM_EVENT_INTR)
		return -EOPNOTSUPP;
	if (hvm_event_check(&arg->event))
		return -EINVAL;

	if (arg->event.type == HVM_EVENT_EXCEPTION) {
		if (e->pending.type != HVM_EVENT_NONE)
			return -EBUSY;
		e->pending = arg->event;
	} else {
		if (e->injected.type != HVM_EVENT_NONE)
			return -EBUSY;
		if (!hvm_event_takes_intr(vcpu))
			return -EAGAIN;
		e->injected = arg->event;
	}
	vcpu->lapic.recheck = true;
	return 0;
}
