/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timestamp.h"

#include "base/number.h"
#include "base/utf8.h"

#include <strings.h>

#define SECOND_US INT64_C(1000000)
#define HOUR_US (3600 * SECOND_US)
#define DAY_US (24 * HOUR_US)

/* The sum of what has been read, without its sign. */
struct reading {
	struct cursor at;
	int64_t sum_us;
	bool too_large;
	const char *reason; /* why it can't go on */
};

static bool refuse(struct reading *reading, const char *reason)
{
	reading->reason = reason;
	return false;
}

static void add_us(struct reading *reading, int64_t more_us)
{
	if (__builtin_add_overflow(reading->sum_us, more_us, &reading->sum_us))
		reading->too_large = true;
}

/* Add whole and billionths of a unit, to the nearest microsecond. */
static void add(struct reading *reading, int64_t whole, int32_t billionths, int64_t unit_us)
{
	__int128 rest = (__int128)unit_us * billionths + 500000000;
	int64_t whole_us;

	if (__builtin_mul_overflow(whole, unit_us, &whole_us))
		reading->too_large = true;
	else
		add_us(reading, whole_us);
	add_us(reading, (int64_t)(rest / 1000000000));
}

static bool take_whole(struct reading *reading, int64_t *value)
{
	struct cursor *at = &reading->at;

	if (!is_digit(cursor_peek(at)))
		return false;
	*value = 0;
	for (; is_digit(cursor_peek(at)); at->next++) {
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, *at->next - '0', value)) {
			reading->too_large = true;
			*value = 0;
		}
	}
	return true;
}

static bool take_point(struct reading *reading)
{
	return cursor_take(&reading->at, '.') || cursor_take(&reading->at, ',');
}

/* --- ISO 8601: P1DT2H --- */

/* In the order in which they must come. Years and months have the lengths that the reference server gives them. */
static const struct unit {
	char letter;
	bool of_time; /* after the T */
	int64_t length_us;
} units[] = {
	{ 'Y', false, 365 * DAY_US }, { 'M', false, 30 * DAY_US },   { 'W', false, 7 * DAY_US }, { 'D', false, DAY_US },
	{ 'H', true, HOUR_US },       { 'M', true, 60 * SECOND_US }, { 'S', true, SECOND_US },
};

/* The unit that comes next, not before *first; *first moves behind it. NULL when it is none. */
static const struct unit *take_unit(struct reading *reading, bool of_time, size_t *first)
{
	for (size_t i = *first; i < ARRAY_LENGTH(units); i++) {
		if (units[i].of_time == of_time && cursor_take(&reading->at, units[i].letter)) {
			*first = i + 1;
			return &units[i];
		}
	}
	return NULL;
}

/* "1.5H" */
static bool read_quantity(struct reading *reading, bool of_time, size_t *first)
{
	const struct unit *unit;
	int32_t billionths = 0;
	int64_t whole;
	bool has_fraction;

	if (!take_whole(reading, &whole))
		return refuse(reading, "a number must stand before each letter");
	has_fraction = take_point(reading);
	if (has_fraction && !cursor_take_fraction(&reading->at, &billionths))
		return refuse(reading, "the fraction has no digits");
	unit = take_unit(reading, of_time, first);
	if (!unit)
		return refuse(reading, "each number needs a letter, in the order P1Y2M3W4DT5H6M7S");
	if (has_fraction && !cursor_at_end(&reading->at))
		return refuse(reading, "only the last number may have a fraction");
	add(reading, whole, billionths, unit->length_us);
	return true;
}

static bool read_iso(struct reading *reading)
{
	size_t first = 0;
	bool of_time = false;

	if (cursor_at_end(&reading->at))
		return refuse(reading, "nothing follows the P");
	while (!cursor_at_end(&reading->at)) {
		if (!of_time && cursor_take(&reading->at, 'T')) {
			of_time = true;
			if (cursor_at_end(&reading->at))
				return refuse(reading, "nothing follows the T");
		}
		if (!read_quantity(reading, of_time, &first))
			return false;
	}
	return true;
}

/* --- HH:MM:SS and D days, HH:MM:SS --- */

/* ":MM" below 60 */
static bool read_sixty(struct reading *reading, int64_t unit_us)
{
	int value;

	if (!cursor_take_digits(&reading->at, 2, &value))
		return refuse(reading, "minutes and seconds must have two digits");
	if (value > 59)
		return refuse(reading, "minutes and seconds must be below 60");
	add(reading, value, 0, unit_us);
	return true;
}

/* The hours have been read, and the colon is next. */
static bool read_clock(struct reading *reading, int64_t hours)
{
	int32_t billionths = 0;

	add(reading, hours, 0, HOUR_US);
	if (!cursor_take(&reading->at, ':'))
		return refuse(reading, "the time must look like 02:30:00");
	if (!read_sixty(reading, 60 * SECOND_US))
		return false;
	if (!cursor_take(&reading->at, ':'))
		return true;
	if (!read_sixty(reading, SECOND_US))
		return false;
	if (take_point(reading) && !cursor_take_fraction(&reading->at, &billionths))
		return refuse(reading, "the fraction has no digits");
	add(reading, 0, billionths, SECOND_US);
	return true;
}

/* "d", "day" or "days" in any case */
static bool take_day_word(struct reading *reading)
{
	static const char *const words[] = { "days", "day", "d" };
	size_t left = (size_t)(reading->at.end - reading->at.next);

	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		size_t length = strlen(words[i]);

		if (left >= length && strncasecmp(reading->at.next, words[i], length) == 0) {
			reading->at.next += length;
			return true;
		}
	}
	return false;
}

static bool read_days(struct reading *reading, int64_t days)
{
	int64_t hours;

	cursor_take(&reading->at, ' ');
	if (!take_day_word(reading))
		return refuse(reading, "it must look like 90, 1.5, PT1M30S, 00:01:30 or 2 days, 00:01:30");
	add(reading, days, 0, DAY_US);
	cursor_take(&reading->at, ',');
	cursor_take(&reading->at, ' ');
	if (cursor_at_end(&reading->at))
		return true;
	if (!take_whole(reading, &hours))
		return refuse(reading, "after the days only a time may follow, as in 2 days, 00:01:30");
	return read_clock(reading, hours);
}

static bool read_days_or_clock(struct reading *reading)
{
	int64_t first;

	if (!take_whole(reading, &first))
		return refuse(reading, "it must look like 90, 1.5, PT1M30S, 00:01:30 or 2 days, 00:01:30");
	if (cursor_peek(&reading->at) == ':')
		return read_clock(reading, first);
	return read_days(reading, first);
}

/* --- all forms --- */

/* A sign goes for the whole, so "-1 day, 01:00:00" is minus 25 hours. */
static bool read_all(struct reading *reading, struct str text)
{
	struct decimal seconds;
	bool negative;

	if (text.length == 0)
		return refuse(reading, "it is empty");
	if (decimal_parse(text, &seconds)) {
		add(reading, seconds.whole, seconds.billionths, SECOND_US);
		negative = seconds.negative;
	} else {
		negative = cursor_take(&reading->at, '-');
		if (!negative)
			cursor_take(&reading->at, '+');
		if (!(cursor_take(&reading->at, 'P') ? read_iso(reading) : read_days_or_clock(reading)))
			return false;
		if (!cursor_at_end(&reading->at))
			return refuse(reading, "something follows it");
	}
	if (reading->too_large)
		return refuse(reading, "it is longer than 292,471 years");
	if (negative)
		reading->sum_us = -reading->sum_us;
	return true;
}

int duration_parse(struct str text, int64_t *duration_us, struct problem *problem)
{
	struct reading reading = { .at = cursor_of(text) };

	if (!read_all(&reading, text))
		return problem_set(problem, WEIR_EINVAL, "\"%.*s\" is no duration: %s", STR_ARG(utf8_clip(text, 64)),
		                   reading.reason);
	*duration_us = reading.sum_us;
	return 0;
}

int duration_from_number(double seconds, int64_t *duration_us, struct problem *problem)
{
	int64_t duration;

	if (!real_scale(seconds, SECOND_US, &duration))
		return problem_set(problem, WEIR_EINVAL,
		                   "%g is no duration in seconds: it is longer than 292,471 years", seconds);
	*duration_us = duration;
	return 0;
}
