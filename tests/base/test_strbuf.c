/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/strbuf.h"

static void an_untouched_buffer_is_empty(void **state UNUSED)
{
	struct strbuf buffer = { 0 };

	assert_int_equal(strbuf_str(&buffer).length, 0);
	assert_string_equal(strbuf_str(&buffer).data, "");
	strbuf_clear(&buffer);
	strbuf_done(&buffer);
	strbuf_done(&buffer);
}

static void additions_follow_each_other(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf buffer = { 0 };

	strbuf_puts(&buffer, "one");
	strbuf_putc(&buffer, ' ');
	strbuf_add_str(&buffer, STR("two"));
	strbuf_add_str(&buffer, STR_NULL);
	strbuf_add(&buffer, "\0three", 3);
	strbuf_printf(&buffer, "[%03d]", 7);
	assert_int_equal(buffer.length, strlen("one two") + 3 + strlen("[007]"));
	assert_memory_equal(buffer.data, "one two\0th[007]", buffer.length + 1);
}

static void every_length_ends_with_nul(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf buffer = { 0 };

	for (size_t length = 1; length <= 1000; length++) {
		strbuf_putc(&buffer, (char)('a' + length % 26));
		assert_int_equal(strlen(buffer.data), length);
		assert_true(buffer.capacity > length);
	}
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(buffer.data[i], 'a' + (i + 1) % 26);
}

/* Texts shorter and longer than what printf first has room for, at every fill of the buffer. */
static void printf_takes_any_length(void **state UNUSED)
{
	for (int before = 0; before < 70; before++) {
		for (int length = 0; length < 200; length += 7) {
			AUTO(strbuf_done) struct strbuf buffer = { 0 };

			strbuf_printf(&buffer, "%*s", before, "");
			strbuf_printf(&buffer, "%*s", length, "");
			assert_int_equal(buffer.length, before + length);
			assert_int_equal(strlen(buffer.data), before + length);
		}
	}
}

static void reserved_room_is_there(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf buffer = { 0 };
	char *room;

	strbuf_puts(&buffer, "ab");
	room = strbuf_reserve(&buffer, 10000);
	assert_ptr_equal(room, buffer.data + 2);
	memset(room, 'c', 10000);
	room[10000] = '\0';
	buffer.length += 10000;
	assert_int_equal(strlen(buffer.data), 10002);
}

static void clear_keeps_the_memory(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf buffer = { 0 };
	const char *memory;

	strbuf_printf(&buffer, "%500d", 1);
	memory = buffer.data;
	strbuf_clear(&buffer);
	assert_string_equal(buffer.data, "");
	strbuf_printf(&buffer, "%500d", 2);
	assert_ptr_equal(buffer.data, memory);
}

static void take_hands_over_the_memory(void **state UNUSED)
{
	struct strbuf buffer = { 0 };
	char *taken;

	taken = strbuf_take(&buffer);
	assert_string_equal(taken, "");
	free(taken);
	strbuf_puts(&buffer, "text");
	taken = strbuf_take(&buffer);
	assert_string_equal(taken, "text");
	assert_null(buffer.data);
	assert_int_equal(buffer.length + buffer.capacity, 0);
	free(taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_untouched_buffer_is_empty), cmocka_unit_test(additions_follow_each_other),
		cmocka_unit_test(every_length_ends_with_nul),   cmocka_unit_test(printf_takes_any_length),
		cmocka_unit_test(reserved_room_is_there),       cmocka_unit_test(clear_keeps_the_memory),
		cmocka_unit_test(take_hands_over_the_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
