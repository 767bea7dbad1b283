/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ACPI tables of the board: hardware-reduced, so no PIC, no timers and no fixed registers but
 * those for sleep and reset. Builds them into guest memory once, before the guest runs.
 *
 * Manual: ACPI specification 6.3, "ACPI Software Programming Model".
 */
#ifndef HW_ACPI_H
#define HW_ACPI_H

#include <stdint.h>

#include "vmm/memory.h"

/* Where a PC's firmware lies: guests look for the root pointer here, and no one else uses it. */
#define ACPI_BASE	0xe0000ULL
#define ACPI_END	0xff000ULL

/**
 * acpi_build() - write the tables into guest memory
 * @memory: guest RAM
 * @ids: their APIC ids, ascending
 * @cpus: number of processors, at most 1024
 *
 * Return: guest physical address of the root pointer (RSDP).
 */
uint64_t acpi_build(const struct memory *memory, const uint32_t *ids, uint32_t cpus);

#endif
