// SPDX-License-Identifier: GPL-2.0-only
/*
 * The paravirtual interface but for clock and stolen time: ends of interrupts by memory,
 * hypercalls; what of all of it a guest can be kept from, and what a hostile one does with it.
 */
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "counters.h"
#include "random.h"
#include "steal.h"
#include "step.h"
#include "task.h"

#define PV_LEAF		0x40000001U
#define FEATURE_STEAL	(1U << 5)
#define FEATURE_EOI	(1U << 6)
#define FEATURE_FLUSH	(1U << 9)
#define FEATURE_IPI	(1U << 11)
#define FEATURE_POLL	(1U << 12)
#define FEATURE_CLOCKS	(1U << 0 | 1U << 3)
#define FEATURE_MSI	(1U << 15)
#define FEATURES	(FEATURE_CLOCKS | FEATURE_STEAL | FEATURE_EOI | FEATURE_FLUSH | \
			 FEATURE_IPI | FEATURE_POLL | FEATURE_MSI)

#define CALL_SEND_IPI	10
#define EPERM_ANSWER	-1LL
#define EINVAL_ANSWER	-22LL
#define ENOSYS_ANSWER	-1000LL

#define FLAG		(GUEST_DATA + 0x800)	/* of ends of interrupts */
#define ELSEWHERE	0x400000UL

#define REG_SVR		0x0f
#define REG_ISR		0x10
#define REG_IRR		0x20

static uint32_t lapic_word(struct guest *g, unsigned int reg, unsigned int vector)
{
	struct hvm_state state;

	KTAP_OK(g->t, guest_get(g, HVM_STATE_LAPIC, &state));
	return state.lapic.regs[reg + vector / 32] >> vector % 32 & 1;
}

/* --- what is there ------------------------------------------------------------- */

static bool open_without(struct guest *g, struct ktap *t, uint32_t features)
{
	static struct hvm_cpuid_entry entries[256];
	struct hvm_cpuid cpuid = {
		.size = sizeof(cpuid),
		.count = ARRAY_SIZE(entries),
		.entries = (uintptr_t)entries,
	};

	if (!guest_open(g, t, GUEST_RAM))
		return false;
	KTAP_OK(t, ioctl(g->dev, HVM_GET_CPUID, &cpuid));
	for (uint32_t i = 0; i < cpuid.count; i++)
		if (entries[i].leaf == PV_LEAF)
			entries[i].eax &= ~features;
	KTAP_OK(t, step_set_cpuid(g->vm, entries, cpuid.count));
	return true;
}

static void features_are_announced(struct ktap *t)
{
	struct guest g;

	if (!step_open(&g, t))
		return;
	KTAP_EQ(t, step_cpuid(&g, PV_LEAF, 0).eax & FEATURES, FEATURES);
	guest_close(&g);
}

/* What has no register is only told, and is not where userspace keeps it away. */
static void what_is_only_told_can_be_kept_away(struct ktap *t)
{
	static const uint32_t features[] = { FEATURE_FLUSH, FEATURE_IPI, FEATURE_MSI, 1U << 24 };
	struct guest g;

	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		if (!open_without(&g, t, features[i]) || !step_start(&g))
			return;
		KTAP_EQ(t, step_cpuid(&g, PV_LEAF, 0).eax & features[i], 0);
		KTAP_EQ(t, step_cpuid(&g, PV_LEAF, 0).eax & FEATURES, FEATURES & ~features[i]);
		guest_close(&g);
	}
}

static void registers_hold_and_refuse(struct ktap *t)
{
	uint64_t value;
	struct guest g;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, step_rdmsr(&g, MSR_STEAL_TIME, &value));
	KTAP_EQ(t, value, 0);
	KTAP_TRUE(t, step_rdmsr(&g, MSR_PV_EOI, &value));
	KTAP_EQ(t, value, 0);
	KTAP_TRUE(t, step_wrmsr(&g, MSR_STEAL_TIME, STEAL_AREA | 1));
	for (int bit = 1; bit < 6; bit++)
		KTAP_TRUE(t, !step_wrmsr(&g, MSR_STEAL_TIME, STEAL_AREA | 1 | 1 << bit));
	KTAP_TRUE(t, step_rdmsr(&g, MSR_STEAL_TIME, &value));
	KTAP_EQ(t, value, STEAL_AREA | 1);
	KTAP_TRUE(t, step_wrmsr(&g, MSR_PV_EOI, FLAG | 1));
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_PV_EOI, FLAG | 3));
	KTAP_TRUE(t, step_rdmsr(&g, MSR_PV_EOI, &value));
	KTAP_EQ(t, value, FLAG | 1);
	KTAP_TRUE(t, step_rdmsr(&g, MSR_PV_POLL_CONTROL, &value));
	KTAP_EQ(t, value, 1);
	KTAP_TRUE(t, step_wrmsr(&g, MSR_PV_POLL_CONTROL, 0));
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_PV_POLL_CONTROL, 2));
	KTAP_TRUE(t, !step_wrmsr(&g, MSR_PV_POLL_CONTROL, 1ULL << 32 | 1));
	KTAP_TRUE(t, step_rdmsr(&g, MSR_PV_POLL_CONTROL, &value));
	KTAP_EQ(t, value, 0);
	guest_close(&g);
}

/* A value that the register takes, and that asks for nothing. */
static uint64_t harmless(uint32_t msr)
{
	return msr == MSR_PV_POLL_CONTROL ? 1 : STEAL_AREA;
}

/* One feature away at a time: its register is not there, the others are. */
static void each_can_be_kept_away(struct ktap *t)
{
	static const struct {
		uint32_t feature;
		uint32_t msr;
	} parts[] = {
		{ FEATURE_STEAL, MSR_STEAL_TIME },
		{ FEATURE_EOI, MSR_PV_EOI },
		{ FEATURE_POLL, MSR_PV_POLL_CONTROL },
		{ 1 << 3, MSR_SYSTEM_TIME },
		{ 1 << 3, MSR_WALL_CLOCK },
		{ 1 << 0, MSR_OLD_SYSTEM_TIME },
		{ 1 << 0, MSR_OLD_WALL_CLOCK },
	};
	uint64_t value;
	struct guest g;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!open_without(&g, t, parts[i].feature) || !step_start(&g))
			return;
		for (size_t k = 0; k < ARRAY_SIZE(parts); k++) {
			bool there = parts[k].feature != parts[i].feature;

			KTAP_EQ(t, step_rdmsr(&g, parts[k].msr, &value), there);
			KTAP_EQ(t, step_wrmsr(&g, parts[k].msr, harmless(parts[k].msr)), there);
		}
		guest_close(&g);
	}
}

struct marked {
	struct guest *g;
	const volatile struct steal_area *area;
};

/* A vCPU that runs takes its mark away; it may be preempted on its way back, and marked anew. */
static bool runs_unmarked(void *arg)
{
	struct marked *m = arg;

	step_rdtsc(m->g);
	return !m->area->preempted;
}

static void registers_are_state(struct ktap *t)
{
	static const uint32_t indices[] = { MSR_STEAL_TIME, MSR_PV_EOI, MSR_PV_POLL_CONTROL };
	static const uint64_t values[] = { STEAL_AREA | 1, FLAG | 1, 0 };
	uint32_t list[512], found;
	struct hvm_get_info info = {
		.size = sizeof(info),
		.msrs = (uintptr_t)list,
		.msr_count = ARRAY_SIZE(list),
	};
	struct guest g, other;
	uint64_t value;

	if (!step_open(&g, t))
		return;
	KTAP_OK(t, ioctl(g.dev, HVM_GET_INFO, &info));
	for (size_t i = 0; i < ARRAY_SIZE(indices); i++) {
		found = 0;
		for (uint32_t k = 0; k < info.msr_count; k++)
			found += list[k] == indices[i];
		KTAP_EQ(t, found, 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(indices); i++)
		KTAP_TRUE(t, step_wrmsr(&g, indices[i], values[i]));
	if (!step_open(&other, t)) {
		guest_close(&g);
		return;
	}
	/* What stood in the memory that was saved: the vCPU does not run, and lost time. */
	steal_area(&other)->steal = 1000;
	steal_area(&other)->preempted = STEAL_PREEMPTED | STEAL_FLUSH;
	for (size_t i = 0; i < ARRAY_SIZE(indices); i++) {
		KTAP_OK(t, guest_get_msr(&g, indices[i], &value));
		KTAP_OK(t, guest_set_msr(&other, indices[i], value));
		KTAP_TRUE(t, step_rdmsr(&other, indices[i], &value));
		KTAP_EQ(t, value, values[i]);
	}
	KTAP_EQ(t, steal_area(&other)->preempted & STEAL_FLUSH, 0);
	KTAP_TRUE(t, task_wait(runs_unmarked, &(struct marked) { &other, steal_area(&other) }));
	KTAP_TRUE(t, steal_area(&other)->steal >= 1000);
	KTAP_ERRNO(t, guest_set_msr(&g, MSR_STEAL_TIME, STEAL_AREA | 2), EINVAL);
	KTAP_ERRNO(t, guest_set_msr(&g, MSR_PV_EOI, FLAG | 2), EINVAL);
	KTAP_ERRNO(t, guest_set_msr(&g, MSR_PV_POLL_CONTROL, 2), EINVAL);
	guest_close(&g);
	guest_close(&other);
}

/* --- ends of interrupts ---------------------------------------------------------- */

#define VECTOR		0x61
#define VECTOR2		0x52
#define SILENT		GUEST_DATA		/* ends by the flag */
#define LOUD		(GUEST_DATA + 8)	/* ends by the register */

/*
 * The handler asks whether to leave first (by port 0x11), takes the flag as Linux does, and else
 * writes the register. The guest leaves by port 0x10 when it has taken an interrupt.
 */
extern const struct guest_code waits, handler;
GUEST_CODE("waits", "code64",
	   X2APIC_ON
	   "1: cli; out %al,$0x10; sti; nop; cli; jmp 1b");
GUEST_CODE("handler", "code64",
	   "push %rax; push %rcx; push %rdx;"
	   "cmpb $0,0x20010; je 1f; out %al,$0x11;"
	   "1: btrl $0,0x20800; jc 2f;"
	   "incq 0x20008;" WRMSR(0x80b, 0) "jmp 3f;"
	   "2: incq 0x20000;"
	   "3: pop %rdx; pop %rcx; pop %rax; iretq");

static bool open_waiting(struct guest *g, struct ktap *t)
{
	if (!guest_open(g, t, GUEST_RAM) || !guest_default_cpuid(g))
		return false;
	guest_long(g, &waits);
	guest_gate(g, VECTOR, &handler, 0x11000);
	guest_gate(g, VECTOR2, &handler, 0x11800);
	KTAP_OK(t, guest_set_msr(g, MSR_PV_EOI, FLAG | 1));
	KTAP_EQ(t, guest_run(g), HVM_EXIT_PIO);
	return true;
}

static uint64_t ends_by(struct guest *g, uint64_t how)
{
	uint64_t count;

	memcpy(&count, g->ram + how, sizeof(count));
	return count;
}

static void expect_settled(struct guest *g)
{
	KTAP_EQ(g->t, lapic_word(g, REG_ISR, VECTOR), 0);
	KTAP_EQ(g->t, lapic_word(g, REG_ISR, VECTOR2), 0);
	KTAP_EQ(g->t, g->ram[FLAG], 0);
}

static void expect_ends(struct guest *g, uint64_t silent, uint64_t loud)
{
	KTAP_EQ(g->t, ends_by(g, SILENT), silent);
	KTAP_EQ(g->t, ends_by(g, LOUD), loud);
	expect_settled(g);
}

/* An exit that comes between (a page that is not there yet, a tick) takes the flag away. */
static void edge_ends_by_the_flag(struct ktap *t)
{
	struct counters c;
	struct guest g;

	if (guest_host_has(HVM_FEATURE_VIRTUAL_APIC))
		KTAP_SKIP(t, "the register costs no exit here, so the flag is not set");
	if (!open_waiting(&g, t) || !counters_open(&c, &g))
		return;
	for (uint64_t i = 1; i <= 1000 && ends_by(&g, SILENT) < 10; i++) {
		KTAP_EQ(t, guest_msi(&g, VECTOR), 1);
		KTAP_EQ(t, guest_complete(&g, 0), HVM_EXIT_PIO);
		KTAP_EQ(t, g.run->pio.port, 0x10);
		KTAP_EQ(t, ends_by(&g, SILENT) + ends_by(&g, LOUD), i);
		expect_settled(&g);
		KTAP_EQ(t, counters_value(&c, "pv_eois"), ends_by(&g, SILENT));
	}
	KTAP_EQ(t, ends_by(&g, SILENT), 10);
	counters_close(&c);
	guest_close(&g);
}

/* The end of a level-triggered interrupt has to be told. */
static void level_ends_by_the_register(struct ktap *t)
{
	struct guest g;

	if (!open_waiting(&g, t))
		return;
	KTAP_EQ(t, guest_msi(&g, VECTOR | 0x8000), 1);
	KTAP_EQ(t, guest_complete(&g, 0), HVM_EXIT_EOI);
	KTAP_EQ(t, g.run->eoi.vector, VECTOR);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	expect_ends(&g, 0, 1);
	guest_close(&g);
}

/* So has one that another interrupt waits for. */
static void end_that_is_waited_for(struct ktap *t)
{
	struct guest g;

	if (!open_waiting(&g, t))
		return;
	for (uint64_t i = 1; i <= 20; i++) {
		KTAP_EQ(t, guest_msi(&g, VECTOR2), 1);
		KTAP_EQ(t, guest_msi(&g, VECTOR), 1);
		KTAP_EQ(t, guest_complete(&g, 0), HVM_EXIT_PIO);
		KTAP_TRUE(t, ends_by(&g, LOUD) >= i);
		KTAP_EQ(t, ends_by(&g, SILENT) + ends_by(&g, LOUD), 2 * i);
		expect_settled(&g);
	}
	guest_close(&g);
}

/* At an exit nothing is half-done: the flag is not set, the interrupt is in service. */
static void flag_is_taken_back_at_exits(struct ktap *t)
{
	struct guest g;

	if (!open_waiting(&g, t))
		return;
	g.ram[GUEST_DATA + 16] = 1;
	KTAP_EQ(t, guest_msi(&g, VECTOR), 1);
	KTAP_EQ(t, guest_complete(&g, 0), HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x11);
	KTAP_EQ(t, g.ram[FLAG], 0);
	KTAP_EQ(t, lapic_word(&g, REG_ISR, VECTOR), 1);
	KTAP_EQ(t, guest_complete(&g, 0), HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x10);
	expect_ends(&g, 0, 1);
	guest_close(&g);
}

/* Where the flag cannot be, interrupts end as if there were none. */
static void wild_flags(struct ktap *t)
{
	static const uint64_t places[] = {
		GUEST_RAM, GUEST_RAM - 4, 0xd0000000, 0xfee00000, 1ULL << 51, ~3ULL, ELSEWHERE,
		ELSEWHERE + 0x1000, 0,
	};
	const int prot = PROT_READ | PROT_WRITE;
	uint8_t *memory = mmap(NULL, 8192, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char in;
	struct guest g;

	if (!open_waiting(&g, t))
		return;
	KTAP_TRUE(t, guest_map(&g, ELSEWHERE, memory, 4096, HVM_MAP_EXIT_ON_FAULT));
	KTAP_TRUE(t, guest_map(&g, ELSEWHERE + 4096, memory + 4096, 4096, HVM_MAP_READONLY));
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		KTAP_OK(t, guest_set_msr(&g, MSR_PV_EOI, places[i] | 1));
		KTAP_EQ(t, guest_msi(&g, VECTOR), 1);
		KTAP_EQ(t, guest_complete(&g, 0), HVM_EXIT_PIO);
		KTAP_EQ(t, lapic_word(&g, REG_IRR, VECTOR), 0);
		/* Where memory is, the guest does not look: to it, the end is still to come. */
		KTAP_EQ(t, lapic_word(&g, REG_ISR, VECTOR), 0);
	}
	expect_ends(&g, 0, ARRAY_SIZE(places));
	KTAP_OK(t, mincore(memory, 4096, &in));
	KTAP_EQ(t, in & 1, 0);
	KTAP_EQ(t, memory[4096], 0);
	guest_close(&g);
	munmap(memory, 8192);
}

/* Other memory in its place, none, and the first again: the flag follows. */
static void flag_is_remapped(struct ktap *t)
{
	const int prot = PROT_READ | PROT_WRITE;
	uint8_t *memory = mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uint64_t page = GUEST_DATA;
	struct hvm_unmap unmap = { .size = sizeof(unmap), .gpa = ELSEWHERE, .bytes = 4096 };
	struct guest g;

	if (!open_waiting(&g, t))
		return;
	KTAP_EQ(t, guest_msi(&g, VECTOR), 1);
	KTAP_EQ(t, guest_complete(&g, 0), HVM_EXIT_PIO);
	expect_settled(&g);
	KTAP_TRUE(t, guest_map(&g, page, memory, 4096, HVM_MAP_REPLACE));
	memset(g.ram + page, 0x5a, 4096);
	KTAP_EQ(t, guest_msi(&g, VECTOR), 1);
	KTAP_EQ(t, guest_complete(&g, 0), HVM_EXIT_PIO);
	KTAP_EQ(t, ((uint64_t *)memory)[0] + ((uint64_t *)memory)[1], 1);
	for (int i = 0; i < 4096; i++)
		if (g.ram[page + i] != 0x5a)
			KTAP_FAIL(t, "memory that is detached was written at %d", i);
	/* Attached at a second place, detached there while it is in use, the memory given back. */
	KTAP_TRUE(t, guest_map(&g, ELSEWHERE, g.ram + page, 4096, 0));
	KTAP_OK(t, guest_set_msr(&g, MSR_PV_EOI, (ELSEWHERE + 0x100) | 1));
	g.ram[page + 0x100] = 0;
	KTAP_EQ(t, guest_msi(&g, VECTOR), 1);
	KTAP_EQ(t, guest_complete(&g, 0), HVM_EXIT_PIO);
	KTAP_EQ(t, g.ram[page + 0x100], 0);
	KTAP_OK(t, ioctl(g.vm, HVM_UNMAP, &unmap));
	g.ram[page + 0x100] = 0x5a;
	KTAP_EQ(t, guest_msi(&g, VECTOR), 1);
	KTAP_EQ(t, guest_complete(&g, 0), HVM_EXIT_PIO);
	KTAP_EQ(t, g.ram[page + 0x100], 0x5a);
	guest_close(&g);
	munmap(memory, 4096);
}

/* --- wild areas of stolen time ----------------------------------------------------- */

static void wild_areas(struct ktap *t)
{
	static const uint64_t places[] = {
		GUEST_RAM, 0xd0000000, 0xfee00000, 0xffffffff000, 1ULL << 51, 1ULL << 63, ~63ULL,
		ELSEWHERE, ELSEWHERE + 4096 - 64,
	};
	uint8_t *memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct guest g;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, guest_map(&g, ELSEWHERE, memory, 4096, HVM_MAP_READONLY));
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		KTAP_TRUE(t, step_wrmsr(&g, MSR_STEAL_TIME, places[i] | 1));
		usleep(1000);
		step_rdtsc(&g);
	}
	for (int i = 0; i < 4096; i++)
		if (memory[i])
			KTAP_FAIL(t, "a read-only range was written at %d", i);
	KTAP_TRUE(t, step_wrmsr(&g, MSR_STEAL_TIME, STEAL_AREA | 1));
	guest_close(&g);
	munmap(memory, 4096);
}

static void absent_area_exits(struct ktap *t)
{
	const int prot = PROT_READ | PROT_WRITE;
	uint8_t *memory = mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile struct steal_area *steal = (struct steal_area *)memory;
	unsigned char in;
	struct guest g;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, guest_map(&g, ELSEWHERE, memory, 4096, HVM_MAP_EXIT_ON_FAULT));
	KTAP_EQ(t, step_exit(&g, STEP_WRMSR, MSR_STEAL_TIME, ELSEWHERE | 1), HVM_EXIT_FAULT);
	KTAP_EQ(t, g.run->memory.gpa, ELSEWHERE);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_FAULT);
	KTAP_OK(t, mincore(memory, 4096, &in));
	KTAP_EQ(t, in & 1, 0);
	steal->preempted = STEAL_PREEMPTED | STEAL_FLUSH;
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	KTAP_EQ(t, steal->preempted & STEAL_FLUSH, 0);
	KTAP_TRUE(t, task_wait(runs_unmarked, &(struct marked) { &g, steal }));
	guest_close(&g);
	munmap(memory, 4096);
}

static void *run_elsewhere(void *arg)
{
	return (void *)(intptr_t)guest_run(arg);
}

/* The clock's page is the one that is absent, though another thread has stolen time to write. */
static void absent_clock_is_told_by_its_own_address(struct ktap *t)
{
	const int prot = PROT_READ | PROT_WRITE;
	uint8_t *memory = mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;
	struct guest g;
	void *reason;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, guest_map(&g, ELSEWHERE, memory, 4096, HVM_MAP_EXIT_ON_FAULT));
	KTAP_TRUE(t, step_wrmsr(&g, MSR_STEAL_TIME, STEAL_AREA | 1));
	KTAP_EQ(t, step_exit(&g, STEP_WRMSR, MSR_SYSTEM_TIME, ELSEWHERE | 1), HVM_EXIT_FAULT);
	KTAP_EQ(t, g.run->memory.gpa, ELSEWHERE);
	KTAP_REQUIRE(t, !pthread_create(&thread, NULL, run_elsewhere, &g));
	pthread_join(thread, &reason);
	KTAP_EQ(t, (intptr_t)reason, HVM_EXIT_FAULT);
	KTAP_EQ(t, g.run->memory.gpa, ELSEWHERE);
	memory[0] = 0;
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	guest_close(&g);
	munmap(memory, 4096);
}

/* --- hypercalls -------------------------------------------------------------------- */

extern const struct guest_code caller, caller32;
GUEST_CODE("caller", "code64", "1: out %al,$0x80; test %r14d,%r14d; jz 2f; vmmcall; jmp 1b;"
	   "2: vmcall; jmp 1b");
GUEST_CODE("caller32", "code32", "1: out %al,$0x80; test %ebp,%ebp; jz 2f; vmmcall; jmp 1b;"
	   "2: vmcall; jmp 1b");

static uint64_t call(struct guest *g, uint64_t nr, const uint64_t args[4])
{
	uint64_t *gpr = (uint64_t *)g->run->gpr;

	gpr[HVM_R14] = g->amd;
	gpr[HVM_RBP] = g->amd;
	gpr[HVM_RAX] = nr;
	gpr[HVM_RBX] = args[0];
	gpr[HVM_RCX] = args[1];
	gpr[HVM_RDX] = args[2];
	gpr[HVM_RSI] = args[3];
	KTAP_EQ(g->t, guest_complete(g, 0), HVM_EXIT_PIO);
	return gpr[HVM_RAX];
}

static uint64_t send(struct guest *g, uint64_t low, uint64_t high, uint64_t first, uint64_t icr)
{
	return call(g, CALL_SEND_IPI, (const uint64_t[4]) { low, high, first, icr });
}

static bool enable_lapic(struct guest *g)
{
	struct hvm_state state;

	if (guest_get(g, HVM_STATE_LAPIC, &state))
		return false;
	state.lapic.regs[REG_SVR] |= 0x100;
	return !guest_set(g, HVM_STATE_LAPIC, &state);
}

static bool open_caller(struct guest *g, struct ktap *t)
{
	if (!guest_open(g, t, GUEST_RAM) || !guest_default_cpuid(g))
		return false;
	guest_long(g, &caller);
	KTAP_TRUE(t, enable_lapic(g));
	KTAP_EQ(t, guest_run(g), HVM_EXIT_PIO);
	return true;
}

/* A second vCPU, which does not run. */
static bool add_vcpu(struct guest *other, const struct guest *g, uint32_t apic_id)
{
	struct hvm_create_vcpu create = { .size = sizeof(create), .apic_id = apic_id };

	*other = *g;
	other->vcpu = ioctl(g->vm, HVM_CREATE_VCPU, &create);
	return other->vcpu >= 0 && enable_lapic(other);
}

static void ipis_reach_their_vcpus(struct ktap *t)
{
	struct guest g, near, far;
	struct hvm_state state;

	if (!open_caller(&g, t))
		return;
	KTAP_TRUE(t, add_vcpu(&near, &g, 3) && add_vcpu(&far, &g, 70));
	/* Ids 0 and 3 in the first word, 70 in the second, others that nobody has. */
	KTAP_EQ(t, send(&g, 0xff, ~0ULL, 0, 0x40), 3);
	KTAP_EQ(t, lapic_word(&g, REG_IRR, 0x40), 1);
	KTAP_EQ(t, lapic_word(&near, REG_IRR, 0x40), 1);
	KTAP_EQ(t, lapic_word(&far, REG_IRR, 0x40), 1);
	/* The bitmap begins where the third argument says. */
	KTAP_EQ(t, send(&g, 1, 0, 70, 0x41), 1);
	KTAP_EQ(t, lapic_word(&far, REG_IRR, 0x41), 1);
	KTAP_EQ(t, lapic_word(&near, REG_IRR, 0x41), 0);
	KTAP_EQ(t, send(&g, 0, 1ULL << 3, 3, 0x42), 1);
	KTAP_EQ(t, lapic_word(&far, REG_IRR, 0x42), 1);
	KTAP_EQ(t, send(&g, 0, 0, 0, 0x43), 0);
	/* An NMI. */
	KTAP_EQ(t, send(&g, 1, 0, 3, 0x400), 1);
	KTAP_OK(t, guest_get(&near, HVM_STATE_EVENTS, &state));
	KTAP_EQ(t, state.events.nmi_pending, 1);
	close(near.vcpu);
	close(far.vcpu);
	guest_close(&g);
}

static void bad_ipis(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (!open_caller(&g, t))
		return;
	/* Modes but fixed and NMI; destinations, shorthands, level; beyond. */
	for (int bit = 8; bit < 64; bit++)
		if (bit != 10)
			KTAP_EQ(t, send(&g, 1, 0, 0, 1ULL << bit | 0x40), EINVAL_ANSWER);
	for (int mode = 0; mode < 8; mode++)
		if (mode != 0 && mode != 4)
			KTAP_EQ(t, send(&g, 1, 0, 0, mode << 8 | 0x40), EINVAL_ANSWER);
	/* Ids that wrap, or that no vCPU can have. */
	KTAP_EQ(t, send(&g, ~0ULL, ~0ULL, 0xffffffff, 0x40), 0);
	KTAP_EQ(t, send(&g, ~0ULL, ~0ULL, 0xffffff80, 0x40), 0);
	KTAP_EQ(t, send(&g, ~0ULL, ~0ULL, 4096, 0x40), 0);
	KTAP_EQ(t, send(&g, ~0ULL, ~0ULL, 4095, 0x40), 0);
	/* A vector that there is not is an error of the receiver. */
	KTAP_EQ(t, send(&g, 1, 0, 0, 0x0f), 0);
	KTAP_OK(t, guest_get(&g, HVM_STATE_LAPIC, &state));
	for (int i = 0; i < 8; i++)
		KTAP_EQ(t, state.lapic.regs[REG_IRR + i], 0);
	guest_close(&g);
}

static void ipis_can_be_kept_away(struct ktap *t)
{
	struct guest g;

	if (!open_without(&g, t, FEATURE_IPI))
		return;
	guest_long(&g, &caller);
	KTAP_TRUE(t, enable_lapic(&g));
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	KTAP_EQ(t, send(&g, 1, 0, 0, 0x40), ENOSYS_ANSWER);
	KTAP_EQ(t, lapic_word(&g, REG_IRR, 0x40), 0);
	guest_close(&g);
}

/* In code that is not 64 bits wide the registers have 32, and the words of the bitmap too. */
static void calls_of_32_bit_code(struct ktap *t)
{
	struct guest g, other;

	if (!guest_open(&g, t, GUEST_RAM) || !guest_default_cpuid(&g))
		return;
	guest_protected(&g, &caller32);
	KTAP_TRUE(t, enable_lapic(&g));
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	KTAP_TRUE(t, add_vcpu(&other, &g, 33));
	KTAP_EQ(t, send(&g, 1, 2, 0, 0x40), 2);
	KTAP_EQ(t, lapic_word(&other, REG_IRR, 0x40), 1);
	KTAP_EQ(t, call(&g, 99, (const uint64_t[4]) { 0 }), (uint32_t)ENOSYS_ANSWER);
	KTAP_EQ(t, send(&g, 1, 0, 0, 0x10000), (uint32_t)EINVAL_ANSWER);
	close(other.vcpu);
	guest_close(&g);
}

/* User programs of the guest are refused, whatever they ask for. */
static void calls_of_ring_3(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM) || !guest_default_cpuid(&g))
		return;
	guest_protected(&g, &caller32);
	KTAP_TRUE(t, enable_lapic(&g));
	KTAP_OK(t, guest_get(&g, HVM_STATE_GPR | HVM_STATE_SEGMENTS, &state));
	for (int i = HVM_ES; i <= HVM_GS; i++) {
		state.segments.seg[i].selector |= 3;
		state.segments.seg[i].attributes |= HVM_SEG_DPL;
	}
	state.gpr.rflags |= 3 << 12;
	KTAP_OK(t, guest_set(&g, HVM_STATE_GPR | HVM_STATE_SEGMENTS, &state));
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	for (uint64_t nr = 0; nr < 16; nr++)
		KTAP_EQ(t, call(&g, nr, (const uint64_t[4]) { 1, 0, 0, 0x40 }),
			(uint32_t)EPERM_ANSWER);
	KTAP_EQ(t, lapic_word(&g, REG_IRR, 0x40), 0);
	guest_close(&g);
}

/* What nobody knows answers so, and the guest goes on. */
static void random_calls(struct ktap *t)
{
	uint64_t seed = random_seed(0x9e3779b97f4a7c15), nr, args[4];
	struct guest g;

	if (!open_caller(&g, t))
		return;
	for (int i = 0; i < 2000; i++) {
		for (int k = 0; k < 4; k++)
			args[k] = random64(&seed) >> random64(&seed) % 64;
		nr = random64(&seed) >> random64(&seed) % 64;
		if (i % 4 == 0)
			call(&g, CALL_SEND_IPI, args);
		else if (nr != CALL_SEND_IPI)
			KTAP_EQ(t, call(&g, nr, args), ENOSYS_ANSWER);
	}
	guest_close(&g);
}

/* --- reset ------------------------------------------------------------------------- */

/* After INIT nobody's memory is written any more. */
static void init_forgets_the_pages(struct ktap *t)
{
	static const uint32_t indices[] = { MSR_SYSTEM_TIME, MSR_STEAL_TIME, MSR_PV_EOI };
	struct guest g;
	uint64_t value;

	if (!step_open(&g, t))
		return;
	KTAP_TRUE(t, step_wrmsr(&g, MSR_SYSTEM_TIME, GUEST_DATA | 1));
	KTAP_TRUE(t, step_wrmsr(&g, MSR_STEAL_TIME, STEAL_AREA | 1));
	KTAP_TRUE(t, step_wrmsr(&g, MSR_PV_EOI, FLAG | 1));
	KTAP_EQ(t, guest_msi(&g, 0x500), 1);
	KTAP_OK(t, guest_kick(g.vcpu));
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_STOPPED);
	for (size_t i = 0; i < ARRAY_SIZE(indices); i++) {
		KTAP_OK(t, guest_get_msr(&g, indices[i], &value));
		KTAP_EQ(t, value, 0);
	}
	guest_close(&g);
}

static const struct ktap_case cases[] = {
	{ "features_are_announced", features_are_announced },
	{ "registers_hold_and_refuse", registers_hold_and_refuse },
	{ "what_is_only_told_can_be_kept_away", what_is_only_told_can_be_kept_away },
	{ "each_can_be_kept_away", each_can_be_kept_away },
	{ "registers_are_state", registers_are_state },
	{ "edge_ends_by_the_flag", edge_ends_by_the_flag },
	{ "level_ends_by_the_register", level_ends_by_the_register },
	{ "end_that_is_waited_for", end_that_is_waited_for },
	{ "flag_is_taken_back_at_exits", flag_is_taken_back_at_exits },
	{ "wild_flags", wild_flags },
	{ "flag_is_remapped", flag_is_remapped },
	{ "wild_areas", wild_areas },
	{ "absent_area_exits", absent_area_exits },
	{ "absent_clock_is_told_by_its_own_address", absent_clock_is_told_by_its_own_address },
	{ "ipis_reach_their_vcpus", ipis_reach_their_vcpus },
	{ "bad_ipis", bad_ipis },
	{ "ipis_can_be_kept_away", ipis_can_be_kept_away },
	{ "calls_of_32_bit_code", calls_of_32_bit_code },
	{ "calls_of_ring_3", calls_of_ring_3 },
	{ "random_calls", random_calls },
	{ "init_forgets_the_pages", init_forgets_the_pages },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
