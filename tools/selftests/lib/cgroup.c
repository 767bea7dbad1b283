// SPDX-License-Identifier: GPL-2.0-only
/*
 * A cgroup of the test's own; see cgroup.h.
 */
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "file.h"
#include "task.h"

#define ROOT	"/tmp/selftests-cgroup"
#define GROUP	ROOT "/group"

/* Make the group, with a process in it, or say why there is none. */
static bool make(struct ktap *t, const char *controllers, const char *pid)
{
	mkdir(ROOT, 0755);
	if (mount("cgroup2", ROOT, "cgroup2", 0, NULL)) {
		ktap_skip(t, "cgroup2 cannot be mounted: %s", strerror(errno));
		rmdir(ROOT);
		return false;
	}
	if (file_write(ROOT "/cgroup.subtree_control", controllers) && !mkdir(GROUP, 0755) &&
	    file_write(GROUP "/cgroup.procs", pid))
		return true;
	ktap_skip(t, "no cgroup: %s", strerror(errno));
	cgroup_leave();
	return false;
}

/**
 * cgroup_enter() - move into a cgroup of our own, which is charged for memory
 * @t: the case; skipped when there is none
 *
 * Return: whether it worked; cgroup_leave() comes after
 */
bool cgroup_enter(struct ktap *t)
{
	return make(t, "+memory", "0");
}

/**
 * cgroup_put() - put another process into a cgroup
 * @t: the case; skipped when there is none
 * @pid: the process
 *
 * Return: whether it worked; cgroup_leave() comes after the end of the process
 */
bool cgroup_put(struct ktap *t, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return make(t, "", text);
}

/**
 * cgroup_leave() - reverse of cgroup_enter() and cgroup_put()
 */
void cgroup_leave(void)
{
	file_write(ROOT "/cgroup.procs", "0");
	rmdir(GROUP);
	umount(ROOT);
	rmdir(ROOT);
}

/**
 * cgroup_kernel_bytes() - kernel memory of the cgroup, less the host's page tables
 *
 * Return: bytes, or -1
 */
long cgroup_kernel_bytes(void)
{
	long bytes = -1, tables = 0, value;
	char line[256];
	FILE *f;

	f = fopen(GROUP "/memory.stat", "r");
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

/* Whether the kernel says that all threads stand still, or that none has to. */
static bool is_frozen(void *wanted)
{
	const char *text = file_read(GROUP "/cgroup.events");

	return text && strstr(text, *(bool *)wanted ? "frozen 1" : "frozen 0");
}

static bool set_frozen(bool frozen)
{
	return file_write(GROUP "/cgroup.freeze", frozen ? "1" : "0") &&
	       task_wait(is_frozen, &frozen);
}

/**
 * cgroup_freeze() - freeze the group, and wait until every thread of it stands still
 *
 * Return: whether they do
 */
bool cgroup_freeze(void)
{
	return set_frozen(true);
}

/**
 * cgroup_thaw() - reverse of cgroup_freeze()
 *
 * Return: whether it worked
 */
bool cgroup_thaw(void)
{
	return set_frozen(false);
}
