/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include "base/clock.h"
#include "loop/loop_internal.h"
#include "loop/pool.h"
#include "loop/thread.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Of alarm_us: the time for which it was set has come. */
#define ALARM_RUNG INT64_MIN

enum {
	ROUNDS = 8,          /* of work before descriptors are looked at again */
	ROUND_RESUMES = 256, /* of coroutines in a round */
};

static _Thread_local struct loop *current_loop;

struct loop *loop_current(void)
{
	return current_loop;
}

/* Sending while the mutex is held would wake the loop's thread for it to wait for the mutex. But then the loop may be at its
   end already when it is sent: what was just posted may be what the loop's owner waits for before he frees it. So senders
   are counted, and the loop does not close before they are through. Its own thread needs no waking: it drains before it
   polls. */
void loop_unlock_waking(struct loop *loop)
{
	bool sends = loop->asleep && loop != current_loop;

	if (sends) {
		loop->asleep = false;
		__atomic_add_fetch(&loop->senders, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&loop->mutex);
	if (sends) {
		uv_async_send(&loop->wake);
		__atomic_sub_fetch(&loop->senders, 1, __ATOMIC_RELEASE);
	}
}

/* --- The loop's thread --- */

static void on_wake(uv_async_t *wake)
{
	(void)wake; /* what was posted is drained before the next poll */
}

static void on_more(uv_idle_t *more)
{
	(void)more;
}

static void on_alarm(uv_poll_t *alarm, int status, int events)
{
	struct loop *loop = alarm->data;

	(void)status, (void)events;
	loop->alarm_us = ALARM_RUNG;
}

static void take_calls(struct loop *loop)
{
	pthread_mutex_lock(&loop->mutex);
	loop->taken = loop->first_call;
	loop->first_call = loop->last_call = NULL;
	pthread_mutex_unlock(&loop->mutex);
}

static void run_calls(struct loop *loop)
{
	if (!loop->taken)
		take_calls(loop);
	while (loop->taken && !loop_is_over(loop)) {
		struct loop_call *call = loop->taken;

		loop->taken = call->next;
		call->run(call);
	}
}

/* Is there work besides timers and those coroutines that have yielded? */
static bool has_work(struct loop *loop)
{
	bool posted;

	if (loop->taken || scheduler_has_ready(loop->scheduler))
		return true;
	pthread_mutex_lock(&loop->mutex);
	posted = loop->first_call != NULL;
	pthread_mutex_unlock(&loop->mutex);
	return posted;
}

static void drain(struct loop *loop)
{
	int rounds = ROUNDS;

	scheduler_next_turn(loop->scheduler);
	do {
		run_calls(loop);
		loop_fire_due_timers(loop);
		scheduler_run(loop->scheduler, ROUND_RESUMES);
	} while (--rounds > 0 && !loop_is_over(loop) && has_work(loop));
}

/* See that the poll ends for the first timer, at due_us (INT64_MAX: there is none). Setting the alarm anew makes it
   unreadable. */
static void set_alarm(struct loop *loop, int64_t due_us)
{
	struct itimerspec alarm = { 0 };
	int result;

	if (loop->alarm_us == due_us)
		return;
	loop->alarm_us = due_us;
	if (due_us != INT64_MAX)
		alarm.it_value = (struct timespec){ .tv_sec = due_us / 1000000, .tv_nsec = due_us % 1000000 * 1000 };
	result = timerfd_settime(loop->alarm_fd, TFD_TIMER_ABSTIME, &alarm, NULL);
	ASSERT(result == 0);
}

/* Does the loop go on at once after looking at its descriptors? Otherwise it counts as asleep from now on. */
static bool fall_asleep(struct loop *loop, int64_t *due_us)
{
	bool stays = loop_is_over(loop) || loop->taken || scheduler_has_any(loop->scheduler);

	pthread_mutex_lock(&loop->mutex);
	*due_us = loop->heap.count ? loop->heap.items[0]->due_us : INT64_MAX;
	stays = stays || loop->first_call || loop->ending;
	loop->asleep = !stays;
	pthread_mutex_unlock(&loop->mutex);
	return !stays;
}

static void prepare_poll(struct loop *loop)
{
	int64_t due_us;
	bool sleeps = fall_asleep(loop, &due_us);

	if (!sleeps || (due_us != INT64_MAX && due_us <= clock_monotonic_us())) {
		uv_idle_start(&loop->more, on_more);
		return;
	}
	uv_idle_stop(&loop->more);
	set_alarm(loop, due_us);
	loop->place_given_up = true;
	pool_wait_begin();
}

/* When the loop is ending and all calls were made: close everything, which ends uv_run. */
static bool close_at_end(struct loop *loop)
{
	bool closed;

	pthread_mutex_lock(&loop->mutex);
	closed = loop->closed = loop->ending && !loop->first_call && !loop->taken &&
	                        __atomic_load_n(&loop->senders, __ATOMIC_ACQUIRE) == 0;
	pthread_mutex_unlock(&loop->mutex);
	if (!closed)
		return false;
	loop_close_watches(loop);
	uv_close((uv_handle_t *)&loop->wake, NULL);
	uv_close((uv_handle_t *)&loop->alarm, NULL);
	uv_close((uv_handle_t *)&loop->before_poll, NULL);
	uv_close((uv_handle_t *)&loop->after_poll, NULL);
	uv_close((uv_handle_t *)&loop->more, NULL);
	return true;
}

static void on_before_poll(uv_prepare_t *before_poll)
{
	struct loop *loop = before_poll->data;

	drain(loop);
	if (!close_at_end(loop))
		prepare_poll(loop);
}

static void on_after_poll(uv_check_t *after_poll)
{
	struct loop *loop = after_poll->data;

	if (loop->place_given_up) {
		loop->place_given_up = false;
		pool_wait_end();
	}
	pthread_mutex_lock(&loop->mutex);
	loop->asleep = false;
	pthread_mutex_unlock(&loop->mutex);
}

static void destroy_attachments(struct loop *loop)
{
	while (loop->attachments.count) {
		struct loop_attachment last = loop->attachments.items[--loop->attachments.count];

		if (last.key->destroy)
			last.key->destroy(last.data);
	}
	vec_done(&loop->attachments);
}

/* Work until loop_free. Timers that are left may lie on the stacks of coroutines, so they are dropped before those. */
static void run_to_end(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	loop_drop_timers(loop);
	destroy_attachments(loop);
	if (scheduler_free(loop->scheduler))
		loop->scheduler = NULL;
}

static void *run_loop(void *argument)
{
	struct loop *loop = argument;

	current_loop = loop;
	run_to_end(loop);
	return NULL;
}

void loop_turn_until(struct loop *loop, const bool *over)
{
	ASSERT(loop == current_loop && loop->here);
	ASSERT(!loop->turning);
	loop->turning = true;
	loop->over = over;
	while (!*over)
		uv_run(&loop->uv, UV_RUN_ONCE);
	loop->over = NULL;
	loop->turning = false;
}

/* --- For everybody --- */

bool loop_post(struct loop *loop, struct loop_call *call)
{
	bool taken;

	call->next = NULL;
	pthread_mutex_lock(&loop->mutex);
	taken = !loop->ending;
	if (taken) {
		if (loop->last_call)
			loop->last_call->next = call;
		else
			loop->first_call = call;
		loop->last_call = call;
	}
	loop_unlock_waking(loop);
	return taken;
}

void *loop_data(struct loop *loop, const struct loop_key *key)
{
	ASSERT(loop == current_loop);
	for (size_t i = 0; i < loop->attachments.count; i++) {
		if (loop->attachments.items[i].key == key)
			return loop->attachments.items[i].data;
	}
	return NULL;
}

void loop_attach(struct loop *loop, const struct loop_key *key, void *data)
{
	ASSERT(loop_data(loop, key) == NULL);
	vec_push(&loop->attachments, ((struct loop_attachment){ key, data }));
}

/* --- Beginning and end --- */

/* The handles that may fail, for lack of descriptors or memory. Returns uv's error. */
static int init_wake_and_alarm(struct loop *loop)
{
	int result = uv_async_init(&loop->uv, &loop->wake, on_wake);

	if (result < 0)
		return result;
	result = uv_poll_init(&loop->uv, &loop->alarm, loop->alarm_fd);
	if (result == 0)
		result = uv_poll_start(&loop->alarm, UV_READABLE, on_alarm);
	if (result < 0) {
		uv_close((uv_handle_t *)&loop->wake, NULL);
		uv_run(&loop->uv, UV_RUN_DEFAULT);
	}
	return result;
}

/* uv's loop and its handles. Returns uv's error. */
static int init_handles(struct loop *loop)
{
	int result = uv_loop_init(&loop->uv);

	if (result < 0)
		return result;
	result = init_wake_and_alarm(loop);
	if (result < 0) {
		uv_loop_close(&loop->uv);
		return result;
	}
	uv_prepare_init(&loop->uv, &loop->before_poll);
	uv_check_init(&loop->uv, &loop->after_poll);
	uv_idle_init(&loop->uv, &loop->more);
	loop->alarm.data = loop->before_poll.data = loop->after_poll.data = loop;
	uv_prepare_start(&loop->before_poll, on_before_poll);
	uv_check_start(&loop->after_poll, on_after_poll);
	return 0;
}

/* Loops with coroutines that have not ended: whoever wakes one still finds it, and that its loop takes no more calls. */
static struct {
	pthread_mutex_t mutex;
	struct loop *first;
} orphaned = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void keep_orphan(struct loop *loop)
{
	pthread_mutex_lock(&orphaned.mutex);
	loop->next_orphan = orphaned.first;
	orphaned.first = loop;
	pthread_mutex_unlock(&orphaned.mutex);
}

/* What is left when the thread has ended and all handles are closed. */
static void free_memory(struct loop *loop)
{
	int result = uv_loop_close(&loop->uv);

	ASSERT(result == 0);
	close(loop->alarm_fd);
	loop_free_watches(loop);
	if (loop->scheduler) {
		keep_orphan(loop);
		return;
	}
	pthread_cond_destroy(&loop->answered);
	pthread_mutex_destroy(&loop->mutex);
	free(loop);
}

/* A loop without a thread. */
static int make_loop(const char *name, struct loop **out, struct problem *problem)
{
	struct loop *loop = xcalloc(1, sizeof *loop);
	int result;

	loop->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	result = loop->alarm_fd < 0 ? -errno : init_handles(loop);
	if (result < 0) {
		if (loop->alarm_fd >= 0)
			close(loop->alarm_fd);
		free(loop);
		return problem_set(problem, error_of_errno(-result), "event loop '%s': %s", name, uv_strerror(result));
	}
	pthread_mutex_init(&loop->mutex, NULL);
	pthread_cond_init(&loop->answered, NULL);
	strncpy(loop->name, name, sizeof loop->name - 1);
	loop->alarm_us = INT64_MAX;
	*out = loop;
	return 0;
}

int loop_new(const char *name, struct loop **out, struct problem *problem)
{
	struct loop *loop;
	int result = make_loop(name, &loop, problem);

	if (result < 0)
		return result;
	result = thread_start(&loop->thread, loop->name, run_loop, loop, problem);
	if (result < 0) {
		loop->ending = true;
		run_to_end(loop);
		free_memory(loop);
		return result;
	}
	*out = loop;
	return 0;
}

int loop_new_here(const char *name, struct loop **out, struct problem *problem)
{
	int result;

	if (current_loop)
		return problem_set(problem, WEIR_ECONFLICT, "event loop '%s': this thread has the loop '%s' already",
		                   name, current_loop->name);
	result = make_loop(name, out, problem);
	if (result < 0)
		return result;
	(*out)->here = true;
	current_loop = *out;
	return 0;
}

static void end_thread(struct loop *loop)
{
	pthread_mutex_lock(&loop->mutex);
	loop->ending = true;
	loop_unlock_waking(loop);
	pthread_join(loop->thread, NULL);
}

static void end_here(struct loop *loop)
{
	ASSERT(!loop->turning);
	pthread_mutex_lock(&loop->mutex);
	loop->ending = true;
	pthread_mutex_unlock(&loop->mutex);
	run_to_end(loop);
	current_loop = NULL;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	ASSERT(loop->here == (loop == current_loop));
	if (loop->here)
		end_here(loop);
	else
		end_thread(loop);
	free_memory(loop);
}
