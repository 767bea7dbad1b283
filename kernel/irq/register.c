// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's registers as the guest sees them: in the APIC page (xAPIC mode) and as MSRs
 * (x2APIC mode). One table says what can be written; in x2APIC mode anything else is #GP, in xAPIC
 * mode reserved bits are dropped. Not here: what the registers bring about (irq/lapic.c, irq/irq.c,
 * irq/timer.c). SDM "Local APIC", "Extended XAPIC (x2APIC)".
 */
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/minmax.h>

#include "lapic.h"
#include "register.h"

#define REG(number)		BIT_ULL(HVM_APIC_##number)
#define REGS(number, count)	(GENMASK_ULL((count) - 1, 0) << HVM_APIC_##number)

/* What exists in the APIC page, readable or not, and what can be read and written as MSR. */
#define XAPIC_REGS	(REG(ID) | REG(VERSION) | REG(TPR) | REG(APR) | REG(PPR) | REG(EOI) | \
			 REG(RRD) | REG(LDR) | REG(DFR) | REG(SVR) | REGS(ISR, 24) | REG(ESR) | \
			 REG(ICR) | REG(ICR2) | REGS(LVT, HVM_LVT_COUNT) | REG(TMICT) | \
			 REG(TMCCT) | REG(TDCR))
#define X2APIC_READ	(XAPIC_REGS & ~(REG(APR) | REG(EOI) | REG(RRD) | REG(DFR) | REG(ICR2)))
#define X2APIC_WRITE	(REG(TPR) | REG(EOI) | REG(SVR) | REG(ESR) | REG(ICR) | \
			 REGS(LVT, HVM_LVT_COUNT) | REG(TMICT) | REG(TDCR) | REG(SELF_IPI))
#define XAPIC_WRITE	(REG(TPR) | REG(EOI) | REG(LDR) | REG(DFR) | REG(SVR) | REG(ESR) | \
			 REG(ICR) | REG(ICR2) | REGS(LVT, HVM_LVT_COUNT) | REG(TMICT) | REG(TDCR))

#define LVT_LOCAL	(HVM_LVT_VECTOR | HVM_LVT_DELIVERY | HVM_LVT_MASKED)
#define LVT_LINT	(LVT_LOCAL | HVM_LVT_POLARITY | HVM_LVT_LEVEL)

/* The bits that can be written. */
static const u32 writable[HVM_APIC_REGS] = {
	[HVM_APIC_TPR] = 0xff,
	[HVM_APIC_LDR] = HVM_APIC_LDR_MASK,
	[HVM_APIC_DFR] = ~HVM_APIC_DFR_ONES,
	[HVM_APIC_SVR] = HVM_SVR_MASK,
	[HVM_APIC_ICR] = HVM_ICR_MASK,
	[HVM_APIC_ICR2] = HVM_ICR2_MASK,
	[HVM_APIC_LVT + HVM_LVT_TIMER] = HVM_LVT_VECTOR | HVM_LVT_MASKED | HVM_LVT_MODE,
	[HVM_APIC_LVT + HVM_LVT_THERMAL] = LVT_LOCAL,
	[HVM_APIC_LVT + HVM_LVT_PERFORMANCE] = LVT_LOCAL,
	[HVM_APIC_LVT + HVM_LVT_LINT0] = LVT_LINT,
	[HVM_APIC_LVT + HVM_LVT_LINT1] = LVT_LINT,
	[HVM_APIC_LVT + HVM_LVT_ERROR] = HVM_LVT_VECTOR | HVM_LVT_MASKED,
	[HVM_APIC_TMICT] = ~0U,
	[HVM_APIC_TDCR] = HVM_APIC_TDCR_MASK,
	[HVM_APIC_SELF_IPI] = 0xff,
};

static bool is_lvt(u32 reg)
{
	return reg >= HVM_APIC_LVT && reg < HVM_APIC_LVT + HVM_LVT_COUNT;
}

static bool timer_mode_valid(const struct hvm_lapic *lapic, u32 lvt)
{
	switch (lvt & HVM_LVT_MODE) {
	case HVM_LVT_ONE_SHOT:
	case HVM_LVT_PERIODIC:
		return true;
	case HVM_LVT_DEADLINE:
		return lapic->features & HVM_LAPIC_TSC_DEADLINE;
	default:
		return false;
	}
}

/* Whether @value has only bits that the register takes, or that are read-only there. */
static bool value_valid(const struct hvm_lapic *lapic, u32 reg, u64 value)
{
	u32 bits = writable[reg];

	if (is_lvt(reg))
		bits |= HVM_LVT_PENDING;
	if (reg == HVM_APIC_LVT + HVM_LVT_LINT0 || reg == HVM_APIC_LVT + HVM_LVT_LINT1)
		bits |= HVM_LVT_REMOTE_IRR;
	if (value & ~(u64)bits)
		return false;
	return reg != HVM_APIC_LVT + HVM_LVT_TIMER || timer_mode_valid(lapic, value);
}

/* --- reading ----------------------------------------------------------------- */

static u32 read_bitmap(struct hvm_lapic *lapic, u32 reg)
{
	const u64 *bits;

	if (reg >= HVM_APIC_IRR)
		bits = lapic->irr;
	else if (reg >= HVM_APIC_TMR)
		bits = lapic->tmr;
	else
		bits = lapic->isr;
	return bits[(reg & 7) / 2] >> (reg & 1) * 32;
}

static u32 logical_id(const struct hvm_lapic *lapic)
{
	if (!hvm_lapic_x2apic(lapic))
		return lapic->ldr;
	return (lapic->id >> 4) << 16 | 1U << (lapic->id & 15);
}

/* A register's value; 0 for what is not there or cannot be read. */
static u32 read_register(struct hvm_lapic *lapic, u32 reg)
{
	switch (reg) {
	case HVM_APIC_ID:
		return hvm_lapic_x2apic(lapic) ? lapic->id : lapic->id << 24;
	case HVM_APIC_VERSION:
		return HVM_APIC_VERSION_VALUE;
	case HVM_APIC_TPR:
		return lapic->tpr;
	case HVM_APIC_PPR:
		return hvm_lapic_ppr(lapic);
	case HVM_APIC_LDR:
		return logical_id(lapic);
	case HVM_APIC_DFR:
		return lapic->dfr;
	case HVM_APIC_SVR:
		return lapic->svr;
	case HVM_APIC_ISR ... HVM_APIC_IRR + 7:
		return read_bitmap(lapic, reg);
	case HVM_APIC_ESR:
		return lapic->esr;
	case HVM_APIC_ICR:
		return lapic->icr;
	case HVM_APIC_ICR2:
		return lapic->icr >> 32;
	case HVM_APIC_LVT ... HVM_APIC_LVT + HVM_LVT_COUNT - 1:
		return lapic->lvt[reg - HVM_APIC_LVT];
	case HVM_APIC_TMICT:
		return lapic->timer.initial;
	case HVM_APIC_TMCCT:
		return hvm_timer_count(lapic);
	case HVM_APIC_TDCR:
		return lapic->divide;
	default:
		return 0;
	}
}

/**
 * hvm_lapic_register - a register's value, for saving
 * @lapic: owner
 * @reg: number, below HVM_APIC_REGS
 *
 * Merges nothing: see hvm_lapic_merge().
 *
 * Return: the value as the APIC's mode shows it; 0 for reserved and write-only registers
 */
u32 hvm_lapic_register(struct hvm_lapic *lapic, u32 reg)
{
	return read_register(lapic, reg);
}

/* --- writing ----------------------------------------------------------------- */

static void write_tpr(struct hvm_lapic *lapic, u32 value)
{
	lapic->tpr = value;
	hvm_lapic_recheck(lapic);
}

static void write_svr(struct hvm_lapic *lapic, u32 value)
{
	unsigned int i;

	WRITE_ONCE(lapic->svr, value);
	if (value & HVM_SVR_ENABLE)
		return;
	for (i = 0; i < HVM_LVT_COUNT; i++)
		WRITE_ONCE(lapic->lvt[i], lapic->lvt[i] | HVM_LVT_MASKED);
}

static void write_esr(struct hvm_lapic *lapic)
{
	hvm_lapic_merge(lapic);
	lapic->esr = lapic->esr_next;
	lapic->esr_next = 0;
	/* A timer whose vector is illegal tells it again with its next period. */
	hvm_timer_resume(lapic);
}

static void write_lvt(struct hvm_lapic *lapic, u32 lvt, u32 value)
{
	/* The mode that does not exist is not taken over. */
	if (lvt == HVM_LVT_TIMER && !timer_mode_valid(lapic, value))
		value = (value & ~HVM_LVT_MODE) | (lapic->lvt[lvt] & HVM_LVT_MODE);
	if (!(lapic->svr & HVM_SVR_ENABLE))
		value |= HVM_LVT_MASKED;
	if (lvt == HVM_LVT_TIMER)
		hvm_timer_set_lvt(lapic, value);
	else
		WRITE_ONCE(lapic->lvt[lvt], value);
}

/* SDM "Issuing Interprocessor Interrupts": fixed, lowest priority, NMI, INIT and start-up. */
static void send(struct hvm_lapic *lapic, u64 icr)
{
	bool wide = hvm_lapic_x2apic(lapic);
	struct hvm_irq_message message = {
		.destination = wide ? icr >> 32 : icr >> 56,
		.vector = icr & HVM_ICR_VECTOR,
		.mode = icr >> HVM_ICR_MODE_SHIFT & 7,
		.shorthand = icr >> HVM_ICR_SHORTHAND_SHIFT & 3,
		.logical = icr & HVM_ICR_LOGICAL,
		.narrow = !wide,
	};

	switch (message.mode) {
	case HVM_IRQ_LOWEST:
		message.lowest = true;
		fallthrough;
	case HVM_IRQ_FIXED:
		if (message.vector < HVM_FIRST_VECTOR) {
			hvm_lapic_raise_errors(lapic, HVM_ESR_SEND_ILLEGAL);
			return;
		}
		break;
	case HVM_IRQ_INIT:
		/* A level de-assert was for arbitration on the APIC bus of old. */
		if ((icr & HVM_ICR_LEVEL) && !(icr & HVM_ICR_ASSERT))
			return;
		break;
	case HVM_IRQ_NMI:
	case HVM_IRQ_SIPI:
		break;
	default:
		return;
	}
	hvm_irq_deliver(lapic->irq, lapic, &message);
}

/* Fixed delivery of a legal vector to one physical id, which is no broadcast. */
static bool is_plain(const struct hvm_lapic *lapic, u64 icr)
{
	return !(icr & HVM_ICR_NOT_PLAIN) && (icr & HVM_ICR_VECTOR) >= HVM_FIRST_VECTOR &&
	       icr >> 32 != ~0U && hvm_lapic_x2apic(lapic);
}

static void write_icr(struct hvm_lapic *lapic, u64 icr)
{
	lapic->icr = icr;
	if (likely(is_plain(lapic, icr)))
		hvm_irq_post(lapic->irq, icr >> 32, icr & HVM_ICR_VECTOR);
	else
		send(lapic, icr);
}

/* @value has only bits of writable[reg], or none that matter. */
static void write_register(struct hvm_lapic *lapic, u32 reg, u32 value)
{
	switch (reg) {
	case HVM_APIC_TPR:
		write_tpr(lapic, value);
		return;
	case HVM_APIC_EOI:
		hvm_lapic_eoi(lapic);
		return;
	case HVM_APIC_ICR:
		write_icr(lapic, (lapic->icr & ~0xffffffffULL) | value);
		return;
	case HVM_APIC_TMICT:
		hvm_timer_set_count(lapic, value);
		return;
	case HVM_APIC_SELF_IPI:
		send(lapic, value | HVM_IRQ_SELF << HVM_ICR_SHORTHAND_SHIFT);
		return;
	case HVM_APIC_LDR:
		WRITE_ONCE(lapic->ldr, value);
		hvm_irq_add_logical(lapic->irq, lapic);
		break;
	case HVM_APIC_DFR:
		WRITE_ONCE(lapic->dfr, value | HVM_APIC_DFR_ONES);
		break;
	case HVM_APIC_SVR:
		write_svr(lapic, value);
		break;
	case HVM_APIC_ESR:
		write_esr(lapic);
		break;
	case HVM_APIC_ICR2:
		lapic->icr = (u64)value << 32 | (lapic->icr & 0xffffffffULL);
		break;
	case HVM_APIC_LVT ... HVM_APIC_LVT + HVM_LVT_COUNT - 1:
		write_lvt(lapic, reg - HVM_APIC_LVT, value);
		break;
	case HVM_APIC_TDCR:
		hvm_timer_set_divide(lapic, value);
		break;
	}
	hvm_lapic_changed(lapic);
}

/* --- the APIC page ----------------------------------------------------------- */

static bool page_answers(const struct hvm_lapic *lapic)
{
	return hvm_lapic_enabled(lapic) && !hvm_lapic_x2apic(lapic);
}

static bool page_register(struct hvm_lapic *lapic, u32 reg)
{
	if (reg < HVM_APIC_REGS && XAPIC_REGS & BIT_ULL(reg))
		return true;
	hvm_lapic_raise_errors(lapic, HVM_ESR_ILLEGAL_REG);
	return false;
}

/**
 * hvm_lapic_read - the guest reads the APIC page
 * @lapic: owner
 * @offset: in the page, 0 to 0xfff
 *
 * Registers are 32 bits wide and 16 bytes apart. The bytes between them read as zero; so do
 * reserved registers, which are an illegal-register error too. While the APIC is disabled or in
 * x2APIC mode nothing is there and all bits read as one.
 *
 * Return: the bytes from @offset on to the register's end
 */
u32 hvm_lapic_read(struct hvm_lapic *lapic, u32 offset)
{
	u32 reg = (offset & 0xfff) >> 4;

	if (!page_answers(lapic))
		return ~0U;
	if (!page_register(lapic, reg) || offset & 0xc)
		return 0;
	hvm_lapic_merge(lapic);
	return read_register(lapic, reg) >> (offset & 3) * 8;
}

/**
 * hvm_lapic_write - the guest writes to the APIC page
 * @lapic: owner
 * @offset: in the page, 0 to 0xfff
 * @value: what it writes
 *
 * Reserved bits are dropped; so are writes that do not start at a register, writes to read-only
 * registers and, with an illegal-register error, writes to reserved ones.
 */
void hvm_lapic_write(struct hvm_lapic *lapic, u32 offset, u32 value)
{
	u32 reg = (offset & 0xfff) >> 4;

	if (!page_answers(lapic) || !page_register(lapic, reg) || offset & 0xf)
		return;
	if (XAPIC_WRITE & BIT_ULL(reg))
		write_register(lapic, reg, value & writable[reg]);
}

/* --- MSRs -------------------------------------------------------------------- */

static int read_x2apic(struct hvm_lapic *lapic, u32 reg, u64 *value)
{
	if (!hvm_lapic_x2apic(lapic) || reg >= HVM_APIC_REGS || !(X2APIC_READ & BIT_ULL(reg)))
		return -EINVAL;
	hvm_lapic_merge(lapic);
	*value = reg == HVM_APIC_ICR ? lapic->icr : read_register(lapic, reg);
	return 0;
}

static int write_x2apic(struct hvm_lapic *lapic, u32 reg, u64 value)
{
	if (!hvm_lapic_x2apic(lapic) || reg >= HVM_APIC_REGS || !(X2APIC_WRITE & BIT_ULL(reg)))
		return -EINVAL;
	switch (reg) {
	case HVM_APIC_EOI:
		if (value)
			return -EINVAL;
		hvm_lapic_eoi(lapic);
		return 0;
	case HVM_APIC_ICR:
		if ((u32)value & ~HVM_ICR_MASK)
			return -EINVAL;
		write_icr(lapic, value);
		return 0;
	}
	if (!value_valid(lapic, reg, value))
		return -EINVAL;
	write_register(lapic, reg, value & writable[reg]);
	return 0;
}

/**
 * hvm_lapic_base_valid - whether IA32_APIC_BASE can hold a value at all
 * @lapic: owner
 * @base: the value
 *
 * The page cannot move, and there is no x2APIC mode without an APIC or without the feature.
 */
bool hvm_lapic_base_valid(const struct hvm_lapic *lapic, u64 base)
{
	const u64 flags = HVM_APIC_BASE_BSP | HVM_APIC_BASE_X2APIC | HVM_APIC_BASE_ENABLE;

	if ((base & ~flags) != HVM_APIC_PAGE)
		return false;
	if (!(base & HVM_APIC_BASE_X2APIC))
		return true;
	return (base & HVM_APIC_BASE_ENABLE) && (lapic->features & HVM_LAPIC_X2APIC);
}

/* SDM "x2APIC State Transitions". */
static int write_base(struct hvm_lapic *lapic, u64 base)
{
	u64 old = lapic->base;

	if (!hvm_lapic_base_valid(lapic, base))
		return -EINVAL;
	if ((base & HVM_APIC_BASE_X2APIC) && !(old & HVM_APIC_BASE_ENABLE))
		return -EINVAL;
	if ((old & HVM_APIC_BASE_X2APIC) && (base & HVM_APIC_BASE_ENABLE) &&
	    !(base & HVM_APIC_BASE_X2APIC))
		return -EINVAL;

	WRITE_ONCE(lapic->base, base);
	hvm_lapic_changed(lapic);
	if ((old & HVM_APIC_BASE_ENABLE) && !(base & HVM_APIC_BASE_ENABLE))
		hvm_lapic_reset(lapic, true);
	return 0;
}

/**
 * hvm_lapic_msr_read - RDMSR of IA32_APIC_BASE, IA32_TSC_DEADLINE or an x2APIC register
 * @lapic: owner
 * @index: HVM_MSR_APIC_BASE, HVM_MSR_TSC_DEADLINE, HVM_MSR_X2APIC_FIRST to _LAST
 * @value: out
 *
 * Return: 0; -EINVAL: #GP(0): the register is reserved, write-only or not there in this mode
 */
int hvm_lapic_msr_read(struct hvm_lapic *lapic, u32 index, u64 *value)
{
	switch (index) {
	case HVM_MSR_APIC_BASE:
		*value = lapic->base;
		return 0;
	case HVM_MSR_TSC_DEADLINE:
		if (!(lapic->features & HVM_LAPIC_TSC_DEADLINE))
			return -EINVAL;
		*value = READ_ONCE(lapic->timer.deadline);
		return 0;
	default:
		return read_x2apic(lapic, index - HVM_MSR_X2APIC_FIRST, value);
	}
}

/**
 * hvm_lapic_msr_write - WRMSR of IA32_APIC_BASE, IA32_TSC_DEADLINE or an x2APIC register
 * @lapic: owner
 * @index: HVM_MSR_APIC_BASE, HVM_MSR_TSC_DEADLINE, HVM_MSR_X2APIC_FIRST to _LAST
 * @value: what the guest writes
 *
 * After it the hardware's task priority has to follow hvm_lapic_tpr(), and hvm_lapic_take_eoi() is
 * to be asked.
 *
 * Return: 0; -EINVAL: #GP(0): reserved bits, a read-only or reserved register, the wrong mode, or
 * for IA32_APIC_BASE an illegal transition or another base
 */
int hvm_lapic_msr_write(struct hvm_lapic *lapic, u32 index, u64 value)
{
	switch (index) {
	case HVM_MSR_TSC_DEADLINE:
		if (!(lapic->features & HVM_LAPIC_TSC_DEADLINE))
			return -EINVAL;
		hvm_timer_set_deadline(lapic, value);
		return 0;
	case HVM_MSR_APIC_BASE:
		return write_base(lapic, value);
	default:
		return write_x2apic(lapic, index - HVM_MSR_X2APIC_FIRST, value);
	}
}

/* --- checking saved registers ------------------------------------------------ */

/**
 * hvm_lapic_value_valid - whether a register can hold a value
 * @lapic: owner
 * @reg: number, below HVM_APIC_REGS
 * @value: the value
 *
 * Return: for registers that can be written in xAPIC mode, whether no reserved bit is set
 */
bool hvm_lapic_value_valid(const struct hvm_lapic *lapic, u32 reg, u32 value)
{
	if (reg == HVM_APIC_DFR)
		value &= ~HVM_APIC_DFR_ONES;
	return value_valid(lapic, reg, value);
}
