/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU's fd: its ioctls and its run page.
 */
#ifndef HVM_VCPU_FILE_H
#define HVM_VCPU_FILE_H

struct hvm_vcpu;

long hvm_vcpu_file_open(struct hvm_vcpu *vcpu);

#endif /* HVM_VCPU_FILE_H */
