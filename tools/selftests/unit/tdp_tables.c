// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the second-level tables, case by case: entries of both formats, splitting, zapping
 * across levels, ageing, non-executable huge pages, and threads that map at the same time.
 */
#include <pthread.h>

#include "ktap.h"
#include "tdp_fixture.h"

#define PAGES_2M	512ULL
#define PAGES_1G	(512ULL * 512)

static void ept_entry_bits(struct ktap *t)
{
	struct hvm_tdp tdp;
	unsigned int level;

	tdp_open(&tdp, &tdp_ept, false);
	tdp_map(&tdp, 5, 0x1234, 1, true);
	KTAP_EQ(t, tdp_entry(&tdp, 5, &level),
		0x1234000 | EPT_R | EPT_W | EPT_X | EPT_WB | EPT_A);
	tdp_map(&tdp, PAGES_2M, 0x200, 2, false);
	KTAP_EQ(t, tdp_entry(&tdp, PAGES_2M + 3, &level),
		0x200000 | EPT_R | EPT_X | EPT_WB | EPT_PS | EPT_A);
	KTAP_EQ(t, level, 2);
	KTAP_EQ(t, *hvm_tdp_table(&tdp, 5, 2) & 0xfff, EPT_R | EPT_W | EPT_X);
	tdp_close(&tdp);
}

static void npt_entry_bits(struct ktap *t)
{
	struct hvm_tdp tdp;
	unsigned int level;

	tdp_open(&tdp, &tdp_npt, true);
	tdp_map(&tdp, 5, 0x1234, 1, false);
	KTAP_EQ(t, tdp_entry(&tdp, 5, &level), 0x1234000 | NPT_P | NPT_U | NPT_A);
	tdp_map(&tdp, PAGES_1G, PAGES_1G, 3, true);
	KTAP_EQ(t, tdp_entry(&tdp, PAGES_1G + 3, &level),
		(PAGES_1G << 12) | NPT_P | NPT_W | NPT_U | NPT_PS | NPT_A | NPT_NX);
	KTAP_EQ(t, level, 3);
	tdp_close(&tdp);
}

static void permissions_only_grow(struct ktap *t)
{
	struct hvm_tdp tdp;

	tdp_open(&tdp, &tdp_npt, false);
	KTAP_EQ(t, tdp_map(&tdp, 7, 100, 1, false), HVM_TDP_MAPPED);
	KTAP_TRUE(t, !tdp_look(&tdp, 7).write);
	KTAP_EQ(t, tdp_map(&tdp, 7, 100, 1, true), HVM_TDP_MAPPED);
	KTAP_TRUE(t, tdp_look(&tdp, 7).write);
	KTAP_EQ(t, tdp_map(&tdp, 7, 100, 1, false), HVM_TDP_MAPPED);
	KTAP_TRUE(t, tdp_look(&tdp, 7).write);
	tdp_close(&tdp);
}

static void another_page_is_reported(struct ktap *t)
{
	struct hvm_tdp tdp;

	tdp_open(&tdp, &tdp_ept, false);
	tdp_map(&tdp, 7, 100, 1, true);
	KTAP_EQ(t, tdp_map(&tdp, 7, 101, 1, false), HVM_TDP_CHANGED);
	KTAP_EQ(t, tdp_look(&tdp, 7).pfn, 101);
	KTAP_TRUE(t, !tdp_look(&tdp, 7).write);
	tdp_close(&tdp);
}

static void empty_stash_is_reported(struct ktap *t)
{
	struct hvm_tdp_leaf leaf = { .gfn = 1, .hpa = 0x1000, .level = 1 };
	struct hvm_tdp_stash stash = { .count = 0 };
	struct hvm_tdp tdp;
	u64 *at;

	tdp_open(&tdp, &tdp_npt, false);
	KTAP_EQ(t, hvm_tdp_map(&tdp, &leaf, &stash, &at), HVM_TDP_NO_TABLE);
	KTAP_TRUE(t, !tdp_look(&tdp, 1).present);
	tdp_close(&tdp);
}

static void small_mapping_splits_a_huge_one(struct ktap *t)
{
	struct hvm_tdp tdp;
	u64 i;

	tdp_open(&tdp, &tdp_ept, false);
	tdp_map(&tdp, 0, PAGES_1G, 3, false);
	KTAP_EQ(t, tdp_map(&tdp, 1000, PAGES_1G + 1000, 1, true), HVM_TDP_MAPPED);
	KTAP_EQ(t, tdp_look(&tdp, 1000).level, 1);
	KTAP_EQ(t, tdp_look(&tdp, 0).level, 2);
	for (i = 0; i < PAGES_1G; i += 7) {
		KTAP_EQ(t, tdp_look(&tdp, i).pfn, PAGES_1G + i);
		KTAP_EQ(t, tdp_look(&tdp, i).write, i == 1000);
	}
	tdp_close(&tdp);
}

static void huge_mapping_that_suffices_stays(struct ktap *t)
{
	struct hvm_tdp tdp;

	tdp_open(&tdp, &tdp_ept, false);
	tdp_map(&tdp, 0, PAGES_1G, 2, true);
	KTAP_EQ(t, tdp_map(&tdp, 9, PAGES_1G + 9, 1, true), HVM_TDP_MAPPED);
	KTAP_EQ(t, tdp_look(&tdp, 9).level, 2);
	tdp_close(&tdp);
}

static void fetch_splits_where_huge_pages_do_not_execute(struct ktap *t)
{
	struct hvm_tdp tdp;

	tdp_open(&tdp, &tdp_ept, true);
	tdp_map(&tdp, 0, PAGES_1G, 2, true);
	KTAP_TRUE(t, !tdp_look(&tdp, 9).exec);
	tdp_map(&tdp, 9, PAGES_1G + 9, 1, true);
	KTAP_EQ(t, tdp_look(&tdp, 9).level, 1);
	KTAP_TRUE(t, tdp_look(&tdp, 9).exec);
	KTAP_TRUE(t, tdp_look(&tdp, 10).exec && tdp_look(&tdp, 10).write);
	tdp_close(&tdp);
}

static void huge_leaf_collapses_a_table(struct ktap *t)
{
	struct hvm_tdp_leaf leaf = { .gfn = 0, .hpa = PAGES_2M << 12, .level = 2, .write = true };
	struct hvm_tdp_garbage garbage;
	struct hvm_tdp tdp;

	tdp_open(&tdp, &tdp_npt, false);
	tdp_map(&tdp, 3, PAGES_2M + 3, 1, false);
	KTAP_EQ(t, tdp_map(&tdp, 0, PAGES_2M, 2, true), HVM_TDP_SMALLER);
	hvm_tdp_garbage_init(&garbage);
	KTAP_TRUE(t, hvm_tdp_collapse(&tdp, &leaf, &garbage));
	KTAP_TRUE(t, garbage.tables);
	tdp_sweep(&tdp, &garbage);
	KTAP_TRUE(t, !hvm_tdp_collapse(&tdp, &leaf, &garbage));
	KTAP_EQ(t, tdp_look(&tdp, 3).level, 2);
	KTAP_TRUE(t, tdp_look(&tdp, 3).write);
	tdp_close(&tdp);
	KTAP_EQ(t, tdp_port_tables, 0);
}

static void zap_takes_exactly_the_range(struct ktap *t)
{
	struct hvm_tdp tdp;
	u64 i, end = 3 * PAGES_2M;

	tdp_open(&tdp, &tdp_ept, false);
	for (i = 0; i < end; i++)
		tdp_map(&tdp, i, 1000 + i, 1, true);
	KTAP_TRUE(t, tdp_zap(&tdp, 100, PAGES_2M * 2 + 50));
	for (i = 0; i < end; i++)
		KTAP_EQ(t, tdp_look(&tdp, i).present, i < 100 || i > PAGES_2M * 2 + 50);
	KTAP_TRUE(t, !tdp_zap(&tdp, 100, 200));
	tdp_close(&tdp);
	KTAP_EQ(t, tdp_port_tables, 0);
}

static void zap_spares_the_pages_beside_it(struct ktap *t)
{
	static const struct { u64 first, last; } ranges[] = {
		{ PAGES_2M, 2 * PAGES_2M - 2 }, { PAGES_2M + 1, 2 * PAGES_2M - 1 },
		{ PAGES_2M - 1, 2 * PAGES_2M }, { PAGES_2M, 2 * PAGES_2M - 1 },
	};
	struct hvm_tdp tdp;
	unsigned int r;
	u64 i;

	for (r = 0; r < sizeof(ranges) / sizeof(ranges[0]); r++) {
		tdp_open(&tdp, &tdp_npt, false);
		for (i = 0; i < 3 * PAGES_2M; i++)
			tdp_map(&tdp, i, i, 1, true);
		KTAP_TRUE(t, tdp_zap(&tdp, ranges[r].first, ranges[r].last));
		for (i = 0; i < 3 * PAGES_2M; i++)
			KTAP_EQ(t, tdp_look(&tdp, i).present,
				i < ranges[r].first || i > ranges[r].last);
		tdp_close(&tdp);
	}
}

static void hardware_bits_survive_an_upgrade(struct ktap *t)
{
	struct hvm_tdp tdp;
	unsigned int level;

	tdp_open(&tdp, &tdp_npt, false);
	tdp_map(&tdp, 7, 100, 1, false);
	*hvm_tdp_table(&tdp, 7, 1) |= NPT_D;
	tdp_map(&tdp, 7, 100, 1, true);
	KTAP_EQ(t, tdp_entry(&tdp, 7, &level) & (NPT_D | NPT_W), NPT_D | NPT_W);
	tdp_close(&tdp);
}

static void zap_of_everything_is_short(struct ktap *t)
{
	struct hvm_tdp_garbage garbage;
	struct hvm_tdp tdp;
	unsigned int unlinked = 0;
	u64 i, *table;

	tdp_open(&tdp, &tdp_npt, false);
	for (i = 0; i < 100000; i++)
		tdp_map(&tdp, i * 77777, i, 1, true);
	hvm_tdp_garbage_init(&garbage);
	KTAP_TRUE(t, hvm_tdp_zap(&tdp, 0, (1ULL << 45) - 1, &garbage));
	for (table = garbage.tables; table; table = tdp_port_tail(table)->next)
		unlinked++;
	KTAP_EQ(t, unlinked, 1);
	tdp_sweep(&tdp, &garbage);
	KTAP_EQ(t, tdp_port_tables, 1);
	tdp_close(&tdp);
}

static void zap_takes_a_huge_leaf_as_a_whole(struct ktap *t)
{
	struct hvm_tdp tdp;

	tdp_open(&tdp, &tdp_ept, false);
	tdp_map(&tdp, 0, 0, 2, true);
	tdp_map(&tdp, PAGES_2M, PAGES_2M, 2, true);
	KTAP_TRUE(t, tdp_zap(&tdp, 511, 511));
	KTAP_TRUE(t, !tdp_look(&tdp, 0).present);
	KTAP_TRUE(t, tdp_look(&tdp, PAGES_2M).present);
	tdp_close(&tdp);
}

static void the_last_frame_is_reached(struct ktap *t)
{
	u64 last = (1ULL << 45) - 1;
	struct hvm_tdp tdp;

	tdp_open(&tdp, &tdp_npt, false);
	tdp_map(&tdp, last, 9, 1, true);
	KTAP_TRUE(t, tdp_look(&tdp, last).present);
	KTAP_TRUE(t, hvm_tdp_age(&tdp, last, last));
	KTAP_TRUE(t, !tdp_look(&tdp, last).accessed);
	KTAP_TRUE(t, tdp_zap(&tdp, last - 1, last));
	KTAP_TRUE(t, !tdp_look(&tdp, last).present);
	tdp_close(&tdp);
}

static void age_is_forgotten_and_noticed(struct ktap *t)
{
	struct hvm_tdp tdp;

	tdp_open(&tdp, &tdp_npt, false);
	tdp_map(&tdp, 4, 4, 1, true);
	tdp_map(&tdp, PAGES_1G, PAGES_1G, 3, true);
	KTAP_TRUE(t, hvm_tdp_young(&tdp, 0, 2 * PAGES_1G));
	KTAP_TRUE(t, hvm_tdp_age(&tdp, 0, 10));
	KTAP_TRUE(t, !hvm_tdp_age(&tdp, 0, 10));
	KTAP_TRUE(t, !hvm_tdp_young(&tdp, 0, 10));
	KTAP_TRUE(t, hvm_tdp_young(&tdp, PAGES_1G + 5, PAGES_1G + 5));
	KTAP_TRUE(t, tdp_look(&tdp, 4).write);
	tdp_close(&tdp);
}

static void without_accessed_bits_mapped_is_young(struct ktap *t)
{
	struct hvm_tdp tdp;

	tdp_open(&tdp, &tdp_ept_old, false);
	KTAP_TRUE(t, !hvm_tdp_young(&tdp, 0, 10));
	tdp_map(&tdp, 4, 4, 1, true);
	KTAP_TRUE(t, hvm_tdp_young(&tdp, 0, 10));
	KTAP_TRUE(t, !hvm_tdp_age(&tdp, 0, 10));
	tdp_close(&tdp);
}

static void neighbours_fill_only_what_is_empty(struct ktap *t)
{
	struct hvm_tdp_leaf leaf = { .gfn = 8, .hpa = 0x8000, .level = 1, .write = true };
	struct hvm_tdp tdp;

	tdp_open(&tdp, &tdp_npt, false);
	KTAP_TRUE(t, !hvm_tdp_table(&tdp, 8, 1));
	tdp_map(&tdp, 9, 9, 1, false);
	KTAP_TRUE(t, hvm_tdp_fill(&tdp, hvm_tdp_table(&tdp, 8, 1), &leaf));
	KTAP_TRUE(t, !tdp_look(&tdp, 8).accessed);
	KTAP_TRUE(t, tdp_look(&tdp, 8).write);
	leaf.gfn = 9;
	KTAP_TRUE(t, !hvm_tdp_fill(&tdp, hvm_tdp_table(&tdp, 9, 1), &leaf));
	KTAP_EQ(t, tdp_look(&tdp, 9).pfn, 9);
	tdp_close(&tdp);
}

#define THREADS		4
#define RACE_PAGES	(4 * PAGES_2M)

struct racer {
	pthread_t thread;
	struct hvm_tdp *tdp;
	u64 seed;
	unsigned int wrong;
};

/* Every thread maps every page, in an order of its own; some for writing, some in huge leaves. */
static void *race(void *arg)
{
	struct racer *r = arg;
	u64 i, gfn;

	for (i = 0; i < RACE_PAGES; i++) {
		gfn = (i * (2 * r->seed + 1)) % RACE_PAGES;
		if (gfn < PAGES_2M && !(i % 5))
			tdp_map(r->tdp, 0, 0, 2, false);
		if (tdp_map(r->tdp, gfn, gfn, 1, gfn & 1) != HVM_TDP_MAPPED)
			r->wrong++;
		if (i % 3 == 0)
			hvm_tdp_age(r->tdp, gfn, gfn);
	}
	return NULL;
}

static void threads_map_at_the_same_time(struct ktap *t)
{
	struct racer racers[THREADS];
	struct tdp_view view;
	struct hvm_tdp tdp;
	unsigned int i;
	u64 gfn;

	tdp_open(&tdp, &tdp_ept, false);
	for (i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){ .tdp = &tdp, .seed = i };
		KTAP_REQUIRE(t, !pthread_create(&racers[i].thread, NULL, race, &racers[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(racers[i].thread, NULL);
		KTAP_EQ(t, racers[i].wrong, 0);
	}
	for (gfn = 0; gfn < RACE_PAGES; gfn++) {
		view = tdp_look(&tdp, gfn);
		KTAP_TRUE(t, view.present && view.pfn == gfn);
		KTAP_EQ(t, view.write, gfn & 1);
	}
	tdp_close(&tdp);
	KTAP_EQ(t, tdp_port_tables, 0);
}

static const struct ktap_case cases[] = {
	{ "ept_entry_bits", ept_entry_bits },
	{ "npt_entry_bits", npt_entry_bits },
	{ "permissions_only_grow", permissions_only_grow },
	{ "another_page_is_reported", another_page_is_reported },
	{ "empty_stash_is_reported", empty_stash_is_reported },
	{ "small_mapping_splits_a_huge_one", small_mapping_splits_a_huge_one },
	{ "huge_mapping_that_suffices_stays", huge_mapping_that_suffices_stays },
	{ "fetch_splits_where_huge_pages_do_not_execute",
	  fetch_splits_where_huge_pages_do_not_execute },
	{ "huge_leaf_collapses_a_table", huge_leaf_collapses_a_table },
	{ "zap_takes_exactly_the_range", zap_takes_exactly_the_range },
	{ "zap_spares_the_pages_beside_it", zap_spares_the_pages_beside_it },
	{ "hardware_bits_survive_an_upgrade", hardware_bits_survive_an_upgrade },
	{ "zap_of_everything_is_short", zap_of_everything_is_short },
	{ "zap_takes_a_huge_leaf_as_a_whole", zap_takes_a_huge_leaf_as_a_whole },
	{ "the_last_frame_is_reached", the_last_frame_is_reached },
	{ "age_is_forgotten_and_noticed", age_is_forgotten_and_noticed },
	{ "without_accessed_bits_mapped_is_young", without_accessed_bits_mapped_is_young },
	{ "neighbours_fill_only_what_is_empty", neighbours_fill_only_what_is_empty },
	{ "threads_map_at_the_same_time", threads_map_at_the_same_time },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
