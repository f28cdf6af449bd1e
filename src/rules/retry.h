/* SPDX-License-Identifier: Apache-2.0 */
/* retry.h - may a failed attempt be retried, and when? */
#ifndef WEIR_RULES_RETRY_H
#define WEIR_RULES_RETRY_H

#include "model/run.h"
#include "rules/verdict.h"

/*
 * A run with run_count attempts behind it has failed. True when another attempt follows; *delay_us then is how long to
 * wait: retry_delay, or its element min(run_count - 1, last), times a clamped random factor when a jitter is set.
 * random is in [0, 1). The reason says how many attempts remain, or why none follows.
 */
bool retry_decide(struct arena *arena, const struct run_policy *policy, int64_t run_count, double random,
                  int64_t *delay_us, struct str *reason);

#endif
