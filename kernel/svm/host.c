// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's side of a CPU: SVM on and off, the areas that hold the host's state while a guest
 * runs, address space ids, and what changes when another virtual CPU comes to a CPU. Not here:
 * running (run.c).
 */
#include <linux/gfp.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/topology.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>

#include "../compat.h"
#include "svm.h"

DEFINE_PER_CPU(struct svm_cpu, svm_cpu);

static void *page_near(int cpu)
{
	struct page *page = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);

	return page ? page_address(page) : NULL;
}

static void free_cpu(struct svm_cpu *host)
{
	free_page((unsigned long)host->save_area);
	free_page((unsigned long)host->host_vmcb);
	host->save_area = NULL;
	host->host_vmcb = NULL;
}

static int alloc_cpu(int cpu)
{
	struct svm_cpu *host = per_cpu_ptr(&svm_cpu, cpu);

	host->save_area = page_near(cpu);
	host->host_vmcb = page_near(cpu);
	if (!host->save_area || !host->host_vmcb)
		return -ENOMEM;
	host->host_pa = __sme_pa(host->host_vmcb);
	return 0;
}

/**
 * svm_host_setup - the areas of all CPUs, those not yet here included
 *
 * Return: 0 or -ENOMEM
 */
int svm_host_setup(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		if (alloc_cpu(cpu)) {
			svm_host_teardown();
			return -ENOMEM;
		}
	}
	return 0;
}

/**
 * svm_host_teardown - reverse of svm_host_setup(); SVM is off everywhere
 */
void svm_host_teardown(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		free_cpu(per_cpu_ptr(&svm_cpu, cpu));
}

/* A guest's predictions stay out of the host, where the kernel chose this against SRSO. */
static void reduce_speculation(bool on)
{
	if (!HVM_COMPAT_SRSO_BP_SPEC_REDUCE)
		return;
	if (on)
		msr_set_bit(MSR_ZEN4_BP_CFG, MSR_ZEN4_BP_CFG_BP_SPEC_REDUCE_BIT);
	else
		msr_clear_bit(MSR_ZEN4_BP_CFG, MSR_ZEN4_BP_CFG_BP_SPEC_REDUCE_BIT);
}

/**
 * svm_cpu_enable - &hvm_backend.cpu_enable
 *
 * Nothing is known about what the CPU's TLB holds under any ASID: the first VMRUN flushes them all
 * (svm_asid_new()).
 *
 * Return: 0, -EBUSY: EFER.SVME is set already
 * Context: interrupts off
 */
int svm_cpu_enable(void)
{
	struct svm_cpu *host = this_cpu_ptr(&svm_cpu);
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	if (efer & EFER_SVME)
		return -EBUSY;
	host->asid_generation++;
	host->next_asid = svm_caps.max_asid + 1;
	host->last_id = 0;
	if (svm_caps.tsc_aux)
		rdmsrl(MSR_TSC_AUX, host->tsc_aux);

	/* A crash may come in between. */
	host->on = true;
	wrmsrl(MSR_EFER, efer | EFER_SVME);
	wrmsrl(MSR_VM_HSAVE_PA, __sme_pa(host->save_area));
	reduce_speculation(true);
	return 0;
}

/**
 * svm_cpu_disable - &hvm_backend.cpu_disable
 *
 * The VMCBs of guests that ran here lie in memory after every VMRUN, and svm_load() trusts nothing
 * from before svm_cpu_enable(), so there is nothing to write back. STGI in case GIF is clear: INIT
 * and NMI would stay blocked in whatever is booted next. A CPU on which somebody else turned SVM on
 * is left alone.
 *
 * Context: interrupts off; also from the crash path
 */
void svm_cpu_disable(void)
{
	struct svm_cpu *host = this_cpu_ptr(&svm_cpu);
	u64 efer;

	if (!host->on || rdmsrl_safe(MSR_EFER, &efer) || !(efer & EFER_SVME))
		return;
	asm volatile("stgi" : : : "memory");
	wrmsrl(MSR_VM_HSAVE_PA, 0);
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
	reduce_speculation(false);
	/* Last: should a crash come in between, all is done once more. */
	host->on = false;
}

/**
 * svm_asid_new - an ASID under which this CPU's TLB holds nothing
 * @svm: the virtual CPU, about to run here
 *
 * Within a generation each ASID of a CPU is given out once. A generation begins with a flush of all
 * ASIDs in the VMRUN that follows right here, with interrupts off, so no other guest runs on this
 * CPU between the first use of an ASID and that flush. A virtual CPU that still holds an ASID of
 * the generation before finds that out when it is loaded (svm_load()): it isn't loaded now, because
 * this one is. So no two virtual CPUs use one ASID on one CPU without a flush in between. Entries
 * left under an ASID that its owner gave up are never used again before they are flushed.
 *
 * Context: interrupts off
 */
void svm_asid_new(struct svm_vcpu *svm)
{
	struct svm_cpu *host = this_cpu_ptr(&svm_cpu);

	if (host->next_asid > svm_caps.max_asid) {
		host->asid_generation++;
		host->next_asid = 1;
		svm->vmcb->tlb_control = VMCB_TLB_FLUSH_ALL;
	}
	svm->vmcb->asid = host->next_asid++;
	svm->vmcb->clean &= ~VMCB_CLEAN_ASID;
	svm->asid_generation = host->asid_generation;
	svm->new_asid = false;
}

/*
 * Translations made here before may since have been dropped on another CPU only, and what this CPU
 * remembers of the VMCB (clean bits) may be old: start afresh. A CPU that was offline in between
 * has a new generation. Another guest's branch history is kept away from this one's, where the host
 * wants that.
 */
static void arrive(struct svm_vcpu *svm, struct svm_cpu *host, int cpu)
{
	if (svm->cpu != cpu || svm->asid_generation != host->asid_generation) {
		svm->cpu = cpu;
		svm->vmcb->clean = 0;
		svm->entry.host_pa = host->host_pa;
		svm->new_asid = true;
		svm->hw.dirty |= HVM_HW_FLUSH_TLB;
	}
	if (host->last_id != svm->id) {
		host->last_id = svm->id;
		indirect_branch_prediction_barrier();
	}
}

/**
 * svm_load - &hvm_backend.load
 * @hw: the virtual CPU
 *
 * TSC_AUX is not among what VMLOAD and VMSAVE switch. The kernel does not read it, only processes
 * do.
 *
 * Context: preemption off
 */
void svm_load(struct hvm_hw *hw)
{
	struct svm_vcpu *svm = to_svm(hw);
	struct svm_cpu *host = this_cpu_ptr(&svm_cpu);

	arrive(svm, host, smp_processor_id());
	if (svm_caps.tsc_aux && svm->tsc_aux != host->tsc_aux)
		wrmsrl(MSR_TSC_AUX, svm->tsc_aux);
	svm->loaded = true;
}

/**
 * svm_put - &hvm_backend.put
 * @hw: the virtual CPU
 *
 * Context: preemption off
 */
void svm_put(struct hvm_hw *hw)
{
	struct svm_vcpu *svm = to_svm(hw);
	struct svm_cpu *host = this_cpu_ptr(&svm_cpu);

	svm->loaded = false;
	if (svm_caps.tsc_aux && svm->tsc_aux != host->tsc_aux)
		wrmsrl(MSR_TSC_AUX, host->tsc_aux);
}
