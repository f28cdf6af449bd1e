/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_json.h"

struct json_writer *json_list_item(struct json_list *list)
{
	output_puts(list->output, list->count++ ? ",\n" : "[\n");
	json_writer_init(&list->writer, &list->output->buffer);
	return &list->writer;
}

void json_list_finish(struct json_list *list)
{
	output_puts(list->output, list->count ? "\n]\n" : "[]\n");
}

/* "state" holds the whole state with all its details, as in the API. */
static void write_state(struct json_writer *writer, const struct state *state)
{
	AUTO(arena_done) struct arena scratch = { 0 };

	json_key(writer, "state");
	if (state->type == STATE_NONE)
		json_none(writer);
	else
		state_write(&scratch, state, writer);
}

/* What the API works out when it is asked: how long a run has been running, how late it is. In seconds. */
static void write_estimates(struct json_writer *writer, int64_t run_time_us, int64_t start_delta_us)
{
	json_key(writer, "estimated_run_time");
	json_double(writer, (double)run_time_us / 1e6);
	json_key(writer, "estimated_start_time_delta");
	json_double(writer, (double)start_delta_us / 1e6);
}

void flow_run_write(struct json_writer *writer, const struct flow_run *run, const struct state *state, int64_t now_us)
{
	fields_write(&flow_run_fields, run, writer);
	write_state(writer, state);
	write_estimates(writer,
	                estimated_run_time_us(run->total_run_time, run->state_type, run->state_timestamp, now_us),
	                estimated_start_delta_us(run->expected_start_time, run->start_time, run->state_type, now_us));
}

void task_run_write(struct json_writer *writer, const struct task_run *run, const struct state *state, int64_t now_us)
{
	fields_write(&task_run_fields, run, writer);
	write_state(writer, state);
	write_estimates(writer,
	                estimated_run_time_us(run->total_run_time, run->state_type, run->state_timestamp, now_us),
	                estimated_start_delta_us(run->expected_start_time, run->start_time, run->state_type, now_us));
}
