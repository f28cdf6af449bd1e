/* SPDX-License-Identifier: Apache-2.0 */
/* attempt.c - attempts: made, counted, cancelled down the tree, freed. */
#include "base/clock.h"
#include "engine/deadline.h"
#include "engine/forked.h"
#include "engine/local.h"
#include "engine/process_child.h"
#include "engine/run.h"
#include "loop/coroutine.h"

#include <stdlib.h>

weir_run *attempt_current(void)
{
	return forked_is_copy() ? NULL : control_local();
}

bool attempt_is_abandoned(const weir_run *attempt)
{
	return forked_is_copy() || __atomic_load_n(&attempt->phase, __ATOMIC_ACQUIRE) == ATTEMPT_ABANDONED;
}

int attempt_refusal(const weir_run *attempt)
{
	if (attempt_is_abandoned(attempt))
		return WEIR_EABANDONED;
	if (process_child_is(attempt))
		return process_child_cancelled();
	return scope_cancelled((struct scope *)(uintptr_t)&attempt->scope);
}

/* --- Making and freeing --- */

weir_run *attempt_new(weir_future *run, int number)
{
	weir_run *attempt = xcalloc(1, sizeof *attempt);

	attempt->references = 1;
	attempt->run = future_ref(run);
	attempt->arguments = json_incref(run->arguments);
	attempt->number = number;
	deadline_init(attempt);
	uuid_write(run->id, attempt->id_text);
	scope_init(&attempt->scope);
	attempt->gate = run->what.is_flow ? gate_new(run->what.flow->max_parallel) : NULL;
	pthread_mutex_init(&attempt->mutex, NULL);
	return attempt;
}

weir_run *attempt_ref(weir_run *attempt)
{
	__atomic_add_fetch(&attempt->references, 1, __ATOMIC_RELAXED);
	return attempt;
}

static void free_maps(weir_run *attempt)
{
	while (attempt->maps) {
		struct weir_futures *map = attempt->maps;

		attempt->maps = map->next;
		for (size_t i = 0; i < map->runs.count; i++)
			future_unref(map->runs.items[i]);
		vec_done(&map->runs);
		free(map);
	}
}

/* Give back the futures that the function was given: it has returned and can't use them any more. */
static void release_handles(weir_run *attempt)
{
	for (size_t i = 0; i < attempt->handles.count; i++)
		future_unref(attempt->handles.items[i]);
	vec_done(&attempt->handles);
	free_maps(attempt);
}

void attempt_unref(weir_run *attempt)
{
	if (!attempt || __atomic_sub_fetch(&attempt->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	release_handles(attempt);
	ASSERT(attempt->locals == NULL && attempt->transactions == NULL);
	json_decref(attempt->values);
	for (size_t i = 0; i < attempt->outputs.count; i++)
		future_unref(attempt->outputs.items[i]);
	vec_done(&attempt->outputs);
	vec_done(&attempt->output_maps);
	strbuf_done(&attempt->print_line);
	arena_done(&attempt->arena);
	scope_done(&attempt->scope);
	gate_free(attempt->gate);
	json_decref(attempt->arguments);
	pthread_mutex_destroy(&attempt->mutex);
	future_unref(attempt->run);
	free(attempt);
}

/* --- Cancelling, down the tree --- */

void run_cancel(weir_future *run, int error)
{
	if (run->attempt)
		attempt_cancel(run->attempt, error);
	pthread_mutex_lock(&run->mutex);
	if (!run->cancelled)
		run->cancelled = error;
	if ((run->phase == PHASE_DELAYED && loop_timer_stop(run->engine->loop, &run->retry_timer)) || gate_drop(run))
		loop_timer_start(run->engine->loop, &run->retry_timer, 0); /* to end it, without the locks held here */
	pthread_mutex_unlock(&run->mutex);
}

int run_cancelled(weir_future *run)
{
	int cancelled;

	pthread_mutex_lock(&run->mutex);
	cancelled = run->cancelled;
	pthread_mutex_unlock(&run->mutex);
	return cancelled ? cancelled : scope_cancelled(run->scope);
}

void attempt_cancel(weir_run *attempt, int error)
{
	if (!scope_cancel(&attempt->scope, error))
		return;
	pthread_mutex_lock(&attempt->scope.mutex);
	for (struct scope_child *child = attempt->scope.first; child; child = child->next)
		run_cancel(CONTAINER_OF(child, weir_future, child), error);
	pthread_mutex_unlock(&attempt->scope.mutex);
}

/* Under the lock of the scope that the run is a child of: so a cancelled parent always finds it, or it finds that the
   parent is cancelled. */
void run_set_attempt(weir_future *run, weir_run *attempt)
{
	int cancelled;

	pthread_mutex_lock(&run->scope->mutex);
	run->attempt = attempt;
	cancelled = run_cancelled(run);
	pthread_mutex_unlock(&run->scope->mutex);
	if (attempt && cancelled)
		attempt_cancel(attempt, cancelled);
}
