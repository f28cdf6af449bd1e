/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/json.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void commas_and_colons_are_put(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf out = { 0 };
	struct json_writer writer;

	json_writer_init(&writer, &out);
	json_begin_object(&writer);
	json_key(&writer, "none");
	json_none(&writer);
	json_key(&writer, "flags");
	json_begin_array(&writer);
	json_bool(&writer, true);
	json_bool(&writer, false);
	json_end_array(&writer);
	json_key(&writer, "empty");
	json_begin_array(&writer);
	json_end_array(&writer);
	json_key_str(&writer, STR("deep"));
	json_begin_object(&writer);
	json_key(&writer, "list");
	json_begin_array(&writer);
	json_begin_object(&writer);
	json_end_object(&writer);
	json_begin_array(&writer);
	json_end_array(&writer);
	json_int(&writer, -7);
	json_end_array(&writer);
	json_end_object(&writer);
	json_key(&writer, "raw");
	json_raw(&writer, STR("{\"stored\": [1, 2]}"));
	json_key(&writer, "last");
	json_double(&writer, 0.5);
	json_end_object(&writer);
	assert_string_equal(out.data,
	                    "{\"none\":null,\"flags\":[true,false],\"empty\":[],\"deep\":{\"list\":[{},[],-7]},"
	                    "\"raw\":{\"stored\": [1, 2]},\"last\":0.5}");
}

static void a_scalar_is_a_document(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf out = { 0 };
	struct json_writer writer;

	strbuf_puts(&out, "before ");
	json_writer_init(&writer, &out);
	json_puts(&writer, "text");
	assert_string_equal(out.data, "before \"text\"");
}

static void missing_values_are_null(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf out = { 0 };
	struct json_writer writer;

	json_writer_init(&writer, &out);
	json_begin_array(&writer);
	json_str(&writer, STR_NULL);
	json_puts(&writer, NULL);
	json_raw(&writer, STR_NULL);
	json_double(&writer, NAN);
	json_double(&writer, -INFINITY);
	json_str(&writer, STR(""));
	json_end_array(&writer);
	assert_string_equal(out.data, "[null,null,null,null,null,\"\"]");
}

static void numbers_are_written(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf out = { 0 };
	struct json_writer writer;

	json_writer_init(&writer, &out);
	json_begin_array(&writer);
	json_int(&writer, 0);
	json_int(&writer, INT64_MAX);
	json_int(&writer, INT64_MIN);
	json_double(&writer, 3);
	json_double(&writer, 0.1);
	json_double(&writer, 1e16);
	json_double(&writer, 1e-5);
	json_double(&writer, -0.0);
	json_end_array(&writer);
	assert_string_equal(out.data, "[0,9223372036854775807,-9223372036854775808,3.0,0.1,1e+16,1e-05,-0.0]");
}

/* --- strings --- */

static void strings_are_escaped(void **state UNUSED)
{
	static const struct {
		const char *text, *json;
	} rows[] = {
		{ "", "\"\"" },
		{ "plain", "\"plain\"" },
		{ "\"quoted\" \\ / end", "\"\\\"quoted\\\" \\\\ / end\"" },
		{ "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
		{ "\x01\x1F\x7F", "\"\\u0001\\u001f\x7F\"" },
		{ "\u00E9\u20AC\U0001F600", "\"\u00E9\u20AC\U0001F600\"" },
		{ "a\u00E9b\nc", "\"a\u00E9b\\nc\"" },
		{ "bad \xFF byte", "\"bad \uFFFD byte\"" },
		{ "\xE2\x82", "\"\uFFFD\uFFFD\"" },
		{ "\xED\xA0\x80", "\"\uFFFD\uFFFD\uFFFD\"" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		AUTO(strbuf_done) struct strbuf out = { 0 };
		struct str text = exact_copy(str_of(rows[i].text));

		json_escape(&out, text);
		check_str(rows[i].text, strbuf_str(&out), rows[i].json);
		free((char *)text.data);
	}
}

static void a_nul_is_escaped(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf out = { 0 };

	json_escape(&out, (struct str){ "a\0b", 3 });
	assert_string_equal(out.data, "\"a\\u0000b\"");
	strbuf_clear(&out);
	json_escape(&out, STR_NULL);
	assert_string_equal(out.data, "\"\"");
}

/* Strings are copied in steps of 16 and 8 bytes, into a buffer that may have to grow at any place. */
static void strings_of_all_lengths_and_contents_read_back(void **state UNUSED)
{
	static const char *const specials[] = { "", "\"", "\n", "\x01", "\xC3\xA9", "\"\\\"\n\x02\x03" };
	AUTO(arena_done) struct arena arena = { 0 };

	for (size_t i = 0; i < ARRAY_LENGTH(specials); i++) {
		for (int before = 0; before < 40; before++) {
			for (int after = 0; after < 80; after += 3) {
				struct str text = arena_printf(&arena, "%*s%s%*s", before, "", specials[i], after, "");
				AUTO(strbuf_done) struct strbuf out = { 0 };
				const struct json *value;

				json_escape(&out, text);
				assert_int_equal(strlen(out.data), out.length);
				assert_int_equal(json_read(&arena, strbuf_str(&out), 0, &value, NULL, NULL), 0);
				check_str(out.data, json_text(&arena, value), text.data);
			}
		}
		arena_clear(&arena);
	}
}

static void nothing_but_control_characters_fits(void **state UNUSED)
{
	char text[1000];
	AUTO(strbuf_done) struct strbuf out = { 0 };

	memset(text, 1, sizeof text);
	json_escape(&out, (struct str){ text, sizeof text });
	assert_int_equal(out.length, 6 * sizeof text + 2);
	assert_int_equal(strlen(out.data), out.length);
}

static void keys_are_escaped_too(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf out = { 0 };
	struct json_writer writer;

	json_writer_init(&writer, &out);
	json_begin_object(&writer);
	json_key(&writer, "a\"b");
	json_int(&writer, 1);
	json_key_str(&writer, (struct str){ "c\0d\n", 4 });
	json_int(&writer, 2);
	json_key_str(&writer, STR_NULL);
	json_int(&writer, 3);
	json_end_object(&writer);
	assert_string_equal(out.data, "{\"a\\\"b\":1,\"c\\u0000d\\n\":2,\"\":3}");
}

/* --- nesting --- */

static void the_writer_nests_deeper_than_the_reader(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf out = { 0 };
	struct json_writer writer;

	json_writer_init(&writer, &out);
	for (int i = 0; i < JSON_DEPTH_MAX + 56; i++) {
		if (i % 3 == 2) {
			json_begin_object(&writer);
			json_key(&writer, "k");
		} else {
			json_begin_array(&writer);
		}
	}
	json_int(&writer, 1);
	for (int i = JSON_DEPTH_MAX + 55; i >= 0; i--) {
		if (i % 3 == 2)
			json_end_object(&writer);
		else
			json_end_array(&writer);
	}
	assert_memory_equal(out.data, "[[{\"k\":[[{\"k\":[", 15);
	assert_string_equal(out.data + out.length - 5, "]]}]]");
	assert_int_equal(writer.depth, 0);
}

/* A programmer's errors end the program: run each in a child and look at how it ended. */
static void value_without_key(struct json_writer *writer)
{
	json_begin_object(writer);
	json_int(writer, 1);
}

static void key_in_array(struct json_writer *writer)
{
	json_begin_array(writer);
	json_key(writer, "k");
}

static void key_after_key(struct json_writer *writer)
{
	json_begin_object(writer);
	json_key(writer, "k");
	json_key(writer, "k");
}

static void end_after_key(struct json_writer *writer)
{
	json_begin_object(writer);
	json_key(writer, "k");
	json_end_object(writer);
}

static void wrong_end(struct json_writer *writer)
{
	json_begin_object(writer);
	json_end_array(writer);
}

static void end_of_nothing(struct json_writer *writer)
{
	json_end_array(writer);
}

static void two_documents(struct json_writer *writer)
{
	json_int(writer, 1);
	json_int(writer, 2);
}

static void too_deep(struct json_writer *writer)
{
	for (int i = 0; i <= JSON_DEPTH_MAX + 56; i++)
		json_begin_array(writer);
}

static void calls_that_do_not_nest_are_asserted(void **state UNUSED)
{
	void (*const wrong[])(struct json_writer * writer) = {
		value_without_key, key_in_array,   key_after_key, end_after_key,
		wrong_end,         end_of_nothing, two_documents, too_deep,
	};

	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		const struct rlimit no_core = { 0, 0 };
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (child == 0) {
			struct strbuf out = { 0 };
			struct json_writer writer;

			/* The message of the assertion is expected, so it is not shown. */
			close(STDERR_FILENO);
			setrlimit(RLIMIT_CORE, &no_core);
			signal(SIGABRT, SIG_DFL);
			json_writer_init(&writer, &out);
			wrong[i](&writer);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_and_colons_are_put),
		cmocka_unit_test(a_scalar_is_a_document),
		cmocka_unit_test(missing_values_are_null),
		cmocka_unit_test(numbers_are_written),
		cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(a_nul_is_escaped),
		cmocka_unit_test(strings_of_all_lengths_and_contents_read_back),
		cmocka_unit_test(nothing_but_control_characters_fits),
		cmocka_unit_test(keys_are_escaped_too),
		cmocka_unit_test(the_writer_nests_deeper_than_the_reader),
		cmocka_unit_test(calls_that_do_not_nest_are_asserted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
