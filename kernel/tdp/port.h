/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All that the page-table code needs from around it: integer types, atomic access to an entry, the
 * address of a table, and a list of unlinked tables. In the kernel a table is a page and the list
 * goes through its struct page; a unit test brings its own tdp_port_user.h.
 */
#ifndef HVM_TDP_PORT_H
#define HVM_TDP_PORT_H

#ifdef __KERNEL__

#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/types.h>

/**
 * struct hvm_tdp_garbage - unlinked tables that wait for a flush
 * @tables: struct page by its lru; page_private() is the table's level
 */
struct hvm_tdp_garbage {
	struct list_head tables;
};

static inline void hvm_tdp_garbage_init(struct hvm_tdp_garbage *garbage)
{
	INIT_LIST_HEAD(&garbage->tables);
}

static inline void hvm_tdp_garbage_add(struct hvm_tdp_garbage *garbage, u64 *table,
				       unsigned int level)
{
	struct page *page = virt_to_page(table);

	set_page_private(page, level);
	list_add(&page->lru, &garbage->tables);
}

static inline u64 *hvm_tdp_garbage_take(struct hvm_tdp_garbage *garbage, unsigned int *level)
{
	struct page *page = list_first_entry_or_null(&garbage->tables, struct page, lru);

	if (!page)
		return NULL;
	list_del(&page->lru);
	*level = page_private(page);
	set_page_private(page, 0);
	return page_address(page);
}

static inline void *hvm_tdp_virt(u64 hpa)
{
	return phys_to_virt(hpa);
}

static inline u64 hvm_tdp_phys(u64 *table)
{
	return virt_to_phys(table);
}

static inline u64 *hvm_tdp_alloc(void)
{
	return (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

static inline void hvm_tdp_free(u64 *table)
{
	free_page((unsigned long)table);
}

static inline u64 hvm_tdp_load(const u64 *entry)
{
	return READ_ONCE(*entry);
}

static inline bool hvm_tdp_exchange(u64 *entry, u64 *old, u64 new)
{
	return try_cmpxchg64(entry, old, new);
}

static inline u64 hvm_tdp_clear(u64 *entry)
{
	return xchg(entry, 0);
}

static inline void hvm_tdp_mask(u64 *entry, u64 bits)
{
	atomic64_and(~bits, (atomic64_t *)entry);
}

#else
#include "tdp_port_user.h"
#endif

#endif /* HVM_TDP_PORT_H */
