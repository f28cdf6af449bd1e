/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* --- grammar --- */

static void valid_numbers_are_those_of_json(void **state UNUSED)
{
	static const char *const valid[] = { "0",   "-0",   "7",    "-7",       "1234567890", "0.5",   "-0.50", "1e5",
		                             "1E5", "1e+5", "1e-5", "12.5E-10", "0e0",        "1e999", "0.0e0" };
	static const char *const wrong[] = { "",     "-",  "+1",    "01",       "-01", "1.",   ".5",
		                             "1.e5", "1e", "1e+",   "1e-",      "0x1", "NaN",  "1_000",
		                             " 1",   "1 ", "1.5.5", "Infinity", "--1", "1e5.5" };

	for (size_t i = 0; i < ARRAY_LENGTH(valid); i++)
		check_integer(valid[i], number_is_valid(str_of(valid[i])), true);
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
		check_integer(wrong[i], number_is_valid(str_of(wrong[i])), false);
}

/* --- integers --- */

#define NO_INTEGER "no integer"

/* The integer as text, or NO_INTEGER. */
static struct str show_integer(const char *text, char out[INTEGER_TEXT_SIZE])
{
	int64_t value;

	if (!integer_parse(str_of(text), &value))
		return STR(NO_INTEGER);
	return (struct str){ out, integer_write(value, out) };
}

static void integral_numbers_are_read_exactly(void **state UNUSED)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "0", "0" },
		{ "-0", "0" },
		{ "0.0", "0" },
		{ "-0e99999999999999999999", "0" },
		{ "3", "3" },
		{ "3.0", "3" },
		{ "-3.000", "-3" },
		{ "1e3", "1000" },
		{ "1.5e1", "15" },
		{ "150e-1", "15" },
		{ "0.0015e4", "15" },
		{ "10000000000000000000000000e-24", "10" },
		{ "0.00000000000000000000000001e27", "10" },
		{ "9007199254740993", "9007199254740993" },
		{ "9223372036854775807", "9223372036854775807" },
		{ "9223372036854775807.0", "9223372036854775807" },
		{ "922337203685477580.7e1", "9223372036854775807" },
		{ "-9223372036854775808", "-9223372036854775808" },
		{ "9223372036854775808", NO_INTEGER },
		{ "-9223372036854775809", NO_INTEGER },
		{ "18446744073709551616", NO_INTEGER },
		{ "1180591620717411303424", NO_INTEGER },
		{ "100000000000000000000", NO_INTEGER },
		{ "1e18", "1000000000000000000" },
		{ "1e19", NO_INTEGER },
		{ "1e99999999999999999999", NO_INTEGER },
		{ "1e-99999999999999999999", NO_INTEGER },
		{ "0.5", NO_INTEGER },
		{ "3.0000000000000000000000001", NO_INTEGER },
		{ "15e-1", NO_INTEGER },
		{ "1e-1", NO_INTEGER },
	};
	char buffer[INTEGER_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check_str(rows[i].text, show_integer(rows[i].text, buffer), rows[i].expected);
}

/* --- doubles --- */

static void doubles_are_written_as_python_prints_them(void **state UNUSED)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {
		{ 0.0, "0.0" },
		{ -0.0, "-0.0" },
		{ 1.0, "1.0" },
		{ -1.5, "-1.5" },
		{ 0.1, "0.1" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 100.0, "100.0" },
		{ 1769846400.123456, "1769846400.123456" },
		{ 86399.999999, "86399.999999" },
		{ 1e-6, "1e-06" },
		{ 0.0001, "0.0001" },
		{ 0.00012345, "0.00012345" },
		{ 0.00001, "1e-05" },
		{ 1.5e-7, "1.5e-07" },
		{ 999999999.999999, "999999999.999999" },
		{ 1e15, "1000000000000000.0" },
		{ 9999999999999998.0, "9999999999999998.0" },
		{ 1e16, "1e+16" },
		{ 123456789012345680.0, "1.2345678901234568e+17" },
		{ 9007199254740993.0, "9007199254740992.0" },
		{ 1e22, "1e+22" },
		{ 1e23, "1e+23" },
		{ 1e100, "1e+100" },
		{ -1.7976931348623157e308, "-1.7976931348623157e+308" },
		{ 2.2250738585072014e-308, "2.2250738585072014e-308" },
		/* Doubles with few bits, and powers of two, whose neighbours are at unequal distances. */
		{ 5e-324, "5e-324" },
		{ 1.5e-323, "1.5e-323" },
		{ 0x1p-44, "5.684341886080802e-14" },
		{ 0x1p-1017, "7.120236347223045e-307" },
		{ 0x1p1023, "8.98846567431158e+307" },
	};
	char text[REAL_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check_str(rows[i].text, (struct str){ text, real_write(rows[i].value, text) }, rows[i].text);
}

/* A fixed sequence of numbers that look random (xorshift). */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void check_round_trip(double value)
{
	char text[REAL_TEXT_SIZE], shown[REAL_TEXT_SIZE + 1];
	size_t length = real_write(value, text);

	snprintf(shown, sizeof shown, "%.*s", (int)length, text);
	assert_true(length <= REAL_TEXT_SIZE);
	if (!number_is_valid((struct str){ text, length }) || real_parse((struct str){ text, length }) != value)
		fail_msg("%.17g is written as %s", value, shown);
}

static void every_double_reads_back(void **state UNUSED)
{
	uint64_t random = 88172645463325252;

	for (int i = 0; i < 20000; i++) {
		uint64_t bits = next_random(&random);
		double value;

		memcpy(&value, &bits, sizeof value);
		if (isfinite(value))
			check_round_trip(value);
		/* Such numbers as occur: microseconds as seconds. */
		check_round_trip((double)(int64_t)(bits >> 20) / 1e6);
	}
	for (int exponent = -1074; exponent < 1024; exponent++)
		check_round_trip(ldexp(1, exponent));
}

static void doubles_are_read_as_the_nearest(void **state UNUSED)
{
	static const struct {
		const char *text;
		double value;
	} rows[] = {
		{ "0", 0.0 },
		{ "1", 1.0 },
		{ "-2.5", -2.5 },
		{ "1e22", 1e22 },
		{ "1e23", 1e23 },
		{ "9007199254740993", 9007199254740992.0 },
		{ "9007199254740993.0000000000000000000000000000001", 9007199254740994.0 },
		{ "123456789012345678901234567890", 123456789012345678901234567890.0 },
		{ "0.1e-400", 0.0 },
		{ "1e400", INFINITY },
		{ "-1e400", -INFINITY },
		{ "2.4703282292062328e-324", 5e-324 },
		{ "1000000000000000000000000000000000000000000000000000000000000000000000e-69", 1.0 },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct str text = exact_copy(str_of(rows[i].text));

		if (real_parse(text) != rows[i].value)
			fail_msg("%s gives %.17g", rows[i].text, real_parse(text));
		free((char *)text.data);
	}
	assert_true(signbit(real_parse(STR("-0.0"))));
}

/* German has a decimal comma. The locale is compiled for the test where the C library's sources of it are installed. */
static bool set_comma_locale(const char *folder)
{
	char command[256];

	snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", folder);
	return system(command) == 0 && setenv("LOCPATH", folder, 1) == 0 && setlocale(LC_ALL, "de_DE.UTF-8");
}

static void remove_folder(const char *folder)
{
	char command[256];

	snprintf(command, sizeof command, "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

static void the_locale_changes_nothing(void **state UNUSED)
{
	char folder[] = "/tmp/weir-test-XXXXXX", text[REAL_TEXT_SIZE], comma[32];
	bool set;

	assert_non_null(mkdtemp(folder));
	set = set_comma_locale(folder);
	remove_folder(folder);
	if (!set)
		skip();
	snprintf(comma, sizeof comma, "%.1f", 0.5);
	assert_string_equal(comma, "0,5");
	check_str("a third", (struct str){ text, real_write(1.0 / 3, text) }, "0.3333333333333333");
	check_str("a large one", (struct str){ text, real_write(1.5e300, text) }, "1.5e+300");
	assert_true(real_parse(STR("1.5e300")) == 1.5e300);
	assert_true(real_parse(STR("0.333333333333333314829616256247")) == 1.0 / 3);
	setlocale(LC_ALL, "C");
}

/* --- decimals --- */

static void decimals_are_read_exactly(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool valid, negative;
		int64_t whole;
		int32_t billionths;
	} rows[] = {
		{ "0", true, false, 0, 0 },
		{ "12", true, false, 12, 0 },
		{ "+12", true, false, 12, 0 },
		{ "-12.5", true, true, 12, 500000000 },
		{ ".5", true, false, 0, 500000000 },
		{ "5.", true, false, 5, 0 },
		{ "-.000000001", true, true, 0, 1 },
		{ "1.1234567899", true, false, 1, 123456789 },
		{ "9223372036854775807", true, false, INT64_MAX, 0 },
		{ "9223372036854775808", true, false, INT64_MAX, 0 },
		{ "99999999999999999999999", true, false, INT64_MAX, 0 },
		{ "", false, false, 0, 0 },
		{ ".", false, false, 0, 0 },
		{ "-", false, false, 0, 0 },
		{ "+-1", false, false, 0, 0 },
		{ "1e3", false, false, 0, 0 },
		{ "1,5", false, false, 0, 0 },
		{ " 1", false, false, 0, 0 },
		{ "1 ", false, false, 0, 0 },
		{ "0x1", false, false, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct decimal decimal;

		check_integer(rows[i].text, decimal_parse(str_of(rows[i].text), &decimal), rows[i].valid);
		if (!rows[i].valid)
			continue;
		check_integer(rows[i].text, decimal.negative, rows[i].negative);
		check_integer(rows[i].text, decimal.whole, rows[i].whole);
		check_integer(rows[i].text, decimal.billionths, rows[i].billionths);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_numbers_are_those_of_json),
		cmocka_unit_test(integral_numbers_are_read_exactly),
		cmocka_unit_test(doubles_are_written_as_python_prints_them),
		cmocka_unit_test(every_double_reads_back),
		cmocka_unit_test(doubles_are_read_as_the_nearest),
		cmocka_unit_test(the_locale_changes_nothing),
		cmocka_unit_test(decimals_are_read_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
