// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's fd: its ioctls, its run page and its counters. Whoever calls holds the vCPU's lock for
 * the time of the call; it is only ever tried, so a second caller gets EBUSY and never waits. Not
 * here: what the calls do (cpu/).
 */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "compat.h"
#include "cpu/debug.h"
#include "cpu/run.h"
#include "cpu/state.h"
#include "ioctl.h"
#include "stats_file.h"
#include "trace.h"
#include "vcpu_file.h"

/* From the first run on, what the guest was told of its processor stays true, and the policy. */
static void freeze(struct hvm_vcpu *vcpu)
{
	struct hvm_vm *vm = vcpu->vm;
	u32 features = 0;

	mutex_lock(&vm->lock);
	vm->ran = true;
	mutex_unlock(&vm->lock);
	vcpu->ran = true;
	if (hvm_cpuid_has(vcpu, HVM_CPUID_X2APIC))
		features |= HVM_LAPIC_X2APIC;
	if (hvm_cpuid_has(vcpu, HVM_CPUID_TSC_DEADLINE))
		features |= HVM_LAPIC_TSC_DEADLINE;
	hvm_lapic_set_features(&vcpu->lapic, features);
	hvm_msr_freeze(vcpu);
	vcpu->hw->exit_all_msrs = hvm_msr_policy_takes(&vm->msr);
	vcpu->hw->dirty |= HVM_HW_NEW_INTERCEPTS;
}

static long run(struct hvm_vcpu *vcpu)
{
	if (unlikely(!vcpu->ran))
		freeze(vcpu);
	return hvm_run(vcpu);
}

static long get_state(void *object, void *data)
{
	return hvm_state_get(object, data);
}

static long set_state(void *object, void *data)
{
	return hvm_state_set(object, data);
}

static long set_cpuid(void *object, void *data)
{
	struct hvm_vcpu *vcpu = object;
	struct hvm_leaves *table;

	if (vcpu->ran)
		return -EBUSY;
	table = hvm_cpuid_create(data);
	if (IS_ERR(table))
		return PTR_ERR(table);
	swap(vcpu->cpuid, table);
	hvm_cpuid_free(table);
	return 0;
}

static long inject(void *object, void *data)
{
	struct hvm_inject *arg = data;
	struct hvm_vcpu *vcpu = object;
	long ret;

	if (arg->flags)
		return -EOPNOTSUPP;
	hvm_run_load(vcpu);
	ret = hvm_event_inject(vcpu, arg);
	hvm_run_put(vcpu);
	return ret;
}

static long debug(void *object, void *data)
{
	return hvm_debug_set(object, data);
}

/* The calls that need no lock: they are meant for other threads. */
static long kick(void *object, void *data)
{
	struct hvm_kick *arg = data;
	struct hvm_vcpu *vcpu = object;

	if (arg->flags)
		return -EOPNOTSUPP;
	hvm_bell_ring(&vcpu->bell, HVM_REQ_STOP);
	return 0;
}

#define SIZES(type)	.min = sizeof(struct type), .bytes = sizeof(struct type)

static const struct hvm_ioctl calls[] = {
	{ .cmd = HVM_GET_STATE, SIZES(hvm_state), .call = get_state,
	  .flags = HVM_IOCTL_OUT | HVM_IOCTL_OUT_ERR },
	{ .cmd = HVM_SET_STATE, SIZES(hvm_state), .call = set_state,
	  .flags = HVM_IOCTL_OUT | HVM_IOCTL_OUT_ERR },
	{ .cmd = HVM_SET_CPUID, SIZES(hvm_cpuid), .call = set_cpuid },
	{ .cmd = HVM_INJECT, SIZES(hvm_inject), .call = inject },
	{ .cmd = HVM_DEBUG, SIZES(hvm_debug), .call = debug },
};

static const struct hvm_ioctl unlocked_calls[] = {
	{ .cmd = HVM_KICK, SIZES(hvm_kick), .call = kick },
};

static_assert(sizeof(struct hvm_state) <= HVM_IOCTL_MAX);

/* HVM_RUN is not in the table: it is the one call whose cost counts, and it has no argument. */
static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long address)
{
	struct hvm_vcpu *vcpu = file->private_data;
	long ret;

	if (vcpu->vm->mm != current->mm)
		return -EIO;
	if (cmd == HVM_KICK)
		return hvm_ioctl(unlocked_calls, ARRAY_SIZE(unlocked_calls), vcpu, cmd, address);
	if (!mutex_trylock(&vcpu->lock))
		return -EBUSY;
	if (cmd != HVM_RUN) {
		ret = hvm_ioctl(calls, ARRAY_SIZE(calls), vcpu, cmd, address);
	} else {
		ret = likely(!address) ? run(vcpu) : -EINVAL;
		trace_hvm_ioctl(cmd, ret);
	}
	mutex_unlock(&vcpu->lock);
	return ret;
}

/* The mapping holds the file, and so the vCPU and its page. What is refused here stays refused. */
static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct hvm_vcpu *vcpu = file->private_data;

	if (vma->vm_pgoff == HVM_STATISTICS_OFFSET >> PAGE_SHIFT)
		return hvm_stats_mmap(vma, vcpu->stats);
	if (vma->vm_pgoff || vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;
	if (!(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_EXEC)
		return -EINVAL;
	hvm_compat_vm_flags_mod(vma, VM_DONTEXPAND, VM_MAYEXEC);
	return vm_insert_page(vma, vma->vm_start, virt_to_page(vcpu->run));
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct hvm_vcpu *vcpu = file->private_data;
	struct hvm_vm *vm = vcpu->vm;

	hvm_vm_remove_vcpu(vcpu);
	hvm_vm_put(vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.release = vcpu_release,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.llseek = noop_llseek,
};

/**
 * hvm_vcpu_file_open - put a vCPU behind a new fd
 * @vcpu: the vCPU; on success the fd owns it and a reference to its guest
 *
 * Return: the fd, or -errno: nothing has changed
 * Context: process
 */
long hvm_vcpu_file_open(struct hvm_vcpu *vcpu)
{
	long fd;

	hvm_vm_get(vcpu->vm);
	fd = anon_inode_getfd("hvm-vcpu", &vcpu_fops, vcpu, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		hvm_vm_put(vcpu->vm);
	return fd;
}
