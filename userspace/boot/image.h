/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file to boot from, read with every offset checked: what it says about itself is hostile until
 * compared with its length. It knows no format.
 */
#ifndef BOOT_IMAGE_H
#define BOOT_IMAGE_H

#include <stdint.h>

#include "vmm/failure.h"
#include "vmm/memory.h"

/**
 * struct image - an open file
 * @fd: the file
 * @bytes: its length
 * @path: its name, for messages
 */
struct image {
	int fd;
	uint64_t bytes;
	const char *path;
};

/**
 * image_open() - open a regular file that is not empty
 * @image: filled in
 * @what: what it is to the user, for messages: "kernel" or the like
 * @path: its name
 * @f: filled in on failure
 */
int image_open(struct image *image, const char *what, const char *path, struct failure *f);

/**
 * image_close() - close it
 * @image: an open image
 */
void image_close(struct image *image);

/**
 * image_read() - read bytes
 * @image: the file
 * @offset: where from
 * @buf: where to
 * @bytes: how many
 * @f: filled in on failure: the file is shorter, or cannot be read
 */
int image_read(const struct image *image, uint64_t offset, void *buf, uint64_t bytes,
	       struct failure *f);

/**
 * image_load() - read bytes straight into guest memory
 * @image: the file
 * @offset: where from
 * @memory: guest RAM
 * @gpa: where to
 * @bytes: how many
 * @f: filled in on failure: the file is shorter, or there is no RAM there
 */
int image_load(const struct image *image, uint64_t offset, const struct memory *memory,
	       uint64_t gpa, uint64_t bytes, struct failure *f);

#endif
