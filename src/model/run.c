/* SPDX-License-Identifier: Apache-2.0 */
#include "model/run.h"

#include <math.h>

#define FLOW(member, kind, ...) FIELD(struct flow, member, kind, __VA_ARGS__)

static const struct field flow_rows[] = {
	FLOW(id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "of the flow"),
	FLOW(created, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it was first seen"),
	FLOW(updated, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it was last changed"),
	FLOW(name, FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_NOT_NULL, .help = "unique"),
	FLOW(tags, FIELD_JSON, .flags = FIELD_STRINGS | FIELD_NOT_NULL, .fallback = "[]", .help = "for filters"),
	FLOW(labels, FIELD_JSON, .flags = FIELD_OBJECT, .fallback = "{}",
	     .help = "key to bool, integer, real or string"),
};

const struct field_table flow_fields = {
	.name = "flow",
	.fields = flow_rows,
	.count = ARRAY_LENGTH(flow_rows),
	.record_size = sizeof(struct flow),
};

#define FLOW_RUN(member, kind, ...) FIELD(struct flow_run, member, kind, __VA_ARGS__)

static const struct field flow_run_rows[] = {
	FLOW_RUN(id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "of the run"),
	FLOW_RUN(created, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when the row was made"),
	FLOW_RUN(updated, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when the row was last changed"),
	FLOW_RUN(name, FIELD_TEXT, .help = "for people; made up when absent"),
	FLOW_RUN(flow_id, FIELD_UUID, .flags = FIELD_REQUIRED | FIELD_NOT_NULL, .help = "whose run it is"),
	FLOW_RUN(state_id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "of the present state"),
	FLOW_RUN(state_type, FIELD_ENUM, .flags = FIELD_READ_ONLY, .names = state_type_names,
	         .help = "of the present state"),
	FLOW_RUN(state_name, FIELD_TEXT, .flags = FIELD_READ_ONLY, .help = "of the present state"),
	FLOW_RUN(state_timestamp, FIELD_TIMESTAMP, .flags = FIELD_NO_JSON, .help = "of the present state"),
	FLOW_RUN(deployment_id, FIELD_UUID, .help = "the deployment that made it"),
	FLOW_RUN(deployment_version, FIELD_TEXT, .flags = FIELD_READ_ONLY, .help = "at the time"),
	FLOW_RUN(work_queue_id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "where workers find it"),
	FLOW_RUN(work_queue_name, FIELD_TEXT, .help = "where workers find it"),
	FLOW_RUN(flow_version, FIELD_TEXT, .help = "of the flow's code"),
	FLOW_RUN(parameters, FIELD_JSON, .flags = FIELD_OBJECT | FIELD_NOT_NULL, .fallback = "{}",
	         .help = "arguments by name"),
	FLOW_RUN(idempotency_key, FIELD_TEXT, .help = "a second creation with the same key gives the first run"),
	FLOW_RUN(context, FIELD_JSON, .flags = FIELD_OBJECT | FIELD_NOT_NULL, .fallback = "{}",
	         .help = "free data of the client"),
	FLOW_RUN(empirical_policy, FIELD_JSON, .flags = FIELD_OBJECT | FIELD_NOT_NULL, .fallback = "{}",
	         .help = "retries and pauses"),
	FLOW_RUN(tags, FIELD_JSON, .flags = FIELD_STRINGS | FIELD_NOT_NULL, .fallback = "[]", .help = "for filters"),
	FLOW_RUN(labels, FIELD_JSON, .flags = FIELD_OBJECT, .fallback = "{}",
	         .help = "key to bool, integer, real or string"),
	FLOW_RUN(parent_task_run_id, FIELD_UUID, .help = "of a subflow: the task run that stands for it in the parent"),
	FLOW_RUN(run_count, FIELD_INTEGER, .flags = FIELD_READ_ONLY, .fallback = "0", .help = "attempts begun"),
	FLOW_RUN(expected_start_time, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it was first to start"),
	FLOW_RUN(next_scheduled_start_time, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY,
	         .help = "while SCHEDULED: when it is to start"),
	FLOW_RUN(start_time, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it first ran"),
	FLOW_RUN(end_time, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it ended"),
	FLOW_RUN(total_run_time, FIELD_DURATION, .flags = FIELD_READ_ONLY, .fallback = "0.0",
	         .help = "completed stretches of RUNNING"),
	FLOW_RUN(auto_scheduled, FIELD_BOOLEAN, .flags = FIELD_READ_ONLY, .fallback = "false",
	         .help = "made by a schedule"),
	FLOW_RUN(infrastructure_document_id, FIELD_UUID, .help = "kept for old clients"),
	FLOW_RUN(infrastructure_pid, FIELD_TEXT, .help = "host:pid, or what the worker calls it"),
	FLOW_RUN(job_variables, FIELD_JSON, .flags = FIELD_OBJECT, .help = "overrides of the work pool's template"),
	FLOW_RUN(created_by, FIELD_JSON, .flags = FIELD_OBJECT | FIELD_READ_ONLY,
	         .help = "the schedule or automation that made it"),
	FLOW_RUN(program_id, FIELD_UUID, .flags = FIELD_NO_JSON, .help = "the embedded program that runs it"),
};

const struct field_table flow_run_fields = {
	.name = "flow_run",
	.fields = flow_run_rows,
	.count = ARRAY_LENGTH(flow_run_rows),
	.record_size = sizeof(struct flow_run),
};

#define TASK_RUN(member, kind, ...) FIELD(struct task_run, member, kind, __VA_ARGS__)

static const struct field task_run_rows[] = {
	TASK_RUN(id, FIELD_UUID, .help = "of the run; clients may choose it"),
	TASK_RUN(created, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when the row was made"),
	TASK_RUN(updated, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when the row was last changed"),
	TASK_RUN(name, FIELD_TEXT, .help = "for people"),
	TASK_RUN(flow_run_id, FIELD_UUID, .help = "the run that called it; null for background tasks"),
	TASK_RUN(task_key, FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_NOT_NULL, .help = "which task"),
	TASK_RUN(dynamic_key, FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_NOT_NULL, .help = "which call of it"),
	TASK_RUN(cache_key, FIELD_TEXT, .help = "under which the result is reused"),
	TASK_RUN(cache_expiration, FIELD_TIMESTAMP, .help = "when the cached result expires"),
	TASK_RUN(task_version, FIELD_TEXT, .help = "of the task's code"),
	TASK_RUN(empirical_policy, FIELD_JSON, .flags = FIELD_OBJECT | FIELD_NOT_NULL, .fallback = "{}",
	         .help = "retries"),
	TASK_RUN(tags, FIELD_JSON, .flags = FIELD_STRINGS | FIELD_NOT_NULL, .fallback = "[]",
	         .help = "for filters and limits"),
	TASK_RUN(labels, FIELD_JSON, .flags = FIELD_OBJECT, .fallback = "{}",
	         .help = "key to bool, integer, real or string"),
	TASK_RUN(state_id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "of the present state"),
	TASK_RUN(state_type, FIELD_ENUM, .flags = FIELD_READ_ONLY, .names = state_type_names,
	         .help = "of the present state"),
	TASK_RUN(state_name, FIELD_TEXT, .flags = FIELD_READ_ONLY, .help = "of the present state"),
	TASK_RUN(state_timestamp, FIELD_TIMESTAMP, .flags = FIELD_NO_JSON, .help = "of the present state"),
	TASK_RUN(task_inputs, FIELD_JSON, .flags = FIELD_OBJECT | FIELD_NOT_NULL, .fallback = "{}",
	         .help = "which runs each argument came from"),
	TASK_RUN(run_count, FIELD_INTEGER, .flags = FIELD_READ_ONLY, .fallback = "0", .help = "attempts begun"),
	TASK_RUN(flow_run_run_count, FIELD_INTEGER, .flags = FIELD_READ_ONLY, .fallback = "0",
	         .help = "the flow run's attempt in which it last began"),
	TASK_RUN(expected_start_time, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it was first to start"),
	TASK_RUN(next_scheduled_start_time, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY,
	         .help = "while SCHEDULED: when it is to start"),
	TASK_RUN(start_time, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it first ran"),
	TASK_RUN(end_time, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it ended"),
	TASK_RUN(total_run_time, FIELD_DURATION, .flags = FIELD_READ_ONLY, .fallback = "0.0",
	         .help = "completed stretches of RUNNING"),
};

const struct field_table task_run_fields = {
	.name = "task_run",
	.fields = task_run_rows,
	.count = ARRAY_LENGTH(task_run_rows),
	.record_size = sizeof(struct task_run),
};

#define POLICY(member, kind, ...) FIELD(struct run_policy, member, kind, __VA_ARGS__)

static const struct field policy_rows[] = {
	POLICY(max_retries, FIELD_INTEGER, .fallback = "0", .help = "deprecated: retries"),
	POLICY(retry_delay_seconds, FIELD_REAL, .fallback = "0.0", .help = "deprecated: retry_delay"),
	POLICY(retries, FIELD_INTEGER, .help = "further attempts after a failure"),
	POLICY(retry_delay, FIELD_JSON, .help = "seconds before a retry, or a list of them"),
	POLICY(retry_jitter_factor, FIELD_REAL, .help = "spread of the delay: up to (1 + factor) times"),
	POLICY(pause_keys, FIELD_JSON, .flags = FIELD_STRINGS, .help = "pauses that have fired"),
	POLICY(resuming, FIELD_BOOLEAN, .fallback = "false", .help = "the next RUNNING continues an attempt"),
	POLICY(retry_type, FIELD_TEXT, .help = "in_process or reschedule"),
};

const struct field_table run_policy_fields = {
	.name = "empirical_policy",
	.fields = policy_rows,
	.count = ARRAY_LENGTH(policy_rows),
	.record_size = sizeof(struct run_policy),
};

int run_policy_read(struct arena *arena, struct str text, struct run_policy *out, struct problem *problem)
{
	const struct json *object;
	int result;

	fields_init(&run_policy_fields, out);
	if (!text.data || str_is(text, "{}"))
		return 0;
	result = json_read(arena, text, JSON_ALLOW_NAN, &object, NULL, problem);
	if (result < 0)
		return result;
	return fields_read(&run_policy_fields, arena, object, out, NULL, false, problem);
}

struct str run_policy_text(struct arena *arena, const struct run_policy *policy)
{
	AUTO(strbuf_done) struct strbuf buffer = { 0 };
	struct json_writer writer;

	json_writer_init(&writer, &buffer);
	json_begin_object(&writer);
	fields_write_compact(&run_policy_fields, policy, &writer);
	json_end_object(&writer);
	return arena_str(arena, strbuf_str(&buffer));
}

#define LOG(member, kind, ...) FIELD(struct log_line, member, kind, __VA_ARGS__)

static const struct field log_rows[] = {
	LOG(id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "of the line; ascends with its making"),
	LOG(created, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it was stored"),
	LOG(name, FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_NOT_NULL, .help = "the logger"),
	LOG(level, FIELD_INTEGER, .flags = FIELD_REQUIRED | FIELD_NOT_NULL, .help = "20 is INFO, 40 is ERROR"),
	LOG(message, FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_NOT_NULL, .help = "the text"),
	LOG(timestamp, FIELD_TIMESTAMP, .flags = FIELD_REQUIRED | FIELD_NOT_NULL, .help = "when it was said"),
	LOG(flow_run_id, FIELD_UUID, .help = "whose line it is"),
	LOG(task_run_id, FIELD_UUID, .help = "whose line it is"),
};

const struct field_table log_fields = {
	.name = "log",
	.fields = log_rows,
	.count = ARRAY_LENGTH(log_rows),
	.record_size = sizeof(struct log_line),
};

#define EVENT(member, kind, ...) FIELD(struct event, member, kind, __VA_ARGS__)

static const struct field event_rows[] = {
	EVENT(sequence, FIELD_INTEGER, .flags = FIELD_NO_JSON | FIELD_READ_ONLY, .help = "order of the commits"),
	EVENT(id, FIELD_UUID, .help = "of the event; of a state event: the state's"),
	EVENT(occurred, FIELD_TIMESTAMP, .flags = FIELD_REQUIRED | FIELD_NOT_NULL, .help = "when it happened"),
	EVENT(event, FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_NOT_NULL, .help = "what happened"),
	EVENT(resource, FIELD_JSON, .flags = FIELD_REQUIRED | FIELD_NOT_NULL | FIELD_OBJECT, .help = "to what"),
	EVENT(related, FIELD_JSON, .flags = FIELD_NOT_NULL | FIELD_ARRAY, .fallback = "[]",
	      .help = "what else has to do with it"),
	EVENT(payload, FIELD_JSON, .flags = FIELD_NOT_NULL | FIELD_OBJECT, .fallback = "{}", .help = "more about it"),
	EVENT(follows, FIELD_UUID, .help = "the event that must be seen before"),
};

const struct field_table event_fields = {
	.name = "event",
	.fields = event_rows,
	.count = ARRAY_LENGTH(event_rows),
	.record_size = sizeof(struct event),
};

int64_t estimated_run_time_us(int64_t total_us, enum state_type type, int64_t state_timestamp, int64_t now_us)
{
	if (type != STATE_RUNNING || state_timestamp == TIMESTAMP_NONE)
		return total_us;
	return total_us + MAX(now_us - state_timestamp, INT64_C(0));
}

int64_t estimated_start_delta_us(int64_t expected, int64_t start, enum state_type type, int64_t now_us)
{
	if (expected == TIMESTAMP_NONE)
		return 0;
	if (start != TIMESTAMP_NONE)
		return MAX(start - expected, INT64_C(0));
	if (expected < now_us && !state_type_is_terminal(type))
		return now_us - expected;
	return 0;
}
