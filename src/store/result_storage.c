/* SPDX-License-Identifier: Apache-2.0 */
#include "store/result_storage.h"

#include "store/file_lock.h"
#include "store/result_file.h"
#include "store/result_locks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE = 2 * UUID_TEXT_LENGTH, OPEN_TRIES = 10 };

struct result_storage {
	char *path;
	int folder; /* descriptors */
	int temporary;
	int life; /* this program's lock file, held while it is open */
	char program[UUID_TEXT_LENGTH + 1];
	unsigned count; /* of files written; atomic */
	struct result_locks *locks;
};

struct staged_result {
	struct result_storage *storage;
	char name[NAME_SIZE]; /* in temporary/ */
	char *key;
};

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static int failed(const struct result_storage *storage, const char *name, int error, struct problem *problem)
{
	return problem_set(problem, error_of_errno(error), "%s/%s: %s", storage->path, name, strerror(error));
}

/* --- What programs that died have left --- */

typedef void entry_fn(int folder, const char *name, void *data);

static void for_each_entry(int folder, entry_fn *each, void *data)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;

	if (!entries) {
		close_fd(&copy);
		return;
	}
	while ((entry = readdir(entries))) {
		if (entry->d_name[0] != '.')
			each(folder, entry->d_name, data);
	}
	closedir(entries);
}

static void remove_if_of(int folder, const char *name, void *program)
{
	if (strncmp(name, program, UUID_TEXT_LENGTH) == 0 && name[UUID_TEXT_LENGTH] == '-')
		unlinkat(folder, name, 0);
}

/* The lock file last: who is interrupted here leaves it to the next one. */
static void clean_after_dead(int folder, const char *name, void *data)
{
	AUTO(close_fd) int fd = -1;
	char program[UUID_TEXT_LENGTH + 1];

	(void)data;
	if (strlen(name) != UUID_TEXT_LENGTH + 5 || strcmp(name + UUID_TEXT_LENGTH, ".lock") != 0)
		return;
	fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || file_lock_try(fd, 0) != 0)
		return;
	snprintf(program, sizeof program, "%.*s", UUID_TEXT_LENGTH, name);
	for_each_entry(folder, remove_if_of, program);
	unlinkat(folder, name, 0);
}

/* --- Opening and closing --- */

static int open_folder(const char *path, int at, const char *name, int *out, struct problem *problem)
{
	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return problem_set(problem, error_of_errno(errno), "%s: the folder for results can't be made: %s", path,
		                   strerror(errno));
	*out = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *out < 0 ? problem_set(problem, error_of_errno(errno), "%s: %s", path, strerror(errno)) : 0;
}

/* Take a lock on a file that is still there: who cleans may have removed it between the two. 0, EAGAIN or an errno. */
static int lock_present(int fd)
{
	struct stat status;
	int error = file_lock_try(fd, 0);

	if (error)
		return error;
	if (fstat(fd, &status) < 0)
		return errno;
	return status.st_nlink > 0 ? 0 : ESTALE;
}

/* Show that this program lives. */
static int take_life(struct result_storage *storage, struct problem *problem)
{
	char name[NAME_SIZE];
	int error = EAGAIN;

	for (int tries = 0; tries < OPEN_TRIES && (error == EAGAIN || error == ESTALE); tries++) {
		close_fd(&storage->life);
		uuid_write(uuid_new(), storage->program);
		snprintf(name, sizeof name, "%s.lock", storage->program);
		storage->life = openat(storage->temporary, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		error = storage->life < 0 ? errno : lock_present(storage->life);
	}
	return error ? failed(storage, "temporary", error, problem) : 0;
}

int result_storage_open(const char *path, struct result_storage **out, struct problem *problem)
{
	struct result_storage *storage = xcalloc(1, sizeof *storage);
	int result;

	storage->path = xstrdup(path);
	storage->folder = storage->temporary = storage->life = -1;
	result = open_folder(path, AT_FDCWD, path, &storage->folder, problem);
	if (result == 0)
		result = open_folder(path, storage->folder, "temporary", &storage->temporary, problem);
	if (result == 0)
		result = result_locks_open(path, storage->folder, &storage->locks, problem);
	if (result == 0)
		result = take_life(storage, problem);
	if (result < 0) {
		result_storage_close(storage);
		return result;
	}
	for_each_entry(storage->temporary, clean_after_dead, NULL);
	*out = storage;
	return 0;
}

void result_storage_close(struct result_storage *storage)
{
	char name[NAME_SIZE];

	if (!storage)
		return;
	if (storage->life >= 0) {
		snprintf(name, sizeof name, "%s.lock", storage->program);
		unlinkat(storage->temporary, name, 0);
	}
	close_fd(&storage->life);
	close_fd(&storage->temporary);
	result_locks_close(storage->locks);
	close_fd(&storage->folder);
	free(storage->path);
	free(storage);
}

void result_storage_forked(struct result_storage *storage)
{
	close_fd(&storage->life);
	result_locks_forked(storage->locks);
}

/* --- Writing --- */

static int write_all(int fd, struct str text)
{
	while (text.length) {
		ssize_t written = write(fd, text.data, text.length);

		if (written < 0 && errno != EINTR)
			return errno;
		if (written > 0)
			text = (struct str){ text.data + written, text.length - (size_t)written };
	}
	return 0;
}

static int write_file(int fd, struct str header, struct str body)
{
	int error = write_all(fd, header);

	if (!error)
		error = write_all(fd, body);
	if (!error && fsync(fd) < 0)
		error = errno;
	/* Some file systems tell of a full disk only now. */
	if (close(fd) < 0 && !error)
		error = errno;
	return error;
}

static void staged_free(struct staged_result *staged)
{
	free(staged->key);
	free(staged);
}

void staged_result_discard(struct staged_result *staged)
{
	if (!staged)
		return;
	unlinkat(staged->storage->temporary, staged->name, 0);
	staged_free(staged);
}

int result_stage(struct result_storage *storage, struct str key, const struct result_record *record,
                 struct staged_result **out, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf header = { 0 };
	struct staged_result *staged;
	int fd, error;
	int result = result_key_check(key, problem);

	if (result == 0)
		result = result_header_write(&header, key, record, problem);
	if (result < 0)
		return result;
	staged = xcalloc(1, sizeof *staged);
	staged->storage = storage;
	staged->key = memcpy(xcalloc(1, key.length + 1), key.data, key.length);
	snprintf(staged->name, sizeof staged->name, "%s-%u", storage->program,
	         __atomic_add_fetch(&storage->count, 1, __ATOMIC_RELAXED));
	fd = openat(storage->temporary, staged->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	error = fd < 0 ? errno : write_file(fd, strbuf_str(&header), record->body);
	if (!error) {
		*out = staged;
		return 0;
	}
	result = failed(storage, staged->key, error, problem);
	staged_result_discard(staged);
	return result;
}

/* Open the folder that the key's file lies in; makes the folders on the way, durably. *name is the file's in it. */
static int open_parent(const struct result_storage *storage, char *key, char **name)
{
	int folder = openat(storage->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *slash;

	*name = key;
	while (folder >= 0 && (slash = strchr(*name, '/'))) {
		int below;

		*slash = '\0';
		if (mkdirat(folder, *name, 0700) == 0)
			fsync(folder);
		below = openat(folder, *name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		*slash = '/';
		close(folder);
		folder = below;
		*name = slash + 1;
	}
	return folder;
}

int staged_result_publish(struct staged_result *staged, struct problem *problem)
{
	struct result_storage *storage = staged->storage;
	char *name;
	AUTO(close_fd) int folder = open_parent(storage, staged->key, &name);
	int result;

	if (folder >= 0 && renameat(storage->temporary, staged->name, folder, name) == 0 && fsync(folder) == 0) {
		staged_free(staged);
		return 0;
	}
	result = failed(storage, staged->key, errno, problem);
	staged_result_discard(staged);
	return result;
}

int result_write(struct result_storage *storage, struct str key, const struct result_record *record,
                 struct problem *problem)
{
	struct staged_result *staged;
	int result = result_stage(storage, key, record, &staged, problem);

	return result < 0 ? result : staged_result_publish(staged, problem);
}

/* --- Reading --- */

static int read_all(int fd, struct strbuf *text)
{
	struct stat status;
	ssize_t got = 1;

	if (fstat(fd, &status) < 0)
		return errno;
	if (!S_ISREG(status.st_mode))
		return EISDIR;
	strbuf_clear(text);
	strbuf_reserve(text, (size_t)status.st_size);
	while (got > 0 || errno == EINTR) {
		size_t room = text->capacity - text->length - 1;
		char more;

		errno = 0;
		got = room ? read(fd, text->data + text->length, room) : read(fd, &more, 1);
		if (got > 0 && !room)
			strbuf_putc(text, more);
		else if (got > 0)
			text->length += (size_t)got;
		else if (got < 0 && errno != EINTR)
			return errno;
	}
	text->data[text->length] = '\0';
	return 0;
}

/* Read the file of a key that lies in this folder; one that is damaged is removed. */
static int read_file(const struct result_storage *storage, int folder, const char *name, struct str key,
                     struct arena *arena, struct strbuf *text, struct result_record *out, struct problem *problem)
{
	AUTO(close_fd) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	struct problem why;
	int error = fd < 0 ? errno : read_all(fd, text);
	int result;

	if (error)
		return failed(storage, name, error, problem);
	result = result_file_read(strbuf_str(text), key, arena, out, &why);
	if (result == WEIR_ECORRUPT)
		unlinkat(folder, name, 0);
	if (result < 0)
		return problem_set(problem, result, "%s/%s: %s%s", storage->path, name, why.message,
		                   result == WEIR_ECORRUPT ? ": removed" : "");
	return 0;
}

int result_read(struct result_storage *storage, struct str key, struct arena *arena, struct strbuf *text,
                struct result_record *out, struct problem *problem)
{
	int result = result_key_check(key, problem);

	if (result < 0)
		return result;
	return read_file(storage, storage->folder, arena_str(arena, key).data, key, arena, text, out, problem);
}

int staged_result_read(struct staged_result *staged, struct arena *arena, struct strbuf *text,
                       struct result_record *out, struct problem *problem)
{
	return read_file(staged->storage, staged->storage->temporary, staged->name, str_of(staged->key), arena, text,
	                 out, problem);
}

/* --- Locks --- */

int result_lock_try(struct result_storage *storage, const char *name, struct problem *problem)
{
	return result_locks_try(storage->locks, name, problem);
}

void result_unlock(struct result_storage *storage, const char *name)
{
	result_locks_release(storage->locks, name);
}
