/* SPDX-License-Identifier: Apache-2.0 */
/* The length of the write-ahead log: while it is written, while somebody reads an old state, and when all is quiet. */
#include "support.h"

#include "store/checkpointer.h"

#include <sys/stat.h>
#include <unistd.h>

enum { LOG_PAGES = 10, LOG_BLOCKED_PAGES = 50, PAGES_OF_A_JOB = 8 };

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

static void add_rows(struct executor *executor, int count)
{
	struct problem problem;

	for (int i = 0; i < count; i++)
		assert_ok(executor_run(executor, add_row, NULL, &problem), &problem);
	executor_drain(executor);
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
	add_rows(executor, 300);
	assert_in_range(watch.longest, 1, LOG_BLOCKED_PAGES + PAGES_OF_A_JOB);
	/* A reader keeps its snapshot: the log has to grow, and the writer goes on. */
	reader = open_rows(path, DB_READ, NULL);
	assert_ok(reader->driver->begin(reader, false, &problem), &problem);
	assert_false(has_row(reader, next_row + 1));
	add_rows(executor, 200);
	assert_true(watch.longest > LOG_BLOCKED_PAGES + PAGES_OF_A_JOB);
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_log_stays_short, folder_set_up, folder_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
