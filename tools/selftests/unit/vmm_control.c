// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control socket in a directory of the test's own: requests good and bad, byte by byte and in
 * random pieces, clients that crowd each other out; the socket's place and who may have it. A loop
 * and counters of the test stand for the machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ktap.h"
#include "vmm/control.h"

static char directory[32];

/**
 * struct board - a machine that is only its control socket
 * @loop: its loop
 * @thread: which runs that
 * @bell: ends it
 * @config: of the machine
 * @control: the socket
 * @counters: of the guest, and of its processor
 */
struct board {
	struct loop loop;
	pthread_t thread;
	struct bell bell;
	struct config config;
	struct control control;
	uint64_t counters[2][512];
};

static struct board board;

static void stop(struct loop_source *source, uint32_t events)
{
	(void)source;
	(void)events;
	loop_stop(&board.loop);
}

static void *run(void *arg)
{
	return loop_run(arg) ? arg : NULL;
}

static void fill_counters(void)
{
	struct control *c = &board.control;

	c->statistics[0] = (struct hvm_statistic){ .object = HVM_STATISTIC_VM, .name = "zaps" };
	c->statistics[1] = (struct hvm_statistic){ .object = HVM_STATISTIC_VCPU, .offset = 8,
						   .name = "halts" };
	c->count = 2;
	board.counters[0][0] = 7;
	board.counters[1][1] = 18446744073709551615ULL;
	c->vm.page = board.counters[0];
	c->vcpu = calloc(1, sizeof(c->vcpu[0]));
	c->vcpu[0] = (struct control_page){ .id = 3, .page = board.counters[1] };
	c->vcpus = 1;
}

static bool open_board(struct ktap *t, const char *name)
{
	struct failure f = { 0 };

	memset(&board, 0, sizeof(board));
	snprintf(board.config.name, sizeof(board.config.name), "%s", name);
	board.config.cpus = 1;
	board.config.memory = 4096;
	if (loop_init(&board.loop) || bell_init(&board.bell, &board.loop, stop) ||
	    control_init(&board.control, &board.loop, &board.config, true, &f)) {
		KTAP_FAIL(t, "no control socket: %s", f.text);
		return false;
	}
	fill_counters();
	return !pthread_create(&board.thread, NULL, run, &board.loop);
}

static void close_board(void)
{
	bell_ring(&board.bell);
	pthread_join(board.thread, NULL);
	/* These are not mapped from any fd. */
	board.control.vm.page = NULL;
	board.control.vcpus = 0;
	control_deinit(&board.control);
	bell_deinit(&board.bell);
	loop_deinit(&board.loop);
}

static int dial(const char *name)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	control_address(&address, name);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

/* All that comes; static. */
static const char *hear(int fd)
{
	static char text[8192];
	size_t bytes = 0;
	ssize_t got;

	while ((got = recv(fd, text + bytes, sizeof(text) - 1 - bytes, 0)) > 0)
		bytes += (size_t)got;
	text[bytes] = '\0';
	close(fd);
	return text;
}

static const char *ask(const void *request, size_t bytes, size_t piece)
{
	int fd = dial("unit");

	for (size_t at = 0; at < bytes; at += piece) {
		size_t n = bytes - at < piece ? bytes - at : piece;

		if (send(fd, (const char *)request + at, n, MSG_NOSIGNAL) < 0)
			break;
	}
	return hear(fd);
}

static void good_requests(struct ktap *t)
{
	static const char info[] = "GET /v1/info HTTP/1.1\r\nHost: vm\r\n\r\n";
	static const char stats[] = "GET /v1/stats HTTP/1.0\r\n\r\n";

	KTAP_REQUIRE(t, open_board(t, "unit"));
	for (size_t piece = 1; piece < 64; piece += 31) {
		KTAP_TRUE(t, strstr(ask(info, strlen(info), piece),
				    "\r\n\r\n{\"name\":\"unit\",\"pid\":"));
		KTAP_TRUE(t, strstr(ask(stats, strlen(stats), piece),
				    "\"vm\":{\"zaps\":7},\"vcpus\":[{\"id\":3,\"counters\":"
				    "{\"halts\":18446744073709551615}}]}\n"));
	}
	close_board();
}

static const struct {
	const char *request;
	const char *status;
} bad[] = {
	{ "GET /v1/none HTTP/1.1\r\n\r\n", "HTTP/1.1 404 " },
	{ "GET /v1/stats/ HTTP/1.1\r\n\r\n", "HTTP/1.1 404 " },
	{ "POST /v1/stats HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 " },
	{ "CONNECT a:1 HTTP/1.1\r\n\r\n", "HTTP/1.1 404 " },
	{ "hello\r\n\r\n", "HTTP/1.1 400 " },
	{ "GET /v1/stats HTTP/9.9.9\r\n\r\n", "HTTP/1.1 400 " },
	{ "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", "HTTP/1.1 400 " },
	{ "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "HTTP/1.1 400 " },
};

static void bad_requests(struct ktap *t)
{
	char *large = malloc(20000);

	KTAP_REQUIRE(t, open_board(t, "unit"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (strncmp(ask(bad[i].request, strlen(bad[i].request), 7), bad[i].status, 13))
			KTAP_FAIL(t, "'%s' is not answered with %s", bad[i].request,
				  bad[i].status);
	memset(large, 'x', 20000);
	memcpy(large, "GET /", 5);
	KTAP_TRUE(t, strstr(ask(large, 300, 300), "414 "));
	memcpy(large, "GET / HTTP/1.1\r\nA: ", 19);
	KTAP_TRUE(t, strstr(ask(large, 20000, 1000), "431 "));
	memcpy(large, "PUT / HTTP/1.1\r\nContent-Length: 20000\r\n\r\n", 42);
	KTAP_TRUE(t, strstr(ask(large, 20000, 1000), "413 "));
	free(large);
	close_board();
}

static void random_pieces(struct ktap *t)
{
	static const char *const pieces[] = {
		"GET ", "/v1/stats", " HTTP/1.1", "\r\n", "\r\n\r\n", "A: b", "Transfer-Encoding: ",
		"chunked", "Content-Length: ", "5", "ffffffffffffffff", "\xff\xfe", "Upgrade: x",
		"Connection: upgrade", "CONNECT ", "\t",
	};
	uint32_t seed = 1;

	KTAP_REQUIRE(t, open_board(t, "unit"));
	for (int i = 0; i < 2000; i++) {
		char request[512] = "";

		for (int j = 0; j < 16; j++) {
			seed = seed * 1103515245 + 12345;
			strcat(request, pieces[seed >> 16 & 15]);
		}
		int fd = dial("unit");

		send(fd, request, strlen(request), MSG_NOSIGNAL);
		shutdown(fd, SHUT_WR);
		hear(fd);
	}
	KTAP_TRUE(t, strstr(ask("GET /v1/info HTTP/1.1\r\n\r\n", 25, 25), "200 OK"));
	close_board();
}

static void the_oldest_makes_room(struct ktap *t)
{
	int fds[3 * CONTROL_CLIENTS];

	KTAP_REQUIRE(t, open_board(t, "unit"));
	for (size_t i = 0; i < 3 * CONTROL_CLIENTS; i++) {
		fds[i] = dial("unit");
		send(fds[i], "GET /v1/in", 10, MSG_NOSIGNAL);
	}
	KTAP_TRUE(t, strstr(ask("GET /v1/info HTTP/1.1\r\n\r\n", 25, 25), "200 OK"));
	KTAP_STREQ(t, hear(fds[0]), "");
	send(fds[3 * CONTROL_CLIENTS - 1], "fo HTTP/1.1\r\n\r\n", 15, MSG_NOSIGNAL);
	KTAP_TRUE(t, strstr(hear(fds[3 * CONTROL_CLIENTS - 1]), "200 OK"));
	for (size_t i = 1; i < 3 * CONTROL_CLIENTS - 1; i++)
		close(fds[i]);
	close_board();
}

static void one_machine_a_name(struct ktap *t)
{
	static struct control second;
	struct failure f = { 0 };
	struct sockaddr_un address;
	struct stat stat;

	KTAP_REQUIRE(t, open_board(t, "unit"));
	KTAP_EQ(t, control_init(&second, &board.loop, &board.config, false, &f), -1);
	KTAP_TRUE(t, strstr(f.text, "runs already"));
	control_address(&address, "unit");
	KTAP_OK(t, lstat(address.sun_path, &stat));
	KTAP_EQ(t, stat.st_mode & 07777, 0600);
	close_board();
	KTAP_ERRNO(t, lstat(address.sun_path, &stat), ENOENT);

	/* A socket that nobody listens at is in nobody's way. */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	KTAP_OK(t, bind(fd, (struct sockaddr *)&address, sizeof(address)));
	close(fd);
	KTAP_REQUIRE(t, open_board(t, "unit"));
	close_board();
}

static void a_directory_for_others(struct ktap *t)
{
	static struct control second;
	struct failure f = { 0 };
	char path[sizeof(directory) + 4];

	snprintf(path, sizeof(path), "%s/vm", directory);
	KTAP_OK(t, chmod(path, 0755));
	loop_init(&board.loop);
	KTAP_EQ(t, control_init(&second, &board.loop, &board.config, true, &f), -1);
	KTAP_TRUE(t, strstr(f.text, "mode 0700"));
	/* Nobody chose the name: the machine does without a socket. */
	KTAP_EQ(t, control_init(&second, &board.loop, &board.config, false, &f), 0);
	control_deinit(&second);
	loop_deinit(&board.loop);
	KTAP_OK(t, chmod(path, 0700));
}

static const struct ktap_case cases[] = {
	{ "good_requests_in_pieces_of_any_size", good_requests },
	{ "bad_requests_get_their_status", bad_requests },
	{ "random_requests_do_no_harm", random_pieces },
	{ "the_oldest_client_makes_room", the_oldest_makes_room },
	{ "one_machine_a_name_and_nothing_left_behind", one_machine_a_name },
	{ "a_directory_that_others_may_use_is_refused", a_directory_for_others },
};

int main(int argc, char **argv)
{
	char path[sizeof(directory) + 4];
	int ret;

	snprintf(directory, sizeof(directory), "/tmp/hvm-unit-control-XXXXXX");
	if (!mkdtemp(directory) || setenv("XDG_RUNTIME_DIR", directory, 1))
		return 1;
	ret = KTAP_MAIN(argc, argv, cases);
	snprintf(path, sizeof(path), "%s/vm", directory);
	rmdir(path);
	rmdir(directory);
	return ret;
}
