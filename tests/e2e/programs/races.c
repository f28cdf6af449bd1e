/* SPDX-License-Identifier: Apache-2.0 */
/*
 * races - what goes on when a flow has ended: abandoned functions, hooks that come late, loops that are gone. A program with
 * a main of its own, which lives on behind its flows: see tests/e2e/test_races.py.
 */
#include <weir.h>

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool late_hook_is_over;

static void wait_for_late_hook(void)
{
	while (!__atomic_load_n(&late_hook_is_over, __ATOMIC_ACQUIRE))
		usleep(10000);
	usleep(300000); /* the run that it belongs to ends behind it */
}

/* --- Coroutines on a thread of the pool hear nothing: the thread is not theirs to be abandoned ------------------------ */

static json_t *hear_nothing(weir_run *run)
{
	double until = now() + 2;

	while (now() < until)
		(void)!weir_sleep(run, 0.01);
	return NULL;
}

static const weir_task deaf_task = { .name = "deaf", .run = hear_nothing, .mode = WEIR_ASYNC, .timeout_seconds = 0.2 };

static json_t *submit_deaf(weir_run *run)
{
	weir_futures *deaf = weir_map(run, &deaf_task, "[{},{}]");

	(void)!weir_wait(deaf, WEIR_ALL, WEIR_FOREVER);
	return json_integer((json_int_t)weir_count(deaf));
}

static const weir_flow deaf_flow = { .name = "deaf-flow", .run = submit_deaf, .mode = WEIR_ASYNC };

static json_t *run_deaf_flow(weir_run *run)
{
	json_t *result = NULL;
	weir_problem problem;

	return weir_run_flow(&deaf_flow, &result, &problem, NULL) == 0 ? result : weir_fail(run, "%s", problem.message);
}

/* With a time limit, so that a thread of the pool runs it. */
static const weir_task outer_task = { .name = "outer", .run = run_deaf_flow, .timeout_seconds = 60 };

static json_t *call_outer(weir_run *run)
{
	json_t *first = weir_call(run, &outer_task, NULL);

	json_decref(first);
	return first ? weir_call(run, &outer_task, NULL) : NULL;
}

static const weir_flow loop_in_pool = { .name = "loop-in-pool", .run = call_outer };

/* --- A coroutine waits for a child whose hook outlives the loop ------------------------------------------------------- */

static json_t *succeed(weir_run *run)
{
	(void)run;
	return json_true();
}

static void take_long(weir_run *run, const weir_state *state)
{
	(void)run, (void)state;
	usleep(1500000);
	__atomic_store_n(&late_hook_is_over, true, __ATOMIC_RELEASE);
}

static const weir_task hooked_task = { .name = "hooked", .run = succeed, .hooks = { .on_completion = take_long } };

static json_t *leave_hooked(weir_run *run)
{
	weir_submit(run, &hooked_task, NULL);
	return json_true();
}

static const weir_flow loop_is_gone = {
	.name = "loop-is-gone", .run = leave_hooked, .mode = WEIR_ASYNC, .timeout_seconds = 0.2
};

/* --- A flow with a hook that is retried --------------------------------------------------------------------------------- */

static json_t *fail_once(weir_run *run)
{
	return weir_attempt(run) == 1 ? weir_fail(run, "the first time") : json_true();
}

static void say(weir_run *run, const weir_state *state)
{
	printf("hook of attempt %d: %s\n", weir_attempt(run), state->name);
}

static const weir_flow retried_with_hook = {
	.name = "retried-with-hook",
	.run = fail_once,
	.retries = 1,
	.hooks = { .on_completion = say, .on_failure = say },
};

/* --- A flow that needs no thread but for its hook ------------------------------------------------------------------------ */

static const weir_flow hooked_flow = { .name = "hooked-flow", .run = succeed, .hooks = { .on_completion = say } };

/* --- Slots that come to who was given up while it asked ----------------------------------------------------------------- */

static json_t *ask_for_slot(weir_run *run)
{
	puts("asks");
	fflush(stdout);
	sleep(1); /* meanwhile the test locks the store */
	return json_integer(weir_concurrency_within(run, "one", 1, 0));
}

static const weir_task asking_task = { .name = "asking", .run = ask_for_slot, .timeout_seconds = 1.2 };

static json_t *take_slot(weir_run *run)
{
	int result = weir_concurrency_within(run, "one", 1, 20);

	return result < 0 ? weir_fail(run, "%s", weir_strerror(result)) : json_true();
}

static const weir_task taking_task = { .name = "taking", .run = take_slot };

static json_t *ask_and_take(weir_run *run)
{
	weir_future *asking = weir_submit(run, &asking_task, NULL);

	json_decref(weir_result(asking));
	return weir_call(run, &taking_task, NULL);
}

static const weir_flow late_slots = { .name = "late-slots", .run = ask_and_take };

/* ------------------------------------------------------------------------------------------------------------------------- */

static const struct {
	const weir_flow *flow;
	void (*wait)(void); /* for what goes on behind it */
} scenes[] = {
	{ &loop_in_pool, NULL },      { &loop_is_gone, wait_for_late_hook },
	{ &retried_with_hook, NULL }, { &hooked_flow, NULL },
	{ &late_slots, NULL },
};

int main(int count, char **arguments)
{
	for (size_t i = 0; count == 2 && i < sizeof scenes / sizeof *scenes; i++) {
		json_auto_t *result = NULL;
		weir_problem problem = { 0 };
		int code;

		if (strcmp(arguments[1], scenes[i].flow->name) != 0)
			continue;
		code = weir_run_flow(scenes[i].flow, &result, &problem, NULL);
		printf("%s: %s\n", code < 0 ? weir_strerror(code) : "completed", problem.message);
		if (scenes[i].wait)
			scenes[i].wait();
		puts("lives");
		return 0;
	}
	return 2;
}
