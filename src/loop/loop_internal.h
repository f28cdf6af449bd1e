/* SPDX-License-Identifier: Apache-2.0 */
/* loop_internal.h - the inside of a loop, for the files of this folder that it is made of. */
#ifndef WEIR_LOOP_LOOP_INTERNAL_H
#define WEIR_LOOP_LOOP_INTERNAL_H

#include "base/vec.h"
#include "loop/loop.h"

#include <pthread.h>
#include <uv.h>

struct scheduler;
struct watch;

struct loop_attachment {
	const struct loop_key *key;
	void *data;
};

/*
 * All work but descriptors is done just before the loop would poll (drain in loop.c): calls, timers, coroutines, in rounds,
 * until nothing is left or it is time to look at the descriptors again. So what is posted from the loop's own thread needs no
 * system call, and other threads send a wake-up only when the loop sleeps.
 */
struct loop {
	uv_loop_t uv;
	uv_async_t wake; /* something was posted, or the first timer changed */
	uv_poll_t alarm; /* of a timerfd, for the first timer of the heap: uv's own count whole milliseconds */
	int alarm_fd;
	uv_prepare_t before_poll; /* drains */
	uv_check_t after_poll;
	uv_idle_t more; /* runs while there is work, so that the poll does not wait */
	pthread_t thread;
	char name[16];
	bool here; /* on its maker's thread */

	pthread_mutex_t mutex; /* guards what follows, up to the loop's thread's own */
	struct loop_call *first_call, *last_call;
	struct VEC(struct loop_timer *) heap; /* binary, by due_us; position = index + 1 */
	pthread_cond_t answered;              /* a watch_request was */
	bool asleep;                          /* polls, or is about to, and nobody has woken it yet */
	bool ending;                          /* no more calls are taken */
	bool closed;                          /* all handles are being closed */
	unsigned senders;                     /* who use the wake handle just now; atomic */

	/* The loop's thread only: */
	struct loop_call *taken; /* calls to be run in this round */
	int64_t alarm_us;        /* for when the alarm is set; INT64_MAX: it is not; INT64_MIN: it has rung */
	const bool *over;        /* of loop_turn_until; NULL when it runs until its end */
	bool turning;
	bool place_given_up; /* pool_wait_begin was called */
	struct VEC(struct loop_attachment) attachments;
	struct watch *watches;
	struct scheduler *scheduler; /* of coroutines; NULL before the first one */
	struct loop *next_orphan;    /* after its end */
};

/* Loop's thread: is it time to return to whoever turns the loop? */
static inline bool loop_is_over(const struct loop *loop)
{
	return loop->over && *loop->over;
}

/* Let go of the loop's mutex, and have the loop's thread look at what there is. */
void loop_unlock_waking(struct loop *loop);

/* Timers (loop_timer.c). */
void loop_fire_due_timers(struct loop *loop);
void loop_drop_timers(struct loop *loop);

/* Watches (loop_watch.c). */
void loop_close_watches(struct loop *loop);
void loop_free_watches(struct loop *loop);

/* Coroutines (coroutine.c). Run so many of those that are ready; are some left? Those that have yielded become ready
   with scheduler_next_turn, once the descriptors were looked at. NULL is allowed. */
void scheduler_run(struct scheduler *scheduler, unsigned budget);
void scheduler_next_turn(struct scheduler *scheduler);
bool scheduler_has_ready(const struct scheduler *scheduler);
bool scheduler_has_any(const struct scheduler *scheduler); /* ready or yielded */

/* False, and nothing is freed: a coroutine has not ended, and others may hold pointers to what lies on its stack. NULL is
   allowed. */
bool scheduler_free(struct scheduler *scheduler);

#endif
