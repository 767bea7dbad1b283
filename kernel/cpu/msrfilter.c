// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSR policy: ranges from userspace, flattened when they are set into spans that can be
 * searched.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>

#include "../irq/lapic.h"
#include "msrfilter.h"

/**
 * struct hvm_msr_span - indices from here to the next span
 * @first: first index
 * @flags: HVM_MSR_EXIT_*
 */
struct hvm_msr_span {
	u32 first;
	u32 flags;
};

static int check_range(const struct hvm_msr_range *range)
{
	const u64 end = (u64)range->first + range->count;

	if (range->flags & ~(HVM_MSR_EXIT_READ | HVM_MSR_EXIT_WRITE))
		return -EOPNOTSUPP;
	if (!range->count || range->reserved || end > 1ULL << 32)
		return -EINVAL;
	if (range->first <= HVM_MSR_X2APIC_LAST && end > HVM_MSR_X2APIC_FIRST)
		return -EINVAL;
	return 0;
}

static int compare_spans(const void *a, const void *b)
{
	const struct hvm_msr_span *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* The first range that contains an index counts. */
static u32 flags_at(const struct hvm_msr_range *ranges, u32 count, u32 index)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (index - ranges[i].first < ranges[i].count)
			return ranges[i].flags;
	return 0;
}

/* Flags can change only where a range begins or ends, so there the spans begin. */
static u32 flatten(struct hvm_msr_span *spans, const struct hvm_msr_range *ranges, u32 count)
{
	u32 i, n = 0, kept = 0;

	spans[n++].first = 0;
	for (i = 0; i < count; i++) {
		spans[n++].first = ranges[i].first;
		if (ranges[i].first + ranges[i].count)
			spans[n++].first = ranges[i].first + ranges[i].count;
	}
	sort(spans, n, sizeof(*spans), compare_spans, NULL);

	for (i = 0; i < n; i++) {
		u32 flags = flags_at(ranges, count, spans[i].first);

		if (kept && spans[kept - 1].flags == flags)
			continue;
		spans[kept].first = spans[i].first;
		spans[kept++].flags = flags;
	}
	return kept;
}

static int install(struct hvm_msr_filter *filter, const struct hvm_msr_range *ranges, u32 count)
{
	struct hvm_msr_span *spans;

	spans = kcalloc(2 * count + 1, sizeof(*spans), GFP_KERNEL_ACCOUNT);
	if (!spans)
		return -ENOMEM;
	filter->count = flatten(spans, ranges, count);
	filter->spans = spans;
	return 0;
}

/**
 * hvm_msr_policy_set - HVM_MSR_POLICY
 * @filter: the guest's
 * @arg: the kernel's copy of the argument
 *
 * Takes the place of an earlier policy; on an error that one stays.
 *
 * Return: 0; -ENOSPC: too many ranges; -EFAULT; -EINVAL: a range is empty, wraps or touches the
 * x2APIC's registers, or a reserved field is not zero; -EOPNOTSUPP: an unknown flag; -ENOMEM
 * Context: process; &hvm_vm.lock is held, no vCPU ran
 */
int hvm_msr_policy_set(struct hvm_msr_filter *filter, const struct hvm_msr_policy *arg)
{
	const u32 count = arg->count;
	struct hvm_msr_filter new = { .unknown_exits = arg->flags & HVM_MSR_UNKNOWN_EXITS };
	struct hvm_msr_range *ranges;
	int error = 0;
	u32 i;

	if (arg->flags & ~HVM_MSR_UNKNOWN_EXITS)
		return -EOPNOTSUPP;
	if (arg->reserved)
		return -EINVAL;
	if (count > HVM_MAX_MSR_RANGES)
		return -ENOSPC;

	if (count) {
		ranges = memdup_user(u64_to_user_ptr(arg->ranges), count * sizeof(*ranges));
		if (IS_ERR(ranges))
			return PTR_ERR(ranges);
		for (i = 0; i < count && !error; i++)
			error = check_range(&ranges[i]);
		if (!error)
			error = install(&new, ranges, count);
		kfree(ranges);
		if (error)
			return error;
	}
	hvm_msr_policy_clear(filter);
	*filter = new;
	return 0;
}

/**
 * hvm_msr_policy_clear - no policy
 * @filter: the guest's
 */
void hvm_msr_policy_clear(struct hvm_msr_filter *filter)
{
	kfree(filter->spans);
	*filter = (struct hvm_msr_filter) {};
}

/**
 * hvm_msr_policy_flags - which accesses to an MSR leave to userspace
 * @filter: a policy that hvm_msr_policy_takes() something
 * @index: the MSR
 *
 * Return: HVM_MSR_EXIT_*
 * Context: any
 */
u32 hvm_msr_policy_flags(const struct hvm_msr_filter *filter, u32 index)
{
	u32 low = 0, high = filter->count;

	while (high - low > 1) {
		u32 middle = (low + high) / 2;

		if (filter->spans[middle].first <= index)
			low = middle;
		else
			high = middle;
	}
	return filter->spans[low].flags;
}
