/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_care.c - looking after a database: checks, backups, checkpoints. */
#include "base/strbuf.h"
#include "store/sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { FINDINGS_SHOWN = 5 };

/* Append "; finding" for the first rows of a check: its columns, apart from those that are null. */
static int collect(struct db *db, const char *sql, int columns, struct strbuf *out, struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = sqlite_prepare(db, sql, false, &statement, problem);

	for (int row = 0; result == 0 && row < FINDINGS_SHOWN; row++) {
		result = sqlite_step(statement, problem);
		if (result <= 0)
			return result;
		result = 0;
		if (str_is(sqlite_column_text(statement, 0), "ok"))
			continue;
		strbuf_puts(out, out->length ? "; " : "");
		for (int column = 0; column < columns; column++)
			strbuf_printf(out, "%s%.*s", column ? " " : "", STR_ARG(sqlite_column_text(statement, column)));
	}
	return result;
}

int sqlite_check(struct db *db, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf findings = { 0 };
	int result = collect(db, "PRAGMA integrity_check(5)", 1, &findings, problem);

	if (result == 0 && findings.length == 0)
		result =
		        collect(db,
		                "SELECT 'a row of ' || \"table\" || ' refers to a row of ' || parent || ' that is gone'"
		                " FROM pragma_foreign_key_check",
		                1, &findings, problem);
	if (result < 0 || findings.length == 0)
		return result;
	return problem_set(problem, WEIR_ECORRUPT, "%s: %s", sqlite_of(db)->path, findings.data);
}

/* --- Backup --- */

static int system_error(struct problem *problem, const char *path, const char *what)
{
	int error = errno;

	return problem_set(problem, error_of_errno(error), "%s: %s: %s", path, what, strerror(error));
}

static int sync_path(const char *path, int flags, struct problem *problem)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	int result = 0;

	if (fd < 0 || fsync(fd) < 0)
		result = system_error(problem, path, "the backup can't be made durable");
	if (fd >= 0)
		close(fd);
	return result;
}

static int sync_folder_of(const char *path, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf folder = { 0 };
	const char *slash = strrchr(path, '/');

	if (slash)
		strbuf_add(&folder, path, (size_t)(slash - path) + 1);
	else
		strbuf_puts(&folder, ".");
	return sync_path(folder.data, O_DIRECTORY, problem);
}

/*
 * SQLite fills an empty file that is there. Making it first keeps others from reading it, and tells plainly what is wrong
 * with the place.
 */
static int make_partial(const char *path, struct problem *problem)
{
	int fd;

	if (unlink(path) < 0 && errno != ENOENT)
		return system_error(problem, path, "an unfinished backup can't be removed");
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return system_error(problem, path, "the backup can't be made");
	close(fd);
	return 0;
}

/* Not every file system knows RENAME_NOREPLACE; a hard link does not replace either. */
static bool rename_to_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return true;
	return errno == EINVAL && link(from, to) == 0;
}

/* VACUUM INTO syncs nothing, so that is done here; the file gets its name only when all of it is on the disk. */
static int publish(const char *partial, const char *path, struct problem *problem)
{
	int result = sync_path(partial, 0, problem);

	if (result < 0)
		return result;
	if (!rename_to_new(partial, path))
		return system_error(problem, path, "the backup can't be given its name");
	return sync_folder_of(path, problem);
}

int sqlite_backup(struct db *db, const char *path, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf partial = { 0 };
	int result;

	if (access(path, F_OK) == 0)
		return problem_set(problem, WEIR_EEXISTS, "%s: is there already: choose another name", path);
	strbuf_printf(&partial, "%s.partial-%ld", path, (long)getpid());
	result = make_partial(partial.data, problem);
	if (result < 0)
		return result;
	result = db_run(db, "VACUUM INTO ?1", problem, "s", strbuf_str(&partial));
	if (result == 0)
		result = publish(partial.data, path, problem);
	unlink(partial.data); /* usually renamed; else it has its proper name besides, or is worth nothing */
	return result;
}

/* --- Checkpoints --- */

int sqlite_checkpoint(struct db *base, bool truncate, int64_t *left, struct problem *problem)
{
	struct sqlite_db *db = sqlite_of(base);
	int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
	int pages = 0, copied = 0;
	int code;

	/* Nobody is waited for: an idle log is cut another time. */
	sqlite3_busy_timeout(db->handle, 0);
	code = sqlite3_wal_checkpoint_v2(db->handle, "main", mode, &pages, &copied);
	sqlite3_busy_timeout(db->handle, (int)(db->busy_timeout_us / 1000));
	*left = MAX(pages - copied, 0);
	return code == SQLITE_OK ? 0 : sqlite_fail(db, code, problem);
}
