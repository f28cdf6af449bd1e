/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_process - what a task in a process of its own costs, from a program that holds 500 MB of memory: beside a task on a
 * thread, and beside a fork of that program, whose page tables have to be copied.
 */
#include "bench.h"

#include "base/clock.h"
#include "engine/guardian_link.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/weir.h>

enum { ROUNDS = 5, TASKS = 100, HELD_BYTES = 500 * 1000 * 1000, THREAD_TASKS = 2000 };

static json_t *give_back(weir_run *run)
{
	return json_incref(weir_value(run, "value"));
}

/* A time limit lets a thread of the pool run it, not the caller's own. */
static const weir_task thread_task = {
	.name = "thread-task",
	.parameters = { { .name = "value", .type = WEIR_ANY_VALUE } },
	.run = give_back,
	.timeout_seconds = 3600,
};

static const weir_task process_task = {
	.name = "process-task",
	.parameters = { { .name = "value", .type = WEIR_ANY_VALUE } },
	.run = give_back,
	.mode = WEIR_PROCESS,
};

/* Milliseconds for each call, from its start to its result. */
static json_t *time_calls(weir_run *run, const weir_task *task, int count)
{
	int64_t start_us = clock_monotonic_us();

	for (int i = 0; i < count; i++) {
		json_auto_t *value = weir_call(run, task, "i", i);

		if (!value)
			return NULL;
	}
	return json_real((double)(clock_monotonic_us() - start_us) / 1e3 / count);
}

static json_t *time_threads(weir_run *run)
{
	return time_calls(run, &thread_task, THREAD_TASKS);
}

static json_t *time_processes(weir_run *run)
{
	return time_calls(run, &process_task, TASKS);
}

static const weir_flow threads = { .name = "threads", .run = time_threads };
static const weir_flow processes = { .name = "processes", .run = time_processes };

static double run_flow(const weir_flow *flow)
{
	json_auto_t *result = NULL;
	weir_problem problem;

	if (weir_run_flow(flow, &result, &problem, NULL) < 0)
		exit(weir_complain(&problem));
	return json_number_value(result);
}

/* The same without Weir: a child of this program that gives a byte back through a pipe. */
static double time_forks(void)
{
	int64_t start_us = clock_monotonic_us();

	for (int i = 0; i < TASKS; i++) {
		int fds[2];
		char byte = 1;
		pid_t pid;

		if (pipe(fds) < 0 || (pid = fork()) < 0) {
			perror("fork");
			exit(1);
		}
		if (pid == 0)
			_exit(write(fds[1], &byte, 1) != 1);
		if (read(fds[0], &byte, 1) != 1 || waitpid(pid, NULL, 0) != pid) {
			perror("fork");
			exit(1);
		}
		close(fds[0]);
		close(fds[1]);
	}
	return (double)(clock_monotonic_us() - start_us) / 1e3 / TASKS;
}

/* --- The store's folder --- */

static char home[] = "/tmp/bench-process-XXXXXX";

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

static void make_home(void)
{
	if (!mkdtemp(home) || setenv("WEIR_HOME", home, 1) < 0 || atexit(remove_home) != 0) {
		perror(home);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	double in_threads[ROUNDS], in_processes[ROUNDS], forks[ROUNDS];
	struct bench bench;
	char *held;

	guardian_link_begin(); /* first thing, as weir_main does */
	bench_init(&bench, argc, argv);
	make_home();
	held = xmalloc(HELD_BYTES);
	memset(held, 1, HELD_BYTES);
	run_flow(&threads); /* makes the store */
	for (int i = 0; i < ROUNDS; i++) {
		in_threads[i] = run_flow(&threads);
		in_processes[i] = run_flow(&processes);
		forks[i] = time_forks();
	}
	bench_print(&bench, "task on another thread", bench_median(in_threads, ROUNDS), "ms", NULL, 0);
	bench_print(&bench, "task in a process", bench_median(in_processes, ROUNDS), "ms", "fork of 500 MB",
	            bench_median(forks, ROUNDS));
	bench_done(&bench);
	free(held);
	return 0;
}
