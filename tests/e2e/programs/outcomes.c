/* SPDX-License-Identifier: Apache-2.0 */
/* outcomes - flows that end in every way there is, and tasks that are called wrongly. */
#include <weir.h>

#include <stdio.h>
#include <string.h>

/* --- Tasks ----------------------------------------------------------------------------------------------------- */

static json_t *return_null(weir_run *run)
{
	(void)run;
	return NULL;
}

static const weir_task null_task = { .name = "null-task", .run = return_null };

static json_t *fail_with_message(weir_run *run)
{
	return weir_fail(run, "%s broke at attempt %d", weir_string(run, "what"), weir_attempt(run));
}

static const weir_task failing_task = {
	.name = "failing-task",
	.parameters = { { .name = "what", .type = WEIR_STRING, .required = true } },
	.run = fail_with_message,
};

static const weir_task retried_task = {
	.name = "retried-task",
	.parameters = { { .name = "what", .type = WEIR_STRING, .required = true } },
	.run = fail_with_message,
	.retries = 2,
	.retry_delay_seconds = { 0.05, 0.1 },
};

static json_t *fail_for_good(weir_run *run)
{
	return weir_fail_final(run, "no use trying again");
}

static const weir_task final_task = {
	.name = "final-task",
	.run = fail_for_good,
	.retries = 5,
	.retry_delay_seconds = { 0.05 },
};

static json_t *echo_parameters(weir_run *run)
{
	return json_incref(weir_params(run));
}

#define TYPED_PARAMETERS                                                                                               \
	{                                                                                                              \
		{ .name = "text", .type = WEIR_STRING, .required = true },                                             \
		        { .name = "integer", .type = WEIR_INTEGER, .fallback = "3" },                                  \
		        { .name = "number", .type = WEIR_NUMBER, .fallback = "0.5" },                                  \
		        { .name = "flag", .type = WEIR_BOOLEAN, .fallback = "true" },                                  \
		        { .name = "list", .type = WEIR_ARRAY, .fallback = "[1, \"二\"]" },                             \
		        { .name = "object", .type = WEIR_OBJECT }, { .name = "any", .type = WEIR_ANY_VALUE },          \
	}

static const weir_task typed_task = { .name = "typed-task", .parameters = TYPED_PARAMETERS, .run = echo_parameters };

/* --- Flows that fail, skip or go on ---------------------------------------------------------------------------- */

static const weir_flow returns_null = { .name = "returns-null", .run = return_null };

static json_t *call_null_task(weir_run *run)
{
	return weir_call(run, &null_task, NULL);
}

static const weir_flow task_returns_null = { .name = "task-returns-null", .run = call_null_task };

static json_t *call_retried_task(weir_run *run)
{
	return weir_call(run, &retried_task, "s", "the pump");
}

static const weir_flow always_fails = { .name = "always-fails", .run = call_retried_task };

static json_t *call_final_task(weir_run *run)
{
	return weir_call(run, &final_task, NULL);
}

static const weir_flow fails_final = { .name = "fails-final", .run = call_final_task };

static json_t *skip_flow(weir_run *run)
{
	return weir_skip(run, "nothing to do today");
}

static const weir_flow skips = { .name = "skips", .run = skip_flow };

static json_t *fail_once(weir_run *run)
{
	if (weir_attempt(run) == 1)
		return weir_fail(run, "the first attempt always fails");
	return json_integer(weir_attempt(run));
}

static const weir_flow flow_retries = {
	.name = "flow-retries",
	.run = fail_once,
	.retries = 1,
	.retry_delay_seconds = 0.1,
};

static json_t *recover(weir_run *run)
{
	const weir_state *state = NULL;
	json_auto_t *value = weir_call(run, &failing_task, "s", "the valve");

	if (value || !weir_recover(run, &state))
		return weir_fail(run, "there was no failure to recover from");
	if (weir_recover(run, NULL))
		return weir_fail(run, "the failure was still there after it was taken out");
	return json_pack("{s:i,s:s,s:s}", "type", (int)state->type, "name", state->name, "message", state->message);
}

static const weir_flow recovers = { .name = "recovers", .run = recover };

static json_t *return_in_spite(weir_run *run)
{
	json_auto_t *value = weir_call(run, &failing_task, "s", "the fan");

	return value ? NULL : json_string("went on");
}

static const weir_flow value_wins = { .name = "value-wins", .run = return_in_spite };

static json_t *fail_twice(weir_run *run)
{
	json_t *first = weir_call(run, &failing_task, "s", "the first");
	json_t *second = weir_call(run, &failing_task, "s", "the second");

	return json_pack("[o,o]", first, second);
}

static const weir_flow first_failure = { .name = "first-failure", .run = fail_twice };

/* --- Wrong calls ----------------------------------------------------------------------------------------------- */

static json_t *call_wrongly(weir_run *run)
{
	const char *how = weir_string(run, "how");

	if (strcmp(how, "missing") == 0)
		return weir_call(run, &typed_task, NULL);
	if (strcmp(how, "unknown") == 0)
		return weir_call(run, &typed_task, "{s:s,s:i}", "text", "x", "colour", 1);
	if (strcmp(how, "type") == 0)
		return weir_call(run, &typed_task, "[s,s]", "x", "three");
	if (strcmp(how, "many") == 0)
		return weir_call(run, &typed_task, "[s,i,i,b,[],{},n,i]", "x", 1, 2, 1, 9);
	if (strcmp(how, "format") == 0)
		return weir_call(run, &typed_task, "[s,", "x");
	if (strcmp(how, "utf8") == 0)
		return weir_call(run, &typed_task, "s", "\xff\xfe");
	return weir_fail(run, "no wrong call is named '%s'", how);
}

static const weir_flow wrong_call = {
	.name = "wrong-call",
	.parameters = { { .name = "how", .type = WEIR_STRING, .required = true } },
	.run = call_wrongly,
};

static const weir_flow typed = { .name = "typed", .parameters = TYPED_PARAMETERS, .run = echo_parameters };

/* --- Output ---------------------------------------------------------------------------------------------------- */

static json_t *print_lines(weir_run *run)
{
	int64_t count = weir_integer(run, "count");

	for (int64_t i = 0; i < count; i++)
		printf("printed %lld\n", (long long)i);
	weir_print(run, "and a last ");
	weir_print(run, "line without a break");
	return json_integer(count);
}

static const weir_flow prints = {
	.name = "prints",
	.parameters = { { .name = "count", .type = WEIR_INTEGER, .fallback = "3" } },
	.run = print_lines,
	.log_prints = WEIR_ON,
};

static json_t *log_lines(weir_run *run)
{
	int64_t count = weir_integer(run, "count");

	weir_debug(run, "a debug line");
	weir_info(run, "an info line with 漢字");
	weir_warning(run, "a warning line");
	weir_error(run, "an error line");
	for (int64_t i = 0; i < count; i++)
		weir_info(run, "line %lld %0100d", (long long)i, 0);
	return json_integer(count);
}

static const weir_flow logs = {
	.name = "logs",
	.parameters = { { .name = "count", .type = WEIR_INTEGER, .fallback = "0" } },
	.run = log_lines,
};

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = {
		&returns_null, &task_returns_null, &always_fails, &fails_final, &skips,  &flow_retries, &recovers,
		&value_wins,   &first_failure,     &wrong_call,   &typed,       &prints, &logs,         NULL,
	};

	return weir_main(argc, argv, flows);
}
