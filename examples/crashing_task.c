/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crashing_task - a task that crashes, in a process of its own: the program goes on, and the task is tried again.
 *
 *	build/examples/crashing_task
 *
 * The log tells by which signal the process ended, how much memory it had held and how much CPU time it had used:
 *
 *	Task run 'read-measurement-0' - the process of the task ended by SIGSEGV (peak 2.4 MB, 0.00 s of CPU) - Retry 1/2 ...
 */
#include <weir.h>

#include <stdio.h>

/* Stands for a library that now and then reads where nothing is. */
static double read_sensor(int attempt)
{
	volatile double *reading = NULL;
	static double value = 21.5;

	if (attempt > 1)
		reading = &value;
	return *reading;
}

static json_t *read_measurement(weir_run *run)
{
	printf("reading %s\n", weir_string(run, "sensor"));
	return json_real(read_sensor(weir_attempt(run)));
}

static const weir_task read_task = {
	.name = "read-measurement",
	.description = "ask a sensor by way of a library that is not to be trusted",
	.parameters = { { .name = "sensor", .type = WEIR_STRING, .required = true } },
	.run = read_measurement,
	.mode = WEIR_PROCESS,
	.retries = 2,
	.retry_delay_seconds = { 0.1 },
	.timeout_seconds = 10,
	.log_prints = WEIR_ON,
	.memory_bytes = 512 * 1024 * 1024,
};

static json_t *measure(weir_run *run)
{
	json_auto_t *value = weir_call(run, &read_task, "s", "boiler");

	if (!value)
		return NULL;
	return json_pack("{s:s, s:O}", "sensor", "boiler", "celsius", value);
}

static const weir_flow measure_flow = {
	.name = "measure",
	.description = "one measurement, in spite of a crash",
	.run = measure,
};

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &measure_flow, NULL };

	return weir_main(argc, argv, flows);
}
