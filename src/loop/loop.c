/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include "base/clock.h"
#include "base/vec.h"
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
	struct loop *loop;
	struct loop_call call; /* starts the poll on the loop's thread */
	int fd;
	loop_readable_fn *readable;
	void *data;
	struct watch *next;
};

struct loop {
	uv_loop_t uv;
	uv_async_t wake;  /* something was posted, or the first timer changed */
	uv_timer_t alarm; /* for the first timer of the heap */
	pthread_t thread;
	char name[16];

	pthread_mutex_t mutex; /* guards all below, but for the attachments */
	struct loop_call *first_call, *last_call;
	struct VEC(struct loop_timer *) heap; /* binary, by due_us; position = index + 1 */
	bool ending;

	struct VEC(struct attachment) attachments; /* loop's thread only */
	struct watch *watches;                     /* loop's thread only */
};

static _Thread_local struct loop *current_loop;

struct loop *loop_current(void)
{
	return current_loop;
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
	bool first;

	pthread_mutex_lock(&loop->mutex);
	if (timer->position)
		heap_remove(loop, timer);
	timer->due_us = due_us;
	vec_push(&loop->heap, timer);
	sift_up(loop, loop->heap.count - 1);
	first = timer->position == 1;
	pthread_mutex_unlock(&loop->mutex);
	if (first)
		uv_async_send(&loop->wake);
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

static void fire_due_timers(struct loop *loop)
{
	int64_t now_us = clock_monotonic_us();

	for (;;) {
		struct loop_timer *timer = NULL;

		pthread_mutex_lock(&loop->mutex);
		if (loop->heap.count && loop->heap.items[0]->due_us <= now_us) {
			timer = loop->heap.items[0];
			heap_remove(loop, timer);
		}
		pthread_mutex_unlock(&loop->mutex);
		if (!timer)
			return;
		timer->fire(timer);
	}
}

static void on_alarm(uv_timer_t *alarm);

/* Set the alarm for the first timer, rounded up: an alarm must not come before its timer is due. */
static void set_alarm(struct loop *loop)
{
	int64_t wait_us = -1;

	pthread_mutex_lock(&loop->mutex);
	if (loop->heap.count)
		wait_us = MAX(loop->heap.items[0]->due_us - clock_monotonic_us(), INT64_C(0));
	pthread_mutex_unlock(&loop->mutex);
	if (wait_us < 0) {
		uv_timer_stop(&loop->alarm);
		return;
	}
	uv_update_time(&loop->uv);
	uv_timer_start(&loop->alarm, on_alarm, (uint64_t)(wait_us + 999) / 1000, 0);
}

static void on_alarm(uv_timer_t *alarm)
{
	struct loop *loop = alarm->data;

	fire_due_timers(loop);
	set_alarm(loop);
}

static void run_calls(struct loop *loop)
{
	struct loop_call *call;

	pthread_mutex_lock(&loop->mutex);
	call = loop->first_call;
	loop->first_call = loop->last_call = NULL;
	pthread_mutex_unlock(&loop->mutex);
	while (call) {
		struct loop_call *next = call->next;

		call->run(call);
		call = next;
	}
}

static void close_watches(struct loop *loop)
{
	for (struct watch *watch = loop->watches; watch; watch = watch->next) {
		if (!uv_is_closing((uv_handle_t *)&watch->poll))
			uv_close((uv_handle_t *)&watch->poll, NULL);
	}
}

static void on_wake(uv_async_t *wake)
{
	struct loop *loop = wake->data;
	bool ending;

	run_calls(loop);
	fire_due_timers(loop);
	set_alarm(loop);
	pthread_mutex_lock(&loop->mutex);
	ending = loop->ending && !loop->first_call;
	pthread_mutex_unlock(&loop->mutex);
	if (!ending || uv_is_closing((uv_handle_t *)&loop->wake))
		return;
	close_watches(loop);
	uv_close((uv_handle_t *)&loop->wake, NULL);
	uv_close((uv_handle_t *)&loop->alarm, NULL);
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
	bool ending;

	call->next = NULL;
	pthread_mutex_lock(&loop->mutex);
	ending = loop->ending;
	if (!ending) {
		if (loop->last_call)
			loop->last_call->next = call;
		else
			loop->first_call = call;
		loop->last_call = call;
	}
	pthread_mutex_unlock(&loop->mutex);
	if (!ending)
		uv_async_send(&loop->wake);
	return !ending;
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

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;

	(void)events;
	if (status < 0)
		uv_poll_stop(poll);
	else
		watch->readable(watch->data, watch->fd);
}

static void start_watch(struct loop_call *call)
{
	struct watch *watch = CONTAINER_OF(call, struct watch, call);
	struct loop *loop = watch->loop;

	if (uv_poll_init(&loop->uv, &watch->poll, watch->fd) < 0) {
		free(watch);
		return;
	}
	watch->poll.data = watch;
	watch->next = loop->watches;
	loop->watches = watch;
	uv_poll_start(&watch->poll, UV_READABLE, on_readable);
}

int loop_watch(struct loop *loop, int fd, loop_readable_fn *readable, void *data, struct problem *problem)
{
	struct watch *watch = xcalloc(1, sizeof *watch);

	*watch = (struct watch){ .loop = loop, .call.run = start_watch, .fd = fd, .readable = readable, .data = data };
	if (!loop_post(loop, &watch->call)) {
		free(watch);
		return problem_set(problem, WEIR_ECANCELED, "the event loop '%s' is ending", loop->name);
	}
	return 0;
}

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

int loop_new(const char *name, struct loop **out, struct problem *problem)
{
	struct loop *loop = xcalloc(1, sizeof *loop);
	int result = init_handles(loop);

	if (result < 0) {
		free(loop);
		return problem_set(problem, error_of_errno(-result), "event loop '%s': %s", name, uv_strerror(result));
	}
	pthread_mutex_init(&loop->mutex, NULL);
	strncpy(loop->name, name, sizeof loop->name - 1);
	result = thread_start(&loop->thread, loop->name, run_loop, loop, problem);
	if (result < 0) {
		close_unstarted(loop);
		pthread_mutex_destroy(&loop->mutex);
		free(loop);
		return result;
	}
	*out = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	ASSERT(loop != current_loop);
	pthread_mutex_lock(&loop->mutex);
	loop->ending = true;
	pthread_mutex_unlock(&loop->mutex);
	uv_async_send(&loop->wake);
	pthread_join(loop->thread, NULL);
	while (loop->watches) {
		struct watch *watch = loop->watches;

		loop->watches = watch->next;
		free(watch);
	}
	uv_loop_close(&loop->uv);
	vec_done(&loop->heap);
	pthread_mutex_destroy(&loop->mutex);
	free(loop);
}
