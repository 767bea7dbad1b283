// SPDX-License-Identifier: GPL-2.0-only
/*
 * Userspace's half of an exit. The run page says how the access was finished; every field is read
 * once and checked against what the kernel itself remembers of the exit, so a page that another
 * thread scribbles on can do no more than a wrong guest could. Not here: what exits (exit.c).
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "complete.h"
#include "debug.h"
#include "exit.h"
#include "vcpu.h"

/* What an instruction that accesses memory or a port may change. */
#define FLAGS_TAKEN	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | \
			 X86_EFLAGS_SF | X86_EFLAGS_OF | X86_EFLAGS_DF | X86_EFLAGS_AC)

#define MAX_INSN_LEN	15

static bool is_completable(u32 reason)
{
	const u32 which = BIT(HVM_EXIT_PIO) | BIT(HVM_EXIT_MEMORY) | BIT(HVM_EXIT_MSR) |
			  BIT(HVM_EXIT_APIC);

	return BIT(reason) & which;
}

static noinline void set_registers(struct hvm_vcpu *vcpu, u64 rsp, u64 flags)
{
	struct hvm_hw_state state;

	hvm_backend->get_state(vcpu->hw, HVM_STATE_GPR, &state);
	state.rsp = rsp;
	state.rflags = (state.rflags & ~FLAGS_TAKEN) | (flags & FLAGS_TAKEN);
	hvm_backend->set_state(vcpu->hw, HVM_STATE_GPR, &state);
}

/* Compared with what the page was given at the exit: mostly nothing has changed. */
static void take_registers(struct hvm_vcpu *vcpu)
{
	u64 flags = READ_ONCE(vcpu->run->rflags);
	u64 rsp = READ_ONCE(vcpu->run->gpr[HVM_RSP]);

	if (rsp == vcpu->hw->rsp && !((flags ^ vcpu->hw->rflags) & FLAGS_TAKEN))
		return;
	set_registers(vcpu, rsp, flags);
}

static void finish_msr(struct hvm_vcpu *vcpu)
{
	u64 value = READ_ONCE(vcpu->run->msr.value);

	if (vcpu->exit_write)
		return;
	vcpu->run->gpr[HVM_RAX] = (u32)value;
	vcpu->run->gpr[HVM_RDX] = value >> 32;
}

static void finish_apic(struct hvm_vcpu *vcpu)
{
	u32 value = READ_ONCE(vcpu->run->apic.value);

	if (vcpu->exit_write)
		hvm_lapic_write(&vcpu->lapic, vcpu->exit_offset, value);
}

/* The decoder ran, so registers that do not live in the run page may have changed; or an MSR. */
static void take_values(struct hvm_vcpu *vcpu)
{
	if (vcpu->reason == HVM_EXIT_MSR) {
		finish_msr(vcpu);
		return;
	}
	take_registers(vcpu);
	if (vcpu->reason == HVM_EXIT_APIC)
		finish_apic(vcpu);
}

static int finish(struct hvm_vcpu *vcpu)
{
	u8 len = READ_ONCE(vcpu->run->complete_len);

	if (!is_completable(vcpu->reason))
		return -EINVAL;
	if (!len)
		len = vcpu->insn_len;
	if (!len || len > MAX_INSN_LEN)
		return -EINVAL;

	/* Of the four, only a plain access to a port has nothing to take. */
	if (vcpu->reason != HVM_EXIT_PIO || vcpu->exit_string)
		take_values(vcpu);
	if (hvm_backend->skip(vcpu->hw, len))
		hvm_event_single_step(vcpu);
	if (unlikely(vcpu->debugger.active))
		hvm_debug_retired(vcpu);
	return 0;
}

/**
 * hvm_complete - take over how userspace finished the last exit
 * @vcpu: the vCPU, its lock held, loaded
 *
 * Return: 0, or -EINVAL: the answer does not fit the exit; the vCPU is as it was
 */
int hvm_complete(struct hvm_vcpu *vcpu)
{
	u8 complete = READ_ONCE(vcpu->run->complete);
	int err = 0;

	lockdep_assert_held(&vcpu->lock);
	if (!complete)
		err = 0;
	else if (complete == HVM_COMPLETE)
		err = finish(vcpu);
	else if (complete == HVM_COMPLETE_GP && vcpu->reason == HVM_EXIT_MSR)
		hvm_event_raise_error(vcpu, X86_TRAP_GP, 0);
	else if (complete == HVM_COMPLETE_REFLECT && vcpu->reason == HVM_EXIT_DEBUG)
		err = hvm_debug_reflect(vcpu);
	else
		err = -EINVAL;
	if (err)
		return err;
	WRITE_ONCE(vcpu->run->complete, 0);
	vcpu->reason = HVM_EXIT_NONE;
	return 0;
}
