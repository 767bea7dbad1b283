/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * hvm: hardware virtual machines through /dev/vm. This header is the manual of the interface: every
 * struct, field, flag and errno is described here, and nowhere in a second place. The reasons
 * behind it are in Documentation/api.rst.
 *
 * Objects are file descriptors: /dev/vm creates guests, a guest's fd creates vCPUs, close()
 * destroys. Arguments are structs whose first field is their own size, so that they can grow: a
 * kernel that knows less accepts what it does not know only as zero bytes (E2BIG otherwise), a
 * kernel that knows more takes missing bytes for zero. All reserved fields must be zero (EINVAL).
 *
 * Errors that every ioctl shares and that mean the same everywhere:
 *
 *   ENOTTY       this fd has no such ioctl
 *   EIO          the caller is not the process that created the guest (same mm)
 *   EFAULT       the argument, or a buffer it points to, is not accessible
 *   EINVAL       a value is malformed, out of its range, or a reserved field is not zero; the
 *                struct is shorter than its first version
 *   E2BIG        the struct has non-zero bytes behind what this kernel knows, or exceeds a page
 *   EOPNOTSUPP   a flag or mask bit is unknown or not supported by this kernel or processor
 *   EBUSY        another call on the vCPU's fd (HVM_RUN, say) is under way, which only HVM_KICK may
 *                join; or the guest is past the point where this may change
 *   ENOSPC       a limit of HVM_GET_INFO, or another one that is named here, is reached
 *   ENOMEM       out of memory
 *   EMFILE       HVM_CREATE_VM, HVM_CREATE_VCPU: the process has no free fd
 *   ENFILE       the same: the system has no free file
 *   EBADF        the fd is not open. Also of a call that the kernel restarted unseen (HVM_RUN for
 *                work of the thread, HVM_CREATE_VM for a signal), if the fd was closed meanwhile
 *
 * What is said of a call below comes on top of these.
 */
#ifndef _UAPI_LINUX_HVM_H
#define _UAPI_LINUX_HVM_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HVM_ABI_VERSION	1

#define HVM_IOC_TYPE	0xB6

/* /dev/vm */
#define HVM_GET_INFO	_IO(HVM_IOC_TYPE, 0x00)
#define HVM_GET_CPUID	_IO(HVM_IOC_TYPE, 0x01)
#define HVM_CREATE_VM	_IO(HVM_IOC_TYPE, 0x02)
/* the guest's fd */
#define HVM_CREATE_VCPU	_IO(HVM_IOC_TYPE, 0x10)
#define HVM_MAP		_IO(HVM_IOC_TYPE, 0x11)
#define HVM_UNMAP	_IO(HVM_IOC_TYPE, 0x12)
#define HVM_MSR_POLICY	_IO(HVM_IOC_TYPE, 0x14)
#define HVM_MSI		_IO(HVM_IOC_TYPE, 0x15)
#define HVM_IRQFD	_IO(HVM_IOC_TYPE, 0x16)
#define HVM_IOEVENTFD	_IO(HVM_IOC_TYPE, 0x17)
#define HVM_CLOCK	_IO(HVM_IOC_TYPE, 0x18)
/* the guest's fd and the vCPU's fd */
#define HVM_SET_CPUID	_IO(HVM_IOC_TYPE, 0x20)
#define HVM_KICK	_IO(HVM_IOC_TYPE, 0x21)
/* the vCPU's fd */
#define HVM_RUN		_IO(HVM_IOC_TYPE, 0x30)
#define HVM_GET_STATE	_IO(HVM_IOC_TYPE, 0x31)
#define HVM_SET_STATE	_IO(HVM_IOC_TYPE, 0x32)
#define HVM_INJECT	_IO(HVM_IOC_TYPE, 0x33)
#define HVM_DEBUG	_IO(HVM_IOC_TYPE, 0x34)

/* --- /dev/vm ---------------------------------------------------------- */

#define HVM_VENDOR_INTEL	1	/* VT-x */
#define HVM_VENDOR_AMD		2	/* AMD-V */

/* Features of this kernel and processor, in struct hvm_get_info::features. */
#define HVM_FEATURE_2M_PAGES	(1ULL << 0)	/* second-level tables map 2 MiB pages */
#define HVM_FEATURE_1G_PAGES	(1ULL << 1)	/* second-level tables map 1 GiB pages */
#define HVM_FEATURE_LA57	(1ULL << 2)	/* guests may use 5-level paging */
#define HVM_FEATURE_INSN_BYTES	(1ULL << 3)	/* memory exits may carry code bytes */
#define HVM_FEATURE_TSC_SCALING	(1ULL << 4)	/* TSCs may have a frequency of their own */
#define HVM_FEATURE_VIRTUAL_APIC (1ULL << 5)	/* x2APIC mode is the processor's own */

/**
 * struct hvm_get_info - HVM_GET_INFO: what this kernel and processor offer
 * @size: sizeof(struct hvm_get_info)
 * @flags: zero
 * @abi_version: out: HVM_ABI_VERSION of the module
 * @vendor: out: HVM_VENDOR_*
 * @features: out: HVM_FEATURE_* bits
 * @max_ranges: out: ranges of memory a guest may have
 * @max_vcpus: out: vCPUs a guest may have
 * @max_apic_id: out: highest APIC id HVM_CREATE_VCPU takes
 * @max_cpuid: out: entries HVM_SET_CPUID takes
 * @max_msr_ranges: out: ranges HVM_MSR_POLICY takes
 * @max_irqfds: out: eventfds HVM_IRQFD binds
 * @max_ioeventfds: out: doorbells HVM_IOEVENTFD takes
 * @gpa_bits: out: width of guest physical addresses
 * @xsave_bytes: out: size of the xsave state block, bytes
 * @tsc_khz: out: frequency of the host's TSC, kHz
 * @msrs: user address of an array of __u32 for the indices the msr state block carries, or 0
 * @msr_count: in: places in that array; out: number of indices there are (the array is filled up to
 *	its size)
 * @statistic_count: likewise for @statistics
 * @statistics: user address of an array of struct hvm_statistic, or 0
 */
struct hvm_get_info {
	__u32 size;
	__u32 flags;
	__u32 abi_version;
	__u32 vendor;
	__u64 features;
	__u32 max_ranges;
	__u32 max_vcpus;
	__u32 max_apic_id;
	__u32 max_cpuid;
	__u32 max_msr_ranges;
	__u32 max_irqfds;
	__u32 max_ioeventfds;
	__u32 gpa_bits;
	__u32 xsave_bytes;
	__u32 tsc_khz;
	__u64 msrs;
	__u32 msr_count;
	__u32 statistic_count;
	__u64 statistics;
};

/*
 * Offsets in the fds of guests and vCPUs for mmap(), one page each. EINVAL: another offset or
 * length, MAP_PRIVATE, or PROT_EXEC, which mprotect() refuses, too (EACCES). ENODEV: /dev/vm, which
 * has nothing to map.
 */
#define HVM_RUN_OFFSET		0	/* a vCPU's: struct hvm_run */
#define HVM_STATISTICS_OFFSET	4096	/* both: counters */

/* struct hvm_statistic::object */
#define HVM_STATISTIC_VM	1
#define HVM_STATISTIC_VCPU	2

/* struct hvm_statistic::unit */
#define HVM_UNIT_EVENTS		1

/**
 * struct hvm_statistic - one counter, as HVM_GET_INFO lists it
 * @offset: where it stands in the page of counters: a __u64 that only grows
 * @object: HVM_STATISTIC_*: the fd whose page has it
 * @unit: HVM_UNIT_*
 * @reserved: zero
 * @name: lower-case letters, digits and underscores, ended by a zero
 *
 * A page of counters is mmapped at HVM_STATISTICS_OFFSET of a guest's or vCPU's fd, PROT_READ and
 * MAP_SHARED (anything else: EINVAL); it cannot be made writable (mprotect(): EACCES). Whoever has
 * the fd may map it, in other processes too. Offsets and the set of names differ between kernels; a
 * name keeps its meaning. In names, exit_* are exits of the processor by what caused them, leave_*
 * returns of HVM_RUN by enum hvm_exit_reason, inject_* events given to the processor to deliver,
 * fault_* second-level faults that ended with a mapping of that size. A page counts for as long as
 * it is mapped: mapping it holds the guest or vCPU. Counters are no part of the state that is
 * saved.
 */
struct hvm_statistic {
	__u16 offset;
	__u8 object;
	__u8 unit;
	__u32 reserved;
	char name[24];
};

#define HVM_CPUID_SUBLEAF	(1U << 0)	/* the entry answers only for its subleaf (ECX) */

/**
 * struct hvm_cpuid_entry - what the guest's CPUID returns for one leaf
 * @leaf: EAX of the query
 * @subleaf: ECX of the query, where HVM_CPUID_SUBLEAF is set; zero otherwise
 * @flags: HVM_CPUID_SUBLEAF or zero
 * @reserved: zero
 * @eax: answer
 * @ebx: answer
 * @ecx: answer
 * @edx: answer
 */
struct hvm_cpuid_entry {
	__u32 leaf;
	__u32 subleaf;
	__u32 flags;
	__u32 reserved;
	__u32 eax;
	__u32 ebx;
	__u32 ecx;
	__u32 edx;
};

/**
 * struct hvm_cpuid - HVM_GET_CPUID, HVM_SET_CPUID: a table of CPUID leaves
 * @size: sizeof(struct hvm_cpuid)
 * @count: get: in: places, out: entries there are (filled up to the places); set: number of entries
 * @entries: user address of the array of struct hvm_cpuid_entry
 *
 * On /dev/vm the table is what the host can offer a guest. On a guest's fd it is the default of
 * vCPUs without one of their own; on a vCPU's fd its own. Frozen at the vCPU's first HVM_RUN
 * (EBUSY; on the guest's fd, at any vCPU's first). The kernel fills in what differs by vCPU or
 * moves with state: the APIC id fields of leaves 1, 0Bh, 1Fh and 8000001Eh, OSXSAVE, OSPKE, the
 * sizes in 0Dh. The same leaf and subleaf twice: EINVAL. More than hvm_get_info::max_cpuid: ENOSPC.
 */
struct hvm_cpuid {
	__u32 size;
	__u32 count;
	__u64 entries;
};

/**
 * struct hvm_create_vm - HVM_CREATE_VM: a guest; returns its fd (close-on-exec)
 * @size: sizeof(struct hvm_create_vm)
 * @flags: zero
 */
struct hvm_create_vm {
	__u32 size;
	__u32 flags;
};

/* --- a guest's fd ------------------------------------------------------ */

/**
 * struct hvm_create_vcpu - HVM_CREATE_VCPU: a virtual processor; returns its fd (close-on-exec)
 * @size: sizeof(struct hvm_create_vcpu)
 * @flags: zero
 * @apic_id: its local APIC id, up to hvm_get_info::max_apic_id; ids may be sparse (EEXIST: taken;
 *	ENOSPC: too many vCPUs)
 * @reserved: zero
 *
 * The vCPU with APIC id 0 is the bootstrap processor and starts running; the others wait for INIT
 * and SIPI. All are in the state that SDM "Processor State After Reset" and APM "Initial Processor
 * State" give. struct hvm_run is mmapped from the fd at HVM_RUN_OFFSET.
 */
struct hvm_create_vcpu {
	__u32 size;
	__u32 flags;
	__u32 apic_id;
	__u32 reserved;
};

#define HVM_MAP_READONLY	(1U << 0)	/* guest writes leave as HVM_EXIT_MEMORY */
#define HVM_MAP_REPLACE		(1U << 1)	/* take the place of what is there */
#define HVM_MAP_EXIT_ON_FAULT	(1U << 2)	/* not present: HVM_EXIT_FAULT */

/**
 * struct hvm_map - HVM_MAP: attach memory of the calling process to guest physical addresses
 * @size: sizeof(struct hvm_map)
 * @flags: HVM_MAP_*
 * @gpa: guest physical address, multiple of 4096
 * @bytes: length, multiple of 4096, not zero
 * @hva: address in the calling process, multiple of 4096; need not be mapped yet
 * @fd: zero; reserved for memory by file descriptor
 * @reserved: zero
 * @offset: zero; reserved for memory by file descriptor
 *
 * EEXIST: overlaps a range (without HVM_MAP_REPLACE) or the local APIC's page at 0xFEE00000.
 * ENOSPC: too many ranges. EINVAL also for a range that wraps, reaches beyond
 * hvm_get_info::gpa_bits or, at @hva, beyond the process's address space.
 */
struct hvm_map {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 bytes;
	__u64 hva;
	__s32 fd;
	__u32 reserved;
	__u64 offset;
};

/**
 * struct hvm_unmap - HVM_UNMAP: detach whatever is attached in a stretch of guest physical
 * addresses
 * @size: sizeof(struct hvm_unmap)
 * @flags: zero
 * @gpa: guest physical address, multiple of 4096
 * @bytes: length, multiple of 4096, not zero
 *
 * Ranges that lie across its ends are split (ENOSPC: no room for the piece). ENOENT: nothing is
 * attached there. EINVAL also for a stretch that wraps or reaches beyond hvm_get_info::gpa_bits.
 */
struct hvm_unmap {
	__u32 size;
	__u32 flags;
	__u64 gpa;
	__u64 bytes;
};

#define HVM_MSR_EXIT_READ	(1U << 0)	/* RDMSR leaves as HVM_EXIT_MSR */
#define HVM_MSR_EXIT_WRITE	(1U << 1)	/* WRMSR leaves as HVM_EXIT_MSR */

/**
 * struct hvm_msr_range - MSRs that leave to userspace
 * @first: first index
 * @count: number of indices, not zero
 * @flags: HVM_MSR_EXIT_*
 * @reserved: zero
 */
struct hvm_msr_range {
	__u32 first;
	__u32 count;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct hvm_msr_policy - HVM_MSR_POLICY: which MSRs leave to userspace instead of being finished
 * in the kernel
 * @size: sizeof(struct hvm_msr_policy)
 * @count: number of ranges, up to hvm_get_info::max_msr_ranges (ENOSPC); zero takes the policy away
 * @ranges: user address of the array of struct hvm_msr_range; the first that contains an index
 *	counts
 * @flags: HVM_MSR_UNKNOWN_EXITS or zero
 * @reserved: zero
 *
 * Before any vCPU's first HVM_RUN (EBUSY). x2APIC registers cannot be taken (EINVAL).
 */
struct hvm_msr_policy {
	__u32 size;
	__u32 count;
	__u64 ranges;
	__u32 flags;
	__u32 reserved;
};

#define HVM_MSR_UNKNOWN_EXITS	(1U << 0)	/* unknown MSRs exit too, no #GP */

/**
 * struct hvm_msi - HVM_MSI: deliver a message-signalled interrupt
 * @size: sizeof(struct hvm_msi)
 * @flags: zero
 * @address: message address (SDM "Message Address Register Format"); bits 11:5 are bits 14:8 of the
 *	destination id
 * @data: message data: vector, delivery mode fixed, lowest priority, NMI or INIT (others:
 *	EOPNOTSUPP), trigger mode
 * @reserved: zero
 *
 * Returns the number of vCPUs that took it. The end of a level-triggered one is an HVM_EXIT_EOI.
 */
struct hvm_msi {
	__u32 size;
	__u32 flags;
	__u64 address;
	__u32 data;
	__u32 reserved;
};

#define HVM_IRQFD_UNBIND	(1U << 0)	/* take its message away; otherwise bind */
#define HVM_IRQFD_REPLACE	(1U << 1)	/* take the place of a message it is bound to */
#define HVM_IRQFD_RESAMPLE	(1U << 2)	/* signal @resample_fd at the interrupt's end */
#define HVM_IRQFD_EXIT_EOI	(1U << 3)	/* HVM_EXIT_EOI at the interrupt's end */

/**
 * struct hvm_irqfd - HVM_IRQFD: an eventfd whose writes deliver a message-signalled interrupt
 * @size: sizeof(struct hvm_irqfd)
 * @flags: HVM_IRQFD_*
 * @fd: the eventfd (EBADF: not open; EINVAL: not an eventfd)
 * @resample_fd: with HVM_IRQFD_RESAMPLE another eventfd, likewise; zero otherwise
 * @address: as for HVM_MSI; zero with HVM_IRQFD_UNBIND
 * @data: as for HVM_MSI; zero with HVM_IRQFD_UNBIND
 * @reserved: zero
 *
 * While it is bound, a write by anyone (another process, the kernel) takes the eventfd's count and
 * delivers the message, once for what came together; a message that no vCPU takes is lost, as with
 * HVM_MSI. Binding does the same with a count that is there already. Unbinding leaves the count
 * alone. So an interrupt is masked by unbinding it, the count is its pending bit, and a device's
 * interrupt is not lost whatever is changed in whatever order. With HVM_IRQFD_REPLACE a bound
 * eventfd gets a new message (and resample eventfd): a write sends the old one or the new one.
 *
 * An eventfd with EFD_SEMAPHORE gives up 1 of its count for a message. One that is bound in two
 * guests sends an interrupt to one of them. Closing its last fd unbinds it; a resample eventfd may
 * be closed any time. The guest may be running, halted, or not have run yet.
 *
 * HVM_IRQFD_RESAMPLE and _EXIT_EOI are for level-triggered messages (EINVAL otherwise). When a vCPU
 * ends a level-triggered interrupt, or loses it by a reset of its APIC, the resample eventfds of
 * all bindings with that vector are signalled, as lines may share one; then it leaves with
 * HVM_EXIT_EOI, if a message with that vector asked for it since the last end.
 *
 * EEXIST: bound already, and no HVM_IRQFD_REPLACE. ENOENT: UNBIND of what is not bound. ENOSPC:
 * hvm_get_info::max_irqfds. EINVAL and EOPNOTSUPP also for messages that HVM_MSI refuses so.
 */
struct hvm_irqfd {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__s32 resample_fd;
	__u64 address;
	__u32 data;
	__u32 reserved;
};

#define HVM_IOEVENTFD_REMOVE	(1U << 0)	/* take out; otherwise add */
#define HVM_IOEVENTFD_MATCH	(1U << 1)	/* only writes of @data; otherwise of anything */

/**
 * struct hvm_ioeventfd - HVM_IOEVENTFD: a port whose writes signal an eventfd and do not exit
 * @size: sizeof(struct hvm_ioeventfd)
 * @flags: HVM_IOEVENTFD_*
 * @fd: eventfd (EBADF: not open; EINVAL: not an eventfd); may be closed afterwards
 * @port: port; with @bytes at most 0x10000
 * @bytes: width of the write: 1, 2 or 4
 * @data: with HVM_IOEVENTFD_MATCH the value, @bytes wide; zero otherwise
 *
 * OUT of that width to that port adds 1 to the eventfd's count, and the guest goes on. Other
 * widths, other values, IN and string instructions leave as HVM_EXIT_PIO. The guest may be running.
 *
 * Add: EEXIST: a write would ring another doorbell too: same port and width, and the same value or
 * one of them without HVM_IOEVENTFD_MATCH. ENOSPC: hvm_get_info::max_ioeventfds. Remove: everything
 * as it was added (ENOENT otherwise); when it returns, no write rings it any more.
 */
struct hvm_ioeventfd {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 port;
	__u32 bytes;
	__u32 data;
};

#define HVM_CLOCK_SET		(1U << 0)	/* set guest_ns; otherwise get */
#define HVM_CLOCK_SET_KHZ	(1U << 1)	/* set guest_khz; otherwise get */

/**
 * struct hvm_clock - HVM_CLOCK: the guest's clock, and what the host's clocks said at the same
 * moment
 * @size: sizeof(struct hvm_clock)
 * @flags: HVM_CLOCK_SET, HVM_CLOCK_SET_KHZ or zero
 * @guest_ns: nanoseconds of the guest's paravirtual clock; in with HVM_CLOCK_SET, out otherwise
 * @host_tsc: out: TSC of the host
 * @realtime_ns: out: CLOCK_REALTIME, nanoseconds
 * @tsc_khz: out: kHz of the host's TSC
 * @guest_khz: kHz of the guest's TSCs; in with HVM_CLOCK_SET_KHZ, out otherwise
 *
 * Everything that comes out was taken together. HVM_CLOCK_SET_KHZ is for a guest without vCPUs
 * (EBUSY); its TSCs begin at zero then. EOPNOTSUPP: without HVM_FEATURE_TSC_SCALING there is only
 * the host's frequency. EINVAL: below 4,000, or too far from the host's. CPUID leaf 15h, if the
 * guest has one, is for its table's owner to change.
 *
 * A guest that did not run for a while sees its clocks as its owner likes. Running on: nothing is
 * to be done. Stopped: get the clock and the vCPUs' states first; afterwards set guest_ns, subtract
 * from each tsc_offset what the host's TSC, scaled, went on between the two calls, and set the
 * states.
 */
struct hvm_clock {
	__u32 size;
	__u32 flags;
	__u64 guest_ns;
	__u64 host_tsc;
	__u64 realtime_ns;
	__u32 tsc_khz;
	__u32 guest_khz;
};

/**
 * struct hvm_kick - HVM_KICK: make HVM_RUN return HVM_EXIT_STOPPED
 * @size: sizeof(struct hvm_kick)
 * @flags: zero
 *
 * On a vCPU's fd for that vCPU, on a guest's fd for all. Sticky: a vCPU that is not running returns
 * at its next HVM_RUN, once.
 */
struct hvm_kick {
	__u32 size;
	__u32 flags;
};

/* --- a vCPU's fd: state ------------------------------------------------- */

/*
 * Segment attributes: bits 47:40 and 55:52 of a descriptor, packed (APM "VMCB Layout": segment
 * attributes), and "unusable".
 */
#define HVM_SEG_TYPE		0x000f
#define HVM_SEG_S		0x0010
#define HVM_SEG_DPL		0x0060
#define HVM_SEG_DPL_SHIFT	5
#define HVM_SEG_P		0x0080
#define HVM_SEG_AVL		0x0100
#define HVM_SEG_L		0x0200
#define HVM_SEG_DB		0x0400
#define HVM_SEG_G		0x0800
#define HVM_SEG_UNUSABLE	0x8000

/**
 * struct hvm_segment - a segment register with its hidden part
 * @base: base address
 * @limit: limit in bytes (granularity already applied)
 * @selector: visible part
 * @attributes: HVM_SEG_*
 */
struct hvm_segment {
	__u64 base;
	__u32 limit;
	__u16 selector;
	__u16 attributes;
};

/**
 * struct hvm_dtable - GDTR or IDTR
 * @base: linear address
 * @limit: limit in bytes, up to 0xffff
 * @reserved: zero
 */
struct hvm_dtable {
	__u64 base;
	__u32 limit;
	__u32 reserved;
};

/* Index of general-purpose registers: the instruction encoding's order. */
enum hvm_gpr {
	HVM_RAX, HVM_RCX, HVM_RDX, HVM_RBX, HVM_RSP, HVM_RBP, HVM_RSI, HVM_RDI,
	HVM_R8, HVM_R9, HVM_R10, HVM_R11, HVM_R12, HVM_R13, HVM_R14, HVM_R15,
	HVM_GPR_COUNT
};

/* Index of segment registers: the instruction encoding's order, then the system segments. */
enum hvm_seg {
	HVM_ES, HVM_CS, HVM_SS, HVM_DS, HVM_FS, HVM_GS, HVM_LDTR, HVM_TR,
	HVM_SEG_COUNT
};

/**
 * struct hvm_state_gpr - general-purpose registers
 * @gpr: by enum hvm_gpr
 * @rip: instruction pointer, canonical
 * @rflags: flags; bit 1 set, reserved bits clear
 */
struct hvm_state_gpr {
	__u64 gpr[HVM_GPR_COUNT];
	__u64 rip;
	__u64 rflags;
};

/**
 * struct hvm_state_segments - segment and descriptor-table registers
 * @seg: by enum hvm_seg
 * @gdt: GDTR
 * @idt: IDTR
 */
struct hvm_state_segments {
	struct hvm_segment seg[HVM_SEG_COUNT];
	struct hvm_dtable gdt;
	struct hvm_dtable idt;
};

/**
 * struct hvm_state_control - control registers
 * @cr0: CR0
 * @cr2: CR2
 * @cr3: CR3
 * @cr4: CR4
 * @cr8: task priority, 0 to 15
 * @efer: IA32_EFER
 * @xcr0: extended control register 0
 * @pdpte: the PAE page-directory-pointer entries the processor holds
 */
struct hvm_state_control {
	__u64 cr0;
	__u64 cr2;
	__u64 cr3;
	__u64 cr4;
	__u64 cr8;
	__u64 efer;
	__u64 xcr0;
	__u64 pdpte[4];
};

/**
 * struct hvm_msr_value - one MSR
 * @index: which
 * @reserved: zero
 * @value: its value
 */
struct hvm_msr_value {
	__u32 index;
	__u32 reserved;
	__u64 value;
};

/**
 * struct hvm_state_buffer - a block that lies in a buffer of its own
 * @address: user address: struct hvm_msr_value array (msr), or XSAVE image in standard format
 *	(xsave)
 * @count: msr: entries, up to 1024 (ENOSPC); xsave: bytes, exactly hvm_get_info::xsave_bytes
 *	(EINVAL)
 * @failed: out: msr: index into the array of the entry that was refused, @count if none was; left
 *	alone when the call fails before it comes to that
 */
struct hvm_state_buffer {
	__u64 address;
	__u32 count;
	__u32 failed;
};

/**
 * struct hvm_state_lapic - the local APIC
 * @regs: register at offset N * 16 of the APIC page at regs[N] (SDM "Local APIC Register Address
 *	Map"); in x2APIC mode the id register holds the 32-bit id. Version, id and, in x2APIC
 *	mode, the logical id must be the vCPU's own; the processor priority and the EOI register are
 *	ignored; what is reserved is zero
 * @base: IA32_APIC_BASE
 * @tsc_deadline: IA32_TSC_DEADLINE; 0: disarmed
 * @eois: bit V % 32 of eois[V / 32]: level-triggered vector V ended and nobody was told of it yet
 * @exits: likewise: when it is told of the end of vector V, it is an HVM_EXIT_EOI too
 * @errors: bits that the next write to the error status register will show
 * @reserved: zero
 *
 * regs[0x39], the current count, starts the timer with what was left of it.
 */
struct hvm_state_lapic {
	__u32 regs[64];
	__u64 base;
	__u64 tsc_deadline;
	__u32 eois[8];
	__u32 exits[8];
	__u32 errors;
	__u32 reserved;
};

/* struct hvm_state_events::mp_state */
#define HVM_MP_RUNNING		0
#define HVM_MP_HALTED		1
#define HVM_MP_WAIT_SIPI	2

/* struct hvm_event::type */
#define HVM_EVENT_NONE		0
#define HVM_EVENT_INTR		1	/* external interrupt */
#define HVM_EVENT_NMI		2
#define HVM_EVENT_EXCEPTION	3	/* fault, trap or abort raised by the processor */
#define HVM_EVENT_SOFT_INTR	4	/* INT n */
#define HVM_EVENT_SOFT_EXCEPTION 5	/* INT3, INTO; vector 1: INT1 */

#define HVM_EVENT_ERROR		(1U << 0)	/* error is pushed */
#define HVM_EVENT_PAYLOAD	(1U << 1)	/* payload (CR2 of #PF, DR6 bits of #DB) waits */

/**
 * struct hvm_event - an interrupt or exception on its way into the guest
 * @type: HVM_EVENT_*
 * @vector: 0 to 255
 * @flags: HVM_EVENT_ERROR, HVM_EVENT_PAYLOAD
 * @insn_len: length of the instruction that raised a software event, 0 to 15
 * @error: error code
 * @payload: see HVM_EVENT_PAYLOAD
 */
struct hvm_event {
	__u8 type;
	__u8 vector;
	__u8 flags;
	__u8 insn_len;
	__u32 error;
	__u64 payload;
};

#define HVM_SHADOW_STI		1
#define HVM_SHADOW_MOV_SS	2

/**
 * struct hvm_state_events - what is on its way into the vCPU, and what holds it up
 * @injected: was being delivered when the exit hit, and is delivered first (any type)
 * @pending: exception that waits for delivery, or HVM_EVENT_NONE
 * @nmi_pending: NMIs that wait, 0 to 2
 * @nmi_masked: 1: until IRET
 * @shadow: interrupt shadow: HVM_SHADOW_*, or 0
 * @init_pending: 1: an INIT waits
 * @sipi_pending: 1: a SIPI with @sipi_vector waits
 * @sipi_vector: start page of that SIPI
 * @mp_state: HVM_MP_*
 * @reserved: zero
 */
struct hvm_state_events {
	struct hvm_event injected;
	struct hvm_event pending;
	__u8 nmi_pending;
	__u8 nmi_masked;
	__u8 shadow;
	__u8 init_pending;
	__u8 sipi_pending;
	__u8 sipi_vector;
	__u8 mp_state;
	__u8 reserved;
};

/**
 * struct hvm_state_debug - debug registers
 * @dr: DR0 to DR3
 * @dr6: DR6
 * @dr7: DR7
 */
struct hvm_state_debug {
	__u64 dr[4];
	__u64 dr6;
	__u64 dr7;
};

/**
 * struct hvm_state_clock - the vCPU's time-stamp counter
 * @tsc_offset: guest TSC minus host TSC as @tsc_scale makes it, modulo 2^64
 * @tsc_adjust: IA32_TSC_ADJUST
 * @tsc_scale: the guest's ticks in one of the host's, 48 bits of them behind the point (the host's
 *	TSC times this, shifted right by 48); zero: the host's frequency, as what 1 << 48 is read
 *	back. Others need HVM_FEATURE_TSC_SCALING (EOPNOTSUPP) and make a frequency of 4 MHz at
 *	least, with kHz in 32 bits (EINVAL)
 */
struct hvm_state_clock {
	__u64 tsc_offset;
	__u64 tsc_adjust;
	__u64 tsc_scale;
};

#define HVM_STATE_GPR		(1U << 0)
#define HVM_STATE_SEGMENTS	(1U << 1)
#define HVM_STATE_CONTROL	(1U << 2)
#define HVM_STATE_MSR		(1U << 3)
#define HVM_STATE_XSAVE		(1U << 4)
#define HVM_STATE_LAPIC		(1U << 5)
#define HVM_STATE_EVENTS	(1U << 6)
#define HVM_STATE_DEBUG		(1U << 7)
#define HVM_STATE_CLOCK		(1U << 8)
#define HVM_STATE_ALL		0x1ffU

/**
 * struct hvm_state - HVM_GET_STATE, HVM_SET_STATE: all of a vCPU
 * @size: sizeof(struct hvm_state)
 * @mask: HVM_STATE_*: the blocks to get or set; the others are neither read nor written
 * @gpr: HVM_STATE_GPR
 * @segments: HVM_STATE_SEGMENTS
 * @control: HVM_STATE_CONTROL
 * @msr: HVM_STATE_MSR; get reads the indices from the array and fills in the values
 * @xsave: HVM_STATE_XSAVE
 * @lapic: HVM_STATE_LAPIC
 * @events: HVM_STATE_EVENTS
 * @debug: HVM_STATE_DEBUG
 * @clock: HVM_STATE_CLOCK
 *
 * Set is all or nothing: every block is checked before the first is applied. EINVAL: a value is
 * wrong by itself (reserved bits, not canonical); combinations are judged at entry and leave as
 * HVM_EXIT_INVALID_STATE. EBUSY: the vCPU is running. ENOENT: an MSR of the list is not carried;
 * hvm_state_buffer::failed says which. ENOSPC: the list is too long.
 */
struct hvm_state {
	__u32 size;
	__u32 mask;
	struct hvm_state_gpr gpr;
	struct hvm_state_segments segments;
	struct hvm_state_control control;
	struct hvm_state_buffer msr;
	struct hvm_state_buffer xsave;
	struct hvm_state_lapic lapic;
	struct hvm_state_events events;
	struct hvm_state_debug debug;
	struct hvm_state_clock clock;
};

/**
 * struct hvm_inject - HVM_INJECT: give a stopped vCPU an exception, or an interrupt of a userspace
 * interrupt controller
 * @size: sizeof(struct hvm_inject)
 * @flags: zero
 * @event: HVM_EVENT_EXCEPTION (vector 0 to 31, not 2) or HVM_EVENT_INTR (others: EOPNOTSUPP)
 *
 * EBUSY: an event of that kind already waits. EAGAIN: HVM_EVENT_INTR while the guest takes no
 * interrupts: set hvm_run::want_window and run until HVM_EXIT_INTWINDOW.
 */
struct hvm_inject {
	__u32 size;
	__u32 flags;
	struct hvm_event event;
};

/* --- a vCPU's fd: debugging ---------------------------------------------- */

/* struct hvm_breakpoint::kind */
#define HVM_BREAK_NONE		0	/* not used: @gva and @bytes are zero */
#define HVM_BREAK_EXEC		1	/* before the instruction at @gva; @bytes is 1 */
#define HVM_BREAK_WRITE		2	/* after a write */
#define HVM_BREAK_ACCESS	3	/* after a read or write */

/**
 * struct hvm_breakpoint - a hardware breakpoint
 * @gva: linear address, multiple of @bytes
 * @kind: HVM_BREAK_*
 * @bytes: 1, 2, 4 or 8
 */
struct hvm_breakpoint {
	__u64 gva;
	__u32 kind;
	__u32 bytes;
};

#define HVM_DEBUG_STEP	(1U << 0)	/* exit after each instruction */
#define HVM_DEBUG_HOLD	(1U << 1)	/* with STEP: interrupts and NMIs wait meanwhile */
#define HVM_DEBUG_INT3	(1U << 2)	/* INT3 exits instead of raising #BP */

#define HVM_BREAKPOINTS	4

/**
 * struct hvm_debug - HVM_DEBUG: what shall stop a vCPU with HVM_EXIT_DEBUG
 * @size: sizeof(struct hvm_debug)
 * @flags: HVM_DEBUG_*
 * @breakpoint: hardware breakpoints; all of kind HVM_BREAK_NONE: none
 *
 * Replaces what was asked for before; with nothing asked for the guest runs undisturbed. It belongs
 * to the debugger and is no part of the vCPU's state: HVM_GET_STATE does not show it, a reset does
 * not end it.
 *
 * As long as there is a breakpoint the processor's debug registers are the debugger's. The guest
 * reads and writes its own all the same, but its own breakpoints do not hit meanwhile.
 *
 * A step ends behind an instruction, whoever carried it out: processor, kernel, or userspace by
 * HVM_COMPLETE. An exception, interrupt or NMI that is delivered is a step of its own, which ends
 * at the first instruction of the handler. HLT is a step; the next one begins when the vCPU is
 * woken.
 * The step uses RFLAGS.TF, hidden from HVM_GET_STATE but not everywhere from the guest: PUSHF, and
 * SYSCALL in R11, show it set; a POPF or IRET that sets it is not obeyed; INT n, and a SYSCALL for
 * which the guest masks TF, take the whole call with them, or as much of it as runs until some
 * exit. MOV SS and POP SS take the next instruction with them.
 *
 * EINVAL: a breakpoint is malformed, or HVM_DEBUG_HOLD stands alone.
 */
struct hvm_debug {
	__u32 size;
	__u32 flags;
	struct hvm_breakpoint breakpoint[HVM_BREAKPOINTS];
};

/* --- a vCPU's fd: running ------------------------------------------------ */

/* struct hvm_run::reason */
enum hvm_exit_reason {
	HVM_EXIT_NONE,		/* not run yet, or HVM_RUN ended with EINTR or ENOMEM */
	HVM_EXIT_STOPPED,	/* hvm_run::stop or HVM_KICK */
	HVM_EXIT_PIO,		/* port access: pio */
	HVM_EXIT_MEMORY,	/* access to what is not attached, or not for writing: memory */
	HVM_EXIT_FAULT,		/* access to what the process could not provide: memory; also the
				 * kernel's own, to a paravirtual page that is not present
				 */
	HVM_EXIT_MSR,		/* MSR access that HVM_MSR_POLICY sends here: msr */
	HVM_EXIT_APIC,		/* access to the local APIC's page: apic */
	HVM_EXIT_EOI,		/* end of a level-triggered interrupt that asked for it: eoi */
	HVM_EXIT_INTWINDOW,	/* the guest takes external interrupts now */
	HVM_EXIT_SHUTDOWN,	/* triple fault */
	HVM_EXIT_INVALID_STATE,	/* the processor refuses the state: invalid */
	HVM_EXIT_UNSUPPORTED,	/* the guest did what this kernel cannot finish: unsupported */
	HVM_EXIT_DEBUG,		/* what HVM_DEBUG asked for: debug */
	HVM_EXIT_REASONS
};

/* struct hvm_run::complete */
#define HVM_COMPLETE		1	/* done: advance RIP, take gpr[] and rflags */
#define HVM_COMPLETE_GP		2	/* the MSR access is refused: #GP(0) at the instruction */
#define HVM_COMPLETE_REFLECT	3	/* the INT3 of HVM_EXIT_DEBUG is the guest's own: #BP */

/* hvm_run::memory.access, bits */
#define HVM_ACCESS_READ		1
#define HVM_ACCESS_WRITE	2
#define HVM_ACCESS_EXEC		4

/* hvm_run::pio.flags */
#define HVM_PIO_IN		1	/* IN; OUT otherwise */
#define HVM_PIO_STRING		2	/* INS or OUTS: userspace decodes */
#define HVM_PIO_REP		4

/* hvm_run::invalid.field */
enum hvm_invalid_field {
	HVM_INVALID_UNKNOWN,
	HVM_INVALID_CR0, HVM_INVALID_CR3, HVM_INVALID_CR4, HVM_INVALID_EFER,
	HVM_INVALID_RFLAGS, HVM_INVALID_RIP,
	HVM_INVALID_CS, HVM_INVALID_SS, HVM_INVALID_DATA_SEGMENT, HVM_INVALID_LDTR, HVM_INVALID_TR,
	HVM_INVALID_GDTR_IDTR, HVM_INVALID_DEBUG, HVM_INVALID_PDPTE, HVM_INVALID_EVENT,
	HVM_INVALID_MSR
};

/* hvm_run::debug.hits: breakpoint N in bit N, as in DR6, and: */
#define HVM_HIT_BREAKPOINTS	0xf
#define HVM_HIT_STEP		(1U << 14)	/* a step ended */

/* hvm_run::unsupported.what */
#define HVM_UNSUPPORTED_EXIT		1	/* detail: the processor's own exit code */
#define HVM_UNSUPPORTED_TASK_SWITCH	2	/* detail: the TSS selector */
#define HVM_UNSUPPORTED_EVENT_MEMORY	3	/* event through device memory; detail: gpa */

/* Of hvm_run::halt_poll_ns. */
#define HVM_MAX_HALT_POLL_NS		1000000

/**
 * struct hvm_run - the run page: shared by kernel and userspace, mmapped from the vCPU's fd
 * (HVM_RUN_OFFSET, one page)
 * @stop: userspace: not zero: HVM_RUN returns HVM_EXIT_STOPPED before it enters the guest again;
 *	not cleared by the kernel
 * @want_window: userspace: not zero: exit with HVM_EXIT_INTWINDOW as soon as the guest takes
 *	external interrupts
 * @complete: userspace: how the last exit was finished: HVM_COMPLETE, HVM_COMPLETE_GP,
 *	HVM_COMPLETE_REFLECT or 0 (run the instruction again); cleared by HVM_RUN
 * @complete_len: userspace: length of the instruction, 1 to 15, with HVM_COMPLETE (0: HVM_EXIT_PIO
 *	and _MSR: the kernel's @insn_len)
 * @halt_poll_ns: userspace: how long a halted vCPU may look around for work before its thread
 *	sleeps, ns: it adapts itself to what the guest does, below this; 0: it sleeps at once. More
 *	than HVM_MAX_HALT_POLL_NS counts as that
 * @reason: kernel: enum hvm_exit_reason
 * @insn_len: kernel: length of the instruction where hardware tells, else 0
 * @insn_bytes_len: kernel: valid bytes in @insn_bytes, 0 where hardware gives none
 * @cpl: kernel: privilege level (MEMORY, APIC, string PIO)
 * @reserved1: zero
 * @pio: kernel: HVM_EXIT_PIO; data of OUT is in RAX, data of IN goes into RAX
 * @pio.port: port
 * @pio.bytes: 1, 2 or 4
 * @pio.flags: HVM_PIO_*
 * @memory: kernel: HVM_EXIT_MEMORY, HVM_EXIT_FAULT
 * @memory.gpa: guest physical address
 * @memory.access: HVM_ACCESS_*
 * @memory.error: FAULT: errno of the failed access; 0: what is not present in a range with
 *	HVM_MAP_EXIT_ON_FAULT
 * @msr: kernel: HVM_EXIT_MSR; a read's answer goes into @msr.value
 * @msr.index: which MSR
 * @msr.write: 1: WRMSR
 * @msr.value: value
 * @apic: kernel: HVM_EXIT_APIC; for a write userspace decodes and stores @apic.value, then
 *	completes
 * @apic.offset: offset in the APIC page
 * @apic.write: 1: write
 * @apic.value: read: the register's value
 * @eoi: kernel: HVM_EXIT_EOI
 * @eoi.vector: vector
 * @invalid: kernel: HVM_EXIT_INVALID_STATE
 * @invalid.field: enum hvm_invalid_field
 * @unsupported: kernel: HVM_EXIT_UNSUPPORTED
 * @unsupported.what: HVM_UNSUPPORTED_*
 * @unsupported.detail: see there
 * @debug: kernel: HVM_EXIT_DEBUG; @rip is the instruction that is next, or the INT3
 * @debug.vector: 1: #DB; 3: an INT3 under HVM_DEBUG_INT3
 * @debug.hits: HVM_HIT_*; zero for INT3. A breakpoint of kind HVM_BREAK_EXEC sets RFLAGS.RF, so
 *	that running again passes it
 * @insn_bytes: kernel: bytes at CS:RIP
 * @gpr: both: the guest's general-purpose registers; RSP is valid after MEMORY, APIC and string PIO
 *	exits and is taken with HVM_COMPLETE then
 * @rip: kernel: instruction pointer
 * @rflags: both: flags; the arithmetic flags, DF and AC are taken with HVM_COMPLETE
 * @cr0: kernel: for the decoder (MEMORY, APIC, string PIO), as all that follows
 * @cr2: kernel
 * @cr3: kernel
 * @cr4: kernel
 * @efer: kernel
 * @seg: kernel: ES to GS, by enum hvm_seg. In 64-bit code (EFER.LMA and CS.L set) instructions look
 *	at no more of them than the bases of FS and GS: only these and the attributes of CS are
 *	filled in then; all is in HVM_STATE_SEGMENTS
 *
 * At an exit RIP stands at the instruction and nothing is half-done. The kernel reads each field
 * that userspace writes once, in HVM_RUN, and checks the copy.
 *
 * HVM_RUN takes no argument (EINVAL if there is one) and returns 0 when the page says why. EINTR: a
 * signal came; @reason is HVM_EXIT_NONE, @complete was taken, and running again goes on. ENOMEM: no
 * memory for the second-level tables; likewise. EINVAL: @complete does not fit the last exit; page
 * and vCPU are as they were. EBUSY: another thread has the vCPU, and what the page says is for that
 * thread. Work that the kernel has for the thread restarts the call unseen, so one whose fd was
 * closed meanwhile ends with EBADF, having run.
 */
struct hvm_run {
	__u8 stop;
	__u8 want_window;
	__u8 complete;
	__u8 complete_len;
	__u32 halt_poll_ns;

	__u32 reason;
	__u8 insn_len;
	__u8 insn_bytes_len;
	__u8 cpl;
	__u8 reserved1;
	union {
		struct {
			__u16 port;
			__u8 bytes;
			__u8 flags;
		} pio;
		struct {
			__u64 gpa;
			__u32 access;
			__s32 error;
		} memory;
		struct {
			__u32 index;
			__u32 write;
			__u64 value;
		} msr;
		struct {
			__u32 offset;
			__u32 write;
			__u64 value;
		} apic;
		struct {
			__u32 vector;
		} eoi;
		struct {
			__u32 field;
		} invalid;
		struct {
			__u32 what;
			__u32 reserved;
			__u64 detail;
		} unsupported;
		struct {
			__u32 vector;
			__u32 hits;
		} debug;
		__u64 padding[4];
	};
	__u8 insn_bytes[16];

	__u64 gpr[HVM_GPR_COUNT];
	__u64 rip;
	__u64 rflags;
	__u64 cr0;
	__u64 cr2;
	__u64 cr3;
	__u64 cr4;
	__u64 efer;
	__u64 reserved2;
	struct hvm_segment seg[6];
};

#endif /* _UAPI_LINUX_HVM_H */
