/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_internal.h - what the parts of the SQLite driver share: sqlite.c, sqlite_statement.c, sqlite_error.c,
   sqlite_care.c. */
#ifndef WEIR_STORE_SQLITE_INTERNAL_H
#define WEIR_STORE_SQLITE_INTERNAL_H

#include "store/db.h"

#include <sqlite3.h>

enum { STATEMENT_SLOTS = 512 }; /* of the cache; a power of two, kept at most half full */

struct sqlite_statement;

struct sqlite_db {
	struct db base;
	sqlite3 *handle;
	char *path;
	int64_t busy_timeout_us;
	bool writing;        /* between begin(write) and commit or rollback */
	int log_pages;       /* of the write-ahead log, as of the last commit */
	int64_t deadline_us; /* of clock_monotonic_us; 0: none. The progress handler reads it */
	struct sqlite_statement *cache[STATEMENT_SLOTS];
	size_t cached;
};

static inline struct sqlite_db *sqlite_of(struct db *db)
{
	return CONTAINER_OF(db, struct sqlite_db, base);
}

/* --- sqlite_error.c --- */

/* Describe SQLite's (extended) result code, which is not SQLITE_OK, as the connection explains it. */
int sqlite_fail(struct sqlite_db *db, int code, struct problem *problem);

/* The same for a code of earlier: what says what could not be done. */
int sqlite_refuse(struct sqlite_db *db, int code, const char *what, struct problem *problem);

/* --- sqlite_statement.c --- */

int sqlite_prepare(struct db *db, const char *sql, bool kept, struct db_statement **out, struct problem *problem);
void sqlite_bind_null(struct db_statement *statement, int index);
void sqlite_bind_integer(struct db_statement *statement, int index, int64_t value);
void sqlite_bind_real(struct db_statement *statement, int index, double value);
void sqlite_bind_text(struct db_statement *statement, int index, struct str text);
void sqlite_bind_blob(struct db_statement *statement, int index, const void *data, size_t size);
int sqlite_step(struct db_statement *statement, struct problem *problem);
void sqlite_reset(struct db_statement *statement);
enum db_value_type sqlite_column_type(struct db_statement *statement, int column);
int64_t sqlite_column_integer(struct db_statement *statement, int column);
double sqlite_column_real(struct db_statement *statement, int column);
struct str sqlite_column_text(struct db_statement *statement, int column);
void sqlite_finalize_all(struct sqlite_db *db);

/* --- sqlite_care.c --- */

int sqlite_check(struct db *db, struct problem *problem);
int sqlite_backup(struct db *db, const char *path, struct problem *problem);
int sqlite_checkpoint(struct db *db, bool truncate, int64_t *left, struct problem *problem);

#endif
