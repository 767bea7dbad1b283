// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ACPI tables in guest memory, read back as a guest does: from the root pointer, with
 * checksums, lengths and the fields that Linux relies on. Also the clock whose registers they
 * announce.
 */
#include <string.h>

#include "boot/bytes.h"
#include "hw/acpi.h"
#include "hw/rtc.h"
#include "ktap.h"

static struct memory memory;

static const uint8_t *at(uint64_t gpa, uint64_t bytes)
{
	return memory_at(&memory, gpa, bytes);
}

static uint8_t sum(const uint8_t *data, uint32_t bytes)
{
	uint8_t total = 0;

	while (bytes--)
		total += *data++;
	return total;
}

/* A table with a good length and checksum, or NULL. */
static const uint8_t *table(uint64_t gpa, const char *signature)
{
	const uint8_t *head = at(gpa, 36);
	uint32_t bytes;

	if (!head || memcmp(head, signature, 4))
		return NULL;
	bytes = get32(head + 4);
	if (bytes < 36 || gpa < ACPI_BASE || gpa + bytes > ACPI_END || sum(head, bytes))
		return NULL;
	return head;
}

static const uint8_t *find(uint64_t rsdp, const char *signature)
{
	const uint8_t *root = at(rsdp, 36);
	const uint8_t *xsdt = table(get64(root + 24), "XSDT");

	for (uint32_t i = 36; xsdt && i + 8 <= get32(xsdt + 4); i += 8) {
		const uint8_t *found = table(get64(xsdt + i), signature);

		if (found)
			return found;
	}
	return NULL;
}

static uint64_t build_ids(struct ktap *t, const uint32_t *ids, uint32_t cpus)
{
	struct failure f;

	memory_deinit(&memory);
	KTAP_EQ(t, memory_init(&memory, 2 << 20, &f), 0);
	return acpi_build(&memory, ids, cpus);
}

static uint64_t build(struct ktap *t, uint32_t cpus)
{
	static uint32_t ids[1024];

	for (uint32_t i = 0; i < cpus; i++)
		ids[i] = i;
	return build_ids(t, ids, cpus);
}

static void root_pointer(struct ktap *t)
{
	uint64_t rsdp = build(t, 1);
	const uint8_t *root = at(rsdp, 36);

	KTAP_REQUIRE(t, root);
	KTAP_TRUE(t, rsdp >= ACPI_BASE && rsdp < ACPI_END && !(rsdp & 15));
	KTAP_TRUE(t, !memcmp(root, "RSD PTR ", 8));
	KTAP_EQ(t, sum(root, 20), 0);
	KTAP_EQ(t, sum(root, 36), 0);
	KTAP_EQ(t, root[15], 2);
}

static void fadt(struct ktap *t)
{
	const uint8_t *fadt = find(build(t, 1), "FACP");

	KTAP_REQUIRE(t, fadt);
	KTAP_EQ(t, get32(fadt + 4), 276);
	/* Hardware-reduced, reset register supported. */
	KTAP_EQ(t, get32(fadt + 112) & (1 << 20 | 1 << 10), 1 << 20 | 1 << 10);
	KTAP_EQ(t, fadt[116], 1);
	KTAP_EQ(t, get64(fadt + 120), 0xcf9);
	KTAP_EQ(t, fadt[128], 6);
	KTAP_EQ(t, get64(fadt + 248), 0x600);
	KTAP_EQ(t, get64(fadt + 260), 0x601);
	KTAP_TRUE(t, table(get64(fadt + 140), "DSDT"));
	KTAP_EQ(t, get32(fadt + 40), get64(fadt + 140));
}

static void dsdt_has_its_devices(struct ktap *t)
{
	const uint8_t *fadt = find(build(t, 1), "FACP");
	const uint8_t *dsdt = table(get64(fadt + 140), "DSDT");

	KTAP_REQUIRE(t, dsdt);
	KTAP_TRUE(t, memmem(dsdt, get32(dsdt + 4), "COM1", 4));
	KTAP_TRUE(t, memmem(dsdt, get32(dsdt + 4), "_S5_", 4));
}

/* Count the processors of both kinds, and check that every entry lies inside. */
static void count_entries(struct ktap *t, uint32_t cpus)
{
	const uint8_t *madt = find(build(t, cpus), "APIC");
	unsigned int small = 0, large = 0, ioapics = 0, nmis = 0;
	uint32_t i, next_id = 0;

	KTAP_REQUIRE(t, madt);
	KTAP_EQ(t, get32(madt + 36), 0xfee00000);
	KTAP_EQ(t, get32(madt + 40), 0);
	for (i = 44; i + 2 <= get32(madt + 4) && madt[i + 1]; i += madt[i + 1]) {
		small += madt[i] == 0 && madt[i + 3] == next_id && madt[i + 4] == 1;
		large += madt[i] == 9 && get32(madt + i + 4) == next_id;
		ioapics += madt[i] == 1 && get32(madt + i + 4) == 0xfec00000;
		nmis += madt[i] == 4 && madt[i + 1] == 6 && madt[i + 2] == 0xff &&
			madt[i + 5] == 1 && next_id == small;
		nmis += madt[i] == 10 && madt[i + 1] == 12 &&
			get32(madt + i + 4) == 0xffffffff && madt[i + 8] == 1;
		next_id += madt[i] == 0 || madt[i] == 9;
	}
	KTAP_EQ(t, i, get32(madt + 4));
	KTAP_EQ(t, small, cpus < 255 ? cpus : 255);
	KTAP_EQ(t, small + large, cpus);
	KTAP_EQ(t, ioapics, 1);
	KTAP_EQ(t, nmis, cpus > 255 ? 2 : 1);
}

/* Processors as the entries say: kind, UID, id. */
static void madt_of_sparse_ids(struct ktap *t)
{
	static const uint32_t ids[] = { 0, 3, 254, 255, 1023, 4095 };
	const uint8_t *madt = find(build_ids(t, ids, 6), "APIC");
	uint32_t i, seen = 0;

	KTAP_REQUIRE(t, madt);
	for (i = 44; i + 2 <= get32(madt + 4) && madt[i + 1]; i += madt[i + 1]) {
		if (madt[i] != 0 && madt[i] != 9)
			continue;
		KTAP_REQUIRE(t, seen < 6);
		KTAP_EQ(t, madt[i], ids[seen] < 255 ? 0 : 9);
		KTAP_EQ(t, madt[i] ? get32(madt + i + 4) : madt[i + 3], ids[seen]);
		KTAP_EQ(t, madt[i] ? get32(madt + i + 12) : madt[i + 2], ids[seen]);
		seen++;
	}
	KTAP_EQ(t, seen, 6);
}

static void madt(struct ktap *t)
{
	static const uint32_t counts[] = { 1, 2, 254, 255, 256, 1024 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		count_entries(t, counts[i]);
}

static time_t leap_day(void)
{
	return 1709208429;	/* 2024-02-29 12:07:09 UTC, a Thursday */
}

static time_t some_day;

static time_t on_some_day(void)
{
	return some_day;
}

static unsigned int from_bcd(uint64_t value)
{
	return (unsigned int)((value >> 4) * 10 + (value & 15));
}

static unsigned int clock_read(struct bus *bus, uint8_t index)
{
	bus_write(bus, 0x70, 1, index);
	return from_bcd(bus_read(bus, 0x71, 1));
}

/* Every day from 1970 to 2199, against the C library. */
static void clock_dates(struct ktap *t)
{
	struct bus bus = { .count = 0 };
	struct rtc rtc;
	struct tm tm;

	rtc_init(&rtc);
	rtc.now = on_some_day;
	bus_add(&bus, &rtc.io);
	for (time_t day = 0; day < 84000; day++) {
		some_day = day * 86400 + day;
		gmtime_r(&some_day, &tm);
		if (clock_read(&bus, 0x07) != (unsigned int)tm.tm_mday ||
		    clock_read(&bus, 0x08) != (unsigned int)tm.tm_mon + 1 ||
		    clock_read(&bus, 0x06) != (unsigned int)tm.tm_wday + 1 ||
		    clock_read(&bus, 0x32) * 100 + clock_read(&bus, 0x09) !=
		    (unsigned int)tm.tm_year + 1900)
			KTAP_FAIL(t, "day %ld is wrong", (long)day);
	}
}

static void clock_registers(struct ktap *t)
{
	static const struct {
		uint8_t index;
		uint8_t value;
	} cases[] = {
		{ 0x00, 0x09 }, { 0x02, 0x07 }, { 0x04, 0x12 }, { 0x06, 5 }, { 0x07, 0x29 },
		{ 0x08, 0x02 }, { 0x09, 0x24 }, { 0x32, 0x20 }, { 0x0a, 0x26 }, { 0x0b, 0x02 },
		{ 0x0d, 0x80 }, { 0x84, 0x12 }, { 0x7f, 0 },
	};
	struct bus bus = { .count = 0 };
	struct rtc rtc;

	rtc_init(&rtc);
	rtc.now = leap_day;
	bus_add(&bus, &rtc.io);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bus_write(&bus, 0x70, 1, cases[i].index);
		bus_write(&bus, 0x71, 1, 0x55);
		KTAP_EQ(t, bus_read(&bus, 0x71, 1), cases[i].value);
	}
	KTAP_EQ(t, bus_read(&bus, 0x70, 1), 0xff);
}

static const struct ktap_case cases[] = {
	{ "root_pointer", root_pointer },
	{ "fadt", fadt },
	{ "dsdt_has_its_devices", dsdt_has_its_devices },
	{ "madt", madt },
	{ "madt_of_sparse_ids", madt_of_sparse_ids },
	{ "clock_registers", clock_registers },
	{ "clock_dates", clock_dates },
};

int main(int argc, char **argv)
{
	int status = KTAP_MAIN(argc, argv, cases);

	memory_deinit(&memory);
	return status;
}
