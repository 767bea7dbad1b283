// SPDX-License-Identifier: GPL-2.0-only
/*
 * The connection and the machine behind it. Packets are handled in the loop's thread while all
 * processors stand still; a processor that stops notes why, lets the others stop too, and rings.
 * Whoever connects commands the guest, and reads and writes its memory, but nothing else of this
 * process: every address goes through the guest's tables to guest RAM. A debugger that goes away,
 * in whatever state, leaves a guest that runs without breakpoints.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "container_of.h"
#include "vmm/gdb.h"
#include "vmm/gdbstate.h"

#define SIGNAL_INT	2
#define SIGNAL_TRAP	5
#define INT3		0xcc
#define PUSHF		0x9c
#define RFLAGS_TF_BYTE	1	/* of those that PUSHF writes */
#define RFLAGS_TF_BIT	1	/* in it */

static struct gdb *gdb_of(struct gdb_stub *stub)
{
	return container_of(stub, struct gdb, stub);
}

/* --- the socket ------------------------------------------------------------------ */

/* A socket that refuses has no process behind it any more; what is no socket refuses as well. */
static bool is_stale(const struct sockaddr_un *address)
{
	struct stat st;
	bool stale;
	int fd;

	if (lstat(address->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
		errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static int bind_private(int fd, const struct sockaddr_un *address)
{
	mode_t mask = umask(0177);
	int ret = bind(fd, (const struct sockaddr *)address, sizeof(*address));

	if (ret < 0 && errno == EADDRINUSE && is_stale(address)) {
		unlink(address->sun_path);
		ret = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	}
	umask(mask);
	return ret;
}

int gdb_listen(const char *path, struct failure *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return fail(f, "--gdb %s: the path of a socket has at most %zu characters", path,
			    sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind_private(fd, &address) < 0 || listen(fd, 1) < 0) {
		fail(f, "--gdb %s: no socket can be made there (%s)", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* --- breakpoints ------------------------------------------------------------------- */

static int translate(struct gdb *gdb, unsigned int thread, uint64_t gva, uint64_t *gpa)
{
	return gdbstate_translate(&gdb->vcpu[thread].handle, gdb->memory, gdb->phys_bits, gva,
				  gpa);
}

/* The byte at @gpa as the guest wrote it, if a breakpoint is there. */
static struct gdb_soft *soft_at(struct gdb *gdb, uint64_t gpa)
{
	for (unsigned int i = 0; i < gdb->softs; i++)
		if (gdb->soft[i].gpa == gpa)
			return &gdb->soft[i];
	return NULL;
}

static void remove_soft(struct gdb *gdb, struct gdb_soft *soft)
{
	uint8_t *at = memory_at(gdb->memory, soft->gpa, 1);

	/* The guest may have written something else meanwhile. */
	if (at && *at == INT3)
		*at = soft->saved;
	*soft = gdb->soft[--gdb->softs];
}

static int set_soft(struct gdb *gdb, unsigned int thread, uint64_t gva, bool set)
{
	struct gdb_soft *soft = NULL;
	uint64_t gpa;
	uint8_t *at;

	for (unsigned int i = 0; i < gdb->softs && !soft; i++)
		if (gdb->soft[i].gva == gva)
			soft = &gdb->soft[i];
	if (soft && !set)
		remove_soft(gdb, soft);
	if (soft || !set)
		return 0;
	if (gdb->softs == GDB_SOFT_BREAKS)
		return -ENOSPC;
	if (translate(gdb, thread, gva, &gpa) < 0)
		return -EFAULT;
	at = memory_at(gdb->memory, gpa, 1);
	if (!at || soft_at(gdb, gpa))
		return -EFAULT;
	gdb->soft[gdb->softs++] = (struct gdb_soft){ gva, gpa, *at };
	*at = INT3;
	return 0;
}

static int set_hard(struct gdb *gdb, enum gdb_break kind, uint64_t gva, unsigned int bytes,
		    bool set)
{
	static const uint32_t kinds[] = {
		[GDB_BREAK_HARD] = HVM_BREAK_EXEC,
		[GDB_BREAK_WRITE] = HVM_BREAK_WRITE,
		[GDB_BREAK_READ] = HVM_BREAK_ACCESS,
		[GDB_BREAK_ACCESS] = HVM_BREAK_ACCESS,
	};
	struct hvm_breakpoint wanted = { gva, kinds[kind], kind == GDB_BREAK_HARD ? 1 : bytes };
	struct gdb_hard *free = NULL;

	if (!bytes || bytes > 8 || bytes & (bytes - 1) || gva & (wanted.bytes - 1))
		return -EINVAL;
	for (int i = 0; i < HVM_BREAKPOINTS; i++) {
		struct gdb_hard *hard = &gdb->hard[i];

		if (!hard->breakpoint.kind && !free)
			free = hard;
		if (hard->kind == kind && !memcmp(&hard->breakpoint, &wanted, sizeof(wanted))) {
			if (!set)
				*hard = (struct gdb_hard){ 0 };
			return 0;
		}
	}
	if (!set)
		return 0;
	if (!free)
		return -ENOSPC;
	*free = (struct gdb_hard){ kind, wanted };
	return 0;
}

static int op_set_break(struct gdb_stub *stub, unsigned int thread, enum gdb_break kind,
			uint64_t gva, unsigned int bytes, bool set)
{
	struct gdb *gdb = gdb_of(stub);

	if (kind == GDB_BREAK_SOFT)
		return set_soft(gdb, thread, gva, set);
	return set_hard(gdb, kind, gva, bytes, set);
}

/* --- memory and registers ------------------------------------------------------------- */

/* One page at most. gdb sees what the guest wrote, not the breakpoints. */
static void copy_out(struct gdb *gdb, uint64_t gpa, const uint8_t *from, uint8_t *to, size_t bytes)
{
	memcpy(to, from, bytes);
	for (unsigned int i = 0; i < gdb->softs; i++)
		if (gdb->soft[i].gpa - gpa < bytes)
			to[gdb->soft[i].gpa - gpa] = gdb->soft[i].saved;
}

static void copy_in(struct gdb *gdb, uint64_t gpa, uint8_t *to, const uint8_t *from, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		struct gdb_soft *soft = soft_at(gdb, gpa + i);

		if (soft)
			soft->saved = from[i];
		else
			to[i] = from[i];
	}
}

/* Return: how many bytes there were before the first page that is missing. */
static size_t transfer(struct gdb *gdb, unsigned int thread, uint64_t gva, uint8_t *out,
		       const uint8_t *in, size_t bytes)
{
	size_t done, n;

	for (done = 0; done < bytes; done += n) {
		uint64_t gpa;
		uint8_t *at;

		n = 4096 - ((gva + done) & 4095);
		if (n > bytes - done)
			n = bytes - done;
		if (translate(gdb, thread, gva + done, &gpa) < 0)
			break;
		at = memory_at(gdb->memory, gpa, n);
		if (!at)
			break;
		if (out)
			copy_out(gdb, gpa, at, out + done, n);
		else
			copy_in(gdb, gpa, at, in + done, n);
	}
	return done;
}

static int op_read(struct gdb_stub *stub, unsigned int thread, uint64_t gva, void *data,
		   size_t bytes)
{
	size_t done = transfer(gdb_of(stub), thread, gva, data, NULL, bytes);

	return bytes && !done ? -EFAULT : (int)done;
}

static int op_write(struct gdb_stub *stub, unsigned int thread, uint64_t gva, const void *data,
		    size_t bytes)
{
	return transfer(gdb_of(stub), thread, gva, NULL, data, bytes) < bytes ? -EFAULT : 0;
}

static int op_get_registers(struct gdb_stub *stub, unsigned int thread, struct gdb_registers *r)
{
	struct vcpu *vcpu = &gdb_of(stub)->vcpu[thread];

	return gdbstate_get(&vcpu->handle, vcpu->access.xsave, vcpu->access.xsave_bytes, r);
}

static int op_set_registers(struct gdb_stub *stub, unsigned int thread,
			    const struct gdb_registers *r)
{
	struct vcpu *vcpu = &gdb_of(stub)->vcpu[thread];

	return gdbstate_set(&vcpu->handle, vcpu->access.xsave, vcpu->access.xsave_bytes, r);
}

static const struct gdb_ops ops = {
	.get_registers = op_get_registers,
	.set_registers = op_set_registers,
	.read = op_read,
	.write = op_write,
	.set_break = op_set_break,
};

/* --- stopping --------------------------------------------------------------------------- */

static bool is_our_int3(struct gdb *gdb, const struct hvm_run *run)
{
	uint64_t gva = run->rip;

	if (!(run->efer & 1 << 10 && run->seg[HVM_CS].attributes & HVM_SEG_L))
		gva += run->seg[HVM_CS].base;
	for (unsigned int i = 0; i < gdb->softs; i++)
		if (gdb->soft[i].gva == gva)
			return true;
	return false;
}

/* With the lock. */
static void hold(struct gdb *gdb)
{
	if (!gdb->holding)
		pause_hold(gdb->pause);
	gdb->holding = true;
}

/* With the lock. Who was excused is so no more. */
static void stop_all(struct gdb *gdb)
{
	hold(gdb);
	for (unsigned int i = 0; i < gdb->count; i++)
		if (gdb->vcpu[i].seat.excused)
			pause_excuse(gdb->pause, &gdb->vcpu[i].seat, false);
}

void gdb_vcpu_stopped(struct gdb *gdb, struct vcpu *vcpu)
{
	struct gdb_thread *thread = &gdb->thread[vcpu - gdb->vcpu];
	struct hvm_run *run = vcpu->handle.run;
	bool int3 = run->debug.vector == 3;

	pthread_mutex_lock(&gdb->lock);
	if (int3 && !is_our_int3(gdb, run)) {
		run->complete = HVM_COMPLETE_REFLECT;
	} else if (gdb->attached) {
		thread->stopped = true;
		thread->int3 = int3;
		thread->hits |= run->debug.hits;
		stop_all(gdb);
		bell_ring(&gdb->bell);
	}
	pthread_mutex_unlock(&gdb->lock);
}

static void describe_hard(const struct gdb_hard *hard, char why[48])
{
	static const char *const names[] = {
		[GDB_BREAK_WRITE] = "watch", [GDB_BREAK_READ] = "rwatch",
		[GDB_BREAK_ACCESS] = "awatch",
	};

	if (hard->kind == GDB_BREAK_HARD || !hard->breakpoint.kind)
		snprintf(why, 48, "hwbreak:;");
	else
		snprintf(why, 48, "%s:%llx;", names[hard->kind],
			 (unsigned long long)hard->breakpoint.gva);
}

static void describe_stop(const struct gdb *gdb, const struct gdb_thread *thread, char why[48])
{
	why[0] = 0;
	if (thread->int3) {
		snprintf(why, 48, "swbreak:;");
		return;
	}
	for (int i = 0; i < HVM_BREAKPOINTS; i++) {
		if (thread->hits & 1U << i) {
			describe_hard(&gdb->hard[i], why);
			return;
		}
	}
}

static void hide_tf(struct gdb *gdb, unsigned int index)
{
	struct hvm_state state;
	uint8_t byte;
	uint64_t at;

	gdb->thread[index].hide_tf = false;
	if (hvm_vcpu_get_state(&gdb->vcpu[index].handle, &state,
			       HVM_STATE_GPR | HVM_STATE_SEGMENTS) < 0)
		return;
	at = state.gpr.gpr[HVM_RSP] + RFLAGS_TF_BYTE;
	if (!(state.segments.seg[HVM_CS].attributes & HVM_SEG_L))
		at += state.segments.seg[HVM_SS].base;
	if (!transfer(gdb, index, at, &byte, NULL, 1))
		return;
	byte &= ~RFLAGS_TF_BIT;
	transfer(gdb, index, at, NULL, &byte, 1);
}

static void clear_stop(struct gdb_thread *thread)
{
	thread->stopped = false;
	thread->int3 = false;
	thread->hits = 0;
}

/* All stand still. Return: the first that has something to say, or -1. */
static int first_stop(const struct gdb *gdb)
{
	for (unsigned int i = 0; i < gdb->count; i++)
		if (gdb->thread[i].stopped)
			return (int)i;
	return -1;
}

/* --- the connection ---------------------------------------------------------------------- */

static bool send_all(int fd, const char *data, size_t length)
{
	ssize_t n = send(fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);

	return n == (ssize_t)length;
}

static void run_undisturbed(struct gdb *gdb)
{
	while (gdb->softs)
		remove_soft(gdb, &gdb->soft[0]);
	memset(gdb->hard, 0, sizeof(gdb->hard));
	for (unsigned int i = 0; i < gdb->count; i++) {
		struct gdb_thread *thread = &gdb->thread[i];

		*thread = (struct gdb_thread){ 0 };
		hvm_vcpu_debug(&gdb->vcpu[i].handle, &thread->debug);
	}
}

static void close_peer(struct gdb *gdb)
{
	loop_remove(gdb->loop, &gdb->peer);
	close(gdb->peer.fd);
	gdb->peer.fd = -1;
	pthread_mutex_lock(&gdb->lock);
	stop_all(gdb);
	pthread_mutex_unlock(&gdb->lock);
	pause_wait(gdb->pause);
	pthread_mutex_lock(&gdb->lock);
	run_undisturbed(gdb);
	gdb->attached = false;
	gdb->running = false;
	gdb->holding = false;
	pause_release(gdb->pause);
	pthread_mutex_unlock(&gdb->lock);
}

/* A peer that does not even read its answers is no debugger. */
static bool answer(struct gdb *gdb)
{
	if (send_all(gdb->peer.fd, gdb->out.data, gdb->out.length))
		return true;
	close_peer(gdb);
	return false;
}

static void tell_stop(struct gdb *gdb, unsigned int index, unsigned int signal, const char *why)
{
	gdb->running = false;
	gdb_stub_stopped(&gdb->stub, index, signal, why, &gdb->out);
	answer(gdb);
}

/* A processor has stopped: the others do, too, and then gdb hears of it. */
static void stopped_event(struct loop_source *source, uint32_t events)
{
	struct gdb *gdb = container_of(source, struct gdb, bell.source);
	char why[48];
	int index;

	(void)events;
	bell_clear(&gdb->bell);
	if (!gdb->running)
		return;
	pause_wait(gdb->pause);
	index = first_stop(gdb);
	if (index < 0)
		return;
	if (gdb->thread[index].hide_tf)
		hide_tf(gdb, (unsigned int)index);
	describe_stop(gdb, &gdb->thread[index], why);
	clear_stop(&gdb->thread[index]);
	tell_stop(gdb, (unsigned int)index, SIGNAL_TRAP, why);
}

static void interrupt(struct gdb *gdb)
{
	if (!gdb->running)
		return;
	pthread_mutex_lock(&gdb->lock);
	stop_all(gdb);
	pthread_mutex_unlock(&gdb->lock);
	pause_wait(gdb->pause);
	if (first_stop(gdb) >= 0)
		bell_ring(&gdb->bell);
	else
		tell_stop(gdb, gdb->stub.current, SIGNAL_INT, "");
}

static void prepare(struct gdb *gdb, unsigned int index)
{
	struct gdb_thread *thread = &gdb->thread[index];
	struct hvm_debug wanted = { .size = sizeof(wanted) };
	uint8_t opcode = 0;

	if (gdb->softs)
		wanted.flags |= HVM_DEBUG_INT3;
	if (gdb->stub.action[index] == GDB_STEP)
		wanted.flags |= HVM_DEBUG_STEP | HVM_DEBUG_HOLD;
	for (int i = 0; i < HVM_BREAKPOINTS; i++)
		wanted.breakpoint[i] = gdb->hard[i].breakpoint;
	thread->hide_tf = gdb->stub.action[index] == GDB_STEP &&
			  !gdbstate_code(&gdb->vcpu[index].handle, gdb->memory, gdb->phys_bits,
					 &opcode) && opcode == PUSHF;
	if (!memcmp(&wanted, &thread->debug, sizeof(wanted)))
		return;
	thread->debug = wanted;
	hvm_vcpu_debug(&gdb->vcpu[index].handle, &wanted);
}

/*
 * A processor that stopped beside the one that gdb was told of: an INT3 stops again by itself, of
 * the others gdb is told now, before anything runs.
 */
static bool tell_leftover(struct gdb *gdb)
{
	for (unsigned int i = 0; i < gdb->count; i++)
		if (gdb->thread[i].int3)
			clear_stop(&gdb->thread[i]);
	if (first_stop(gdb) < 0)
		return false;
	bell_ring(&gdb->bell);
	return true;
}

static void resume(struct gdb *gdb)
{
	unsigned int staying = 0;

	gdb->running = true;
	if (tell_leftover(gdb))
		return;
	for (unsigned int i = 0; i < gdb->count; i++) {
		prepare(gdb, i);
		staying += gdb->stub.action[i] == GDB_STAY;
	}
	pthread_mutex_lock(&gdb->lock);
	for (unsigned int i = 0; i < gdb->count && staying; i++)
		if (gdb->stub.action[i] != GDB_STAY)
			pause_excuse(gdb->pause, &gdb->vcpu[i].seat, true);
	if (!staying) {
		gdb->holding = false;
		pause_release(gdb->pause);
	}
	pthread_mutex_unlock(&gdb->lock);
}

/* Return: the connection is still there. */
static bool handle_packet(struct gdb *gdb)
{
	enum gdb_answer what;

	if (!gdb->stub.no_ack && !send_all(gdb->peer.fd, "+", 1)) {
		close_peer(gdb);
		return false;
	}
	/* While it runs gdb has nothing to say. */
	if (gdb->running)
		return true;
	what = gdb_stub_packet(&gdb->stub, &gdb->in, &gdb->out);
	if (what == GDB_RESUME)
		resume(gdb);
	else if (!answer(gdb))
		return false;
	if (what == GDB_KILL)
		power_end(gdb->power, POWER_LEFT, NULL);
	if (what == GDB_DETACH)
		close_peer(gdb);
	return gdb->peer.fd >= 0;
}

static bool take_byte(struct gdb *gdb, uint8_t byte)
{
	switch (gdb_in_byte(&gdb->in, byte)) {
	case GDB_INPUT_PACKET:
		return handle_packet(gdb);
	case GDB_INPUT_BREAK:
		interrupt(gdb);
		return gdb->peer.fd >= 0;
	case GDB_INPUT_BAD:
		if (!gdb->stub.no_ack && !send_all(gdb->peer.fd, "-", 1))
			break;
		return true;
	case GDB_INPUT_MORE:
		return true;
	case GDB_INPUT_TOO_LONG:
		break;
	}
	close_peer(gdb);
	return false;
}

static void peer_event(struct loop_source *source, uint32_t events)
{
	struct gdb *gdb = container_of(source, struct gdb, peer);
	uint8_t data[4096];
	ssize_t n = read(gdb->peer.fd, data, sizeof(data));

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_peer(gdb);
		return;
	}
	for (ssize_t i = 0; i < n; i++)
		if (!take_byte(gdb, data[i]))
			return;
}

static void refuse(struct gdb *gdb, int fd)
{
	gdb_out_begin(&gdb->out);
	gdb_out_text(&gdb->out, "E.another debugger is connected");
	gdb_out_end(&gdb->out);
	send_all(fd, gdb->out.data, gdb->out.length);
	close(fd);
}

static void begin(struct gdb *gdb, int fd)
{
	gdb->peer.fd = fd;
	if (loop_add(gdb->loop, &gdb->peer, EPOLLIN) < 0) {
		gdb->peer.fd = -1;
		close(fd);
		return;
	}
	pthread_mutex_lock(&gdb->lock);
	gdb->attached = true;
	stop_all(gdb);
	pthread_mutex_unlock(&gdb->lock);
	pause_wait(gdb->pause);
	gdb->in = (struct gdb_in){ 0 };
	gdb_stub_init(&gdb->stub, &ops, gdb->count);
}

static void listener_event(struct loop_source *source, uint32_t events)
{
	struct gdb *gdb = container_of(source, struct gdb, listener);
	int fd = accept4(gdb->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	if (gdb->peer.fd >= 0)
		refuse(gdb, fd);
	else
		begin(gdb, fd);
}

/* --- life ------------------------------------------------------------------------------------ */

static int watch(struct gdb *gdb, int listener)
{
	int ret;

	gdb->listener = (struct loop_source){ listener, listener_event };
	gdb->peer = (struct loop_source){ -1, peer_event };
	ret = loop_add(gdb->loop, &gdb->listener, EPOLLIN);
	return ret < 0 ? ret : bell_init(&gdb->bell, gdb->loop, stopped_event);
}

struct gdb *gdb_create(int listener, struct loop *loop, struct vcpu_board *board,
		       struct vcpu *vcpu, unsigned int count, uint8_t phys_bits, bool wait)
{
	struct gdb *gdb = calloc(1, sizeof(*gdb));

	if (!gdb)
		return NULL;
	gdb->thread = calloc(count, sizeof(gdb->thread[0]));
	gdb->loop = loop;
	gdb->power = board->power;
	gdb->pause = board->pause;
	gdb->memory = board->memory;
	gdb->vcpu = vcpu;
	gdb->count = count;
	gdb->phys_bits = phys_bits;
	pthread_mutex_init(&gdb->lock, NULL);
	if (!gdb->thread || watch(gdb, listener) < 0) {
		free(gdb->thread);
		free(gdb);
		return NULL;
	}
	if (wait)
		hold(gdb);
	return gdb;
}

void gdb_destroy(struct gdb *gdb, int status)
{
	if (!gdb)
		return;
	if (gdb->peer.fd >= 0) {
		gdb_out_begin(&gdb->out);
		gdb_out_print(&gdb->out, "W%02x", status & 0xff);
		gdb_out_end(&gdb->out);
		if (gdb->running)
			send_all(gdb->peer.fd, gdb->out.data, gdb->out.length);
		close(gdb->peer.fd);
	}
	close(gdb->listener.fd);
	bell_deinit(&gdb->bell);
	free(gdb->thread);
	free(gdb);
}
