/* SPDX-License-Identifier: Apache-2.0 */
/* poll.c - waiting for descriptors in a scope: scope_poll. */
#include "base/clock.h"
#include "loop/coroutine.h"
#include "loop/internal.h"
#include "loop/pool.h"
#include "loop/scope.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

/* --- A thread: poll(2), with an eventfd for the scope's cancellation --- */

struct thread_poll {
	struct scope_waiter waiter;
	int fd;
};

static void wake_by_eventfd(struct scope_waiter *waiter)
{
	eventfd_write(CONTAINER_OF(waiter, struct thread_poll, waiter)->fd, 1);
}

static int timeout_ms(int64_t due_us)
{
	int64_t left_us;

	if (due_us == INT64_MAX)
		return -1;
	left_us = MAX(due_us - clock_monotonic_us(), INT64_C(0));
	return (int)MIN((left_us + 999) / 1000, (int64_t)INT32_MAX);
}

/* all: the caller's descriptors, and the eventfd behind them. */
static int poll_until(struct scope *scope, struct pollfd *all, size_t count, int64_t due_us)
{
	for (;;) {
		int ready = poll(all, count + 1, timeout_ms(due_us));

		if (ready < 0 && errno != EINTR)
			return error_of_errno(errno);
		if (ready > 0 && all[count].revents)
			return ready > 1 ? ready - 1 : scope_cancelled(scope);
		if (ready > 0)
			return ready;
		if (ready == 0 && clock_monotonic_us() >= due_us)
			return WEIR_ETIMEDOUT;
	}
}

static int poll_on_thread(struct scope *scope, struct pollfd *fds, size_t count, int64_t due_us)
{
	struct thread_poll self = { .waiter = { .wake = wake_by_eventfd, .only_time = true } };
	struct pollfd *all;
	int result;

	self.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (self.fd < 0)
		return error_of_errno(errno);
	all = xcalloc(count + 1, sizeof *all);
	memcpy(all, fds, count * sizeof *all);
	all[count] = (struct pollfd){ .fd = self.fd, .events = POLLIN };
	scope_watch(scope, &self.waiter);
	pool_wait_begin();
	result = poll_until(scope, all, count, due_us);
	pool_wait_end();
	scope_unwatch(scope, &self.waiter);
	memcpy(fds, all, count * sizeof *all);
	free(all);
	close(self.fd);
	return result;
}

/* --- A coroutine: handles of its loop --- */

struct coroutine_poll;

struct handle {
	uv_poll_t uv;
	struct coroutine_poll *owner;
	size_t index; /* of fds */
};

/* On the heap: libuv closes handles after they were given up. */
struct coroutine_poll {
	struct scope_waiter waiter;
	struct loop_timer timer;
	struct scope *scope;
	struct coroutine *coroutine;
	struct pollfd *fds;
	size_t open; /* handles that are not closed yet */
	struct handle handles[];
};

static void wake_polling(struct scope_waiter *waiter)
{
	coroutine_wake(CONTAINER_OF(waiter, struct coroutine_poll, waiter)->coroutine);
}

/* By the time or a descriptor, if nothing else has woken it. */
static void wake_once(struct coroutine_poll *self)
{
	bool first;

	pthread_mutex_lock(&self->scope->mutex);
	first = !self->waiter.woken;
	self->waiter.woken = true;
	pthread_mutex_unlock(&self->scope->mutex);
	if (first)
		coroutine_wake(self->coroutine);
}

static void time_of_polling(struct loop_timer *timer)
{
	wake_once(CONTAINER_OF(timer, struct coroutine_poll, timer));
}

static const struct {
	int uv;
	short poll;
} event_names[] = {
	{ UV_READABLE, POLLIN }, { UV_WRITABLE, POLLOUT }, { UV_PRIORITIZED, POLLPRI }, { UV_DISCONNECT, POLLHUP }
};

static int events_of_poll(short events)
{
	int result = UV_DISCONNECT;

	for (size_t i = 0; i < ARRAY_LENGTH(event_names); i++)
		result |= events & event_names[i].poll ? event_names[i].uv : 0;
	return result;
}

static void on_event(uv_poll_t *uv, int status, int events)
{
	struct handle *handle = CONTAINER_OF(uv, struct handle, uv);
	struct coroutine_poll *self = handle->owner;
	struct pollfd *fd = &self->fds[handle->index];

	if (status < 0)
		fd->revents |= POLLERR;
	for (size_t i = 0; i < ARRAY_LENGTH(event_names); i++)
		fd->revents |= events & event_names[i].uv ? event_names[i].poll : 0;
	uv_poll_stop(uv);
	wake_once(self);
}

static void on_close(uv_handle_t *uv)
{
	struct coroutine_poll *self = CONTAINER_OF((uv_poll_t *)uv, struct handle, uv)->owner;

	if (--self->open == 0)
		free(self);
}

/* Returns 0, or uv's error. */
static int open_handle(struct coroutine_poll *self, size_t index)
{
	struct handle *handle = &self->handles[self->open];
	int result = uv_poll_init(loop_uv(coroutine_loop(self->coroutine)), &handle->uv, self->fds[index].fd);

	if (result < 0)
		return result;
	handle->owner = self;
	handle->index = index;
	self->open++;
	return uv_poll_start(&handle->uv, events_of_poll(self->fds[index].events), on_event);
}

static int open_handles(struct coroutine_poll *self, size_t count)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < count; i++) {
		self->fds[i].revents = 0;
		if (self->fds[i].fd >= 0)
			result = open_handle(self, i);
	}
	if (result == UV_EEXIST)
		return WEIR_EBUSY;
	return result < 0 ? error_of_errno(-result) : 0;
}

/* Gives the memory back as well, when the last handle is closed. */
static void close_handles(struct coroutine_poll *self)
{
	size_t open = self->open;

	for (size_t i = 0; i < open; i++)
		uv_close((uv_handle_t *)&self->handles[i].uv, on_close);
	if (open == 0)
		free(self);
}

static int count_ready(const struct pollfd *fds, size_t count)
{
	int ready = 0;

	for (size_t i = 0; i < count; i++)
		ready += fds[i].fd >= 0 && fds[i].revents;
	return ready;
}

static void suspend_until(struct coroutine_poll *self, int64_t due_us)
{
	struct loop *loop = coroutine_loop(self->coroutine);

	scope_watch(self->scope, &self->waiter);
	if (due_us != INT64_MAX)
		loop_timer_start(loop, &self->timer, due_us);
	coroutine_suspend();
	(void)loop_timer_stop(loop, &self->timer);
	scope_unwatch(self->scope, &self->waiter);
}

static int poll_in_coroutine(struct scope *scope, struct pollfd *fds, size_t count, int64_t due_us)
{
	struct coroutine_poll *self = xcalloc(1, sizeof *self + count * sizeof self->handles[0]);
	int result;

	self->waiter = (struct scope_waiter){ .wake = wake_polling, .only_time = true };
	self->timer.fire = time_of_polling;
	self->scope = scope;
	self->coroutine = coroutine_current();
	self->fds = fds;
	result = open_handles(self, count);
	if (result == 0) {
		suspend_until(self, due_us);
		result = count_ready(fds, count);
		if (result == 0)
			result = scope_cancelled(scope) ? scope_cancelled(scope) : WEIR_ETIMEDOUT;
	}
	close_handles(self);
	return result;
}

int scope_poll(struct scope *scope, struct pollfd *fds, size_t count, int64_t due_us)
{
	return coroutine_current() ? poll_in_coroutine(scope, fds, count, due_us)
	                           : poll_on_thread(scope, fds, count, due_us);
}
