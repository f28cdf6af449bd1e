/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_engine - what a task costs, all of it recorded in a store on disk: in a folder of its own, which is removed at
 * the end, or in $WEIR_HOME. bench/run-engine starts stock Prefect beside it, whose rounds are then measured in turn with
 * ours: see open_peer.
 */
#include "bench.h"

#include "base/clock.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/weir.h>

enum {
	ROUNDS = 5,
	RATE_TASKS = 10000, /* in a round: enough for the store to be what limits */
	CALL_TASKS = 2000,  /* few enough for the store's queue to take them without making the caller wait */
	MEMORY_TASKS = 100000,
};

#define COUNT_PARAMETER                                                                                                \
	{                                                                                                              \
		{                                                                                                      \
			.name = "count", .type = WEIR_INTEGER, .required = true                                        \
		}                                                                                                      \
	}

/* --- Tasks that do nothing --- */

static json_t *give_back(weir_run *run)
{
	return json_incref(weir_value(run, "value"));
}

static const weir_task noop = {
	.name = "noop",
	.parameters = { { .name = "value", .type = WEIR_ANY_VALUE } },
	.run = give_back,
};

/* With a time limit, so that it is never run by the thread that calls it. */
static const weir_task limited_noop = {
	.name = "limited-noop",
	.parameters = { { .name = "value", .type = WEIR_ANY_VALUE } },
	.run = give_back,
	.timeout_seconds = 3600,
};

/* --- Flows that call many --- */

/* False when a task failed. */
static bool call_many(weir_run *run, const weir_task *task)
{
	json_int_t count = weir_integer(run, "count");

	for (json_int_t i = 0; i < count; i++) {
		json_auto_t *value = weir_call(run, task, "I", i);

		if (!value)
			return false;
	}
	return true;
}

static json_t *run_sequential(weir_run *run)
{
	return call_many(run, &noop) ? json_true() : NULL;
}

static const weir_flow sequential = { .name = "sequential", .parameters = COUNT_PARAMETER, .run = run_sequential };

static json_t *run_mapped(weir_run *run)
{
	json_int_t count = weir_integer(run, "count");
	json_t *elements = json_array();

	for (json_int_t i = 0; i < count; i++)
		json_array_append_new(elements, json_integer(i));

	json_auto_t *values = weir_results(weir_map_json(run, &noop, NULL, elements));

	return values ? json_true() : NULL;
}

static const weir_flow mapped = { .name = "mapped", .parameters = COUNT_PARAMETER, .run = run_mapped };

/* The flows below return what they have measured themselves: microseconds for each task. */

static json_t *us_per_task(weir_run *run, int64_t start_us)
{
	return json_real((double)(clock_monotonic_us() - start_us) / (double)weir_integer(run, "count"));
}

static json_t *time_calls(weir_run *run)
{
	int64_t start_us = clock_monotonic_us();

	return call_many(run, &noop) ? us_per_task(run, start_us) : NULL;
}

static const weir_flow calls = { .name = "calls", .parameters = COUNT_PARAMETER, .run = time_calls };

static json_t *time_limited_calls(weir_run *run)
{
	int64_t start_us = clock_monotonic_us();

	return call_many(run, &limited_noop) ? us_per_task(run, start_us) : NULL;
}

static const weir_flow limited_calls = {
	.name = "limited-calls",
	.parameters = COUNT_PARAMETER,
	.run = time_limited_calls,
};

static json_t *time_submits(weir_run *run)
{
	json_int_t count = weir_integer(run, "count");
	int64_t start_us = clock_monotonic_us();

	for (json_int_t i = 0; i < count; i++) {
		weir_future *future = weir_submit(run, &noop, "I", i);
		json_auto_t *value = weir_result(future);

		if (!value)
			return NULL;
		weir_release(future);
	}
	return us_per_task(run, start_us);
}

static const weir_flow submits = { .name = "submits", .parameters = COUNT_PARAMETER, .run = time_submits };

/* --- Measuring --- */

/* Run a flow; what it returns as a number, which true is not: 0 then. Ends the program when it fails. */
static double run_flow(const weir_flow *flow, int count)
{
	json_auto_t *result = NULL;
	weir_problem problem;

	if (weir_run_flow(flow, &result, &problem, "i", count) < 0)
		exit(weir_complain(&problem));
	return json_number_value(result);
}

/* Tasks a second. The flow's end is confirmed after everything before it, so the recording is in it. */
static double rate_of(const weir_flow *flow)
{
	int64_t start_us = clock_monotonic_us();

	run_flow(flow, RATE_TASKS);
	return RATE_TASKS / ((double)(clock_monotonic_us() - start_us) / 1e6);
}

static double cost_us_of(const weir_flow *flow)
{
	double costs[ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		costs[i] = run_flow(flow, CALL_TASKS);
	return bench_median(costs, ROUNDS);
}

/* Resident memory of this process in MB. */
static double resident_mb(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long pages = 0;

	if (!file || fscanf(file, "%*s %ld", &pages) != 1) {
		perror("/proc/self/statm");
		exit(1);
	}
	fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

/* --- The peer --- */

/* bench/peers/prefect_tasks.py: a line with a flow's name is answered by tasks a second. */
struct peer {
	FILE *ask; /* NULL: there is no peer */
	FILE *answer;
};

static FILE *open_pipe(const char *path, const char *mode)
{
	FILE *file = fopen(path, mode);

	if (!file) {
		perror(path);
		exit(1);
	}
	setvbuf(file, NULL, _IOLBF, 0);
	return file;
}

/* The peer listens on named pipes. Opened for reading too, the first one does not wait for a peer that has died. */
static struct peer open_peer(void)
{
	const char *ask = getenv("BENCH_PEER_ASK");
	const char *answer = getenv("BENCH_PEER_ANSWER");

	if (!ask || !answer)
		return (struct peer){ 0 };
	return (struct peer){ .ask = open_pipe(ask, "r+"), .answer = open_pipe(answer, "r") };
}

static double ask_peer(const struct peer *peer, const char *flow_name)
{
	double value;

	if (!peer->ask)
		return 0;
	if (fprintf(peer->ask, "%s\n", flow_name) < 0 || fscanf(peer->answer, "%lf", &value) != 1) {
		fprintf(stderr, "the peer gave no answer; it has said why\n");
		exit(1);
	}
	return value;
}

/* Rounds of ours and of the peer in turn, so that a change of the machine's speed meets both. */
static void print_rate(struct bench *bench, const char *name, const weir_flow *flow, const struct peer *peer)
{
	double rates[ROUNDS], peer_rates[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		rates[i] = rate_of(flow);
		peer_rates[i] = ask_peer(peer, flow->name);
	}
	bench_print(bench, name, bench_median(rates, ROUNDS), "tasks/s", peer->ask ? "prefect 3.8.3" : NULL,
	            bench_median(peer_rates, ROUNDS));
}

/* --- The store's folder --- */

static char home[] = "/tmp/bench-engine-XXXXXX";

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

/* The engine is closed at exit too, before this: hooks run in reverse order. */
static void make_home(void)
{
	if (!mkdtemp(home) || setenv("WEIR_HOME", home, 1) < 0 || atexit(remove_home) != 0) {
		perror(home);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	struct bench bench;
	struct peer peer;

	bench_init(&bench, argc, argv);
	peer = open_peer();
	if (!getenv("WEIR_HOME"))
		make_home();
	/* First, since what other rounds leave behind would count. */
	run_flow(&sequential, MEMORY_TASKS);
	bench_print(&bench, "rss after 100,000 tasks", resident_mb(), "MB", NULL, 0);
	print_rate(&bench, "tasks called in turn", &sequential, &peer);
	print_rate(&bench, "tasks mapped", &mapped, &peer);
	bench_print(&bench, "awaited call", cost_us_of(&calls), "us", NULL, 0);
	bench_print(&bench, "submit and result", cost_us_of(&submits), "us", NULL, 0);
	bench_print(&bench, "awaited call, other thread", cost_us_of(&limited_calls), "us", NULL, 0);
	bench_done(&bench);
	return 0;
}
