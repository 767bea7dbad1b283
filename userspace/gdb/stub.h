/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What gdb's packets ask for, and the answers (gdb's manual, "gdb Remote Serial Protocol"). Threads
 * are the machine's processors, numbered from 1; all stop and, but for what vCont says, run
 * together. Pure: registers, memory and the running of processors are behind struct gdb_ops.
 */
#ifndef GDB_STUB_H
#define GDB_STUB_H

#include "gdb/packet.h"
#include "gdb/registers.h"

#define GDB_MAX_THREADS	1024

/* As the Z packets number them. */
enum gdb_break {
	GDB_BREAK_SOFT, GDB_BREAK_HARD, GDB_BREAK_WRITE, GDB_BREAK_READ, GDB_BREAK_ACCESS,
};

enum gdb_action {
	GDB_STAY,		/* stands still while others run */
	GDB_STEP,
	GDB_CONTINUE,
};

/* What a packet leads to, beside the reply. */
enum gdb_answer {
	GDB_REPLY,		/* send the reply */
	GDB_RESUME,		/* let run what gdb_stub::action says; the stop is the reply */
	GDB_DETACH,		/* send the reply, then let all run undisturbed */
	GDB_KILL,		/* end the machine */
};

struct gdb_stub;

/**
 * struct gdb_ops - the machine; thread numbers here begin at 0
 * @get_registers: 0 or a negative errno, as all but the last
 * @set_registers: what cannot be written is ignored
 * @read: guest memory, by the addresses that the thread sees; how many bytes there are before the
 *   first that cannot be read, which is not the first of all
 * @write: likewise, all or an errno
 * @set_break: set a breakpoint or take it away
 */
struct gdb_ops {
	int (*get_registers)(struct gdb_stub *stub, unsigned int thread,
			     struct gdb_registers *r);
	int (*set_registers)(struct gdb_stub *stub, unsigned int thread,
			     const struct gdb_registers *r);
	int (*read)(struct gdb_stub *stub, unsigned int thread, uint64_t gva, void *data,
		    size_t bytes);
	int (*write)(struct gdb_stub *stub, unsigned int thread, uint64_t gva, const void *data,
		     size_t bytes);
	int (*set_break)(struct gdb_stub *stub, unsigned int thread, enum gdb_break kind,
			 uint64_t gva, unsigned int bytes, bool set);
};

/**
 * struct gdb_stub - one conversation; the owner embeds it
 * @ops: the machine
 * @threads: its processors
 * @current: thread that registers and memory are taken from
 * @no_ack: packets are not acknowledged any more
 * @stop: the last stop reply's content, for "?"
 * @action: enum gdb_action of each thread, after GDB_RESUME
 * @buffer: memory on its way
 */
struct gdb_stub {
	const struct gdb_ops *ops;
	unsigned int threads;
	unsigned int current;
	bool no_ack;
	char stop[96];
	uint8_t action[GDB_MAX_THREADS];
	uint8_t buffer[GDB_PACKET_MAX];
};

/**
 * gdb_stub_init() - a conversation begins; all processors stand still
 * @stub: filled in
 * @ops: the machine
 * @threads: its processors, 1 to GDB_MAX_THREADS
 */
void gdb_stub_init(struct gdb_stub *stub, const struct gdb_ops *ops, unsigned int threads);

/**
 * gdb_stub_packet() - answer a packet
 * @stub: the conversation
 * @in: the packet
 * @out: the reply, complete; of no use with GDB_RESUME and GDB_KILL
 */
enum gdb_answer gdb_stub_packet(struct gdb_stub *stub, const struct gdb_in *in,
				struct gdb_out *out);

/**
 * gdb_stub_stopped() - make the stop reply
 * @stub: the conversation
 * @thread: the processor that stopped first
 * @signal: gdb's number
 * @why: gdb's words, such as "hwbreak:;", or empty
 * @out: the reply, complete
 */
void gdb_stub_stopped(struct gdb_stub *stub, unsigned int thread, unsigned int signal,
		      const char *why, struct gdb_out *out);

#endif
