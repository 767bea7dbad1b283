// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model-specific registers that common code keeps: the policy over them, what a guest reads and
 * writes, and what userspace carries as state. Not here: the clock's, and the local APIC's.
 */
#include <sys/ioctl.h>

#include "random.h"
#include "step.h"

#define MAX_MSR_RANGES	64

/* --- MSRs: the policy ----------------------------------------------------------- */

static int set_policy(struct guest *g, const struct hvm_msr_range *ranges, uint32_t count,
		      uint32_t flags)
{
	struct hvm_msr_policy arg = {
		.size = sizeof(arg),
		.count = count,
		.ranges = (uintptr_t)ranges,
		.flags = flags,
	};

	return ioctl(g->vm, HVM_MSR_POLICY, &arg);
}

static void policy_arguments(struct ktap *t)
{
	static struct hvm_msr_range many[MAX_MSR_RANGES + 1];
	static const struct {
		struct hvm_msr_range range;
		int error;
	} bad[] = {
		{ { .first = 1, .count = 0 }, EINVAL },
		{ { .first = 1, .count = 1, .reserved = 1 }, EINVAL },
		{ { .first = 1, .count = 1, .flags = 4 }, EOPNOTSUPP },
		{ { .first = ~0U, .count = 2, .flags = 1 }, EINVAL },
		{ { .first = 2, .count = ~0U, .flags = 1 }, EINVAL },
		{ { .first = 0x800, .count = 1, .flags = 1 }, EINVAL },
		{ { .first = 0x8ff, .count = 1, .flags = 1 }, EINVAL },
		{ { .first = 0x7ff, .count = 2, .flags = 1 }, EINVAL },
		{ { .first = 0, .count = ~0U, .flags = 1 }, EINVAL },
		{ { .first = 0x7ff, .count = 1, .flags = 1 }, 0 },
		{ { .first = 0x900, .count = ~0U - 0x8ff, .flags = 3 }, 0 },
		{ { .first = ~0U, .count = 1, .flags = 2 }, 0 },
	};
	struct hvm_msr_policy arg = { .size = sizeof(arg), .reserved = 1 };
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	for (uint32_t i = 0; i <= MAX_MSR_RANGES; i++)
		many[i] = (struct hvm_msr_range) { .first = i * 3, .count = 2, .flags = 1 };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int err = set_policy(&g, &bad[i].range, 1, 0) ? errno : 0;

		if (err != bad[i].error)
			KTAP_FAIL(t, "case %zu: %s", i, strerror(err));
	}
	KTAP_OK(t, set_policy(&g, many, MAX_MSR_RANGES, 0));
	KTAP_ERRNO(t, set_policy(&g, many, MAX_MSR_RANGES + 1, 0), ENOSPC);
	KTAP_ERRNO(t, set_policy(&g, many, ~0U, 0), ENOSPC);
	KTAP_ERRNO(t, set_policy(&g, many, 1, 2), EOPNOTSUPP);
	KTAP_ERRNO(t, set_policy(&g, (void *)KERNEL_ADDRESS, 1, 0), EFAULT);
	KTAP_ERRNO(t, ioctl(g.vm, HVM_MSR_POLICY, &arg), EINVAL);
	KTAP_OK(t, set_policy(&g, NULL, 0, 0));
	guest_close(&g);
}

static void policy_freezes_at_the_first_run(struct ktap *t)
{
	struct guest g;

	if (!step_open(&g, t))
		return;
	KTAP_ERRNO(t, set_policy(&g, NULL, 0, 0), EBUSY);
	guest_close(&g);
}

static void expect_exit(struct guest *g, int what, uint32_t index, uint64_t value, bool exits)
{
	int reason = step_exit(g, what, index, value);

	KTAP_EQ(g->t, reason, exits ? HVM_EXIT_MSR : HVM_EXIT_PIO);
	if (reason != HVM_EXIT_MSR)
		return;
	KTAP_EQ(g->t, g->run->msr.index, index);
	KTAP_EQ(g->t, g->run->msr.write, what == STEP_WRMSR);
	if (what == STEP_WRMSR)
		KTAP_EQ(g->t, g->run->msr.value, value);
	g->run->msr.value = 0x1122334455667788ULL;
	KTAP_EQ(g->t, guest_complete(g, 0), HVM_EXIT_PIO);
	if (what == STEP_RDMSR)
		KTAP_EQ(g->t, step_answer(g), 0x1122334455667788ULL);
}

/* The first range that contains an index counts; LSTAR is one that hardware would hold. */
static void policy_sends_msrs_to_userspace(struct ktap *t)
{
	static const struct hvm_msr_range ranges[] = {
		{ .first = MSR_LSTAR, .count = 1, .flags = HVM_MSR_EXIT_WRITE },
		{ .first = 0xc0000080, .count = 4, .flags = HVM_MSR_EXIT_READ },
		{ .first = 0x300, .count = 0x100, .flags = HVM_MSR_EXIT_READ | HVM_MSR_EXIT_WRITE },
	};
	struct guest g;
	uint64_t value;

	if (!guest_open(&g, t, GUEST_RAM) || !guest_default_cpuid(&g))
		return;
	KTAP_OK(t, set_policy(&g, ranges, ARRAY_SIZE(ranges), 0));
	if (!step_start(&g))
		return;
	expect_exit(&g, STEP_WRMSR, MSR_LSTAR, 0x4321, true);
	expect_exit(&g, STEP_RDMSR, MSR_LSTAR, 0, false);
	KTAP_EQ(t, step_answer(&g), 0);
	expect_exit(&g, STEP_RDMSR, 0xc0000081, 0, true);
	expect_exit(&g, STEP_WRMSR, 0xc0000081, 0x10, false);
	expect_exit(&g, STEP_RDMSR, 0x300, 0, true);
	expect_exit(&g, STEP_WRMSR, 0x3ff, ~0ULL, true);
	expect_exit(&g, STEP_RDMSR, MSR_MTRR_CAP, 0, false);
	KTAP_TRUE(t, !step_rdmsr(&g, 0x400, &value));
	guest_close(&g);
}

static void unknown_msrs_exit_when_asked(struct ktap *t)
{
	struct guest g;
	uint64_t value;

	if (!guest_open(&g, t, GUEST_RAM) || !guest_default_cpuid(&g))
		return;
	KTAP_OK(t, set_policy(&g, NULL, 0, HVM_MSR_UNKNOWN_EXITS));
	if (!step_start(&g))
		return;
	expect_exit(&g, STEP_RDMSR, MSR_NOBODYS, 0, true);
	expect_exit(&g, STEP_WRMSR, MSR_NOBODYS, 77, true);
	KTAP_TRUE(t, step_rdmsr(&g, MSR_MTRR_CAP, &value));
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_MTRR_CAP, 0));
	KTAP_EQ(t, step_exit(&g, STEP_RDMSR, MSR_NOBODYS, 0), HVM_EXIT_MSR);
	g.run->complete = HVM_COMPLETE_GP;
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->gpr[HVM_R15], 1);
	guest_close(&g);
}

/* --- MSRs: the guest's ---------------------------------------------------------- */

static void unknown_msrs_raise_gp(struct ktap *t)
{
	static const uint32_t unknown[] = {
		MSR_NOBODYS, 0xf, 0x79, 0x9b, 0x480, 0x48d, 0x7ff, 0x900, 0x4b564d02, 0x4b564d06,
		0xc0010117, 0xffffffff, 0xc0000fff, 0x186, 0xda0,
	};
	struct guest g;
	uint64_t value;

	if (!step_open(&g, t))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		if (step_rdmsr(&g, unknown[i], &value))
			KTAP_FAIL(t, "RDMSR 0x%x went through", unknown[i]);
		if (step_wrmsr(&g, unknown[i], 0))
			KTAP_FAIL(t, "WRMSR 0x%x went through", unknown[i]);
	}
	guest_close(&g);
}

static void msrs_that_guests_expect(struct ktap *t)
{
	struct guest g;
	uint64_t value, again;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, step_rdmsr(&g, MSR_MTRR_CAP, &value));
	KTAP_EQ(t, value, 0x508);
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_MTRR_CAP, 0x508));
	KTAP_TRUE(t, step_wrmsr(&g, MSR_MTRR_DEF_TYPE, 0xc06));
	KTAP_TRUE(t, step_rdmsr(&g, MSR_MTRR_DEF_TYPE, &value));
	KTAP_EQ(t, value, 0xc06);
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_MTRR_DEF_TYPE, 2));
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_MTRR_BASE0, 7));
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_PAT, 2));
	KTAP_TRUE(t, step_rdmsr(&g, MSR_UCODE_REV, &value));
	KTAP_TRUE(t, step_wrmsr(&g, MSR_UCODE_REV, 0));
	KTAP_TRUE(t, step_rdmsr(&g, MSR_UCODE_REV, &again));
	KTAP_EQ(t, value, again);
	KTAP_EQ(t, step_rdmsr(&g, MSR_MISC_ENABLE, &value), !g.amd);
	KTAP_EQ(t, step_rdmsr(&g, MSR_HWCR, &value), g.amd);
	KTAP_TRUE(t, step_rdmsr(&g, 0x1b, &value));
	KTAP_EQ(t, value & 0xfffff900, 0xfee00900);
	guest_close(&g);
}

static void efer_rules(struct ktap *t)
{
	struct guest g;
	uint64_t value;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, step_rdmsr(&g, MSR_EFER, &value));
	KTAP_EQ(t, value, 0xd01);
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_EFER, value & ~0x100ULL));
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_EFER, value | 1ULL << 12));
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_EFER, value | 1ULL << 63));
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_EFER, value | 2));
	/* LMA is not the guest's to write. */
	KTAP_TRUE(t, step_wrmsr(&g, MSR_EFER, 0x900));
	KTAP_TRUE(t, step_rdmsr(&g, MSR_EFER, &value));
	KTAP_EQ(t, value, 0xd00);
	guest_close(&g);
}

/* Without CPUID's word there is no NX, and no TSC_AUX. */
static void features_gate_msrs(struct ktap *t)
{
	static const struct hvm_cpuid_entry e[] = {
		{ .leaf = 0x80000001, .edx = 1 << 29 | 1 << 11 },
	};
	struct guest g;
	uint64_t value;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_OK(t, step_set_cpuid(g.vm, e, 1));
	if (!step_start(&g))
		return;
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_EFER, 0xd01));
	KTAP_TRUE(t, step_wrmsr(&g, MSR_EFER, 0x501));
	KTAP_TRUE(t, !step_rdmsr(&g, MSR_TSC_ADJUST, &value));
	KTAP_TRUE(t, !step_rdmsr(&g, MSR_MTRR_CAP, &value));
	KTAP_TRUE(t, !step_rdmsr(&g, MSR_PAT, &value));
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_SYSTEM_TIME, GUEST_DATA | 1));
	KTAP_TRUE(t, !step_wrmsr(&g, 0x48, 0));
	KTAP_TRUE(t, !step_wrmsr(&g, 0x49, 0));
	KTAP_TRUE(t, !step_wrmsr(&g, 0x10b, 0));
	guest_close(&g);
}

/* --- MSRs: state ------------------------------------------------------------------ */

static uint32_t list_msrs(struct guest *g, uint32_t *msrs, uint32_t places)
{
	struct hvm_get_info info = {
		.size = sizeof(info),
		.msrs = (uintptr_t)msrs,
		.msr_count = places,
	};

	KTAP_OK(g->t, ioctl(g->dev, HVM_GET_INFO, &info));
	return info.msr_count;
}

static void every_listed_msr_round_trips(struct ktap *t)
{
	uint32_t msrs[256], n;
	struct guest g;
	uint64_t value;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	n = list_msrs(&g, msrs, ARRAY_SIZE(msrs));
	KTAP_TRUE(t, n > 30 && n <= ARRAY_SIZE(msrs));
	for (uint32_t i = 0; i < n && i < ARRAY_SIZE(msrs); i++) {
		for (uint32_t j = 0; j < i; j++)
			if (msrs[i] == msrs[j])
				KTAP_FAIL(t, "0x%x is listed twice", msrs[i]);
		if (guest_get_msr(&g, msrs[i], &value))
			KTAP_FAIL(t, "get 0x%x: %s", msrs[i], strerror(errno));
		else if (guest_set_msr(&g, msrs[i], value))
			KTAP_FAIL(t, "set 0x%x = 0x%llx: %s", msrs[i], (unsigned long long)value,
				  strerror(errno));
	}
	guest_close(&g);
}

static void values_round_trip(struct ktap *t)
{
	static const struct {
		uint32_t index;
		uint64_t value;
	} cases[] = {
		{ MSR_MTRR_DEF_TYPE, 0xc06 }, { MSR_MTRR_BASE0, 0x80000006 },
		{ MSR_MTRR_BASE0 + 15, 0x800 }, { 0x250, 0x0606060606060606 },
		{ 0x26f, 0x0505050505050505 }, { MSR_PAT, 0x0007010600070106 },
		{ MSR_UCODE_REV, 0x1234500000000 }, { MSR_WALL_CLOCK, 0x20000 },
		{ MSR_SYSTEM_TIME, 0x20001 }, { MSR_LSTAR, 0xffffffff81000000 },
	};
	struct guest g;
	uint64_t value;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		KTAP_OK(t, guest_set_msr(&g, cases[i].index, cases[i].value));
		KTAP_OK(t, guest_get_msr(&g, cases[i].index, &value));
		KTAP_EQ(t, value, cases[i].value);
	}
	guest_close(&g);
}

static void state_refuses_what_is_wrong(struct ktap *t)
{
	static const struct {
		uint32_t index;
		uint64_t value;
		int error;
	} bad[] = {
		{ MSR_NOBODYS, 0, ENOENT }, { MSR_TSC, 0, ENOENT }, { MSR_TSC_ADJUST, 0, ENOENT },
		{ MSR_EFER, 0, ENOENT }, { MSR_TSC_DEADLINE, 0, ENOENT }, { 0x802, 0, ENOENT },
		{ 0x1b, 0xfee00900, ENOENT }, { MSR_MTRR_CAP, 0x508, ENOENT },
		{ 0x49, 1, ENOENT }, { 0x10b, 1, ENOENT },
		{ MSR_PAT, 2, EINVAL }, { MSR_PAT, ~0ULL, EINVAL },
		{ MSR_MTRR_DEF_TYPE, 3, EINVAL }, { MSR_MTRR_BASE0, ~0ULL, EINVAL },
		{ MSR_WALL_CLOCK, 1, EINVAL },
		{ MSR_SYSTEM_TIME, 2, EINVAL }, { MSR_LSTAR, 1ULL << 63, EINVAL },
	};
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int err = guest_set_msr(&g, bad[i].index, bad[i].value) ? errno : 0;

		if (err != bad[i].error)
			KTAP_FAIL(t, "0x%x = 0x%llx: %s", bad[i].index,
				  (unsigned long long)bad[i].value, strerror(err));
	}
	guest_close(&g);
}

static void a_refused_list_changes_nothing(struct ktap *t)
{
	struct hvm_msr_value list[] = {
		{ .index = MSR_MTRR_DEF_TYPE, .value = 0xc06 },
		{ .index = MSR_LSTAR, .value = 0x1000 },
		{ .index = MSR_MTRR_DEF_TYPE, .value = 0x806 },
		{ .index = MSR_PAT, .value = 2 },
		{ .index = MSR_MTRR_BASE0, .value = 6 },
	};
	struct hvm_state state = {
		.size = sizeof(state),
		.mask = HVM_STATE_MSR,
		.msr = { .address = (uintptr_t)list, .count = ARRAY_SIZE(list) },
	};
	struct guest g;
	uint64_t value;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_OK(t, guest_set_msr(&g, MSR_MTRR_DEF_TYPE, 0x400));
	KTAP_ERRNO(t, ioctl(g.vcpu, HVM_SET_STATE, &state), EINVAL);
	KTAP_EQ(t, state.msr.failed, 3);
	KTAP_OK(t, guest_get_msr(&g, MSR_MTRR_DEF_TYPE, &value));
	KTAP_EQ(t, value, 0x400);
	KTAP_OK(t, guest_get_msr(&g, MSR_LSTAR, &value));
	KTAP_EQ(t, value, 0);
	list[3].value = 0x0007040600070406;
	list[3].reserved = 1;
	KTAP_ERRNO(t, ioctl(g.vcpu, HVM_SET_STATE, &state), EINVAL);
	list[3].reserved = 0;
	KTAP_OK(t, ioctl(g.vcpu, HVM_SET_STATE, &state));
	KTAP_OK(t, guest_get_msr(&g, MSR_MTRR_DEF_TYPE, &value));
	KTAP_EQ(t, value, 0x806);
	guest_close(&g);
}

/* --- MSRs: at random ---------------------------------------------------------------- */

static uint64_t random_state = 0x123456789abcdefULL;

static uint32_t random_index(void)
{
	static const uint32_t bases[] = {
		0, 0x80, 0x100, 0x170, 0x200, 0x260, 0x400, 0x480, 0x6e0, 0x800, 0x830, 0x4b564d00,
		0xc0000080, 0xc0000100, 0xc0010000, 0xc0010010, 0xc0010110, 0xc0011020,
	};
	uint64_t r = random64(&random_state);

	return r & 7 ? bases[(r >> 8) % ARRAY_SIZE(bases)] + (r >> 32) % 0x40 : r >> 32;
}

static uint64_t random_value(void)
{
	switch (random64(&random_state) % 5) {
	case 0:
		return 0;
	case 1:
		return ~0ULL;
	case 2:
		return 1ULL << random64(&random_state) % 64;
	case 3:
		return random64(&random_state) & 0xffff;
	default:
		return random64(&random_state);
	}
}

/* Not for a guest that means to go on: INIT to itself, and clock pages over its own code. */
static bool is_harmful(uint32_t index)
{
	return index == 0x830 || index == MSR_WALL_CLOCK || index == MSR_SYSTEM_TIME;
}

/* Each access goes through or raises #GP; the guest goes on after all of them. */
static void random_msrs(struct ktap *t)
{
	unsigned int through = 0;
	struct guest g;

	if (!step_open(&g, t))
		return;
	for (int i = 0; i < 20000 && !t->failures; i++) {
		uint32_t index = random_index();

		if (random64(&random_state) & 1)
			through += step_done(&g, STEP_RDMSR, index, 0);
		else if (!is_harmful(index))
			through += step_done(&g, STEP_WRMSR, index, random_value());
	}
	KTAP_TRUE(t, through > 100);
	guest_close(&g);
}

static void random_msr_state(struct ktap *t)
{
	unsigned int through = 0;
	struct guest g;
	uint64_t value;

	if (!step_open(&g, t))
		return;
	for (int i = 0; i < 20000 && !t->failures; i++) {
		uint32_t index = random_index();

		if (is_harmful(index))
			continue;
		value = random_value();
		if (!guest_set_msr(&g, index, value))
			through++;
		else
			KTAP_TRUE(t, errno == ENOENT || errno == EINVAL);
	}
	KTAP_TRUE(t, through > 100);
	KTAP_TRUE(t, step_done(&g, STEP_CPUID, 0, 0));
	guest_close(&g);
}

static const struct ktap_case cases[] = {
	{ "policy_arguments", policy_arguments },
	{ "policy_freezes_at_the_first_run", policy_freezes_at_the_first_run },
	{ "policy_sends_msrs_to_userspace", policy_sends_msrs_to_userspace },
	{ "unknown_msrs_exit_when_asked", unknown_msrs_exit_when_asked },
	{ "unknown_msrs_raise_gp", unknown_msrs_raise_gp },
	{ "msrs_that_guests_expect", msrs_that_guests_expect },
	{ "efer_rules", efer_rules },
	{ "features_gate_msrs", features_gate_msrs },
	{ "every_listed_msr_round_trips", every_listed_msr_round_trips },
	{ "values_round_trip", values_round_trip },
	{ "state_refuses_what_is_wrong", state_refuses_what_is_wrong },
	{ "a_refused_list_changes_nothing", a_refused_list_changes_nothing },
	{ "random_msrs", random_msrs },
	{ "random_msr_state", random_msr_state },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
