// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves bytes between the serial port and standard input and output. The vCPUs' threads only
 * touch the ring; every read and write happens in the loop's thread.
 *
 * Locks: the serial port's lock is taken outside the ring's. The loop's thread calls the serial
 * port without holding the ring's lock.
 */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "container_of.h"
#include "vmm/console.h"
#include "vmm/terminal.h"

#define ESCAPE		0x01	/* Ctrl-a */
#define ESCAPE_LEAVE	'x'
/* A terminal that is ready takes this much without blocking. */
#define WRITE_PIECE	256
/* Written before the loop looks at anything else. */
#define WRITE_PIECES	(CONSOLE_OUT / WRITE_PIECE)

/* --- from the guest ------------------------------------------------------ */

static bool wire_put(struct serial_wire *wire, uint8_t byte)
{
	struct console *c = container_of(wire, struct console, wire);
	bool first, room;

	pthread_mutex_lock(&c->lock);
	first = !c->out_count;
	if (c->out_count < CONSOLE_OUT)
		c->out[(c->out_first + c->out_count++) % CONSOLE_OUT] = byte;
	room = CONSOLE_OUT - c->out_count >= SERIAL_FIFO;
	c->blocked = !room;
	pthread_mutex_unlock(&c->lock);
	if (first)
		bell_ring(&c->bell);
	return room;
}

static void wire_drained(struct serial_wire *wire)
{
	struct console *c = container_of(wire, struct console, wire);

	bell_ring(&c->bell);
}

/* The oldest bytes that lie in one piece. */
static size_t peek(struct console *c, const uint8_t **bytes)
{
	size_t n;

	pthread_mutex_lock(&c->lock);
	n = c->out_count;
	*bytes = c->out + c->out_first;
	if (n > CONSOLE_OUT - c->out_first)
		n = CONSOLE_OUT - c->out_first;
	pthread_mutex_unlock(&c->lock);
	return n < WRITE_PIECE ? n : WRITE_PIECE;
}

static void consume(struct console *c, size_t n)
{
	bool unblock;

	pthread_mutex_lock(&c->lock);
	c->out_first = (c->out_first + n) % CONSOLE_OUT;
	c->out_count -= n;
	unblock = c->blocked && c->out_count <= CONSOLE_OUT / 2;
	if (unblock)
		c->blocked = false;
	pthread_mutex_unlock(&c->lock);
	if (unblock)
		serial_wire_ready(c->serial);
}

static bool output_ready(void)
{
	struct pollfd fd = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&fd, 1, 0) > 0;
}

/* Write one piece. False: nothing is left, or standard output takes nothing now. */
static bool write_piece(struct console *c)
{
	const uint8_t *bytes;
	size_t n = peek(c, &bytes);
	ssize_t done;

	if (!n)
		return false;
	if (c->out_gone) {
		consume(c, n);
		return true;
	}
	if (c->out_polled && !output_ready())
		return false;
	done = write(STDOUT_FILENO, bytes, n);
	if (done < 0 && errno == EINTR)
		return true;
	if (done < 0 && errno == EAGAIN)
		return false;
	/* A reader that has gone away is no reason to end the guest. */
	if (done < 0) {
		c->out_gone = true;
	} else if (done > 0) {
		c->last = bytes[done - 1];
		consume(c, (size_t)done);
	}
	return true;
}

static void watch_output(struct console *c, bool watch)
{
	if (!c->out_polled || c->out_watched == watch)
		return;
	c->out_watched = watch;
	loop_modify(c->loop, &c->output, watch ? EPOLLOUT : 0);
}

/* A guest that never pauses must not keep the loop from signals, input and the machine's end. */
static void pump_output(struct console *c)
{
	const uint8_t *bytes;
	bool waiting;

	for (int i = 0; i < WRITE_PIECES && write_piece(c); i++)
		;
	waiting = peek(c, &bytes) > 0;
	watch_output(c, waiting);
	if (waiting && !c->out_polled)
		bell_ring(&c->bell);
}

static void output_event(struct loop_source *source, uint32_t events)
{
	struct console *c = container_of(source, struct console, output);

	if (events & (EPOLLERR | EPOLLHUP)) {
		c->out_gone = true;
		loop_remove(c->loop, source);
		c->out_polled = false;
	}
	pump_output(c);
}

/* --- from the user ------------------------------------------------------- */

static void queue_input(struct console *c, uint8_t byte)
{
	/* Only a terminal is read beyond what there is room for: its escape must be seen. */
	if (c->in_count < CONSOLE_IN)
		c->in[(c->in_first + c->in_count++) % CONSOLE_IN] = byte;
}

static void take_byte(struct console *c, uint8_t byte)
{
	if (c->escaped) {
		c->escaped = false;
		if (byte == ESCAPE_LEAVE)
			power_end(c->power, POWER_LEFT, NULL);
		else if (byte == ESCAPE)
			queue_input(c, byte);
		return;
	}
	if (c->terminal && byte == ESCAPE)
		c->escaped = true;
	else
		queue_input(c, byte);
}

static void watch_input(struct console *c)
{
	bool watch = c->in_open && (c->terminal || c->in_count < CONSOLE_IN);

	if (!c->in_polled || watch == c->in_watched)
		return;
	c->in_watched = watch;
	if (watch)
		loop_add(c->loop, &c->input, EPOLLIN);
	else
		loop_remove(c->loop, &c->input);
}

/* Hand the serial port what it takes; it rings when it takes more. */
static void feed(struct console *c)
{
	while (c->in_count) {
		size_t n = CONSOLE_IN - c->in_first;
		size_t taken;

		if (n > c->in_count)
			n = c->in_count;
		taken = serial_receive(c->serial, c->in + c->in_first, n);
		c->in_first = (c->in_first + taken) % CONSOLE_IN;
		c->in_count -= taken;
		if (taken < n)
			break;
	}
}

static void read_input(struct console *c)
{
	size_t room = c->terminal ? CONSOLE_IN : CONSOLE_IN - c->in_count;
	uint8_t bytes[CONSOLE_IN];
	ssize_t n;

	if (!c->in_open || !room)
		return;
	n = read(STDIN_FILENO, bytes, room);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	/* The end of the input is not the end of the guest. */
	if (n <= 0)
		c->in_open = false;
	for (ssize_t i = 0; i < n; i++)
		take_byte(c, bytes[i]);
}

static void pump_input(struct console *c)
{
	feed(c);
	/* A regular file is read as the guest takes it: the serial port's ring asks for more. */
	while (!c->in_polled && c->in_open && !c->in_count) {
		read_input(c);
		feed(c);
	}
	watch_input(c);
}

static void input_event(struct loop_source *source, uint32_t events)
{
	struct console *c = container_of(source, struct console, input);

	(void)events;
	read_input(c);
	pump_input(c);
}

static void bell_event(struct loop_source *source, uint32_t events)
{
	struct console *c = container_of(source, struct console, bell.source);

	(void)events;
	bell_clear(&c->bell);
	pump_output(c);
	pump_input(c);
}

/* --- life ------------------------------------------------------------------ */

int console_init(struct console *console, struct loop *loop, struct serial *serial,
		 struct power *power)
{
	*console = (struct console){
		.wire = { .put = wire_put, .drained = wire_drained },
		.serial = serial,
		.power = power,
		.loop = loop,
		.input = { .fd = STDIN_FILENO, .ready = input_event },
		.output = { .fd = STDOUT_FILENO, .ready = output_event },
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.in_open = true,
		.terminal = terminal_is(),
		.last = '\n',
	};
	return bell_init(&console->bell, loop, bell_event);
}

int console_start(struct console *console)
{
	int ret = loop_add(console->loop, &console->input, EPOLLIN);

	if (ret < 0 && ret != -EPERM)
		return ret;
	console->in_polled = !ret;
	console->in_watched = !ret;
	ret = loop_add(console->loop, &console->output, 0);
	if (ret < 0 && ret != -EPERM)
		return ret;
	console->out_polled = !ret;
	pump_input(console);
	return 0;
}

/* False: standard output takes nothing and whoever waits shall not. */
static bool wait_for_output(int interrupt)
{
	struct pollfd fds[] = {
		{ .fd = STDOUT_FILENO, .events = POLLOUT },
		{ .fd = interrupt, .events = POLLIN },
	};

	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return false;
	return fds[0].revents;
}

void console_flush(struct console *console, int interrupt)
{
	const uint8_t *bytes;

	console->out_polled = true;
	do {
		while (write_piece(console))
			;
	} while (peek(console, &bytes) && interrupt >= 0 && wait_for_output(interrupt));
}

void console_deinit(struct console *console)
{
	bell_deinit(&console->bell);
}
