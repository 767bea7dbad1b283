// SPDX-License-Identifier: GPL-2.0-only
/*
 * The topology leaves of CPUID: one function a leaf, found through a table.
 *
 * Manuals: SDM volume 2, "CPUID"; APM volume 3, "Obtaining Processor Information Via the CPUID
 * Instruction".
 */
#include <stddef.h>

#include "vmm/cpuid.h"

#define LEAF1_HTT		(1U << 28)
#define CACHE_TYPE(eax)		((eax) & 0x1f)
#define CACHE_LEVEL(eax)	((eax) >> 5 & 7)
#define LEVEL_THREAD		1
#define LEVEL_CORE		2

/* How many processors there are, and bits of an APIC id that tell them apart. */
struct board {
	uint32_t cpus;
	uint32_t bits;
};

static uint32_t at_most(uint32_t value, uint32_t limit)
{
	return value < limit ? value : limit;
}

static void set_leaf1(struct hvm_cpuid_entry *e, const struct board *board)
{
	e->ebx = (e->ebx & ~0x00ff0000U) | at_most(1U << board->bits, 255) << 16;
	e->edx = board->cpus > 1 ? e->edx | LEAF1_HTT : e->edx & ~LEAF1_HTT;
}

/* Caches of level 3 and up are shared by all processors, those below by none. */
static void set_cache(struct hvm_cpuid_entry *e, const struct board *board)
{
	uint32_t sharing = CACHE_LEVEL(e->eax) >= 3 ? (1U << board->bits) - 1 : 0;

	if (!CACHE_TYPE(e->eax))
		return;
	e->eax = (e->eax & ~0x03ffc000U) | at_most(sharing, 0xfff) << 14;
}

static void set_leaf4(struct hvm_cpuid_entry *e, const struct board *board)
{
	if (!CACHE_TYPE(e->eax))
		return;
	set_cache(e, board);
	e->eax = (e->eax & 0x03ffffffU) | at_most((1U << board->bits) - 1, 63) << 26;
}

static void set_levels(struct hvm_cpuid_entry *e, const struct board *board)
{
	e->eax = 0;
	e->ebx = 0;
	e->ecx = e->subleaf & 0xff;
	if (e->subleaf == 0) {
		e->ebx = 1;
		e->ecx |= LEVEL_THREAD << 8;
	} else if (e->subleaf == 1) {
		e->eax = board->bits;
		e->ebx = at_most(board->cpus, 0xffff);
		e->ecx |= LEVEL_CORE << 8;
	}
}

static void set_extended8(struct hvm_cpuid_entry *e, const struct board *board)
{
	e->ecx = (e->ecx & ~0xf0ffU) | at_most(board->cpus - 1, 255) | board->bits << 12;
}

static void set_extended1e(struct hvm_cpuid_entry *e, const struct board *board)
{
	(void)board;
	/* One thread a core, one node. */
	e->ebx &= ~0xff00U;
	e->ecx &= ~0x7ffU;
}

static const struct {
	uint32_t leaf;
	void (*set)(struct hvm_cpuid_entry *e, const struct board *board);
} leaves[] = {
	{ 0x00000001, set_leaf1 },
	{ 0x00000004, set_leaf4 },
	{ 0x0000000b, set_levels },
	{ 0x0000001f, set_levels },
	{ 0x80000008, set_extended8 },
	{ 0x8000001d, set_cache },
	{ 0x8000001e, set_extended1e },
};

static struct hvm_cpuid_entry *find(struct cpuid_table *table, uint32_t leaf, uint32_t subleaf)
{
	for (uint32_t i = 0; i < table->count; i++) {
		struct hvm_cpuid_entry *e = &table->entry[i];

		if (e->leaf == leaf && e->subleaf == subleaf)
			return e;
	}
	return NULL;
}

/* A host that offers the leaf may offer fewer levels of it than the board has. */
static void ensure_levels(struct cpuid_table *table, uint32_t leaf)
{
	const uint32_t room = sizeof(table->entry) / sizeof(table->entry[0]);

	if (!find(table, leaf, 0) || find(table, leaf, 1) || table->count == room)
		return;
	table->entry[table->count++] = (struct hvm_cpuid_entry){
		.leaf = leaf,
		.subleaf = 1,
		.flags = HVM_CPUID_SUBLEAF,
	};
}

void cpuid_set_topology(struct cpuid_table *table, uint32_t cpus, uint32_t last_id)
{
	struct board board = { .cpus = cpus };

	while (last_id >> board.bits)
		board.bits++;
	ensure_levels(table, 0x0b);
	ensure_levels(table, 0x1f);
	for (uint32_t i = 0; i < table->count; i++) {
		struct hvm_cpuid_entry *e = &table->entry[i];

		for (size_t n = 0; n < sizeof(leaves) / sizeof(leaves[0]); n++) {
			if (leaves[n].leaf == e->leaf)
				leaves[n].set(e, &board);
		}
	}
}
