// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters as userspace sees them: their names, and the pages they stand in. Not here: counting,
 * which is done where things happen.
 */
#include <linux/hvm.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "stats.h"
#include "stats_file.h"

#define VCPU(field, label) { .offset = offsetof(struct hvm_vcpu_stats, field), \
	.object = HVM_STATISTIC_VCPU, .unit = HVM_UNIT_EVENTS, .name = label }
#define VM(field, label) { .offset = offsetof(struct hvm_vm_stats, field), \
	.object = HVM_STATISTIC_VM, .unit = HVM_UNIT_EVENTS, .name = label }

static const struct hvm_statistic statistics[] = {
	VCPU(exits[HVM_HW_INTR], "exit_interrupt"),
	VCPU(exits[HVM_HW_WINDOW], "exit_window"),
	VCPU(exits[HVM_HW_DEADLINE], "exit_deadline"),
	VCPU(exits[HVM_HW_EOI], "exit_eoi"),
	VCPU(exits[HVM_HW_CPUID], "exit_cpuid"),
	VCPU(exits[HVM_HW_HLT], "exit_hlt"),
	VCPU(exits[HVM_HW_HYPERCALL], "exit_hypercall"),
	VCPU(exits[HVM_HW_MSR_READ], "exit_msr_read"),
	VCPU(exits[HVM_HW_MSR_WRITE], "exit_msr_write"),
	VCPU(exits[HVM_HW_PIO], "exit_pio"),
	VCPU(exits[HVM_HW_TDP_FAULT], "exit_fault"),
	VCPU(exits[HVM_HW_CR_WRITE], "exit_cr_write"),
	VCPU(exits[HVM_HW_DR_ACCESS], "exit_dr_access"),
	VCPU(exits[HVM_HW_XSETBV], "exit_xsetbv"),
	VCPU(exits[HVM_HW_EXCEPTION], "exit_exception"),
	VCPU(exits[HVM_HW_UNDEFINED], "exit_undefined"),
	VCPU(exits[HVM_HW_PRIVILEGED], "exit_privileged"),
	VCPU(exits[HVM_HW_NOP], "exit_nop"),
	VCPU(exits[HVM_HW_PAUSE], "exit_pause"),
	VCPU(exits[HVM_HW_TASK_SWITCH], "exit_task_switch"),
	VCPU(exits[HVM_HW_TRIPLE_FAULT], "exit_triple_fault"),
	VCPU(exits[HVM_HW_INVALID_STATE], "exit_invalid_state"),
	VCPU(exits[HVM_HW_UNKNOWN], "exit_unknown"),
	VCPU(leaves[HVM_EXIT_STOPPED], "leave_stopped"),
	VCPU(leaves[HVM_EXIT_PIO], "leave_pio"),
	VCPU(leaves[HVM_EXIT_MEMORY], "leave_memory"),
	VCPU(leaves[HVM_EXIT_FAULT], "leave_fault"),
	VCPU(leaves[HVM_EXIT_MSR], "leave_msr"),
	VCPU(leaves[HVM_EXIT_APIC], "leave_apic"),
	VCPU(leaves[HVM_EXIT_EOI], "leave_eoi"),
	VCPU(leaves[HVM_EXIT_INTWINDOW], "leave_intwindow"),
	VCPU(leaves[HVM_EXIT_SHUTDOWN], "leave_shutdown"),
	VCPU(leaves[HVM_EXIT_INVALID_STATE], "leave_invalid_state"),
	VCPU(leaves[HVM_EXIT_UNSUPPORTED], "leave_unsupported"),
	VCPU(leaves[HVM_EXIT_DEBUG], "leave_debug"),
	VCPU(injected[HVM_EVENT_INTR], "inject_interrupt"),
	VCPU(injected[HVM_EVENT_NMI], "inject_nmi"),
	VCPU(injected[HVM_EVENT_EXCEPTION], "inject_exception"),
	VCPU(injected[HVM_EVENT_SOFT_EXCEPTION], "inject_soft_exception"),
	VCPU(faults[0], "fault_4k"),
	VCPU(faults[1], "fault_2m"),
	VCPU(faults[2], "fault_1g"),
	VCPU(halts, "halts"),
	VCPU(polls, "polls"),
	VCPU(yields, "yields"),
	VCPU(requests, "requests"),
	VCPU(flushes, "flushes"),
	VCPU(pv_flushes, "pv_flushes"),
	VCPU(pv_eois, "pv_eois"),
	VCPU(moves, "moves"),
	VCPU(switches, "switches"),
	VM(messages, "messages"),
	VM(flushes, "flush_rounds"),
	VM(zaps, "zaps"),
};

/**
 * hvm_stats_list - the names of all counters
 * @to: user address of an array of struct hvm_statistic
 * @count: in: places in it; out: counters there are
 *
 * Return: 0 or -EFAULT
 */
int hvm_stats_list(void __user *to, u32 *count)
{
	u32 places = min_t(u32, *count, ARRAY_SIZE(statistics));

	*count = ARRAY_SIZE(statistics);
	return copy_to_user(to, statistics, places * sizeof(statistics[0])) ? -EFAULT : 0;
}

/**
 * hvm_stats_mmap - map a page of counters, for reading and for good
 * @vma: one page, shared
 * @page: the page; the mapping takes a reference, and holds the file besides
 *
 * Without VM_MAYWRITE neither mprotect() nor a debugger makes it writable.
 *
 * Return: 0; -EINVAL: not one page, private, or not just readable; -ENOMEM
 */
int hvm_stats_mmap(struct vm_area_struct *vma, void *page)
{
	if (vma->vm_end - vma->vm_start != PAGE_SIZE || !(vma->vm_flags & VM_SHARED) ||
	    vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EINVAL;
	hvm_compat_vm_flags_mod(vma, VM_DONTEXPAND, VM_MAYWRITE | VM_MAYEXEC);
	return vm_insert_page(vma, vma->vm_start, virt_to_page(page));
}
