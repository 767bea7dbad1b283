// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to the host while guests run: it sleeps and wakes, and interrupts that cannot be
 * masked arrive on a processor that is in a guest. Not here: processors that come and go
 * (test-life.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runner.h"
#include "task.h"

#define POWER		"/sys/power"
#define PM_TEST		POWER "/pm_test"
#define TEST_SECONDS	"/sys/module/suspend/parameters/pm_test_delay"
#define SYSRQ		"/proc/sysrq-trigger"
#define KMSG		"/dev/kmsg"

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret;
}

static bool has_word(const char *path, const char *word)
{
	char text[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (got < 0)
		return false;
	text[got] = '\0';
	return strstr(text, word);
}

/* --- sleep -------------------------------------------------------------------- */

/*
 * Two guests that run go on behind it, one that stopped before goes on then, and a new one can be
 * made. The freezer takes threads out of HVM_RUN as a signal does.
 */
static void sleep_under_guests(struct ktap *t)
{
	struct runner r[3];
	int i, ret;

	if (!runner_start(&r[0], t, &runner_spin) || !runner_start(&r[1], t, &runner_touch) ||
	    !runner_start(&r[2], t, &runner_spin))
		return;
	runner_stop(&r[2]);
	for (i = 0; i < 2; i++)
		r[i].patient = true;
	ret = put(POWER "/state", "mem");
	KTAP_EQ(t, ret, 0);
	KTAP_TRUE(t, runner_go_on(&r[2]));
	for (i = 0; i < 3; i++) {
		runner_expect_progress(&r[i]);
		runner_end(&r[i]);
	}
	if (!runner_start(&r[0], t, &runner_spin))
		return;
	runner_end(&r[0]);
}

/* All that is done before and after sleep, on every processor and with all devices, without it. */
static void host_gets_ready_to_sleep(struct ktap *t)
{
	if (access(PM_TEST, W_OK) || !has_word(POWER "/state", "mem"))
		KTAP_SKIP(t, "this kernel cannot try how to sleep");
	put(TEST_SECONDS, "0");
	KTAP_EQ(t, put(PM_TEST, "core"), 0);
	sleep_under_guests(t);
	KTAP_EQ(t, put(PM_TEST, "none"), 0);
}

/* --- interrupts that cannot be masked ------------------------------------------- */

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
		KTAP_EQ(t, put(SYSRQ, "l"), 0);
		KTAP_TRUE(t, task_wait(was_said, &w));
	}
	runner_expect_progress(&r);
	KTAP_TRUE(t, task_release(gettid()));
	runner_end(&r);
	close(w.kmsg);
}

static const struct ktap_case cases[] = {
	{ "host_gets_ready_to_sleep", host_gets_ready_to_sleep },
	{ "nmi_meets_a_guest", nmi_meets_a_guest },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
