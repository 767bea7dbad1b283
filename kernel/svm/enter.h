/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What enter.S has to know of a virtual CPU, by offset, and its one function.
 */
#ifndef HVM_SVM_ENTER_H
#define HVM_SVM_ENTER_H

#define SVM_ENTRY_VMCB_PA	0x00
#define SVM_ENTRY_HOST_PA	0x08
#define SVM_ENTRY_GPR		0x10
#define SVM_ENTRY_VMCB		0x18
#define SVM_ENTRY_GUEST_SPEC	0x20
#define SVM_ENTRY_HOST_SPEC	0x28

#define SVM_VMCB_EXIT_CODE	0x70
#define SVM_VMCB_EXIT_INT_INFO	0x88
#define SVM_EXIT_INTR		0x60

#ifndef __ASSEMBLY__

#include "vmcb.h"

/**
 * struct svm_entry - the operands of VMRUN
 * @vmcb_pa: [I] the guest's VMCB
 * @host_pa: [V] this CPU's VMCB for VMSAVE and VMLOAD of the host
 * @gpr: [I] the guest's registers, by enum hvm_gpr; RAX and RSP are in the VMCB
 * @vmcb: [I] the guest's VMCB
 * @guest_spec_ctrl: [V] SPEC_CTRL while in the guest
 * @host_spec_ctrl: [V] SPEC_CTRL of this CPU now
 *
 * [I] set at create; [V] the thread that holds the vCPU's mutex.
 */
struct svm_entry {
	u64 vmcb_pa;
	u64 host_pa;
	u64 *gpr;
	struct vmcb *vmcb;
	u64 guest_spec_ctrl;
	u64 host_spec_ctrl;
};

static_assert(offsetof(struct svm_entry, vmcb_pa) == SVM_ENTRY_VMCB_PA);
static_assert(offsetof(struct svm_entry, host_pa) == SVM_ENTRY_HOST_PA);
static_assert(offsetof(struct svm_entry, gpr) == SVM_ENTRY_GPR);
static_assert(offsetof(struct svm_entry, vmcb) == SVM_ENTRY_VMCB);
static_assert(offsetof(struct svm_entry, guest_spec_ctrl) == SVM_ENTRY_GUEST_SPEC);
static_assert(offsetof(struct svm_entry, host_spec_ctrl) == SVM_ENTRY_HOST_SPEC);
static_assert(offsetof(struct vmcb, exit_code) == SVM_VMCB_EXIT_CODE);
static_assert(offsetof(struct vmcb, exit_int_info) == SVM_VMCB_EXIT_INT_INFO);
static_assert(VMEXIT_INTR == SVM_EXIT_INTR);

/**
 * svm_vmrun - one trip into the guest and back
 * @entry: the operands
 *
 * Context: interrupts off before and after; they are off for the whole trip as far as the host can
 *	tell.
 */
void svm_vmrun(const struct svm_entry *entry);

#endif /* __ASSEMBLY__ */

#endif /* HVM_SVM_ENTER_H */
