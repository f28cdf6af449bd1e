/* SPDX-License-Identifier: Apache-2.0 */
/* cache.h - results that were computed before. */
#ifndef WEIR_ENGINE_CACHE_H
#define WEIR_ENGINE_CACHE_H

#include "engine/key_hold.h"
#include "engine/run.h"
#include "store/result_storage.h"

enum cache_answer {
	CACHE_OFF,       /* this run is not cached */
	CACHE_MISS,      /* nothing is stored: this run computes, and holds the key until cache_run_ended */
	CACHE_HIT,       /* the stored value was given */
	CACHE_CUT_SHORT, /* the run was cancelled while it waited for another one that computes */
	CACHE_FAILED,    /* the key can't be made, or the storage can't be used: see the problem */
};

/* A run's place in the cache: made by its first attempt, kept over retries, freed with the run. Its texts are on the card. */
struct run_cache {
	struct str key;        /* as in the task run's row */
	struct str name;       /* the key's hash: the result's key in the storage */
	struct key_hold *hold; /* while this run computes; NULL else */
	/* of a hit */
	struct str origin; /* for people: which run computed it, and when */
	int64_t expiration;
};

/* Does the callable ask for caching at all? */
bool cache_is_used(const struct callable *what);

/* Look the run's key up, in its own executor; waits while another run computes the same key. value gets a new reference. */
enum cache_answer cache_begin(weir_run *attempt, json_t **value, struct problem *problem);

/* Of a run whose value came from the cache: where from, as the state's message. Lives as long as the run's card. */
const char *cache_origin(const weir_run *attempt);

/* The run has ended for good: another one may compute its key. From any thread, more than once. */
void cache_run_ended(weir_future *run);

#endif
