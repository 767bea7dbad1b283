// SPDX-License-Identifier: GPL-2.0-only
/*
 * A host that sleeps while guests run: its last processor is left before and taken again after, the
 * guests go on, and new ones run. It is the kernel's own test of a sleep (/sys/power/pm_test): all
 * of one but the last step, which takes the power from the processors.
 *
 * A host of the lab loses the building machine's files over it: the program, which is linked with
 * all it needs, goes on from a root in memory, and nothing but it can run afterwards.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "module.h"
#include "runner.h"
#include "task.h"

#define POWER		"/sys/power"
#define DELAY		"/sys/module/suspend/parameters/pm_test_delay"
#define TRACEFS		"/sys/kernel/tracing"
#define WRITE_MSR	TRACEFS "/events/msr/write_msr"
#define IN_MEMORY	"TEST_SLEEP_IN_MEMORY"
#define ROOT		"/tmp"
#define PROGRAM		"/test-sleep"
#define REFUSED		"cannot turn virtualization on"	/* kernel/main.c */
#define READ_ALL	3	/* syslog(2), SYSLOG_ACTION_READ_ALL */
#define TEXT_BYTES	(256 << 10)

static void expect_no_complaint(struct ktap *t)
{
	static char log[TEXT_BYTES];
	int bytes = klogctl(READ_ALL, log, sizeof(log) - 1);

	KTAP_TRUE(t, bytes > 0);
	log[bytes > 0 ? bytes : 0] = '\0';
	KTAP_TRUE(t, !strstr(log, REFUSED));
}

/* Whoever calls is frozen on the way, with all others. Return: the host was asleep and is back. */
static bool sleep_once(struct ktap *t)
{
	bool slept = file_write(DELAY, "1") && file_write(POWER "/pm_test", "core") &&
		     file_write(POWER "/state", "mem");

	if (!slept)
		KTAP_FAIL(t, "the host does not sleep: %s", strerror(errno));
	file_write(POWER "/pm_test", "none");
	expect_no_complaint(t);
	return slept;
}

/* One in each processor that the program was started on; return how many. */
static unsigned int start_everywhere(struct runner r[TASK_CPUS], struct ktap *t)
{
	int cpus[TASK_CPUS];
	unsigned int i, count = task_cpus(cpus);

	for (i = 0; i < count; i++) {
		r[i] = (struct runner) { .patient = true };
		if (!runner_open(&r[i].g, t, &runner_spin))
			break;
		if (!runner_go_on(&r[i])) {
			KTAP_FAIL(t, "the guest does not run");
			break;
		}
		KTAP_TRUE(t, task_pin(r[i].tid, cpus[i]));
	}
	return i;
}

static void guests_go_on(struct ktap *t)
{
	static struct runner r[TASK_CPUS];
	unsigned int i, round, count = start_everywhere(r, t);

	for (round = 0; round < 2 && !t->failures; round++) {
		if (!sleep_once(t))
			break;
		for (i = 0; i < count; i++)
			runner_expect_progress(&r[i]);
	}
	for (i = 0; i < count && !t->failures; i++)
		runner_end(&r[i]);
}

static void halted_guest_goes_on(struct ktap *t)
{
	struct runner r = { .patient = true };
	uint64_t count;

	if (!runner_open(&r.g, t, &runner_halt))
		return;
	KTAP_REQUIRE(t, runner_go_on(&r));
	count = *RUNNER_COUNT(&r.g);
	if (sleep_once(t)) {
		KTAP_EQ(t, *RUNNER_COUNT(&r.g), count);
		KTAP_TRUE(t, !r.back);
	}
	runner_end(&r);
}

static void new_guests_run(struct ktap *t)
{
	static struct runner r[TASK_CPUS];
	unsigned int i, count;

	if (!sleep_once(t))
		return;
	count = start_everywhere(r, t);
	KTAP_TRUE(t, count);
	for (i = 0; i < count; i++)
		runner_expect_progress(&r[i]);
	for (i = 0; i < count && !t->failures; i++)
		runner_end(&r[i]);
}

/*
 * The test of a sleep leaves a processor its registers, so that one which was not left at all would
 * go on as well: the kernel's own trace tells. VM_HSAVE_PA (APM volume 2, 15.30.4) is written once
 * with 0 and then once with the address.
 */
static void last_processor_is_left(struct ktap *t)
{
	const char *text, *left, *taken;
	struct guest g = { 0 };

	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		KTAP_SKIP(t, "others write there as well, as they come and go");
	if (!file_write(WRITE_MSR "/filter", "msr == 0xc0010117"))
		KTAP_SKIP(t, "no trace of MSRs");
	KTAP_REQUIRE(t, runner_open(&g, t, &runner_leave));
	if (!g.amd) {
		guest_close(&g);
		KTAP_SKIP(t, "VMXON is no MSR");
	}
	KTAP_TRUE(t, file_write(WRITE_MSR "/enable", "1") && file_write(TRACEFS "/trace", "\n"));
	sleep_once(t);
	KTAP_TRUE(t, file_write(WRITE_MSR "/enable", "0"));
	text = file_read(TRACEFS "/trace");
	left = strstr(text, "write_msr: c0010117, value 0\n");
	taken = left ? strstr(left + 1, "write_msr: c0010117, value ") : NULL;
	KTAP_TRUE(t, left);
	KTAP_TRUE(t, taken && !strstr(taken, "value 0\n"));
	KTAP_TRUE(t, taken && !strstr(taken + 1, "write_msr:"));
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	guest_close(&g);
}

/* Last: it is out then. */
static void the_module_goes(struct ktap *t)
{
	struct runner r;

	if (!runner_start(&r, t, &runner_spin))
		return;
	r.patient = true;
	sleep_once(t);
	KTAP_ERRNO(t, module_unload(), EWOULDBLOCK);
	runner_end(&r);
	module_expect_unused(t);
	KTAP_OK(t, module_unload());
}

static const struct ktap_case cases[] = {
	{ "guests_go_on", guests_go_on },
	{ "a_halted_guest_goes_on", halted_guest_goes_on },
	{ "new_guests_run", new_guests_run },
	{ "the_last_processor_is_left_and_taken", last_processor_is_left },
	{ "the_module_goes", the_module_goes },
};

/* --- a root in memory -------------------------------------------------------------- */

static bool copy_program(const char *to)
{
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	ssize_t n = -1;

	while (in >= 0 && out >= 0 && (n = sendfile(out, in, NULL, 1 << 20)) > 0)
		;
	close(in);
	close(out);
	return !n;
}

static bool bind_in(const char *from, const char *to)
{
	return !mkdir(to, 0700) && !mount(from, to, NULL, MS_BIND | MS_REC, NULL);
}

/* In a mount namespace of its own, which goes with the process. Return: only when it fails. */
static void go_on_in_memory(char **argv)
{
	setenv(IN_MEMORY, "1", 1);
	if (!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	    !mount("none", ROOT, "tmpfs", 0, NULL) && copy_program(ROOT PROGRAM) &&
	    bind_in("/dev", ROOT "/dev") && bind_in("/sys", ROOT "/sys") &&
	    bind_in("/proc", ROOT "/proc") && !chroot(ROOT) && !chdir("/"))
		execv(PROGRAM, argv);
}

static int skip_all(void)
{
	printf("KTAP version 1\n1..0 # SKIP this kernel has no test of its sleep\n");
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	int cpus[TASK_CPUS];

	if (access(POWER "/pm_test", W_OK))
		return skip_all();
	if (!getenv(IN_MEMORY)) {
		go_on_in_memory(argv);
		printf("Bail out! no root in memory: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	task_cpus(cpus);
	return KTAP_MAIN(argc, argv, cases);
}
