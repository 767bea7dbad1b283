// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the processor offers: CPUID Fn8000_000A and the firmware's lock (APM volume 2, "Enabling
 * SVM"), judged once when the module loads, with one line in the log for each reason to refuse. Not
 * here: turning SVM on (host.c).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cache.h>
#include <linux/mem_encrypt.h>
#include <linux/printk.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/tlbflush.h>

#include "svm.h"

#define CPUID_SVM		0x8000000a
#define CPUID_SVM_NP		BIT(0)		/* EDX, as all below */
#define CPUID_SVM_LBR		BIT(1)
#define CPUID_SVM_NRIP		BIT(3)
#define CPUID_SVM_FLUSH_BY_ASID	BIT(6)
#define CPUID_SVM_DECODE	BIT(7)
#define CPUID_SVM_PAUSE_FILTER	BIT(10)
#define CPUID_EXT_ECX_SVM	BIT(2)		/* Fn8000_0001 */
#define VM_CR_SVMDIS		BIT_ULL(4)

#define NPT_PRESENT	BIT_ULL(0)
#define NPT_WRITE	BIT_ULL(1)
#define NPT_USER	BIT_ULL(2)
#define NPT_PWT		BIT_ULL(3)
#define NPT_PCD		BIT_ULL(4)
#define NPT_ACCESSED	BIT_ULL(5)
#define NPT_DIRTY	BIT_ULL(6)
#define NPT_HUGE	BIT_ULL(7)
#define NPT_NX		BIT_ULL(63)

struct svm_caps svm_caps __ro_after_init;

static bool vendor_has_svm(void)
{
	return boot_cpu_data.x86_vendor == X86_VENDOR_AMD ||
	       boot_cpu_data.x86_vendor == X86_VENDOR_HYGON;
}

/*
 * Ask CPUID itself: the kernel may have cleared its own flag, for the very reason that is to be
 * told.
 */
static int check_present(void)
{
	if (!vendor_has_svm())
		return -ENODEV;
	if (cpuid_eax(0x80000000) < CPUID_SVM || !(cpuid_ecx(0x80000001) & CPUID_EXT_ECX_SVM)) {
		pr_err("this processor shows no AMD-V: in a virtual machine, give it nested virtualization\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int check_firmware(void)
{
	u64 vm_cr;

	if (rdmsrl_safe(MSR_VM_CR, &vm_cr)) {
		pr_err("the processor hides VM_CR: ask whoever provides this machine for nested virtualization\n");
		return -EOPNOTSUPP;
	}
	if (vm_cr & VM_CR_SVMDIS) {
		pr_err("AMD-V is switched off: turn on SVM (\"SVM Mode\") in the firmware's setup\n");
		return -EACCES;
	}
	return 0;
}

/*
 * An emulated host may lack NRIP save: the intercepted instructions' own lengths stand in (exit.c).
 * The emulator that does (QEMU) does not intercept XSETBV either, though it takes the intercept
 * bit.
 */
static int check_features(u32 asids, u32 edx)
{
	if (!(edx & CPUID_SVM_NP)) {
		pr_err("this processor has no nested paging (NPT): one from 2008 or later is needed\n");
		return -EOPNOTSUPP;
	}
	if (!(edx & CPUID_SVM_NRIP) && !boot_cpu_has(X86_FEATURE_HYPERVISOR)) {
		pr_err("this processor does not save the next RIP at exits (NRIPS): a newer one is needed\n");
		return -EOPNOTSUPP;
	}
	if (asids < 2) {
		pr_err("this processor has no address space id for guests: a newer one is needed\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

/*
 * Nested tables are the host's own format, as deep as the host's, and walked with user rights (APM
 * volume 2, "Nested Paging"). The memory-encryption bit of a host that uses it belongs into every
 * entry that points to memory.
 */
static void describe_tdp(struct hvm_tdp_format *tdp)
{
	*tdp = (struct hvm_tdp_format) {
		.levels = cr4_read_shadow() & X86_CR4_LA57 ? 5 : 4,
		.max_leaf = boot_cpu_has(X86_FEATURE_GBPAGES) ? 3 : 2,
		.table = __sme_set(NPT_PRESENT | NPT_WRITE | NPT_USER | NPT_ACCESSED),
		.read = NPT_PRESENT | NPT_USER,
		.write = NPT_WRITE,
		.noexec = NPT_NX,
		.present = NPT_PRESENT,
		.huge = NPT_HUGE,
		.accessed = NPT_ACCESSED,
		.dirty = NPT_DIRTY,
		.memtype_wb = __sme_set(0),
		.memtype_uc = NPT_PCD | NPT_PWT,
		.address = __sme_clr(GENMASK_ULL(51, 12)),
	};
}

static void describe(struct hvm_caps *caps)
{
	describe_tdp(&caps->tdp);
	caps->vendor = HVM_VENDOR_AMD;
	caps->has_nrip = svm_caps.nrip;
	caps->xsetbv_silent = !svm_caps.nrip;
	caps->gpa_bits = min_t(u32, boot_cpu_data.x86_phys_bits, caps->tdp.levels == 5 ? 52 : 48);
	caps->features = HVM_FEATURE_2M_PAGES;
	if (caps->tdp.max_leaf == 3)
		caps->features |= HVM_FEATURE_1G_PAGES;
	if (boot_cpu_has(X86_FEATURE_LA57))
		caps->features |= HVM_FEATURE_LA57;
	if (svm_caps.insn_bytes)
		caps->features |= HVM_FEATURE_INSN_BYTES;
}

/**
 * svm_caps_find - judge the processor and describe it
 * @caps: filled in
 *
 * Return: 0; -ENODEV, silently: another vendor's; -EOPNOTSUPP, -EACCES: one line says why and what
 *	to do
 */
int svm_caps_find(struct hvm_caps *caps)
{
	u32 eax, asids, ecx, edx;
	int err;

	err = check_present();
	if (!err)
		err = check_firmware();
	if (err)
		return err;
	cpuid(CPUID_SVM, &eax, &asids, &ecx, &edx);
	err = check_features(asids, edx);
	if (err)
		return err;

	svm_caps = (struct svm_caps) {
		.nrip = edx & CPUID_SVM_NRIP,
		.flush_by_asid = edx & CPUID_SVM_FLUSH_BY_ASID,
		.insn_bytes = edx & CPUID_SVM_DECODE,
		.pause_filter = edx & CPUID_SVM_PAUSE_FILTER,
		.lbr = edx & CPUID_SVM_LBR,
		.tsc_aux = boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID),
		.max_asid = asids - 1,
	};
	describe(caps);
	return 0;
}
