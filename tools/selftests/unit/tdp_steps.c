// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random steps on second-level tables and on a model of them; see tdp_steps.h.
 */
#include "tdp_steps.h"

/* The host's page for a frame never changes here, as it cannot without a zap. */
static u64 pfn_of(u64 i)
{
	return TDP_MODEL_BASE + i + 8 * TDP_MODEL_FRAMES;
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
	const u64 *table = hvm_tdp_table(&m->tdp, TDP_MODEL_BASE + first, level);

	return !hvm_tdp_is_leaf(&m->tdp, *table, level);
}

static void do_map(struct model *m)
{
	unsigned int level = 1 + m->pick(m, 16) / 7, i;
	u64 frames = hvm_tdp_frames(level), first = m->pick(m, TDP_MODEL_FRAMES) & ~(frames - 1);
	struct page *page = &m->pages[first];
	bool write = m->pick(m, 2), allowed;
	enum hvm_tdp_result result;

	result = tdp_map(&m->tdp, TDP_MODEL_BASE + first, pfn_of(first), level, write);
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
	u64 length = m->pick(m, 3) ? m->pick(m, 2000) : m->pick(m, TDP_MODEL_FRAMES / 4);

	*first = m->pick(m, TDP_MODEL_FRAMES);
	*last = *first + length < TDP_MODEL_FRAMES ? *first + length : TDP_MODEL_FRAMES - 1;
}

static void do_zap(struct model *m)
{
	u64 first, last, i, start;
	bool was_mapped = false, zapped;
	unsigned int level;

	pick_range(m, &first, &last);
	zapped = tdp_zap(&m->tdp, TDP_MODEL_BASE + first, TDP_MODEL_BASE + last);
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

static void do_age(struct model *m)
{
	u64 first, last, i, start;
	bool was_young = false, young;

	pick_range(m, &first, &last);
	young = hvm_tdp_young(&m->tdp, TDP_MODEL_BASE + first, TDP_MODEL_BASE + last);
	KTAP_EQ(m->t, hvm_tdp_age(&m->tdp, TDP_MODEL_BASE + first, TDP_MODEL_BASE + last), young);
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
	u64 first = m->pick(m, TDP_MODEL_FRAMES) & ~511ULL, i;
	struct hvm_tdp_leaf leaf = {
		.gfn = TDP_MODEL_BASE + first, .hpa = pfn_of(first) << 12, .level = 2,
		.write = m->pick(m, 2),
	};
	struct hvm_tdp_garbage garbage;

	hvm_tdp_garbage_init(&garbage);
	if (!hvm_tdp_collapse(&m->tdp, &leaf, &garbage))
		return;
	tdp_sweep(&m->tdp, &garbage);
	for (i = first; i < first + 512; i++)
		m->pages[i] = (struct page){ .level = 2, .write = leaf.write, .young = true };
}

/**
 * tdp_model_compare() - what a processor finds for a frame is what the model says
 * @m: the model
 * @i: the frame
 */
void tdp_model_compare(struct model *m, u64 i)
{
	const struct page *page = &m->pages[i];
	struct tdp_view view = tdp_look(&m->tdp, TDP_MODEL_BASE + i);

	KTAP_EQ(m->t, view.present, page->level != 0);
	if (!page->level || !view.present)
		return;
	KTAP_EQ(m->t, view.level, page->level);
	KTAP_EQ(m->t, view.pfn, pfn_of(i));
	KTAP_EQ(m->t, view.write, page->write);
	KTAP_EQ(m->t, view.exec, page->level == 1 || !m->tdp.nx_huge);
	KTAP_EQ(m->t, view.accessed, page->young);
}

/**
 * tdp_model_step() - do something at random to both, and look at some frames
 * @m: the model
 */
void tdp_model_step(struct model *m)
{
	u64 what = m->pick(m, 100), i;

	if (what < 80)
		do_map(m);
	else if (what < 87)
		do_zap(m);
	else if (what < 95)
		do_age(m);
	else
		do_collapse(m);
	for (i = 0; i < 20; i++)
		tdp_model_compare(m, m->pick(m, TDP_MODEL_FRAMES));
}
