// SPDX-License-Identifier: GPL-2.0-only
/*
 * The paravirtual interface. The guest names addresses of its own memory and the kernel writes
 * there through the process's mapping, so an address that leads nowhere hurts nobody: nothing is
 * written.
 */
#include <linux/math64.h>
#include <linux/time64.h>
#include <asm/pvclock-abi.h>

#include "pv.h"
#include "vcpu.h"

#define SYSTEM_TIME_ENABLE	1ULL
#define SYSTEM_TIME_UNALIGNED	2ULL
#define WALL_CLOCK_UNALIGNED	3ULL

/* What a hypercall answers that is not offered; part of the signature's contract. */
#define HYPERCALL_ENOSYS	1000

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

/*
 * Write a page that begins with its version. The guest may read at any moment, on any vCPU: an odd
 * version says that what follows is changing. The number goes on from what is there, so that a read
 * that was interrupted by save and restore notices too. x86 keeps the order of stores; smp_wmb()
 * keeps the compiler's. Returns whether the page is one to be tried again: it may become present.
 */
static bool write_page(struct hvm_mem *mem, gpa_t gpa, const void *page, size_t bytes)
{
	const size_t skip = sizeof(u32);
	u32 version;
	int err;

	err = hvm_mem_read(mem, gpa, &version, skip);
	if (err)
		return err == -EAGAIN;
	version = (version + 1) | 1;
	err = hvm_mem_write(mem, gpa, &version, skip);
	if (err)
		return err == -EAGAIN;
	/* Pairs with the guest's own barrier between the version and the rest. */
	smp_wmb();
	err = hvm_mem_write(mem, gpa + skip, page + skip, bytes - skip);
	if (err == -EAGAIN)
		return true;
	/* Pairs with the guest's own barrier between the rest and the version. */
	smp_wmb();
	version++;
	return hvm_mem_write(mem, gpa, &version, skip) == -EAGAIN;
}

static void write_wall_clock(struct hvm_vcpu *vcpu)
{
	struct pvclock_wall_clock wall = {};
	u32 nsec;

	wall.sec = div_u64_rem(hvm_clock_wall_ns(&vcpu->vm->clock), NSEC_PER_SEC, &nsec);
	wall.nsec = nsec;
	vcpu->pv.wall_wanted = write_page(&vcpu->vm->mem, vcpu->pv.wall_clock, &wall, sizeof(wall));
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
	vcpu->pv.time_missed = write_page(&vcpu->vm->mem, gpa, &time, sizeof(time));
}

/**
 * hvm_pv_update_clock - HVM_REQ_CLOCK: write the clock pages the guest wants
 * @vcpu: the vCPU, its lock held
 *
 * A page that is not present, and is attached with HVM_MAP_EXIT_ON_FAULT, is not waited for: it is
 * tried again where HVM_RUN begins.
 *
 * Context: process, interrupts on; may sleep for the memory
 */
void hvm_pv_update_clock(struct hvm_vcpu *vcpu)
{
	if (vcpu->pv.wall_wanted)
		write_wall_clock(vcpu);
	if (vcpu->pv.system_time & SYSTEM_TIME_ENABLE)
		write_system_time(vcpu);
}

/**
 * hvm_pv_reset - the guest's driver is gone: nothing of its memory is written any more
 * @vcpu: the vCPU, its lock held or nobody else there
 */
void hvm_pv_reset(struct hvm_vcpu *vcpu)
{
	vcpu->pv = (struct hvm_pv) {};
}

/**
 * hvm_pv_hypercall - VMCALL or VMMCALL
 * @vcpu: the vCPU
 * @nr: which, from RAX
 * @args: RBX, RCX, RDX, RSI
 *
 * CPUID announces none so far.
 *
 * Return: the answer for RAX
 * Context: any
 */
u64 hvm_pv_hypercall(struct hvm_vcpu *vcpu, u64 nr, const u64 args[4])
{
	return -HYPERCALL_ENOSYS;
}
