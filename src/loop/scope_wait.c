/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "loop/coroutine.h"
#include "loop/pool.h"
#include "loop/scope_internal.h"
#include "loop/sleeper.h"
#include "loop/thread.h"

/* --- A thread that blocks --- */

struct thread_waiter {
	struct scope_waiter waiter;
	pthread_cond_t cond;
};

static void wake_thread(struct scope_waiter *waiter)
{
	pthread_cond_signal(&CONTAINER_OF(waiter, struct thread_waiter, waiter)->cond);
}

struct pool *scope_place_begin(struct scope *scope)
{
	struct pool *pool = pool_thread() ? NULL : __atomic_load_n(&scope->pool, __ATOMIC_ACQUIRE);

	pool_wait_begin();
	if (pool && __atomic_fetch_add(&scope->lent, 1, __ATOMIC_ACQ_REL) == 0)
		pool_lend(pool);
	return pool;
}

void scope_place_end(struct scope *scope, struct pool *lent)
{
	pool_wait_end();
	if (lent && __atomic_sub_fetch(&scope->lent, 1, __ATOMIC_ACQ_REL) == 0)
		pool_take_back(lent);
}

/* Sleep until the waiter, which is among the scope's, is woken or its time is up. The place in the pool is given up and
   taken back without the scope's mutex, since both may take long. */
static int block(struct scope *scope, struct thread_waiter *self, int64_t due_us)
{
	bool in_time = true;
	struct pool *lent = scope_place_begin(scope);
	int result;

	pthread_mutex_lock(&scope->mutex);
	while (!self->waiter.woken && in_time)
		in_time = cond_wait_until(&self->cond, &scope->mutex, due_us);
	result = scope_wait_result(scope, &self->waiter);
	scope_remove_waiter(scope, &self->waiter);
	pthread_mutex_unlock(&scope->mutex);
	scope_place_end(scope, lent);
	return result;
}

/* The scope's mutex is held, and let go of. */
static int wait_blocking(struct scope *scope, const struct scope_waiter *what, int64_t due_us)
{
	struct thread_waiter self = { .waiter = *what };
	int result;

	self.waiter.wake = wake_thread;
	cond_init_monotonic(&self.cond);
	scope_add_waiter(scope, &self.waiter);
	pthread_mutex_unlock(&scope->mutex);
	result = block(scope, &self, due_us);
	pthread_cond_destroy(&self.cond);
	return result;
}

/* --- A coroutine, or a thread that turns its loop --- */

/* The scope's mutex is held, and let go of. */
static int wait_on_loop(struct scope *scope, const struct scope_waiter *what, int64_t due_us)
{
	struct sleeper self;
	int result;

	self.waiter = *what;
	sleeper_init(&self, scope);
	scope_add_waiter(scope, &self.waiter);
	pthread_mutex_unlock(&scope->mutex);
	sleeper_sleep(&self, due_us);
	pthread_mutex_lock(&scope->mutex);
	result = scope_wait_result(scope, &self.waiter);
	scope_remove_waiter(scope, &self.waiter);
	pthread_mutex_unlock(&scope->mutex);
	return result;
}

/* --- Both --- */

bool scope_is_past(int64_t due_us)
{
	return due_us != INT64_MAX && due_us <= clock_monotonic_us();
}

void scope_let_others_run(int64_t due_us)
{
	if (coroutine_current() && !scope_is_past(due_us))
		coroutine_yield();
}

static int wait_for(struct scope *scope, const struct scope_waiter *what, int64_t due_us)
{
	int result;

	pthread_mutex_lock(&scope->mutex);
	if (!scope_is_over(scope, what) && !scope_is_past(due_us))
		return sleeper_is_wanted() ? wait_on_loop(scope, what, due_us) : wait_blocking(scope, what, due_us);
	result = scope_wait_result(scope, what);
	pthread_mutex_unlock(&scope->mutex);
	if (result < 0)
		scope_let_others_run(due_us);
	return result;
}

int scope_wait_child(struct scope *scope, const struct scope_child *child, int64_t due_us)
{
	return wait_for(scope, &(struct scope_waiter){ .child = child }, due_us);
}

int scope_wait_group(struct scope *scope, const struct scope_group *group, size_t needed, int64_t due_us)
{
	return wait_for(scope, &(struct scope_waiter){ .group = group, .needed = needed }, due_us);
}

int scope_wait_event(struct scope *scope, const struct scope_event *event, int64_t due_us)
{
	return wait_for(scope, &(struct scope_waiter){ .event = event }, due_us);
}

int scope_sleep(struct scope *scope, int64_t due_us)
{
	int result = wait_for(scope, &(struct scope_waiter){ .only_time = true }, due_us);

	/* The time is what was waited for; only a cancelled scope cuts it short. */
	return result == WEIR_ETIMEDOUT ? scope_cancelled(scope) : result;
}

void scope_await_event(struct scope *scope, const struct scope_event *event)
{
	(void)!wait_for(scope, &(struct scope_waiter){ .event = event, .ignore_cancel = true }, INT64_MAX);
}

void scope_join(struct scope *scope)
{
	(void)!wait_for(scope, &(struct scope_waiter){ .ignore_cancel = true }, INT64_MAX);
}
