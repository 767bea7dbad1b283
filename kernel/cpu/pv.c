// SPDX-License-Identifier: GPL-2.0-only
/*
 * The paravirtual clock's pages, and what all of the paravirtual interface has in common. The guest
 * names addresses of its own memory and the kernel writes there through the process's mapping, so
 * an address that leads nowhere hurts nobody: nothing is written.
 */
#include <linux/math64.h>
#include <linux/time64.h>
#include <asm/pvclock-abi.h>

#include "pv.h"
#include "vcpu.h"

#define SYSTEM_TIME_ENABLE	1ULL
#define SYSTEM_TIME_UNALIGNED	2ULL
#define WALL_CLOCK_UNALIGNED	3ULL

static_assert(sizeof(struct pvclock_vcpu_time_info) == 32);
static_assert(sizeof(struct pvclock_wall_clock) == 12);

/**
 * hvm_pv_write_wall_clock - the MSR: write the time of day to memory, once
 * @vcpu: the vCPU, its lock held
 * @value: guest physical address, multiple of 4
 * @host: set as part of the vCPU's state: nothing is written
 *
 * The page is written before the guest goes on.
 *
 * Return: 0, or -EINVAL: not aligned
 */
int hvm_pv_write_wall_clock(struct hvm_vcpu *vcpu, u64 value, bool host)
{
	if (value & WALL_CLOCK_UNALIGNED)
		return -EINVAL;
	vcpu->pv.wall_clock = value;
	if (!host) {
		vcpu->pv.wall_wanted = true;
		hvm_bell_ring(&vcpu->bell, HVM_REQ_CLOCK);
	}
	return 0;
}

/**
 * hvm_pv_write_system_time - the MSR: keep a clock page up to date
 * @vcpu: the vCPU, its lock held
 * @value: guest physical address, multiple of 4, and bit 0: enabled
 *
 * Return: 0, or -EINVAL: not aligned
 */
int hvm_pv_write_system_time(struct hvm_vcpu *vcpu, u64 value)
{
	if (value & SYSTEM_TIME_UNALIGNED)
		return -EINVAL;
	vcpu->pv.system_time = value;
	if (value & SYSTEM_TIME_ENABLE)
		hvm_bell_ring(&vcpu->bell, HVM_REQ_CLOCK);
	return 0;
}

static int missed(struct hvm_vcpu *vcpu, gpa_t gpa, int err)
{
	vcpu->pv.absent = gpa & PAGE_MASK;
	return err;
}

/**
 * hvm_pv_publish - write what the guest may read at any moment, on any vCPU
 * @vcpu: the vCPU, its lock held
 * @version_at: guest physical address of its version: odd while the rest is changing
 * @gpa: guest physical address of the rest; the version is not in a page behind it
 * @data: the rest
 * @bytes: its length
 *
 * The version goes on from what is there, so that a read that was interrupted by save and restore
 * notices too. x86 keeps the order of stores; smp_wmb() keeps the compiler's.
 *
 * Return: as hvm_mem_write(); -EAGAIN: &hvm_pv.absent tells which page
 * Context: process, interrupts on; may sleep for the memory
 */
int hvm_pv_publish(struct hvm_vcpu *vcpu, gpa_t version_at, gpa_t gpa, const void *data,
		   size_t bytes)
{
	struct hvm_mem *mem = &vcpu->vm->mem;
	u32 version;
	int err;

	err = hvm_mem_read(mem, version_at, &version, sizeof(version));
	version = (version + 1) | 1;
	err = err ?: hvm_mem_write(mem, version_at, &version, sizeof(version));
	if (err)
		return missed(vcpu, version_at, err);
	/* Pairs with the guest's own barrier between the version and the rest. */
	smp_wmb();
	err = hvm_mem_write(mem, gpa, data, bytes);
	if (err == -EAGAIN)
		return missed(vcpu, gpa + bytes - 1, err);
	/* Pairs with the guest's own barrier between the rest and the version. */
	smp_wmb();
	version++;
	return hvm_mem_write(mem, version_at, &version, sizeof(version)) ?: err;
}

/* A page that begins with its version. Return: it is one that may become present. */
static bool write_page(struct hvm_vcpu *vcpu, gpa_t gpa, const void *page, size_t bytes)
{
	const size_t skip = sizeof(u32);

	return hvm_pv_publish(vcpu, gpa, gpa + skip, page + skip, bytes - skip) == -EAGAIN;
}

static void write_wall_clock(struct hvm_vcpu *vcpu)
{
	struct pvclock_wall_clock wall = {};
	u32 nsec;

	wall.sec = div_u64_rem(hvm_clock_wall_ns(&vcpu->vm->clock), NSEC_PER_SEC, &nsec);
	wall.nsec = nsec;
	vcpu->pv.wall_wanted = write_page(vcpu, vcpu->pv.wall_clock, &wall, sizeof(wall));
}

static void write_system_time(struct hvm_vcpu *vcpu)
{
	const gpa_t gpa = vcpu->pv.system_time & ~SYSTEM_TIME_ENABLE;
	struct pvclock_vcpu_time_info time = {};
	struct hvm_clock_page page;

	hvm_clock_page(vcpu, &page);
	time.tsc_timestamp = page.tsc;
	time.system_time = page.ns;
	time.tsc_to_system_mul = page.scale.mul;
	time.tsc_shift = page.scale.shift;
	time.flags = page.stable ? PVCLOCK_TSC_STABLE_BIT : 0;
	vcpu->pv.time_missed = write_page(vcpu, gpa, &time, sizeof(time));
}

static void update_clock(struct hvm_vcpu *vcpu)
{
	if (vcpu->pv.wall_wanted)
		write_wall_clock(vcpu);
	if (vcpu->pv.system_time & SYSTEM_TIME_ENABLE)
		write_system_time(vcpu);
}

/**
 * hvm_pv_update - write the pages that are stale
 * @vcpu: the vCPU, its lock held
 * @requests: HVM_REQ_CLOCK, HVM_REQ_STEAL
 *
 * A page that is not present, and is attached with HVM_MAP_EXIT_ON_FAULT, is for userspace to bring
 * in; hvm_pv_begin() tries again.
 *
 * Return: false: there is such a page, &hvm_pv.absent
 * Context: process, interrupts on; may sleep for the memory
 */
bool hvm_pv_update(struct hvm_vcpu *vcpu, unsigned long requests)
{
	const struct hvm_pv *pv = &vcpu->pv;

	if (requests & HVM_REQ_CLOCK)
		update_clock(vcpu);
	if (requests & HVM_REQ_STEAL)
		hvm_steal_update(vcpu);
	return !pv->wall_wanted && !pv->time_missed && pv->steal.error != -EAGAIN;
}

/**
 * hvm_pv_begin - HVM_RUN begins: what was not present may be now, what was true may have changed
 * @vcpu: the vCPU, its lock held
 */
void hvm_pv_begin(struct hvm_vcpu *vcpu)
{
	if (vcpu->pv.wall_wanted || vcpu->pv.time_missed)
		hvm_bell_ring(&vcpu->bell, HVM_REQ_CLOCK);
	hvm_steal_begin(vcpu);
}

/**
 * hvm_pv_reset - the guest's driver is gone: nothing of its memory is written any more
 * @vcpu: the vCPU, its lock held or nobody else there
 */
void hvm_pv_reset(struct hvm_vcpu *vcpu)
{
	vcpu->pv = (struct hvm_pv) {};
}
