// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second-level tables against a model: random sequences of map, zap, protect, age and collapse
 * on two gigabytes around a table boundary, compared page by page with an array that is simple
 * enough to be right.
 */
#include "ktap.h"
#include "tdp_fixture.h"

#define FRAMES	(2ULL * 512 * 512)
#define BASE	(511ULL * 512 * 512)	/* the second gigabyte is in another level-3 table */
#define STEPS	3000

/* What should be true of a page. */
struct page {
	u8 level;	/* of the leaf it is in; 0: not mapped */
	bool write;
	bool young;
};

struct model {
	struct ktap *t;
	struct hvm_tdp tdp;
	struct page *pages;
	u64 random;
};

static u64 pick(struct model *m, u64 below)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return m->random % below;
}

/* The host's page for a frame never changes here, as it cannot without a zap. */
static u64 pfn_of(u64 i)
{
	return BASE + i + 8 * FRAMES;
}

static u64 leaf_start(const struct model *m, u64 i)
{
	return i & ~(hvm_tdp_frames(m->pages[i].level) - 1);
}

static void set_level(struct model *m, u64 first, u64 count, unsigned int level)
{
	while (count--)
		m->pages[first++].level = level;
}

/* Leaves above @level around a page become smaller ones. */
static void model_split(struct model *m, u64 i, unsigned int level)
{
	unsigned int now;

	while ((now = m->pages[i].level) > level)
		set_level(m, leaf_start(m, i), hvm_tdp_frames(now), now - 1);
}

static bool smaller_in(const struct model *m, u64 first, unsigned int level)
{
	return !hvm_tdp_is_leaf(&m->tdp, *hvm_tdp_table(&m->tdp, BASE + first, level), level);
}

static void do_map(struct model *m)
{
	unsigned int level = 1 + pick(m, 16) / 7, i;
	u64 frames = hvm_tdp_frames(level), first = pick(m, FRAMES) & ~(frames - 1);
	struct page *page = &m->pages[first];
	bool write = pick(m, 2), allowed;
	enum hvm_tdp_result result;

	result = tdp_map(&m->tdp, BASE + first, pfn_of(first), level, write);
	if (result == HVM_TDP_SMALLER) {
		KTAP_TRUE(m->t, level > 1 && smaller_in(m, first, level));
		return;
	}
	KTAP_EQ(m->t, result, HVM_TDP_MAPPED);
	allowed = page->write || !write;
	if (page->level > level && allowed && (level > 1 || !m->tdp.nx_huge))
		return;
	model_split(m, first, level);
	if (page->level == level && allowed)
		return;
	for (i = 0; i < frames; i++) {
		page[i].level = level;
		page[i].write |= write;
		page[i].young = true;
	}
}

static void pick_range(struct model *m, u64 *first, u64 *last)
{
	u64 length = pick(m, 3) ? pick(m, 2000) : pick(m, FRAMES / 4);

	*first = pick(m, FRAMES);
	*last = *first + length < FRAMES ? *first + length : FRAMES - 1;
}

static void do_zap(struct model *m)
{
	u64 first, last, i, start;
	bool was_mapped = false, zapped;
	unsigned int level;

	pick_range(m, &first, &last);
	zapped = tdp_zap(&m->tdp, BASE + first, BASE + last);
	for (i = first; i <= last; i++) {
		level = m->pages[i].level;
		if (!level)
			continue;
		was_mapped = true;
		start = leaf_start(m, i);
		memset(&m->pages[start], 0, hvm_tdp_frames(level) * sizeof(*m->pages));
	}
	KTAP_TRUE(m->t, zapped || !was_mapped);
}

static void do_protect(struct model *m)
{
	u64 first, last, i, j, start;
	bool was_writable = false, changed;

	pick_range(m, &first, &last);
	changed = hvm_tdp_protect(&m->tdp, BASE + first, BASE + last);
	for (i = first; i <= last; i++) {
		if (!m->pages[i].level || !m->pages[i].write)
			continue;
		was_writable = true;
		start = leaf_start(m, i);
		for (j = 0; j < hvm_tdp_frames(m->pages[i].level); j++)
			m->pages[start + j].write = false;
	}
	KTAP_EQ(m->t, changed, was_writable);
}

static void do_age(struct model *m)
{
	u64 first, last, i, start;
	bool was_young = false, young;

	pick_range(m, &first, &last);
	young = hvm_tdp_young(&m->tdp, BASE + first, BASE + last);
	KTAP_EQ(m->t, hvm_tdp_age(&m->tdp, BASE + first, BASE + last), young);
	for (i = first; i <= last; i++) {
		if (!m->pages[i].level || !m->pages[i].young)
			continue;
		was_young = true;
		start = leaf_start(m, i);
		for (u64 j = 0; j < hvm_tdp_frames(m->pages[i].level); j++)
			m->pages[start + j].young = false;
	}
	KTAP_EQ(m->t, young, was_young);
}

static void do_collapse(struct model *m)
{
	u64 first = pick(m, FRAMES) & ~511ULL, i;
	struct hvm_tdp_leaf leaf = {
		.gfn = BASE + first, .hpa = pfn_of(first) << 12, .level = 2, .write = pick(m, 2),
	};
	struct hvm_tdp_garbage garbage;

	hvm_tdp_garbage_init(&garbage);
	if (!hvm_tdp_collapse(&m->tdp, &leaf, &garbage))
		return;
	tdp_sweep(&m->tdp, &garbage);
	for (i = first; i < first + 512; i++)
		m->pages[i] = (struct page){ .level = 2, .write = leaf.write, .young = true };
}

static void compare(struct model *m, u64 i)
{
	const struct page *page = &m->pages[i];
	struct tdp_view view = tdp_look(&m->tdp, BASE + i);

	KTAP_EQ(m->t, view.present, page->level != 0);
	if (!page->level || !view.present)
		return;
	KTAP_EQ(m->t, view.level, page->level);
	KTAP_EQ(m->t, view.pfn, pfn_of(i));
	KTAP_EQ(m->t, view.write, page->write);
	KTAP_EQ(m->t, view.exec, page->level == 1 || !m->tdp.nx_huge);
	KTAP_EQ(m->t, view.accessed, page->young);
}

static void step(struct model *m)
{
	u64 what = pick(m, 100), i;

	if (what < 80)
		do_map(m);
	else if (what < 87)
		do_zap(m);
	else if (what < 92)
		do_protect(m);
	else if (what < 97)
		do_age(m);
	else
		do_collapse(m);
	for (i = 0; i < 20; i++)
		compare(m, pick(m, FRAMES));
}

static void run(struct ktap *t, const struct hvm_tdp_format *format, bool nx_huge, u64 seed)
{
	struct model m = { .t = t, .random = seed };
	u64 i;

	m.pages = calloc(FRAMES, sizeof(*m.pages));
	KTAP_REQUIRE(t, m.pages);
	tdp_open(&m.tdp, format, nx_huge);
	for (i = 1; i <= STEPS && !t->failures; i++) {
		step(&m);
		if (i % (STEPS / 4))
			continue;
		for (u64 j = 0; j < FRAMES && !t->failures; j++)
			compare(&m, j);
	}
	tdp_close(&m.tdp);
	KTAP_EQ(t, tdp_port_tables, 0);
	free(m.pages);
}

static void ept(struct ktap *t)
{
	run(t, &tdp_ept, false, 0x9e3779b97f4a7c15);
}

static void npt(struct ktap *t)
{
	run(t, &tdp_npt, false, 0xd1b54a32d192ed03);
}

static void ept_huge_pages_do_not_execute(struct ktap *t)
{
	run(t, &tdp_ept, true, 0x2545f4914f6cdd1d);
}

static void npt_huge_pages_do_not_execute(struct ktap *t)
{
	run(t, &tdp_npt, true, 0x5851f42d4c957f2d);
}

static const struct ktap_case cases[] = {
	{ "ept", ept },
	{ "npt", npt },
	{ "ept_huge_pages_do_not_execute", ept_huge_pages_do_not_execute },
	{ "npt_huge_pages_do_not_execute", npt_huge_pages_do_not_execute },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
