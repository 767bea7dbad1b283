// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frequencies (kernel/cpu/scale.c): ticks to nanoseconds against exact arithmetic, and the fraction
 * that announces the TSC's frequency.
 */
#include "pure_shim.h"

#include <ktap.h>

#include "../../../kernel/cpu/scale.h"

static const u32 frequencies[] = {
	1, 2, 999, 1000, 32768, 999999, 1000000, 1000001, 1193182, 1999999, 2000000, 2000001,
	2099998, 2399962, 2893201, 3000000, 3600000, 3999999, 4000000, 4000001, 5799999,
	0x7fffffff, 0x80000000, 0xffffffff,
};

#define FREQUENCIES	ARRAY_SIZE(frequencies)

/* ticks * 10^6 / khz, exact but for the last nanosecond. */
static u64 exact_ns(u32 khz, u64 ticks)
{
	return (__uint128_t)ticks * 1000000 / khz;
}

static void uses_the_whole_fraction(struct ktap *t)
{
	for (size_t i = 0; i < FREQUENCIES; i++) {
		struct hvm_scale scale = hvm_scale_from_khz(frequencies[i]);

		KTAP_TRUE(t, scale.mul >= 0x80000000U);
		KTAP_TRUE(t, scale.shift > -32 && scale.shift < 32);
	}
}

/* Relative error below 2^-31, and never ahead. */
static void is_exact_to_half_a_part_in_a_billion(struct ktap *t)
{
	static const u64 seconds[] = { 1, 60, 3600, 86400, 86400 * 365 };

	for (size_t i = 0; i < FREQUENCIES; i++) {
		struct hvm_scale scale = hvm_scale_from_khz(frequencies[i]);

		for (size_t j = 0; j < ARRAY_SIZE(seconds); j++) {
			u64 ticks = seconds[j] * frequencies[i] * 1000;
			u64 exact = exact_ns(frequencies[i], ticks);
			u64 ns = hvm_scale_ticks(scale, ticks);

			KTAP_TRUE(t, ns <= exact);
			KTAP_TRUE(t, exact - ns <= (exact >> 31) + 1);
		}
	}
}

static void never_runs_backwards(struct ktap *t)
{
	for (size_t i = 0; i < FREQUENCIES; i++) {
		struct hvm_scale scale = hvm_scale_from_khz(frequencies[i]);
		u64 last = 0;

		for (u64 ticks = 0; ticks < 5000; ticks++) {
			u64 ns = hvm_scale_ticks(scale, ticks);

			KTAP_TRUE(t, ns >= last);
			last = ns;
		}
	}
}

static void takes_an_impossible_frequency(struct ktap *t)
{
	struct hvm_scale scale = hvm_scale_from_khz(0);
	struct hvm_scale one = hvm_scale_from_khz(1);

	KTAP_EQ(t, scale.mul, one.mul);
	KTAP_EQ(t, scale.shift, one.shift);
	KTAP_EQ(t, hvm_scale_ticks(one, 1000), 1000000000);
}

/* What a guest computes: crystal in kHz times numerator, in 32 bits, divided by the denominator. */
static u32 computed_khz(u32 crystal_khz, u32 n, u32 d)
{
	return crystal_khz * n / d;
}

/* What is called right is right, for the guest's arithmetic too. */
static void fraction_is_right_or_refused(struct ktap *t)
{
	const u32 crystal_khz = 1000000;
	unsigned int right = 0;

	for (u32 khz = 1000000; khz < 4200000; khz += 997) {
		u32 n, d, got;

		if (!hvm_scale_fraction(khz, crystal_khz, &n, &d))
			continue;
		KTAP_REQUIRE(t, d > 0);
		got = computed_khz(crystal_khz, n, d);
		KTAP_TRUE(t, got + 1 >= khz && got <= khz + 1);
		right++;
	}
	KTAP_TRUE(t, right > 1000);
}

/* Every multiple of 100 MHz and of 25 MHz up to 4.2 GHz: what processors have. */
static void fraction_is_exact_where_it_can_be(struct ktap *t)
{
	const u32 crystal_khz = 1000000;

	for (u32 khz = 25000; khz < 4200000; khz += 25000) {
		u32 n, d;

		KTAP_TRUE(t, hvm_scale_fraction(khz, crystal_khz, &n, &d));
		KTAP_EQ(t, computed_khz(crystal_khz, n, d), khz);
	}
}

static void fraction_refuses_what_is_near_a_small_one(struct ktap *t)
{
	u32 n, d;

	KTAP_TRUE(t, !hvm_scale_fraction(3000400, 1000000, &n, &d));
	KTAP_TRUE(t, hvm_scale_fraction(3000001, 1000000, &n, &d));
	KTAP_TRUE(t, !hvm_scale_fraction(4294968, 1000000, &n, &d));
}

/* Frequencies nobody has: no division by zero, no endless loop, the numerator within its bound. */
static void fraction_survives_extremes(struct ktap *t)
{
	static const u32 values[] = { 0, 1, 999, 1000000, 0x7fffffff, 0xfffffffe, 0xffffffff };

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		for (size_t j = 1; j < ARRAY_SIZE(values); j++) {
			u32 n, d;

			hvm_scale_fraction(values[i], values[j], &n, &d);
			KTAP_TRUE(t, d > 0);
			KTAP_TRUE(t, (u64)n * values[j] <= 0xffffffffU);
		}
	}
}

static void factor_makes_its_frequency(struct ktap *t)
{
	for (size_t i = 0; i < FREQUENCIES; i++) {
		for (size_t j = 0; j < FREQUENCIES; j++) {
			u32 khz = frequencies[i], host = frequencies[j];
			u64 factor = hvm_tsc_factor(khz, host);
			u64 exact = ((__uint128_t)khz << 48) / host;

			if (khz / host >> 16) {
				KTAP_EQ(t, factor, ~0ULL);
				continue;
			}
			KTAP_EQ(t, factor, khz == host ? 0 : exact);
			KTAP_EQ(t, hvm_tsc_khz(factor, host), khz < HVM_TSC_MIN_KHZ ? 0 : khz);
		}
	}
}

static void factor_is_applied_in_full(struct ktap *t)
{
	KTAP_EQ(t, hvm_tsc_scale(0, ~0ULL), ~0ULL);
	KTAP_EQ(t, hvm_tsc_scale(1ULL << 48, ~0ULL), ~0ULL);
	KTAP_EQ(t, hvm_tsc_scale(1ULL << 47, ~0ULL), ~0ULL >> 1);
	KTAP_EQ(t, hvm_tsc_scale(3ULL << 47, 1ULL << 62), 3ULL << 61);
	KTAP_EQ(t, hvm_tsc_scale(1, ~0ULL), 0xffff);
	KTAP_EQ(t, hvm_tsc_khz(~0ULL, 2000000), 0);
	KTAP_EQ(t, hvm_tsc_khz(1, 2000000), 0);
}

static const struct ktap_case cases[] = {
	{ "uses_the_whole_fraction", uses_the_whole_fraction },
	{ "is_exact_to_half_a_part_in_a_billion", is_exact_to_half_a_part_in_a_billion },
	{ "never_runs_backwards", never_runs_backwards },
	{ "takes_an_impossible_frequency", takes_an_impossible_frequency },
	{ "fraction_is_right_or_refused", fraction_is_right_or_refused },
	{ "fraction_is_exact_where_it_can_be", fraction_is_exact_where_it_can_be },
	{ "fraction_refuses_what_is_near_a_small_one",
	  fraction_refuses_what_is_near_a_small_one },
	{ "fraction_survives_extremes", fraction_survives_extremes },
	{ "factor_makes_its_frequency", factor_makes_its_frequency },
	{ "factor_is_applied_in_full", factor_is_applied_in_full },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
