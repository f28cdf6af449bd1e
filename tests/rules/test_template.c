/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: what they become, and what a wrong one is told. */
#include "rules/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static int value_of(void *data, struct str name, struct strbuf *out, struct problem *problem)
{
	(void)data;
	if (!str_is(name, "who"))
		return problem_set(problem, WEIR_ENOTFOUND, "no '%.*s'", STR_ARG(name));
	strbuf_puts(out, "{Ada}");
	return 0;
}

static const struct {
	const char *template;
	const char *text; /* NULL: it is refused */
	const char *problem, *place;
} expansions[] = {
	{ "", "", NULL, NULL },
	{ "plain", "plain", NULL, NULL },
	{ "{who}", "{Ada}", NULL, NULL },
	{ "greet {who}!", "greet {Ada}!", NULL, NULL },
	{ "{who}{who}", "{Ada}{Ada}", NULL, NULL },
	{ "{{who}}", "{who}", NULL, NULL },
	{ "{{{who}}}", "{{Ada}}", NULL, NULL },
	{ "}}{{", "}{", NULL, NULL },
	{ "{whom}", NULL, "no 'whom'", "" },
	{ "{ who}", NULL, "no ' who'", "" },
	{ "a {", NULL, "this { has no }; a brace itself is written {{", "character 3" },
	{ "a {who", NULL, "this { has no }; a brace itself is written {{", "character 3" },
	{ "{who{who}}", NULL, "this { has no }; a brace itself is written {{", "character 1" },
	{ "{who} {{ {", NULL, "this { has no }; a brace itself is written {{", "character 10" },
	{ "老王 }", NULL, "this } has no {; a brace itself is written }}", "character 4" },
	{ "{who}}", NULL, "this } has no {; a brace itself is written }}", "character 6" },
	{ "{}", NULL, "{} has no name in it; braces themselves are written {{ and }}", "character 1" },
};

static void test_expansions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(expansions); i++) {
		AUTO(strbuf_done) struct strbuf out = { 0 };
		struct problem problem = { 0 };
		int result = template_expand(str_of(expansions[i].template), value_of, NULL, &out, &problem);

		if (expansions[i].text) {
			assert_int_equal(result, 0);
			assert_string_equal(strbuf_str(&out).data, expansions[i].text);
			continue;
		}
		assert_true(result < 0);
		assert_int_equal(result, problem.code);
		assert_string_equal(problem.message, expansions[i].problem);
		assert_string_equal(problem.path, expansions[i].place);
	}
}

static const struct {
	const char *text;
	size_t size_max;
	const char *name;
} names[] = {
	{ "short", 0, "short" },          { "short", 5, "short" },
	{ "longer", 5, "lo…" },           { "longer", 3, "…" },
	{ "老王老王", 9, "老王…" },       { "老王老王", 10, "老王…" },
	{ "老王老王", 12, "老王老王" },   { "two\nlines\r\n", 0, "two lines  " },
	{ "\ttab\x7f\x01", 0, " tab  " }, { "bad \xff byte", 0, "bad \xEF\xBF\xBD byte" },
};

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		AUTO(strbuf_done) struct strbuf out = { 0 };

		strbuf_puts(&out, "\n>");
		name_append(&out, str_of(names[i].text), names[i].size_max);
		assert_string_equal(out.data + 2, names[i].name);
		assert_int_equal(out.data[0], '\n'); /* what stood there before is not touched */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_expansions), cmocka_unit_test(test_names) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
