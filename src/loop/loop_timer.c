/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "loop/loop_internal.h"

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
		loop_unlock_waking(loop);
	else
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
void loop_fire_due_timers(struct loop *loop)
{
	struct loop_timer *timer;
	int64_t now_us;
	size_t left;

	pthread_mutex_lock(&loop->mutex);
	left = loop->heap.count;
	pthread_mutex_unlock(&loop->mutex);
	if (left == 0)
		return;
	now_us = clock_monotonic_us();
	for (; left && !loop_is_over(loop) && (timer = take_due_timer(loop, now_us)); left--)
		timer->fire(timer);
}

void loop_drop_timers(struct loop *loop)
{
	pthread_mutex_lock(&loop->mutex);
	for (size_t i = 0; i < loop->heap.count; i++)
		loop->heap.items[i]->position = 0; /* not started in any loop */
	vec_done(&loop->heap);
	pthread_mutex_unlock(&loop->mutex);
}
