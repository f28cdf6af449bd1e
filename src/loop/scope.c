/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/scope.h"

#include "loop/scope_internal.h"

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

bool scope_is_over(const struct scope *scope, const struct scope_waiter *waiter)
{
	return has_come(scope, waiter) || is_cut_short(scope, waiter);
}

static void wake_those_due(struct scope *scope)
{
	for (struct scope_waiter *waiter = scope->waiters; waiter; waiter = waiter->next) {
		/* Of one that was woken before, what it waited for may be gone. */
		if (waiter->woken || !scope_is_over(scope, waiter))
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

void scope_signal(struct scope *scope, struct scope_event *event)
{
	pthread_mutex_lock(&scope->mutex);
	event->done = true;
	wake_those_due(scope);
	pthread_mutex_unlock(&scope->mutex);
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

int scope_wait_result(const struct scope *scope, const struct scope_waiter *waiter)
{
	if (has_come(scope, waiter))
		return 0;
	return is_cut_short(scope, waiter) ? scope->cancelled : WEIR_ETIMEDOUT;
}

void scope_add_waiter(struct scope *scope, struct scope_waiter *waiter)
{
	waiter->previous = NULL;
	waiter->next = scope->waiters;
	if (waiter->next)
		waiter->next->previous = waiter;
	scope->waiters = waiter;
}

void scope_remove_waiter(struct scope *scope, struct scope_waiter *waiter)
{
	if (waiter->next)
		waiter->next->previous = waiter->previous;
	if (waiter->previous)
		waiter->previous->next = waiter->next;
	else
		scope->waiters = waiter->next;
}

void scope_watch(struct scope *scope, struct scope_waiter *waiter)
{
	pthread_mutex_lock(&scope->mutex);
	scope_add_waiter(scope, waiter);
	wake_those_due(scope);
	pthread_mutex_unlock(&scope->mutex);
}

void scope_unwatch(struct scope *scope, struct scope_waiter *waiter)
{
	pthread_mutex_lock(&scope->mutex);
	scope_remove_waiter(scope, waiter);
	pthread_mutex_unlock(&scope->mutex);
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
