// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of save, check and load: what is saved comes back, and what cannot be is refused.
 */
#include "lapic_fixture.h"

#define LVT(which)	(HVM_APIC_LVT + HVM_LVT_##which)

static void check_same(struct ktap *t, const struct hvm_state_lapic *a,
		       const struct hvm_state_lapic *b)
{
	unsigned int i;

	for (i = 0; i < 64; i++)
		KTAP_EQ(t, a->regs[i], b->regs[i]);
	KTAP_EQ(t, memcmp(a, b, sizeof(*a)), 0);
}

/* Save, load into another APIC with the same id, save: the same. */
static void round_trip(struct ktap *t, struct fixture *f, struct hvm_state_lapic *state)
{
	const u32 id = f->lapic->id;
	struct fixture *other = fixture_new(AT_RESET, &id, 1);
	struct hvm_state_lapic again;

	hvm_lapic_save(f->lapic, state);
	KTAP_EQ(t, hvm_lapic_check(other->lapic, state), 0);
	hvm_lapic_load(other->lapic, state);
	hvm_lapic_save(other->lapic, &again);
	check_same(t, state, &again);
	fixture_free(other);
}

static void reset_state(struct ktap *t)
{
	static const u32 ids[] = { 0, 1, 200, 255, 256, 4095 };
	struct hvm_state_lapic state;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		struct fixture *f = fixture_new(AT_RESET, &ids[i], 1);

		round_trip(t, f, &state);
		fixture_free(f);
		f = fixture_new(X2APIC, &ids[i], 1);
		round_trip(t, f, &state);
		KTAP_EQ(t, state.regs[HVM_APIC_ID], ids[i]);
		fixture_free(f);
	}
}

static void every_register(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC);
	struct hvm_lapic *lapic = f->lapic;
	struct hvm_state_lapic state;
	unsigned int i;

	for (i = 0; i < HVM_LVT_COUNT; i++)
		wr(lapic, HVM_APIC_LVT + i, 0x51 + i);
	wr(lapic, HVM_APIC_TPR, 0x23);
	wr(lapic, HVM_APIC_LDR, 0x40000000);
	wr(lapic, HVM_APIC_DFR, 0);
	wr(lapic, HVM_APIC_ICR2, 0x77000000);
	wr(lapic, HVM_APIC_ICR, 0xc4070);
	hvm_lapic_raise_errors(lapic, HVM_ESR_SEND_ILLEGAL);
	wr(lapic, HVM_APIC_ESR, 0);
	hvm_lapic_raise_errors(lapic, HVM_ESR_ILLEGAL_REG);
	hvm_lapic_post(lapic, 0x44, true);
	hvm_lapic_post(lapic, 0x99, false);
	hvm_lapic_post(lapic, 0xee, true);
	run_vector(lapic);
	take_vector(lapic);
	hvm_lapic_post(lapic, 0xf7, true);
	round_trip(t, f, &state);

	/* What was only posted is in, with its trigger mode. */
	KTAP_EQ(t, state.regs[HVM_APIC_IRR + 7] & 1 << 23, 1 << 23);
	KTAP_EQ(t, state.regs[HVM_APIC_TMR + 7] & 1 << 23, 1 << 23);
	/* 0x44, and the error interrupt. */
	KTAP_EQ(t, state.regs[HVM_APIC_IRR + 2], 1 << 4 | 1 << 22);
	KTAP_EQ(t, state.regs[HVM_APIC_ESR], HVM_ESR_SEND_ILLEGAL);
	KTAP_EQ(t, state.errors, HVM_ESR_ILLEGAL_REG);
	fixture_free(f);
}

static void loaded_goes_on(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC), *other = fixture_one(AT_RESET);
	struct hvm_state_lapic state;

	hvm_lapic_post(f->lapic, 0x35, true);
	hvm_lapic_post(f->lapic, 0x91, true);
	KTAP_EQ(t, take_vector(f->lapic), 0x91);
	hvm_lapic_save(f->lapic, &state);
	hvm_lapic_load(other->lapic, &state);
	KTAP_EQ(t, other->lapic->recheck, true);
	KTAP_EQ(t, take_vector(other->lapic), -1);
	KTAP_EQ(t, hvm_lapic_msr_write(other->lapic, MSR(HVM_APIC_EOI), 0), 0);
	KTAP_EQ(t, hvm_lapic_take_eoi(other->lapic), 0x91);
	KTAP_EQ(t, run_vector(other->lapic), 0x35);
	KTAP_EQ(t, hvm_lapic_take_eoi(other->lapic), 0x35);
	fixture_free(f);
	fixture_free(other);
}

static void untold_eois_are_saved(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC), *other = fixture_one(AT_RESET);
	struct hvm_state_lapic state;

	hvm_lapic_post(f->lapic, 0x35, true);
	hvm_lapic_post(f->lapic, 0xff, true);
	hvm_lapic_reset(f->lapic, true);
	KTAP_EQ(t, hvm_lapic_take_eoi(f->lapic), 0xff);
	round_trip(t, f, &state);
	KTAP_EQ(t, state.eois[1], 1 << 21);
	hvm_lapic_load(other->lapic, &state);
	KTAP_EQ(t, hvm_lapic_take_eoi(other->lapic), 0x35);
	KTAP_EQ(t, hvm_lapic_take_eoi(other->lapic), -1);
	fixture_free(f);
	fixture_free(other);
}

/* Loading replaces: nothing of before is left, and nothing is reported as dropped. */
static void load_replaces_everything(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC), *other = fixture_one(XAPIC);
	struct hvm_state_lapic state, again;

	hvm_lapic_save(f->lapic, &state);
	hvm_lapic_post(other->lapic, 0x44, true);
	take_vector(other->lapic);
	hvm_lapic_post(other->lapic, 0x88, true);
	hvm_lapic_post_error(other->lapic, HVM_ESR_RECV_ILLEGAL);
	wr(other->lapic, LVT(TIMER), HVM_LVT_PERIODIC | 0x50);
	wr(other->lapic, HVM_APIC_TMICT, 100000);
	hvm_lapic_load(other->lapic, &state);
	hvm_lapic_save(other->lapic, &again);
	check_same(t, &state, &again);
	KTAP_EQ(t, hvm_lapic_take_eoi(other->lapic), -1);
	KTAP_EQ(t, shim_timer_queued(), false);
	fixture_free(f);
	fixture_free(other);
}

static void count_goes_on(struct ktap *t)
{
	static const u32 modes[] = { HVM_LVT_ONE_SHOT, HVM_LVT_PERIODIC };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		struct fixture *f = fixture_one(XAPIC), *other = fixture_one(AT_RESET);
		struct hvm_state_lapic state;

		wr(f->lapic, LVT(TIMER), modes[i] | 0x50);
		wr(f->lapic, HVM_APIC_TDCR, 1);	/* by 4 */
		wr(f->lapic, HVM_APIC_TMICT, 50000);
		shim_advance(4 * 20000);
		hvm_lapic_save(f->lapic, &state);
		KTAP_EQ(t, state.regs[HVM_APIC_TMCCT], 30000);
		fixture_free(f);

		/* The time in between does not count. */
		shim_advance(1000000000);
		KTAP_EQ(t, hvm_lapic_check(other->lapic, &state), 0);
		hvm_lapic_load(other->lapic, &state);
		KTAP_EQ(t, rd(other->lapic, HVM_APIC_TMCCT), 30000);
		shim_advance(4 * 30000 - 1);
		KTAP_EQ(t, run_vector(other->lapic), -1);
		shim_advance(1);
		KTAP_EQ(t, run_vector(other->lapic), 0x50);
		shim_advance(4 * 50000);
		KTAP_EQ(t, run_vector(other->lapic), modes[i] == HVM_LVT_PERIODIC ? 0x50 : -1);
		fixture_free(other);
	}
}

/* Saved between the end of a count and its interrupt: that is in IRR, or still comes. */
static void count_that_is_due(struct ktap *t)
{
	static const u32 modes[] = { HVM_LVT_ONE_SHOT, HVM_LVT_PERIODIC };
	struct hvm_state_lapic state;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		struct fixture *f = fixture_one(XAPIC), *other = fixture_one(AT_RESET);

		wr(f->lapic, LVT(TIMER), modes[i] | 0x61);
		wr(f->lapic, HVM_APIC_TDCR, 0xb);
		wr(f->lapic, HVM_APIC_TMICT, 500000);
		shim_advance_late(500001);
		hvm_lapic_save(f->lapic, &state);
		KTAP_EQ(t, state.regs[HVM_APIC_IRR + 3], 0);
		KTAP_EQ(t, state.regs[HVM_APIC_TMCCT], 1);
		KTAP_EQ(t, hvm_lapic_check(other->lapic, &state), 0);
		hvm_lapic_load(other->lapic, &state);
		shim_advance(1);
		KTAP_EQ(t, run_vector(other->lapic), 0x61);
		/* The one that was saved goes on as well. */
		KTAP_EQ(t, run_vector(f->lapic), 0x61);

		/* It has fired: in IRR, and a one-shot count is over. */
		wr(f->lapic, HVM_APIC_TMICT, 500000);
		shim_advance(500000);
		hvm_lapic_save(f->lapic, &state);
		KTAP_EQ(t, state.regs[HVM_APIC_IRR + 3], 1 << 1);
		KTAP_EQ(t, state.regs[HVM_APIC_TMCCT], i ? 500000 : 0);
		fixture_free(f);
		fixture_free(other);
	}
}

static void deadline_goes_on(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC), *other = fixture_one(AT_RESET);
	struct hvm_state_lapic state;
	u64 at = rdtsc() + 4000000;

	wr(f->lapic, LVT(TIMER), HVM_LVT_DEADLINE | 0x50);
	hvm_lapic_msr_write(f->lapic, HVM_MSR_TSC_DEADLINE, at);
	round_trip(t, f, &state);
	KTAP_EQ(t, state.tsc_deadline, at);
	fixture_free(f);

	hvm_lapic_load(other->lapic, &state);
	shim_advance(1999000);
	KTAP_EQ(t, run_vector(other->lapic), -1);
	shim_advance(2000);
	KTAP_EQ(t, run_vector(other->lapic), 0x50);

	/* One that passed meanwhile fires at once. */
	hvm_lapic_load(other->lapic, &state);
	KTAP_EQ(t, run_vector(other->lapic), 0x50);
	fixture_free(other);
}

static void logical_id_comes_back(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC), *other = fixture_one(AT_RESET);
	struct hvm_state_lapic state;

	wr(f->lapic, HVM_APIC_LDR, 0x20000000);
	hvm_lapic_save(f->lapic, &state);
	KTAP_EQ(t, hvm_msi_deliver(&other->irq, 0xfee20004, 0x41), 0);
	hvm_lapic_load(other->lapic, &state);
	KTAP_EQ(t, hvm_msi_deliver(&other->irq, 0xfee20004, 0x41), 1);
	fixture_free(f);
	fixture_free(other);
}

static void refused(struct ktap *t)
{
	enum { REG, BASE, DEADLINE, EOIS, ERRORS, RESERVED };
	static const struct {
		u8 what, reg;
		u64 value;
	} rows[] = {
		{ REG, HVM_APIC_ID, 1 << 24 }, { REG, HVM_APIC_ID, 1 },
		{ REG, HVM_APIC_VERSION, 0 }, { REG, HVM_APIC_VERSION, 0x60015 },
		{ REG, HVM_APIC_TPR, 0x100 }, { REG, HVM_APIC_APR, 1 }, { REG, HVM_APIC_RRD, 1 },
		{ REG, HVM_APIC_LDR, 1 }, { REG, HVM_APIC_SVR, 0x1000 },
		{ REG, HVM_APIC_ISR, 1 }, { REG, HVM_APIC_TMR, 0x8000 },
		{ REG, HVM_APIC_IRR, 0x80 },
		{ REG, HVM_APIC_ESR, 1 }, { REG, HVM_APIC_ESR, 0x100 },
		{ REG, HVM_APIC_ICR, 0x1000 }, { REG, HVM_APIC_ICR, 1 << 20 },
		{ REG, HVM_APIC_ICR2, 1 }, { REG, LVT(TIMER), HVM_LVT_MODE },
		{ REG, LVT(TIMER), 0x200 }, { REG, LVT(LINT0), 0x800 }, { REG, LVT(ERROR), 0x100 },
		{ REG, HVM_APIC_TMCCT, 1 }, { REG, HVM_APIC_TDCR, 4 }, { REG, HVM_APIC_TDCR, 0x10 },
		{ REG, 0x00, 1 }, { REG, 0x04, 1 }, { REG, 0x29, 1 }, { REG, 0x2f, 0x10000 },
		{ REG, 0x3a, 1 }, { REG, 0x3d, 1 }, { REG, HVM_APIC_SELF_IPI, 0x40 },
		{ BASE, 0, 0 }, { BASE, 0, 0xfee00400 }, { BASE, 0, 0xfed00800 },
		{ BASE, 0, 0xfee00801 }, { BASE, 0, 0xfee00c00 }, { BASE, 0, ~0ULL },
		{ DEADLINE, 0, 1 }, { EOIS, 0, 1 }, { ERRORS, 0, 1 }, { ERRORS, 0, 0x100 },
		{ RESERVED, 0, 1 },
	};
	struct fixture *f = fixture_one(XAPIC);
	struct hvm_state_lapic good, state;
	unsigned int i;

	hvm_lapic_save(f->lapic, &good);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		state = good;
		switch (rows[i].what) {
		case REG:
			state.regs[rows[i].reg] = rows[i].value;
			break;
		case BASE:
			state.base = rows[i].value;
			break;
		case DEADLINE:
			state.tsc_deadline = rows[i].value;
			break;
		case EOIS:
			state.eois[0] = rows[i].value;
			break;
		case ERRORS:
			state.errors = rows[i].value;
			break;
		case RESERVED:
			state.reserved = rows[i].value;
			break;
		}
		if (!hvm_lapic_check(f->lapic, &state))
			KTAP_FAIL(t, "case %u was taken", i);
	}
	KTAP_EQ(t, hvm_lapic_check(f->lapic, &good), 0);
	fixture_free(f);
}

static void refused_combinations(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC);
	struct hvm_state_lapic good, state;

	hvm_lapic_save(f->lapic, &good);
	/* Local sources unmasked while the APIC is disabled by software. */
	state = good;
	state.regs[LVT(LINT1)] = 0x400;
	KTAP_EQ(t, hvm_lapic_check(f->lapic, &state), 0);
	state.regs[HVM_APIC_SVR] = 0xff;
	KTAP_EQ(t, hvm_lapic_check(f->lapic, &state), -EINVAL);
	/* A count in TSC-deadline mode; more left than there was. */
	state = good;
	state.regs[HVM_APIC_TMICT] = 5;
	state.regs[HVM_APIC_TMCCT] = 5;
	KTAP_EQ(t, hvm_lapic_check(f->lapic, &state), 0);
	state.regs[HVM_APIC_TMCCT] = 6;
	KTAP_EQ(t, hvm_lapic_check(f->lapic, &state), -EINVAL);
	state.regs[LVT(TIMER)] = HVM_LVT_DEADLINE;
	KTAP_EQ(t, hvm_lapic_check(f->lapic, &state), -EINVAL);
	/* Features that are not announced. */
	state = good;
	state.regs[LVT(TIMER)] = HVM_LVT_DEADLINE | 0x40;
	state.tsc_deadline = 12345;
	KTAP_EQ(t, hvm_lapic_check(f->lapic, &state), 0);
	hvm_lapic_set_features(f->lapic, HVM_LAPIC_X2APIC);
	KTAP_EQ(t, hvm_lapic_check(f->lapic, &state), -EINVAL);
	fixture_free(f);
}

static void disabled_apic(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC);
	struct hvm_state_lapic state;

	hvm_lapic_msr_write(f->lapic, HVM_MSR_APIC_BASE, 0xfee00100);
	round_trip(t, f, &state);
	KTAP_EQ(t, state.base, 0xfee00100);
	fixture_free(f);
}

/* What passes the check can be loaded, and then saves as something that passes. */
static void random_states(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC);
	struct hvm_state_lapic good, state, again;
	u32 seed = 7, i, j, taken = 0;

	hvm_lapic_save(f->lapic, &good);
	for (i = 0; i < 100000; i++) {
		state = good;
		for (j = 0; j < 3; j++) {
			u32 *word;

			seed = seed * 1664525 + 1013904223;
			word = (u32 *)&state + (seed >> 16) % (sizeof(state) / 4);
			*word ^= 1U << (seed >> 11 & 31);
		}
		if (hvm_lapic_check(f->lapic, &state))
			continue;
		taken++;
		hvm_lapic_load(f->lapic, &state);
		hvm_lapic_save(f->lapic, &again);
		KTAP_EQ(t, hvm_lapic_check(f->lapic, &again), 0);
		shim_advance(1000);
		while (run_vector(f->lapic) >= 0)
			;
	}
	KTAP_TRUE(t, taken > 1000);
	fixture_free(f);
}

static const struct ktap_case cases[] = {
	{ "reset_state", reset_state },
	{ "every_register", every_register },
	{ "loaded_goes_on", loaded_goes_on },
	{ "untold_eois_are_saved", untold_eois_are_saved },
	{ "load_replaces_everything", load_replaces_everything },
	{ "count_goes_on", count_goes_on },
	{ "count_that_is_due", count_that_is_due },
	{ "deadline_goes_on", deadline_goes_on },
	{ "logical_id_comes_back", logical_id_comes_back },
	{ "refused", refused },
	{ "refused_combinations", refused_combinations },
	{ "disabled_apic", disabled_apic },
	{ "random_states", random_states },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
