// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ticks to nanoseconds. See scale.h.
 */
#include "scale.h"

#define NS_PER_MS	1000000ULL

/**
 * hvm_scale_from_khz - the scale of a counter
 * @khz: its frequency in kHz; 0 is taken for 1
 *
 * The fraction gets all of its 32 bits: 2^31 <= mul < 2^32.
 *
 * Return: the scale
 */
struct hvm_scale hvm_scale_from_khz(u32 khz)
{
	struct hvm_scale scale = {};
	u64 ticks = khz ? khz : 1;
	u64 ns = NS_PER_MS;

	while (ns >= ticks) {
		ticks <<= 1;
		scale.shift++;
	}
	while (2 * ns < ticks) {
		ns <<= 1;
		scale.shift--;
	}
	scale.mul = (ns << 32) / ticks;
	return scale;
}

/**
 * hvm_scale_ticks - what a number of ticks is in nanoseconds
 * @scale: the counter's scale
 * @ticks: ticks
 *
 * Return: nanoseconds, rounded down as the guest does it
 */
u64 hvm_scale_ticks(struct hvm_scale scale, u64 ticks)
{
	u64 shifted = scale.shift < 0 ? ticks >> -scale.shift : ticks << scale.shift;

	return (u64)((__uint128_t)shifted * scale.mul >> 32);
}

/**
 * hvm_scale_fraction - a frequency as a small fraction of another
 * @khz: the frequency, kHz
 * @of_khz: the other, kHz, not zero
 * @numerator: out
 * @denominator: out, not zero
 *
 * The numerator times @of_khz stays below 2^32, because guests multiply so. It is a convergent of
 * the continued fraction; where small numbers do not come near enough there is none.
 *
 * Return: whether the fraction is right to 1 kHz
 */
bool hvm_scale_fraction(u32 khz, u32 of_khz, u32 *numerator, u32 *denominator)
{
	const u32 limit = 0xffffffffU / of_khz;
	u64 n = khz, d = of_khz, result;
	u64 n0 = 0, d0 = 1, n1 = 1, d1 = 0;

	while (d) {
		u64 whole = n / d, rest = n % d;
		u64 n2 = whole * n1 + n0, d2 = whole * d1 + d0;

		if (n2 > limit)
			break;
		n0 = n1;
		d0 = d1;
		n1 = n2;
		d1 = d2;
		n = d;
		d = rest;
	}
	*numerator = d1 ? n1 : 0;
	*denominator = d1 ? d1 : 1;
	result = (u64)*numerator * of_khz / *denominator;
	return result + 1 >= khz && result <= (u64)khz + 1;
}

/**
 * hvm_tsc_factor - the factor from one frequency to another
 * @khz: the guest's, kHz
 * @host_khz: the host's, kHz, not zero
 *
 * Return: the factor, rounded down; 0: the frequencies are the same, ~0: it has no room
 */
u64 hvm_tsc_factor(u32 khz, u32 host_khz)
{
	u64 whole = khz / host_khz, rest = (u64)(khz % host_khz) << 24;

	if (khz == host_khz)
		return 0;
	if (whole >> 16)
		return ~0ULL;
	/* Long division, 24 bits at a time. */
	return whole << 48 | rest / host_khz << 24 | (rest % host_khz << 24) / host_khz;
}

/**
 * hvm_tsc_khz - the frequency that a factor makes
 * @factor: the factor
 * @host_khz: the host's frequency, kHz
 *
 * Return: kHz, rounded to the nearest; 0: below HVM_TSC_MIN_KHZ, or no room
 */
u32 hvm_tsc_khz(u64 factor, u32 host_khz)
{
	__uint128_t product = (__uint128_t)factor * host_khz + (1ULL << (HVM_TSC_SCALE_SHIFT - 1));
	u64 khz = factor ? (u64)(product >> HVM_TSC_SCALE_SHIFT) : host_khz;

	return khz < HVM_TSC_MIN_KHZ || khz >> 32 ? 0 : khz;
}
