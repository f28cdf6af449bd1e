/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h - jobs in one transaction: run together, run again one by one when the transaction died, hold on while the disk
 * is full. The writer's thread owns all of it; the executor hands it jobs and is handed their results.
 */
#ifndef WEIR_STORE_BATCH_H
#define WEIR_STORE_BATCH_H

#include "base/vec.h"
#include "store/executor.h"
#include "store/writer_lock.h"

#include <stddef.h>

enum { BATCH_JOBS = 256 };

struct effect {
	void (*call)(void *argument);
	void *argument;
};

/* A job's place in the batch. */
struct slot {
	struct job *job;
	int result;
	const struct problem *problem; /* in the arena, when the result is an error */
	size_t effects_end;            /* its effects are those from the end of the slot before it to here */
	bool cursor_used;
	_Alignas(max_align_t) unsigned char cursor[JOB_CURSOR_BYTES]; /* the working copy */
};

struct batch {
	struct db *db;
	struct writer_lock lock;
	int64_t lock_timeout_us;
	int64_t hold_us;
	void (*on_hold)(void *data, const struct problem *problem);
	void *data;
	/* The executor's: the next waiting job or NULL, and what to do with slots whose results are final. */
	struct job *(*next_job)(struct executor *executor);
	void (*deliver)(struct executor *executor, struct slot *slots, size_t count);
	struct executor *executor;

	struct slot slots[BATCH_JOBS];
	size_t count;
	struct arena arena; /* of all its jobs; emptied before any of them runs again */
	struct VEC(struct effect) effects;
	size_t effects_run; /* of those */
	int64_t now_us;
	bool open;                    /* a transaction is */
	bool committed;               /* anything of this batch */
	int begin_error;              /* of the last try to begin one; 0 when it began */
	struct problem begin_problem; /* why */

	/* the job that runs */
	struct slot *running;
	size_t effects_before; /* it ran */
	size_t rows;
	int64_t begun_us;
	struct problem problem;

	/* holding on */
	int64_t hold_since_us; /* 0: not */
	int64_t failed_us;     /* when the disk failed last */
	int64_t pause_us;

	struct executor_stats stats; /* what has come to them since the executor took them over */
};

MUST_CHECK int batch_init(struct batch *batch, const struct executor_options *options, struct problem *problem);
void batch_done(struct batch *batch);

/* Run a batch: take jobs, and deliver each once. At least one job is waiting. Was anything committed? */
bool batch_run(struct batch *batch);

/* Make the effects of a slot happen that is delivered: those that no slot before it had. */
void batch_run_effects(struct batch *batch, const struct slot *slot);

#endif
