/* SPDX-License-Identifier: Apache-2.0 */
/* executor.c - the queue, its writer thread, and those who wait for it. What the writer does is in batch.c. */
#include "store/executor.h"

#include "base/clock.h"
#include "loop/pool.h"
#include "loop/thread.h"
#include "store/batch.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

enum {
	BUDGET_ROWS = 1000,
	BUDGET_US = 5000,
	QUEUE_LIMIT = 16384,
};

struct executor {
	pthread_t thread;
	unsigned queue_limit;
	void (*on_commit)(void *data, int64_t log_pages);
	void (*send)(void *data, struct uuid program, struct str message);
	void *data;

	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t work;   /* the writer waits for jobs */
	pthread_cond_t room;   /* submitters wait for the queue to shrink */
	pthread_cond_t told;   /* drainers wait for the jobs of an epoch */
	struct job *first, *last;
	unsigned queued;     /* from first to last */
	unsigned blocked;    /* threads that wait for room */
	unsigned pending[2]; /* by epoch modulo 2: jobs that are not told yet */
	unsigned epoch;      /* of the jobs that are submitted now */
	bool draining;       /* somebody waits for the last epoch to be told */
	bool asleep;         /* the writer is, and nobody has woken it */
	bool ending;
	struct executor_stats stats;

	/* the writer's own */
	struct job *taken; /* out of the queue, not in a batch yet; before those in the queue */
	struct batch batch;
};

static _Thread_local struct executor *current_executor;

void executor_forked(struct executor *executor)
{
	writer_lock_done(&executor->batch.lock);
}

/* --- What jobs call --- */

void tx_effect(struct tx *tx, void (*call)(void *argument), void *argument)
{
	vec_push(&tx->executor->batch.effects, ((struct effect){ call, argument }));
}

struct message {
	struct executor *executor;
	struct uuid program;
	struct str text;
};

static void send_message(void *argument)
{
	const struct message *message = argument;

	if (message->executor->send)
		message->executor->send(message->executor->data, message->program, message->text);
}

void tx_send(struct tx *tx, struct uuid program, struct str text)
{
	struct message *message = ARENA_NEW(tx->arena, struct message);

	*message = (struct message){ tx->executor, program, arena_str(tx->arena, text) };
	tx_effect(tx, send_message, message);
}

bool tx_over_budget(struct tx *tx, size_t rows)
{
	struct batch *batch = &tx->executor->batch;

	batch->rows += rows;
	return batch->rows >= BUDGET_ROWS || clock_monotonic_us() - batch->begun_us >= BUDGET_US;
}

void *tx_cursor(struct tx *tx)
{
	struct slot *slot = tx->executor->batch.running;

	if (!slot->cursor_used)
		memcpy(slot->cursor, slot->job->cursor, sizeof slot->cursor);
	slot->cursor_used = true;
	return slot->cursor;
}

/* --- The writer --- */

/* Called with the mutex held. */
static void append_job(struct executor *executor, struct job *job)
{
	job->next = NULL;
	if (executor->first)
		executor->last->next = job;
	else
		executor->first = job;
	executor->last = job;
	executor->queued++;
}

/* The queue is taken as a whole, so that the mutex is not wanted for each job. */
static void take_queue(struct executor *executor)
{
	pthread_mutex_lock(&executor->mutex);
	executor->taken = executor->first;
	executor->first = executor->last = NULL;
	executor->queued = 0;
	if (executor->blocked)
		pthread_cond_broadcast(&executor->room);
	pthread_mutex_unlock(&executor->mutex);
}

static struct job *next_job(struct executor *executor)
{
	struct job *job;

	if (!executor->taken)
		take_queue(executor);
	job = executor->taken;
	if (job)
		executor->taken = job->next;
	return job;
}

/* Called with the mutex held. */
static void add_stats(struct executor *executor, uint64_t jobs)
{
	struct executor_stats *sum = &executor->stats, *more = &executor->batch.stats;

	sum->jobs += jobs;
	sum->batches += more->batches;
	sum->commits += more->commits;
	sum->reruns += more->reruns;
	sum->holds += more->holds;
	*more = (struct executor_stats){ 0 };
}

/* What told frees is not looked at afterwards: all that is to know of a job is noted in its slot or counted here. */
struct tally {
	unsigned of_epoch[2];
	struct job *again, **again_end; /* to the end of the queue */
};

static void tell(struct slot *slot, struct tally *tally)
{
	struct job *job = slot->job;

	if (slot->result == WEIR_EAGAIN) {
		if (slot->cursor_used)
			memcpy(job->cursor, slot->cursor, sizeof job->cursor);
		job->next = NULL;
		*tally->again_end = job;
		tally->again_end = &job->next;
		return;
	}
	tally->of_epoch[job->epoch % 2]++;
	if (job->told)
		job->told(job, slot->result, slot->problem);
}

static unsigned count_final(const struct slot *slots, size_t count)
{
	unsigned final = 0;

	for (size_t i = 0; i < count; i++)
		final += slots[i].result != WEIR_EAGAIN;
	return final;
}

static void settle(struct executor *executor, const struct tally *tally)
{
	pthread_mutex_lock(&executor->mutex);
	for (struct job *job = tally->again, *next; job; job = next) {
		next = job->next;
		append_job(executor, job);
	}
	executor->pending[0] -= tally->of_epoch[0];
	executor->pending[1] -= tally->of_epoch[1];
	if (executor->draining)
		pthread_cond_broadcast(&executor->told);
	pthread_mutex_unlock(&executor->mutex);
}

/* The results of these slots are final and, where they succeeded, durable. */
static void deliver(struct executor *executor, struct slot *slots, size_t count)
{
	struct tally tally = { .again_end = &tally.again };

	/* Who is told may ask for the figures at once. */
	pthread_mutex_lock(&executor->mutex);
	add_stats(executor, count_final(slots, count));
	pthread_mutex_unlock(&executor->mutex);
	for (size_t i = 0; i < count; i++) {
		batch_run_effects(&executor->batch, &slots[i]);
		tell(&slots[i], &tally);
	}
	settle(executor, &tally);
}

/* Wait for work. False: the executor is to end and nothing is left. */
static bool await_work(struct executor *executor)
{
	bool work;

	if (executor->taken)
		return true;
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
	while (await_work(executor)) {
		bool committed = batch_run(&executor->batch);

		if (committed && executor->on_commit)
			executor->on_commit(executor->data, executor->batch.db->driver->log_pages(executor->batch.db));
	}
	return NULL;
}

/* --- For everybody --- */

static void free_executor(struct executor *executor)
{
	batch_done(&executor->batch);
	pthread_cond_destroy(&executor->work);
	pthread_cond_destroy(&executor->room);
	pthread_cond_destroy(&executor->told);
	pthread_mutex_destroy(&executor->mutex);
	free(executor);
}

int executor_new(const struct executor_options *options, struct executor **out, struct problem *problem)
{
	struct executor *executor = xcalloc(1, sizeof *executor);
	int result;

	executor->queue_limit = options->queue_limit ? options->queue_limit : QUEUE_LIMIT;
	executor->on_commit = options->on_commit;
	executor->send = options->send;
	executor->data = options->data;
	executor->batch.executor = executor;
	executor->batch.next_job = next_job;
	executor->batch.deliver = deliver;
	pthread_mutex_init(&executor->mutex, NULL);
	pthread_cond_init(&executor->work, NULL);
	pthread_cond_init(&executor->room, NULL);
	pthread_cond_init(&executor->told, NULL);
	result = batch_init(&executor->batch, options, problem);
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
	free_executor(executor);
}

/* Called with the mutex held. The writer itself would wait for itself. */
static void wait_for_room(struct executor *executor)
{
	if (executor == current_executor)
		return;
	executor->blocked++;
	while (executor->queued >= executor->queue_limit)
		pthread_cond_wait(&executor->room, &executor->mutex);
	executor->blocked--;
}

void executor_submit(struct executor *executor, struct job *job)
{
	memset(job->cursor, 0, sizeof job->cursor);
	pthread_mutex_lock(&executor->mutex);
	ASSERT(!executor->ending || executor == current_executor);
	if (executor->queued >= executor->queue_limit && !(job->flags & JOB_NEVER_WAIT))
		wait_for_room(executor);
	append_job(executor, job);
	job->epoch = executor->epoch;
	executor->pending[job->epoch % 2]++;
	if (executor->asleep) {
		executor->asleep = false; /* one wake-up is enough, and costs more than all the rest */
		pthread_cond_signal(&executor->work);
	}
	pthread_mutex_unlock(&executor->mutex);
}

/* executor_run's job, with somewhere to wait. A semaphore may be destroyed as soon as its waiter has passed it. */
struct waited_job {
	struct job job;
	sem_t told;
	int result;
	struct problem *problem;
};

static void wake_waiter(struct job *job, int result, const struct problem *problem)
{
	struct waited_job *waited = CONTAINER_OF(job, struct waited_job, job);

	waited->result = result;
	if (problem && waited->problem)
		*waited->problem = *problem;
	sem_post(&waited->told);
}

bool executor_is_full(struct executor *executor)
{
	bool full;

	pthread_mutex_lock(&executor->mutex);
	full = executor->queued >= executor->queue_limit;
	pthread_mutex_unlock(&executor->mutex);
	return full;
}

int executor_run(struct executor *executor, job_fn *run, void *request, struct problem *problem)
{
	struct waited_job waited = {
		.job = { .run = run, .request = request, .told = wake_waiter },
		.problem = problem,
	};

	ASSERT(executor != current_executor);
	sem_init(&waited.told, 0, 0);
	executor_submit(executor, &waited.job);
	pool_wait_begin();
	while (sem_wait(&waited.told) < 0)
		ASSERT(errno == EINTR);
	pool_wait_end();
	sem_destroy(&waited.told);
	return waited.result;
}

/*
 * A drain closes the present epoch: what is submitted from now on belongs to the next, and it waits for the closed one to
 * be told. Only two epochs have jobs at any time, because the next drain waits for this one.
 */
void executor_drain(struct executor *executor)
{
	unsigned closed;

	ASSERT(executor != current_executor);
	pool_wait_begin();
	pthread_mutex_lock(&executor->mutex);
	while (executor->draining)
		pthread_cond_wait(&executor->told, &executor->mutex);
	executor->draining = true;
	closed = executor->epoch++;
	while (executor->pending[closed % 2])
		pthread_cond_wait(&executor->told, &executor->mutex);
	executor->draining = false;
	pthread_cond_broadcast(&executor->told);
	pthread_mutex_unlock(&executor->mutex);
	pool_wait_end();
}

void executor_stats(struct executor *executor, struct executor_stats *out)
{
	pthread_mutex_lock(&executor->mutex);
	*out = executor->stats;
	pthread_mutex_unlock(&executor->mutex);
}
