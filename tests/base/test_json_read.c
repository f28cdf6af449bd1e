/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON: what each text gives, what is refused and where, and how values are looked at. */
#include "../check.h"

#include "base/json.h"

#include <jansson.h>
#include <math.h>

/* --- showing what was read --- */

/* A tree as text: strings decoded in <>, numbers and words as they stand, members as key=value, all with counts. */
static void show(struct arena *arena, const struct json *value, struct strbuf *out)
{
	if (value->key.data)
		strbuf_printf(out, "%.*s=", STR_ARG(value->key));
	switch (value->type) {
	case JSON_TYPE_STRING:
		strbuf_printf(out, "<%.*s>", STR_ARG(json_text(arena, value)));
		return;
	case JSON_TYPE_ARRAY:
	case JSON_TYPE_OBJECT:
		strbuf_printf(out, "%s%u", value->type == JSON_TYPE_ARRAY ? "array" : "object", value->count);
		strbuf_putc(out, '(');
		for (const struct json *child = value->child; child; child = child->next) {
			show(arena, child, out);
			if (child->next)
				strbuf_putc(out, ' ');
		}
		strbuf_putc(out, ')');
		return;
	default:
		strbuf_add_str(out, value->raw);
	}
}

/* The tree, or "CODE at OFFSET, PATH: message". */
static const char *read_and_show(struct arena *arena, struct str text, unsigned flags)
{
	AUTO(strbuf_done) struct strbuf out = { 0 };
	struct problem problem = { 0 };
	const struct json *root;
	size_t offset = 12345;
	int result = json_read(arena, text, flags, &root, &offset, &problem);

	if (result == 0)
		show(arena, root, &out);
	else
		strbuf_printf(&out, "%s at %zu, %s: %s", error_name(result), offset, problem.path, problem.message);
	return arena_str(arena, strbuf_str(&out)).data;
}

struct row {
	const char *text, *expected;
};

static void check_rows(const struct row *rows, size_t count, unsigned flags)
{
	for (size_t i = 0; i < count; i++) {
		AUTO(arena_done) struct arena arena = { 0 };
		struct str text = exact_copy(str_of(rows[i].text));

		check_text(rows[i].text, read_and_show(&arena, text, flags), rows[i].expected);
		free((char *)text.data);
	}
}

static const struct json *must_read(struct arena *arena, const char *text)
{
	const struct json *root;
	struct problem problem;

	if (json_read(arena, str_of(text), JSON_ALLOW_NAN, &root, NULL, &problem) < 0)
		fail_msg("%s: %s", text, problem.message);
	return root;
}

/* --- well-formed --- */

static void values_are_read(void **state UNUSED)
{
	static const struct row rows[] = {
		{ "null", "null" },
		{ "true", "true" },
		{ "false", "false" },
		{ " \t\r\n0 \t\r\n", "0" },
		{ "-12.5e+3", "-12.5e+3" },
		{ "1180591620717411303424", "1180591620717411303424" },
		{ "\"\"", "<>" },
		{ "\"plain\"", "<plain>" },
		{ "[]", "array0()" },
		{ "[ ]", "array0()" },
		{ "{}", "object0()" },
		{ "{\n}", "object0()" },
		{ "[1,2,3]", "array3(1 2 3)" },
		{ "[ 1 , 2 ]", "array2(1 2)" },
		{ "[[],[[]],{}]", "array3(array0() array1(array0()) object0())" },
		{ "{\"a\":1}", "object1(a=1)" },
		{ " { \"a\" : 1 , \"b\" : [ true , null ] } ", "object2(a=1 b=array2(true null))" },
		{ "{\"a\":{\"b\":{\"c\":[]}},\"d\":2}", "object2(a=object1(b=object1(c=array0())) d=2)" },
		{ "{\"\":0}", "object1(=0)" },
		{ "{\"a\":1,\"a\":2}", "object2(a=1 a=2)" },
		{ "[{\"a\":1},{\"b\":2}]", "array2(object1(a=1) object1(b=2))" },
		{ "{\"k\\u0065y\":\"v\"}", "object1(key=<v>)" },
	};

	check_rows(rows, ARRAY_LENGTH(rows), 0);
}

static void strings_are_decoded(void **state UNUSED)
{
	static const struct row rows[] = {
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "<\"\\/\b\f\n\r\t>" },
		{ "\"a\\nb\"", "<a\nb>" },
		{ "\"\\u0041\\u00e9\\u20AC\"", "<A\u00E9\u20AC>" },
		{ "\"\\ud83d\\ude00\"", "<\U0001F600>" },
		{ "\"x\\uD83D\\uDE00y\"", "<x\U0001F600y>" },
		{ "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"", "<\u00E9\u20AC\U0001F600>" },
		{ "\"\x7F\"", "<\x7F>" },
		/* Lone surrogates become U+FFFD, each for itself. */
		{ "\"\\ud83d\"", "<\uFFFD>" },
		{ "\"\\ude00\"", "<\uFFFD>" },
		{ "\"\\ud83dx\"", "<\uFFFDx>" },
		{ "\"\\ud83d\\n\"", "<\uFFFD\n>" },
		{ "\"\\ud83d\\u0041\"", "<\uFFFDA>" },
		{ "\"\\ud83d\\ud83d\\ude00\"", "<\uFFFD\U0001F600>" },
		{ "\"\\ude00\\ud83d\"", "<\uFFFD\uFFFD>" },
		{ "\"\\ud83d\\ude0\\u0030\"", "WEIR_ESYNTAX at 12, line 1, column 13: not JSON: "
		                              "\\u needs four hexadecimal digits, at \"\\u0030\"\"" },
	};

	check_rows(rows, ARRAY_LENGTH(rows), 0);
}

static void a_nul_in_a_string_is_kept(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	const struct json *root = must_read(&arena, "{\"a\\u0000b\":\"x\\u0000y\"}");
	struct str text = json_text(&arena, root->child);

	assert_int_equal(text.length, 3);
	assert_memory_equal(text.data, "x\0y", 3);
	assert_int_equal(root->child->key.length, 3);
	assert_memory_equal(root->child->key.data, "a\0b", 3);
	assert_null(json_get(root, "a"));
}

/* Strings are looked at in steps of 16 and 8 bytes: every special character must be found at every place. */
static void strings_of_all_lengths_are_read(void **state UNUSED)
{
	static const struct {
		const char *json, *decoded;
	} specials[] = { { "", "" }, { "\\\"", "\"" }, { "\\u0041", "A" }, { "\xC3\xA9", "\xC3\xA9" } };
	AUTO(arena_done) struct arena arena = { 0 };
	char filling[64];

	memset(filling, 'f', sizeof filling);
	for (size_t i = 0; i < ARRAY_LENGTH(specials); i++) {
		for (int before = 0; before < 40; before++) {
			for (int after = 0; after < 20; after++) {
				struct str text = arena_printf(&arena, "\"%.*s%s%.*s\"", before, filling,
				                               specials[i].json, after, filling);
				struct str expected = arena_printf(&arena, "<%.*s%s%.*s>", before, filling,
				                                   specials[i].decoded, after, filling);
				struct str copy = exact_copy(text);

				check_text(text.data, read_and_show(&arena, copy, 0), expected.data);
				free((char *)copy.data);
			}
		}
		arena_clear(&arena);
	}
}

static void raw_slices_are_exact(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	const struct json *root =
	        must_read(&arena, " {\"a\": [1 , 2.50], \"b\" :\"x\\u0041\" ,\"c\":{ } , \"d\":null } ");

	check_str("the object", root->raw, "{\"a\": [1 , 2.50], \"b\" :\"x\\u0041\" ,\"c\":{ } , \"d\":null }");
	check_str("the array", json_get(root, "a")->raw, "[1 , 2.50]");
	check_str("an element", json_at(json_get(root, "a"), 1)->raw, "2.50");
	check_str("the string", json_get(root, "b")->raw, "\"x\\u0041\"");
	check_str("the empty object", json_get(root, "c")->raw, "{ }");
	check_str("null", json_get(root, "d")->raw, "null");
}

/* --- not well-formed --- */

#define NOT_JSON(offset, column, rest) "WEIR_ESYNTAX at " #offset ", line 1, column " #column ": not JSON: " rest
#define ENDS ", but the text ends here"
#define VALUE "a value is expected"
#define NAME "a member's name in quotes is expected"
#define ELEMENT "',' or ']' is expected after an element"
#define MEMBER "',' or '}' is expected after a member"
#define COLON "':' is expected after a member's name"
#define DIGIT "a digit is expected"
#define QUOTE "the string has no closing quote"
#define CONTROL "control characters in a string must be escaped"
#define ESCAPE "there is no such escape in a string"
#define HEX "\\u needs four hexadecimal digits"
#define NOTHING "nothing may follow the value"
#define UTF8 "the string is not UTF-8"

static void what_is_wrong_is_refused_at_its_place(void **state UNUSED)
{
	static const struct row rows[] = {
		{ "", NOT_JSON(0, 1, VALUE ENDS) },
		{ "  ", NOT_JSON(2, 3, VALUE ENDS) },
		{ "x", NOT_JSON(0, 1, VALUE ", at \"x\"") },
		{ "nul", NOT_JSON(0, 1, VALUE ", at \"nul\"") },
		{ "True", NOT_JSON(0, 1, VALUE ", at \"True\"") },
		{ "nullx", NOT_JSON(4, 5, NOTHING ", at \"x\"") },
		{ "1 2", NOT_JSON(2, 3, NOTHING ", at \"2\"") },
		{ "{} {}", NOT_JSON(3, 4, NOTHING ", at \"{}\"") },
		{ "\xEF\xBB\xBF{}", NOT_JSON(0, 1, VALUE ", at \"\uFEFF{}\"") },
		{ "'a'", NOT_JSON(0, 1, VALUE ", at \"'a'\"") },
		{ "// note", NOT_JSON(0, 1, VALUE ", at \"// note\"") },
		/* Arrays and objects. */
		{ "[", NOT_JSON(1, 2, VALUE ENDS) },
		{ "[1", NOT_JSON(2, 3, ELEMENT ENDS) },
		{ "[1,", NOT_JSON(3, 4, VALUE ENDS) },
		{ "[1,]", NOT_JSON(3, 4, VALUE ", at \"]\"") },
		{ "[,1]", NOT_JSON(1, 2, VALUE ", at \",1]\"") },
		{ "[1,,2]", NOT_JSON(3, 4, VALUE ", at \",2]\"") },
		{ "[1 2]", NOT_JSON(3, 4, ELEMENT ", at \"2]\"") },
		{ "[1}", NOT_JSON(2, 3, ELEMENT ", at \"}\"") },
		{ "]", NOT_JSON(0, 1, VALUE ", at \"]\"") },
		{ "{", NOT_JSON(1, 2, NAME ENDS) },
		{ "{\"a\"", NOT_JSON(4, 5, COLON ENDS) },
		{ "{\"a\":", NOT_JSON(5, 6, VALUE ENDS) },
		{ "{\"a\":1", NOT_JSON(6, 7, MEMBER ENDS) },
		{ "{\"a\":1,", NOT_JSON(7, 8, NAME ENDS) },
		{ "{\"a\":1,}", NOT_JSON(7, 8, NAME ", at \"}\"") },
		{ "{\"a\" 1}", NOT_JSON(5, 6, COLON ", at \"1}\"") },
		{ "{\"a\":1 \"b\":2}", NOT_JSON(7, 8, MEMBER ", at \"\"b\":2}\"") },
		{ "{\"a\":1]", NOT_JSON(6, 7, MEMBER ", at \"]\"") },
		{ "{a:1}", NOT_JSON(1, 2, NAME ", at \"a:1}\"") },
		{ "{1:1}", NOT_JSON(1, 2, NAME ", at \"1:1}\"") },
		{ "{,}", NOT_JSON(1, 2, NAME ", at \",}\"") },
		{ "{\"a\":}", NOT_JSON(5, 6, VALUE ", at \"}\"") },
		/* Numbers. */
		{ "-", NOT_JSON(1, 2, DIGIT ENDS) },
		{ "+1", NOT_JSON(0, 1, VALUE ", at \"+1\"") },
		{ ".5", NOT_JSON(0, 1, VALUE ", at \".5\"") },
		{ "01", NOT_JSON(1, 2, NOTHING ", at \"1\"") },
		{ "[-01]", NOT_JSON(3, 4, ELEMENT ", at \"1]\"") },
		{ "1.", NOT_JSON(2, 3, DIGIT ENDS) },
		{ "[1.]", NOT_JSON(3, 4, DIGIT ", at \"]\"") },
		{ "1e", NOT_JSON(2, 3, DIGIT ENDS) },
		{ "[1e+]", NOT_JSON(4, 5, DIGIT ", at \"]\"") },
		{ "0x10", NOT_JSON(1, 2, NOTHING ", at \"x10\"") },
		{ "NaN", NOT_JSON(0, 1, VALUE ", at \"NaN\"") },
		{ "[-Infinity]", NOT_JSON(2, 3, DIGIT ", at \"Infinity]\"") },
		/* Strings. */
		{ "\"", NOT_JSON(1, 2, QUOTE ENDS) },
		{ "\"abc", NOT_JSON(4, 5, QUOTE ENDS) },
		{ "\"abc\\\"", NOT_JSON(6, 7, QUOTE ENDS) },
		{ "\"abc\\", NOT_JSON(5, 6, QUOTE ENDS) },
		{ "\"a\tb\"", NOT_JSON(2, 3, CONTROL) },
		{ "\"a\x1F\"", NOT_JSON(2, 3, CONTROL) },
		{ "\"\\x41\"", NOT_JSON(2, 3, ESCAPE ", at \"x41\"\"") },
		{ "\"\\'\"", NOT_JSON(2, 3, ESCAPE ", at \"'\"\"") },
		{ "\"\\u12g4\"", NOT_JSON(5, 6, HEX ", at \"g4\"\"") },
		{ "\"\\u12", NOT_JSON(5, 6, HEX ENDS) },
		{ "\"\\u 041\"", NOT_JSON(3, 4, HEX ", at \" 041\"\"") },
		{ "\"\xC3\"", NOT_JSON(1, 2, UTF8) },
		{ "\"\xC3", NOT_JSON(1, 2, UTF8) },
		{ "\"\xED\xA0\x80\"", NOT_JSON(1, 2, UTF8) },
		{ "\"\xC0\x80\"", NOT_JSON(1, 2, UTF8) },
		{ "\"\xFF\"", NOT_JSON(1, 2, UTF8) },
		{ "{\"\xFF\":1}", NOT_JSON(2, 3, UTF8) },
		{ "\xC3\xA9", NOT_JSON(0, 1, VALUE ", at \"\u00E9\"") },
		/* Columns count characters, lines count line feeds, and not too much is quoted. */
		{ "[\"\u20AC\u00E9\", x]", "WEIR_ESYNTAX at 10, line 1, column 8: not JSON: " VALUE ", at \"x]\"" },
		{ "{\n  \"a\": 1,\n  \"b\": oops\n}",
		  "WEIR_ESYNTAX at 19, line 3, column 8: not JSON: " VALUE ", at \"oops\"" },
		{ "[aaaaaaaaaaaaaaaaaaaaaaaaaaa]", NOT_JSON(1, 2, VALUE ", at \"aaaaaaaaaaaaaaaa\"") },
	};

	check_rows(rows, ARRAY_LENGTH(rows), 0);
}

static void a_nul_byte_is_no_blank(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };

	check_text("[1, NUL", read_and_show(&arena, (struct str){ "[1,\0]", 5 }, 0), NOT_JSON(3, 4, VALUE));
	check_text("1, NUL", read_and_show(&arena, (struct str){ "1\0", 2 }, 0), NOT_JSON(1, 2, NOTHING));
	check_text("a NUL in a string", read_and_show(&arena, (struct str){ "\"\0\"", 3 }, 0), NOT_JSON(1, 2, CONTROL));
}

static void every_text_that_is_cut_short_is_refused(void **state UNUSED)
{
	static const char text[] =
	        "{\"key\\u00e9\":[1.5e+3,\"a longer string with \\n and \xE2\x82\xAC in it\",true,false,"
	        "null,{\"deep\":[[]]}],\"other\":-0.25}";

	for (size_t length = 0; length < sizeof text - 1; length++) {
		AUTO(arena_done) struct arena arena = { 0 };
		struct str copy = exact_copy((struct str){ text, length });
		struct problem problem = { 0 };
		const struct json *root;
		size_t offset;

		assert_int_equal(json_read(&arena, copy, 0, &root, &offset, &problem), WEIR_ESYNTAX);
		assert_true(offset <= length);
		assert_int_equal(json_read(&arena, copy, 0, &root, NULL, NULL), WEIR_ESYNTAX);
		free((char *)copy.data);
	}
}

static void nesting_is_limited(void **state UNUSED)
{
	/* The brackets that open a level and close it. */
	static const char *const kinds[][2] = { { "[", "]" }, { "{\"a\":", "}" } };

	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		for (int depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
			AUTO(arena_done) struct arena arena = { 0 };
			AUTO(strbuf_done) struct strbuf text = { 0 };
			struct problem problem = { 0 };
			const struct json *root;
			size_t offset = 0;
			int result;

			for (int level = 0; level < depth; level++)
				strbuf_puts(&text, kinds[i][0]);
			strbuf_puts(&text, "[]");
			for (int level = 0; level < depth; level++)
				strbuf_puts(&text, kinds[i][1]);
			result = json_read(&arena, strbuf_str(&text), 0, &root, &offset, &problem);
			assert_int_equal(result, depth < JSON_DEPTH_MAX ? 0 : WEIR_ELIMIT);
			if (result == 0)
				continue;
			assert_int_equal(offset, JSON_DEPTH_MAX * strlen(kinds[i][0]));
			assert_non_null(strstr(problem.message, "nested more than 200 deep"));
		}
	}
}

static void python_s_words_for_numbers_are_taken_when_allowed(void **state UNUSED)
{
	static const struct row rows[] = {
		{ "NaN", "NaN" },
		{ "[NaN,Infinity,-Infinity,-1]", "array4(NaN Infinity -Infinity -1)" },
		{ "-NaN", NOT_JSON(1, 2, DIGIT ", at \"NaN\"") },
		{ "Infinit", NOT_JSON(0, 1, VALUE ", at \"Infinit\"") },
		{ "-Inf", NOT_JSON(1, 2, DIGIT ", at \"Inf\"") },
		{ "[nan]", NOT_JSON(1, 2, VALUE ", at \"nan]\"") },
	};

	check_rows(rows, ARRAY_LENGTH(rows), JSON_ALLOW_NAN);
}

/* --- looking at values --- */

static void members_and_elements_are_found(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	const struct json *root = must_read(&arena, "{\"a\":1,\"list\":[10,20,30],\"a\":2,\"aa\":3}");
	const struct json *list = json_get(root, "list");

	check_str("the last of two", json_get(root, "a")->raw, "2");
	check_str("a longer name", json_get(root, "aa")->raw, "3");
	assert_null(json_get(root, "b"));
	assert_null(json_get(list, "a"));
	assert_null(json_get(NULL, "a"));
	check_str("the first", json_at(list, 0)->raw, "10");
	check_str("the last", json_at(list, 2)->raw, "30");
	assert_null(json_at(list, 3));
	assert_null(json_at(root, 0));
	assert_null(json_at(NULL, 0));
}

static void text_of_other_values_is_none(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	const struct json *root = must_read(&arena, "[null,1,{},\"\",\"text\"]");

	for (size_t i = 0; i < 3; i++)
		assert_null(json_text(&arena, json_at(root, i)).data);
	assert_null(json_text(&arena, NULL).data);
	assert_non_null(json_text(&arena, json_at(root, 3)).data);
	/* Without escapes nothing is copied. */
	assert_ptr_equal(json_text(&arena, json_at(root, 4)).data, json_at(root, 4)->raw.data + 1);
}

static void nothing_and_null_are_none(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };

	assert_true(json_is_none(NULL));
	assert_true(json_is_none(must_read(&arena, "null")));
	assert_false(json_is_none(must_read(&arena, "false")));
	assert_false(json_is(NULL, JSON_TYPE_NULL));
	assert_true(json_is(must_read(&arena, "[]"), JSON_TYPE_ARRAY));
}

static void numbers_are_converted(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool is_integer;
		int64_t integer;
		double real;
	} rows[] = {
		{ "7", true, 7, 7 },
		{ "-9223372036854775808", true, INT64_MIN, -0x1p63 },
		{ "3.0", true, 3, 3 },
		{ "1e3", true, 1000, 1000 },
		{ "9223372036854775808", false, 0, 0x1p63 },
		{ "0.25", false, 0, 0.25 },
		{ "1e400", false, 0, INFINITY },
		{ "Infinity", false, 0, INFINITY },
		{ "-Infinity", false, 0, -INFINITY },
	};
	AUTO(arena_done) struct arena arena = { 0 };
	int64_t integer;
	double real;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct json *value = must_read(&arena, rows[i].text);

		check_integer(rows[i].text, json_to_integer(value, &integer), rows[i].is_integer);
		if (rows[i].is_integer)
			check_integer(rows[i].text, integer, rows[i].integer);
		assert_true(json_to_real(value, &real));
		assert_true(real == rows[i].real);
	}
	assert_true(json_to_real(must_read(&arena, "NaN"), &real));
	assert_true(isnan(real));
	assert_false(json_to_integer(must_read(&arena, "NaN"), &integer));
	assert_false(json_to_real(must_read(&arena, "\"1\""), &real));
	assert_false(json_to_integer(must_read(&arena, "true"), &integer));
	assert_false(json_to_integer(NULL, &integer));
	assert_false(json_to_real(NULL, &real));
}

/* The library links jansson too, and its edge includes both headers: no name may mean two things. */
static void jansson_s_names_are_its_own(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	json_t *theirs = json_pack("[s, i, f]", "text", 7, 0.5);
	const struct json *ours = must_read(&arena, "[\"text\",7,0.5]");
	int64_t integer;

	assert_true(json_is_string(json_array_get(theirs, 0)));
	assert_int_equal(json_integer_value(json_array_get(theirs, 1)), 7);
	assert_true(json_to_integer(json_at(ours, 1), &integer));
	assert_int_equal(integer, 7);
	json_decref(theirs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(strings_are_decoded),
		cmocka_unit_test(a_nul_in_a_string_is_kept),
		cmocka_unit_test(strings_of_all_lengths_are_read),
		cmocka_unit_test(raw_slices_are_exact),
		cmocka_unit_test(what_is_wrong_is_refused_at_its_place),
		cmocka_unit_test(a_nul_byte_is_no_blank),
		cmocka_unit_test(every_text_that_is_cut_short_is_refused),
		cmocka_unit_test(nesting_is_limited),
		cmocka_unit_test(python_s_words_for_numbers_are_taken_when_allowed),
		cmocka_unit_test(members_and_elements_are_found),
		cmocka_unit_test(text_of_other_values_is_none),
		cmocka_unit_test(nothing_and_null_are_none),
		cmocka_unit_test(numbers_are_converted),
		cmocka_unit_test(jansson_s_names_are_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
