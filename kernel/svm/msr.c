// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs that the hardware switches between guest and host, and the permission maps for MSRs and
 * ports. There are two MSR maps for all guests of the host: the usual one and the one that lets
 * nothing through. Not here: what the other MSRs mean (common code).
 */
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>

#include "../compat.h"
#include "svm.h"

#define IO_MAP_BYTES	(3 * PAGE_SIZE)	/* a bit a port, and some beyond the last */
#define MSR_MAP_BYTES	(2 * PAGE_SIZE)	/* two bits an MSR: read, write */

/*
 * Let through: what VMLOAD and VMSAVE switch, so that the register of this very moment is the
 * guest's own, and PRED_CMD, which has no state.
 */
static const u32 passed[] = {
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK,
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
};

static const u32 carried[] = {
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK,
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	MSR_IA32_CR_PAT, MSR_IA32_DEBUGCTLMSR, MSR_TSC_AUX, MSR_IA32_SPEC_CTRL,
};

static u32 list[ARRAY_SIZE(carried) + 1];
static u8 *io_map;
static u8 *msr_map;
static u8 *msr_map_all;

/* APM volume 2, "MSR Intercepts": three ranges of 8,192 MSRs, 2 KiB each. */
static void pass(u32 index, bool read, bool write)
{
	u32 range = index < 0x2000 ? 0 : index >> 16 == 0xc000 ? 1 : 2;
	u32 bit = range * 0x4000 + (index & 0x1fff) * 2;

	if (read)
		msr_map[bit / 8] &= ~BIT(bit % 8);
	if (write)
		msr_map[bit / 8] &= ~BIT(bit % 8 + 1);
}

static void pass_default(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(passed); i++)
		pass(passed[i], true, true);
	if (boot_cpu_has(X86_FEATURE_IBPB))
		pass(MSR_IA32_PRED_CMD, false, true);
	if (boot_cpu_has(X86_FEATURE_V_SPEC_CTRL))
		pass(MSR_IA32_SPEC_CTRL, true, true);
}

static bool exists(u32 index)
{
	if (index == MSR_TSC_AUX)
		return svm_caps.tsc_aux;
	if (index == MSR_IA32_SPEC_CTRL)
		return boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL);
	return true;
}

static void make_list(void)
{
	int i, count = 0;

	for (i = 0; i < ARRAY_SIZE(carried); i++)
		if (exists(carried[i]))
			list[count++] = carried[i];
	list[count] = 0;
}

static void *full_map(size_t bytes)
{
	void *map = alloc_pages_exact(bytes, GFP_KERNEL);

	if (map)
		memset(map, 0xff, bytes);
	return map;
}

/**
 * svm_msr_setup - make the maps and the list
 *
 * Return: 0 or -ENOMEM
 */
int svm_msr_setup(void)
{
	io_map = full_map(IO_MAP_BYTES);
	msr_map = full_map(MSR_MAP_BYTES);
	msr_map_all = full_map(MSR_MAP_BYTES);
	if (!io_map || !msr_map || !msr_map_all) {
		svm_msr_teardown();
		return -ENOMEM;
	}
	pass_default();
	make_list();
	return 0;
}

static void free_map(u8 **map, size_t bytes)
{
	if (*map)
		free_pages_exact(*map, bytes);
	*map = NULL;
}

/**
 * svm_msr_teardown - reverse of svm_msr_setup()
 */
void svm_msr_teardown(void)
{
	free_map(&msr_map_all, MSR_MAP_BYTES);
	free_map(&msr_map, MSR_MAP_BYTES);
	free_map(&io_map, IO_MAP_BYTES);
}

/**
 * svm_msr_map - physical address of an MSR permission map
 * @exit_all: the one that lets nothing through
 */
u64 svm_msr_map(bool exit_all)
{
	return __sme_pa(exit_all ? msr_map_all : msr_map);
}

/**
 * svm_io_map - physical address of the port permission map: every access exits
 */
u64 svm_io_map(void)
{
	return __sme_pa(io_map);
}

/**
 * svm_msr_list - &hvm_backend.msr_list
 */
const u32 *svm_msr_list(void)
{
	return list;
}

/*
 * The place in the VMCB of an MSR whose every value is right, or, with @canonical set, every
 * canonical one.
 */
static u64 *vmcb_place(struct vmcb *vmcb, u32 index, bool *canonical)
{
	*canonical = false;
	switch (index) {
	case MSR_STAR:
		return &vmcb->star;
	case MSR_SYSCALL_MASK:
		return &vmcb->sfmask;
	case MSR_IA32_SYSENTER_CS:
		return &vmcb->sysenter_cs;
	}
	*canonical = true;
	switch (index) {
	case MSR_LSTAR:
		return &vmcb->lstar;
	case MSR_CSTAR:
		return &vmcb->cstar;
	case MSR_FS_BASE:
		return &vmcb->fs.base;
	case MSR_GS_BASE:
		return &vmcb->gs.base;
	case MSR_KERNEL_GS_BASE:
		return &vmcb->kernel_gs_base;
	case MSR_IA32_SYSENTER_ESP:
		return &vmcb->sysenter_esp;
	case MSR_IA32_SYSENTER_EIP:
		return &vmcb->sysenter_eip;
	}
	return NULL;
}

static bool is_canonical(u64 value)
{
	int unused = 64 - (boot_cpu_has(X86_FEATURE_LA57) ? 57 : 48);

	return (u64)((s64)(value << unused) >> unused) == value;
}

/* Eight memory types: 0, 1, 4 to 7 (APM volume 2, "PAT Register"). */
static bool is_pat(u64 value)
{
	int i;

	for (i = 0; i < 64; i += 8) {
		u8 type = value >> i;

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

static u64 spec_ctrl_bits(void)
{
	u64 bits = 0;

	if (boot_cpu_has(X86_FEATURE_IBRS))
		bits |= SPEC_CTRL_IBRS;
	if (boot_cpu_has(X86_FEATURE_STIBP))
		bits |= SPEC_CTRL_STIBP;
	if (boot_cpu_has(X86_FEATURE_AMD_SSBD))
		bits |= SPEC_CTRL_SSBD;
	if (boot_cpu_has(X86_FEATURE_AMD_PSFD))
		bits |= SPEC_CTRL_PSFD;
	return bits;
}

static int set_spec_ctrl(struct svm_vcpu *svm, u64 value)
{
	if (!boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL))
		return -ENOENT;
	if (value & ~spec_ctrl_bits())
		return -EINVAL;
	if (boot_cpu_has(X86_FEATURE_V_SPEC_CTRL))
		svm->vmcb->spec_ctrl = value;
	else
		svm->spec_ctrl = value;
	return 0;
}

/*
 * A loaded virtual CPU has its value in the register, and svm_put() must not find another one in
 * the struct.
 */
static int set_tsc_aux(struct svm_vcpu *svm, u64 value)
{
	struct svm_cpu *host;

	if (!svm_caps.tsc_aux)
		return -ENOENT;
	if (value >> 32)
		return -EINVAL;
	preempt_disable();
	host = this_cpu_ptr(&svm_cpu);
	if (svm->loaded && (value != svm->tsc_aux || value != host->tsc_aux))
		wrmsrl(MSR_TSC_AUX, value);
	svm->tsc_aux = value;
	preempt_enable();
	return 0;
}

/*
 * Where the branch records can be the guest's own, so can DebugCtl: both are switched as soon as a
 * bit is set. Elsewhere the register is the host's, and the guest's can only be zero.
 */
static int set_debugctl(struct svm_vcpu *svm, u64 value)
{
	if (value & ~(u64)(DEBUGCTLMSR_LBR | DEBUGCTLMSR_BTF))
		return -EINVAL;
	if (value && !svm_caps.lbr)
		return -EINVAL;
	svm->vmcb->debugctl = value;
	svm->vmcb->lbr_control = value ? VMCB_LBR_ENABLE : 0;
	svm->vmcb->clean &= ~VMCB_CLEAN_LBR;
	return 0;
}

static int set_pat(struct vmcb *vmcb, u64 value)
{
	if (!is_pat(value))
		return -EINVAL;
	vmcb->g_pat = value;
	vmcb->clean &= ~VMCB_CLEAN_NESTED_PAGING;
	return 0;
}

/**
 * svm_get_msr - &hvm_backend.get_msr
 * @hw: the virtual CPU
 * @index: which
 * @value: filled in
 *
 * Return: 0 or -ENOENT
 */
int svm_get_msr(struct hvm_hw *hw, u32 index, u64 *value)
{
	struct svm_vcpu *svm = to_svm(hw);
	bool canonical;
	u64 *place = vmcb_place(svm->vmcb, index, &canonical);

	if (place) {
		*value = *place;
		return 0;
	}
	if (!exists(index))
		return -ENOENT;
	switch (index) {
	case MSR_IA32_CR_PAT:
		*value = svm->vmcb->g_pat;
		return 0;
	case MSR_IA32_DEBUGCTLMSR:
		*value = svm->vmcb->debugctl;
		return 0;
	case MSR_TSC_AUX:
		*value = svm->tsc_aux;
		return 0;
	case MSR_IA32_SPEC_CTRL:
		*value = boot_cpu_has(X86_FEATURE_V_SPEC_CTRL) ? svm->vmcb->spec_ctrl :
								 svm->spec_ctrl;
		return 0;
	}
	return -ENOENT;
}

/**
 * svm_set_msr - &hvm_backend.set_msr
 * @hw: the virtual CPU
 * @index: which
 * @value: its value
 *
 * FS and GS are loaded by VMLOAD, on every entry: they belong to no group of clean bits.
 *
 * Return: 0, -ENOENT: not one of the carried; -EINVAL: WRMSR would raise #GP
 */
int svm_set_msr(struct hvm_hw *hw, u32 index, u64 value)
{
	struct svm_vcpu *svm = to_svm(hw);
	bool canonical;
	u64 *place = vmcb_place(svm->vmcb, index, &canonical);

	if (place) {
		if (canonical && !is_canonical(value))
			return -EINVAL;
		*place = value;
		return 0;
	}
	switch (index) {
	case MSR_IA32_CR_PAT:
		return set_pat(svm->vmcb, value);
	case MSR_IA32_DEBUGCTLMSR:
		return set_debugctl(svm, value);
	case MSR_TSC_AUX:
		return set_tsc_aux(svm, value);
	case MSR_IA32_SPEC_CTRL:
		return set_spec_ctrl(svm, value);
	}
	return -ENOENT;
}
