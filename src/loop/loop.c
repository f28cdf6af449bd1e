/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include "base/clock.h"
#include "base/vec.h"
#include "loop/internal.h"
#include "loop/thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <uv.h>

struct attachment {
	const struct loop_key *key;
	void *data;
};

struct watch {
	uv_poll_t poll;
	int fd;
	loop_readable_fn *readable;
	void *data;
	struct watch *next;
};

struct loop {
	uv_loop_t uv;
	uv_async_t wake;  /* something was posted, or the first timer changed */
	uv_timer_t alarm; /* for the first timer of the heap */
	pthread_t thread; /* its own, unless it was made here */
	bool here;
	char name[16];

	pthread_mutex_t mutex; /* guards what follows, up to the loop's thread's own */
	struct loop_call *first_call, *last_call;
	struct VEC(struct loop_timer *) heap; /* binary, by due_us; position = index + 1 */
	pthread_cond_t answered;              /* a watch_request was */
	bool ending;                          /* no more calls are taken */
	bool closed;                          /* nobody may send to the wake handle any more */
	bool draining;                        /* calls are run: what they post is seen without waking */

	struct VEC(struct attachment) attachments; /* loop's thread only */
	struct watch *watches;                     /* loop's thread only */
};

/* How often in a row calls are run that other calls have posted. */
enum { ROUNDS_OF_CALLS = 32 };

static _Thread_local struct loop *current_loop;

struct uv_loop_s *loop_uv(struct loop *loop)
{
	return &loop->uv;
}

struct loop *loop_current(void)
{
	return current_loop;
}

/* Have on_wake called on the loop's thread. The loop's mutex is held, so that neither the handle nor the loop goes away:
   what was just posted may be what the loop's owner waits for before he frees it. */
static void wake_up(struct loop *loop)
{
	if (!loop->closed && !(loop->draining && loop == current_loop))
		uv_async_send(&loop->wake);
}

/* --- The heap of timers --- */

static void place(struct loop *loop, size_t index, struct loop_timer *timer)
{
	loop->heap.items[index] = timer;
	timer->position = index + 1;
}

static void sift_up(struct loop *loop, size_t index)
{
	struct loop_timer *timer = loop->heap.items[index];

	while (index > 0) {
		size_t parent = (index - 1) / 2;

		if (loop->heap.items[parent]->due_us <= timer->due_us)
			break;
		place(loop, index, loop->heap.items[parent]);
		index = parent;
	}
	place(loop, index, timer);
}

static void sift_down(struct loop *loop, size_t index)
{
	struct loop_timer *timer = loop->heap.items[index];

	for (;;) {
		size_t child = index * 2 + 1;

		if (child >= loop->heap.count)
			break;
		if (child + 1 < loop->heap.count &&
		    loop->heap.items[child + 1]->due_us < loop->heap.items[child]->due_us)
			child++;
		if (timer->due_us <= loop->heap.items[child]->due_us)
			break;
		place(loop, index, loop->heap.items[child]);
		index = child;
	}
	place(loop, index, timer);
}

static void heap_remove(struct loop *loop, struct loop_timer *timer)
{
	size_t index = timer->position - 1;
	struct loop_timer *last = loop->heap.items[--loop->heap.count];

	timer->position = 0;
	if (last == timer)
		return;
	place(loop, index, last);
	sift_up(loop, index);
	sift_down(loop, last->position - 1);
}

void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t due_us)
{
	pthread_mutex_lock(&loop->mutex);
	if (timer->position)
		heap_remove(loop, timer);
	timer->due_us = due_us;
	vec_push(&loop->heap, timer);
	sift_up(loop, loop->heap.count - 1);
	if (timer->position == 1)
		wake_up(loop);
	pthread_mutex_unlock(&loop->mutex);
}

bool loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
	bool stopped;

	pthread_mutex_lock(&loop->mutex);
	stopped = timer->position != 0;
	if (stopped)
		heap_remove(loop, timer);
	pthread_mutex_unlock(&loop->mutex);
	return stopped;
}

/* --- The loop's thread --- */

/* Take the first timer out of the heap when it is due. */
static struct loop_timer *take_due_timer(struct loop *loop, int64_t now_us)
{
	struct loop_timer *timer = NULL;

	pthread_mutex_lock(&loop->mutex);
	if (loop->heap.count && loop->heap.items[0]->due_us <= now_us) {
		timer = loop->heap.items[0];
		heap_remove(loop, timer);
	}
	pthread_mutex_unlock(&loop->mutex);
	return timer;
}

/* Fire as many as there are now: timers that start themselves anew, due at once, must not keep the loop from its calls
   and descriptors. */
static void fire_due_timers(struct loop *loop)
{
	int64_t now_us = clock_monotonic_us();
	struct loop_timer *timer;
	size_t left;

	pthread_mutex_lock(&loop->mutex);
	left = loop->heap.count;
	pthread_mutex_unlock(&loop->mutex);
	for (; left && (timer = take_due_timer(loop, now_us)); left--)
		timer->fire(timer);
}

static void on_alarm(uv_timer_t *alarm);

/* See that the first timer of the heap fires. uv's clock counts whole milliseconds, so the alarm may come less than one too
   soon; then on_alarm sets it once more. What is due now goes by way of on_wake: uv would serve an alarm of no time
   before everything else, again and again. */
static void set_alarm(struct loop *loop)
{
	int64_t wait_us = INT64_MAX;

	pthread_mutex_lock(&loop->mutex);
	if (loop->heap.count)
		wait_us = loop->heap.items[0]->due_us - clock_monotonic_us();
	if (wait_us <= 0 && !loop->closed)
		uv_async_send(&loop->wake);
	pthread_mutex_unlock(&loop->mutex);
	if (wait_us <= 0 || wait_us == INT64_MAX) {
		uv_timer_stop(&loop->alarm);
		return;
	}
	uv_update_time(&loop->uv);
	uv_timer_start(&loop->alarm, on_alarm, ((uint64_t)wait_us + 999) / 1000, 0);
}

static void on_alarm(uv_timer_t *alarm)
{
	struct loop *loop = alarm->data;

	fire_due_timers(loop);
	set_alarm(loop);
}

/* Run what was posted up to now. False: there was nothing. */
static bool run_calls(struct loop *loop)
{
	struct loop_call *call;
	bool any;

	pthread_mutex_lock(&loop->mutex);
	call = loop->first_call;
	loop->first_call = loop->last_call = NULL;
	pthread_mutex_unlock(&loop->mutex);
	any = call != NULL;
	while (call) {
		struct loop_call *next = call->next;

		call->run(call);
		call = next;
	}
	return any;
}

/* Run calls, and those that they post, for some rounds: then timers and descriptors have their turn. */
static void drain_calls(struct loop *loop)
{
	unsigned rounds = ROUNDS_OF_CALLS;

	loop->draining = true;
	while (run_calls(loop) && --rounds)
		;
	fire_due_timers(loop);
	loop->draining = false;
}

static void close_watches(struct loop *loop)
{
	for (struct watch *watch = loop->watches; watch; watch = watch->next)
		uv_close((uv_handle_t *)&watch->poll, NULL);
}

static void on_wake(uv_async_t *wake)
{
	struct loop *loop = wake->data;
	bool closed;

	drain_calls(loop);
	set_alarm(loop);
	pthread_mutex_lock(&loop->mutex);
	closed = loop->closed = loop->ending && !loop->first_call;
	if (loop->first_call)
		uv_async_send(&loop->wake);
	pthread_mutex_unlock(&loop->mutex);
	if (!closed)
		return;
	close_watches(loop);
	uv_close((uv_handle_t *)&loop->wake, NULL);
	uv_close((uv_handle_t *)&loop->alarm, NULL);
	if (loop->here)
		uv_stop(&loop->uv);
}

static void destroy_attachments(struct loop *loop)
{
	while (loop->attachments.count) {
		struct attachment last = loop->attachments.items[--loop->attachments.count];

		if (last.key->destroy)
			last.key->destroy(last.data);
	}
	vec_done(&loop->attachments);
}

static void *run_loop(void *argument)
{
	struct loop *loop = argument;

	current_loop = loop;
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	destroy_attachments(loop);
	return NULL;
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
		wake_up(loop);
	}
	pthread_mutex_unlock(&loop->mutex);
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
	vec_push(&loop->attachments, ((struct attachment){ key, data }));
}

/* --- Watching descriptors --- */

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;

	(void)events;
	if (status < 0)
		uv_poll_stop(poll); /* the descriptor is in error: reading it, one last time, tells which */
	watch->readable(watch->data, watch->fd);
}

/* Begin to watch, on the loop's thread. Takes the watch over; returns uv's error. */
static int start_watch(struct loop *loop, struct watch *watch)
{
	int result = uv_poll_init(&loop->uv, &watch->poll, watch->fd);

	if (result < 0) {
		free(watch);
		return result;
	}
	watch->poll.data = watch;
	watch->next = loop->watches;
	loop->watches = watch;
	return uv_poll_start(&watch->poll, UV_READABLE, on_readable);
}

/* Another thread's wish to watch, on its stack. */
struct watch_request {
	struct loop_call call;
	struct loop *loop;
	struct watch *watch;
	int result; /* uv's; with answered, under the loop's mutex */
	bool answered;
};

static void answer_watch_request(struct loop_call *call)
{
	struct watch_request *request = CONTAINER_OF(call, struct watch_request, call);
	struct loop *loop = request->loop;
	int result = start_watch(loop, request->watch);

	pthread_mutex_lock(&loop->mutex);
	request->result = result;
	request->answered = true;
	pthread_cond_broadcast(&loop->answered);
	pthread_mutex_unlock(&loop->mutex);
}

/* Have the loop's thread start the watch, which is taken over. False when the loop is ending. */
static bool request_watch(struct loop *loop, struct watch *watch, int *result)
{
	struct watch_request request = { .call.run = answer_watch_request, .loop = loop, .watch = watch };

	if (!loop_post(loop, &request.call)) {
		free(watch);
		return false;
	}
	pthread_mutex_lock(&loop->mutex);
	while (!request.answered)
		pthread_cond_wait(&loop->answered, &loop->mutex);
	*result = request.result;
	pthread_mutex_unlock(&loop->mutex);
	return true;
}

/* The same for a caller who is the loop's thread. */
static bool start_watch_here(struct loop *loop, struct watch *watch, int *result)
{
	bool closed;

	pthread_mutex_lock(&loop->mutex);
	closed = loop->closed;
	pthread_mutex_unlock(&loop->mutex);
	if (closed)
		free(watch);
	else
		*result = start_watch(loop, watch);
	return !closed;
}

int loop_watch(struct loop *loop, int fd, loop_readable_fn *readable, void *data, struct problem *problem)
{
	struct watch *watch = xcalloc(1, sizeof *watch);
	int result = 0;
	bool taken;

	*watch = (struct watch){ .fd = fd, .readable = readable, .data = data };
	taken = loop == current_loop ? start_watch_here(loop, watch, &result) : request_watch(loop, watch, &result);
	if (!taken)
		return problem_set(problem, WEIR_ECANCELED, "the event loop '%s' is ending", loop->name);
	if (result < 0)
		return problem_set(problem, error_of_errno(-result), "event loop '%s' can't watch descriptor %d: %s",
		                   loop->name, fd, uv_strerror(result));
	return 0;
}

/* --- Beginning and end --- */

/* The handles of a new loop; they cannot fail for lack of anything but memory and descriptors. */
static int init_handles(struct loop *loop)
{
	int result = uv_loop_init(&loop->uv);

	if (result < 0)
		return result;
	result = uv_async_init(&loop->uv, &loop->wake, on_wake);
	if (result < 0) {
		uv_loop_close(&loop->uv);
		return result;
	}
	uv_timer_init(&loop->uv, &loop->alarm);
	loop->wake.data = loop->alarm.data = loop;
	return 0;
}

static void close_unstarted(struct loop *loop)
{
	uv_close((uv_handle_t *)&loop->wake, NULL);
	uv_close((uv_handle_t *)&loop->alarm, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	uv_loop_close(&loop->uv);
}

/* What is left when the thread has ended and all handles are closed. */
static void free_memory(struct loop *loop)
{
	while (loop->watches) {
		struct watch *watch = loop->watches;

		loop->watches = watch->next;
		free(watch);
	}
	for (size_t i = 0; i < loop->heap.count; i++)
		loop->heap.items[i]->position = 0; /* dropped: not started in any loop */
	vec_done(&loop->heap);
	pthread_cond_destroy(&loop->answered);
	pthread_mutex_destroy(&loop->mutex);
	free(loop);
}

/* A loop without a thread; NULL with the problem. */
static struct loop *new_loop(const char *name, struct problem *problem)
{
	struct loop *loop = xcalloc(1, sizeof *loop);
	int result = init_handles(loop);

	if (result < 0) {
		free(loop);
		problem_set(problem, error_of_errno(-result), "event loop '%s': %s", name, uv_strerror(result));
		return NULL;
	}
	pthread_mutex_init(&loop->mutex, NULL);
	pthread_cond_init(&loop->answered, NULL);
	strncpy(loop->name, name, sizeof loop->name - 1);
	return loop;
}

int loop_new(const char *name, struct loop **out, struct problem *problem)
{
	struct loop *loop = new_loop(name, problem);
	int result;

	if (!loop)
		return problem->code;
	result = thread_start(&loop->thread, loop->name, run_loop, loop, problem);
	if (result < 0) {
		close_unstarted(loop);
		free_memory(loop);
		return result;
	}
	*out = loop;
	return 0;
}

int loop_new_here(const char *name, struct loop **out, struct problem *problem)
{
	struct loop *loop;

	ASSERT(!current_loop);
	loop = new_loop(name, problem);
	if (!loop)
		return problem->code;
	loop->here = true;
	current_loop = loop;
	*out = loop;
	return 0;
}

bool loop_is_here(const struct loop *loop)
{
	return loop->here;
}

void loop_turn_until(struct loop *loop, const bool *over)
{
	ASSERT(loop->here && loop == current_loop);
	while (!*over)
		uv_run(&loop->uv, UV_RUN_ONCE);
}

/* The end of a loop that was made here: what run_loop does on a thread of its own. */
static void end_here(struct loop *loop)
{
	ASSERT(loop == current_loop);
	while (uv_loop_alive(&loop->uv))
		uv_run(&loop->uv, UV_RUN_DEFAULT);
	destroy_attachments(loop);
	current_loop = NULL;
}

void loop_free(struct loop *loop)
{
	int result;

	if (!loop)
		return;
	ASSERT(loop->here || loop != current_loop);
	pthread_mutex_lock(&loop->mutex);
	loop->ending = true;
	wake_up(loop);
	pthread_mutex_unlock(&loop->mutex);
	if (loop->here)
		end_here(loop);
	else
		pthread_join(loop->thread, NULL);
	result = uv_loop_close(&loop->uv);
	ASSERT(result == 0);
	free_memory(loop);
}
