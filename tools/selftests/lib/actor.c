// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that loads registers and leaves; see actor.h.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "actor.h"
#include "task.h"

#define COUNT		GUEST_DATA		/* rounds of spinning and halting */
#define STOP		(GUEST_DATA + 8)	/* not 0: enough of spinning */
#define IMAGE		0x21000UL
#define DEBUG		0x23000UL
#define RECOVERY	0x30000UL
#define PORT		0x10
#define CALLS		200
#define PAGES		64
#define PAGE		4096UL
#define HANG_SECONDS	90	/* more than task_wait() has patience */

#define CR4_OSXSAVE	(1ULL << 18)
#define CR4_PKE		(1ULL << 22)
#define ATTR_LDT	0x0082

/* RAX: order, RBX: what, RCX: count and answer. */
extern const struct guest_code actor_code, actor_recovery;
GUEST_CODE("actor_code", "code64",
	   ".Lactor_wait: mov $0x10, %edx\n"
	   "	in %dx, %eax\n"
	   "	lea .Lactor_table(%rip), %rsi\n"
	   "	movslq (%rsi,%rax,4), %rdi\n"
	   "	add %rsi, %rdi\n"
	   "	jmp *%rdi\n"
	   "	.balign 4\n"
	   ".Lactor_table:\n"
	   "	.long .Lactor_wait - .Lactor_table, .Lactor_amd - .Lactor_table\n"
	   "	.long .Lactor_intel - .Lactor_table, .Lactor_halt - .Lactor_table\n"
	   "	.long .Lactor_spin - .Lactor_table, .Lactor_touch - .Lactor_table\n"
	   "	.long .Lactor_fxrstor - .Lactor_table, .Lactor_fxsave - .Lactor_table\n"
	   "	.long .Lactor_xrstor - .Lactor_table, .Lactor_xsave - .Lactor_table\n"
	   "	.long .Lactor_xsetbv - .Lactor_table, .Lactor_xgetbv - .Lactor_table\n"
	   "	.long .Lactor_wrpkru - .Lactor_table, .Lactor_wrmsr - .Lactor_table\n"
	   "	.long .Lactor_rdmsr - .Lactor_table, .Lactor_load_dr - .Lactor_table\n"
	   "	.long .Lactor_store_dr - .Lactor_table\n"
	   ".Lactor_amd: mov $0x7777, %eax\n"
	   "	vmmcall\n"
	   "	dec %rcx\n"
	   "	jnz .Lactor_amd\n"
	   "	jmp .Lactor_wait\n"
	   ".Lactor_intel: mov $0x7777, %eax\n"
	   "	vmcall\n"
	   "	dec %rcx\n"
	   "	jnz .Lactor_intel\n"
	   "	jmp .Lactor_wait\n"
	   ".Lactor_halt: incq 0x20000\n"
	   "	hlt\n"
	   "	jmp .Lactor_wait\n"
	   ".Lactor_spin: sti\n"
	   "0:	incq 0x20000\n"
	   "	cmpq $0, 0x20008\n"
	   "	je 0b\n"
	   "	cli\n"
	   "	jmp .Lactor_wait\n"
	   ".Lactor_touch: mov %rbx, (%rbx)\n"
	   "	add $4096, %rbx\n"
	   "	dec %rcx\n"
	   "	jnz .Lactor_touch\n"
	   "	jmp .Lactor_wait\n"
	   ".Lactor_fxrstor: fxrstor64 0x21000\n"
	   "	jmp .Lactor_wait\n"
	   ".Lactor_fxsave: fxsave64 0x21000\n"
	   "	jmp .Lactor_wait\n"
	   ".Lactor_xrstor: mov %ebx, %eax\n"
	   "	xor %edx, %edx\n"
	   "	xrstor64 0x21000\n"
	   "	jmp .Lactor_wait\n"
	   ".Lactor_xsave: mov %ebx, %eax\n"
	   "	xor %edx, %edx\n"
	   "	xsave64 0x21000\n"
	   "	jmp .Lactor_wait\n"
	   ".Lactor_xsetbv: mov %ebx, %eax\n"
	   "	xor %edx, %edx\n"
	   "	xor %ecx, %ecx\n"
	   "	xsetbv\n"
	   "	jmp .Lactor_wait\n"
	   ".Lactor_xgetbv: xor %ecx, %ecx\n"
	   "	xgetbv\n"
	   "	mov %rax, %rcx\n"
	   "	jmp .Lactor_wait\n"
	   ".Lactor_wrpkru: mov %ebx, %eax\n"
	   "	xor %edx, %edx\n"
	   "	xor %ecx, %ecx\n"
	   "	wrpkru\n"
	   "	jmp .Lactor_wait\n"
	   ".Lactor_wrmsr: mov %rcx, %rax\n"
	   "	mov %rcx, %rdx\n"
	   "	shr $32, %rdx\n"
	   "	mov %ebx, %ecx\n"
	   "	wrmsr\n"
	   "	jmp .Lactor_wait\n"
	   ".Lactor_rdmsr: mov %ebx, %ecx\n"
	   "	rdmsr\n"
	   "	shl $32, %rdx\n"
	   "	lea (%rax,%rdx), %rcx\n"
	   "	jmp .Lactor_wait\n"
	   ".Lactor_load_dr: mov $0x23000, %edi\n"
	   "	mov (%rdi), %rax\n"
	   "	mov %rax, %db0\n"
	   "	mov 8(%rdi), %rax\n"
	   "	mov %rax, %db1\n"
	   "	mov 16(%rdi), %rax\n"
	   "	mov %rax, %db2\n"
	   "	mov 24(%rdi), %rax\n"
	   "	mov %rax, %db3\n"
	   "	mov 32(%rdi), %rax\n"
	   "	mov %rax, %db7\n"
	   "	jmp .Lactor_wait\n"
	   ".Lactor_store_dr: mov $0x23000, %edi\n"
	   "	mov %db0, %rax\n"
	   "	mov %rax, (%rdi)\n"
	   "	mov %db1, %rax\n"
	   "	mov %rax, 8(%rdi)\n"
	   "	mov %db2, %rax\n"
	   "	mov %rax, 16(%rdi)\n"
	   "	mov %db3, %rax\n"
	   "	mov %rax, 24(%rdi)\n"
	   "	mov %db7, %rax\n"
	   "	mov %rax, 32(%rdi)\n"
	   "	jmp .Lactor_wait");
/* #GP: the order is refused. */
GUEST_CODE("actor_recovery", "code64",
	   "mov $1, %r15d; mov $0x80000, %esp; mov $0x10000, %eax; jmp *%rax");

/* Where the code stores and loads its registers. */
struct vectors *actor_image(struct actor *a)
{
	return (struct vectors *)(a->g.ram + IMAGE);
}

/* Five values: DR0 to DR3, DR7. */
uint64_t *actor_debug(struct actor *a)
{
	return (uint64_t *)(a->g.ram + DEBUG);
}

/* Grows while the guest spins. */
volatile uint64_t *actor_count(struct actor *a)
{
	return (volatile uint64_t *)(a->g.ram + COUNT);
}

/* HVM_RUN with a pattern in the caller's registers; as guest_run(). */
static int run(struct actor *a)
{
	long err;

	alarm(HANG_SECONDS);
	err = vectors_syscall(SYS_ioctl, a->g.vcpu, HVM_RUN, &a->before, &a->after);
	alarm(0);
	return err ? (int)err : (int)a->g.run->reason;
}

/* All control registers that let the guest load what there is, and an LDT. */
static bool equip(struct actor *a)
{
	const uint32_t blocks = HVM_STATE_CONTROL | HVM_STATE_SEGMENTS;
	struct hvm_state state;

	if (guest_get(&a->g, blocks, &state))
		return false;
	if (vectors_xcr0())
		state.control.cr4 |= CR4_OSXSAVE;
	if (vectors_features() & VECTORS_PKRU)
		state.control.cr4 |= CR4_PKE;
	state.segments.seg[HVM_LDTR] = (struct hvm_segment) {
		.base = GUEST_TSS, .limit = 0x67, .selector = 0x28, .attributes = ATTR_LDT,
	};
	return !guest_set(&a->g, blocks, &state);
}

/**
 * actor_open() - make one and let it wait for its first order
 * @a: filled in
 * @t: the running case
 *
 * Return: false after a failure, which is recorded; nothing is left open then
 */
bool actor_open(struct actor *a, struct ktap *t)
{
	int reason;

	memset(a, 0, sizeof(*a));
	vectors_fill(&a->before, vectors_features(), 5);
	if (!guest_open(&a->g, t, GUEST_RAM) || !guest_default_cpuid(&a->g))
		return false;
	guest_long(&a->g, &actor_code);
	guest_gate(&a->g, 13, &actor_recovery, RECOVERY);
	if (!equip(a))
		KTAP_FAIL(t, "HVM_SET_STATE: %s", strerror(errno));
	reason = run(a);
	if (reason == HVM_EXIT_PIO && a->g.run->pio.port == PORT)
		return true;
	KTAP_FAIL(t, "first exit %s", guest_reason(reason));
	guest_close(&a->g);
	return false;
}

/**
 * actor_start() - give an order
 * @a: the guest, waiting
 * @order: what to do
 * @what: see enum actor_order
 * @count: see there
 *
 * Return: as guest_run()
 */
int actor_start(struct actor *a, enum actor_order order, uint64_t what, uint64_t count)
{
	a->g.run->gpr[HVM_RAX] = order;
	a->g.run->gpr[HVM_RBX] = what;
	a->g.run->gpr[HVM_RCX] = count;
	a->g.run->gpr[HVM_R15] = 0;
	a->g.run->complete = HVM_COMPLETE;
	return run(a);
}

static bool waits(struct actor *a, int reason)
{
	a->refused = a->g.run->gpr[HVM_R15];
	if (reason == HVM_EXIT_PIO && a->g.run->pio.port == PORT)
		return true;
	KTAP_FAIL(a->g.t, "exit %s (rip 0x%llx)", guest_reason(reason),
		  (unsigned long long)a->g.run->rip);
	return false;
}

/**
 * actor_do() - give an order that brings it back to waiting
 * @a: the guest, waiting
 * @order: what to do
 * @what: see enum actor_order
 * @count: see there
 *
 * Return: whether it waits again and did not get #GP; another exit is recorded as a failure
 */
bool actor_do(struct actor *a, enum actor_order order, uint64_t what, uint64_t count)
{
	return waits(a, actor_start(a, order, what, count)) && !a->refused;
}

/* What the last order answered. */
uint64_t actor_answer(const struct actor *a)
{
	return a->g.run->gpr[HVM_RCX];
}

/**
 * actor_resume() - bring a guest that spins back to waiting
 * @a: the guest, that left before
 */
void actor_resume(struct actor *a)
{
	volatile uint64_t *stop = (volatile uint64_t *)(a->g.ram + STOP);

	*stop = 1;
	waits(a, run(a));
	*stop = 0;
}

/* --- ways to leave ---------------------------------------------------------- */

/**
 * struct ender - a thread that ends a run
 * @a: whose
 * @way: how
 * @runner: the thread that runs it
 * @tid: the same
 * @count: of the guest, before
 * @back: the run has ended
 */
struct ender {
	struct actor *a;
	enum actor_way way;
	pthread_t runner;
	pid_t tid;
	uint64_t count;
	volatile bool back;
};

static void on_signal(int signal)
{
	(void)signal;
}

static void *end(void *arg)
{
	struct ender *e = arg;

	/* Whatever the waiting says: the run has to end. */
	task_wait_count(actor_count(e->a), e->count + 1);
	if (e->way == ACTOR_BY_HALT)
		task_wait_asleep(&e->tid);
	if (e->way == ACTOR_BY_SIGNAL)
		task_signal_until(e->runner, &e->back);
	else
		guest_kick(e->a->g.vcpu);
	return NULL;
}

static bool leave_by_thread(struct actor *a, enum actor_way way)
{
	const int expected = way == ACTOR_BY_SIGNAL ? GUEST_ERRNO(EINTR) : HVM_EXIT_STOPPED;
	struct ender e = { a, way, pthread_self(), gettid(), *actor_count(a), false };
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t thread;
	int reason;

	sigaction(SIGUSR1, &action, NULL);
	if (pthread_create(&thread, NULL, end, &e)) {
		KTAP_FAIL(a->g.t, "no thread");
		return false;
	}
	reason = actor_start(a, way == ACTOR_BY_HALT ? ACTOR_HALT : ACTOR_SPIN, 0, 0);
	e.back = true;
	pthread_join(thread, NULL);
	if (reason == expected)
		return true;
	KTAP_FAIL(a->g.t, "exit %s, not %s", guest_reason(reason), guest_reason(expected));
	return false;
}

/**
 * actor_leave() - have it leave
 * @a: the guest, waiting
 * @way: how
 *
 * Return: false after a failure, which is recorded; else actor_return() comes next
 */
bool actor_leave(struct actor *a, enum actor_way way)
{
	switch (way) {
	case ACTOR_BY_PORT:
		return actor_do(a, ACTOR_NOTHING, 0, 0);
	case ACTOR_BY_HYPERCALLS:
		return actor_do(a, a->g.amd ? ACTOR_CALL_AMD : ACTOR_CALL_INTEL, 0, CALLS);
	case ACTOR_BY_FAULTS:
		madvise(a->g.ram + ACTOR_PAGES, PAGES * PAGE, MADV_DONTNEED);
		return actor_do(a, ACTOR_TOUCH, ACTOR_PAGES, PAGES);
	default:
		return leave_by_thread(a, way);
	}
}

/* Halted: a kick ends the run, not the halt. */
static void wake(struct actor *a)
{
	struct hvm_state state;

	KTAP_OK(a->g.t, guest_get(&a->g, HVM_STATE_EVENTS, &state));
	KTAP_EQ(a->g.t, state.events.mp_state, HVM_MP_HALTED);
	state.events.mp_state = HVM_MP_RUNNING;
	KTAP_OK(a->g.t, guest_set(&a->g, HVM_STATE_EVENTS, &state));
	waits(a, run(a));
}

/**
 * actor_return() - bring it back to waiting
 * @a: the guest, after actor_leave()
 * @way: how it left
 */
void actor_return(struct actor *a, enum actor_way way)
{
	if (way == ACTOR_BY_HALT)
		wake(a);
	else if (way == ACTOR_BY_KICK || way == ACTOR_BY_SIGNAL)
		actor_resume(a);
}

/* A name for it. */
const char *actor_way(enum actor_way way)
{
	static const char * const names[ACTOR_WAYS] = {
		[ACTOR_BY_PORT] = "a port access",
		[ACTOR_BY_HYPERCALLS] = "hypercalls",
		[ACTOR_BY_FAULTS] = "memory faults",
		[ACTOR_BY_HALT] = "HLT and a kick",
		[ACTOR_BY_KICK] = "a kick",
		[ACTOR_BY_SIGNAL] = "a signal",
	};

	return names[way];
}
