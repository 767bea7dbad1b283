// SPDX-License-Identifier: GPL-2.0-only
/*
 * What this processor's VT-x can do, and which of it every guest gets: the capability MSRs are read
 * once, compared with what this module cannot do without, and turned into the controls of a new
 * VMCS. Not here: turning VMX on (host.c).
 */
#include <linux/cpu.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>

#include "../compat.h"
#include "vmx.h"

#define CPUID_1_ECX_VMX		BIT(5)

/* SDM "Basic VMX Information" */
#define BASIC_REVISION		GENMASK_ULL(30, 0)
#define BASIC_SIZE_SHIFT	32
#define BASIC_SIZE_MASK		0x1fff
#define BASIC_TRUE_CONTROLS	BIT_ULL(55)

/* SDM "Miscellaneous Data" */
#define MISC_TIMER_SHIFT	GENMASK_ULL(4, 0)

/* SDM "VPID and EPT Capabilities" */
#define EPT_WALK_4		BIT_ULL(6)
#define EPT_WALK_5		BIT_ULL(7)
#define EPT_WRITE_BACK		BIT_ULL(14)
#define EPT_2M			BIT_ULL(16)
#define EPT_1G			BIT_ULL(17)
#define EPT_INVEPT		BIT_ULL(20)
#define EPT_ACCESSED_DIRTY	BIT_ULL(21)
#define EPT_INVEPT_SINGLE	BIT_ULL(25)
#define EPT_INVEPT_ALL		BIT_ULL(26)
#define VPID_INVVPID		BIT_ULL(32)
#define VPID_INVVPID_SINGLE	BIT_ULL(41)
#define VPID_INVVPID_ALL	BIT_ULL(42)

/*
 * SDM "Format of EPT Entries": a leaf's memory type, and "ignore PAT": the guest's PAT has no say
 * over RAM.
 */
#define EPT_TYPE_UC		0
#define EPT_TYPE_WB		(6 << 3)
#define EPT_IGNORE_PAT		BIT_ULL(6)

struct vmx_caps vmx_caps __ro_after_init;

/* For a processor, or a hypervisor below us, that gets it wrong. */
static bool virtual_apic = true;
module_param(virtual_apic, bool, 0444);
MODULE_PARM_DESC(virtual_apic, "let the processor deliver interrupts where it can (VT-x)");

/**
 * struct control - one word of controls
 * @msr: its capability MSR: low half: bits that must be 1, high half: bits that may be 1
 * @true_msr: the one that counts where BASIC_TRUE_CONTROLS is set
 * @needed: bits without which there is no guest
 * @wanted: bits that are used where they exist
 * @forbidden: bits that must be clear: the guest would exit on what common code does not expect
 * @value: where the result goes
 */
struct control {
	u32 msr;
	u32 true_msr;
	u32 needed;
	u32 wanted;
	u32 forbidden;
	u32 *value;
};

static const struct control controls[] = {
	{
		.msr = MSR_IA32_VMX_PINBASED_CTLS,
		.true_msr = MSR_IA32_VMX_TRUE_PINBASED_CTLS,
		.needed = VMX_PIN_INTR | VMX_PIN_NMI | VMX_PIN_VIRTUAL_NMIS,
		.wanted = VMX_PIN_PREEMPTION_TIMER,
		.value = &vmx_caps.pin,
	}, {
		.msr = MSR_IA32_VMX_PROCBASED_CTLS,
		.true_msr = MSR_IA32_VMX_TRUE_PROCBASED_CTLS,
		.needed = VMX_PRIMARY_TSC_OFFSET | VMX_PRIMARY_HLT | VMX_PRIMARY_MWAIT |
			  VMX_PRIMARY_RDPMC | VMX_PRIMARY_TPR_SHADOW | VMX_PRIMARY_MOV_DR |
			  VMX_PRIMARY_IO | VMX_PRIMARY_MSR_BITMAP | VMX_PRIMARY_MONITOR |
			  VMX_PRIMARY_SECONDARY,
		.forbidden = VMX_PRIMARY_CR3_LOAD | VMX_PRIMARY_CR3_STORE | VMX_PRIMARY_INVLPG |
			     VMX_PRIMARY_RDTSC,
		.value = &vmx_caps.primary,
	}, {
		.msr = MSR_IA32_VMX_PROCBASED_CTLS2,
		.true_msr = MSR_IA32_VMX_PROCBASED_CTLS2,
		.needed = VMX_SECONDARY_EPT | VMX_SECONDARY_UNRESTRICTED,
		.wanted = VMX_SECONDARY_RDTSCP | VMX_SECONDARY_VPID | VMX_SECONDARY_WBINVD |
			  VMX_SECONDARY_INVPCID | VMX_SECONDARY_ENCLS |
			  VMX_SECONDARY_TSC_SCALING | VMX_SECONDARY_PAUSE_LOOP |
			  VMX_SECONDARY_VAPIC,
		.value = &vmx_caps.secondary,
	}, {
		.msr = MSR_IA32_VMX_EXIT_CTLS,
		.true_msr = MSR_IA32_VMX_TRUE_EXIT_CTLS,
		.needed = VMX_EXIT_SAVE_DEBUG | VMX_EXIT_HOST_64BIT | VMX_EXIT_LOAD_PAT |
			  VMX_EXIT_SAVE_EFER | VMX_EXIT_LOAD_EFER,
		.value = &vmx_caps.exit,
	}, {
		.msr = MSR_IA32_VMX_ENTRY_CTLS,
		.true_msr = MSR_IA32_VMX_TRUE_ENTRY_CTLS,
		.needed = VMX_ENTRY_LOAD_DEBUG | VMX_ENTRY_LOAD_PAT | VMX_ENTRY_LOAD_EFER,
		.value = &vmx_caps.entry,
	},
};

static u64 read_msr(u32 index)
{
	u64 value;

	return rdmsrl_safe(index, &value) ? 0 : value;
}

/*
 * Without the VMX bit in IA32_FEATURE_CONTROL, or unlocked, VMXON raises #GP. Linux locks it as it
 * should be when firmware did not.
 */
static int check_firmware(void)
{
	u64 needed = FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX;

	if ((read_msr(MSR_IA32_FEAT_CTL) & needed) == needed)
		return 0;
	pr_err("hvm: VT-x is switched off by the firmware: switch on \"Intel Virtualization Technology\" in its setup and start anew\n");
	return -EACCES;
}

static int refuse(const char *what)
{
	pr_err("hvm: this processor's VT-x has no %s: a processor of 2010 or later (Westmere) has it; when this machine is itself virtual, switch it on there\n",
	       what);
	return -EOPNOTSUPP;
}

static bool may_be_1(u32 msr, u32 bits)
{
	return ((read_msr(msr) >> 32) & bits) == bits;
}

/* The capabilities that processors or hypervisors below us are known to lack, by name. */
static int check_named(u64 ept)
{
	if (!may_be_1(MSR_IA32_VMX_PROCBASED_CTLS, VMX_PRIMARY_TPR_SHADOW))
		return refuse("TPR shadow");
	if (!may_be_1(MSR_IA32_VMX_PROCBASED_CTLS, VMX_PRIMARY_SECONDARY) ||
	    !may_be_1(MSR_IA32_VMX_PROCBASED_CTLS2, VMX_SECONDARY_EPT))
		return refuse("EPT (extended page tables)");
	if (!may_be_1(MSR_IA32_VMX_PROCBASED_CTLS2, VMX_SECONDARY_UNRESTRICTED))
		return refuse("unrestricted guest");
	if (!(ept & EPT_WALK_4) || !(ept & EPT_WRITE_BACK))
		return refuse("4-level write-back EPT");
	if (!(ept & EPT_INVEPT) || !(ept & (EPT_INVEPT_SINGLE | EPT_INVEPT_ALL)))
		return refuse("INVEPT");
	return 0;
}

static int choose_controls(bool true_controls)
{
	const struct control *control;
	u32 must, may, bits;
	u64 msr;

	for (control = controls; control < controls + ARRAY_SIZE(controls); control++) {
		msr = read_msr(true_controls ? control->true_msr : control->msr);
		must = (u32)msr;
		may = msr >> 32;
		bits = must | ((control->needed | control->wanted) & may);
		if ((bits & control->needed) != control->needed || (bits & control->forbidden)) {
			pr_err("hvm: this processor's VT-x lacks controls %#x of capability MSR %#x: use a newer one, or the host's own if this machine is virtual\n",
			       (control->needed & ~bits) | (bits & control->forbidden),
			       control->msr);
			return -EOPNOTSUPP;
		}
		*control->value = bits;
	}
	return 0;
}

/* Under FRED "INT 2" is no NMI, and a guest would take the host's FRED registers along. */
static int check_fred(void)
{
	if (!hvm_compat_uses_fred())
		return 0;
	pr_err("hvm: the kernel uses FRED, which this module cannot switch: start it with fred=off\n");
	return -EOPNOTSUPP;
}

static u8 invalidation(u64 ept, u64 single, u64 all)
{
	if (ept & single)
		return VMX_INVALIDATE_SINGLE;
	return ept & all ? VMX_INVALIDATE_ALL : 0;
}

/*
 * CR4 bits that change how the guest's own code runs and nothing else. Not among them: VMXE (always
 * set in VMX operation), MCE (clear, a machine check would shut the host down), SMXE, CET, PKS,
 * UINTR, LAM and whatever comes: their writes exit, and common code judges.
 */
static u64 owned_cr4(void)
{
	u64 owned = X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE |
		    X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT |
		    X86_CR4_UMIP | X86_CR4_LA57 | X86_CR4_FSGSBASE | X86_CR4_PCIDE |
		    X86_CR4_OSXSAVE | X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_PKE;

	return owned & read_msr(MSR_IA32_VMX_CR4_FIXED1) & ~read_msr(MSR_IA32_VMX_CR4_FIXED0);
}

static bool has_pebs(void)
{
	u64 value;

	return boot_cpu_has(X86_FEATURE_PEBS) && !rdmsrl_safe(MSR_IA32_PEBS_ENABLE, &value);
}

/*
 * The timer of Nehalem and Westmere does not count at the rate it names (their specification
 * updates).
 */
static bool timer_is_wrong(void)
{
	if (boot_cpu_data.x86 != 6)
		return false;
	switch (boot_cpu_data.x86_model) {
	case 0x1a:
	case 0x1e:
	case 0x1f:
	case 0x25:
	case 0x2c:
	case 0x2e:
	case 0x2f:
		return true;
	}
	return false;
}

static void choose_timer(void)
{
	if (timer_is_wrong())
		vmx_caps.pin &= ~VMX_PIN_PREEMPTION_TIMER;
	vmx_caps.timer_shift = read_msr(MSR_IA32_VMX_MISC) & MISC_TIMER_SHIFT;
}

/* A vCPU begins without: it comes with x2APIC mode. */
static void choose_vapic(void)
{
	vmx_caps.has_vapic = virtual_apic && !(~vmx_caps.secondary & VMX_SECONDARY_VAPIC);
	vmx_caps.secondary &= ~VMX_SECONDARY_VAPIC;
}

static void choose_rest(u64 ept)
{
	choose_timer();
	choose_vapic();
	vmx_caps.cr0_fixed = read_msr(MSR_IA32_VMX_CR0_FIXED0) & ~(u64)(X86_CR0_PE | X86_CR0_PG);
	vmx_caps.cr4_fixed = read_msr(MSR_IA32_VMX_CR4_FIXED0);
	vmx_caps.cr4_owned = owned_cr4();
	vmx_caps.linear_bits = boot_cpu_has(X86_FEATURE_LA57) ? 57 : 48;
	vmx_caps.ept_accessed = ept & EPT_ACCESSED_DIRTY;
	vmx_caps.invept = invalidation(ept, EPT_INVEPT_SINGLE, EPT_INVEPT_ALL);
	if (ept & VPID_INVVPID)
		vmx_caps.invvpid = invalidation(ept, VPID_INVVPID_SINGLE, VPID_INVVPID_ALL);
	if (!vmx_caps.invvpid)
		vmx_caps.secondary &= ~VMX_SECONDARY_VPID;
	if (!(vmx_caps.secondary & VMX_SECONDARY_VPID))
		vmx_caps.invvpid = 0;
	vmx_caps.has_tsc_aux = vmx_caps.secondary & VMX_SECONDARY_RDTSCP &&
			       boot_cpu_has(X86_FEATURE_RDTSCP);
	vmx_caps.has_pebs = has_pebs();
}

static void describe_tables(struct hvm_tdp_format *tdp, u64 ept)
{
	tdp->levels = boot_cpu_data.x86_phys_bits > 48 && (ept & EPT_WALK_5) ? 5 : 4;
	tdp->max_leaf = ept & EPT_1G ? 3 : ept & EPT_2M ? 2 : 1;
	tdp->read = BIT_ULL(0);
	tdp->write = BIT_ULL(1);
	tdp->exec = BIT_ULL(2);
	tdp->table = tdp->read | tdp->write | tdp->exec;
	tdp->present = tdp->table;
	tdp->huge = BIT_ULL(7);
	tdp->accessed = vmx_caps.ept_accessed ? BIT_ULL(8) : 0;
	tdp->dirty = vmx_caps.ept_accessed ? BIT_ULL(9) : 0;
	tdp->memtype_wb = EPT_TYPE_WB | EPT_IGNORE_PAT;
	tdp->memtype_uc = EPT_TYPE_UC | EPT_IGNORE_PAT;
	tdp->address = GENMASK_ULL(51, 12);
}

static void describe(struct hvm_caps *caps, u64 ept)
{
	describe_tables(&caps->tdp, ept);
	caps->vendor = HVM_VENDOR_INTEL;
	caps->gpa_bits = min_t(u32, boot_cpu_data.x86_phys_bits, caps->tdp.levels == 4 ? 48 : 57);
	caps->has_nrip = true;
	caps->exit_timer = vmx_caps.pin & VMX_PIN_PREEMPTION_TIMER;
	caps->nx_huge = boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT) && !cpu_mitigations_off();
	if (ept & EPT_2M)
		caps->features |= HVM_FEATURE_2M_PAGES;
	if (ept & EPT_1G)
		caps->features |= HVM_FEATURE_1G_PAGES;
	if (boot_cpu_has(X86_FEATURE_LA57))
		caps->features |= HVM_FEATURE_LA57;
	if (vmx_caps.secondary & VMX_SECONDARY_TSC_SCALING)
		caps->features |= HVM_FEATURE_TSC_SCALING;
	if (vmx_caps.has_vapic)
		caps->features |= HVM_FEATURE_VIRTUAL_APIC;
}

/**
 * vmx_caps_probe - read and judge what the processor offers (SDM appendix "VMX Capability Reporting
 * Facility")
 * @caps: filled in on success
 *
 * Return: 0; -ENODEV: no VT-x at all; -EACCES: switched off by firmware; -EOPNOTSUPP: too little of
 * it. Says why, but for -ENODEV.
 * Context: process; module load.
 */
int vmx_caps_probe(struct hvm_caps *caps)
{
	u64 basic, ept;
	int err;

	/* Linux hides X86_FEATURE_VMX when firmware switched it off: ask the processor. */
	if (!(cpuid_ecx(1) & CPUID_1_ECX_VMX))
		return -ENODEV;
	err = check_firmware();
	if (!err)
		err = check_fred();
	if (err)
		return err;
	basic = read_msr(MSR_IA32_VMX_BASIC);
	ept = read_msr(MSR_IA32_VMX_EPT_VPID_CAP);
	err = check_named(ept);
	if (!err)
		err = choose_controls(basic & BASIC_TRUE_CONTROLS);
	if (err)
		return err;
	if (((basic >> BASIC_SIZE_SHIFT) & BASIC_SIZE_MASK) > PAGE_SIZE)
		return refuse("VMCS of at most a page");
	vmx_caps.revision = basic & BASIC_REVISION;
	choose_rest(ept);
	describe(caps, ept);
	return 0;
}
