// SPDX-License-Identifier: GPL-2.0-only
/*
 * Let make end with the status of the command that `make run` ran in a guest; on its own, make
 * only knows 2. It is a loadable object of GNU make, used for that one goal, and does nothing but
 * look for the file that tools/lab/run-guest leaves: build/lab/status.PID, PID being make's.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int plugin_is_GPL_compatible;
int make_status_gmk_setup(void);

static void end_with_the_commands_status(int status, void *unused)
{
	char path[64];
	FILE *file;

	(void)unused;
	snprintf(path, sizeof(path), "build/lab/status.%d", (int)getpid());
	file = fopen(path, "r");
	if (!file)
		return;
	if (fscanf(file, "%d", &status) != 1)
		status = 2;
	fclose(file);
	unlink(path);
	fflush(NULL);
	_exit(status);
}

int make_status_gmk_setup(void)
{
	return !on_exit(end_with_the_commands_status, NULL);
}
