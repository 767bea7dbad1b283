// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a vCPU's thread does when the guest has nothing for it: it sleeps, after looking around for
 * a while if userspace wants that and the guest does not look itself; and a vCPU that spins lends
 * its time to one that was preempted. Not here: what there is to do (run.c, event.c).
 */
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/task.h>

#include "idle.h"
#include "run.h"

/* The first look around after some that were in vain, ns. */
#define POLL_FIRST	10000U

static bool has_work(struct hvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->bell.requests) || READ_ONCE(vcpu->run->stop) ||
	       read_thread_flags() & (HVM_THREAD_WORK & ~_TIF_NEED_RESCHED);
}

/* Whoever else wants the CPU gets it. */
static bool poll(struct hvm_vcpu *vcpu, u64 until)
{
	while (!has_work(vcpu)) {
		if (need_resched() || ktime_get_ns() >= until)
			return false;
		cpu_relax();
	}
	return true;
}

/* A wait that a longer look would have covered asks for one; a longer wait, for none. */
static void adapt(struct hvm_vcpu *vcpu, u32 ceiling, u64 waited)
{
	if (waited > ceiling)
		vcpu->poll_ns = 0;
	else if (waited > vcpu->poll_ns)
		vcpu->poll_ns = min(max(2 * vcpu->poll_ns, POLL_FIRST), ceiling);
}

static void sleep(struct hvm_vcpu *vcpu)
{
	rcuwait_wait_event(&vcpu->bell.wait, has_work(vcpu), TASK_INTERRUPTIBLE);
}

/**
 * hvm_idle_wait - HLT, or waiting for SIPI: wait until there may be something to do
 * @vcpu: the vCPU, its lock held, loaded
 *
 * Context: process
 */
void hvm_idle_wait(struct hvm_vcpu *vcpu)
{
	u32 ceiling = min_t(u32, READ_ONCE(vcpu->run->halt_poll_ns), HVM_MAX_HALT_POLL_NS);
	u64 begin;

	hvm_lapic_halt_timer(&vcpu->lapic);
	if (likely(!ceiling) || vcpu->pv.self_polling) {
		sleep(vcpu);
		return;
	}
	begin = ktime_get_ns();
	vcpu->poll_ns = min(vcpu->poll_ns, ceiling);
	if (vcpu->poll_ns && poll(vcpu, begin + vcpu->poll_ns))
		vcpu->stats->polls++;
	else
		sleep(vcpu);
	adapt(vcpu, ceiling, ktime_get_ns() - begin);
}

/**
 * hvm_idle_yield - the guest spins: let a vCPU of it run that was scheduled out while it could
 * @vcpu: the vCPU, its lock held, loaded
 *
 * Looks at each vCPU of the guest once at most, and at none when somebody is looking.
 *
 * Context: process
 */
void hvm_idle_yield(struct hvm_vcpu *vcpu)
{
	struct task_struct *task = hvm_bells_preempted(&vcpu->vm->bells);

	if (!task)
		return;
	if (yield_to(task, true) > 0)
		vcpu->stats->yields++;
	put_task_struct(task);
}
