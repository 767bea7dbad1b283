/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cage of a running machine: no new privileges, and only the system calls that a machine
 * which is put together needs to go on. It opens nothing and closes nothing.
 */
#ifndef VMM_SANDBOX_H
#define VMM_SANDBOX_H

#include <stdbool.h>

/**
 * sandbox_enter() - close the cage around all threads of this process
 * @path: the one file that may be removed, in memory that cannot be written; NULL: none
 * @debugger: there is a socket that a debugger's connections shall be taken from
 *
 * After all files are open and all threads exist, before the guest's first instruction. A system
 * call that is not on the list kills the process from then on.
 *
 * Return: 0 or a negative errno.
 */
int sandbox_enter(const char *path, bool debugger);

#endif
