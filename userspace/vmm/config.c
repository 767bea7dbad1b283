// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the command line of `vm run` by a table of options. Values that are impossible on any
 * machine are refused here; what depends on files or on the processor is left to those who look.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/config.h"

struct option {
	const char *name;
	int (*parse)(struct config *config, const char *value, struct failure *f);
};

/* Decimal, or hexadecimal behind 0x; a zero in front does not make it octal. */
static int parse_number(const char *text, uint64_t *value, char **end)
{
	if (!isdigit((unsigned char)text[0]))
		return -1;
	errno = 0;
	*value = strtoull(text, end, text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10);
	return errno ? -1 : 0;
}

int config_parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	unsigned int shift = 20;
	uint64_t value;
	char *end;

	if (parse_number(text, &value, &end) < 0)
		return -1;
	if (*end) {
		const char *unit = strchr(units, toupper((unsigned char)*end));

		if (!unit || end[1])
			return -1;
		shift = 10 * (unsigned int)(unit - units + 1);
	}
	if (value > UINT64_MAX >> shift)
		return -1;
	*bytes = value << shift;
	return 0;
}

static int parse_memory(struct config *config, const char *value, struct failure *f)
{
	if (config_parse_size(value, &config->memory) < 0)
		return fail_usage(f, "--memory %s is not a size such as 512M or 4G", value);
	if (config->memory < CONFIG_MIN_MEMORY)
		return fail(f, "--memory %s is too little: the board itself needs 2M", value);
	if (config->memory > CONFIG_MAX_MEMORY)
		return fail(f, "--memory %s is more than a guest can address (64T)", value);
	if (config->memory & 4095)
		return fail(f, "--memory %s is not a multiple of 4K, the size of a page", value);
	return 0;
}

static int parse_cpus(struct config *config, const char *value, struct failure *f)
{
	uint64_t cpus;
	char *end;

	if (parse_number(value, &cpus, &end) < 0 || *end || !cpus)
		return fail_usage(f, "--cpus %s is not a number of processors", value);
	if (cpus > CONFIG_MAX_CPUS)
		return fail(f, "--cpus %s is more than the %u a guest can have", value,
			    CONFIG_MAX_CPUS);
	config->cpus = (uint32_t)cpus;
	return 0;
}

/* FIRST,NEXT,...: ascending, and the first is 0, which is the bootstrap processor's. */
static int parse_apic_ids(struct config *config, const char *value, struct failure *f)
{
	const char *text = value;
	uint64_t id;
	char *end;

	for (config->ids = 0; config->ids < CONFIG_MAX_CPUS; text = end + 1) {
		if (parse_number(text, &id, &end) < 0 || (*end && *end != ','))
			return fail_usage(f, "--apic-ids %s is not a list such as 0,2,300", value);
		if (id > CONFIG_MAX_APIC_ID)
			return fail(f, "--apic-ids %s: the highest possible is %u", value,
				    CONFIG_MAX_APIC_ID);
		if (config->ids ? id <= config->apic_id[config->ids - 1] : id)
			return fail_usage(f, "--apic-ids %s does not ascend from 0", value);
		config->apic_id[config->ids++] = (uint32_t)id;
		if (!*end)
			return 0;
	}
	return fail(f, "--apic-ids: a guest can have %u processors at most", CONFIG_MAX_CPUS);
}

static int parse_debug_exit(struct config *config, const char *value, struct failure *f)
{
	uint64_t port;
	char *end;

	if (parse_number(value, &port, &end) < 0 || *end || port > 0xfffc)
		return fail_usage(f, "--debug-exit %s is not a port between 0 and 0xfffc", value);
	config->debug_exit = (uint16_t)port;
	return 0;
}

static int parse_name(struct config *config, const char *value, struct failure *f)
{
	size_t length = strlen(value);

	if (!length || length >= sizeof(config->name))
		return fail_usage(f, "--name takes 1 to %zu characters", sizeof(config->name) - 1);
	for (const char *c = value; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
			return fail_usage(f, "--name %s: only letters, digits, '-', '_' and '.'",
					  value);
	}
	memcpy(config->name, value, length + 1);
	return 0;
}

static int parse_module(struct config *config, const char *value, struct failure *f)
{
	if (config->modules == CONFIG_MAX_MODULES)
		return fail_usage(f, "--module may be given %u times", CONFIG_MAX_MODULES);
	config->module[config->modules++] = value;
	return 0;
}

static int parse_kernel(struct config *config, const char *value, struct failure *f)
{
	(void)f;
	config->kernel = value;
	return 0;
}

static int parse_initrd(struct config *config, const char *value, struct failure *f)
{
	(void)f;
	config->initrd = value;
	return 0;
}

static int parse_append(struct config *config, const char *value, struct failure *f)
{
	(void)f;
	config->append = value;
	return 0;
}

static int parse_gdb(struct config *config, const char *value, struct failure *f)
{
	if (!*value)
		return fail_usage(f, "--gdb takes the path of a socket to make");
	config->gdb = value;
	config->gdb_nowait = false;
	return 0;
}

static int parse_gdb_nowait(struct config *config, const char *value, struct failure *f)
{
	if (!*value)
		return fail_usage(f, "--gdb-nowait takes the path of a socket to make");
	config->gdb = value;
	config->gdb_nowait = true;
	return 0;
}

static const struct option options[] = {
	{ "--kernel", parse_kernel },
	{ "--initrd", parse_initrd },
	{ "--append", parse_append },
	{ "--memory", parse_memory },
	{ "--cpus", parse_cpus },
	{ "--apic-ids", parse_apic_ids },
	{ "--name", parse_name },
	{ "--module", parse_module },
	{ "--debug-exit", parse_debug_exit },
	{ "--gdb", parse_gdb },
	{ "--gdb-nowait", parse_gdb_nowait },
};

/* The value may follow as a word of its own or behind an equals sign. */
static bool option_matches(const struct option *option, const char *word, const char **value)
{
	size_t length = strlen(option->name);

	if (strncmp(word, option->name, length))
		return false;
	*value = word[length] == '=' ? word + length + 1 : NULL;
	return word[length] == '=' || !word[length];
}

static const struct option *find_option(const char *word, const char **value)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (option_matches(&options[i], word, value))
			return &options[i];
	}
	return NULL;
}

static int parse_words(struct config *config, int argc, char *const argv[], struct failure *f)
{
	for (int i = 0; i < argc; i++) {
		const char *value = NULL;
		const struct option *option;

		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			config->help = 1;
			return 0;
		}
		option = find_option(argv[i], &value);
		if (!option)
			return fail_usage(f, "run: unknown word '%s' (see vm run --help)",
					  argv[i]);
		if (!value && i + 1 == argc)
			return fail_usage(f, "run: %s needs a value", option->name);
		if (option->parse(config, value ? value : argv[++i], f) < 0)
			return -1;
	}
	return 0;
}

static int settle_cpus(struct config *config, struct failure *f)
{
	if (config->ids && config->cpus && config->ids != config->cpus)
		return fail_usage(f, "run: --cpus %u and %u --apic-ids", config->cpus, config->ids);
	if (config->ids)
		config->cpus = config->ids;
	else if (!config->cpus)
		config->cpus = 1;
	for (uint32_t i = config->ids; i < config->cpus; i++)
		config->apic_id[i] = i;
	return 0;
}

int config_parse(struct config *config, int argc, char *const argv[], struct failure *f)
{
	*config = (struct config){
		.memory = 512ULL << 20,
		.debug_exit = CONFIG_DEBUG_EXIT,
	};
	if (parse_words(config, argc, argv, f) < 0)
		return -1;
	if (!config->kernel && !config->help)
		return fail_usage(f, "run: no image to boot: give --kernel IMAGE");
	return settle_cpus(config, f);
}
