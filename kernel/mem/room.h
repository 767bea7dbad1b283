/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of mem/ share with each other and with nobody else.
 */
#ifndef HVM_MEM_ROOM_H
#define HVM_MEM_ROOM_H

#include "mem.h"

static inline hva_t hvm_slot_hva(const struct hvm_slot *slot, gfn_t gfn)
{
	return slot->hva.start + ((gfn - slot->first) << PAGE_SHIFT);
}

/* slot.c */
struct hvm_slot *hvm_slot_find(const struct hvm_mem *mem, gfn_t gfn);
void hvm_slot_free_all(struct hvm_mem *mem);

/* mem.c */
void hvm_mem_zap(struct hvm_mem *mem, gfn_t first, gfn_t last, struct hvm_tdp_garbage *garbage,
		 bool *zapped);
void hvm_mem_finish(struct hvm_mem *mem, struct hvm_tdp_garbage *garbage, bool zapped,
		    bool may_sleep);

/* notifier.c */
int hvm_watch_init(struct hvm_mem *mem);
void hvm_watch_deinit(struct hvm_mem *mem);
bool hvm_watch_busy(const struct hvm_watch *watch, hva_t first, hva_t last);

/**
 * struct hvm_host_page - what the process's own page tables say about an address
 * @pfn: frame of the 4 KiB page
 * @level: 1: it is a 4 KiB page, 2: part of a 2 MiB leaf, 3: of a 1 GiB leaf
 * @writable: it may be written through without the host being told
 * @ptes: level 1: the table it is in, else NULL
 */
struct hvm_host_page {
	u64 pfn;
	u8 level;
	bool writable;
	pte_t *ptes;
};

/* host.c */
bool hvm_host_lookup(struct mm_struct *mm, hva_t hva, bool write, struct hvm_host_page *page);
bool hvm_host_entry(pte_t pte, bool write, struct hvm_host_page *page);
unsigned int hvm_host_level(struct mm_struct *mm, hva_t hva, u64 pfn);

#endif /* HVM_MEM_ROOM_H */
