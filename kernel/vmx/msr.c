// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs that the hardware holds for the guest: where each of them lives, which the guest reaches
 * without an exit, and what the processor would say to a value. Not here: MSRs that common code
 * holds (../cpu/msr.c), EFER (state.c).
 */
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/preempt.h>
#include <asm/apicdef.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>

#include "vmx.h"

/*
 * SDM "MSR-Bitmap Address": 1 KiB each for reads and writes of the low and the high range; a set
 * bit exits.
 */
#define BITMAP_HIGH		1024
#define BITMAP_WRITE		2048
#define BITMAP_RANGE		0x2000
#define HIGH_FIRST		0xc0000000

#define PASS_READ		BIT(0)
#define PASS_WRITE		BIT(1)

/*
 * What a guest reaches by itself: registers that entry and exit switch completely, and the TSC, to
 * which the offset is added.
 */
static const struct {
	u32 index;
	u32 pass;
} passed[] = {
	{ MSR_FS_BASE, PASS_READ | PASS_WRITE },
	{ MSR_GS_BASE, PASS_READ | PASS_WRITE },
	{ MSR_KERNEL_GS_BASE, PASS_READ | PASS_WRITE },
	{ MSR_IA32_SYSENTER_CS, PASS_READ | PASS_WRITE },
	{ MSR_IA32_SYSENTER_ESP, PASS_READ | PASS_WRITE },
	{ MSR_IA32_SYSENTER_EIP, PASS_READ | PASS_WRITE },
	{ MSR_IA32_TSC, PASS_READ },
};

/* Three bitmaps serve all guests; constant after setup. */
static u8 *bitmap_default, *bitmap_vapic, *bitmap_all;

static void pass(u8 *bitmap, u32 index)
{
	u32 bit = index % BITMAP_RANGE;

	if (index >= HIGH_FIRST)
		bitmap += BITMAP_HIGH;
	bitmap[bit / 8] &= ~BIT(bit % 8);
}

static void fill_default(u8 *bitmap)
{
	int i;

	memset(bitmap, 0xff, PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(passed); i++) {
		if (passed[i].pass & PASS_READ)
			pass(bitmap, passed[i].index);
		if (passed[i].pass & PASS_WRITE)
			pass(bitmap + BITMAP_WRITE, passed[i].index);
	}
}

/* Where the processor answers for the local APIC. */
static void add_vapic(u8 *bitmap)
{
	u32 reg;

	for (reg = 0; reg < 64; reg++) {
		if (HVM_VAPIC_READ & BIT_ULL(reg))
			pass(bitmap, APIC_BASE_MSR + reg);
		if (HVM_VAPIC_WRITE & BIT_ULL(reg))
			pass(bitmap + BITMAP_WRITE, APIC_BASE_MSR + reg);
	}
}

/**
 * vmx_msr_alloc - the bitmaps
 *
 * Return: 0 or -ENOMEM
 */
int vmx_msr_alloc(void)
{
	bitmap_default = (void *)__get_free_page(GFP_KERNEL);
	bitmap_vapic = (void *)__get_free_page(GFP_KERNEL);
	bitmap_all = (void *)__get_free_page(GFP_KERNEL);
	if (!bitmap_default || !bitmap_vapic || !bitmap_all) {
		vmx_msr_free();
		return -ENOMEM;
	}
	memset(bitmap_all, 0xff, PAGE_SIZE);
	fill_default(bitmap_default);
	fill_default(bitmap_vapic);
	add_vapic(bitmap_vapic);
	return 0;
}

/**
 * vmx_msr_free - reverse of vmx_msr_alloc()
 */
void vmx_msr_free(void)
{
	free_page((unsigned long)bitmap_default);
	free_page((unsigned long)bitmap_vapic);
	free_page((unsigned long)bitmap_all);
	bitmap_default = NULL;
	bitmap_vapic = NULL;
	bitmap_all = NULL;
}

/**
 * vmx_msr_bitmap - physical address of the bitmap a vCPU wants
 * @vmx: the vCPU
 */
u64 vmx_msr_bitmap(const struct vmx_vcpu *vmx)
{
	if (vmx->hw.exit_all_msrs)
		return __pa(bitmap_all);
	return __pa(vmx->hw.vapic.on ? bitmap_vapic : bitmap_default);
}

/* --- where they live --------------------------------------------------------- */

/* The field of the VMCS, or 0. */
static u32 field_of(u32 index)
{
	switch (index) {
	case MSR_FS_BASE:
		return VMCS_GUEST_BASE(HVM_FS);
	case MSR_GS_BASE:
		return VMCS_GUEST_BASE(HVM_GS);
	case MSR_IA32_SYSENTER_CS:
		return VMCS_GUEST_SYSENTER_CS;
	case MSR_IA32_SYSENTER_ESP:
		return VMCS_GUEST_SYSENTER_ESP;
	case MSR_IA32_SYSENTER_EIP:
		return VMCS_GUEST_SYSENTER_EIP;
	case MSR_IA32_CR_PAT:
		return VMCS_GUEST_PAT;
	case MSR_IA32_DEBUGCTLMSR:
		return VMCS_GUEST_DEBUGCTL;
	}
	return 0;
}

/* The slot of &vmx_vcpu.syscall_msr, or -1. */
static int slot_of(u32 index)
{
	switch (index) {
	case MSR_STAR:
		return VMX_MSR_STAR;
	case MSR_LSTAR:
		return VMX_MSR_LSTAR;
	case MSR_CSTAR:
		return VMX_MSR_CSTAR;
	case MSR_SYSCALL_MASK:
		return VMX_MSR_SFMASK;
	case MSR_TSC_AUX:
		return vmx_caps.has_tsc_aux ? VMX_MSR_TSC_AUX : -1;
	}
	return -1;
}

static bool has_spec_ctrl(void)
{
	return boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL);
}

static u64 read_field(struct vmx_vcpu *vmx, u32 field)
{
	struct vmx_vcpu *before;
	u64 value;

	if (vmx->loaded)
		return vmcs_read(field);
	before = vmx_hold(vmx);
	value = vmcs_read(field);
	vmx_unhold(vmx, before);
	return value;
}

static void write_field(struct vmx_vcpu *vmx, u32 field, u64 value)
{
	struct vmx_vcpu *before;

	if (vmx->loaded) {
		vmcs_write(field, value);
		return;
	}
	before = vmx_hold(vmx);
	vmcs_write(field, value);
	vmx_unhold(vmx, before);
}

/* While loaded it is in the register; preemption would move it. */
static u64 read_kernel_gs(struct vmx_vcpu *vmx)
{
	u64 value;

	preempt_disable();
	value = vmx->kernel_gs_base;
	if (vmx->loaded)
		value = __rdmsr(MSR_KERNEL_GS_BASE);
	preempt_enable();
	return value;
}

static void write_kernel_gs(struct vmx_vcpu *vmx, u64 value)
{
	preempt_disable();
	vmx->kernel_gs_base = value;
	if (vmx->loaded)
		native_wrmsrl(MSR_KERNEL_GS_BASE, value);
	preempt_enable();
}

static void write_slot(struct vmx_vcpu *vmx, int slot, u64 value)
{
	preempt_disable();
	vmx->syscall_msr[slot] = value;
	if (vmx->loaded)
		vmx_user_return_load(vmx);
	preempt_enable();
}

/**
 * vmx_get_msr - read an MSR that the hardware holds for the guest
 * @hw: the vCPU
 * @index: which
 * @value: its value
 *
 * Return: 0; -ENOENT: not one of them
 * Context: loaded by this thread, or by nobody and interrupts on
 */
int vmx_get_msr(struct hvm_hw *hw, u32 index, u64 *value)
{
	struct vmx_vcpu *vmx = to_vmx(hw);
	u32 field = field_of(index);
	int slot = slot_of(index);

	if (field)
		*value = read_field(vmx, field);
	else if (slot >= 0)
		*value = vmx->syscall_msr[slot];
	else if (index == MSR_KERNEL_GS_BASE)
		*value = read_kernel_gs(vmx);
	else if (index == MSR_IA32_SPEC_CTRL && has_spec_ctrl())
		*value = vmx->frame.guest_spec;
	else
		return -ENOENT;
	return 0;
}

/* --- what the processor would say ---------------------------------------------- */

/* SDM "IA32_PAT MSR": each byte one of UC, WC, WT, WP, WB, UC-. */
static bool valid_pat(u64 pat)
{
	int i;

	for (i = 0; i < 64; i += 8) {
		u8 type = pat >> i;

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

/* Which bits there are depends on processor and microcode: try it where it would be used. */
static bool valid_spec_ctrl(u64 value)
{
	unsigned long flags;
	u64 host;
	bool valid;

	if (value >> 32)
		return false;
	local_irq_save(flags);
	valid = !rdmsrl_safe(MSR_IA32_SPEC_CTRL, &host) && !wrmsrl_safe(MSR_IA32_SPEC_CTRL, value);
	if (valid)
		native_wrmsrl(MSR_IA32_SPEC_CTRL, host);
	local_irq_restore(flags);
	return valid;
}

static bool valid(u32 index, u64 value)
{
	switch (index) {
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE:
	case MSR_IA32_SYSENTER_ESP:
	case MSR_IA32_SYSENTER_EIP:
	case MSR_LSTAR:
	case MSR_CSTAR:
		return vmx_canonical(value);
	case MSR_SYSCALL_MASK:
	case MSR_IA32_SYSENTER_CS:
	case MSR_TSC_AUX:
		return !(value >> 32);
	case MSR_IA32_CR_PAT:
		return valid_pat(value);
	case MSR_IA32_DEBUGCTLMSR:
		/*
		 * Branch records and the rest are the host's; a guest has single-stepping on
		 * branches only.
		 */
		return !(value & ~(u64)DEBUGCTLMSR_BTF);
	case MSR_IA32_SPEC_CTRL:
		return valid_spec_ctrl(value);
	}
	return true;
}

/**
 * vmx_set_msr - write an MSR that the hardware holds for the guest
 * @hw: the vCPU
 * @index: which
 * @value: its value
 *
 * Return: 0; -ENOENT: not one of them; -EINVAL: WRMSR would raise #GP
 * Context: loaded by this thread, or by nobody and interrupts on
 */
int vmx_set_msr(struct hvm_hw *hw, u32 index, u64 value)
{
	struct vmx_vcpu *vmx = to_vmx(hw);
	u32 field = field_of(index);
	int slot = slot_of(index);
	bool spec = index == MSR_IA32_SPEC_CTRL && has_spec_ctrl();

	if (!field && slot < 0 && index != MSR_KERNEL_GS_BASE && !spec)
		return -ENOENT;
	if (!valid(index, value))
		return -EINVAL;
	if (field)
		write_field(vmx, field, value);
	else if (slot >= 0)
		write_slot(vmx, slot, value);
	else if (spec)
		vmx->frame.guest_spec = value;
	else
		write_kernel_gs(vmx, value);
	return 0;
}

/* The free places are for what not every processor has; the last stays 0. */
static u32 list[] = {
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK,
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	MSR_IA32_CR_PAT, MSR_IA32_DEBUGCTLMSR,
	0, 0, 0
};

/**
 * vmx_msr_list - the MSRs of vmx_get_msr() and vmx_set_msr()
 *
 * Return: indices, terminated by 0
 */
const u32 *vmx_msr_list(void)
{
	unsigned int n = ARRAY_SIZE(list) - 3;

	if (vmx_caps.has_tsc_aux)
		list[n++] = MSR_TSC_AUX;
	if (has_spec_ctrl())
		list[n++] = MSR_IA32_SPEC_CTRL;
	return list;
}
