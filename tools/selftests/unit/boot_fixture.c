// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes small valid boot images, which tests then spoil; see boot_fixture.h.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "boot/bytes.h"
#include "boot_fixture.h"

void fixture_init(struct fixture *x)
{
	memset(x, 0, sizeof(*x));
	x->fd = -1;
	x->memory_bytes = 64 << 20;
	x->config.cpus = 1;
}

int fixture_file(const void *data, size_t bytes, char path[64])
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	if (fd >= 0 && bytes && pwrite(fd, data, bytes, 0) != (ssize_t)bytes)
		perror("pwrite");
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

int fixture_load(struct fixture *x)
{
	int ret;

	memory_deinit(&x->memory);
	if (memory_init(&x->memory, x->memory_bytes, &x->f) < 0)
		return -1;
	x->fd = fixture_file(x->image, x->bytes, x->path);
	x->config.kernel = x->path;
	x->boot.memory = &x->memory;
	x->boot.config = &x->config;
	x->boot.rsdp = 0xe0000;
	x->f = (struct failure){ 0 };
	ret = boot_load(&x->boot, &x->f);
	close(x->fd);
	return ret;
}

void fixture_refused(struct ktap *t, struct fixture *x, const char *word)
{
	if (fixture_load(x) == 0)
		KTAP_FAIL(t, "loaded, not refused (%s)", word);
	else if (!strstr(x->f.text, word) || strchr(x->f.text, '\n'))
		KTAP_FAIL(t, "'%s' does not say '%s'", x->f.text, word);
	memory_deinit(&x->memory);
}

void fixture_bzimage(struct fixture *x)
{
	uint8_t *h = x->image;

	fixture_init(x);
	h[0x1f1] = 2;			/* setup sectors */
	put32(h + 0x1f4, 0x1000 / 16);	/* payload */
	h[0x1fe] = 0x55;
	h[0x1ff] = 0xaa;
	h[0x201] = 0x66;		/* header's length */
	memcpy(h + 0x202, "HdrS", 4);
	h[0x206] = 15;
	h[0x207] = 2;
	h[0x211] = 1;			/* loaded high */
	put32(h + 0x22c, 0x7fffffff);
	put32(h + 0x230, 0x200000);
	h[0x234] = 1;			/* relocatable */
	h[0x236] = 1;			/* 64-bit entry */
	put32(h + 0x238, 2047);
	put64(h + 0x258, 0x1000000);
	put32(h + 0x260, 0x100000);
	memset(h + 0x600, 0xcc, 0x1000);
	x->bytes = 0x1600;
}

/* One loadable segment at 2 MiB, and behind the headers a note. */
void fixture_pvh(struct fixture *x)
{
	uint8_t *h = x->image, *load = h + 64, *note = load + 56;

	fixture_init(x);
	memcpy(h, "\177ELF\2\1\1", 7);
	h[16] = 2;
	h[18] = 62;
	put64(h + 32, 64);
	h[54] = 56;
	h[56] = 2;
	put32(load, 1);
	put64(load + 8, 0x1000);
	put64(load + 24, 0x200000);
	put64(load + 32, 0x800);
	put64(load + 40, 0x2000);
	put32(note, 4);
	put64(note + 8, 0x400);
	put64(note + 32, 20);
	put64(note + 40, 20);
	put32(h + 0x400, 4);
	put32(h + 0x404, 4);
	put32(h + 0x408, 18);
	memcpy(h + 0x40c, "Xen", 4);
	put32(h + 0x410, 0x200040);
	memset(h + 0x1000, 0xab, 0x800);
	x->bytes = 0x1800;
}

void fixture_multiboot(struct fixture *x)
{
	uint8_t *h = x->image, *load = h + 52;

	fixture_init(x);
	memcpy(h, "\177ELF\1\1\1", 7);
	h[16] = 2;
	h[18] = 3;
	put32(h + 24, 0x100020);
	put32(h + 28, 52);
	h[42] = 32;
	h[44] = 1;
	put32(load, 1);
	put32(load + 4, 0x1000);
	put32(load + 12, 0x100000);
	put32(load + 16, 0x100);
	put32(load + 20, 0x300);
	put32(h + 0x1000, 0x1badb002);
	put32(h + 0x1004, 3);
	put32(h + 0x1008, 0 - (0x1badb002U + 3));
	x->bytes = 0x1100;
}
