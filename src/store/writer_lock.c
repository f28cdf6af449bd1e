/* SPDX-License-Identifier: Apache-2.0 */
#include "store/writer_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

int writer_lock_init(struct writer_lock *lock, const char *path, struct problem *problem)
{
	lock->fd = 0;
	if (!path)
		return 0;
	lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock->fd >= 0)
		return 0;
	lock->fd = 0;
	return problem_set(problem, error_of_errno(errno), "%s: %s", path, strerror(errno));
}

void writer_lock_done(struct writer_lock *lock)
{
	if (lock->fd > 0)
		close(lock->fd);
	lock->fd = 0;
}

void writer_lock_take(struct writer_lock *lock)
{
	if (lock->fd <= 0)
		return;
	/* Only EINTR can come: the descriptor is ours. SQLite's own locks still guard the file should it fail. */
	while (flock(lock->fd, LOCK_EX) < 0 && errno == EINTR)
		;
}

void writer_lock_release(struct writer_lock *lock)
{
	if (lock->fd > 0)
		flock(lock->fd, LOCK_UN);
}
