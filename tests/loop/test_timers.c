/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop's timers: in order of their due times, moved and stopped, from any thread, and many of them. */
#include "base/clock.h"
#include "loop/loop.h"

#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#include "on_loop.h"

enum { MANY_TIMERS = 10000, TRACE_SIZE = 256 };

/* "Long after the test": a timer that must not fire by itself. */
static const int64_t NEVER_US = INT64_C(3600) * 1000000;

static struct {
	char text[TRACE_SIZE]; /* names of timers, in the order of firing */
	struct latch fired;
	unsigned early; /* fired before they were due */
} trace = { .fired = LATCH_INITIALIZER };

struct named_timer {
	struct loop_timer timer;
	int64_t due_us;
	char name;
};

static void trace_timer(struct loop_timer *timer)
{
	struct named_timer *named = CONTAINER_OF(timer, struct named_timer, timer);

	strncat(trace.text, &named->name, 1);
	trace.early += clock_monotonic_us() < named->due_us;
	latch_add(&trace.fired);
}

static void begin_trace(void)
{
	trace.text[0] = '\0';
	trace.early = 0;
	trace.fired.count = 0;
}

static void start_named(struct loop *loop, struct named_timer *named, int64_t due_us)
{
	named->timer.fire = trace_timer;
	named->due_us = due_us;
	loop_timer_start(loop, &named->timer, due_us);
}

/* One step of a timer test: start (or move) a timer to so many milliseconds, or stop it (-1). */
struct timer_step {
	char name;
	int due_ms;
};

static const struct {
	const char *what;
	struct timer_step steps[8];
	const char *fired;
} timer_cases[] = {
	{ "in order of due time, not of starting", { { 'c', 9 }, { 'a', 1 }, { 'd', 14 }, { 'b', 5 } }, "abcd" },
	{ "a restart to later moves", { { 'a', 1 }, { 'b', 5 }, { 'a', 9 } }, "ba" },
	{ "a restart to earlier moves", { { 'a', 5 }, { 'b', 9 }, { 'b', 1 } }, "ba" },
	{ "a restart to the same time fires once", { { 'a', 2 }, { 'a', 2 }, { 'b', 6 } }, "ab" },
	{ "a stopped one does not fire", { { 'a', 1 }, { 'b', 4 }, { 'c', 7 }, { 'b', -1 } }, "ac" },
	{ "the first one stopped", { { 'a', 1 }, { 'b', 4 }, { 'c', 7 }, { 'a', -1 } }, "bc" },
	{ "the last one stopped", { { 'a', 1 }, { 'b', 4 }, { 'c', 7 }, { 'c', -1 } }, "ab" },
	{ "stopped and started again", { { 'a', 1 }, { 'b', 4 }, { 'a', -1 }, { 'a', 8 } }, "ba" },
	{ "due in the past fires at once", { { 'b', 3 }, { 'a', -1000 } }, "ab" },
};

static const struct timer_step *case_steps;

/* On the loop's thread, so that none fires before all steps are made. */
static void make_steps(struct task *task)
{
	struct named_timer *timers = task->data;
	int64_t now_us = clock_monotonic_us();

	for (const struct timer_step *step = case_steps; step->name; step++) {
		struct named_timer *named = &timers[step->name - 'a'];

		named->name = step->name;
		if (step->due_ms != -1)
			start_named(task->loop, named, now_us + step->due_ms * 1000);
		else if (!loop_timer_stop(task->loop, &named->timer) || loop_timer_stop(task->loop, &named->timer))
			abort();
	}
}

static void timers_fire_in_order_of_due_time(void **state)
{
	struct loop *loop = new_loop();

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(timer_cases); i++) {
		struct named_timer timers['e' - 'a'] = { 0 };

		begin_trace();
		case_steps = timer_cases[i].steps;
		run_on_loop(loop, make_steps, timers);
		latch_wait(&trace.fired, (unsigned)strlen(timer_cases[i].fired));
		run_on_loop(loop, NULL, NULL);
		if (strcmp(trace.text, timer_cases[i].fired) != 0)
			fail_msg("%s: fired %s", timer_cases[i].what, trace.text);
		assert_int_equal(trace.early, 0);
	}
	loop_free(loop);
}

static void timer_from_another_thread_goes_before_the_first(void **state)
{
	struct named_timer far = { .name = 'f' }, near = { .name = 'n' };
	struct loop *loop = new_loop();

	(void)state;
	begin_trace();
	start_named(loop, &far, clock_monotonic_us() + NEVER_US);
	run_on_loop(loop, NULL, NULL); /* the loop sleeps for the far one */
	start_named(loop, &near, clock_monotonic_us() + 2000);
	latch_wait(&trace.fired, 1);
	assert_string_equal(trace.text, "n");
	assert_false(loop_timer_stop(loop, &near.timer));
	assert_true(loop_timer_stop(loop, &far.timer));
	loop_free(loop);
	assert_string_equal(trace.text, "n");
}

static void timers_not_due_are_dropped_at_the_end(void **state)
{
	struct named_timer first = { .name = 'a' }, second = { .name = 'b' };
	struct loop *loop = new_loop();

	(void)state;
	begin_trace();
	start_named(loop, &first, clock_monotonic_us() + NEVER_US);
	start_named(loop, &second, clock_monotonic_us() + 2 * NEVER_US);
	loop_free(loop);
	assert_string_equal(trace.text, "");
	/* They are as never started: another loop takes them. */
	loop = new_loop();
	assert_false(loop_timer_stop(loop, &first.timer));
	start_named(loop, &first, 0);
	latch_wait(&trace.fired, 1);
	loop_free(loop);
	assert_string_equal(trace.text, "a");
}

/* Timer that starts itself anew, due at once, until told to stop. */
struct restless {
	struct loop_timer timer;
	struct loop *loop;
	bool stop; /* loop's thread only */
};

static void fire_again(struct loop_timer *timer)
{
	struct restless *restless = CONTAINER_OF(timer, struct restless, timer);

	if (!restless->stop)
		loop_timer_start(restless->loop, timer, 0);
}

static void calm_down(struct task *task)
{
	((struct restless *)task->data)->stop = true;
}

static void timer_that_restarts_itself_leaves_room_for_calls(void **state)
{
	struct restless restless = { .timer.fire = fire_again, .loop = new_loop() };

	(void)state;
	loop_timer_start(restless.loop, &restless.timer, 0);
	run_on_loop(restless.loop, NULL, NULL);
	run_on_loop(restless.loop, calm_down, &restless);
	loop_free(restless.loop);
	assert_true(restless.stop);
}

static struct {
	struct loop *loop;
	struct loop_timer timers[MANY_TIMERS];
	int64_t last_due_us;
	unsigned fired, stopped, disorder, stopped_fired;
	bool is_stopped[MANY_TIMERS];
	struct latch all;
} many = { .all = LATCH_INITIALIZER };

static void count_timer(struct loop_timer *timer)
{
	many.disorder += timer->due_us < many.last_due_us;
	many.last_due_us = timer->due_us;
	many.stopped_fired += many.is_stopped[timer - many.timers];
	if (++many.fired == MANY_TIMERS - many.stopped)
		latch_add(&many.all);
}

/* Every timer is started, every second is moved, and every fifth is stopped, in a jumbled order of due times. */
static void start_many(struct task *task)
{
	int64_t now_us = clock_monotonic_us();
	uint32_t jumble = 1;

	(void)task;
	for (size_t i = 0; i < MANY_TIMERS; i++) {
		jumble = jumble * 1664525 + 1013904223;
		many.timers[i].fire = count_timer;
		loop_timer_start(many.loop, &many.timers[i], now_us + jumble % 50000);
	}
	for (size_t i = 0; i < MANY_TIMERS; i++) {
		jumble = jumble * 1664525 + 1013904223;
		if (i % 2)
			loop_timer_start(many.loop, &many.timers[i], now_us + jumble % 50000);
		if (i % 5 == 0) {
			many.is_stopped[i] = loop_timer_stop(many.loop, &many.timers[i]);
			many.stopped += many.is_stopped[i];
		}
	}
}

static void ten_thousand_timers_fire_in_order(void **state)
{
	(void)state;
	many.loop = new_loop();
	run_on_loop(many.loop, start_many, NULL);
	latch_wait(&many.all, 1);
	loop_free(many.loop);
	assert_int_equal(many.stopped, MANY_TIMERS / 5);
	assert_int_equal(many.fired, MANY_TIMERS - MANY_TIMERS / 5);
	assert_int_equal(many.disorder, 0);
	assert_int_equal(many.stopped_fired, 0);
}

enum { RACING_TIMERS = 20000 };

static struct {
	struct loop_timer timer;
	unsigned fired; /* atomic */
} racing[RACING_TIMERS];

static void fire_racing(struct loop_timer *timer)
{
	__atomic_add_fetch(&racing[((char *)timer - (char *)racing) / sizeof racing[0]].fired, 1, __ATOMIC_RELAXED);
}

/* A stop that races the firing tells the truth: either it was stopped or it fired, never both, never neither. */
static void stop_and_firing_exclude_each_other(void **state)
{
	bool stopped[RACING_TIMERS];
	struct loop *loop = new_loop();

	(void)state;
	for (size_t i = 0; i < RACING_TIMERS; i++) {
		racing[i].timer.fire = fire_racing;
		loop_timer_start(loop, &racing[i].timer, 0);
		stopped[i] = loop_timer_stop(loop, &racing[i].timer);
	}
	loop_free(loop);
	for (size_t i = 0; i < RACING_TIMERS; i++)
		assert_int_equal(racing[i].fired, !stopped[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order_of_due_time),
		cmocka_unit_test(timer_from_another_thread_goes_before_the_first),
		cmocka_unit_test(timers_not_due_are_dropped_at_the_end),
		cmocka_unit_test(timer_that_restarts_itself_leaves_room_for_calls),
		cmocka_unit_test(ten_thousand_timers_fire_in_order),
		cmocka_unit_test(stop_and_firing_exclude_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
