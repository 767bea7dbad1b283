// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 64-bit Linux boot protocol: a bzImage's setup header is checked against the file and the
 * guest's memory, the compressed kernel is loaded where it prefers to be, and the zero page tells
 * it the rest.
 *
 * Manual: Linux Documentation/x86/boot.rst and zero-page.rst.
 */
#include <inttypes.h>
#include <string.h>

#include "boot/boot.h"
#include "boot/bytes.h"

/* Offsets in the file and in the zero page alike. */
#define HDR_SETUP_SECTS		0x1f1
#define HDR_SYSSIZE		0x1f4
#define HDR_BOOT_FLAG		0x1fe
#define HDR_JUMP		0x201
#define HDR_MAGIC		0x202
#define HDR_VERSION		0x206
#define HDR_TYPE_OF_LOADER	0x210
#define HDR_LOADFLAGS		0x211
#define HDR_RAMDISK_IMAGE	0x218
#define HDR_RAMDISK_SIZE	0x21c
#define HDR_CMD_LINE_PTR	0x228
#define HDR_INITRD_ADDR_MAX	0x22c
#define HDR_KERNEL_ALIGNMENT	0x230
#define HDR_RELOCATABLE		0x234
#define HDR_XLOADFLAGS		0x236
#define HDR_CMDLINE_SIZE	0x238
#define HDR_SETUP_DATA		0x250
#define HDR_PREF_ADDRESS	0x258
#define HDR_INIT_SIZE		0x260
/* Fields of the zero page outside the header. */
#define ZP_RSDP			0x070
#define ZP_E820_ENTRIES		0x1e8
#define ZP_E820_TABLE		0x2d0
#define ZP_BYTES		4096

#define MAGIC			0x53726448	/* HdrS */
#define BOOT_FLAG		0xaa55
#define VERSION_64BIT		0x020c		/* the first with xloadflags */
#define XLF_KERNEL_64		1
#define LOADED_HIGH		1
#define LOADER_UNDEFINED	0xff
#define ENTRY_64		0x200
#define E820_ENTRY_BYTES	20
/* More than any kernel asks for: keeps the sums below from wrapping. */
#define KERNEL_MAX		(1ULL << 32)

/* Where the kernel goes; end includes what it needs while it unpacks itself. */
struct placement {
	uint64_t gpa;
	uint64_t end;
};

bool linux_probe(const struct boot *boot)
{
	return get16(boot->head + HDR_BOOT_FLAG) == BOOT_FLAG &&
	       get32(boot->head + HDR_MAGIC) == MAGIC;
}

static int check_header(const struct boot *boot, struct failure *f)
{
	const uint8_t *h = boot->head;

	if (get16(h + HDR_VERSION) < VERSION_64BIT || !(get16(h + HDR_XLOADFLAGS) & XLF_KERNEL_64))
		return fail(f, "kernel %s has no 64-bit entry (boot protocol %u.%02u): it needs to"
			    " be a 64-bit kernel of version 3.8 or later", boot->image.path,
			    h[HDR_VERSION + 1], h[HDR_VERSION]);
	if (!(h[HDR_LOADFLAGS] & LOADED_HIGH))
		return fail(f, "kernel %s is a zImage: build a bzImage", boot->image.path);
	return 0;
}

static uint64_t setup_bytes(const uint8_t *h)
{
	/* Zero stands for four sectors, beside the boot sector. */
	return 512 * ((h[HDR_SETUP_SECTS] ? h[HDR_SETUP_SECTS] : 4) + 1ULL);
}

static bool fits(const struct boot *boot, uint64_t gpa, uint64_t bytes)
{
	return gpa >= BOOT_IMAGE_MIN && bytes <= KERNEL_MAX &&
	       memory_at(boot->memory, gpa, bytes) && gpa + bytes <= memory_low_end(boot->memory);
}

/* Where it prefers to be, or, when memory is short and it can move, as low as it goes. */
static int place_kernel(const struct boot *boot, uint64_t payload, struct placement *at,
			struct failure *f)
{
	const uint8_t *h = boot->head;
	uint64_t preferred = get64(h + HDR_PREF_ADDRESS);
	uint64_t alignment = get32(h + HDR_KERNEL_ALIGNMENT);
	uint64_t bytes = get32(h + HDR_INIT_SIZE);

	if (bytes < payload)
		bytes = payload;
	at->gpa = preferred;
	if (!fits(boot, at->gpa, bytes) && h[HDR_RELOCATABLE] && alignment &&
	    !(alignment & (alignment - 1)))
		at->gpa = (BOOT_IMAGE_MIN + alignment - 1) & ~(alignment - 1);
	if (!fits(boot, at->gpa, bytes))
		return fail(f, "kernel %s needs %" PRIu64 " MiB from 0x%" PRIx64 " on, the guest's"
			    " memory below 3 GiB ends at %" PRIu64 " MiB: give more with --memory",
			    boot->image.path, (bytes >> 20) + 1, preferred,
			    memory_low_end(boot->memory) >> 20);
	at->end = at->gpa + bytes;
	return 0;
}

static int load_payload(const struct boot *boot, struct placement *at, struct failure *f)
{
	uint64_t setup = setup_bytes(boot->head);
	uint64_t declared = 16ULL * get32(boot->head + HDR_SYSSIZE);
	uint64_t payload = boot->image.bytes > setup ? boot->image.bytes - setup : 0;

	/* The declared size is in units of 16 bytes, rounded up. */
	if (!payload || declared > payload + 15)
		return fail(f, "kernel %s is truncated: it has %" PRIu64 " of %" PRIu64 " bytes;"
			    " copy or build it again", boot->image.path, boot->image.bytes,
			    setup + declared);
	/* Signed images carry their signature behind the kernel proper. */
	if (declared && declared < payload)
		payload = declared;
	if (payload <= ENTRY_64)
		return fail(f, "kernel %s is truncated: there is no code in it", boot->image.path);
	if (place_kernel(boot, payload, at, f) < 0)
		return -1;
	return image_load(&boot->image, setup, boot->memory, at->gpa, payload, f);
}

static int load_initrd(const struct boot *boot, uint8_t *zero_page, const struct placement *kernel,
		       struct failure *f)
{
	uint64_t ceiling = (uint64_t)get32(boot->head + HDR_INITRD_ADDR_MAX) + 1;
	struct boot_module initrd;

	if (!boot->config->initrd)
		return 0;
	if (ceiling > memory_low_end(boot->memory))
		ceiling = memory_low_end(boot->memory);
	if (boot_load_module(boot, "initrd", boot->config->initrd, kernel->end, &ceiling, &initrd,
			     f) < 0)
		return -1;
	put32(zero_page + HDR_RAMDISK_IMAGE, (uint32_t)initrd.gpa);
	put32(zero_page + HDR_RAMDISK_SIZE, (uint32_t)initrd.bytes);
	return 0;
}

static void put_e820(const struct boot_map *map, uint8_t *zero_page)
{
	uint8_t *at = zero_page + ZP_E820_TABLE;

	for (unsigned int i = 0; i < map->count; i++, at += E820_ENTRY_BYTES) {
		put64(at, map->entry[i].gpa);
		put64(at + 8, map->entry[i].bytes);
		put32(at + 16, map->entry[i].kind);
	}
	zero_page[ZP_E820_ENTRIES] = (uint8_t)map->count;
}

/* The header's length is told by the short jump that skips it. */
static void copy_header(const struct boot *boot, uint8_t *zero_page)
{
	size_t end = HDR_MAGIC + boot->head[HDR_JUMP];

	if (end > ZP_E820_TABLE)
		end = ZP_E820_TABLE;
	memcpy(zero_page + HDR_SETUP_SECTS, boot->head + HDR_SETUP_SECTS, end - HDR_SETUP_SECTS);
	zero_page[HDR_TYPE_OF_LOADER] = LOADER_UNDEFINED;
	put32(zero_page + HDR_CMD_LINE_PTR, BOOT_CMDLINE);
	put64(zero_page + HDR_SETUP_DATA, 0);
	put32(zero_page + HDR_RAMDISK_IMAGE, 0);
	put32(zero_page + HDR_RAMDISK_SIZE, 0);
	put64(zero_page + ZP_RSDP, boot->rsdp);
}

int linux_load(struct boot *boot, struct failure *f)
{
	uint8_t zero_page[ZP_BYTES] = { 0 };
	struct placement kernel = { 0 };

	if (boot->config->modules)
		return fail(f, "--module is for multiboot images: give %s an --initrd",
			    boot->image.path);
	if (check_header(boot, f) < 0 || load_payload(boot, &kernel, f) < 0)
		return -1;
	if (boot_put_cmdline(boot, get32(boot->head + HDR_CMDLINE_SIZE), f) < 0)
		return -1;
	copy_header(boot, zero_page);
	put_e820(&boot->map, zero_page);
	if (load_initrd(boot, zero_page, &kernel, f) < 0)
		return -1;
	if (memory_write(boot->memory, BOOT_INFO, zero_page, sizeof(zero_page)) < 0)
		return fail(f, "the guest has no memory for the zero page");
	boot->start = (struct boot_start){
		.long_mode = true,
		.rip = kernel.gpa + ENTRY_64,
		.rsi = BOOT_INFO,
	};
	return 0;
}
