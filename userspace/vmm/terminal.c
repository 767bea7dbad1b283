// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode of the user's terminal. What it was is kept in a static variable, the only global
 * state of the program: a handler of fatal signals must find it.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "vmm/terminal.h"

static struct termios before;
static volatile sig_atomic_t is_raw;

bool terminal_is(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

struct terminal_size terminal_get_size(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return (struct terminal_size){ 0 };
	return (struct terminal_size){ size.ws_row, size.ws_col };
}

/* A bug of ours must not leave the user with a terminal that echoes nothing. */
static void restore_and_die(int signal)
{
	terminal_restore();
	/* SA_RESETHAND has put the default action back. */
	raise(signal);
}

static void watch_fatal_signals(void)
{
	static const int fatal[] = {
		SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS,
		SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2,
	};
	struct sigaction action = { .sa_handler = restore_and_die, .sa_flags = SA_RESETHAND };

	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &action, NULL);
}

int terminal_raw(void)
{
	struct termios raw;

	if (!is_raw) {
		if (tcgetattr(STDIN_FILENO, &before) < 0)
			return -errno;
		watch_fatal_signals();
	}
	raw = before;
	cfmakeraw(&raw);
	is_raw = 1;
	return tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0 ? -errno : 0;
}

void terminal_restore(void)
{
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	is_raw = 0;
}
