// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the two classes of ELF program headers into one form, and loads them.
 */
#include <inttypes.h>
#include <string.h>

#include "boot/bytes.h"
#include "boot/elf.h"

#define IDENT_CLASS	4
#define IDENT_DATA	5
#define CLASS_32	1
#define CLASS_64	2
#define DATA_LITTLE	1
#define TYPE_EXEC	2
#define TYPE_DYN	3
#define MACHINE_386	3
#define MACHINE_X86_64	62

#define EHDR_TYPE	16
#define EHDR_MACHINE	18
#define EHDR_ENTRY	24
#define PHDR32_BYTES	32
#define PHDR64_BYTES	56

bool elf_probe(const struct boot *boot)
{
	const uint8_t *h = boot->head;
	uint16_t machine = get16(h + EHDR_MACHINE);
	uint16_t type = get16(h + EHDR_TYPE);

	return !memcmp(h, "\177ELF", 4) && h[IDENT_DATA] == DATA_LITTLE &&
	       (h[IDENT_CLASS] == CLASS_32 || h[IDENT_CLASS] == CLASS_64) &&
	       (machine == MACHINE_386 || machine == MACHINE_X86_64) &&
	       (type == TYPE_EXEC || type == TYPE_DYN);
}

static void parse_segment32(const uint8_t *at, struct elf_segment *s)
{
	*s = (struct elf_segment){
		.type = get32(at),
		.offset = get32(at + 4),
		.gpa = get32(at + 12),
		.file_bytes = get32(at + 16),
		.memory_bytes = get32(at + 20),
	};
}

static void parse_segment64(const uint8_t *at, struct elf_segment *s)
{
	*s = (struct elf_segment){
		.type = get32(at),
		.offset = get64(at + 8),
		.gpa = get64(at + 24),
		.file_bytes = get64(at + 32),
		.memory_bytes = get64(at + 40),
	};
}

int elf_read(const struct boot *boot, struct elf *elf, struct failure *f)
{
	const uint8_t *h = boot->head;
	bool wide = h[IDENT_CLASS] == CLASS_64;
	uint64_t table = wide ? get64(h + 32) : get32(h + 28);
	uint16_t entry_bytes = get16(h + (wide ? 54 : 42));
	uint16_t count = get16(h + (wide ? 56 : 44));
	uint8_t raw[PHDR64_BYTES];

	if (entry_bytes < (wide ? PHDR64_BYTES : PHDR32_BYTES) || !count)
		return fail(f, "kernel %s has no ELF program headers: link it as an executable",
			    boot->image.path);
	if (count > ELF_MAX_SEGMENTS)
		return fail(f, "kernel %s has %u ELF program headers, more than the %u that are"
			    " read", boot->image.path, count, ELF_MAX_SEGMENTS);
	if (table > boot->image.bytes)
		return fail(f, "kernel %s is truncated: its ELF program headers are missing",
			    boot->image.path);
	elf->entry = wide ? get64(h + EHDR_ENTRY) : get32(h + EHDR_ENTRY);
	for (elf->count = 0; elf->count < count; elf->count++) {
		if (image_read(&boot->image, table + (uint64_t)elf->count * entry_bytes, raw,
			       wide ? PHDR64_BYTES : PHDR32_BYTES, f) < 0)
			return -1;
		if (wide)
			parse_segment64(raw, &elf->segment[elf->count]);
		else
			parse_segment32(raw, &elf->segment[elf->count]);
	}
	return 0;
}

static int load_segment(const struct boot *boot, const struct elf_segment *s, struct failure *f)
{
	uint8_t *to;

	if (s->file_bytes > s->memory_bytes)
		return fail(f, "kernel %s: an ELF segment is larger in the file than in memory",
			    boot->image.path);
	if (s->gpa < BOOT_IMAGE_MIN)
		return fail(f, "kernel %s wants to be loaded at 0x%" PRIx64 ", where the board's"
			    " own tables are: link it at 1 MiB or above", boot->image.path, s->gpa);
	to = memory_at(boot->memory, s->gpa, s->memory_bytes);
	if (!to)
		return fail(f, "kernel %s wants %" PRIu64 " KiB at 0x%" PRIx64 ", where the guest"
			    " has no memory: give more with --memory", boot->image.path,
			    (s->memory_bytes >> 10) + 1, s->gpa);
	/* Guest memory is zero to begin with, but segments may lie over each other. */
	memset(to + s->file_bytes, 0, s->memory_bytes - s->file_bytes);
	return image_read(&boot->image, s->offset, to, s->file_bytes, f);
}

int elf_load(const struct boot *boot, const struct elf *elf, uint64_t *end, struct failure *f)
{
	*end = 0;
	for (unsigned int i = 0; i < elf->count; i++) {
		const struct elf_segment *s = &elf->segment[i];

		if (s->type != ELF_PT_LOAD || !s->memory_bytes)
			continue;
		if (load_segment(boot, s, f) < 0)
			return -1;
		if (s->gpa + s->memory_bytes > *end)
			*end = s->gpa + s->memory_bytes;
	}
	if (!*end)
		return fail(f, "kernel %s has nothing to load: no ELF segment is loadable",
			    boot->image.path);
	return 0;
}
