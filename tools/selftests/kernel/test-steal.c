// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stolen time: what a guest is told of it, the byte that says whether a vCPU is away, and the marks
 * that others leave there in place of an IPI.
 */
#include <pthread.h>
#include <unistd.h>

#include "counters.h"
#include "msr.h"
#include "runner.h"
#include "steal.h"
#include "step.h"
#include "task.h"

#define MARKS	50

/* What this thread has waited for a CPU, nanoseconds. */
static uint64_t run_delay(void)
{
	unsigned long long delay = 0;
	FILE *f = fopen("/proc/thread-self/schedstat", "r");

	if (!f || fscanf(f, "%*u %llu", &delay) != 1)
		delay = 0;
	if (f)
		fclose(f);
	return delay;
}

struct rival {
	pthread_t thread;
	volatile bool stop;
};

static void *compete(void *arg)
{
	struct rival *rival = arg;

	while (!rival->stop)
		;
	return NULL;
}

static bool has_waited(void *arg)
{
	return run_delay() > *(uint64_t *)arg;
}

/* With a rival on its CPU the thread waits, and what it waits is what the guest is told. */
static void stolen_time_is_the_delay(struct ktap *t)
{
	uint64_t before, enabled, waited, after;
	struct rival rival = {};
	int cpus[TASK_CPUS];
	struct guest g;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, task_cpus(cpus) && task_pin(0, cpus[0]));
	before = run_delay();
	KTAP_TRUE(t, step_wrmsr(&g, MSR_STEAL_TIME, STEAL_AREA | 1));
	enabled = run_delay();
	KTAP_OK(t, pthread_create(&rival.thread, NULL, compete, &rival));
	waited = enabled;
	KTAP_TRUE(t, task_wait(has_waited, &waited));
	waited = run_delay();
	step_rdtsc(&g);
	after = run_delay();
	KTAP_TRUE(t, waited > enabled);
	KTAP_TRUE(t, steal_area(&g)->steal >= waited - enabled);
	KTAP_TRUE(t, steal_area(&g)->steal <= after - before);
	KTAP_EQ(t, steal_area(&g)->version & 1, 0);
	KTAP_EQ(t, steal_area(&g)->flags, 0);
	/* Switched off, it is left alone. */
	KTAP_TRUE(t, step_wrmsr(&g, MSR_STEAL_TIME, STEAL_AREA));
	memset(g.ram + STEAL_AREA, 0x5a, 64);
	waited = run_delay();
	KTAP_TRUE(t, task_wait(has_waited, &waited));
	step_rdtsc(&g);
	for (int i = 0; i < 64; i++)
		KTAP_EQ(t, g.ram[STEAL_AREA + i], 0x5a);
	rival.stop = true;
	pthread_join(rival.thread, NULL);
	task_release(0);
	guest_close(&g);
}

static bool is_preempted(void *arg)
{
	return ((volatile struct steal_area *)arg)->preempted == STEAL_PREEMPTED;
}

static bool is_back(void *arg)
{
	return !((volatile struct steal_area *)arg)->preempted;
}

static bool open_counted(struct guest *g, struct counters *c, struct ktap *t,
			 const struct guest_code *code)
{
	if (!runner_open(g, t, code))
		return false;
	if (counters_open(c, g))
		return true;
	guest_close(g);
	return false;
}

/* While the vCPU sleeps its byte says so; a mark beside it is taken before it runs. */
static void sleeping_vcpu_says_so(struct ktap *t)
{
	struct runner r = {};
	struct counters c;

	if (!open_counted(&r.g, &c, t, &runner_halt))
		return;
	KTAP_OK(t, guest_set_msr(&r.g, MSR_STEAL_TIME, STEAL_AREA | 1));
	KTAP_TRUE(t, runner_go_on(&r));
	KTAP_TRUE(t, task_wait(is_preempted, (void *)steal_area(&r.g)));
	__atomic_or_fetch(&steal_area(&r.g)->preempted, STEAL_FLUSH, __ATOMIC_SEQ_CST);
	runner_stop(&r);
	KTAP_EQ(t, steal_area(&r.g)->preempted & STEAL_FLUSH, 0);
	KTAP_EQ(t, counters_value(&c, "pv_flushes"), 1);
	counters_close(&c);
	guest_close(&r.g);
}

/* A vCPU that spins beside a rival: the byte comes and goes, and does not stay. */
static void running_vcpu_is_not_preempted(struct ktap *t)
{
	struct runner r = {};
	struct rival rival = {};
	int cpus[TASK_CPUS];

	if (!runner_open(&r.g, t, &runner_spin))
		return;
	KTAP_OK(t, guest_set_msr(&r.g, MSR_STEAL_TIME, STEAL_AREA | 1));
	if (task_cpus(cpus) < 2) {
		guest_close(&r.g);
		KTAP_SKIP(t, "one processor");
	}
	KTAP_TRUE(t, runner_go_on(&r));
	KTAP_TRUE(t, task_pin(r.tid, cpus[1]) && task_pin(0, cpus[0]));
	KTAP_OK(t, pthread_create(&rival.thread, NULL, compete, &rival));
	KTAP_TRUE(t, !pthread_setaffinity_np(rival.thread, sizeof(cpu_set_t),
					     &(cpu_set_t){ .__bits = { 1UL << cpus[1] } }));
	for (int i = 0; i < 5; i++) {
		KTAP_TRUE(t, task_wait(is_preempted, (void *)steal_area(&r.g)));
		KTAP_TRUE(t, task_wait(is_back, (void *)steal_area(&r.g)));
	}
	KTAP_TRUE(t, steal_area(&r.g)->steal > 0);
	rival.stop = true;
	pthread_join(rival.thread, NULL);
	runner_stop(&r);
	task_release(0);
	guest_close(&r.g);
}

/* A mark, as a guest's other processors leave it: only while the vCPU is away. */
static bool leave_mark(struct guest *g)
{
	uint8_t away = STEAL_PREEMPTED;

	return __atomic_compare_exchange_n(&steal_area(g)->preempted, &away,
					   STEAL_PREEMPTED | STEAL_FLUSH, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* Whoever runs on the vCPU's own processor runs while it is away. Each mark is taken once. */
static void marks_are_taken_once(struct ktap *t)
{
	unsigned int marks = 0, tries = 0;
	struct runner r = {};
	int cpus[TASK_CPUS];
	struct counters c;

	if (!open_counted(&r.g, &c, t, &runner_spin))
		return;
	KTAP_OK(t, guest_set_msr(&r.g, MSR_STEAL_TIME, STEAL_AREA | 1));
	KTAP_TRUE(t, task_cpus(cpus) && task_pin(0, cpus[0]));
	KTAP_TRUE(t, runner_go_on(&r) && task_pin(r.tid, cpus[0]));
	for (; marks < MARKS && tries < 100 * MARKS; tries++) {
		usleep(100);
		marks += leave_mark(&r.g);
	}
	KTAP_EQ(t, marks, MARKS);
	runner_stop(&r);
	KTAP_EQ(t, steal_area(&r.g)->preempted & STEAL_FLUSH, 0);
	KTAP_EQ(t, counters_value(&c, "pv_flushes"), marks);
	task_release(0);
	counters_close(&c);
	guest_close(&r.g);
}

static const struct ktap_case cases[] = {
	{ "stolen_time_is_the_delay", stolen_time_is_the_delay },
	{ "sleeping_vcpu_says_so", sleeping_vcpu_says_so },
	{ "running_vcpu_is_not_preempted", running_vcpu_is_not_preempted },
	{ "marks_are_taken_once", marks_are_taken_once },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
