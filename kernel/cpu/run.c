// SPDX-License-Identifier: GPL-2.0-only
/*
 * HVM_RUN: the loop around the guest. The inner part runs with interrupts off from the last look at
 * requests over the entry to the handling of the exit; exits the kernel finishes never open them,
 * for an interrupt that is pending forces the next exit at once. Not here: what an exit means
 * (exit.c) and what goes into the guest (event.c).
 */
#include <linux/hw_breakpoint.h>
#include <linux/log2.h>
#include <linux/preempt.h>
#include <linux/sched/signal.h>
#include <linux/task_work.h>
#include <asm/debugreg.h>

#include "../trace.h"
#include "complete.h"
#include "debug.h"
#include "debugreg.h"
#include "exit.h"
#include "idle.h"
#include "pv.h"
#include "run.h"

/* It was current on another CPU, or on none. */
static noinline void move_here(struct hvm_vcpu *vcpu, int cpu)
{
	vcpu->stats->moves++;
	vcpu->hw->dirty |= HVM_HW_FLUSH_TLB;
	hvm_backend->load(vcpu->hw);
	vcpu->cpu = cpu;
	vcpu->bell.cpu = cpu;
	hvm_lapic_move_timer(&vcpu->lapic);
	hvm_clock_look(vcpu, true);
}

/* Make the vCPU current on this CPU. Preemption is off. */
static __always_inline void load_here(struct hvm_vcpu *vcpu, int cpu)
{
	if (unlikely(vcpu->cpu != cpu)) {
		move_here(vcpu, cpu);
		return;
	}
	hvm_backend->load(vcpu->hw);
	hvm_clock_look(vcpu, false);
}

static void sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct hvm_vcpu *vcpu = container_of(notifier, struct hvm_vcpu, notifier);

	if (vcpu->bell.preempted)
		WRITE_ONCE(vcpu->bell.preempted, NULL);
	load_here(vcpu, cpu);
	hvm_steal_in(vcpu);
}

static void sched_out(struct preempt_notifier *notifier, struct task_struct *next)
{
	struct hvm_vcpu *vcpu = container_of(notifier, struct hvm_vcpu, notifier);

	vcpu->stats->switches++;
	hvm_steal_out(vcpu);
	if (READ_ONCE(current->__state) == TASK_RUNNING)
		WRITE_ONCE(vcpu->bell.preempted, current);
	hvm_backend->put(vcpu->hw);
}

static struct preempt_ops preempt_ops = {
	.sched_in = sched_in,
	.sched_out = sched_out,
};

/**
 * hvm_run_init - a vCPU that is loaded nowhere
 * @vcpu: the vCPU
 */
void hvm_run_init(struct hvm_vcpu *vcpu)
{
	vcpu->cpu = -1;
	preempt_notifier_init(&vcpu->notifier, &preempt_ops);
}

/**
 * hvm_run_load - make a vCPU current on this CPU, and wherever the thread is scheduled
 * @vcpu: the vCPU, its lock held
 *
 * Context: process
 */
void hvm_run_load(struct hvm_vcpu *vcpu)
{
	int cpu = get_cpu();

	preempt_notifier_register(&vcpu->notifier);
	load_here(vcpu, cpu);
	put_cpu();
}

static __always_inline void put_here(struct hvm_vcpu *vcpu)
{
	preempt_disable();
	hvm_backend->put(vcpu->hw);
	preempt_notifier_unregister(&vcpu->notifier);
	preempt_enable();
}

/**
 * hvm_run_put - reverse of hvm_run_load()
 * @vcpu: the vCPU, its lock held
 */
void hvm_run_put(struct hvm_vcpu *vcpu)
{
	put_here(vcpu);
}

/*
 * Vectors that were posted need no more than a look at them, for which nothing has to be left. The
 * order is that of take_requests(): the bit goes first, so who rings later is heard again.
 */
static bool take_event(struct hvm_vcpu *vcpu)
{
	unsigned long event = HVM_REQ_EVENT;

	if (!try_cmpxchg(&vcpu->bell.requests, &event, 0))
		return false;
	vcpu->lapic.recheck = true;
	if (likely(!hvm_lapic_signalled(&vcpu->lapic) && !vcpu->pv.eoi.unknown))
		return true;
	/* Our own hand asks for what is left to do. */
	set_bit(ilog2(HVM_REQ_EVENT), &vcpu->bell.requests);
	return false;
}

static __always_inline bool must_look(struct hvm_vcpu *vcpu)
{
	if (unlikely(READ_ONCE(vcpu->bell.requests)) && !take_event(vcpu))
		return true;
	return vcpu->events.mp_state != HVM_MP_RUNNING || READ_ONCE(vcpu->run->stop) ||
	       READ_ONCE(current_thread_info()->flags) & HVM_THREAD_WORK;
}

/* What userspace or the completion of its exit asks for: nobody rang a bell for that. */
static bool has_news(struct hvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->run->want_window) || hvm_lapic_has_eoi(&vcpu->lapic);
}

/* What goes into the guest has to be chosen anew; a debugger wants that before each entry. */
static void prepare(struct hvm_vcpu *vcpu)
{
	hvm_event_prepare(vcpu);
	if (unlikely(vcpu->debugger.active)) {
		hvm_debug_before_entry(vcpu);
		vcpu->lapic.recheck = true;
	}
}

/* One entry: the processor's registers become the guest's, and the host's again. */
static void enter(struct hvm_vcpu *vcpu, struct hvm_exit *exit)
{
	struct hvm_hw *hw = vcpu->hw;

	hw->tpr = hvm_lapic_tpr(&vcpu->lapic);
	hvm_fpu_enter(&vcpu->fpu);
	if (unlikely(hw->dr_owner))
		hvm_debugreg_enter(vcpu);

	hvm_backend->enter(hw, exit);

	if (unlikely(hw->dr_owner))
		hvm_debugreg_exit(vcpu);
	/* Exits switch the host's own breakpoints off (perf, ptrace). */
	if (unlikely(hw_breakpoint_active()))
		hw_breakpoint_restore();
	hvm_fpu_exit(&vcpu->fpu, hvm_caps.xsetbv_silent);
	if (unlikely(vcpu->pv.eoi.armed))
		hvm_eoi_look(vcpu);
	/*
	 * An entry that failed delivered nothing: what was injected still is to be, and the
	 * priority is what it was.
	 */
	if (unlikely(exit->reason == HVM_HW_INVALID_STATE))
		return;
	hvm_lapic_set_tpr(&vcpu->lapic, hw->tpr);
	if (likely(exit->vectoring.type == HVM_EVENT_NONE)) {
		vcpu->events.injected.type = HVM_EVENT_NONE;
		return;
	}
	hvm_event_interrupted(vcpu, &exit->vectoring);
}

/*
 * Enter the guest as long as nobody wants anything. Interrupts are off from the store of the mode
 * on; a ringer that saw HVM_IN_GUEST sent an interrupt, which ends the next entry at once, so the
 * mode need not be stored again between entries. Returns with interrupts on.
 */
static enum hvm_next run_guest(struct hvm_vcpu *vcpu)
{
	enum hvm_next next = HVM_NEXT_ENTER;
	struct hvm_exit *exit = &vcpu->exit;

	local_irq_disable();
	/* Pairs with set_requests() in request.c. */
	smp_store_mb(vcpu->bell.mode, HVM_IN_GUEST);
	vtime_account_guest_enter();
	vcpu->hw->dirty |= HVM_HW_NEW_HOST;

	while (!must_look(vcpu)) {
		if (vcpu->lapic.recheck)
			prepare(vcpu);
		trace_hvm_entry(vcpu->lapic.id, vcpu->hw);
		enter(vcpu, exit);
		trace_hvm_exit(vcpu->lapic.id, vcpu->hw, exit);
		if (unlikely(vcpu->debugger.active))
			hvm_debug_after_exit(vcpu, exit);
		next = hvm_exit_handle(vcpu, exit);
		if (vcpu->bell.mode != HVM_IN_GUEST || next != HVM_NEXT_ENTER)
			break;
	}

	if (vcpu->bell.mode == HVM_IN_GUEST)
		hvm_run_open(vcpu);
	return next;
}

static u32 take_requests(struct hvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->bell.requests) ? xchg(&vcpu->bell.requests, 0) : 0;
}

static void take_signals(struct hvm_vcpu *vcpu)
{
	u32 taken = hvm_lapic_take_start(&vcpu->lapic);

	if (taken & HVM_SIGNAL_INIT)
		hvm_vcpu_init_signal(vcpu);
	if (taken & HVM_SIGNAL_SIPI)
		hvm_vcpu_start(vcpu, taken & HVM_SIGNAL_SIPI_VECTOR);
}

/* Do what was asked. The guest is stopped and interrupts are on. */
static enum hvm_next answer_requests(struct hvm_vcpu *vcpu)
{
	u32 requests = take_requests(vcpu);
	bool complete = true;

	vcpu->stats->requests += !!requests;
	if (requests & HVM_REQ_FLUSH) {
		vcpu->stats->flushes++;
		vcpu->hw->dirty |= HVM_HW_FLUSH_TLB;
	}
	if (requests & (HVM_REQ_CLOCK | HVM_REQ_STEAL)) {
		/* A page may have to be fetched for that. */
		complete = hvm_pv_update(vcpu, requests);
		vcpu->hw->dirty |= HVM_HW_FOREIGN_DATA;
	}
	if (requests & HVM_REQ_EVENT) {
		vcpu->lapic.recheck = true;
		if (hvm_lapic_signalled(&vcpu->lapic))
			take_signals(vcpu);
	}
	if (requests & HVM_REQ_STOP || READ_ONCE(vcpu->run->stop)) {
		hvm_backend->expose(vcpu->hw, true);
		return hvm_exit_leave(vcpu, HVM_EXIT_STOPPED);
	}
	if (unlikely(!complete))
		return hvm_exit_leave_absent(vcpu, vcpu->pv.absent);
	if (READ_ONCE(vcpu->run->want_window) && hvm_event_takes_intr(vcpu)) {
		hvm_backend->expose(vcpu->hw, false);
		return hvm_exit_leave(vcpu, HVM_EXIT_INTWINDOW);
	}
	return hvm_exit_tell_eois(vcpu);
}

/*
 * What the thread itself has to do. TIF_NOTIFY_RESUME asks for work before userspace runs again,
 * and waits for that: a thread with rseq is asked each time it was switched away, so restarting the
 * system call for it would have no end under a tracer that stops each call. Queued work
 * (task_work_add()) does not wait, but is no reason for userspace to see EINTR: the call is
 * restarted, and the work is done on its way out; a signal handler that runs there ends it with
 * EINTR all the same. The flag is cleared before the queue is looked at: who adds to it later finds
 * the flag clear, sets it and interrupts the guest.
 */
static int answer_thread(struct hvm_vcpu *vcpu)
{
	if (task_sigpending(current))
		return -EINTR;
	if (test_and_clear_thread_flag(TIF_NOTIFY_RESUME))
		vcpu->resume_work = true;
	if (task_work_pending(current) || test_thread_flag(TIF_NOTIFY_SIGNAL)) {
		set_thread_flag(TIF_SIGPENDING);
		return -ERESTARTNOHAND;
	}
	/* Not cond_resched(), which leaves that to preemption points where preemption is full. */
	if (need_resched())
		schedule();
	return 0;
}

/* HLT, or waiting for SIPI, and perhaps something to do. */
static void wait_for_work(struct hvm_vcpu *vcpu)
{
	struct hvm_events *e = &vcpu->events;

	if (e->mp_state == HVM_MP_HALTED && hvm_event_runnable(vcpu)) {
		e->mp_state = HVM_MP_RUNNING;
		vcpu->lapic.recheck = true;
		return;
	}
	vcpu->stats->halts++;
	hvm_idle_wait(vcpu);
}

/* Everything that may keep the vCPU from running now. */
static int answer(struct hvm_vcpu *vcpu, enum hvm_next *next)
{
	int err = answer_thread(vcpu);

	if (err)
		return err;
	if (unlikely(READ_ONCE(vcpu->bell.requests) & HVM_REQ_DEBUG)) {
		hvm_debug_report(vcpu);
		*next = hvm_exit_leave(vcpu, HVM_EXIT_DEBUG);
		return 0;
	}
	*next = answer_requests(vcpu);
	if (*next == HVM_NEXT_ENTER && vcpu->events.mp_state != HVM_MP_RUNNING)
		wait_for_work(vcpu);
	return 0;
}

/* What must_look() sees, run_guest() sees too: the first time it need not be asked twice. */
static int loop(struct hvm_vcpu *vcpu)
{
	enum hvm_next next = HVM_NEXT_ENTER;
	bool look = has_news(vcpu) || vcpu->events.mp_state != HVM_MP_RUNNING;
	int err;

	for (;; look = must_look(vcpu) || has_news(vcpu)) {
		if (look) {
			err = answer(vcpu, &next);
			if (err)
				return err;
		}
		if (next == HVM_NEXT_ENTER && vcpu->events.mp_state == HVM_MP_RUNNING)
			next = run_guest(vcpu);
		if (unlikely(vcpu->pv.eoi.unknown))
			hvm_eoi_settle(vcpu);
		if (next == HVM_NEXT_LEAVE)
			return 0;
		if (next == HVM_NEXT_NOMEM)
			return -ENOMEM;
	}
}

static int run_loaded(struct hvm_vcpu *vcpu)
{
	int err;

	err = hvm_complete(vcpu);
	if (err)
		return err;
	if (hvm_pv_waits(&vcpu->pv))
		hvm_pv_begin(vcpu);
	if (unlikely(READ_ONCE(vcpu->run->want_window) != vcpu->events.user_window))
		vcpu->lapic.recheck = true;
	err = loop(vcpu);
	if (err)
		WRITE_ONCE(vcpu->run->reason, HVM_EXIT_NONE);
	if (unlikely(vcpu->hw->dr_owner))
		hvm_debugreg_reclaim(vcpu);
	return err;
}

/**
 * hvm_run - HVM_RUN
 * @vcpu: the vCPU, its lock held
 *
 * Return: 0: the run page tells why; -EINTR: a signal; -EINVAL: the completion does not fit;
 * -ENOMEM: no memory for the guest's page tables
 * Context: process
 */
int hvm_run(struct hvm_vcpu *vcpu)
{
	int err;

	lockdep_assert_held(&vcpu->lock);
	hvm_run_load(vcpu);
	hvm_fpu_load(&vcpu->fpu);
	err = run_loaded(vcpu);
	hvm_fpu_put(&vcpu->fpu);
	put_here(vcpu);
	if (unlikely(vcpu->resume_work)) {
		vcpu->resume_work = false;
		set_thread_flag(TIF_NOTIFY_RESUME);
	}
	return err;
}
