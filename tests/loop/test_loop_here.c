/* SPDX-License-Identifier: Apache-2.0 */
/* Loops on the thread that made them: they turn while it waits, end with what was posted done, and do not nest. */
#include "base/clock.h"
#include "in_child.h"
#include "loop/coroutine.h"
#include "loop/pool.h"
#include "loop/scope.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

#include <cmocka.h>

#include "in_coroutine.h"
#include "on_loop.h"

struct noted {
	struct loop_call call;
	struct loop_timer timer;
	char *text;
	char letter;
	bool over;
	struct noted *then; /* to be posted when it runs */
	struct loop *loop;  /* for others who post it */
};

static void note(struct noted *noted)
{
	char letter[2] = { noted->letter, '\0' };

	strcat(noted->text, letter);
	noted->over = true;
}

static void run_noted(struct loop_call *call)
{
	struct noted *noted = CONTAINER_OF(call, struct noted, call);

	note(noted);
	if (noted->then)
		assert_true(loop_post(loop_current(), &noted->then->call));
}

static void fire_noted(struct loop_timer *timer)
{
	note(CONTAINER_OF(timer, struct noted, timer));
}

static struct noted new_noted(char *text, char letter)
{
	return (struct noted){ .call.run = run_noted, .timer.fire = fire_noted, .text = text, .letter = letter };
}

/* --- Order --- */

static void turning_stops_at_once_and_goes_on_later(void **state)
{
	char text[16] = "";
	struct noted a = new_noted(text, 'a'), b = new_noted(text, 'b'), c = new_noted(text, 'c'),
	             d = new_noted(text, 'd');
	struct loop *loop = new_loop_here();

	(void)state;
	assert_ptr_equal(loop_current(), loop);
	b.then = &d;
	assert_true(loop_post(loop, &a.call));
	assert_true(loop_post(loop, &b.call));
	loop_timer_start(loop, &c.timer, 0);
	loop_turn_until(loop, &a.over);
	assert_string_equal(text, "a");
	loop_turn_until(loop, &c.over);
	assert_string_equal(text, "abc");
	loop_free(loop);
	assert_string_equal(text, "abcd");
}

static void posts_keep_their_order(void **state)
{
	char text[32] = "";
	struct noted noted[26];
	struct loop *loop = new_loop_here();

	(void)state;
	for (size_t i = 0; i < 26; i++) {
		noted[i] = new_noted(text, (char)('a' + i));
		if (i % 3 != 0)
			noted[i - 1].then = &noted[i];
	}
	for (size_t i = 0; i < 26; i += 3)
		assert_true(loop_post(loop, &noted[i].call));
	loop_turn_until(loop, &noted['x' - 'a'].over);
	loop_free(loop);
	assert_string_equal(text, "adgjmpsvybehknqtwzcfilorux");
}

struct repeated {
	struct loop *loop;
	struct loop_call call;
	struct loop_timer timer;
	unsigned calls, timers, yields;
	bool over;
};

static void repeat_call(struct loop_call *call)
{
	struct repeated *repeated = CONTAINER_OF(call, struct repeated, call);

	repeated->calls++;
	if (!repeated->over)
		loop_post(repeated->loop, call);
}

static void repeat_timer(struct loop_timer *timer)
{
	struct repeated *repeated = CONTAINER_OF(timer, struct repeated, timer);

	repeated->timers++;
	if (!repeated->over)
		loop_timer_start(repeated->loop, timer, 0);
}

static void repeat_yield(void *data)
{
	struct repeated *repeated = data;

	for (; !repeated->over; repeated->yields++)
		coroutine_yield();
}

static void end_repeating(void *data, int fd)
{
	struct repeated *repeated = data;
	char byte;

	assert_int_equal(read(fd, &byte, 1), 1);
	repeated->over = true;
}

/* A call, a timer and a coroutine that are always ready leave each other, and descriptors, their turn. */
static void nothing_starves(void **state)
{
	struct repeated repeated = { .call.run = repeat_call, .timer.fire = repeat_timer };
	struct crew crew = { 0 };
	struct problem problem;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	repeated.loop = new_loop_here();
	assert_int_equal(loop_watch(repeated.loop, ends[0], end_repeating, &repeated, &problem), 0);
	assert_true(loop_post(repeated.loop, &repeated.call));
	loop_timer_start(repeated.loop, &repeated.timer, 0);
	crew_start(&crew, repeated.loop, repeat_yield, &repeated);
	assert_int_equal(write(ends[1], "x", 1), 1);
	loop_turn_until(repeated.loop, &repeated.over);
	assert_true(repeated.calls > 0 && repeated.timers > 0);
	loop_turn_until(repeated.loop, &crew.over);
	assert_true(repeated.yields > 0);
	loop_free(repeated.loop);
	close(ends[0]);
	close(ends[1]);
}

/* --- Other threads --- */

static void *post_from_outside(void *data)
{
	struct noted *noted = data;

	assert_true(loop_post(noted->loop, &noted->call));
	return NULL;
}

static void others_wake_a_sleeping_loop(void **state)
{
	struct loop *loop = new_loop_here();

	(void)state;
	for (int i = 0; i < 200; i++) {
		char text[4] = "";
		struct noted noted = new_noted(text, 'x');
		pthread_t thread;

		noted.loop = loop;
		assert_int_equal(pthread_create(&thread, NULL, post_from_outside, &noted), 0);
		loop_turn_until(loop, &noted.over);
		pthread_join(thread, NULL);
		assert_string_equal(text, "x");
	}
	loop_free(loop);
}

enum { LOOPS = 16, LOOP_COROUTINES = 50 };

struct own_loop {
	struct scope scope;
	struct latch *ready; /* none ends before all are there */
	unsigned slept;
};

static void sleep_a_little(void *data)
{
	struct own_loop *own = data;

	for (int i = 0; i < 5; i++)
		assert_int_equal(scope_sleep(&own->scope, clock_monotonic_us() + 300 * i), 0);
	own->slept++;
}

static void *run_own_loop(void *data)
{
	struct own_loop *own = data;
	struct loop *loop = new_loop_here();
	struct crew crew = { 0 };

	for (int i = 0; i < LOOP_COROUTINES; i++)
		crew_start(&crew, loop, sleep_a_little, own);
	assert_int_equal(scope_sleep(&own->scope, clock_monotonic_us() + 1000), 0);
	loop_turn_until(loop, &crew.over);
	latch_add(own->ready);
	latch_wait(own->ready, LOOPS);
	loop_free(loop);
	return NULL;
}

static void each_thread_can_have_one(void **state)
{
	struct latch ready = LATCH_INITIALIZER;
	struct own_loop owns[LOOPS] = { 0 };
	pthread_t threads[LOOPS];

	(void)state;
	for (int i = 0; i < LOOPS; i++) {
		scope_init(&owns[i].scope);
		owns[i].ready = &ready;
		assert_int_equal(pthread_create(&threads[i], NULL, run_own_loop, &owns[i]), 0);
	}
	for (int i = 0; i < LOOPS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(owns[i].slept, LOOP_COROUTINES);
		scope_done(&owns[i].scope);
	}
}

/* --- On a pool's thread --- */

struct pooled {
	struct work work;
	struct scope scope;
	struct scope_event event;
	struct latch done;
	struct pooled *other;
};

static void wait_with_loop(struct work *work)
{
	struct pooled *pooled = CONTAINER_OF(work, struct pooled, work);
	struct loop *loop = new_loop_here();

	assert_int_equal(scope_wait_event(&pooled->scope, &pooled->event, INT64_MAX), 0);
	loop_free(loop);
	latch_add(&pooled->done);
}

static void signal_other(struct work *work)
{
	struct pooled *pooled = CONTAINER_OF(work, struct pooled, work);

	scope_signal(&pooled->other->scope, &pooled->other->event);
	latch_add(&pooled->done);
}

/* The only thread waits for work that is behind it in the queue: while its loop sleeps, another takes over. */
static void sleeping_loop_gives_up_its_place_in_the_pool(void **state)
{
	struct pooled first = { .work.run = wait_with_loop, .done = LATCH_INITIALIZER };
	struct pooled second = { .work.run = signal_other, .done = LATCH_INITIALIZER, .other = &first };
	struct pool *pool = pool_new(1);
	struct problem problem;

	(void)state;
	scope_init(&first.scope);
	assert_int_equal(pool_submit(pool, &first.work, &problem), 0);
	assert_int_equal(pool_submit(pool, &second.work, &problem), 0);
	latch_wait(&first.done, 1);
	latch_wait(&second.done, 1);
	pool_free(pool);
	scope_done(&first.scope);
}

/* --- Refused --- */

static void second_loop_on_a_thread_is_refused(void **state)
{
	struct loop *loop = new_loop_here(), *second;
	struct problem problem;

	(void)state;
	assert_int_equal(loop_new_here("second", &second, &problem), WEIR_ECONFLICT);
	assert_non_null(strstr(problem.message, "second"));
	assert_ptr_equal(loop_current(), loop);
	loop_free(loop);
	assert_null(loop_current());
	loop = new_loop_here();
	loop_free(loop);
}

static void turn_within(struct loop_call *call)
{
	struct noted *noted = CONTAINER_OF(call, struct noted, call);

	loop_turn_until(loop_current(), &noted->over);
}

static void nest_loops(void)
{
	struct noted noted = { .call.run = turn_within };
	struct loop *loop = new_loop_here();

	loop_post(loop, &noted.call);
	loop_turn_until(loop, &noted.over);
}

static void start_another(void *argument)
{
	struct problem problem;

	(void)!coroutine_start(loop_current(), start_another, argument, &problem);
}

static void nest_coroutines(void)
{
	start(new_loop_here(), start_another, NULL);
}

static void nesting_is_a_mistake(void **state)
{
	int status = run_in_child(nest_loops);

	(void)state;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	status = run_in_child(nest_coroutines);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* --- Data --- */

static char destroyed[8];

static void destroy_letter(void *data)
{
	strcat(destroyed, data);
}

static void find_data(void *data)
{
	const struct loop_key *key = data;

	assert_string_equal(loop_data(loop_current(), key), "a");
}

static void data_ends_in_reverse_order(void **state)
{
	static const struct loop_key first = { .destroy = destroy_letter }, second = { .destroy = destroy_letter };
	char text[4] = "", letters[2][2] = { "a", "b" };
	struct noted posted = new_noted(text, 'p');
	struct loop *loop = new_loop_here();
	struct crew crew = { 0 };

	(void)state;
	loop_attach(loop, &first, letters[0]);
	loop_attach(loop, &second, letters[1]);
	crew_start(&crew, loop, find_data, (void *)(intptr_t)&first);
	assert_true(crew.over);
	assert_true(loop_post(loop, &posted.call));
	loop_free(loop);
	assert_string_equal(text, "p");
	assert_string_equal(destroyed, "ba");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turning_stops_at_once_and_goes_on_later),
		cmocka_unit_test(posts_keep_their_order),
		cmocka_unit_test(nothing_starves),
		cmocka_unit_test(others_wake_a_sleeping_loop),
		cmocka_unit_test(each_thread_can_have_one),
		cmocka_unit_test(sleeping_loop_gives_up_its_place_in_the_pool),
		cmocka_unit_test(second_loop_on_a_thread_is_refused),
		cmocka_unit_test(nesting_is_a_mistake),
		cmocka_unit_test(data_ends_in_reverse_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
