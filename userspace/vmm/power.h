/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a machine ends: whoever first says so, from whichever thread, decides the exit status and the
 * line that is printed. It ends nothing itself; the machine's loop hears the bell and does.
 */
#ifndef VMM_POWER_H
#define VMM_POWER_H

#include <pthread.h>
#include <stdbool.h>

#include "vmm/loop.h"

/*
 * Exit statuses of `vm run`, as its manual page lists them. 2N+1 stands for a write of N to the
 * debug-exit port, hence all others but 1 are even.
 */
enum power_status {
	POWER_OFF = 0,		/* the guest switched itself off */
	POWER_ERROR = 1,	/* it could not be started, or the host failed it */
	POWER_USAGE = 2,	/* the command line is wrong */
	POWER_REBOOT = 4,	/* the guest asked for a reset */
	POWER_TRIPLE_FAULT = 6,
	POWER_LEFT = 8,		/* the user left with the escape */
	POWER_STUCK = 10,	/* the guest did what cannot be carried out */
};

/**
 * struct power - the end of a machine
 * @lock: guards what follows
 * @ended: somebody has said so
 * @status: exit status
 * @signal: a signal ended it: die of it in the end, or 0
 * @message: a line for the user, or empty
 * @bell: rings in the machine's loop
 */
struct power {
	pthread_mutex_t lock;
	bool ended;
	int status;
	int signal;
	char message[256];
	struct bell bell;
};

/**
 * power_init() - switch on
 * @power: filled in
 * @loop: the machine's loop
 * @ended: called in the loop's thread when the machine shall end
 *
 * Return: 0 or a negative errno.
 */
int power_init(struct power *power, struct loop *loop, loop_ready_fn *ended);

/**
 * power_deinit() - release what power_init() took
 * @power: after all other threads are gone
 */
void power_deinit(struct power *power);

/**
 * power_end() - end the machine; only the first call counts
 * @power: the machine's
 * @status: exit status
 * @fmt: a line for the user, or NULL
 *
 * Context: any thread.
 */
__attribute__((format(printf, 3, 4)))
void power_end(struct power *power, int status, const char *fmt, ...);

/**
 * power_end_by_signal() - end the machine because a signal asks for it
 * @power: the machine's
 * @signal: its number
 */
void power_end_by_signal(struct power *power, int signal);

/**
 * power_ended() - whether the end was asked for
 * @power: the machine's
 */
bool power_ended(struct power *power);

#endif
