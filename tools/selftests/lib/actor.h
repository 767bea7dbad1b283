/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that loads whatever it is told into registers that hosts care about, and leaves in the
 * way it is told, for tests of what an exit does to the host and to the guest's own registers. The
 * caller's vector registers hold a pattern at every run.
 */
#ifndef SELFTESTS_LIB_ACTOR_H
#define SELFTESTS_LIB_ACTOR_H

#include "guest.h"
#include "vectors.h"

#define ACTOR_PAGES	0x100000UL	/* guest memory that ACTOR_TOUCH writes to */

enum actor_order {
	ACTOR_NOTHING,
	ACTOR_CALL_AMD,		/* count hypercalls */
	ACTOR_CALL_INTEL,
	ACTOR_HALT,
	ACTOR_SPIN,		/* until actor_resume() */
	ACTOR_TOUCH,		/* write to count pages from what on */
	ACTOR_FXRSTOR,		/* load x87 and SSE registers from actor_image() */
	ACTOR_FXSAVE,		/* store them there */
	ACTOR_XRSTOR,		/* load the components in what from there */
	ACTOR_XSAVE,		/* store them there */
	ACTOR_XSETBV,		/* what */
	ACTOR_XGETBV,		/* answer: XCR0 */
	ACTOR_WRPKRU,		/* what */
	ACTOR_WRMSR,		/* MSR what, value count */
	ACTOR_RDMSR,		/* MSR what; answer: its value */
	ACTOR_LOAD_DR,		/* DR0 to DR3 and DR7 from actor_debug() */
	ACTOR_STORE_DR,		/* there */
};

/* How the guest leaves. */
enum actor_way {
	ACTOR_BY_PORT,
	ACTOR_BY_HYPERCALLS,	/* many, then the port */
	ACTOR_BY_FAULTS,	/* of its memory, then the port */
	ACTOR_BY_HALT,		/* kicked while it is halted */
	ACTOR_BY_KICK,
	ACTOR_BY_SIGNAL,
	ACTOR_WAYS
};

/**
 * struct actor - such a guest
 * @g: the guest; guest_close() ends it
 * @before: the caller's registers at each run
 * @after: and when it is back
 * @refused: the last order raised #GP
 */
struct actor {
	struct guest g;
	struct vectors before;
	struct vectors after;
	bool refused;
};

bool actor_open(struct actor *a, struct ktap *t);
struct vectors *actor_image(struct actor *a);
uint64_t *actor_debug(struct actor *a);
volatile uint64_t *actor_count(struct actor *a);
int actor_start(struct actor *a, enum actor_order order, uint64_t what, uint64_t count);
bool actor_do(struct actor *a, enum actor_order order, uint64_t what, uint64_t count);
uint64_t actor_answer(const struct actor *a);
void actor_resume(struct actor *a);
bool actor_leave(struct actor *a, enum actor_way way);
void actor_return(struct actor *a, enum actor_way way);
const char *actor_way(enum actor_way way);

#endif /* SELFTESTS_LIB_ACTOR_H */
