/* SPDX-License-Identifier: Apache-2.0 */
/* flow_run.h - the rows of flow runs. */
#ifndef WEIR_STORE_FLOW_RUN_H
#define WEIR_STORE_FLOW_RUN_H

#include "model/run.h"
#include "store/db.h"
#include "store/query.h"

enum flow_run_sort { FLOW_RUN_BY_EXPECTED_START_DESC, FLOW_RUN_BY_ID_DESC };

/* What all of a list's rows fulfil. */
struct flow_run_query {
	const struct str *state_names; /* any of these; none: all */
	size_t state_name_count;
	const enum state_type *state_types; /* any of these; none: all */
	size_t state_type_count;
	struct uuid flow_id;            /* nil: all */
	struct uuid parent_task_run_id; /* nil: all */
	enum flow_run_sort sort;
	int64_t limit, offset; /* limit 0: 200 */
};

/* Called for each row in order; stops and returns its value when that is not 0. Texts live for the call only. */
typedef int flow_run_row_fn(void *data, const struct flow_run *run, struct str flow_name);

MUST_CHECK int store_flow_run_list(struct db *db, const struct flow_run_query *query, flow_run_row_fn *each, void *data,
                                   struct problem *problem);

/* *inserted is false when the flow has a run with that idempotency key, or the id is taken. */
MUST_CHECK int store_flow_run_insert(struct db *db, const struct flow_run *run, bool *inserted,
                                     struct problem *problem);
MUST_CHECK int store_flow_run_update(struct db *db, const struct flow_run *run, struct problem *problem);

/* WEIR_ENOTFOUND, with the problem. */
MUST_CHECK int store_flow_run_find(struct db *db, struct uuid id, struct arena *arena, struct flow_run *out,
                                   struct problem *problem);
MUST_CHECK int store_flow_run_find_key(struct db *db, struct uuid flow_id, struct str idempotency_key,
                                       struct arena *arena, struct flow_run *out, struct problem *problem);

/* At most so many runs with an id from first to last, ascending, or with a name, the newest first. Returns the count. */
MUST_CHECK int store_flow_run_candidates(struct db *db, struct uuid first, struct uuid last, struct arena *arena,
                                         struct run_candidate *out, int64_t limit, struct problem *problem);
MUST_CHECK int store_flow_run_named(struct db *db, struct str name, struct arena *arena, struct run_candidate *out,
                                    int64_t limit, struct problem *problem);

/* The newest run of a program that has not ended and is older than `before` (nil: the newest of all). WEIR_ENOTFOUND. */
MUST_CHECK int store_flow_run_of_program(struct db *db, struct uuid program_id, struct uuid before, struct arena *arena,
                                         struct flow_run *out, struct problem *problem);

/* Take the run out, with its last state. */
MUST_CHECK int store_flow_run_delete(struct db *db, struct uuid id, struct problem *problem);

/* Cut the link of subflows to the task run that stands for them. */
MUST_CHECK int store_flow_run_orphan(struct db *db, struct uuid parent_task_run_id, struct problem *problem);

#endif
