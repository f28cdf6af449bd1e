/* SPDX-License-Identifier: Apache-2.0 */
/* world.h - a store in a folder of its own, for tests of the operations. */
#ifndef WEIR_TESTS_CORE_WORLD_H
#define WEIR_TESTS_CORE_WORLD_H

#include "check.h"
#include "core/core.h"

/* 2026-01-01T00:00:00Z, and a second. */
#define NOW_US INT64_C(1767225600000000)
#define SECOND_US INT64_C(1000000)

struct world {
	char folder[64];
	char path[96];
	struct store *store;
	struct arena arena;     /* for what the tests keep of a transaction */
	struct problem problem; /* of the last job */
};

/* cmocka's setup and teardown: *state is the world. */
int world_setup(void **state);
int world_teardown(void **state);

/* Open the store; called by world_setup with STORE_PROGRAM. */
void world_open(struct world *world, enum store_mode mode);

/* Run a job, which must succeed. */
void world_run(struct world *world, job_fn *run, void *request);

/* A read-only connection until world_reader_done. */
struct db *world_reader(struct world *world);
void world_reader_done(struct world *world, struct db *db);

/* An id with one byte: id(7) is 07000000-0000-0000-0000-000000000000. */
static inline struct uuid id(uint8_t byte)
{
	return (struct uuid){ { byte } };
}

/* --- Operations, each in a job of its own. Results are copied into the world's arena --- */

struct flow world_flow(struct world *world, const char *name);

/* A flow run with its first state. Members of `run` that a caller leaves zero get their defaults. */
struct flow_run world_flow_run(struct world *world, const struct flow_run *run, const struct state *state);

/* The run's row and state as they are stored. */
struct flow_run world_read_run(struct world *world, struct uuid run_id, struct state *state);
struct task_run world_read_task(struct world *world, struct uuid run_id, struct state *state);

struct set_state_result world_set_flow_state(struct world *world, const struct set_state *in);
struct set_state_result world_set_task_state(struct world *world, const struct set_state *in);

/* Record a task run in one state. */
void world_record(struct world *world, const struct task_run *run, const struct state *state);

/* One integer of a query without arguments. */
int64_t world_count(struct world *world, const char *sql);

/* The rows of a query, a line each, columns divided by " | ". In the world's arena. */
const char *world_rows(struct world *world, const char *sql);

#endif
