/* SPDX-License-Identifier: Apache-2.0 */
#include "store/executor.h"

#include "base/clock.h"
#include "loop/pool.h"
#include "loop/thread.h"
#include "store/writer_lock.h"

#include <errno.h>
#include <stdlib.h>

enum {
	BATCH_JOBS = 256,
	BATCH_US = 2000,
	BUDGET_ROWS = 1000,
	BUDGET_US = 5000,
	QUEUE_LIMIT = 65536,
	ARENA_KEEP_BYTES = 16 * 1024, /* a job that used more gives its memory back */
	HOLD_FIRST_US = 50 * 1000,
	HOLD_LONGEST_US = 1000 * 1000,
};

#define DEFAULT_HOLD_SECONDS 60.0

struct effect {
	void (*call)(void *argument);
	void *argument;
	struct effect *next;
};

/* A job's place in the batch: everything that running it again makes anew. */
struct slot {
	struct job *job;
	int result;
	struct problem problem;
	struct arena arena;
	struct effect *first_effect, **last_effect;
	unsigned char cursor[JOB_CURSOR_BYTES]; /* the working copy */
	size_t rows;
	int64_t begun_us;
};

struct executor {
	struct db *db;
	struct writer_lock lock;
	pthread_t thread;
	int64_t hold_us;
	unsigned queue_limit;
	void (*on_hold)(void *data, const struct problem *problem);
	void (*on_commit)(void *data, int64_t log_pages);
	void *data;

	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t work;   /* the writer waits for jobs */
	pthread_cond_t room;   /* submitters wait for the queue to shrink, drainers for it to be empty */
	struct job *first, *last;
	unsigned queued;
	unsigned pending; /* submitted and not told */
	unsigned waiting; /* threads that wait for room */
	bool asleep;
	bool ending;
	struct executor_stats stats;

	/* the writer's own */
	struct slot slots[BATCH_JOBS];
	size_t count;   /* slots in use */
	int64_t now_us; /* wall clock of the batch; never steps back */
	bool gave_up;   /* a hold ran out and nothing has succeeded since: don't hold again */
};

static _Thread_local struct executor *current_executor;

/* --- What jobs call --- */

static struct slot *slot_of(struct tx *tx)
{
	return CONTAINER_OF(tx->arena, struct slot, arena);
}

void tx_effect(struct tx *tx, void (*call)(void *argument), void *argument)
{
	struct slot *slot = slot_of(tx);
	struct effect *effect = ARENA_NEW(tx->arena, struct effect);

	effect->call = call;
	effect->argument = argument;
	*slot->last_effect = effect;
	slot->last_effect = &effect->next;
}

bool tx_over_budget(struct tx *tx, size_t rows)
{
	struct slot *slot = slot_of(tx);

	slot->rows += rows;
	return slot->rows >= BUDGET_ROWS || clock_monotonic_us() - slot->begun_us >= BUDGET_US;
}

void *tx_cursor(struct tx *tx)
{
	return slot_of(tx)->cursor;
}

/* --- One job --- */

/* Forget what an earlier run of the job has left. */
static void clear_slot(struct slot *slot)
{
	if (slot->arena.used_bytes > ARENA_KEEP_BYTES)
		arena_done(&slot->arena);
	else
		arena_clear(&slot->arena);
	slot->first_effect = NULL;
	slot->last_effect = &slot->first_effect;
	memcpy(slot->cursor, slot->job->cursor, sizeof slot->cursor);
	slot->rows = 0;
	slot->result = 0;
	slot->begun_us = clock_monotonic_us();
}

static void run_job(struct executor *executor, struct slot *slot)
{
	struct tx tx = {
		.db = executor->db,
		.arena = &slot->arena,
		.now_us = executor->now_us,
		.problem = &slot->problem,
		.executor = executor,
		.job = slot->job,
	};

	clear_slot(slot);
	slot->result = slot->job->run(&tx, slot->job->request);
}

static bool succeeded(const struct slot *slot)
{
	return slot->result == 0 || slot->result == WEIR_EAGAIN;
}

static void drop_effects(struct slot *slot)
{
	slot->first_effect = NULL;
	slot->last_effect = &slot->first_effect;
}

static bool transaction_alive(struct executor *executor)
{
	return executor->db->driver->in_transaction(executor->db);
}

/*
 * Run the job as the next one of the open transaction. The first one needs no savepoint: to undo it is to begin again.
 * False: the transaction died, and with it all that ran before.
 */
static bool run_in_batch(struct executor *executor, struct slot *slot, bool first)
{
	const struct db_driver *driver = executor->db->driver;

	if (!first && driver->savepoint(executor->db, &slot->problem) < 0)
		return false;
	run_job(executor, slot);
	if (!transaction_alive(executor))
		return false;
	if (succeeded(slot))
		return first || driver->release(executor->db, &slot->problem) == 0;
	drop_effects(slot);
	if (!first)
		return driver->rollback_to(executor->db, NULL) == 0;
	driver->rollback(executor->db);
	return driver->begin(executor->db, true, &slot->problem) == 0;
}

/* Run the job in a transaction of its own; its result is final unless it is held. */
static void run_alone(struct executor *executor, struct slot *slot)
{
	const struct db_driver *driver = executor->db->driver;
	int result = driver->begin(executor->db, true, &slot->problem);

	if (result < 0) {
		slot->result = result;
		return;
	}
	run_job(executor, slot);
	if (succeeded(slot) && transaction_alive(executor)) {
		result = driver->commit(executor->db, &slot->problem);
		if (result < 0)
			slot->result = result;
	} else if (succeeded(slot)) {
		slot->result = problem_set(&slot->problem, WEIR_EIO, "the transaction was rolled back under the job");
	}
	driver->rollback(executor->db);
	if (!succeeded(slot))
		drop_effects(slot);
	executor->stats.commits += succeeded(slot);
	executor->stats.reruns++;
}

/* --- Holding on while the disk is full --- */

static bool wants_hold(const struct executor *executor, const struct slot *slot)
{
	bool disk = slot->result == WEIR_ENOSPC || slot->result == WEIR_EIO;

	return disk && (slot->job->flags & JOB_HOLD) && !executor->gave_up;
}

/* Sleep a while; jobs may be submitted meanwhile. */
static void pause_writer(struct executor *executor, int64_t pause_us)
{
	int64_t until_us = clock_monotonic_us() + pause_us;

	writer_lock_release(&executor->lock);
	pthread_mutex_lock(&executor->mutex);
	while (clock_monotonic_us() < until_us)
		cond_wait_until(&executor->work, &executor->mutex, until_us);
	pthread_mutex_unlock(&executor->mutex);
	writer_lock_take(&executor->lock);
}

/* Try the job again until it succeeds, fails for another reason, or the hold runs out. */
static void hold(struct executor *executor, struct slot *slot)
{
	int64_t give_up_us = clock_monotonic_us() + executor->hold_us;
	int64_t pause_us = HOLD_FIRST_US;

	if (!wants_hold(executor, slot))
		return;
	executor->stats.holds++;
	if (executor->on_hold)
		executor->on_hold(executor->data, &slot->problem);
	while (wants_hold(executor, slot) && clock_monotonic_us() < give_up_us) {
		pause_writer(executor, pause_us);
		pause_us = MIN(pause_us * 2, (int64_t)HOLD_LONGEST_US);
		run_alone(executor, slot);
	}
	executor->gave_up = wants_hold(executor, slot);
	if (executor->on_hold && !executor->gave_up)
		executor->on_hold(executor->data, NULL);
}

/* --- A batch --- */

static struct job *pop(struct executor *executor)
{
	struct job *job;

	pthread_mutex_lock(&executor->mutex);
	job = executor->first;
	if (job) {
		executor->first = job->next;
		if (!executor->first)
			executor->last = NULL;
		executor->queued--;
		if (executor->waiting && executor->queued < executor->queue_limit)
			pthread_cond_broadcast(&executor->room);
	}
	pthread_mutex_unlock(&executor->mutex);
	return job;
}

/* The next job gets the next slot. False: the queue is empty. */
static bool take_job(struct executor *executor)
{
	struct job *job = pop(executor);

	if (!job)
		return false;
	executor->slots[executor->count++].job = job;
	return true;
}

/* Run jobs in one transaction as they come, until none is waiting or the batch is full. False: it died. */
static bool run_together(struct executor *executor)
{
	int64_t close_us = clock_monotonic_us() + BATCH_US;
	bool first = true;

	if (!take_job(executor) || executor->db->driver->begin(executor->db, true, NULL) < 0)
		return false;
	do {
		struct slot *slot = &executor->slots[executor->count - 1];

		if (!run_in_batch(executor, slot, first))
			return false;
		first = first && !succeeded(slot);
	} while (executor->count < BATCH_JOBS && clock_monotonic_us() < close_us && take_job(executor));
	if (executor->db->driver->commit(executor->db, NULL) < 0)
		return false;
	executor->stats.commits++;
	return true;
}

static void run_one_by_one(struct executor *executor)
{
	executor->db->driver->rollback(executor->db);
	for (size_t i = 0; i < executor->count; i++) {
		run_alone(executor, &executor->slots[i]);
		hold(executor, &executor->slots[i]);
		if (succeeded(&executor->slots[i]))
			executor->gave_up = false;
	}
}

static void append_job(struct executor *executor, struct job *job)
{
	job->next = NULL;
	if (executor->last)
		executor->last->next = job;
	else
		executor->first = job;
	executor->last = job;
	executor->queued++;
}

/* The job has more to do: to the end of the queue, with the cursor that the commit has moved. */
static void put_back(struct executor *executor, struct job *job)
{
	pthread_mutex_lock(&executor->mutex);
	append_job(executor, job);
	pthread_mutex_unlock(&executor->mutex);
}

static void finish_slot(struct executor *executor, struct slot *slot)
{
	struct job *job = slot->job;

	if (succeeded(slot))
		memcpy(job->cursor, slot->cursor, sizeof job->cursor);
	for (struct effect *effect = slot->first_effect; effect; effect = effect->next)
		effect->call(effect->argument);
	if (slot->result == WEIR_EAGAIN) {
		put_back(executor, job);
		return;
	}
	if (job->told)
		job->told(job, slot->result, slot->result < 0 ? &slot->problem : NULL);
	pthread_mutex_lock(&executor->mutex);
	if (--executor->pending == 0 && executor->waiting)
		pthread_cond_broadcast(&executor->room);
	pthread_mutex_unlock(&executor->mutex);
}

static void run_batch(struct executor *executor)
{
	executor->count = 0;
	executor->now_us = MAX(executor->now_us + 1, clock_wall_us());
	writer_lock_take(&executor->lock);
	if (!run_together(executor))
		run_one_by_one(executor);
	writer_lock_release(&executor->lock);
	executor->stats.batches++;
	executor->stats.jobs += executor->count;
	if (executor->on_commit)
		executor->on_commit(executor->data, executor->db->driver->log_pages(executor->db));
	for (size_t i = 0; i < executor->count; i++)
		finish_slot(executor, &executor->slots[i]);
}

/* Wait for work. False: the executor is to end and nothing is left. */
static bool await_work(struct executor *executor)
{
	bool work;

	pthread_mutex_lock(&executor->mutex);
	while (!executor->first && !executor->ending) {
		executor->asleep = true;
		pthread_cond_wait(&executor->work, &executor->mutex);
	}
	executor->asleep = false;
	work = executor->first != NULL;
	pthread_mutex_unlock(&executor->mutex);
	return work;
}

static void *run_writer(void *argument)
{
	struct executor *executor = argument;

	current_executor = executor;
	while (await_work(executor))
		run_batch(executor);
	return NULL;
}

/* --- For everybody --- */

static void free_executor(struct executor *executor)
{
	for (size_t i = 0; i < BATCH_JOBS; i++)
		arena_done(&executor->slots[i].arena);
	writer_lock_done(&executor->lock);
	pthread_cond_destroy(&executor->work);
	pthread_cond_destroy(&executor->room);
	pthread_mutex_destroy(&executor->mutex);
	free(executor);
}

int executor_new(const struct executor_options *options, struct executor **out, struct problem *problem)
{
	double hold_seconds = options->hold_seconds > 0 ? options->hold_seconds : DEFAULT_HOLD_SECONDS;
	struct executor *executor = xcalloc(1, sizeof *executor);
	int result;

	executor->db = options->db;
	executor->hold_us = (int64_t)(hold_seconds * 1e6);
	executor->queue_limit = options->queue_limit ? options->queue_limit : QUEUE_LIMIT;
	executor->on_hold = options->on_hold;
	executor->on_commit = options->on_commit;
	executor->data = options->data;
	pthread_mutex_init(&executor->mutex, NULL);
	cond_init_monotonic(&executor->work);
	cond_init_monotonic(&executor->room);
	result = writer_lock_init(&executor->lock, options->lock_path, problem);
	if (result == 0)
		result = thread_start(&executor->thread, "weir-writer", run_writer, executor, problem);
	if (result < 0) {
		free_executor(executor);
		return result;
	}
	*out = executor;
	return 0;
}

void executor_free(struct executor *executor)
{
	if (!executor)
		return;
	ASSERT(executor != current_executor);
	pthread_mutex_lock(&executor->mutex);
	executor->ending = true;
	pthread_cond_signal(&executor->work);
	pthread_mutex_unlock(&executor->mutex);
	pthread_join(executor->thread, NULL);
	db_close(executor->db);
	free_executor(executor);
}

/* Called with the mutex held. The writer itself may always submit: it would wait for itself. */
static void wait_for_room(struct executor *executor)
{
	executor->waiting++;
	while (executor->queued >= executor->queue_limit && executor != current_executor)
		pthread_cond_wait(&executor->room, &executor->mutex);
	executor->waiting--;
}

void executor_submit(struct executor *executor, struct job *job)
{
	bool wake;

	memset(job->cursor, 0, sizeof job->cursor);
	pthread_mutex_lock(&executor->mutex);
	ASSERT(!executor->ending || executor == current_executor);
	if (executor->queued >= executor->queue_limit)
		wait_for_room(executor);
	append_job(executor, job);
	executor->pending++;
	wake = executor->asleep;
	executor->asleep = false; /* one wake-up is enough */
	pthread_mutex_unlock(&executor->mutex);
	if (wake)
		pthread_cond_signal(&executor->work);
}

/* executor_run's job, with somewhere to wait. */
struct waited_job {
	struct job job;
	pthread_mutex_t mutex;
	pthread_cond_t told;
	bool done;
	int result;
	struct problem *problem;
};

static void wake_waiter(struct job *job, int result, const struct problem *problem)
{
	struct waited_job *waited = CONTAINER_OF(job, struct waited_job, job);

	pthread_mutex_lock(&waited->mutex);
	waited->result = result;
	if (problem && waited->problem)
		*waited->problem = *problem;
	waited->done = true;
	pthread_cond_signal(&waited->told);
	pthread_mutex_unlock(&waited->mutex);
}

int executor_run(struct executor *executor, job_fn *run, void *request, struct problem *problem)
{
	struct waited_job waited = {
		.job = { .run = run, .request = request, .told = wake_waiter },
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.told = PTHREAD_COND_INITIALIZER,
		.problem = problem,
	};

	ASSERT(executor != current_executor);
	executor_submit(executor, &waited.job);
	pool_wait_begin();
	pthread_mutex_lock(&waited.mutex);
	while (!waited.done)
		pthread_cond_wait(&waited.told, &waited.mutex);
	pthread_mutex_unlock(&waited.mutex);
	pool_wait_end();
	return waited.result;
}

void executor_drain(struct executor *executor)
{
	ASSERT(executor != current_executor);
	pthread_mutex_lock(&executor->mutex);
	executor->waiting++;
	while (executor->pending)
		pthread_cond_wait(&executor->room, &executor->mutex);
	executor->waiting--;
	pthread_mutex_unlock(&executor->mutex);
}

void executor_stats(struct executor *executor, struct executor_stats *out)
{
	pthread_mutex_lock(&executor->mutex);
	*out = executor->stats;
	pthread_mutex_unlock(&executor->mutex);
}
