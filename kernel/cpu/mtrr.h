/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory type registers, MTRRs and PAT: which values a processor takes (SDM "Memory Cache
 * Control"). Pure: no kernel object, so that a unit test compiles the same file. The MTRRs have
 * no effect: guest memory is ordinary memory of the host.
 */
#ifndef HVM_CPU_MTRR_H
#define HVM_CPU_MTRR_H

#include <linux/types.h>

#define HVM_MTRR_VARIABLE	8	/* pairs of base and mask */
#define HVM_MTRR_FIXED		11

/* MTRRCAP: the number of variable ranges, fixed ranges, and write combining. */
#define HVM_MTRR_CAP		(HVM_MTRR_VARIABLE | 1ULL << 8 | 1ULL << 10)

/**
 * struct hvm_mtrr - a vCPU's memory type range registers
 * @def_type: MTRR_DEF_TYPE
 * @fixed: the fixed ranges in the order of their indices
 * @variable: base and mask in turns
 */
struct hvm_mtrr {
	u64 def_type;
	u64 fixed[HVM_MTRR_FIXED];
	u64 variable[2 * HVM_MTRR_VARIABLE];
};

u64 *hvm_mtrr_find(struct hvm_mtrr *mtrr, u32 index);
bool hvm_mtrr_valid(u32 index, u64 value, u32 gpa_bits);
bool hvm_pat_valid(u64 value);

#endif /* HVM_CPU_MTRR_H */
