/* SPDX-License-Identifier: Apache-2.0 */
#include "store/batch.h"

#include "base/clock.h"

#include <stdlib.h>
#include <time.h>

enum {
	BATCH_US = 8000, /* measured: a fifth less CPU than 2 ms when many wait; with few waiting it closes before */
	ARENA_KEEP_BYTES = 256 * 1024, /* a batch that used more gives its memory back */
	EFFECTS_KEPT = 1024,
	LOCK_TIMEOUT_US = 5 * 1000 * 1000,
	HOLD_FIRST_US = 50 * 1000,
	HOLD_LONGEST_US = 1000 * 1000,
	CLOCK_STEP_US = 1000 * 1000, /* smaller steps back of the clock are waited out */
};

#define DEFAULT_HOLD_SECONDS 60.0

int batch_init(struct batch *batch, const struct executor_options *options, struct problem *problem)
{
	double hold_seconds = options->hold_seconds > 0 ? options->hold_seconds : DEFAULT_HOLD_SECONDS;

	batch->db = options->db;
	batch->lock_timeout_us = options->lock_timeout_us ? options->lock_timeout_us : LOCK_TIMEOUT_US;
	batch->hold_us = (int64_t)(hold_seconds * 1e6);
	batch->on_hold = options->on_hold;
	batch->data = options->data;
	return writer_lock_init(&batch->lock, options->lock_path, problem);
}

void batch_done(struct batch *batch)
{
	arena_done(&batch->arena);
	vec_done(&batch->effects);
	writer_lock_done(&batch->lock);
	db_close(batch->db);
}

/* --- What the results say --- */

static bool succeeded(const struct slot *slot)
{
	return slot->result == 0 || slot->result == WEIR_EAGAIN;
}

/* Errors that may pass: room is made, a lock is let go. */
static bool wants_hold(const struct slot *slot)
{
	bool passing = slot->result == WEIR_ENOSPC || slot->result == WEIR_EIO || slot->result == WEIR_EBUSY;

	return passing && (slot->job->flags & JOB_HOLD);
}

static void fail_slot(struct batch *batch, struct slot *slot, const struct problem *problem)
{
	struct problem *copy = arena_alloc(&batch->arena, sizeof *copy);

	*copy = *problem;
	slot->result = problem->code;
	slot->problem = copy;
}

/* --- The transaction --- */

static bool is_alive(struct batch *batch)
{
	return batch->db->driver->in_transaction(batch->db);
}

static int begin(struct batch *batch)
{
	int result = writer_lock_take(&batch->lock, batch->lock_timeout_us, &batch->begin_problem);

	if (result == 0) {
		result = batch->db->driver->begin(batch->db, true, &batch->begin_problem);
		if (result < 0)
			writer_lock_release(&batch->lock);
	}
	batch->begin_error = result;
	batch->open = result == 0;
	return result;
}

static int commit(struct batch *batch, struct problem *problem)
{
	int result = batch->db->driver->commit(batch->db, problem);

	if (result < 0)
		return result;
	batch->open = false;
	writer_lock_release(&batch->lock);
	batch->committed = true;
	batch->stats.commits++;
	return 0;
}

static void roll_back(struct batch *batch)
{
	if (!batch->open)
		return;
	batch->db->driver->rollback(batch->db);
	batch->open = false;
	writer_lock_release(&batch->lock);
}

/* --- One job --- */

/* A job that returned an error without saying why gets the general text. */
static void note_failure(struct batch *batch, struct slot *slot, int result)
{
	if (!batch->problem.message[0])
		problem_set(&batch->problem, result, "%s", error_text(result));
	batch->problem.code = result;
	fail_slot(batch, slot, &batch->problem);
}

static void drop_effects(struct batch *batch)
{
	batch->effects.count = batch->effects_before;
}

static void run_job(struct batch *batch, struct slot *slot)
{
	struct tx tx = {
		.db = batch->db,
		.arena = &batch->arena,
		.now_us = batch->now_us,
		.problem = &batch->problem,
		.executor = batch->executor,
		.job = slot->job,
	};
	int result;

	slot->problem = NULL;
	slot->cursor_used = false;
	batch->running = slot;
	batch->effects_before = batch->effects.count;
	batch->rows = 0;
	batch->begun_us = clock_monotonic_us();
	batch->problem.code = 0;
	batch->problem.message[0] = batch->problem.path[0] = '\0';
	result = slot->job->run(&tx, slot->job->request);
	ASSERT(result <= 0);
	slot->result = result;
	if (!succeeded(slot)) {
		drop_effects(batch);
		note_failure(batch, slot, result);
	}
	slot->effects_end = batch->effects.count;
}

/* --- Jobs together --- */

static bool take_job(struct batch *batch)
{
	struct job *job = batch->next_job(batch->executor);

	if (!job)
		return false;
	batch->slots[batch->count++] = (struct slot){ .job = job };
	return true;
}

/*
 * Run the job as the next one of the transaction. fresh: there is nothing yet that must stay, so that it needs no
 * savepoint: to undo it is to roll back all. False: the transaction died, and with it all that ran before; or the job
 * must hold, and all behind it wait.
 */
static bool run_in_batch(struct batch *batch, struct slot *slot, bool fresh)
{
	const struct db_driver *driver = batch->db->driver;

	if (!batch->open && begin(batch) < 0)
		return false;
	if (!fresh && driver->savepoint(batch->db, NULL) < 0)
		return false;
	run_job(batch, slot);
	if (!is_alive(batch) || wants_hold(slot))
		return false;
	if (succeeded(slot))
		return fresh || driver->release(batch->db, NULL) == 0;
	if (!fresh)
		return driver->rollback_to(batch->db, NULL) == 0;
	roll_back(batch);
	return true;
}

static void end_hold(struct batch *batch)
{
	if (batch->hold_since_us && batch->on_hold)
		batch->on_hold(batch->data, NULL);
	batch->hold_since_us = 0;
}

/* Run jobs in one transaction as they come, until none is waiting or the batch is full. False: nothing is committed. */
static bool run_together(struct batch *batch)
{
	int64_t close_us = clock_monotonic_us() + BATCH_US;
	bool fresh = true;

	while (batch->count < BATCH_JOBS && take_job(batch)) {
		struct slot *slot = &batch->slots[batch->count - 1];

		if (!run_in_batch(batch, slot, fresh))
			return false;
		fresh = fresh && !succeeded(slot);
		if (clock_monotonic_us() >= close_us)
			break;
	}
	if (!batch->open)
		return true; /* all failed */
	if (commit(batch, NULL) < 0)
		return false;
	end_hold(batch);
	return true;
}

/* --- Jobs one by one --- */

static void forget_runs(struct batch *batch)
{
	batch->effects.count = batch->effects_run = 0;
	if (batch->arena.used_bytes > ARENA_KEEP_BYTES)
		arena_done(&batch->arena);
	else
		arena_clear(&batch->arena);
}

static void set_now(struct batch *batch)
{
	int64_t wall_us = clock_wall_us();
	bool small_step = wall_us <= batch->now_us && batch->now_us - wall_us < CLOCK_STEP_US;

	batch->now_us = small_step ? batch->now_us + 1 : wall_us;
}

/* Run the job in a transaction of its own. */
static void run_once(struct batch *batch, struct slot *slot)
{
	forget_runs(batch);
	set_now(batch);
	slot->effects_end = 0;
	if (begin(batch) < 0) {
		fail_slot(batch, slot, &batch->begin_problem);
		return;
	}
	run_job(batch, slot);
	if (succeeded(slot) && commit(batch, &batch->problem) < 0) {
		slot->effects_end = 0;
		fail_slot(batch, slot, &batch->problem);
	}
	roll_back(batch);
}

static void sleep_us(int64_t duration_us)
{
	struct timespec duration = { duration_us / 1000000, duration_us % 1000000 * 1000 };

	nanosleep(&duration, NULL);
}

/*
 * Wait a while before the job is tried again. False: it has been tried for long enough. The time counts for all jobs that
 * the failure meets, so that the last of many is not held for hours; it begins anew when the disk was quiet for as long.
 */
static bool pause_for_hold(struct batch *batch, const struct slot *slot)
{
	int64_t now_us = clock_monotonic_us();

	if (!batch->hold_since_us || now_us - batch->failed_us > batch->hold_us) {
		batch->hold_since_us = now_us;
		batch->pause_us = HOLD_FIRST_US;
		batch->stats.holds++;
		if (batch->on_hold)
			batch->on_hold(batch->data, slot->problem);
	}
	batch->failed_us = now_us;
	if (now_us - batch->hold_since_us >= batch->hold_us)
		return false;
	sleep_us(MIN(batch->pause_us, batch->hold_us));
	batch->pause_us = MIN(batch->pause_us * 2, (int64_t)HOLD_LONGEST_US);
	return true;
}

/* A batch that could not begin is not tried again for each of its jobs: that would take a time-out each. */
static void run_alone(struct batch *batch, struct slot *slot)
{
	slot->effects_end = 0;
	if (batch->begin_error < 0)
		fail_slot(batch, slot, &batch->begin_problem);
	else
		run_once(batch, slot);
	while (wants_hold(slot) && pause_for_hold(batch, slot))
		run_once(batch, slot);
	if (succeeded(slot))
		end_hold(batch);
}

static void run_one_by_one(struct batch *batch)
{
	batch->stats.reruns++;
	roll_back(batch);
	while (batch->begin_error < 0 && batch->count < BATCH_JOBS && take_job(batch))
		; /* what has gathered shares the error */
	for (size_t i = 0; i < batch->count; i++) {
		forget_runs(batch);
		run_alone(batch, &batch->slots[i]);
		batch->deliver(batch->executor, &batch->slots[i], 1);
	}
}

/* --- Batches --- */

bool batch_run(struct batch *batch)
{
	batch->count = 0;
	batch->begin_error = 0;
	batch->committed = false;
	batch->stats.batches++;
	set_now(batch);
	if (run_together(batch))
		batch->deliver(batch->executor, batch->slots, batch->count);
	else
		run_one_by_one(batch);
	forget_runs(batch);
	if (batch->effects.capacity > EFFECTS_KEPT)
		vec_done(&batch->effects);
	return batch->committed;
}

void batch_run_effects(struct batch *batch, const struct slot *slot)
{
	while (batch->effects_run < slot->effects_end) {
		struct effect effect = batch->effects.items[batch->effects_run++];

		effect.call(effect.argument);
	}
}
