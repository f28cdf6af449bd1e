/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/pool.h"

#include "base/clock.h"
#include "loop/thread.h"

#include <stdlib.h>

/* A thread without work waits so long for some before it ends. */
enum { IDLE_US = 5 * 1000 * 1000 };

/* On the thread's own stack. All but waits is guarded by the pool's lock. */
struct pool_thread {
	struct pool *pool;
	unsigned waits;            /* depth of pool_wait_begin; the thread's own */
	bool running;              /* counted in the pool's running */
	bool abandoned;            /* counted in lost, no longer in threads */
	bool woken;                /* has left the idle ones to look at the queue */
	pthread_cond_t work_there; /* while it is idle */
	struct pool_thread *next;  /* among the idle ones */
};

/*
 * While a piece is queued and the limit has room, a thread is on its way to the queue: one that was woken, was started, or
 * holds the lock because it has just ended a piece. Whoever makes room or adds a piece sees to it (wake_or_start), and so
 * does a thread that takes one piece of several. So no piece is left lying, and no more threads are woken than can find one.
 */
struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t ended; /* a thread did, or was abandoned: for pool_free */
	struct work *first, *last;
	struct pool_thread *idle; /* the one that became so last is woken first: so those too many get old and end */
	unsigned queued;
	unsigned limit;    /* of running */
	unsigned running;  /* running a piece of work, not in a wait; may exceed the limit after waits */
	unsigned woken;    /* not awake yet */
	unsigned starting; /* new threads that have not asked for work yet */
	unsigned threads;  /* all but the abandoned */
	unsigned lost;     /* abandoned and still there */
	bool ending;
	bool orphaned; /* pool_free is through; the last of the lost frees the memory */
};

static _Thread_local struct pool_thread *current_thread;

struct pool *pool_new(unsigned limit)
{
	struct pool *pool = xcalloc(1, sizeof *pool);

	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->ended, NULL);
	pool->limit = limit ? limit : 1;
	return pool;
}

static void free_memory(struct pool *pool)
{
	pthread_cond_destroy(&pool->ended);
	pthread_mutex_destroy(&pool->mutex);
	free(pool);
}

/* --- The queue; under the lock, as all up to pool_submit --- */

static void append_work(struct pool *pool, struct work *work)
{
	work->next = NULL;
	work->previous = pool->last;
	work->queued = true;
	if (pool->last)
		pool->last->next = work;
	else
		pool->first = work;
	pool->last = work;
	pool->queued++;
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
	pool->queued--;
}

/* --- Idle threads --- */

static void wake_one(struct pool *pool)
{
	struct pool_thread *thread = pool->idle;

	pool->idle = thread->next;
	thread->woken = true;
	pool->woken++;
	pthread_cond_signal(&thread->work_there);
}

static void unlink_idle(struct pool *pool, struct pool_thread *thread)
{
	struct pool_thread **link = &pool->idle;

	while (*link != thread)
		link = &(*link)->next;
	*link = thread->next;
}

/* Be idle until woken. False when that has not happened in time. */
static bool wait_idle(struct pool *pool, struct pool_thread *self)
{
	int64_t until_us = clock_monotonic_us() + IDLE_US;
	bool in_time = true;

	self->woken = false;
	self->next = pool->idle;
	pool->idle = self;
	while (!self->woken && in_time)
		in_time = cond_wait_until(&self->work_there, &pool->mutex, until_us);
	if (self->woken)
		pool->woken--;
	else
		unlink_idle(pool, self);
	return self->woken;
}

/* --- Threads --- */

/* Take up or give up a place among the running. An abandoned thread has none any more. */
static void set_running(struct pool_thread *thread, bool running)
{
	struct pool *pool = thread->pool;

	if (thread->abandoned || thread->running == running)
		return;
	thread->running = running;
	if (running)
		pool->running++;
	else
		pool->running--;
}

/* Wait for a piece of work that may be begun now. NULL: this thread is to end. */
static struct work *next_work(struct pool *pool, struct pool_thread *self)
{
	struct work *work;

	while (!pool->first || pool->running >= pool->limit) {
		if (pool->ending && !pool->first)
			return NULL;
		if (!wait_idle(pool, self) && !pool->first)
			return NULL;
	}
	work = pool->first;
	unlink_work(pool, work);
	return work;
}

static void wake_or_start(struct pool *pool);

/* The lock is let go of while the piece runs. */
static void run_piece(struct pool_thread *self, struct work *work)
{
	struct pool *pool = self->pool;

	set_running(self, true);
	wake_or_start(pool);
	pthread_mutex_unlock(&pool->mutex);
	work->run(work);
	pthread_mutex_lock(&pool->mutex);
	set_running(self, false);
}

/* Leave the pool for good; lets go of the lock. */
static void end_thread(struct pool_thread *self)
{
	struct pool *pool = self->pool;
	bool last;

	if (self->abandoned)
		pool->lost--;
	else
		pool->threads--;
	/* The idle ones may have waited for room, and now there is nothing left for them. */
	while (pool->ending && !pool->first && pool->idle)
		wake_one(pool);
	last = pool->orphaned && pool->lost == 0;
	pthread_cond_broadcast(&pool->ended);
	pthread_mutex_unlock(&pool->mutex);
	if (last)
		free_memory(pool);
}

/* Run pieces until there are none, or this thread was abandoned in one. */
static void *run_thread(void *argument)
{
	struct pool_thread self = { .pool = argument };
	struct pool *pool = self.pool;
	struct work *work;

	cond_init_monotonic(&self.work_there);
	current_thread = &self;
	pthread_mutex_lock(&pool->mutex);
	pool->starting--;
	while (!self.abandoned && (work = next_work(pool, &self)))
		run_piece(&self, work);
	pthread_cond_destroy(&self.work_there);
	end_thread(&self);
	return NULL;
}

static int start_thread(struct pool *pool, struct problem *problem)
{
	pthread_t thread;
	int result = thread_start(&thread, "weir-pool", run_thread, pool, problem);

	if (result < 0)
		return result;
	pthread_detach(thread);
	pool->threads++;
	pool->starting++;
	return 0;
}

/* Send another thread to the queue where there is more in it than threads on their way, and the limit has room. */
static void wake_or_start(struct pool *pool)
{
	unsigned coming = pool->woken + pool->starting;

	if (coming >= pool->queued || pool->running + coming >= pool->limit)
		return;
	if (pool->idle)
		wake_one(pool);
	else
		(void)!start_thread(pool, NULL); /* when it can't be, those that exist will come to it */
}

/* --- For everybody --- */

int pool_submit(struct pool *pool, struct work *work, struct problem *problem)
{
	struct pool_thread *self = current_thread;
	int result = 0;

	pthread_mutex_lock(&pool->mutex);
	ASSERT(!pool->ending || (self && self->pool == pool && !self->abandoned));
	if (pool->threads == 0)
		result = start_thread(pool, problem);
	if (result == 0) {
		append_work(pool, work);
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
	set_running(self, false);
	wake_or_start(self->pool);
	pthread_mutex_unlock(&self->pool->mutex);
}

void pool_wait_end(void)
{
	struct pool_thread *self = current_thread;

	if (!self || --self->waits > 0)
		return;
	pthread_mutex_lock(&self->pool->mutex);
	set_running(self, true);
	pthread_mutex_unlock(&self->pool->mutex);
}

void pool_lend(struct pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	pool->limit++;
	wake_or_start(pool);
	pthread_mutex_unlock(&pool->mutex);
}

void pool_take_back(struct pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	pool->limit--;
	pthread_mutex_unlock(&pool->mutex);
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
	set_running(thread, false);
	thread->abandoned = true;
	pool->threads--;
	pool->lost++;
	wake_or_start(pool);
	pthread_cond_broadcast(&pool->ended);
	pthread_mutex_unlock(&pool->mutex);
}

/* What no thread could be started for (all were abandoned, and the system had no more). */
static void run_leftovers(struct pool *pool)
{
	while (pool->first) {
		struct work *work = pool->first;

		unlink_work(pool, work);
		pthread_mutex_unlock(&pool->mutex);
		work->run(work);
		pthread_mutex_lock(&pool->mutex);
	}
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	ASSERT(!current_thread || current_thread->pool != pool);
	pthread_mutex_lock(&pool->mutex);
	pool->ending = true;
	while (pool->idle)
		wake_one(pool);
	while (pool->threads)
		pthread_cond_wait(&pool->ended, &pool->mutex);
	run_leftovers(pool);
	pool->orphaned = pool->lost > 0;
	if (pool->orphaned) {
		pthread_mutex_unlock(&pool->mutex);
		return; /* an abandoned thread may still return into it */
	}
	pthread_mutex_unlock(&pool->mutex);
	free_memory(pool);
}
