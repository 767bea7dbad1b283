/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The x87, vector and protection-key registers as XSAVE images: filled with a pattern, loaded
 * around a system call, and compared. SDM "XSAVE-Managed State"; standard format.
 */
#ifndef SELFTESTS_LIB_VECTORS_H
#define SELFTESTS_LIB_VECTORS_H

#include <stdbool.h>
#include <stdint.h>

#define VECTORS_X87	(1ULL << 0)
#define VECTORS_SSE	(1ULL << 1)
#define VECTORS_AVX	(1ULL << 2)
#define VECTORS_AVX512	(7ULL << 5)
#define VECTORS_PKRU	(1ULL << 9)
#define VECTORS_BYTES	4096

/* An XSAVE image. */
struct vectors {
	uint8_t bytes[VECTORS_BYTES];
} __attribute__((aligned(64)));

uint64_t vectors_xcr0(void);
uint64_t vectors_features(void);
void vectors_fill(struct vectors *v, uint64_t features, unsigned int seed);
const char *vectors_differ(const struct vectors *a, const struct vectors *b, uint64_t features);
bool vectors_blank(const struct vectors *v, uint64_t features);
long vectors_syscall(long number, long first, long second, const struct vectors *before,
		     struct vectors *after);

#endif /* SELFTESTS_LIB_VECTORS_H */
