/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket's place in the file system.
 */
#ifndef VMM_SOCKET_H
#define VMM_SOCKET_H

#include <sys/un.h>

/**
 * socket_listen() - listen at an address of control_address()
 * @address: the address
 *
 * What a machine that is gone left there is replaced; the directory is made, mode 0700.
 *
 * Return: the socket, mode 0600, not blocking; -EADDRINUSE: a machine listens there; -EPERM: the
 * directory is somebody else's, or others may use it; another negative errno: it cannot be made.
 */
int socket_listen(const struct sockaddr_un *address);

/**
 * socket_keep_path() - the path in memory that cannot be written any more
 * @address: the address
 *
 * So that the cage can allow to remove this file, and no other (sandbox.c).
 *
 * Return: the path, in a page of its own, or NULL.
 */
char *socket_keep_path(const struct sockaddr_un *address);

#endif
