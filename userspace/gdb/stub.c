// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands by a table of their beginnings. Whatever is unknown is answered by the empty packet, as
 * the protocol wants; whatever is malformed by an error. So is a reply that would not fit.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gdb/stub.h"

/* Errors as gdb shows them; their numbers mean nothing to it. */
#define ERROR_MALFORMED	"E16"
#define ERROR_REFUSED	"E0e"

/**
 * struct words - what is left of a packet
 * @at: next character
 * @end: behind the last
 */
struct words {
	const char *at;
	const char *end;
};

static bool take_char(struct words *w, char c)
{
	if (w->at == w->end || *w->at != c)
		return false;
	w->at++;
	return true;
}

static bool take_text(struct words *w, const char *text)
{
	size_t length = strlen(text);

	if ((size_t)(w->end - w->at) < length || memcmp(w->at, text, length))
		return false;
	w->at += length;
	return true;
}

static bool take_number(struct words *w, uint64_t *value)
{
	const char *first = w->at;

	*value = 0;
	while (w->at < w->end && gdb_hex_digit(*w->at) >= 0) {
		if (*value >> 60)
			return false;
		*value = *value << 4 | (unsigned int)gdb_hex_digit(*w->at++);
	}
	return w->at != first;
}

static bool at_end(const struct words *w)
{
	return w->at == w->end;
}

/* Exactly @bytes of them, up to the end. */
static bool take_bytes(struct words *w, void *data, size_t bytes)
{
	uint8_t *to = data;

	if ((size_t)(w->end - w->at) != 2 * bytes)
		return false;
	for (; bytes--; w->at += 2) {
		int high = gdb_hex_digit(w->at[0]), low = gdb_hex_digit(w->at[1]);

		if (high < 0 || low < 0)
			return false;
		*to++ = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* "-1" means all, "0" any. */
static bool take_thread(struct words *w, unsigned int threads, int *thread)
{
	uint64_t number;

	if (take_text(w, "-1")) {
		*thread = -1;
		return true;
	}
	if (!take_number(w, &number) || number > threads)
		return false;
	*thread = (int)number;
	return true;
}

static enum gdb_answer reply(struct gdb_out *out, const char *text)
{
	gdb_out_text(out, text);
	return GDB_REPLY;
}

static enum gdb_answer outcome(struct gdb_out *out, int ret)
{
	return reply(out, ret < 0 ? ERROR_REFUSED : "OK");
}

/* --- registers ----------------------------------------------------------------- */

static enum gdb_answer get_all(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	struct gdb_registers r;

	(void)w;
	if (stub->ops->get_registers(stub, stub->current, &r) < 0)
		return reply(out, ERROR_REFUSED);
	gdb_out_hex(out, &r, sizeof(r));
	return GDB_REPLY;
}

static enum gdb_answer set_all(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	struct gdb_registers r;

	if (!take_bytes(w, &r, sizeof(r)))
		return reply(out, ERROR_MALFORMED);
	return outcome(out, stub->ops->set_registers(stub, stub->current, &r));
}

static enum gdb_answer get_one(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	struct gdb_registers r;
	size_t offset, bytes;
	uint64_t number;

	if (!take_number(w, &number) || !at_end(w) || number > UINT16_MAX ||
	    !gdb_register((unsigned int)number, &offset, &bytes))
		return reply(out, ERROR_MALFORMED);
	if (stub->ops->get_registers(stub, stub->current, &r) < 0)
		return reply(out, ERROR_REFUSED);
	gdb_out_hex(out, (uint8_t *)&r + offset, bytes);
	return GDB_REPLY;
}

static enum gdb_answer set_one(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	struct gdb_registers r;
	size_t offset, bytes;
	uint64_t number;

	if (!take_number(w, &number) || !take_char(w, '=') || number > UINT16_MAX ||
	    !gdb_register((unsigned int)number, &offset, &bytes))
		return reply(out, ERROR_MALFORMED);
	if (stub->ops->get_registers(stub, stub->current, &r) < 0)
		return reply(out, ERROR_REFUSED);
	if (!take_bytes(w, (uint8_t *)&r + offset, bytes))
		return reply(out, ERROR_MALFORMED);
	return outcome(out, stub->ops->set_registers(stub, stub->current, &r));
}

/* --- memory -------------------------------------------------------------------- */

static bool take_range(struct gdb_stub *stub, struct words *w, uint64_t *gva, uint64_t *bytes)
{
	return take_number(w, gva) && take_char(w, ',') && take_number(w, bytes) &&
	       *bytes <= sizeof(stub->buffer);
}

/* As much as there is, but the first byte has to be. */
static enum gdb_answer read_memory(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	uint64_t gva, bytes;
	int got;

	if (!take_range(stub, w, &gva, &bytes) || !at_end(w))
		return reply(out, ERROR_MALFORMED);
	if (bytes > sizeof(stub->buffer) / 2)
		bytes = sizeof(stub->buffer) / 2;
	got = stub->ops->read(stub, stub->current, gva, stub->buffer, bytes);
	if (got < 0)
		return reply(out, ERROR_REFUSED);
	gdb_out_hex(out, stub->buffer, (size_t)got);
	return GDB_REPLY;
}

static enum gdb_answer write_memory(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	uint64_t gva, bytes;

	if (!take_range(stub, w, &gva, &bytes) || !take_char(w, ':') ||
	    !take_bytes(w, stub->buffer, bytes))
		return reply(out, ERROR_MALFORMED);
	return outcome(out, stub->ops->write(stub, stub->current, gva, stub->buffer, bytes));
}

static enum gdb_answer write_binary(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	uint64_t gva, bytes;

	if (!take_range(stub, w, &gva, &bytes) || !take_char(w, ':') ||
	    (uint64_t)(w->end - w->at) != bytes)
		return reply(out, ERROR_MALFORMED);
	return outcome(out, stub->ops->write(stub, stub->current, gva, w->at, bytes));
}

static enum gdb_answer change_break(struct gdb_stub *stub, struct words *w, struct gdb_out *out,
				    bool set)
{
	uint64_t kind, gva, bytes;

	if (!take_number(w, &kind) || !take_char(w, ',') || !take_range(stub, w, &gva, &bytes) ||
	    !at_end(w))
		return reply(out, ERROR_MALFORMED);
	if (kind > GDB_BREAK_ACCESS)
		return GDB_REPLY;
	return outcome(out, stub->ops->set_break(stub, stub->current, (enum gdb_break)kind, gva,
						 (unsigned int)bytes, set));
}

static enum gdb_answer set_break(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	return change_break(stub, w, out, true);
}

static enum gdb_answer clear_break(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	return change_break(stub, w, out, false);
}

/* --- threads -------------------------------------------------------------------- */

static enum gdb_answer choose_thread(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	int thread;

	if (!take_thread(w, stub->threads, &thread) || !at_end(w))
		return reply(out, ERROR_MALFORMED);
	if (thread > 0)
		stub->current = (unsigned int)thread - 1;
	return reply(out, "OK");
}

static enum gdb_answer ignore_thread(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	int thread;

	return reply(out, take_thread(w, stub->threads, &thread) ? "OK" : ERROR_MALFORMED);
}

static enum gdb_answer is_alive(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	int thread;

	if (!take_thread(w, stub->threads, &thread) || thread < 1)
		return reply(out, ERROR_MALFORMED);
	return reply(out, "OK");
}

static enum gdb_answer list_threads(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	(void)w;
	for (unsigned int i = 0; i < stub->threads; i++)
		gdb_out_print(out, "%c%x", i ? ',' : 'm', i + 1);
	return GDB_REPLY;
}

static enum gdb_answer list_end(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	(void)stub;
	(void)w;
	return reply(out, "l");
}

static enum gdb_answer tell_current(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	(void)w;
	gdb_out_print(out, "QC%x", stub->current + 1);
	return GDB_REPLY;
}

static enum gdb_answer tell_thread(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	char name[16];
	int thread;

	if (!take_thread(w, stub->threads, &thread) || thread < 1)
		return reply(out, ERROR_MALFORMED);
	gdb_out_hex(out, name, (size_t)snprintf(name, sizeof(name), "cpu %d", thread - 1));
	return GDB_REPLY;
}

/* --- running -------------------------------------------------------------------- */

static void set_action(struct gdb_stub *stub, int thread, enum gdb_action action)
{
	for (unsigned int i = 0; i < stub->threads; i++)
		if (stub->action[i] == GDB_STAY && (thread <= 0 || (unsigned int)thread == i + 1))
			stub->action[i] = (uint8_t)action;
}

/* Signals mean nothing to a guest: C and S are c and s. */
static bool take_action(struct words *w, enum gdb_action *action)
{
	uint64_t signal;
	char c = 0;

	if (w->at < w->end)
		c = *w->at++;
	*action = c == 's' || c == 'S' ? GDB_STEP : GDB_CONTINUE;
	if (c == 'C' || c == 'S')
		return take_number(w, &signal);
	return c == 'c' || c == 's';
}

/* The first action that fits a thread is its own. */
static enum gdb_answer vcont(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	memset(stub->action, GDB_STAY, sizeof(stub->action));
	while (take_char(w, ';')) {
		enum gdb_action action;
		int thread = -1;

		if (!take_action(w, &action))
			return reply(out, ERROR_MALFORMED);
		if (take_char(w, ':') && !take_thread(w, stub->threads, &thread))
			return reply(out, ERROR_MALFORMED);
		set_action(stub, thread, action);
	}
	for (unsigned int i = 0; i < stub->threads && at_end(w); i++)
		if (stub->action[i] != GDB_STAY)
			return GDB_RESUME;
	return reply(out, ERROR_MALFORMED);
}

static enum gdb_answer run_all(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	if (!at_end(w))
		return reply(out, ERROR_MALFORMED);
	memset(stub->action, GDB_CONTINUE, sizeof(stub->action));
	return GDB_RESUME;
}

static enum gdb_answer step_one(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	if (!at_end(w))
		return reply(out, ERROR_MALFORMED);
	memset(stub->action, GDB_STAY, sizeof(stub->action));
	stub->action[stub->current] = GDB_STEP;
	return GDB_RESUME;
}

static enum gdb_answer tell_actions(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	(void)stub;
	(void)w;
	return reply(out, "vCont;c;C;s;S");
}

static enum gdb_answer last_stop(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	(void)w;
	return reply(out, stub->stop);
}

static enum gdb_answer detach(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	(void)stub;
	(void)w;
	gdb_out_text(out, "OK");
	return GDB_DETACH;
}

static enum gdb_answer kill_machine(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	(void)stub;
	(void)w;
	gdb_out_text(out, "OK");
	return GDB_KILL;
}

/* --- what this is ---------------------------------------------------------------- */

static enum gdb_answer supported(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	(void)stub;
	(void)w;
	gdb_out_print(out, "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;swbreak+;hwbreak+;"
		      "vContSupported+", GDB_PACKET_MAX);
	return GDB_REPLY;
}

static enum gdb_answer no_ack(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	(void)w;
	stub->no_ack = true;
	return reply(out, "OK");
}

static enum gdb_answer attached(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	(void)stub;
	(void)w;
	return reply(out, "1");
}

static enum gdb_answer features(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	uint64_t offset, bytes;
	size_t length = gdb_description((char *)stub->buffer, sizeof(stub->buffer));

	if (!take_number(w, &offset) || !take_char(w, ',') || !take_number(w, &bytes) || !at_end(w))
		return reply(out, ERROR_MALFORMED);
	if (offset >= length)
		return reply(out, "l");
	if (bytes > length - offset)
		bytes = length - offset;
	if (bytes > GDB_PACKET_MAX / 2)
		bytes = GDB_PACKET_MAX / 2;
	gdb_out_text(out, offset + bytes == length ? "l" : "m");
	gdb_out_binary(out, stub->buffer + offset, bytes);
	return GDB_REPLY;
}

static enum gdb_answer unknown(struct gdb_stub *stub, struct words *w, struct gdb_out *out)
{
	(void)stub;
	(void)w;
	(void)out;
	return GDB_REPLY;
}

/* The first that fits; longer ones come before what they begin with. */
static const struct {
	const char *beginning;
	enum gdb_answer (*answer)(struct gdb_stub *stub, struct words *w, struct gdb_out *out);
} commands[] = {
	{ "?", last_stop },
	{ "g", get_all },
	{ "G", set_all },
	{ "p", get_one },
	{ "P", set_one },
	{ "m", read_memory },
	{ "M", write_memory },
	{ "X", write_binary },
	{ "Z", set_break },
	{ "z", clear_break },
	{ "Hg", choose_thread },
	{ "Hc", ignore_thread },
	{ "T", is_alive },
	{ "c", run_all },
	{ "s", step_one },
	{ "D", detach },
	{ "k", kill_machine },
	{ "vKill;", kill_machine },
	{ "vCont?", tell_actions },
	{ "vCont", vcont },
	{ "qSupported", supported },
	{ "QStartNoAckMode", no_ack },
	{ "qAttached", attached },
	{ "qXfer:features:read:target.xml:", features },
	{ "qfThreadInfo", list_threads },
	{ "qsThreadInfo", list_end },
	{ "qThreadExtraInfo,", tell_thread },
	{ "qC", tell_current },
	{ "", unknown },
};

void gdb_stub_init(struct gdb_stub *stub, const struct gdb_ops *ops, unsigned int threads)
{
	stub->ops = ops;
	stub->threads = threads;
	stub->current = 0;
	stub->no_ack = false;
	snprintf(stub->stop, sizeof(stub->stop), "T05thread:1;");
}

enum gdb_answer gdb_stub_packet(struct gdb_stub *stub, const struct gdb_in *in,
				struct gdb_out *out)
{
	struct words w = { in->data, in->data + in->length };
	enum gdb_answer answer;
	size_t i = 0;

	gdb_out_begin(out);
	while (!take_text(&w, commands[i].beginning))
		i++;
	answer = commands[i].answer(stub, &w, out);
	if (out->full) {
		gdb_out_begin(out);
		gdb_out_text(out, ERROR_REFUSED);
	}
	gdb_out_end(out);
	return answer;
}

void gdb_stub_stopped(struct gdb_stub *stub, unsigned int thread, unsigned int signal,
		      const char *why, struct gdb_out *out)
{
	stub->current = thread;
	snprintf(stub->stop, sizeof(stub->stop), "T%02xthread:%x;%s", signal, thread + 1, why);
	gdb_out_begin(out);
	gdb_out_text(out, stub->stop);
	gdb_out_end(out);
}
