/* SPDX-License-Identifier: Apache-2.0 */
/* pause.c - weir_pause, weir_suspend. What is decided is decided in the store (core/pause.h); here it is asked for and waited
   for. */
#include "engine/pause.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "core/pause.h"
#include "engine/ask_store.h"
#include "engine/schema.h"

#include <errno.h>
#include <stdlib.h>

/* A message that the run was resumed can be lost, so the store is looked at now and then. */
static const int64_t LOOK_AGAIN_US = 10 * INT64_C(1000000);

static const double DEFAULT_TIMEOUT_SECONDS = 3600;

static const char expired_text[] = "The run was not resumed in time.";

/* On the stack of the function that waits. */
struct pause_wait {
	struct scope *scope;
	struct scope_event woken;
};

void pause_wake(struct flow_context *flow)
{
	if (flow->pause)
		scope_signal(flow->pause->scope, &flow->pause->woken);
}

/* False: the run is paused already, by another thread of its function. */
static bool begin_wait(weir_run *run, struct pause_wait *wait)
{
	struct engine *engine = run->run->engine;
	struct flow_context *flow = run->run->flow;
	bool first;

	pthread_mutex_lock(&engine->mutex);
	first = !flow->pause;
	if (first)
		flow->pause = wait;
	pthread_mutex_unlock(&engine->mutex);
	return first;
}

static void end_wait(weir_run *run)
{
	struct engine *engine = run->run->engine;

	pthread_mutex_lock(&engine->mutex);
	run->run->flow->pause = NULL;
	pthread_mutex_unlock(&engine->mutex);
}

/* --- What is asked for --- */

static size_t count_parameters(const weir_parameter *parameters)
{
	size_t count = 0;

	while (parameters && parameters[count].name)
		count++;
	return count;
}

static int check_options(weir_run *run, const weir_pause_options *options, struct problem *problem)
{
	struct callable asked = run->run->what;

	if (!(options->timeout_seconds >= 0))
		return problem_set(problem, WEIR_EINVAL, "the time limit of a pause can't be negative");
	if (count_parameters(options->input) > WEIR_MAX_PARAMETERS)
		return problem_set(problem, WEIR_EINVAL, "a pause can ask for %d values at most", WEIR_MAX_PARAMETERS);
	asked.parameters = options->input;
	return options->input ? callable_check_parameters(&asked, problem) : 0;
}

static struct str schema_text(struct arena *arena, const weir_parameter *input)
{
	json_auto_t *schema = NULL;
	struct str copy;
	char *text;

	if (!input)
		return STR_NULL;
	schema = parameters_schema("Input", input, count_parameters(input));
	text = json_dumps(schema, JSON_COMPACT);
	copy = arena_str(arena, str_of(text));
	free(text);
	return copy;
}

/* When its time is up, on the clock on the wall; and on the other clock, for waiting. */
static int64_t timeout_of(double seconds, int64_t *due_us)
{
	*due_us = clock_due_us(seconds == 0 ? DEFAULT_TIMEOUT_SECONDS : seconds);
	return *due_us == INT64_MAX ? TIMESTAMP_NONE : clock_wall_us() + (*due_us - clock_monotonic_us());
}

static struct pause make_pause(weir_run *run, const weir_pause_options *options, bool suspend, struct arena *arena,
                               int64_t *due_us)
{
	struct pause pause = { .run_id = run->run->id, .suspend = suspend };
	const unsigned number = __atomic_add_fetch(&run->pauses, 1, __ATOMIC_RELAXED);

	pause.key = options->key ? utf8_mend(arena, arena_str(arena, str_of(options->key)))
	                         : arena_printf(arena, "%u", number);
	pause.schema = schema_text(arena, options->input);
	pause.description = utf8_mend(arena, arena_str(arena, str_of(options->description)));
	pause.timeout = timeout_of(options->timeout_seconds, due_us);
	return pause;
}

/* --- Asking the store --- */

typedef int ask_fn(struct tx *tx, const struct pause *pause, struct pause_answer *out);

struct question {
	const struct pause *pause;
	ask_fn *ask;
	struct pause_answer answer;
	struct arena arena; /* of the answer's texts */
};

static int run_question(struct tx *tx, void *request)
{
	struct question *question = request;
	int result = question->ask(tx, question->pause, &question->answer);

	arena_clear(&question->arena);
	question->answer.input = arena_str(&question->arena, question->answer.input);
	question->answer.reason = arena_str(&question->arena, question->answer.reason);
	return result;
}

static int expire(struct tx *tx, const struct pause *pause, struct pause_answer *out)
{
	return flow_run_pause_expire(tx, pause, str_of(expired_text), out);
}

/* Ask, and tell what came of it: PAUSE_REFUSED, with the run's outcome set, also when the store could not be asked. *input gets
   a new reference for PAUSE_RESUMED. */
static enum pause_status ask(weir_run *run, const struct pause *pause, ask_fn *what, json_t **input)
{
	struct question question = { .pause = pause, .ask = what };
	struct problem problem;
	enum pause_status status = PAUSE_REFUSED;

	if (ask_store(run, run_question, &question, &problem) < 0) {
		weir_fail_final(run, "the run can't be paused: %s", problem.message);
	} else {
		status = question.answer.status;
		if (status == PAUSE_WAITS && question.answer.state == STATE_CANCELLED)
			engine_cancel_flow_run(run->run->engine, run->run->id); /* the message did not come */
		if (status == PAUSE_RESUMED)
			*input = json_loadb(question.answer.input.data, question.answer.input.length, JSON_ALLOW_NUL,
			                    NULL);
		if (status == PAUSE_REFUSED)
			weir_fail_final(run, "the run can't be paused: %.*s", STR_ARG(question.answer.reason));
		if (status == PAUSE_RESUMED && !*input) {
			weir_fail_final(run, "the input of the run can't be read");
			status = PAUSE_REFUSED;
		}
	}
	arena_done(&question.arena);
	return status;
}

/* --- Waiting --- */

static void tell(weir_run *run, const struct pause *pause)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	AUTO(strbuf_done) struct strbuf how = { 0 };

	if (pause_how(&scratch, str_of(run->run->name), pause->schema, &how, NULL) == 0)
		run_log(run->run, 20, "Paused%s%.*s; to go on: %s", pause->description.length ? ": " : "",
		        STR_ARG(pause->description), how.data);
}

/* Until a message comes, the time is up, it is time to look, or the run is cancelled: then its error. */
static int wait_for_message(weir_run *run, struct pause_wait *wait, int64_t due_us)
{
	int64_t look_us = clock_monotonic_us() + LOOK_AGAIN_US;
	int refusal = attempt_refusal(run);

	if (refusal)
		return refusal;
	(void)!scope_wait_event(wait->scope, &wait->woken, MIN(due_us, look_us));
	pthread_mutex_lock(&wait->scope->mutex);
	wait->woken.done = false;
	pthread_mutex_unlock(&wait->scope->mutex);
	return attempt_refusal(run);
}

static json_t *wait_here(weir_run *run, const struct pause *pause, struct pause_wait *wait, int64_t due_us)
{
	json_t *input = NULL;
	enum pause_status status = ask(run, pause, flow_run_pause, &input);

	if (status == PAUSE_WAITS)
		tell(run, pause);
	while (status == PAUSE_WAITS && wait_for_message(run, wait, due_us) == 0)
		status = ask(run, pause, clock_monotonic_us() >= due_us ? expire : flow_run_pause_look, &input);
	if (status == PAUSE_EXPIRED) {
		run->run->ended_in_store = true;
		weir_fail_final(run, "%s", expired_text);
	} else if (status == PAUSE_RESUMED) {
		run_log(run->run, 20, "Resumed");
	}
	return input;
}

static json_t *pause_here(weir_run *run, const struct pause *pause, int64_t due_us)
{
	struct pause_wait wait = { .scope = &run->scope };
	json_t *input;

	if (!begin_wait(run, &wait))
		return weir_fail_final(run, "the run can't be paused twice at a time");
	input = wait_here(run, pause, &wait, due_us);
	end_wait(run);
	return input;
}

/* --- Suspending: what is recorded when the function has returned (record_flow.c) --- */

static json_t *suspend(weir_run *run, const struct pause *pause)
{
	json_t *input = NULL;
	struct pause *copy;

	if (ask(run, pause, flow_run_pause_look, &input) != PAUSE_WAITS)
		return input;
	pthread_mutex_lock(&run->mutex);
	copy = arena_alloc(&run->arena, sizeof *copy);
	*copy = *pause;
	copy->key = arena_str(&run->arena, pause->key);
	copy->schema = arena_str(&run->arena, pause->schema);
	copy->description = arena_str(&run->arena, pause->description);
	pthread_mutex_unlock(&run->mutex);
	return outcome_suspended(run, copy);
}

int pause_sentence(weir_future *run, struct str schema, struct strbuf *out, struct problem *problem)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	AUTO(strbuf_done) struct strbuf how = { 0 };
	int result = pause_how(&scratch, str_of(run->name), schema, &how, problem);

	if (result < 0)
		return result;
	if (schema.data)
		strbuf_printf(out, "give it its input by: %s; then ", how.data);
	strbuf_printf(out, "go on with it by: %s resume ", program_invocation_short_name);
	pause_put_name(out, str_of(run->name));
	return 0;
}

/* --- The calls --- */

/* Is this the place to pause? Else the outcome says why not. */
static bool may_pause(weir_run *run, bool suspend)
{
	const char *verb = suspend ? "suspended" : "paused";

	if (attempt_refusal(run) || run->in_hook)
		return false;
	if (!run->run->what.is_flow)
		weir_fail_final(run, "only a flow can be %s: task '%s' can't", verb, run->run->what.name);
	else if (suspend && run->run->parent)
		weir_fail_final(run, "only a top-level flow can be suspended: '%s' was called by another one",
		                run->run->what.name);
	else
		return true;
	return false;
}

static json_t *wait_for_person(weir_run *run, const weir_pause_options *options, bool suspends)
{
	static const weir_pause_options plain = { 0 };
	AUTO(arena_done) struct arena arena = { 0 };
	struct problem problem;
	struct pause pause;
	int64_t due_us;

	options = options ? options : &plain;
	if (!may_pause(run, suspends))
		return NULL;
	if (check_options(run, options, &problem) < 0)
		return weir_fail_final(run, "the run can't be %s: %s", suspends ? "suspended" : "paused",
		                       problem.message);
	pause = make_pause(run, options, suspends, &arena, &due_us);
	return suspends ? suspend(run, &pause) : pause_here(run, &pause, due_us);
}

WEIR_API json_t *weir_pause(weir_run *run, const weir_pause_options *options)
{
	return wait_for_person(run, options, false);
}

WEIR_API json_t *weir_suspend(weir_run *run, const weir_pause_options *options)
{
	return wait_for_person(run, options, true);
}
