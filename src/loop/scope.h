/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.h - structured concurrency: a scope has children, waits for them, and is cancelled with a reason. Everything that
 * waits inside a scope (for one child, for a group of them, for a time) is woken when it comes true, when its time is up,
 * or when the scope is cancelled. How a waiter sleeps depends on where it is: a coroutine is suspended, a thread that has
 * made an event loop of its own (loop_new_here) turns that loop, any other thread blocks on a condition variable and gives
 * up its place in the pool. Others bring their own wake function.
 */
#ifndef WEIR_LOOP_SCOPE_H
#define WEIR_LOOP_SCOPE_H

#include "base/problem.h"

#include <pthread.h>

struct pool;
struct scope_group;

/* One child, embedded in what it stands for. */
struct scope_child {
	struct scope_child *next, *previous; /* among the unfinished ones */
	struct scope_child *next_done;       /* in the group's order of ending */
	struct scope_group *group;           /* or NULL */
	bool done;
};

/* Children that are waited for together. All fields are guarded by the scope's mutex. */
struct scope_group {
	size_t count;                               /* of children */
	size_t done;                                /* of those, ended */
	struct scope_child *first_done, *last_done; /* ended and not yet taken by scope_next */
};

/* Something that happens once. Guarded by the mutex of the scope that it is waited for in; all zero before. */
struct scope_event {
	bool done;
};

struct scope_waiter;

struct scope {
	pthread_mutex_t mutex;
	struct scope_child *first, *last; /* unfinished children, oldest first */
	size_t unfinished;
	struct scope_waiter *waiters;
	int cancelled;     /* 0, or the error that waits return: WEIR_ECANCELED, WEIR_ETIMEDOUT, … */
	struct pool *pool; /* atomic: a thread of it is blocked for the sake of others that wait here; NULL: none is */
	unsigned lent;     /* atomic: of those others, how many wait now */
};

/* Somebody who waits in a scope; on the waiting one's stack. */
struct scope_waiter {
	void (*wake)(struct scope_waiter *waiter); /* once, under the scope's mutex, from any thread */
	/* what it waits for: a child, or so many ended children of a group, or an event, or (none) all children of the scope */
	const struct scope_child *child;
	const struct scope_group *group;
	size_t needed;
	const struct scope_event *event;
	bool only_time;     /* waits for nothing but the time and cancellation */
	bool ignore_cancel; /* goes on waiting when the scope is cancelled */
	bool woken;
	struct scope_waiter *next, *previous; /* the scope's own */
};

void scope_init(struct scope *scope);

/* No child may be unfinished, nobody may wait. */
void scope_done(struct scope *scope);

void scope_add(struct scope *scope, struct scope_child *child, struct scope_group *group);

/* The child has ended: wake who waited for it. The child is not touched afterwards. */
void scope_child_done(struct scope *scope, struct scope_child *child);

/* Cancel with an error; the first one stays. Wakes all waiters but those that ignore it. False when it was cancelled
   already. */
bool scope_cancel(struct scope *scope, int error);

/* The error it was cancelled with, or 0. */
int scope_cancelled(struct scope *scope);

bool scope_child_is_done(struct scope *scope, const struct scope_child *child);

/* The event has happened: wake who waits for it. From any thread; the event is not touched afterwards. */
void scope_signal(struct scope *scope, struct scope_event *event);

/* Waits of a thread or a coroutine. due_us is of clock_monotonic_us; INT64_MAX waits for ever, and the past never suspends.
   0: it has come; WEIR_ETIMEDOUT: the time is up; or the error of a cancelled scope (also when what was waited for has come
   too late to notice: looked at first). In a scope that was cancelled before, a coroutine lets others run. */
MUST_CHECK int scope_wait_child(struct scope *scope, const struct scope_child *child, int64_t due_us);
MUST_CHECK int scope_wait_group(struct scope *scope, const struct scope_group *group, size_t needed, int64_t due_us);
MUST_CHECK int scope_sleep(struct scope *scope, int64_t due_us);
MUST_CHECK int scope_wait_event(struct scope *scope, const struct scope_event *event, int64_t due_us);

/* Wait for what will happen soon and has to be waited for, cancelled or not. */
void scope_await_event(struct scope *scope, const struct scope_event *event);

/*
 * poll(2) for whoever waits: sets revents, leaves the descriptors as they are. Returns how many have something (looked at
 * first), WEIR_ETIMEDOUT, the error of a cancelled scope, or of the system. An fd below 0 is passed over; a regular file is
 * always ready for reading and writing. On a loop one can't wait for one descriptor in two polls at a time (WEIR_EBUSY), nor
 * for anything else of a regular file (WEIR_EPERM).
 */
struct pollfd;
MUST_CHECK int scope_poll(struct scope *scope, struct pollfd *fds, size_t count, int64_t due_us);

/* Wait for all children, whatever happens. */
void scope_join(struct scope *scope);

/* The next child of the group that has ended and was not taken yet; waits for one. NULL: none is left; *error, unless
   NULL, then is 0, or why the wait ended early. */
struct scope_child *scope_next(struct scope *scope, struct scope_group *group, int *error);

/* For waiters of another kind: put one in (woken at once when it is true already), and take it out again. */
void scope_watch(struct scope *scope, struct scope_waiter *waiter);
void scope_unwatch(struct scope *scope, struct scope_waiter *waiter);

#endif
