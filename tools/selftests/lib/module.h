/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module under test: who uses it, and taking it out and in again.
 */
#ifndef SELFTESTS_LIB_MODULE_H
#define SELFTESTS_LIB_MODULE_H

#include "ktap.h"

int module_users(void);
void module_expect_unused(struct ktap *t);
bool module_can_reload(void);
int module_unload(void);
int module_load(void);

#endif /* SELFTESTS_LIB_MODULE_H */
