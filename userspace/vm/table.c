// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters of a machine as a table: a row a counter, its rate and total over all processors,
 * then the rate of each processor, as many as the terminal has columns for.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vm/table.h"

#define NAME_WIDTH	22
#define SUM_WIDTH	(NAME_WIDTH + 12 + 16)
#define CPU_WIDTH	10
#define MAX_ROWS	256

/**
 * struct row - one counter
 * @name: its name
 * @total: over all processors
 * @rate: of that, a second; negative: not known
 * @object: 0: of the machine; 1: of the processors
 */
struct row {
	const char *name;
	uint64_t total;
	double rate;
	int object;
};

/**
 * struct sample - one answer, looked at
 * @vm: the machine's counters
 * @vcpus: the processors
 * @ns: when
 */
struct sample {
	struct json_object *vm;
	struct json_object *vcpus;
	uint64_t ns;
};

static int look(struct sample *sample, struct json_object *answer)
{
	struct json_object *ns;

	if (!json_object_object_get_ex(answer, "vm", &sample->vm) ||
	    !json_object_is_type(sample->vm, json_type_object) ||
	    !json_object_object_get_ex(answer, "vcpus", &sample->vcpus) ||
	    !json_object_is_type(sample->vcpus, json_type_array) ||
	    !json_object_object_get_ex(answer, "time_ns", &ns))
		return -1;
	sample->ns = json_object_get_uint64(ns);
	return 0;
}

static uint64_t field(struct json_object *counters, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(counters, name, &value) ? json_object_get_uint64(value)
								 : 0;
}

/* The counters of processor @i, or NULL. */
static struct json_object *counters_of(const struct sample *sample, size_t i)
{
	struct json_object *vcpu = json_object_array_get_idx(sample->vcpus, i), *counters;

	if (!vcpu || !json_object_object_get_ex(vcpu, "counters", &counters) ||
	    !json_object_is_type(counters, json_type_object))
		return NULL;
	return counters;
}

static uint64_t sum(const struct sample *sample, const char *name)
{
	uint64_t total = 0;

	for (size_t i = 0; i < json_object_array_length(sample->vcpus); i++)
		total += field(counters_of(sample, i), name);
	return total;
}

static double rate_of(const struct sample *before, const struct sample *now, uint64_t old,
		      uint64_t new)
{
	if (!before->vm || now->ns <= before->ns)
		return -1;
	return (double)(new - old) * 1e9 / (double)(now->ns - before->ns);
}

static void fill_row(struct row *row, const struct sample *before, const struct sample *now)
{
	uint64_t old = 0;

	row->total = row->object ? sum(now, row->name) : field(now->vm, row->name);
	if (before->vm)
		old = row->object ? sum(before, row->name) : field(before->vm, row->name);
	row->rate = rate_of(before, now, old, row->total);
}

static size_t collect(struct row *rows, const struct sample *before, const struct sample *now)
{
	struct json_object *first = counters_of(now, 0);
	size_t count = 0;

	for (int object = 0; object < 2; object++) {
		struct json_object *names = object ? first : now->vm;

		if (!names)
			continue;
		json_object_object_foreach(names, name, value) {
			(void)value;
			if (count == MAX_ROWS)
				return count;
			rows[count] = (struct row){ .name = name, .object = object };
			fill_row(&rows[count], before, now);
			count += rows[count].total != 0;
		}
	}
	return count;
}

static int compare(const void *left, const void *right)
{
	const struct row *a = left, *b = right;

	if (a->rate != b->rate)
		return a->rate < b->rate ? 1 : -1;
	if (a->total != b->total)
		return a->total < b->total ? 1 : -1;
	return strcmp(a->name, b->name);
}

static void print_rate(FILE *to, int width, double rate)
{
	if (rate < 0)
		fprintf(to, " %*s", width - 1, "-");
	else
		fprintf(to, " %*.0f", width - 1, rate);
}

static void print_row(FILE *to, const struct row *row, const struct sample *before,
		      const struct sample *now, size_t cpus)
{
	fprintf(to, "%-*s", NAME_WIDTH, row->name);
	print_rate(to, 12, row->rate);
	fprintf(to, " %15" PRIu64, row->total);
	for (size_t i = 0; row->object && i < cpus; i++) {
		uint64_t old = before->vm ? field(counters_of(before, i), row->name) : 0;

		print_rate(to, CPU_WIDTH,
			   rate_of(before, now, old, field(counters_of(now, i), row->name)));
	}
	fputc('\n', to);
}

static void print_head(FILE *to, const struct sample *now, size_t cpus)
{
	fprintf(to, "%-*s %11s %15s", NAME_WIDTH, "COUNTER", "PER SECOND", "TOTAL");
	for (size_t i = 0; i < cpus; i++) {
		struct json_object *vcpu = json_object_array_get_idx(now->vcpus, i);
		char label[32];

		snprintf(label, sizeof(label), "cpu%" PRIu64, field(vcpu, "id"));
		fprintf(to, " %*s", CPU_WIDTH - 1, label);
	}
	fputc('\n', to);
}

int table_print(FILE *to, struct json_object *before, struct json_object *now,
		unsigned int lines, unsigned int columns)
{
	struct sample old = { .ns = 0 }, new = { .ns = 0 };
	struct row rows[MAX_ROWS];
	size_t cpus, count;

	if (look(&new, now) < 0 || (before && look(&old, before) < 0))
		return -1;
	cpus = json_object_array_length(new.vcpus);
	if (columns < SUM_WIDTH + cpus * CPU_WIDTH)
		cpus = columns < SUM_WIDTH ? 0 : (columns - SUM_WIDTH) / CPU_WIDTH;
	/* A processor that is alone is the sum. */
	if (json_object_array_length(new.vcpus) == 1)
		cpus = 0;
	count = collect(rows, &old, &new);
	qsort(rows, count, sizeof(rows[0]), compare);
	print_head(to, &new, cpus);
	for (size_t i = 0; i < count && (!lines || i + 1 < lines); i++)
		print_row(to, &rows[i], &old, &new, cpus);
	return 0;
}
