/* SPDX-License-Identifier: Apache-2.0 */
/* Several processes that write to one file, and processes that are killed while they write: no row is lost. */
#include "support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILLING = 500, SHORT_ROUNDS = 10, LONG_ROUNDS = 100, LINE = 64 };

/* --- The writer: "writer FILE FIRST COUNT" writes a row for each number, and prints it when it is durable --- */

static int make_table(struct tx *tx, void *request)
{
	(void)request;
	return db_run(tx->db, "CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, filling BLOB)", tx->problem, "");
}

static int write_row(struct tx *tx, void *request)
{
	return insert_row(tx, *(const int64_t *)request, FILLING);
}

static int tell_failure(const struct problem *problem)
{
	fprintf(stderr, "%s\n", problem->message);
	return 1;
}

static int run_writer(const char *path, int64_t first, int64_t count)
{
	struct store_options options = { .path = path, .mode = STORE_WRITE };
	struct problem problem;
	struct store *store;

	if (store_open(&options, &store, &problem) < 0 || store_run(store, make_table, NULL, &problem) < 0)
		return tell_failure(&problem);
	for (int64_t row = first; row < first + count; row++) {
		if (store_run(store, write_row, &row, &problem) < 0)
			return tell_failure(&problem);
		/* At once: what is printed has been confirmed when this process is killed. */
		if (dprintf(1, "%ld\n", (long)row) < 0)
			return 2;
	}
	store_close(store);
	return 0;
}

static void start_writer(struct process *process, const char *path, int64_t first, int64_t count)
{
	AUTO(arena_done) struct arena arena = { 0 };
	const char *first_text = arena_printf(&arena, "%ld", (long)first).data;
	const char *count_text = arena_printf(&arena, "%ld", (long)count).data;

	process_start(process, (const char *const[]){ "writer", path, first_text, count_text, NULL });
}

/* "1 2 3": all numbers from..to. */
static struct str numbers(struct arena *arena, int64_t from, int64_t to)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };

	for (int64_t number = from; number <= to; number++)
		strbuf_printf(&text, "%s%ld", number > from ? " " : "", (long)number);
	return arena_str(arena, strbuf_str(&text));
}

/* --- Writing at once --- */

static void check_writers(int count, int64_t rows)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct process processes[10];
	const char *path = path_in("weir.db");

	for (int i = 0; i < count; i++)
		start_writer(&processes[i], path, 1 + i * rows, rows);
	for (int i = 0; i < count; i++)
		assert_int_equal(process_end(&processes[i]), 0);
	assert_string_equal(rows_of(&arena, path).data, numbers(&arena, 1, count * rows).data);
}

static void test_two_writers(void **state)
{
	(void)state;
	check_writers(2, 200);
}

static void test_ten_writers(void **state)
{
	(void)state;
	check_writers(10, 40);
}

/* Who lets the file go and wants it again lets those pass that wait: both get on. */
static void test_writers_take_turns(void **state)
{
	struct process busy, other;
	const char *path = path_in("weir.db");
	char line[LINE];

	(void)state;
	start_writer(&busy, path, 1, 1000000);
	assert_true(process_line(&busy, line, sizeof line));
	start_writer(&other, path, 2000000, 20);
	for (int i = 0; i < 20; i++)
		assert_true(process_line(&other, line, sizeof line));
	process_kill(&busy);
	assert_int_equal(process_end(&busy), -SIGKILL);
	assert_int_equal(process_end(&other), 0);
}

/* One that is stopped within a transaction can't be waited for, but must not be overtaken either. */
static void test_stopped_writer_goes_on(void **state)
{
	struct process stopped, other;
	const char *path = path_in("weir.db");
	AUTO(arena_done) struct arena arena = { 0 };
	char line[LINE];

	(void)state;
	start_writer(&stopped, path, 1, 300);
	assert_true(process_line(&stopped, line, sizeof line));
	start_writer(&other, path, 301, 300);
	assert_true(process_line(&other, line, sizeof line));
	kill(stopped.pid, SIGSTOP);
	usleep(50000);
	kill(stopped.pid, SIGCONT);
	assert_int_equal(process_end(&stopped), 0);
	assert_int_equal(process_end(&other), 0);
	assert_string_equal(rows_of(&arena, path).data, numbers(&arena, 1, 600).data);
}

/* --- Being killed --- */

/* Kill the writer after it has confirmed so many rows and a little more; collect what it has confirmed. */
static int64_t kill_writer(struct process *process, int confirmed, unsigned delay_us)
{
	char line[LINE];
	int64_t last = 0;

	for (int i = 0; i < confirmed; i++) {
		assert_true(process_line(process, line, sizeof line));
		last = strtol(line, NULL, 10);
	}
	usleep(delay_us);
	process_kill(process);
	while (process_line(process, line, sizeof line))
		last = strtol(line, NULL, 10);
	assert_int_equal(process_end(process), -SIGKILL);
	return last;
}

static void check_kill(unsigned *seed, int round)
{
	AUTO(arena_done) struct arena arena = { 0 };
	const char *path = path_in("weir.db");
	struct process process, other;
	int64_t first = 1 + (int64_t)round * 100000, last;
	struct problem problem;
	struct db *db;
	int64_t rows;

	start_writer(&process, path, first, 90000);
	last = kill_writer(&process, 1 + rand_r(seed) % 40, (unsigned)rand_r(seed) % 3000);
	/* Whoever comes next finds the file whole, the lock free, and every row that was confirmed. */
	start_writer(&other, path, first + 95000, 1);
	assert_int_equal(process_end(&other), 0);
	rows_of(&arena, path);
	db = open_rows(path, DB_READ, NULL);
	assert_ok(db_integer(db, "SELECT count(*) FROM row WHERE id BETWEEN ?1 AND ?2", &rows, &problem, "ii", first,
	                     last),
	          &problem);
	assert_int_equal(rows, last - first + 1);
	assert_true(has_row(db, first + 95000));
	/* At most the one row that was durable and not confirmed yet. */
	assert_ok(db_integer(db, "SELECT count(*) FROM row WHERE id BETWEEN ?1 AND ?2", &rows, &problem, "ii", last + 1,
	                     first + 90000),
	          &problem);
	assert_in_range(rows, 0, 1);
	db_close(db);
}

static void test_killed_writers_lose_nothing(void **state)
{
	int rounds = getenv("WEIR_TEST_LONG") ? LONG_ROUNDS : SHORT_ROUNDS;
	unsigned seed = (unsigned)getpid();

	(void)state;
	print_message("seed %u\n", seed);
	for (int round = 0; round < rounds; round++)
		check_kill(&seed, round);
}

/* The others do not notice that one is killed, wherever it was. */
static void test_the_others_go_on(void **state)
{
	AUTO(arena_done) struct arena arena = { 0 };
	const char *path = path_in("weir.db");
	unsigned seed = (unsigned)getpid();
	struct process victim, others[2];
	struct problem problem;
	struct db *db;
	int64_t rows;

	(void)state;
	print_message("seed %u\n", seed);
	start_writer(&others[0], path, 1, 400);
	start_writer(&others[1], path, 401, 400);
	for (int i = 0; i < 5; i++) {
		start_writer(&victim, path, 10000 * (i + 1), 9000);
		kill_writer(&victim, 1 + rand_r(&seed) % 5, (unsigned)rand_r(&seed) % 2000);
	}
	assert_int_equal(process_end(&others[0]), 0);
	assert_int_equal(process_end(&others[1]), 0);
	rows_of(&arena, path);
	db = open_rows(path, DB_READ, NULL);
	assert_ok(db_integer(db, "SELECT count(*) FROM row WHERE id <= 800", &rows, &problem, ""), &problem);
	assert_int_equal(rows, 800);
	db_close(db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_two_writers),
		TEST(test_ten_writers),
		TEST(test_writers_take_turns),
		TEST(test_stopped_writer_goes_on),
		TEST(test_killed_writers_lose_nothing),
		TEST(test_the_others_go_on),
	};

	if (argc == 5 && strcmp(argv[1], "writer") == 0)
		return run_writer(argv[2], strtol(argv[3], NULL, 10), strtol(argv[4], NULL, 10));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
