/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_soak - does memory grow? Flows of all kinds run one after the other for BENCH_SOAK_SECONDS (60 unless set; 600 for
 * the figure of docs/performance.md); the slope is that of a straight line through the resident memory of all samples but
 * the first fifth, when caches fill.
 */
#include "bench.h"

#include "base/clock.h"
#include "base/vec.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/weir.h>

enum { CHILDREN = 50, SAMPLE_US = 500 * 1000 };

static json_t *work(weir_run *run)
{
	weir_info(run, "child %lld", (long long)json_integer_value(weir_value(run, "value")));
	if (weir_sleep(run, 0.001) < 0)
		return NULL;
	if (weir_attempt(run) == 1 && json_integer_value(weir_value(run, "value")) % 10 == 0)
		return weir_fail(run, "the first attempt fails");
	return json_pack("{s:O,s:s}", "value", weir_value(run, "value"), "text", "some text to keep");
}

static const weir_task thread_task = {
	.name = "thread-task",
	.parameters = { { .name = "value" } },
	.run = work,
	.retries = 1,
};

static const weir_task async_task = {
	.name = "async-task",
	.parameters = { { .name = "value" } },
	.run = work,
	.mode = WEIR_ASYNC,
	.retries = 1,
};

static json_t *map_both(weir_run *run)
{
	json_auto_t *elements = json_array();

	for (int i = 0; i < CHILDREN; i++)
		json_array_append_new(elements, json_integer(i));

	weir_futures *threads = weir_map_json(run, &thread_task, NULL, json_incref(elements));
	weir_futures *coroutines = weir_map_json(run, &async_task, NULL, json_incref(elements));
	json_auto_t *first = weir_results(threads);
	json_auto_t *second = weir_results(coroutines);

	return first && second ? json_true() : NULL;
}

static const weir_flow inner_flow = { .name = "inner", .run = map_both, .mode = WEIR_ASYNC };

static json_t *call_inner(weir_run *run)
{
	return weir_subflow(run, &inner_flow, NULL);
}

static const weir_flow outer_flow = { .name = "outer", .run = call_inner };

struct sample {
	double minutes, kb;
};

static struct VEC(struct sample) samples;

static double resident_kb(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long pages = 0;

	if (!file || fscanf(file, "%*s %ld", &pages) != 1)
		exit(1);
	fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* Least squares, KB a minute. */
static double slope(void)
{
	size_t first = samples.count / 5;
	double n = (double)(samples.count - first), x = 0, y = 0, xx = 0, xy = 0;

	for (size_t i = first; i < samples.count; i++) {
		x += samples.items[i].minutes;
		y += samples.items[i].kb;
		xx += samples.items[i].minutes * samples.items[i].minutes;
		xy += samples.items[i].minutes * samples.items[i].kb;
	}
	return (n * xy - x * y) / (n * xx - x * x);
}

static char home[] = "/tmp/bench-soak-XXXXXX";

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
	const char *given = getenv("BENCH_SOAK_SECONDS");
	int64_t start_us = clock_monotonic_us(), end_us = start_us + (int64_t)((given ? atof(given) : 60) * 1e6);
	int64_t next_us = start_us;
	struct bench bench;
	weir_problem problem;
	double runs = 0;

	bench_init(&bench, argc, argv);
	if (!mkdtemp(home) || setenv("WEIR_HOME", home, 1) < 0 || setenv("WEIR_LOG_LEVEL", "INFO", 1) < 0 ||
	    atexit(remove_home) != 0)
		return 1;
	for (int64_t now_us = start_us; now_us < end_us; now_us = clock_monotonic_us()) {
		if (weir_run_flow(&outer_flow, NULL, &problem, NULL) < 0)
			return weir_complain(&problem);
		runs += 2 + 2 * CHILDREN;
		if (now_us < next_us)
			continue;
		next_us = now_us + SAMPLE_US;
		vec_push(&samples, ((struct sample){ (double)(now_us - start_us) / 60e6, resident_kb() }));
	}
	bench_print(&bench, "soak: runs", runs, "runs", NULL, 0);
	bench_print(&bench, "soak: RSS at the end", resident_kb() / 1024, "MiB", NULL, 0);
	bench_print(&bench, "soak: memory slope", slope(), "KB/min", NULL, 0);
	vec_done(&samples);
	bench_done(&bench);
	return 0;
}
