/* SPDX-License-Identifier: Apache-2.0 */
/* state.h - what a run has come to: type, name, message, result reference and details (CONTRACT 3.4). */
#ifndef WEIR_MODEL_STATE_H
#define WEIR_MODEL_STATE_H

#include "base/field.h"

/* Prefect's state types. The order is that of enum weir_state_type in weir.h. */
enum state_type {
	STATE_NONE,
	STATE_SCHEDULED,
	STATE_PENDING,
	STATE_RUNNING,
	STATE_COMPLETED,
	STATE_FAILED,
	STATE_CANCELLED,
	STATE_CRASHED,
	STATE_PAUSED,
	STATE_CANCELLING,
	STATE_TYPE_COUNT,
};

/* "SCHEDULED", … by value; NULL for STATE_NONE; ends with NULL. */
extern const char *const state_type_names[STATE_TYPE_COUNT + 1];

/* "Scheduled", …: the name of a state that was given none. */
const char *state_type_title(enum state_type type);

/* COMPLETED, FAILED, CANCELLED or CRASHED: the run has ended. */
bool state_type_is_terminal(enum state_type type);

/* A set of state types, a bit each, for the rules' tables. */
typedef uint16_t state_set;
#define STATE_BIT(type) ((state_set)(1u << (type)))

/* The 18 keys of state_details. */
struct state_details {
	struct uuid flow_run_id;
	struct uuid task_run_id;
	struct uuid child_flow_run_id;
	int64_t scheduled_time;
	struct str cache_key;
	int64_t cache_expiration;
	bool deferred;
	bool untrackable_result;
	int64_t pause_timeout;
	bool pause_reschedule;
	struct str pause_key;
	struct str run_input_keyset; /* JSON object */
	struct str refresh_cache;    /* JSON true, false or null */
	struct str retriable;        /* JSON true, false or null */
	struct uuid transition_id;
	struct uuid task_parameters_id;
	struct str traceparent;
	struct uuid deployment_concurrency_lease_id;
};

extern const struct field_table state_details_fields;

/* One state of one run. run_id is the flow run's or the task run's. */
struct state {
	struct uuid id;
	struct uuid run_id; /* in the table only */
	enum state_type type;
	struct str name;
	int64_t timestamp; /* microseconds UTC; unique within a flow run */
	struct str message;
	struct str data;    /* JSON: the reference to the result, or null */
	struct str details; /* JSON of state_details, compact: what differs from the defaults */
};

/* The same fields serve both tables. */
extern const struct field_table flow_run_state_fields;
extern const struct field_table task_run_state_fields;

/* Does data refer to a stored result (an object with members that is not {"type": "unpersisted"})? (CONTRACT 5.2, 3) */
bool state_has_persisted_data(const struct state *state);

/* Details between text and struct. Texts of the struct lie in the arena. */
MUST_CHECK int state_details_read(struct arena *arena, struct str json, struct state_details *out,
                                  struct problem *problem);
struct str state_details_text(struct arena *arena, const struct state_details *details);

/* Write the state as the API shows it: all keys, details with their defaults. */
void state_write(struct arena *arena, const struct state *state, struct json_writer *writer);

/* The API's StateCreate ({type, name, message, data, state_details}) as a state without id and time. */
MUST_CHECK int state_read(struct arena *arena, const struct json *object, struct state *out, struct problem *problem);

#endif
