/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/thread.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *argument), void *argument,
                 struct problem *problem)
{
	char short_name[16] = { 0 };
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(thread, NULL, run, argument);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		return problem_set(problem, WEIR_ELIMIT,
		                   "thread '%s' could not be started: %s (limits: ulimit -u, cgroup pids.max)", name,
		                   strerror(error));
	strncpy(short_name, name, sizeof short_name - 1);
	pthread_setname_np(*thread, short_name);
	return 0;
}

void cond_init_monotonic(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
}

bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t due_us)
{
	int64_t time_us =
	        MAX(due_us, INT64_C(0)); /* of a time before 0 the system would make an error, not a time-out */
	struct timespec due = { .tv_sec = time_us / 1000000, .tv_nsec = time_us % 1000000 * 1000 };

	if (due_us == INT64_MAX) {
		pthread_cond_wait(cond, mutex);
		return true;
	}
	return pthread_cond_timedwait(cond, mutex, &due) != ETIMEDOUT;
}
