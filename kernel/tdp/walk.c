// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-level tables: making an entry and finding one. Nothing here changes a table.
 */
#include "tdp.h"

/**
 * hvm_tdp_init - empty tables
 * @tdp: the tables
 * @format: bits of their entries; copied
 * @root: a zeroed table, owned by @tdp from now on
 * @nx_huge: leaves above 4 KiB shall not be executable
 */
void hvm_tdp_init(struct hvm_tdp *tdp, const struct hvm_tdp_format *format, u64 *root, bool nx_huge)
{
	tdp->format = *format;
	tdp->root = root;
	tdp->nx_huge = nx_huge;
}

/**
 * hvm_tdp_leaf_entry - the entry that stands for a mapping
 * @tdp: the tables
 * @leaf: the mapping
 *
 * The accessed and dirty bits are clear, so that hardware can say what the guest did with it.
 *
 * Return: the entry (SDM "EPT Translation Mechanism", APM "Nested Paging": entries)
 */
u64 hvm_tdp_leaf_entry(const struct hvm_tdp *tdp, const struct hvm_tdp_leaf *leaf)
{
	const struct hvm_tdp_format *f = &tdp->format;
	u64 entry = (leaf->hpa & f->address) | f->read | f->memtype_wb;

	if (leaf->write)
		entry |= f->write;
	if (leaf->level > 1)
		entry |= f->huge;
	if (leaf->level > 1 && tdp->nx_huge)
		return entry | f->noexec;
	return entry | f->exec;
}

/**
 * hvm_tdp_table - the entry of a frame in its table at one level
 * @tdp: the tables
 * @gfn: guest frame, below 2^(9 * levels)
 * @level: 1 to the format's levels
 *
 * Context: shared.
 *
 * Return: the entry, or NULL where the walk ends above @level
 */
u64 *hvm_tdp_table(const struct hvm_tdp *tdp, u64 gfn, unsigned int level)
{
	unsigned int at = tdp->format.levels;
	u64 *table = tdp->root;
	u64 entry;

	for (; at > level; at--) {
		entry = hvm_tdp_load(&table[hvm_tdp_index(gfn, at)]);
		if (!hvm_tdp_present(tdp, entry) || hvm_tdp_is_leaf(tdp, entry, at))
			return NULL;
		table = hvm_tdp_child(tdp, entry);
	}
	return &table[hvm_tdp_index(gfn, level)];
}
