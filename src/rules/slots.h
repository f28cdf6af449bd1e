/* SPDX-License-Identifier: Apache-2.0 */
/* slots.h - the arithmetic of concurrency limits: decay, averages, and when to ask again (CONTRACT 3.10). */
#ifndef WEIR_RULES_SLOTS_H
#define WEIR_RULES_SLOTS_H

#include "model/limit.h"

/*
 * Bring the counts of a limit up to an instant. active_slots decays at slot_decay_per_second; denied_slots at the same
 * rate, or, of a limit without decay, at one for each time that a slot is held in the average. Only whole slots decay;
 * `updated` moves by the time that they took, so that who looks often does not stop the decay.
 */
void slots_decay(struct concurrency_limit *limit, int64_t now_us);

/* How many slots are free, at the instant that the counts are of. Below 0 when the limit was lowered. */
int64_t slots_free(const struct concurrency_limit *limit);

/* When so many slots of a limit with decay will be free, if nobody takes any: an instant. INT64_MAX: never, that we know. */
int64_t slots_free_at(const struct concurrency_limit *limit, int64_t slots);

/* The average after slots were held for so long: seconds. */
double slots_average(const struct concurrency_limit *limit, double held_seconds, int64_t slots);

/* How long to wait before asking for slots again: seconds, spread by random, in [0, 1). Counts must be up to date. */
double slots_retry_after(const struct concurrency_limit *limit, int64_t slots, double random);

#endif
