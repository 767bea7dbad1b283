// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records the first reason for which a machine ends, and rings the machine's loop.
 */
#include <stdarg.h>
#include <stdio.h>

#include "vmm/power.h"

int power_init(struct power *power, struct loop *loop, loop_ready_fn *ended)
{
	*power = (struct power){ .lock = PTHREAD_MUTEX_INITIALIZER };
	return bell_init(&power->bell, loop, ended);
}

void power_deinit(struct power *power)
{
	bell_deinit(&power->bell);
}

void power_end(struct power *power, int status, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&power->lock);
	if (!power->ended) {
		power->status = status;
		if (fmt) {
			va_start(ap, fmt);
			vsnprintf(power->message, sizeof(power->message), fmt, ap);
			va_end(ap);
		}
		__atomic_store_n(&power->ended, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&power->lock);
	bell_ring(&power->bell);
}

void power_end_by_signal(struct power *power, int signal)
{
	pthread_mutex_lock(&power->lock);
	if (!power->ended) {
		power->status = 128 + signal;
		power->signal = signal;
		__atomic_store_n(&power->ended, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&power->lock);
	bell_ring(&power->bell);
}

bool power_ended(struct power *power)
{
	return __atomic_load_n(&power->ended, __ATOMIC_ACQUIRE);
}
