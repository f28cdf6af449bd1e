/* SPDX-License-Identifier: Apache-2.0 */
/* cache_key.h - under which key the result of a task run is kept. */
#ifndef WEIR_ENGINE_CACHE_KEY_H
#define WEIR_ENGINE_CACHE_KEY_H

#include "engine/run.h"

enum { CACHE_KEY_BYTES_MAX = 4096 };

/*
 * The key, in the arena: what the task's cache_key function says, or a hash of what cache_by names, together with the
 * task's name. STR_NULL when the function says that this run is not cached. WEIR_EINVAL for parameters that can't be
 * written as JSON and for a key that is empty or too long.
 */
MUST_CHECK int cache_key_make(weir_run *attempt, struct arena *arena, struct str *out, struct problem *problem);

#endif
