// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench ENGINE [CASE]: what one exit costs on one hypervisor, in executed host instructions, where
 * the time stamp counter counts those (the emulated hosts). Prints a line a case: name, tab,
 * number. With CASE, the first case whose name begins so, for ever: profile looks on. Not here:
 * boots, modules and ratios (run).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "layout.h"

_Static_assert(LAYOUT_RESULT == GUEST_RESULT, "layout.h");
_Static_assert(LAYOUT_PORT_DONE == PORT_DONE, "layout.h");
_Static_assert(LAYOUT_PORT_TEST == PORT_TEST, "layout.h");
_Static_assert(LAYOUT_PORT_DOORBELL == PORT_DOORBELL, "layout.h");

/** bench_die() - a case cannot be measured: say why and end */
void bench_die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

/**
 * bench_check() - end if a call failed
 * @result: what it returned: negative means failure, the errno itself or -1 with errno set
 * @what: its name
 */
void bench_check(long result, const char *what)
{
	if (result >= 0)
		return;
	if (result < -1)
		errno = -result;
	bench_die(what);
}

int main(int argc, char **argv)
{
	static const struct bench_engine *const engines[] = { &bench_hvm, &bench_kvm };
	size_t i;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: bench hvm|kvm [CASE]\n");
		return 2;
	}
	for (i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
		if (!strcmp(argv[1], engines[i]->name))
			return bench_cases(engines[i], argv[2]);
	fprintf(stderr, "bench: '%s' is not an engine: hvm or kvm\n", argv[1]);
	return 2;
}
