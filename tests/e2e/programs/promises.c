/* SPDX-License-Identifier: Apache-2.0 */
/* promises - what weir.h says, in all modes: options of tasks, calls from other threads, return codes, ends from outside. */
#include <weir.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define ANY_VALUE                                                                                                      \
	{                                                                                                              \
		{                                                                                                      \
			.name = "value", .type = WEIR_ANY_VALUE                                                        \
		}                                                                                                      \
	}

/* --- Every option in every mode ---------------------------------------------------------------------------------- */

static void tell_state(weir_run *run, const weir_state *state)
{
	weir_info(run, "hook %s", state->name);
	if (weir_artifact_markdown(run, NULL, "from a hook", NULL) < 0)
		weir_error(run, "no artifact");
	if (weir_attempt(run) == 1)
		weir_skip(run, "what a hook says");
}

static void tell_commit(weir_run *run, const weir_state *state)
{
	weir_info(run, "commit of %s", state->name);
}

#define HOOKS                                                                                                          \
	.hooks = { .on_running = tell_state,                                                                           \
		   .on_completion = tell_state,                                                                        \
		   .on_failure = tell_state,                                                                           \
		   .on_crashed = tell_state,                                                                           \
		   .on_cancellation = tell_state }

static json_t *fail_twice(weir_run *run)
{
	if (weir_attempt(run) == 1)
		return NULL;
	return weir_attempt(run) < 3 ? weir_fail(run, "attempt %d", weir_attempt(run))
	                             : json_integer(weir_attempt(run));
}

static json_t *fail_always(weir_run *run)
{
	return weir_fail(run, "老 attempt %d", weir_attempt(run));
}

static bool once_more(weir_run *run, const weir_state *failed)
{
	return weir_attempt(run) < 2 && strcmp(failed->name, "Failed") == 0;
}

static json_t *oversleep(weir_run *run)
{
	return json_integer(weir_sleep(run, 600));
}

static json_t *print_and_skip(weir_run *run)
{
	printf("printed in %s\n", weir_run_name(run));
	return weir_skip(run, "nothing to do");
}

static json_t *give_back(weir_run *run)
{
	return json_incref(weir_value(run, "value"));
}

static json_t *die(weir_run *run)
{
	if (weir_attempt(run) == 2)
		return json_integer(2);
	abort();
}

/* Each once a mode, as an array: the order is that of the calls below. */
#define TASKS_OF(MODE, mode_name)                                                                                      \
	{                                                                                                              \
		{ .name = "flaky-" mode_name, .run = fail_twice, .mode = (MODE), .retries = 2, HOOKS },                \
		        { .name = "conditional-" mode_name,                                                            \
			  .run = fail_always,                                                                          \
			  .mode = (MODE),                                                                              \
			  .retries = 5,                                                                                \
			  .retry_delay_seconds = { 0.01 },                                                             \
			  .retry_jitter_factor = 1,                                                                    \
			  .retry_condition = once_more,                                                                \
			  HOOKS },                                                                                     \
		        { .name = "late-" mode_name,                                                                   \
			  .run = oversleep,                                                                            \
			  .mode = (MODE),                                                                              \
			  .timeout_seconds = 0.2,                                                                      \
			  HOOKS },                                                                                     \
		        { .name = "skips-" mode_name,                                                                  \
			  .run = print_and_skip,                                                                       \
			  .mode = (MODE),                                                                              \
			  .run_name = "名 {task_name} {value}",                                                        \
			  .parameters = ANY_VALUE,                                                                     \
			  .log_prints = WEIR_ON,                                                                       \
			  HOOKS },                                                                                     \
		        { .name = "cached-" mode_name,                                                                 \
			  .run = give_back,                                                                            \
			  .mode = (MODE),                                                                              \
			  .parameters = ANY_VALUE,                                                                     \
			  .cache_by = WEIR_CACHE_INPUTS,                                                               \
			  .on_commit = tell_commit,                                                                    \
			  HOOKS },                                                                                     \
		        { .name = "kept-" mode_name,                                                                   \
			  .run = give_back,                                                                            \
			  .mode = (MODE),                                                                              \
			  .parameters = ANY_VALUE,                                                                     \
			  .persist_result = WEIR_ON,                                                                   \
			  .result_key = "kept/" mode_name "/{value}",                                                  \
			  .on_commit = tell_commit,                                                                    \
			  HOOKS },                                                                                     \
	}

static const weir_task tasks[][6] = {
	TASKS_OF(WEIR_THREAD, "thread"),
	TASKS_OF(WEIR_ASYNC, "async"),
	TASKS_OF(WEIR_PROCESS, "process"),
};

static const weir_task dies = { .name = "dies", .run = die, .mode = WEIR_PROCESS, .retries = 1, HOOKS };
static const weir_task dead = { .name = "dead", .run = die, .mode = WEIR_PROCESS, HOOKS };

static json_t *call_all(weir_run *run)
{
	for (size_t mode = 0; mode < COUNT(tasks); mode++) {
		for (size_t i = 0; i < COUNT(tasks[mode]); i++) {
			const weir_task *task = &tasks[mode][i];

			for (int calls = strncmp(task->name, "cached", 6) == 0 ? 2 : 1; calls > 0; calls--)
				json_decref(task->parameters[0].name ? weir_call(run, task, "s", "值")
				                                     : weir_call(run, task, NULL));
			weir_recover(run, NULL);
		}
	}
	json_decref(weir_call(run, &dies, NULL));
	json_decref(weir_call(run, &dead, NULL));
	weir_recover(run, NULL);
	return json_true();
}

static const weir_flow options_thread = { .name = "options-thread", .run = call_all };
static const weir_flow options_async = { .name = "options-async", .run = call_all, .mode = WEIR_ASYNC };

/* --- Maps that are empty, of one, and long ----------------------------------------------------------------------- */

static const weir_task echoes[] = {
	{ .name = "echo-thread", .run = give_back, .parameters = ANY_VALUE },
	{ .name = "echo-async", .run = give_back, .parameters = ANY_VALUE, .mode = WEIR_ASYNC },
	{ .name = "echo-process", .run = give_back, .parameters = ANY_VALUE, .mode = WEIR_PROCESS },
};

static json_t *small_maps(weir_run *run)
{
	json_t *all = json_array();

	for (size_t i = 0; i < COUNT(echoes); i++) {
		weir_futures *none = weir_map(run, &echoes[i], NULL);
		weir_futures *empty = weir_map(run, &echoes[i], "[]");
		weir_futures *one = weir_map(run, &echoes[i], "[s]", "一");
		json_t *of_none = weir_call(run, &echoes[i], "[o]", weir_outputs_of(none));

		json_array_append_new(all,
		                      json_pack("[i, i, b, i, o, o, o, o, o]", (int)weir_count(none),
		                                weir_wait(none, WEIR_ANY, WEIR_FOREVER), weir_next(none) == NULL,
		                                weir_wait(empty, WEIR_ALL, 0), weir_results(none), weir_results(empty),
		                                weir_results(one), of_none, weir_call(run, &echoes[i], NULL)));
	}
	return all;
}

static const weir_flow maps_thread = { .name = "maps-thread", .run = small_maps };
static const weir_flow maps_async = { .name = "maps-async", .run = small_maps, .mode = WEIR_ASYNC };

static json_t *long_map(weir_run *run)
{
	json_t *elements = json_array();
	json_auto_t *results = NULL;
	json_t *value;
	json_int_t sum = 0;
	size_t i;

	for (int64_t number = 0; number < weir_integer(run, "count"); number++)
		json_array_append_new(elements, json_integer(number));
	results = weir_results(weir_map_json(run, &echoes[1], NULL, elements));
	json_array_foreach (results, i, value)
		sum += json_integer_value(value);
	return json_integer(sum);
}

static const weir_flow one_by_one = {
	.name = "one-by-one",
	.run = long_map,
	.mode = WEIR_ASYNC,
	.parameters = { { .name = "count", .type = WEIR_INTEGER, .required = true } },
	.max_parallel = 1,
};

/* --- Threads that a function has started and joins --------------------------------------------------------------- */

enum { THREADS = 6 };

struct visit {
	pthread_t thread;
	weir_run *run;
	int number;
	json_t *value;
};

static json_t *use_everything(weir_run *run, int number)
{
	char name[32];
	weir_futures *map;
	weir_future *next;
	int failures = 0, got = 0;

	snprintf(name, sizeof name, "thread-%d", number);
	weir_info(run, "from %s", name);
	failures += weir_checkpoint_set(run, name, json_integer(number)) != 0;
	failures += weir_variable_set(run, name, json_integer(number)) != 0;
	failures += weir_artifact_progress(run, name, number, NULL) != 0;
	failures += weir_concurrency(run, "two", 1) != 0;
	weir_concurrency_release(run, "two", 1);
	for (size_t i = 0; i < COUNT(echoes); i++) {
		json_auto_t *called = weir_call(run, &echoes[i], "i", number);
		json_auto_t *waited = weir_result(weir_submit(run, &echoes[i], "i", number));

		failures += json_integer_value(called) != number || json_integer_value(waited) != number;
		map = weir_map(run, &echoes[i], "[i, i, i]", 1, 2, 3);
		while ((next = weir_next(map)))
			got++;
		failures += weir_wait(map, WEIR_ALL, WEIR_FOREVER) != 0;
	}
	for (json_t *value = weir_checkpoint(run, name); value; json_decref(value), value = NULL)
		got += json_integer_value(value) == number;
	for (json_t *value = weir_variable_get(run, name); value; json_decref(value), value = NULL)
		got += json_integer_value(value) == number;
	return json_pack("[i, i]", failures, got);
}

static void *visit(void *argument)
{
	struct visit *visit = argument;

	visit->value = use_everything(visit->run, visit->number);
	return NULL;
}

static void *start_threads(void *run)
{
	struct visit visits[THREADS];
	json_t *all = json_array();

	for (int i = 0; i < THREADS; i++) {
		visits[i] = (struct visit){ .run = run, .number = i };
		if (pthread_create(&visits[i].thread, NULL, visit, &visits[i]) != 0)
			abort();
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(visits[i].thread, NULL);
		json_array_append_new(all, visits[i].value);
	}
	return all;
}

static json_t *with_threads(weir_run *run)
{
	return weir_blocking(run, start_threads, run);
}

static json_t *call_on_this_thread(weir_run *run)
{
	struct visit alone = { .run = run };

	weir_blocking(run, visit, &alone);
	return alone.value;
}

static const weir_task threads_task = { .name = "threads-task", .run = with_threads, .timeout_seconds = 600 };
static const weir_task threads_coroutine = { .name = "threads-coroutine", .run = with_threads, .mode = WEIR_ASYNC };

static json_t *call_threads_task(weir_run *run)
{
	return weir_result(weir_submit(run, &threads_task, NULL));
}

static json_t *call_threads_coroutine(weir_run *run)
{
	return weir_result(weir_submit(run, &threads_coroutine, NULL));
}

static const weir_flow threads_flow = { .name = "threads-flow", .run = with_threads };
static const weir_flow threads_async = { .name = "threads-async", .run = with_threads, .mode = WEIR_ASYNC };
static const weir_flow threads_in_task = { .name = "threads-in-task", .run = call_threads_task };
static const weir_flow threads_in_coroutine = { .name = "threads-in-coroutine", .run = call_threads_coroutine };
static const weir_flow blocking_flow = { .name = "blocking-async", .run = call_on_this_thread, .mode = WEIR_ASYNC };

/* --- A loop goes on while one of its coroutines waits ------------------------------------------------------------- */

static atomic_int ticks;

static json_t *take_slot(weir_run *run)
{
	int code = weir_concurrency(run, "one", 1);

	return code < 0 ? weir_fail(run, "%s", weir_strerror(code)) : json_integer(atomic_load(&ticks));
}

static json_t *tick(weir_run *run)
{
	if (weir_concurrency(run, "one", 1) < 0)
		return weir_fail(run, "the first one gets it");
	weir_info(run, "holds it");
	for (int i = 0; i < 20; i++) {
		weir_sleep(run, 0.005);
		atomic_fetch_add(&ticks, 1);
	}
	weir_concurrency_release(run, "one", 1);
	return json_true();
}

static const weir_task slot_task = { .name = "slot", .run = take_slot, .mode = WEIR_ASYNC };
static const weir_task tick_task = { .name = "tick", .run = tick, .mode = WEIR_ASYNC };

static json_t *tick_beside_waiting(weir_run *run)
{
	weir_future *ticking = weir_submit(run, &tick_task, NULL);
	weir_future *waiting;

	weir_sleep(run, 0.05);
	waiting = weir_submit(run, &slot_task, NULL);
	json_decref(weir_result(ticking));
	return weir_result(waiting);
}

static const weir_flow ticking = { .name = "ticking", .run = tick_beside_waiting, .mode = WEIR_ASYNC };

static json_t *count_call(weir_run *run)
{
	atomic_fetch_add(&ticks, 1);
	weir_sleep(run, 0.05);
	return json_integer(atomic_load(&ticks));
}

static const weir_task counted = { .name = "counted", .run = count_call, .mode = WEIR_ASYNC };

static json_t *call_once(weir_run *run)
{
	return weir_call_once(run, "the key", &counted, NULL);
}

static const weir_task once_task = { .name = "once", .run = call_once, .mode = WEIR_ASYNC };

static json_t *call_once_at_once(weir_run *run)
{
	return weir_results(weir_map(run, &once_task, "[[],[],[],[],[]]"));
}

static const weir_flow once_async = { .name = "once-async", .run = call_once_at_once, .mode = WEIR_ASYNC };

/* --- Return codes -------------------------------------------------------------------------------------------------- */

static const weir_task sleeper = { .name = "sleeper", .run = oversleep, .mode = WEIR_ASYNC, .timeout_seconds = 0.5 };

static json_t *tell_codes(weir_run *run)
{
	static const struct {
		const char *name;
		int slots;
	} asked[] = { { "one", 1 }, { "one", 2 }, { "one", 0 }, { "one", -1 }, { "unlimited", 100 }, { "", 1 } };
	weir_futures *late = weir_map(run, &sleeper, "[[]]");
	json_t *codes = json_object();
	int fds[2];

	for (size_t i = 0; i < COUNT(asked); i++) {
		char key[64];

		snprintf(key, sizeof key, "%s %d", asked[i].name, asked[i].slots);
		json_object_set_new(codes, key, json_integer(weir_concurrency(run, asked[i].name, asked[i].slots)));
	}
	json_object_set_new(codes, "none", json_integer(weir_concurrency(run, NULL, 1)));
	json_object_set_new(codes, "full", json_integer(weir_concurrency_within(run, "one", 1, 0)));
	json_object_set_new(codes, "full a while", json_integer(weir_concurrency_within(run, "one", 1, 0.01)));
	json_object_set_new(codes, "rate", json_integer(weir_server_rate_limit(run, "one", 1)));
	json_object_set_new(codes, "wait 0", json_integer(weir_wait(late, WEIR_ALL, 0)));
	json_object_set_new(codes, "wait", json_integer(weir_wait(late, WEIR_ANY, 0.01)));
	json_object_set_new(codes, "wait for it", json_integer(weir_wait(late, WEIR_ALL, WEIR_FOREVER)));
	json_object_set_new(codes, "ended as", json_string(weir_state_of(weir_at(late, 0))->name));
	json_object_set_new(codes, "sleep", json_integer(weir_sleep(run, 0)));
	json_object_set_new(codes, "sleep less", json_integer(weir_sleep(run, -1)));
	if (pipe(fds) < 0)
		abort();
	json_object_set_new(codes, "fd", json_integer(weir_wait_fd(run, fds[0], POLLIN, 0.01)));
	json_object_set_new(codes, "fd 0", json_integer(weir_wait_fd(run, fds[0], POLLIN, 0)));
	json_object_set_new(codes, "fd out", json_boolean(weir_wait_fd(run, fds[1], POLLOUT, 1) == POLLOUT));
	close(fds[1]);
	json_object_set_new(codes, "fd end", json_boolean(weir_wait_fd(run, fds[0], 0, WEIR_FOREVER) == POLLHUP));
	close(fds[0]);
	json_object_set_new(codes, "fd none", json_integer(weir_wait_fd(run, -1, POLLIN, 1)));
	json_object_set_new(codes, "checkpoint", json_integer(weir_checkpoint_set(run, "", json_true())));
	json_object_set_new(codes, "checkpoint null", json_integer(weir_checkpoint_set(run, NULL, json_true())));
	json_object_set_new(codes, "variable", json_integer(weir_variable_set(run, "Not A Name", json_true())));
	json_object_set_new(codes, "variable null", json_integer(weir_variable_set(run, NULL, json_true())));
	json_object_set_new(codes, "variable nul",
	                    json_integer(weir_variable_set(run, "nul", json_stringn("a\0b", 3))));
	json_object_set_new(codes, "nul", weir_variable_get(run, "nul"));
	json_object_set_new(codes, "artifact", json_integer(weir_artifact_markdown(run, "Not A Key", "", NULL)));
	json_object_set_new(codes, "artifact null", json_integer(weir_artifact_markdown(run, NULL, NULL, NULL)));
	json_object_set_new(codes, "table null", json_integer(weir_artifact_table(run, NULL, NULL, NULL)));
	json_object_set_new(codes, "link null", json_integer(weir_artifact_link(run, NULL, NULL, NULL, NULL)));
	json_object_set_new(codes, "progress", json_integer(weir_artifact_progress(run, "bar", NAN, NULL)));
	json_object_set_new(codes, "progress null", json_integer(weir_artifact_progress(run, NULL, 50, NULL)));
	return codes;
}

static const weir_flow codes_thread = { .name = "codes-thread", .run = tell_codes };
static const weir_flow codes_async = { .name = "codes-async", .run = tell_codes, .mode = WEIR_ASYNC };

/* --- In a process of its own --------------------------------------------------------------------------------------- */

static void *give_argument(void *argument)
{
	return argument;
}

static void *make_local(void)
{
	return malloc(1);
}

static const weir_local_key local_key = { "local", make_local, free };

static json_t *use_in_process(weir_run *run)
{
	const char *argv[] = { "sh", "-c", "echo 值", NULL };
	json_auto_t *program = weir_process(run, argv, NULL);
	int fds[2], readable, late;

	if (pipe(fds) < 0 || write(fds[1], "x", 1) != 1)
		abort();
	readable = weir_wait_fd(run, fds[0], POLLIN, 10);
	late = weir_wait_fd(run, fds[0], POLLPRI, 0.01);
	weir_transaction_set(run, "set", json_integer(7));
	return json_pack("{s:b, s:i, s:b, s:b, s:b, s:O, s:o, s:b, s:i}", "readable", readable == POLLIN, "late", late,
	                 "blocking", weir_blocking(run, give_argument, run) == run, "local",
	                 weir_run_local(run, &local_key) == weir_run_local(run, &local_key), "loop",
	                 weir_loop_local(&local_key) == NULL, "stdout", json_object_get(program, "stdout"), "set",
	                 weir_transaction_get(run, "set"), "recovered", weir_recover(run, NULL), "slept",
	                 weir_sleep(run, 0.01));
}

static const weir_task in_process = { .name = "in-process", .run = use_in_process, .mode = WEIR_PROCESS };

static json_t *call_in_process(weir_run *run)
{
	return weir_call(run, &in_process, NULL);
}

static const weir_flow child_flow = { .name = "child", .run = call_in_process, .mode = WEIR_ASYNC };

static void hear(int number)
{
	(void)number;
}

static json_t *outlive_sigterm(weir_run *run)
{
	const struct sigaction action = { .sa_handler = hear };
	int fds[2], code;

	sigaction(SIGTERM, &action, NULL);
	if (pipe(fds) < 0)
		abort();
	weir_info(run, "it waits");
	code = weir_wait_fd(run, fds[0], POLLIN, 600);
	weir_info(run, "waited: %s", weir_strerror(code));
	return json_integer(code);
}

static const weir_task outlives = { .name = "outlives", .run = outlive_sigterm, .mode = WEIR_PROCESS };

static json_t *call_outlives(weir_run *run)
{
	printf("started %s\n", weir_run_id(run));
	fflush(stdout);
	return weir_call(run, &outlives, NULL);
}

static const weir_flow outlives_flow = { .name = "outlives", .run = call_outlives };

/* --- Ended from outside --------------------------------------------------------------------------------------------- */

static json_t *sleep_long(weir_run *run)
{
	weir_sleep(run, 600);
	return NULL;
}

static json_t *sleep_in_process(weir_run *run)
{
	fprintf(stderr, "child %d\n", (int)getpid());
	weir_sleep(run, 600);
	return NULL;
}

static json_t *pause_long(weir_run *run)
{
	return weir_pause(run, NULL);
}

static json_t *wait_for_slot(weir_run *run)
{
	int code = weir_concurrency(run, "one", 1);

	return code < 0 ? NULL : sleep_long(run);
}

static const weir_task sleeps = { .name = "sleeps", .run = sleep_long, .mode = WEIR_ASYNC, HOOKS };
static const weir_task sleeps_in_process = {
	.name = "sleeps-in-process", .run = sleep_in_process, .mode = WEIR_PROCESS, HOOKS
};
static const weir_task waits = { .name = "waits", .run = wait_for_slot, .mode = WEIR_ASYNC, HOOKS };
static const weir_task waits_on_thread = { .name = "waits-on-thread", .run = wait_for_slot, HOOKS };
static const weir_flow pauses_below = { .name = "pauses-below", .run = pause_long, .mode = WEIR_ASYNC };
static const weir_task retried_late = {
	.name = "retried-late", .run = fail_always, .retries = 1, .retry_delay_seconds = { 600 }, HOOKS
};

static json_t *be_busy(weir_run *run)
{
	weir_submit(run, &sleeps, NULL);
	weir_submit(run, &sleeps_in_process, NULL);
	weir_submit(run, &waits, NULL);
	weir_submit(run, &waits_on_thread, NULL);
	weir_submit(run, &retried_late, NULL);
	weir_submit_flow(run, &pauses_below, NULL);
	printf("started %s\n", weir_run_id(run));
	fflush(stdout);
	return json_true();
}

static const weir_flow busy_thread = { .name = "busy-thread", .run = be_busy, HOOKS };
static const weir_flow busy_async = { .name = "busy-async", .run = be_busy, .mode = WEIR_ASYNC, HOOKS };

/* --- A program that has threads, and no weir_main ------------------------------------------------------------------ */

static json_t *run_another_flow(weir_run *run);

static json_t *run_nested(weir_run *run)
{
	json_t *process = weir_call(run, &echoes[2], "s", "值");
	json_t *another = run_another_flow(run);

	return process && another ? json_pack("[o, o]", process, another) : NULL;
}

static json_t *run_plain(weir_run *run)
{
	return weir_call(run, &echoes[1], "s", "inner");
}

static const weir_flow inner_async = { .name = "inner-async", .run = run_plain, .mode = WEIR_ASYNC };
static const weir_flow inner_thread = { .name = "inner-thread", .run = run_plain };

static void *run_inner_async(void *argument)
{
	json_t *result = NULL;

	(void)argument;
	return weir_run_flow(&inner_async, &result, NULL, NULL) == 0 ? result : json_null();
}

static json_t *run_another_flow(weir_run *run)
{
	json_t *first = NULL, *second = NULL;
	weir_problem problem;

	if (weir_run_flow(&inner_async, &first, &problem, NULL) < 0 ||
	    weir_run_flow(&inner_thread, &second, &problem, NULL) < 0) {
		json_decref(first);
		return weir_fail(run, "%s", problem.message);
	}
	return json_pack("[o, o, o]", first, second, (json_t *)weir_blocking(run, run_inner_async, NULL));
}

static const weir_flow host_async = { .name = "host-async", .run = run_nested, .mode = WEIR_ASYNC };
static const weir_flow host_thread = { .name = "host-thread", .run = run_nested };
static const weir_task nests = { .name = "nests", .run = run_another_flow };

static json_t *run_in_task(weir_run *run)
{
	return weir_result(weir_submit(run, &nests, NULL));
}

static const weir_flow host_in_task = { .name = "host-in-task", .run = run_in_task };

static void *run_host_flow(void *flow)
{
	json_t *result = NULL;
	weir_problem problem = { 0 };

	if (weir_run_flow(flow, &result, &problem, NULL) < 0)
		weir_complain(&problem);
	return result ? result : json_null();
}

static int be_host(void)
{
	static const weir_flow *const flows[] = { &host_async, &host_thread, &host_in_task, &host_async };
	pthread_t threads[COUNT(flows)];
	json_auto_t *all = json_array();
	void *result;

	for (size_t i = 0; i < COUNT(flows); i++) {
		if (pthread_create(&threads[i], NULL, run_host_flow, (void *)(uintptr_t)flows[i]) != 0)
			abort();
	}
	for (size_t i = 0; i < COUNT(flows); i++) {
		pthread_join(threads[i], &result);
		json_array_append_new(all, result);
	}
	json_dumpf(all, stdout, 0);
	putchar('\n');
	return 0;
}

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &options_thread,
		                                  &options_async,
		                                  &maps_thread,
		                                  &maps_async,
		                                  &one_by_one,
		                                  &threads_flow,
		                                  &threads_async,
		                                  &threads_in_task,
		                                  &threads_in_coroutine,
		                                  &blocking_flow,
		                                  &ticking,
		                                  &once_async,
		                                  &codes_thread,
		                                  &codes_async,
		                                  &child_flow,
		                                  &outlives_flow,
		                                  &busy_thread,
		                                  &busy_async,
		                                  NULL };

	return argc == 2 && strcmp(argv[1], "host") == 0 ? be_host() : weir_main(argc, argv, flows);
}
