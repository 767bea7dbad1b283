// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control socket's place in the file system: its directory, which is the user's own; one socket
 * a name; what is left behind of a machine that was killed. Not here: what is said over it
 * (control.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/control.h"
#include "vmm/socket.h"

int control_directory(char *path, size_t bytes)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int length = snprintf(path, bytes, "%s/vm", runtime && runtime[0] ? runtime : "/run");

	return length < 0 || (size_t)length >= bytes ? -ENAMETOOLONG : 0;
}

int control_address(struct sockaddr_un *address, const char *name)
{
	char directory[sizeof(address->sun_path)];
	int length;

	if (control_directory(directory, sizeof(directory)) < 0)
		return -ENAMETOOLONG;
	address->sun_family = AF_UNIX;
	length = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s.sock", directory,
			  name);
	return length < 0 || (size_t)length >= sizeof(address->sun_path) ? -ENAMETOOLONG : 0;
}

/* The directory, made if it is not there, and nobody's but ours. */
static int open_directory(void)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct stat stat;
	int fd;

	if (control_directory(path, sizeof(path)) < 0)
		return -ENAMETOOLONG;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &stat) && stat.st_uid == geteuid() && !(stat.st_mode & 0077))
		return fd;
	close(fd);
	return -EPERM;
}

/* Is somebody at the other end of that address? */
static bool answers(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive = fd >= 0 && (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) ||
				 errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return alive;
}

/* The directory is locked, so nobody else is between looking and binding. */
static int bind_locked(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (answers(address))
		ret = -EADDRINUSE;
	else if (unlink(address->sun_path) < 0 && errno != ENOENT)
		ret = -errno;
	mask = umask(0177);
	if (!ret && (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
		     listen(fd, CONTROL_CLIENTS) < 0))
		ret = -errno;
	umask(mask);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int socket_listen(const struct sockaddr_un *address)
{
	int directory = open_directory();
	int fd;

	if (directory < 0)
		return directory;
	fd = flock(directory, LOCK_EX) < 0 ? -errno : bind_locked(address);
	close(directory);
	return fd;
}

char *socket_keep_path(const struct sockaddr_un *address)
{
	char *path = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (path == MAP_FAILED)
		return NULL;
	memcpy(path, address->sun_path, sizeof(address->sun_path));
	if (!mprotect(path, 4096, PROT_READ))
		return path;
	munmap(path, 4096);
	return NULL;
}
