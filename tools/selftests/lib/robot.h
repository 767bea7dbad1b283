/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that reads, writes and calls where it is told to, for tests of guest memory: its code
 * asks for an order with IN and is back there when it is done. Everything lies in the low 4 GiB.
 */
#ifndef SELFTESTS_LIB_ROBOT_H
#define SELFTESTS_LIB_ROBOT_H

#include "guest.h"

enum robot_order {
	ROBOT_READ = 1,		/* value: out */
	ROBOT_WRITE,		/* value: 8 bytes */
	ROBOT_CALL,		/* code there returns */
	ROBOT_SUM,		/* first 8 bytes of each of value pages, summed: value: out */
	ROBOT_MARK,		/* write its own number plus one to each of value pages */
	ROBOT_COUNT,		/* add 1 to each of value pages, in rounds: value: out: rounds */
};

/* While this word of guest memory is 0, ROBOT_COUNT goes on. */
#define ROBOT_STOP	GUEST_DATA

/**
 * struct robot - a guest that takes orders
 * @g: the guest; guest_close() ends it
 * @waits: it stands before the IN
 * @value: what the last order answered
 */
struct robot {
	struct guest g;
	bool waits;
	uint64_t value;
};

bool robot_open(struct robot *r, struct ktap *t);
bool robot_join(struct robot *r, const struct robot *first, uint32_t apic_id);
void robot_leave(struct robot *r);
int robot_start(struct robot *r, enum robot_order order, uint64_t gpa, uint64_t value);
int robot_resume(struct robot *r);
uint64_t robot_read(struct robot *r, uint64_t gpa);
void robot_write(struct robot *r, uint64_t gpa, uint64_t value);

#endif /* SELFTESTS_LIB_ROBOT_H */
