/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes: who waits in one is woken when it has come, when the time is up, or when the scope is cancelled; and nobody who
   was not to be. */
#include "base/clock.h"
#include "latch.h"
#include "loop/scope.h"

#include <sched.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROUNDS = 2000 };

/* Long after the test: who waits for this time waits for something else. */
static int64_t never_us(void)
{
	return clock_monotonic_us() + INT64_C(3600) * 1000000;
}

/* --- One thread: what has come already, and what has not --- */

static void child_that_has_ended_is_not_waited_for(void **state)
{
	struct scope_child child;
	struct scope scope;

	(void)state;
	scope_init(&scope);
	scope_add(&scope, &child, NULL);
	assert_false(scope_child_is_done(&scope, &child));
	scope_child_done(&scope, &child);
	assert_true(scope_child_is_done(&scope, &child));
	assert_int_equal(scope_wait_child(&scope, &child, INT64_MAX), 0);
	assert_int_equal(scope_wait_child(&scope, &child, 0), 0);
	scope_join(&scope);
	scope_done(&scope);
}

static void wait_ends_when_its_time_is_up(void **state)
{
	static const int64_t delays_us[] = { INT64_MIN / 2, -1, 0, 3000 };
	struct scope_group group = { 0 };
	struct scope_child child;
	struct scope scope;

	(void)state;
	scope_init(&scope);
	scope_add(&scope, &child, &group);
	for (size_t i = 0; i < ARRAY_LENGTH(delays_us); i++) {
		int64_t due_us = clock_monotonic_us() + delays_us[i];

		assert_int_equal(scope_wait_child(&scope, &child, due_us), WEIR_ETIMEDOUT);
		assert_int_equal(scope_wait_group(&scope, &group, 1, due_us), WEIR_ETIMEDOUT);
		assert_int_equal(scope_sleep(&scope, due_us), 0);
		assert_true(clock_monotonic_us() >= due_us);
	}
	assert_int_equal(scope_wait_group(&scope, &group, 0, 0), 0);
	scope_child_done(&scope, &child);
	scope_done(&scope);
}

static void first_cancellation_stays(void **state)
{
	struct scope_child ended, unfinished;
	struct scope_group group = { 0 };
	struct scope scope;
	int error;

	(void)state;
	scope_init(&scope);
	scope_add(&scope, &ended, &group);
	scope_add(&scope, &unfinished, &group);
	scope_child_done(&scope, &ended);
	assert_int_equal(scope_cancelled(&scope), 0);
	assert_true(scope_cancel(&scope, WEIR_ECANCELED));
	assert_false(scope_cancel(&scope, WEIR_ETIMEDOUT));
	assert_int_equal(scope_cancelled(&scope), WEIR_ECANCELED);
	/* What had come counts all the same; what had not won't be waited for. */
	assert_int_equal(scope_wait_child(&scope, &ended, INT64_MAX), 0);
	assert_int_equal(scope_wait_group(&scope, &group, 1, INT64_MAX), 0);
	assert_ptr_equal(scope_next(&scope, &group, &error), &ended);
	assert_int_equal(error, 0);
	assert_int_equal(scope_wait_child(&scope, &unfinished, INT64_MAX), WEIR_ECANCELED);
	assert_int_equal(scope_wait_group(&scope, &group, 2, INT64_MAX), WEIR_ECANCELED);
	assert_int_equal(scope_sleep(&scope, INT64_MAX), WEIR_ECANCELED);
	assert_null(scope_next(&scope, &group, &error));
	assert_int_equal(error, WEIR_ECANCELED);
	scope_child_done(&scope, &unfinished);
	assert_ptr_equal(scope_next(&scope, &group, &error), &unfinished);
	assert_null(scope_next(&scope, &group, &error));
	assert_int_equal(error, 0);
	scope_join(&scope);
	scope_done(&scope);
}

/* Children end in the order of a word's letters; scope_next gives them in that order. */
static void next_gives_children_in_the_order_of_ending(void **state)
{
	static const char *const orders[] = { "abcde", "edcba", "caebd" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(orders); i++) {
		struct scope_child children[5], other;
		struct scope_group group = { 0 };
		char given[6] = { 0 };
		struct scope scope;

		scope_init(&scope);
		for (size_t j = 0; j < 5; j++)
			scope_add(&scope, &children[j], &group);
		scope_add(&scope, &other, NULL);
		for (size_t j = 0; j < 5; j++)
			scope_child_done(&scope, &children[orders[i][j] - 'a']);
		for (size_t j = 0; j < 5; j++)
			given[j] = (char)('a' + (scope_next(&scope, &group, NULL) - children));
		assert_string_equal(given, orders[i]);
		assert_null(scope_next(&scope, &group, NULL));
		scope_child_done(&scope, &other);
		scope_done(&scope);
	}
}

/* The list of the unfinished stays whole wherever one is taken out; oldest first. */
static void unfinished_children_are_listed_oldest_first(void **state)
{
	static const struct {
		const char *ended, *left;
	} cases[] = { { "", "abcd" }, { "a", "bcd" }, { "d", "abc" }, { "bc", "ad" }, { "dacb", "" }, { "abc", "d" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct scope_child children[4];
		char left[5] = { 0 };
		size_t count = 0;
		struct scope scope;

		scope_init(&scope);
		for (size_t j = 0; j < 4; j++)
			scope_add(&scope, &children[j], NULL);
		for (const char *name = cases[i].ended; *name; name++)
			scope_child_done(&scope, &children[*name - 'a']);
		for (struct scope_child *child = scope.first; child; child = child->next)
			left[count++] = (char)('a' + (child - children));
		assert_string_equal(left, cases[i].left);
		assert_int_equal(scope.unfinished, count);
		while (scope.last)
			scope_child_done(&scope, scope.last);
		assert_null(scope.first);
		scope_done(&scope);
	}
}

/* --- Several threads --- */

/* A thread that waits in a scope, and what it came to. */
struct waiting {
	pthread_t thread;
	struct scope *scope;
	int (*wait)(struct waiting *waiting);
	const struct scope_child *child;
	struct scope_group *group;
	size_t needed;
	int result;
	size_t unfinished; /* in the scope when it was over */
	struct latch *over;
};

static int wait_child(struct waiting *waiting)
{
	return scope_wait_child(waiting->scope, waiting->child, never_us());
}

static int wait_group(struct waiting *waiting)
{
	return scope_wait_group(waiting->scope, waiting->group, waiting->needed, INT64_MAX);
}

static int wait_next(struct waiting *waiting)
{
	int error;

	(void)scope_next(waiting->scope, waiting->group, &error);
	return error;
}

static int wait_time(struct waiting *waiting)
{
	return scope_sleep(waiting->scope, never_us());
}

static int wait_all(struct waiting *waiting)
{
	scope_join(waiting->scope);
	return 0;
}

static void *run_waiting(void *argument)
{
	struct waiting *waiting = argument;

	waiting->result = waiting->wait(waiting);
	pthread_mutex_lock(&waiting->scope->mutex);
	waiting->unfinished = waiting->scope->unfinished;
	pthread_mutex_unlock(&waiting->scope->mutex);
	latch_add(waiting->over);
	return NULL;
}

static size_t count_waiters(struct scope *scope)
{
	size_t count = 0;

	pthread_mutex_lock(&scope->mutex);
	for (struct scope_waiter *waiter = scope->waiters; waiter; waiter = waiter->next)
		count++;
	pthread_mutex_unlock(&scope->mutex);
	return count;
}

/* Start the threads, and go on when all of them are waiting. */
static void start_waiting(struct scope *scope, struct waiting *waiting, size_t count, struct latch *over)
{
	for (size_t i = 0; i < count; i++) {
		waiting[i].scope = scope;
		waiting[i].over = over;
		assert_int_equal(pthread_create(&waiting[i].thread, NULL, run_waiting, &waiting[i]), 0);
	}
	while (count_waiters(scope) < count)
		sched_yield();
}

static void join_waiting(struct waiting *waiting, size_t count)
{
	for (size_t i = 0; i < count; i++)
		pthread_join(waiting[i].thread, NULL);
}

/* Each waiter is woken by what it waits for, and the others wait on. */
static void waiters_are_woken_one_by_one(void **state)
{
	struct scope_child a, b, c;
	struct scope_group group = { 0 };
	struct latch over = LATCH_INITIALIZER;
	struct scope scope;
	struct waiting waiting[] = {
		{ .wait = wait_child, .child = &a },
		{ .wait = wait_child, .child = &b },
		{ .wait = wait_group, .group = &group, .needed = 2 },
		{ .wait = wait_all },
		{ .wait = wait_time },
	};

	(void)state;
	scope_init(&scope);
	scope_add(&scope, &a, &group);
	scope_add(&scope, &b, &group);
	scope_add(&scope, &c, NULL);
	start_waiting(&scope, waiting, ARRAY_LENGTH(waiting), &over);
	scope_child_done(&scope, &b);
	latch_wait(&over, 1);
	while (count_waiters(&scope) > 4)
		sched_yield();
	scope_child_done(&scope, &a);
	latch_wait(&over, 3);
	scope_child_done(&scope, &c);
	latch_wait(&over, 4);
	assert_int_equal(count_waiters(&scope), 1);
	assert_true(scope_cancel(&scope, WEIR_ECANCELED));
	join_waiting(waiting, ARRAY_LENGTH(waiting));
	assert_int_equal(waiting[0].result, 0);
	assert_int_equal(waiting[1].result, 0);
	assert_int_equal(waiting[2].result, 0);
	assert_int_equal(waiting[4].result, WEIR_ECANCELED);
	assert_in_range(waiting[0].unfinished, 0, 1);
	assert_int_equal(waiting[1].unfinished, 2);
	assert_in_range(waiting[2].unfinished, 0, 1);
	assert_int_equal(waiting[3].unfinished, 0);
	scope_done(&scope);
}

static void cancellation_wakes_all_but_who_joins(void **state)
{
	struct scope_child child;
	struct scope_group group = { 0 };
	struct latch over = LATCH_INITIALIZER;
	struct scope scope;
	struct waiting waiting[] = {
		{ .wait = wait_child, .child = &child },
		{ .wait = wait_group, .group = &group, .needed = 1 },
		{ .wait = wait_next, .group = &group },
		{ .wait = wait_time },
		{ .wait = wait_time },
		{ .wait = wait_all },
	};
	enum { WAITING = ARRAY_LENGTH(waiting), CUT_SHORT = WAITING - 1 };

	(void)state;
	scope_init(&scope);
	scope_add(&scope, &child, &group);
	start_waiting(&scope, waiting, WAITING, &over);
	assert_true(scope_cancel(&scope, WEIR_ETIMEDOUT));
	latch_wait(&over, CUT_SHORT);
	while (count_waiters(&scope) > 1)
		sched_yield();
	assert_int_equal(latch_count(&over), CUT_SHORT);
	scope_child_done(&scope, &child);
	join_waiting(waiting, WAITING);
	for (size_t i = 0; i < CUT_SHORT; i++) {
		assert_int_equal(waiting[i].result, WEIR_ETIMEDOUT);
		assert_int_equal(waiting[i].unfinished, 1);
	}
	assert_int_equal(waiting[CUT_SHORT].unfinished, 0);
	scope_done(&scope);
}

/* A thread that ends one child. */
struct finisher {
	pthread_t thread;
	struct scope *scope;
	struct scope_child *child;
};

static void *finish(void *argument)
{
	struct finisher *finisher = argument;

	scope_child_done(finisher->scope, finisher->child);
	return NULL;
}

/* The scope and the child may go as soon as the wait is over, while the finisher is still on its way out. */
static void scope_may_go_as_soon_as_the_wait_is_over(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct scope *scope = malloc(sizeof *scope);
		struct scope_child *child = malloc(sizeof *child);
		struct finisher finisher = { .scope = scope, .child = child };

		scope_init(scope);
		scope_add(scope, child, NULL);
		assert_int_equal(pthread_create(&finisher.thread, NULL, finish, &finisher), 0);
		if (i % 2)
			scope_join(scope);
		else
			assert_int_equal(scope_wait_child(scope, child, INT64_MAX), 0);
		scope_done(scope);
		free(child);
		free(scope);
		pthread_join(finisher.thread, NULL);
	}
}

/* An end and a cancellation race: the wait comes to one of the two, and to the end if it was there. */
static void end_and_cancellation_may_race(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct scope_child child;
		struct scope scope;
		struct finisher finisher = { .scope = &scope, .child = &child };
		int result;

		scope_init(&scope);
		scope_add(&scope, &child, NULL);
		assert_int_equal(pthread_create(&finisher.thread, NULL, finish, &finisher), 0);
		if (i % 3)
			scope_cancel(&scope, WEIR_ECANCELED);
		result = scope_wait_child(&scope, &child, INT64_MAX);
		assert_true(result == 0 || (i % 3 && result == WEIR_ECANCELED));
		scope_join(&scope);
		assert_int_equal(scope_wait_child(&scope, &child, INT64_MAX), 0);
		pthread_join(finisher.thread, NULL);
		scope_done(&scope);
	}
}

/* --- Waiters of another kind --- */

struct counted_waiter {
	struct scope_waiter waiter;
	unsigned wakes; /* under the scope's mutex */
};

static void count_wake(struct scope_waiter *waiter)
{
	CONTAINER_OF(waiter, struct counted_waiter, waiter)->wakes++;
}

static void other_waiters_are_woken_once(void **state)
{
	struct scope_child a, b;
	struct scope scope;
	struct counted_waiter for_a = { { .wake = count_wake, .child = &a } };
	struct counted_waiter for_all = { { .wake = count_wake, .ignore_cancel = true } };
	struct counted_waiter for_time = { { .wake = count_wake, .only_time = true } };
	struct counted_waiter taken_out = { { .wake = count_wake } };
	struct counted_waiter late = { { .wake = count_wake, .child = &a } };

	(void)state;
	scope_init(&scope);
	scope_add(&scope, &a, NULL);
	scope_add(&scope, &b, NULL);
	scope_watch(&scope, &for_a.waiter);
	scope_watch(&scope, &taken_out.waiter);
	scope_watch(&scope, &for_all.waiter);
	scope_watch(&scope, &for_time.waiter);
	assert_int_equal(for_a.wakes + for_all.wakes + for_time.wakes, 0);
	scope_unwatch(&scope, &taken_out.waiter);
	scope_child_done(&scope, &a);
	assert_int_equal(for_a.wakes, 1);
	scope_watch(&scope, &late.waiter); /* it has come already */
	assert_int_equal(late.wakes, 1);
	assert_int_equal(for_all.wakes + for_time.wakes, 0);
	scope_cancel(&scope, WEIR_ECANCELED);
	assert_int_equal(for_time.wakes, 1);
	assert_int_equal(for_all.wakes, 0);
	scope_child_done(&scope, &b);
	assert_int_equal(for_all.wakes, 1);
	assert_int_equal(for_a.wakes, 1);
	assert_int_equal(late.wakes, 1);
	assert_int_equal(taken_out.wakes, 0);
	scope_unwatch(&scope, &for_time.waiter);
	scope_unwatch(&scope, &for_a.waiter);
	scope_unwatch(&scope, &late.waiter);
	scope_unwatch(&scope, &for_all.waiter);
	scope_done(&scope);
}

/* Of a waiter that was woken, what it waited for may be gone while it is still among the scope's. */
static void what_a_woken_waiter_waited_for_may_go(void **state)
{
	struct scope_child *freed = malloc(sizeof *freed), other;
	struct scope scope;
	struct counted_waiter waiter = { { .wake = count_wake, .child = freed } };

	(void)state;
	scope_init(&scope);
	scope_add(&scope, freed, NULL);
	scope_add(&scope, &other, NULL);
	scope_watch(&scope, &waiter.waiter);
	scope_child_done(&scope, freed);
	free(freed);
	scope_child_done(&scope, &other);
	assert_int_equal(waiter.wakes, 1);
	scope_unwatch(&scope, &waiter.waiter);
	scope_done(&scope);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(child_that_has_ended_is_not_waited_for),
		cmocka_unit_test(wait_ends_when_its_time_is_up),
		cmocka_unit_test(first_cancellation_stays),
		cmocka_unit_test(next_gives_children_in_the_order_of_ending),
		cmocka_unit_test(unfinished_children_are_listed_oldest_first),
		cmocka_unit_test(waiters_are_woken_one_by_one),
		cmocka_unit_test(cancellation_wakes_all_but_who_joins),
		cmocka_unit_test(scope_may_go_as_soon_as_the_wait_is_over),
		cmocka_unit_test(end_and_cancellation_may_race),
		cmocka_unit_test(other_waiters_are_woken_once),
		cmocka_unit_test(what_a_woken_waiter_waited_for_may_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
