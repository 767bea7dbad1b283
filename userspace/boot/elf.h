/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ELF executables, 32 and 64 bit, for the protocols that use them: the program headers, read with
 * every offset checked, and loading by physical address. No relocation, no sections, no symbols.
 *
 * Manual: System V ABI, "Object Files" and "Program Loading".
 */
#ifndef BOOT_ELF_H
#define BOOT_ELF_H

#include "boot/boot.h"

#define ELF_MAX_SEGMENTS	64

#define ELF_PT_LOAD		1
#define ELF_PT_NOTE		4

/**
 * struct elf_segment - one program header
 * @type: ELF_PT_*
 * @offset: where its bytes lie in the file
 * @gpa: physical address
 * @file_bytes: how many bytes lie in the file
 * @memory_bytes: how many it has in memory; those beyond are zero
 */
struct elf_segment {
	uint32_t type;
	uint64_t offset;
	uint64_t gpa;
	uint64_t file_bytes;
	uint64_t memory_bytes;
};

/**
 * struct elf - an executable's program headers
 * @entry: entry point
 * @segment: the headers
 * @count: how many
 */
struct elf {
	uint64_t entry;
	struct elf_segment segment[ELF_MAX_SEGMENTS];
	unsigned int count;
};

/**
 * elf_probe() - whether an image is an x86 ELF executable
 * @boot: with head filled in
 */
bool elf_probe(const struct boot *boot);

/**
 * elf_read() - read and check the program headers
 * @boot: with the image open, head filled in, and elf_probe() true
 * @elf: filled in
 * @f: filled in on failure
 */
int elf_read(const struct boot *boot, struct elf *elf, struct failure *f);

/**
 * elf_load() - load the segments into guest memory
 * @boot: the boot
 * @elf: as read
 * @end: the first address behind all of them
 * @f: filled in on failure: a segment lies outside the file or the guest's memory
 */
int elf_load(const struct boot *boot, const struct elf *elf, uint64_t *end, struct failure *f);

#endif
