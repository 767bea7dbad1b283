/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a fuzzer and whoever drives it agree on: libFuzzer's entry point, and
 * how a broken invariant is reported. Each fuzzer is one file around a pure room.
 */
#ifndef SELFTESTS_FUZZ_FUZZ_H
#define SELFTESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The largest input the built-in driver makes. */
#define FUZZ_MAX_INPUT	256u

/* How many inputs the built-in driver makes, defined by each fuzzer: some are slower. */
extern const unsigned int fuzz_inputs;

/* Feed one input to the code under test. Return: 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Something that must hold whatever the input. */
#define FUZZ_ASSERT(condition) do {						\
	if (!(condition)) {							\
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);	\
		abort();							\
	}									\
} while (0)

#endif
