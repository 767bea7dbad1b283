// SPDX-License-Identifier: GPL-2.0-only
/*
 * An actor with registers of its own; see dress.h.
 */
#include <stdlib.h>

#include "dress.h"
#include "msr.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define DR7_FIXED	0x400
#define DR7_WRITES	0x99990455	/* writes of 8 bytes, all four */

/**
 * dress_breakpoints_are_safe() - whether the host survives breakpoints around a guest
 *
 * QEMU loads DR7 from a VMCB without telling its own list of watchpoints, and dies of a breakpoint
 * that it then looks for there.
 */
bool dress_breakpoints_are_safe(void)
{
	return !guest_host_is("svm");
}

/* MSRs that guests own, with values no host has; those a guest may lack are refused. */
static const struct {
	uint32_t index;
	uint64_t value;
	bool optional;
} guest_msrs[] = {
	{ MSR_SYSENTER_CS, 0x5678, false },
	{ MSR_SYSENTER_ESP, 0xffff8123456789a0, false },
	{ MSR_SYSENTER_EIP, 0xffff8123456789b0, false },
	{ MSR_PAT, 0x0000040600070506, false },
	{ MSR_STAR, 0x1234567800000000, false },
	{ MSR_LSTAR, 0xffff8123456789c0, false },
	{ MSR_CSTAR, 0xffff8123456789d0, false },
	{ MSR_SFMASK, 0x47f77, false },
	{ MSR_FS_BASE, 0xffff8123456789e0, false },
	{ MSR_GS_BASE, 0xffff8123456789f0, false },
	{ MSR_KERNEL_GS_BASE, 0x00007123456789a0, false },
	{ MSR_TSC_AUX, 0x00abcdef, true },
	{ MSR_SPEC_CTRL, 1, true },
};

/* Another seed, another value, where the register has room for it. */
static uint64_t msr_value(size_t i, const struct dress *d)
{
	uint64_t value = guest_msrs[i].value;

	return value >> 48 ? value ^ (uint64_t)d->seed << 32 : value;
}

static void load_msrs(struct actor *a, const struct dress *d)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(guest_msrs); i++) {
		if (!actor_do(a, ACTOR_WRMSR, guest_msrs[i].index, msr_value(i, d)) &&
		    !guest_msrs[i].optional)
			KTAP_FAIL(a->g.t, "WRMSR 0x%x is refused", guest_msrs[i].index);
	}
}

static uint64_t guest_features(const struct dress *d)
{
	return d->xcr0 ? d->xcr0 & vectors_features() : vectors_features();
}

static void load_vectors(struct actor *a, const struct dress *d)
{
	uint64_t features = guest_features(d);
	bool has_pkru = vectors_features() & VECTORS_PKRU;

	vectors_fill(actor_image(a), features, d->seed);
	if (!vectors_xcr0()) {
		KTAP_TRUE(a->g.t, actor_do(a, ACTOR_FXRSTOR, 0, 0));
		return;
	}
	KTAP_TRUE(a->g.t, actor_do(a, ACTOR_XSETBV, features, 0));
	KTAP_TRUE(a->g.t, actor_do(a, ACTOR_XRSTOR, features, 0));
	if (has_pkru && !(features & VECTORS_PKRU))
		KTAP_TRUE(a->g.t, actor_do(a, ACTOR_WRPKRU, 0xffffffff - d->seed, 0));
}

static uint64_t guest_dr7(const struct dress *d)
{
	return d->breakpoints && dress_breakpoints_are_safe() ? DR7_WRITES : DR7_FIXED;
}

/* Addresses the guest does not write to; enabled or not, they have to stay where they are. */
static void load_debug(struct actor *a, const struct dress *d)
{
	uint64_t *dr = actor_debug(a);
	unsigned int i;

	for (i = 0; i < 4; i++)
		dr[i] = 0x40000 + d->seed * 0x100 + i * 8;
	dr[4] = guest_dr7(d);
	KTAP_TRUE(a->g.t, actor_do(a, ACTOR_LOAD_DR, 0, 0));
}

/**
 * dress_open() - make an actor and have it load its registers
 * @a: filled in
 * @t: the running case
 * @d: what it loads
 *
 * Return: as actor_open()
 */
bool dress_open(struct actor *a, struct ktap *t, const struct dress *d)
{
	if (!actor_open(a, t))
		return false;
	load_msrs(a, d);
	load_vectors(a, d);
	load_debug(a, d);
	return true;
}

/**
 * dress_check_vectors() - whether the guest has its vector registers, XCR0 among them
 * @a: the guest, waiting
 * @d: what it loaded
 * @when: after what
 */
void dress_check_vectors(struct actor *a, const struct dress *d, const char *when)
{
	uint64_t features = guest_features(d);
	struct vectors want;
	const char *what;

	memset(actor_image(a), 0, sizeof(want));
	vectors_fill(&want, features, d->seed);
	if (!actor_do(a, vectors_xcr0() ? ACTOR_XSAVE : ACTOR_FXSAVE, features, 0))
		return;
	what = vectors_differ(&want, actor_image(a), features);
	if (what)
		KTAP_FAIL(a->g.t, "after %s the guest has lost %s", when, what);
	if (!vectors_xcr0())
		return;
	actor_do(a, ACTOR_XGETBV, 0, 0);
	KTAP_EQ(a->g.t, actor_answer(a), features);
}

/* The same of its MSRs. */
void dress_check_msrs(struct actor *a, const struct dress *d, const char *when)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(guest_msrs); i++) {
		if (!actor_do(a, ACTOR_RDMSR, guest_msrs[i].index, 0))
			continue;
		if (actor_answer(a) != msr_value(i, d))
			KTAP_FAIL(a->g.t, "after %s the guest's MSR 0x%x is 0x%llx", when,
				  guest_msrs[i].index, (unsigned long long)actor_answer(a));
	}
}

/* The same of its debug registers. */
void dress_check_debug(struct actor *a, const struct dress *d, const char *when)
{
	uint64_t *dr = actor_debug(a);
	unsigned int i;

	memset(dr, 0, 5 * sizeof(*dr));
	actor_do(a, ACTOR_STORE_DR, 0, 0);
	for (i = 0; i < 4; i++) {
		if (dr[i] != 0x40000 + d->seed * 0x100 + i * 8)
			KTAP_FAIL(a->g.t, "after %s the guest's DR%u is 0x%llx", when, i,
				  (unsigned long long)dr[i]);
	}
	KTAP_EQ(a->g.t, dr[4], guest_dr7(d));
}

/* All of them. */
void dress_check(struct actor *a, const struct dress *d, const char *when)
{
	dress_check_vectors(a, d, when);
	dress_check_msrs(a, d, when);
	dress_check_debug(a, d, when);
}
