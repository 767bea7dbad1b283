/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A memory cgroup of the test's own, to see what the kernel charges it for.
 */
#ifndef SELFTESTS_LIB_CGROUP_H
#define SELFTESTS_LIB_CGROUP_H

#include "ktap.h"

bool cgroup_enter(struct ktap *t);
void cgroup_leave(void);
long cgroup_kernel_bytes(void);

#endif /* SELFTESTS_LIB_CGROUP_H */
