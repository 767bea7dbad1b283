// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest costs the host in kernel memory, as its memory cgroup is charged for it; page tables
 * of the host aside. Many are made at once: the kernel charges in lots of pages, and it brings
 * memory.stat up to date at once only after hundreds of changes. Not here: the guest's own memory,
 * and instructions (bench).
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/hvm.h>

#include "cgroup.h"

#define MANY		256
#define VM_BYTES	65536	/* a guest with one vCPU, at most */
#define VCPU_BYTES	32768	/* each further vCPU, at most */

static int create_vm(int dev)
{
	struct hvm_create_vm arg = { .size = sizeof(arg) };

	return ioctl(dev, HVM_CREATE_VM, &arg);
}

static int create_vcpu(int vm, uint32_t id)
{
	struct hvm_create_vcpu arg = { .size = sizeof(arg), .apic_id = id };

	return ioctl(vm, HVM_CREATE_VCPU, &arg);
}

static void check_average(struct ktap *t, const char *what, long bytes, long limit)
{
	printf("# %s: %ld bytes\n", what, bytes);
	if (bytes <= 0 || bytes > limit)
		KTAP_FAIL(t, "%s: %ld bytes, allowed are %ld", what, bytes, limit);
}

static void vm_with_one_vcpu(struct ktap *t)
{
	int dev = open("/dev/vm", O_RDWR | O_CLOEXEC), fds[MANY][2], i;
	long before;

	KTAP_TRUE(t, dev >= 0);
	if (!cgroup_enter(t))
		goto out;
	before = cgroup_kernel_bytes();
	for (i = 0; i < MANY; i++) {
		fds[i][0] = create_vm(dev);
		fds[i][1] = create_vcpu(fds[i][0], 0);
		if (fds[i][0] < 0 || fds[i][1] < 0)
			KTAP_FAIL(t, "guest %d: %s", i, strerror(errno));
	}
	check_average(t, "a guest with one vCPU", (cgroup_kernel_bytes() - before) / MANY,
		      VM_BYTES);
	for (i = 0; i < MANY; i++) {
		close(fds[i][1]);
		close(fds[i][0]);
	}
	cgroup_leave();
out:
	close(dev);
}

static void further_vcpus(struct ktap *t)
{
	int dev = open("/dev/vm", O_RDWR | O_CLOEXEC), fds[MANY], vm, first, i;
	long before;

	KTAP_TRUE(t, dev >= 0);
	if (!cgroup_enter(t))
		goto out;
	vm = create_vm(dev);
	first = create_vcpu(vm, 0);
	KTAP_TRUE(t, first >= 0);
	before = cgroup_kernel_bytes();
	for (i = 0; i < MANY; i++) {
		fds[i] = create_vcpu(vm, i + 1);
		if (fds[i] < 0)
			KTAP_FAIL(t, "vCPU %d: %s", i + 1, strerror(errno));
	}
	check_average(t, "a further vCPU", (cgroup_kernel_bytes() - before) / MANY, VCPU_BYTES);
	for (i = 0; i < MANY; i++)
		close(fds[i]);
	close(first);
	close(vm);
	cgroup_leave();
out:
	close(dev);
}

static const struct ktap_case cases[] = {
	{ "a_guest_with_one_vcpu_is_charged_64_kib_at_most", vm_with_one_vcpu },
	{ "a_further_vcpu_is_charged_32_kib_at_most", further_vcpus },
};

int main(int argc, char **argv)
{
	return KTAP_MAIN(argc, argv, cases);
}
