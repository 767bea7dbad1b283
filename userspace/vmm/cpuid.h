/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guest's CPUID says about the board: how many processors there are and how they hang
 * together (one package, one thread a core). Pure: works on the table the host offers; features are
 * left as offered, and the kernel fills in what differs by vCPU.
 */
#ifndef VMM_CPUID_H
#define VMM_CPUID_H

#include <stdint.h>

#include <linux/hvm.h>

/**
 * struct cpuid_table - CPUID leaves
 * @entry: the leaves
 * @count: how many
 */
struct cpuid_table {
	struct hvm_cpuid_entry entry[256];
	uint32_t count;
};

/**
 * cpuid_set_topology() - describe the board's processors
 * @table: what the host offers; changed
 * @cpus: number of processors
 * @last_id: highest APIC id
 */
void cpuid_set_topology(struct cpuid_table *table, uint32_t cpus, uint32_t last_id);

#endif
