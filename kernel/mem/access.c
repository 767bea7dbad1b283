// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own reads and writes of guest RAM, by guest physical address: paravirtual pages and
 * the like. They go through the process's mapping, so the bytes are the same that the guest and the
 * VMM see, and the host's page tables learn of them. Nobody else in the kernel touches guest RAM.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "room.h"

/*
 * The address of @gpa in the process, and how many of @bytes follow it there; 0: not attached, or
 * read-only and to be written.
 */
static size_t locate(const struct hvm_mem *mem, gpa_t gpa, size_t bytes, bool write,
		     void __user **at)
{
	struct hvm_slot *slot = hvm_slot_find(mem, gpa >> PAGE_SHIFT);
	hva_t hva;

	if (!slot || (write && slot->flags & HVM_MAP_READONLY))
		return 0;
	hva = hvm_slot_hva(slot, gpa >> PAGE_SHIFT) + offset_in_page(gpa);
	*at = (void __user *)(unsigned long)hva;
	return min_t(u64, bytes, slot->hva.last - hva + 1);
}

static size_t locate_locked(struct hvm_mem *mem, gpa_t gpa, size_t bytes, bool write,
			    void __user **at)
{
	size_t part;

	read_lock(&mem->lock);
	part = locate(mem, gpa, bytes, write, at);
	read_unlock(&mem->lock);
	return part;
}

/**
 * hvm_mem_read - read guest RAM
 * @mem: the guest's memory
 * @gpa: guest physical address, any alignment; may lie across ranges
 * @data: where to
 * @bytes: how many; bounded by the caller
 *
 * Context: a thread of the guest's process; may sleep; no locks. An HVM_UNMAP or replacing HVM_MAP
 * that runs meanwhile returns only after this.
 *
 * Return: 0 or -EFAULT: not attached, or the process has no memory there; @data may be half filled
 */
int hvm_mem_read(struct hvm_mem *mem, gpa_t gpa, void *data, size_t bytes)
{
	void __user *at;
	size_t part;
	int err = 0;

	down_read(&mem->access);
	for (; bytes && !err; bytes -= part, gpa += part, data += part) {
		part = locate_locked(mem, gpa, bytes, false, &at);
		if (!part || copy_from_user(data, at, part))
			err = -EFAULT;
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
 * Return: 0 or -EFAULT: not attached, read-only, or the process has no memory there
 */
int hvm_mem_write(struct hvm_mem *mem, gpa_t gpa, const void *data, size_t bytes)
{
	void __user *at;
	size_t part;
	int err = 0;

	down_read(&mem->access);
	for (; bytes && !err; bytes -= part, gpa += part, data += part) {
		part = locate_locked(mem, gpa, bytes, true, &at);
		if (!part || copy_to_user(at, data, part))
			err = -EFAULT;
	}
	up_read(&mem->access);
	return err;
}

/**
 * hvm_mem_read_nofault - read guest RAM that is present, or fail
 * @mem: the guest's memory
 * @gpa: guest physical address
 * @data: where to
 * @bytes: how many; the stretch lies in one range, else -EFAULT
 *
 * Context: a thread of the guest's process, preemption may be off, interrupts on.
 *
 * Return: 0 or -EFAULT
 */
int hvm_mem_read_nofault(struct hvm_mem *mem, gpa_t gpa, void *data, size_t bytes)
{
	void __user *at;
	int err = -EFAULT;

	read_lock(&mem->lock);
	if (locate(mem, gpa, bytes, false, &at) == bytes)
		err = copy_from_user_nofault(data, at, bytes);
	read_unlock(&mem->lock);
	return err;
}

/**
 * hvm_mem_write_nofault - write guest RAM that is present, or fail
 * @mem: the guest's memory
 * @gpa: guest physical address
 * @data: what
 * @bytes: how many; the stretch lies in one range, else -EFAULT
 *
 * Context: as hvm_mem_read_nofault().
 *
 * Return: 0 or -EFAULT
 */
int hvm_mem_write_nofault(struct hvm_mem *mem, gpa_t gpa, const void *data, size_t bytes)
{
	void __user *at;
	int err = -EFAULT;

	read_lock(&mem->lock);
	if (locate(mem, gpa, bytes, true, &at) == bytes)
		err = copy_to_user_nofault(at, data, bytes);
	read_unlock(&mem->lock);
	return err;
}
