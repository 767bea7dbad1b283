// SPDX-License-Identifier: GPL-2.0-only
/*
 * One virtual processor: creation, reset, start, end. Not here: running it (run.c), its state as
 * userspace sees it (state.c), its fd (ioctl.c).
 */
#include <linux/gfp.h>
#include <linux/slab.h>
#include <asm/processor-flags.h>

#include "debugreg.h"
#include "run.h"

#define RESET_CR0	(X86_CR0_CD | X86_CR0_NW | X86_CR0_ET)
#define RESET_DR7	0x400ULL
#define RESET_RIP	0xfff0
#define RESET_CS_BASE	0xffff0000ULL
/* EDX after reset: family 6 (SDM "Processor State After Reset"). */
#define RESET_RDX	0x600

#define REAL_DATA	(HVM_SEG_P | HVM_SEG_S | 0x3)
#define REAL_CODE	(HVM_SEG_P | HVM_SEG_S | 0xb)
#define RESET_LDTR	(HVM_SEG_P | 0x2)
#define RESET_TR	(HVM_SEG_P | 0xb)

/* SDM "Processor State After Reset", APM "Initial Processor State". */
static void fill_reset_segments(struct hvm_state_segments *s)
{
	int i;

	for (i = 0; i < HVM_SEG_COUNT; i++) {
		s->seg[i].limit = 0xffff;
		s->seg[i].attributes = REAL_DATA;
	}
	s->seg[HVM_CS].selector = 0xf000;
	s->seg[HVM_CS].base = RESET_CS_BASE;
	s->seg[HVM_CS].attributes = REAL_CODE;
	s->seg[HVM_LDTR].attributes = RESET_LDTR;
	s->seg[HVM_TR].attributes = RESET_TR;
	s->gdt.limit = 0xffff;
	s->idt.limit = 0xffff;
}

/* INIT leaves CD and NW of CR0 alone, reset sets them. */
static void reset_hw(struct hvm_vcpu *vcpu, bool init)
{
	const u32 mask = HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL |
			 HVM_STATE_DEBUG | HVM_STATE_EVENTS;
	struct hvm_hw_state state = {};

	state.cr0 = RESET_CR0;
	if (init) {
		struct hvm_hw_state old;

		hvm_backend->get_state(vcpu->hw, HVM_STATE_CONTROL, &old);
		state.cr0 = (old.cr0 & (X86_CR0_CD | X86_CR0_NW)) | X86_CR0_ET;
	}
	state.rip = RESET_RIP;
	state.rflags = X86_EFLAGS_FIXED;
	state.dr7 = RESET_DR7;
	fill_reset_segments(&state.segments);
	hvm_backend->set_state(vcpu->hw, mask, &state);
	vcpu->hw->cr2 = 0;
	vcpu->hw->dirty |= HVM_HW_FLUSH_TLB;
}

static void reset(struct hvm_vcpu *vcpu, bool init)
{
	memset(vcpu->run->gpr, 0, sizeof(vcpu->run->gpr));
	vcpu->run->gpr[HVM_RDX] = RESET_RDX;
	reset_hw(vcpu, init);
	hvm_debugreg_reset(vcpu);
	hvm_event_reset(vcpu);
	hvm_pv_reset(vcpu);
	hvm_lapic_reset(&vcpu->lapic, init);
	vcpu->events.mp_state = vcpu->lapic.id ? HVM_MP_WAIT_SIPI : HVM_MP_RUNNING;
	vcpu->reason = HVM_EXIT_NONE;
}

/**
 * hvm_vcpu_init_signal - an INIT arrived (SDM "MP Initialization Protocol")
 * @vcpu: the vCPU, its lock held, loaded
 */
void hvm_vcpu_init_signal(struct hvm_vcpu *vcpu)
{
	reset(vcpu, true);
}

/**
 * hvm_vcpu_start - a SIPI arrived; ignored unless the vCPU waits for one
 * @vcpu: the vCPU, its lock held, loaded
 * @page: start page, 0 to 255: execution starts at @page * 4096
 */
void hvm_vcpu_start(struct hvm_vcpu *vcpu, u8 page)
{
	struct hvm_hw_state state;

	if (vcpu->events.mp_state != HVM_MP_WAIT_SIPI)
		return;
	hvm_backend->get_state(vcpu->hw, HVM_STATE_GPR | HVM_STATE_SEGMENTS, &state);
	state.rip = 0;
	state.segments.seg[HVM_CS].selector = page << 8;
	state.segments.seg[HVM_CS].base = page << 12;
	hvm_backend->set_state(vcpu->hw, HVM_STATE_GPR | HVM_STATE_SEGMENTS, &state);
	vcpu->events.mp_state = HVM_MP_RUNNING;
}

static int create_hw(struct hvm_vcpu *vcpu)
{
	vcpu->hw = hvm_backend->create(vcpu->run);
	if (IS_ERR(vcpu->hw))
		return PTR_ERR(vcpu->hw);
	vcpu->hw->tdp_root = hvm_mem_root(&vcpu->vm->mem);
	vcpu->hw->tdp_levels = hvm_caps.tdp.levels;
	vcpu->hw->exit_exceptions = BIT(1) | BIT(17);
	vcpu->hw->dirty = ~0U;
	return 0;
}

/**
 * hvm_vcpu_create - a virtual processor in reset state
 * @vm: its guest; &hvm_vm.lock is held, and the caller holds a reference for it
 * @apic_id: local APIC id
 *
 * Return: the vCPU, or ERR_PTR: -ENOMEM, -EEXIST: the id is taken
 * Context: process
 */
struct hvm_vcpu *hvm_vcpu_create(struct hvm_vm *vm, u32 apic_id)
{
	struct hvm_vcpu *vcpu;
	int err;

	vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	vcpu->vm = vm;
	hvm_run_init(vcpu);
	mutex_init(&vcpu->lock);
	hvm_bell_init(&vcpu->bell);

	err = -ENOMEM;
	vcpu->run = (struct hvm_run *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->run)
		goto err_free;
	vcpu->stats = (struct hvm_vcpu_stats *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->stats)
		goto err_run;
	err = create_hw(vcpu);
	if (err)
		goto err_stats;
	err = hvm_fpu_init(&vcpu->fpu);
	if (err)
		goto err_hw;
	vcpu->lapic.timer.exit_place = hvm_caps.exit_timer ? &vcpu->hw->deadline : NULL;
	vcpu->lapic.vapic = vcpu->hw->vapic.page ? &vcpu->hw->vapic : NULL;
	err = hvm_lapic_init(&vcpu->lapic, &vm->irq, &vcpu->bell, apic_id);
	if (err)
		goto err_fpu;

	hvm_bells_add(&vm->bells, &vcpu->bell);
	hvm_clock_join(vcpu);
	/* Nobody else has it. Only tried: the guest's lock, which is held, is taken inside it. */
	mutex_trylock(&vcpu->lock);
	hvm_run_load(vcpu);
	hvm_msr_init(vcpu);
	reset(vcpu, false);
	hvm_run_put(vcpu);
	mutex_unlock(&vcpu->lock);
	return vcpu;

err_fpu:
	hvm_fpu_deinit(&vcpu->fpu);
err_hw:
	hvm_backend->destroy(vcpu->hw);
err_stats:
	free_page((unsigned long)vcpu->stats);
err_run:
	free_page((unsigned long)vcpu->run);
err_free:
	kfree(vcpu);
	return ERR_PTR(err);
}

/**
 * hvm_vcpu_destroy - its end
 * @vcpu: a vCPU that no fd leads to any more, so nobody runs it
 *
 * The local APIC leaves the routing first, then nobody rings the bell any more but who still reads
 * under RCU; the memory outlives those.
 *
 * Context: process; &hvm_vm.lock is not held
 */
void hvm_vcpu_destroy(struct hvm_vcpu *vcpu)
{
	hvm_lapic_deinit(&vcpu->lapic);
	hvm_clock_leave(vcpu);
	hvm_bells_remove(&vcpu->vm->bells, &vcpu->bell);
	hvm_fpu_deinit(&vcpu->fpu);
	hvm_backend->destroy(vcpu->hw);
	hvm_cpuid_free(vcpu->cpuid);
	free_page((unsigned long)vcpu->stats);
	free_page((unsigned long)vcpu->run);
	mutex_destroy(&vcpu->lock);
	kfree_rcu(vcpu, rcu);
}
