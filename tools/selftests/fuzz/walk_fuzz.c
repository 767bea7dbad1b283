// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes the guest page-table walk: any registers, and page tables that are the
 * input itself, repeated. What must hold: at most five reads, aligned and of an
 * entry's size, a result that fits the page it names, and an error code made of
 * the access.
 */
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "walk.h"

#define CONTROL		56u	/* bytes of input before the tables */
#define PHYS_BITS	40u

const unsigned int fuzz_inputs = 60000;

struct fuzz_guest {
	struct walk_memory memory;
	const uint8_t *tables;
	size_t size;
	unsigned int reads;
	unsigned int updates;
};

static struct fuzz_guest *of_memory(struct walk_memory *memory)
{
	return (struct fuzz_guest *)((char *)memory - offsetof(struct fuzz_guest, memory));
}

static bool fuzz_read(struct walk_memory *memory, uint64_t gpa, void *entry, unsigned int size)
{
	struct fuzz_guest *g = of_memory(memory);
	uint8_t *bytes = entry;

	FUZZ_ASSERT(size == 4 || size == 8);
	FUZZ_ASSERT(gpa % size == 0);
	FUZZ_ASSERT(gpa >> 52 == 0);
	g->reads++;
	if (!g->size || gpa % 97 == 13)
		return false;
	for (unsigned int i = 0; i < size; i++)
		bytes[i] = g->tables[(gpa / 8 * 7 + i) % g->size];
	/* Make present entries without reserved bits likely. */
	if (g->tables[0] & 1)
		bytes[0] |= 7;
	if (size == 8 && g->tables[0] & 2)
		memset(bytes + 5, 0, 2);
	if (size == 8 && g->tables[0] & 4)
		bytes[7] = 0;
	return true;
}

static bool fuzz_update(struct walk_memory *memory, uint64_t gpa, uint64_t old, uint64_t new,
			unsigned int size)
{
	struct fuzz_guest *g = of_memory(memory);

	FUZZ_ASSERT(gpa % size == 0);
	FUZZ_ASSERT((old | new) == new && !((old ^ new) & ~0x60ull));
	g->updates++;
	return true;
}

static void check(struct fuzz_guest *g, const struct walk_paging *paging, uint64_t gva,
		  unsigned int access)
{
	struct walk_result result;
	enum walk_status status;

	status = walk_gva(paging, &g->memory, gva, access, &result);
	FUZZ_ASSERT(g->reads <= 5 && g->updates <= 5);
	switch (status) {
	case WALK_OK:
		FUZZ_ASSERT(result.page_size >= 4096);
		FUZZ_ASSERT(!(result.page_size & (result.page_size - 1)));
		FUZZ_ASSERT(!((result.gpa ^ gva) & (result.page_size - 1) & 0xffffffff));
		FUZZ_ASSERT(result.gpa >> PHYS_BITS == 0);
		break;
	case WALK_FAULT:
		FUZZ_ASSERT(!(result.error & ~(access | WALK_PRESENT | WALK_RESERVED)));
		FUZZ_ASSERT(g->updates == 0);
		break;
	default:
		FUZZ_ASSERT(status == WALK_UNREADABLE && g->reads);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_guest g = { .memory = { .read = fuzz_read, .update = fuzz_update } };
	struct walk_paging paging = { .phys_bits = PHYS_BITS };
	uint64_t gva;

	if (size < CONTROL)
		return 0;
	memcpy(&paging.cr0, data, 8);
	memcpy(&paging.cr3, data + 8, 8);
	memcpy(&paging.cr4, data + 16, 8);
	memcpy(&paging.efer, data + 24, 8);
	memcpy(&gva, data + 32, 8);
	paging.cr3 &= (1ull << PHYS_BITS) - 1;
	paging.ac = data[40] & 1;
	g.tables = data + CONTROL;
	g.size = size - CONTROL;
	check(&g, &paging, gva, data[41] & (WALK_WRITE | WALK_USER | WALK_FETCH));
	return 0;
}
