// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges: which guest frames are attached to which addresses of the process; HVM_MAP and HVM_UNMAP.
 * All that can fail is decided before the first change, and a change is one section under the lock,
 * so no vCPU sees a range half replaced: a fault comes before all of it or after all of it.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "room.h"

/* What has to give way to a range of guest frames. */
struct cut {
	gfn_t first;
	gfn_t last;
	u32 overlaps;		/* ranges that are touched */
	u32 erased;		/* of these, those that vanish */
	bool splits;		/* one of them is cut into two */
};

/**
 * hvm_slot_find - the range that a guest frame lies in
 * @mem: the guest's memory
 * @gfn: any guest frame
 *
 * Context: &hvm_mem.lock held, or changes kept out by vm->lock.
 *
 * Return: the range, or NULL
 */
struct hvm_slot *hvm_slot_find(const struct hvm_mem *mem, gfn_t gfn)
{
	struct rb_node *node = mem->slots.rb_node;
	struct hvm_slot *slot;

	while (node) {
		slot = rb_entry(node, struct hvm_slot, node);
		if (gfn < slot->first)
			node = node->rb_left;
		else if (gfn > slot->last)
			node = node->rb_right;
		else
			return slot;
	}
	return NULL;
}

/* The lowest range that ends at @gfn or behind it. */
static struct hvm_slot *find_from(const struct hvm_mem *mem, gfn_t gfn)
{
	struct rb_node *node = mem->slots.rb_node;
	struct hvm_slot *slot, *best = NULL;

	while (node) {
		slot = rb_entry(node, struct hvm_slot, node);
		if (gfn <= slot->last) {
			best = slot;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return best;
}

static struct hvm_slot *next_slot(const struct hvm_slot *slot)
{
	return rb_entry_safe(rb_next(&slot->node), struct hvm_slot, node);
}

static void insert(struct hvm_mem *mem, struct hvm_slot *slot)
{
	struct rb_node **link = &mem->slots.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		if (slot->first < rb_entry(parent, struct hvm_slot, node)->first)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&slot->node, parent, link);
	rb_insert_color(&slot->node, &mem->slots);
	interval_tree_insert(&slot->hva, &mem->hvas);
	mem->count++;
}

static void erase(struct hvm_mem *mem, struct hvm_slot *slot)
{
	rb_erase(&slot->node, &mem->slots);
	interval_tree_remove(&slot->hva, &mem->hvas);
	mem->count--;
}

static struct hvm_slot *slot_alloc(gfn_t first, gfn_t last, hva_t hva, u32 flags)
{
	struct hvm_slot *slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);

	if (!slot)
		return NULL;
	slot->first = first;
	slot->last = last;
	slot->hva.start = hva;
	slot->hva.last = hva + ((last - first + 1) << PAGE_SHIFT) - 1;
	slot->flags = flags;
	return slot;
}

/* Free a list that goes by &hvm_slot.next. */
static void free_list(struct hvm_slot *slot)
{
	struct hvm_slot *next;

	for (; slot; slot = next) {
		next = slot->next;
		kfree(slot);
	}
}

/**
 * hvm_slot_free_all - free the ranges of a guest that is gone
 * @mem: the guest's memory; nobody else reaches it
 */
void hvm_slot_free_all(struct hvm_mem *mem)
{
	struct hvm_slot *slot, *next;

	rbtree_postorder_for_each_entry_safe(slot, next, &mem->slots, node)
		kfree(slot);
	mem->slots = RB_ROOT;
	mem->hvas = RB_ROOT_CACHED;
	mem->count = 0;
}

static struct cut plan_cut(const struct hvm_mem *mem, gfn_t first, gfn_t last)
{
	struct cut cut = { .first = first, .last = last };
	struct hvm_slot *slot;

	for (slot = find_from(mem, first); slot && slot->first <= last; slot = next_slot(slot)) {
		cut.overlaps++;
		if (slot->first >= first && slot->last <= last)
			cut.erased++;
		else if (slot->first < first && slot->last > last)
			cut.splits = true;
	}
	return cut;
}

/* Let a range end before @first. */
static void trim_end(struct hvm_mem *mem, struct hvm_slot *slot, gfn_t first)
{
	interval_tree_remove(&slot->hva, &mem->hvas);
	slot->hva.last = hvm_slot_hva(slot, first) - 1;
	slot->last = first - 1;
	interval_tree_insert(&slot->hva, &mem->hvas);
}

/* Let a range begin behind @last. It keeps its place among the others. */
static void trim_start(struct hvm_mem *mem, struct hvm_slot *slot, gfn_t last)
{
	interval_tree_remove(&slot->hva, &mem->hvas);
	slot->hva.start = hvm_slot_hva(slot, last + 1);
	slot->first = last + 1;
	interval_tree_insert(&slot->hva, &mem->hvas);
}

/* @spare becomes the part of @slot behind @last. */
static void split(struct hvm_mem *mem, struct hvm_slot *slot, const struct cut *cut,
		  struct hvm_slot *spare)
{
	spare->first = cut->last + 1;
	spare->last = slot->last;
	spare->hva.start = hvm_slot_hva(slot, cut->last + 1);
	spare->hva.last = slot->hva.last;
	spare->flags = slot->flags;
	trim_end(mem, slot, cut->first);
	insert(mem, spare);
}

/* Carry a planned cut out; returns the list of ranges to free. */
static struct hvm_slot *do_cut(struct hvm_mem *mem, const struct cut *cut, struct hvm_slot *spare)
{
	struct hvm_slot *slot, *next, *dead = NULL;

	lockdep_assert_held_write(&mem->lock);

	for (slot = find_from(mem, cut->first); slot && slot->first <= cut->last; slot = next) {
		next = next_slot(slot);
		if (slot->first < cut->first && slot->last > cut->last) {
			split(mem, slot, cut, spare);
		} else if (slot->first < cut->first) {
			trim_end(mem, slot, cut->first);
		} else if (slot->last > cut->last) {
			trim_start(mem, slot, cut->last);
		} else {
			erase(mem, slot);
			slot->next = dead;
			dead = slot;
		}
	}
	return dead;
}

/*
 * Cut, and put @slot (or nothing) into the place. Cannot fail. When it returns, no vCPU and no
 * access of the kernel's reaches what was detached.
 */
static void change(struct hvm_mem *mem, const struct cut *cut, struct hvm_slot *slot,
		   struct hvm_slot *spare)
{
	struct hvm_tdp_garbage garbage;
	struct hvm_slot *dead = NULL;
	bool zapped = false;

	hvm_tdp_garbage_init(&garbage);
	write_lock(&mem->lock);
	if (cut->overlaps) {
		dead = do_cut(mem, cut, spare);
		hvm_mem_zap(mem, cut->first, cut->last, &garbage, &zapped);
	}
	if (slot)
		insert(mem, slot);
	/* Pairs with the read in hvm_spot_swap(). */
	WRITE_ONCE(mem->generation, mem->generation + 1);
	write_unlock(&mem->lock);
	if (!cut->overlaps)
		return;

	hvm_mem_finish(mem, &garbage, zapped, true);
	free_list(dead);
	/* Only a fatal signal ends this early, and then nobody uses what was detached. */
	if (!down_write_killable(&mem->access))
		up_write(&mem->access);
	/* Who uses a spot has interrupts off, and finds the new generation from here on. */
	if (READ_ONCE(mem->has_spots))
		synchronize_rcu_expedited();
}

/* A stretch of guest physical addresses that the tables can hold? */
static int check_gpa(const struct hvm_mem *mem, u64 gpa, u64 bytes)
{
	u64 limit = 1ULL << mem->gpa_bits;

	if (!PAGE_ALIGNED(gpa) || !PAGE_ALIGNED(bytes) || !bytes)
		return -EINVAL;
	return gpa < limit && bytes <= limit - gpa ? 0 : -EINVAL;
}

static int check_hva(u64 hva, u64 bytes)
{
	if (!PAGE_ALIGNED(hva))
		return -EINVAL;
	return hva < TASK_SIZE_MAX && bytes <= TASK_SIZE_MAX - hva ? 0 : -EINVAL;
}

static int check_map(const struct hvm_mem *mem, const struct hvm_map *map)
{
	int err;

	if (map->flags & ~(HVM_MAP_READONLY | HVM_MAP_REPLACE | HVM_MAP_EXIT_ON_FAULT))
		return -EOPNOTSUPP;
	if (map->fd || map->reserved || map->offset)
		return -EINVAL;
	err = check_gpa(mem, map->gpa, map->bytes);
	if (!err)
		err = check_hva(map->hva, map->bytes);
	if (err)
		return err;
	if (map->gpa <= HVM_APIC_PAGE && HVM_APIC_PAGE - map->gpa < map->bytes)
		return -EEXIST;
	return 0;
}

/**
 * hvm_mem_map - HVM_MAP
 * @mem: the guest's memory
 * @map: the request, not checked yet except its size
 *
 * With HVM_MAP_REPLACE, what lay there is out of every vCPU's reach when it returns.
 *
 * Context: process; caller holds vm->lock, no other.
 *
 * Return: 0; -EINVAL, -EOPNOTSUPP, -EEXIST, -ENOSPC, -ENOMEM as struct hvm_map says
 */
int hvm_mem_map(struct hvm_mem *mem, const struct hvm_map *map)
{
	struct hvm_slot *slot, *spare = NULL;
	int err = check_map(mem, map);
	gfn_t first = map->gpa >> PAGE_SHIFT;
	gfn_t last = first + (map->bytes >> PAGE_SHIFT) - 1;
	struct cut cut;

	if (err)
		return err;
	cut = plan_cut(mem, first, last);
	if (cut.overlaps && !(map->flags & HVM_MAP_REPLACE))
		return -EEXIST;
	if (mem->count - cut.erased + cut.splits + 1 > HVM_MAX_RANGES)
		return -ENOSPC;

	slot = slot_alloc(first, last, map->hva, map->flags & ~HVM_MAP_REPLACE);
	if (cut.splits)
		spare = slot_alloc(first, last, map->hva, 0);
	if (!slot || (cut.splits && !spare)) {
		kfree(slot);
		kfree(spare);
		return -ENOMEM;
	}
	change(mem, &cut, slot, spare);
	return 0;
}

/**
 * hvm_mem_unmap - HVM_UNMAP
 * @mem: the guest's memory
 * @unmap: the request, not checked yet except its size
 *
 * What was attached is out of every vCPU's reach when it returns.
 *
 * Context: process; caller holds vm->lock, no other.
 *
 * Return: 0; -EINVAL, -EOPNOTSUPP, -ENOENT, -ENOSPC, -ENOMEM as struct hvm_unmap says
 */
int hvm_mem_unmap(struct hvm_mem *mem, const struct hvm_unmap *unmap)
{
	int err = check_gpa(mem, unmap->gpa, unmap->bytes);
	gfn_t first = unmap->gpa >> PAGE_SHIFT;
	gfn_t last = first + (unmap->bytes >> PAGE_SHIFT) - 1;
	struct hvm_slot *spare = NULL;
	struct cut cut;

	if (unmap->flags)
		return -EOPNOTSUPP;
	if (err)
		return err;
	cut = plan_cut(mem, first, last);
	if (!cut.overlaps)
		return -ENOENT;
	if (cut.splits && mem->count + 1 > HVM_MAX_RANGES)
		return -ENOSPC;

	if (cut.splits) {
		spare = slot_alloc(first, last, 0, 0);
		if (!spare)
			return -ENOMEM;
	}
	change(mem, &cut, NULL, spare);
	return 0;
}
