/* SPDX-License-Identifier: Apache-2.0 */
/* What a call binds to, and what a wrong one is told. */
#include "engine/callable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static json_t *nothing(weir_run *run)
{
	(void)run;
	return NULL;
}

static const weir_task task = {
	.name = "copy",
	.parameters = { { .name = "source", .type = WEIR_STRING, .required = true },
	                { .name = "count", .type = WEIR_INTEGER, .fallback = "3" },
	                { .name = "ratio", .type = WEIR_NUMBER },
	                { .name = "options", .type = WEIR_OBJECT, .fallback = "{}" } },
	.run = nothing,
};

static const weir_task no_parameters = { .name = "plain", .run = nothing };

static bool is_marked(const json_t *value)
{
	return json_is_object(value) && json_object_get(value, "later");
}

static const struct {
	const weir_task *task;
	const char *arguments; /* JSON; NULL: none */
	const char *bound;     /* JSON, or NULL when the call is wrong */
	const char *problem;
} calls[] = {
	{ &task, "\"a\"", "{\"count\":3,\"options\":{},\"ratio\":null,\"source\":\"a\"}", NULL },
	{ &task, "[\"a\", 7]", "{\"count\":7,\"options\":{},\"ratio\":null,\"source\":\"a\"}", NULL },
	{ &task, "{\"source\":\"a\",\"ratio\":2}", "{\"count\":3,\"options\":{},\"ratio\":2,\"source\":\"a\"}", NULL },
	{ &task, "[\"a\", 7, 0.5, {\"x\":1}]", "{\"count\":7,\"options\":{\"x\":1},\"ratio\":0.5,\"source\":\"a\"}",
	  NULL },
	{ &task, "[\"a\", null]", "{\"count\":null,\"options\":{},\"ratio\":null,\"source\":\"a\"}", NULL },
	{ &task, "[\"a\", {\"later\":1}]", "{\"count\":{\"later\":1},\"options\":{},\"ratio\":null,\"source\":\"a\"}",
	  NULL },
	{ &task, "{\"later\":1}", "{\"count\":3,\"options\":{},\"ratio\":null,\"source\":{\"later\":1}}", NULL },
	{ &no_parameters, NULL, "{}", NULL },
	{ &no_parameters, "[]", "{}", NULL },
	{ &task, NULL, NULL, "task 'copy': parameter 'source' is missing" },
	{ &task, "[]", NULL, "task 'copy': parameter 'source' is missing" },
	{ &task, "7", NULL, "task 'copy': parameter 'source' must be a string, not an integer" },
	{ &task, "[null]", NULL, "task 'copy': parameter 'source' must be a string, not null" },
	{ &task, "[\"a\", 1.5]", NULL, "task 'copy': parameter 'count' must be an integer, not a real number" },
	{ &task, "[\"a\", true]", NULL, "task 'copy': parameter 'count' must be an integer, not a boolean" },
	{ &task, "[\"a\", 1, 2, {}, 5]", NULL, "task 'copy' takes 4 arguments, not 5" },
	{ &task, "{\"sauce\":\"a\"}", NULL,
	  "task 'copy' has no parameter 'sauce'; it takes source, count, ratio, options" },
	{ &no_parameters, "\"a\"", NULL, "task 'plain' takes no arguments" },
	{ &no_parameters, "{\"a\":1}", NULL, "task 'plain' has no parameter 'a'; it takes none" },
};

static void calls_bind(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(calls); i++) {
		struct callable callable = callable_of_task(calls[i].task);
		json_t *arguments = calls[i].arguments ? json_loads(calls[i].arguments, JSON_DECODE_ANY, NULL) : NULL;
		struct problem problem = { 0 };
		json_t *bound = NULL;
		int result = callable_bind(&callable, arguments, is_marked, &bound, &problem);

		if (calls[i].bound) {
			char *text = json_dumps(bound, JSON_COMPACT | JSON_SORT_KEYS);

			assert_int_equal(result, 0);
			assert_string_equal(text, calls[i].bound);
			free(text);
			json_decref(bound);
		} else {
			assert_int_equal(result, WEIR_EINVAL);
			assert_string_equal(problem.message, calls[i].problem);
		}
	}
}

static const struct {
	weir_task task;
	const char *problem;
} definitions[] = {
	{ { .run = nothing }, "a task has no name: set .name" },
	{ { .name = "a/b", .run = nothing }, "task 'a/b': a name may not contain / % & < >" },
	{ { .name = "\xff", .run = nothing }, "the name of a task is not UTF-8" },
	{ { .name = "a" }, "task 'a' has no function: set .run" },
	{ { .name = "a", .run = nothing, .retries = -1 },
	  "task 'a': retries, delays, jitter and time limits can't be negative" },
	{ { .name = "a", .run = nothing, .retry_delay_seconds = { 1, -1 } },
	  "task 'a': retries, delays, jitter and time limits can't be negative" },
	{ { .name = "a", .run = nothing, .parameters = { { .name = "p", .type = WEIR_INTEGER, .fallback = "\"x\"" } } },
	  "task 'a': the fallback of parameter 'p' is not an integer" },
	{ { .name = "a", .run = nothing, .run_name = "b {x}" },
	  "task 'a': .run_name \"b {x}\": there is no {x}; there are {task_name}, {flow_name}, {flow_run_name}, {count}" },
	{ { .name = "a", .run = nothing, .run_name = "b {p }", .parameters = { { .name = "p" } } },
	  "task 'a': .run_name \"b {p }\": there is no {p }; there are {p}, {task_name}, {flow_name}, {flow_run_name}, "
	  "{count}" },
	{ { .name = "a", .run = nothing, .run_name = "b {" },
	  "task 'a': .run_name \"b {\", character 3: this { has no }; a brace itself is written {{" },
	{ { .name = "a", .run = nothing, .result_key = "}" },
	  "task 'a': .result_key \"}\", character 1: this } has no {; a brace itself is written }}" },
	{ { .name = "a", .run = nothing, .run_name = "\xff" }, "task 'a': .run_name is not UTF-8" },
	{ { .name = "a", .run = nothing, .run_name = "{{{p}}} {count}", .parameters = { { .name = "p" } } }, NULL },
	{ { .name = "数据", .run = nothing, .parameters = { { .name = "p", .type = WEIR_INTEGER, .fallback = "1" } } },
	  NULL },
};

static void definitions_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(definitions); i++) {
		struct callable callable = callable_of_task(&definitions[i].task);
		struct problem problem = { 0 };
		int result = callable_check(&callable, &problem);

		assert_int_equal(result, definitions[i].problem ? WEIR_EINVAL : 0);
		if (definitions[i].problem)
			assert_string_equal(problem.message, definitions[i].problem);
	}
}

static void flows_have_fewer_placeholders(void **state)
{
	static const weir_flow flow = { .name = "f", .run = nothing, .run_name = "{task_name}" };
	struct callable callable = callable_of_flow(&flow);
	struct problem problem = { 0 };

	(void)state;
	assert_int_equal(callable_check(&callable, &problem), WEIR_EINVAL);
	assert_string_equal(problem.message, "flow 'f': .run_name \"{task_name}\": there is no {task_name}; there are "
	                                     "{flow_name}, {count}");
}

static const struct {
	enum weir_type type;
	const char *text;
	const char *value; /* JSON, or NULL when it is refused */
} texts[] = {
	{ WEIR_STRING, "7", "\"7\"" },
	{ WEIR_STRING, "", "\"\"" },
	{ WEIR_INTEGER, "7", "7" },
	{ WEIR_INTEGER, "-9223372036854775808", "-9223372036854775808" },
	{ WEIR_INTEGER, "9223372036854775808", NULL },
	{ WEIR_INTEGER, "7.5", NULL },
	{ WEIR_INTEGER, "seven", NULL },
	{ WEIR_INTEGER, "", NULL },
	{ WEIR_NUMBER, "7.5", "7.5" },
	{ WEIR_NUMBER, "1e999", NULL },
	{ WEIR_BOOLEAN, "Yes", "true" },
	{ WEIR_BOOLEAN, "0", "false" },
	{ WEIR_BOOLEAN, "maybe", NULL },
	{ WEIR_ARRAY, "[1,2]", "[1,2]" },
	{ WEIR_ARRAY, "{}", NULL },
	{ WEIR_OBJECT, "{\"a\":1}", "{\"a\":1}" },
	{ WEIR_ANY_VALUE, "[1]", "[1]" },
	{ WEIR_ANY_VALUE, "words", "\"words\"" },
	{ WEIR_STRING, "\xff", NULL },
};

static void texts_become_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		struct problem problem = { 0 };
		json_t *value = value_from_text(texts[i].type, "p", texts[i].text, &problem);

		if (texts[i].value) {
			char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

			assert_string_equal(text, texts[i].value);
			free(text);
			json_decref(value);
		} else {
			assert_null(value);
			assert_int_equal(problem.code, WEIR_EINVAL);
			assert_non_null(strstr(problem.message, "'p' must be "));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_bind),
		cmocka_unit_test(definitions_are_checked),
		cmocka_unit_test(flows_have_fewer_placeholders),
		cmocka_unit_test(texts_become_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
