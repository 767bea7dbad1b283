// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of posting from several threads: no vector, NMI or ring is lost, whatever the order.
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "lapic_fixture.h"

#define POSTERS		3
#define ROUNDS		100000
/* What hands over in each round makes fewer of them where others want the processors, too. */
#define SECONDS		10

struct poster {
	struct fixture *f;
	pthread_t thread;
	u8 vector;		/* its own */
	u32 posted;		/* how often, so far */
	u32 *taken;		/* how often the owner took it */
	bool *done;
};

/*
 * Post, wait until the vector was taken, post again: as each post is waited for, one that is lost
 * stops the test, and one that is made up shows in the count.
 */
static void *post(void *arg)
{
	struct poster *p = arg;
	const time_t end = time(NULL) + SECONDS;

	while (p->posted < ROUNDS && time(NULL) <= end) {
		hvm_lapic_post(p->f->lapic, p->vector, p->vector & 1);
		p->posted++;
		while (__atomic_load_n(p->taken, __ATOMIC_ACQUIRE) != p->posted)
			sched_yield();
	}
	__atomic_store_n(p->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool all_done(const bool *done)
{
	unsigned int i;

	for (i = 0; i < POSTERS; i++)
		if (!__atomic_load_n(&done[i], __ATOMIC_ACQUIRE))
			return false;
	return true;
}

/* The owner looks only when it was rung for, or told to by itself, as the run loop does. */
static void no_vector_is_lost(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct poster posters[POSTERS];
	u32 taken[256] = {}, eois[256] = {};
	bool done[POSTERS] = {};
	unsigned int i;
	int vector;

	for (i = 0; i < POSTERS; i++) {
		u8 own = 0x40 + i * 0x33;

		posters[i] = (struct poster) { .f = f, .vector = own, .taken = &taken[own],
					       .done = &done[i] };
		KTAP_EQ(t, pthread_create(&posters[i].thread, NULL, post, &posters[i]), 0);
	}
	while (!all_done(done)) {
		if (!__atomic_exchange_n(&f->bell->requests, 0, __ATOMIC_SEQ_CST) &&
		    !f->lapic->recheck) {
			sched_yield();
			continue;
		}
		f->lapic->recheck = false;
		while ((vector = run_vector(f->lapic)) >= 0) {
			int eoi = hvm_lapic_take_eoi(f->lapic);

			if (eoi >= 0)
				eois[eoi]++;
			__atomic_fetch_add(&taken[vector], 1, __ATOMIC_RELEASE);
		}
	}
	for (i = 0; i < POSTERS; i++) {
		pthread_join(posters[i].thread, NULL);
		vector = posters[i].vector;
		KTAP_TRUE(t, posters[i].posted > 0);
		KTAP_EQ(t, taken[vector], posters[i].posted);
		KTAP_EQ(t, eois[vector], vector & 1 ? posters[i].posted : 0);
	}
	KTAP_EQ(t, hvm_lapic_pending(f->lapic), -1);
	fixture_free(f);
}

static void *signal_nmis(void *arg)
{
	struct fixture *f = arg;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++)
		hvm_lapic_signal_nmi(f->lapic);
	return NULL;
}

/* At most two wait, never none after one was sent; INIT and SIPI beside them are not disturbed. */
static void signals_side_by_side(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	u32 nmis, taken = 0, i;
	pthread_t thread;

	KTAP_EQ(t, pthread_create(&thread, NULL, signal_nmis, f), 0);
	for (i = 0; i < ROUNDS; i++) {
		hvm_lapic_signal_init(f->lapic);
		hvm_lapic_signal_sipi(f->lapic, i);
		KTAP_EQ(t, hvm_lapic_take_start(f->lapic),
			HVM_SIGNAL_INIT | HVM_SIGNAL_SIPI | (u8)i);
		nmis = hvm_lapic_take_nmi(f->lapic);
		KTAP_TRUE(t, nmis <= 2);
		taken += nmis;
	}
	pthread_join(thread, NULL);
	taken += hvm_lapic_take_nmi(f->lapic);
	KTAP_TRUE(t, taken >= 1 && taken <= ROUNDS);
	KTAP_EQ(t, hvm_lapic_signalled(f->lapic), false);
	fixture_free(f);
}

static void *post_levels(void *arg)
{
	struct poster *p = arg;

	for (; !__atomic_load_n(p->done, __ATOMIC_RELAXED); sched_yield())
		hvm_lapic_post(p->f->lapic, p->vector, true);
	return NULL;
}

/* A vector that is posted while the state is saved is in all of it or in nothing. */
static void saved_at_one_time(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	bool done = false;
	struct poster p = { .f = f, .vector = 0x61, .done = &done };
	struct hvm_state_lapic state;
	u32 torn = 0, requested = 0, i;

	KTAP_EQ(t, pthread_create(&p.thread, NULL, post_levels, &p), 0);
	for (i = 0; i < ROUNDS || (!requested && i < 100 * ROUNDS); i++) {
		hvm_lapic_save(f->lapic, &state);
		requested += state.regs[HVM_APIC_IRR + 3] >> 1 & 1;
		torn += state.regs[HVM_APIC_IRR + 3] != state.regs[HVM_APIC_TMR + 3];
		if (state.regs[HVM_APIC_IRR + 3])
			hvm_lapic_reset(f->lapic, true);
	}
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	pthread_join(p.thread, NULL);
	KTAP_EQ(t, torn, 0);
	KTAP_TRUE(t, requested > 0);
	fixture_free(f);
}

/* Who sends INIT and SIPI, how many pairs, and whether that was all. */
struct starter {
	struct fixture *f;
	u32 sent;
	bool done;
};

static void *signal_starts(void *arg)
{
	struct starter *s = arg;
	const time_t end = time(NULL) + SECONDS;

	while (s->sent < ROUNDS && time(NULL) <= end) {
		hvm_lapic_signal_init(s->f->lapic);
		hvm_lapic_signal_sipi(s->f->lapic, s->sent++);
		while (hvm_lapic_signalled(s->f->lapic))
			sched_yield();
	}
	__atomic_store_n(&s->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Whenever a pair arrives, its SIPI is found with its INIT or after it. */
static void sipi_follows_init(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct starter s = { .f = f };
	u32 taken, started = 0, lost = 0;
	bool waits = false, last;
	pthread_t thread;

	KTAP_EQ(t, pthread_create(&thread, NULL, signal_starts, &s), 0);
	for (;;) {
		last = __atomic_load_n(&s.done, __ATOMIC_ACQUIRE);
		taken = hvm_lapic_take_start(f->lapic);
		if (!taken && last)
			break;
		if (!taken)
			sched_yield();
		waits |= !!(taken & HVM_SIGNAL_INIT);
		if (!(taken & HVM_SIGNAL_SIPI))
			continue;
		if (waits)
			started++;
		else
			lost++;
		waits = false;
	}
	pthread_join(thread, NULL);
	KTAP_EQ(t, lost, 0);
	KTAP_TRUE(t, started > 0);
	KTAP_EQ(t, started, s.sent);
	fixture_free(f);
}

static const struct ktap_case cases[] = {
	{ "no_vector_is_lost", no_vector_is_lost },
	{ "signals_side_by_side", signals_side_by_side },
	{ "sipi_follows_init", sipi_follows_init },
	{ "saved_at_one_time", saved_at_one_time },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
