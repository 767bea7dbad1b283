// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own reads and writes of guest RAM, by guest physical address: paravirtual pages and
 * the like. They go through the process's mapping, so the bytes are the same that the guest and the
 * VMM see, and the host's page tables learn of them. Nobody else in the kernel touches guest RAM.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <asm/asm.h>

#include "room.h"

/**
 * struct place - where a stretch of guest RAM is in the process
 * @at: its address
 * @bytes: its length; 0: not attached, or read-only and to be written
 * @present: HVM_MAP_EXIT_ON_FAULT: only what is present may be accessed
 */
struct place {
	void __user *at;
	size_t bytes;
	bool present;
};

/* Where @gpa is, and how many of @bytes follow it there. */
static struct place locate(struct hvm_mem *mem, gpa_t gpa, size_t bytes, bool write)
{
	struct place place = {};
	struct hvm_slot *slot;
	hva_t hva;

	read_lock(&mem->lock);
	slot = hvm_slot_find(mem, gpa >> PAGE_SHIFT);
	if (slot && !(write && slot->flags & HVM_MAP_READONLY)) {
		hva = hvm_slot_hva(slot, gpa >> PAGE_SHIFT) + offset_in_page(gpa);
		place.at = (void __user *)(unsigned long)hva;
		place.bytes = min_t(u64, bytes, slot->hva.last - hva + 1);
		place.present = slot->flags & HVM_MAP_EXIT_ON_FAULT;
	}
	read_unlock(&mem->lock);
	return place;
}

static int read_place(const struct place *place, void *data)
{
	if (!place->bytes)
		return -EFAULT;
	if (place->present)
		return copy_from_user_nofault(data, place->at, place->bytes) ? -EAGAIN : 0;
	return copy_from_user(data, place->at, place->bytes) ? -EFAULT : 0;
}

static int write_place(const struct place *place, const void *data)
{
	if (!place->bytes)
		return -EFAULT;
	if (place->present)
		return copy_to_user_nofault(place->at, data, place->bytes) ? -EAGAIN : 0;
	return copy_to_user(place->at, data, place->bytes) ? -EFAULT : 0;
}

/**
 * hvm_mem_read - read guest RAM
 * @mem: the guest's memory
 * @gpa: guest physical address, any alignment; may lie across ranges
 * @data: where to
 * @bytes: how many; bounded by the caller
 *
 * Context: a thread of the guest's process; may sleep, but not for a page of a range with
 * HVM_MAP_EXIT_ON_FAULT; no locks. An HVM_UNMAP or replacing HVM_MAP that runs meanwhile returns
 * only after this.
 *
 * Return: 0; -EFAULT: not attached, or the process has no memory there; -EAGAIN: attached with
 * HVM_MAP_EXIT_ON_FAULT, and not present. @data may be half filled
 */
int hvm_mem_read(struct hvm_mem *mem, gpa_t gpa, void *data, size_t bytes)
{
	struct place place;
	int err = 0;

	down_read(&mem->access);
	for (; bytes && !err; bytes -= place.bytes, gpa += place.bytes, data += place.bytes) {
		place = locate(mem, gpa, bytes, false);
		err = read_place(&place, data);
	}
	up_read(&mem->access);
	return err;
}

/**
 * hvm_mem_write - write guest RAM
 * @mem: the guest's memory
 * @gpa: guest physical address, any alignment; may lie across ranges
 * @data: what
 * @bytes: how many; bounded by the caller
 *
 * Context: as hvm_mem_read().
 *
 * Return: as hvm_mem_read(); -EFAULT as well: attached read-only
 */
int hvm_mem_write(struct hvm_mem *mem, gpa_t gpa, const void *data, size_t bytes)
{
	struct place place;
	int err = 0;

	down_read(&mem->access);
	for (; bytes && !err; bytes -= place.bytes, gpa += place.bytes, data += place.bytes) {
		place = locate(mem, gpa, bytes, true);
		err = write_place(&place, data);
	}
	up_read(&mem->access);
	return err;
}

/* One locked exchange: whoever else writes there, above all other vCPUs, loses nothing. */
static int swap_user(u8 __user *at, u8 *value)
{
	int err = -EFAULT;

	if (!user_access_begin(at, 1))
		return -EFAULT;
	asm volatile("1:	xchgb %b0, %2\n"
		     "	xorl %1, %1\n"
		     "2:\n"
		     _ASM_EXTABLE_UA(1b, 2b)
		     : "+q" (*value), "+&r" (err), "+m" (*(u8 __force *)at)
		     : : "memory");
	user_access_end();
	return err;
}

static int swap_nofault(u8 __user *at, u8 *value)
{
	int err;

	pagefault_disable();
	err = swap_user(at, value);
	pagefault_enable();
	return err;
}

/**
 * hvm_mem_swap - exchange a byte of guest RAM in one step
 * @mem: the guest's memory
 * @gpa: guest physical address
 * @value: in: what goes there; out: what was there
 *
 * Context: as hvm_mem_read().
 *
 * Return: as hvm_mem_write(); @value is what it was unless 0
 */
int hvm_mem_swap(struct hvm_mem *mem, gpa_t gpa, u8 *value)
{
	struct place place;
	int err = -EFAULT;

	down_read(&mem->access);
	place = locate(mem, gpa, 1, true);
	if (place.bytes && place.present)
		err = swap_nofault(place.at, value) ? -EAGAIN : 0;
	else if (place.bytes)
		err = swap_user(place.at, value);
	up_read(&mem->access);
	return err;
}

/**
 * hvm_spot_find - look a byte up for hvm_spot_swap()
 * @mem: the guest's memory
 * @spot: out
 * @gpa: guest physical address
 *
 * Context: any but interrupts; not under a lock of the scheduler
 */
void hvm_spot_find(struct hvm_mem *mem, struct hvm_spot *spot, gpa_t gpa)
{
	struct hvm_slot *slot;

	/* Before the lock: a change of the ranges that is not seen below sees this. */
	WRITE_ONCE(mem->has_spots, true);
	read_lock(&mem->lock);
	slot = hvm_slot_find(mem, gpa >> PAGE_SHIFT);
	spot->at = NULL;
	if (slot && !(slot->flags & HVM_MAP_READONLY))
		spot->at = (u8 __user *)(unsigned long)(hvm_slot_hva(slot, gpa >> PAGE_SHIFT) +
							offset_in_page(gpa));
	spot->generation = mem->generation;
	read_unlock(&mem->lock);
}

/**
 * hvm_spot_swap - exchange a byte of guest RAM where nothing may sleep and no lock be taken
 * @mem: the guest's memory
 * @spot: from hvm_spot_find()
 * @value: in: what goes there; out: what was there
 *
 * It is the RCU reader that hvm_mem_map() and hvm_mem_unmap() wait for: interrupts are off.
 *
 * Context: a thread of the guest's process, interrupts off
 *
 * Return: 0; -ESTALE: ranges have changed, it has to be looked up again; -EFAULT: not attached, or
 * not present right now. @value is what it was unless 0
 */
int hvm_spot_swap(struct hvm_mem *mem, const struct hvm_spot *spot, u8 *value)
{
	lockdep_assert_irqs_disabled();
	if (READ_ONCE(mem->generation) != spot->generation)
		return -ESTALE;
	return spot->at ? swap_nofault(spot->at, value) : -EFAULT;
}
