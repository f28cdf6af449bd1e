/* SPDX-License-Identifier: Apache-2.0 */
/* limits - flows that run for long, over their time limit, or run other programs. */
#include <weir.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MAX_ARGUMENTS = 16 };

/* Sleep without asking Weir: what a library call that knows nothing of time limits does. */
static void sleep_deaf(double seconds)
{
	struct timespec left = { .tv_sec = (time_t)seconds };

	left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* --- Long runs ------------------------------------------------------------------------------------------------- */

static json_t *sleep_well(weir_run *run)
{
	double seconds = weir_number(run, "seconds");

	if (weir_sleep(run, seconds) < 0)
		return NULL;
	return json_real(seconds);
}

static const weir_task sleeping_task = {
	.name = "sleeping-task",
	.parameters = { { .name = "seconds", .type = WEIR_NUMBER, .required = true } },
	.run = sleep_well,
};

/* Prints its id, so that whoever started it can speak of it, then waits in a task. */
static json_t *sleep_in_task(weir_run *run)
{
	printf("started %s\n", weir_run_id(run));
	fflush(stdout);
	return weir_call(run, &sleeping_task, "f", weir_number(run, "seconds"));
}

static const weir_flow sleeper = {
	.name = "sleeper",
	.parameters = { { .name = "seconds", .type = WEIR_NUMBER, .fallback = "60" } },
	.run = sleep_in_task,
};

/* --- Time limits ----------------------------------------------------------------------------------------------- */

static const weir_task short_task = {
	.name = "short-task",
	.parameters = { { .name = "seconds", .type = WEIR_NUMBER, .required = true } },
	.run = sleep_well,
	.timeout_seconds = 0.3,
};

static json_t *call_short_task(weir_run *run)
{
	return weir_call(run, &short_task, "i", 60);
}

static const weir_flow task_times_out = { .name = "task-times-out", .run = call_short_task };

static const weir_flow flow_times_out = {
	.name = "flow-times-out",
	.parameters = { { .name = "seconds", .type = WEIR_NUMBER, .fallback = "60" } },
	.run = sleep_in_task,
	.timeout_seconds = 0.3,
};

/* The first attempt does not hear; the second one is quick. */
static json_t *be_deaf(weir_run *run)
{
	int attempt = weir_attempt(run);

	if (attempt == 1)
		sleep_deaf(weir_number(run, "seconds"));
	return json_integer(attempt);
}

/* Deaf tasks, by what is to follow when the attempt was given up. */
static const weir_task deaf_tasks[] = {
	{
	        .name = "never-retried",
	        .parameters = { { .name = "seconds", .type = WEIR_NUMBER, .required = true } },
	        .run = be_deaf,
	        .timeout_seconds = 0.2,
	},
	{
	        .name = "retried-after-return",
	        .parameters = { { .name = "seconds", .type = WEIR_NUMBER, .required = true } },
	        .run = be_deaf,
	        .retries = 1,
	        .retry_delay_seconds = { 0.05 },
	        .timeout_seconds = 0.2,
	},
	{
	        .name = "retried-beside",
	        .parameters = { { .name = "seconds", .type = WEIR_NUMBER, .required = true } },
	        .run = be_deaf,
	        .retries = 1,
	        .retry_delay_seconds = { 0.05 },
	        .timeout_seconds = 0.2,
	        .retry_beside_abandoned = WEIR_ON,
	},
};

static json_t *call_deaf(weir_run *run)
{
	const char *name = weir_string(run, "task");

	for (size_t i = 0; i < sizeof deaf_tasks / sizeof deaf_tasks[0]; i++) {
		if (strcmp(deaf_tasks[i].name, name) == 0)
			return weir_call(run, &deaf_tasks[i], "f", weir_number(run, "seconds"));
	}
	return weir_fail(run, "there is no task '%s'", name);
}

static const weir_flow abandons = {
	.name = "abandons",
	.parameters = { { .name = "task", .type = WEIR_STRING, .required = true },
	                { .name = "seconds", .type = WEIR_NUMBER, .fallback = "1.5" } },
	.run = call_deaf,
};

/* Ten minutes without hearing of anything. */
static json_t *sleep_deaf_in_flow(weir_run *run)
{
	printf("started %s\n", weir_run_id(run));
	fflush(stdout);
	sleep_deaf(600);
	return json_null();
}

static const weir_flow deaf = { .name = "deaf", .run = sleep_deaf_in_flow };

/* --- Programs -------------------------------------------------------------------------------------------------- */

static json_t *start_program(weir_run *run)
{
	const char *argv[MAX_ARGUMENTS + 1] = { NULL };
	const weir_process_options options = {
		.cwd = weir_string(run, "cwd"),
		.stdin_text = weir_string(run, "stdin"),
		.log_output = weir_boolean(run, "log") ? WEIR_ON : WEIR_OFF,
		.max_bytes = (size_t)weir_integer(run, "max_bytes"),
		.timeout_seconds = weir_number(run, "limit"),
		.grace_seconds = 0.3,
	};
	const json_t *argument;
	size_t i;

	json_array_foreach (weir_value(run, "argv"), i, argument) {
		if (i == MAX_ARGUMENTS)
			return weir_fail_final(run, "more than %d arguments", MAX_ARGUMENTS);
		argv[i] = json_string_value(argument);
	}
	return weir_process(run, argv, &options);
}

#define PROCESS_PARAMETERS                                                                                             \
	{                                                                                                              \
		{ .name = "argv", .type = WEIR_ARRAY, .required = true }, { .name = "cwd", .type = WEIR_STRING },      \
		        { .name = "stdin", .type = WEIR_STRING },                                                      \
		        { .name = "log", .type = WEIR_BOOLEAN, .fallback = "true" },                                   \
		        { .name = "max_bytes", .type = WEIR_INTEGER, .fallback = "0" },                                \
		        { .name = "limit", .type = WEIR_NUMBER, .fallback = "0" },                                     \
	}

static const weir_task process_task = { .name = "process-task",
	                                .parameters = PROCESS_PARAMETERS,
	                                .run = start_program };

static json_t *call_process_task(weir_run *run)
{
	return weir_call(run, &process_task, "O", weir_params(run));
}

static const weir_flow process = { .name = "process", .parameters = PROCESS_PARAMETERS, .run = call_process_task };

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = {
		&sleeper, &task_times_out, &flow_times_out, &abandons, &deaf, &process, NULL,
	};

	return weir_main(argc, argv, flows);
}
