/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A debugger's way into the machine: a unix socket, one gdb at a time, and what stops and runs the
 * processors for it. What gdb says is gdb/stub.c's business.
 */
#ifndef VMM_GDB_H
#define VMM_GDB_H

#include "gdb/stub.h"
#include "vmm/failure.h"
#include "vmm/loop.h"
#include "vmm/vcpu.h"

#define GDB_SOFT_BREAKS	64

/**
 * struct gdb_soft - an INT3 in guest memory
 * @gva: where gdb wants it
 * @gpa: where it is
 * @saved: the byte that was there
 */
struct gdb_soft {
	uint64_t gva;
	uint64_t gpa;
	uint8_t saved;
};

/**
 * struct gdb_hard - a breakpoint of the processor
 * @kind: as gdb calls it
 * @breakpoint: as the kernel does
 */
struct gdb_hard {
	enum gdb_break kind;
	struct hvm_breakpoint breakpoint;
};

/**
 * struct gdb_thread - what the debugger keeps of a processor
 * @debug: what the kernel was asked for
 * @hits: HVM_HIT_* of a stop that gdb has not been told of
 * @stopped: there is such a stop
 * @int3: it is an INT3's
 * @hide_tf: it steps a PUSHF: the flag that was pushed is not the guest's
 */
struct gdb_thread {
	struct hvm_debug debug;
	uint32_t hits;
	bool stopped;
	bool int3;
	bool hide_tf;
};

/**
 * struct gdb - the debugger's room
 * @stub: the conversation
 * @power: how to end the machine
 * @pause: how to let it stand still
 * @memory: guest RAM
 * @loop: whose thread speaks with gdb
 * @listener: the socket, or fd -1: there is no debugger's socket
 * @peer: the connection, or fd -1
 * @bell: a processor has stopped
 * @lock: guards what the processors' threads see: @attached, @running, @holding, @soft, @thread
 * @vcpu: the processors
 * @thread: one for each
 * @count: how many
 * @phys_bits: width of guest physical addresses
 * @attached: there is a connection
 * @running: gdb waits for a stop
 * @holding: the machine stands still for gdb
 * @softs: how many of @soft
 * @soft: breakpoints in memory
 * @hard: breakpoints of the processors
 * @in: what arrives
 * @out: what is sent
 */
struct gdb {
	struct gdb_stub stub;
	struct power *power;
	struct pause *pause;
	struct memory *memory;
	struct loop *loop;
	struct loop_source listener;
	struct loop_source peer;
	struct bell bell;
	pthread_mutex_t lock;
	struct vcpu *vcpu;
	struct gdb_thread *thread;
	unsigned int count;
	uint8_t phys_bits;
	bool attached;
	bool running;
	bool holding;
	unsigned int softs;
	struct gdb_soft soft[GDB_SOFT_BREAKS];
	struct gdb_hard hard[HVM_BREAKPOINTS];
	struct gdb_in in;
	struct gdb_out out;
};

/**
 * gdb_listen() - make the socket
 * @path: where; a socket that nobody listens at any more is replaced
 * @f: filled in on failure
 *
 * Return: its fd, or -1.
 */
int gdb_listen(const char *path, struct failure *f);

/**
 * gdb_create() - be ready for a debugger
 * @listener: from gdb_listen()
 * @loop: the machine's
 * @board: the machine's
 * @vcpu: its processors, without threads yet
 * @count: how many
 * @phys_bits: width of guest physical addresses
 * @wait: nothing runs until a debugger lets it
 *
 * Return: the room, or NULL.
 */
struct gdb *gdb_create(int listener, struct loop *loop, struct vcpu_board *board,
		       struct vcpu *vcpu, unsigned int count, uint8_t phys_bits, bool wait);

/**
 * gdb_destroy() - tell the debugger that the machine has ended
 * @gdb: the room, or NULL
 * @status: the exit status
 */
void gdb_destroy(struct gdb *gdb, int status);

/**
 * gdb_vcpu_stopped() - HVM_EXIT_DEBUG
 * @gdb: the room
 * @vcpu: the processor, in its own thread
 */
void gdb_vcpu_stopped(struct gdb *gdb, struct vcpu *vcpu);

#endif
