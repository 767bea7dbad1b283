// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's NMIs, on a processor that is in a guest: the host has them at once. Not here: the
 * guest's own (test-events.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "file.h"
#include "runner.h"
#include "task.h"

#define SYSRQ		"/proc/sysrq-trigger"
#define KMSG		"/dev/kmsg"

struct wanted {
	int kmsg;
	char words[64];
};

/* Whether the kernel has said it since. */
static bool was_said(void *arg)
{
	struct wanted *w = arg;
	char record[1024];
	ssize_t got;

	while ((got = read(w->kmsg, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (got <= 0)
			continue;
		record[got] = '\0';
		if (strstr(record, w->words))
			return true;
	}
	return false;
}

/* The kernel asks all processors by NMI where they are. */
static void nmi_meets_a_guest(struct ktap *t)
{
	struct wanted w = { .kmsg = open(KMSG, O_RDONLY | O_NONBLOCK | O_CLOEXEC) };
	int cpus[TASK_CPUS], count = task_cpus(cpus), round;
	struct runner r;

	if (w.kmsg < 0 || access(SYSRQ, W_OK))
		KTAP_SKIP(t, "no kernel log or no sysrq");
	if (count < 2)
		KTAP_SKIP(t, "who asks does so without NMI where there is one CPU");
	if (!runner_start(&r, t, &runner_spin))
		return;
	KTAP_TRUE(t, task_pin(r.tid, cpus[count - 1]));
	KTAP_TRUE(t, task_pin(gettid(), cpus[0]));
	snprintf(w.words, sizeof(w.words), "NMI backtrace for cpu %d", cpus[count - 1]);
	for (round = 0; round < 3; round++) {
		runner_expect_progress(&r);
		lseek(w.kmsg, 0, SEEK_END);
		KTAP_TRUE(t, file_write(SYSRQ, "l"));
		KTAP_TRUE(t, task_wait(was_said, &w));
	}
	runner_expect_progress(&r);
	KTAP_TRUE(t, task_release(gettid()));
	runner_end(&r);
	close(w.kmsg);
}

static const struct ktap_case cases[] = {
	{ "nmi_meets_a_guest", nmi_meets_a_guest },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
