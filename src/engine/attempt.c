/* SPDX-License-Identifier: Apache-2.0 */
/* attempt.c - executing attempts: on which thread, within which time, and what follows when the function returns. */
#include "base/clock.h"
#include "engine/output.h"
#include "engine/record.h"
#include "engine/run.h"
#include "rules/retry.h"

#include <stdlib.h>

static _Thread_local weir_run *current_attempt;

weir_run *attempt_current(void)
{
	return current_attempt;
}

int attempt_refusal(const weir_run *attempt)
{
	if (__atomic_load_n(&attempt->phase, __ATOMIC_ACQUIRE) == ATTEMPT_ABANDONED)
		return WEIR_EABANDONED;
	return scope_cancelled((struct scope *)(uintptr_t)&attempt->scope);
}

/* --- Making and freeing --- */

static void deadline_due(struct loop_timer *timer);

static weir_run *attempt_new(weir_future *run, int number)
{
	weir_run *attempt = xcalloc(1, sizeof *attempt);

	attempt->references = 1;
	attempt->run = future_ref(run);
	attempt->arguments = json_incref(run->arguments);
	attempt->number = number;
	attempt->deadline.fire = deadline_due;
	uuid_write(run->id, attempt->id_text);
	scope_init(&attempt->scope);
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
	for (size_t i = 0; i < attempt->outputs.count; i++)
		future_unref(attempt->outputs.items[i]);
	vec_done(&attempt->outputs);
	vec_done(&attempt->output_maps);
	strbuf_done(&attempt->print_line);
	arena_done(&attempt->arena);
	scope_done(&attempt->scope);
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
	if (run->phase == PHASE_DELAYED && loop_timer_stop(run->engine->loop, &run->retry_timer))
		loop_timer_start(run->engine->loop, &run->retry_timer, 0); /* to end it, without the locks held here */
	pthread_mutex_unlock(&run->mutex);
}

/* Is the run to begin nothing any more? */
static int cancelled_of(weir_future *run)
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

/* The run's present attempt, under the lock of the scope it is a child of: so a cancelled parent always finds it, or it
   finds that the parent is cancelled. */
static void set_attempt(weir_future *run, weir_run *attempt)
{
	int cancelled;

	pthread_mutex_lock(&run->scope->mutex);
	run->attempt = attempt;
	cancelled = cancelled_of(run);
	pthread_mutex_unlock(&run->scope->mutex);
	if (attempt && cancelled)
		attempt_cancel(attempt, cancelled);
}

/* --- Ending --- */

/* Tell of the end in the log: of flows and of what went wrong as INFO and above, of completed tasks as DEBUG. */
static void log_end(weir_future *run, enum state_type type, const char *name, const char *message)
{
	int level = type != STATE_COMPLETED ? 40 : run->what.is_flow || strcmp(name, "Completed") != 0 ? 20 : 10;

	if (run->what.is_flow && type == STATE_FAILED && run->attempts > 0 && run->attempts <= run->what.retries)
		run_log(run, 40, "%s - Retry %d/%d will start %g second(s) from now", message ? message : name,
		        run->attempts, run->what.retries,
		        run->what.retry_delay_count ? run->what.retry_delays[0] : 0.0);
	else
		run_log(run, level, "Finished in state %s(%s)", name, message ? message : "");
}

void run_end(weir_future *run, enum state_type type, const char *name, const char *message, json_t *result)
{
	name = name ? name : state_type_title(type);
	pthread_mutex_lock(&run->mutex);
	run->phase = PHASE_ENDING;
	pthread_mutex_unlock(&run->mutex);
	log_end(run, type, name, message);
	if (run->what.is_flow) {
		record_flow_end(run, type, name, message, result);
		return;
	}
	record_task_state(run, type, name, message, TIMESTAMP_NONE);
	future_complete(run, (weir_state){ (enum weir_state_type)type, name, message }, result);
}

static struct run_policy policy_of(weir_future *run, struct arena *arena)
{
	struct run_policy policy;
	int result = run_policy_read(arena, run->card->row.empirical_policy, &policy, NULL);

	ASSERT(result == 0);
	return policy;
}

static double random_unit(void)
{
	struct uuid id = uuid_new();
	uint32_t bits;

	memcpy(&bits, id.bytes + 12, sizeof bits);
	return bits / 4294967296.0;
}

void run_start_later(weir_future *run, int64_t delay_us)
{
	bool now;

	pthread_mutex_lock(&run->mutex);
	now = delay_us <= 0 || run->cancelled || scope_cancelled(run->scope);
	run->phase = now ? PHASE_QUEUED : PHASE_DELAYED;
	if (!now)
		loop_timer_start(run->engine->loop, &run->retry_timer, clock_monotonic_us() + delay_us);
	pthread_mutex_unlock(&run->mutex);
	if (now)
		run_enqueue(run);
}

/* Does another attempt of this task run follow its failure? Then it is recorded and started. */
static bool retry_task(weir_future *run, const char *message)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct run_policy policy = policy_of(run, &scratch);
	struct str reason;
	int64_t delay_us;

	if (run->what.retries == 0 || cancelled_of(run) ||
	    !retry_decide(&scratch, &policy, run->attempts, random_unit(), &delay_us, &reason))
		return false;
	run_log(run, 40, "%s - Retry %d/%d will start %s%.3g second(s) from now", message, run->attempts,
	        run->what.retries, delay_us ? "" : "immediately, ", (double)delay_us / 1e6);
	record_task_state(run, STATE_SCHEDULED, "AwaitingRetry", message, clock_wall_us() + delay_us);
	run_start_later(run, delay_us);
	return true;
}

/* The attempt failed: retry it or end the run. The rules in the store decide about flows. */
static void fail_run(weir_future *run, const char *name, const char *message, bool final)
{
	if (!final && !run->what.is_flow && retry_task(run, message))
		return;
	run_end(run, STATE_FAILED, name, message, NULL);
}

/* --- What an attempt comes to --- */

static void end_cancelled(weir_future *run)
{
	char *reason;

	pthread_mutex_lock(&run->flow->mutex);
	reason = run->flow->crash_reason;
	pthread_mutex_unlock(&run->flow->mutex);
	if (reason)
		run_end(run, STATE_CRASHED, NULL, reason, NULL);
	else
		run_end(run, STATE_CANCELLED, NULL, "The run was cancelled.", NULL);
}

static void end_timed_out(weir_future *run)
{
	char message[160];

	snprintf(message, sizeof message, "%s run exceeded its time limit of %g second(s)",
	         run->what.is_flow ? "Flow" : "Task", run->what.timeout_seconds);
	fail_run(run, "TimedOut", message, false);
}

static bool is_unseen_failure(weir_future *child)
{
	return !future_succeeded(child) && !__atomic_load_n(&child->looked_at, __ATOMIC_RELAXED);
}

/* A child failed, the function returned a value, and never asked about that child: somebody should know. */
static void warn_of_unseen_failures(weir_run *attempt)
{
	weir_future *first = NULL;
	size_t count = 0;

	for (size_t i = 0; i < attempt->handles.count; i++) {
		if (is_unseen_failure(attempt->handles.items[i]) && count++ == 0)
			first = attempt->handles.items[i];
	}
	for (struct weir_futures *map = attempt->maps; map; map = map->next) {
		for (size_t i = 0; i < map->runs.count; i++) {
			if (is_unseen_failure(map->runs.items[i]) && count++ == 0)
				first = map->runs.items[i];
		}
	}
	if (first)
		run_log(attempt->run, 30, "%zu failed run(s) that nobody looked at, the first: '%s' (%s: %s)", count,
		        first->name, first->view.name, first->view.message ? first->view.message : "");
}

static void warn_of_ignored_failure(weir_run *attempt)
{
	const struct outcome *outcome = &attempt->outcome;

	if (outcome->kind != OUTCOME_NONE && outcome->kind != OUTCOME_SKIPPED)
		run_log(attempt->run, 30, "returned a value although it had failed: %s",
		        outcome->message ? outcome->message : outcome->state.name);
}

/* The function has returned NULL, and nothing cancelled it. */
static void end_by_outcome(weir_run *attempt)
{
	const struct outcome *outcome = &attempt->outcome;
	weir_future *run = attempt->run;

	switch (outcome->kind) {
	case OUTCOME_NONE:
		fail_run(run, NULL, "returned NULL without weir_fail", false);
		break;
	case OUTCOME_SKIPPED:
		run_end(run, STATE_COMPLETED, "Skipped", outcome->state.message, json_null());
		break;
	case OUTCOME_CHILD:
		fail_run(run, NULL, outcome->message, false);
		break;
	case OUTCOME_FAILED:
		fail_run(run, outcome->state.name, outcome->message, false);
		break;
	case OUTCOME_FAILED_FINAL:
		fail_run(run, NULL, outcome->message, true);
		break;
	}
}

/* What decides, in this order: the run was cancelled from outside, its time was up, what the function said. */
static void end_attempt(weir_run *attempt, json_t *value)
{
	weir_future *run = attempt->run;
	bool cancelled = cancelled_of(run) && (!value || run->what.is_flow);
	bool timed_out = __atomic_load_n(&attempt->timed_out, __ATOMIC_ACQUIRE);

	if (cancelled || timed_out) {
		json_decref(value);
		value = NULL;
	}
	if (cancelled) {
		end_cancelled(run);
	} else if (timed_out) {
		end_timed_out(run);
	} else if (value) {
		warn_of_ignored_failure(attempt);
		warn_of_unseen_failures(attempt);
		run_end(run, STATE_COMPLETED, NULL, NULL, value);
	} else {
		end_by_outcome(attempt);
	}
}

/* --- Time limits --- */

/* Mark the attempt as given up. False when it has returned. */
static bool abandon(weir_run *attempt)
{
	int running = ATTEMPT_RUNNING;
	struct engine *engine = attempt->run->engine;
	bool first;

	/* Under the lock that bury takes: so the thread can't be gone, nor be counted out, before this is through. */
	pthread_mutex_lock(&engine->mutex);
	first = __atomic_compare_exchange_n(&attempt->phase, &running, ATTEMPT_ABANDONED, false, __ATOMIC_ACQ_REL,
	                                    __ATOMIC_ACQUIRE);
	if (first) {
		if (attempt->owns_thread)
			pool_abandon(attempt->thread);
		engine->abandoned++;
	}
	pthread_mutex_unlock(&engine->mutex);
	return first;
}

/* Runs below an abandoned attempt are abandoned with it: nothing waits for them any more. */
static void abandon_children(weir_run *attempt)
{
	for (;;) {
		weir_future *run = NULL;
		weir_run *below = NULL;

		pthread_mutex_lock(&attempt->scope.mutex);
		for (struct scope_child *child = attempt->scope.first; child && !below; child = child->next) {
			run = CONTAINER_OF(child, weir_future, child);
			if (run->attempt && __atomic_load_n(&run->attempt->phase, __ATOMIC_ACQUIRE) == ATTEMPT_RUNNING)
				below = attempt_ref(run->attempt);
		}
		pthread_mutex_unlock(&attempt->scope.mutex);
		if (!below)
			return;
		if (abandon(below)) {
			abandon_children(below);
			set_attempt(below->run, NULL);
			run_end(below->run, STATE_CANCELLED, NULL, "given up together with the run that called it",
			        NULL);
		}
		attempt_unref(below);
	}
}

/* The grace time is over and the function has not returned. */
static void give_up(weir_run *attempt)
{
	weir_future *run = attempt->run;

	if (!abandon(attempt))
		return;
	abandon_children(attempt);
	set_attempt(run, NULL);
	run_log(run, 30, "attempt %d does not return %g second(s) after its time limit: abandoned", attempt->number,
	        (double)run->engine->grace_us / 1e6);
	if (run->what.retry_beside_abandoned || run->what.is_flow)
		end_timed_out(run);
	else
		run_end(run, STATE_FAILED, "TimedOut",
		        "Task run exceeded its time limit; not retried, since the attempt has not returned "
		        "(set .retry_beside_abandoned to retry all the same)",
		        NULL);
}

/* On the loop's thread: first the time limit, then the end of the grace time. The timer holds a reference. */
static void deadline_due(struct loop_timer *timer)
{
	weir_run *attempt = CONTAINER_OF(timer, weir_run, deadline);

	if (!attempt->in_grace) {
		/* The timer first: a function that returns when it is cancelled then finds it to stop, and its reference. */
		attempt_ref(attempt);
		attempt->in_grace = true;
		__atomic_store_n(&attempt->timed_out, true, __ATOMIC_RELEASE);
		loop_timer_start(attempt->run->engine->loop, timer,
		                 clock_monotonic_us() + attempt->run->engine->grace_us);
		attempt_cancel(attempt, WEIR_ETIMEDOUT);
		attempt_unref(attempt);
		return;
	}
	give_up(attempt);
	attempt_unref(attempt);
}

static void start_deadline(weir_run *attempt)
{
	double seconds = attempt->run->what.timeout_seconds;

	if (seconds <= 0)
		return;
	attempt_ref(attempt);
	loop_timer_start(attempt->run->engine->loop, &attempt->deadline, clock_due_us(seconds));
}

static void stop_deadline(weir_run *attempt)
{
	if (attempt->run->what.timeout_seconds > 0 && loop_timer_stop(attempt->run->engine->loop, &attempt->deadline))
		attempt_unref(attempt);
}

/* --- Executing --- */

void run_enqueue(weir_future *run)
{
	struct problem problem;

	if (pool_submit(run->engine->pool, &run->work, &problem) < 0)
		run_end(run, STATE_CRASHED, NULL, problem.message, NULL);
}

/* Run what is still queued among the children here, rather than wait for a thread: all of them are to end anyway. */
static void help_children(weir_run *attempt)
{
	for (;;) {
		weir_future *found = NULL;

		pthread_mutex_lock(&attempt->scope.mutex);
		for (struct scope_child *child = attempt->scope.first; child && !found; child = child->next) {
			weir_future *run = CONTAINER_OF(child, weir_future, child);

			if (run->what.timeout_seconds <= 0 && pool_take(run->engine->pool, &run->work))
				found = run;
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
	pthread_mutex_lock(&engine->mutex);
	engine->abandoned--;
	pthread_mutex_unlock(&engine->mutex);
}

static void attempt_returned(weir_run *attempt, json_t *value)
{
	int running = ATTEMPT_RUNNING;

	prints_flush(attempt);
	join_children(attempt, !value && attempt->outcome.kind != OUTCOME_SKIPPED);
	if (!__atomic_compare_exchange_n(&attempt->phase, &running, ATTEMPT_RETURNED, false, __ATOMIC_ACQ_REL,
	                                 __ATOMIC_ACQUIRE)) {
		stop_deadline(attempt);
		bury(attempt, value);
		return;
	}
	stop_deadline(attempt);
	set_attempt(attempt->run, NULL);
	end_attempt(attempt, value);
}

/* May one more function be started on a thread? */
static bool too_many_abandoned(struct engine *engine)
{
	bool many;

	pthread_mutex_lock(&engine->mutex);
	many = engine->abandoned >= engine->abandoned_limit;
	pthread_mutex_unlock(&engine->mutex);
	return many;
}

/* Everything that is to be so before the function is entered. False: the run has been ended. */
static bool prepare(weir_future *run)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct problem problem;
	const char *not_ready;

	if (cancelled_of(run)) {
		end_cancelled(run);
		return false;
	}
	if (too_many_abandoned(run->engine)) {
		run_end(run, STATE_CRASHED, NULL,
		        arena_printf(&scratch, "not started: %u timed-out attempts have not returned yet",
		                     run->engine->abandoned_limit)
		                .data,
		        NULL);
		return false;
	}
	not_ready = outputs_not_ready(run, &scratch);
	if (not_ready) {
		run_end(run, STATE_PENDING, "NotReady", not_ready, NULL);
		return false;
	}
	if (outputs_fill(run, &problem) < 0) {
		run_end(run, STATE_FAILED, NULL, problem.message, NULL);
		return false;
	}
	return true;
}

static void record_start(weir_future *run)
{
	if (run->what.is_flow) {
		if (run->attempts > 1)
			record_flow_retry(run);
	} else {
		record_task_state(run, STATE_RUNNING, run->attempts > 1 ? "Retrying" : NULL, NULL, TIMESTAMP_NONE);
	}
}

void run_execute(weir_future *run)
{
	weir_run *attempt;
	json_t *value;

	if (!prepare(run))
		return;
	pthread_mutex_lock(&run->mutex);
	run->phase = PHASE_RUNNING;
	run->attempts++;
	pthread_mutex_unlock(&run->mutex);
	attempt = attempt_new(run, run->attempts);
	attempt->thread = pool_thread();
	attempt->outer = current_attempt;
	attempt->owns_thread = !attempt->outer && attempt->thread;
	record_start(run);
	set_attempt(run, attempt);
	start_deadline(attempt);
	current_attempt = attempt;
	/* Between the last look and now it may have been cancelled, or given up together with its parent. */
	value = attempt_refusal(attempt) ? NULL : run->what.run(attempt);
	attempt_returned(attempt, value);
	current_attempt = attempt->outer;
	attempt_unref(attempt);
}
