/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is counted, each object in a page of its own that userspace may map to read it
 * (stats_file.c). A count only grows. A vCPU's are written by whoever holds its lock, and by nobody
 * else, so a plain increment does; a guest's by any thread.
 */
#ifndef HVM_STATS_H
#define HVM_STATS_H

#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <asm/page.h>

#include "types.h"

/**
 * struct hvm_vcpu_stats - what a vCPU did
 * @exits: of the processor, by enum hvm_hw_exit
 * @leaves: to userspace, by enum hvm_exit_reason
 * @injected: events given to the hardware to deliver, by HVM_EVENT_*; not again after an exit that
 *	came in between
 * @faults: of the second level that ended with a mapping of the level, minus one
 * @halts: times it waited for work (HLT, waiting for SIPI)
 * @polls: of these, times it found some while it looked around, and did not sleep
 * @yields: times it spun, and lent its time to a vCPU that had been preempted
 * @requests: times it did what others had asked it for
 * @flushes: times it dropped its second-level translations because they had changed
 * @pv_flushes: times another vCPU had left a mark in place of an IPI to have its TLB flushed
 * @pv_eois: interrupts that ended by the flag in the guest's memory, or may have
 * @moves: times it came to another host CPU
 * @switches: times its thread was scheduled out while it was loaded
 */
struct hvm_vcpu_stats {
	u64 exits[HVM_HW_EXITS];
	u64 leaves[HVM_EXIT_REASONS];
	u64 injected[HVM_EVENT_SOFT_EXCEPTION + 1];
	u64 faults[3];
	u64 halts;
	u64 polls;
	u64 yields;
	u64 requests;
	u64 flushes;
	u64 pv_flushes;
	u64 pv_eois;
	u64 moves;
	u64 switches;
};

/**
 * struct hvm_vm_stats - what happened to a guest as a whole
 * @messages: HVM_MSI was called
 * @flushes: all vCPUs were asked to drop second-level translations
 * @zaps: the host took memory back that the guest had mapped
 */
struct hvm_vm_stats {
	atomic64_t messages;
	atomic64_t flushes;
	atomic64_t zaps;
};

static_assert(sizeof(struct hvm_vcpu_stats) <= PAGE_SIZE);
static_assert(sizeof(struct hvm_vm_stats) <= PAGE_SIZE);

#endif /* HVM_STATS_H */
