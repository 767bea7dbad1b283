/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets of gdb's remote serial protocol (gdb's manual, "Remote Protocol: Overview"): from bytes
 * to the packet's content, and back. Pure; what is in a packet is stub.c's business.
 */
#ifndef GDB_PACKET_H
#define GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest content; announced to gdb, which keeps to it. */
#define GDB_PACKET_MAX	0x4000

enum gdb_input {
	GDB_INPUT_MORE,		/* nothing is complete yet */
	GDB_INPUT_PACKET,	/* a packet */
	GDB_INPUT_BAD,		/* a packet whose checksum is wrong */
	GDB_INPUT_BREAK,	/* Ctrl-C */
	GDB_INPUT_TOO_LONG,	/* a packet that does not end */
};

enum gdb_in_state {
	GDB_IN_IDLE, GDB_IN_DATA, GDB_IN_ESCAPED, GDB_IN_SUM_HIGH, GDB_IN_SUM_LOW,
};

/**
 * struct gdb_in - the packet that is arriving
 * @state: how far it is
 * @sum: checksum of what has arrived
 * @high: first digit of the checksum that was sent
 * @length: bytes of @data
 * @data: content, without escapes, terminated by a zero that does not count
 */
struct gdb_in {
	enum gdb_in_state state;
	uint8_t sum;
	int high;
	size_t length;
	char data[GDB_PACKET_MAX + 1];
};

/**
 * gdb_in_byte() - take one byte
 * @in: zero-initialised before the first
 * @byte: the byte
 *
 * After GDB_INPUT_PACKET the content is there until the next call.
 */
enum gdb_input gdb_in_byte(struct gdb_in *in, uint8_t byte);

/**
 * struct gdb_out - a packet that is being made
 * @length: bytes of @data
 * @full: something did not fit: the packet is not to be used
 * @sum: checksum
 * @data: as it is sent
 */
struct gdb_out {
	size_t length;
	bool full;
	uint8_t sum;
	char data[2 * GDB_PACKET_MAX + 8];
};

void gdb_out_begin(struct gdb_out *out);
void gdb_out_end(struct gdb_out *out);
void gdb_out_text(struct gdb_out *out, const char *text);
__attribute__((format(printf, 2, 3)))
void gdb_out_print(struct gdb_out *out, const char *fmt, ...);
void gdb_out_hex(struct gdb_out *out, const void *data, size_t bytes);
void gdb_out_binary(struct gdb_out *out, const void *data, size_t bytes);

/**
 * gdb_hex_digit() - the value of a digit
 * @c: the character
 *
 * Return: 0 to 15, or -1.
 */
int gdb_hex_digit(char c);

#endif
