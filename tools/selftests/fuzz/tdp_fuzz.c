// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes the second-level tables: the input chooses the format and then, two bytes for each choice,
 * the steps that are done to the tables and to the model of them. What must hold: both agree on
 * every frame that a step looks at, and closing the tables leaves none behind.
 */
#include "fuzz.h"
#include "tdp_steps.h"

const unsigned int fuzz_inputs = 3000;

struct script {
	struct model model;
	const uint8_t *data;
	size_t left;
	u64 spread;
};

/* Numbers up to 64 KiB are the input's own; larger ones are spread from it. */
static u64 pick(struct model *m, u64 below)
{
	struct script *s = (struct script *)((char *)m - offsetof(struct script, model));
	u64 value = 0;

	if (s->left >= 2) {
		value = s->data[0] | s->data[1] << 8;
		s->data += 2;
		s->left -= 2;
	} else {
		s->left = 0;
	}
	s->spread = s->spread * 6364136223846793005ULL + value + 1;
	return below <= 1 << 16 ? value % below : (value << 16 ^ s->spread >> 32) % below;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hvm_tdp_format *const formats[] = { &tdp_ept, &tdp_npt };
	struct ktap t = { 0 };
	struct script s = { .model = { .t = &t, .pick = pick } };
	struct model *m = &s.model;

	if (size < 3)
		return 0;
	s.data = data + 1;
	s.left = size - 1;
	m->pages = calloc(TDP_MODEL_FRAMES, sizeof(*m->pages));
	FUZZ_ASSERT(m->pages);
	tdp_open(&m->tdp, formats[data[0] % 2], data[0] & 0x80);
	while (s.left && !t.failures)
		tdp_model_step(m);
	tdp_close(&m->tdp);
	free(m->pages);
	FUZZ_ASSERT(!t.failures);
	FUZZ_ASSERT(!tdp_port_tables);
	return 0;
}
