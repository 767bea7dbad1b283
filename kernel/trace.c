// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints' code: what trace.h describes, made once.
 */
#define CREATE_TRACE_POINTS
#include "trace.h"
