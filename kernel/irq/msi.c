// SPDX-License-Identifier: GPL-2.0-only
/*
 * Message-signalled interrupts: reads address and data, refuses what is malformed, and has
 * irq/irq.c deliver the rest. SDM "Message Signalled Interrupts".
 */
#include <linux/errno.h>

#include "irq.h"

#define ADDRESS_BASE		0xfee00000ULL
#define ADDRESS_RESERVED	0x13ULL		/* bits 1:0, and 4: remappable format */
#define ADDRESS_LOGICAL		BIT(2)
#define ADDRESS_HINT		BIT(3)		/* redirection hint: one destination takes it */
#define ADDRESS_HIGH_SHIFT	5		/* bits 14:8 of the destination id, seven bits */
#define ADDRESS_LOW_SHIFT	12		/* bits 7:0 of it */

#define DATA_MODE_SHIFT		8
#define DATA_LEVEL		BIT(15)
#define DATA_RESERVED		0xffff3800U	/* bit 14, assert, does not matter */

/**
 * hvm_msi_decode - read a message-signalled interrupt
 * @message: out: what it says
 * @address: message address
 * @data: message data
 *
 * The destination id has 15 bits: address bits 11:5 are its bits 14:8. The id 0xff means all APICs
 * in xAPIC mode. Bit 14 of the data (assert) is not looked at: no APIC acts on a de-assert.
 *
 * Return: 0; -EINVAL: malformed; -EOPNOTSUPP: SMI or ExtINT
 */
int hvm_msi_decode(struct hvm_irq_message *message, u64 address, u32 data)
{
	*message = (struct hvm_irq_message) {
		.destination = (address >> ADDRESS_LOW_SHIFT & 0xff) |
			       (address >> ADDRESS_HIGH_SHIFT & 0x7f) << 8,
		.vector = data & 0xff,
		.mode = data >> DATA_MODE_SHIFT & 7,
		.logical = address & ADDRESS_LOGICAL,
		.level = data & DATA_LEVEL,
		.narrow = true,
	};

	if ((address & ~0xfffffULL) != ADDRESS_BASE || address & ADDRESS_RESERVED ||
	    data & DATA_RESERVED)
		return -EINVAL;

	switch (message->mode) {
	case HVM_IRQ_FIXED:
		message->lowest = address & ADDRESS_HINT;
		break;
	case HVM_IRQ_LOWEST:
		message->lowest = true;
		break;
	case HVM_IRQ_NMI:
	case HVM_IRQ_INIT:
		break;
	case HVM_IRQ_SMI:
	case HVM_IRQ_EXTINT:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
	return 0;
}

/**
 * hvm_msi_deliver - deliver a message-signalled interrupt
 * @irq: the guest's routing
 * @address: message address
 * @data: message data; a level-triggered one exits at its end
 *
 * Context: any but NMI.
 *
 * Return: how many vCPUs took it, or as hvm_msi_decode()
 */
int hvm_msi_deliver(struct hvm_irq *irq, u64 address, u32 data)
{
	struct hvm_irq_message message;
	int err = hvm_msi_decode(&message, address, data);

	if (err)
		return err;
	message.exit_eoi = message.level;
	return hvm_irq_deliver(irq, NULL, &message);
}
