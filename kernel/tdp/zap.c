// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-level tables: taking mappings away. A zap unlinks whole subtrees where it can, so that its
 * work is bounded by the depth of the tables and not by the memory it takes away: at most two of
 * each level are looked through. What was unlinked goes to the garbage, is still walked by
 * processors until the caller flushed them, and is taken apart after that without any lock.
 */
#include "tdp.h"

#define GROUP	8	/* entries that any_present() looks at */

/* Is all that an entry at @level stands for, from @gfn on, inside a range that ends with @last? */
static bool covered(u64 gfn, u64 last, unsigned int level)
{
	u64 frames = hvm_tdp_frames(level);

	return !(gfn & (frames - 1)) && last - gfn >= frames - 1;
}

/* Can the entry be dealt with as a whole, or has the walk to go below it? */
static bool ends_here(const struct hvm_tdp *tdp, u64 entry, unsigned int level, u64 gfn, u64 last)
{
	return !hvm_tdp_present(tdp, entry) || hvm_tdp_is_leaf(tdp, entry, level) ||
	       covered(gfn, last, level);
}

static bool clear_entry(struct hvm_tdp *tdp, u64 *entry, unsigned int level,
			struct hvm_tdp_garbage *garbage)
{
	u64 old;

	if (!hvm_tdp_present(tdp, hvm_tdp_load(entry)))
		return false;
	old = hvm_tdp_clear(entry);
	if (!hvm_tdp_is_leaf(tdp, old, level))
		hvm_tdp_garbage_add(garbage, hvm_tdp_child(tdp, old), level - 1);
	return true;
}

/* Clear the entries of one table from @gfn on, up to one that the walk has to go below. */
static bool clear_run(struct hvm_tdp *tdp, u64 *table, unsigned int level, u64 *gfn, u64 last,
		      struct hvm_tdp_garbage *garbage)
{
	unsigned int i = hvm_tdp_index(*gfn, level);
	bool cleared = false;

	do {
		cleared |= clear_entry(tdp, &table[i], level, garbage);
		*gfn = (*gfn | (hvm_tdp_frames(level) - 1)) + 1;
	} while (++i < HVM_TDP_ENTRIES && *gfn <= last &&
		 ends_here(tdp, hvm_tdp_load(&table[i]), level, *gfn, last));
	return cleared;
}

/**
 * hvm_tdp_zap - take all mappings of a range of guest frames away
 * @tdp: the tables
 * @first: first frame
 * @last: last frame, below 2^(9 * levels)
 * @garbage: where unlinked tables go
 *
 * A large leaf that lies across an end of the range goes as a whole; the guest faults it in again.
 *
 * Context: exclusive.
 *
 * Return: whether anything was there: flush before the memory or the garbage is used for anything
 */
bool hvm_tdp_zap(struct hvm_tdp *tdp, u64 first, u64 last, struct hvm_tdp_garbage *garbage)
{
	bool cleared = false;
	u64 gfn = first;
	unsigned int level;
	u64 *table, entry;

	while (gfn <= last) {
		table = tdp->root;
		for (level = tdp->format.levels; ; level--) {
			entry = hvm_tdp_load(&table[hvm_tdp_index(gfn, level)]);
			if (ends_here(tdp, entry, level, gfn, last))
				break;
			table = hvm_tdp_child(tdp, entry);
		}
		cleared |= clear_run(tdp, table, level, &gfn, last, garbage);
	}
	return cleared;
}

/**
 * hvm_tdp_collapse - put one large leaf in the place of a table of smaller ones
 * @tdp: the tables
 * @leaf: the large leaf
 * @garbage: where the table goes
 *
 * Context: exclusive.
 *
 * Return: whether there was such a table, and the leaf is in its place: flush
 */
bool hvm_tdp_collapse(struct hvm_tdp *tdp, const struct hvm_tdp_leaf *leaf,
		      struct hvm_tdp_garbage *garbage)
{
	u64 *entry = hvm_tdp_table(tdp, leaf->gfn, leaf->level);
	u64 wanted = hvm_tdp_leaf_entry(tdp, leaf) | tdp->format.accessed;
	u64 old;

	if (!entry)
		return false;
	old = hvm_tdp_load(entry);
	do {
		if (!hvm_tdp_present(tdp, old) || hvm_tdp_is_leaf(tdp, old, leaf->level))
			return false;
	} while (!hvm_tdp_exchange(entry, &old, wanted));

	hvm_tdp_garbage_add(garbage, hvm_tdp_child(tdp, old), leaf->level - 1);
	return true;
}

static_assert(HVM_TDP_ENTRIES % GROUP == 0, "a table is a number of groups");

/*
 * Tables are mostly empty, so entries are looked at in groups. All of them together are no entry,
 * but have a bit that says present if one of them has.
 */
static bool any_present(const struct hvm_tdp *tdp, const u64 *group)
{
	return hvm_tdp_present(tdp, group[0] | group[1] | group[2] | group[3] |
				    group[4] | group[5] | group[6] | group[7]);
}

static void free_children(const struct hvm_tdp *tdp, const u64 *group, unsigned int level,
			  struct hvm_tdp_garbage *garbage)
{
	unsigned int i;

	for (i = 0; i < GROUP; i++)
		if (hvm_tdp_present(tdp, group[i]) && !hvm_tdp_is_leaf(tdp, group[i], level))
			hvm_tdp_garbage_add(garbage, hvm_tdp_child(tdp, group[i]), level - 1);
}

/**
 * hvm_tdp_free_one - free one table of the garbage
 * @tdp: the tables it belonged to
 * @garbage: the garbage; tables below the freed one are added to it
 *
 * Context: processors were flushed since the garbage was collected; no lock needed. Bounded work.
 *
 * Return: false: there was none
 */
bool hvm_tdp_free_one(const struct hvm_tdp *tdp, struct hvm_tdp_garbage *garbage)
{
	unsigned int level, i;
	u64 *table = hvm_tdp_garbage_take(garbage, &level);

	if (!table)
		return false;
	for (i = 0; level > 1 && i < HVM_TDP_ENTRIES; i += GROUP)
		if (any_present(tdp, &table[i]))
			free_children(tdp, &table[i], level, garbage);
	hvm_tdp_free(table);
	return true;
}
