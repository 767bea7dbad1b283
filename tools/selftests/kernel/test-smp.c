// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests whose processors start each other and interrupt each other while they run: INIT and SIPI
 * in every order and state, an interrupt that goes round, and what the host may do to the threads
 * meanwhile. Not here: which processors a message is for (test-ipi).
 */
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "counters.h"
#include "msr.h"
#include "random.h"
#include "task.h"
#include "team.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define VECTOR		0x61
#define PAGE		0x30	/* where started processors begin, and another such page */
#define PAGE2		0x32
#define SHARED		0x80000UL	/* a page of guest memory */
#define STARTS		0x24000UL	/* 16 bits by APIC id: how often it began at PAGE */
#define STARTS2		0x28000UL	/* and at PAGE2 */
#define RUNNING		0x2c000UL	/* counts while a processor spins */

/* --- starting ---------------------------------------------------------------- */

/*
 * In real mode: count the start by the id that CPUID tells, and leave; then once more by another
 * port. Or spin, with interrupts on, for in Bochs a guest that has them off holds the host's back.
 */
#define COUNT_START(segment) \
	"mov $" #segment ", %ax; mov %ax, %ds; mov $0xb, %eax; xor %ecx, %ecx; cpuid;" \
	"shl $1, %dx; mov %dx, %bx; lock incw (%bx);"
extern const struct guest_code begin, begin2, begin_spin;
GUEST_CODE("begin", "code16", COUNT_START(0x2400) "out %al, $0x10; out %al, $0x11; jmp .");
GUEST_CODE("begin2", "code16", COUNT_START(0x2800) "out %al, $0x10; out %al, $0x11; jmp .");
GUEST_CODE("begin_spin", "code16", COUNT_START(0x2400)
	   "mov $0x2c00, %ax; mov %ax, %ds; sti; 1: lock incw 0; jmp 1b");

/* From real mode into 64-bit mode by itself, as operating systems do it; then as begin. */
extern const struct guest_code begin_long;
GUEST_CODE("begin_long", "code16",
	   "	mov %cs, %ax; mov %ax, %ds; lgdtl 1f - .Lbegin_long_text;"
	   "	mov $0x11, %eax; mov %eax, %cr0; ljmpl $8, $0x30000 + 2f - .Lbegin_long_text;"
	   "1:	.word 0x2f; .long 0x800;"
	   "	.code32;"
	   "2:	mov $0x10, %eax; mov %eax, %ds; mov %eax, %es; mov %eax, %ss;"
	   "	mov %eax, %fs; mov %eax, %gs;"
	   "	mov $0x20, %eax; mov %eax, %cr4; mov $0x2000, %eax; mov %eax, %cr3;"
	   "	mov $0xc0000080, %ecx; rdmsr; or $0x901, %eax; wrmsr;"
	   "	mov $0x80000031, %eax; mov %eax, %cr0;"
	   "	ljmp $0x18, $0x30000 + 3f - .Lbegin_long_text;"
	   "	.code64;"
	   "3:	mov $0xb, %eax; xor %ecx, %ecx; cpuid; lock incw 0x24000(,%rdx,2);"
	   "	mov $1000, %ecx; 4: pause; dec %ecx; jnz 4b;"
	   "	out %al, $0x10; out %al, $0x11; jmp .");

static unsigned int starts(struct team *team, uint64_t where, unsigned int i)
{
	return ((volatile uint16_t *)team_ram(team, where))[team->m[i].apic_id];
}

static void put_code(struct team *team, unsigned int page, const struct guest_code *code)
{
	memcpy(team->m[0].g.ram + page * 4096UL, code->text, code->bytes);
}

static bool open_starters(struct team *team, struct ktap *t, const uint32_t *ids,
			  unsigned int count, const struct guest_code *code)
{
	if (!team_open(team, t, ids, count))
		return false;
	put_code(team, PAGE, code);
	put_code(team, PAGE2, &begin2);
	if (team_sender(team, true))
		return true;
	team_close(team);
	return false;
}

static void send_start(struct team *team, unsigned int i)
{
	team_send(team, ICR_WIDE(team->m[i].apic_id, ICR_INIT | ICR_ASSERT), false);
	team_send(team, ICR_WIDE(team->m[i].apic_id, ICR_SIPI | PAGE), false);
}

static void expect_started_once(struct team *team)
{
	unsigned int i;

	for (i = 1; i < team->count; i++) {
		team_expect_done(team, i);
		KTAP_EQ(team->m[0].g.t, starts(team, STARTS, i), 1);
	}
}

/* Start them in an order, each with its thread waiting. */
static void start_in_order(struct team *team, const unsigned int *order)
{
	unsigned int i;

	for (i = 1; i < team->count; i++) {
		if (!team_start(team, i))
			return;
	}
	for (i = 0; i + 1 < team->count; i++)
		send_start(team, order[i]);
	expect_started_once(team);
}

static void starts_sparse_ids(struct ktap *t)
{
	static const uint32_t ids[] = { 0, 300, 1023 };
	static const unsigned int order[] = { 2, 1 };
	struct team team;

	if (!open_starters(&team, t, ids, ARRAY_SIZE(ids), &begin))
		return;
	start_in_order(&team, order);
	team_close(&team);
}

static bool open_starters_row(struct team *team, struct ktap *t, unsigned int count,
			      const struct guest_code *code)
{
	uint32_t ids[TEAM_MAX];
	unsigned int i;

	for (i = 0; i < count; i++)
		ids[i] = i;
	return open_starters(team, t, ids, count, code);
}

static void shuffle(unsigned int *order, unsigned int count, uint64_t *random)
{
	unsigned int i, pick, other;

	for (i = 0; i < count; i++) {
		pick = i + random64(random) % (count - i);
		other = order[pick];
		order[pick] = order[i];
		order[i] = other;
	}
}

static void starts_in_any_order(struct ktap *t)
{
	uint64_t random = random_seed(41);
	unsigned int order[7] = { 1, 2, 3, 4, 5, 6, 7 };
	struct team team;
	int round;

	for (round = 0; round < 4; round++) {
		if (!open_starters_row(&team, t, 8, &begin))
			return;
		start_in_order(&team, order);
		team_close(&team);
		shuffle(order, ARRAY_SIZE(order), &random);
	}
}

static void starts_32(struct ktap *t)
{
	unsigned int order[31], i;
	struct team team;

	for (i = 0; i < 31; i++)
		order[i] = 31 - i;
	if (!open_starters_row(&team, t, 32, &begin))
		return;
	start_in_order(&team, order);
	team_close(&team);
}

/* On its way it meets every mode, and exits in each of them. */
static void starts_into_long_mode(struct ktap *t)
{
	static const unsigned int order[] = { 1, 3, 2 };
	struct hvm_state state;
	struct team team;

	if (!open_starters_row(&team, t, 4, &begin_long))
		return;
	start_in_order(&team, order);
	KTAP_OK(t, guest_get(&team.m[1].g, HVM_STATE_CONTROL | HVM_STATE_SEGMENTS, &state));
	KTAP_EQ(t, state.control.efer, 0xd01);
	KTAP_EQ(t, state.control.cr0, 0x80000031);
	KTAP_EQ(t, state.segments.seg[HVM_CS].selector, 0x18);
	team_close(&team);
}

static void starts_all_by_broadcast(struct ktap *t)
{
	struct team team;
	unsigned int i;

	if (!open_starters_row(&team, t, 8, &begin))
		return;
	for (i = 1; i < team.count; i++)
		team_start(&team, i);
	team_send(&team, ICR_OTHERS | ICR_INIT, false);
	team_send(&team, ICR_OTHERS | ICR_SIPI | PAGE, false);
	expect_started_once(&team);
	team_close(&team);
}

/* The messages come first, the thread later. */
static void starts_before_its_thread(struct ktap *t)
{
	struct team team;

	if (!open_starters_row(&team, t, 2, &begin))
		return;
	send_start(&team, 1);
	team_start(&team, 1);
	expect_started_once(&team);
	team_close(&team);
}

/* A new processor waits for its SIPI already. */
static void starts_without_init(struct ktap *t)
{
	struct team team;

	if (!open_starters_row(&team, t, 2, &begin))
		return;
	team_start(&team, 1);
	team_send(&team, ICR_WIDE(1, ICR_SIPI | PAGE), false);
	expect_started_once(&team);
	team_close(&team);
}

/* After a start, SIPI is nothing: it goes on where it was. */
static void a_second_sipi_is_ignored(struct ktap *t)
{
	struct hvm_state state;
	struct team team;

	if (!open_starters_row(&team, t, 2, &begin))
		return;
	send_start(&team, 1);
	team_send(&team, ICR_WIDE(1, ICR_SIPI | PAGE), false);
	team_start(&team, 1);
	expect_started_once(&team);
	team_send(&team, ICR_WIDE(1, ICR_SIPI | PAGE2), false);
	team.m[1].g.run->complete = HVM_COMPLETE;
	team_start(&team, 1);
	KTAP_EQ(t, team_join(&team, 1), HVM_EXIT_PIO);
	KTAP_EQ(t, team.m[1].g.run->pio.port, 0x11);
	KTAP_EQ(t, starts(&team, STARTS, 1), 1);
	KTAP_EQ(t, starts(&team, STARTS2, 1), 0);
	KTAP_OK(t, guest_get(&team.m[1].g, HVM_STATE_EVENTS, &state));
	KTAP_EQ(t, state.events.sipi_pending, 0);
	team_close(&team);
}

/* Kick it out, and see in which state it was. */
static void expect_state(struct team *team, unsigned int i, unsigned int mp_state)
{
	struct guest *g = &team->m[i].g;
	struct hvm_state state;

	guest_kick(g->vcpu);
	KTAP_EQ(g->t, team_join(team, i), HVM_EXIT_STOPPED);
	KTAP_OK(g->t, guest_get(g, HVM_STATE_EVENTS, &state));
	KTAP_EQ(g->t, state.events.mp_state, mp_state);
	KTAP_EQ(g->t, state.events.init_pending, 0);
	KTAP_EQ(g->t, state.events.sipi_pending, 0);
}

static bool start_spinning(struct team *team, struct ktap *t)
{
	if (!open_starters_row(team, t, 2, &begin_spin))
		return false;
	team_start(team, 1);
	send_start(team, 1);
	KTAP_TRUE(t, task_wait_count(team_ram(team, RUNNING), 1));
	return true;
}

static void sipi_to_running(struct ktap *t)
{
	struct team team;

	if (!start_spinning(&team, t))
		return;
	team_send(&team, ICR_WIDE(1, ICR_SIPI | PAGE2), false);
	expect_state(&team, 1, HVM_MP_RUNNING);
	KTAP_EQ(t, starts(&team, STARTS2, 1), 0);
	team_close(&team);
}

/* INIT takes a running processor back to where it waits; from there it starts elsewhere. */
static void init_of_running(struct ktap *t)
{
	struct team team;

	if (!start_spinning(&team, t))
		return;
	team_send(&team, ICR_WIDE(1, ICR_INIT), false);
	expect_state(&team, 1, HVM_MP_WAIT_SIPI);
	team_start(&team, 1);
	team_send(&team, ICR_WIDE(1, ICR_SIPI | PAGE2), false);
	team_expect_done(&team, 1);
	KTAP_EQ(t, starts(&team, STARTS, 1), 1);
	KTAP_EQ(t, starts(&team, STARTS2, 1), 1);
	team_close(&team);
}

extern const struct guest_code halt_forever;
GUEST_CODE("halt_forever", "code64", "incq %gs:0; cli; 1: hlt; incq %gs:16; jmp 1b");

static void init_of_halted(struct ktap *t)
{
	struct team team;

	if (!open_starters_row(&team, t, 2, &begin))
		return;
	/* Not over the sender's code. */
	put_code(&team, 0x41, &halt_forever);
	team_apic(&team, 1, true);
	team_long(&team, 1, &team_sending);
	team_enter(&team, 1, 0x41000);
	team_start(&team, 1);
	KTAP_TRUE(t, task_wait_count(team_word(&team, 1), 1));
	send_start(&team, 1);
	expect_started_once(&team);
	KTAP_EQ(t, team_word(&team, 1)[TEAM_NEXT], 0);
	team_close(&team);
}

/*
 * An NMI wakes it whatever its interrupt flag says. Each is sent when it sleeps: one that comes in
 * front of the HLT is taken there, and wakes nobody.
 */
static void nmi_wakes_halted(struct ktap *t)
{
	struct team team;
	int i;

	if (!open_starters_row(&team, t, 2, &begin))
		return;
	put_code(&team, 0x41, &halt_forever);
	team_apic(&team, 1, true);
	team_long(&team, 1, &team_sending);
	team_enter(&team, 1, 0x41000);
	team_start(&team, 1);
	KTAP_TRUE(t, task_wait_count(team_word(&team, 1), 1));
	for (i = 1; i <= 5; i++) {
		KTAP_TRUE(t, task_wait_asleep(&team.m[1].tid));
		team_send(&team, ICR_WIDE(1, ICR_NMI), false);
		KTAP_TRUE(t, task_wait_count(&team_word(&team, 1)[TEAM_NMIS], i));
		KTAP_TRUE(t, task_wait_count(&team_word(&team, 1)[TEAM_NEXT], i));
	}
	/* A vector does not. */
	KTAP_TRUE(t, task_wait_asleep(&team.m[1].tid));
	team_send(&team, ICR_WIDE(1, VECTOR), false);
	expect_state(&team, 1, HVM_MP_HALTED);
	team_close(&team);
}

/* INIT and SIPI that wait when the state is taken are carried out where it is set. */
static void a_start_moves_with_the_state(struct ktap *t)
{
	const uint32_t mask = HVM_STATE_LAPIC | HVM_STATE_EVENTS;
	struct team from, to;
	struct hvm_state state;

	if (!open_starters_row(&from, t, 2, &begin))
		return;
	send_start(&from, 1);
	KTAP_OK(t, guest_get(&from.m[1].g, mask, &state));
	team_close(&from);
	if (!open_starters_row(&to, t, 2, &begin))
		return;
	KTAP_OK(t, guest_set(&to.m[1].g, mask, &state));
	team_start(&to, 1);
	expect_started_once(&to);
	team_close(&to);
}

/* --- processors that come and go under messages ------------------------------------ */

struct churn {
	pthread_t thread;
	int vm;
	uint32_t id;
	volatile bool stop;
	volatile uint64_t made;
	volatile int error;
};

static void *make_and_destroy(void *arg)
{
	struct churn *c = arg;

	while (!c->stop) {
		struct hvm_create_vcpu create = { .size = sizeof(create), .apic_id = c->id };
		int fd = ioctl(c->vm, HVM_CREATE_VCPU, &create);

		if (fd < 0)
			c->error = errno;
		else
			close(fd);
		c->made++;
	}
	return NULL;
}

/* Every kind of message to an id that is being created and destroyed all the time. */
static void messages_to_half_created(struct ktap *t)
{
	static const uint64_t messages[] = {
		ICR_WIDE(5, ICR_INIT), ICR_WIDE(5, ICR_SIPI | PAGE), ICR_WIDE(5, ICR_NMI),
		ICR_WIDE(5, VECTOR), ICR_WIDE(0x20, ICR_LOGICAL | VECTOR), ICR_OTHERS | ICR_INIT,
		ICR_OTHERS | ICR_SIPI | PAGE, ICR_OTHERS | ICR_NMI,
		ICR_WIDE(0xffffffff, ICR_LOWEST | VECTOR),
	};
	struct churn churn = { .id = 5 };
	struct team team;
	size_t i = 0;

	if (!open_starters_row(&team, t, 1, &begin))
		return;
	churn.vm = team.m[0].g.vm;
	KTAP_EQ(t, pthread_create(&churn.thread, NULL, make_and_destroy, &churn), 0);
	do {
		team_send(&team, messages[i++ % ARRAY_SIZE(messages)], false);
	} while (i < 200 || (churn.made < 50 && i < 1000000));
	churn.stop = true;
	pthread_join(churn.thread, NULL);
	KTAP_EQ(t, churn.error, 0);
	KTAP_TRUE(t, churn.made >= 50);
	/* What they left behind is nobody's: a new one waits, and starts. */
	if (team_add(&team, 5)) {
		team_start(&team, 1);
		send_start(&team, 1);
		expect_started_once(&team);
	}
	team_close(&team);
}

/* --- an interrupt that goes round ------------------------------------------------- */

/* Whoever has it counts and hands it on, until TEAM_STOP. */
extern const struct guest_code pass_on, pass_on_by_page, ring_halting, ring_spinning;
GUEST_CODE("pass_on", "code64", TEAM_PUSH "incq %gs:0;" TEAM_EOI
	   "cmpq $0, 0x2f008; jne 1f; mov %gs:16, %edx; mov $0x61, %eax; mov $0x830, %ecx; wrmsr;"
	   "1:" TEAM_POP "iretq");
GUEST_CODE("pass_on_by_page", "code64", TEAM_PUSH "incq %gs:0;"
	   "mov $0xfee000b0, %ebx; xor %eax, %eax; mov %eax, (%rbx);"
	   "cmpq $0, 0x2f008; jne 1f;"
	   "mov $0xfee00310, %ebx; mov %gs:16, %eax; shl $24, %eax; mov %eax, (%rbx);"
	   "mov $0xfee00300, %ebx; mov $0x61, %eax; mov %eax, (%rbx);"
	   "1:" TEAM_POP "iretq");
GUEST_CODE("ring_halting", "code64", "1: sti; hlt; jmp 1b");
GUEST_CODE("ring_spinning", "code64", "sti; 1: pause; jmp 1b");

static int hand_over(struct team *team)
{
	struct hvm_msi arg = { .size = sizeof(arg), .address = 0xfee00000, .data = VECTOR };

	return ioctl(team->m[0].g.vm, HVM_MSI, &arg);
}

static bool ring_prepare(struct team *team, struct ktap *t, unsigned int count,
			 const struct guest_code *code, const struct guest_code *handler)
{
	unsigned int i;

	if (!team_open_row(team, t, count))
		return false;
	guest_gate(&team->m[0].g, VECTOR, handler, TEAM_HANDLERS);
	for (i = 0; i < count; i++) {
		team_apic(team, i, handler == &pass_on);
		team_long(team, i, code);
		team_word(team, i)[TEAM_NEXT] = (i + 1) % count;
	}
	return true;
}

static void ring_start(struct team *team)
{
	unsigned int i;

	for (i = 0; i < team->count; i++)
		team_start(team, i);
	KTAP_EQ(team->m[0].g.t, hand_over(team), 1);
}

static bool ring_open(struct team *team, struct ktap *t, unsigned int count,
		      const struct guest_code *code, const struct guest_code *handler)
{
	if (!ring_prepare(team, t, count, code, handler))
		return false;
	ring_start(team);
	return true;
}

static void ring_expect(struct team *team, unsigned int rounds)
{
	const volatile uint64_t *last = team_word(team, team->count - 1);

	KTAP_TRUE(team->m[0].g.t, task_wait_count(last, *last + rounds));
}

/* Nobody has had it twice in a row. */
static void ring_close(struct team *team)
{
	struct ktap *t = team->m[0].g.t;
	unsigned int i;

	*team_ram(team, TEAM_STOP) = 1;
	team_stop(team);
	for (i = 0; i < team->count; i++) {
		KTAP_EQ(t, team->m[i].reason, HVM_EXIT_STOPPED);
		KTAP_TRUE(t, *team_word(team, i) <= *team_word(team, 0));
		KTAP_TRUE(t, *team_word(team, i) + 1 >= *team_word(team, 0));
	}
	team_close(team);
}

static void ring(struct ktap *t, unsigned int count, const struct guest_code *code,
		 const struct guest_code *handler, unsigned int rounds)
{
	struct team team;

	if (!ring_open(&team, t, count, code, handler))
		return;
	ring_expect(&team, rounds);
	ring_close(&team);
}

static void ring_of_two(struct ktap *t)
{
	ring(t, 2, &ring_halting, &pass_on, 100);
}

static void ring_of_four(struct ktap *t)
{
	ring(t, 4, &ring_halting, &pass_on, 50);
}

static void ring_by_the_apic_page(struct ktap *t)
{
	ring(t, 4, &ring_halting, &pass_on_by_page, 30);
}

/* More than this host has processors. */
static void ring_of_sixteen(struct ktap *t)
{
	ring(t, 16, &ring_halting, &pass_on, 20);
}

/* Nobody gives its processor up before its time slice is over. */
static void ring_that_spins(struct ktap *t)
{
	ring(t, 3, &ring_spinning, &pass_on, 5);
}

/* Looking around before they sleep: any value of the run page's field is a good one. */
static void ring_that_polls(struct ktap *t)
{
	static const uint32_t ceilings[] = { 1, 50000, HVM_MAX_HALT_POLL_NS, ~0U };
	struct team team;
	unsigned int i, j;

	if (!ring_open(&team, t, 3, &ring_halting, &pass_on))
		return;
	for (i = 0; i < sizeof(ceilings) / sizeof(ceilings[0]); i++) {
		for (j = 0; j < team.count; j++)
			team.m[j].g.run->halt_poll_ns = ceilings[i];
		ring_expect(&team, 50);
	}
	ring_close(&team);
}

/*
 * All of them have named one page for stolen time, ends of interrupts and the clock, and it is
 * replaced and dropped under them.
 */
static void ring_that_shares_its_pages(struct ktap *t)
{
	static const struct {
		uint32_t msr;
		uint64_t value;
	} shared[] = {
		{ MSR_STEAL_TIME, SHARED | 1 },
		{ MSR_PV_EOI, (SHARED + 0x100) | 1 },
		{ MSR_SYSTEM_TIME, (SHARED + 0x200) | 1 },
	};
	void *other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct team team;
	unsigned int i, j;
	struct guest *g;

	if (!ring_prepare(&team, t, 4, &ring_halting, &pass_on))
		return;
	g = &team.m[0].g;
	for (i = 0; i < team.count; i++)
		for (j = 0; j < ARRAY_SIZE(shared); j++)
			KTAP_OK(t, guest_set_msr(&team.m[i].g, shared[j].msr, shared[j].value));
	ring_start(&team);
	for (i = 0; i < 20; i++) {
		ring_expect(&team, 2);
		KTAP_TRUE(t, guest_map(g, SHARED, i % 2 ? g->ram + SHARED : other, 4096,
				       HVM_MAP_REPLACE));
		ring_expect(&team, 2);
		KTAP_OK(t, madvise(i % 2 ? g->ram + SHARED : other, 4096, MADV_DONTNEED));
	}
	ring_close(&team);
	munmap(other, 4096);
}

/* --- what the host does to the threads ----------------------------------------------- */

static void ring_on_one_cpu(struct ktap *t)
{
	int cpus[TASK_CPUS];
	struct team team;
	unsigned int i;

	task_cpus(cpus);
	if (!ring_open(&team, t, 4, &ring_halting, &pass_on))
		return;
	for (i = 0; i < team.count; i++)
		KTAP_TRUE(t, task_pin(team.m[i].tid, cpus[0]));
	ring_expect(&team, 50);
	ring_close(&team);
}

static uint64_t yields_of(struct member *m)
{
	struct counters c;
	uint64_t yields;

	if (!counters_open(&c, &m->g))
		return 0;
	yields = counters_value(&c, "yields");
	counters_close(&c);
	return yields;
}

/*
 * Who spins and who is waited for share a processor: where loops of PAUSE exit, who spins lends its
 * time to one that was preempted.
 */
static void ring_that_spins_on_one_cpu(struct ktap *t)
{
	uint64_t yields = 0;
	int cpus[TASK_CPUS];
	struct team team;
	unsigned int i;

	task_cpus(cpus);
	if (!ring_open(&team, t, 3, &ring_spinning, &pass_on))
		return;
	for (i = 0; i < team.count; i++)
		KTAP_TRUE(t, task_pin(team.m[i].tid, cpus[0]));
	ring_expect(&team, 5);
	for (i = 0; i < team.count; i++)
		yields += yields_of(&team.m[i]);
	if (guest_host_is("vmx"))
		KTAP_TRUE(t, yields > 0);
	ring_close(&team);
}

static void ring_that_is_moved(struct ktap *t)
{
	uint64_t random = random_seed(43);
	int cpus[TASK_CPUS], n = task_cpus(cpus), move;
	struct team team;

	if (n < 2)
		KTAP_SKIP(t, "one processor");
	if (!ring_open(&team, t, 4, &ring_halting, &pass_on))
		return;
	for (move = 0; move < 400; move++) {
		unsigned int i = random64(&random) % team.count;

		KTAP_TRUE(t, task_pin(team.m[i].tid, cpus[random64(&random) % n]));
		if (move % 40 == 39)
			ring_expect(&team, 5);
	}
	ring_close(&team);
}

static void ring_that_is_niced(struct ktap *t)
{
	static const int values[] = { 19, 0, -20, 10, -5 };
	struct team team;
	unsigned int n, i;

	if (!ring_open(&team, t, 4, &ring_halting, &pass_on))
		return;
	for (n = 0; n < ARRAY_SIZE(values); n++) {
		for (i = 0; i < team.count; i++)
			KTAP_OK(t, setpriority(PRIO_PROCESS, team.m[i].tid, i % 2 ? values[n] : 0));
		ring_expect(&team, 10);
	}
	ring_close(&team);
}

/* The least and the most urgent of the scheduler's classes: neither starves the other for ever. */
static void ring_of_scheduling_classes(struct ktap *t)
{
	static const int policies[] = { SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_FIFO };
	struct team team;
	unsigned int i;

	if (!ring_open(&team, t, 4, &ring_halting, &pass_on))
		return;
	for (i = 0; i < team.count; i++) {
		struct sched_param param = { .sched_priority = policies[i] == SCHED_FIFO };

		KTAP_OK(t, sched_setscheduler(team.m[i].tid, policies[i], &param));
	}
	ring_expect(&team, 30);
	ring_close(&team);
}

/* A process with a ring, which tells how far it is, until it is killed. */
static void ring_in_child(volatile uint64_t *count)
{
	struct ktap t = { 0 };
	struct team team;

	if (!ring_open(&team, &t, 4, &ring_halting, &pass_on))
		_exit(1);
	for (;;) {
		*count = *team_word(&team, 3);
		usleep(1000);
	}
}

static void freeze_and_thaw(struct ktap *t, volatile uint64_t *count)
{
	uint64_t before;
	int i;

	for (i = 0; i < 5; i++) {
		KTAP_TRUE(t, task_wait_count(count, *count + 10));
		KTAP_TRUE(t, cgroup_freeze());
		before = *count;
		usleep(20000);
		KTAP_EQ(t, *count, before);
		KTAP_TRUE(t, cgroup_thaw());
	}
	KTAP_TRUE(t, task_wait_count(count, *count + 10));
}

static void ring_that_is_frozen(struct ktap *t)
{
	volatile uint64_t *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;

	KTAP_REQUIRE(t, count != MAP_FAILED);
	child = fork();
	if (!child)
		ring_in_child(count);
	KTAP_TRUE(t, task_wait_count(count, 1));
	if (cgroup_put(t, child)) {
		freeze_and_thaw(t, count);
		/* It dies frozen, too. */
		KTAP_TRUE(t, cgroup_freeze());
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		cgroup_leave();
	} else {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	munmap((void *)count, 4096);
}

static const struct ktap_case cases[] = {
	{ "starts_sparse_ids", starts_sparse_ids },
	{ "starts_in_any_order", starts_in_any_order },
	{ "starts_32", starts_32 },
	{ "starts_into_long_mode", starts_into_long_mode },
	{ "starts_all_by_broadcast", starts_all_by_broadcast },
	{ "starts_before_its_thread", starts_before_its_thread },
	{ "starts_without_init", starts_without_init },
	{ "a_second_sipi_is_ignored", a_second_sipi_is_ignored },
	{ "sipi_to_running", sipi_to_running },
	{ "init_of_running", init_of_running },
	{ "init_of_halted", init_of_halted },
	{ "nmi_wakes_halted", nmi_wakes_halted },
	{ "a_start_moves_with_the_state", a_start_moves_with_the_state },
	{ "messages_to_half_created", messages_to_half_created },
	{ "ring_of_two", ring_of_two },
	{ "ring_of_four", ring_of_four },
	{ "ring_by_the_apic_page", ring_by_the_apic_page },
	{ "ring_of_sixteen", ring_of_sixteen },
	{ "ring_that_spins", ring_that_spins },
	{ "ring_that_polls", ring_that_polls },
	{ "ring_that_shares_its_pages", ring_that_shares_its_pages },
	{ "ring_on_one_cpu", ring_on_one_cpu },
	{ "ring_that_spins_on_one_cpu", ring_that_spins_on_one_cpu },
	{ "ring_that_is_moved", ring_that_is_moved },
	{ "ring_that_is_niced", ring_that_is_niced },
	{ "ring_of_scheduling_classes", ring_of_scheduling_classes },
	{ "ring_that_is_frozen", ring_that_is_frozen },
};

int main(int argc, char **argv)
{
	int cpus[TASK_CPUS];

	task_cpus(cpus);
	return KTAP_MAIN(argc, argv, cases);
}
