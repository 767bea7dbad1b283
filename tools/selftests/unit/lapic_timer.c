// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the local APIC's timer on a clock that only the tests move.
 */
#include "lapic_fixture.h"

#define LVT_TIMER	(HVM_APIC_LVT + HVM_LVT_TIMER)
#define VECTOR		0xec

/* TDCR values for dividers 1, 2, 4 ... 128. */
static const u32 dividers[] = { 0xb, 0x0, 0x1, 0x2, 0x3, 0x8, 0x9, 0xa };

static struct fixture *start(u32 mode, u32 divider, u32 count)
{
	struct fixture *f = fixture_one(XAPIC);

	wr(f->lapic, LVT_TIMER, mode | VECTOR);
	wr(f->lapic, HVM_APIC_TDCR, divider);
	wr(f->lapic, HVM_APIC_TMICT, count);
	return f;
}

static void deadline(struct fixture *f, u64 tsc)
{
	hvm_lapic_msr_write(f->lapic, HVM_MSR_TSC_DEADLINE, tsc);
}

static u64 get_deadline(struct fixture *f)
{
	u64 value = ~0ULL;

	hvm_lapic_msr_read(f->lapic, HVM_MSR_TSC_DEADLINE, &value);
	return value;
}

static u64 guest_tsc(struct fixture *f)
{
	return rdtsc() + f->lapic->timer.tsc_offset;
}

static void one_shot_fires_once(struct ktap *t)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dividers); i++) {
		struct fixture *f = start(HVM_LVT_ONE_SHOT, dividers[i], 1000);
		u64 length = 1000ULL << i;

		KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMCCT), 1000);
		shim_advance(length / 4);
		KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMCCT), 750);
		shim_advance(length - length / 4 - 1);
		KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMCCT), 1);
		KTAP_EQ(t, run_vector(f->lapic), -1);
		shim_advance(1);
		KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMCCT), 0);
		KTAP_EQ(t, run_vector(f->lapic), VECTOR);
		shim_advance(10 * length);
		KTAP_EQ(t, run_vector(f->lapic), -1);
		KTAP_EQ(t, shim_timer_queued(), false);
		KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMICT), 1000);
		fixture_free(f);
	}
}

static void zero_stops(struct ktap *t)
{
	static const u32 modes[] = { HVM_LVT_ONE_SHOT, HVM_LVT_PERIODIC };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		struct fixture *f = start(modes[i], 0xb, 50000);

		shim_advance(1000);
		wr(f->lapic, HVM_APIC_TMICT, 0);
		KTAP_EQ(t, shim_timer_queued(), false);
		KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMCCT), 0);
		shim_advance(1000000);
		KTAP_EQ(t, run_vector(f->lapic), -1);
		fixture_free(f);
	}
}

static void periodic_repeats(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_PERIODIC, 0xb, 1000000);
	int i;

	for (i = 0; i < 50; i++) {
		shim_advance(600000);
		KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMCCT), 400000);
		KTAP_EQ(t, run_vector(f->lapic), -1);
		shim_advance(400000);
		KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	}
	fixture_free(f);
}

static void periodic_has_a_floor(struct ktap *t)
{
	static const u32 counts[] = { 1, 2, 100, 199999 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		struct fixture *f = start(HVM_LVT_PERIODIC, 0xb, counts[i]);
		unsigned int fired = 0;

		for (j = 0; j < 20000; j++) {
			shim_advance(1000);
			fired += run_vector(f->lapic) == VECTOR;
		}
		KTAP_EQ(t, fired, 20000000 / HVM_TIMER_MIN_PERIOD);
		KTAP_TRUE(t, rd(f->lapic, HVM_APIC_TMCCT) <= counts[i]);
		fixture_free(f);
	}
}

/* A vCPU that did not run for long finds one interrupt, not a backlog. */
static void periodic_catches_up(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_PERIODIC, 0xb, 1000000);

	shim_advance(1000000ULL * 1000 + 300000);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMCCT), 700000);
	fixture_free(f);
}

static void masked_does_not_interrupt(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_PERIODIC | HVM_LVT_MASKED, 0xb, 1000000);

	shim_advance(2500000);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMCCT), 500000);
	wr(f->lapic, LVT_TIMER, HVM_LVT_PERIODIC | VECTOR);
	shim_advance(500000);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	fixture_free(f);
}

/* Ticks that nobody takes cost the host nothing; the first one that is taken brings the next. */
static void untaken_ticks_stop(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_PERIODIC, 0xb, 250000);

	shim_advance(250000);
	KTAP_EQ(t, shim_timer_queued(), false);
	/* Merged into IRR, as a halted vCPU does, is not taken. */
	KTAP_EQ(t, hvm_lapic_waiting(f->lapic), VECTOR);
	KTAP_EQ(t, shim_timer_queued(), false);
	shim_advance(1000000);
	KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMCCT), 250000);
	shim_advance(50000);
	KTAP_EQ(t, take_vector(f->lapic), VECTOR);
	KTAP_EQ(t, shim_timer_queued(), true);
	KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMCCT), 200000);

	/* In service: the next one comes on the old phase, and waits. */
	shim_advance(199999);
	KTAP_EQ(t, shim_timer_queued(), true);
	shim_advance(1);
	KTAP_EQ(t, shim_timer_queued(), false);
	KTAP_EQ(t, take_vector(f->lapic), -1);
	hvm_lapic_eoi(f->lapic);
	KTAP_EQ(t, take_vector(f->lapic), VECTOR);
	KTAP_EQ(t, shim_timer_queued(), true);
	fixture_free(f);
}

static void masked_ticks_stop(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_PERIODIC | HVM_LVT_MASKED, 0xb, 250000);

	shim_advance(260000);
	KTAP_EQ(t, shim_timer_queued(), false);
	wr(f->lapic, LVT_TIMER, HVM_LVT_PERIODIC | HVM_LVT_MASKED | (VECTOR + 1));
	KTAP_EQ(t, shim_timer_queued(), false);
	wr(f->lapic, LVT_TIMER, HVM_LVT_PERIODIC | VECTOR);
	shim_advance(239999);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	shim_advance(1);

	/* A tick that waits when the vector changes comes as its old one; the new one follows. */
	wr(f->lapic, LVT_TIMER, HVM_LVT_PERIODIC | 0x51);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	shim_advance(250000);
	KTAP_EQ(t, run_vector(f->lapic), 0x51);

	/* Disabled by software and enabled again: masked until the guest unmasks it. */
	wr(f->lapic, HVM_APIC_SVR, 0xff);
	shim_advance(500000);
	KTAP_EQ(t, shim_timer_queued(), false);
	wr(f->lapic, HVM_APIC_SVR, 0x1ff);
	wr(f->lapic, LVT_TIMER, HVM_LVT_PERIODIC | VECTOR);
	shim_advance(250000);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	fixture_free(f);
}

/* Whatever starts the timer anew starts a paused one, too. */
static void paused_starts_anew(struct ktap *t)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		struct fixture *f = start(HVM_LVT_PERIODIC, 0xb, 250000);

		shim_advance(250000);
		KTAP_EQ(t, shim_timer_queued(), false);
		if (i == 0)
			wr(f->lapic, HVM_APIC_TMICT, 1000);
		else if (i == 1)
			wr(f->lapic, HVM_APIC_TDCR, 0x3);
		else if (i == 2)
			wr(f->lapic, LVT_TIMER, HVM_LVT_ONE_SHOT | VECTOR);
		else
			wr(f->lapic, HVM_APIC_TMICT, 0);
		KTAP_EQ(t, shim_timer_queued(), i != 3);
		KTAP_EQ(t, run_vector(f->lapic), VECTOR);
		KTAP_EQ(t, shim_timer_queued(), i != 3);
		fixture_free(f);
	}
}

static void vector_is_read_at_expiry(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_ONE_SHOT, 0xb, 5000);

	wr(f->lapic, LVT_TIMER, 0x33);
	shim_advance(5000);
	KTAP_EQ(t, run_vector(f->lapic), 0x33);
	fixture_free(f);
}

static void illegal_vector_is_an_error(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_ONE_SHOT, 0xb, 5000);

	wr(f->lapic, LVT_TIMER, 0x0f);
	shim_advance(5000);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	wr(f->lapic, HVM_APIC_ESR, 0);
	KTAP_EQ(t, rd(f->lapic, HVM_APIC_ESR), HVM_ESR_RECV_ILLEGAL);
	fixture_free(f);

	/* A periodic one says so once for each time the guest looks. */
	f = start(HVM_LVT_PERIODIC, 0xb, 500000);
	wr(f->lapic, LVT_TIMER, HVM_LVT_PERIODIC | 0x0f);
	shim_advance(500000);
	KTAP_EQ(t, shim_timer_queued(), false);
	wr(f->lapic, HVM_APIC_ESR, 0);
	KTAP_EQ(t, rd(f->lapic, HVM_APIC_ESR), HVM_ESR_RECV_ILLEGAL);
	shim_advance(500000);
	wr(f->lapic, HVM_APIC_ESR, 0);
	KTAP_EQ(t, rd(f->lapic, HVM_APIC_ESR), HVM_ESR_RECV_ILLEGAL);
	fixture_free(f);
}

static void divider_change_keeps_the_count(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_ONE_SHOT, 0xb, 1000);

	shim_advance(400);
	wr(f->lapic, HVM_APIC_TDCR, 0x3);	/* by 16 */
	KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMCCT), 600);
	shim_advance(600 * 16 - 1);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	shim_advance(1);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	fixture_free(f);
}

static void mode_change_keeps_the_count(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_ONE_SHOT, 0xb, 1000000);

	shim_advance(300000);
	wr(f->lapic, LVT_TIMER, HVM_LVT_PERIODIC | VECTOR);
	KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMCCT), 700000);
	shim_advance(700000);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	shim_advance(1000000);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	wr(f->lapic, LVT_TIMER, HVM_LVT_ONE_SHOT | VECTOR);
	shim_advance(1000000);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	shim_advance(10000000);
	KTAP_EQ(t, run_vector(f->lapic), -1);

	/* One that has run out does not start again by a change of mode. */
	wr(f->lapic, LVT_TIMER, HVM_LVT_PERIODIC | VECTOR);
	shim_advance(10000000);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	fixture_free(f);
}

static void longest_count(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_ONE_SHOT, 0xa, 0xffffffff);

	KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMCCT), 0xffffffff);
	shim_advance(0xffffffffULL * 128 - 1);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	shim_advance(1);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	fixture_free(f);
}

static void deadline_is_met(struct ktap *t)
{
	static const u64 offsets[] = { 0, 12345678, -1000000000ULL, 1ULL << 63 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		struct fixture *f = start(HVM_LVT_DEADLINE, 0, 0);
		u64 at;

		hvm_lapic_set_tsc(f->lapic, 0, tsc_khz, offsets[i]);
		at = guest_tsc(f) + 2000000;	/* 1 ms at 2 GHz */
		deadline(f, at);
		KTAP_EQ(t, get_deadline(f), at);
		shim_advance(999999);
		KTAP_EQ(t, run_vector(f->lapic), -1);
		shim_advance(10);
		KTAP_EQ(t, run_vector(f->lapic), VECTOR);
		KTAP_EQ(t, get_deadline(f), 0);
		KTAP_EQ(t, shim_timer_queued(), false);
		fixture_free(f);
	}
}

static void deadline_in_the_past_fires_at_once(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_DEADLINE, 0, 0);

	deadline(f, 1);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	KTAP_EQ(t, get_deadline(f), 0);
	deadline(f, guest_tsc(f));
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	deadline(f, guest_tsc(f) + 1);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	shim_advance(2);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	fixture_free(f);
}

static void deadline_zero_disarms(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_DEADLINE, 0, 0);

	deadline(f, guest_tsc(f) + 1000000);
	deadline(f, 0);
	KTAP_EQ(t, shim_timer_queued(), false);
	shim_advance(10000000);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	fixture_free(f);
}

static void deadline_never(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_DEADLINE, 0, 0);

	deadline(f, ~0ULL);
	KTAP_EQ(t, get_deadline(f), ~0ULL);
	KTAP_EQ(t, shim_timer_queued(), true);
	KTAP_TRUE(t, shim_timer_expires() > ktime_get());
	/* The host's timer reaches only so far: it looks again and goes on. */
	shim_advance(1ULL << 56);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	KTAP_EQ(t, shim_timer_queued(), true);
	fixture_free(f);
}

static void deadline_is_never_early(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_DEADLINE, 0, 0);
	u64 at = guest_tsc(f) + 2000000;
	int i;

	deadline(f, at);
	/* The TSC runs behind what the clock suggests. */
	shim_tsc_lag = 50000;
	for (i = 0; i < 200; i++) {
		shim_advance(10000);
		if (run_vector(f->lapic) < 0)
			continue;
		KTAP_TRUE(t, guest_tsc(f) >= at);
		KTAP_TRUE(t, guest_tsc(f) < at + 30000);
		break;
	}
	KTAP_TRUE(t, i < 200);
	shim_tsc_lag = 0;
	fixture_free(f);
}

static void deadline_moves_with_the_offset(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_DEADLINE, 0, 0);

	deadline(f, guest_tsc(f) + 2000000);
	hvm_lapic_set_tsc(f->lapic, 0, tsc_khz, -2000000ULL);
	shim_advance(1500000);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	hvm_lapic_set_tsc(f->lapic, 0, tsc_khz, 0);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	KTAP_EQ(t, get_deadline(f), 0);
	fixture_free(f);
}

/* A TSC at half the host's speed: 1 GHz. The deadline is met in its own ticks, also when loaded. */
static void deadline_with_a_factor(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_DEADLINE, 0, 0);
	struct hvm_state_lapic state;

	hvm_lapic_set_tsc(f->lapic, 1ULL << 47, tsc_khz / 2, 5000);
	deadline(f, rdtsc() / 2 + 5000 + 1000000);
	shim_advance(950000);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	hvm_lapic_save(f->lapic, &state);
	hvm_lapic_load(f->lapic, &state);
	shim_advance(40000);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	shim_advance(11000);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	fixture_free(f);
}

/* The slowest TSC there is, and the latest deadline: the host's timer is set to a time to come. */
static void deadline_of_a_slow_tsc(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_DEADLINE, 0, 0);

	hvm_lapic_set_tsc(f->lapic, (4000ULL << 48) / tsc_khz, 4000, 0);
	deadline(f, ~0ULL);
	KTAP_EQ(t, shim_timer_queued(), true);
	KTAP_TRUE(t, shim_timer_expires() > 1LL << 60);
	shim_advance(1000000);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	fixture_free(f);
}

/* --- deadlines that exits meet -------------------------------------------------- */

/* What who enters the guest would look at. */
static u64 exit_place;

static struct fixture *start_by_exit(void)
{
	struct fixture *f = fixture_one(XAPIC);

	exit_place = 0;
	f->lapic->timer.exit_place = &exit_place;
	wr(f->lapic, LVT_TIMER, HVM_LVT_DEADLINE | VECTOR);
	return f;
}

static void exit_meets_the_deadline(struct ktap *t)
{
	struct fixture *f = start_by_exit();
	u64 at = guest_tsc(f) + 2000000;

	f->lapic->recheck = false;
	deadline(f, at);
	/* Nothing else has to be chosen anew before the next entry. */
	KTAP_EQ(t, f->lapic->recheck, false);
	KTAP_EQ(t, exit_place, f->lapic->timer.exit_at);
	KTAP_EQ(t, shim_timer_queued(), false);
	KTAP_EQ(t, f->lapic->timer.exit_at + f->lapic->timer.tsc_offset, at);
	/* Too early: nothing but the same again. */
	shim_advance(500000);
	hvm_lapic_deadline(f->lapic);
	KTAP_EQ(t, f->lapic->timer.exit_at + f->lapic->timer.tsc_offset, at);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	shim_advance(500000);
	hvm_lapic_deadline(f->lapic);
	KTAP_EQ(t, f->lapic->timer.exit_at, 0);
	KTAP_EQ(t, exit_place, 0);
	KTAP_EQ(t, get_deadline(f), 0);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	/* An exit that nothing waits for. */
	hvm_lapic_deadline(f->lapic);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	deadline(f, 1);
	KTAP_EQ(t, f->lapic->timer.exit_at, 0);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	fixture_free(f);
}

static void halt_hands_the_deadline_over(struct ktap *t)
{
	struct fixture *f = start_by_exit();

	hvm_lapic_halt_timer(f->lapic);
	KTAP_EQ(t, shim_timer_queued(), false);
	deadline(f, guest_tsc(f) + 2000000);
	hvm_lapic_halt_timer(f->lapic);
	KTAP_EQ(t, f->lapic->timer.exit_at, 0);
	KTAP_EQ(t, shim_timer_queued(), true);
	/* An exit that nobody asked for leaves it there. */
	hvm_lapic_deadline(f->lapic);
	KTAP_EQ(t, f->lapic->timer.exit_at, 0);
	/* Another time while it sleeps: the sleep still ends. */
	hvm_lapic_set_tsc(f->lapic, 0, tsc_khz, f->lapic->timer.tsc_offset + 1000000);
	KTAP_EQ(t, f->lapic->timer.exit_at, 0);
	shim_advance(499999);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	shim_advance(1002);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	/* Written anew, it is an exit's again. */
	deadline(f, guest_tsc(f) + 2000000);
	hvm_lapic_halt_timer(f->lapic);
	deadline(f, guest_tsc(f) + 4000000);
	KTAP_EQ(t, shim_timer_queued(), false);
	KTAP_TRUE(t, f->lapic->timer.exit_at);
	/* It came on the way to sleep. */
	shim_advance(3000000);
	hvm_lapic_halt_timer(f->lapic);
	KTAP_EQ(t, shim_timer_queued(), false);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	fixture_free(f);
}

static void no_exit_for_what_is_disarmed(struct ktap *t)
{
	struct fixture *f = start_by_exit();

	deadline(f, guest_tsc(f) + 1000);
	deadline(f, 0);
	KTAP_EQ(t, f->lapic->timer.exit_at, 0);
	deadline(f, guest_tsc(f) + 1000);
	wr(f->lapic, LVT_TIMER, HVM_LVT_PERIODIC | VECTOR);
	KTAP_EQ(t, f->lapic->timer.exit_at, 0);
	wr(f->lapic, LVT_TIMER, HVM_LVT_DEADLINE | VECTOR);
	deadline(f, guest_tsc(f) + 1000);
	hvm_lapic_reset(f->lapic, true);
	KTAP_EQ(t, f->lapic->timer.exit_at, 0);
	shim_advance(1000000);
	hvm_lapic_deadline(f->lapic);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	fixture_free(f);
}

/* Far deadlines neither wrap nor exit all the time. */
static void exit_is_not_early_for_ever(struct ktap *t)
{
	static const u64 offsets[] = { 0, 1ULL << 63, ~0ULL << 40 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		struct fixture *f = start_by_exit();

		hvm_lapic_set_tsc(f->lapic, 0, tsc_khz, offsets[i]);
		deadline(f, ~0ULL);
		KTAP_EQ(t, get_deadline(f), ~0ULL);
		KTAP_TRUE(t, f->lapic->timer.exit_at - rdtsc() >= 1ULL << 40);
		KTAP_TRUE(t, f->lapic->timer.exit_at - rdtsc() <= 1ULL << 56);
		hvm_lapic_set_tsc(f->lapic, 0, tsc_khz, offsets[i] + 5);
		KTAP_TRUE(t, f->lapic->timer.exit_at > rdtsc());
		fixture_free(f);
	}
}

static void exit_deadline_is_saved(struct ktap *t)
{
	struct fixture *f = start_by_exit(), *to = start_by_exit();
	u64 at = guest_tsc(f) + 2000000;
	struct hvm_state_lapic state;

	deadline(f, at);
	hvm_lapic_save(f->lapic, &state);
	KTAP_EQ(t, state.tsc_deadline, at);
	KTAP_TRUE(t, f->lapic->timer.exit_at);
	hvm_lapic_load(to->lapic, &state);
	KTAP_EQ(t, to->lapic->timer.exit_at, f->lapic->timer.exit_at);
	KTAP_EQ(t, get_deadline(to), at);
	fixture_free(f);
	fixture_free(to);
}

static void deadline_needs_its_mode(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_ONE_SHOT, 0xb, 100000);

	deadline(f, 1);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	KTAP_EQ(t, get_deadline(f), 0);
	KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMCCT), 100000);

	/* Into the mode: the count is gone. Out of it: the deadline is. */
	wr(f->lapic, LVT_TIMER, HVM_LVT_DEADLINE | VECTOR);
	KTAP_EQ(t, shim_timer_queued(), false);
	KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMCCT), 0);
	wr(f->lapic, HVM_APIC_TMICT, 1000);
	KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMICT), 0);
	deadline(f, guest_tsc(f) + 1000);
	wr(f->lapic, LVT_TIMER, HVM_LVT_ONE_SHOT | VECTOR);
	KTAP_EQ(t, shim_timer_queued(), false);
	KTAP_EQ(t, get_deadline(f), 0);
	fixture_free(f);
}

static void deadline_masked(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_DEADLINE | HVM_LVT_MASKED, 0, 0);

	deadline(f, guest_tsc(f) + 1000);
	shim_advance(1000);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	KTAP_EQ(t, get_deadline(f), 0);
	fixture_free(f);
}

static void reset_stops(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_PERIODIC, 0xb, 100000);

	hvm_lapic_reset(f->lapic, true);
	KTAP_EQ(t, shim_timer_queued(), false);
	KTAP_EQ(t, rd(f->lapic, HVM_APIC_TMICT), 0);
	KTAP_EQ(t, rd(f->lapic, HVM_APIC_TDCR), 0);
	wr(f->lapic, HVM_APIC_SVR, 0x1ff);
	wr(f->lapic, LVT_TIMER, VECTOR);
	wr(f->lapic, HVM_APIC_TMICT, 1000);
	shim_advance(1999);
	KTAP_EQ(t, run_vector(f->lapic), -1);
	shim_advance(1);
	KTAP_EQ(t, run_vector(f->lapic), VECTOR);
	fixture_free(f);
}

static void deinit_stops(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_PERIODIC, 0xb, 100000);

	fixture_free(f);
	KTAP_EQ(t, shim_timer_queued(), false);
	shim_advance(1000000);
}

static void moving_keeps_the_expiry(struct ktap *t)
{
	struct fixture *f = start(HVM_LVT_ONE_SHOT, 0xb, 100000);
	ktime_t expires = shim_timer_expires();

	shim_advance(1000);
	hvm_lapic_move_timer(f->lapic);
	KTAP_EQ(t, shim_timer_expires(), expires);
	wr(f->lapic, HVM_APIC_TMICT, 0);
	hvm_lapic_move_timer(f->lapic);
	KTAP_EQ(t, shim_timer_queued(), false);
	fixture_free(f);
}

static void frequencies(struct ktap *t)
{
	static const unsigned int khz[] = { 4000, 33000, 1000000, 2893437, 5000000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(khz); i++) {
		struct fixture *f;

		tsc_khz = khz[i];
		f = start(HVM_LVT_DEADLINE, 0, 0);
		deadline(f, guest_tsc(f) + (u64)khz[i] * 1000);	/* a second */
		shim_advance(999990000);
		KTAP_EQ(t, run_vector(f->lapic), -1);
		shim_advance(20000);
		KTAP_EQ(t, run_vector(f->lapic), VECTOR);
		fixture_free(f);
	}
	tsc_khz = 2000000;
}

static const struct ktap_case cases[] = {
	{ "one_shot_fires_once", one_shot_fires_once },
	{ "zero_stops", zero_stops },
	{ "periodic_repeats", periodic_repeats },
	{ "periodic_has_a_floor", periodic_has_a_floor },
	{ "periodic_catches_up", periodic_catches_up },
	{ "masked_does_not_interrupt", masked_does_not_interrupt },
	{ "untaken_ticks_stop", untaken_ticks_stop },
	{ "masked_ticks_stop", masked_ticks_stop },
	{ "paused_starts_anew", paused_starts_anew },
	{ "vector_is_read_at_expiry", vector_is_read_at_expiry },
	{ "illegal_vector_is_an_error", illegal_vector_is_an_error },
	{ "divider_change_keeps_the_count", divider_change_keeps_the_count },
	{ "mode_change_keeps_the_count", mode_change_keeps_the_count },
	{ "longest_count", longest_count },
	{ "deadline_is_met", deadline_is_met },
	{ "deadline_in_the_past_fires_at_once", deadline_in_the_past_fires_at_once },
	{ "deadline_zero_disarms", deadline_zero_disarms },
	{ "deadline_never", deadline_never },
	{ "deadline_is_never_early", deadline_is_never_early },
	{ "deadline_moves_with_the_offset", deadline_moves_with_the_offset },
	{ "deadline_with_a_factor", deadline_with_a_factor },
	{ "deadline_of_a_slow_tsc", deadline_of_a_slow_tsc },
	{ "exit_meets_the_deadline", exit_meets_the_deadline },
	{ "halt_hands_the_deadline_over", halt_hands_the_deadline_over },
	{ "no_exit_for_what_is_disarmed", no_exit_for_what_is_disarmed },
	{ "exit_is_not_early_for_ever", exit_is_not_early_for_ever },
	{ "exit_deadline_is_saved", exit_deadline_is_saved },
	{ "deadline_needs_its_mode", deadline_needs_its_mode },
	{ "deadline_masked", deadline_masked },
	{ "reset_stops", reset_stops },
	{ "deinit_stops", deinit_stops },
	{ "moving_keeps_the_expiry", moving_keeps_the_expiry },
	{ "frequencies", frequencies },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
