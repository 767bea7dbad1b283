/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupt routing of one guest: which local APIC a message is for. Not here: what an APIC does
 * with the message (irq/lapic.h), and where messages come from.
 */
#ifndef HVM_IRQ_IRQ_H
#define HVM_IRQ_IRQ_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "../types.h"

struct hvm_lapic;

#define HVM_IRQ_BLOCK_IDS	64
#define HVM_IRQ_BLOCKS		((HVM_MAX_APIC_ID + 1) / HVM_IRQ_BLOCK_IDS)

/**
 * struct hvm_irq_block - the local APICs of 64 neighbouring ids
 * @used: [L] bit N: @lapic[N] is set; read without the lock as a hint
 * @lapic: [R] by the low six bits of the id, or NULL
 *
 * An x2APIC cluster (16 ids) lies in one block.
 */
struct hvm_irq_block {
	unsigned long used;
	struct hvm_lapic __rcu *lapic[HVM_IRQ_BLOCK_IDS];
};

/**
 * struct hvm_irq - the interrupt routing of one guest
 * @lock: guards changes of the map; a leaf, taken with interrupts on or off, never in an interrupt
 * @blocks: [R] by id / 64, or NULL; a block stays until hvm_irq_deinit()
 * @logical: [R] local APICs that had a logical id in xAPIC mode; they stay until their end
 *
 * [L] @lock; [R] @lock for changes, RCU for readers.
 */
struct hvm_irq {
	raw_spinlock_t lock;
	struct hvm_irq_block __rcu *blocks[HVM_IRQ_BLOCKS];
	struct hlist_head logical;
};

/* Delivery modes, as ICR, LVT and message data encode them (SDM "Interrupt Command Register"). */
enum hvm_irq_mode {
	HVM_IRQ_FIXED,
	HVM_IRQ_LOWEST,
	HVM_IRQ_SMI,
	HVM_IRQ_RESERVED,
	HVM_IRQ_NMI,
	HVM_IRQ_INIT,
	HVM_IRQ_SIPI,
	HVM_IRQ_EXTINT,
};

/* Destination shorthands, as the ICR encodes them. */
enum hvm_irq_shorthand {
	HVM_IRQ_DESTINATION,
	HVM_IRQ_SELF,
	HVM_IRQ_ALL,
	HVM_IRQ_OTHERS,
};

/**
 * struct hvm_irq_message - an interrupt message on its way
 * @destination: destination id
 * @vector: vector; SIPI: start page
 * @mode: enum hvm_irq_mode
 * @shorthand: enum hvm_irq_shorthand
 * @logical: @destination is a logical id
 * @level: level-triggered
 * @exit_eoi: its end is an HVM_EXIT_EOI; with @level
 * @lowest: one of the destinations takes it
 * @narrow: @destination comes from a format of xAPIC times: 0xff is broadcast there
 */
struct hvm_irq_message {
	u32 destination;
	u8 vector;
	u8 mode;
	u8 shorthand;
	bool logical;
	bool level;
	bool exit_eoi;
	bool lowest;
	bool narrow;
};

int hvm_irq_init(struct hvm_irq *irq);
void hvm_irq_deinit(struct hvm_irq *irq);
int hvm_irq_add(struct hvm_irq *irq, struct hvm_lapic *lapic);
void hvm_irq_remove(struct hvm_irq *irq, struct hvm_lapic *lapic);
void hvm_irq_add_logical(struct hvm_irq *irq, struct hvm_lapic *lapic);
int hvm_irq_deliver(struct hvm_irq *irq, struct hvm_lapic *from,
		    const struct hvm_irq_message *message);
void hvm_irq_post(struct hvm_irq *irq, u32 id, u8 vector);

int hvm_msi_decode(struct hvm_irq_message *message, u64 address, u32 data);
int hvm_msi_deliver(struct hvm_irq *irq, u64 address, u32 data);

#endif /* HVM_IRQ_IRQ_H */
