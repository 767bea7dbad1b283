// SPDX-License-Identifier: GPL-2.0-only
/*
 * One guest: creation and end. Its fd and those of its vCPUs each hold a reference, so they may be
 * closed in any order, by anyone, at any time. Not here: the vCPU's fd (vcpu_file.c).
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "backend.h"
#include "cpu/vcpu.h"
#include "ioctl.h"
#include "stats_file.h"
#include "vcpu_file.h"
#include "vm.h"

/* A guest without vCPUs and memory, of the calling process, with one reference. */
static struct hvm_vm *create(void)
{
	struct hvm_vm *vm;
	int err;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	kref_init(&vm->ref);
	mutex_init(&vm->lock);
	err = -ENOMEM;
	vm->stats = (struct hvm_vm_stats *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vm->stats)
		goto err_free;
	err = hvm_bells_init(&vm->bells);
	if (err)
		goto err_stats;
	err = hvm_mem_init(&vm->mem, &vm->bells, vm->stats, &hvm_caps.tdp, hvm_caps.gpa_bits,
			   hvm_caps.nx_huge ? HVM_MEM_NX_HUGE : 0);
	if (err)
		goto err_bells;
	err = hvm_irq_init(&vm->irq);
	if (err)
		goto err_mem;
	hvm_irqfds_init(&vm->irqfds, &vm->irq);
	hvm_ioeventfds_init(&vm->ioeventfds, &vm->bells);
	hvm_clock_init(&vm->clock, &vm->bells);
	/* The struct's address is all that is compared; it must not be used again meanwhile. */
	vm->mm = current->mm;
	mmgrab(vm->mm);
	return vm;

err_mem:
	hvm_mem_deinit(&vm->mem);
err_bells:
	hvm_bells_deinit(&vm->bells);
err_stats:
	free_page((unsigned long)vm->stats);
err_free:
	kfree(vm);
	return ERR_PTR(err);
}

static void destroy(struct kref *ref)
{
	struct hvm_vm *vm = container_of(ref, struct hvm_vm, ref);

	mmdrop(vm->mm);
	hvm_msr_policy_clear(&vm->msr);
	hvm_cpuid_free(vm->cpuid);
	hvm_ioeventfds_deinit(&vm->ioeventfds);
	hvm_irqfds_deinit(&vm->irqfds);
	hvm_irq_deinit(&vm->irq);
	hvm_mem_deinit(&vm->mem);
	hvm_bells_deinit(&vm->bells);
	free_page((unsigned long)vm->stats);
	mutex_destroy(&vm->lock);
	kfree(vm);
}

/**
 * hvm_vm_get - one more reference
 * @vm: the guest
 */
void hvm_vm_get(struct hvm_vm *vm)
{
	kref_get(&vm->ref);
}

/**
 * hvm_vm_put - one less; the last one destroys the guest
 * @vm: the guest
 *
 * Context: process
 */
void hvm_vm_put(struct hvm_vm *vm)
{
	kref_put(&vm->ref, destroy);
}

/* --- its fd --------------------------------------------------------------- */

static long create_vcpu(void *object, void *data)
{
	struct hvm_create_vcpu *arg = data;
	struct hvm_vm *vm = object;
	struct hvm_vcpu *vcpu;
	long ret;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->reserved || arg->apic_id > HVM_MAX_APIC_ID)
		return -EINVAL;

	mutex_lock(&vm->lock);
	if (vm->vcpus >= HVM_MAX_VCPUS) {
		mutex_unlock(&vm->lock);
		return -ENOSPC;
	}
	vcpu = hvm_vcpu_create(vm, arg->apic_id);
	if (IS_ERR(vcpu)) {
		mutex_unlock(&vm->lock);
		return PTR_ERR(vcpu);
	}
	vm->vcpus++;
	mutex_unlock(&vm->lock);

	ret = hvm_vcpu_file_open(vcpu);
	if (ret < 0)
		hvm_vm_remove_vcpu(vcpu);
	return ret;
}

/**
 * hvm_vm_remove_vcpu - a vCPU whose fd is gone
 * @vcpu: the vCPU; destroyed, with its reference to the guest
 *
 * Context: process
 */
void hvm_vm_remove_vcpu(struct hvm_vcpu *vcpu)
{
	struct hvm_vm *vm = vcpu->vm;

	hvm_vcpu_destroy(vcpu);
	mutex_lock(&vm->lock);
	vm->vcpus--;
	mutex_unlock(&vm->lock);
}

static long map(void *object, void *data)
{
	struct hvm_vm *vm = object;
	long ret;

	mutex_lock(&vm->lock);
	ret = hvm_mem_map(&vm->mem, data);
	mutex_unlock(&vm->lock);
	return ret;
}

static long unmap(void *object, void *data)
{
	struct hvm_vm *vm = object;
	long ret;

	mutex_lock(&vm->lock);
	ret = hvm_mem_unmap(&vm->mem, data);
	mutex_unlock(&vm->lock);
	return ret;
}

static long set_cpuid(void *object, void *data)
{
	struct hvm_vm *vm = object;
	struct hvm_leaves *table = hvm_cpuid_create(data);
	long ret = 0;

	if (IS_ERR(table))
		return PTR_ERR(table);
	mutex_lock(&vm->lock);
	if (vm->ran)
		ret = -EBUSY;
	else
		swap(vm->cpuid, table);
	mutex_unlock(&vm->lock);
	hvm_cpuid_free(table);
	return ret;
}

static long msr_policy(void *object, void *data)
{
	struct hvm_vm *vm = object;
	long ret;

	mutex_lock(&vm->lock);
	ret = vm->ran ? -EBUSY : hvm_msr_policy_set(&vm->msr, data);
	mutex_unlock(&vm->lock);
	return ret;
}

static long msi(void *object, void *data)
{
	struct hvm_msi *arg = data;
	struct hvm_vm *vm = object;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->reserved)
		return -EINVAL;
	atomic64_inc(&vm->stats->messages);
	return hvm_msi_deliver(&vm->irq, arg->address, arg->data);
}

static long irqfd(void *object, void *data)
{
	struct hvm_vm *vm = object;

	return hvm_irqfd_change(&vm->irqfds, data);
}

static long ioeventfd(void *object, void *data)
{
	struct hvm_vm *vm = object;

	return hvm_ioeventfd_change(&vm->ioeventfds, data);
}

static long clock(void *object, void *data)
{
	struct hvm_clock *arg = data;
	struct hvm_vm *vm = object;
	int err = 0;

	if (arg->flags & ~(HVM_CLOCK_SET | HVM_CLOCK_SET_KHZ))
		return -EOPNOTSUPP;
	if (arg->flags & HVM_CLOCK_SET_KHZ)
		err = hvm_clock_set_khz(&vm->clock, arg->guest_khz);
	if (err)
		return err;
	if (arg->flags & HVM_CLOCK_SET)
		hvm_clock_set(&vm->clock, arg);
	else
		hvm_clock_get(&vm->clock, arg);
	return 0;
}

static long kick(void *object, void *data)
{
	struct hvm_kick *arg = data;
	struct hvm_vm *vm = object;

	if (arg->flags)
		return -EOPNOTSUPP;
	hvm_bells_ring(&vm->bells, HVM_REQ_STOP);
	return 0;
}

#define SIZES(type)	.min = sizeof(struct type), .bytes = sizeof(struct type)

static const struct hvm_ioctl calls[] = {
	{ .cmd = HVM_CREATE_VCPU, SIZES(hvm_create_vcpu), .call = create_vcpu },
	{ .cmd = HVM_MAP, SIZES(hvm_map), .call = map },
	{ .cmd = HVM_UNMAP, SIZES(hvm_unmap), .call = unmap },
	{ .cmd = HVM_SET_CPUID, SIZES(hvm_cpuid), .call = set_cpuid },
	{ .cmd = HVM_MSR_POLICY, SIZES(hvm_msr_policy), .call = msr_policy },
	{ .cmd = HVM_MSI, SIZES(hvm_msi), .call = msi },
	{ .cmd = HVM_IRQFD, SIZES(hvm_irqfd), .call = irqfd },
	{ .cmd = HVM_IOEVENTFD, SIZES(hvm_ioeventfd), .call = ioeventfd },
	{ .cmd = HVM_CLOCK, SIZES(hvm_clock), .flags = HVM_IOCTL_OUT, .call = clock },
	{ .cmd = HVM_KICK, SIZES(hvm_kick), .call = kick },
};

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long address)
{
	struct hvm_vm *vm = file->private_data;

	if (vm->mm != current->mm)
		return -EIO;
	return hvm_ioctl(calls, ARRAY_SIZE(calls), vm, cmd, address);
}

static int map_stats(struct file *file, struct vm_area_struct *vma)
{
	struct hvm_vm *vm = file->private_data;

	if (vma->vm_pgoff != HVM_STATISTICS_OFFSET >> PAGE_SHIFT)
		return -EINVAL;
	return hvm_stats_mmap(vma, vm->stats);
}

static int vm_release(struct inode *inode, struct file *file)
{
	hvm_vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.release = vm_release,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = map_stats,
	.llseek = noop_llseek,
};

/**
 * hvm_vm_file_open - a new guest behind a new fd
 *
 * Return: the fd, or -errno
 * Context: process
 */
long hvm_vm_file_open(void)
{
	struct hvm_vm *vm = create();
	long fd;

	if (IS_ERR(vm))
		return PTR_ERR(vm);
	fd = anon_inode_getfd("hvm-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		hvm_vm_put(vm);
	return fd;
}
