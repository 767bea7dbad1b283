// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drives a fuzzer without libFuzzer: a bounded corpus of random inputs that is
 * the same on every machine, so that each test run also runs every fuzzer a
 * little; or, when files are named, exactly those inputs. It finds no new paths
 * by itself: that is `make libfuzz`.
 */
#include "fuzz.h"
#include "ktap.h"

static uint64_t seed = 0x9e3779b97f4a7c15ull;

static uint64_t random64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dull;
}

/* Each input is a heap block of its own size: reading beyond it is seen. */
static void run_one(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void random_inputs(struct ktap *t)
{
	uint8_t data[FUZZ_MAX_INPUT];

	(void)t;
	for (unsigned int i = 0; i < fuzz_inputs; i++) {
		size_t size = random64() % (i % 4 ? 64 : FUZZ_MAX_INPUT);

		for (size_t j = 0; j < size; j++)
			data[j] = (uint8_t)(random64() >> 32);
		run_one(data, size);
	}
}

static int replay(const char *path)
{
	uint8_t data[65536];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		return EXIT_FAILURE;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	run_one(data, size);
	return EXIT_SUCCESS;
}

static const struct ktap_case cases[] = {
	{ "random_inputs", random_inputs },
};

int main(int argc, char **argv)
{
	if (argc < 2)
		return KTAP_MAIN(argc, argv, cases);
	for (int i = 1; i < argc; i++) {
		if (replay(argv[i]))
			return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
