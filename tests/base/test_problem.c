/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>

static void set_fills_code_and_message_and_clears_the_path(void **state UNUSED)
{
	struct problem problem;

	memset(&problem, 'x', sizeof problem);
	assert_int_equal(problem_set(&problem, WEIR_EBUSY, "no place for %d", 7), WEIR_EBUSY);
	assert_int_equal(problem.code, WEIR_EBUSY);
	assert_string_equal(problem.message, "no place for 7");
	assert_string_equal(problem.path, "");
	assert_int_equal(problem_at(&problem, "line %d", 3), WEIR_EBUSY);
	assert_string_equal(problem.path, "line 3");
	assert_string_equal(problem.message, "no place for 7");
}

static void nobody_needs_to_ask_for_a_problem(void **state UNUSED)
{
	assert_int_equal(problem_set(NULL, WEIR_EIO, "%s", "unheard"), WEIR_EIO);
	problem_at(NULL, "nowhere");
}

/* A text of `ascii` letters, then characters of three bytes, comes out as the longest part of whole characters. */
static void long_texts_are_cut_between_characters(void **state UNUSED)
{
	char text[1200];

	for (size_t ascii = 0; ascii < 6; ascii++) {
		struct problem problem;
		size_t fits = (sizeof problem.message - 1 - ascii) / 3 * 3 + ascii;

		memset(text, 'a', ascii);
		for (size_t at = ascii; at + 3 < sizeof text; at += 3)
			memcpy(text + at, "\xE2\x82\xAC", 4);
		problem_set(&problem, WEIR_EINVAL, "%s", text);
		assert_int_equal(strlen(problem.message), fits);
		assert_true(utf8_is_valid(str_of(problem.message)));
		problem_at(&problem, "%s", text);
		assert_true(utf8_is_valid(str_of(problem.path)));
		assert_true(strlen(problem.path) + 3 >= sizeof problem.path - 1);
	}
}

static void a_text_that_just_fits_is_whole(void **state UNUSED)
{
	struct problem problem;
	char text[sizeof problem.message];

	memset(text, 'a', sizeof text);
	memcpy(text + sizeof text - 4, "\xE2\x82\xAC", 4);
	problem_set(&problem, WEIR_EINVAL, "%s", text);
	assert_string_equal(problem.message, text);
}

static void the_list_gives_name_text_and_statuses(void **state UNUSED)
{
	assert_string_equal(error_name(WEIR_OK), "WEIR_OK");
	assert_int_equal(error_http_status(WEIR_OK), 200);
	assert_int_equal(error_exit_status(WEIR_OK), 0);
	assert_string_equal(error_name(WEIR_ENOTFOUND), "WEIR_ENOTFOUND");
	assert_string_equal(error_text(WEIR_ENOTFOUND), "not found");
	assert_int_equal(error_http_status(WEIR_ENOTFOUND), 404);
	assert_int_equal(error_exit_status(WEIR_ETIMEDOUT), 124);
	assert_string_equal(error_name(-12345), "WEIR_EINTERNAL");
	assert_int_equal(error_http_status(12345), 500);
}

static void every_errno_has_a_code(void **state UNUSED)
{
	static const struct {
		int error_number, code;
	} rows[] = {
		{ 0, WEIR_OK },           { ENOENT, WEIR_ENOTFOUND },
		{ EEXIST, WEIR_EEXISTS }, { EACCES, WEIR_EPERM },
		{ ENOSPC, WEIR_ENOSPC },  { ENOMEM, WEIR_ENOMEM },
		{ EAGAIN, WEIR_EBUSY },   { ETIMEDOUT, WEIR_ETIMEDOUT },
		{ EINVAL, WEIR_EINVAL },  { EMFILE, WEIR_ELIMIT },
		{ EIO, WEIR_EIO },        { EPIPE, WEIR_EIO },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check_integer(strerror(rows[i].error_number), error_of_errno(rows[i].error_number), rows[i].code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_fills_code_and_message_and_clears_the_path),
		cmocka_unit_test(nobody_needs_to_ask_for_a_problem),
		cmocka_unit_test(long_texts_are_cut_between_characters),
		cmocka_unit_test(a_text_that_just_fits_is_whole),
		cmocka_unit_test(the_list_gives_name_text_and_statuses),
		cmocka_unit_test(every_errno_has_a_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
