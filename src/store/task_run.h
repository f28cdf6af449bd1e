/* SPDX-License-Identifier: Apache-2.0 */
/* task_run.h - the rows of task runs. */
#ifndef WEIR_STORE_TASK_RUN_H
#define WEIR_STORE_TASK_RUN_H

#include "model/run.h"
#include "store/db.h"
#include "store/flow_run.h"

enum task_run_sort { TASK_RUN_BY_ID, TASK_RUN_BY_END, TASK_RUN_BY_ID_DESC };

/* What all of a list's rows fulfil. */
struct task_run_query {
	struct uuid flow_run_id;       /* nil: all */
	const struct str *state_names; /* any of these; none: all */
	size_t state_name_count;
	const enum state_type *state_types; /* any of these; none: all */
	size_t state_type_count;
	enum task_run_sort sort; /* ascending, but the last one */
	int64_t limit, offset;   /* limit 0: 200 */
};

/* Called for each row in order; stops and returns its value when that is not 0. Texts live for the call only. */
typedef int task_run_row_fn(void *data, const struct task_run *run);

MUST_CHECK int store_task_run_list(struct db *db, const struct task_run_query *query, task_run_row_fn *each, void *data,
                                   struct problem *problem);

/* *inserted is false when there is a row with that id, or with these keys in that flow run. */
MUST_CHECK int store_task_run_insert(struct db *db, const struct task_run *run, bool *inserted,
                                     struct problem *problem);
MUST_CHECK int store_task_run_update(struct db *db, const struct task_run *run, struct problem *problem);

/*
 * Insert the row, or write it over the stored one with the same (flow_run_id, task_key, dynamic_key), else the same id,
 * if that has an earlier state_timestamp. *id is the stored row's, which it keeps, and so does `created`.
 */
MUST_CHECK int store_task_run_upsert(struct db *db, const struct task_run *run, struct uuid *id,
                                     struct problem *problem);

/* WEIR_ENOTFOUND, with the problem. flow_run_id nil: among those without a flow run. */
MUST_CHECK int store_task_run_find(struct db *db, struct uuid id, struct arena *arena, struct task_run *out,
                                   struct problem *problem);
MUST_CHECK int store_task_run_find_keys(struct db *db, struct uuid flow_run_id, struct str task_key,
                                        struct str dynamic_key, struct arena *arena, struct task_run *out,
                                        struct problem *problem);

/* At most so many runs with an id from first to last, ascending, or with a name, the newest first. Returns the count. */
MUST_CHECK int store_task_run_candidates(struct db *db, struct uuid first, struct uuid last, struct arena *arena,
                                         struct run_candidate *out, int64_t limit, struct problem *problem);
MUST_CHECK int store_task_run_named(struct db *db, struct str name, struct arena *arena, struct run_candidate *out,
                                    int64_t limit, struct problem *problem);

/* How many task runs of a flow run are in a state of each type. */
MUST_CHECK int store_task_run_count(struct db *db, struct uuid flow_run_id, int64_t counts[STATE_TYPE_COUNT],
                                    struct problem *problem);

/* The first task run of the flow run, by its keys. WEIR_ENOTFOUND, without the problem. */
MUST_CHECK int store_task_run_first(struct db *db, struct uuid flow_run_id, struct uuid *out, struct problem *problem);

/* The next one, by its keys, that has not ended; after_id nil: the first. WEIR_ENOTFOUND, without the problem. */
MUST_CHECK int store_task_run_unfinished(struct db *db, struct uuid flow_run_id, struct uuid after_id, struct uuid *out,
                                         struct problem *problem);

/* Take the run out, with its last state. */
MUST_CHECK int store_task_run_delete(struct db *db, struct uuid id, struct problem *problem);

/* How many calls of one task are recorded; task_key lives for the call only. */
typedef int task_calls_fn(void *data, struct str task_key, int64_t calls);

/* Called for each task that the flow run has called. Stops and returns its value when that is not 0. */
MUST_CHECK int store_task_run_calls(struct db *db, struct uuid flow_run_id, task_calls_fn *each, void *data,
                                    struct problem *problem);

#endif
