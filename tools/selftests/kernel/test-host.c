// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest does to its own registers does nothing to the host's: after each way to leave, a
 * process finds its own as they were, and those of its CPU. And the other way round: a guest finds
 * its own, whatever the host does meanwhile. Not here: what exits tell (test-exits).
 */
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dress.h"
#include "task.h"
#include "msr.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE		4096UL

#define CPUID7_ECX_UMIP		(1U << 2)
#define CPUID7_ECX_RDPID	(1U << 22)
#define CPUID81_EDX_RDTSCP	(1U << 27)

static int first_cpu(void)
{
	int cpus[TASK_CPUS];

	return task_cpus(cpus) ? cpus[0] : 0;
}

/* --- what a process sees of its CPU ------------------------------------------- */

/**
 * struct view - registers that instructions show to a process
 * @selector: CS, SS, DS, ES, FS, GS
 * @aux: TSC_AUX, by RDTSCP
 */
struct view {
	uint64_t xcr0, fs_base, gs_base;
	uint32_t pkru, aux, rdpid;
	uint16_t selector[6];
};

static bool has_rdtscp(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && edx & CPUID81_EDX_RDTSCP;
}

static uint32_t leaf7_ecx(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) ? ecx : 0;
}

static struct view look(void)
{
	struct view v = { .xcr0 = vectors_xcr0() };
	uint64_t id;

	if (v.xcr0 & VECTORS_PKRU)
		asm volatile("rdpkru" : "=a" (v.pkru) : "c" (0) : "rdx");
	if (has_rdtscp())
		asm volatile("rdtscp" : "=c" (v.aux) : : "rax", "rdx");
	if (leaf7_ecx() & CPUID7_ECX_RDPID) {
		asm volatile("rdpid %0" : "=r" (id));
		v.rdpid = id;
	}
	asm volatile("mov %%cs, %0" : "=r" (v.selector[0]));
	asm volatile("mov %%ss, %0" : "=r" (v.selector[1]));
	asm volatile("mov %%ds, %0" : "=r" (v.selector[2]));
	asm volatile("mov %%es, %0" : "=r" (v.selector[3]));
	asm volatile("mov %%fs, %0" : "=r" (v.selector[4]));
	asm volatile("mov %%gs, %0" : "=r" (v.selector[5]));
	syscall(SYS_arch_prctl, ARCH_GET_FS, &v.fs_base);
	syscall(SYS_arch_prctl, ARCH_GET_GS, &v.gs_base);
	return v;
}

/**
 * struct trip - one way out of the guest, and what it is judged by
 * @t: the case
 * @a: the guest
 * @way: how it left
 * @before: the process's view before the run
 * @after: and after it
 * @data: the case's own
 */
struct trip {
	struct ktap *t;
	struct actor *a;
	enum actor_way way;
	struct view before;
	struct view after;
	void *data;
};

typedef void check_fn(struct trip *trip);

/* What was there before and what is there after. */
static void same(struct trip *trip, const char *what, uint64_t before, uint64_t after)
{
	if (before != after)
		KTAP_FAIL(trip->t, "after %s: %s 0x%llx, not 0x%llx", actor_way(trip->way), what,
			  (unsigned long long)after, (unsigned long long)before);
}

/* Leave in every way, and check at each before the guest runs on. All on one CPU. */
static void each_way(struct ktap *t, const struct dress *d, check_fn *check, void *data)
{
	struct actor a;
	struct trip trip = { .t = t, .a = &a, .data = data };

	task_pin(0, first_cpu());
	if (dress_open(&a, t, d)) {
		for (trip.way = 0; trip.way < ACTOR_WAYS; trip.way++) {
			trip.before = look();
			if (!actor_leave(&a, trip.way))
				break;
			trip.after = look();
			check(&trip);
			actor_return(&a, trip.way);
		}
		guest_close(&a.g);
	}
	task_release(0);
}

static const struct dress plain = { .seed = 2 };
static const struct dress little = { .seed = 3, .xcr0 = VECTORS_X87 | VECTORS_SSE };
static const struct dress bare = { .seed = 3, .xcr0 = VECTORS_X87 };
static const struct dress watching = { .seed = 4, .breakpoints = true };

static void same_vectors(struct trip *trip)
{
	const char *what = vectors_differ(&trip->a->before, &trip->a->after, vectors_features());

	if (what)
		KTAP_FAIL(trip->t, "after %s the process has lost %s", actor_way(trip->way), what);
}

static void vector_registers(struct ktap *t)
{
	each_way(t, &plain, same_vectors, NULL);
}

/* A guest whose XCR0 says less leaves the rest alone. */
static void vector_registers_beyond_the_guests_xcr0(struct ktap *t)
{
	if (!vectors_xcr0())
		KTAP_SKIP(t, "the processor has no XSAVE");
	each_way(t, &little, same_vectors, NULL);
	each_way(t, &bare, same_vectors, NULL);
}

static void same_xcr0(struct trip *trip)
{
	same(trip, "XCR0", trip->before.xcr0, trip->after.xcr0);
}

static void xcr0(struct ktap *t)
{
	if (!vectors_xcr0())
		KTAP_SKIP(t, "the processor has no XSAVE");
	each_way(t, &bare, same_xcr0, NULL);
}

static void same_pkru(struct trip *trip)
{
	same(trip, "PKRU", trip->before.pkru, trip->after.pkru);
}

static void pkru(struct ktap *t)
{
	if (!(vectors_features() & VECTORS_PKRU))
		KTAP_SKIP(t, "the processor has no protection keys");
	each_way(t, &plain, same_pkru, NULL);
	each_way(t, &little, same_pkru, NULL);
}

static __thread uint64_t thread_word;

static void same_segments(struct trip *trip)
{
	uint64_t *word = trip->data, value;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(trip->before.selector); i++)
		same(trip, "a selector", trip->before.selector[i], trip->after.selector[i]);
	same(trip, "the base of FS", trip->before.fs_base, trip->after.fs_base);
	same(trip, "the base of GS", trip->before.gs_base, trip->after.gs_base);
	thread_word++;
	KTAP_EQ(trip->t, thread_word, trip->way + 1);
	++*word;
	asm volatile("mov %%gs:0, %0" : "=r" (value));
	KTAP_EQ(trip->t, value, *word);
}

static void segment_bases(struct ktap *t)
{
	static uint64_t word = 0x1234;

	thread_word = 0;
	KTAP_OK(t, syscall(SYS_arch_prctl, ARCH_SET_GS, &word));
	each_way(t, &plain, same_segments, &word);
	syscall(SYS_arch_prctl, ARCH_SET_GS, 0);
}

/* Data segments of the process's own table: selectors that no exit restores by itself. */
static void segments_of_a_local_table(struct ktap *t)
{
	uint64_t *word = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct user_desc desc = {
		.entry_number = 1, .base_addr = (uintptr_t)word, .limit = PAGE - 1,
		.seg_32bit = 1,
	};
	const uint16_t selector = 1 << 3 | 7, none = 0;

	KTAP_REQUIRE(t, word != MAP_FAILED);
	*word = 0x77;
	if (syscall(SYS_modify_ldt, 1, &desc, sizeof(desc))) {
		munmap(word, PAGE);
		KTAP_SKIP(t, "no modify_ldt: %s", strerror(errno));
	}
	thread_word = 0;
	asm volatile("mov %0, %%gs; mov %0, %%es; mov %0, %%ds" : : "r" (selector));
	each_way(t, &plain, same_segments, word);
	asm volatile("mov %0, %%gs; mov %0, %%es; mov %0, %%ds" : : "r" (none));
	desc = (struct user_desc) { .entry_number = 1, .read_exec_only = 1, .seg_not_present = 1 };
	syscall(SYS_modify_ldt, 1, &desc, sizeof(desc));
	munmap(word, PAGE);
}

/**
 * struct tables - descriptor tables and their registers
 * @gdt: limit and base
 * @idt: limit and base
 * @ldt: selector
 * @tr: selector
 */
struct tables {
	uint8_t gdt[10];
	uint8_t idt[10];
	uint16_t ldt;
	uint16_t tr;
};

static struct tables look_at_tables(void)
{
	struct tables v = { 0 };

	asm volatile("sgdt %0" : "=m" (v.gdt));
	asm volatile("sidt %0" : "=m" (v.idt));
	asm volatile("sldt %0" : "=m" (v.ldt));
	asm volatile("str %0" : "=m" (v.tr));
	return v;
}

static void same_tables(struct trip *trip)
{
	const struct tables *before = trip->data;
	struct tables after = look_at_tables();

	if (memcmp(before->gdt, after.gdt, 10))
		KTAP_FAIL(trip->t, "after %s: another GDTR, limit 0x%02x%02x",
			  actor_way(trip->way), after.gdt[1], after.gdt[0]);
	/* VT-x leaves the IDT's limit at 64 KiB, which reaches no further than 256 gates. */
	if (memcmp(before->idt + 2, after.idt + 2, 8))
		KTAP_FAIL(trip->t, "after %s: another IDT", actor_way(trip->way));
	KTAP_TRUE(trip->t, *(uint16_t *)after.idt >= 0xfff);
	KTAP_EQ(trip->t, after.ldt, before->ldt);
	KTAP_EQ(trip->t, after.tr, before->tr);
}

static void descriptor_tables(struct ktap *t)
{
	struct tables before;

	if (leaf7_ecx() & CPUID7_ECX_UMIP)
		KTAP_SKIP(t, "UMIP hides them");
	task_pin(0, first_cpu());
	before = look_at_tables();
	each_way(t, &plain, same_tables, &before);
}

static sigjmp_buf no_port;

static void on_fault(int signal)
{
	(void)signal;
	siglongjmp(no_port, 1);
}

/* The bitmap lies behind the part of the TSS that an exit of VT-x leaves within TR's limit. */
static void port_is_open(struct trip *trip)
{
	if (sigsetjmp(no_port, 1))
		KTAP_FAIL(trip->t, "after %s the process's port is closed", actor_way(trip->way));
	else
		outb(0, 0x80);
}

static void io_permissions(struct ktap *t)
{
	struct sigaction action = { .sa_handler = on_fault }, old;

	if (ioperm(0x80, 1, 1))
		KTAP_SKIP(t, "no ioperm: %s", strerror(errno));
	sigaction(SIGSEGV, &action, &old);
	each_way(t, &plain, port_is_open, NULL);
	sigaction(SIGSEGV, &old, NULL);
	ioperm(0x80, 1, 0);
}

static void same_cpu(struct trip *trip)
{
	unsigned int cpu = 0, node = 0;

	same(trip, "TSC_AUX", trip->before.aux, trip->after.aux);
	same(trip, "what RDPID says", trip->before.rdpid, trip->after.rdpid);
	KTAP_EQ(trip->t, sched_getcpu(), first_cpu());
	KTAP_OK(trip->t, syscall(SYS_getcpu, &cpu, &node, NULL));
	KTAP_EQ(trip->t, (int)cpu, first_cpu());
	if (has_rdtscp())
		KTAP_EQ(trip->t, trip->after.aux, node << 12 | cpu);
}

static void number_of_the_cpu(struct ktap *t)
{
	each_way(t, &plain, same_cpu, NULL);
}

static const uint32_t host_msrs[] = {
	MSR_SPEC_CTRL, MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_DEBUGCTL, MSR_PAT,
	MSR_EFER, MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK, MSR_FS_BASE, MSR_GS_BASE,
	MSR_KERNEL_GS_BASE, MSR_TSC_AUX, 0xda0 /* XSS */, 0x1a0 /* MISC_ENABLE */,
};

/**
 * struct msrs - those of the CPU
 * @fd: its /dev/cpu/N/msr
 * @value: by index in host_msrs[]
 * @there: it can be read
 */
struct msrs {
	int fd;
	uint64_t value[ARRAY_SIZE(host_msrs)];
	bool there[ARRAY_SIZE(host_msrs)];
};

static void read_msrs(struct msrs *msrs)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(host_msrs); i++)
		msrs->there[i] = pread(msrs->fd, &msrs->value[i], 8, host_msrs[i]) == 8;
}

static void same_msrs(struct trip *trip)
{
	const struct msrs *before = trip->data;
	struct msrs after = { .fd = before->fd };
	size_t i;

	read_msrs(&after);
	for (i = 0; i < ARRAY_SIZE(host_msrs); i++) {
		if (before->there[i] && after.value[i] != before->value[i])
			KTAP_FAIL(trip->t, "after %s: MSR 0x%x is 0x%llx, not 0x%llx",
				  actor_way(trip->way), host_msrs[i],
				  (unsigned long long)after.value[i],
				  (unsigned long long)before->value[i]);
	}
}

static int open_msrs(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", first_cpu());
	if (access(path, R_OK) && system("modprobe msr 2>/dev/null"))
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void msrs_of_the_host(struct ktap *t)
{
	struct msrs before = { .fd = open_msrs() };
	static uint64_t word;
	size_t i, count = 0;

	if (before.fd < 0)
		KTAP_SKIP(t, "no /dev/cpu/%d/msr", first_cpu());
	task_pin(0, first_cpu());
	syscall(SYS_arch_prctl, ARCH_SET_GS, &word);
	read_msrs(&before);
	for (i = 0; i < ARRAY_SIZE(host_msrs); i++)
		count += before.there[i];
	KTAP_TRUE(t, count >= 12);
	each_way(t, &plain, same_msrs, &before);
	syscall(SYS_arch_prctl, ARCH_SET_GS, 0);
	close(before.fd);
}

/* --- breakpoints of the host --------------------------------------------------- */

/* The same linear address in the process and in the guest. */
static volatile uint64_t *shared_address(void)
{
	void *page = mmap((void *)ACTOR_PAGES, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return page == (void *)ACTOR_PAGES ? page : NULL;
}

static int watch(volatile void *address)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)address,
		.bp_len = HW_BREAKPOINT_LEN_8,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static uint64_t hits(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, 8) == 8 ? count : ~0ULL;
}

struct watched {
	volatile uint64_t *word;
	int fd;
	uint64_t expected;
};

static void breakpoint_fires(struct trip *trip)
{
	struct watched *w = trip->data;

	/* The guest wrote there, too: that is its own memory. */
	KTAP_EQ(trip->t, hits(w->fd), w->expected);
	*w->word = 1;
	w->expected++;
	if (hits(w->fd) != w->expected)
		KTAP_FAIL(trip->t, "after %s the breakpoint of the process is off",
			  actor_way(trip->way));
	w->expected = hits(w->fd);
}

static void breakpoints_of_the_process(struct ktap *t)
{
	struct watched w = { .word = shared_address() };

	if (!dress_breakpoints_are_safe())
		KTAP_SKIP(t, "QEMU dies of it");
	KTAP_REQUIRE(t, w.word);
	w.fd = watch(w.word);
	if (w.fd < 0) {
		munmap((void *)w.word, PAGE);
		KTAP_SKIP(t, "no hardware breakpoints: %s", strerror(errno));
	}
	each_way(t, &plain, breakpoint_fires, &w);
	each_way(t, &watching, breakpoint_fires, &w);
	KTAP_EQ(t, w.expected, 2 * ACTOR_WAYS);
	close(w.fd);
	munmap((void *)w.word, PAGE);
}

static volatile uint64_t traced_word;

/* The child: a guest runs between each two writes that the parent wants to see. */
static void traced(void)
{
	struct ktap t = { 0 };
	struct actor a;
	enum actor_way way;

	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	task_pin(0, first_cpu());
	if (!dress_open(&a, &t, &watching))
		_exit(1);
	for (way = 0; way < ACTOR_WAYS; way++) {
		actor_leave(&a, way);
		traced_word = way;
		actor_return(&a, way);
	}
	_exit(t.failures ? 1 : 0);
}

static bool set_breakpoint(pid_t pid)
{
	const size_t dr = offsetof(struct user, u_debugreg);

	return !ptrace(PTRACE_POKEUSER, pid, dr, &traced_word) &&
	       !ptrace(PTRACE_POKEUSER, pid, dr + 7 * 8, 0x90001UL);
}

/* Let it run on, with the signals it is sent; how often it was trapped; its status at the end. */
static unsigned int count_traps(pid_t pid, int *status)
{
	unsigned int traps = 0;
	int signal = 0;

	for (;;) {
		ptrace(PTRACE_CONT, pid, NULL, signal);
		if (waitpid(pid, status, __WALL) != pid || !WIFSTOPPED(*status))
			return traps;
		signal = WSTOPSIG(*status) == SIGTRAP ? 0 : WSTOPSIG(*status);
		traps += !signal;
	}
}

static void breakpoints_of_a_tracer(struct ktap *t)
{
	int status = 0;
	pid_t pid;

	if (!dress_breakpoints_are_safe())
		KTAP_SKIP(t, "QEMU dies of it");
	fflush(stdout);
	pid = fork();
	KTAP_REQUIRE(t, pid >= 0);
	if (!pid)
		traced();
	waitpid(pid, &status, __WALL);
	if (!WIFSTOPPED(status) || !set_breakpoint(pid)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		KTAP_SKIP(t, "no breakpoint by ptrace");
	}
	KTAP_EQ(t, count_traps(pid, &status), ACTOR_WAYS);
	KTAP_EQ(t, status, 0);
}

/* --- the guest's own ------------------------------------------------------------ */

typedef void guest_check_fn(struct actor *a, const struct dress *d, const char *when);

static void guest_keeps(struct ktap *t, const struct dress *d, guest_check_fn *check)
{
	enum actor_way way;
	struct actor a;

	if (!dress_open(&a, t, d))
		return;
	check(&a, d, "loading");
	for (way = 0; way < ACTOR_WAYS; way++) {
		if (!actor_leave(&a, way))
			break;
		actor_return(&a, way);
		check(&a, d, actor_way(way));
	}
	guest_close(&a.g);
}

static void guest_keeps_vector_registers(struct ktap *t)
{
	guest_keeps(t, &plain, dress_check_vectors);
	if (!vectors_xcr0())
		return;
	guest_keeps(t, &little, dress_check_vectors);
	guest_keeps(t, &bare, dress_check_vectors);
}

static void guest_keeps_msrs(struct ktap *t)
{
	guest_keeps(t, &plain, dress_check_msrs);
}

static void guest_keeps_debug_registers(struct ktap *t)
{
	guest_keeps(t, &plain, dress_check_debug);
	guest_keeps(t, &watching, dress_check_debug);
}

/* What an exception left behind is no state: what is got can be set. */
static void state_after_an_exception(struct ktap *t)
{
	struct hvm_state state;
	struct actor a;

	if (!actor_open(&a, t))
		return;
	KTAP_TRUE(t, !actor_do(&a, ACTOR_RDMSR, 0x12345678, 0) && a.refused);
	KTAP_OK(t, guest_get(&a.g, HVM_STATE_EVENTS, &state));
	KTAP_EQ(t, state.events.injected.type, HVM_EVENT_NONE);
	KTAP_EQ(t, state.events.pending.type, HVM_EVENT_NONE);
	KTAP_OK(t, guest_set(&a.g, HVM_STATE_EVENTS, &state));
	KTAP_TRUE(t, actor_do(&a, ACTOR_NOTHING, 0, 0));
	guest_close(&a.g);
}

static void guests_in_turn(struct ktap *t)
{
	static const struct dress dresses[2] = {
		{ .seed = 6, .breakpoints = true }, { .seed = 9, .xcr0 = 3 },
	};
	struct actor a[2];
	enum actor_way way;
	int i;

	if (!dress_open(&a[0], t, &dresses[0]))
		return;
	task_pin(0, first_cpu());
	if (dress_open(&a[1], t, &dresses[1])) {
		for (way = 0; way < ACTOR_WAYS; way++) {
			if (!actor_leave(&a[0], way) || !actor_leave(&a[1], way))
				break;
			for (i = 0; i < 2; i++)
				actor_return(&a[i], way);
			for (i = 0; i < 2; i++)
				dress_check(&a[i], &dresses[i], "another guest");
		}
		guest_close(&a[1].g);
	}
	guest_close(&a[0].g);
	task_release(0);
}

/* Whatever the processor's registers hold at its creation. */
static void fresh_guest_finds_nothing(struct ktap *t)
{
	uint64_t features = vectors_features();
	enum actor_order save;
	struct actor dirty, a;

	task_pin(0, first_cpu());
	if (dress_open(&dirty, t, &plain)) {
		if (actor_open(&a, t)) {
			actor_leave(&dirty, ACTOR_BY_PORT);
			if (vectors_xcr0())
				KTAP_TRUE(t, actor_do(&a, ACTOR_XSETBV, features, 0));
			memset(actor_image(&a), 0xff, 512);
			save = vectors_xcr0() ? ACTOR_XSAVE : ACTOR_FXSAVE;
			KTAP_TRUE(t, actor_do(&a, save, features, 0));
			KTAP_TRUE(t, vectors_blank(actor_image(&a), features));
			guest_close(&a.g);
		}
		guest_close(&dirty.g);
	}
	task_release(0);
}

/* --- while others use the CPU --------------------------------------------------- */

/**
 * struct rival - a thread that runs another guest
 * @a: the guest
 * @thread: runs it
 * @tid: the same
 * @reason: how it left
 */
struct rival {
	struct actor a;
	pthread_t thread;
	volatile pid_t tid;
	int reason;
};

static void *spin(void *arg)
{
	struct rival *r = arg;
	sigset_t set;

	r->tid = gettid();
	sigfillset(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	r->reason = actor_start(&r->a, ACTOR_SPIN, 0, 0);
	return NULL;
}

static bool spin_off(struct rival *r)
{
	uint64_t count = *actor_count(&r->a);

	return !pthread_create(&r->thread, NULL, spin, r) &&
	       task_wait_count(actor_count(&r->a), count + 1);
}

/* Bring it back, and see what is left of its registers and its thread's. */
static void fetch(struct rival *r, const struct dress *d, const char *when)
{
	const char *what;

	guest_kick(r->a.g.vcpu);
	pthread_join(r->thread, NULL);
	KTAP_EQ(r->a.g.t, r->reason, HVM_EXIT_STOPPED);
	what = vectors_differ(&r->a.before, &r->a.after, vectors_features());
	if (what)
		KTAP_FAIL(r->a.g.t, "after %s a thread has lost %s", when, what);
	actor_resume(&r->a);
	dress_check(&r->a, d, when);
}

#define TURNS	10

/* Both get somewhere, again and again: they are switched on one CPU. */
static void guests_share_a_cpu(struct ktap *t)
{
	static const struct dress dresses[2] = {
		{ .seed = 6, .breakpoints = true }, { .seed = 9, .xcr0 = 3 },
	};
	struct rival r[2];
	int i, turn;

	if (!dress_open(&r[0].a, t, &dresses[0]))
		return;
	task_pin(0, first_cpu());
	if (dress_open(&r[1].a, t, &dresses[1])) {
		vectors_fill(&r[1].a.before, vectors_features(), 8);
		for (i = 0; i < 2; i++)
			KTAP_TRUE(t, spin_off(&r[i]));
		for (turn = 0; turn < 2 * TURNS; turn++) {
			volatile uint64_t *count = actor_count(&r[turn % 2].a);

			KTAP_TRUE(t, task_wait_count(count, *count + 1));
		}
		for (i = 0; i < 2; i++)
			fetch(&r[i], &dresses[i], "sharing a CPU with a guest");
		guest_close(&r[1].a.g);
	}
	guest_close(&r[0].a.g);
	task_release(0);
}

/**
 * struct hog - a process that keeps the vector registers busy
 * @rounds: so often
 * @lost: its own were not what it loaded
 * @stop: not 0: enough
 */
struct hog {
	volatile uint64_t rounds;
	volatile uint64_t lost;
	volatile uint64_t stop;
};

static void use_vectors(struct hog *hog)
{
	struct vectors mine, seen;

	while (!hog->stop) {
		vectors_fill(&mine, vectors_features(), 11 + hog->rounds % 5);
		vectors_syscall(SYS_sched_yield, 0, 0, &mine, &seen);
		hog->lost += !!vectors_differ(&mine, &seen, vectors_features());
		hog->rounds++;
	}
	_exit(0);
}

static void others_use_vectors(struct ktap *t)
{
	struct hog *hog = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			       -1, 0);
	struct rival r;
	pid_t pid;
	int turn;

	KTAP_REQUIRE(t, hog != MAP_FAILED);
	task_pin(0, first_cpu());
	pid = fork();
	if (!pid)
		use_vectors(hog);
	if (pid > 0 && dress_open(&r.a, t, &plain)) {
		KTAP_TRUE(t, spin_off(&r));
		for (turn = 0; turn < TURNS; turn++) {
			KTAP_TRUE(t, task_wait_count(actor_count(&r.a), *actor_count(&r.a) + 1));
			KTAP_TRUE(t, task_wait_count(&hog->rounds, hog->rounds + 2));
		}
		fetch(&r, &plain, "sharing a CPU with a process");
		guest_close(&r.a.g);
	}
	hog->stop = 1;
	KTAP_EQ(t, waitpid(pid, NULL, 0), pid);
	KTAP_EQ(t, hog->lost, 0);
	munmap(hog, PAGE);
	task_release(0);
}

static void guest_moves_between_runs(struct ktap *t)
{
	int cpus[TASK_CPUS];
	unsigned int count = task_cpus(cpus), i;
	struct actor a;

	if (count < 2)
		KTAP_SKIP(t, "there is one CPU");
	if (!dress_open(&a, t, &watching))
		return;
	for (i = 0; i < 2 * count + ACTOR_WAYS; i++) {
		KTAP_TRUE(t, task_pin(0, cpus[i % count]));
		if (!actor_leave(&a, i % ACTOR_WAYS))
			break;
		same_vectors(&(struct trip) { .t = t, .a = &a, .way = i % ACTOR_WAYS });
		KTAP_TRUE(t, task_pin(0, cpus[(i + 1) % count]));
		actor_return(&a, i % ACTOR_WAYS);
		dress_check(&a, &watching, "a move");
	}
	guest_close(&a.g);
	task_release(0);
}

static void guest_moves_while_it_runs(struct ktap *t)
{
	int cpus[TASK_CPUS];
	unsigned int count = task_cpus(cpus), i;
	struct rival r;

	if (count < 2)
		KTAP_SKIP(t, "there is one CPU");
	if (!dress_open(&r.a, t, &watching))
		return;
	KTAP_TRUE(t, spin_off(&r));
	for (i = 0; i < 4 * count; i++) {
		KTAP_TRUE(t, task_pin(r.tid, cpus[i % count]));
		KTAP_TRUE(t, task_wait_count(actor_count(&r.a), *actor_count(&r.a) + 2));
	}
	fetch(&r, &watching, "moves");
	guest_close(&r.a.g);
}

static const struct ktap_case cases[] = {
	{ "vector_registers", vector_registers },
	{ "vector_registers_beyond_the_guests_xcr0", vector_registers_beyond_the_guests_xcr0 },
	{ "xcr0", xcr0 },
	{ "pkru", pkru },
	{ "segment_bases", segment_bases },
	{ "segments_of_a_local_table", segments_of_a_local_table },
	{ "descriptor_tables", descriptor_tables },
	{ "io_permissions", io_permissions },
	{ "number_of_the_cpu", number_of_the_cpu },
	{ "msrs_of_the_host", msrs_of_the_host },
	{ "breakpoints_of_the_process", breakpoints_of_the_process },
	{ "breakpoints_of_a_tracer", breakpoints_of_a_tracer },
	{ "guest_keeps_vector_registers", guest_keeps_vector_registers },
	{ "guest_keeps_msrs", guest_keeps_msrs },
	{ "guest_keeps_debug_registers", guest_keeps_debug_registers },
	{ "state_after_an_exception", state_after_an_exception },
	{ "guests_in_turn", guests_in_turn },
	{ "fresh_guest_finds_nothing", fresh_guest_finds_nothing },
	{ "guests_share_a_cpu", guests_share_a_cpu },
	{ "others_use_vectors", others_use_vectors },
	{ "guest_moves_between_runs", guest_moves_between_runs },
	{ "guest_moves_while_it_runs", guest_moves_while_it_runs },
};

int main(int argc, char **argv)
{
	int cpus[TASK_CPUS];

	task_cpus(cpus);
	return KTAP_MAIN(argc, argv, cases);
}
