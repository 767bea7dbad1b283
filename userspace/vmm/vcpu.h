/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtual processor of the machine: its thread, and what becomes of each exit. Devices are
 * reached through the buses; how the machine is put together is machine.c's.
 */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include <pthread.h>

#include "access.h"
#include "hw/ioapic.h"
#include "vmm/bus.h"
#include "vmm/memory.h"
#include "vmm/pause.h"
#include "vmm/power.h"

struct gdb;

/**
 * struct vcpu_board - what a processor sees of the machine
 * @memory: RAM
 * @ports: port bus
 * @mmio: memory bus
 * @ioapic: told of level-triggered interrupts that ended
 * @power: told of what ends the machine
 * @pause: where processors stand still
 * @gdb: told of what stops a processor for a debugger, or NULL
 * @gate: held while the machine is being put together; threads wait for it before their first run
 * @name: of the guest, for the threads' names
 */
struct vcpu_board {
	struct memory *memory;
	struct bus *ports;
	struct bus *mmio;
	struct ioapic *ioapic;
	struct power *power;
	struct pause *pause;
	struct gdb *gdb;
	pthread_mutex_t gate;
	const char *name;
};

/**
 * struct vcpu - one processor
 * @handle: the kernel's
 * @access: its accesses to devices
 * @board: the machine
 * @thread: its thread
 * @seat: its place in the pause
 */
struct vcpu {
	struct hvm_vcpu handle;
	struct hvm_access access;
	struct vcpu_board *board;
	pthread_t thread;
	struct pause_seat seat;
};

/**
 * vcpu_create() - create a processor
 * @vcpu: filled in; must not move afterwards
 * @board: the machine
 * @vm: the guest
 * @apic_id: its APIC id; 0 is the bootstrap processor
 * @info: of the device
 *
 * Return: 0 or a negative errno.
 */
int vcpu_create(struct vcpu *vcpu, struct vcpu_board *board, int vm, uint32_t apic_id,
		const struct hvm_get_info *info);

/**
 * vcpu_use_x2apic() - hand its local APIC over in x2APIC mode, as firmware does when ids need that
 * @vcpu: a processor that has not run yet
 *
 * Return: 0 or a negative errno.
 */
int vcpu_use_x2apic(struct vcpu *vcpu);

/**
 * vcpu_destroy() - undo vcpu_create()
 * @vcpu: a processor without a thread
 */
void vcpu_destroy(struct vcpu *vcpu);

/**
 * vcpu_start() - start its thread; it waits at the board's gate
 * @vcpu: the processor
 *
 * Return: 0 or a negative errno.
 */
int vcpu_start(struct vcpu *vcpu);

/**
 * vcpu_join() - wait for its thread
 * @vcpu: a processor that was started and told to stop (hvm_vcpu_stop()); the gate is open
 */
void vcpu_join(struct vcpu *vcpu);

/**
 * vcpu_thread_name() - name of a processor's thread: "vm:NAME/cpuN", NAME shortened
 * @buf: room for 16 characters
 * @name: the guest's
 * @index: the processor's number
 *
 * Return: @buf.
 */
const char *vcpu_thread_name(char buf[16], const char *name, uint32_t index);

#endif
