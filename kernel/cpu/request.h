/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bell: how any room asks a vCPU to do something before its next entry, wakes it from HLT, or
 * gets it out of the guest. The one sideways call of the house; it knows nothing of what the vCPU
 * then does.
 */
#ifndef HVM_CPU_REQUEST_H
#define HVM_CPU_REQUEST_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/cpumask.h>
#include <linux/list.h>
#include <linux/rcuwait.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/* Requests, bits of &hvm_bell.requests. */
#define HVM_REQ_STOP	BIT(0)	/* HVM_KICK: return to userspace, once */
#define HVM_REQ_EVENT	BIT(1)	/* look at interrupts, NMIs, INIT and SIPI again */
#define HVM_REQ_FLUSH	BIT(2)	/* second-level translations changed */
#define HVM_REQ_CLOCK	BIT(3)	/* the paravirtual clock page is stale */
#define HVM_REQ_STEAL	BIT(4)	/* the vCPU's thread was switched away, or waited for a CPU */
#define HVM_REQ_DEBUG	BIT(5)	/* something for the debugger; the vCPU's own thread only */

enum hvm_mode {
	HVM_OUTSIDE,		/* in userspace, or in the kernel and about to look at requests */
	HVM_IN_GUEST,		/* past the last look at requests, until the exit was handled */
};

/**
 * struct hvm_bell - the part of a vCPU that others may touch
 * @requests: [A] HVM_REQ_* bits
 * @mode: [O] enum hvm_mode
 * @cpu: [O] host CPU, valid while @mode is HVM_IN_GUEST
 * @wait: [A] the halted thread
 * @preempted: [O] the thread, while it is scheduled out and could run, or NULL
 * @entry: [B] in &hvm_bells.list
 *
 * [A] atomic, anyone. [O] written by the vCPU's thread only, read by anyone. [B] &hvm_bells.lock
 *
 * Pairing: the vCPU's thread stores @mode = HVM_IN_GUEST, smp_mb(), reads @requests; a ringer sets
 * a bit, smp_mb__after_atomic(), reads @mode. One of the two sees the other's store, so no request
 * waits for an unrelated exit.
 */
struct hvm_bell {
	unsigned long requests;
	int mode;
	int cpu;
	struct rcuwait wait;
	struct task_struct *preempted;
	struct list_head entry;
};

/**
 * struct hvm_bells - all bells of one guest
 * @lock: guards @list and @cpus; taken with interrupts on only
 * @list: [B] struct hvm_bell
 * @cpus: [B] scratch: CPUs to interrupt
 */
struct hvm_bells {
	spinlock_t lock;
	struct list_head list;
	cpumask_var_t cpus;
};

int hvm_bells_init(struct hvm_bells *bells);
void hvm_bells_deinit(struct hvm_bells *bells);
void hvm_bells_add(struct hvm_bells *bells, struct hvm_bell *bell);
void hvm_bells_remove(struct hvm_bells *bells, struct hvm_bell *bell);
void hvm_bells_ring(struct hvm_bells *bells, unsigned long requests);
struct task_struct *hvm_bells_preempted(struct hvm_bells *bells);
void hvm_bells_ring_wait(struct hvm_bells *bells, unsigned long requests);

void hvm_bell_init(struct hvm_bell *bell);
void hvm_bell_interrupt(struct hvm_bell *bell);
void hvm_bell_ring(struct hvm_bell *bell, unsigned long requests);

#endif /* HVM_CPU_REQUEST_H */
