// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters of a guest and its vCPU; see counters.h.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "counters.h"

/* Fill @names, room for @count; all that there are come back in @count. */
int counters_list(int dev, struct hvm_statistic *names, uint32_t *count)
{
	struct hvm_get_info info = {
		.size = sizeof(info),
		.statistics = (uintptr_t)names,
		.statistic_count = *count,
	};
	int ret = ioctl(dev, HVM_GET_INFO, &info);

	*count = info.statistic_count;
	return ret;
}

void *counters_map(int fd)
{
	return mmap(NULL, COUNTERS_BYTES, PROT_READ, MAP_SHARED, fd, HVM_STATISTICS_OFFSET);
}

bool counters_open(struct counters *c, struct guest *g)
{
	*c = (struct counters) { .t = g->t, .count = COUNTERS_MAX };
	if (counters_list(g->dev, c->names, &c->count) || c->count > COUNTERS_MAX) {
		KTAP_FAIL(g->t, "the list of counters: %s", strerror(errno));
		return false;
	}
	c->vm = counters_map(g->vm);
	c->vcpu = counters_map(g->vcpu);
	if (c->vm != MAP_FAILED && c->vcpu != MAP_FAILED)
		return true;
	KTAP_FAIL(g->t, "a page of counters: %s", strerror(errno));
	return false;
}

void counters_close(struct counters *c)
{
	munmap((void *)c->vm, COUNTERS_BYTES);
	munmap((void *)c->vcpu, COUNTERS_BYTES);
}

/* The value of a counter; a name that is not there fails the case. */
uint64_t counters_value(const struct counters *c, const char *name)
{
	for (uint32_t i = 0; i < c->count; i++) {
		const struct hvm_statistic *s = &c->names[i];
		const uint64_t *page = s->object == HVM_STATISTIC_VM ? c->vm : c->vcpu;

		if (!strcmp(s->name, name))
			return *(volatile const uint64_t *)&page[s->offset / 8];
	}
	KTAP_FAIL(c->t, "there is no counter %s", name);
	return 0;
}
