/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/scope.h"

#include "loop/coroutine.h"
#include "loop/internal.h"
#include "loop/pool.h"
#include "loop/thread.h"

void scope_init(struct scope *scope)
{
	*scope = (struct scope){ 0 };
	pthread_mutex_init(&scope->mutex, NULL);
}

void scope_done(struct scope *scope)
{
	ASSERT(scope->unfinished == 0);
	ASSERT(scope->waiters == NULL);
	pthread_mutex_destroy(&scope->mutex);
}

void scope_add(struct scope *scope, struct scope_child *child, struct scope_group *group)
{
	pthread_mutex_lock(&scope->mutex);
	child->next = NULL;
	child->previous = scope->last;
	child->group = group;
	child->done = false;
	if (scope->last)
		scope->last->next = child;
	else
		scope->first = child;
	scope->last = child;
	scope->unfinished++;
	if (group)
		group->count++;
	pthread_mutex_unlock(&scope->mutex);
}

static void unlink_child(struct scope *scope, struct scope_child *child)
{
	if (child->previous)
		child->previous->next = child->next;
	else
		scope->first = child->next;
	if (child->next)
		child->next->previous = child->previous;
	else
		scope->last = child->previous;
	scope->unfinished--;
}

static void group_append(struct scope_group *group, struct scope_child *child)
{
	child->next_done = NULL;
	if (group->last_done)
		group->last_done->next_done = child;
	else
		group->first_done = child;
	group->last_done = child;
	group->done++;
}

/* Has come what the waiter waits for? */
static bool has_come(const struct scope *scope, const struct scope_waiter *waiter)
{
	if (waiter->only_time)
		return false;
	if (waiter->child)
		return waiter->child->done;
	if (waiter->group)
		return waiter->group->done >= waiter->needed;
	if (waiter->event)
		return waiter->event->done;
	return scope->unfinished == 0;
}

static bool is_cut_short(const struct scope *scope, const struct scope_waiter *waiter)
{
	return scope->cancelled && !waiter->ignore_cancel;
}

static bool is_over(const struct scope *scope, const struct scope_waiter *waiter)
{
	return has_come(scope, waiter) || is_cut_short(scope, waiter);
}

static void wake_those_due(struct scope *scope)
{
	for (struct scope_waiter *waiter = scope->waiters; waiter; waiter = waiter->next) {
		/* Of one that was woken before, the child or group may be gone. */
		if (waiter->woken || !is_over(scope, waiter))
			continue;
		waiter->woken = true;
		waiter->wake(waiter);
	}
}

void scope_child_done(struct scope *scope, struct scope_child *child)
{
	pthread_mutex_lock(&scope->mutex);
	unlink_child(scope, child);
	child->done = true;
	if (child->group)
		group_append(child->group, child);
	wake_those_due(scope);
	pthread_mutex_unlock(&scope->mutex);
}

void scope_signal(struct scope *scope, struct scope_event *event)
{
	pthread_mutex_lock(&scope->mutex);
	event->done = true;
	wake_those_due(scope);
	pthread_mutex_unlock(&scope->mutex);
}

bool scope_cancel(struct scope *scope, int error)
{
	bool first;

	pthread_mutex_lock(&scope->mutex);
	first = !scope->cancelled;
	if (first) {
		__atomic_store_n(&scope->cancelled, error, __ATOMIC_RELEASE);
		wake_those_due(scope);
	}
	pthread_mutex_unlock(&scope->mutex);
	return first;
}

int scope_cancelled(struct scope *scope)
{
	return __atomic_load_n(&scope->cancelled, __ATOMIC_ACQUIRE);
}

bool scope_child_is_done(struct scope *scope, const struct scope_child *child)
{
	bool done;

	pthread_mutex_lock(&scope->mutex);
	done = child->done;
	pthread_mutex_unlock(&scope->mutex);
	return done;
}

static void add_waiter(struct scope *scope, struct scope_waiter *waiter)
{
	waiter->next = scope->waiters;
	scope->waiters = waiter;
}

static void remove_waiter(struct scope *scope, struct scope_waiter *waiter)
{
	struct scope_waiter **link = &scope->waiters;

	while (*link != waiter)
		link = &(*link)->next;
	*link = waiter->next;
}

void scope_watch(struct scope *scope, struct scope_waiter *waiter)
{
	pthread_mutex_lock(&scope->mutex);
	add_waiter(scope, waiter);
	wake_those_due(scope);
	pthread_mutex_unlock(&scope->mutex);
}

void scope_unwatch(struct scope *scope, struct scope_waiter *waiter)
{
	pthread_mutex_lock(&scope->mutex);
	remove_waiter(scope, waiter);
	pthread_mutex_unlock(&scope->mutex);
}

/* How a wait ended, or would end now. */
static int wait_result(const struct scope *scope, const struct scope_waiter *waiter)
{
	if (has_come(scope, waiter))
		return 0;
	return is_cut_short(scope, waiter) ? scope->cancelled : WEIR_ETIMEDOUT;
}

/* Take the waiter out, and tell how its wait ended. */
static int end_wait(struct scope *scope, struct scope_waiter *waiter)
{
	int result;

	pthread_mutex_lock(&scope->mutex);
	result = wait_result(scope, waiter);
	remove_waiter(scope, waiter);
	pthread_mutex_unlock(&scope->mutex);
	return result;
}

/* The time of a waiter is up. True when nothing else has woken it. */
static bool wake_by_time(struct scope *scope, struct scope_waiter *waiter)
{
	bool first;

	pthread_mutex_lock(&scope->mutex);
	first = !waiter->woken;
	waiter->woken = true;
	pthread_mutex_unlock(&scope->mutex);
	return first;
}

/* Add the waiter, unless it needs not wait. False: *result is how the wait ends now. */
static bool begin_wait(struct scope *scope, struct scope_waiter *waiter, int64_t due_us, int *result)
{
	bool blocks;

	pthread_mutex_lock(&scope->mutex);
	*result = wait_result(scope, waiter);
	blocks = !is_over(scope, waiter) && due_us > 0;
	if (blocks)
		add_waiter(scope, waiter);
	pthread_mutex_unlock(&scope->mutex);
	return blocks;
}

/* --- A thread that waits --- */

struct thread_waiter {
	struct scope_waiter waiter;
	pthread_cond_t cond;
};

static void wake_thread(struct scope_waiter *waiter)
{
	pthread_cond_signal(&CONTAINER_OF(waiter, struct thread_waiter, waiter)->cond);
}

/* The place in the pool is given up and taken back without the scope's mutex, since both may take long. */
static void block(struct scope *scope, struct thread_waiter *self, int64_t due_us)
{
	bool in_time = true;

	pool_wait_begin();
	pthread_mutex_lock(&scope->mutex);
	while (!self->waiter.woken && in_time)
		in_time = cond_wait_until(&self->cond, &scope->mutex, due_us);
	pthread_mutex_unlock(&scope->mutex);
	pool_wait_end();
}

static int wait_on_thread(struct scope *scope, const struct scope_waiter *what, int64_t due_us)
{
	struct thread_waiter self = { .waiter = *what };
	int result;

	self.waiter.wake = wake_thread;
	cond_init_monotonic(&self.cond);
	if (begin_wait(scope, &self.waiter, due_us, &result)) {
		block(scope, &self, due_us);
		result = end_wait(scope, &self.waiter);
	}
	pthread_cond_destroy(&self.cond);
	return result;
}

/* --- A coroutine that waits --- */

struct coroutine_waiter {
	struct scope_waiter waiter;
	struct loop_timer timer;
	struct scope *scope;
	struct coroutine *coroutine;
};

static void wake_coroutine(struct scope_waiter *waiter)
{
	coroutine_wake(CONTAINER_OF(waiter, struct coroutine_waiter, waiter)->coroutine);
}

static void time_of_coroutine(struct loop_timer *timer)
{
	struct coroutine_waiter *self = CONTAINER_OF(timer, struct coroutine_waiter, timer);

	if (wake_by_time(self->scope, &self->waiter))
		coroutine_wake(self->coroutine);
}

static int wait_in_coroutine(struct scope *scope, const struct scope_waiter *what, int64_t due_us)
{
	struct coroutine_waiter self = {
		.waiter = *what, .timer.fire = time_of_coroutine, .scope = scope, .coroutine = coroutine_current()
	};
	struct loop *loop = coroutine_loop(self.coroutine);
	int result;

	self.waiter.wake = wake_coroutine;
	if (!begin_wait(scope, &self.waiter, due_us, &result)) {
		/* A function that hears nothing of being cancelled must not keep the others from running. */
		if (result != 0)
			coroutine_yield();
		return result;
	}
	if (due_us != INT64_MAX)
		loop_timer_start(loop, &self.timer, due_us);
	coroutine_suspend();
	if (due_us != INT64_MAX)
		(void)loop_timer_stop(loop, &self.timer);
	return end_wait(scope, &self.waiter);
}

/* --- A thread with a loop of its own, which turns while it waits --- */

struct turning_waiter {
	struct scope_waiter waiter;
	struct loop_call call;
	struct loop_timer timer;
	struct scope *scope;
	struct loop *loop;
	bool over;
};

static void stop_turning(struct loop_call *call)
{
	CONTAINER_OF(call, struct turning_waiter, call)->over = true;
}

static void wake_turning(struct scope_waiter *waiter)
{
	struct turning_waiter *self = CONTAINER_OF(waiter, struct turning_waiter, waiter);

	(void)loop_post(self->loop, &self->call);
}

static void time_of_turning(struct loop_timer *timer)
{
	struct turning_waiter *self = CONTAINER_OF(timer, struct turning_waiter, timer);

	self->over = self->over || wake_by_time(self->scope, &self->waiter);
}

static int wait_turning(struct scope *scope, const struct scope_waiter *what, int64_t due_us)
{
	struct turning_waiter self = { .waiter = *what,
		                       .call.run = stop_turning,
		                       .timer.fire = time_of_turning,
		                       .scope = scope,
		                       .loop = loop_current() };
	int result;

	self.waiter.wake = wake_turning;
	if (!begin_wait(scope, &self.waiter, due_us, &result))
		return result;
	if (due_us != INT64_MAX)
		loop_timer_start(self.loop, &self.timer, due_us);
	loop_turn_until(self.loop, &self.over);
	(void)loop_timer_stop(self.loop, &self.timer);
	return end_wait(scope, &self.waiter);
}

/* --- Whoever waits --- */

static int wait_for(struct scope *scope, struct scope_waiter what, int64_t due_us)
{
	const struct loop *loop;

	if (coroutine_current())
		return wait_in_coroutine(scope, &what, due_us);
	loop = loop_current();
	if (loop && loop_is_here(loop))
		return wait_turning(scope, &what, due_us);
	return wait_on_thread(scope, &what, due_us);
}

int scope_wait_child(struct scope *scope, const struct scope_child *child, int64_t due_us)
{
	return wait_for(scope, (struct scope_waiter){ .child = child }, due_us);
}

int scope_wait_group(struct scope *scope, const struct scope_group *group, size_t needed, int64_t due_us)
{
	return wait_for(scope, (struct scope_waiter){ .group = group, .needed = needed }, due_us);
}

int scope_sleep(struct scope *scope, int64_t due_us)
{
	int result = wait_for(scope, (struct scope_waiter){ .only_time = true }, due_us);

	/* The time is what was waited for; only a cancelled scope cuts it short. */
	return result == WEIR_ETIMEDOUT ? scope_cancelled(scope) : result;
}

int scope_wait_event(struct scope *scope, const struct scope_event *event, int64_t due_us)
{
	return wait_for(scope, (struct scope_waiter){ .event = event }, due_us);
}

void scope_await_event(struct scope *scope, const struct scope_event *event)
{
	(void)!wait_for(scope, (struct scope_waiter){ .event = event, .ignore_cancel = true }, INT64_MAX);
}

void scope_join(struct scope *scope)
{
	(void)!wait_for(scope, (struct scope_waiter){ .ignore_cancel = true }, INT64_MAX);
}

static struct scope_child *take_done(struct scope *scope, struct scope_group *group)
{
	struct scope_child *child;

	pthread_mutex_lock(&scope->mutex);
	child = group->first_done;
	if (child) {
		group->first_done = child->next_done;
		if (!group->first_done)
			group->last_done = NULL;
	}
	pthread_mutex_unlock(&scope->mutex);
	return child;
}

/* How many have ended, or SIZE_MAX when all have. */
static size_t count_done(struct scope *scope, const struct scope_group *group)
{
	size_t done;

	pthread_mutex_lock(&scope->mutex);
	done = group->done == group->count ? SIZE_MAX : group->done;
	pthread_mutex_unlock(&scope->mutex);
	return done;
}

struct scope_child *scope_next(struct scope *scope, struct scope_group *group, int *error)
{
	for (;;) {
		size_t done = count_done(scope, group);
		struct scope_child *child = take_done(scope, group);
		int result;

		if (error)
			*error = 0;
		if (child || done == SIZE_MAX)
			return child;
		result = scope_wait_group(scope, group, done + 1, INT64_MAX);
		if (result < 0) {
			if (error)
				*error = result;
			return NULL;
		}
	}
}
