/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HVM_RUN: the loop around the guest.
 */
#ifndef HVM_CPU_RUN_H
#define HVM_CPU_RUN_H

#include <linux/irqflags.h>

#include "vcpu.h"

int hvm_run(struct hvm_vcpu *vcpu);

void hvm_run_load(struct hvm_vcpu *vcpu);
void hvm_run_put(struct hvm_vcpu *vcpu);

/**
 * hvm_run_open - let interrupts in after an exit
 * @vcpu: the vCPU, &hvm_bell.mode HVM_IN_GUEST and interrupts off
 *
 * From here on requests are looked at before the next entry.
 */
static inline void hvm_run_open(struct hvm_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->bell.mode, HVM_OUTSIDE);
	local_irq_enable();
}

#endif /* HVM_CPU_RUN_H */
