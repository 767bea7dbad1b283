// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory: its beginning and its end, and how a zap is finished. What is attached where is
 * slot.c's; what the guest faults in, fault.c's; what the host takes back, notifier.c's.
 */
#include <linux/sched.h>
#include <linux/sched/mm.h>

#include "room.h"

/**
 * hvm_mem_init - no memory
 * @mem: of a new guest
 * @bells: the guest's vCPUs, for flushing
 * @stats: the guest's counters
 * @format: of the second-level tables; copied
 * @gpa_bits: width of guest physical addresses; what the tables cannot hold is cut off
 * @flags: HVM_MEM_*
 *
 * The guest's memory will be that of the calling process.
 *
 * Context: process, no locks.
 *
 * Return: 0 or -ENOMEM
 */
int hvm_mem_init(struct hvm_mem *mem, struct hvm_bells *bells, struct hvm_vm_stats *stats,
		 const struct hvm_tdp_format *format, u32 gpa_bits, u32 flags)
{
	u32 most = PAGE_SHIFT + format->levels * HVM_TDP_SHIFT;
	u64 *root = hvm_tdp_alloc();
	int err;

	if (!root)
		return -ENOMEM;
	hvm_tdp_init(&mem->tdp, format, root, flags & HVM_MEM_NX_HUGE);
	mem->mm = current->mm;
	mem->bells = bells;
	mem->stats = stats;
	mem->gpa_bits = min(gpa_bits, most);
	rwlock_init(&mem->lock);
	mem->slots = RB_ROOT;
	mem->hvas = RB_ROOT_CACHED;
	mem->count = 0;
	atomic_set(&mem->flushing, 0);
	init_rwsem(&mem->access);

	err = hvm_watch_init(mem);
	if (err)
		hvm_tdp_free(root);
	return err;
}

/**
 * hvm_mem_deinit - reverse of hvm_mem_init(): frees ranges and tables
 * @mem: of a guest whose vCPUs are gone
 *
 * From here on: (1) no vCPU exists, so nobody faults, accesses or walks the tables; (2) the guest's
 * fd is closed, so nobody attaches; (3) once hvm_watch_deinit() returns no notifier callback
 * reaches @mem. So the rest needs no lock.
 *
 * Context: process, any task, also after the guest's process is gone.
 */
void hvm_mem_deinit(struct hvm_mem *mem)
{
	struct hvm_tdp_garbage garbage;

	hvm_watch_deinit(mem);
	hvm_slot_free_all(mem);

	hvm_tdp_garbage_init(&garbage);
	hvm_tdp_garbage_add(&garbage, mem->tdp.root, mem->tdp.format.levels);
	while (hvm_tdp_free_one(&mem->tdp, &garbage))
		cond_resched();
	mem->tdp.root = NULL;
}

/**
 * hvm_mem_synchronize - wait until no notifier of any guest that is gone can be running
 *
 * Before the module's code goes away.
 *
 * Context: process, may sleep.
 */
void hvm_mem_synchronize(void)
{
	mmu_notifier_synchronize();
}

/**
 * hvm_mem_root - the second-level tables, for the hardware
 * @mem: the guest's memory
 *
 * Return: host physical address of the top table; the same for the guest's life
 */
hpa_t hvm_mem_root(const struct hvm_mem *mem)
{
	return hvm_tdp_phys(mem->tdp.root);
}

/**
 * hvm_mem_zap - take second-level mappings away; hvm_mem_finish() has to follow
 * @mem: the guest's memory
 * @first: first guest frame
 * @last: last guest frame
 * @garbage: collects unlinked tables
 * @zapped: in and out: this or an earlier call took something away
 *
 * Context: &hvm_mem.lock held for writing.
 */
void hvm_mem_zap(struct hvm_mem *mem, gfn_t first, gfn_t last, struct hvm_tdp_garbage *garbage,
		 bool *zapped)
{
	lockdep_assert_held_write(&mem->lock);

	if (!hvm_tdp_zap(&mem->tdp, first, last, garbage) || *zapped)
		return;
	atomic_inc(&mem->flushing);
	*zapped = true;
}

/**
 * hvm_mem_finish - flush after zaps, then free
 * @mem: the guest's memory
 * @garbage: what hvm_mem_zap() unlinked
 * @zapped: what hvm_mem_zap() said
 * @may_sleep: the caller may
 *
 * Whoever found nothing to zap has to flush all the same while somebody else's flush is not over:
 * what it looked for may have been zapped a moment ago and still be in a vCPU's TLB. @flushing is
 * read after a section under &hvm_mem.lock, so it is not zero as long as that can be.
 *
 * Context: &hvm_mem.lock not held, interrupts on; spinlocks may be held unless @may_sleep.
 */
void hvm_mem_finish(struct hvm_mem *mem, struct hvm_tdp_garbage *garbage, bool zapped,
		    bool may_sleep)
{
	if (zapped || atomic_read(&mem->flushing)) {
		atomic64_inc(&mem->stats->flushes);
		hvm_bells_ring_wait(mem->bells, HVM_REQ_FLUSH);
	}
	if (zapped) {
		/* The flush comes first for whoever reads @flushing. */
		smp_mb__before_atomic();
		atomic_dec(&mem->flushing);
	}
	while (hvm_tdp_free_one(&mem->tdp, garbage)) {
		if (may_sleep)
			cond_resched();
	}
}
