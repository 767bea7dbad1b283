// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once: guests of two virtual processors come and go while other threads replace and
 * unmap their memory, send signals, kicks and messages, bind and unbind the doorbell and the
 * interrupt that they ring with it, read their state, move their threads, take host processors
 * away, and kill a process in the middle of a run. Their paravirtual pages wander through the
 * disturbed memory. Each virtual processor counts its rounds, and counts once more in a page of
 * that memory for each: when a guest ends, the two have to agree. STRESS_MIX_MS says for how long;
 * the seed is printed, HVM_SEED sets it.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "event.h"
#include "guest.h"
#include "module.h"
#include "msr.h"
#include "random.h"
#include "runner.h"
#include "task.h"

#define PAGE		4096UL
#define MIB		(1UL << 20)
#define AT		0x40000000UL	/* the disturbed memory of a guest */
#define PAGES		64UL		/* that each virtual processor counts in */
#define PART		MIB		/* of each */
#define BYTES		(CPUS * PART)
#define PLACES		2		/* guests at a time */
#define CPUS		2		/* virtual processors of each */
#define SEATS		(PLACES * CPUS)
#define RUNS		400		/* times HVM_RUN returns, at most, before a guest ends */
#define USUAL_MS	2000
#define VECTOR		0x61
#define VECTORS		32		/* from VECTOR on */
#define HANDLER		0x11000UL
#define NMI_HANDLER	0x12000UL
#define DOORBELL	0x81		/* port */
/* In a page of the disturbed memory, behind the count. */
#define CLOCK_AREA	0x100
#define STEAL_AREA	0x200
#define EOI_FLAG	0x300
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define ROUNDS(i)	(GUEST_DATA + (i) * 64)	/* and 8 bytes on, its interrupts; its NMIs */

/* --- the guest ------------------------------------------------------------------- */

#define EVERY(n, what)		"test $" #n "-1,%esi; jnz 8f;" what "8:"

extern const struct guest_code work, handler, nmi_handler;

/* R15: its number. R14: where it counts. R13: where interrupts may end. RDI: its pages. */
GUEST_CODE("work", "code64",
	   "mov %r15,%r14; shl $6,%r14; add $0x20000,%r14;"
	   X2APIC_ON
	   "sti; 1: incq (%r14); mov (%r14),%rsi;"
	   "mov %esi,%eax; and $63,%eax; shl $12,%eax; add %rdi,%rax; incq (%rax);"
	   EVERY(4, "xor %eax,%eax; cpuid;")
	   EVERY(8, "out %al,$0x80;")
	   EVERY(16, "mov %cr3,%rax; mov %rax,%cr3;")
	   EVERY(16, "out %al,$0x81;")
	   EVERY(32, WRMSR(0x83f, 0x61))
	   EVERY(64, "mov $0x830,%ecx; mov $0x61,%eax; mov %r15d,%edx; xor $1,%edx; wrmsr;")
	   EVERY(128, WRMSR(0x832, 0x61) WRMSR(0x838, 1000) "hlt;")
	   /* Clock, stolen time and flag go to the next page. */
	   EVERY(256, "mov %esi,%eax; shr $8,%eax; and $63,%eax; shl $12,%eax; add %edi,%eax;"
		      "xor %edx,%edx; add $0x101,%eax; mov $0x4b564d01,%ecx; wrmsr;"
		      "add $0x100,%eax; mov $0x4b564d03,%ecx; wrmsr;"
		      "add $0x100,%eax; mov $0x4b564d04,%ecx; wrmsr; lea -1(%rax),%r13;")
	   "jmp 1b");
GUEST_CODE("handler", "code64",
	   "push %rax; push %rcx; push %rdx; incq 8(%r14); btrl $0,(%r13); jc 1f;" WRMSR(0x80b, 0)
	   "1: pop %rdx; pop %rcx; pop %rax; iretq");
GUEST_CODE("nmi_handler", "code64", "incq 16(%r14); iretq");

/**
 * struct place - where one guest after the other lives
 * @lock: read: the guest stays what it is; write: it is opened or closed
 * @barrier: its threads begin and end a life together
 * @t: failures of its guests
 * @g: the guest as each of its virtual processors has it; the fds may be out of date without @lock
 * @memory: the disturbed memory, at AT; stays
 * @event: what the doorbell rings and sends an interrupt; stays
 * @rings: the doorbell is there
 * @sends: the eventfd is bound
 * @open: there is a guest
 * @over: the world ends, and so do the threads
 * @lives: guests so far
 */
struct place {
	pthread_rwlock_t lock;
	pthread_barrier_t barrier;
	struct ktap t;
	struct guest g[CPUS];
	char *memory;
	int event;
	bool rings;
	bool sends;
	bool open;
	bool over;
	unsigned long lives;
};

/**
 * struct seat - a thread that runs a virtual processor
 * @place: of which guest
 * @index: which
 * @thread: the thread
 * @tid: the same
 * @random: its numbers
 * @exits: by reason
 * @signals: runs that ended with EINTR
 * @rounds: that its virtual processors made
 * @interrupts: that they took
 * @nmis: likewise
 */
struct seat {
	struct place *place;
	unsigned int index;
	pthread_t thread;
	atomic_int tid;
	uint64_t random;
	unsigned long exits[HVM_EXIT_REASONS];
	unsigned long signals;
	atomic_ulong rounds;
	unsigned long interrupts;
	unsigned long nmis;
};

static struct place places[PLACES];
static struct seat seats[SEATS];
static atomic_bool stop;

/* Threads move, processors go and processes are made under this: nobody is pinned to what goes. */
static pthread_mutex_t moving = PTHREAD_MUTEX_INITIALIZER;
static int cpu_away = -1;

/* Who uses the guests' memory, or takes the right to away for a moment, holds this. */
static pthread_mutex_t accessible = PTHREAD_MUTEX_INITIALIZER;

/* What went wrong first, wherever: printed by main's thread. */
static pthread_mutex_t complaining = PTHREAD_MUTEX_INITIALIZER;
static char complaint[160];

__attribute__((format(printf, 1, 2)))
static void complain(const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&complaining);
	va_start(ap, fmt);
	if (!complaint[0])
		vsnprintf(complaint, sizeof(complaint), fmt, ap);
	va_end(ap);
	pthread_mutex_unlock(&complaining);
	atomic_store(&stop, true);
}

/* --- lives of guests -------------------------------------------------------------- */

static bool join_guest(struct guest *g, const struct guest *first, uint32_t apic_id)
{
	struct hvm_create_vcpu create = { .size = sizeof(create), .apic_id = apic_id };
	void *page;

	*g = *first;
	g->vcpu = ioctl(g->vm, HVM_CREATE_VCPU, &create);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
	g->run = page == MAP_FAILED ? NULL : page;
	return g->run;
}

/* Each with a stack of its own, awake, before its first instruction. */
static bool set_off(struct guest *g, unsigned int index)
{
	struct hvm_state state;

	guest_long(g, &work);
	if (guest_get(g, HVM_STATE_GPR | HVM_STATE_EVENTS, &state))
		return false;
	state.gpr.gpr[HVM_RSP] = GUEST_STACK - index * PAGE;
	state.gpr.gpr[HVM_RDI] = AT + index * PART;
	state.gpr.gpr[HVM_R15] = index;
	state.gpr.gpr[HVM_R13] = AT + index * PART + EOI_FLAG;
	state.events.mp_state = HVM_MP_RUNNING;
	return !guest_set(g, HVM_STATE_GPR | HVM_STATE_EVENTS, &state) &&
	       !guest_set_msr(g, MSR_SYSTEM_TIME, (AT + index * PART + CLOCK_AREA) | 1) &&
	       !guest_set_msr(g, MSR_STEAL_TIME, (AT + index * PART + STEAL_AREA) | 1) &&
	       !guest_set_msr(g, MSR_PV_EOI, (AT + index * PART + EOI_FLAG) | 1);
}

static bool open_guests(struct place *p)
{
	unsigned int i;

	if (!guest_open(&p->g[0], &p->t, GUEST_RAM) || !guest_default_cpuid(&p->g[0]))
		return false;
	for (i = 0; i < CPUS; i++) {
		if (i && !join_guest(&p->g[i], &p->g[0], i))
			return false;
		if (!set_off(&p->g[i], i))
			return false;
	}
	for (i = VECTOR; i < VECTOR + VECTORS; i++)
		guest_gate(&p->g[0], i, &handler, HANDLER);
	guest_gate(&p->g[0], 2, &nmi_handler, NMI_HANDLER);
	p->rings = false;
	p->sends = false;
	return guest_map(&p->g[0], AT, p->memory, BYTES, 0);
}

static void begin_life(struct place *p)
{
	p->over = atomic_load(&stop);
	if (p->over)
		return;
	pthread_rwlock_wrlock(&p->lock);
	pthread_mutex_lock(&accessible);
	memset(p->memory, 0, BYTES);
	pthread_mutex_unlock(&accessible);
	p->open = open_guests(p);
	if (!p->open)
		complain("no guest: %s", strerror(errno));
	p->lives++;
	pthread_rwlock_unlock(&p->lock);
}

static void close_guests(struct place *p)
{
	unsigned int i;

	for (i = 1; i < CPUS; i++) {
		if (p->g[i].run)
			munmap(p->g[i].run, PAGE);
		if (p->g[i].vcpu > 0)
			close(p->g[i].vcpu);
		p->g[i].run = NULL;
		p->g[i].vcpu = -1;
	}
	guest_close(&p->g[0]);
}

/* The last round may be between its two counts. */
static void check_rounds(struct seat *s)
{
	const struct guest *g = &s->place->g[0];
	uint64_t rounds = *(uint64_t *)(g->ram + ROUNDS(s->index)), sum = 0, i;

	pthread_mutex_lock(&accessible);
	for (i = 0; i < PAGES; i++)
		sum += *(uint64_t *)(s->place->memory + s->index * PART + i * PAGE);
	pthread_mutex_unlock(&accessible);
	if (rounds - sum > 1)
		complain("%llu rounds, but %llu in memory", (unsigned long long)rounds,
			 (unsigned long long)sum);
	atomic_fetch_add(&s->rounds, rounds);
	s->interrupts += *(uint64_t *)(g->ram + ROUNDS(s->index) + 8);
	s->nmis += *(uint64_t *)(g->ram + ROUNDS(s->index) + 16);
}

static void end_life(struct place *p)
{
	pthread_rwlock_wrlock(&p->lock);
	p->open = false;
	close_guests(p);
	pthread_rwlock_unlock(&p->lock);
}

/* Take all its state, which has to be one that can be given back. */
static void save_and_restore(struct guest *g)
{
	const uint32_t mask = HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL |
			      HVM_STATE_LAPIC | HVM_STATE_EVENTS | HVM_STATE_DEBUG |
			      HVM_STATE_CLOCK;
	struct hvm_state state;

	while (guest_get(g, mask, &state)) {
		/* Somebody else may be reading it. */
		if (errno == EBUSY)
			continue;
		complain("HVM_GET_STATE: %s", strerror(errno));
		return;
	}
	while (guest_set(g, mask, &state)) {
		if (errno == EBUSY)
			continue;
		complain("HVM_SET_STATE: %s", strerror(errno));
		return;
	}
}

static bool goes_on(struct seat *s, struct guest *g, int err)
{
	uint64_t gpa = g->run->memory.gpa;

	if (err == EINTR) {
		s->signals++;
		return true;
	}
	if (err == EBUSY)	/* somebody reads its state */
		return true;
	if (!err && g->run->reason < HVM_EXIT_REASONS)
		s->exits[g->run->reason]++;
	if (!err && g->run->reason == HVM_EXIT_PIO) {
		g->run->complete = HVM_COMPLETE;
		return true;
	}
	if (!err && (g->run->reason == HVM_EXIT_MEMORY || g->run->reason == HVM_EXIT_FAULT) &&
	    gpa >= AT && gpa < AT + BYTES) {
		sched_yield();
		return true;
	}
	if (!err && (g->run->reason == HVM_EXIT_STOPPED || g->run->reason == HVM_EXIT_EOI))
		return true;
	complain("HVM_RUN: %s", guest_reason(err ? -err : (int)g->run->reason));
	guest_report(g);
	return false;
}

static void live(struct seat *s)
{
	struct guest *g = &s->place->g[s->index];
	unsigned int runs = 1 + random64(&s->random) % RUNS;

	while (runs-- && !atomic_load(&stop)) {
		if (!goes_on(s, g, ioctl(g->vcpu, HVM_RUN, 0) ? errno : 0))
			return;
		if (!g->run->complete && !(random64(&s->random) % 8))
			save_and_restore(g);
	}
}

static void *sit(void *arg)
{
	struct seat *s = arg;
	struct place *p = s->place;

	atomic_store(&s->tid, gettid());
	for (;;) {
		if (!s->index)
			begin_life(p);
		pthread_barrier_wait(&p->barrier);
		if (p->over)
			return NULL;
		if (p->open)
			live(s);
		pthread_barrier_wait(&p->barrier);
		if (p->open)
			check_rounds(s);
		pthread_barrier_wait(&p->barrier);
		if (!s->index)
			end_life(p);
	}
}

/* --- what disturbs them ------------------------------------------------------------ */

static struct place *some_place(uint64_t *random)
{
	return &places[random64(random) % PLACES];
}

static uint64_t some_page(uint64_t *random)
{
	return random64(random) % CPUS * PART + random64(random) % PAGES * PAGE;
}

static void unmap_and_map(struct place *p, uint64_t at)
{
	struct hvm_unmap unmap = { .size = sizeof(unmap), .gpa = AT + at, .bytes = PAGE };

	if (ioctl(p->g[0].vm, HVM_UNMAP, &unmap))
		complain("HVM_UNMAP: %s", strerror(errno));
	if (!guest_map(&p->g[0], unmap.gpa, p->memory + at, PAGE, 0))
		complain("HVM_MAP: %s", strerror(errno));
}

static void replace(struct place *p, uint64_t at, uint64_t bytes)
{
	if (!guest_map(&p->g[0], AT + at, p->memory + at, bytes, HVM_MAP_REPLACE))
		complain("HVM_MAP, replacing: %s", strerror(errno));
}

static void ranges(uint64_t *random)
{
	struct place *p = some_place(random);
	uint64_t at = some_page(random);

	pthread_rwlock_rdlock(&p->lock);
	if (p->open) {
		switch (random64(random) % 8) {
		case 0:
			replace(p, 0, BYTES);
			break;
		case 1 ... 3:
			replace(p, at, PAGE);
			break;
		default:
			unmap_and_map(p, at);
		}
	}
	pthread_rwlock_unlock(&p->lock);
}

static void copy_by_fork(void)
{
	pid_t pid;

	pthread_mutex_lock(&moving);
	pid = fork();
	if (!pid)
		_exit(0);
	pthread_mutex_unlock(&moving);
	waitpid(pid, NULL, 0);
}

/* What it holds stays the same, whatever its owner does with it. */
static void memory(uint64_t *random)
{
	char *all = some_place(random)->memory, *page = all + some_page(random);
	size_t bytes = (1 + random64(random) % 20) * PAGE;

	switch (random64(random) % 8) {
	case 0:
		copy_by_fork();
		break;
	case 1:
		madvise(all, BYTES, MADV_HUGEPAGE);
		madvise(all, BYTES, MADV_COLLAPSE);
		break;
	case 2:
		madvise(all, BYTES, MADV_NOHUGEPAGE);
		break;
	case 3:
		madvise(all, BYTES, MADV_PAGEOUT);
		break;
	default:
		pthread_mutex_lock(&accessible);
		mprotect(page, bytes, random64(random) % 2 ? PROT_READ : PROT_NONE);
		sched_yield();
		mprotect(page, bytes, PROT_READ | PROT_WRITE);
		pthread_mutex_unlock(&accessible);
	}
}

/* Without the lock: the fd may be closed under the call, or be another guest's by now. */
static void kicks(uint64_t *random)
{
	struct place *p = some_place(random);

	guest_kick(random64(random) % 2 ? p->g[0].vm : p->g[random64(random) % CPUS].vcpu);
}

/*
 * Edge-triggered, level-triggered or an NMI. An NMI that waits in a shadow has AMD-V make a single
 * step. On Bochs the trap of a step that exits goes to whoever runs next, the guest, which has no
 * gate for it, or the host, with the guest's GS: none there.
 */
static uint32_t some_message(uint64_t *random)
{
	const uint32_t vector = VECTOR + random64(random) % VECTORS;

	switch (random64(random) % 8) {
	case 0:
		return guest_host_is("svm-bochs") ? vector : 0x400;
	case 1:
		return vector | 0x8000;
	default:
		return vector;
	}
}

static void messages(uint64_t *random)
{
	struct hvm_msi msi = {
		.size = sizeof(msi),
		.address = 0xfee00000 | random64(random) % CPUS << 12,
		.data = some_message(random),
	};

	ioctl(some_place(random)->g[0].vm, HVM_MSI, &msi);
}

static void toggle_doorbell(struct place *p)
{
	const int vm = p->g[0].vm;

	if (p->rings ? event_doorbell_remove(vm, p->event, DOORBELL, 1) :
		       event_doorbell(vm, p->event, DOORBELL, 1))
		complain("HVM_IOEVENTFD, %d: %s", p->rings, strerror(errno));
	p->rings = !p->rings;
}

static void toggle_interrupt(struct place *p, uint32_t message)
{
	const int vm = p->g[0].vm;

	if (p->sends ? event_unbind(vm, p->event) : event_bind(vm, p->event, 0, message))
		complain("HVM_IRQFD, %d: %s", p->sends, strerror(errno));
	p->sends = !p->sends;
}

/* While the guest rings, and others do. Only this thread looks at what is bound. */
static void bindings(uint64_t *random)
{
	struct place *p = some_place(random);

	pthread_rwlock_rdlock(&p->lock);
	if (p->open) {
		switch (random64(random) % 4) {
		case 0:
			toggle_doorbell(p);
			break;
		case 1 ... 2:
			toggle_interrupt(p, some_message(random));
			break;
		default:
			if (p->sends && event_bind(p->g[0].vm, p->event, HVM_IRQFD_REPLACE,
						   some_message(random)))
				complain("HVM_IRQFD, replacing: %s", strerror(errno));
		}
	}
	pthread_rwlock_unlock(&p->lock);
}

/* Without the lock: whatever guest it is bound in. */
static void rings(uint64_t *random)
{
	event_add(some_place(random)->event, 1);
}

static void signals(uint64_t *random)
{
	pthread_kill(seats[random64(random) % SEATS].thread, SIGUSR1);
}

static void states(uint64_t *random)
{
	struct place *p = some_place(random);
	struct guest *g = &p->g[random64(random) % CPUS];
	struct hvm_state state;

	pthread_rwlock_rdlock(&p->lock);
	if (p->open && guest_get(g, HVM_STATE_ALL & ~(HVM_STATE_MSR | HVM_STATE_XSAVE), &state) &&
	    errno != EBUSY)
		complain("HVM_GET_STATE of another thread: %s", strerror(errno));
	pthread_rwlock_unlock(&p->lock);
}

static void moves(uint64_t *random)
{
	const struct seat *s = &seats[random64(random) % SEATS];
	int cpus[TASK_CPUS], cpu;
	unsigned int count = task_cpus(cpus);

	pthread_mutex_lock(&moving);
	cpu = cpus[random64(random) % count];
	if (cpu == cpu_away || !(random64(random) % 3))
		task_release(s->tid);
	else
		task_pin(s->tid, cpu);
	setpriority(PRIO_PROCESS, s->tid, random64(random) % 10);
	pthread_mutex_unlock(&moving);
}

static void hotplug(uint64_t *random)
{
	int cpus[TASK_CPUS], cpu;
	unsigned int count = task_cpus(cpus), i;

	if (count < 2)
		return;
	cpu = cpus[random64(random) % count];
	pthread_mutex_lock(&moving);
	for (i = 0; i < SEATS; i++)
		task_release(seats[i].tid);
	cpu_away = cpu;
	if (!task_set_online(cpu, false))
		complain("CPU %d does not go offline: %s", cpu, strerror(errno));
	pthread_mutex_unlock(&moving);
	usleep(random64(random) % 20000);
	pthread_mutex_lock(&moving);
	if (!task_set_online(cpu, true))
		complain("CPU %d does not come back: %s", cpu, strerror(errno));
	cpu_away = -1;
	pthread_mutex_unlock(&moving);
}

static void run_until_killed(void)
{
	static struct runner r[2];
	struct ktap t = { 0 };

	if (!runner_start(&r[0], &t, &runner_spin) || !runner_start(&r[1], &t, &runner_touch))
		_exit(1);
	for (;;)
		pause();
}

static void kills(uint64_t *random)
{
	int status;
	pid_t pid;

	pthread_mutex_lock(&moving);
	pid = fork();
	if (!pid)
		run_until_killed();
	pthread_mutex_unlock(&moving);
	if (pid < 0) {
		complain("no process can be made");
		return;
	}
	usleep(random64(random) % 40000);
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		complain("a process with guests ended by itself");
}

/**
 * struct disturber - one way to disturb, and the thread that does
 * @name: for the statistics
 * @disturb: once
 * @pause_us: between, at most
 * @random: its numbers
 * @thread: the thread
 * @done: how often
 */
static struct disturber {
	const char *name;
	void (*disturb)(uint64_t *random);
	unsigned int pause_us;
	uint64_t random;
	pthread_t thread;
	unsigned long done;
} disturbers[] = {
	{ .name = "ranges", .disturb = ranges, .pause_us = 1000 },
	{ .name = "memory", .disturb = memory, .pause_us = 2000 },
	{ .name = "kicks", .disturb = kicks, .pause_us = 3000 },
	{ .name = "messages", .disturb = messages, .pause_us = 1000 },
	{ .name = "bindings", .disturb = bindings, .pause_us = 2000 },
	{ .name = "rings", .disturb = rings, .pause_us = 2000 },
	{ .name = "signals", .disturb = signals, .pause_us = 5000 },
	{ .name = "states", .disturb = states, .pause_us = 2000 },
	{ .name = "moves", .disturb = moves, .pause_us = 3000 },
	{ .name = "hotplug", .disturb = hotplug, .pause_us = 200000 },
	{ .name = "kills", .disturb = kills, .pause_us = 100000 },
};

#define DISTURBERS	(sizeof(disturbers) / sizeof(disturbers[0]))

static void *disturb(void *arg)
{
	struct disturber *d = arg;

	while (!atomic_load(&stop)) {
		d->disturb(&d->random);
		d->done++;
		usleep(random64(&d->random) % d->pause_us);
	}
	return NULL;
}

/* --- the case ------------------------------------------------------------------------ */

static void on_signal(int signal)
{
	(void)signal;
}

static bool make_place(struct place *p)
{
	char *all = mmap(NULL, BYTES + 2 * MIB, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (all == MAP_FAILED)
		return false;
	p->event = event_new(&p->t);
	if (p->event < 0)
		return false;
	p->memory = (char *)(((uintptr_t)all + 2 * MIB - 1) & ~(2 * MIB - 1));
	return !pthread_rwlock_init(&p->lock, NULL) &&
	       !pthread_barrier_init(&p->barrier, NULL, CPUS);
}

static bool sit_down(uint64_t *random)
{
	unsigned int i;

	for (i = 0; i < PLACES; i++) {
		if (!make_place(&places[i]))
			return false;
	}
	for (i = 0; i < SEATS; i++) {
		seats[i].place = &places[i / CPUS];
		seats[i].index = i % CPUS;
		seats[i].random = random64(random);
		if (pthread_create(&seats[i].thread, NULL, sit, &seats[i]))
			return false;
		while (!atomic_load(&seats[i].tid))
			sched_yield();
	}
	return true;
}

static bool all_have_lived(void *arg)
{
	unsigned int i;

	(void)arg;
	for (i = 0; i < SEATS && atomic_load(&seats[i].rounds); i++)
		;
	return i == SEATS || atomic_load(&stop);
}

/* The time is up, and the slowest host has seen a guest of each place from beginning to end. */
static void wait_for_the_end(void)
{
	const char *text = getenv("STRESS_MIX_MS");
	unsigned long ms = text ? strtoul(text, NULL, 10) : USUAL_MS;

	for (; ms && !atomic_load(&stop); ms -= ms < 50 ? ms : 50)
		usleep(50000);
	task_wait(all_have_lived, NULL);
	atomic_store(&stop, true);
}

/* A guest that halts is woken until its thread has seen that the time is up. */
static bool all_have_left(void *arg)
{
	unsigned int i;

	(void)arg;
	for (i = 0; i < SEATS; i++) {
		if (!pthread_tryjoin_np(seats[i].thread, NULL))
			seats[i].tid = 0;
		if (seats[i].tid)
			pthread_kill(seats[i].thread, SIGUSR1);
	}
	for (i = 0; i < SEATS && !seats[i].tid; i++)
		;
	return i == SEATS;
}

static void say_what_happened(void)
{
	const struct seat *s;
	size_t i;

	for (s = seats; s < seats + SEATS; s++)
		printf("# %lu guests, %lu rounds, %lu interrupts, %lu NMIs, %lu exits by ports, "
		       "%lu ends, %lu memory, %lu kicks, %lu signals\n", s->place->lives,
		       atomic_load(&s->rounds), s->interrupts, s->nmis, s->exits[HVM_EXIT_PIO],
		       s->exits[HVM_EXIT_EOI],
		       s->exits[HVM_EXIT_MEMORY] + s->exits[HVM_EXIT_FAULT],
		       s->exits[HVM_EXIT_STOPPED], s->signals);
	for (i = 0; i < DISTURBERS; i++)
		printf("# %s: %lu\n", disturbers[i].name, disturbers[i].done);
}

static void everything_at_once(struct ktap *t)
{
	uint64_t random = random_seed(0x5eed57e55);
	struct sigaction action = { .sa_handler = on_signal };
	size_t i;

	sigaction(SIGUSR1, &action, NULL);
	KTAP_REQUIRE(t, sit_down(&random));
	for (i = 0; i < DISTURBERS; i++) {
		disturbers[i].random = random64(&random);
		KTAP_EQ(t, pthread_create(&disturbers[i].thread, NULL, disturb, &disturbers[i]), 0);
	}
	wait_for_the_end();
	for (i = 0; i < DISTURBERS; i++)
		pthread_join(disturbers[i].thread, NULL);
	KTAP_REQUIRE(t, task_wait(all_have_left, NULL));
	say_what_happened();
	if (complaint[0])
		KTAP_FAIL(t, "%s", complaint);
	for (i = 0; i < SEATS; i++) {
		KTAP_EQ(t, seats[i].place->t.failures, 0);
		KTAP_TRUE(t, atomic_load(&seats[i].rounds));
	}
	module_expect_unused(t);
}

static const struct ktap_case cases[] = {
	{ "everything_at_once", everything_at_once },
};

int main(int argc, char **argv)
{
	int cpus[TASK_CPUS];

	task_cpus(cpus);
	return KTAP_MAIN(argc, argv, cases);
}
