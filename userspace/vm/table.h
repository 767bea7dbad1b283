/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The counters of a machine as a table. Pure: two answers of the control socket in, text out.
 */
#ifndef VM_TABLE_H
#define VM_TABLE_H

#include <json-c/json.h>
#include <stdio.h>

/**
 * table_print() - print counters: rate and total of all processors, and the rate of each
 * @to: where
 * @before: an earlier answer of /v1/stats, or NULL: no rates are known
 * @now: a later one
 * @lines: of the terminal, 0: as many as it takes
 * @columns: of the terminal
 *
 * Counters that never counted are left out; those that count most come first.
 *
 * Return: 0, or -1: an answer is not what it should be.
 */
int table_print(FILE *to, struct json_object *before, struct json_object *now,
		unsigned int lines, unsigned int columns);

#endif
