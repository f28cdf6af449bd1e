/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: calls in order and from many threads, data that ends with the loop, descriptors, and what happens while
   it ends. */
#include "loop/loop.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "on_loop.h"

enum { POSTERS = 8, POSTS_EACH = 2000, TRACE_SIZE = 256 };

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
		cmocka_unit_test(data_is_found_and_destroyed_in_reverse_order),
		cmocka_unit_test(descriptors_are_read_as_long_as_there_is_something),
		cmocka_unit_test(loop_itself_may_begin_to_watch),
		cmocka_unit_test(what_can_not_be_watched_is_refused),
		cmocka_unit_test(watch_is_refused_once_the_loop_ends),
		cmocka_unit_test(free_of_no_loop_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
