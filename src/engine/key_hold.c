/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/key_hold.h"

#include "base/clock.h"
#include "base/crypto.h"

#include <stdlib.h>

/* How long to wait between two looks at another program's lock. */
enum { FIRST_WAIT_US = 5000, LAST_WAIT_US = 50000 };

/* Somebody in the queue; on its stack. */
struct key_waiter {
	struct key_waiter *next;
	struct scope *scope;
	struct scope_event granted_event;
	bool granted; /* under results->mutex: the hold is its own, and the event is or will be signalled */
	struct uuid run_id;
};

struct key_hold {
	struct results *results;
	struct key_hold *next; /* in its bucket */
	struct uuid run_id;    /* who holds it */
	/* The holder's own. */
	bool locked; /* against other programs as well */
	char lock_name[SHA256_HEX_LENGTH + 1];
	/* The queue. */
	struct key_waiter *first, *last;
	size_t key_length;
	char key[];
};

static struct key_hold **bucket_of(struct results *results, struct str key)
{
	uint32_t hash = 2166136261;

	for (size_t i = 0; i < key.length; i++)
		hash = (hash ^ (unsigned char)key.data[i]) * 16777619;
	return &results->holds[hash % KEY_BUCKETS];
}

static struct str key_of(const struct key_hold *hold)
{
	return (struct str){ hold->key, hold->key_length };
}

static struct key_hold *find(struct results *results, struct str key)
{
	struct key_hold *hold = *bucket_of(results, key);

	while (hold && !str_equal(key_of(hold), key))
		hold = hold->next;
	return hold;
}

static struct key_hold *add(struct results *results, struct str key, struct uuid run_id)
{
	struct key_hold *hold = xcalloc(1, sizeof *hold + key.length);
	struct key_hold **bucket = bucket_of(results, key);

	hold->results = results;
	hold->run_id = run_id;
	hold->key_length = key.length;
	memcpy(hold->key, key.data, key.length);
	hold->next = *bucket;
	*bucket = hold;
	return hold;
}

static void take_out(struct key_hold *hold)
{
	struct key_hold **link = bucket_of(hold->results, key_of(hold));

	while (*link != hold)
		link = &(*link)->next;
	*link = hold->next;
}

/* --- The queue --- */

static bool is_above(const weir_run *attempt, struct uuid run_id)
{
	for (; attempt; attempt = attempt->run->owner) {
		if (uuid_equal(attempt->run->id, run_id))
			return true;
	}
	return false;
}

/* Would this attempt wait for itself, or for one that waits for it? */
static bool is_held_above(const weir_run *attempt, const struct key_hold *hold)
{
	const struct key_waiter *waiter = hold->first;

	if (is_above(attempt, hold->run_id))
		return true;
	while (waiter && !is_above(attempt, waiter->run_id))
		waiter = waiter->next;
	return waiter != NULL;
}

static void append(struct key_hold *hold, struct key_waiter *waiter)
{
	if (hold->last)
		hold->last->next = waiter;
	else
		hold->first = waiter;
	hold->last = waiter;
}

static void drop(struct key_hold *hold, struct key_waiter *waiter)
{
	struct key_waiter *previous = NULL;

	for (struct key_waiter *other = hold->first; other != waiter; other = other->next)
		previous = other;
	if (previous)
		previous->next = waiter->next;
	else
		hold->first = waiter->next;
	if (hold->last == waiter)
		hold->last = previous;
}

void key_hold_release(struct key_hold *hold)
{
	struct results *results;
	struct key_waiter *next;

	if (!hold)
		return;
	results = hold->results;
	pthread_mutex_lock(&results->mutex);
	next = hold->first;
	if (next) {
		hold->first = next->next;
		if (!hold->first)
			hold->last = NULL;
		hold->run_id = next->run_id;
		next->granted = true;
	} else {
		take_out(hold);
		if (hold->locked)
			result_unlock(results->storage, hold->lock_name);
	}
	pthread_mutex_unlock(&results->mutex);
	if (next)
		scope_signal(next->scope, &next->granted_event);
	else
		free(hold);
}

/* Wait in the queue, which this waiter is in. 0: the hold is this run's. */
static int wait_in_queue(struct key_hold *hold, struct key_waiter *waiter)
{
	struct results *results = hold->results;
	int result = scope_wait_event(waiter->scope, &waiter->granted_event, INT64_MAX);
	bool granted;

	if (result == 0)
		return 0;
	pthread_mutex_lock(&results->mutex);
	granted = waiter->granted;
	if (!granted)
		drop(hold, waiter); /* the hold is there as long as somebody waits for it */
	pthread_mutex_unlock(&results->mutex);
	if (granted) {
		/* Who granted it is about to signal. */
		scope_await_event(waiter->scope, &waiter->granted_event);
		key_hold_release(hold);
	}
	return result;
}

/* --- Taking --- */

static int lock_between_programs(weir_run *attempt, struct key_hold *hold, struct problem *problem)
{
	struct result_storage *storage;
	int64_t wait_us = FIRST_WAIT_US;
	struct str key = key_of(hold);
	int result = sha256_hex(&key, 1, hold->lock_name, problem);

	if (result == 0)
		result = results_storage(hold->results, &storage, problem);
	while (result == 0 && (result = result_lock_try(storage, hold->lock_name, problem)) == WEIR_EBUSY) {
		result = scope_sleep(&attempt->scope, clock_monotonic_us() + wait_us);
		wait_us = MIN(wait_us * 3 / 2, (int64_t)LAST_WAIT_US);
	}
	hold->locked = result == 0;
	return result;
}

int key_hold_take(weir_run *attempt, enum key_scope scope, struct str key, struct key_hold **out,
                  struct problem *problem)
{
	struct results *results = &attempt->run->engine->results;
	struct key_waiter waiter = { .scope = &attempt->scope, .run_id = attempt->run->id };
	struct key_hold *hold;
	int result = 0;
	bool queued;

	pthread_mutex_lock(&results->mutex);
	hold = find(results, key);
	queued = hold != NULL;
	if (!hold)
		hold = add(results, key, waiter.run_id);
	else if (is_held_above(attempt, hold))
		result = problem_set(problem, WEIR_EBUSY, "a run that it was called by holds the key");
	else
		append(hold, &waiter);
	pthread_mutex_unlock(&results->mutex);
	if (result == 0 && queued)
		result = wait_in_queue(hold, &waiter);
	if (result < 0)
		return result;
	if (scope == KEY_OF_STORAGE && !hold->locked)
		result = lock_between_programs(attempt, hold, problem);
	if (result < 0) {
		key_hold_release(hold);
		return result;
	}
	*out = hold;
	return 0;
}
