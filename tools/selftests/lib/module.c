// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module under test; see module.h. LAB_MODULE in the environment names its file.
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "module.h"
#include "task.h"

/**
 * module_users() - how many open fds hold it
 *
 * Return: their number; -1: it does not say
 */
int module_users(void)
{
	FILE *f = fopen("/sys/module/hvm/refcnt", "r");
	int users = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%d", &users) != 1)
		users = -1;
	fclose(f);
	return users;
}

static bool unused(void *arg)
{
	(void)arg;
	return module_users() <= 0;
}

/**
 * module_expect_unused() - every guest is gone
 * @t: the case
 *
 * The last fput() of a process that died may be a little behind.
 */
void module_expect_unused(struct ktap *t)
{
	if (!task_wait(unused, NULL))
		KTAP_FAIL(t, "something still holds the module: %d", module_users());
}

/**
 * module_can_reload() - whether it is a module, and the file to load it from again is there
 */
bool module_can_reload(void)
{
	const char *path = getenv("LAB_MODULE");

	return path && !access(path, R_OK) && module_users() >= 0;
}

/**
 * module_unload() - take it out
 *
 * Return: as delete_module(2): EWOULDBLOCK when somebody uses it
 */
int module_unload(void)
{
	return syscall(SYS_delete_module, "hvm", O_NONBLOCK);
}

/**
 * module_load() - take it in again, with the parameters that the lab gave it
 *
 * Return: as finit_module(2)
 */
int module_load(void)
{
	const char *path = getenv("LAB_MODULE"), *parameters = getenv("LAB_PARAMETERS");
	int fd = open(path ? path : "", O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -1;
	err = syscall(SYS_finit_module, fd, parameters ? parameters : "", 0);
	close(fd);
	return err;
}
