// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts each processor of a test host but the first once a second, by going there as the
 * first in line. QEMU may forget an interrupt of a processor that enters a guest, and with it all
 * that its timer was to do, until another one comes (Documentation/caveats.rst, "Faults of the
 * emulators"). It rests on the first processor, which enters no guest: a timer elsewhere may be the
 * one that stands still. Usage: pulse
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool go_to(long processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

int main(void)
{
	const struct sched_param first = { .sched_priority = 1 };
	long processors = sysconf(_SC_NPROCESSORS_CONF);

	if (sched_setscheduler(0, SCHED_FIFO, &first) || !go_to(0)) {
		perror("pulse");
		return 1;
	}
	for (;;) {
		/* One that is switched off takes nobody, and has no guest. */
		for (long processor = 1; processor < processors; processor++)
			go_to(processor);
		go_to(0);
		sleep(1);
	}
}
