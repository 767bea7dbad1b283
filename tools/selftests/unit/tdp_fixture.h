/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Second-level tables for the unit tests of kernel/tdp/: the formats of both vendors, and the loop
 * around hvm_tdp_map() that fills its stash, as kernel/mem/fault.c does it.
 */
#ifndef SELFTESTS_TDP_FIXTURE_H
#define SELFTESTS_TDP_FIXTURE_H

#include "tdp.h"

/* SDM "EPT Translation Mechanism": R 0, W 1, X 2, type 5:3, page 7, A 8, D 9. */
#define EPT_R	(1ULL << 0)
#define EPT_W	(1ULL << 1)
#define EPT_X	(1ULL << 2)
#define EPT_WB	(6ULL << 3)
#define EPT_PS	(1ULL << 7)
#define EPT_A	(1ULL << 8)
#define EPT_D	(1ULL << 9)

/* APM "Page-Translation-Table Entry Fields": P 0, W 1, U 2, A 5, D 6, PS 7, NX 63. */
#define NPT_P	(1ULL << 0)
#define NPT_W	(1ULL << 1)
#define NPT_U	(1ULL << 2)
#define NPT_A	(1ULL << 5)
#define NPT_D	(1ULL << 6)
#define NPT_PS	(1ULL << 7)
#define NPT_NX	(1ULL << 63)

extern const struct hvm_tdp_format tdp_ept;	/* 4 levels, accessed and dirty bits */
extern const struct hvm_tdp_format tdp_ept_old;	/* 4 levels, without them */
extern const struct hvm_tdp_format tdp_npt;	/* 5 levels */

void tdp_open(struct hvm_tdp *tdp, const struct hvm_tdp_format *format, bool nx_huge);
void tdp_close(struct hvm_tdp *tdp);
void tdp_sweep(struct hvm_tdp *tdp, struct hvm_tdp_garbage *garbage);
enum hvm_tdp_result tdp_map(struct hvm_tdp *tdp, u64 gfn, u64 pfn, unsigned int level, bool write);
bool tdp_zap(struct hvm_tdp *tdp, u64 first, u64 last);

/* What a processor would find for a frame. */
struct tdp_view {
	bool present;
	bool write;
	bool exec;
	bool accessed;
	unsigned int level;
	u64 pfn;
};

u64 tdp_entry(const struct hvm_tdp *tdp, u64 gfn, unsigned int *level);
struct tdp_view tdp_look(const struct hvm_tdp *tdp, u64 gfn);

#endif /* SELFTESTS_TDP_FIXTURE_H */
