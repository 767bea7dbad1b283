/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event loop: one thread that waits for files (terminal, signals, bells of other threads) and
 * calls whoever owns them. It knows no device.
 */
#ifndef VMM_LOOP_H
#define VMM_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop_source;

typedef void loop_ready_fn(struct loop_source *source, uint32_t events);

/**
 * struct loop_source - a file the loop watches; its owner embeds it
 * @fd: the file
 * @ready: called in the loop's thread with EPOLL* bits
 */
struct loop_source {
	int fd;
	loop_ready_fn *ready;
};

/**
 * struct loop - the event loop
 * @fd: epoll file descriptor
 * @stopped: loop_stop() was called; only in the loop's own thread
 */
struct loop {
	int fd;
	bool stopped;
};

/**
 * loop_init() - make a loop
 * @loop: filled in
 *
 * Return: 0 or a negative errno.
 */
int loop_init(struct loop *loop);

/**
 * loop_deinit() - close it
 * @loop: a loop that does not run
 */
void loop_deinit(struct loop *loop);

/**
 * loop_add() - watch a file
 * @loop: the loop
 * @source: fd and ready set
 * @events: EPOLL* bits; 0 watches for errors only
 *
 * Return: 0 or a negative errno; -EPERM: a file that is always ready (a regular one).
 */
int loop_add(struct loop *loop, struct loop_source *source, uint32_t events);

/**
 * loop_modify() - watch for other events
 * @loop: the loop
 * @source: a source that was added
 * @events: EPOLL* bits
 */
int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events);

/**
 * loop_remove() - watch no more
 * @loop: the loop
 * @source: a source that was added; may be called from its own ready()
 */
void loop_remove(struct loop *loop, struct loop_source *source);

/**
 * loop_run() - call sources until loop_stop()
 * @loop: the loop
 *
 * Return: 0 or a negative errno.
 */
int loop_run(struct loop *loop);

/**
 * loop_stop() - leave loop_run() after the current call; from a source's ready() only
 * @loop: the loop
 */
void loop_stop(struct loop *loop);

/**
 * struct bell - lets other threads call into the loop
 * @source: watched by the loop
 */
struct bell {
	struct loop_source source;
};

/**
 * bell_init() - make a bell and watch it
 * @bell: filled in
 * @loop: the loop
 * @ready: called in the loop's thread after a ring; must call bell_clear()
 *
 * Return: 0 or a negative errno.
 */
int bell_init(struct bell *bell, struct loop *loop, loop_ready_fn *ready);

/**
 * bell_deinit() - close it
 * @bell: a bell nobody rings any more
 */
void bell_deinit(struct bell *bell);

/**
 * bell_ring() - call @ready once, soon
 * @bell: the bell
 *
 * Context: any thread.
 */
void bell_ring(struct bell *bell);

/**
 * bell_clear() - take the ring
 * @bell: the bell
 */
void bell_clear(struct bell *bell);

#endif
