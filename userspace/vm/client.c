// SPDX-License-Identifier: GPL-2.0-only
/*
 * The other end of the control socket: one request, one answer, each within seconds. What a machine
 * answers is not trusted: its size is bounded, and it has to be HTTP and JSON.
 */
#include <dirent.h>
#include <errno.h>
#include <http_parser.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "vm/client.h"
#include "vmm/control.h"

#define ANSWER_MAX	(16UL << 20)
#define SECONDS		5

/**
 * struct answer - what came
 * @data: the body
 * @bytes: length of it
 * @complete: all of it is there
 */
struct answer {
	char *data;
	size_t bytes;
	bool complete;
};

static int take_body(http_parser *parser, const char *at, size_t length)
{
	struct answer *answer = parser->data;
	char *data;

	if (answer->bytes + length > ANSWER_MAX)
		return 1;
	data = realloc(answer->data, answer->bytes + length + 1);
	if (!data)
		return 1;
	memcpy(data + answer->bytes, at, length);
	answer->data = data;
	answer->bytes += length;
	answer->data[answer->bytes] = '\0';
	return 0;
}

static int take_end(http_parser *parser)
{
	struct answer *answer = parser->data;

	answer->complete = true;
	return 0;
}

static int receive(int fd, struct answer *answer)
{
	static const http_parser_settings settings = {
		.on_body = take_body,
		.on_message_complete = take_end,
	};
	http_parser parser;
	char data[16384];

	http_parser_init(&parser, HTTP_RESPONSE);
	parser.data = answer;
	while (!answer->complete) {
		ssize_t got = recv(fd, data, sizeof(data), 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		http_parser_execute(&parser, &settings, data, (size_t)got);
		if (!got || HTTP_PARSER_ERRNO(&parser) != HPE_OK)
			break;
	}
	return answer->complete && parser.status_code == 200 ? 0 : -EPROTO;
}

static int open_socket(const char *name)
{
	const struct timeval patience = { .tv_sec = SECONDS };
	struct sockaddr_un address;
	int ret = control_address(&address, name);
	int fd;

	if (ret < 0)
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static int exchange(int fd, const char *path, struct answer *answer)
{
	char request[128];
	int bytes = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: vm\r\n\r\n", path);

	if (send(fd, request, (size_t)bytes, MSG_NOSIGNAL) != bytes)
		return -errno;
	return receive(fd, answer);
}

/* --- failures --------------------------------------------------------------------- */

struct list {
	char text[256];
	size_t used;
};

static void add_name(const char *name, void *arg)
{
	struct list *list = arg;
	int fd = open_socket(name);
	int bytes;

	if (fd < 0)
		return;
	close(fd);
	bytes = snprintf(list->text + list->used, sizeof(list->text) - list->used, " %s", name);
	if (bytes > 0 && list->used + (size_t)bytes < sizeof(list->text))
		list->used += (size_t)bytes;
	list->text[list->used] = '\0';
}

static void explain(const char *name, int error, struct failure *f)
{
	struct list list = { .used = 0 };

	if (error == -EACCES || error == -EPERM) {
		fail(f, "guest '%s' belongs to another user: ask as that user, or as root with"
		     " its XDG_RUNTIME_DIR", name);
	} else if (error == -ENOENT || error == -ECONNREFUSED || error == -ENAMETOOLONG) {
		client_names(add_name, &list);
		if (list.used)
			fail(f, "no guest '%s' runs here; there are:%s", name, list.text);
		else
			fail(f, "no guest '%s' runs here, nor any other", name);
	} else {
		fail(f, "guest '%s' does not answer (%s)", name, strerror(-error));
	}
}

static int ask(const char *name, const char *path, struct answer *answer)
{
	int fd = strchr(name, '/') ? -ENOENT : open_socket(name);
	int ret;

	if (fd < 0)
		return fd;
	ret = exchange(fd, path, answer);
	close(fd);
	return ret;
}

/* Is it what a guest that is ending does to those who wait in its queue? */
static bool was_shut(int error)
{
	return error == -ECONNRESET || error == -EPIPE;
}

struct json_object *client_get(const char *name, const char *path, struct failure *f)
{
	struct answer answer = { .bytes = 0 };
	struct json_object *object = NULL;
	int ret = ask(name, path, &answer);

	if (was_shut(ret) && !answer.data)
		ret = ask(name, path, &answer);
	if (ret >= 0)
		object = answer.data ? json_tokener_parse(answer.data) : NULL;
	if (ret >= 0 && !object)
		ret = -EPROTO;
	if (ret < 0)
		explain(name, ret, f);
	free(answer.data);
	return object;
}

void client_names(void (*each)(const char *name, void *arg), void *arg)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct dirent *entry;
	DIR *directory;

	if (control_directory(path, sizeof(path)) < 0)
		return;
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		size_t length = strlen(entry->d_name);

		if (length <= 5 || strcmp(entry->d_name + length - 5, ".sock"))
			continue;
		entry->d_name[length - 5] = '\0';
		each(entry->d_name, arg);
	}
	if (directory)
		closedir(directory);
}
