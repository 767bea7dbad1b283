/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC of one vCPU: pending and in-service interrupts, priority, registers, timer. Not
 * here: which APIC a message is for (irq/irq.h), and how an interrupt gets into the guest
 * (cpu/event.c).
 *
 * Who may call what: "owner" is the thread that holds the vCPU's mutex (and also whoever creates or
 * destroys the vCPU). Everybody else only posts: a bit in the pending bitmap, a signal, an error;
 * then rings the bell with HVM_REQ_EVENT. Nobody but the owner touches IRR, ISR and TMR.
 *
 * What the owner's calls change for the vCPU (a lower priority after EOI) needs no bell: @recheck
 * says that there is something to look at before the next entry. An interrupt to itself is posted
 * like any other.
 */
#ifndef HVM_IRQ_LAPIC_H
#define HVM_IRQ_LAPIC_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/types.h>

#include "../cpu/request.h"
#include "../types.h"
#include "irq.h"
#include "timer.h"

/* IA32_APIC_BASE (SDM "Local APIC Status and Location"). */
#define HVM_APIC_BASE_BSP	BIT_ULL(8)
#define HVM_APIC_BASE_X2APIC	BIT_ULL(10)
#define HVM_APIC_BASE_ENABLE	BIT_ULL(11)

/* MSRs that the local APIC answers. */
#define HVM_MSR_APIC_BASE	0x1b
#define HVM_MSR_TSC_DEADLINE	0x6e0
#define HVM_MSR_X2APIC_FIRST	0x800
#define HVM_MSR_X2APIC_LAST	0x8ff

/* &hvm_lapic.features: what the vCPU's CPUID announces; all of them after hvm_lapic_init(). */
#define HVM_LAPIC_X2APIC	BIT(0)
#define HVM_LAPIC_TSC_DEADLINE	BIT(1)

/* Local vector table, in the order of its registers from offset 0x320. */
enum hvm_lvt {
	HVM_LVT_TIMER,
	HVM_LVT_THERMAL,
	HVM_LVT_PERFORMANCE,
	HVM_LVT_LINT0,
	HVM_LVT_LINT1,
	HVM_LVT_ERROR,
	HVM_LVT_COUNT
};

/**
 * struct hvm_posted - what others posted, in the layout of a posted-interrupt descriptor
 * @pir: [A] one bit a vector
 * @control: [A] bit 0: outstanding notification, set from a post until the owner looks
 * @reserved: hardware's
 *
 * SDM "Posted-Interrupt Processing". [A] atomic, anyone.
 */
struct hvm_posted {
	unsigned long pir[4];
	unsigned long control;
	unsigned long reserved[3];
} __aligned(64);

static_assert(sizeof(struct hvm_posted) == 64);

#define HVM_POSTED_ON		0	/* bit of &hvm_posted.control */

/* &hvm_lapic.signals: bits 7:0 hold the start page of a SIPI. */
#define HVM_SIGNAL_SIPI_VECTOR	0xff
#define HVM_SIGNAL_SIPI		BIT(8)
#define HVM_SIGNAL_INIT		BIT(9)
#define HVM_SIGNAL_NMI		BIT(10)
#define HVM_SIGNAL_NMI2		BIT(11)	/* a second NMI, behind the first */

/**
 * struct hvm_lapic - a local APIC
 * @posted: [A] vectors on their way
 * @level: [A] trigger mode of the vectors in @posted
 * @exits: [A] vectors whose end leaves as HVM_EXIT_EOI, if it is that of a level-triggered one
 * @signals: [A] NMI, INIT and SIPI on their way: HVM_SIGNAL_*
 * @errors: [A] ESR bits on their way
 * @irr: [O] interrupts the vCPU has not taken yet
 * @isr: [O] interrupts in service
 * @tmr: [O] level-triggered vectors
 * @eois: [O] level-triggered vectors whose end nobody was told of yet
 * @has_eois: [O] @eois is not empty
 * @recheck: [O] what the vCPU takes next, or its deadline, may have changed; set for events that
 *	are not the APIC's, too; cleared by hvm_event_prepare()
 * @lent: [O] IRR and ISR are in the page of @vapic, and not here: hvm_lapic_own()
 * @stale: [O] other registers in that page are not what they are here
 * @tpr: [O] task priority
 * @id: [I] APIC id
 * @features: [O] HVM_LAPIC_*
 * @base: [W] IA32_APIC_BASE
 * @svr: [W] spurious-interrupt vector register
 * @ldr: [W] logical destination register of xAPIC mode
 * @dfr: [W] destination format register
 * @lvt: [W] by enum hvm_lvt
 * @esr: [O] error status register, as read
 * @esr_next: [O] errors since it was written last
 * @divide: [O] divide configuration register
 * @icr: [O] interrupt command register
 * @vapic: [I] what the hardware can work on by itself; NULL: nothing
 * @irq: [I] the guest's routing
 * @bell: [I] the vCPU's bell
 * @logical: [R] in &hvm_irq.logical
 * @timer: see there
 *
 * [A] atomic, anyone. [I] set at init. [O] owner. [W] owner writes, anyone reads. [R] &hvm_irq.lock
 *
 * Pairing: a poster sets the bit in @posted.pir and then ON; the owner clears ON and then takes
 * @posted.pir. Both with full barriers, so a vector is never left behind with ON clear.
 */
struct hvm_lapic {
	struct hvm_posted posted;
	unsigned long level[4];
	unsigned long exits[4];
	atomic_t signals;
	atomic_t errors;

	u64 irr[4];
	u64 isr[4];
	u64 tmr[4];
	u64 eois[4];
	bool has_eois;
	bool recheck;
	bool lent;
	bool stale;
	u8 tpr;
	u32 id;
	u32 features;
	u32 svr;
	u64 base;
	u32 ldr;
	u32 dfr;
	u32 lvt[HVM_LVT_COUNT];
	u32 esr;
	u32 esr_next;
	u32 divide;
	u64 icr;

	struct hvm_vapic *vapic;
	struct hvm_irq *irq;
	struct hvm_bell *bell;
	struct hlist_node logical;
	struct hvm_timer timer;
};

/* Lifetime: owner, process context. After deinit the memory must last one RCU grace period. */
int hvm_lapic_init(struct hvm_lapic *lapic, struct hvm_irq *irq, struct hvm_bell *bell, u32 id);
void hvm_lapic_deinit(struct hvm_lapic *lapic);
void hvm_lapic_reset(struct hvm_lapic *lapic, bool init);
void hvm_lapic_set_features(struct hvm_lapic *lapic, u32 features);

/* Interrupts: owner, any context that is not an interrupt. */
int hvm_lapic_pending(struct hvm_lapic *lapic);
int hvm_lapic_waiting(struct hvm_lapic *lapic);
void hvm_lapic_accept(struct hvm_lapic *lapic, u8 vector);
bool hvm_lapic_retract(struct hvm_lapic *lapic, u8 vector);
void hvm_lapic_eoi(struct hvm_lapic *lapic);
void hvm_lapic_ended(struct hvm_lapic *lapic, u8 vector);
bool hvm_lapic_lend(struct hvm_lapic *lapic);
void hvm_lapic_undeliver(struct hvm_lapic *lapic);
bool hvm_lapic_eoi_is_silent(struct hvm_lapic *lapic);
int hvm_lapic_take_eoi_slow(struct hvm_lapic *lapic);
bool hvm_lapic_take_exit(struct hvm_lapic *lapic, u8 vector);
u32 hvm_lapic_take_nmi(struct hvm_lapic *lapic);
u32 hvm_lapic_take_start(struct hvm_lapic *lapic);

/* Posting: anyone, any context but NMI. */
void hvm_lapic_post(struct hvm_lapic *lapic, u8 vector, bool level);
void hvm_lapic_post_lvt(struct hvm_lapic *lapic, u32 lvt);
void hvm_lapic_post_error(struct hvm_lapic *lapic, u32 errors);
void hvm_lapic_signal_nmi(struct hvm_lapic *lapic);
void hvm_lapic_signal_init(struct hvm_lapic *lapic);
void hvm_lapic_signal_sipi(struct hvm_lapic *lapic, u8 vector);

/* Registers: owner, any context that is not an interrupt. -EINVAL from the msr calls is #GP(0). */
u32 hvm_lapic_read(struct hvm_lapic *lapic, u32 offset);
void hvm_lapic_write(struct hvm_lapic *lapic, u32 offset, u32 value);
int hvm_lapic_msr_read(struct hvm_lapic *lapic, u32 index, u64 *value);
int hvm_lapic_msr_write(struct hvm_lapic *lapic, u32 index, u64 value);
void hvm_lapic_set_tsc(struct hvm_lapic *lapic, u64 factor, u32 khz, u64 offset);
void hvm_lapic_move_timer(struct hvm_lapic *lapic);
void hvm_lapic_deadline(struct hvm_lapic *lapic);
void hvm_lapic_halt_timer(struct hvm_lapic *lapic);

/* State: owner. */
void hvm_lapic_save(struct hvm_lapic *lapic, struct hvm_state_lapic *state);
int hvm_lapic_check(const struct hvm_lapic *lapic, const struct hvm_state_lapic *state);
void hvm_lapic_load(struct hvm_lapic *lapic, const struct hvm_state_lapic *state);

/* For the files of irq/ only. */
u32 hvm_lapic_register(struct hvm_lapic *lapic, u32 reg);
bool hvm_lapic_value_valid(const struct hvm_lapic *lapic, u32 reg, u32 value);
bool hvm_lapic_base_valid(const struct hvm_lapic *lapic, u64 base);
u8 hvm_lapic_ppr(const struct hvm_lapic *lapic);
void hvm_lapic_recheck(struct hvm_lapic *lapic);
void hvm_lapic_raise_errors(struct hvm_lapic *lapic, u32 errors);
void hvm_lapic_merge(struct hvm_lapic *lapic);
int hvm_lapic_highest(const u64 *bits);
void hvm_lapic_take_back(struct hvm_lapic *lapic);

/**
 * hvm_lapic_changed - a register that the hardware may be showing is another one now
 * @lapic: owner
 */
static inline void hvm_lapic_changed(struct hvm_lapic *lapic)
{
	lapic->stale = true;
	lapic->recheck = true;
}

/**
 * hvm_lapic_own - IRR and ISR are here, and not the hardware's
 * @lapic: owner
 */
static inline void hvm_lapic_own(struct hvm_lapic *lapic)
{
	if (unlikely(lapic->lent))
		hvm_lapic_take_back(lapic);
}

/**
 * hvm_lapic_enabled - the APIC is there (IA32_APIC_BASE)
 * @lapic: any thread
 */
static inline bool hvm_lapic_enabled(const struct hvm_lapic *lapic)
{
	return READ_ONCE(lapic->base) & HVM_APIC_BASE_ENABLE;
}

/**
 * hvm_lapic_x2apic - the APIC is in x2APIC mode
 * @lapic: any thread
 */
static inline bool hvm_lapic_x2apic(const struct hvm_lapic *lapic)
{
	return READ_ONCE(lapic->base) & HVM_APIC_BASE_X2APIC;
}

/**
 * hvm_lapic_tpr - task priority, 0 to 255
 * @lapic: owner
 */
static inline u8 hvm_lapic_tpr(const struct hvm_lapic *lapic)
{
	return lapic->tpr;
}

/**
 * hvm_lapic_set_tpr - take over what the hardware holds after an exit
 * @lapic: owner
 * @tpr: 0 to 255
 *
 * Rings no bell: the hardware's window exit tells when a lower priority matters.
 */
static inline void hvm_lapic_set_tpr(struct hvm_lapic *lapic, u8 tpr)
{
	lapic->tpr = tpr;
}

/**
 * hvm_lapic_has_eoi - hvm_lapic_take_eoi() has something to tell
 * @lapic: owner
 */
static inline bool hvm_lapic_has_eoi(const struct hvm_lapic *lapic)
{
	return lapic->has_eois;
}

/**
 * hvm_lapic_take_eoi - next level-triggered vector that ended
 * @lapic: owner
 *
 * To be asked after every register write, and before the guest is entered after a reset. Whoever
 * holds a line of that vector is told; it is an HVM_EXIT_EOI if hvm_lapic_take_exit() says so.
 *
 * Return: vector, or -1
 */
static inline int hvm_lapic_take_eoi(struct hvm_lapic *lapic)
{
	if (likely(!lapic->has_eois))
		return -1;
	return hvm_lapic_take_eoi_slow(lapic);
}

/**
 * hvm_lapic_signalled - an NMI, INIT or SIPI waits to be taken
 * @lapic: any thread
 */
static inline bool hvm_lapic_signalled(const struct hvm_lapic *lapic)
{
	return atomic_read(&lapic->signals) != 0;
}

#endif /* HVM_IRQ_LAPIC_H */
