// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second-level tables against a model: long random sequences of steps, then compared page by
 * page.
 */
#include "tdp_steps.h"

#define STEPS	3000

/* A model that takes its numbers at random. */
struct chance {
	struct model model;
	u64 random;
};

static u64 pick(struct model *m, u64 below)
{
	struct chance *c = (struct chance *)((char *)m - offsetof(struct chance, model));

	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return c->random % below;
}

static void run(struct ktap *t, const struct hvm_tdp_format *format, bool nx_huge, u64 seed)
{
	struct chance c = { .model = { .t = t, .pick = pick }, .random = seed };
	struct model *m = &c.model;
	u64 i;

	m->pages = calloc(TDP_MODEL_FRAMES, sizeof(*m->pages));
	KTAP_REQUIRE(t, m->pages);
	tdp_open(&m->tdp, format, nx_huge);
	for (i = 1; i <= STEPS && !t->failures; i++) {
		tdp_model_step(m);
		if (i % (STEPS / 4))
			continue;
		for (u64 j = 0; j < TDP_MODEL_FRAMES && !t->failures; j++)
			tdp_model_compare(m, j);
	}
	tdp_close(&m->tdp);
	KTAP_EQ(t, tdp_port_tables, 0);
	free(m->pages);
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
