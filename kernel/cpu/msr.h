/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model-specific registers: which exist for a guest, what they answer, what may be written, and
 * which leave to userspace. Not here: the ones that hardware holds (the backends), the local
 * APIC's (irq/lapic.c), and the memory behind the paravirtual ones (cpu/pv.c).
 */
#ifndef HVM_CPU_MSR_H
#define HVM_CPU_MSR_H

#include <linux/bits.h>
#include <linux/types.h>

#include "../types.h"
#include "clock.h"
#include "mtrr.h"

struct hvm_vcpu;
struct hvm_msr_span;

/*
 * IA32_ARCH_CAPABILITIES: what is said about the core and stays true in a guest. Bits that announce
 * a further MSR are not among them.
 */
#define HVM_ARCH_CAPS_OFFERED								\
	(GENMASK_ULL(6, 0) | BIT_ULL(8) | GENMASK_ULL(15, 13) | BIT_ULL(17) | BIT_ULL(19) |	\
	 BIT_ULL(20) | BIT_ULL(24) | GENMASK_ULL(28, 26) | BIT_ULL(62))

/* IA32_MISC_ENABLE: no BTS, no PEBS; with fast strings. */
#define HVM_MISC_ENABLE_FIXED	(BIT_ULL(11) | BIT_ULL(12))
#define HVM_MISC_ENABLE_RESET	(HVM_MISC_ENABLE_FIXED | BIT_ULL(0))

/* What became of a guest's RDMSR or WRMSR. */
enum hvm_msr_outcome {
	HVM_MSR_DONE,		/* finished: step over the instruction */
	HVM_MSR_GP,		/* refused: #GP(0) */
	HVM_MSR_EXIT,		/* userspace wants it: HVM_EXIT_MSR */
};

/**
 * struct hvm_msr_filter - a guest's MSR policy; changes only before its first vCPU runs
 * @spans: sorted, without gaps from index 0 on; NULL: no policy
 * @count: spans
 * @unknown_exits: MSRs nobody here knows leave to userspace
 */
struct hvm_msr_filter {
	struct hvm_msr_span *spans;
	u32 count;
	bool unknown_exits;
};

/**
 * struct hvm_msrs - values of a vCPU that common code keeps
 * @withheld: &hvm_msr_row.bit of the registers that the guest has not; all until its first run
 * @tsc: TSC_ADJUST and what belongs to it
 * @mtrr: memory type range registers: kept, without effect
 * @misc_enable: IA32_MISC_ENABLE
 * @arch_caps: IA32_ARCH_CAPABILITIES
 * @ucode_rev: IA32_BIOS_SIGN_ID, on AMD the patch level
 * @mcg_status: IA32_MCG_STATUS
 * @hwcr: AMD's HWCR
 * @nb_cfg: AMD's NB_CFG
 */
struct hvm_msrs {
	u64 withheld;
	struct hvm_tsc tsc;
	struct hvm_mtrr mtrr;
	u64 misc_enable;
	u64 arch_caps;
	u64 ucode_rev;
	u64 mcg_status;
	u64 hwcr;
	u64 nb_cfg;
};

/**
 * struct hvm_msr_access - one access to a register
 * @vcpu: the vCPU, its lock held, loaded
 * @row: the register's row; found by whoever takes the access
 * @index: its number
 * @host: by userspace, as state, and not by the guest
 * @value: in or out
 */
struct hvm_msr_access {
	struct hvm_vcpu *vcpu;
	const struct hvm_msr_row *row;
	u32 index;
	bool host;
	u64 value;
};

int hvm_msr_policy_set(struct hvm_msr_filter *filter, const struct hvm_msr_policy *arg);
void hvm_msr_policy_clear(struct hvm_msr_filter *filter);

/**
 * hvm_msr_policy_takes - may MSRs of this guest leave to userspace?
 * @filter: its policy
 *
 * Then nothing may be passed through: &hvm_hw.exit_all_msrs.
 *
 * Return: whether any range is taken
 */
static inline bool hvm_msr_policy_takes(const struct hvm_msr_filter *filter)
{
	return filter->count;
}

void hvm_msr_init(struct hvm_vcpu *vcpu);
void hvm_msr_freeze(struct hvm_vcpu *vcpu);
enum hvm_msr_outcome hvm_msr_read(struct hvm_msr_access *a);
enum hvm_msr_outcome hvm_msr_write(struct hvm_msr_access *a);

u32 hvm_msr_list(u32 *indices, u32 places);
int hvm_msr_get(struct hvm_vcpu *vcpu, u32 index, u64 *value);
int hvm_msr_set(struct hvm_vcpu *vcpu, u32 index, u64 value);
int hvm_msr_set_all(struct hvm_vcpu *vcpu, struct hvm_msr_value *values, u32 count, u32 *failed);

#endif /* HVM_CPU_MSR_H */
