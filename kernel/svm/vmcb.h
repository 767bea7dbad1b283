/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual machine control block as the processor reads it: APM volume 2, appendix "VMCB
 * Layout", with each field's bits beneath it, and the exit codes of appendix "SVM Intercept Exit
 * Codes". Layout only: what the fields are set to is decided in the other files here.
 */
#ifndef HVM_SVM_VMCB_H
#define HVM_SVM_VMCB_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

/**
 * struct vmcb_segment - a segment register in the state save area
 * @selector: visible part
 * @attributes: bits 47:40 and 55:52 of the descriptor, packed into 12 bits: the same as HVM_SEG_*
 *	without HVM_SEG_UNUSABLE
 * @limit: limit in bytes
 * @base: linear address
 */
struct vmcb_segment {
	u16 selector;
	u16 attributes;
	u32 limit;
	u64 base;
};

/*
 * All of the VMCB: the control area, then, from 0x400 on, the state save area. Fields that nobody
 * here uses are reserved[].
 */
struct vmcb {
	u32 intercept_cr;		/* 0x000: reads in 15:0, writes in 31:16 */
	u32 intercept_dr;		/* 0x004: the same for debug registers */
	u32 intercept_exceptions;	/* 0x008: by vector */
	u32 intercept_misc1;		/* 0x00c */
#define VMCB_INTERCEPT_INTR		BIT(0)
#define VMCB_INTERCEPT_NMI		BIT(1)
#define VMCB_INTERCEPT_SMI		BIT(2)
#define VMCB_INTERCEPT_INIT		BIT(3)
#define VMCB_INTERCEPT_VINTR		BIT(4)
#define VMCB_INTERCEPT_RDPMC		BIT(15)
#define VMCB_INTERCEPT_CPUID		BIT(18)
#define VMCB_INTERCEPT_RSM		BIT(19)
#define VMCB_INTERCEPT_IRET		BIT(20)
#define VMCB_INTERCEPT_SOFT_INTR	BIT(21)
#define VMCB_INTERCEPT_INVD		BIT(22)
#define VMCB_INTERCEPT_PAUSE		BIT(23)
#define VMCB_INTERCEPT_HLT		BIT(24)
#define VMCB_INTERCEPT_INVLPGA		BIT(26)
#define VMCB_INTERCEPT_IOIO		BIT(27)
#define VMCB_INTERCEPT_MSR		BIT(28)
#define VMCB_INTERCEPT_TASK_SWITCH	BIT(29)
#define VMCB_INTERCEPT_FERR		BIT(30)
#define VMCB_INTERCEPT_SHUTDOWN		BIT(31)
	u32 intercept_misc2;		/* 0x010 */
#define VMCB_INTERCEPT_VMRUN		BIT(0)
#define VMCB_INTERCEPT_VMMCALL		BIT(1)
#define VMCB_INTERCEPT_VMLOAD		BIT(2)
#define VMCB_INTERCEPT_VMSAVE		BIT(3)
#define VMCB_INTERCEPT_STGI		BIT(4)
#define VMCB_INTERCEPT_CLGI		BIT(5)
#define VMCB_INTERCEPT_SKINIT		BIT(6)
#define VMCB_INTERCEPT_WBINVD		BIT(9)
#define VMCB_INTERCEPT_MONITOR		BIT(10)
#define VMCB_INTERCEPT_MWAIT		BIT(11)
#define VMCB_INTERCEPT_XSETBV		BIT(13)
#define VMCB_INTERCEPT_RDPRU		BIT(14)
	u8 reserved_014[0x3c - 0x14];
	u16 pause_threshold;		/* 0x03c: ticks after which a PAUSE begins a new loop */
	u16 pause_count;		/* 0x03e: PAUSEs of a loop before one exits */
	u64 iopm_pa;			/* 0x040 */
	u64 msrpm_pa;			/* 0x048 */
	u64 tsc_offset;			/* 0x050 */
	u32 asid;			/* 0x058 */
	u8 tlb_control;			/* 0x05c */
#define VMCB_TLB_NOTHING		0
#define VMCB_TLB_FLUSH_ALL		1
#define VMCB_TLB_FLUSH_ASID		3
	u8 reserved_05d[3];
	u8 v_tpr;			/* 0x060: CR8 of the guest */
	u8 v_irq;			/* 0x061 */
#define VMCB_V_IRQ			BIT(0)
	u8 v_intr_prio;			/* 0x062: bits 3:0; bit 4 ignores the task priority */
	u8 v_intr_masking;		/* 0x063 */
#define VMCB_V_INTR_MASKING		BIT(0)
	u32 v_intr_vector;		/* 0x064 */
	u64 int_state;			/* 0x068 */
#define VMCB_INT_SHADOW			BIT(0)
	u64 exit_code;			/* 0x070 */
	u64 exit_info_1;		/* 0x078 */
	u64 exit_info_2;		/* 0x080 */
	u64 exit_int_info;		/* 0x088: as event_inj */
	u64 np_control;			/* 0x090 */
#define VMCB_NP_ENABLE			BIT(0)
	u8 reserved_098[0xa8 - 0x98];
	u64 event_inj;			/* 0x0a8 */
#define VMCB_EVENT_VECTOR		0xffULL
#define VMCB_EVENT_TYPE			GENMASK_ULL(10, 8)
#define VMCB_EVENT_INTR			(0ULL << 8)
#define VMCB_EVENT_NMI			(2ULL << 8)
#define VMCB_EVENT_EXCEPTION		(3ULL << 8)
#define VMCB_EVENT_HAS_ERROR		BIT_ULL(11)
#define VMCB_EVENT_VALID		BIT_ULL(31)
#define VMCB_EVENT_ERROR_SHIFT		32
	u64 nested_cr3;			/* 0x0b0 */
	u64 lbr_control;		/* 0x0b8 */
#define VMCB_LBR_ENABLE			BIT(0)
	u32 clean;			/* 0x0c0: what is unchanged since the last VMRUN */
#define VMCB_CLEAN_INTERCEPTS		BIT(0)	/* and the TSC offset */
#define VMCB_CLEAN_PERMISSION_MAPS	BIT(1)
#define VMCB_CLEAN_ASID			BIT(2)
#define VMCB_CLEAN_TPR			BIT(3)	/* 0x060 to 0x067 */
#define VMCB_CLEAN_NESTED_PAGING	BIT(4)	/* nested_cr3 and g_pat */
#define VMCB_CLEAN_CR			BIT(5)	/* CR0, CR3, CR4, EFER */
#define VMCB_CLEAN_DR			BIT(6)	/* DR6, DR7 */
#define VMCB_CLEAN_DT			BIT(7)	/* GDTR, IDTR */
#define VMCB_CLEAN_SEGMENTS		BIT(8)	/* CS, DS, SS, ES, CPL */
#define VMCB_CLEAN_CR2			BIT(9)
#define VMCB_CLEAN_LBR			BIT(10)	/* DebugCtl and the branch records */
#define VMCB_CLEAN_ALL			GENMASK(10, 0)
	u32 reserved_0c4;
	u64 next_rip;			/* 0x0c8 */
	u8 insn_bytes_len;		/* 0x0d0 */
	u8 insn_bytes[15];		/* 0x0d1 */
	u8 reserved_0e0[0x400 - 0xe0];

	struct vmcb_segment es;		/* 0x400 */
	struct vmcb_segment cs;
	struct vmcb_segment ss;
	struct vmcb_segment ds;
	struct vmcb_segment fs;
	struct vmcb_segment gs;
	struct vmcb_segment gdtr;	/* 0x460 */
	struct vmcb_segment ldtr;
	struct vmcb_segment idtr;
	struct vmcb_segment tr;
	u8 reserved_4a0[0x4cb - 0x4a0];
	u8 cpl;				/* 0x4cb */
	u32 reserved_4cc;
	u64 efer;			/* 0x4d0 */
	u8 reserved_4d8[0x548 - 0x4d8];
	u64 cr4;			/* 0x548 */
	u64 cr3;
	u64 cr0;
	u64 dr7;			/* 0x560 */
	u64 dr6;
	u64 rflags;			/* 0x570 */
	u64 rip;
	u8 reserved_580[0x5d8 - 0x580];
	u64 rsp;			/* 0x5d8 */
	u8 reserved_5e0[0x5f8 - 0x5e0];
	u64 rax;			/* 0x5f8 */
	u64 star;			/* 0x600 */
	u64 lstar;
	u64 cstar;
	u64 sfmask;
	u64 kernel_gs_base;
	u64 sysenter_cs;
	u64 sysenter_esp;
	u64 sysenter_eip;
	u64 cr2;			/* 0x640 */
	u8 reserved_648[0x668 - 0x648];
	u64 g_pat;			/* 0x668 */
	u64 debugctl;			/* 0x670 */
	u8 reserved_678[0x6e0 - 0x678];
	u64 spec_ctrl;			/* 0x6e0 */
	u8 reserved_6e8[0x1000 - 0x6e8];
};

static_assert(sizeof(struct vmcb) == 0x1000);
static_assert(offsetof(struct vmcb, intercept_misc2) == 0x010);
static_assert(offsetof(struct vmcb, pause_count) == 0x03e);
static_assert(offsetof(struct vmcb, iopm_pa) == 0x040);
static_assert(offsetof(struct vmcb, asid) == 0x058);
static_assert(offsetof(struct vmcb, v_tpr) == 0x060);
static_assert(offsetof(struct vmcb, int_state) == 0x068);
static_assert(offsetof(struct vmcb, exit_int_info) == 0x088);
static_assert(offsetof(struct vmcb, np_control) == 0x090);
static_assert(offsetof(struct vmcb, event_inj) == 0x0a8);
static_assert(offsetof(struct vmcb, clean) == 0x0c0);
static_assert(offsetof(struct vmcb, next_rip) == 0x0c8);
static_assert(offsetof(struct vmcb, insn_bytes) == 0x0d1);
static_assert(offsetof(struct vmcb, es) == 0x400);
static_assert(offsetof(struct vmcb, gdtr) == 0x460);
static_assert(offsetof(struct vmcb, tr) == 0x490);
static_assert(offsetof(struct vmcb, cpl) == 0x4cb);
static_assert(offsetof(struct vmcb, efer) == 0x4d0);
static_assert(offsetof(struct vmcb, cr4) == 0x548);
static_assert(offsetof(struct vmcb, rflags) == 0x570);
static_assert(offsetof(struct vmcb, rsp) == 0x5d8);
static_assert(offsetof(struct vmcb, rax) == 0x5f8);
static_assert(offsetof(struct vmcb, sysenter_eip) == 0x638);
static_assert(offsetof(struct vmcb, cr2) == 0x640);
static_assert(offsetof(struct vmcb, g_pat) == 0x668);
static_assert(offsetof(struct vmcb, spec_ctrl) == 0x6e0);

/* exit_code; VMEXIT_INVALID is -1, of which emulators store only 32 bits. */
#define VMEXIT_DR_READ		0x020
#define VMEXIT_DR_WRITE		0x030
#define VMEXIT_EXCEPTION	0x040
#define VMEXIT_INTR		0x060
#define VMEXIT_NMI		0x061
#define VMEXIT_SMI		0x062
#define VMEXIT_INIT		0x063
#define VMEXIT_VINTR		0x064
#define VMEXIT_RDPMC		0x06f
#define VMEXIT_CPUID		0x072
#define VMEXIT_RSM		0x073
#define VMEXIT_IRET		0x074
#define VMEXIT_SOFT_INTR	0x075
#define VMEXIT_INVD		0x076
#define VMEXIT_PAUSE		0x077
#define VMEXIT_HLT		0x078
#define VMEXIT_INVLPGA		0x07a
#define VMEXIT_IOIO		0x07b
#define VMEXIT_MSR		0x07c
#define VMEXIT_TASK_SWITCH	0x07d
#define VMEXIT_FERR		0x07e
#define VMEXIT_SHUTDOWN		0x07f
#define VMEXIT_VMRUN		0x080
#define VMEXIT_VMMCALL		0x081
#define VMEXIT_VMLOAD		0x082
#define VMEXIT_SKINIT		0x086
#define VMEXIT_WBINVD		0x089
#define VMEXIT_MONITOR		0x08a
#define VMEXIT_MWAIT		0x08b
#define VMEXIT_MWAIT_ARMED	0x08c
#define VMEXIT_XSETBV		0x08d
#define VMEXIT_RDPRU		0x08e
#define VMEXIT_NPF		0x400
#define VMEXIT_INVALID		0xffffffffU

/* exit_info_1 of VMEXIT_IOIO; next RIP is in exit_info_2 */
#define VMEXIT_IO_IN		BIT(0)
#define VMEXIT_IO_STRING	BIT(2)
#define VMEXIT_IO_REP		BIT(3)
#define VMEXIT_IO_BYTES_SHIFT	4	/* one of three bits: 1, 2 or 4 bytes */
#define VMEXIT_IO_PORT_SHIFT	16

/* exit_info_1 of VMEXIT_NPF; the guest physical address is in exit_info_2 */
#define VMEXIT_NPF_WRITE	BIT_ULL(1)
#define VMEXIT_NPF_RESERVED	BIT_ULL(3)
#define VMEXIT_NPF_FETCH	BIT_ULL(4)
#define VMEXIT_NPF_WALK		BIT_ULL(33)

#endif /* HVM_SVM_VMCB_H */
