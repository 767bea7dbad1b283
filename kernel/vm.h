/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One guest: what its vCPUs share. Owns nothing but lifetimes; each embedded service owns its own
 * struct.
 */
#ifndef HVM_VM_H
#define HVM_VM_H

#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>

#include "cpu/clock.h"
#include "cpu/cpuid.h"
#include "cpu/msr.h"
#include "cpu/request.h"
#include "io/ioeventfd.h"
#include "irq/irq.h"
#include "irq/irqfd.h"
#include "mem/mem.h"
#include "stats.h"

/**
 * struct hvm_vm - one guest
 * @ref: the guest's fd and each vCPU's fd hold one
 * @mm: [I] the process that created it; only that process may call
 * @lock: serializes what configures the guest: HVM_MAP, HVM_UNMAP, HVM_SET_CPUID, HVM_CREATE_VCPU
 * @vcpus: [L] number of vCPUs
 * @ran: [L] a vCPU ran: CPUID and MSR policy are frozen
 * @cpuid: [L] default table of vCPUs without their own, or NULL
 * @msr: [L, frozen with @ran] MSR policy
 * @bells: own lock: the vCPUs' bells
 * @mem: own locks: memory
 * @irq: own locks: interrupt routing
 * @irqfds: own locks: eventfds that send interrupts
 * @ioeventfds: own lock: doorbells
 * @clock: own lock: the paravirtual clock's origin
 * @stats: [I] its counters, a page
 *
 * [I] set at create; [L] @lock.
 */
struct hvm_vm {
	struct kref ref;
	struct mm_struct *mm;
	struct mutex lock;
	u32 vcpus;
	bool ran;
	struct hvm_leaves *cpuid;
	struct hvm_msr_filter msr;
	struct hvm_bells bells;
	struct hvm_mem mem;
	struct hvm_irq irq;
	struct hvm_irqfds irqfds;
	struct hvm_ioeventfds ioeventfds;
	struct hvm_clock_base clock;
	struct hvm_vm_stats *stats;
};

struct hvm_vcpu;

long hvm_vm_file_open(void);
void hvm_vm_remove_vcpu(struct hvm_vcpu *vcpu);
void hvm_vm_get(struct hvm_vm *vm);
void hvm_vm_put(struct hvm_vm *vm);

#endif /* HVM_VM_H */
