/* SPDX-License-Identifier: Apache-2.0 */
/* Runs and states as the operations use them, and the events that they make. */
#include "core/internal.h"

#include "base/vec.h"
#include "core/run_name.h"
#include "store/event.h"

struct str made_up_name(struct arena *arena, struct uuid run_id)
{
	char name[RUN_NAME_SIZE];

	run_name_make(name, run_id);
	return arena_str(arena, str_of(name));
}

struct state proposed_state(const struct state *given)
{
	struct state state = *given;

	if (state.timestamp == 0)
		state.timestamp = TIMESTAMP_NONE;
	return state;
}

int load_state(struct db *db, enum state_table table, struct uuid run_id, struct uuid state_id, struct arena *arena,
               struct state *out, struct problem *problem)
{
	int result;

	*out = (struct state){ 0 };
	if (uuid_is_nil(state_id))
		return 0;
	result = store_state_find(db, table, run_id, state_id, arena, out, problem);
	if (result == WEIR_ENOTFOUND)
		problem_set(problem, result, "the present state of run %s is not there: the run is being deleted",
		            uuid_text(run_id).text);
	return result;
}

int flow_run_states(struct db *db, struct uuid flow_run_id, state_row_fn *each, void *data, struct problem *problem)
{
	return store_state_list(db, FLOW_RUN_STATES, flow_run_id, each, data, problem);
}

int task_run_states(struct db *db, struct uuid task_run_id, state_row_fn *each, void *data, struct problem *problem)
{
	return store_state_list(db, TASK_RUN_STATES, task_run_id, each, data, problem);
}

/* --- Events --- */

/* Events whose states are closer than this tell which one they follow; further apart their instants do. */
static const int64_t FOLLOWS_WITHIN_US = INT64_C(300) * 1000000;

/* A message goes into an event up to this many bytes; of a longer one the middle is left out. */
enum { EVENT_MESSAGE_BYTES = 100000 };

struct tags {
	struct str *items;
	size_t count, capacity;
};

static size_t back_to_character(struct str text, size_t at)
{
	while (at > 0 && at < text.length && ((unsigned char)text.data[at] & 0xC0) == 0x80)
		at--;
	return at;
}

static struct str shorten(struct arena *arena, struct str message)
{
	size_t head, tail;

	if (message.length <= EVENT_MESSAGE_BYTES)
		return str_or(message, STR(""));
	head = back_to_character(message, EVENT_MESSAGE_BYTES / 2);
	tail = back_to_character(message, message.length - EVENT_MESSAGE_BYTES / 2);
	return arena_printf(arena, "%.*s...%zu more bytes...%.*s", (int)head, message.data, tail - head,
	                    (int)(message.length - tail), message.data + tail);
}

static void write_member(struct json_writer *writer, const char *key, struct str text)
{
	json_key(writer, key);
	json_str(writer, text);
}

static void write_resource(struct arena *arena, const struct flow_run *run, const struct state *state,
                           struct json_writer *writer)
{
	char timestamp[TIMESTAMP_TEXT_SIZE];

	timestamp_write_offset(state->timestamp, timestamp);
	json_begin_object(writer);
	write_member(writer, "prefect.resource.id",
	             arena_printf(arena, "prefect.flow-run.%s", uuid_text(run->id).text));
	write_member(writer, "prefect.resource.name", run->name);
	write_member(writer, "prefect.run-count", arena_printf(arena, "%lld", (long long)run->run_count));
	write_member(writer, "prefect.state-message", shorten(arena, state->message));
	write_member(writer, "prefect.state-name", state->name);
	write_member(writer, "prefect.state-timestamp", str_of(timestamp));
	write_member(writer, "prefect.state-type", str_of(state_type_names[state->type]));
	json_end_object(writer);
}

static void write_related(struct arena *arena, struct json_writer *writer, const char *kind, struct uuid id,
                          struct str name)
{
	json_begin_object(writer);
	write_member(writer, "prefect.resource.id", arena_printf(arena, "prefect.%s.%s", kind, uuid_text(id).text));
	write_member(writer, "prefect.resource.role", str_of(kind));
	write_member(writer, "prefect.resource.name", name);
	json_end_object(writer);
}

/* Add the tags of a JSON array; what is no array of strings has none. */
static void collect_tags(struct arena *arena, struct str array, struct tags *tags)
{
	const struct json *read;

	if (!array.data || str_is(array, "[]") || json_read(arena, array, 0, &read, NULL, NULL) < 0 ||
	    !json_is(read, JSON_TYPE_ARRAY))
		return;
	for (const struct json *each = read->child; each; each = each->next) {
		struct str tag = json_text(arena, each);

		if (tag.data)
			vec_push(tags, tag);
	}
}

/* By bytes, which for UTF-8 is by code points. */
static int compare_tags(const void *left, const void *right)
{
	const struct str *a = left, *b = right;
	int order = memcmp(a->data, b->data, MIN(a->length, b->length));

	return order ? order : (a->length > b->length) - (a->length < b->length);
}

static void write_tags(struct arena *arena, struct tags *tags, struct json_writer *writer)
{
	if (tags->count > 0)
		qsort(tags->items, tags->count, sizeof *tags->items, compare_tags);
	for (size_t i = 0; i < tags->count; i++) {
		if (i > 0 && str_equal(tags->items[i], tags->items[i - 1]))
			continue;
		json_begin_object(writer);
		write_member(writer, "prefect.resource.id",
		             arena_printf(arena, "prefect.tag.%.*s", STR_ARG(tags->items[i])));
		write_member(writer, "prefect.resource.role", STR("tag"));
		json_end_object(writer);
	}
}

/* The deployment or the automation that made the run; a schedule is no resource. */
static void write_creator(struct arena *arena, struct str created_by, struct json_writer *writer)
{
	const struct json *creator, *name;
	struct str type, id;

	if (!created_by.data || json_read(arena, created_by, 0, &creator, NULL, NULL) < 0)
		return;
	type = json_text(arena, json_get(creator, "type"));
	id = json_text(arena, json_get(creator, "id"));
	if (!str_is(type, "DEPLOYMENT") && !str_is(type, "AUTOMATION"))
		return;
	json_begin_object(writer);
	write_member(writer, "prefect.resource.id",
	             arena_printf(arena, "prefect.%s.%.*s", str_is(type, "DEPLOYMENT") ? "deployment" : "automation",
	                          STR_ARG(id)));
	write_member(writer, "prefect.resource.role", STR("creator"));
	name = json_get(creator, "display_value");
	if (json_is(name, JSON_TYPE_STRING))
		write_member(writer, "prefect.resource.name", json_text(arena, name));
	json_end_object(writer);
}

static void write_all_related(struct arena *arena, const struct flow *flow, const struct flow_run *run,
                              const struct task_run *parent, struct json_writer *writer)
{
	struct tags tags = { 0 };

	json_begin_array(writer);
	write_related(arena, writer, "flow", flow->id, flow->name);
	if (parent)
		write_related(arena, writer, "task-run", parent->id, parent->name);
	collect_tags(arena, run->tags, &tags);
	collect_tags(arena, flow->tags, &tags);
	collect_tags(arena, parent ? parent->tags : STR_NULL, &tags);
	write_tags(arena, &tags, writer);
	vec_done(&tags);
	write_creator(arena, run->created_by, writer);
	json_end_array(writer);
}

static int write_state_payload(struct arena *arena, const struct state *state, struct json_writer *writer,
                               struct problem *problem)
{
	struct state_details details;
	int result = 0;

	if (!state) {
		json_none(writer);
		return 0;
	}
	json_begin_object(writer);
	write_member(writer, "type", str_of(state_type_names[state->type]));
	write_member(writer, "name", state->name);
	if (state->message.length > 0)
		write_member(writer, "message", shorten(arena, state->message));
	if (state->type == STATE_PAUSED) {
		result = state_details_read(arena, state->details, &details, problem);
		write_member(writer, "pause_reschedule",
		             result == 0 && details.pause_reschedule ? STR("true") : STR("false"));
	}
	json_end_object(writer);
	return result;
}

static int write_payload(struct arena *arena, const struct state *previous, const struct state *state,
                         struct json_writer *writer, struct problem *problem)
{
	int result, second;

	json_begin_object(writer);
	json_key(writer, "intended");
	json_begin_object(writer);
	write_member(writer, "from", previous ? str_of(state_type_names[previous->type]) : STR_NULL);
	write_member(writer, "to", str_of(state_type_names[state->type]));
	json_end_object(writer);
	json_key(writer, "initial_state");
	result = write_state_payload(arena, previous, writer, problem);
	json_key(writer, "validated_state");
	second = write_state_payload(arena, state, writer, problem);
	json_end_object(writer);
	return result < 0 ? result : second;
}

/* Take what was written, and begin anew. */
static struct str take(struct arena *arena, struct strbuf *buffer)
{
	struct str text = arena_str(arena, strbuf_str(buffer));

	strbuf_clear(buffer);
	return text;
}

static bool is_close(const struct state *previous, const struct state *state)
{
	int64_t apart_us = previous ? state->timestamp - previous->timestamp : INT64_MAX;

	return -FOLLOWS_WITHIN_US < apart_us && apart_us < FOLLOWS_WITHIN_US;
}

int flow_run_state_event(struct tx *tx, const struct flow *flow, const struct flow_run *run,
                         const struct task_run *parent, const struct state *previous, const struct state *state)
{
	AUTO(strbuf_done) struct strbuf buffer = { 0 };
	struct json_writer writer;
	struct event event = {
		.sequence = INTEGER_NONE,
		.id = state->id,
		.occurred = state->timestamp,
		.event = arena_printf(tx->arena, "prefect.flow-run.%.*s", STR_ARG(state->name)),
		.follows = is_close(previous, state) ? previous->id : (struct uuid){ { 0 } },
	};
	int result;

	json_writer_init(&writer, &buffer);
	write_resource(tx->arena, run, state, &writer);
	event.resource = take(tx->arena, &buffer);
	json_writer_init(&writer, &buffer);
	write_all_related(tx->arena, flow, run, parent, &writer);
	event.related = take(tx->arena, &buffer);
	json_writer_init(&writer, &buffer);
	result = write_payload(tx->arena, previous, state, &writer, tx->problem);
	event.payload = take(tx->arena, &buffer);
	return result < 0 ? result : store_event_insert(tx->db, &event, tx->problem);
}
