/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/slots.h"

#include "rules/retry.h"

#include <math.h>

static const double OCCUPANCY_MIN_SECONDS = 0.1;
static const double WAIT_MAX_SECONDS = 30, WAIT_MAX_TAG_SECONDS = 10;
static const double SPREAD = 0.3;

/* Nobody is to wait for longer than this before asking again. */
static double wait_max(const struct concurrency_limit *limit)
{
	return str_starts_with(limit->name, STR(TAG_LIMIT_PREFIX)) ? WAIT_MAX_TAG_SECONDS : WAIT_MAX_SECONDS;
}

static double decay_of_denied(const struct concurrency_limit *limit)
{
	double average = MAX(limit->avg_slot_occupancy_seconds, OCCUPANCY_MIN_SECONDS);

	return 1 / MIN(average, wait_max(limit));
}

static int64_t less(int64_t count, double decayed)
{
	return decayed >= (double)count ? 0 : count - (int64_t)decayed;
}

void slots_decay(struct concurrency_limit *limit, int64_t now_us)
{
	bool decays = limit->slot_decay_per_second > 0;
	double rate = decays ? limit->slot_decay_per_second : decay_of_denied(limit);
	double passed_us = (double)now_us - (double)limit->updated, decayed;

	if (passed_us <= 0)
		return;
	decayed = floor(rate * passed_us / 1e6);
	if (decays)
		limit->active_slots = less(limit->active_slots, decayed);
	limit->denied_slots = less(limit->denied_slots, decayed);
	if (limit->denied_slots == 0 && (!decays || limit->active_slots == 0))
		limit->updated = now_us; /* nothing is left to decay: the next slot begins with its own time */
	else
		limit->updated += MIN((int64_t)(decayed / rate * 1e6), now_us - limit->updated);
}

int64_t slots_free(const struct concurrency_limit *limit)
{
	return limit->limit - limit->active_slots;
}

int64_t slots_free_at(const struct concurrency_limit *limit, int64_t slots)
{
	double missing = (double)slots - (double)slots_free(limit), wait_us;

	if (missing <= 0)
		return limit->updated;
	wait_us = ceil(missing / limit->slot_decay_per_second * 1e6);
	if (!(limit->slot_decay_per_second > 0) || wait_us >= 9e18 - (double)limit->updated)
		return INT64_MAX;
	return limit->updated + (int64_t)wait_us;
}

double slots_average(const struct concurrency_limit *limit, double held_seconds, int64_t slots)
{
	double average = limit->avg_slot_occupancy_seconds;

	if (limit->limit <= 0 || slots <= 0)
		return average;
	held_seconds = MAX(held_seconds / (double)slots, OCCUPANCY_MIN_SECONDS);
	return average + (held_seconds - average) / (2 * (double)limit->limit);
}

double slots_retry_after(const struct concurrency_limit *limit, int64_t slots, double random)
{
	double before = (double)slots + (double)limit->denied_slots, longest = wait_max(limit), seconds;

	if (limit->slot_decay_per_second > 0)
		seconds = before / limit->slot_decay_per_second;
	else
		seconds = MIN(MIN(limit->avg_slot_occupancy_seconds, longest) * before / (double)MAX(limit->limit, 1),
		              longest);
	return interval_spread(seconds, SPREAD, random);
}
