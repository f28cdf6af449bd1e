/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/limited_tags.h"

#include "base/clock.h"
#include "base/json.h"
#include "core/limit.h"

#include <stdlib.h>

enum { KNOWN_FOR_US = 5 * 1000 * 1000 };

void limited_tags_init(struct limited_tags *tags)
{
	*tags = (struct limited_tags){ 0 };
	pthread_mutex_init(&tags->mutex, NULL);
}

static void clear(struct limited_tags *tags)
{
	for (size_t i = 0; i < tags->count; i++)
		free(tags->names[i]);
	tags->count = 0;
}

void limited_tags_done(struct limited_tags *tags)
{
	clear(tags);
	free(tags->names);
	pthread_mutex_destroy(&tags->mutex);
}

void limited_tags_forget(struct limited_tags *tags)
{
	__atomic_store_n(&tags->stale, true, __ATOMIC_RELEASE);
}

static int add(void *data, const void *record)
{
	const struct concurrency_limit *limit = record;
	struct limited_tags *tags = data;

	if (tags->count == tags->capacity) {
		tags->capacity = tags->capacity ? 2 * tags->capacity : 16;
		tags->names = xrealloc(tags->names, tags->capacity * sizeof *tags->names);
	}
	tags->names[tags->count++] = xstrdup(limit->name.data + strlen(TAG_LIMIT_PREFIX));
	return 0;
}

/* Read what is limited. Called with the mutex held; what has changed after the flag was taken down is read again. */
static bool read_all(struct limited_tags *tags, struct store *store)
{
	const struct limit_query query = { .prefix = STR(TAG_LIMIT_PREFIX), .active = true, .limit = -1 };
	struct db *db;
	int result;

	__atomic_store_n(&tags->stale, false, __ATOMIC_RELEASE);
	if (store_reader(store, &db, NULL) < 0)
		return false;
	clear(tags);
	result = store_limit_list(db, &query, add, tags, NULL);
	store_reader_done(store, db);
	if (result < 0)
		return false;
	tags->read_us = clock_monotonic_us();
	return true;
}

static bool is_fresh(const struct limited_tags *tags)
{
	return tags->read_us && !__atomic_load_n(&tags->stale, __ATOMIC_ACQUIRE) &&
	       clock_monotonic_us() - tags->read_us < KNOWN_FOR_US;
}

static bool is_limited(const struct limited_tags *tags, struct str tag)
{
	for (size_t i = 0; i < tags->count; i++) {
		if (str_is(tag, tags->names[i]))
			return true;
	}
	return false;
}

static bool any_limited(const struct limited_tags *tags, struct str of)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	const struct json *array;

	if (tags->count == 0)
		return false;
	if (json_read(&scratch, of, 0, &array, NULL, NULL) < 0)
		return true; /* whoever asks the store is told what is wrong with them */
	for (const struct json *tag = array->child; tag; tag = tag->next) {
		if (is_limited(tags, json_text(&scratch, tag)))
			return true;
	}
	return false;
}

bool limited_tags_any(struct limited_tags *tags, struct store *store, struct str of)
{
	bool any;

	if (of.length == 0 || str_is(of, "[]"))
		return false;
	pthread_mutex_lock(&tags->mutex);
	if (!is_fresh(tags) && !read_all(tags, store)) {
		tags->read_us = 0;
		any = true;
	} else {
		any = any_limited(tags, of);
	}
	pthread_mutex_unlock(&tags->mutex);
	return any;
}
