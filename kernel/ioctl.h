/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place where user pointers of ioctl arguments are read: size-first copy, table dispatch.
 */
#ifndef HVM_IOCTL_H
#define HVM_IOCTL_H

#include <linux/types.h>

/* No argument struct is larger than this. */
#define HVM_IOCTL_MAX	1536

/* &hvm_ioctl.flags */
#define HVM_IOCTL_OUT	1	/* the struct is copied back after success */
#define HVM_IOCTL_OUT_ERR 2	/* and after failure */

/**
 * struct hvm_ioctl - one ioctl
 * @cmd: HVM_*
 * @min: smallest size that makes sense: through the last field of the first version
 * @bytes: size of the struct this kernel knows
 * @flags: HVM_IOCTL_*
 * @call: does it; @object is the file's private data, @arg the zero-extended copy
 */
struct hvm_ioctl {
	unsigned int cmd;
	u16 min;
	u16 bytes;
	u32 flags;
	long (*call)(void *object, void *arg);
};

long hvm_ioctl(const struct hvm_ioctl *table, unsigned int count, void *object, unsigned int cmd,
	       unsigned long address);

#endif /* HVM_IOCTL_H */
