/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest with a thread in its HVM_RUN, for tests of what happens to either meanwhile.
 */
#ifndef SELFTESTS_LIB_RUNNER_H
#define SELFTESTS_LIB_RUNNER_H

#include <pthread.h>
#include <sys/types.h>

#include "guest.h"

/* Guest memory, as the codes know it: rounds they made, and, not 0, that they shall leave. */
#define RUNNER_COUNT(g)	((volatile uint64_t *)((g)->ram + GUEST_DATA))
#define RUNNER_STOP(g)	((volatile uint64_t *)((g)->ram + GUEST_DATA + 8))
#define RUNNER_PAGES	0x100000UL	/* what runner_touch writes to, 1 MiB */

extern const struct guest_code runner_leave;	/* by a port write, each round */
extern const struct guest_code runner_spin;
extern const struct guest_code runner_halt;
extern const struct guest_code runner_touch;	/* spins and writes to its pages */

/**
 * struct runner - a guest, and a thread in its HVM_RUN
 * @g: the guest
 * @thread: the thread
 * @tid: the same
 * @patient: it goes back in after a signal
 * @result: what HVM_RUN returned, 0 or -errno
 * @back: it is back
 */
struct runner {
	struct guest g;
	pthread_t thread;
	volatile pid_t tid;
	bool patient;
	volatile int result;
	volatile bool back;
};

bool runner_open(struct guest *g, struct ktap *t, const struct guest_code *code);
bool runner_go_on(struct runner *r);
bool runner_start(struct runner *r, struct ktap *t, const struct guest_code *code);
void runner_stop(struct runner *r);
void runner_end(struct runner *r);
void runner_expect_progress(struct runner *r);

#endif /* SELFTESTS_LIB_RUNNER_H */
