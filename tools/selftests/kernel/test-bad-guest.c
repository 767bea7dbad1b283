// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that do what no sane one does: execute the instructions of virtual machine monitors, jump
 * into nothing, fault while they fault, for ever if the processor lets them, and write anything to
 * control registers. Each gets its exception, or leaves as a documented exit; none keeps the host's
 * processor. Not here: MSRs at random (test-msr.c).
 */
#include <sys/ioctl.h>

#include "random.h"
#include "step.h"
#include "task.h"

#define GATE_CODE	0x30000UL
#define IST_STACK	0x70000UL
#define RFLAGS_IF	(1 << 9)
#define RFLAGS_AC	(1 << 18)
#define CR0_AM		(1 << 18)
#define CR4_OSXSAVE	(1 << 18)

static void put64(struct guest *g, uint64_t gpa, uint64_t value)
{
	memcpy(g->ram + gpa, &value, sizeof(value));
}

static void put_code(struct guest *g, uint64_t gpa, const struct guest_code *code)
{
	memcpy(g->ram + gpa, code->text, code->bytes);
}

/* For a gate of guest_gate(): its own stack, and interrupts stay on. */
static void gate_with_own_stack(struct guest *g, unsigned int vector)
{
	const uint64_t gate = GUEST_IDT + vector * 16;
	uint64_t low;

	memcpy(&low, g->ram + gate, 8);
	put64(g, gate, low | 0x010100000000ULL);
	put64(g, GUEST_TSS + 0x24, IST_STACK);
}

/* --- instructions that are not the guest's ------------------------------------------- */

extern const struct guest_code on_ud, on_gp;
GUEST_CODE("on_ud", "code64", "mov (%rsp), %rbx; out %al, $0x81; hlt");
GUEST_CODE("on_gp", "code64", "mov 8(%rsp), %rbx; out %al, $0x82; hlt");

struct instruction {
	const char *name;
	uint8_t bytes[8];
	bool or_gp;
};

static const struct instruction instructions[] = {
	{ "VMLAUNCH", { 0x0f, 0x01, 0xc2 }, false },
	{ "VMRESUME", { 0x0f, 0x01, 0xc3 }, false },
	{ "VMXOFF", { 0x0f, 0x01, 0xc4 }, false },
	{ "VMFUNC", { 0x0f, 0x01, 0xd4 }, false },
	{ "VMREAD", { 0x0f, 0x78, 0xc3 }, false },
	{ "VMWRITE", { 0x0f, 0x79, 0xc3 }, false },
	{ "VMPTRLD", { 0x0f, 0xc7, 0x33 }, false },
	{ "VMPTRST", { 0x0f, 0xc7, 0x3b }, false },
	{ "VMCLEAR", { 0x66, 0x0f, 0xc7, 0x33 }, false },
	{ "VMXON", { 0xf3, 0x0f, 0xc7, 0x33 }, false },
	{ "INVEPT", { 0x66, 0x0f, 0x38, 0x80, 0x03 }, false },
	{ "INVVPID", { 0x66, 0x0f, 0x38, 0x81, 0x03 }, false },
	{ "VMRUN", { 0x0f, 0x01, 0xd8 }, false },
	{ "VMLOAD", { 0x0f, 0x01, 0xda }, false },
	{ "VMSAVE", { 0x0f, 0x01, 0xdb }, false },
	{ "STGI", { 0x0f, 0x01, 0xdc }, false },
	{ "CLGI", { 0x0f, 0x01, 0xdd }, false },
	{ "SKINIT", { 0x0f, 0x01, 0xde }, false },
	{ "INVLPGA", { 0x0f, 0x01, 0xdf }, false },
	{ "GETSEC", { 0x0f, 0x37 }, false },
	{ "RSM", { 0x0f, 0xaa }, false },
	{ "ENCLS", { 0x0f, 0x01, 0xcf }, false },
	{ "MONITOR", { 0x0f, 0x01, 0xc8 }, false },
	{ "MWAIT", { 0x0f, 0x01, 0xc9 }, false },
	{ "UD2", { 0x0f, 0x0b }, false },
	{ "RDPMC", { 0x0f, 0x33 }, true },
	{ "XSETBV", { 0x0f, 0x01, 0xd1 }, true },
	{ "the other vendor's hypercall", { 0x0f, 0x01, 0xc1 }, false },
};

static void expect_ud(struct guest *g, const struct instruction *insn)
{
	static const struct guest_code nothing;
	struct hvm_state state;
	int reason;

	guest_long(g, &nothing);
	guest_gate(g, 6, &on_ud, GATE_CODE);
	guest_gate(g, 13, &on_gp, GATE_CODE + 0x100);
	memcpy(g->ram + GUEST_TEXT, insn->bytes, sizeof(insn->bytes));
	if (insn->bytes[1] == 0x01 && insn->bytes[2] == 0xc1 && !g->amd)
		g->ram[GUEST_TEXT + 2] = 0xd9;
	KTAP_OK(g->t, guest_get(g, HVM_STATE_GPR, &state));
	state.gpr.gpr[HVM_RAX] = GUEST_DATA;
	state.gpr.gpr[HVM_RBX] = GUEST_DATA + 0x1000;
	KTAP_OK(g->t, guest_set(g, HVM_STATE_GPR, &state));
	reason = guest_run(g);
	if (reason != HVM_EXIT_PIO)
		KTAP_FAIL(g->t, "%s: exit %s", insn->name, guest_reason(reason));
	else if (g->run->pio.port != 0x81 && !(insn->or_gp && g->run->pio.port == 0x82))
		KTAP_FAIL(g->t, "%s: port 0x%x", insn->name, g->run->pio.port);
	KTAP_EQ(g->t, g->run->gpr[HVM_RBX], GUEST_TEXT);
}

static void instructions_of_hypervisors(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM) || !guest_default_cpuid(&g))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(instructions); i++)
		expect_ud(&g, &instructions[i]);
	guest_close(&g);
}

/* --- nothing there ------------------------------------------------------------------------ */

extern const struct guest_code jump;
GUEST_CODE("jump", "code64", "jmp *%rax");

static int run_jump(struct guest *g, uint64_t target)
{
	struct hvm_state state;

	guest_long(g, &jump);
	guest_gate(g, 13, &on_gp, GATE_CODE);
	guest_gate(g, 14, &on_gp, GATE_CODE + 0x100);
	KTAP_OK(g->t, guest_get(g, HVM_STATE_GPR, &state));
	state.gpr.gpr[HVM_RAX] = target;
	KTAP_OK(g->t, guest_set(g, HVM_STATE_GPR, &state));
	return guest_run(g);
}

static void jumps_into_nothing(struct ktap *t)
{
	static const uint64_t nothing[] = { GUEST_RAM, 0xd0000000, 0xfed00000, 0xfffff000 };
	static const uint64_t unmapped[] = { 1ULL << 32, 0x7ffffffff000, 0xffff800000000000 };
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(nothing); i++) {
		KTAP_EQ(t, run_jump(&g, nothing[i]), HVM_EXIT_MEMORY);
		KTAP_EQ(t, g.run->memory.gpa, nothing[i]);
		KTAP_EQ(t, g.run->memory.access & HVM_ACCESS_EXEC, HVM_ACCESS_EXEC);
		KTAP_EQ(t, g.run->rip, nothing[i]);
	}
	/* #PF and #GP are the guest's own affair. */
	for (size_t i = 0; i < ARRAY_SIZE(unmapped); i++) {
		KTAP_EQ(t, run_jump(&g, unmapped[i]), HVM_EXIT_PIO);
		KTAP_EQ(t, g.run->gpr[HVM_RBX], unmapped[i]);
	}
	KTAP_EQ(t, run_jump(&g, 0x0000900000000000), HVM_EXIT_PIO);
	/* The local APIC's page holds no code either. */
	KTAP_EQ(t, run_jump(&g, 0xfee00000), HVM_EXIT_APIC);
	/* Zeros are ADD, up to where memory ends. */
	memset(g.ram + GUEST_RAM - 0x1000, 0, 0x1000);
	KTAP_EQ(t, run_jump(&g, GUEST_RAM - 0x1000), HVM_EXIT_MEMORY);
	KTAP_EQ(t, g.run->memory.gpa, GUEST_RAM);
	guest_close(&g);
}

extern const struct guest_code push_nowhere;
GUEST_CODE("push_nowhere", "code64", "mov $0xd0000100, %esp; ud2");

/* A fault whose frame would go to device memory cannot be delivered by anybody. */
static void stack_in_nothing(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &push_nowhere);
	guest_gate(&g, 6, &on_ud, GATE_CODE);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_UNSUPPORTED);
	KTAP_EQ(t, g.run->unsupported.what, HVM_UNSUPPORTED_EVENT_MEMORY);
	KTAP_EQ(t, g.run->unsupported.detail & ~0xfffULL, 0xd0000000);
	guest_close(&g);
}

/* Page tables that are not there, and that point at themselves. */
static void tables_in_nothing(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (guest_host_is("svm-bochs"))
		KTAP_SKIP(t, "Bochs ends when a guest shuts down");
	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &on_ud);
	KTAP_OK(t, guest_get(&g, HVM_STATE_CONTROL, &state));
	state.control.cr3 = 0x10000000;
	KTAP_OK(t, guest_set(&g, HVM_STATE_CONTROL, &state));
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_UNSUPPORTED);
	KTAP_EQ(t, g.run->unsupported.detail & ~0xfffULL, 0x10000000);
	guest_long(&g, &on_ud);
	put64(&g, GUEST_TABLES, GUEST_TABLES + 3);
	KTAP_TRUE(t, guest_run_for(&g, 50) != HVM_EXIT_NONE);
	guest_close(&g);
}

/* --- faults in faults ----------------------------------------------------------------------- */

extern const struct guest_code divide, on_df;
GUEST_CODE("divide", "code64", "xor %ecx, %ecx; xor %edx, %edx; div %ecx");
GUEST_CODE("on_df", "code64", "pop %rcx; out %al, $0x88; hlt");

/* #DE whose gate is not there: #NP in its delivery, and both together #DF. */
static void double_fault(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &divide);
	guest_gate(&g, 8, &on_df, GATE_CODE);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x88);
	KTAP_EQ(t, g.run->gpr[HVM_RCX], 0);
	guest_close(&g);
}

extern const struct guest_code triple16, triple32, triple64;
GUEST_CODE("triple16", "code16", "lidt 0x0; int3");
GUEST_CODE("triple32", "code32", "lidt 0x20000; int3");
GUEST_CODE("triple64", "code64", "lidt 0x20000; int3");

static void triple_faults(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (guest_host_is("svm-bochs"))
		KTAP_SKIP(t, "Bochs ends when a guest shuts down");
	for (int mode = 0; mode < 3; mode++) {
		if (!guest_open(&g, t, GUEST_RAM))
			return;
		if (mode == 0)
			guest_real(&g, &triple16);
		else if (mode == 1)
			guest_protected(&g, &triple32);
		else
			guest_long(&g, &triple64);
		for (int again = 0; again < 3; again++)
			KTAP_EQ(t, guest_run(&g), HVM_EXIT_SHUTDOWN);
		KTAP_OK(t, guest_get(&g, HVM_STATE_EVENTS, &state));
		KTAP_EQ(t, state.events.injected.type, HVM_EVENT_NONE);
		guest_close(&g);
	}
}

/* --- faults without end ------------------------------------------------------------------ */

/* The guest gets nowhere, and a signal gets through to its thread all the same, every time. */
static void expect_endless(struct guest *g)
{
	uint64_t start;
	int reason;

	for (int i = 0; i < 3; i++) {
		start = task_now_ms();
		reason = guest_run_for(g, 20);
		if (reason != GUEST_ERRNO(EINTR))
			KTAP_FAIL(g->t, "exit %s at 0x%llx", guest_reason(reason),
				  (unsigned long long)g->run->rip);
		KTAP_TRUE(g->t, task_now_ms() - start < 60000);
	}
	KTAP_OK(g->t, guest_kick(g->vcpu));
	KTAP_EQ(g->t, guest_run(g), HVM_EXIT_STOPPED);
}

extern const struct guest_code read_unmapped;
GUEST_CODE("read_unmapped", "code64", "sti; nop; movabs 0x100000000, %eax; hlt");

/* The handler of #PF is itself not mapped: no instruction is ever executed again. */
static void page_faults_for_ever(struct ktap *t)
{
	struct guest g;

	if (guest_host_is("svm-bochs") || guest_host_is("vmx"))
		KTAP_SKIP(t, "Bochs lets no interrupt in");
	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &read_unmapped);
	guest_gate(&g, 14, &on_gp, GATE_CODE);
	gate_with_own_stack(&g, 14);
	put64(&g, GUEST_IDT + 14 * 16 + 8, 2);
	expect_endless(&g);
	guest_close(&g);
}

/*
 * #AC at privilege level 3, with a handler there and a stack that is odd: the frame's own pushes
 * raise it again. It is no contributory fault, so the processor never gives up.
 */
extern const struct guest_code misaligned, on_ac;
GUEST_CODE("misaligned", "code32", "mov 0x20001, %eax; hlt");
GUEST_CODE("on_ac", "code32", "1: jmp 1b");

#define CODE3	0x08
#define DATA3	0x10

static void set_level_3(struct guest *g)
{
	struct hvm_state state;

	put64(g, GUEST_GDT + CODE3, 0x00cffb000000ffff);
	put64(g, GUEST_GDT + DATA3, 0x00cff3000000ffff);
	put64(g, GUEST_IDT + 17 * 8, (GATE_CODE & 0xffff) | (CODE3 | 3) << 16 |
	      0xefULL << 40 | GATE_CODE >> 16 << 48);
	KTAP_OK(g->t, guest_get(g, HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL, &state));
	for (int i = HVM_ES; i <= HVM_GS; i++) {
		state.segments.seg[i].selector |= 3;
		state.segments.seg[i].attributes |= HVM_SEG_DPL;
	}
	state.gpr.gpr[HVM_RSP] = GUEST_STACK - 3;
	state.gpr.rflags |= RFLAGS_AC | RFLAGS_IF;
	state.control.cr0 |= CR0_AM;
	KTAP_OK(g->t, guest_set(g, HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL, &state));
}

static void alignment_checks_for_ever(struct ktap *t)
{
	struct guest g;
	int reason;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_protected(&g, &misaligned);
	put_code(&g, GATE_CODE, &on_ac);
	set_level_3(&g);
	/* With no gate for the #GP of HLT behind it, where nothing is checked. */
	reason = guest_host_is("svm") ? HVM_EXIT_NONE : guest_run_for(&g, 20);
	if (reason == HVM_EXIT_NONE)
		ktap_skip(t, "QEMU checks no alignment");
	else
		expect_endless(&g);
	guest_close(&g);
}

extern const struct guest_code hit_breakpoint;
GUEST_CODE("hit_breakpoint", "code64",
	   "sti; mov $0x6fff8, %eax; mov %rax, %dr0; mov $0xb0001, %eax; mov %rax, %dr7;"
	   "mov %rcx, 0x6fff8; 1: jmp 1b");

/* A breakpoint on what the delivery of its own #DB writes. */
static void breakpoints_for_ever(struct ktap *t)
{
	struct guest g;

	if (guest_host_is("svm-bochs"))
		KTAP_SKIP(t, "Bochs gives the host the guest's #DB");
	if (guest_host_is("svm"))
		KTAP_SKIP(t, "QEMU dies of a breakpoint in the delivery of an event");
	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &hit_breakpoint);
	guest_gate(&g, 1, &on_ud, GATE_CODE);
	gate_with_own_stack(&g, 1);
	/* Where the processor does not look at its own pushes, the handler is reached. */
	for (int i = 0; i < 3; i++) {
		int reason = guest_run_for(&g, 20);

		KTAP_TRUE(t, reason == GUEST_ERRNO(EINTR) || reason == HVM_EXIT_PIO);
	}
	KTAP_OK(t, guest_kick(g.vcpu));
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_STOPPED);
	guest_close(&g);
}

extern const struct guest_code halt_for_good;
GUEST_CODE("halt_for_good", "code64", "cli; 1: hlt; jmp 1b");

static void halted_with_interrupts_off(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &halt_for_good);
	expect_endless(&g);
	guest_close(&g);
}

extern const struct guest_code pause_for_ever;
GUEST_CODE("pause_for_ever", "code64", "sti; 1: pause; jmp 1b");

static void pauses_for_ever(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &pause_for_ever);
	expect_endless(&g);
	guest_close(&g);
}

/* --- control registers at random --------------------------------------------------------- */

/* R14: which; RAX, or EDX:EAX: the value. */
extern const struct guest_code write_control64, write_control32;
GUEST_CODE("write_control64", "code64",
	   "	sti; cmp $1, %r14; je 1f; cmp $2, %r14; je 2f; cmp $3, %r14; je 3f\n"
	   "	cmp $4, %r14; je 4f; cmp $5, %r14; je 5f\n"
	   "	mov %rax, %cr0; jmp 9f\n"
	   "1:	mov %rax, %cr4; jmp 9f\n"
	   "2:	mov $0xc0000080, %ecx; wrmsr; jmp 9f\n"
	   "3:	xor %ecx, %ecx; xsetbv; jmp 9f\n"
	   "4:	mov %rax, %cr8; jmp 9f\n"
	   "5:	mov %rax, %cr3\n"
	   "9:	out %al, $0x89; jmp 9b");
GUEST_CODE("write_control32", "code32",
	   "	sti; cmp $1, %ebx; je 1f; cmp $2, %ebx; je 2f; cmp $3, %ebx; je 3f\n"
	   "	mov %eax, %cr0; jmp 9f\n"
	   "1:	mov %eax, %cr4; jmp 9f\n"
	   "2:	mov $0xc0000080, %ecx; wrmsr; jmp 9f\n"
	   "3:	mov %eax, %cr3; mov %cr0, %eax; bts $31, %eax; mov %eax, %cr0\n"
	   "9:	out %al, $0x89; jmp 9b");

static uint64_t random_state;

/* Near @value or far from it. */
static uint64_t random_near(uint64_t value)
{
	switch (random64(&random_state) % 4) {
	case 0:
		return random64(&random_state);
	case 1:
		return random64(&random_state) & 0xffffffff;
	case 2:
		return value ^ 1ULL << random64(&random_state) % 32;
	default:
		return value ^ 1ULL << random64(&random_state) % 64 ^
		       1ULL << random64(&random_state) % 32;
	}
}

#define CR0_PG		(1ULL << 31)
#define CR4_PAE		(1ULL << 5)

/*
 * QEMU refuses no guest what it writes, and does not turn the host's paging on again at an exit
 * from a guest that has EFER.LME set and CR0.PG and CR4.PAE clear: the host is lost then.
 */
static uint64_t spare_qemu(unsigned int what, uint64_t value)
{
	if (!guest_host_is("svm"))
		return value;
	return value | (what == 0 ? CR0_PG : what == 1 ? CR4_PAE : 0);
}

#define WRITES_64	6
#define WRITES_32	4

static void choose_64(struct hvm_state *state, unsigned int what)
{
	const uint64_t now[] = {
		state->control.cr0, state->control.cr4, state->control.efer, state->control.xcr0,
		state->control.cr8, state->control.cr3,
	};
	uint64_t value = spare_qemu(what, random_near(now[what]));

	state->gpr.gpr[HVM_R14] = what;
	state->gpr.gpr[HVM_RAX] = value;
	state->gpr.gpr[HVM_RDX] = value >> 32;
	state->control.cr4 |= random64(&random_state) & CR4_OSXSAVE;
}

static void choose_32(struct hvm_state *state, unsigned int what)
{
	const uint64_t now[] = { state->control.cr0, state->control.cr4, 0, GUEST_TABLES };

	state->gpr.gpr[HVM_RBX] = what;
	state->gpr.gpr[HVM_RAX] = (uint32_t)random_near(now[what]);
	/* PSE or PAE, for when paging is turned on. */
	state->control.cr4 |= random64(&random_state) & 0x30;
	if (what == 2)
		state->control.cr4 = spare_qemu(1, state->control.cr4);
}

/* What may come of it. QEMU lets a guest set reserved bits, and refuses them at the next entry. */
static bool is_sensible(const struct guest *g, int reason)
{
	switch (reason) {
	case HVM_EXIT_PIO:
	case HVM_EXIT_SHUTDOWN:
	case HVM_EXIT_MEMORY:
	case HVM_EXIT_APIC:
	case GUEST_ERRNO(EINTR):
		return true;
	case HVM_EXIT_UNSUPPORTED:
		return g->run->unsupported.what == HVM_UNSUPPORTED_EVENT_MEMORY;
	case HVM_EXIT_INVALID_STATE:
		return guest_host_is("svm");
	}
	return false;
}

#define BLOCKS	(HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL | HVM_STATE_EVENTS)

/* From @clean on, for the last round has left anything behind. */
static void run_random(struct guest *g, const struct hvm_state *clean, bool wide, unsigned int what)
{
	struct hvm_state state = *clean;
	int reason;

	KTAP_OK(g->t, guest_set(g, BLOCKS, &state));
	if (wide)
		guest_long(g, &write_control64);
	else
		guest_protected(g, &write_control32);
	KTAP_OK(g->t, guest_get(g, BLOCKS, &state));
	if (wide)
		choose_64(&state, what);
	else
		choose_32(&state, what);
	/* A host without XSAVE has none for its guests. */
	if (guest_set(g, BLOCKS, &state)) {
		state.control.cr4 &= ~CR4_OSXSAVE;
		KTAP_OK(g->t, guest_set(g, BLOCKS, &state));
	}
	reason = guest_run_for(g, 10);
	if (is_sensible(g, reason))
		return;
	KTAP_FAIL(g->t, "%u-bit, register %u, value 0x%llx: %s, %llu", wide ? 64 : 32, what,
		  (unsigned long long)state.gpr.gpr[HVM_RAX], guest_reason(reason),
		  g->run->padding[0]);
}

static void random_control(struct ktap *t, bool wide)
{
	unsigned int rounds = guest_host_is("svm") ? 1500 : 100;
	struct hvm_state clean;
	struct guest g;

	if (guest_host_is("svm-bochs"))
		KTAP_SKIP(t, "Bochs ends when a guest shuts down, or leaves long mode");
	random_state = random_seed(0xfedcba9876543210ULL);
	if (!guest_open(&g, t, GUEST_RAM) || !guest_default_cpuid(&g))
		return;
	KTAP_OK(t, guest_get(&g, BLOCKS, &clean));
	/* Whatever is raised is told, if there is still a way to tell it. */
	for (unsigned int vector = 0; wide && vector < 32; vector++)
		guest_gate(&g, vector, &on_ud, GATE_CODE);
	for (unsigned int i = 0; i < rounds && t->failures < 5; i++)
		run_random(&g, &clean, wide,
			   random64(&random_state) % (wide ? WRITES_64 : WRITES_32));
	/* And it can still be set up for something sensible. */
	KTAP_TRUE(t, guest_run_for(&g, 50) != HVM_EXIT_NONE);
	guest_close(&g);
}

static void random_control_registers_64(struct ktap *t)
{
	random_control(t, true);
}

static void random_control_registers_32(struct ktap *t)
{
	random_control(t, false);
}

static const struct ktap_case cases[] = {
	{ "instructions_of_hypervisors", instructions_of_hypervisors },
	{ "jumps_into_nothing", jumps_into_nothing },
	{ "stack_in_nothing", stack_in_nothing },
	{ "tables_in_nothing", tables_in_nothing },
	{ "double_fault", double_fault },
	{ "triple_faults", triple_faults },
	{ "page_faults_for_ever", page_faults_for_ever },
	{ "alignment_checks_for_ever", alignment_checks_for_ever },
	{ "breakpoints_for_ever", breakpoints_for_ever },
	{ "halted_with_interrupts_off", halted_with_interrupts_off },
	{ "pauses_for_ever", pauses_for_ever },
	{ "random_control_registers_64", random_control_registers_64 },
	{ "random_control_registers_32", random_control_registers_32 },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
