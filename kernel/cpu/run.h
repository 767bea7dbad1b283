/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HVM_RUN: the loop around the guest.
 */
#ifndef HVM_CPU_RUN_H
#define HVM_CPU_RUN_H

#include <linux/irqflags.h>
#include <linux/vtime.h>

#include "../compat.h"
#include "vcpu.h"

/* Anything that the thread has to do before it may go on; the kernel's own choice of flags. */
#define HVM_THREAD_WORK	(_TIF_NEED_RESCHED | _TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL | \
			 _TIF_NOTIFY_RESUME)

int hvm_run(struct hvm_vcpu *vcpu);

void hvm_run_init(struct hvm_vcpu *vcpu);
void hvm_run_load(struct hvm_vcpu *vcpu);
void hvm_run_put(struct hvm_vcpu *vcpu);

/**
 * hvm_run_open - let interrupts in after an exit
 * @vcpu: the vCPU, &hvm_bell.mode HVM_IN_GUEST and interrupts off
 *
 * From here on requests are looked at before the next entry, and time is the process's own.
 */
static inline void hvm_run_open(struct hvm_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->bell.mode, HVM_OUTSIDE);
	vtime_account_guest_exit();
	local_irq_enable();
}

/**
 * hvm_run_take_interrupt - let the interrupt in that ended the guest's run
 * @vcpu: as for hvm_run_open()
 *
 * The tick finds the thread in the guest and counts the guest's time. It does not find it in
 * userspace, nor idle, so RCU has to be told that the guest holds nothing: here and nowhere else,
 * for other exits do not keep a tick from arriving in one of the two places that RCU looks for.
 */
static inline void hvm_run_take_interrupt(struct hvm_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->bell.mode, HVM_OUTSIDE);
	local_irq_enable();
	/* Interrupts come behind the instruction that follows STI. */
	asm volatile("nop");
	local_irq_disable();
	vtime_account_guest_exit();
	hvm_compat_rcu_note_guest();
	local_irq_enable();
}

#endif /* HVM_CPU_RUN_H */
