/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control registers: which values are architecturally right, and what a write that the hardware
 * does not finish by itself means.
 */
#ifndef HVM_CPU_CONTROL_H
#define HVM_CPU_CONTROL_H

#include <linux/types.h>

struct hvm_state_control;
struct hvm_vcpu;

bool hvm_control_valid(const struct hvm_state_control *control);
bool hvm_control_efer_valid(u64 efer);
bool hvm_control_write(struct hvm_vcpu *vcpu, u8 nr, u64 value);

#endif /* HVM_CPU_CONTROL_H */
