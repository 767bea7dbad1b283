// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest RAM is anonymous memory of this process, reserved without being committed and aligned so
 * that host huge pages and guest huge pages coincide. It is laid out below 3 GiB and, what is more,
 * from 4 GiB on.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "libhvm.h"
#include "vmm/memory.h"

#define HUGE_PAGE	(2ULL << 20)

static void add_range(struct memory *memory, uint64_t gpa, uint64_t bytes, uint8_t *hva)
{
	memory->range[memory->ranges++] = (struct memory_range){ gpa, bytes, hva };
}

static void lay_out(struct memory *memory, uint64_t bytes, uint8_t *hva)
{
	uint64_t low = bytes < MEMORY_LOW_END ? bytes : MEMORY_LOW_END;

	add_range(memory, 0, low, hva);
	if (bytes > low)
		add_range(memory, MEMORY_HIGH_START, bytes - low, hva + low);
}

int memory_init(struct memory *memory, uint64_t bytes, struct failure *f)
{
	uintptr_t start;

	*memory = (struct memory){ .mapping_bytes = bytes + HUGE_PAGE };
	memory->mapping = mmap(NULL, memory->mapping_bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory->mapping == MAP_FAILED) {
		memory->mapping = NULL;
		return fail(f, "%" PRIu64 " MiB of memory for the guest cannot be had (%s):"
			    " give a smaller --memory", bytes >> 20, strerror(errno));
	}
	start = ((uintptr_t)memory->mapping + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
	lay_out(memory, bytes, (uint8_t *)start);
	/* A core dump is for debugging this process; the guest's memory is not ours to spill. */
	madvise(memory->mapping, memory->mapping_bytes, MADV_DONTDUMP);
	return 0;
}

int memory_attach(const struct memory *memory, int vm, struct failure *f)
{
	for (unsigned int i = 0; i < memory->ranges; i++) {
		const struct memory_range *range = &memory->range[i];
		int ret = hvm_vm_map(vm, range->gpa, range->hva, range->bytes, 0);

		if (ret < 0)
			return fail(f, "guest memory at 0x%" PRIx64 ", %" PRIu64
				    " MiB, is refused by /dev/vm (%s)", range->gpa,
				    range->bytes >> 20, strerror(-ret));
	}
	return 0;
}

void memory_deinit(struct memory *memory)
{
	if (memory->mapping)
		munmap(memory->mapping, memory->mapping_bytes);
	*memory = (struct memory){ 0 };
}

void *memory_at(const struct memory *memory, uint64_t gpa, uint64_t bytes)
{
	for (unsigned int i = 0; i < memory->ranges; i++) {
		const struct memory_range *range = &memory->range[i];
		uint64_t offset = gpa - range->gpa;

		if (gpa >= range->gpa && offset < range->bytes && bytes <= range->bytes - offset)
			return range->hva + offset;
	}
	return NULL;
}

int memory_write(const struct memory *memory, uint64_t gpa, const void *data, uint64_t bytes)
{
	void *to = memory_at(memory, gpa, bytes);

	if (!to)
		return -EFAULT;
	memcpy(to, data, bytes);
	return 0;
}
