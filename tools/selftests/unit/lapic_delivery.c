// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of destinations: MSIs and IPIs in all forms, and the map of ids.
 */
#include "lapic_fixture.h"

#define VECTOR		0x61
#define LOGICAL		4
#define HINT		8

/* A message's address: bits 11:5 are bits 14:8 of the destination. */
static u64 msi(u32 destination)
{
	return 0xfee00000ULL | (destination & 0xff) << 12 | (destination >> 8) << 5;
}

static const u32 first_ids[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
static const u32 sparse_ids[] = { 0, 3, 15, 16, 17, 31, 63, 64, 254, 255, 256, 300, 1023, 4095 };

/* Bit N: APIC N of the fixture has VECTOR; it is served on the way. */
static u64 who(struct fixture *f)
{
	u64 mask = 0;
	unsigned int i;

	for (i = 0; i < f->count; i++)
		if (run_vector(&f->lapic[i]) == VECTOR)
			mask |= BIT_ULL(i);
	return mask;
}

static void each_x2apic(struct fixture *f, u32 reg, u64 value)
{
	unsigned int i;

	for (i = 0; i < f->count; i++)
		hvm_lapic_msr_write(&f->lapic[i], MSR(reg), value);
}

static void ids(struct ktap *t)
{
	struct fixture *f = fixture_new(X2APIC, sparse_ids, ARRAY_SIZE(sparse_ids));
	struct hvm_lapic extra = {};
	struct hvm_bell bell = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sparse_ids); i++)
		KTAP_EQ(t, hvm_lapic_init(&extra, &f->irq, &bell, sparse_ids[i]), -EEXIST);
	KTAP_EQ(t, hvm_lapic_init(&extra, &f->irq, &bell, 4096), -EINVAL);
	KTAP_EQ(t, hvm_lapic_init(&extra, &f->irq, &bell, ~0U), -EINVAL);

	shim_failing_allocations = 1;
	KTAP_EQ(t, hvm_lapic_init(&extra, &f->irq, &bell, 2000), -ENOMEM);
	KTAP_EQ(t, hvm_lapic_init(&extra, &f->irq, &bell, 2000), 0);
	hvm_lapic_deinit(&extra);

	/* The id is free again, and messages to it find nobody. */
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(2000), VECTOR), 0);
	KTAP_EQ(t, hvm_lapic_init(&extra, &f->irq, &bell, 2000), 0);
	hvm_lapic_deinit(&extra);
	fixture_free(f);
}

static void msi_physical(struct ktap *t)
{
	struct fixture *f = fixture_new(X2APIC, sparse_ids, ARRAY_SIZE(sparse_ids));
	unsigned int i;

	for (i = 0; i < f->count; i++) {
		KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(sparse_ids[i]), VECTOR), 1);
		KTAP_EQ(t, who(f), BIT_ULL(i));
	}
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(2), VECTOR), 0);
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0x7fff), VECTOR), 0);
	/* Bits of the id above those that ids have are not dropped. */
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0x1000 | 3), VECTOR), 0);
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0x4000 | 3), VECTOR), 0);
	KTAP_EQ(t, who(f), 0);
	fixture_free(f);
}

static void msi_broadcast(struct ktap *t)
{
	struct fixture *f = fixture_new(XAPIC, first_ids, 8);

	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0xff), VECTOR), 8);
	KTAP_EQ(t, who(f), 0xff);
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0xff) | LOGICAL, VECTOR), 8);
	KTAP_EQ(t, who(f), 0xff);
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0xff) | HINT, VECTOR), 1);
	KTAP_EQ(t, __builtin_popcountll(who(f)), 1);
	fixture_free(f);

	/* In x2APIC mode it is an id. */
	f = fixture_new(X2APIC, sparse_ids, ARRAY_SIZE(sparse_ids));
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0xff), VECTOR), 1);
	KTAP_EQ(t, who(f), BIT_ULL(9));
	fixture_free(f);
}

static void msi_malformed(struct ktap *t)
{
	static const struct {
		u64 address;
		u32 data;
		int ret;
	} rows[] = {
		{ 0, VECTOR, -EINVAL }, { 0xfed00000, VECTOR, -EINVAL },
		{ 0xfef00000, VECTOR, -EINVAL }, { 0x1fee00000, VECTOR, -EINVAL },
		{ 0xfee00001, VECTOR, -EINVAL }, { 0xfee00002, VECTOR, -EINVAL },
		{ 0xfee00010, VECTOR, -EINVAL }, { ~0ULL, VECTOR, -EINVAL },
		{ 0xfee00000, 0x10000 | VECTOR, -EINVAL }, { 0xfee00000, 0x800 | VECTOR, -EINVAL },
		{ 0xfee00000, 0x2000 | VECTOR, -EINVAL }, { 0xfee00000, ~0U, -EINVAL },
		{ 0xfee00000, 3 << 8 | VECTOR, -EINVAL }, { 0xfee00000, 6 << 8 | VECTOR, -EINVAL },
		{ 0xfee00000, 2 << 8, -EOPNOTSUPP }, { 0xfee00000, 7 << 8, -EOPNOTSUPP },
		{ 0xfee00000, 0x4000 | VECTOR, 1 }, { 0xfee00000, VECTOR, 1 },
	};
	struct fixture *f = fixture_new(XAPIC, first_ids, 8);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		KTAP_EQ(t, hvm_msi_deliver(&f->irq, rows[i].address, rows[i].data), rows[i].ret);
		KTAP_EQ(t, who(f), rows[i].ret > 0);
	}
	fixture_free(f);
}

static void msi_illegal_vector(struct ktap *t)
{
	struct fixture *f = fixture_new(XAPIC, first_ids, 8);
	u32 vector;

	for (vector = 0; vector < 16; vector++)
		KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(3), vector), 0);
	KTAP_EQ(t, hvm_lapic_pending(&f->lapic[3]), -1);
	wr(&f->lapic[3], HVM_APIC_ESR, 0);
	KTAP_EQ(t, rd(&f->lapic[3], HVM_APIC_ESR), HVM_ESR_RECV_ILLEGAL);
	KTAP_EQ(t, f->lapic[2].esr_next, 0);
	fixture_free(f);
}

static void msi_level(struct ktap *t)
{
	struct fixture *f = fixture_new(XAPIC, first_ids, 8);

	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(1), 0x8000 | VECTOR), 1);
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(2), VECTOR), 1);
	KTAP_EQ(t, who(f), 6);
	KTAP_EQ(t, hvm_lapic_take_eoi(&f->lapic[1]), VECTOR);
	KTAP_EQ(t, hvm_lapic_take_eoi(&f->lapic[2]), -1);
	fixture_free(f);
}

static void msi_nmi_and_init(struct ktap *t)
{
	struct fixture *f = fixture_new(XAPIC, first_ids, 8);

	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(5), 4 << 8), 1);
	KTAP_EQ(t, hvm_lapic_take_nmi(&f->lapic[5]), 1);
	KTAP_EQ(t, rings(f, 5), 1);
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(6), 5 << 8), 1);
	KTAP_EQ(t, hvm_lapic_take_start(&f->lapic[6]), HVM_SIGNAL_INIT);
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0xff), 4 << 8), 8);
	KTAP_EQ(t, hvm_lapic_take_nmi(&f->lapic[0]), 1);
	KTAP_EQ(t, hvm_lapic_take_nmi(&f->lapic[7]), 1);
	fixture_free(f);
}

static void disabled_takes_nothing(struct ktap *t)
{
	struct fixture *f = fixture_new(AT_RESET, first_ids, 2);

	/* By software: vectors do not, the rest does. */
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0), VECTOR), 0);
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0) | HINT, VECTOR), 0);
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0), 4 << 8), 1);
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0), 5 << 8), 1);
	KTAP_EQ(t, hvm_lapic_msr_write(&f->lapic[1], HVM_MSR_APIC_BASE, 0xfee00000), 0);
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(1), 4 << 8), 0);
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(1), 5 << 8), 0);
	KTAP_EQ(t, rings(f, 1), 0);
	fixture_free(f);
}

static void set_logical(struct fixture *f, unsigned int i, u32 dfr, u32 id)
{
	wr(&f->lapic[i], HVM_APIC_DFR, dfr);
	wr(&f->lapic[i], HVM_APIC_LDR, id << 24);
}

static void logical_flat(struct ktap *t)
{
	struct fixture *f = fixture_new(XAPIC, first_ids, 8);
	u32 destination;
	unsigned int i;

	for (i = 0; i < 8; i++)
		set_logical(f, i, ~0U, 1 << i);
	for (destination = 0; destination < 256; destination++) {
		KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(destination) | LOGICAL, VECTOR),
			__builtin_popcount(destination));
		KTAP_EQ(t, who(f), destination);
	}
	/* The guest gives ids as it likes: several, the same, none. */
	set_logical(f, 0, ~0U, 0x0f);
	set_logical(f, 1, ~0U, 0x08);
	set_logical(f, 2, ~0U, 0);
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0x08) | LOGICAL, VECTOR), 3);
	KTAP_EQ(t, who(f), 0x0b);
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0x04) | LOGICAL, VECTOR), 1);
	KTAP_EQ(t, who(f), 0x01);
	fixture_free(f);
}

static void logical_cluster(struct ktap *t)
{
	static const u8 id[] = { 0x01, 0x02, 0x04, 0x08, 0x11, 0x12, 0x21, 0xe8 };
	static const struct {
		u8 destination;
		u64 taken;
	} rows[] = {
		{ 0x01, 0x01 }, { 0x0f, 0x0f }, { 0x13, 0x30 }, { 0x21, 0x40 }, { 0x22, 0 },
		{ 0xe8, 0x80 }, { 0x31, 0 }, { 0xf1, 0x51 }, { 0xf8, 0x88 }, { 0x00, 0 },
		{ 0xff, 0xff },
	};
	struct fixture *f = fixture_new(XAPIC, first_ids, 8);
	unsigned int i;

	for (i = 0; i < 8; i++)
		set_logical(f, i, 0, id[i]);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		hvm_msi_deliver(&f->irq, msi(rows[i].destination) | LOGICAL, VECTOR);
		KTAP_EQ(t, who(f), rows[i].taken);
	}
	/* A model that does not exist answers to nobody. */
	set_logical(f, 0, 0x50000000, 0x01);
	hvm_msi_deliver(&f->irq, msi(0x01) | LOGICAL, VECTOR);
	KTAP_EQ(t, who(f), 0);
	fixture_free(f);
}

static void logical_x2apic(struct ktap *t)
{
	struct fixture *f = fixture_new(X2APIC, sparse_ids, ARRAY_SIZE(sparse_ids));
	static const struct {
		u32 destination;
		u64 taken;
	} rows[] = {
		{ 0x00000001, 0x001 }, { 0x00000008, 0x002 }, { 0x0000ffff, 0x007 },
		{ 0x00010003, 0x018 }, { 0x0001ffff, 0x038 }, { 0x00038000, 0x040 },
		{ 0x00040001, 0x080 }, { 0x000fc000, 0x300 }, { 0x00100001, 0x400 },
		{ 0x00121000, 0x800 }, { 0x003f8000, 0x1000 }, { 0x00ff8000, 0x2000 },
		{ 0x00000002, 0 }, { 0x01000001, 0 }, { 0xfffe0001, 0 }, { 0xffffffff, 0x3fff },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		KTAP_EQ(t, hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR),
					       (u64)rows[i].destination << 32 | HVM_ICR_LOGICAL |
					       VECTOR), 0);
		KTAP_EQ(t, who(f), rows[i].taken);
	}
	fixture_free(f);
}

static void a_logical_id_ends_with_xapic_mode(struct ktap *t)
{
	struct fixture *f = fixture_new(XAPIC, first_ids, 8);
	unsigned int i;

	for (i = 0; i < 8; i++)
		set_logical(f, i, ~0U, 0x80);
	KTAP_EQ(t, hvm_lapic_msr_write(&f->lapic[2], HVM_MSR_APIC_BASE, 0xfee00c00), 0);
	hvm_lapic_reset(&f->lapic[3], false);
	hvm_lapic_deinit(&f->lapic[7]);
	f->count = 7;
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0x80) | LOGICAL, VECTOR), 5);
	KTAP_EQ(t, who(f), 0x73);
	fixture_free(f);
}

static void lowest_priority(struct ktap *t)
{
	struct fixture *f = fixture_new(X2APIC, first_ids, 8);
	u64 seen = 0, first;
	u32 vector;
	int i;

	for (vector = 16; vector < 256; vector++) {
		int taker = -1;

		KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0xff) | LOGICAL, 1 << 8 | vector), 1);
		for (i = 0; i < 8; i++)
			if (run_vector(&f->lapic[i]) == (int)vector)
				taker = i;
		KTAP_TRUE(t, taker >= 0);
		seen |= BIT_ULL(taker);
	}
	KTAP_EQ(t, seen, 0xff);

	/* A vector stays with its vCPU as long as that takes it. */
	hvm_msi_deliver(&f->irq, msi(0xff) | LOGICAL | HINT, VECTOR);
	first = who(f);
	hvm_msi_deliver(&f->irq, msi(0xff) | LOGICAL | HINT, VECTOR);
	KTAP_EQ(t, who(f), first);
	hvm_lapic_msr_write(&f->lapic[__builtin_ctzll(first)], MSR(HVM_APIC_SVR), 0xff);
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0xff) | LOGICAL | HINT, VECTOR), 1);
	KTAP_EQ(t, who(f) & first, 0);
	fixture_free(f);
}

static void shorthands(struct ktap *t)
{
	struct fixture *f = fixture_new(X2APIC, sparse_ids, ARRAY_SIZE(sparse_ids));
	u64 all = BIT_ULL(f->count) - 1;

	hvm_lapic_msr_write(&f->lapic[4], MSR(HVM_APIC_ICR), 1 << 18 | VECTOR);
	KTAP_EQ(t, who(f), BIT_ULL(4));
	hvm_lapic_msr_write(&f->lapic[4], MSR(HVM_APIC_ICR), 2 << 18 | VECTOR);
	KTAP_EQ(t, who(f), all);
	hvm_lapic_msr_write(&f->lapic[4], MSR(HVM_APIC_ICR), 3 << 18 | VECTOR);
	KTAP_EQ(t, who(f), all & ~BIT_ULL(4));
	hvm_lapic_msr_write(&f->lapic[4], MSR(HVM_APIC_SELF_IPI), VECTOR);
	KTAP_EQ(t, who(f), BIT_ULL(4));
	fixture_free(f);
}

static void ipi_physical(struct ktap *t)
{
	struct fixture *f = fixture_new(X2APIC, sparse_ids, ARRAY_SIZE(sparse_ids));
	unsigned int i;

	for (i = 0; i < f->count; i++) {
		hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR), (u64)sparse_ids[i] << 32 | VECTOR);
		KTAP_EQ(t, who(f), BIT_ULL(i));
	}
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR), 0xffffffffULL << 32 | VECTOR);
	KTAP_EQ(t, who(f), BIT_ULL(f->count) - 1);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR), 0x1000ULL << 32 | VECTOR);
	KTAP_EQ(t, who(f), 0);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR), 0x80000000ULL << 32 | VECTOR);
	KTAP_EQ(t, who(f), 0);
	fixture_free(f);
}

static void ipi_from_the_page(struct ktap *t)
{
	struct fixture *f = fixture_new(XAPIC, first_ids, 8);

	wr(f->lapic, HVM_APIC_ICR2, 6 << 24);
	wr(f->lapic, HVM_APIC_ICR, VECTOR);
	KTAP_EQ(t, who(f), BIT_ULL(6));
	wr(f->lapic, HVM_APIC_ICR2, 0xffU << 24);
	wr(f->lapic, HVM_APIC_ICR, VECTOR);
	KTAP_EQ(t, who(f), 0xff);
	/* An IPI is never level-triggered, whatever its trigger mode says. */
	wr(f->lapic, HVM_APIC_ICR2, 1 << 24);
	wr(f->lapic, HVM_APIC_ICR, HVM_ICR_LEVEL | HVM_ICR_ASSERT | VECTOR);
	KTAP_EQ(t, who(f), 2);
	KTAP_EQ(t, hvm_lapic_take_eoi(&f->lapic[1]), -1);
	fixture_free(f);
}

static void ipi_modes(struct ktap *t)
{
	struct fixture *f = fixture_new(X2APIC, first_ids, 8);
	struct hvm_lapic *to = &f->lapic[3];
	u64 dest = 3ULL << 32;

	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR), dest | 4 << 8);
	KTAP_EQ(t, hvm_lapic_take_nmi(to), 1);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR), dest | 5 << 8 | HVM_ICR_LEVEL);
	KTAP_EQ(t, hvm_lapic_signalled(to), false);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR),
			    dest | 5 << 8 | HVM_ICR_LEVEL | HVM_ICR_ASSERT);
	KTAP_EQ(t, hvm_lapic_take_start(to), HVM_SIGNAL_INIT);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR), dest | 5 << 8);
	KTAP_EQ(t, hvm_lapic_take_start(to), HVM_SIGNAL_INIT);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR), dest | 6 << 8 | 0x9a);
	KTAP_EQ(t, hvm_lapic_take_start(to), HVM_SIGNAL_SIPI | 0x9a);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR), dest | 1 << 8 | VECTOR);
	KTAP_EQ(t, who(f), BIT_ULL(3));

	/* SMI, reserved and ExtINT go nowhere. */
	rings(f, 3);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR), dest | 2 << 8);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR), dest | 3 << 8 | VECTOR);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR), dest | 7 << 8 | VECTOR);
	KTAP_EQ(t, rings(f, 3), 0);
	fixture_free(f);
}

static void ipi_illegal_vector(struct ktap *t)
{
	struct fixture *f = fixture_new(X2APIC, first_ids, 8);
	u64 value = 0;

	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR), 3ULL << 32 | 15);
	KTAP_EQ(t, rings(f, 3), 0);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ESR), 0);
	hvm_lapic_msr_read(f->lapic, MSR(HVM_APIC_ESR), &value);
	KTAP_EQ(t, value, HVM_ESR_SEND_ILLEGAL);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ESR), 0);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_SELF_IPI), 0);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ESR), 0);
	hvm_lapic_msr_read(f->lapic, MSR(HVM_APIC_ESR), &value);
	KTAP_EQ(t, value, HVM_ESR_SEND_ILLEGAL);
	fixture_free(f);
}

/* A vCPU with an id beyond 8 bits starts in xAPIC mode, and INIT and SIPI have to reach it. */
static void starting_a_high_id(struct ktap *t)
{
	static const u32 two[] = { 0, 300 };
	struct fixture *f = fixture_new(AT_RESET, two, 2);

	KTAP_EQ(t, hvm_lapic_msr_write(f->lapic, HVM_MSR_APIC_BASE, 0xfee00d00), 0);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR), 300ULL << 32 | 5 << 8 | HVM_ICR_ASSERT);
	hvm_lapic_msr_write(f->lapic, MSR(HVM_APIC_ICR), 300ULL << 32 | 6 << 8 | 0x8);
	KTAP_EQ(t, hvm_lapic_take_start(&f->lapic[1]), HVM_SIGNAL_INIT | HVM_SIGNAL_SIPI | 8);
	fixture_free(f);
}

static void mixed_modes(struct ktap *t)
{
	struct fixture *f = fixture_new(XAPIC, first_ids, 8);
	unsigned int i;

	for (i = 0; i < 8; i++)
		set_logical(f, i, ~0U, 1 << i);
	for (i = 4; i < 8; i++)
		hvm_lapic_msr_write(&f->lapic[i], HVM_MSR_APIC_BASE, 0xfee00c00);
	/* 0x11: bits 0 and 4: an APIC of each mode. */
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0x11) | LOGICAL, VECTOR), 2);
	KTAP_EQ(t, who(f), 0x11);
	each_x2apic(f, HVM_APIC_SELF_IPI, VECTOR);
	KTAP_EQ(t, who(f), 0xf0);
	KTAP_EQ(t, hvm_msi_deliver(&f->irq, msi(0xff), VECTOR), 4);
	KTAP_EQ(t, who(f), 0x0f);
	fixture_free(f);
}

static const struct ktap_case cases[] = {
	{ "ids", ids },
	{ "msi_physical", msi_physical },
	{ "msi_broadcast", msi_broadcast },
	{ "msi_malformed", msi_malformed },
	{ "msi_illegal_vector", msi_illegal_vector },
	{ "msi_level", msi_level },
	{ "msi_nmi_and_init", msi_nmi_and_init },
	{ "disabled_takes_nothing", disabled_takes_nothing },
	{ "logical_flat", logical_flat },
	{ "logical_cluster", logical_cluster },
	{ "logical_x2apic", logical_x2apic },
	{ "a_logical_id_ends_with_xapic_mode", a_logical_id_ends_with_xapic_mode },
	{ "lowest_priority", lowest_priority },
	{ "shorthands", shorthands },
	{ "ipi_physical", ipi_physical },
	{ "ipi_from_the_page", ipi_from_the_page },
	{ "ipi_modes", ipi_modes },
	{ "ipi_illegal_vector", ipi_illegal_vector },
	{ "starting_a_high_id", starting_a_high_id },
	{ "mixed_modes", mixed_modes },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
