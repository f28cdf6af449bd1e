/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite.c - the driver of the embedded store: SQLite in WAL mode, every commit synced. */
#include "base/clock.h"
#include "store/db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	DEFAULT_BUSY_US = 5 * 1000 * 1000,
	CACHE_KIB = 4 * 1024,     /* page cache of a connection */
	PROGRESS_OPCODES = 10000, /* between looks at a read's deadline */
	CACHE_SLOTS = 256,        /* of prepared statements; a power of two, kept at most half full */
};

struct sqlite_statement {
	struct db_statement base;
	sqlite3_stmt *handle;
	const char *sql;
	bool busy;   /* between prepare and reset */
	bool cached; /* else finalized by reset */
};

struct sqlite_db {
	struct db base;
	sqlite3 *handle;
	char *path;
	struct sqlite_statement *cache[CACHE_SLOTS];
	size_t cached;
	int64_t deadline_us; /* of clock_monotonic_us; 0: none. Read by the progress handler */
	int log_pages;
};

static struct sqlite_db *sqlite_of(struct db *db)
{
	return CONTAINER_OF(db, struct sqlite_db, base);
}

static struct sqlite_statement *statement_of(struct db_statement *statement)
{
	return CONTAINER_OF(statement, struct sqlite_statement, base);
}

/* --- Errors --- */

static int code_of(struct sqlite_db *db, int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_FULL:
		return WEIR_ENOSPC;
	case SQLITE_IOERR:
		return WEIR_EIO;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return WEIR_EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return WEIR_ECORRUPT;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_AUTH:
		return WEIR_EPERM;
	case SQLITE_NOMEM:
		return WEIR_ENOMEM;
	case SQLITE_INTERRUPT:
		return db->deadline_us && clock_monotonic_us() >= db->deadline_us ? WEIR_ETIMEDOUT : WEIR_ECANCELED;
	case SQLITE_CONSTRAINT:
		return WEIR_ECONFLICT;
	case SQLITE_TOOBIG:
		return WEIR_ELIMIT;
	default:
		return WEIR_EINTERNAL;
	}
}

/* What to do about it, for errors where there is something. */
static const char *advice(int code)
{
	switch (code) {
	case WEIR_ENOSPC:
		return " (make room on its disk)";
	case WEIR_EBUSY:
		return " (another program holds it locked; is a sqlite3 shell open in a transaction?)";
	case WEIR_ECORRUPT:
		return " (restore a backup, or move the file away: 'weir database check' tells more)";
	case WEIR_EPERM:
		return " (look at the permissions of the file and its folder)";
	default:
		return "";
	}
}

static int fail(struct sqlite_db *db, int code, struct problem *problem)
{
	int weir_code = code_of(db, code);
	const char *text = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);

	return problem_set(problem, weir_code, "%s: %s%s", db->path, text, advice(weir_code));
}

/* --- Opening --- */

static int watch_deadline(void *data)
{
	const struct sqlite_db *db = data;

	return db->deadline_us && clock_monotonic_us() >= db->deadline_us;
}

static int note_log_pages(void *data, sqlite3 *handle, const char *name, int pages)
{
	struct sqlite_db *db = data;

	(void)handle;
	(void)name;
	db->log_pages = pages;
	return SQLITE_OK;
}

static const int open_flags[] = {
	[DB_READ] = SQLITE_OPEN_READONLY,
	[DB_WRITE] = SQLITE_OPEN_READWRITE,
	[DB_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
};

static int execute(struct sqlite_db *db, const char *sql, struct problem *problem)
{
	int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : fail(db, code, problem);
}

static int configure(struct sqlite_db *db, const struct db_options *options, struct problem *problem)
{
	char pragmas[256];
	int64_t busy_us = options->busy_timeout_us ? options->busy_timeout_us : DEFAULT_BUSY_US;
	int result;

	sqlite3_busy_timeout(db->handle, (int)(busy_us / 1000));
	sqlite3_extended_result_codes(db->handle, 1);
	snprintf(pragmas, sizeof pragmas, "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-%d; PRAGMA trusted_schema=OFF;",
	         CACHE_KIB);
	result = execute(db, pragmas, problem);
	if (result < 0 || options->mode == DB_READ) {
		sqlite3_progress_handler(db->handle, PROGRESS_OPCODES, watch_deadline, db);
		return result;
	}
	sqlite3_wal_hook(db->handle, note_log_pages, db);
	return execute(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;", problem);
}

static void close_db(struct db *base);

static int open_failed(struct sqlite_db *db, int code, struct problem *problem)
{
	int error = db->handle ? sqlite3_system_errno(db->handle) : 0;
	int result;

	if ((code & 0xff) == SQLITE_CANTOPEN && error)
		result = problem_set(problem, error_of_errno(error), "%s: %s", db->path, strerror(error));
	else if ((code & 0xff) == SQLITE_CANTOPEN)
		result = problem_set(problem, WEIR_EIO, "%s: can't be opened as a database file", db->path);
	else
		result = fail(db, code, problem);
	close_db(&db->base);
	return result;
}

static int open_db(const struct db_options *options, struct db **out, struct problem *problem)
{
	struct sqlite_db *db = xcalloc(1, sizeof *db);
	int code, result;

	db->base.driver = &sqlite_driver;
	db->path = xstrdup(options->path);
	code = sqlite3_open_v2(options->path, &db->handle, open_flags[options->mode] | SQLITE_OPEN_NOMUTEX,
	                       options->vfs);
	if (code != SQLITE_OK)
		return open_failed(db, code, problem);
	result = configure(db, options, problem);
	if (result < 0) {
		if ((sqlite3_errcode(db->handle) & 0xff) == SQLITE_CANTOPEN)
			return open_failed(db, SQLITE_CANTOPEN, problem);
		close_db(&db->base);
		return result;
	}
	*out = &db->base;
	return 0;
}

static void close_db(struct db *base)
{
	struct sqlite_db *db = sqlite_of(base);

	for (size_t i = 0; i < CACHE_SLOTS; i++) {
		if (!db->cache[i])
			continue;
		sqlite3_finalize(db->cache[i]->handle);
		free(db->cache[i]);
	}
	sqlite3_close_v2(db->handle);
	free(db->path);
	free(db);
}

/* --- Statements --- */

static size_t slot_of(const char *sql)
{
	return (size_t)(((uintptr_t)sql * UINT64_C(0x9E3779B97F4A7C15)) >> 40) & (CACHE_SLOTS - 1);
}

static struct sqlite_statement *find_cached(struct sqlite_db *db, const char *sql)
{
	for (size_t slot = slot_of(sql); db->cache[slot]; slot = (slot + 1) & (CACHE_SLOTS - 1)) {
		if (db->cache[slot]->sql == sql)
			return db->cache[slot];
	}
	return NULL;
}

static void keep_cached(struct sqlite_db *db, struct sqlite_statement *statement)
{
	size_t slot = slot_of(statement->sql);

	if (db->cached >= CACHE_SLOTS / 2 || find_cached(db, statement->sql))
		return;
	while (db->cache[slot])
		slot = (slot + 1) & (CACHE_SLOTS - 1);
	db->cache[slot] = statement;
	db->cached++;
	statement->cached = true;
}

static int prepare(struct db *base, const char *sql, struct db_statement **out, struct problem *problem)
{
	struct sqlite_db *db = sqlite_of(base);
	struct sqlite_statement *statement = find_cached(db, sql);
	int code;

	if (!statement || statement->busy) {
		statement = xcalloc(1, sizeof *statement);
		statement->base.db = base;
		statement->sql = sql;
		code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->handle, NULL);
		if (code != SQLITE_OK) {
			free(statement);
			return fail(db, code, problem);
		}
		keep_cached(db, statement);
	}
	statement->busy = true;
	*out = &statement->base;
	return 0;
}

static void bind_null(struct db_statement *statement, int index)
{
	sqlite3_bind_null(statement_of(statement)->handle, index);
}

static void bind_integer(struct db_statement *statement, int index, int64_t value)
{
	sqlite3_bind_int64(statement_of(statement)->handle, index, value);
}

static void bind_real(struct db_statement *statement, int index, double value)
{
	sqlite3_bind_double(statement_of(statement)->handle, index, value);
}

static void bind_text(struct db_statement *statement, int index, struct str text)
{
	sqlite3_bind_text64(statement_of(statement)->handle, index, text.data, text.length, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_blob(struct db_statement *statement, int index, const void *data, size_t size)
{
	sqlite3_bind_blob64(statement_of(statement)->handle, index, data, size, SQLITE_TRANSIENT);
}

static int step(struct db_statement *base, struct problem *problem)
{
	int code = sqlite3_step(statement_of(base)->handle);

	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : fail(sqlite_of(base->db), code, problem);
}

static void reset(struct db_statement *base)
{
	struct sqlite_statement *statement = statement_of(base);

	statement->busy = false;
	if (statement->cached) {
		sqlite3_reset(statement->handle);
		return;
	}
	sqlite3_finalize(statement->handle);
	free(statement);
}

static enum db_value_type column_type(struct db_statement *statement, int column)
{
	switch (sqlite3_column_type(statement_of(statement)->handle, column)) {
	case SQLITE_INTEGER:
		return DB_INTEGER;
	case SQLITE_FLOAT:
		return DB_REAL;
	case SQLITE_TEXT:
		return DB_TEXT;
	case SQLITE_BLOB:
		return DB_BLOB;
	default:
		return DB_NULL;
	}
}

static int64_t column_integer(struct db_statement *statement, int column)
{
	return sqlite3_column_int64(statement_of(statement)->handle, column);
}

static double column_real(struct db_statement *statement, int column)
{
	return sqlite3_column_double(statement_of(statement)->handle, column);
}

static struct str column_text(struct db_statement *statement, int column)
{
	sqlite3_stmt *handle = statement_of(statement)->handle;
	const void *data;

	if (sqlite3_column_type(handle, column) == SQLITE_NULL)
		return STR_NULL;
	data = sqlite3_column_blob(handle, column);
	return (struct str){ data ? data : "", (size_t)sqlite3_column_bytes(handle, column) };
}

static int64_t changes(struct db *db)
{
	return sqlite3_changes64(sqlite_of(db)->handle);
}

/* --- Transactions --- */

static int run_literal(struct db *db, const char *sql, struct problem *problem)
{
	struct db_statement *statement;
	int result = prepare(db, sql, &statement, problem);

	if (result < 0)
		return result;
	result = step(statement, problem);
	reset(statement);
	return result;
}

static int begin(struct db *db, bool write, struct problem *problem)
{
	return run_literal(db, write ? "BEGIN IMMEDIATE" : "BEGIN", problem);
}

static int commit(struct db *db, struct problem *problem)
{
	return run_literal(db, "COMMIT", problem);
}

static void rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(sqlite_of(db)->handle))
		(void)run_literal(db, "ROLLBACK", NULL);
}

static int savepoint(struct db *db, struct problem *problem)
{
	return run_literal(db, "SAVEPOINT job", problem);
}

static int release(struct db *db, struct problem *problem)
{
	return run_literal(db, "RELEASE job", problem);
}

static int rollback_to(struct db *db, struct problem *problem)
{
	int result = run_literal(db, "ROLLBACK TO job", problem);

	return result < 0 ? result : release(db, problem);
}

static bool in_transaction(struct db *db)
{
	return !sqlite3_get_autocommit(sqlite_of(db)->handle);
}

/* --- Care --- */

static void interrupt(struct db *db)
{
	sqlite3_interrupt(sqlite_of(db)->handle);
}

static void set_deadline(struct db *db, int64_t monotonic_us)
{
	sqlite_of(db)->deadline_us = monotonic_us;
}

/* The first row of a check that is not fine. */
static int run_check(struct db *db, const char *sql, struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, sql, &statement, problem, "");

	if (result == 0)
		result = db_step(statement, problem);
	if (result <= 0)
		return result;
	struct str answer = column_text(statement, 0);

	if (str_is(answer, "ok"))
		return 0;
	return problem_set(problem, WEIR_ECORRUPT, "%s: %.*s", sqlite_of(db)->path, STR_ARG(answer));
}

static int check(struct db *db, struct problem *problem)
{
	return run_check(db, "PRAGMA integrity_check(1)", problem);
}

static int backup(struct db *db, const char *path, struct problem *problem)
{
	return db_run(db, "VACUUM INTO ?1", problem, "s", str_of(path));
}

static int64_t log_pages(struct db *db)
{
	return sqlite_of(db)->log_pages;
}

static int checkpoint(struct db *db)
{
	struct sqlite_db *sqlite = sqlite_of(db);
	int log = -1, done = -1;
	int code = sqlite3_wal_checkpoint_v2(sqlite->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &done);

	if (code == SQLITE_OK && log == done)
		sqlite->log_pages = 0; /* the next writer starts the log anew */
	return code_of(sqlite, code);
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
	.prepare = prepare,
	.bind_null = bind_null,
	.bind_integer = bind_integer,
	.bind_real = bind_real,
	.bind_text = bind_text,
	.bind_blob = bind_blob,
	.step = step,
	.reset = reset,
	.column_type = column_type,
	.column_integer = column_integer,
	.column_real = column_real,
	.column_text = column_text,
	.changes = changes,
	.interrupt = interrupt,
	.deadline = set_deadline,
	.check = check,
	.backup = backup,
	.log_pages = log_pages,
	.checkpoint = checkpoint,
};
