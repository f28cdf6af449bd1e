/* SPDX-License-Identifier: Apache-2.0 */
/* What a run's state is owed to: other runs, earlier attempts, people, and what it said itself. */
#include "core/internal.h"
#include "core/pause.h"
#include "core/why.h"
#include "rules/run_input.h"

enum { RUNS_SHOWN = 5, FAILURES_SHOWN = 5, LINES_SHOWN = 5 };

static int load_task(struct why *why, struct uuid id, struct task_run *run, struct state *state)
{
	int result = task_run_get(why->db, id, why->arena, run, state, why->problem);

	/* A run that was deleted meanwhile explains nothing. */
	if (result < 0 && result != WEIR_ENOTFOUND)
		why->error = result;
	return result;
}

static void write_task(struct why *why, const struct task_run *run, const struct state *state)
{
	why_detail_id(why, "task_run_id", run->id);
	why_detail(why, "state", run->state_name);
	why_detail_integer(why, "run_count", run->run_count);
	why_detail(why, "message", state->message);
}

/* --- Upstream --- */

/* The id of a task run in an element of task_inputs: {"input_type": "task_run", "id": "…"}. */
static bool input_id(struct arena *arena, const struct json *input, struct uuid *id)
{
	return str_is(json_text(arena, json_get(input, "input_type")), "task_run") &&
	       uuid_parse(json_text(arena, json_get(input, "id")), id);
}

/* Returns whether it is one that is still waited for, or that will never come. */
static bool explain_input(struct why *why, struct str argument, const struct json *input)
{
	struct task_run run;
	struct state state;
	struct uuid id;

	if (why->error < 0 || !input_id(why->arena, input, &id) || load_task(why, id, &run, &state) < 0 ||
	    run.state_type == STATE_COMPLETED)
		return false;
	why_cause_begin(why, state.timestamp, "task run '%.*s' is %.*s", STR_ARG(run.name), STR_ARG(run.state_name));
	why_detail(why, "argument", argument);
	write_task(why, &run, &state);
	why_cause_end(why);
	return true;
}

int64_t why_upstream(struct why *why)
{
	const struct json *inputs;
	int64_t count = 0;

	if (why->error < 0 || json_read(why->arena, why->subject.task_inputs, JSON_ALLOW_NAN, &inputs, NULL, NULL) < 0)
		return 0;
	for (const struct json *argument = inputs->child; argument; argument = argument->next) {
		/* The tasks that it was called from are no inputs. */
		if (str_is(argument->key, "__parents__"))
			continue;
		for (const struct json *input = argument->child; input; input = input->next)
			count += explain_input(why, argument->key, input);
	}
	return count;
}

/* --- Children --- */

static const char *verb_of(enum state_type type)
{
	switch (type) {
	case STATE_RUNNING:
		return "runs";
	case STATE_FAILED:
		return "failed";
	case STATE_CRASHED:
		return "crashed";
	case STATE_PAUSED:
		return "is paused";
	default:
		return "waits";
	}
}

static int explain_task(void *data, const struct task_run *run)
{
	struct why *why = data;
	struct state state;
	struct task_run again;

	if (load_task(why, run->id, &again, &state) < 0)
		return why->error;
	if (run->state_type == STATE_FAILED || run->state_type == STATE_CRASHED)
		why_cause_begin(why, state.timestamp, "task run '%.*s' %s: %.*s", STR_ARG(run->name),
		                verb_of(run->state_type), STR_ARG(why_brief(why->arena, state.message)));
	else
		why_cause_begin(why, state.timestamp, "task run '%.*s' %s", STR_ARG(run->name),
		                verb_of(run->state_type));
	write_task(why, run, &state);
	why_cause_end(why);
	return 0;
}

void why_tasks(struct why *why, const enum state_type *types, size_t count, enum task_run_sort sort)
{
	const struct task_run_query query = {
		.flow_run_id = why->subject.id,
		.state_types = types,
		.state_type_count = count,
		.sort = sort,
		.limit = RUNS_SHOWN,
	};

	if (why->error == 0)
		why->error = task_run_list(why->db, &query, explain_task, why, why->problem);
}

void why_subflow(struct why *why)
{
	struct uuid id = why->subject.details.child_flow_run_id;
	struct flow_run run;
	struct state state;
	int result;

	if (why->error < 0 || uuid_is_nil(id))
		return;
	result = flow_run_get(why->db, id, why->arena, &run, &state, why->problem);
	if (result < 0) {
		why->error = result == WEIR_ENOTFOUND ? 0 : result;
		return;
	}
	why_cause_begin(why, run.state_timestamp, "it stands for the flow run '%.*s', which is %.*s", STR_ARG(run.name),
	                STR_ARG(run.state_name));
	why_detail_id(why, "flow_run_id", run.id);
	why_detail(why, "message", state.message);
	why_cause_end(why);
}

/* --- Attempts --- */

/* A failure that was retried is told by the state that waits for the retry. */
struct failure {
	int64_t at;
	struct str message;
};

struct failures {
	struct arena *arena;
	struct failure last[FAILURES_SHOWN]; /* a ring */
	size_t count;
};

static int collect_failure(void *data, const struct state *state)
{
	struct failures *failures = data;

	if (str_is(state->name, "AwaitingRetry"))
		failures->last[failures->count++ % FAILURES_SHOWN] =
		        (struct failure){ state->timestamp, arena_str(failures->arena, state->message) };
	return 0;
}

static int list_states(struct why *why, state_row_fn *each, void *data)
{
	return (why->subject.is_task ? task_run_states : flow_run_states)(why->db, why->subject.id, each, data,
	                                                                  why->problem);
}

static void write_failures(struct why *why, const struct failures *failures)
{
	size_t first = failures->count > FAILURES_SHOWN ? failures->count - FAILURES_SHOWN : 0;

	json_key(&why->causes, "failures");
	json_begin_array(&why->causes);
	for (size_t i = first; i < failures->count; i++) {
		json_begin_object(&why->causes);
		why_detail_instant(why, "at", failures->last[i % FAILURES_SHOWN].at);
		why_detail(why, "message", failures->last[i % FAILURES_SHOWN].message);
		json_end_object(&why->causes);
	}
	json_end_array(&why->causes);
}

void why_attempts(struct why *why)
{
	const struct why_subject *subject = &why->subject;
	const int64_t retries = subject->policy.retries == INTEGER_NONE ? 0 : subject->policy.retries;
	struct failures failures = { .arena = why->arena };

	if (why->error < 0 || (subject->run_count <= 1 && retries <= 0))
		return;
	why->error = list_states(why, collect_failure, &failures);
	if (why->error < 0)
		return;
	why_cause_begin(why, subject->start_time, "it was tried %lld time%s; %lld retr%s allowed",
	                (long long)subject->run_count, subject->run_count == 1 ? "" : "s", (long long)retries,
	                retries == 1 ? "y is" : "ies are");
	why_detail_integer(why, "run_count", subject->run_count);
	why_detail_integer(why, "retries", retries);
	write_failures(why, &failures);
	why_cause_end(why);
}

/* --- Cancellation --- */

struct wish {
	struct arena *arena;
	int64_t since; /* TIMESTAMP_NONE: none was found */
	struct str message;
};

/* The last one counts: an earlier one was got over. */
static int find_wish(void *data, const struct state *state)
{
	struct wish *wish = data;

	if (state->type == STATE_CANCELLING) {
		wish->since = state->timestamp;
		wish->message = arena_str(wish->arena, state->message);
	}
	return 0;
}

static void explain_flow_cancellation(struct why *why)
{
	const struct flow_run *run = &why->subject.flow_run;

	if (!why->subject.is_task || !why->subject.has_flow_run ||
	    (run->state_type != STATE_CANCELLED && run->state_type != STATE_CANCELLING))
		return;
	why_cause_begin(why, run->state_timestamp, "its flow run '%.*s' is %.*s", STR_ARG(run->name),
	                STR_ARG(run->state_name));
	why_detail_id(why, "flow_run_id", run->id);
	why_cause_end(why);
}

void why_cancellation(struct why *why)
{
	struct wish wish = { .arena = why->arena, .since = TIMESTAMP_NONE };

	if (why->error == 0)
		why->error = list_states(why, find_wish, &wish);
	if (why->error < 0)
		return;
	if (wish.since != TIMESTAMP_NONE) {
		why_cause_begin(why, wish.since, "its cancellation was asked for: %.*s",
		                STR_ARG(why_brief(why->arena, wish.message)));
		why_detail(why, "message", wish.message);
		why_cause_end(why);
	}
	explain_flow_cancellation(why);
}

/* --- Log --- */

struct lines {
	struct arena *arena;
	struct log_line last[LINES_SHOWN]; /* the newest first */
	size_t count;
};

static int collect_line(void *data, const struct log_line *line)
{
	struct lines *lines = data;
	struct log_line *copy = &lines->last[lines->count++];

	*copy = *line;
	copy->message = arena_str(lines->arena, line->message);
	return 0;
}

void why_log(struct why *why)
{
	struct log_query query = { .newest_first = true, .limit = LINES_SHOWN };
	struct lines lines = { .arena = why->arena };

	if (why->error < 0)
		return;
	if (why->subject.is_task)
		query.task_run_id = why->subject.id;
	else
		query.flow_run_id = why->subject.id;
	why->error = log_list(why->db, &query, collect_line, &lines, why->problem);
	if (why->error < 0 || lines.count == 0)
		return;
	why_cause_begin(why, lines.last[lines.count - 1].timestamp, "the last lines of its log");
	json_key(&why->causes, "lines");
	json_begin_array(&why->causes);
	while (lines.count-- > 0) {
		json_begin_object(&why->causes);
		why_detail_instant(why, "timestamp", lines.last[lines.count].timestamp);
		why_detail_integer(why, "level", lines.last[lines.count].level);
		why_detail(why, "message", lines.last[lines.count].message);
		json_end_object(&why->causes);
	}
	json_end_array(&why->causes);
	why_cause_end(why);
}

/* --- .max_parallel --- */

static bool read_max_parallel(struct why *why, int64_t *limit)
{
	const struct str labels = why->subject.flow_run.labels;
	const struct json *read;

	return labels.data && json_read(why->arena, labels, JSON_ALLOW_NAN, &read, NULL, NULL) == 0 &&
	       json_to_integer(json_get(read, FLOW_RUN_MAX_PARALLEL_LABEL), limit);
}

bool why_max_parallel(struct why *why)
{
	int64_t counts[STATE_TYPE_COUNT], limit;

	if (why->error < 0 || !why->subject.has_flow_run || !read_max_parallel(why, &limit))
		return false;
	why->error = store_task_run_count(why->db, why->subject.flow_run.id, counts, why->problem);
	if (why->error < 0 || counts[STATE_RUNNING] < limit)
		return false;
	strbuf_puts(&why->answer, "is ready, and waits for its turn: the limit of its flow run is reached");
	why_cause_begin(why, why->subject.state.timestamp,
	                "its flow run lets %lld of its children run at a time (.max_parallel)", (long long)limit);
	why_detail_integer(why, "running", counts[STATE_RUNNING]);
	why_cause_end(why);
	strbuf_puts(&why->next, "It starts when one of those before it has ended.");
	return true;
}

/* --- Input --- */

/* "a string, required; who is to be told" */
static struct str phrase_of_field(struct why *why, const struct input_field *field)
{
	struct str default_text = STR("");

	if (!field->required && field->fallback.data)
		default_text = arena_printf(why->arena, ", by default %.*s", STR_ARG(field->fallback));
	return arena_printf(why->arena, "%s%s%.*s%s%.*s", input_type_phrase(field->type),
	                    field->required ? ", required" : "", STR_ARG(default_text),
	                    field->description.length ? "; " : "", STR_ARG(field->description));
}

static void write_fields(struct why *why, struct str schema, struct str description)
{
	struct input_field *fields;
	int count = run_input_fields(why->arena, schema, &fields, why->problem);

	why->error = MIN(count, 0);
	why_cause_begin(why, why->subject.state.timestamp, "it waits for somebody's input");
	if (description.data)
		why_detail(why, "description", description);
	for (int i = 0; i < count; i++)
		why_detail(why, arena_str(why->arena, fields[i].name).data, phrase_of_field(why, &fields[i]));
	why_cause_end(why);
}

void why_program_resume(struct why *why, const char *before)
{
	strbuf_printf(&why->next, "%sPROGRAM resume ", before);
	pause_put_name(&why->next, why->subject.name);
}

void why_input(struct why *why)
{
	AUTO(strbuf_done) struct strbuf how = { 0 };
	struct why_subject *subject = &why->subject;
	struct str schema, description;

	if (why->error == 0)
		why->error = flow_run_asks(why->db, subject->id, &subject->state, why->arena, &schema, &description,
		                           why->problem);
	if (why->error == 0 && subject->details.run_input_keyset.data)
		write_fields(why, schema, description);
	if (why->error == 0)
		why->error = pause_how(why->arena, subject->name, schema, &how, why->problem);
	if (why->error < 0)
		return;
	strbuf_printf(&why->next, ": %s", how.data);
	if (subject->details.pause_reschedule && !uuid_is_nil(subject->flow_run.program_id))
		why_program_resume(why, ", then ");
}
