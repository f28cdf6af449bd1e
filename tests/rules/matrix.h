/* SPDX-License-Identifier: Apache-2.0 */
/*
 * matrix.h - repeat the measurement of tests/data/orchestration.csv on something that orchestrates: the pure rules, or
 * the operations on a store. For each row a fresh run is created in the state `from` (a state with result data by way of
 * Running and a forced transition, as it was measured), then the state `to` is proposed without force, and every column
 * is compared.
 */
#ifndef WEIR_TESTS_RULES_MATRIX_H
#define WEIR_TESTS_RULES_MATRIX_H

#include "model/run.h"
#include "rules/transition.h"

enum { MATRIX_ROWS = 1328 };

/* What a kind of run in the table means. */
struct matrix_kind {
	const char *name;
	bool is_task;
	bool has_deployment;
	int64_t retries;    /* 0: no policy */
	const char *pid;    /* infrastructure_pid, set after creation */
	const char *parent; /* of a task run: the label of its flow run's state; NULL: no flow run */
};

/* The columns of a run that the table shows. */
struct matrix_run {
	struct uuid id;
	enum state_type state_type;
	struct str state_name;
	int64_t run_count;
	int64_t start_time, end_time, expected_start_time, next_scheduled_start_time;
	struct str empirical_policy;
};

struct matrix_answer {
	struct verdict verdict;
	enum state_type state_type; /* of the state that the answer carries */
	struct str state_name;
};

/* What is measured. Texts are in the arena. */
struct matrix_subject {
	/* Make a run in a state (type STATE_NONE: creation without a state); parent is nil for none. */
	struct uuid (*create)(void *world, struct arena *arena, const struct matrix_kind *kind, struct uuid parent,
	                      const struct state *state);
	void (*set_state)(void *world, struct arena *arena, const struct matrix_kind *kind, struct uuid id,
	                  const struct state *state, bool force, struct matrix_answer *answer);
	void (*read)(void *world, struct arena *arena, const struct matrix_kind *kind, struct uuid id,
	             struct matrix_run *run);
	int64_t (*now_us)(void *world);
	void *world;
};

/* Compare all rows; prints each that differs. Returns how many differ; *rows is how many there were. */
size_t matrix_compare(const struct matrix_subject *subject, size_t *rows);

#endif
