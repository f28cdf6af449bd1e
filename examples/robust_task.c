/* SPDX-License-Identifier: Apache-2.0 */
/*
 * robust_task - three kinds of errors: retry, give up, leave it.
 *
 *	build/examples/robust_task                                           a temporary error: retried until it is gone
 *	build/examples/robust_task run robust-flow --param kind=permanent    given up at once; the exit status is 1
 *	build/examples/robust_task run robust-flow --param kind=skippable    left, and the flow goes on
 */
#include <weir.h>

#include <string.h>

enum answer { DONE, TEMPORARY_ERROR, PERMANENT_ERROR, SKIPPABLE_ERROR };

/* Stands for the service that the task works with: a temporary error is gone at the third attempt. */
static enum answer ask_service(const char *kind, int attempt)
{
	if (strcmp(kind, "permanent") == 0)
		return PERMANENT_ERROR;
	if (strcmp(kind, "skippable") == 0)
		return SKIPPABLE_ERROR;
	if (strcmp(kind, "temporary") == 0 && attempt < 3)
		return TEMPORARY_ERROR;
	return DONE;
}

static json_t *work(weir_run *run)
{
	int attempt = weir_attempt(run);

	switch (ask_service(weir_string(run, "kind"), attempt)) {
	case TEMPORARY_ERROR:
		return weir_fail(run, "临时错误，可以重试 (attempt %d)", attempt);
	case PERMANENT_ERROR:
		return weir_fail_final(run, "永久性错误，停止重试");
	case SKIPPABLE_ERROR:
		return weir_skip(run, "条件不满足，跳过执行");
	case DONE:
		break;
	}
	return json_sprintf("done at attempt %d", attempt);
}

static const weir_task robust_task = {
	.name = "robust-task",
	.description = "work with a service that has its days",
	.parameters = { { .name = "kind", .type = WEIR_STRING, .required = true } },
	.run = work,
	.retries = 3,
	.retry_delay_seconds = { 0.2, 0.4, 0.8 },
};

static json_t *work_robustly(weir_run *run)
{
	return weir_call(run, &robust_task, "s", weir_string(run, "kind"));
}

static const weir_flow robust_flow = {
	.name = "robust-flow",
	.description = "one task, which meets an error of the kind you choose",
	.parameters = { { .name = "kind",
	                  .type = WEIR_STRING,
	                  .fallback = "\"temporary\"",
	                  .description = "temporary, permanent, skippable or none" } },
	.run = work_robustly,
};

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &robust_flow, NULL };

	return weir_main(argc, argv, flows);
}
