/* SPDX-License-Identifier: Apache-2.0 */
/* start.c - starting a flow from outside of any run. */
#include "engine/start.h"

#include "base/clock.h"
#include "engine/record.h"
#include "engine/run.h"
#include "loop/coroutine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* What the flow run came to, as a return value. */
static int outcome_code(const weir_future *run, struct problem *problem)
{
	const char *message = run->view.message ? run->view.message : "";

	switch (run->view.type) {
	case WEIR_COMPLETED:
		return 0;
	case WEIR_PAUSED:
		return problem_set(problem, WEIR_EAGAIN, "flow run '%s' is suspended: %s", run->name, message);
	case WEIR_CANCELLED:
	case WEIR_CANCELLING:
		return problem_set(problem, WEIR_ECANCELED, "flow run '%s' was cancelled", run->name);
	default:
		return problem_set(problem, WEIR_EFAILED, "flow run '%s' ended as %s%s%s", run->name, run->view.name,
		                   message[0] ? ": " : "", message);
	}
}

/* Were all states recorded? The flow itself may have completed. */
static int recorded_code(struct engine *engine, unsigned lost_before, struct problem *problem)
{
	int code = 0;

	pthread_mutex_lock(&engine->mutex);
	if (engine->lost_records > lost_before)
		code = problem_set(problem, engine->lost_problem.code, "%u state(s) could not be recorded: %s",
		                   engine->lost_records - lost_before, engine->lost_problem.message);
	pthread_mutex_unlock(&engine->mutex);
	return code;
}

static unsigned lost_records(struct engine *engine)
{
	unsigned lost;

	pthread_mutex_lock(&engine->mutex);
	lost = engine->lost_records;
	pthread_mutex_unlock(&engine->mutex);
	return lost;
}

/* Execute on this thread, unless a time limit asks for one that can be given up. */
static void execute_and_wait(weir_future *run, struct scope *scope)
{
	if (run->what.mode == WEIR_ASYNC || run->what.timeout_seconds > 0 || attempt_current())
		run_enqueue(run);
	else
		run_execute(run);
	scope_join(scope);
}

/* Coroutines that a thread starts get a loop on it. The loop of a thread that has one, or of a coroutine, serves too. */
static int make_loop(const weir_flow *flow, struct loop **loop, struct problem *problem)
{
	*loop = NULL;
	return flow->mode == WEIR_ASYNC && !loop_current() ? loop_new_here("weir-flow", loop, problem) : 0;
}

/* Go on under the name and id of a run that was suspended. */
static void adopt(weir_future *run, const struct resumption *resumption)
{
	pthread_mutex_lock(&run->engine->mutex);
	run->id = run->flow->flow_run_id = resumption->row.id;
	pthread_mutex_unlock(&run->engine->mutex);
	run->name = xmalloc(resumption->row.name.length + 1);
	memcpy(run->name, resumption->row.name.data, resumption->row.name.length);
	run->name[resumption->row.name.length] = '\0';
	flow_context_set_name(run->flow, run->name);
	run->attempts = (int)MAX(resumption->row.run_count - 1, INT64_C(0));
	run->resumed = true;
	for (size_t i = 0; i < resumption->calls.count; i++)
		flow_context_add_earlier(run->flow, resumption->calls.items[i].task_key,
		                         resumption->calls.items[i].calls);
	run_log(run, 20, "Resuming flow run '%s' for flow '%s'", run->name, run->what.name);
}

static void begin_new(weir_future *run)
{
	record_flow_begin(run, NULL, STR("{}"));
	run_log(run, 20, "Beginning flow run '%s' for flow '%s'", run->name, run->what.name);
}

static bool any_abandoned(struct engine *engine)
{
	bool any;

	pthread_mutex_lock(&engine->mutex);
	any = engine->abandoned > 0;
	pthread_mutex_unlock(&engine->mutex);
	return any;
}

/* Below a flow that was given up, runs may still be on their way to their end, which they can only come to on this loop. It
   turns on until they have, but waits only so long for those that hear nothing. */
static void let_others_end(struct engine *engine, struct loop *loop, struct scope *scope)
{
	enum { PATIENCE_US = 1000 * 1000, LOOK_EVERY_US = 2000 };
	int64_t until_us = clock_monotonic_us() + PATIENCE_US;

	if (!loop || !any_abandoned(engine))
		return;
	do
		(void)!scope_sleep(scope, clock_monotonic_us() + LOOK_EVERY_US);
	while (coroutine_is_left(loop) && clock_monotonic_us() < until_us);
}

int flow_run_here(struct engine *engine, const weir_flow *flow, json_t *bound, const struct resumption *resumption,
                  json_t **result, struct problem *problem)
{
	unsigned lost_before = lost_records(engine);
	struct loop *loop;
	struct scope scope;
	weir_future *run;
	int code = make_loop(flow, &loop, problem);

	if (code < 0) {
		json_decref(bound);
		return code;
	}
	scope_init(&scope);
	run = future_ref(future_new(engine, callable_of_flow(flow), NULL, &scope, NULL));
	run->arguments = bound;
	if (resumption)
		adopt(run, resumption);
	else
		begin_new(run);
	if (resumption && resumption->adopted)
		resumption->adopted(resumption->data);
	execute_and_wait(run, &scope);
	let_others_end(engine, loop, &scope);
	loop_free(loop);
	if (result)
		*result = future_succeeded(run) ? json_incref(run->result) : NULL;
	code = recorded_code(engine, lost_before, problem);
	if (code == 0)
		code = outcome_code(run, problem);
	future_unref(run);
	scope_done(&scope);
	return code;
}

int flow_start(const weir_flow *flow, json_t *arguments, json_t **result, struct problem *problem)
{
	struct callable what = callable_of_flow(flow);
	struct engine *engine;
	json_t *bound;
	int code = callable_check(&what, problem);

	if (code < 0) {
		json_decref(arguments);
		return code;
	}
	code = callable_bind(&what, arguments, NULL, &bound, problem);
	if (code < 0)
		return code;
	code = engine_get(&engine, problem);
	if (code < 0) {
		json_decref(bound);
		return code;
	}
	return flow_run_here(engine, flow, bound, NULL, result, problem);
}

WEIR_API int weir_run_flow_json(const weir_flow *flow, json_t **result, weir_problem *problem, json_t *arguments)
{
	struct problem why = { 0 };
	int code;

	if (result)
		*result = NULL;
	code = flow_start(flow, arguments, result, &why);
	if (problem)
		*problem = (weir_problem){ 0 };
	return code < 0 ? problem_export(problem, &why) : 0;
}

WEIR_API int weir_run_flow(const weir_flow *flow, json_t **result, weir_problem *problem, const char *format, ...)
{
	json_t *arguments = NULL;
	json_error_t error;
	struct problem why;
	va_list list;

	if (format) {
		va_start(list, format);
		arguments = json_vpack_ex(&error, 0, format, list);
		va_end(list);
	}
	if (format && !arguments) {
		if (result)
			*result = NULL;
		problem_set(&why, WEIR_EINVAL, "the arguments of flow '%s' can't be built from \"%s\": %s", flow->name,
		            format, error.text);
		return problem_export(problem, &why);
	}
	return weir_run_flow_json(flow, result, problem, arguments);
}

WEIR_API const char *weir_strerror(int code)
{
	return error_text(code);
}

WEIR_API const char *weir_version(void)
{
	return WEIR_VERSION;
}

WEIR_API int weir_complain(const weir_problem *problem)
{
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, problem->message);
	return error_exit_status(problem->code);
}
