// SPDX-License-Identifier: GPL-2.0-only
/*
 * Formats the line of a struct failure. It prints nothing itself.
 */
#include <stdarg.h>
#include <stdio.h>

#include "vmm/failure.h"

int fail(struct failure *f, const char *fmt, ...)
{
	va_list ap;

	f->usage = 0;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return -1;
}

int fail_usage(struct failure *f, const char *fmt, ...)
{
	va_list ap;

	f->usage = 1;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return -1;
}
