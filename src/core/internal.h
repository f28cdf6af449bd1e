/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the files of src/core share. */
#ifndef WEIR_CORE_INTERNAL_H
#define WEIR_CORE_INTERNAL_H

#include "core/core.h"
#include "core/limit.h"

/* The text, or another one in place of none. */
static inline struct str str_or(struct str text, struct str otherwise)
{
	return text.data ? text : otherwise;
}

/* A made-up name for a run that has none. */
struct str made_up_name(struct arena *arena, struct uuid run_id);

/*
 * The labels of a run, as JSON (core/labels.c): those inherited from its flow or flow run, the system's own
 * (key: "<id>"), and those that were given; of several with the same name the last of these counts.
 */
MUST_CHECK int labels_merge(struct arena *arena, struct str inherited, const char *key, struct uuid id,
                            struct str given, struct str *out, struct problem *problem);

/* A proposed state as the rules want it: an instant of 0 is none. */
struct state proposed_state(const struct state *given);

/* The state that a run is in. type is STATE_NONE when it has none. */
MUST_CHECK int load_state(struct db *db, enum state_table table, struct uuid run_id, struct uuid state_id,
                          struct arena *arena, struct state *out, struct problem *problem);

/* Append the outbox row of a flow run's new state (CONTRACT 3.15). previous is NULL for the first; parent NULL for none. */
MUST_CHECK int flow_run_state_event(struct tx *tx, const struct flow *flow, const struct flow_run *run,
                                    const struct task_run *parent, const struct state *previous,
                                    const struct state *state);

/* Append the outbox row "prefect.<kind>.<what>" of an object (core/object_event.c). */
MUST_CHECK int object_event(struct tx *tx, const char *kind, struct uuid id, struct str name, const char *what);

/* A limit with its counts as of now: its slots are summed up, or decayed. */
MUST_CHECK int limit_count(struct db *db, struct concurrency_limit *limit, int64_t now_us, struct problem *problem);

/* The limit has changed: give out what is free, in the order of waiting. */
MUST_CHECK int slots_settle(struct tx *tx, struct uuid limit_id);

/* The limit is to be deleted: take its queue apart. Those who wait for nothing else are let go. */
MUST_CHECK int slots_dissolve_queue(struct tx *tx, struct uuid limit_id);

/* Set a state by force, and give the row as it is then. */
MUST_CHECK int task_run_force(struct tx *tx, struct uuid id, const struct state *state, struct task_run *out);

#endif
