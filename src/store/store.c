/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include "base/strbuf.h"
#include "base/vec.h"
#include "store/checkpointer.h"
#include "store/migrations.h"
#include "store/share.h"
#include "store/writer_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	READERS_KEPT = 8, /* idle connections */
	LOCK_TIMEOUT_US = 10 * 1000 * 1000,
};

struct store {
	char *path;
	char *lock_path;
	char *run_folder;
	char *vfs;
	struct executor *executor;
	struct checkpointer *checkpointer;
	struct share *share;
	struct store_options options;

	pthread_mutex_t mutex; /* guards what follows */
	struct VEC(struct db *) readers;
};

/* --- Paths --- */

static char *join(const char *path, const char *ending)
{
	struct strbuf text = { 0 };

	strbuf_puts(&text, path);
	strbuf_puts(&text, ending);
	return strbuf_take(&text);
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct strbuf text = { 0 };

	if (slash)
		strbuf_add(&text, path, (size_t)(slash - path) + 1);
	else
		strbuf_puts(&text, "./");
	return strbuf_take(&text);
}

/* "<folder>/run" beside weir.db. A file of another name has its own: its programs are not those of weir.db. */
static char *run_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	AUTO(freep) char *folder = folder_of(path);

	return strcmp(slash ? slash + 1 : path, "weir.db") == 0 ? join(folder, "run") : join(path, "-run");
}

/* Make the folders that lead to the file. */
static int make_folders(const char *path, struct problem *problem)
{
	char *part = xstrdup(path);
	int result = 0;

	for (char *slash = strchr(part + 1, '/'); slash && result == 0; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			result = problem_set(problem, error_of_errno(errno), "%s: can't be made: %s", part,
			                     strerror(errno));
		*slash = '/';
	}
	free(part);
	return result;
}

/* What SQLite would say less plainly. */
static int check_path(const struct store_options *options, struct problem *problem)
{
	struct stat status;
	bool there = options->path[0] && stat(options->path, &status) == 0;

	if (!options->path[0])
		return problem_set(problem, WEIR_EINVAL, "the path of the database is empty");
	if (there && S_ISDIR(status.st_mode))
		return problem_set(problem, WEIR_EINVAL, "%s: is a folder, not a database file", options->path);
	if (there && access(options->path, options->mode == STORE_READ ? R_OK : R_OK | W_OK) < 0)
		return problem_set(problem, error_of_errno(errno), "%s: %s (look at the permissions of the file)",
		                   options->path, strerror(errno));
	if (!there && errno != ENOENT && errno != ENOTDIR)
		return problem_set(problem, error_of_errno(errno), "%s: %s", options->path, strerror(errno));
	if (!there && options->mode == STORE_READ)
		return problem_set(problem, WEIR_ENOTFOUND, "%s: there is no database yet", options->path);
	return options->mode == STORE_READ ? 0 : make_folders(options->path, problem);
}

/* --- Opening --- */

static int open_reader(struct store *store, struct db **out, struct problem *problem)
{
	struct db_options options = { .path = store->path, .mode = DB_READ, .vfs = store->vfs };

	return db_open(&sqlite_driver, &options, out, problem);
}

/* Look at a file that is there already without changing it: opening for writing turns it into Weir's kind of file. */
static int check_writable(struct store *store, struct problem *problem)
{
	struct stat status;
	struct db *db;
	int version;
	int result;

	if (stat(store->path, &status) < 0 || status.st_size == 0)
		return 0;
	result = open_reader(store, &db, problem);
	if (result < 0)
		return result;
	result = schema_check(db, store->path, true, &version, problem);
	db_close(db);
	return result;
}

/*
 * SQLite would let everybody read the file, and arguments of runs are nobody's business. It also never syncs the folder
 * that the file is in, without which the file may be gone after a power failure, with all that was told to be durable.
 */
static int make_file(const char *path, struct problem *problem)
{
	AUTO(freep) char *folder = folder_of(path);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int result = 0;

	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd < 0)
		return problem_set(problem, error_of_errno(errno), "%s: can't be made: %s", path, strerror(errno));
	close(fd);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		result =
		        problem_set(problem, error_of_errno(errno), "%s: can't be synced: %s", folder, strerror(errno));
	if (fd >= 0)
		close(fd);
	return result;
}

static int open_and_migrate(struct store *store, struct db **out, struct problem *problem)
{
	struct db_options options = { .path = store->path, .mode = DB_CREATE, .vfs = store->vfs };
	int result = make_file(store->path, problem);

	if (result == 0)
		result = db_open(&sqlite_driver, &options, out, problem);
	if (result < 0)
		return result;
	result = schema_migrate(*out, store->path, problem);
	if (result < 0)
		db_close(*out);
	return result;
}

/* One process at a time: those that make a file at once would find it locked, without SQLite waiting for them. */
static int open_in_turn(struct store *store, struct db **out, struct problem *problem)
{
	struct writer_lock lock;
	int result = check_writable(store, problem);

	if (result == 0)
		result = writer_lock_init(&lock, store->lock_path, problem);
	if (result < 0)
		return result;
	result = writer_lock_take(&lock, LOCK_TIMEOUT_US, problem);
	if (result == 0) {
		result = open_and_migrate(store, out, problem);
		writer_lock_release(&lock);
	}
	writer_lock_done(&lock);
	return result;
}

static void on_commit(void *data, int64_t log_pages)
{
	struct store *store = data;

	checkpointer_note(store->checkpointer, log_pages);
}

static void tell_hold(void *data, const struct problem *problem)
{
	struct store *store = data;

	if (store->options.on_hold)
		store->options.on_hold(store->options.data, problem);
}

static void send_message(void *data, struct uuid program, struct str message)
{
	struct store *store = data;

	if (store->share)
		share_tell(store->share, program, message);
}

static int open_writer(struct store *store, struct problem *problem)
{
	struct executor_options writer = {
		.lock_path = store->lock_path,
		.hold_seconds = store->options.hold_seconds,
		.on_hold = tell_hold,
		.on_commit = on_commit,
		.send = send_message,
		.data = store,
	};
	struct checkpointer_options checkpoints = {
		.driver = &sqlite_driver,
		.db = { .path = store->path, .mode = DB_WRITE, .vfs = store->vfs },
	};
	int result = open_in_turn(store, &writer.db, problem);

	if (result < 0)
		return result;
	result = checkpointer_new(&checkpoints, &store->checkpointer, problem);
	if (result < 0) {
		db_close(writer.db);
		return result;
	}
	return executor_new(&writer, &store->executor, problem);
}

static int check_readable(struct store *store, struct problem *problem)
{
	struct db *db;
	int version;
	int result = store_reader(store, &db, problem);

	if (result < 0)
		return result;
	result = schema_check(db, store->path, false, &version, problem);
	if (result == 0 && version == 0)
		result = problem_set(problem, WEIR_ENOTFOUND, "%s: is empty, there are no runs yet", store->path);
	store_reader_done(store, db);
	return result;
}

static int open_parts(struct store *store, struct problem *problem)
{
	int result = check_path(&store->options, problem);

	if (result == 0 && store->options.mode != STORE_READ)
		result = open_writer(store, problem);
	else if (result == 0)
		result = check_readable(store, problem);
	if (result == 0 && store->options.mode != STORE_READ)
		result = share_open(store->run_folder, true, &store->share, problem);
	if (result == 0 && store->options.mode == STORE_PROGRAM)
		result = share_join(store->share, store->options.program_id, store->options.on_message,
		                    store->options.data, problem);
	return result;
}

int store_open(const struct store_options *options, struct store **out, struct problem *problem)
{
	struct store *store = xcalloc(1, sizeof *store);
	int result;

	store->path = xstrdup(options->path);
	store->lock_path = join(options->path, "-writer");
	store->run_folder = run_folder_of(options->path);
	store->vfs = options->vfs ? xstrdup(options->vfs) : NULL;
	store->options = *options;
	store->options.path = store->path;
	pthread_mutex_init(&store->mutex, NULL);
	result = open_parts(store, problem);
	if (result < 0) {
		store_close(store);
		return result;
	}
	*out = store;
	return 0;
}

void store_forked(struct store *store)
{
	if (!store)
		return;
	if (store->executor)
		executor_forked(store->executor);
	if (store->share)
		share_forked(store->share);
}

void store_close(struct store *store)
{
	if (!store)
		return;
	share_deafen(store->share); /* what it hears goes to the writer */
	for (size_t i = 0; i < store->readers.count; i++)
		db_close(store->readers.items[i]);
	vec_done(&store->readers);
	executor_free(store->executor);
	checkpointer_free(store->checkpointer); /* the last to close the file: it empties the log */
	share_close(store->share);
	pthread_mutex_destroy(&store->mutex);
	free(store->vfs);
	free(store->run_folder);
	free(store->lock_path);
	free(store->path);
	free(store);
}

const char *store_path(const struct store *store)
{
	return store->path;
}

struct executor *store_executor(struct store *store)
{
	return store->executor;
}

int store_run(struct store *store, job_fn *run, void *request, struct problem *problem)
{
	return executor_run(store->executor, run, request, problem);
}

int store_reader(struct store *store, struct db **out, struct problem *problem)
{
	struct db *db = NULL;

	pthread_mutex_lock(&store->mutex);
	if (store->readers.count)
		db = store->readers.items[--store->readers.count];
	pthread_mutex_unlock(&store->mutex);
	if (!db)
		return open_reader(store, out, problem);
	*out = db;
	return 0;
}

void store_reader_done(struct store *store, struct db *db)
{
	db->driver->rollback(db);
	db->driver->deadline(db, 0);
	pthread_mutex_lock(&store->mutex);
	if (store->readers.count < READERS_KEPT) {
		vec_push(&store->readers, db);
		db = NULL;
	}
	pthread_mutex_unlock(&store->mutex);
	db_close(db);
}

/* --- Last words --- */

int store_crash_path(const char *path, struct uuid program_id, char **out, struct problem *problem)
{
	AUTO(freep) char *folder = run_folder_of(path);
	AUTO(strbuf_done) struct strbuf file = { 0 };
	int result;

	strbuf_printf(&file, "%s/%s" CRASH_ENDING, folder, uuid_text(program_id).text);
	result = make_folders(file.data, problem);
	if (result == 0)
		*out = strbuf_take(&file);
	return result;
}

int store_last_word(struct store *store, struct uuid program_id, struct strbuf *out, struct problem *problem)
{
	return share_last_word(store->share, program_id, out, problem);
}

/* --- Removal --- */

static int refuse_living(const char *path, struct problem *problem)
{
	AUTO(freep) char *folder = run_folder_of(path);
	AUTO(strbuf_done) struct strbuf living = { 0 };
	struct share *share;
	int result = share_open(folder, false, &share, problem);

	if (result < 0)
		return result == WEIR_ENOTFOUND ? 0 : result; /* no program has ever run */
	share_describe(share, &living);
	share_close(share);
	if (living.length == 0)
		return 0;
	return problem_set(problem, WEIR_EBUSY, "%s: is in use by %s: let them end, or cancel their runs", path,
	                   living.data);
}

/* The log goes first: without its file it would be played into the next database of that name. */
static int remove_files(const char *path, struct problem *problem)
{
	static const char *const endings[] = { "-wal", "-shm", "" };

	for (size_t i = 0; i < ARRAY_LENGTH(endings); i++) {
		AUTO(freep) char *name = join(path, endings[i]);

		if (unlink(name) < 0 && errno != ENOENT)
			return problem_set(problem, error_of_errno(errno), "%s: can't be removed: %s", name,
			                   strerror(errno));
	}
	return 0;
}

int store_remove(const char *path, struct problem *problem)
{
	AUTO(freep) char *lock_path = join(path, "-writer");
	struct writer_lock lock;
	int result;

	if (access(path, F_OK) < 0)
		return problem_set(problem, error_of_errno(errno), "%s: %s", path, strerror(errno));
	result = writer_lock_init(&lock, lock_path, problem);
	if (result < 0)
		return result;
	result = writer_lock_take(&lock, LOCK_TIMEOUT_US, problem);
	if (result == 0) {
		result = refuse_living(path, problem);
		if (result == 0)
			result = remove_files(path, problem);
		writer_lock_release(&lock);
	}
	writer_lock_done(&lock);
	return result;
}

/* --- Programs that share the file --- */

struct uuid store_program_id(const struct store *store)
{
	return store->share ? share_id(store->share) : (struct uuid){ { 0 } };
}

void store_leave_lock(struct store *store)
{
	share_leave_lock(store->share);
}

int store_dead_programs(struct store *store, struct uuid **ids, size_t *count, struct problem *problem)
{
	ASSERT(store->share);
	return share_dead(store->share, ids, count, problem);
}

void store_forget_program(struct store *store, struct uuid id)
{
	ASSERT(store->share);
	share_forget(store->share, id);
}

/* A store that only reads looks at the folder for the moment. */
bool store_program_alive(struct store *store, struct uuid id)
{
	struct share *share = store->share;
	bool alive;

	if (!share) {
		int result = share_open(store->run_folder, false, &share, NULL);

		if (result < 0)
			return result != WEIR_ENOTFOUND; /* who can't look must not declare it dead */
	}
	alive = share_alive(share, id);
	if (share != store->share)
		share_close(share);
	return alive;
}

void store_living_programs(struct store *store, struct strbuf *out)
{
	ASSERT(store->share);
	share_describe(store->share, out);
}

int store_send(struct store *store, struct uuid program, struct str message, struct problem *problem)
{
	ASSERT(store->share);
	return share_send(store->share, program, message, problem);
}
