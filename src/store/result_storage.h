/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result_storage.h - results in a folder: a file for each, that several programs write and read at a time. After a crash
 * either the old file or the new one is there, whole (docs/results.md tells the format).
 *
 *	KEY                     a result, KEY with slashes in subfolders
 *	locks/0 … locks/f       a byte of these is locked by who computes what it stands for
 *	temporary/UUID.lock     held by a program that lives
 *	temporary/UUID-N        a file that it writes
 *
 * All functions are safe to call from several threads. They read and write files: not for a loop's own thread.
 */
#ifndef WEIR_STORE_RESULT_STORAGE_H
#define WEIR_STORE_RESULT_STORAGE_H

#include "base/arena.h"
#include "base/problem.h"
#include "base/strbuf.h"
#include "base/timestamp.h"
#include "base/uuid.h"

struct result_storage;

/* A result with what is known of it. */
struct result_record {
	struct str cache_key; /* STR_NULL: it is not cached */
	int64_t created;      /* wall clock, microseconds */
	int64_t expiration;   /* the same; TIMESTAMP_NONE: never */
	struct str run_type;  /* "task" or "flow" */
	struct str run_name;
	struct uuid run_id; /* of the run that computed it */
	struct str body;    /* JSON */
};

/* Open the folder, which is made (0700) when missing, and remove what programs that died have left half-written. */
MUST_CHECK int result_storage_open(const char *path, struct result_storage **out, struct problem *problem);
void result_storage_close(struct result_storage *storage); /* NULL is allowed */

/* In a copy of the process that was forked: close the files by which others see that the program lives and computes. */
void result_storage_forked(struct result_storage *storage);

/*
 * Can a result have this key? WEIR_EINVAL, naming what is wrong, when it would leave the folder ("..", absolute), is a
 * folder of the storage's own, is too long, or holds bytes that no file name should (control characters, bad UTF-8).
 */
MUST_CHECK int result_key_check(struct str key, struct problem *problem);

/* --- Writing --- */

/* A result that is written and durable, but not under its key yet. */
struct staged_result;

/* Write the record to a file of its own. WEIR_ENOSPC, WEIR_EPERM … name the path; nothing stays behind then. */
MUST_CHECK int result_stage(struct result_storage *storage, struct str key, const struct result_record *record,
                            struct staged_result **out, struct problem *problem);

/* Put it in the place of what was under its key, durably. Frees it, also on errors. */
MUST_CHECK int staged_result_publish(struct staged_result *staged, struct problem *problem);

/* Remove and free it. NULL is allowed. */
void staged_result_discard(struct staged_result *staged);

/* Stage and publish. */
MUST_CHECK int result_write(struct result_storage *storage, struct str key, const struct result_record *record,
                            struct problem *problem);

/* --- Reading --- */

/*
 * Read the record of a key. Its texts lie in the arena, the body in text. WEIR_ENOTFOUND when there is none; WEIR_ECORRUPT
 * for a file that was damaged or cut short (its hash tells): it is removed, and the problem names it.
 */
MUST_CHECK int result_read(struct result_storage *storage, struct str key, struct arena *arena, struct strbuf *text,
                           struct result_record *out, struct problem *problem);

/* The same of one that is staged. */
MUST_CHECK int staged_result_read(struct staged_result *staged, struct arena *arena, struct strbuf *text,
                                  struct result_record *out, struct problem *problem);

/* --- Locks between programs --- */

/*
 * Take the lock of that name, at least nine hexadecimal digits, of which the first nine count. WEIR_EBUSY while another
 * program holds it; the kernel frees it at whatever end of its holder. Threads of one program do not keep each other out:
 * the caller sees to that. One descriptor serves many locks, so that thousands may be held.
 */
MUST_CHECK int result_lock_try(struct result_storage *storage, const char *name, struct problem *problem);
void result_unlock(struct result_storage *storage, const char *name);

#endif
