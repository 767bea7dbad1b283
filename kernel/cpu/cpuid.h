/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID tells a guest: the table its owner set, with the fields that differ by vCPU or move
 * with state filled in; and what this host can offer. Not here: acting on a feature, which is the
 * business of whoever asks hvm_cpuid_has().
 */
#ifndef HVM_CPU_CPUID_H
#define HVM_CPU_CPUID_H

#include <linux/types.h>

#include "../types.h"
#include "leaf.h"

struct hvm_vcpu;

int hvm_cpuid_offer(struct hvm_cpuid_entry *entries, u32 max);

struct hvm_leaves *hvm_cpuid_create(const struct hvm_cpuid *arg);
void hvm_cpuid_free(struct hvm_leaves *table);

void hvm_cpuid_query(struct hvm_vcpu *vcpu, u32 leaf, u32 subleaf, u32 out[4]);
bool hvm_cpuid_has(struct hvm_vcpu *vcpu, unsigned int feature);

#endif /* HVM_CPU_CPUID_H */
