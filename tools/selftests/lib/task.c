// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test's own threads; see task.h.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "task.h"

#define PATIENCE_MS	60000	/* what takes longer does not come any more */

/* The processors that the program was started on, before it moved anything. */
static const cpu_set_t *inherited(void)
{
	static cpu_set_t set;

	if (!CPU_COUNT(&set))
		sched_getaffinity(0, sizeof(set), &set);
	return &set;
}

/**
 * task_cpus() - the processors that the program was started on
 * @cpus: filled in, ascending
 *
 * Return: how many; the first call must come before any thread is moved
 */
unsigned int task_cpus(int cpus[TASK_CPUS])
{
	unsigned int count = 0;
	int cpu;

	for (cpu = 0; cpu < CPU_SETSIZE && count < TASK_CPUS; cpu++) {
		if (CPU_ISSET(cpu, inherited()))
			cpus[count++] = cpu;
	}
	return count;
}

/**
 * task_pin() - let a thread run on one processor only
 * @tid: the thread; 0: the caller
 * @cpu: the processor, one of task_cpus()
 */
bool task_pin(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(tid, sizeof(set), &set);
}

/**
 * task_release() - let a thread run wherever the program was started
 * @tid: the thread; 0: the caller
 */
bool task_release(pid_t tid)
{
	return !sched_setaffinity(tid, sizeof(cpu_set_t), inherited());
}

/**
 * task_set_online() - take a processor away from the host, or give it back
 * @cpu: the processor, one of task_cpus()
 * @online: give it back
 *
 * A thread that is pinned to a processor that goes may find itself anywhere afterwards. The
 * caller's own is put right.
 *
 * Return: whether it was done; errno says why not
 */
bool task_set_online(int cpu, bool online)
{
	char path[64];
	bool ok;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	ok = file_write(path, online ? "1" : "0");
	task_release(0);
	return ok;
}

/**
 * task_state() - what a thread does
 * @pid: its process; 0: the caller's
 * @tid: the thread
 *
 * Return: the letter of proc(5): R, S, T, ...; 0: there is none
 */
char task_state(pid_t pid, pid_t tid)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid ? pid : getpid(), tid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(f);
	return state;
}

/**
 * task_now_ms() - the clock that waiting goes by, in milliseconds
 */
uint64_t task_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

/**
 * task_wait() - until something is so
 * @done: whether it is
 * @arg: for it
 *
 * Return: false: it did not come, in far more time than the slowest host needs
 */
bool task_wait(bool (*done)(void *arg), void *arg)
{
	uint64_t end = task_now_ms() + PATIENCE_MS;

	while (!done(arg)) {
		if (task_now_ms() > end)
			return false;
		usleep(200);
	}
	return true;
}

/**
 * task_signal_until() - end a thread's HVM_RUN by SIGUSR1
 * @thread: the thread; it handles the signal, and does nothing else about it
 * @back: it sets this when its HVM_RUN has returned
 *
 * One signal may end nothing: its handler runs before the call begins, or begins anew because the
 * kernel had work of its own for the thread.
 */
void task_signal_until(pthread_t thread, const volatile bool *back)
{
	while (!*back) {
		pthread_kill(thread, SIGUSR1);
		usleep(1000);
	}
}

/**
 * task_is_asleep() - has a thread gone to sleep, as in HVM_RUN of a guest that halts?
 * @tid: the thread, of this process
 */
bool task_is_asleep(pid_t tid)
{
	return task_state(0, tid) == 'S';
}

static bool asleep(void *arg)
{
	const volatile pid_t *tid = arg;

	return *tid && task_is_asleep(*tid);
}

/**
 * task_wait_asleep() - until a thread sleeps
 * @tid: the thread, of this process; 0 as long as there is none
 *
 * Return: as task_wait()
 */
bool task_wait_asleep(const volatile pid_t *tid)
{
	return task_wait(asleep, (void *)tid);
}

struct goal {
	const volatile uint64_t *counter;
	uint64_t value;
};

static bool reached(void *arg)
{
	const struct goal *goal = arg;

	return *goal->counter >= goal->value;
}

/**
 * task_wait_count() - until a counter has come to a value
 * @counter: the counter
 * @value: the value, or beyond
 *
 * Return: as task_wait()
 */
bool task_wait_count(const volatile uint64_t *counter, uint64_t value)
{
	struct goal goal = { counter, value };

	return task_wait(reached, &goal);
}
