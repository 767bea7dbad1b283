/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest RAM: where it lies in this process and where the guest sees it. The one owner of guest
 * memory's bytes in userspace: everything that reads or writes them gets its pointer here, with
 * the range checked. It knows nothing of devices.
 */
#ifndef VMM_MEMORY_H
#define VMM_MEMORY_H

#include <stdint.h>

#include "vmm/failure.h"

/* RAM ends here at the latest, and goes on at 4 GiB: devices live in between. */
#define MEMORY_LOW_END		0xc0000000ULL
#define MEMORY_HIGH_START	0x100000000ULL

/**
 * struct memory_range - one stretch of RAM
 * @gpa: first guest physical address
 * @bytes: length
 * @hva: where it lies in this process
 */
struct memory_range {
	uint64_t gpa;
	uint64_t bytes;
	uint8_t *hva;
};

/**
 * struct memory - the guest's RAM
 * @range: below the hole, and above 4 GiB if there is more
 * @ranges: how many
 * @mapping: the whole of it in this process, with what was reserved for alignment
 * @mapping_bytes: its length
 */
struct memory {
	struct memory_range range[2];
	unsigned int ranges;
	void *mapping;
	uint64_t mapping_bytes;
};

/**
 * memory_init() - reserve RAM in this process and lay it out
 * @memory: filled in
 * @bytes: how much, multiple of 4096
 * @f: filled in on failure
 *
 * The pages come when they are touched. Return: 0, or -1.
 */
int memory_init(struct memory *memory, uint64_t bytes, struct failure *f);

/**
 * memory_attach() - give RAM to a guest
 * @memory: the RAM
 * @vm: the guest
 * @f: filled in on failure
 */
int memory_attach(const struct memory *memory, int vm, struct failure *f);

/**
 * memory_deinit() - give RAM back
 * @memory: RAM that no guest uses any more
 */
void memory_deinit(struct memory *memory);

/**
 * memory_at() - pointer to guest RAM
 * @memory: the RAM
 * @gpa: any guest physical address, also a hostile one
 * @bytes: how much of it is going to be used
 *
 * Return: a pointer to @bytes bytes, or NULL when they are not all in one range.
 */
void *memory_at(const struct memory *memory, uint64_t gpa, uint64_t bytes);

/**
 * memory_write() - copy into guest RAM
 * @memory: the RAM
 * @gpa: where to
 * @data: what
 * @bytes: how much
 *
 * Return: 0, or -EFAULT.
 */
int memory_write(const struct memory *memory, uint64_t gpa, const void *data, uint64_t bytes);

/**
 * memory_low_end() - where RAM below 4 GiB ends
 * @memory: the RAM
 */
static inline uint64_t memory_low_end(const struct memory *memory)
{
	return memory->range[0].bytes;
}

#endif
