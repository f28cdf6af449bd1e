/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "core/core.h"
#include "engine/record.h"
#include "engine/run_template.h"
#include "loop/coroutine.h"

#include <math.h>
#include <stdlib.h>

/*
 * A record carries some states of one run to the store. While the writer has not begun with it, states that follow join
 * it, so that a short task costs one job. Who moves the phase from OPEN decides: a run's thread to APPENDING and back, the
 * writer to TAKEN for good (a job that runs again finds the same states).
 */
enum { RECORD_STATES = 4 };
enum record_phase { RECORD_OPEN, RECORD_APPENDING, RECORD_TAKEN };

/* What is on its way: freed as soon as it is written. */
struct cargo {
	struct job job;
	struct record *record; /* counted */
	struct engine *engine;
	struct run_card *card; /* counted */
	struct task_run row;
	size_t count;
	struct state states[RECORD_STATES];
};

struct record {
	unsigned references; /* the cargo's, and the card's while the record is its open one */
	int phase;           /* enum record_phase, atomic */
	struct cargo *cargo; /* there until it is taken */
};

static void record_unref(struct record *record)
{
	if (!record || __atomic_sub_fetch(&record->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	free(record);
}

/* --- The row --- */

static struct str tags_text(struct arena *arena, const char *const *tags, const char *const *more)
{
	AUTO(strbuf_done) struct strbuf buffer = { 0 };
	struct json_writer writer;

	if (!tags[0] && (!more || !more[0]))
		return STR("[]");
	json_writer_init(&writer, &buffer);
	json_begin_array(&writer);
	for (size_t i = 0; i < WEIR_MAX_TAGS && tags[i]; i++)
		json_puts(&writer, tags[i]);
	for (size_t i = 0; more && i < WEIR_MAX_TAGS && more[i]; i++)
		json_puts(&writer, more[i]);
	json_end_array(&writer);
	return arena_str(arena, strbuf_str(&buffer));
}

static struct str delays_text(struct arena *arena, const struct callable *what)
{
	AUTO(strbuf_done) struct strbuf buffer = { 0 };
	struct json_writer writer;

	if (what->retry_delay_count == 0)
		return STR("0");
	json_writer_init(&writer, &buffer);
	if (what->retry_delay_count > 1)
		json_begin_array(&writer);
	for (size_t i = 0; i < what->retry_delay_count; i++)
		json_double(&writer, what->retry_delays[i]);
	if (what->retry_delay_count > 1)
		json_end_array(&writer);
	return arena_str(arena, strbuf_str(&buffer));
}

/* States are held while the disk fails. The loop's thread must not wait for room: timers and signals wait for it. */
unsigned record_flags(void)
{
	return loop_current() ? JOB_HOLD | JOB_NEVER_WAIT : JOB_HOLD;
}

void record_make_room(weir_run *attempt)
{
	enum { AGAIN_US = 1000 };
	struct executor *executor = store_executor(attempt->run->engine->store);

	if (!coroutine_current())
		return;
	while (executor_is_full(executor) && scope_sleep(&attempt->scope, clock_monotonic_us() + AGAIN_US) == 0)
		;
}

struct str record_policy(struct arena *arena, const struct callable *what)
{
	struct run_policy policy;

	if (what->retries == 0)
		return STR("{}");
	fields_init(&run_policy_fields, &policy);
	policy.retries = what->retries;
	policy.retry_delay = delays_text(arena, what);
	if (what->retry_jitter_factor > 0)
		policy.retry_jitter_factor = what->retry_jitter_factor;
	return run_policy_text(arena, &policy);
}

struct str record_tags(struct arena *arena, const struct callable *what, const char *const *more)
{
	return tags_text(arena, what->tags, more);
}

static struct str own_key(struct arena *arena, unsigned number)
{
	return arena_printf(arena, "%u", number);
}

void record_task_begin(weir_future *run, const char *name, struct str inputs, const char *const *more_tags)
{
	struct arena *arena = &run->card->arena;
	unsigned number = run->call_number = flow_context_count_call(run->flow, run->what.definition, run->what.name);
	struct task_run *row = &run->card->row;

	if (!name)
		name = run_template_name(run);
	fields_init(&task_run_fields, row);
	row->id = run->id;
	row->name = name ? arena_str(arena, str_of(name)) : arena_printf(arena, "%s-%u", run->what.name, number);
	row->created = row->updated = clock_wall_us();
	row->flow_run_id = run->flow->flow_run_id;
	row->task_key = arena_str(arena, str_of(run->what.name));
	row->dynamic_key = own_key(arena, number);
	row->task_version = str_of(run->what.version);
	row->empirical_policy = record_policy(arena, &run->what);
	row->tags = record_tags(arena, &run->what, more_tags);
	row->task_inputs = arena_str(arena, inputs);
	run->name = xstrdup(row->name.data);
	record_task_state(run, &(struct new_state){ .type = STATE_PENDING });
}

/* --- States on their way --- */

static int store_record(struct tx *tx, void *request)
{
	struct cargo *cargo = request;
	struct record *record = cargo->record;
	int open = RECORD_OPEN;

	/* A thread that is appending is done in a moment. */
	while (!__atomic_compare_exchange_n(&record->phase, &open, RECORD_TAKEN, true, __ATOMIC_ACQ_REL,
	                                    __ATOMIC_ACQUIRE)) {
		if (open == RECORD_TAKEN)
			break;
		open = RECORD_OPEN;
	}
	return task_run_record(tx, &cargo->row, cargo->states, cargo->count);
}

static void record_told(struct job *job, int result, const struct problem *problem)
{
	struct cargo *cargo = CONTAINER_OF(job, struct cargo, job);

	/* A run that somebody deleted meanwhile has no use for its states. */
	if (result < 0 && result != WEIR_ENOTFOUND)
		engine_lost_record(cargo->engine, problem);
	run_card_unref(cargo->card);
	record_unref(cargo->record);
	free(cargo);
}

/* Add the state to the record that waits in the queue. False: there is none that still takes any. */
static bool append(struct run_card *card, const struct state *state)
{
	struct record *record = card->open;
	int open = RECORD_OPEN;
	bool room;

	if (!record || !__atomic_compare_exchange_n(&record->phase, &open, RECORD_APPENDING, false, __ATOMIC_ACQ_REL,
	                                            __ATOMIC_ACQUIRE))
		return false;
	room = record->cargo->count < RECORD_STATES;
	if (room) {
		record->cargo->states[record->cargo->count++] = *state;
		record->cargo->row = card->row;
	}
	__atomic_store_n(&record->phase, RECORD_OPEN, __ATOMIC_RELEASE);
	return room;
}

static void submit(weir_future *run, struct run_card *card, const struct state *state)
{
	struct record *record = xmalloc(sizeof *record);
	struct cargo *cargo = xmalloc(sizeof *cargo);

	record_unref(card->open);
	*record = (struct record){ .references = 2, .phase = RECORD_OPEN, .cargo = cargo };
	cargo->job =
	        (struct job){ .run = store_record, .request = cargo, .told = record_told, .flags = record_flags() };
	cargo->record = record;
	cargo->engine = run->engine;
	cargo->card = run_card_ref(card);
	cargo->row = card->row;
	cargo->count = 1;
	cargo->states[0] = *state;
	card->open = record;
	executor_submit(store_executor(run->engine->store), &cargo->job);
}

static void close_record(struct run_card *card)
{
	record_unref(card->open);
	card->open = NULL;
}

static struct str details_text(struct run_card *card, const struct new_state *state)
{
	struct state_details details;
	bool keyed = state->type == STATE_COMPLETED && card->row.cache_key.data;

	if (!state->scheduled_us && !keyed)
		return STR("{}");
	fields_init(&state_details_fields, &details);
	if (state->scheduled_us)
		details.scheduled_time = state->scheduled_us;
	if (keyed) {
		details.cache_key = card->row.cache_key;
		details.cache_expiration = card->row.cache_expiration;
	}
	return state_details_text(&card->arena, &details);
}

static void enter(weir_future *run, struct run_card *card, const struct new_state *new_state)
{
	struct state *last = &card->last_state;
	int64_t now_us = clock_wall_us();
	struct state state = {
		.id = uuid_new(),
		.run_id = run->id,
		.type = new_state->type,
		.name = new_state->name ? arena_str(&card->arena, str_of(new_state->name))
		                        : str_of(state_type_title(new_state->type)),
		.timestamp = last->type ? MAX(now_us, last->timestamp + 1) : now_us, /* the clock may step back */
		.message = arena_str(&card->arena, str_of(new_state->message)),
		.data = new_state->data.data ? arena_str(&card->arena, new_state->data) : STR_NULL,
		.details = details_text(card, new_state),
	};

	task_run_enter(&card->row, last->type ? last : NULL, &state);
	if (state.type == STATE_RUNNING)
		card->row.flow_run_run_count = run->flow->run_count;
	*last = state;
	if (!append(card, &state))
		submit(run, card, &state);
	if (state_type_is_terminal(state.type) || str_is(state.name, "NotReady"))
		close_record(card);
}

void record_task_state(weir_future *run, const struct new_state *new_state)
{
	enter(run, run->card, new_state);
}

void record_task_rolled_back(weir_future *run, struct run_card *card)
{
	enter(run, card,
	      &(struct new_state){ .type = STATE_COMPLETED,
	                           .name = "RolledBack",
	                           .message = "Task rolled back as part of transaction" });
}
