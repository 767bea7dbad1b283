// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command line of `vm run`: what is accepted, what is refused, and whether the refusal is an
 * error of usage or of impossible values.
 */
#include <string.h>

#include "ktap.h"
#include "vmm/config.h"

static int parse(struct config *config, struct failure *f, const char *words)
{
	static char text[512];
	char *argv[64];
	int argc = 0;

	snprintf(text, sizeof(text), "%s", words);
	for (char *word = strtok(text, " "); word && argc < 64; word = strtok(NULL, " "))
		argv[argc++] = word;
	*f = (struct failure){ 0 };
	return config_parse(config, argc, argv, f);
}

static void defaults(struct ktap *t)
{
	struct config config;
	struct failure f;

	KTAP_EQ(t, parse(&config, &f, "--kernel k"), 0);
	KTAP_STREQ(t, config.kernel, "k");
	KTAP_EQ(t, config.memory, 512ULL << 20);
	KTAP_EQ(t, config.cpus, 1);
	KTAP_EQ(t, config.debug_exit, 0xf4);
	KTAP_TRUE(t, !config.initrd && !config.append && !config.modules && !config.name[0]);
}

static void all_options(struct ktap *t)
{
	struct config config;
	struct failure f;

	KTAP_EQ(t, parse(&config, &f, "--kernel=k --initrd i --append=quiet --memory 1G --cpus 4 "
			 "--name box-1 --module a --module b --debug-exit 0x500"), 0);
	KTAP_STREQ(t, config.initrd, "i");
	KTAP_STREQ(t, config.append, "quiet");
	KTAP_EQ(t, config.memory, 1ULL << 30);
	KTAP_EQ(t, config.cpus, 4);
	KTAP_STREQ(t, config.name, "box-1");
	KTAP_EQ(t, config.modules, 2);
	KTAP_STREQ(t, config.module[1], "b");
	KTAP_EQ(t, config.debug_exit, 0x500);
}

static void sizes(struct ktap *t)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "512", 512ULL << 20 }, { "512M", 512ULL << 20 }, { "4096k", 4ULL << 20 },
		{ "2G", 2ULL << 30 }, { "1T", 1ULL << 40 }, { "0x10M", 16ULL << 20 },
		{ "010M", 10ULL << 20 },
	};
	static const char *const bad[] = {
		"", "M", "-1", " 1", "1MB", "1X", "1.5G", "99999999999999999999",
		"18446744073709551615T",
	};
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		KTAP_EQ(t, config_parse_size(good[i].text, &bytes), 0);
		KTAP_EQ(t, bytes, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (config_parse_size(bad[i], &bytes) == 0)
			KTAP_FAIL(t, "size '%s' is accepted", bad[i]);
	}
}

/* Words that are refused; usage errors end with status 2, the others with 1. */
static void refused(struct ktap *t)
{
	static const struct {
		const char *words;
		int usage;
	} cases[] = {
		{ "", 1 },
		{ "--initrd i", 1 },
		{ "--kernel", 1 },
		{ "--kernel k extra", 1 },
		{ "--kernelx k", 1 },
		{ "--kernel k --memory lots", 1 },
		{ "--kernel k --memory 0", 0 },
		{ "--kernel k --memory 1M", 0 },
		{ "--kernel k --memory 65T", 0 },
		{ "--kernel k --memory 16777215T", 0 },
		{ "--kernel k --memory 2049K", 0 },
		{ "--kernel k --cpus 0", 1 },
		{ "--kernel k --cpus two", 1 },
		{ "--kernel k --cpus -1", 1 },
		{ "--kernel k --cpus 1025", 0 },
		{ "--kernel k --cpus 4294967297", 0 },
		{ "--kernel k --apic-ids 1,2", 1 },
		{ "--kernel k --apic-ids 0,2,2", 1 },
		{ "--kernel k --apic-ids 0,3,2", 1 },
		{ "--kernel k --apic-ids 0,", 1 },
		{ "--kernel k --apic-ids ,0", 1 },
		{ "--kernel k --apic-ids=", 1 },
		{ "--kernel k --apic-ids 0-3", 1 },
		{ "--kernel k --apic-ids 0,4096", 0 },
		{ "--kernel k --apic-ids 0,2 --cpus 3", 1 },
		{ "--kernel k --debug-exit 0x10000", 1 },
		{ "--kernel k --debug-exit 0xfffd", 1 },
		{ "--kernel k --debug-exit x", 1 },
		{ "--kernel k --name a/b", 1 },
		{ "--kernel k --name 12345678901234567890123456789012", 1 },
		{ "--kernel k --name=", 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config config;
		struct failure f;

		if (parse(&config, &f, cases[i].words) == 0)
			KTAP_FAIL(t, "'%s' is accepted", cases[i].words);
		else if (f.usage != cases[i].usage || !f.text[0] || strchr(f.text, '\n'))
			KTAP_FAIL(t, "'%s': usage %d: %s", cases[i].words, f.usage, f.text);
	}
}

static void apic_ids(struct ktap *t)
{
	struct config config;
	struct failure f;

	KTAP_EQ(t, parse(&config, &f, "--kernel k --cpus 300"), 0);
	KTAP_EQ(t, config.apic_id[0], 0);
	KTAP_EQ(t, config.apic_id[299], 299);
	KTAP_EQ(t, parse(&config, &f, "--kernel k --apic-ids 0,300,0xfff"), 0);
	KTAP_EQ(t, config.cpus, 3);
	KTAP_EQ(t, config.apic_id[0], 0);
	KTAP_EQ(t, config.apic_id[1], 300);
	KTAP_EQ(t, config.apic_id[2], 4095);
	KTAP_EQ(t, parse(&config, &f, "--kernel k --cpus 2 --apic-ids 0,7"), 0);
	KTAP_EQ(t, config.apic_id[1], 7);
}

static void most_apic_ids(struct ktap *t)
{
	char words[8192] = "--apic-ids=0";
	char kernel[] = "--kernel=k";
	char *const argv[] = { kernel, words };
	struct config config;
	struct failure f;
	size_t used = strlen(words);

	for (unsigned int i = 1; i < CONFIG_MAX_CPUS; i++)
		used += snprintf(words + used, sizeof(words) - used, ",%u", i * 2);
	KTAP_EQ(t, config_parse(&config, 2, argv, &f), 0);
	KTAP_EQ(t, config.cpus, CONFIG_MAX_CPUS);
	KTAP_EQ(t, config.apic_id[CONFIG_MAX_CPUS - 1], 2 * CONFIG_MAX_CPUS - 2);
	snprintf(words + used, sizeof(words) - used, ",4000");
	KTAP_TRUE(t, config_parse(&config, 2, argv, &f) < 0);
}

static void too_many_modules(struct ktap *t)
{
	char words[512] = "--kernel k";
	struct config config;
	struct failure f;

	for (int i = 0; i < CONFIG_MAX_MODULES; i++)
		strcat(words, " --module m");
	KTAP_EQ(t, parse(&config, &f, words), 0);
	strcat(words, " --module m");
	KTAP_TRUE(t, parse(&config, &f, words) < 0);
}

static const struct ktap_case cases[] = {
	{ "defaults", defaults },
	{ "all_options", all_options },
	{ "sizes", sizes },
	{ "refused", refused },
	{ "apic_ids", apic_ids },
	{ "most_apic_ids", most_apic_ids },
	{ "too_many_modules", too_many_modules },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
