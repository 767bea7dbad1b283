/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The waist: all that common code may ask of a processor vendor. A backend runs one virtual CPU and
 * describes what happened; it decides nothing, allocates nothing on hot paths, and calls nothing
 * above tdp/. No vendor name and no hardware encoding crosses this line.
 */
#ifndef HVM_BACKEND_H
#define HVM_BACKEND_H

#include <linux/bits.h>

#include "types.h"
#include "tdp/format.h"

/**
 * struct hvm_caps - what the processor offers, found once by &hvm_backend.setup
 * @vendor: HVM_VENDOR_*
 * @features: HVM_FEATURE_*
 * @gpa_bits: width of guest physical addresses the second-level tables take
 * @tdp: format of the second-level tables
 * @xsetbv_silent: the guest's XSETBV does not exit (an emulated AMD host): XCR0 is read back after
 *	each exit
 * @exit_timer: &hvm_hw.deadline is met
 * @nx_huge: large second-level leaves may not be executable (iTLB multihit erratum, as far as the
 *	host guards itself)
 * @has_nrip: every exit that advances tells its instruction's length
 */
struct hvm_caps {
	u32 vendor;
	u64 features;
	u32 gpa_bits;
	struct hvm_tdp_format tdp;
	bool has_nrip;
	bool exit_timer;
	bool nx_huge;
	bool xsetbv_silent;
};

/* &struct hvm_hw.dirty: what enter() has to carry into the hardware first */
#define HVM_HW_FLUSH_TLB	BIT(0)	/* drop this vCPU's translations */
#define HVM_HW_NEW_ROOT		BIT(1)	/* tdp_root changed (implies a flush) */
#define HVM_HW_NEW_TSC		BIT(2)	/* tsc_offset or tsc_factor changed */
#define HVM_HW_NEW_INTERCEPTS	BIT(3)	/* what exits changed */
#define HVM_HW_NEW_HOST		BIT(4)	/* interrupts were on: the host's registers may be others */
#define HVM_HW_FOREIGN_DATA	BIT(5)	/* data of others may have come into the caches */
#define HVM_HW_NEW_VAPIC	BIT(6)	/* vapic changed */

/* &struct hvm_hw.dr_owner: whose the processor's DR0 to DR3 are while the guest runs */
#define HVM_DR_HOST	0	/* nobody's; MOV DR exits as HVM_HW_DR_ACCESS */
#define HVM_DR_GUEST	1	/* the guest's, with DR6 and DR7; no DR exits */
#define HVM_DR_DEBUGGER	2	/* a debugger's, with @debugger_dr7 for DR7; MOV DR exits */

/**
 * struct hvm_hw - the neutral face of one hardware virtual CPU; a backend embeds it in its own
 * struct
 * @run: [I] run page: gpr[] are the guest's registers while it runs (except RSP, which
 *	get/set_state carry and @enter leaves alone)
 * @dirty: [V] HVM_HW_* work for the next enter()
 * @tpr: [V] task priority (bits 7:4 and 3:0 as in the APIC's TPR): loaded before, stored after each
 *	entry that was not refused
 * @exit_all_msrs: [V] no MSR is passed through
 * @dr_owner: [V] HVM_DR_*; changes count from the next HVM_HW_NEW_INTERCEPTS on
 * @exit_exceptions: [V] bitmap of exception vectors that exit as HVM_HW_EXCEPTION. Common code
 *	always sets #AC (17) and #DB (1) to break delivery loops; #MC (18) is the backend's own
 * @tdp_root: [V] host physical address of the second-level root
 * @tdp_levels: [V] 4 or 5
 * @tsc_offset: [V] guest TSC minus the host's, which is scaled before
 * @tsc_factor: [V] guest ticks per host tick, 48 bits behind the point; 0: the same. Not 0 only
 *	with HVM_FEATURE_TSC_SCALING
 * @deadline: [V] host TSC at which the guest exits as HVM_HW_DEADLINE, or a little before; 0: none.
 *	Only with &hvm_caps.exit_timer
 * @cr2: [V] guest CR2: loaded before, stored after each entry
 * @dr6: [V] guest DR6: kept here by common code while they are the guest's; the backend stores DR6
 *	of an intercepted #DB into exit->event.payload
 * @debugger_dr7: [V] see @dr_owner
 * @vapic: see there
 * @rsp: [V] what the last @expose wrote into the run page, which others may have written since
 * @rflags: [V] likewise
 *
 * [I] set at create; [V] owned by the thread that holds the vCPU's mutex.
 */
struct hvm_hw {
	struct hvm_run *run;
	u32 dirty;
	u8 tpr;
	bool exit_all_msrs;
	u8 dr_owner;
	u8 tdp_levels;
	u32 exit_exceptions;
	hpa_t tdp_root;
	u64 tsc_offset;
	u64 tsc_factor;
	u64 deadline;
	u64 cr2;
	u64 dr6;
	u64 debugger_dr7;
	struct hvm_vapic vapic;
	u64 rsp;
	u64 rflags;
};

/**
 * struct hvm_hw_state - the registers a backend keeps, in the ABI's terms
 * @rip: gpr block
 * @rsp: gpr block
 * @rflags: gpr block
 * @segments: segments block
 * @cr0: control block, as the guest sees it; likewise all below
 * @cr3: control block
 * @cr4: control block
 * @efer: control block
 * @pdpte: control block
 * @dr7: debug block
 * @shadow: events block: HVM_SHADOW_*
 * @nmi_masked: events block
 */
struct hvm_hw_state {
	u64 rip;
	u64 rsp;
	u64 rflags;
	struct hvm_state_segments segments;
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u64 pdpte[4];
	u64 dr7;
	u8 shadow;
	bool nmi_masked;
};

/* &hvm_backend.blocked: what the guest does not take now */
#define HVM_BLOCKED_INTR	BIT(0)	/* RFLAGS.IF clear or a shadow */
#define HVM_BLOCKED_NMI		BIT(1)	/* masked until IRET, or a MOV SS shadow */
#define HVM_BLOCKED_EVENT	BIT(2)	/* inject() was called since the last entry */

/* &hvm_backend.window: exit as soon as ... */
#define HVM_WINDOW_INTR		BIT(0)	/* interrupts of class @prio are taken */
#define HVM_WINDOW_NMI		BIT(1)	/* NMIs are no longer masked */

/**
 * struct hvm_backend - the waist itself; at most 24 callbacks
 *
 * @setup: find out what the processor can do and prepare what is shared by all guests. Prints one
 *	line with reason and remedy when it cannot. -ENODEV: not this vendor (silent); -EOPNOTSUPP:
 *	a needed capability is missing; -EACCES: firmware has locked it; -EBUSY: in use; -ENOMEM
 * @teardown: exact reverse of @setup; no vCPU exists
 * @cpu_enable: turn virtualization on, on this CPU, interrupts off. -EBUSY: somebody else's is on;
 *	-EIO
 * @cpu_disable: exact reverse, after dropping what this CPU caches of vCPUs last loaded here; also
 *	from the crash path: takes no locks, tolerates being off
 *
 * @create: a virtual CPU in reset state. Process context. ERR_PTR(-ENOMEM)
 * @destroy: its end; not loaded anywhere
 * @load: make it current on this CPU. Preemption off, interrupts on. Called on every (re)schedule:
 *	cheap when it was last here
 * @put: leave this CPU, host registers that the guest replaced are restored. Preemption off
 *
 * @enter: run the guest until an exit and describe it. Interrupts off before and after. An
 *	interrupt that ended the run is left pending (it arrives when common code enables
 *	interrupts); a host NMI or machine check that ended it has been delivered.
 *
 * @skip: advance RIP by @len bytes; clear the interrupt shadow and RF. Wraps RIP at 32 bits outside
 *	64-bit code. Returns whether RFLAGS.TF is set: then common code raises the single-step #DB
 * @inject: deliver @event with the next entry. One per entry. The payload is already in its
 *	register
 * @window: ask for an exit, flags HVM_WINDOW_*; replaces what was asked before. @prio: vector >> 4
 *	of the waiting interrupt
 * @blocked: HVM_BLOCKED_* bits
 * @expose: fill hvm_run: rip, rflags and gpr[HVM_RSP]; with @full also cpl, cr0 to efer and what
 *	hvm_run::seg is to have of the segments
 *
 * @get_state: read the blocks of @mask (HVM_STATE_GPR, SEGMENTS, CONTROL, DEBUG, EVENTS) into
 *	@state
 * @set_state: write them. Values were checked one by one by common code; combinations the hardware
 *	refuses show at @enter
 * @get_msr: MSRs that the hardware holds for the guest: segment bases, syscall, SYSENTER, PAT,
 *	TSC_AUX, SPEC_CTRL, DEBUGCTL. -ENOENT: not one of them
 * @set_msr: the same; -EINVAL: the hardware would raise #GP on the value
 * @msr_list: its carried MSR indices, terminated by 0
 */
struct hvm_backend {
	const char *name;

	int (*setup)(struct hvm_caps *caps);
	void (*teardown)(void);
	int (*cpu_enable)(void);
	void (*cpu_disable)(void);

	struct hvm_hw *(*create)(struct hvm_run *run);
	void (*destroy)(struct hvm_hw *hw);
	void (*load)(struct hvm_hw *hw);
	void (*put)(struct hvm_hw *hw);

	void (*enter)(struct hvm_hw *hw, struct hvm_exit *exit);

	bool (*skip)(struct hvm_hw *hw, unsigned int len);
	void (*inject)(struct hvm_hw *hw, const struct hvm_event *event);
	void (*window)(struct hvm_hw *hw, u32 flags, u8 prio);
	u32 (*blocked)(struct hvm_hw *hw);
	void (*expose)(struct hvm_hw *hw, bool full);

	void (*get_state)(struct hvm_hw *hw, u32 mask, struct hvm_hw_state *state);
	void (*set_state)(struct hvm_hw *hw, u32 mask, const struct hvm_hw_state *state);
	int (*get_msr)(struct hvm_hw *hw, u32 index, u64 *value);
	int (*set_msr)(struct hvm_hw *hw, u32 index, u64 value);
	const u32 *(*msr_list)(void);
};

extern const struct hvm_backend hvm_vmx_backend;
extern const struct hvm_backend hvm_svm_backend;

/* The backend that setup() chose and what it found; constant from load on. Owner: main.c. */
extern const struct hvm_backend *hvm_backend;
extern struct hvm_caps hvm_caps;

#endif /* HVM_BACKEND_H */
