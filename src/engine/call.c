/* SPDX-License-Identifier: Apache-2.0 */
/* call.c - starting children: call, submit, map, subflow. All come down to start_child. */
#include "engine/output.h"
#include "engine/process_child.h"
#include "engine/record.h"
#include "engine/run.h"
#include "engine/transaction.h"
#include "engine/value_check.h"

#include <stdlib.h>

/* Flows within flows within flows: deeper than this is taken for an endless recursion, before the stack ends. */
enum { DEPTH_MAX = 1000 };

struct child_options {
	const char *name;
	const char *const *tags;
	weir_future *const *wait_for;
	bool allow_failure; /* of wait_for */
	struct scope_group *group;
};

static unsigned depth_of(const weir_run *attempt)
{
	unsigned depth = 0;

	for (; attempt; attempt = attempt->run->owner)
		depth++;
	return depth;
}

/* Everything about the call that can be wrong; binds the arguments (taken over) and finds the upstream runs. */
static int bind_child(weir_future *child, weir_run *parent, const struct child_options *options, json_t *arguments,
                      struct strbuf *inputs, struct problem *problem)
{
	int result = callable_bind(&child->what, arguments, output_is_placeholder, &child->arguments, problem);

	child->fingerprint = value_fingerprint(child->engine, child->arguments);
	if (result == 0)
		result = outputs_collect(child, parent, options->wait_for, options->allow_failure, inputs, problem);
	if (result == 0 && depth_of(parent) > DEPTH_MAX)
		result = problem_set(problem, WEIR_ELIMIT, "%s '%s' is nested more than %d deep",
		                     callable_noun(&child->what), child->what.name, DEPTH_MAX);
	return result;
}

static void begin_record(weir_future *child, const struct child_options *options, struct str inputs)
{
	if (!child->arguments)
		child->arguments = json_object();
	if (child->what.is_flow)
		record_flow_begin(child, options->name, inputs);
	else
		record_task_begin(child, options->name, inputs, options->tags);
}

/* Let it wait for its upstream; true when there is nothing to wait for. */
static bool is_ready(weir_future *child)
{
	bool ready;

	pthread_mutex_lock(&child->mutex);
	ready = --child->blockers == 0;
	child->phase = ready ? PHASE_QUEUED : PHASE_BLOCKED;
	pthread_mutex_unlock(&child->mutex);
	return ready;
}

/* --- A child that can't be started because its parent is cancelled or its arguments make no sense --- */

static json_t *never_runs(weir_run *run)
{
	(void)run;
	return NULL;
}

/* A future that has ended already. It is no run: nothing is recorded. */
static weir_future *dead_future(weir_run *run, struct callable what, struct scope_group *group,
                                enum weir_state_type type, const char *message)
{
	weir_future *child;

	what.run = never_runs;
	what.is_flow = false;
	what.mode = WEIR_THREAD;
	child = future_ref(future_new(run->run->engine, what, run, &run->scope, group));
	child->name = xstrdup(what.name ? what.name : "?");
	future_complete(child, (weir_state){ type, state_type_title((enum state_type)type), message }, NULL);
	return child;
}

/* Whoever cancels the parent finds the child already, and looks whether it is in line. */
static void put_before_gate(weir_future *child, struct gate *gate)
{
	pthread_mutex_lock(&child->mutex);
	child->place.gate = gate;
	pthread_mutex_unlock(&child->mutex);
}

/*
 * Make a child and start it: in the pool or on its loop, or here and now when the caller waits for it anyway and can run
 * it itself. Never NULL; a wrong call is a child that failed. The caller gets a reference.
 */
static weir_future *start_child(weir_run *parent, struct callable what, const struct child_options *options,
                                json_t *arguments, bool here)
{
	AUTO(strbuf_done) struct strbuf inputs = { 0 };
	struct problem problem;
	weir_future *child;
	int result;

	if (callable_check(&what, &problem) < 0) { /* it can't even be named in a record */
		json_decref(arguments);
		return dead_future(parent, what, options->group, WEIR_FAILED, problem.message);
	}
	record_make_room(parent);
	child = future_ref(future_new(parent->run->engine, what, parent, &parent->scope, options->group));
	if (!here)
		put_before_gate(child, parent->gate);
	transaction_join(child, parent);
	result = bind_child(child, parent, options, arguments, &inputs, &problem);
	begin_record(child, options, inputs.length && result == 0 ? strbuf_str(&inputs) : STR("{}"));
	if (result < 0) {
		run_end(child, &(struct new_state){ .type = STATE_FAILED, .message = problem.message }, NULL);
	} else if (is_ready(child)) {
		if (here)
			run_execute_or_enqueue(child);
		else
			gate_admit(child);
	}
	return child;
}

/* A call on an attempt that is cancelled or given up starts nothing. */
static bool refused(weir_run *run, json_t *arguments)
{
	if (!attempt_refusal(run) && !run->in_hook && !process_child_refuses(run, "start other runs"))
		return false;
	json_decref(arguments);
	return true;
}

/* Build the arguments; a bad format becomes the outcome of the run. False then. */
static bool build_arguments(weir_run *run, const char *name, const char *format, va_list list, json_t **out)
{
	json_error_t error;

	*out = NULL;
	if (!format)
		return true;
	*out = json_vpack_ex(&error, 0, format, list);
	if (*out)
		return true;
	weir_fail_final(run, "the arguments of '%s' can't be built from \"%s\": %s", name, format, error.text);
	return false;
}

static weir_future *keep_handle(weir_run *run, weir_future *future)
{
	pthread_mutex_lock(&run->mutex);
	vec_push(&run->handles, future);
	future->handle = run->handles.count;
	pthread_mutex_unlock(&run->mutex);
	return future;
}

static const char *refusal_text(const weir_run *run)
{
	if (run->in_hook)
		return "not started: hooks start no children";
	if (process_child_is(run))
		return "not started: a task in process mode can't start other runs";
	return attempt_refusal(run) == WEIR_EABANDONED ? "not started: this attempt was given up"
	                                               : "not started: the run that calls it is being cancelled";
}

/* --- Call: wait for the result --- */

static json_t *call_child(weir_run *run, struct callable what, json_t *arguments)
{
	struct child_options options = { 0 };
	weir_future *child;
	json_t *result;

	if (refused(run, arguments))
		return NULL;
	child = start_child(run, what, &options, arguments, true);
	result = weir_result(child);
	future_unref(child);
	return result;
}

WEIR_API json_t *weir_call_json(weir_run *run, const weir_task *task, json_t *arguments)
{
	return call_child(run, callable_of_task(task), arguments);
}

WEIR_API json_t *weir_subflow_json(weir_run *run, const weir_flow *flow, json_t *arguments)
{
	return call_child(run, callable_of_flow(flow), arguments);
}

#define DEFINE_CALL(function, definition)                                                                              \
	WEIR_API json_t *function(weir_run *run, const definition *callee, const char *format, ...)                    \
	{                                                                                                              \
		json_t *arguments;                                                                                     \
		va_list list;                                                                                          \
		bool built;                                                                                            \
                                                                                                                       \
		va_start(list, format);                                                                                \
		built = build_arguments(run, callee->name, format, list, &arguments);                                  \
		va_end(list);                                                                                          \
		return built ? function##_json(run, callee, arguments) : NULL;                                         \
	}

DEFINE_CALL(weir_call, weir_task)
DEFINE_CALL(weir_subflow, weir_flow)

/* --- Submit: go on --- */

static void use_options(struct child_options *options, const weir_submit_options *submit)
{
	options->name = submit->name;
	options->tags = submit->tags;
	options->wait_for = submit->wait_for;
	options->allow_failure = submit->allow_failure;
}

static weir_future *submit_child(weir_run *run, struct callable what, const weir_submit_options *submit,
                                 json_t *arguments)
{
	struct child_options options = { 0 };

	if (refused(run, arguments))
		return keep_handle(run, dead_future(run, what, NULL, WEIR_CANCELLED, refusal_text(run)));
	if (submit)
		use_options(&options, submit);
	return keep_handle(run, start_child(run, what, &options, arguments, false));
}

WEIR_API weir_future *weir_submit_json(weir_run *run, const weir_task *task, const weir_submit_options *options,
                                       json_t *arguments)
{
	return submit_child(run, callable_of_task(task), options, arguments);
}

WEIR_API weir_future *weir_submit_flow_json(weir_run *run, const weir_flow *flow, json_t *arguments)
{
	return submit_child(run, callable_of_flow(flow), NULL, arguments);
}

/* The format could not be read: that is the run's outcome already, and the future says so too. */
static weir_future *unbuilt(weir_run *run, struct callable what)
{
	return keep_handle(run, dead_future(run, what, NULL, WEIR_FAILED, outcome_message(run)));
}

WEIR_API weir_future *weir_submit(weir_run *run, const weir_task *task, const char *format, ...)
{
	json_t *arguments;
	va_list list;
	bool built;

	va_start(list, format);
	built = build_arguments(run, task->name, format, list, &arguments);
	va_end(list);
	return built ? weir_submit_json(run, task, NULL, arguments) : unbuilt(run, callable_of_task(task));
}

WEIR_API weir_future *weir_submit_with(weir_run *run, const weir_task *task, const weir_submit_options *options,
                                       const char *format, ...)
{
	json_t *arguments;
	va_list list;
	bool built;

	va_start(list, format);
	built = build_arguments(run, task->name, format, list, &arguments);
	va_end(list);
	return built ? weir_submit_json(run, task, options, arguments) : unbuilt(run, callable_of_task(task));
}

WEIR_API weir_future *weir_submit_flow(weir_run *run, const weir_flow *flow, const char *format, ...)
{
	json_t *arguments;
	va_list list;
	bool built;

	va_start(list, format);
	built = build_arguments(run, flow->name, format, list, &arguments);
	va_end(list);
	return built ? weir_submit_flow_json(run, flow, arguments) : unbuilt(run, callable_of_flow(flow));
}

/* --- Map: one child for each element --- */

/* The arguments of one child: the element bound like a call's, and the constant ones beside it. */
static json_t *arguments_of_element(const struct callable *what, json_t *element, json_t *constant)
{
	json_t *arguments, *by_name = NULL;
	size_t i;

	if (!constant)
		return json_incref(element);
	arguments = json_object();
	json_object_update(arguments, constant);
	if (json_is_object(element) && !output_is_placeholder(element)) {
		json_object_update(arguments, element);
		return arguments;
	}
	if (!json_is_array(element)) {
		json_object_set(arguments, what->parameters[0].name ? what->parameters[0].name : "?", element);
		return arguments;
	}
	json_array_foreach (element, i, by_name) {
		const char *name = i < WEIR_MAX_PARAMETERS ? what->parameters[i].name : NULL;

		json_object_set(arguments, name ? name : "?", by_name);
	}
	return arguments;
}

static weir_futures *futures_new(weir_run *run)
{
	weir_futures *futures = xcalloc(1, sizeof *futures);

	futures->owner = run;
	pthread_mutex_lock(&run->mutex);
	futures->next = run->maps;
	run->maps = futures;
	pthread_mutex_unlock(&run->mutex);
	return futures;
}

static weir_futures *map_failed(weir_run *run, struct callable what, enum weir_state_type type, const char *message)
{
	weir_futures *futures = futures_new(run);

	vec_push(&futures->runs, dead_future(run, what, &futures->group, type, message));
	return futures;
}

WEIR_API weir_futures *weir_map_json(weir_run *run, const weir_task *task, const weir_map_options *options,
                                     json_t *elements)
{
	struct callable what = callable_of_task(task);
	struct child_options child = { 0 };
	weir_futures *futures;
	size_t i;
	json_t *element;

	if (refused(run, elements))
		return map_failed(run, what, WEIR_CANCELLED, refusal_text(run));
	if (!json_is_array(elements)) {
		json_decref(elements);
		weir_fail_final(run, "the elements of a map of '%s' must be an array", task->name);
		return map_failed(run, what, WEIR_FAILED, outcome_message(run));
	}
	futures = futures_new(run);
	child.group = &futures->group;
	if (options)
		use_options(&child, &options->submit);
	json_array_foreach (elements, i, element) {
		json_t *arguments = arguments_of_element(&what, element, options ? options->constant : NULL);

		vec_push(&futures->runs, start_child(run, what, &child, arguments, false));
	}
	json_decref(elements);
	return futures;
}

WEIR_API weir_futures *weir_map(weir_run *run, const weir_task *task, const char *format, ...)
{
	json_t *elements;
	va_list list;
	bool built;

	va_start(list, format);
	built = build_arguments(run, task->name, format, list, &elements);
	va_end(list);
	if (!built)
		return map_failed(run, callable_of_task(task), WEIR_FAILED, outcome_message(run));
	return weir_map_json(run, task, NULL, elements ? elements : json_array());
}
