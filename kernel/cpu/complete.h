/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Userspace's half of an exit, taken over at the next HVM_RUN.
 */
#ifndef HVM_CPU_COMPLETE_H
#define HVM_CPU_COMPLETE_H

struct hvm_vcpu;

int hvm_complete(struct hvm_vcpu *vcpu);

#endif /* HVM_CPU_COMPLETE_H */
