/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kernel/tdp/ needs from around it, for unit tests: a table is memory from the C library, its
 * "physical" address is its address, and what the kernel keeps in struct page lies behind it.
 * Tables are counted, so that a test sees what it lost.
 */
#ifndef SELFTESTS_TDP_PORT_USER_H
#define SELFTESTS_TDP_PORT_USER_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define TDP_PORT_TABLE	4096

/* Behind each table. */
struct tdp_port_tail {
	u64 *next;
	unsigned int level;
};

/* Tables that are allocated and not freed. */
extern unsigned long tdp_port_tables;

struct hvm_tdp_garbage {
	u64 *tables;
};

static inline struct tdp_port_tail *tdp_port_tail(u64 *table)
{
	return (struct tdp_port_tail *)((char *)table + TDP_PORT_TABLE);
}

static inline void hvm_tdp_garbage_init(struct hvm_tdp_garbage *garbage)
{
	garbage->tables = NULL;
}

static inline void hvm_tdp_garbage_add(struct hvm_tdp_garbage *garbage, u64 *table,
				       unsigned int level)
{
	tdp_port_tail(table)->level = level;
	tdp_port_tail(table)->next = garbage->tables;
	garbage->tables = table;
}

static inline u64 *hvm_tdp_garbage_take(struct hvm_tdp_garbage *garbage, unsigned int *level)
{
	u64 *table = garbage->tables;

	if (!table)
		return NULL;
	*level = tdp_port_tail(table)->level;
	garbage->tables = tdp_port_tail(table)->next;
	return table;
}

static inline void *hvm_tdp_virt(u64 hpa)
{
	return (void *)(uintptr_t)hpa;
}

static inline u64 hvm_tdp_phys(u64 *table)
{
	return (uintptr_t)table;
}

static inline u64 *hvm_tdp_alloc(void)
{
	void *table = aligned_alloc(TDP_PORT_TABLE, 2 * TDP_PORT_TABLE);

	if (!table)
		abort();
	memset(table, 0, 2 * TDP_PORT_TABLE);
	__atomic_add_fetch(&tdp_port_tables, 1, __ATOMIC_RELAXED);
	return table;
}

static inline void hvm_tdp_free(u64 *table)
{
	__atomic_sub_fetch(&tdp_port_tables, 1, __ATOMIC_RELAXED);
	free(table);
}

static inline u64 hvm_tdp_load(const u64 *entry)
{
	return __atomic_load_n(entry, __ATOMIC_ACQUIRE);
}

static inline bool hvm_tdp_exchange(u64 *entry, u64 *old, u64 new)
{
	return __atomic_compare_exchange_n(entry, old, new, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static inline u64 hvm_tdp_clear(u64 *entry)
{
	return __atomic_exchange_n(entry, 0, __ATOMIC_SEQ_CST);
}

static inline void hvm_tdp_mask(u64 *entry, u64 bits)
{
	__atomic_and_fetch(entry, ~bits, __ATOMIC_SEQ_CST);
}

#endif /* SELFTESTS_TDP_PORT_USER_H */
