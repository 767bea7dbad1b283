/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The paravirtual interface that existing guests have drivers for: clock pages and hypercalls.
 * What it offers is announced in CPUID leaf 40000001h by cpu/cpuid.c, and nothing else works. Not
 * here: what time it is (cpu/clock.c).
 */
#ifndef HVM_CPU_PV_H
#define HVM_CPU_PV_H

#include <linux/types.h>

struct hvm_vcpu;

/* Indices of the paravirtual MSRs; their numbers are part of the signature's contract. */
#define HVM_MSR_PV_WALL_CLOCK	0x4b564d00
#define HVM_MSR_PV_SYSTEM_TIME	0x4b564d01

/**
 * struct hvm_pv - a vCPU's paravirtual pages, owned by the thread that holds its mutex
 * @wall_clock: the MSR: where the time of day at clock zero goes
 * @wall_wanted: write it there before the next entry
 * @system_time: the MSR: where the clock's page goes, bit 0: enabled
 * @time_missed: its page was not present when it was written last
 */
struct hvm_pv {
	u64 wall_clock;
	bool wall_wanted;
	u64 system_time;
	bool time_missed;
};

int hvm_pv_write_wall_clock(struct hvm_vcpu *vcpu, u64 value, bool host);
int hvm_pv_write_system_time(struct hvm_vcpu *vcpu, u64 value);
void hvm_pv_update_clock(struct hvm_vcpu *vcpu);
void hvm_pv_reset(struct hvm_vcpu *vcpu);

u64 hvm_pv_hypercall(struct hvm_vcpu *vcpu, u64 nr, const u64 args[4]);

#endif /* HVM_CPU_PV_H */
