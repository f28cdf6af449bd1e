/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - an open store: the file, its schema, the writer, readers, and this process's place among the programs that
 * share it.
 *
 * Files, in $WEIR_HOME: weir.db (and -wal, -shm by SQLite), weir.db-writer (locked by the present writer), run/<uuid>.lock
 * (held by a living program), run/<uuid>.sock (where it hears datagrams). A file of another name, by WEIR_DATABASE, has
 * "<file>-run" in the place of "run".
 */
#ifndef WEIR_STORE_STORE_H
#define WEIR_STORE_STORE_H

#include "store/executor.h"

struct store;

/* The schema of this build, and the oldest build that may write to a file of this schema. Migrations only add. */
extern const int store_schema_version;

enum store_mode {
	STORE_READ,    /* look only: no writer, nothing is made or migrated; a missing file is WEIR_ENOTFOUND */
	STORE_WRITE,   /* with a writer, but not a program that runs flows (the CLI) */
	STORE_PROGRAM, /* a program that runs flows: holds a lock file and listens */
};

struct store_options {
	const char *vfs;  /* as in db.h: for tests */
	const char *path; /* of the database file; its folder is made (0700) when missing */
	enum store_mode mode;
	struct uuid program_id; /* STORE_PROGRAM: to be known by; nil: one is made */
	double hold_seconds;    /* as in executor.h */
	void (*on_hold)(void *data, const struct problem *problem);
	/* STORE_PROGRAM: a datagram came for this program, e.g. "cancel <uuid>". On a thread of the store; must not block. */
	void (*on_message)(void *data, struct str message);
	void *data;
};

/*
 * Open: WEIR_ECORRUPT for a file that is no database, WEIR_EVERSION when a newer Weir made it and this one may not write,
 * WEIR_EPERM, WEIR_ENOSPC … each with the path and what to do. Makes or migrates the schema unless STORE_READ.
 */
MUST_CHECK int store_open(const struct store_options *options, struct store **out, struct problem *problem);

/* Finish the writer's work, give up the lock file and close. NULL is allowed. */
void store_close(struct store *store);

const char *store_path(const struct store *store);

/*
 * Remove the database of that path with what SQLite keeps beside it, also one that can't be opened. WEIR_EBUSY, naming
 * them, while programs run; WEIR_ENOTFOUND when there is none. Not for a process that has it open.
 */
MUST_CHECK int store_remove(const char *path, struct problem *problem);

/* The writer; NULL in STORE_READ. */
struct executor *store_executor(struct store *store);

/* Run a write and wait for it to be durable: executor_run on the store's writer. */
MUST_CHECK int store_run(struct store *store, job_fn *run, void *request, struct problem *problem);

/* Borrow a read-only connection, and give it back. They are kept for reuse; any number of threads may hold one each. */
MUST_CHECK int store_reader(struct store *store, struct db **out, struct problem *problem);
void store_reader_done(struct store *store, struct db *db);

/* --- Programs that share the file (store/share.c) --- */

/* This program's id; nil unless STORE_PROGRAM. */
struct uuid store_program_id(const struct store *store);

/*
 * The programs whose lock files nobody holds: dead. Called by whoever opens for writing; the caller marks their runs and
 * then forgets them. ids is on the heap (free it).
 */
MUST_CHECK int store_dead_programs(struct store *store, struct uuid **ids, size_t *count, struct problem *problem);
void store_forget_program(struct store *store, struct uuid id);

/* Is this program alive? In all modes. */
bool store_program_alive(struct store *store, struct uuid id);

/* Where a program of this id writes its last word when it crashes (loop/crash.h): a path on the heap, in a folder that is
   made. Removed with the program's other files. */
MUST_CHECK int store_crash_path(const char *path, struct uuid program_id, char **out, struct problem *problem);

/* Append the last word of a dead program, if it has left one. */
struct strbuf;
MUST_CHECK int store_last_word(struct store *store, struct uuid program_id, struct strbuf *out,
                               struct problem *problem);

/* STORE_PROGRAM: runs of this program could not be recorded to their end. store_close is to leave its lock file behind, so
   that the next opener finds it dead and marks them. */
void store_leave_lock(struct store *store);

/* Those that live, as "name (pid 7), …", for messages. "" when there is none. Not in STORE_READ. */
void store_living_programs(struct store *store, struct strbuf *out);

/* Send a datagram of 1 to SHARE_MESSAGE_MAX bytes to a living program. WEIR_ENOTFOUND when it does not listen, WEIR_EBUSY
   when it leaves too many unread. Not in STORE_READ, like all above that don't say so. */
MUST_CHECK int store_send(struct store *store, struct uuid program, struct str message, struct problem *problem);

/* In a copy of the process that was forked: let go of what tells others that the program lives. Nothing else may be done with
   the store there. NULL is allowed. */
void store_forked(struct store *store);

#endif
