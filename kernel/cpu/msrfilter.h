/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which MSRs leave to userspace: looking the policy up. Setting it: msr.h.
 */
#ifndef HVM_CPU_MSRFILTER_H
#define HVM_CPU_MSRFILTER_H

#include "msr.h"

u32 hvm_msr_policy_flags(const struct hvm_msr_filter *filter, u32 index);

#endif /* HVM_CPU_MSRFILTER_H */
