/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers at random that are the same in each run, unless HVM_SEED in the environment says another
 * beginning. A test that uses them prints its seed, so that what it found can be found again.
 */
#ifndef SELFTESTS_LIB_RANDOM_H
#define SELFTESTS_LIB_RANDOM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/**
 * random_seed() - where the numbers of a case begin; printed
 * @usual: not 0
 */
static inline uint64_t random_seed(uint64_t usual)
{
	const char *text = getenv("HVM_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : usual;

	printf("# seed 0x%llx\n", (unsigned long long)seed);
	return seed;
}

/**
 * random64() - the next number (xorshift)
 * @state: from random_seed()
 */
static inline uint64_t random64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif
