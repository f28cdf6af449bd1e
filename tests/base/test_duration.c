/* SPDX-License-Identifier: Apache-2.0 */
/* The text forms of durations (CONTRACT 2.6). */
#include "../check.h"

#include "base/arena.h"
#include "base/timestamp.h"

#include <math.h>

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

static const struct {
	const char *text;
	int64_t duration_us;
} accepted[] = {
	/* Seconds. */
	{ "0", 0 },
	{ "90", 90 * SECOND_US },
	{ "1.5", 1500000 },
	{ "-1.5", -1500000 },
	{ "+5", 5 * SECOND_US },
	{ ".25", 250000 },
	{ "0.0000004", 0 },
	{ "0.0000005", 1 },
	{ "9223372036854.775807", INT64_MAX },
	/* ISO 8601. */
	{ "PT1M30S", 90 * SECOND_US },
	{ "P1DT2H", DAY_US + 2 * HOUR_US },
	{ "P1D", DAY_US },
	{ "P2W", 14 * DAY_US },
	{ "P1W2D", 9 * DAY_US },
	{ "P1M", 30 * DAY_US },
	{ "PT1M", MINUTE_US },
	{ "P1Y", 365 * DAY_US },
	{ "P1Y2M3DT4H5M6S", 428 * DAY_US + 4 * HOUR_US + 5 * MINUTE_US + 6 * SECOND_US },
	{ "PT36H", 36 * HOUR_US },
	{ "PT0S", 0 },
	{ "-PT1H", -HOUR_US },
	{ "+P1D", DAY_US },
	{ "PT1.5S", 1500000 },
	{ "PT1,5S", 1500000 },
	{ "PT1.1H", 3960 * SECOND_US },
	{ "P1.5D", 36 * HOUR_US },
	{ "P0.5Y", 365 * DAY_US / 2 },
	{ "P0.000000001Y", 31536 },
	{ "PT0.123456789S", 123457 },
	/* A clock, with days before it. */
	{ "12:34", 12 * HOUR_US + 34 * MINUTE_US },
	{ "12:34:56", 12 * HOUR_US + 34 * MINUTE_US + 56 * SECOND_US },
	{ "1:02:03", HOUR_US + 2 * MINUTE_US + 3 * SECOND_US },
	{ "100:00:00", 100 * HOUR_US },
	{ "00:00:01.5", 1500000 },
	{ "00:00:01,000001", 1000001 },
	{ "-00:00:01.5", -1500000 },
	{ "1 day, 12:34:56", 36 * HOUR_US + 34 * MINUTE_US + 56 * SECOND_US },
	{ "2 days, 00:00:00", 2 * DAY_US },
	{ "2 days 1:00", 2 * DAY_US + HOUR_US },
	{ "2 days", 2 * DAY_US },
	{ "3d", 3 * DAY_US },
	{ "3d,1:00:00", 3 * DAY_US + HOUR_US },
	{ "1 DAY, 1:00:00", DAY_US + HOUR_US },
	{ "0 days", 0 },
	{ "-1 day, 01:00:00", -25 * HOUR_US },
	/* The longest. */
	{ "106751991 days, 04:00:54.775807", INT64_MAX },
	{ "-106751991 days, 04:00:54.775807", -INT64_MAX },
};

static void every_form_of_the_reference_is_read(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LENGTH(accepted); i++) {
		struct str text = exact_copy(str_of(accepted[i].text));
		struct problem problem = { 0 };
		int64_t duration_us;

		if (duration_parse(text, &duration_us, &problem) < 0)
			fail_msg("%s: %s", accepted[i].text, problem.message);
		check_integer(accepted[i].text, duration_us, accepted[i].duration_us);
		free((char *)text.data);
	}
}

#define FORM "it must look like 90, 1.5, PT1M30S, 00:01:30 or 2 days, 00:01:30"
#define NEEDS_LETTER "each number needs a letter, in the order P1Y2M3W4DT5H6M7S"
#define NEEDS_NUMBER "a number must stand before each letter"
#define ONLY_TIME "after the days only a time may follow, as in 2 days, 00:01:30"
#define TWO_DIGITS "minutes and seconds must have two digits"
#define TOO_LONG "it is longer than 292,471 years"

static const struct {
	const char *text, *reason;
} refused[] = {
	{ "", "it is empty" },
	{ "soon", FORM },
	{ " 5", FORM },
	{ "5 ", FORM },
	{ "1e3", FORM },
	{ "1,5", FORM },
	{ "nan", FORM },
	{ "1 week", FORM },
	{ "1H", FORM },
	{ "pt1h", FORM },
	{ "T1H", FORM },
	{ "-", FORM },
	{ "--5", FORM },
	{ "P", "nothing follows the P" },
	{ "-P", "nothing follows the P" },
	{ "PT", "nothing follows the T" },
	{ "P1DT", "nothing follows the T" },
	{ "P-1D", NEEDS_NUMBER },
	{ "PTH", NEEDS_NUMBER },
	{ "PT.5S", NEEDS_NUMBER },
	{ "P1DTT1H", NEEDS_NUMBER },
	{ "P1", NEEDS_LETTER },
	{ "P1H", NEEDS_LETTER },
	{ "PT1D", NEEDS_LETTER },
	{ "P1D1Y", NEEDS_LETTER },
	{ "PT1S1H", NEEDS_LETTER },
	{ "PT1H1H", NEEDS_LETTER },
	{ "PT1h", NEEDS_LETTER },
	{ "PT5.S", "the fraction has no digits" },
	{ "PT1.5H30M", "only the last number may have a fraction" },
	{ "12:60", "minutes and seconds must be below 60" },
	{ "12:00:60", "minutes and seconds must be below 60" },
	{ "1:2:3", TWO_DIGITS },
	{ "1:", TWO_DIGITS },
	{ "12:34:5", TWO_DIGITS },
	{ "12:34:56.", "the fraction has no digits" },
	{ "12:34:56Z", "something follows it" },
	{ "12:34.5", "something follows it" },
	{ "12:34:56 ", "something follows it" },
	{ "2 dayz", ONLY_TIME },
	{ "2 days,  1:00:00", ONLY_TIME },
	{ "2 days, 5", "the time must look like 02:30:00" },
	{ "106751991 days, 04:00:54.775808", TOO_LONG },
	{ "9223372036854.775808", TOO_LONG },
	{ "99999999999999999999", TOO_LONG },
	{ "P300000Y", TOO_LONG },
	{ "PT99999999999999999999S", TOO_LONG },
	{ "99999999999999999999:00:00", TOO_LONG },
	{ "99999999999999999999 days", TOO_LONG },
};

static void everything_else_is_refused_with_the_reason(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };

	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		struct str text = exact_copy(str_of(refused[i].text));
		struct str expected =
		        arena_printf(&arena, "\"%s\" is no duration: %s", refused[i].text, refused[i].reason);
		struct problem problem = { 0 };
		int64_t duration_us = 42;

		check_integer(refused[i].text, duration_parse(text, &duration_us, &problem), WEIR_EINVAL);
		check_text(refused[i].text, problem.message, expected.data);
		assert_int_equal(duration_us, 42);
		assert_int_equal(duration_parse(text, &duration_us, NULL), WEIR_EINVAL);
		free((char *)text.data);
	}
}

static void numbers_are_seconds(void **state UNUSED)
{
	static const struct {
		double seconds;
		bool valid;
		int64_t duration_us;
	} rows[] = {
		{ 0, true, 0 },
		{ 1.5, true, 1500000 },
		{ -5.5, true, -5500000 },
		{ 1.0000004, true, 1000000 },
		{ 0.9999999, true, 1000000 },
		{ 1e12, true, 1000000 * INT64_C(1000000000000) },
		{ 9007199254.740993, true, INT64_C(9007199254740993) },
		{ 9.3e12, false, 0 },
		{ -9.3e12, false, 0 },
		{ 1e300, false, 0 },
		{ INFINITY, false, 0 },
		{ NAN, false, 0 },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct problem problem = { 0 };
		int64_t duration_us;
		int result = duration_from_number(rows[i].seconds, &duration_us, &problem);

		assert_int_equal(result, rows[i].valid ? 0 : WEIR_EINVAL);
		if (rows[i].valid)
			assert_int_equal(duration_us, rows[i].duration_us);
		else
			assert_non_null(strstr(problem.message, TOO_LONG));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_the_reference_is_read),
		cmocka_unit_test(everything_else_is_refused_with_the_reason),
		cmocka_unit_test(numbers_are_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
