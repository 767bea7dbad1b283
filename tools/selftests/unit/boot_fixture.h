/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Boot images made in memory for the tests of the boot protocols, and a guest's RAM to load them
 * into.
 */
#ifndef BOOT_FIXTURE_H
#define BOOT_FIXTURE_H

#include "boot/boot.h"
#include "ktap.h"

#define FIXTURE_IMAGE_BYTES	(64 << 10)

/**
 * struct fixture - an image, its file, and what it is booted with
 * @image: the image's bytes, zero to begin with
 * @bytes: how many of them go into the file
 * @fd: the file
 * @path: its name
 * @config: names @path as the kernel
 * @memory: 64 MiB unless changed
 * @memory_bytes: how much
 * @boot: the boot
 * @f: why it failed
 */
struct fixture {
	uint8_t image[FIXTURE_IMAGE_BYTES];
	uint64_t bytes;
	int fd;
	char path[64];
	struct config config;
	struct memory memory;
	uint64_t memory_bytes;
	struct boot boot;
	struct failure f;
};

void fixture_init(struct fixture *x);

/* A file with these bytes; its name goes into path. */
int fixture_file(const void *data, size_t bytes, char path[64]);

/* Write the image into its file and boot it: boot_load()'s result. */
int fixture_load(struct fixture *x);

/* As fixture_load(), but expect a failure whose line contains a word. */
void fixture_refused(struct ktap *t, struct fixture *x, const char *word);

/* A bzImage of two sectors and a payload, an ELF file with one segment, a multiboot image. */
void fixture_bzimage(struct fixture *x);
void fixture_pvh(struct fixture *x);
void fixture_multiboot(struct fixture *x);

#endif
