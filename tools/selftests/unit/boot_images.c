// SPDX-License-Identifier: GPL-2.0-only
/*
 * The boot protocols against good and hostile images: where things are loaded, what the guest is
 * told, and that nothing an image says about itself makes the loader leave the file or the
 * guest's memory (the sanitizers watch).
 */
#include <unistd.h>

#include "boot/bytes.h"
#include "boot/start.h"
#include "boot_fixture.h"

static struct fixture x;

static uint8_t *at(uint64_t gpa)
{
	return memory_at(&x.memory, gpa, 1);
}

/* --- Linux ---------------------------------------------------------------- */

static void linux_loads(struct ktap *t)
{
	const uint8_t *zero_page;

	fixture_bzimage(&x);
	KTAP_EQ(t, fixture_load(&x), 0);
	KTAP_TRUE(t, x.boot.start.long_mode);
	KTAP_EQ(t, x.boot.start.rip, 0x1000200);
	KTAP_EQ(t, x.boot.start.rsi, BOOT_INFO);
	KTAP_EQ(t, *at(0x1000000), 0xcc);
	KTAP_EQ(t, *at(0x1000fff), 0xcc);
	KTAP_EQ(t, *at(0x1001000), 0);
	KTAP_STREQ(t, (char *)at(BOOT_CMDLINE), "console=ttyS0");
	zero_page = at(BOOT_INFO);
	KTAP_EQ(t, get32(zero_page + 0x228), BOOT_CMDLINE);
	KTAP_EQ(t, get64(zero_page + 0x70), 0xe0000);
	KTAP_EQ(t, zero_page[0x1e8], 4);
	KTAP_EQ(t, zero_page[0x210], 0xff);
	KTAP_EQ(t, get64(zero_page + 0x2d0 + 40), 0x100000);
	KTAP_EQ(t, get64(zero_page + 0x2d0 + 48), (64 << 20) - 0x100000);
	KTAP_EQ(t, get32(zero_page + 0x218), 0);
}

static void linux_moves_when_memory_is_short(struct ktap *t)
{
	fixture_bzimage(&x);
	x.memory_bytes = 8 << 20;
	KTAP_EQ(t, fixture_load(&x), 0);
	KTAP_EQ(t, x.boot.start.rip, 0x200200);
	x.image[0x234] = 0;
	fixture_refused(t, &x, "--memory");
}

static void linux_command_line(struct ktap *t)
{
	static char words[2100];

	fixture_bzimage(&x);
	x.config.append = "quiet";
	x.boot.size = (struct boot_terminal){ 24, 80 };
	KTAP_EQ(t, fixture_load(&x), 0);
	KTAP_STREQ(t, (char *)at(BOOT_CMDLINE), "LINES=24 COLUMNS=80 quiet");
	x.boot.size = (struct boot_terminal){ 0 };
	memset(words, 'x', 2048);
	x.config.append = words;
	fixture_refused(t, &x, "command line");
	words[2047] = 0;
	KTAP_EQ(t, fixture_load(&x), 0);
	put32(x.image + 0x238, 0xffffffff);
	KTAP_EQ(t, fixture_load(&x), 0);
}

static void linux_initrd(struct ktap *t)
{
	static uint8_t data[10000];
	char path[64];
	int fd;

	memset(data, 0x77, sizeof(data));
	fd = fixture_file(data, sizeof(data), path);
	fixture_bzimage(&x);
	x.config.initrd = path;
	KTAP_EQ(t, fixture_load(&x), 0);
	KTAP_EQ(t, get32(at(BOOT_INFO) + 0x218), (64 << 20) - 12288);
	KTAP_EQ(t, get32(at(BOOT_INFO) + 0x21c), sizeof(data));
	KTAP_EQ(t, *at((64 << 20) - 12288 + 9999), 0x77);
	/* Below the kernel's own limit. */
	put32(x.image + 0x22c, 0x1ffffff);
	KTAP_EQ(t, fixture_load(&x), 0);
	KTAP_EQ(t, get32(at(BOOT_INFO) + 0x218), 0x2000000 - 12288);
	/* A limit below the kernel leaves no room. */
	put32(x.image + 0x22c, 0xfff);
	fixture_refused(t, &x, "does not fit");
	put32(x.image + 0x22c, 0xffffffff);
	KTAP_EQ(t, fixture_load(&x), 0);
	close(fd);
}

static void linux_initrd_refused(struct ktap *t)
{
	char path[64];
	int fd = fixture_file("", 0, path);

	fixture_bzimage(&x);
	x.config.initrd = path;
	fixture_refused(t, &x, "is empty");
	if (ftruncate(fd, 64 << 20) < 0)
		KTAP_FAIL(t, "ftruncate");
	fixture_refused(t, &x, "does not fit");
	x.config.initrd = "/nonexistent";
	fixture_refused(t, &x, "cannot be opened");
	x.config.initrd = "/";
	fixture_refused(t, &x, "not a regular file");
	close(fd);
}

static void linux_refused(struct ktap *t)
{
	fixture_bzimage(&x);
	x.bytes = 0x600;
	fixture_refused(t, &x, "truncated");
	x.bytes = 0x300;
	fixture_refused(t, &x, "truncated");
	x.bytes = 0x15f0;
	fixture_refused(t, &x, "truncated");
	fixture_bzimage(&x);
	put32(x.image + 0x1f4, 0xffffffff);
	fixture_refused(t, &x, "truncated");
	fixture_bzimage(&x);
	x.image[0x206] = 11;
	fixture_refused(t, &x, "64-bit");
	fixture_bzimage(&x);
	x.image[0x236] = 0;
	fixture_refused(t, &x, "64-bit");
	fixture_bzimage(&x);
	x.image[0x211] = 0;
	fixture_refused(t, &x, "zImage");
	fixture_bzimage(&x);
	x.config.modules = 1;
	fixture_refused(t, &x, "multiboot");
}

static void linux_hostile_addresses(struct ktap *t)
{
	static const uint64_t preferred[] = {
		0, 0xfffff, 0x3fffffff, 0xfffffffffffff000ULL, UINT64_MAX,
	};

	for (size_t i = 0; i < sizeof(preferred) / sizeof(preferred[0]); i++) {
		fixture_bzimage(&x);
		put64(x.image + 0x258, preferred[i]);
		x.image[0x234] = 0;
		fixture_refused(t, &x, "--memory");
	}
	fixture_bzimage(&x);
	put32(x.image + 0x260, 0xffffffff);
	fixture_refused(t, &x, "--memory");
	fixture_bzimage(&x);
	put64(x.image + 0x258, UINT64_MAX);
	put32(x.image + 0x230, 3);
	fixture_refused(t, &x, "--memory");
	put32(x.image + 0x230, 0x80000000);
	fixture_refused(t, &x, "--memory");
	/* The header's length, and the data it chains, are not believed. */
	fixture_bzimage(&x);
	x.image[0x201] = 0xff;
	put64(x.image + 0x250, 0x12345678);
	KTAP_EQ(t, fixture_load(&x), 0);
	KTAP_EQ(t, get64(at(BOOT_INFO) + 0x250), 0);
	KTAP_EQ(t, get64(at(BOOT_INFO) + 0x2d0), 0);
}

/* --- PVH ---------------------------------------------------------------------- */

static void pvh_loads(struct ktap *t)
{
	const uint8_t *info;

	fixture_pvh(&x);
	KTAP_EQ(t, fixture_load(&x), 0);
	KTAP_TRUE(t, !x.boot.start.long_mode);
	KTAP_EQ(t, x.boot.start.rip, 0x200040);
	KTAP_EQ(t, x.boot.start.rbx, BOOT_INFO);
	KTAP_EQ(t, *at(0x2007ff), 0xab);
	KTAP_EQ(t, *at(0x200800), 0);
	info = at(BOOT_INFO);
	KTAP_EQ(t, get32(info), 0x336ec578);
	KTAP_EQ(t, get32(info + 4), 1);
	KTAP_EQ(t, get64(info + 24), BOOT_CMDLINE);
	KTAP_EQ(t, get64(info + 32), 0xe0000);
	KTAP_EQ(t, get32(info + 48), 4);
	KTAP_EQ(t, get64(at(get64(info + 40)) + 24), 0x9fc00);
}

static void pvh_initrd(struct ktap *t)
{
	char path[64];
	int fd = fixture_file("ramdisk", 7, path);
	const uint8_t *module;

	fixture_pvh(&x);
	x.config.initrd = path;
	KTAP_EQ(t, fixture_load(&x), 0);
	KTAP_EQ(t, get32(at(BOOT_INFO) + 12), 1);
	module = at(get64(at(BOOT_INFO) + 16));
	KTAP_EQ(t, get64(module + 8), 7);
	KTAP_TRUE(t, !memcmp(at(get64(module)), "ramdisk", 7));
	close(fd);
}

static void pvh_refused(struct ktap *t)
{
	static const struct {
		unsigned int offset;
		uint64_t value;
		const char *word;
	} cases[] = {
		{ 64 + 8, 0x1801, "truncated" },		/* segment outside the file */
		{ 64 + 8, UINT64_MAX, "truncated" },
		{ 64 + 24, 0x8000, "1 MiB" },
		{ 64 + 24, 0x3fff000, "--memory" },
		{ 64 + 24, UINT64_MAX - 0x100, "--memory" },
		{ 64 + 40, 0x100, "larger" },
		{ 64 + 40, UINT64_MAX, "--memory" },
		{ 32, 0x1700, "is not an image" },		/* headers elsewhere */
		{ 32, UINT64_MAX - 8, "is not an image" },
		{ 0x410, 0x7fffffff, "entry point" },
		{ 64, 2, "nothing to load" },			/* no loadable segment */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *field;

		fixture_pvh(&x);
		field = x.image + cases[i].offset;
		if (cases[i].offset == 64 || cases[i].offset == 0x410)
			put32(field, (uint32_t)cases[i].value);
		else
			put64(field, cases[i].value);
		fixture_refused(t, &x, cases[i].word);
	}
}

static void pvh_hostile_notes(struct ktap *t)
{
	static const struct {
		unsigned int offset;
		uint32_t value;
	} cases[] = {
		{ 0x400, 0xffffffff }, { 0x400, 0xfffffffd }, { 0x404, 0xffffffff }, { 0x404, 5 },
		{ 0x404, 0 }, { 0x408, 17 }, { 0x40c, 0x6e6e6558 },
		{ 64 + 56 + 32, 19 }, { 64 + 56 + 32, 0xffffffff }, { 64 + 56 + 8, 0x17ff },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fixture_pvh(&x);
		put32(x.image + cases[i].offset, cases[i].value);
		fixture_refused(t, &x, "is not an image");
	}
}

static void elf_header_counts(struct ktap *t)
{
	fixture_multiboot(&x);
	x.image[44] = 65;
	fixture_refused(t, &x, "program headers");
	x.image[44] = 0;
	fixture_refused(t, &x, "program headers");
	fixture_multiboot(&x);
	x.image[42] = 31;
	fixture_refused(t, &x, "program headers");
	fixture_multiboot(&x);
	x.image[18] = 40;
	fixture_refused(t, &x, "x86 ELF");
}

/* --- multiboot ------------------------------------------------------------------ */

static void multiboot_loads(struct ktap *t)
{
	const uint8_t *info;

	fixture_multiboot(&x);
	x.config.append = "one two";
	KTAP_EQ(t, fixture_load(&x), 0);
	KTAP_EQ(t, x.boot.start.rip, 0x100020);
	KTAP_EQ(t, x.boot.start.rax, 0x2badb002);
	KTAP_EQ(t, get32(at(0x100000)), 0x1badb002);
	info = at(x.boot.start.rbx);
	KTAP_EQ(t, get32(info), 0x24d);
	KTAP_EQ(t, get32(info + 4), 639);
	KTAP_EQ(t, get32(info + 8), (63 << 10));
	KTAP_TRUE(t, strstr((char *)at(get32(info + 16)), " one two"));
	KTAP_EQ(t, get32(info + 20), 0);
	KTAP_EQ(t, get32(info + 44), 4 * 24);
	KTAP_EQ(t, get32(at(get32(info + 48))), 20);
}

static void multiboot_modules(struct ktap *t)
{
	char first[64], second[64];
	int fds[2] = { fixture_file("abc", 3, first), fixture_file("defg", 4, second) };
	const uint8_t *module;

	fixture_multiboot(&x);
	x.config.module[0] = first;
	x.config.module[1] = second;
	x.config.modules = 2;
	KTAP_EQ(t, fixture_load(&x), 0);
	KTAP_EQ(t, get32(at(BOOT_INFO) + 20), 2);
	module = at(get32(at(BOOT_INFO) + 24));
	KTAP_EQ(t, get32(module), 0x101000);
	KTAP_EQ(t, get32(module + 4), 0x101003);
	KTAP_EQ(t, get32(module + 16), 0x102000);
	KTAP_TRUE(t, !memcmp(at(0x102000), "defg", 4));
	KTAP_STREQ(t, (char *)at(get32(module + 24)), second);
	if (ftruncate(fds[1], 63 << 20) < 0)
		KTAP_FAIL(t, "ftruncate");
	fixture_refused(t, &x, "does not fit");
	x.config.module[1] = "/nonexistent";
	fixture_refused(t, &x, "cannot be opened");
	x.config.initrd = first;
	fixture_refused(t, &x, "--module");
	close(fds[0]);
	close(fds[1]);
}

/* A flat binary whose header says where it goes. */
static void multiboot_addresses(struct ktap *t)
{
	uint8_t *h = x.image + 0x10;

	fixture_init(&x);
	put32(h, 0x1badb002);
	put32(h + 4, 1 << 16);
	put32(h + 8, 0 - (0x1badb002U + (1 << 16)));
	put32(h + 12, 0x100010);
	put32(h + 16, 0x100000);
	put32(h + 24, 0x108000);
	put32(h + 28, 0x100030);
	x.bytes = 0x1000;
	KTAP_EQ(t, fixture_load(&x), 0);
	KTAP_EQ(t, x.boot.start.rip, 0x100030);
	KTAP_EQ(t, get32(at(0x100010)), 0x1badb002);
	put32(h + 20, 0xffffffff);
	fixture_refused(t, &x, "--memory");
	put32(h + 20, 0x102000);
	fixture_refused(t, &x, "truncated");
	put32(h + 20, 0x100000 - 1);
	fixture_refused(t, &x, "contradict");
	put32(h + 20, 0);
	put32(h + 16, 0x100020);
	fixture_refused(t, &x, "contradict");
	put32(h + 16, 0xff000);
	fixture_refused(t, &x, "contradict");
	put32(h + 16, 0x100000);
	put32(h + 28, 0xffffffff);
	fixture_refused(t, &x, "entry point");
}

static void multiboot_refused(struct ktap *t)
{
	fixture_multiboot(&x);
	put32(x.image + 0x1004, 7);
	put32(x.image + 0x1008, 0 - (0x1badb002U + 7));
	fixture_refused(t, &x, "demands");
	fixture_multiboot(&x);
	put32(x.image + 0x1008, 0);
	fixture_refused(t, &x, "is not an image");
	fixture_multiboot(&x);
	memset(x.image, 0, 4);
	fixture_refused(t, &x, "x86 ELF");
	fixture_multiboot(&x);
	put32(x.image + 24, 0xf0000000);
	fixture_refused(t, &x, "entry point");
}

/* --- any image ------------------------------------------------------------------- */

static void not_an_image(struct ktap *t)
{
	fixture_init(&x);
	fixture_refused(t, &x, "is empty");
	x.bytes = 1;
	fixture_refused(t, &x, "is not an image");
	memset(x.image, 0xff, sizeof(x.image));
	x.bytes = sizeof(x.image);
	fixture_refused(t, &x, "is not an image");
}

/* Spoil bytes of the headers at random: whatever comes out, the sanitizers must not object. */
static void spoiled_images(struct ktap *t)
{
	static void (*const make[])(struct fixture *x) = {
		fixture_bzimage, fixture_pvh, fixture_multiboot,
	};
	unsigned int loaded = 0, refused = 0;
	uint32_t seed = 1;

	for (int i = 0; i < 3000; i++) {
		make[i % 3](&x);
		for (int n = 0; n < 4; n++) {
			seed = seed * 1664525 + 1013904223;
			x.image[i % 3 ? seed >> 8 & 0x7f : 0x1f0 + (seed >> 8 & 0x7f)] = seed >> 24;
		}
		x.bytes = seed >> 31 ? x.bytes : seed % (x.bytes + 1);
		if (fixture_load(&x) == 0)
			loaded++;
		else
			refused++;
		memory_deinit(&x.memory);
	}
	KTAP_TRUE(t, loaded > 100);
	KTAP_TRUE(t, refused > 100);
}

static void memory_map_with_hole(struct ktap *t)
{
	fixture_bzimage(&x);
	x.memory_bytes = 5ULL << 30;
	KTAP_EQ(t, fixture_load(&x), 0);
	KTAP_EQ(t, x.boot.map.count, 5);
	KTAP_EQ(t, x.boot.map.entry[4].gpa, 1ULL << 32);
	KTAP_EQ(t, x.boot.map.entry[4].bytes, 2ULL << 30);
	KTAP_EQ(t, x.boot.map.entry[2].bytes, (3ULL << 30) - 0x100000);
	KTAP_TRUE(t, memory_at(&x.memory, (6ULL << 30) - 1, 1));
	KTAP_TRUE(t, !memory_at(&x.memory, 6ULL << 30, 1));
	KTAP_TRUE(t, !memory_at(&x.memory, 3ULL << 30, 1));
	KTAP_TRUE(t, !memory_at(&x.memory, (3ULL << 30) - 1, 2));
	KTAP_TRUE(t, !memory_at(&x.memory, 0, UINT64_MAX));
	KTAP_TRUE(t, !memory_at(&x.memory, UINT64_MAX, 2));
}

static void start_states(struct ktap *t)
{
	struct boot_start start = { .long_mode = true, .rip = 0x1000200, .rsi = 0x9000 };
	struct hvm_state state = { 0 };

	fixture_bzimage(&x);
	KTAP_EQ(t, fixture_load(&x), 0);
	KTAP_EQ(t, start_tables(&x.memory, true), 0);
	start_state(&state, &start);
	KTAP_EQ(t, state.gpr.rip, 0x1000200);
	KTAP_EQ(t, state.gpr.gpr[HVM_RSI], 0x9000);
	KTAP_EQ(t, state.control.cr3, BOOT_PAGE_TABLES);
	KTAP_EQ(t, state.control.efer, 0x500);
	KTAP_EQ(t, state.segments.seg[HVM_CS].attributes, 0xa9b);
	/* The descriptors in memory say what the hidden parts say. */
	KTAP_EQ(t, get64(at(BOOT_GDT + 0x10)), 0x00af9b000000ffffULL);
	KTAP_EQ(t, get64(at(BOOT_GDT + 0x18)), 0x00cf93000000ffffULL);
	/* The last 2 MiB of the identity map. */
	KTAP_EQ(t, get64(at(BOOT_PAGE_TABLES + 0x6000 - 8)), 0xffe00083ULL);
	start.long_mode = false;
	memset(&state, 0, sizeof(state));
	start_state(&state, &start);
	KTAP_EQ(t, state.control.cr0 & 0x80000001, 1);
	KTAP_EQ(t, state.segments.seg[HVM_CS].attributes, 0xc9b);
	KTAP_EQ(t, start_tables(&x.memory, false), 0);
	KTAP_EQ(t, get64(at(BOOT_GDT + 0x10)), 0x00cf9b000000ffffULL);
}

static const struct ktap_case cases[] = {
	{ "linux_loads", linux_loads },
	{ "linux_moves_when_memory_is_short", linux_moves_when_memory_is_short },
	{ "linux_command_line", linux_command_line },
	{ "linux_initrd", linux_initrd },
	{ "linux_initrd_refused", linux_initrd_refused },
	{ "linux_refused", linux_refused },
	{ "linux_hostile_addresses", linux_hostile_addresses },
	{ "pvh_loads", pvh_loads },
	{ "pvh_initrd", pvh_initrd },
	{ "pvh_refused", pvh_refused },
	{ "pvh_hostile_notes", pvh_hostile_notes },
	{ "elf_header_counts", elf_header_counts },
	{ "multiboot_loads", multiboot_loads },
	{ "multiboot_modules", multiboot_modules },
	{ "multiboot_addresses", multiboot_addresses },
	{ "multiboot_refused", multiboot_refused },
	{ "not_an_image", not_an_image },
	{ "spoiled_images", spoiled_images },
	{ "memory_map_with_hole", memory_map_with_hole },
	{ "start_states", start_states },
};

int main(int argc, char **argv)
{
	int status = KTAP_MAIN(argc, argv, cases);

	memory_deinit(&x.memory);
	return status;
}
