/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/arena.h"

#include <stdalign.h>

static void pieces_are_aligned_and_apart(void **state UNUSED)
{
	/* Across several chunks, and with pieces larger than any chunk. */
	static const size_t sizes[] = { 0, 1, 7, 16, 100, 2047, 2048, 5000, 300 * 1024, 3, 1024 * 1024, 1 };
	AUTO(arena_done) struct arena arena = { 0 };
	unsigned char *pieces[ARRAY_LENGTH(sizes) * 20];
	size_t count = 0;

	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++, count++) {
			pieces[count] = arena_alloc(&arena, sizes[i]);
			assert_int_equal((uintptr_t)pieces[count] % alignof(max_align_t), 0);
			memset(pieces[count], (int)count, sizes[i]);
		}
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t at = 0; at < sizes[i % ARRAY_LENGTH(sizes)]; at++)
			assert_int_equal(pieces[i][at], (unsigned char)i);
	}
}

static void used_bytes_count_what_was_given_out(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };

	arena_alloc(&arena, 1);
	arena_alloc(&arena, 100000);
	assert_in_range(arena.used_bytes, 100001, 100001 + 2 * alignof(max_align_t));
	arena_clear(&arena);
	assert_int_equal(arena.used_bytes, 0);
}

static void clear_keeps_the_newest_chunk(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	void *first;

	arena_clear(&arena);
	arena_alloc(&arena, 1);
	arena_alloc(&arena, 100000);
	arena_clear(&arena);
	first = arena_alloc(&arena, 50000);
	for (int i = 0; i < 10; i++) {
		arena_clear(&arena);
		assert_ptr_equal(arena_alloc(&arena, 50000), first);
	}
}

static void done_leaves_a_usable_arena(void **state UNUSED)
{
	struct arena arena = { 0 };

	arena_done(&arena);
	arena_alloc(&arena, 10);
	arena_done(&arena);
	assert_int_equal(arena.used_bytes, 0);
	memset(arena_alloc(&arena, 10), 1, 10);
	arena_done(&arena);
}

static void zalloc_clears_used_memory(void **state UNUSED)
{
	static const char zeros[1000];
	AUTO(arena_done) struct arena arena = { 0 };

	memset(arena_alloc(&arena, sizeof zeros), 0xFF, sizeof zeros);
	arena_clear(&arena);
	assert_memory_equal(arena_zalloc(&arena, sizeof zeros), zeros, sizeof zeros);
}

static void copies_end_with_nul(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct str with_nul = arena_str(&arena, (struct str){ "a\0bc", 3 });
	struct str empty = arena_str(&arena, STR(""));

	assert_int_equal(with_nul.length, 3);
	assert_memory_equal(with_nul.data, "a\0b", 4);
	assert_int_equal(empty.length, 0);
	assert_string_equal(empty.data, "");
	assert_null(arena_str(&arena, STR_NULL).data);
	assert_string_equal(arena_strdup(&arena, "text"), "text");
}

static void printf_takes_any_length(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	char long_text[5000];
	struct str text;

	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	check_str("a short text", arena_printf(&arena, "%s-%d", "a", 7), "a-7");
	check_str("an empty text", arena_printf(&arena, "%s", ""), "");
	text = arena_printf(&arena, "<%s>", long_text);
	assert_int_equal(text.length, sizeof long_text + 1);
	assert_string_equal(text.data + sizeof long_text - 1, "x>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_aligned_and_apart), cmocka_unit_test(used_bytes_count_what_was_given_out),
		cmocka_unit_test(clear_keeps_the_newest_chunk), cmocka_unit_test(done_leaves_a_usable_arena),
		cmocka_unit_test(zalloc_clears_used_memory),    cmocka_unit_test(copies_end_with_nul),
		cmocka_unit_test(printf_takes_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
