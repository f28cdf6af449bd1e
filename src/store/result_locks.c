/* SPDX-License-Identifier: Apache-2.0 */
#include "store/result_locks.h"

#include "base/cursor.h"
#include "store/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The first digit of a name picks the file, the next eight the byte (31 bits). So two names share a lock once in 2**35:
 * then one waits for the other, which does no harm. Sixteen files keep the kernel's lists of locks short.
 */
enum { FILE_COUNT = 16, BYTE_DIGITS = 8, BYTE_MASK = 0x7fffffff };

struct result_locks {
	char *path; /* of the storage, for messages */
	int folder;
	pthread_mutex_t mutex;
	int files[FILE_COUNT]; /* -1: not opened yet; under mutex */
};

int result_locks_open(const char *path, int folder, struct result_locks **out, struct problem *problem)
{
	struct result_locks *locks;
	int fd;

	if (mkdirat(folder, "locks", 0700) < 0 && errno != EEXIST)
		return problem_set(problem, error_of_errno(errno), "%s/locks: %s", path, strerror(errno));
	fd = openat(folder, "locks", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return problem_set(problem, error_of_errno(errno), "%s/locks: %s", path, strerror(errno));
	locks = xcalloc(1, sizeof *locks);
	locks->path = xstrdup(path);
	locks->folder = fd;
	pthread_mutex_init(&locks->mutex, NULL);
	memset(locks->files, -1, sizeof locks->files);
	*out = locks;
	return 0;
}

void result_locks_close(struct result_locks *locks)
{
	if (!locks)
		return;
	for (size_t i = 0; i < FILE_COUNT; i++) {
		if (locks->files[i] >= 0)
			close(locks->files[i]);
	}
	close(locks->folder);
	pthread_mutex_destroy(&locks->mutex);
	free(locks->path);
	free(locks);
}

/* Without the mutex, which another thread may have held. */
void result_locks_forked(struct result_locks *locks)
{
	for (size_t i = 0; i < FILE_COUNT; i++) {
		if (locks->files[i] >= 0)
			close(locks->files[i]);
		locks->files[i] = -1;
	}
}

/* Opened by the first who needs it; never removed, so who holds a lock in it holds the one that others see. */
static int open_file(struct result_locks *locks, const char *name)
{
	const char file[] = { name[0], '\0' };
	int *fd = &locks->files[hex_value(name[0])];
	int opened;

	pthread_mutex_lock(&locks->mutex);
	if (*fd < 0)
		*fd = openat(locks->folder, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	opened = *fd;
	pthread_mutex_unlock(&locks->mutex);
	return opened;
}

static unsigned byte_of(const char *name)
{
	unsigned byte = 0;

	for (size_t i = 1; i <= BYTE_DIGITS; i++)
		byte = byte << 4 | (unsigned)hex_value(name[i]);
	return byte & BYTE_MASK;
}

int result_locks_try(struct result_locks *locks, const char *name, struct problem *problem)
{
	int fd = open_file(locks, name);
	int error = fd < 0 ? errno : file_lock_try(fd, byte_of(name));

	if (error == EAGAIN)
		return WEIR_EBUSY;
	if (error)
		return problem_set(problem, error_of_errno(error), "%s/locks/%c: %s", locks->path, name[0],
		                   strerror(error));
	return 0;
}

void result_locks_release(struct result_locks *locks, const char *name)
{
	file_lock_release(open_file(locks, name), byte_of(name));
}
