/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A cgroup of the test's own whose processes can be frozen and thawed.
 */
#ifndef SELFTESTS_LIB_FREEZER_H
#define SELFTESTS_LIB_FREEZER_H

#include <sys/types.h>

#include "ktap.h"

bool freezer_open(struct ktap *t, pid_t pid);
bool freezer_freeze(void);
bool freezer_thaw(void);
void freezer_close(void);

#endif /* SELFTESTS_LIB_FREEZER_H */
