/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC's timer: count-down and TSC-deadline modes on one high-resolution timer of the
 * host; a deadline is met by an exit of the guest where the processor can do that. Not here: the
 * registers' formats (irq/register.c) and what an expiry leads to (irq/lapic.c).
 */
#ifndef HVM_IRQ_TIMER_H
#define HVM_IRQ_TIMER_H

#include <linux/hrtimer.h>
#include <linux/types.h>

struct hvm_lapic;

/* The shortest period a guest gets, ns: it bounds what a periodic timer costs the host. */
#define HVM_TIMER_MIN_PERIOD	200000UL

/**
 * struct hvm_timer - the timer of one local APIC
 * @hrtimer: fires in hard interrupt context; runs while @expires or @deadline says so
 * @expires: [O] host time (ktime_get(), ns) when the count first reaches zero; 0: stopped
 * @deadline: [D] IA32_TSC_DEADLINE; 0: disarmed
 * @exit_at: [O] host TSC when the deadline is to be looked at, at the latest: the run loop's to
 *	meet, and @hrtimer does not run for it; 0: there is none
 * @tsc_factor: [O] guest TSC ticks per host TSC tick, 48 bits behind the point; 0: the same
 * @tsc_offset: [O] guest TSC minus scaled host TSC
 * @initial: [O] initial count register
 * @divide_shift: [O] a count is 1 << divide_shift ns, 0 to 7
 * @tsc_mult: [O] guest TSC ticks to ns: ticks * tsc_mult >> 24
 * @exit_place: [I] where who enters the guest finds @exit_at: deadlines are met by exits, as long
 *	as the vCPU does not halt and its TSC is not scaled; NULL: they are not
 * @paused: [P] a period has ended and @hrtimer does not run: the next ticks would be for nobody
 *
 * [I] set at init. [O] written by the owner while the timer is cancelled. [D] as [O], and cleared
 * by the expiry. [P] set by the expiry, which then leaves @hrtimer alone; cleared by the owner.
 */
struct hvm_timer {
	struct hrtimer hrtimer;
	u64 expires;
	u64 deadline;
	u64 exit_at;
	u64 *exit_place;
	u64 tsc_factor;
	u64 tsc_offset;
	u32 initial;
	u32 divide_shift;
	u32 tsc_mult;
	bool paused;
};

void hvm_timer_init(struct hvm_lapic *lapic);
bool hvm_timer_stop(struct hvm_lapic *lapic);
void hvm_timer_reset(struct hvm_lapic *lapic);
void hvm_timer_resume(struct hvm_lapic *lapic);
void hvm_timer_set_count(struct hvm_lapic *lapic, u32 initial);
void hvm_timer_set_divide(struct hvm_lapic *lapic, u32 configuration);
void hvm_timer_set_lvt(struct hvm_lapic *lapic, u32 lvt);
void hvm_timer_set_deadline(struct hvm_lapic *lapic, u64 deadline);
void hvm_timer_load(struct hvm_lapic *lapic, u32 initial, u32 current_count, u64 deadline);
u32 hvm_timer_count(struct hvm_lapic *lapic);
bool hvm_timer_thaw(struct hvm_lapic *lapic);

#endif /* HVM_IRQ_TIMER_H */
