/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_error.c - SQLite's result codes as Weir's, with what to do about them. */
#include "base/clock.h"
#include "store/sqlite_internal.h"

#include <errno.h>

struct error_row {
	int sqlite;
	int weir;
	const char *advice; /* "" where there is none */
};

/* By primary code. */
static const struct error_row rows[] = {
	{ SQLITE_FULL, WEIR_ENOSPC, " (no space is left: make room on its disk)" },
	{ SQLITE_IOERR, WEIR_EIO, " (look at the system's log: is the disk failing?)" },
	{ SQLITE_BUSY, WEIR_EBUSY, " (another program holds it locked; is a sqlite3 shell open in a transaction?)" },
	{ SQLITE_LOCKED, WEIR_EBUSY, "" },
	{ SQLITE_PROTOCOL, WEIR_EBUSY, " (too many programs opened it at once; try again)" },
	{ SQLITE_CORRUPT, WEIR_ECORRUPT, " (restore a backup; 'weir database check' tells more)" },
	{ SQLITE_NOTADB, WEIR_ECORRUPT, " (move it away, or set WEIR_HOME to another place)" },
	{ SQLITE_PERM, WEIR_EPERM, " (look at the permissions of the file and its folder)" },
	{ SQLITE_READONLY, WEIR_EPERM, " (look at the permissions of the file and its folder)" },
	{ SQLITE_AUTH, WEIR_EPERM, "" },
	{ SQLITE_CANTOPEN, WEIR_EIO, " (SQLite makes files beside it: look at the permissions of the folder)" },
	{ SQLITE_NOMEM, WEIR_ENOMEM, "" },
	{ SQLITE_INTERRUPT, WEIR_ECANCELED, "" },
	{ SQLITE_CONSTRAINT, WEIR_ECONFLICT, "" },
	{ SQLITE_TOOBIG, WEIR_ELIMIT, "" },
};

static const struct error_row *find_row(int code)
{
	static const struct error_row other = { 0, WEIR_EINTERNAL, "" };

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		if (rows[i].sqlite == (code & 0xff))
			return &rows[i];
	}
	return &other;
}

static bool is_disk_full(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* The system's error says more than SQLite's where SQLite could not open or write a file. */
static int refine(const struct sqlite_db *db, const struct error_row *row, int error)
{
	if (row->sqlite == SQLITE_IOERR && is_disk_full(error))
		return WEIR_ENOSPC;
	if (row->sqlite == SQLITE_CANTOPEN && error)
		return error_of_errno(error);
	if (row->sqlite == SQLITE_INTERRUPT && db->deadline_us && clock_monotonic_us() >= db->deadline_us)
		return WEIR_ETIMEDOUT;
	return row->weir;
}

int sqlite_fail(struct sqlite_db *db, int code, struct problem *problem)
{
	const struct error_row *row = find_row(code);
	const char *text = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);
	bool system = row->sqlite == SQLITE_IOERR || row->sqlite == SQLITE_CANTOPEN;
	int error = system && db->handle ? sqlite3_system_errno(db->handle) : 0;

	return problem_set(problem, refine(db, row, error), "%s: %s%s%s%s", db->path, text, error ? ": " : "",
	                   error ? strerror(error) : "", row->advice);
}

int sqlite_refuse(struct sqlite_db *db, int code, const char *what, struct problem *problem)
{
	return problem_set(problem, find_row(code)->weir, "%s: %s: %s", db->path, what, sqlite3_errstr(code));
}
