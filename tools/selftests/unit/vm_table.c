// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of `vm stats` from answers of a machine, and from answers that are none.
 */
#include <stdlib.h>
#include <string.h>

#include "ktap.h"
#include "vm/table.h"

#define OLD "{\"time_ns\":1000000000,\"vm\":{\"zaps\":1},\"vcpus\":[" \
	"{\"id\":0,\"counters\":{\"halts\":5,\"exit_hlt\":0}}," \
	"{\"id\":7,\"counters\":{\"halts\":1,\"exit_hlt\":0}}]}"
#define NEW "{\"time_ns\":3000000000,\"vm\":{\"zaps\":1},\"vcpus\":[" \
	"{\"id\":0,\"counters\":{\"halts\":25,\"exit_hlt\":0}}," \
	"{\"id\":7,\"counters\":{\"halts\":5,\"exit_hlt\":0}}]}"

static int print(char *text, size_t bytes, const char *before, const char *now,
		 unsigned int lines, unsigned int columns)
{
	struct json_object *old = before ? json_tokener_parse(before) : NULL;
	struct json_object *new = json_tokener_parse(now);
	FILE *to = fmemopen(text, bytes, "w");
	int ret = table_print(to, old, new, lines, columns);

	fclose(to);
	json_object_put(old);
	json_object_put(new);
	return ret;
}

static void expect(struct ktap *t, const char *text, const char *wanted)
{
	if (!strstr(text, wanted))
		KTAP_FAIL(t, "no '%s' in:\n%s", wanted, text);
}

static void rates_and_totals(struct ktap *t)
{
	char text[4096] = "";

	KTAP_EQ(t, print(text, sizeof(text), OLD, NEW, 0, 120), 0);
	expect(t, text, "halts                           12              30"
			"        10         2\n");
	expect(t, text, "zaps                             0               1\n");
	expect(t, text, "cpu0");
	expect(t, text, "cpu7");
	/* The busiest first; what never counted is not there. */
	KTAP_TRUE(t, strstr(text, "halts") < strstr(text, "zaps"));
	KTAP_TRUE(t, !strstr(text, "exit_hlt"));
}

static void without_an_earlier_answer(struct ktap *t)
{
	char text[4096] = "";

	KTAP_EQ(t, print(text, sizeof(text), NULL, NEW, 0, 120), 0);
	expect(t, text, "halts                            -              30"
			"         -         -\n");
}

static void as_much_as_fits(struct ktap *t)
{
	char text[4096] = "";

	KTAP_EQ(t, print(text, sizeof(text), OLD, NEW, 2, 60), 0);
	expect(t, text, "cpu0");
	KTAP_TRUE(t, !strstr(text, "cpu7") && !strstr(text, "zaps"));
	memset(text, 0, sizeof(text));
	KTAP_EQ(t, print(text, sizeof(text), OLD, NEW, 0, 10), 0);
	KTAP_TRUE(t, !strstr(text, "cpu0"));
}

static void strange_answers(struct ktap *t)
{
	static const char *const bad[] = {
		"{}", "[]", "1", "\"x\"", "{\"vm\":{},\"vcpus\":[]}",
		"{\"vm\":[],\"vcpus\":[],\"time_ns\":1}", "{\"vm\":{},\"vcpus\":{},\"time_ns\":1}",
	};
	static const char *const odd[] = {
		"{\"vm\":{},\"vcpus\":[],\"time_ns\":1}",
		"{\"vm\":{\"a\":\"x\"},\"vcpus\":[1,null,[]],\"time_ns\":2}",
		"{\"vm\":{},\"vcpus\":[{\"id\":{},\"counters\":4}],\"time_ns\":-1}",
		"{\"vm\":{},\"vcpus\":[{\"counters\":{\"a\":18446744073709551615}},{}],\"time_ns\":1}",
	};
	char text[4096];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (print(text, sizeof(text), NULL, bad[i], 0, 120) != -1)
			KTAP_FAIL(t, "'%s' made a table", bad[i]);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		KTAP_EQ(t, print(text, sizeof(text), NULL, odd[i], 0, 120), 0);
		KTAP_EQ(t, print(text, sizeof(text), NEW, odd[i], 0, 120), 0);
		KTAP_EQ(t, print(text, sizeof(text), odd[i], NEW, 0, 120), 0);
	}
}

static const struct ktap_case cases[] = {
	{ "rates_and_totals", rates_and_totals },
	{ "without_an_earlier_answer", without_an_earlier_answer },
	{ "as_much_as_fits_the_terminal", as_much_as_fits },
	{ "strange_answers_do_no_harm", strange_answers },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
