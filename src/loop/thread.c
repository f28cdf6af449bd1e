/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/thread.h"

#include "loop/crash.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* What a new thread is to do. */
struct beginning {
	void *(*run)(void *argument);
	void *argument;
};

static void *begin(void *argument)
{
	struct beginning beginning = *(struct beginning *)argument;
	void *result;

	free(argument);
	crash_thread_begin();
	result = beginning.run(beginning.argument);
	crash_thread_end();
	return result;
}

/* All but those that the processor raises: blocked, they end the program without any handler being asked. */
static void fill_blocked(sigset_t *signals)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };

	sigfillset(signals);
	for (size_t i = 0; i < ARRAY_LENGTH(faults); i++)
		sigdelset(signals, faults[i]);
}

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *argument), void *argument,
                 struct problem *problem)
{
	struct beginning *beginning = xmalloc(sizeof *beginning);
	char short_name[16] = { 0 };
	sigset_t blocked, before;
	int error;

	*beginning = (struct beginning){ .run = run, .argument = argument };
	fill_blocked(&blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	error = pthread_create(thread, NULL, begin, beginning);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		free(beginning);
		return problem_set(problem, WEIR_ELIMIT,
		                   "thread '%s' could not be started: %s (limits: ulimit -u, cgroup pids.max)", name,
		                   strerror(error));
	}
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
