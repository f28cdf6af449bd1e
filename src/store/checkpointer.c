/* SPDX-License-Identifier: Apache-2.0 */
#include "store/checkpointer.h"

#include "base/clock.h"
#include "loop/thread.h"

#include <stdlib.h>

enum { IDLE_US = 5 * 1000 * 1000, PAGES = 1000, BLOCKED_PAGES = 8000 };

struct checkpointer {
	struct checkpointer_options options;
	char *path;
	char *vfs;
	struct db *db; /* the thread's own; NULL until the first checkpoint */
	pthread_t thread;

	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t work;   /* the thread waits for something to do */
	pthread_cond_t done;   /* the writer waits for a checkpoint */
	uint64_t begun, ended; /* checkpoints */
	bool wanted;
	bool ending;
	bool written;          /* since the log was last cut */
	int64_t idle_at_us;    /* when to cut the log, unless something is written before */
	int64_t blocked_pages; /* the writer waits when the log is as long as this */
	int64_t left;          /* pages that the last checkpoint could not copy */
};

/* --- The thread --- */

/* A checkpoint that fails loses nothing: the pages stay in the log, and the next one tries again. */
static int64_t copy_log(struct checkpointer *checkpointer, bool cut)
{
	const struct checkpointer_options *options = &checkpointer->options;
	int64_t left = INT64_MAX;

	if (!checkpointer->db && db_open(options->driver, &options->db, &checkpointer->db, NULL) < 0)
		return INT64_MAX;
	if (options->driver->checkpoint(checkpointer->db, false, &left, NULL) < 0)
		return INT64_MAX;
	if (cut && left == 0 && options->driver->checkpoint(checkpointer->db, true, &left, NULL) < 0)
		return INT64_MAX;
	return left;
}

/* Called with the mutex held. */
static void make_checkpoint(struct checkpointer *checkpointer, bool cut)
{
	int64_t left;

	checkpointer->wanted = false;
	checkpointer->begun++;
	pthread_mutex_unlock(&checkpointer->mutex);
	left = copy_log(checkpointer, cut);
	pthread_mutex_lock(&checkpointer->mutex);
	checkpointer->left = left;
	checkpointer->ended++;
	pthread_cond_broadcast(&checkpointer->done);
}

static void cut_log(struct checkpointer *checkpointer)
{
	checkpointer->written = false;
	make_checkpoint(checkpointer, true);
	if (checkpointer->left == 0)
		return;
	checkpointer->written = true; /* a reader or another program was in the way */
	checkpointer->idle_at_us = clock_monotonic_us() + checkpointer->options.idle_us;
}

static void *run_checkpoints(void *argument)
{
	struct checkpointer *checkpointer = argument;

	pthread_mutex_lock(&checkpointer->mutex);
	while (!checkpointer->ending) {
		int64_t due_us = checkpointer->written ? checkpointer->idle_at_us : INT64_MAX;

		if (checkpointer->wanted)
			make_checkpoint(checkpointer, false);
		else if (clock_monotonic_us() >= due_us)
			cut_log(checkpointer);
		else
			cond_wait_until(&checkpointer->work, &checkpointer->mutex, due_us);
	}
	pthread_mutex_unlock(&checkpointer->mutex);
	return NULL;
}

/* --- The writer's side --- */

/* Called with the mutex held. Wait for a checkpoint that begins after the last commit, so that it can copy all. */
static void wait_for_checkpoint(struct checkpointer *checkpointer, int64_t log_pages)
{
	uint64_t mine = checkpointer->begun + 1;

	checkpointer->wanted = true;
	pthread_cond_signal(&checkpointer->work);
	while (checkpointer->ended < mine)
		pthread_cond_wait(&checkpointer->done, &checkpointer->mutex);
	checkpointer->blocked_pages = checkpointer->options.blocked_pages + (checkpointer->left ? log_pages : 0);
}

void checkpointer_note(struct checkpointer *checkpointer, int64_t log_pages)
{
	pthread_mutex_lock(&checkpointer->mutex);
	checkpointer->idle_at_us = clock_monotonic_us() + checkpointer->options.idle_us;
	if (!checkpointer->written) {
		checkpointer->written = true; /* the thread begins to watch the time */
		pthread_cond_signal(&checkpointer->work);
	}
	if (log_pages < checkpointer->options.pages) {
		checkpointer->blocked_pages = checkpointer->options.blocked_pages;
	} else if (log_pages >= checkpointer->blocked_pages) {
		wait_for_checkpoint(checkpointer, log_pages);
	} else if (!checkpointer->wanted && checkpointer->begun == checkpointer->ended) {
		checkpointer->wanted = true;
		pthread_cond_signal(&checkpointer->work);
	}
	pthread_mutex_unlock(&checkpointer->mutex);
}

/* --- Its life --- */

static void done(struct checkpointer *checkpointer)
{
	db_close(checkpointer->db);
	pthread_cond_destroy(&checkpointer->work);
	pthread_cond_destroy(&checkpointer->done);
	pthread_mutex_destroy(&checkpointer->mutex);
	free(checkpointer->path);
	free(checkpointer->vfs);
	free(checkpointer);
}

static void set_options(struct checkpointer *checkpointer, const struct checkpointer_options *options)
{
	struct checkpointer_options *own = &checkpointer->options;

	*own = *options;
	checkpointer->path = xstrdup(options->db.path);
	checkpointer->vfs = options->db.vfs ? xstrdup(options->db.vfs) : NULL;
	own->db.path = checkpointer->path;
	own->db.vfs = checkpointer->vfs;
	own->idle_us = own->idle_us ? own->idle_us : IDLE_US;
	own->pages = own->pages ? own->pages : PAGES;
	own->blocked_pages = own->blocked_pages ? own->blocked_pages : BLOCKED_PAGES;
	checkpointer->blocked_pages = own->blocked_pages;
}

int checkpointer_new(const struct checkpointer_options *options, struct checkpointer **out, struct problem *problem)
{
	struct checkpointer *checkpointer = xcalloc(1, sizeof *checkpointer);
	int result;

	set_options(checkpointer, options);
	pthread_mutex_init(&checkpointer->mutex, NULL);
	cond_init_monotonic(&checkpointer->work);
	pthread_cond_init(&checkpointer->done, NULL);
	result = thread_start(&checkpointer->thread, "weir-checkpoint", run_checkpoints, checkpointer, problem);
	if (result < 0) {
		done(checkpointer);
		return result;
	}
	*out = checkpointer;
	return 0;
}

void checkpointer_free(struct checkpointer *checkpointer)
{
	if (!checkpointer)
		return;
	pthread_mutex_lock(&checkpointer->mutex);
	checkpointer->ending = true;
	pthread_cond_signal(&checkpointer->work);
	pthread_mutex_unlock(&checkpointer->mutex);
	pthread_join(checkpointer->thread, NULL);
	done(checkpointer);
}
