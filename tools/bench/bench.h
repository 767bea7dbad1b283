/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the benchmark's parts share: an engine (a thin client of one hypervisor's ioctls), and the
 * guest's address map. The same guest code runs on every engine.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>

/* Guest physical = guest linear addresses: 2 GiB, identity mapped with 2 MiB pages. */
#define GUEST_TABLES	0x10000		/* PML4, PDPT, two page directories */
#define GUEST_GDT	0x14000
#define GUEST_IDT	0x15000
#define GUEST_STACK	0x18000
#define GUEST_RESULT	0x18000		/* struct guest_result */
#define GUEST_CODE	0x20000
#define GUEST_LOW_BYTES	0x100000
#define GUEST_REGION	0x40000000	/* where the memory that faults is attached */
#define GUEST_DEVICE	0x7f000000	/* nothing is attached here */

#define PORT_DONE	0xf4
#define PORT_TEST	0x10
#define PORT_DOORBELL	0x20

/**
 * struct guest_result - what a guest routine leaves behind
 * @begin: TSC before
 * @end: TSC after
 */
struct guest_result {
	uint64_t begin;
	uint64_t end;
};

/* Why run() returned. */
enum bench_exit { BENCH_DONE, BENCH_PORT, BENCH_DEVICE, BENCH_OTHER };

/**
 * struct guest_start - registers a routine starts with
 * @rip: its address
 * @count: how often (RCX)
 * @base: an address it works on (RBX)
 * @stride: distance to the next (RSI)
 */
struct guest_start {
	uint64_t rip;
	uint64_t count;
	uint64_t base;
	uint64_t stride;
};

/* Which register of the local APIC a case finds filled: their numbers. */
enum bench_vectors { BENCH_ISR = 0x10, BENCH_IRR = 0x20 };

#define BENCH_FIRST_VECTOR	0x20
#define BENCH_IRQFD_VECTOR	0x40

/**
 * struct bench_engine - a hypervisor's client; one guest with one vCPU at a time
 * @name: "hvm" or "kvm"
 * @open: open the device; false: it is not there
 * @create: guest, vCPU, @low attached at 0, CPUID of at least 40 leaves
 * @destroy: end of it
 * @doorbell: writes of a byte to PORT_DOORBELL signal an eventfd
 * @irqfd: writes to an eventfd interrupt the vCPU with BENCH_IRQFD_VECTOR
 * @attach: attach process memory; @bytes 0: detach what is there
 * @start: set registers: long mode, interrupts off
 * @vectors: switch the local APIC on, with @count vectors from BENCH_FIRST_VECTOR on in @where
 * @add_vcpu: a second vCPU, runnable, that nobody runs; its local APIC is on
 * @run: until an exit; a port or device write is finished before it is run again
 * @cycle: create and destroy a guest with one vCPU, nothing else
 */
struct bench_engine {
	const char *name;
	bool (*open)(void);
	void (*create)(void *low);
	void (*destroy)(void);
	void (*doorbell)(int eventfd);
	void (*irqfd)(int eventfd);
	void (*attach)(uint64_t gpa, void *memory, uint64_t bytes);
	void (*start)(const struct guest_start *start);
	void (*vectors)(enum bench_vectors where, unsigned int count);
	void (*add_vcpu)(void);
	enum bench_exit (*run)(void);
	void (*cycle)(void);
};

extern const struct bench_engine bench_hvm;
extern const struct bench_engine bench_kvm;

/* guest.S: the code, and the routines in it */
extern const uint8_t guest_code[], guest_code_end[];
extern const uint8_t guest_cpuid[], guest_vmcall[], guest_vmmcall[], guest_msr[], guest_port[];
extern const uint8_t guest_doorbell[], guest_device[], guest_touch[], guest_timer[];
extern const uint8_t guest_interrupt[], guest_eoi[], guest_deadline[], guest_icr[], guest_take[];
extern const uint8_t guest_halt[];

void bench_die(const char *what);
void bench_check(long result, const char *what);
int bench_cases(const struct bench_engine *engine, const char *only);

#endif
