// SPDX-License-Identifier: GPL-2.0-only
/*
 * What this host can offer a guest by CPUID: the processor's own answers, less what the host kernel
 * has switched off, less what this module does not carry, plus what it provides itself. A bit that
 * is not named in the tables below is not offered. Not here: what a guest is then given (cpuid.c).
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/fpu/xstate.h>
#include <asm/processor.h>
#include <asm/tsc.h>

#include "../backend.h"
#include "clock.h"
#include "cpuid.h"
#include "fpu.h"

enum { EAX, EBX, ECX, EDX };

#define ALL		0xffffffffU
#define INTEL		BIT(HVM_VENDOR_INTEL)
#define AMD		BIT(HVM_VENDOR_AMD)
#define BOTH		(INTEL | AMD)

#define PV_BASE		0x40000000U
#define CRYSTAL_HZ	1000000000U	/* the local APIC's timer counts at this rate */
#define MAX_CACHES	8

/*
 * Leaves that follow the processor's. @keep: bits passed on if the processor has them; @add: bits
 * that are there because the kernel provides what they announce.
 */
static const struct leaf_rule {
	u32 leaf;
	u32 subleaf;
	u32 keep[4];
	u32 add[4];
	bool indexed;
	u8 vendors;
} rules[] = {
	{ .leaf = 0x0, .vendors = BOTH, .keep = { 0, ALL, ALL, ALL } },
	{
		.leaf = 0x1,
		.vendors = BOTH,
		.keep = {
			/* The signature. */
			[EAX] = ALL,
			/* The size of a cache line for CLFLUSH. */
			[EBX] = GENMASK(15, 8),
			/* SSE3 PCLMULQDQ SSSE3 FMA CX16 PCID */
			[ECX] = BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(13) | BIT(17) |
				/* SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE AVX F16C RDRAND */
				BIT(19) | BIT(20) | BIT(22) | BIT(23) | BIT(25) | BIT(26) |
				BIT(28) | BIT(29) | BIT(30),
			/* FPU VME DE PSE TSC MSR PAE MCE CX8 SEP */
			[EDX] = BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) |
				BIT(7) | BIT(8) | BIT(11) |
				/* MTRR PGE MCA CMOV PAT PSE36 CLFSH */
				BIT(12) | BIT(13) | BIT(14) | BIT(15) | BIT(16) | BIT(17) |
				/* MMX FXSR SSE SSE2 SS */
				BIT(19) | BIT(23) | BIT(24) | BIT(25) | BIT(26) | BIT(27),
		},
		.add = {
			/* x2APIC, TSC deadline, HYPERVISOR; APIC: all of them our own */
			[ECX] = BIT(21) | BIT(24) | BIT(31),
			[EDX] = BIT(9),
		},
	},
	{ .leaf = 0x2, .vendors = INTEL, .keep = { ALL, ALL, ALL, ALL } },
	/* ARAT: our timer does not stop. */
	{ .leaf = 0x6, .vendors = BOTH, .add = { [EAX] = BIT(2) } },
	{
		.leaf = 0x7,
		.vendors = BOTH,
		.indexed = true,
		.keep = {
			[EAX] = GENMASK(1, 0),
			/* FSGSBASE BMI1 HLE AVX2 FDP_EXCPTN SMEP BMI2 ERMS INVPCID RTM */
			[EBX] = BIT(0) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) |
				BIT(9) | BIT(10) | BIT(11) |
				/* ZERO_FCS_FDS AVX512F AVX512DQ RDSEED ADX SMAP AVX512IFMA */
				BIT(13) | BIT(16) | BIT(17) | BIT(18) | BIT(19) | BIT(20) |
				/* CLFLUSHOPT CLWB AVX512PF AVX512ER AVX512CD SHA BW VL */
				BIT(21) | BIT(23) | BIT(24) | BIT(26) | BIT(27) | BIT(28) |
				BIT(29) | BIT(30) | BIT(31),
			/* AVX512_VBMI UMIP PKU VBMI2 GFNI VAES VPCLMULQDQ VNNI BITALG */
			[ECX] = BIT(1) | BIT(2) | BIT(3) | BIT(6) | BIT(8) | BIT(9) | BIT(10) |
				BIT(11) | BIT(12) |
				/* VPOPCNTDQ LA57 RDPID CLDEMOTE MOVDIRI MOVDIR64B */
				BIT(14) | BIT(16) | BIT(22) | BIT(25) | BIT(27) | BIT(28),
			/* 4VNNIW 4FMAPS FSRM VP2INTERSECT MD_CLEAR SERIALIZE TSXLDTRK */
			[EDX] = BIT(2) | BIT(3) | BIT(4) | BIT(8) | BIT(10) | BIT(14) | BIT(16) |
				/* AVX512_FP16 SPEC_CTRL STIBP FLUSH_L1D ARCH_CAPABILITIES SSBD */
				BIT(23) | BIT(26) | BIT(27) | BIT(28) | BIT(29) | BIT(31),
		},
		/* TSC_ADJUST */
		.add = { [EBX] = BIT(1) },
	},
	{
		.leaf = 0x7,
		.subleaf = 1,
		.vendors = BOTH,
		.indexed = true,
		.keep = {
			/* AVX_VNNI AVX512_BF16 CMPCCXADD FZRM FSRS FSRCS AVX_IFMA */
			[EAX] = BIT(4) | BIT(5) | BIT(7) | BIT(10) | BIT(11) | BIT(12) | BIT(23),
			/* AVX_VNNI_INT8 AVX_NE_CONVERT PREFETCHITI */
			[EDX] = BIT(4) | BIT(5) | BIT(14),
		},
	},
	/* XSAVEOPT XSAVEC XGETBV1; the sizes are filled in for each query. */
	{
		.leaf = 0xd,
		.subleaf = 1,
		.vendors = BOTH,
		.indexed = true,
		.keep = { [EAX] = BIT(0) | BIT(1) | BIT(2) },
	},
	{ .leaf = 0x80000000, .vendors = BOTH, .keep = { 0, ALL, ALL, ALL } },
	{
		.leaf = 0x80000001,
		.vendors = INTEL,
		.keep = {
			/* LAHF_LM LZCNT PREFETCHW */
			[ECX] = BIT(0) | BIT(5) | BIT(8),
			/* NX GBPAGES RDTSCP LM */
			[EDX] = BIT(20) | BIT(26) | BIT(27) | BIT(29),
		},
		/* SYSCALL: announced by the processor in 64-bit mode only. */
		.add = { [EDX] = BIT(11) },
	},
	{
		.leaf = 0x80000001,
		.vendors = AMD,
		.keep = {
			[EAX] = ALL,
			/* LAHF_LM CR8_LEGACY ABM SSE4A MISALIGNSSE 3DNOWPREFETCH */
			[ECX] = BIT(0) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) |
				/* XOP FMA4 TBM TOPOEXT */
				BIT(11) | BIT(16) | BIT(21) | BIT(22),
			/* What leaf 1 has too. */
			[EDX] = BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) |
				BIT(7) | BIT(8) | BIT(9) | BIT(12) | BIT(13) | BIT(14) |
				BIT(15) | BIT(16) | BIT(17) | BIT(23) | BIT(24) |
				/* SYSCALL NX MMXEXT FXSR_OPT GBPAGES RDTSCP LM 3DNOWEXT 3DNOW */
				BIT(11) | BIT(20) | BIT(22) | BIT(25) | BIT(26) | BIT(27) |
				BIT(29) | BIT(30) | BIT(31),
		},
	},
	{ .leaf = 0x80000002, .vendors = BOTH, .keep = { ALL, ALL, ALL, ALL } },
	{ .leaf = 0x80000003, .vendors = BOTH, .keep = { ALL, ALL, ALL, ALL } },
	{ .leaf = 0x80000004, .vendors = BOTH, .keep = { ALL, ALL, ALL, ALL } },
	{ .leaf = 0x80000005, .vendors = AMD, .keep = { ALL, ALL, ALL, ALL } },
	{ .leaf = 0x80000006, .vendors = BOTH, .keep = { ALL, ALL, ALL, ALL } },
	/* Invariant TSC. */
	{ .leaf = 0x80000007, .vendors = BOTH, .keep = { [EDX] = BIT(8) } },
	{
		.leaf = 0x80000008,
		.vendors = INTEL,
		.keep = { [EAX] = GENMASK(15, 0) },
	},
	{
		.leaf = 0x80000008,
		.vendors = AMD,
		.keep = {
			[EAX] = GENMASK(15, 0),
			/* CLZERO XSAVEERPTR WBNOINVD IBPB IBRS STIBP STIBP_ALWAYS_ON SSBD */
			[EBX] = BIT(0) | BIT(2) | BIT(9) | BIT(12) | BIT(14) | BIT(15) | BIT(17) |
				BIT(24) |
				/* SSB_NO PSFD BTC_NO IBPB_RET */
				BIT(26) | BIT(28) | BIT(29) | BIT(30),
		},
	},
	{ .leaf = 0x80000019, .vendors = AMD, .keep = { ALL, ALL, 0, 0 } },
	{ .leaf = 0x8000001a, .vendors = AMD, .keep = { [EAX] = GENMASK(2, 0) } },
	{ .leaf = 0x8000001e, .vendors = AMD },
	{
		.leaf = 0x80000021,
		.vendors = AMD,
		/* NO_NESTED_DATA_BP LFENCE_SERIALIZING NULL_SEL_CLEARS_BASE SRSO_NO */
		.keep = { [EAX] = BIT(0) | BIT(2) | BIT(6) | BIT(29) },
	},
};

/* Where the host kernel keeps its own idea of a register of CPUID: what it cleared is not there. */
static const struct {
	u32 leaf;
	u32 subleaf;
	u8 reg;
	u8 word;
} host_words[] = {
	{ 0x1, 0, ECX, CPUID_1_ECX },
	{ 0x1, 0, EDX, CPUID_1_EDX },
	{ 0x7, 0, EBX, CPUID_7_0_EBX },
	{ 0x7, 0, ECX, CPUID_7_ECX },
	{ 0x7, 0, EDX, CPUID_7_EDX },
	{ 0x7, 1, EAX, CPUID_7_1_EAX },
	{ 0xd, 1, EAX, CPUID_D_1_EAX },
	{ 0x80000001, 0, ECX, CPUID_8000_0001_ECX },
	{ 0x80000001, 0, EDX, CPUID_8000_0001_EDX },
	{ 0x80000008, 0, EBX, CPUID_8000_0008_EBX },
};

/* Entries as they come: counted beyond the places there are, kept up to them. */
struct offer {
	struct hvm_cpuid_entry *entries;
	u32 places;
	u32 count;
};

static void put(struct offer *offer, u32 leaf, u32 subleaf, bool indexed, const u32 regs[4])
{
	if (offer->count < offer->places)
		offer->entries[offer->count] = (struct hvm_cpuid_entry) {
			.leaf = leaf,
			.subleaf = subleaf,
			.flags = indexed ? HVM_CPUID_SUBLEAF : 0,
			.eax = regs[EAX],
			.ebx = regs[EBX],
			.ecx = regs[ECX],
			.edx = regs[EDX],
		};
	offer->count++;
}

/* The processor's answer; zeros beyond its limits. */
static void ask_host(u32 leaf, u32 subleaf, u32 regs[4])
{
	memset(regs, 0, 4 * sizeof(*regs));
	if (leaf <= cpuid_eax(leaf & 0xc0000000))
		cpuid_count(leaf, subleaf, &regs[EAX], &regs[EBX], &regs[ECX], &regs[EDX]);
}

static void drop_cleared(u32 leaf, u32 subleaf, u32 regs[4])
{
	int i;

	for (i = 0; i < ARRAY_SIZE(host_words); i++)
		if (host_words[i].leaf == leaf && host_words[i].subleaf == subleaf)
			regs[host_words[i].reg] &=
				boot_cpu_data.x86_capability[host_words[i].word];
}

/* Widths of addresses: no wider than the second-level tables and the paging modes offered. */
static void limit_widths(u32 regs[4])
{
	u32 physical = min(regs[EAX] & 0xff, hvm_caps.gpa_bits);
	u32 linear = regs[EAX] >> 8 & 0xff;

	if (!(hvm_caps.features & HVM_FEATURE_LA57))
		linear = min(linear, 48U);
	regs[EAX] = physical | linear << 8;
}

/* What depends on more than the processor's own bits. */
static void refine(u32 leaf, u32 subleaf, u32 regs[4])
{
	if (leaf == 0x7 && !subleaf && !(hvm_caps.features & HVM_FEATURE_LA57))
		regs[ECX] &= ~BIT(16);
	if (leaf == 0x7 && !subleaf)
		regs[EAX] = min(regs[EAX], 2U);
	if (leaf == 0x7 && !subleaf && !(hvm_fpu_features() & XFEATURE_MASK_PKRU))
		regs[ECX] &= ~BIT(3);
	if (leaf == 0x80000007 && !hvm_clock_host_stable())
		regs[EDX] &= ~BIT(8);
	if (leaf == 0x80000008)
		limit_widths(regs);
}

static void put_rule(struct offer *offer, const struct leaf_rule *rule)
{
	u32 regs[4];
	int i;

	ask_host(rule->leaf, rule->subleaf, regs);
	drop_cleared(rule->leaf, rule->subleaf, regs);
	for (i = 0; i < 4; i++)
		regs[i] = (regs[i] & rule->keep[i]) | rule->add[i];
	refine(rule->leaf, rule->subleaf, regs);
	put(offer, rule->leaf, rule->subleaf, rule->indexed, regs);
}

static void put_rules(struct offer *offer, u32 from, u32 to)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].leaf >= from && rules[i].leaf <= to &&
		    rules[i].vendors & BIT(hvm_caps.vendor))
			put_rule(offer, &rules[i]);
}

/* Caches, with nobody to share them: which vCPUs are neighbours is the table's owner to say. */
static void put_caches(struct offer *offer, u32 leaf)
{
	u32 regs[4], i;

	for (i = 0; i < MAX_CACHES; i++) {
		ask_host(leaf, i, regs);
		regs[EAX] &= GENMASK(9, 0);
		put(offer, leaf, i, true, regs);
		if (!(regs[EAX] & GENMASK(4, 0)))
			break;
	}
}

/* One thread a core, one core: the table's owner knows better. */
static void put_topology(struct offer *offer)
{
	put(offer, 0xb, 0, true, (const u32[4]) { 0, 1, 0x100, 0 });
	put(offer, 0xb, 1, true, (const u32[4]) { 0, 1, 0x201, 0 });
}

/* Size of the XSAVE area in the standard format. */
static u32 xsave_bytes(u64 features)
{
	u32 regs[4], i, bytes = FXSAVE_SIZE + XSAVE_HDR_SIZE;

	for (i = 2; i < HVM_CPUID_XSTATES; i++) {
		if (!(features >> i & 1))
			continue;
		ask_host(0xd, i, regs);
		bytes = max(bytes, regs[EAX] + regs[EBX]);
	}
	return bytes;
}

static void put_xsave(struct offer *offer)
{
	u64 features = hvm_fpu_features();
	u32 bytes = xsave_bytes(features);
	u32 regs[4], i;

	put(offer, 0xd, 0, true, (const u32[4]) { features, bytes, bytes, features >> 32 });
	put_rules(offer, 0xd, 0xd);
	for (i = 2; i < HVM_CPUID_XSTATES; i++) {
		if (!(features >> i & 1))
			continue;
		ask_host(0xd, i, regs);
		regs[ECX] &= BIT(1);
		regs[EDX] = 0;
		put(offer, 0xd, i, true, regs);
	}
}

/* Extensions of SPEC_CTRL: only together with it. */
static void put_spec_ctrl(struct offer *offer)
{
	u32 regs[4];

	ask_host(0x7, 0, regs);
	if (regs[EAX] < 2)
		return;
	drop_cleared(0x7, 0, regs);
	if (!(regs[EDX] & BIT(26)))
		return;
	ask_host(0x7, 2, regs);
	/* PSFD IPRED_CTRL RRSBA_CTRL BHI_CTRL MCDT_NO */
	regs[EDX] &= BIT(0) | BIT(1) | BIT(2) | BIT(4) | BIT(5);
	put(offer, 0x7, 2, true, (const u32[4]) { 0, 0, 0, regs[EDX] });
}

/*
 * SDM "CPUID", leaves 15h and 16h; AMD does not have them. A guest that finds them measures no
 * more, so they are there only where they are exact.
 */
static void put_frequencies(struct offer *offer)
{
	const u32 mhz = tsc_khz / 1000;
	u32 regs[4] = { 0, 0, CRYSTAL_HZ, 0 };

	if (hvm_caps.vendor != HVM_VENDOR_INTEL ||
	    !hvm_scale_fraction(tsc_khz, CRYSTAL_HZ / 1000, &regs[EBX], &regs[EAX]))
		return;
	put(offer, 0x15, 0, false, regs);
	put(offer, 0x16, 0, false, (const u32[4]) { mhz, mhz, CRYSTAL_HZ / 10000000, 0 });
}

/* The paravirtual interface: the signature existing guests look for, and what of it works. */
static void put_paravirtual(struct offer *offer)
{
	u32 base[4] = { PV_BASE + 1 };
	/* CLOCKSOURCE NOP_IO_DELAY CLOCKSOURCE2 PV_EOI PV_SEND_IPI POLL_CONTROL MSI_EXT_DEST_ID */
	u32 features = BIT(0) | BIT(1) | BIT(3) | BIT(6) | BIT(11) | BIT(12) | BIT(15);

	memcpy(&base[EBX], "KVMKVMKVM\0\0\0", 12);
	if (hvm_clock_host_stable())
		features |= BIT(24);	/* CLOCKSOURCE_STABLE */
	if (IS_ENABLED(CONFIG_SCHED_INFO))
		features |= BIT(5) | BIT(9);	/* STEAL_TIME PV_TLB_FLUSH */
	put(offer, PV_BASE, 0, false, base);
	put(offer, PV_BASE + 1, 0, false, (const u32[4]) { features, 0, 0, 0 });
}

/* The first leaf of a range tells its last. */
static void set_limit(struct offer *offer, u32 base)
{
	struct hvm_cpuid_entry *first = NULL;
	u32 i, last = base;

	for (i = 0; i < min(offer->count, offer->places); i++) {
		struct hvm_cpuid_entry *entry = &offer->entries[i];

		if (entry->leaf == base)
			first = entry;
		if (HVM_CPUID_RANGE(entry->leaf) == HVM_CPUID_RANGE(base))
			last = max(last, entry->leaf);
	}
	if (first)
		first->eax = last;
}

static void put_basic(struct offer *offer)
{
	put_rules(offer, 0x0, 0x2);
	if (hvm_caps.vendor == HVM_VENDOR_INTEL)
		put_caches(offer, 0x4);
	put_rules(offer, 0x5, 0x7);
	put_spec_ctrl(offer);
	put_topology(offer);
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		put_xsave(offer);
	put_frequencies(offer);
}

static void put_extended(struct offer *offer)
{
	put_rules(offer, 0x80000000, 0x8000001c);
	if (hvm_caps.vendor == HVM_VENDOR_AMD && boot_cpu_has(X86_FEATURE_TOPOEXT))
		put_caches(offer, 0x8000001d);
	put_rules(offer, 0x8000001e, 0x80000021);
}

/**
 * hvm_cpuid_offer - HVM_GET_CPUID: what this host can offer a guest
 * @entries: where they go, sorted by leaf and subleaf
 * @max: how many places there are; the limits in leaves 0 and 80000000h are right when all fit
 *
 * Return: number of entries there are
 * Context: any
 */
int hvm_cpuid_offer(struct hvm_cpuid_entry *entries, u32 max)
{
	struct offer offer = { .entries = entries, .places = max };

	put_basic(&offer);
	put_paravirtual(&offer);
	put_extended(&offer);
	set_limit(&offer, 0);
	set_limit(&offer, 0x80000000);
	return offer.count;
}
