/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the AMD-V backend share: the virtual CPU, the CPU it runs on, and who does
 * what. Included by nobody outside svm/.
 */
#ifndef HVM_SVM_SVM_H
#define HVM_SVM_SVM_H

#include <linux/container_of.h>
#include <linux/percpu.h>

#include "../backend.h"
#include "enter.h"
#include "vmcb.h"

/* More work for the next enter(), in &hvm_hw.dirty beside HVM_HW_*. */
#define SVM_DIRTY_TLB		BIT(31)	/* the TLB was flushed by the last VMRUN: stop */
#define SVM_DIRTY_DR		BIT(30)	/* the guest holds its debug registers: load DR6 */
#define SVM_DIRTY_NMI		BIT(29)	/* an NMI waits: see whether a step opens its window */

/* DR6 with nothing to report, DR7 with no breakpoint on (APM volume 2, "Debug Registers"). */
#define SVM_DR6_NEUTRAL		0xffff0ff0ULL
#define SVM_DR6_EVENTS		0x0000e00fULL	/* B0 to B3, BD, BS, BT */
#define SVM_DR6_STEP		BIT_ULL(14)
#define SVM_DR7_NEUTRAL		0x400ULL

/* &svm_vcpu.after: what has to be done after an exit */
#define SVM_AFTER_DR		BIT(0)	/* save the guest's DR6 */
#define SVM_AFTER_NMI		BIT(1)	/* NMIs are masked, or one waits */
#define SVM_AFTER_INT3		BIT(2)	/* an INT3 was delivered by hand */

/**
 * struct svm_caps - what this processor has beyond what is required
 * @nrip: next RIP is saved at exits
 * @flush_by_asid: one ASID can be flushed
 * @insn_bytes: nested page faults come with instruction bytes
 * @pause_filter: not every PAUSE exits, only those of a loop
 * @lbr: DebugCtl and the branch records can be the guest's own
 * @tsc_aux: there is a TSC_AUX
 * @max_asid: highest ASID
 *
 * Constant after setup.
 */
struct svm_caps {
	bool nrip;
	bool flush_by_asid;
	bool insn_bytes;
	bool pause_filter;
	bool lbr;
	bool tsc_aux;
	u32 max_asid;
};

extern struct svm_caps svm_caps;

/**
 * struct svm_cpu - one host CPU
 * @on: [C] SVM is on here, and by this module
 * @save_area: [I] where VMRUN keeps the host's state; its format is the processor's own
 * @host_vmcb: [I] where VMSAVE keeps the rest
 * @host_pa: [I] physical address of @host_vmcb
 * @asid_generation: [C] counts how often the ASIDs were used up
 * @next_asid: [C] the next ASID nobody has used in this generation
 * @last_id: [C] &svm_vcpu.id of the last to run here
 * @tsc_aux: [C] the host's TSC_AUX
 *
 * [I] set at setup; [C] this CPU only, preemption off.
 */
struct svm_cpu {
	bool on;
	void *save_area;
	struct vmcb *host_vmcb;
	u64 host_pa;
	u64 asid_generation;
	u32 next_asid;
	u64 last_id;
	u64 tsc_aux;
};

DECLARE_PER_CPU(struct svm_cpu, svm_cpu);

/**
 * struct svm_vcpu - one virtual CPU
 * @hw: the face that common code sees
 * @entry: operands of VMRUN
 * @vmcb: [I] its VMCB
 * @id: [I] never used for another
 * @asid_generation: [V] generation of its ASID on @cpu
 * @cpu: [V] where it was last loaded, or -1
 * @loaded: [V] loaded now
 * @new_asid: [V] its ASID is not its own any more
 * @dr_live: [V] the VMCB holds the guest's DR7; otherwise @dr7 does
 * @after: [V] SVM_AFTER_*
 * @nmi_masked: [V] an NMI was injected and its IRET has not completed
 * @nmi_iret: [V] that IRET is about to run: it was at @iret_rip
 * @window_prio: [V] priority class of the interrupt window asked for
 * @want_nmi: [V] an exit is wanted when NMIs are not masked
 * @stepping: [V] RFLAGS.TF was set to get that exit
 * @step_tf: [V] RFLAGS.TF before
 * @int3_rip: [V] where the INT3 of SVM_AFTER_INT3 is
 * @mov_dr7: [V] DR7 has to be loaded by MOV
 * @iret_rip: [V] see @nmi_iret
 * @step_rip: [V] where the step began
 * @dr7: [V] see @dr_live
 * @tsc_aux: [V] the guest's TSC_AUX
 * @host_debugctl: [V] the host's DebugCtl since interrupts were on
 * @spec_ctrl: [V] the guest's SPEC_CTRL where the processor does not keep one for guests
 *
 * [I] set at create; [V] the thread that holds the vCPU's mutex.
 */
struct svm_vcpu {
	struct hvm_hw hw;
	struct svm_entry entry;
	struct vmcb *vmcb;
	u64 id;
	u64 asid_generation;
	int cpu;
	bool loaded;
	bool new_asid;
	bool dr_live;
	u8 after;
	u8 window_prio;
	bool nmi_masked;
	bool nmi_iret;
	bool want_nmi;
	bool stepping;
	bool step_tf;
	bool mov_dr7;
	u64 int3_rip;
	u64 iret_rip;
	u64 step_rip;
	u64 dr7;
	u64 tsc_aux;
	u64 host_debugctl;
	u64 spec_ctrl;
};

/* What an exit tells beside its reason. 0 stands for an exit code that nobody expects. */
enum svm_exit_detail {
	SVM_EXIT_UNEXPECTED,
	SVM_EXIT_NOTHING,
	SVM_EXIT_EXCEPTION,
	SVM_EXIT_SOFT_INTR,
	SVM_EXIT_IRET,
	SVM_EXIT_PORT,
	SVM_EXIT_MSR,
	SVM_EXIT_WINDOW,
	SVM_EXIT_TASK_SWITCH,
	SVM_EXIT_FERR,
	SVM_EXIT_SHUTDOWN,
	SVM_EXIT_CALL,
};

/**
 * struct svm_exit_rule - how an exit code is told
 * @reason: enum hvm_hw_exit
 * @detail: enum svm_exit_detail
 * @len: length of the instruction that is stepped over, or 0; stands where the processor tells none
 */
struct svm_exit_rule {
	u8 reason;
	u8 detail;
	u8 len;
};

#define SVM_EXIT_RULES	(VMEXIT_RDPRU + 1)

static inline struct svm_vcpu *to_svm(struct hvm_hw *hw)
{
	return container_of(hw, struct svm_vcpu, hw);
}

/* caps.c */
int svm_caps_find(struct hvm_caps *caps);

/* host.c */
int svm_host_setup(void);
void svm_host_teardown(void);
int svm_cpu_enable(void);
void svm_cpu_disable(void);
void svm_asid_new(struct svm_vcpu *svm);
void svm_load(struct hvm_hw *hw);
void svm_put(struct hvm_hw *hw);

/* run.c */
void svm_enter(struct hvm_hw *hw, struct hvm_exit *exit);
u32 svm_exceptions(const struct svm_vcpu *svm);

/* exit.c */
extern const struct svm_exit_rule svm_exit_rules[SVM_EXIT_RULES];
void svm_exit_detail(struct svm_vcpu *svm, struct hvm_exit *exit, u8 detail, u32 code);
void svm_exit_beyond(struct svm_vcpu *svm, struct hvm_exit *exit, u32 code);
void svm_exit_vectoring(struct svm_vcpu *svm, struct hvm_exit *exit);

/* inject.c */
bool svm_skip(struct hvm_hw *hw, unsigned int len);
void svm_inject(struct hvm_hw *hw, const struct hvm_event *event);
void svm_window(struct hvm_hw *hw, u32 flags, u8 prio);
u32 svm_blocked(struct hvm_hw *hw);
bool svm_window_is_open(struct svm_vcpu *svm);
void svm_nmi_iret(struct svm_vcpu *svm);
void svm_nmi_before_entry(struct svm_vcpu *svm);
void svm_nmi_after_exit(struct svm_vcpu *svm, struct hvm_exit *exit);
void svm_nmi_set_masked(struct svm_vcpu *svm, bool masked);
void svm_int3_after_exit(struct svm_vcpu *svm, struct hvm_exit *exit);
void svm_int3_intercept(struct svm_vcpu *svm);

/* state.c */
void svm_state_reset(struct svm_vcpu *svm);
void svm_expose(struct hvm_hw *hw, bool full);
void svm_get_state(struct hvm_hw *hw, u32 mask, struct hvm_hw_state *state);
void svm_set_state(struct hvm_hw *hw, u32 mask, const struct hvm_hw_state *state);
enum hvm_invalid_field svm_state_invalid(const struct vmcb *vmcb);

/* msr.c */
int svm_msr_setup(void);
void svm_msr_teardown(void);
u64 svm_msr_map(bool exit_all);
u64 svm_io_map(void);
int svm_get_msr(struct hvm_hw *hw, u32 index, u64 *value);
int svm_set_msr(struct hvm_hw *hw, u32 index, u64 value);
const u32 *svm_msr_list(void);

#endif /* HVM_SVM_SVM_H */
