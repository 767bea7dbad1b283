/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Second-level page tables: EPT and NPT by one walker over struct hvm_tdp_format. Pure: these files
 * know guest frames, entries and tables, but no guest, no lock and no process; tdp/port.h is all
 * they need from around them, and unit tests compile them as they are.
 *
 * Concurrency, which the caller provides: hvm_tdp_map(), hvm_tdp_table(), hvm_tdp_age() and
 * hvm_tdp_young() may run at the same time as each other ("shared"); hvm_tdp_zap() and
 * hvm_tdp_collapse() run alone ("exclusive"). The processor reads, and sets accessed and dirty
 * bits, at any time. A table is freed only after hvm_tdp_zap() or hvm_tdp_collapse() unlinked it
 * and the caller flushed every processor.
 */
#ifndef HVM_TDP_TDP_H
#define HVM_TDP_TDP_H

#include "port.h"
#include "format.h"

#define HVM_TDP_ENTRIES		512
#define HVM_TDP_SHIFT		9
#define HVM_TDP_MAX_LEVELS	5

/**
 * struct hvm_tdp - the tables of one guest
 * @format: bits of its entries
 * @root: the top table
 * @nx_huge: leaves above 4 KiB are not executable
 */
struct hvm_tdp {
	struct hvm_tdp_format format;
	u64 *root;
	bool nx_huge;
};

/**
 * struct hvm_tdp_leaf - a mapping to make
 * @gfn: first guest frame, aligned to @level
 * @hpa: host physical address, aligned to @level
 * @level: 1: 4 KiB, 2: 2 MiB, 3: 1 GiB; at most the format's max_leaf
 * @write: writes are allowed
 */
struct hvm_tdp_leaf {
	u64 gfn;
	u64 hpa;
	u8 level;
	bool write;
};

/**
 * struct hvm_tdp_stash - zeroed tables for hvm_tdp_map(), which cannot allocate under a lock
 * @tables: the tables
 * @count: how many
 */
struct hvm_tdp_stash {
	u64 *tables[HVM_TDP_MAX_LEVELS];
	unsigned int count;
};

/* What hvm_tdp_map() came to. */
enum hvm_tdp_result {
	HVM_TDP_MAPPED,		/* the mapping is there, or somebody else's that allows as much */
	HVM_TDP_CHANGED,	/* it took the place of another translation: flush */
	HVM_TDP_NO_TABLE,	/* the stash is empty: fill it and try again */
	HVM_TDP_SMALLER		/* smaller mappings are in the way: hvm_tdp_collapse() */
};

/* Frames that one entry of a table at @level stands for. */
static inline u64 hvm_tdp_frames(unsigned int level)
{
	return 1ULL << ((level - 1) * HVM_TDP_SHIFT);
}

static inline unsigned int hvm_tdp_index(u64 gfn, unsigned int level)
{
	return (gfn >> ((level - 1) * HVM_TDP_SHIFT)) & (HVM_TDP_ENTRIES - 1);
}

static inline bool hvm_tdp_present(const struct hvm_tdp *tdp, u64 entry)
{
	return entry & tdp->format.present;
}

/* Does a present entry of a table at @level end the walk? */
static inline bool hvm_tdp_is_leaf(const struct hvm_tdp *tdp, u64 entry, unsigned int level)
{
	return level == 1 || entry & tdp->format.huge;
}

static inline u64 *hvm_tdp_child(const struct hvm_tdp *tdp, u64 entry)
{
	return hvm_tdp_virt(entry & tdp->format.address);
}

/* walk.c */
void hvm_tdp_init(struct hvm_tdp *tdp, const struct hvm_tdp_format *format, u64 *root,
		  bool nx_huge);
u64 hvm_tdp_leaf_entry(const struct hvm_tdp *tdp, const struct hvm_tdp_leaf *leaf);
u64 *hvm_tdp_table(const struct hvm_tdp *tdp, u64 gfn, unsigned int level);

/* map.c */
enum hvm_tdp_result hvm_tdp_map(struct hvm_tdp *tdp, const struct hvm_tdp_leaf *leaf,
				struct hvm_tdp_stash *stash, u64 **at);
bool hvm_tdp_fill(struct hvm_tdp *tdp, u64 *entry, const struct hvm_tdp_leaf *leaf);

/* zap.c */
bool hvm_tdp_zap(struct hvm_tdp *tdp, u64 first, u64 last, struct hvm_tdp_garbage *garbage);
bool hvm_tdp_collapse(struct hvm_tdp *tdp, const struct hvm_tdp_leaf *leaf,
		      struct hvm_tdp_garbage *garbage);
bool hvm_tdp_free_one(const struct hvm_tdp *tdp, struct hvm_tdp_garbage *garbage);

/* age.c */
bool hvm_tdp_age(struct hvm_tdp *tdp, u64 first, u64 last);
bool hvm_tdp_young(struct hvm_tdp *tdp, u64 first, u64 last);

#endif /* HVM_TDP_TDP_H */
