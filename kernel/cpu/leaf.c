// SPDX-License-Identifier: GPL-2.0-only
/*
 * A table of CPUID leaves. See leaf.h.
 */
#include <linux/errno.h>
#include <linux/string.h>

#include "leaf.h"

#define XSAVE_LEGACY	576	/* the legacy region and the header */

enum { EAX, EBX, ECX, EDX };

/* Where the feature bits of enum hvm_cpuid_word lie. */
static const struct {
	u32 leaf;
	u32 subleaf;
	u32 reg;
} words[HVM_CPUID_WORDS] = {
	[HVM_CPUID_1_ECX]		= { 1, 0, ECX },
	[HVM_CPUID_1_EDX]		= { 1, 0, EDX },
	[HVM_CPUID_7_EBX]		= { 7, 0, EBX },
	[HVM_CPUID_7_ECX]		= { 7, 0, ECX },
	[HVM_CPUID_7_EDX]		= { 7, 0, EDX },
	[HVM_CPUID_7_2_EDX]		= { 7, 2, EDX },
	[HVM_CPUID_PV_EAX]		= { 0x40000001, 0, EAX },
	[HVM_CPUID_8000_0001_EDX]	= { 0x80000001, 0, EDX },
	[HVM_CPUID_8000_0008_EBX]	= { 0x80000008, 0, EBX },
};

/* Order of the table: by leaf, then by subleaf. */
static int compare(const struct hvm_cpuid_leaf *a, u32 leaf, u32 subleaf)
{
	if (a->leaf != leaf)
		return a->leaf < leaf ? -1 : 1;
	if (a->subleaf != subleaf)
		return a->subleaf < subleaf ? -1 : 1;
	return 0;
}

/* Number of the first one that is not below (leaf, subleaf). */
static u32 lower_bound(const struct hvm_leaves *leaves, u32 leaf, u32 subleaf)
{
	u32 low = 0, high = leaves->count;

	while (low < high) {
		u32 middle = (low + high) / 2;

		if (compare(&leaves->leaf[middle], leaf, subleaf) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static u8 fill_of(u32 leaf, u32 subleaf)
{
	switch (leaf) {
	case 0x1:
		return HVM_FILL_FEATURES;
	case 0x7:
		return subleaf ? HVM_FILL_NOTHING : HVM_FILL_STRUCTURED;
	case 0xb:
	case 0x1f:
		return HVM_FILL_TOPOLOGY;
	case 0xd:
		return subleaf > 1 ? HVM_FILL_NOTHING : subleaf ? HVM_FILL_XSAVEC : HVM_FILL_XSAVE;
	case 0x8000001e:
		return HVM_FILL_AMD_TOPOLOGY;
	default:
		return HVM_FILL_NOTHING;
	}
}

/* One entry into its place. Tables come sorted as a rule, so that place is mostly the end. */
static int insert(struct hvm_leaves *leaves, const struct hvm_cpuid_entry *entry)
{
	struct hvm_cpuid_leaf *at;
	u32 place;

	if (entry->flags & ~HVM_CPUID_SUBLEAF)
		return -EOPNOTSUPP;
	if (entry->reserved || (entry->subleaf && !entry->flags))
		return -EINVAL;

	place = lower_bound(leaves, entry->leaf, entry->subleaf);
	at = &leaves->leaf[place];
	if (place < leaves->count && !compare(at, entry->leaf, entry->subleaf))
		return -EINVAL;
	memmove(at + 1, at, (leaves->count - place) * sizeof(*at));
	*at = (struct hvm_cpuid_leaf) {
		.leaf = entry->leaf,
		.subleaf = entry->subleaf,
		.out = { entry->eax, entry->ebx, entry->ecx, entry->edx },
		.indexed = entry->flags & HVM_CPUID_SUBLEAF,
		.fill = fill_of(entry->leaf, entry->subleaf),
	};
	leaves->count++;
	return 0;
}

/* A leaf that answers whatever the subleaf leaves no room for one that answers one of them. */
static bool mixed(const struct hvm_leaves *leaves)
{
	u32 i;

	for (i = 1; i < leaves->count; i++)
		if (leaves->leaf[i].leaf == leaves->leaf[i - 1].leaf &&
		    leaves->leaf[i].indexed != leaves->leaf[i - 1].indexed)
			return true;
	return false;
}

static void index_leaves(struct hvm_leaves *leaves)
{
	u32 i, leaf;

	for (i = leaves->count; i-- > 0;) {
		leaf = leaves->leaf[i].leaf;
		if ((leaf & HVM_CPUID_RANGE_MASK) < HVM_CPUID_DIRECT)
			leaves->direct[HVM_CPUID_RANGE(leaf)][leaf % HVM_CPUID_DIRECT] = i + 1;
	}
}

static const struct hvm_cpuid_leaf *first_of(const struct hvm_leaves *leaves, u32 leaf)
{
	u32 place;

	if ((leaf & HVM_CPUID_RANGE_MASK) < HVM_CPUID_DIRECT)
		return hvm_leaves_direct(leaves, leaf);
	place = lower_bound(leaves, leaf, 0);
	if (place == leaves->count || leaves->leaf[place].leaf != leaf)
		return NULL;
	return &leaves->leaf[place];
}

/* SDM "CPUID": Intel's answer beyond a limit is that of the highest basic leaf, AMD's is zero. */
static void note_limits(struct hvm_leaves *leaves)
{
	const struct hvm_cpuid_leaf *base;
	u32 range;

	for (range = 0; range < HVM_CPUID_RANGES; range++) {
		base = first_of(leaves, range << 30);
		leaves->limit[range] = base ? base->out[EAX] : 0;
	}
	base = first_of(leaves, 0);
	leaves->has_beyond = base && !memcmp(&base->out[EBX], "Genu", 4) &&
			     !memcmp(&base->out[EDX], "ineI", 4) &&
			     !memcmp(&base->out[ECX], "ntel", 4);
	leaves->beyond = leaves->limit[0];
}

static void note_words(struct hvm_leaves *leaves)
{
	const struct hvm_cpuid_leaf *found;
	u32 i;

	for (i = 0; i < HVM_CPUID_WORDS; i++) {
		if (!hvm_leaves_listed(leaves, words[i].leaf))
			continue;
		found = hvm_leaves_find(leaves, words[i].leaf, words[i].subleaf);
		leaves->word[i] = found ? found->out[words[i].reg] : 0;
	}
}

/**
 * hvm_leaves_build - a table of entries from outside
 * @leaves: zeroed, with room for @count of @leaf
 * @entries: the entries, in any order
 * @count: how many
 *
 * Return: 0; -EINVAL: a leaf and subleaf twice, a subleaf without HVM_CPUID_SUBLEAF, a reserved
 * field that is not zero; -EOPNOTSUPP: an unknown flag
 */
int hvm_leaves_build(struct hvm_leaves *leaves, const struct hvm_cpuid_entry *entries, u32 count)
{
	u32 i;
	int error;

	for (i = 0; i < count; i++) {
		error = insert(leaves, &entries[i]);
		if (error)
			return error;
	}
	if (mixed(leaves))
		return -EINVAL;
	index_leaves(leaves);
	note_limits(leaves);
	note_words(leaves);
	return 0;
}

/* Subleaves are dense as a rule: try the place where it would be then. */
static const struct hvm_cpuid_leaf *find_indexed(const struct hvm_leaves *leaves,
						 const struct hvm_cpuid_leaf *first, u32 subleaf)
{
	u32 place = first - leaves->leaf;

	if (subleaf < leaves->count - place && !compare(first + subleaf, first->leaf, subleaf))
		return first + subleaf;
	place = lower_bound(leaves, first->leaf, subleaf);
	if (place < leaves->count && !compare(&leaves->leaf[place], first->leaf, subleaf))
		return &leaves->leaf[place];
	return NULL;
}

/**
 * hvm_leaves_find - what answers a query
 * @leaves: the table
 * @leaf: EAX
 * @subleaf: ECX
 *
 * A leaf that is listed answers, whatever the limits say.
 *
 * Return: the answer, or NULL: zeros
 */
const struct hvm_cpuid_leaf *hvm_leaves_find(const struct hvm_leaves *leaves, u32 leaf,
					     u32 subleaf)
{
	const struct hvm_cpuid_leaf *first = first_of(leaves, leaf);

	if (!first) {
		if (!leaves->has_beyond || leaf <= leaves->limit[HVM_CPUID_RANGE(leaf)])
			return NULL;
		first = first_of(leaves, leaves->beyond);
		if (!first)
			return NULL;
	}
	return first->indexed ? find_indexed(leaves, first, subleaf) : first;
}

/**
 * hvm_leaves_listed - has a leaf an answer of its own?
 * @leaves: the table
 * @leaf: EAX
 */
bool hvm_leaves_listed(const struct hvm_leaves *leaves, u32 leaf)
{
	return first_of(leaves, leaf);
}

/**
 * hvm_leaves_xsave_bytes - size of the XSAVE area
 * @leaves: the table; its @xstate filled in
 * @xcr0: components in it
 * @compacted: in the compacted format (SDM "Extended Region of an XSAVE Area")
 *
 * Return: bytes
 */
u32 hvm_leaves_xsave_bytes(const struct hvm_leaves *leaves, u64 xcr0, bool compacted)
{
	u32 end, bytes = XSAVE_LEGACY;
	int i;

	for (i = 2; i < HVM_CPUID_XSTATES; i++) {
		const struct hvm_xstate *state = &leaves->xstate[i];

		if (!(xcr0 >> i & 1))
			continue;
		if (compacted) {
			end = state->aligned ? (bytes + 63) / 64 * 64 : bytes;
			bytes = end + state->bytes;
		} else {
			end = state->offset + state->bytes;
			bytes = end > bytes ? end : bytes;
		}
	}
	return bytes;
}
