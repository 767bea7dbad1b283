// SPDX-License-Identifier: MIT
/*
 * The guest page-table walk: see walk.h. One loop serves the older paging modes,
 * whose differences a small struct holds, and one the 64-bit formats. The tables
 * are the guest's: whatever they hold, a walk reads at most five entries.
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

/* Bits 51:12, the widest address. */
#define ADDRESS_BITS	0xffffffffff000ull

#define MAX_LEVELS	5

/*
 * A walk under way.
 * levels: of tables; bits: of the address that one level consumes; entry_size:
 * bytes; long_mode: entries have the 64-bit format's ignored bits; pae: the
 * three-level format; reserved: bits that are zero in every entry; entries and
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
	bool pae;
	uint64_t reserved;
	uint64_t entries[MAX_LEVELS + 1];
	uint64_t at[MAX_LEVELS + 1];
};

static inline uint64_t bits_between(unsigned int low, unsigned int end)
{
	return end <= low ? 0 : (~0ull << low) & (end == 64 ? ~0ull : (1ull << end) - 1);
}

static inline void choose_format(struct walk *w)
{
	const struct walk_paging *p = w->paging;

	w->long_mode = p->efer & EFER_LMA;
	w->pae = !w->long_mode && (p->cr4 & CR4_PAE);
	w->bits = 9;
	w->entry_size = 8;
	w->reserved = bits_between(p->phys_bits, w->long_mode ? 52 : 63);
	if (!(p->efer & EFER_NXE))
		w->reserved |= ENTRY_NX;
	if (w->long_mode) {
		w->levels = p->cr4 & CR4_LA57 ? 5 : 4;
		return;
	}
	w->gva &= 0xffffffff;
	w->levels = 3;
	if (!w->pae) {
		w->levels = 2;
		w->bits = 10;
		w->entry_size = 4;
		w->reserved = 0;
	}
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
static inline uint64_t entry_address(const struct walk *w, uint64_t entry, unsigned int shift)
{
	uint64_t address = entry & ADDRESS_BITS & (~0ull << shift);

	/* PSE-36: bits 20:13 of a 4 MiB page's entry are bits 39:32. */
	if (w->entry_size == 4 && shift > PAGE_SHIFT)
		address |= (entry & 0x1fe000) << (32 - 13);
	return address;
}

static uint64_t root_address(const struct walk *w)
{
	/* In PAE mode four entries of eight bytes lie at a multiple of 32. */
	if (w->pae)
		return w->paging->cr3 & bits_between(5, 32);
	return (uint32_t)w->paging->cr3 & ADDRESS_BITS;
}

static inline enum walk_status read_entry(struct walk *w, unsigned int level, uint64_t table)
{
	unsigned int index = w->gva >> level_shift(w, level) & ((1u << w->bits) - 1);
	uint64_t entry = 0;

	if (w->pae && level == 3 && w->paging->pdpte) {
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
	return level == 2;
}

/* Bits that must be zero besides: SDM volume 3, the figures of entry formats. */
static uint64_t reserved_large(const struct walk *w, unsigned int level)
{
	unsigned int phys = w->paging->phys_bits;

	if (w->entry_size == 4)
		return bits_between(21, 22) | bits_between(phys < 40 ? 13 + phys - 32 : 21, 21);
	return bits_between(13, level_shift(w, level));
}

static inline uint64_t reserved_bits(const struct walk *w, unsigned int level)
{
	uint64_t reserved = w->reserved;

	if (w->pae && level == 3)
		return reserved | bits_between(1, 3) | bits_between(5, 9) | bits_between(52, 64);
	if (level > 1 && is_leaf(w, level))
		reserved |= reserved_large(w, level);
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

		if (w->pae && level == 3)
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

/* The 32-bit and PAE formats. */
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
		if (!w->pae || level != 3) {
			rights &= w->entries[level];
			no_execute |= w->entries[level] >> 63;
		}
		if (is_leaf(w, level))
			return finish(w, level, rights, no_execute);
		table = entry_address(w, w->entries[level], PAGE_SHIFT);
		level--;
	}
}

/*
 * The same as walk_tables() for the 64-bit formats, which nearly every guest
 * uses: what differs by mode is a constant here.
 */
static enum walk_status walk_tables_long(struct walk *w)
{
	struct walk_memory *memory = w->memory;
	uint64_t table = w->paging->cr3 & ADDRESS_BITS, rights = ~0ull, entry;
	unsigned int shift = PAGE_SHIFT + (w->levels - 1) * 9;
	uint64_t no_execute = 0, reserved = w->reserved;

	for (unsigned int level = w->levels;; level--, shift -= 9) {
		w->at[level] = table + (w->gva >> shift & 0x1ff) * 8;
		if (!memory->read(memory, w->at[level], &entry, 8)) {
			w->result->gpa = w->at[level];
			return WALK_UNREADABLE;
		}
		w->entries[level] = entry;
		if (!(entry & ENTRY_P))
			return fault(w, 0);
		if (entry & reserved)
			return fault(w, WALK_PRESENT | WALK_RESERVED);
		rights &= entry;
		no_execute |= entry & ENTRY_NX;
		if (level > 1 && !(entry & ENTRY_PS)) {
			table = entry & ADDRESS_BITS;
			continue;
		}
		if (level > 1 && (level > 3 || entry & reserved_large(w, level)))
			return fault(w, WALK_PRESENT | WALK_RESERVED);
		return finish(w, level, rights, no_execute);
	}
}

enum walk_status walk_gva(const struct walk_paging *paging, struct walk_memory *memory,
			  uint64_t gva, unsigned int access, struct walk_result *result)
{
	struct walk w;

	result->error = 0;
	if (!(paging->cr0 & CR0_PG)) {
		result->gpa = gva & 0xffffffff;
		result->page_size = 1ull << 32;
		return WALK_OK;
	}
	w.paging = paging;
	w.memory = memory;
	w.result = result;
	w.gva = gva;
	w.access = access;
	choose_format(&w);
	return w.long_mode ? walk_tables_long(&w) : walk_tables(&w);
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
