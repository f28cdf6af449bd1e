/* SPDX-License-Identifier: Apache-2.0 */
/* A great many coroutines at once: 20,000, in the long run 100,000. */
#include "base/clock.h"
#include "in_child.h"
#include "loop/scope.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "in_coroutine.h"

/* What a sleeper may take: one page of its stack, and some for the books, where ucontext keeps all registers there are. */
#ifdef WEIR_UCONTEXT
enum { SLEEPER_BYTES_MAX = 4096 + 2048 };
#else
enum { SLEEPER_BYTES_MAX = 4096 + 512 };
#endif

/* Sanitizers keep much for each stack, and TSan has a limit of its own. */
static size_t how_many(void)
{
	if (has_sanitizer())
		return 2000;
	return getenv("WEIR_TEST_LONG") ? 100000 : 20000;
}

static size_t resident_bytes(void)
{
	size_t total, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%zu %zu", &total, &resident), 2);
	fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

struct dormitory {
	struct scope scope;
	struct scope_event event;
	int64_t due_us;
	size_t asleep, woken, cancelled, signalled;
};

static void sleep_until_due(void *data)
{
	struct dormitory *dormitory = data;
	int64_t due_us = dormitory->due_us + (int64_t)(dormitory->asleep++ % 1000) * 100;

	assert_int_equal(scope_sleep(&dormitory->scope, due_us), 0);
	assert_true(clock_monotonic_us() >= due_us);
	dormitory->woken++;
}

static void many_sleep(void **state)
{
	size_t before, count = how_many();
	struct dormitory dormitory = { .due_us = clock_monotonic_us() + 500000 };
	struct loop *loop = new_loop_here();
	struct crew crew = { 0 };

	(void)state;
	scope_init(&dormitory.scope);
	before = resident_bytes();
	for (size_t i = 0; i < count; i++)
		crew_start(&crew, loop, sleep_until_due, &dormitory);
	if (!has_sanitizer())
		assert_true(resident_bytes() - before <= count * SLEEPER_BYTES_MAX);
	loop_turn_until(loop, &crew.over);
	assert_int_equal(dormitory.woken, count);
	scope_done(&dormitory.scope);
	loop_free(loop);
}

static void wait_for_event(void *data)
{
	struct dormitory *dormitory = data;
	int result = scope_wait_event(&dormitory->scope, &dormitory->event, INT64_MAX);

	if (result == WEIR_ECANCELED)
		dormitory->cancelled++;
	else if (result == 0)
		dormitory->signalled++;
}

/* All of them wait in one scope, for one event; another thread ends it. */
static void wake_all(struct dormitory *dormitory, void *(*end)(void *data))
{
	size_t count = how_many();
	struct loop *loop = new_loop_here();
	struct crew crew = { 0 };
	pthread_t thread;

	scope_init(&dormitory->scope);
	for (size_t i = 0; i < count; i++)
		crew_start(&crew, loop, wait_for_event, dormitory);
	assert_int_equal(pthread_create(&thread, NULL, end, dormitory), 0);
	loop_turn_until(loop, &crew.over);
	pthread_join(thread, NULL);
	scope_done(&dormitory->scope);
	loop_free(loop);
}

static void *signal_all(void *data)
{
	struct dormitory *dormitory = data;

	scope_signal(&dormitory->scope, &dormitory->event);
	return NULL;
}

static void *cancel_all(void *data)
{
	struct dormitory *dormitory = data;

	scope_cancel(&dormitory->scope, WEIR_ECANCELED);
	return NULL;
}

static void many_are_woken_at_once(void **state)
{
	struct dormitory signalled = { .asleep = 0 }, cancelled = { .asleep = 0 };

	(void)state;
	wake_all(&signalled, signal_all);
	assert_int_equal(signalled.signalled, how_many());
	wake_all(&cancelled, cancel_all);
	assert_int_equal(cancelled.cancelled, how_many());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_sleep),
		cmocka_unit_test(many_are_woken_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
