// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of an interrupt by a flag in the guest's memory (PV EOI). The flag is set when an
 * interrupt goes in whose end changes nothing but the in-service register: edge-triggered, nothing
 * waits behind it. The guest that finds it set clears it, and need not write the EOI register.
 *
 * It is set just before an entry and taken back at the exit that follows, whatever that is for: so
 * nothing that looks at the local APIC, in the kernel or in a saved state, ever sees it.
 */
#include <asm/kvm_para.h>

#include "pv.h"
#include "vcpu.h"

#define ENABLE		BIT_ULL(0)
#define UNALIGNED	BIT_ULL(1)

static void finish(struct hvm_vcpu *vcpu, bool ended)
{
	vcpu->pv.eoi.armed = false;
	vcpu->pv.eoi.unknown = false;
	vcpu->stats->pv_eois += ended;
	if (ended)
		hvm_lapic_eoi(&vcpu->lapic);
}

/**
 * hvm_eoi_write - the MSR: where the flag is
 * @vcpu: the vCPU, its lock held
 * @value: guest physical address, multiple of 4, and bit 0: enabled
 *
 * Return: 0, or -EINVAL: not aligned
 */
int hvm_eoi_write(struct hvm_vcpu *vcpu, u64 value)
{
	if (value & UNALIGNED)
		return -EINVAL;
	if (unlikely(vcpu->pv.eoi.unknown))
		finish(vcpu, true);
	vcpu->pv.eoi = (struct hvm_eoi) { .msr = value };
	return 0;
}

/* -ESTALE once: the place is looked up where it is needed first. */
static int swap_flag(struct hvm_vcpu *vcpu, u8 *value)
{
	struct hvm_eoi *eoi = &vcpu->pv.eoi;
	struct hvm_mem *mem = &vcpu->vm->mem;
	int err = hvm_spot_swap(mem, &eoi->flag, value);

	if (likely(err != -ESTALE))
		return err;
	hvm_spot_find(mem, &eoi->flag, eoi->msr & ~ENABLE);
	return hvm_spot_swap(mem, &eoi->flag, value);
}

/**
 * hvm_eoi_arm - an interrupt of the local APIC goes in with this entry
 * @vcpu: the vCPU, loaded
 *
 * Context: interrupts off
 */
void hvm_eoi_arm(struct hvm_vcpu *vcpu)
{
	u8 flag = KVM_PV_EOI_ENABLED;

	if (likely(!(vcpu->pv.eoi.msr & ENABLE)) || !hvm_lapic_eoi_is_silent(&vcpu->lapic))
		return;
	vcpu->pv.eoi.armed = !swap_flag(vcpu, &flag);
}

/**
 * hvm_eoi_look - the exit after hvm_eoi_arm(): has the guest taken the flag?
 * @vcpu: the vCPU, loaded; &hvm_eoi.armed is set
 *
 * The host may have taken the page meanwhile: then the guest is left, and hvm_eoi_settle() waits
 * for it.
 *
 * Context: interrupts off
 */
void hvm_eoi_look(struct hvm_vcpu *vcpu)
{
	u8 flag = 0;

	if (likely(!swap_flag(vcpu, &flag))) {
		finish(vcpu, !(flag & KVM_PV_EOI_ENABLED));
		return;
	}
	vcpu->pv.eoi.unknown = true;
	hvm_bell_ring(&vcpu->bell, HVM_REQ_EVENT);
}

/**
 * hvm_eoi_settle - hvm_eoi_look() could not tell
 * @vcpu: the vCPU, loaded; &hvm_eoi.unknown is set
 *
 * A flag that cannot be read counts as taken: an interrupt that comes early does less harm than
 * none at all.
 *
 * Context: process, interrupts on; may sleep for the memory
 */
void hvm_eoi_settle(struct hvm_vcpu *vcpu)
{
	u8 flag = 0;

	if (hvm_mem_swap(&vcpu->vm->mem, vcpu->pv.eoi.msr & ~ENABLE, &flag))
		flag = 0;
	finish(vcpu, !(flag & KVM_PV_EOI_ENABLED));
}
