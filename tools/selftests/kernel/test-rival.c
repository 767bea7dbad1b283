// SPDX-License-Identifier: GPL-2.0-only
/*
 * Others that use a processor's virtualization: where they are, the module does not load, takes
 * nothing from them, and loads when they have gone.
 */
#include <fcntl.h>
#include <unistd.h>

#include "module.h"
#include "runner.h"
#include "task.h"

#define EFER		0xc0000080U
#define EFER_SVME	(1ULL << 12)	/* APM volume 2, 3.1.7 */

/* In, and a guest runs. */
static void load(struct ktap *t)
{
	struct guest g;

	KTAP_REQUIRE(t, !module_load());
	if (!runner_open(&g, t, &runner_leave))
		return;
	KTAP_EQ(t, guest_run(&g), HVM_EXIT_PIO);
	guest_close(&g);
}

static int open_msrs(int cpu)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", cpu);
	if (access(path, W_OK) && system("modprobe msr 2>/dev/null"))
		return -1;
	return open(path, O_RDWR | O_CLOEXEC);
}

static uint64_t read_efer(struct ktap *t, int fd)
{
	uint64_t value = 0;

	KTAP_EQ(t, pread(fd, &value, sizeof(value), EFER), sizeof(value));
	return value;
}

static void write_efer(struct ktap *t, int fd, uint64_t value)
{
	KTAP_EQ(t, pwrite(fd, &value, sizeof(value), EFER), sizeof(value));
}

/* One processor is in other hands. */
static void svm_that_another_turned_on(struct ktap *t)
{
	int cpus[TASK_CPUS], fd;
	uint64_t efer;

	if (guest_host_is("vmx"))
		KTAP_SKIP(t, "nobody can turn VMX operation on from userspace");
	if (!module_can_reload())
		KTAP_SKIP(t, "no file to load the module from again");
	task_cpus(cpus);
	fd = open_msrs(cpus[0]);
	if (fd < 0)
		KTAP_SKIP(t, "no /dev/cpu/%d/msr", cpus[0]);
	KTAP_TRUE(t, read_efer(t, fd) & EFER_SVME);
	module_expect_unused(t);
	KTAP_REQUIRE(t, !module_unload());
	efer = read_efer(t, fd);
	KTAP_EQ(t, efer & EFER_SVME, 0);
	write_efer(t, fd, efer | EFER_SVME);
	for (int i = 0; i < 2; i++) {
		KTAP_ERRNO(t, module_load(), EBUSY);
		KTAP_EQ(t, read_efer(t, fd), efer | EFER_SVME);
	}
	write_efer(t, fd, efer);
	load(t);
	close(fd);
}

static void kvm_is_loaded(struct ktap *t)
{
	const char *kvm = guest_host_is("vmx") ? "modprobe kvm_intel 2>/dev/null" :
						 "modprobe kvm_amd 2>/dev/null";

	if (!module_can_reload())
		KTAP_SKIP(t, "no file to load the module from again");
	module_expect_unused(t);
	KTAP_REQUIRE(t, !module_unload());
	if (system(kvm)) {
		load(t);
		KTAP_SKIP(t, "KVM does not load here");
	}
	KTAP_ERRNO(t, module_load(), EBUSY);
	KTAP_OK(t, system("modprobe -r kvm_intel kvm_amd kvm 2>/dev/null"));
	load(t);
}

static const struct ktap_case cases[] = {
	{ "svm_that_another_turned_on_is_left_alone", svm_that_another_turned_on },
	{ "not_while_kvm_is_loaded", kvm_is_loaded },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
