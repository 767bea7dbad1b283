// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer. The owner changes it only while the host's timer is cancelled, so the
 * expiry never sees it half changed. SDM "APIC Timer".
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include <asm/msr.h>
#include <asm/tsc.h>

#include "lapic.h"
#include "register.h"

#define TSC_SHIFT		24
#define TSC_FACTOR_SHIFT	48

/*
 * Deadlines further away are looked at again after as many ticks: months, and of the slowest TSC so
 * many nanoseconds as a ktime_t has room for.
 */
#define TSC_MAX_TICKS		BIT_ULL(54)

/* How late a deadline may be met when the host's timer fired a little early, ns. */
#define RETRY_NS		1000UL

static u32 timer_mode(const struct hvm_lapic *lapic)
{
	return READ_ONCE(lapic->lvt[HVM_LVT_TIMER]) & HVM_LVT_MODE;
}

/* One count, before its divider, is one nanosecond: a bus clock of 1 GHz. */
static u64 count_to_ns(const struct hvm_timer *timer, u32 count)
{
	return (u64)count << timer->divide_shift;
}

static u64 period(const struct hvm_timer *timer)
{
	return max_t(u64, count_to_ns(timer, timer->initial), HVM_TIMER_MIN_PERIOD);
}

static u64 guest_tsc(const struct hvm_timer *timer, u64 tsc)
{
	if (unlikely(timer->tsc_factor))
		tsc = mul_u64_u64_shr(tsc, timer->tsc_factor, TSC_FACTOR_SHIFT);
	return tsc + timer->tsc_offset;
}

/*
 * Guest ticks until its TSC reaches the deadline, or it has to be looked at again; 0: it has.
 */
static u64 deadline_ticks(const struct hvm_timer *timer, u64 tsc)
{
	u64 now = guest_tsc(timer, tsc);

	return now >= timer->deadline ? 0 : min_t(u64, timer->deadline - now, TSC_MAX_TICKS);
}

/* The same in nanoseconds, rounded up. */
static u64 deadline_ns(const struct hvm_timer *timer)
{
	u64 ticks = deadline_ticks(timer, rdtsc());

	return ticks ? mul_u64_u32_shr(ticks, timer->tsc_mult, TSC_SHIFT) + 1 : 0;
}

static enum hrtimer_restart expire_deadline(struct hvm_lapic *lapic)
{
	struct hvm_timer *timer = &lapic->timer;
	u64 left = deadline_ns(timer);

	if (left) {
		hrtimer_set_expires(&timer->hrtimer,
				    ktime_add_ns(ktime_get(), max_t(u64, left, RETRY_NS)));
		return HRTIMER_RESTART;
	}
	WRITE_ONCE(timer->deadline, 0);
	hvm_lapic_post_lvt(lapic, READ_ONCE(lapic->lvt[HVM_LVT_TIMER]));
	return HRTIMER_NORESTART;
}

/*
 * A periodic timer is not restarted from here: a vCPU that does not take its ticks (halted with
 * interrupts off, not scheduled, not run) or has them masked would cost the host an interrupt each.
 * Taking the tick does it, hvm_timer_resume().
 */
static enum hrtimer_restart expire(struct hrtimer *hrtimer)
{
	struct hvm_lapic *lapic = container_of(hrtimer, struct hvm_lapic, timer.hrtimer);

	if (lapic->timer.deadline)
		return expire_deadline(lapic);

	/* Before the tick is posted: whoever takes it has to see this. */
	if (timer_mode(lapic) == HVM_LVT_PERIODIC)
		WRITE_ONCE(lapic->timer.paused, true);
	hvm_lapic_post_lvt(lapic, READ_ONCE(lapic->lvt[HVM_LVT_TIMER]));
	return HRTIMER_NORESTART;
}

static void start_at(struct hvm_timer *timer, u64 ns)
{
	hrtimer_start(&timer->hrtimer, ns_to_ktime(ns), HRTIMER_MODE_ABS_PINNED_HARD);
}

/* The count is cancelled; let it reach zero in @ns nanoseconds, or never if that is 0. */
static void start_count(struct hvm_timer *timer, u64 ns)
{
	timer->expires = ns ? ktime_to_ns(ktime_get()) + ns : 0;
	timer->paused = false;
	if (ns)
		start_at(timer, timer->expires);
}

/* The deadline has come. @hrtimer does not run. */
static void reach_deadline(struct hvm_lapic *lapic)
{
	WRITE_ONCE(lapic->timer.deadline, 0);
	hvm_lapic_post_lvt(lapic, lapic->lvt[HVM_LVT_TIMER]);
}

static void start_deadline_hrtimer(struct hvm_lapic *lapic)
{
	u64 left = deadline_ns(&lapic->timer);

	if (left)
		start_at(&lapic->timer, ktime_to_ns(ktime_get()) + left);
	else
		reach_deadline(lapic);
}

static void set_exit(struct hvm_timer *timer, u64 at)
{
	if (timer->exit_at == at)
		return;
	timer->exit_at = at;
	*timer->exit_place = at;
}

static void start_deadline_exit(struct hvm_lapic *lapic)
{
	struct hvm_timer *timer = &lapic->timer;
	u64 tsc = rdtsc();
	u64 ticks = deadline_ticks(timer, tsc);

	set_exit(timer, ticks ? tsc + ticks : 0);
	if (!ticks)
		reach_deadline(lapic);
}

static void start_deadline(struct hvm_lapic *lapic)
{
	struct hvm_timer *timer = &lapic->timer;

	if (timer->deadline && timer->exit_place && !timer->tsc_factor) {
		start_deadline_exit(lapic);
		return;
	}
	set_exit(timer, 0);
	if (timer->deadline)
		start_deadline_hrtimer(lapic);
}

/**
 * hvm_lapic_deadline - the guest's run ended for &hvm_timer.exit_at
 * @lapic: owner
 *
 * Too early is no harm: then there is a further exit. A deadline that the vCPU slept with is the
 * hrtimer's.
 */
void hvm_lapic_deadline(struct hvm_lapic *lapic)
{
	if (lapic->timer.exit_at)
		start_deadline(lapic);
}

/**
 * hvm_lapic_halt_timer - the vCPU is about to sleep: no exit will meet its deadline
 * @lapic: owner
 *
 * Context: any that is not an interrupt.
 */
void hvm_lapic_halt_timer(struct hvm_lapic *lapic)
{
	if (!lapic->timer.exit_at)
		return;
	set_exit(&lapic->timer, 0);
	start_deadline_hrtimer(lapic);
}

/* A TSC below 4 MHz does not exist; the bound keeps the factor within 32 bits. */
static void set_khz(struct hvm_timer *timer, u32 khz)
{
	timer->tsc_mult = div_u64(1000000ULL << TSC_SHIFT, max(khz, 4000U)) + 1;
}

/**
 * hvm_timer_init - a timer that does not run
 * @lapic: owner; zeroed
 */
void hvm_timer_init(struct hvm_lapic *lapic)
{
	struct hvm_timer *timer = &lapic->timer;

	set_khz(timer, tsc_khz);
	timer->divide_shift = 1;
	hrtimer_init(&timer->hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	timer->hrtimer.function = expire;
}

/**
 * hvm_timer_stop - it does not fire any more; its registers stay
 * @lapic: owner
 *
 * Waits for an expiry that is running on another CPU.
 *
 * Return: whether it would have fired
 */
bool hvm_timer_stop(struct hvm_lapic *lapic)
{
	return hrtimer_cancel(&lapic->timer.hrtimer);
}

/**
 * hvm_timer_thaw - go on after hvm_timer_stop() answered true
 * @lapic: owner
 *
 * Return: whether a count is over whose end was not posted; the timer fires at once now
 */
bool hvm_timer_thaw(struct hvm_lapic *lapic)
{
	struct hvm_timer *timer = &lapic->timer;
	bool due = timer->expires && hrtimer_get_expires(&timer->hrtimer) <= ktime_get();

	hrtimer_start_expires(&timer->hrtimer, HRTIMER_MODE_ABS_PINNED_HARD);
	return due;
}

/**
 * hvm_timer_reset - stop it, clear its counts and its deadline
 * @lapic: owner
 */
void hvm_timer_reset(struct hvm_lapic *lapic)
{
	struct hvm_timer *timer = &lapic->timer;

	hvm_timer_stop(lapic);
	timer->expires = 0;
	timer->initial = 0;
	timer->deadline = 0;
	set_exit(timer, 0);
	timer->paused = false;
}

/* Nanoseconds from @now until the count, which runs, reaches zero the next time; 0: never. */
static u64 count_left(const struct hvm_lapic *lapic, u64 now)
{
	const struct hvm_timer *timer = &lapic->timer;
	u64 over;

	if (now < timer->expires)
		return timer->expires - now;
	if (timer_mode(lapic) != HVM_LVT_PERIODIC)
		return 0;
	div64_u64_rem(now - timer->expires, period(timer), &over);
	return period(timer) - over;
}

/**
 * hvm_timer_count - current count register
 * @lapic: owner
 *
 * Return: what is left, rounded up; 0 when stopped and in TSC-deadline mode
 */
u32 hvm_timer_count(struct hvm_lapic *lapic)
{
	struct hvm_timer *timer = &lapic->timer;
	u64 left;

	if (!timer->expires)
		return 0;
	left = count_left(lapic, ktime_to_ns(ktime_get()));
	return min_t(u64, DIV_ROUND_UP_ULL(left, 1ULL << timer->divide_shift), timer->initial);
}

/**
 * hvm_timer_resume - ticks of a periodic timer are taken again
 * @lapic: owner
 *
 * To be called when a tick was taken, and when the next is wanted again: it comes at the end of the
 * period that runs now.
 *
 * Context: any that is not an interrupt.
 */
void hvm_timer_resume(struct hvm_lapic *lapic)
{
	struct hvm_timer *timer = &lapic->timer;
	u64 now;

	if (!READ_ONCE(timer->paused) || lapic->lvt[HVM_LVT_TIMER] & HVM_LVT_MASKED)
		return;
	WRITE_ONCE(timer->paused, false);
	now = ktime_to_ns(ktime_get());
	start_at(timer, now + count_left(lapic, now));
}

/**
 * hvm_timer_set_count - write the initial count register, which starts the count
 * @lapic: owner
 * @initial: counts; 0 stops it
 *
 * Ignored in TSC-deadline mode.
 */
void hvm_timer_set_count(struct hvm_lapic *lapic, u32 initial)
{
	struct hvm_timer *timer = &lapic->timer;

	if (timer_mode(lapic) == HVM_LVT_DEADLINE)
		return;
	hvm_timer_stop(lapic);
	timer->initial = initial;
	if (initial && timer_mode(lapic) == HVM_LVT_PERIODIC)
		start_count(timer, period(timer));
	else
		start_count(timer, count_to_ns(timer, initial));
}

static u32 divide_shift(u32 configuration)
{
	/* Bits 3, 1 and 0: divide by 2, 4, 8, ... 128, then by 1. */
	return (((configuration >> 1 & 4) | (configuration & 3)) + 1) & 7;
}

/**
 * hvm_timer_set_divide - write the divide configuration register
 * @lapic: owner
 * @configuration: bits 3, 1 and 0
 *
 * A running count goes on from where it is, at the new speed.
 */
void hvm_timer_set_divide(struct hvm_lapic *lapic, u32 configuration)
{
	struct hvm_timer *timer = &lapic->timer;
	u32 count = hvm_timer_count(lapic);

	lapic->divide = configuration & HVM_APIC_TDCR_MASK;
	if (count)
		hvm_timer_stop(lapic);
	timer->divide_shift = divide_shift(configuration);
	if (count)
		start_count(timer, count_to_ns(timer, count));
}

/**
 * hvm_timer_set_lvt - write the timer's register of the local vector table
 * @lapic: owner
 * @lvt: its new value
 *
 * To and from TSC-deadline mode the timer is disarmed. Between the other modes a running count goes
 * on.
 */
void hvm_timer_set_lvt(struct hvm_lapic *lapic, u32 lvt)
{
	u32 old = timer_mode(lapic), new = lvt & HVM_LVT_MODE;
	u32 count;

	if (old == new) {
		WRITE_ONCE(lapic->lvt[HVM_LVT_TIMER], lvt);
		hvm_timer_resume(lapic);
		return;
	}
	count = hvm_timer_count(lapic);
	hvm_timer_stop(lapic);
	WRITE_ONCE(lapic->lvt[HVM_LVT_TIMER], lvt);
	if (old == HVM_LVT_DEADLINE || new == HVM_LVT_DEADLINE)
		hvm_timer_reset(lapic);
	else
		start_count(&lapic->timer, count_to_ns(&lapic->timer, count));
}

/**
 * hvm_timer_set_deadline - write IA32_TSC_DEADLINE
 * @lapic: owner
 * @deadline: guest TSC; 0 disarms; in the past: fires at once
 *
 * Ignored unless the timer is in TSC-deadline mode.
 */
void hvm_timer_set_deadline(struct hvm_lapic *lapic, u64 deadline)
{
	if (timer_mode(lapic) != HVM_LVT_DEADLINE)
		return;
	/* What an exit was to meet has no hrtimer. */
	if (!lapic->timer.exit_at)
		hvm_timer_stop(lapic);
	WRITE_ONCE(lapic->timer.deadline, deadline);
	start_deadline(lapic);
}

/**
 * hvm_timer_load - restore a saved timer; mode and divider are in their registers already
 * @lapic: owner; the timer is reset
 * @initial: initial count
 * @count: what is left of it
 * @deadline: IA32_TSC_DEADLINE
 */
void hvm_timer_load(struct hvm_lapic *lapic, u32 initial, u32 count, u64 deadline)
{
	struct hvm_timer *timer = &lapic->timer;

	timer->divide_shift = divide_shift(lapic->divide);
	timer->initial = initial;
	timer->deadline = deadline;
	start_count(timer, count_to_ns(timer, count));
	start_deadline(lapic);
}

/**
 * hvm_lapic_set_tsc - the guest's TSC is another function of the host's
 * @lapic: owner
 * @factor: guest ticks per host tick, 48 bits behind the point; 0: the same
 * @khz: the guest's frequency
 * @offset: guest TSC minus scaled host TSC, modulo 2^64
 *
 * A deadline that is armed is met in the new time, in the way it was to be met: a vCPU that sleeps
 * may be told so, too.
 */
void hvm_lapic_set_tsc(struct hvm_lapic *lapic, u64 factor, u32 khz, u64 offset)
{
	struct hvm_timer *timer = &lapic->timer;
	bool armed = READ_ONCE(timer->deadline), exits = timer->exit_at && !factor;

	if (armed)
		hvm_timer_stop(lapic);
	timer->tsc_factor = factor;
	timer->tsc_offset = offset;
	set_exit(&lapic->timer, 0);
	set_khz(timer, khz);
	/* It may have come while it was stopped. */
	if (!armed || !timer->deadline)
		return;
	if (exits)
		start_deadline_exit(lapic);
	else
		start_deadline_hrtimer(lapic);
}

/**
 * hvm_lapic_move_timer - have the timer fire on this CPU
 * @lapic: owner; the vCPU's thread came from another CPU
 *
 * Not needed for correctness: a timer that fires elsewhere costs an interrupt between CPUs.
 *
 * Context: preemption off.
 */
void hvm_lapic_move_timer(struct hvm_lapic *lapic)
{
	if (hvm_timer_stop(lapic))
		hvm_timer_thaw(lapic);
}
