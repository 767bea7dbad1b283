// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds the device behind an address by binary search and hands the access over, split where the
 * device is narrower than the access.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "vmm/bus.h"

/* Index of the first region that starts above the address. */
static unsigned int first_above(const struct bus *bus, uint64_t address)
{
	unsigned int low = 0, high = bus->count;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (bus->region[middle]->base <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct bus_region *find(const struct bus *bus, uint64_t address, unsigned int bytes)
{
	unsigned int above = first_above(bus, address);
	struct bus_region *region;
	uint64_t offset;

	if (!above)
		return NULL;
	region = bus->region[above - 1];
	offset = address - region->base;
	return offset < region->bytes && bytes <= region->bytes - offset ? region : NULL;
}

int bus_add(struct bus *bus, struct bus_region *region)
{
	uint64_t last = region->base + region->bytes - 1;
	unsigned int at;

	if (!region->bytes || last < region->base)
		return -EINVAL;
	if (bus->count == BUS_MAX_REGIONS)
		return -ENOSPC;
	at = first_above(bus, region->base);
	if (at < bus->count && bus->region[at]->base <= last)
		return -EEXIST;
	if (at && region->base - bus->region[at - 1]->base < bus->region[at - 1]->bytes)
		return -EEXIST;
	memmove(&bus->region[at + 1], &bus->region[at],
		(bus->count - at) * sizeof(bus->region[0]));
	bus->region[at] = region;
	bus->count++;
	return 0;
}

static uint64_t all_ones(unsigned int bytes)
{
	return bytes < 8 ? (1ULL << (8 * bytes)) - 1 : UINT64_MAX;
}

uint64_t bus_read(const struct bus *bus, uint64_t address, unsigned int bytes)
{
	struct bus_region *region = find(bus, address, bytes);
	unsigned int piece, done;
	uint64_t value = 0;

	if (!region)
		return all_ones(bytes);
	piece = bytes < region->ops->max_bytes ? bytes : region->ops->max_bytes;
	for (done = 0; done < bytes; done += piece) {
		uint64_t part = region->ops->read(region, address - region->base + done, piece);

		value |= (part & all_ones(piece)) << (8 * done);
	}
	return value;
}

void bus_write(const struct bus *bus, uint64_t address, unsigned int bytes, uint64_t value)
{
	struct bus_region *region = find(bus, address, bytes);
	unsigned int piece, done;

	if (!region)
		return;
	piece = bytes < region->ops->max_bytes ? bytes : region->ops->max_bytes;
	for (done = 0; done < bytes; done += piece)
		region->ops->write(region, address - region->base + done, piece,
				   (value >> (8 * done)) & all_ones(piece));
}
