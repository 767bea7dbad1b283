/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One row a register, or a group of registers that behave alike: for msr.c and msrrow.c only.
 */
#ifndef HVM_CPU_MSRROW_H
#define HVM_CPU_MSRROW_H

#include <linux/types.h>

struct hvm_msr_access;

/* Whether a register is part of a vCPU's state by its number. */
enum hvm_msr_carried {
	HVM_MSR_NOT_CARRIED,
	HVM_MSR_CARRIED,
	HVM_MSR_HELD,		/* carried, but held and listed by the backend */
};

/**
 * struct hvm_msr_row - how a register behaves
 * @bit: one bit, a different one for each row
 * @read: 0; -EINVAL: #GP; -ENOENT: there is no such register
 * @write: likewise; NULL: read-only
 * @feature: what CPUID must announce for the guest to have it, 0: nothing
 * @vendor: HVM_VENDOR_* of the only processors that have it, 0: any
 * @carried: enum hvm_msr_carried
 * @field: registers that are just kept: where in struct hvm_msrs
 * @bits: bits that may be set; of registers that hold still: their value
 * @ignored: bits that may be set and read zero
 */
struct hvm_msr_row {
	u64 bit;
	int (*read)(struct hvm_msr_access *a);
	int (*write)(struct hvm_msr_access *a);
	u16 feature;
	u8 vendor;
	u8 carried;
	u32 field;
	u64 bits;
	u64 ignored;
};

const struct hvm_msr_row *hvm_msr_row_of(u32 index);
const struct hvm_msr_row *hvm_msr_row_at(u32 number);
bool hvm_msr_row_next(u32 *place, u32 *index);

#endif /* HVM_CPU_MSRROW_H */
