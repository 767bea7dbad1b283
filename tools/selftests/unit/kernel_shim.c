// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock, the timers and the bell that unit tests of kernel/irq run on: time stands still until
 * shim_advance(). No test is in here.
 */
#include "cpu/request.h"
#include "lapic_fixture.h"

unsigned int shim_failing_allocations;
unsigned int tsc_khz = 2000000;
s64 shim_tsc_lag;

static ktime_t now = 1000000000;
static struct hrtimer *queue;

ktime_t ktime_get(void)
{
	return now;
}

u64 rdtsc(void)
{
	return (u64)(unsigned __int128)(now) * tsc_khz / 1000000 - shim_tsc_lag;
}

static void unlink_timer(struct hrtimer *timer)
{
	struct hrtimer **link = &queue;

	while (*link != timer)
		link = &(*link)->next;
	*link = timer->next;
	timer->queued = false;
}

static void link_timer(struct hrtimer *timer)
{
	struct hrtimer **link = &queue;

	while (*link && (*link)->expires <= timer->expires)
		link = &(*link)->next;
	timer->next = *link;
	*link = timer;
	timer->queued = true;
}

void hrtimer_init(struct hrtimer *timer, int clock, int mode)
{
	(void)clock;
	(void)mode;
	memset(timer, 0, sizeof(*timer));
}

void hrtimer_set_expires(struct hrtimer *timer, ktime_t expires)
{
	assert(!timer->queued);
	timer->expires = expires;
}

void hrtimer_start(struct hrtimer *timer, ktime_t expires, int mode)
{
	hrtimer_cancel(timer);
	timer->expires = expires;
	hrtimer_start_expires(timer, mode);
}

void hrtimer_start_expires(struct hrtimer *timer, int mode)
{
	(void)mode;
	assert(timer->function && !timer->queued);
	link_timer(timer);
}

int hrtimer_cancel(struct hrtimer *timer)
{
	if (!timer->queued)
		return 0;
	unlink_timer(timer);
	return 1;
}

bool shim_timer_queued(void)
{
	return queue;
}

ktime_t shim_timer_expires(void)
{
	return queue ? queue->expires : 0;
}

void shim_advance(u64 ns)
{
	ktime_t end = now + ns;

	while (queue && queue->expires <= end) {
		struct hrtimer *timer = queue;

		now = max(now, timer->expires);
		unlink_timer(timer);
		if (timer->function(timer) == HRTIMER_RESTART)
			link_timer(timer);
	}
	now = end;
}

void shim_advance_late(u64 ns)
{
	now += ns;
}

void hvm_bell_ring(struct hvm_bell *bell, unsigned long requests)
{
	__atomic_fetch_or(&bell->requests, requests, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&bell->cpu, 1, __ATOMIC_SEQ_CST);
}
