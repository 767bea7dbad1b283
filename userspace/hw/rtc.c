// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of the real-time clock, computed from the host's clock when they are read. The hours
 * run to 24 and the numbers are BCD, as status register B says.
 */
#include "container_of.h"
#include "hw/rtc.h"

enum rtc_register {
	REG_SECONDS = 0x00,
	REG_MINUTES = 0x02,
	REG_HOURS = 0x04,
	REG_WEEKDAY = 0x06,
	REG_DAY = 0x07,
	REG_MONTH = 0x08,
	REG_YEAR = 0x09,
	REG_STATUS_A = 0x0a,
	REG_STATUS_B = 0x0b,
	REG_STATUS_C = 0x0c,
	REG_STATUS_D = 0x0d,
};

#define INDEX_MASK	0x7f	/* bit 7 of the index port masks NMIs on a PC */
#define STATUS_A	0x26	/* 32 kHz time base; no update in progress, ever */
#define STATUS_B	0x02	/* 24 hours, BCD, no interrupts */
#define STATUS_D	0x80	/* valid RAM and time */

static uint8_t bcd(int value)
{
	return (uint8_t)(value / 10 % 10 << 4 | value % 10);
}

static uint8_t read_time(const struct rtc *rtc, uint8_t index)
{
	time_t now = rtc->now();
	struct tm tm;

	gmtime_r(&now, &tm);
	switch (index) {
	case REG_SECONDS:
		return bcd(tm.tm_sec < 60 ? tm.tm_sec : 59);
	case REG_MINUTES:
		return bcd(tm.tm_min);
	case REG_HOURS:
		return bcd(tm.tm_hour);
	case REG_WEEKDAY:
		return bcd(tm.tm_wday + 1);
	case REG_DAY:
		return bcd(tm.tm_mday);
	case REG_MONTH:
		return bcd(tm.tm_mon + 1);
	case REG_YEAR:
		return bcd(tm.tm_year % 100);
	case RTC_CENTURY:
		return bcd((tm.tm_year + 1900) / 100);
	default:
		return 0;
	}
}

static uint8_t read_data(const struct rtc *rtc)
{
	switch (rtc->index) {
	case REG_STATUS_A:
		return STATUS_A;
	case REG_STATUS_B:
		return STATUS_B;
	case REG_STATUS_C:
		return 0;
	case REG_STATUS_D:
		return STATUS_D;
	default:
		return read_time(rtc, rtc->index);
	}
}

static uint64_t io_read(struct bus_region *region, uint64_t offset, unsigned int bytes)
{
	struct rtc *rtc = container_of(region, struct rtc, io);
	uint8_t value;

	(void)bytes;
	pthread_mutex_lock(&rtc->lock);
	value = offset ? read_data(rtc) : 0xff;
	pthread_mutex_unlock(&rtc->lock);
	return value;
}

static void io_write(struct bus_region *region, uint64_t offset, unsigned int bytes,
		     uint64_t value)
{
	struct rtc *rtc = container_of(region, struct rtc, io);

	(void)bytes;
	if (offset)
		return;
	pthread_mutex_lock(&rtc->lock);
	rtc->index = value & INDEX_MASK;
	pthread_mutex_unlock(&rtc->lock);
}

static time_t host_time(void)
{
	return time(NULL);
}

static const struct bus_ops io_ops = { .read = io_read, .write = io_write, .max_bytes = 1 };

void rtc_init(struct rtc *rtc)
{
	*rtc = (struct rtc){
		.io = { .base = RTC_PORT, .bytes = 2, .ops = &io_ops },
		.now = host_time,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
}
