/* SPDX-License-Identifier: Apache-2.0 */
/* The text forms of instants (CONTRACT 2.6), and the calendar under them. */
#include "../check.h"

#include "base/arena.h"
#include "base/calendar.h"
#include "base/timestamp.h"

#include <math.h>

#define SECOND_US INT64_C(1000000)
#define FIRST_US INT64_C(-62135596800000000)
#define LAST_US INT64_C(253402300799999999)

/* --- the calendar --- */

static bool is_next_day(struct date last, struct date next)
{
	if (last.day < calendar_month_length(last.year, last.month))
		return next.year == last.year && next.month == last.month && next.day == last.day + 1;
	if (last.month < 12)
		return next.year == last.year && next.month == last.month + 1 && next.day == 1;
	return next.year == last.year + 1 && next.month == 1 && next.day == 1;
}

static void days_follow_each_other_from_year_1_to_9999(void **state UNUSED)
{
	struct date last = calendar_date(FIRST_US / SECOND_US / 86400);
	int64_t days = calendar_days(last);

	assert_int_equal(last.year * 10000 + last.month * 100 + last.day, 10101);
	while (last.year < 9999 || last.month < 12 || last.day < 31) {
		struct date next = calendar_date(++days);

		if (!is_next_day(last, next) || calendar_days(next) != days)
			fail_msg("day %lld is %04d-%02d-%02d", (long long)days, next.year, next.month, next.day);
		last = next;
	}
	assert_int_equal(days, LAST_US / SECOND_US / 86400);
}

static void months_have_the_lengths_of_the_gregorian_calendar(void **state UNUSED)
{
	static const struct {
		int year, month, length;
	} rows[] = {
		{ 2026, 1, 31 }, { 2026, 2, 28 }, { 2024, 2, 29 }, { 1900, 2, 28 },  { 2000, 2, 29 },
		{ 4, 2, 29 },    { 100, 2, 28 },  { 2026, 4, 30 }, { 2026, 12, 31 }, { 9999, 11, 30 },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_int_equal(calendar_month_length(rows[i].year, rows[i].month), rows[i].length);
	assert_int_equal(calendar_days((struct date){ 1970, 1, 1 }), 0);
	assert_int_equal(calendar_days((struct date){ 2000, 3, 1 }), 11017);
}

/* --- writing --- */

static void the_fraction_is_left_out_or_has_six_digits(void **state UNUSED)
{
	static const struct {
		int64_t instant_us;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 1, "1970-01-01T00:00:00.000001Z" },
		{ -1, "1969-12-31T23:59:59.999999Z" },
		{ -SECOND_US, "1969-12-31T23:59:59Z" },
		{ 1769846400 * SECOND_US, "2026-01-31T08:00:00Z" },
		{ 1769846400 * SECOND_US + 120000, "2026-01-31T08:00:00.120000Z" },
		{ 951782399 * SECOND_US, "2000-02-28T23:59:59Z" },
		{ FIRST_US, "0001-01-01T00:00:00Z" },
		{ LAST_US, "9999-12-31T23:59:59.999999Z" },
		{ FIRST_US - 1, "0001-01-01T00:00:00Z" },
		{ INT64_MIN + 1, "0001-01-01T00:00:00Z" },
		{ LAST_US + 1, "9999-12-31T23:59:59.999999Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999999Z" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char text[TIMESTAMP_TEXT_SIZE];

		assert_int_equal(timestamp_write(rows[i].instant_us, text), strlen(rows[i].text));
		check_text("timestamp_write", text, rows[i].text);
		check_text("timestamp_text", timestamp_text(rows[i].instant_us).text, rows[i].text);
	}
}

static void the_other_form_names_the_offset(void **state UNUSED)
{
	char text[TIMESTAMP_TEXT_SIZE];

	assert_int_equal(timestamp_write_offset(LAST_US, text), TIMESTAMP_TEXT_SIZE - 1);
	assert_string_equal(text, "9999-12-31T23:59:59.999999+00:00");
	assert_int_equal(timestamp_write_offset(0, text), 25);
	assert_string_equal(text, "1970-01-01T00:00:00+00:00");
}

/* --- reading --- */

static const struct {
	const char *text, *instant;
} accepted[] = {
	/* Separators, zones. */
	{ "2026-01-31T08:00:00Z", "2026-01-31T08:00:00Z" },
	{ "2026-01-31t08:00:00z", "2026-01-31T08:00:00Z" },
	{ "2026-01-31 08:00:00", "2026-01-31T08:00:00Z" },
	{ "2026-01-31_08:00:00", "2026-01-31T08:00:00Z" },
	{ "2026-01-31T08:00:00+02:00", "2026-01-31T06:00:00Z" },
	{ "2026-01-31T08:00:00-0500", "2026-01-31T13:00:00Z" },
	{ "2026-01-31T08:00:00+02", "2026-01-31T06:00:00Z" },
	{ "2026-01-31T08:00:00-00:00", "2026-01-31T08:00:00Z" },
	{ "2026-01-31T08:00:00+23:59", "2026-01-30T08:01:00Z" },
	{ "2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00Z" },
	/* Less than seconds. */
	{ "2026-01-31", "2026-01-31T00:00:00Z" },
	{ "2026-01-31T08", "2026-01-31T08:00:00Z" },
	{ "2026-01-31T08:15", "2026-01-31T08:15:00Z" },
	{ "2026-01-31T08:15Z", "2026-01-31T08:15:00Z" },
	{ "2026-01-31T08:15+02:00", "2026-01-31T06:15:00Z" },
	/* Fractions. */
	{ "2026-01-31T08:00:00.5", "2026-01-31T08:00:00.500000Z" },
	{ "2026-01-31T08:00:00,25Z", "2026-01-31T08:00:00.250000Z" },
	{ "2026-01-31T08:00:00.123456789Z", "2026-01-31T08:00:00.123456Z" },
	{ "2026-01-31T08:00:00.9999999999999", "2026-01-31T08:00:00.999999Z" },
	{ "2026-01-31T08:00:00.000000Z", "2026-01-31T08:00:00Z" },
	/* Compact. */
	{ "20260131T080000Z", "2026-01-31T08:00:00Z" },
	{ "20260131T080000.5Z", "2026-01-31T08:00:00.500000Z" },
	{ "20260131T080000+0200", "2026-01-31T06:00:00Z" },
	{ "20260131T0815", "2026-01-31T08:15:00Z" },
	{ "20260131T08", "2026-01-31T08:00:00Z" },
	{ "20260131 080000", "2026-01-31T08:00:00Z" },
	/* The calendar's edges. */
	{ "2024-02-29", "2024-02-29T00:00:00Z" },
	{ "2000-02-29", "2000-02-29T00:00:00Z" },
	{ "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z" },
	{ "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z" },
	/* Unix seconds, and milliseconds above 2e10. */
	{ "1700000000", "2023-11-14T22:13:20Z" },
	{ "1700000000.123456", "2023-11-14T22:13:20.123456Z" },
	{ "1700000000.9999999", "2023-11-14T22:13:21Z" },
	{ "+5", "1970-01-01T00:00:05Z" },
	{ "-1", "1969-12-31T23:59:59Z" },
	{ "-1.5", "1969-12-31T23:59:58.500000Z" },
	{ ".5", "1970-01-01T00:00:00.500000Z" },
	{ "0", "1970-01-01T00:00:00Z" },
	{ "2026", "1970-01-01T00:33:46Z" },
	{ "20260131", "1970-08-23T11:48:51Z" },
	{ "20000000000", "2603-10-11T11:33:20Z" },
	{ "-20000000000", "1336-03-23T12:26:40Z" },
	{ "20000000000.5", "1970-08-20T11:33:20.000500Z" },
	{ "20000000001", "1970-08-20T11:33:20.001000Z" },
	{ "1700000000123.25", "2023-11-14T22:13:20.123250Z" },
	{ "-20000000001", "1969-05-14T12:26:39.999000Z" },
	{ "253402300799999", "9999-12-31T23:59:59.999000Z" },
	{ "-62135596800000", "0001-01-01T00:00:00Z" },
};

static void every_form_of_the_reference_is_read(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LENGTH(accepted); i++) {
		struct str text = exact_copy(str_of(accepted[i].text));
		struct problem problem = { 0 };
		int64_t instant_us;

		if (timestamp_parse(text, &instant_us, &problem) < 0)
			fail_msg("%s: %s", accepted[i].text, problem.message);
		check_text(accepted[i].text, timestamp_text(instant_us).text, accepted[i].instant);
		free((char *)text.data);
	}
}

#define FORM "it must look like 2026-01-31T08:00:00Z or be Unix seconds"
#define DATE_FORM "the date must look like 2026-01-31 or 20260131"
#define ONLY_TIME "after the date only a time may follow, as in 2026-01-31T08:00:00Z"
#define OFFSET_FORM "the offset must look like +02:00, +0200 or +02"
#define RANGE "it is outside the years 0001 to 9999"

static const struct {
	const char *text, *reason;
} refused[] = {
	{ "", "it is empty" },
	{ "now", FORM },
	{ "tomorrow at noon", FORM },
	{ "24:00", FORM },
	{ "08:00:00", FORM },
	{ " 2026-01-31", FORM },
	{ "1e3", FORM },
	{ "1,5", FORM },
	{ "--1", FORM },
	{ "0x10", FORM },
	{ "nan", FORM },
	{ "31.01.2026", FORM },
	{ "2026-1-31", DATE_FORM },
	{ "2026-01", DATE_FORM },
	{ "2026-W05-6", DATE_FORM },
	{ "2026-031", DATE_FORM },
	{ "12026-01-01", DATE_FORM },
	{ "2026-0131", DATE_FORM },
	{ "202601-31", DATE_FORM },
	{ "0000-01-01", "there is no year 0000" },
	{ "2026-00-01", "there is no month 00" },
	{ "2026-13-01", "there is no month 13" },
	{ "2026-01-00", "2026-01 has no day 00" },
	{ "2026-02-30", "2026-02 has no day 30" },
	{ "1900-02-29", "1900-02 has no day 29" },
	{ "2026-04-31T08:00:00Z", "2026-04 has no day 31" },
	{ "2026-01-31Z", ONLY_TIME },
	{ "2026-01-31+02:00", ONLY_TIME },
	{ "2026-01-31X08:00:00", ONLY_TIME },
	{ "2026-01-31T", "the hour must have two digits" },
	{ "2026-01-31 ", "the hour must have two digits" },
	{ "2026-01-31  08:00:00", "the hour must have two digits" },
	{ "2026-01-31T8:00", "the hour must have two digits" },
	{ "2026-01-31T24:00:00", "there is no hour 24" },
	{ "2026-01-31T08:0", "the minute must have two digits" },
	{ "2026-01-31T08:60", "there is no minute 60" },
	{ "2026-01-31T08:00:0", "the second must have two digits" },
	{ "2026-01-31T08:00:60Z", "there is no second 60" },
	{ "2026-01-31T08:00:00.", "the fraction has no digits" },
	{ "2026-01-31T08:00:00.Z", "the fraction has no digits" },
	{ "2026-01-31T08:00:00 Z", "no blank may follow the time" },
	{ "2026-01-31T08:00:00 +02:00", "no blank may follow the time" },
	{ "2026-01-31T08:00:00+2", OFFSET_FORM },
	{ "2026-01-31T08:00:00+020", OFFSET_FORM },
	{ "2026-01-31T08:00:00+02:", OFFSET_FORM },
	{ "2026-01-31T08:00:00+24:00", "there is no offset of 24:00" },
	{ "2026-01-31T08:00:00+02:60", "there is no offset of 02:60" },
	{ "2026-01-31T08:00:00ZZ", "something follows the time" },
	{ "2026-01-31T08:00:00Z ", "something follows the time" },
	{ "2026-01-31T08:00:00+02:00:00", "something follows the time" },
	{ "2026-01-31T08:00,5", "something follows the time" },
	{ "2026-01-31T080000", "something follows the time" },
	{ "20260131T08:00:00", "something follows the time" },
	{ "0001-01-01T00:00:00+01:00", RANGE },
	{ "9999-12-31T23:59:59-01:00", RANGE },
	{ "253402300800000", RANGE },
	{ "-62135596800001", RANGE },
	{ "99999999999999999999", RANGE },
	{ "-99999999999999999999", RANGE },
};

static void everything_else_is_refused_with_the_reason(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };

	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		struct str text = exact_copy(str_of(refused[i].text));
		struct str expected =
		        arena_printf(&arena, "\"%s\" is no date and time: %s", refused[i].text, refused[i].reason);
		struct problem problem = { 0 };
		int64_t instant_us = 42;

		check_integer(refused[i].text, timestamp_parse(text, &instant_us, &problem), WEIR_EINVAL);
		check_text(refused[i].text, problem.message, expected.data);
		assert_int_equal(instant_us, 42);
		assert_int_equal(timestamp_parse(text, &instant_us, NULL), WEIR_EINVAL);
		free((char *)text.data);
	}
}

static void the_message_quotes_only_what_can_be_shown(void **state UNUSED)
{
	struct problem problem;
	int64_t instant_us;

	assert_int_equal(timestamp_parse(STR("20\xFF\xFE"), &instant_us, &problem), WEIR_EINVAL);
	assert_string_equal(problem.message, "\"20\" is no date and time: " FORM);
	assert_int_equal(timestamp_parse((struct str){ "2026-01-31T08:00:00Z\0", 21 }, &instant_us, &problem),
	                 WEIR_EINVAL);
}

static void numbers_are_seconds_or_milliseconds(void **state UNUSED)
{
	static const struct {
		double number;
		const char *instant; /* NULL: refused */
	} rows[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 1700000000, "2023-11-14T22:13:20Z" },
		{ 1700000000.123456, "2023-11-14T22:13:20.123456Z" },
		{ 0.1234567, "1970-01-01T00:00:00.123457Z" },
		{ -0.5, "1969-12-31T23:59:59.500000Z" },
		{ 2e10, "2603-10-11T11:33:20Z" },
		{ 20000000001, "1970-08-20T11:33:20.001000Z" },
		{ -20000000001, "1969-05-14T12:26:39.999000Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999000Z" },
		{ 253402300800000, NULL },
		{ -62135596800001, NULL },
		{ 1e300, NULL },
		{ INFINITY, NULL },
		{ -INFINITY, NULL },
		{ NAN, NULL },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct problem problem = { 0 };
		int64_t instant_us;
		int result = timestamp_from_number(rows[i].number, &instant_us, &problem);

		assert_int_equal(result, rows[i].instant ? 0 : WEIR_EINVAL);
		if (rows[i].instant)
			check_text("a number", timestamp_text(instant_us).text, rows[i].instant);
		else
			assert_non_null(strstr(problem.message, RANGE));
	}
}

static void what_was_written_reads_back(void **state UNUSED)
{
	/* Steps that meet all days of the year, times of the day and fractions. */
	for (int64_t instant_us = FIRST_US; instant_us < LAST_US - INT64_C(31556951234567);
	     instant_us += 31556951234567) {
		char text[TIMESTAMP_TEXT_SIZE];
		int64_t again_us;

		timestamp_write(instant_us, text);
		assert_int_equal(timestamp_parse(str_of(text), &again_us, NULL), 0);
		check_integer(text, again_us, instant_us);
		timestamp_write_offset(instant_us, text);
		assert_int_equal(timestamp_parse(str_of(text), &again_us, NULL), 0);
		check_integer(text, again_us, instant_us);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_follow_each_other_from_year_1_to_9999),
		cmocka_unit_test(months_have_the_lengths_of_the_gregorian_calendar),
		cmocka_unit_test(the_fraction_is_left_out_or_has_six_digits),
		cmocka_unit_test(the_other_form_names_the_offset),
		cmocka_unit_test(every_form_of_the_reference_is_read),
		cmocka_unit_test(everything_else_is_refused_with_the_reason),
		cmocka_unit_test(the_message_quotes_only_what_can_be_shown),
		cmocka_unit_test(numbers_are_seconds_or_milliseconds),
		cmocka_unit_test(what_was_written_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
