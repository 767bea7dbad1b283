/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMCS as a table of names: field encodings (SDM "Field Encoding in VMCS"), bits of the
 * controls (SDM "VM-Execution Control Fields" and after) and the instructions that reach them. Not
 * here: which of them a guest gets (caps.c, create in vcpu.c).
 */
#ifndef HVM_VMX_VMCS_H
#define HVM_VMX_VMCS_H

#include <linux/bits.h>
#include <linux/types.h>

/* 16-bit fields. Segment fields come in the order of enum hvm_seg, two apart. */
#define VMCS_VPID			0x0000
#define VMCS_GUEST_SELECTOR(seg)	(0x0800 + 2 * (seg))
#define VMCS_GUEST_INTR_STATUS		0x0810
#define VMCS_HOST_ES			0x0c00
#define VMCS_HOST_CS			0x0c02
#define VMCS_HOST_SS			0x0c04
#define VMCS_HOST_DS			0x0c06
#define VMCS_HOST_FS			0x0c08
#define VMCS_HOST_GS			0x0c0a
#define VMCS_HOST_TR			0x0c0c

/* 64-bit fields. */
#define VMCS_MSR_BITMAP			0x2004
#define VMCS_TSC_OFFSET			0x2010
#define VMCS_VIRTUAL_APIC		0x2012
#define VMCS_EPT_POINTER		0x201a
#define VMCS_EOI_EXITS(n)		(0x201c + 2 * (n))
#define VMCS_ENCLS_BITMAP		0x202e
#define VMCS_TSC_MULTIPLIER		0x2032
#define VMCS_GUEST_PHYSICAL		0x2400
#define VMCS_LINK			0x2800
#define VMCS_GUEST_DEBUGCTL		0x2802
#define VMCS_GUEST_PAT			0x2804
#define VMCS_GUEST_EFER			0x2806
#define VMCS_GUEST_PDPTE(n)		(0x280a + 2 * (n))
#define VMCS_HOST_PAT			0x2c00
#define VMCS_HOST_EFER			0x2c02

/* 32-bit fields. */
#define VMCS_PIN_CONTROLS		0x4000
#define VMCS_PRIMARY_CONTROLS		0x4002
#define VMCS_EXCEPTION_BITMAP		0x4004
#define VMCS_PF_ERROR_MASK		0x4006
#define VMCS_PF_ERROR_MATCH		0x4008
#define VMCS_CR3_TARGET_COUNT		0x400a
#define VMCS_EXIT_CONTROLS		0x400c
#define VMCS_EXIT_MSR_STORE_COUNT	0x400e
#define VMCS_EXIT_MSR_LOAD_COUNT	0x4010
#define VMCS_ENTRY_CONTROLS		0x4012
#define VMCS_ENTRY_MSR_LOAD_COUNT	0x4014
#define VMCS_ENTRY_EVENT		0x4016
#define VMCS_ENTRY_ERROR_CODE		0x4018
#define VMCS_ENTRY_INSN_LEN		0x401a
#define VMCS_TPR_THRESHOLD		0x401c
#define VMCS_SECONDARY_CONTROLS		0x401e
#define VMCS_PLE_GAP			0x4020
#define VMCS_PLE_WINDOW			0x4022
#define VMCS_INSTRUCTION_ERROR		0x4400
#define VMCS_EXIT_REASON		0x4402
#define VMCS_EXIT_EVENT			0x4404
#define VMCS_EXIT_ERROR_CODE		0x4406
#define VMCS_VECTORING_EVENT		0x4408
#define VMCS_VECTORING_ERROR_CODE	0x440a
#define VMCS_EXIT_INSN_LEN		0x440c
#define VMCS_GUEST_LIMIT(seg)		(0x4800 + 2 * (seg))
#define VMCS_GUEST_GDTR_LIMIT		0x4810
#define VMCS_GUEST_IDTR_LIMIT		0x4812
#define VMCS_GUEST_RIGHTS(seg)		(0x4814 + 2 * (seg))
#define VMCS_GUEST_INTERRUPTIBILITY	0x4824
#define VMCS_GUEST_ACTIVITY		0x4826
#define VMCS_GUEST_SYSENTER_CS		0x482a
#define VMCS_PREEMPTION_TIMER		0x482e
#define VMCS_HOST_SYSENTER_CS		0x4c00

/* Fields of the processor's natural width. */
#define VMCS_CR0_MASK			0x6000
#define VMCS_CR4_MASK			0x6002
#define VMCS_CR0_SHADOW			0x6004
#define VMCS_CR4_SHADOW			0x6006
#define VMCS_QUALIFICATION		0x6400
#define VMCS_GUEST_CR0			0x6800
#define VMCS_GUEST_CR3			0x6802
#define VMCS_GUEST_CR4			0x6804
#define VMCS_GUEST_BASE(seg)		(0x6806 + 2 * (seg))
#define VMCS_GUEST_GDTR_BASE		0x6816
#define VMCS_GUEST_IDTR_BASE		0x6818
#define VMCS_GUEST_DR7			0x681a
#define VMCS_GUEST_RSP			0x681c
#define VMCS_GUEST_RIP			0x681e
#define VMCS_GUEST_RFLAGS		0x6820
#define VMCS_GUEST_PENDING_DEBUG	0x6822
#define VMCS_GUEST_SYSENTER_ESP		0x6824
#define VMCS_GUEST_SYSENTER_EIP		0x6826
#define VMCS_HOST_CR0			0x6c00
#define VMCS_HOST_CR3			0x6c02
#define VMCS_HOST_CR4			0x6c04
#define VMCS_HOST_FS_BASE		0x6c06
#define VMCS_HOST_GS_BASE		0x6c08
#define VMCS_HOST_TR_BASE		0x6c0a
#define VMCS_HOST_GDTR_BASE		0x6c0c
#define VMCS_HOST_IDTR_BASE		0x6c0e
#define VMCS_HOST_SYSENTER_ESP		0x6c10
#define VMCS_HOST_SYSENTER_EIP		0x6c12
#define VMCS_HOST_RIP			0x6c16

/* VMCS_PIN_CONTROLS */
#define VMX_PIN_INTR			BIT(0)
#define VMX_PIN_NMI			BIT(3)
#define VMX_PIN_VIRTUAL_NMIS		BIT(5)
#define VMX_PIN_PREEMPTION_TIMER	BIT(6)

/* VMCS_PRIMARY_CONTROLS */
#define VMX_PRIMARY_INTR_WINDOW		BIT(2)
#define VMX_PRIMARY_TSC_OFFSET		BIT(3)
#define VMX_PRIMARY_HLT			BIT(7)
#define VMX_PRIMARY_INVLPG		BIT(9)
#define VMX_PRIMARY_MWAIT		BIT(10)
#define VMX_PRIMARY_RDPMC		BIT(11)
#define VMX_PRIMARY_RDTSC		BIT(12)
#define VMX_PRIMARY_CR3_LOAD		BIT(15)
#define VMX_PRIMARY_CR3_STORE		BIT(16)
#define VMX_PRIMARY_TPR_SHADOW		BIT(21)
#define VMX_PRIMARY_NMI_WINDOW		BIT(22)
#define VMX_PRIMARY_MOV_DR		BIT(23)
#define VMX_PRIMARY_IO			BIT(24)
#define VMX_PRIMARY_MSR_BITMAP		BIT(28)
#define VMX_PRIMARY_MONITOR		BIT(29)
#define VMX_PRIMARY_SECONDARY		BIT(31)

/* VMCS_SECONDARY_CONTROLS */
#define VMX_SECONDARY_EPT		BIT(1)
#define VMX_SECONDARY_RDTSCP		BIT(3)
#define VMX_SECONDARY_X2APIC		BIT(4)
#define VMX_SECONDARY_VPID		BIT(5)
#define VMX_SECONDARY_WBINVD		BIT(6)
#define VMX_SECONDARY_UNRESTRICTED	BIT(7)
#define VMX_SECONDARY_APIC_REGISTERS	BIT(8)
#define VMX_SECONDARY_VIRTUAL_INTR	BIT(9)
#define VMX_SECONDARY_PAUSE_LOOP	BIT(10)
#define VMX_SECONDARY_INVPCID		BIT(12)
#define VMX_SECONDARY_ENCLS		BIT(15)
#define VMX_SECONDARY_TSC_SCALING	BIT(25)

/* What makes &hvm_hw.vapic: all or none of it is used. */
#define VMX_SECONDARY_VAPIC		(VMX_SECONDARY_X2APIC | VMX_SECONDARY_APIC_REGISTERS | \
					 VMX_SECONDARY_VIRTUAL_INTR)

/* VMCS_EXIT_CONTROLS */
#define VMX_EXIT_SAVE_DEBUG		BIT(2)
#define VMX_EXIT_HOST_64BIT		BIT(9)
#define VMX_EXIT_LOAD_PAT		BIT(19)
#define VMX_EXIT_SAVE_EFER		BIT(20)
#define VMX_EXIT_LOAD_EFER		BIT(21)

/* VMCS_ENTRY_CONTROLS */
#define VMX_ENTRY_LOAD_DEBUG		BIT(2)
#define VMX_ENTRY_IA32E			BIT(9)
#define VMX_ENTRY_LOAD_PAT		BIT(14)
#define VMX_ENTRY_LOAD_EFER		BIT(15)

/* VMCS_ENTRY_EVENT, VMCS_EXIT_EVENT, VMCS_VECTORING_EVENT */
#define VMX_EVENT_VECTOR		GENMASK(7, 0)
#define VMX_EVENT_TYPE			GENMASK(10, 8)
#define VMX_EVENT_INTR			(0 << 8)
#define VMX_EVENT_NMI			(2 << 8)
#define VMX_EVENT_EXCEPTION		(3 << 8)
#define VMX_EVENT_SOFT_INTR		(4 << 8)
#define VMX_EVENT_PRIVILEGED		(5 << 8)	/* INT1 */
#define VMX_EVENT_SOFT_EXCEPTION	(6 << 8)	/* INT3, INTO */
#define VMX_EVENT_ERROR			BIT(11)
#define VMX_EVENT_UNBLOCKED_NMI		BIT(12)		/* exits only: an IRET had unmasked NMIs */
#define VMX_EVENT_VALID			BIT(31)

/* VMCS_GUEST_INTERRUPTIBILITY */
#define VMX_SHADOW_STI			BIT(0)
#define VMX_SHADOW_MOV_SS		BIT(1)
#define VMX_SHADOWS			(VMX_SHADOW_STI | VMX_SHADOW_MOV_SS)
#define VMX_NMI_MASKED			BIT(3)

/* VMCS_GUEST_RIGHTS: bits 7:0 are the ABI's; then: */
#define VMX_RIGHTS_AVL			BIT(12)
#define VMX_RIGHTS_L			BIT(13)
#define VMX_RIGHTS_DB			BIT(14)
#define VMX_RIGHTS_G			BIT(15)
#define VMX_RIGHTS_UNUSABLE		BIT(16)

/* VMCS_EXIT_REASON beside the basic reason */
#define VMX_REASON_BASIC		GENMASK(15, 0)
#define VMX_REASON_FAILED_ENTRY		BIT(31)

/* Basic exit reasons (SDM appendix "VMX Basic Exit Reasons"). */
enum vmx_reason {
	VMX_REASON_EXCEPTION		= 0,
	VMX_REASON_INTR			= 1,
	VMX_REASON_TRIPLE_FAULT		= 2,
	VMX_REASON_INTR_WINDOW		= 7,
	VMX_REASON_NMI_WINDOW		= 8,
	VMX_REASON_TASK_SWITCH		= 9,
	VMX_REASON_CPUID		= 10,
	VMX_REASON_GETSEC		= 11,
	VMX_REASON_HLT			= 12,
	VMX_REASON_INVD			= 13,
	VMX_REASON_RDPMC		= 15,
	VMX_REASON_VMCALL		= 18,
	VMX_REASON_VMCLEAR		= 19,
	VMX_REASON_VMLAUNCH		= 20,
	VMX_REASON_VMPTRLD		= 21,
	VMX_REASON_VMPTRST		= 22,
	VMX_REASON_VMREAD		= 23,
	VMX_REASON_VMRESUME		= 24,
	VMX_REASON_VMWRITE		= 25,
	VMX_REASON_VMXOFF		= 26,
	VMX_REASON_VMXON		= 27,
	VMX_REASON_CR			= 28,
	VMX_REASON_DR			= 29,
	VMX_REASON_IO			= 30,
	VMX_REASON_RDMSR		= 31,
	VMX_REASON_WRMSR		= 32,
	VMX_REASON_INVALID_STATE	= 33,
	VMX_REASON_MSR_LOAD		= 34,
	VMX_REASON_MWAIT		= 36,
	VMX_REASON_MONITOR		= 39,
	VMX_REASON_PAUSE		= 40,
	VMX_REASON_ENTRY_MCE		= 41,
	VMX_REASON_TPR			= 43,
	VMX_REASON_EOI			= 45,
	VMX_REASON_EPT_VIOLATION	= 48,
	VMX_REASON_EPT_MISCONFIG	= 49,
	VMX_REASON_INVEPT		= 50,
	VMX_REASON_PREEMPTION_TIMER	= 52,
	VMX_REASON_INVVPID		= 53,
	VMX_REASON_WBINVD		= 54,
	VMX_REASON_XSETBV		= 55,
	VMX_REASON_VMFUNC		= 59,
	VMX_REASON_ENCLS		= 60,
	VMX_REASONS			= 80
};

/* VMCS_INSTRUCTION_ERROR: invalid control fields, which include the event */
#define VMX_ERROR_CONTROLS		7

/*
 * Out of line, once per boot: a field this processor does not have is a bug of ours that a log line
 * shows.
 */
void vmx_vmwrite_failed(u32 field, u64 value);

/*
 * On a current VMCS a VMREAD of a field that exists cannot fail, and only such fields are named in
 * this room: no check. A reboot may switch VMX off under us (host.c): then these instructions are
 * #UD, which reads as 0 and writes nothing, and VMLAUNCH is refused.
 */
static __always_inline u64 vmcs_read(unsigned long field)
{
	u64 value;

	asm volatile("1: vmread %[field], %[value]\n2:\n"
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_ZERO_REG, %k[value])
		     : [value] "=r" (value) : [field] "r" (field) : "cc");
	return value;
}

static __always_inline void vmcs_write(unsigned long field, u64 value)
{
	asm goto("1: vmwrite %[value], %[field]\n\tjna %l[failed]\n"
		 _ASM_EXTABLE(1b, %l[off])
		 : : [value] "rm" (value), [field] "r" (field) : "cc" : failed, off);
	return;
failed:
	vmx_vmwrite_failed(field, value);
off:
	return;
}

/* The rest take a physical address in memory; CF or ZF say that they failed. */
static inline bool vmcs_clear(u64 pa)
{
	asm goto("1: vmclear %[pa]\n\tjna %l[failed]\n" _ASM_EXTABLE(1b, %l[failed])
		 : : [pa] "m" (pa) : "cc", "memory" : failed);
	return true;
failed:
	return false;
}

static inline bool vmcs_load(u64 pa)
{
	asm goto("1: vmptrld %[pa]\n\tjna %l[failed]\n" _ASM_EXTABLE(1b, %l[failed])
		 : : [pa] "m" (pa) : "cc", "memory" : failed);
	return true;
failed:
	return false;
}

#define VMX_INVALIDATE_SINGLE		1	/* INVEPT: one EPTP, INVVPID: one VPID */
#define VMX_INVALIDATE_ALL		2

static inline void vmx_invept(unsigned long type, u64 eptp)
{
	struct { u64 eptp, zero; } operand = { eptp, 0 };

	asm volatile("1: invept %[operand], %[type]\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : : [operand] "m" (operand), [type] "r" (type) : "cc", "memory");
}

static inline void vmx_invvpid(unsigned long type, u16 vpid)
{
	struct { u64 vpid, linear; } operand = { vpid, 0 };

	asm volatile("1: invvpid %[operand], %[type]\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : : [operand] "m" (operand), [type] "r" (type) : "cc", "memory");
}

#endif /* HVM_VMX_VMCS_H */
