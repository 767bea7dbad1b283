// SPDX-License-Identifier: GPL-2.0-only
/*
 * Destinations: finds the local APICs that a message names and hands it to them. Nothing here looks
 * at every vCPU unless the message is for all; xAPIC's logical ids, which a guest chooses as it
 * likes, are compared only with APICs that ever had one. Chapters: SDM "Determining IPI
 * Destination", "Interrupt Delivery in x2APIC Mode".
 */
#include <linux/errno.h>
#include <linux/hash.h>
#include <linux/nospec.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "lapic.h"
#include "register.h"

/* A message and what became of it so far. */
struct delivery {
	const struct hvm_irq_message *message;
	struct hvm_lapic *best;		/* lowest priority: the best so far */
	u32 best_score;
	int count;
};

static struct hvm_irq_block *find_block(struct hvm_irq *irq, u32 id)
{
	if (id > HVM_MAX_APIC_ID)
		return NULL;
	id = array_index_nospec(id, HVM_MAX_APIC_ID + 1);
	return rcu_dereference(irq->blocks[id / HVM_IRQ_BLOCK_IDS]);
}

static struct hvm_lapic *find(struct hvm_irq *irq, u32 id)
{
	struct hvm_irq_block *block = find_block(irq, id);

	return block ? rcu_dereference(block->lapic[id % HVM_IRQ_BLOCK_IDS]) : NULL;
}

/* --- what a destination does with a message ---------------------------------- */

static bool accepts_vectors(const struct hvm_lapic *lapic)
{
	return READ_ONCE(lapic->svr) & HVM_SVR_ENABLE;
}

static bool take_vector(struct hvm_lapic *lapic, const struct hvm_irq_message *message)
{
	if (!accepts_vectors(lapic))
		return false;
	if (message->vector < HVM_FIRST_VECTOR) {
		hvm_lapic_post_error(lapic, HVM_ESR_RECV_ILLEGAL);
		return false;
	}
	/* Before it is posted: who takes it has to find it. */
	if (message->exit_eoi)
		set_bit(message->vector, lapic->exits);
	hvm_lapic_post(lapic, message->vector, message->level);
	return true;
}

static bool take(struct hvm_lapic *lapic, const struct hvm_irq_message *message)
{
	switch (message->mode) {
	case HVM_IRQ_FIXED:
	case HVM_IRQ_LOWEST:
		return take_vector(lapic, message);
	case HVM_IRQ_NMI:
		hvm_lapic_signal_nmi(lapic);
		return true;
	case HVM_IRQ_INIT:
		hvm_lapic_signal_init(lapic);
		return true;
	case HVM_IRQ_SIPI:
		hvm_lapic_signal_sipi(lapic, message->vector);
		return true;
	default:
		return false;
	}
}

/*
 * Lowest priority: the arbitration of old processors is model-specific; here the vector and the id
 * decide, so that a vector stays with its vCPU and vectors spread over vCPUs.
 */
static void compete(struct delivery *delivery, struct hvm_lapic *lapic)
{
	u32 score = hash_32(lapic->id << 8 | delivery->message->vector, 32);

	if (!accepts_vectors(lapic))
		return;
	if (delivery->best && score >= delivery->best_score)
		return;
	delivery->best = lapic;
	delivery->best_score = score;
}

static void offer(struct delivery *delivery, struct hvm_lapic *lapic)
{
	if (!hvm_lapic_enabled(lapic))
		return;
	if (delivery->message->lowest)
		compete(delivery, lapic);
	else
		delivery->count += take(lapic, delivery->message);
}

/* --- destinations ------------------------------------------------------------ */

/* Offer to every APIC that @wanted holds for. */
static void offer_where(struct hvm_irq *irq, struct delivery *delivery,
			bool (*wanted)(const struct hvm_lapic *lapic, const void *arg),
			const void *arg)
{
	struct hvm_irq_block *block;
	struct hvm_lapic *lapic;
	unsigned long used;
	unsigned int i, bit;

	for (i = 0; i < HVM_IRQ_BLOCKS; i++) {
		block = rcu_dereference(irq->blocks[i]);
		if (!block)
			continue;
		used = READ_ONCE(block->used);
		for_each_set_bit(bit, &used, HVM_IRQ_BLOCK_IDS) {
			lapic = rcu_dereference(block->lapic[bit]);
			if (lapic && wanted(lapic, arg))
				offer(delivery, lapic);
		}
	}
}

static bool is_not(const struct hvm_lapic *lapic, const void *arg)
{
	return lapic != arg;
}

/* 0xff is broadcast to APICs in xAPIC mode, and an id like any other in x2APIC mode. */
static bool takes_0xff(const struct hvm_lapic *lapic, const void *arg)
{
	return !hvm_lapic_x2apic(lapic) || lapic->id == 0xff;
}

static bool in_xapic_mode(const struct hvm_lapic *lapic, const void *arg)
{
	return !hvm_lapic_x2apic(lapic);
}

static void offer_physical(struct hvm_irq *irq, struct delivery *delivery)
{
	u32 destination = delivery->message->destination;
	struct hvm_lapic *lapic;

	if (delivery->message->narrow && destination == 0xff) {
		offer_where(irq, delivery, takes_0xff, NULL);
		return;
	}
	lapic = find(irq, destination);
	if (lapic)
		offer(delivery, lapic);
}

/* The logical id of x2APIC mode: a cluster of 16 ids above, a bit for each of them below. */
static void offer_cluster(struct hvm_irq *irq, struct delivery *delivery)
{
	u32 destination = delivery->message->destination;
	u32 first = (destination >> 16) * 16;
	struct hvm_irq_block *block = find_block(irq, first);
	unsigned long members = destination & 0xffff;
	struct hvm_lapic *lapic;
	unsigned int bit;

	if (!block)
		return;
	members &= READ_ONCE(block->used) >> (first % HVM_IRQ_BLOCK_IDS);
	for_each_set_bit(bit, &members, 16) {
		lapic = rcu_dereference(block->lapic[(first + bit) % HVM_IRQ_BLOCK_IDS]);
		if (lapic && hvm_lapic_x2apic(lapic))
			offer(delivery, lapic);
	}
}

/* SDM "Logical Destination Mode": flat and cluster model of xAPIC mode. */
static bool matches_logical(const struct hvm_lapic *lapic, u8 destination)
{
	u8 id = READ_ONCE(lapic->ldr) >> 24;

	if (hvm_lapic_x2apic(lapic))
		return false;
	switch (READ_ONCE(lapic->dfr) >> 28) {
	case 0xf:
		return id & destination;
	case 0x0:
		return (destination >> 4 == 0xf || destination >> 4 == id >> 4) &&
			(id & destination & 0xf);
	default:
		return false;
	}
}

static void offer_xapic_logical(struct hvm_irq *irq, struct delivery *delivery)
{
	u8 destination = delivery->message->destination;
	struct hvm_lapic *lapic;

	if (destination == 0xff) {
		offer_where(irq, delivery, in_xapic_mode, NULL);
		return;
	}
	hlist_for_each_entry_rcu(lapic, &irq->logical, logical)
		if (matches_logical(lapic, destination))
			offer(delivery, lapic);
}

static void offer_destination(struct hvm_irq *irq, struct delivery *delivery)
{
	const struct hvm_irq_message *message = delivery->message;

	if (message->destination == ~0U) {
		offer_where(irq, delivery, is_not, NULL);
	} else if (!message->logical) {
		offer_physical(irq, delivery);
	} else {
		offer_cluster(irq, delivery);
		if (message->destination <= 0xff)
			offer_xapic_logical(irq, delivery);
	}
}

/**
 * hvm_irq_deliver - deliver a message to the local APICs it names
 * @irq: the guest's routing
 * @from: the sender of an IPI, for the shorthands; NULL: none, and no shorthand either
 * @message: the message
 *
 * Context: any but NMI. At most every vCPU of the guest is looked at, for broadcasts only.
 *
 * Return: how many took it. An APIC that is disabled, or disabled by software and the message is a
 * vector, does not.
 */
int hvm_irq_deliver(struct hvm_irq *irq, struct hvm_lapic *from,
		    const struct hvm_irq_message *message)
{
	struct delivery delivery = { .message = message };

	rcu_read_lock();
	switch (message->shorthand) {
	case HVM_IRQ_SELF:
		offer(&delivery, from);
		break;
	case HVM_IRQ_ALL:
		offer_where(irq, &delivery, is_not, NULL);
		break;
	case HVM_IRQ_OTHERS:
		offer_where(irq, &delivery, is_not, from);
		break;
	default:
		offer_destination(irq, &delivery);
		break;
	}
	if (delivery.best)
		delivery.count = take(delivery.best, message);
	rcu_read_unlock();
	return delivery.count;
}

/**
 * hvm_irq_post - deliver an edge-triggered vector to the local APIC of one id
 * @irq: the guest's routing
 * @id: a physical id; ~0 is nobody's
 * @vector: from HVM_FIRST_VECTOR on
 *
 * What hvm_irq_deliver() does with such a message, which is what nearly all IPIs are.
 *
 * Context: any but NMI.
 */
void hvm_irq_post(struct hvm_irq *irq, u32 id, u8 vector)
{
	struct hvm_lapic *lapic;

	rcu_read_lock();
	lapic = find(irq, id);
	if (lapic && hvm_lapic_enabled(lapic) && accepts_vectors(lapic))
		hvm_lapic_post(lapic, vector, false);
	rcu_read_unlock();
}

/* --- the map ----------------------------------------------------------------- */

/* The block of an id, made if there is none. Blocks stay, so it can be used without the lock. */
static struct hvm_irq_block *get_block(struct hvm_irq *irq, u32 id)
{
	struct hvm_irq_block __rcu **place = &irq->blocks[id / HVM_IRQ_BLOCK_IDS];
	struct hvm_irq_block *block, *new;

	if (rcu_access_pointer(*place))
		return rcu_dereference_protected(*place, true);

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	raw_spin_lock(&irq->lock);
	block = rcu_dereference_protected(*place, lockdep_is_held(&irq->lock));
	if (!block) {
		rcu_assign_pointer(*place, new);
		block = new;
	}
	raw_spin_unlock(&irq->lock);
	if (block != new)
		kfree(new);
	return block;
}

/**
 * hvm_irq_add - let messages reach a local APIC
 * @irq: the guest's routing
 * @lapic: initialised, with its id
 *
 * Context: process; takes &hvm_irq.lock.
 *
 * Return: 0; -EEXIST: the id is taken; -EINVAL: it is too large; -ENOMEM
 */
int hvm_irq_add(struct hvm_irq *irq, struct hvm_lapic *lapic)
{
	unsigned int place = lapic->id % HVM_IRQ_BLOCK_IDS;
	struct hvm_irq_block *block;
	int ret = -EEXIST;

	if (lapic->id > HVM_MAX_APIC_ID)
		return -EINVAL;
	block = get_block(irq, lapic->id);
	if (!block)
		return -ENOMEM;

	raw_spin_lock(&irq->lock);
	if (!rcu_access_pointer(block->lapic[place])) {
		rcu_assign_pointer(block->lapic[place], lapic);
		WRITE_ONCE(block->used, block->used | BIT(place));
		ret = 0;
	}
	raw_spin_unlock(&irq->lock);
	return ret;
}

/**
 * hvm_irq_remove - reverse of hvm_irq_add() and hvm_irq_add_logical()
 * @irq: the guest's routing
 * @lapic: what was added; may be in use under RCU for a grace period more
 *
 * Context: process; takes &hvm_irq.lock.
 */
void hvm_irq_remove(struct hvm_irq *irq, struct hvm_lapic *lapic)
{
	unsigned int place = lapic->id % HVM_IRQ_BLOCK_IDS;
	struct hvm_irq_block *block;

	raw_spin_lock(&irq->lock);
	block = rcu_dereference_protected(irq->blocks[lapic->id / HVM_IRQ_BLOCK_IDS],
					  lockdep_is_held(&irq->lock));
	WRITE_ONCE(block->used, block->used & ~BIT(place));
	RCU_INIT_POINTER(block->lapic[place], NULL);
	if (!hlist_unhashed(&lapic->logical))
		hlist_del_rcu(&lapic->logical);
	raw_spin_unlock(&irq->lock);
}

/**
 * hvm_irq_add_logical - a local APIC got a logical id in xAPIC mode
 * @irq: the guest's routing
 * @lapic: owner; may be known already
 *
 * It stays listed whatever becomes of the id, so readers never see an entry move.
 *
 * Context: any that is not an interrupt; takes &hvm_irq.lock.
 */
void hvm_irq_add_logical(struct hvm_irq *irq, struct hvm_lapic *lapic)
{
	if (!hlist_unhashed(&lapic->logical))
		return;
	raw_spin_lock(&irq->lock);
	hlist_add_head_rcu(&lapic->logical, &irq->logical);
	raw_spin_unlock(&irq->lock);
}

/**
 * hvm_irq_init - routing without a local APIC
 * @irq: zeroed memory
 *
 * Return: 0
 */
int hvm_irq_init(struct hvm_irq *irq)
{
	raw_spin_lock_init(&irq->lock);
	INIT_HLIST_HEAD(&irq->logical);
	return 0;
}

/**
 * hvm_irq_deinit - reverse of hvm_irq_init()
 * @irq: without local APICs, and nobody delivers any more
 */
void hvm_irq_deinit(struct hvm_irq *irq)
{
	unsigned int i;

	for (i = 0; i < HVM_IRQ_BLOCKS; i++)
		kfree(rcu_dereference_protected(irq->blocks[i], true));
}
