/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bus: which device answers at which address. One is made for ports, one for memory. Pure
 * dispatch: it holds no data of its own; what nobody claims reads as all ones and swallows writes,
 * as on a PC.
 */
#ifndef VMM_BUS_H
#define VMM_BUS_H

#include <stdint.h>

#define BUS_MAX_REGIONS		64

struct bus_region;

/**
 * struct bus_ops - how a device answers
 * @read: offset in the region and size in bytes (1, 2, 4 or 8); the value, zero-extended
 * @write: likewise
 * @max_bytes: larger accesses are split into such pieces, lowest address first
 *
 * Called by any vCPU's thread, by several at once: a device has its own lock.
 */
struct bus_ops {
	uint64_t (*read)(struct bus_region *region, uint64_t offset, unsigned int bytes);
	void (*write)(struct bus_region *region, uint64_t offset, unsigned int bytes,
		      uint64_t value);
	unsigned int max_bytes;
};

/**
 * struct bus_region - a stretch of addresses; a device embeds one and finds itself by container_of
 * @base: first address
 * @bytes: length
 * @ops: how it answers
 */
struct bus_region {
	uint64_t base;
	uint64_t bytes;
	const struct bus_ops *ops;
};

/**
 * struct bus - regions in order of their addresses, none overlapping
 * @region: the regions; fixed before the first vCPU runs, hence read without a lock
 * @count: how many
 */
struct bus {
	struct bus_region *region[BUS_MAX_REGIONS];
	unsigned int count;
};

/**
 * bus_add() - let a device answer
 * @bus: the bus, before the first vCPU runs
 * @region: base, bytes and ops set; must outlive the bus
 *
 * Return: 0; -EINVAL: empty or wraps; -EEXIST: overlaps another; -ENOSPC: too many.
 */
int bus_add(struct bus *bus, struct bus_region *region);

/**
 * bus_read() - read from whoever answers
 * @bus: the bus
 * @address: any address
 * @bytes: 1, 2, 4 or 8
 *
 * Return: the value, zero-extended; all ones when the bytes are not all in one region.
 */
uint64_t bus_read(const struct bus *bus, uint64_t address, unsigned int bytes);

/**
 * bus_write() - write to whoever answers
 * @bus: the bus
 * @address: any address
 * @bytes: 1, 2, 4 or 8
 * @value: what; bits above @bytes are ignored
 */
void bus_write(const struct bus *bus, uint64_t address, unsigned int bytes, uint64_t value);

#endif
