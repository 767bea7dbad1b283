// SPDX-License-Identifier: GPL-2.0-only
/*
 * Multiboot 1: small bare-metal images, ELF or with load addresses in their header, entered in
 * 32-bit protected mode with a structure that tells command line, modules and memory.
 *
 * Manual: Multiboot Specification 0.6.96.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "boot/boot.h"
#include "boot/bytes.h"
#include "boot/elf.h"

#define HEADER_MAGIC	0x1badb002
#define HEADER_BYTES	12
#define HEADER_ADDRESSES (1U << 16)
#define ADDRESSES_BYTES	32
#define LOADER_MAGIC	0x2badb002
/* Header flags 0 to 15 are demands; these are met: page-aligned modules, memory information. */
#define DEMANDS		0xffffU
#define DEMANDS_MET	0x0003U

/* The information structure; what follows it in the same room. */
#define INFO_BYTES	120
#define INFO_MEMORY	(1U << 0)
#define INFO_CMDLINE	(1U << 2)
#define INFO_MODULES	(1U << 3)
#define INFO_MMAP	(1U << 6)
#define INFO_LOADER	(1U << 9)
#define MODULES_AT	(BOOT_INFO + 0x100)
#define MODULE_BYTES	16
#define MMAP_AT		(BOOT_INFO + 0x400)
#define MMAP_ENTRY_BYTES 24
#define LOADER_NAME_AT	(BOOT_INFO + 0x800)
#define LOADER_NAME	"hvm"
#define STRINGS_BYTES	(BOOT_CMDLINE - BOOT_STRINGS)

/* Where the names of the modules go. */
struct strings {
	char data[STRINGS_BYTES];
	size_t used;
};

/* The header lies in the first 8 KiB, aligned to four bytes; -1: there is none. */
static int find_header(const uint8_t *head)
{
	for (int at = 0; at <= BOOT_HEAD_BYTES - HEADER_BYTES; at += 4) {
		const uint8_t *h = head + at;

		if (get32(h) == HEADER_MAGIC && get32(h) + get32(h + 4) + get32(h + 8) == 0)
			return at;
	}
	return -1;
}

bool multiboot_probe(const struct boot *boot)
{
	return find_header(boot->head) >= 0;
}

/* Load by the addresses in the header (multiboot "The address fields of Multiboot header"). */
static int load_by_addresses(struct boot *boot, uint32_t header_at, uint64_t *end,
			     struct failure *f)
{
	const uint8_t *h = boot->head + header_at;
	uint32_t header = get32(h + 12), load = get32(h + 16), load_end = get32(h + 20);
	uint32_t bss_end = get32(h + 24);
	uint64_t offset, bytes, total;

	if (header_at + ADDRESSES_BYTES > BOOT_HEAD_BYTES || load > header ||
	    header - load > header_at || (load_end && load_end < load))
		return fail(f, "kernel %s: the addresses in its multiboot header contradict each"
			    " other", boot->image.path);
	offset = header_at - (header - load);
	bytes = load_end ? load_end - load : boot->image.bytes - offset;
	total = bss_end > load && bss_end - load > bytes ? bss_end - load : bytes;
	if (load < BOOT_IMAGE_MIN || !memory_at(boot->memory, load, total))
		return fail(f, "kernel %s wants %" PRIu64 " KiB at 0x%x: link it at 1 MiB or above,"
			    " or give more with --memory", boot->image.path, (total >> 10) + 1,
			    load);
	*end = load + total;
	boot->start.rip = get32(h + 28);
	return image_load(&boot->image, offset, boot->memory, load, bytes, f);
}

static int load_by_elf(struct boot *boot, uint64_t *end, struct failure *f)
{
	struct elf elf;

	if (!elf_probe(boot))
		return fail(f, "kernel %s has a multiboot header without addresses, but is not an"
			    " x86 ELF file", boot->image.path);
	if (elf_read(boot, &elf, f) < 0)
		return -1;
	boot->start.rip = elf.entry;
	return elf_load(boot, &elf, end, f);
}

static int load_kernel(struct boot *boot, uint64_t *end, struct failure *f)
{
	int at = find_header(boot->head);
	uint32_t flags = get32(boot->head + at + 4);

	if (flags & DEMANDS & ~DEMANDS_MET)
		return fail(f, "kernel %s demands a multiboot feature that is not there (flags"
			    " 0x%x): a video mode, for one", boot->image.path, flags);
	boot->start = (struct boot_start){ .rax = LOADER_MAGIC, .rbx = BOOT_INFO };
	if (flags & HEADER_ADDRESSES)
		return load_by_addresses(boot, (uint32_t)at, end, f);
	return load_by_elf(boot, end, f);
}

static int put_string(struct strings *s, const char *text, uint32_t *gpa, struct failure *f)
{
	size_t bytes = strlen(text) + 1;

	if (bytes > sizeof(s->data) - s->used)
		return fail(f, "the names of the modules are too long together: use shorter paths");
	memcpy(s->data + s->used, text, bytes);
	*gpa = (uint32_t)(BOOT_STRINGS + s->used);
	s->used += bytes;
	return 0;
}

/* One module; they go behind the kernel in their order, each on a page of its own. */
static int load_module(const struct boot *boot, const char *path, uint64_t *floor,
		       struct strings *names, uint8_t *entry, struct failure *f)
{
	struct image image;
	uint32_t name = 0;
	int ret;

	if (put_string(names, path, &name, f) < 0 || image_open(&image, "module", path, f) < 0)
		return -1;
	*floor = (*floor + 4095) & ~4095ULL;
	if (image.bytes > memory_low_end(boot->memory) - *floor)
		ret = fail(f, "module %s does not fit: it has %" PRIu64 " KiB; give more with"
			   " --memory", path, (image.bytes + 1023) >> 10);
	else
		ret = image_load(&image, 0, boot->memory, *floor, image.bytes, f);
	put32(entry, (uint32_t)*floor);
	put32(entry + 4, (uint32_t)(*floor + image.bytes));
	put32(entry + 8, name);
	*floor += image.bytes;
	image_close(&image);
	return ret;
}

static int load_modules(const struct boot *boot, uint64_t kernel_end, struct failure *f)
{
	const struct config *config = boot->config;
	uint8_t table[CONFIG_MAX_MODULES * MODULE_BYTES] = { 0 };
	uint64_t low_end = memory_low_end(boot->memory);
	uint64_t floor = kernel_end < low_end ? kernel_end : low_end;
	struct strings names = { .used = 0 };

	for (unsigned int i = 0; i < config->modules; i++) {
		if (load_module(boot, config->module[i], &floor, &names, table + i * MODULE_BYTES,
				f) < 0)
			return -1;
	}
	if (memory_write(boot->memory, MODULES_AT, table, sizeof(table)) < 0 ||
	    memory_write(boot->memory, BOOT_STRINGS, names.data, names.used) < 0)
		return fail(f, "the guest has no memory for the list of modules");
	return 0;
}

static void put_mmap(const struct boot *boot)
{
	uint8_t table[BOOT_MAP_MAX * MMAP_ENTRY_BYTES] = { 0 };

	for (unsigned int i = 0; i < boot->map.count; i++) {
		uint8_t *at = table + i * MMAP_ENTRY_BYTES;

		/* The size does not count itself. */
		put32(at, MMAP_ENTRY_BYTES - 4);
		put64(at + 4, boot->map.entry[i].gpa);
		put64(at + 12, boot->map.entry[i].bytes);
		put32(at + 20, boot->map.entry[i].kind);
	}
	memory_write(boot->memory, MMAP_AT, table, boot->map.count * MMAP_ENTRY_BYTES);
}

static void put_info(const struct boot *boot)
{
	uint8_t info[INFO_BYTES] = { 0 };

	put32(info, INFO_MEMORY | INFO_CMDLINE | INFO_MODULES | INFO_MMAP | INFO_LOADER);
	put32(info + 4, 639);
	put32(info + 8, (uint32_t)((memory_low_end(boot->memory) - BOOT_IMAGE_MIN) >> 10));
	put32(info + 16, BOOT_CMDLINE);
	put32(info + 20, boot->config->modules);
	put32(info + 24, boot->config->modules ? MODULES_AT : 0);
	put32(info + 44, boot->map.count * MMAP_ENTRY_BYTES);
	put32(info + 48, MMAP_AT);
	put32(info + 64, LOADER_NAME_AT);
	memory_write(boot->memory, LOADER_NAME_AT, LOADER_NAME, sizeof(LOADER_NAME));
	memory_write(boot->memory, BOOT_INFO, info, sizeof(info));
}

/* By custom the command line begins with the name of the image. */
static int put_cmdline(const struct boot *boot, struct failure *f)
{
	const char *append = boot->config->append ? boot->config->append : "";
	size_t name = strlen(boot->image.path), words = strlen(append);
	char *to = memory_at(boot->memory, BOOT_CMDLINE, BOOT_CMDLINE_MAX);

	if (!to || name + words + 2 > BOOT_CMDLINE_MAX)
		return fail(f, "the guest's command line is too long: shorten --append");
	snprintf(to, BOOT_CMDLINE_MAX, "%s%s%s", boot->image.path, words ? " " : "", append);
	return 0;
}

int multiboot_load(struct boot *boot, struct failure *f)
{
	uint64_t end;

	if (boot->config->initrd)
		return fail(f, "--initrd is for Linux: give the multiboot image %s a --module",
			    boot->image.path);
	if (load_kernel(boot, &end, f) < 0 || load_modules(boot, end, f) < 0 ||
	    put_cmdline(boot, f) < 0)
		return -1;
	if (!memory_at(boot->memory, boot->start.rip, 1) || boot->start.rip > UINT32_MAX)
		return fail(f, "kernel %s: its entry point 0x%" PRIx64 " is not in memory",
			    boot->image.path, boot->start.rip);
	put_mmap(boot);
	put_info(boot);
	return 0;
}
