/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: how they are stored, and in which order they come out. */
#include "world.h"

struct append_request {
	struct log_line *lines;
	size_t count;
};

static int append(struct tx *tx, void *data)
{
	struct append_request *request = data;

	return logs_append(tx, request->lines, request->count);
}

static void append_lines(struct world *world, struct log_line *lines, size_t count)
{
	struct append_request request = { lines, count };

	world_run(world, append, &request);
}

static struct log_line make_line(const char *message, size_t length, int64_t level, int64_t seconds, uint8_t flow_run,
                                 uint8_t task_run)
{
	return (struct log_line){ .name = STR("weir.flow_runs"),
		                  .level = level,
		                  .message = { message, length },
		                  .timestamp = NOW_US + seconds * SECOND_US,
		                  .flow_run_id = id(flow_run),
		                  .task_run_id = id(task_run) };
}

static int add_line(void *data, const struct log_line *line)
{
	strbuf_printf(data, "%.*s ", STR_ARG(line->message));
	return 0;
}

static void test_nul_bytes_are_taken_out(void **state)
{
	static const struct {
		const char *message;
		size_t length;
		const char *expect;
	} rows[] = {
		{ "plain", 5, "plain\n" }, { "a\0b\0\0c", 6, "abc\n" },    { "\0", 1, "\n" },
		{ "", 0, "\n" },           { "\0äöü 中", 11, "äöü 中\n" },
	};
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct log_line line = make_line(rows[i].message, rows[i].length, 20, 0, 1, 0);

		append_lines(world, &line, 1);
		assert_false(uuid_is_nil(line.id));
		check_text("message", world_rows(world, "SELECT message FROM log ORDER BY rowid DESC LIMIT 1"),
		           rows[i].expect);
	}
}

static void test_a_line_keeps_what_it_came_with(void **state)
{
	struct world *world = *state;
	struct log_line line = make_line("hello", 5, 30, 7, 1, 2);

	line.id = id(9);
	append_lines(world, &line, 1);
	check_text("line", world_rows(world, "SELECT id, name, level, timestamp, flow_run_id, task_run_id FROM log"),
	           "09000000-0000-0000-0000-000000000000 | weir.flow_runs | 30 | 1767225607000000 | "
	           "01000000-0000-0000-0000-000000000000 | 02000000-0000-0000-0000-000000000000\n");
	assert_true(world_count(world, "SELECT created FROM log") > NOW_US);
}

static void test_lists(void **state)
{
	static const struct {
		struct log_query query;
		const char *expect;
	} rows[] = {
		{ { .level_from = 0 }, "debug first second third other " },
		{ { .flow_run_id = { { 1 } } }, "debug first second third " },
		{ { .flow_run_id = { { 1 } }, .newest_first = true }, "third second first debug " },
		{ { .flow_run_id = { { 1 } }, .level_from = 20 }, "first second third " },
		{ { .flow_run_id = { { 1 } }, .limit = 2, .offset = 1 }, "first second " },
		{ { .task_run_id = { { 5 } } }, "second third " },
		{ { .task_run_id = { { 5 } }, .flow_run_id = { { 2 } } }, "" },
		{ { .newest_first = true, .limit = 1 }, "other " },
	};
	struct world *world = *state;
	/* Three at one instant come out in the order of their making. */
	struct log_line lines[] = {
		make_line("other", 5, 20, 9, 2, 0),  make_line("first", 5, 20, 5, 1, 0),
		make_line("second", 6, 20, 5, 1, 5), make_line("third", 5, 40, 5, 1, 5),
		make_line("debug", 5, 10, 1, 1, 0),
	};
	struct db *db;

	append_lines(world, lines, ARRAY_LENGTH(lines));
	db = world_reader(world);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		AUTO(strbuf_done) struct strbuf text = { 0 };

		assert_int_equal(log_list(db, &rows[i].query, add_line, &text, &world->problem), 0);
		check_text("log_list", strbuf_str(&text).data, rows[i].expect);
	}
	world_reader_done(world, db);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nul_bytes_are_taken_out),
		TEST(test_a_line_keeps_what_it_came_with),
		TEST(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
