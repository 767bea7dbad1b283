/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All processors of the machine stand still, whoever wants it: a debugger, a control client. The
 * threads park between two runs of the guest, where the whole state of a processor can be read
 * and written. It knows nothing of what is done meanwhile.
 */
#ifndef VMM_PAUSE_H
#define VMM_PAUSE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * struct pause - whether the machine's processors run
 * @lock: guards what follows, and &pause_seat.excused
 * @resumed: parked threads wait here
 * @parked: who waits for them to park, here
 * @vm: the guest, to be kicked
 * @holders: how many want it to stand still; read without the lock, too
 * @running: threads that are not parked
 * @ended: nobody parks any more, for the machine ends
 */
struct pause {
	pthread_mutex_t lock;
	pthread_cond_t resumed;
	pthread_cond_t parked;
	int vm;
	unsigned int holders;
	unsigned int running;
	bool ended;
};

/**
 * struct pause_seat - one processor's thread; its owner embeds it
 * @excused: it runs although the machine stands still
 */
struct pause_seat {
	bool excused;
};

/**
 * pause_init() - a machine that runs
 * @pause: filled in
 * @vm: the guest
 */
void pause_init(struct pause *pause, int vm);

/**
 * pause_hold() - from now on processors park as soon as they can
 * @pause: the machine's
 *
 * Does not wait for them. Several may hold; it runs again when all have released it.
 *
 * Context: any thread.
 */
void pause_hold(struct pause *pause);

/**
 * pause_release() - undo one pause_hold()
 * @pause: the machine's
 *
 * Context: any thread.
 */
void pause_release(struct pause *pause);

/**
 * pause_wait() - wait until no thread runs but those that are excused
 * @pause: the machine's, held by the caller
 *
 * Afterwards, and until the caller releases it, state and memory of the guest are the caller's.
 *
 * Context: any thread but a processor's.
 */
void pause_wait(struct pause *pause);

/**
 * pause_excuse() - let one processor run while the others stand still, or end that
 * @pause: the machine's, held by the caller
 * @seat: the processor's
 * @excused: which
 *
 * Context: any thread.
 */
void pause_excuse(struct pause *pause, struct pause_seat *seat, bool excused);

/**
 * pause_end() - let all go for good; their processors have been told to stop
 * @pause: the machine's
 */
void pause_end(struct pause *pause);

/**
 * pause_enter() - a processor's thread begins
 * @pause: the machine's
 *
 * Called by whoever starts the thread, so that nobody misses it.
 */
void pause_enter(struct pause *pause);

/**
 * pause_leave() - a processor's thread ends
 * @pause: the machine's
 */
void pause_leave(struct pause *pause);

/**
 * pause_wanted() - whether anybody wants the machine to stand still
 * @pause: the machine's
 */
static inline bool pause_wanted(const struct pause *pause)
{
	return __builtin_expect(__atomic_load_n(&pause->holders, __ATOMIC_ACQUIRE) != 0, 0);
}

/**
 * pause_point() - where a processor's thread stands still as long as anybody wants it
 * @pause: the machine's
 * @seat: the calling thread's
 */
void pause_point(struct pause *pause, struct pause_seat *seat);

#endif
