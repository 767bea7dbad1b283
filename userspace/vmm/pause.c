// SPDX-License-Identifier: GPL-2.0-only
/*
 * Standing still by a count of holders. A thread that is in the guest is got out by HVM_KICK, which
 * sticks: one that looked at the count just before it changed comes back from its next HVM_RUN at
 * once, and looks again.
 */
#include "libhvm.h"
#include "vmm/pause.h"

void pause_init(struct pause *pause, int vm)
{
	*pause = (struct pause){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.resumed = PTHREAD_COND_INITIALIZER,
		.parked = PTHREAD_COND_INITIALIZER,
		.vm = vm,
	};
}

static void set_holders(struct pause *pause, unsigned int holders)
{
	__atomic_store_n(&pause->holders, holders, __ATOMIC_RELEASE);
}

void pause_hold(struct pause *pause)
{
	pthread_mutex_lock(&pause->lock);
	set_holders(pause, pause->holders + 1);
	if (pause->holders == 1)
		hvm_kick(pause->vm);
	pthread_mutex_unlock(&pause->lock);
}

void pause_release(struct pause *pause)
{
	pthread_mutex_lock(&pause->lock);
	set_holders(pause, pause->holders - 1);
	if (!pause->holders)
		pthread_cond_broadcast(&pause->resumed);
	pthread_mutex_unlock(&pause->lock);
}

void pause_wait(struct pause *pause)
{
	pthread_mutex_lock(&pause->lock);
	while (pause->running)
		pthread_cond_wait(&pause->parked, &pause->lock);
	pthread_mutex_unlock(&pause->lock);
}

void pause_excuse(struct pause *pause, struct pause_seat *seat, bool excused)
{
	pthread_mutex_lock(&pause->lock);
	seat->excused = excused;
	if (excused)
		pthread_cond_broadcast(&pause->resumed);
	else
		hvm_kick(pause->vm);
	pthread_mutex_unlock(&pause->lock);
}

void pause_end(struct pause *pause)
{
	pthread_mutex_lock(&pause->lock);
	pause->ended = true;
	pthread_cond_broadcast(&pause->resumed);
	pthread_mutex_unlock(&pause->lock);
}

void pause_enter(struct pause *pause)
{
	pthread_mutex_lock(&pause->lock);
	pause->running++;
	pthread_mutex_unlock(&pause->lock);
}

static void count_out(struct pause *pause)
{
	if (!--pause->running)
		pthread_cond_broadcast(&pause->parked);
}

void pause_leave(struct pause *pause)
{
	pthread_mutex_lock(&pause->lock);
	count_out(pause);
	pthread_mutex_unlock(&pause->lock);
}

void pause_point(struct pause *pause, struct pause_seat *seat)
{
	pthread_mutex_lock(&pause->lock);
	while (pause->holders && !seat->excused && !pause->ended) {
		count_out(pause);
		pthread_cond_wait(&pause->resumed, &pause->lock);
		pause->running++;
	}
	pthread_mutex_unlock(&pause->lock);
}
