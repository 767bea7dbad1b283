// SPDX-License-Identifier: MIT
/*
 * The guest page-table walk: see walk.h. One loop serves every paging mode; a
 * small struct says how the modes differ. The tables are the guest's: whatever
 * they hold, a walk reads at most five entries.
 */
#include <stddef.h>

#include "walk.h"

#define PAGE_SHIFT	12
#define PAGE_BYTES	4096u

#define CR0_WP		0x10000ull
#define CR0_PG		0x80000000ull
#define CR4_PSE		0x10ull
#define CR4_PAE		0x20ull
#define CR4_LA57	0x1000ull
#define CR4_SMEP	0x100000ull
#define CR4_SMAP	0x200000ull
#define EFER_LMA	0x400ull
#define EFER_NXE	0x800ull

/* Bits of an entry. */
#define ENTRY_P		0x1ull
#define ENTRY_W		0x2ull
#define ENTRY_U		0x4ull
#define ENTRY_A		0x20ull
#define ENTRY_D		0x40ull
#define ENTRY_PS	0x80ull
#define ENTRY_NX	0x8000000000000000ull

#define MAX_LEVELS	5

/*
 * A walk under way.
 * levels: of tables; bits: of the address that one level consumes; entry_size:
 * bytes; long_mode: entries have the 64-bit format's ignored bits; entries and
 * at: what was read, and where, for the accessed bits
 */
struct walk {
	const struct walk_paging *paging;
	struct walk_memory *memory;
	struct walk_result *result;
	uint64_t gva;
	unsigned int access;
	unsigned int levels;
	unsigned int bits;
	unsigned int entry_size;
	bool long_mode;
	uint64_t entries[MAX_LEVELS + 1];
	uint64_t at[MAX_LEVELS + 1];
};

static inline uint64_t bits_between(unsigned int low, unsigned int end)
{
	return end <= low ? 0 : (~0ull << low) & (end == 64 ? ~0ull : (1ull << end) - 1);
}

static void choose_format(struct walk *w)
{
	const struct walk_paging *p = w->paging;

	w->long_mode = p->efer & EFER_LMA;
	w->bits = 9;
	w->entry_size = 8;
	if (w->long_mode) {
		w->levels = p->cr4 & CR4_LA57 ? 5 : 4;
		return;
	}
	w->gva &= 0xffffffff;
	w->levels = 3;
	if (!(p->cr4 & CR4_PAE)) {
		w->levels = 2;
		w->bits = 10;
		w->entry_size = 4;
	}
}

static inline bool is_pae(const struct walk *w)
{
	return !w->long_mode && w->entry_size == 8;
}

static enum walk_status fault(struct walk *w, uint32_t why)
{
	bool names_fetch = (w->paging->cr4 & CR4_SMEP) ||
			   (w->entry_size == 8 && (w->paging->efer & EFER_NXE));
	uint32_t error = w->access & (WALK_WRITE | WALK_USER);

	if (names_fetch)
		error |= w->access & WALK_FETCH;
	w->result->error = error | why;
	return WALK_FAULT;
}

static inline unsigned int level_shift(const struct walk *w, unsigned int level)
{
	return PAGE_SHIFT + (level - 1) * w->bits;
}

/* The physical address an entry or CR3 holds, for a page of 2^@shift bytes. */
static uint64_t entry_address(const struct walk *w, uint64_t entry, unsigned int shift)
{
	uint64_t address = entry & bits_between(shift, 52);

	if (w->entry_size == 4) {
		address = entry & bits_between(shift, 32);
		/* PSE-36: bits 20:13 of a 4 MiB page's entry are bits 39:32. */
		if (shift > PAGE_SHIFT)
			address |= (entry & bits_between(13, 21)) << (32 - 13);
	}
	return address;
}

static uint64_t root_address(const struct walk *w)
{
	/* In PAE mode four entries of eight bytes lie at a multiple of 32. */
	if (is_pae(w))
		return w->paging->cr3 & bits_between(5, 32);
	return entry_address(w, w->paging->cr3, PAGE_SHIFT);
}

static enum walk_status read_entry(struct walk *w, unsigned int level, uint64_t table)
{
	unsigned int index = w->gva >> level_shift(w, level) & ((1u << w->bits) - 1);
	uint64_t entry = 0;

	if (is_pae(w) && level == 3 && w->paging->pdpte) {
		w->entries[level] = w->paging->pdpte[index & 3];
		return WALK_OK;
	}
	w->at[level] = table + (uint64_t)index * w->entry_size;
	w->result->gpa = w->at[level];
	if (!w->memory->read(w->memory, w->at[level], &entry, w->entry_size))
		return WALK_UNREADABLE;
	w->entries[level] = entry;
	return WALK_OK;
}

static inline bool is_leaf(const struct walk *w, unsigned int level)
{
	if (level == 1)
		return true;
	if (!(w->entries[level] & ENTRY_PS))
		return false;
	if (w->entry_size == 4)
		return w->paging->cr4 & CR4_PSE;
	return level == 2 || (level == 3 && w->long_mode);
}

/* Bits that must be zero: SDM volume 3, the figures of entry formats. */
static uint64_t reserved_bits(const struct walk *w, unsigned int level)
{
	unsigned int shift = level_shift(w, level), phys = w->paging->phys_bits;
	bool large = level > 1 && is_leaf(w, level);
	uint64_t reserved;

	if (w->entry_size == 4) {
		if (!large)
			return 0;
		return bits_between(21, 22) | bits_between(phys < 40 ? 13 + phys - 32 : 21, 21);
	}
	if (is_pae(w) && level == 3)
		return bits_between(1, 3) | bits_between(5, 9) | bits_between(phys, 64);
	reserved = bits_between(phys, w->long_mode ? 52 : 63);
	if (!(w->paging->efer & EFER_NXE))
		reserved |= ENTRY_NX;
	if (large)
		reserved |= bits_between(13, shift);
	if (level > 3)
		reserved |= ENTRY_PS;
	return reserved;
}

/* May the access be made, given the rights all levels grant together? */
static bool permitted(const struct walk *w, uint64_t rights, bool no_execute)
{
	const struct walk_paging *p = w->paging;
	bool user_page = rights & ENTRY_U, user = w->access & WALK_USER;
	bool fetch = w->access & WALK_FETCH;

	if (user && !user_page)
		return false;
	if ((w->access & WALK_WRITE) && !(rights & ENTRY_W) && (user || (p->cr0 & CR0_WP)))
		return false;
	if (fetch && no_execute)
		return false;
	if (user || !user_page)
		return true;
	if (fetch)
		return !(p->cr4 & CR4_SMEP);
	return !(p->cr4 & CR4_SMAP) || p->ac;
}

/* PAE's top level has no accessed bit. */
static void set_accessed(struct walk *w, unsigned int leaf)
{
	for (unsigned int level = w->levels; level >= leaf; level--) {
		uint64_t old = w->entries[level], new = old | ENTRY_A;

		if (is_pae(w) && level == 3)
			continue;
		if (level == leaf && (w->access & WALK_WRITE))
			new |= ENTRY_D;
		if (new != old)
			w->memory->update(w->memory, w->at[level], old, new, w->entry_size);
	}
}

static enum walk_status finish(struct walk *w, unsigned int leaf, uint64_t rights, bool no_execute)
{
	unsigned int shift = level_shift(w, leaf);
	uint64_t offset = w->gva & bits_between(0, shift);

	if (!permitted(w, rights, no_execute))
		return fault(w, WALK_PRESENT);
	if (w->memory->update)
		set_accessed(w, leaf);
	w->result->gpa = entry_address(w, w->entries[leaf], shift) | offset;
	w->result->page_size = 1ull << shift;
	return WALK_OK;
}

static enum walk_status walk_tables(struct walk *w)
{
	uint64_t table = root_address(w), rights = ENTRY_W | ENTRY_U;
	unsigned int level = w->levels;
	enum walk_status status;
	bool no_execute = false;

	for (;;) {
		status = read_entry(w, level, table);
		if (status)
			return status;
		if (!(w->entries[level] & ENTRY_P))
			return fault(w, 0);
		if (w->entries[level] & reserved_bits(w, level))
			return fault(w, WALK_PRESENT | WALK_RESERVED);
		if (!is_pae(w) || level != 3) {
			rights &= w->entries[level];
			no_execute |= w->entries[level] >> 63;
		}
		if (is_leaf(w, level))
			return finish(w, level, rights, no_execute);
		table = entry_address(w, w->entries[level], PAGE_SHIFT);
		level--;
	}
}

enum walk_status walk_gva(const struct walk_paging *paging, struct walk_memory *memory,
			  uint64_t gva, unsigned int access, struct walk_result *result)
{
	struct walk w = {
		.paging = paging, .memory = memory, .result = result, .gva = gva,
		.access = access,
	};

	result->error = 0;
	if (!(paging->cr0 & CR0_PG)) {
		result->gpa = gva & 0xffffffff;
		result->page_size = 1ull << 32;
		return WALK_OK;
	}
	choose_format(&w);
	return walk_tables(&w);
}

enum walk_status walk_range(const struct walk_paging *paging, struct walk_memory *memory,
			    uint64_t gva, unsigned int size, unsigned int access,
			    struct walk_result results[2], uint64_t *fault_gva,
			    unsigned int *first)
{
	unsigned int room = PAGE_BYTES - (gva & (PAGE_BYTES - 1));
	enum walk_status status;

	*fault_gva = gva;
	*first = size < room ? size : room;
	status = walk_gva(paging, memory, gva, access, &results[0]);
	if (status || size <= room)
		return status;
	*fault_gva = gva + room;
	/* Without 64-bit mode, addresses wrap at 4 GiB. */
	if (!(paging->efer & EFER_LMA))
		*fault_gva &= 0xffffffff;
	return walk_gva(paging, memory, *fault_gva, access, &results[1]);
}
