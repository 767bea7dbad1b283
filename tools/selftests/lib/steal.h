/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The area in which a guest is told of the time that was stolen from it, where tests put it.
 */
#ifndef SELFTESTS_LIB_STEAL_H
#define SELFTESTS_LIB_STEAL_H

#include "guest.h"

#define STEAL_AREA	(GUEST_DATA + 0x400)
#define STEAL_PREEMPTED	1
#define STEAL_FLUSH	2	/* a mark: flush the TLB before this one runs */

struct steal_area {
	uint64_t steal;
	uint32_t version, flags;
	uint8_t preempted, pad[47];
};

static inline volatile struct steal_area *steal_area(struct guest *g)
{
	return (struct steal_area *)(g->ram + STEAL_AREA);
}

#endif /* SELFTESTS_LIB_STEAL_H */
