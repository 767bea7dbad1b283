/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The paravirtual interface that existing guests have drivers for: clock pages (pv.c), stolen time
 * (steal.c), ends of interrupts by memory (eoi.c) and hypercalls (hypercall.c). What it offers is
 * announced in CPUID leaf 40000001h by cpu/offer.c; what a guest's own table does not announce does
 * not work for it. Not here: what time it is (cpu/clock.c).
 */
#ifndef HVM_CPU_PV_H
#define HVM_CPU_PV_H

#include <linux/types.h>

#include "../mem/mem.h"
#include "../types.h"

struct hvm_vcpu;

/* Indices of the paravirtual MSRs; their numbers are part of the signature's contract. */
#define HVM_MSR_PV_OLD_WALL_CLOCK	0x11
#define HVM_MSR_PV_OLD_SYSTEM_TIME	0x12
#define HVM_MSR_PV_WALL_CLOCK		0x4b564d00
#define HVM_MSR_PV_SYSTEM_TIME		0x4b564d01
#define HVM_MSR_PV_STEAL_TIME		0x4b564d03
#define HVM_MSR_PV_EOI			0x4b564d04
#define HVM_MSR_PV_POLL_CONTROL		0x4b564d05

/**
 * struct hvm_steal - the area of stolen time
 * @msr: the MSR: where it is, bit 0: enabled
 * @error: why it was not written last, or 0
 * @task: the thread that @delay belongs to; only compared
 * @delay: how long that had waited for a CPU when the area was written last, ns
 * @preempted: the byte that says that the vCPU does not run
 */
struct hvm_steal {
	u64 msr;
	int error;
	const struct task_struct *task;
	u64 delay;
	struct hvm_spot preempted;
};

/**
 * struct hvm_eoi - the end of an interrupt by a flag in memory
 * @msr: the MSR: where the flag is, bit 0: enabled
 * @armed: it was set before this entry
 * @unknown: what the guest did with it could not be read yet
 * @flag: its first byte
 */
struct hvm_eoi {
	u64 msr;
	bool armed;
	bool unknown;
	struct hvm_spot flag;
};

/**
 * struct hvm_pv - a vCPU's paravirtual pages, owned by the thread that holds its mutex
 * @wall_clock: the MSR: where the time of day at clock zero goes
 * @wall_wanted: write it there before the next entry
 * @system_time: the MSR: where the clock's page goes, bit 0: enabled
 * @time_missed: its page was not present when it was written last
 * @absent: the page that was not present when something was written last
 * @steal: steal.c
 * @eoi: eoi.c
 * @self_polling: the guest looks around itself before it halts, so the host need not (idle.c)
 */
struct hvm_pv {
	u64 wall_clock;
	bool wall_wanted;
	u64 system_time;
	bool time_missed;
	gpa_t absent;
	struct hvm_steal steal;
	struct hvm_eoi eoi;
	bool self_polling;
};

/**
 * hvm_pv_waits - has hvm_pv_begin() anything to look at?
 * @pv: the pages
 */
static inline bool hvm_pv_waits(const struct hvm_pv *pv)
{
	return pv->wall_wanted || pv->time_missed || pv->steal.msr;
}

int hvm_pv_write_wall_clock(struct hvm_vcpu *vcpu, u64 value, bool host);
int hvm_pv_write_system_time(struct hvm_vcpu *vcpu, u64 value);
bool hvm_pv_update(struct hvm_vcpu *vcpu, unsigned long requests);
void hvm_pv_begin(struct hvm_vcpu *vcpu);
void hvm_pv_reset(struct hvm_vcpu *vcpu);
int hvm_pv_publish(struct hvm_vcpu *vcpu, gpa_t version_at, gpa_t gpa, const void *data,
		   size_t bytes);

int hvm_steal_write(struct hvm_vcpu *vcpu, u64 value);
void hvm_steal_begin(struct hvm_vcpu *vcpu);
void hvm_steal_out(struct hvm_vcpu *vcpu);
void hvm_steal_in(struct hvm_vcpu *vcpu);
void hvm_steal_update(struct hvm_vcpu *vcpu);

int hvm_eoi_write(struct hvm_vcpu *vcpu, u64 value);
void hvm_eoi_arm(struct hvm_vcpu *vcpu);
void hvm_eoi_look(struct hvm_vcpu *vcpu);
void hvm_eoi_settle(struct hvm_vcpu *vcpu);

u64 hvm_hypercall(struct hvm_vcpu *vcpu, const struct hvm_exit *exit);

#endif /* HVM_CPU_PV_H */
