// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model-specific registers: accesses by the guest, judged by the policy and by what CPUID
 * announces, and those by userspace, which carry state and are judged by neither. Not here: the
 * registers themselves (msrrow.c) and the policy (msrfilter.c).
 */
#include <asm/cpufeature.h>
#include <asm/msr.h>

#include "cpuid.h"
#include "msr.h"
#include "msrfilter.h"
#include "msrrow.h"
#include "vcpu.h"

#define HWCR_RESET			BIT_ULL(24)	/* TscFreqSel */
#define ARCH_CAPS_RDCL_NO		BIT_ULL(0)
#define ARCH_CAPS_SSB_NO		BIT_ULL(4)
#define ARCH_CAPS_MDS_NO		BIT_ULL(5)
#define ARCH_CAPS_PSCHANGE_MC_NO	BIT_ULL(6)

/* Is the register there at all, on this kind of processor? */
static bool on_processor(const struct hvm_msr_row *row)
{
	return !row->vendor || row->vendor == hvm_caps.vendor;
}

/* Has the guest this register? CPUID says so, once for all. */
static __always_inline bool has_register(const struct hvm_msr_access *a)
{
	return likely(!(a->vcpu->msr.withheld & a->row->bit));
}

static bool exits(const struct hvm_msr_access *a, u32 flag)
{
	const struct hvm_msr_filter *policy = &a->vcpu->vm->msr;

	return unlikely(hvm_msr_policy_takes(policy)) &&
	       hvm_msr_policy_flags(policy, a->index) & flag;
}

static enum hvm_msr_outcome refuse(struct hvm_vcpu *vcpu, int error)
{
	if (error == -ENOENT && vcpu->vm->msr.unknown_exits)
		return HVM_MSR_EXIT;
	return HVM_MSR_GP;
}

/**
 * hvm_msr_read - a guest's RDMSR
 * @a: the access; with HVM_MSR_DONE it has the value
 *
 * Return: what to do with the instruction
 * Context: interrupts on or off
 */
enum hvm_msr_outcome hvm_msr_read(struct hvm_msr_access *a)
{
	int error = -ENOENT;

	if (exits(a, HVM_MSR_EXIT_READ))
		return HVM_MSR_EXIT;
	a->row = hvm_msr_row_of(a->index);
	if (likely(has_register(a)))
		error = a->row->read(a);
	return likely(!error) ? HVM_MSR_DONE : refuse(a->vcpu, error);
}

/**
 * hvm_msr_write - a guest's WRMSR
 * @a: the access, with the value
 *
 * Return: what to do with the instruction
 * Context: interrupts on or off
 */
enum hvm_msr_outcome hvm_msr_write(struct hvm_msr_access *a)
{
	int error = -ENOENT;

	if (exits(a, HVM_MSR_EXIT_WRITE))
		return HVM_MSR_EXIT;
	a->row = hvm_msr_row_of(a->index);
	if (likely(has_register(a)))
		error = a->row->write ? a->row->write(a) : -EINVAL;
	return likely(!error) ? HVM_MSR_DONE : refuse(a->vcpu, error);
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
	return (caps | ARCH_CAPS_PSCHANGE_MC_NO) & HVM_ARCH_CAPS_OFFERED;
}

/**
 * hvm_msr_init - values after power-on
 * @vcpu: a vCPU that is being created; &hvm_msrs.tsc stays as it is; the guest has none of them
 *	before hvm_msr_freeze()
 *
 * INIT leaves all of them alone (SDM "Processor State After Reset").
 */
void hvm_msr_init(struct hvm_vcpu *vcpu)
{
	struct hvm_msrs *msr = &vcpu->msr;

	msr->withheld = U64_MAX;
	msr->mtrr = (struct hvm_mtrr) {};
	msr->misc_enable = HVM_MISC_ENABLE_RESET;
	msr->arch_caps = host_arch_caps();
	msr->ucode_rev = boot_cpu_data.microcode;
	if (hvm_caps.vendor == HVM_VENDOR_INTEL)
		msr->ucode_rev <<= 32;
	msr->mcg_status = 0;
	msr->hwcr = HWCR_RESET;
	msr->nb_cfg = 0;
}

/**
 * hvm_msr_freeze - note which registers CPUID and the kind of processor keep from the guest
 * @vcpu: the vCPU at its first HVM_RUN, from which on its CPUID stays as it is
 *
 * Context: process
 */
void hvm_msr_freeze(struct hvm_vcpu *vcpu)
{
	const struct hvm_msr_row *row;
	u32 i;

	vcpu->msr.withheld = 0;
	for (i = 0; (row = hvm_msr_row_at(i)); i++)
		if (!on_processor(row) || (row->feature && !hvm_cpuid_has(vcpu, row->feature)))
			vcpu->msr.withheld |= row->bit;
}

static void list_one(u32 *indices, u32 places, u32 *count, u32 index)
{
	if (*count < places)
		indices[*count] = index;
	(*count)++;
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
	const struct hvm_msr_row *row;
	u32 place = 0, count = 0, index;
	const u32 *held;

	while (hvm_msr_row_next(&place, &index)) {
		row = hvm_msr_row_of(index);
		if (row->carried == HVM_MSR_CARRIED && on_processor(row))
			list_one(indices, places, &count, index);
	}
	for (held = hvm_backend->msr_list(); *held; held++)
		list_one(indices, places, &count, *held);
	return count;
}

/* Carried MSRs only: the others are found in other blocks of the state, or hold still. */
static bool begin(struct hvm_msr_access *a, struct hvm_vcpu *vcpu, u32 index, u64 value)
{
	const struct hvm_msr_row *row = hvm_msr_row_of(index);

	*a = (struct hvm_msr_access) {
		.vcpu = vcpu,
		.row = row,
		.index = index,
		.host = true,
		.value = value,
	};
	return row->carried != HVM_MSR_NOT_CARRIED && on_processor(row);
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
	struct hvm_msr_access a;
	int error;

	if (!begin(&a, vcpu, index, 0))
		return -ENOENT;
	error = a.row->read(&a);
	if (!error)
		*value = a.value;
	return error;
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
	struct hvm_msr_access a;

	return begin(&a, vcpu, index, value) ? a.row->write(&a) : -ENOENT;
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
