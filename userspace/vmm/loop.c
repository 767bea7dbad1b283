// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event loop on epoll, and bells on eventfd. One event is taken at a time, so that a source may
 * remove itself or another without a stale event being delivered.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/loop.h"

int loop_init(struct loop *loop)
{
	*loop = (struct loop){ .fd = epoll_create1(EPOLL_CLOEXEC) };
	return loop->fd < 0 ? -errno : 0;
}

void loop_deinit(struct loop *loop)
{
	close(loop->fd);
}

static int control(struct loop *loop, int op, struct loop_source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(loop->fd, op, source->fd, &event) < 0 ? -errno : 0;
}

int loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, source, events);
}

int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, source, events);
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	control(loop, EPOLL_CTL_DEL, source, 0);
}

int loop_run(struct loop *loop)
{
	while (!loop->stopped) {
		struct epoll_event event;
		int n = epoll_wait(loop->fd, &event, 1, -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			struct loop_source *source = event.data.ptr;

			source->ready(source, event.events);
		}
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

int bell_init(struct bell *bell, struct loop *loop, loop_ready_fn *ready)
{
	int ret;

	bell->source = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.ready = ready,
	};
	if (bell->source.fd < 0)
		return -errno;
	ret = loop_add(loop, &bell->source, EPOLLIN);
	if (ret < 0)
		close(bell->source.fd);
	return ret;
}

void bell_deinit(struct bell *bell)
{
	close(bell->source.fd);
}

void bell_ring(struct bell *bell)
{
	/* Fails only when the count is full, and then the bell is rung already. */
	eventfd_write(bell->source.fd, 1);
}

void bell_clear(struct bell *bell)
{
	eventfd_t count;

	eventfd_read(bell->source.fd, &count);
}
