/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes whose children are work of a pool: a great many of them, and waits that must not keep their place. */
#include "loop/pool.h"
#include "loop/scope.h"

#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY = 100000, THREADS = 8 };

struct job {
	struct work work;
	struct scope *scope;
	struct scope_child child;
	unsigned ended; /* atomic */
};

static void run_job(struct work *work)
{
	struct job *job = CONTAINER_OF(work, struct job, work);

	__atomic_add_fetch(&job->ended, 1, __ATOMIC_RELAXED);
	scope_child_done(job->scope, &job->child);
}

static struct job jobs[MANY + 1];

static void add_job(struct job *job, struct scope *scope, struct scope_group *group)
{
	*job = (struct job){ .work.run = run_job, .scope = scope };
	scope_add(scope, &job->child, group);
}

static void begin_jobs(struct pool *pool, struct scope *scope, struct scope_group *group)
{
	for (size_t i = 0; i < MANY; i++) {
		add_job(&jobs[i], scope, group);
		if (pool_submit(pool, &jobs[i].work, NULL) < 0)
			abort();
	}
}

static void join_waits_for_a_hundred_thousand(void **state)
{
	struct pool *pool = pool_new(THREADS);
	struct scope scope;
	unsigned ended = 0;

	(void)state;
	scope_init(&scope);
	begin_jobs(pool, &scope, NULL);
	scope_join(&scope);
	for (size_t i = 0; i < MANY; i++)
		ended += jobs[i].ended;
	assert_int_equal(ended, MANY);
	scope_done(&scope);
	pool_free(pool);
}

/* Two threads share the children of one group out among themselves: each gets to one of them. */
struct taker {
	pthread_t thread;
	struct scope *scope;
	struct scope_group *group;
	unsigned taken;
	int error;
};

static void *take_all(void *argument)
{
	struct taker *taker = argument;
	struct scope_child *child;

	while ((child = scope_next(taker->scope, taker->group, &taker->error))) {
		CONTAINER_OF(child, struct job, child)->ended += 10; /* it has ended: nobody else writes */
		taker->taken++;
	}
	return NULL;
}

static void next_gives_each_of_a_hundred_thousand_once(void **state)
{
	struct pool *pool = pool_new(THREADS);
	struct job *last = &jobs[MANY]; /* ends when all the others are there, so that nobody stops too soon */
	struct scope_group group = { 0 };
	struct taker takers[2];
	struct scope scope;

	(void)state;
	scope_init(&scope);
	add_job(last, &scope, &group);
	for (size_t i = 0; i < ARRAY_LENGTH(takers); i++) {
		takers[i] = (struct taker){ .scope = &scope, .group = &group };
		assert_int_equal(pthread_create(&takers[i].thread, NULL, take_all, &takers[i]), 0);
	}
	begin_jobs(pool, &scope, &group);
	assert_int_equal(scope_wait_group(&scope, &group, MANY, INT64_MAX), 0);
	run_job(&last->work);
	for (size_t i = 0; i < ARRAY_LENGTH(takers); i++) {
		pthread_join(takers[i].thread, NULL);
		assert_int_equal(takers[i].error, 0);
	}
	assert_int_equal(takers[0].taken + takers[1].taken, MANY + 1);
	for (size_t i = 0; i <= MANY; i++)
		assert_int_equal(jobs[i].ended, 11);
	scope_done(&scope);
	pool_free(pool);
}

/* Work that waits in a scope of its own for work, in a pool with one place: each wait must give the place up. */
struct level {
	struct work work;
	struct pool *pool;
	struct scope *scope; /* of the level above */
	struct scope_child child;
	unsigned depth;
	unsigned failures; /* of this level and those below */
};

static void run_level(struct work *work)
{
	struct level *level = CONTAINER_OF(work, struct level, work);
	struct level below[2];
	struct scope scope;

	scope_init(&scope);
	for (size_t i = 0; i < ARRAY_LENGTH(below) && level->depth > 1; i++) {
		below[i] = (struct level){
			.work.run = run_level, .pool = level->pool, .scope = &scope, .depth = level->depth - 1
		};
		scope_add(&scope, &below[i].child, NULL);
		if (pool_submit(level->pool, &below[i].work, NULL) < 0)
			abort();
	}
	if (level->depth > 1) {
		level->failures += scope_wait_child(&scope, &below[0].child, INT64_MAX) != 0;
		scope_join(&scope);
		level->failures += below[0].failures + below[1].failures;
	}
	scope_done(&scope);
	scope_child_done(level->scope, &level->child);
}

static void waits_give_up_the_place_in_the_pool(void **state)
{
	struct pool *pool = pool_new(1);
	struct scope scope;
	struct level top = { .work.run = run_level, .pool = pool, .scope = &scope, .depth = 7 };

	(void)state;
	scope_init(&scope);
	scope_add(&scope, &top.child, NULL);
	assert_int_equal(pool_submit(pool, &top.work, NULL), 0);
	scope_join(&scope);
	assert_int_equal(top.failures, 0);
	scope_done(&scope);
	pool_free(pool);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(join_waits_for_a_hundred_thousand),
		cmocka_unit_test(next_gives_each_of_a_hundred_thousand_once),
		cmocka_unit_test(waits_give_up_the_place_in_the_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
