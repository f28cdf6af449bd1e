/* SPDX-License-Identifier: Apache-2.0 */
#include "store/checkpointer.h"

#include "base/clock.h"
#include "loop/thread.h"

#include <stdlib.h>

enum { IDLE_US = 5 * 1000 * 1000, PAGES = 500, BLOCKED_PAGES = 1000 };

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
	int64_t log_pages;     /* as last noted */
	int64_t start_pages;   /* a checkpoint begins when the log is as long as this, */
	int64_t blocked_pages; /* and the writer waits for one when it is as long as this, */
	bool few_left;         /* or when the last checkpoint has left few */
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

/* Called with the mutex held. Of a log that could not be copied, the next checkpoint would find nothing more to copy. */
static void note_left(struct checkpointer *checkpointer, int64_t left)
{
	const struct checkpointer_options *options = &checkpointer->options;

	checkpointer->left = left;
	checkpointer->few_left = left > 0 && left <= options->pages;
	checkpointer->start_pages = left > options->pages ? checkpointer->log_pages + options->pages : options->pages;
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
	note_left(checkpointer, left);
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

/* Called with the mutex held. */
static void want_checkpoint(struct checkpointer *checkpointer)
{
	checkpointer->wanted = true;
	pthread_cond_signal(&checkpointer->work);
}

/*
 * Called with the mutex held. Wait for a checkpoint that begins after the last commit, so that it can copy all. If it
 * does not, a reader is in the way (or the disk fails), and to wait again soon would not help.
 */
static void wait_for_checkpoint(struct checkpointer *checkpointer)
{
	const struct checkpointer_options *options = &checkpointer->options;
	uint64_t mine = checkpointer->begun + 1;

	want_checkpoint(checkpointer);
	while (checkpointer->ended < mine)
		pthread_cond_wait(&checkpointer->done, &checkpointer->mutex);
	checkpointer->few_left = false;
	if (checkpointer->left == 0)
		return;
	checkpointer->start_pages = checkpointer->log_pages + options->pages;
	checkpointer->blocked_pages = checkpointer->log_pages + options->blocked_pages;
}

/* The log was started anew. */
static void reset_pages(struct checkpointer *checkpointer)
{
	checkpointer->start_pages = checkpointer->options.pages;
	checkpointer->blocked_pages = checkpointer->options.blocked_pages;
	checkpointer->few_left = false;
}

static bool is_at_work(const struct checkpointer *checkpointer)
{
	return checkpointer->wanted || checkpointer->begun != checkpointer->ended;
}

void checkpointer_note(struct checkpointer *checkpointer, int64_t log_pages)
{
	pthread_mutex_lock(&checkpointer->mutex);
	checkpointer->log_pages = log_pages;
	checkpointer->idle_at_us = clock_monotonic_us() + checkpointer->options.idle_us;
	if (!checkpointer->written) {
		checkpointer->written = true; /* the thread begins to watch the time */
		pthread_cond_signal(&checkpointer->work);
	}
	if (log_pages < checkpointer->options.pages)
		reset_pages(checkpointer);
	else if (log_pages >= checkpointer->blocked_pages || checkpointer->few_left)
		wait_for_checkpoint(checkpointer);
	else if (log_pages >= checkpointer->start_pages && !is_at_work(checkpointer))
		want_checkpoint(checkpointer);
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
	reset_pages(checkpointer);
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
