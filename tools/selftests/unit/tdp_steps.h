/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The second-level tables and a model of them, an array that is simple enough to be right: steps of
 * map, zap, age and collapse on two gigabytes around a table boundary are done to both. What is
 * done comes from numbers: the unit test takes them at random, the fuzzer from its input.
 */
#ifndef SELFTESTS_TDP_STEPS_H
#define SELFTESTS_TDP_STEPS_H

#include "ktap.h"
#include "tdp_fixture.h"

#define TDP_MODEL_FRAMES	(2ULL * 512 * 512)
/* The second gigabyte is in another level-3 table. */
#define TDP_MODEL_BASE		(511ULL * 512 * 512)

/* What should be true of a page. */
struct page {
	u8 level;	/* of the leaf it is in; 0: not mapped */
	bool write;
	bool young;
};

/**
 * struct model - tables, and what they should be
 * @t: the running case
 * @tdp: the tables
 * @pages: TDP_MODEL_FRAMES of them
 * @pick: the next number, below another
 */
struct model {
	struct ktap *t;
	struct hvm_tdp tdp;
	struct page *pages;
	u64 (*pick)(struct model *m, u64 below);
};

void tdp_model_step(struct model *m);
void tdp_model_compare(struct model *m, u64 i);

#endif /* SELFTESTS_TDP_STEPS_H */
