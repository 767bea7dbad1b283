// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bell: requests to a vCPU, waking it, and getting it out of the guest. Not here: what the
 * requests mean (cpu/run.c) and why somebody rings.
 */
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/smp.h>
#include <trace/events/ipi.h>

#include "request.h"

/**
 * hvm_bell_init - a bell nobody has rung
 * @bell: the bell
 */
void hvm_bell_init(struct hvm_bell *bell)
{
	bell->requests = 0;
	bell->mode = HVM_OUTSIDE;
	bell->cpu = -1;
	bell->preempted = NULL;
	rcuwait_init(&bell->wait);
	INIT_LIST_HEAD(&bell->entry);
}

/**
 * hvm_bells_init - an empty set
 * @bells: the set
 *
 * Return: 0 or -ENOMEM
 */
int hvm_bells_init(struct hvm_bells *bells)
{
	spin_lock_init(&bells->lock);
	INIT_LIST_HEAD(&bells->list);
	return zalloc_cpumask_var(&bells->cpus, GFP_KERNEL_ACCOUNT) ? 0 : -ENOMEM;
}

/**
 * hvm_bells_deinit - reverse of hvm_bells_init()
 * @bells: the set, empty
 */
void hvm_bells_deinit(struct hvm_bells *bells)
{
	free_cpumask_var(bells->cpus);
}

/**
 * hvm_bells_add - let a vCPU be reached
 * @bells: the set
 * @bell: an initialised bell
 *
 * Context: process; takes &hvm_bells.lock.
 */
void hvm_bells_add(struct hvm_bells *bells, struct hvm_bell *bell)
{
	spin_lock(&bells->lock);
	list_add_tail(&bell->entry, &bells->list);
	spin_unlock(&bells->lock);
}

/**
 * hvm_bells_remove - reverse of hvm_bells_add()
 * @bells: the set
 * @bell: its bell, of a vCPU that does not run any more
 *
 * Context: process; takes &hvm_bells.lock.
 */
void hvm_bells_remove(struct hvm_bells *bells, struct hvm_bell *bell)
{
	spin_lock(&bells->lock);
	list_del_init(&bell->entry);
	spin_unlock(&bells->lock);
}

static void set_requests(struct hvm_bell *bell, unsigned long requests)
{
	unsigned long old = READ_ONCE(bell->requests);

	while (!try_cmpxchg(&bell->requests, &old, old | requests))
		;
	/* Pairs with the smp_mb() between mode and requests in cpu/run.c. */
	smp_mb();
}

/**
 * hvm_bell_ring - ask one vCPU for something
 * @bell: its bell
 * @requests: HVM_REQ_*
 *
 * Wakes it from HLT; gets it out of the guest, without waiting for that.
 *
 * Context: any but NMI.
 */
void hvm_bell_ring(struct hvm_bell *bell, unsigned long requests)
{
	int cpu;

	set_requests(bell, requests);
	rcuwait_wake_up(&bell->wait);

	preempt_disable();
	if (READ_ONCE(bell->mode) == HVM_IN_GUEST) {
		cpu = READ_ONCE(bell->cpu);
		if (cpu != smp_processor_id())
			smp_send_reschedule(cpu);
	}
	preempt_enable();
}

/**
 * hvm_bells_preempted - a thread of the guest that was scheduled out while it could run
 * @bells: the guest's bells
 *
 * One after the other: who was found goes to the end of the list. Does not wait for others that
 * look. What @preempted holds is in HVM_RUN, so it has not exited when this RCU section began, or
 * it was cleared.
 *
 * Context: interrupts on; takes &hvm_bells.lock.
 *
 * Return: the thread, with a reference, or NULL
 */
struct task_struct *hvm_bells_preempted(struct hvm_bells *bells)
{
	struct task_struct *task = NULL;
	struct hvm_bell *bell;

	if (!spin_trylock(&bells->lock))
		return NULL;
	rcu_read_lock();
	list_for_each_entry(bell, &bells->list, entry) {
		task = READ_ONCE(bell->preempted);
		if (!task)
			continue;
		get_task_struct(task);
		list_move_tail(&bell->entry, &bells->list);
		break;
	}
	rcu_read_unlock();
	spin_unlock(&bells->lock);
	return task;
}

/**
 * hvm_bell_interrupt - end the next entry before the guest's first instruction
 * @bell: the bell of the vCPU that is loaded here
 *
 * An event that the entry delivers is delivered.
 *
 * Context: interrupts off
 */
void hvm_bell_interrupt(struct hvm_bell *bell)
{
	smp_send_reschedule(bell->cpu);
}

static void do_nothing(void *unused)
{
}

/*
 * Interrupts are on and the lock is a leaf, so the CPUs that are waited for cannot wait for us:
 * their guests exit on the interrupt, and the call runs as soon as interrupts are on there.
 */
static void ring_all(struct hvm_bells *bells, unsigned long requests, bool wait)
{
	struct hvm_bell *bell;

	spin_lock(&bells->lock);
	cpumask_clear(bells->cpus);
	list_for_each_entry(bell, &bells->list, entry) {
		set_requests(bell, requests);
		rcuwait_wake_up(&bell->wait);
		if (READ_ONCE(bell->mode) == HVM_IN_GUEST)
			cpumask_set_cpu(READ_ONCE(bell->cpu), bells->cpus);
	}
	smp_call_function_many(bells->cpus, do_nothing, NULL, wait);
	spin_unlock(&bells->lock);
}

/**
 * hvm_bells_ring - ask every vCPU for something
 * @bells: the guest's bells
 * @requests: HVM_REQ_*
 *
 * Context: interrupts on; takes &hvm_bells.lock.
 */
void hvm_bells_ring(struct hvm_bells *bells, unsigned long requests)
{
	ring_all(bells, requests, false);
}

/**
 * hvm_bells_ring_wait - ask every vCPU, and wait until none runs that has not seen it
 * @bells: the guest's bells
 * @requests: HVM_REQ_*
 *
 * When it returns, every vCPU is out of the guest or entered it after acting on @requests.
 *
 * Context: interrupts on, spinlocks may be held; takes &hvm_bells.lock.
 */
void hvm_bells_ring_wait(struct hvm_bells *bells, unsigned long requests)
{
	ring_all(bells, requests, true);
}
