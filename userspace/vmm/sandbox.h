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
 * @sockets: there is a socket that connections shall be taken from
 *
 * After all files are open and all threads exist, before the guest's first instruction. A system
 * call that is not on the list kills the process from then on.
 *
 * Return: 0 or a negative errno.
 */
int sandbox_enter(bool sockets);

#endif
