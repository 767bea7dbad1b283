/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The user's terminal: raw while the guest runs, and back as it was on every way out, also when
 * this process dies of a bug. It carries no bytes; that is console.c.
 */
#ifndef VMM_TERMINAL_H
#define VMM_TERMINAL_H

#include <stdbool.h>

/**
 * struct terminal_size - of the user's terminal
 * @lines: rows, 0: unknown
 * @columns: columns, 0: unknown
 */
struct terminal_size {
	unsigned int lines;
	unsigned int columns;
};

/**
 * terminal_is() - whether the guest's console is on a terminal
 *
 * Return: true when standard input and output both are one.
 */
bool terminal_is(void);

/**
 * terminal_get_size() - its size
 *
 * Return: zeroes when standard output is no terminal.
 */
struct terminal_size terminal_get_size(void);

/**
 * terminal_raw() - switch it to raw mode; again after the process was stopped and continued
 *
 * Return: 0 or a negative errno.
 */
int terminal_raw(void);

/**
 * terminal_restore() - switch it back
 *
 * Context: any, signal handlers too; does nothing when it is not raw.
 */
void terminal_restore(void);

#endif
