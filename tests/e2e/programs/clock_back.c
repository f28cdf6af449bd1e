/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock_back - a library to preload: the wall clock steps back by an hour at every hundredth reading, and stays back.
 * The monotonic clock is left alone, as somebody who sets the clock leaves it.
 */
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { READINGS = 100, STEP_SECONDS = 3600 };

int clock_gettime(clockid_t clock, struct timespec *time)
{
	static atomic_long readings;
	long result = syscall(SYS_clock_gettime, clock, time);

	if (result == 0 && clock == CLOCK_REALTIME)
		time->tv_sec -= atomic_fetch_add(&readings, 1) / READINGS * STEP_SECONDS;
	return (int)result;
}
