// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that mean the host ill by interrupts, timers and the registers of the local APIC, with
 * several processors at it. Meanwhile a bystander, a process of its own on each of the processors
 * that the guest runs on and before all others there, has to get its turns: where a processor of
 * the host is held it is late, or stops, and the case fails. What goes further, a lockup or a
 * stall, is in the kernel's log: the lab reads it.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "task.h"
#include "team.h"

#define MEMBERS		4
#define TURNS		50	/* of the bystanders: each a sleep and a wake-up */
#define BLOWS		200	/* of each member */
#define CROWD		1024	/* hvm_get_info::max_vcpus */
#define TAKEN		4	/* behind enum team_word: interrupts, %gs:32 */
#define NS_PER_MS	1000000L
#define NS_PER_S	1000000000L
#define LATE_NS		(8 * NS_PER_MS)	/* two of the host's ticks */

/* --- bystanders ---------------------------------------------------------------- */

/**
 * struct account - what a bystander writes down, a cache line of its own
 * @turns: so many
 * @late_ns: the longest time that it waited for its processor
 */
struct account {
	uint64_t turns;
	uint64_t late_ns;
	uint64_t reserved[6];
};

struct bystander {
	pid_t pid;
	volatile struct account *account;
};

struct watch {
	struct bystander by[TASK_CPUS];
	unsigned int count;
	struct account *shared;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void stand_by(int cpu, volatile struct account *account)
{
	const struct sched_param first = { .sched_priority = 1 };
	uint64_t due, late;

	task_pin(0, cpu);
	if (sched_setscheduler(0, SCHED_FIFO, &first))
		_exit(1);
	for (;;) {
		due = now_ns() + NS_PER_MS;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME,
				&(struct timespec){ due / NS_PER_S, due % NS_PER_S }, NULL);
		late = now_ns() - due;
		if (late > account->late_ns)
			account->late_ns = late;
		account->turns++;
	}
}

static bool watch_open(struct watch *w, struct ktap *t)
{
	int cpus[TASK_CPUS];
	unsigned int i;

	w->count = task_cpus(cpus);
	w->shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w->shared == MAP_FAILED) {
		KTAP_FAIL(t, "no memory");
		return false;
	}
	for (i = 0; i < w->count; i++) {
		w->by[i].account = &w->shared[i];
		w->by[i].pid = fork();
		if (!w->by[i].pid)
			stand_by(cpus[i], w->by[i].account);
	}
	return true;
}

/* From now on each has its turns. */
static void watch_expect(struct watch *w, struct ktap *t)
{
	uint64_t from[TASK_CPUS];
	unsigned int i;

	for (i = 0; i < w->count; i++)
		from[i] = w->by[i].account->turns;
	for (i = 0; i < w->count; i++) {
		if (!task_wait_count(&w->by[i].account->turns, from[i] + TURNS)) {
			KTAP_FAIL(t, "the bystander on the %u. processor stands still", i + 1);
			return;
		}
	}
}

/*
 * None has ever been late. Where an emulator shares its processors with others, and its time is
 * theirs, it is only said by how much.
 */
static void watch_judge(struct watch *w, struct ktap *t)
{
	const bool counts = guest_host_is("vmx") || guest_host_is("svm-bochs");
	uint64_t late;
	unsigned int i;

	for (i = 0; i < w->count; i++) {
		late = w->by[i].account->late_ns;
		printf("# the bystander on the %u. processor: at most %llu us late\n", i + 1,
		       (unsigned long long)late / 1000);
		if (counts)
			KTAP_TRUE(t, late <= LATE_NS);
	}
}

static void watch_close(struct watch *w)
{
	unsigned int i;

	for (i = 0; i < w->count; i++) {
		kill(w->by[i].pid, SIGKILL);
		waitpid(w->by[i].pid, NULL, 0);
	}
	munmap(w->shared, 4096);
}

/* --- storms -------------------------------------------------------------------- */

/* Takes an interrupt, counts it, and does something more. */
#define TAKE(more)	"push %rax; push %rcx; push %rdx; incq %gs:32;" more TEAM_EOI	\
			"pop %rdx; pop %rcx; pop %rax; iretq"

/* All vectors that a message can have, from 16 on, have this handler; NMIs have another. */
extern const struct guest_code storm_eoi;
GUEST_CODE("storm_eoi", "code64", TAKE(""));

static bool storm_open(struct team *team, struct ktap *t, unsigned int members,
		       const struct guest_code *code)
{
	unsigned int i;

	if (!team_open_row(team, t, members))
		return false;
	for (i = 16; i < 256; i++)
		guest_gate(&team->m[0].g, i, &storm_eoi, TEAM_HANDLERS);
	guest_gate(&team->m[0].g, 2, &team_count_nmi, TEAM_HANDLERS + 0x1000);
	for (i = 0; i < members; i++) {
		team_apic(team, i, true);
		team_long(team, i, code);
	}
	return true;
}

/* The state that the kernel gives out is one that it takes: nothing got in that cannot be there. */
static void expect_sound_state(struct team *team, unsigned int i)
{
	const uint32_t mask = HVM_STATE_LAPIC | HVM_STATE_EVENTS;
	struct guest *g = &team->m[i].g;
	struct hvm_state state;

	KTAP_OK(g->t, guest_get(g, mask, &state));
	KTAP_OK(g->t, guest_set(g, mask, &state));
}

static void storm_run(struct team *team, unsigned int blows)
{
	struct ktap *t = team->m[0].g.t;
	struct watch watch = { 0 };
	bool going = true;
	unsigned int i;

	if (!watch_open(&watch, t))
		return;
	for (i = 0; i < team->count; i++)
		team_start(team, i);
	for (i = 0; i < team->count && going; i++)
		going = task_wait_count(team_word(team, i), blows);
	if (going)
		watch_expect(&watch, t);
	else
		KTAP_FAIL(t, "vCPU %u does not get on", i - 1);
	watch_judge(&watch, t);
	team_stop(team);
	watch_close(&watch);
	for (i = 0; i < team->count; i++) {
		KTAP_STREQ(t, guest_reason(team->m[i].reason), guest_reason(HVM_EXIT_STOPPED));
		expect_sound_state(team, i);
	}
}

static void storm(struct ktap *t, unsigned int members, const struct guest_code *code,
		  unsigned int blows)
{
	struct team team;

	if (!storm_open(&team, t, members, code))
		return;
	storm_run(&team, blows);
	team_close(&team);
}

/* RBX: the next number at random; RDI, the member's own, makes its seed. */
#define SEED	"lea 12345(%rdi), %rbx;"
#define RANDOM	"mov $6364136223846793005, %rsi; imul %rsi, %rbx; add $1442695041, %rbx;"

/*
 * Every vector, every mode but INIT and SIPI, both kinds of destination, every shorthand, to ids
 * and clusters at random, half of them to those that there are; reserved bits in every 16th, and
 * all vCPUs for destination in another.
 */
extern const struct guest_code every_form;
GUEST_CODE("every_form", "code64", SEED "sti;"
	   "1:" RANDOM
	   "mov %rbx, %rax; shr $20, %rax; and $0xcefff, %eax; mov %rbx, %rdx; shr $33, %rdx;"
	   "test $0x100000, %ebx; jz 2f; and $7, %edx;"
	   "2: mov %rbx, %rsi; shr $60, %rsi; jnz 3f; mov $-1, %edx;"
	   "3: test $0xf0000000, %ebx; jz 4f; and $0xccfff, %eax;"
	   "4: mov %eax, %ecx; and $0x700, %ecx; cmp $0x500, %ecx; je 1b; cmp $0x600, %ecx; je 1b;"
	   "test $0xc0000, %eax; jnz 5f; cmp $-1, %edx; jne 5f; incq %gs:16;"
	   "5: mov $0x830, %ecx; wrmsr; incq %gs:0; jmp 1b");

/* The members have written destinations that mean everybody, without a shorthand. */
static void expect_broadcasts(struct team *team)
{
	uint64_t broadcasts = 0;
	unsigned int i;

	for (i = 0; i < team->count; i++)
		broadcasts += team_word(team, i)[TEAM_NEXT];
	KTAP_TRUE(team->m[0].g.t, broadcasts > 0);
}

static void storm_of_every_form(struct ktap *t)
{
	struct team team;

	if (!storm_open(&team, t, MEMBERS, &every_form))
		return;
	storm_run(&team, BLOWS);
	expect_broadcasts(&team);
	team_close(&team);
}

/*
 * The same by the page of xAPIC mode, whose destinations have eight bits, to members in both models
 * of logical ids. A quarter has shorthands.
 */
extern const struct guest_code every_form_by_page, storm_eoi_by_page;
GUEST_CODE("every_form_by_page", "code64", SEED "sti; mov %rbx, %r8;"
	   "1: mov %r8, %rbx;" RANDOM "mov %rbx, %r8;"
	   "mov %rbx, %rdx; shr $56, %rdx; test $0x100000, %ebx; jz 2f; and $7, %edx;"
	   "2: mov %rbx, %rsi; shr $52, %rsi; test $0xf, %esi; jnz 3f; mov $0xff, %edx;"
	   "3: shl $24, %edx; mov %rbx, %rcx; shr $20, %rcx; and $0xcefff, %ecx;"
	   "mov %rbx, %rsi; shr $40, %rsi; test $3, %esi; jz 4f; and $0xefff, %ecx;"
	   "4: mov %ecx, %esi; and $0x700, %esi; cmp $0x500, %esi; je 1b; cmp $0x600, %esi; je 1b;"
	   "test $0xc0000, %ecx; jnz 5f; cmp $0xff000000, %edx; jne 5f; incq %gs:16;"
	   "5: mov $0xfee00310, %ebx; mov %edx, %eax; mov %eax, (%rbx);"
	   "mov $0xfee00300, %ebx; mov %ecx, %eax; mov %eax, (%rbx); incq %gs:0; jmp 1b");
GUEST_CODE("storm_eoi_by_page", "code64", "push %rax; push %rbx; incq %gs:32;"
	   "mov $0xfee000b0, %ebx; xor %eax, %eax; mov %eax, (%rbx); pop %rbx; pop %rax; iretq");

static void storm_by_page(struct ktap *t)
{
	static const uint32_t ldr[MEMBERS] = { 0x01, 0x02, 0x11, 0x21 };
	struct team team;
	unsigned int i;

	if (!storm_open(&team, t, MEMBERS, &every_form_by_page))
		return;
	memcpy(team.m[0].g.ram + TEAM_HANDLERS, storm_eoi_by_page.text, storm_eoi_by_page.bytes);
	for (i = 0; i < MEMBERS; i++) {
		team_apic(&team, i, false);
		team_logical(&team, i, ldr[i], i < MEMBERS / 2 ? 0xf : 0x0);
	}
	storm_run(&team, BLOWS / 5);
	expect_broadcasts(&team);
	for (i = 0; i < MEMBERS; i++)
		KTAP_TRUE(t, team_word(&team, i)[TAKEN]);
	team_close(&team);
}

/*
 * Every vector in turn to everybody else, as fast as it goes. One may send all the time, and keep
 * the others busy with what they are sent: an interrupt that is taken counts as a blow, too.
 */
extern const struct guest_code to_others, storm_eoi_counts;
GUEST_CODE("to_others", "code64", "sti; 1: incb %bl; mov %bl, %al; or $0x20, %al; movzx %al, %eax;"
	   "or $0xc0000, %eax; xor %edx, %edx; mov $0x830, %ecx; wrmsr; incq %gs:0; jmp 1b");
GUEST_CODE("storm_eoi_counts", "code64", TAKE("incq %gs:0;"));

/* There were both, whoever it was. */
static void expect_sent_and_taken(struct team *team)
{
	uint64_t sent = 0, taken = 0;
	unsigned int i;

	for (i = 0; i < team->count; i++) {
		sent += team_word(team, i)[TEAM_COUNT] - team_word(team, i)[TAKEN];
		taken += team_word(team, i)[TAKEN];
	}
	KTAP_TRUE(team->m[0].g.t, sent > 0);
	KTAP_TRUE(team->m[0].g.t, taken > 0);
}

static void storm_to_others(struct ktap *t, unsigned int members, unsigned int blows)
{
	struct team team;

	if (!storm_open(&team, t, members, &to_others))
		return;
	memcpy(team.m[0].g.ram + TEAM_HANDLERS, storm_eoi_counts.text, storm_eoi_counts.bytes);
	storm_run(&team, blows);
	expect_sent_and_taken(&team);
	team_close(&team);
}

static void storm_to_all_others(struct ktap *t)
{
	storm_to_others(t, MEMBERS, BLOWS * 10);
}

static void storm_of_many(struct ktap *t)
{
	storm_to_others(t, 16, BLOWS * 2);
}

extern const struct guest_code nmis_to_others;
GUEST_CODE("nmis_to_others", "code64", "sti; 1: mov $0xc0400, %eax; xor %edx, %edx;"
	   "mov $0x830, %ecx; wrmsr; incq %gs:0; jmp 1b");

static void storm_of_nmis(struct ktap *t)
{
	storm(t, MEMBERS, &nmis_to_others, BLOWS);
}

/* The first two fell and start all others all the time, which do the same as far as they get. */
extern const struct guest_code fell_others, felled;
GUEST_CODE("fell_others", "code64", "sti; mov $0x830, %ecx;"
	   "1: mov $2, %edx; 2: mov $0x500, %eax; wrmsr; mov $0x630, %eax; wrmsr; inc %edx;"
	   "cmp $4, %edx; jne 2b; incq %gs:0; jmp 1b");
GUEST_CODE("felled", "code16", "mov $0x830, %ecx; mov $2, %edx; 1: xor $1, %edx;"
	   "mov $0x500, %eax; wrmsr; mov $0x630, %eax; wrmsr; jmp 1b");

static void storm_of_starts(struct ktap *t)
{
	struct team team;
	unsigned int i;

	if (!storm_open(&team, t, MEMBERS, &fell_others))
		return;
	memcpy(team.m[0].g.ram + 0x30000, felled.text, felled.bytes);
	/* Those that are felled do not count. */
	for (i = 2; i < MEMBERS; i++)
		*team_word(&team, i) = BLOWS;
	storm_run(&team, BLOWS);
	team_close(&team);
}

/* --- crowds ---------------------------------------------------------------------- */

/*
 * As many vCPUs as a guest may have, their APICs enabled; only the first one ever runs. It and the
 * guest's owner send to all of them. Its interrupts are on, as Bochs holds back the host's
 * otherwise, but its priority is the highest.
 */
struct crowd {
	struct guest g;
	struct guest others[CROWD - 1];
};

extern const struct guest_code to_everybody;
GUEST_CODE("to_everybody", "code64", X2APIC_ON WRMSR(0x808, 0xf0)
	   "sti; mov $0x830, %ecx; mov $100, %ebx;"
	   "1: mov $-1, %edx; mov $0x61, %eax; wrmsr; mov $0x861, %eax; wrmsr;"
	   "xor %edx, %edx; mov $0x80061, %eax; wrmsr; mov $0xc0061, %eax; wrmsr;"
	   "dec %ebx; jnz 1b; out %al, $0x10");

static bool crowd_add(struct crowd *c, unsigned int i)
{
	struct hvm_create_vcpu create = { .size = sizeof(create), .apic_id = i + 1 };
	struct guest *g = &c->others[i];

	*g = c->g;
	g->vcpu = ioctl(g->vm, HVM_CREATE_VCPU, &create);
	if (g->vcpu < 0)
		return false;
	guest_enable_apic(g);
	return true;
}

static void crowd_close(struct crowd *c)
{
	unsigned int i;

	for (i = 0; i < CROWD - 1; i++) {
		if (c->others[i].vcpu > 0)
			close(c->others[i].vcpu);
	}
	guest_close(&c->g);
}

static bool crowd_open(struct crowd *c, struct ktap *t)
{
	const struct rlimit files = { CROWD + 64, CROWD + 64 };
	unsigned int i;

	memset(c, 0, sizeof(*c));
	KTAP_OK(t, setrlimit(RLIMIT_NOFILE, &files));
	if (!guest_open(&c->g, t, GUEST_RAM) || !guest_default_cpuid(&c->g))
		return false;
	for (i = 0; i < CROWD - 1; i++) {
		if (!crowd_add(c, i)) {
			KTAP_FAIL(t, "vCPU %u: %s", i + 1, strerror(errno));
			crowd_close(c);
			return false;
		}
	}
	guest_long(&c->g, &to_everybody);
	return true;
}

/* All of them, but the sender, have it; 0xff means all in xAPIC mode. */
static void messages_to_everybody(struct crowd *c)
{
	struct hvm_msi msi = { .size = sizeof(msi), .address = 0xfee00000 | 0xff << 12 };
	unsigned int i;

	for (i = 0; i < BLOWS; i++) {
		msi.data = 0x20 + i;
		KTAP_EQ(c->g.t, ioctl(c->g.vm, HVM_MSI, &msi), CROWD - 1);
	}
}

static void expect_vector(struct guest *g, uint32_t vector)
{
	struct hvm_state state;

	KTAP_OK(g->t, guest_get(g, HVM_STATE_LAPIC, &state));
	KTAP_TRUE(g->t, state.lapic.regs[REG_IRR + vector / 32] >> vector % 32 & 1);
}

static void storm_to_a_crowd(struct ktap *t)
{
	static struct crowd crowd;
	struct watch watch = { 0 };
	unsigned int i;

	if (!crowd_open(&crowd, t))
		return;
	if (watch_open(&watch, t)) {
		watch_expect(&watch, t);
		messages_to_everybody(&crowd);
		watch_judge(&watch, t);
		KTAP_EQ(t, guest_run(&crowd.g), HVM_EXIT_PIO);
		watch_judge(&watch, t);
		watch_close(&watch);
	}
	for (i = 0; i < CROWD - 1; i++) {
		expect_vector(&crowd.others[i], 0x61);
		expect_vector(&crowd.others[i], 0x20 + BLOWS - 1);
	}
	crowd_close(&crowd);
}

/* --- registers ------------------------------------------------------------------- */

/* Numbers at random into every MSR of the x2APIC, but not what would stop the others. */
extern const struct guest_code any_register;
GUEST_CODE("any_register", "code64", SEED "sti;"
	   "1:" RANDOM
	   "mov %rbx, %rcx; shr $40, %rcx; and $0xff, %ecx; or $0x800, %ecx;"
	   "mov %rbx, %rax; mov %rbx, %rdx; shr $32, %rdx;"
	   "test $0x700, %ebx; jz 2f; xor %edx, %edx; and $0x700ff, %eax;"
	   "2: cmp $0x830, %ecx; je 3f; wrmsr; incq %gs:0; rdmsr; incq %gs:0; 3: jmp 1b");

static void registers_at_random(struct ktap *t)
{
	storm(t, MEMBERS, &any_register, BLOWS);
}

/* The same by the APIC page, where a number of bits is dropped and nothing is refused. */
extern const struct guest_code any_register_of_page;
GUEST_CODE("any_register_of_page", "code64", SEED "sti; mov %rbx, %r8;"
	   "1: mov %r8, %rbx;" RANDOM "mov %rbx, %r8;"
	   "mov %rbx, %rax; shr $24, %rax; shr $40, %rbx; and $0xffc, %ebx;"
	   "cmp $0x300, %ebx; je 1b; or $0xfee00000, %ebx; mov %eax, (%rbx); mov (%rbx), %eax;"
	   "incq %gs:0; jmp 1b");

static void page_at_random(struct ktap *t)
{
	struct team team;
	unsigned int i;

	if (!storm_open(&team, t, MEMBERS, &any_register_of_page))
		return;
	for (i = 0; i < MEMBERS; i++)
		team_apic(&team, i, false);
	storm_run(&team, BLOWS / 5);
	team_close(&team);
}

/* --- timers ------------------------------------------------------------------------ */

/* Every source of interrupts is off and masked, and the guest goes round in circles. */
extern const struct guest_code no_timer;
GUEST_CODE("no_timer", "code64", "cli; mov $0x10000, %eax; xor %edx, %edx;"
	   "mov $0x832, %ecx; 1: wrmsr; inc %ecx; cmp $0x838, %ecx; jne 1b;"
	   "xor %eax, %eax; wrmsr; mov $0x6e0, %ecx; wrmsr; mov $0x80f, %ecx; wrmsr;"
	   "2: incq %gs:0; jmp 2b");

static void without_any_timer(struct ktap *t)
{
	if (guest_host_is("svm-bochs") || guest_host_is("vmx"))
		KTAP_SKIP(t, "Bochs holds back the host's interrupts while the guest's are off");
	storm(t, MEMBERS, &no_timer, BLOWS);
}

/* A deadline with every round, in the past, now and soon, and the mode switched in between. */
extern const struct guest_code always_timer;
GUEST_CODE("always_timer", "code64", "sti;"
	   "1: mov $0x40061, %eax; xor %edx, %edx; mov $0x832, %ecx; wrmsr;"
	   "rdtsc; mov $0x6e0, %ecx; wrmsr; rdtsc; add $2000, %eax; adc $0, %edx; wrmsr;"
	   "mov $1, %eax; xor %edx, %edx; wrmsr; mov $0x20061, %eax; mov $0x832, %ecx; wrmsr;"
	   "mov $1, %eax; mov $0x838, %ecx; wrmsr; mov $0xb, %eax; mov $0x83e, %ecx; wrmsr;"
	   "incq %gs:0; jmp 1b");

static void a_timer_with_every_round(struct ktap *t)
{
	storm(t, MEMBERS, &always_timer, BLOWS);
}

/* The shortest period there is, on every processor, and nothing else. */
extern const struct guest_code short_periods;
GUEST_CODE("short_periods", "code64", "sti; xor %edx, %edx; mov $0x20061, %eax; mov $0x832, %ecx;"
	   "wrmsr; mov $0xb, %eax; mov $0x83e, %ecx; wrmsr; mov $1, %eax; mov $0x838, %ecx; wrmsr;"
	   "1: hlt; incq %gs:0; jmp 1b");

static void shortest_periods(struct ktap *t)
{
	storm(t, MEMBERS, &short_periods, BLOWS / 5);
}

static const struct ktap_case cases[] = {
	{ "storm_of_every_form", storm_of_every_form },
	{ "storm_by_page", storm_by_page },
	{ "storm_to_all_others", storm_to_all_others },
	{ "storm_of_many", storm_of_many },
	{ "storm_of_nmis", storm_of_nmis },
	{ "storm_of_starts", storm_of_starts },
	{ "storm_to_a_crowd", storm_to_a_crowd },
	{ "registers_at_random", registers_at_random },
	{ "page_at_random", page_at_random },
	{ "without_any_timer", without_any_timer },
	{ "a_timer_with_every_round", a_timer_with_every_round },
	{ "shortest_periods", shortest_periods },
};

int main(int argc, char **argv)
{
	int cpus[TASK_CPUS];

	task_cpus(cpus);
	return KTAP_MAIN(argc, argv, cases);
}
