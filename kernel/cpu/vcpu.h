/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One virtual processor: the struct that the rooms of cpu/ share. Each room says below which
 * fields are its own.
 */
#ifndef HVM_CPU_VCPU_H
#define HVM_CPU_VCPU_H

#include <linux/mutex.h>
#include <linux/preempt.h>

#include "../backend.h"
#include "../irq/lapic.h"
#include "../stats.h"
#include "../vm.h"
#include "debug.h"
#include "event.h"
#include "fpu.h"
#include "msr.h"
#include "pv.h"
#include "request.h"

/**
 * struct hvm_vcpu - one virtual processor
 * @vm: [I] its guest
 * @bell: what others may touch
 * @hw: [I] the backend's part
 * @run: [I] the run page
 * @stats: [I] its counters, a page; the counters: [V]
 * @lock: held by whoever runs the vCPU or touches its state; only ever trylocked (EBUSY)
 * @cpu: [P] host CPU where it is, or was last, loaded; -1: nowhere yet
 * @poll_ns: [V] how long it looks around next time before it sleeps
 * @notifier: [V] tells when the thread is scheduled out and in
 * @resume_work: [V] TIF_NOTIFY_RESUME waits for the end of HVM_RUN
 * @reason: [V] enum hvm_exit_reason of the last exit to userspace, the kernel's own copy
 * @exit: [V] the last exit of the processor
 * @insn_len: [V] length of the instruction of that exit, 0: unknown
 * @exit_write: [V] that exit was a write (MSR, APIC)
 * @exit_string: [V] that exit was a string instruction (PIO)
 * @exit_offset: [V] register of that exit (APIC)
 * @ran: [V] HVM_RUN was called: CPUID is frozen
 * @cpuid: [V] its table, or NULL: the guest's default
 * @lapic: local APIC; its own rules
 * @events: [V] cpu/event.c
 * @msr: [V] cpu/msr.c
 * @pv: [V] cpu/pv.c
 * @fpu: [V] cpu/fpu.c
 * @debug: [V] DR0 to DR3, DR6; DR7 is the backend's
 * @debugger: [V] cpu/debug.c
 * @rcu: frees it after the last reader of &hvm_irq has gone
 *
 * [I] set at create; [V] @lock; [P] @lock and preemption off.
 */
struct hvm_vcpu {
	struct hvm_vm *vm;
	struct hvm_bell bell;
	struct hvm_hw *hw;
	struct hvm_run *run;
	struct hvm_vcpu_stats *stats;
	struct mutex lock;
	int cpu;
	u32 poll_ns;
	struct preempt_notifier notifier;
	bool resume_work;
	u32 reason;
	struct hvm_exit exit;
	u8 insn_len;
	bool exit_write;
	bool exit_string;
	u16 exit_offset;
	bool ran;
	struct hvm_leaves *cpuid;
	struct hvm_lapic lapic;
	struct hvm_events events;
	struct hvm_msrs msr;
	struct hvm_pv pv;
	struct hvm_fpu fpu;
	struct hvm_state_debug debug;
	struct hvm_debugger debugger;
	struct rcu_head rcu;
};

struct hvm_vcpu *hvm_vcpu_create(struct hvm_vm *vm, u32 apic_id);
void hvm_vcpu_destroy(struct hvm_vcpu *vcpu);
void hvm_vcpu_init_signal(struct hvm_vcpu *vcpu);
void hvm_vcpu_start(struct hvm_vcpu *vcpu, u8 page);

#endif /* HVM_CPU_VCPU_H */
