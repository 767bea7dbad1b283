// SPDX-License-Identifier: GPL-2.0-only
/*
 * How guests, their threads and their processes come and go: closing in any order, kills, signals,
 * execution of another program, file descriptors in other hands, host CPUs that come and go, and
 * the module itself. Whatever happens, nobody holds the module afterwards. Not here: what the calls
 * do while all goes well.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "module.h"
#include "runner.h"
#include "task.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE		4096UL
#define INHERITED	"TEST_LIFE_INHERITED"

static void on_signal(int signal)
{
	(void)signal;
}

static void handle(int signal, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	sigaction(signal, &action, NULL);
}

/* --- closing ------------------------------------------------------------------ */

enum thing { DEV, VM, VCPU, RUN_PAGE, MEMORY, THINGS };

/* The n-th of the orders of count things. */
static void nth_order(unsigned int n, unsigned int count, enum thing order[])
{
	enum thing left[THINGS] = { DEV, VM, VCPU, RUN_PAGE, MEMORY };
	unsigned int i, j, pick;

	for (i = 0; i < count; i++) {
		pick = n % (count - i);
		n /= count - i;
		order[i] = left[pick];
		for (j = pick; j + 1 < count; j++)
			left[j] = left[j + 1];
	}
}

static void drop_fd(int *fd)
{
	close(*fd);
	*fd = -1;
}

static void drop(struct guest *g, enum thing thing)
{
	switch (thing) {
	case DEV:
		drop_fd(&g->dev);
		break;
	case VM:
		drop_fd(&g->vm);
		break;
	case VCPU:
		drop_fd(&g->vcpu);
		break;
	case RUN_PAGE:
		munmap(g->run, PAGE);
		g->run = NULL;
		break;
	default:
		munmap(g->ram, g->bytes);
		g->ram = NULL;
	}
}

/* As long as there is a vCPU's fd, it runs. */
static void run_what_is_left(struct guest *g)
{
	if (g->vcpu < 0)
		return;
	KTAP_OK(g->t, ioctl(g->vcpu, HVM_RUN, 0));
	if (g->run)
		KTAP_EQ(g->t, g->run->reason, g->ram ? HVM_EXIT_PIO : HVM_EXIT_FAULT);
}

static void close_all_orders(struct ktap *t, bool runs)
{
	enum thing order[THINGS];
	struct guest g;
	unsigned int n, i;

	for (n = 0; n < 120 && !t->failures; n++) {
		if (!runner_open(&g, t, &runner_leave))
			return;
		nth_order(n, THINGS, order);
		for (i = 0; i < THINGS; i++) {
			if (runs)
				run_what_is_left(&g);
			drop(&g, order[i]);
		}
	}
	module_expect_unused(t);
}

static void close_in_every_order(struct ktap *t)
{
	close_all_orders(t, false);
}

static void close_in_every_order_between_runs(struct ktap *t)
{
	close_all_orders(t, true);
}

struct progress {
	const struct runner *r;
	uint64_t count;
};

static bool moved_or_back(void *arg)
{
	const struct progress *p = arg;

	return *RUNNER_COUNT(&p->r->g) >= p->count || p->r->back;
}

static void expect_going_on(struct runner *r)
{
	struct progress p = { r, *RUNNER_COUNT(&r->g) + 2 };

	KTAP_TRUE(r->g.t, task_wait(moved_or_back, &p));
}

/*
 * All is closed but the memory, and the vCPU is still in the guest. Should the kernel have work for
 * the thread just then, the call is restarted, and finds that its file descriptor is gone.
 *
 * Return: it was not
 */
static bool let_it_return(struct runner *r, const struct guest_code *code, unsigned int n)
{
	if (code == &runner_halt || n % 3 == 0)
		pthread_kill(r->thread, SIGUSR1);
	else if (n % 3 == 1)
		*RUNNER_STOP(&r->g) = 1;
	else
		drop(&r->g, MEMORY);
	pthread_join(r->thread, NULL);
	if (r->result == -EBADF)
		return false;
	KTAP_EQ(r->g.t, r->result, code == &runner_halt || n % 3 == 0 ? -EINTR : 0);
	return true;
}

static void close_around(struct ktap *t, const struct guest_code *code)
{
	enum thing order[THINGS];
	struct runner r;
	unsigned int n, i, stayed = 0;

	handle(SIGUSR1, on_signal, 0);
	for (n = 0; n < 24 && !t->failures; n++) {
		if (!runner_start(&r, t, code))
			return;
		nth_order(n, MEMORY, order);
		for (i = 0; i < MEMORY; i++)
			drop(&r.g, order[i]);
		if (code != &runner_halt)
			expect_going_on(&r);
		stayed += let_it_return(&r, code, n);
		guest_close(&r.g);
	}
	KTAP_TRUE(t, stayed > 0);
	module_expect_unused(t);
}

static void close_around_a_running_vcpu(struct ktap *t)
{
	close_around(t, &runner_spin);
}

static void close_around_a_halted_vcpu(struct ktap *t)
{
	close_around(t, &runner_halt);
}

static void close_with_a_kick_on_its_way(struct ktap *t)
{
	enum thing order[THINGS];
	struct runner r;
	unsigned int n, i, stayed = 0;

	for (n = 0; n < 24 && !t->failures; n++) {
		if (!runner_start(&r, t, n % 2 ? &runner_spin : &runner_halt))
			return;
		nth_order(n, MEMORY, order);
		KTAP_OK(t, guest_kick(n % 3 ? r.g.vcpu : r.g.vm));
		for (i = 0; i < MEMORY; i++)
			drop(&r.g, order[i]);
		pthread_join(r.thread, NULL);
		/* As in let_it_return(). */
		KTAP_TRUE(t, !r.result || r.result == -EBADF);
		stayed += !r.result;
		guest_close(&r.g);
	}
	KTAP_TRUE(t, stayed > 0);
	module_expect_unused(t);
}

/* --- processes and threads that end -------------------------------------------- */

/* A process that talks with its parent over a pair of sockets. */
static pid_t spawn(void (*body)(int socket), int *socket)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(pair[0]);
		body(pair[1]);
		_exit(0);
	}
	close(pair[1]);
	*socket = pair[0];
	return pid;
}

static bool say(int socket, char word)
{
	return send(socket, &word, 1, MSG_NOSIGNAL) == 1;
}

static bool hear(int socket, char word)
{
	char c = 0;

	return read(socket, &c, 1) == 1 && c == word;
}

/* The status of a child; ends it when it has not much left to do. */
static int reap(pid_t pid, int socket)
{
	int status = -1;

	close(socket);
	waitpid(pid, &status, 0);
	return status;
}

static void run_three(int socket)
{
	static struct runner r[3];
	struct ktap t = { 0 };

	if (!runner_start(&r[0], &t, &runner_spin) || !runner_start(&r[1], &t, &runner_halt) ||
	    !runner_start(&r[2], &t, &runner_touch))
		_exit(1);
	say(socket, 'r');
	for (;;)
		madvise(r[2].g.ram + RUNNER_PAGES, 0x100000, MADV_DONTNEED);
}

static void kill_while_guests_run(struct ktap *t)
{
	int socket, round, status;
	pid_t pid;

	for (round = 0; round < 5; round++) {
		pid = spawn(run_three, &socket);
		KTAP_REQUIRE(t, pid > 0);
		KTAP_TRUE(t, hear(socket, 'r'));
		usleep(round * 1700);
		kill(pid, SIGKILL);
		status = reap(pid, socket);
		KTAP_TRUE(t, WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		module_expect_unused(t);
	}
}

static void come_and_go(int socket)
{
	struct ktap t = { 0 };
	struct guest g;

	say(socket, 'r');
	for (;;) {
		if (!runner_open(&g, &t, &runner_leave))
			_exit(1);
		guest_run(&g);
		guest_close(&g);
	}
}

static void kill_while_guests_come_and_go(struct ktap *t)
{
	int socket, round;
	pid_t pid;

	for (round = 0; round < 10; round++) {
		pid = spawn(come_and_go, &socket);
		KTAP_REQUIRE(t, pid > 0);
		KTAP_TRUE(t, hear(socket, 'r'));
		usleep(2000 + round * 1300);
		kill(pid, SIGKILL);
		KTAP_TRUE(t, WIFSIGNALED(reap(pid, socket)));
		module_expect_unused(t);
	}
}

static void end_thread(int signal)
{
	(void)signal;
	syscall(SYS_exit, 0);
}

/* The thread is gone, the vCPU is not: another one takes it over. */
static void a_thread_ends_within_its_run(struct ktap *t)
{
	struct runner r;
	int round;

	handle(SIGUSR1, end_thread, 0);
	if (!runner_start(&r, t, &runner_spin))
		return;
	for (round = 0; round < 3; round++) {
		pthread_kill(r.thread, SIGUSR1);
		pthread_join(r.thread, NULL);
		KTAP_TRUE(t, !r.back);
		KTAP_TRUE(t, runner_go_on(&r));
	}
	handle(SIGUSR1, on_signal, 0);
	runner_end(&r);
	module_expect_unused(t);
}

/* --- in other hands ------------------------------------------------------------ */

#define FOREIGN(call) ((call) != -1 || errno != EIO)

/* How many calls do not find out that another process made the guest. */
static unsigned int foreign_calls(int vm, int vcpu)
{
	struct hvm_create_vcpu create = { .size = sizeof(create), .apic_id = 3 };
	struct hvm_state state = { .size = sizeof(state), .mask = HVM_STATE_GPR };
	struct hvm_unmap unmap = { .size = sizeof(unmap), .bytes = PAGE };
	struct hvm_clock clock = { .size = sizeof(clock) };

	return FOREIGN(ioctl(vcpu, HVM_RUN, 0)) + FOREIGN(guest_kick(vcpu)) +
	       FOREIGN(ioctl(vcpu, HVM_GET_STATE, &state)) +
	       FOREIGN(ioctl(vcpu, HVM_SET_STATE, &state)) + FOREIGN(guest_kick(vm)) +
	       FOREIGN(ioctl(vm, HVM_CREATE_VCPU, &create)) +
	       FOREIGN(ioctl(vm, HVM_UNMAP, &unmap)) + FOREIGN(ioctl(vm, HVM_CLOCK, &clock));
}

/* /dev/vm makes no difference between its callers. */
static bool makes_a_guest(int dev)
{
	struct hvm_create_vm create = { .size = sizeof(create) };
	int vm = ioctl(dev, HVM_CREATE_VM, &create);

	return vm >= 0 && !close(vm);
}

static bool send_fds(int socket, const int *fds, unsigned int count)
{
	char control[CMSG_SPACE(4 * sizeof(int))] = { 0 }, byte = 'f';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&msg);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	return sendmsg(socket, &msg, MSG_NOSIGNAL) == 1;
}

static bool receive_fds(int socket, int *fds, unsigned int count)
{
	char control[CMSG_SPACE(4 * sizeof(int))] = { 0 }, byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;

	if (recvmsg(socket, &msg, 0) != 1)
		return false;
	header = CMSG_FIRSTHDR(&msg);
	if (!header || header->cmsg_len != CMSG_LEN(count * sizeof(int)))
		return false;
	memcpy(fds, CMSG_DATA(header), count * sizeof(int));
	return true;
}

/* Creates a guest, passes it on while it runs, and ends. */
static void give_away(int socket)
{
	struct ktap t = { 0 };
	struct runner r;

	if (!runner_start(&r, &t, &runner_spin))
		_exit(1);
	send_fds(socket, (int []) { r.g.dev, r.g.vm, r.g.vcpu }, 3);
	hear(socket, 'e');
}

static void fds_passed_to_another_process(struct ktap *t)
{
	int socket, fds[3];
	void *page;
	pid_t pid = spawn(give_away, &socket);

	KTAP_REQUIRE(t, pid > 0);
	KTAP_REQUIRE(t, receive_fds(socket, fds, 3));
	KTAP_EQ(t, foreign_calls(fds[1], fds[2]), 0);
	KTAP_TRUE(t, makes_a_guest(fds[0]));
	page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fds[2], 0);
	say(socket, 'e');
	KTAP_EQ(t, reap(pid, socket), 0);

	/* Its process is gone, and so is its memory; the guest is not. */
	KTAP_EQ(t, foreign_calls(fds[1], fds[2]), 0);
	KTAP_TRUE(t, makes_a_guest(fds[0]));
	close(fds[0]);
	close(fds[1]);
	KTAP_EQ(t, foreign_calls(-1, fds[2]), 4);
	if (page != MAP_FAILED)
		munmap(page, PAGE);
	close(fds[2]);
	module_expect_unused(t);
}

static struct guest inherited_guest;

static void use_inherited(int socket)
{
	struct guest *g = &inherited_guest;
	bool ok = !foreign_calls(g->vm, g->vcpu) && makes_a_guest(g->dev);

	/* Until now it shares the run page, too; it lets go of all of it when it likes. */
	say(socket, ok ? 'y' : 'n');
	hear(socket, 'e');
}

static void fds_inherited_by_a_fork(struct ktap *t)
{
	struct guest *g = &inherited_guest;
	int socket;
	pid_t pid;

	if (!runner_open(g, t, &runner_leave))
		return;
	GUEST_EXPECT(g, HVM_EXIT_PIO);
	pid = spawn(use_inherited, &socket);
	KTAP_REQUIRE(t, pid > 0);
	KTAP_TRUE(t, hear(socket, 'y'));
	GUEST_EXPECT(g, HVM_EXIT_PIO);
	guest_close(g);
	if (module_users() >= 0)
		KTAP_TRUE(t, module_users() > 0);
	say(socket, 'e');
	KTAP_EQ(t, reap(pid, socket), 0);
	module_expect_unused(t);
}

/* This program, in the place of one that has guests running; its fds are still open. */
static int use_after_exec(const char *fds)
{
	int dev, vm, vcpu;

	if (sscanf(fds, "%d,%d,%d", &dev, &vm, &vcpu) != 3)
		return 2;
	return foreign_calls(vm, vcpu) || !makes_a_guest(dev) ? 3 : 0;
}

static void exec_among_guests(int socket)
{
	static struct runner r[2];
	struct ktap t = { 0 };
	char fds[64];

	if (!runner_start(&r[0], &t, &runner_spin) || !runner_start(&r[1], &t, &runner_halt))
		_exit(1);
	snprintf(fds, sizeof(fds), "%d,%d,%d", r[0].g.dev, r[0].g.vm, r[0].g.vcpu);
	fcntl(r[0].g.dev, F_SETFD, 0);
	fcntl(r[0].g.vm, F_SETFD, 0);
	fcntl(r[0].g.vcpu, F_SETFD, 0);
	setenv(INHERITED, fds, 1);
	say(socket, 'r');
	execl("/proc/self/exe", "test-life", NULL);
	_exit(4);
}

static void another_program_is_executed(struct ktap *t)
{
	int socket;
	pid_t pid = spawn(exec_among_guests, &socket);

	KTAP_REQUIRE(t, pid > 0);
	KTAP_TRUE(t, hear(socket, 'r'));
	KTAP_EQ(t, reap(pid, socket), 0);
	module_expect_unused(t);
}

/* --- signals -------------------------------------------------------------------- */

static void signals_end_a_run(struct ktap *t)
{
	static const int flags[] = { 0, SA_RESTART };
	const struct guest_code *codes[] = { &runner_spin, &runner_halt };
	struct runner r;
	size_t i;

	for (i = 0; i < 4; i++) {
		handle(SIGUSR1, on_signal, flags[i / 2]);
		if (!runner_start(&r, t, codes[i % 2]))
			return;
		task_signal_until(r.thread, &r.back);
		pthread_join(r.thread, NULL);
		KTAP_EQ(t, r.result, -EINTR);
		KTAP_EQ(t, r.g.run->reason, HVM_EXIT_NONE);
		guest_close(&r.g);
	}
}

static void ignored_signals_do_not(struct ktap *t)
{
	struct runner r;
	int i;

	handle(SIGUSR2, SIG_IGN, 0);
	if (!runner_start(&r, t, &runner_spin))
		return;
	for (i = 0; i < 10; i++) {
		pthread_kill(r.thread, SIGUSR2);
		runner_expect_progress(&r);
	}
	runner_end(&r);
	handle(SIGUSR2, SIG_DFL, 0);
}

static void blocked_signals_do_not(struct ktap *t)
{
	struct runner r;
	sigset_t set, old;
	int i;

	handle(SIGUSR1, on_signal, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	if (runner_start(&r, t, &runner_spin)) {
		for (i = 0; i < 10; i++) {
			pthread_kill(r.thread, SIGUSR1);
			runner_expect_progress(&r);
		}
		runner_end(&r);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void run_patiently(int socket)
{
	struct ktap t = { 0 };
	struct runner r = { 0 };

	if (!runner_open(&r.g, &t, &runner_spin))
		_exit(1);
	r.patient = true;
	if (!runner_go_on(&r))
		_exit(2);
	say(socket, 'r');
	hear(socket, 'g');
	runner_expect_progress(&r);
	runner_end(&r);
	_exit(t.failures ? 3 : 0);
}

static void stopped_and_continued(struct ktap *t)
{
	int socket, status, i;
	pid_t pid = spawn(run_patiently, &socket);

	KTAP_REQUIRE(t, pid > 0);
	KTAP_TRUE(t, hear(socket, 'r'));
	for (i = 0; i < 3; i++) {
		kill(pid, SIGSTOP);
		KTAP_EQ(t, waitpid(pid, &status, WUNTRACED), pid);
		KTAP_TRUE(t, WIFSTOPPED(status));
		kill(pid, SIGCONT);
	}
	say(socket, 'g');
	KTAP_EQ(t, reap(pid, socket), 0);
	module_expect_unused(t);
}

static void run_traced(int socket)
{
	struct ktap t = { 0 };
	struct guest g;
	int i;

	(void)socket;
	if (!runner_open(&g, &t, &runner_leave))
		_exit(1);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	for (i = 0; i < 20; i++)
		KTAP_EQ(&t, i ? guest_complete(&g, 0) : guest_run(&g), HVM_EXIT_PIO);
	_exit(t.failures ? 2 : 0);
}

#define ENOUGH_STOPS	5000

/* A tracer that stops it at each system call leaves the thread work to do, each time. */
static void traced_at_each_system_call(struct ktap *t)
{
	int socket, status = 0, stops;
	pid_t pid = spawn(run_traced, &socket);

	KTAP_REQUIRE(t, pid > 0);
	for (stops = 0; stops < ENOUGH_STOPS; stops++) {
		if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			break;
		ptrace(PTRACE_SYSCALL, pid, NULL, 0);
	}
	if (stops == ENOUGH_STOPS) {
		KTAP_FAIL(t, "HVM_RUN is restarted again and again");
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	KTAP_EQ(t, status, 0);
	close(socket);
	module_expect_unused(t);
}

/* --- host CPUs ------------------------------------------------------------------- */

static void moves_at_every_exit(struct ktap *t)
{
	int cpus[TASK_CPUS], i;
	int count = task_cpus(cpus);
	struct guest g;

	if (count < 2)
		KTAP_SKIP(t, "there is one CPU");
	if (!runner_open(&g, t, &runner_leave))
		return;
	for (i = 0; i < 100; i++) {
		KTAP_TRUE(t, task_pin(0, cpus[i % count]));
		KTAP_EQ(t, i ? guest_complete(&g, 0) : guest_run(&g), HVM_EXIT_PIO);
		KTAP_EQ(t, sched_getcpu(), cpus[i % count]);
	}
	KTAP_EQ(t, *RUNNER_COUNT(&g), 100);
	guest_close(&g);
	task_release(0);
}

static void moves_within_a_run(struct ktap *t)
{
	const struct guest_code *codes[] = { &runner_spin, &runner_touch, &runner_halt };
	int cpus[TASK_CPUS], i;
	int count = task_cpus(cpus);
	struct runner r;
	size_t c;

	if (count < 2)
		KTAP_SKIP(t, "there is one CPU");
	for (c = 0; c < ARRAY_SIZE(codes); c++) {
		if (!runner_start(&r, t, codes[c]))
			return;
		for (i = 0; i < 30; i++) {
			KTAP_TRUE(t, task_pin(r.tid, cpus[i % count]));
			if (codes[c] == &runner_touch)
				madvise(r.g.ram + RUNNER_PAGES, 0x100000, MADV_DONTNEED);
			if (codes[c] != &runner_halt)
				runner_expect_progress(&r);
		}
		runner_end(&r);
	}
}

/* The last of our CPUs, if it may go: then it is offline now. -1: skipped. */
static int take_cpu_away(struct ktap *t)
{
	int cpus[TASK_CPUS];
	unsigned int count = task_cpus(cpus);

	if (count < 2)
		ktap_skip(t, "there is one CPU");
	else if (!task_set_online(cpus[count - 1], false))
		ktap_skip(t, "CPU %d does not go offline: %s", cpus[count - 1], strerror(errno));
	else
		return cpus[count - 1];
	return -1;
}

static int last_cpu(void)
{
	int cpus[TASK_CPUS];
	unsigned int count = task_cpus(cpus);

	return cpus[count - 1];
}

static void run_on(struct runner *r, int cpu)
{
	KTAP_TRUE(r->g.t, task_pin(r->tid, cpu));
	runner_expect_progress(r);
}

static void a_cpu_goes_offline_under_guests(struct ktap *t)
{
	struct runner r[2];
	int round, cpu, i;

	if (!runner_start(&r[0], t, &runner_spin) || !runner_start(&r[1], t, &runner_halt))
		return;
	for (round = 0; round < 3; round++) {
		run_on(&r[0], last_cpu());
		/* It is there, and may go elsewhere. */
		for (i = 0; i < 2; i++)
			KTAP_TRUE(t, task_release(r[i].tid));
		cpu = take_cpu_away(t);
		if (cpu < 0)
			break;
		KTAP_TRUE(t, task_release(r[0].tid));
		runner_expect_progress(&r[0]);
		KTAP_TRUE(t, task_set_online(cpu, true));
	}
	if (!t->skipped)
		run_on(&r[0], last_cpu());
	for (i = 0; i < 2; i++)
		runner_end(&r[i]);
	module_expect_unused(t);
}

static void guests_created_while_a_cpu_is_offline(struct ktap *t)
{
	int cpu = take_cpu_away(t), i;
	struct runner r[2];
	bool ok;

	if (cpu < 0)
		return;
	ok = runner_start(&r[0], t, &runner_spin) && runner_start(&r[1], t, &runner_touch);
	KTAP_TRUE(t, task_set_online(cpu, true));
	for (i = 0; ok && i < 2; i++) {
		run_on(&r[i], cpu);
		runner_end(&r[i]);
	}
	module_expect_unused(t);
}

/* A vCPU that was last where there is no CPU now: it goes on elsewhere, or just ends. */
static void the_cpu_of_its_last_run_is_offline(struct ktap *t)
{
	struct runner r[3];
	int cpu, i;

	for (i = 0; i < 3; i++) {
		if (!runner_start(&r[i], t, &runner_spin))
			return;
		run_on(&r[i], last_cpu());
		runner_stop(&r[i]);
	}
	cpu = take_cpu_away(t);
	if (cpu >= 0) {
		KTAP_TRUE(t, runner_go_on(&r[0]));
		runner_expect_progress(&r[0]);
		runner_stop(&r[0]);
		guest_close(&r[1].g);
		KTAP_TRUE(t, task_set_online(cpu, true));
		for (i = 0; i < 3; i += 2) {
			KTAP_TRUE(t, runner_go_on(&r[i]));
			run_on(&r[i], cpu);
			runner_stop(&r[i]);
		}
	}
	for (i = 0; i < 3; i++)
		guest_close(&r[i].g);
	module_expect_unused(t);
}

/* --- memory of the kernel ---------------------------------------------------------- */

#define ROUNDS		200
#define ROUND_BYTES	1024	/* a round may leave no more than this; a guest has 30 times that */

static void make_rounds(struct ktap *t, int rounds)
{
	struct guest g;
	int i;

	for (i = 0; i < rounds; i++) {
		if (!runner_open(&g, t, &runner_leave))
			return;
		KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
		guest_close(&g);
	}
}

static bool is_given_back(void *arg)
{
	return cgroup_kernel_bytes() <= *(long *)arg;
}

static void no_memory_is_left_behind(struct ktap *t)
{
	long before, limit;

	if (!cgroup_enter(t))
		return;
	make_rounds(t, 20);
	before = cgroup_kernel_bytes();
	limit = before + ROUNDS * ROUND_BYTES;
	make_rounds(t, ROUNDS);
	/* What was freed after a grace period, or by batches, comes a little later. */
	if (before < 0 || !task_wait(is_given_back, &limit))
		KTAP_FAIL(t, "%ld bytes before, %ld after", before, cgroup_kernel_bytes());
	cgroup_leave();
}

/* --- the module, last: it comes and goes -------------------------------------------- */

static void unload_is_refused_while_in_use(struct ktap *t)
{
	enum thing kept, thing;
	struct guest g;

	if (!module_can_reload())
		KTAP_SKIP(t, "no file to load the module from again");
	for (kept = DEV; kept <= RUN_PAGE; kept++) {
		if (!runner_open(&g, t, &runner_leave))
			return;
		KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
		KTAP_ERRNO(t, module_unload(), EWOULDBLOCK);
		for (thing = DEV; thing <= RUN_PAGE; thing++) {
			if (thing != kept)
				drop(&g, thing);
		}
		KTAP_ERRNO(t, module_unload(), EWOULDBLOCK);
		guest_close(&g);
	}
	module_expect_unused(t);
}

/* Out and in again, and a guest runs. */
static void reload(struct ktap *t)
{
	struct guest g;

	KTAP_OK(t, module_unload());
	KTAP_TRUE(t, open("/dev/vm", O_RDWR | O_CLOEXEC) < 0);
	KTAP_REQUIRE(t, !module_load());
	if (!runner_open(&g, t, &runner_leave))
		return;
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	guest_close(&g);
}

static void unload_after_guests(struct ktap *t)
{
	struct runner r;
	int i;

	if (!module_can_reload())
		KTAP_SKIP(t, "no file to load the module from again");
	for (i = 0; i < 3 && !t->failures; i++) {
		if (!runner_start(&r, t, &runner_spin))
			return;
		KTAP_ERRNO(t, module_unload(), EWOULDBLOCK);
		runner_end(&r);
		reload(t);
	}
}

static void unload_right_after_a_kill(struct ktap *t)
{
	int socket, i;
	pid_t pid;

	if (!module_can_reload())
		KTAP_SKIP(t, "no file to load the module from again");
	for (i = 0; i < 3 && !t->failures; i++) {
		pid = spawn(run_three, &socket);
		KTAP_REQUIRE(t, pid > 0);
		KTAP_TRUE(t, hear(socket, 'r'));
		kill(pid, SIGKILL);
		reap(pid, socket);
		module_expect_unused(t);
		reload(t);
	}
}

static void load_while_a_cpu_is_offline(struct ktap *t)
{
	struct runner r;
	int cpu;

	if (!module_can_reload())
		KTAP_SKIP(t, "no file to load the module from again");
	cpu = take_cpu_away(t);
	if (cpu < 0)
		return;
	reload(t);
	KTAP_TRUE(t, task_set_online(cpu, true));
	if (!runner_start(&r, t, &runner_spin))
		return;
	run_on(&r, cpu);
	runner_end(&r);
	/* And the other way round: gone with the module there, back without it. */
	cpu = take_cpu_away(t);
	KTAP_OK(t, module_unload());
	KTAP_TRUE(t, task_set_online(cpu, true));
	KTAP_OK(t, module_load());
	module_expect_unused(t);
}

static const struct ktap_case cases[] = {
	{ "close_in_every_order", close_in_every_order },
	{ "close_in_every_order_between_runs", close_in_every_order_between_runs },
	{ "close_around_a_running_vcpu", close_around_a_running_vcpu },
	{ "close_around_a_halted_vcpu", close_around_a_halted_vcpu },
	{ "close_with_a_kick_on_its_way", close_with_a_kick_on_its_way },
	{ "kill_while_guests_run", kill_while_guests_run },
	{ "kill_while_guests_come_and_go", kill_while_guests_come_and_go },
	{ "a_thread_ends_within_its_run", a_thread_ends_within_its_run },
	{ "fds_passed_to_another_process", fds_passed_to_another_process },
	{ "fds_inherited_by_a_fork", fds_inherited_by_a_fork },
	{ "another_program_is_executed", another_program_is_executed },
	{ "signals_end_a_run", signals_end_a_run },
	{ "ignored_signals_do_not", ignored_signals_do_not },
	{ "blocked_signals_do_not", blocked_signals_do_not },
	{ "stopped_and_continued", stopped_and_continued },
	{ "traced_at_each_system_call", traced_at_each_system_call },
	{ "moves_at_every_exit", moves_at_every_exit },
	{ "moves_within_a_run", moves_within_a_run },
	{ "a_cpu_goes_offline_under_guests", a_cpu_goes_offline_under_guests },
	{ "guests_created_while_a_cpu_is_offline", guests_created_while_a_cpu_is_offline },
	{ "the_cpu_of_its_last_run_is_offline", the_cpu_of_its_last_run_is_offline },
	{ "no_memory_is_left_behind", no_memory_is_left_behind },
	{ "unload_is_refused_while_in_use", unload_is_refused_while_in_use },
	{ "unload_after_guests", unload_after_guests },
	{ "unload_right_after_a_kill", unload_right_after_a_kill },
	{ "load_while_a_cpu_is_offline", load_while_a_cpu_is_offline },
};

int main(int argc, char **argv)
{
	const char *fds = getenv(INHERITED);
	int cpus[TASK_CPUS];

	if (fds)
		return use_after_exec(fds);
	task_cpus(cpus);
	return KTAP_MAIN(argc, argv, cases);
}
