// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the guest page-table walk: tables are built in a small guest
 * memory for every paging mode, and translations, error codes and accessed and
 * dirty bits are compared with what the manuals say.
 */
#include <stddef.h>

#include "ktap.h"
#include "walk.h"

#define PAGES		64u
#define PAGE		4096u

#define CR0_WP		0x10000u
#define CR0_PG		0x80000000u
#define CR4_PSE		0x10u
#define CR4_PAE		0x20u
#define CR4_LA57	0x1000u
#define CR4_SMEP	0x100000u
#define CR4_SMAP	0x200000u
#define EFER_LMA	0x400u
#define EFER_NXE	0x800u

#define P		0x01ull
#define W		0x02ull
#define U		0x04ull
#define A		0x20ull
#define D		0x40ull
#define PS		0x80ull
#define NX		(1ull << 63)

/* A guest: its paging registers and memory, tables from page 1 on. */
struct guest {
	struct walk_memory memory;
	struct walk_paging paging;
	struct walk_result result;
	unsigned int next_page;
	unsigned int reads;
	uint8_t ram[PAGES * PAGE];
};

static struct guest *of_memory(struct walk_memory *memory)
{
	return (struct guest *)((char *)memory - offsetof(struct guest, memory));
}

static bool ram_read(struct walk_memory *memory, uint64_t gpa, void *entry, unsigned int size)
{
	struct guest *g = of_memory(memory);

	g->reads++;
	if (gpa > sizeof(g->ram) - size)
		return false;
	memcpy(entry, g->ram + gpa, size);
	return true;
}

static bool ram_update(struct walk_memory *memory, uint64_t gpa, uint64_t old, uint64_t new,
		       unsigned int size)
{
	struct guest *g = of_memory(memory);

	if (gpa > sizeof(g->ram) - size || memcmp(g->ram + gpa, &old, size))
		return false;
	memcpy(g->ram + gpa, &new, size);
	return true;
}

static struct guest guest;

static struct guest *setup(uint64_t cr4, uint64_t efer)
{
	struct guest *g = &guest;

	memset(g, 0, sizeof(*g));
	g->memory.read = ram_read;
	g->memory.update = ram_update;
	g->paging = (struct walk_paging){
		.cr0 = CR0_PG | CR0_WP | 1, .cr3 = PAGE, .cr4 = cr4, .efer = efer, .phys_bits = 40,
	};
	g->next_page = 2;
	return g;
}

static struct guest *setup_64(void)
{
	return setup(CR4_PAE, EFER_LMA | EFER_NXE);
}

static uint64_t get(struct guest *g, uint64_t gpa, unsigned int size)
{
	uint64_t value = 0;

	memcpy(&value, g->ram + gpa, size);
	return value;
}

/*
 * Map @gva by an entry at level @leaf; the levels above have @upper rights.
 * Return: where the leaf entry lies.
 */
static uint64_t map(struct guest *g, unsigned int levels, uint64_t gva, unsigned int leaf,
		    uint64_t entry, uint64_t upper)
{
	unsigned int size = levels == 2 ? 4 : 8, bits = levels == 2 ? 10 : 9;
	uint64_t table = g->paging.cr3 & ~0xfffull, at = 0;

	for (unsigned int level = levels; level >= leaf; level--) {
		unsigned int shift = 12 + (level - 1) * bits;
		uint64_t value = entry;

		at = table + (gva >> shift & ((1u << bits) - 1)) * size;
		if (level > leaf && !(get(g, at, size) & P)) {
			value = (uint64_t)g->next_page++ * PAGE | upper;
			/* PAE's top level has no rights, 1 and 2 are reserved. */
			if (levels == 3 && level == 3)
				value &= ~(W | U);
		} else if (level > leaf) {
			value = get(g, at, size);
		}
		memcpy(g->ram + at, &value, size);
		table = value & 0xfffffffffff000ull;
	}
	return at;
}

static void expect_gpa(struct ktap *t, struct guest *g, uint64_t gva, unsigned int access,
		       uint64_t gpa, uint64_t page_size)
{
	KTAP_EQ(t, walk_gva(&g->paging, &g->memory, gva, access, &g->result), WALK_OK);
	KTAP_EQ(t, g->result.gpa, gpa);
	KTAP_EQ(t, g->result.page_size, page_size);
}

static void expect_fault(struct ktap *t, struct guest *g, uint64_t gva, unsigned int access,
			 uint32_t error)
{
	KTAP_EQ(t, walk_gva(&g->paging, &g->memory, gva, access, &g->result), WALK_FAULT);
	KTAP_EQ(t, g->result.error, error);
}

static void without_paging(struct ktap *t)
{
	struct guest *g = setup(0, 0);

	g->paging.cr0 = 1;
	expect_gpa(t, g, 0x12345678, WALK_WRITE | WALK_USER, 0x12345678, 1ull << 32);
	expect_gpa(t, g, 0x1fee00020, 0, 0xfee00020, 1ull << 32);
	KTAP_EQ(t, g->reads, 0);
}

static void two_levels(struct ktap *t)
{
	struct guest *g = setup(0, 0);

	map(g, 2, 0xc0123000, 1, 0xfeb00000 | P | W, P | W | U);
	expect_gpa(t, g, 0xc0123abc, WALK_WRITE, 0xfeb00abc, PAGE);
	expect_fault(t, g, 0xc0124000, 0, 0);
	expect_fault(t, g, 0x00400000, WALK_WRITE, WALK_WRITE);
	KTAP_EQ(t, g->reads, 5);
}

static void two_levels_large(struct ktap *t)
{
	struct guest *g = setup(CR4_PSE, 0);

	map(g, 2, 0x80000000, 2, 0x40000000 | P | W | PS, 0);
	expect_gpa(t, g, 0x803fffff, 0, 0x403fffff, 4u << 20);
	/* PSE-36: bit 13 of the entry is bit 32 of the address. */
	map(g, 2, 0x80000000, 2, 0x40000000 | 1u << 13 | P | PS, 0);
	expect_gpa(t, g, 0x80000010, 0, 0x140000010, 4u << 20);
	map(g, 2, 0x80000000, 2, 0x40000000 | 1u << 21 | P | PS, 0);
	expect_fault(t, g, 0x80000010, 0, WALK_PRESENT | WALK_RESERVED);
	g->paging.phys_bits = 36;
	map(g, 2, 0x80000000, 2, 0x40000000 | 1u << 17 | P | PS, 0);
	expect_fault(t, g, 0x80000010, 0, WALK_PRESENT | WALK_RESERVED);
}

/* Without CR4.PSE the size bit means nothing. */
static void two_levels_no_pse(struct ktap *t)
{
	struct guest *g = setup(0, 0);

	map(g, 2, 0x80001000, 1, 0x7000 | P, P | W | U | PS);
	expect_gpa(t, g, 0x80001004, 0, 0x7004, PAGE);
}

static void pae(struct ktap *t)
{
	struct guest *g = setup(CR4_PAE, EFER_NXE);

	g->paging.cr3 = PAGE;
	map(g, 3, 0xc0123000, 1, 0x1feb00000ull | P | W | NX, P | W | U);
	expect_gpa(t, g, 0xc0123abc, WALK_WRITE, 0x1feb00abc, PAGE);
	expect_fault(t, g, 0xc0123abc, WALK_FETCH, WALK_PRESENT | WALK_FETCH);
	map(g, 3, 0x40200000, 2, 0x80000000 | P | W | PS, P | W | U);
	expect_gpa(t, g, 0x403fffff, 0, 0x801fffff, 2u << 20);
	expect_fault(t, g, 0x80000000, 0, 0);
	/* The top level is 32-byte aligned and its rights are reserved. */
	g->paging.cr3 = PAGE + 0x20;
	expect_fault(t, g, 0xc0123abc, 0, 0);
	g->paging.cr3 = PAGE;
	g->ram[PAGE + 3 * 8] |= W;
	expect_fault(t, g, 0xc0123abc, 0, WALK_PRESENT | WALK_RESERVED);
}

static void pae_held_entries(struct ktap *t)
{
	struct guest *g = setup(CR4_PAE, EFER_NXE);
	uint64_t pdpte[4] = { 0 };

	map(g, 3, 0xc0123000, 1, 0xfeb00000 | P, P | W | U);
	memcpy(&pdpte[3], g->ram + PAGE + 24, 8);
	memset(g->ram + PAGE, 0xff, 32);
	g->paging.pdpte = pdpte;
	expect_gpa(t, g, 0xc0123000, 0, 0xfeb00000, PAGE);
	expect_fault(t, g, 0x00123000, WALK_USER, WALK_USER);
}

static void four_levels(struct ktap *t)
{
	struct guest *g = setup_64();

	map(g, 4, 0xffffc90000004000, 1, 0xfee00000 | P | W, P | W | U);
	expect_gpa(t, g, 0xffffc90000004fff, WALK_WRITE, 0xfee00fff, PAGE);
	KTAP_EQ(t, g->reads, 4);
	map(g, 4, 0x200000, 2, 0x40000000 | P | W | U | PS, P | W | U);
	expect_gpa(t, g, 0x3abcde, WALK_USER, 0x401abcde, 2u << 20);
	map(g, 4, 0x7f0040000000, 3, 0x8000000000ull | P | W | U | PS, P | W | U);
	expect_gpa(t, g, 0x7f0061234567, WALK_USER, 0x8021234567, 1u << 30);
}

static void five_levels(struct ktap *t)
{
	struct guest *g = setup(CR4_PAE | CR4_LA57, EFER_LMA | EFER_NXE);

	map(g, 5, 0xff11000000005000, 1, 0xfed00000 | P | W, P | W | U);
	expect_gpa(t, g, 0xff110000000050f0, 0, 0xfed000f0, PAGE);
	KTAP_EQ(t, g->reads, 5);
	expect_fault(t, g, 0xff12000000005000, 0, 0);
}

static void not_present(struct ktap *t)
{
	static const unsigned int accesses[] = {
		0, WALK_WRITE, WALK_USER, WALK_USER | WALK_WRITE, WALK_FETCH,
	};

	for (unsigned int level = 1; level <= 4; level++) {
		struct guest *g = setup_64();

		map(g, 4, 0x1000, level, 0, P | W | U);
		for (unsigned int i = 0; i < 5; i++)
			expect_fault(t, g, 0x1000, accesses[i], accesses[i]);
	}
}

/* Every level must grant a right; one that does not is enough. */
static void rights_of_levels(struct ktap *t)
{
	for (unsigned int level = 1; level <= 4; level++) {
		struct guest *g = setup_64();
		uint64_t at;

		map(g, 4, 0x1000, 1, 0x5000 | P | W | U, P | W | U);
		expect_gpa(t, g, 0x1000, WALK_USER | WALK_WRITE | WALK_FETCH, 0x5000, PAGE);
		at = (level == 4 ? 1 : 5 - level) * PAGE + (level == 1 ? 8 : 0);
		KTAP_EQ(t, g->ram[at] & P, P);
		g->ram[at] &= ~W;
		expect_fault(t, g, 0x1000, WALK_USER | WALK_WRITE,
			     WALK_PRESENT | WALK_USER | WALK_WRITE);
		expect_gpa(t, g, 0x1000, WALK_USER, 0x5000, PAGE);
		g->ram[at] |= W;
		g->ram[at] &= ~U;
		expect_fault(t, g, 0x1000, WALK_USER, WALK_PRESENT | WALK_USER);
		expect_gpa(t, g, 0x1000, WALK_WRITE, 0x5000, PAGE);
		g->ram[at] |= U;
		g->ram[at + 7] |= 0x80;
		expect_fault(t, g, 0x1000, WALK_FETCH | WALK_USER,
			     WALK_PRESENT | WALK_FETCH | WALK_USER);
		expect_gpa(t, g, 0x1000, WALK_USER, 0x5000, PAGE);
	}
}

static void write_protect(struct ktap *t)
{
	struct guest *g = setup_64();

	map(g, 4, 0x1000, 1, 0x5000 | P | U, P | W | U);
	expect_fault(t, g, 0x1000, WALK_WRITE, WALK_PRESENT | WALK_WRITE);
	g->paging.cr0 &= ~(uint64_t)CR0_WP;
	expect_gpa(t, g, 0x1000, WALK_WRITE, 0x5000, PAGE);
	expect_fault(t, g, 0x1000, WALK_WRITE | WALK_USER, WALK_PRESENT | WALK_WRITE | WALK_USER);
}

static void smep_smap(struct ktap *t)
{
	struct guest *g = setup_64();

	map(g, 4, 0x1000, 1, 0x5000 | P | W | U, P | W | U);
	expect_gpa(t, g, 0x1000, WALK_FETCH, 0x5000, PAGE);
	g->paging.cr4 |= CR4_SMEP;
	expect_fault(t, g, 0x1000, WALK_FETCH, WALK_PRESENT | WALK_FETCH);
	expect_gpa(t, g, 0x1000, WALK_FETCH | WALK_USER, 0x5000, PAGE);
	expect_gpa(t, g, 0x1000, WALK_WRITE, 0x5000, PAGE);
	g->paging.cr4 |= CR4_SMAP;
	expect_fault(t, g, 0x1000, WALK_WRITE, WALK_PRESENT | WALK_WRITE);
	g->paging.ac = true;
	expect_gpa(t, g, 0x1000, WALK_WRITE, 0x5000, PAGE);
}

static void reserved(struct ktap *t)
{
	static const struct {
		unsigned int leaf;
		uint64_t entry;
		bool faults;
	} entries[] = {
		{ 1, 1ull << 39, false },
		{ 1, 1ull << 40, true },
		{ 1, 1ull << 51, true },
		{ 1, 1ull << 52, false },
		{ 1, 1ull << 62, false },
		{ 1, PS, false },
		{ 2, PS | 1u << 12, false },
		{ 2, PS | 1u << 13, true },
		{ 2, PS | 1u << 20, true },
		{ 3, PS | 1u << 29, true },
		{ 4, PS, true },
	};

	for (unsigned int i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		struct guest *g = setup_64();
		enum walk_status status;

		map(g, 4, 0, entries[i].leaf, entries[i].entry | P | W, P | W | U);
		status = walk_gva(&g->paging, &g->memory, 0, WALK_WRITE, &g->result);
		KTAP_EQ(t, status, entries[i].faults ? WALK_FAULT : WALK_OK);
		if (status == WALK_FAULT)
			KTAP_EQ(t, g->result.error, WALK_PRESENT | WALK_WRITE | WALK_RESERVED);
	}
}

static void no_execute_disabled(struct ktap *t)
{
	struct guest *g = setup(CR4_PAE, EFER_LMA);

	map(g, 4, 0x1000, 1, 0x5000 | P | NX, P | W | U);
	expect_fault(t, g, 0x1000, 0, WALK_PRESENT | WALK_RESERVED);
	/* The fetch bit is reported only where something can forbid a fetch. */
	expect_fault(t, g, 0x1000, WALK_FETCH, WALK_PRESENT | WALK_RESERVED);
}

static void tables_outside_memory(struct ktap *t)
{
	struct guest *g = setup_64();

	map(g, 4, 0x1000, 3, 0x3ffffff000 | P | W, P | W | U);
	KTAP_EQ(t, walk_gva(&g->paging, &g->memory, 0x1000, 0, &g->result), WALK_UNREADABLE);
	KTAP_EQ(t, g->result.gpa, 0x3ffffff000);
}

static void accessed_and_dirty(struct ktap *t)
{
	struct guest *g = setup_64();
	uint64_t at = map(g, 4, 0x1000, 1, 0x5000 | P, P | W | U);

	expect_fault(t, g, 0x1000, WALK_WRITE, WALK_PRESENT | WALK_WRITE);
	KTAP_EQ(t, get(g, at, 8) & (A | D), 0);
	KTAP_EQ(t, get(g, PAGE, 8) & (A | D), 0);
	expect_gpa(t, g, 0x1000, 0, 0x5000, PAGE);
	KTAP_EQ(t, get(g, at, 8) & (A | D), A);
	KTAP_EQ(t, get(g, PAGE, 8) & (A | D), A);
	g->ram[at] |= W;
	expect_gpa(t, g, 0x1000, WALK_WRITE, 0x5000, PAGE);
	KTAP_EQ(t, get(g, at, 8) & (A | D), A | D);
	KTAP_EQ(t, get(g, PAGE, 8) & (A | D), A);
}

static void no_update_without_callback(struct ktap *t)
{
	struct guest *g = setup_64();
	uint64_t at = map(g, 4, 0x1000, 1, 0x5000 | P | W, P | W | U);

	g->memory.update = NULL;
	expect_gpa(t, g, 0x1000, WALK_WRITE, 0x5000, PAGE);
	KTAP_EQ(t, get(g, at, 8), 0x5000 | P | W);
}

static void range_over_two_pages(struct ktap *t)
{
	struct guest *g = setup_64();
	struct walk_result r[2];
	unsigned int first;
	uint64_t cr2;

	map(g, 4, 0x1000, 1, 0x5000 | P | W, P | W | U);
	KTAP_EQ(t, walk_range(&g->paging, &g->memory, 0x1ffc, 4, 0, r, &cr2, &first), WALK_OK);
	KTAP_EQ(t, first, 4);
	KTAP_EQ(t, walk_range(&g->paging, &g->memory, 0x1ffd, 4, WALK_WRITE, r, &cr2, &first),
		WALK_FAULT);
	KTAP_EQ(t, cr2, 0x2000);
	KTAP_EQ(t, r[1].error, WALK_WRITE);
	map(g, 4, 0x2000, 1, 0x9000 | P | W, P | W | U);
	KTAP_EQ(t, walk_range(&g->paging, &g->memory, 0x1ffd, 4, WALK_WRITE, r, &cr2, &first),
		WALK_OK);
	KTAP_EQ(t, first, 3);
	KTAP_EQ(t, r[0].gpa, 0x5ffd);
	KTAP_EQ(t, r[1].gpa, 0x9000);
}

static const struct ktap_case cases[] = {
	{ "without_paging", without_paging },
	{ "two_levels", two_levels },
	{ "two_levels_large", two_levels_large },
	{ "two_levels_no_pse", two_levels_no_pse },
	{ "pae", pae },
	{ "pae_held_entries", pae_held_entries },
	{ "four_levels", four_levels },
	{ "five_levels", five_levels },
	{ "not_present", not_present },
	{ "rights_of_levels", rights_of_levels },
	{ "write_protect", write_protect },
	{ "smep_smap", smep_smap },
	{ "reserved", reserved },
	{ "no_execute_disabled", no_execute_disabled },
	{ "tables_outside_memory", tables_outside_memory },
	{ "accessed_and_dirty", accessed_and_dirty },
	{ "no_update_without_callback", no_update_without_callback },
	{ "range_over_two_pages", range_over_two_pages },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
