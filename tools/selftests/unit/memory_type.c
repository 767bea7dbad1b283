// SPDX-License-Identifier: GPL-2.0-only
/*
 * MTRRs and PAT (kernel/cpu/mtrr.c): which registers there are and which values they take.
 */
#include "pure_shim.h"

#include <ktap.h>

#include "../../../kernel/cpu/mtrr.h"

#define BITS	40	/* width of physical addresses in these cases */

/* PAT after reset: WB, WT, UC-, UC, twice. */
#define PAT_RESET	0x0007040600070406ULL

static bool is_type(unsigned int type)
{
	return type <= 6 && type != 2 && type != 3;
}

static void pat_takes_every_type_in_every_place(struct ktap *t)
{
	KTAP_TRUE(t, hvm_pat_valid(PAT_RESET));
	KTAP_TRUE(t, hvm_pat_valid(0x0407050600070106ULL));
	for (int place = 0; place < 8; place++) {
		u64 others = PAT_RESET & ~(0xffULL << place * 8);

		for (u64 type = 0; type < 256; type++)
			KTAP_EQ(t, hvm_pat_valid(others | type << place * 8),
				is_type(type) || type == 7);
	}
}

static void finds_each_register_once(struct ktap *t)
{
	struct hvm_mtrr mtrr = {};
	unsigned int found = 0;

	for (u32 index = 0; index < 0x1000; index++) {
		u64 *place = hvm_mtrr_find(&mtrr, index);

		if (!place)
			continue;
		KTAP_EQ(t, *place, 0);
		*place = index;
		found++;
	}
	KTAP_EQ(t, found, 1 + HVM_MTRR_FIXED + 2 * HVM_MTRR_VARIABLE);
	KTAP_EQ(t, found * sizeof(u64), sizeof(mtrr));
	KTAP_EQ(t, mtrr.def_type, 0x2ff);
	KTAP_EQ(t, mtrr.fixed[0], 0x250);
	KTAP_EQ(t, mtrr.fixed[10], 0x26f);
	KTAP_EQ(t, mtrr.variable[15], 0x20f);
	KTAP_TRUE(t, !hvm_mtrr_find(&mtrr, 0x210));
	KTAP_TRUE(t, !hvm_mtrr_find(&mtrr, 0x251));
	KTAP_TRUE(t, !hvm_mtrr_find(&mtrr, 0xfe));
	KTAP_TRUE(t, !hvm_mtrr_find(&mtrr, ~0U));
}

static void default_type(struct ktap *t)
{
	for (u64 type = 0; type < 256; type++) {
		KTAP_EQ(t, hvm_mtrr_valid(0x2ff, type, BITS), is_type(type));
		KTAP_EQ(t, hvm_mtrr_valid(0x2ff, 0xc00 | type, BITS), is_type(type));
	}
	for (int bit = 8; bit < 64; bit++)
		KTAP_EQ(t, hvm_mtrr_valid(0x2ff, 6 | 1ULL << bit, BITS), bit == 10 || bit == 11);
}

static void fixed_ranges(struct ktap *t)
{
	static const u32 indices[] = { 0x250, 0x258, 0x259, 0x268, 0x26f };

	for (size_t i = 0; i < ARRAY_SIZE(indices); i++) {
		KTAP_TRUE(t, hvm_mtrr_valid(indices[i], 0x0606060606060606ULL, BITS));
		KTAP_TRUE(t, hvm_mtrr_valid(indices[i], 0x0001040506000104ULL, BITS));
		for (int place = 0; place < 8; place++)
			for (u64 type = 0; type < 256; type++)
				KTAP_EQ(t, hvm_mtrr_valid(indices[i], type << place * 8, BITS),
					is_type(type));
	}
}

static void variable_bases(struct ktap *t)
{
	for (u32 index = 0x200; index < 0x210; index += 2) {
		for (u64 type = 0; type < 256; type++)
			KTAP_EQ(t, hvm_mtrr_valid(index, 0x80000000 | type, BITS), is_type(type));
		for (int bit = 8; bit < 64; bit++)
			KTAP_EQ(t, hvm_mtrr_valid(index, 6 | 1ULL << bit, BITS),
				bit >= 12 && bit < BITS);
	}
}

static void variable_masks(struct ktap *t)
{
	for (u32 index = 0x201; index < 0x210; index += 2) {
		KTAP_TRUE(t, hvm_mtrr_valid(index, 0, BITS));
		KTAP_TRUE(t, hvm_mtrr_valid(index, 0xff80000800ULL, BITS));
		for (int bit = 0; bit < 64; bit++)
			KTAP_EQ(t, hvm_mtrr_valid(index, 1ULL << bit, BITS),
				bit == 11 || (bit >= 12 && bit < BITS));
	}
}

static void follows_the_width_of_addresses(struct ktap *t)
{
	for (u32 bits = 36; bits <= 52; bits++) {
		KTAP_TRUE(t, hvm_mtrr_valid(0x200, 1ULL << (bits - 1) | 6, bits));
		KTAP_TRUE(t, !hvm_mtrr_valid(0x200, 1ULL << bits | 6, bits));
		KTAP_TRUE(t, hvm_mtrr_valid(0x201, 1ULL << (bits - 1), bits));
		KTAP_TRUE(t, !hvm_mtrr_valid(0x201, 1ULL << bits, bits));
	}
}

static const struct ktap_case cases[] = {
	{ "pat_takes_every_type_in_every_place", pat_takes_every_type_in_every_place },
	{ "finds_each_register_once", finds_each_register_once },
	{ "default_type", default_type },
	{ "fixed_ranges", fixed_ranges },
	{ "variable_bases", variable_bases },
	{ "variable_masks", variable_masks },
	{ "follows_the_width_of_addresses", follows_the_width_of_addresses },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
