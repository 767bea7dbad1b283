// SPDX-License-Identifier: GPL-2.0-only
/*
 * The benchmark's client of /dev/vm: what a VMM does, on libhvm. Port writes are finished here,
 * device writes by the library's decoder and executor.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "container_of.h"
#include "libhvm/access.h"
#include "libhvm/libhvm.h"

#define MAX_LEAVES	256

/* IA32_APIC_BASE */
#define X2APIC		(1UL << 10)

/* The one guest. A device write is noticed by its callback. */
static struct {
	int device;
	int vm;
	struct hvm_vcpu vcpu;
	struct hvm_vcpu other;
	bool has_other;
	struct hvm_access access;
	struct hvm_get_info info;
	struct hvm_cpuid_entry cpuid[MAX_LEAVES];
	uint32_t leaves;
	uint8_t *low;
} guest = { .device = -1 };

static bool hvm_engine_open(void)
{
	guest.device = hvm_open(NULL);
	if (guest.device < 0)
		return false;
	guest.leaves = MAX_LEAVES;
	bench_check(hvm_info(guest.device, &guest.info), "HVM_GET_INFO");
	bench_check(hvm_cpuid_offer(guest.device, guest.cpuid, &guest.leaves), "HVM_GET_CPUID");
	return true;
}

static void *find_ram(struct hvm_access *access, uint64_t gpa, uint64_t bytes, bool write)
{
	(void)access;
	(void)write;
	return gpa + bytes <= GUEST_LOW_BYTES ? guest.low + gpa : NULL;
}

static int write_device(struct hvm_access *access, uint64_t gpa, const void *data,
			unsigned int bytes)
{
	(void)access;
	(void)data;
	return gpa == GUEST_DEVICE && bytes == 4 ? 0 : -EIO;
}

static const struct hvm_access_ops access_ops = {
	.ram = find_ram,
	.write = write_device,
	.ram_stays = true,
};

/* As many leaves as the comparison asks for: the rest are zero leaves of an unused range. */
static void pad_leaves(void)
{
	while (guest.leaves < 44) {
		guest.cpuid[guest.leaves] = (struct hvm_cpuid_entry) {
			.leaf = 0x40000100 + guest.leaves,
		};
		guest.leaves++;
	}
}

static void hvm_engine_create(void *low)
{
	guest.low = low;
	guest.vm = hvm_vm_create(guest.device);
	bench_check(guest.vm, "HVM_CREATE_VM");
	bench_check(hvm_vm_map(guest.vm, 0, low, GUEST_LOW_BYTES, 0), "HVM_MAP");
	pad_leaves();
	bench_check(hvm_set_cpuid(guest.vm, guest.cpuid, guest.leaves), "HVM_SET_CPUID");
	bench_check(hvm_vcpu_create(&guest.vcpu, guest.vm, 0), "HVM_CREATE_VCPU");
	bench_check(hvm_access_init(&guest.access, &access_ops, &guest.vcpu, &guest.info),
		    "hvm_access_init");
}

static void hvm_engine_destroy(void)
{
	hvm_access_deinit(&guest.access);
	hvm_vcpu_destroy(&guest.vcpu);
	if (guest.has_other)
		hvm_vcpu_destroy(&guest.other);
	guest.has_other = false;
	close(guest.vm);
}

static void hvm_engine_doorbell(int eventfd)
{
	const struct hvm_ioeventfd doorbell = { .fd = eventfd, .port = PORT_DOORBELL, .bytes = 1 };

	bench_check(hvm_vm_ioeventfd(guest.vm, &doorbell), "HVM_IOEVENTFD");
}

static void hvm_engine_irqfd(int eventfd)
{
	const struct hvm_irqfd binding = {
		.fd = eventfd, .address = 0xfee00000, .data = BENCH_IRQFD_VECTOR,
	};

	bench_check(hvm_vm_irqfd(guest.vm, &binding), "HVM_IRQFD");
}

static void hvm_engine_attach(uint64_t gpa, void *memory, uint64_t bytes)
{
	if (memory)
		bench_check(hvm_vm_map(guest.vm, gpa, memory, bytes, 0), "HVM_MAP");
	else
		bench_check(hvm_vm_unmap(guest.vm, gpa, bytes), "HVM_UNMAP");
}

static void set_long_mode(struct hvm_state *state)
{
	const struct hvm_segment code = {
		.limit = 0xffffffff, .selector = 8,
		.attributes = HVM_SEG_P | HVM_SEG_S | HVM_SEG_G | HVM_SEG_L | 0xb,
	};
	const struct hvm_segment data = {
		.limit = 0xffffffff, .selector = 16,
		.attributes = HVM_SEG_P | HVM_SEG_S | HVM_SEG_G | HVM_SEG_DB | 0x3,
	};
	int i;

	for (i = HVM_ES; i <= HVM_GS; i++)
		state->segments.seg[i] = data;
	state->segments.seg[HVM_CS] = code;
	state->segments.gdt = (struct hvm_dtable) { .base = GUEST_GDT, .limit = 23 };
	state->segments.idt = (struct hvm_dtable) { .base = GUEST_IDT, .limit = 0xfff };
	state->control.cr0 = 0x80000031;
	state->control.cr3 = GUEST_TABLES;
	state->control.cr4 = 0x20;
	state->control.efer = 0x500;
}

/* x2APIC mode; the logical id follows from the id there, and the flat model is of xAPIC mode. */
static void set_x2apic(struct hvm_state *state)
{
	if (state->lapic.base & X2APIC)
		return;
	state->lapic.base |= X2APIC;
	state->lapic.regs[0x2] >>= 24;
	state->lapic.regs[0xd] = 1 << state->lapic.regs[0x2];
	state->lapic.regs[0xe] = 0;
}

static void use_x2apic(void)
{
	struct hvm_state state;

	bench_check(hvm_vcpu_get_state(&guest.vcpu, &state, HVM_STATE_LAPIC), "HVM_GET_STATE");
	if (state.lapic.base & X2APIC)
		return;
	set_x2apic(&state);
	bench_check(hvm_vcpu_set_state(&guest.vcpu, &state, HVM_STATE_LAPIC), "x2APIC");
}

static void hvm_engine_vectors(enum bench_vectors where, unsigned int count)
{
	struct hvm_state state;
	unsigned int i;

	bench_check(hvm_vcpu_get_state(&guest.vcpu, &state, HVM_STATE_LAPIC), "HVM_GET_STATE");
	set_x2apic(&state);
	state.lapic.regs[0xf] = 0x1ff;
	for (i = BENCH_FIRST_VECTOR; i < BENCH_FIRST_VECTOR + count; i++)
		state.lapic.regs[where + i / 32] |= 1U << i % 32;
	bench_check(hvm_vcpu_set_state(&guest.vcpu, &state, HVM_STATE_LAPIC), "HVM_SET_STATE");
}

static void hvm_engine_add_vcpu(void)
{
	const uint32_t mask = HVM_STATE_LAPIC | HVM_STATE_EVENTS;
	struct hvm_state state;

	bench_check(hvm_vcpu_create(&guest.other, guest.vm, 1), "HVM_CREATE_VCPU");
	guest.has_other = true;
	bench_check(hvm_vcpu_get_state(&guest.other, &state, mask), "HVM_GET_STATE");
	set_x2apic(&state);
	state.lapic.regs[0xf] = 0x1ff;
	state.events.mp_state = HVM_MP_RUNNING;
	bench_check(hvm_vcpu_set_state(&guest.other, &state, mask), "HVM_SET_STATE");
}

static void hvm_engine_start(const struct guest_start *start)
{
	const uint32_t mask = HVM_STATE_GPR | HVM_STATE_SEGMENTS | HVM_STATE_CONTROL;
	struct hvm_state state;

	bench_check(hvm_vcpu_get_state(&guest.vcpu, &state, mask), "HVM_GET_STATE");
	set_long_mode(&state);
	memset(&state.gpr, 0, sizeof(state.gpr));
	state.gpr.rip = start->rip;
	state.gpr.rflags = 2;
	state.gpr.gpr[HVM_RSP] = GUEST_STACK;
	state.gpr.gpr[HVM_RCX] = start->count;
	state.gpr.gpr[HVM_RBX] = start->base;
	state.gpr.gpr[HVM_RSI] = start->stride;
	bench_check(hvm_vcpu_set_state(&guest.vcpu, &state, mask), "HVM_SET_STATE");
	use_x2apic();
}

static enum bench_exit unexpected(void)
{
	char text[256];

	fprintf(stderr, "bench: hvm: %s\n",
		hvm_describe_exit(text, sizeof(text), guest.vcpu.run));
	return BENCH_OTHER;
}

static enum bench_exit hvm_engine_run(void)
{
	struct hvm_run *run = guest.vcpu.run;

	bench_check(hvm_vcpu_run(&guest.vcpu), "HVM_RUN");
	if (run->reason == HVM_EXIT_PIO) {
		if (run->pio.port == PORT_DONE)
			return BENCH_DONE;
		hvm_complete(run, 0);
		return BENCH_PORT;
	}
	if (run->reason == HVM_EXIT_MEMORY)
		return hvm_access_finish(&guest.access) ? unexpected() : BENCH_DEVICE;
	return unexpected();
}

static void hvm_engine_cycle(void)
{
	struct hvm_vcpu vcpu;
	int vm = hvm_vm_create(guest.device);

	bench_check(vm, "HVM_CREATE_VM");
	bench_check(hvm_vcpu_create(&vcpu, vm, 0), "HVM_CREATE_VCPU");
	hvm_vcpu_destroy(&vcpu);
	close(vm);
}

const struct bench_engine bench_hvm = {
	.name = "hvm",
	.open = hvm_engine_open,
	.create = hvm_engine_create,
	.destroy = hvm_engine_destroy,
	.doorbell = hvm_engine_doorbell,
	.irqfd = hvm_engine_irqfd,
	.attach = hvm_engine_attach,
	.start = hvm_engine_start,
	.vectors = hvm_engine_vectors,
	.add_vcpu = hvm_engine_add_vcpu,
	.run = hvm_engine_run,
	.cycle = hvm_engine_cycle,
};
