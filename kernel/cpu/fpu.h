/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's x87, SSE, AVX and AVX-512 registers, XCR0 and PKRU: whose are in the processor, when.
 */
#ifndef HVM_CPU_FPU_H
#define HVM_CPU_FPU_H

#include <linux/sched.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/special_insns.h>

/**
 * struct hvm_fpu - extended state of one vCPU
 * @guest: registers, swapped with the thread's own for the time of HVM_RUN
 * @xcr0: [V] the guest's XCR0
 * @host_xcr0: [I] the host's; without XSAVE equal to @xcr0, which nobody can change then
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
void hvm_fpu_save_state(struct hvm_fpu *fpu, void *image, u32 bytes);
int hvm_fpu_load_state(struct hvm_fpu *fpu, const void *image);

/**
 * hvm_fpu_load - make the guest's registers the thread's
 * @fpu: the state
 *
 * Context: process, the vCPU's lock held
 */
static inline void hvm_fpu_load(struct hvm_fpu *fpu)
{
	fpu_swap_kvm_fpstate(&fpu->guest, true);
	if (cpu_feature_enabled(X86_FEATURE_OSPKE))
		fpu->host_pkru = rdpkru();
}

/**
 * hvm_fpu_put - reverse of hvm_fpu_load()
 * @fpu: the state
 *
 * Context: process, the vCPU's lock held
 */
static inline void hvm_fpu_put(struct hvm_fpu *fpu)
{
	fpu_swap_kvm_fpstate(&fpu->guest, false);
}

/**
 * hvm_fpu_enter - last step before the guest: registers, XCR0 and PKRU
 * @fpu: the state, loaded
 *
 * A context switch since hvm_fpu_load() leaves the registers in memory (TIF_NEED_FPU_LOAD).
 *
 * Context: interrupts off
 */
static __always_inline void hvm_fpu_enter(struct hvm_fpu *fpu)
{
	if (unlikely(test_thread_flag(TIF_NEED_FPU_LOAD)))
		switch_fpu_return();
	if (unlikely(fpu->xcr0 != fpu->host_xcr0))
		xsetbv(XCR_XFEATURE_ENABLED_MASK, fpu->xcr0);
	if (cpu_feature_enabled(X86_FEATURE_OSPKE) && fpu->host_pkru != fpu->pkru)
		wrpkru(fpu->pkru);
}

/**
 * hvm_fpu_exit - first step after the guest: the host's XCR0 and PKRU
 * @fpu: the state, loaded
 * @read_xcr0: the guest may have changed XCR0 without an exit
 *
 * The thread's PKRU is what it was at hvm_fpu_load(): only the thread itself changes it.
 *
 * Context: interrupts off
 */
static __always_inline void hvm_fpu_exit(struct hvm_fpu *fpu, bool read_xcr0)
{
	if (unlikely(read_xcr0) && boot_cpu_has(X86_FEATURE_OSXSAVE))
		fpu->xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (unlikely(fpu->xcr0 != fpu->host_xcr0))
		xsetbv(XCR_XFEATURE_ENABLED_MASK, fpu->host_xcr0);
	if (cpu_feature_enabled(X86_FEATURE_OSPKE)) {
		fpu->pkru = rdpkru();
		if (fpu->host_pkru != fpu->pkru)
			wrpkru(fpu->host_pkru);
	}
}

#endif /* HVM_CPU_FPU_H */
