// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest with a thread in its HVM_RUN; see runner.h. What spins opens interrupts first: the
 * emulators may not end a guest's run for the host while the guest holds its own back.
 */
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runner.h"
#include "task.h"

GUEST_CODE("runner_leave", "code64", "1: incq 0x20000; out %al, $0x80; jmp 1b");
GUEST_CODE("runner_spin", "code64",
	   "sti; 1: incq 0x20000; cmpq $0, 0x20008; je 1b; out %al, $0x80; jmp 1b");
GUEST_CODE("runner_halt", "code64", "1: incq 0x20000; hlt; jmp 1b");
GUEST_CODE("runner_touch", "code64",
	   "sti; 1: mov $0x100000, %ebx; 2: incq (%rbx); add $0x1000, %ebx;"
	   "cmp $0x200000, %ebx; jne 2b; incq 0x20000; cmpq $0, 0x20008; je 1b;"
	   "out %al, $0x80; jmp 1b");

/**
 * runner_open() - a guest in long mode, before the first instruction, without a thread
 * @g: filled in
 * @t: the running case
 * @code: what it executes
 *
 * Return: as guest_open()
 */
bool runner_open(struct guest *g, struct ktap *t, const struct guest_code *code)
{
	if (!guest_open(g, t, GUEST_RAM))
		return false;
	guest_long(g, code);
	return true;
}

static void *run_once(void *arg)
{
	struct runner *r = arg;
	const int vcpu = r->g.vcpu;
	sigset_t set;

	r->tid = gettid();
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	do {
		r->result = ioctl(vcpu, HVM_RUN, 0) ? -errno : 0;
	} while (r->patient && r->result == -EINTR);
	r->back = true;
	return NULL;
}

/**
 * runner_go_on() - a thread for a guest that has none
 * @r: the runner
 *
 * Return: whether the guest runs now
 */
bool runner_go_on(struct runner *r)
{
	uint64_t count = *RUNNER_COUNT(&r->g);

	r->back = false;
	if (pthread_create(&r->thread, NULL, run_once, r))
		return false;
	return task_wait_count(RUNNER_COUNT(&r->g), count + 1);
}

/**
 * runner_start() - make one and let it run
 * @r: filled in
 * @t: the running case
 * @code: what it executes, not runner_leave
 *
 * Return: false after a failure, which is recorded
 */
bool runner_start(struct runner *r, struct ktap *t, const struct guest_code *code)
{
	*r = (struct runner) { 0 };
	if (!runner_open(&r->g, t, code))
		return false;
	if (runner_go_on(r))
		return true;
	KTAP_FAIL(t, "the guest does not run");
	return false;
}

/**
 * runner_stop() - kick it, and end its thread
 * @r: the runner
 */
void runner_stop(struct runner *r)
{
	KTAP_OK(r->g.t, guest_kick(r->g.vcpu));
	pthread_join(r->thread, NULL);
	KTAP_EQ(r->g.t, r->result, 0);
	KTAP_EQ(r->g.t, r->g.run->reason, HVM_EXIT_STOPPED);
}

/**
 * runner_end() - runner_stop(), and close the guest
 * @r: the runner
 */
void runner_end(struct runner *r)
{
	runner_stop(r);
	guest_close(&r->g);
}

/**
 * runner_expect_progress() - the guest gets somewhere, and has not left
 * @r: the runner
 */
void runner_expect_progress(struct runner *r)
{
	KTAP_TRUE(r->g.t, task_wait_count(RUNNER_COUNT(&r->g), *RUNNER_COUNT(&r->g) + 2));
	KTAP_TRUE(r->g.t, !r->back);
}
