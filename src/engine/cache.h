/* SPDX-License-Identifier: Apache-2.0 */
/* cache.h - results that were computed before. */
#ifndef WEIR_ENGINE_CACHE_H
#define WEIR_ENGINE_CACHE_H

#include "engine/run.h"

enum cache_answer {
	CACHE_OFF,       /* this run is not cached */
	CACHE_MISS,      /* nothing is stored: this attempt computes, and owns the key until cache_end */
	CACHE_HIT,       /* the stored value was given */
	CACHE_CUT_SHORT, /* the run was cancelled while it waited for another one that computes */
	CACHE_FAILED,    /* the key can't be made, or the storage can't be used: see the problem */
};

/* Does the callable ask for caching at all? */
bool cache_is_used(const struct callable *what);

/* Look the run's key up, in its own executor; waits while another run computes the same key. value gets a new reference. */
enum cache_answer cache_begin(weir_run *attempt, json_t **value, struct problem *problem);

/* The attempt has ended: another one may compute its key. Nothing happens when it owns none. From any thread. */
void cache_end(weir_run *attempt);

#endif
