/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - an event loop on its own thread (libuv): calls posted from other threads, timers, and data that belongs to the
 * loop and ends with it.
 */
#ifndef WEIR_LOOP_LOOP_H
#define WEIR_LOOP_LOOP_H

#include "base/problem.h"

struct loop;

/* A call that another thread wants made on the loop's thread. In the caller's memory until it was run. */
struct loop_call {
	void (*run)(struct loop_call *call);
	struct loop_call *next; /* the loop's own */
};

/* A timer. In the caller's memory; all zero before the first start. */
struct loop_timer {
	void (*fire)(struct loop_timer *timer);
	int64_t due_us;  /* of clock_monotonic_us; the loop's own */
	size_t position; /* in the loop's heap, from 1; 0: not started; the loop's own */
};

/* A kind of loop-attached data: the address is the key. */
struct loop_key {
	const char *name;
	void (*destroy)(void *data); /* on the loop's thread, when the loop ends; NULL: nothing to do */
};

/* Start a loop with its thread (thread_start). WEIR_ELIMIT when the system has no more threads or files. */
MUST_CHECK int loop_new(const char *name, struct loop **out, struct problem *problem);

/*
 * Make a loop on this thread, which has none yet. It turns while this thread waits in a scope (loop/scope.h), outside of
 * coroutines. End it on this thread by loop_free. WEIR_ECONFLICT when the thread has a loop.
 */
MUST_CHECK int loop_new_here(const char *name, struct loop **out, struct problem *problem);

/* Let a loop made here work until *over, which it looks at after everything that it has done; so it is to be set by what the
   loop runs. Not from within what the loop runs: loops do not nest. */
void loop_turn_until(struct loop *loop, const bool *over);

/*
 * Run what was posted, drop timers that are not due (they count as not started), destroy attached data in reverse order
 * of attaching, end the thread. Not from the loop's own thread, unless it was made here. Coroutines that have not ended
 * never go on; the memory of the loop is kept then, since others may wake them still. NULL is allowed.
 */
void loop_free(struct loop *loop);

/* The loop whose thread this is, or NULL. */
struct loop *loop_current(void);

/* Make a call on the loop's thread, soon, in the order of posting. From any thread. False once the loop is ending: then
   the call is not made. */
bool loop_post(struct loop *loop, struct loop_call *call);

/* Start a timer, or move it: it fires once on the loop's thread at or after due_us. From any thread. */
void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t due_us);

/* True when the timer was stopped before it fired: its callback will not be called. False: it was not started, has fired
   or is firing. From any thread. */
bool loop_timer_stop(struct loop *loop, struct loop_timer *timer);

/* Data bound to the loop: found without a lock, on the loop's thread only. */
void *loop_data(struct loop *loop, const struct loop_key *key);
void loop_attach(struct loop *loop, const struct loop_key *key, void *data);

/*
 * Watch a file descriptor for reading, for the loop's whole life; the descriptor stays the caller's, becomes non-blocking,
 * and is closed only after the loop's end. The function is called again and again until it has read what is there; for a
 * descriptor in error once more, so that reading finds the error. Meant for what does not end (signals, datagrams,
 * events): at the end of a pipe or stream it would be called without pause.
 * From any thread. Waits until the loop's thread has taken it up: hold no lock that a call or a timer of the loop needs.
 * WEIR_EPERM for a descriptor that can't be waited for (a regular file), WEIR_EEXISTS for one that is watched already,
 * WEIR_ECANCELED once the loop is ending.
 */
typedef void loop_readable_fn(void *data, int fd);
MUST_CHECK int loop_watch(struct loop *loop, int fd, loop_readable_fn *readable, void *data, struct problem *problem);

#endif
