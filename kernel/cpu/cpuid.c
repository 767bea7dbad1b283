// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID of a guest: tables from userspace, and the answer to a query with what the kernel fills
 * in. Not here: finding a leaf (leaf.c) and what the host can offer (offer.c).
 */
#include <linux/cpufeature.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/processor.h>
#include <asm/processor-flags.h>

#include "cpuid.h"
#include "vcpu.h"

enum { EAX, EBX, ECX, EDX };

#define FEATURES_APIC		BIT(9)		/* leaf 1, EDX */
#define FEATURES_OSXSAVE	BIT(27)		/* leaf 1, ECX */
#define FEATURES_APIC_ID	GENMASK(31, 24)	/* leaf 1, EBX */
#define STRUCTURED_OSPKE	BIT(4)		/* leaf 7, ECX */
#define AMD_CORE_ID		GENMASK(7, 0)	/* leaf 8000001Eh, EBX */

/* The processor lays the XSAVE area out: the sizes are the host's own (SDM "CPUID", leaf 0Dh). */
static void note_xstates(struct hvm_leaves *leaves)
{
	u64 features = hvm_fpu_features();
	u32 eax, ebx, ecx, edx;
	int i;

	for (i = 2; i < HVM_CPUID_XSTATES; i++) {
		if (!(features >> i & 1))
			continue;
		cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
		leaves->xstate[i].bytes = eax;
		leaves->xstate[i].offset = ebx;
		leaves->xstate[i].aligned = ecx & BIT(1);
	}
}

static struct hvm_leaves *build(const struct hvm_cpuid_entry *entries, u32 count)
{
	struct hvm_leaves *table;
	int error;

	table = kvzalloc(struct_size(table, leaf, count), GFP_KERNEL_ACCOUNT);
	if (!table)
		return ERR_PTR(-ENOMEM);
	error = hvm_leaves_build(table, entries, count);
	if (error) {
		kvfree(table);
		return ERR_PTR(error);
	}
	note_xstates(table);
	return table;
}

/**
 * hvm_cpuid_create - a table of what userspace gave
 * @arg: the kernel's copy of the argument
 *
 * Return: the table, or ERR_PTR: -ENOSPC: too many entries; -EFAULT; -EINVAL: an entry is malformed
 * or there twice; -EOPNOTSUPP: an unknown flag; -ENOMEM
 * Context: process
 */
struct hvm_leaves *hvm_cpuid_create(const struct hvm_cpuid *arg)
{
	const u32 count = arg->count;
	struct hvm_cpuid_entry *entries;
	struct hvm_leaves *table;

	if (count > HVM_MAX_CPUID)
		return ERR_PTR(-ENOSPC);
	entries = kvmalloc_array(count, sizeof(*entries), GFP_KERNEL_ACCOUNT);
	if (!entries)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(entries, u64_to_user_ptr(arg->entries), count * sizeof(*entries)))
		table = ERR_PTR(-EFAULT);
	else
		table = build(entries, count);
	kvfree(entries);
	return table;
}

/**
 * hvm_cpuid_free - reverse of hvm_cpuid_create()
 * @table: the table, or NULL
 */
void hvm_cpuid_free(struct hvm_leaves *table)
{
	kvfree(table);
}

/* Its own, or the guest's default; frozen at its first run. */
static const struct hvm_leaves *table_of(const struct hvm_vcpu *vcpu)
{
	return vcpu->cpuid ? vcpu->cpuid : vcpu->vm->cpuid;
}

/**
 * hvm_cpuid_has - is a feature announced to the guest?
 * @vcpu: the vCPU, past the freeze of its CPUID at its first HVM_RUN
 * @feature: HVM_CPUID_*
 *
 * Context: any
 */
bool hvm_cpuid_has(struct hvm_vcpu *vcpu, unsigned int feature)
{
	const struct hvm_leaves *table = table_of(vcpu);

	return table && hvm_leaves_has(table, feature);
}

static u64 guest_cr4(struct hvm_vcpu *vcpu)
{
	struct hvm_hw_state state;

	hvm_backend->get_state(vcpu->hw, HVM_STATE_CONTROL, &state);
	return state.cr4;
}

static void fill_features(struct hvm_vcpu *vcpu, u32 out[4])
{
	out[EBX] = (out[EBX] & ~FEATURES_APIC_ID) | vcpu->lapic.id << 24;
	out[ECX] &= ~FEATURES_OSXSAVE;
	if (guest_cr4(vcpu) & X86_CR4_OSXSAVE)
		out[ECX] |= FEATURES_OSXSAVE;
	if (!hvm_lapic_enabled(&vcpu->lapic))
		out[EDX] &= ~FEATURES_APIC;
}

static void fill_structured(struct hvm_vcpu *vcpu, u32 out[4])
{
	out[ECX] &= ~STRUCTURED_OSPKE;
	if (guest_cr4(vcpu) & X86_CR4_PKE)
		out[ECX] |= STRUCTURED_OSPKE;
}

/* APM "CPUID", Fn8000_001E: EBX has the core's number and, in bits 15:8, its threads less one. */
static void fill_amd_topology(struct hvm_vcpu *vcpu, u32 out[4])
{
	u32 threads = (out[EBX] >> 8 & 0xff) + 1;

	out[EAX] = vcpu->lapic.id;
	out[EBX] = (out[EBX] & ~AMD_CORE_ID) | (vcpu->lapic.id / threads & AMD_CORE_ID);
}

static void fill(struct hvm_vcpu *vcpu, const struct hvm_leaves *leaves, u8 what, u32 out[4])
{
	switch (what) {
	case HVM_FILL_FEATURES:
		fill_features(vcpu, out);
		break;
	case HVM_FILL_STRUCTURED:
		fill_structured(vcpu, out);
		break;
	case HVM_FILL_TOPOLOGY:
		out[EDX] = vcpu->lapic.id;
		break;
	case HVM_FILL_XSAVE:
		out[EBX] = hvm_leaves_xsave_bytes(leaves, vcpu->fpu.xcr0, false);
		break;
	case HVM_FILL_XSAVEC:
		out[EBX] = hvm_leaves_xsave_bytes(leaves, vcpu->fpu.xcr0, true);
		break;
	case HVM_FILL_AMD_TOPOLOGY:
		fill_amd_topology(vcpu, out);
		break;
	}
}

/* SDM "CPUID": the topology leaves answer a subleaf beyond the last with its number and the id. */
static void answer_missing(struct hvm_vcpu *vcpu, const struct hvm_leaves *leaves, u32 leaf,
			   u32 subleaf, u32 out[4])
{
	memset(out, 0, 4 * sizeof(*out));
	if ((leaf == 0xb || leaf == 0x1f) && hvm_leaves_listed(leaves, leaf)) {
		out[ECX] = subleaf & 0xff;
		out[EDX] = vcpu->lapic.id;
	}
}

/* Everything but a plain leaf near the start of its range. */
static noinline void query_slowly(struct hvm_vcpu *vcpu, const struct hvm_leaves *leaves, u32 leaf,
				  u32 subleaf, u32 out[4])
{
	const struct hvm_cpuid_leaf *found = hvm_leaves_find(leaves, leaf, subleaf);

	if (!found) {
		answer_missing(vcpu, leaves, leaf, subleaf, out);
		return;
	}
	memcpy(out, found->out, sizeof(found->out));
	fill(vcpu, leaves, found->fill, out);
}

/**
 * hvm_cpuid_query - what CPUID answers
 * @vcpu: the vCPU, loaded, past its first HVM_RUN
 * @leaf: EAX
 * @subleaf: ECX
 * @out: EAX, EBX, ECX, EDX
 *
 * Context: interrupts on or off
 */
void hvm_cpuid_query(struct hvm_vcpu *vcpu, u32 leaf, u32 subleaf, u32 out[4])
{
	const struct hvm_leaves *table = table_of(vcpu);
	const struct hvm_cpuid_leaf *found;

	if (unlikely(!table)) {
		memset(out, 0, 4 * sizeof(*out));
		return;
	}
	found = hvm_leaves_direct(table, leaf);
	if (likely(found && !found->indexed && found->fill == HVM_FILL_NOTHING))
		memcpy(out, found->out, sizeof(found->out));
	else
		query_slowly(vcpu, table, leaf, subleaf, out);
}
