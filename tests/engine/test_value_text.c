/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "engine/build_id.h"
#include "engine/value_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void check_written(const char *text, const char *sorted)
{
	json_auto_t *value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	json_auto_t *again = NULL;
	AUTO(strbuf_done) struct strbuf out = { 0 };
	struct problem problem = { 0 };

	assert_non_null(value);
	check_integer(text, value_write(value, true, SIZE_MAX, &out, &problem), 0);
	check_str(text, strbuf_str(&out), sorted);
	again = value_read(strbuf_str(&out), &problem);
	assert_true(json_equal(value, again));
}

static void equal_values_have_one_text(void **state UNUSED)
{
	check_written("{\"b\": 1, \"a\": {\"d\": [ ], \"c\": null}}", "{\"a\":{\"c\":null,\"d\":[]},\"b\":1}");
	check_written("[9223372036854775807, -0.1, 1e300, 1.0, 1]",
	              "[9223372036854775807,-0.10000000000000001,1.0000000000000001e300,1.0,1]");
	check_written("\"nul \\u0000, 二, \\ud83d\\ude00\"", "\"nul \\u0000, 二, 😀\"");
	check_written("true", "true");
}

static void members_stay_in_order_when_not_sorted(void **state UNUSED)
{
	json_auto_t *value = json_pack("{s:i,s:i}", "b", 1, "a", 2);
	AUTO(strbuf_done) struct strbuf out = { 0 };
	struct problem problem = { 0 };

	check_integer("write", value_write(value, false, 13, &out, &problem), 0);
	check_str("write", strbuf_str(&out), "{\"b\":1,\"a\":2}");
}

static void too_long_texts_are_refused(void **state UNUSED)
{
	json_auto_t *value = json_pack("{s:i,s:i}", "b", 1, "a", 2);
	AUTO(strbuf_done) struct strbuf out = { 0 };
	struct problem problem = { 0 };

	check_integer("write", value_write(value, false, 12, &out, &problem), WEIR_ELIMIT);
	check_text("write", problem.message, "its JSON has more than 12 bytes");
	assert_true(out.length <= 12);
}

static void the_place_of_bad_text_is_told(void **state UNUSED)
{
	static const struct {
		const char *place, *message;
	} rows[] = {
		{ "$", "it holds text that is not UTF-8" },
		{ "$[1].rows[0]", "it holds text that is not UTF-8" },
		{ "$.\xEF\xBF\xBD", "it holds a name that is not UTF-8" },
	};
	json_t *values[] = {
		json_string_nocheck("\xff"),
		json_pack("[i,{s:[o]}]", 1, "rows", json_string_nocheck("a\xc3")),
		json_object(),
	};

	json_object_set_new_nocheck(values[2], "\xff", json_true());
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		AUTO(strbuf_done) struct strbuf out = { 0 };
		struct problem problem = { 0 };

		check_integer(rows[i].place, value_write(values[i], false, SIZE_MAX, &out, &problem), WEIR_EINVAL);
		check_text(rows[i].place, problem.message, rows[i].message);
		check_text(rows[i].place, problem.path, rows[i].place);
		json_decref(values[i]);
	}
}

static void what_is_too_deep_is_refused(void **state UNUSED)
{
	json_t *value = json_array(), *outermost;
	struct problem problem = { 0 };
	AUTO(strbuf_done) struct strbuf out = { 0 };

	for (int i = 0; i < 499; i++)
		value = json_pack("[o]", value);
	check_integer("500", value_write(value, false, SIZE_MAX, &out, &problem), 0);
	outermost = json_pack("[[o]]", value);
	check_integer("502", value_write(outermost, false, SIZE_MAX, &out, &problem), WEIR_EINVAL);
	/* A value that holds itself. */
	json_array_append(value, outermost);
	check_integer("endless", value_write(outermost, false, SIZE_MAX, &out, &problem), WEIR_EINVAL);
	assert_non_null(strstr(problem.message, "nested more than 500 deep, or holds itself"));
	json_array_clear(value);
	json_decref(outermost);
}

static void text_that_is_no_json_is_refused(void **state UNUSED)
{
	struct problem problem = { 0 };

	assert_null(value_read(STR("[1,"), &problem));
	check_integer("code", problem.code, WEIR_ESYNTAX);
}

static void a_build_is_told_by_its_function(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf mine = { 0 }, again = { 0 }, other = { 0 }, none = { 0 };

	build_id_of((const void *)(uintptr_t)build_id_of, &mine);
	build_id_of((const void *)(uintptr_t)check_written, &again);
	build_id_of((const void *)(uintptr_t)json_equal, &other); /* of jansson's library */
	build_id_of(NULL, &none);
	assert_true(mine.length > 16);
	assert_true(str_equal(strbuf_str(&mine), strbuf_str(&again)));
	assert_false(str_equal(strbuf_str(&mine), strbuf_str(&other)));
	assert_true(none.length > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_values_have_one_text),
		cmocka_unit_test(members_stay_in_order_when_not_sorted),
		cmocka_unit_test(too_long_texts_are_refused),
		cmocka_unit_test(the_place_of_bad_text_is_told),
		cmocka_unit_test(what_is_too_deep_is_refused),
		cmocka_unit_test(text_that_is_no_json_is_refused),
		cmocka_unit_test(a_build_is_told_by_its_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
