// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory type registers. See mtrr.h.
 */
#include "mtrr.h"

#define MTRR_VARIABLE_FIRST	0x200
#define MTRR_DEF_TYPE		0x2ff

#define DEF_TYPE_TYPE		0xffULL
#define DEF_TYPE_FIXED		0x400ULL
#define DEF_TYPE_ENABLE		0x800ULL
#define MASK_VALID		0x800ULL

/* Memory types (SDM "Memory Types and Their Encodings"). */
#define TYPE_UC			0
#define TYPE_WC			1
#define TYPE_WT			4
#define TYPE_WP			5
#define TYPE_WB			6
#define TYPE_UC_MINUS		7	/* PAT only */

static int fixed_number(u32 index)
{
	switch (index) {
	case 0x250:
		return 0;
	case 0x258 ... 0x259:
		return 1 + index - 0x258;
	case 0x268 ... 0x26f:
		return 3 + index - 0x268;
	default:
		return -1;
	}
}

/* Eight types, one a byte: which of bits 0 to 7 are types is the caller's mask. */
static bool types_valid(u64 value, u32 types)
{
	int i;

	for (i = 0; i < 8; i++, value >>= 8)
		if ((value & 0xff) > TYPE_UC_MINUS || !(types >> (value & 0xff) & 1))
			return false;
	return true;
}

static bool type_valid(u64 type)
{
	const u32 types = 1 << TYPE_UC | 1 << TYPE_WC | 1 << TYPE_WT | 1 << TYPE_WP | 1 << TYPE_WB;

	return type <= TYPE_WB && types >> type & 1;
}

/**
 * hvm_mtrr_find - the register an MSR index means
 * @mtrr: the registers
 * @index: MSR index
 *
 * Return: its place, or NULL: not one of them
 */
u64 *hvm_mtrr_find(struct hvm_mtrr *mtrr, u32 index)
{
	int fixed = fixed_number(index);

	if (fixed >= 0)
		return &mtrr->fixed[fixed];
	if (index - MTRR_VARIABLE_FIRST < 2 * HVM_MTRR_VARIABLE)
		return &mtrr->variable[index - MTRR_VARIABLE_FIRST];
	return index == MTRR_DEF_TYPE ? &mtrr->def_type : NULL;
}

/**
 * hvm_mtrr_valid - would a processor take the value?
 * @index: an index that hvm_mtrr_find() knows
 * @value: the value
 * @gpa_bits: width of physical addresses, 36 to 52
 */
bool hvm_mtrr_valid(u32 index, u64 value, u32 gpa_bits)
{
	const u32 fixed_types = 1 << TYPE_UC | 1 << TYPE_WC | 1 << TYPE_WT | 1 << TYPE_WP |
				1 << TYPE_WB;
	const u64 frame = ((1ULL << gpa_bits) - 1) & ~0xfffULL;

	if (fixed_number(index) >= 0)
		return types_valid(value, fixed_types);
	if (index == MTRR_DEF_TYPE)
		return !(value & ~(DEF_TYPE_TYPE | DEF_TYPE_FIXED | DEF_TYPE_ENABLE)) &&
		       type_valid(value & DEF_TYPE_TYPE);
	if (index & 1)
		return !(value & ~(frame | MASK_VALID));
	return !(value & ~(frame | 0xff)) && type_valid(value & 0xff);
}

/**
 * hvm_pat_valid - would a processor take the value for its PAT?
 * @value: the value
 */
bool hvm_pat_valid(u64 value)
{
	const u32 types = 1 << TYPE_UC | 1 << TYPE_WC | 1 << TYPE_WT | 1 << TYPE_WP | 1 << TYPE_WB |
			  1 << TYPE_UC_MINUS;

	return types_valid(value, types);
}
