/* SPDX-License-Identifier: Apache-2.0 */
/* view.h - what the `inspect` commands share: a record as lines of name and value, by its field table. */
#ifndef WEIR_CLI_VIEW_H
#define WEIR_CLI_VIEW_H

#include "cli/cli.h"
#include "core/core.h"

/* "Flow run 'calm-otter'", in bold. */
void view_title(struct cli *cli, const char *noun, struct str name);

/* A heading further down, after an empty line. */
void view_heading(struct cli *cli, const char *title);

/* One line; nothing when the value is empty. Control characters are made visible, line breaks are indented. */
void view_line(struct cli *cli, const char *label, struct str value, enum style style);

/* The present state, and its message. */
void view_state(struct cli *cli, const struct state *state);

/* A line for each field of the record that has a value that says anything (no "{}", "[]", false). Fields named in
   hidden, which ends with NULL, are left out. */
void view_fields(struct cli *cli, const struct field_table *table, const void *record, const char *const *hidden);

/* The states that a run has gone through: a table, filled by the callback of flow_run_states. */
typedef int states_fn(struct db *db, struct uuid run_id, state_row_fn *each, void *data, struct problem *problem);
MUST_CHECK int view_states(struct cli *cli, struct db *db, states_fn *states, struct uuid run_id,
                           struct problem *problem);

/* The same as JSON: "states": [...], into the object that is open. */
MUST_CHECK int view_states_json(struct json_writer *writer, struct db *db, states_fn *states, struct uuid run_id,
                                struct problem *problem);

#endif
