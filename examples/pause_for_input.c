/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause_for_input - a flow that asks a person: first who looks, then it waits for the answer, which is typed.
 *
 * In one terminal:
 *
 *	build/examples/pause_for_input
 *
 * It prints the report, is Paused, and waits. In another one:
 *
 *	build/weir flow-run ls                          its name, and that it is Paused
 *	build/weir why NAME                             what it asks for, and how to answer
 *	build/weir flow-run resume NAME --input approved=maybe        refused: it must be a boolean
 *	build/weir flow-run resume NAME --input approved=yes --input remark='looks good'
 *
 * With --param leave=yes it does not wait: the program ends, and the run is Suspended. Answer it in the same way, on another day
 * if you like, and go on with
 *
 *	build/examples/pause_for_input resume NAME
 *
 * The report is not made anew then: it was kept as a checkpoint.
 */
#include <weir.h>

#include <stdio.h>

static json_t *make_report(weir_run *run)
{
	weir_info(run, "adding up %s", weir_string(run, "month"));
	return json_pack("{s:s, s:i, s:f}", "month", weir_string(run, "month"), "orders", 297, "revenue", 55290.0);
}

static const weir_task report_task = {
	.name = "make-report",
	.run_name = "report of {month}",
	.parameters = { { .name = "month", .type = WEIR_STRING, .required = true } },
	.run = make_report,
};

static json_t *publish(weir_run *run)
{
	weir_info(run, "published, with the remark: %s", weir_string(run, "remark"));
	return json_string("published");
}

static const weir_task publish_task = {
	.name = "publish",
	.parameters = { { .name = "remark", .type = WEIR_STRING, .required = true } },
	.run = publish,
	.retries = 2,
	.retry_delay_seconds = WEIR_EXPONENTIAL_BACKOFF(1),
};

/* What is asked for. It is checked before the flow goes on, so that the flow finds what it expects. */
static const weir_parameter answer[] = {
	{ .name = "approved", .type = WEIR_BOOLEAN, .required = true, .description = "may it be published?" },
	{ .name = "remark", .type = WEIR_STRING, .fallback = "\"none\"", .description = "printed below it" },
	{ .name = NULL },
};

static const weir_pause_options question = {
	.timeout_seconds = 24 * 3600,
	.key = "approval",
	.input = answer,
	.description = "Is the report right?",
};

/* Made once for each flow run, however often it is begun. */
static json_t *report_of(weir_run *run, const char *month)
{
	return weir_call_once(run, "report", &report_task, "{s:s}", "month", month);
}

static json_t *approve(weir_run *run)
{
	json_auto_t *report = report_of(run, weir_string(run, "month")), *reply = NULL;

	if (!report)
		return NULL;
	weir_print(run, "%.0f in %" JSON_INTEGER_FORMAT " orders\n",
	           json_real_value(json_object_get(report, "revenue")),
	           json_integer_value(json_object_get(report, "orders")));
	fflush(stdout);
	reply = weir_boolean(run, "leave") ? weir_suspend(run, &question) : weir_pause(run, &question);
	if (!reply)
		return NULL;
	if (!json_is_true(json_object_get(reply, "approved")))
		return weir_skip(run, "not approved: %s", json_string_value(json_object_get(reply, "remark")));
	return weir_call(run, &publish_task, "{s:O}", "remark", json_object_get(reply, "remark"));
}

static const weir_flow approval = {
	.name = "approval",
	.description = "makes a report, asks whether it is right, and publishes it",
	.run_name = "approval-of-{month}",
	.parameters = { { .name = "month", .type = WEIR_STRING, .fallback = "\"2026-10\"" },
	                { .name = "leave",
	                  .type = WEIR_BOOLEAN,
	                  .fallback = "false",
	                  .description = "end the program while it waits" } },
	.run = approve,
};

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &approval, NULL };

	return weir_main(argc, argv, flows);
}
