/* SPDX-License-Identifier: Apache-2.0 */
/*
 * executor.h - the one writer. A job is a re-runnable function of (tx, request): it may change nothing outside its
 * transaction, because it can run again. Jobs that have gathered run in one transaction, each in a savepoint; after the
 * one COMMIT their staged effects happen, then they are told.
 *
 *  - A batch closes when nothing is waiting, after 2 ms of work, or at 256 jobs.
 *  - Some errors (SQLITE_FULL, IOERR, INTERRUPT, NOMEM) roll back the whole transaction, and COMMIT can fail. So after
 *    each job the executor asks whether the transaction is still there; if not, the batch's jobs run again one by one,
 *    each in its own transaction, and those that fail then get the error.
 *  - A job has a budget: at most 1,000 rows or 5 ms. tx_over_budget tells; a job with more to do stores its progress in
 *    tx_cursor and returns WEIR_EAGAIN: what it did is committed, it goes to the end of the queue, and runs on from the
 *    cursor (which moves only with the commit).
 *  - The writer of an embedded file takes flock on "<file>-writer" for each batch, then BEGIN IMMEDIATE.
 */
#ifndef WEIR_STORE_EXECUTOR_H
#define WEIR_STORE_EXECUTOR_H

#include "store/db.h"

struct executor;
struct job;

/* A transaction as a job sees it. */
struct tx {
	struct db *db;
	struct arena *arena;     /* until the job has been told; emptied when the job runs again */
	int64_t now_us;          /* wall clock of the batch: the same for all its jobs */
	struct problem *problem; /* fill it and return its code */
	/* the executor's own */
	struct executor *executor;
	struct job *job;
};

/* 0: done; WEIR_EAGAIN: go on later; another error: the savepoint is rolled back, staged effects are dropped. */
typedef int job_fn(struct tx *tx, void *request);

enum { JOB_CURSOR_BYTES = 64 };

enum job_flag {
	/* When the disk is full or fails: wait and try again for `hold_seconds` before giving up (states of runs). */
	JOB_HOLD = 1 << 0,
};

/* Put in the caller's own struct; it must live until told. */
struct job {
	job_fn *run;
	void *request;
	/* Called once, on the writer's thread, after the commit (or with the error). It must not block. NULL: nobody asks. */
	void (*told)(struct job *job, int result, const struct problem *problem);
	unsigned flags; /* enum job_flag */
	/* the executor's own */
	struct job *next;
	unsigned char cursor[JOB_CURSOR_BYTES]; /* all zero at first; moves with the commit */
	void *state;
};

struct executor_options {
	struct db *db;         /* the write connection; the executor's from now on */
	const char *lock_path; /* of the flock file; NULL: the file is owned alone */
	unsigned queue_limit;  /* jobs waiting; more block the caller; 0: 65,536 */
	double hold_seconds;   /* see JOB_HOLD; 0: 60 */
	/* Told when a full or failing disk makes the writer wait, and when it goes on (problem NULL). May be NULL. */
	void (*on_hold)(void *data, const struct problem *problem);
	/* Told after each commit how long the write-ahead log is. May be NULL. */
	void (*on_commit)(void *data, int64_t log_pages);
	void *data;
};

MUST_CHECK int executor_new(const struct executor_options *options, struct executor **out, struct problem *problem);

/* Finish what was submitted, then end the thread and close the connection. NULL is allowed. */
void executor_free(struct executor *executor);

/* Hand a job over; it is told later. Blocks while the queue is at its limit. Jobs of one thread run in their order. */
void executor_submit(struct executor *executor, struct job *job);

/* Run a job and wait until it is durable. Not from the writer's thread (programmer's error). */
MUST_CHECK int executor_run(struct executor *executor, job_fn *run, void *request, struct problem *problem);

/* Wait until nothing is waiting any more: everything that was submitted before is told. */
void executor_drain(struct executor *executor);

struct executor_stats {
	uint64_t jobs, batches, commits, reruns, holds;
};
void executor_stats(struct executor *executor, struct executor_stats *out);

/* --- For jobs --- */

/* Stage an effect: called on the writer's thread after COMMIT, in the order of staging; dropped when the job fails or runs
   again. argument should lie in tx->arena. */
void tx_effect(struct tx *tx, void (*effect)(void *argument), void *argument);

/* Has this job used up its budget of so many more rows? Counts them. */
bool tx_over_budget(struct tx *tx, size_t rows);

/* The cursor's working copy: JOB_CURSOR_BYTES, as the last commit left it. */
void *tx_cursor(struct tx *tx);

#endif
