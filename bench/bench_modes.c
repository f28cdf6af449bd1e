/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_modes - what a call costs in each mode, and what many children cost. bench/run-modes starts a Python beside it that
 * makes the same calls by asyncio, concurrent.futures and stock Prefect, in turn with ours: see bench/peers/calls.py.
 */
#include "bench.h"

#include "base/clock.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/weir.h>

enum {
	ROUNDS = 5,
	CALLS = 2000,
	PROCESS_CALLS = 100,
	NESTED_CHILDREN = 10000,
	SLEEPERS = 100000,
};

#define NESTED_SECONDS 1.0
#define SLEEP_SECONDS 10.0

/* --- The task, in each mode --- */

static json_t *give_back(weir_run *run)
{
	return json_incref(weir_value(run, "value"));
}

#define NOOP(identifier, its_mode, limit)                                                                              \
	static const weir_task identifier = {                                                                          \
		.name = #identifier,                                                                                   \
		.parameters = { { .name = "value" } },                                                                 \
		.run = give_back,                                                                                      \
		.mode = its_mode,                                                                                      \
		.timeout_seconds = limit,                                                                              \
	}

NOOP(inline_noop, WEIR_THREAD, 0);
NOOP(thread_noop, WEIR_THREAD, 3600); /* with a time limit it is never run by the thread that calls it */
NOOP(coroutine_noop, WEIR_ASYNC, 0);
NOOP(new_coroutine_noop, WEIR_ASYNC, 3600);
NOOP(process_noop, WEIR_PROCESS, 0);

/* --- Flows that return how many microseconds a call has taken --- */

static json_t *time_calls(weir_run *run, const weir_task *task, int count)
{
	int64_t start_us = clock_monotonic_us();

	for (int i = 0; i < count; i++) {
		json_auto_t *value = weir_call(run, task, "i", i);

		if (!value)
			return NULL;
	}
	return json_real((double)(clock_monotonic_us() - start_us) / count);
}

#define CALLING_FLOW(identifier, task, its_mode, count)                                                                \
	static json_t *run_##identifier(weir_run *run)                                                                 \
	{                                                                                                              \
		return time_calls(run, &task, count);                                                                  \
	}                                                                                                              \
	static const weir_flow identifier = { .name = #identifier, .run = run_##identifier, .mode = its_mode }

CALLING_FLOW(inline_calls, inline_noop, WEIR_THREAD, CALLS);
CALLING_FLOW(thread_calls, thread_noop, WEIR_THREAD, CALLS);
CALLING_FLOW(coroutine_calls, coroutine_noop, WEIR_ASYNC, CALLS);
CALLING_FLOW(new_coroutine_calls, new_coroutine_noop, WEIR_ASYNC, CALLS);
CALLING_FLOW(coroutine_to_thread_calls, inline_noop, WEIR_ASYNC, CALLS);
CALLING_FLOW(process_calls, process_noop, WEIR_THREAD, PROCESS_CALLS);

/* --- Many children --- */

static double lateness_us[SLEEPERS];
static size_t lateness_count;

/* How late it wakes is written down: all of them are on one thread. */
static json_t *sleep_long(weir_run *run)
{
	double seconds = json_number_value(weir_value(run, "value"));
	int64_t start_us = clock_monotonic_us();

	if (weir_sleep(run, seconds) < 0)
		return NULL;
	if (lateness_count < SLEEPERS)
		lateness_us[lateness_count++] = (double)(clock_monotonic_us() - start_us) - seconds * 1e6;
	return json_true();
}

static const weir_flow sleeping_flow = {
	.name = "sleeping-flow",
	.parameters = { { .name = "value" } },
	.run = sleep_long,
	.mode = WEIR_ASYNC,
};

static json_t *call_sleeping_flow(weir_run *run)
{
	return weir_subflow(run, &sleeping_flow, "O", weir_value(run, "value"));
}

static const weir_task nesting_task = {
	.name = "nesting-task",
	.parameters = { { .name = "value" } },
	.run = call_sleeping_flow,
	.mode = WEIR_ASYNC,
};

static const weir_task sleeping_task = {
	.name = "sleeping-task",
	.parameters = { { .name = "value" } },
	.run = sleep_long,
	.mode = WEIR_ASYNC,
};

static json_t *map_seconds(weir_run *run, const weir_task *task, int count, double seconds)
{
	json_t *all = json_array();

	for (int i = 0; i < count; i++)
		json_array_append_new(all, json_real(seconds));

	json_auto_t *results = weir_results(weir_map_json(run, task, NULL, all));

	return results ? json_true() : NULL;
}

static json_t *map_nested(weir_run *run)
{
	return map_seconds(run, &nesting_task, NESTED_CHILDREN, NESTED_SECONDS);
}

static json_t *map_sleepers(weir_run *run)
{
	return map_seconds(run, &sleeping_task, SLEEPERS, SLEEP_SECONDS);
}

static const weir_flow nested_map = { .name = "nested-map", .run = map_nested, .mode = WEIR_ASYNC };
static const weir_flow sleepers = { .name = "sleepers", .run = map_sleepers, .mode = WEIR_ASYNC };

/* --- Measuring --- */

static double run_flow(const weir_flow *flow)
{
	json_auto_t *result = NULL;
	weir_problem problem;

	if (weir_run_flow(flow, &result, &problem, NULL) < 0)
		exit(weir_complain(&problem));
	return json_number_value(result);
}

/* A figure of /proc/self/status in MiB. */
static double status_mib(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	double kib = 0;

	while (file && fgets(line, sizeof line, file)) {
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtod(line + strlen(name), NULL);
	}
	if (file)
		fclose(file);
	return kib / 1024;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double lateness_percentile(double part)
{
	qsort(lateness_us, lateness_count, sizeof lateness_us[0], compare);
	return lateness_us[(size_t)((double)(lateness_count - 1) * part)] / 1000;
}

/* --- The peers: a line with a kind of call is answered by microseconds for each --- */

static FILE *ask, *answer;

static FILE *open_pipe(const char *variable, const char *mode)
{
	const char *path = getenv(variable);
	FILE *file = path ? fopen(path, mode) : NULL;

	if (path && !file) {
		perror(path);
		exit(1);
	}
	if (file)
		setvbuf(file, NULL, _IOLBF, 0);
	return file;
}

static double ask_peer(const char *kind)
{
	double value;

	if (!ask || !kind)
		return 0;
	if (fprintf(ask, "%s\n", kind) < 0 || fscanf(answer, "%lf", &value) != 1) {
		fprintf(stderr, "the peer gave no answer; it has said why\n");
		exit(1);
	}
	return value;
}

/* Rounds of ours and of the peer in turn. The ratio that is printed is ours to the peer's: how many times quicker. */
static void print_call(struct bench *bench, const char *name, const weir_flow *flow, const char *peer)
{
	double ours[ROUNDS], theirs[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		ours[i] = run_flow(flow);
		theirs[i] = ask_peer(peer);
	}
	bench_print(bench, name, bench_median(ours, ROUNDS), "us", ask ? peer : NULL, bench_median(theirs, ROUNDS));
}

static void print_calls(struct bench *bench)
{
	print_call(bench, "awaited call, inline", &inline_calls, "prefect");
	print_call(bench, "awaited call, other thread", &thread_calls, "concurrent.futures-threads");
	print_call(bench, "awaited call, coroutine", &coroutine_calls, "asyncio-await");
	print_call(bench, "awaited call, new coroutine", &new_coroutine_calls, "asyncio-task");
	print_call(bench, "awaited call, coroutine to thread", &coroutine_to_thread_calls, "asyncio-to-thread");
	print_call(bench, "awaited call, process", &process_calls, "concurrent.futures-processes");
}

static void print_children(struct bench *bench)
{
	int64_t start_us = clock_monotonic_us();

	run_flow(&nested_map);
	bench_print(bench, "10,000-child nested map, beyond the sleep",
	            (double)(clock_monotonic_us() - start_us) / 1e6 - NESTED_SECONDS, "s", NULL, 0);
	lateness_count = 0;
	run_flow(&sleepers);
	bench_print(bench, "100,000 sleepers, peak RSS with records", status_mib("VmHWM:"), "MiB", NULL, 0);
	bench_print(bench, "100,000 sleepers, wake-up lateness p50", lateness_percentile(0.5), "ms", NULL, 0);
	bench_print(bench, "100,000 sleepers, wake-up lateness p99", lateness_percentile(0.99), "ms", NULL, 0);
}

/* --- The store's folder --- */

static char home[] = "/tmp/bench-modes-XXXXXX";

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

static void remove_home(void)
{
	if (nftw(home, remove_entry, 8, FTW_DEPTH | FTW_PHYS) < 0)
		perror(home);
}

int main(int argc, char **argv)
{
	struct bench bench;

	bench_init(&bench, argc, argv);
	ask = open_pipe("BENCH_PEER_ASK", "r+");
	answer = open_pipe("BENCH_PEER_ANSWER", "r");
	if (!getenv("WEIR_HOME") && (!mkdtemp(home) || setenv("WEIR_HOME", home, 1) < 0 || atexit(remove_home) != 0)) {
		perror(home);
		return 1;
	}
	print_children(&bench);
	print_calls(&bench);
	bench_done(&bench);
	return 0;
}
