// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-level tables: the accessed bits of leaves, which tell the host what pages the guest uses.
 * Hardware sets bits in the same entries meanwhile, so every change is atomic.
 */
#include "tdp.h"

/*
 * The next leaf in [*gfn, last]; *gfn moves behind what it stands for, or behind the hole where
 * there is none (NULL).
 */
static u64 *next_leaf(const struct hvm_tdp *tdp, u64 *gfn)
{
	unsigned int level = tdp->format.levels;
	u64 *table = tdp->root;
	u64 *entry, now;

	for (;; level--) {
		entry = &table[hvm_tdp_index(*gfn, level)];
		now = hvm_tdp_load(entry);
		if (!hvm_tdp_present(tdp, now) || hvm_tdp_is_leaf(tdp, now, level))
			break;
		table = hvm_tdp_child(tdp, now);
	}
	*gfn = (*gfn | (hvm_tdp_frames(level) - 1)) + 1;
	return hvm_tdp_present(tdp, now) ? entry : NULL;
}

/**
 * hvm_tdp_age - forget that a range of guest frames was used
 * @tdp: the tables; their format has an accessed bit
 * @first: first frame
 * @last: last frame, below 2^(9 * levels)
 *
 * Processors are not flushed: a translation they hold may go on being used unnoticed for a while,
 * which costs precision only, as for the process's own page tables on x86.
 *
 * Context: shared. The work is proportional to the mappings in the range.
 *
 * Return: whether it was used since the last time
 */
bool hvm_tdp_age(struct hvm_tdp *tdp, u64 first, u64 last)
{
	bool young = false;
	u64 gfn = first;
	u64 *entry;

	while (gfn <= last) {
		entry = next_leaf(tdp, &gfn);
		if (!entry || !(hvm_tdp_load(entry) & tdp->format.accessed))
			continue;
		hvm_tdp_mask(entry, tdp->format.accessed);
		young = true;
	}
	return young;
}

/**
 * hvm_tdp_young - was a range of guest frames used?
 * @tdp: the tables
 * @first: first frame
 * @last: last frame, below 2^(9 * levels)
 *
 * Where the format has no accessed bit, whatever is mapped counts as used.
 *
 * Context: shared. The work is proportional to the mappings in the range.
 *
 * Return: whether it was used since hvm_tdp_age()
 */
bool hvm_tdp_young(struct hvm_tdp *tdp, u64 first, u64 last)
{
	u64 bits = tdp->format.accessed ? tdp->format.accessed : tdp->format.present;
	u64 gfn = first;
	u64 *entry;

	while (gfn <= last) {
		entry = next_leaf(tdp, &gfn);
		if (entry && hvm_tdp_load(entry) & bits)
			return true;
	}
	return false;
}
