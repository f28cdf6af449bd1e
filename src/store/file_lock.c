/* SPDX-License-Identifier: Apache-2.0 */
#include "store/file_lock.h"

#include <errno.h>
#include <fcntl.h>

static int control(int fd, int command, short type, unsigned byte, struct flock *lock)
{
	int result;

	*lock = (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	do
		result = fcntl(fd, command, lock);
	while (result < 0 && errno == EINTR);
	return result < 0 ? errno : 0;
}

int file_lock_try(int fd, unsigned byte)
{
	struct flock lock;
	int error = control(fd, F_OFD_SETLK, F_WRLCK, byte, &lock);

	return error == EACCES ? EAGAIN : error;
}

void file_lock_release(int fd, unsigned byte)
{
	struct flock lock;

	/* Unlocking can't fail on an open file; closing it would unlock as well. */
	(void)control(fd, F_OFD_SETLK, F_UNLCK, byte, &lock);
}

bool file_lock_is_held(int fd, unsigned byte)
{
	struct flock lock;

	/* Who can't ask must not take the holder for dead. */
	return control(fd, F_OFD_GETLK, F_WRLCK, byte, &lock) != 0 || lock.l_type != F_UNLCK;
}
