// SPDX-License-Identifier: GPL-2.0-only
/*
 * All of a vCPU, in blocks. Set checks every block before it applies the first; it applies them in
 * an order of its own: control before segments and general registers (long mode decides what RIP
 * may be), MSRs before the local APIC (APIC_BASE decides its mode), events last. Not here: what
 * single registers mean (the rooms that own them).
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/processor-flags.h>

#include "clock.h"
#include "control.h"
#include "debugreg.h"
#include "run.h"
#include "state.h"
#include "vcpu.h"

/* As many as a guest could name; HVM_GET_INFO lists far fewer. */
#define MAX_MSRS	1024

#define HW_BLOCKS	(HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL | \
			 HVM_STATE_EVENTS | HVM_STATE_DEBUG)

/* SDM "EFLAGS Register": bits that are never set. */
#define RFLAGS_RESERVED	(~(u64)(X86_EFLAGS_CF | X86_EFLAGS_FIXED | X86_EFLAGS_PF | X86_EFLAGS_AF | \
			 X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_TF | X86_EFLAGS_IF | \
			 X86_EFLAGS_DF | X86_EFLAGS_OF | X86_EFLAGS_IOPL | X86_EFLAGS_NT | \
			 X86_EFLAGS_RF | X86_EFLAGS_VM | X86_EFLAGS_AC | X86_EFLAGS_VIF | \
			 X86_EFLAGS_VIP | X86_EFLAGS_ID))
#define SEG_KNOWN	(HVM_SEG_TYPE | HVM_SEG_S | HVM_SEG_DPL | HVM_SEG_P | HVM_SEG_AVL | \
			 HVM_SEG_L | HVM_SEG_DB | HVM_SEG_G | HVM_SEG_UNUSABLE)

/* Buffers of the blocks that do not lie in struct hvm_state. */
struct buffers {
	struct hvm_msr_value *msrs;
	void *xsave;
};

static bool is_canonical(u64 gva)
{
	unsigned int unused = boot_cpu_has(X86_FEATURE_LA57) ? 64 - 57 : 64 - 48;

	return (u64)((s64)(gva << unused) >> unused) == gva;
}

/* --- get ---------------------------------------------------------------- */

static void get_gpr(struct hvm_vcpu *vcpu, const struct hvm_hw_state *hw,
		    struct hvm_state_gpr *out)
{
	memcpy(out->gpr, vcpu->run->gpr, sizeof(out->gpr));
	out->gpr[HVM_RSP] = hw->rsp;
	out->rip = hw->rip;
	out->rflags = hw->rflags;
}

static void get_control(struct hvm_vcpu *vcpu, const struct hvm_hw_state *hw,
			struct hvm_state_control *out)
{
	out->cr0 = hw->cr0;
	out->cr2 = vcpu->hw->cr2;
	out->cr3 = hw->cr3;
	out->cr4 = hw->cr4;
	out->cr8 = hvm_lapic_tpr(&vcpu->lapic) >> 4;
	out->efer = hw->efer;
	out->xcr0 = vcpu->fpu.xcr0;
	memcpy(out->pdpte, hw->pdpte, sizeof(out->pdpte));
}

/* What an event that is over left behind is nobody's business; HVM_SET_STATE would refuse it. */
static struct hvm_event present(const struct hvm_event *event)
{
	return event->type == HVM_EVENT_NONE ? (struct hvm_event){} : *event;
}

static void get_events(struct hvm_vcpu *vcpu, const struct hvm_hw_state *hw,
		       struct hvm_state_events *out)
{
	const struct hvm_events *e = &vcpu->events;
	int signals = atomic_read(&vcpu->lapic.signals);
	u32 nmis = e->nmi_pending + !!(signals & HVM_SIGNAL_NMI) + !!(signals & HVM_SIGNAL_NMI2);

	out->injected = present(&e->injected);
	out->pending = present(&e->pending);
	out->nmi_pending = min(nmis, 2U);
	out->nmi_masked = hw->nmi_masked;
	out->shadow = hw->shadow;
	out->init_pending = !!(signals & HVM_SIGNAL_INIT);
	out->sipi_pending = !!(signals & HVM_SIGNAL_SIPI);
	out->sipi_vector = signals & HVM_SIGNAL_SIPI_VECTOR;
	out->mp_state = e->mp_state;
}

static void get_debug(struct hvm_vcpu *vcpu, const struct hvm_hw_state *hw,
		      struct hvm_state_debug *out)
{
	*out = vcpu->debug;
	out->dr7 = hw->dr7;
}

static int get_msrs(struct hvm_vcpu *vcpu, struct hvm_state *state, struct buffers *buffers)
{
	u32 i;
	int err;

	for (i = 0; i < state->msr.count; i++) {
		err = hvm_msr_get(vcpu, buffers->msrs[i].index, &buffers->msrs[i].value);
		if (err)
			break;
	}
	state->msr.failed = i;
	return i < state->msr.count ? -ENOENT : 0;
}

static int get_blocks(struct hvm_vcpu *vcpu, struct hvm_state *state, struct buffers *buffers)
{
	struct hvm_hw_state hw = {};

	if (state->mask & HW_BLOCKS)
		hvm_backend->get_state(vcpu->hw, state->mask & HW_BLOCKS, &hw);
	if (state->mask & HVM_STATE_GPR)
		get_gpr(vcpu, &hw, &state->gpr);
	if (state->mask & HVM_STATE_SEGMENTS)
		state->segments = hw.segments;
	if (state->mask & HVM_STATE_CONTROL)
		get_control(vcpu, &hw, &state->control);
	if (state->mask & HVM_STATE_LAPIC)
		hvm_lapic_save(&vcpu->lapic, &state->lapic);
	if (state->mask & HVM_STATE_EVENTS)
		get_events(vcpu, &hw, &state->events);
	if (state->mask & HVM_STATE_DEBUG)
		get_debug(vcpu, &hw, &state->debug);
	if (state->mask & HVM_STATE_CLOCK)
		hvm_clock_save(vcpu, &state->clock);
	if (state->mask & HVM_STATE_XSAVE)
		hvm_fpu_save_state(&vcpu->fpu, buffers->xsave, state->xsave.count);
	return state->mask & HVM_STATE_MSR ? get_msrs(vcpu, state, buffers) : 0;
}

/* --- check -------------------------------------------------------------- */

static int check_gpr(const struct hvm_state_gpr *gpr)
{
	if (gpr->rflags & RFLAGS_RESERVED || !(gpr->rflags & X86_EFLAGS_FIXED))
		return -EINVAL;
	return is_canonical(gpr->rip) ? 0 : -EINVAL;
}

static int check_dtable(const struct hvm_dtable *table)
{
	return table->reserved || table->limit > 0xffff || !is_canonical(table->base) ? -EINVAL : 0;
}

static int check_segments(const struct hvm_state_segments *s)
{
	int i;

	for (i = 0; i < HVM_SEG_COUNT; i++)
		if (s->seg[i].attributes & ~SEG_KNOWN || !is_canonical(s->seg[i].base))
			return -EINVAL;
	return check_dtable(&s->gdt) ?: check_dtable(&s->idt);
}

static int check_events(const struct hvm_state_events *e)
{
	if (hvm_event_check(&e->injected) || hvm_event_check(&e->pending))
		return -EINVAL;
	if (e->pending.type != HVM_EVENT_NONE && e->pending.type != HVM_EVENT_EXCEPTION &&
	    e->pending.type != HVM_EVENT_SOFT_EXCEPTION)
		return -EINVAL;
	if (e->nmi_pending > 2 || e->nmi_masked > 1 || e->shadow > HVM_SHADOW_MOV_SS ||
	    e->init_pending > 1 || e->sipi_pending > 1)
		return -EINVAL;
	return e->mp_state > HVM_MP_WAIT_SIPI || e->reserved ? -EINVAL : 0;
}

static int check_debug(const struct hvm_state_debug *d)
{
	return d->dr6 >> 32 || d->dr7 >> 32 ? -EINVAL : 0;
}

static int check_blocks(struct hvm_vcpu *vcpu, const struct hvm_state *state)
{
	int err = 0;

	if (state->mask & HVM_STATE_GPR)
		err = check_gpr(&state->gpr);
	if (!err && state->mask & HVM_STATE_SEGMENTS)
		err = check_segments(&state->segments);
	if (!err && state->mask & HVM_STATE_CONTROL && !hvm_control_valid(&state->control))
		err = -EINVAL;
	if (!err && state->mask & HVM_STATE_LAPIC)
		err = hvm_lapic_check(&vcpu->lapic, &state->lapic);
	if (!err && state->mask & HVM_STATE_EVENTS)
		err = check_events(&state->events);
	if (!err && state->mask & HVM_STATE_DEBUG)
		err = check_debug(&state->debug);
	if (!err && state->mask & HVM_STATE_CLOCK)
		err = hvm_clock_check(&state->clock);
	return err;
}

/* --- set ---------------------------------------------------------------- */

static void set_control(struct hvm_vcpu *vcpu, const struct hvm_state_control *in,
			struct hvm_hw_state *hw)
{
	hw->cr0 = in->cr0;
	hw->cr3 = in->cr3;
	hw->cr4 = in->cr4;
	hw->efer = in->efer;
	memcpy(hw->pdpte, in->pdpte, sizeof(hw->pdpte));
	vcpu->hw->cr2 = in->cr2;
	vcpu->hw->dirty |= HVM_HW_FLUSH_TLB;
	vcpu->fpu.xcr0 = in->xcr0;
	hvm_lapic_set_tpr(&vcpu->lapic, in->cr8 << 4);
}

static void set_gpr(struct hvm_vcpu *vcpu, const struct hvm_state_gpr *in,
		    struct hvm_hw_state *hw)
{
	memcpy(vcpu->run->gpr, in->gpr, sizeof(in->gpr));
	hw->rsp = in->gpr[HVM_RSP];
	hw->rip = in->rip;
	hw->rflags = in->rflags;
	/* What the last exit left to be done is done or void: the registers are new. */
	vcpu->reason = HVM_EXIT_NONE;
}

static void set_events(struct hvm_vcpu *vcpu, const struct hvm_state_events *in,
		       struct hvm_hw_state *hw)
{
	struct hvm_events *e = &vcpu->events;
	int signals = 0;

	e->injected = in->injected;
	e->pending = in->pending;
	e->nmi_pending = in->nmi_pending;
	e->mp_state = in->mp_state;
	vcpu->lapic.recheck = true;
	hw->shadow = in->shadow;
	hw->nmi_masked = in->nmi_masked;
	if (in->init_pending)
		signals |= HVM_SIGNAL_INIT;
	if (in->sipi_pending)
		signals |= HVM_SIGNAL_SIPI | in->sipi_vector;
	atomic_set(&vcpu->lapic.signals, signals);
	hvm_bell_ring(&vcpu->bell, HVM_REQ_EVENT);
}

static void set_debug(struct hvm_vcpu *vcpu, const struct hvm_state_debug *in,
		      struct hvm_hw_state *hw)
{
	vcpu->debug = *in;
	hw->dr7 = in->dr7;
	hvm_debugreg_lend(vcpu);
}

/* Cannot fail: everything was checked. */
static void set_blocks(struct hvm_vcpu *vcpu, const struct hvm_state *state)
{
	struct hvm_hw_state hw = {};

	if (state->mask & HVM_STATE_CONTROL)
		set_control(vcpu, &state->control, &hw);
	if (state->mask & HVM_STATE_SEGMENTS)
		hw.segments = state->segments;
	if (state->mask & HVM_STATE_GPR)
		set_gpr(vcpu, &state->gpr, &hw);
	if (state->mask & HVM_STATE_EVENTS)
		set_events(vcpu, &state->events, &hw);
	if (state->mask & HVM_STATE_DEBUG)
		set_debug(vcpu, &state->debug, &hw);
	if (state->mask & HW_BLOCKS)
		hvm_backend->set_state(vcpu->hw, state->mask & HW_BLOCKS, &hw);
	if (state->mask & HVM_STATE_CLOCK)
		hvm_clock_load(vcpu, &state->clock);
	if (state->mask & HVM_STATE_LAPIC)
		hvm_lapic_load(&vcpu->lapic, &state->lapic);
}

/*
 * The two blocks in buffers are checked by applying them, so they come first; when the second
 * fails, the first is undone.
 */
static int set_buffers(struct hvm_vcpu *vcpu, struct hvm_state *state, struct buffers *buffers)
{
	void *old = NULL;
	int err = 0;

	if (state->mask & HVM_STATE_XSAVE) {
		old = kvmalloc(state->xsave.count, GFP_KERNEL_ACCOUNT);
		if (!old)
			return -ENOMEM;
		hvm_fpu_save_state(&vcpu->fpu, old, state->xsave.count);
		err = hvm_fpu_load_state(&vcpu->fpu, buffers->xsave);
	}
	if (!err && state->mask & HVM_STATE_MSR) {
		err = hvm_msr_set_all(vcpu, buffers->msrs, state->msr.count, &state->msr.failed);
		if (err && old)
			hvm_fpu_load_state(&vcpu->fpu, old);
	}
	kvfree(old);
	return err;
}

/* --- the calls ---------------------------------------------------------- */

static int fetch_buffers(const struct hvm_state *state, struct buffers *buffers)
{
	void *data;

	if (state->mask & HVM_STATE_MSR) {
		if (state->msr.count > MAX_MSRS)
			return -ENOSPC;
		data = vmemdup_user(u64_to_user_ptr(state->msr.address),
				    array_size(state->msr.count, sizeof(*buffers->msrs)));
		if (IS_ERR(data))
			return PTR_ERR(data);
		buffers->msrs = data;
	}
	if (state->mask & HVM_STATE_XSAVE) {
		if (state->xsave.count != hvm_fpu_bytes())
			return -EINVAL;
		data = vmemdup_user(u64_to_user_ptr(state->xsave.address), state->xsave.count);
		if (IS_ERR(data))
			return PTR_ERR(data);
		buffers->xsave = data;
	}
	return 0;
}

static int return_buffers(const struct hvm_state *state, const struct buffers *buffers)
{
	size_t bytes = array_size(state->msr.count, sizeof(*buffers->msrs));

	if (state->mask & HVM_STATE_MSR &&
	    copy_to_user(u64_to_user_ptr(state->msr.address), buffers->msrs, bytes))
		return -EFAULT;
	if (state->mask & HVM_STATE_XSAVE &&
	    copy_to_user(u64_to_user_ptr(state->xsave.address), buffers->xsave,
			 state->xsave.count))
		return -EFAULT;
	return 0;
}

static void free_buffers(struct buffers *buffers)
{
	kvfree(buffers->msrs);
	kvfree(buffers->xsave);
}

static bool msrs_well_formed(const struct hvm_state *state, const struct buffers *buffers)
{
	u32 i;

	if (!(state->mask & HVM_STATE_MSR))
		return true;
	for (i = 0; i < state->msr.count; i++)
		if (buffers->msrs[i].reserved)
			return false;
	return true;
}

/**
 * hvm_state_get - HVM_GET_STATE
 * @vcpu: the vCPU, its lock held
 * @state: in: mask and buffers; out: the blocks
 *
 * Return: 0, -EOPNOTSUPP: unknown block, -EINVAL, -ENOSPC: too many MSRs, -ENOENT: an MSR is not
 * carried, -EFAULT, -ENOMEM
 * Context: process
 */
int hvm_state_get(struct hvm_vcpu *vcpu, struct hvm_state *state)
{
	struct buffers buffers = {};
	int err;

	lockdep_assert_held(&vcpu->lock);
	if (state->mask & ~HVM_STATE_ALL)
		return -EOPNOTSUPP;
	err = fetch_buffers(state, &buffers);
	if (err || !msrs_well_formed(state, &buffers)) {
		free_buffers(&buffers);
		return err ?: -EINVAL;
	}

	hvm_run_load(vcpu);
	err = get_blocks(vcpu, state, &buffers);
	hvm_run_put(vcpu);

	if (!err)
		err = return_buffers(state, &buffers);
	free_buffers(&buffers);
	return err;
}

/**
 * hvm_state_set - HVM_SET_STATE
 * @vcpu: the vCPU, its lock held
 * @state: the argument; msr.failed is filled in
 *
 * Return: 0, or as hvm_state_get(); -EINVAL: a value is wrong by itself; then nothing has changed
 * Context: process
 */
int hvm_state_set(struct hvm_vcpu *vcpu, struct hvm_state *state)
{
	struct buffers buffers = {};
	int err;

	lockdep_assert_held(&vcpu->lock);
	if (state->mask & ~HVM_STATE_ALL)
		return -EOPNOTSUPP;
	err = fetch_buffers(state, &buffers);
	if (!err)
		err = msrs_well_formed(state, &buffers) ? check_blocks(vcpu, state) : -EINVAL;
	if (!err) {
		hvm_run_load(vcpu);
		err = set_buffers(vcpu, state, &buffers);
		if (!err)
			set_blocks(vcpu, state);
		hvm_run_put(vcpu);
	}
	free_buffers(&buffers);
	return err;
}
