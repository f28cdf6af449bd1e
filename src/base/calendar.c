/* SPDX-License-Identifier: Apache-2.0 */
#include "base/calendar.h"

enum {
	DAYS_PER_400_YEARS = 146097,
	DAYS_BEFORE_1970 = 719162, /* counted from 0001-01-01 */
};

/* Days of a common year before each month, and of the whole year. */
static const int16_t days_before_month[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days of a year before the month that follows `months` whole ones. */
static int days_of_months(int year, int months)
{
	return days_before_month[months] + (months >= 2 && is_leap(year));
}

int calendar_month_length(int year, int month)
{
	return days_of_months(year, month) - days_of_months(year, month - 1);
}

static int64_t days_before_year(int64_t year)
{
	int64_t whole = year - 1;

	return whole * 365 + whole / 4 - whole / 100 + whole / 400;
}

int64_t calendar_days(struct date date)
{
	return days_before_year(date.year) + days_of_months(date.year, date.month - 1) + date.day - 1 -
	       DAYS_BEFORE_1970;
}

struct date calendar_date(int64_t days)
{
	int64_t since_1 = days + DAYS_BEFORE_1970;
	struct date date;
	int of_year;

	/* The mean year gives the right one or a neighbour. */
	date.year = (int)(since_1 * 400 / DAYS_PER_400_YEARS) + 1;
	if (days_before_year(date.year) > since_1)
		date.year--;
	else if (days_before_year(date.year + 1) <= since_1)
		date.year++;
	of_year = (int)(since_1 - days_before_year(date.year));
	/* No month is longer than 32 days, so this month is the right one or the one before. */
	date.month = of_year / 32 + 1;
	if (of_year >= days_of_months(date.year, date.month))
		date.month++;
	date.day = of_year - days_of_months(date.year, date.month - 1) + 1;
	return date;
}
