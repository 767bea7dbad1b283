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

struct date {
	int year;
	int month;
	int day;
	int weekday;
};

static uint8_t bcd(int value)
{
	return (uint8_t)(value / 10 % 10 << 4 | value % 10);
}

/*
 * The date of a time: years are counted from March, so that the leap day is the last of its year.
 * The C library's gmtime_r() reads the time zone's files, which the caged process may not.
 */
static struct date date_of(int64_t seconds)
{
	int64_t days = seconds / 86400 + 719468;	/* since 0000-03-01 */
	int64_t era = days / 146097, day = days % 146097;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t month;

	day -= 365 * year + year / 4 - year / 100;
	month = (5 * day + 2) / 153;
	return (struct date){
		.year = (int)(era * 400 + year + (month >= 10)),
		.month = (int)(month < 10 ? month + 3 : month - 9),
		.day = (int)(day - (153 * month + 2) / 5 + 1),
		.weekday = (int)((seconds / 86400 + 4) % 7),
	};
}

static uint8_t read_time(const struct rtc *rtc, uint8_t index)
{
	int64_t now = rtc->now();
	struct date date = date_of(now);

	switch (index) {
	case REG_SECONDS:
		return bcd((int)(now % 60));
	case REG_MINUTES:
		return bcd((int)(now / 60 % 60));
	case REG_HOURS:
		return bcd((int)(now / 3600 % 24));
	case REG_WEEKDAY:
		return bcd(date.weekday + 1);
	case REG_DAY:
		return bcd(date.day);
	case REG_MONTH:
		return bcd(date.month);
	case REG_YEAR:
		return bcd(date.year % 100);
	case RTC_CENTURY:
		return bcd(date.year / 100);
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
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
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
