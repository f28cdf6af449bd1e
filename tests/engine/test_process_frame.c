/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "engine/process_frame.h"

#include <sys/socket.h>
#include <unistd.h>

enum { MAX_BYTES = 1000 };

/* Frames as they are sent. */
static void record(struct strbuf *out, enum frame_kind kind, uint32_t detail, const char *text)
{
	int pair[2];
	char buffer[512];
	ssize_t size;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_true(frame_send(pair[0], kind, detail, str_of(text)));
	close(pair[0]);
	while ((size = read(pair[1], buffer, sizeof buffer)) > 0)
		strbuf_add(out, buffer, (size_t)size);
	close(pair[1]);
}

static void test_frames_come_whole_however_they_are_cut(void **state)
{
	AUTO(strbuf_done) struct strbuf bytes = { 0 };
	struct frame_head head;
	struct str text;
	size_t first_length, used = 0;
	bool wrong;

	(void)state;
	record(&bytes, FRAME_LOG, 30, "a line");
	first_length = bytes.length;
	record(&bytes, FRAME_RESULT, 0, "");
	for (size_t length = 0; length < first_length; length++) {
		used = 0;
		assert_false(frame_next((struct str){ bytes.data, length }, MAX_BYTES, &used, &head, &text, &wrong));
		assert_int_equal(used, 0);
	}
	assert_true(frame_next(strbuf_str(&bytes), MAX_BYTES, &used, &head, &text, &wrong));
	assert_true(str_is(text, "a line"));
	assert_int_equal(head.kind, FRAME_LOG);
	assert_int_equal(head.detail, 30);
	assert_int_equal(used, first_length);
	assert_true(frame_next(strbuf_str(&bytes), MAX_BYTES, &used, &head, &text, &wrong));
	assert_int_equal(head.kind, FRAME_RESULT);
	assert_int_equal(text.length, 0);
	assert_false(frame_next(strbuf_str(&bytes), MAX_BYTES, &used, &head, &text, &wrong));
	assert_false(wrong);
}

static void test_what_is_no_frame(void **state)
{
	const struct frame_head heads[] = { { .kind = 0 },
		                            { .kind = FRAME_OUT_OF_MEMORY + 1 },
		                            { .kind = FRAME_LOG, .length = MAX_BYTES + 1 },
		                            { .kind = FRAME_LOG, .length = UINT64_MAX } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(heads); i++) {
		struct frame_head head;
		struct str text;
		size_t used = 0;
		bool wrong = false;

		assert_false(frame_next((struct str){ (const char *)&heads[i], sizeof heads[i] }, MAX_BYTES, &used,
		                        &head, &text, &wrong));
		assert_true(wrong);
	}
}

static void test_nobody_reads(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	close(pair[1]);
	assert_false(frame_send(pair[0], FRAME_RESULT, 0, STR("1")));
	close(pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_come_whole_however_they_are_cut),
		cmocka_unit_test(test_what_is_no_frame),
		cmocka_unit_test(test_nobody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
