/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/clock.h"
#include "base/uuid.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MANY = 100000, THREADS = 4 };

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

static void new_ids_are_version_7_of_the_rfc(void **state UNUSED)
{
	for (int i = 0; i < 1000; i++) {
		struct uuid id = uuid_new();

		assert_int_equal(id.bytes[6] >> 4, 7);
		assert_int_equal(id.bytes[8] >> 6, 2);
	}
}

static void ids_begin_with_the_milliseconds(void **state UNUSED)
{
	int64_t before = clock_wall_us() / 1000;
	struct uuid id = uuid_new();
	int64_t millisecond = 0;

	for (int i = 0; i < 6; i++)
		millisecond = millisecond << 8 | id.bytes[i];
	assert_true(millisecond >= before);
	/* The counter can carry it ahead, but by no more than a millisecond for 2^41 ids. */
	assert_true(millisecond <= clock_wall_us() / 1000 + 1000);
}

static void ids_ascend(void **state UNUSED)
{
	struct uuid last = uuid_new();

	for (int i = 0; i < MANY; i++) {
		struct uuid next = uuid_new();

		assert_true(compare(&last, &next) < 0);
		last = next;
	}
}

static void *make_many(void *ids)
{
	for (int i = 0; i < MANY / THREADS; i++)
		((struct uuid *)ids)[i] = uuid_new();
	return NULL;
}

static void threads_get_different_ids(void **state UNUSED)
{
	static struct uuid ids[MANY];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_many, ids + i * (MANY / THREADS)), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	qsort(ids, MANY, sizeof *ids, compare);
	for (int i = 1; i < MANY; i++)
		assert_true(compare(&ids[i - 1], &ids[i]) < 0);
}

/* A child has its parent's counter and its fetched random bytes, and must not use them. */
static void a_forked_child_gets_different_ids(void **state UNUSED)
{
	struct uuid from_child, from_parent;
	int ends[2], status;
	pid_t child;

	uuid_new();
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct uuid id = uuid_new();

		_exit(write(ends[1], &id, sizeof id) == (ssize_t)sizeof id ? 0 : 1);
	}
	from_parent = uuid_new();
	assert_int_equal(read(ends[0], &from_child, sizeof from_child), sizeof from_child);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_memory_not_equal(from_child.bytes + 12, from_parent.bytes + 12, 4);
	close(ends[0]);
	close(ends[1]);
}

#define SAMPLE "01234567-89ab-cdef-0123-456789abcdef"

static const struct uuid sample = { { 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0x01, 0x23, 0x45, 0x67, 0x89,
	                              0xAB, 0xCD, 0xEF } };

static void text_is_lower_case_with_hyphens(void **state UNUSED)
{
	assert_string_equal(uuid_text(sample).text, SAMPLE);
}

static void parse_takes_what_a_path_may_hold(void **state UNUSED)
{
	/* Which functions take it: the strict one, the lenient one. */
	static const struct {
		const char *text;
		bool strict, lenient;
	} rows[] = {
		{ SAMPLE, true, true },
		{ "01234567-89AB-cdef-0123-456789ABCDEF", true, true },
		{ "0123456789abcdef0123456789abcdef", true, true },
		{ "0123456789ABCDEF0123456789abcdef", true, true },
		{ "{" SAMPLE "}", false, true },
		{ "{0123456789abcdef0123456789abcdef}", false, true },
		{ "urn:uuid:" SAMPLE, false, true },
		{ "urn:uuid:{" SAMPLE "}", false, true },
		{ "", false, false },
		{ "{}", false, false },
		{ "{", false, false },
		{ "urn:uuid:", false, false },
		{ "{" SAMPLE, false, false },
		{ SAMPLE "}", false, false },
		{ " " SAMPLE, false, false },
		{ SAMPLE "0", false, false },
		{ "01234567-89ab-cdef-0123-456789abcde", false, false },
		{ "01234567-89ab-cdef-0123-456789abcdeg", false, false },
		{ "0123456-789ab-cdef-0123-456789abcdef", false, false },
		{ "01234567089ab-cdef-0123-456789abcdef", false, false },
		{ "0123456789abcdef0123456789abcde-", false, false },
		{ "0123456789abcdef0123456789abcde", false, false },
		{ "0123456789abcdef0123456789abcdef0", false, false },
		{ "xyz", false, false },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct str text = exact_copy(str_of(rows[i].text));
		struct uuid strict, lenient;

		check_integer(rows[i].text, uuid_parse(text, &strict), rows[i].strict);
		check_integer(rows[i].text, uuid_parse_lenient(text, &lenient), rows[i].lenient);
		if (rows[i].strict)
			assert_true(uuid_equal(strict, sample));
		if (rows[i].lenient)
			assert_true(uuid_equal(lenient, sample));
		free((char *)text.data);
	}
}

static void nil_is_all_zero(void **state UNUSED)
{
	struct uuid nil = { 0 };

	assert_true(uuid_is_nil(nil));
	assert_false(uuid_is_nil(sample));
	nil.bytes[15] = 1;
	assert_false(uuid_is_nil(nil));
	assert_false(uuid_equal(nil, sample));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_ids_are_version_7_of_the_rfc),
		cmocka_unit_test(ids_begin_with_the_milliseconds),
		cmocka_unit_test(ids_ascend),
		cmocka_unit_test(threads_get_different_ids),
		cmocka_unit_test(a_forked_child_gets_different_ids),
		cmocka_unit_test(text_is_lower_case_with_hyphens),
		cmocka_unit_test(parse_takes_what_a_path_may_hold),
		cmocka_unit_test(nil_is_all_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
