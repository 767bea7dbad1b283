// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control socket's conversation: one request a connection, parsed by http-parser, answered
 * with JSON. Answers hold names and numbers only, none of which JSON has to quote, so they are
 * printed as they are. Not here: the socket's place in the file system (socket.c).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "container_of.h"
#include "libhvm.h"
#include "vmm/control.h"
#include "vmm/socket.h"

/* What a counter takes in an answer, its name and all; and what stands around them. */
#define COUNTER_BYTES	56
#define FRAME_BYTES	256

/**
 * struct text - an answer that is being written
 * @data: its bytes
 * @size: room
 * @used: of that
 */
struct text {
	char *data;
	size_t size;
	size_t used;
};

__attribute__((format(printf, 2, 3)))
static void print(struct text *text, const char *fmt, ...)
{
	size_t room = text->size - text->used;
	va_list args;
	int bytes;

	va_start(args, fmt);
	bytes = vsnprintf(text->data + text->used, room, fmt, args);
	va_end(args);
	if (bytes > 0)
		text->used += (size_t)bytes < room ? (size_t)bytes : room - 1;
}

/* --- answers -------------------------------------------------------------------- */

static void print_page(struct text *text, const struct control *c, unsigned int object,
		       const struct control_page *page)
{
	const char *comma = "";

	for (uint32_t i = 0; i < c->count; i++) {
		const struct hvm_statistic *s = &c->statistics[i];
		uint64_t value;

		if (s->object != object)
			continue;
		value = __atomic_load_n(&page->page[s->offset / 8], __ATOMIC_RELAXED);
		print(text, "%s\"%s\":%" PRIu64, comma, s->name, value);
		comma = ",";
	}
}

static void print_stats(struct text *text, const struct control *c)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	print(text, "{\"name\":\"%s\",\"time_ns\":%" PRIu64 ",\"vm\":{", c->config->name,
	      (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec);
	print_page(text, c, HVM_STATISTIC_VM, &c->vm);
	print(text, "},\"vcpus\":[");
	for (uint32_t i = 0; i < c->vcpus; i++) {
		print(text, "%s{\"id\":%" PRIu32 ",\"counters\":{", i ? "," : "", c->vcpu[i].id);
		print_page(text, c, HVM_STATISTIC_VCPU, &c->vcpu[i]);
		print(text, "}}");
	}
	print(text, "]}\n");
}

static void print_info(struct text *text, const struct control *c)
{
	print(text, "{\"name\":\"%s\",\"pid\":%d,\"cpus\":%" PRIu32 ",\"memory\":%" PRIu64 "}\n",
	      c->config->name, (int)getpid(), c->config->cpus, c->config->memory);
}

static const char *phrase(int status)
{
	switch (status) {
	case 200: return "OK";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 431: return "Request Header Fields Too Large";
	case 503: return "Service Unavailable";
	default: return "Bad Request";
	}
}

/* The head in front of a body. The client sends it when it can. */
static void answer(struct control_client *client, int status, const struct text *body)
{
	struct text out = { .size = body->used + FRAME_BYTES };

	out.data = malloc(out.size);
	if (!out.data)
		return;
	print(&out, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
	      "%sConnection: close\r\n\r\n", status, phrase(status), body->used,
	      status == 405 ? "Allow: GET\r\n" : "");
	memcpy(out.data + out.used, body->data, body->used);
	client->answer = out.data;
	client->bytes = out.used + body->used;
}

static void answer_error(struct control_client *client, int status)
{
	char data[FRAME_BYTES];
	struct text body = { .data = data, .size = sizeof(data) };

	print(&body, "{\"error\":\"%s\"}\n", phrase(status));
	answer(client, status, &body);
}

static const struct {
	const char *path;
	void (*print)(struct text *text, const struct control *c);
} pages[] = {
	{ "/v1/info", print_info },
	{ "/v1/stats", print_stats },
};

static void answer_request(struct control_client *client)
{
	const struct control *c = client->control;
	struct text body = { .size = (c->vcpus + 1) * (c->count * COUNTER_BYTES + FRAME_BYTES) };
	size_t i;

	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (!strcmp(client->url, pages[i].path))
			break;
	if (i == sizeof(pages) / sizeof(pages[0])) {
		answer_error(client, 404);
		return;
	}
	if (client->parser.method != HTTP_GET) {
		answer_error(client, 405);
		return;
	}
	body.data = malloc(body.size);
	if (!body.data) {
		answer_error(client, 503);
		return;
	}
	pages[i].print(&body, c);
	answer(client, 200, &body);
	free(body.data);
}

/* --- requests ------------------------------------------------------------------- */

static int take_url(http_parser *parser, const char *at, size_t length)
{
	struct control_client *client = parser->data;

	if (length >= sizeof(client->url) - client->url_bytes) {
		client->url_bytes = sizeof(client->url);
		return 1;
	}
	memcpy(client->url + client->url_bytes, at, length);
	client->url_bytes += length;
	return 0;
}

static int take_body(http_parser *parser, const char *at, size_t length)
{
	struct control_client *client = parser->data;

	(void)at;
	client->body_bytes += length;
	return client->body_bytes > CONTROL_BODY_BYTES;
}

static int take_end(http_parser *parser)
{
	struct control_client *client = parser->data;

	client->complete = true;
	/* What comes behind the request is nobody's. */
	http_parser_pause(parser, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_url = take_url,
	.on_body = take_body,
	.on_message_complete = take_end,
};

static int error_status(const struct control_client *client)
{
	if (client->url_bytes == sizeof(client->url))
		return 414;
	if (client->body_bytes > CONTROL_BODY_BYTES)
		return 413;
	return HTTP_PARSER_ERRNO(&client->parser) == HPE_HEADER_OVERFLOW ? 431 : 400;
}

static void take(struct control_client *client, const char *data, size_t bytes)
{
	http_parser_execute(&client->parser, &settings, data, bytes);
	if (client->complete)
		answer_request(client);
	else if (HTTP_PARSER_ERRNO(&client->parser) != HPE_OK)
		answer_error(client, error_status(client));
}

/* --- connections ---------------------------------------------------------------- */

static void hang_up(struct control_client *client)
{
	loop_remove(client->control->loop, &client->source);
	close(client->source.fd);
	free(client->answer);
	client->answer = NULL;
	client->source.fd = -1;
}

/* Send what the socket takes; the rest when it takes more. */
static void send_answer(struct control_client *client)
{
	ssize_t sent = write(client->source.fd, client->answer + client->sent,
			     client->bytes - client->sent);

	if (sent > 0)
		client->sent += (size_t)sent;
	if ((sent < 0 && errno != EAGAIN && errno != EINTR) || client->sent == client->bytes)
		hang_up(client);
	else
		loop_modify(client->control->loop, &client->source, EPOLLOUT);
}

static void client_event(struct loop_source *source, uint32_t events)
{
	struct control_client *client = container_of(source, struct control_client, source);
	char data[1024];
	ssize_t got;

	(void)events;
	if (client->answer) {
		send_answer(client);
		return;
	}
	got = read(source->fd, data, sizeof(data));
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		hang_up(client);
		return;
	}
	take(client, data, (size_t)got);
	if (client->answer)
		send_answer(client);
	else if (client->complete || HTTP_PARSER_ERRNO(&client->parser) != HPE_OK)
		hang_up(client);
}

/* A free place, or that of the client which has been here longest. */
static struct control_client *make_room(struct control *c)
{
	struct control_client *oldest = &c->client[0];

	for (unsigned int i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &c->client[i];

		if (client->source.fd < 0)
			return client;
		if (client->age < oldest->age)
			oldest = client;
	}
	hang_up(oldest);
	return oldest;
}

static void listener_event(struct loop_source *source, uint32_t events)
{
	struct control *c = container_of(source, struct control, listener);
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct control_client *client;

	(void)events;
	if (fd < 0)
		return;
	client = make_room(c);
	*client = (struct control_client){
		.source = { .fd = fd, .ready = client_event },
		.control = c,
		.age = c->ages++,
	};
	http_parser_init(&client->parser, HTTP_REQUEST);
	client->parser.data = client;
	if (loop_add(c->loop, &client->source, EPOLLIN) < 0)
		hang_up(client);
}

/* --- life ------------------------------------------------------------------------- */

static int fail_listen(const struct sockaddr_un *address, int error, struct failure *f)
{
	if (error == -EADDRINUSE)
		return fail(f, "a guest of this name runs already (%s): choose another --name",
			    address->sun_path);
	return fail(f, "the control socket %s cannot be made (%s)", address->sun_path,
		    error == -EPERM ? "its directory must be yours, mode 0700" : strerror(-error));
}

int control_init(struct control *c, struct loop *loop, const struct config *config, bool required,
		 struct failure *f)
{
	struct sockaddr_un address;
	int fd = control_address(&address, config->name);

	*c = (struct control){ .loop = loop, .listener.fd = -1, .config = config };
	for (unsigned int i = 0; i < CONTROL_CLIENTS; i++)
		c->client[i].source.fd = -1;
	http_parser_set_max_header_size(CONTROL_HEADER_BYTES);
	if (!fd)
		fd = socket_listen(&address);
	if (fd < 0)
		return required || fd == -EADDRINUSE ? fail_listen(&address, fd, f) : 0;
	c->listener = (struct loop_source){ .fd = fd, .ready = listener_event };
	c->path = socket_keep_path(&address);
	if (c->path && !loop_add(loop, &c->listener, EPOLLIN))
		return 0;
	unlink(address.sun_path);
	control_deinit(c);
	return fail(f, "the control socket cannot be watched");
}

static int map_page(struct control_page *page, int fd, uint32_t id)
{
	const void *at;
	int ret = hvm_statistic_map(fd, &at);

	if (!ret)
		*page = (struct control_page){ .id = id, .page = at };
	return ret;
}

int control_attach(struct control *c, int device, int vm, uint32_t vcpus)
{
	uint32_t count = CONTROL_STATISTICS;
	int ret = hvm_statistic_list(device, c->statistics, &count);

	if (ret < 0)
		return ret;
	c->count = count < CONTROL_STATISTICS ? count : CONTROL_STATISTICS;
	c->vcpu = calloc(vcpus, sizeof(c->vcpu[0]));
	return c->vcpu ? map_page(&c->vm, vm, 0) : -ENOMEM;
}

int control_attach_vcpu(struct control *c, int fd, uint32_t id)
{
	int ret = map_page(&c->vcpu[c->vcpus], fd, id);

	if (!ret)
		c->vcpus++;
	return ret;
}

static void unmap_page(struct control_page *page)
{
	if (page->page)
		munmap((void *)page->page, 4096);
	page->page = NULL;
}

void control_deinit(struct control *c)
{
	for (unsigned int i = 0; i < CONTROL_CLIENTS; i++)
		if (c->client[i].source.fd >= 0)
			hang_up(&c->client[i]);
	if (c->path) {
		unlink(c->path);
		munmap(c->path, 4096);
	}
	if (c->listener.fd >= 0)
		close(c->listener.fd);
	while (c->vcpus)
		unmap_page(&c->vcpu[--c->vcpus]);
	unmap_page(&c->vm);
	free(c->vcpu);
}
