/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ground: address kinds, outcomes and the corridor struct hvm_exit. Everything here is plain data
 * that every layer may know; nothing here calls anything.
 */
#ifndef HVM_TYPES_H
#define HVM_TYPES_H

#include <linux/bits.h>
#include <linux/types.h>
#include <linux/hvm.h>

/* Address kinds: guest virtual, guest physical, guest frame, host virtual (user), host physical. */
typedef u64 gva_t;
typedef u64 gpa_t;
typedef u64 gfn_t;
typedef u64 hva_t;
typedef u64 hpa_t;

#define HVM_APIC_PAGE		0xfee00000ULL

/* Limits that HVM_GET_INFO reports. */
#define HVM_MAX_RANGES		4096
#define HVM_MAX_VCPUS		1024
#define HVM_MAX_APIC_ID		4095
#define HVM_MAX_CPUID		256
#define HVM_MAX_MSR_RANGES	64
#define HVM_MAX_IRQFDS		4096
#define HVM_MAX_IOEVENTFDS	1024

/*
 * Why the processor left the guest, in neutral terms. The backend describes, common code decides.
 * "advanced" exits (none so far) would say so in the member's comment: at every exit RIP stands at
 * the instruction.
 */
enum hvm_hw_exit {
	HVM_HW_INTR,		/* host interrupt, NMI or SMI: already handled or pending */
	HVM_HW_WINDOW,		/* the wanted window is open */
	HVM_HW_DEADLINE,	/* &hvm_hw.deadline came */
	HVM_HW_EOI,		/* raw: vector that the guest has ended; nothing to step over */
	HVM_HW_CPUID,
	HVM_HW_HLT,
	HVM_HW_HYPERCALL,	/* call */
	HVM_HW_MSR_READ,	/* index in RCX */
	HVM_HW_MSR_WRITE,
	HVM_HW_PIO,		/* pio */
	HVM_HW_TDP_FAULT,	/* memory */
	HVM_HW_CR_WRITE,	/* cr: a write that hardware does not finish */
	HVM_HW_DR_ACCESS,	/* the guest wants the debug registers, which are not loaded */
	HVM_HW_XSETBV,		/* index RCX, value EDX:EAX */
	HVM_HW_EXCEPTION,	/* event */
	HVM_HW_UNDEFINED,	/* an instruction the guest may not have: answer #UD */
	HVM_HW_PRIVILEGED,	/* an instruction the guest may not use so: answer #GP(0) */
	HVM_HW_NOP,		/* nothing to do but step over: INVD, WBINVD */
	HVM_HW_PAUSE,		/* a PAUSE loop; nothing to step over */
	HVM_HW_TASK_SWITCH,	/* raw: TSS selector */
	HVM_HW_TRIPLE_FAULT,
	HVM_HW_INVALID_STATE,	/* raw: enum hvm_invalid_field */
	HVM_HW_UNKNOWN,		/* raw: the hardware's exit code */
	HVM_HW_EXITS
};

/**
 * struct hvm_exit - the corridor between hardware and house: one exit, described
 * @reason: enum hvm_hw_exit
 * @insn_len: length of the instruction, 0 where hardware does not tell and it is not architectural
 * @insn_bytes_len: valid bytes in @insn_bytes
 * @vectoring: the event that was being delivered when the exit hit (HVM_EVENT_NONE: none); the
 *	backend sets vectoring.type always
 * @pio: HVM_HW_PIO; flags are HVM_PIO_*
 * @memory: HVM_HW_TDP_FAULT; access are HVM_ACCESS_*; walk: it was the guest's page-table walk;
 *	detail: not the backend's, see hvm_mem_fault()
 * @cr: HVM_HW_CR_WRITE
 * @call: HVM_HW_HYPERCALL; cpl: privilege level; wide: in 64-bit code
 * @event: HVM_HW_EXCEPTION
 * @raw: as enum hvm_hw_exit says
 * @insn_bytes: instruction bytes at CS:RIP where hardware gives them
 *
 * The backend fills in what the reason needs and leaves the rest unset.
 */
struct hvm_exit {
	u16 reason;
	u8 insn_len;
	u8 insn_bytes_len;
	struct hvm_event vectoring;
	union {
		struct {
			u16 port;
			u8 bytes;
			u8 flags;
		} pio;
		struct {
			gpa_t gpa;
			u32 access;
			int detail;
			bool walk;
		} memory;
		struct {
			u8 nr;
			u64 value;
		} cr;
		struct {
			u8 cpl;
			bool wide;
		} call;
		struct hvm_event event;
		u64 raw;
	};
	u8 insn_bytes[16];
};

/**
 * struct hvm_vapic - the part of a local APIC that the hardware works on by itself
 * @page: [I] registers as in the APIC page, 16 bytes apart: HVM_VAPIC_READ are right, and the
 *	hardware writes TPR, PPR, ISR and IRR; NULL: it can do nothing of the kind
 * @on: [V] it answers those reads and HVM_VAPIC_WRITE, and delivers what IRR requests. In x2APIC
 *	mode only
 * @requested: [V] highest vector of IRR in @page, 0: none
 * @service: [V] likewise of ISR
 * @eoi_exits: [V] vectors whose end exits as HVM_HW_EOI
 *
 * While @on, the hardware keeps the highest vectors itself, and what is here is what they were when
 * common code wrote @page last. [I] and [V]: see &struct hvm_hw.
 */
struct hvm_vapic {
	u32 *page;
	bool on;
	u8 requested;
	u8 service;
	u64 eoi_exits[4];
};

/* Registers by number (offset in the APIC page / 16), as bits. */
#define HVM_VAPIC_READ	(BIT_ULL(0x02) | BIT_ULL(0x03) | BIT_ULL(0x08) | BIT_ULL(0x0a) | \
			 BIT_ULL(0x0d) | BIT_ULL(0x0f) | GENMASK_ULL(0x27, 0x10) | \
			 GENMASK_ULL(0x37, 0x32) | BIT_ULL(0x3e))
#define HVM_VAPIC_WRITE	(BIT_ULL(0x08) | BIT_ULL(0x0b))

/* What a second-level fault came to. */
enum hvm_fault_outcome {
	HVM_FAULT_FIXED,	/* mapped, or somebody else did: run again */
	HVM_FAULT_FETCHED,	/* the same, and the host did more than read its tables */
	HVM_FAULT_NO_RANGE,	/* nothing attached here: device memory */
	HVM_FAULT_READONLY,	/* a write to a read-only range */
	HVM_FAULT_HOST,		/* the process could not provide the page: error tells */
	HVM_FAULT_ABSENT,	/* attached with EXIT_ON_FAULT and not present */
	HVM_FAULT_SIGNAL,	/* a signal is pending: leave and come back */
	HVM_FAULT_NOMEM		/* no memory for page tables */
};

#endif /* HVM_TYPES_H */
