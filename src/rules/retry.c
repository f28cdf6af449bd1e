/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/retry.h"

#include <math.h>

/* A longer delay is cut to this: a hundred years, so that sums of instants can't overflow. */
static const double DELAY_MAX_SECONDS = 100 * 365.25 * 86400;

/*
 * The lower clamp for an upper clamp of k: with both counted in medians of the distribution, as much probability lies
 * below the lower one as above the upper one (2^-k). The formula is the reference's, which applies it to averages.
 */
static double lower_clamp(double k)
{
	if (k >= 50)
		return 0;
	return log2(exp2(k) / (exp2(k) - 1));
}

double interval_spread(double average, double spread, double random)
{
	double upper = 1 - exp(-(1 + spread));
	double lower = 1 - exp(-lower_clamp(1 + spread));

	if (average <= 0)
		return 0;
	return -log(MAX(1 - (lower + (upper - lower) * random), 1e-10)) * average;
}

static int64_t effective_retries(const struct run_policy *policy)
{
	bool unset = policy->retries == INTEGER_NONE || policy->retries == 0;

	return unset && policy->max_retries != 0 ? policy->max_retries : policy->retries;
}

static const struct json *read_delay(struct arena *arena, struct str text)
{
	const struct json *delay;

	if (!text.data || json_read(arena, text, JSON_ALLOW_NAN, &delay, NULL, NULL) < 0)
		return NULL;
	return delay;
}

/* The delay before the attempt after run_count others, from "10", "[1, 10, 60]" or "null". */
static double base_delay(struct arena *arena, const struct run_policy *policy, int64_t run_count)
{
	const struct json *delay = read_delay(arena, policy->retry_delay);
	double seconds = 0;

	if (json_is(delay, JSON_TYPE_ARRAY) && delay->count > 0) {
		int64_t index = MIN(MAX(run_count - 1, INT64_C(0)), (int64_t)delay->count - 1);

		return json_to_real(json_at(delay, (size_t)index), &seconds) ? seconds : 0;
	}
	if (json_is(delay, JSON_TYPE_NUMBER) && json_to_real(delay, &seconds) && seconds != 0)
		return seconds;
	return policy->retry_delay_seconds;
}

static int64_t delay_with_jitter_us(double seconds, double jitter, double random)
{
	if (!(seconds > 0))
		return 0;
	if (jitter > 0)
		seconds = interval_spread(seconds, jitter, random);
	return llround(MIN(seconds, DELAY_MAX_SECONDS) * 1e6);
}

bool retry_decide(struct arena *arena, const struct run_policy *policy, int64_t run_count, double random,
                  int64_t *delay_us, struct str *reason)
{
	int64_t retries = effective_retries(policy);

	*delay_us = 0;
	if (retries == INTEGER_NONE || run_count > retries) {
		*reason = retries > 0 ? arena_printf(arena, "all %lld retries are used up", (long long)retries)
		                      : STR("no retries are set");
		return false;
	}
	*delay_us = delay_with_jitter_us(base_delay(arena, policy, run_count), policy->retry_jitter_factor, random);
	*reason = arena_printf(arena, "attempt %lld of %lld failed", (long long)run_count, (long long)retries + 1);
	return true;
}
