// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PVH protocol: an ELF file with a note that names a 32-bit entry point, and a start-of-day
 * structure in guest memory. An uncompressed Linux kernel (vmlinux) is such a file.
 *
 * Manual: Xen public headers, arch-x86/hvm/start_info.h, and "x86/HVM direct boot ABI".
 */
#include <inttypes.h>
#include <string.h>

#include "boot/boot.h"
#include "boot/bytes.h"
#include "boot/elf.h"

#define NOTE_PHYS32_ENTRY	18
#define NOTE_HEADER		12
/* Notes are few and small; one that is larger is not looked through. */
#define NOTES_MAX		4096

/* struct hvm_start_info, version 1; its module list and memory map follow at these offsets. */
#define START_INFO_MAGIC	0x336ec578
#define START_INFO_BYTES	56
#define MODULE_AT		(BOOT_INFO + 0x100)
#define MODULE_BYTES		32
#define MEMMAP_AT		(BOOT_INFO + 0x200)
#define MEMMAP_ENTRY_BYTES	24

static uint64_t align4(uint64_t value)
{
	return (value + 3) & ~3ULL;
}

/* Look through one segment of notes. Sizes in it are 32 bits wide, so the sums do not wrap. */
static bool search_notes(const uint8_t *notes, uint64_t bytes, uint64_t *entry)
{
	uint64_t at = 0;

	while (bytes - at >= NOTE_HEADER) {
		uint64_t name_bytes = get32(notes + at);
		uint64_t data_bytes = get32(notes + at + 4);
		uint32_t type = get32(notes + at + 8);
		uint64_t name = at + NOTE_HEADER;
		uint64_t data = name + align4(name_bytes);

		if (data > bytes || data_bytes > bytes - data)
			return false;
		if (type == NOTE_PHYS32_ENTRY && name_bytes == 4 && data_bytes >= 4 &&
		    !memcmp(notes + name, "Xen", 4)) {
			*entry = data_bytes >= 8 ? get64(notes + data) : get32(notes + data);
			return true;
		}
		at = data + align4(data_bytes);
		if (at > bytes)
			return false;
	}
	return false;
}

static bool find_entry(const struct boot *boot, const struct elf *elf, uint64_t *entry)
{
	uint8_t notes[NOTES_MAX];
	struct failure ignored;

	for (unsigned int i = 0; i < elf->count; i++) {
		const struct elf_segment *s = &elf->segment[i];

		if (s->type != ELF_PT_NOTE || s->file_bytes > sizeof(notes))
			continue;
		if (image_read(&boot->image, s->offset, notes, s->file_bytes, &ignored) < 0)
			continue;
		if (search_notes(notes, s->file_bytes, entry))
			return true;
	}
	return false;
}

bool pvh_probe(const struct boot *boot)
{
	struct failure ignored;
	struct elf elf;
	uint64_t entry;

	return elf_probe(boot) && elf_read(boot, &elf, &ignored) == 0 &&
	       find_entry(boot, &elf, &entry);
}

static int put_memmap(const struct boot *boot)
{
	uint8_t table[BOOT_MAP_MAX * MEMMAP_ENTRY_BYTES] = { 0 };

	for (unsigned int i = 0; i < boot->map.count; i++) {
		uint8_t *at = table + i * MEMMAP_ENTRY_BYTES;

		put64(at, boot->map.entry[i].gpa);
		put64(at + 8, boot->map.entry[i].bytes);
		put32(at + 16, boot->map.entry[i].kind);
	}
	return memory_write(boot->memory, MEMMAP_AT, table, sizeof(table));
}

static int put_module(const struct boot *boot, const struct boot_module *module)
{
	uint8_t entry[MODULE_BYTES] = { 0 };

	put64(entry, module->gpa);
	put64(entry + 8, module->bytes);
	return memory_write(boot->memory, MODULE_AT, entry, sizeof(entry));
}

static int put_start_info(const struct boot *boot, const struct boot_module *initrd)
{
	uint8_t info[START_INFO_BYTES] = { 0 };

	put32(info, START_INFO_MAGIC);
	put32(info + 4, 1);
	put32(info + 12, initrd->bytes ? 1 : 0);
	put64(info + 16, initrd->bytes ? MODULE_AT : 0);
	put64(info + 24, BOOT_CMDLINE);
	put64(info + 32, boot->rsdp);
	put64(info + 40, MEMMAP_AT);
	put32(info + 48, boot->map.count);
	return memory_write(boot->memory, BOOT_INFO, info, sizeof(info));
}

static int load_initrd(const struct boot *boot, uint64_t kernel_end, struct boot_module *initrd,
		       struct failure *f)
{
	uint64_t ceiling = memory_low_end(boot->memory);

	*initrd = (struct boot_module){ 0 };
	if (!boot->config->initrd)
		return 0;
	return boot_load_module(boot, "initrd", boot->config->initrd, kernel_end, &ceiling, initrd,
				f);
}

int pvh_load(struct boot *boot, struct failure *f)
{
	struct boot_module initrd;
	struct elf elf;
	uint64_t entry = 0, end;

	if (boot->config->modules)
		return fail(f, "--module is for multiboot images: give %s an --initrd",
			    boot->image.path);
	if (elf_read(boot, &elf, f) < 0 || elf_load(boot, &elf, &end, f) < 0)
		return -1;
	if (!find_entry(boot, &elf, &entry) || !memory_at(boot->memory, entry, 1) ||
	    entry > UINT32_MAX)
		return fail(f, "kernel %s: its PVH entry point 0x%" PRIx64 " is not in memory",
			    boot->image.path, entry);
	if (boot_put_cmdline(boot, BOOT_CMDLINE_MAX - 1, f) < 0 ||
	    load_initrd(boot, end, &initrd, f) < 0)
		return -1;
	if (put_memmap(boot) < 0 || put_module(boot, &initrd) < 0 ||
	    put_start_info(boot, &initrd) < 0)
		return fail(f, "the guest has no memory for the PVH start info");
	boot->start = (struct boot_start){ .rip = entry, .rbx = BOOT_INFO };
	return 0;
}
