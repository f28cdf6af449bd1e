/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite.c - the driver of the embedded store: SQLite in WAL mode, every commit synced.
 *
 * Foreign keys are enforced, and the schema declares few: to look up the parent of every state would cost on every
 * transition.
 */
#include "base/clock.h"
#include "store/sqlite_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	DEFAULT_BUSY_US = 5 * 1000 * 1000,
	READ_CACHE_KIB = 1024,      /* pages that a connection keeps; the system keeps the file besides */
	WRITE_CACHE_KIB = 4 * 1024, /* more, so that a batch does not spill into the log */
	PROGRESS_OPCODES = 10000,   /* between looks at a read's deadline */
	RETRY_US = 1000,
};

/* --- Opening --- */

static int watch_deadline(void *data)
{
	const struct sqlite_db *db = data;

	return db->deadline_us && clock_monotonic_us() >= db->deadline_us;
}

static int note_log_pages(void *data, sqlite3 *handle UNUSED, const char *name UNUSED, int pages)
{
	struct sqlite_db *db = data;

	db->log_pages = pages;
	return SQLITE_OK;
}

/* PRAGMA journal_mode=WAL; it answers which mode the file is in then. */
static int enter_wal(struct sqlite_db *db, bool *entered, struct problem *problem)
{
	struct db_statement *statement;
	int result = sqlite_prepare(&db->base, "PRAGMA journal_mode=WAL", false, &statement, problem);

	if (result < 0)
		return result;
	result = sqlite_step(statement, problem);
	*entered = result > 0 && str_is(sqlite_column_text(statement, 0), "wal");
	sqlite_reset(statement);
	return MIN(result, 0);
}

/* Programs that make the file at the same time meet here, and SQLite does not wait by itself for all that they lock. */
static int switch_to_wal(struct sqlite_db *db, struct problem *problem)
{
	const struct timespec pause = { .tv_nsec = RETRY_US * 1000 };
	int64_t until_us = clock_monotonic_us() + db->busy_timeout_us;
	bool entered = false;
	int result = enter_wal(db, &entered, problem);

	while (result == WEIR_EBUSY && clock_monotonic_us() < until_us) {
		nanosleep(&pause, NULL);
		result = enter_wal(db, &entered, problem);
	}
	if (result == 0 && !entered)
		return problem_set(problem, WEIR_EIO,
		                   "%s: its file system has no shared memory, which the database needs: set WEIR_HOME "
		                   "to a place on a local disk",
		                   db->path);
	return result;
}

static int execute(struct sqlite_db *db, const char *sql, struct problem *problem)
{
	int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : sqlite_fail(db, code, problem);
}

static int configure(struct sqlite_db *db, enum db_mode mode, struct problem *problem)
{
	char pragmas[160];
	int result;

	sqlite3_busy_timeout(db->handle, (int)(db->busy_timeout_us / 1000));
	sqlite3_extended_result_codes(db->handle, 1);
	snprintf(pragmas, sizeof pragmas,
	         "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON; PRAGMA cache_size=-%d",
	         mode == DB_READ ? READ_CACHE_KIB : WRITE_CACHE_KIB);
	result = execute(db, pragmas, problem);
	if (result < 0)
		return result;
	if (mode == DB_READ) {
		sqlite3_progress_handler(db->handle, PROGRESS_OPCODES, watch_deadline, db);
		return 0;
	}
	result = switch_to_wal(db, problem);
	if (result < 0)
		return result;
	/* The hook also replaces the automatic checkpoints: store/checkpointer.h makes them. */
	sqlite3_wal_hook(db->handle, note_log_pages, db);
	return execute(db, "PRAGMA synchronous=FULL", problem);
}

static void close_db(struct db *base)
{
	struct sqlite_db *db = sqlite_of(base);

	sqlite_finalize_all(db);
	sqlite3_close_v2(db->handle);
	free(db->path);
	free(db);
}

static int open_db(const struct db_options *options, struct db **out, struct problem *problem)
{
	static const int flags[] = {
		[DB_READ] = SQLITE_OPEN_READONLY,
		[DB_WRITE] = SQLITE_OPEN_READWRITE,
		[DB_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
	};
	struct sqlite_db *db = xcalloc(1, sizeof *db);
	int code, result;

	db->base.driver = &sqlite_driver;
	db->path = xstrdup(options->path);
	db->busy_timeout_us = options->busy_timeout_us ? options->busy_timeout_us : DEFAULT_BUSY_US;
	code = sqlite3_open_v2(options->path, &db->handle, flags[options->mode] | SQLITE_OPEN_NOMUTEX, options->vfs);
	result = code == SQLITE_OK ? configure(db, options->mode, problem) : sqlite_fail(db, code, problem);
	if (result < 0) {
		close_db(&db->base);
		return result;
	}
	*out = &db->base;
	return 0;
}

/* --- Transactions --- */

static int run_kept(struct db *db, const char *sql, struct problem *problem)
{
	struct db_statement *statement;
	int result = sqlite_prepare(db, sql, true, &statement, problem);

	if (result < 0)
		return result;
	result = sqlite_step(statement, problem);
	sqlite_reset(statement);
	return result;
}

static int begin(struct db *db, bool write, struct problem *problem)
{
	int result = run_kept(db, write ? "BEGIN IMMEDIATE" : "BEGIN", problem);

	sqlite_of(db)->writing = write && result == 0;
	return result;
}

static int commit(struct db *db, struct problem *problem)
{
	int result = run_kept(db, "COMMIT", problem);

	if (result == 0)
		sqlite_of(db)->writing = false;
	return result;
}

static void rollback(struct db *db)
{
	sqlite_of(db)->writing = false;
	/* Only an I/O error of the rollback journal could make it fail, and in WAL mode there is none. */
	if (!sqlite3_get_autocommit(sqlite_of(db)->handle))
		(void)run_kept(db, "ROLLBACK", NULL);
}

static int savepoint(struct db *db, struct problem *problem)
{
	return run_kept(db, "SAVEPOINT job", problem);
}

static int release(struct db *db, struct problem *problem)
{
	return run_kept(db, "RELEASE job", problem);
}

static int rollback_to(struct db *db, struct problem *problem)
{
	int result = run_kept(db, "ROLLBACK TO job", problem);

	return result < 0 ? result : release(db, problem);
}

static bool in_transaction(struct db *db)
{
	return !sqlite3_get_autocommit(sqlite_of(db)->handle);
}

/* --- The rest --- */

static int64_t changes(struct db *db)
{
	return sqlite3_changes64(sqlite_of(db)->handle);
}

static void interrupt(struct db *db)
{
	sqlite3_interrupt(sqlite_of(db)->handle);
}

static void set_deadline(struct db *db, int64_t monotonic_us)
{
	sqlite_of(db)->deadline_us = monotonic_us;
}

static int64_t log_pages(struct db *db)
{
	return sqlite_of(db)->log_pages;
}

const struct db_driver sqlite_driver = {
	.name = "sqlite",
	.open = open_db,
	.close = close_db,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.savepoint = savepoint,
	.release = release,
	.rollback_to = rollback_to,
	.in_transaction = in_transaction,
	.prepare = sqlite_prepare,
	.bind_null = sqlite_bind_null,
	.bind_integer = sqlite_bind_integer,
	.bind_real = sqlite_bind_real,
	.bind_text = sqlite_bind_text,
	.bind_blob = sqlite_bind_blob,
	.step = sqlite_step,
	.reset = sqlite_reset,
	.column_type = sqlite_column_type,
	.column_integer = sqlite_column_integer,
	.column_real = sqlite_column_real,
	.column_text = sqlite_column_text,
	.changes = changes,
	.interrupt = interrupt,
	.deadline = set_deadline,
	.check = sqlite_check,
	.backup = sqlite_backup,
	.log_pages = log_pages,
	.checkpoint = sqlite_checkpoint,
};
