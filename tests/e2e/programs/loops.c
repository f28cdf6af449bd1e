/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loops - a host with threads of its own, each of which runs asynchronous flows: each has a loop to itself, which closes
 * after the last run on it. Usage: loops THREADS ROUNDS. Prints how many loops were made, and how many were closed with all
 * that was bound to them.
 */
#include <weir.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static int made, closed, wrong;

static void *make_value(void)
{
	__atomic_add_fetch(&made, 1, __ATOMIC_RELAXED);
	return calloc(1, sizeof(int));
}

static void destroy_value(void *value)
{
	/* Three children have used it. */
	if (*(int *)value != 3)
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&closed, 1, __ATOMIC_RELAXED);
	free(value);
}

static const weir_local_key value_key = { "value", make_value, destroy_value };

static json_t *use_loop(weir_run *run)
{
	int *uses = weir_loop_local(&value_key);

	if (weir_sleep(run, 0.01) < 0)
		return NULL;
	*uses += 1; /* without a lock: all on one thread */
	return json_incref(weir_value(run, "item"));
}

static const weir_flow inner_flow = {
	.name = "inner",
	.parameters = { { .name = "item", .type = WEIR_INTEGER, .required = true } },
	.run = use_loop,
	.mode = WEIR_ASYNC,
};

static json_t *call_inner(weir_run *run)
{
	return weir_subflow(run, &inner_flow, "O", weir_value(run, "item"));
}

static const weir_task outer_task = {
	.name = "outer",
	.parameters = { { .name = "item", .type = WEIR_INTEGER, .required = true } },
	.run = call_inner,
	.mode = WEIR_ASYNC,
};

/* Not awaited. */
static json_t *map_outer(weir_run *run)
{
	weir_map(run, &outer_task, "[i,i,i]", 1, 2, 3);
	return json_null();
}

static const weir_flow outer_flow = { .name = "outer", .run = map_outer, .mode = WEIR_ASYNC };

static int rounds;

static void *run_rounds(void *argument)
{
	weir_problem problem;

	(void)argument;
	for (int i = 0; i < rounds; i++) {
		if (weir_run_flow(&outer_flow, NULL, &problem, NULL) < 0) {
			fprintf(stderr, "%s\n", problem.message);
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	int count = argc > 1 ? atoi(argv[1]) : 8;

	rounds = argc > 2 ? atoi(argv[2]) : 1;
	if (count > 64)
		return 2;
	for (int i = 0; i < count; i++) {
		if (pthread_create(&threads[i], NULL, run_rounds, NULL) != 0)
			return 1;
	}
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("made %d closed %d wrong %d\n", made, closed, wrong);
	return wrong ? 1 : 0;
}
