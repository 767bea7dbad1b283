/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one line that tells a user what is wrong, where, and what to do about it. Functions that can
 * fail for a reason of the user's own fill it and return -1; only the command prints it. It is for
 * the command's start, not for errors between programs: those are negative errnos.
 */
#ifndef VMM_FAILURE_H
#define VMM_FAILURE_H

/**
 * struct failure - what went wrong
 * @usage: the command line itself is wrong (exit status 2 instead of 1)
 * @text: one line without "vm: " and without a newline
 */
struct failure {
	int usage;
	char text[480];
};

/**
 * fail() - fill in a failure
 * @f: the failure
 * @fmt: what is wrong, where, and what to do
 *
 * Return: always -1, to be handed on.
 */
__attribute__((format(printf, 2, 3)))
int fail(struct failure *f, const char *fmt, ...);

/**
 * fail_usage() - fill in a failure of the command line
 * @f: the failure
 * @fmt: what is wrong, and what to do
 *
 * Return: always -1, to be handed on.
 */
__attribute__((format(printf, 2, 3)))
int fail_usage(struct failure *f, const char *fmt, ...);

#endif
