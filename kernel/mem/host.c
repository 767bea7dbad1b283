// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading the process's own page tables: which page an address has right now, how large its mapping
 * is, and whether it may be written. Faulting a page in is get_user_pages' work (fault.c), and
 * nothing here takes a reference: the caller makes sure that what is read stays true.
 *
 * Why this is safe without the locks of mm: tables are freed only after an interprocessor interrupt
 * or an RCU grace period, and both wait for a CPU whose interrupts are off. Entries are read once
 * each and judged by the copy. What they said may be outdated a moment later; the MMU notifier
 * tells (notifier.c). Only what get_user_pages would hand out too is accepted: user pages with a
 * struct page, of anonymous memory, shared memory or hugetlbfs. Everything else is left to it:
 * entries marked special (zero page, device memory), device-mapped pages, files, secret memory.
 */
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/pgtable.h>

#include "../compat.h"
#include "room.h"

/*
 * May the guest write through an entry that the process may write through? The host has to learn
 * that the page is dirty: an entry that is dirty says so when it goes. A clean one will not, so
 * the page is marked here, now that a write is about to happen. Cleaning either means telling the
 * notifier first, so it cannot be undone behind the guest's back.
 */
static bool take_writable(struct page *page, bool dirty, bool write)
{
	struct folio *folio;

	if (dirty)
		return true;
	if (!write)
		return false;
	folio = page_folio(page);
	if (!folio_test_swapbacked(folio))
		return false;
	folio_set_dirty(folio);
	return true;
}

/**
 * hvm_host_entry - judge a 4 KiB entry
 * @pte: the entry
 * @write: the page is about to be written
 * @page: out: pfn and writable
 *
 * Context: as hvm_host_lookup().
 *
 * Return: whether the page can be mapped so, for writing if @write
 */
bool hvm_host_entry(pte_t pte, bool write, struct hvm_host_page *page)
{
	struct page *p;

	page->writable = pte_access_permitted(pte, true);
	if (!page->writable && (write || !pte_access_permitted(pte, false)))
		return false;
	if (pte_special(pte) || pte_devmap(pte))
		return false;
	page->pfn = pte_pfn(pte);
	p = pfn_to_page(page->pfn);
	if (!folio_test_swapbacked(page_folio(p)))
		return false;
	page->writable = page->writable && take_writable(p, pte_dirty(pte), write);
	return page->writable || !write;
}

static bool pmd_entry(pmd_t pmd, hva_t hva, bool write, struct hvm_host_page *page)
{
	if (!pmd_access_permitted(pmd, write) || pmd_devmap(pmd) || hvm_compat_pmd_special(pmd))
		return false;
	page->pfn = pmd_pfn(pmd) + ((hva & ~PMD_MASK) >> PAGE_SHIFT);
	page->writable = pmd_access_permitted(pmd, true) &&
			 take_writable(pmd_page(pmd), pmd_dirty(pmd), write);
	return page->writable || !write;
}

static bool pud_entry(pud_t pud, hva_t hva, bool write, struct hvm_host_page *page)
{
	if (!pud_access_permitted(pud, write) || pud_devmap(pud) || hvm_compat_pud_special(pud))
		return false;
	page->pfn = pud_pfn(pud) + ((hva & ~PUD_MASK) >> PAGE_SHIFT);
	page->writable = pud_access_permitted(pud, true) &&
			 take_writable(pud_page(pud), pud_dirty(pud), write);
	return page->writable || !write;
}

/* Copies of the entries that a walk met; @level says where it ended, 0: nothing is present. */
struct walk {
	unsigned int level;
	pud_t pud;
	pmd_t pmd;
	pte_t *ptes;
};

static void walk_down(struct mm_struct *mm, hva_t hva, struct walk *walk)
{
	pgd_t pgd = READ_ONCE(*pgd_offset(mm, hva));
	p4d_t p4d;

	walk->level = 0;
	if (!pgd_present(pgd))
		return;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (!p4d_present(p4d))
		return;

	walk->pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (!pud_present(walk->pud))
		return;
	if (pud_leaf(walk->pud)) {
		walk->level = 3;
		return;
	}

	walk->pmd = READ_ONCE(*pmd_offset(&walk->pud, hva));
	if (!pmd_present(walk->pmd))
		return;
	if (pmd_leaf(walk->pmd)) {
		walk->level = 2;
		return;
	}
	walk->level = 1;
	walk->ptes = pte_offset_kernel(&walk->pmd, hva & PMD_MASK);
}

/**
 * hvm_host_lookup - the page behind an address, as far as the page tables tell
 * @mm: the current process's
 * @hva: address, below TASK_SIZE_MAX
 * @write: the page is about to be written
 * @page: out
 *
 * Context: interrupts off, and &hvm_mem.lock held with no invalidation of @hva running: so the
 * answer stays true until that lock is dropped.
 *
 * Return: false: not present, not allowed, or not a kind of page that is accepted here
 */
bool hvm_host_lookup(struct mm_struct *mm, hva_t hva, bool write, struct hvm_host_page *page)
{
	struct walk walk;

	lockdep_assert_irqs_disabled();

	walk_down(mm, hva, &walk);
	page->level = walk.level;
	page->ptes = NULL;
	switch (walk.level) {
	case 1:
		page->ptes = walk.ptes;
		return hvm_host_entry(READ_ONCE(walk.ptes[pte_index(hva)]), write, page);
	case 2:
		return pmd_entry(walk.pmd, hva, write, page);
	case 3:
		return pud_entry(walk.pud, hva, write, page);
	default:
		return false;
	}
}

/**
 * hvm_host_level - how large the mapping of a page is that the caller knows already
 * @mm: the current process's
 * @hva: address, below TASK_SIZE_MAX
 * @pfn: its frame
 *
 * Context: as hvm_host_lookup().
 *
 * Return: 3 or 2: @pfn is part of a leaf of that level there, else 1
 */
unsigned int hvm_host_level(struct mm_struct *mm, hva_t hva, u64 pfn)
{
	struct walk walk;

	lockdep_assert_irqs_disabled();

	walk_down(mm, hva, &walk);
	if (walk.level == 3 && pud_pfn(walk.pud) + ((hva & ~PUD_MASK) >> PAGE_SHIFT) == pfn)
		return 3;
	if (walk.level == 2 && pmd_pfn(walk.pmd) + ((hva & ~PMD_MASK) >> PAGE_SHIFT) == pfn)
		return 2;
	return 1;
}
