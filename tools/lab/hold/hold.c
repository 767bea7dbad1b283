// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keeps the kernel's calls of preempt notifiers switched on, on a host of several processors under
 * QEMU. hvm.ko switches them on when it comes and off when it goes, for which the kernel rewrites
 * code of its scheduler that all processors run meanwhile, and QEMU may go on with what stood there
 * for a moment (Documentation/caveats.rst, "Faults of the emulators"). With this module loaded
 * nothing is rewritten.
 */
#include <linux/module.h>
#include <linux/preempt.h>

static int __init hold_init(void)
{
	preempt_notifier_inc();
	return 0;
}

static void __exit hold_exit(void)
{
	preempt_notifier_dec();
}

module_init(hold_init);
module_exit(hold_exit);

MODULE_DESCRIPTION("Keeps preempt notifiers switched on in a test host");
MODULE_LICENSE("GPL");
