/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/scope.h"

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

struct thread_waiter {
	struct scope_waiter waiter;
	pthread_cond_t cond;
};

static void wake_thread(struct scope_waiter *waiter)
{
	pthread_cond_signal(&CONTAINER_OF(waiter, struct thread_waiter, waiter)->cond);
}

/* How a wait ended, or would end now. */
static int wait_result(const struct scope *scope, const struct scope_waiter *waiter)
{
	if (has_come(scope, waiter))
		return 0;
	return is_cut_short(scope, waiter) ? scope->cancelled : WEIR_ETIMEDOUT;
}

/* Sleep until the waiter, which is among the scope's, is woken or its time is up. The place in the pool is given up and
   taken back without the scope's mutex, since both may take long. */
static int block(struct scope *scope, struct thread_waiter *self, int64_t due_us)
{
	bool in_time = true;
	int result;

	pool_wait_begin();
	pthread_mutex_lock(&scope->mutex);
	while (!self->waiter.woken && in_time)
		in_time = cond_wait_until(&self->cond, &scope->mutex, due_us);
	result = wait_result(scope, &self->waiter);
	remove_waiter(scope, &self->waiter);
	pthread_mutex_unlock(&scope->mutex);
	pool_wait_end();
	return result;
}

static int wait_for(struct scope *scope, struct scope_waiter what, int64_t due_us)
{
	struct thread_waiter self = { .waiter = what };
	bool blocks;
	int result;

	pthread_mutex_lock(&scope->mutex);
	result = wait_result(scope, &what);
	blocks = !is_over(scope, &what) && due_us > 0;
	if (blocks) {
		self.waiter.wake = wake_thread;
		cond_init_monotonic(&self.cond);
		add_waiter(scope, &self.waiter);
	}
	pthread_mutex_unlock(&scope->mutex);
	if (blocks) {
		result = block(scope, &self, due_us);
		pthread_cond_destroy(&self.cond);
	}
	return result;
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
