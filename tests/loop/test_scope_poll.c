/* SPDX-License-Identifier: Apache-2.0 */
/* Polling descriptors in a scope: the same answers for a thread that blocks, a thread with a loop, and a coroutine. */
#include "base/clock.h"
#include "loop/scope.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "in_coroutine.h"

/* Do it in each of the three ways. */
static void do_everywhere(void (*action)(void *data), void *data)
{
	struct loop *loop;

	action(data);
	loop = new_loop_here();
	action(data);
	loop_free(loop);
	run_in_coroutine(action, data);
}

/* What another thread does in between. */
struct later {
	int fd;
	struct scope *scope;
	pthread_t thread;
};

static void *write_later(void *data)
{
	const struct later *later = data;

	sched_yield();
	assert_int_equal(write(later->fd, "x", 1), 1);
	return NULL;
}

static void *close_later(void *data)
{
	const struct later *later = data;

	sched_yield();
	close(later->fd);
	return NULL;
}

static void *cancel_later(void *data)
{
	const struct later *later = data;

	sched_yield();
	assert_true(scope_cancel(later->scope, WEIR_ECANCELED));
	return NULL;
}

static void begin(struct later *later, void *(*run)(void *data))
{
	assert_int_equal(pthread_create(&later->thread, NULL, run, later), 0);
}

/* --- What is there --- */

static void poll_what_is_there(void *data)
{
	struct pollfd fds[3];
	struct scope scope;
	int ends[2], file = open("/proc/self/exe", O_RDONLY);

	(void)data;
	scope_init(&scope);
	assert_int_equal(pipe(ends), 0);
	fds[0] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = ends[1], .events = POLLOUT };
	fds[2] = (struct pollfd){ .fd = -1, .events = POLLIN, .revents = POLLIN };
	assert_int_equal(scope_poll(&scope, fds, 3, 0), 1);
	assert_int_equal(fds[0].revents, 0);
	assert_int_equal(fds[1].revents, POLLOUT);
	assert_int_equal(fds[2].revents, 0);
	assert_int_equal(scope_poll(&scope, fds, 1, 0), WEIR_ETIMEDOUT);
	assert_int_equal(scope_poll(&scope, fds, 1, clock_monotonic_us() + 2000), WEIR_ETIMEDOUT);
	assert_int_equal(scope_poll(&scope, fds, 0, clock_monotonic_us() + 1000), WEIR_ETIMEDOUT);
	fds[0].fd = file;
	assert_int_equal(scope_poll(&scope, fds, 1, INT64_MAX), 1);
	close(file);
	assert_int_equal(scope_poll(&scope, fds, 1, INT64_MAX), 1);
	assert_int_equal(fds[0].revents, POLLNVAL);
	/* What there is comes before a cancellation. */
	assert_true(scope_cancel(&scope, WEIR_ETIMEDOUT));
	assert_int_equal(scope_poll(&scope, fds, 2, INT64_MAX), 2);
	fds[0].fd = ends[0];
	assert_int_equal(scope_poll(&scope, fds, 1, INT64_MAX), WEIR_ETIMEDOUT);
	close(ends[0]);
	close(ends[1]);
	scope_done(&scope);
}

static void what_is_there_is_found(void **state)
{
	(void)state;
	do_everywhere(poll_what_is_there, NULL);
}

/* --- What comes --- */

static void poll_pipe(void *data)
{
	struct scope scope;
	int ends[2];

	(void)data;
	scope_init(&scope);
	for (int i = 0; i < 50; i++) {
		struct pollfd fds[2];
		struct later later;
		char byte;

		assert_int_equal(pipe(ends), 0);
		fds[0] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
		/* One descriptor may stand in two entries. */
		fds[1] = (struct pollfd){ .fd = ends[0], .events = POLLPRI };
		later = (struct later){ .fd = ends[1] };
		begin(&later, write_later);
		assert_int_equal(scope_poll(&scope, fds, 2, INT64_MAX), 1);
		assert_int_equal(fds[0].revents, POLLIN);
		pthread_join(later.thread, NULL);
		/* Descriptors stay as they are. */
		assert_int_equal(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
		assert_int_equal(read(ends[0], &byte, 1), 1);
		begin(&later, close_later);
		fds[0].events = 0; /* errors are always told */
		assert_int_equal(scope_poll(&scope, fds, 1, INT64_MAX), 1);
		assert_int_equal(fds[0].revents, POLLHUP);
		pthread_join(later.thread, NULL);
		close(ends[0]);
	}
	scope_done(&scope);
}

static void data_and_closing_wake(void **state)
{
	(void)state;
	do_everywhere(poll_pipe, NULL);
}

static void fill(int fd)
{
	char data[4096] = { 0 };

	while (send(fd, data, sizeof data, MSG_DONTWAIT) > 0)
		;
}

static void *read_all_later(void *data)
{
	const struct later *later = data;
	char bytes[4096];

	sched_yield();
	while (recv(later->fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
		;
	return NULL;
}

static void poll_socket(void *data)
{
	struct later later;
	struct scope scope;
	struct pollfd fd;
	int ends[2];

	(void)data;
	scope_init(&scope);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	fill(ends[0]);
	fd = (struct pollfd){ .fd = ends[0], .events = POLLOUT };
	assert_int_equal(scope_poll(&scope, &fd, 1, 0), WEIR_ETIMEDOUT);
	later = (struct later){ .fd = ends[1] };
	begin(&later, read_all_later);
	assert_int_equal(scope_poll(&scope, &fd, 1, INT64_MAX), 1);
	assert_int_equal(fd.revents, POLLOUT);
	pthread_join(later.thread, NULL);
	fd.events = POLLIN;
	begin(&later, close_later);
	assert_int_equal(scope_poll(&scope, &fd, 1, INT64_MAX), 1);
	assert_true(fd.revents & POLLHUP);
	pthread_join(later.thread, NULL);
	close(ends[0]);
	scope_done(&scope);
}

static void sockets_can_be_polled(void **state)
{
	(void)state;
	do_everywhere(poll_socket, NULL);
}

static void poll_cancelled(void *data)
{
	struct pollfd fd = { .events = POLLIN };
	int ends[2];

	(void)data;
	assert_int_equal(pipe(ends), 0);
	fd.fd = ends[0];
	for (int i = 0; i < 50; i++) {
		struct scope scope;
		struct later later = { .scope = &scope };

		scope_init(&scope);
		begin(&later, cancel_later);
		assert_int_equal(scope_poll(&scope, &fd, 1, INT64_MAX), WEIR_ECANCELED);
		pthread_join(later.thread, NULL);
		assert_int_equal(scope_poll(&scope, &fd, 1, INT64_MAX), WEIR_ECANCELED);
		scope_done(&scope);
	}
	close(ends[0]);
	close(ends[1]);
}

static void cancellation_wakes(void **state)
{
	(void)state;
	do_everywhere(poll_cancelled, NULL);
}

/* --- What can't be waited for --- */

struct pair {
	struct scope scope;
	int ends[2];
	int results[2];
	size_t next;
};

static void poll_read_end(void *data)
{
	struct pair *pair = data;
	struct pollfd fd = { .fd = pair->ends[0], .events = POLLIN };
	size_t index = pair->next++;

	pair->results[index] = scope_poll(&pair->scope, &fd, 1, INT64_MAX);
}

static void one_descriptor_is_polled_once_at_a_time(void **state)
{
	struct loop *loop = new_loop_here();
	struct crew crew = { 0 };
	struct pair pair = { .next = 0 };

	(void)state;
	scope_init(&pair.scope);
	assert_int_equal(pipe(pair.ends), 0);
	crew_start(&crew, loop, poll_read_end, &pair);
	crew_start(&crew, loop, poll_read_end, &pair);
	assert_int_equal(pair.results[1], WEIR_EBUSY);
	assert_int_equal(write(pair.ends[1], "x", 1), 1);
	loop_turn_until(loop, &crew.over);
	assert_int_equal(pair.results[0], 1);
	close(pair.ends[0]);
	close(pair.ends[1]);
	scope_done(&pair.scope);
	loop_free(loop);
}

static void poll_file_for_nothing(void *data)
{
	int file = open("/proc/self/exe", O_RDONLY), ends[2];
	struct pollfd fds[2];
	struct scope scope;

	(void)data;
	scope_init(&scope);
	assert_int_equal(pipe(ends), 0);
	fds[0] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = file };
	assert_int_equal(scope_poll(&scope, fds, 2, INT64_MAX), WEIR_EPERM);
	/* What was added before is free again. */
	assert_int_equal(scope_poll(&scope, fds, 1, clock_monotonic_us() + 1000), WEIR_ETIMEDOUT);
	close(file);
	close(ends[0]);
	close(ends[1]);
	scope_done(&scope);
}

static void files_are_not_waited_for(void **state)
{
	(void)state;
	run_in_coroutine(poll_file_for_nothing, NULL);
}

/* --- Many --- */

enum { POLLERS = 200 };

struct relay {
	struct scope *scope;
	int from, to;
};

static void pass_on(void *data)
{
	const struct relay *relay = data;
	struct pollfd fd = { .fd = relay->from, .events = POLLIN };
	char byte;

	assert_int_equal(scope_poll(relay->scope, &fd, 1, INT64_MAX), 1);
	assert_int_equal(read(relay->from, &byte, 1), 1);
	assert_int_equal(write(relay->to, &byte, 1), 1);
}

/* A byte goes through a chain of pipes, thrice. */
static void many_coroutines_poll(void **state)
{
	struct relay relays[POLLERS];
	int pipes[POLLERS + 1][2];
	struct loop *loop = new_loop_here();
	struct scope scope;
	char byte = 0;

	(void)state;
	scope_init(&scope);
	for (size_t i = 0; i <= POLLERS; i++)
		assert_int_equal(pipe(pipes[i]), 0);
	for (int round = 0; round < 3; round++) {
		struct crew crew = { 0 };

		for (size_t i = 0; i < POLLERS; i++) {
			relays[i] = (struct relay){ .scope = &scope, .from = pipes[i][0], .to = pipes[i + 1][1] };
			crew_start(&crew, loop, pass_on, &relays[i]);
		}
		assert_int_equal(write(pipes[0][1], "x", 1), 1);
		loop_turn_until(loop, &crew.over);
		assert_int_equal(read(pipes[POLLERS][0], &byte, 1), 1);
		assert_int_equal(byte, 'x');
	}
	for (size_t i = 0; i <= POLLERS; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	scope_done(&scope);
	loop_free(loop);
}

/* Closed by another while it is waited for, though a copy keeps it alive: what comes on the copy wakes nobody later. */
static void event_of_a_closed_descriptor_wakes_nobody_else(void **state)
{
	struct loop *loop = new_loop_here();
	struct crew crew = { 0 };
	struct pair pair = { .next = 0 };
	struct scope scope;
	int copy;

	(void)state;
	scope_init(&scope);
	scope_init(&pair.scope);
	assert_int_equal(pipe(pair.ends), 0);
	copy = dup(pair.ends[0]);
	crew_start(&crew, loop, poll_read_end, &pair);
	close(pair.ends[0]);
	assert_true(scope_cancel(&pair.scope, WEIR_ECANCELED));
	loop_turn_until(loop, &crew.over);
	/* It found out that the descriptor is not valid any more. */
	assert_int_equal(pair.results[0], 1);
	assert_int_equal(write(pair.ends[1], "x", 1), 1);
	assert_int_equal(scope_poll(&scope, NULL, 0, clock_monotonic_us() + 3000), WEIR_ETIMEDOUT);
	close(copy);
	close(pair.ends[1]);
	scope_done(&pair.scope);
	scope_done(&scope);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_found),
		cmocka_unit_test(data_and_closing_wake),
		cmocka_unit_test(sockets_can_be_polled),
		cmocka_unit_test(cancellation_wakes),
		cmocka_unit_test(one_descriptor_is_polled_once_at_a_time),
		cmocka_unit_test(files_are_not_waited_for),
		cmocka_unit_test(many_coroutines_poll),
		cmocka_unit_test(event_of_a_closed_descriptor_wakes_nobody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
