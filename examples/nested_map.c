/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nested_map - asynchronous tasks that call asynchronous flows, under map, in every form that people write it.
 *
 *	build/examples/nested_map run not-awaited
 *	build/examples/nested_map run gathered --param seconds=1
 *
 * Each flow sleeps three times at once on one event loop, prints 1, 2 and 3, and ends after those seconds. It can't end
 * before its children have, and the loop closes after the last run on it: there is nothing to forget.
 */
#include <weir.h>

/* Sleep, print, and give the item back. */
static json_t *sleep_and_print(weir_run *run)
{
	if (weir_sleep(run, weir_number(run, "seconds")) < 0)
		return NULL;
	weir_print(run, "%lld\n", (long long)weir_integer(run, "item"));
	return json_incref(weir_value(run, "item"));
}

/* An inner flow ... */
static const weir_flow process_flow = {
	.name = "process",
	.run_name = "process-{item}",
	.parameters = { { .name = "item", .type = WEIR_INTEGER, .required = true },
	                { .name = "seconds", .type = WEIR_NUMBER, .required = true } },
	.run = sleep_and_print,
	.mode = WEIR_ASYNC,
	.log_prints = WEIR_ON,
};

static json_t *call_process_flow(weir_run *run)
{
	return weir_subflow(run, &process_flow, "O", weir_params(run));
}

/* ... that a task calls; */
static const weir_task async_task = {
	.name = "async_task",
	.parameters = { { .name = "item", .type = WEIR_INTEGER, .required = true },
	                { .name = "seconds", .type = WEIR_NUMBER, .required = true } },
	.run = call_process_flow,
	.mode = WEIR_ASYNC,
};

/* the same as a task, */
static const weir_task process_task = {
	.name = "process_item",
	.parameters = { { .name = "item", .type = WEIR_INTEGER, .required = true },
	                { .name = "seconds", .type = WEIR_NUMBER, .required = true } },
	.run = sleep_and_print,
	.mode = WEIR_ASYNC,
};

static json_t *call_process_task(weir_run *run)
{
	return weir_call(run, &process_task, "O", weir_params(run));
}

/* and a task that calls that one. */
static const weir_task task_of_task = {
	.name = "async_task_of_task",
	.parameters = { { .name = "item", .type = WEIR_INTEGER, .required = true },
	                { .name = "seconds", .type = WEIR_NUMBER, .required = true } },
	.run = call_process_task,
	.mode = WEIR_ASYNC,
};

/* Map a task over [1, 2, 3]. */
static weir_futures *map_items(weir_run *run, const weir_task *task)
{
	json_auto_t *constant = json_pack("{s:f}", "seconds", weir_number(run, "seconds"));
	const weir_map_options options = { .constant = constant };

	return weir_map_json(run, task, &options, json_pack("[i,i,i]", 1, 2, 3));
}

/* Nobody waits for the children: the flow does, when its function has returned. */
static json_t *not_awaited(weir_run *run)
{
	map_items(run, &async_task);
	return json_null();
}

/* Wait for all, then take the results one by one. */
static json_t *gathered(weir_run *run)
{
	weir_futures *features = map_items(run, &async_task);
	json_auto_t *results = json_array();

	if (weir_wait(features, WEIR_ALL, WEIR_FOREVER) < 0)
		return NULL;
	for (size_t i = 0; i < weir_count(features); i++)
		json_array_append_new(results, weir_result(weir_at(features, i)));
	return json_incref(results);
}

/* The results of the whole map. */
static json_t *awaited_map(weir_run *run)
{
	return weir_results(map_items(run, &async_task));
}

/* The inner flow made a task. */
static json_t *inner_as_task(weir_run *run)
{
	return weir_results(map_items(run, &task_of_task));
}

/* One level less: the task that does the work is mapped itself. */
static json_t *restructured(weir_run *run)
{
	return weir_results(map_items(run, &process_task));
}

#define FORM(identifier, form, function)                                                                               \
	static const weir_flow identifier = {                                                                          \
		.name = form,                                                                                          \
		.parameters = { { .name = "seconds", .type = WEIR_NUMBER, .fallback = "5" } },                         \
		.run = function,                                                                                       \
		.mode = WEIR_ASYNC,                                                                                    \
		.log_prints = WEIR_ON,                                                                                 \
	}

FORM(not_awaited_flow, "not-awaited", not_awaited);
FORM(gathered_flow, "gathered", gathered);
FORM(awaited_map_flow, "awaited-map", awaited_map);
FORM(inner_as_task_flow, "inner-as-task", inner_as_task);
FORM(restructured_flow, "restructured", restructured);

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &not_awaited_flow,   &gathered_flow,     &awaited_map_flow,
		                                  &inner_as_task_flow, &restructured_flow, NULL };

	return weir_main(argc, argv, flows);
}
