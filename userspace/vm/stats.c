// SPDX-License-Identifier: GPL-2.0-only
/*
 * `vm stats`: what a running guest does, live on a terminal or once, as a table or as JSON; and
 * `vm list`: which guests run.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "vm/client.h"
#include "vm/table.h"
#include "vm/vm.h"

static const char help[] =
	"usage: vm stats [--once] [--json] NAME\n"
	"\n"
	"Shows what guest NAME does: each counter's rate and total over all processors, and the\n"
	"rate of each processor. On a terminal every second, until q; the busiest come first.\n"
	"\n"
	"  --once  print it once and end: totals, no rates\n"
	"  --json  print the answer of the guest, a line each second (with --once: one)\n"
	"\n"
	"vm list shows the guests that run.\n";

/**
 * struct options - what was asked for
 * @name: the guest
 * @once: print once
 * @json: no table
 */
struct options {
	const char *name;
	bool once;
	bool json;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

static int report(const struct failure *f)
{
	fprintf(stderr, "vm: %s\n", f->text);
	return f->usage ? 2 : 1;
}

/* --- one picture ---------------------------------------------------------------------- */

static void get_size(unsigned int *lines, unsigned int *columns)
{
	struct winsize size;

	*lines = 0;
	*columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return;
	*lines = size.ws_row;
	*columns = size.ws_col;
}

static int show(const struct options *o, struct json_object *before, struct json_object *now,
		bool live, struct failure *f)
{
	unsigned int lines, columns;
	int ret;

	if (o->json) {
		printf("%s\n", json_object_to_json_string_ext(now, JSON_C_TO_STRING_PLAIN));
		fflush(stdout);
		return 0;
	}
	get_size(&lines, &columns);
	if (live)
		printf("\033[H\033[J%s  (q leaves)\n", o->name);
	ret = table_print(stdout, before, now, live && lines > 1 ? lines - 1 : 0, columns);
	fflush(stdout);
	return ret < 0 ? fail(f, "guest '%s' answers what this program does not know", o->name) : 0;
}

/* Wait a second. False: the user wants no more. */
static bool wait_for_next(bool live)
{
	struct pollfd input = { .fd = live ? STDIN_FILENO : -1, .events = POLLIN };
	char key;

	if (poll(&input, 1, 1000) > 0)
		return read(STDIN_FILENO, &key, 1) == 1 && key != 'q';
	return !interrupted;
}

static int watch(const struct options *o, bool live, struct failure *f)
{
	struct json_object *before = NULL, *now;
	int ret;

	for (;;) {
		now = client_get(o->name, "/v1/stats", f);
		ret = now ? show(o, before, now, live, f) : -1;
		json_object_put(before);
		before = now;
		if (ret < 0 || o->once || !wait_for_next(live) || ferror(stdout))
			break;
	}
	json_object_put(before);
	return ret;
}

/* --- the terminal ------------------------------------------------------------------------ */

static int watch_live(const struct options *o, struct failure *f)
{
	struct termios saved, raw;
	int ret;

	tcgetattr(STDIN_FILENO, &saved);
	raw = saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	printf("\033[?1049h\033[?25l");
	ret = watch(o, true, f);
	printf("\033[?25h\033[?1049l");
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
	return ret;
}

static void catch_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

/* --- arguments ----------------------------------------------------------------------------- */

static int take_word(struct options *o, const char *word, struct failure *f)
{
	if (word[0] != '-' && o->name)
		return fail_usage(f, "stats: one NAME, not '%s' as well", word);
	if (word[0] != '-')
		o->name = word;
	else if (!strcmp(word, "--once"))
		o->once = true;
	else if (!strcmp(word, "--json"))
		o->json = true;
	else
		return fail_usage(f, "stats: unknown option %s (vm stats --help)", word);
	return 0;
}

static int parse(struct options *o, int argc, char *argv[], struct failure *f)
{
	for (int i = 0; i < argc; i++)
		if (take_word(o, argv[i], f) < 0)
			return -1;
	return o->name ? 0 : fail_usage(f, "stats: whose? (vm list shows the guests that run)");
}

int vm_stats(int argc, char *argv[])
{
	struct options options = { .name = NULL };
	struct failure f = { 0 };
	bool live;

	if (argc && (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"))) {
		fputs(help, stdout);
		return 0;
	}
	if (parse(&options, argc, argv, &f) < 0)
		return report(&f);
	catch_signals();
	live = !options.once && !options.json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	if ((live ? watch_live(&options, &f) : watch(&options, false, &f)) < 0)
		return report(&f);
	return interrupted ? 128 + interrupted : 0;
}

/* --- the guests that run ------------------------------------------------------------------- */

static uint64_t number(struct json_object *info, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(info, name, &value) ? json_object_get_uint64(value) : 0;
}

static void list_one(const char *name, void *arg)
{
	struct failure f = { 0 };
	struct json_object *info = client_get(name, "/v1/info", &f);

	(void)arg;
	/* A socket that a machine left behind. */
	if (!info)
		return;
	printf("%-32s %8" PRIu64 " %5" PRIu64 " %8" PRIu64 "M\n", name, number(info, "pid"),
	       number(info, "cpus"), number(info, "memory") >> 20);
	json_object_put(info);
}

int vm_list(int argc, char *argv[])
{
	if (argc) {
		fprintf(stderr, "vm: list takes no arguments, not '%s'\n", argv[0]);
		return 2;
	}
	printf("%-32s %8s %5s %9s\n", "NAME", "PID", "CPUS", "MEMORY");
	client_names(list_one, NULL);
	return 0;
}
