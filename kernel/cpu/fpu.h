/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's x87, SSE, AVX and AVX-512 registers, XCR0 and PKRU: whose are in the processor, when.
 */
#ifndef HVM_CPU_FPU_H
#define HVM_CPU_FPU_H

#include <asm/fpu/api.h>
#include <asm/fpu/types.h>

/**
 * struct hvm_fpu - extended state of one vCPU
 * @guest: registers, swapped with the thread's own for the time of HVM_RUN
 * @xcr0: [V] the guest's XCR0
 * @host_xcr0: [I] the host's
 * @pkru: [V] the guest's PKRU
 * @host_pkru: [V] the thread's, while the guest's is loaded
 *
 * [I] set at create; [V] the vCPU's lock.
 */
struct hvm_fpu {
	struct fpu_guest guest;
	u64 xcr0;
	u64 host_xcr0;
	u32 pkru;
	u32 host_pkru;
};

int hvm_fpu_setup(void);
u32 hvm_fpu_bytes(void);
u64 hvm_fpu_features(void);
bool hvm_fpu_xcr0_valid(u64 xcr0);

int hvm_fpu_init(struct hvm_fpu *fpu);
void hvm_fpu_deinit(struct hvm_fpu *fpu);
void hvm_fpu_load(struct hvm_fpu *fpu);
void hvm_fpu_put(struct hvm_fpu *fpu);
void hvm_fpu_save_state(struct hvm_fpu *fpu, void *image, u32 bytes);
int hvm_fpu_load_state(struct hvm_fpu *fpu, const void *image);
void hvm_fpu_enter(struct hvm_fpu *fpu);
void hvm_fpu_exit(struct hvm_fpu *fpu, bool read_xcr0);

#endif /* HVM_CPU_FPU_H */
