// SPDX-License-Identifier: GPL-2.0-only
/*
 * Standing still: threads that pass pause_point() all the time, and what becomes of their counts
 * under holders, excuses and the end.
 */
#include <sched.h>

#include "ktap.h"
#include "libhvm.h"
#include "vmm/pause.h"

#define THREADS	3

static unsigned int kicks;

/* Stands in for the library's: there is no guest to kick. */
int hvm_kick(int fd)
{
	(void)fd;
	__atomic_add_fetch(&kicks, 1, __ATOMIC_RELAXED);
	return 0;
}

/* One thread that counts. */
struct walker {
	struct pause *pause;
	struct pause_seat seat;
	pthread_t thread;
	unsigned long steps;
	bool stop;
};

struct crowd {
	struct pause pause;
	struct walker walker[THREADS];
};

static unsigned long steps(struct walker *w)
{
	return __atomic_load_n(&w->steps, __ATOMIC_RELAXED);
}

static void *walk(void *arg)
{
	struct walker *w = arg;

	for (;;) {
		pause_point(w->pause, &w->seat);
		if (__atomic_load_n(&w->stop, __ATOMIC_RELAXED))
			break;
		__atomic_add_fetch(&w->steps, 1, __ATOMIC_RELAXED);
	}
	pause_leave(w->pause);
	return NULL;
}

static void start(struct crowd *c)
{
	for (int i = 0; i < THREADS; i++) {
		c->walker[i] = (struct walker){ .pause = &c->pause };
		pause_enter(&c->pause);
		pthread_create(&c->walker[i].thread, NULL, walk, &c->walker[i]);
	}
}

static void open_crowd(struct crowd *c)
{
	kicks = 0;
	pause_init(&c->pause, 3);
	start(c);
}

static void close_crowd(struct crowd *c)
{
	for (int i = 0; i < THREADS; i++)
		__atomic_store_n(&c->walker[i].stop, true, __ATOMIC_RELAXED);
	pause_end(&c->pause);
	for (int i = 0; i < THREADS; i++)
		pthread_join(c->walker[i].thread, NULL);
}

static void wait_for_step(struct walker *w)
{
	unsigned long before = steps(w);

	while (steps(w) == before)
		sched_yield();
}

static bool stands(struct walker *w)
{
	unsigned long before = steps(w);

	for (int i = 0; i < 50; i++)
		sched_yield();
	return steps(w) == before;
}

static void hold_stops_all(struct ktap *t)
{
	struct crowd c;

	open_crowd(&c);
	wait_for_step(&c.walker[0]);
	pause_hold(&c.pause);
	KTAP_EQ(t, kicks, 1);
	pause_wait(&c.pause);
	for (int i = 0; i < THREADS; i++)
		KTAP_TRUE(t, stands(&c.walker[i]));
	pause_release(&c.pause);
	for (int i = 0; i < THREADS; i++)
		wait_for_step(&c.walker[i]);
	close_crowd(&c);
}

static void last_holder_lets_go(struct ktap *t)
{
	struct crowd c;

	open_crowd(&c);
	pause_hold(&c.pause);
	pause_hold(&c.pause);
	KTAP_EQ(t, kicks, 1);
	pause_wait(&c.pause);
	pause_release(&c.pause);
	KTAP_TRUE(t, stands(&c.walker[1]));
	pause_release(&c.pause);
	wait_for_step(&c.walker[1]);
	close_crowd(&c);
}

static void held_from_the_start(struct ktap *t)
{
	struct crowd c;

	pause_init(&c.pause, 3);
	pause_hold(&c.pause);
	start(&c);
	pause_wait(&c.pause);
	for (int i = 0; i < THREADS; i++)
		KTAP_EQ(t, steps(&c.walker[i]), 0);
	pause_release(&c.pause);
	wait_for_step(&c.walker[2]);
	close_crowd(&c);
}

static void one_is_excused(struct ktap *t)
{
	struct crowd c;

	open_crowd(&c);
	pause_hold(&c.pause);
	pause_wait(&c.pause);
	pause_excuse(&c.pause, &c.walker[1].seat, true);
	wait_for_step(&c.walker[1]);
	KTAP_TRUE(t, stands(&c.walker[0]));
	pause_excuse(&c.pause, &c.walker[1].seat, false);
	KTAP_EQ(t, kicks, 2);
	pause_wait(&c.pause);
	KTAP_TRUE(t, stands(&c.walker[1]));
	close_crowd(&c);
}

static void nobody_waits_for_who_has_left(struct ktap *t)
{
	struct crowd c;

	open_crowd(&c);
	__atomic_store_n(&c.walker[0].stop, true, __ATOMIC_RELAXED);
	pause_hold(&c.pause);
	pause_wait(&c.pause);
	KTAP_EQ(t, c.pause.running, 0);
	close_crowd(&c);
}

static void end_frees_the_parked(struct ktap *t)
{
	struct crowd c;

	open_crowd(&c);
	pause_hold(&c.pause);
	pause_wait(&c.pause);
	close_crowd(&c);
	KTAP_EQ(t, c.pause.running, 0);
}

static const struct ktap_case cases[] = {
	{ "hold_stops_all", hold_stops_all },
	{ "last_holder_lets_go", last_holder_lets_go },
	{ "held_from_the_start", held_from_the_start },
	{ "one_is_excused", one_is_excused },
	{ "nobody_waits_for_who_has_left", nobody_waits_for_who_has_left },
	{ "end_frees_the_parked", end_frees_the_parked },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
