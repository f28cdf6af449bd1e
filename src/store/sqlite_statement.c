/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_statement.c - prepared statements: made once for each text, bound, stepped, read. */
#include "store/sqlite_internal.h"

#include <stdlib.h>

struct sqlite_statement {
	struct db_statement base;
	sqlite3_stmt *handle;
	const char *sql;
	int bind_code; /* of the first bind that failed since the last reset; step reports it */
	bool busy;     /* between prepare and reset */
	bool cached;   /* else finalized by reset */
};

static struct sqlite_statement *statement_of(struct db_statement *statement)
{
	return CONTAINER_OF(statement, struct sqlite_statement, base);
}

/* --- The cache: open addressing by the address of the text --- */

static size_t slot_of(const char *sql)
{
	return (size_t)(((uintptr_t)sql * UINT64_C(0x9E3779B97F4A7C15)) >> 40) & (STATEMENT_SLOTS - 1);
}

static size_t next_slot(size_t slot)
{
	return (slot + 1) & (STATEMENT_SLOTS - 1);
}

static struct sqlite_statement *find_cached(struct sqlite_db *db, const char *sql)
{
	for (size_t slot = slot_of(sql); db->cache[slot]; slot = next_slot(slot)) {
		if (db->cache[slot]->sql == sql)
			return db->cache[slot];
	}
	return NULL;
}

/* A full cache keeps what it has; the rest is prepared each time. */
static void keep_cached(struct sqlite_db *db, struct sqlite_statement *statement)
{
	size_t slot = slot_of(statement->sql);

	if (db->cached >= STATEMENT_SLOTS / 2)
		return;
	while (db->cache[slot])
		slot = next_slot(slot);
	db->cache[slot] = statement;
	db->cached++;
	statement->cached = true;
}

static void finalize(struct sqlite_statement *statement)
{
	sqlite3_finalize(statement->handle);
	free(statement);
}

void sqlite_finalize_all(struct sqlite_db *db)
{
	for (size_t i = 0; i < STATEMENT_SLOTS; i++) {
		if (db->cache[i])
			finalize(db->cache[i]);
	}
}

/* --- Preparing --- */

static int make(struct sqlite_db *db, const char *sql, bool kept, struct sqlite_statement **out,
                struct problem *problem)
{
	struct sqlite_statement *statement = xcalloc(1, sizeof *statement);
	unsigned flags = kept ? SQLITE_PREPARE_PERSISTENT : 0;
	int code = sqlite3_prepare_v3(db->handle, sql, -1, flags, &statement->handle, NULL);

	if (code != SQLITE_OK) {
		free(statement);
		return sqlite_fail(db, code, problem);
	}
	statement->base.db = &db->base;
	statement->sql = sql;
	*out = statement;
	return 0;
}

int sqlite_prepare(struct db *base, const char *sql, bool kept, struct db_statement **out, struct problem *problem)
{
	struct sqlite_db *db = sqlite_of(base);
	struct sqlite_statement *cached = kept ? find_cached(db, sql) : NULL;
	struct sqlite_statement *statement = cached;
	int result;

	/* A statement that is being stepped, further up the stack, gets a twin for the time. */
	if (!cached || cached->busy) {
		result = make(db, sql, kept, &statement, problem);
		if (result < 0)
			return result;
		if (kept && !cached)
			keep_cached(db, statement);
	}
	statement->busy = true;
	*out = &statement->base;
	return 0;
}

/* --- Binding --- */

static void note_code(struct sqlite_statement *statement, int code)
{
	if (code != SQLITE_OK && statement->bind_code == SQLITE_OK)
		statement->bind_code = code;
}

void sqlite_bind_null(struct db_statement *base, int index)
{
	struct sqlite_statement *statement = statement_of(base);

	note_code(statement, sqlite3_bind_null(statement->handle, index));
}

void sqlite_bind_integer(struct db_statement *base, int index, int64_t value)
{
	struct sqlite_statement *statement = statement_of(base);

	note_code(statement, sqlite3_bind_int64(statement->handle, index, value));
}

void sqlite_bind_real(struct db_statement *base, int index, double value)
{
	struct sqlite_statement *statement = statement_of(base);

	note_code(statement, sqlite3_bind_double(statement->handle, index, value));
}

void sqlite_bind_text(struct db_statement *base, int index, struct str text)
{
	struct sqlite_statement *statement = statement_of(base);

	note_code(statement,
	          sqlite3_bind_text64(statement->handle, index, text.data, text.length, SQLITE_STATIC, SQLITE_UTF8));
}

void sqlite_bind_blob(struct db_statement *base, int index, const void *data, size_t size)
{
	struct sqlite_statement *statement = statement_of(base);

	note_code(statement, sqlite3_bind_blob64(statement->handle, index, data, size, SQLITE_TRANSIENT));
}

/* --- Stepping --- */

/*
 * An error that rolls the transaction back leaves SQLite committing each further statement by itself. A job that goes on
 * after such an error must not write anything, since all of it is going to run again.
 */
static bool transaction_died(const struct sqlite_db *db)
{
	return db->writing && sqlite3_get_autocommit(db->handle);
}

int sqlite_step(struct db_statement *base, struct problem *problem)
{
	struct sqlite_statement *statement = statement_of(base);
	struct sqlite_db *db = sqlite_of(base->db);
	int code;

	if (statement->bind_code != SQLITE_OK)
		return sqlite_refuse(db, statement->bind_code, "a value can't be bound", problem);
	if (transaction_died(db))
		return problem_set(problem, WEIR_EIO, "%s: the transaction was rolled back by an earlier error",
		                   db->path);
	code = sqlite3_step(statement->handle);
	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : sqlite_fail(db, code, problem);
}

void sqlite_reset(struct db_statement *base)
{
	struct sqlite_statement *statement = statement_of(base);

	if (!statement->cached) {
		finalize(statement);
		return;
	}
	statement->busy = false;
	statement->bind_code = SQLITE_OK;
	sqlite3_reset(statement->handle);          /* repeats the error that step has reported */
	sqlite3_clear_bindings(statement->handle); /* they point into the caller's memory */
}

/* --- Columns --- */

enum db_value_type sqlite_column_type(struct db_statement *statement, int column)
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

int64_t sqlite_column_integer(struct db_statement *statement, int column)
{
	return sqlite3_column_int64(statement_of(statement)->handle, column);
}

double sqlite_column_real(struct db_statement *statement, int column)
{
	return sqlite3_column_double(statement_of(statement)->handle, column);
}

struct str sqlite_column_text(struct db_statement *statement, int column)
{
	sqlite3_stmt *handle = statement_of(statement)->handle;
	const void *data;

	if (sqlite3_column_type(handle, column) == SQLITE_NULL)
		return STR_NULL;
	data = sqlite3_column_blob(handle, column); /* as it is stored; NULL when it is empty */
	return (struct str){ data ? data : "", (size_t)sqlite3_column_bytes(handle, column) };
}
