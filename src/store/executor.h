/* SPDX-License-Identifier: Apache-2.0 */
/*
 * executor.h - the one writer. A job is a re-runnable function of (tx, request): it may change nothing outside its
 * transaction, because it can run again. Jobs that have gathered run in one transaction, each in a savepoint; after the
 * one COMMIT, in the order of the jobs, each one's staged effects happen and then it is told.
 *
 *  - A batch closes when nothing is waiting, after 8 ms of work, or at 256 jobs. Nobody waits for a batch to fill.
 *  - Some errors (SQLITE_FULL, IOERR, INTERRUPT, NOMEM) roll back the whole transaction, and COMMIT can fail. So after
 *    each job the executor asks whether the transaction is still there; if not, the batch's jobs run again one by one,
 *    each in its own transaction, and those that fail then get the error. Each job is told once.
 *  - A job has a budget: at most 1,000 rows or 5 ms. tx_over_budget tells; a job with more to do stores its progress in
 *    tx_cursor and returns WEIR_EAGAIN: what it did is committed, its effects happen, it goes to the end of the queue,
 *    and runs on from the cursor (which moves only with the commit). It means "go on", not "wait": it runs at once when
 *    nothing else is waiting.
 *  - The writer of an embedded file takes "<file>-writer" (store/writer_lock.h) for each transaction, then BEGIN
 *    IMMEDIATE. When another program keeps the file locked for 5 s, the jobs that have gathered get WEIR_EBUSY.
 *
 * A job that was told of an error is not in the file. One exception can't be closed: when the disk fails to sync a
 * commit, and the whole machine or every program that has the file open dies before the next commit, recovery may find
 * the job's pages complete in the log and keep them.
 */
#ifndef WEIR_STORE_EXECUTOR_H
#define WEIR_STORE_EXECUTOR_H

#include "store/db.h"

struct executor;
struct job;

/* A transaction as a job sees it. */
struct tx {
	struct db *db;
	struct arena *arena; /* until the job has been told; emptied when the job runs again */
	/* Wall clock of the batch: the same for all its jobs, and later than that of the one before. Small steps back of the
	   system's clock (up to a second) are waited out, larger ones followed. */
	int64_t now_us;
	struct problem *problem; /* fill it and return its code */
	/* the executor's own */
	struct executor *executor;
	struct job *job;
};

/*
 * 0: done; WEIR_EAGAIN: go on later; another error: what it wrote is rolled back, staged effects are dropped. Its
 * statements must be reset when it returns.
 */
typedef int job_fn(struct tx *tx, void *request);

enum { JOB_CURSOR_BYTES = 64 };

enum job_flag {
	/*
	 * When the disk is full or fails, or another program keeps the file locked (WEIR_ENOSPC, WEIR_EIO, WEIR_EBUSY):
	 * wait and try again for hold_seconds before giving up. Jobs behind it wait too, so that states stay in order.
	 */
	JOB_HOLD = 1 << 0,
	/* Never block the submitter, also when the queue is at its limit: for threads that others wait for. */
	JOB_NEVER_WAIT = 1 << 1,
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
	unsigned epoch;                         /* see executor_drain */
};

struct executor_options {
	struct db *db; /* the write connection; the executor's from now on, closed also when executor_new fails */
	const char *lock_path;   /* of the writer's lock file; NULL: the file is owned alone */
	int64_t lock_timeout_us; /* how long to wait for it; 0: 5 s */
	/* Jobs waiting; more block the caller; 0: 16,384. Those that the writer has taken don't count: as many at most. */
	unsigned queue_limit;
	double hold_seconds; /* see JOB_HOLD; 0: 60 */
	/*
	 * Told when the writer begins to wait for the disk (see JOB_HOLD), and when it goes on (problem NULL). When the
	 * wait runs out, jobs get their errors at once from then on, until one is committed (then it goes on), or until
	 * nothing has failed for hold_seconds. May be NULL.
	 */
	void (*on_hold)(void *data, const struct problem *problem);
	/* Told after each batch that committed anything, and after its jobs, how long the write-ahead log is. May be NULL. */
	void (*on_commit)(void *data, int64_t log_pages);
	/* Delivers what tx_send has staged; must not block. NULL: nobody hears it. */
	void (*send)(void *data, struct uuid program, struct str message);
	void *data;
};

MUST_CHECK int executor_new(const struct executor_options *options, struct executor **out, struct problem *problem);

/* Finish what was submitted, then end the thread and close the connection. NULL is allowed. */
void executor_free(struct executor *executor);

/*
 * Hand a job over; it is told later. Blocks while the queue is at its limit, but never the writer's own thread. Jobs of
 * one thread run in their order, but for those that return WEIR_EAGAIN: the next ones overtake them.
 */
void executor_submit(struct executor *executor, struct job *job);

/* Is the queue at its limit? For those who must not block but may come back later. */
bool executor_is_full(struct executor *executor);

/* Run a job and wait until it is durable. Not from the writer's thread (programmer's error). */
MUST_CHECK int executor_run(struct executor *executor, job_fn *run, void *request, struct problem *problem);

/* Wait until everything that was submitted before is told, whatever is submitted meanwhile. Not from the writer's
   thread. */
void executor_drain(struct executor *executor);

/* In a copy of the process that was forked: close the lock file, which is the program's writer's. */
void executor_forked(struct executor *executor);

struct executor_stats {
	uint64_t jobs;    /* told */
	uint64_t batches; /* run, also those that died */
	uint64_t commits;
	uint64_t reruns; /* batches that died, or could not begin, and were run job by job */
	uint64_t holds;  /* times that the writer began to wait for the disk */
};
void executor_stats(struct executor *executor, struct executor_stats *out);

/* --- For jobs --- */

/* Stage an effect: called on the writer's thread after COMMIT, in the order of staging; dropped when the job fails or runs
   again. argument should lie in tx->arena. */
void tx_effect(struct tx *tx, void (*effect)(void *argument), void *argument);

/*
 * Stage a message to the programs that run flows: to one, or (nil) to all that live, this one included. It is sent after
 * COMMIT, at most once: a program that has too many unread, or has just died, misses it, so who waits for messages also
 * looks now and then. Copied.
 */
void tx_send(struct tx *tx, struct uuid program, struct str message);

/* Has this job used up its budget of so many more rows? Counts them. */
bool tx_over_budget(struct tx *tx, size_t rows);

/* The cursor's working copy: JOB_CURSOR_BYTES, aligned for any type, as the last commit left it. */
void *tx_cursor(struct tx *tx);

#endif
