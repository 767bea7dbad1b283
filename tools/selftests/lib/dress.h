/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An actor (actor.h) that has loaded values of its own into every register it can, and whether it
 * still has them.
 */
#ifndef SELFTESTS_LIB_DRESS_H
#define SELFTESTS_LIB_DRESS_H

#include "actor.h"

/**
 * struct dress - what the guest loads
 * @seed: for its patterns
 * @xcr0: its XCR0; 0: the host's, as far as vectors.h knows it
 * @breakpoints: it enables its breakpoints
 */
struct dress {
	unsigned int seed;
	uint64_t xcr0;
	bool breakpoints;
};

bool dress_breakpoints_are_safe(void);
bool dress_open(struct actor *a, struct ktap *t, const struct dress *d);
void dress_check_vectors(struct actor *a, const struct dress *d, const char *when);
void dress_check_msrs(struct actor *a, const struct dress *d, const char *when);
void dress_check_debug(struct actor *a, const struct dress *d, const char *when);
void dress_check(struct actor *a, const struct dress *d, const char *when);

#endif /* SELFTESTS_LIB_DRESS_H */
