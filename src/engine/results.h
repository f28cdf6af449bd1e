/* SPDX-License-Identifier: Apache-2.0 */
/* results.h - what an engine knows of stored results: its settings, the storage, which is opened when it is first needed,
   and which runs hold which keys. */
#ifndef WEIR_ENGINE_RESULTS_H
#define WEIR_ENGINE_RESULTS_H

#include "base/setting.h"
#include "store/result_storage.h"

#include <pthread.h>

struct key_hold;

enum { KEY_BUCKETS = 1024 };

/* Part of struct engine. */
struct results {
	const char *path; /* of the folder; the setting's text */
	bool persist;     /* keep the results of runs that don't say whether */
	bool refresh;     /* compute cached runs anew, if they don't say */
	size_t max_bytes; /* of a result's JSON */

	pthread_mutex_t mutex; /* guards what follows; no other lock is taken under it */
	struct result_storage *storage;
	struct key_hold *holds[KEY_BUCKETS]; /* by hash */
};

void results_init(struct results *results, const struct settings *settings);
void results_done(struct results *results);

/* The storage, opened by the first who asks. After a failure the next one tries again. */
MUST_CHECK int results_storage(struct results *results, struct result_storage **out, struct problem *problem);

#endif
