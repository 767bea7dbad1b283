// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model-specific registers. Each one that common code knows is a row of a table; the numbers that
 * are not in it are the backend's, or nobody's. Guest accesses are judged by what CPUID announces;
 * those of userspace, which carry state, are not. Not here: the policy (msrfilter.c).
 */
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include <asm/tsc.h>

#include "control.h"
#include "cpuid.h"
#include "msr.h"
#include "msrfilter.h"
#include "pv.h"
#include "vcpu.h"

/* Registers whose names differ between kernels, or that only guests use. */
#define MSR_INTEL_PLATFORM_ID		0x17
#define MSR_MTRR_CAP			0xfe
#define MSR_MTRR_DEF_TYPE		0x2ff
#define MSR_AMD_SYSCFG			0xc0010010
#define MSR_AMD_INT_PENDING		0xc0010055
#define MSR_AMD_VM_CR			0xc0010114
#define MSR_AMD_DE_CFG			0xc0011029

#define FEAT_CTL_IS_LOCKED		BIT_ULL(0)
#define MISC_ENABLE_FAST_STRINGS	BIT_ULL(0)
#define MISC_ENABLE_FIXED		(BIT_ULL(11) | BIT_ULL(12))	/* no BTS, no PEBS */
#define MCG_STATUS_BITS			GENMASK_ULL(2, 0)
#define HWCR_KEPT			(BIT_ULL(18) | BIT_ULL(24))	/* McStatusWrEn, TscFreqSel */
#define HWCR_IGNORED			(BIT_ULL(3) | BIT_ULL(6) | BIT_ULL(8))
#define HWCR_RESET			BIT_ULL(24)
#define NB_CFG_KEPT			BIT_ULL(46)	/* EnableCf8ExtCfg */
#define DE_CFG_LFENCE			BIT_ULL(1)
#define VM_CR_SVM_OFF			(BIT_ULL(3) | BIT_ULL(4))	/* locked, disabled */

#define SPEC_CTRL_BIT_IBRS		BIT_ULL(0)
#define SPEC_CTRL_BIT_STIBP		BIT_ULL(1)
#define SPEC_CTRL_BIT_SSBD		BIT_ULL(2)
#define SPEC_CTRL_BITS_IPRED		GENMASK_ULL(4, 3)
#define SPEC_CTRL_BITS_RRSBA		GENMASK_ULL(6, 5)
#define SPEC_CTRL_BIT_PSFD		BIT_ULL(7)
#define SPEC_CTRL_BIT_BHI		BIT_ULL(10)
#define PRED_CMD_BIT_IBPB		BIT_ULL(0)
#define FLUSH_CMD_BIT_L1D		BIT_ULL(0)

/*
 * IA32_ARCH_CAPABILITIES: what is said about the core and stays true in a guest. Bits that announce
 * a further MSR are not among them.
 */
#define ARCH_CAPS_OFFERED								\
	(GENMASK_ULL(6, 0) | BIT_ULL(8) | GENMASK_ULL(15, 13) | BIT_ULL(17) | BIT_ULL(19) |	\
	 BIT_ULL(20) | BIT_ULL(24) | GENMASK_ULL(28, 26) | BIT_ULL(62))
#define ARCH_CAPS_RDCL_NO		BIT_ULL(0)
#define ARCH_CAPS_SSB_NO		BIT_ULL(4)
#define ARCH_CAPS_MDS_NO		BIT_ULL(5)
#define ARCH_CAPS_PSCHANGE_MC_NO	BIT_ULL(6)

enum msr_row {
	ROW_BACKEND,		/* everything that has no row of its own */
	ROW_TSC,
	ROW_TSC_ADJUST,
	ROW_PLATFORM_ID,
	ROW_APIC,		/* IA32_APIC_BASE, IA32_TSC_DEADLINE, x2APIC */
	ROW_FEAT_CTL,
	ROW_SPEC_CTRL,
	ROW_PRED_CMD,
	ROW_FLUSH_CMD,
	ROW_UCODE_REV,
	ROW_PLATFORM_INFO,
	ROW_MTRR_CAP,
	ROW_MTRR,
	ROW_PAT,
	ROW_ARCH_CAPS,
	ROW_MCG_CAP,
	ROW_MCG_STATUS,
	ROW_MISC_ENABLE,
	ROW_EFER,
	ROW_TSC_AUX,
	ROW_SYSCFG,
	ROW_HWCR,
	ROW_NB_CFG,
	ROW_INT_PENDING,
	ROW_VM_CR,
	ROW_DE_CFG,
	ROW_WALL_CLOCK,
	ROW_SYSTEM_TIME,
	ROW_COUNT
};

/* &msr_ops.flags */
#define ROW_CARRIED	BIT(0)	/* part of a vCPU's state, by number */
#define ROW_HELD	BIT(1)	/* carried, but held and listed by the backend */
#define ROW_INTEL	BIT(2)	/* only on Intel */
#define ROW_AMD		BIT(3)	/* only on AMD */

/**
 * struct msr_ops - how one register, or a group of them, behaves
 * @read: NULL: reads zero; -EINVAL: #GP
 * @write: NULL: read-only; -EINVAL: #GP. @host: as state, not by the guest
 * @feature: what CPUID must announce for the guest to have it, 0: nothing
 * @flags: ROW_*
 */
struct msr_ops {
	int (*read)(struct hvm_vcpu *vcpu, u32 index, u64 *value);
	int (*write)(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host);
	u16 feature;
	u16 flags;
};

static int backend_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	return hvm_backend->get_msr(vcpu->hw, index, value);
}

static int backend_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	return hvm_backend->set_msr(vcpu->hw, index, value);
}

static int tsc_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	*value = hvm_clock_tsc(vcpu);
	return 0;
}

static int tsc_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	hvm_clock_write_tsc(vcpu, value);
	return 0;
}

static int tsc_adjust_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	*value = vcpu->msr.tsc.adjust;
	return 0;
}

static int tsc_adjust_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	hvm_clock_write_adjust(vcpu, value);
	return 0;
}

static int apic_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	return hvm_lapic_msr_read(&vcpu->lapic, index, value);
}

static int apic_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	return hvm_lapic_msr_write(&vcpu->lapic, index, value);
}

static int feat_ctl_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	*value = FEAT_CTL_IS_LOCKED;
	return 0;
}

/* The bits of SPEC_CTRL whose features the guest was told of. */
static u64 spec_ctrl_bits(struct hvm_vcpu *vcpu)
{
	static const struct {
		u16 feature;
		u16 bits;
	} parts[] = {
		{ HVM_CPUID_SPEC_CTRL, SPEC_CTRL_BIT_IBRS },
		{ HVM_CPUID_AMD_IBRS, SPEC_CTRL_BIT_IBRS },
		{ HVM_CPUID_STIBP, SPEC_CTRL_BIT_STIBP },
		{ HVM_CPUID_AMD_STIBP, SPEC_CTRL_BIT_STIBP },
		{ HVM_CPUID_SSBD, SPEC_CTRL_BIT_SSBD },
		{ HVM_CPUID_AMD_SSBD, SPEC_CTRL_BIT_SSBD },
		{ HVM_CPUID_INTEL_PSFD, SPEC_CTRL_BIT_PSFD },
		{ HVM_CPUID_AMD_PSFD, SPEC_CTRL_BIT_PSFD },
		{ HVM_CPUID_IPRED_CTRL, SPEC_CTRL_BITS_IPRED },
		{ HVM_CPUID_RRSBA_CTRL, SPEC_CTRL_BITS_RRSBA },
		{ HVM_CPUID_BHI_CTRL, SPEC_CTRL_BIT_BHI },
	};
	u64 bits = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (hvm_cpuid_has(vcpu, parts[i].feature))
			bits |= parts[i].bits;
	return bits;
}

static int spec_ctrl_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	return hvm_backend->get_msr(vcpu->hw, index, value);
}

static int spec_ctrl_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	if (!host && value & ~spec_ctrl_bits(vcpu))
		return -EINVAL;
	return hvm_backend->set_msr(vcpu->hw, index, value);
}

/* What is read back is never the command. */
static int command_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	return -EINVAL;
}

/* The barrier is the processor's: done here and now, it holds for the guest. */
static int pred_cmd_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	bool announced = hvm_cpuid_has(vcpu, HVM_CPUID_SPEC_CTRL) ||
			 hvm_cpuid_has(vcpu, HVM_CPUID_AMD_IBPB);

	if (!announced || !boot_cpu_has(X86_FEATURE_IBPB) || value & ~PRED_CMD_BIT_IBPB)
		return -EINVAL;
	if (value)
		wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_BIT_IBPB);
	return 0;
}

static int flush_cmd_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	if (!boot_cpu_has(X86_FEATURE_FLUSH_L1D) || value & ~FLUSH_CMD_BIT_L1D)
		return -EINVAL;
	if (value)
		wrmsrl(MSR_IA32_FLUSH_CMD, FLUSH_CMD_BIT_L1D);
	return 0;
}

static int ucode_rev_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	*value = vcpu->msr.ucode_rev;
	return 0;
}

/* Intel's protocol is to write zero before CPUID and the read; the number stays. */
static int ucode_rev_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	if (host)
		vcpu->msr.ucode_rev = value;
	return 0;
}

/* The ratio of the TSC to a bus of 100 MHz; nothing that could be programmed. */
static int platform_info_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	*value = (u64)(tsc_khz / 100000 & 0xff) << 8;
	return 0;
}

static int mtrr_cap_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	*value = HVM_MTRR_CAP;
	return 0;
}

static int mtrr_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	*value = *hvm_mtrr_find(&vcpu->msr.mtrr, index);
	return 0;
}

static int mtrr_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	if (!hvm_mtrr_valid(index, value, hvm_caps.gpa_bits))
		return -EINVAL;
	*hvm_mtrr_find(&vcpu->msr.mtrr, index) = value;
	return 0;
}

static int pat_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	if (!hvm_pat_valid(value))
		return -EINVAL;
	return hvm_backend->set_msr(vcpu->hw, index, value);
}

static int arch_caps_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	*value = vcpu->msr.arch_caps;
	return 0;
}

static int arch_caps_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	if (!host || value & ~ARCH_CAPS_OFFERED)
		return -EINVAL;
	vcpu->msr.arch_caps = value;
	return 0;
}

static int mcg_status_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	*value = vcpu->msr.mcg_status;
	return 0;
}

static int mcg_status_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	if (value & ~MCG_STATUS_BITS)
		return -EINVAL;
	vcpu->msr.mcg_status = value;
	return 0;
}

static int misc_enable_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	*value = vcpu->msr.misc_enable;
	return 0;
}

/* Fast strings are the one thing to switch; the fixed bits are read-only. */
static int misc_enable_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	value |= MISC_ENABLE_FIXED;
	if (value & ~(MISC_ENABLE_FAST_STRINGS | MISC_ENABLE_FIXED))
		return -EINVAL;
	vcpu->msr.misc_enable = value;
	return 0;
}

static int efer_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	struct hvm_hw_state state;

	hvm_backend->get_state(vcpu->hw, HVM_STATE_CONTROL, &state);
	*value = state.efer;
	return 0;
}

static bool efer_announced(struct hvm_vcpu *vcpu, u64 efer)
{
	return (!(efer & EFER_NX) || hvm_cpuid_has(vcpu, HVM_CPUID_NX)) &&
	       (!(efer & EFER_LME) || hvm_cpuid_has(vcpu, HVM_CPUID_LM)) &&
	       (!(efer & EFER_FFXSR) || hvm_cpuid_has(vcpu, HVM_CPUID_FXSR_OPT));
}

/* LMA is the processor's; LME does not change under paging (SDM "Initializing IA-32e Mode"). */
static int efer_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	struct hvm_hw_state state;

	hvm_backend->get_state(vcpu->hw, HVM_STATE_CONTROL, &state);
	value = (value & ~(u64)EFER_LMA) | (state.efer & EFER_LMA);
	if (!hvm_control_efer_valid(value) || !efer_announced(vcpu, value))
		return -EINVAL;
	if ((value ^ state.efer) & EFER_LME && state.cr0 & X86_CR0_PG)
		return -EINVAL;
	if ((value ^ state.efer) & EFER_NX)
		vcpu->hw->dirty |= HVM_HW_FLUSH_TLB;
	state.efer = value;
	hvm_backend->set_state(vcpu->hw, HVM_STATE_CONTROL, &state);
	return 0;
}

static bool has_tsc_aux(struct hvm_vcpu *vcpu)
{
	return hvm_cpuid_has(vcpu, HVM_CPUID_RDTSCP) || hvm_cpuid_has(vcpu, HVM_CPUID_RDPID);
}

static int tsc_aux_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	return hvm_backend->get_msr(vcpu->hw, index, value);
}

static int tsc_aux_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	if (value >> 32 || (!host && !has_tsc_aux(vcpu)))
		return -EINVAL;
	return hvm_backend->set_msr(vcpu->hw, index, value);
}

/* Registers that read zero and can only be told so again. */
static int zero_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	return value ? -EINVAL : 0;
}

static int hwcr_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	*value = vcpu->msr.hwcr;
	return 0;
}

static int hwcr_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	if (value & ~(HWCR_KEPT | HWCR_IGNORED))
		return -EINVAL;
	vcpu->msr.hwcr = value & HWCR_KEPT;
	return 0;
}

static int nb_cfg_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	*value = vcpu->msr.nb_cfg;
	return 0;
}

static int nb_cfg_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	if (value & ~NB_CFG_KEPT)
		return -EINVAL;
	vcpu->msr.nb_cfg = value;
	return 0;
}

static int vm_cr_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	*value = VM_CR_SVM_OFF;
	return 0;
}

/* LFENCE serializes where the host made it so, and that cannot be switched. */
static int de_cfg_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	*value = boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ? DE_CFG_LFENCE : 0;
	return 0;
}

static int de_cfg_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	u64 fixed;

	de_cfg_read(vcpu, index, &fixed);
	return value & ~fixed ? -EINVAL : 0;
}

static int wall_clock_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	*value = vcpu->pv.wall_clock;
	return 0;
}

static int wall_clock_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	return hvm_pv_write_wall_clock(vcpu, value, host);
}

static int system_time_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	*value = vcpu->pv.system_time;
	return 0;
}

static int system_time_write(struct hvm_vcpu *vcpu, u32 index, u64 value, bool host)
{
	return hvm_pv_write_system_time(vcpu, value, host);
}

static const struct msr_ops ops[ROW_COUNT] = {
	[ROW_BACKEND]	  = { backend_read, backend_write, .flags = ROW_HELD },
	[ROW_TSC]	  = { tsc_read, tsc_write },
	[ROW_TSC_ADJUST]  = { tsc_adjust_read, tsc_adjust_write, HVM_CPUID_TSC_ADJUST },
	[ROW_PLATFORM_ID] = { .flags = ROW_INTEL },
	[ROW_APIC]	  = { apic_read, apic_write },
	[ROW_FEAT_CTL]	  = { feat_ctl_read, .flags = ROW_INTEL },
	[ROW_SPEC_CTRL]	  = { spec_ctrl_read, spec_ctrl_write, .flags = ROW_HELD },
	[ROW_PRED_CMD]	  = { command_read, pred_cmd_write },
	[ROW_FLUSH_CMD]	  = { command_read, flush_cmd_write, HVM_CPUID_FLUSH_L1D },
	[ROW_UCODE_REV]	  = { ucode_rev_read, ucode_rev_write, .flags = ROW_CARRIED },
	[ROW_PLATFORM_INFO] = { platform_info_read, .flags = ROW_INTEL },
	[ROW_MTRR_CAP]	  = { mtrr_cap_read, NULL, HVM_CPUID_MTRR },
	[ROW_MTRR]	  = { mtrr_read, mtrr_write, HVM_CPUID_MTRR, ROW_CARRIED },
	[ROW_PAT]	  = { backend_read, pat_write, HVM_CPUID_PAT, ROW_HELD },
	[ROW_ARCH_CAPS]	  = { arch_caps_read, arch_caps_write, HVM_CPUID_ARCH_CAPS,
			      ROW_CARRIED | ROW_INTEL },
	[ROW_MCG_CAP]	  = { .feature = HVM_CPUID_MCA },
	[ROW_MCG_STATUS]  = { mcg_status_read, mcg_status_write, HVM_CPUID_MCA, ROW_CARRIED },
	[ROW_MISC_ENABLE] = { misc_enable_read, misc_enable_write,
			      .flags = ROW_CARRIED | ROW_INTEL },
	[ROW_EFER]	  = { efer_read, efer_write },
	[ROW_TSC_AUX]	  = { tsc_aux_read, tsc_aux_write, .flags = ROW_HELD },
	[ROW_SYSCFG]	  = { NULL, zero_write, .flags = ROW_AMD },
	[ROW_HWCR]	  = { hwcr_read, hwcr_write, .flags = ROW_CARRIED | ROW_AMD },
	[ROW_NB_CFG]	  = { nb_cfg_read, nb_cfg_write, .flags = ROW_CARRIED | ROW_AMD },
	[ROW_INT_PENDING] = { NULL, zero_write, .flags = ROW_AMD },
	[ROW_VM_CR]	  = { vm_cr_read, .flags = ROW_AMD },
	[ROW_DE_CFG]	  = { de_cfg_read, de_cfg_write, .flags = ROW_AMD },
	[ROW_WALL_CLOCK]  = { wall_clock_read, wall_clock_write, HVM_CPUID_PV_CLOCK, ROW_CARRIED },
	[ROW_SYSTEM_TIME] = { system_time_read, system_time_write, HVM_CPUID_PV_CLOCK,
			      ROW_CARRIED },
};

/* The rows of low indices, for one load; 0 is ROW_BACKEND. */
static const u8 low_rows[0x400] = {
	[MSR_IA32_TSC]			= ROW_TSC,
	[MSR_INTEL_PLATFORM_ID]		= ROW_PLATFORM_ID,
	[HVM_MSR_APIC_BASE]		= ROW_APIC,
	[MSR_IA32_FEAT_CTL]		= ROW_FEAT_CTL,
	[MSR_IA32_TSC_ADJUST]		= ROW_TSC_ADJUST,
	[MSR_IA32_SPEC_CTRL]		= ROW_SPEC_CTRL,
	[MSR_IA32_PRED_CMD]		= ROW_PRED_CMD,
	[MSR_IA32_UCODE_REV]		= ROW_UCODE_REV,
	[MSR_PLATFORM_INFO]		= ROW_PLATFORM_INFO,
	[MSR_MTRR_CAP]			= ROW_MTRR_CAP,
	[MSR_IA32_ARCH_CAPABILITIES]	= ROW_ARCH_CAPS,
	[MSR_IA32_FLUSH_CMD]		= ROW_FLUSH_CMD,
	[MSR_IA32_MCG_CAP]		= ROW_MCG_CAP,
	[MSR_IA32_MCG_STATUS]		= ROW_MCG_STATUS,
	[MSR_IA32_MISC_ENABLE]		= ROW_MISC_ENABLE,
	[0x200 ... 0x20f]		= ROW_MTRR,
	[0x250]				= ROW_MTRR,
	[0x258 ... 0x259]		= ROW_MTRR,
	[0x268 ... 0x26f]		= ROW_MTRR,
	[MSR_IA32_CR_PAT]		= ROW_PAT,
	[MSR_MTRR_DEF_TYPE]		= ROW_MTRR,
};

/* The others, in the order of their numbers. */
static const struct {
	u32 index;
	u32 row;
} high_rows[] = {
	{ HVM_MSR_PV_WALL_CLOCK, ROW_WALL_CLOCK },
	{ HVM_MSR_PV_SYSTEM_TIME, ROW_SYSTEM_TIME },
	{ MSR_EFER, ROW_EFER },
	{ MSR_TSC_AUX, ROW_TSC_AUX },
	{ MSR_AMD_SYSCFG, ROW_SYSCFG },
	{ MSR_K7_HWCR, ROW_HWCR },
	{ MSR_AMD64_NB_CFG, ROW_NB_CFG },
	{ MSR_AMD_INT_PENDING, ROW_INT_PENDING },
	{ MSR_AMD_VM_CR, ROW_VM_CR },
	{ MSR_AMD_DE_CFG, ROW_DE_CFG },
};

static enum msr_row row_of(u32 index)
{
	int i;

	if (index < ARRAY_SIZE(low_rows))
		return low_rows[index];
	if (index - HVM_MSR_X2APIC_FIRST <= HVM_MSR_X2APIC_LAST - HVM_MSR_X2APIC_FIRST ||
	    index == HVM_MSR_TSC_DEADLINE)
		return ROW_APIC;
	for (i = 0; i < ARRAY_SIZE(high_rows); i++)
		if (high_rows[i].index == index)
			return high_rows[i].row;
	return ROW_BACKEND;
}

/* Is the register there at all, on this kind of processor? */
static bool on_processor(const struct msr_ops *op)
{
	const u32 other = hvm_caps.vendor == HVM_VENDOR_INTEL ? ROW_AMD : ROW_INTEL;

	return !(op->flags & other);
}

static bool has_register(struct hvm_vcpu *vcpu, const struct msr_ops *op)
{
	if (!(op->flags & (ROW_INTEL | ROW_AMD)) && !op->feature)
		return true;
	return on_processor(op) && (!op->feature || hvm_cpuid_has(vcpu, op->feature));
}

static enum hvm_msr_outcome refuse(struct hvm_vcpu *vcpu, int error)
{
	if (error == -ENOENT && vcpu->vm->msr.unknown_exits)
		return HVM_MSR_EXIT;
	return HVM_MSR_GP;
}

/**
 * hvm_msr_read - a guest's RDMSR
 * @vcpu: the vCPU, its lock held, loaded
 * @index: RCX
 * @value: out, with HVM_MSR_DONE
 *
 * Return: what to do with the instruction
 * Context: interrupts on or off
 */
enum hvm_msr_outcome hvm_msr_read(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	const struct msr_ops *op = &ops[row_of(index)];
	int error = -ENOENT;

	if (unlikely(hvm_msr_policy_takes(&vcpu->vm->msr)) &&
	    hvm_msr_policy_flags(&vcpu->vm->msr, index) & HVM_MSR_EXIT_READ)
		return HVM_MSR_EXIT;
	if (likely(has_register(vcpu, op))) {
		*value = 0;
		error = op->read ? op->read(vcpu, index, value) : 0;
	}
	return likely(!error) ? HVM_MSR_DONE : refuse(vcpu, error);
}

/**
 * hvm_msr_write - a guest's WRMSR
 * @vcpu: the vCPU, its lock held, loaded
 * @index: RCX
 * @value: EDX:EAX
 *
 * Return: what to do with the instruction
 * Context: interrupts on or off
 */
enum hvm_msr_outcome hvm_msr_write(struct hvm_vcpu *vcpu, u32 index, u64 value)
{
	const struct msr_ops *op = &ops[row_of(index)];
	int error = -ENOENT;

	if (unlikely(hvm_msr_policy_takes(&vcpu->vm->msr)) &&
	    hvm_msr_policy_flags(&vcpu->vm->msr, index) & HVM_MSR_EXIT_WRITE)
		return HVM_MSR_EXIT;
	if (likely(has_register(vcpu, op)))
		error = op->write ? op->write(vcpu, index, value, false) : -EINVAL;
	return likely(!error) ? HVM_MSR_DONE : refuse(vcpu, error);
}

static u64 host_arch_caps(void)
{
	u64 caps = 0;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, caps);
	if (!boot_cpu_has_bug(X86_BUG_CPU_MELTDOWN))
		caps |= ARCH_CAPS_RDCL_NO;
	if (!boot_cpu_has_bug(X86_BUG_SPEC_STORE_BYPASS))
		caps |= ARCH_CAPS_SSB_NO;
	if (!boot_cpu_has_bug(X86_BUG_MDS))
		caps |= ARCH_CAPS_MDS_NO;
	/* The second-level tables take care of it for the guest. */
	return (caps | ARCH_CAPS_PSCHANGE_MC_NO) & ARCH_CAPS_OFFERED;
}

/**
 * hvm_msr_init - values after power-on
 * @vcpu: a vCPU that is being created; &hvm_msrs.tsc stays as it is
 *
 * INIT leaves all of them alone (SDM "Processor State After Reset").
 */
void hvm_msr_init(struct hvm_vcpu *vcpu)
{
	struct hvm_msrs *msr = &vcpu->msr;

	msr->mtrr = (struct hvm_mtrr) {};
	msr->misc_enable = MISC_ENABLE_FAST_STRINGS | MISC_ENABLE_FIXED;
	msr->arch_caps = host_arch_caps();
	msr->ucode_rev = boot_cpu_data.microcode;
	if (hvm_caps.vendor == HVM_VENDOR_INTEL)
		msr->ucode_rev <<= 32;
	msr->mcg_status = 0;
	msr->hwcr = HWCR_RESET;
	msr->nb_cfg = 0;
}

static void list_one(u32 *indices, u32 places, u32 *count, u32 index)
{
	if (*count < places)
		indices[*count] = index;
	(*count)++;
}

static bool is_carried(enum msr_row row)
{
	return ops[row].flags & ROW_CARRIED && on_processor(&ops[row]);
}

/**
 * hvm_msr_list - indices of all MSRs that a vCPU's state carries
 * @indices: where they go
 * @places: how many fit
 *
 * Return: how many there are
 * Context: any
 */
u32 hvm_msr_list(u32 *indices, u32 places)
{
	const u32 *held;
	u32 i, count = 0;

	for (i = 0; i < ARRAY_SIZE(low_rows); i++)
		if (is_carried(low_rows[i]))
			list_one(indices, places, &count, i);
	for (i = 0; i < ARRAY_SIZE(high_rows); i++)
		if (is_carried(high_rows[i].row))
			list_one(indices, places, &count, high_rows[i].index);
	for (held = hvm_backend->msr_list(); *held; held++)
		list_one(indices, places, &count, *held);
	return count;
}

/* Carried MSRs only: the others are found in other blocks of the state, or hold still. */
static const struct msr_ops *carried_ops(u32 index)
{
	const struct msr_ops *op = &ops[row_of(index)];

	return op->flags & (ROW_CARRIED | ROW_HELD) && on_processor(op) ? op : NULL;
}

/**
 * hvm_msr_get - read a carried MSR for HVM_GET_STATE
 * @vcpu: the vCPU, its lock held, loaded
 * @index: which
 * @value: out
 *
 * Return: 0, or -ENOENT: not carried
 */
int hvm_msr_get(struct hvm_vcpu *vcpu, u32 index, u64 *value)
{
	const struct msr_ops *op = carried_ops(index);

	return op ? op->read(vcpu, index, value) : -ENOENT;
}

/**
 * hvm_msr_set - write a carried MSR for HVM_SET_STATE
 * @vcpu: the vCPU, its lock held, loaded
 * @index: which
 * @value: the value
 *
 * Return: 0; -ENOENT: not carried; -EINVAL: the processor would refuse the value
 */
int hvm_msr_set(struct hvm_vcpu *vcpu, u32 index, u64 value)
{
	const struct msr_ops *op = carried_ops(index);

	return op ? op->write(vcpu, index, value, true) : -ENOENT;
}

/* Exchange a value with the vCPU's. */
static int swap_one(struct hvm_vcpu *vcpu, struct hvm_msr_value *entry)
{
	u64 old;
	int error;

	if (entry->reserved)
		return -EINVAL;
	error = hvm_msr_get(vcpu, entry->index, &old);
	if (!error)
		error = hvm_msr_set(vcpu, entry->index, entry->value);
	if (!error)
		entry->value = old;
	return error;
}

/**
 * hvm_msr_set_all - write a list of carried MSRs, or none of them
 * @vcpu: the vCPU, its lock held, loaded
 * @values: the list; afterwards it holds the former values
 * @count: its length
 * @failed: out: number of the refused entry, or @count
 *
 * When an entry is refused, those before it get their former values back, in reverse order.
 *
 * Return: 0, or as hvm_msr_set(); -EINVAL also for an entry whose reserved field is not zero
 */
int hvm_msr_set_all(struct hvm_vcpu *vcpu, struct hvm_msr_value *values, u32 count, u32 *failed)
{
	int error = 0;
	u32 i;

	for (i = 0; i < count && !error; i++)
		error = swap_one(vcpu, &values[i]);
	*failed = error ? i - 1 : count;
	if (error)
		for (i = *failed; i-- > 0;)
			swap_one(vcpu, &values[i]);
	return error;
}
