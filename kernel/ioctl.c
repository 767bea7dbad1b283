// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one place where ioctl arguments cross the border: the struct is copied once, size first, and
 * what is called sees only the copy. Not here: buffers that an argument points to (each is copied
 * once by the room that owns it).
 */
#include <linux/errno.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ioctl.h"
#include "trace.h"

static const struct hvm_ioctl *find(const struct hvm_ioctl *table, unsigned int count,
				    unsigned int cmd)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (table[i].cmd == cmd)
			return &table[i];
	return NULL;
}

/* Reads the size again as part of the copy: a size that changed in between is the caller's loss. */
static int fetch(const struct hvm_ioctl *io, void *arg, void __user *user, u32 *size)
{
	int err;

	if (get_user(*size, (u32 __user *)user))
		return -EFAULT;
	if (*size < io->min)
		return -EINVAL;
	if (*size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(arg, io->bytes, user, *size);
	if (err)
		return err;
	*(u32 *)arg = *size;
	return 0;
}

static long call(const struct hvm_ioctl *io, void *object, void *arg, void __user *user)
{
	u32 size, shared;
	long ret;

	ret = fetch(io, arg, user, &size);
	if (ret)
		return ret;
	shared = min_t(u32, size, io->bytes);
	/* A struct that cannot be written is found out before anything has changed. */
	if (io->flags && copy_to_user(user, arg, shared))
		return -EFAULT;
	ret = io->call(object, arg);
	if (!(io->flags & (ret < 0 ? HVM_IOCTL_OUT_ERR : HVM_IOCTL_OUT)))
		return ret;
	if (copy_to_user(user, arg, shared))
		return -EFAULT;
	return ret;
}

static long dispatch(const struct hvm_ioctl *io, void *object, unsigned long address)
{
	u64 small[16];
	void *arg;
	long ret;

	if (!io->bytes)
		return address ? -EINVAL : io->call(object, NULL);
	if (io->bytes <= sizeof(small))
		return call(io, object, small, (void __user *)address);

	arg = kzalloc(io->bytes, GFP_KERNEL_ACCOUNT);
	if (!arg)
		return -ENOMEM;
	ret = call(io, object, arg, (void __user *)address);
	kfree(arg);
	return ret;
}

/**
 * hvm_ioctl - dispatch one call
 * @table: the calls of this kind of file
 * @count: their number
 * @object: the file's private data
 * @cmd: the call
 * @address: user address of the argument
 *
 * Return: what the call returns; -ENOTTY: not in @table; -EINVAL: too short; -E2BIG: non-zero bytes
 * this kernel does not know, or longer than a page; -EFAULT
 * Context: process
 */
long hvm_ioctl(const struct hvm_ioctl *table, unsigned int count, void *object, unsigned int cmd,
	       unsigned long address)
{
	const struct hvm_ioctl *io = find(table, count, cmd);
	long ret = io ? dispatch(io, object, address) : -ENOTTY;

	trace_hvm_ioctl(cmd, ret);
	return ret;
}
