/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Second-level entry formats as data, so that one walker serves EPT and NPT. Pure: compiled into
 * unit tests as it is.
 */
#ifndef HVM_TDP_FORMAT_H
#define HVM_TDP_FORMAT_H

#include <linux/types.h>

/**
 * struct hvm_tdp_format - bits of a second-level entry
 * @levels: depth of the tables, 4 or 5
 * @table: bits of an entry that points to a table
 * @read: bits that allow reading; an entry with none of @present is not present
 * @write: bits that allow writing
 * @exec: bits that allow fetching (EPT: X)
 * @noexec: bits that forbid fetching (NPT: NX); exactly one of @exec and @noexec is not 0
 * @present: an entry is present when any of these is set
 * @huge: the page-size bit of a 2 MiB or 1 GiB leaf
 * @accessed: hardware-set accessed bit, 0: none
 * @dirty: hardware-set dirty bit, 0: none
 * @memtype_wb: bits that make a leaf write-back
 * @memtype_uc: bits that make a leaf uncacheable
 * @address: mask of the physical address
 * @max_leaf: largest leaf level: 1: 4 KiB only, 2: 2 MiB, 3: 1 GiB
 */
struct hvm_tdp_format {
	u8 levels;
	u8 max_leaf;
	u64 table;
	u64 read;
	u64 write;
	u64 exec;
	u64 noexec;
	u64 present;
	u64 huge;
	u64 accessed;
	u64 dirty;
	u64 memtype_wb;
	u64 memtype_uc;
	u64 address;
};

#endif /* HVM_TDP_FORMAT_H */
