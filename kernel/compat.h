/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernel versions, from 6.1 on. The only LINUX_VERSION_CODE of the tree; each
 * wrapper says which change of the kernel it hides.
 */
#ifndef HVM_COMPAT_H
#define HVM_COMPAT_H

#include <linux/cpuhotplug.h>
#include <linux/eventfd.h>
#include <linux/hugetlb_inline.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/syscore_ops.h>
#include <linux/version.h>
#include <asm/cpufeature.h>

/* 6.12 has these names: CPUID Fn8000_0008 EBX bit 28, and the bit of SPEC_CTRL for it. */
#ifndef X86_FEATURE_AMD_PSFD
#define X86_FEATURE_AMD_PSFD	(13 * 32 + 28)
#endif
#ifndef SPEC_CTRL_PSFD
#define SPEC_CTRL_PSFD		BIT(7)
#endif

/* Before 6.12 the kernel does not choose BP_SPEC_REDUCE against SRSO; the bit is the same. */
#ifdef X86_FEATURE_SRSO_BP_SPEC_REDUCE
#define HVM_COMPAT_SRSO_BP_SPEC_REDUCE	boot_cpu_has(X86_FEATURE_SRSO_BP_SPEC_REDUCE)
#else
#define HVM_COMPAT_SRSO_BP_SPEC_REDUCE	false
#define MSR_ZEN4_BP_CFG_BP_SPEC_REDUCE_BIT	4
#endif

/* 6.9 may take interrupts and exceptions in another way (SDM, FRED). */
static inline bool hvm_compat_uses_fred(void)
{
#ifdef X86_FEATURE_FRED
	return cpu_feature_enabled(X86_FEATURE_FRED);
#else
	return false;
#endif
}

/* How long this thread waited for a CPU while it could run, ns; not every kernel counts it. */
static inline u64 hvm_compat_run_delay(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

/* 6.5 dropped the argument. */
static inline void hvm_compat_rcu_note_guest(void)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	rcu_virt_note_context_switch(smp_processor_id());
#else
	rcu_virt_note_context_switch();
#endif
}

/* 6.8 dropped the number, which was 1 nearly everywhere. */
static inline void hvm_compat_eventfd_signal(struct eventfd_ctx *eventfd)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	eventfd_signal(eventfd, 1);
#else
	eventfd_signal(eventfd);
#endif
}

/*
 * The step of CPU hotplug at which no task is left on a CPU that goes: KVM's own, which is free
 * while KVM is not loaded. Before 6.3 it is in the part that must not fail.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define HVM_COMPAT_CPUHP_STATE		CPUHP_AP_KVM_STARTING
#define HVM_COMPAT_CPUHP_MAY_FAIL	false
#else
#define HVM_COMPAT_CPUHP_STATE		CPUHP_AP_KVM_ONLINE
#define HVM_COMPAT_CPUHP_MAY_FAIL	true
#endif

/*
 * How get_user_pages shall behave for a vCPU: end when any signal comes (from 6.2 on; before, only
 * one that kills), and count as an access for NUMA balancing (a flag since 6.6; before, the rule).
 */
static inline unsigned int hvm_compat_gup_flags(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return FOLL_INTERRUPTIBLE | FOLL_HONOR_NUMA_FAULT;
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	return FOLL_INTERRUPTIBLE;
#else
	return 0;
#endif
}

/* Before 6.6 get_user_pages faults pages of hugetlbfs in although FOLL_NOFAULT says not to. */
static inline bool hvm_compat_ignores_nofault(struct mm_struct *mm, unsigned long hva)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	struct vm_area_struct *vma;
	bool huge;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, hva);
	huge = vma && is_vm_hugetlb_page(vma);
	mmap_read_unlock(mm);
	return huge;
#else
	return false;
#endif
}

/* Huge entries of mappings without pages (device memory) are marked since 6.12, and exist since. */
static inline bool hvm_compat_pmd_special(pmd_t pmd)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	return false;
#else
	return pmd_special(pmd);
#endif
}

static inline bool hvm_compat_pud_special(pud_t pud)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	return false;
#else
	return pud_special(pud);
#endif
}

/* 6.3 left the flags of a mapping to functions of their own. */
static inline void hvm_compat_vm_flags_mod(struct vm_area_struct *vma, vm_flags_t set,
					   vm_flags_t clear)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#else
	vm_flags_mod(vma, set, clear);
#endif
}

/*
 * What the system's core calls around sleep. 6.19, and stable kernels before, hand the callbacks a
 * pointer and keep the node of their list apart.
 */
#ifdef HVM_COMPAT_REGISTER_SYSCORE
#define HVM_COMPAT_SYSCORE_ARGS		void *data

static inline void hvm_compat_syscore_register(struct syscore_ops *ops, struct syscore *core)
{
	core->ops = ops;
	register_syscore(core);
}

static inline void hvm_compat_syscore_unregister(struct syscore_ops *ops, struct syscore *core)
{
	unregister_syscore(core);
}
#else
#define HVM_COMPAT_SYSCORE_ARGS		void

struct syscore {
};

static inline void hvm_compat_syscore_register(struct syscore_ops *ops, struct syscore *core)
{
	register_syscore_ops(ops);
}

static inline void hvm_compat_syscore_unregister(struct syscore_ops *ops, struct syscore *core)
{
	unregister_syscore_ops(ops);
}
#endif

#endif /* HVM_COMPAT_H */
