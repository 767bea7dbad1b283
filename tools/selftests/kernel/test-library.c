// SPDX-License-Identifier: GPL-2.0-only
/*
 * What libhvm offers and neither vm nor the examples call: the list of MSRs, the guest's clock, the
 * policy over MSRs. That their arguments arrive and that errors are returned; what the kernel makes
 * of them is shown by test-args, test-clock and test-msr.
 */
#include <stdlib.h>

#include "libhvm.h"
#include "step.h"

#define NS_PER_S	1000000000ULL
#define MINUTE		60	/* no case takes longer */
#define UNTOUCHED	0xdeadbeefU

/* --- the list of MSRs ------------------------------------------------------------ */

static bool contains(const uint32_t *list, uint32_t count, uint32_t index)
{
	for (uint32_t i = 0; i < count; i++) {
		if (list[i] == index)
			return true;
	}
	return false;
}

static void check_list(struct guest *g, uint32_t *list, uint32_t count)
{
	uint32_t n = count;

	list[count] = UNTOUCHED;
	KTAP_EQ(g->t, hvm_msr_list(g->dev, list, &n), 0);
	KTAP_EQ(g->t, n, count);
	KTAP_EQ(g->t, list[count], UNTOUCHED);
	KTAP_TRUE(g->t, contains(list, count, MSR_LSTAR));
	KTAP_TRUE(g->t, !contains(list, count, MSR_NOBODYS));
	for (uint32_t i = 1; i < count; i++)
		KTAP_TRUE(g->t, !contains(list, i, list[i]));
}

static void lists_msrs(struct ktap *t)
{
	uint32_t count = 77, few = 2, small[3] = { UNTOUCHED, UNTOUCHED, UNTOUCHED };
	struct guest g;
	uint32_t *list;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_EQ(t, hvm_msr_list(g.dev, NULL, &count), 0);
	KTAP_TRUE(t, count > 2 && count != 77);
	KTAP_EQ(t, hvm_msr_list(g.dev, small, &few), 0);
	KTAP_EQ(t, few, count);
	KTAP_TRUE(t, small[0] != UNTOUCHED && small[1] != UNTOUCHED);
	KTAP_EQ(t, small[2], UNTOUCHED);
	list = calloc(count + 1, sizeof(*list));
	if (list)
		check_list(&g, list, count);
	else
		KTAP_FAIL(t, "no memory");
	free(list);
	KTAP_EQ(t, hvm_msr_list(-1, NULL, &count), -EBADF);
	KTAP_EQ(t, hvm_msr_list(g.vm, NULL, &count), -ENOTTY);
	guest_close(&g);
}

/* --- the clock ------------------------------------------------------------------- */

static void reads_and_sets_the_clock(struct ktap *t)
{
	struct hvm_clock clock = { 0 }, later = { 0 };
	struct hvm_clock set = { .flags = HVM_CLOCK_SET, .guest_ns = 3600 * NS_PER_S };
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_EQ(t, hvm_vm_clock(g.vm, &clock), 0);
	KTAP_TRUE(t, clock.guest_ns < MINUTE * NS_PER_S);
	KTAP_TRUE(t, clock.host_tsc && clock.realtime_ns && clock.tsc_khz && clock.guest_khz);
	KTAP_EQ(t, hvm_vm_clock(g.vm, &set), 0);
	KTAP_EQ(t, hvm_vm_clock(g.vm, &later), 0);
	KTAP_TRUE(t, later.guest_ns >= 3600 * NS_PER_S);
	KTAP_TRUE(t, later.guest_ns < (3600 + MINUTE) * NS_PER_S);
	KTAP_TRUE(t, later.host_tsc > clock.host_tsc);
	KTAP_EQ(t, later.guest_khz, clock.guest_khz);
	clock.flags = 1U << 31;
	KTAP_EQ(t, hvm_vm_clock(g.vm, &clock), -EOPNOTSUPP);
	KTAP_EQ(t, hvm_vm_clock(g.vcpu, &later), -ENOTTY);
	guest_close(&g);
}

/* --- the policy over MSRs ---------------------------------------------------------- */

static void expect(struct guest *g, uint32_t index, int reason)
{
	KTAP_EQ(g->t, step_exit(g, STEP_RDMSR, index, 0), reason);
	if (reason != HVM_EXIT_MSR)
		return;
	KTAP_EQ(g->t, g->run->msr.index, index);
	g->run->msr.value = 0x4321;
	KTAP_EQ(g->t, guest_complete(g, 0), HVM_EXIT_PIO);
	KTAP_EQ(g->t, step_answer(g), 0x4321);
}

static void sends_msrs_here(struct ktap *t)
{
	static const struct hvm_msr_range ranges[] = {
		{ .first = MSR_NOBODYS + 1, .count = 1, .flags = HVM_MSR_EXIT_READ },
		{ .first = MSR_LSTAR, .count = 1, .flags = HVM_MSR_EXIT_READ },
	};
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM) || !guest_default_cpuid(&g))
		return;
	KTAP_EQ(t, hvm_vm_msr_policy(g.vm, ranges, 2, 1U << 31), -EOPNOTSUPP);
	KTAP_EQ(t, hvm_vm_msr_policy(g.vm, ranges, 2, 0), 0);
	if (!step_start(&g))
		return;
	expect(&g, MSR_LSTAR, HVM_EXIT_MSR);
	expect(&g, MSR_NOBODYS + 1, HVM_EXIT_MSR);
	expect(&g, MSR_NOBODYS, HVM_EXIT_PIO);
	KTAP_EQ(t, hvm_vm_msr_policy(g.vm, NULL, 0, 0), -EBUSY);
	guest_close(&g);
}

static void sends_unknown_msrs_here_until_it_is_taken_back(struct ktap *t)
{
	for (int back = 0; back < 2; back++) {
		struct guest g;

		if (!guest_open(&g, t, GUEST_RAM) || !guest_default_cpuid(&g))
			return;
		KTAP_EQ(t, hvm_vm_msr_policy(g.vm, NULL, 0, HVM_MSR_UNKNOWN_EXITS), 0);
		if (back)
			KTAP_EQ(t, hvm_vm_msr_policy(g.vm, NULL, 0, 0), 0);
		if (!step_start(&g))
			return;
		expect(&g, MSR_NOBODYS, back ? HVM_EXIT_PIO : HVM_EXIT_MSR);
		expect(&g, MSR_LSTAR, HVM_EXIT_PIO);
		guest_close(&g);
	}
}

static const struct ktap_case cases[] = {
	{ "lists_msrs", lists_msrs },
	{ "reads_and_sets_the_clock", reads_and_sets_the_clock },
	{ "sends_msrs_here", sends_msrs_here },
	{ "sends_unknown_msrs_here_until_it_is_taken_back",
	  sends_unknown_msrs_here_until_it_is_taken_back },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
