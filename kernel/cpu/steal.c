// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stolen time: how long a vCPU could have run and had no CPU, in an area of the guest's memory. A
 * byte of it says whether the vCPU's thread is switched away; while it is, other vCPUs that want
 * its TLB flushed leave a mark there instead of an IPI, and it is flushed before the vCPU next
 * enters the guest.
 *
 * Why no flush is missed: the byte is set where the thread is switched away, and taken back, in one
 * exchange that also takes the mark, between its return (which sets HVM_REQ_STEAL) and the next
 * entry. The thread may be switched away again before that: the exchange that sets the byte takes a
 * mark, too. A mark that cannot be read counts as set, and where the area is not present the guest
 * is not entered at all (HVM_EXIT_FAULT).
 */
#include <asm/kvm_para.h>

#include "../compat.h"
#include "pv.h"
#include "vcpu.h"

#define ENABLE		BIT_ULL(0)
#define RESERVED	GENMASK_ULL(5, 1)

static_assert(sizeof(struct kvm_steal_time) == 64);

static gpa_t field(const struct hvm_steal *steal, size_t offset)
{
	return (steal->msr & ~ENABLE) + offset;
}

#define FIELD(steal, name)	field(steal, offsetof(struct kvm_steal_time, name))

/*
 * What this thread waited since the last time. Another thread begins anew: what it waited before
 * was not the vCPU's. A thread that has the address of one that is gone has mostly waited less.
 */
static u64 take_delay(struct hvm_steal *steal)
{
	u64 now = hvm_compat_run_delay(), then = steal->delay;
	bool same = steal->task == current && now >= then;

	steal->task = current;
	steal->delay = now;
	return same ? now - then : 0;
}

/**
 * hvm_steal_write - the MSR: keep the area up to date
 * @vcpu: the vCPU, its lock held
 * @value: guest physical address, multiple of 64, and bit 0: enabled
 *
 * Return: 0, or -EINVAL: a reserved bit
 */
int hvm_steal_write(struct hvm_vcpu *vcpu, u64 value)
{
	struct hvm_steal *steal = &vcpu->pv.steal;

	if (value & RESERVED)
		return -EINVAL;
	*steal = (struct hvm_steal) { .msr = value };
	if (value & ENABLE)
		hvm_bell_ring(&vcpu->bell, HVM_REQ_STEAL);
	return 0;
}

/**
 * hvm_steal_begin - HVM_RUN begins: the thread may have waited in userspace, too
 * @vcpu: the vCPU, its lock held
 */
void hvm_steal_begin(struct hvm_vcpu *vcpu)
{
	struct hvm_steal *steal = &vcpu->pv.steal;

	if (!(steal->msr & ENABLE))
		return;
	if (steal->error || steal->task != current || steal->delay != hvm_compat_run_delay())
		hvm_bell_ring(&vcpu->bell, HVM_REQ_STEAL);
}

/* The mark is taken: the TLB is flushed before the next entry. */
static void obey_mark(struct hvm_vcpu *vcpu)
{
	vcpu->hw->dirty |= HVM_HW_FLUSH_TLB;
	vcpu->stats->pv_flushes++;
}

/**
 * hvm_steal_out - the vCPU's thread is switched away
 * @vcpu: the vCPU
 *
 * Context: interrupts off, under the scheduler's lock
 */
void hvm_steal_out(struct hvm_vcpu *vcpu)
{
	u8 preempted = KVM_VCPU_PREEMPTED;

	/* It is a help, no more: where it does not succeed the guest sends its IPIs. */
	if (!(vcpu->pv.steal.msr & ENABLE) ||
	    hvm_spot_swap(&vcpu->vm->mem, &vcpu->pv.steal.preempted, &preempted))
		return;
	/* A mark that was left when the thread was away before, and has not been taken yet. */
	if (preempted & KVM_VCPU_FLUSH_TLB)
		obey_mark(vcpu);
}

/**
 * hvm_steal_in - the vCPU's thread is back on a CPU
 * @vcpu: the vCPU
 *
 * Context: preemption off
 */
void hvm_steal_in(struct hvm_vcpu *vcpu)
{
	if (vcpu->pv.steal.msr & ENABLE)
		hvm_bell_ring(&vcpu->bell, HVM_REQ_STEAL);
}

static int write_area(struct hvm_vcpu *vcpu, struct hvm_steal *steal, u8 *preempted)
{
	struct hvm_mem *mem = &vcpu->vm->mem;
	u64 delay, stolen;
	int err;

	err = hvm_mem_swap(mem, FIELD(steal, preempted), preempted);
	if (err)
		return err;
	hvm_spot_find(mem, &steal->preempted, FIELD(steal, preempted));
	delay = take_delay(steal);
	err = hvm_mem_read(mem, FIELD(steal, steal), &stolen, sizeof(stolen));
	if (err || !delay)
		return err;
	stolen += delay;
	return hvm_pv_publish(vcpu, FIELD(steal, version), FIELD(steal, steal), &stolen,
			      sizeof(stolen));
}

/**
 * hvm_steal_update - HVM_REQ_STEAL: write the area
 * @vcpu: the vCPU, its lock held
 *
 * The sum goes on from what is there, so it is saved and restored with the guest's memory.
 *
 * Context: process, interrupts on; may sleep for the memory
 */
void hvm_steal_update(struct hvm_vcpu *vcpu)
{
	struct hvm_steal *steal = &vcpu->pv.steal;
	u8 preempted = 0;

	if (!(steal->msr & ENABLE))
		return;
	steal->error = write_area(vcpu, steal, &preempted);
	/* The whole area lies in one page. */
	if (steal->error == -EAGAIN)
		vcpu->pv.absent = FIELD(steal, preempted) & PAGE_MASK;
	if (steal->error)
		vcpu->hw->dirty |= HVM_HW_FLUSH_TLB;
	else if (preempted & KVM_VCPU_FLUSH_TLB)
		obey_mark(vcpu);
}
