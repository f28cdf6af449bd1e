/* SPDX-License-Identifier: Apache-2.0 */
/* wait.c - waiting for children and looking at them. A thread that waits first runs what it waits for, if that has not
   begun; otherwise it gives up its place in the pool (loop/pool.h). */
#include "base/clock.h"
#include "engine/run.h"
#include "engine/value_check.h"

#include <stdlib.h>

/* Run the child here if it is still in the queue. */
static void help(weir_future *run)
{
	if (run_take(run))
		run_execute(run);
}

/* The result as a new reference; NULL, and the outcome of who waited, when it did not complete. */
static json_t *take_result(weir_future *run)
{
	__atomic_store_n(&run->looked_at, true, __ATOMIC_RELAXED);
	if (!value_is_unchanged(run->engine, run->result, run->result_fingerprint))
		return weir_fail_final(run->owner, "the result of '%s' was changed after it had been returned",
		                       run->name);
	if (future_succeeded(run))
		return json_incref(run->result);
	outcome_of_child(run->owner, run);
	return NULL;
}

WEIR_API json_t *weir_result(weir_future *future)
{
	weir_run *owner = future->owner;

	help(future);
	if (scope_wait_child(&owner->scope, &future->child, INT64_MAX) < 0)
		return NULL;
	return take_result(future);
}

WEIR_API json_t *weir_results(weir_futures *futures)
{
	weir_run *owner = futures->owner;
	json_t *results;

	for (size_t i = 0; i < futures->runs.count; i++)
		help(futures->runs.items[i]);
	if (scope_wait_group(&owner->scope, &futures->group, futures->group.count, INT64_MAX) < 0)
		return NULL;
	results = json_array();
	for (size_t i = 0; i < futures->runs.count; i++) {
		json_t *result = take_result(futures->runs.items[i]);

		if (!result) {
			json_decref(results);
			return NULL;
		}
		json_array_append_new(results, result);
	}
	return results;
}

WEIR_API int weir_wait(weir_futures *futures, enum weir_wait_mode mode, double seconds)
{
	weir_run *owner = futures->owner;
	size_t count = futures->group.count;

	return scope_wait_group(&owner->scope, &futures->group, mode == WEIR_ALL ? count : MIN(count, (size_t)1),
	                        clock_due_us(seconds));
}

WEIR_API weir_future *weir_next(weir_futures *futures)
{
	struct scope_child *child = scope_next(&futures->owner->scope, &futures->group, NULL);

	return child ? CONTAINER_OF(child, weir_future, child) : NULL;
}

static const struct {
	weir_state state;
} present_states[] = {
	[PHASE_BLOCKED] = { { WEIR_PENDING, "Pending", NULL } },
	[PHASE_QUEUED] = { { WEIR_PENDING, "Pending", NULL } },
	[PHASE_RUNNING] = { { WEIR_RUNNING, "Running", NULL } },
	[PHASE_DELAYED] = { { WEIR_SCHEDULED, "AwaitingRetry", NULL } },
	[PHASE_HOOKS] = { { WEIR_RUNNING, "Running", NULL } },
	[PHASE_ENDING] = { { WEIR_RUNNING, "Running", NULL } },
};

WEIR_API const weir_state *weir_state_of(weir_future *future)
{
	enum run_phase phase;

	pthread_mutex_lock(&future->mutex);
	phase = future->phase;
	pthread_mutex_unlock(&future->mutex);
	if (phase != PHASE_DONE)
		return &present_states[phase].state;
	__atomic_store_n(&future->looked_at, true, __ATOMIC_RELAXED);
	return &future->view;
}

WEIR_API size_t weir_count(const weir_futures *futures)
{
	return futures->runs.count;
}

WEIR_API weir_future *weir_at(const weir_futures *futures, size_t index)
{
	ASSERT(index < futures->runs.count);
	return futures->runs.items[index];
}

WEIR_API void weir_release(weir_future *future)
{
	weir_run *owner;
	weir_future *last;

	if (!future || !future->handle) /* futures of a map stay with the map */
		return;
	owner = future->owner;
	pthread_mutex_lock(&owner->mutex);
	last = owner->handles.items[--owner->handles.count];
	owner->handles.items[future->handle - 1] = last;
	last->handle = future->handle;
	future->handle = 0;
	pthread_mutex_unlock(&owner->mutex);
	future_unref(future);
}
