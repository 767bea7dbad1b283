// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lays the tables one behind the other in guest memory: RSDP, DSDT, FADT, MADT, XSDT. Fields are
 * written at the offsets that the specification's tables give; all others are zero.
 */
#include <string.h>

#include "dsdt.hex"

#include "hw/acpi.h"
#include "hw/ioapic.h"
#include "hw/pm.h"
#include "hw/rtc.h"

#define HEADER_BYTES	36
#define RSDP_BYTES	36
#define FADT_BYTES	276

/* FADT, "Fixed ACPI Description Table Fixed Feature Flags" and "Boot Architecture Flags". */
#define FADT_WBINVD		(1U << 0)
#define FADT_NO_POWER_BUTTON	(1U << 4)
#define FADT_NO_SLEEP_BUTTON	(1U << 5)
#define FADT_RESET_REG		(1U << 10)
#define FADT_HEADLESS		(1U << 12)
#define FADT_HW_REDUCED		(1U << 20)
#define BOOT_ARCH_NO_VGA	(1U << 2)
#define BOOT_ARCH_NO_ASPM	(1U << 4)

/* MADT entries. */
#define MADT_LAPIC		0
#define MADT_IOAPIC		1
#define MADT_LAPIC_NMI		4
#define MADT_X2APIC		9
#define MADT_X2APIC_NMI		10
#define MADT_ENABLED		1
/* The NMI entries are for all processors of their kind; the line is active high, edge-triggered. */
#define MADT_ALL_LAPICS		0xff
#define MADT_ALL_X2APICS	0xffffffffU
#define MADT_NMI_FLAGS		5
#define MADT_NMI_LINT		1
#define LAPIC_BASE		0xfee00000U
/* Ids from here on do not fit an entry of type 0. */
#define FIRST_X2APIC_ID		255

/* Where the next table goes, and the one that is being written. */
struct builder {
	const struct memory *memory;
	uint64_t next;
	uint8_t *table;
};

static void put(uint8_t *at, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static uint8_t checksum(const uint8_t *data, uint32_t bytes)
{
	uint8_t sum = 0;

	while (bytes--)
		sum += *data++;
	return (uint8_t)-sum;
}

/* Take zeroed room, aligned to 16 bytes. The board's minimum of RAM holds all there can be. */
static uint64_t take(struct builder *b, uint32_t bytes)
{
	uint64_t gpa = b->next;

	b->table = memory_at(b->memory, gpa, bytes);
	memset(b->table, 0, bytes);
	b->next = (gpa + bytes + 15) & ~15ULL;
	return gpa;
}

static uint64_t begin(struct builder *b, const char *signature, uint8_t revision, uint32_t bytes)
{
	uint64_t gpa = take(b, bytes);

	memcpy(b->table, signature, 4);
	put(b->table + 4, bytes, 4);
	b->table[8] = revision;
	memcpy(b->table + 10, "HVM   VMBOARD ", 14);
	put(b->table + 24, 1, 4);
	memcpy(b->table + 28, "HVM ", 4);
	put(b->table + 32, 1, 4);
	return gpa;
}

static void finish(struct builder *b, uint32_t bytes)
{
	b->table[9] = 0;
	b->table[9] = checksum(b->table, bytes);
}

/* A register in port space (ACPI "Generic Address Structure"). */
static void put_port(uint8_t *at, uint16_t port)
{
	at[0] = 1;
	at[1] = 8;
	at[3] = 1;
	put(at + 4, port, 8);
}

static uint64_t build_dsdt(struct builder *b)
{
	uint64_t gpa = take(b, sizeof(dsdt_aml_code));

	memcpy(b->table, dsdt_aml_code, sizeof(dsdt_aml_code));
	return gpa;
}

static uint64_t build_fadt(struct builder *b, uint64_t dsdt)
{
	uint64_t gpa = begin(b, "FACP", 6, FADT_BYTES);
	uint8_t *t = b->table;

	put(t + 40, dsdt, 4);
	t[108] = RTC_CENTURY;
	put(t + 109, BOOT_ARCH_NO_VGA | BOOT_ARCH_NO_ASPM, 2);
	put(t + 112, FADT_WBINVD | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON | FADT_RESET_REG |
	    FADT_HEADLESS | FADT_HW_REDUCED, 4);
	put_port(t + 116, PM_RESET);
	t[128] = PM_RESET_VALUE;
	t[131] = 3;
	put(t + 140, dsdt, 8);
	put_port(t + 244, PM_SLEEP_CONTROL);
	put_port(t + 256, PM_SLEEP_STATUS);
	finish(b, FADT_BYTES);
	return gpa;
}

static uint8_t *put_lapic(uint8_t *at, uint32_t id)
{
	at[0] = MADT_LAPIC;
	at[1] = 8;
	at[2] = (uint8_t)id;
	at[3] = (uint8_t)id;
	put(at + 4, MADT_ENABLED, 4);
	return at + 8;
}

static uint8_t *put_x2apic(uint8_t *at, uint32_t id)
{
	at[0] = MADT_X2APIC;
	at[1] = 16;
	put(at + 4, id, 4);
	put(at + 8, MADT_ENABLED, 4);
	put(at + 12, id, 4);
	return at + 16;
}

static void put_ioapic(uint8_t *at)
{
	at[0] = MADT_IOAPIC;
	at[1] = 12;
	put(at + 4, IOAPIC_BASE, 4);
}

static uint8_t *put_lapic_nmi(uint8_t *at)
{
	at[0] = MADT_LAPIC_NMI;
	at[1] = 6;
	at[2] = MADT_ALL_LAPICS;
	put(at + 3, MADT_NMI_FLAGS, 2);
	at[5] = MADT_NMI_LINT;
	return at + 6;
}

static uint8_t *put_x2apic_nmi(uint8_t *at)
{
	at[0] = MADT_X2APIC_NMI;
	at[1] = 12;
	put(at + 2, MADT_NMI_FLAGS, 2);
	put(at + 4, MADT_ALL_X2APICS, 4);
	at[8] = MADT_NMI_LINT;
	return at + 12;
}

/* The NMI entry of each kind stands behind the processors of that kind. */
static uint64_t build_madt(struct builder *b, const uint32_t *ids, uint32_t cpus)
{
	uint32_t small = 0, large, bytes;
	uint64_t gpa;
	uint8_t *at;

	while (small < cpus && ids[small] < FIRST_X2APIC_ID)
		small++;
	large = cpus - small;
	bytes = HEADER_BYTES + 8 + 8 * small + 6 + 16 * large + (large ? 12 : 0) + 12;
	gpa = begin(b, "APIC", 5, bytes);
	at = b->table + HEADER_BYTES;

	/* No flags: there is no PIC. */
	put(at, LAPIC_BASE, 4);
	at += 8;
	for (uint32_t i = 0; i < small; i++)
		at = put_lapic(at, ids[i]);
	at = put_lapic_nmi(at);
	for (uint32_t i = small; i < cpus; i++)
		at = put_x2apic(at, ids[i]);
	if (large)
		at = put_x2apic_nmi(at);
	put_ioapic(at);
	finish(b, bytes);
	return gpa;
}

static uint64_t build_xsdt(struct builder *b, uint64_t fadt, uint64_t madt)
{
	uint32_t bytes = HEADER_BYTES + 2 * 8;
	uint64_t gpa = begin(b, "XSDT", 1, bytes);

	put(b->table + HEADER_BYTES, fadt, 8);
	put(b->table + HEADER_BYTES + 8, madt, 8);
	finish(b, bytes);
	return gpa;
}

uint64_t acpi_build(const struct memory *memory, const uint32_t *ids, uint32_t cpus)
{
	struct builder b = { .memory = memory, .next = ACPI_BASE };
	uint64_t rsdp = take(&b, RSDP_BYTES);
	uint8_t *root = b.table;
	uint64_t dsdt = build_dsdt(&b);
	uint64_t fadt = build_fadt(&b, dsdt);
	uint64_t madt = build_madt(&b, ids, cpus);
	uint64_t xsdt = build_xsdt(&b, fadt, madt);

	memcpy(root, "RSD PTR ", 8);
	memcpy(root + 9, "HVM   ", 6);
	root[15] = 2;
	put(root + 20, RSDP_BYTES, 4);
	put(root + 24, xsdt, 8);
	root[8] = checksum(root, 20);
	root[32] = checksum(root, RSDP_BYTES);
	return rsdp;
}
