/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers and bits of the local APIC's registers (SDM "Advanced Programmable Interrupt Controller
 * (APIC)", APM "Local APIC"). A register's number is its offset in the APIC page divided by 16,
 * which is also its MSR index minus 0x800 and its place in hvm_state_lapic::regs. Only constants.
 */
#ifndef HVM_IRQ_REGISTER_H
#define HVM_IRQ_REGISTER_H

#include <linux/bits.h>

#define HVM_APIC_REGS		64

#define HVM_APIC_ID		0x02
#define HVM_APIC_VERSION	0x03
#define HVM_APIC_TPR		0x08
#define HVM_APIC_APR		0x09
#define HVM_APIC_PPR		0x0a
#define HVM_APIC_EOI		0x0b
#define HVM_APIC_RRD		0x0c
#define HVM_APIC_LDR		0x0d
#define HVM_APIC_DFR		0x0e
#define HVM_APIC_SVR		0x0f
#define HVM_APIC_ISR		0x10	/* eight registers each */
#define HVM_APIC_TMR		0x18
#define HVM_APIC_IRR		0x20
#define HVM_APIC_ESR		0x28
#define HVM_APIC_ICR		0x30
#define HVM_APIC_ICR2		0x31
#define HVM_APIC_LVT		0x32	/* HVM_LVT_COUNT registers */
#define HVM_APIC_TMICT		0x38
#define HVM_APIC_TMCCT		0x39
#define HVM_APIC_TDCR		0x3e
#define HVM_APIC_SELF_IPI	0x3f

/* Version 14h, six entries in the local vector table, EOI broadcasts cannot be suppressed. */
#define HVM_APIC_VERSION_VALUE	(0x14 | (HVM_LVT_COUNT - 1) << 16)

#define HVM_APIC_LDR_MASK	0xff000000U
#define HVM_APIC_DFR_ONES	0x0fffffffU
#define HVM_APIC_TDCR_MASK	0x0bU

#define HVM_SVR_ENABLE		BIT(8)
#define HVM_SVR_MASK		0x3ffU
#define HVM_SVR_RESET		0xffU

#define HVM_ESR_SEND_ILLEGAL	BIT(5)
#define HVM_ESR_RECV_ILLEGAL	BIT(6)
#define HVM_ESR_ILLEGAL_REG	BIT(7)
#define HVM_ESR_MASK		0xe0U

#define HVM_LVT_VECTOR		0xffU
#define HVM_LVT_DELIVERY	(7U << 8)
#define HVM_LVT_PENDING		BIT(12)	/* read-only */
#define HVM_LVT_POLARITY	BIT(13)
#define HVM_LVT_REMOTE_IRR	BIT(14)	/* read-only */
#define HVM_LVT_LEVEL		BIT(15)
#define HVM_LVT_MASKED		BIT(16)
#define HVM_LVT_MODE		0x60000U
#define HVM_LVT_ONE_SHOT	0U
#define HVM_LVT_PERIODIC	0x20000U
#define HVM_LVT_DEADLINE	0x40000U

#define HVM_ICR_VECTOR		0xffU
#define HVM_ICR_MODE_SHIFT	8		/* three bits: enum hvm_irq_mode */
#define HVM_ICR_LOGICAL		BIT(11)
#define HVM_ICR_ASSERT		BIT(14)
#define HVM_ICR_LEVEL		BIT(15)
#define HVM_ICR_SHORTHAND_SHIFT	18		/* two bits: enum hvm_irq_shorthand */
#define HVM_ICR_NOT_PLAIN	0xc0f00U	/* delivery mode, logical, shorthand */
#define HVM_ICR_MASK		0xccfffU	/* what can be written of the low half */
#define HVM_ICR2_MASK		0xff000000U	/* and of the high half in xAPIC mode */

/* Vectors below this are illegal in interrupt messages. */
#define HVM_FIRST_VECTOR	16

#endif /* HVM_IRQ_REGISTER_H */
