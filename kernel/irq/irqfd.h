/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Eventfds that send an interrupt message whenever somebody writes to them. Not here: what becomes
 * of the message (irq/irq.h).
 */
#ifndef HVM_IRQ_IRQFD_H
#define HVM_IRQ_IRQFD_H

#include <linux/list.h>
#include <linux/mutex.h>

#include "irq.h"

#define HVM_IRQFD_HASH_BITS	8

/**
 * struct hvm_irqfds - the eventfds of one guest that send it interrupts
 * @lock: serializes changes, and holds what is signalled at an EOI
 * @table: [L] 1 << HVM_IRQFD_HASH_BITS hash chains, or NULL: there never was one
 * @resampled: [L] those that want to hear of an EOI
 * @resamples: [L] their number; read without the lock as a hint
 * @count: [L] all of them
 * @closed: [A] one of them was closed, and waits to be taken out
 * @irq: [I] the guest's routing
 *
 * [A] atomic, anyone; [I] set at init; [L] @lock
 */
struct hvm_irqfds {
	struct mutex lock;
	struct hlist_head *table;
	struct list_head resampled;
	u32 resamples;
	u32 count;
	int closed;
	struct hvm_irq *irq;
};

void hvm_irqfds_init(struct hvm_irqfds *irqfds, struct hvm_irq *irq);
void hvm_irqfds_deinit(struct hvm_irqfds *irqfds);
int hvm_irqfd_change(struct hvm_irqfds *irqfds, const struct hvm_irqfd *arg);
void hvm_irqfd_resample(struct hvm_irqfds *irqfds, u8 vector);

#endif /* HVM_IRQ_IRQFD_H */
