/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's debug registers: lent to the processor only while the guest uses them.
 */
#ifndef HVM_CPU_DEBUGREG_H
#define HVM_CPU_DEBUGREG_H

#include <linux/types.h>

struct hvm_vcpu;

void hvm_debugreg_reset(struct hvm_vcpu *vcpu);
void hvm_debugreg_give(struct hvm_vcpu *vcpu, u8 owner);
void hvm_debugreg_lend(struct hvm_vcpu *vcpu);
void hvm_debugreg_reclaim(struct hvm_vcpu *vcpu);
void hvm_debugreg_enter(struct hvm_vcpu *vcpu);
void hvm_debugreg_exit(struct hvm_vcpu *vcpu);
void hvm_debugreg_hit(struct hvm_vcpu *vcpu, u64 bits);

#endif /* HVM_CPU_DEBUGREG_H */
