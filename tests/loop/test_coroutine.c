/* SPDX-License-Identifier: Apache-2.0 */
/* Coroutines: they run up to their first wait, go on when woken from wherever, and keep what is theirs. Compiled a second
   time for the portable switch and for canaries in place of guards. */
#include "in_child.h"
#include "loop/coroutine.h"

#include <fenv.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

#include <cmocka.h>

#include "in_coroutine.h"
#include "on_loop.h"

/* What happened, as letters. */
struct trace {
	char text[256];
	size_t length;
	struct coroutine *coroutine;
	bool over;
};

static void note(struct trace *trace, char letter)
{
	assert_true(trace->length < sizeof trace->text - 1);
	trace->text[trace->length++] = letter;
}

static void run_to_the_first_wait(void *argument)
{
	struct trace *trace = argument;

	note(trace, 'a');
	trace->coroutine = coroutine_current();
	coroutine_suspend();
	note(trace, 'c');
	trace->over = true;
}

static void start_runs_up_to_the_first_wait(void **state)
{
	struct trace trace = { 0 };
	struct loop *loop = new_loop_here();

	(void)state;
	assert_null(coroutine_current());
	start(loop, run_to_the_first_wait, &trace);
	note(&trace, 'b');
	assert_ptr_equal(coroutine_loop(trace.coroutine), loop);
	coroutine_wake(trace.coroutine);
	loop_turn_until(loop, &trace.over);
	assert_string_equal(trace.text, "abc");
	assert_null(coroutine_current());
	loop_free(loop);
	assert_null(loop_current());
}

static void wake_itself_before(void *argument)
{
	struct trace *trace = argument;

	coroutine_wake(coroutine_current());
	note(trace, 'a');
	coroutine_suspend();
	note(trace, 'b');
	trace->coroutine = coroutine_current();
	coroutine_suspend();
	note(trace, 'd');
	trace->over = true;
}

static void wake_before_suspending_counts_once(void **state)
{
	struct trace trace = { 0 };
	struct loop *loop = new_loop_here();

	(void)state;
	start(loop, wake_itself_before, &trace);
	note(&trace, 'c');
	coroutine_wake(trace.coroutine);
	loop_turn_until(loop, &trace.over);
	assert_string_equal(trace.text, "abcd");
	loop_free(loop);
}

struct posted {
	struct loop_call call;
	struct trace *trace;
};

static void note_call(struct loop_call *call)
{
	note(CONTAINER_OF(call, struct posted, call)->trace, 'c');
}

static void yield_thrice(void *argument)
{
	struct trace *trace = argument;

	for (char letter = 'x'; letter <= 'z'; letter++) {
		note(trace, letter);
		coroutine_yield();
	}
	trace->over = true;
}

/* Others, and calls, come in between. */
static void yield_lets_everything_else_run(void **state)
{
	struct trace trace = { 0 };
	struct posted posted = { .call.run = note_call, .trace = &trace };
	struct loop *loop = new_loop_here();

	(void)state;
	start(loop, yield_thrice, &trace);
	start(loop, run_to_the_first_wait, &trace);
	coroutine_wake(trace.coroutine);
	assert_true(loop_post(loop, &posted.call));
	loop_turn_until(loop, &trace.over);
	trace.over = false;
	start(loop, yield_thrice, &trace);
	loop_turn_until(loop, &trace.over);
	assert_int_equal(trace.text[0], 'x');
	assert_int_equal(trace.text[1], 'a');
	assert_int_equal(trace.text[2], 'c');
	assert_non_null(strchr(trace.text, 'z'));
	loop_free(loop);
}

/* --- Stacks and registers --- */

static int use_stack(int depth, size_t keep)
{
	volatile char page[1024];

	page[0] = (char)depth;
	page[1023] = (char)depth;
	if (coroutine_stack_left() > keep)
		return use_stack(depth + 1, keep) + page[0] - page[1023];
	coroutine_yield();
	return depth + page[0] - page[1023];
}

static void go_deep(void *argument)
{
	struct trace *trace = argument;
	size_t left = coroutine_stack_left();

	assert_in_range(left, 200 * 1024, 256 * 1024);
	assert_true(use_stack(0, 24 * 1024) > 100);
	assert_true(coroutine_stack_left() + 1024 > left);
	trace->over = true;
}

static void most_of_the_stack_can_be_used(void **state)
{
	struct loop *loop = new_loop_here();

	(void)state;
	assert_true(coroutine_stack_left() == SIZE_MAX);
	for (int i = 0; i < 100; i++) {
		struct trace trace = { 0 };

		start(loop, go_deep, &trace);
		loop_turn_until(loop, &trace.over);
	}
	loop_free(loop);
}

struct numbers {
	unsigned seed;
	int *left;
	bool *over;
};

static unsigned next_number(unsigned seed)
{
	return seed * 1103515245 + 12345;
}

/* So many values at once that they are in all registers that a function must keep. */
static void keep_values(void *argument)
{
	struct numbers *numbers = argument;
	unsigned a = next_number(numbers->seed), b = next_number(a), c = next_number(b), d = next_number(c);
	double w = a * 0.5, x = b * 0.25, y = c * 0.125, z = d * 3.0;
	uint64_t e = a + (uint64_t)b, f = c ^ (uint64_t)d, g = e * f, h = e - f;

	for (int i = 0; i < 50; i++) {
		coroutine_yield();
		a ^= b, b += c, c ^= d, d += a, a ^= d, d -= b, d += b, d -= a;
		w += x, x -= y, y += z, z -= w;
		e += g, g -= h, h += f, f ^= e;
	}
	numbers->seed = a ^ b ^ c ^ d ^ (unsigned)(w + x + y + z != w + (x + y) + z) ^ (unsigned)(e ^ f ^ g ^ h);
	if (--*numbers->left == 0)
		*numbers->over = true;
}

static void registers_survive(void **state)
{
	struct numbers numbers[64];
	struct loop *loop = new_loop_here();
	unsigned alone[64];
	bool over = false;
	int left;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(numbers); i++) {
		over = false;
		left = 1;
		numbers[i] = (struct numbers){ .seed = i, .left = &left, .over = &over };
		start(loop, keep_values, &numbers[i]);
		loop_turn_until(loop, &over);
		alone[i] = numbers[i].seed;
	}
	over = false;
	left = ARRAY_LENGTH(numbers);
	for (unsigned i = 0; i < ARRAY_LENGTH(numbers); i++) {
		numbers[i] = (struct numbers){ .seed = i, .left = &left, .over = &over };
		start(loop, keep_values, &numbers[i]);
	}
	loop_turn_until(loop, &over);
	for (unsigned i = 0; i < ARRAY_LENGTH(numbers); i++)
		assert_int_equal(numbers[i].seed, alone[i]);
	loop_free(loop);
}

static void round_upwards(void *argument)
{
	struct trace *trace = argument;

	fesetround(FE_UPWARD);
	for (int i = 0; i < 5; i++) {
		coroutine_yield();
		assert_int_equal(fegetround(), FE_UPWARD);
	}
	fesetround(FE_TONEAREST);
	trace->over = true;
}

static void round_as_ever(void *argument)
{
	struct trace *trace = argument;

	for (int i = 0; i < 5; i++) {
		assert_int_equal(fegetround(), FE_TONEAREST);
		coroutine_yield();
	}
	trace->over = true;
}

/* On the processors where it is kept in each frame. */
static void rounding_mode_stays_with_its_coroutine(void **state)
{
	struct trace upwards = { 0 }, ever = { 0 };
	struct loop *loop = new_loop_here();

	(void)state;
#ifndef __x86_64__
	skip();
#endif
	start(loop, round_upwards, &upwards);
	start(loop, round_as_ever, &ever);
	loop_turn_until(loop, &upwards.over);
	loop_turn_until(loop, &ever.over);
	assert_int_equal(fegetround(), FE_TONEAREST);
	loop_free(loop);
}

static void look_at_local(void *argument)
{
	struct trace *trace = argument;

	assert_null(control_local());
	control_set_local(trace);
	for (int i = 0; i < 3; i++) {
		coroutine_yield();
		assert_ptr_equal(control_local(), trace);
	}
	trace->over = true;
}

static void local_pointer_follows_the_flow_of_control(void **state)
{
	struct trace first = { 0 }, second = { 0 };
	struct loop *loop = new_loop_here();

	(void)state;
	assert_null(control_local());
	control_set_local(state);
	start(loop, look_at_local, &first);
	assert_ptr_equal(control_local(), state);
	start(loop, look_at_local, &second);
	loop_turn_until(loop, &first.over);
	loop_turn_until(loop, &second.over);
	assert_ptr_equal(control_local(), state);
	control_set_local(NULL);
	loop_free(loop);
}

/* --- Many, and other threads --- */

enum { WAKERS = 8, STORM = 1000, STORM_WAITS = 5 };

struct storm {
	struct loop *loop;
	struct coroutine *waiting[STORM]; /* who is to be woken; atomic */
	unsigned started, ended;          /* loop's thread */
	struct latch done;
};

struct storm_member {
	struct storm *storm;
	unsigned index;
};

static void wait_in_storm(void *argument)
{
	struct storm_member *member = argument;
	struct storm *storm = member->storm;

	for (int i = 0; i < STORM_WAITS; i++) {
		/* It may be woken before it suspends. */
		__atomic_store_n(&storm->waiting[member->index], coroutine_current(), __ATOMIC_RELEASE);
		coroutine_suspend();
	}
	free(member);
	if (++storm->ended == STORM)
		latch_add(&storm->done);
}

static void start_storm(struct task *task)
{
	struct storm *storm = task->data;

	for (; storm->started < STORM; storm->started++) {
		struct storm_member *member = xmalloc(sizeof *member);

		*member = (struct storm_member){ .storm = storm, .index = storm->started };
		start(storm->loop, wait_in_storm, member);
	}
}

static void *wake_in_storm(void *argument)
{
	struct storm *storm = argument;

	while (latch_count(&storm->done) == 0) {
		for (unsigned i = 0; i < STORM; i++) {
			struct coroutine *coroutine = __atomic_exchange_n(&storm->waiting[i], NULL, __ATOMIC_ACQ_REL);

			if (coroutine)
				coroutine_wake(coroutine);
		}
		sched_yield();
	}
	return NULL;
}

static void threads_wake_many(void **state)
{
	static struct storm storm;
	pthread_t threads[WAKERS];

	(void)state;
	storm = (struct storm){ .loop = new_loop(), .done = LATCH_INITIALIZER };
	for (int i = 0; i < WAKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wake_in_storm, &storm), 0);
	run_on_loop(storm.loop, start_storm, &storm);
	latch_wait(&storm.done, 1);
	for (int i = 0; i < WAKERS; i++)
		pthread_join(threads[i], NULL);
	loop_free(storm.loop);
	assert_int_equal(storm.ended, STORM);
}

static void suspend_for_ever(void *argument)
{
	unsigned *count = argument;

	++*count;
	coroutine_suspend();
	++*count;
}

static void yield_for_ever(void *argument)
{
	unsigned *count = argument;

	++*count;
	for (;;)
		coroutine_yield();
}

static void start_for_ever(struct task *task)
{
	for (int i = 0; i < 100; i++) {
		start(loop_current(), suspend_for_ever, task->data);
		start(loop_current(), yield_for_ever, task->data);
	}
}

static void loop_forgets_those_that_have_not_ended(void **state)
{
	struct loop *here = new_loop_here(), *loop = new_loop();
	unsigned count = 0;

	(void)state;
	run_on_loop(loop, start_for_ever, &count);
	loop_free(loop);
	assert_int_equal(count, 200);
	for (int i = 0; i < 100; i++)
		start(here, suspend_for_ever, &count);
	loop_free(here);
	assert_int_equal(count, 300);
}

static void just_end(void *argument)
{
	++*(unsigned *)argument;
}

/* More than a slab has stacks, again and again. */
static void stacks_are_used_again(void **state)
{
	struct loop *loop = new_loop_here();
	unsigned count = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		start(loop, just_end, &count);
	assert_int_equal(count, 1000);
	loop_free(loop);
}

/* --- No memory --- */

static void start_until_there_is_no_room(void)
{
	struct rlimit limit = { .rlim_cur = (rlim_t)1 << 30, .rlim_max = (rlim_t)1 << 30 };
	struct loop *loop = new_loop_here();
	struct problem problem = { 0 };
	unsigned count = 0;
	int result = 0;

	setrlimit(RLIMIT_AS, &limit);
	for (int i = 0; result == 0 && i < 10000; i++)
		result = coroutine_start(loop, suspend_for_ever, &count, &problem);
	if (result != WEIR_ENOMEM || count < 100 || !strstr(problem.message, "stack"))
		_exit(1);
	loop_free(loop);
}

static void without_room_for_a_stack_nothing_starts(void **state)
{
	(void)state;
	if (has_sanitizer())
		skip(); /* they need more address space themselves */
	assert_int_equal(run_in_child(start_until_there_is_no_room), 0);
}

static void suspend_outside(void)
{
	coroutine_suspend();
}

static void only_coroutines_suspend(void **state)
{
	int status = run_in_child(suspend_outside);

	(void)state;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_runs_up_to_the_first_wait),
		cmocka_unit_test(wake_before_suspending_counts_once),
		cmocka_unit_test(yield_lets_everything_else_run),
		cmocka_unit_test(most_of_the_stack_can_be_used),
		cmocka_unit_test(registers_survive),
		cmocka_unit_test(rounding_mode_stays_with_its_coroutine),
		cmocka_unit_test(local_pointer_follows_the_flow_of_control),
		cmocka_unit_test(threads_wake_many),
		cmocka_unit_test(loop_forgets_those_that_have_not_ended),
		cmocka_unit_test(stacks_are_used_again),
		cmocka_unit_test(without_room_for_a_stack_nothing_starts),
		cmocka_unit_test(only_coroutines_suspend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
