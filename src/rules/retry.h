/* SPDX-License-Identifier: Apache-2.0 */
/* retry.h - may a failed attempt be retried, and when? */
#ifndef WEIR_RULES_RETRY_H
#define WEIR_RULES_RETRY_H

#include "model/run.h"
#include "rules/verdict.h"

/*
 * A run with run_count attempts behind it has failed. True when another attempt follows; *delay_us then is how long to
 * wait: retry_delay, or its element min(run_count - 1, last), times a clamped random factor when a jitter is set.
 * random is in [0, 1). The reason says how many attempts remain, or why none follows. The deprecated fields max_retries
 * and retry_delay_seconds count when the new ones are unset or zero.
 */
bool retry_decide(struct arena *arena, const struct run_policy *policy, int64_t run_count, double random,
                  int64_t *delay_us, struct str *reason);

/*
 * A random interval around an average, so that what waits for the same thing does not wake all at once: exponentially
 * distributed, at most average * (1 + spread), with a lower bound that puts the median at the distribution's own.
 * spread must be above 0; an average of 0 gives 0.
 */
double interval_spread(double average, double spread, double random);

#endif
