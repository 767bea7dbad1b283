/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A cgroup of the test's own: what the kernel charges it for, and freezing it.
 */
#ifndef SELFTESTS_LIB_CGROUP_H
#define SELFTESTS_LIB_CGROUP_H

#include <sys/types.h>

#include "ktap.h"

bool cgroup_enter(struct ktap *t);
bool cgroup_put(struct ktap *t, pid_t pid);
void cgroup_leave(void);
long cgroup_kernel_bytes(void);
bool cgroup_freeze(void);
bool cgroup_thaw(void);

#endif /* SELFTESTS_LIB_CGROUP_H */
