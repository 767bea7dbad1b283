// SPDX-License-Identifier: GPL-2.0-only
/*
 * The benchmark's client of /dev/kvm, the yardstick: the smallest VMM that runs the same guest
 * code. The local APIC is in the kernel and everything else is not (split irqchip), as with hvm.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "bench.h"

#define MAX_LEAVES	256
#define IOAPIC_PINS	24

/* CPUID leaf 1, ECX */
#define TSC_DEADLINE	(1U << 24)

#define APIC_BASE	0xfee00c00UL	/* x2APIC mode */
#define APIC_BSP	0x100UL
#define APIC_SVR	0xf

static struct {
	int device;
	int vm;
	int vcpu;
	int other;
	struct kvm_run *run;
	size_t run_bytes;
	struct kvm_cpuid2 *cpuid;
} guest = { .device = -1, .other = -1 };

static bool kvm_engine_open(void)
{
	guest.device = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (guest.device < 0)
		return false;
	guest.run_bytes = ioctl(guest.device, KVM_GET_VCPU_MMAP_SIZE, 0);
	guest.cpuid = calloc(1, sizeof(*guest.cpuid) +
				MAX_LEAVES * sizeof(guest.cpuid->entries[0]));
	if (!guest.cpuid)
		bench_die("calloc");
	guest.cpuid->nent = MAX_LEAVES;
	bench_check(ioctl(guest.device, KVM_GET_SUPPORTED_CPUID, guest.cpuid),
		    "KVM_GET_SUPPORTED_CPUID");
	return true;
}

static void pad_leaves(void)
{
	while (guest.cpuid->nent < 44) {
		struct kvm_cpuid_entry2 *entry = &guest.cpuid->entries[guest.cpuid->nent];

		*entry = (struct kvm_cpuid_entry2) { .function = 0x40000100 + guest.cpuid->nent };
		guest.cpuid->nent++;
	}
}

/* The kernel has the TSC-deadline timer, and leaves it to its user to announce it. */
static void announce_deadline(void)
{
	uint32_t i;

	for (i = 0; i < guest.cpuid->nent; i++)
		if (guest.cpuid->entries[i].function == 1)
			guest.cpuid->entries[i].ecx |= TSC_DEADLINE;
}

static void map_slot(uint32_t slot, uint64_t gpa, void *memory, uint64_t bytes)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = bytes,
		.userspace_addr = (uintptr_t)memory,
	};

	bench_check(ioctl(guest.vm, KVM_SET_USER_MEMORY_REGION, &region),
		    "KVM_SET_USER_MEMORY_REGION");
}

static void create_vm(void)
{
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { IOAPIC_PINS } };

	guest.vm = ioctl(guest.device, KVM_CREATE_VM, 0);
	bench_check(guest.vm, "KVM_CREATE_VM");
	bench_check(ioctl(guest.vm, KVM_ENABLE_CAP, &split), "KVM_CAP_SPLIT_IRQCHIP");
}

static void create_vcpu(void)
{
	guest.vcpu = ioctl(guest.vm, KVM_CREATE_VCPU, 0);
	bench_check(guest.vcpu, "KVM_CREATE_VCPU");
	guest.run = mmap(NULL, guest.run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, guest.vcpu, 0);
	if (guest.run == MAP_FAILED)
		bench_die("mmap of the run page");
}

static void kvm_engine_create(void *low)
{
	create_vm();
	map_slot(0, 0, low, GUEST_LOW_BYTES);
	create_vcpu();
	pad_leaves();
	announce_deadline();
	bench_check(ioctl(guest.vcpu, KVM_SET_CPUID2, guest.cpuid), "KVM_SET_CPUID2");
}

static void kvm_engine_destroy(void)
{
	munmap(guest.run, guest.run_bytes);
	close(guest.vcpu);
	if (guest.other >= 0)
		close(guest.other);
	guest.other = -1;
	close(guest.vm);
}

static void kvm_engine_doorbell(int eventfd)
{
	struct kvm_ioeventfd doorbell = {
		.addr = PORT_DOORBELL, .len = 1, .fd = eventfd, .flags = KVM_IOEVENTFD_FLAG_PIO,
	};

	bench_check(ioctl(guest.vm, KVM_IOEVENTFD, &doorbell), "KVM_IOEVENTFD");
}

static void kvm_engine_irqfd(int eventfd)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routing = {
		.head.nr = 1,
		.entry = {
			.gsi = IOAPIC_PINS, .type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = 0xfee00000, .data = BENCH_IRQFD_VECTOR },
		},
	};
	struct kvm_irqfd binding = { .fd = eventfd, .gsi = IOAPIC_PINS };

	bench_check(ioctl(guest.vm, KVM_SET_GSI_ROUTING, &routing), "KVM_SET_GSI_ROUTING");
	bench_check(ioctl(guest.vm, KVM_IRQFD, &binding), "KVM_IRQFD");
}

static void kvm_engine_attach(uint64_t gpa, void *memory, uint64_t bytes)
{
	map_slot(1, gpa, memory, memory ? bytes : 0);
}

static struct kvm_segment flat(uint16_t selector, bool code)
{
	return (struct kvm_segment) {
		.limit = 0xffffffff, .selector = selector, .type = code ? 0xb : 0x3,
		.present = 1, .s = 1, .g = 1, .l = code, .db = !code,
	};
}

static void set_long_mode(struct kvm_sregs *sregs)
{
	sregs->cs = flat(8, true);
	sregs->ss = flat(16, false);
	sregs->ds = sregs->ss;
	sregs->es = sregs->ss;
	sregs->fs = sregs->ss;
	sregs->gs = sregs->ss;
	sregs->gdt = (struct kvm_dtable) { .base = GUEST_GDT, .limit = 23 };
	sregs->idt = (struct kvm_dtable) { .base = GUEST_IDT, .limit = 0xfff };
	sregs->cr0 = 0x80000031;
	sregs->cr3 = GUEST_TABLES;
	sregs->cr4 = 0x20;
	sregs->efer = 0x500;
	sregs->apic_base = APIC_BASE | APIC_BSP;
}

static void kvm_engine_start(const struct guest_start *start)
{
	struct kvm_regs regs = {
		.rip = start->rip, .rflags = 2, .rsp = GUEST_STACK,
		.rcx = start->count, .rbx = start->base, .rsi = start->stride,
	};
	struct kvm_sregs sregs;

	bench_check(ioctl(guest.vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	set_long_mode(&sregs);
	bench_check(ioctl(guest.vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	bench_check(ioctl(guest.vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

/* Registers lie 16 bytes apart. */
static void set_register(struct kvm_lapic_state *lapic, unsigned int reg, uint32_t value)
{
	memcpy(lapic->regs + 16 * reg, &value, sizeof(value));
}

static void kvm_engine_vectors(enum bench_vectors where, unsigned int count)
{
	struct kvm_lapic_state lapic;
	uint32_t bits[8] = {};
	unsigned int i;

	bench_check(ioctl(guest.vcpu, KVM_GET_LAPIC, &lapic), "KVM_GET_LAPIC");
	set_register(&lapic, APIC_SVR, 0x1ff);
	for (i = BENCH_FIRST_VECTOR; i < BENCH_FIRST_VECTOR + count; i++)
		bits[i / 32] |= 1U << i % 32;
	for (i = 0; i < 8; i++)
		set_register(&lapic, where + i, bits[i]);
	bench_check(ioctl(guest.vcpu, KVM_SET_LAPIC, &lapic), "KVM_SET_LAPIC");
}

static void kvm_engine_add_vcpu(void)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_lapic_state lapic;
	struct kvm_sregs sregs;

	guest.other = ioctl(guest.vm, KVM_CREATE_VCPU, 1);
	bench_check(guest.other, "KVM_CREATE_VCPU");
	bench_check(ioctl(guest.other, KVM_SET_CPUID2, guest.cpuid), "KVM_SET_CPUID2");
	bench_check(ioctl(guest.other, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.apic_base = APIC_BASE;
	bench_check(ioctl(guest.other, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	bench_check(ioctl(guest.other, KVM_GET_LAPIC, &lapic), "KVM_GET_LAPIC");
	set_register(&lapic, APIC_SVR, 0x1ff);
	bench_check(ioctl(guest.other, KVM_SET_LAPIC, &lapic), "KVM_SET_LAPIC");
	bench_check(ioctl(guest.other, KVM_SET_MP_STATE, &runnable), "KVM_SET_MP_STATE");
}

static enum bench_exit kvm_engine_run(void)
{
	if (ioctl(guest.vcpu, KVM_RUN, 0))
		return BENCH_OTHER;
	if (guest.run->exit_reason == KVM_EXIT_IO)
		return guest.run->io.port == PORT_DONE ? BENCH_DONE : BENCH_PORT;
	if (guest.run->exit_reason == KVM_EXIT_MMIO)
		return guest.run->mmio.phys_addr == GUEST_DEVICE ? BENCH_DEVICE : BENCH_OTHER;
	return BENCH_OTHER;
}

static void kvm_engine_cycle(void)
{
	create_vm();
	create_vcpu();
	kvm_engine_destroy();
}

const struct bench_engine bench_kvm = {
	.name = "kvm",
	.open = kvm_engine_open,
	.create = kvm_engine_create,
	.destroy = kvm_engine_destroy,
	.doorbell = kvm_engine_doorbell,
	.irqfd = kvm_engine_irqfd,
	.attach = kvm_engine_attach,
	.start = kvm_engine_start,
	.vectors = kvm_engine_vectors,
	.add_vcpu = kvm_engine_add_vcpu,
	.run = kvm_engine_run,
	.cycle = kvm_engine_cycle,
};
