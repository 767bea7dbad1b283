// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eventfds that send interrupts: to virtual CPUs in every state, from threads and processes; masked
 * and bound anew while somebody writes, without a loss; ends of level-triggered interrupts; and
 * everything that may end while one fires. Not here: what a message does (test-lapic.c).
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event.h"
#include "module.h"
#include "runner.h"
#include "task.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define VECTOR		0x61
#define VECTOR2		0x92
#define LEVEL		0x8000
#define NMI		(4 << 8)
#define INIT		(5 << 8)
#define LIMIT		4096U	/* HVM_GET_INFO says so, which a case looks at */

#define READY		0x20	/* port: the guest takes interrupts from here on */
#define DOORBELL	0x100

/* Guest memory: interrupts of VECTOR, whether to stop, interrupts of VECTOR2. */
#define COUNT(g)	((volatile uint64_t *)((g)->ram + GUEST_DATA))
#define STOP(g)		((volatile uint64_t *)((g)->ram + GUEST_DATA + 8))
#define COUNT2(g)	((volatile uint64_t *)((g)->ram + GUEST_DATA + 16))

#define HANDLER(where)	"push %rax; push %rcx; push %rdx; incq " #where ";" WRMSR(0x80b, 0) \
			"pop %rdx; pop %rcx; pop %rax; iretq"

extern const struct guest_code count, count2, count_nmi, spins, halts, rings;
GUEST_CODE("count", "code64", HANDLER(0x20000));
GUEST_CODE("count2", "code64", HANDLER(0x20010));
GUEST_CODE("count_nmi", "code64", "incq 0x20010; iretq");
GUEST_CODE("spins", "code64", X2APIC_ON
	   "out %al, $0x20; sti; 1: pause; cmpq $0, 0x20008; je 1b; cli; out %al, $0x10");
GUEST_CODE("halts", "code64", X2APIC_ON
	   "out %al, $0x20; 1: sti; hlt; cli; cmpq $0, 0x20008; je 1b; out %al, $0x10");
/*
 * Rings, waits until the interrupt for it came, and so on. Not by STI and HLT: where the interrupt
 * shadow gets lost at an entry (QEMU), the interrupt may come between them.
 */
GUEST_CODE("rings", "code64", X2APIC_ON
	   "out %al, $0x20; mov $0x100, %edx; 1: mov 0x20000, %rbx; out %al, %dx;"
	   "sti; 2: pause; cmp %rbx, 0x20000; je 2b; cli; cmpq $100, 0x20000; jb 1b; out %al, $0x10");

/**
 * struct target - a guest, and a thread in its HVM_RUN
 * @g: the guest
 * @thread: the thread
 * @eois: HVM_EXIT_EOI of VECTOR so far
 * @last: the last reason, or GUEST_ERRNO()
 */
struct target {
	struct guest g;
	pthread_t thread;
	volatile uint64_t eois;
	int last;
};

static bool target_open(struct target *m, struct ktap *t, const struct guest_code *code)
{
	*m = (struct target) { 0 };
	if (!runner_open(&m->g, t, code) || !guest_default_cpuid(&m->g))
		return false;
	guest_gate(&m->g, VECTOR, &count, 0x11000);
	guest_gate(&m->g, VECTOR2, &count2, 0x12000);
	guest_gate(&m->g, 2, &count_nmi, 0x13000);
	if (guest_run(&m->g) == HVM_EXIT_PIO && m->g.run->pio.port == READY) {
		m->g.run->complete = HVM_COMPLETE;
		return true;
	}
	KTAP_FAIL(t, "the guest is not ready: %s", guest_reason(m->g.run->reason));
	guest_close(&m->g);
	return false;
}

static void *run_on(void *arg)
{
	struct target *m = arg;

	do {
		m->last = ioctl(m->g.vcpu, HVM_RUN, 0) ? -errno : (int)m->g.run->reason;
		m->eois += m->last == HVM_EXIT_EOI && m->g.run->eoi.vector == VECTOR;
	} while (m->last == HVM_EXIT_EOI || m->last == -EINTR);
	return NULL;
}

static bool target_start(struct target *m, struct ktap *t, const struct guest_code *code)
{
	if (!target_open(m, t, code))
		return false;
	KTAP_EQ(t, pthread_create(&m->thread, NULL, run_on, m), 0);
	return !t->failures;
}

static bool has_ended(void *target)
{
	struct target *m = target;

	guest_msi(&m->g, VECTOR);
	return !pthread_tryjoin_np(m->thread, NULL);
}

/*
 * A guest that halts finds out with the next interrupt; where the interrupt shadow gets lost at an
 * entry (QEMU), one may come in front of the HLT, and it is one behind that.
 */
static void target_end(struct target *m)
{
	*STOP(&m->g) = 1;
	guest_msi(&m->g, VECTOR);
	if (!guest_host_is("svm")) {
		pthread_join(m->thread, NULL);
	} else if (!task_wait(has_ended, m)) {
		/* Which is seen by how it left. */
		guest_kick(m->g.vcpu);
		pthread_join(m->thread, NULL);
	}
	KTAP_STREQ(m->g.t, guest_reason(m->last), guest_reason(HVM_EXIT_PIO));
	guest_close(&m->g);
}

/* Run a guest that spins until it has nothing to take any more. */
static int run_to_the_end(struct target *m)
{
	*STOP(&m->g) = 1;
	return guest_run(&m->g);
}

/* --- to whom -------------------------------------------------------------- */

static void limits_are_told(struct ktap *t)
{
	struct hvm_get_info info = { .size = sizeof(info) };
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_OK(t, ioctl(g.dev, HVM_GET_INFO, &info));
	KTAP_EQ(t, info.max_irqfds, LIMIT);
	guest_close(&g);
}

extern const struct guest_code takes_one, count_plain;
GUEST_CODE("count_plain", "code64", "incq 0x20000; iretq");
GUEST_CODE("takes_one", "code64", "sti; 1: pause; cmpq $0, 0x20000; je 1b; out %al, $0x10");

/* A virtual CPU that has not run yet finds it when it does. */
static void to_one_that_never_ran(struct ktap *t)
{
	struct guest g;
	int fd = event_new(t);

	if (!runner_open(&g, t, &takes_one))
		return;
	guest_gate(&g, VECTOR, &count_plain, 0x11000);
	guest_enable_apic(&g);
	KTAP_OK(t, event_bind(g.vm, fd, 0, VECTOR));
	KTAP_TRUE(t, event_add(fd, 1));
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, *COUNT(&g), 1);
	close(fd);
	guest_close(&g);
}

static void one_by_one(struct ktap *t, const struct guest_code *code)
{
	int fd = event_new(t), i;
	struct target m;

	if (!target_start(&m, t, code))
		return;
	KTAP_OK(t, event_bind(m.g.vm, fd, 0, VECTOR));
	for (i = 1; i <= 100 && !t->failures; i++) {
		KTAP_TRUE(t, event_add(fd, 1));
		KTAP_TRUE(t, task_wait_count(COUNT(&m.g), i));
		KTAP_EQ(t, *COUNT(&m.g), i);
	}
	KTAP_EQ(t, event_take(fd), 0);
	target_end(&m);
	close(fd);
}

static void to_a_running_one(struct ktap *t)
{
	one_by_one(t, &spins);
}

static void to_a_halted_one(struct ktap *t)
{
	one_by_one(t, &halts);
}

static void from_another_process(struct ktap *t)
{
	int fd = event_new(t), status = -1, i;
	struct target m;
	pid_t pid;

	if (!target_start(&m, t, &halts))
		return;
	KTAP_OK(t, event_bind(m.g.vm, fd, 0, VECTOR));
	for (i = 1; i <= 3; i++) {
		fflush(stdout);
		pid = fork();
		if (!pid)
			_exit(event_add(fd, 1) ? 77 : 1);
		waitpid(pid, &status, 0);
		KTAP_TRUE(t, WIFEXITED(status) && WEXITSTATUS(status) == 77);
		KTAP_TRUE(t, task_wait_count(COUNT(&m.g), i));
	}
	target_end(&m);
	close(fd);
}

static void every_kind_of_message(struct ktap *t)
{
	int fd = event_new(t);
	struct target m;

	if (!target_open(&m, t, &spins))
		return;
	KTAP_OK(t, event_bind(m.g.vm, fd, 0, NMI));
	KTAP_TRUE(t, event_add(fd, 1));
	KTAP_OK(t, event_bind(m.g.vm, fd, HVM_IRQFD_REPLACE, 1 << 8 | VECTOR));
	KTAP_TRUE(t, event_add(fd, 1));
	KTAP_EQ(t, run_to_the_end(&m), HVM_EXIT_PIO);
	KTAP_EQ(t, *COUNT2(&m.g), 1);
	KTAP_EQ(t, *COUNT(&m.g), 1);
	/* The processor starts over where nothing is. */
	KTAP_OK(t, event_bind(m.g.vm, fd, HVM_IRQFD_REPLACE, INIT));
	KTAP_TRUE(t, event_add(fd, 1));
	KTAP_EQ(t, guest_run(&m.g), HVM_EXIT_MEMORY);
	close(fd);
	guest_close(&m.g);
}

/* --- the count ------------------------------------------------------------ */

static void a_pending_count_fires_once(struct ktap *t)
{
	int fd = event_new(t);
	struct target m;

	if (!target_open(&m, t, &spins))
		return;
	KTAP_TRUE(t, event_add(fd, 5));
	KTAP_OK(t, event_bind(m.g.vm, fd, 0, VECTOR));
	KTAP_EQ(t, event_take(fd), 0);
	KTAP_EQ(t, run_to_the_end(&m), HVM_EXIT_PIO);
	KTAP_EQ(t, *COUNT(&m.g), 1);
	close(fd);
	guest_close(&m.g);
}

static void masked_by_unbinding(struct ktap *t)
{
	int fd = event_new(t);
	struct target m;

	if (!target_open(&m, t, &spins))
		return;
	KTAP_OK(t, event_bind(m.g.vm, fd, 0, VECTOR));
	KTAP_OK(t, event_unbind(m.g.vm, fd));
	KTAP_TRUE(t, event_add(fd, 2));
	KTAP_TRUE(t, event_add(fd, 1));
	KTAP_EQ(t, run_to_the_end(&m), HVM_EXIT_PIO);
	KTAP_EQ(t, *COUNT(&m.g), 0);
	KTAP_EQ(t, event_take(fd), 3);
	KTAP_TRUE(t, event_add(fd, 1));
	KTAP_OK(t, event_bind(m.g.vm, fd, 0, VECTOR));
	KTAP_EQ(t, event_take(fd), 0);
	close(fd);
	guest_close(&m.g);
}

static void unmasked_while_halted(struct ktap *t)
{
	int fd = event_new(t), i;
	struct target m;

	if (!target_start(&m, t, &halts))
		return;
	for (i = 1; i <= 20 && !t->failures; i++) {
		KTAP_TRUE(t, event_add(fd, i));
		KTAP_OK(t, event_bind(m.g.vm, fd, 0, VECTOR));
		KTAP_TRUE(t, task_wait_count(COUNT(&m.g), i));
		KTAP_OK(t, event_unbind(m.g.vm, fd));
	}
	KTAP_EQ(t, *COUNT(&m.g), 20);
	target_end(&m);
	close(fd);
}

/* Who polls or reads has nothing to see of a count that is taken. */
static void nobody_else_wakes(struct ktap *t)
{
	struct pollfd poll_fd = { .events = POLLIN };
	int fd = event_new(t);
	struct target m;

	if (!target_open(&m, t, &spins))
		return;
	poll_fd.fd = fd;
	KTAP_OK(t, event_bind(m.g.vm, fd, 0, VECTOR));
	KTAP_TRUE(t, event_add(fd, 1));
	KTAP_EQ(t, poll(&poll_fd, 1, 0), 0);
	/* Nothing was written, so nothing is sent. */
	KTAP_EQ(t, run_to_the_end(&m), HVM_EXIT_PIO);
	KTAP_TRUE(t, event_add(fd, 0));
	KTAP_EQ(t, *COUNT(&m.g), 1);
	close(fd);
	guest_close(&m.g);
}

static void a_semaphore_gives_one(struct ktap *t)
{
	int fd = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
	struct target m;

	if (!target_open(&m, t, &spins))
		return;
	KTAP_OK(t, event_bind(m.g.vm, fd, 0, VECTOR));
	KTAP_EQ(t, run_to_the_end(&m), HVM_EXIT_PIO);
	KTAP_EQ(t, *COUNT(&m.g), 1);
	KTAP_EQ(t, event_take(fd), 1);
	KTAP_EQ(t, event_take(fd), 1);
	KTAP_EQ(t, event_take(fd), 0);
	close(fd);
	guest_close(&m.g);
}

/* --- binding -------------------------------------------------------------- */

static void bound_once(struct ktap *t)
{
	int fd = event_new(t), again = dup(fd);
	struct target m, other;

	if (!target_open(&m, t, &spins))
		return;
	KTAP_ERRNO(t, event_unbind(m.g.vm, fd), ENOENT);
	KTAP_OK(t, event_bind(m.g.vm, fd, 0, VECTOR));
	KTAP_ERRNO(t, event_bind(m.g.vm, fd, 0, VECTOR), EEXIST);
	KTAP_ERRNO(t, event_bind(m.g.vm, again, 0, VECTOR2), EEXIST);
	KTAP_OK(t, event_bind(m.g.vm, again, HVM_IRQFD_REPLACE, VECTOR2));
	KTAP_TRUE(t, event_add(fd, 1));
	KTAP_EQ(t, run_to_the_end(&m), HVM_EXIT_PIO);
	KTAP_EQ(t, *COUNT(&m.g), 0);
	KTAP_EQ(t, *COUNT2(&m.g), 1);
	KTAP_OK(t, event_unbind(m.g.vm, again));
	KTAP_ERRNO(t, event_unbind(m.g.vm, fd), ENOENT);
	/* REPLACE of nothing is a bind; what another guest has bound is not of this one. */
	KTAP_OK(t, event_bind(m.g.vm, fd, HVM_IRQFD_REPLACE, VECTOR));
	if (target_open(&other, t, &spins)) {
		KTAP_ERRNO(t, event_unbind(other.g.vm, fd), ENOENT);
		KTAP_OK(t, event_bind(other.g.vm, fd, 0, VECTOR));
		KTAP_OK(t, event_unbind(other.g.vm, fd));
		guest_close(&other.g);
	}
	close(again);
	close(fd);
	guest_close(&m.g);
}

struct row {
	const char *what;
	struct hvm_irqfd arg;
	int error;
};

#define ARG(...)	{ .size = sizeof(struct hvm_irqfd), .address = 0xfee00000, __VA_ARGS__ }

static void refused(struct ktap *t)
{
	int fd = event_new(t), other = event_new(t), file = open("/proc/self/status", O_RDONLY);
	int path = open("/", O_PATH);
	const struct row rows[] = {
		{ "flag", ARG(.fd = fd, .data = VECTOR, .flags = 1 << 4), EOPNOTSUPP },
		{ "reserved", ARG(.fd = fd, .data = VECTOR, .reserved = 1), EINVAL },
		{ "resample_fd alone", ARG(.fd = fd, .data = LEVEL | VECTOR, .resample_fd = other),
		  EINVAL },
		{ "no fd", ARG(.fd = -1, .data = VECTOR), EBADF },
		{ "no such fd", ARG(.fd = 9999, .data = VECTOR), EBADF },
		{ "O_PATH", ARG(.fd = path, .data = VECTOR), EBADF },
		{ "not an eventfd", ARG(.fd = file, .data = VECTOR), EINVAL },
		{ "another address", { .size = sizeof(struct hvm_irqfd), .fd = fd, .data = VECTOR },
		  EINVAL },
		{ "reserved data", ARG(.fd = fd, .data = 0x10000 | VECTOR), EINVAL },
		{ "a mode that is none", ARG(.fd = fd, .data = 0x300 | VECTOR), EINVAL },
		{ "SMI", ARG(.fd = fd, .data = 0x200), EOPNOTSUPP },
		{ "ExtINT", ARG(.fd = fd, .data = 0x700), EOPNOTSUPP },
		{ "resample of an edge",
		  ARG(.fd = fd, .data = VECTOR, .flags = HVM_IRQFD_RESAMPLE, .resample_fd = other),
		  EINVAL },
		{ "exit of an edge", ARG(.fd = fd, .data = VECTOR, .flags = HVM_IRQFD_EXIT_EOI),
		  EINVAL },
		{ "itself", ARG(.fd = fd, .data = LEVEL | VECTOR, .flags = HVM_IRQFD_RESAMPLE,
				.resample_fd = fd), EINVAL },
		{ "no resample fd", ARG(.fd = fd, .data = LEVEL | VECTOR,
					.flags = HVM_IRQFD_RESAMPLE, .resample_fd = -1), EBADF },
		{ "resample file", ARG(.fd = fd, .data = LEVEL | VECTOR,
				       .flags = HVM_IRQFD_RESAMPLE, .resample_fd = file), EINVAL },
		{ "unbind with a message", ARG(.fd = fd, .flags = HVM_IRQFD_UNBIND), EINVAL },
		{ "unbind with data", { .size = sizeof(struct hvm_irqfd), .fd = fd, .data = 1,
					.flags = HVM_IRQFD_UNBIND }, EINVAL },
		{ "unbind and more", { .size = sizeof(struct hvm_irqfd), .fd = fd,
				       .flags = HVM_IRQFD_UNBIND | HVM_IRQFD_REPLACE }, EINVAL },
		{ "unbind of no fd", { .size = sizeof(struct hvm_irqfd), .fd = -1,
				       .flags = HVM_IRQFD_UNBIND }, EBADF },
		{ "unbind of a file", { .size = sizeof(struct hvm_irqfd), .fd = file,
					.flags = HVM_IRQFD_UNBIND }, EINVAL },
	};
	struct target m;
	size_t i;

	if (!target_open(&m, t, &spins))
		return;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		errno = 0;
		if (ioctl(m.g.vm, HVM_IRQFD, &rows[i].arg) != -1 || errno != rows[i].error)
			KTAP_FAIL(t, "%s: %s, not %s", rows[i].what, strerror(errno),
				  strerror(rows[i].error));
	}
	/* None of them bound it. */
	KTAP_ERRNO(t, event_unbind(m.g.vm, fd), ENOENT);
	/* One that fails leaves a bound one as it was. */
	KTAP_OK(t, event_bind(m.g.vm, fd, 0, VECTOR));
	KTAP_ERRNO(t, event_bind(m.g.vm, fd, HVM_IRQFD_REPLACE, 0x700), EOPNOTSUPP);
	KTAP_TRUE(t, event_add(fd, 1));
	KTAP_EQ(t, run_to_the_end(&m), HVM_EXIT_PIO);
	KTAP_EQ(t, *COUNT(&m.g), 1);
	close(path);
	close(file);
	close(other);
	close(fd);
	guest_close(&m.g);
}

static bool raise_fd_limit(void)
{
	struct rlimit limit = { LIMIT + 100, LIMIT + 100 };

	return !setrlimit(RLIMIT_NOFILE, &limit);
}

/* What is closed is unbound, and makes room. */
static void as_many_as_there_may_be(struct ktap *t)
{
	static int fds[LIMIT + 1];
	struct target m;
	uint32_t i;

	KTAP_REQUIRE(t, raise_fd_limit());
	if (!target_open(&m, t, &spins))
		return;
	for (i = 0; i <= LIMIT && !t->failures; i++) {
		fds[i] = event_new(t);
		if (i < LIMIT)
			KTAP_OK(t, event_bind(m.g.vm, fds[i], 0, VECTOR));
	}
	KTAP_ERRNO(t, event_bind(m.g.vm, fds[LIMIT], 0, VECTOR), ENOSPC);
	KTAP_ERRNO(t, event_bind(m.g.vm, fds[7], 0, VECTOR), EEXIST);
	KTAP_OK(t, event_bind(m.g.vm, fds[7], HVM_IRQFD_REPLACE, VECTOR2));
	KTAP_TRUE(t, event_add(fds[7], 1));
	KTAP_TRUE(t, event_add(fds[LIMIT - 1], 1));
	close(fds[100]);
	KTAP_OK(t, event_bind(m.g.vm, fds[LIMIT], 0, VECTOR));
	KTAP_EQ(t, run_to_the_end(&m), HVM_EXIT_PIO);
	KTAP_EQ(t, *COUNT(&m.g), 1);
	KTAP_EQ(t, *COUNT2(&m.g), 1);
	for (i = 0; i <= LIMIT; i++)
		if (i != 100)
			close(fds[i]);
	guest_close(&m.g);
	module_expect_unused(t);
}

/* --- the end of level-triggered interrupts -------------------------------- */

static void resample_without_an_exit(struct ktap *t)
{
	int fd = event_new(t), resample = event_new(t), i;
	struct target m;

	if (!target_start(&m, t, &halts))
		return;
	KTAP_OK(t, event_bind_resample(m.g.vm, fd, resample, 0, LEVEL | VECTOR));
	for (i = 1; i <= 5 && !t->failures; i++) {
		struct pollfd poll_fd = { .fd = resample, .events = POLLIN };

		KTAP_TRUE(t, event_add(fd, 1));
		KTAP_EQ(t, poll(&poll_fd, 1, 60000), 1);
		KTAP_EQ(t, event_take(resample), 1);
		KTAP_EQ(t, *COUNT(&m.g), i);
	}
	KTAP_EQ(t, m.eois, 0);
	target_end(&m);
	close(resample);
	close(fd);
}

/* With an exit, and nobody's vector; the eventfd is signalled first. */
static void resample_with_an_exit(struct ktap *t)
{
	int fd = event_new(t), resample = event_new(t);
	struct target m;

	if (!target_open(&m, t, &spins))
		return;
	KTAP_OK(t, event_bind_resample(m.g.vm, fd, resample, HVM_IRQFD_EXIT_EOI, LEVEL | VECTOR));
	KTAP_TRUE(t, event_add(fd, 1));
	KTAP_EQ(t, guest_run(&m.g), HVM_EXIT_EOI);
	KTAP_EQ(t, m.g.run->eoi.vector, VECTOR);
	KTAP_EQ(t, event_take(resample), 1);
	/* No longer asked for: the same without an exit; and then without an eventfd. */
	KTAP_OK(t, event_bind_resample(m.g.vm, fd, resample, HVM_IRQFD_REPLACE, LEVEL | VECTOR));
	KTAP_TRUE(t, event_add(fd, 1));
	KTAP_EQ(t, run_to_the_end(&m), HVM_EXIT_PIO);
	KTAP_EQ(t, event_take(resample), 1);
	KTAP_EQ(t, *COUNT(&m.g), 2);
	close(resample);
	close(fd);
	guest_close(&m.g);
}

static void replaced_without_resample(struct ktap *t)
{
	int fd = event_new(t), resample = event_new(t);
	struct target m;

	if (!target_open(&m, t, &spins))
		return;
	KTAP_OK(t, event_bind_resample(m.g.vm, fd, resample, 0, LEVEL | VECTOR));
	KTAP_OK(t, event_bind(m.g.vm, fd, HVM_IRQFD_REPLACE | HVM_IRQFD_EXIT_EOI, LEVEL | VECTOR));
	KTAP_TRUE(t, event_add(fd, 1));
	KTAP_EQ(t, guest_run(&m.g), HVM_EXIT_EOI);
	KTAP_EQ(t, event_take(resample), 0);
	KTAP_EQ(t, run_to_the_end(&m), HVM_EXIT_PIO);
	close(resample);
	close(fd);
	guest_close(&m.g);
}

/*
 * All lines of the vector hear of it, whoever sent the interrupt; those of another do not, nor does
 * one that was unbound by closing it.
 */
static void lines_that_share_a_vector(struct ktap *t)
{
	int fds[5], resamples[5], i;
	struct target m;

	if (!target_open(&m, t, &spins))
		return;
	for (i = 0; i < 5; i++) {
		fds[i] = event_new(t);
		resamples[i] = event_new(t);
		KTAP_OK(t, event_bind_resample(m.g.vm, fds[i], resamples[i], 0,
					       LEVEL | (i != 3 ? VECTOR : VECTOR2)));
	}
	close(fds[4]);
	KTAP_TRUE(t, event_add(fds[1], 1));
	KTAP_EQ(t, run_to_the_end(&m), HVM_EXIT_PIO);
	for (i = 0; i < 5; i++) {
		KTAP_EQ(t, event_take(resamples[i]), i < 3);
		close(resamples[i]);
	}
	for (i = 0; i < 4; i++)
		close(fds[i]);
	guest_close(&m.g);
}

static void the_end_of_an_msi(struct ktap *t)
{
	int fd = event_new(t), resample = event_new(t);
	struct target m;

	if (!target_open(&m, t, &spins))
		return;
	KTAP_OK(t, event_bind_resample(m.g.vm, fd, resample, 0, LEVEL | VECTOR));
	KTAP_EQ(t, guest_msi(&m.g, LEVEL | VECTOR), 1);
	KTAP_EQ(t, guest_run(&m.g), HVM_EXIT_EOI);
	KTAP_EQ(t, event_take(resample), 1);
	/* An edge of the same vector ends in silence. */
	KTAP_EQ(t, guest_msi(&m.g, VECTOR), 1);
	KTAP_EQ(t, run_to_the_end(&m), HVM_EXIT_PIO);
	KTAP_EQ(t, event_take(resample), 0);
	KTAP_EQ(t, *COUNT(&m.g), 2);
	close(resample);
	close(fd);
	guest_close(&m.g);
}

static void a_reset_ends_it(struct ktap *t)
{
	int fd = event_new(t), resample = event_new(t);
	struct target m;

	if (!target_open(&m, t, &spins))
		return;
	KTAP_OK(t, event_bind_resample(m.g.vm, fd, resample, 0, LEVEL | VECTOR));
	KTAP_TRUE(t, event_add(fd, 1));
	KTAP_EQ(t, guest_msi(&m.g, INIT), 1);
	KTAP_EQ(t, guest_run(&m.g), HVM_EXIT_MEMORY);
	KTAP_EQ(t, event_take(resample), 1);
	KTAP_EQ(t, *COUNT(&m.g), 0);
	close(resample);
	close(fd);
	guest_close(&m.g);
}

/* Whether the end exits is state of the virtual CPU. */
static void the_state_knows(struct ktap *t)
{
	struct hvm_state state, again;
	int fd = event_new(t);
	struct target m;

	if (!target_open(&m, t, &spins))
		return;
	KTAP_OK(t, event_bind(m.g.vm, fd, 0, LEVEL | VECTOR));
	KTAP_TRUE(t, event_add(fd, 1));
	KTAP_EQ(t, guest_msi(&m.g, LEVEL | VECTOR2), 1);
	KTAP_OK(t, guest_get(&m.g, HVM_STATE_LAPIC, &state));
	KTAP_EQ(t, state.lapic.exits[VECTOR / 32], 0);
	KTAP_EQ(t, state.lapic.exits[VECTOR2 / 32], 1U << VECTOR2 % 32);
	/* The other way round. */
	state.lapic.exits[VECTOR / 32] = 1U << VECTOR % 32;
	state.lapic.exits[VECTOR2 / 32] = 0;
	KTAP_OK(t, guest_set(&m.g, HVM_STATE_LAPIC, &state));
	KTAP_OK(t, guest_get(&m.g, HVM_STATE_LAPIC, &again));
	KTAP_EQ(t, memcmp(&state.lapic, &again.lapic, sizeof(state.lapic)), 0);
	KTAP_EQ(t, guest_run(&m.g), HVM_EXIT_EOI);
	KTAP_EQ(t, m.g.run->eoi.vector, VECTOR);
	KTAP_EQ(t, run_to_the_end(&m), HVM_EXIT_PIO);
	KTAP_EQ(t, *COUNT2(&m.g), 1);
	state.lapic.exits[0] = 1;
	KTAP_ERRNO(t, guest_set(&m.g, HVM_STATE_LAPIC, &state), EINVAL);
	close(fd);
	guest_close(&m.g);
}

/* --- while it fires ------------------------------------------------------- */

struct firer {
	pthread_t thread;
	struct guest *g;
	int fd;
	uint64_t wanted;
	volatile bool stop;
	volatile uint64_t fired;
};

static uint64_t taken(struct guest *g)
{
	return *COUNT(g) + *COUNT2(g);
}

/* Each write is answered by an interrupt before the next one. */
static void *fire_and_wait(void *arg)
{
	struct firer *f = arg;
	uint64_t before;
	unsigned int us;

	while (f->fired < f->wanted) {
		before = taken(f->g);
		event_add(f->fd, 1);
		for (us = 0; us < 60000000 && taken(f->g) == before; us += 20)
			usleep(20);
		if (taken(f->g) == before)
			break;
		f->fired++;
	}
	f->stop = true;
	return NULL;
}

/* Masked, unmasked and led elsewhere: none of them is lost. */
static void bound_anew_without_a_loss(struct ktap *t)
{
	struct firer f = { .fd = event_new(t), .wanted = guest_host_is("svm") ? 2000 : 200 };
	struct target m;
	unsigned int i;

	if (!target_start(&m, t, &halts))
		return;
	f.g = &m.g;
	KTAP_OK(t, event_bind(m.g.vm, f.fd, 0, VECTOR));
	KTAP_REQUIRE(t, !pthread_create(&f.thread, NULL, fire_and_wait, &f));
	for (i = 0; !f.stop; i++) {
		KTAP_OK(t, event_bind(m.g.vm, f.fd, HVM_IRQFD_REPLACE, i % 2 ? VECTOR : VECTOR2));
		if (i % 3)
			continue;
		KTAP_OK(t, event_unbind(m.g.vm, f.fd));
		KTAP_OK(t, event_bind(m.g.vm, f.fd, 0, i % 2 ? VECTOR : VECTOR2));
	}
	pthread_join(f.thread, NULL);
	KTAP_EQ(t, f.fired, f.wanted);
	KTAP_EQ(t, taken(&m.g), f.wanted);
	KTAP_EQ(t, event_take(f.fd), 0);
	target_end(&m);
	close(f.fd);
}

static void *fire(void *arg)
{
	struct firer *f = arg;

	while (!f->stop)
		f->fired += event_add(f->fd, 1);
	return NULL;
}

static void storm_of_bindings(struct ktap *t)
{
	struct firer f[2] = { { .fd = event_new(t) }, { .fd = event_new(t) } };
	int resample = event_new(t), i;
	struct target m;

	if (!target_start(&m, t, &spins))
		return;
	for (i = 0; i < 2; i++) {
		KTAP_REQUIRE(t, !pthread_create(&f[i].thread, NULL, fire, &f[i]));
		KTAP_TRUE(t, task_wait_count(&f[i].fired, 1));
	}
	for (i = 0; i < 200; i++) {
		KTAP_OK(t, event_bind_resample(m.g.vm, f[0].fd, resample, 0, LEVEL | VECTOR));
		KTAP_OK(t, event_bind(m.g.vm, f[1].fd, HVM_IRQFD_EXIT_EOI, LEVEL | VECTOR));
		KTAP_OK(t, event_bind(m.g.vm, f[0].fd, HVM_IRQFD_REPLACE, VECTOR2));
		KTAP_OK(t, event_unbind(m.g.vm, f[0].fd));
		KTAP_OK(t, event_unbind(m.g.vm, f[1].fd));
	}
	for (i = 0; i < 2; i++) {
		f[i].stop = true;
		pthread_join(f[i].thread, NULL);
		event_take(f[i].fd);
		KTAP_TRUE(t, event_add(f[i].fd, 7));
		KTAP_EQ(t, event_take(f[i].fd), 7);
		close(f[i].fd);
	}
	KTAP_TRUE(t, task_wait_count(COUNT(&m.g), 1));
	target_end(&m);
	close(resample);
}

static int bind_to_all(int vm, int fd, uint32_t data)
{
	struct hvm_irqfd arg = {
		.size = sizeof(arg), .fd = fd, .address = 0xfee00000 | 0xff << 12, .data = data,
		.flags = HVM_IRQFD_REPLACE,
	};

	return ioctl(vm, HVM_IRQFD, &arg);
}

static void virtual_cpus_come_and_go(struct ktap *t)
{
	struct hvm_create_vcpu create = { .size = sizeof(create) };
	struct firer f = { .fd = event_new(t) };
	int vcpu[2], i;
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_REQUIRE(t, !pthread_create(&f.thread, NULL, fire, &f));
	for (i = 0; i < 100 && !t->failures; i++) {
		KTAP_OK(t, bind_to_all(g.vm, f.fd, i % 3 ? NMI : i % 2 ? INIT : VECTOR));
		create.apic_id = 1;
		vcpu[0] = ioctl(g.vm, HVM_CREATE_VCPU, &create);
		create.apic_id = 70;
		vcpu[1] = ioctl(g.vm, HVM_CREATE_VCPU, &create);
		KTAP_OK(t, vcpu[0]);
		KTAP_OK(t, vcpu[1]);
		close(vcpu[i % 2]);
		close(vcpu[!(i % 2)]);
	}
	f.stop = true;
	pthread_join(f.thread, NULL);
	close(f.fd);
	guest_close(&g);
	module_expect_unused(t);
}

/* In every order, and not by hand at all. */
static void guests_come_and_go(struct ktap *t)
{
	struct firer f = { .fd = event_new(t) };
	struct guest g;
	int i, fd;

	KTAP_REQUIRE(t, !pthread_create(&f.thread, NULL, fire, &f));
	for (i = 0; i < 60 && !t->failures; i++) {
		if (!guest_open(&g, t, GUEST_RAM))
			break;
		fd = event_new(t);
		KTAP_OK(t, event_bind(g.vm, f.fd, 0, i % 2 ? NMI : VECTOR));
		KTAP_OK(t, event_bind(g.vm, fd, 0, VECTOR));
		if (i % 3 == 0)
			close(fd);
		if (i % 4 == 1) {
			close(g.vm);
			g.vm = -1;
		} else if (i % 4 == 2) {
			close(g.vcpu);
			g.vcpu = -1;
		} else if (i % 4 == 3) {
			KTAP_OK(t, event_unbind(g.vm, f.fd));
		}
		guest_close(&g);
		if (i % 3)
			close(fd);
	}
	f.stop = true;
	pthread_join(f.thread, NULL);
	close(f.fd);
	module_expect_unused(t);
}

/* --- a device ------------------------------------------------------------- */

struct device {
	pthread_t thread;
	int doorbell, interrupt;
};

static void *serve(void *arg)
{
	struct device *d = arg;
	struct pollfd poll_fd = { .fd = d->doorbell, .events = POLLIN };
	int i;

	for (i = 0; i < 100 && poll(&poll_fd, 1, 60000) == 1; i++) {
		event_take(d->doorbell);
		event_add(d->interrupt, 1);
	}
	return NULL;
}

/* It hears of the guest by an eventfd and answers by another: the guest never leaves for it. */
static void a_device_in_another_thread(struct ktap *t)
{
	struct device d = { .doorbell = event_new(t), .interrupt = event_new(t) };
	struct target m;

	if (!target_open(&m, t, &rings))
		return;
	KTAP_OK(t, event_doorbell(m.g.vm, d.doorbell, DOORBELL, 1));
	KTAP_OK(t, event_bind(m.g.vm, d.interrupt, 0, VECTOR));
	KTAP_REQUIRE(t, !pthread_create(&d.thread, NULL, serve, &d));
	KTAP_EQ(t, guest_run(&m.g), HVM_EXIT_PIO);
	KTAP_EQ(t, m.g.run->pio.port, 0x10);
	KTAP_EQ(t, *COUNT(&m.g), 100);
	pthread_join(d.thread, NULL);
	close(d.doorbell);
	close(d.interrupt);
	guest_close(&m.g);
}

/* A doorbell that is its own answer, straight from the exit. */
static void a_doorbell_that_interrupts(struct ktap *t)
{
	int fd = event_new(t);
	struct target m;

	if (!target_open(&m, t, &rings))
		return;
	KTAP_OK(t, event_doorbell(m.g.vm, fd, DOORBELL, 1));
	KTAP_OK(t, event_bind(m.g.vm, fd, 0, VECTOR));
	KTAP_EQ(t, guest_run(&m.g), HVM_EXIT_PIO);
	KTAP_EQ(t, m.g.run->pio.port, 0x10);
	KTAP_EQ(t, *COUNT(&m.g), 100);
	KTAP_EQ(t, event_take(fd), 0);
	close(fd);
	guest_close(&m.g);
}

static void once(struct ktap *t)
{
	int fds[3] = { event_new(t), event_new(t), event_new(t) }, resample = event_new(t);
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_OK(t, event_bind_resample(g.vm, fds[0], resample, 0, LEVEL | VECTOR));
	KTAP_ERRNO(t, event_bind(g.vm, fds[0], 0, VECTOR), EEXIST);
	KTAP_OK(t, event_bind(g.vm, fds[0], HVM_IRQFD_REPLACE, VECTOR));
	KTAP_OK(t, event_bind_resample(g.vm, fds[1], resample, 0, LEVEL | VECTOR));
	KTAP_OK(t, event_unbind(g.vm, fds[1]));
	KTAP_OK(t, event_bind_resample(g.vm, fds[2], resample, 0, LEVEL | VECTOR));
	close(fds[2]);
	KTAP_ERRNO(t, event_bind_resample(g.vm, fds[1], fds[1], 0, LEVEL | VECTOR), EINVAL);
	close(resample);
	guest_close(&g);
	close(fds[0]);
	close(fds[1]);
}

static void no_eventfd_is_lost(struct ktap *t)
{
	event_expect_none_lost(t, once);
	module_expect_unused(t);
}

static const struct ktap_case cases[] = {
	{ "limits_are_told", limits_are_told },
	{ "to_one_that_never_ran", to_one_that_never_ran },
	{ "to_a_running_one", to_a_running_one },
	{ "to_a_halted_one", to_a_halted_one },
	{ "from_another_process", from_another_process },
	{ "every_kind_of_message", every_kind_of_message },
	{ "a_pending_count_fires_once", a_pending_count_fires_once },
	{ "masked_by_unbinding", masked_by_unbinding },
	{ "unmasked_while_halted", unmasked_while_halted },
	{ "nobody_else_wakes", nobody_else_wakes },
	{ "a_semaphore_gives_one", a_semaphore_gives_one },
	{ "bound_once", bound_once },
	{ "refused", refused },
	{ "as_many_as_there_may_be", as_many_as_there_may_be },
	{ "resample_without_an_exit", resample_without_an_exit },
	{ "resample_with_an_exit", resample_with_an_exit },
	{ "replaced_without_resample", replaced_without_resample },
	{ "lines_that_share_a_vector", lines_that_share_a_vector },
	{ "the_end_of_an_msi", the_end_of_an_msi },
	{ "a_reset_ends_it", a_reset_ends_it },
	{ "the_state_knows", the_state_knows },
	{ "bound_anew_without_a_loss", bound_anew_without_a_loss },
	{ "storm_of_bindings", storm_of_bindings },
	{ "virtual_cpus_come_and_go", virtual_cpus_come_and_go },
	{ "guests_come_and_go", guests_come_and_go },
	{ "a_device_in_another_thread", a_device_in_another_thread },
	{ "a_doorbell_that_interrupts", a_doorbell_that_interrupts },
	{ "no_eventfd_is_lost", no_eventfd_is_lost },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
