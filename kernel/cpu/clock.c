// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's time. With a TSC that the host trusts, the guest's clock is one straight line over it,
 * fixed when the guest is created: every vCPU computes the same time from the same two numbers, and
 * it never jumps. Else the clock follows the host's own, and each vCPU's page is written anew when
 * the vCPU is loaded or interrupted.
 */
#include <linux/clocksource.h>
#include <linux/jiffies.h>
#include <linux/timekeeping.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "clock.h"
#include "request.h"
#include "vcpu.h"

/* A moment in every clock there is. */
static void take_moment(struct hvm_clock_base *base, u64 *tsc, u64 *boot_ns)
{
	lockdep_assert_held(&base->lock);

	*tsc = rdtsc_ordered();
	*boot_ns = ktime_get_boottime_ns();
}

static u64 guest_ns(const struct hvm_clock_base *base, u64 tsc, u64 boot_ns)
{
	if (base->linear)
		return base->ns + hvm_scale_ticks(base->scale,
						  hvm_tsc_scale(base->factor, tsc) -
						  hvm_tsc_scale(base->factor, base->tsc));
	return base->ns + (boot_ns - base->boot_ns);
}

static void anchor(struct hvm_clock_base *base, u64 tsc, u64 boot_ns, u64 ns)
{
	base->tsc = tsc;
	base->boot_ns = boot_ns;
	base->ns = ns;
}

/* The guest's clock now; when the host no longer trusts its TSC, it leaves the line right here. */
static u64 read_clock(struct hvm_clock_base *base, u64 *tsc)
{
	u64 boot_ns, ns;

	take_moment(base, tsc, &boot_ns);
	ns = guest_ns(base, *tsc, boot_ns);
	if (unlikely(base->linear && !hvm_clock_host_stable())) {
		base->linear = false;
		anchor(base, *tsc, boot_ns, ns);
		base->announce = true;
	}
	return ns;
}

static bool can_scale(u64 factor)
{
	return !factor || hvm_caps.features & HVM_FEATURE_TSC_SCALING;
}

/* The guest's TSCs get another frequency; its clock goes on from where it is. */
static void set_factor(struct hvm_clock_base *base, u64 factor)
{
	u64 tsc, boot_ns;

	take_moment(base, &tsc, &boot_ns);
	anchor(base, tsc, boot_ns, guest_ns(base, tsc, boot_ns));
	base->factor = factor;
	base->scale = hvm_scale_from_khz(hvm_tsc_khz(factor, base->khz));
}

/**
 * hvm_clock_init - a guest's time begins
 * @base: the guest's
 * @bells: the bells of its vCPUs
 *
 * Its clock and its TSCs start at zero.
 */
void hvm_clock_init(struct hvm_clock_base *base, struct hvm_bells *bells)
{
	*base = (struct hvm_clock_base) {
		.bells = bells,
		.khz = tsc_khz,
		.scale = hvm_scale_from_khz(tsc_khz),
		.linear = hvm_clock_host_stable(),
	};
	raw_spin_lock_init(&base->lock);
	base->tsc = rdtsc_ordered();
	base->boot_ns = ktime_get_boottime_ns();
	base->offset = -base->tsc;
}

/**
 * hvm_clock_get - HVM_CLOCK: what all clocks say now
 * @base: the guest's
 * @clock: filled in
 *
 * Context: process
 */
void hvm_clock_get(struct hvm_clock_base *base, struct hvm_clock *clock)
{
	unsigned long flags;
	u32 guest_khz;

	raw_spin_lock_irqsave(&base->lock, flags);
	clock->guest_ns = read_clock(base, &clock->host_tsc);
	clock->realtime_ns = ktime_get_real_ns();
	guest_khz = hvm_tsc_khz(base->factor, base->khz);
	raw_spin_unlock_irqrestore(&base->lock, flags);
	clock->tsc_khz = base->khz;
	clock->guest_khz = guest_khz;
}

/**
 * hvm_clock_set_khz - HVM_CLOCK with HVM_CLOCK_SET_KHZ: the frequency of the guest's TSCs
 * @base: the guest's
 * @khz: kHz
 *
 * They begin at zero now.
 *
 * Return: 0; -EINVAL: no TSC has that frequency; -EOPNOTSUPP: the processor can only give the
 * host's; -EBUSY: there are vCPUs
 * Context: process, interrupts on
 */
int hvm_clock_set_khz(struct hvm_clock_base *base, u32 khz)
{
	u64 factor = hvm_tsc_factor(khz, base->khz);
	int err = 0;

	if (hvm_tsc_khz(factor, base->khz) != khz)
		return -EINVAL;
	if (!can_scale(factor))
		return -EOPNOTSUPP;
	raw_spin_lock_irq(&base->lock);
	if (base->vcpus) {
		err = -EBUSY;
	} else {
		set_factor(base, factor);
		base->offset = -hvm_tsc_scale(factor, rdtsc_ordered());
	}
	raw_spin_unlock_irq(&base->lock);
	return err;
}

/**
 * hvm_clock_set - HVM_CLOCK with HVM_CLOCK_SET: put the guest's clock somewhere else
 * @base: the guest's
 * @clock: guest_ns is taken, the rest filled in
 *
 * Context: process, interrupts on
 */
void hvm_clock_set(struct hvm_clock_base *base, struct hvm_clock *clock)
{
	raw_spin_lock_irq(&base->lock);
	take_moment(base, &base->tsc, &base->boot_ns);
	base->ns = clock->guest_ns;
	base->linear = hvm_clock_host_stable();
	base->announce = false;
	clock->host_tsc = base->tsc;
	clock->realtime_ns = ktime_get_real_ns();
	clock->guest_khz = hvm_tsc_khz(base->factor, base->khz);
	raw_spin_unlock_irq(&base->lock);
	clock->tsc_khz = base->khz;

	hvm_bells_ring(base->bells, HVM_REQ_CLOCK);
}

/* The hardware, the timer and the clock's page follow. */
static void apply(struct hvm_vcpu *vcpu, u64 factor, u64 offset)
{
	u32 khz = hvm_tsc_khz(factor, vcpu->vm->clock.khz);

	vcpu->hw->tsc_factor = factor;
	vcpu->hw->tsc_offset = offset;
	vcpu->hw->dirty |= HVM_HW_NEW_TSC;
	hvm_lapic_set_tsc(&vcpu->lapic, factor, khz, offset);
	hvm_bell_ring(&vcpu->bell, HVM_REQ_CLOCK);
}

static bool all_match(const struct hvm_clock_base *base)
{
	return base->matched == base->vcpus;
}

/**
 * hvm_clock_join - a vCPU of the guest is being created
 * @vcpu: its backend part and local APIC exist
 *
 * Context: process
 */
void hvm_clock_join(struct hvm_vcpu *vcpu)
{
	struct hvm_clock_base *base = &vcpu->vm->clock;
	u64 factor, offset;

	raw_spin_lock_irq(&base->lock);
	base->vcpus++;
	base->matched++;
	vcpu->msr.tsc.adjust = 0;
	vcpu->msr.tsc.generation = base->generation;
	factor = base->factor;
	offset = base->offset;
	raw_spin_unlock_irq(&base->lock);
	apply(vcpu, factor, offset);
}

/**
 * hvm_clock_leave - reverse of hvm_clock_join()
 * @vcpu: the vCPU
 *
 * Context: process
 */
void hvm_clock_leave(struct hvm_vcpu *vcpu)
{
	struct hvm_clock_base *base = &vcpu->vm->clock;
	bool matched;

	raw_spin_lock_irq(&base->lock);
	matched = all_match(base);
	base->vcpus--;
	if (vcpu->msr.tsc.generation == base->generation)
		base->matched--;
	if (all_match(base) != matched)
		base->announce = true;
	raw_spin_unlock_irq(&base->lock);
}

/**
 * hvm_clock_renew - hvm_clock_look() on a host that does not trust its TSC
 * @vcpu: the vCPU
 * @moved: it was on another CPU before
 *
 * The page is written anew on each CPU, and there about once a tick, for a vCPU may stay where it
 * is.
 *
 * Context: any
 */
void hvm_clock_renew(struct hvm_vcpu *vcpu, bool moved)
{
	struct hvm_tsc *tsc = &vcpu->msr.tsc;

	if (!moved && !time_after(jiffies, tsc->renewed))
		return;
	tsc->renewed = jiffies;
	hvm_bell_ring(&vcpu->bell, HVM_REQ_CLOCK);
}

/**
 * hvm_clock_tsc - the guest's TSC now
 * @vcpu: the vCPU
 *
 * Context: any
 */
u64 hvm_clock_tsc(struct hvm_vcpu *vcpu)
{
	return hvm_tsc_scale(vcpu->hw->tsc_factor, rdtsc_ordered()) + vcpu->hw->tsc_offset;
}

/*
 * Make a vCPU's TSC another function of the host's. The first vCPU to get a new one opens a
 * generation; the others match again once they have the same. While not all do, the clock's pages
 * say that they must not be mixed.
 */
static void set_tsc(struct hvm_vcpu *vcpu, u64 factor, u64 offset)
{
	struct hvm_clock_base *base = &vcpu->vm->clock;
	struct hvm_tsc *tsc = &vcpu->msr.tsc;
	unsigned long flags;
	bool matched;

	raw_spin_lock_irqsave(&base->lock, flags);
	matched = all_match(base);
	if (factor != base->factor || offset != base->offset) {
		if (factor != base->factor)
			set_factor(base, factor);
		base->offset = offset;
		base->generation++;
		base->matched = 1;
	} else if (tsc->generation != base->generation) {
		base->matched++;
	}
	tsc->generation = base->generation;
	if (all_match(base) != matched)
		base->announce = true;
	raw_spin_unlock_irqrestore(&base->lock, flags);
	apply(vcpu, factor, offset);
}

/**
 * hvm_clock_write_tsc - the guest writes its TSC (SDM "Time-Stamp Counter Adjustment")
 * @vcpu: the vCPU, its lock held
 * @value: the value
 *
 * IA32_TSC_ADJUST moves by as much.
 */
void hvm_clock_write_tsc(struct hvm_vcpu *vcpu, u64 value)
{
	u64 delta = value - hvm_clock_tsc(vcpu);

	vcpu->msr.tsc.adjust += delta;
	set_tsc(vcpu, vcpu->hw->tsc_factor, vcpu->hw->tsc_offset + delta);
}

/**
 * hvm_clock_write_adjust - the guest writes IA32_TSC_ADJUST
 * @vcpu: the vCPU, its lock held
 * @value: the value
 *
 * The TSC moves by as much.
 */
void hvm_clock_write_adjust(struct hvm_vcpu *vcpu, u64 value)
{
	u64 delta = value - vcpu->msr.tsc.adjust;

	vcpu->msr.tsc.adjust = value;
	if (delta)
		set_tsc(vcpu, vcpu->hw->tsc_factor, vcpu->hw->tsc_offset + delta);
}

/**
 * hvm_clock_save - the clock block of a vCPU's state
 * @vcpu: the vCPU, its lock held
 * @state: filled in
 */
void hvm_clock_save(struct hvm_vcpu *vcpu, struct hvm_state_clock *state)
{
	state->tsc_offset = vcpu->hw->tsc_offset;
	state->tsc_adjust = vcpu->msr.tsc.adjust;
	state->tsc_scale = vcpu->hw->tsc_factor;
}

static u64 factor_of(const struct hvm_state_clock *state)
{
	return state->tsc_scale == 1ULL << HVM_TSC_SCALE_SHIFT ? 0 : state->tsc_scale;
}

/**
 * hvm_clock_check - would hvm_clock_load() take it?
 * @state: the block
 *
 * Return: 0; -EOPNOTSUPP: a frequency that the processor cannot give; -EINVAL: that no TSC has
 */
int hvm_clock_check(const struct hvm_state_clock *state)
{
	if (!can_scale(factor_of(state)))
		return -EOPNOTSUPP;
	return hvm_tsc_khz(factor_of(state), tsc_khz) ? 0 : -EINVAL;
}

/**
 * hvm_clock_load - set the clock block
 * @vcpu: the vCPU, its lock held
 * @state: a block that hvm_clock_check() took
 */
void hvm_clock_load(struct hvm_vcpu *vcpu, const struct hvm_state_clock *state)
{
	vcpu->msr.tsc.adjust = state->tsc_adjust;
	set_tsc(vcpu, factor_of(state), state->tsc_offset);
}

/**
 * hvm_clock_page - what a vCPU's clock page has to say
 * @vcpu: the vCPU, on the CPU where it runs
 * @page: filled in
 *
 * Rings for the other vCPUs if what they say has changed too.
 *
 * Context: process, interrupts on
 */
void hvm_clock_page(struct hvm_vcpu *vcpu, struct hvm_clock_page *page)
{
	struct hvm_clock_base *base = &vcpu->vm->clock;
	bool announce;
	u64 tsc, ns;

	raw_spin_lock_irq(&base->lock);
	ns = read_clock(base, &tsc);
	page->ns = base->linear ? base->ns : ns;
	page->tsc = hvm_tsc_scale(vcpu->hw->tsc_factor, base->linear ? base->tsc : tsc) +
		    vcpu->hw->tsc_offset;
	page->scale = base->scale;
	if (unlikely(vcpu->hw->tsc_factor != base->factor))
		page->scale = hvm_scale_from_khz(hvm_tsc_khz(vcpu->hw->tsc_factor, base->khz));
	page->stable = base->linear && all_match(base);
	announce = base->announce;
	base->announce = false;
	raw_spin_unlock_irq(&base->lock);

	if (announce)
		hvm_bells_ring(base->bells, HVM_REQ_CLOCK);
}

/**
 * hvm_clock_wall_ns - the time of day when the guest's clock was zero
 * @base: the guest's
 *
 * Return: CLOCK_REALTIME then, nanoseconds
 * Context: process
 */
u64 hvm_clock_wall_ns(struct hvm_clock_base *base)
{
	unsigned long flags;
	u64 tsc, ns;

	raw_spin_lock_irqsave(&base->lock, flags);
	ns = ktime_get_real_ns() - read_clock(base, &tsc);
	raw_spin_unlock_irqrestore(&base->lock, flags);
	return ns;
}
