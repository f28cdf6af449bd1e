/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope_poll.c - poll(2) in a scope. What waits on a loop shares one epoll instance, which the loop watches; so descriptors
 * stay as they are (libuv would make them non-blocking), and there is nothing to close before the waiting one goes on.
 */
#include "base/clock.h"
#include "base/vec.h"
#include "loop/coroutine.h"
#include "loop/scope_internal.h"
#include "loop/sleeper.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

_Static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLPRI == EPOLLPRI && POLLRDHUP == EPOLLRDHUP,
               "events of poll are events of epoll");

/* --- A thread that blocks --- */

struct cancel_waiter {
	struct scope_waiter waiter;
	int event_fd; /* readable once the scope is cancelled */
};

static void wake_by_event_fd(struct scope_waiter *waiter)
{
	(void)!eventfd_write(CONTAINER_OF(waiter, struct cancel_waiter, waiter)->event_fd, 1);
}

/* poll(2) until due_us, on the caller's descriptors and one more. Returns 0 or an errno. */
static int poll_until(const struct pollfd *fds, size_t count, int event_fd, int64_t due_us)
{
	struct pollfd *all = xmalloc((count + 1) * sizeof *all);
	struct timespec left = { 0 };
	int64_t left_us;
	int result;

	memcpy(all, fds, count * sizeof *all);
	all[count] = (struct pollfd){ .fd = event_fd, .events = POLLIN };
	if (due_us != INT64_MAX) {
		left_us = MAX(due_us - clock_monotonic_us(), INT64_C(0));
		left = (struct timespec){ .tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000 };
	}
	result = ppoll(all, count + 1, due_us == INT64_MAX ? NULL : &left, NULL) < 0 ? errno : 0;
	free(all);
	return result;
}

/* Block until something may have come, the time may be up, or the scope may have been cancelled. */
static int block(struct scope *scope, const struct pollfd *fds, size_t count, int64_t due_us)
{
	struct cancel_waiter self = { .waiter = { .wake = wake_by_event_fd, .only_time = true } };
	struct pool *lent;
	int error;

	self.event_fd = eventfd(0, EFD_CLOEXEC);
	if (self.event_fd < 0)
		return error_of_errno(errno);
	scope_watch(scope, &self.waiter);
	lent = scope_place_begin(scope);
	error = poll_until(fds, count, self.event_fd, due_us);
	scope_place_end(scope, lent);
	scope_unwatch(scope, &self.waiter);
	close(self.event_fd);
	return error == 0 || error == EINTR ? 0 : error_of_errno(error);
}

/* --- What waits on a loop --- */

/* One poll that waits. Its place and generation together name it, so that an event that comes too late (of a descriptor
   that somebody else has closed in between) wakes nobody else. */
struct poll_slot {
	struct sleeper *sleeper; /* NULL: free */
	uint32_t generation;
};

/* Attached to the loop. */
struct poller {
	int epoll_fd;
	struct VEC(struct poll_slot) slots;
	struct VEC(uint32_t) free;
};

static void destroy_poller(void *data)
{
	struct poller *poller = data;

	close(poller->epoll_fd);
	vec_done(&poller->slots);
	vec_done(&poller->free);
	free(poller);
}

static const struct loop_key poller_key = { .name = "poller", .destroy = destroy_poller };

static void wake_slot(const struct poller *poller, uint64_t id)
{
	struct poll_slot slot = poller->slots.items[(uint32_t)id];

	if (slot.sleeper && slot.generation == id >> 32)
		sleeper_wake(slot.sleeper);
}

/* There is at least one event; what is left over makes the loop call again. */
static void take_events(void *data, int fd)
{
	struct poller *poller = data;
	struct epoll_event events[64];
	int count = epoll_wait(fd, events, ARRAY_LENGTH(events), 0);

	for (int i = 0; i < count; i++)
		wake_slot(poller, events[i].data.u64);
}

static int new_poller(struct loop *loop, struct poller **out)
{
	struct poller *poller = xcalloc(1, sizeof *poller);
	int result;

	poller->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	result = poller->epoll_fd < 0 ? error_of_errno(errno)
	                              : loop_watch(loop, poller->epoll_fd, take_events, poller, NULL);
	if (result < 0) {
		if (poller->epoll_fd >= 0)
			close(poller->epoll_fd);
		free(poller);
		return result;
	}
	loop_attach(loop, &poller_key, poller);
	*out = poller;
	return 0;
}

/* The loop's poller, made when it has none. */
static int find_poller(struct poller **out)
{
	struct loop *loop = loop_current();

	*out = loop_data(loop, &poller_key);
	return *out ? 0 : new_poller(loop, out);
}

static uint64_t take_slot(struct poller *poller, struct sleeper *sleeper)
{
	uint32_t index;

	if (poller->free.count == 0) {
		vec_push(&poller->free, (uint32_t)poller->slots.count);
		vec_push(&poller->slots, (struct poll_slot){ 0 });
	}
	index = poller->free.items[--poller->free.count];
	poller->slots.items[index].sleeper = sleeper;
	return (uint64_t)poller->slots.items[index].generation << 32 | index;
}

static void give_back_slot(struct poller *poller, uint64_t id)
{
	poller->slots.items[(uint32_t)id].sleeper = NULL;
	poller->slots.items[(uint32_t)id].generation++;
	vec_push(&poller->free, (uint32_t)id);
}

/* What all entries want of the descriptor of the one at index; false when an earlier entry has it too, or there is none. */
static bool gather_events(const struct pollfd *fds, size_t count, size_t index, uint32_t *events)
{
	*events = 0;
	for (size_t i = 0; i < count; i++) {
		if (fds[i].fd != fds[index].fd)
			continue;
		if (i < index)
			return false;
		*events |= (unsigned short)fds[i].events;
	}
	return fds[index].fd >= 0;
}

/* Of the first so many entries. Those that somebody has closed meanwhile are gone already. */
static void remove_descriptors(const struct poller *poller, const struct pollfd *fds, size_t count)
{
	uint32_t events;

	for (size_t i = 0; i < count; i++) {
		if (gather_events(fds, count, i, &events))
			epoll_ctl(poller->epoll_fd, EPOLL_CTL_DEL, fds[i].fd, NULL);
	}
}

static int add_descriptors(const struct poller *poller, const struct pollfd *fds, size_t count, uint64_t id)
{
	uint32_t events;
	int error;

	for (size_t i = 0; i < count; i++) {
		struct epoll_event event;

		if (!gather_events(fds, count, i, &events))
			continue;
		event = (struct epoll_event){ .events = events | EPOLLONESHOT, .data.u64 = id };
		if (epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, fds[i].fd, &event) == 0)
			continue;
		error = errno;
		remove_descriptors(poller, fds, i);
		return error == EEXIST ? WEIR_EBUSY : error_of_errno(error);
	}
	return 0;
}

/* Sleep until something may have come, the time is up, or the scope is cancelled. */
static int sleep_on_loop(struct scope *scope, const struct pollfd *fds, size_t count, int64_t due_us)
{
	struct sleeper self = { .waiter.only_time = true };
	struct poller *poller;
	uint64_t id;
	int result = find_poller(&poller);

	if (result < 0)
		return result;
	sleeper_init(&self, scope);
	id = take_slot(poller, &self);
	result = add_descriptors(poller, fds, count, id);
	if (result == 0) {
		scope_watch(scope, &self.waiter);
		sleeper_sleep(&self, due_us);
		scope_unwatch(scope, &self.waiter);
		remove_descriptors(poller, fds, count);
	}
	give_back_slot(poller, id);
	return result;
}

/* --- Both --- */

int scope_poll(struct scope *scope, struct pollfd *fds, size_t count, int64_t due_us)
{
	for (;;) {
		int ready = poll(fds, count, 0);
		int result = scope_cancelled(scope);

		if (ready > 0)
			return ready;
		if (ready < 0 && errno != EINTR)
			return error_of_errno(errno);
		if (result < 0) {
			scope_let_others_run(due_us);
			return result;
		}
		if (scope_is_past(due_us))
			return WEIR_ETIMEDOUT;
		result = sleeper_is_wanted() ? sleep_on_loop(scope, fds, count, due_us)
		                             : block(scope, fds, count, due_us);
		if (result < 0)
			return result;
	}
}
