// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run page as hostile input: exits completed that were none, or in a way that does not fit
 * them, fields changed behind the kernel's back, and another thread that scribbles on all of it
 * while the guest runs. Not here: the mapping itself (test-args.c).
 */
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "random.h"
#include "step.h"

#define PAGE		4096UL
#define MSR_EXITS	0x12345678
#define MMIO		0xd0000000UL
#define APIC_TPR	0x80
#define RFLAGS_ARITH	0x8d5		/* CF, PF, AF, ZF, SF, OF */
#define RFLAGS_TAKEN	(RFLAGS_ARITH | 1 << 10 | 1 << 18)

/* One exit of each kind that can be completed, from where the suite knows the code. */
extern const struct guest_code do_out, do_read, do_write, do_rdmsr, do_wrmsr, do_apic_read;
extern const struct guest_code do_apic_write, do_outs;
GUEST_CODE("do_out", "code64", "out %al, $0x80; 1: out %al, $0x99; jmp 1b");
GUEST_CODE("do_read", "code64", "movabs 0xd0000000, %eax; 1: out %al, $0x99; jmp 1b");
GUEST_CODE("do_write", "code64", "movabs %eax, 0xd0000000; 1: out %al, $0x99; jmp 1b");
GUEST_CODE("do_rdmsr", "code64", "rdmsr; 1: out %al, $0x99; jmp 1b");
GUEST_CODE("do_wrmsr", "code64", "wrmsr; 1: out %al, $0x99; jmp 1b");
GUEST_CODE("do_apic_read", "code64", "movabs 0xfee00080, %eax; 1: out %al, $0x99; jmp 1b");
GUEST_CODE("do_apic_write", "code64", "movabs %eax, 0xfee00080; 1: out %al, $0x99; jmp 1b");
GUEST_CODE("do_outs", "code64", "outsb; 1: out %al, $0x99; jmp 1b");

static const struct completable {
	const char *name;
	const struct guest_code *code;
	int reason;
	uint8_t len;
	bool len_known;		/* to the kernel */
	bool decoded;		/* RSP and flags are taken */
} completables[] = {
	{ "OUT", &do_out, HVM_EXIT_PIO, 2, true, false },
	{ "OUTS", &do_outs, HVM_EXIT_PIO, 1, true, true },
	{ "read", &do_read, HVM_EXIT_MEMORY, 9, false, true },
	{ "write", &do_write, HVM_EXIT_MEMORY, 9, false, true },
	{ "RDMSR", &do_rdmsr, HVM_EXIT_MSR, 2, true, false },
	{ "WRMSR", &do_wrmsr, HVM_EXIT_MSR, 2, true, false },
	{ "APIC read", &do_apic_read, HVM_EXIT_APIC, 9, false, true },
	{ "APIC write", &do_apic_write, HVM_EXIT_APIC, 9, false, true },
};

#define BLOCKS	(HVM_STATE_ALL & ~(HVM_STATE_MSR | HVM_STATE_XSAVE))

static bool open_guest(struct guest *g, struct ktap *t)
{
	struct hvm_msr_policy policy = { .size = sizeof(policy), .flags = HVM_MSR_UNKNOWN_EXITS };

	if (!guest_open(g, t, 2 * GUEST_RAM))
		return false;
	KTAP_OK(t, ioctl(g->vm, HVM_MSR_POLICY, &policy));
	return true;
}

/* Run to the exit. The guest's TPR and its registers are in a known state. */
static bool run_to(struct guest *g, const struct completable *c)
{
	struct hvm_state state;
	int reason;

	guest_long(g, c->code);
	KTAP_OK(g->t, guest_get(g, HVM_STATE_GPR, &state));
	state.gpr.gpr[HVM_RCX] = MSR_EXITS;
	state.gpr.gpr[HVM_RSI] = GUEST_DATA;
	KTAP_OK(g->t, guest_set(g, HVM_STATE_GPR, &state));
	g->run->complete = 0;
	reason = guest_run(g);
	if (reason == c->reason)
		return true;
	KTAP_FAIL(g->t, "%s: exit %s", c->name, guest_reason(reason));
	return false;
}

static void for_each(struct ktap *t, void (*check)(struct guest *g, const struct completable *c))
{
	struct guest g;

	for (size_t i = 0; i < ARRAY_SIZE(completables); i++) {
		if (!open_guest(&g, t))
			return;
		if (run_to(&g, &completables[i]))
			check(&g, &completables[i]);
		guest_close(&g);
	}
}

/* HVM_RUN refuses what the page says, and the vCPU is as it was. */
static void expect_refused(struct guest *g, const char *name, uint8_t complete, uint8_t len)
{
	struct hvm_state before, after;
	int reason;

	KTAP_OK(g->t, guest_get(g, BLOCKS, &before));
	g->run->complete = complete;
	g->run->complete_len = len;
	reason = guest_run(g);
	if (reason != GUEST_ERRNO(EINVAL))
		KTAP_FAIL(g->t, "%s, complete %u, length %u: %s", name, complete, len,
			  guest_reason(reason));
	g->run->complete = 0;
	KTAP_OK(g->t, guest_get(g, BLOCKS, &after));
	if (memcmp(&before, &after, sizeof(before)))
		KTAP_FAIL(g->t, "%s, complete %u, length %u: something has changed", name,
			  complete, len);
}

/* It can still be completed as it should be. */
static void expect_completed(struct guest *g, const struct completable *c, uint8_t len)
{
	int reason = guest_complete(g, len);

	if (reason != HVM_EXIT_PIO || g->run->pio.port != 0x99)
		KTAP_FAIL(g->t, "%s: %s after completion", c->name, guest_reason(reason));
	KTAP_EQ(g->t, g->run->complete, 0);
	KTAP_EQ(g->t, g->run->rip, GUEST_TEXT + c->len);
}

/* --- completion -------------------------------------------------------------------------- */

static void expect_nothing_to_complete(struct guest *g, const char *name)
{
	static const uint8_t lengths[] = { 0, 1, 2, 15, 16, 255 };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		expect_refused(g, name, HVM_COMPLETE, lengths[i]);
		expect_refused(g, name, HVM_COMPLETE_GP, lengths[i]);
	}
}

static void without_an_exit(struct ktap *t)
{
	struct guest g;

	if (!open_guest(&g, t))
		return;
	expect_nothing_to_complete(&g, "never run");
	guest_long(&g, &do_out);
	expect_nothing_to_complete(&g, "set up");
	g.run->stop = 1;
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_STOPPED);
	expect_nothing_to_complete(&g, "STOPPED");
	g.run->stop = 0;
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	guest_close(&g);
}

extern const struct guest_code run_window, run_fault;
GUEST_CODE("run_window", "code64", "sti; nop; nop; 1: out %al, $0x99; jmp 1b");
GUEST_CODE("run_fault", "code64", "movabs 0x400000, %eax; 1: out %al, $0x99; jmp 1b");

static void after_other_exits(struct ktap *t)
{
	void *hole = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct guest g;

	KTAP_REQUIRE(t, hole != MAP_FAILED);
	if (!open_guest(&g, t))
		return;
	guest_long(&g, &run_window);
	g.run->want_window = 1;
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_INTWINDOW);
	expect_nothing_to_complete(&g, "INTWINDOW");
	g.run->want_window = 0;
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);

	KTAP_TRUE(t, guest_map(&g, 2 * GUEST_RAM, hole, PAGE, 0));
	guest_long(&g, &run_fault);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_FAULT);
	expect_nothing_to_complete(&g, "FAULT");
	KTAP_OK(t, mprotect(hole, PAGE, PROT_READ));
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	guest_close(&g);
	munmap(hole, PAGE);
}

static void check_lengths(struct guest *g, const struct completable *c)
{
	if (!c->len_known)
		expect_refused(g, c->name, HVM_COMPLETE, 0);
	expect_refused(g, c->name, HVM_COMPLETE, 16);
	expect_refused(g, c->name, HVM_COMPLETE, 128);
	expect_refused(g, c->name, HVM_COMPLETE, 255);
	expect_completed(g, c, c->len_known ? 0 : c->len);
}

static void with_a_wrong_length(struct ktap *t)
{
	for_each(t, check_lengths);
}

static void check_ways(struct guest *g, const struct completable *c)
{
	if (c->reason != HVM_EXIT_MSR)
		expect_refused(g, c->name, HVM_COMPLETE_GP, c->len);
	expect_refused(g, c->name, 3, c->len);
	expect_refused(g, c->name, 0x80, c->len);
	expect_refused(g, c->name, 255, c->len);
	expect_completed(g, c, c->len);
}

static void in_another_way(struct ktap *t)
{
	for_each(t, check_ways);
}

/* Once completed, whatever ended that HVM_RUN, there is nothing left to complete. */
static void check_twice(struct guest *g, const struct completable *c)
{
	g->run->stop = 1;
	KTAP_EQ(g->t, guest_complete(g, c->len), HVM_EXIT_STOPPED);
	KTAP_EQ(g->t, g->run->rip, GUEST_TEXT + c->len);
	expect_nothing_to_complete(g, c->name);
	g->run->stop = 0;
	KTAP_EQ(g->t, guest_run(g), HVM_EXIT_PIO);
	KTAP_EQ(g->t, g->run->rip, GUEST_TEXT + c->len);
}

static void twice(struct ktap *t)
{
	for_each(t, check_twice);
}

static void check_void(struct guest *g, const struct completable *c)
{
	struct hvm_state state;

	KTAP_OK(g->t, guest_get(g, HVM_STATE_GPR, &state));
	KTAP_OK(g->t, guest_set(g, HVM_STATE_GPR, &state));
	expect_nothing_to_complete(g, c->name);
	KTAP_EQ(g->t, guest_run(g), c->reason);
	expect_completed(g, c, c->len);
}

static void after_new_registers(struct ktap *t)
{
	for_each(t, check_void);
}

/* --- fields that are the kernel's ----------------------------------------------------------- */

/* What the kernel said of an exit is not asked for again. */
static void check_lies(struct guest *g, const struct completable *c)
{
	struct hvm_run *run = g->run;
	uint64_t rcx = run->gpr[HVM_RCX], tpr = run->apic.value;

	memset(&run->reason, 0xff, offsetof(struct hvm_run, gpr) -
	       offsetof(struct hvm_run, reason));
	if (c->reason == HVM_EXIT_APIC)
		run->apic.value = tpr;
	run->reason = c->reason == HVM_EXIT_MSR ? HVM_EXIT_PIO : HVM_EXIT_MSR;
	if (c->reason != HVM_EXIT_MSR)
		expect_refused(g, c->name, HVM_COMPLETE_GP, c->len);
	if (!c->len_known)
		expect_refused(g, c->name, HVM_COMPLETE, 0);
	run->gpr[HVM_RAX] = 0x1111;
	run->gpr[HVM_RDX] = 0x2222;
	expect_completed(g, c, c->len_known ? 0 : c->len);
	KTAP_EQ(g->t, run->gpr[HVM_RCX], rcx);
	/* A read's value comes from the page; a write leaves the registers alone. */
	KTAP_EQ(g->t, run->gpr[HVM_RAX], c->code == &do_rdmsr ? 0xffffffff : 0x1111);
	KTAP_EQ(g->t, run->gpr[HVM_RDX], c->code == &do_rdmsr ? 0xffffffff : 0x2222);
}

static void lies_about_the_exit(struct ktap *t)
{
	for_each(t, check_lies);
}

/* RIP and all behind the flags are for reading; flags and RSP count for what was decoded. */
static void check_state(struct guest *g, const struct completable *c)
{
	const uint32_t mask = HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL;
	struct hvm_run *run = g->run;
	struct hvm_state before, after;

	KTAP_OK(g->t, guest_get(g, mask, &before));
	memset(&run->rip, 0xff, PAGE - offsetof(struct hvm_run, rip));
	run->gpr[HVM_RSP] = 0x123456789abc;
	run->complete = HVM_COMPLETE;
	run->complete_len = c->len;
	run->stop = 1;
	KTAP_EQ(g->t, guest_run(g), HVM_EXIT_STOPPED);
	KTAP_OK(g->t, guest_get(g, mask, &after));
	before.gpr.rip += c->len;
	if (c->decoded) {
		before.gpr.gpr[HVM_RSP] = 0x123456789abc;
		before.gpr.rflags |= RFLAGS_TAKEN;
	}
	KTAP_EQ(g->t, after.gpr.rip, before.gpr.rip);
	KTAP_EQ(g->t, after.gpr.rflags, before.gpr.rflags);
	KTAP_EQ(g->t, after.gpr.gpr[HVM_RSP], before.gpr.gpr[HVM_RSP]);
	KTAP_TRUE(g->t, !memcmp(&after.segments, &before.segments, sizeof(after.segments)));
	KTAP_TRUE(g->t, !memcmp(&after.control, &before.control, sizeof(after.control)));
}

static void state_is_for_reading(struct ktap *t)
{
	for_each(t, check_state);
}

/* Without a completion nothing of the page counts but the general registers. */
static void check_nothing_taken(struct guest *g, const struct completable *c)
{
	struct hvm_state before, after;

	KTAP_OK(g->t, guest_get(g, BLOCKS, &before));
	memset(&g->run->rip, 0xff, PAGE - offsetof(struct hvm_run, rip));
	g->run->gpr[HVM_RSP] = 0x4321;
	g->run->rip = 0;
	KTAP_EQ(g->t, guest_run(g), c->reason);
	KTAP_OK(g->t, guest_get(g, BLOCKS, &after));
	KTAP_TRUE(g->t, !memcmp(&before, &after, sizeof(before)));
	KTAP_EQ(g->t, g->run->gpr[HVM_RSP], GUEST_STACK);
	KTAP_EQ(g->t, g->run->rip, GUEST_TEXT);
}

static void nothing_is_taken_without(struct ktap *t)
{
	for_each(t, check_nothing_taken);
}

/* The kernel has the page by itself; where the process maps it, or not, is its own affair. */
static void page_that_is_not_mapped(struct ktap *t)
{
	struct guest g;

	if (!open_guest(&g, t))
		return;
	guest_long(&g, &do_out);
	KTAP_OK(t, mprotect(g.run, PAGE, PROT_NONE));
	KTAP_OK(t, ioctl(g.vcpu, HVM_RUN, 0));
	KTAP_OK(t, munmap(g.run, PAGE));
	KTAP_OK(t, ioctl(g.vcpu, HVM_RUN, 0));
	g.run = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, g.vcpu, 0);
	KTAP_REQUIRE(t, g.run != MAP_FAILED);
	KTAP_EQ(t, g.run->reason, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->rip, GUEST_TEXT);
	/* What the process gives up of it is another mapping of the same page at the most. */
	if (!madvise(g.run, PAGE, MADV_DONTNEED))
		KTAP_OK(t, ioctl(g.vcpu, HVM_RUN, 0));
	guest_close(&g);
}

/* --- scribbled on while the guest runs -------------------------------------------------------- */

/*
 * Between two exits there are more NOPs than a completion can skip, and from within an instruction
 * no other way leads out of them. An exception begins again from the start, on a stack of its own
 * (the gates' IST): nothing that is scribbled on can keep the guest from going on. The low 2 MiB
 * are read-only to it, so it cannot change its code; interrupts are on for the emulators.
 */
#define PAD	".fill 32, 1, 0x90;"

extern const struct guest_code all_exits, only_ports;
GUEST_CODE("all_exits", "code64",
	   "	mov $0x300000, %esp; sti; cld\n"
	   "1:	out %al, $0x80;" PAD "in $0x81, %eax;" PAD
	   "	movabs 0xd0000000, %eax;" PAD "movabs %eax, 0xd0000008;" PAD
	   "	movabs 0xc0000080, %eax;" PAD "movabs %eax, 0xc0000080;" PAD
	   "	mov $0x12345678, %ecx; rdmsr;" PAD "mov $0x12345678, %ecx; wrmsr;" PAD
	   "	mov $0x200000, %esi; outsb;" PAD "mov $0x200000, %edi; insb;" PAD
	   "	xor %eax, %eax; cpuid; jmp 1b");
GUEST_CODE("only_ports", "code64",
	   "	sti\n"
	   "1:	out %al, $0x80;" PAD "in $0x81, %eax;" PAD "xor %eax, %eax; cpuid; jmp 1b");

#define STACK		0x300000UL
#define APIC_ALIAS	0xc0000000UL	/* its page, where the address makes no instruction */
#define LARGE_PAGE	0x200000UL

static void put64(struct guest *g, uint64_t gpa, uint64_t value)
{
	memcpy(g->ram + gpa, &value, sizeof(value));
}

static void set_up_scribbled(struct guest *g, const struct guest_code *code)
{
	const uint64_t entries = GUEST_TABLES + 0x2000;
	struct hvm_state state;

	guest_long(g, code);
	put64(g, entries, 0x81);
	put64(g, entries + APIC_ALIAS / LARGE_PAGE * 8, 0xfee00083);
	put64(g, GUEST_TSS + 0x24, STACK);
	for (unsigned int vector = 0; vector < 32; vector++) {
		put64(g, GUEST_IDT + vector * 16, GUEST_TEXT >> 16 << 48 | 0x8e01ULL << 32 |
		      GUEST_CS64 << 16 | (GUEST_TEXT & 0xffff));
		put64(g, GUEST_IDT + vector * 16 + 8, 0);
	}
	KTAP_OK(g->t, guest_get(g, HVM_STATE_CONTROL | HVM_STATE_GPR, &state));
	state.control.cr0 |= 1 << 16;
	state.gpr.gpr[HVM_RSP] = STACK;
	KTAP_OK(g->t, guest_set(g, HVM_STATE_CONTROL | HVM_STATE_GPR, &state));
}

struct scribbler {
	volatile uint8_t *page;
	uint64_t random;
	unsigned int first;	/* bytes before are spared */
	volatile bool stop;
	pthread_t thread;
};

static uint64_t random_value(uint64_t *random)
{
	uint64_t r = random64(random);

	switch (r % 5) {
	case 0:
		return 0;
	case 1:
		return ~0ULL;
	case 2:
		return 1ULL << (r >> 32) % 64;
	case 3:
		return (r >> 32) % 0x400000;
	default:
		return random64(random);
	}
}

static void scribble(struct scribbler *s)
{
	uint64_t r = random64(&s->random), value = random_value(&s->random);
	/* Half of it on what the kernel reads. */
	unsigned int bytes = 1U << r % 4, below = r & 16 ? sizeof(struct hvm_run) : 64;
	unsigned int at = (r >> 16) % below & ~(bytes - 1);

	if (at < s->first)
		return;
	while (bytes--) {
		s->page[at++] = value;
		value >>= 8;
	}
}

static void *scribble_on(void *argument)
{
	struct scribbler *s = argument;

	for (unsigned int i = 0; !s->stop; i++) {
		scribble(s);
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

/* The lengths of the instructions that exit. */
static uint8_t length_at(const struct guest *g, uint64_t rip)
{
	if (rip < GUEST_TEXT || rip >= GUEST_TEXT + PAGE)
		return 0;
	switch (g->ram[rip]) {
	case 0xe4 ... 0xe7:
	case 0x0f:
		return 2;
	case 0xa0 ... 0xa3:
		return 9;
	case 0x6c ... 0x6f:
		return 1;
	}
	return 0;
}

struct rounds {
	const struct guest_code *code;
	unsigned int first;
	bool rsp_is_kept;
	unsigned int exits;	/* instructions in it that exit */
	unsigned int done, refused;
	bool seen[PAGE];	/* by offset in the code */
};

/* What neither the guest nor a completion can have changed. */
static bool check_kept(struct guest *g, const struct rounds *r, const struct hvm_state *first)
{
	const uint32_t mask = HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL;
	const uint64_t flags = RFLAGS_TAKEN | 1 << 9 | 1 << 16 | 2;
	struct hvm_state now;

	KTAP_OK(g->t, guest_get(g, mask, &now));
	KTAP_EQ(g->t, now.control.cr0, first->control.cr0);
	KTAP_EQ(g->t, now.control.cr3, first->control.cr3);
	KTAP_EQ(g->t, now.control.cr4, first->control.cr4);
	KTAP_EQ(g->t, now.control.efer, first->control.efer);
	KTAP_EQ(g->t, now.gpr.rflags & ~flags, 0);
	KTAP_TRUE(g->t, !memcmp(&now.segments.gdt, &first->segments.gdt, 32));
	KTAP_TRUE(g->t, !memcmp(&now.segments.seg[HVM_CS], &first->segments.seg[HVM_CS], 16));
	KTAP_TRUE(g->t, !memcmp(&now.segments.seg[HVM_TR], &first->segments.seg[HVM_TR], 16));
	KTAP_TRUE(g->t, now.gpr.rip >= GUEST_TEXT && now.gpr.rip < GUEST_TEXT + r->code->bytes);
	if (r->rsp_is_kept)
		KTAP_EQ(g->t, now.gpr.gpr[HVM_RSP], STACK);
	return !g->t->failures;
}

static void one_round(struct guest *g, struct scribbler *own, struct rounds *r)
{
	struct hvm_state state;
	int reason;

	for (int i = 0; i < 8; i++)
		scribble(own);
	if (own->first) {
		KTAP_OK(g->t, guest_get(g, HVM_STATE_GPR, &state));
		g->run->complete_len = length_at(g, state.gpr.rip);
		g->run->complete = g->run->complete_len ? HVM_COMPLETE : 0;
		r->seen[state.gpr.rip % PAGE] |= g->run->complete;
	}
	reason = guest_run_for(g, 100);
	/* The reason in the page may be anything by now; only an errno is not. */
	if (reason == GUEST_ERRNO(EINVAL)) {
		r->refused++;
		g->run->complete = 0;
	} else if (reason < 0 && reason != GUEST_ERRNO(EINTR) && ioctl(g->vcpu, HVM_RUN, 0) &&
		   errno != EINVAL && errno != EINTR) {
		KTAP_FAIL(g->t, "round %u: %s", r->done, strerror(errno));
	}
}

static uint64_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static unsigned int count_seen(const struct rounds *r)
{
	unsigned int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(r->seen); i++)
		n += r->seen[i];
	return n;
}

static void scribbled_on(struct ktap *t, struct rounds r)
{
	struct scribbler other = { .random = random_seed(0x1234567887654321ULL) };
	unsigned int rounds = guest_host_is("svm") ? 5000 : 1000;
	struct scribbler own;
	struct hvm_state first;
	uint64_t end = seconds() + 5;
	struct guest g;

	if (!open_guest(&g, t) || !guest_default_cpuid(&g))
		return;
	set_up_scribbled(&g, r.code);
	KTAP_OK(t, guest_get(&g, BLOCKS, &first));
	other.page = (volatile uint8_t *)g.run;
	other.first = r.first;
	own = other;
	own.random ^= 0x5555;
	KTAP_REQUIRE(t, !pthread_create(&other.thread, NULL, scribble_on, &other));
	while (r.done < rounds && seconds() < end) {
		one_round(&g, &own, &r);
		r.done++;
		if (!check_kept(&g, &r, &first))
			break;
	}
	other.stop = true;
	pthread_join(other.thread, NULL);
	printf("# %u rounds, %u refused\n", r.done, r.refused);
	KTAP_TRUE(t, r.done > 100 && r.refused < r.done);
	KTAP_EQ(t, count_seen(&r), r.exits);

	memset(g.run, 0, PAGE);
	put64(&g, GUEST_TABLES + 0x2000, 0x83);
	guest_long(&g, &do_out);
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	KTAP_EQ(t, g.run->pio.port, 0x80);
	guest_close(&g);
}

static void scribbled_on_at_port_exits(struct ktap *t)
{
	scribbled_on(t, (struct rounds) {
		.code = &only_ports, .first = 8, .rsp_is_kept = true, .exits = 2,
	});
}

static void scribbled_on_at_all_exits(struct ktap *t)
{
	scribbled_on(t, (struct rounds) { .code = &all_exits, .first = 8, .exits = 10 });
}

static void scribbled_on_everywhere(struct ktap *t)
{
	scribbled_on(t, (struct rounds) { .code = &all_exits });
}

static const struct ktap_case cases[] = {
	{ "without_an_exit", without_an_exit },
	{ "after_other_exits", after_other_exits },
	{ "with_a_wrong_length", with_a_wrong_length },
	{ "in_another_way", in_another_way },
	{ "twice", twice },
	{ "after_new_registers", after_new_registers },
	{ "lies_about_the_exit", lies_about_the_exit },
	{ "state_is_for_reading", state_is_for_reading },
	{ "nothing_is_taken_without", nothing_is_taken_without },
	{ "page_that_is_not_mapped", page_that_is_not_mapped },
	{ "scribbled_on_at_port_exits", scribbled_on_at_port_exits },
	{ "scribbled_on_at_all_exits", scribbled_on_at_all_exits },
	{ "scribbled_on_everywhere", scribbled_on_everywhere },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
