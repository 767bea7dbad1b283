// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC as a guest meets it: the APIC page through exits, x2APIC registers, the timer in
 * all modes, messages from outside, ends of level-triggered interrupts, start-up of a second
 * processor, and guests that storm themselves. What needs no processor is in the unit tests.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

#define HANDLER		0x11000UL	/* guest physical address of the handler of VECTOR */
#define HANDLER2	0x12000UL
#define VECTOR		0x61
#define VECTOR2		0x92
#define COUNT		GUEST_DATA	/* handlers count here, 8 bytes each */
#define COUNT2		(GUEST_DATA + 8)
#define TSC_BEFORE	(GUEST_DATA + 16)
#define TSC_AFTER	(GUEST_DATA + 24)

#define REG_ID		0x02
#define REG_TPR		0x08
#define REG_ICR		0x30
#define REG_LVT_TIMER	0x32
#define REG_ESR		0x28
#define REG_IRR		0x20
#define REG_TMICT	0x38
#define REG_TMCCT	0x39

/* --- code ------------------------------------------------------------------ */

#define EOI		WRMSR(0x80b, 0)
#define PUSH		"push %rax; push %rcx; push %rdx;"
#define POP		"pop %rdx; pop %rcx; pop %rax;"
/* RDTSC to memory. */
#define TSC_TO(where)	"rdtsc; mov %eax," #where "; mov %edx," #where "+4;"
#define NOW_TO(where)	"rdtsc; shl $32,%rdx; or %rdx,%rax; mov %rax," where ";"
#define DONE		"cli; out %al,$0x10; jmp ."
/* Wait, running, until at least @n interrupts were counted. */
#define WAIT(n)		"sti; 8: pause; cmpq $" #n ",0x20000; jb 8b;"

extern const struct guest_code count, count2, count_no_eoi, count_nmi, rearm, self_again;
GUEST_CODE("count", "code64", PUSH TSC_TO(0x20018) "incq 0x20000;" EOI POP "iretq");
GUEST_CODE("count2", "code64", PUSH "incq 0x20008;" EOI POP "iretq");
GUEST_CODE("count_no_eoi", "code64", "incq 0x20000; iretq");
GUEST_CODE("count_nmi", "code64", "incq 0x20008; iretq");
GUEST_CODE("rearm", "code64", PUSH "incq 0x20000;" EOI WRMSR(0x6e0, 1) POP "iretq");
GUEST_CODE("self_again", "code64", PUSH "incq 0x20000;" EOI WRMSR(0x83f, 0x61) POP "iretq");

static uint64_t word(struct guest *g, uint64_t gpa)
{
	uint64_t value;

	memcpy(&value, g->ram + gpa, sizeof(value));
	return value;
}

/* A guest in 64-bit mode whose VECTOR and VECTOR2 count. */
static bool open_guest(struct guest *g, struct ktap *t, const struct guest_code *code)
{
	if (!guest_open(g, t, GUEST_RAM) || !guest_default_cpuid(g))
		return false;
	guest_long(g, code);
	guest_gate(g, VECTOR, &count, HANDLER);
	guest_gate(g, VECTOR2, &count2, HANDLER2);
	return true;
}

static uint32_t tsc_khz(struct guest *g)
{
	struct hvm_get_info info = { .size = sizeof(info) };

	return ioctl(g->dev, HVM_GET_INFO, &info) ? 0 : info.tsc_khz;
}

static int msi(int vm, uint64_t address, uint32_t data)
{
	struct hvm_msi arg = { .size = sizeof(arg), .address = address, .data = data };

	return ioctl(vm, HVM_MSI, &arg);
}

/* --- the APIC page ------------------------------------------------------------- */

extern const struct guest_code page;
GUEST_CODE("page", "code64",
	   "mov $0xfee00030,%rbx; mov (%rbx),%eax;"	/* 7 + 2 bytes */
	   "movl $0x1ff,0xc0(%rbx);"			/* SVR, 10 bytes */
	   "mov 0xc0(%rbx),%ecx;"			/* 6 bytes */
	   DONE);

static void page_access(struct ktap *t)
{
	struct guest g;

	if (!open_guest(&g, t, &page))
		return;
	GUEST_EXPECT(&g, HVM_EXIT_APIC);
	KTAP_EQ(t, g.run->apic.offset, 0x30);
	KTAP_EQ(t, g.run->apic.write, 0);
	KTAP_EQ(t, g.run->apic.value, 0x50014);
	g.run->gpr[HVM_RAX] = g.run->apic.value;
	KTAP_EQ(t, guest_complete(&g, 2), HVM_EXIT_APIC);
	KTAP_EQ(t, g.run->apic.offset, 0xf0);
	KTAP_EQ(t, g.run->apic.write, 1);
	g.run->apic.value = 0x1ff;
	KTAP_EQ(t, guest_complete(&g, 10), HVM_EXIT_APIC);
	KTAP_EQ(t, g.run->apic.write, 0);
	KTAP_EQ(t, g.run->apic.value, 0x1ff);
	g.run->gpr[HVM_RCX] = g.run->apic.value;
	KTAP_EQ(t, guest_complete(&g, 6), HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->gpr[HVM_RAX], 0x50014);
	KTAP_EQ(t, g.run->gpr[HVM_RCX], 0x1ff);
	guest_close(&g);
}

/* A write takes effect once, and only when it is completed. */
extern const struct guest_code page_self_ipi;
GUEST_CODE("page_self_ipi", "code64",
	   "mov $0xfee00000,%rbx; sti; movl $0x40061,0x300(%rbx); nop; nop;" DONE);

static void page_write_once(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;
	int i;

	if (!open_guest(&g, t, &page_self_ipi))
		return;
	guest_gate(&g, VECTOR, &count_no_eoi, HANDLER);
	guest_enable_apic(&g);
	for (i = 0; i < 3; i++)
		GUEST_EXPECT(&g, HVM_EXIT_APIC);
	KTAP_EQ(t, word(&g, COUNT), 0);
	g.run->apic.value = 0x40000 | VECTOR;
	KTAP_EQ(t, guest_complete(&g, 10), HVM_EXIT_PIO);
	KTAP_EQ(t, word(&g, COUNT), 1);
	KTAP_OK(t, guest_get(&g, HVM_STATE_LAPIC, &state));
	KTAP_EQ(t, state.lapic.regs[0x10 + VECTOR / 32], 1U << VECTOR % 32);
	guest_close(&g);
}

/* In x2APIC mode nothing of the APIC is there. */
extern const struct guest_code page_x2apic;
GUEST_CODE("page_x2apic", "code64", X2APIC_ON "mov $0xfee00030,%ebx; mov (%rbx),%eax;" DONE);

static void page_gone_in_x2apic(struct ktap *t)
{
	struct guest g;

	if (!open_guest(&g, t, &page_x2apic))
		return;
	GUEST_EXPECT(&g, HVM_EXIT_MEMORY);
	KTAP_EQ(t, g.run->memory.gpa, 0xfee00030);
	guest_close(&g);
}

/* --- x2APIC ----------------------------------------------------------------------- */

extern const struct guest_code x2apic_ids;
GUEST_CODE("x2apic_ids", "code64", X2APIC_ON
	   "mov $0x802,%ecx; rdmsr; mov %rax,%rsi; mov $0x803,%ecx; rdmsr; mov %rax,%rdi;"
	   "mov $0x80d,%ecx; rdmsr; mov %rax,%r8; mov $0x1b,%ecx; rdmsr; mov %rax,%r9;" DONE);

static void x2apic_registers(struct ktap *t)
{
	struct guest g;

	if (!open_guest(&g, t, &x2apic_ids))
		return;
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->gpr[HVM_RSI], 0);
	KTAP_EQ(t, g.run->gpr[HVM_RDI], 0x50014);
	KTAP_EQ(t, g.run->gpr[HVM_R8], 1);
	KTAP_EQ(t, g.run->gpr[HVM_R9], 0xfee00d00);
	guest_close(&g);
}

/* #GP: skip the two bytes of RDMSR or WRMSR and count. */
extern const struct guest_code count_gp;
GUEST_CODE("count_gp", "code64", "incq 0x20000; addq $2,8(%rsp); add $8,%rsp; iretq");

extern const struct guest_code x2apic_faults;
GUEST_CODE("x2apic_faults", "code64",
	   /* Before the mode is on: every register. */
	   "mov $0x803,%ecx; rdmsr;" WRMSR(0x80b, 0)
	   /* An illegal transition, and another base. */
	   "mov $0x1b,%ecx; mov $0xfee00400,%eax; xor %edx,%edx; wrmsr;"
	   "mov $0x1b,%ecx; mov $0xfed00900,%eax; xor %edx,%edx; wrmsr;"
	   X2APIC_ON
	   "mov $0x80b,%ecx; rdmsr; mov $0x831,%ecx; rdmsr;"
	   WRMSR(0x80b, 1) WRMSR(0x802, 0) WRMSR(0x80f, 0x1000) WRMSR(0x83f, 0x100)
	   WRMSR(0x830, 0x1000) WRMSR(0x832, 0x60040)
	   "mov $0x1b,%ecx; mov $0xfee00900,%eax; xor %edx,%edx; wrmsr;"
	   DONE);

static void x2apic_refuses(struct ktap *t)
{
	struct guest g;

	if (!open_guest(&g, t, &x2apic_faults))
		return;
	guest_gate(&g, 13, &count_gp, HANDLER);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, word(&g, COUNT), 13);
	guest_close(&g);
}

extern const struct guest_code self_ipis;
GUEST_CODE("self_ipis", "code64", X2APIC_ON
	   /* Held back by IF, then both, the higher first; then by an ICR write. */
	   WRMSR(0x83f, 0x61) WRMSR(0x83f, 0x92) "cmpq $0,0x20000; jne 1f; cmpq $0,0x20008; jne 1f;"
	   "sti; nop; nop; cli;"
	   WRMSR(0x830, 0x40061) "sti; nop; nop; 1:" DONE);

static void self_ipi(struct ktap *t)
{
	struct guest g;

	if (!open_guest(&g, t, &self_ipis))
		return;
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, word(&g, COUNT), 2);
	KTAP_EQ(t, word(&g, COUNT2), 1);
	guest_close(&g);
}

/* VECTOR2 and VECTOR are held back by the class of the first, then only by that of the second. */
extern const struct guest_code tpr_masks, cr8_masks;
GUEST_CODE("tpr_masks", "code64", X2APIC_ON
	   WRMSR(0x808, 0x90) "sti;" WRMSR(0x83f, 0x92) WRMSR(0x83f, 0x61)
	   "nop; nop; mov 0x20008,%rsi; mov %cr8,%rdi;" WRMSR(0x808, 0x60)
	   "nop; nop; mov 0x20008,%r8; mov 0x20000,%r9;" WRMSR(0x808, 0x5f)
	   "nop; nop; mov %cr8,%r10;" DONE);
GUEST_CODE("cr8_masks", "code64", X2APIC_ON
	   "mov $9,%eax; mov %rax,%cr8; sti;" WRMSR(0x83f, 0x92) WRMSR(0x83f, 0x61)
	   "nop; nop; mov 0x20008,%rsi; mov $0x808,%ecx; rdmsr; mov %rax,%rdi; shr $4,%rdi;"
	   "mov $6,%eax; mov %rax,%cr8; nop; nop; mov 0x20008,%r8; mov 0x20000,%r9;"
	   "mov $5,%eax; mov %rax,%cr8; nop; nop; mov %cr8,%r10;" DONE);

static void check_priority(struct ktap *t, const struct guest_code *code)
{
	struct guest g;

	if (!open_guest(&g, t, code))
		return;
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->gpr[HVM_RSI], 0);
	KTAP_EQ(t, g.run->gpr[HVM_RDI], 9);
	KTAP_EQ(t, g.run->gpr[HVM_R8], 1);
	KTAP_EQ(t, g.run->gpr[HVM_R9], 0);
	KTAP_EQ(t, g.run->gpr[HVM_R10], 5);
	KTAP_EQ(t, word(&g, COUNT), 1);
	KTAP_EQ(t, word(&g, COUNT2), 1);
	guest_close(&g);
}

static void task_priority(struct ktap *t)
{
	check_priority(t, &tpr_masks);
}

static void task_priority_by_cr8(struct ktap *t)
{
	if (guest_host_is("svm"))
		KTAP_SKIP(t, "QEMU fails an assertion on CR8 writes while an interrupt waits");
	check_priority(t, &cr8_masks);
}

/* --- the timer --------------------------------------------------------------------- */

extern const struct guest_code one_shot;
GUEST_CODE("one_shot", "code64", X2APIC_ON
	   WRMSR(0x832, 0x61) WRMSR(0x83e, 0xb) TSC_TO(0x20010) WRMSR(0x838, 50000000)
	   "mov $0x839,%ecx; rdmsr; mov %eax,%esi;" NOW_TO("%r8") WAIT(1)
	   "mov $0x839,%ecx; rdmsr; mov %eax,%edi;" DONE);

static void timer_one_shot(struct ktap *t)
{
	struct guest g;

	if (!open_guest(&g, t, &one_shot))
		return;
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, word(&g, COUNT), 1);
	KTAP_TRUE(t, g.run->gpr[HVM_RSI] <= 50000000);
	/* The timer may have run out by then. */
	KTAP_TRUE(t, g.run->gpr[HVM_RSI] > 0 ||
		  g.run->gpr[HVM_R8] - word(&g, TSC_BEFORE) >= tsc_khz(&g) * 49);
	KTAP_EQ(t, g.run->gpr[HVM_RDI], 0);
	/* 50 ms; the two clocks may differ by a little. */
	KTAP_TRUE(t, word(&g, TSC_AFTER) - word(&g, TSC_BEFORE) >= tsc_khz(&g) * 49);
	guest_close(&g);
}

extern const struct guest_code periodic;
GUEST_CODE("periodic", "code64", X2APIC_ON
	   WRMSR(0x832, 0x20061) WRMSR(0x83e, 0) TSC_TO(0x20010) WRMSR(0x838, 500000) WAIT(10)
	   WRMSR(0x838, 0) DONE);

static void timer_periodic(struct ktap *t)
{
	struct guest g;

	if (!open_guest(&g, t, &periodic))
		return;
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_TRUE(t, word(&g, COUNT) >= 10);
	/* Ten times 1 ms; one that comes late does not put off the next. */
	KTAP_TRUE(t, word(&g, TSC_AFTER) - word(&g, TSC_BEFORE) >= tsc_khz(&g) * 9ULL);
	guest_close(&g);
}

extern const struct guest_code deadline;
GUEST_CODE("deadline", "code64", X2APIC_ON WRMSR(0x832, 0x40061)
	   "rdtsc; shl $32,%rdx; or %rdx,%rax; add $60000000,%rax; mov %rax,%rbx; mov %rax,0x20010;"
	   "mov %rax,%rdx; shr $32,%rdx; mov $0x6e0,%ecx; wrmsr;"
	   "rdmsr; shl $32,%rdx; or %rdx,%rax; mov %rax,%rsi;" NOW_TO("%r8") WAIT(1)
	   "mov $0x6e0,%ecx; rdmsr; shl $32,%rdx; or %rdx,%rax; mov %rax,%rdi;"
	   /* One that has passed fires at once. */
	   WRMSR(0x6e0, 1) WAIT(2) DONE);

static void timer_deadline(struct ktap *t)
{
	struct guest g;

	if (!open_guest(&g, t, &deadline))
		return;
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, word(&g, COUNT), 2);
	/* The deadline may have passed by then. */
	if (g.run->gpr[HVM_RSI] || g.run->gpr[HVM_R8] < g.run->gpr[HVM_RBX])
		KTAP_EQ(t, g.run->gpr[HVM_RSI], g.run->gpr[HVM_RBX]);
	KTAP_EQ(t, g.run->gpr[HVM_RDI], 0);
	KTAP_TRUE(t, word(&g, TSC_AFTER) >= word(&g, TSC_BEFORE));
	guest_close(&g);
}

extern const struct guest_code halting;
GUEST_CODE("halting", "code64", X2APIC_ON
	   WRMSR(0x832, 0x20061) WRMSR(0x83e, 0xb) WRMSR(0x838, 2000000)
	   "sti; 1: hlt; cmpq $20,0x20000; jb 1b;" DONE);

static void timer_wakes_from_hlt(struct ktap *t)
{
	struct guest g;

	if (!open_guest(&g, t, &halting))
		return;
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_TRUE(t, word(&g, COUNT) >= 20);
	guest_close(&g);
}

/* A deadline that was armed is met after the state went to another guest. */
extern const struct guest_code deadline_stop;
/* What the interrupt's delivery needs is there before the state comes: see X2APIC_ON. */
extern const struct guest_code warm;
GUEST_CODE("warm", "code64", X2APIC_ON DONE);
GUEST_CODE("deadline_stop", "code64", X2APIC_ON WRMSR(0x832, 0x40061)
	   "rdtsc; shl $32,%rdx; or %rdx,%rax; add $20000000,%rax;"
	   "mov %rax,%rdx; shr $32,%rdx; mov $0x6e0,%ecx; wrmsr; out %al,$0x11;" WAIT(1) DONE);

static void timer_moves_with_the_state(struct ktap *t)
{
	const uint32_t mask = HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL |
			      HVM_STATE_LAPIC | HVM_STATE_CLOCK;
	struct hvm_state state;
	struct guest g, to;

	if (!open_guest(&g, t, &deadline_stop))
		return;
	if (!open_guest(&to, t, &warm)) {
		guest_close(&g);
		return;
	}
	KTAP_EQ(t, guest_run(&to), HVM_EXIT_PIO);
	guest_long(&to, &deadline_stop);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	KTAP_OK(t, guest_get(&g, mask, &state));
	/* On a host that was busy meanwhile it is met: then the interrupt moves. */
	KTAP_TRUE(t, state.lapic.tsc_deadline != 0 || state.lapic.regs[0x20 + 3] == 1 << 1);
	guest_close(&g);

	state.gpr.rip += 2;
	KTAP_OK(t, guest_set(&to, mask, &state));
	KTAP_EQ(t, guest_run(&to), HVM_EXIT_PIO);
	KTAP_EQ(t, to.run->pio.port, 0x10);
	KTAP_EQ(t, word(&to, COUNT), 1);
	guest_close(&to);
}

/* --- messages from outside -------------------------------------------------------------- */

extern const struct guest_code waiting;
GUEST_CODE("waiting", "code64", X2APIC_ON "out %al,$0x11;" WAIT(1) DONE);

/* Pending before the guest runs on. */
static void msi_to_stopped(struct ktap *t)
{
	struct guest g;

	if (!open_guest(&g, t, &waiting))
		return;
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, msi(g.vm, 0xfee00000, VECTOR), 1);
	KTAP_EQ(t, msi(g.vm, 0xfee00000, VECTOR), 1);
	KTAP_EQ(t, guest_complete(&g, 0), HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x10);
	KTAP_EQ(t, word(&g, COUNT), 1);
	guest_close(&g);
}

struct sender {
	pthread_t thread;
	int vm;
	uint32_t data;
	unsigned int pause_us;
	bool stop;
};

static void *send_all(void *arg)
{
	struct sender *s = arg;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		msi(s->vm, 0xfee00000, s->data);
		if (s->pause_us)
			usleep(s->pause_us);
	}
	return NULL;
}

/* A thread that does not take the watchdog's signal: that is for the one in HVM_RUN. */
static void start_thread(struct guest *g, pthread_t *thread, void *(*run)(void *), void *arg)
{
	sigset_t alarm, old;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, &old);
	KTAP_EQ(g->t, pthread_create(thread, NULL, run, arg), 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void start_sender(struct sender *s, struct guest *g, uint32_t data, unsigned int pause_us)
{
	*s = (struct sender) { .vm = g->vm, .data = data, .pause_us = pause_us };
	start_thread(g, &s->thread, send_all, s);
}

static void stop_sender(struct sender *s)
{
	__atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
	pthread_join(s->thread, NULL);
}

extern const struct guest_code wait_100;
GUEST_CODE("wait_100", "code64", X2APIC_ON WAIT(100) DONE);

static void msi_to_running(struct ktap *t)
{
	struct sender s;
	struct guest g;

	if (!open_guest(&g, t, &wait_100))
		return;
	start_sender(&s, &g, VECTOR, 100);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	stop_sender(&s);
	KTAP_TRUE(t, word(&g, COUNT) >= 100);
	guest_close(&g);
}

extern const struct guest_code halt_100;
GUEST_CODE("halt_100", "code64", X2APIC_ON "sti; 1: hlt; cmpq $100,0x20000; jb 1b;" DONE);

static void msi_wakes_from_hlt(struct ktap *t)
{
	struct sender s;
	struct guest g;

	if (!open_guest(&g, t, &halt_100))
		return;
	start_sender(&s, &g, VECTOR, 500);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	stop_sender(&s);
	KTAP_TRUE(t, word(&g, COUNT) >= 100);
	guest_close(&g);
}

/* No pause between messages: the guest still gets on, and so does the host. */
extern const struct guest_code wait_10;
GUEST_CODE("wait_10", "code64", X2APIC_ON WAIT(10) DONE);

static void msi_storm(struct ktap *t)
{
	struct sender s;
	struct guest g;

	if (!open_guest(&g, t, &wait_10))
		return;
	start_sender(&s, &g, VECTOR, 0);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	stop_sender(&s);
	KTAP_TRUE(t, word(&g, COUNT) >= 10);
	guest_close(&g);
}

static void msi_level_exits_at_eoi(struct ktap *t)
{
	struct guest g;

	if (!open_guest(&g, t, &waiting))
		return;
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, msi(g.vm, 0xfee00000, 0x8000 | VECTOR), 1);
	KTAP_EQ(t, guest_complete(&g, 0), HVM_EXIT_EOI);
	KTAP_EQ(t, g.run->eoi.vector, VECTOR);
	/* The line is still up: once more; then down. */
	KTAP_EQ(t, word(&g, COUNT), 1);
	KTAP_EQ(t, msi(g.vm, 0xfee00000, 0x8000 | VECTOR), 1);
	GUEST_EXPECT(&g, HVM_EXIT_EOI);
	KTAP_EQ(t, word(&g, COUNT), 2);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x10);
	guest_close(&g);
}

extern const struct guest_code page_eoi, take_one;
GUEST_CODE("take_one", "code64", "sti; nop; nop;" DONE);
GUEST_CODE("page_eoi", "code64",
	   "push %rbx; mov $0xfee00000,%ebx; movl $0,0xb0(%rbx); pop %rbx; iretq");

static void level_exits_at_eoi_in_the_page(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (!open_guest(&g, t, &take_one))
		return;
	guest_gate(&g, VECTOR, &page_eoi, HANDLER);
	KTAP_OK(t, guest_get(&g, HVM_STATE_LAPIC, &state));
	state.lapic.regs[0x0f] = 0x1ff;
	state.lapic.regs[REG_IRR + VECTOR / 32] = 1U << VECTOR % 32;
	state.lapic.regs[0x18 + VECTOR / 32] = 1U << VECTOR % 32;
	state.lapic.exits[VECTOR / 32] = 1U << VECTOR % 32;
	KTAP_OK(t, guest_set(&g, HVM_STATE_LAPIC, &state));
	GUEST_EXPECT(&g, HVM_EXIT_APIC);
	KTAP_EQ(t, g.run->apic.offset, 0xb0);
	g.run->apic.value = 0;
	KTAP_EQ(t, guest_complete(&g, 10), HVM_EXIT_EOI);
	KTAP_EQ(t, g.run->eoi.vector, VECTOR);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	guest_close(&g);
}

extern const struct guest_code wait_nmi;
GUEST_CODE("wait_nmi", "code64", "out %al,$0x11; nop; nop; out %al,$0x10; jmp .");

static void msi_nmi(struct ktap *t)
{
	struct guest g;

	if (!open_guest(&g, t, &wait_nmi))
		return;
	guest_gate(&g, 2, &count_nmi, HANDLER2);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, msi(g.vm, 0xfee00000, 4 << 8), 1);
	KTAP_EQ(t, guest_complete(&g, 0), HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x10);
	KTAP_EQ(t, word(&g, COUNT2), 1);
	guest_close(&g);
}

static void msi_init_resets(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (!open_guest(&g, t, &waiting))
		return;
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	/* A level-triggered interrupt is lost with it: whoever holds the line is told. */
	KTAP_EQ(t, msi(g.vm, 0xfee00000, 0x8000 | VECTOR2), 1);
	KTAP_EQ(t, msi(g.vm, 0xfee00000, 5 << 8), 1);
	GUEST_EXPECT(&g, HVM_EXIT_EOI);
	KTAP_EQ(t, g.run->eoi.vector, VECTOR2);
	/* And the processor starts over at its reset vector, where nothing is. */
	GUEST_EXPECT(&g, HVM_EXIT_MEMORY);
	KTAP_EQ(t, g.run->memory.gpa, 0xfffffff0);
	KTAP_OK(t, guest_get(&g, HVM_STATE_LAPIC, &state));
	KTAP_EQ(t, state.lapic.base, 0xfee00d00);
	KTAP_EQ(t, state.lapic.regs[0x0f], 0xff);
	guest_close(&g);
}

static void msi_refused(struct ktap *t)
{
	static const struct {
		uint64_t address;
		uint32_t data;
		int error;
	} rows[] = {
		{ 0, VECTOR, EINVAL }, { 0xfed00000, VECTOR, EINVAL },
		{ 0x1fee00000, VECTOR, EINVAL }, { ~0ULL, VECTOR, EINVAL },
		{ 0xfee00010, VECTOR, EINVAL }, { 0xfee00001, VECTOR, EINVAL },
		{ 0xfee00000, 0x10000 | VECTOR, EINVAL }, { 0xfee00000, 0x300 | VECTOR, EINVAL },
		{ 0xfee00000, 0x600 | VECTOR, EINVAL }, { 0xfee00000, 0x200, EOPNOTSUPP },
		{ 0xfee00000, 0x700, EOPNOTSUPP },
	};
	struct hvm_msi arg = { .size = sizeof(arg), .address = 0xfee00000, .data = VECTOR };
	struct guest g;
	size_t i;

	if (!open_guest(&g, t, &waiting))
		return;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		KTAP_ERRNO(t, msi(g.vm, rows[i].address, rows[i].data), rows[i].error);
	/* Software-disabled so far: nobody takes it; nobody is there. */
	KTAP_EQ(t, msi(g.vm, 0xfee00000, VECTOR), 0);
	KTAP_EQ(t, msi(g.vm, 0xfee01000, VECTOR), 0);
	KTAP_EQ(t, msi(g.vm, 0xfeeff000 | 0x7f << 5, VECTOR), 0);
	arg.reserved = 1;
	KTAP_ERRNO(t, ioctl(g.vm, HVM_MSI, &arg), EINVAL);
	arg.reserved = 0;
	arg.flags = 1;
	KTAP_ERRNO(t, ioctl(g.vm, HVM_MSI, &arg), EOPNOTSUPP);
	KTAP_ERRNO(t, ioctl(g.vcpu, HVM_MSI, &arg), ENOTTY);
	guest_close(&g);
}

/* --- state ------------------------------------------------------------------------------- */

static void state_round_trip(struct ktap *t)
{
	struct hvm_state state, again;
	struct guest g;

	if (!open_guest(&g, t, &waiting))
		return;
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, msi(g.vm, 0xfee00000, VECTOR), 1);
	KTAP_EQ(t, msi(g.vm, 0xfee00000, 0x8000 | VECTOR2), 1);
	KTAP_OK(t, guest_get(&g, HVM_STATE_LAPIC, &state));
	KTAP_EQ(t, state.lapic.regs[REG_IRR + VECTOR / 32], 1U << VECTOR % 32);
	KTAP_EQ(t, state.lapic.regs[REG_IRR + VECTOR2 / 32], 1U << VECTOR2 % 32);
	KTAP_EQ(t, state.lapic.regs[0x18 + VECTOR2 / 32], 1U << VECTOR2 % 32);
	KTAP_OK(t, guest_set(&g, HVM_STATE_LAPIC, &state));
	KTAP_OK(t, guest_get(&g, HVM_STATE_LAPIC, &again));
	KTAP_EQ(t, memcmp(&state.lapic, &again.lapic, sizeof(state.lapic)), 0);

	/* What is refused changes nothing. */
	state.lapic.regs[REG_TPR] = 0x100;
	KTAP_ERRNO(t, guest_set(&g, HVM_STATE_LAPIC, &state), EINVAL);
	KTAP_OK(t, guest_get(&g, HVM_STATE_LAPIC, &state));
	KTAP_EQ(t, memcmp(&state.lapic, &again.lapic, sizeof(state.lapic)), 0);
	guest_close(&g);
}

/* --- storms: the guest gets slow, the watchdog and the host do not ------------------------- */

/* Stop the guest when it took some, however slow the host is. */
static void *kick_after_some(void *arg)
{
	struct guest *g = arg;
	unsigned int ms;

	for (ms = 0; ms < 10000 && word(g, COUNT) < 200; ms++)
		usleep(1000);
	guest_kick(g->vcpu);
	return NULL;
}

/* A guest that never ends gets on, and it has to be stoppable. */
static void storm(struct ktap *t, const struct guest_code *code, const struct guest_code *handler)
{
	pthread_t thread;
	struct guest g;

	if (!open_guest(&g, t, code))
		return;
	guest_gate(&g, VECTOR, handler, HANDLER);
	start_thread(&g, &thread, kick_after_some, &g);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_STOPPED);
	pthread_join(thread, NULL);
	KTAP_TRUE(t, word(&g, COUNT) >= 200);
	guest_close(&g);
}

extern const struct guest_code storm_self, storm_deadline, storm_periodic;
GUEST_CODE("storm_self", "code64", X2APIC_ON "sti;" WRMSR(0x83f, 0x61) "jmp .");
GUEST_CODE("storm_deadline", "code64", X2APIC_ON WRMSR(0x832, 0x40061) "sti;" WRMSR(0x6e0, 1)
	   "jmp .");
GUEST_CODE("storm_periodic", "code64", X2APIC_ON WRMSR(0x832, 0x20061) WRMSR(0x83e, 0xb) "sti;"
	   WRMSR(0x838, 1) "1: hlt; jmp 1b");

static void storm_of_self_ipis(struct ktap *t)
{
	storm(t, &storm_self, &self_again);
}

static void storm_of_deadlines(struct ktap *t)
{
	storm(t, &storm_deadline, &rearm);
}

static void storm_of_periods(struct ktap *t)
{
	storm(t, &storm_periodic, &count);
}

/*
 * Every mode but INIT and SIPI, every vector, destination and shorthand in the ICR, with a #GP for
 * three out of four: bits 16 and 17 are reserved.
 */
extern const struct guest_code random_icr;
GUEST_CODE("random_icr", "code64", X2APIC_ON
	   "mov $12345,%rbx; mov $20000,%rsi;"
	   "1: imul $1664525,%rbx; add $1013904223,%rbx; mov %rbx,%rax; shr $7,%rax;"
	   "and $0xfcfff,%eax; mov %eax,%ecx; and $0x700,%ecx; sub $0x500,%ecx;"
	   "test $~0x100,%ecx; jz 7f;"
	   "mov %rbx,%rdx; shr $33,%rdx; mov $0x830,%ecx; wrmsr;"
	   "7: dec %rsi; jnz 1b;" DONE);

extern const struct guest_code skip_gp;
GUEST_CODE("skip_gp", "code64", "addq $2,8(%rsp); add $8,%rsp; iretq");

static void random_icr_writes(struct ktap *t)
{
	struct guest g;

	if (guest_host_is("vmx") && guest_host_has(HVM_FEATURE_VIRTUAL_APIC))
		KTAP_SKIP(t, "Bochs may deliver virtual interrupts while IF is clear");
	if (!open_guest(&g, t, &random_icr))
		return;
	guest_gate(&g, 2, &count_nmi, HANDLER2);
	guest_gate(&g, 13, &skip_gp, HANDLER);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->gpr[HVM_RSI], 0);
	KTAP_TRUE(t, word(&g, COUNT2) > 0);
	guest_close(&g);
}

/* --- a second processor ----------------------------------------------------------------------- */

struct second {
	pthread_t thread;
	struct guest *g;
	int vcpu;
	struct hvm_run *run;
	int reason;
};

static void *run_second(void *arg)
{
	struct second *s = arg;

	s->reason = ioctl(s->vcpu, HVM_RUN, 0) ? -errno : (int)s->run->reason;
	/* The first waits for what the second does: not for ever if that failed. */
	if (s->reason != HVM_EXIT_PIO)
		guest_kick(s->g->vcpu);
	return NULL;
}

static bool open_second(struct second *s, struct guest *g, uint32_t id)
{
	struct hvm_create_vcpu create = { .size = sizeof(create), .apic_id = id };

	s->g = g;
	s->vcpu = ioctl(g->vm, HVM_CREATE_VCPU, &create);
	KTAP_TRUE(g->t, s->vcpu >= 0);
	if (s->vcpu < 0)
		return false;
	s->run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, s->vcpu, 0);
	KTAP_TRUE(g->t, s->run != MAP_FAILED);
	return s->run != MAP_FAILED;
}

static void close_second(struct second *s)
{
	munmap(s->run, 4096);
	close(s->vcpu);
}

/*
 * INIT, SIPI to page 0x30 of APIC id 300; then wait until that processor says so in memory. With
 * interrupts on: in Bochs a guest that turned them off keeps the host's from ending its run.
 */
extern const struct guest_code start_other, started;
GUEST_CODE("start_other", "code64", X2APIC_ON
	   "mov $0x830,%ecx; mov $300,%edx; mov $0x4500,%eax; wrmsr;"
	   "mov $0x4630,%eax; wrmsr; sti; 1: pause; cmpq $0,0x20000; je 1b;" DONE);
GUEST_CODE("started", "code16",
	   "mov $0x2000,%ax; mov %ax,%ds; movw $1,0; mov %cs,%ax; mov $0x55,%dx; out %ax,%dx; jmp .");

static void starts_another(struct ktap *t)
{
	struct second s;
	struct guest g;

	if (!open_guest(&g, t, &start_other))
		return;
	if (!open_second(&s, &g, 300)) {
		guest_close(&g);
		return;
	}
	memcpy(g.ram + 0x30000, started.text, started.bytes);
	start_thread(&g, &s.thread, run_second, &s);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	KTAP_EQ(t, word(&g, COUNT), 1);
	pthread_join(s.thread, NULL);
	KTAP_STREQ(t, guest_reason(s.reason), guest_reason(HVM_EXIT_PIO));
	KTAP_EQ(t, s.run->gpr[HVM_RAX] & 0xffff, 0x3000);
	close_second(&s);
	guest_close(&g);
}

static void ids_are_taken_once(struct ktap *t)
{
	struct hvm_create_vcpu create = { .size = sizeof(create) };
	struct second s;
	struct guest g;

	if (!open_guest(&g, t, &waiting))
		return;
	KTAP_ERRNO(t, ioctl(g.vm, HVM_CREATE_VCPU, &create), EEXIST);
	create.apic_id = 4096;
	KTAP_ERRNO(t, ioctl(g.vm, HVM_CREATE_VCPU, &create), EINVAL);
	if (open_second(&s, &g, 4095)) {
		create.apic_id = 4095;
		KTAP_ERRNO(t, ioctl(g.vm, HVM_CREATE_VCPU, &create), EEXIST);
		close_second(&s);
	}
	guest_close(&g);
}

static const struct ktap_case cases[] = {
	{ "page_access", page_access },
	{ "page_write_once", page_write_once },
	{ "page_gone_in_x2apic", page_gone_in_x2apic },
	{ "x2apic_registers", x2apic_registers },
	{ "x2apic_refuses", x2apic_refuses },
	{ "self_ipi", self_ipi },
	{ "task_priority", task_priority },
	{ "task_priority_by_cr8", task_priority_by_cr8 },
	{ "timer_one_shot", timer_one_shot },
	{ "timer_periodic", timer_periodic },
	{ "timer_deadline", timer_deadline },
	{ "timer_wakes_from_hlt", timer_wakes_from_hlt },
	{ "timer_moves_with_the_state", timer_moves_with_the_state },
	{ "msi_to_stopped", msi_to_stopped },
	{ "msi_to_running", msi_to_running },
	{ "msi_wakes_from_hlt", msi_wakes_from_hlt },
	{ "msi_storm", msi_storm },
	{ "msi_level_exits_at_eoi", msi_level_exits_at_eoi },
	{ "level_exits_at_eoi_in_the_page", level_exits_at_eoi_in_the_page },
	{ "msi_nmi", msi_nmi },
	{ "msi_init_resets", msi_init_resets },
	{ "msi_refused", msi_refused },
	{ "state_round_trip", state_round_trip },
	{ "storm_of_self_ipis", storm_of_self_ipis },
	{ "storm_of_deadlines", storm_of_deadlines },
	{ "storm_of_periods", storm_of_periods },
	{ "random_icr_writes", random_icr_writes },
	{ "starts_another", starts_another },
	{ "ids_are_taken_once", ids_are_taken_once },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
