// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC where the hardware works on it by itself (&struct hvm_vapic): what is lent to it
 * before the guest runs, and taken back. Not here: when it is lent (cpu/event.c) and how the
 * hardware is told (the backend). SDM "APIC Virtualization and Virtual Interrupts".
 *
 * IRR and ISR are in one place at a time: in &struct hvm_lapic, or, while they are lent, in the
 * page. Whoever looks at them calls hvm_lapic_own() first, and what it takes back is lent again
 * before the next entry. So an exit that has nothing to do with interrupts costs nothing here.
 */
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "lapic.h"
#include "register.h"

#define REG(number)		BIT_ULL(HVM_APIC_##number)
#define REGS(number, count)	(GENMASK_ULL((count) - 1, 0) << HVM_APIC_##number)

/* What the hardware keeps right, or lend() does each time; the rest changes rarely. */
#define LIVE	(REG(TPR) | REG(PPR) | REGS(ISR, 24))
#define QUIET	(REG(ID) | REG(VERSION) | REG(LDR) | REG(SVR) | REGS(LVT, HVM_LVT_COUNT) | \
		 REG(TDCR))

static_assert(HVM_VAPIC_READ == (LIVE | QUIET));
static_assert(HVM_VAPIC_WRITE == (REG(TPR) | REG(EOI)));

static u32 *place(const struct hvm_lapic *lapic, unsigned int reg)
{
	return lapic->vapic->page + reg * 4;
}

static void write_bitmap(struct hvm_lapic *lapic, unsigned int reg, const u64 *bits)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		*place(lapic, reg + 2 * i) = bits[i];
		*place(lapic, reg + 2 * i + 1) = bits[i] >> 32;
	}
}

static void read_bitmap(const struct hvm_lapic *lapic, unsigned int reg, u64 *bits)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		bits[i] = *place(lapic, reg + 2 * i) | (u64)*place(lapic, reg + 2 * i + 1) << 32;
}

static void refresh(struct hvm_lapic *lapic)
{
	unsigned long quiet = QUIET;
	unsigned int reg;

	for_each_set_bit(reg, &quiet, HVM_APIC_REGS)
		lapic->vapic->page[reg * 4] = hvm_lapic_register(lapic, reg);
	lapic->stale = false;
}

/* A periodic timer waits for its tick to be taken: of that the end is seen, if nothing before. */
static void choose_exits(struct hvm_lapic *lapic)
{
	u64 *exits = lapic->vapic->eoi_exits;
	u8 vector = lapic->lvt[HVM_LVT_TIMER] & HVM_LVT_VECTOR;

	memcpy(exits, lapic->tmr, sizeof(lapic->tmr));
	if (READ_ONCE(lapic->timer.paused))
		exits[vector / 64] |= BIT_ULL(vector % 64);
}

/**
 * hvm_lapic_lend - the hardware delivers interrupts from the next entry on
 * @lapic: owner; &hvm_lapic.vapic is not NULL, x2APIC mode
 *
 * Merges what was posted.
 *
 * Return: whether &struct hvm_vapic changed
 */
bool hvm_lapic_lend(struct hvm_lapic *lapic)
{
	if (lapic->lent && !lapic->stale && !test_bit(HVM_POSTED_ON, &lapic->posted.control))
		return false;
	hvm_lapic_merge(lapic);
	if (lapic->stale)
		refresh(lapic);
	write_bitmap(lapic, HVM_APIC_ISR, lapic->isr);
	write_bitmap(lapic, HVM_APIC_TMR, lapic->tmr);
	write_bitmap(lapic, HVM_APIC_IRR, lapic->irr);
	lapic->vapic->requested = max(hvm_lapic_highest(lapic->irr), 0);
	lapic->vapic->service = max(hvm_lapic_highest(lapic->isr), 0);
	choose_exits(lapic);
	lapic->lent = true;
	return true;
}

/**
 * hvm_lapic_undeliver - the delivery of an interrupt by the hardware did not come about
 * @lapic: owner
 *
 * It is the one that came into service last, so the highest of them. The vector that the exit told
 * is not needed, and Bochs 2.7 tells another.
 */
void hvm_lapic_undeliver(struct hvm_lapic *lapic)
{
	int vector;

	hvm_lapic_own(lapic);
	vector = hvm_lapic_highest(lapic->isr);
	if (vector >= 0)
		hvm_lapic_retract(lapic, vector);
}

/*
 * Its tick is requested no more: the hardware has delivered it. One that expire() is about to post
 * on another CPU comes all the same, and the next, a period later, pauses the timer again.
 */
static void resume_timer(struct hvm_lapic *lapic)
{
	u8 vector = lapic->lvt[HVM_LVT_TIMER] & HVM_LVT_VECTOR;

	if (!(lapic->irr[vector / 64] & BIT_ULL(vector % 64)) &&
	    !test_bit(vector, lapic->posted.pir))
		hvm_timer_resume(lapic);
}

/**
 * hvm_lapic_take_back - the part of hvm_lapic_own() that is not inline
 * @lapic: owner; lent
 */
void hvm_lapic_take_back(struct hvm_lapic *lapic)
{
	read_bitmap(lapic, HVM_APIC_ISR, lapic->isr);
	read_bitmap(lapic, HVM_APIC_IRR, lapic->irr);
	lapic->lent = false;
	lapic->recheck = true;
	if (READ_ONCE(lapic->timer.paused))
		resume_timer(lapic);
}
