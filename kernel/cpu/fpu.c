// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's extended state. The registers themselves are the kernel's business: it keeps a second
 * fpstate for the thread and swaps the two around HVM_RUN, so that a context switch saves whichever
 * is loaded. Not here: the swapping, and the switching of XCR0 and PKRU around each entry, which
 * are inline (fpu.h), and CPUID leaf 0Dh (cpuid.c).
 */
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/fpu/xcr.h>

#include "fpu.h"

/* Bytes and features of a guest's standard-format XSAVE image; constant from module load on. */
static u32 image_bytes __ro_after_init;
static u64 image_features __ro_after_init;

/* SDM "XSAVE-Supported Features and State-Component Bitmaps" */
#define XFEATURE_BNDS		(XFEATURE_MASK_BNDREGS | XFEATURE_MASK_BNDCSR)

/**
 * hvm_fpu_setup - find out how large a guest's extended state is
 *
 * Return: 0 or -ENOMEM
 * Context: module load
 */
int __init hvm_fpu_setup(void)
{
	struct hvm_fpu probe = {};

	if (!fpu_alloc_guest_fpstate(&probe.guest))
		return -ENOMEM;
	image_bytes = probe.guest.uabi_size;
	image_features = probe.guest.fpstate->user_xfeatures;
	fpu_free_guest_fpstate(&probe.guest);
	if (boot_cpu_has(X86_FEATURE_OSXSAVE))
		image_features &= xgetbv(XCR_XFEATURE_ENABLED_MASK);
	else
		image_features = XFEATURE_MASK_FP;
	/* PKRU is not part of the kernel's user features, but guests have it. */
	if (boot_cpu_has(X86_FEATURE_OSPKE))
		image_features |= XFEATURE_MASK_PKRU;
	return 0;
}

/** hvm_fpu_bytes - size of the xsave state block, bytes */
u32 hvm_fpu_bytes(void)
{
	return image_bytes;
}

/** hvm_fpu_features - XCR0 bits a guest may set */
u64 hvm_fpu_features(void)
{
	return image_features;
}

/**
 * hvm_fpu_xcr0_valid - whether XSETBV takes the value (SDM "XSETBV", exceptions)
 * @xcr0: the value
 */
bool hvm_fpu_xcr0_valid(u64 xcr0)
{
	u64 avx512 = xcr0 & XFEATURE_MASK_AVX512;

	if (xcr0 & ~image_features || !(xcr0 & XFEATURE_MASK_FP))
		return false;
	if ((xcr0 & XFEATURE_MASK_YMM) && !(xcr0 & XFEATURE_MASK_SSE))
		return false;
	if (avx512 && (avx512 != XFEATURE_MASK_AVX512 || !(xcr0 & XFEATURE_MASK_YMM)))
		return false;
	return !(xcr0 & XFEATURE_BNDS) || (xcr0 & XFEATURE_BNDS) == XFEATURE_BNDS;
}

/**
 * hvm_fpu_init - extended state as after reset
 * @fpu: the state
 *
 * Return: 0 or -ENOMEM
 * Context: process
 */
int hvm_fpu_init(struct hvm_fpu *fpu)
{
	if (!fpu_alloc_guest_fpstate(&fpu->guest))
		return -ENOMEM;
	fpu->xcr0 = XFEATURE_MASK_FP;
	fpu->host_xcr0 = fpu->xcr0;
	fpu->pkru = 0;
	if (boot_cpu_has(X86_FEATURE_OSXSAVE))
		fpu->host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	return 0;
}

/**
 * hvm_fpu_deinit - reverse of hvm_fpu_init()
 * @fpu: state that is not loaded
 */
void hvm_fpu_deinit(struct hvm_fpu *fpu)
{
	fpu_free_guest_fpstate(&fpu->guest);
}

/**
 * hvm_fpu_save_state - the xsave state block
 * @fpu: state that is not loaded
 * @image: out: XSAVE image in standard format
 * @bytes: hvm_fpu_bytes()
 */
void hvm_fpu_save_state(struct hvm_fpu *fpu, void *image, u32 bytes)
{
	fpu_copy_guest_fpstate_to_uabi(&fpu->guest, image, bytes, image_features, fpu->pkru);
}

/* Host kernels that do without XSAVE look at no more of the header than its first word. */
static bool header_valid(const struct xregs_state *image)
{
	const struct xstate_header *header = &image->header;

	return !header->xcomp_bv && !memchr_inv(header->reserved, 0, sizeof(header->reserved));
}

/**
 * hvm_fpu_load_state - replace the extended state
 * @fpu: state that is not loaded
 * @image: XSAVE image in standard format, hvm_fpu_bytes() long
 *
 * Return: 0, or -EINVAL: the image's header or MXCSR has bits that the processor would refuse; then
 * nothing has changed
 */
int hvm_fpu_load_state(struct hvm_fpu *fpu, const void *image)
{
	if (!header_valid(image))
		return -EINVAL;
	return fpu_copy_uabi_to_guest_fpstate(&fpu->guest, image, image_features, &fpu->pkru);
}
