/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Doorbells: port writes of a guest that signal an eventfd and go no further. Not here: doorbells
 * in memory, which userspace decodes.
 */
#ifndef HVM_IO_IOEVENTFD_H
#define HVM_IO_IOEVENTFD_H

#include <linux/mutex.h>
#include <linux/types.h>

#include "../types.h"

struct hvm_bells;

/**
 * struct hvm_ioeventfds - the doorbells of one guest
 * @table: [R] 1 << HVM_IOEVENTFD_BITS hash chains, or NULL: there never was one
 * @lock: serializes changes
 * @bells: [I] of the vCPUs, which are the only readers
 * @count: [L] doorbells in @table
 *
 * [I] set at init; [L] @lock; [R] @lock for changes, interrupts off in the guest's run for readers
 */
struct hvm_ioeventfds {
	struct hlist_head *table;
	struct mutex lock;
	struct hvm_bells *bells;
	u32 count;
};

#define HVM_IOEVENTFD_BITS	6

void hvm_ioeventfds_init(struct hvm_ioeventfds *ioeventfds, struct hvm_bells *bells);
void hvm_ioeventfds_deinit(struct hvm_ioeventfds *ioeventfds);
int hvm_ioeventfd_change(struct hvm_ioeventfds *ioeventfds, const struct hvm_ioeventfd *arg);
bool hvm_ioeventfd_ring(struct hvm_ioeventfds *ioeventfds, u16 port, u8 bytes, u32 data);

/**
 * hvm_ioeventfd_write - a guest writes to a port
 * @ioeventfds: the guest's
 * @port: port
 * @bytes: 1, 2 or 4
 * @data: the value, and anything above it
 *
 * Context: the vCPU's thread, interrupts off since before its last entry
 *
 * Return: whether it was a doorbell, which has been rung
 */
static inline bool hvm_ioeventfd_write(struct hvm_ioeventfds *ioeventfds, u16 port, u8 bytes,
				       u32 data)
{
	return READ_ONCE(ioeventfds->table) && hvm_ioeventfd_ring(ioeventfds, port, bytes, data);
}

#endif /* HVM_IO_IOEVENTFD_H */
