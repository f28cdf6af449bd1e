/* SPDX-License-Identifier: Apache-2.0 */
/* execute.c - executing attempts: where, what comes before the function is entered, and what when it has returned. */
#include "engine/cache.h"
#include "engine/deadline.h"
#include "engine/finish.h"
#include "engine/forked.h"
#include "engine/hooks.h"
#include "engine/limits.h"
#include "engine/local.h"
#include "engine/output.h"
#include "engine/process_mode.h"
#include "engine/record.h"
#include "engine/run_template.h"
#include "engine/transaction.h"
#include "engine/value_check.h"
#include "loop/coroutine.h"

#include <stdlib.h>

/* --- To an executor: the pool, or the run's loop --- */

static int submit(weir_future *run, struct problem *problem)
{
	if (run->what.mode != WEIR_ASYNC)
		return pool_submit(run->engine->pool, &run->work, problem);
	if (!run->loop)
		run->loop = engine_loop_for(run->engine, run->parent, problem);
	if (!run->loop)
		return problem->code;
	if (!loop_post(run->loop, &run->start_call))
		return problem_set(problem, WEIR_ECANCELED, "the event loop that it was to run on is closing");
	return 0;
}

void run_enqueue(weir_future *run)
{
	struct problem problem;

	if (submit(run, &problem) == 0)
		return;
	if (run->phase == PHASE_HOOKS)
		run_miss_settled_hook(run, &problem);
	else
		run_end(run, &(struct new_state){ .type = STATE_CRASHED, .message = problem.message }, NULL);
}

/* Can this thread run it, here and now, for whoever waits for it? A time limit of a thread's or a coroutine's function needs
   one that can be given up. */
static bool fits_here(const weir_future *run)
{
	const struct coroutine *coroutine = coroutine_current();

	if (run->what.timeout_seconds > 0 && run->what.mode != WEIR_PROCESS)
		return false;
	if (run->what.mode != WEIR_ASYNC)
		return !coroutine && !loop_current();
	return coroutine && run->loop == coroutine_loop(coroutine) && coroutine_stack_left() >= STACK_FOR_CALL;
}

void run_execute_or_enqueue(weir_future *run)
{
	if (fits_here(run))
		run_execute(run);
	else
		run_enqueue(run);
}

bool run_take(weir_future *run)
{
	return run->what.mode != WEIR_ASYNC && !run->engine->in_child && fits_here(run) &&
	       pool_take(run->engine->pool, &run->work);
}

/* --- After the function --- */

/* Run what is still queued among the children here, rather than wait for a thread: all of them are to end anyway. */
static void help_children(weir_run *attempt)
{
	for (;;) {
		weir_future *found = NULL;

		pthread_mutex_lock(&attempt->scope.mutex);
		for (struct scope_child *child = attempt->scope.first; child && !found; child = child->next) {
			if (run_take(CONTAINER_OF(child, weir_future, child)))
				found = CONTAINER_OF(child, weir_future, child);
		}
		pthread_mutex_unlock(&attempt->scope.mutex);
		if (!found)
			return;
		run_execute(found);
	}
}

/* The function has returned: see that no child outlives it. */
static void join_children(weir_run *attempt, bool failed)
{
	if (failed)
		attempt_cancel(attempt, WEIR_ECANCELED);
	help_children(attempt);
	scope_join(&attempt->scope);
}

/* An abandoned function has returned after all. Its value is nobody's. */
static void bury(weir_run *attempt, json_t *value)
{
	struct engine *engine = attempt->run->engine;

	json_decref(value);
	transactions_end(attempt, false);
	pthread_mutex_lock(&engine->mutex);
	engine->abandoned--;
	pthread_mutex_unlock(&engine->mutex);
}

void attempt_let_go(weir_run *attempt)
{
	limits_leave(attempt);
}

/* Its own function must not change its parameters either: a retry would find them so. */
static json_t *refuse_changed(weir_run *attempt, json_t *value)
{
	weir_future *run = attempt->run;

	if (!value || value_is_unchanged(run->engine, attempt->arguments, run->fingerprint))
		return value;
	json_decref(value);
	return weir_fail_final(attempt, "%s", value_changed_text);
}

static void attempt_returned(weir_run *attempt, json_t *value)
{
	int running = ATTEMPT_RUNNING;

	prints_flush(attempt);
	value = refuse_changed(attempt, value);
	join_children(attempt,
	              !value && attempt->outcome.kind != OUTCOME_SKIPPED && attempt->outcome.kind != OUTCOME_SUSPENDED);
	locals_destroy(attempt);
	if (!__atomic_compare_exchange_n(&attempt->phase, &running, ATTEMPT_RETURNED, false, __ATOMIC_ACQ_REL,
	                                 __ATOMIC_ACQUIRE)) {
		deadline_stop(attempt);
		bury(attempt, value);
		return;
	}
	deadline_stop(attempt);
	run_set_attempt(attempt->run, NULL);
	attempt_finish(attempt, value);
}

/* --- Before the function --- */

/* May one more function be started on a thread? */
static bool too_many_abandoned(struct engine *engine)
{
	bool many;

	pthread_mutex_lock(&engine->mutex);
	many = engine->abandoned >= engine->abandoned_limit;
	pthread_mutex_unlock(&engine->mutex);
	return many;
}

/* The results that it waited for take their places in the arguments, and in its name. */
static int fill_arguments(weir_future *run, struct problem *problem)
{
	bool were_open = outputs_are_open(run);
	int result = outputs_fill(run, problem);

	if (result < 0)
		return result;
	run_template_name_late(run);
	if (were_open && run->what.is_flow)
		record_flow_filled(run);
	return 0;
}

/* Everything that is to be so before there is an attempt. False: the run has been ended. */
static bool prepare(weir_future *run)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct problem problem;
	struct new_state end = { 0 };

	if (run_cancelled(run)) {
		end_cancelled(run, NULL);
		return false;
	}
	if (too_many_abandoned(run->engine)) {
		end.type = STATE_CRASHED;
		end.message = arena_printf(&scratch, "not started: %u timed-out attempts have not returned yet",
		                           run->engine->abandoned_limit)
		                      .data;
	} else if ((end.message = outputs_not_ready(run, &scratch))) {
		end.type = STATE_PENDING;
		end.name = "NotReady";
	} else if (fill_arguments(run, &problem) < 0) {
		end.type = STATE_FAILED;
		end.message = problem.message;
	}
	if (end.type)
		run_end(run, &end, NULL);
	return !end.type;
}

/* The next attempt, known to whoever cancels the run; or NULL when the run has been ended. */
static weir_run *begin(weir_future *run)
{
	weir_run *attempt;

	if (!prepare(run))
		return NULL;
	pthread_mutex_lock(&run->mutex);
	run->phase = PHASE_RUNNING;
	run->attempts++;
	pthread_mutex_unlock(&run->mutex);
	attempt = attempt_new(run, run->attempts);
	run_set_attempt(run, attempt);
	return attempt;
}

static void record_start(weir_future *run)
{
	if (!run->what.is_flow)
		record_task_state(run, &(struct new_state){ .type = STATE_RUNNING,
		                                            .name = run->attempts > 1 ? "Retrying" : NULL });
	else if (run->attempts > 1 && !run->resumed)
		record_flow_retry(run);
	run->resumed = false;
}

/* From here on the attempt is Running, its time limit runs, and it may be given up. */
static void start(weir_run *attempt)
{
	record_start(attempt->run);
	deadline_start(attempt);
	__atomic_store_n(&attempt->phase, ATTEMPT_RUNNING, __ATOMIC_RELEASE);
}

/* Is there something to ask or to wait for between the beginning and the start? */
static bool has_to_ask(const weir_future *run)
{
	return cache_is_used(&run->what) || limits_may_hold(run);
}

/* The run ends without its function having been called. */
static void end_unstarted(weir_run *attempt, json_t *value)
{
	__atomic_store_n(&attempt->phase, ATTEMPT_RETURNED, __ATOMIC_RELEASE);
	run_set_attempt(attempt->run, NULL);
	attempt_finish(attempt, value);
}

/* Ask the cache, wait for slots. False: the run has been ended, or is to be retried. */
static bool ask(weir_run *attempt)
{
	struct problem problem;
	json_t *value = NULL;
	enum cache_answer answer = cache_begin(attempt, &value, &problem);

	if (answer == CACHE_FAILED)
		weir_fail_final(attempt, "%s", problem.message);
	attempt->cached = answer == CACHE_HIT;
	if (answer == CACHE_HIT || answer == CACHE_CUT_SHORT || answer == CACHE_FAILED || limits_enter(attempt) < 0) {
		end_unstarted(attempt, value);
		return false;
	}
	return true;
}

static json_t *call_function(weir_run *attempt)
{
	weir_future *run = attempt->run;
	json_t *value;

	if (!value_is_unchanged(run->engine, attempt->arguments, run->fingerprint))
		return weir_fail_final(attempt, "%s", value_changed_text);
	/* Between the last look and now it may have been cancelled, or given up together with its parent. */
	if (attempt_refusal(attempt))
		return NULL;
	hook_call_running(attempt);
	if (run->what.mode == WEIR_PROCESS)
		return process_mode_run(attempt);
	value = run->what.run(attempt);
	forked_check_return(run->what.name);
	return value;
}

/* The pool whose place this function's thread holds. One that another run's function has started works in that one's. */
static struct pool *place_of(const weir_run *attempt)
{
	if (attempt->thread)
		return attempt->run->engine->pool;
	return attempt->run->parent ? __atomic_load_n(&attempt->run->parent->scope.pool, __ATOMIC_ACQUIRE) : NULL;
}

static bool has_started(const weir_run *attempt)
{
	return __atomic_load_n(&attempt->phase, __ATOMIC_ACQUIRE) != ATTEMPT_STARTING;
}

/* A coroutine has no thread that could be given up with it, be its loop on one of the pool; and it may have started, so that
   nothing of this may be written any more. */
static void keep_thread(weir_run *attempt)
{
	if (coroutine_current())
		return;
	attempt->thread = pool_thread();
	attempt->owns_thread = !attempt->outer && attempt->thread;
	attempt->scope.pool = place_of(attempt);
}

/* Execute an attempt that has begun, on this thread or coroutine, and see to what follows. Takes the attempt over. */
static void execute(weir_run *attempt)
{
	attempt->outer = control_local();
	keep_thread(attempt);
	control_set_local(attempt);
	if (!has_started(attempt) && has_to_ask(attempt->run) && !ask(attempt)) {
		control_set_local(attempt->outer);
		attempt_unref(attempt);
		return;
	}
	if (!has_started(attempt))
		start(attempt);
	attempt_returned(attempt, call_function(attempt));
	control_set_local(attempt->outer);
	attempt_unref(attempt);
}

void run_execute(weir_future *run)
{
	weir_run *attempt;

	if (run->phase == PHASE_HOOKS) {
		run_call_settled_hook(run);
		return;
	}
	attempt = begin(run);
	if (attempt)
		execute(attempt);
}

/* --- On a loop: as much as can be on the loop's own stack, so that a coroutine's stack stays small --- */

static void execute_in_coroutine(void *attempt)
{
	execute(attempt);
}

static void call_hook_in_coroutine(void *run)
{
	run_call_settled_hook(run);
}

static void crash_unstarted(weir_run *attempt, const struct problem *problem)
{
	if (!has_started(attempt))
		start(attempt);
	outcome_crashed(attempt, "%s", problem->message);
	attempt_returned(attempt, NULL);
	attempt_unref(attempt);
}

void run_start_on_loop(weir_future *run)
{
	struct problem problem;
	weir_run *attempt;

	if (run->phase == PHASE_HOOKS) {
		if (coroutine_start(run->loop, call_hook_in_coroutine, run, &problem) < 0)
			run_miss_settled_hook(run, &problem);
		return;
	}
	attempt = begin(run);
	if (!attempt)
		return;
	if (!has_to_ask(run))
		start(attempt);
	if (coroutine_start(run->loop, execute_in_coroutine, attempt, &problem) < 0)
		crash_unstarted(attempt, &problem);
}
