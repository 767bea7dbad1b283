/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The counters of a guest and its vCPU, by name, for tests of what is counted and for those that
 * see by a count that something happened.
 */
#ifndef SELFTESTS_LIB_COUNTERS_H
#define SELFTESTS_LIB_COUNTERS_H

#include "guest.h"

#define COUNTERS_MAX	256
#define COUNTERS_BYTES	4096UL	/* of a page of them */

/**
 * struct counters - the counters of one guest and its vCPU
 * @t: the case
 * @names: all of them
 * @count: how many
 * @vm: the guest's page
 * @vcpu: the vCPU's page
 */
struct counters {
	struct ktap *t;
	struct hvm_statistic names[COUNTERS_MAX];
	uint32_t count;
	const uint64_t *vm;
	const uint64_t *vcpu;
};

int counters_list(int dev, struct hvm_statistic *names, uint32_t *count);
void *counters_map(int fd);
bool counters_open(struct counters *c, struct guest *g);
void counters_close(struct counters *c);
uint64_t counters_value(const struct counters *c, const char *name);

#endif /* SELFTESTS_LIB_COUNTERS_H */
