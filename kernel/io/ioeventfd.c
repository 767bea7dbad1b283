// SPDX-License-Identifier: GPL-2.0-only
/*
 * Doorbells: which port writes signal which eventfd. The exit handler asks at each port write, with
 * interrupts off and without a lock; changes are rare and may wait. Not here: who listens.
 */
#include <linux/eventfd.h>
#include <linux/hash.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "../compat.h"
#include "../cpu/request.h"
#include "ioeventfd.h"

/* What a write has to be, in one word that is compared and hashed. */
#define KEY_BYTES_SHIFT		16
#define KEY_MATCH		BIT_ULL(24)
#define KEY_DATA_SHIFT		32
#define KEY_PLACE		0xffffffULL	/* port and width */

/**
 * struct doorbell - one doorbell
 * @node: [R] in &hvm_ioeventfds.table
 * @key: [I] what rings it
 * @eventfd: [I] what it rings
 */
struct doorbell {
	struct hlist_node node;
	u64 key;
	struct eventfd_ctx *eventfd;
};

static u64 place_key(u16 port, u8 bytes)
{
	return port | (u64)bytes << KEY_BYTES_SHIFT;
}

static u64 match_key(u16 port, u8 bytes, u32 data)
{
	return place_key(port, bytes) | KEY_MATCH | (u64)data << KEY_DATA_SHIFT;
}

/* All ones in as many bytes. */
static u32 width_mask(u8 bytes)
{
	return ~0U >> (32 - 8 * bytes);
}

/* --- ringing: vCPUs ---------------------------------------------------------- */

static struct doorbell *find(struct hlist_head *table, u64 key)
{
	struct doorbell *doorbell;

	hlist_for_each_entry_rcu(doorbell, &table[hash_64(key, HVM_IOEVENTFD_BITS)], node, true)
		if (doorbell->key == key)
			return doorbell;
	return NULL;
}

/**
 * hvm_ioeventfd_ring - the part of hvm_ioeventfd_write() that is not inline
 * @ioeventfds: the guest's; there is a table
 * @port: port
 * @bytes: 1, 2 or 4
 * @data: the value, and anything above it
 *
 * Lock-free: see hide().
 *
 * Context: the vCPU's thread, interrupts off since before its last entry
 *
 * Return: whether it was a doorbell, which has been rung
 */
bool hvm_ioeventfd_ring(struct hvm_ioeventfds *ioeventfds, u16 port, u8 bytes, u32 data)
{
	/* Pairs with the release in get_table(). */
	struct hlist_head *table = smp_load_acquire(&ioeventfds->table);
	struct doorbell *doorbell;

	lockdep_assert_irqs_disabled();
	doorbell = find(table, place_key(port, bytes));
	if (!doorbell)
		doorbell = find(table, match_key(port, bytes, data & width_mask(bytes)));
	if (!doorbell)
		return false;
	hvm_compat_eventfd_signal(doorbell->eventfd);
	return true;
}

/* --- changes ----------------------------------------------------------------- */

/* The table, made if there is none; it stays. */
static struct hlist_head *get_table(struct hvm_ioeventfds *ioeventfds)
{
	struct hlist_head *table = ioeventfds->table;

	lockdep_assert_held(&ioeventfds->lock);
	if (table)
		return table;
	table = kcalloc(1 << HVM_IOEVENTFD_BITS, sizeof(*table), GFP_KERNEL_ACCOUNT);
	if (!table)
		return NULL;
	/* Pairs with the acquire in hvm_ioeventfd_ring(). */
	smp_store_release(&ioeventfds->table, table);
	return table;
}

/* A write that rings one of them would ring the other too. */
static bool collide(u64 one, u64 other)
{
	if ((one ^ other) & KEY_PLACE)
		return false;
	return one == other || !(one & other & KEY_MATCH);
}

static bool is_taken(struct hlist_head *table, u64 key)
{
	struct doorbell *doorbell;
	unsigned int i;

	for (i = 0; i < 1 << HVM_IOEVENTFD_BITS; i++)
		hlist_for_each_entry(doorbell, &table[i], node)
			if (collide(doorbell->key, key))
				return true;
	return false;
}

static int add(struct hvm_ioeventfds *ioeventfds, u64 key, struct eventfd_ctx *eventfd)
{
	struct hlist_head *table = get_table(ioeventfds);
	struct doorbell *doorbell;

	if (!table)
		return -ENOMEM;
	if (is_taken(table, key))
		return -EEXIST;
	if (ioeventfds->count >= HVM_MAX_IOEVENTFDS)
		return -ENOSPC;
	doorbell = kzalloc(sizeof(*doorbell), GFP_KERNEL_ACCOUNT);
	if (!doorbell)
		return -ENOMEM;
	doorbell->key = key;
	doorbell->eventfd = eventfd;
	hlist_add_head_rcu(&doorbell->node, &table[hash_64(key, HVM_IOEVENTFD_BITS)]);
	ioeventfds->count++;
	return 0;
}

static void free_doorbell(struct doorbell *doorbell)
{
	eventfd_ctx_put(doorbell->eventfd);
	kfree(doorbell);
}

/*
 * Take a doorbell out, and wait until nobody looks at it any more. Its only readers are vCPUs in
 * their guest's run (HVM_IN_GUEST, interrupts off): each of them is out of it, or went in after the
 * doorbell was gone, when hvm_bells_ring_wait() returns. As with second-level translations, which
 * are taken from running vCPUs in the same way.
 */
static void hide(struct hvm_ioeventfds *ioeventfds, struct doorbell *doorbell)
{
	hlist_del_rcu(&doorbell->node);
	ioeventfds->count--;
	hvm_bells_ring_wait(ioeventfds->bells, 0);
}

static int take_out(struct hvm_ioeventfds *ioeventfds, u64 key, struct eventfd_ctx *eventfd)
{
	struct doorbell *doorbell = ioeventfds->table ? find(ioeventfds->table, key) : NULL;

	if (!doorbell || doorbell->eventfd != eventfd)
		return -ENOENT;
	hide(ioeventfds, doorbell);
	free_doorbell(doorbell);
	return 0;
}

static int check(const struct hvm_ioeventfd *arg)
{
	if (arg->flags & ~(HVM_IOEVENTFD_REMOVE | HVM_IOEVENTFD_MATCH))
		return -EOPNOTSUPP;
	if (arg->bytes != 1 && arg->bytes != 2 && arg->bytes != 4)
		return -EINVAL;
	if (arg->port > 0x10000 - arg->bytes)
		return -EINVAL;
	if (arg->data & ~(arg->flags & HVM_IOEVENTFD_MATCH ? width_mask(arg->bytes) : 0))
		return -EINVAL;
	return 0;
}

/**
 * hvm_ioeventfd_change - HVM_IOEVENTFD
 * @ioeventfds: the guest's
 * @arg: see there
 *
 * Context: process; takes &hvm_ioeventfds.lock and &hvm_bells.lock
 *
 * Return: 0 or -errno, see &struct hvm_ioeventfd
 */
int hvm_ioeventfd_change(struct hvm_ioeventfds *ioeventfds, const struct hvm_ioeventfd *arg)
{
	struct eventfd_ctx *eventfd;
	int err = check(arg);
	bool remove = arg->flags & HVM_IOEVENTFD_REMOVE;
	u64 key;

	if (err)
		return err;
	eventfd = eventfd_ctx_fdget(arg->fd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	key = arg->flags & HVM_IOEVENTFD_MATCH ? match_key(arg->port, arg->bytes, arg->data) :
						 place_key(arg->port, arg->bytes);

	mutex_lock(&ioeventfds->lock);
	if (remove)
		err = take_out(ioeventfds, key, eventfd);
	else
		err = add(ioeventfds, key, eventfd);
	mutex_unlock(&ioeventfds->lock);
	/* One that was added keeps the reference. */
	if (err || remove)
		eventfd_ctx_put(eventfd);
	return err;
}

/**
 * hvm_ioeventfds_init - no doorbell
 * @ioeventfds: zeroed memory
 * @bells: the guest's
 */
void hvm_ioeventfds_init(struct hvm_ioeventfds *ioeventfds, struct hvm_bells *bells)
{
	mutex_init(&ioeventfds->lock);
	ioeventfds->bells = bells;
}

/**
 * hvm_ioeventfds_deinit - reverse of hvm_ioeventfds_init()
 * @ioeventfds: of a guest that has no vCPU any more
 */
void hvm_ioeventfds_deinit(struct hvm_ioeventfds *ioeventfds)
{
	struct hlist_node *next;
	struct doorbell *doorbell;
	unsigned int i;

	for (i = 0; ioeventfds->table && i < 1 << HVM_IOEVENTFD_BITS; i++)
		hlist_for_each_entry_safe(doorbell, next, &ioeventfds->table[i], node)
			free_doorbell(doorbell);
	kfree(ioeventfds->table);
	mutex_destroy(&ioeventfds->lock);
}
