/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <math.h>
#include <time.h>

static int64_t read_clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
	return read_clock_us(CLOCK_REALTIME);
}

int64_t clock_monotonic_us(void)
{
	return read_clock_us(CLOCK_MONOTONIC);
}

int64_t clock_due_us(double seconds)
{
	const double longest_us = 9e15; /* 285 years: no sum with the clock overflows */

	if (!(seconds > 0))
		return 0;
	if (isinf(seconds))
		return INT64_MAX;
	return clock_monotonic_us() + (int64_t)fmin(seconds * 1e6, longest_us);
}
