/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop_internal.h"

#include <stdlib.h>

struct watch {
	uv_poll_t poll;
	int fd;
	loop_readable_fn *readable;
	void *data;
	struct watch *next;
};

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
	taken = loop == loop_current() ? start_watch_here(loop, watch, &result) : request_watch(loop, watch, &result);
	if (!taken)
		return problem_set(problem, WEIR_ECANCELED, "the event loop '%s' is ending", loop->name);
	if (result < 0)
		return problem_set(problem, error_of_errno(-result), "event loop '%s' can't watch descriptor %d: %s",
		                   loop->name, fd, uv_strerror(result));
	return 0;
}

void loop_close_watches(struct loop *loop)
{
	for (struct watch *watch = loop->watches; watch; watch = watch->next)
		uv_close((uv_handle_t *)&watch->poll, NULL);
}

void loop_free_watches(struct loop *loop)
{
	while (loop->watches) {
		struct watch *watch = loop->watches;

		loop->watches = watch->next;
		free(watch);
	}
}
