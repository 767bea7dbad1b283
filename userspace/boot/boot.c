// SPDX-License-Identifier: GPL-2.0-only
/*
 * Picks the protocol of an image, and does what all of them share: the memory map, the command
 * line, files that go with the kernel.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "boot/boot.h"

/* A PC's map: the last KiB below 640 KiB and all up to 1 MiB belong to firmware. */
#define LOW_RAM_END	0x9fc00ULL
#define LAPIC_IOAPIC	0xfec00000ULL
/* What a Linux guest is told when the user says nothing. */
#define DEFAULT_CMDLINE	"console=ttyS0"

static const struct {
	bool (*probe)(const struct boot *boot);
	int (*load)(struct boot *boot, struct failure *f);
} protocols[] = {
	{ linux_probe, linux_load },
	{ pvh_probe, pvh_load },
	{ multiboot_probe, multiboot_load },
};

static void add(struct boot_map *map, uint64_t gpa, uint64_t end, enum boot_map_kind kind)
{
	map->entry[map->count].gpa = gpa;
	map->entry[map->count].bytes = end - gpa;
	map->entry[map->count++].kind = kind;
}

static void make_map(struct boot *boot)
{
	const struct memory *memory = boot->memory;
	struct boot_map *map = &boot->map;

	map->count = 0;
	add(map, 0, LOW_RAM_END, BOOT_RAM);
	add(map, LOW_RAM_END, BOOT_IMAGE_MIN, BOOT_RESERVED);
	add(map, BOOT_IMAGE_MIN, memory_low_end(memory), BOOT_RAM);
	add(map, LAPIC_IOAPIC, MEMORY_HIGH_START, BOOT_RESERVED);
	for (unsigned int i = 1; i < memory->ranges; i++) {
		const struct memory_range *range = &memory->range[i];

		add(map, range->gpa, range->gpa + range->bytes, BOOT_RAM);
	}
}

int boot_put_cmdline(const struct boot *boot, uint64_t max, struct failure *f)
{
	const char *append = boot->config->append ? boot->config->append : DEFAULT_CMDLINE;
	char *to = memory_at(boot->memory, BOOT_CMDLINE, BOOT_CMDLINE_MAX);
	char size[48] = "";
	size_t length;

	if (boot->size.lines)
		snprintf(size, sizeof(size), "LINES=%u COLUMNS=%u ", boot->size.lines,
			 boot->size.columns);
	length = strlen(size) + strlen(append);
	if (max > BOOT_CMDLINE_MAX - 1)
		max = BOOT_CMDLINE_MAX - 1;
	if (!to || length > max)
		return fail(f, "the guest's command line has %zu characters, %s takes %" PRIu64
			    ": shorten --append", length, boot->image.path, max);
	memcpy(to, size, strlen(size));
	memcpy(to + strlen(size), append, strlen(append) + 1);
	return 0;
}

static int place_module(const struct boot *boot, const char *what, const struct image *image,
			uint64_t floor, uint64_t *ceiling, struct boot_module *module,
			struct failure *f)
{
	uint64_t room = *ceiling > floor ? *ceiling - floor : 0;
	uint64_t gpa;

	if (image->bytes > room)
		return fail(f, "%s %s does not fit: it has %" PRIu64 " KiB, beside the kernel there"
			    " are %" PRIu64 " KiB free; give more with --memory", what, image->path,
			    (image->bytes + 1023) >> 10, room >> 10);
	gpa = (*ceiling - image->bytes) & ~4095ULL;
	if (gpa < floor)
		return fail(f, "%s %s does not fit beside the kernel: give more --memory", what,
			    image->path);
	*module = (struct boot_module){ gpa, image->bytes };
	*ceiling = gpa;
	return image_load(image, 0, boot->memory, gpa, image->bytes, f);
}

int boot_load_module(const struct boot *boot, const char *what, const char *path, uint64_t floor,
		     uint64_t *ceiling, struct boot_module *module, struct failure *f)
{
	struct image image;
	int ret;

	if (image_open(&image, what, path, f) < 0)
		return -1;
	ret = place_module(boot, what, &image, floor, ceiling, module, f);
	image_close(&image);
	return ret;
}

static int load_by_kind(struct boot *boot, struct failure *f)
{
	uint64_t have = boot->image.bytes;

	memset(boot->head, 0, sizeof(boot->head));
	if (have > sizeof(boot->head))
		have = sizeof(boot->head);
	if (image_read(&boot->image, 0, boot->head, have, f) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (protocols[i].probe(boot))
			return protocols[i].load(boot, f);
	}
	return fail(f, "kernel %s is not an image that can be booted here: neither a bzImage, nor"
		    " an ELF file with a PVH entry, nor a multiboot image", boot->image.path);
}

int boot_load(struct boot *boot, struct failure *f)
{
	int ret;

	make_map(boot);
	if (image_open(&boot->image, "kernel", boot->config->kernel, f) < 0)
		return -1;
	ret = load_by_kind(boot, f);
	image_close(&boot->image);
	return ret;
}
