/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KTAP for the C test programs: a table of cases, one line of result for each,
 * and a diagnostic line for every expectation that does not hold. It is for
 * userspace test programs only; it starts no host and sums no suites (the
 * runner does that from what is printed here).
 *
 *	static void adds(struct ktap *t)
 *	{
 *		KTAP_EQ(t, 1 + 1, 2);
 *	}
 *
 *	static const struct ktap_case cases[] = {
 *		{ "adds", adds },
 *	};
 *
 *	int main(int argc, char **argv)
 *	{
 *		return KTAP_MAIN(argc, argv, cases);
 *	}
 *
 * A program called with arguments runs only the cases whose names contain one
 * of them.
 */
#ifndef SELFTESTS_LIB_KTAP_H
#define SELFTESTS_LIB_KTAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Diagnostics printed for one case; the rest are only counted. */
#define KTAP_MAX_DIAGNOSTICS	20

/**
 * struct ktap - the result of the case that is running
 * @failures: expectations that did not hold
 * @skipped: the case cannot run here
 * @reason: why it was skipped
 */
struct ktap {
	unsigned int failures;
	bool skipped;
	char reason[160];
};

/**
 * struct ktap_case - one case of a suite
 * @name: what it checks; words separated by underscores, no '#'
 * @run: runs it, recording failures in the struct it is given
 */
struct ktap_case {
	const char *name;
	void (*run)(struct ktap *t);
};

/**
 * ktap_fail() - record a failure and say where and what
 * @t: the running case
 * @file: source file, normally __FILE__
 * @line: source line, normally __LINE__
 * @fmt: what did not hold
 *
 * Context: not safe against other threads of the test; let worker threads
 * return a value and judge it in the case's own thread.
 */
__attribute__((format(printf, 4, 5)))
static inline void ktap_fail(struct ktap *t, const char *file, int line, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	va_list ap;

	fflush(stderr);
	if (t->failures++ >= KTAP_MAX_DIAGNOSTICS)
		return;
	printf("# %s:%d: ", base ? base + 1 : file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/**
 * ktap_skip() - mark the running case as skipped; the case must then return
 * @t: the running case
 * @fmt: the reason
 */
__attribute__((format(printf, 2, 3)))
static inline void ktap_skip(struct ktap *t, const char *fmt, ...)
{
	va_list ap;

	t->skipped = true;
	va_start(ap, fmt);
	vsnprintf(t->reason, sizeof(t->reason), fmt, ap);
	va_end(ap);
}

/* Record a failure with a message of one's own. */
#define KTAP_FAIL(t, ...)	ktap_fail(t, __FILE__, __LINE__, __VA_ARGS__)

/* Expect a condition; the case goes on when it does not hold. */
#define KTAP_TRUE(t, expr) do {						\
	if (!(expr))							\
		KTAP_FAIL(t, "%s", #expr);				\
} while (0)

/* Expect two integers (up to 64 bits) to be equal; both are printed. */
#define KTAP_EQ(t, left, right) do {					\
	unsigned long long l_ = (unsigned long long)(left);		\
	unsigned long long r_ = (unsigned long long)(right);		\
									\
	if (l_ != r_)							\
		KTAP_FAIL(t, "%s == %s (0x%llx != 0x%llx)", #left, #right, l_, r_); \
} while (0)

/* Expect two strings to be equal. */
#define KTAP_STREQ(t, left, right) do {					\
	const char *l_ = (left), *r_ = (right);				\
									\
	if (!l_ || !r_ || strcmp(l_, r_))				\
		KTAP_FAIL(t, "%s is %s (\"%s\" != \"%s\")", #left, #right, \
			  l_ ? l_ : "(null)", r_ ? r_ : "(null)");	\
} while (0)

/* Expect a system call style result (-1 and errno on failure) to succeed. */
#define KTAP_OK(t, call) do {						\
	if ((call) < 0)							\
		KTAP_FAIL(t, "%s: %s", #call, strerror(errno));		\
} while (0)

/* Expect a system call style result to fail with this errno. */
#define KTAP_ERRNO(t, call, expected) do {				\
	errno = 0;							\
	if ((call) >= 0)						\
		KTAP_FAIL(t, "%s succeeded, not %s", #call, #expected);	\
	else if (errno != (expected))					\
		KTAP_FAIL(t, "%s: %s, not %s", #call, strerror(errno), #expected); \
} while (0)

/* As KTAP_TRUE, but leave the (void) case when the condition does not hold. */
#define KTAP_REQUIRE(t, expr) do {					\
	if (!(expr)) {							\
		KTAP_FAIL(t, "%s (errno: %s)", #expr, strerror(errno));	\
		return;							\
	}								\
} while (0)

/* Leave the (void) case as skipped. */
#define KTAP_SKIP(t, ...) do {						\
	ktap_skip(t, __VA_ARGS__);					\
	return;								\
} while (0)

static inline bool ktap_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strstr(name, argv[i]))
			return true;
	}
	return argc < 2;
}

static inline bool ktap_run_case(unsigned int number, const struct ktap_case *c)
{
	struct ktap t = { 0 };

	c->run(&t);
	if (t.failures > KTAP_MAX_DIAGNOSTICS)
		printf("# %u more\n", t.failures - KTAP_MAX_DIAGNOSTICS);
	if (t.failures)
		printf("not ok %u %s\n", number, c->name);
	else if (t.skipped)
		printf("ok %u %s # SKIP %s\n", number, c->name, t.reason);
	else
		printf("ok %u %s\n", number, c->name);
	fflush(stdout);
	return !t.failures;
}

/**
 * ktap_run() - run a table of cases and print KTAP version 1
 * @argc: main()'s
 * @argv: main()'s; the arguments are parts of names of cases to run
 * @cases: the table
 * @n: its length
 *
 * Return: the program's exit status, 0 when no case failed.
 */
static inline int ktap_run(int argc, char **argv, const struct ktap_case *cases, size_t n)
{
	unsigned int planned = 0, number = 0, failed = 0;

	for (size_t i = 0; i < n; i++)
		planned += ktap_wanted(cases[i].name, argc, argv);
	printf("KTAP version 1\n1..%u\n", planned);
	fflush(stdout);
	for (size_t i = 0; i < n; i++) {
		if (ktap_wanted(cases[i].name, argc, argv))
			failed += !ktap_run_case(++number, &cases[i]);
	}
	return failed || !planned ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define KTAP_MAIN(argc, argv, cases) \
	ktap_run(argc, argv, cases, sizeof(cases) / sizeof((cases)[0]))

#endif
