/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stress - a random mixture, by a seed, of modes, nesting, limits, caches, transactions, pauses, time limits and retries. What
 * comes out is of no interest: all must end, and leave nothing behind. See tests/e2e/test_stress.py.
 *
 * Nothing here waits for what it holds itself up: those with a tag or a cache key call nobody, there is one key of
 * transactions, and slots are waited for a short time only.
 */
#include <weir.h>

#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SEEDED                                                                                                         \
	.parameters = {                                                                                                \
		{ .name = "seed", .type = WEIR_INTEGER, .fallback = "1" },                                             \
		{ .name = "depth", .type = WEIR_INTEGER, .fallback = "3" },                                            \
	}

static json_t *leaf(weir_run *run);
static json_t *node(weir_run *run);

/* --- Hooks and conditions ------------------------------------------------------------------------------------------- */

static void sleep_in_hook(weir_run *run, const weir_state *state)
{
	(void)state;
	(void)!weir_sleep(run, 0.005);
}

static void block_in_hook(weir_run *run, const weir_state *state)
{
	(void)run, (void)state;
	usleep(60000);
}

static bool mostly(weir_run *run, const weir_state *failed)
{
	(void)failed;
	return weir_integer(run, "seed") % 4 != 0;
}

/* --- What is called -------------------------------------------------------------------------------------------------- */

#define HOOKS(hook)                                                                                                    \
	{                                                                                                              \
		hook, hook, hook, hook, hook                                                                           \
	}

/* Each kind in both modes: they are told apart by a letter. */
#define TASKS(letter, kind)                                                                                            \
	static const weir_task letter##_plain = { .name = #letter "-plain", SEEDED, .run = node, .mode = kind };       \
	static const weir_task letter##_tagged = {                                                                     \
		.name = #letter "-tagged", SEEDED, .run = leaf, .mode = kind, .tags = { "few" }                        \
	};                                                                                                             \
	static const weir_task letter##_cached = { .name = #letter "-cached",                                          \
		                                   SEEDED,                                                             \
		                                   .run = leaf,                                                        \
		                                   .mode = kind,                                                       \
		                                   .cache_by = WEIR_CACHE_INPUTS,                                      \
		                                   .retries = 1,                                                       \
		                                   .retry_beside_abandoned = WEIR_ON,                                  \
		                                   .timeout_seconds = 0.02 };                                          \
	static const weir_task letter##_limited = { .name = #letter "-limited",                                        \
		                                    SEEDED,                                                            \
		                                    .run = node,                                                       \
		                                    .mode = kind,                                                      \
		                                    .timeout_seconds = 0.04,                                           \
		                                    .hooks = HOOKS(block_in_hook) };                                   \
	static const weir_task letter##_both = { .name = #letter "-both",                                              \
		                                 SEEDED,                                                               \
		                                 .run = leaf,                                                          \
		                                 .mode = kind,                                                         \
		                                 .tags = { "few" },                                                    \
		                                 .timeout_seconds = 0.02,                                              \
		                                 .retries = 2,                                                         \
		                                 .retry_delay_seconds = { 0, 0.01 },                                   \
		                                 .retry_beside_abandoned = WEIR_ON };                                  \
	static const weir_task letter##_retried = { .name = #letter "-retried",                                        \
		                                    SEEDED,                                                            \
		                                    .run = node,                                                       \
		                                    .mode = kind,                                                      \
		                                    .retries = 2,                                                      \
		                                    .retry_delay_seconds = { 0.005 },                                  \
		                                    .retry_condition = mostly,                                         \
		                                    .hooks = HOOKS(sleep_in_hook),                                     \
		                                    .on_commit = sleep_in_hook,                                        \
		                                    .on_rollback = sleep_in_hook }

TASKS(t, WEIR_THREAD);
TASKS(a, WEIR_ASYNC);

static const weir_task process_task = {
	.name = "process", SEEDED, .run = leaf, .mode = WEIR_PROCESS, .timeout_seconds = 0.05
};

static const weir_task *const tasks[] = { &t_plain,  &a_plain,   &t_tagged,    &a_tagged,  &t_cached,
	                                  &a_cached, &t_limited, &a_limited,   &t_retried, &a_retried,
	                                  &t_both,   &a_both,    &process_task };

#define FLOWS(letter, kind)                                                                                            \
	static const weir_flow letter##_gated = {                                                                      \
		.name = #letter "-gated", SEEDED, .run = node, .mode = kind, .max_parallel = 2                         \
	};                                                                                                             \
	static const weir_flow letter##_timed = { .name = #letter "-timed",                                            \
		                                  SEEDED,                                                              \
		                                  .run = node,                                                         \
		                                  .mode = kind,                                                        \
		                                  .timeout_seconds = 0.08,                                             \
		                                  .max_parallel = 3,                                                   \
		                                  .hooks = HOOKS(block_in_hook) };                                     \
	static const weir_flow letter##_again = { .name = #letter "-again",                                            \
		                                  SEEDED,                                                              \
		                                  .run = node,                                                         \
		                                  .mode = kind,                                                        \
		                                  .retries = 1,                                                        \
		                                  .retry_delay_seconds = 0.01,                                         \
		                                  .hooks = HOOKS(sleep_in_hook) }

FLOWS(t, WEIR_THREAD);
FLOWS(a, WEIR_ASYNC);

static const weir_flow *const subflows[] = { &t_gated, &a_gated, &t_timed, &a_timed, &t_again, &a_again };

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* --- Chance ---------------------------------------------------------------------------------------------------------- */

struct chance {
	uint64_t state;
};

static unsigned draw(struct chance *chance, unsigned below)
{
	chance->state = chance->state * 6364136223846793005U + 1442695040888963407U;
	return (unsigned)(chance->state >> 33) % below;
}

static struct chance chance_of(weir_run *run)
{
	struct chance chance = { (uint64_t)weir_integer(run, "seed") * 2654435761U + (uint64_t)weir_attempt(run) };

	draw(&chance, 2);
	return chance;
}

/* --- What functions do ----------------------------------------------------------------------------------------------- */

/* Hear nothing for a while, as long as the grace time and longer. */
static void be_deaf(weir_run *run, struct chance *chance)
{
	struct timespec begin, now;
	long limit_ms = 20 + (long)draw(chance, 120);

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		(void)!weir_sleep(run, 0.003);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < limit_ms);
}

static json_t *end(weir_run *run, struct chance *chance)
{
	switch (draw(chance, 12)) {
	case 0:
		return weir_fail(run, "by chance");
	case 1:
		return weir_skip(run, "by chance");
	case 2:
		return NULL;
	default:
		return json_integer(weir_integer(run, "seed"));
	}
}

static json_t *leaf(weir_run *run)
{
	struct chance chance = chance_of(run);

	if (draw(&chance, 8) == 0)
		be_deaf(run, &chance);
	else
		(void)!weir_sleep(run, draw(&chance, 8) / 1000.0);
	return end(run, &chance);
}

/* Few different arguments at the leaves, so that caches are hit. */
static json_t *child_arguments(weir_run *run, struct chance *chance)
{
	int64_t depth = weir_integer(run, "depth") - 1;

	return json_pack("{s:i, s:I}", "seed", (int)draw(chance, depth > 0 ? 1000000 : 6), "depth", (json_int_t)depth);
}

static const weir_task *any_task(struct chance *chance)
{
	return tasks[draw(chance, COUNT(tasks))];
}

static void map(weir_run *run, struct chance *chance)
{
	json_t *elements = json_array();
	weir_futures *futures;

	for (unsigned i = draw(chance, 4); i-- > 0;)
		json_array_append_new(elements, child_arguments(run, chance));
	futures = weir_map_json(run, any_task(chance), NULL, elements);
	if (draw(chance, 3) == 0)
		(void)!weir_wait(futures, WEIR_ANY, 0.01);
	else if (draw(chance, 2) == 0)
		while (weir_next(futures))
			;
	else
		json_decref(weir_results(futures));
}

static void submit(weir_run *run, struct chance *chance)
{
	weir_future *first = weir_submit_json(run, any_task(chance), NULL, child_arguments(run, chance));
	weir_future *const wait_for[] = { first, NULL };
	const weir_submit_options options = { .wait_for = wait_for, .allow_failure = draw(chance, 2) == 0 };
	weir_future *second = weir_submit_json(run, any_task(chance), &options, child_arguments(run, chance));

	if (draw(chance, 2) == 0)
		weir_release(first);
	if (draw(chance, 2) == 0)
		json_decref(weir_result(second));
}

static void ask_for_slots(weir_run *run, struct chance *chance)
{
	int slots = 1 + (int)draw(chance, 2);

	if (weir_concurrency_within(run, "pair", slots, draw(chance, 3) * 0.01) == 0 && draw(chance, 2) == 0)
		weir_concurrency_release(run, "pair", slots);
}

/* Kept open now and then. */
static void transact(weir_run *run, struct chance *chance)
{
	weir_transaction *transaction = weir_transaction_begin(run, draw(chance, 2) ? "key" : NULL);

	if (!transaction)
		return;
	json_decref(weir_call_json(run, any_task(chance), child_arguments(run, chance)));
	switch (draw(chance, 3)) {
	case 0:
		(void)!weir_transaction_commit(transaction);
		break;
	case 1:
		weir_transaction_rollback(transaction);
		break;
	}
}

static void act(weir_run *run, struct chance *chance)
{
	switch (draw(chance, 10)) {
	case 0:
	case 1:
		json_decref(weir_call_json(run, any_task(chance), child_arguments(run, chance)));
		break;
	case 2:
		json_decref(
		        weir_subflow_json(run, subflows[draw(chance, COUNT(subflows))], child_arguments(run, chance)));
		break;
	case 3:
		weir_submit_flow_json(run, subflows[draw(chance, COUNT(subflows))], child_arguments(run, chance));
		break;
	case 4:
	case 5:
		map(run, chance);
		break;
	case 6:
		submit(run, chance);
		break;
	case 7:
		ask_for_slots(run, chance);
		break;
	case 8:
		transact(run, chance);
		break;
	default:
		(void)!weir_sleep(run, draw(chance, 10) / 1000.0);
	}
}

static json_t *node(weir_run *run)
{
	struct chance chance = chance_of(run);

	if (weir_integer(run, "depth") <= 0)
		return leaf(run);
	for (unsigned i = 1 + draw(&chance, 4); i-- > 0;)
		act(run, &chance);
	if (draw(&chance, 10) == 0)
		be_deaf(run, &chance);
	return end(run, &chance);
}

/* --- The flows of the program ---------------------------------------------------------------------------------------- */

static json_t *several(weir_run *run)
{
	struct chance chance = chance_of(run);
	const weir_pause_options pause = { .timeout_seconds = 0.02 };

	puts("begins");
	fflush(stdout);
	for (int i = 0; i < 6; i++)
		weir_submit_flow_json(run, subflows[draw(&chance, COUNT(subflows))], child_arguments(run, &chance));
	for (int i = 0; i < 6; i++)
		act(run, &chance);
	return draw(&chance, 6) == 0 ? weir_pause(run, &pause) : json_true();
}

static const weir_flow thread_stress = { .name = "thread", SEEDED, .run = several };
static const weir_flow async_stress = { .name = "async", SEEDED, .run = several, .mode = WEIR_ASYNC };
static const weir_flow timed_stress = { .name = "timed",
	                                SEEDED,
	                                .run = several,
	                                .mode = WEIR_ASYNC,
	                                .timeout_seconds = 0.3,
	                                .hooks = HOOKS(sleep_in_hook) };

int main(int argc, char **argv)
{
	return weir_main(argc, argv, (const weir_flow *const[]){ &thread_stress, &async_stress, &timed_stress, NULL });
}
