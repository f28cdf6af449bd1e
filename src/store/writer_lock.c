/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turnstile of two byte locks: WRITE is held while writing, TURN while waiting for WRITE as the next one. A process that
 * lets WRITE go and wants it again has to pass TURN, and finds it held by the one that waits. So two busy writers take
 * turns; a single lock would go to the one that is already running, always.
 *
 * The kernel offers no waiting with a time limit, and a library can't use signals to end one, so both waits poll. The one
 * whose turn is next polls often: the file is idle until it notices.
 */
#include "store/writer_lock.h"

#include "base/clock.h"
#include "store/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { WRITE, TURN }; /* bytes of the file */

enum { FIRST_POLL_US = 20, LAST_POLL_OF_TURN_US = 2000, LAST_POLL_OF_WRITE_US = 200 };

int writer_lock_init(struct writer_lock *lock, const char *path, struct problem *problem)
{
	*lock = (struct writer_lock){ .fd = -1 };
	if (!path)
		return 0;
	lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock->fd < 0)
		return problem_set(problem, error_of_errno(errno), "%s: can't be opened: %s", path, strerror(errno));
	lock->path = xstrdup(path);
	return 0;
}

void writer_lock_done(struct writer_lock *lock)
{
	if (!lock->path)
		return;
	close(lock->fd);
	free(lock->path);
	lock->path = NULL;
}

static void sleep_us(int64_t duration_us)
{
	struct timespec duration = { .tv_nsec = duration_us * 1000 };

	nanosleep(&duration, NULL);
}

static int wait_for(struct writer_lock *lock, unsigned byte, int64_t last_poll_us, int64_t until_us,
                    struct problem *problem)
{
	int64_t poll_us = FIRST_POLL_US;

	for (;;) {
		int error = file_lock_try(lock->fd, byte);

		if (error == 0)
			return 0;
		if (error != EAGAIN)
			return problem_set(problem, error_of_errno(error), "%s: can't be locked: %s", lock->path,
			                   strerror(error));
		if (clock_monotonic_us() >= until_us)
			return problem_set(
			        problem, WEIR_EBUSY,
			        "%s: another program keeps writing and lets nobody else (is it stopped, or in "
			        "a debugger? 'fuser %s' names those that have it open)",
			        lock->path, lock->path);
		sleep_us(poll_us);
		poll_us = MIN(poll_us * 2, last_poll_us);
	}
}

int writer_lock_take(struct writer_lock *lock, int64_t timeout_us, struct problem *problem)
{
	int64_t until_us = clock_monotonic_us() + timeout_us;
	int result;

	if (!lock->path)
		return 0;
	result = wait_for(lock, TURN, LAST_POLL_OF_TURN_US, until_us, problem);
	if (result < 0)
		return result;
	result = wait_for(lock, WRITE, LAST_POLL_OF_WRITE_US, until_us, problem);
	file_lock_release(lock->fd, TURN);
	return result;
}

void writer_lock_release(struct writer_lock *lock)
{
	if (lock->path)
		file_lock_release(lock->fd, WRITE);
}
