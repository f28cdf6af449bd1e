/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pause.h"

#include "core/internal.h"
#include "rules/run_input.h"
#include "store/flow_run_input.h"

#include <ctype.h>

/* "paused-1-schema" */
static struct str input_key(struct arena *arena, bool suspend, struct str key, const char *what)
{
	return arena_printf(arena, "%s-%.*s-%s", suspend ? "suspended" : "paused", STR_ARG(key), what);
}

static int find_input(struct tx *tx, const struct pause *pause, const char *what, struct str *value)
{
	return store_flow_run_input_find(tx->db, pause->run_id, input_key(tx->arena, pause->suspend, pause->key, what),
	                                 tx->arena, value, tx->problem);
}

static int put_input(struct tx *tx, const struct pause *pause, const char *what, struct str value)
{
	return store_flow_run_input_put(tx->db, pause->run_id, input_key(tx->arena, pause->suspend, pause->key, what),
	                                value, tx->now_us, tx->problem);
}

/* --- Pausing --- */

static bool asks(const struct pause *pause)
{
	return pause->schema.data || pause->description.data;
}

/* {"description": "paused-1-description", "response": "paused-1-response", "schema": "paused-1-schema"} */
static struct str keyset_of(struct arena *arena, const struct pause *pause)
{
	static const char *const members[] = { "description", "response", "schema" };
	AUTO(strbuf_done) struct strbuf text = { 0 };
	struct json_writer writer;

	json_writer_init(&writer, &text);
	json_begin_object(&writer);
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
		json_key(&writer, members[i]);
		json_str(&writer, input_key(arena, pause->suspend, pause->key, members[i]));
	}
	json_end_object(&writer);
	return arena_str(arena, strbuf_str(&text));
}

static struct state paused_state(struct arena *arena, const struct pause *pause)
{
	struct state_details details;

	fields_init(&state_details_fields, &details);
	details.pause_timeout = pause->timeout;
	details.pause_key = pause->key;
	details.pause_reschedule = pause->suspend;
	if (asks(pause))
		details.run_input_keyset = keyset_of(arena, pause);
	return (struct state){
		.type = STATE_PAUSED,
		.name = pause->suspend ? STR("Suspended") : STR("Paused"),
		.timestamp = TIMESTAMP_NONE,
		.details = state_details_text(arena, &details),
	};
}

static int keep_question(struct tx *tx, const struct pause *pause)
{
	int result = put_input(tx, pause, "schema", str_or(pause->schema, STR("{\"properties\":{}}")));

	if (result == 0 && pause->description.data)
		result = put_input(tx, pause, "description", pause->description);
	return result;
}

/* PAUSE_RESUMED when there is an answer already, else the status is left. */
static int find_answer(struct tx *tx, const struct pause *pause, struct pause_answer *out)
{
	int result = find_input(tx, pause, "response", &out->input);

	if (result == 0 && out->input.data)
		out->status = PAUSE_RESUMED;
	return result;
}

int flow_run_pause(struct tx *tx, const struct pause *pause, struct pause_answer *out)
{
	struct set_state in = { .run_id = pause->run_id, .proposed = paused_state(tx->arena, pause) };
	struct set_state_result set;
	int result;

	*out = (struct pause_answer){ .status = PAUSE_REFUSED };
	result = find_answer(tx, pause, out);
	if (result < 0 || out->status == PAUSE_RESUMED)
		return result;
	result = flow_run_set_state(tx, &in, &set);
	if (result < 0)
		return result;
	out->state = set.has_state ? set.state.type : STATE_NONE;
	out->reason = set.verdict.reason;
	if (set.verdict.status != VERDICT_ACCEPT)
		return 0;
	out->status = PAUSE_WAITS;
	return asks(pause) ? keep_question(tx, pause) : 0;
}

/* Somebody may have set it Running without an answer: that resumes it too, if it asks for nothing that must be given. */
static void resume_unanswered(struct tx *tx, const struct pause *pause, struct pause_answer *out)
{
	struct problem wrong;

	out->status = PAUSE_RESUMED;
	if (run_input_check(tx->arena, pause->schema, STR_NULL, &out->input, &wrong) < 0) {
		out->status = PAUSE_REFUSED;
		out->reason = arena_printf(tx->arena, "it was set Running without its input: %s", wrong.message);
	}
}

int flow_run_pause_look(struct tx *tx, const struct pause *pause, struct pause_answer *out)
{
	struct flow_run run;
	int result;

	*out = (struct pause_answer){ .status = PAUSE_WAITS };
	result = find_answer(tx, pause, out);
	if (result == 0)
		result = store_flow_run_find(tx->db, pause->run_id, tx->arena, &run, tx->problem);
	if (result < 0)
		return result;
	out->state = run.state_type;
	if (out->status == PAUSE_WAITS && run.state_type == STATE_FAILED)
		out->status = PAUSE_EXPIRED;
	if (out->status == PAUSE_WAITS && run.state_type == STATE_RUNNING && !pause->suspend)
		resume_unanswered(tx, pause, out);
	return 0;
}

static int fail_by_force(struct tx *tx, struct uuid id, struct str message, struct set_state_result *out)
{
	struct set_state in = {
		.run_id = id,
		.proposed = { .type = STATE_FAILED, .message = message, .timestamp = TIMESTAMP_NONE },
		.force = true,
	};

	return flow_run_set_state(tx, &in, out);
}

int flow_run_pause_expire(struct tx *tx, const struct pause *pause, struct str message, struct pause_answer *out)
{
	struct set_state_result ignored;
	int result = flow_run_pause_look(tx, pause, out);

	if (result < 0 || out->status != PAUSE_WAITS || out->state != STATE_PAUSED)
		return result;
	out->status = PAUSE_EXPIRED;
	return fail_by_force(tx, pause->run_id, message, &ignored);
}

/* --- What is asked for --- */

static struct pause pause_of(struct uuid run_id, const struct state_details *details)
{
	return (struct pause){ .run_id = run_id, .suspend = details->pause_reschedule, .key = details->pause_key };
}

/* One of the texts that the keyset names. */
static int load_text(struct db *db, struct uuid id, struct str keyset, const char *member, struct arena *arena,
                     struct str *out, struct problem *problem)
{
	const struct json *read;
	struct str key;

	*out = STR_NULL;
	if (!keyset.data || json_read(arena, keyset, JSON_ALLOW_NAN, &read, NULL, NULL) < 0)
		return 0;
	key = json_text(arena, json_get(read, member));
	return key.data ? store_flow_run_input_find(db, id, key, arena, out, problem) : 0;
}

int flow_run_asks(struct db *db, struct uuid id, const struct state *state, struct arena *arena, struct str *schema,
                  struct str *description, struct problem *problem)
{
	struct state_details details;
	int result = state_details_read(arena, state->details, &details, problem);

	*schema = *description = STR_NULL;
	if (result == 0)
		result = load_text(db, id, details.run_input_keyset, "schema", arena, schema, problem);
	if (result == 0)
		result = load_text(db, id, details.run_input_keyset, "description", arena, description, problem);
	return result;
}

void pause_put_name(struct strbuf *out, struct str name)
{
	bool plain = name.length > 0;

	for (size_t i = 0; i < name.length; i++)
		plain = plain && (isalnum((unsigned char)name.data[i]) || strchr("-_.", name.data[i]));
	if (plain) {
		strbuf_add_str(out, name);
		return;
	}
	strbuf_putc(out, '\'');
	for (size_t i = 0; i < name.length; i++) {
		if (name.data[i] == '\'')
			strbuf_puts(out, "'\\''");
		else
			strbuf_putc(out, name.data[i]);
	}
	strbuf_putc(out, '\'');
}

int pause_how(struct arena *arena, struct str run_name, struct str schema, struct strbuf *out, struct problem *problem)
{
	struct input_field *fields;
	int count = run_input_fields(arena, schema, &fields, problem);

	if (count < 0)
		return count;
	strbuf_puts(out, "weir flow-run resume ");
	pause_put_name(out, run_name);
	for (int i = 0; i < count; i++)
		strbuf_printf(out, fields[i].required ? " --input %.*s=…" : " [--input %.*s=…]",
		              STR_ARG(fields[i].name));
	return 0;
}

/* --- Resuming --- */

static int refuse(struct set_state_result *out, const struct state *state, enum verdict_status status,
                  struct str reason)
{
	*out = (struct set_state_result){
		.verdict = { .status = status, .reason = reason },
		.state = *state,
		.has_state = state->type != STATE_NONE,
	};
	return 0;
}

/*
 * The attempt of an embedded program's run goes on: it is not counted once more, or each pause would use up a retry. (Runs of
 * a server's clients are counted as they are on the reference server.)
 */
static int keep_attempt(struct tx *tx, struct flow_run *run)
{
	struct run_policy policy;
	int result;

	if (uuid_is_nil(run->program_id))
		return 0;
	result = run_policy_read(tx->arena, run->empirical_policy, &policy, tx->problem);
	if (result < 0)
		return result;
	policy.resuming = true;
	run->empirical_policy = run_policy_text(tx->arena, &policy);
	return store_flow_run_update(tx->db, run, tx->problem);
}

static int propose_resumed(struct tx *tx, struct uuid id, bool suspended, struct set_state_result *out)
{
	struct set_state in = { .run_id = id, .proposed = { .type = STATE_RUNNING, .timestamp = TIMESTAMP_NONE } };
	struct state_details details;

	fields_init(&state_details_fields, &details);
	if (suspended) {
		in.proposed.type = STATE_SCHEDULED;
		in.proposed.name = STR("Resuming");
		details.scheduled_time = tx->now_us;
	}
	in.proposed.details = state_details_text(tx->arena, &details);
	return flow_run_set_state(tx, &in, out);
}

/* The run is paused and its time is not up: with this input it goes on. */
static int resume_paused(struct tx *tx, struct flow_run *run, const struct state *state, struct str input,
                         struct set_state_result *out)
{
	struct problem wrong;
	struct state_details details;
	struct str schema, description, completed;
	struct pause pause;
	int result = flow_run_asks(tx->db, run->id, state, tx->arena, &schema, &description, tx->problem);

	if (result == 0)
		result = state_details_read(tx->arena, state->details, &details, tx->problem);
	if (result < 0)
		return result;
	if (run_input_check(tx->arena, schema, input, &completed, &wrong) < 0)
		return refuse(out, state, VERDICT_REJECT, arena_printf(tx->arena, "%s", wrong.message));
	pause = pause_of(run->id, &details);
	if (!pause.suspend)
		result = keep_attempt(tx, run);
	if (result == 0)
		result = propose_resumed(tx, run->id, pause.suspend, out);
	if (result < 0 || out->verdict.status != VERDICT_ACCEPT)
		return result;
	return put_input(tx, &pause, "response", completed);
}

static bool is_over(struct tx *tx, const struct state *state)
{
	struct state_details details;

	return state_details_read(tx->arena, state->details, &details, NULL) == 0 &&
	       details.pause_timeout != TIMESTAMP_NONE && details.pause_timeout < tx->now_us;
}

int flow_run_resume(struct tx *tx, struct uuid id, struct str input, struct set_state_result *out)
{
	struct flow_run run;
	struct state state;
	int result = flow_run_get(tx->db, id, tx->arena, &run, &state, tx->problem);

	if (result < 0)
		return result;
	if (state.type != STATE_PAUSED)
		return refuse(out, &state, VERDICT_ABORT, STR("Cannot resume a flow run that is not paused."));
	if (!is_over(tx, &state))
		return resume_paused(tx, &run, &state, input, out);
	result = fail_by_force(tx, id, STR("The run was not resumed in time."), out);
	out->verdict.status = VERDICT_REJECT;
	out->verdict.reason = STR("The run was not resumed in time.");
	return result;
}

/* --- Taking over --- */

/* A suspended run that nobody has resumed yet. */
static int resume_without_input(struct tx *tx, const struct flow_run *run)
{
	struct set_state_result out;
	int result = flow_run_resume(tx, run->id, STR_NULL, &out);

	if (result < 0 || out.verdict.status == VERDICT_ACCEPT)
		return result;
	/* Its end is kept: what an error has written would be rolled back. */
	return out.state.type == STATE_FAILED
	               ? 0
	               : problem_set(tx->problem, WEIR_ECONFLICT, "flow run '%.*s' waits for its input: %.*s",
	                             STR_ARG(run->name), STR_ARG(out.verdict.reason));
}

static int load_resumable(struct tx *tx, struct uuid id, struct flow_run *run, struct state *state)
{
	struct state_details details;
	int result = flow_run_get(tx->db, id, tx->arena, run, state, tx->problem);

	if (result == 0)
		result = state_details_read(tx->arena, state->details, &details, tx->problem);
	if (result < 0 || (state->type == STATE_SCHEDULED && str_is(state->name, "Resuming")))
		return result;
	if (state->type == STATE_PAUSED && details.pause_reschedule)
		return resume_without_input(tx, run);
	return problem_set(tx->problem, WEIR_ECONFLICT, "flow run '%.*s' is not suspended: it is %.*s%s",
	                   STR_ARG(run->name), STR_ARG(str_or(state->name, STR("without a state"))),
	                   state->type == STATE_PAUSED ? ", in a program that waits for 'weir flow-run resume'" : "");
}

int flow_run_take_over(struct tx *tx, struct uuid id, struct uuid program_id, enum state_type *now)
{
	struct set_state in = { .run_id = id, .proposed = { .type = STATE_RUNNING, .timestamp = TIMESTAMP_NONE } };
	struct set_state_result out = { 0 };
	struct flow_run run;
	struct state state;
	int result = load_resumable(tx, id, &run, &state);

	if (result == 0)
		result = flow_run_get(tx->db, id, tx->arena, &run, &state, tx->problem); /* as it is after resuming */
	*now = state.type;
	if (result < 0 || state.type == STATE_FAILED)
		return result;
	run.program_id = program_id;
	result = store_flow_run_update(tx->db, &run, tx->problem);
	if (result == 0)
		result = flow_run_set_state(tx, &in, &out);
	*now = out.state.type;
	if (result < 0 || out.verdict.status == VERDICT_ACCEPT)
		return result;
	return problem_set(tx->problem, WEIR_ECONFLICT, "flow run '%.*s' can't be resumed: %.*s", STR_ARG(run.name),
	                   STR_ARG(out.verdict.reason));
}
