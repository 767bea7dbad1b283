// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of CPUID leaves (kernel/cpu/leaf.c): what is refused, what answers a query, what the
 * limits mean on Intel and on AMD, feature bits, sizes of the XSAVE area. A random table is
 * compared with a search through its entries one by one.
 */
#include "pure_shim.h"

#include <ktap.h>

#include "../../../kernel/cpu/leaf.h"

#define MAX_ENTRIES	256

enum { EAX, EBX, ECX, EDX };

static struct hvm_leaves *make(const struct hvm_cpuid_entry *entries, u32 count, int *error)
{
	struct hvm_leaves *leaves;

	leaves = calloc(1, sizeof(*leaves) + count * sizeof(leaves->leaf[0]));
	if (!leaves)
		abort();
	*error = hvm_leaves_build(leaves, entries, count);
	return leaves;
}

static int build_error(const struct hvm_cpuid_entry *entries, u32 count)
{
	int error;

	free(make(entries, count, &error));
	return error;
}

#define BUILD_ERROR(...)							\
	build_error((const struct hvm_cpuid_entry[]) { __VA_ARGS__ },		\
		    sizeof((const struct hvm_cpuid_entry[]) { __VA_ARGS__ }) /	\
		    sizeof(struct hvm_cpuid_entry))

static void refuses_malformed_entries(struct ktap *t)
{
	KTAP_EQ(t, build_error(NULL, 0), 0);
	KTAP_EQ(t, BUILD_ERROR({ .leaf = 1 }), 0);
	KTAP_EQ(t, BUILD_ERROR({ .leaf = 1, .flags = 2 }), -EOPNOTSUPP);
	KTAP_EQ(t, BUILD_ERROR({ .leaf = 1, .flags = 1U << 31 }), -EOPNOTSUPP);
	KTAP_EQ(t, BUILD_ERROR({ .leaf = 1, .reserved = 1 }), -EINVAL);
	KTAP_EQ(t, BUILD_ERROR({ .leaf = 4, .subleaf = 1 }), -EINVAL);
	KTAP_EQ(t, BUILD_ERROR({ .leaf = 4, .subleaf = 1, .flags = HVM_CPUID_SUBLEAF }), 0);
}

static void refuses_the_same_leaf_twice(struct ktap *t)
{
	KTAP_EQ(t, BUILD_ERROR({ .leaf = 1 }, { .leaf = 1 }), -EINVAL);
	KTAP_EQ(t, BUILD_ERROR({ .leaf = 1 }, { .leaf = 2 }, { .leaf = 1 }), -EINVAL);
	KTAP_EQ(t, BUILD_ERROR({ .leaf = 4, .subleaf = 3, .flags = 1 },
			       { .leaf = 4, .subleaf = 3, .flags = 1 }), -EINVAL);
	KTAP_EQ(t, BUILD_ERROR({ .leaf = 4, .subleaf = 3, .flags = 1 },
			       { .leaf = 4, .subleaf = 2, .flags = 1 }), 0);
	KTAP_EQ(t, BUILD_ERROR({ .leaf = ~0U }, { .leaf = ~0U }), -EINVAL);
}

/* One entry for every subleaf and one for a single one contradict each other. */
static void refuses_mixed_leaves(struct ktap *t)
{
	KTAP_EQ(t, BUILD_ERROR({ .leaf = 4 }, { .leaf = 4, .subleaf = 1, .flags = 1 }), -EINVAL);
	KTAP_EQ(t, BUILD_ERROR({ .leaf = 4, .subleaf = 1, .flags = 1 }, { .leaf = 4 }), -EINVAL);
	KTAP_EQ(t, BUILD_ERROR({ .leaf = 4, .flags = 1 }, { .leaf = 4 }), -EINVAL);
}

static u32 answer(const struct hvm_leaves *leaves, u32 leaf, u32 subleaf)
{
	const struct hvm_cpuid_leaf *found = hvm_leaves_find(leaves, leaf, subleaf);

	return found ? found->out[EAX] : 0;
}

static void finds_leaves_in_every_range(struct ktap *t)
{
	static const struct hvm_cpuid_entry entries[] = {
		{ .leaf = 0x80000001, .eax = 7 },
		{ .leaf = 0x40000100, .eax = 5 },
		{ .leaf = 0x1, .eax = 2 },
		{ .leaf = 0xc0000001, .eax = 9 },
		{ .leaf = 0x40, .eax = 3 },
		{ .leaf = 0x40000000, .eax = 4 },
		{ .leaf = 0xffffffff, .eax = 10 },
		{ .leaf = 0x0, .eax = 1 },
		{ .leaf = 0x8000003f, .eax = 8 },
		{ .leaf = 0x80000000, .eax = 6 },
	};
	struct hvm_leaves *leaves;
	int error;

	leaves = make(entries, ARRAY_SIZE(entries), &error);
	KTAP_EQ(t, error, 0);
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		KTAP_EQ(t, answer(leaves, entries[i].leaf, 0), entries[i].eax);
		KTAP_EQ(t, answer(leaves, entries[i].leaf, 1234), entries[i].eax);
		KTAP_TRUE(t, hvm_leaves_listed(leaves, entries[i].leaf));
	}
	KTAP_EQ(t, answer(leaves, 0x2, 0), 0);
	KTAP_EQ(t, answer(leaves, 0x41, 0), 0);
	KTAP_EQ(t, answer(leaves, 0x3f, 0), 0);
	KTAP_EQ(t, answer(leaves, 0xfffffffe, 0), 0);
	KTAP_TRUE(t, !hvm_leaves_listed(leaves, 0x41));
	free(leaves);
}

static void finds_subleaves(struct ktap *t)
{
	static const struct hvm_cpuid_entry entries[] = {
		{ .leaf = 4, .subleaf = 0, .flags = 1, .eax = 10 },
		{ .leaf = 4, .subleaf = 1, .flags = 1, .eax = 11 },
		{ .leaf = 0xd, .subleaf = 63, .flags = 1, .eax = 23 },
		{ .leaf = 0xd, .subleaf = 9, .flags = 1, .eax = 22 },
		{ .leaf = 0xd, .subleaf = 1, .flags = 1, .eax = 21 },
		{ .leaf = 0xe, .eax = 30 },
		{ .leaf = 0x5000, .subleaf = ~0U, .flags = 1, .eax = 40 },
	};
	struct hvm_leaves *leaves;
	int error;

	leaves = make(entries, ARRAY_SIZE(entries), &error);
	KTAP_EQ(t, error, 0);
	KTAP_EQ(t, answer(leaves, 4, 0), 10);
	KTAP_EQ(t, answer(leaves, 4, 1), 11);
	KTAP_EQ(t, answer(leaves, 4, 2), 0);
	KTAP_EQ(t, answer(leaves, 4, ~0U), 0);
	KTAP_EQ(t, answer(leaves, 0xd, 0), 0);
	KTAP_EQ(t, answer(leaves, 0xd, 1), 21);
	KTAP_EQ(t, answer(leaves, 0xd, 2), 0);
	KTAP_EQ(t, answer(leaves, 0xd, 9), 22);
	KTAP_EQ(t, answer(leaves, 0xd, 63), 23);
	KTAP_EQ(t, answer(leaves, 0xd, 64), 0);
	KTAP_EQ(t, answer(leaves, 0x5000, 0), 0);
	KTAP_EQ(t, answer(leaves, 0x5000, ~0U), 40);
	free(leaves);
}

#define INTEL	.ebx = 0x756e6547, .edx = 0x49656e69, .ecx = 0x6c65746e
#define AMD	.ebx = 0x68747541, .edx = 0x69746e65, .ecx = 0x444d4163

static void answers_beyond_the_limit_as_intel(struct ktap *t)
{
	static const struct hvm_cpuid_entry entries[] = {
		{ .leaf = 0, .eax = 0xb, INTEL },
		{ .leaf = 1, .eax = 1 },
		{ .leaf = 0xb, .subleaf = 0, .flags = 1, .eax = 100 },
		{ .leaf = 0xb, .subleaf = 1, .flags = 1, .eax = 101 },
		{ .leaf = 0xd, .eax = 13 },
		{ .leaf = 0x80000000, .eax = 0x80000008 },
		{ .leaf = 0x80000008, .eax = 8 },
	};
	struct hvm_leaves *leaves;
	int error;

	leaves = make(entries, ARRAY_SIZE(entries), &error);
	KTAP_EQ(t, error, 0);
	KTAP_EQ(t, answer(leaves, 7, 0), 0);
	KTAP_EQ(t, answer(leaves, 0xc, 0), 100);
	KTAP_EQ(t, answer(leaves, 0xc, 1), 101);
	KTAP_EQ(t, answer(leaves, 0xc, 2), 0);
	KTAP_EQ(t, answer(leaves, 0xd, 0), 13);
	KTAP_EQ(t, answer(leaves, 0x3fffffff, 0), 100);
	KTAP_EQ(t, answer(leaves, 0x40000000, 1), 101);
	KTAP_EQ(t, answer(leaves, 0x80000007, 0), 0);
	KTAP_EQ(t, answer(leaves, 0x80000009, 0), 100);
	KTAP_EQ(t, answer(leaves, 0xffffffff, 0), 100);
	free(leaves);
}

static void answers_beyond_the_limit_as_amd(struct ktap *t)
{
	static const struct hvm_cpuid_entry entries[] = {
		{ .leaf = 0, .eax = 1, AMD },
		{ .leaf = 1, .eax = 1 },
		{ .leaf = 0x80000000, .eax = 0x80000000, AMD },
	};
	struct hvm_leaves *leaves;
	int error;

	leaves = make(entries, ARRAY_SIZE(entries), &error);
	KTAP_EQ(t, error, 0);
	KTAP_EQ(t, answer(leaves, 2, 0), 0);
	KTAP_EQ(t, answer(leaves, 0x40000000, 0), 0);
	KTAP_EQ(t, answer(leaves, 0x80000001, 0), 0);
	free(leaves);
}

/* The limit of a hostile table may point anywhere, at itself too. */
static void survives_a_limit_that_leads_nowhere(struct ktap *t)
{
	static const u32 limits[] = { 0, 1, 7, 0x40000000, 0xffffffff };

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct hvm_cpuid_entry entry = { .leaf = 0, .eax = limits[i], INTEL };
		struct hvm_leaves *leaves;
		int error;

		leaves = make(&entry, 1, &error);
		KTAP_EQ(t, error, 0);
		KTAP_EQ(t, answer(leaves, 0, 0), limits[i]);
		KTAP_EQ(t, answer(leaves, 0xffffffff, 7), 0);
		KTAP_EQ(t, answer(leaves, 2, 0), 0);
		free(leaves);
	}
}

static void knows_features(struct ktap *t)
{
	static const struct hvm_cpuid_entry entries[] = {
		{ .leaf = 1, .ecx = 1 << 21, .edx = 1 << 16 },
		{ .leaf = 7, .subleaf = 0, .flags = 1, .ebx = 1 << 1, .edx = 1 << 26 },
		{ .leaf = 7, .subleaf = 2, .flags = 1, .edx = 1 << 4 },
		{ .leaf = 0x40000001, .eax = 1 << 3 },
		{ .leaf = 0x80000001, .edx = 1 << 27 },
		{ .leaf = 0x80000008, .ebx = 1 << 12 },
	};
	static const unsigned int present[] = {
		HVM_CPUID_X2APIC, HVM_CPUID_PAT, HVM_CPUID_TSC_ADJUST, HVM_CPUID_SPEC_CTRL,
		HVM_CPUID_BHI_CTRL, HVM_CPUID_PV_CLOCK, HVM_CPUID_RDTSCP, HVM_CPUID_AMD_IBPB,
	};
	struct hvm_leaves *leaves;
	unsigned int feature, number = 0;
	int error;

	leaves = make(entries, ARRAY_SIZE(entries), &error);
	KTAP_EQ(t, error, 0);
	for (size_t i = 0; i < ARRAY_SIZE(present); i++)
		KTAP_TRUE(t, hvm_leaves_has(leaves, present[i]));
	for (feature = 0; feature < HVM_CPUID_WORDS * 32; feature++)
		number += hvm_leaves_has(leaves, feature);
	KTAP_EQ(t, number, ARRAY_SIZE(present));
	free(leaves);
}

/* Beyond the limit an Intel guest reads another leaf, which must not count as features. */
static void takes_no_features_from_another_leaf(struct ktap *t)
{
	static const struct hvm_cpuid_entry entries[] = {
		{ .leaf = 0, .eax = 1, INTEL },
		{ .leaf = 1, .eax = ~0U, .ebx = ~0U, .ecx = 0, .edx = 0 },
	};
	struct hvm_leaves *leaves;
	unsigned int feature;
	int error;

	leaves = make(entries, 2, &error);
	KTAP_EQ(t, error, 0);
	for (feature = 0; feature < HVM_CPUID_WORDS * 32; feature++)
		KTAP_TRUE(t, !hvm_leaves_has(leaves, feature));
	free(leaves);
}

static void sizes_the_xsave_area(struct ktap *t)
{
	struct hvm_leaves *leaves;
	int error;

	leaves = make(NULL, 0, &error);
	leaves->xstate[2] = (struct hvm_xstate) { .bytes = 256, .offset = 576 };
	leaves->xstate[5] = (struct hvm_xstate) { .bytes = 64, .offset = 1088 };
	leaves->xstate[6] = (struct hvm_xstate) { .bytes = 512, .offset = 1152 };
	leaves->xstate[7] = (struct hvm_xstate) { .bytes = 1024, .offset = 1664 };
	leaves->xstate[9] = (struct hvm_xstate) { .bytes = 8, .offset = 2688 };
	leaves->xstate[17] = (struct hvm_xstate) { .bytes = 64, .offset = 2752, .aligned = true };

	KTAP_EQ(t, hvm_leaves_xsave_bytes(leaves, 0x1, false), 576);
	KTAP_EQ(t, hvm_leaves_xsave_bytes(leaves, 0x3, false), 576);
	KTAP_EQ(t, hvm_leaves_xsave_bytes(leaves, 0x7, false), 832);
	KTAP_EQ(t, hvm_leaves_xsave_bytes(leaves, 0xe7, false), 2688);
	KTAP_EQ(t, hvm_leaves_xsave_bytes(leaves, 0x2e7, false), 2696);
	KTAP_EQ(t, hvm_leaves_xsave_bytes(leaves, 0x203, false), 2696);
	KTAP_EQ(t, hvm_leaves_xsave_bytes(leaves, 0x203, true), 584);
	KTAP_EQ(t, hvm_leaves_xsave_bytes(leaves, 0x20203, true), 704);
	KTAP_EQ(t, hvm_leaves_xsave_bytes(leaves, 0x2e7, true), 2440);
	KTAP_EQ(t, hvm_leaves_xsave_bytes(leaves, ~0ULL, false), 2816);
	free(leaves);
}

static u64 random_state = 0x9e3779b97f4a7c15ULL;

static u32 random_below(u32 bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 32) % bound;
}

static const u32 bases[] = { 0, 0x30, 0x40000000, 0x80000000, 0x80000035, 0xc0000000, 0x1234 };

static u32 random_leaf(void)
{
	return bases[random_below(ARRAY_SIZE(bases))] + random_below(24);
}

/* Add an entry that fits those before it, or none. */
static u32 add_random(struct hvm_cpuid_entry *entries, u32 count)
{
	struct hvm_cpuid_entry new = { .leaf = random_leaf(), .eax = count + 1 };

	new.flags = new.leaf % 3 ? 0 : HVM_CPUID_SUBLEAF;
	if (new.flags)
		new.subleaf = random_below(4) ? random_below(6) : random_below(0x7fffffff) * 2;
	for (u32 i = 0; i < count; i++)
		if (entries[i].leaf == new.leaf && entries[i].subleaf == new.subleaf)
			return 0;
	entries[count] = new;
	return 1;
}

static u32 search(const struct hvm_cpuid_entry *entries, u32 count, u32 leaf, u32 subleaf)
{
	for (u32 i = 0; i < count; i++)
		if (entries[i].leaf == leaf &&
		    (!entries[i].flags || entries[i].subleaf == subleaf))
			return entries[i].eax;
	return 0;
}

static void agrees_with_a_plain_search(struct ktap *t)
{
	struct hvm_cpuid_entry entries[MAX_ENTRIES];

	for (int round = 0; round < 200; round++) {
		struct hvm_leaves *leaves;
		u32 count = 0;
		int error;

		for (u32 i = random_below(MAX_ENTRIES); i; i--)
			count += add_random(entries, count);
		leaves = make(entries, count, &error);
		KTAP_EQ(t, error, 0);
		for (u32 i = 0; i < count; i++)
			KTAP_EQ(t, answer(leaves, entries[i].leaf, entries[i].subleaf),
				entries[i].eax);
		for (int i = 0; i < 500; i++) {
			u32 leaf = random_leaf(), subleaf = random_below(8);

			KTAP_EQ(t, answer(leaves, leaf, subleaf),
				search(entries, count, leaf, subleaf));
		}
		free(leaves);
	}
}

static const struct ktap_case cases[] = {
	{ "refuses_malformed_entries", refuses_malformed_entries },
	{ "refuses_the_same_leaf_twice", refuses_the_same_leaf_twice },
	{ "refuses_mixed_leaves", refuses_mixed_leaves },
	{ "finds_leaves_in_every_range", finds_leaves_in_every_range },
	{ "finds_subleaves", finds_subleaves },
	{ "answers_beyond_the_limit_as_intel", answers_beyond_the_limit_as_intel },
	{ "answers_beyond_the_limit_as_amd", answers_beyond_the_limit_as_amd },
	{ "survives_a_limit_that_leads_nowhere", survives_a_limit_that_leads_nowhere },
	{ "knows_features", knows_features },
	{ "takes_no_features_from_another_leaf", takes_no_features_from_another_leaf },
	{ "sizes_the_xsave_area", sizes_the_xsave_area },
	{ "agrees_with_a_plain_search", agrees_with_a_plain_search },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
