// SPDX-License-Identifier: MIT
/*
 * The ioctls of /dev/vm and of a guest's file descriptor, one function each. No state and no policy
 * lives here; what the kernel answers is what the caller gets.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "handle.h"
#include "libhvm.h"

int hvm_info(int device, struct hvm_get_info *info)
{
	*info = (struct hvm_get_info){ .size = sizeof(*info) };
	return handle_ioctl(device, HVM_GET_INFO, info);
}

int hvm_msr_list(int device, uint32_t *indices, uint32_t *count)
{
	struct hvm_get_info info = {
		.size = sizeof(info),
		.msrs = (uintptr_t)indices,
		.msr_count = indices ? *count : 0,
	};
	int ret = handle_ioctl(device, HVM_GET_INFO, &info);

	if (ret < 0)
		return ret;
	*count = info.msr_count;
	return 0;
}

int hvm_statistic_list(int device, struct hvm_statistic *statistics, uint32_t *count)
{
	struct hvm_get_info info = {
		.size = sizeof(info),
		.statistics = (uintptr_t)statistics,
		.statistic_count = statistics ? *count : 0,
	};
	int ret = handle_ioctl(device, HVM_GET_INFO, &info);

	if (ret < 0)
		return ret;
	*count = info.statistic_count;
	return 0;
}

int hvm_statistic_map(int fd, const void **page)
{
	void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, HVM_STATISTICS_OFFSET);

	if (at == MAP_FAILED)
		return -errno;
	*page = at;
	return 0;
}

static int check_version(int device)
{
	struct hvm_get_info info;

	if (hvm_info(device, &info) < 0 || info.abi_version != HVM_ABI_VERSION)
		return -EPROTO;
	return 0;
}

int hvm_open(const char *path)
{
	int fd = open(path ? path : "/dev/vm", O_RDWR | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = check_version(fd);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

const char *hvm_open_hint(int error)
{
	switch (-error) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return "is not there: load the module (make load, or insmod hvm.ko)";
	case EACCES:
	case EPERM:
		return "may not be opened: run as root, or get permission on it (chgrp, setfacl)";
	case EPROTO:
		return "speaks another version of the interface: load the module of this release";
	case EMFILE:
	case ENFILE:
		return "cannot be opened: too many open files (ulimit -n)";
	default:
		return "cannot be opened";
	}
}

int hvm_cpuid_offer(int device, struct hvm_cpuid_entry *entries, uint32_t *count)
{
	struct hvm_cpuid cpuid = {
		.size = sizeof(cpuid),
		.count = entries ? *count : 0,
		.entries = (uintptr_t)entries,
	};
	int ret = handle_ioctl(device, HVM_GET_CPUID, &cpuid);

	if (ret < 0)
		return ret;
	*count = cpuid.count;
	return 0;
}

int hvm_vm_create(int device)
{
	struct hvm_create_vm arg = { .size = sizeof(arg) };

	return handle_ioctl(device, HVM_CREATE_VM, &arg);
}

int hvm_vm_map(int vm, uint64_t gpa, void *memory, uint64_t bytes, uint32_t flags)
{
	struct hvm_map arg = {
		.size = sizeof(arg),
		.flags = flags,
		.gpa = gpa,
		.bytes = bytes,
		.hva = (uintptr_t)memory,
	};

	return handle_ioctl(vm, HVM_MAP, &arg);
}

int hvm_vm_unmap(int vm, uint64_t gpa, uint64_t bytes)
{
	struct hvm_unmap arg = { .size = sizeof(arg), .gpa = gpa, .bytes = bytes };

	return handle_ioctl(vm, HVM_UNMAP, &arg);
}

int hvm_vm_msi(int vm, uint64_t address, uint32_t data)
{
	struct hvm_msi arg = { .size = sizeof(arg), .address = address, .data = data };

	return handle_ioctl(vm, HVM_MSI, &arg);
}

int hvm_vm_irqfd(int vm, const struct hvm_irqfd *binding)
{
	struct hvm_irqfd arg = *binding;

	arg.size = sizeof(arg);
	return handle_ioctl(vm, HVM_IRQFD, &arg);
}

int hvm_vm_ioeventfd(int vm, const struct hvm_ioeventfd *doorbell)
{
	struct hvm_ioeventfd arg = *doorbell;

	arg.size = sizeof(arg);
	return handle_ioctl(vm, HVM_IOEVENTFD, &arg);
}

int hvm_vm_clock(int vm, struct hvm_clock *clock)
{
	clock->size = sizeof(*clock);
	return handle_ioctl(vm, HVM_CLOCK, clock);
}

int hvm_vm_msr_policy(int vm, const struct hvm_msr_range *ranges, uint32_t count, uint32_t flags)
{
	struct hvm_msr_policy arg = {
		.size = sizeof(arg),
		.count = count,
		.ranges = (uintptr_t)ranges,
		.flags = flags,
	};

	return handle_ioctl(vm, HVM_MSR_POLICY, &arg);
}

int hvm_set_cpuid(int fd, const struct hvm_cpuid_entry *entries, uint32_t count)
{
	struct hvm_cpuid arg = {
		.size = sizeof(arg),
		.count = count,
		.entries = (uintptr_t)entries,
	};

	return handle_ioctl(fd, HVM_SET_CPUID, &arg);
}

int hvm_kick(int fd)
{
	struct hvm_kick arg = { .size = sizeof(arg) };

	return handle_ioctl(fd, HVM_KICK, &arg);
}
