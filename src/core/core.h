/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core.h - the operations on Weir's nouns. Each is one function: it loads what it needs, asks the rules, and writes
 * state, run and outbox row in the transaction it is given. The engine, the CLI and the API call these, nobody else
 * writes these tables.
 *
 * Texts that come out lie in tx->arena (or the given arena).
 */
#ifndef WEIR_CORE_CORE_H
#define WEIR_CORE_CORE_H

#include "model/run.h"
#include "rules/transition.h"
#include "store/flow.h"
#include "store/flow_run.h"
#include "store/log.h"
#include "store/state.h"
#include "store/store.h"
#include "store/task_run.h"

/* --- Flows (core/flow.c) --- */

/* The flow of that name, made when there is none. *created may be NULL. Tags and labels only count when it is made. */
MUST_CHECK int flow_ensure(struct tx *tx, struct str name, struct str tags, struct str labels, struct flow *out,
                           bool *created);

/* The queries and the callbacks of lists are those of store/flow.h and its like. */
MUST_CHECK int flow_list(struct db *db, const struct flow_query *query, flow_row_fn *each, void *data,
                         struct problem *problem);

/* --- Flow runs (core/flow_run.c) --- */

/* The label that tells how many children of a flow run may run at a time: an integer. */
#define FLOW_RUN_MAX_PARALLEL_LABEL "weir.max_parallel"

struct flow_run_create {
	/* nil id: one is made; no name: a random adjective-animal. Its state, counts and times are not looked at. */
	struct flow_run run;
	const struct state *state; /* NULL: Pending */
};

/* Insert with its first state, forced under the minimal policy (CONTRACT 3.3). *existed (may be NULL) tells that the
   idempotency key gave an earlier run, which out then is. */
MUST_CHECK int flow_run_create(struct tx *tx, const struct flow_run_create *in, struct flow_run *out, bool *existed);

/* A run whose arguments were not known when it was made gets its name and its parameters (a JSON object). WEIR_ENOTFOUND. */
MUST_CHECK int flow_run_fill(struct tx *tx, struct uuid id, struct str name, struct str parameters);

struct set_state {
	struct uuid run_id;
	struct state proposed; /* id nil: one is made; timestamp TIMESTAMP_NONE or 0: tx->now_us; name null: by type */
	bool force;
	struct client_facts client;
};

struct set_state_result {
	struct verdict verdict;
	struct state state; /* the run's state afterwards */
	bool has_state;
};

/* Ask the rules, and write what they say. 0 also for REJECT, ABORT and WAIT: look at the verdict. WEIR_ENOTFOUND. */
MUST_CHECK int flow_run_set_state(struct tx *tx, const struct set_state *in, struct set_state_result *out);

/* Delete the run with its states, task runs, their states, logs and subflows' parent links. Goes on by EAGAIN. */
MUST_CHECK int flow_run_delete(struct tx *tx, struct uuid id);

/*
 * Mark every unfinished run of a dead program Crashed, newest first, and its unfinished task runs, with the reason as
 * message. Those that were being cancelled become Cancelled; suspended ones are left to be resumed. Slots of limits that the
 * program held are given to others. Goes on by EAGAIN, with the job's cursor; *count is the number of flow runs that all
 * steps so far have marked.
 */
MUST_CHECK int program_runs_crash(struct tx *tx, struct uuid program_id, struct str reason, int64_t *count);

MUST_CHECK int flow_run_list(struct db *db, const struct flow_run_query *query, flow_run_row_fn *each, void *data,
                             struct problem *problem);

/* Load one with its state (state->type is STATE_NONE when it has none). WEIR_ENOTFOUND. */
MUST_CHECK int flow_run_get(struct db *db, struct uuid id, struct arena *arena, struct flow_run *run,
                            struct state *state, struct problem *problem);

/* A run by id, by an unambiguous prefix of at least four characters of its id, or by name (the newest). WEIR_ENOTFOUND,
   WEIR_ECONFLICT when ambiguous, naming the candidates. */
MUST_CHECK int flow_run_resolve(struct db *db, struct str text, struct uuid *out, struct problem *problem);
MUST_CHECK int task_run_resolve(struct db *db, struct str text, struct uuid *out, struct problem *problem);

/* --- Task runs (core/task_run.c) --- */

struct task_run_create {
	struct task_run run;       /* as in flow_run_create */
	const struct state *state; /* NULL: Pending */
};

MUST_CHECK int task_run_create(struct tx *tx, const struct task_run_create *in, struct task_run *out, bool *existed);
MUST_CHECK int task_run_set_state(struct tx *tx, const struct set_state *in, struct set_state_result *out);

/*
 * Record what a client has orchestrated itself (CONTRACT 3.16): upsert the row, which holds the newest state's fields,
 * and insert each state once. A stored row with a later state_timestamp keeps its fields. No rule runs. The states are in
 * order; the row's state_* fields are set from the last one. The row's other fields are used as given: start from
 * fields_init. run->id becomes that of the stored row, when there was one with its keys; states' run_id is not looked at.
 */
MUST_CHECK int task_run_record(struct tx *tx, struct task_run *run, const struct state *states, size_t count);

MUST_CHECK int task_run_list(struct db *db, const struct task_run_query *query, task_run_row_fn *each, void *data,
                             struct problem *problem);
MUST_CHECK int task_run_get(struct db *db, struct uuid id, struct arena *arena, struct task_run *run,
                            struct state *state, struct problem *problem);

/* --- States and logs (core/state.c, core/log.c) --- */

MUST_CHECK int flow_run_states(struct db *db, struct uuid flow_run_id, state_row_fn *each, void *data,
                               struct problem *problem);
MUST_CHECK int task_run_states(struct db *db, struct uuid task_run_id, state_row_fn *each, void *data,
                               struct problem *problem);

/* Insert; lines without id get one. NUL bytes are taken out of messages (CONTRACT 3.17). */
MUST_CHECK int logs_append(struct tx *tx, struct log_line *lines, size_t count);

MUST_CHECK int log_list(struct db *db, const struct log_query *query, log_row_fn *each, void *data,
                        struct problem *problem);

/* --- Checkpoints (core/checkpoint.c) --- */

struct checkpoint {
	struct uuid flow_run_id;
	struct str key;
	struct str value; /* JSON */
};

/* Keep a value of a flow run under a key, in the place of what was there. WEIR_ENOTFOUND when there is no such run. */
MUST_CHECK int checkpoint_set(struct tx *tx, const struct checkpoint *in);

/* Read it: the value lies in tx->arena, and is STR_NULL when there is none. */
MUST_CHECK int checkpoint_get(struct tx *tx, struct checkpoint *in_out);

/* --- Why (core/why.c) --- */

/*
 * Explain a run as JSON: {"run": {...}, "state": {...}, "answer": "one sentence", "because": [{"cause": "...",
 * "since": "...", "detail": {...}}, ...], "next": "what happens next, or what to do"}. Covers every state: what it waits
 * for (a time, a retry, its upstream, a program that is gone, children), how it ended (the failing task and its message,
 * exit code or signal, the last log lines), who cancelled it, how often it was tried.
 */
MUST_CHECK int why_run(struct store *store, struct db *db, struct uuid id, struct strbuf *json,
                       struct problem *problem);

#endif
