// SPDX-License-Identifier: GPL-2.0-only
/*
 * State of a virtual processor that no processor has: what is wrong by itself is refused and
 * changes nothing, what does not go together leaves at the entry as HVM_EXIT_INVALID_STATE, and a
 * guest in any state at all ends in a documented exit. Not here: MSRs (test-msr.c).
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "random.h"
#include "step.h"

#define PAGE		4096UL
/* Canonical on no processor, with four or five levels of paging. */
#define NON_CANONICAL	0x0800000000000000ULL

#define REG_ID		0x02
#define REG_VERSION	0x03
#define REG_TPR		0x08
#define REG_SVR		0x0f
#define REG_ISR		0x10
#define REG_TMR		0x18
#define REG_IRR		0x20
#define REG_ESR		0x28
#define REG_ICR		0x30
#define REG_LVT_TIMER	0x32
#define REG_TMICT	0x38
#define REG_TMCCT	0x39
#define REG_DIVIDE	0x3e
#define REG_SELF_IPI	0x3f

/* The blocks that lie in the struct. */
#define BLOCKS		(HVM_STATE_ALL & ~(HVM_STATE_MSR | HVM_STATE_XSAVE))

extern const struct guest_code ask_port;
GUEST_CODE("ask_port", "code64", "1: out %al, $0x80; jmp 1b");

static bool open_long(struct guest *g, struct ktap *t)
{
	if (!guest_open(g, t, GUEST_RAM))
		return false;
	guest_long(g, &ask_port);
	return true;
}

/* --- values that are wrong by themselves -------------------------------------------- */

struct row {
	const char *name;
	uint32_t mask;
	uint32_t offset;
	uint32_t bytes;
	uint64_t value;
};

#define FIELD(block, field, wrong) {						\
	.name = #field " = " #wrong,						\
	.mask = HVM_STATE_##block,						\
	.offset = offsetof(struct hvm_state, field),				\
	.bytes = sizeof(((struct hvm_state *)NULL)->field),			\
	.value = wrong,								\
}

/* Refused, also when another block is right, and nothing is taken over of either. */
static void expect_refused(struct guest *g, const char *name, uint32_t mask,
			   struct hvm_state *state, int error)
{
	struct hvm_state before, after;
	int got;

	KTAP_OK(g->t, guest_get(g, BLOCKS, &before));
	if (!(mask & HVM_STATE_GPR)) {
		state->gpr = before.gpr;
		state->gpr.gpr[HVM_RAX] ^= 0x5555;
	}
	if (!(mask & HVM_STATE_DEBUG)) {
		state->debug = before.debug;
		state->debug.dr[0] ^= 0x5000;
	}
	got = guest_set(g, mask | HVM_STATE_GPR | HVM_STATE_DEBUG, state) ? errno : 0;
	if (got != error)
		KTAP_FAIL(g->t, "%s: %s", name, strerror(got));
	KTAP_OK(g->t, guest_get(g, BLOCKS, &after));
	if (memcmp(&before, &after, sizeof(before)))
		KTAP_FAIL(g->t, "%s: something has changed", name);
}

static void refuse_rows(struct ktap *t, const struct row *rows, size_t count, int error)
{
	struct hvm_state good, bad;
	struct guest g;

	if (!open_long(&g, t))
		return;
	KTAP_OK(t, guest_get(&g, BLOCKS, &good));
	for (size_t i = 0; i < count; i++) {
		bad = good;
		memcpy((uint8_t *)&bad + rows[i].offset, &rows[i].value, rows[i].bytes);
		expect_refused(&g, rows[i].name, rows[i].mask, &bad, error);
	}
	/* The guest is none the worse for it. */
	GUEST_EXPECT(&g, HVM_EXIT_PIO);
	guest_close(&g);
}

static void general_registers(struct ktap *t)
{
	static const struct row rows[] = {
		FIELD(GPR, gpr.rip, NON_CANONICAL),
		FIELD(GPR, gpr.rip, 1ULL << 63),
		FIELD(GPR, gpr.rip, ~0ULL >> 1),
		FIELD(GPR, gpr.rflags, 0),
		FIELD(GPR, gpr.rflags, 0x202 & ~2),
		FIELD(GPR, gpr.rflags, 2 | 1 << 3),
		FIELD(GPR, gpr.rflags, 2 | 1 << 5),
		FIELD(GPR, gpr.rflags, 2 | 1 << 15),
		FIELD(GPR, gpr.rflags, 2 | 1 << 22),
		FIELD(GPR, gpr.rflags, 2 | 1ULL << 31),
		FIELD(GPR, gpr.rflags, 2 | 1ULL << 32),
		FIELD(GPR, gpr.rflags, 2 | 1ULL << 63),
	};

	refuse_rows(t, rows, ARRAY_SIZE(rows), EINVAL);
}

static void segments(struct ktap *t)
{
	static const struct row rows[] = {
		FIELD(SEGMENTS, segments.seg[HVM_ES].base, NON_CANONICAL),
		FIELD(SEGMENTS, segments.seg[HVM_CS].base, NON_CANONICAL),
		FIELD(SEGMENTS, segments.seg[HVM_SS].base, NON_CANONICAL),
		FIELD(SEGMENTS, segments.seg[HVM_DS].base, 1ULL << 63),
		FIELD(SEGMENTS, segments.seg[HVM_FS].base, NON_CANONICAL),
		FIELD(SEGMENTS, segments.seg[HVM_GS].base, NON_CANONICAL),
		FIELD(SEGMENTS, segments.seg[HVM_LDTR].base, NON_CANONICAL),
		FIELD(SEGMENTS, segments.seg[HVM_TR].base, NON_CANONICAL),
		FIELD(SEGMENTS, segments.seg[HVM_CS].attributes, 0x1a9b),
		FIELD(SEGMENTS, segments.seg[HVM_DS].attributes, 0x2c93),
		FIELD(SEGMENTS, segments.seg[HVM_TR].attributes, 0x408b),
		FIELD(SEGMENTS, segments.seg[HVM_LDTR].attributes, 0xffff),
		FIELD(SEGMENTS, segments.gdt.base, NON_CANONICAL),
		FIELD(SEGMENTS, segments.gdt.limit, 0x10000),
		FIELD(SEGMENTS, segments.gdt.limit, ~0U),
		FIELD(SEGMENTS, segments.gdt.reserved, 1),
		FIELD(SEGMENTS, segments.idt.base, 1ULL << 63),
		FIELD(SEGMENTS, segments.idt.limit, 0x10000),
		FIELD(SEGMENTS, segments.idt.reserved, 1U << 31),
	};

	refuse_rows(t, rows, ARRAY_SIZE(rows), EINVAL);
}

static void control_registers(struct ktap *t)
{
	static const struct row rows[] = {
		FIELD(CONTROL, control.cr0, 0x80000031 | 1ULL << 32),
		FIELD(CONTROL, control.cr0, 0x80000031 | 1ULL << 63),
		FIELD(CONTROL, control.cr0, 0x80000031 | 1 << 6),
		FIELD(CONTROL, control.cr0, 0x80000031 | 1 << 17),
		FIELD(CONTROL, control.cr0, 0x80000031 | 1 << 19),
		FIELD(CONTROL, control.cr0, 0x80000031 | 1 << 28),
		FIELD(CONTROL, control.cr0, 0x80000030),	/* PG without PE */
		FIELD(CONTROL, control.cr0, 0xa0000031),	/* NW without CD */
		FIELD(CONTROL, control.cr3, GUEST_TABLES | 1ULL << 52),
		FIELD(CONTROL, control.cr3, GUEST_TABLES | 1ULL << 62),
		/* With CR4.PCIDE an operand of MOV, which keeps the TLB; not stored. */
		FIELD(CONTROL, control.cr3, GUEST_TABLES | 1ULL << 63),
		FIELD(CONTROL, control.cr4, 0x220 | 1 << 13),	/* VMXE */
		FIELD(CONTROL, control.cr4, 0x220 | 1 << 14),	/* SMXE */
		FIELD(CONTROL, control.cr4, 0x220 | 1 << 15),
		FIELD(CONTROL, control.cr4, 0x220 | 1 << 19),
		FIELD(CONTROL, control.cr4, 0x220 | 1 << 23),	/* CET */
		FIELD(CONTROL, control.cr4, 0x220 | 1ULL << 31),
		FIELD(CONTROL, control.cr4, 0x220 | 1ULL << 32),
		FIELD(CONTROL, control.cr4, 0x220 | 1ULL << 63),
		FIELD(CONTROL, control.cr8, 16),
		FIELD(CONTROL, control.cr8, 1ULL << 63),
		FIELD(CONTROL, control.efer, 0xd03),
		FIELD(CONTROL, control.efer, 0xd01 | 1 << 9),
		FIELD(CONTROL, control.efer, 0xd01 | 1 << 12),	/* SVME */
		FIELD(CONTROL, control.efer, 0xd01 | 1 << 13),
		FIELD(CONTROL, control.efer, 0xd01 | 1ULL << 32),
		FIELD(CONTROL, control.efer, 0xd01 | 1ULL << 63),
		FIELD(CONTROL, control.xcr0, 0),
		FIELD(CONTROL, control.xcr0, 2),		/* no x87 */
		FIELD(CONTROL, control.xcr0, 5),		/* YMM without SSE */
		FIELD(CONTROL, control.xcr0, 7 | 1 << 3),	/* one half of MPX */
		FIELD(CONTROL, control.xcr0, 7 | 1 << 4),
		FIELD(CONTROL, control.xcr0, 7 | 1 << 5),	/* one third of AVX-512 */
		FIELD(CONTROL, control.xcr0, 7 | 6 << 5),
		FIELD(CONTROL, control.xcr0, 3 | 7 << 5),	/* AVX-512 without YMM */
		FIELD(CONTROL, control.xcr0, 7 | 1 << 8),	/* a supervisor's */
		FIELD(CONTROL, control.xcr0, 7 | 1ULL << 62),
		FIELD(CONTROL, control.xcr0, 7 | 1ULL << 63),
		FIELD(CONTROL, control.xcr0, ~0ULL),
	};

	refuse_rows(t, rows, ARRAY_SIZE(rows), EINVAL);
}

static void events(struct ktap *t)
{
	static const struct row rows[] = {
		FIELD(EVENTS, events.nmi_pending, 3),
		FIELD(EVENTS, events.nmi_pending, 255),
		FIELD(EVENTS, events.nmi_masked, 2),
		FIELD(EVENTS, events.shadow, 3),
		FIELD(EVENTS, events.shadow, 255),
		FIELD(EVENTS, events.init_pending, 2),
		FIELD(EVENTS, events.sipi_pending, 2),
		FIELD(EVENTS, events.mp_state, 3),
		FIELD(EVENTS, events.mp_state, 255),
		FIELD(EVENTS, events.reserved, 1),
		FIELD(EVENTS, events.pending.type, HVM_EVENT_INTR),
		FIELD(EVENTS, events.pending.type, HVM_EVENT_SOFT_INTR),
		FIELD(EVENTS, events.injected.type, HVM_EVENT_NMI),	/* of vector 0 */
		FIELD(EVENTS, events.injected.type, HVM_EVENT_SOFT_EXCEPTION),
		FIELD(EVENTS, events.injected.flags, HVM_EVENT_ERROR),	/* of nothing */
	};

	refuse_rows(t, rows, ARRAY_SIZE(rows), EINVAL);
}

/* As the injected event, as the pending one, and to HVM_INJECT. */
static void malformed_events(struct ktap *t)
{
	static const struct hvm_event bad[] = {
		{ .type = HVM_EVENT_SOFT_EXCEPTION + 1 },
		{ .type = 255 },
		{ .type = HVM_EVENT_EXCEPTION, .vector = 2 },
		{ .type = HVM_EVENT_EXCEPTION, .vector = 32 },
		{ .type = HVM_EVENT_EXCEPTION, .vector = 255 },
		{ .type = HVM_EVENT_EXCEPTION, .vector = 6, .flags = 4 },
		{ .type = HVM_EVENT_EXCEPTION, .vector = 6, .flags = 0x80 },
		{ .type = HVM_EVENT_EXCEPTION, .vector = 6, .flags = HVM_EVENT_PAYLOAD },
		{ .type = HVM_EVENT_EXCEPTION, .vector = 6, .insn_len = 16 },
		{ .type = HVM_EVENT_EXCEPTION, .vector = 13, .flags = 1, .error = 0x10000 },
		{ .type = HVM_EVENT_INTR, .vector = 0x41, .flags = HVM_EVENT_ERROR },
		{ .type = HVM_EVENT_INTR, .vector = 0x41, .flags = HVM_EVENT_PAYLOAD },
		{ .type = HVM_EVENT_INTR, .vector = 0x41, .insn_len = 255 },
	};
	struct hvm_inject inject = { .size = sizeof(inject) };
	struct hvm_state good, state;
	struct guest g;

	if (!open_long(&g, t))
		return;
	KTAP_OK(t, guest_get(&g, BLOCKS, &good));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		state = good;
		state.events.injected = bad[i];
		expect_refused(&g, "injected", HVM_STATE_EVENTS, &state, EINVAL);
		state = good;
		state.events.pending = bad[i];
		expect_refused(&g, "pending", HVM_STATE_EVENTS, &state, EINVAL);
		inject.event = bad[i];
		KTAP_ERRNO(t, ioctl(g.vcpu, HVM_INJECT, &inject),
			   bad[i].type > HVM_EVENT_SOFT_EXCEPTION ? EOPNOTSUPP : EINVAL);
		KTAP_OK(t, guest_get(&g, BLOCKS, &state));
		KTAP_TRUE(t, !memcmp(&state, &good, sizeof(state)));
	}
	guest_close(&g);
}

static void debug_registers(struct ktap *t)
{
	static const struct row rows[] = {
		FIELD(DEBUG, debug.dr6, 0xffff0ff0 | 1ULL << 32),
		FIELD(DEBUG, debug.dr6, 1ULL << 63),
		FIELD(DEBUG, debug.dr7, 0x400 | 1ULL << 32),
		FIELD(DEBUG, debug.dr7, 1ULL << 63),
		FIELD(DEBUG, debug.dr7, ~0ULL),
	};

	refuse_rows(t, rows, ARRAY_SIZE(rows), EINVAL);
}

static void clock(struct ktap *t)
{
	static const struct row rows[] = {
		FIELD(CLOCK, clock.tsc_scale, 1),
		FIELD(CLOCK, clock.tsc_scale, ~0ULL),
	};
	struct hvm_get_info info = { .size = sizeof(info) };
	int dev = open("/dev/vm", O_RDWR);

	KTAP_OK(t, ioctl(dev, HVM_GET_INFO, &info));
	close(dev);
	refuse_rows(t, rows, ARRAY_SIZE(rows),
		    info.features & HVM_FEATURE_TSC_SCALING ? EINVAL : EOPNOTSUPP);
}

static void local_apic(struct ktap *t)
{
	static const struct row rows[] = {
		FIELD(LAPIC, lapic.regs[REG_ID], 1U << 24),
		FIELD(LAPIC, lapic.regs[REG_ID], 1),
		FIELD(LAPIC, lapic.regs[REG_VERSION], 0),
		FIELD(LAPIC, lapic.regs[REG_VERSION], ~0U),
		FIELD(LAPIC, lapic.regs[REG_TPR], 0x100),
		FIELD(LAPIC, lapic.regs[REG_SVR], ~0U),
		FIELD(LAPIC, lapic.regs[REG_ISR], 1),
		FIELD(LAPIC, lapic.regs[REG_TMR], 1 << 15),
		FIELD(LAPIC, lapic.regs[REG_IRR], 1 << 8),
		FIELD(LAPIC, lapic.regs[REG_ESR], ~0U),
		FIELD(LAPIC, lapic.regs[REG_ICR], ~0U),
		FIELD(LAPIC, lapic.regs[REG_LVT_TIMER], 0x30),	/* not masked while disabled */
		FIELD(LAPIC, lapic.regs[REG_LVT_TIMER], ~0U),
		FIELD(LAPIC, lapic.regs[REG_TMCCT], 1),		/* more than the initial count */
		FIELD(LAPIC, lapic.regs[REG_DIVIDE], 4),
		FIELD(LAPIC, lapic.regs[REG_SELF_IPI], 0x30),
		FIELD(LAPIC, lapic.regs[0], 1),
		FIELD(LAPIC, lapic.regs[0xc], 1),
		FIELD(LAPIC, lapic.base, 0),
		FIELD(LAPIC, lapic.base, 0xfee00901),
		FIELD(LAPIC, lapic.base, 0xfed00900),
		FIELD(LAPIC, lapic.base, 0xfee00500),		/* x2APIC mode without enable */
		FIELD(LAPIC, lapic.base, 0xfee00900 | 1ULL << 52),
		FIELD(LAPIC, lapic.tsc_deadline, 1),		/* in another mode */
		FIELD(LAPIC, lapic.eois[0], 1 << 3),
		FIELD(LAPIC, lapic.errors, ~0U),
		FIELD(LAPIC, lapic.reserved, 1),
	};

	refuse_rows(t, rows, ARRAY_SIZE(rows), EINVAL);
}

/* The outermost values that are right. */
static void at_the_edge(struct ktap *t)
{
	struct hvm_state state, again;
	struct guest g;

	if (!open_long(&g, t))
		return;
	KTAP_OK(t, guest_get(&g, BLOCKS, &state));
	state.gpr.rip = 0xffff800000000000;
	state.gpr.rflags = 0x3f7fd7 & ~(1ULL << 17);
	state.segments.seg[HVM_GS].base = 0x00007fffffffffff;
	state.segments.gdt.limit = 0xffff;
	state.control.cr2 = ~0ULL;
	state.control.cr8 = 15;
	state.debug.dr[3] = ~0ULL;
	state.debug.dr6 = 0xffffffff;
	state.clock.tsc_offset = ~0ULL;
	state.clock.tsc_adjust = 1ULL << 63;
	state.events.nmi_pending = 2;
	KTAP_OK(t, guest_set(&g, BLOCKS & ~HVM_STATE_LAPIC, &state));
	KTAP_OK(t, guest_get(&g, BLOCKS & ~HVM_STATE_LAPIC, &again));
	KTAP_TRUE(t, !memcmp(&state.gpr, &again.gpr, sizeof(again.gpr)));
	KTAP_TRUE(t, !memcmp(&state.segments, &again.segments, sizeof(again.segments)));
	KTAP_TRUE(t, !memcmp(&state.control, &again.control, sizeof(again.control)));
	KTAP_TRUE(t, !memcmp(&state.debug, &again.debug, sizeof(again.debug)));
	KTAP_TRUE(t, !memcmp(&state.clock, &again.clock, sizeof(again.clock)));
	KTAP_TRUE(t, !memcmp(&state.events, &again.events, sizeof(again.events)));
	guest_close(&g);
}

/* --- blocks in buffers ----------------------------------------------------------------- */

#define XSAVE_MXCSR	24
#define XSAVE_XMM0	160
#define XSAVE_BV	512
#define XSAVE_COMPACT	520
#define XSAVE_RESERVED	528

struct image {
	struct guest g;
	uint8_t *bytes;
	uint32_t count;
};

static int xsave_call(struct image *image, unsigned long call, uint64_t address, uint32_t count)
{
	struct hvm_state state = {
		.size = sizeof(state),
		.mask = HVM_STATE_XSAVE,
		.xsave = { .address = address, .count = count },
	};

	return ioctl(image->g.vcpu, call, &state);
}

static int get_image(struct image *image)
{
	return xsave_call(image, HVM_GET_STATE, (uintptr_t)image->bytes, image->count);
}

static int set_image(struct image *image)
{
	return xsave_call(image, HVM_SET_STATE, (uintptr_t)image->bytes, image->count);
}

/* A guest whose XMM0 holds something, and its image. */
static bool open_image(struct image *image, struct ktap *t)
{
	struct hvm_get_info info = { .size = sizeof(info) };

	if (!open_long(&image->g, t))
		return false;
	KTAP_OK(t, ioctl(image->g.dev, HVM_GET_INFO, &info));
	image->count = info.xsave_bytes;
	image->bytes = calloc(1, image->count);
	if (image->count < XSAVE_BV + 64 || get_image(image)) {
		KTAP_FAIL(t, "no image of %u bytes: %s", image->count, strerror(errno));
		return false;
	}
	image->bytes[XSAVE_BV] |= 3;
	memset(image->bytes + XSAVE_XMM0, 0x5a, 16);
	KTAP_OK(t, set_image(image));
	return true;
}

static void close_image(struct image *image)
{
	guest_close(&image->g);
	free(image->bytes);
}

static void expect_xmm0(struct image *image, const char *what)
{
	KTAP_OK(image->g.t, get_image(image));
	if (image->bytes[XSAVE_XMM0] != 0x5a || image->bytes[XSAVE_XMM0 + 15] != 0x5a)
		KTAP_FAIL(image->g.t, "%s: XMM0 has changed", what);
}

static void bad_xsave_images(struct ktap *t)
{
	static const struct {
		const char *what;
		unsigned int offset;
		uint8_t bits;
	} rows[] = {
		{ "MXCSR, bit 16", XSAVE_MXCSR + 2, 1 },
		{ "MXCSR, bit 31", XSAVE_MXCSR + 3, 0x80 },
		{ "component 8, a supervisor's", XSAVE_BV + 1, 1 },
		{ "component 62", XSAVE_BV + 7, 0x40 },
		{ "component 63", XSAVE_BV + 7, 0x80 },
		{ "compacted", XSAVE_COMPACT + 7, 0x80 },
		{ "compaction without its bit", XSAVE_COMPACT, 1 },
		{ "reserved bytes", XSAVE_RESERVED, 1 },
		{ "reserved bytes at the end", XSAVE_BV + 63, 0x80 },
	};
	struct image image;

	if (!open_image(&image, t))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		KTAP_OK(t, get_image(&image));
		image.bytes[rows[i].offset] |= rows[i].bits;
		memset(image.bytes + XSAVE_XMM0, 0xff, 16);
		errno = 0;
		if (set_image(&image) != -1 || errno != EINVAL)
			KTAP_FAIL(t, "%s: %s", rows[i].what, strerror(errno));
		expect_xmm0(&image, rows[i].what);
	}
	close_image(&image);
}

static void xsave_buffers(struct ktap *t)
{
	static const uint64_t bad[] = { 0, KERNEL_ADDRESS, NON_CANONICAL, ~0ULL - 100 };
	uint8_t *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct image image;

	if (!open_image(&image, t))
		return;
	for (int call = 0; call < 2; call++) {
		unsigned long cmd = call ? HVM_SET_STATE : HVM_GET_STATE;
		uint64_t address = (uintptr_t)image.bytes;

		KTAP_ERRNO(t, xsave_call(&image, cmd, address, 0), EINVAL);
		KTAP_ERRNO(t, xsave_call(&image, cmd, address, 512), EINVAL);
		KTAP_ERRNO(t, xsave_call(&image, cmd, address, image.count - 1), EINVAL);
		KTAP_ERRNO(t, xsave_call(&image, cmd, address, image.count + 1), EINVAL);
		KTAP_ERRNO(t, xsave_call(&image, cmd, address, ~0U), EINVAL);
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
			KTAP_ERRNO(t, xsave_call(&image, cmd, bad[i], image.count), EFAULT);
	}
	KTAP_ERRNO(t, xsave_call(&image, HVM_GET_STATE, (uintptr_t)page, image.count), EFAULT);
	expect_xmm0(&image, "bad buffers");
	munmap(page, PAGE);
	close_image(&image);
}

/* An image that is right goes back when the MSRs beside it are wrong. */
static void xsave_beside_bad_msrs(struct ktap *t)
{
	struct hvm_msr_value msrs[] = {
		{ .index = MSR_LSTAR, .value = 0x7000 }, { .index = MSR_PAT, .value = 2 },
	};
	struct hvm_state state = {
		.size = sizeof(state),
		.mask = HVM_STATE_XSAVE | HVM_STATE_MSR,
		.msr = { .address = (uintptr_t)msrs, .count = 2, .failed = 77 },
	};
	struct image image;
	uint64_t value;

	if (!open_image(&image, t))
		return;
	memset(image.bytes + XSAVE_XMM0, 0x33, 16);
	state.xsave.address = (uintptr_t)image.bytes;
	state.xsave.count = image.count;
	KTAP_ERRNO(t, ioctl(image.g.vcpu, HVM_SET_STATE, &state), EINVAL);
	KTAP_EQ(t, state.msr.failed, 1);
	expect_xmm0(&image, "bad MSRs");
	KTAP_OK(t, guest_get_msr(&image.g, MSR_LSTAR, &value));
	KTAP_EQ(t, value, 0);
	close_image(&image);
}

static int msr_call(struct guest *g, unsigned long call, const void *list, uint32_t count)
{
	struct hvm_state state = {
		.size = sizeof(state),
		.mask = HVM_STATE_MSR,
		.msr = { .address = (uintptr_t)list, .count = count },
	};

	return ioctl(g->vcpu, call, &state);
}

static void msr_buffers(struct ktap *t)
{
	struct hvm_msr_value *list = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct hvm_msr_value *end = list + PAGE / sizeof(*list);
	struct guest g;

	KTAP_REQUIRE(t, list != MAP_FAILED);
	if (!open_long(&g, t))
		return;
	munmap((uint8_t *)list + PAGE, PAGE);
	for (uint32_t i = 0; i < PAGE / sizeof(*list); i++)
		list[i] = (struct hvm_msr_value) { .index = MSR_LSTAR, .value = 0x1000 };
	for (int call = 0; call < 2; call++) {
		unsigned long cmd = call ? HVM_SET_STATE : HVM_GET_STATE;

		KTAP_OK(t, msr_call(&g, cmd, NULL, 0));
		KTAP_OK(t, msr_call(&g, cmd, end - 2, 2));
		KTAP_ERRNO(t, msr_call(&g, cmd, end - 2, 3), EFAULT);
		KTAP_ERRNO(t, msr_call(&g, cmd, NULL, 1), EFAULT);
		KTAP_ERRNO(t, msr_call(&g, cmd, (void *)KERNEL_ADDRESS, 1), EFAULT);
		KTAP_ERRNO(t, msr_call(&g, cmd, list, 1025), ENOSPC);
		KTAP_ERRNO(t, msr_call(&g, cmd, list, ~0U), ENOSPC);
		list[3].reserved = 1;
		KTAP_ERRNO(t, msr_call(&g, cmd, list, 4), EINVAL);
		list[3].reserved = 0;
		list[3].index = MSR_NOBODYS;
		KTAP_ERRNO(t, msr_call(&g, cmd, list, 4), ENOENT);
		list[3].index = MSR_LSTAR;
	}
	KTAP_OK(t, mprotect(list, PAGE, PROT_READ));
	KTAP_ERRNO(t, msr_call(&g, HVM_GET_STATE, list, 1), EFAULT);
	KTAP_OK(t, msr_call(&g, HVM_SET_STATE, list, 1));
	munmap(list, PAGE);
	guest_close(&g);
}

/* --- HVM_INJECT -------------------------------------------------------------------------- */

static int inject(struct guest *g, uint8_t type, uint8_t vector)
{
	struct hvm_inject arg = {
		.size = sizeof(arg),
		.event = { .type = type, .vector = vector },
	};

	return ioctl(g->vcpu, HVM_INJECT, &arg);
}

static void events_that_are_not_injected(struct ktap *t)
{
	struct hvm_state state;
	struct guest g;

	if (!open_long(&g, t))
		return;
	KTAP_ERRNO(t, inject(&g, HVM_EVENT_NONE, 0), EOPNOTSUPP);
	KTAP_ERRNO(t, inject(&g, HVM_EVENT_NMI, 2), EOPNOTSUPP);
	KTAP_ERRNO(t, inject(&g, HVM_EVENT_SOFT_INTR, 0x80), EOPNOTSUPP);
	KTAP_ERRNO(t, inject(&g, HVM_EVENT_SOFT_EXCEPTION, 3), EOPNOTSUPP);
	KTAP_ERRNO(t, inject(&g, HVM_EVENT_INTR, 0x41), EAGAIN);
	KTAP_OK(t, inject(&g, HVM_EVENT_EXCEPTION, 6));
	KTAP_ERRNO(t, inject(&g, HVM_EVENT_EXCEPTION, 6), EBUSY);
	KTAP_ERRNO(t, inject(&g, HVM_EVENT_EXCEPTION, 13), EBUSY);
	KTAP_OK(t, guest_get(&g, HVM_STATE_EVENTS | HVM_STATE_GPR, &state));
	KTAP_EQ(t, state.events.pending.vector, 6);
	state.events.pending.type = HVM_EVENT_NONE;
	state.gpr.rflags |= 0x200;
	KTAP_OK(t, guest_set(&g, HVM_STATE_EVENTS | HVM_STATE_GPR, &state));
	KTAP_OK(t, inject(&g, HVM_EVENT_INTR, 0x41));
	KTAP_ERRNO(t, inject(&g, HVM_EVENT_INTR, 0x42), EBUSY);
	KTAP_OK(t, guest_get(&g, HVM_STATE_EVENTS, &state));
	KTAP_EQ(t, state.events.injected.vector, 0x41);
	guest_close(&g);
}

/* --- what does not go together ------------------------------------------------------------ */

/* 0: that processor, or its emulator, does not look at it, and the guest goes wherever it goes. */
struct combination {
	struct row row;
	enum hvm_invalid_field intel;
	enum hvm_invalid_field amd;
};

static const struct combination combinations[] = {
	{ FIELD(CONTROL, control.cr4, 0x200), HVM_INVALID_CR4, HVM_INVALID_CR4 },
	{ FIELD(CONTROL, control.cr3, GUEST_TABLES | 1ULL << 51), HVM_INVALID_CR3,
	  HVM_INVALID_CR3 },
	{ FIELD(CONTROL, control.efer, 0x901), HVM_INVALID_EFER, 0 },	/* LMA clear */
	{ FIELD(CONTROL, control.efer, 0xc01), HVM_INVALID_EFER, 0 },	/* LME clear */
	{ FIELD(CONTROL, control.cr0, 0x31), 0, 0 },		/* LMA without PG: Bochs runs it */
	{ FIELD(SEGMENTS, segments.seg[HVM_CS].attributes, 0xe9b), HVM_INVALID_CS,
	  HVM_INVALID_CS },						/* L and D */
	{ FIELD(SEGMENTS, segments.seg[HVM_CS].attributes, 0xa8b), HVM_INVALID_CS, 0 },
	{ FIELD(SEGMENTS, segments.seg[HVM_CS].base, 1ULL << 40), HVM_INVALID_CS, 0 },
	{ FIELD(SEGMENTS, segments.seg[HVM_SS].attributes, 0xc9b), HVM_INVALID_SS, 0 },
	{ FIELD(SEGMENTS, segments.seg[HVM_SS].attributes, 0xcf3), 0, 0 },	/* as it is */
	{ FIELD(SEGMENTS, segments.seg[HVM_DS].attributes, 0xc83), HVM_INVALID_DATA_SEGMENT, 0 },
	{ FIELD(SEGMENTS, segments.seg[HVM_ES].limit, 0x12345), HVM_INVALID_DATA_SEGMENT, 0 },
	{ FIELD(SEGMENTS, segments.seg[HVM_LDTR].attributes, 0x8b), HVM_INVALID_LDTR, 0 },
	{ FIELD(SEGMENTS, segments.seg[HVM_TR].attributes, 0x89), HVM_INVALID_TR, 0 },
	{ FIELD(SEGMENTS, segments.seg[HVM_TR].attributes, 0x808b), HVM_INVALID_TR, 0 },
	{ FIELD(EVENTS, events.shadow, HVM_SHADOW_STI), HVM_INVALID_EVENT, 0 },
};

static void expect_invalid(struct guest *g, const struct row *row, enum hvm_invalid_field field)
{
	struct hvm_state good, bad, again;
	int reason;

	guest_long(g, &ask_port);
	KTAP_OK(g->t, guest_get(g, row->mask | HVM_STATE_EVENTS, &good));
	bad = good;
	memcpy((uint8_t *)&bad + row->offset, &row->value, row->bytes);
	if (guest_set(g, row->mask, &bad)) {
		KTAP_FAIL(g->t, "%s: %s", row->name, strerror(errno));
		return;
	}
	for (int i = 0; i < 2; i++) {
		reason = field ? guest_run(g) : guest_run_for(g, 100);
		if (!field)
			break;
		if (reason != HVM_EXIT_INVALID_STATE || g->run->invalid.field != field)
			KTAP_FAIL(g->t, "%s: %s, field %u", row->name, guest_reason(reason),
				  g->run->invalid.field);
		KTAP_OK(g->t, guest_get(g, row->mask, &again));
		if (memcmp((uint8_t *)&bad + row->offset, (uint8_t *)&again + row->offset,
			   row->bytes))
			KTAP_FAIL(g->t, "%s: does not read back", row->name);
	}
	if (!field && reason < HVM_EXIT_STOPPED && reason != GUEST_ERRNO(EINTR))
		KTAP_FAIL(g->t, "%s: %s", row->name, guest_reason(reason));

	/*
	 * With the right value again the guest runs; without the exception, too, in whose delivery
	 * the time may have been up.
	 */
	guest_set(g, row->mask | HVM_STATE_EVENTS, &good);
	guest_long(g, &ask_port);
	reason = guest_run(g);
	if (reason != HVM_EXIT_PIO) {
		KTAP_FAIL(g->t, "after %s: %s", row->name, guest_reason(reason));
		guest_report(g);
	}
}

/*
 * A refused entry changes no task priority, and the guest's stays its own: the highest would keep
 * all interrupts from this processor.
 */
extern const struct guest_code raise_cr8;
GUEST_CODE("raise_cr8", "code64", "mov $15, %eax; mov %rax, %cr8; out %al, $0x80; jmp .");

static void refused_entry_leaves_the_priority(struct ktap *t)
{
	const uint32_t mask = HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL;
	struct hvm_state good, bad;
	struct guest g;

	if (guest_host_is("svm-bochs"))
		KTAP_SKIP(t, "Bochs stores the host's state into a VMCB it refuses");
	if (!guest_open(&g, t, GUEST_RAM))
		return;
	guest_long(&g, &raise_cr8);
	KTAP_OK(t, guest_get(&g, mask, &good));
	good.control.cr8 = 5;
	bad = good;
	bad.control.cr3 |= 1ULL << 51;
	KTAP_OK(t, guest_set(&g, mask, &bad));
	/* Once: then QEMU has the host's state there. */
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_INVALID_STATE);
	KTAP_OK(t, guest_get(&g, HVM_STATE_CONTROL, &bad));
	KTAP_EQ(t, bad.control.cr8, 5);
	KTAP_OK(t, guest_set(&g, mask, &good));
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	usleep(20000);
	KTAP_OK(t, guest_get(&g, HVM_STATE_CONTROL, &bad));
	KTAP_EQ(t, bad.control.cr8, 15);
	guest_close(&g);
}

static void combinations_leave_at_entry(struct ktap *t)
{
	const struct combination *c;
	struct guest g;

	if (guest_host_is("svm-bochs"))
		KTAP_SKIP(t, "Bochs stores the host's state into a VMCB it refuses");
	for (size_t i = 0; i < ARRAY_SIZE(combinations); i++) {
		c = &combinations[i];
		/* QEMU, too, stores the host's state then. */
		if (guest_host_is("svm") && c->amd == HVM_INVALID_CR3)
			continue;
		if (!guest_open(&g, t, GUEST_RAM))
			return;
		expect_invalid(&g, &c->row, g.amd ? c->amd : c->intel);
		guest_close(&g);
	}
}

/* --- any state at all ----------------------------------------------------------------------- */

static uint64_t random_state;

static uint64_t random_value(void)
{
	switch (random64(&random_state) % 4) {
	case 0:
		return 1ULL << random64(&random_state) % 64;
	case 1:
		return random64(&random_state) & 0xfff;
	case 2:
		return random64(&random_state) % GUEST_RAM;
	default:
		return random64(&random_state);
	}
}

/* A field of the blocks and what of it may be toggled: most of the state stays one that runs. */
static const struct {
	uint32_t offset, bytes;
	uint64_t bits;
} fields[] = {
#define BITS(field, which) {							\
	offsetof(struct hvm_state, field), sizeof(((struct hvm_state *)NULL)->field), which }
	BITS(gpr.rip, 0x1fffff),
	BITS(gpr.rflags, 0x3f7fd5),
	BITS(gpr.gpr[HVM_RSP], ~0ULL),
	BITS(segments.seg[HVM_CS].attributes, 0x8fff),
	BITS(segments.seg[HVM_CS].base, ~0ULL >> 17),
	BITS(segments.seg[HVM_SS].attributes, 0x8fff),
	BITS(segments.seg[HVM_SS].limit, ~0U),
	BITS(segments.seg[HVM_DS].attributes, 0x8fff),
	BITS(segments.seg[HVM_TR].attributes, 0x8fff),
	BITS(segments.seg[HVM_TR].selector, 0xffff),
	BITS(segments.seg[HVM_LDTR].attributes, 0x8fff),
	BITS(segments.gdt.base, ~0ULL >> 17),
	BITS(segments.idt.base, ~0ULL >> 17),
	BITS(segments.idt.limit, 0xffff),
	BITS(control.cr0, 0xe005003f),
	BITS(control.cr3, ~0ULL >> 25),
	BITS(control.cr4, 0x7727ff),
	BITS(control.efer, 0x4d01),
	BITS(control.cr8, 15),
	BITS(control.pdpte[0], ~0ULL),
	BITS(events.injected.type, 7),
	BITS(events.injected.vector, 0xff),
	BITS(events.injected.flags, 3),
	BITS(events.injected.insn_len, 15),
	BITS(events.pending.type, 3),
	BITS(events.pending.vector, 0x1f),
	BITS(events.nmi_pending, 3),
	BITS(events.nmi_masked, 1),
	BITS(events.shadow, 3),
	BITS(events.mp_state, 1),
	BITS(debug.dr7, 0xffffffff),
	BITS(debug.dr[0], ~0ULL),
#undef BITS
};

#define CR0_PG	(1ULL << 31)
#define CR4_PAE	(1ULL << 5)

static void disturb(struct hvm_state *state)
{
	uint64_t cr0 = state->control.cr0;

	for (unsigned int n = 1 + random64(&random_state) % 4; n; n--) {
		size_t i = random64(&random_state) % ARRAY_SIZE(fields);
		uint64_t toggle = random_value() & fields[i].bits;

		for (uint32_t byte = 0; byte < fields[i].bytes; byte++)
			((uint8_t *)state)[fields[i].offset + byte] ^= toggle >> byte * 8;
	}
	/* Bochs enters long mode without paging, and ends when it leaves that again. */
	if (guest_host_is("vmx"))
		state->control.cr0 |= cr0 & CR0_PG;
	/* QEMU loses the host behind a guest with EFER.LME, but without either. */
	if (guest_host_is("svm") && !(state->control.cr0 & CR0_PG))
		state->control.cr4 |= CR4_PAE;
}

#define RANDOM_BLOCKS	(HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL | \
			 HVM_STATE_EVENTS | HVM_STATE_DEBUG)

static void random_states(struct ktap *t)
{
	unsigned int rounds = guest_host_is("svm") ? 3000 : 500, refused = 0, invalid = 0;
	static uint8_t tables[GUEST_TEXT];
	struct hvm_state good, state;
	struct guest g;
	int reason;

	if (guest_host_is("svm-bochs"))
		KTAP_SKIP(t, "Bochs ends when a guest shuts down");
	random_state = random_seed(0x9e3779b97f4a7c15ULL);
	if (!open_long(&g, t))
		return;
	KTAP_OK(t, guest_get(&g, RANDOM_BLOCKS, &good));
	good.gpr.rflags |= 0x200;
	memcpy(tables, g.ram, sizeof(tables));
	for (unsigned int i = 0; i < rounds && !t->failures; i++) {
		state = good;
		disturb(&state);
		if (guest_set(&g, RANDOM_BLOCKS, &state)) {
			refused++;
			if (errno != EINVAL)
				KTAP_FAIL(t, "round %u, set: %s", i, strerror(errno));
			continue;
		}
		reason = guest_run_for(&g, 10);
		invalid += reason == HVM_EXIT_INVALID_STATE;
		if (reason < HVM_EXIT_STOPPED && reason != GUEST_ERRNO(EINTR))
			KTAP_FAIL(t, "round %u, run: %s", i, guest_reason(reason));
		KTAP_OK(t, guest_get(&g, BLOCKS, &state));
	}
	printf("# %u states refused, %u invalid at entry\n", refused, invalid);
	/* Where the guest went it may have written, too. */
	memcpy(g.ram, tables, sizeof(tables));
	guest_set(&g, RANDOM_BLOCKS, &good);
	guest_long(&g, &ask_port);
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	if (t->failures)
		guest_report(&g);
	guest_close(&g);
}

static const struct ktap_case cases[] = {
	{ "general_registers", general_registers },
	{ "segments", segments },
	{ "control_registers", control_registers },
	{ "events", events },
	{ "malformed_events", malformed_events },
	{ "debug_registers", debug_registers },
	{ "clock", clock },
	{ "local_apic", local_apic },
	{ "at_the_edge", at_the_edge },
	{ "bad_xsave_images", bad_xsave_images },
	{ "xsave_buffers", xsave_buffers },
	{ "xsave_beside_bad_msrs", xsave_beside_bad_msrs },
	{ "msr_buffers", msr_buffers },
	{ "events_that_are_not_injected", events_that_are_not_injected },
	{ "refused_entry_leaves_the_priority", refused_entry_leaves_the_priority },
	{ "combinations_leave_at_entry", combinations_leave_at_entry },
	{ "random_states", random_states },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
