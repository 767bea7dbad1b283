/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A debugger's hold on a vCPU: breakpoints, single steps, INT3.
 */
#ifndef HVM_CPU_DEBUG_H
#define HVM_CPU_DEBUG_H

#include "../types.h"

struct hvm_vcpu;

/**
 * struct hvm_debugger - what a debugger asked of one vCPU, and how far it got
 * @active: something is asked for
 * @armed: RFLAGS.TF is ours while the guest runs
 * @own_tf: the guest's RFLAGS.TF at the start of the step
 * @trapped: the exit is the trap at the end of our step
 * @injecting: the entry delivers an event, whose end is the step's
 * @borrowing: the guest executes a MOV DR with its own debug registers
 * @int3: the last HVM_EXIT_DEBUG was an INT3
 * @shadow: HVM_SHADOW_* at the start of the step
 * @flags: HVM_DEBUG_*
 * @enabled: breakpoints that are set, a bit each
 * @hits: HVM_HIT_* that wait to be reported, with HVM_REQ_DEBUG
 * @rip: where the step began
 * @dr: addresses of the breakpoints
 *
 * All are the vCPU's lock's.
 */
struct hvm_debugger {
	bool active;
	bool armed;
	bool own_tf;
	bool trapped;
	bool injecting;
	bool borrowing;
	bool int3;
	u8 shadow;
	u32 flags;
	u32 enabled;
	u32 hits;
	u64 rip;
	u64 dr[HVM_BREAKPOINTS];
};

int hvm_debug_set(struct hvm_vcpu *vcpu, const struct hvm_debug *arg);
void hvm_debug_before_entry(struct hvm_vcpu *vcpu);
void hvm_debug_after_exit(struct hvm_vcpu *vcpu, const struct hvm_exit *exit);
bool hvm_debug_takes(struct hvm_vcpu *vcpu, struct hvm_event *event);
void hvm_debug_borrow(struct hvm_vcpu *vcpu);
void hvm_debug_retired(struct hvm_vcpu *vcpu);
void hvm_debug_report(struct hvm_vcpu *vcpu);
int hvm_debug_reflect(struct hvm_vcpu *vcpu);
bool hvm_debug_holds(const struct hvm_vcpu *vcpu);

#endif /* HVM_CPU_DEBUG_H */
