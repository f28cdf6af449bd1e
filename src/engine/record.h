/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - what becomes of runs, written to the store. Task runs are orchestrated by the engine and recorded in order,
 * without waiting; a flow run's states are proposed to the rules in the store, and its final state is confirmed after all
 * states that were queued before it.
 */
#ifndef WEIR_ENGINE_RECORD_H
#define WEIR_ENGINE_RECORD_H

#include "engine/run.h"

/* --- Task runs (record_task.c) --- */

/* Fill the row of a new task run. inputs is JSON text in the run's arena. */
void record_task_begin(weir_future *run, const char *name, struct str inputs, const char *const *more_tags);

/* The run enters a state: bookkeeping, and on its way to the store. */
void record_task_state(weir_future *run, const struct new_state *new_state);

/* A completed task run was undone: one more state is recorded, Completed under the name RolledBack. The run has ended, so its
   card is brought along. */
void record_task_rolled_back(weir_future *run, struct run_card *card);

/* A coroutine that makes runs faster than the store takes them waits here; a thread does so when it submits. */
void record_make_room(weir_run *attempt);

/* The flags of a job that this thread submits to record a state. */
unsigned record_flags(void);

/* JSON texts of a run's policy and tags. */
struct str record_policy(struct arena *arena, const struct callable *what);
struct str record_tags(struct arena *arena, const struct callable *what, const char *const *more);

/* --- Flow runs (record_flow.c) --- */

/* Make the flow, the flow run (Pending, then Running) and, of a subflow, its parent's task run. Queued. */
void record_flow_begin(weir_future *run, const char *name, struct str inputs);

/* The results that its arguments wait for are there: its name and its parameters. Queued. */
void record_flow_filled(weir_future *run);

/* The flow run begins another attempt: Running under the name Retrying. Queued. */
void record_flow_retry(weir_future *run);

/*
 * The function has returned, to be suspended: pause the run in the store. When the store has confirmed it, the run is over
 * for this program, its view Paused under the name Suspended with the sentence as message; else it fails.
 */
void record_flow_suspend(weir_future *run, const struct pause *pause, const char *sentence);

/*
 * Propose the final state. When the store has confirmed it, the run is completed; when the rules answer with another
 * attempt, the retry timer is started; when the run is being cancelled, it ends as Cancelled. Takes result over.
 */
void record_flow_end(weir_future *run, const struct new_state *new_state, json_t *result);

#endif
