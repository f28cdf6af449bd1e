/* SPDX-License-Identifier: Apache-2.0 */
/* calendar.h - the proleptic Gregorian calendar, years 1 to 9999, as arithmetic: no time zones, no C library. */
#ifndef WEIR_BASE_CALENDAR_H
#define WEIR_BASE_CALENDAR_H

#include "base/base.h"

enum { CALENDAR_YEAR_MIN = 1, CALENDAR_YEAR_MAX = 9999 };

struct date {
	int year;
	int month; /* 1 to 12 */
	int day;   /* 1 to 31 */
};

/* How many days the month has. */
int calendar_month_length(int year, int month);

/* Days from 1970-01-01 to a date that exists; negative before it. */
int64_t calendar_days(struct date date);

/* The date so many days from 1970-01-01, which must lie in the years 1 to 9999. */
struct date calendar_date(int64_t days);

#endif
