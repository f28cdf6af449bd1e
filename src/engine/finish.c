/* SPDX-License-Identifier: Apache-2.0 */
/* finish.c - what becomes of a run: retried, completed, failed, cancelled, crashed; and its hooks. */
#include "engine/finish.h"

#include "base/clock.h"
#include "core/pause.h"
#include "engine/cache.h"
#include "engine/hooks.h"
#include "engine/pause.h"
#include "engine/record.h"
#include "engine/result.h"
#include "engine/transaction.h"
#include "rules/retry.h"

#include <stdlib.h>

/* --- Ending --- */

/* Tell of the end in the log: of flows and of what went wrong as INFO and above, of completed tasks as DEBUG. */
static void log_end(weir_future *run, const struct new_state *state)
{
	const char *name = state->name ? state->name : state_type_title(state->type);
	bool plain = strcmp(name, "Completed") == 0 || strcmp(name, "Cached") == 0;
	int level = state->type != STATE_COMPLETED ? 40 : run->what.is_flow || !plain ? 20 : 10;

	if (run->what.is_flow && state->type == STATE_FAILED && run->attempts > 0 && run->attempts <= run->what.retries)
		run_log(run, 40, "%s - Retry %d/%d will start %g second(s) from now",
		        state->message ? state->message : name, run->attempts, run->what.retries,
		        run->what.retry_delay_count ? run->what.retry_delays[0] : 0.0);
	else
		run_log(run, level, "Finished in state %s(%s)", name, state->message ? state->message : "");
}

static weir_state view_of(const struct new_state *state)
{
	return (weir_state){ (enum weir_state_type)state->type,
		             state->name ? state->name : state_type_title(state->type), state->message };
}

/* A task run has ended: what it was part of gets to know, and its hook is called where its function was. */
static void end_task(weir_future *run, weir_run *attempt, const struct new_state *state, json_t *result)
{
	weir_state view = view_of(state);

	record_task_state(run, state);
	transaction_child_ended(run, attempt, &view);
	cache_run_ended(run);
	if (attempt) {
		attempt_let_go(attempt);
		hook_call(attempt, &view);
	}
	future_complete(run, view, result);
}

static void end_run(weir_future *run, weir_run *attempt, const struct new_state *state, json_t *result)
{
	pthread_mutex_lock(&run->mutex);
	run->phase = PHASE_ENDING;
	pthread_mutex_unlock(&run->mutex);
	log_end(run, state);
	if (!run->what.is_flow) {
		end_task(run, attempt, state, result);
		return;
	}
	if (attempt)
		attempt_let_go(attempt);
	if (attempt && hook_any_final(run->what.hooks))
		run->hook_attempt = attempt_ref(attempt);
	record_flow_end(run, state, result);
}

void run_end(weir_future *run, const struct new_state *state, json_t *result)
{
	end_run(run, NULL, state, result);
}

/* --- Hooks of flows: the store has the last word on how a flow run ends, so they come after it --- */

static void drop_hook_attempt(weir_future *run)
{
	weir_run *attempt = run->hook_attempt;

	run->hook_attempt = NULL;
	attempt_unref(attempt);
}

void run_settle(weir_future *run, weir_state view, json_t *result)
{
	if (!run->hook_attempt || !hook_of_state(run->what.hooks, view.type)) {
		drop_hook_attempt(run);
		future_complete(run, view, result);
		return;
	}
	future_keep(run, view, result);
	pthread_mutex_lock(&run->mutex);
	run->phase = PHASE_HOOKS;
	pthread_mutex_unlock(&run->mutex);
	run_enqueue(run);
}

void run_call_settled_hook(weir_future *run)
{
	hook_call(run->hook_attempt, &run->view);
	drop_hook_attempt(run);
	future_tell(run);
}

void run_miss_settled_hook(weir_future *run, const struct problem *problem)
{
	run_log(run, 40, "the hook of its end is not called: %s", problem->message);
	drop_hook_attempt(run);
	future_tell(run);
}

/* --- Another attempt --- */

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

	drop_hook_attempt(run); /* the end that was proposed was none */
	if (delay_us > 0)
		gate_leave(run);
	pthread_mutex_lock(&run->mutex);
	now = delay_us <= 0 || run->cancelled || scope_cancelled(run->scope);
	run->phase = now ? PHASE_QUEUED : PHASE_DELAYED;
	if (!now)
		loop_timer_start(run->engine->loop, &run->retry_timer, clock_monotonic_us() + delay_us);
	pthread_mutex_unlock(&run->mutex);
	if (now)
		gate_admit(run);
}

/* What the user's own condition says to another attempt. */
static bool wants_retry(weir_future *run, weir_run *attempt, const struct new_state *failed)
{
	weir_state view = view_of(failed);

	return !attempt || !run->what.task->retry_condition || run->what.task->retry_condition(attempt, &view);
}

/* Does another attempt of this task run follow its failure? Then it is recorded and started. */
static bool retry_task(weir_future *run, weir_run *attempt, const struct new_state *failed)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct run_policy policy = policy_of(run, &scratch);
	const char *message = failed->message ? failed->message : state_type_title(failed->type);
	struct str reason;
	int64_t delay_us;

	if (run->what.retries == 0 || run_cancelled(run) ||
	    !retry_decide(&scratch, &policy, run->attempts, random_unit(), &delay_us, &reason))
		return false;
	if (!wants_retry(run, attempt, failed)) {
		run_log(run, 20, "not retried: .retry_condition says no");
		return false;
	}
	run_log(run, 40, "%s - Retry %d/%d will start %s%.3g second(s) from now", message, run->attempts,
	        run->what.retries, delay_us ? "" : "immediately, ", (double)delay_us / 1e6);
	record_task_state(run, &(struct new_state){ .type = STATE_SCHEDULED,
	                                            .name = "AwaitingRetry",
	                                            .message = message,
	                                            .scheduled_us = clock_wall_us() + delay_us });
	if (attempt)
		attempt_let_go(attempt);
	run_start_later(run, delay_us);
	return true;
}

/* The attempt failed or crashed: retry it or end the run. The rules in the store decide about flows. */
static void fail_run(weir_future *run, weir_run *attempt, const struct new_state *state, bool final)
{
	if (!final && !run->what.is_flow && retry_task(run, attempt, state))
		return;
	end_run(run, attempt, state, NULL);
}

/* --- What an attempt comes to --- */

void end_cancelled(weir_future *run, weir_run *attempt)
{
	const char *reason;

	pthread_mutex_lock(&run->flow->mutex);
	reason = run->flow->crash_reason;
	pthread_mutex_unlock(&run->flow->mutex);
	end_run(run, attempt,
	        &(struct new_state){ .type = reason ? STATE_CRASHED : STATE_CANCELLED,
	                             .message = reason ? reason : "The run was cancelled." },
	        NULL);
}

void end_timed_out(weir_future *run, weir_run *attempt)
{
	char message[160];

	snprintf(message, sizeof message, "%s run exceeded its time limit of %g second(s)",
	         run->what.is_flow ? "Flow" : "Task", run->what.timeout_seconds);
	fail_run(run, attempt, &(struct new_state){ .type = STATE_FAILED, .name = "TimedOut", .message = message },
	         false);
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

/* The function has returned a value: it is stored, if that is wanted. NULL, with the outcome set, when it can't be. */
static json_t *keep_value(weir_run *attempt, json_t *value, struct new_state *state)
{
	struct problem problem;

	warn_of_ignored_failure(attempt);
	warn_of_unseen_failures(attempt);
	*state = (struct new_state){ .type = STATE_COMPLETED,
		                     .name = attempt->cached ? "Cached" : NULL,
		                     .message = cache_origin(attempt) };
	if (result_keep(attempt, value, &state->data, &problem) == 0)
		return value;
	json_decref(value);
	return weir_fail(attempt, "%s", problem.message);
}

/* How each kind of outcome ends the run. */
static const struct {
	enum state_type type;
	bool final; /* never retried */
} endings[] = {
	[OUTCOME_NONE] = { STATE_FAILED, false },        [OUTCOME_FAILED] = { STATE_FAILED, false },
	[OUTCOME_FAILED_FINAL] = { STATE_FAILED, true }, [OUTCOME_CRASHED] = { STATE_CRASHED, false },
	[OUTCOME_CHILD] = { STATE_FAILED, false },
};

/* The run leaves the program, to be begun anew when somebody has resumed it. */
static void suspend_run(weir_run *attempt)
{
	AUTO(strbuf_done) struct strbuf sentence = { 0 };
	weir_future *run = attempt->run;

	(void)!pause_sentence(run, attempt->suspension->schema, &sentence, NULL); /* the schema is our own */
	pthread_mutex_lock(&run->mutex);
	run->phase = PHASE_ENDING;
	pthread_mutex_unlock(&run->mutex);
	attempt_let_go(attempt);
	run_log(run, 20, "Suspended; %s", sentence.data);
	record_flow_suspend(run, attempt->suspension, sentence.data);
}

/* The function has returned NULL, and nothing cancelled it. */
static void end_by_outcome(weir_run *attempt)
{
	const struct outcome *outcome = &attempt->outcome;
	struct new_state state = { .message = outcome->message };

	if (outcome->kind == OUTCOME_SUSPENDED) {
		suspend_run(attempt);
		return;
	}
	if (outcome->kind == OUTCOME_SKIPPED) {
		state.type = STATE_COMPLETED;
		state.name = "Skipped";
		end_run(attempt->run, attempt, &state, json_null());
		return;
	}
	state.type = endings[outcome->kind].type;
	if (outcome->kind == OUTCOME_NONE)
		state.message = "returned NULL without weir_fail";
	else if (outcome->kind == OUTCOME_FAILED)
		state.name = outcome->state.name;
	fail_run(attempt->run, attempt, &state, endings[outcome->kind].final);
}

/* What decides, in this order: the run was cancelled from outside, its time was up, what the function said. */
void attempt_finish(weir_run *attempt, json_t *value)
{
	weir_future *run = attempt->run;
	bool cancelled = run_cancelled(run) && (!value || run->what.is_flow);
	bool timed_out = __atomic_load_n(&attempt->timed_out, __ATOMIC_ACQUIRE);
	struct new_state completed;

	if (cancelled || timed_out) {
		json_decref(value);
		value = NULL;
	}
	if (value)
		value = keep_value(attempt, value, &completed);
	transactions_end(attempt, value || (!cancelled && !timed_out && attempt->outcome.kind == OUTCOME_SKIPPED));
	if (cancelled)
		end_cancelled(run, attempt);
	else if (timed_out)
		end_timed_out(run, attempt);
	else if (value)
		end_run(run, attempt, &completed, value);
	else
		end_by_outcome(attempt);
}
