/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The I/O APIC: turns interrupt lines into messages to the local APICs by its redirection table,
 * and follows level-triggered interrupts to their end. It does not know who drives the lines, nor
 * where messages go.
 *
 * Manuals: Intel 82093AA data sheet; Intel ICH9 data sheet (EOI register). Bits 55:49 of a
 * redirection entry are bits 14:8 of the destination, as the paravirtual feature of extended
 * destination ids has it.
 */
#ifndef HW_IOAPIC_H
#define HW_IOAPIC_H

#include <pthread.h>
#include <stdint.h>

#include "vmm/bus.h"
#include "vmm/irq.h"

#define IOAPIC_BASE	0xfec00000ULL
#define IOAPIC_PINS	24

/**
 * struct ioapic - the I/O APIC
 * @mmio: its window
 * @lines: where devices connect
 * @msi: where messages go
 * @lock: guards what follows
 * @entry: redirection table
 * @lines_high: pin N is bit N: the line is high
 * @edges: an edge arrived while the pin was masked
 * @select: index register
 * @id: identification register
 */
struct ioapic {
	struct bus_region mmio;
	struct irq_sink lines;
	struct msi_sink *msi;
	pthread_mutex_t lock;
	uint64_t entry[IOAPIC_PINS];
	uint32_t lines_high;
	uint32_t edges;
	uint8_t select;
	uint32_t id;
};

/**
 * ioapic_init() - an I/O APIC after reset: all pins masked
 * @ioapic: filled in
 * @msi: where messages go
 */
void ioapic_init(struct ioapic *ioapic, struct msi_sink *msi);

/**
 * ioapic_eoi() - a local APIC has ended a level-triggered interrupt
 * @ioapic: the I/O APIC
 * @vector: its vector
 *
 * Context: any thread.
 */
void ioapic_eoi(struct ioapic *ioapic, uint8_t vector);

#endif
