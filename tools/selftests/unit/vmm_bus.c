// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bus: who answers where, what nobody answers, accesses wider than a device or across its end.
 */
#include <errno.h>

#include "container_of.h"
#include "ktap.h"
#include "vmm/bus.h"

/* Remembers the last accesses; reads answer with their offset. */
struct recorder {
	struct bus_region region;
	unsigned int reads;
	unsigned int writes;
	uint64_t last_offset;
	uint64_t last_value;
	unsigned int last_bytes;
};

static uint64_t record_read(struct bus_region *region, uint64_t offset, unsigned int bytes)
{
	struct recorder *r = container_of(region, struct recorder, region);

	r->reads++;
	r->last_offset = offset;
	r->last_bytes = bytes;
	/* More bits than asked for: the bus must cut them off. */
	return 0xffffffffffffff00ULL | offset;
}

static void record_write(struct bus_region *region, uint64_t offset, unsigned int bytes,
			 uint64_t value)
{
	struct recorder *r = container_of(region, struct recorder, region);

	r->writes++;
	r->last_offset = offset;
	r->last_bytes = bytes;
	r->last_value = value;
}

static const struct bus_ops byte_ops = { record_read, record_write, 1 };
static const struct bus_ops word_ops = { record_read, record_write, 4 };

static struct recorder recorder(uint64_t base, uint64_t bytes, const struct bus_ops *ops)
{
	return (struct recorder){ .region = { base, bytes, ops } };
}

static void nobody_answers(struct ktap *t)
{
	struct bus bus = { .count = 0 };

	KTAP_EQ(t, bus_read(&bus, 0, 1), 0xff);
	KTAP_EQ(t, bus_read(&bus, 5, 2), 0xffff);
	KTAP_EQ(t, bus_read(&bus, 5, 4), 0xffffffff);
	KTAP_EQ(t, bus_read(&bus, UINT64_MAX, 8), UINT64_MAX);
	bus_write(&bus, UINT64_MAX, 8, 1);
}

static void add_rules(struct ktap *t)
{
	struct recorder a = recorder(0x100, 0x10, &byte_ops), b = recorder(0x110, 1, &byte_ops);
	struct recorder inside = recorder(0x108, 1, &byte_ops);
	struct recorder around = recorder(0xff, 0x20, &byte_ops);
	struct recorder tail = recorder(0x10f, 2, &byte_ops), empty = recorder(1, 0, &byte_ops);
	struct recorder wraps = recorder(UINT64_MAX, 2, &byte_ops);
	struct recorder last = recorder(UINT64_MAX, 1, &byte_ops);
	struct bus bus = { .count = 0 };

	KTAP_EQ(t, bus_add(&bus, &b.region), 0);
	KTAP_EQ(t, bus_add(&bus, &a.region), 0);
	KTAP_EQ(t, bus_add(&bus, &a.region), -EEXIST);
	KTAP_EQ(t, bus_add(&bus, &inside.region), -EEXIST);
	KTAP_EQ(t, bus_add(&bus, &around.region), -EEXIST);
	KTAP_EQ(t, bus_add(&bus, &tail.region), -EEXIST);
	KTAP_EQ(t, bus_add(&bus, &empty.region), -EINVAL);
	KTAP_EQ(t, bus_add(&bus, &wraps.region), -EINVAL);
	KTAP_EQ(t, bus_add(&bus, &last.region), 0);
	KTAP_EQ(t, bus.count, 3);
	bus_write(&bus, UINT64_MAX, 1, 7);
	KTAP_EQ(t, last.last_value, 7);
}

static void too_many_regions(struct ktap *t)
{
	struct recorder r[BUS_MAX_REGIONS + 1];
	struct bus bus = { .count = 0 };

	for (int i = 0; i <= BUS_MAX_REGIONS; i++) {
		r[i] = recorder((uint64_t)(i * 37 % 101) * 16, 16, &byte_ops);
		KTAP_EQ(t, bus_add(&bus, &r[i].region), i < BUS_MAX_REGIONS ? 0 : -ENOSPC);
	}
	for (int i = 0; i < BUS_MAX_REGIONS; i++) {
		bus_write(&bus, r[i].region.base + 3, 1, 0);
		KTAP_EQ(t, r[i].writes, 1);
		KTAP_EQ(t, r[i].last_offset, 3);
	}
}

static void splits_wide_accesses(struct ktap *t)
{
	struct recorder r = recorder(0x10, 8, &byte_ops);
	struct bus bus = { .count = 0 };

	bus_add(&bus, &r.region);
	KTAP_EQ(t, bus_read(&bus, 0x11, 4), 0x04030201);
	KTAP_EQ(t, r.reads, 4);
	bus_write(&bus, 0x12, 2, 0xabcd1234);
	KTAP_EQ(t, r.writes, 2);
	KTAP_EQ(t, r.last_offset, 3);
	KTAP_EQ(t, r.last_value, 0x12);
	KTAP_EQ(t, r.last_bytes, 1);
}

static void narrow_accesses_keep_their_size(struct ktap *t)
{
	struct recorder r = recorder(0x1000, 0x100, &word_ops);
	struct bus bus = { .count = 0 };

	bus_add(&bus, &r.region);
	KTAP_EQ(t, bus_read(&bus, 0x1002, 2), 0xff02);
	KTAP_EQ(t, r.last_bytes, 2);
	bus_write(&bus, 0x1008, 8, 0x1111111122222222ULL);
	KTAP_EQ(t, r.writes, 2);
	KTAP_EQ(t, r.last_value, 0x11111111);
}

static void across_the_end(struct ktap *t)
{
	struct recorder r = recorder(0x10, 8, &byte_ops);
	struct bus bus = { .count = 0 };

	bus_add(&bus, &r.region);
	KTAP_EQ(t, bus_read(&bus, 0x16, 4), 0xffffffff);
	KTAP_EQ(t, bus_read(&bus, 0x0f, 2), 0xffff);
	bus_write(&bus, 0x17, 2, 0);
	KTAP_EQ(t, r.reads + r.writes, 0);
	KTAP_EQ(t, bus_read(&bus, 0x17, 1), 7);
}

static const struct ktap_case cases[] = {
	{ "nobody_answers", nobody_answers },
	{ "add_rules", add_rules },
	{ "too_many_regions", too_many_regions },
	{ "splits_wide_accesses", splits_wide_accesses },
	{ "narrow_accesses_keep_their_size", narrow_accesses_keep_their_size },
	{ "across_the_end", across_the_end },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
