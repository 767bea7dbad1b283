// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-level faults: the guest touched what is not mapped, or not so. A page that the process has
 * present is mapped straight from its page tables, in one section under &hvm_mem.lock and without a
 * reference; otherwise get_user_pages brings it in first. No page is held longer than the fault:
 * notifier.c takes mappings back before the host takes pages. Not here: what comes of an outcome
 * (cpu/exit.c).
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "../compat.h"
#include "room.h"

/* Steps before the vCPU looks at its signals again; tables take up to four of them. */
#define MAX_ATTEMPTS	8

/* Present neighbours are mapped along, in blocks of this many pages. */
#define AROUND		16

/**
 * struct fault - one fault while it is handled
 * @mem: the guest's memory
 * @gfn: the frame
 * @hva: the address it is attached at, when it was last looked up
 * @sequence: &hvm_watch.sequence at that time
 * @write: write access
 * @exec: fetch
 * @absent_exits: HVM_MAP_EXIT_ON_FAULT
 * @exclusive: small mappings have to be taken away for a large one: lock for writing
 * @zapped: that was done, or a translation was replaced: hvm_mem_finish() has to follow
 * @detail: what hvm_mem_fault() gives out
 * @entry: the second-level entry that was made, NULL if it is a larger one's part
 * @stash: tables to link in
 * @garbage: tables that were unlinked
 */
struct fault {
	struct hvm_mem *mem;
	gfn_t gfn;
	hva_t hva;
	unsigned long sequence;
	bool write;
	bool exec;
	bool absent_exits;
	bool exclusive;
	bool zapped;
	int detail;
	u64 *entry;
	struct hvm_tdp_stash stash;
	struct hvm_tdp_garbage garbage;
};

/* One attempt's end: an outcome, or what to do before the next. */
enum step {
	STEP_FIXED = HVM_FAULT_FIXED,
	STEP_NO_RANGE = HVM_FAULT_NO_RANGE,
	STEP_READONLY = HVM_FAULT_READONLY,
	STEP_HOST = HVM_FAULT_HOST,
	STEP_ABSENT = HVM_FAULT_ABSENT,
	STEP_SIGNAL = HVM_FAULT_SIGNAL,
	STEP_NOMEM = HVM_FAULT_NOMEM,
	STEP_LAST = STEP_NOMEM,
	STEP_FETCH,		/* not present: have the host bring it in */
	STEP_BUSY,		/* the host is changing it: later */
	STEP_TABLE,		/* a table is needed */
	STEP_COLLAPSE,		/* again, with @exclusive */
	STEP_AGAIN,		/* that is done: look again */
};

/* The largest leaf that the range, the format and the host's own mapping allow. */
static unsigned int leaf_level(const struct fault *f, const struct hvm_slot *slot,
			       unsigned int level)
{
	const struct hvm_tdp *tdp = &f->mem->tdp;
	u64 mask;

	if (f->exec && tdp->nx_huge)
		return 1;
	for (level = min_t(unsigned int, level, tdp->format.max_leaf); level > 1; level--) {
		mask = hvm_tdp_frames(level) - 1;
		if ((f->gfn & ~mask) >= slot->first && (f->gfn | mask) <= slot->last &&
		    !((f->gfn ^ (f->hva >> PAGE_SHIFT)) & mask))
			break;
	}
	return level;
}

/* A translation was taken away or replaced. */
static void note_zap(struct fault *f)
{
	if (!f->zapped)
		atomic_inc(&f->mem->flushing);
	f->zapped = true;
}

static enum step map_leaf(struct fault *f, struct hvm_tdp_leaf *leaf)
{
	struct hvm_tdp *tdp = &f->mem->tdp;

	f->detail = leaf->level;
	if (f->exclusive && leaf->level > 1 && hvm_tdp_collapse(tdp, leaf, &f->garbage)) {
		note_zap(f);
		f->entry = NULL;
		return STEP_FIXED;
	}
	switch (hvm_tdp_map(tdp, leaf, &f->stash, &f->entry)) {
	case HVM_TDP_NO_TABLE:
		return STEP_TABLE;
	case HVM_TDP_SMALLER:
		return STEP_COLLAPSE;
	case HVM_TDP_CHANGED:
		note_zap(f);
		return STEP_FIXED;
	default:
		return STEP_FIXED;
	}
}

/* Map the page, in as large a leaf as can be. The lock is held; while it is, @host stays true. */
static enum step install(struct fault *f, const struct hvm_slot *slot,
			 const struct hvm_host_page *host)
{
	struct hvm_tdp_leaf leaf = {
		.level = leaf_level(f, slot, host->level),
		.write = host->writable && !(slot->flags & HVM_MAP_READONLY),
	};
	u64 mask = hvm_tdp_frames(leaf.level) - 1;
	hva_t bytes = hvm_tdp_frames(leaf.level) << PAGE_SHIFT;
	hva_t start = f->hva & ~(bytes - 1);
	enum step step;

	if (leaf.level > 1 && hvm_watch_busy(f->mem->watch, start, start + bytes - 1))
		return STEP_BUSY;
	leaf.gfn = f->gfn & ~mask;
	leaf.hpa = (host->pfn & ~mask) << PAGE_SHIFT;
	step = map_leaf(f, &leaf);
	if (step != STEP_COLLAPSE || !f->mem->tdp.nx_huge)
		return step;

	/* Parts of it were fetched from: leave the rest small, too. */
	leaf.gfn = f->gfn;
	leaf.hpa = host->pfn << PAGE_SHIFT;
	leaf.level = 1;
	return map_leaf(f, &leaf);
}

/* Is a neighbour mapped already? Then the guest seems to go through its memory in order. */
static bool follows_another(const struct hvm_tdp *tdp, const u64 *entry, unsigned int in_table)
{
	return (in_table > 0 && hvm_tdp_present(tdp, hvm_tdp_load(entry - 1))) ||
	       (in_table < HVM_TDP_ENTRIES - 1 && hvm_tdp_present(tdp, hvm_tdp_load(entry + 1)));
}

/*
 * Map the pages around a present one that are present, too: a guest that touches one behind the
 * other is likely to touch the next. Nothing is faulted in or made writable for that.
 */
static void map_around(struct fault *f, const struct hvm_slot *slot, pte_t *ptes)
{
	unsigned int index = pte_index(f->hva), before = index % AROUND;
	unsigned int in_table = hvm_tdp_index(f->gfn, 1);
	struct hvm_tdp_leaf leaf = { .level = 1 };
	struct hvm_host_page page;
	gfn_t first, last, gfn;
	u64 *entry;

	entry = f->entry;
	if (!follows_another(&f->mem->tdp, entry, in_table))
		return;
	first = f->gfn - min3((u64)before, f->gfn - slot->first, (u64)in_table);
	last = f->gfn + min3((u64)(AROUND - 1 - before), slot->last - f->gfn,
			     (u64)(HVM_TDP_ENTRIES - 1 - in_table));
	if (hvm_watch_busy(f->mem->watch, hvm_slot_hva(slot, first),
			   hvm_slot_hva(slot, last) + PAGE_SIZE - 1))
		return;

	entry -= f->gfn - first;
	ptes += index - (f->gfn - first);
	for (gfn = first; gfn <= last; gfn++, entry++, ptes++) {
		if (hvm_tdp_present(&f->mem->tdp, hvm_tdp_load(entry)))
			continue;
		if (!hvm_host_entry(READ_ONCE(*ptes), false, &page))
			continue;
		leaf.gfn = gfn;
		leaf.hpa = page.pfn << PAGE_SHIFT;
		leaf.write = page.writable && !(slot->flags & HVM_MAP_READONLY);
		hvm_tdp_fill(&f->mem->tdp, entry, &leaf);
	}
}

/* Look the range up and see that the fault is one that the host can help with. */
static enum step find_slot(struct fault *f, struct hvm_slot **found)
{
	struct hvm_slot *slot = hvm_slot_find(f->mem, f->gfn);

	if (!slot)
		return STEP_NO_RANGE;
	if (f->write && slot->flags & HVM_MAP_READONLY)
		return STEP_READONLY;
	*found = slot;
	f->hva = hvm_slot_hva(slot, f->gfn);
	f->absent_exits = slot->flags & HVM_MAP_EXIT_ON_FAULT;
	return STEP_FETCH;
}

/* Map a page that is present. */
static enum step map_present(struct fault *f)
{
	struct hvm_host_page host;
	struct hvm_slot *slot;
	unsigned long irqs;
	enum step step;

	step = find_slot(f, &slot);
	if (step != STEP_FETCH)
		return step;
	f->sequence = READ_ONCE(f->mem->watch->sequence);
	/* Pairs with the spinlock around the increment in end(): what is read later is as new. */
	smp_rmb();
	if (hvm_watch_busy(f->mem->watch, f->hva, f->hva + PAGE_SIZE - 1))
		return STEP_BUSY;

	local_irq_save(irqs);
	if (hvm_host_lookup(f->mem->mm, f->hva, f->write, &host)) {
		step = install(f, slot, &host);
		if (step == STEP_FIXED && host.ptes && f->entry)
			map_around(f, slot, host.ptes);
	}
	local_irq_restore(irqs);
	return step;
}

/* Map a page that get_user_pages gave, unless things changed since the fault was looked at. */
static enum step map_fetched(struct fault *f, struct page *page)
{
	struct hvm_host_page host = { .pfn = page_to_pfn(page), .writable = f->write };
	unsigned long irqs, sequence = f->sequence;
	hva_t hva = f->hva;
	struct hvm_slot *slot;
	enum step step;

	step = find_slot(f, &slot);
	if (step != STEP_FETCH)
		return step;
	if (f->hva != hva || hvm_watch_busy(f->mem->watch, hva, hva + PAGE_SIZE - 1) ||
	    READ_ONCE(f->mem->watch->sequence) != sequence)
		return STEP_BUSY;

	local_irq_save(irqs);
	host.level = hvm_host_level(f->mem->mm, hva, host.pfn);
	step = install(f, slot, &host);
	local_irq_restore(irqs);
	return step;
}

/* Do one of the two under the lock: without a page, map_present(). */
static enum step map_locked(struct fault *f, struct page *page)
{
	rwlock_t *lock = &f->mem->lock;
	enum step step;

	if (unlikely(f->exclusive)) {
		write_lock(lock);
		step = page ? map_fetched(f, page) : map_present(f);
		write_unlock(lock);
	} else {
		read_lock(lock);
		step = page ? map_fetched(f, page) : map_present(f);
		read_unlock(lock);
	}
	return step;
}

static enum step fetch_failed(struct fault *f, long err)
{
	if (err == -EINTR || err == -ERESTARTSYS || err == -EAGAIN)
		return signal_pending(current) ? STEP_SIGNAL : STEP_BUSY;
	if (err == -ENOMEM)
		return STEP_NOMEM;
	if (f->absent_exits && (!err || err == -EFAULT))
		return STEP_ABSENT;
	f->detail = err ? -err : EFAULT;
	return STEP_HOST;
}

/* Take a page that is present. Pages of hugetlbfs need not be marked dirty: they never leave. */
static long get_present(struct fault *f, unsigned int flags, struct page **page)
{
	if (hvm_compat_ignores_nofault(f->mem->mm, f->hva))
		return get_user_pages_fast_only(f->hva, 1, flags & FOLL_WRITE, page);
	return get_user_pages_unlocked(f->hva, 1, page, flags | FOLL_NOFAULT);
}

/*
 * Have the host bring the page in, as the process's own access would; it is marked dirty for a
 * write. A read gets what is there, the zero page for one, and only reading is allowed then.
 */
static enum step fetch_and_map(struct fault *f)
{
	unsigned int flags = FOLL_HWPOISON | hvm_compat_gup_flags();
	struct page *page;
	enum step step;
	long got;

	if (f->write)
		flags |= FOLL_WRITE;
	if (f->absent_exits)
		got = get_present(f, flags, &page);
	else
		got = get_user_pages_unlocked(f->hva, 1, &page, flags);
	if (got != 1)
		return fetch_failed(f, got);

	step = map_locked(f, page);
	put_page(page);
	return step;
}

static enum step add_table(struct fault *f)
{
	u64 *table = hvm_tdp_alloc();

	if (!table)
		return STEP_NOMEM;
	f->stash.tables[f->stash.count++] = table;
	return STEP_AGAIN;
}

/* What a step asks for; STEP_AGAIN when the page is to be looked at again. */
static enum step follow_up(struct fault *f, enum step step)
{
	switch (step) {
	case STEP_FETCH:
		return fetch_and_map(f);
	case STEP_TABLE:
		return add_table(f);
	case STEP_COLLAPSE:
		f->exclusive = true;
		return STEP_AGAIN;
	case STEP_BUSY:
		cond_resched();
		return STEP_AGAIN;
	default:
		return step;
	}
}

/* Attempts after one that did not decide the fault; returns as hvm_mem_fault(). */
static noinline enum step try_on(struct fault *f, enum step step)
{
	unsigned int i;

	hvm_tdp_garbage_init(&f->garbage);
	for (i = 0; i < MAX_ATTEMPTS && step > STEP_LAST; i++) {
		step = follow_up(f, step);
		if (step == STEP_AGAIN)
			step = map_locked(f, NULL);
	}
	if (f->zapped)
		hvm_mem_finish(f->mem, &f->garbage, true, true);
	while (f->stash.count)
		hvm_tdp_free(f->stash.tables[--f->stash.count]);
	return step;
}

/* Device memory: the one answer that needs no more than the ranges. */
static bool is_nowhere(struct hvm_mem *mem, gfn_t gfn)
{
	bool nowhere;

	read_lock(&mem->lock);
	nowhere = !hvm_slot_find(mem, gfn);
	read_unlock(&mem->lock);
	return nowhere;
}

static noinline enum hvm_fault_outcome handle(struct hvm_mem *mem, gpa_t gpa, u32 access,
					      int *detail)
{
	bool at_once = true;
	struct fault f;
	enum step step;

	f.mem = mem;
	f.gfn = gpa >> PAGE_SHIFT;
	f.write = access & HVM_ACCESS_WRITE;
	f.exec = access & HVM_ACCESS_EXEC;
	f.exclusive = false;
	f.zapped = false;
	f.detail = 0;
	f.stash.count = 0;

	/* A present page with its table there: decided at once. */
	step = map_locked(&f, NULL);
	if (step > STEP_LAST || f.zapped) {
		at_once = false;
		step = try_on(&f, step);
	}
	*detail = step == STEP_FIXED || step == STEP_HOST ? f.detail : 0;
	if (step > STEP_LAST || (step == STEP_FIXED && !at_once))
		return HVM_FAULT_FETCHED;
	return (enum hvm_fault_outcome)step;
}

/**
 * hvm_mem_fault - map what the guest touched
 * @mem: the guest's memory
 * @gpa: guest physical address
 * @access: HVM_ACCESS_* of the access that faulted
 * @detail: out, for HVM_FAULT_HOST: errno, positive; for HVM_FAULT_FIXED and _FETCHED: level of the
 *	mapping that was made, or of the one that was there, 0: none
 *
 * With HVM_MAP_EXIT_ON_FAULT it never waits for a page; otherwise it waits as the process's own
 * access would, until a signal comes that kills (from 6.2 on: any signal). While the host is
 * changing the page it gives up after a few attempts with HVM_FAULT_FETCHED: the guest faults
 * again.
 *
 * Context: a thread of the guest's process, may sleep, interrupts on, no locks.
 *
 * Return: what came of it
 */
enum hvm_fault_outcome hvm_mem_fault(struct hvm_mem *mem, gpa_t gpa, u32 access, int *detail)
{
	if (is_nowhere(mem, gpa >> PAGE_SHIFT))
		return HVM_FAULT_NO_RANGE;
	return handle(mem, gpa, access, detail);
}
