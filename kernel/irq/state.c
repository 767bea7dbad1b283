// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC as one block of state: save, check, load. What was posted is merged before it is
 * saved, so the block is complete. Signals (NMI, INIT, SIPI) belong to the events block.
 */
#include <linux/errno.h>
#include <linux/string.h>

#include "lapic.h"
#include "register.h"

/* Of the vectors that have an end before them, or one that is still to be told. */
static void save_exits(const struct hvm_lapic *lapic, u32 *words)
{
	unsigned int i;
	u64 awaited;

	for (i = 0; i < 4; i++) {
		awaited = (lapic->tmr[i] & (lapic->irr[i] | lapic->isr[i])) | lapic->eois[i];
		awaited &= READ_ONCE(lapic->exits[i]);
		words[2 * i] = awaited;
		words[2 * i + 1] = awaited >> 32;
	}
}

/**
 * hvm_lapic_save - the APIC's state
 * @lapic: owner
 * @state: out: all of it
 *
 * The timer stands still meanwhile: what it has in store is either in IRR or still to come.
 */
void hvm_lapic_save(struct hvm_lapic *lapic, struct hvm_state_lapic *state)
{
	unsigned int i;
	bool running;

	/* Taking it back may start the timer. */
	hvm_lapic_own(lapic);
	running = hvm_timer_stop(lapic);
	memset(state, 0, sizeof(*state));
	hvm_lapic_merge(lapic);
	for (i = 0; i < HVM_APIC_REGS; i++)
		state->regs[i] = hvm_lapic_register(lapic, i);
	state->base = lapic->base;
	state->tsc_deadline = READ_ONCE(lapic->timer.deadline);
	state->errors = lapic->esr_next;
	for (i = 0; i < ARRAY_SIZE(state->eois); i++)
		state->eois[i] = lapic->eois[i / 2] >> i % 2 * 32;
	save_exits(lapic, state->exits);
	if (running && hvm_timer_thaw(lapic))
		state->regs[HVM_APIC_TMCCT] = 1;
}

/* Vectors 0 to 15 do not exist. */
static bool vectors_valid(const u32 *bits)
{
	return !(bits[0] & 0xffff);
}

/* What the guest can write, and what nobody can. */
static bool registers_valid(const struct hvm_lapic *lapic, const u32 *regs)
{
	unsigned int i;

	for (i = 0; i < HVM_APIC_REGS; i++) {
		switch (i) {
		case HVM_APIC_ID:
		case HVM_APIC_VERSION:
		case HVM_APIC_PPR:
		case HVM_APIC_EOI:
		case HVM_APIC_LDR:
		case HVM_APIC_ISR ... HVM_APIC_ESR:
		case HVM_APIC_ICR2:
		case HVM_APIC_TMCCT:
			continue;
		case HVM_APIC_SELF_IPI:
			if (regs[i])
				return false;
			continue;
		}
		if (!hvm_lapic_value_valid(lapic, i, regs[i]))
			return false;
	}
	return true;
}

static bool identity_valid(const struct hvm_lapic *lapic, const struct hvm_state_lapic *state)
{
	const u32 *regs = state->regs;

	if (!hvm_lapic_base_valid(lapic, state->base) ||
	    regs[HVM_APIC_VERSION] != HVM_APIC_VERSION_VALUE)
		return false;
	if (!(state->base & HVM_APIC_BASE_X2APIC))
		return regs[HVM_APIC_ID] == lapic->id << 24 &&
			!(regs[HVM_APIC_LDR] & ~HVM_APIC_LDR_MASK) &&
			!(regs[HVM_APIC_ICR2] & ~HVM_ICR2_MASK);
	return regs[HVM_APIC_ID] == lapic->id &&
		regs[HVM_APIC_LDR] == ((lapic->id >> 4) << 16 | 1U << (lapic->id & 15));
}

/* While the APIC is disabled by software all local sources are masked. */
static bool masks_valid(const u32 *regs)
{
	unsigned int i;

	if (regs[HVM_APIC_SVR] & HVM_SVR_ENABLE)
		return true;
	for (i = 0; i < HVM_LVT_COUNT; i++)
		if (!(regs[HVM_APIC_LVT + i] & HVM_LVT_MASKED))
			return false;
	return true;
}

static bool timer_valid(const struct hvm_state_lapic *state)
{
	const u32 *regs = state->regs;
	u32 lvt = regs[HVM_APIC_LVT + HVM_LVT_TIMER];

	if ((lvt & HVM_LVT_MODE) == HVM_LVT_DEADLINE)
		return !regs[HVM_APIC_TMICT] && !regs[HVM_APIC_TMCCT];
	return !state->tsc_deadline && regs[HVM_APIC_TMCCT] <= regs[HVM_APIC_TMICT];
}

/**
 * hvm_lapic_check - whether hvm_lapic_load() may take a state
 * @lapic: owner
 * @state: from outside: anything
 *
 * Return: 0; -EINVAL: see &struct hvm_state_lapic
 */
int hvm_lapic_check(const struct hvm_lapic *lapic, const struct hvm_state_lapic *state)
{
	const u32 *regs = state->regs;

	if (state->reserved || (state->errors & ~HVM_ESR_MASK) ||
	    (regs[HVM_APIC_ESR] & ~HVM_ESR_MASK))
		return -EINVAL;
	if (!vectors_valid(state->eois) || !vectors_valid(state->exits) ||
	    !vectors_valid(regs + HVM_APIC_ISR) || !vectors_valid(regs + HVM_APIC_TMR) ||
	    !vectors_valid(regs + HVM_APIC_IRR))
		return -EINVAL;
	if (!identity_valid(lapic, state) || !registers_valid(lapic, regs) ||
	    !masks_valid(regs) || !timer_valid(state))
		return -EINVAL;
	return 0;
}

static void load_bitmap(u64 *bits, const u32 *words)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		bits[i] = words[2 * i] | (u64)words[2 * i + 1] << 32;
}

static void load_registers(struct hvm_lapic *lapic, const u32 *regs)
{
	unsigned int i;

	lapic->tpr = regs[HVM_APIC_TPR];
	WRITE_ONCE(lapic->svr, regs[HVM_APIC_SVR]);
	WRITE_ONCE(lapic->dfr, regs[HVM_APIC_DFR] | HVM_APIC_DFR_ONES);
	lapic->esr = regs[HVM_APIC_ESR];
	lapic->icr = regs[HVM_APIC_ICR] | (u64)regs[HVM_APIC_ICR2] << 32;
	lapic->divide = regs[HVM_APIC_TDCR];
	for (i = 0; i < HVM_LVT_COUNT; i++)
		WRITE_ONCE(lapic->lvt[i], regs[HVM_APIC_LVT + i]);
	load_bitmap(lapic->isr, regs + HVM_APIC_ISR);
	load_bitmap(lapic->tmr, regs + HVM_APIC_TMR);
	load_bitmap(lapic->irr, regs + HVM_APIC_IRR);
}

/* The logical id of xAPIC mode; in x2APIC mode the register holds the derived one. */
static void load_logical(struct hvm_lapic *lapic, u32 ldr)
{
	if (hvm_lapic_x2apic(lapic))
		ldr = 0;
	WRITE_ONCE(lapic->ldr, ldr);
	if (ldr)
		hvm_irq_add_logical(lapic->irq, lapic);
}

/* What the old state still had to tell is void. Others may ask for more meanwhile. */
static void load_exits(struct hvm_lapic *lapic, const u32 *words)
{
	unsigned int vector;
	int old;

	while ((old = hvm_lapic_take_eoi(lapic)) >= 0)
		hvm_lapic_take_exit(lapic, old);
	for (vector = 0; vector < 256; vector++)
		if (words[vector / 32] & BIT(vector % 32))
			set_bit(vector, lapic->exits);
}

/**
 * hvm_lapic_load - take over a saved state
 * @lapic: owner
 * @state: passed hvm_lapic_check()
 *
 * The TSC offset has to be set before, so that a deadline is met in the right time. The hardware's
 * task priority has to follow hvm_lapic_tpr().
 */
void hvm_lapic_load(struct hvm_lapic *lapic, const struct hvm_state_lapic *state)
{
	hvm_lapic_reset(lapic, true);
	load_exits(lapic, state->exits);
	WRITE_ONCE(lapic->base, state->base);
	load_registers(lapic, state->regs);
	load_logical(lapic, state->regs[HVM_APIC_LDR]);
	lapic->esr_next = state->errors;
	load_bitmap(lapic->eois, state->eois);
	lapic->has_eois = lapic->eois[0] | lapic->eois[1] | lapic->eois[2] | lapic->eois[3];
	hvm_timer_load(lapic, state->regs[HVM_APIC_TMICT], state->regs[HVM_APIC_TMCCT],
		       state->tsc_deadline);
	hvm_lapic_changed(lapic);
}
