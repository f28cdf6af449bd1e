/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conditional_task - a task that finds nothing to do skips itself.
 *
 *	build/examples/conditional_task
 *	build/examples/conditional_task run conditional-flow --param ready=true
 *
 * A skipped run is Completed under the name Skipped. Its result is null, so whoever waits for it goes on.
 */
#include <weir.h>

static json_t *import_data(weir_run *run)
{
	if (!weir_boolean(run, "ready")) {
		weir_info(run, "条件不满足，跳过任务");
		return weir_skip(run, "跳过执行");
	}

	weir_info(run, "开始执行任务");
	return json_string("imported");
}

static const weir_task conditional_task = {
	.name = "conditional-task",
	.description = "import the data if it is there",
	.parameters = { { .name = "ready", .type = WEIR_BOOLEAN, .required = true } },
	.run = import_data,
};

static json_t *import_if_ready(weir_run *run)
{
	json_t *imported = weir_call(run, &conditional_task, "b", weir_boolean(run, "ready"));

	if (json_is_null(imported))
		weir_info(run, "nothing was imported today");
	return imported;
}

static const weir_flow conditional_flow = {
	.name = "conditional-flow",
	.description = "import the data on the days it comes",
	.parameters = { { .name = "ready", .type = WEIR_BOOLEAN, .fallback = "false", .description = "has it come?" } },
	.run = import_if_ready,
};

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &conditional_flow, NULL };

	return weir_main(argc, argv, flows);
}
