/* SPDX-License-Identifier: Apache-2.0 */
#include "store/secret_key.h"

#include "base/strbuf.h"
#include "base/uuid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char *path, const char *what, int error, struct problem *problem)
{
	return problem_set(problem, error_of_errno(error), "%s: %s: %s", path, what, strerror(error));
}

/* --- Reading --- */

static int check(const char *path, int fd, struct problem *problem)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return fail(path, "can't be looked at", errno, problem);
	if (!S_ISREG(status.st_mode))
		return problem_set(problem, WEIR_ECORRUPT, "%s: is no file", path);
	if (status.st_mode & (S_IRWXG | S_IRWXO))
		return problem_set(problem, WEIR_EPERM,
		                   "%s: others may read it, so the secrets are none: chmod 600 it, and set them anew",
		                   path);
	if (status.st_size != SEAL_KEY_BYTES)
		return problem_set(problem, WEIR_ECORRUPT, "%s: a key has %d bytes, this file %lld", path,
		                   SEAL_KEY_BYTES, (long long)status.st_size);
	return 0;
}

static int read_key(const char *path, int fd, uint8_t key[SEAL_KEY_BYTES], struct problem *problem)
{
	int result = check(path, fd, problem);

	if (result == 0 && pread(fd, key, SEAL_KEY_BYTES, 0) != SEAL_KEY_BYTES)
		result = fail(path, "can't be read", errno, problem);
	return result;
}

/* --- Making --- */

static int fill(const char *path, int fd, struct problem *problem)
{
	uint8_t key[SEAL_KEY_BYTES];
	ssize_t written;

	if (getrandom(key, sizeof key, 0) != sizeof key)
		return fail(path, "there is no randomness", errno, problem);
	written = write(fd, key, sizeof key);
	explicit_bzero(key, sizeof key);
	if (written != sizeof key || fsync(fd) < 0)
		return fail(path, "can't be written", written < 0 || errno ? errno : ENOSPC, problem);
	return 0;
}

/* Under a name of its own first, then under the right one if nobody else was faster. */
static int make_key(const char *path, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf temporary = { 0 };
	int fd, result;

	strbuf_printf(&temporary, "%s.%s", path, uuid_text(uuid_new()).text);
	fd = open(temporary.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(path, "can't be made", errno, problem);
	result = fill(path, fd, problem);
	close(fd);
	if (result == 0 && link(temporary.data, path) < 0 && errno != EEXIST)
		result = fail(path, "can't be made", errno, problem);
	unlink(temporary.data);
	return result;
}

int secret_key_read(const char *path, bool make, uint8_t key[SEAL_KEY_BYTES], struct problem *problem)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), result;

	if (fd < 0 && errno == ENOENT && make) {
		result = make_key(path, problem);
		if (result < 0)
			return result;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	}
	if (fd < 0 && errno == ENOENT)
		return problem_set(problem, WEIR_ENOTFOUND, "%s: the key of the secrets is missing", path);
	if (fd < 0)
		return fail(path, "can't be opened", errno, problem);
	result = read_key(path, fd, key, problem);
	close(fd);
	return result;
}
