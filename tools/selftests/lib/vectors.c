// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers as XSAVE images; see vectors.h. The standard format's offsets come from CPUID leaf 0Dh.
 */
#include <cpuid.h>
#include <stddef.h>
#include <string.h>

#include "vectors.h"

#define CPUID1_ECX_OSXSAVE	(1U << 27)
#define HEADER			512	/* XSTATE_BV, XCOMP_BV */

#define COMPONENTS		10
#define OFF_FCW			0
#define OFF_FSW			2
#define OFF_FTW			4
#define OFF_MXCSR		24
#define OFF_ST			32	/* eight, of 10 bytes in 16 */
#define OFF_XMM			160

/* Those that any bytes may fill; PKRU has a rule of its own. */
static const char * const names[COMPONENTS] = {
	[2] = "the upper halves of YMM0 to YMM15",
	[5] = "K0 to K7",
	[6] = "the upper halves of ZMM0 to ZMM15",
	[7] = "ZMM16 to ZMM31",
	[9] = "PKRU",
};

/* Where a component lies and how long it is; false: the processor does not have it. */
static bool place(unsigned int i, unsigned int *offset, unsigned int *bytes)
{
	unsigned int ecx, edx;

	__cpuid_count(0xd, i, *bytes, *offset, ecx, edx);
	return *bytes && *offset + *bytes <= VECTORS_BYTES;
}

/**
 * vectors_xcr0() - XCR0 of the calling process; 0: the processor or the kernel has no XSAVE
 */
uint64_t vectors_xcr0(void)
{
	unsigned int eax, ebx, ecx, edx;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & CPUID1_ECX_OSXSAVE))
		return 0;
	asm volatile("xgetbv" : "=a" (eax), "=d" (edx) : "c" (0));
	return eax | (uint64_t)edx << 32;
}

/**
 * vectors_features() - what of XCR0 these functions know; without XSAVE, what FXSAVE has
 */
uint64_t vectors_features(void)
{
	uint64_t xcr0 = vectors_xcr0();

	if (!xcr0)
		return VECTORS_X87 | VECTORS_SSE;
	return xcr0 & (VECTORS_X87 | VECTORS_SSE | VECTORS_AVX | VECTORS_AVX512 | VECTORS_PKRU);
}

static void put(struct vectors *v, unsigned int offset, uint32_t value, unsigned int bytes)
{
	memcpy(v->bytes + offset, &value, bytes);
}

static void pattern(struct vectors *v, unsigned int offset, unsigned int bytes, unsigned int seed)
{
	unsigned int i;

	for (i = 0; i < bytes; i++)
		v->bytes[offset + i] = 1 + seed * 37 + (offset + i) * 11 + i / 32;
}

/**
 * vectors_fill() - an image to load
 * @v: filled in
 * @features: XCR0 bits to load
 * @seed: another one, other values; all exceptions stay masked, and protection key 0 allowed
 */
void vectors_fill(struct vectors *v, uint64_t features, unsigned int seed)
{
	unsigned int i, offset, bytes;

	memset(v, 0, sizeof(*v));
	memcpy(v->bytes + HEADER, &features, sizeof(features));
	put(v, OFF_FCW, 0x27f | (seed & 3) << 10, 2);
	put(v, OFF_FSW, (seed & 7) << 11, 2);
	put(v, OFF_FTW, 0xff, 1);
	put(v, OFF_MXCSR, 0x9f80 | (seed & 3) << 13 | (seed & 0x3f), 4);
	for (i = 0; i < 8; i++)
		pattern(v, OFF_ST + i * 16, 10, seed);
	pattern(v, OFF_XMM, 256, seed);
	for (i = 2; i < COMPONENTS; i++) {
		if (!names[i] || !(features >> i & 1) || !place(i, &offset, &bytes))
			continue;
		pattern(v, offset, bytes, seed);
		if (i == 9) {
			memset(v->bytes + offset, 0, bytes);
			put(v, offset, (0x55555554 ^ seed * 0x01010110) & ~3U, 4);
		}
	}
}

static bool same(const struct vectors *a, const struct vectors *b, unsigned int offset,
		 unsigned int bytes)
{
	return !memcmp(a->bytes + offset, b->bytes + offset, bytes);
}

/**
 * vectors_differ() - compare two images
 * @a: one
 * @b: other
 * @features: XCR0 bits to compare; the last instruction's addresses never are
 *
 * Return: what differs first, or NULL
 */
const char *vectors_differ(const struct vectors *a, const struct vectors *b, uint64_t features)
{
	unsigned int i, offset, bytes;

	if (features & VECTORS_X87 && !same(a, b, OFF_FCW, 2))
		return "the x87 control word";
	if (features & VECTORS_X87 && (!same(a, b, OFF_FSW, 2) || !same(a, b, OFF_FTW, 1)))
		return "the x87 status or tag word";
	for (i = 0; features & VECTORS_X87 && i < 8; i++) {
		if (!same(a, b, OFF_ST + i * 16, 10))
			return "ST0 to ST7";
	}
	if (features & VECTORS_SSE && !same(a, b, OFF_MXCSR, 4))
		return "MXCSR";
	if (features & VECTORS_SSE && !same(a, b, OFF_XMM, 256))
		return "XMM0 to XMM15";
	for (i = 2; i < COMPONENTS; i++) {
		if (names[i] && features >> i & 1 && place(i, &offset, &bytes) &&
		    !same(a, b, offset, bytes))
			return names[i];
	}
	return NULL;
}

/**
 * vectors_blank() - whether there is nothing in any data register
 * @v: the image
 * @features: XCR0 bits to look at
 */
bool vectors_blank(const struct vectors *v, uint64_t features)
{
	static const struct vectors zero;
	unsigned int i, offset, bytes;

	for (i = 0; i < 8; i++) {
		if (!same(v, &zero, OFF_ST + i * 16, 10))
			return false;
	}
	if (!same(v, &zero, OFF_XMM, 256))
		return false;
	for (i = 2; i < COMPONENTS; i++) {
		if (names[i] && features >> i & 1 && place(i, &offset, &bytes) &&
		    !same(v, &zero, offset, bytes))
			return false;
	}
	return true;
}

#define CALL	"mov %%rbx, %%rax\n\t"		\
		"xor %%edx, %%edx\n\t"		\
		"syscall\n\t"			\
		"mov %%rax, %%rbx\n\t"
#define MASK	"mov %k[mask], %%eax\n\t"	\
		"xor %%edx, %%edx\n\t"

/**
 * vectors_syscall() - a system call with other values in all these registers
 * @number: of the call
 * @first: argument
 * @second: argument; the third one is 0
 * @before: what they hold at the call, all of vectors_features()
 * @after: out: what they hold when it is back
 *
 * The caller's own values are there again at the end.
 *
 * Return: the call's, -errno when it failed
 */
long vectors_syscall(long number, long first, long second, const struct vectors *before,
		     struct vectors *after)
{
	const uint64_t mask = vectors_features();
	struct vectors own = { 0 };

	memset(after, 0, sizeof(*after));
	if (vectors_xcr0())
		asm volatile(MASK
			     "xsave64 (%[own])\n\t"
			     "xrstor64 (%[before])\n\t"
			     CALL
			     MASK
			     "xsave64 (%[after])\n\t"
			     "xrstor64 (%[own])"
			     : "+b" (number)
			     : "D" (first), "S" (second), [before] "r" (before),
			       [after] "r" (after), [mask] "r" (mask), [own] "r" (&own)
			     : "rax", "rcx", "rdx", "r11", "cc", "memory");
	else
		asm volatile("fxsave64 (%[own])\n\t"
			     "fxrstor64 (%[before])\n\t"
			     CALL
			     "fxsave64 (%[after])\n\t"
			     "fxrstor64 (%[own])"
			     : "+b" (number)
			     : "D" (first), "S" (second), [before] "r" (before),
			       [after] "r" (after), [own] "r" (&own)
			     : "rax", "rcx", "rdx", "r11", "cc", "memory");
	return number;
}
