/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table of CPUID leaves: sorted, checked, and found in a few instructions. Pure: no kernel
 * object, so that a unit test compiles the same file. Not here: what a leaf means, and what of it
 * the kernel fills in (cpu/cpuid.c).
 */
#ifndef HVM_CPU_LEAF_H
#define HVM_CPU_LEAF_H

#include <linux/hvm.h>
#include <linux/types.h>

/* The registers of CPUID that hold feature bits hvm_cpuid_has() can be asked for. */
enum hvm_cpuid_word {
	HVM_CPUID_1_ECX,
	HVM_CPUID_1_EDX,
	HVM_CPUID_7_EBX,
	HVM_CPUID_7_ECX,
	HVM_CPUID_7_EDX,
	HVM_CPUID_7_2_EDX,
	HVM_CPUID_PV_EAX,
	HVM_CPUID_8000_0001_EDX,
	HVM_CPUID_8000_0008_EBX,
	HVM_CPUID_WORDS
};

#define HVM_CPUID_BIT(word, bit)	(HVM_CPUID_##word * 32 + (bit))

/* Features that the kernel itself acts on (SDM and APM "CPUID"). */
#define HVM_CPUID_X2APIC	HVM_CPUID_BIT(1_ECX, 21)
#define HVM_CPUID_TSC_DEADLINE	HVM_CPUID_BIT(1_ECX, 24)
#define HVM_CPUID_MTRR		HVM_CPUID_BIT(1_EDX, 12)
#define HVM_CPUID_MCA		HVM_CPUID_BIT(1_EDX, 14)
#define HVM_CPUID_PAT		HVM_CPUID_BIT(1_EDX, 16)
#define HVM_CPUID_TSC_ADJUST	HVM_CPUID_BIT(7_EBX, 1)
#define HVM_CPUID_RDPID		HVM_CPUID_BIT(7_ECX, 22)
#define HVM_CPUID_SPEC_CTRL	HVM_CPUID_BIT(7_EDX, 26)
#define HVM_CPUID_STIBP		HVM_CPUID_BIT(7_EDX, 27)
#define HVM_CPUID_FLUSH_L1D	HVM_CPUID_BIT(7_EDX, 28)
#define HVM_CPUID_ARCH_CAPS	HVM_CPUID_BIT(7_EDX, 29)
#define HVM_CPUID_SSBD		HVM_CPUID_BIT(7_EDX, 31)
#define HVM_CPUID_INTEL_PSFD	HVM_CPUID_BIT(7_2_EDX, 0)
#define HVM_CPUID_IPRED_CTRL	HVM_CPUID_BIT(7_2_EDX, 1)
#define HVM_CPUID_RRSBA_CTRL	HVM_CPUID_BIT(7_2_EDX, 2)
#define HVM_CPUID_BHI_CTRL	HVM_CPUID_BIT(7_2_EDX, 4)
#define HVM_CPUID_PV_OLD_CLOCK	HVM_CPUID_BIT(PV_EAX, 0)
#define HVM_CPUID_PV_CLOCK	HVM_CPUID_BIT(PV_EAX, 3)
#define HVM_CPUID_PV_STEAL_TIME	HVM_CPUID_BIT(PV_EAX, 5)
#define HVM_CPUID_PV_EOI	HVM_CPUID_BIT(PV_EAX, 6)
#define HVM_CPUID_PV_SEND_IPI	HVM_CPUID_BIT(PV_EAX, 11)
#define HVM_CPUID_PV_POLL	HVM_CPUID_BIT(PV_EAX, 12)
#define HVM_CPUID_NX		HVM_CPUID_BIT(8000_0001_EDX, 20)
#define HVM_CPUID_FXSR_OPT	HVM_CPUID_BIT(8000_0001_EDX, 25)
#define HVM_CPUID_RDTSCP	HVM_CPUID_BIT(8000_0001_EDX, 27)
#define HVM_CPUID_LM		HVM_CPUID_BIT(8000_0001_EDX, 29)
#define HVM_CPUID_AMD_IBPB	HVM_CPUID_BIT(8000_0008_EBX, 12)
#define HVM_CPUID_AMD_IBRS	HVM_CPUID_BIT(8000_0008_EBX, 14)
#define HVM_CPUID_AMD_STIBP	HVM_CPUID_BIT(8000_0008_EBX, 15)
#define HVM_CPUID_AMD_SSBD	HVM_CPUID_BIT(8000_0008_EBX, 24)
#define HVM_CPUID_AMD_PSFD	HVM_CPUID_BIT(8000_0008_EBX, 28)

/* Leaves are looked up by number in four ranges, each this many leaves from its start. */
#define HVM_CPUID_RANGES	4
#define HVM_CPUID_DIRECT	64
#define HVM_CPUID_RANGE(leaf)	((leaf) >> 30)
#define HVM_CPUID_RANGE_MASK	0x3fffffffU

/* State components of XCR0 that have a size of their own: bits 2 to 31. */
#define HVM_CPUID_XSTATES	32

/* What the kernel fills into a leaf's answer. */
enum hvm_cpuid_fill {
	HVM_FILL_NOTHING,
	HVM_FILL_FEATURES,	/* 1: APIC id, OSXSAVE, whether the APIC is enabled */
	HVM_FILL_STRUCTURED,	/* 7: OSPKE */
	HVM_FILL_TOPOLOGY,	/* 0Bh, 1Fh: x2APIC id */
	HVM_FILL_XSAVE,		/* 0Dh, subleaf 0: size in the standard format */
	HVM_FILL_XSAVEC,	/* 0Dh, subleaf 1: size in the compacted format */
	HVM_FILL_AMD_TOPOLOGY,	/* 8000001Eh: APIC id, core id */
};

/**
 * struct hvm_cpuid_leaf - one answer
 * @leaf: EAX of the query
 * @subleaf: ECX of the query, with @indexed
 * @out: EAX, EBX, ECX, EDX
 * @indexed: answers only for @subleaf
 * @fill: enum hvm_cpuid_fill
 */
struct hvm_cpuid_leaf {
	u32 leaf;
	u32 subleaf;
	u32 out[4];
	u8 indexed;
	u8 fill;
};

/**
 * struct hvm_xstate - where a state component lies in the standard format of XSAVE
 * @bytes: size, 0: not there
 * @offset: from the start of the area
 * @aligned: the compacted format aligns it to 64 bytes
 */
struct hvm_xstate {
	u16 bytes;
	u16 offset;
	bool aligned;
};

/**
 * struct hvm_leaves - all leaves of a guest or a vCPU
 * @count: number of @leaf
 * @limit: highest leaf of each range, as its first leaf says; 0: no such range
 * @beyond: what leaves beyond the limits answer: a leaf's number, if @has_beyond; else zeros
 * @has_beyond: see @beyond
 * @direct: 1 + number in @leaf of the first one of each leaf near the start of a range, 0: none
 * @word: feature bits by enum hvm_cpuid_word
 * @xstate: state components, by number
 * @leaf: sorted by leaf and subleaf
 */
struct hvm_leaves {
	u32 count;
	u32 limit[HVM_CPUID_RANGES];
	u32 beyond;
	bool has_beyond;
	u16 direct[HVM_CPUID_RANGES][HVM_CPUID_DIRECT];
	u32 word[HVM_CPUID_WORDS];
	struct hvm_xstate xstate[HVM_CPUID_XSTATES];
	struct hvm_cpuid_leaf leaf[];
};

int hvm_leaves_build(struct hvm_leaves *leaves, const struct hvm_cpuid_entry *entries, u32 count);
const struct hvm_cpuid_leaf *hvm_leaves_find(const struct hvm_leaves *leaves, u32 leaf,
					     u32 subleaf);
bool hvm_leaves_listed(const struct hvm_leaves *leaves, u32 leaf);
u32 hvm_leaves_xsave_bytes(const struct hvm_leaves *leaves, u64 xcr0, bool compacted);

/**
 * hvm_leaves_direct - the first answer of a leaf near the start of a range
 * @leaves: the leaves
 * @leaf: EAX
 *
 * Return: the answer, of whatever subleaf; NULL: there is none, or hvm_leaves_find() has to search
 */
static inline const struct hvm_cpuid_leaf *hvm_leaves_direct(const struct hvm_leaves *leaves,
							     u32 leaf)
{
	const u32 number = leaf & (HVM_CPUID_DIRECT - 1);
	u16 place;

	if (leaf & (HVM_CPUID_RANGE_MASK & ~(HVM_CPUID_DIRECT - 1)))
		return NULL;
	place = leaves->direct[HVM_CPUID_RANGE(leaf)][number];
	return place ? &leaves->leaf[place - 1] : NULL;
}

/**
 * hvm_leaves_has - is a feature announced?
 * @leaves: the leaves
 * @feature: HVM_CPUID_*
 */
static inline bool hvm_leaves_has(const struct hvm_leaves *leaves, unsigned int feature)
{
	return leaves->word[feature / 32] >> (feature % 32) & 1;
}

#endif /* HVM_CPU_LEAF_H */
