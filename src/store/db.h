/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db.h - the one seam between Weir and a database. Everything above speaks SQL in SQLite's dialect with ?1, ?2, …
 * parameters through these calls; a driver is one const struct of functions (store/sqlite.c; PostgreSQL comes later and
 * translates the parameters).
 *
 * A connection and its statements belong to one thread at a time. Statements are prepared once for each connection and
 * cached by the address of their SQL text, which therefore must be a literal or live as long as the connection.
 */
#ifndef WEIR_STORE_DB_H
#define WEIR_STORE_DB_H

#include "base/arena.h"
#include "base/problem.h"
#include "base/uuid.h"

struct db;
struct db_statement;

enum db_mode {
	DB_READ,   /* read-only: its own snapshot for each read transaction or statement */
	DB_WRITE,  /* the only connection of this process that writes */
	DB_CREATE, /* the same; makes the file when it is missing */
};

struct db_options {
	const char *path; /* of the database file */
	enum db_mode mode;
	int64_t busy_timeout_us; /* how long to wait for a foreign lock; 0: 5 s */
	const char *vfs;         /* SQLite's file layer by name; NULL: the default. For tests that make it fail */
};

enum db_value_type { DB_NULL, DB_INTEGER, DB_REAL, DB_TEXT, DB_BLOB };

/* What a driver is. All functions return 0 or an error of weir/errors.h and describe it in the problem. */
struct db_driver {
	const char *name;
	int (*open)(const struct db_options *options, struct db **out, struct problem *problem);
	void (*close)(struct db *db);

	int (*begin)(struct db *db, bool write, struct problem *problem);
	int (*commit)(struct db *db, struct problem *problem);
	void (*rollback)(struct db *db);
	int (*savepoint)(struct db *db, struct problem *problem); /* one level */
	int (*release)(struct db *db, struct problem *problem);
	int (*rollback_to)(struct db *db, struct problem *problem);
	/* False: the transaction died. Until rollback was called, every further step of it fails: nothing may be written
	   outside of it. */
	bool (*in_transaction)(struct db *db);

	/* kept: cached by the address of the text; else it is gone with its reset. */
	int (*prepare)(struct db *db, const char *sql, bool kept, struct db_statement **out, struct problem *problem);
	void (*bind_null)(struct db_statement *statement, int index);
	void (*bind_integer)(struct db_statement *statement, int index, int64_t value);
	void (*bind_real)(struct db_statement *statement, int index, double value);
	void (*bind_text)(struct db_statement *statement, int index, struct str text); /* must live until db_reset */
	void (*bind_blob)(struct db_statement *statement, int index, const void *data, size_t size); /* is copied */
	int (*step)(struct db_statement *statement, struct problem *problem); /* 1: a row; 0: done; or an error */
	void (*reset)(struct db_statement *statement);
	enum db_value_type (*column_type)(struct db_statement *statement, int column);
	int64_t (*column_integer)(struct db_statement *statement, int column);
	double (*column_real)(struct db_statement *statement, int column);
	struct str (*column_text)(struct db_statement *statement, int column); /* until the next step or reset */
	int64_t (*changes)(struct db *db);                                     /* rows of the last statement */

	void (*interrupt)(struct db *db);                      /* from any thread */
	void (*deadline)(struct db *db, int64_t monotonic_us); /* reads past it fail; 0: none */
	int (*check)(struct db *db, struct problem *problem);  /* integrity; WEIR_ECORRUPT says what */
	int (*backup)(struct db *db, const char *path, struct problem *problem); /* WEIR_EEXISTS: never overwrites */
	int64_t (*log_pages)(struct db *db); /* of the write-ahead log, as of the last commit */
	/*
	 * Copy what the write-ahead log holds into the file, as far as no reader needs the old pages; *left tells how many
	 * log pages could not be copied. Writers go on meanwhile. With truncate, a log of which nothing is left is cut to
	 * nothing, if no writer and no reader uses it just then.
	 */
	int (*checkpoint)(struct db *db, bool truncate, int64_t *left, struct problem *problem);
};

extern const struct db_driver sqlite_driver;

/* Every driver's struct db begins with this, and its statements with the other. */
struct db {
	const struct db_driver *driver;
};

struct db_statement {
	struct db *db;
};

/* --- Calls for everybody: they go to the driver --- */

MUST_CHECK int db_open(const struct db_driver *driver, const struct db_options *options, struct db **out,
                       struct problem *problem);
void db_close(struct db *db); /* NULL is allowed */

/* Run a statement that gives no rows. arguments is a format: i int64_t, r double, s struct str, u struct uuid (nil is
   NULL), t int64_t timestamp (TIMESTAMP_NONE is NULL), b bool (as int), n NULL, without separators: "uti". */
MUST_CHECK int db_run(struct db *db, const char *sql, struct problem *problem, const char *arguments, ...);

/* Run a statement without arguments whose text is not kept: for what happens once in a connection's life. */
MUST_CHECK int db_execute(struct db *db, const char *sql, struct problem *problem);

/* Prepare and bind a query; then db_step until it gives 0, then db_reset. */
MUST_CHECK int db_query(struct db *db, const char *sql, struct db_statement **out, struct problem *problem,
                        const char *arguments, ...);
MUST_CHECK int db_step(struct db_statement *statement, struct problem *problem);
void db_reset(struct db_statement *statement); /* NULL is allowed */
DEFINE_FREEP(struct db_statement, db_reset)    /* AUTO(db_resetp) */

/* A query that gives one integer (0 when it gives no row). */
MUST_CHECK int db_integer(struct db *db, const char *sql, int64_t *out, struct problem *problem, const char *arguments,
                          ...);

/* Columns of the row that db_step gave, from 0. Texts are copied into the arena. */
int64_t db_column_integer(struct db_statement *statement, int column);
struct uuid db_column_uuid(struct db_statement *statement, int column);
int64_t db_column_timestamp(struct db_statement *statement, int column);
struct str db_column_text(struct db_statement *statement, int column, struct arena *arena);

#endif
