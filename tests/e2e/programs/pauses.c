/* SPDX-License-Identifier: Apache-2.0 */
/* pauses - flows that wait for a person: paused in place, suspended, with input and without. */
#include <weir.h>

#include <stdio.h>

static void say(weir_run *run, const char *what)
{
	printf("%s %s\n", what, weir_run_id(run));
	fflush(stdout);
}

/* --- Paused ------------------------------------------------------------------------------------------------------ */

static const weir_parameter name_and_number[] = {
	{ .name = "name", .type = WEIR_STRING, .required = true, .description = "who it is for" },
	{ .name = "n", .type = WEIR_INTEGER, .fallback = "2" },
	{ 0 },
};

static json_t *ask(weir_run *run)
{
	const weir_pause_options options = { .key = "who",
		                             .input = name_and_number,
		                             .description = "who is it for?",
		                             .timeout_seconds = weir_number(run, "seconds") };

	say(run, "asking");
	return weir_pause(run, &options);
}

#define SECONDS_PARAMETER                                                                                              \
	{                                                                                                              \
		.name = "seconds", .type = WEIR_NUMBER, .fallback = "0"                                                \
	}

static const weir_flow asks = {
	.name = "asks",
	.description = "asks for a name and a number",
	.version = "2.1",
	.tags = { "people", "slow" },
	.parameters = { SECONDS_PARAMETER },
	.run = ask,
};

static const weir_flow asks_async = {
	.name = "asks-async",
	.parameters = { SECONDS_PARAMETER },
	.run = ask,
	.mode = WEIR_ASYNC,
};

/* The pause is not repeated by the next attempt; its retries are not used up by it. */
static json_t *fail_after(weir_run *run)
{
	json_auto_t *first = ask(run), *second = NULL;

	if (!first)
		return NULL;
	second = weir_pause(run, NULL);
	if (!second)
		return NULL;
	return weir_attempt(run) < 3 ? weir_fail(run, "attempt %d is not enough", weir_attempt(run))
	                             : json_pack("[O,O]", first, second);
}

static const weir_flow asks_once = {
	.name = "asks-once",
	.parameters = { SECONDS_PARAMETER },
	.run = fail_after,
	.retries = 2,
};

static json_t *work(weir_run *run)
{
	return weir_sleep(run, 0.1) < 0 ? NULL : json_string("worked");
}

static const weir_task working = { .name = "working", .run = work };

static json_t *work_meanwhile(weir_run *run)
{
	weir_future *future = weir_submit(run, &working, NULL);
	json_auto_t *input = ask(run);

	return input ? weir_result(future) : NULL;
}

static const weir_flow works = { .name = "works", .parameters = { SECONDS_PARAMETER }, .run = work_meanwhile };

static json_t *go_on_regardless(weir_run *run)
{
	json_auto_t *input = ask(run);

	if (!input)
		weir_recover(run, NULL);
	return json_string("went on");
}

static const weir_flow regardless = {
	.name = "regardless",
	.parameters = { SECONDS_PARAMETER },
	.run = go_on_regardless,
};

static const weir_flow limited = {
	.name = "limited",
	.parameters = { SECONDS_PARAMETER },
	.run = ask,
	.timeout_seconds = 0.3,
};

static json_t *pause_below(weir_run *run)
{
	return weir_subflow(run, &asks, "f", 0.0);
}

static const weir_flow below = { .name = "below", .run = pause_below };

/* --- Where there is no pausing ------------------------------------------------------------------------------------ */

static json_t *pause_plainly(weir_run *run)
{
	return weir_pause(run, NULL);
}

static json_t *suspend_plainly(weir_run *run)
{
	return weir_suspend(run, NULL);
}

static const weir_task pausing_task = { .name = "pausing-task", .run = pause_plainly };
static const weir_task suspending_task = { .name = "suspending-task", .run = suspend_plainly };
static const weir_flow plain = { .name = "plain", .run = suspend_plainly };

static json_t *pause_wrongly(weir_run *run)
{
	static const weir_parameter bad[] = { { .name = "x", .type = WEIR_INTEGER, .fallback = "\"y\"" }, { 0 } };
	static const weir_pause_options options = { .input = bad }, negative = { .timeout_seconds = -1 };

	switch (weir_integer(run, "how")) {
	case 0:
		return weir_call(run, &pausing_task, NULL);
	case 1:
		return weir_call(run, &suspending_task, NULL);
	case 2:
		return weir_subflow(run, &plain, NULL);
	case 3:
		return weir_pause(run, &options);
	default:
		return weir_pause(run, &negative);
	}
}

static const weir_flow wrong = {
	.name = "wrong",
	.parameters = { { .name = "how", .type = WEIR_INTEGER, .required = true } },
	.run = pause_wrongly,
};

/* --- Suspended ---------------------------------------------------------------------------------------------------- */

static json_t *count_up(weir_run *run)
{
	return json_string(weir_run_name(run));
}

static const weir_task counting = { .name = "counting", .run = count_up };

/* Works, leaves, works again; children that still run are waited for. */
static json_t *leave(weir_run *run)
{
	const weir_pause_options options = { .input = weir_boolean(run, "asks") ? name_and_number : NULL,
		                             .timeout_seconds = weir_number(run, "seconds"),
		                             .description = "may it go on?" };
	json_auto_t *task = weir_call(run, &counting, NULL), *input = NULL;
	weir_future *late = weir_submit(run, &working, NULL);

	say(run, "leaving");
	input = weir_suspend(run, &options);
	if (!input)
		return NULL;
	if (weir_boolean(run, "sleeps")) {
		say(run, "sleeping");
		if (weir_sleep(run, 60) < 0)
			return NULL;
	}
	return json_pack("{s:O, s:O, s:o, s:i}", "task", task, "input", input, "late", weir_result(late), "attempt",
	                 weir_attempt(run));
}

#define LEAVES_PARAMETERS                                                                                              \
	{                                                                                                              \
		{ .name = "asks", .type = WEIR_BOOLEAN, .fallback = "false" }, SECONDS_PARAMETER,                      \
		{                                                                                                      \
			.name = "sleeps", .type = WEIR_BOOLEAN, .fallback = "false"                                    \
		}                                                                                                      \
	}

static const weir_flow leaves = { .name = "leaves", .parameters = LEAVES_PARAMETERS, .run = leave };

static const weir_flow leaves_async = {
	.name = "leaves-async",
	.parameters = LEAVES_PARAMETERS,
	.run = leave,
	.mode = WEIR_ASYNC,
};

static json_t *leave_twice(weir_run *run)
{
	static const weir_pause_options a = { .key = "a" }, b = { .key = "b" };
	json_auto_t *first = weir_suspend(run, &a), *second = first ? weir_suspend(run, &b) : NULL;

	return second ? json_integer(weir_attempt(run)) : NULL;
}

static const weir_flow leaves_twice = { .name = "leaves-twice", .run = leave_twice };

static json_t *leave_and_answer(weir_run *run)
{
	json_auto_t *input = weir_suspend(run, NULL);

	return input ? NULL : json_string("no need to wait");
}

static const weir_flow answers = { .name = "answers", .run = leave_and_answer };

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &asks,    &asks_async,   &asks_once, &works,  &regardless,
		                                  &limited, &below,        &wrong,     &leaves, &leaves_async,
		                                  &plain,   &leaves_twice, &answers,   NULL };

	return weir_main(argc, argv, flows);
}
