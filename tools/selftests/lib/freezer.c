// SPDX-License-Identifier: GPL-2.0-only
/*
 * A cgroup that can be frozen; see freezer.h.
 */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "freezer.h"
#include "task.h"

static const char *const root = "/tmp/selftests-freezer";
static const char *const group = "/tmp/selftests-freezer/cold";

static bool write_file(const char *directory, const char *name, const char *text)
{
	char path[256];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

/* Whether the kernel says that all threads stand still, or that none has to. */
static bool is_frozen(void *wanted)
{
	char text[256], path[256];
	ssize_t bytes;
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.events", group);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bytes = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[bytes < 0 ? 0 : bytes] = 0;
	return strstr(text, *(bool *)wanted ? "frozen 1" : "frozen 0");
}

static bool set(bool frozen)
{
	return write_file(group, "cgroup.freeze", frozen ? "1" : "0") &&
	       task_wait(is_frozen, &frozen);
}

/**
 * freezer_open() - make the cgroup and put a process into it
 * @t: the case; skipped where there are no such cgroups
 * @pid: the process
 *
 * Return: whether it worked; freezer_close() comes after
 */
bool freezer_open(struct ktap *t, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	mkdir(root, 0755);
	if (mount("cgroup2", root, "cgroup2", 0, NULL)) {
		ktap_skip(t, "cgroup2 cannot be mounted: %s", strerror(errno));
		rmdir(root);
		return false;
	}
	if (!mkdir(group, 0755) && write_file(group, "cgroup.procs", text))
		return true;
	ktap_skip(t, "no cgroup: %s", strerror(errno));
	freezer_close();
	return false;
}

/**
 * freezer_freeze() - freeze it, and wait until every thread stands still
 *
 * Return: whether they do
 */
bool freezer_freeze(void)
{
	return set(true);
}

/**
 * freezer_thaw() - reverse of freezer_freeze()
 *
 * Return: whether it worked
 */
bool freezer_thaw(void)
{
	return set(false);
}

/**
 * freezer_close() - reverse of freezer_open(); the process has ended
 */
void freezer_close(void)
{
	rmdir(group);
	umount(root);
	rmdir(root);
}
