// SPDX-License-Identifier: GPL-2.0-only
/*
 * The little guest of the kernel tests: making it, its memory's tables, the state of each processor
 * mode, and running it under a watchdog. Not here: what a test expects.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "guest.h"

#define WATCHDOG_SECONDS	120	/* for the slowest host; a guest that runs so long hangs */
#define CPUID_ENTRIES		256

#define CR0_PE		(1ULL << 0)
#define CR0_ET		(1ULL << 4)
#define CR0_NE		(1ULL << 5)
#define CR0_PG		(1ULL << 31)
#define CR4_PAE		(1ULL << 5)
#define CR4_OSFXSR	(1ULL << 9)
#define EFER_SCE	(1ULL << 0)
#define EFER_LME	(1ULL << 8)
#define EFER_LMA	(1ULL << 10)
#define EFER_NX		(1ULL << 11)
#define RFLAGS_FIXED	(1ULL << 1)

#define ATTR_CODE16	0x009b
#define ATTR_DATA16	0x0093
#define ATTR_CODE32	0x0c9b
#define ATTR_DATA	0x0c93
#define ATTR_CODE64	0x0a9b
#define ATTR_TSS16	0x0083
#define ATTR_TSS	0x008b
#define ATTR_LDT	0x0082

static volatile sig_atomic_t watchdog_barked;

static void on_alarm(int signal)
{
	(void)signal;
	watchdog_barked = 1;
}

static bool failed(struct guest *g, const char *what)
{
	KTAP_FAIL(g->t, "%s: %s", what, strerror(errno));
	guest_close(g);
	return false;
}

static bool open_vm(struct guest *g)
{
	struct hvm_create_vm create = { .size = sizeof(create) };
	struct hvm_get_info info = { .size = sizeof(info) };

	g->dev = open("/dev/vm", O_RDWR | O_CLOEXEC);
	if (g->dev < 0)
		return failed(g, "/dev/vm");
	if (ioctl(g->dev, HVM_GET_INFO, &info))
		return failed(g, "HVM_GET_INFO");
	g->amd = info.vendor == HVM_VENDOR_AMD;
	g->vm = ioctl(g->dev, HVM_CREATE_VM, &create);
	return g->vm >= 0 || failed(g, "HVM_CREATE_VM");
}

static bool open_vcpu(struct guest *g)
{
	struct hvm_create_vcpu create = { .size = sizeof(create) };
	void *page;

	g->vcpu = ioctl(g->vm, HVM_CREATE_VCPU, &create);
	if (g->vcpu < 0)
		return failed(g, "HVM_CREATE_VCPU");
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
	if (page == MAP_FAILED)
		return failed(g, "mmap of the run page");
	g->run = page;
	return true;
}

/**
 * guest_map() - attach memory
 * @g: the guest
 * @gpa: where
 * @memory: what, page aligned
 * @bytes: how much
 * @flags: HVM_MAP_*
 */
bool guest_map(struct guest *g, uint64_t gpa, void *memory, size_t bytes, uint32_t flags)
{
	struct hvm_map map = {
		.size = sizeof(map),
		.flags = flags,
		.gpa = gpa,
		.bytes = bytes,
		.hva = (uintptr_t)memory,
	};

	return !ioctl(g->vm, HVM_MAP, &map);
}

static uint64_t descriptor(uint32_t attributes)
{
	/* Base 0, limit 0xfffff; the attributes in the packing of struct hvm_segment. */
	return 0x000f00000000ffffULL | (uint64_t)(attributes & 0xff) << 40 |
	       (uint64_t)(attributes >> 8 & 0xf) << 52;
}

static void put64(struct guest *g, uint64_t gpa, uint64_t value)
{
	memcpy(g->ram + gpa, &value, sizeof(value));
}

static void fill_tables(struct guest *g)
{
	uint64_t i;

	put64(g, GUEST_GDT + GUEST_CS32, descriptor(ATTR_CODE32));
	put64(g, GUEST_GDT + GUEST_DS, descriptor(ATTR_DATA));
	put64(g, GUEST_GDT + GUEST_CS64, descriptor(ATTR_CODE64));

	put64(g, GUEST_TABLES, GUEST_TABLES + 0x1000 + 3);
	for (i = 0; i < 4; i++)
		put64(g, GUEST_TABLES + 0x1000 + i * 8, GUEST_TABLES + 0x2000 + i * 0x1000 + 3);
	for (i = 0; i < 4 * 512; i++)
		put64(g, GUEST_TABLES + 0x2000 + i * 8, i << 21 | 0x83);
}

/**
 * guest_open() - make a guest whose virtual CPU is in reset state
 * @g: filled in
 * @t: the running case; failures are recorded there
 * @bytes: memory from address 0; at least GUEST_RAM
 *
 * Return: false after a failure; nothing is left open then.
 */
bool guest_open(struct guest *g, struct ktap *t, size_t bytes)
{
	struct sigaction action = { .sa_handler = on_alarm };

	*g = (struct guest) { .t = t, .dev = -1, .vm = -1, .vcpu = -1, .bytes = bytes };
	sigaction(SIGALRM, &action, NULL);
	g->ram = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g->ram == MAP_FAILED) {
		g->ram = NULL;
		return failed(g, "mmap of guest memory");
	}
	if (!open_vm(g) || !open_vcpu(g))
		return false;
	if (!guest_map(g, 0, g->ram, bytes, 0))
		return failed(g, "HVM_MAP");
	fill_tables(g);
	return true;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/**
 * guest_close() - take it all down
 * @g: the guest; may be closed already
 */
void guest_close(struct guest *g)
{
	if (g->run)
		munmap(g->run, 4096);
	g->run = NULL;
	close_fd(&g->vcpu);
	close_fd(&g->vm);
	close_fd(&g->dev);
	if (g->ram)
		munmap(g->ram, g->bytes);
	g->ram = NULL;
}

/**
 * guest_default_cpuid() - let the guest see all that the host can offer
 * @g: the guest
 */
bool guest_default_cpuid(struct guest *g)
{
	struct hvm_cpuid_entry entries[CPUID_ENTRIES];
	struct hvm_cpuid cpuid = {
		.size = sizeof(cpuid),
		.count = CPUID_ENTRIES,
		.entries = (uintptr_t)entries,
	};

	if (ioctl(g->dev, HVM_GET_CPUID, &cpuid))
		return failed(g, "HVM_GET_CPUID");
	return !ioctl(g->vm, HVM_SET_CPUID, &cpuid) || failed(g, "HVM_SET_CPUID");
}

static struct hvm_segment segment(uint16_t selector, uint64_t base, uint32_t limit,
				  uint16_t attributes)
{
	return (struct hvm_segment) {
		.base = base,
		.limit = limit,
		.selector = selector,
		.attributes = attributes,
	};
}

static void set_data_segments(struct hvm_state *state, struct hvm_segment data)
{
	state->segments.seg[HVM_DS] = data;
	state->segments.seg[HVM_ES] = data;
	state->segments.seg[HVM_FS] = data;
	state->segments.seg[HVM_GS] = data;
	state->segments.seg[HVM_SS] = data;
}

/* Load @code and let the processor stand before it, in what @state says of control and segments. */
static void start(struct guest *g, const struct guest_code *code, uint64_t rip, uint64_t rsp,
		  struct hvm_state *state)
{
	memcpy(g->ram + GUEST_TEXT, code->text, code->bytes);
	memset(&state->gpr, 0, sizeof(state->gpr));
	state->gpr.rip = rip;
	state->gpr.rflags = RFLAGS_FIXED;
	state->gpr.gpr[HVM_RSP] = rsp;
	state->segments.seg[HVM_LDTR] = segment(0, 0, 0, ATTR_LDT | HVM_SEG_UNUSABLE);
	if (guest_set(g, HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL, state))
		KTAP_FAIL(g->t, "HVM_SET_STATE: %s", strerror(errno));
}

static void get_start_state(struct guest *g, struct hvm_state *state)
{
	if (guest_get(g, HVM_STATE_SEGMENTS | HVM_STATE_CONTROL, state))
		KTAP_FAIL(g->t, "HVM_GET_STATE: %s", strerror(errno));
}

/**
 * guest_real() - start in real mode, CS.base = GUEST_TEXT, other bases 0
 * @g: the guest
 * @code: 16-bit code
 */
void guest_real(struct guest *g, const struct guest_code *code)
{
	struct hvm_state state;

	get_start_state(g, &state);
	set_data_segments(&state, segment(0, 0, 0xffff, ATTR_DATA16));
	state.segments.seg[HVM_CS] = segment(GUEST_TEXT >> 4, GUEST_TEXT, 0xffff, ATTR_CODE16);
	start(g, code, 0, 0xfff0, &state);
}

static void set_tables(struct hvm_state *state, unsigned int idt_entry_bytes)
{
	state->segments.gdt.base = GUEST_GDT;
	state->segments.gdt.limit = 0x2f;
	state->segments.idt.base = GUEST_IDT;
	state->segments.idt.limit = 256 * idt_entry_bytes - 1;
	state->segments.seg[HVM_TR] = segment(GUEST_TR, GUEST_TSS, 0x67, ATTR_TSS);
}

/**
 * guest_protected() - start in 32-bit protected mode, flat, without paging
 * @g: the guest
 * @code: 32-bit code
 */
void guest_protected(struct guest *g, const struct guest_code *code)
{
	struct hvm_state state;

	get_start_state(g, &state);
	set_data_segments(&state, segment(GUEST_DS, 0, 0xffffffff, ATTR_DATA));
	state.segments.seg[HVM_CS] = segment(GUEST_CS32, 0, 0xffffffff, ATTR_CODE32);
	set_tables(&state, 8);
	state.control.cr0 = CR0_PE | CR0_ET | CR0_NE;
	start(g, code, GUEST_TEXT, GUEST_STACK, &state);
}

/**
 * guest_long() - start in 64-bit mode, the low 4 GiB mapped one to one
 * @g: the guest
 * @code: 64-bit code
 */
void guest_long(struct guest *g, const struct guest_code *code)
{
	struct hvm_state state;

	get_start_state(g, &state);
	set_data_segments(&state, segment(GUEST_DS, 0, 0xffffffff, ATTR_DATA));
	state.segments.seg[HVM_CS] = segment(GUEST_CS64, 0, 0xffffffff, ATTR_CODE64);
	set_tables(&state, 16);
	state.control.cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_PG;
	state.control.cr3 = GUEST_TABLES;
	state.control.cr4 = CR4_PAE | CR4_OSFXSR;
	state.control.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;
	start(g, code, GUEST_TEXT, GUEST_STACK, &state);
}

/**
 * guest_gate() - a 64-bit interrupt gate
 * @g: the guest
 * @vector: 0 to 255
 * @code: the handler
 * @gpa: where it goes
 */
void guest_gate(struct guest *g, unsigned int vector, const struct guest_code *code, uint64_t gpa)
{
	const uint64_t gate = GUEST_IDT + vector * 16;

	memcpy(g->ram + gpa, code->text, code->bytes);
	put64(g, gate, (gpa & 0xffff) | (uint64_t)GUEST_CS64 << 16 | 0x8e0000000000ULL |
		       (gpa >> 16 & 0xffff) << 48);
	put64(g, gate + 8, gpa >> 32);
}

/**
 * guest_run() - HVM_RUN, once
 * @g: the guest
 *
 * Return: enum hvm_exit_reason, or GUEST_ERRNO(); ETIME when the guest hung, and ever after.
 */
int guest_run(struct guest *g)
{
	int err;

	if (g->hung)
		return GUEST_ERRNO(ETIME);
	watchdog_barked = 0;
	alarm(WATCHDOG_SECONDS);
	err = ioctl(g->vcpu, HVM_RUN, 0) ? errno : 0;
	alarm(0);
	g->hung = watchdog_barked;
	if (g->hung)
		return GUEST_ERRNO(ETIME);
	return err ? GUEST_ERRNO(err) : (int)g->run->reason;
}

/**
 * guest_run_for() - HVM_RUN of a guest that nobody knows where it goes
 * @g: the guest
 * @ms: milliseconds after which a signal ends it
 *
 * Return: enum hvm_exit_reason, or GUEST_ERRNO(); EINTR when the time was up.
 */
int guest_run_for(struct guest *g, unsigned int ms)
{
	/* Again and again, for the first signal may come before the guest runs. */
	const struct itimerval on = {
		.it_interval.tv_usec = ms * 1000,
		.it_value.tv_usec = ms * 1000,
	};
	const struct itimerval off = {};
	int err;

	setitimer(ITIMER_REAL, &on, NULL);
	err = ioctl(g->vcpu, HVM_RUN, 0) ? errno : 0;
	setitimer(ITIMER_REAL, &off, NULL);
	return err ? GUEST_ERRNO(err) : (int)g->run->reason;
}

/**
 * guest_complete() - tell that the last exit's access is done, and run on
 * @g: the guest
 * @len: the instruction's length, 0: as the kernel knows it
 *
 * Return: as guest_run()
 */
int guest_complete(struct guest *g, unsigned int len)
{
	g->run->complete = HVM_COMPLETE;
	g->run->complete_len = len;
	return guest_run(g);
}

/**
 * guest_get() - HVM_GET_STATE
 * @g: the guest
 * @mask: HVM_STATE_*, without the blocks in buffers
 * @state: filled in
 *
 * Return: as ioctl()
 */
int guest_get(struct guest *g, uint32_t mask, struct hvm_state *state)
{
	memset(state, 0, sizeof(*state));
	state->size = sizeof(*state);
	state->mask = mask;
	return ioctl(g->vcpu, HVM_GET_STATE, state);
}

/**
 * guest_set() - HVM_SET_STATE
 * @g: the guest
 * @mask: HVM_STATE_*, without the blocks in buffers
 * @state: the values
 *
 * Return: as ioctl()
 */
int guest_set(struct guest *g, uint32_t mask, struct hvm_state *state)
{
	state->size = sizeof(*state);
	state->mask = mask;
	return ioctl(g->vcpu, HVM_SET_STATE, state);
}

static int msr_call(struct guest *g, unsigned long call, struct hvm_msr_value *msr)
{
	struct hvm_state state = {
		.size = sizeof(state),
		.mask = HVM_STATE_MSR,
		.msr = { .address = (uintptr_t)msr, .count = 1 },
	};

	return ioctl(g->vcpu, call, &state);
}

/**
 * guest_get_msr() - one MSR of the state
 * @g: the guest
 * @index: which
 * @value: filled in
 *
 * Return: as ioctl()
 */
int guest_get_msr(struct guest *g, uint32_t index, uint64_t *value)
{
	struct hvm_msr_value msr = { .index = index };
	int err = msr_call(g, HVM_GET_STATE, &msr);

	*value = msr.value;
	return err;
}

/**
 * guest_set_msr() - one MSR of the state
 * @g: the guest
 * @index: which
 * @value: its value
 *
 * Return: as ioctl()
 */
int guest_set_msr(struct guest *g, uint32_t index, uint64_t value)
{
	struct hvm_msr_value msr = { .index = index, .value = value };

	return msr_call(g, HVM_SET_STATE, &msr);
}

/**
 * guest_msi() - HVM_MSI to the virtual CPU
 * @g: the guest
 * @data: message data
 *
 * Return: as ioctl()
 */
int guest_msi(struct guest *g, uint32_t data)
{
	struct hvm_msi msi = { .size = sizeof(msi), .address = 0xfee00000, .data = data };

	return ioctl(g->vm, HVM_MSI, &msi);
}

/**
 * guest_enable_apic() - switch the local APIC on, without which it takes no message
 * @g: the guest
 */
void guest_enable_apic(struct guest *g)
{
	struct hvm_state state;

	KTAP_OK(g->t, guest_get(g, HVM_STATE_LAPIC, &state));
	state.lapic.regs[0xf] = 0x1ff;
	KTAP_OK(g->t, guest_set(g, HVM_STATE_LAPIC, &state));
}

/**
 * guest_kick() - HVM_KICK
 * @fd: a guest's or a virtual CPU's fd
 *
 * Return: as ioctl()
 */
int guest_kick(int fd)
{
	struct hvm_kick kick = { .size = sizeof(kick) };

	return ioctl(fd, HVM_KICK, &kick);
}

/**
 * guest_reason() - a name for what guest_run() returned
 * @reason: that
 */
const char *guest_reason(int reason)
{
	static const char * const names[] = {
		[HVM_EXIT_NONE] = "NONE",
		[HVM_EXIT_STOPPED] = "STOPPED",
		[HVM_EXIT_PIO] = "PIO",
		[HVM_EXIT_MEMORY] = "MEMORY",
		[HVM_EXIT_FAULT] = "FAULT",
		[HVM_EXIT_MSR] = "MSR",
		[HVM_EXIT_APIC] = "APIC",
		[HVM_EXIT_EOI] = "EOI",
		[HVM_EXIT_INTWINDOW] = "INTWINDOW",
		[HVM_EXIT_SHUTDOWN] = "SHUTDOWN",
		[HVM_EXIT_INVALID_STATE] = "INVALID_STATE",
		[HVM_EXIT_UNSUPPORTED] = "UNSUPPORTED",
	};

	if (reason < 0)
		return strerror(-reason);
	if ((size_t)reason >= sizeof(names) / sizeof(names[0]))
		return "beyond the table";
	return names[reason];
}

/**
 * guest_report() - print what a failure is looked into with: where the guest stands
 * @g: the guest; not running
 */
void guest_report(struct guest *g)
{
	struct hvm_state state;
	unsigned int i;

	if (guest_get(g, HVM_STATE_GPR | HVM_STATE_CONTROL | HVM_STATE_EVENTS, &state))
		return;
	printf("# exit %s, %llx %llx %llx %llx\n", guest_reason(g->run->reason), g->run->padding[0],
	       g->run->padding[1], g->run->padding[2], g->run->padding[3]);
	printf("# rip %llx rflags %llx cr2 %llx cr3 %llx, injected %u/%u, pending %u/%u\n",
	       state.gpr.rip, state.gpr.rflags, state.control.cr2, state.control.cr3,
	       state.events.injected.type, state.events.injected.vector,
	       state.events.pending.type, state.events.pending.vector);
	for (i = 0; i < HVM_GPR_COUNT; i++)
		printf("%s%llx%s", i ? " " : "# gpr ", state.gpr.gpr[i],
		       i + 1 < HVM_GPR_COUNT ? "" : "\n");
}

/**
 * guest_host_has() - whether HVM_GET_INFO announces a feature
 * @feature: HVM_FEATURE_*
 */
bool guest_host_has(uint64_t feature)
{
	struct hvm_get_info info = { .size = sizeof(info) };
	int dev = open("/dev/vm", O_RDWR | O_CLOEXEC);
	bool has = dev >= 0 && !ioctl(dev, HVM_GET_INFO, &info) && info.features & feature;

	if (dev >= 0)
		close(dev);
	return has;
}

/**
 * guest_host_is_debug() - whether the test runs on the kernel of `make check-debug`
 *
 * All takes many times as long there.
 */
bool guest_host_is_debug(void)
{
	const char *kernel = getenv("LAB_KVER");

	return kernel && strstr(kernel, "-debug");
}

/**
 * guest_host_is() - which host of the lab the test runs in, for what emulators fall over
 * @name: svm, svm-bochs, vmx
 */
bool guest_host_is(const char *name)
{
	const char *host = getenv("LAB_HOST");

	return host && !strcmp(host, name);
}
