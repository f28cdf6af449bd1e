/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dependent_flow - tasks in series and tasks in parallel.
 *
 *	build/examples/dependent_flow
 *
 * task-b needs what task-a returns; when it is done, three of task-c run at once and their results are collected.
 */
#include <weir.h>

static json_t *extract(weir_run *run)
{
	weir_info(run, "counting the records");
	return json_integer(40);
}

static const weir_task task_a = { .name = "task-a", .description = "count what is there", .run = extract };

static json_t *transform(weir_run *run)
{
	return json_integer(weir_integer(run, "count") + 2);
}

static const weir_task task_b = {
	.name = "task-b",
	.description = "add what came in late",
	.parameters = { { .name = "count", .type = WEIR_INTEGER, .required = true } },
	.run = transform,
};

static json_t *load(weir_run *run)
{
	int64_t i = weir_integer(run, "i");

	if (weir_sleep(run, 0.5) < 0)
		return NULL;
	return json_sprintf("part %d loaded", (int)i);
}

static const weir_task task_c = {
	.name = "task-c",
	.description = "load one part",
	.parameters = { { .name = "i", .type = WEIR_INTEGER, .required = true } },
	.run = load,
};

static json_t *run_all(weir_run *run)
{
	/* In series. The output of a is a promise: b starts when it is kept, and records where its argument came from. */
	weir_future *a = weir_submit(run, &task_a, NULL);
	json_auto_t *total = weir_call(run, &task_b, "o", weir_output_of(a));

	/* NULL: a or b has failed, so this flow fails too, and c is not started. */
	if (!total)
		return NULL;

	/* In parallel. */
	weir_futures *parts = weir_map(run, &task_c, "[i,i,i]", 0, 1, 2);

	return json_pack("{s:O,s:o}", "total", total, "parts", weir_results(parts));
}

static const weir_flow dependent_flow = { .name = "dependent-flow",
	                                  .description = "a, then b, then c x 3",
	                                  .run = run_all };

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &dependent_flow, NULL };

	return weir_main(argc, argv, flows);
}
