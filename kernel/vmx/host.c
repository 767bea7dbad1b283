// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's side of VT-x: VMX operation on and off, which VMCS is current and active on which CPU,
 * and the host registers that a guest replaces for as long as its vCPU is loaded. Not here: the
 * syscall MSRs, which stay until the next return to userspace (user-return.c).
 *
 * A VMCS may be active on one CPU at a time, and the CPU may hold parts of it: before it becomes
 * active elsewhere, before its page is freed and before VMXOFF it is VMCLEARed on that CPU. Each
 * CPU lists what is active on it. The list changes on its own CPU with interrupts off; a crash may
 * read it between any two instructions of a change, which list_add() and list_del() allow a reader
 * that walks forward.
 */
#include <linux/gfp.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <asm/cpu_entry_area.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/mmu_context.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/perf_event.h>
#include <asm/processor.h>
#include <asm/segment.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>

#include "vmx.h"

/**
 * struct vmx_cpu - one host CPU
 * @vmxon: [I] its VMXON region, a page
 * @on: [C] it is in VMX operation, and by us
 * @current_vmcs: [C] the vCPU whose VMCS is current
 * @last: [C] the vCPU that was loaded last: another one needs a barrier against its branch
 *   predictions
 * @active: [C] vCPUs whose VMCS is active here, &vmx_vcpu.entry
 *
 * [I] set at setup; [C] this CPU only; @active with interrupts off, the others with preemption off.
 */
struct vmx_cpu {
	void *vmxon;
	bool on;
	struct vmx_vcpu *current_vmcs;
	struct vmx_vcpu *last;
	struct list_head active;
};

static DEFINE_PER_CPU(struct vmx_cpu, cpus);

/* --- VMX operation -------------------------------------------------------- */

/**
 * vmx_host_alloc - the VMXON regions of all CPUs there may be
 *
 * Return: 0 or -ENOMEM
 */
int vmx_host_alloc(void)
{
	struct vmx_cpu *this;
	struct page *page;
	int cpu;

	for_each_possible_cpu(cpu) {
		this = per_cpu_ptr(&cpus, cpu);
		INIT_LIST_HEAD(&this->active);
		page = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);
		if (!page) {
			vmx_host_free();
			return -ENOMEM;
		}
		this->vmxon = page_address(page);
		*(u32 *)this->vmxon = vmx_caps.revision;
	}
	return 0;
}

/**
 * vmx_host_free - reverse of vmx_host_alloc()
 */
void vmx_host_free(void)
{
	struct vmx_cpu *this;
	int cpu;

	for_each_possible_cpu(cpu) {
		this = per_cpu_ptr(&cpus, cpu);
		free_page((unsigned long)this->vmxon);
		this->vmxon = NULL;
	}
}

static bool vmxon(u64 pa)
{
	asm goto("1: vmxon %[pa]\n\t"
		 "jna %l[failed]\n"
		 _ASM_EXTABLE(1b, %l[failed])
		 : : [pa] "m" (pa) : "cc", "memory" : failed);
	return true;
failed:
	return false;
}

/* #UD outside VMX operation: then it is off already. */
static void vmxoff(void)
{
	asm goto("1: vmxoff\n"
		 _ASM_EXTABLE(1b, %l[off])
		 : : : "cc", "memory" : off);
off:
	return;
}

/**
 * vmx_cpu_enable - turn VMX operation on, on this CPU (SDM "Enabling and Entering VMX Operation")
 *
 * Return: 0; -EBUSY: another hypervisor has it; -EIO: the processor refused
 * Context: interrupts off
 */
int vmx_cpu_enable(void)
{
	struct vmx_cpu *this = this_cpu_ptr(&cpus);

	if (native_read_cr4() & X86_CR4_VMXE)
		return -EBUSY;
	intel_pt_handle_vmx(1);
	cr4_set_bits_irqsoff(X86_CR4_VMXE);
	if (!vmxon(__pa(this->vmxon))) {
		cr4_clear_bits_irqsoff(X86_CR4_VMXE);
		intel_pt_handle_vmx(0);
		return -EIO;
	}
	/* Nothing this CPU cached of a former VMX operation may be believed. */
	vmx_invept(VMX_INVALIDATE_ALL, 0);
	if (vmx_caps.invvpid)
		vmx_invvpid(VMX_INVALIDATE_ALL, 0);
	vmx_user_return_read();
	this->on = true;
	return 0;
}

static void clear_here(struct vmx_vcpu *vmx)
{
	struct vmx_cpu *this = this_cpu_ptr(&cpus);

	vmcs_clear(vmx->vmcs_pa);
	if (this->current_vmcs == vmx)
		this->current_vmcs = NULL;
	if (this->last == vmx)
		this->last = NULL;
	list_del(&vmx->entry);
	vmx->frame.launched = 0;
	vmx->field_cpu = -1;
	/* Pairs with the acquire in make_active(): who sees -1 sees the rest. */
	smp_store_release(&vmx->cpu, -1);
}

/**
 * vmx_cpu_disable - turn VMX operation off, on this CPU
 *
 * Context: interrupts off, or a crash
 */
void vmx_cpu_disable(void)
{
	struct vmx_cpu *this = this_cpu_ptr(&cpus);
	struct vmx_vcpu *vmx, *next;

	if (!this->on)
		return;
	this->on = false;
	list_for_each_entry_safe(vmx, next, &this->active, entry)
		clear_here(vmx);
	vmxoff();
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
	intel_pt_handle_vmx(0);
	vmx_user_return_restore();
}

/* --- which VMCS is where -------------------------------------------------- */

static void clear_remote(void *data)
{
	struct vmx_vcpu *vmx = data;

	/* The CPU may have been taken down and up again meanwhile, which cleared it. */
	if (vmx->cpu == raw_smp_processor_id())
		clear_here(vmx);
}

static void make_inactive(struct vmx_vcpu *vmx)
{
	/* Pairs with the release in clear_here(). */
	int cpu = smp_load_acquire(&vmx->cpu);

	/* Fails when that CPU is offline: going down cleared it. */
	if (cpu >= 0)
		smp_call_function_single(cpu, clear_remote, vmx, 1);
}

/* Make the VMCS active and current here. Preemption off, interrupts on. */
static void make_current(struct vmx_vcpu *vmx)
{
	struct vmx_cpu *this = this_cpu_ptr(&cpus);
	int cpu = smp_processor_id();

	if (unlikely(READ_ONCE(vmx->cpu) != cpu)) {
		make_inactive(vmx);
		local_irq_disable();
		vmx->cpu = cpu;
		list_add(&vmx->entry, &this->active);
		local_irq_enable();
	}
	if (this->current_vmcs != vmx) {
		vmcs_load(vmx->vmcs_pa);
		this->current_vmcs = vmx;
	}
}

/**
 * vmx_hold - make a VMCS current for a moment, wherever the vCPU is
 * @vmx: the vCPU; loaded by this thread, or by nobody
 *
 * Return: what vmx_unhold() wants
 * Context: interrupts on; preemption is off until vmx_unhold()
 */
struct vmx_vcpu *vmx_hold(struct vmx_vcpu *vmx)
{
	struct vmx_vcpu *before;

	preempt_disable();
	/*
	 * One that is loaded is this thread's own and stays. Any other may vanish as soon as
	 * interrupts are on.
	 */
	local_irq_disable();
	before = this_cpu_read(cpus.current_vmcs);
	if (before && !before->loaded)
		before = NULL;
	local_irq_enable();
	if (before != vmx)
		make_current(vmx);
	return before;
}

/**
 * vmx_unhold - reverse of vmx_hold()
 * @vmx: the vCPU
 * @before: what vmx_hold() returned
 */
void vmx_unhold(struct vmx_vcpu *vmx, struct vmx_vcpu *before)
{
	if (before && before != vmx)
		make_current(before);
	preempt_enable();
}

/**
 * vmx_vmcs_release - the CPU where it was active forgets it; its page may be freed then
 * @vmx: the vCPU, loaded by nobody
 *
 * Context: process
 */
void vmx_vmcs_release(struct vmx_vcpu *vmx)
{
	make_inactive(vmx);
}

/* --- load and put ---------------------------------------------------------- */

/*
 * Host fields that differ from CPU to CPU. Also here: translations that the guest left on this CPU
 * when it was here last, and that a flush elsewhere has not reached.
 */
static void write_cpu_fields(struct vmx_vcpu *vmx, int cpu)
{
	u64 value;

	native_store_gdt(&vmx->host_gdt);
	vmcs_write(VMCS_HOST_GDTR_BASE, vmx->host_gdt.address);
	vmcs_write(VMCS_HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	value = __rdmsr(MSR_GS_BASE);
	vmcs_write(VMCS_HOST_GS_BASE, value);
	value = __rdmsr(MSR_IA32_SYSENTER_ESP);
	vmcs_write(VMCS_HOST_SYSENTER_ESP, value);
	vmx->hw.dirty |= HVM_HW_FLUSH_TLB | VMX_WORK_FLUSH_VPID;
	vmx->field_cpu = cpu;
}

/*
 * A selector with bits 2:0 set cannot be a host field; nor do exits load LDTR. Those are reloaded
 * in put().
 */
static void note_segments(struct vmx_vcpu *vmx)
{
	savesegment(fs, vmx->host_fs);
	savesegment(gs, vmx->host_gs);
	savesegment(ds, vmx->host_ds);
	savesegment(es, vmx->host_es);
	asm("sldt %0" : "=m" (vmx->host_ldt));
	vmx->host_selectors = vmx->host_fs | vmx->host_gs | vmx->host_ds | vmx->host_es |
			      vmx->host_ldt;
}

static noinline void reload_segments(struct vmx_vcpu *vmx)
{
	if (vmx->host_ldt)
		asm volatile("lldt %0" : : "m" (vmx->host_ldt));
	if (vmx->host_gs)
		load_gs_index(vmx->host_gs);
	if (vmx->host_fs) {
		loadsegment(fs, vmx->host_fs);
		native_wrmsrl(MSR_FS_BASE, vmx->field_fs_base);
	}
	loadsegment(ds, vmx->host_ds);
	loadsegment(es, vmx->host_es);
}

/* The bases of the thread's own FS and GS; the latter is in the register that SWAPGS will fetch. */
static u64 read_fs_base(void)
{
	if (static_cpu_has(X86_FEATURE_FSGSBASE))
		return rdfsbase();
	current_save_fsgs();
	return current->thread.fsbase;
}

static void load_segments(struct vmx_vcpu *vmx)
{
	u64 fs_base = read_fs_base();

	note_segments(vmx);
	if (vmx->field_fs_base != fs_base) {
		vmx->field_fs_base = fs_base;
		vmcs_write(VMCS_HOST_FS_BASE, fs_base);
	}
	vmx->host_kernel_gs_base = __rdmsr(MSR_KERNEL_GS_BASE);
	native_wrmsrl(MSR_KERNEL_GS_BASE, vmx->kernel_gs_base);
}

/**
 * vmx_load - make a vCPU current on this CPU
 * @hw: the vCPU
 *
 * Context: preemption off, interrupts on
 */
void vmx_load(struct hvm_hw *hw)
{
	struct vmx_vcpu *vmx = to_vmx(hw);
	struct vmx_cpu *this = this_cpu_ptr(&cpus);
	int cpu = smp_processor_id();

	if (unlikely(this->current_vmcs != vmx || READ_ONCE(vmx->cpu) != cpu))
		make_current(vmx);
	if (unlikely(vmx->field_cpu != cpu))
		write_cpu_fields(vmx, cpu);
	if (this->last != vmx) {
		indirect_branch_prediction_barrier();
		this->last = vmx;
	}
	load_segments(vmx);
	vmx_user_return_load(vmx);
	vmx->flush_l1d = true;
	vmx->loaded = true;
}

static noinline void tell_tss_limit(void)
{
	invalidate_tss_limit();
}

/* Exits leave TR's limit without the I/O bitmap; mostly the kernel knows already. */
static void drop_tss_limit(void)
{
	if (unlikely(!this_cpu_read(__tss_limit_invalid) || test_thread_flag(TIF_IO_BITMAP)))
		tell_tss_limit();
}

/**
 * vmx_put - leave this CPU: what exits do not restore is the host's again
 * @hw: the vCPU
 *
 * An exit leaves GDTR's limit at 64 KiB, LDTR empty and TR's limit without the I/O bitmap (SDM
 * "Loading Host Segment and Descriptor-Table Registers"); IDTR's limit too, but there a larger one
 * reaches nothing: vectors end at 255.
 *
 * Context: preemption off
 */
void vmx_put(struct hvm_hw *hw)
{
	struct vmx_vcpu *vmx = to_vmx(hw);

	vmx->loaded = false;
	vmx->kernel_gs_base = __rdmsr(MSR_KERNEL_GS_BASE);
	if (unlikely(vmx->host_selectors))
		reload_segments(vmx);
	native_wrmsrl(MSR_KERNEL_GS_BASE, vmx->host_kernel_gs_base);
	drop_tss_limit();
	native_load_gdt(&vmx->host_gdt);
}
