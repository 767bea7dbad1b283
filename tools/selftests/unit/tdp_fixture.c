// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-level tables for the unit tests of kernel/tdp/; see tdp_fixture.h.
 */
#include "tdp_fixture.h"

#define ADDRESS	0x000ffffffffff000ULL

unsigned long tdp_port_tables;

const struct hvm_tdp_format tdp_ept = {
	.levels = 4, .max_leaf = 3,
	.table = EPT_R | EPT_W | EPT_X,
	.read = EPT_R, .write = EPT_W, .exec = EPT_X,
	.present = EPT_R | EPT_W | EPT_X,
	.huge = EPT_PS, .accessed = EPT_A, .dirty = EPT_D,
	.memtype_wb = EPT_WB, .address = ADDRESS,
};

const struct hvm_tdp_format tdp_ept_old = {
	.levels = 4, .max_leaf = 3,
	.table = EPT_R | EPT_W | EPT_X,
	.read = EPT_R, .write = EPT_W, .exec = EPT_X,
	.present = EPT_R | EPT_W | EPT_X,
	.huge = EPT_PS,
	.memtype_wb = EPT_WB, .address = ADDRESS,
};

const struct hvm_tdp_format tdp_npt = {
	.levels = 5, .max_leaf = 3,
	.table = NPT_P | NPT_W | NPT_U,
	.read = NPT_P | NPT_U, .write = NPT_W, .noexec = NPT_NX,
	.present = NPT_P,
	.huge = NPT_PS, .accessed = NPT_A, .dirty = NPT_D,
	.address = ADDRESS,
};

void tdp_open(struct hvm_tdp *tdp, const struct hvm_tdp_format *format, bool nx_huge)
{
	tdp_port_tables = 0;
	hvm_tdp_init(tdp, format, hvm_tdp_alloc(), nx_huge);
}

void tdp_sweep(struct hvm_tdp *tdp, struct hvm_tdp_garbage *garbage)
{
	while (hvm_tdp_free_one(tdp, garbage))
		;
}

void tdp_close(struct hvm_tdp *tdp)
{
	struct hvm_tdp_garbage garbage;

	hvm_tdp_garbage_init(&garbage);
	hvm_tdp_garbage_add(&garbage, tdp->root, tdp->format.levels);
	tdp_sweep(tdp, &garbage);
}

enum hvm_tdp_result tdp_map(struct hvm_tdp *tdp, u64 gfn, u64 pfn, unsigned int level, bool write)
{
	struct hvm_tdp_leaf leaf = {
		.gfn = gfn, .hpa = pfn << 12, .level = level, .write = write,
	};
	struct hvm_tdp_stash stash = { .count = 0 };
	enum hvm_tdp_result result;
	u64 *at;

	while ((result = hvm_tdp_map(tdp, &leaf, &stash, &at)) == HVM_TDP_NO_TABLE)
		stash.tables[stash.count++] = hvm_tdp_alloc();
	while (stash.count)
		hvm_tdp_free(stash.tables[--stash.count]);
	return result;
}

bool tdp_zap(struct hvm_tdp *tdp, u64 first, u64 last)
{
	struct hvm_tdp_garbage garbage;
	bool zapped;

	hvm_tdp_garbage_init(&garbage);
	zapped = hvm_tdp_zap(tdp, first, last, &garbage);
	tdp_sweep(tdp, &garbage);
	return zapped;
}

/* Where the walk of a frame ends: the leaf, or the entry that is not present. */
u64 tdp_entry(const struct hvm_tdp *tdp, u64 gfn, unsigned int *level)
{
	u64 *entry;

	*level = 1;
	while (!(entry = hvm_tdp_table(tdp, gfn, *level)))
		++*level;
	return *entry;
}

struct tdp_view tdp_look(const struct hvm_tdp *tdp, u64 gfn)
{
	const struct hvm_tdp_format *f = &tdp->format;
	struct tdp_view view = { .present = false };
	u64 entry = tdp_entry(tdp, gfn, &view.level);

	if (!hvm_tdp_present(tdp, entry))
		return view;
	view.present = true;
	view.write = entry & f->write;
	view.exec = f->exec ? !!(entry & f->exec) : !(entry & f->noexec);
	view.accessed = entry & f->accessed;
	view.pfn = ((entry & f->address) >> 12) + (gfn & (hvm_tdp_frames(view.level) - 1));
	return view;
}
