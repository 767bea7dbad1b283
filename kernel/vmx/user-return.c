// SPDX-License-Identifier: GPL-2.0-only
/*
 * STAR, LSTAR, CSTAR, SFMASK and TSC_AUX. Nothing in the kernel uses them between two returns to
 * userspace, so the guest's values stay in place over exits, and over several vCPUs, until the
 * kernel is about to return to userspace on this CPU. Not here: KernelGSBase and the segment bases,
 * which a context switch needs (host.c).
 */
#include <linux/percpu.h>
#include <linux/user-return-notifier.h>
#include <asm/msr.h>

#include "vmx.h"

/**
 * struct user_return - one host CPU
 * @notifier: calls when the CPU returns to userspace
 * @armed: [C] @notifier is registered: @loaded differs from @host, or may
 * @host: [C] the host's values, by enum vmx_syscall_msr; constant while VMX is on
 * @loaded: [C] what the registers hold
 *
 * [C] this CPU only, interrupts off.
 */
struct user_return {
	struct user_return_notifier notifier;
	bool armed;
	u64 host[VMX_SYSCALL_MSRS];
	u64 loaded[VMX_SYSCALL_MSRS];
};

static DEFINE_PER_CPU(struct user_return, user_returns);

static const u32 indices[VMX_SYSCALL_MSRS] = {
	[VMX_MSR_STAR]		= MSR_STAR,
	[VMX_MSR_LSTAR]		= MSR_LSTAR,
	[VMX_MSR_CSTAR]		= MSR_CSTAR,
	[VMX_MSR_SFMASK]	= MSR_SYSCALL_MASK,
	[VMX_MSR_TSC_AUX]	= MSR_TSC_AUX,
};

static unsigned int msr_count(void)
{
	return vmx_caps.has_tsc_aux ? VMX_SYSCALL_MSRS : VMX_MSR_TSC_AUX;
}

static void load(struct user_return *this, unsigned int i, const u64 *values)
{
	unsigned int count = msr_count();

	for (; i < count; i++) {
		if (this->loaded[i] == values[i])
			continue;
		native_wrmsrl(indices[i], values[i]);
		this->loaded[i] = values[i];
	}
}

/**
 * vmx_user_return_restore - the host's values now
 *
 * Context: interrupts off
 */
void vmx_user_return_restore(void)
{
	struct user_return *this = this_cpu_ptr(&user_returns);

	if (!this->armed)
		return;
	load(this, 0, this->host);
	user_return_notifier_unregister(&this->notifier);
	this->armed = false;
}

/* VMX may be turned off on this CPU by an interrupt meanwhile, which restores too. */
static void on_user_return(struct user_return_notifier *notifier)
{
	unsigned long flags;

	local_irq_save(flags);
	vmx_user_return_restore();
	local_irq_restore(flags);
}

/**
 * vmx_user_return_read - learn the host's values
 *
 * Context: VMX was just turned on here; interrupts off
 */
void vmx_user_return_read(void)
{
	struct user_return *this = this_cpu_ptr(&user_returns);
	unsigned int i, count = msr_count();

	this->notifier.on_user_return = on_user_return;
	for (i = 0; i < count; i++) {
		this->host[i] = __rdmsr(indices[i]);
		this->loaded[i] = this->host[i];
	}
}

static noinline void load_and_arm(struct user_return *this, unsigned int i, const u64 *values)
{
	unsigned long flags;

	local_irq_save(flags);
	load(this, i, values);
	if (!this->armed) {
		user_return_notifier_register(&this->notifier);
		this->armed = true;
	}
	local_irq_restore(flags);
}

/**
 * vmx_user_return_load - load a vCPU's values where they differ; the host's come back by themselves
 * @vmx: the vCPU
 *
 * Context: preemption off
 */
void vmx_user_return_load(const struct vmx_vcpu *vmx)
{
	struct user_return *this = this_cpu_ptr(&user_returns);
	unsigned int i, count = msr_count();

	for (i = vmx->syscall_on ? 0 : VMX_MSR_TSC_AUX; i < count; i++) {
		if (this->loaded[i] != vmx->syscall_msr[i]) {
			load_and_arm(this, i, vmx->syscall_msr);
			return;
		}
	}
}
