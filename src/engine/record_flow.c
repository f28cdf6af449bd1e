/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "core/pause.h"
#include "core/run_name.h"
#include "engine/finish.h"
#include "engine/record.h"
#include "engine/run_template.h"

#include <stdlib.h>

/* One message to the store about a flow run. */
struct flow_record {
	struct job job;
	weir_future *run;      /* counted */
	struct run_card *card; /* counted: the texts */
	struct flow_run row;   /* begin */
	struct state proposed; /* retry, end */
	int64_t asked_us;      /* wall clock: when it was proposed */
	json_t *result;        /* end: to be handed on */
	struct pause pause;    /* suspend */
	const char *sentence;  /* suspend: how to go on */
	bool suspended;
	/* the answer */
	struct arena arena;
	struct set_state_result answer;
};

static struct flow_record *flow_record_new(weir_future *run, job_fn *write,
                                           void (*told)(struct job *, int, const struct problem *))
{
	struct flow_record *record = xcalloc(1, sizeof *record);

	record->job = (struct job){ .run = write, .request = record, .told = told, .flags = record_flags() };
	record->run = future_ref(run);
	record->card = run_card_ref(run->card);
	record->asked_us = clock_wall_us();
	return record;
}

static void flow_record_free(struct flow_record *record)
{
	run_card_unref(record->card);
	future_unref(record->run);
	arena_done(&record->arena);
	free(record);
}

static void flow_record_submit(struct flow_record *record)
{
	executor_submit(store_executor(record->run->engine->store), &record->job);
}

/* The answer's texts lie in the transaction's arena: keep them in the record's. */
static void keep_answer(struct flow_record *record)
{
	struct state *state = &record->answer.state;

	arena_clear(&record->arena);
	state->name = arena_str(&record->arena, state->name);
	state->message = arena_str(&record->arena, state->message);
	state->details = arena_str(&record->arena, state->details);
	record->answer.verdict.reason = arena_str(&record->arena, record->answer.verdict.reason);
}

/* A batch's clock is that of its beginning, and what ended while it gathered came later: a flow run must not end before
   its tasks did. Clocks that were set are left to the rules. */
static int64_t stamp_of(const struct tx *tx, const struct flow_record *record)
{
	const int64_t gathering_us = 1000 * 1000;
	int64_t later_us = record->asked_us - tx->now_us;

	return later_us > 0 && later_us < gathering_us ? record->asked_us : TIMESTAMP_NONE;
}

static int propose(struct tx *tx, struct flow_record *record, const struct state *proposed)
{
	struct set_state in = { .run_id = record->run->id, .proposed = *proposed };
	int result;

	in.proposed.timestamp = stamp_of(tx, record);
	result = flow_run_set_state(tx, &in, &record->answer);
	if (result == 0)
		keep_answer(record);
	return result;
}

static struct state make_state(struct run_card *card, enum state_type type, const char *name, const char *message)
{
	return (struct state){
		.id = uuid_new(),
		.type = type,
		.name = arena_str(&card->arena, str_of(name ? name : state_type_title(type))),
		.timestamp = TIMESTAMP_NONE,
		.message = arena_str(&card->arena, str_of(message)),
		.details = STR("{}"),
	};
}

/* --- Beginning --- */

/* The task run that stands for a subflow in its parent's run. */
static int write_stand_in(struct tx *tx, struct flow_record *record)
{
	struct task_run row = record->card->row;
	struct state pending = record->card->last_state;

	return task_run_record(tx, &row, &pending, 1);
}

static int write_begin(struct tx *tx, void *request)
{
	struct flow_record *record = request;
	struct flow_run_create create = { .run = record->row };
	struct flow flow;
	int result = flow_ensure(tx, str_of(record->run->what.name), STR("[]"), STR("{}"), &flow, NULL);

	if (result == 0 && !uuid_is_nil(record->row.parent_task_run_id))
		result = write_stand_in(tx, record);
	create.run.flow_id = flow.id;
	if (result == 0)
		result = flow_run_create(tx, &create, &create.run, NULL);
	if (result == 0)
		result = propose(tx, record, &record->proposed);
	return result;
}

static void begin_told(struct job *job, int result, const struct problem *problem)
{
	struct flow_record *record = CONTAINER_OF(job, struct flow_record, job);

	if (result < 0) {
		__atomic_store_n(&record->run->flow->unrecorded, true, __ATOMIC_RELEASE);
		engine_lost_record(record->run->engine, problem);
	}
	flow_record_free(record);
}

static struct str text_of_json(struct arena *arena, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	struct str copy = arena_str(arena, str_of(text));

	free(text);
	return copy.data ? copy : STR("{}");
}

/* The row and first state of the task run that stands for a subflow. */
static void fill_stand_in(weir_future *run, struct str inputs)
{
	struct run_card *card = run->card;
	struct flow_context *outer = run->parent->run->flow;
	unsigned number = run->call_number = flow_context_count_call(outer, run->what.definition, run->what.name);

	fields_init(&task_run_fields, &card->row);
	card->row.id = run->flow->parent_task_run_id;
	card->row.name = arena_printf(&card->arena, "%s-%u", run->what.name, number);
	card->row.created = card->row.updated = clock_wall_us();
	card->row.flow_run_id = outer->flow_run_id;
	card->row.task_key = arena_str(&card->arena, str_of(run->what.name));
	card->row.dynamic_key = arena_printf(&card->arena, "flow-%u", number);
	card->row.task_inputs = arena_str(&card->arena, inputs);
	card->last_state = make_state(card, STATE_PENDING, NULL, NULL);
	card->last_state.timestamp = card->row.created;
	task_run_enter(&card->row, NULL, &card->last_state);
}

static void fill_row(struct flow_record *record)
{
	weir_future *run = record->run;
	struct arena *arena = &run->card->arena;
	struct flow_run *row = &record->row;

	fields_init(&flow_run_fields, row);
	row->id = run->id;
	row->name = arena_str(arena, str_of(run->name));
	row->flow_version = str_of(run->what.version);
	row->parameters = text_of_json(arena, run->arguments);
	row->empirical_policy = record_policy(arena, &run->what);
	row->tags = record_tags(arena, &run->what, NULL);
	row->program_id = store_program_id(run->engine->store);
	row->parent_task_run_id = run->flow->parent_task_run_id;
	if (run->what.flow->max_parallel)
		row->labels =
		        arena_printf(arena, "{\"%s\":%u}", FLOW_RUN_MAX_PARALLEL_LABEL, run->what.flow->max_parallel);
}

void record_flow_begin(weir_future *run, const char *name, struct str inputs)
{
	struct flow_record *record = flow_record_new(run, write_begin, begin_told);
	char made_up[RUN_NAME_SIZE];

	if (run->parent) {
		run->flow->parent_task_run_id = uuid_new();
		fill_stand_in(run, inputs);
	}
	if (!name)
		name = run_template_name(run);
	if (!name)
		run_name_make(made_up, run->id);
	run->name = xstrdup(name ? name : made_up);
	flow_context_set_name(run->flow, run->name);
	fill_row(record);
	record->proposed = make_state(run->card, STATE_RUNNING, NULL, NULL);
	flow_record_submit(record);
}

/* --- Its arguments are known --- */

static void change_told(struct job *job, int result, const struct problem *problem)
{
	struct flow_record *record = CONTAINER_OF(job, struct flow_record, job);

	if (result < 0 && result != WEIR_ENOTFOUND)
		engine_lost_record(record->run->engine, problem);
	flow_record_free(record);
}

static int write_filled(struct tx *tx, void *request)
{
	struct flow_record *record = request;
	const struct flow_run *row = &record->row;

	return flow_run_fill(tx, row->id, row->name, row->parameters);
}

void record_flow_filled(weir_future *run)
{
	struct flow_record *record = flow_record_new(run, write_filled, change_told);

	record->row.id = run->id;
	record->row.name = arena_str(&run->card->arena, str_of(run->name));
	record->row.parameters = text_of_json(&run->card->arena, run->arguments);
	flow_record_submit(record);
}

/* --- Another attempt --- */

static int write_proposed(struct tx *tx, void *request)
{
	struct flow_record *record = request;

	return propose(tx, record, &record->proposed);
}

void record_flow_retry(weir_future *run)
{
	struct flow_record *record = flow_record_new(run, write_proposed, change_told);

	record->proposed = make_state(run->card, STATE_RUNNING, "Retrying", NULL);
	flow_record_submit(record);
}

/* --- Ending --- */

/* Is what it has come to recorded already: the pause that nobody ended in time, the cancellation of a paused run? Then that
   is the answer. */
static int find_end(struct tx *tx, struct flow_record *record, bool *found)
{
	struct flow_run row;
	struct state state;
	int result = flow_run_get(tx->db, record->run->id, tx->arena, &row, &state, tx->problem);

	*found = result == 0 && (record->run->ended_in_store ||
	                         (state.type == STATE_CANCELLED && record->proposed.type == STATE_CANCELLED));
	if (!*found)
		return result;
	record->answer = (struct set_state_result){ .state = state, .has_state = state.type != STATE_NONE };
	keep_answer(record);
	return 0;
}

/* Somebody cancels the run while it ends: then the one state it may enter is Cancelled. */
static int propose_end(struct tx *tx, struct flow_record *record)
{
	int result = propose(tx, record, &record->proposed);

	if (result == 0 && record->answer.has_state && record->answer.state.type == STATE_CANCELLING) {
		struct state cancelled = record->proposed;

		cancelled.type = STATE_CANCELLED;
		cancelled.name = STR("Cancelled");
		cancelled.message = STR("The run was cancelled.");
		cancelled.data = STR_NULL;
		result = propose(tx, record, &cancelled);
	}
	return result;
}

static int write_end(struct tx *tx, void *request)
{
	struct flow_record *record = request;
	bool found = false;
	int result = 0;

	if (record->run->ended_in_store || record->proposed.type == STATE_CANCELLED)
		result = find_end(tx, record, &found);
	return result < 0 || found ? result : propose_end(tx, record);
}

static int64_t delay_until(const struct flow_record *record)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct state_details details;

	if (state_details_read(&scratch, record->answer.state.details, &details, NULL) < 0 ||
	    details.scheduled_time == TIMESTAMP_NONE)
		return 0;
	return details.scheduled_time - clock_wall_us();
}

static weir_state view_of(const struct state *state)
{
	return (weir_state){ (enum weir_state_type)state->type, state->name.data, state->message.data };
}

/* What the run has come to: what the store says; and a run whose end is not recorded has not completed. */
static weir_state final_view(struct flow_record *record, int result, const struct problem *problem)
{
	bool unrecorded = __atomic_load_n(&record->run->flow->unrecorded, __ATOMIC_ACQUIRE);

	if (result == 0 && record->suspended)
		return (weir_state){ WEIR_PAUSED, "Suspended", record->sentence };
	if (result < 0 && (result != WEIR_ENOTFOUND || unrecorded)) {
		engine_lost_record(record->run->engine, problem);
		return (weir_state){ WEIR_CRASHED, "Crashed", problem->message };
	}
	return view_of(result == 0 && record->answer.has_state ? &record->answer.state : &record->proposed);
}

/* On the writer's thread, after the commit. */
static void end_told(struct job *job, int result, const struct problem *problem)
{
	struct flow_record *record = CONTAINER_OF(job, struct flow_record, job);
	weir_state view = final_view(record, result, problem);

	if (view.type != WEIR_COMPLETED) {
		json_decref(record->result);
		record->result = NULL;
	}
	if (view.type == WEIR_SCHEDULED)
		run_start_later(record->run, delay_until(record));
	else
		run_settle(record->run, view, record->result);
	flow_record_free(record);
}

void record_flow_end(weir_future *run, const struct new_state *new_state, json_t *result)
{
	struct flow_record *record = flow_record_new(run, write_end, end_told);

	record->proposed = make_state(run->card, new_state->type, new_state->name, new_state->message);
	if (new_state->data.data)
		record->proposed.data = arena_str(&run->card->arena, new_state->data);
	record->result = result;
	flow_record_submit(record);
}

/* --- Leaving the program --- */

static int write_suspend(struct tx *tx, void *request)
{
	struct flow_record *record = request;
	struct pause_answer answer;
	struct state failed = record->proposed;
	int result = flow_run_pause(tx, &record->pause, &answer);

	record->suspended = result == 0 && answer.status == PAUSE_WAITS;
	if (result < 0 || record->suspended)
		return result;
	failed.message = arena_printf(tx->arena, "the run can't be suspended: %.*s", STR_ARG(answer.reason));
	record->proposed = failed;
	return propose_end(tx, record);
}

void record_flow_suspend(weir_future *run, const struct pause *pause, const char *sentence)
{
	struct flow_record *record = flow_record_new(run, write_suspend, end_told);
	struct arena *arena = &run->card->arena;

	record->proposed = make_state(run->card, STATE_FAILED, NULL, NULL);
	record->pause = *pause;
	record->pause.key = arena_str(arena, pause->key);
	record->pause.schema = arena_str(arena, pause->schema);
	record->pause.description = arena_str(arena, pause->description);
	record->sentence = arena_strdup(arena, sentence);
	flow_record_submit(record);
}
