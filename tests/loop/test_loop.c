/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: calls in order and from many threads, timers in order of their due times, data that ends with the loop,
   descriptors, and what happens while it ends. */
#include "base/clock.h"
#include "latch.h"
#include "loop/loop.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { POSTERS = 8, POSTS_EACH = 2000, MANY_TIMERS = 10000, TRACE_SIZE = 256 };

/* "Long after the test": a timer that must not fire by itself. */
static const int64_t NEVER_US = INT64_C(3600) * 1000000;

static struct loop *new_loop(void)
{
	struct problem problem;
	struct loop *loop;

	assert_int_equal(loop_new("test-loop", &loop, &problem), 0);
	return loop;
}

/* A call that does something with one pointer and can be waited for. */
struct task {
	struct loop_call call;
	struct loop *loop;
	void (*action)(struct task *task);
	void *data;
	struct latch done;
};

static void run_task(struct loop_call *call)
{
	struct task *task = CONTAINER_OF(call, struct task, call);

	if (task->action)
		task->action(task);
	latch_add(&task->done);
}

/* Do something on the loop's thread, and wait for it. */
static void run_on_loop(struct loop *loop, void (*action)(struct task *task), void *data)
{
	struct task task = {
		.call.run = run_task, .loop = loop, .action = action, .data = data, .done = LATCH_INITIALIZER
	};

	assert_true(loop_post(loop, &task.call));
	latch_wait(&task.done, 1);
}

/* --- Calls --- */

struct numbered {
	struct loop_call call;
	unsigned poster, number;
};

/* Written by the loop's thread alone. */
static struct {
	struct loop *loop;
	unsigned next[POSTERS]; /* expected number of each poster */
	unsigned calls;
	unsigned out_of_order;
	unsigned elsewhere; /* calls made on another thread */
} posted;

static void count_call(struct loop_call *call)
{
	struct numbered *numbered = CONTAINER_OF(call, struct numbered, call);

	posted.calls++;
	posted.elsewhere += loop_current() != posted.loop;
	posted.out_of_order += posted.next[numbered->poster]++ != numbered->number;
}

static struct numbered calls[POSTERS][POSTS_EACH];

static void *post_calls(void *argument)
{
	unsigned poster = (unsigned)(uintptr_t)argument;

	for (unsigned i = 0; i < POSTS_EACH; i++) {
		calls[poster][i] = (struct numbered){ { .run = count_call }, poster, i };
		if (!loop_post(posted.loop, &calls[poster][i].call))
			abort();
	}
	return NULL;
}

static void begin_posting(void)
{
	memset(&posted, 0, sizeof posted);
	posted.loop = new_loop();
}

static void calls_of_one_thread_are_made_in_order(void **state)
{
	(void)state;
	begin_posting();
	post_calls((void *)0);
	loop_free(posted.loop);
	assert_int_equal(posted.calls, POSTS_EACH);
	assert_int_equal(posted.out_of_order, 0);
	assert_int_equal(posted.elsewhere, 0);
	assert_null(loop_current());
}

static void calls_of_many_threads_are_all_made(void **state)
{
	pthread_t threads[POSTERS];

	(void)state;
	begin_posting();
	for (uintptr_t i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, post_calls, (void *)i), 0);
	for (size_t i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	loop_free(posted.loop);
	assert_int_equal(posted.calls, POSTERS * POSTS_EACH);
	assert_int_equal(posted.out_of_order, 0);
	assert_int_equal(posted.elsewhere, 0);
}

static void block_signals(struct task *task)
{
	pthread_sigmask(SIG_SETMASK, NULL, task->data);
}

static void thread_blocks_signals(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGCHLD, SIGUSR1, SIGPIPE };
	struct loop *loop = new_loop();
	sigset_t mask;

	(void)state;
	run_on_loop(loop, block_signals, &mask);
	loop_free(loop);
	for (size_t i = 0; i < ARRAY_LENGTH(signals); i++)
		assert_true(sigismember(&mask, signals[i]));
}

/* Holds the loop's thread while another thread frees the loop, and posts from here once it has begun to. */
struct late_post {
	struct task first;
	struct loop_call late;
	struct latch entered;
	unsigned accepted; /* posts before the loop was ending */
	bool refused;
	unsigned calls;
};

static void count_late(struct loop_call *call)
{
	CONTAINER_OF(call, struct late_post, late)->calls++;
}

static void run_nothing(struct loop_call *call)
{
	free(call);
}

static void post_until_refused(struct task *task)
{
	struct late_post *test = task->data;

	latch_add(&test->entered);
	for (;;) {
		struct loop_call *call = malloc(sizeof *call);

		*call = (struct loop_call){ .run = run_nothing };
		if (!loop_post(task->loop, call)) {
			free(call);
			break;
		}
		test->accepted++;
		usleep(100);
	}
	test->refused = !loop_post(task->loop, &test->late);
}

static void *free_loop(void *argument)
{
	loop_free(argument);
	return NULL;
}

static void post_is_refused_once_the_loop_ends(void **state)
{
	struct late_post test = { .late.run = count_late, .entered = LATCH_INITIALIZER };
	struct loop *loop = new_loop();
	pthread_t freeing;

	(void)state;
	test.first = (struct task){ .call.run = run_task,
		                    .loop = loop,
		                    .action = post_until_refused,
		                    .data = &test,
		                    .done = LATCH_INITIALIZER };
	assert_true(loop_post(loop, &test.first.call));
	latch_wait(&test.entered, 1);
	assert_int_equal(pthread_create(&freeing, NULL, free_loop, loop), 0);
	pthread_join(freeing, NULL);
	assert_int_equal(latch_count(&test.first.done), 1);
	assert_true(test.refused);
	assert_int_equal(test.calls, 0);
}

/* The call tells the owner, who frees the loop at once: loop_post must not touch the loop after that. */
struct farewell {
	struct loop_call call;
	struct loop *loop;
	struct latch said;
};

static void say_farewell(struct loop_call *call)
{
	latch_add(&CONTAINER_OF(call, struct farewell, call)->said);
}

static void *post_farewell(void *argument)
{
	struct farewell *farewell = argument;

	if (!loop_post(farewell->loop, &farewell->call))
		abort();
	return NULL;
}

static void loop_may_be_freed_as_soon_as_a_call_was_made(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		struct farewell farewell = { { .run = say_farewell }, new_loop(), LATCH_INITIALIZER };
		pthread_t poster;

		assert_int_equal(pthread_create(&poster, NULL, post_farewell, &farewell), 0);
		latch_wait(&farewell.said, 1);
		loop_free(farewell.loop);
		pthread_join(poster, NULL);
	}
}

/* --- Timers --- */

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

/* --- Data of the loop --- */

static char destroyed[TRACE_SIZE];

static void note_destroyed(void *data)
{
	if (!loop_current())
		abort();
	strcat(destroyed, data);
}

static const struct loop_key key_a = { "a", note_destroyed }, key_b = { "b", note_destroyed },
                             key_c = { "c", note_destroyed }, key_plain = { "plain", NULL };

/* Destroyed first, it still finds what was attached before it, and may not be found itself any more. */
static void look_back(void *data)
{
	if (loop_data(loop_current(), &key_c) != data)
		abort();
	note_destroyed((char[]){ "(sees c)" });
}

static const struct loop_key key_last = { "last", look_back };

static void attach_all(struct task *task)
{
	static char a[] = "a", b[] = "b", c[] = "c";

	loop_attach(task->loop, &key_a, a);
	loop_attach(task->loop, &key_b, b);
	loop_attach(task->loop, &key_plain, a);
	loop_attach(task->loop, &key_c, c);
	loop_attach(task->loop, &key_last, c);
	if (loop_data(task->loop, &key_a) != a || loop_data(task->loop, &key_b) != b ||
	    loop_data(task->loop, &key_plain) != a || loop_data(task->loop, &key_c) != c)
		abort();
}

static void expect_no_data(struct task *task)
{
	if (loop_data(task->loop, &key_a) || loop_data(task->loop, &key_plain))
		abort();
}

static void data_is_found_and_destroyed_in_reverse_order(void **state)
{
	struct loop *loop = new_loop(), *other = new_loop();

	(void)state;
	destroyed[0] = '\0';
	run_on_loop(loop, expect_no_data, NULL);
	run_on_loop(loop, attach_all, NULL);
	run_on_loop(other, expect_no_data, NULL);
	loop_free(other);
	assert_string_equal(destroyed, "");
	loop_free(loop);
	assert_string_equal(destroyed, "(sees c)cba");
}

/* --- Descriptors --- */

struct reader {
	char text[TRACE_SIZE]; /* loop's thread only, until the loop is freed */
	unsigned elsewhere;
	int error;
	int fd;
	struct loop *loop;
	struct latch bytes;
};

static void read_some(void *data, int fd)
{
	struct reader *reader = data;
	char byte[2] = { 0 };
	ssize_t length = read(fd, byte, 1);

	reader->elsewhere += loop_current() != reader->loop;
	if (length == 1) {
		strcat(reader->text, byte);
		latch_add(&reader->bytes);
	} else if (length < 0) {
		reader->error = errno;
	}
}

static struct reader new_reader(struct loop *loop)
{
	return (struct reader){ .loop = loop, .bytes = LATCH_INITIALIZER };
}

static void descriptors_are_read_as_long_as_there_is_something(void **state)
{
	struct loop *loop = new_loop();
	struct reader first = new_reader(loop), second = new_reader(loop);
	struct problem problem;
	int one[2], two[2];

	(void)state;
	assert_int_equal(pipe(one), 0);
	assert_int_equal(pipe(two), 0);
	assert_int_equal(write(one[1], "ab", 2), 2); /* there before it is watched */
	assert_int_equal(loop_watch(loop, one[0], read_some, &first, &problem), 0);
	assert_int_equal(loop_watch(loop, two[0], read_some, &second, &problem), 0);
	latch_wait(&first.bytes, 2);
	assert_int_equal(write(two[1], "xyz", 3), 3);
	assert_int_equal(write(one[1], "c", 1), 1);
	latch_wait(&first.bytes, 3);
	latch_wait(&second.bytes, 3);
	loop_free(loop);
	assert_string_equal(first.text, "abc");
	assert_string_equal(second.text, "xyz");
	assert_int_equal(first.elsewhere + second.elsewhere, 0);
	/* The descriptors stay the caller's. */
	assert_int_equal(write(one[1], "d", 1), 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(close(one[i]), 0);
		assert_int_equal(close(two[i]), 0);
	}
}

static void watch_here(struct task *task)
{
	struct reader *reader = task->data;
	struct problem problem;

	if (loop_watch(task->loop, reader->fd, read_some, reader, &problem) < 0)
		abort();
}

static void loop_itself_may_begin_to_watch(void **state)
{
	struct loop *loop = new_loop();
	struct reader reader = new_reader(loop);
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	reader.fd = fds[0];
	run_on_loop(loop, watch_here, &reader);
	assert_int_equal(write(fds[1], "q", 1), 1);
	latch_wait(&reader.bytes, 1);
	loop_free(loop);
	assert_string_equal(reader.text, "q");
	close(fds[0]);
	close(fds[1]);
}

static void what_can_not_be_watched_is_refused(void **state)
{
	struct loop *loop = new_loop();
	struct reader reader = new_reader(loop);
	char path[] = "/tmp/weir-loop-XXXXXX";
	int file = mkstemp(path), fds[2];
	struct problem problem;

	(void)state;
	assert_true(file >= 0);
	unlink(path);
	assert_int_equal(loop_watch(loop, file, read_some, &reader, &problem), WEIR_EPERM);
	assert_int_equal(problem.code, WEIR_EPERM);
	assert_non_null(strstr(problem.message, "test-loop"));
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(loop_watch(loop, fds[0], read_some, &reader, &problem), 0);
	assert_int_equal(loop_watch(loop, fds[0], read_some, &reader, &problem), WEIR_EEXISTS);
	close(file);
	assert_true(loop_watch(loop, file, read_some, &reader, NULL) < 0);
	assert_int_equal(write(fds[1], "k", 1), 1); /* the watch that was there goes on */
	latch_wait(&reader.bytes, 1);
	loop_free(loop);
	assert_string_equal(reader.text, "k");
	close(fds[0]);
	close(fds[1]);
}

/* Watches when the loop's data is destroyed: too late. */
static void watch_late(void *data)
{
	struct reader *reader = data;

	reader->error = loop_watch(reader->loop, reader->fd, read_some, reader, NULL);
}

static const struct loop_key key_late = { "late", watch_late };

static void attach_late(struct task *task)
{
	loop_attach(task->loop, &key_late, task->data);
}

static void watch_is_refused_once_the_loop_ends(void **state)
{
	struct loop *loop = new_loop();
	struct reader reader = new_reader(loop);
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	reader.fd = fds[0];
	run_on_loop(loop, attach_late, &reader);
	loop_free(loop);
	assert_int_equal(reader.error, WEIR_ECANCELED);
	close(fds[0]);
	close(fds[1]);
}

static void free_of_no_loop_does_nothing(void **state)
{
	(void)state;
	loop_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_of_one_thread_are_made_in_order),
		cmocka_unit_test(calls_of_many_threads_are_all_made),
		cmocka_unit_test(thread_blocks_signals),
		cmocka_unit_test(post_is_refused_once_the_loop_ends),
		cmocka_unit_test(loop_may_be_freed_as_soon_as_a_call_was_made),
		cmocka_unit_test(timers_fire_in_order_of_due_time),
		cmocka_unit_test(timer_from_another_thread_goes_before_the_first),
		cmocka_unit_test(timers_not_due_are_dropped_at_the_end),
		cmocka_unit_test(timer_that_restarts_itself_leaves_room_for_calls),
		cmocka_unit_test(ten_thousand_timers_fire_in_order),
		cmocka_unit_test(stop_and_firing_exclude_each_other),
		cmocka_unit_test(data_is_found_and_destroyed_in_reverse_order),
		cmocka_unit_test(descriptors_are_read_as_long_as_there_is_something),
		cmocka_unit_test(loop_itself_may_begin_to_watch),
		cmocka_unit_test(what_can_not_be_watched_is_refused),
		cmocka_unit_test(watch_is_refused_once_the_loop_ends),
		cmocka_unit_test(free_of_no_loop_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
