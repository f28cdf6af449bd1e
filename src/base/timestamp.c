/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timestamp.h"

#include "base/calendar.h"
#include "base/number.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>

#define SECOND_US INT64_C(1000000)
#define DAY_US (86400 * SECOND_US)

/* 0001-01-01T00:00:00 and 9999-12-31T23:59:59.999999. */
#define INSTANT_MIN_US (-719162 * DAY_US)
#define INSTANT_MAX_US (2932897 * DAY_US - 1)

/* Unix times above this are milliseconds: seconds would be in the year 2603. */
#define SECONDS_MAX INT64_C(20000000000)

/* --- writing --- */

static char *put_digits(char *out, int value, int count)
{
	for (int i = count - 1; i >= 0; i--, value /= 10)
		out[i] = (char)('0' + value % 10);
	return out + count;
}

static char *put_time(char *out, int64_t of_day_us)
{
	int seconds = (int)(of_day_us / SECOND_US);
	int microseconds = (int)(of_day_us % SECOND_US);

	*out++ = 'T';
	out = put_digits(out, seconds / 3600, 2);
	*out++ = ':';
	out = put_digits(out, seconds / 60 % 60, 2);
	*out++ = ':';
	out = put_digits(out, seconds % 60, 2);
	if (microseconds == 0)
		return out;
	*out++ = '.';
	return put_digits(out, microseconds, 6);
}

static size_t write_with_zone(int64_t instant_us, const char *zone, char *out)
{
	char *end = out;
	struct date date;
	int64_t days;

	ASSERT(instant_us != TIMESTAMP_NONE);
	instant_us = MAX(INSTANT_MIN_US, MIN(instant_us, INSTANT_MAX_US));
	/* Rounded down, also before 1970. */
	days = (instant_us - INSTANT_MIN_US) / DAY_US + INSTANT_MIN_US / DAY_US;
	date = calendar_date(days);
	end = put_digits(end, date.year, 4);
	*end++ = '-';
	end = put_digits(end, date.month, 2);
	*end++ = '-';
	end = put_digits(end, date.day, 2);
	end = put_time(end, instant_us - days * DAY_US);
	memcpy(end, zone, strlen(zone) + 1);
	return (size_t)(end - out) + strlen(zone);
}

size_t timestamp_write(int64_t instant_us, char out[TIMESTAMP_TEXT_SIZE])
{
	return write_with_zone(instant_us, "Z", out);
}

size_t timestamp_write_offset(int64_t instant_us, char out[TIMESTAMP_TEXT_SIZE])
{
	/* "9999-12-31T23:59:59.999999+00:00" has exactly 32 characters: see TIMESTAMP_TEXT_SIZE. */
	return write_with_zone(instant_us, "+00:00", out);
}

struct timestamp_text timestamp_text(int64_t instant_us)
{
	struct timestamp_text text;

	timestamp_write(instant_us, text.text);
	return text;
}

/* --- reading --- */

/* What has been read of a date and time, and why it can't go on. */
struct reading {
	struct cursor at;
	bool compact; /* 20260131T080000, without hyphens and colons */
	struct date date;
	int hour, minute, second;
	int32_t billionths;
	int offset_minutes;
	char reason[96];
};

static PRINTF_LIKE(2, 3) bool refuse(struct reading *reading, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reading->reason, sizeof reading->reason, format, arguments);
	va_end(arguments);
	return false;
}

static bool read_date(struct reading *reading)
{
	struct cursor *at = &reading->at;
	struct date *date = &reading->date;

	if (!cursor_take_digits(at, 4, &date->year))
		return refuse(reading, "it must look like 2026-01-31T08:00:00Z or be Unix seconds");
	reading->compact = !cursor_take(at, '-');
	if (!cursor_take_digits(at, 2, &date->month) || (!reading->compact && !cursor_take(at, '-')) ||
	    !cursor_take_digits(at, 2, &date->day))
		return refuse(reading, "the date must look like 2026-01-31 or 20260131");
	if (date->year < CALENDAR_YEAR_MIN)
		return refuse(reading, "there is no year 0000");
	if (date->month < 1 || date->month > 12)
		return refuse(reading, "there is no month %02d", date->month);
	if (date->day < 1 || date->day > calendar_month_length(date->year, date->month))
		return refuse(reading, "%04d-%02d has no day %02d", date->year, date->month, date->day);
	return true;
}

/* Read ":MM", or "MM" in a compact form, if it comes next. */
static bool read_sixty(struct reading *reading, const char *what, int *value, bool *present)
{
	struct cursor *at = &reading->at;

	*present = reading->compact ? is_digit(cursor_peek(at)) : cursor_take(at, ':');
	if (!*present)
		return true;
	if (!cursor_take_digits(at, 2, value))
		return refuse(reading, "the %s must have two digits", what);
	if (*value > 59)
		return refuse(reading, "there is no %s %d", what, *value);
	return true;
}

static bool read_time(struct reading *reading)
{
	struct cursor *at = &reading->at;
	bool present;

	if (!cursor_take_digits(at, 2, &reading->hour))
		return refuse(reading, "the hour must have two digits");
	if (reading->hour > 23)
		return refuse(reading, "there is no hour %d", reading->hour);
	if (!read_sixty(reading, "minute", &reading->minute, &present))
		return false;
	if (!present)
		return true;
	if (!read_sixty(reading, "second", &reading->second, &present))
		return false;
	if (present && (cursor_take(at, '.') || cursor_take(at, ',')) &&
	    !cursor_take_fraction(at, &reading->billionths))
		return refuse(reading, "the fraction has no digits");
	return true;
}

/* "+02:00", "+0200" or "+02"; the sign has been read. */
static bool read_offset(struct reading *reading, int sign)
{
	struct cursor *at = &reading->at;
	int hours, minutes = 0;

	if (!cursor_take_digits(at, 2, &hours))
		return refuse(reading, "the offset must look like +02:00, +0200 or +02");
	if (cursor_take(at, ':') || is_digit(cursor_peek(at))) {
		if (!cursor_take_digits(at, 2, &minutes))
			return refuse(reading, "the offset must look like +02:00, +0200 or +02");
	}
	if (hours > 23 || minutes > 59)
		return refuse(reading, "there is no offset of %02d:%02d", hours, minutes);
	reading->offset_minutes = sign * (hours * 60 + minutes);
	return true;
}

static bool read_zone(struct reading *reading)
{
	struct cursor *at = &reading->at;

	if (cursor_at_end(at) || cursor_take(at, 'Z') || cursor_take(at, 'z'))
		return true;
	if (cursor_take(at, '+'))
		return read_offset(reading, 1);
	if (cursor_take(at, '-'))
		return read_offset(reading, -1);
	if (cursor_peek(at) == ' ')
		return refuse(reading, "no blank may follow the time");
	return true;
}

static bool read_all(struct reading *reading)
{
	struct cursor *at = &reading->at;

	if (!read_date(reading))
		return false;
	if (cursor_at_end(at))
		return true;
	if (!cursor_take(at, 'T') && !cursor_take(at, 't') && !cursor_take(at, ' ') && !cursor_take(at, '_'))
		return refuse(reading, "after the date only a time may follow, as in 2026-01-31T08:00:00Z");
	if (!read_time(reading) || !read_zone(reading))
		return false;
	return cursor_at_end(at) || refuse(reading, "something follows the time");
}

static int64_t instant_of(const struct reading *reading)
{
	int64_t seconds = calendar_days(reading->date) * 86400 + reading->hour * 3600 + reading->minute * 60 +
	                  reading->second - reading->offset_minutes * 60;

	return seconds * SECOND_US + reading->billionths / 1000;
}

/* Unix seconds or milliseconds. INT64_MAX, which is out of range, when the number is too large to compute with. */
static int64_t instant_of_number(const struct decimal *number)
{
	bool seconds = number->whole < SECONDS_MAX || (number->whole == SECONDS_MAX && number->billionths == 0);
	int64_t unit_us = seconds ? SECOND_US : 1000;
	int64_t rest_us = (number->billionths * unit_us + 500000000) / 1000000000;

	if (number->whole > INSTANT_MAX_US / 1000)
		return INT64_MAX;
	return (number->whole * unit_us + rest_us) * (number->negative ? -1 : 1);
}

static bool in_range(int64_t instant_us)
{
	return instant_us >= INSTANT_MIN_US && instant_us <= INSTANT_MAX_US;
}

static int refuse_text(struct str text, const char *reason, struct problem *problem)
{
	return problem_set(problem, WEIR_EINVAL, "\"%.*s\" is no date and time: %s", STR_ARG(utf8_clip(text, 64)),
	                   reason);
}

int timestamp_parse(struct str text, int64_t *instant_us, struct problem *problem)
{
	struct reading reading = { .at = cursor_of(text) };
	struct decimal number;
	int64_t instant;

	if (text.length == 0)
		return refuse_text(text, "it is empty", problem);
	if (decimal_parse(text, &number))
		instant = instant_of_number(&number);
	else if (read_all(&reading))
		instant = instant_of(&reading);
	else
		return refuse_text(text, reading.reason, problem);
	if (!in_range(instant))
		return refuse_text(text, "it is outside the years 0001 to 9999", problem);
	*instant_us = instant;
	return 0;
}

int timestamp_from_number(double number, int64_t *instant_us, struct problem *problem)
{
	int64_t unit_us = fabs(number) > (double)SECONDS_MAX ? 1000 : SECOND_US;
	int64_t instant;

	if (!real_scale(number, unit_us, &instant) || !in_range(instant))
		return problem_set(
		        problem, WEIR_EINVAL,
		        "%g is no Unix time in seconds or milliseconds: it is outside the years 0001 to 9999", number);
	*instant_us = instant;
	return 0;
}
