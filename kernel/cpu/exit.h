/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an exit leads to: back into the guest, or out to userspace.
 */
#ifndef HVM_CPU_EXIT_H
#define HVM_CPU_EXIT_H

#include "../types.h"

struct hvm_vcpu;

enum hvm_next {
	HVM_NEXT_ENTER,		/* enter the guest again */
	HVM_NEXT_LEAVE,		/* return to userspace: the run page tells why */
	HVM_NEXT_NOMEM,		/* return to userspace with -ENOMEM; the exit repeats */
};

enum hvm_next hvm_exit_handle(struct hvm_vcpu *vcpu, struct hvm_exit *exit);
enum hvm_next hvm_exit_leave(struct hvm_vcpu *vcpu, u32 reason);
enum hvm_next hvm_exit_leave_absent(struct hvm_vcpu *vcpu, gpa_t gpa);
enum hvm_next hvm_exit_tell_eois(struct hvm_vcpu *vcpu);

#endif /* HVM_CPU_EXIT_H */
