/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limited_tags.h - which tags have a limit, known by heart, so that tasks whose tags have none need not ask the store. The
 * store's writers tell all programs when one is made or deleted ("limits"); since such a message can be lost, what is known
 * is read anew after a few seconds, by those who ask.
 */
#ifndef WEIR_ENGINE_LIMITED_TAGS_H
#define WEIR_ENGINE_LIMITED_TAGS_H

#include "store/store.h"

#include <pthread.h>

struct limited_tags {
	pthread_mutex_t mutex; /* guards what follows */
	char **names;          /* of tags, in order */
	size_t count, capacity;
	int64_t read_us; /* when; 0: not yet */
	bool stale;      /* something has changed; atomic */
};

void limited_tags_init(struct limited_tags *tags);
void limited_tags_done(struct limited_tags *tags);

/* What is known may be wrong from now on. From any thread; does not block. */
void limited_tags_forget(struct limited_tags *tags);

/* May one of these tags, a JSON array of strings, have a limit? Also true when that can't be found out. */
bool limited_tags_any(struct limited_tags *tags, struct store *store, struct str of);

#endif
