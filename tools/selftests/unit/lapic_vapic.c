// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the local APIC that is lent to the hardware: against a processor that does what SDM
 * "Virtual-Interrupt Delivery" and "EOI Virtualization" say, and beside a twin that is never lent.
 */
#include "lapic_fixture.h"
#include "random.h"

/* --- the processor ------------------------------------------------------------- */

/* In place of the processor's own registers: RVI and SVI. */
struct processor {
	struct hvm_lapic *lapic;
	struct hvm_vapic vapic;
	u32 page[1024];
	u8 requested;
	u8 service;
};

static void processor_init(struct processor *p, struct hvm_lapic *lapic)
{
	memset(p, 0, sizeof(*p));
	p->lapic = lapic;
	p->vapic.page = p->page;
	p->vapic.on = true;
	lapic->vapic = &p->vapic;
}

static u32 *word_of(struct processor *p, u32 reg, u8 vector)
{
	return &p->page[(reg + vector / 32) * 4];
}

static bool page_has(struct processor *p, u32 reg, u8 vector)
{
	return *word_of(p, reg, vector) >> vector % 32 & 1;
}

static u8 page_highest(struct processor *p, u32 reg)
{
	int vector;

	for (vector = 255; vector > 0; vector--)
		if (page_has(p, reg, vector))
			break;
	return vector;
}

/* Back into the guest, with what common code has for it. */
static void enter(struct processor *p)
{
	if (hvm_lapic_lend(p->lapic)) {
		p->requested = p->vapic.requested;
		p->service = p->vapic.service;
	}
	p->page[HVM_APIC_TPR * 4] = hvm_lapic_tpr(p->lapic);
}

static int deliver(struct processor *p)
{
	u8 tpr = p->page[HVM_APIC_TPR * 4], vector = p->requested;

	if (vector >> 4 <= max(tpr >> 4, p->service >> 4))
		return -1;
	*word_of(p, HVM_APIC_ISR, vector) |= BIT(vector % 32);
	p->service = vector;
	*word_of(p, HVM_APIC_IRR, vector) &= ~BIT(vector % 32);
	p->requested = page_highest(p, HVM_APIC_IRR);
	return vector;
}

/* Return: it exited. */
static bool end(struct processor *p)
{
	u8 vector = p->service;

	*word_of(p, HVM_APIC_ISR, vector) &= ~BIT(vector % 32);
	p->service = page_highest(p, HVM_APIC_ISR);
	if (!(p->vapic.eoi_exits[vector / 64] & BIT_ULL(vector % 64)))
		return false;
	hvm_lapic_ended(p->lapic, vector);
	return true;
}

/* --- cases --------------------------------------------------------------------- */

static void delivers_the_highest_first(struct ktap *t)
{
	static const u8 posted[] = { 0x31, 0xff, 0x80, 0x7f, 0x31, 0x10 };
	static const int taken[] = { 0xff, 0x80, 0x7f, 0x31, 0x10, -1 };
	struct fixture *f = fixture_one(X2APIC);
	struct processor p;
	unsigned int i;

	processor_init(&p, f->lapic);
	for (i = 0; i < sizeof(posted); i++)
		hvm_lapic_post(f->lapic, posted[i], false);
	enter(&p);
	for (i = 0; i < ARRAY_SIZE(taken); i++) {
		KTAP_EQ(t, deliver(&p), taken[i]);
		KTAP_EQ(t, end(&p), false);
	}
	fixture_free(f);
}

/* An exit that nobody looks at costs nothing: what is lent stays so. */
static void lent_once(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct processor p;

	processor_init(&p, f->lapic);
	hvm_lapic_post(f->lapic, 0x40, false);
	KTAP_EQ(t, hvm_lapic_lend(f->lapic), true);
	KTAP_EQ(t, hvm_lapic_lend(f->lapic), false);
	hvm_lapic_post(f->lapic, 0x41, false);
	KTAP_EQ(t, hvm_lapic_lend(f->lapic), true);
	f->lapic->recheck = false;
	KTAP_EQ(t, hvm_lapic_pending(f->lapic), 0x41);
	KTAP_EQ(t, f->lapic->recheck, true);
	KTAP_EQ(t, hvm_lapic_lend(f->lapic), true);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_TDCR), 3);
	KTAP_EQ(t, hvm_lapic_lend(f->lapic), true);
	fixture_free(f);
}

static void level_exits_at_its_end(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct processor p;

	processor_init(&p, f->lapic);
	hvm_lapic_post(f->lapic, 0x40, true);
	hvm_lapic_post(f->lapic, 0x50, false);
	enter(&p);
	KTAP_EQ(t, deliver(&p), 0x50);
	KTAP_EQ(t, end(&p), false);
	KTAP_EQ(t, deliver(&p), 0x40);
	KTAP_EQ(t, hvm_lapic_take_eoi(f->lapic), -1);
	KTAP_EQ(t, end(&p), true);
	KTAP_EQ(t, hvm_lapic_take_eoi(f->lapic), 0x40);
	KTAP_EQ(t, hvm_lapic_take_eoi(f->lapic), -1);
	/* The same vector as an edge has no exit. */
	hvm_lapic_post(f->lapic, 0x40, false);
	enter(&p);
	KTAP_EQ(t, deliver(&p), 0x40);
	KTAP_EQ(t, end(&p), false);
	fixture_free(f);
}

static void start_ticks(struct hvm_lapic *lapic)
{
	hvm_lapic_msr_write(lapic, MSR(HVM_APIC_LVT + HVM_LVT_TIMER), HVM_LVT_PERIODIC | 0x60);
	hvm_lapic_msr_write(lapic, MSR(HVM_APIC_TMICT), 1000000);
}

/* Its tick is taken unseen: the end of it starts the next period. */
static void periodic_timer_goes_on(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct processor p;
	int i;

	processor_init(&p, f->lapic);
	start_ticks(f->lapic);
	for (i = 0; i < 5; i++) {
		shim_advance(2000000);
		enter(&p);
		KTAP_EQ(t, deliver(&p), 0x60);
		KTAP_EQ(t, deliver(&p), -1);
		KTAP_EQ(t, shim_timer_queued(), false);
		KTAP_EQ(t, end(&p), true);
		KTAP_EQ(t, shim_timer_queued(), true);
	}
	fixture_free(f);
}

/* Software may have to end what the processor delivered: a debugger came between. */
static void periodic_timer_ended_by_software(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct processor p;

	processor_init(&p, f->lapic);
	start_ticks(f->lapic);
	shim_advance(2000000);
	enter(&p);
	KTAP_EQ(t, deliver(&p), 0x60);
	KTAP_EQ(t, shim_timer_queued(), false);
	hvm_lapic_own(f->lapic);
	KTAP_EQ(t, shim_timer_queued(), true);
	hvm_lapic_eoi(f->lapic);
	KTAP_EQ(t, shim_timer_queued(), true);
	fixture_free(f);
}

/* One that nobody takes, and one that waits in the bitmap, start nothing. */
static void periodic_timer_waits_for_its_tick(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct hvm_state_lapic state;
	struct processor p;

	processor_init(&p, f->lapic);
	enter(&p);
	start_ticks(f->lapic);
	shim_advance(2000000);
	hvm_lapic_own(f->lapic);
	KTAP_EQ(t, shim_timer_queued(), false);
	enter(&p);
	hvm_lapic_own(f->lapic);
	KTAP_EQ(t, shim_timer_queued(), false);
	/* Taken, and then saved: it runs on behind that. */
	enter(&p);
	KTAP_EQ(t, deliver(&p), 0x60);
	hvm_lapic_save(f->lapic, &state);
	KTAP_EQ(t, shim_timer_queued(), true);
	KTAP_EQ(t, state.regs[HVM_APIC_ISR + 3], 1);
	fixture_free(f);
}

static void what_was_not_delivered_comes_again(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct processor p;

	processor_init(&p, f->lapic);
	hvm_lapic_post(f->lapic, 0x40, false);
	hvm_lapic_post(f->lapic, 0x90, false);
	enter(&p);
	KTAP_EQ(t, deliver(&p), 0x90);
	hvm_lapic_undeliver(f->lapic);
	enter(&p);
	KTAP_EQ(t, deliver(&p), 0x90);
	end(&p);
	KTAP_EQ(t, deliver(&p), 0x40);
	end(&p);
	/* Nothing in service: nothing to put back. */
	hvm_lapic_undeliver(f->lapic);
	enter(&p);
	KTAP_EQ(t, deliver(&p), -1);
	fixture_free(f);
}

/* Every register that is read without an exit reads as the kernel would answer it. */
static void check_page(struct ktap *t, struct processor *p)
{
	unsigned int reg;
	u64 value;

	enter(p);
	for (reg = 0; reg < HVM_APIC_REGS; reg++) {
		/* The processor's own: the model has none. */
		if (!(HVM_VAPIC_READ & BIT_ULL(reg)) || reg == HVM_APIC_PPR)
			continue;
		KTAP_EQ(t, hvm_lapic_msr_read(p->lapic, MSR(reg), &value), 0);
		if (p->page[reg * 4] != (u32)value)
			KTAP_FAIL(t, "register %#x: %#x, not %#llx", reg, p->page[reg * 4],
				  (unsigned long long)value);
	}
}

static void page_shows_the_registers(struct ktap *t)
{
	static const u32 ids[] = { 0x123 };
	struct fixture *f = fixture_new(X2APIC, ids, 1);
	struct processor p;
	u32 i;

	processor_init(&p, f->lapic);
	check_page(t, &p);
	for (i = 0; i < HVM_LVT_COUNT; i++) {
		hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_LVT + i), 0x30 + i);
		check_page(t, &p);
	}
	hvm_lapic_post(f->lapic, 0x77, true);
	hvm_lapic_post(f->lapic, 0xf1, false);
	check_page(t, &p);
	KTAP_EQ(t, deliver(&p), 0xf1);
	check_page(t, &p);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_TPR), 0x35);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_TDCR), 0xb);
	check_page(t, &p);
	/* Switched off by software: all local sources are masked. */
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_SVR), 0xfe);
	check_page(t, &p);
	fixture_free(f);
}

static void saved_while_lent(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC), *other = fixture_one(XAPIC);
	struct hvm_state_lapic state;
	struct processor p, q;

	processor_init(&p, f->lapic);
	processor_init(&q, other->lapic);
	hvm_lapic_post(f->lapic, 0x40, true);
	hvm_lapic_post(f->lapic, 0x90, false);
	enter(&p);
	KTAP_EQ(t, deliver(&p), 0x90);
	hvm_lapic_save(f->lapic, &state);
	KTAP_EQ(t, hvm_lapic_check(other->lapic, &state), 0);
	hvm_lapic_load(other->lapic, &state);
	check_page(t, &q);
	KTAP_EQ(t, deliver(&q), -1);
	KTAP_EQ(t, end(&q), false);
	KTAP_EQ(t, deliver(&q), 0x40);
	KTAP_EQ(t, end(&q), true);
	fixture_free(other);
	fixture_free(f);
}

static void reset_while_lent(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct processor p;

	processor_init(&p, f->lapic);
	hvm_lapic_post(f->lapic, 0x40, true);
	hvm_lapic_post(f->lapic, 0x30, true);
	enter(&p);
	KTAP_EQ(t, deliver(&p), 0x40);
	hvm_lapic_reset(f->lapic, true);
	KTAP_EQ(t, hvm_lapic_take_eoi(f->lapic), 0x40);
	KTAP_EQ(t, hvm_lapic_take_eoi(f->lapic), 0x30);
	enter(&p);
	KTAP_EQ(t, deliver(&p), -1);
	KTAP_EQ(t, p.service, 0);
	fixture_free(f);
}

static void set_tpr(struct processor *p, struct hvm_lapic *twin, u8 tpr)
{
	p->page[HVM_APIC_TPR * 4] = tpr;
	hvm_lapic_set_tpr(p->lapic, tpr);
	hvm_lapic_set_tpr(twin, tpr);
}

static void compare(struct ktap *t, struct hvm_lapic *a, struct hvm_lapic *b)
{
	struct hvm_state_lapic of_a, of_b;

	hvm_lapic_save(a, &of_a);
	hvm_lapic_save(b, &of_b);
	if (memcmp(&of_a, &of_b, sizeof(of_a)))
		KTAP_FAIL(t, "the twin's state is another");
}

/* Whatever happens, it is the same as where software does it all, at the same times. */
static void twins(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC), *g = fixture_one(X2APIC);
	struct hvm_lapic *twin = g->lapic;
	uint64_t random = random_seed(11);
	struct processor p;
	unsigned int i;
	int vector;

	processor_init(&p, f->lapic);
	enter(&p);
	for (i = 0; i < 200000 && !t->failures; i++) {
		switch (random64(&random) % 16) {
		case 0 ... 5:
			vector = 16 + random64(&random) % 240;
			hvm_lapic_post(p.lapic, vector, i & 1);
			hvm_lapic_post(twin, vector, i & 1);
			enter(&p);
			hvm_lapic_pending(twin);
			break;
		case 6 ... 9:
			KTAP_EQ(t, deliver(&p), take_vector(twin));
			break;
		case 10 ... 12:
			end(&p);
			hvm_lapic_eoi(twin);
			enter(&p);
			KTAP_EQ(t, hvm_lapic_take_eoi(p.lapic), hvm_lapic_take_eoi(twin));
			break;
		case 13:
			set_tpr(&p, twin, random64(&random) % 4 ? 0 : random64(&random));
			break;
		case 14:
			compare(t, p.lapic, twin);
			enter(&p);
			break;
		case 15:
			check_page(t, &p);
			enter(&p);
			break;
		}
	}
	fixture_free(g);
	fixture_free(f);
}

static const struct ktap_case cases[] = {
	{ "delivers_the_highest_first", delivers_the_highest_first },
	{ "lent_once", lent_once },
	{ "level_exits_at_its_end", level_exits_at_its_end },
	{ "periodic_timer_goes_on", periodic_timer_goes_on },
	{ "periodic_timer_ended_by_software", periodic_timer_ended_by_software },
	{ "periodic_timer_waits_for_its_tick", periodic_timer_waits_for_its_tick },
	{ "what_was_not_delivered_comes_again", what_was_not_delivered_comes_again },
	{ "page_shows_the_registers", page_shows_the_registers },
	{ "saved_while_lent", saved_while_lent },
	{ "reset_while_lent", reset_while_lent },
	{ "twins", twins },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
