/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - the rows of log lines. */
#ifndef WEIR_STORE_LOG_H
#define WEIR_STORE_LOG_H

#include "model/run.h"
#include "store/db.h"

struct log_query {
	struct uuid flow_run_id; /* nil: all */
	struct uuid task_run_id; /* nil: all */
	int64_t level_from;      /* 0: all */
	bool newest_first;
	/* Only what comes after this line in that order: a place to go on from that costs nothing, unlike a large offset. */
	struct uuid after_id; /* nil: from the first */
	int64_t after_timestamp;
	int64_t limit, offset; /* limit 0: all */
};

/* Called for each row in order; stops and returns its value when that is not 0. Texts live for the call only. */
typedef int log_row_fn(void *data, const struct log_line *line);

/* In the order of their timestamps, then of their ids. */
MUST_CHECK int store_log_list(struct db *db, const struct log_query *query, log_row_fn *each, void *data,
                              struct problem *problem);

/* Append; nothing looks for another line with the same id. */
MUST_CHECK int store_log_insert(struct db *db, const struct log_line *line, struct problem *problem);

/* Take out at most `limit` lines that name the flow run, or the task run; the other id is nil. Returns how many there
   were. */
MUST_CHECK int store_log_delete(struct db *db, struct uuid flow_run_id, struct uuid task_run_id, int64_t limit,
                                struct problem *problem);

#endif
