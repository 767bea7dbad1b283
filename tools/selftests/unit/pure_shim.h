/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pure files of kernel/cpu need from the kernel's headers: the short names of integer
 * types and the C library's string functions. Included before anything else.
 */
#ifndef UNIT_PURE_SHIM_H
#define UNIT_PURE_SHIM_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#endif /* UNIT_PURE_SHIM_H */
