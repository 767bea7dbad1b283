/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU that has nothing to do, or spins.
 */
#ifndef HVM_CPU_IDLE_H
#define HVM_CPU_IDLE_H

struct hvm_vcpu;

void hvm_idle_wait(struct hvm_vcpu *vcpu);
void hvm_idle_yield(struct hvm_vcpu *vcpu);

#endif /* HVM_CPU_IDLE_H */
