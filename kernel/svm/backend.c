// SPDX-License-Identifier: GPL-2.0-only
/*
 * The AMD-V backend as common code sees it: the table of the waist, what all guests share, and a
 * virtual CPU's beginning and end.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "svm.h"

/* PAUSEs at most so many ticks apart are one loop, which exits after so many of them. */
#define PAUSE_THRESHOLD	128
#define PAUSE_COUNT	3000

static atomic64_t last_id;

static int setup(struct hvm_caps *caps)
{
	int err;

	err = svm_caps_find(caps);
	if (err)
		return err;
	err = svm_msr_setup();
	if (err)
		return err;
	err = svm_host_setup();
	if (err)
		svm_msr_teardown();
	return err;
}

static void teardown(void)
{
	svm_host_teardown();
	svm_msr_teardown();
}

/*
 * What exits, always. Control registers never do: this processor does not name the operand, and
 * every bit the guest can set there is its own. Instructions that would reach the host's state
 * (SVM's own, RSM), hold a CPU (MWAIT) or read counters that are the host's (RDPMC, RDPRU) are
 * taken away.
 */
static void set_intercepts(struct vmcb *vmcb)
{
	vmcb->intercept_misc1 = VMCB_INTERCEPT_INTR | VMCB_INTERCEPT_NMI | VMCB_INTERCEPT_SMI |
		VMCB_INTERCEPT_INIT | VMCB_INTERCEPT_RDPMC | VMCB_INTERCEPT_CPUID |
		VMCB_INTERCEPT_RSM | VMCB_INTERCEPT_INVD | VMCB_INTERCEPT_HLT |
		VMCB_INTERCEPT_INVLPGA | VMCB_INTERCEPT_IOIO | VMCB_INTERCEPT_MSR |
		VMCB_INTERCEPT_TASK_SWITCH | VMCB_INTERCEPT_FERR | VMCB_INTERCEPT_SHUTDOWN;
	vmcb->intercept_misc2 = VMCB_INTERCEPT_VMRUN | VMCB_INTERCEPT_VMMCALL |
		VMCB_INTERCEPT_VMLOAD | VMCB_INTERCEPT_VMSAVE | VMCB_INTERCEPT_STGI |
		VMCB_INTERCEPT_CLGI | VMCB_INTERCEPT_SKINIT | VMCB_INTERCEPT_WBINVD |
		VMCB_INTERCEPT_MONITOR | VMCB_INTERCEPT_MWAIT | VMCB_INTERCEPT_XSETBV |
		VMCB_INTERCEPT_RDPRU;
}

/* Where the processor knows no threshold, it counts all PAUSEs: an exit now and then. */
static void filter_pause(struct vmcb *vmcb)
{
	vmcb->pause_count = PAUSE_COUNT;
	vmcb->pause_threshold = PAUSE_THRESHOLD;
	vmcb->intercept_misc1 |= VMCB_INTERCEPT_PAUSE;
}

/* V_INTR_MASKING keeps the guest's RFLAGS.IF and CR8 away from the host's interrupts. */
static void init_vmcb(struct svm_vcpu *svm)
{
	struct vmcb *vmcb = svm->vmcb;

	set_intercepts(vmcb);
	if (svm_caps.pause_filter)
		filter_pause(vmcb);
	vmcb->iopm_pa = svm_io_map();
	vmcb->v_intr_masking = VMCB_V_INTR_MASKING;
	vmcb->np_control = VMCB_NP_ENABLE;
	svm_state_reset(svm);
}

static struct hvm_hw *create(struct hvm_run *run)
{
	struct svm_vcpu *svm = kzalloc(sizeof(*svm), GFP_KERNEL_ACCOUNT);

	if (!svm)
		return ERR_PTR(-ENOMEM);
	svm->vmcb = (struct vmcb *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!svm->vmcb) {
		kfree(svm);
		return ERR_PTR(-ENOMEM);
	}
	svm->hw.run = run;
	svm->hw.dirty = HVM_HW_FLUSH_TLB | HVM_HW_NEW_ROOT | HVM_HW_NEW_TSC | HVM_HW_NEW_INTERCEPTS;
	svm->entry.vmcb = svm->vmcb;
	svm->entry.vmcb_pa = __sme_pa(svm->vmcb);
	svm->entry.gpr = run->gpr;
	svm->id = atomic64_inc_return(&last_id);
	svm->cpu = -1;
	init_vmcb(svm);
	return &svm->hw;
}

/*
 * No CPU holds anything of it that could be mistaken for another's: ids are not used twice, and a
 * new VMCB at this page starts unclean.
 */
static void destroy(struct hvm_hw *hw)
{
	struct svm_vcpu *svm = to_svm(hw);

	free_page((unsigned long)svm->vmcb);
	kfree(svm);
}

const struct hvm_backend hvm_svm_backend = {
	.name = "AMD-V",
	.setup = setup,
	.teardown = teardown,
	.cpu_enable = svm_cpu_enable,
	.cpu_disable = svm_cpu_disable,
	.create = create,
	.destroy = destroy,
	.load = svm_load,
	.put = svm_put,
	.enter = svm_enter,
	.skip = svm_skip,
	.inject = svm_inject,
	.window = svm_window,
	.blocked = svm_blocked,
	.expose = svm_expose,
	.get_state = svm_get_state,
	.set_state = svm_set_state,
	.get_msr = svm_get_msr,
	.set_msr = svm_set_msr,
	.msr_list = svm_msr_list,
};
