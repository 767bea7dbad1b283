// SPDX-License-Identifier: GPL-2.0-only
/*
 * The `vm` command: a table of subcommands. It prints what went wrong and chooses the exit
 * status; the work is done in one file a subcommand.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vm/vm.h"

static int run_help(int argc, char *argv[]);

static const struct {
	const char *name;
	const char *words;
	const char *summary;
	int (*run)(int argc, char *argv[]);
} commands[] = {
	{ "run", "--kernel IMAGE [options]", "boot a guest and stay until it ends", vm_run },
	{ "stats", "[--once] [--json] NAME", "show what a running guest does", vm_stats },
	{ "list", "", "show the guests that run", vm_list },
	{ "help", "", "show this", run_help },
};

#define COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *to)
{
	fprintf(to, "usage: vm COMMAND ...\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  vm %s%s%s\n        %s\n", commands[i].name,
			commands[i].words[0] ? " " : "", commands[i].words, commands[i].summary);
}

static int run_help(int argc, char *argv[])
{
	(void)argc;
	(void)argv;
	print_usage(stdout);
	return 0;
}

/* A file that is opened later must not become somebody's standard output. */
static int ensure_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return -1;
	}
	return 0;
}

int main(int argc, char *argv[])
{
	if (ensure_standard_files() < 0)
		return 1;
	/* A reader that goes away is an error of write(), not the end of the guest. */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		print_usage(stderr);
		return 2;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return run_help(argc, argv);
	for (size_t i = 0; i < COMMANDS; i++) {
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 2, argv + 2);
	}
	fprintf(stderr, "vm: unknown command '%s' (vm help lists them)\n", argv[1]);
	return 2;
}
