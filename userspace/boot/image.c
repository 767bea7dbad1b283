// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opens and reads boot images; see image.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/image.h"

static int check_kind(struct image *image, const char *what, struct failure *f)
{
	struct stat st;

	if (fstat(image->fd, &st) < 0)
		return fail(f, "%s %s: %s", what, image->path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(f, "%s %s is not a regular file; name one, or copy what it"
			    " gives into one", what, image->path);
	if (!st.st_size)
		return fail(f, "%s %s is empty; copy or build it again", what, image->path);
	image->bytes = (uint64_t)st.st_size;
	return 0;
}

static const char *remedy(int error)
{
	return error == EMFILE || error == ENFILE ? "raise the limit (ulimit -n)" :
						    "name a file that you may read";
}

int image_open(struct image *image, const char *what, const char *path, struct failure *f)
{
	/* Without O_NONBLOCK a FIFO would wait for a writer here. */
	*image = (struct image){
		.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
		.path = path,
	};
	if (image->fd < 0)
		return fail(f, "%s %s cannot be opened: %s; %s", what, path, strerror(errno),
			    remedy(errno));
	if (check_kind(image, what, f) < 0) {
		image_close(image);
		return -1;
	}
	return 0;
}

void image_close(struct image *image)
{
	close(image->fd);
	image->fd = -1;
}

int image_read(const struct image *image, uint64_t offset, void *buf, uint64_t bytes,
	       struct failure *f)
{
	uint8_t *to = buf;

	if (offset > image->bytes || bytes > image->bytes - offset)
		return fail(f, "%s is truncated: %" PRIu64 " bytes at offset %" PRIu64
			    " are missing; copy or build it again", image->path, bytes, offset);
	while (bytes) {
		ssize_t n = pread(image->fd, to, bytes, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(f, "%s cannot be read: %s; copy or build it again", image->path,
				    strerror(errno));
		if (!n)
			return fail(f, "%s became shorter while it was read; start again when"
				    " nobody writes to it", image->path);
		to += n;
		offset += (uint64_t)n;
		bytes -= (uint64_t)n;
	}
	return 0;
}

int image_load(const struct image *image, uint64_t offset, const struct memory *memory,
	       uint64_t gpa, uint64_t bytes, struct failure *f)
{
	void *to = memory_at(memory, gpa, bytes);

	if (!to)
		return fail(f, "%s wants %" PRIu64 " KiB at 0x%" PRIx64 ", where the guest has no"
			    " memory: give more with --memory", image->path, (bytes + 1023) >> 10,
			    gpa);
	return image_read(image, offset, to, bytes, f);
}
