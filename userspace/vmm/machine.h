/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The board: which devices there are, where they answer, how they are connected; and the life of
 * one machine from configuration to exit status. The one owner of addresses and interrupt
 * numbers.
 */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include <stdbool.h>

#include "vmm/config.h"
#include "vmm/failure.h"

/**
 * struct machine_end - how a machine ended
 * @status: exit status (enum power_status, or 2N+1)
 * @signal: die of this signal instead, or 0
 * @in_line: the terminal shows a line of the guest that has no end yet
 * @message: a line for the user, or empty
 */
struct machine_end {
	int status;
	int signal;
	bool in_line;
	char message[256];
};

/**
 * machine_run() - put a machine together, run it, take it apart
 * @config: what is asked for; a name is filled in when it has none
 * @end: how it ended
 * @f: filled in when it could not be started
 *
 * Blocks the signals it handles and names the calling thread. Return: 0, or -1 with @f.
 */
int machine_run(struct config *config, struct machine_end *end, struct failure *f);

#endif
