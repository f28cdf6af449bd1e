/* SPDX-License-Identifier: Apache-2.0 */
/* The length of the write-ahead log: while it is written, while somebody reads an old state, and when all is quiet. */
#include "support.h"

#include "store/checkpointer.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LOG_PAGES = 10,
	LOG_BLOCKED_PAGES = 50,
	BATCH_PAGES = 2 * 256, /* at most: jobs of a row each */
	MANY = 6000,
	SOME = 2000,
};

struct log_watch {
	struct checkpointer *checkpointer;
	_Atomic int64_t longest;
};

static void watch_log(void *data, int64_t log_pages)
{
	struct log_watch *watch = data;

	if (log_pages > watch->longest)
		watch->longest = log_pages;
	checkpointer_note(watch->checkpointer, log_pages);
}

static int64_t next_row;

static int add_row(struct tx *tx, void *request)
{
	(void)request;
	return insert_row(tx, ++next_row, 3000);
}

/* All at once, so that the writer never rests. */
static void add_rows(struct executor *executor, size_t count)
{
	struct job *jobs = xcalloc(count, sizeof *jobs);

	for (size_t i = 0; i < count; i++) {
		jobs[i].run = add_row;
		executor_submit(executor, &jobs[i]);
	}
	executor_drain(executor);
	free(jobs);
}

static int64_t file_size(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? (int64_t)status.st_size : -1;
}

static void test_log_stays_short(void **state)
{
	const char *path = path_in("rows.db"), *log = path_in("rows.db-wal");
	struct log_watch watch = { 0 };
	struct executor_options options = { .on_commit = watch_log, .data = &watch };
	struct executor *executor = open_executor(path, NULL, &options);
	struct checkpointer_options checkpoints = { .driver = &sqlite_driver,
		                                    .db = { .path = path, .mode = DB_WRITE },
		                                    .idle_us = 1000,
		                                    .pages = LOG_PAGES,
		                                    .blocked_pages = LOG_BLOCKED_PAGES };
	struct problem problem;
	struct db *reader;

	(void)state;
	assert_ok(checkpointer_new(&checkpoints, &watch.checkpointer, &problem), &problem);
	add_rows(executor, MANY);
	assert_in_range(watch.longest, 1, LOG_BLOCKED_PAGES + BATCH_PAGES);
	/* A reader keeps its snapshot: the log has to grow, and the writer goes on. */
	reader = open_rows(path, DB_READ, NULL);
	assert_ok(reader->driver->begin(reader, false, &problem), &problem);
	assert_false(has_row(reader, next_row + 1));
	add_rows(executor, SOME);
	assert_true(watch.longest > LOG_BLOCKED_PAGES + BATCH_PAGES);
	assert_false(has_row(reader, next_row));
	reader->driver->rollback(reader);
	assert_true(has_row(reader, next_row));
	/* When nobody writes any more, it is cut to nothing. */
	while (file_size(log) != 0)
		usleep(1000);
	add_rows(executor, 1);
	assert_true(has_row(reader, next_row));
	db_close(reader);
	executor_free(executor);
	checkpointer_free(watch.checkpointer);
	assert_false(exists(log));
}

static void write_pages(struct db *db, int rows)
{
	struct problem problem;

	for (int i = 0; i < rows; i++)
		assert_ok(db_run(db, "INSERT INTO row (id, filling) VALUES (?1, zeroblob(3000))", &problem, "i",
		                 ++next_row),
		          &problem);
}

/* When the writer is let go all is copied, so that its next commit begins the log anew. */
static void test_long_log_makes_the_writer_wait(void **state)
{
	const char *path = path_in("rows.db");
	struct executor_options options = { 0 };
	struct checkpointer_options checkpoints = { .driver = &sqlite_driver,
		                                    .db = { .path = path, .mode = DB_WRITE },
		                                    .pages = LOG_PAGES,
		                                    .blocked_pages = LOG_BLOCKED_PAGES };
	struct checkpointer *checkpointer;
	struct problem problem;
	struct db *db;

	(void)state;
	executor_free(open_executor(path, NULL, &options));
	db = open_rows(path, DB_WRITE, NULL);
	assert_ok(checkpointer_new(&checkpoints, &checkpointer, &problem), &problem);
	for (int round = 0; round < 20; round++) {
		while (db->driver->log_pages(db) < LOG_BLOCKED_PAGES)
			write_pages(db, 1);
		checkpointer_note(checkpointer, db->driver->log_pages(db));
		write_pages(db, 1);
		assert_in_range(db->driver->log_pages(db), 1, LOG_PAGES - 1);
		checkpointer_note(checkpointer, db->driver->log_pages(db));
	}
	db_close(db);
	checkpointer_free(checkpointer);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_log_stays_short, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(test_long_log_makes_the_writer_wait, folder_set_up, folder_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
