// SPDX-License-Identifier: GPL-2.0-only
/*
 * Framing: $content#checksum, with } before bytes that mean something else. A byte at a time, so
 * that nothing depends on how the peer cuts its packets into pieces.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gdb/packet.h"

#define ESCAPE		0x7d
#define ESCAPE_XOR	0x20
#define BREAK		0x03

int gdb_hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c) : NULL;

	return found ? (int)(found - digits) : -1;
}

static enum gdb_input store(struct gdb_in *in, uint8_t byte)
{
	if (in->length == GDB_PACKET_MAX) {
		in->state = GDB_IN_IDLE;
		return GDB_INPUT_TOO_LONG;
	}
	in->data[in->length++] = (char)byte;
	return GDB_INPUT_MORE;
}

static void begin(struct gdb_in *in)
{
	in->state = GDB_IN_DATA;
	in->length = 0;
	in->sum = 0;
}

static enum gdb_input take_data(struct gdb_in *in, uint8_t byte)
{
	if (byte == '$') {
		begin(in);
		return GDB_INPUT_MORE;
	}
	if (byte == '#') {
		in->state = GDB_IN_SUM_HIGH;
		return GDB_INPUT_MORE;
	}
	in->sum += byte;
	if (byte == ESCAPE) {
		in->state = GDB_IN_ESCAPED;
		return GDB_INPUT_MORE;
	}
	return store(in, byte);
}

static enum gdb_input finish(struct gdb_in *in, int low)
{
	in->state = GDB_IN_IDLE;
	in->data[in->length] = 0;
	if (in->high < 0 || low < 0 || (in->high << 4 | low) != in->sum)
		return GDB_INPUT_BAD;
	return GDB_INPUT_PACKET;
}

enum gdb_input gdb_in_byte(struct gdb_in *in, uint8_t byte)
{
	switch (in->state) {
	case GDB_IN_DATA:
		return take_data(in, byte);
	case GDB_IN_ESCAPED:
		in->state = GDB_IN_DATA;
		in->sum += byte;
		return store(in, byte ^ ESCAPE_XOR);
	case GDB_IN_SUM_HIGH:
		in->high = gdb_hex_digit((char)byte);
		in->state = GDB_IN_SUM_LOW;
		return GDB_INPUT_MORE;
	case GDB_IN_SUM_LOW:
		return finish(in, gdb_hex_digit((char)byte));
	default:
		break;
	}
	if (byte == '$')
		begin(in);
	return byte == BREAK ? GDB_INPUT_BREAK : GDB_INPUT_MORE;
}

/* Room for the end stays free. */
static void put(struct gdb_out *out, char c)
{
	if (out->length + 4 > sizeof(out->data)) {
		out->full = true;
		return;
	}
	out->data[out->length++] = c;
	out->sum += (uint8_t)c;
}

void gdb_out_begin(struct gdb_out *out)
{
	out->length = 0;
	out->full = false;
	put(out, '$');
	out->sum = 0;
}

void gdb_out_end(struct gdb_out *out)
{
	static const char digits[] = "0123456789abcdef";

	out->data[out->length++] = '#';
	out->data[out->length++] = digits[out->sum >> 4];
	out->data[out->length++] = digits[out->sum & 15];
}

void gdb_out_text(struct gdb_out *out, const char *text)
{
	while (*text)
		put(out, *text++);
}

void gdb_out_print(struct gdb_out *out, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	gdb_out_text(out, text);
}

void gdb_out_hex(struct gdb_out *out, const void *data, size_t bytes)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *from = data;

	while (bytes--) {
		put(out, digits[*from >> 4]);
		put(out, digits[*from++ & 15]);
	}
}

void gdb_out_binary(struct gdb_out *out, const void *data, size_t bytes)
{
	const char *from = data;

	for (; bytes--; from++) {
		bool special = *from == '$' || *from == '#' || *from == '*' || *from == ESCAPE;

		if (special)
			put(out, ESCAPE);
		put(out, special ? *from ^ ESCAPE_XOR : *from);
	}
}
