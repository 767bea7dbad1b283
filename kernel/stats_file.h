/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters as userspace sees them: their names, and the pages they stand in.
 */
#ifndef HVM_STATS_FILE_H
#define HVM_STATS_FILE_H

#include <linux/mm_types.h>
#include <linux/types.h>

int hvm_stats_list(void __user *to, u32 *count);
int hvm_stats_mmap(struct vm_area_struct *vma, void *page);

#endif /* HVM_STATS_FILE_H */
