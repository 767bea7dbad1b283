// SPDX-License-Identifier: GPL-2.0-only
/*
 * DR0 to DR3 and DR6 of the guest. They are loaded only between the guest's first access (which
 * exits) and the next time it has no breakpoint enabled when its thread leaves the guest's service;
 * most guests never pay for them. DR7 is in the hardware's own state and the backend's business. A
 * debugger that has breakpoints (debug.c) comes before the guest: then its registers are loaded.
 */
#include <linux/hw_breakpoint.h>
#include <asm/debugreg.h>

#include "debugreg.h"
#include "vcpu.h"

#define DR6_RESET	0xffff0ff0ULL
#define DR7_ENABLED	0xffULL
#define DR7_GENERAL_DETECT	BIT_ULL(13)

/**
 * hvm_debugreg_reset - as after reset (SDM "Processor State After Reset")
 * @vcpu: the vCPU, its lock held
 */
void hvm_debugreg_reset(struct hvm_vcpu *vcpu)
{
	memset(&vcpu->debug, 0, sizeof(vcpu->debug));
	vcpu->debug.dr6 = DR6_RESET;
	hvm_debugreg_reclaim(vcpu);
}

/**
 * hvm_debugreg_give - whose the registers are from the next entry on
 * @vcpu: the vCPU, its lock held
 * @owner: HVM_DR_*
 */
void hvm_debugreg_give(struct hvm_vcpu *vcpu, u8 owner)
{
	vcpu->hw->dr_owner = owner;
	vcpu->hw->dirty |= HVM_HW_NEW_INTERCEPTS;
}

/**
 * hvm_debugreg_lend - from the next entry on the guest has its registers, unless a debugger has
 * @vcpu: the vCPU, its lock held
 */
void hvm_debugreg_lend(struct hvm_vcpu *vcpu)
{
	if (vcpu->hw->dr_owner == HVM_DR_HOST)
		hvm_debugreg_give(vcpu, HVM_DR_GUEST);
}

/**
 * hvm_debugreg_reclaim - take them back when the guest has no breakpoint enabled
 * @vcpu: the vCPU, its lock held, loaded
 */
void hvm_debugreg_reclaim(struct hvm_vcpu *vcpu)
{
	struct hvm_hw_state state;

	if (vcpu->hw->dr_owner != HVM_DR_GUEST)
		return;
	hvm_backend->get_state(vcpu->hw, HVM_STATE_DEBUG, &state);
	if (!(state.dr7 & DR7_ENABLED))
		hvm_debugreg_give(vcpu, HVM_DR_HOST);
}

/**
 * hvm_debugreg_enter - load the guest's, or the debugger's
 * @vcpu: the vCPU, with &hvm_hw.dr_owner set
 *
 * Context: interrupts off
 */
void hvm_debugreg_enter(struct hvm_vcpu *vcpu)
{
	const u64 *dr = vcpu->debug.dr;

	if (vcpu->hw->dr_owner == HVM_DR_DEBUGGER)
		dr = vcpu->debugger.dr;
	set_debugreg(0, 7);
	set_debugreg(dr[0], 0);
	set_debugreg(dr[1], 1);
	set_debugreg(dr[2], 2);
	set_debugreg(dr[3], 3);
	vcpu->hw->dr6 = vcpu->debug.dr6;
}

/**
 * hvm_debugreg_exit - save the guest's
 * @vcpu: the vCPU, with &hvm_hw.dr_owner set
 *
 * The exit left DR7 without breakpoints.
 *
 * Context: interrupts off
 */
void hvm_debugreg_exit(struct hvm_vcpu *vcpu)
{
	if (vcpu->hw->dr_owner == HVM_DR_DEBUGGER)
		return;
	get_debugreg(vcpu->debug.dr[0], 0);
	get_debugreg(vcpu->debug.dr[1], 1);
	get_debugreg(vcpu->debug.dr[2], 2);
	get_debugreg(vcpu->debug.dr[3], 3);
	vcpu->debug.dr6 = vcpu->hw->dr6;
}

/**
 * hvm_debugreg_hit - a #DB is delivered: DR6 tells why, and its handler may use the registers
 * @vcpu: the vCPU, its lock held, loaded
 * @bits: B0 to B3, BD, BS, BT (SDM "Debug Status Register (DR6)")
 *
 * A processor that delivers one clears DR7.GD (SDM "Debug Control Register (DR7)"); one that exits
 * for it, or is given it, leaves that to us.
 */
void hvm_debugreg_hit(struct hvm_vcpu *vcpu, u64 bits)
{
	struct hvm_hw_state state;

	vcpu->debug.dr6 |= bits;
	hvm_backend->get_state(vcpu->hw, HVM_STATE_DEBUG, &state);
	if (!(state.dr7 & DR7_GENERAL_DETECT))
		return;
	state.dr7 &= ~DR7_GENERAL_DETECT;
	hvm_backend->set_state(vcpu->hw, HVM_STATE_DEBUG, &state);
}
