/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frequencies: TSC ticks to nanoseconds, in the arithmetic that the paravirtual clock's page
 * prescribes, and the TSC as a fraction of a crystal. Pure: no kernel object, so that a unit test
 * compiles the same file.
 */
#ifndef HVM_CPU_SCALE_H
#define HVM_CPU_SCALE_H

#include <linux/types.h>

/**
 * struct hvm_scale - how TSC ticks become nanoseconds
 * @mul: 32-bit fraction
 * @shift: left shift before it, right if negative
 *
 * The arithmetic of the paravirtual clock's page: ns = ((ticks << shift) * mul) >> 32.
 */
struct hvm_scale {
	u32 mul;
	s8 shift;
};

/* A TSC's factor: guest ticks per host tick, with so many bits behind the point; 0: the same. */
#define HVM_TSC_SCALE_SHIFT	48

/* A TSC below 4 MHz does not exist. */
#define HVM_TSC_MIN_KHZ		4000

u64 hvm_tsc_factor(u32 khz, u32 host_khz);
u32 hvm_tsc_khz(u64 factor, u32 host_khz);

/**
 * hvm_tsc_scale - what a guest's TSC makes of the host's, but for the offset
 * @factor: its factor
 * @tsc: the host's
 *
 * The processor's arithmetic (SDM "TSC Scaling").
 */
static inline u64 hvm_tsc_scale(u64 factor, u64 tsc)
{
	return factor ? (u64)((__uint128_t)tsc * factor >> HVM_TSC_SCALE_SHIFT) : tsc;
}

struct hvm_scale hvm_scale_from_khz(u32 khz);
u64 hvm_scale_ticks(struct hvm_scale scale, u64 ticks);
bool hvm_scale_fraction(u32 khz, u32 of_khz, u32 *numerator, u32 *denominator);

#endif /* HVM_CPU_SCALE_H */
