/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: columns aligned by what a terminal shows, cut to its width, of any length; and output that can't be written. */
#include "cli/table.h"

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static const struct table_column columns[] = {
	{ .title = "ID", .minimum = 6, .last = true },
	{ .title = "Name", .minimum = 5 },
	{ .title = "When" },
};

/* Two rows: one of ASCII, one with wide characters. */
static const struct table_cell rows[][3] = {
	{ { STR("0123456789"), STYLE_NONE }, { STR("calm-otter"), STYLE_BOLD }, { STR("1 hour ago"), STYLE_NONE } },
	{ { STR("abcdefghij"), STYLE_NONE }, { STR("数据拉取"), STYLE_RED }, { STR("just now"), STYLE_NONE } },
};

/* The rows on a terminal so wide; what is written stays in the buffer. */
static struct strbuf print(size_t width, bool colour)
{
	struct output output = { .fd = -1, .terminal = width > 0, .columns = width, .colour = colour };
	struct table table;

	table_init(&table, &output, columns, ARRAY_LENGTH(columns));
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_true(table_add(&table, rows[i]));
	table_finish(&table);
	table_done(&table);
	return output.buffer;
}

static void test_widths(void **state)
{
	static const struct {
		size_t width;
		const char *expected;
	} table[] = {
		/* Not a terminal: nothing is cut. */
		{ 0, "ID          Name        When\n"
		     "0123456789  calm-otter  1 hour ago\n"
		     "abcdefghij  数据拉取    just now\n" },
		{ 34, "ID          Name        When\n"
		      "0123456789  calm-otter  1 hour ago\n"
		      "abcdefghij  数据拉取    just now\n" },
		{ 31, "ID          Name     When\n"
		      "0123456789  calm-o…  1 hour ago\n"
		      "abcdefghij  数据拉…  just now\n" },
		/* The name is at its minimum: now the id is cut, without a mark, so that it is a usable prefix. */
		{ 27, "ID        Name   When\n"
		      "01234567  calm…  1 hour ago\n"
		      "abcdefgh  数据…  just now\n" },
		/* Too narrow for anything: lines are longer than the terminal. */
		{ 10, "ID      Name   When\n"
		      "012345  calm…  1 hour ago\n"
		      "abcdef  数据…  just now\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
		struct strbuf out = print(table[i].width, false);

		check_text("table", out.data, table[i].expected);
		strbuf_done(&out);
	}
}

static void test_colours(void **state)
{
	struct strbuf out = print(34, true);

	(void)state;
	check_text("table", out.data,
	           "\033[1mID\033[0m          \033[1mName\033[0m        \033[1mWhen\033[0m\n"
	           "0123456789  \033[1mcalm-otter\033[0m  1 hour ago\n"
	           "abcdefghij  \033[31m数据拉取\033[0m    just now\n");
	strbuf_done(&out);
}

static void test_empty_cells_and_no_rows(void **state)
{
	struct output output = { .fd = -1 };
	const struct table_cell gaps[] = { { STR("a"), STYLE_NONE },
		                           { STR_NULL, STYLE_RED },
		                           { STR("c\n\033"), STYLE_NONE } };
	const struct table_cell blank[] = { { STR(""), STYLE_NONE },
		                            { STR("b"), STYLE_NONE },
		                            { STR(""), STYLE_NONE } };
	struct table table;

	(void)state;
	table_init(&table, &output, columns, ARRAY_LENGTH(columns));
	table_finish(&table);
	table_done(&table);
	check_text("no rows", output.buffer.data, "ID  Name  When\n");
	strbuf_clear(&output.buffer);
	table_init(&table, &output, columns, ARRAY_LENGTH(columns));
	assert_true(table_add(&table, gaps));
	assert_true(table_add(&table, blank));
	table_finish(&table);
	table_done(&table);
	check_text("gaps", output.buffer.data,
	           "ID  Name  When\n"
	           "a         c\\n\\x1b\n"
	           "    b\n");
	strbuf_done(&output.buffer);
}

/* Rows after the first thousand go out as they come, at the widths that those had. */
static void test_long_table(void **state)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct output output = { .fd = fd };
	const struct table_cell longer[] = { { STR("0123456789"), STYLE_NONE },
		                             { STR("a name that is longer than those before"), STYLE_NONE },
		                             { STR("later"), STYLE_NONE } };
	struct table table;

	(void)state;
	table_init(&table, &output, columns, ARRAY_LENGTH(columns));
	for (int i = 0; i < 100000; i++) {
		assert_true(table_add(&table, rows[0]));
		assert_true(output.buffer.length <= 128 * 1024);
		assert_true(table.held.count <= TABLE_SAMPLE_ROWS * ARRAY_LENGTH(columns));
	}
	output_flush(&output);
	assert_true(table_add(&table, longer));
	check_text("longer", output.buffer.data, "0123456789  a name that is longer than those before  later\n");
	table_finish(&table);
	table_done(&table);
	strbuf_done(&output.buffer);
	close(fd);
}

/* --- Output --- */

static int fill_pipe(void)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	close(fds[0]);
	return fds[1];
}

static void test_lost_output(void **state)
{
	static const struct {
		const char *path; /* NULL: a pipe that nobody reads */
		int expected;
	} table[] = {
		{ "/dev/full", WEIR_ENOSPC },
		{ NULL, 0 },
	};

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
		int fd = table[i].path ? open(table[i].path, O_WRONLY | O_CLOEXEC) : fill_pipe();
		struct output output;
		struct problem problem;

		assert_true(fd >= 0);
		output_init(&output, fd);
		output_puts(&output, "hello\n");
		assert_true(output_flush_full(&output));
		assert_false(output_flush(&output));
		output_puts(&output, "again\n");
		assert_false(output_flush_full(&output));
		assert_int_equal(output_finish(&output, &problem), table[i].expected);
		if (table[i].expected)
			assert_string_equal(problem.message, "can't write the output: No space left on device");
		close(fd);
	}
}

/* A descriptor that another program made non-blocking: nothing is lost. */
static void test_nonblocking_output(void **state)
{
	enum { SIZE = 1024 * 1024 };
	struct output output;
	struct problem problem;
	char buffer[4096];
	size_t total = 0;
	ssize_t length;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	if (fork() == 0) {
		output_init(&output, fds[1]);
		memset(strbuf_reserve(&output.buffer, SIZE), 'x', SIZE);
		output.buffer.length = SIZE;
		_exit(output_finish(&output, &problem) == 0 ? 0 : 1);
	}
	close(fds[1]);
	while ((length = read(fds[0], buffer, sizeof buffer)) > 0)
		total += (size_t)length;
	assert_int_equal(total, SIZE);
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_colours),
		cmocka_unit_test(test_empty_cells_and_no_rows),
		cmocka_unit_test(test_long_table),
		cmocka_unit_test(test_lost_output),
		cmocka_unit_test(test_nonblocking_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
