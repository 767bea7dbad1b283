/* SPDX-License-Identifier: MIT */
/*
 * The one place where libhvm calls ioctl(). Private to the library.
 */
#ifndef LIBHVM_HANDLE_H
#define LIBHVM_HANDLE_H

#include <errno.h>
#include <sys/ioctl.h>

/* An ioctl whose failure is a negative errno. Interrupted calls are the caller's business. */
static inline int handle_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

#endif
