// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the local APIC's registers: the APIC page, the MSRs, what each refuses.
 */
#include "lapic_fixture.h"

#define LVT(which)	(HVM_APIC_LVT + HVM_LVT_##which)

static int msr_wr(struct fixture *f, u32 reg, u64 value)
{
	return hvm_lapic_msr_write(f->lapic, MSR(reg), value);
}

static u64 msr_rd(struct ktap *t, struct fixture *f, u32 reg)
{
	u64 value = ~0ULL;

	KTAP_EQ(t, hvm_lapic_msr_read(f->lapic, MSR(reg), &value), 0);
	return value;
}

static void page_at_reset(struct ktap *t)
{
	static const struct {
		u32 reg, value;
	} rows[] = {
		{ HVM_APIC_ID, 0x07000000 }, { HVM_APIC_VERSION, 0x00050014 },
		{ HVM_APIC_TPR, 0 }, { HVM_APIC_APR, 0 }, { HVM_APIC_PPR, 0 },
		{ HVM_APIC_LDR, 0 }, { HVM_APIC_DFR, 0xffffffff }, { HVM_APIC_SVR, 0xff },
		{ HVM_APIC_ISR, 0 }, { HVM_APIC_TMR + 7, 0 }, { HVM_APIC_IRR, 0 },
		{ HVM_APIC_ESR, 0 }, { HVM_APIC_ICR, 0 }, { HVM_APIC_ICR2, 0 },
		{ LVT(TIMER), 0x10000 }, { LVT(THERMAL), 0x10000 }, { LVT(PERFORMANCE), 0x10000 },
		{ LVT(LINT0), 0x10000 }, { LVT(LINT1), 0x10000 }, { LVT(ERROR), 0x10000 },
		{ HVM_APIC_TMICT, 0 }, { HVM_APIC_TMCCT, 0 }, { HVM_APIC_TDCR, 0 },
	};
	const u32 id = 7;
	struct fixture *f = fixture_new(AT_RESET, &id, 1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KTAP_EQ(t, rd(f->lapic, rows[i].reg), rows[i].value);
	KTAP_EQ(t, f->lapic->base, 0xfee00800);
	fixture_free(f);
}

static void page_drops_reserved_bits(struct ktap *t)
{
	static const struct {
		u32 reg, value;
	} rows[] = {
		{ HVM_APIC_TPR, 0xff }, { HVM_APIC_LDR, 0xff000000 }, { HVM_APIC_DFR, 0xffffffff },
		{ HVM_APIC_SVR, 0x3ff }, { HVM_APIC_ICR2, 0xff000000 },
		{ LVT(THERMAL), 0x107ff }, { LVT(PERFORMANCE), 0x107ff }, { LVT(LINT0), 0x1a7ff },
		{ LVT(LINT1), 0x1a7ff }, { LVT(ERROR), 0x100ff }, { HVM_APIC_TDCR, 0xb },
		{ HVM_APIC_TMICT, 0xffffffff },
	};
	struct fixture *f = fixture_one(XAPIC);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		wr(f->lapic, rows[i].reg, ~0U);
		KTAP_EQ(t, rd(f->lapic, rows[i].reg), rows[i].value);
	}
	wr(f->lapic, HVM_APIC_DFR, 0);
	KTAP_EQ(t, rd(f->lapic, HVM_APIC_DFR), 0x0fffffff);
	fixture_free(f);
}

static void page_read_only(struct ktap *t)
{
	static const u32 regs[] = {
		HVM_APIC_ID, HVM_APIC_VERSION, HVM_APIC_APR, HVM_APIC_PPR, HVM_APIC_RRD,
		HVM_APIC_ISR, HVM_APIC_TMR + 3, HVM_APIC_IRR + 7, HVM_APIC_TMCCT,
	};
	struct fixture *f = fixture_one(XAPIC);
	unsigned int i;
	u32 before;

	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		before = rd(f->lapic, regs[i]);
		wr(f->lapic, regs[i], ~0U);
		KTAP_EQ(t, rd(f->lapic, regs[i]), before);
	}
	KTAP_EQ(t, f->lapic->esr_next, 0);
	KTAP_EQ(t, hvm_lapic_pending(f->lapic), -1);
	fixture_free(f);
}

static void page_unaligned(struct ktap *t)
{
	const u32 id = 0x5a;
	struct fixture *f = fixture_new(XAPIC, &id, 1);
	struct hvm_lapic *lapic = f->lapic;
	u32 offset;

	KTAP_EQ(t, hvm_lapic_read(lapic, 0x23), 0x5a);
	KTAP_EQ(t, hvm_lapic_read(lapic, 0x22), 0x5a00);
	KTAP_EQ(t, hvm_lapic_read(lapic, 0x32), 0x0005);
	for (offset = 0x24; offset < 0x30; offset++)
		KTAP_EQ(t, hvm_lapic_read(lapic, offset), 0);
	for (offset = 0x81; offset < 0x90; offset++)
		hvm_lapic_write(lapic, offset, 0x77);
	KTAP_EQ(t, rd(lapic, HVM_APIC_TPR), 0);
	fixture_free(f);
}

static void page_reserved_registers(struct ktap *t)
{
	static const u32 offsets[] = {
		0x000, 0x010, 0x040, 0x070, 0x290, 0x2f0, 0x3a0, 0x3d0, 0x3f0, 0x400, 0xff0, 0xfff,
	};
	struct fixture *f = fixture_one(XAPIC);
	struct hvm_lapic *lapic = f->lapic;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		KTAP_EQ(t, hvm_lapic_read(lapic, offsets[i]), 0);
		wr(lapic, HVM_APIC_ESR, 0);
		KTAP_EQ(t, rd(lapic, HVM_APIC_ESR), HVM_ESR_ILLEGAL_REG);
		hvm_lapic_write(lapic, offsets[i], ~0U);
		wr(lapic, HVM_APIC_ESR, 0);
		KTAP_EQ(t, rd(lapic, HVM_APIC_ESR), HVM_ESR_ILLEGAL_REG);
	}
	/* Whatever an offset beyond the page means, it is not memory behind the APIC. */
	KTAP_EQ(t, hvm_lapic_read(lapic, 0xfffff030), 0x50014);
	fixture_free(f);
}

static void page_absent(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);
	struct hvm_lapic *lapic = f->lapic;

	KTAP_EQ(t, rd(lapic, HVM_APIC_VERSION), 0xffffffff);
	wr(lapic, HVM_APIC_TPR, 0x20);
	KTAP_EQ(t, lapic->tpr, 0);
	KTAP_EQ(t, hvm_lapic_msr_write(lapic, HVM_MSR_APIC_BASE, 0xfee00000), 0);
	KTAP_EQ(t, rd(lapic, HVM_APIC_VERSION), 0xffffffff);
	wr(lapic, HVM_APIC_TPR, 0x20);
	KTAP_EQ(t, lapic->tpr, 0);
	fixture_free(f);
}

static void bitmaps_show_vectors(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC);
	struct hvm_lapic *lapic = f->lapic;

	hvm_lapic_post(lapic, 0x1f, false);
	hvm_lapic_post(lapic, 0x20, true);
	hvm_lapic_post(lapic, 0xe5, true);
	KTAP_EQ(t, rd(lapic, HVM_APIC_IRR), 1U << 31);
	KTAP_EQ(t, rd(lapic, HVM_APIC_IRR + 1), 1);
	KTAP_EQ(t, rd(lapic, HVM_APIC_IRR + 7), 1 << 5);
	KTAP_EQ(t, rd(lapic, HVM_APIC_TMR), 0);
	KTAP_EQ(t, rd(lapic, HVM_APIC_TMR + 1), 1);
	KTAP_EQ(t, rd(lapic, HVM_APIC_TMR + 7), 1 << 5);
	take_vector(lapic);
	KTAP_EQ(t, rd(lapic, HVM_APIC_IRR + 7), 0);
	KTAP_EQ(t, rd(lapic, HVM_APIC_ISR + 7), 1 << 5);
	KTAP_EQ(t, rd(lapic, HVM_APIC_PPR), 0xe0);
	wr(lapic, HVM_APIC_EOI, 0x12345);
	KTAP_EQ(t, rd(lapic, HVM_APIC_ISR + 7), 0);
	KTAP_EQ(t, rd(lapic, HVM_APIC_EOI), 0);
	KTAP_EQ(t, hvm_lapic_take_eoi(lapic), 0xe5);
	fixture_free(f);
}

static void lowering_tpr_has_the_owner_look(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC);

	wr(f->lapic, HVM_APIC_TPR, 0xf0);
	hvm_lapic_post(f->lapic, 0x40, false);
	KTAP_EQ(t, hvm_lapic_pending(f->lapic), -1);
	rings(f, 0);
	f->lapic->recheck = false;
	wr(f->lapic, HVM_APIC_TPR, 0);
	KTAP_EQ(t, f->lapic->recheck, true);
	KTAP_EQ(t, rings(f, 0), 0);
	KTAP_EQ(t, hvm_lapic_pending(f->lapic), 0x40);
	fixture_free(f);
}

static void esr_is_written_then_read(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC);
	struct hvm_lapic *lapic = f->lapic;

	hvm_lapic_post_error(lapic, HVM_ESR_RECV_ILLEGAL);
	KTAP_EQ(t, rd(lapic, HVM_APIC_ESR), 0);
	wr(lapic, HVM_APIC_ESR, 0xffffffff);
	KTAP_EQ(t, rd(lapic, HVM_APIC_ESR), HVM_ESR_RECV_ILLEGAL);
	KTAP_EQ(t, rd(lapic, HVM_APIC_ESR), HVM_ESR_RECV_ILLEGAL);
	wr(lapic, HVM_APIC_ESR, 0);
	KTAP_EQ(t, rd(lapic, HVM_APIC_ESR), 0);
	fixture_free(f);
}

static void software_disable_masks(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC);
	struct hvm_lapic *lapic = f->lapic;
	u32 i;

	for (i = 0; i < HVM_LVT_COUNT; i++)
		wr(lapic, HVM_APIC_LVT + i, 0x40 + i);
	hvm_lapic_post(lapic, 0x80, false);
	wr(lapic, HVM_APIC_SVR, 0xff);
	for (i = 0; i < HVM_LVT_COUNT; i++)
		KTAP_EQ(t, rd(lapic, HVM_APIC_LVT + i), 0x10040 + i);
	wr(lapic, LVT(TIMER), 0x55);
	KTAP_EQ(t, rd(lapic, LVT(TIMER)), 0x10055);
	/* SDM "Local APIC State After It Has Been Software Disabled": requests are still served. */
	KTAP_EQ(t, run_vector(lapic), 0x80);
	wr(lapic, HVM_APIC_SVR, 0x1ff);
	KTAP_EQ(t, rd(lapic, LVT(TIMER)), 0x10055);
	wr(lapic, LVT(TIMER), 0x55);
	KTAP_EQ(t, rd(lapic, LVT(TIMER)), 0x55);
	fixture_free(f);
}

static void icr_in_the_page(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC);
	struct hvm_lapic *lapic = f->lapic;

	wr(lapic, HVM_APIC_ICR2, 0x00ffffff);
	KTAP_EQ(t, rd(lapic, HVM_APIC_ICR2), 0);
	/* Delivery status and reserved bits do not stick. */
	wr(lapic, HVM_APIC_ICR, 0xfff73040);
	KTAP_EQ(t, rd(lapic, HVM_APIC_ICR), 0x40040);
	KTAP_EQ(t, run_vector(lapic), 0x40);
	fixture_free(f);
}

static void x2apic_readable(struct ktap *t)
{
	static const u8 readable[] = {
		0x02, 0x03, 0x08, 0x0a, 0x0d, 0x0f, 0x28, 0x30, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37,
		0x38, 0x39, 0x3e,
	};
	struct fixture *f = fixture_one(X2APIC);
	u64 value;
	u32 reg;

	for (reg = 0; reg <= HVM_MSR_X2APIC_LAST - HVM_MSR_X2APIC_FIRST; reg++) {
		bool expected = (reg >= 0x10 && reg < 0x28) ||
				memchr(readable, (u8)reg, sizeof(readable));

		KTAP_EQ(t, hvm_lapic_msr_read(f->lapic, MSR(reg), &value),
			expected ? 0 : -EINVAL);
	}
	fixture_free(f);
}

static void x2apic_writable(struct ktap *t)
{
	static const u8 writable[] = {
		0x08, 0x0b, 0x0f, 0x28, 0x30, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x3e, 0x3f,
	};
	struct fixture *f = fixture_one(X2APIC);
	u32 reg;

	for (reg = 0; reg <= HVM_MSR_X2APIC_LAST - HVM_MSR_X2APIC_FIRST; reg++)
		KTAP_EQ(t, msr_wr(f, reg, 0),
			memchr(writable, (u8)reg, sizeof(writable)) ? 0 : -EINVAL);
	fixture_free(f);
}

static void x2apic_reserved_bits(struct ktap *t)
{
	static const struct {
		u32 reg;
		u64 bits;	/* which can be set, one at a time, without #GP */
	} rows[] = {
		{ HVM_APIC_TPR, 0xff }, { HVM_APIC_EOI, 0 }, { HVM_APIC_SVR, 0x3ff },
		{ HVM_APIC_ESR, 0 }, { HVM_APIC_ICR, 0xffffffff000ccfff },
		{ LVT(TIMER), 0x710ff }, { LVT(THERMAL), 0x117ff }, { LVT(PERFORMANCE), 0x117ff },
		{ LVT(LINT0), 0x1f7ff }, { LVT(LINT1), 0x1f7ff }, { LVT(ERROR), 0x110ff },
		{ HVM_APIC_TMICT, 0xffffffff }, { HVM_APIC_TDCR, 0xb }, { HVM_APIC_SELF_IPI, 0xff },
	};
	struct fixture *f = fixture_one(X2APIC);
	unsigned int i, bit;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		for (bit = 0; bit < 64; bit++)
			KTAP_EQ(t, msr_wr(f, rows[i].reg, BIT_ULL(bit)),
				rows[i].bits & BIT_ULL(bit) ? 0 : -EINVAL);
	/* Delivery status is read-only: taken, and not kept. */
	KTAP_EQ(t, msr_wr(f, LVT(LINT0), 0x1f7ff), 0);
	KTAP_EQ(t, msr_rd(t, f, LVT(LINT0)), 0x1a7ff);
	fixture_free(f);
}

static void refused_write_changes_nothing(struct ktap *t)
{
	struct fixture *f = fixture_one(X2APIC);

	KTAP_EQ(t, msr_wr(f, HVM_APIC_TPR, 0x40), 0);
	KTAP_EQ(t, msr_wr(f, HVM_APIC_TPR, 0x120), -EINVAL);
	KTAP_EQ(t, msr_rd(t, f, HVM_APIC_TPR), 0x40);
	KTAP_EQ(t, msr_wr(f, HVM_APIC_ICR, 0x440f0), 0);
	KTAP_EQ(t, msr_wr(f, HVM_APIC_ICR, 0x1440f1), -EINVAL);
	KTAP_EQ(t, msr_rd(t, f, HVM_APIC_ICR), 0x440f0);
	KTAP_EQ(t, take_vector(f->lapic), 0xf0);
	KTAP_EQ(t, msr_wr(f, HVM_APIC_EOI, 1), -EINVAL);
	KTAP_EQ(t, msr_rd(t, f, HVM_APIC_ISR + 7), 1 << 16);
	fixture_free(f);
}

static void x2apic_ids(struct ktap *t)
{
	static const u32 ids[] = { 0, 15, 16, 255, 300, 4095 };
	static const u32 logical[] = {
		0x00000001, 0x00008000, 0x00010001, 0x000f8000, 0x00121000, 0x00ff8000,
	};
	struct fixture *f = fixture_new(X2APIC, ids, ARRAY_SIZE(ids));
	unsigned int i;
	u64 value;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		KTAP_EQ(t, hvm_lapic_msr_read(&f->lapic[i], MSR(HVM_APIC_ID), &value), 0);
		KTAP_EQ(t, value, ids[i]);
		KTAP_EQ(t, hvm_lapic_msr_read(&f->lapic[i], MSR(HVM_APIC_LDR), &value), 0);
		KTAP_EQ(t, value, logical[i]);
	}
	fixture_free(f);
}

static void msrs_need_x2apic_mode(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC);
	u64 value;

	KTAP_EQ(t, hvm_lapic_msr_read(f->lapic, MSR(HVM_APIC_VERSION), &value), -EINVAL);
	KTAP_EQ(t, msr_wr(f, HVM_APIC_TPR, 0), -EINVAL);
	KTAP_EQ(t, msr_wr(f, HVM_APIC_EOI, 0), -EINVAL);
	KTAP_EQ(t, msr_wr(f, HVM_APIC_ICR, 0), -EINVAL);
	KTAP_EQ(t, hvm_lapic_msr_read(f->lapic, 0x7ff, &value), -EINVAL);
	KTAP_EQ(t, hvm_lapic_msr_write(f->lapic, 0xffffffff, 0), -EINVAL);
	fixture_free(f);
}

static void base_transitions(struct ktap *t)
{
	enum { OFF = 0xfee00000, XMODE = 0xfee00800, X2 = 0xfee00c00, BAD = 0xfee00400 };
	static const struct {
		u64 from, to;
		int ret;
	} rows[] = {
		{ XMODE, XMODE, 0 }, { XMODE, OFF, 0 }, { XMODE, X2, 0 }, { XMODE, BAD, -EINVAL },
		{ OFF, OFF, 0 }, { OFF, XMODE, 0 }, { OFF, X2, -EINVAL }, { OFF, BAD, -EINVAL },
		{ X2, X2, 0 }, { X2, OFF, 0 }, { X2, XMODE, -EINVAL }, { X2, BAD, -EINVAL },
		{ XMODE, 0xfed00800, -EINVAL }, { XMODE, 0x1fee00800, -EINVAL },
		{ XMODE, XMODE | 0x200, -EINVAL }, { XMODE, XMODE | 1, -EINVAL },
		{ XMODE, XMODE | 0x100, 0 }, { X2, ~0ULL, -EINVAL }, { X2, 0, -EINVAL },
	};
	unsigned int i;
	u64 value;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = fixture_one(AT_RESET);

		KTAP_EQ(t, hvm_lapic_msr_write(f->lapic, HVM_MSR_APIC_BASE, rows[i].from), 0);
		KTAP_EQ(t, hvm_lapic_msr_write(f->lapic, HVM_MSR_APIC_BASE, rows[i].to),
			rows[i].ret);
		KTAP_EQ(t, hvm_lapic_msr_read(f->lapic, HVM_MSR_APIC_BASE, &value), 0);
		KTAP_EQ(t, value, rows[i].ret ? rows[i].from : rows[i].to);
		fixture_free(f);
	}
}

static void disabling_resets_registers(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC);
	struct hvm_lapic *lapic = f->lapic;

	wr(lapic, HVM_APIC_LDR, 0x01000000);
	wr(lapic, LVT(LINT0), 0x700);
	wr(lapic, HVM_APIC_TPR, 0x30);
	hvm_lapic_post(lapic, 0x99, true);
	KTAP_EQ(t, hvm_lapic_pending(lapic), 0x99);
	KTAP_EQ(t, hvm_lapic_msr_write(lapic, HVM_MSR_APIC_BASE, 0xfee00100), 0);
	KTAP_EQ(t, hvm_lapic_take_eoi(lapic), 0x99);
	KTAP_EQ(t, hvm_lapic_msr_write(lapic, HVM_MSR_APIC_BASE, 0xfee00900), 0);
	KTAP_EQ(t, rd(lapic, HVM_APIC_LDR), 0);
	KTAP_EQ(t, rd(lapic, LVT(LINT0)), 0x10000);
	KTAP_EQ(t, rd(lapic, HVM_APIC_TPR), 0);
	KTAP_EQ(t, rd(lapic, HVM_APIC_SVR), 0xff);
	KTAP_EQ(t, hvm_lapic_pending(lapic), -1);
	fixture_free(f);
}

static void state_survives_the_switch_to_x2apic(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC);
	struct hvm_lapic *lapic = f->lapic;

	wr(lapic, LVT(ERROR), 0xfe);
	hvm_lapic_post(lapic, 0x41, true);
	take_vector(lapic);
	KTAP_EQ(t, hvm_lapic_msr_write(lapic, HVM_MSR_APIC_BASE, 0xfee00d00), 0);
	KTAP_EQ(t, msr_rd(t, f, LVT(ERROR)), 0xfe);
	KTAP_EQ(t, msr_wr(f, HVM_APIC_EOI, 0), 0);
	KTAP_EQ(t, hvm_lapic_take_eoi(lapic), 0x41);
	fixture_free(f);
}

static void without_the_features(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC);
	struct hvm_lapic *lapic = f->lapic;
	u64 value;

	hvm_lapic_set_features(lapic, 0);
	KTAP_EQ(t, hvm_lapic_msr_write(lapic, HVM_MSR_APIC_BASE, 0xfee00d00), -EINVAL);
	KTAP_EQ(t, hvm_lapic_msr_write(lapic, HVM_MSR_TSC_DEADLINE, 0), -EINVAL);
	KTAP_EQ(t, hvm_lapic_msr_read(lapic, HVM_MSR_TSC_DEADLINE, &value), -EINVAL);
	wr(lapic, LVT(TIMER), HVM_LVT_DEADLINE | 0x40);
	KTAP_EQ(t, rd(lapic, LVT(TIMER)), 0x40);

	hvm_lapic_set_features(lapic, HVM_LAPIC_X2APIC);
	KTAP_EQ(t, hvm_lapic_msr_write(lapic, HVM_MSR_APIC_BASE, 0xfee00d00), 0);
	KTAP_EQ(t, msr_wr(f, LVT(TIMER), HVM_LVT_DEADLINE | 0x40), -EINVAL);
	KTAP_EQ(t, msr_wr(f, LVT(TIMER), HVM_LVT_PERIODIC | 0x40), 0);
	KTAP_EQ(t, msr_wr(f, LVT(TIMER), HVM_LVT_MODE | 0x40), -EINVAL);
	fixture_free(f);
}

static void timer_mode_three_keeps_the_old_one(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC);

	wr(f->lapic, LVT(TIMER), HVM_LVT_PERIODIC | 0x40);
	wr(f->lapic, LVT(TIMER), HVM_LVT_MODE | 0x41);
	KTAP_EQ(t, rd(f->lapic, LVT(TIMER)), HVM_LVT_PERIODIC | 0x41);
	fixture_free(f);
}

/* Anything may be written anywhere: nothing but the registers' own bits may come of it. */
static void random_accesses(struct ktap *t)
{
	struct fixture *f = fixture_one(XAPIC);
	struct hvm_lapic *lapic = f->lapic;
	struct hvm_state_lapic state;
	u32 seed = 1, i;
	u64 value;

	for (i = 0; i < 200000; i++) {
		seed = seed * 1664525 + 1013904223;
		value = (u64)(seed * 2654435761U) << (seed >> 27) ^ seed;
		switch (seed >> 29) {
		case 0:
			hvm_lapic_read(lapic, value);
			break;
		case 1:
			hvm_lapic_write(lapic, seed >> 8, value);
			break;
		case 2:
			hvm_lapic_msr_write(lapic, MSR(seed >> 8 & 0xff), value & 0xffff);
			break;
		case 3:
			hvm_lapic_msr_read(lapic, MSR(seed >> 8 & 0xff), &value);
			break;
		case 4:
			hvm_lapic_msr_write(lapic, HVM_MSR_APIC_BASE, 0xfee00000 | (value & 0xd00));
			break;
		case 5:
			hvm_lapic_msr_write(lapic, HVM_MSR_TSC_DEADLINE, value);
			break;
		case 6:
			hvm_msi_deliver(&f->irq, 0xfee00000 | (value & 0xfffff), value >> 8);
			break;
		default:
			shim_advance(value % 100000);
			take_vector(lapic);
			hvm_lapic_take_eoi(lapic);
		}
		hvm_lapic_save(lapic, &state);
		KTAP_EQ(t, hvm_lapic_check(lapic, &state), 0);
	}
	fixture_free(f);
}

static const struct ktap_case cases[] = {
	{ "page_at_reset", page_at_reset },
	{ "page_drops_reserved_bits", page_drops_reserved_bits },
	{ "page_read_only", page_read_only },
	{ "page_unaligned", page_unaligned },
	{ "page_reserved_registers", page_reserved_registers },
	{ "page_absent", page_absent },
	{ "bitmaps_show_vectors", bitmaps_show_vectors },
	{ "lowering_tpr_has_the_owner_look", lowering_tpr_has_the_owner_look },
	{ "esr_is_written_then_read", esr_is_written_then_read },
	{ "software_disable_masks", software_disable_masks },
	{ "icr_in_the_page", icr_in_the_page },
	{ "x2apic_readable", x2apic_readable },
	{ "x2apic_writable", x2apic_writable },
	{ "x2apic_reserved_bits", x2apic_reserved_bits },
	{ "refused_write_changes_nothing", refused_write_changes_nothing },
	{ "x2apic_ids", x2apic_ids },
	{ "msrs_need_x2apic_mode", msrs_need_x2apic_mode },
	{ "base_transitions", base_transitions },
	{ "disabling_resets_registers", disabling_resets_registers },
	{ "state_survives_the_switch_to_x2apic", state_survives_the_switch_to_x2apic },
	{ "without_the_features", without_the_features },
	{ "timer_mode_three_keeps_the_old_one", timer_mode_three_keeps_the_old_one },
	{ "random_accesses", random_accesses },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
