/* SPDX-License-Identifier: Apache-2.0 */
/* state.h - the rows of states: what flow runs and task runs have been through. */
#ifndef WEIR_STORE_STATE_H
#define WEIR_STORE_STATE_H

#include "model/state.h"
#include "store/db.h"

/* Which of the two tables. */
enum state_table { FLOW_RUN_STATES, TASK_RUN_STATES };

/* Called for each row in order; stops and returns its value when that is not 0. Texts live for the call only. */
typedef int state_row_fn(void *data, const struct state *state);

/* A state that the run has already (by id) is left as it is. */
MUST_CHECK int store_state_insert(struct db *db, enum state_table table, const struct state *state,
                                  struct problem *problem);

/* WEIR_ENOTFOUND, with the problem. */
MUST_CHECK int store_state_find(struct db *db, enum state_table table, struct uuid run_id, struct uuid id,
                                struct arena *arena, struct state *out, struct problem *problem);

/* The states of a run in the order of their timestamps, then of their ids. */
MUST_CHECK int store_state_list(struct db *db, enum state_table table, struct uuid run_id, state_row_fn *each,
                                void *data, struct problem *problem);

/* The instants of a flow run's states from `from_us` on, ascending, in the arena. Returns how many. */
MUST_CHECK int store_state_timestamps(struct db *db, struct uuid flow_run_id, int64_t from_us, struct arena *arena,
                                      const int64_t **out, struct problem *problem);

/* Take out at most `limit` states of a run, but not its present one. Returns how many there were. */
MUST_CHECK int store_state_delete(struct db *db, enum state_table table, struct uuid run_id, int64_t limit,
                                  struct problem *problem);

#endif
