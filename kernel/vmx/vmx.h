/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the VT-x backend share: one hardware vCPU, what the processor can do, and who
 * offers what to whom. Seen by no other room; the rest of the module knows ../backend.h only.
 */
#ifndef HVM_VMX_VMX_H
#define HVM_VMX_VMX_H

#include <linux/build_bug.h>
#include <linux/container_of.h>
#include <linux/jump_label.h>
#include <linux/linkage.h>
#include <linux/list.h>
#include <linux/stddef.h>
#include <asm/desc_defs.h>

#include "../backend.h"
#include "frame.h"
#include "vmcs.h"

/*
 * MSRs that the guest has while it runs on a CPU, and the host only has to have back before it
 * returns to userspace.
 */
enum vmx_syscall_msr {
	VMX_MSR_STAR, VMX_MSR_LSTAR, VMX_MSR_CSTAR, VMX_MSR_SFMASK, VMX_MSR_TSC_AUX,
	VMX_SYSCALL_MSRS
};

/* Our own work for the next enter(), in &hvm_hw.dirty beside HVM_HW_*. */
#define VMX_WORK_EVENT		BIT(31)	/* entry_event is to be injected */
#define VMX_WORK_WINDOW		BIT(30)	/* a window is asked for, or was */
#define VMX_WORK_FLUSH_VPID	BIT(29)	/* drop the guest's own translations */
#define VMX_WORK_DEBUG		BIT(28)	/* make pending #DB agree with TF and the shadow */

/**
 * struct vmx_frame - what enter.S works on; layout in frame.h
 * @host_rsp: HOST_RSP of the VMCS
 * @launched: bit 0: the VMCS was launched since its last VMCLEAR
 * @guest_spec: SPEC_CTRL of the guest
 * @host_spec: SPEC_CTRL of the host, set by run.c before each entry where there is such a register
 */
struct vmx_frame {
	u64 host_rsp;
	u32 launched;
	u32 guest_spec;
	u32 host_spec;
};

static_assert(offsetof(struct vmx_frame, host_rsp) == VMX_FRAME_HOST_RSP);
static_assert(offsetof(struct vmx_frame, launched) == VMX_FRAME_LAUNCHED);
static_assert(offsetof(struct vmx_frame, guest_spec) == VMX_FRAME_GUEST_SPEC);
static_assert(offsetof(struct vmx_frame, host_spec) == VMX_FRAME_HOST_SPEC);

/**
 * struct vmx_vcpu - one hardware vCPU
 * @hw: its neutral face
 * @frame: [V] for enter.S
 * @primary: [V] what VMCS_PRIMARY_CONTROLS holds
 * @host_cr3: [V] what VMCS_HOST_CR3 holds
 * @host_cr4: [V] what VMCS_HOST_CR4 holds
 * @vapic: [I] virtual-APIC page: TPR, and all else where &hvm_hw.vapic is on
 * @vapic_on: [V] VMCS_SECONDARY_CONTROLS has VMX_SECONDARY_VAPIC
 * @eptp: [V] what VMCS_EPT_POINTER holds
 * @host_debugctl: [P] the host's DEBUGCTL since interrupts were on: exits clear the register
 * @entry_event: [V] for VMCS_ENTRY_EVENT
 * @entry_error: [V] for VMCS_ENTRY_ERROR_CODE
 * @entry_len: [V] for VMCS_ENTRY_INSN_LEN
 * @window_prio: [V] priority class asked for
 * @tpr_threshold: [V] what VMCS_TPR_THRESHOLD holds
 * @window_flags: [V] HVM_WINDOW_* asked for
 * @loaded: [V] between load() and put(): the VMCS is current whenever this thread runs
 * @dr7_kept: [V] @dr7 is the guest's DR7; otherwise the VMCS has it
 * @dr7: [V] see @dr7_kept
 * @flush_l1d: [V] kernel data may be in the L1 cache that the guest must not be able to guess at
 *   (mitigate.c)
 * @timer_on: [V] VMCS_PREEMPTION_TIMER holds less than its maximum
 * @vpid: [I] virtual processor id, 0: none
 * @syscall_on: [V] EFER.SCE: without it nothing in the guest can see the first four of @syscall_msr
 * @syscall_msr: [V] by enum vmx_syscall_msr
 * @kernel_gs_base: [V] the guest's, while not loaded
 * @host_kernel_gs_base: [P] the host's, while loaded
 * @host_fs: [P] selectors of the host's thread, while loaded
 * @host_gs: [P]
 * @host_ds: [P]
 * @host_es: [P]
 * @host_ldt: [P]
 * @host_selectors: [P] any of these is not null
 * @host_gdt: [P] GDTR of the CPU @field_cpu
 * @field_fs_base: [V] what VMCS_HOST_FS_BASE holds
 * @field_cpu: [V] CPU for which the VMCS's host fields are right, and where its translations are
 *   fresh; -1: none
 * @cpu: [C] CPU on which the VMCS is active, -1: none
 * @entry: [C] in that CPU's list
 * @vmcs: [I] the VMCS, a page
 * @vmcs_pa: [I] its physical address
 *
 * [I] set at create; [V] the thread that holds the vCPU; [P] the same, preemption off; [C] written
 * on that CPU, interrupts off, read by [V]: it changes to -1 under the reader only in what the
 * reader waits for or when that CPU goes offline.
 */
struct vmx_vcpu {
	struct hvm_hw hw;
	struct vmx_frame frame;
	u32 primary;
	u64 host_cr3;
	u64 host_cr4;
	u8 *vapic;
	u64 eptp;
	u64 host_debugctl;
	u32 entry_event;
	u32 entry_error;
	u8 entry_len;
	u8 window_prio;
	u8 tpr_threshold;
	u8 window_flags;
	bool loaded;
	bool flush_l1d;
	bool timer_on;
	bool dr7_kept;
	bool vapic_on;
	u64 dr7;
	u16 vpid;
	bool syscall_on;
	u64 syscall_msr[VMX_SYSCALL_MSRS];
	u64 kernel_gs_base;
	u64 host_kernel_gs_base;
	u16 host_fs;
	u16 host_gs;
	u16 host_ds;
	u16 host_es;
	u16 host_ldt;
	u16 host_selectors;
	struct desc_ptr host_gdt;
	u64 field_fs_base;
	int field_cpu;
	int cpu;
	struct list_head entry;
	void *vmcs;
	u64 vmcs_pa;
};

static inline struct vmx_vcpu *to_vmx(struct hvm_hw *hw)
{
	return container_of(hw, struct vmx_vcpu, hw);
}

/**
 * struct vmx_caps - what this processor offers and what of it is used; constant after setup
 * @revision: VMCS revision identifier
 * @pin: VMCS_PIN_CONTROLS
 * @primary: VMCS_PRIMARY_CONTROLS of a new vCPU
 * @secondary: VMCS_SECONDARY_CONTROLS
 * @exit: VMCS_EXIT_CONTROLS
 * @entry: VMCS_ENTRY_CONTROLS
 * @cr0_fixed: bits that CR0 has to have in VMX operation, PE and PG aside
 * @cr4_fixed: bits that CR4 has to have
 * @cr4_owned: bits of CR4 that the guest changes without an exit
 * @timer_shift: ticks of the TSC for one of the preemption timer, as a power of two
 * @linear_bits: width of linear addresses
 * @ept_accessed: EPT has accessed and dirty bits
 * @invept: VMX_INVALIDATE_*
 * @invvpid: VMX_INVALIDATE_*, 0: there are no VPIDs
 * @has_vapic: VMX_SECONDARY_VAPIC can be set
 * @has_tsc_aux: guests have TSC_AUX
 * @has_pebs: the host may have precise sampling on
 */
struct vmx_caps {
	u32 revision;
	u32 pin;
	u32 primary;
	u32 secondary;
	u32 exit;
	u32 entry;
	u64 cr0_fixed;
	u64 cr4_fixed;
	u64 cr4_owned;
	u8 timer_shift;
	u8 linear_bits;
	bool ept_accessed;
	u8 invept;
	u8 invvpid;
	bool has_vapic;
	bool has_tsc_aux;
	bool has_pebs;
};

extern struct vmx_caps vmx_caps;

/* caps.c */
int vmx_caps_probe(struct hvm_caps *caps);
static inline bool vmx_canonical(u64 value)
{
	unsigned int shift = 64 - vmx_caps.linear_bits;

	return (u64)((s64)(value << shift) >> shift) == value;
}

/* host.c: this CPU */
int vmx_host_alloc(void);
void vmx_host_free(void);
int vmx_cpu_enable(void);
void vmx_cpu_disable(void);
struct vmx_vcpu *vmx_hold(struct vmx_vcpu *vmx);
void vmx_unhold(struct vmx_vcpu *vmx, struct vmx_vcpu *before);
void vmx_vmcs_release(struct vmx_vcpu *vmx);
void vmx_load(struct hvm_hw *hw);
void vmx_put(struct hvm_hw *hw);

/* user-return.c: syscall MSRs */
void vmx_user_return_read(void);
void vmx_user_return_restore(void);
void vmx_user_return_load(const struct vmx_vcpu *vmx);

/* vcpu.c */
struct hvm_hw *vmx_create(struct hvm_run *run);
void vmx_destroy(struct hvm_hw *hw);

/* enter.S */
asmlinkage bool vmx_enter_guest(struct vmx_frame *frame, u64 *gpr);
extern const u8 vmx_guest_exit[];

/* run.c, exit.c, check.c */
void vmx_enter(struct hvm_hw *hw, struct hvm_exit *exit);
void vmx_describe(struct vmx_vcpu *vmx, struct hvm_exit *exit);
void vmx_describe_failed_entry(struct vmx_vcpu *vmx, struct hvm_exit *exit);
enum hvm_invalid_field vmx_check_state(void);

/* mitigate.c */
int vmx_mitigate_setup(void);
void vmx_mitigate_teardown(void);
void vmx_mitigate_l1d(struct vmx_vcpu *vmx);
DECLARE_STATIC_KEY_FALSE(vmx_l1d_key);

/* inject.c */
bool vmx_skip(struct hvm_hw *hw, unsigned int len);
void vmx_inject(struct hvm_hw *hw, const struct hvm_event *event);
void vmx_window(struct hvm_hw *hw, u32 flags, u8 prio);
u32 vmx_blocked(struct hvm_hw *hw);
void vmx_write_event(struct vmx_vcpu *vmx);
void vmx_write_window(struct vmx_vcpu *vmx);
void vmx_fix_pending_debug(void);
void vmx_decode_event(struct hvm_event *event, u32 info, u32 error, u8 insn_len);

/* state.c */
void vmx_expose(struct hvm_hw *hw, bool full);
void vmx_get_state(struct hvm_hw *hw, u32 mask, struct hvm_hw_state *state);
void vmx_set_state(struct hvm_hw *hw, u32 mask, const struct hvm_hw_state *state);

/* msr.c */
int vmx_msr_alloc(void);
void vmx_msr_free(void);
u64 vmx_msr_bitmap(const struct vmx_vcpu *vmx);
int vmx_get_msr(struct hvm_hw *hw, u32 index, u64 *value);
int vmx_set_msr(struct hvm_hw *hw, u32 index, u64 value);
const u32 *vmx_msr_list(void);

#endif /* HVM_VMX_VMX_H */
