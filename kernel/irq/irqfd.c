// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eventfds that send interrupts: a write to one, by a process or by the kernel, delivers the
 * message it is bound to, in whatever context the write is made. Not here: what becomes of the
 * message (irq/irq.c) and who writes.
 *
 * Who may touch a binding: the table is changed under &hvm_irqfds.lock. What a write looks at is
 * guarded by the lock of the eventfd's own wait queue, which the kernel holds, interrupts off,
 * while it calls wake(). So:
 *
 * - A message is exchanged under that lock: a write sends the old one or the new one.
 * - A write finds the binding in the queue, and then its count is taken and the message sent; or it
 *   does not, and the count stays for who reads it or binds the eventfd next. None is lost, for
 *   binding puts the entry into the queue before it takes the count.
 * - Who has taken the entry out of the queue, under that lock, frees the binding: no call of wake()
 *   is running, and none will come.
 * - The queue itself lives as long as the eventfd, of which a binding holds a reference. It needs
 *   no file: when the last one is closed (EPOLLHUP) the binding is only marked, for wake() may not
 *   take the mutex; the next who looks at the table takes it out, or the guest's end.
 * - The routing that wake() uses is the guest's, whose end takes all bindings out first. vCPUs that
 *   end meanwhile are found under RCU or not at all.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/hash.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "../compat.h"
#include "irqfd.h"

#define FLAGS	(HVM_IRQFD_UNBIND | HVM_IRQFD_REPLACE | HVM_IRQFD_RESAMPLE | HVM_IRQFD_EXIT_EOI)

/**
 * struct binding - an eventfd and the message it sends
 * @node: [L] in &hvm_irqfds.table
 * @resampled: [L] in &hvm_irqfds.resampled, or empty
 * @irqfds: [I] the guest's
 * @eventfd: [I] whose writes send it
 * @queue: [I] where @wait is: the eventfd's
 * @wait: [Q] calls wake()
 * @message: [Q] what is sent
 * @closed: [Q] the eventfd has no file any more
 * @resample: [L] signalled at the EOI of the message's vector, or NULL
 *
 * [I] set at bind; [L] &hvm_irqfds.lock; [Q] lock of @queue; changed with [L] held too
 */
struct binding {
	struct hlist_node node;
	struct list_head resampled;
	struct hvm_irqfds *irqfds;
	struct eventfd_ctx *eventfd;
	struct wait_queue_head *queue;
	struct wait_queue_entry wait;
	struct hvm_irq_message message;
	bool closed;
	struct eventfd_ctx *resample;
};

/* --- firing ------------------------------------------------------------------ */

/*
 * Take what was written, and send the message for it. A writer that waits for room in a count near
 * 2^64 is not woken by that; only the eventfd's own functions may call the others in its queue.
 */
static bool fire(struct binding *binding)
{
	u64 count;

	lockdep_assert_held(&binding->queue->lock);
	eventfd_ctx_do_read(binding->eventfd, &count);
	if (count)
		hvm_irq_deliver(binding->irqfds->irq, NULL, &binding->message);
	return count;
}

/* Something happened to the eventfd. Its queue's lock is held and interrupts are off. */
static int wake(struct wait_queue_entry *wait, unsigned int mode, int sync, void *key)
{
	struct binding *binding = container_of(wait, struct binding, wait);
	__poll_t events = key_to_poll(key);

	if (events & EPOLLHUP) {
		binding->closed = true;
		/* Pairs with the exchange in take_out_closed(). */
		smp_store_release(&binding->irqfds->closed, 1);
	}
	/* Others in the queue have nothing to wake for when the count is taken. */
	return events & EPOLLIN && !binding->closed && fire(binding);
}

/* --- the eventfd's queue ------------------------------------------------------- */

/* What vfs_poll() hands to enter_queue(). */
struct entrance {
	poll_table table;
	struct binding *binding;
};

static void enter_queue(struct file *file, struct wait_queue_head *queue, poll_table *table)
{
	struct binding *binding = container_of(table, struct entrance, table)->binding;

	binding->queue = queue;
	/* In front of who polls or reads: they shall not find a count that is taken anyway. */
	add_wait_queue_priority(queue, &binding->wait);
}

/* From here on writes send the message, and so does what was written before. */
static void connect(struct binding *binding, struct file *file)
{
	struct entrance entrance = { .binding = binding };

	init_poll_funcptr(&entrance.table, enter_queue);
	init_waitqueue_func_entry(&binding->wait, wake);
	vfs_poll(file, &entrance.table);
	spin_lock_irq(&binding->queue->lock);
	fire(binding);
	spin_unlock_irq(&binding->queue->lock);
}

/* --- bindings -------------------------------------------------------------------- */

static void free_binding(struct binding *binding)
{
	if (binding->resample)
		eventfd_ctx_put(binding->resample);
	eventfd_ctx_put(binding->eventfd);
	kfree(binding);
}

static struct hlist_head *chain(struct hvm_irqfds *irqfds, struct eventfd_ctx *eventfd)
{
	return &irqfds->table[hash_ptr(eventfd, HVM_IRQFD_HASH_BITS)];
}

static struct binding *find(struct hvm_irqfds *irqfds, struct eventfd_ctx *eventfd)
{
	struct binding *binding;

	hlist_for_each_entry(binding, chain(irqfds, eventfd), node)
		if (binding->eventfd == eventfd)
			return binding;
	return NULL;
}

static void list_resampled(struct binding *binding)
{
	struct hvm_irqfds *irqfds = binding->irqfds;

	if (binding->resample)
		list_add_tail(&binding->resampled, &irqfds->resampled);
	WRITE_ONCE(irqfds->resamples, irqfds->resamples + !!binding->resample);
}

static void unlist_resampled(struct binding *binding)
{
	struct hvm_irqfds *irqfds = binding->irqfds;

	list_del_init(&binding->resampled);
	WRITE_ONCE(irqfds->resamples, irqfds->resamples - !!binding->resample);
}

/* Writes stay in the eventfd's count from here on. */
static void unbind(struct binding *binding)
{
	remove_wait_queue(binding->queue, &binding->wait);
	hlist_del(&binding->node);
	unlist_resampled(binding);
	binding->irqfds->count--;
	free_binding(binding);
}

static void unbind_all(struct hvm_irqfds *irqfds, bool only_closed)
{
	struct binding *binding;
	struct hlist_node *next;
	unsigned int i;

	for (i = 0; i < 1 << HVM_IRQFD_HASH_BITS; i++)
		hlist_for_each_entry_safe(binding, next, &irqfds->table[i], node)
			if (!only_closed || READ_ONCE(binding->closed))
				unbind(binding);
}

/* Clears the mark before it looks: what is closed behind its back is marked again. */
static void take_out_closed(struct hvm_irqfds *irqfds)
{
	if (READ_ONCE(irqfds->closed) && xchg(&irqfds->closed, 0))
		unbind_all(irqfds, true);
}

/* --- changes ------------------------------------------------------------------------ */

/* Give a bound eventfd the new message; @new takes what the binding had, and is freed with it. */
static void exchange(struct binding *binding, struct binding *new)
{
	unlist_resampled(binding);
	swap(binding->resample, new->resample);
	spin_lock_irq(&binding->queue->lock);
	binding->message = new->message;
	fire(binding);
	spin_unlock_irq(&binding->queue->lock);
	list_resampled(binding);
}

/* On success without a binding in *@new, the table has it. */
static int bind_locked(struct hvm_irqfds *irqfds, struct binding **new, struct file *file,
		       bool replace)
{
	struct binding *binding = *new, *old = find(irqfds, binding->eventfd);

	if (old) {
		if (replace)
			exchange(old, binding);
		return replace ? 0 : -EEXIST;
	}
	if (irqfds->count >= HVM_MAX_IRQFDS)
		return -ENOSPC;
	hlist_add_head(&binding->node, chain(irqfds, binding->eventfd));
	list_resampled(binding);
	irqfds->count++;
	connect(binding, file);
	*new = NULL;
	return 0;
}

static int unbind_locked(struct hvm_irqfds *irqfds, struct eventfd_ctx *eventfd)
{
	struct binding *binding = find(irqfds, eventfd);

	if (!binding)
		return -ENOENT;
	unbind(binding);
	return 0;
}

static int lock_table(struct hvm_irqfds *irqfds)
{
	mutex_lock(&irqfds->lock);
	if (!irqfds->table)
		irqfds->table = kcalloc(1 << HVM_IRQFD_HASH_BITS, sizeof(*irqfds->table),
					GFP_KERNEL_ACCOUNT);
	if (irqfds->table) {
		take_out_closed(irqfds);
		return 0;
	}
	mutex_unlock(&irqfds->lock);
	return -ENOMEM;
}

static int bind(struct hvm_irqfds *irqfds, struct binding *new, struct file *file, bool replace)
{
	int err = lock_table(irqfds);

	if (!err) {
		err = bind_locked(irqfds, &new, file, replace);
		mutex_unlock(&irqfds->lock);
	}
	if (new)
		free_binding(new);
	return err;
}

static int check_bind(const struct hvm_irqfd *arg, struct hvm_irq_message *message)
{
	int err = hvm_msi_decode(message, arg->address, arg->data);

	if (err)
		return err;
	/* Nobody tells of the end of what is not level-triggered. */
	if (!message->level && arg->flags & (HVM_IRQFD_RESAMPLE | HVM_IRQFD_EXIT_EOI))
		return -EINVAL;
	message->exit_eoi = arg->flags & HVM_IRQFD_EXIT_EOI;
	return 0;
}

static int check_unbind(const struct hvm_irqfd *arg)
{
	return arg->flags != HVM_IRQFD_UNBIND || arg->address || arg->data ? -EINVAL : 0;
}

static int get_resample(struct binding *binding, const struct hvm_irqfd *arg)
{
	struct eventfd_ctx *resample;

	if (!(arg->flags & HVM_IRQFD_RESAMPLE))
		return 0;
	resample = eventfd_ctx_fdget(arg->resample_fd);
	if (IS_ERR(resample))
		return PTR_ERR(resample);
	binding->resample = resample;
	/* It would send the interrupt again whenever it ends. */
	return resample == binding->eventfd ? -EINVAL : 0;
}

/* A binding of the message in @arg, in no table and no queue. */
static struct binding *make_binding(struct hvm_irqfds *irqfds, struct file *file,
				    const struct hvm_irqfd *arg,
				    const struct hvm_irq_message *message)
{
	struct binding *binding = kzalloc(sizeof(*binding), GFP_KERNEL_ACCOUNT);
	int err;

	if (!binding)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&binding->resampled);
	binding->irqfds = irqfds;
	binding->message = *message;
	/* Cannot fail: it is an eventfd's file. */
	binding->eventfd = eventfd_ctx_fileget(file);
	err = get_resample(binding, arg);
	if (!err)
		return binding;
	free_binding(binding);
	return ERR_PTR(err);
}

static int bind_file(struct hvm_irqfds *irqfds, struct file *file, const struct hvm_irqfd *arg)
{
	struct hvm_irq_message message;
	struct binding *binding;
	int err = check_bind(arg, &message);

	if (err)
		return err;
	binding = make_binding(irqfds, file, arg, &message);
	if (IS_ERR(binding))
		return PTR_ERR(binding);
	return bind(irqfds, binding, file, arg->flags & HVM_IRQFD_REPLACE);
}

static int unbind_file(struct hvm_irqfds *irqfds, struct file *file, const struct hvm_irqfd *arg)
{
	struct eventfd_ctx *eventfd;
	int err = check_unbind(arg);

	if (err)
		return err;
	err = lock_table(irqfds);
	if (err)
		return err;
	eventfd = eventfd_ctx_fileget(file);
	err = unbind_locked(irqfds, eventfd);
	mutex_unlock(&irqfds->lock);
	eventfd_ctx_put(eventfd);
	return err;
}

/**
 * hvm_irqfd_change - HVM_IRQFD
 * @irqfds: the guest's
 * @arg: see there
 *
 * Context: process; takes &hvm_irqfds.lock
 *
 * Return: 0 or -errno, see &struct hvm_irqfd
 */
int hvm_irqfd_change(struct hvm_irqfds *irqfds, const struct hvm_irqfd *arg)
{
	struct file *file;
	int err;

	if (arg->flags & ~FLAGS)
		return -EOPNOTSUPP;
	if (arg->reserved || (arg->resample_fd && !(arg->flags & HVM_IRQFD_RESAMPLE)))
		return -EINVAL;
	file = eventfd_fget(arg->fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	if (arg->flags & HVM_IRQFD_UNBIND)
		err = unbind_file(irqfds, file, arg);
	else
		err = bind_file(irqfds, file, arg);
	fput(file);
	return err;
}

/**
 * hvm_irqfd_resample - a level-triggered interrupt ended
 * @irqfds: the guest's
 * @vector: its vector
 *
 * Signals the resample eventfd of each binding that sends this vector. Other threads may run in
 * between, so the host does not wait for all; a thread that is to die signals no more.
 *
 * Context: process, the vCPU's thread; takes &hvm_irqfds.lock
 */
void hvm_irqfd_resample(struct hvm_irqfds *irqfds, u8 vector)
{
	struct binding *binding;

	if (!READ_ONCE(irqfds->resamples))
		return;
	if (mutex_lock_killable(&irqfds->lock))
		return;
	take_out_closed(irqfds);
	list_for_each_entry(binding, &irqfds->resampled, resampled) {
		if (fatal_signal_pending(current))
			break;
		if (binding->message.vector == vector)
			hvm_compat_eventfd_signal(binding->resample);
		cond_resched();
	}
	mutex_unlock(&irqfds->lock);
}

/**
 * hvm_irqfds_init - no eventfd
 * @irqfds: zeroed memory
 * @irq: the guest's routing
 */
void hvm_irqfds_init(struct hvm_irqfds *irqfds, struct hvm_irq *irq)
{
	mutex_init(&irqfds->lock);
	INIT_LIST_HEAD(&irqfds->resampled);
	irqfds->irq = irq;
}

/**
 * hvm_irqfds_deinit - reverse of hvm_irqfds_init()
 * @irqfds: of a guest whose end it is; the routing is still there
 *
 * Context: process
 */
void hvm_irqfds_deinit(struct hvm_irqfds *irqfds)
{
	if (irqfds->table)
		unbind_all(irqfds, false);
	kfree(irqfds->table);
	mutex_destroy(&irqfds->lock);
}
