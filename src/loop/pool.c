/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/pool.h"

#include "base/clock.h"
#include "loop/thread.h"

#include <stdlib.h>

/* A thread without work waits so long for some before it ends. */
enum { IDLE_US = 5 * 1000 * 1000 };

struct pool_thread {
	struct pool *pool;
	unsigned waits; /* depth of pool_wait_begin */
	bool abandoned; /* under the pool's lock */
};

/* running + waiting + idle threads exist, and those that are abandoned. */
struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t work_there; /* for idle threads */
	pthread_cond_t ended;      /* for pool_free */
	struct work *first, *last;
	unsigned limit;    /* of running */
	unsigned running;  /* running a piece of work, not in a wait */
	unsigned idle;     /* waiting for work */
	unsigned woken;    /* of the idle ones: signalled, not yet awake */
	unsigned starting; /* new threads that have not asked for work yet */
	unsigned threads;  /* all but the abandoned */
	unsigned lost;     /* abandoned and still there */
	bool ending;
};

static _Thread_local struct pool_thread *current_thread;

struct pool *pool_new(unsigned limit)
{
	struct pool *pool = xcalloc(1, sizeof *pool);

	pthread_mutex_init(&pool->mutex, NULL);
	cond_init_monotonic(&pool->work_there);
	cond_init_monotonic(&pool->ended);
	pool->limit = limit ? limit : 1;
	return pool;
}

static void unlink_work(struct pool *pool, struct work *work)
{
	if (work->previous)
		work->previous->next = work->next;
	else
		pool->first = work->next;
	if (work->next)
		work->next->previous = work->previous;
	else
		pool->last = work->previous;
	work->queued = false;
}

/* Wait for a piece of work that may be begun now. NULL: this thread is to end. */
static struct work *next_work(struct pool *pool)
{
	int64_t until_us = clock_monotonic_us() + IDLE_US;

	while (!pool->first || pool->running >= pool->limit) {
		bool in_time;

		if (pool->ending && !pool->first)
			return NULL;
		pool->idle++;
		in_time = cond_wait_until(&pool->work_there, &pool->mutex, until_us);
		pool->idle--;
		if (in_time && pool->woken)
			pool->woken--;
		pool->woken = MIN(pool->woken, pool->idle); /* a signal may meet a wait that just ran out */
		if (!in_time && !pool->first)
			return NULL;
		if (!in_time)
			until_us = clock_monotonic_us() + IDLE_US;
	}
	struct work *work = pool->first;

	unlink_work(pool, work);
	return work;
}

static void wake_or_start(struct pool *pool);

/* Run pieces until there are none, or this thread was abandoned in one. */
static void *run_thread(void *argument)
{
	struct pool_thread self = { .pool = argument };
	struct pool *pool = self.pool;
	struct work *work;

	current_thread = &self;
	pthread_mutex_lock(&pool->mutex);
	pool->starting--;
	while ((work = next_work(pool))) {
		pool->running++;
		if (pool->first)
			wake_or_start(pool);
		pthread_mutex_unlock(&pool->mutex);
		work->run(work);
		pthread_mutex_lock(&pool->mutex);
		if (self.abandoned)
			break;
		pool->running--;
	}
	if (self.abandoned)
		pool->lost--;
	else
		pool->threads--;
	pthread_cond_broadcast(&pool->ended);
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

static bool start_thread(struct pool *pool, struct problem *problem)
{
	pthread_t thread;

	if (thread_start(&thread, "weir-pool", run_thread, pool, problem) < 0)
		return false;
	pthread_detach(thread);
	pool->threads++;
	pool->starting++;
	return true;
}

/* There is work: let an idle thread take it, or a new one if the limit has room. */
static void wake_or_start(struct pool *pool)
{
	if (pool->running + pool->woken + pool->starting >= pool->limit)
		return;
	if (pool->idle > pool->woken) {
		pool->woken++;
		pthread_cond_signal(&pool->work_there);
	} else {
		(void)start_thread(pool, NULL); /* when it can't be, those that exist will come to it */
	}
}

int pool_submit(struct pool *pool, struct work *work, struct problem *problem)
{
	int result = 0;

	pthread_mutex_lock(&pool->mutex);
	ASSERT(!pool->ending);
	if (pool->threads == 0 && !start_thread(pool, problem)) {
		result = WEIR_ELIMIT;
	} else {
		work->next = NULL;
		work->previous = pool->last;
		work->queued = true;
		if (pool->last)
			pool->last->next = work;
		else
			pool->first = work;
		pool->last = work;
		wake_or_start(pool);
	}
	pthread_mutex_unlock(&pool->mutex);
	return result;
}

bool pool_take(struct pool *pool, struct work *work)
{
	bool queued;

	pthread_mutex_lock(&pool->mutex);
	queued = work->queued;
	if (queued)
		unlink_work(pool, work);
	pthread_mutex_unlock(&pool->mutex);
	return queued;
}

void pool_wait_begin(void)
{
	struct pool_thread *self = current_thread;

	if (!self || self->waits++ > 0)
		return;
	pthread_mutex_lock(&self->pool->mutex);
	if (!self->abandoned) {
		self->pool->running--;
		if (self->pool->first)
			wake_or_start(self->pool);
	}
	pthread_mutex_unlock(&self->pool->mutex);
}

void pool_wait_end(void)
{
	struct pool_thread *self = current_thread;

	if (!self || --self->waits > 0)
		return;
	pthread_mutex_lock(&self->pool->mutex);
	if (!self->abandoned)
		self->pool->running++;
	pthread_mutex_unlock(&self->pool->mutex);
}

struct pool_thread *pool_thread(void)
{
	return current_thread;
}

void pool_abandon(struct pool_thread *thread)
{
	struct pool *pool;

	if (!thread)
		return;
	pool = thread->pool;
	pthread_mutex_lock(&pool->mutex);
	ASSERT(!thread->abandoned);
	thread->abandoned = true;
	if (thread->waits == 0)
		pool->running--;
	pool->threads--;
	pool->lost++;
	if (pool->first)
		wake_or_start(pool);
	pthread_cond_broadcast(&pool->ended);
	pthread_mutex_unlock(&pool->mutex);
}

void pool_free(struct pool *pool)
{
	bool lost;

	if (!pool)
		return;
	pthread_mutex_lock(&pool->mutex);
	pool->ending = true;
	pthread_cond_broadcast(&pool->work_there);
	while (pool->threads)
		pthread_cond_wait(&pool->ended, &pool->mutex);
	lost = pool->lost > 0;
	pthread_mutex_unlock(&pool->mutex);
	if (lost)
		return; /* an abandoned thread may still return into it */
	pthread_cond_destroy(&pool->work_there);
	pthread_cond_destroy(&pool->ended);
	pthread_mutex_destroy(&pool->mutex);
	free(pool);
}
