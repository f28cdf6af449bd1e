/* SPDX-License-Identifier: Apache-2.0 */
#include "model/state.h"

const char *const state_type_names[STATE_TYPE_COUNT + 1] = {
	[STATE_NONE] = NULL,
	[STATE_SCHEDULED] = "SCHEDULED",
	[STATE_PENDING] = "PENDING",
	[STATE_RUNNING] = "RUNNING",
	[STATE_COMPLETED] = "COMPLETED",
	[STATE_FAILED] = "FAILED",
	[STATE_CANCELLED] = "CANCELLED",
	[STATE_CRASHED] = "CRASHED",
	[STATE_PAUSED] = "PAUSED",
	[STATE_CANCELLING] = "CANCELLING",
};

static const char *const titles[STATE_TYPE_COUNT] = {
	[STATE_NONE] = "None",           [STATE_SCHEDULED] = "Scheduled",
	[STATE_PENDING] = "Pending",     [STATE_RUNNING] = "Running",
	[STATE_COMPLETED] = "Completed", [STATE_FAILED] = "Failed",
	[STATE_CANCELLED] = "Cancelled", [STATE_CRASHED] = "Crashed",
	[STATE_PAUSED] = "Paused",       [STATE_CANCELLING] = "Cancelling",
};

const char *state_type_title(enum state_type type)
{
	ASSERT(type >= 0 && type < STATE_TYPE_COUNT);
	return titles[type];
}

bool state_type_is_terminal(enum state_type type)
{
	return type == STATE_COMPLETED || type == STATE_FAILED || type == STATE_CANCELLED || type == STATE_CRASHED;
}

#define DETAIL(member, kind, ...) FIELD(struct state_details, member, kind, __VA_ARGS__)

static const struct field detail_rows[] = {
	DETAIL(flow_run_id, FIELD_UUID, .help = "the flow run that the state belongs to"),
	DETAIL(task_run_id, FIELD_UUID, .help = "the task run that the state belongs to"),
	DETAIL(child_flow_run_id, FIELD_UUID, .help = "on a subflow's task run: the subflow's run"),
	DETAIL(scheduled_time, FIELD_TIMESTAMP, .help = "not to run before"),
	DETAIL(cache_key, FIELD_TEXT, .help = "under which the result is reused"),
	DETAIL(cache_expiration, FIELD_TIMESTAMP, .help = "when the cached result expires"),
	DETAIL(deferred, FIELD_BOOLEAN, .fallback = "false", .help = "a background task, run by a task worker"),
	DETAIL(untrackable_result, FIELD_BOOLEAN, .fallback = "false",
	       .help = "the result can't be traced to its users"),
	DETAIL(pause_timeout, FIELD_TIMESTAMP, .help = "when a pause ends as a failure"),
	DETAIL(pause_reschedule, FIELD_BOOLEAN, .fallback = "false",
	       .help = "a suspension: resuming schedules the run anew"),
	DETAIL(pause_key, FIELD_TEXT, .help = "a pause with this key fires once"),
	DETAIL(run_input_keyset, FIELD_JSON, .flags = FIELD_OBJECT, .help = "keys of the input that a pause waits for"),
	DETAIL(refresh_cache, FIELD_JSON, .help = "compute anew although a cached result is there"),
	DETAIL(retriable, FIELD_JSON, .help = "false: not to be retried"),
	DETAIL(transition_id, FIELD_UUID, .help = "of the client's transition, to notice repetitions"),
	DETAIL(task_parameters_id, FIELD_UUID, .help = "where a background task's parameters are stored"),
	DETAIL(traceparent, FIELD_TEXT, .help = "W3C trace context"),
	DETAIL(deployment_concurrency_lease_id, FIELD_UUID, .help = "the lease on a slot of the deployment's limit"),
};

const struct field_table state_details_fields = {
	.name = "state_details",
	.fields = detail_rows,
	.count = ARRAY_LENGTH(detail_rows),
	.record_size = sizeof(struct state_details),
};

#define STATE(member, kind, ...) FIELD(struct state, member, kind, __VA_ARGS__)

static const struct field state_rows[] = {
	STATE(id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "of the state"),
	STATE(run_id, FIELD_UUID, .flags = FIELD_NO_JSON, .help = "of the run"),
	STATE(type, FIELD_ENUM, .flags = FIELD_REQUIRED | FIELD_NOT_NULL, .names = state_type_names,
	      .help = "what it has come to"),
	STATE(name, FIELD_TEXT, .help = "finer than the type, free text"),
	STATE(timestamp, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when the state was entered"),
	STATE(message, FIELD_TEXT, .help = "why, for people"),
	STATE(data, FIELD_JSON, .help = "the reference to the result"),
	STATE(details, FIELD_JSON, .flags = FIELD_OBJECT | FIELD_NO_JSON, .fallback = "{}",
	      .help = "state_details, compact"),
};

const struct field_table flow_run_state_fields = {
	.name = "flow_run_state",
	.fields = state_rows,
	.count = ARRAY_LENGTH(state_rows),
	.record_size = sizeof(struct state),
};

const struct field_table task_run_state_fields = {
	.name = "task_run_state",
	.fields = state_rows,
	.count = ARRAY_LENGTH(state_rows),
	.record_size = sizeof(struct state),
};

bool state_has_persisted_data(const struct state *state)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	const struct json *data, *type;

	if (!state->data.data || str_is(state->data, "null"))
		return false;
	if (json_read(&scratch, state->data, JSON_ALLOW_NAN, &data, NULL, NULL) < 0)
		return false;
	if (!json_is(data, JSON_TYPE_OBJECT) || data->count == 0)
		return false;
	type = json_get(data, "type");
	return !(json_is(type, JSON_TYPE_STRING) && str_is(json_text(&scratch, type), "unpersisted"));
}

int state_details_read(struct arena *arena, struct str text, struct state_details *out, struct problem *problem)
{
	const struct json *object;
	int result;

	fields_init(&state_details_fields, out);
	if (!text.data || str_is(text, "{}"))
		return 0;
	result = json_read(arena, text, JSON_ALLOW_NAN, &object, NULL, problem);
	if (result < 0)
		return result;
	return fields_read(&state_details_fields, arena, object, out, NULL, false, problem);
}

struct str state_details_text(struct arena *arena, const struct state_details *details)
{
	AUTO(strbuf_done) struct strbuf buffer = { 0 };
	struct json_writer writer;

	json_writer_init(&writer, &buffer);
	json_begin_object(&writer);
	fields_write_compact(&state_details_fields, details, &writer);
	json_end_object(&writer);
	return arena_str(arena, strbuf_str(&buffer));
}

void state_write(struct arena *arena, const struct state *state, struct json_writer *writer)
{
	struct state_details details;
	struct problem problem;
	int result = state_details_read(arena, state->details, &details, &problem);

	ASSERT(result == 0);
	json_begin_object(writer);
	fields_write(&flow_run_state_fields, state, writer);
	json_key(writer, "state_details");
	json_begin_object(writer);
	fields_write(&state_details_fields, &details, writer);
	json_end_object(writer);
	json_end_object(writer);
}

int state_read(struct arena *arena, const struct json *object, struct state *out, struct problem *problem)
{
	const struct json *details;
	struct state_details checked;
	int result;

	fields_init(&flow_run_state_fields, out);
	result = fields_read(&flow_run_state_fields, arena, object, out, NULL, false, problem);
	if (result < 0)
		return result;
	if (!out->name.data)
		out->name = str_of(state_type_title(out->type));
	details = json_get(object, "state_details");
	if (json_is_none(details))
		return 0;
	fields_init(&state_details_fields, &checked);
	result = fields_read(&state_details_fields, arena, details, &checked, NULL, false, problem);
	if (result < 0)
		return result;
	out->details = state_details_text(arena, &checked);
	return 0;
}
