/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's time: the origin of its paravirtual clock and the offset of its TSCs. Not here: the
 * page the guest reads the clock from (cpu/pv.c) and the timer (irq/timer.c).
 */
#ifndef HVM_CPU_CLOCK_H
#define HVM_CPU_CLOCK_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <asm/tsc.h>

#include "../types.h"
#include "scale.h"

struct hvm_bells;
struct hvm_vcpu;

/**
 * struct hvm_clock_base - what the vCPUs of a guest share about time
 * @lock: guards all below; taken with interrupts off
 * @bells: [I] the guest's bells
 * @khz: [I] frequency of the host's TSC
 * @factor: [C] guest TSC ticks per host TSC tick that vCPUs start with (scale.h)
 * @scale: [C] guest TSC ticks to nanoseconds
 * @linear: [C] the clock is a line over the host's TSC; else it follows the host's own clock
 * @tsc: [C] a moment: host TSC
 * @boot_ns: [C] the same moment: the host's CLOCK_BOOTTIME
 * @ns: [C] the same moment: the guest's clock
 * @offset: [C] TSC offset that vCPUs start with: the one set last
 * @generation: [C] counts changes of @factor and @offset
 * @vcpus: [C] vCPUs there are
 * @matched: [C] vCPUs whose TSC has @factor and @offset
 * @announce: [C] the other vCPUs have to write their pages anew
 *
 * [I] set at init; [C] @lock
 */
struct hvm_clock_base {
	raw_spinlock_t lock;
	struct hvm_bells *bells;
	u32 khz;
	u64 factor;
	struct hvm_scale scale;
	bool linear;
	u64 tsc;
	u64 boot_ns;
	u64 ns;
	u64 offset;
	u32 generation;
	u32 vcpus;
	u32 matched;
	bool announce;
};

/**
 * struct hvm_tsc - a vCPU's TSC, besides the offset that &hvm_hw holds
 * @adjust: [V] IA32_TSC_ADJUST
 * @generation: [C] &hvm_clock_base.generation its offset belongs to
 * @renewed: [V] jiffies when the clock's page was last asked to be written anew
 *
 * [V] the vCPU's mutex; [C] &hvm_clock_base.lock
 */
struct hvm_tsc {
	u64 adjust;
	u32 generation;
	unsigned long renewed;
};

/**
 * struct hvm_clock_page - what the paravirtual clock's page of a vCPU has to say
 * @tsc: guest TSC at a moment
 * @ns: guest's clock at that moment
 * @scale: from there on
 * @stable: every vCPU's page says the same, whatever host CPU it is read on
 */
struct hvm_clock_page {
	u64 tsc;
	u64 ns;
	struct hvm_scale scale;
	bool stable;
};

void hvm_clock_init(struct hvm_clock_base *base, struct hvm_bells *bells);
int hvm_clock_set_khz(struct hvm_clock_base *base, u32 khz);
void hvm_clock_get(struct hvm_clock_base *base, struct hvm_clock *clock);
void hvm_clock_set(struct hvm_clock_base *base, struct hvm_clock *clock);

void hvm_clock_join(struct hvm_vcpu *vcpu);
void hvm_clock_leave(struct hvm_vcpu *vcpu);
void hvm_clock_renew(struct hvm_vcpu *vcpu, bool moved);

u64 hvm_clock_tsc(struct hvm_vcpu *vcpu);
void hvm_clock_write_tsc(struct hvm_vcpu *vcpu, u64 value);
void hvm_clock_write_adjust(struct hvm_vcpu *vcpu, u64 value);

void hvm_clock_save(struct hvm_vcpu *vcpu, struct hvm_state_clock *state);
int hvm_clock_check(const struct hvm_state_clock *state);
void hvm_clock_load(struct hvm_vcpu *vcpu, const struct hvm_state_clock *state);

void hvm_clock_page(struct hvm_vcpu *vcpu, struct hvm_clock_page *page);
u64 hvm_clock_wall_ns(struct hvm_clock_base *base);

/**
 * hvm_clock_host_stable - does the host trust its TSC as a clock for all CPUs?
 *
 * Return: whether; once false it stays so
 * Context: any
 */
static inline bool hvm_clock_host_stable(void)
{
	return !check_tsc_unstable();
}

/**
 * hvm_clock_look - is what the clock's page says still so?
 * @vcpu: the vCPU: loaded on a CPU, or interrupted there by the host
 * @moved: it was on another CPU before
 *
 * Context: any
 */
static inline void hvm_clock_look(struct hvm_vcpu *vcpu, bool moved)
{
	if (unlikely(!hvm_clock_host_stable()))
		hvm_clock_renew(vcpu, moved);
}

#endif /* HVM_CPU_CLOCK_H */
