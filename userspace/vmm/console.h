/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's serial port on this process's standard input and output. Bytes from the guest wait
 * in a ring until the loop's thread writes them, so a slow or stopped terminal holds up the
 * guest's serial port and nothing else; bytes from the user wait until the guest reads them. On a
 * terminal, Ctrl-a is the escape.
 */
#ifndef VMM_CONSOLE_H
#define VMM_CONSOLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/serial.h"
#include "vmm/loop.h"
#include "vmm/power.h"

#define CONSOLE_OUT	4096
#define CONSOLE_IN	1024

/**
 * struct console - the wire between serial port and user
 * @wire: what the serial port sees
 * @serial: the serial port
 * @power: how the user's escape ends the machine
 * @loop: whose thread writes and reads
 * @bell: the guest has sent into an empty ring, or has read what waited
 * @input: standard input
 * @output: standard output
 * @lock: guards the ring
 * @out: bytes from the guest
 * @out_first: index of the oldest
 * @out_count: how many
 * @blocked: the serial port waits for room
 * @in: bytes from the user; all from here on only in the loop's thread
 * @in_first: index of the oldest
 * @in_count: how many
 * @in_open: standard input has not ended
 * @in_watched: the loop watches it
 * @in_polled: the loop can watch it; a regular file is always ready
 * @out_watched: the loop waits for room in standard output
 * @out_polled: likewise for standard output
 * @out_gone: standard output takes nothing any more; the guest's bytes are dropped
 * @terminal: standard input and output are a terminal: Ctrl-a is the escape
 * @escaped: the last byte was the escape
 * @last: the last byte that was written; a new line to begin with
 */
struct console {
	struct serial_wire wire;
	struct serial *serial;
	struct power *power;
	struct loop *loop;
	struct bell bell;
	struct loop_source input;
	struct loop_source output;
	pthread_mutex_t lock;
	uint8_t out[CONSOLE_OUT];
	size_t out_first;
	size_t out_count;
	bool blocked;
	uint8_t in[CONSOLE_IN];
	size_t in_first;
	size_t in_count;
	bool in_open;
	bool in_watched;
	bool in_polled;
	bool out_watched;
	bool out_polled;
	bool out_gone;
	bool terminal;
	bool escaped;
	uint8_t last;
};

/**
 * console_init() - connect a serial port with the user
 * @console: filled in
 * @loop: the machine's loop
 * @serial: the port; initialised later with &console.wire
 * @power: how to end the machine
 *
 * Return: 0 or a negative errno.
 */
int console_init(struct console *console, struct loop *loop, struct serial *serial,
		 struct power *power);

/**
 * console_start() - begin to read standard input
 * @console: with its serial port ready
 *
 * Return: 0 or a negative errno.
 */
int console_start(struct console *console);

/**
 * console_flush() - write what the guest has sent, after the vCPUs have stopped
 * @console: the console
 * @interrupt: wait for a slow reader until this file is readable; -1: drop what is not taken at
 *	once
 */
void console_flush(struct console *console, int interrupt);

/**
 * console_deinit() - release what console_init() took
 * @console: after all other threads are gone
 */
void console_deinit(struct console *console);

#endif
