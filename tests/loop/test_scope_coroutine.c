/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting in scopes on event loops: coroutines are suspended, a thread with a loop of its own turns it, and what they wait
   for, or the cancellation, may come from any thread. */
#include "base/clock.h"
#include "latch.h"
#include "loop/scope.h"

#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#include "in_coroutine.h"

/* Long after the test: who waits for this time waits for something else. */
static int64_t never_us(void)
{
	return clock_monotonic_us() + INT64_C(3600) * 1000000;
}

/* --- One coroutine --- */

static void wait_for_what_is_there(void *data)
{
	struct scope_event event = { .done = true };
	struct scope_group group = { 0 };
	struct scope_child child;
	struct scope scope;

	(void)data;
	scope_init(&scope);
	scope_add(&scope, &child, &group);
	assert_int_equal(scope_wait_child(&scope, &child, 0), WEIR_ETIMEDOUT);
	assert_int_equal(scope_wait_group(&scope, &group, 1, clock_monotonic_us()), WEIR_ETIMEDOUT);
	assert_int_equal(scope_wait_event(&scope, &event, INT64_MAX), 0);
	assert_int_equal(scope_sleep(&scope, clock_monotonic_us()), 0);
	scope_child_done(&scope, &child);
	assert_int_equal(scope_wait_child(&scope, &child, INT64_MAX), 0);
	assert_int_equal(scope_wait_group(&scope, &group, 1, INT64_MAX), 0);
	scope_await_event(&scope, &event);
	scope_join(&scope);
	scope_done(&scope);
}

/* Nothing turns the loop here, so a coroutine that were suspended would not come to its end. */
static void what_has_come_is_not_waited_for(void **state)
{
	struct loop *loop = new_loop_here();
	struct crew crew = { 0 };

	(void)state;
	crew_start(&crew, loop, wait_for_what_is_there, NULL);
	assert_true(crew.over);
	loop_free(loop);
}

static void wait_for_times(void *data)
{
	struct scope_event event = { 0 };
	struct scope_group group = { 0 };
	struct scope_child child;
	struct scope scope;
	int64_t due_us;

	(void)data;
	scope_init(&scope);
	scope_add(&scope, &child, &group);
	for (int64_t delay_us = -1; delay_us <= 2000; delay_us += 667) {
		due_us = clock_monotonic_us() + delay_us;
		assert_int_equal(scope_wait_child(&scope, &child, due_us), WEIR_ETIMEDOUT);
		due_us = clock_monotonic_us() + delay_us;
		assert_int_equal(scope_wait_group(&scope, &group, 1, due_us), WEIR_ETIMEDOUT);
		due_us = clock_monotonic_us() + delay_us;
		assert_int_equal(scope_wait_event(&scope, &event, due_us), WEIR_ETIMEDOUT);
		due_us = clock_monotonic_us() + delay_us;
		assert_int_equal(scope_sleep(&scope, due_us), 0);
		assert_true(clock_monotonic_us() >= due_us);
	}
	scope_child_done(&scope, &child);
	scope_done(&scope);
}

static void wait_ends_when_its_time_is_up(void **state)
{
	struct loop *loop = new_loop_here();

	(void)state;
	wait_for_times(NULL);
	loop_free(loop);
	run_in_coroutine(wait_for_times, NULL);
}

/* --- Woken by others --- */

struct meeting {
	struct scope scope;
	struct scope_event event;
	struct scope_group group;
	struct scope_child child;
	int (*wait)(struct meeting *meeting);
	void (*act)(struct meeting *meeting);
	int expected;
};

static int wait_child(struct meeting *meeting)
{
	return scope_wait_child(&meeting->scope, &meeting->child, never_us());
}

static int wait_group(struct meeting *meeting)
{
	return scope_wait_group(&meeting->scope, &meeting->group, 1, INT64_MAX);
}

static int wait_event(struct meeting *meeting)
{
	return scope_wait_event(&meeting->scope, &meeting->event, never_us());
}

static int await_event(struct meeting *meeting)
{
	scope_await_event(&meeting->scope, &meeting->event);
	return 0;
}

static int wait_time(struct meeting *meeting)
{
	return scope_sleep(&meeting->scope, never_us());
}

static int wait_all(struct meeting *meeting)
{
	scope_join(&meeting->scope);
	return 0;
}

static int wait_next(struct meeting *meeting)
{
	int error;
	struct scope_child *child = scope_next(&meeting->scope, &meeting->group, &error);

	return child == &meeting->child ? 0 : error;
}

static int wait_poll(struct meeting *meeting)
{
	return scope_poll(&meeting->scope, &(struct pollfd){ .fd = -1 }, 1, INT64_MAX);
}

static void end_child(struct meeting *meeting)
{
	scope_child_done(&meeting->scope, &meeting->child);
}

static void signal_event(struct meeting *meeting)
{
	scope_signal(&meeting->scope, &meeting->event);
}

static void cancel(struct meeting *meeting)
{
	assert_true(scope_cancel(&meeting->scope, WEIR_ECANCELED));
}

static void cancel_and_end(struct meeting *meeting)
{
	assert_true(scope_cancel(&meeting->scope, WEIR_ETIMEDOUT));
	sched_yield();
	signal_event(meeting);
	end_child(meeting);
}

static const struct {
	int (*wait)(struct meeting *meeting);
	void (*act)(struct meeting *meeting);
	int expected;
} meetings[] = {
	{ wait_child, end_child, 0 },
	{ wait_group, end_child, 0 },
	{ wait_event, signal_event, 0 },
	{ await_event, signal_event, 0 },
	{ wait_all, end_child, 0 },
	{ wait_next, end_child, 0 },
	{ wait_child, cancel, WEIR_ECANCELED },
	{ wait_group, cancel, WEIR_ECANCELED },
	{ wait_event, cancel, WEIR_ECANCELED },
	{ wait_time, cancel, WEIR_ECANCELED },
	{ wait_next, cancel, WEIR_ECANCELED },
	{ wait_poll, cancel, WEIR_ECANCELED },
	{ await_event, cancel_and_end, 0 },
	{ wait_all, cancel_and_end, 0 },
};

static void *act_later(void *data)
{
	struct meeting *meeting = data;

	sched_yield();
	meeting->act(meeting);
	return NULL;
}

static void wait_for_other_thread(void *data)
{
	struct meeting *meeting = data;
	pthread_t thread;

	scope_init(&meeting->scope);
	scope_add(&meeting->scope, &meeting->child, &meeting->group);
	assert_int_equal(pthread_create(&thread, NULL, act_later, meeting), 0);
	assert_int_equal(meeting->wait(meeting), meeting->expected);
	pthread_join(thread, NULL);
	if (meeting->scope.unfinished)
		end_child(meeting);
	scope_done(&meeting->scope);
}

static void wait_for_other_coroutine(void *data)
{
	struct meeting *meeting = data;

	scope_init(&meeting->scope);
	scope_add(&meeting->scope, &meeting->child, &meeting->group);
	assert_int_equal(meeting->wait(meeting), meeting->expected);
	if (meeting->scope.unfinished)
		end_child(meeting);
	scope_done(&meeting->scope);
}

static void act_at_once(void *data)
{
	struct meeting *meeting = data;

	meeting->act(meeting);
}

static struct meeting new_meeting(size_t index)
{
	return (struct meeting){ .wait = meetings[index].wait,
		                 .act = meetings[index].act,
		                 .expected = meetings[index].expected };
}

static void other_threads_wake(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(meetings) * 20; i++) {
		struct meeting meeting = new_meeting(i % ARRAY_LENGTH(meetings));

		run_in_coroutine(wait_for_other_thread, &meeting);
	}
}

static void other_threads_wake_a_thread_with_a_loop(void **state)
{
	struct loop *loop = new_loop_here();

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(meetings) * 20; i++) {
		struct meeting meeting = new_meeting(i % ARRAY_LENGTH(meetings));

		wait_for_other_thread(&meeting);
	}
	loop_free(loop);
}

static void coroutines_wake_each_other(void **state)
{
	struct loop *loop = new_loop_here();

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(meetings); i++) {
		struct meeting meeting = new_meeting(i);
		struct crew crew = { 0 };

		crew_start(&crew, loop, wait_for_other_coroutine, &meeting);
		crew_start(&crew, loop, act_at_once, &meeting);
		loop_turn_until(loop, &crew.over);
	}
	loop_free(loop);
}

/* A coroutine wakes the thread that turns its loop by waiting. */
static void coroutine_wakes_its_thread(void **state)
{
	struct loop *loop = new_loop_here();
	struct crew crew = { 0 };
	struct scope scope;
	struct meeting meeting = { .act = signal_event };

	(void)state;
	scope_init(&scope);
	scope_init(&meeting.scope);
	crew_start(&crew, loop, wait_for_times, NULL);
	crew_start(&crew, loop, act_at_once, &meeting);
	assert_int_equal(scope_wait_event(&meeting.scope, &meeting.event, INT64_MAX), 0);
	assert_int_equal(scope_sleep(&scope, clock_monotonic_us() + 20000), 0);
	loop_turn_until(loop, &crew.over);
	scope_done(&meeting.scope);
	scope_done(&scope);
	loop_free(loop);
}

/* --- Cancelled before --- */

struct stubborn {
	struct scope *scope;
	bool enough;
	unsigned waits;
};

static void ignore_cancellation(void *data)
{
	struct stubborn *stubborn = data;

	for (; !stubborn->enough; stubborn->waits++)
		assert_int_equal(scope_sleep(stubborn->scope, INT64_MAX), WEIR_ECANCELED);
}

static void have_enough(void *data)
{
	struct stubborn *stubborn = data;
	struct scope scope;

	scope_init(&scope);
	assert_int_equal(scope_sleep(&scope, clock_monotonic_us() + 5000), 0);
	scope_done(&scope);
	stubborn->enough = true;
}

static void one_that_ignores_cancellation_does_not_starve_the_loop(void **state)
{
	struct loop *loop = new_loop_here();
	struct crew crew = { 0 };
	struct scope scope;
	struct stubborn stubborn = { .scope = &scope };

	(void)state;
	scope_init(&scope);
	assert_true(scope_cancel(&scope, WEIR_ECANCELED));
	crew_start(&crew, loop, ignore_cancellation, &stubborn);
	crew_start(&crew, loop, have_enough, &stubborn);
	loop_turn_until(loop, &crew.over);
	assert_true(stubborn.waits > 0);
	scope_done(&scope);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_come_is_not_waited_for),
		cmocka_unit_test(wait_ends_when_its_time_is_up),
		cmocka_unit_test(other_threads_wake),
		cmocka_unit_test(other_threads_wake_a_thread_with_a_loop),
		cmocka_unit_test(coroutines_wake_each_other),
		cmocka_unit_test(coroutine_wakes_its_thread),
		cmocka_unit_test(one_that_ignores_cancellation_does_not_starve_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
