/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the interrupt rooms of the kernel (kernel/irq) need from around them, for unit tests: bit
 * operations and atomics by the compiler's builtins, RCU and locks as nothing, and a clock and
 * timers that stand still until a test moves them. Included before anything else, in place of the
 * kernel's headers of those names; it is for tests of kernel/irq only.
 */
#ifndef UNIT_KERNEL_SHIM_H
#define UNIT_KERNEL_SHIM_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#define likely(x)		(x)
#define unlikely(x)		(x)
#define fallthrough		__attribute__((fallthrough))
#define __aligned(x)		__attribute__((aligned(x)))
#define __rcu
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, value)	__atomic_store_n(&(x), (value), __ATOMIC_RELAXED)
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))

#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define max_t(type, a, b)	max((type)(a), (type)(b))

/* ---- tracepoints (kernel/trace.h) ---------------------------------------- */

#define TP_PROTO(...)		__VA_ARGS__
#define TRACE_DEFINE_ENUM(name)
#define TRACE_EVENT(name, proto, ...)	static inline void trace_##name(proto) {}

/* ---- bits ---------------------------------------------------------------- */

#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK_ULL(high, low)	((~0ULL >> (63 - (high))) & (~0ULL << (low)))

static inline unsigned int next_bit(const unsigned long *bits, unsigned int size, unsigned int bit)
{
	while (bit < size && !(*bits & BIT(bit)))
		bit++;
	return bit;
}

#define for_each_set_bit(bit, bits, size)				\
	for ((bit) = next_bit(bits, size, 0); (bit) < (size);		\
	     (bit) = next_bit(bits, size, (bit) + 1))

static inline int __fls(unsigned long word)
{
	return 63 - __builtin_clzl(word);
}

static inline unsigned int hweight32(u32 word)
{
	return __builtin_popcount(word);
}

static inline bool test_bit(unsigned int nr, const unsigned long *bits)
{
	return __atomic_load_n(&bits[nr / 64], __ATOMIC_RELAXED) & BIT(nr % 64);
}

static inline bool test_and_set_bit(unsigned int nr, unsigned long *bits)
{
	return __atomic_fetch_or(&bits[nr / 64], BIT(nr % 64), __ATOMIC_SEQ_CST) & BIT(nr % 64);
}

static inline bool test_and_clear_bit(unsigned int nr, unsigned long *bits)
{
	return __atomic_fetch_and(&bits[nr / 64], ~BIT(nr % 64), __ATOMIC_SEQ_CST) & BIT(nr % 64);
}

static inline void set_bit(unsigned int nr, unsigned long *bits)
{
	test_and_set_bit(nr, bits);
}

static inline void clear_bit(unsigned int nr, unsigned long *bits)
{
	test_and_clear_bit(nr, bits);
}

#define smp_mb__before_atomic()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xchg(p, value)		__atomic_exchange_n(p, value, __ATOMIC_SEQ_CST)

static inline u32 hash_32(u32 value, unsigned int bits)
{
	return (value * 0x61c88647U) >> (32 - bits);
}

/* ---- atomics --------------------------------------------------------------- */

typedef struct {
	int counter;
} atomic_t;

static inline int atomic_read(const atomic_t *v)
{
	return READ_ONCE(v->counter);
}

static inline void atomic_set(atomic_t *v, int value)
{
	WRITE_ONCE(v->counter, value);
}

static inline int atomic_xchg(atomic_t *v, int value)
{
	return xchg(&v->counter, value);
}

static inline int atomic_fetch_or(int bits, atomic_t *v)
{
	return __atomic_fetch_or(&v->counter, bits, __ATOMIC_SEQ_CST);
}

static inline void atomic_or(int bits, atomic_t *v)
{
	atomic_fetch_or(bits, v);
}

static inline int atomic_fetch_andnot(int bits, atomic_t *v)
{
	return __atomic_fetch_and(&v->counter, ~bits, __ATOMIC_SEQ_CST);
}

static inline bool atomic_try_cmpxchg(atomic_t *v, int *old, int value)
{
	return __atomic_compare_exchange_n(&v->counter, old, value, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* ---- locks, RCU, lists, memory ---------------------------------------------- */

typedef struct {
	bool held;
} raw_spinlock_t;

typedef raw_spinlock_t spinlock_t;
typedef unsigned long *cpumask_var_t;

static inline void raw_spin_lock_init(raw_spinlock_t *lock)
{
	lock->held = false;
}

static inline void raw_spin_lock(raw_spinlock_t *lock)
{
	assert(!lock->held);
	lock->held = true;
}

static inline void raw_spin_unlock(raw_spinlock_t *lock)
{
	assert(lock->held);
	lock->held = false;
}

struct rcuwait {
	void *task;
};

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

#define lockdep_is_held(lock)			((lock)->held)
#define rcu_read_lock()				((void)0)
#define rcu_read_unlock()			((void)0)
#define rcu_dereference(p)			READ_ONCE(p)
#define array_index_nospec(index, size)		(index)
#define rcu_access_pointer(p)			READ_ONCE(p)
#define rcu_dereference_protected(p, held)	(assert(held), (p))
#define rcu_assign_pointer(p, value)		WRITE_ONCE(p, value)
#define RCU_INIT_POINTER(p, value)		WRITE_ONCE(p, value)

#define INIT_HLIST_HEAD(head)			((head)->first = NULL)

#define hlist_for_each_entry_rcu(pos, head, member)				\
	for (struct hlist_node *node_ = (head)->first;				\
	     node_ && ((pos) = container_of(node_, typeof(*(pos)), member), 1);	\
	     node_ = node_->next)

static inline void INIT_HLIST_NODE(struct hlist_node *node)
{
	node->next = NULL;
	node->pprev = NULL;
}

static inline bool hlist_unhashed(const struct hlist_node *node)
{
	return !node->pprev;
}

static inline void hlist_add_head_rcu(struct hlist_node *node, struct hlist_head *head)
{
	node->next = head->first;
	node->pprev = &head->first;
	if (head->first)
		head->first->pprev = &node->next;
	head->first = node;
}

static inline void hlist_del_rcu(struct hlist_node *node)
{
	*node->pprev = node->next;
	if (node->next)
		node->next->pprev = node->pprev;
	node->pprev = NULL;
}

#define GFP_KERNEL_ACCOUNT	0

/* Allocations that are to fail, counted down by the test. */
extern unsigned int shim_failing_allocations;

static inline void *kzalloc(size_t bytes, int flags)
{
	(void)flags;
	if (shim_failing_allocations) {
		shim_failing_allocations--;
		return NULL;
	}
	return calloc(1, bytes);
}

static inline void kfree(const void *p)
{
	free((void *)p);
}

/* ---- time -------------------------------------------------------------------- */

typedef s64 ktime_t;

#define ns_to_ktime(ns)			((ktime_t)(ns))
#define ktime_to_ns(t)			((s64)(t))
#define ktime_add_ns(t, ns)		((t) + (s64)(ns))
#define DIV_ROUND_UP_ULL(a, b)		(((a) + (b) - 1) / (b))

#define CLOCK_MONOTONIC			1
#define HRTIMER_MODE_ABS_PINNED_HARD	1

enum hrtimer_restart {
	HRTIMER_NORESTART,
	HRTIMER_RESTART,
};

struct hrtimer {
	ktime_t expires;
	bool queued;
	enum hrtimer_restart (*function)(struct hrtimer *timer);
	struct hrtimer *next;
};

extern unsigned int tsc_khz;

ktime_t ktime_get(void);
u64 rdtsc(void);
void hrtimer_init(struct hrtimer *timer, int clock, int mode);
void hrtimer_start(struct hrtimer *timer, ktime_t expires, int mode);
void hrtimer_start_expires(struct hrtimer *timer, int mode);
int hrtimer_cancel(struct hrtimer *timer);
void hrtimer_set_expires(struct hrtimer *timer, ktime_t expires);

static inline ktime_t hrtimer_get_expires(const struct hrtimer *timer)
{
	return timer->expires;
}

static inline u64 mul_u64_u64_shr(u64 a, u64 b, unsigned int shift)
{
	return (u64)((unsigned __int128)a * b >> shift);
}

static inline u64 mul_u64_u32_shr(u64 a, u32 b, unsigned int shift)
{
	return (unsigned __int128)a * b >> shift;
}

static inline u64 div_u64(u64 a, u32 b)
{
	return a / b;
}

static inline void div64_u64_rem(u64 a, u64 b, u64 *remainder)
{
	*remainder = a % b;
}

/* Let time pass; timers that expire meanwhile run at their time, in their order. */
void shim_advance(u64 ns);
/* The same, but the timers are late: the next shim_advance() runs them. */
void shim_advance_late(u64 ns);
/* Whether any timer waits, and when the first one expires. */
bool shim_timer_queued(void);
ktime_t shim_timer_expires(void);
/* How far the TSC is behind what the clock says: what makes a timer fire too early. */
extern s64 shim_tsc_lag;

#endif /* UNIT_KERNEL_SHIM_H */
