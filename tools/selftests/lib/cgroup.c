// SPDX-License-Identifier: GPL-2.0-only
/*
 * A memory cgroup of the test's own; see cgroup.h.
 */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"

static const char *const root = "/tmp/selftests-cgroup";

static bool write_file(const char *name, const char *text)
{
	char path[256];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

/**
 * cgroup_enter() - move into a cgroup of our own
 * @t: the case; skipped when there is none
 *
 * Return: whether it worked; cgroup_leave() comes after
 */
bool cgroup_enter(struct ktap *t)
{
	char path[256];

	mkdir(root, 0755);
	if (mount("cgroup2", root, "cgroup2", 0, NULL)) {
		ktap_skip(t, "cgroup2 cannot be mounted: %s", strerror(errno));
		rmdir(root);
		return false;
	}
	snprintf(path, sizeof(path), "%s/charge", root);
	if (write_file("cgroup.subtree_control", "+memory") && !mkdir(path, 0755) &&
	    write_file("charge/cgroup.procs", "0"))
		return true;
	ktap_skip(t, "no memory cgroup: %s", strerror(errno));
	umount(root);
	rmdir(root);
	return false;
}

/**
 * cgroup_leave() - reverse of cgroup_enter()
 */
void cgroup_leave(void)
{
	char path[256];

	write_file("cgroup.procs", "0");
	snprintf(path, sizeof(path), "%s/charge", root);
	rmdir(path);
	umount(root);
	rmdir(root);
}

/**
 * cgroup_kernel_bytes() - kernel memory of the cgroup, less the host's page tables
 *
 * Return: bytes, or -1
 */
long cgroup_kernel_bytes(void)
{
	long bytes = -1, tables = 0, value;
	char path[256], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/charge/memory.stat", root);
	f = fopen(path, "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "kernel %ld", &value) == 1)
			bytes = value;
		else if (sscanf(line, "pagetables %ld", &value) == 1)
			tables = value;
	}
	fclose(f);
	return bytes < 0 ? bytes : bytes - tables;
}
