// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small files of the host's kernel; see file.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

#define TEXT_BYTES	(256 << 10)

static void close_quietly(int fd)
{
	int error = errno;

	close(fd);
	errno = error;
}

/**
 * file_write() - write a text in one piece
 * @path: a file that exists
 * @text: what it gets
 *
 * Return: whether it was taken; errno says why not
 */
bool file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close_quietly(fd);
	return ok;
}

/**
 * file_read() - read a file
 * @path: the file
 *
 * Return: its first 256 KiB, ended by a zero, until the next call; NULL: errno says why not
 */
const char *file_read(const char *path)
{
	static char text[TEXT_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t bytes = 0;
	ssize_t got;

	if (fd < 0)
		return NULL;
	while ((got = read(fd, text + bytes, sizeof(text) - 1 - bytes)) > 0)
		bytes += got;
	close_quietly(fd);
	text[bytes] = '\0';
	return got < 0 ? NULL : text;
}
