/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a member to the struct that embeds it. Nothing else.
 */
#ifndef USERSPACE_CONTAINER_OF_H
#define USERSPACE_CONTAINER_OF_H

#include <stddef.h>

#define container_of(pointer, type, member) \
	((type *)((char *)(pointer) - offsetof(type, member)))

#endif
