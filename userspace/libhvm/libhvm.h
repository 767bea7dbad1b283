/* SPDX-License-Identifier: MIT */
/*
 * libhvm: the /dev/vm interface as C functions. It wraps the ioctls of <linux/hvm.h> one by one,
 * maps the run page, and finishes the accesses that the kernel hands out (access.h). It is not a
 * machine: it has no devices, no threads and no memory of its own beyond what a call is given.
 *
 * Objects are file descriptors, as in the kernel's interface: /dev/vm (device), a guest (vm) and a
 * struct hvm_vcpu, which adds the mapped run page. Functions return zero or a positive result, or
 * a negative errno with the meaning that <linux/hvm.h> gives it; none of them prints or exits.
 * Functions may be called from any thread; a vCPU's from one thread at a time, except
 * hvm_vcpu_stop() and hvm_kick().
 */
#ifndef LIBHVM_H
#define LIBHVM_H

#include <stddef.h>
#include <stdint.h>

#include <linux/hvm.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct hvm_vcpu - one virtual processor
 * @fd: its file descriptor
 * @apic_id: its local APIC id
 * @run: the run page, mapped from @fd
 */
struct hvm_vcpu {
	int fd;
	uint32_t apic_id;
	struct hvm_run *run;
};

/* --- /dev/vm ---------------------------------------------------------- */

/**
 * hvm_open() - open the device
 * @path: its path; NULL: /dev/vm
 *
 * Also checks that the module speaks this header's ABI version.
 *
 * Return: a file descriptor (close-on-exec), to be closed with close(); -ENOENT: the module is not
 * loaded; -EACCES: no permission; -EPROTO: another ABI version, or not this device at all.
 */
int hvm_open(const char *path);

/**
 * hvm_open_hint() - what a user can do about an error of hvm_open()
 * @error: the negative errno
 *
 * Return: a phrase such as "is not there: load the module (insmod hvm.ko)".
 */
const char *hvm_open_hint(int error);

/**
 * hvm_info() - what the kernel and processor offer
 * @device: fd of /dev/vm
 * @info: filled in; the list of MSRs is fetched with hvm_msr_list()
 */
int hvm_info(int device, struct hvm_get_info *info);

/**
 * hvm_msr_list() - the indices that the msr state block carries
 * @device: fd of /dev/vm
 * @indices: room for them, or NULL
 * @count: in: places; out: how many there are, which may be more
 */
int hvm_msr_list(int device, uint32_t *indices, uint32_t *count);

/**
 * hvm_statistic_list() - the counters that guests and vCPUs have
 * @device: fd of /dev/vm
 * @statistics: room for them, or NULL
 * @count: in: places; out: how many there are, which may be more
 */
int hvm_statistic_list(int device, struct hvm_statistic *statistics, uint32_t *count);

/**
 * hvm_statistic_map() - map the counters of a guest or a vCPU
 * @fd: a guest's or a vCPU's
 * @page: out: 4096 bytes to read, until munmap(); counters stand where hvm_statistic_list() says
 */
int hvm_statistic_map(int fd, const void **page);

/**
 * hvm_cpuid_offer() - the CPUID table the host can offer a guest
 * @device: fd of /dev/vm
 * @entries: room for the table, or NULL
 * @count: in: places; out: how many entries there are, which may be more
 */
int hvm_cpuid_offer(int device, struct hvm_cpuid_entry *entries, uint32_t *count);

/* --- a guest ------------------------------------------------------------ */

/**
 * hvm_vm_create() - create a guest
 * @device: fd of /dev/vm
 *
 * Return: the guest's file descriptor, to be closed with close().
 */
int hvm_vm_create(int device);

/**
 * hvm_vm_map() - attach memory of this process to guest physical addresses
 * @vm: the guest
 * @gpa: guest physical address, multiple of 4096
 * @memory: address in this process, multiple of 4096
 * @bytes: length, multiple of 4096
 * @flags: HVM_MAP_*
 */
int hvm_vm_map(int vm, uint64_t gpa, void *memory, uint64_t bytes, uint32_t flags);

/**
 * hvm_vm_unmap() - detach memory
 * @vm: the guest
 * @gpa: guest physical address, multiple of 4096
 * @bytes: length, multiple of 4096
 */
int hvm_vm_unmap(int vm, uint64_t gpa, uint64_t bytes);

/**
 * hvm_vm_msi() - deliver a message-signalled interrupt
 * @vm: the guest
 * @address: message address
 * @data: message data
 *
 * Return: the number of vCPUs that took it, or a negative errno.
 */
int hvm_vm_msi(int vm, uint64_t address, uint32_t data);

/**
 * hvm_vm_irqfd() - let writes to an eventfd deliver an interrupt, or no longer
 * @vm: the guest
 * @binding: which and how; its size is not looked at
 */
int hvm_vm_irqfd(int vm, const struct hvm_irqfd *binding);

/**
 * hvm_vm_ioeventfd() - let port writes signal an eventfd, or no longer
 * @vm: the guest
 * @doorbell: which and how; its size is not looked at
 */
int hvm_vm_ioeventfd(int vm, const struct hvm_ioeventfd *doorbell);

/**
 * hvm_vm_clock() - read or set the guest's clock
 * @vm: the guest
 * @clock: flags and, with HVM_CLOCK_SET, guest_ns in; the rest out
 */
int hvm_vm_clock(int vm, struct hvm_clock *clock);

/**
 * hvm_vm_msr_policy() - send accesses to some MSRs to this process
 * @vm: the guest, before its first run
 * @ranges: which
 * @count: how many ranges; zero takes the policy away
 * @flags: HVM_MSR_UNKNOWN_EXITS or zero
 */
int hvm_vm_msr_policy(int vm, const struct hvm_msr_range *ranges, uint32_t count, uint32_t flags);

/**
 * hvm_set_cpuid() - choose what the guest's CPUID returns
 * @fd: a guest (all vCPUs without a table of their own) or a vCPU, before its first run
 * @entries: the table
 * @count: its length
 */
int hvm_set_cpuid(int fd, const struct hvm_cpuid_entry *entries, uint32_t count);

/**
 * hvm_kick() - make a vCPU, or all vCPUs of a guest, leave with HVM_EXIT_STOPPED once
 * @fd: a vCPU's or a guest's
 */
int hvm_kick(int fd);

/* --- a vCPU --------------------------------------------------------------- */

/**
 * hvm_vcpu_create() - create a vCPU and map its run page
 * @vcpu: filled in
 * @vm: the guest
 * @apic_id: its local APIC id; 0 is the bootstrap processor
 */
int hvm_vcpu_create(struct hvm_vcpu *vcpu, int vm, uint32_t apic_id);

/**
 * hvm_vcpu_destroy() - unmap the run page and close the vCPU
 * @vcpu: a vCPU that nobody runs
 */
void hvm_vcpu_destroy(struct hvm_vcpu *vcpu);

/**
 * hvm_vcpu_run() - run until the next exit
 * @vcpu: the vCPU; the exit is in its run page
 *
 * Return: 0; -EINTR: a signal arrived, nothing happened; -EBUSY: it runs in another thread;
 * -EINVAL: the completion in the run page does not fit the last exit.
 */
int hvm_vcpu_run(struct hvm_vcpu *vcpu);

/**
 * hvm_vcpu_stop() - make every run return HVM_EXIT_STOPPED, now and from now on
 * @vcpu: the vCPU
 *
 * Context: any thread. Ends when the caller writes zero to &hvm_run.stop.
 */
int hvm_vcpu_stop(struct hvm_vcpu *vcpu);

/**
 * hvm_vcpu_get_state() - read blocks of the vCPU's state
 * @vcpu: a vCPU that is not running
 * @state: size and mask are filled in here; msr and xsave by the caller if they are asked for
 * @mask: HVM_STATE_*
 */
int hvm_vcpu_get_state(const struct hvm_vcpu *vcpu, struct hvm_state *state, uint32_t mask);

/**
 * hvm_vcpu_set_state() - write blocks of the vCPU's state, all or nothing
 * @vcpu: a vCPU that is not running
 * @state: the blocks named by @mask
 * @mask: HVM_STATE_*
 */
int hvm_vcpu_set_state(const struct hvm_vcpu *vcpu, struct hvm_state *state, uint32_t mask);

/**
 * hvm_vcpu_inject() - give a stopped vCPU an exception or an external interrupt
 * @vcpu: the vCPU
 * @event: what
 */
int hvm_vcpu_inject(const struct hvm_vcpu *vcpu, const struct hvm_event *event);

/**
 * hvm_vcpu_debug() - choose what stops a vCPU with HVM_EXIT_DEBUG
 * @vcpu: a vCPU that is not running
 * @debug: flags and breakpoints; size is filled in here
 */
int hvm_vcpu_debug(const struct hvm_vcpu *vcpu, struct hvm_debug *debug);

/**
 * hvm_complete() - say in the run page that the last exit's instruction is done
 * @run: the run page
 * @insn_len: its length, 1 to 15; 0 for port and MSR exits: as the kernel found
 */
static inline void hvm_complete(struct hvm_run *run, uint8_t insn_len)
{
	run->complete_len = insn_len;
	run->complete = HVM_COMPLETE;
}

/**
 * hvm_exit_name() - the name of an exit reason
 * @reason: enum hvm_exit_reason
 */
const char *hvm_exit_name(uint32_t reason);

/**
 * hvm_describe_exit() - one line about an exit that a program does not handle
 * @buf: where it goes, always terminated
 * @size: its size
 * @run: the run page after the exit
 *
 * Return: @buf.
 */
const char *hvm_describe_exit(char *buf, size_t size, const struct hvm_run *run);

#ifdef __cplusplus
}
#endif

#endif
