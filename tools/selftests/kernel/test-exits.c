// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every way out of a guest that a test can take, from ten bytes of real mode on: what HVM_RUN
 * tells, where RIP stands, and how the exit is finished. Not here: memory ranges, the local APIC,
 * bad arguments.
 */
#include <sys/ioctl.h>

#include "guest.h"
#include "msr.h"
#include "task.h"

static void expect_out(struct guest *g, uint64_t value)
{
	KTAP_EQ(g->t, g->run->pio.port, 0x3f8);
	KTAP_EQ(g->t, g->run->pio.flags, 0);
	KTAP_EQ(g->t, (uint32_t)g->run->gpr[HVM_RAX], value);
}

/* --- modes --------------------------------------------------------------- */

extern const struct guest_code ten_bytes;
GUEST_CODE("ten_bytes", "code16",
	   "mov $0x3f8, %dx; mov $'h', %al; out %al, %dx; hlt; jmp .");

static void real_mode(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_real(&g, &ten_bytes);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x3f8);
	KTAP_EQ(t, g.run->pio.bytes, 1);
	KTAP_EQ(t, g.run->pio.flags, 0);
	KTAP_EQ(t, g.run->gpr[HVM_RAX] & 0xff, 'h');
	KTAP_EQ(t, g.run->gpr[HVM_RDX], 0x3f8);
	KTAP_EQ(t, g.run->insn_len, 1);
	KTAP_EQ(t, g.run->rip, 5);
	guest_close(&g);
}

/* The processor starts where reset leaves it: at the top of 4 GiB, where nothing is attached. */
static void reset_vector(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	GUEST_EXPECT(&g, HVM_EXIT_MEMORY);
	KTAP_EQ(t, g.run->memory.gpa, 0xfffffff0);
	KTAP_EQ(t, g.run->memory.access, HVM_ACCESS_EXEC);
	KTAP_EQ(t, g.run->rip, 0xfff0);
	KTAP_EQ(t, g.run->seg[HVM_CS].base, 0xffff0000);
	KTAP_EQ(t, g.run->cpl, 0);
	guest_close(&g);
}

extern const struct guest_code protected_sum;
GUEST_CODE("protected_sum", "code32",
	   "push $0x1234; pop %eax; add $0x10000, %eax; mov $0x3f8, %edx; out %eax, %dx; jmp .");

static void protected_mode(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_protected(&g, &protected_sum);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	expect_out(&g, 0x11234);
	KTAP_EQ(t, g.run->pio.bytes, 4);
	guest_close(&g);
}

/* Each register that the entry loads holds its own value, and comes back with its own sum. */
extern const struct guest_code add_to_all;
GUEST_CODE("add_to_all", "code64",
	   "add $1, %rax; add $2, %rcx; add $3, %rdx; add $4, %rbx; add $5, %rsp; add $6, %rbp;"
	   "add $7, %rsi; add $8, %rdi; add $9, %r8; add $10, %r9; add $11, %r10; add $12, %r11;"
	   "add $13, %r12; add $14, %r13; add $15, %r14; add $16, %r15; out %al, $0x10; jmp .");

static void long_mode_registers(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;
	int i;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &add_to_all);
	KTAP_OK(t, guest_get(&g, HVM_STATE_GPR, &state));
	for (i = 0; i < HVM_GPR_COUNT; i++)
		state.gpr.gpr[i] = 0x0123456789abcd00ULL * (i + 1);
	KTAP_OK(t, guest_set(&g, HVM_STATE_GPR, &state));
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_OK(t, guest_get(&g, HVM_STATE_GPR, &state));
	for (i = 0; i < HVM_GPR_COUNT; i++) {
		KTAP_EQ(t, state.gpr.gpr[i], 0x0123456789abcd00ULL * (i + 1) + i + 1);
		KTAP_EQ(t, g.run->gpr[i], state.gpr.gpr[i]);
	}
	KTAP_EQ(t, state.gpr.rip, g.run->rip);
	guest_close(&g);
}

/* --- ports ---------------------------------------------------------------- */

extern const struct guest_code out_sizes;
GUEST_CODE("out_sizes", "code64",
	   "mov $0xa1b2c3d4, %eax; mov $0x3f8, %edx;"
	   "out %al, $0x80; out %ax, $0x80; out %eax, $0x80;"
	   "out %al, %dx; out %ax, %dx; out %eax, %dx; jmp .");

static void port_writes(struct ktap *t)
{
	static const struct {
		unsigned int port, bytes, len;
	} want[] = {
		{ 0x80, 1, 2 }, { 0x80, 2, 3 }, { 0x80, 4, 2 },
		{ 0x3f8, 1, 1 }, { 0x3f8, 2, 2 }, { 0x3f8, 4, 1 },
	};
	struct guest g;
	size_t i;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &out_sizes);
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		GUEST_EXPECT(&g, HVM_EXIT_PIO);
		KTAP_EQ(t, g.run->pio.port, want[i].port);
		KTAP_EQ(t, g.run->pio.bytes, want[i].bytes);
		KTAP_EQ(t, g.run->pio.flags, 0);
		KTAP_EQ(t, g.run->insn_len, want[i].len);
		KTAP_EQ(t, g.run->gpr[HVM_RAX], 0xa1b2c3d4);
		g.run->complete = HVM_COMPLETE;
	}
	guest_close(&g);
}

extern const struct guest_code in_sizes;
GUEST_CODE("in_sizes", "code64",
	   "mov $0x3f8, %edx; in %dx, %al; mov %rax, %rbx; in %dx, %ax; mov %rax, %rcx;"
	   "in %dx, %eax; mov %rax, %rsi; out %al, $0x80; jmp .");

static void port_reads(struct ktap *t)
{
	static const unsigned int sizes[] = { 1, 2, 4 };
	struct guest g;
	size_t i;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &in_sizes);
	for (i = 0; i < 3; i++) {
		GUEST_EXPECT(&g, HVM_EXIT_PIO);
		KTAP_EQ(t, g.run->pio.flags, HVM_PIO_IN);
		KTAP_EQ(t, g.run->pio.bytes, sizes[i]);
		g.run->gpr[HVM_RAX] = 0x1111 * (i + 1);
		g.run->complete = HVM_COMPLETE;
	}
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->gpr[HVM_RBX], 0x1111);
	KTAP_EQ(t, g.run->gpr[HVM_RCX], 0x2222);
	KTAP_EQ(t, g.run->gpr[HVM_RSI], 0x3333);
	guest_close(&g);
}

extern const struct guest_code out_string;
GUEST_CODE("out_string", "code64",
	   "mov $0x20000, %esi; mov $3, %ecx; mov $0x3f8, %edx; rep outsb; jmp .");

static void port_string(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &out_string);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x3f8);
	KTAP_EQ(t, g.run->pio.bytes, 1);
	KTAP_EQ(t, g.run->pio.flags, HVM_PIO_STRING | HVM_PIO_REP);
	KTAP_EQ(t, g.run->gpr[HVM_RCX], 3);
	KTAP_EQ(t, g.run->gpr[HVM_RSI], 0x20000);
	KTAP_EQ(t, g.run->rip, GUEST_TEXT + 15);
	KTAP_EQ(t, g.run->efer & 0x500, 0x500);
	KTAP_EQ(t, g.run->seg[HVM_CS].attributes & HVM_SEG_L, HVM_SEG_L);
	guest_close(&g);
}

extern const struct guest_code based_segments;
GUEST_CODE("based_segments", "code64",
	   "mov $0xc0000100, %ecx; mov $0x12345000, %eax; xor %edx, %edx; wrmsr;"
	   "inc %ecx; mov $0x54321000, %eax; wrmsr; mov %eax, (0x7f000000); jmp .");

/* In 64-bit code the page has the bases of FS and GS, and what CS says. */
static void segments_of_64bit_code(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &based_segments);
	GUEST_EXPECT(&g, HVM_EXIT_MEMORY);
	KTAP_EQ(t, g.run->seg[HVM_FS].base, 0x12345000);
	KTAP_EQ(t, g.run->seg[HVM_GS].base, 0x54321000);
	KTAP_EQ(t, g.run->seg[HVM_CS].attributes & (HVM_SEG_L | HVM_SEG_P),
		HVM_SEG_L | HVM_SEG_P);
	KTAP_EQ(t, g.run->cpl, 0);
	guest_close(&g);
}

/* Not completed, the instruction runs again and exits again. */
static void not_completed(struct ktap *t)
{
	struct guest g;
	int i;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_real(&g, &ten_bytes);
	for (i = 0; i < 3; i++) {
		GUEST_EXPECT(&g, HVM_EXIT_PIO);
		KTAP_EQ(t, g.run->rip, 5);
	}
	guest_close(&g);
}

/* --- memory ---------------------------------------------------------------- */

extern const struct guest_code memory_access;
GUEST_CODE("memory_access", "code64",
	   "mov $0xd0000018, %ebx; mov $0x77, %ecx; mov %ecx, (%rbx); mov 4(%rbx), %eax;"
	   "out %eax, $0x80; jmp .");

static void memory_exits(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &memory_access);
	GUEST_EXPECT(&g, HVM_EXIT_MEMORY);
	KTAP_EQ(t, g.run->memory.gpa, 0xd0000018);
	KTAP_EQ(t, g.run->memory.access, HVM_ACCESS_WRITE);
	KTAP_EQ(t, g.run->rip, GUEST_TEXT + 10);
	KTAP_EQ(t, g.run->gpr[HVM_RCX], 0x77);
	KTAP_EQ(t, g.run->cr3, GUEST_TABLES);
	KTAP_EQ(t, g.run->cpl, 0);
	KTAP_EQ(t, guest_complete(&g, 2), HVM_EXIT_MEMORY);
	KTAP_EQ(t, g.run->memory.gpa, 0xd000001c);
	KTAP_EQ(t, g.run->memory.access, HVM_ACCESS_READ);
	g.run->gpr[HVM_RAX] = 0x5a5a;
	KTAP_EQ(t, guest_complete(&g, 3), HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->gpr[HVM_RAX], 0x5a5a);
	guest_close(&g);
}

extern const struct guest_code touch_pages;
GUEST_CODE("touch_pages", "code64",
	   "mov $0x100000, %ebx; 1: mov %rbx, (%rbx); add $0x1000, %rbx; cmp $0x200000, %rbx;"
	   "jne 1b; out %al, $0x80; jmp .");

static void memory_is_the_process(struct ktap *t)
{
	uint64_t gpa, value;
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &touch_pages);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	for (gpa = 0x100000; gpa < 0x200000; gpa += 0x1000) {
		memcpy(&value, g.ram + gpa, 8);
		KTAP_EQ(t, value, gpa);
	}
	guest_close(&g);
}

/* --- instructions that the kernel finishes -------------------------------- */

extern const struct guest_code ask_cpuid;
GUEST_CODE("ask_cpuid", "code64",
	   "mov $0x80000000, %eax; cpuid; mov %eax, %edi; mov $0, %eax; cpuid;"
	   "out %al, $0x80; jmp .");

static void cpuid_leaf(struct ktap *t)
{
	struct hvm_cpuid_entry entries[] = {
		{ .leaf = 0, .eax = 7, .ebx = 0x11, .ecx = 0x22, .edx = 0x33 },
		{ .leaf = 0x80000000, .eax = 0x80000008 },
	};
	struct hvm_cpuid cpuid = {
		.size = sizeof(cpuid), .count = 2, .entries = (uintptr_t)entries,
	};
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_OK(t, ioctl(g.vm, HVM_SET_CPUID, &cpuid));
	guest_long(&g, &ask_cpuid);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->gpr[HVM_RDI], 0x80000008);
	KTAP_EQ(t, g.run->gpr[HVM_RAX], 7);
	KTAP_EQ(t, g.run->gpr[HVM_RBX], 0x11);
	KTAP_EQ(t, g.run->gpr[HVM_RCX], 0x22);
	KTAP_EQ(t, g.run->gpr[HVM_RDX], 0x33);
	guest_close(&g);
}

extern const struct guest_code call_amd, call_intel;
GUEST_CODE("call_amd", "code64",
	   "mov $0x7777, %eax; xor %ebx, %ebx; vmmcall; out %al, $0x80; jmp .");
GUEST_CODE("call_intel", "code64",
	   "mov $0x7777, %eax; xor %ebx, %ebx; vmcall; out %al, $0x80; jmp .");

/* A hypercall that does not exist answers -KVM_ENOSYS. */
static void hypercall(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, g.amd ? &call_amd : &call_intel);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->gpr[HVM_RAX], -1000LL);
	KTAP_EQ(t, g.run->rip, GUEST_TEXT + 10);
	guest_close(&g);
}

extern const struct guest_code cache_and_port;
GUEST_CODE("cache_and_port", "code64", "wbinvd; invd; out %al, $0x80; jmp .");

static void cache_control_is_skipped(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &cache_and_port);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->rip, GUEST_TEXT + 4);
	guest_close(&g);
}

extern const struct guest_code swap_msrs;
GUEST_CODE("swap_msrs", "code64",
	   "mov $0xc0000082, %ecx; rdmsr; mov %eax, %esi; mov $0x4000, %eax; xor %edx, %edx; wrmsr;"
	   "mov $0xc0000102, %ecx; rdmsr; mov %eax, %edi; swapgs; rdgsbase %rbx;"
	   "out %al, $0x80; jmp .");

static void msrs_of_the_guest(struct ktap *t)
{
	struct hvm_state state;
	uint64_t value = 0;
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &swap_msrs);
	KTAP_OK(t, guest_get(&g, HVM_STATE_CONTROL, &state));
	state.control.cr4 |= 1 << 16;
	if (guest_set(&g, HVM_STATE_CONTROL, &state)) {
		guest_close(&g);
		KTAP_SKIP(t, "no FSGSBASE");
	}
	KTAP_OK(t, guest_set_msr(&g, MSR_LSTAR, 0x1234));
	KTAP_OK(t, guest_set_msr(&g, MSR_KERNEL_GS_BASE, 0x5678));
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->gpr[HVM_RSI], 0x1234);
	KTAP_EQ(t, g.run->gpr[HVM_RDI], 0x5678);
	KTAP_EQ(t, g.run->gpr[HVM_RBX], 0x5678);
	KTAP_OK(t, guest_get_msr(&g, MSR_LSTAR, &value));
	KTAP_EQ(t, value, 0x4000);
	KTAP_OK(t, guest_get_msr(&g, MSR_KERNEL_GS_BASE, &value));
	KTAP_EQ(t, value, 0);
	guest_close(&g);
}

/* --- exceptions ------------------------------------------------------------ */

/* Handlers: the vector goes out; where the fault stands and its error code are in RBX and RCX. */
extern const struct guest_code on_fault, on_error;
GUEST_CODE("on_fault", "code64", "mov (%rsp), %rbx; out %al, $0x81; iretq");
GUEST_CODE("on_error", "code64",
	   "pop %rcx; mov (%rsp), %rbx; mov %cr2, %rdi; out %al, $0x82; iretq");

extern const struct guest_code run_ud2, run_divide, run_bad_msr, run_page_fault, run_int3;
extern const struct guest_code run_vmrun;
GUEST_CODE("run_ud2", "code64", "ud2");
GUEST_CODE("run_divide", "code64", "xor %ecx, %ecx; xor %edx, %edx; div %ecx");
GUEST_CODE("run_bad_msr", "code64", "mov $0x12345678, %ecx; rdmsr");
GUEST_CODE("run_page_fault", "code64", "movabs $0x123456789000, %rax; mov %al, (%rax)");
GUEST_CODE("run_int3", "code64", "int3; jmp .");
GUEST_CODE("run_vmrun", "code64", "mov $0x30000, %eax; vmrun");

static const struct exception_case {
	const char *name;
	const struct guest_code *code;
	unsigned int vector;
	bool has_error;
	uint32_t error;
	uint64_t rip;
} exception_cases[] = {
	{ "#UD", &run_ud2, 6, false, 0, 0 },
	{ "#DE", &run_divide, 0, false, 0, 4 },
	{ "#GP of RDMSR", &run_bad_msr, 13, true, 0, 5 },
	{ "#PF", &run_page_fault, 14, true, 2, 10 },
	{ "#BP", &run_int3, 3, false, 0, 1 },
	{ "#UD of VMRUN", &run_vmrun, 6, false, 0, 5 },
};

static bool run_exception(struct guest *g, const struct exception_case *c)
{
	int reason;

	guest_long(g, c->code);
	guest_gate(g, c->vector, c->has_error ? &on_error : &on_fault, 0x30000);
	reason = guest_run(g);
	if (reason != HVM_EXIT_PIO) {
		KTAP_FAIL(g->t, "%s: exit %s", c->name, guest_reason(reason));
		return false;
	}
	return true;
}

static void exceptions(struct ktap *t)
{
	const struct exception_case *c;
	struct guest g;
	size_t i;

	for (i = 0; i < sizeof(exception_cases) / sizeof(exception_cases[0]); i++) {
		c = &exception_cases[i];
		if (!guest_open(&g, t, GUEST_RAM))
			return;
		if (run_exception(&g, c)) {
			KTAP_EQ(t, g.run->pio.port, c->has_error ? 0x82 : 0x81);
			KTAP_EQ(t, g.run->gpr[HVM_RBX], GUEST_TEXT + c->rip);
			if (c->has_error)
				KTAP_EQ(t, g.run->gpr[HVM_RCX], c->error);
			if (c->vector == 14)
				KTAP_EQ(t, g.run->gpr[HVM_RDI], 0x123456789000);
		}
		guest_close(&g);
	}
}

#define CR4_OSXSAVE	0x40000
#define PAGE_USER	0x4

/* From here on the guest is in ring 3, and its faults are handled in ring 0. */
static void guest_user(struct guest *g, struct hvm_state *state)
{
	uint64_t stack = GUEST_STACK, entry;
	uint64_t gpa;

	for (gpa = GUEST_TABLES; gpa < GUEST_TABLES + 0x6000; gpa += sizeof(entry)) {
		memcpy(&entry, g->ram + gpa, sizeof(entry));
		entry |= entry ? PAGE_USER : 0;
		memcpy(g->ram + gpa, &entry, sizeof(entry));
	}
	memcpy(g->ram + GUEST_TSS + 4, &stack, sizeof(stack));
	state->segments.seg[HVM_CS].selector |= 3;
	state->segments.seg[HVM_CS].attributes |= HVM_SEG_DPL;
	state->segments.seg[HVM_SS].selector |= 3;
	state->segments.seg[HVM_SS].attributes |= HVM_SEG_DPL;
}

extern const struct guest_code run_xsetbv;
GUEST_CODE("run_xsetbv", "code64",
	   "mov $3, %eax; xor %edx, %edx; xor %ecx, %ecx; xsetbv; out %al, $0x80; jmp .");

/* XSETBV is ring 0's, whatever a processor looks at first: its exits or the privilege level. */
static void xsetbv_of_a_user(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &run_xsetbv);
	guest_gate(&g, 13, &on_error, 0x30000);
	KTAP_OK(t, guest_get(&g, HVM_STATE_SEGMENTS | HVM_STATE_CONTROL, &state));
	guest_user(&g, &state);
	state.control.cr4 |= CR4_OSXSAVE;
	if (guest_set(&g, HVM_STATE_SEGMENTS | HVM_STATE_CONTROL, &state)) {
		guest_close(&g);
		KTAP_SKIP(t, "the processor has no XSAVE");
	}
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x82);
	KTAP_EQ(t, g.run->gpr[HVM_RBX], GUEST_TEXT + 9);
	KTAP_OK(t, guest_get(&g, HVM_STATE_CONTROL, &state));
	KTAP_EQ(t, state.control.xcr0, 1);
	guest_close(&g);
}

extern const struct guest_code step_once;
GUEST_CODE("step_once", "code64", "pushfq; orl $0x100, (%rsp); popfq; nop; nop; jmp .");

/* Single step: #DB exits, is given to the guest, and DR6.BS tells. */
static void single_step(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &step_once);
	guest_gate(&g, 1, &on_fault, 0x30000);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x81);
	KTAP_EQ(t, g.run->gpr[HVM_RBX], GUEST_TEXT + 10);
	KTAP_OK(t, guest_get(&g, HVM_STATE_DEBUG, &state));
	if (!guest_host_is("svm-bochs"))	/* leaves DR6 alone when #DB exits */
		KTAP_EQ(t, state.debug.dr6, 0xffff4ff0);
	guest_close(&g);
}

extern const struct guest_code step_cpuid;
GUEST_CODE("step_cpuid", "code64", "pushfq; orl $0x100, (%rsp); popfq; cpuid; nop; jmp .");

/* An instruction that the kernel finishes traps like any other. */
static void single_step_over_exit(struct ktap *t)
{
	struct guest g;

	if (guest_host_is("svm-bochs"))
		KTAP_SKIP(t, "Bochs gives the host the guest's #DB");
	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &step_cpuid);
	guest_gate(&g, 1, &on_fault, 0x30000);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->gpr[HVM_RBX], GUEST_TEXT + 11);
	guest_close(&g);
}

/*
 * The descriptor is read once before: where that faults in the second-level tables, Bochs takes the
 * instruction for done and its step for pending.
 */
extern const struct guest_code step_shadow;
GUEST_CODE("step_shadow", "code64",
	   "mov %ss, %ecx; mov %ecx, %ss; nop; pushfq; orl $0x100, (%rsp); popfq;"
	   "mov %ecx, %ss; .byte 0xf1; nop; jmp .");

extern const struct guest_code step_sti;
GUEST_CODE("step_sti", "code64", "pushfq; orl $0x100, (%rsp); popfq; sti; nop; jmp .");

/*
 * A #DB exits while the shadow of MOV SS or STI is on and RFLAGS.TF set: the state that the exit
 * left has to be fit for the entry that delivers it.
 */
static void debug_in_shadow(struct ktap *t)
{
	static const struct {
		const struct guest_code *code;
		uint64_t rip;
	} runs[] = {
		{ &step_sti, GUEST_TEXT + 10 },
		{ &step_shadow, GUEST_TEXT + 17 },
	};
	struct guest g;
	size_t i;

	for (i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		if (!guest_open(&g, t, GUEST_RAM))
			return;
		if (g.amd && runs[i].code == &step_shadow) {	/* INT1's #DB never exits there */
			guest_close(&g);
			continue;
		}
		guest_long(&g, runs[i].code);
		guest_gate(&g, 1, &on_fault, 0x30000);
		GUEST_EXPECT(&g, HVM_EXIT_PIO);
		KTAP_EQ(t, g.run->pio.port, 0x81);
		/* QEMU steps over the instruction in the shadow as well. */
		KTAP_EQ(t, g.run->gpr[HVM_RBX], runs[i].rip + guest_host_is("svm"));
		guest_close(&g);
	}
}

extern const struct guest_code set_breakpoint, clear_breakpoint;
GUEST_CODE("set_breakpoint", "code64",
	   "mov $0x20000, %eax; mov %rax, %dr0; mov $0xd0001, %eax; mov %rax, %dr7;"
	   "mov %dr7, %rsi; mov %rcx, 0x20000; nop; jmp .");
GUEST_CODE("clear_breakpoint", "code64", "xor %eax, %eax; mov %rax, %dr7; out %al, $0x80");

/*
 * The first access lends the debug registers; a data breakpoint then hits. The guest takes it away
 * where it set it, for QEMU keeps it in that processor (Documentation/caveats.rst).
 */
static void breakpoint(struct ktap *t)
{
	struct hvm_state state;
	int cpus[TASK_CPUS];
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	task_cpus(cpus);
	KTAP_TRUE(t, task_pin(0, cpus[0]));
	guest_long(&g, &set_breakpoint);
	guest_gate(&g, 1, &on_fault, 0x30000);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x81);
	KTAP_EQ(t, g.run->gpr[HVM_RSI], 0xd0401);
	KTAP_OK(t, guest_get(&g, HVM_STATE_DEBUG, &state));
	KTAP_EQ(t, state.debug.dr[0], 0x20000);
	KTAP_EQ(t, state.debug.dr7, 0xd0401);
	if (!guest_host_is("svm-bochs"))
		KTAP_EQ(t, state.debug.dr6 & 0xf, 1);
	guest_long(&g, &clear_breakpoint);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x80);
	KTAP_OK(t, guest_get(&g, HVM_STATE_DEBUG, &state));
	KTAP_EQ(t, state.debug.dr7, 0x400);
	guest_close(&g);
	KTAP_TRUE(t, task_release(0));
}

extern const struct guest_code use_guarded, on_detect;
GUEST_CODE("use_guarded", "code64",
	   "mov $0x2400, %eax; mov %rax, %dr7; mov %dr0, %rcx; out %al, $0x80; jmp .");
GUEST_CODE("on_detect", "code64", "mov %dr7, %rsi; mov %dr6, %rdi; out %al, $0x81; iretq");

/* DR7.GD guards the registers against all but the handler of the #DB that it raises. */
static void general_detect(struct ktap *t)
{
	struct guest g;

	if (guest_host_is("svm"))
		KTAP_SKIP(t, "QEMU ends itself");
	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &use_guarded);
	guest_gate(&g, 1, &on_detect, 0x30000);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	if (g.run->pio.port == 0x80) {
		guest_close(&g);
		KTAP_SKIP(t, "the emulated processor has no general detection");
	}
	KTAP_EQ(t, g.run->pio.port, 0x81);
	KTAP_EQ(t, g.run->gpr[HVM_RSI], 0x400);
	if (!guest_host_is("svm-bochs"))
		KTAP_EQ(t, g.run->gpr[HVM_RDI] & 0x2000, 0x2000);
	guest_close(&g);
}

static void triple_fault(struct ktap *t)
{
	struct guest g;

	if (guest_host_is("svm-bochs"))
		KTAP_SKIP(t, "Bochs ends when a guest shuts down");
	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &run_ud2);
	GUEST_EXPECT(&g, HVM_EXIT_SHUTDOWN);
	guest_close(&g);
}

/* --- state that the processor refuses ------------------------------------------- */

#define CR4_PAE		0x20

/* With interrupts on, as on every host that has to end it (see test-events.c). */
extern const struct guest_code stand_still;
GUEST_CODE("stand_still", "code64", "sti; jmp .");

static void invalid_state(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (guest_host_is("svm-bochs"))
		KTAP_SKIP(t, "Bochs stores the host's state into a VMCB it refuses");
	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &stand_still);
	KTAP_OK(t, guest_get(&g, HVM_STATE_CONTROL, &state));
	state.control.cr4 &= ~CR4_PAE;
	KTAP_OK(t, guest_set(&g, HVM_STATE_CONTROL, &state));
	GUEST_EXPECT(&g, HVM_EXIT_INVALID_STATE);
	KTAP_EQ(t, g.run->invalid.field, HVM_INVALID_CR4);
	state.control.cr4 |= CR4_PAE;
	KTAP_OK(t, guest_set(&g, HVM_STATE_CONTROL, &state));
	KTAP_OK(t, guest_kick(g.vcpu));
	GUEST_EXPECT(&g, HVM_EXIT_STOPPED);
	guest_close(&g);
}

static void state_round_trip(struct ktap *t)
{
	const uint32_t mask = HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL |
			      HVM_STATE_DEBUG | HVM_STATE_EVENTS;
	struct hvm_state before, after;
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &stand_still);
	KTAP_OK(t, guest_get(&g, mask, &before));
	before.gpr.rflags |= 0x200;
	before.segments.seg[HVM_FS].base = 0x123456780;
	before.segments.gdt.base = 0xffff800000001000;
	before.control.cr2 = 0xdeadbeef000;
	before.control.cr8 = 3;
	before.debug.dr[1] = 0x1111;
	before.debug.dr7 = 0x404;
	before.events.shadow = HVM_SHADOW_STI;
	before.events.nmi_masked = 1;
	KTAP_OK(t, guest_set(&g, mask, &before));
	KTAP_OK(t, guest_get(&g, mask, &after));
	KTAP_TRUE(t, !memcmp(&before.gpr, &after.gpr, sizeof(after.gpr)));
	KTAP_TRUE(t, !memcmp(&before.segments, &after.segments, sizeof(after.segments)));
	KTAP_TRUE(t, !memcmp(&before.control, &after.control, sizeof(after.control)));
	KTAP_TRUE(t, !memcmp(&before.debug, &after.debug, sizeof(after.debug)));
	KTAP_TRUE(t, !memcmp(&before.events, &after.events, sizeof(after.events)));
	guest_close(&g);
}

static const struct ktap_case cases[] = {
	{ "real_mode", real_mode },
	{ "reset_vector", reset_vector },
	{ "protected_mode", protected_mode },
	{ "long_mode_registers", long_mode_registers },
	{ "port_writes", port_writes },
	{ "port_reads", port_reads },
	{ "port_string", port_string },
	{ "segments_of_64bit_code", segments_of_64bit_code },
	{ "not_completed", not_completed },
	{ "memory_exits", memory_exits },
	{ "memory_is_the_process", memory_is_the_process },
	{ "cpuid_leaf", cpuid_leaf },
	{ "hypercall", hypercall },
	{ "cache_control_is_skipped", cache_control_is_skipped },
	{ "msrs_of_the_guest", msrs_of_the_guest },
	{ "exceptions", exceptions },
	{ "xsetbv_of_a_user", xsetbv_of_a_user },
	{ "single_step", single_step },
	{ "single_step_over_exit", single_step_over_exit },
	{ "debug_in_shadow", debug_in_shadow },
	{ "breakpoint", breakpoint },
	{ "general_detect", general_detect },
	{ "triple_fault", triple_fault },
	{ "invalid_state", invalid_state },
	{ "state_round_trip", state_round_trip },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
