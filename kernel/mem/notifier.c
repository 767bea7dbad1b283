// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MMU notifier: the host takes pages back, and asks which ones are in use. Everything that
 * changes the process's page tables in a way that matters here is announced: unmapping, write
 * protection (fork, KSM, dirty tracking), migration, swapping, splitting and collapsing of huge
 * pages.
 *
 * The protocol with faults (fault.c). An invalidation first counts itself in @running with its
 * addresses, then zaps under &hvm_mem.lock for writing, and then the host changes its page tables;
 * at the end @sequence goes up and then @running down. A fault installs an entry under the lock for
 * reading, after it found no invalidation running over the address, and either
 *
 *  - it read the host's page table inside that same section: an invalidation that starts later has
 *    to zap after that section, and finds the entry; or
 *  - it got the page outside of it: then @sequence must be what it was before it asked, or an
 *    invalidation ended meanwhile and the page may be gone.
 *
 * @running, @first and @last are read without their lock. Whatever invalidation started before the
 * section is seen with all its addresses (it took &hvm_mem.lock, or is ordered before a range came
 * to be through it); one whose start is seen in part, or not, zaps later. Values of an
 * invalidation that replaced another's mean that the other has ended, and the page table is read
 * after that.
 */
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "room.h"

/**
 * hvm_watch_busy - is an invalidation of some of these addresses running?
 * @watch: the notifier
 * @first: first address
 * @last: last address
 *
 * Context: &hvm_mem.lock held. Ordered before later reads of the process's page tables.
 *
 * Return: whether; then what the page tables say may become untrue without notice
 */
bool hvm_watch_busy(const struct hvm_watch *watch, hva_t first, hva_t last)
{
	bool busy = READ_ONCE(watch->running) && first <= READ_ONCE(watch->last) &&
		    last >= READ_ONCE(watch->first);

	/* Pairs with the smp_wmb() in end(): who sees it ended sees @sequence, too. */
	smp_rmb();
	return busy;
}

static struct hvm_watch *to_watch(struct mmu_notifier *notifier)
{
	return container_of(notifier, struct hvm_watch, notifier);
}

/* The guest, kept from going away until leave(); NULL: it is going already. */
static struct hvm_mem *enter_locked(struct hvm_watch *watch)
{
	lockdep_assert_held(&watch->lock);

	if (watch->mem)
		atomic_inc(&watch->users);
	return watch->mem;
}

static struct hvm_mem *enter(struct hvm_watch *watch)
{
	struct hvm_mem *mem;

	spin_lock(&watch->lock);
	mem = enter_locked(watch);
	spin_unlock(&watch->lock);
	return mem;
}

static void leave(struct hvm_watch *watch)
{
	if (atomic_dec_and_test(&watch->users))
		wake_up_var(&watch->users);
}

/* The guest frames that a range has in [first, last] of the process. */
static void frames_of(const struct hvm_slot *slot, hva_t first, hva_t last, gfn_t *from, gfn_t *to)
{
	first = max_t(hva_t, first, slot->hva.start);
	last = min_t(hva_t, last, slot->hva.last);
	*from = slot->first + ((first - slot->hva.start) >> PAGE_SHIFT);
	*to = slot->first + ((last - slot->hva.start) >> PAGE_SHIFT);
}

static struct hvm_slot *slot_at(struct interval_tree_node *node)
{
	return node ? container_of(node, struct hvm_slot, hva) : NULL;
}

static struct hvm_slot *first_slot(struct hvm_mem *mem, hva_t first, hva_t last)
{
	return slot_at(interval_tree_iter_first(&mem->hvas, first, last));
}

static struct hvm_slot *next_slot(struct hvm_slot *slot, hva_t first, hva_t last)
{
	return slot_at(interval_tree_iter_next(&slot->hva, first, last));
}

/* Most invalidations of a process have nothing to do with its guest. */
static bool concerns(struct hvm_mem *mem, hva_t first, hva_t last)
{
	bool hit;

	read_lock(&mem->lock);
	hit = first_slot(mem, first, last);
	read_unlock(&mem->lock);
	return hit;
}

/* Take from the guest what it has in [first, last]; returns whether it had anything. */
static bool zap_addresses(struct hvm_mem *mem, hva_t first, hva_t last, bool may_sleep)
{
	struct hvm_tdp_garbage garbage;
	struct hvm_slot *slot;
	bool zapped = false;
	gfn_t from, to;

	hvm_tdp_garbage_init(&garbage);
	if (concerns(mem, first, last)) {
		write_lock(&mem->lock);
		for (slot = first_slot(mem, first, last); slot;
		     slot = next_slot(slot, first, last)) {
			frames_of(slot, first, last, &from, &to);
			hvm_mem_zap(mem, from, to, &garbage, &zapped);
		}
		write_unlock(&mem->lock);
	}
	if (zapped)
		atomic64_inc(&mem->stats->zaps);
	hvm_mem_finish(mem, &garbage, zapped, may_sleep);
	return zapped;
}

static int start(struct mmu_notifier *notifier, const struct mmu_notifier_range *range)
{
	struct hvm_watch *watch = to_watch(notifier);
	hva_t first = range->start, last = range->end - 1;
	struct hvm_mem *mem;

	spin_lock(&watch->lock);
	if (watch->running) {
		first = min(first, watch->first);
		last = max(last, watch->last);
	}
	WRITE_ONCE(watch->first, first);
	WRITE_ONCE(watch->last, last);
	WRITE_ONCE(watch->running, watch->running + 1);
	mem = enter_locked(watch);
	spin_unlock(&watch->lock);

	if (!mem)
		return 0;
	zap_addresses(mem, range->start, range->end - 1, mmu_notifier_range_blockable(range));
	leave(watch);
	return 0;
}

static void end(struct mmu_notifier *notifier, const struct mmu_notifier_range *range)
{
	struct hvm_watch *watch = to_watch(notifier);

	spin_lock(&watch->lock);
	WRITE_ONCE(watch->sequence, watch->sequence + 1);
	/* Pairs with the smp_rmb() in hvm_watch_busy(). */
	smp_wmb();
	WRITE_ONCE(watch->running, watch->running - 1);
	spin_unlock(&watch->lock);
}

enum question { AGE, YOUNG };

/* Put a question to the leaves of [first, last). */
static int ask(struct mmu_notifier *notifier, hva_t first, hva_t end, enum question question)
{
	struct hvm_watch *watch = to_watch(notifier);
	struct hvm_mem *mem = enter(watch);
	struct hvm_slot *slot;
	bool young = false;
	gfn_t from, to;

	if (!mem)
		return 0;
	read_lock(&mem->lock);
	for (slot = first_slot(mem, first, end - 1); slot; slot = next_slot(slot, first, end - 1)) {
		frames_of(slot, first, end - 1, &from, &to);
		if (question == AGE)
			young |= hvm_tdp_age(&mem->tdp, from, to);
		else
			young |= hvm_tdp_young(&mem->tdp, from, to);
	}
	read_unlock(&mem->lock);
	leave(watch);
	return young;
}

/* Without accessed bits a page can only be forgotten by taking it away: its next use faults. */
static int take_away(struct mmu_notifier *notifier, hva_t first, hva_t end)
{
	struct hvm_watch *watch = to_watch(notifier);
	struct hvm_mem *mem = enter(watch);
	bool young;

	if (!mem)
		return 0;
	young = zap_addresses(mem, first, end - 1, false);
	leave(watch);
	return young;
}

static int clear_young(struct mmu_notifier *notifier, struct mm_struct *mm, unsigned long first,
		       unsigned long end)
{
	if (to_watch(notifier)->accessed)
		return ask(notifier, first, end, AGE);
	return take_away(notifier, first, end);
}

static int test_young(struct mmu_notifier *notifier, struct mm_struct *mm, unsigned long address)
{
	return ask(notifier, address, address + PAGE_SIZE, YOUNG);
}

/* The address space ends: no thread of the process is left, but the guest's fd may live on. */
static void release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct hvm_watch *watch = to_watch(notifier);
	struct hvm_mem *mem = enter(watch);

	if (!mem)
		return;
	zap_addresses(mem, 0, ULONG_MAX, true);
	leave(watch);
}

static void free_watch(struct mmu_notifier *notifier)
{
	kfree(to_watch(notifier));
}

static const struct mmu_notifier_ops watch_ops = {
	.release = release,
	.clear_flush_young = clear_young,
	.clear_young = clear_young,
	.test_young = test_young,
	.invalidate_range_start = start,
	.invalidate_range_end = end,
	.free_notifier = free_watch,
};

/**
 * hvm_watch_init - begin to follow the process's page tables
 * @mem: all of it but @watch is initialised
 *
 * Context: process, no locks.
 *
 * Return: 0, -ENOMEM, or -ERESTARTNOINTR: a signal came, the system call is to be done again
 */
int hvm_watch_init(struct hvm_mem *mem)
{
	struct hvm_watch *watch = kzalloc(sizeof(*watch), GFP_KERNEL_ACCOUNT);
	int err;

	if (!watch)
		return -ENOMEM;
	spin_lock_init(&watch->lock);
	watch->mem = mem;
	watch->accessed = mem->tdp.format.accessed;
	watch->notifier.ops = &watch_ops;
	err = mmu_notifier_register(&watch->notifier, mem->mm);
	if (err) {
		kfree(watch);
		return err == -EINTR ? -ERESTARTNOINTR : err;
	}
	mem->watch = watch;
	return 0;
}

/**
 * hvm_watch_deinit - reverse of hvm_watch_init()
 * @mem: the guest's memory; no callback uses it any more when this returns
 *
 * (1) New callbacks find no guest. (2) Those that found it are waited for. (3) The notifier itself
 * is freed by the kernel when no callback can be running; that is not waited for here.
 */
void hvm_watch_deinit(struct hvm_mem *mem)
{
	struct hvm_watch *watch = mem->watch;

	spin_lock(&watch->lock);
	watch->mem = NULL;
	spin_unlock(&watch->lock);
	wait_var_event(&watch->users, !atomic_read(&watch->users));
	mmu_notifier_put(&watch->notifier);
	mem->watch = NULL;
}
