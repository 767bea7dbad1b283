// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model-specific registers that common code knows, as rows of a table. What is in no row is the
 * backend's, or nobody's. Not here: who may access them when (msr.c).
 */
#include <linux/nospec.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include <asm/tsc.h>

#include "control.h"
#include "cpuid.h"
#include "msr.h"
#include "msrrow.h"
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
#define MCG_STATUS_BITS			GENMASK_ULL(2, 0)
/* McStatusWrEn, TscFreqSel; and what K8 kernels set without effect */
#define HWCR_KEPT			(BIT_ULL(18) | BIT_ULL(24))
#define HWCR_IGNORED			(BIT_ULL(3) | BIT_ULL(6) | BIT_ULL(8))
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

/* --- the ones with a mind of their own ---------------------------------- */

static int backend_read(struct hvm_msr_access *a)
{
	return hvm_backend->get_msr(a->vcpu->hw, a->index, &a->value);
}

static int backend_write(struct hvm_msr_access *a)
{
	return hvm_backend->set_msr(a->vcpu->hw, a->index, a->value);
}

/* Holds still. */
static int fixed_read(struct hvm_msr_access *a)
{
	a->value = a->row->bits;
	return 0;
}

/* Writing is allowed and changes nothing; what is not there cannot be set. */
static int fixed_write(struct hvm_msr_access *a)
{
	return a->value & ~a->row->bits ? -EINVAL : 0;
}

static u64 *kept(struct hvm_msr_access *a)
{
	return (void *)&a->vcpu->msr + a->row->field;
}

static int kept_read(struct hvm_msr_access *a)
{
	a->value = *kept(a);
	return 0;
}

static int kept_write(struct hvm_msr_access *a)
{
	if (a->value & ~(a->row->bits | a->row->ignored))
		return -EINVAL;
	*kept(a) = a->value & ~a->row->ignored;
	return 0;
}

/* The guest may only read, or write without effect; userspace sets it. */
static int kept_host_write(struct hvm_msr_access *a)
{
	return a->host ? kept_write(a) : 0;
}

static int kept_host_only_write(struct hvm_msr_access *a)
{
	return a->host ? kept_write(a) : -EINVAL;
}

static int tsc_read(struct hvm_msr_access *a)
{
	a->value = hvm_clock_tsc(a->vcpu);
	return 0;
}

static int tsc_write(struct hvm_msr_access *a)
{
	hvm_clock_write_tsc(a->vcpu, a->value);
	return 0;
}

static int tsc_adjust_write(struct hvm_msr_access *a)
{
	hvm_clock_write_adjust(a->vcpu, a->value);
	return 0;
}

static int apic_read(struct hvm_msr_access *a)
{
	return hvm_lapic_msr_read(&a->vcpu->lapic, a->index, &a->value);
}

static int apic_write(struct hvm_msr_access *a)
{
	return hvm_lapic_msr_write(&a->vcpu->lapic, a->index, a->value);
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

static int spec_ctrl_read(struct hvm_msr_access *a)
{
	if (!a->host && !spec_ctrl_bits(a->vcpu))
		return -ENOENT;
	return backend_read(a);
}

static int spec_ctrl_write(struct hvm_msr_access *a)
{
	if (!a->host && a->value & ~spec_ctrl_bits(a->vcpu))
		return -EINVAL;
	return backend_write(a);
}

/* Commands are only written. */
static int command_read(struct hvm_msr_access *a)
{
	return -EINVAL;
}

/* The barrier is the processor's: done here and now, it holds for the guest. */
static int pred_cmd_write(struct hvm_msr_access *a)
{
	bool announced = hvm_cpuid_has(a->vcpu, HVM_CPUID_SPEC_CTRL) ||
			 hvm_cpuid_has(a->vcpu, HVM_CPUID_AMD_IBPB);

	if (!announced || !boot_cpu_has(X86_FEATURE_IBPB) || a->value & ~PRED_CMD_BIT_IBPB)
		return -EINVAL;
	if (a->value)
		wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_BIT_IBPB);
	return 0;
}

static int flush_cmd_write(struct hvm_msr_access *a)
{
	if (!boot_cpu_has(X86_FEATURE_FLUSH_L1D) || a->value & ~FLUSH_CMD_BIT_L1D)
		return -EINVAL;
	if (a->value)
		wrmsrl(MSR_IA32_FLUSH_CMD, FLUSH_CMD_BIT_L1D);
	return 0;
}

/* The ratio of the TSC to a bus of 100 MHz; nothing that could be programmed. */
static int platform_info_read(struct hvm_msr_access *a)
{
	a->value = (u64)(hvm_tsc_khz(a->vcpu->hw->tsc_factor, tsc_khz) / 100000 & 0xff) << 8;
	return 0;
}

static int mtrr_read(struct hvm_msr_access *a)
{
	a->value = *hvm_mtrr_find(&a->vcpu->msr.mtrr, a->index);
	return 0;
}

static int mtrr_write(struct hvm_msr_access *a)
{
	if (!hvm_mtrr_valid(a->index, a->value, hvm_caps.gpa_bits))
		return -EINVAL;
	*hvm_mtrr_find(&a->vcpu->msr.mtrr, a->index) = a->value;
	return 0;
}

static int pat_write(struct hvm_msr_access *a)
{
	return hvm_pat_valid(a->value) ? backend_write(a) : -EINVAL;
}

/* Fast strings are the one thing to switch; what says that there is no BTS and PEBS stays. */
static int misc_enable_write(struct hvm_msr_access *a)
{
	a->value |= HVM_MISC_ENABLE_FIXED;
	return kept_write(a);
}

static int efer_read(struct hvm_msr_access *a)
{
	struct hvm_hw_state state;

	hvm_backend->get_state(a->vcpu->hw, HVM_STATE_CONTROL, &state);
	a->value = state.efer;
	return 0;
}

static bool efer_announced(struct hvm_vcpu *vcpu, u64 efer)
{
	return (!(efer & EFER_NX) || hvm_cpuid_has(vcpu, HVM_CPUID_NX)) &&
	       (!(efer & EFER_LME) || hvm_cpuid_has(vcpu, HVM_CPUID_LM)) &&
	       (!(efer & EFER_FFXSR) || hvm_cpuid_has(vcpu, HVM_CPUID_FXSR_OPT));
}

/* LMA is the processor's; LME does not change under paging (SDM "Initializing IA-32e Mode"). */
static int efer_write(struct hvm_msr_access *a)
{
	struct hvm_hw_state state;
	u64 efer, changed;

	hvm_backend->get_state(a->vcpu->hw, HVM_STATE_CONTROL, &state);
	efer = (a->value & ~(u64)EFER_LMA) | (state.efer & EFER_LMA);
	changed = efer ^ state.efer;
	if (!hvm_control_efer_valid(efer) || !efer_announced(a->vcpu, efer))
		return -EINVAL;
	if (changed & EFER_LME && state.cr0 & X86_CR0_PG)
		return -EINVAL;
	if (changed & EFER_NX)
		a->vcpu->hw->dirty |= HVM_HW_FLUSH_TLB;
	state.efer = efer;
	hvm_backend->set_state(a->vcpu->hw, HVM_STATE_CONTROL, &state);
	return 0;
}

static bool has_tsc_aux(struct hvm_msr_access *a)
{
	return a->host || hvm_cpuid_has(a->vcpu, HVM_CPUID_RDTSCP) ||
	       hvm_cpuid_has(a->vcpu, HVM_CPUID_RDPID);
}

static int tsc_aux_read(struct hvm_msr_access *a)
{
	return has_tsc_aux(a) ? backend_read(a) : -ENOENT;
}

static int tsc_aux_write(struct hvm_msr_access *a)
{
	if (!has_tsc_aux(a))
		return -ENOENT;
	return a->value >> 32 ? -EINVAL : backend_write(a);
}

/* LFENCE serializes where the host made it so, and that cannot be switched. */
static int de_cfg_read(struct hvm_msr_access *a)
{
	a->value = boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ? DE_CFG_LFENCE : 0;
	return 0;
}

static int de_cfg_write(struct hvm_msr_access *a)
{
	u64 wanted = a->value;

	de_cfg_read(a);
	return wanted & ~a->value ? -EINVAL : 0;
}

static int wall_clock_read(struct hvm_msr_access *a)
{
	a->value = a->vcpu->pv.wall_clock;
	return 0;
}

static int wall_clock_write(struct hvm_msr_access *a)
{
	return hvm_pv_write_wall_clock(a->vcpu, a->value, a->host);
}

static int system_time_read(struct hvm_msr_access *a)
{
	a->value = a->vcpu->pv.system_time;
	return 0;
}

static int system_time_write(struct hvm_msr_access *a)
{
	return hvm_pv_write_system_time(a->vcpu, a->value);
}

static int steal_time_read(struct hvm_msr_access *a)
{
	a->value = a->vcpu->pv.steal.msr;
	return 0;
}

static int steal_time_write(struct hvm_msr_access *a)
{
	return hvm_steal_write(a->vcpu, a->value);
}

static int eoi_read(struct hvm_msr_access *a)
{
	a->value = a->vcpu->pv.eoi.msr;
	return 0;
}

static int eoi_write(struct hvm_msr_access *a)
{
	return hvm_eoi_write(a->vcpu, a->value);
}

/* Bit 0: the host may look around. */
static int poll_control_read(struct hvm_msr_access *a)
{
	a->value = !a->vcpu->pv.self_polling;
	return 0;
}

static int poll_control_write(struct hvm_msr_access *a)
{
	if (a->value > 1)
		return -EINVAL;
	a->vcpu->pv.self_polling = !a->value;
	return 0;
}

/* --- the table ---------------------------------------------------------- */

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
	ROW_OLD_WALL_CLOCK,
	ROW_OLD_SYSTEM_TIME,
	ROW_STEAL_TIME,
	ROW_PV_EOI,
	ROW_PV_POLL,
	ROW_COUNT
};

#define FIELD(name)	offsetof(struct hvm_msrs, name)
#define INTEL		HVM_VENDOR_INTEL
#define AMD		HVM_VENDOR_AMD

/* A row begins with the bit of its number. */
#define ROW(name, ...) \
	[ROW_##name] = { BIT_ULL(ROW_##name), __VA_ARGS__ }

static_assert(ROW_COUNT <= 64);

static const struct hvm_msr_row rows[ROW_COUNT] = {
	ROW(BACKEND, backend_read, backend_write, .carried = HVM_MSR_HELD),
	ROW(TSC, tsc_read, tsc_write),
	ROW(TSC_ADJUST, kept_read, tsc_adjust_write, HVM_CPUID_TSC_ADJUST,
	    .field = FIELD(tsc.adjust)),
	ROW(PLATFORM_ID, fixed_read, .vendor = INTEL),
	ROW(APIC, apic_read, apic_write),
	ROW(FEAT_CTL, fixed_read, .vendor = INTEL, .bits = FEAT_CTL_IS_LOCKED),
	ROW(SPEC_CTRL, spec_ctrl_read, spec_ctrl_write, .carried = HVM_MSR_HELD),
	ROW(PRED_CMD, command_read, pred_cmd_write),
	ROW(FLUSH_CMD, command_read, flush_cmd_write, HVM_CPUID_FLUSH_L1D),
	/* Intel's protocol is to write zero before CPUID and the read; the number stays. */
	ROW(UCODE_REV, kept_read, kept_host_write, .carried = HVM_MSR_CARRIED,
	    .field = FIELD(ucode_rev), .bits = U64_MAX),
	ROW(PLATFORM_INFO, platform_info_read, .vendor = INTEL),
	ROW(MTRR_CAP, fixed_read, .feature = HVM_CPUID_MTRR, .bits = HVM_MTRR_CAP),
	ROW(MTRR, mtrr_read, mtrr_write, HVM_CPUID_MTRR, .carried = HVM_MSR_CARRIED),
	ROW(PAT, backend_read, pat_write, HVM_CPUID_PAT, .carried = HVM_MSR_HELD),
	ROW(ARCH_CAPS, kept_read, kept_host_only_write, HVM_CPUID_ARCH_CAPS, INTEL, HVM_MSR_CARRIED,
	    .field = FIELD(arch_caps), .bits = HVM_ARCH_CAPS_OFFERED),
	ROW(MCG_CAP, fixed_read, .feature = HVM_CPUID_MCA),
	ROW(MCG_STATUS, kept_read, kept_write, HVM_CPUID_MCA, .carried = HVM_MSR_CARRIED,
	    .field = FIELD(mcg_status), .bits = MCG_STATUS_BITS),
	ROW(MISC_ENABLE, kept_read, misc_enable_write, .vendor = INTEL, .carried = HVM_MSR_CARRIED,
	    .field = FIELD(misc_enable), .bits = HVM_MISC_ENABLE_RESET),
	ROW(EFER, efer_read, efer_write),
	ROW(TSC_AUX, tsc_aux_read, tsc_aux_write, .carried = HVM_MSR_HELD),
	ROW(SYSCFG, fixed_read, fixed_write, .vendor = AMD),
	ROW(HWCR, kept_read, kept_write, .vendor = AMD, .carried = HVM_MSR_CARRIED,
	    .field = FIELD(hwcr), .bits = HWCR_KEPT, .ignored = HWCR_IGNORED),
	ROW(NB_CFG, kept_read, kept_write, .vendor = AMD, .carried = HVM_MSR_CARRIED,
	    .field = FIELD(nb_cfg), .bits = NB_CFG_KEPT),
	ROW(INT_PENDING, fixed_read, fixed_write, .vendor = AMD),
	ROW(VM_CR, fixed_read, .vendor = AMD, .bits = VM_CR_SVM_OFF),
	ROW(DE_CFG, de_cfg_read, de_cfg_write, .vendor = AMD),
	ROW(WALL_CLOCK, wall_clock_read, wall_clock_write, HVM_CPUID_PV_CLOCK,
	    .carried = HVM_MSR_CARRIED),
	ROW(SYSTEM_TIME, system_time_read, system_time_write, HVM_CPUID_PV_CLOCK,
	    .carried = HVM_MSR_CARRIED),
	/* Other numbers of the same two. */
	ROW(OLD_WALL_CLOCK, wall_clock_read, wall_clock_write, HVM_CPUID_PV_OLD_CLOCK),
	ROW(OLD_SYSTEM_TIME, system_time_read, system_time_write, HVM_CPUID_PV_OLD_CLOCK),
	ROW(STEAL_TIME, steal_time_read, steal_time_write, HVM_CPUID_PV_STEAL_TIME,
	    .carried = HVM_MSR_CARRIED),
	ROW(PV_EOI, eoi_read, eoi_write, HVM_CPUID_PV_EOI, .carried = HVM_MSR_CARRIED),
	ROW(PV_POLL, poll_control_read, poll_control_write, HVM_CPUID_PV_POLL,
	    .carried = HVM_MSR_CARRIED),
};

/* The rows of low indices, for one load; 0 is ROW_BACKEND. */
static const u8 low_rows[0x400] = {
	[MSR_IA32_TSC]			= ROW_TSC,
	[HVM_MSR_PV_OLD_WALL_CLOCK]	= ROW_OLD_WALL_CLOCK,
	[HVM_MSR_PV_OLD_SYSTEM_TIME]	= ROW_OLD_SYSTEM_TIME,
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
	{ HVM_MSR_PV_STEAL_TIME, ROW_STEAL_TIME },
	{ HVM_MSR_PV_EOI, ROW_PV_EOI },
	{ HVM_MSR_PV_POLL_CONTROL, ROW_PV_POLL },
	{ MSR_EFER, ROW_EFER },
	{ MSR_TSC_AUX, ROW_TSC_AUX },
	{ MSR_AMD_SYSCFG, ROW_SYSCFG },
	{ MSR_K7_HWCR, ROW_HWCR },
	{ MSR_AMD64_NB_CFG, ROW_NB_CFG },
	{ MSR_AMD_INT_PENDING, ROW_INT_PENDING },
	{ MSR_AMD_VM_CR, ROW_VM_CR },
	{ MSR_AMD_DE_CFG, ROW_DE_CFG },
};

/**
 * hvm_msr_row_of - the row of a register
 * @index: its number
 *
 * Return: the row; of a register that no row knows, the one that asks the backend
 */
const struct hvm_msr_row *hvm_msr_row_of(u32 index)
{
	int i;

	if (index < ARRAY_SIZE(low_rows))
		return &rows[low_rows[array_index_nospec(index, ARRAY_SIZE(low_rows))]];
	if (index - HVM_MSR_X2APIC_FIRST <= HVM_MSR_X2APIC_LAST - HVM_MSR_X2APIC_FIRST ||
	    index == HVM_MSR_TSC_DEADLINE)
		return &rows[ROW_APIC];
	for (i = 0; i < ARRAY_SIZE(high_rows); i++)
		if (high_rows[i].index == index)
			return &rows[high_rows[i].row];
	return &rows[ROW_BACKEND];
}

/**
 * hvm_msr_row_at - the rows in turn
 * @number: from 0 on
 *
 * Return: the row, or NULL: there are no more
 */
const struct hvm_msr_row *hvm_msr_row_at(u32 number)
{
	return number < ROW_COUNT ? &rows[number] : NULL;
}

/**
 * hvm_msr_row_next - go through the registers that have rows
 * @place: where to go on, 0 at first; advanced
 * @index: out: a register's number
 *
 * Return: false: there are no more
 */
bool hvm_msr_row_next(u32 *place, u32 *index)
{
	while (*place < ARRAY_SIZE(low_rows) && !low_rows[*place])
		++*place;
	if (*place < ARRAY_SIZE(low_rows))
		*index = *place;
	else if (*place < ARRAY_SIZE(low_rows) + ARRAY_SIZE(high_rows))
		*index = high_rows[*place - ARRAY_SIZE(low_rows)].index;
	else
		return false;
	++*place;
	return true;
}
