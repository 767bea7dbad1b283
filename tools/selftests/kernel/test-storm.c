// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that mean the host ill by interrupts, timers and the registers of the local APIC, with
 * several processors at it. Meanwhile a bystander, a process of its own on each of the processors
 * that the guest runs on, has to get its turns: where a processor of the host is held it stops, and
 * the case fails. What goes further, a lockup or a stall, is in the kernel's log: the lab reads it.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "task.h"
#include "team.h"

#define MEMBERS		4
#define TURNS		50	/* of the bystanders: each a sleep and a wake-up */
#define BLOWS		200	/* of each member */

/* --- bystanders ---------------------------------------------------------------- */

struct bystander {
	pid_t pid;
	volatile uint64_t *turns;
};

struct watch {
	struct bystander by[TASK_CPUS];
	unsigned int count;
	volatile uint64_t *shared;
};

static void stand_by(int cpu, volatile uint64_t *turns)
{
	task_pin(0, cpu);
	for (;;) {
		usleep(1000);
		++*turns;
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
		w->by[i].turns = &w->shared[i * 8];
		w->by[i].pid = fork();
		if (!w->by[i].pid)
			stand_by(cpus[i], w->by[i].turns);
	}
	return true;
}

/* From now on each has its turns. */
static void watch_expect(struct watch *w, struct ktap *t)
{
	uint64_t from[TASK_CPUS];
	unsigned int i;

	for (i = 0; i < w->count; i++)
		from[i] = *w->by[i].turns;
	for (i = 0; i < w->count; i++) {
		if (!task_wait_count(w->by[i].turns, from[i] + TURNS)) {
			KTAP_FAIL(t, "the bystander on the %u. processor stands still", i + 1);
			return;
		}
	}
}

static void watch_close(struct watch *w)
{
	unsigned int i;

	for (i = 0; i < w->count; i++) {
		kill(w->by[i].pid, SIGKILL);
		waitpid(w->by[i].pid, NULL, 0);
	}
	munmap((void *)w->shared, 4096);
}

/* --- storms -------------------------------------------------------------------- */

/* All vectors that a message can have, from 16 on, have this handler; NMIs have another. */
extern const struct guest_code storm_eoi;
GUEST_CODE("storm_eoi", "code64", "push %rax; push %rcx; push %rdx; incq %gs:32;" TEAM_EOI
	   "pop %rdx; pop %rcx; pop %rax; iretq");

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
 * and clusters at random, half of them to those that there are; reserved bits in every 16th.
 */
extern const struct guest_code every_form;
GUEST_CODE("every_form", "code64", SEED "sti;"
	   "1:" RANDOM
	   "mov %rbx, %rax; shr $20, %rax; and $0xcefff, %eax; mov %rbx, %rdx; shr $33, %rdx;"
	   "test $0x100000, %ebx; jz 2f; and $7, %edx;"
	   "2: test $0xf0000000, %ebx; jz 3f; and $0xccfff, %eax;"
	   "3: mov %eax, %ecx; and $0x700, %ecx; cmp $0x500, %ecx; je 1b; cmp $0x600, %ecx; je 1b;"
	   "mov $0x830, %ecx; wrmsr; incq %gs:0; jmp 1b");

static void storm_of_every_form(struct ktap *t)
{
	storm(t, MEMBERS, &every_form, BLOWS);
}

/* Every vector in turn to everybody else, as fast as it goes. */
extern const struct guest_code to_others;
GUEST_CODE("to_others", "code64", "sti; 1: incb %bl; mov %bl, %al; or $0x20, %al; movzx %al, %eax;"
	   "or $0xc0000, %eax; xor %edx, %edx; mov $0x830, %ecx; wrmsr; incq %gs:0; jmp 1b");

static void storm_to_all_others(struct ktap *t)
{
	storm(t, MEMBERS, &to_others, BLOWS);
}

static void storm_of_many(struct ktap *t)
{
	storm(t, 16, &to_others, BLOWS / 10);
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
	{ "storm_to_all_others", storm_to_all_others },
	{ "storm_of_many", storm_of_many },
	{ "storm_of_nmis", storm_of_nmis },
	{ "storm_of_starts", storm_of_starts },
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
