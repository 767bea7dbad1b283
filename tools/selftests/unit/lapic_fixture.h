/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's local APICs without a guest: what all tests of kernel/irq start from. A bell counts its
 * rings in its cpu field, which nothing else uses here.
 */
#ifndef UNIT_LAPIC_FIXTURE_H
#define UNIT_LAPIC_FIXTURE_H

#include "kernel_shim.h"
#include "irq/lapic.h"
#include "irq/register.h"
#include "ktap.h"

#define FIXTURE_LAPICS	40

/* How a fixture's APICs start. */
enum fixture_mode {
	AT_RESET,	/* xAPIC mode, disabled by software */
	XAPIC,		/* xAPIC mode, enabled */
	X2APIC,		/* x2APIC mode, enabled */
};

struct fixture {
	struct hvm_irq irq;
	struct hvm_bell bell[FIXTURE_LAPICS];
	struct hvm_lapic lapic[FIXTURE_LAPICS];
	unsigned int count;
};

/* One APIC an id. */
struct fixture *fixture_new(enum fixture_mode mode, const u32 *ids, unsigned int count);
/* A single APIC, id 0. */
struct fixture *fixture_one(enum fixture_mode mode);
void fixture_free(struct fixture *f);

/* Page offset of a register. */
#define OFFSET(reg)	((reg) << 4)
/* MSR of a register. */
#define MSR(reg)	(HVM_MSR_X2APIC_FIRST + (reg))

static inline int rings(struct fixture *f, unsigned int i)
{
	int n = f->bell[i].cpu;

	f->bell[i].cpu = 0;
	return n;
}

/* Deliver what is pending, as the vCPU's thread does; -1: nothing. */
static inline int take_vector(struct hvm_lapic *lapic)
{
	int vector = hvm_lapic_pending(lapic);

	if (vector >= 0)
		hvm_lapic_accept(lapic, vector);
	return vector;
}

/* Deliver and end at once. */
static inline int run_vector(struct hvm_lapic *lapic)
{
	int vector = take_vector(lapic);

	if (vector >= 0)
		hvm_lapic_eoi(lapic);
	return vector;
}

static inline u32 rd(struct hvm_lapic *lapic, u32 reg)
{
	return hvm_lapic_read(lapic, OFFSET(reg));
}

static inline void wr(struct hvm_lapic *lapic, u32 reg, u32 value)
{
	hvm_lapic_write(lapic, OFFSET(reg), value);
}

#endif /* UNIT_LAPIC_FIXTURE_H */
