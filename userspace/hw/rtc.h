/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The real-time clock of a PC, as far as a guest reads the time from it at boot: the date and
 * time in UTC, always valid. It cannot be set, has no alarm, no periodic interrupt and no memory.
 *
 * Manual: Motorola MC146818A; ACPI "FADT", CENTURY.
 */
#ifndef HW_RTC_H
#define HW_RTC_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "vmm/bus.h"

#define RTC_PORT	0x70
#define RTC_CENTURY	0x32

/**
 * struct rtc - the clock
 * @io: index and data port
 * @now: the time, UTC; replaced by tests
 * @lock: guards @index
 * @index: register the data port shows
 */
struct rtc {
	struct bus_region io;
	time_t (*now)(void);
	pthread_mutex_t lock;
	uint8_t index;
};

/**
 * rtc_init() - a clock that shows the host's time
 * @rtc: filled in
 */
void rtc_init(struct rtc *rtc);

#endif
