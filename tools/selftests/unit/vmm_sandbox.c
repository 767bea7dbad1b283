// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sandbox from inside, in child processes: what is not on its list ends the process by SIGSYS,
 * after the handler that was there before, and nothing can be done about that any more.
 */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktap.h"
#include "vmm/sandbox.h"

#define ENTERED	7	/* exit status: the sandbox holds, and the deed was allowed */

static const char removable[] = "/tmp/hvm-unit-sandbox";
static volatile int *called;	/* shared with the children */

static void note_and_die(int signal)
{
	*called = 1;
	raise(signal);
}

static void open_socket(void)
{
	syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static void foreign_request(void)
{
	syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x");
}

static void take_sigsys(void)
{
	struct sigaction action = { .sa_handler = SIG_IGN };

	syscall(SYS_rt_sigaction, SIGSYS, &action, NULL, 8);
}

/* A blocked SIGSYS is delivered all the same. */
static void block_and_open(void)
{
	uint64_t all = ~0ULL;

	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, 8);
	open_socket();
}

static void remove_the_file(void)
{
	syscall(SYS_unlink, removable);
}

static void remove_another(void)
{
	char path[sizeof(removable)];

	memcpy(path, removable, sizeof(path));
	syscall(SYS_unlink, path);
}

static void signal_parent(void)
{
	syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static void send_nothing(void)
{
	syscall(SYS_sendto, -1, NULL, 0, 0, NULL, 0);
}

static void write_nothing(void)
{
	syscall(SYS_write, STDOUT_FILENO, "", 0);
}

/* How a child ends that does it in the sandbox, as wait() tells; -1: it could not be made. */
static int deed_with(void (*act)(void), bool handler, bool debugger)
{
	struct sigaction action = { .sa_handler = note_and_die, .sa_flags = SA_RESETHAND };
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (handler)
			sigaction(SIGSYS, &action, NULL);
		if (sandbox_enter(removable, debugger))
			_exit(1);
		act();
		/* _exit() of a sanitized program does more than that. */
		syscall(SYS_exit_group, ENTERED);
	}
	waitpid(pid, &status, 0);
	return status;
}

static int deed(void (*act)(void), bool handler)
{
	return deed_with(act, handler, false);
}

static bool died(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static void what_is_listed_is_allowed(struct ktap *t)
{
	int status = deed(write_nothing, false);

	KTAP_TRUE(t, WIFEXITED(status));
	KTAP_EQ(t, WEXITSTATUS(status), ENTERED);
}

static void everything_else_is_deadly(struct ktap *t)
{
	KTAP_TRUE(t, died(deed(open_socket, false)));
	KTAP_TRUE(t, died(deed(foreign_request, false)));
	KTAP_TRUE(t, died(deed(signal_parent, false)));
}

/* A debugger is answered only where there is a socket for it, and sockets are made nowhere. */
static void sockets_only_for_a_debugger(struct ktap *t)
{
	KTAP_TRUE(t, died(deed(send_nothing, false)));
	KTAP_TRUE(t, WIFEXITED(deed_with(send_nothing, false, true)));
	KTAP_TRUE(t, died(deed_with(open_socket, false, true)));
}

static void deadly_behind_a_handler(struct ktap *t)
{
	called = mmap(NULL, sizeof(*called), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	KTAP_REQUIRE(t, called != MAP_FAILED);
	KTAP_TRUE(t, died(deed(open_socket, true)));
	KTAP_EQ(t, *called, 1);
	munmap((void *)called, sizeof(*called));
}

static void one_file_may_be_removed(struct ktap *t)
{
	int status = deed(remove_the_file, false);

	KTAP_TRUE(t, WIFEXITED(status) && WEXITSTATUS(status) == ENTERED);
	KTAP_TRUE(t, died(deed(remove_another, false)));
}

static void sigsys_stays_what_it_was(struct ktap *t)
{
	KTAP_TRUE(t, died(deed(take_sigsys, false)));
	KTAP_TRUE(t, died(deed(block_and_open, false)));
}

static const struct ktap_case cases[] = {
	{ "what_is_listed_is_allowed", what_is_listed_is_allowed },
	{ "everything_else_is_deadly", everything_else_is_deadly },
	{ "sockets_only_for_a_debugger", sockets_only_for_a_debugger },
	{ "deadly_behind_a_handler", deadly_behind_a_handler },
	{ "one_file_may_be_removed_told_by_its_address", one_file_may_be_removed },
	{ "sigsys_stays_what_it_was", sigsys_stays_what_it_was },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
