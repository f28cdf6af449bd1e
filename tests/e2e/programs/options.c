/* SPDX-License-Identifier: Apache-2.0 */
/* options - flows and tasks with every option: names by templates, failures that are allowed, limits, hooks, conditions. */
#include <weir.h>

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

/* --- Names ------------------------------------------------------------------------------------------------------ */

static json_t *give_back(weir_run *run)
{
	return json_incref(weir_value(run, "value"));
}

#define VALUE_PARAMETER                                                                                                \
	{                                                                                                              \
		.name = "value", .type = WEIR_ANY_VALUE                                                                \
	}

static const weir_task named = {
	.name = "named",
	.run_name = "{task_name} of {value} in {flow_name}/{flow_run_name} #{count} {{}}",
	.parameters = { VALUE_PARAMETER },
	.run = give_back,
};

static const weir_task plain = { .name = "plain", .parameters = { VALUE_PARAMETER }, .run = give_back };

static json_t *tell_name(weir_run *run)
{
	return json_string(weir_run_name(run));
}

static const weir_flow named_below = {
	.name = "named-below",
	.run_name = "below {value} #{count}",
	.parameters = { VALUE_PARAMETER },
	.run = tell_name,
};

static json_t *name_runs(weir_run *run)
{
	static const weir_submit_options mine = { .name = "mine" };
	weir_future *first, *second;

	json_decref(weir_call(run, &named, "[o]", json_incref(weir_value(run, "value"))));
	first = weir_submit(run, &plain, "s", "late");
	json_decref(weir_result(weir_submit(run, &named, "[o]", weir_output_of(first))));
	json_decref(weir_result(weir_submit_with(run, &named, &mine, "s", "not used")));
	second = weir_submit_flow(run, &named_below, "[o]", weir_output_of(first));
	return weir_result(second);
}

static const weir_flow names = {
	.name = "names",
	.run_name = "names of {value}",
	.parameters = { { .name = "value", .type = WEIR_ANY_VALUE, .fallback = "\"x\"" } },
	.run = name_runs,
};

static const weir_task badly_named = { .name = "badly-named", .run_name = "a {thing}", .run = give_back };

static json_t *call_badly_named(weir_run *run)
{
	return weir_call(run, &badly_named, NULL);
}

static const weir_flow bad_task_name = { .name = "bad-task-name", .run = call_badly_named };
static const weir_flow bad_flow_name = { .name = "bad-flow-name", .run_name = "{flow_name", .run = tell_name };

/* --- Failures that are allowed ---------------------------------------------------------------------------------- */

static json_t *maybe(weir_run *run)
{
	const char *how = weir_string(run, "how");

	if (how[0] == 'f')
		return weir_fail(run, "it went wrong");
	if (how[0] == 's')
		return weir_skip(run, "nothing to do");
	return json_string(how);
}

static const weir_task maybe_task = {
	.name = "maybe",
	.parameters = { { .name = "how", .type = WEIR_STRING, .required = true } },
	.run = maybe,
};

/* A failure, its dependent that is not ready, and what comes of those; then each element of a map by itself. */
static json_t *allow(weir_run *run)
{
	weir_future *failed = weir_submit(run, &maybe_task, "s", "fails");
	weir_future *not_ready = weir_submit(run, &plain, "[o]", weir_output_of(failed));
	weir_futures *some = weir_map(run, &maybe_task, "[s,s,s]", "well", "fails", "skips");
	weir_future *of_one, *of_other, *of_map, *after;
	weir_future *const both[] = { failed, not_ready, NULL };
	const weir_submit_options options = { .wait_for = both, .allow_failure = true };

	of_one = weir_submit(run, &plain, "[{s:o}]", "inner", weir_allow_failure(weir_output_of(failed)));
	of_other = weir_submit(run, &plain, "[o]", weir_allow_failure(weir_output_of(not_ready)));
	of_map = weir_submit(run, &plain, "[o]", weir_allow_failure(weir_outputs_of(some)));
	after = weir_submit_with(run, &plain, &options, "s", "after");
	return json_pack("[o,o,o,o,o]", weir_result(of_one), weir_result(of_other), weir_result(of_map),
	                 weir_result(after), weir_allow_failure(json_string("no placeholder")));
}

static const weir_flow allows = { .name = "allows", .run = allow };

/* One argument lets it pass, the other does not. */
static json_t *allow_half(weir_run *run)
{
	weir_future *failed = weir_submit(run, &maybe_task, "s", "fails");

	return weir_result(weir_submit(run, &plain, "[[o,o]]", weir_allow_failure(weir_output_of(failed)),
	                               weir_output_of(failed)));
}

static const weir_flow allows_half = { .name = "allows-half", .run = allow_half };

static const weir_task strict = {
	.name = "strict",
	.parameters = { { .name = "value", .type = WEIR_STRING, .required = true } },
	.run = give_back,
};

static json_t *allow_typed(weir_run *run)
{
	weir_future *failed = weir_submit(run, &maybe_task, "s", "fails");

	return weir_result(weir_submit(run, &strict, "[o]", weir_allow_failure(weir_output_of(failed))));
}

static const weir_flow allows_typed = { .name = "allows-typed", .run = allow_typed };

/* --- How many at a time ------------------------------------------------------------------------------------------ */

static atomic_int running, most, begun;

static json_t *count_running(weir_run *run)
{
	int now = atomic_fetch_add(&running, 1) + 1, before = atomic_load(&most);
	int order = atomic_fetch_add(&begun, 1);

	while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
		;
	weir_sleep(run, 0.02);
	atomic_fetch_sub(&running, 1);
	if (weir_integer(run, "failures") >= weir_attempt(run))
		return weir_fail(run, "not yet");
	return json_integer(order);
}

#define COUNTING_PARAMETERS                                                                                            \
	{                                                                                                              \
		{ .name = "value", .type = WEIR_ANY_VALUE },                                                           \
		        { .name = "failures", .type = WEIR_INTEGER, .fallback = "0" },                                 \
	}

static const weir_task counting = {
	.name = "counting",
	.parameters = COUNTING_PARAMETERS,
	.run = count_running,
	.retries = 2,
	.retry_delay_seconds = { 0.05, 0 },
};

static json_t *report(json_t *values)
{
	return values ? json_pack("{s:o, s:i}", "values", values, "most", atomic_load(&most)) : NULL;
}

static json_t *map_some(weir_run *run, const weir_task *task, int count, int failures)
{
	json_t *elements = json_array();

	for (int i = 0; i < count; i++)
		json_array_append_new(elements, json_pack("[i,i]", i, failures));
	return weir_results(weir_map_json(run, task, NULL, elements));
}

static json_t *two_at_a_time(weir_run *run)
{
	return report(map_some(run, &counting, 12, (int)weir_integer(run, "failures")));
}

static const weir_flow two = {
	.name = "two",
	.parameters = { { .name = "failures", .type = WEIR_INTEGER, .fallback = "0" } },
	.run = two_at_a_time,
	.max_parallel = 2,
};

static const weir_task counting_async = {
	.name = "counting-async",
	.parameters = COUNTING_PARAMETERS,
	.run = count_running,
	.mode = WEIR_ASYNC,
	.retries = 2,
	.retry_delay_seconds = { 0.05, 0 },
};

static json_t *two_coroutines_at_a_time(weir_run *run)
{
	return report(map_some(run, &counting_async, 40, (int)weir_integer(run, "failures")));
}

static const weir_flow two_async = {
	.name = "two-async",
	.parameters = { { .name = "failures", .type = WEIR_INTEGER, .fallback = "0" } },
	.run = two_coroutines_at_a_time,
	.mode = WEIR_ASYNC,
	.max_parallel = 2,
};

static const weir_task counting_process = {
	.name = "counting-process",
	.parameters = COUNTING_PARAMETERS,
	.run = count_running,
	.mode = WEIR_PROCESS,
};

static json_t *two_processes_at_a_time(weir_run *run)
{
	return report(map_some(run, &counting_process, 6, 0));
}

static const weir_flow two_processes = {
	.name = "two-processes",
	.run = two_processes_at_a_time,
	.max_parallel = 2,
};

/* Each waits for the one before, backwards and forwards, with one place: calls within children take none. */
static json_t *call_within(weir_run *run)
{
	return weir_call(run, &counting, "[o,i]", json_incref(weir_value(run, "value")), 0);
}

static const weir_task calling = { .name = "calling", .parameters = { VALUE_PARAMETER }, .run = call_within };

static json_t *one_at_a_time(weir_run *run)
{
	weir_future *last = weir_submit(run, &counting, "i", 0);
	json_auto_t *direct = NULL;

	for (int i = 0; i < 6; i++) {
		last = weir_submit(run, i % 2 ? &calling : &counting, "[o]", weir_output_of(last));
		weir_submit(run, &counting, "i", i);
	}
	direct = weir_call(run, &counting, "i", 7);
	return direct ? report(weir_result(last)) : NULL;
}

static const weir_flow one = { .name = "one", .run = one_at_a_time, .max_parallel = 1 };

static json_t *two_below(weir_run *run)
{
	(void)run;
	weir_sleep(run, 0.02);
	return json_true();
}

static const weir_flow small = { .name = "small", .run = two_below };

static json_t *subflows(weir_run *run)
{
	weir_future *futures[5];

	for (size_t i = 0; i < 5; i++)
		futures[i] = weir_submit_flow(run, &small, NULL);
	for (size_t i = 0; i < 5; i++) {
		json_auto_t *result = weir_result(futures[i]);

		if (!result)
			return NULL;
	}
	return json_true();
}

static const weir_flow subflows_one = { .name = "subflows-one", .run = subflows, .max_parallel = 1 };

/* A child that sleeps holds the only place, and others stand in line until somebody cancels the flow. */
static json_t *sleep_long(weir_run *run)
{
	printf("sleeping\n");
	fflush(stdout);
	return weir_sleep(run, 60) < 0 ? NULL : json_true();
}

static const weir_task sleeping = { .name = "sleeping", .run = sleep_long };

static json_t *stand_in_line(weir_run *run)
{
	printf("started %s\n", weir_run_id(run));
	fflush(stdout);
	for (int i = 0; i < 4; i++)
		weir_submit(run, &sleeping, NULL);
	weir_sleep(run, 60);
	return json_true();
}

static const weir_flow line = { .name = "line", .run = stand_in_line, .max_parallel = 1 };

/* --- Hooks ------------------------------------------------------------------------------------------------------- */

static void tell_state(weir_run *run, const weir_state *state)
{
	weir_info(run, "hook %s: %s, attempt %d", weir_run_name(run), state->name, weir_attempt(run));
	if (weir_call(run, &plain, NULL) || weir_fail(run, "a hook does not matter"))
		weir_info(run, "a hook could start a child");
}

#define ALL_HOOKS                                                                                                      \
	{                                                                                                              \
		.on_running = tell_state, .on_completion = tell_state, .on_failure = tell_state,                       \
		.on_crashed = tell_state, .on_cancellation = tell_state                                                \
	}

static bool only_first(weir_run *run, const weir_state *failed)
{
	weir_info(run, "asked after attempt %d: %s (%s)", weir_attempt(run), failed->name, failed->message);
	return weir_attempt(run) < 2;
}

static json_t *act(weir_run *run)
{
	const char *how = weir_string(run, "how");

	if (how[0] == 'c') { /* to be cancelled */
		printf("acting\n");
		fflush(stdout);
	}
	if ((how[0] == 'c' || how[0] == 'l') && weir_sleep(run, 60) < 0)
		return NULL;
	return maybe(run);
}

static const weir_task hooked = {
	.name = "hooked",
	.parameters = { { .name = "how", .type = WEIR_STRING, .required = true } },
	.run = act,
	.retries = 1,
	.hooks = ALL_HOOKS,
};

static json_t *hook_all(weir_run *run)
{
	const char *how = weir_string(run, "how");

	printf("started %s\n", weir_run_id(run));
	fflush(stdout);
	return weir_call(run, &hooked, "s", how);
}

static const weir_flow hooks = {
	.name = "hooks",
	.run_name = "the-flow",
	.parameters = { { .name = "how", .type = WEIR_STRING, .fallback = "\"well\"" } },
	.run = hook_all,
	.hooks = ALL_HOOKS,
};

/* --- Retries ----------------------------------------------------------------------------------------------------- */

static const weir_task conditional = {
	.name = "conditional",
	.parameters = { { .name = "how", .type = WEIR_STRING, .required = true } },
	.run = act,
	.retries = 5,
	.retry_condition = only_first,
};

static json_t *ask_condition(weir_run *run)
{
	return weir_call(run, &conditional, "s", "fails");
}

static const weir_flow condition = { .name = "condition", .run = ask_condition };

static const weir_task backing_off = {
	.name = "backing-off",
	.parameters = { { .name = "how", .type = WEIR_STRING, .required = true } },
	.run = act,
	.retries = 3,
	.retry_delay_seconds = WEIR_EXPONENTIAL_BACKOFF(0.01),
	.retry_jitter_factor = 0.5,
};

static json_t *back_off(weir_run *run)
{
	return weir_call(run, &backing_off, "s", "fails");
}

static const weir_flow backoff = { .name = "backoff", .run = back_off };

/* The limit is that of an attempt: a retry that is due long after it is not cut short. */
static const weir_task limited = {
	.name = "limited",
	.parameters = { { .name = "how", .type = WEIR_STRING, .required = true } },
	.run = act,
	.retries = 1,
	.retry_delay_seconds = { 0.3 },
	.timeout_seconds = 0.05,
};

static json_t *limit(weir_run *run)
{
	return weir_call(run, &limited, "s", "limit");
}

static const weir_flow limits = { .name = "limits", .run = limit };

static const weir_flow described = {
	.name = "described",
	.parameters = { { .name = "path", .type = WEIR_STRING, .required = true, .description = "where it lies" },
	                { .name = "limit", .type = WEIR_INTEGER, .fallback = "3" },
	                { .name = "ratio", .type = WEIR_NUMBER },
	                { .name = "what", .fallback = "{\"a\": [1]}" },
	                { .name = "on", .type = WEIR_BOOLEAN, .fallback = "true" } },
	.run = tell_name,
};

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = {
		&names,  &named_below, &bad_task_name, &bad_flow_name, &allows, &allows_half, &allows_typed,
		&two,    &one,         &subflows_one,  &line,          &hooks,  &condition,   &backoff,
		&limits, &described,   &two_async,     &two_processes, NULL
	};

	return weir_main(argc, argv, flows);
}
