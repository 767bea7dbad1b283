// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module load, as a ladder, and unload as its exact reverse: the table of contents. The hardware is
 * taken on every CPU at load and held until unload, so creating a guest never turns anything on.
 */
#include <linux/cpuhotplug.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <asm/reboot.h>

#include "backend.h"
#include "compat.h"
#include "cpu/fpu.h"
#include "dev.h"
#include "mem/mem.h"

const struct hvm_backend *hvm_backend __ro_after_init;
struct hvm_caps hvm_caps __ro_after_init;

/* The first error of a CPU that could not turn virtualization on, and whether all could. */
static atomic_t cpu_error;
static bool cpus_taken;

static int __init choose_backend(void)
{
	static const struct hvm_backend *const backends[] __initconst = {
		&hvm_vmx_backend,
		&hvm_svm_backend,
	};
	int i, err;

	for (i = 0; i < ARRAY_SIZE(backends); i++) {
		err = backends[i]->setup(&hvm_caps);
		if (err == -ENODEV)
			continue;
		if (!err)
			hvm_backend = backends[i];
		return err;
	}
	pr_err("hvm: this processor has neither VT-x nor AMD-V: use another machine\n");
	return -ENODEV;
}

/*
 * An idle KVM owns the emergency callback and the posted-interrupt handler even while it has
 * virtualization off on every CPU, so its presence is enough to refuse.
 */
static int __init refuse_kvm(void)
{
	struct kobject *kvm = kset_find_obj(THIS_MODULE->mkobj.kobj.kset, "kvm");

	if (!kvm)
		return 0;
	kobject_put(kvm);
	pr_err("hvm: KVM is loaded and owns the processor: unload it (modprobe -r kvm_intel kvm_amd kvm)\n");
	return -EBUSY;
}

/* While the module is being loaded, the first CPU that cannot speaks for all. */
static void say_refused(unsigned int cpu, int err)
{
	if (atomic_cmpxchg(&cpu_error, 0, err) && !cpus_taken)
		return;
	if (err == -EBUSY)
		pr_err("hvm: CPU %u cannot turn virtualization on, it is in use: unload or stop the other hypervisor\n",
		       cpu);
	else
		pr_err("hvm: CPU %u cannot turn virtualization on (%d): look for an update of its firmware\n",
		       cpu, err);
}

static int take_cpu(unsigned int cpu)
{
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = hvm_backend->cpu_enable();
	local_irq_restore(flags);
	if (!err)
		return 0;
	say_refused(cpu, err);
	return HVM_COMPAT_CPUHP_MAY_FAIL ? err : 0;
}

static int leave_cpu(unsigned int cpu)
{
	unsigned long flags;

	local_irq_save(flags);
	hvm_backend->cpu_disable();
	local_irq_restore(flags);
	return 0;
}

/* Crash and kexec: the next kernel wants the processor as it was; interrupts are off. */
static void emergency(void)
{
	hvm_backend->cpu_disable();
}

/*
 * Sleep takes all CPUs but one down by themselves. That one is left too, so that the state which
 * the kernel restores does not say that virtualization is on, which it is no longer. All processes
 * are frozen and interrupts are off.
 */
static int suspend(HVM_COMPAT_SYSCORE_ARGS)
{
	hvm_backend->cpu_disable();
	return 0;
}

static void resume(HVM_COMPAT_SYSCORE_ARGS)
{
	take_cpu(smp_processor_id());
}

static struct syscore_ops sleep_ops = {
	.suspend = suspend,
	.resume = resume,
};

static struct syscore sleep_core;

static void leave_this_cpu(void *data)
{
	hvm_backend->cpu_disable();
}

/*
 * A restart, kexec among them, has the emergency callback called on each CPU but the one that goes
 * on into the next kernel. A guest that still runs finds it gone: on VT-x it ends, on AMD-V no
 * entry takes place until the restart.
 */
static int reboot(struct notifier_block *block, unsigned long action, void *data)
{
	on_each_cpu(leave_this_cpu, NULL, 1);
	return NOTIFY_DONE;
}

static struct notifier_block reboot_block = { .notifier_call = reboot };

static int __init take_cpus(void)
{
	int err;

	err = cpuhp_setup_state(HVM_COMPAT_CPUHP_STATE, "virt/hvm:online", take_cpu,
				leave_cpu);
	if (err)
		return err;
	err = atomic_read(&cpu_error);
	cpus_taken = !err;
	if (err)
		cpuhp_remove_state(HVM_COMPAT_CPUHP_STATE);
	return err;
}

static int __init hvm_init(void)
{
	int err;

	err = refuse_kvm();
	if (err)
		return err;
	err = hvm_fpu_setup();
	if (err)
		return err;
	err = choose_backend();
	if (err)
		return err;
	err = take_cpus();
	if (err)
		goto err_backend;
	cpu_emergency_register_virt_callback(emergency);
	hvm_compat_syscore_register(&sleep_ops, &sleep_core);
	register_reboot_notifier(&reboot_block);
	preempt_notifier_inc();
	err = hvm_dev_register();
	if (err)
		goto err_cpus;
	pr_info("hvm: %s, %u-bit guest addresses\n", hvm_backend->name, hvm_caps.gpa_bits);
	return 0;

err_cpus:
	preempt_notifier_dec();
	unregister_reboot_notifier(&reboot_block);
	hvm_compat_syscore_unregister(&sleep_ops, &sleep_core);
	cpu_emergency_unregister_virt_callback(emergency);
	cpuhp_remove_state(HVM_COMPAT_CPUHP_STATE);
err_backend:
	hvm_backend->teardown();
	return err;
}

static void __exit hvm_exit(void)
{
	hvm_dev_unregister();
	hvm_mem_synchronize();
	preempt_notifier_dec();
	unregister_reboot_notifier(&reboot_block);
	hvm_compat_syscore_unregister(&sleep_ops, &sleep_core);
	cpu_emergency_unregister_virt_callback(emergency);
	cpuhp_remove_state(HVM_COMPAT_CPUHP_STATE);
	hvm_backend->teardown();
}

module_init(hvm_init);
module_exit(hvm_exit);

MODULE_DESCRIPTION("Hardware virtual machines through /dev/vm");
MODULE_LICENSE("GPL");
