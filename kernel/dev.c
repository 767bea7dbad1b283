// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vm: what the processor offers, and new guests. Not here: a guest's own fd (vm.c).
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/tsc.h>

#include "backend.h"
#include "cpu/cpuid.h"
#include "cpu/fpu.h"
#include "cpu/msr.h"
#include "dev.h"
#include "ioctl.h"
#include "stats_file.h"
#include "vm.h"

/* More MSRs than that are not carried. */
#define MAX_LISTED_MSRS	1024

static int return_msrs(struct hvm_get_info *arg)
{
	u32 places = min_t(u32, arg->msr_count, MAX_LISTED_MSRS);
	u32 *indices = kvmalloc_array(places ?: 1, sizeof(*indices), GFP_KERNEL);
	int err = 0;

	if (!indices)
		return -ENOMEM;
	arg->msr_count = hvm_msr_list(indices, places);
	places = min(places, arg->msr_count);
	if (copy_to_user(u64_to_user_ptr(arg->msrs), indices, array_size(places, sizeof(*indices))))
		err = -EFAULT;
	kvfree(indices);
	return err;
}

static long get_info(void *object, void *data)
{
	struct hvm_get_info *arg = data;
	int err;

	if (arg->flags)
		return -EOPNOTSUPP;
	arg->abi_version = HVM_ABI_VERSION;
	arg->vendor = hvm_caps.vendor;
	arg->features = hvm_caps.features;
	arg->max_ranges = HVM_MAX_RANGES;
	arg->max_vcpus = HVM_MAX_VCPUS;
	arg->max_apic_id = HVM_MAX_APIC_ID;
	arg->max_cpuid = HVM_MAX_CPUID;
	arg->max_msr_ranges = HVM_MAX_MSR_RANGES;
	arg->max_irqfds = HVM_MAX_IRQFDS;
	arg->max_ioeventfds = HVM_MAX_IOEVENTFDS;
	arg->gpa_bits = hvm_caps.gpa_bits;
	arg->xsave_bytes = hvm_fpu_bytes();
	arg->tsc_khz = tsc_khz;
	err = return_msrs(arg);
	if (err)
		return err;
	return hvm_stats_list(u64_to_user_ptr(arg->statistics), &arg->statistic_count);
}

static long get_cpuid(void *object, void *data)
{
	struct hvm_cpuid *arg = data;
	struct hvm_cpuid_entry *entries;
	u32 places = min_t(u32, arg->count, HVM_MAX_CPUID);
	long ret = 0;

	entries = kvcalloc(HVM_MAX_CPUID, sizeof(*entries), GFP_KERNEL);
	if (!entries)
		return -ENOMEM;
	arg->count = hvm_cpuid_offer(entries, HVM_MAX_CPUID);
	places = min(places, arg->count);
	if (copy_to_user(u64_to_user_ptr(arg->entries), entries,
			 array_size(places, sizeof(*entries))))
		ret = -EFAULT;
	kvfree(entries);
	return ret;
}

static long create_vm(void *object, void *data)
{
	struct hvm_create_vm *arg = data;

	return arg->flags ? -EOPNOTSUPP : hvm_vm_file_open();
}

#define SIZES(type)	.min = sizeof(struct type), .bytes = sizeof(struct type)

static const struct hvm_ioctl calls[] = {
	{ .cmd = HVM_GET_INFO, SIZES(hvm_get_info), .flags = HVM_IOCTL_OUT, .call = get_info },
	{ .cmd = HVM_GET_CPUID, SIZES(hvm_cpuid), .flags = HVM_IOCTL_OUT, .call = get_cpuid },
	{ .cmd = HVM_CREATE_VM, SIZES(hvm_create_vm), .call = create_vm },
};

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long address)
{
	return hvm_ioctl(calls, ARRAY_SIZE(calls), NULL, cmd, address);
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

/* Whoever may use it may use the processor's virtualization, and memory within his own limits. */
static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vm",
	.mode = 0660,
	.fops = &dev_fops,
};

/**
 * hvm_dev_register - show /dev/vm
 *
 * Return: 0 or -errno
 */
int __init hvm_dev_register(void)
{
	return misc_register(&device);
}

/** hvm_dev_unregister - reverse of hvm_dev_register() */
void hvm_dev_unregister(void)
{
	misc_deregister(&device);
}
