// SPDX-License-Identifier: GPL-2.0-only
/*
 * Doorbells: port writes of a guest that signal an eventfd and do not leave. Which writes do, what
 * collides, what is refused, and doorbells that come and go while they are rung. Not here: what an
 * eventfd does then (test-irqfd.c).
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event.h"
#include "module.h"
#include "runner.h"
#include "task.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define PORT		0x100
#define LIMIT		1024U	/* HVM_GET_INFO says so, which a case looks at */

static uint64_t word(struct guest *g, uint64_t gpa)
{
	uint64_t value;

	memcpy(&value, g->ram + gpa, sizeof(value));
	return value;
}

/* --- which writes --------------------------------------------------------- */

extern const struct guest_code widths;
GUEST_CODE("widths", "code64",
	   "mov $0x100, %edx; mov $0xaabbccdd, %eax;"
	   "out %al, %dx; out %ax, %dx; out %eax, %dx; incq 0x20000; out %al, $0x10");

/* One of the three widths rings; the other two leave. */
static void each_width_alone(struct ktap *t)
{
	static const uint8_t bytes[] = { 1, 2, 4 };
	struct guest g;
	size_t i, j;
	int fd;

	for (i = 0; i < ARRAY_SIZE(bytes); i++) {
		if (!runner_open(&g, t, &widths))
			return;
		fd = event_new(t);
		KTAP_OK(t, event_doorbell(g.vm, fd, PORT, bytes[i]));
		for (j = 0; j < ARRAY_SIZE(bytes); j++) {
			if (j == i)
				continue;
			GUEST_EXPECT(&g, HVM_EXIT_PIO);
			KTAP_EQ(t, g.run->pio.port, PORT);
			KTAP_EQ(t, g.run->pio.bytes, bytes[j]);
			g.run->complete = HVM_COMPLETE;
		}
		GUEST_EXPECT(&g, HVM_EXIT_PIO);
		KTAP_EQ(t, g.run->pio.port, 0x10);
		KTAP_EQ(t, event_take(fd), 1);
		KTAP_EQ(t, g.run->gpr[HVM_RAX], 0xaabbccdd);
		close(fd);
		guest_close(&g);
	}
}

/* What the guest of "widths" rings. */
static void add_all_widths(struct guest *g, int fd)
{
	unsigned int bytes;

	for (bytes = 1; bytes <= 4; bytes *= 2)
		KTAP_OK(g->t, event_doorbell(g->vm, fd, PORT, bytes));
}

static void all_widths(struct ktap *t)
{
	struct guest g;
	int fd = event_new(t);

	if (!runner_open(&g, t, &widths))
		return;
	add_all_widths(&g, fd);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x10);
	KTAP_EQ(t, event_take(fd), 3);
	close(fd);
	guest_close(&g);
}

/* The value is as wide as the write: what is above it in RAX does not count. */
static void values(struct ktap *t)
{
	static const struct {
		uint8_t bytes;
		uint32_t right, wrong;
	} rows[] = {
		{ 1, 0xdd, 0xcc }, { 2, 0xccdd, 0xaabb }, { 4, 0xaabbccdd, 0xaabbccde },
	};
	int right = event_new(t), wrong = event_new(t);
	struct guest g;
	size_t i;

	if (!runner_open(&g, t, &widths))
		return;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		KTAP_OK(t, event_doorbell_match(g.vm, right, PORT, rows[i].bytes, rows[i].right));
		KTAP_OK(t, event_doorbell_match(g.vm, wrong, PORT, rows[i].bytes, rows[i].wrong));
	}
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x10);
	KTAP_EQ(t, event_take(right), 3);
	KTAP_EQ(t, event_take(wrong), 0);
	close(right);
	close(wrong);
	guest_close(&g);
}

static void another_value_leaves(struct ktap *t)
{
	struct guest g;
	int fd = event_new(t);

	if (!runner_open(&g, t, &widths))
		return;
	KTAP_OK(t, event_doorbell_match(g.vm, fd, PORT, 1, 0));
	KTAP_OK(t, event_doorbell_match(g.vm, fd, PORT + 1, 1, 0xdd));
	KTAP_OK(t, event_doorbell_match(g.vm, fd, PORT, 2, 0xdd));
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, PORT);
	KTAP_EQ(t, g.run->pio.bytes, 1);
	KTAP_EQ(t, event_take(fd), 0);
	close(fd);
	guest_close(&g);
}

extern const struct guest_code other_forms;
GUEST_CODE("other_forms", "code64",
	   "mov $0x100, %edx; mov $0x20100, %esi; mov $0x20200, %edi; mov $3, %ecx; cld;"
	   "in %dx, %al; insb; outsb; rep outsb; rep insb; out %al, $0x10");

/* IN and string instructions to the doorbell's port. */
static void other_forms_leave(struct ktap *t)
{
	static const struct {
		uint8_t flags, bytes;
	} rows[] = {
		{ HVM_PIO_IN, 2 }, { HVM_PIO_IN | HVM_PIO_STRING, 1 }, { HVM_PIO_STRING, 1 },
		{ HVM_PIO_STRING | HVM_PIO_REP, 2 },
		{ HVM_PIO_IN | HVM_PIO_STRING | HVM_PIO_REP, 2 },
	};
	struct guest g;
	int fd = event_new(t);
	size_t i;

	if (!runner_open(&g, t, &other_forms))
		return;
	KTAP_OK(t, event_doorbell(g.vm, fd, PORT, 1));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		GUEST_EXPECT(&g, HVM_EXIT_PIO);
		KTAP_EQ(t, g.run->pio.port, PORT);
		KTAP_EQ(t, g.run->pio.flags, rows[i].flags);
		g.run->complete = HVM_COMPLETE;
		g.run->complete_len = i ? rows[i].bytes : 0;
	}
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x10);
	KTAP_EQ(t, event_take(fd), 0);
	close(fd);
	guest_close(&g);
}

/* A guest that steps itself over the doorbell gets its #DB behind it. */
extern const struct guest_code stepped, count_steps;
GUEST_CODE("stepped", "code64",
	   "mov $0x100, %edx; pushf; orq $0x100, (%rsp); popf; out %al, %dx; stepped_next: nop;"
	   "pushf; andq $~0x100, (%rsp); popf; out %al, $0x10");
GUEST_CODE("count_steps", "code64", "incq 0x20000; iretq");

static void single_step(struct ktap *t)
{
	struct guest g;
	int fd;

	if (guest_host_is("svm-bochs"))
		KTAP_SKIP(t, "Bochs gives the host the guest's #DB");
	fd = event_new(t);
	if (!runner_open(&g, t, &stepped))
		return;
	guest_gate(&g, 1, &count_steps, 0x11000);
	KTAP_OK(t, event_doorbell(g.vm, fd, PORT, 1));
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x10);
	KTAP_EQ(t, event_take(fd), 1);
	/* OUT, NOP, PUSHF, AND, POPF. */
	KTAP_EQ(t, word(&g, GUEST_DATA), 5);
	close(fd);
	guest_close(&g);
}

extern const struct guest_code shadowed;
GUEST_CODE("shadowed", "code64", "cli; mov $0x100, %edx; sti; out %al, %dx; out %al, $0x10");

/* An interrupt that waits behind STI comes right after the doorbell. */
static void in_the_shadow_of_sti(struct ktap *t)
{
	struct guest g;
	int fd = event_new(t);

	if (!runner_open(&g, t, &shadowed))
		return;
	guest_gate(&g, 0x61, &count_steps, 0x11000);
	guest_enable_apic(&g);
	KTAP_EQ(t, guest_msi(&g, 0x61), 1);
	KTAP_OK(t, event_doorbell(g.vm, fd, PORT, 1));
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x10);
	KTAP_EQ(t, event_take(fd), 1);
	KTAP_EQ(t, word(&g, GUEST_DATA), 1);
	close(fd);
	guest_close(&g);
}

/* --- adding and removing -------------------------------------------------- */

static void limits_are_told(struct ktap *t)
{
	struct hvm_get_info info = { .size = sizeof(info) };
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_OK(t, ioctl(g.dev, HVM_GET_INFO, &info));
	KTAP_EQ(t, info.max_ioeventfds, LIMIT);
	guest_close(&g);
}

static void collisions(struct ktap *t)
{
	int one = event_new(t), other = event_new(t);
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_OK(t, event_doorbell(g.vm, one, PORT, 2));
	KTAP_ERRNO(t, event_doorbell(g.vm, one, PORT, 2), EEXIST);
	KTAP_ERRNO(t, event_doorbell(g.vm, other, PORT, 2), EEXIST);
	KTAP_ERRNO(t, event_doorbell_match(g.vm, other, PORT, 2, 7), EEXIST);
	KTAP_OK(t, event_doorbell_match(g.vm, other, PORT, 1, 7));
	KTAP_ERRNO(t, event_doorbell(g.vm, one, PORT, 1), EEXIST);
	KTAP_ERRNO(t, event_doorbell_match(g.vm, one, PORT, 1, 7), EEXIST);
	KTAP_OK(t, event_doorbell_match(g.vm, one, PORT, 1, 0));
	KTAP_OK(t, event_doorbell(g.vm, one, PORT + 1, 1));
	KTAP_OK(t, event_doorbell(g.vm, one, PORT, 4));
	close(one);
	close(other);
	guest_close(&g);
}

static int change(int vm, uint32_t flags, int fd, uint32_t port, uint32_t bytes, uint32_t data)
{
	struct hvm_ioeventfd arg = {
		.size = sizeof(arg), .flags = flags, .fd = fd, .port = port, .bytes = bytes,
		.data = data,
	};

	return ioctl(vm, HVM_IOEVENTFD, &arg);
}

/* All that was said when it was added has to be said again. */
static void removal_is_exact(struct ktap *t)
{
	const uint32_t remove = HVM_IOEVENTFD_REMOVE, match = HVM_IOEVENTFD_MATCH;
	int one = event_new(t), other = event_new(t), again;
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_ERRNO(t, change(g.vm, remove, one, PORT, 2, 0), ENOENT);
	KTAP_OK(t, change(g.vm, match, one, PORT, 2, 7));
	KTAP_ERRNO(t, change(g.vm, remove, one, PORT, 2, 0), ENOENT);
	KTAP_ERRNO(t, change(g.vm, remove | match, one, PORT, 2, 6), ENOENT);
	KTAP_ERRNO(t, change(g.vm, remove | match, one, PORT, 1, 7), ENOENT);
	KTAP_ERRNO(t, change(g.vm, remove | match, one, PORT + 1, 2, 7), ENOENT);
	KTAP_ERRNO(t, change(g.vm, remove | match, other, PORT, 2, 7), ENOENT);
	/* The same eventfd by another number. */
	again = dup(one);
	KTAP_OK(t, change(g.vm, remove | match, again, PORT, 2, 7));
	KTAP_ERRNO(t, change(g.vm, remove | match, one, PORT, 2, 7), ENOENT);
	KTAP_OK(t, change(g.vm, 0, other, PORT, 2, 0));
	close(again);
	close(one);
	close(other);
	guest_close(&g);
}

static void refused(struct ktap *t)
{
	int fd = event_new(t), file = open("/proc/self/status", O_RDONLY), pipes[2] = { -1, -1 };
	int path = open("/", O_PATH);
	const struct {
		uint32_t flags;
		int fd;
		uint32_t port, bytes, data;
		int error;
	} rows[] = {
		{ 4, fd, PORT, 1, 0, EOPNOTSUPP }, { 1U << 31, fd, PORT, 1, 0, EOPNOTSUPP },
		{ 0, fd, PORT, 0, 0, EINVAL }, { 0, fd, PORT, 3, 0, EINVAL },
		{ 0, fd, PORT, 8, 0, EINVAL }, { 0, fd, PORT, 0x101, 0, EINVAL },
		{ 0, fd, PORT, ~0U, 0, EINVAL }, { 0, fd, 0x10000, 1, 0, EINVAL },
		{ 0, fd, 0xffff, 2, 0, EINVAL }, { 0, fd, 0xfffd, 4, 0, EINVAL },
		{ 0, fd, ~0U, 1, 0, EINVAL }, { 0, fd, PORT, 1, 1, EINVAL },
		{ HVM_IOEVENTFD_MATCH, fd, PORT, 1, 0x100, EINVAL },
		{ HVM_IOEVENTFD_MATCH, fd, PORT, 2, 0x10000, EINVAL },
		{ HVM_IOEVENTFD_REMOVE, fd, PORT, 3, 0, EINVAL },
		{ HVM_IOEVENTFD_REMOVE, fd, PORT, 1, 1, EINVAL },
		{ 0, -1, PORT, 1, 0, EBADF }, { 0, 9999, PORT, 1, 0, EBADF },
		{ 0, path, PORT, 1, 0, EBADF }, { HVM_IOEVENTFD_REMOVE, -1, PORT, 1, 0, EBADF },
		{ 0, file, PORT, 1, 0, EINVAL }, { HVM_IOEVENTFD_REMOVE, file, PORT, 1, 0, EINVAL },
	};
	struct guest g;
	size_t i;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_OK(t, pipe(pipes));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		errno = 0;
		if (change(g.vm, rows[i].flags, rows[i].fd, rows[i].port, rows[i].bytes,
			   rows[i].data) != -1 || errno != rows[i].error)
			KTAP_FAIL(t, "row %zu: %s, not %s", i, strerror(errno),
				  strerror(rows[i].error));
	}
	KTAP_ERRNO(t, change(g.vm, 0, pipes[0], PORT, 1, 0), EINVAL);
	KTAP_ERRNO(t, change(g.vm, 0, g.vm, PORT, 1, 0), EINVAL);
	KTAP_ERRNO(t, change(g.vm, 0, g.vcpu, PORT, 1, 0), EINVAL);
	KTAP_OK(t, change(g.vm, 0, fd, 0xffff, 1, 0));
	KTAP_OK(t, change(g.vm, HVM_IOEVENTFD_MATCH, fd, 0xfffc, 4, ~0U));
	close(pipes[0]);
	close(pipes[1]);
	close(path);
	close(file);
	close(fd);
	guest_close(&g);
}

/* Rings 1,024 values of one port, then says so. */
extern const struct guest_code ring_values;
GUEST_CODE("ring_values", "code64",
	   "mov $0x100, %edx; xor %eax, %eax; 1: out %ax, %dx; inc %eax; cmp $1024, %eax; jne 1b;"
	   "out %al, $0x10");

static void as_many_as_there_may_be(struct ktap *t)
{
	int fd = event_new(t);
	struct guest g;
	uint32_t i;

	if (!runner_open(&g, t, &ring_values))
		return;
	for (i = 0; i < LIMIT; i++)
		KTAP_OK(t, event_doorbell_match(g.vm, fd, PORT, 2, i));
	KTAP_ERRNO(t, event_doorbell_match(g.vm, fd, PORT, 2, LIMIT), ENOSPC);
	KTAP_ERRNO(t, event_doorbell_match(g.vm, fd, PORT, 2, 3), EEXIST);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x10);
	KTAP_EQ(t, event_take(fd), LIMIT);
	/* One goes, one more may come. */
	KTAP_OK(t, change(g.vm, HVM_IOEVENTFD_REMOVE | HVM_IOEVENTFD_MATCH, fd, PORT, 2, 77));
	KTAP_OK(t, event_doorbell(g.vm, fd, PORT, 1));
	KTAP_ERRNO(t, event_doorbell(g.vm, fd, PORT, 4), ENOSPC);
	close(fd);
	guest_close(&g);
}

/* --- who hears ------------------------------------------------------------ */

/* The guest's first doorbell is in RAX, and goes up with each. */
extern const struct guest_code ringing;
GUEST_CODE("ringing", "code64",
	   "sti; mov $0x100, %edx; 1: out %al, %dx; incq 0x20000; cmpq $0, 0x20008; je 1b;"
	   "out %al, $0x10");

struct listener {
	int fd;
	uint64_t heard;
};

static void *listen_once(void *arg)
{
	struct listener *l = arg;
	struct pollfd poll_fd = { .fd = l->fd, .events = POLLIN };

	if (poll(&poll_fd, 1, 60000) == 1)
		l->heard = event_take(l->fd);
	return NULL;
}

static void a_thread_that_waits(struct ktap *t)
{
	struct listener l = { .fd = event_new(t) };
	pthread_t thread;
	struct runner r;

	KTAP_REQUIRE(t, !pthread_create(&thread, NULL, listen_once, &l));
	r = (struct runner) { 0 };
	if (!runner_open(&r.g, t, &ringing))
		return;
	KTAP_OK(t, event_doorbell(r.g.vm, l.fd, PORT, 1));
	KTAP_TRUE(t, runner_go_on(&r));
	pthread_join(thread, NULL);
	KTAP_TRUE(t, l.heard > 0);
	runner_end(&r);
	close(l.fd);
}

static void another_process(struct ktap *t)
{
	int fd = event_new(t), status = -1;
	struct listener l = { .fd = fd };
	struct guest g;
	pid_t pid;

	if (!runner_open(&g, t, &widths))
		return;
	add_all_widths(&g, fd);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		listen_once(&l);
		_exit(l.heard > 0 ? 77 : 1);
	}
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	waitpid(pid, &status, 0);
	KTAP_TRUE(t, WIFEXITED(status) && WEXITSTATUS(status) == 77);
	close(fd);
	guest_close(&g);
}

/* A count that cannot grow holds nobody up. */
static void a_full_count(struct ktap *t)
{
	struct guest g;
	int fd = event_new(t);

	if (!runner_open(&g, t, &widths))
		return;
	add_all_widths(&g, fd);
	KTAP_TRUE(t, event_add(fd, ~0ULL - 1));
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x10);
	KTAP_EQ(t, event_take(fd), ~0ULL);
	close(fd);
	guest_close(&g);
}

/* A guest that does nothing else can be stopped like any other. */
static void a_guest_that_only_rings(struct ktap *t)
{
	struct runner r = { 0 };
	int fd = event_new(t);

	if (!runner_open(&r.g, t, &ringing))
		return;
	KTAP_OK(t, event_doorbell(r.g.vm, fd, PORT, 1));
	KTAP_TRUE(t, runner_go_on(&r));
	runner_expect_progress(&r);
	runner_end(&r);
	close(fd);
}

/* --- while it rings ------------------------------------------------------- */

/* When the call returns no write rings any more: the next one leaves. */
static void removed_from_a_running_guest(struct ktap *t)
{
	int fd = event_new(t), round;
	struct runner r = { 0 };

	if (!runner_open(&r.g, t, &ringing))
		return;
	for (round = 0; round < 20 && !t->failures; round++) {
		KTAP_OK(t, event_doorbell(r.g.vm, fd, PORT, 1));
		r.g.run->complete = round ? HVM_COMPLETE : 0;
		KTAP_TRUE(t, runner_go_on(&r));
		KTAP_OK(t, event_doorbell_remove(r.g.vm, fd, PORT, 1));
		event_take(fd);
		pthread_join(r.thread, NULL);
		KTAP_EQ(t, r.result, 0);
		KTAP_EQ(t, r.g.run->reason, HVM_EXIT_PIO);
		KTAP_EQ(t, r.g.run->pio.port, PORT);
		KTAP_EQ(t, event_take(fd), 0);
	}
	close(fd);
	guest_close(&r.g);
}

/* Every write either rings or leaves, whatever happens to the doorbells meanwhile. */
extern const struct guest_code rounds;
GUEST_CODE("rounds", "code64",
	   "sti; mov $0x100, %edx; 1: out %al, %dx; incq 0x20000; cmpq $2000, 0x20000; jb 1b;"
	   "out %al, $0x10");

struct storm {
	int vm;
	int fd;
	volatile bool stop;
	unsigned int refused;
};

static void *come_and_go(void *arg)
{
	struct storm *s = arg;
	unsigned int i;

	while (!s->stop) {
		s->refused += !!event_doorbell(s->vm, s->fd, PORT, 1);
		for (i = 0; i < 8; i++)
			s->refused += !!event_doorbell(s->vm, s->fd, PORT + 64 * i, 2);
		s->refused += !!event_doorbell_remove(s->vm, s->fd, PORT, 1);
		for (i = 0; i < 8; i++)
			s->refused += !!event_doorbell_remove(s->vm, s->fd, PORT + 64 * i, 2);
	}
	return NULL;
}

static void storm_of_changes(struct ktap *t)
{
	struct storm s = { .fd = event_new(t) };
	uint64_t left = 0;
	pthread_t thread;
	struct guest g;

	if (!runner_open(&g, t, &rounds))
		return;
	s.vm = g.vm;
	KTAP_REQUIRE(t, !pthread_create(&thread, NULL, come_and_go, &s));
	while (guest_run(&g) == HVM_EXIT_PIO && g.run->pio.port == PORT) {
		left++;
		g.run->complete = HVM_COMPLETE;
	}
	s.stop = true;
	pthread_join(thread, NULL);
	KTAP_EQ(t, g.run->reason, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x10);
	KTAP_EQ(t, s.refused, 0);
	KTAP_EQ(t, event_take(s.fd) + left, 2000);
	close(s.fd);
	guest_close(&g);
}

/* --- the end -------------------------------------------------------------- */

/* The eventfd lives on with the doorbell when its fd is closed; the doorbell with the vCPU. */
static void fds_are_closed_before_the_guest_rings(struct ktap *t)
{
	int fd = event_new(t), again = dup(fd);
	struct guest g;

	if (!runner_open(&g, t, &widths))
		return;
	add_all_widths(&g, fd);
	close(fd);
	close(g.vm);
	g.vm = -1;
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x10);
	KTAP_EQ(t, event_take(again), 3);
	close(again);
	guest_close(&g);
	module_expect_unused(t);
}

static void nobody_is_left_to_hear(struct ktap *t)
{
	struct guest g;
	int fd = event_new(t);

	if (!runner_open(&g, t, &widths))
		return;
	add_all_widths(&g, fd);
	close(fd);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x10);
	guest_close(&g);
	module_expect_unused(t);
}

static void once(struct ktap *t)
{
	int removed = event_new(t), left = event_new(t);
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_OK(t, event_doorbell(g.vm, removed, PORT, 1));
	KTAP_ERRNO(t, event_doorbell(g.vm, left, PORT, 1), EEXIST);
	KTAP_OK(t, event_doorbell_remove(g.vm, removed, PORT, 1));
	KTAP_OK(t, event_doorbell(g.vm, left, PORT, 1));
	KTAP_ERRNO(t, event_doorbell_remove(g.vm, removed, PORT, 1), ENOENT);
	close(removed);
	close(left);
	guest_close(&g);
}

static void no_eventfd_is_lost(struct ktap *t)
{
	event_expect_none_lost(t, once);
	module_expect_unused(t);
}

static const struct ktap_case cases[] = {
	{ "each_width_alone", each_width_alone },
	{ "all_widths", all_widths },
	{ "values", values },
	{ "another_value_leaves", another_value_leaves },
	{ "other_forms_leave", other_forms_leave },
	{ "single_step", single_step },
	{ "in_the_shadow_of_sti", in_the_shadow_of_sti },
	{ "limits_are_told", limits_are_told },
	{ "collisions", collisions },
	{ "removal_is_exact", removal_is_exact },
	{ "refused", refused },
	{ "as_many_as_there_may_be", as_many_as_there_may_be },
	{ "a_thread_that_waits", a_thread_that_waits },
	{ "another_process", another_process },
	{ "a_full_count", a_full_count },
	{ "a_guest_that_only_rings", a_guest_that_only_rings },
	{ "removed_from_a_running_guest", removed_from_a_running_guest },
	{ "storm_of_changes", storm_of_changes },
	{ "fds_are_closed_before_the_guest_rings", fds_are_closed_before_the_guest_rings },
	{ "nobody_is_left_to_hear", nobody_is_left_to_hear },
	{ "no_eventfd_is_lost", no_eventfd_is_lost },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
