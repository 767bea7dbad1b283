/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How devices raise interrupts: message-signalled (into the kernel's local APICs) and by line (into
 * the IOAPIC). Only the two interfaces and the sender to /dev/vm; the IOAPIC is hw/ioapic.c.
 */
#ifndef VMM_IRQ_H
#define VMM_IRQ_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct msi_sink - where messages go
 * @send: deliver one; any thread
 */
struct msi_sink {
	void (*send)(struct msi_sink *sink, uint64_t address, uint32_t data);
};

/**
 * struct irq_sink - where lines go
 * @set: drive a line high or low; any thread
 */
struct irq_sink {
	void (*set)(struct irq_sink *sink, unsigned int pin, bool level);
};

/**
 * struct irq_line - one interrupt line of a device
 * @sink: the interrupt controller, or NULL: not connected
 * @pin: its input
 */
struct irq_line {
	struct irq_sink *sink;
	unsigned int pin;
};

static inline void irq_line_set(const struct irq_line *line, bool level)
{
	if (line->sink)
		line->sink->set(line->sink, line->pin, level);
}

/**
 * struct msi_sender - delivers messages through a guest's file descriptor
 * @sink: what devices see
 * @vm: the guest
 */
struct msi_sender {
	struct msi_sink sink;
	int vm;
};

/**
 * msi_sender_init() - deliver messages to a guest
 * @sender: filled in
 * @vm: the guest
 */
void msi_sender_init(struct msi_sender *sender, int vm);

#endif
