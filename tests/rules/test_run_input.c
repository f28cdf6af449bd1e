/* SPDX-License-Identifier: Apache-2.0 */
/* What a run asks for, and answers to it: completed, or told everything that is wrong. */
#include "rules/run_input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SCHEMA                                                                                                            \
	"{\"title\":\"Input\",\"type\":\"object\",\"properties\":{"                                                       \
	"\"name\":{\"type\":\"string\",\"description\":\"who\"},\"n\":{\"type\":\"integer\",\"default\":2},"              \
	"\"ratio\":{\"type\":\"number\"},\"on\":{\"type\":\"boolean\"},\"list\":{\"type\":\"array\",\"default\":[1, 2]}," \
	"\"map\":{\"type\":\"object\"},\"any\":{}},\"required\":[\"name\"]}"

#define REST ",\"n\":2,\"ratio\":null,\"on\":null,\"list\":[1, 2],\"map\":null,\"any\":null}"

static const struct {
	const char *schema, *input;
	const char *output; /* NULL: it is refused */
	int code;
	const char *problem;
} answers[] = {
	{ SCHEMA, "{\"name\":\"a\"}", "{\"name\":\"a\"" REST, 0, NULL },
	{ SCHEMA,
	  "{\"any\":[null],\"map\":{},\"list\":[],\"on\":false,\"ratio\":1,\"n\":-9223372036854775808,\"name\":\"\"}",
	  "{\"name\":\"\",\"n\":-9223372036854775808,\"ratio\":1,\"on\":false,\"list\":[],\"map\":{},\"any\":[null]}",
	  0, NULL },
	{ SCHEMA, "{\"name\":\"a\",\"n\":null,\"ratio\":0.5}",
	  "{\"name\":\"a\",\"n\":null,\"ratio\":0.5,\"on\":null,\"list\":[1, 2],\"map\":null,\"any\":null}", 0, NULL },
	{ SCHEMA, NULL, NULL, WEIR_EINVAL, "'name' is missing: it must be a string" },
	{ SCHEMA, "{\"name\":null}", NULL, WEIR_EINVAL, "'name' must be a string, not null" },
	{ SCHEMA, "{\"name\":7,\"n\":\"x\",\"ratio\":\"1\",\"on\":1,\"list\":{},\"map\":[],\"who\":1}", NULL,
	  WEIR_EINVAL,
	  "'who' is not asked for (asked for: name, n, ratio, on, list, map, any); 'name' must be a string, not 7; "
	  "'n' must be an integer, not \"x\"; 'ratio' must be a number, not \"1\"; 'on' must be a boolean, not 1; "
	  "'list' must be an array, not {}; 'map' must be an object, not []" },
	{ SCHEMA, "{\"name\":\"a\",\"n\":1.0}", NULL, WEIR_EINVAL, "'n' must be an integer, not 1.0" },
	{ SCHEMA, "{\"name\":\"a\",\"n\":1e3}", NULL, WEIR_EINVAL, "'n' must be an integer, not 1e3" },
	{ SCHEMA, "{\"name\":\"a\",\"n\":9223372036854775808}", NULL, WEIR_EINVAL,
	  "'n' must be an integer, not 9223372036854775808" },
	{ SCHEMA, "[]", NULL, WEIR_EINVAL, "the input must be a JSON object" },
	{ SCHEMA, "{", NULL, WEIR_ESYNTAX, NULL },
	{ NULL, NULL, "{}", 0, NULL },
	{ NULL, "{}", "{}", 0, NULL },
	{ NULL, "{\"a\":1}", NULL, WEIR_EINVAL, "'a' is not asked for (asked for: nothing)" },
	{ "{}", "{}", "{}", 0, NULL },
	{ "{\"properties\":{\"a\":{\"type\":\"string\"}}}",
	  "{\"a\":\"12345678901234567890123456789012345678901234567890123456789老\"}",
	  "{\"a\":\"12345678901234567890123456789012345678901234567890123456789老\"}", 0, NULL },
	{ "{\"properties\":{\"a\":{\"type\":\"integer\"}}}",
	  "{\"a\":\"1234567890123456789012345678901234567890123456789012345678老\"}", NULL, WEIR_EINVAL,
	  "'a' must be an integer, not \"1234567890123456789012345678901234567890123456789012345678" },
	{ "[]", "{}", NULL, WEIR_ECORRUPT, "the schema of the run's input can't be read" },
	{ "{", "{}", NULL, WEIR_ECORRUPT, "the schema of the run's input can't be read" },
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
		AUTO(arena_done) struct arena arena = { 0 };
		struct problem problem = { 0 };
		struct str out = STR_NULL;
		int result =
		        run_input_check(&arena, str_of(answers[i].schema), str_of(answers[i].input), &out, &problem);

		assert_int_equal(result, answers[i].code);
		if (answers[i].output)
			assert_string_equal(out.data, answers[i].output);
		if (answers[i].problem)
			assert_string_equal(problem.message, answers[i].problem);
	}
}

static void test_fields(void **state)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct input_field *fields;

	(void)state;
	assert_int_equal(run_input_fields(&arena, STR(SCHEMA), &fields, NULL), 7);
	assert_true(str_is(fields[0].name, "name") && fields[0].required && str_is(fields[0].description, "who"));
	assert_null(fields[0].fallback.data);
	assert_true(str_is(fields[1].type, "integer") && !fields[1].required && str_is(fields[1].fallback, "2"));
	assert_null(fields[6].type.data);
	assert_string_equal(input_type_phrase(fields[6].type), "any value");
	assert_string_equal(input_type_phrase(fields[4].type), "an array");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_answers), cmocka_unit_test(test_fields) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
