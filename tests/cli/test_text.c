/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and times as people read them. */
#include "cli/text.h"

#include "base/timestamp.h"

#include "check.h"

#include <time.h>

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static void test_visible(void **state)
{
	static const struct {
		struct str text;
		const char *line;  /* text_visible */
		const char *lines; /* text_visible_lines; NULL: the same */
	} table[] = {
		{ STR(""), "", NULL },
		{ STR("calm-otter"), "calm-otter", NULL },
		{ STR("数据拉取 🦦 é"), "数据拉取 🦦 é", NULL },
		{ STR("\033[31mred\033[0m"), "\\x1b[31mred\\x1b[0m", NULL },
		{ STR("a\nb\tc"), "a\\nb\\tc", "a\nb\tc" },
		{ STR("a\rb"), "a\\rb", NULL },
		{ STR("bell\a back\b del\x7f"), "bell\\x07 back\\x08 del\\x7f", NULL },
		{ STR("nul\0nul"), "nul\\x00nul", NULL },
		{ STR("c1 \xc2\x9b"
		      "31m"),
		  "c1 \\u009b31m", NULL },
		{ STR("turned \xe2\x80\xae"
		      "text"),
		  "turned \\u202etext", NULL },
		{ STR("isolate \xe2\x81\xa6 mark \xe2\x80\x8f"), "isolate \\u2066 mark \\u200f", NULL },
		{ STR("bad \xff\xc3 end"), "bad \\xff\\xc3 end", NULL },
		{ STR("cut \xe4\xb8"), "cut \\xe4\\xb8", NULL },
		{ STR("back\\slash"), "back\\slash", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
		AUTO(arena_done) struct arena arena = { 0 };

		check_str(table[i].line, text_visible(&arena, table[i].text), table[i].line);
		check_str(table[i].line, text_visible_lines(&arena, table[i].text),
		          table[i].lines ? table[i].lines : table[i].line);
	}
}

static void test_clip(void **state)
{
	static const struct {
		const char *text;
		size_t columns;
		const char *expected;
	} table[] = {
		{ "otter", 5, "otter" },
		{ "otter", 4, "ott…" },
		{ "otter", 1, "…" },
		{ "otter", 0, "…" },
		{ "数据", 4, "数据" },
		{ "数据拉", 5, "数据…" },
		{ "数据拉", 4, "数…" },
		{ "数据", 3, "数…" },
		{ "数据", 2, "…" },
		{ "", 3, "" },
		{ "e\xcc\x81t", 2, "e\xcc\x81t" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
		AUTO(arena_done) struct arena arena = { 0 };

		check_str(table[i].text, text_clip(&arena, str_of(table[i].text), table[i].columns), table[i].expected);
	}
}

static void test_ago(void **state)
{
	static const struct {
		int64_t past_us; /* how long ago */
		const char *expected;
	} table[] = {
		{ 0, "just now" },
		{ SECOND - 1, "just now" },
		{ -1, "just now" },
		{ SECOND, "1 second ago" },
		{ 59 * SECOND, "59 seconds ago" },
		{ MINUTE, "1 minute ago" },
		{ 5 * MINUTE + 3 * SECOND, "5 minutes ago" },
		{ HOUR, "1 hour ago" },
		{ DAY - SECOND, "23 hours ago" },
		{ DAY, "1 day ago" },
		{ 7 * DAY, "1 week ago" },
		{ 30 * DAY, "1 month ago" },
		{ 3 * 365 * DAY, "3 years ago" },
		{ -SECOND, "in 1 second" },
		{ -2 * HOUR, "in 2 hours" },
		{ -400 * DAY, "in 1 year" },
	};
	const int64_t now_us = INT64_C(1769846400000000);

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
		AUTO(arena_done) struct arena arena = { 0 };

		check_str(table[i].expected, text_ago(&arena, now_us - table[i].past_us, now_us), table[i].expected);
	}
	check_str("none", text_ago(NULL, TIMESTAMP_NONE, now_us), "");
}

static void test_time(void **state)
{
	static const struct {
		const char *zone;
		int64_t instant_us;
		const char *expected;
		const char *with_zone;
	} table[] = {
		{ "UTC0", INT64_C(1769846400123456), "2026-01-31 08:00:00.123",
		  "2026-01-31 08:00:00.123 +0000 (just now)" },
		{ "CST-8", INT64_C(1769846400123456), "2026-01-31 16:00:00.123",
		  "2026-01-31 16:00:00.123 +0800 (just now)" },
		{ "EST5EDT,M3.2.0,M11.1.0", INT64_C(1783080000000000), "2026-07-03 08:00:00.000",
		  "2026-07-03 08:00:00.000 -0400 (just now)" },
		{ "UTC0", -1, "1969-12-31 23:59:59.999", "1969-12-31 23:59:59.999 +0000 (just now)" },
		{ "UTC0", TIMESTAMP_NONE, "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
		AUTO(arena_done) struct arena arena = { 0 };

		setenv("TZ", table[i].zone, 1);
		tzset();
		/* Another second in between, for what is remembered of the last one. */
		text_time(&arena, 0);
		check_str(table[i].expected, text_time(&arena, table[i].instant_us), table[i].expected);
		check_str(table[i].with_zone, text_time_ago(&arena, table[i].instant_us, table[i].instant_us),
		          table[i].with_zone);
	}
}

static void test_duration(void **state)
{
	static const struct {
		int64_t duration_us;
		const char *expected;
	} table[] = {
		{ 0, "0.000 s" },
		{ 1250 * 1000, "1.250 s" },
		{ 59 * SECOND + 999999, "59.999 s" },
		{ MINUTE + 5 * SECOND, "1 min 5 s" },
		{ 2 * HOUR + 3 * MINUTE + SECOND, "2 h 3 min" },
		{ 4 * DAY + 2 * HOUR, "4 d 2 h" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
		AUTO(arena_done) struct arena arena = { 0 };

		check_str(table[i].expected, text_duration(&arena, table[i].duration_us), table[i].expected);
	}
}

static void test_state_names(void **state)
{
	bool known;

	(void)state;
	check_str("lower case", state_name_find(STR("awaitingretry"), &known), "AwaitingRetry");
	assert_true(known);
	check_str("one's own", state_name_find(STR("Brewing"), &known), "Brewing");
	assert_false(known);
	/* Whatever a run can be in, people can ask for by the name that it is shown under. */
	for (int type = STATE_SCHEDULED; type < STATE_TYPE_COUNT; type++) {
		state_name_find(str_of(state_type_names[type]), &known);
		assert_true(known);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_visible), cmocka_unit_test(test_clip),     cmocka_unit_test(test_ago),
		cmocka_unit_test(test_time),    cmocka_unit_test(test_duration), cmocka_unit_test(test_state_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
