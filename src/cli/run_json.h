/* SPDX-License-Identifier: Apache-2.0 */
/* run_json.h - what --output json prints: objects with the field names of the Prefect API. */
#ifndef WEIR_CLI_RUN_JSON_H
#define WEIR_CLI_RUN_JSON_H

#include "cli/cli.h"
#include "core/core.h"

/* An array on standard output, an element on each line. All zero but the output is a valid start. */
struct json_list {
	struct output *output;
	struct json_writer writer;
	size_t count;
};

/* Begin an element: write one value with the writer that it returns. */
struct json_writer *json_list_item(struct json_list *list);

/* End the array, which may be empty. */
void json_list_finish(struct json_list *list);

/* The members of the API's objects, into the object that is open: the fields, "state", the estimates. A state of type
   STATE_NONE is null. */
void flow_run_write(struct json_writer *writer, const struct flow_run *run, const struct state *state, int64_t now_us);
void task_run_write(struct json_writer *writer, const struct task_run *run, const struct state *state, int64_t now_us);

#endif
