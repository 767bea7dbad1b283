// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core of the local APIC: what is pending, what is in service, which comes next; and how others
 * post to it. Not here: registers (irq/register.c), destinations (irq/irq.c), the timer
 * (irq/timer.c). Chapters: SDM "Handling Interrupts", "Error Handling"; APM "Local APIC".
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "../trace.h"
#include "lapic.h"
#include "register.h"

/* A guest has many. */
static_assert(sizeof(struct hvm_lapic) <= 1024);

/**
 * hvm_lapic_highest - the highest vector of a bitmap
 * @bits: 256
 *
 * Return: vector, or -1
 */
int hvm_lapic_highest(const u64 *bits)
{
	int i;

	for (i = 3; i >= 0; i--)
		if (bits[i])
			return i * 64 + __fls(bits[i]);
	return -1;
}

static bool has_vector(const u64 *bits, u8 vector)
{
	return bits[vector / 64] & BIT_ULL(vector % 64);
}

static void set_vector(u64 *bits, u8 vector)
{
	bits[vector / 64] |= BIT_ULL(vector % 64);
}

static void clear_vector(u64 *bits, u8 vector)
{
	bits[vector / 64] &= ~BIT_ULL(vector % 64);
}

static void ring(struct hvm_lapic *lapic)
{
	hvm_bell_ring(lapic->bell, HVM_REQ_EVENT);
}

/* --- posting: anyone --------------------------------------------------------- */

static void notify(struct hvm_lapic *lapic)
{
	if (!test_and_set_bit(HVM_POSTED_ON, &lapic->posted.control))
		ring(lapic);
}

/**
 * hvm_lapic_post - hand a vector to a local APIC
 * @lapic: any thread's; its guest's memory is held by RCU or by a reference
 * @vector: 16 to 255
 * @level: level-triggered: its EOI is reported
 *
 * The vCPU finds it before it next enters the guest; it is woken, or made to exit, for that.
 *
 * Context: any but NMI.
 */
void hvm_lapic_post(struct hvm_lapic *lapic, u8 vector, bool level)
{
	trace_hvm_irq(lapic->id, HVM_IRQ_FIXED, vector, level);
	if (level)
		set_bit(vector, lapic->level);
	else if (test_bit(vector, lapic->level))
		clear_bit(vector, lapic->level);

	/* Pairs with the exchange in take_posted(): who sees the vector sees its trigger mode. */
	smp_mb__before_atomic();
	set_bit(vector, lapic->posted.pir);
	notify(lapic);
}

/**
 * hvm_lapic_post_error - let errors that a message brought show in the error status register
 * @lapic: any thread's
 * @errors: HVM_ESR_* bits
 *
 * Context: any but NMI.
 */
void hvm_lapic_post_error(struct hvm_lapic *lapic, u32 errors)
{
	atomic_or(errors, &lapic->errors);
	notify(lapic);
}

/**
 * hvm_lapic_post_lvt - a local interrupt source fires
 * @lapic: any thread's
 * @lvt: its register in the local vector table; delivery mode fixed
 *
 * Context: any but NMI.
 */
void hvm_lapic_post_lvt(struct hvm_lapic *lapic, u32 lvt)
{
	u8 vector = lvt & HVM_LVT_VECTOR;

	if (lvt & HVM_LVT_MASKED)
		return;
	if (vector < HVM_FIRST_VECTOR)
		hvm_lapic_post_error(lapic, HVM_ESR_RECV_ILLEGAL);
	else
		hvm_lapic_post(lapic, vector, false);
}

/**
 * hvm_lapic_signal_nmi - send an NMI
 * @lapic: any thread's
 *
 * Two can wait, as in the processor: one behind the one that is being handled.
 *
 * Context: any but NMI.
 */
void hvm_lapic_signal_nmi(struct hvm_lapic *lapic)
{
	trace_hvm_irq(lapic->id, HVM_IRQ_NMI, 0, false);
	if (atomic_fetch_or(HVM_SIGNAL_NMI, &lapic->signals) & HVM_SIGNAL_NMI)
		atomic_or(HVM_SIGNAL_NMI2, &lapic->signals);
	ring(lapic);
}

static void replace_signals(struct hvm_lapic *lapic, int clear, int set)
{
	int old = atomic_read(&lapic->signals);

	while (!atomic_try_cmpxchg(&lapic->signals, &old, (old & ~clear) | set))
		;
	ring(lapic);
}

/**
 * hvm_lapic_signal_init - send an INIT
 * @lapic: any thread's
 *
 * A SIPI that came before it is void.
 *
 * Context: any but NMI.
 */
void hvm_lapic_signal_init(struct hvm_lapic *lapic)
{
	trace_hvm_irq(lapic->id, HVM_IRQ_INIT, 0, false);
	replace_signals(lapic, HVM_SIGNAL_SIPI | HVM_SIGNAL_SIPI_VECTOR, HVM_SIGNAL_INIT);
}

/**
 * hvm_lapic_signal_sipi - send a start-up message
 * @lapic: any thread's
 * @vector: start page
 *
 * Context: any but NMI.
 */
void hvm_lapic_signal_sipi(struct hvm_lapic *lapic, u8 vector)
{
	trace_hvm_irq(lapic->id, HVM_IRQ_SIPI, vector, false);
	replace_signals(lapic, HVM_SIGNAL_SIPI_VECTOR, HVM_SIGNAL_SIPI | vector);
}

/* --- taking: owner ----------------------------------------------------------- */

/**
 * hvm_lapic_raise_errors - errors for the error status register
 * @lapic: owner
 * @errors: HVM_ESR_* bits
 *
 * The error interrupt comes when a bit is new since the guest last wrote the register, so a guest
 * that repeats an error does not storm itself.
 */
void hvm_lapic_raise_errors(struct hvm_lapic *lapic, u32 errors)
{
	u32 new = errors & ~lapic->esr_next;

	lapic->esr_next |= errors;
	if (new)
		hvm_lapic_post_lvt(lapic, lapic->lvt[HVM_LVT_ERROR]);
}

static void keep_eois(struct hvm_lapic *lapic, unsigned int i, u64 vectors)
{
	if (!vectors)
		return;
	lapic->eois[i] |= vectors;
	lapic->has_eois = true;
}

static void take_posted(struct hvm_lapic *lapic, unsigned int i)
{
	u64 vectors, level;

	if (!READ_ONCE(lapic->posted.pir[i]))
		return;
	vectors = xchg(&lapic->posted.pir[i], 0);
	level = READ_ONCE(lapic->level[i]) & vectors;

	if (!hvm_lapic_enabled(lapic)) {
		keep_eois(lapic, i, level);
		return;
	}
	lapic->irr[i] |= vectors;
	lapic->tmr[i] = (lapic->tmr[i] & ~vectors) | level;
}

/**
 * hvm_lapic_merge - take what others posted into the registers
 * @lapic: owner
 */
void hvm_lapic_merge(struct hvm_lapic *lapic)
{
	unsigned int i;

	hvm_lapic_own(lapic);
	/* A full barrier before the bitmap is read; pairs with notify(). */
	if (!test_and_clear_bit(HVM_POSTED_ON, &lapic->posted.control))
		return;
	if (atomic_read(&lapic->errors))
		hvm_lapic_raise_errors(lapic, atomic_xchg(&lapic->errors, 0));
	for (i = 0; i < ARRAY_SIZE(lapic->irr); i++)
		take_posted(lapic, i);
}

/**
 * hvm_lapic_ppr - processor priority register
 * @lapic: owner
 *
 * Return: the task priority, or the class of what is in service if that is higher
 */
u8 hvm_lapic_ppr(const struct hvm_lapic *lapic)
{
	int service = max(hvm_lapic_highest(lapic->isr), 0);

	return service >> 4 > lapic->tpr >> 4 ? service & 0xf0 : lapic->tpr;
}

/**
 * hvm_lapic_recheck - a priority or a request changed: have the vCPU look again
 * @lapic: owner
 */
void hvm_lapic_recheck(struct hvm_lapic *lapic)
{
	hvm_lapic_own(lapic);
	lapic->recheck |= hvm_lapic_highest(lapic->irr) >= 0;
}

/* The highest requested vector whose class is above that of @priority and of what is in service. */
static int highest_above(struct hvm_lapic *lapic, int priority)
{
	int vector;

	hvm_lapic_own(lapic);
	if (test_bit(HVM_POSTED_ON, &lapic->posted.control))
		hvm_lapic_merge(lapic);

	vector = hvm_lapic_highest(lapic->irr);
	if (vector < 0 || vector >> 4 <= max(priority, hvm_lapic_highest(lapic->isr)) >> 4)
		return -1;
	return vector;
}

/**
 * hvm_lapic_pending - the interrupt the vCPU takes next
 * @lapic: owner; hvm_lapic_tpr() is what the guest has now
 *
 * Merges what was posted.
 *
 * Return: the highest requested vector whose class is above the task priority's and that of what is
 * in service; -1: none
 */
int hvm_lapic_pending(struct hvm_lapic *lapic)
{
	return highest_above(lapic, lapic->tpr);
}

/**
 * hvm_lapic_waiting - the interrupt the vCPU would take at task priority 0
 * @lapic: owner
 *
 * Its class is the priority that a window has to be opened for.
 *
 * Return: vector, or -1
 */
int hvm_lapic_waiting(struct hvm_lapic *lapic)
{
	return highest_above(lapic, 0);
}

/**
 * hvm_lapic_accept - a vector is being delivered
 * @lapic: owner
 * @vector: what hvm_lapic_pending() answered
 */
void hvm_lapic_accept(struct hvm_lapic *lapic, u8 vector)
{
	clear_vector(lapic->irr, vector);
	set_vector(lapic->isr, vector);
	if (vector == (lapic->lvt[HVM_LVT_TIMER] & HVM_LVT_VECTOR))
		hvm_timer_resume(lapic);
}

/**
 * hvm_lapic_retract - the delivery of a vector did not come about
 * @lapic: owner
 * @vector: what hvm_lapic_accept() took, and the guest has seen nothing of
 *
 * Return: false: the vector is not in service here, so it did not come from here
 */
bool hvm_lapic_retract(struct hvm_lapic *lapic, u8 vector)
{
	hvm_lapic_own(lapic);
	if (!has_vector(lapic->isr, vector))
		return false;
	clear_vector(lapic->isr, vector);
	set_vector(lapic->irr, vector);
	return true;
}

static void note_end(struct hvm_lapic *lapic, u8 vector)
{
	if (!has_vector(lapic->tmr, vector))
		return;
	set_vector(lapic->eois, vector);
	lapic->has_eois = true;
}

/**
 * hvm_lapic_eoi - the guest ends its highest interrupt
 * @lapic: owner
 */
void hvm_lapic_eoi(struct hvm_lapic *lapic)
{
	int vector;

	hvm_lapic_own(lapic);
	vector = hvm_lapic_highest(lapic->isr);
	if (vector < 0)
		return;
	clear_vector(lapic->isr, vector);
	note_end(lapic, vector);
	hvm_lapic_recheck(lapic);
}

/**
 * hvm_lapic_ended - the guest has ended an interrupt that the hardware delivered
 * @lapic: owner
 * @vector: one of &hvm_vapic.eoi_exits, in service no more
 */
void hvm_lapic_ended(struct hvm_lapic *lapic, u8 vector)
{
	hvm_lapic_own(lapic);
	note_end(lapic, vector);
}

/**
 * hvm_lapic_eoi_is_silent - would nothing follow from the end of the highest interrupt?
 * @lapic: owner; hvm_lapic_accept() took a vector
 *
 * It is edge-triggered, and none waits behind it.
 */
bool hvm_lapic_eoi_is_silent(struct hvm_lapic *lapic)
{
	int vector = hvm_lapic_highest(lapic->isr);

	return vector >= 0 && !has_vector(lapic->tmr, vector) &&
	       hvm_lapic_highest(lapic->irr) < 0 &&
	       !test_bit(HVM_POSTED_ON, &lapic->posted.control);
}

/**
 * hvm_lapic_take_eoi_slow - the part of hvm_lapic_take_eoi() that is not inline
 * @lapic: owner; has_eois is set
 *
 * Return: vector, or -1
 */
int hvm_lapic_take_eoi_slow(struct hvm_lapic *lapic)
{
	int vector = hvm_lapic_highest(lapic->eois);

	if (vector >= 0)
		clear_vector(lapic->eois, vector);
	lapic->has_eois = hvm_lapic_highest(lapic->eois) >= 0;
	return vector;
}

/**
 * hvm_lapic_take_exit - whether the end of a vector is an HVM_EXIT_EOI
 * @lapic: owner
 * @vector: what hvm_lapic_take_eoi() answered
 *
 * Messages of one vector that come together end together, so it is asked for by any of them. One
 * that comes while the end of an earlier one is told may have its own exit early: its sender looks
 * at the line then, and sends again if it still has to.
 *
 * Return: whether a message asked for it since the last time
 */
bool hvm_lapic_take_exit(struct hvm_lapic *lapic, u8 vector)
{
	return test_and_clear_bit(vector, lapic->exits);
}

static u32 take_signals(struct hvm_lapic *lapic, u32 mask)
{
	if (!(atomic_read(&lapic->signals) & mask))
		return 0;
	return atomic_fetch_andnot(mask, &lapic->signals) & mask;
}

/**
 * hvm_lapic_take_nmi - NMIs that came in
 * @lapic: owner
 *
 * Return: how many, 0 to 2
 */
u32 hvm_lapic_take_nmi(struct hvm_lapic *lapic)
{
	return hweight32(take_signals(lapic, HVM_SIGNAL_NMI | HVM_SIGNAL_NMI2));
}

/**
 * hvm_lapic_take_start - INIT and SIPI that came in
 * @lapic: owner
 *
 * Both in one step: a pair that arrives between two would be taken in the wrong order.
 *
 * Return: HVM_SIGNAL_INIT, HVM_SIGNAL_SIPI and its start page in HVM_SIGNAL_SIPI_VECTOR; of both,
 * the SIPI came after the INIT
 */
u32 hvm_lapic_take_start(struct hvm_lapic *lapic)
{
	return take_signals(lapic, HVM_SIGNAL_INIT | HVM_SIGNAL_SIPI | HVM_SIGNAL_SIPI_VECTOR);
}

/* --- lifetime ---------------------------------------------------------------- */

/* Level-triggered interrupts that get lost: whoever holds their lines waits for an EOI. */
static void drop_vectors(struct hvm_lapic *lapic)
{
	unsigned int i;

	hvm_lapic_merge(lapic);
	for (i = 0; i < ARRAY_SIZE(lapic->irr); i++) {
		keep_eois(lapic, i, lapic->tmr[i] & (lapic->irr[i] | lapic->isr[i]));
		lapic->irr[i] = 0;
		lapic->isr[i] = 0;
		lapic->tmr[i] = 0;
	}
}

static void clear_registers(struct hvm_lapic *lapic)
{
	unsigned int i;

	for (i = 0; i < HVM_LVT_COUNT; i++)
		WRITE_ONCE(lapic->lvt[i], HVM_LVT_MASKED);
	WRITE_ONCE(lapic->svr, HVM_SVR_RESET);
	WRITE_ONCE(lapic->ldr, 0);
	WRITE_ONCE(lapic->dfr, ~0U);
	lapic->tpr = 0;
	lapic->esr = 0;
	lapic->esr_next = 0;
	lapic->icr = 0;
	hvm_lapic_changed(lapic);
}

/**
 * hvm_lapic_reset - power-up reset, or INIT
 * @lapic: owner
 * @init: INIT: IA32_APIC_BASE, and with it the mode, stays; so do signals on their way
 *
 * Level-triggered vectors that were pending or in service are reported by hvm_lapic_take_eoi(). The
 * hardware's task priority has to follow hvm_lapic_tpr().
 */
void hvm_lapic_reset(struct hvm_lapic *lapic, bool init)
{
	hvm_timer_reset(lapic);
	drop_vectors(lapic);
	clear_registers(lapic);
	hvm_timer_set_divide(lapic, 0);
	if (init)
		return;
	atomic_set(&lapic->signals, 0);
	WRITE_ONCE(lapic->base, HVM_APIC_PAGE | HVM_APIC_BASE_ENABLE |
		   (lapic->id ? 0 : HVM_APIC_BASE_BSP));
}

/**
 * hvm_lapic_init - a local APIC in reset state that messages can reach
 * @lapic: zeroed memory
 * @irq: the guest's routing
 * @bell: the vCPU's bell, initialised
 * @id: APIC id, up to HVM_MAX_APIC_ID
 *
 * Return: 0; -EEXIST: the id is taken; -EINVAL: it is too large; -ENOMEM
 */
int hvm_lapic_init(struct hvm_lapic *lapic, struct hvm_irq *irq, struct hvm_bell *bell, u32 id)
{
	lapic->irq = irq;
	lapic->bell = bell;
	lapic->id = id;
	lapic->features = HVM_LAPIC_X2APIC | HVM_LAPIC_TSC_DEADLINE;
	INIT_HLIST_NODE(&lapic->logical);
	hvm_timer_init(lapic);
	hvm_lapic_reset(lapic, false);
	return hvm_irq_add(irq, lapic);
}

/**
 * hvm_lapic_deinit - no message reaches it any more, no timer fires
 * @lapic: owner; of a vCPU that does not run any more
 *
 * Deliverers may still hold it under RCU: the memory, and the bell, must last one grace period
 * more.
 */
void hvm_lapic_deinit(struct hvm_lapic *lapic)
{
	hvm_irq_remove(lapic->irq, lapic);
	hvm_timer_stop(lapic);
}

/**
 * hvm_lapic_set_features - what the vCPU's CPUID announces
 * @lapic: owner; before the vCPU's first run
 * @features: HVM_LAPIC_* bits; the registers of the others answer as reserved
 */
void hvm_lapic_set_features(struct hvm_lapic *lapic, u32 features)
{
	lapic->features = features;
}
