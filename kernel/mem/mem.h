/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory: which stretches of guest physical addresses are attached to which addresses of the
 * process, and the second-level tables that follow from it. A guest's memory is the process's own:
 * nothing is pinned, and an MMU notifier takes back what the host takes back. Not here: the bits of
 * a second-level entry (tdp/), and what a fault means to a vCPU (cpu/exit.c).
 */
#ifndef HVM_MEM_MEM_H
#define HVM_MEM_MEM_H

#include <linux/interval_tree.h>
#include <linux/mmu_notifier.h>
#include <linux/rbtree.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>

#include "../cpu/request.h"
#include "../stats.h"
#include "../tdp/tdp.h"
#include "../types.h"

/* hvm_mem_init(), flags */
#define HVM_MEM_NX_HUGE	BIT(0)	/* leaves above 4 KiB do not execute (iTLB multihit) */

/**
 * struct hvm_slot - one attached range; never empty, never overlaps another in guest addresses
 * @node: in &hvm_mem.slots, by @first
 * @hva: in &hvm_mem.hvas; its start and last are the first and last byte in the process
 * @first: first guest frame
 * @last: last guest frame
 * @flags: HVM_MAP_READONLY and HVM_MAP_EXIT_ON_FAULT
 * @next: the next of those that are to be freed
 *
 * All fields: &hvm_mem.lock.
 */
struct hvm_slot {
	struct rb_node node;
	struct interval_tree_node hva;
	gfn_t first;
	gfn_t last;
	u32 flags;
	struct hvm_slot *next;
};

/**
 * struct hvm_watch - the MMU notifier; outlives the guest until no callback can be running
 * @notifier: in the process's mm
 * @lock: leaf; guards what is marked [W]
 * @mem: [W] whose, or NULL once the guest is going
 * @accessed: [I] the second-level tables have accessed bits
 * @users: callbacks that use @mem
 * @running: [W] invalidations between their start and their end
 * @first: [W] lowest address that any of them touches
 * @last: [W] highest address
 * @sequence: [W] invalidations that ended
 *
 * [I] set by hvm_watch_init().
 * The fault path reads @running, @first, @last and @sequence without @lock; mem/notifier.c says
 * why that is enough.
 */
struct hvm_watch {
	struct mmu_notifier notifier;
	spinlock_t lock;
	struct hvm_mem *mem;
	bool accessed;
	atomic_t users;
	unsigned long running;
	hva_t first;
	hva_t last;
	unsigned long sequence;
};

/**
 * struct hvm_mem - the memory of one guest
 * @mm: [I] the process; only its threads fault and access
 * @bells: [I] the vCPUs that have to drop translations
 * @stats: [I] the guest's counters
 * @gpa_bits: [I] width of guest physical addresses
 * @watch: [I] the MMU notifier
 * @lock: read: who looks a range up, and who adds to the second-level tables (entry by entry,
 *	with compare-and-exchange); write: who changes ranges, and who takes away from the tables.
 *	The write side is short: a zap unlinks whole subtrees. Nobody waits for another CPU while
 *	holding it, so it may be taken with interrupts off, as hvm_spot_find() has it for reading
 * @slots: [R] struct hvm_slot by guest frame
 * @hvas: [R] the same by address in the process
 * @count: [R] number of them
 * @flushing: zaps whose flush is not over; incremented under @lock
 * @tdp: [R] the second-level tables
 * @access: read: the kernel's own accesses; a writer waits for those that go to a range that is
 *	detached already. Outside @lock
 * @generation: [R] counts changes of ranges; read with interrupts off by who uses a spot
 * @has_spots: [R] there are, or were, struct hvm_spot: detaching waits for those who use one
 *
 * [I] set by hvm_mem_init(); [R] @lock. Order: vm->lock, @access, mmap_lock and what mm takes
 * around notifiers, @lock, &hvm_watch.lock, &hvm_bells.lock.
 */
struct hvm_mem {
	struct mm_struct *mm;
	struct hvm_bells *bells;
	struct hvm_vm_stats *stats;
	u32 gpa_bits;
	struct hvm_watch *watch;
	rwlock_t lock;
	struct rb_root slots;
	struct rb_root_cached hvas;
	u32 count;
	atomic_t flushing;
	struct hvm_tdp tdp;
	struct rw_semaphore access;
	unsigned long generation;
	bool has_spots;
};

/**
 * struct hvm_spot - a byte of guest RAM for accesses that may not sleep; owned by its vCPU's thread
 * @at: where it is in the process, or NULL: not attached, or read-only
 * @generation: &hvm_mem.generation when it was looked up
 */
struct hvm_spot {
	u8 __user *at;
	unsigned long generation;
};

int hvm_mem_init(struct hvm_mem *mem, struct hvm_bells *bells, struct hvm_vm_stats *stats,
		 const struct hvm_tdp_format *format, u32 gpa_bits, u32 flags);
void hvm_mem_deinit(struct hvm_mem *mem);
void hvm_mem_synchronize(void);
hpa_t hvm_mem_root(const struct hvm_mem *mem);

int hvm_mem_map(struct hvm_mem *mem, const struct hvm_map *map);
int hvm_mem_unmap(struct hvm_mem *mem, const struct hvm_unmap *unmap);

enum hvm_fault_outcome hvm_mem_fault(struct hvm_mem *mem, gpa_t gpa, u32 access, int *detail);

int hvm_mem_read(struct hvm_mem *mem, gpa_t gpa, void *data, size_t bytes);
int hvm_mem_write(struct hvm_mem *mem, gpa_t gpa, const void *data, size_t bytes);
int hvm_mem_swap(struct hvm_mem *mem, gpa_t gpa, u8 *value);

void hvm_spot_find(struct hvm_mem *mem, struct hvm_spot *spot, gpa_t gpa);
int hvm_spot_swap(struct hvm_mem *mem, const struct hvm_spot *spot, u8 *value);

#endif /* HVM_MEM_MEM_H */
