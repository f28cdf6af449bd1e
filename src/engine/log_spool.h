/* SPDX-License-Identifier: Apache-2.0 */
/* log_spool.h - log lines of runs on their way to the store: bounded, oldest dropped and counted, never blocking a run. */
#ifndef WEIR_ENGINE_LOG_SPOOL_H
#define WEIR_ENGINE_LOG_SPOOL_H

#include "base/uuid.h"
#include "store/executor.h"

#include <pthread.h>

enum { LOG_SPOOL_LINES = 20000, LOG_SPOOL_BYTES = 8 * 1024 * 1024, LOG_MESSAGE_MAX = 1024 * 1024 };

struct spooled_line;

struct log_spool {
	pthread_mutex_t mutex;
	struct executor *executor;
	struct spooled_line *first, *last;
	size_t count;
	size_t bytes;     /* of the messages */
	uint64_t dropped; /* since the last line that said so */
	bool flushing;    /* a job that will take what is there is on its way */
};

void log_spool_init(struct log_spool *spool, struct executor *executor);
void log_spool_done(struct log_spool *spool);

/* Add a line: logger's name ("weir.task_runs"), level, text (cut at 1 MiB), whose it is (task_run_id may be nil). A job
   that stores it is in the executor's queue when this returns, and so before any state queued later (but when more than
   one job's lines are waiting: then the rest follows). */
void log_spool_add(struct log_spool *spool, const char *name, int level, struct str message, struct uuid flow_run_id,
                   struct uuid task_run_id);

#endif
