/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test's own threads: which processors they may use, moving them, and waiting for what another
 * thread or a guest does. A test never uses a processor that it was not started on: the host may
 * have a reason to keep guests off it.
 */
#ifndef SELFTESTS_LIB_TASK_H
#define SELFTESTS_LIB_TASK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TASK_CPUS	64

unsigned int task_cpus(int cpus[TASK_CPUS]);
bool task_pin(pid_t tid, int cpu);
bool task_release(pid_t tid);
bool task_set_online(int cpu, bool online);
char task_state(pid_t pid, pid_t tid);
uint64_t task_now_ms(void);
void task_signal_until(pthread_t thread, const volatile bool *back);
bool task_wait(bool (*done)(void *arg), void *arg);
bool task_is_asleep(pid_t tid);
bool task_wait_asleep(const volatile pid_t *tid);
bool task_wait_count(const volatile uint64_t *counter, uint64_t value);

#endif /* SELFTESTS_LIB_TASK_H */
