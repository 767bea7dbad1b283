// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-level tables: adding mappings. Several threads add at the same time, so each entry changes
 * by compare-and-exchange from a state that was looked at. Adding never takes a translation away:
 * permissions only grow, and a leaf that is split is replaced by leaves that say the same.
 */
#include "tdp.h"

/* Does a leaf allow all that another would? */
static bool allows(const struct hvm_tdp *tdp, u64 leaf, u64 wanted)
{
	const struct hvm_tdp_format *f = &tdp->format;

	if (wanted & ~leaf & (f->read | f->write | f->exec))
		return false;
	return !(leaf & ~wanted & f->noexec);
}

/* The address that a leaf at @level gives to a frame. */
static u64 translate(const struct hvm_tdp *tdp, u64 leaf, unsigned int level, u64 gfn)
{
	return (leaf & tdp->format.address) + ((gfn & (hvm_tdp_frames(level) - 1)) << 12);
}

/*
 * Fill a table with what the leaf above it says, so that nobody can tell the difference: a
 * processor that still holds the large translation holds nothing that the small ones do not say,
 * and whoever zaps one of them finds it present and flushes. Small leaves may be executable where
 * large ones may not (nx_huge); no such large one was cached for fetching.
 */
static void split_into(const struct hvm_tdp *tdp, u64 *table, u64 old, unsigned int level)
{
	const struct hvm_tdp_format *f = &tdp->format;
	struct hvm_tdp_leaf leaf = {
		.hpa = old & f->address,
		.level = level - 1,
		.write = old & f->write,
	};
	unsigned int i;

	for (i = 0; i < HVM_TDP_ENTRIES; i++) {
		table[i] = hvm_tdp_leaf_entry(tdp, &leaf) | (old & (f->accessed | f->dirty));
		leaf.hpa += hvm_tdp_frames(level - 1) << 12;
	}
}

static void empty(u64 *table)
{
	unsigned int i;

	for (i = 0; i < HVM_TDP_ENTRIES; i++)
		table[i] = 0;
}

/* Does a larger leaf do what is wanted? */
static bool suffices(const struct hvm_tdp *tdp, u64 entry, unsigned int level,
		     const struct hvm_tdp_leaf *leaf)
{
	return hvm_tdp_present(tdp, entry) &&
	       translate(tdp, entry, level, leaf->gfn) == leaf->hpa &&
	       allows(tdp, entry, hvm_tdp_leaf_entry(tdp, leaf));
}

/* Put a table of the stash below an entry, unless there is one. NULL: the stash is empty. */
static u64 *add_table(struct hvm_tdp *tdp, u64 *entry, unsigned int level,
		      struct hvm_tdp_stash *stash)
{
	u64 old = hvm_tdp_load(entry);
	u64 *table;

	for (;;) {
		if (hvm_tdp_present(tdp, old) && !hvm_tdp_is_leaf(tdp, old, level))
			return hvm_tdp_child(tdp, old);
		if (!stash->count)
			return NULL;

		table = stash->tables[stash->count - 1];
		if (hvm_tdp_present(tdp, old))
			split_into(tdp, table, old, level);
		if (hvm_tdp_exchange(entry, &old, hvm_tdp_phys(table) | tdp->format.table)) {
			stash->count--;
			return table;
		}
		/* Hardware set a bit, or another thread was first: clean the table. */
		empty(table);
	}
}

static enum hvm_tdp_result set_leaf(struct hvm_tdp *tdp, u64 *entry,
				    const struct hvm_tdp_leaf *leaf)
{
	const struct hvm_tdp_format *f = &tdp->format;
	u64 wanted = hvm_tdp_leaf_entry(tdp, leaf) | f->accessed;
	u64 old = hvm_tdp_load(entry);
	u64 new;
	bool same;

	do {
		new = wanted;
		same = true;
		if (hvm_tdp_present(tdp, old)) {
			if (!hvm_tdp_is_leaf(tdp, old, leaf->level))
				return HVM_TDP_SMALLER;
			same = !((old ^ wanted) & f->address);
			if (same && allows(tdp, old, wanted))
				return HVM_TDP_MAPPED;
			if (same)
				new = (old | wanted) & ~(f->noexec & ~wanted);
		}
	} while (!hvm_tdp_exchange(entry, &old, new));

	return same ? HVM_TDP_MAPPED : HVM_TDP_CHANGED;
}

/**
 * hvm_tdp_map - map a stretch of guest frames by one leaf
 * @tdp: the tables
 * @leaf: the mapping
 * @stash: tables to take from
 * @at: out, after HVM_TDP_MAPPED and HVM_TDP_CHANGED: the entry, if it is of the leaf's level; NULL
 *	if a larger leaf was there already and allows as much
 *
 * A larger leaf that does not allow as much is split.
 *
 * Context: shared; @at is good until an exclusive call may run.
 *
 * Return: enum hvm_tdp_result; after HVM_TDP_NO_TABLE and HVM_TDP_SMALLER there is no new mapping
 */
enum hvm_tdp_result hvm_tdp_map(struct hvm_tdp *tdp, const struct hvm_tdp_leaf *leaf,
				struct hvm_tdp_stash *stash, u64 **at)
{
	unsigned int level = tdp->format.levels;
	u64 *table = tdp->root;
	u64 *entry, now;

	for (; level > leaf->level; level--) {
		entry = &table[hvm_tdp_index(leaf->gfn, level)];
		now = hvm_tdp_load(entry);
		if (hvm_tdp_present(tdp, now) && !hvm_tdp_is_leaf(tdp, now, level)) {
			table = hvm_tdp_child(tdp, now);
			continue;
		}
		if (suffices(tdp, now, level, leaf)) {
			*at = NULL;
			return HVM_TDP_MAPPED;
		}
		table = add_table(tdp, entry, level, stash);
		if (!table)
			return HVM_TDP_NO_TABLE;
	}
	*at = &table[hvm_tdp_index(leaf->gfn, level)];
	return set_leaf(tdp, *at, leaf);
}

/**
 * hvm_tdp_fill - map a frame that the guest has not asked for yet, if nothing is there
 * @tdp: the tables
 * @entry: its entry, beside one from hvm_tdp_map() or from hvm_tdp_table()
 * @leaf: the mapping
 *
 * It counts as not accessed.
 *
 * Context: shared.
 *
 * Return: whether it is mapped now by this call
 */
bool hvm_tdp_fill(struct hvm_tdp *tdp, u64 *entry, const struct hvm_tdp_leaf *leaf)
{
	u64 old = hvm_tdp_load(entry);

	if (hvm_tdp_present(tdp, old))
		return false;
	return hvm_tdp_exchange(entry, &old, hvm_tdp_leaf_entry(tdp, leaf));
}
