/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HVM_GET_STATE and HVM_SET_STATE: all of a vCPU, in blocks.
 */
#ifndef HVM_CPU_STATE_H
#define HVM_CPU_STATE_H

struct hvm_state;
struct hvm_vcpu;

int hvm_state_get(struct hvm_vcpu *vcpu, struct hvm_state *state);
int hvm_state_set(struct hvm_vcpu *vcpu, struct hvm_state *state);

#endif /* HVM_CPU_STATE_H */
