/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/slot_queue.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/vec.h"
#include "core/limit.h"
#include "core/recover.h"
#include "loop/thread.h"

#include <stdlib.h>

enum { LOOK_EVERY_US = 2 * 1000 * 1000 };

void slot_queue_init(struct slot_queue *queue)
{
	*queue = (struct slot_queue){ 0 };
	pthread_mutex_init(&queue->mutex, NULL);
	cond_init_monotonic(&queue->changed);
}

void slot_queue_stop(struct slot_queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	queue->ending = true;
	pthread_cond_signal(&queue->changed);
	pthread_mutex_unlock(&queue->mutex);
	if (queue->looking)
		pthread_join(queue->looker, NULL);
	queue->looking = false;
}

void slot_queue_done(struct slot_queue *queue)
{
	ASSERT(queue->count == 0);
	pthread_cond_destroy(&queue->changed);
	pthread_mutex_destroy(&queue->mutex);
}

/* --- Finding and telling --- */

static struct slot_wait **bucket_of(struct slot_queue *queue, struct uuid id)
{
	return &queue->buckets[id.bytes[sizeof id.bytes - 1] % SLOT_QUEUE_BUCKETS];
}

/* Called with the mutex held: so it can't be gone before the signal is given. */
static void tell(struct slot_queue *queue, struct uuid id, bool granted)
{
	struct slot_wait *wait = *bucket_of(queue, id);

	while (wait && !uuid_equal(wait->id, id))
		wait = wait->next;
	if (!wait)
		return;
	wait->granted |= granted;
	scope_signal(wait->scope, &wait->told);
}

void slot_queue_hear(struct slot_queue *queue, struct str message)
{
	struct uuid id;
	bool granted;

	if (message.length <= UUID_TEXT_LENGTH || !uuid_parse((struct str){ message.data, UUID_TEXT_LENGTH }, &id))
		return;
	granted =
	        str_is((struct str){ message.data + UUID_TEXT_LENGTH, message.length - UUID_TEXT_LENGTH }, " granted");
	pthread_mutex_lock(&queue->mutex);
	tell(queue, id, granted);
	pthread_mutex_unlock(&queue->mutex);
}

/* --- Looking --- */

struct ids {
	struct VEC(struct uuid) all;
};

static void ids_done(struct ids *ids)
{
	vec_done(&ids->all);
}

static void add_id(void *data, struct uuid id)
{
	struct ids *ids = data;

	vec_push(&ids->all, id);
}

static void collect_standing(struct slot_queue *queue, struct ids *out)
{
	pthread_mutex_lock(&queue->mutex);
	for (size_t i = 0; i < SLOT_QUEUE_BUCKETS; i++) {
		for (struct slot_wait *wait = queue->buckets[i]; wait; wait = wait->next) {
			if (wait->queued && !wait->told.done)
				add_id(out, wait->id);
		}
	}
	pthread_mutex_unlock(&queue->mutex);
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

/* Who stood in the queue before it was read, and is not in it any more, was told something that did not arrive. */
static int find_untold(struct slot_queue *queue, struct problem *problem)
{
	AUTO(ids_done) struct ids standing = { 0 }, waiting = { 0 };
	struct db *db;
	int result;

	collect_standing(queue, &standing);
	result = store_reader(queue->store, &db, problem);
	if (result < 0)
		return result;
	result = slots_waiters(db, store_program_id(queue->store), add_id, &waiting, problem);
	store_reader_done(queue->store, db);
	if (waiting.all.count > 0)
		qsort(waiting.all.items, waiting.all.count, sizeof *waiting.all.items, compare_ids);
	pthread_mutex_lock(&queue->mutex);
	for (size_t i = 0; result == 0 && i < standing.all.count; i++) {
		if (waiting.all.count == 0 || !bsearch(&standing.all.items[i], waiting.all.items, waiting.all.count,
		                                       sizeof *waiting.all.items, compare_ids))
			tell(queue, standing.all.items[i], false);
	}
	pthread_mutex_unlock(&queue->mutex);
	return result;
}

/* Programs that have died since hold nothing and wait for nothing: whoever marks their runs gives their slots on. */
static void look(struct slot_queue *queue)
{
	struct problem problem;
	int64_t crashed = 0;
	int result = store_recover(queue->store, &crashed, &problem);

	if (crashed > 0)
		log_write(LOG_WARNING, "weir.store", "%lld run(s) of programs that are gone were marked as Crashed",
		          (long long)crashed);
	if (result == 0)
		result = find_untold(queue, &problem);
	if (result < 0)
		log_write(LOG_WARNING, "weir.limits", "can't look who has died, trying again: %s", problem.message);
}

static void *look_now_and_then(void *data)
{
	struct slot_queue *queue = data;

	pthread_mutex_lock(&queue->mutex);
	while (!queue->ending) {
		bool changed;

		if (queue->count == 0) {
			cond_wait_until(&queue->changed, &queue->mutex, INT64_MAX);
			continue;
		}
		changed = cond_wait_until(&queue->changed, &queue->mutex, clock_monotonic_us() + LOOK_EVERY_US);
		if (changed || queue->ending)
			continue;
		pthread_mutex_unlock(&queue->mutex);
		look(queue);
		pthread_mutex_lock(&queue->mutex);
	}
	pthread_mutex_unlock(&queue->mutex);
	return NULL;
}

/* Called with the mutex held. Without the thread messages still arrive: the next one that waits tries again. */
static void start_looking(struct slot_queue *queue)
{
	struct problem problem;

	if (queue->looking || queue->ending)
		return;
	queue->looking = thread_start(&queue->looker, "weir-limits", look_now_and_then, queue, &problem) == 0;
	if (!queue->looking)
		log_write(LOG_WARNING, "weir.limits", "%s", problem.message);
}

/* --- Waiting --- */

void slot_queue_add(struct slot_queue *queue, struct store *store, struct slot_wait *wait)
{
	struct slot_wait **bucket = bucket_of(queue, wait->id);

	pthread_mutex_lock(&queue->mutex);
	queue->store = store;
	wait->next = *bucket;
	wait->previous = NULL;
	if (wait->next)
		wait->next->previous = wait;
	*bucket = wait;
	pthread_mutex_unlock(&queue->mutex);
}

void slot_queue_standing(struct slot_queue *queue, struct slot_wait *wait)
{
	pthread_mutex_lock(&queue->mutex);
	wait->queued = true;
	if (queue->count++ == 0)
		pthread_cond_signal(&queue->changed);
	start_looking(queue);
	pthread_mutex_unlock(&queue->mutex);
}

void slot_queue_rearm(struct slot_queue *queue, struct slot_wait *wait)
{
	pthread_mutex_lock(&queue->mutex);
	pthread_mutex_lock(&wait->scope->mutex);
	wait->told.done = wait->granted;
	pthread_mutex_unlock(&wait->scope->mutex);
	pthread_mutex_unlock(&queue->mutex);
}

void slot_queue_remove(struct slot_queue *queue, struct slot_wait *wait)
{
	pthread_mutex_lock(&queue->mutex);
	if (wait->previous)
		wait->previous->next = wait->next;
	else
		*bucket_of(queue, wait->id) = wait->next;
	if (wait->next)
		wait->next->previous = wait->previous;
	queue->count -= wait->queued;
	pthread_mutex_unlock(&queue->mutex);
}
