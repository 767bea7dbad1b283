// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes from outside while a guest runs, waits or sleeps: interrupts, NMIs, and whoever wants
 * it to stop. Not here: what the guest does itself (test-exits.c), and the local APIC's own
 * registers and timer (test-lapic.c).
 */
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest.h"
#include "task.h"

#define RFLAGS_IF	0x200
#define SPIN		"1: incq 0x20000; jmp 1b"

/* Set flags where the guest stands. */
static void guest_flags(struct guest *g, uint64_t flags)
{
	struct hvm_state state;

	KTAP_OK(g->t, guest_get(g, HVM_STATE_GPR, &state));
	state.gpr.rflags |= flags;
	KTAP_OK(g->t, guest_set(g, HVM_STATE_GPR, &state));
}

/* --- interrupts -------------------------------------------------------------- */

/* x2APIC on, software-enabled, then "ready" on a port, then HLT with interrupts on. */
extern const struct guest_code wait_interrupt;
GUEST_CODE("wait_interrupt", "code64",
	   X2APIC_ON
	   "out %al, $0x80; sti; hlt; out %al, $0x84; jmp .");

extern const struct guest_code on_interrupt;
GUEST_CODE("on_interrupt", "code64",
	   "out %al, $0x83; mov $0x80b, %ecx; xor %eax, %eax; xor %edx, %edx; wrmsr; iretq");

static void expect_port(struct guest *g, unsigned int port)
{
	int reason = guest_run(g);

	if (reason != HVM_EXIT_PIO)
		KTAP_FAIL(g->t, "exit %s at rip 0x%llx, not port 0x%x", guest_reason(reason),
			  (unsigned long long)g->run->rip, port);
	else
		KTAP_EQ(g->t, g->run->pio.port, port);
	g->run->complete = reason == HVM_EXIT_PIO ? HVM_COMPLETE : 0;
}

/* A guest that has come to its port write 0x80, with a handler for one vector. */
static bool open_ready(struct guest *g, struct ktap *t, const struct guest_code *code,
		       unsigned int vector, const struct guest_code *handler)
{
	if (!guest_open(g, t, GUEST_RAM))
		return false;
	guest_default_cpuid(g);
	guest_long(g, code);
	guest_gate(g, vector, handler, 0x30000);
	expect_port(g, 0x80);
	return true;
}

/**
 * struct delayed - something that a thread of its own does once the guest waits for it
 * @g: the guest, which the caller runs
 * @act: what it does
 * @thread: the thread
 * @target: the caller
 * @tid: the same
 * @spins: where SPIN was before
 * @over: the caller's run has ended
 */
struct delayed {
	struct guest *g;
	int (*act)(const struct delayed *d);
	pthread_t thread;
	pthread_t target;
	pid_t tid;
	uint64_t spins;
	volatile bool over;
};

static uint64_t spins_of(const struct guest *g)
{
	return *(const volatile uint64_t *)(g->ram + GUEST_DATA);
}

static bool waits(void *argument)
{
	const struct delayed *d = argument;

	return d->over || spins_of(d->g) > d->spins || task_is_asleep(d->tid);
}

static void *act_later(void *argument)
{
	struct delayed *d = argument;

	task_wait(waits, d);
	return (void *)(intptr_t)d->act(d);
}

static void start_delayed(struct delayed *d, struct guest *g, int (*act)(const struct delayed *d))
{
	*d = (struct delayed) {
		.g = g,
		.act = act,
		.target = pthread_self(),
		.tid = gettid(),
		.spins = spins_of(g),
	};
	pthread_create(&d->thread, NULL, act_later, d);
}

static int finish_delayed(struct delayed *d)
{
	void *result;

	d->over = true;
	pthread_join(d->thread, &result);
	return (intptr_t)result;
}

static int send_msi(const struct delayed *d)
{
	return guest_msi(d->g, 0x41);
}

/*
 * The interrupt has been taken: HLT has ended. Where the shadow of STI gets lost at an entry, in
 * QEMU, it may have been taken in front of the HLT, which then ends by the next one.
 */
static void expect_woken(struct guest *g)
{
	struct delayed d;

	if (!guest_host_is("svm")) {
		expect_port(g, 0x84);
		return;
	}
	start_delayed(&d, g, send_msi);
	while (guest_run(g) == HVM_EXIT_PIO && g->run->pio.port == 0x83)
		g->run->complete = HVM_COMPLETE;
	KTAP_EQ(g->t, g->run->reason, HVM_EXIT_PIO);
	KTAP_EQ(g->t, g->run->pio.port, 0x84);
	finish_delayed(&d);
}

static void interrupt_wakes_hlt(struct ktap *t)
{
	struct guest g;

	if (!open_ready(&g, t, &wait_interrupt, 0x41, &on_interrupt))
		return;
	KTAP_OK(t, guest_msi(&g, 0x41));
	expect_port(&g, 0x83);
	expect_woken(&g);
	guest_close(&g);
}

/* The same with the thread asleep in HLT when it comes. */
static void interrupt_wakes_sleeper(struct ktap *t)
{
	struct delayed d;
	struct guest g;

	if (!open_ready(&g, t, &wait_interrupt, 0x41, &on_interrupt))
		return;
	start_delayed(&d, &g, send_msi);
	expect_port(&g, 0x83);
	KTAP_EQ(t, finish_delayed(&d), 1);
	expect_woken(&g);
	guest_close(&g);
}

/* With interrupts off the vector waits for STI and the instruction behind it. */
extern const struct guest_code open_later;
GUEST_CODE("open_later", "code64",
	   X2APIC_ON
	   "out %al, $0x80; cpuid; out %al, $0x85; xor %esi, %esi; sti; inc %esi; inc %esi; jmp .");

static void interrupt_window(struct ktap *t)
{
	struct guest g;

	if (!open_ready(&g, t, &open_later, 0x41, &on_interrupt))
		return;
	KTAP_OK(t, guest_msi(&g, 0x41));
	expect_port(&g, 0x85);
	expect_port(&g, 0x83);
	/* QEMU loses the shadow of STI at an entry. */
	KTAP_TRUE(t, g.run->gpr[HVM_RSI] == 1 || (guest_host_is("svm") && !g.run->gpr[HVM_RSI]));
	guest_close(&g);
}

/* CR8 holds back a vector of its class, and lets it through when lowered, by MSR or as CR8. */
extern const struct guest_code raise_cr8, lower_tpr, lower_cr8;
GUEST_CODE("raise_cr8", "code64",
	   X2APIC_ON
	   "mov $4, %eax; mov %rax, %cr8; sti; out %al, $0x80; nop; nop;"
	   "mov %cr8, %rdi; out %al, $0x85; jmp .");
GUEST_CODE("lower_tpr", "code64",
	   "mov $0x808, %ecx; mov $0x30, %eax; xor %edx, %edx; wrmsr; mov %cr8, %rdi; jmp .");
GUEST_CODE("lower_cr8", "code64", "mov $3, %eax; mov %rax, %cr8; mov %cr8, %rdi; jmp .");

static void lower_priority(struct ktap *t, const struct guest_code *code)
{
	struct guest g;

	if (!open_ready(&g, t, &raise_cr8, 0x41, &on_interrupt))
		return;
	KTAP_OK(t, guest_msi(&g, 0x41));
	expect_port(&g, 0x85);
	KTAP_EQ(t, g.run->gpr[HVM_RDI], 4);
	g.run->complete = 0;
	guest_long(&g, code);
	guest_flags(&g, RFLAGS_IF);
	expect_port(&g, 0x83);
	guest_close(&g);
}

static void task_priority_by_msr(struct ktap *t)
{
	lower_priority(t, &lower_tpr);
}

static void task_priority_by_cr8(struct ktap *t)
{
	if (guest_host_is("svm"))
		KTAP_SKIP(t, "QEMU aborts when CR8 opens an interrupt window");
	lower_priority(t, &lower_cr8);
}

/* Userspace's own window: HVM_EXIT_INTWINDOW, then HVM_INJECT of an external interrupt. */
static void userspace_window(struct ktap *t)
{
	struct hvm_inject inject = {
		.size = sizeof(inject),
		.event = { .type = HVM_EVENT_INTR, .vector = 0x41 },
	};
	struct guest g;

	if (!open_ready(&g, t, &open_later, 0x41, &on_interrupt))
		return;
	KTAP_ERRNO(t, ioctl(g.vcpu, HVM_INJECT, &inject), EAGAIN);
	expect_port(&g, 0x85);
	g.run->want_window = 1;
	GUEST_EXPECT(&g, HVM_EXIT_INTWINDOW);
	g.run->want_window = 0;
	KTAP_OK(t, ioctl(g.vcpu, HVM_INJECT, &inject));
	expect_port(&g, 0x83);
	guest_close(&g);
}

/* --- NMIs ---------------------------------------------------------------------- */

#define MSI_NMI	0x400

extern const struct guest_code wait_nmi, on_nmi;
GUEST_CODE("wait_nmi", "code64",
	   "sti; xor %esi, %esi; out %al, $0x80; nop; inc %esi; inc %esi;" SPIN);
GUEST_CODE("on_nmi", "code64", "out %al, $0x86; nop; out %al, $0x87; iretq");

static int kick_vcpu(const struct delayed *d)
{
	return guest_kick(d->g->vcpu);
}

/*
 * Run until a kick from elsewhere. The NMI cases end with it, so that the handler returns: Bochs
 * masks the NMIs of every later guest, too, until some guest has executed IRET.
 */
static void run_to_kick(struct guest *g)
{
	struct delayed d;

	start_delayed(&d, g, kick_vcpu);
	KTAP_EQ(g->t, guest_run(g), HVM_EXIT_STOPPED);
	KTAP_EQ(g->t, finish_delayed(&d), 0);
}

static void nmi(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (!open_ready(&g, t, &wait_nmi, 2, &on_nmi))
		return;
	KTAP_OK(t, guest_msi(&g, MSI_NMI));
	expect_port(&g, 0x86);
	KTAP_OK(t, guest_get(&g, HVM_STATE_EVENTS, &state));
	KTAP_EQ(t, state.events.nmi_masked, 1);
	expect_port(&g, 0x87);
	run_to_kick(&g);
	KTAP_OK(t, guest_get(&g, HVM_STATE_EVENTS, &state));
	KTAP_EQ(t, state.events.nmi_masked, 0);
	guest_close(&g);
}

/* A second NMI waits until IRET completed, and then comes before the next instruction. */
static void nmi_waits_for_iret(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (!open_ready(&g, t, &wait_nmi, 2, &on_nmi))
		return;
	KTAP_OK(t, guest_msi(&g, MSI_NMI));
	expect_port(&g, 0x86);
	KTAP_OK(t, guest_msi(&g, MSI_NMI));
	expect_port(&g, 0x87);
	expect_port(&g, 0x86);
	KTAP_EQ(t, g.run->gpr[HVM_RSI], 0);
	KTAP_OK(t, guest_get(&g, HVM_STATE_GPR | HVM_STATE_EVENTS, &state));
	KTAP_EQ(t, state.gpr.gpr[HVM_RSP], GUEST_STACK - 40);
	KTAP_EQ(t, state.gpr.rflags & 0x100, 0);
	KTAP_EQ(t, state.events.nmi_pending, 0);
	expect_port(&g, 0x87);
	run_to_kick(&g);
	guest_close(&g);
}

/* HLT in the handler: while NMIs are masked the next one does not end it. */
extern const struct guest_code on_nmi_halt;
GUEST_CODE("on_nmi_halt", "code64", "out %al, $0x86; hlt; out %al, $0x87; iretq");

static void nmi_that_is_masked_wakes_nobody(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;
	int waiting;

	if (!open_ready(&g, t, &wait_nmi, 2, &on_nmi_halt))
		return;
	KTAP_OK(t, guest_msi(&g, MSI_NMI));
	expect_port(&g, 0x86);
	KTAP_OK(t, guest_msi(&g, MSI_NMI));
	/* The first handler, then the other one, which has to return as well. */
	for (waiting = 1; waiting >= 0; waiting--) {
		run_to_kick(&g);
		KTAP_OK(t, guest_get(&g, HVM_STATE_EVENTS, &state));
		KTAP_EQ(t, state.events.mp_state, HVM_MP_HALTED);
		KTAP_EQ(t, state.events.nmi_pending, waiting);
		state.events.mp_state = HVM_MP_RUNNING;
		KTAP_OK(t, guest_set(&g, HVM_STATE_EVENTS, &state));
		expect_port(&g, 0x87);
		if (waiting)
			expect_port(&g, 0x86);
	}
	run_to_kick(&g);
	guest_close(&g);
}

/* --- stopping -------------------------------------------------------------------- */

/* With interrupts on: Bochs holds the host's back where the entry finds the guest's off. */
extern const struct guest_code spin;
GUEST_CODE("spin", "code64", "sti; inc %rbx;" SPIN);

static void stop_byte(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &spin);
	g.run->stop = 1;
	GUEST_EXPECT(&g, HVM_EXIT_STOPPED);
	KTAP_EQ(t, g.run->rip, GUEST_TEXT);
	KTAP_EQ(t, g.run->gpr[HVM_RBX], 0);
	guest_close(&g);
}

static void kick_is_sticky_once(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &on_nmi);
	KTAP_OK(t, guest_kick(g.vcpu));
	KTAP_OK(t, guest_kick(g.vcpu));
	GUEST_EXPECT(&g, HVM_EXIT_STOPPED);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_OK(t, guest_kick(g.vm));
	GUEST_EXPECT(&g, HVM_EXIT_STOPPED);
	guest_close(&g);
}

static void kick_stops_running(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &spin);
	guest_flags(&g, RFLAGS_IF);
	run_to_kick(&g);
	KTAP_TRUE(t, g.run->gpr[HVM_RBX] > 0);
	guest_close(&g);
}

static void kick_stops_sleeping(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM) || !guest_default_cpuid(&g))
		return;
	guest_long(&g, &wait_interrupt);
	expect_port(&g, 0x80);
	run_to_kick(&g);
	guest_close(&g);
}

static void ignore_signal(int signal)
{
	(void)signal;
}

static int send_signals(const struct delayed *d)
{
	task_signal_until(d->target, &d->over);
	return 0;
}

static void signal_stops_running(struct ktap *t)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	struct delayed d;
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	sigaction(SIGUSR1, &action, NULL);
	guest_long(&g, &spin);
	guest_flags(&g, RFLAGS_IF);
	start_delayed(&d, &g, send_signals);
	KTAP_EQ(t, guest_run(&g), GUEST_ERRNO(EINTR));
	KTAP_EQ(t, g.run->reason, HVM_EXIT_NONE);
	KTAP_EQ(t, finish_delayed(&d), 0);
	guest_close(&g);
}

static const struct ktap_case cases[] = {
	{ "interrupt_wakes_hlt", interrupt_wakes_hlt },
	{ "interrupt_wakes_sleeper", interrupt_wakes_sleeper },
	{ "interrupt_window", interrupt_window },
	{ "task_priority_by_msr", task_priority_by_msr },
	{ "task_priority_by_cr8", task_priority_by_cr8 },
	{ "userspace_window", userspace_window },
	{ "nmi", nmi },
	{ "nmi_waits_for_iret", nmi_waits_for_iret },
	{ "nmi_that_is_masked_wakes_nobody", nmi_that_is_masked_wakes_nobody },
	{ "stop_byte", stop_byte },
	{ "kick_is_sticky_once", kick_is_sticky_once },
	{ "kick_stops_running", kick_stops_running },
	{ "kick_stops_sleeping", kick_stops_sleeping },
	{ "signal_stops_running", signal_stops_running },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
