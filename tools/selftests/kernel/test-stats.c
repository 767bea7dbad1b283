// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters: the list of names that HVM_GET_INFO gives, what each stands for after a guest did a
 * known thing, and the mapping, which is for reading whoever tries what. Not here: what they cost
 * (bench).
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "counters.h"
#include "guest.h"
#include "msr.h"
#include "task.h"

#define PAGE		COUNTERS_BYTES
#define MIB2		(2UL << 20)

static bool open_both(struct guest *g, struct counters *c, struct ktap *t)
{
	if (!guest_open(g, t, GUEST_RAM))
		return false;
	if (counters_open(c, g))
		return true;
	guest_close(g);
	return false;
}

/* --- names ------------------------------------------------------------------------------ */

static bool well_formed(const char *name)
{
	size_t length = strnlen(name, sizeof(((struct hvm_statistic *)0)->name));

	return length && length < sizeof(((struct hvm_statistic *)0)->name) &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static void check_name(struct ktap *t, const struct hvm_statistic *all, uint32_t i)
{
	const struct hvm_statistic *s = &all[i];

	if (!well_formed(s->name))
		KTAP_FAIL(t, "name %u is malformed", i);
	if (s->offset % 8 || s->offset > PAGE - 8 || s->reserved || s->unit != HVM_UNIT_EVENTS)
		KTAP_FAIL(t, "%s: offset %u, unit %u", s->name, s->offset, s->unit);
	if (s->object != HVM_STATISTIC_VM && s->object != HVM_STATISTIC_VCPU)
		KTAP_FAIL(t, "%s: object %u", s->name, s->object);
	for (uint32_t j = 0; j < i; j++) {
		if (!strcmp(all[j].name, s->name))
			KTAP_FAIL(t, "%s is there twice", s->name);
		if (all[j].object == s->object && all[j].offset == s->offset)
			KTAP_FAIL(t, "%s stands where %s does", s->name, all[j].name);
	}
}

static void names(struct ktap *t)
{
	struct counters c;
	struct guest g;

	if (!open_both(&g, &c, t))
		return;
	KTAP_TRUE(t, c.count >= 40);
	for (uint32_t i = 0; i < c.count; i++)
		check_name(t, c.names, i);
	counters_close(&c);
	guest_close(&g);
}

static void places_of_the_list(struct ktap *t)
{
	struct hvm_statistic *all = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t n = 0, count = 2;
	struct guest g;

	KTAP_REQUIRE(t, all != MAP_FAILED);
	if (!guest_open(&g, t, GUEST_RAM))
		return;
	KTAP_OK(t, counters_list(g.dev, NULL, &n));
	KTAP_TRUE(t, n > 2 && n * sizeof(*all) < 4 * PAGE);
	KTAP_OK(t, counters_list(g.dev, all, &count));
	KTAP_EQ(t, count, n);
	KTAP_TRUE(t, all[1].name[0] && !all[2].name[0]);
	count = ~0U;
	KTAP_OK(t, counters_list(g.dev, all, &count));
	KTAP_EQ(t, count, n);
	KTAP_TRUE(t, all[n - 1].name[0] && !all[n].name[0]);

	count = 1;
	KTAP_ERRNO(t, counters_list(g.dev, NULL, &count), EFAULT);
	count = 1;
	KTAP_ERRNO(t, counters_list(g.dev, (void *)~0xfffUL, &count), EFAULT);
	KTAP_OK(t, mprotect(all, PAGE, PROT_READ));
	count = 1;
	KTAP_ERRNO(t, counters_list(g.dev, all, &count), EFAULT);
	munmap(all, 4 * PAGE);
	guest_close(&g);
}

/* --- what they count -------------------------------------------------------------------- */

extern const struct guest_code five_cpuids, three_outs, one_fault, raise_ud, halt, own_int3;
GUEST_CODE("five_cpuids", "code64",
	   "mov $5, %esi; 1: xor %eax, %eax; cpuid; dec %esi; jnz 1b; out %al, $0x80; jmp .");
GUEST_CODE("three_outs", "code64", "1: out %al, $0x80; jmp 1b");
GUEST_CODE("one_fault", "code64", "movb $1, (%rsi); out %al, $0x80; jmp .");
GUEST_CODE("raise_ud", "code64", "out %al, $0x80; jmp .");
GUEST_CODE("halt", "code64", "sti; hlt; out %al, $0x80; jmp .");
GUEST_CODE("own_int3", "code64", "int3; jmp .");

static void exits_by_reason(struct ktap *t)
{
	struct counters c;
	struct guest g;

	if (!open_both(&g, &c, t))
		return;
	KTAP_EQ(t, counters_value(&c, "exit_cpuid"), 0);
	guest_long(&g, &five_cpuids);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	KTAP_EQ(t, counters_value(&c, "exit_cpuid"), 5);
	KTAP_EQ(t, counters_value(&c, "exit_pio"), 1);
	KTAP_EQ(t, counters_value(&c, "leave_pio"), 1);
	KTAP_EQ(t, counters_value(&c, "exit_hlt"), 0);
	KTAP_EQ(t, counters_value(&c, "exit_invalid_state"), 0);
	counters_close(&c);
	guest_close(&g);
}

static void returns_by_reason(struct ktap *t)
{
	struct counters c;
	struct guest g;

	if (!open_both(&g, &c, t))
		return;
	guest_long(&g, &three_outs);
	for (int i = 0; i < 3; i++) {
		KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
		g.run->complete = HVM_COMPLETE;
	}
	KTAP_EQ(t, counters_value(&c, "exit_pio"), 3);
	KTAP_EQ(t, counters_value(&c, "leave_pio"), 3);
	KTAP_OK(t, guest_kick(g.vcpu));
	g.run->complete = 0;
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_STOPPED);
	KTAP_EQ(t, counters_value(&c, "leave_stopped"), 1);
	KTAP_TRUE(t, counters_value(&c, "requests") >= 1);
	counters_close(&c);
	guest_close(&g);
}

/* Touch @gpa, which is not mapped yet; returns by how much the counter grew. */
static uint64_t fault_at(struct guest *g, struct counters *c, uint64_t gpa, const char *name)
{
	uint64_t before = counters_value(c, name);
	struct hvm_state state;

	guest_long(g, &one_fault);
	KTAP_OK(g->t, guest_get(g, HVM_STATE_GPR, &state));
	state.gpr.gpr[HVM_RSI] = gpa;
	KTAP_OK(g->t, guest_set(g, HVM_STATE_GPR, &state));
	g->run->complete = 0;
	KTAP_EQ(g->t, guest_run(g), HVM_EXIT_PIO);
	return counters_value(c, name) - before;
}

static void faults_by_size(struct ktap *t)
{
	uint8_t *memory = mmap(NULL, 4 * MIB2, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *start;
	struct counters c;
	struct guest g;
	uint64_t huge;

	KTAP_REQUIRE(t, memory != MAP_FAILED);
	start = (uint8_t *)(((uintptr_t)memory + MIB2 - 1) & ~(MIB2 - 1));
	if (!open_both(&g, &c, t))
		return;
	madvise(start, MIB2, MADV_NOHUGEPAGE);
	madvise(start + MIB2, MIB2, MADV_HUGEPAGE);
	KTAP_TRUE(t, guest_map(&g, 8 * MIB2, start, 2 * MIB2, 0));

	/* What the guest runs on is mapped with the first. */
	fault_at(&g, &c, GUEST_DATA, "fault_4k");
	KTAP_EQ(t, fault_at(&g, &c, 8 * MIB2, "fault_4k"), 1);
	KTAP_EQ(t, fault_at(&g, &c, 8 * MIB2, "fault_4k"), 0);
	huge = counters_value(&c, "fault_2m");
	if (fault_at(&g, &c, 9 * MIB2, "fault_4k"))
		KTAP_EQ(t, counters_value(&c, "fault_2m"), huge);	/* no huge page was free */
	else
		KTAP_EQ(t, counters_value(&c, "fault_2m"), huge + 1);
	KTAP_EQ(t, counters_value(&c, "fault_1g"), 0);

	huge = counters_value(&c, "zaps");
	KTAP_OK(t, madvise(start, PAGE, MADV_DONTNEED));
	KTAP_EQ(t, counters_value(&c, "zaps"), huge + 1);
	KTAP_TRUE(t, counters_value(&c, "flush_rounds") >= 1);
	KTAP_EQ(t, fault_at(&g, &c, 8 * MIB2, "fault_4k"), 1);
	KTAP_TRUE(t, counters_value(&c, "flushes") >= 1);
	counters_close(&c);
	guest_close(&g);
	munmap(memory, 4 * MIB2);
}

static void injections(struct ktap *t)
{
	struct hvm_inject ud = {
		.size = sizeof(ud),
		.event = { .type = HVM_EVENT_EXCEPTION, .vector = 6 },
	};
	struct counters c;
	struct guest g;

	if (!open_both(&g, &c, t))
		return;
	guest_long(&g, &halt);
	guest_gate(&g, 6, &raise_ud, GUEST_DATA);
	KTAP_OK(t, ioctl(g.vcpu, HVM_INJECT, &ud));
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	KTAP_EQ(t, counters_value(&c, "inject_exception"), 1);
	KTAP_EQ(t, counters_value(&c, "inject_interrupt"), 0);
	KTAP_EQ(t, counters_value(&c, "inject_nmi"), 0);
	counters_close(&c);
	guest_close(&g);
}

/* The debugger asks for INT3, and gives the guest back the one that is the guest's own. */
static void reflect_int3(struct guest *g)
{
	struct hvm_debug debug = { .size = sizeof(debug), .flags = HVM_DEBUG_INT3 };

	guest_long(g, &own_int3);
	guest_gate(g, 3, &raise_ud, GUEST_DATA);
	KTAP_OK(g->t, ioctl(g->vcpu, HVM_DEBUG, &debug));
	g->run->complete = 0;
	KTAP_EQ(g->t, guest_run(g), HVM_EXIT_DEBUG);
	g->run->complete = HVM_COMPLETE_REFLECT;
	KTAP_EQ(g->t, guest_run(g), HVM_EXIT_PIO);
}

static void reflections(struct ktap *t)
{
	struct counters c;
	struct guest g;

	if (!open_both(&g, &c, t))
		return;
	reflect_int3(&g);
	KTAP_EQ(t, counters_value(&c, "inject_soft_exception"), 1);
	KTAP_EQ(t, counters_value(&c, "inject_exception"), 0);
	counters_close(&c);
	guest_close(&g);
}

/* A hundred interrupts to itself, and as many reads of the priority. */
extern const struct guest_code interrupts_itself, ends_it;
GUEST_CODE("interrupts_itself", "code64",
	   X2APIC_ON "mov $100, %ebx; 1:" WRMSR(0x83f, 0x61)
	   "sti; nop; nop; cli; mov $0x80a, %ecx; rdmsr; or %eax, %esi; dec %ebx; jnz 1b;"
	   "out %al, $0x80");
GUEST_CODE("ends_it", "code64", "incq 0x20000;" WRMSR(0x80b, 0) "iretq");

/* Announced as the module's parameter says, also after another suite has taken it in again. */
static bool expect_virtual_apic(struct ktap *t)
{
	const char *parameters = getenv("LAB_PARAMETERS");
	bool has = guest_host_has(HVM_FEATURE_VIRTUAL_APIC);

	if (parameters && strstr(parameters, "virtual_apic="))
		KTAP_EQ(t, has, !strstr(parameters, "virtual_apic=0"));
	return has;
}

static void virtual_apic(struct ktap *t)
{
	bool virtual = expect_virtual_apic(t);
	struct counters c;
	struct guest g;
	uint64_t before, start;

	if (!open_both(&g, &c, t) || !guest_default_cpuid(&g))
		return;
	guest_long(&g, &interrupts_itself);
	guest_gate(&g, 0x61, &ends_it, 0x11000);
	before = counters_value(&c, "requests");
	start = task_now_ms();
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	/*
	 * All of it is finished where the exit is handled: the run loop is not gone through, but
	 * once a tick for the clock's page where the host does not trust its TSC.
	 */
	KTAP_TRUE(t, counters_value(&c, "requests") - before < 20 + task_now_ms() - start);
	KTAP_EQ(t, *(volatile uint64_t *)(g.ram + GUEST_DATA), 100);
	KTAP_EQ(t, g.run->gpr[HVM_RSI], 0);
	/* X2APIC_ON reads one register and writes two; then there are the interrupts to itself. */
	KTAP_EQ(t, counters_value(&c, "exit_msr_read"), virtual ? 1 : 101);
	KTAP_EQ(t, counters_value(&c, "exit_msr_write"), virtual ? 102 : 202);
	KTAP_EQ(t, counters_value(&c, "inject_interrupt"), virtual ? 0 : 100);
	KTAP_EQ(t, counters_value(&c, "exit_eoi"), 0);
	counters_close(&c);
	guest_close(&g);
}

/* A deadline that is met while the guest runs. */
extern const struct guest_code deadlines, meets_it, many_pauses;
GUEST_CODE("deadlines", "code64",
	   X2APIC_ON WRMSR(0x832, 0x40061)
	   "rdtsc; shl $32, %rdx; or %rdx, %rax; add $200000, %rax;"
	   "mov %rax, %rdx; shr $32, %rdx; mov $0x6e0, %ecx; wrmsr;"
	   "sti; 1: cmpq $0, 0x20000; je 1b; cli; out %al, $0x80");
GUEST_CODE("meets_it", "code64", "incq 0x20000;" WRMSR(0x80b, 0) "iretq");
GUEST_CODE("many_pauses", "code64", "mov $200000, %ecx; 1: pause; loop 1b; out %al, $0x80");

static void deadline_in_a_run(struct ktap *t)
{
	struct counters c;
	struct guest g;

	if (!open_both(&g, &c, t) || !guest_default_cpuid(&g))
		return;
	guest_long(&g, &deadlines);
	guest_gate(&g, 0x61, &meets_it, 0x11000);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	KTAP_EQ(t, *(volatile uint64_t *)(g.ram + GUEST_DATA), 1);
	/* By the processor's own timer where it has one for guests: VT-x. */
	if (g.amd)
		KTAP_EQ(t, counters_value(&c, "exit_deadline"), 0);
	else
		KTAP_TRUE(t, counters_value(&c, "exit_deadline") >= 1);
	counters_close(&c);
	guest_close(&g);
}

static void pauses(struct ktap *t)
{
	struct counters c;
	struct guest g;

	if (!guest_host_is("vmx"))
		KTAP_SKIP(t, "of the emulators only Bochs, as VT-x, tells a loop of PAUSE");
	if (!open_both(&g, &c, t))
		return;
	guest_long(&g, &many_pauses);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	KTAP_TRUE(t, counters_value(&c, "exit_pause") >= 1);
	counters_close(&c);
	guest_close(&g);
}

static void halts_and_messages(struct ktap *t)
{
	const uint64_t end = task_now_ms() + 60000;
	struct counters c;
	struct guest g;

	if (!open_both(&g, &c, t))
		return;
	guest_long(&g, &halt);
	/* Nothing ever wakes it, and once there it stays. */
	do {
		KTAP_EQ(t, guest_run_for(&g, 20), GUEST_ERRNO(EINTR));
	} while (!counters_value(&c, "halts") && !t->failures && task_now_ms() < end);
	KTAP_EQ(t, counters_value(&c, "exit_hlt"), 1);
	KTAP_TRUE(t, counters_value(&c, "halts") >= 1);
	/* Its local APIC is not enabled: the message counts, but nobody takes it. */
	KTAP_EQ(t, guest_msi(&g, 0x40), 0);
	KTAP_EQ(t, guest_msi(&g, 0x41), 0);
	KTAP_EQ(t, counters_value(&c, "messages"), 2);
	counters_close(&c);
	guest_close(&g);
}

extern const struct guest_code halts, end_tick;
GUEST_CODE("halts", "code64",
	   X2APIC_ON
	   "mov $0x832, %ecx; mov $0x20061, %eax; wrmsr;"	/* periodic, vector 0x61 */
	   "mov $0x83e, %ecx; mov $0xb, %eax; wrmsr;"
	   "mov $0x838, %ecx; mov $100000, %eax; wrmsr;"	/* ns */
	   "sti; 1: hlt; cmpq $200, 0x40000; jb 1b; cli; out %al, $0x80");
GUEST_CODE("end_tick", "code64",
	   "mov $0x80b, %ecx; xor %eax, %eax; xor %edx, %edx; wrmsr; incq 0x40000; iretq");

static uint64_t polls_with(struct ktap *t, uint64_t control, uint32_t ceiling)
{
	uint64_t polls = 0;
	struct counters c;
	struct guest g;

	if (!open_both(&g, &c, t) || !guest_default_cpuid(&g))
		return 0;
	guest_long(&g, &halts);
	guest_gate(&g, 0x61, &end_tick, GUEST_DATA);
	KTAP_OK(t, guest_set_msr(&g, MSR_PV_POLL_CONTROL, control));
	g.run->halt_poll_ns = ceiling;
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	KTAP_TRUE(t, counters_value(&c, "halts") > 0);
	polls = counters_value(&c, "polls");
	counters_close(&c);
	guest_close(&g);
	return polls;
}

/* A guest that looks around itself before it halts tells the host not to. */
static void polls_unless_the_guest_does(struct ktap *t)
{
	uint64_t polls = 0;

	KTAP_EQ(t, polls_with(t, 0, HVM_MAX_HALT_POLL_NS), 0);
	if (guest_host_is_debug())
		KTAP_SKIP(t, "each wait takes longer there than a vCPU may look around");
	/* On a host that is busy, a wait may each time be longer than a look around. */
	for (int i = 0; i < 20 && !polls; i++)
		polls = polls_with(t, 1, HVM_MAX_HALT_POLL_NS);
	KTAP_TRUE(t, polls > 0);
}

/* Nothing is found in the time it may look around, which is as good as none. */
static void waits_are_longer_than_the_ceiling(struct ktap *t)
{
	KTAP_EQ(t, polls_with(t, 1, 1), 0);
}

/* --- the mapping ------------------------------------------------------------------------ */

static void refuse_map(struct ktap *t, int fd, size_t bytes, int protection, int flags,
		       off_t offset)
{
	void *page = mmap(NULL, bytes, protection, flags, fd, offset);

	if (page == MAP_FAILED && errno == EINVAL)
		return;
	KTAP_FAIL(t, "%zu bytes, protection %d, flags %d, offset %ld: %s", bytes, protection,
		  flags, (long)offset, page == MAP_FAILED ? strerror(errno) : "mapped");
	if (page != MAP_FAILED)
		munmap(page, bytes);
}

static void refuse_maps(struct ktap *t, int fd)
{
	const off_t at = HVM_STATISTICS_OFFSET;

	refuse_map(t, fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, at);
	refuse_map(t, fd, PAGE, PROT_WRITE, MAP_SHARED, at);
	refuse_map(t, fd, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, at);
	refuse_map(t, fd, PAGE, PROT_READ, MAP_PRIVATE, at);
	refuse_map(t, fd, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, at);
	refuse_map(t, fd, 2 * PAGE, PROT_READ, MAP_SHARED, at);
	refuse_map(t, fd, PAGE, PROT_READ, MAP_SHARED, at + PAGE);
	refuse_map(t, fd, PAGE, PROT_READ, MAP_SHARED, 1L << 40);
}

static void other_mappings(struct ktap *t)
{
	struct guest g;

	if (!guest_open(&g, t, GUEST_RAM))
		return;
	refuse_maps(t, g.vcpu);
	refuse_maps(t, g.vm);
	refuse_map(t, g.vm, PAGE, PROT_READ, MAP_SHARED, HVM_RUN_OFFSET);
	guest_close(&g);
}

/* By the same way a debugger would take. */
static void poke(struct ktap *t, const uint64_t *page)
{
	int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	uint64_t evil = 0x666;

	KTAP_REQUIRE(t, memory >= 0);
	KTAP_ERRNO(t, pwrite(memory, &evil, sizeof(evil), (uintptr_t)page), EIO);
	close(memory);
}

static void refuse_writing(struct ktap *t, const uint64_t *page)
{
	uint64_t before = *page;

	KTAP_ERRNO(t, mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE), EACCES);
	KTAP_ERRNO(t, mprotect((void *)page, PAGE, PROT_READ | PROT_EXEC), EACCES);
	KTAP_TRUE(t, mremap((void *)page, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
	poke(t, page);
	KTAP_EQ(t, *page, before);
}

static void read_only_for_good(struct ktap *t)
{
	struct counters c;
	struct guest g;

	if (!open_both(&g, &c, t))
		return;
	refuse_writing(t, c.vcpu);
	refuse_writing(t, c.vm);
	counters_close(&c);
	guest_close(&g);
}

static void outlives_the_fds(struct ktap *t)
{
	struct counters c;
	struct guest g;

	if (!open_both(&g, &c, t))
		return;
	guest_long(&g, &five_cpuids);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	guest_msi(&g, 0x40);
	guest_close(&g);
	KTAP_EQ(t, counters_value(&c, "exit_cpuid"), 5);
	KTAP_EQ(t, counters_value(&c, "messages"), 1);
	counters_close(&c);
}

/* Nothing of the page is the kernel's business: what is no counter is zero. */
static void rest_is_zero(struct ktap *t)
{
	static bool known[PAGE / 8];
	struct counters c;
	struct guest g;

	if (!open_both(&g, &c, t))
		return;
	guest_long(&g, &five_cpuids);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	reflect_int3(&g);
	for (uint32_t i = 0; i < c.count; i++)
		if (c.names[i].object == HVM_STATISTIC_VCPU)
			known[c.names[i].offset / 8] = true;
	for (size_t i = 0; i < PAGE / 8; i++)
		if (!known[i] && c.vcpu[i])
			KTAP_FAIL(t, "offset %zu: 0x%llx", i * 8, (unsigned long long)c.vcpu[i]);
	counters_close(&c);
	guest_close(&g);
}

static void another_process(struct ktap *t)
{
	struct counters c;
	struct guest g;
	int status;
	pid_t pid;

	if (!open_both(&g, &c, t))
		return;
	guest_long(&g, &five_cpuids);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	pid = fork();
	if (!pid) {
		const uint64_t *page = counters_map(g.vcpu);

		_exit(page == MAP_FAILED || memcmp(page, c.vcpu, PAGE) ||
		      mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, g.vcpu, HVM_STATISTICS_OFFSET) !=
		      MAP_FAILED);
	}
	KTAP_TRUE(t, pid > 0 && waitpid(pid, &status, 0) == pid && !status);
	counters_close(&c);
	guest_close(&g);
}

static const struct ktap_case cases[] = {
	{ "names_are_well_formed_and_unique", names },
	{ "the_list_fills_the_places_it_is_given", places_of_the_list },
	{ "exits_count_by_reason", exits_by_reason },
	{ "returns_to_userspace_count_by_reason", returns_by_reason },
	{ "faults_count_by_size", faults_by_size },
	{ "injections_count_by_kind", injections },
	{ "an_int3_that_is_given_back_counts", reflections },
	{ "the_processor_ends_interrupts_where_it_can", virtual_apic },
	{ "a_deadline_is_met_in_a_run", deadline_in_a_run },
	{ "loops_of_pause_exit", pauses },
	{ "halts_and_messages_count", halts_and_messages },
	{ "polls_count_unless_the_guest_does_it", polls_unless_the_guest_does },
	{ "no_polls_where_waits_are_longer_than_the_ceiling", waits_are_longer_than_the_ceiling },
	{ "what_is_no_counter_is_zero", rest_is_zero },
	{ "other_mappings_are_refused", other_mappings },
	{ "nothing_makes_the_mapping_writable", read_only_for_good },
	{ "the_mapping_outlives_the_fds", outlives_the_fds },
	{ "another_process_may_read", another_process },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
