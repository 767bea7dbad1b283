// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VT-x backend's face: the table that the waist (../backend.h) asks for, and what all guests
 * share, made and unmade. Everything else is in the files around it.
 */
#include <linux/printk.h>

#include "vmx.h"

/*
 * A field that the processor does not have: capabilities and use disagree. Never the guest's doing.
 */
void vmx_vmwrite_failed(u32 field, u64 value)
{
	pr_err_once("hvm: VMWRITE of field %#x failed (%#llx): please report the processor\n",
		    field, value);
}

static int setup(struct hvm_caps *caps)
{
	int err;

	err = vmx_caps_probe(caps);
	if (err)
		return err;
	err = vmx_host_alloc();
	if (err)
		return err;
	err = vmx_msr_alloc();
	if (err)
		goto err_host;
	err = vmx_mitigate_setup();
	if (err)
		goto err_msr;
	return 0;

err_msr:
	vmx_msr_free();
err_host:
	vmx_host_free();
	return err;
}

static void teardown(void)
{
	vmx_mitigate_teardown();
	vmx_msr_free();
	vmx_host_free();
}

const struct hvm_backend hvm_vmx_backend = {
	.name		= "VT-x",
	.setup		= setup,
	.teardown	= teardown,
	.cpu_enable	= vmx_cpu_enable,
	.cpu_disable	= vmx_cpu_disable,
	.create		= vmx_create,
	.destroy	= vmx_destroy,
	.load		= vmx_load,
	.put		= vmx_put,
	.enter		= vmx_enter,
	.skip		= vmx_skip,
	.inject		= vmx_inject,
	.window		= vmx_window,
	.blocked	= vmx_blocked,
	.expose		= vmx_expose,
	.get_state	= vmx_get_state,
	.set_state	= vmx_set_state,
	.get_msr	= vmx_get_msr,
	.set_msr	= vmx_set_msr,
	.msr_list	= vmx_msr_list,
};
