// SPDX-License-Identifier: GPL-2.0-only
/*
 * HVM_DEBUG: single steps over all that an instruction can come to, breakpoints beside the guest's
 * own debug registers, INT3 that is the debugger's or the guest's. Not here: what a guest's own
 * debugging does by itself (test-exits.c), and gdb (tools/selftests/e2e/vm_run_gdb.py).
 */
#include <pthread.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest.h"
#include "task.h"

#define RFLAGS_TF	0x100
#define RFLAGS_IF	0x200
#define DATA		GUEST_DATA

static int set_debug(struct guest *g, struct hvm_debug *debug)
{
	debug->size = sizeof(*debug);
	return ioctl(g->vcpu, HVM_DEBUG, debug);
}

static void ask(struct guest *g, uint32_t flags)
{
	struct hvm_debug debug = { .flags = flags };

	KTAP_OK(g->t, set_debug(g, &debug));
}

static void set_break(struct guest *g, uint32_t flags, uint64_t gva, uint32_t kind, uint32_t bytes)
{
	struct hvm_debug debug = { .flags = flags, .breakpoint[2] = { gva, kind, bytes } };

	KTAP_OK(g->t, set_debug(g, &debug));
}

/* Bochs as AMD processor does not say which breakpoint hit: all that there are may have. */
static void expect_debug(struct guest *g, uint32_t hits, uint64_t rip)
{
	int reason = guest_run(g);

	if (reason != HVM_EXIT_DEBUG) {
		KTAP_FAIL(g->t, "exit %s at rip 0x%llx, not debug at 0x%llx", guest_reason(reason),
			  (unsigned long long)g->run->rip, (unsigned long long)rip);
		return;
	}
	KTAP_EQ(g->t, g->run->debug.vector, 1);
	KTAP_EQ(g->t, g->run->debug.hits, hits);
	KTAP_EQ(g->t, g->run->rip, rip);
}

static void expect_int3(struct guest *g, uint64_t rip)
{
	int reason = guest_run(g);

	KTAP_EQ(g->t, reason, HVM_EXIT_DEBUG);
	KTAP_EQ(g->t, g->run->debug.vector, 3);
	KTAP_EQ(g->t, g->run->debug.hits, 0);
	KTAP_EQ(g->t, g->run->rip, rip);
}

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

static struct hvm_state_gpr registers(struct guest *g)
{
	struct hvm_state state;

	KTAP_OK(g->t, guest_get(g, HVM_STATE_GPR, &state));
	return state.gpr;
}

static void set_flags(struct guest *g, uint64_t flags)
{
	struct hvm_state state;

	KTAP_OK(g->t, guest_get(g, HVM_STATE_GPR, &state));
	state.gpr.rflags |= flags;
	KTAP_OK(g->t, guest_set(g, HVM_STATE_GPR, &state));
}

static bool open_long(struct guest *g, struct ktap *t, const struct guest_code *code)
{
	if (!guest_open(g, t, GUEST_RAM))
		return false;
	guest_default_cpuid(g);
	guest_long(g, code);
	return true;
}

/* The trap of a step reaches the host when the instruction exits, be it for want of a page. */
static bool loses_the_trap(void)
{
	return guest_host_is("svm-bochs");
}

/* --- the call ------------------------------------------------------------------ */

extern const struct guest_code nops;
GUEST_CODE("nops", "code64", "nop; nop; nop; nop; out %al, $0x80; jmp .");

static void bad_arguments(struct ktap *t)
{
	static const struct {
		struct hvm_debug debug;
		int error;
	} bad[] = {
		{ { .flags = 1U << 3 }, EOPNOTSUPP },
		{ { .flags = 1U << 31 }, EOPNOTSUPP },
		{ { .flags = HVM_DEBUG_HOLD }, EINVAL },
		{ { .breakpoint[0] = { 0, HVM_BREAK_NONE, 1 } }, EINVAL },
		{ { .breakpoint[3] = { 8, HVM_BREAK_NONE, 0 } }, EINVAL },
		{ { .breakpoint[0] = { 8, 4, 1 } }, EINVAL },
		{ { .breakpoint[0] = { 8, HVM_BREAK_EXEC, 2 } }, EINVAL },
		{ { .breakpoint[1] = { 8, HVM_BREAK_EXEC, 0 } }, EINVAL },
		{ { .breakpoint[2] = { 8, HVM_BREAK_WRITE, 3 } }, EINVAL },
		{ { .breakpoint[2] = { 16, HVM_BREAK_WRITE, 16 } }, EINVAL },
		{ { .breakpoint[2] = { 9, HVM_BREAK_WRITE, 2 } }, EINVAL },
		{ { .breakpoint[3] = { 12, HVM_BREAK_ACCESS, 8 } }, EINVAL },
	};
	struct guest g;

	if (!open_long(&g, t, &nops))
		return;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hvm_debug debug = bad[i].debug;
		int ret = set_debug(&g, &debug);

		if (ret >= 0 || errno != bad[i].error)
			KTAP_FAIL(t, "case %u: %s", i, ret < 0 ? strerror(errno) : "accepted");
	}
	/* Nothing of it has stayed. */
	expect_port(&g, 0x80);
	guest_close(&g);
}

static void bad_size(struct ktap *t)
{
	struct {
		struct hvm_debug debug;
		uint64_t more;
	} arg = { .debug.size = sizeof(arg.debug) - 1 };
	struct guest g;

	if (!open_long(&g, t, &nops))
		return;
	KTAP_ERRNO(t, ioctl(g.vcpu, HVM_DEBUG, &arg), EINVAL);
	KTAP_ERRNO(t, ioctl(g.vcpu, HVM_DEBUG, NULL), EFAULT);
	KTAP_ERRNO(t, ioctl(g.vm, HVM_DEBUG, &arg), ENOTTY);
	arg.debug.size = sizeof(arg);
	arg.more = 1;
	KTAP_ERRNO(t, ioctl(g.vcpu, HVM_DEBUG, &arg), E2BIG);
	arg.more = 0;
	KTAP_OK(t, ioctl(g.vcpu, HVM_DEBUG, &arg));
	guest_close(&g);
}

extern const struct guest_code spin;
GUEST_CODE("spin", "code64", "1: incq 0x20000; jmp 1b");

static void *run_thread(void *arg)
{
	return (void *)(intptr_t)guest_run(arg);
}

/* For a moment it is not, when the kernel restarts the call for work of its own. */
static bool is_busy(void *g)
{
	struct hvm_debug none = {};

	return set_debug(g, &none) && errno == EBUSY;
}

static void busy_while_running(struct ktap *t)
{
	volatile uint64_t *count;
	struct hvm_debug debug = { .flags = HVM_DEBUG_STEP };
	pthread_t thread;
	struct guest g;
	void *reason;

	if (!open_long(&g, t, &spin))
		return;
	/* Bochs holds the host's interrupts back where the entry finds the guest's off. */
	set_flags(&g, RFLAGS_IF);
	count = (volatile uint64_t *)(g.ram + DATA);
	pthread_create(&thread, NULL, run_thread, &g);
	while (!*count)
		usleep(1000);
	KTAP_TRUE(t, task_wait(is_busy, &g));
	KTAP_OK(t, guest_kick(g.vcpu));
	pthread_join(thread, &reason);
	KTAP_EQ(t, (intptr_t)reason, HVM_EXIT_STOPPED);
	KTAP_OK(t, set_debug(&g, &debug));
	guest_close(&g);
}

/* --- steps ---------------------------------------------------------------------- */

static void step(struct ktap *t)
{
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!open_long(&g, t, &nops))
		return;
	ask(&g, HVM_DEBUG_STEP);
	for (int i = 1; i <= 4; i++) {
		expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + i);
		KTAP_EQ(t, registers(&g).rflags & RFLAGS_TF, 0);
	}
	guest_close(&g);
}

static void step_ends_with_the_asking(struct ktap *t)
{
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!open_long(&g, t, &nops))
		return;
	ask(&g, HVM_DEBUG_STEP);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 1);
	ask(&g, 0);
	expect_port(&g, 0x80);
	KTAP_EQ(t, registers(&g).rflags & RFLAGS_TF, 0);
	guest_close(&g);
}

extern const struct guest_code real_steps, protected_steps;
GUEST_CODE("real_steps", "code16", "nop; mov %ax, %bx; jmp .");
GUEST_CODE("protected_steps", "code32", "nop; mov %eax, %ebx; jmp .");

static void step_in_real_mode(struct ktap *t)
{
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_real(&g, &real_steps);
	ask(&g, HVM_DEBUG_STEP);
	GUEST_EXPECT(&g, HVM_EXIT_DEBUG);
	GUEST_EXPECT(&g, HVM_EXIT_DEBUG);
	KTAP_EQ(t, g.run->debug.hits, HVM_HIT_STEP);
	KTAP_EQ(t, g.run->rip & 0xf, 3);
	guest_close(&g);
}

static void step_in_protected_mode(struct ktap *t)
{
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_protected(&g, &protected_steps);
	ask(&g, HVM_DEBUG_STEP);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 1);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 3);
	guest_close(&g);
}

/* Instructions that exit, finished by the kernel. */
extern const struct guest_code exits;
GUEST_CODE("exits", "code64", "cpuid; mov $0x1b, %ecx; rdmsr; jmp .");

static void step_over_kernel_exits(struct ktap *t)
{
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!open_long(&g, t, &exits))
		return;
	ask(&g, HVM_DEBUG_STEP);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 2);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 7);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 9);
	KTAP_EQ(t, registers(&g).rflags & RFLAGS_TF, 0);
	guest_close(&g);
}

/* ... and by userspace: the step ends when it says so. */
extern const struct guest_code port;
GUEST_CODE("port", "code64", "out %al, $0x80; nop; in $0x81, %al; jmp .");

static void step_over_userspace_exits(struct ktap *t)
{
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!open_long(&g, t, &port))
		return;
	ask(&g, HVM_DEBUG_STEP);
	expect_port(&g, 0x80);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 2);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 3);
	expect_port(&g, 0x81);
	g.run->gpr[HVM_RAX] = 0x42;
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 5);
	KTAP_EQ(t, g.run->gpr[HVM_RAX], 0x42);
	guest_close(&g);
}

/* An exit that is not completed is no step: the instruction runs again. */
static void exit_not_completed(struct ktap *t)
{
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!open_long(&g, t, &port))
		return;
	ask(&g, HVM_DEBUG_STEP);
	expect_port(&g, 0x80);
	g.run->complete = 0;
	expect_port(&g, 0x80);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 2);
	guest_close(&g);
}

extern const struct guest_code halt;
GUEST_CODE("halt", "code64",
	   "mov $0x1b, %ecx; rdmsr; or $0xc00, %eax; wrmsr;"
	   "mov $0x80f, %ecx; mov $0x1ff, %eax; xor %edx, %edx; wrmsr;"
	   "out %al, $0x80; nop; hlt; out %al, $0x84; jmp .");
extern const struct guest_code on_interrupt;
GUEST_CODE("on_interrupt", "code64",
	   "nop; mov $0x80b, %ecx; xor %eax, %eax; xor %edx, %edx; wrmsr; iretq");

#define HANDLER	0x30000

/* HLT is a step, and what wakes from it is the next. */
static void step_over_halt(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;
	uint64_t rip;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!open_long(&g, t, &halt))
		return;
	guest_gate(&g, 0x41, &on_interrupt, HANDLER);
	expect_port(&g, 0x80);
	rip = registers(&g).rip;
	ask(&g, HVM_DEBUG_STEP);
	expect_debug(&g, HVM_HIT_STEP, rip + 2);
	set_flags(&g, RFLAGS_IF);
	expect_debug(&g, HVM_HIT_STEP, rip + 3);
	expect_debug(&g, HVM_HIT_STEP, rip + 4);
	KTAP_OK(t, guest_get(&g, HVM_STATE_EVENTS, &state));
	KTAP_EQ(t, state.events.mp_state, HVM_MP_HALTED);
	KTAP_EQ(t, guest_msi(&g, 0x41), 1);
	expect_debug(&g, HVM_HIT_STEP, HANDLER);
	expect_debug(&g, HVM_HIT_STEP, HANDLER + 1);
	/* What the handler returns to is what was interrupted, without our trap flag. */
	KTAP_EQ(t, *(uint64_t *)(g.ram + GUEST_STACK - 40), rip + 4);
	KTAP_EQ(t, *(uint64_t *)(g.ram + GUEST_STACK - 24) & RFLAGS_TF, 0);
	guest_close(&g);
}

/* With HOLD an interrupt waits until nobody steps any more. */
extern const struct guest_code enabled;
GUEST_CODE("enabled", "code64",
	   "mov $0x1b, %ecx; rdmsr; or $0xc00, %eax; wrmsr;"
	   "mov $0x80f, %ecx; mov $0x1ff, %eax; xor %edx, %edx; wrmsr;"
	   "sti; out %al, $0x80; nop; nop; nop; out %al, $0x84; jmp .");
extern const struct guest_code on_vector;
GUEST_CODE("on_vector", "code64", "out %al, $0x83; jmp .");

static bool open_enabled(struct guest *g, struct ktap *t, uint64_t *rip)
{
	if (!open_long(g, t, &enabled))
		return false;
	guest_gate(g, 0x41, &on_vector, HANDLER);
	guest_gate(g, 2, &on_vector, HANDLER);
	expect_port(g, 0x80);
	*rip = registers(g).rip + 2;
	/* Complete the write, and stand behind it. */
	KTAP_OK(t, guest_kick(g->vcpu));
	KTAP_EQ(t, guest_run(g), HVM_EXIT_STOPPED);
	return true;
}

static void interrupts_can_be_held(struct ktap *t)
{
	struct guest g;
	uint64_t rip;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!open_enabled(&g, t, &rip))
		return;
	KTAP_EQ(t, guest_msi(&g, 0x41), 1);
	KTAP_EQ(t, guest_msi(&g, 0x400), 1);
	ask(&g, HVM_DEBUG_STEP | HVM_DEBUG_HOLD);
	expect_debug(&g, HVM_HIT_STEP, rip + 1);
	expect_debug(&g, HVM_HIT_STEP, rip + 2);
	ask(&g, 0);
	expect_port(&g, 0x83);
	guest_close(&g);
}

static void interrupt_is_a_step(struct ktap *t)
{
	struct guest g;
	uint64_t rip;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!open_enabled(&g, t, &rip))
		return;
	ask(&g, HVM_DEBUG_STEP);
	KTAP_EQ(t, guest_msi(&g, 0x41), 1);
	expect_debug(&g, HVM_HIT_STEP, HANDLER);
	KTAP_EQ(t, *(uint64_t *)(g.ram + GUEST_STACK - 40), rip);
	KTAP_EQ(t, *(uint64_t *)(g.ram + GUEST_STACK - 24) & RFLAGS_TF, 0);
	guest_close(&g);
}

/* What waits for the end of a shadow waits for the step that begins in it, not for ever. */
static void interrupt_waits_in_a_shadow(struct ktap *t)
{
	static const uint32_t shadows[] = { HVM_SHADOW_STI, HVM_SHADOW_MOV_SS };
	struct hvm_state state;
	struct guest g;
	uint64_t rip;
	int i;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	for (i = 0; i < 2; i++) {
		if (!open_enabled(&g, t, &rip))
			return;
		ask(&g, HVM_DEBUG_STEP);
		KTAP_OK(t, guest_get(&g, HVM_STATE_EVENTS, &state));
		state.events.shadow = shadows[i];
		KTAP_OK(t, guest_set(&g, HVM_STATE_EVENTS, &state));
		KTAP_EQ(t, guest_msi(&g, 0x41), 1);
		expect_debug(&g, HVM_HIT_STEP, rip + 1);
		expect_debug(&g, HVM_HIT_STEP, HANDLER);
		KTAP_EQ(t, *(uint64_t *)(g.ram + GUEST_STACK - 40), rip + 1);
		guest_close(&g);
	}
}

/* An exception of a stepped instruction: its handler sees what it would have seen. */
extern const struct guest_code faults, on_fault;
GUEST_CODE("faults", "code64", "nop; nop; ud2; nop; jmp .");
GUEST_CODE("on_fault", "code64", "nop; addq $2, (%rsp); iretq");

static void exception_is_a_step(struct ktap *t)
{
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!open_long(&g, t, &faults))
		return;
	guest_gate(&g, 6, &on_fault, HANDLER);
	set_flags(&g, RFLAGS_IF);
	ask(&g, HVM_DEBUG_STEP);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 1);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 2);
	expect_debug(&g, HVM_HIT_STEP, HANDLER);
	KTAP_EQ(t, *(uint64_t *)(g.ram + GUEST_STACK - 40), GUEST_TEXT + 2);
	KTAP_EQ(t, *(uint64_t *)(g.ram + GUEST_STACK - 24) & RFLAGS_TF, 0);
	expect_debug(&g, HVM_HIT_STEP, HANDLER + 1);
	expect_debug(&g, HVM_HIT_STEP, HANDLER + 6);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 4);
	KTAP_EQ(t, registers(&g).rflags & RFLAGS_TF, 0);
	guest_close(&g);
}

/* STI's shadow is there when the step begins, and again when it did not end. */
extern const struct guest_code shadow;
GUEST_CODE("shadow", "code64", "nop; nop; nop; jmp .");

static void step_out_of_a_shadow(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!open_long(&g, t, &shadow))
		return;
	set_flags(&g, RFLAGS_IF);
	ask(&g, HVM_DEBUG_STEP);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 1);
	KTAP_OK(t, guest_get(&g, HVM_STATE_EVENTS, &state));
	state.events.shadow = HVM_SHADOW_STI;
	KTAP_OK(t, guest_set(&g, HVM_STATE_EVENTS, &state));
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 2);
	KTAP_OK(t, guest_get(&g, HVM_STATE_EVENTS, &state));
	KTAP_EQ(t, state.events.shadow, 0);
	state.events.shadow = HVM_SHADOW_MOV_SS;
	KTAP_OK(t, guest_set(&g, HVM_STATE_EVENTS, &state));
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 3);
	guest_close(&g);
}

/* POPF clears the flag that is ours; the one the guest has set itself stays its own. */
extern const struct guest_code popf;
GUEST_CODE("popf", "code64", "pushq $0x2; popfq; nop; nop; jmp .");

static void step_over_popf(struct ktap *t)
{
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!open_long(&g, t, &popf))
		return;
	ask(&g, HVM_DEBUG_STEP);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 2);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 3);
	KTAP_EQ(t, registers(&g).rflags, 0x2);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 4);
	guest_close(&g);
}

/* The guest steps itself: the debugger sees each step, and the guest its #DB. */
extern const struct guest_code on_debug;
GUEST_CODE("on_debug", "code64", "nop; jmp .");

static void guest_steps_itself(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs does not say in DR6 that it was a step");
	if (!open_long(&g, t, &nops))
		return;
	guest_gate(&g, 1, &on_debug, HANDLER);
	set_flags(&g, RFLAGS_TF);
	ask(&g, HVM_DEBUG_STEP);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 1);
	KTAP_EQ(t, registers(&g).rflags & RFLAGS_TF, RFLAGS_TF);
	expect_debug(&g, HVM_HIT_STEP, HANDLER);
	KTAP_EQ(t, *(uint64_t *)(g.ram + GUEST_STACK - 40), GUEST_TEXT + 1);
	KTAP_EQ(t, *(uint64_t *)(g.ram + GUEST_STACK - 24) & RFLAGS_TF, RFLAGS_TF);
	KTAP_OK(t, guest_get(&g, HVM_STATE_DEBUG, &state));
	KTAP_EQ(t, state.debug.dr6 & 0x4000, 0x4000);
	guest_close(&g);
}

/* --- breakpoints ------------------------------------------------------------------- */

static void break_before_an_instruction(struct ktap *t)
{
	struct guest g;

	if (!open_long(&g, t, &nops))
		return;
	set_break(&g, 0, GUEST_TEXT + 2, HVM_BREAK_EXEC, 1);
	expect_debug(&g, 1 << 2, GUEST_TEXT + 2);
	expect_port(&g, 0x80);
	guest_close(&g);
}

extern const struct guest_code touch;
GUEST_CODE("touch", "code64",
	   "mov 0x20000, %eax; mov %eax, 0x20008; mov %eax, 0x20000; nop; out %al, $0x80; jmp .");

static void break_after_a_write(struct ktap *t)
{
	struct guest g;

	if (!open_long(&g, t, &touch))
		return;
	set_break(&g, 0, DATA, HVM_BREAK_WRITE, 8);
	expect_debug(&g, 1 << 2, GUEST_TEXT + 21);
	expect_port(&g, 0x80);
	guest_close(&g);
}

static void break_after_an_access(struct ktap *t)
{
	struct guest g;

	if (!open_long(&g, t, &touch))
		return;
	set_break(&g, 0, DATA, HVM_BREAK_ACCESS, 4);
	expect_debug(&g, 1 << 2, GUEST_TEXT + 7);
	expect_debug(&g, 1 << 2, GUEST_TEXT + 21);
	expect_port(&g, 0x80);
	guest_close(&g);
}

static void four_breakpoints(struct ktap *t)
{
	struct hvm_debug debug = { 0 };
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs does not say in DR6 which breakpoint hit");
	if (!open_long(&g, t, &nops))
		return;
	for (int i = 0; i < 4; i++)
		debug.breakpoint[i] = (struct hvm_breakpoint){ GUEST_TEXT + 1 + i, HVM_BREAK_EXEC,
								1 };
	KTAP_OK(t, set_debug(&g, &debug));
	for (int i = 0; i < 4; i++)
		expect_debug(&g, 1 << i, GUEST_TEXT + 1 + i);
	expect_port(&g, 0x80);
	guest_close(&g);
}

static void breakpoints_go(struct ktap *t)
{
	struct guest g;

	if (!open_long(&g, t, &touch))
		return;
	set_break(&g, 0, DATA, HVM_BREAK_ACCESS, 4);
	expect_debug(&g, 1 << 2, GUEST_TEXT + 7);
	ask(&g, 0);
	expect_port(&g, 0x80);
	guest_close(&g);
}

static void break_in_real_mode(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (guest_host_is("svm"))
		KTAP_SKIP(t, "QEMU dies of a breakpoint in a code segment with a base");
	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_real(&g, &real_steps);
	KTAP_OK(t, guest_get(&g, HVM_STATE_GPR | HVM_STATE_SEGMENTS, &state));
	set_break(&g, 0, state.segments.seg[HVM_CS].base + state.gpr.rip + 1, HVM_BREAK_EXEC, 1);
	expect_debug(&g, 1 << 2, state.gpr.rip + 1);
	guest_close(&g);
}

/* The guest's own debug registers, used while the debugger has those of the processor. */
extern const struct guest_code own_registers;
GUEST_CODE("own_registers", "code64",
	   "mov $0x20040, %eax; mov %rax, %dr0; mov %dr0, %rsi; mov %dr7, %rdi; mov %dr3, %rbx;"
	   "mov $0x1234, %eax; mov %rax, %dr3; mov $0x20040, %eax; nop; out %al, $0x80; jmp .");

static void guest_keeps_its_registers(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (!open_long(&g, t, &own_registers))
		return;
	KTAP_OK(t, guest_get(&g, HVM_STATE_DEBUG, &state));
	state.debug.dr[3] = 0x5678;
	KTAP_OK(t, guest_set(&g, HVM_STATE_DEBUG, &state));
	set_break(&g, 0, DATA + 0x100, HVM_BREAK_WRITE, 4);
	expect_port(&g, 0x80);
	KTAP_EQ(t, g.run->gpr[HVM_RSI], 0x20040);
	KTAP_EQ(t, g.run->gpr[HVM_RDI], 0x400);
	KTAP_EQ(t, g.run->gpr[HVM_RBX], 0x5678);
	KTAP_OK(t, guest_get(&g, HVM_STATE_DEBUG | HVM_STATE_GPR, &state));
	KTAP_EQ(t, state.debug.dr[0], 0x20040);
	KTAP_EQ(t, state.debug.dr[2], 0);
	KTAP_EQ(t, state.debug.dr[3], 0x1234);
	KTAP_EQ(t, state.debug.dr7, 0x400);
	KTAP_EQ(t, state.gpr.rflags & RFLAGS_TF, 0);
	guest_close(&g);
}

/* A breakpoint of the guest's own does not hit meanwhile, and does afterwards. */
extern const struct guest_code own_break;
GUEST_CODE("own_break", "code64",
	   "mov $0x20000, %eax; mov %rax, %dr0; mov $0xd0001, %eax; mov %rax, %dr7;"
	   "mov %rcx, 0x20000; out %al, $0x80; mov %rcx, 0x20000; nop; out %al, $0x82; jmp .");
extern const struct guest_code on_own_break;
GUEST_CODE("on_own_break", "code64", "mov %dr6, %rsi; out %al, $0x81; jmp .");

static void guest_breakpoint_waits(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (guest_host_is("svm"))
		KTAP_SKIP(t, "QEMU dies when breakpoints are switched around a guest");
	if (!open_long(&g, t, &own_break))
		return;
	guest_gate(&g, 1, &on_own_break, HANDLER);
	set_break(&g, 0, DATA + 0x100, HVM_BREAK_WRITE, 4);
	expect_port(&g, 0x80);
	KTAP_OK(t, guest_get(&g, HVM_STATE_DEBUG, &state));
	KTAP_EQ(t, state.debug.dr7, 0xd0401);
	ask(&g, 0);
	expect_port(&g, 0x81);
	if (!loses_the_trap())
		KTAP_EQ(t, g.run->gpr[HVM_RSI] & 0xf, 1);
	guest_close(&g);
}

/* Bits that MOV DR refuses raise #GP in the guest as ever. */
extern const struct guest_code wrong_dr7;
GUEST_CODE("wrong_dr7", "code64", "sti; mov $-1, %rax; mov %rax, %dr7; nop; jmp .");
extern const struct guest_code on_gp;
GUEST_CODE("on_gp", "code64", "out %al, $0x8d; jmp .");

static void wrong_register_value(struct ktap *t)
{
	struct guest g;

	if (!open_long(&g, t, &wrong_dr7))
		return;
	guest_gate(&g, 13, &on_gp, HANDLER);
	set_break(&g, 0, DATA + 0x100, HVM_BREAK_WRITE, 4);
	expect_port(&g, 0x8d);
	KTAP_EQ(t, *(uint64_t *)(g.ram + GUEST_STACK - 40), GUEST_TEXT + 8);
	KTAP_EQ(t, *(uint64_t *)(g.ram + GUEST_STACK - 24) & RFLAGS_TF, 0);
	guest_close(&g);
}

/*
 * Both at once: the step lands on a breakpoint, which hits before the next step. Emulators say so
 * with the end of the step, processors in an exit of its own.
 */
static void step_onto_a_breakpoint(struct ktap *t)
{
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!open_long(&g, t, &nops))
		return;
	set_break(&g, HVM_DEBUG_STEP, GUEST_TEXT + 1, HVM_BREAK_EXEC, 1);
	GUEST_EXPECT(&g, HVM_EXIT_DEBUG);
	KTAP_EQ(t, g.run->rip, GUEST_TEXT + 1);
	KTAP_EQ(t, g.run->debug.hits & HVM_HIT_STEP, HVM_HIT_STEP);
	if (g.run->debug.hits == HVM_HIT_STEP)
		expect_debug(&g, 1 << 2, GUEST_TEXT + 1);
	else
		KTAP_EQ(t, g.run->debug.hits, HVM_HIT_STEP | 1 << 2);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 2);
	guest_close(&g);
}

/* --- INT3 ---------------------------------------------------------------------------- */

extern const struct guest_code int3, on_int3;
GUEST_CODE("int3", "code64", "nop; nop; int3; nop; out %al, $0x80; jmp .");
GUEST_CODE("on_int3", "code64", "out %al, $0x83; iretq");

static bool open_int3(struct guest *g, struct ktap *t)
{
	if (!open_long(g, t, &int3))
		return false;
	guest_gate(g, 3, &on_int3, HANDLER);
	set_flags(g, RFLAGS_IF);
	return true;
}

static void int3_stops(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (!open_int3(&g, t))
		return;
	ask(&g, HVM_DEBUG_INT3);
	expect_int3(&g, GUEST_TEXT + 2);
	/* It stays where it is. */
	expect_int3(&g, GUEST_TEXT + 2);
	KTAP_OK(t, guest_get(&g, HVM_STATE_GPR, &state));
	state.gpr.rip = GUEST_TEXT + 3;
	KTAP_OK(t, guest_set(&g, HVM_STATE_GPR, &state));
	expect_port(&g, 0x80);
	guest_close(&g);
}

static void int3_of_the_guest(struct ktap *t)
{
	struct guest g;

	if (!open_int3(&g, t))
		return;
	ask(&g, HVM_DEBUG_INT3);
	expect_int3(&g, GUEST_TEXT + 2);
	g.run->complete = HVM_COMPLETE_REFLECT;
	expect_port(&g, 0x83);
	KTAP_EQ(t, *(uint64_t *)(g.ram + GUEST_STACK - 40), GUEST_TEXT + 3);
	expect_port(&g, 0x80);
	guest_close(&g);
}

static void int3_nobody_asked_for(struct ktap *t)
{
	struct guest g;

	if (!open_int3(&g, t))
		return;
	set_break(&g, 0, DATA, HVM_BREAK_WRITE, 4);
	expect_port(&g, 0x83);
	KTAP_EQ(t, *(uint64_t *)(g.ram + GUEST_STACK - 40), GUEST_TEXT + 3);
	expect_port(&g, 0x80);
	guest_close(&g);
}

static void step_into_int3(struct ktap *t)
{
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (guest_host_is("svm"))
		KTAP_SKIP(t, "QEMU does not tell INT3 from INT n");
	if (!open_int3(&g, t))
		return;
	ask(&g, HVM_DEBUG_STEP);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 1);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 2);
	expect_debug(&g, HVM_HIT_STEP, HANDLER);
	KTAP_EQ(t, *(uint64_t *)(g.ram + GUEST_STACK - 40), GUEST_TEXT + 3);
	KTAP_EQ(t, *(uint64_t *)(g.ram + GUEST_STACK - 24) & RFLAGS_TF, 0);
	guest_close(&g);
}

static void reflect_what_is_no_int3(struct ktap *t)
{
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!open_int3(&g, t))
		return;
	g.run->complete = HVM_COMPLETE_REFLECT;
	KTAP_EQ(t, guest_run(&g), GUEST_ERRNO(EINVAL));
	g.run->complete = 0;
	ask(&g, HVM_DEBUG_STEP | HVM_DEBUG_INT3);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 1);
	g.run->complete = HVM_COMPLETE_REFLECT;
	KTAP_EQ(t, guest_run(&g), GUEST_ERRNO(EINVAL));
	g.run->complete = HVM_COMPLETE;
	KTAP_EQ(t, guest_run(&g), GUEST_ERRNO(EINVAL));
	g.run->complete = 0;
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 2);
	expect_int3(&g, GUEST_TEXT + 2);
	/* New registers: the old exit is void. */
	set_flags(&g, 0);
	g.run->complete = HVM_COMPLETE_REFLECT;
	KTAP_EQ(t, guest_run(&g), GUEST_ERRNO(EINVAL));
	guest_close(&g);
}

/* --- no part of the state -------------------------------------------------------------- */

/* All of the state, taken and given back in the middle: neither does the debugger show nor end. */
static void state_round_trip(struct ktap *t)
{
	const uint32_t mask = HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL |
			      HVM_STATE_EVENTS | HVM_STATE_DEBUG;
	struct hvm_state before, after;
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!open_long(&g, t, &nops))
		return;
	KTAP_OK(t, guest_get(&g, mask, &before));
	set_break(&g, HVM_DEBUG_STEP, DATA, HVM_BREAK_WRITE, 4);
	KTAP_OK(t, guest_get(&g, mask, &after));
	KTAP_TRUE(t, !memcmp(&before.debug, &after.debug, sizeof(before.debug)));
	KTAP_OK(t, guest_set(&g, mask, &after));
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 1);
	KTAP_OK(t, guest_get(&g, mask, &after));
	KTAP_TRUE(t, !memcmp(&before.debug, &after.debug, sizeof(before.debug)));
	before.gpr.rip++;
	KTAP_TRUE(t, !memcmp(&before.gpr, &after.gpr, sizeof(before.gpr)));
	guest_close(&g);
}

static void kick_while_stepping(struct ktap *t)
{
	struct guest g;

	if (loses_the_trap())
		KTAP_SKIP(t, "Bochs gives the host the trap of an instruction that exits");
	if (!open_long(&g, t, &nops))
		return;
	ask(&g, HVM_DEBUG_STEP);
	KTAP_OK(t, guest_kick(g.vcpu));
	GUEST_EXPECT(&g, HVM_EXIT_STOPPED);
	KTAP_EQ(t, g.run->rip, GUEST_TEXT);
	expect_debug(&g, HVM_HIT_STEP, GUEST_TEXT + 1);
	guest_close(&g);
}

static const struct ktap_case cases[] = {
	{ "bad_arguments", bad_arguments },
	{ "bad_size", bad_size },
	{ "busy_while_running", busy_while_running },
	{ "step", step },
	{ "step_ends_with_the_asking", step_ends_with_the_asking },
	{ "step_in_real_mode", step_in_real_mode },
	{ "step_in_protected_mode", step_in_protected_mode },
	{ "step_over_kernel_exits", step_over_kernel_exits },
	{ "step_over_userspace_exits", step_over_userspace_exits },
	{ "exit_not_completed", exit_not_completed },
	{ "step_over_halt", step_over_halt },
	{ "interrupts_can_be_held", interrupts_can_be_held },
	{ "interrupt_is_a_step", interrupt_is_a_step },
	{ "interrupt_waits_in_a_shadow", interrupt_waits_in_a_shadow },
	{ "exception_is_a_step", exception_is_a_step },
	{ "step_out_of_a_shadow", step_out_of_a_shadow },
	{ "step_over_popf", step_over_popf },
	{ "guest_steps_itself", guest_steps_itself },
	{ "break_before_an_instruction", break_before_an_instruction },
	{ "break_after_a_write", break_after_a_write },
	{ "break_after_an_access", break_after_an_access },
	{ "four_breakpoints", four_breakpoints },
	{ "breakpoints_go", breakpoints_go },
	{ "break_in_real_mode", break_in_real_mode },
	{ "guest_keeps_its_registers", guest_keeps_its_registers },
	{ "guest_breakpoint_waits", guest_breakpoint_waits },
	{ "wrong_register_value", wrong_register_value },
	{ "step_onto_a_breakpoint", step_onto_a_breakpoint },
	{ "int3_stops", int3_stops },
	{ "int3_of_the_guest", int3_of_the_guest },
	{ "int3_nobody_asked_for", int3_nobody_asked_for },
	{ "step_into_int3", step_into_int3 },
	{ "reflect_what_is_no_int3", reflect_what_is_no_int3 },
	{ "state_round_trip", state_round_trip },
	{ "kick_while_stepping", kick_while_stepping },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
