/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/view.h"

#include "cli/table.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>

enum { LABEL_WIDTH = 28 };

void view_title(struct cli *cli, const char *noun, struct str name)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct str visible = text_visible(&scratch, name);

	output_styled(&cli->out, STYLE_BOLD, arena_printf(&scratch, "%s '%.*s'", noun, STR_ARG(visible)));
	output_puts(&cli->out, "\n");
}

void view_heading(struct cli *cli, const char *title)
{
	output_puts(&cli->out, "\n");
	output_styled(&cli->out, STYLE_BOLD, str_of(title));
	output_puts(&cli->out, "\n");
}

void view_line(struct cli *cli, const char *label, struct str value, enum style style)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct str rest = text_visible_lines(&scratch, value);

	while (rest.length > 0) {
		const char *newline = memchr(rest.data, '\n', rest.length);
		size_t length = newline ? (size_t)(newline - rest.data) : rest.length;

		output_printf(&cli->out, "  %-*s", LABEL_WIDTH, label);
		output_styled(&cli->out, style, (struct str){ rest.data, length });
		output_puts(&cli->out, "\n");
		label = "";
		length += newline != NULL;
		rest = (struct str){ rest.data + length, rest.length - length };
	}
}

void view_state(struct cli *cli, const struct state *state)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct str ago;

	if (state->type == STATE_NONE) {
		view_line(cli, "State", STR("none"), STYLE_NONE);
		return;
	}
	ago = text_ago(&scratch, state->timestamp, cli->now_us);
	view_line(cli, "State",
	          arena_printf(&scratch, "%.*s (%s), %.*s", STR_ARG(state->name), state_type_names[state->type],
	                       STR_ARG(ago)),
	          state_style(state->type));
	view_line(cli, "Message", state->message, STYLE_NONE);
}

/* --- Fields --- */

/* "expected_start_time" becomes "Expected start time"; an id is an ID. */
static const char *make_label(struct arena *arena, const char *name)
{
	char *label = arena_strdup(arena, name);
	size_t length = strlen(name);

	for (char *at = label; *at; at++) {
		if (*at == '_')
			*at = ' ';
	}
	label[0] = (char)toupper((unsigned char)label[0]);
	if (strcmp(name, "id") == 0 || (length > 3 && strcmp(name + length - 3, "_id") == 0))
		memcpy(label + length - 2, "ID", 2);
	return label;
}

/* What a field holds that nobody has set; it would only make the view longer. */
static bool is_empty_json(struct str json)
{
	return str_is(json, "{}") || str_is(json, "[]") || str_is(json, "null");
}

/* The value as people read it; empty when it says nothing. */
static struct str field_text(struct arena *arena, const struct field *field, const void *record, int64_t now_us)
{
	const void *place = field_place(field, record);
	struct str text;

	switch (field->type) {
	case FIELD_UUID:
		return str_of(arena_strdup(arena, uuid_text(*(const struct uuid *)place).text));
	case FIELD_TEXT:
		return *(const struct str *)place;
	case FIELD_JSON:
		text = *(const struct str *)place;
		return is_empty_json(text) ? STR_NULL : text;
	case FIELD_TIMESTAMP:
		return text_time_ago(arena, *(const int64_t *)place, now_us);
	case FIELD_DURATION:
		return text_duration(arena, *(const int64_t *)place);
	case FIELD_INTEGER:
		return arena_printf(arena, "%" PRId64, *(const int64_t *)place);
	case FIELD_REAL:
		return arena_printf(arena, "%g", *(const double *)place);
	case FIELD_BOOLEAN:
		return *(const bool *)place ? STR("yes") : STR_NULL;
	case FIELD_ENUM:
		return str_of(field->names[*(const int *)place]);
	}
	ASSERT(!"a type of field that does not exist");
}

static bool is_listed(const char *const *names, const char *name)
{
	for (; *names; names++) {
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

void view_fields(struct cli *cli, const struct field_table *table, const void *record, const char *const *hidden)
{
	AUTO(arena_done) struct arena scratch = { 0 };

	for (size_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];

		if (field->flags & FIELD_NO_JSON || field_is_none(field, record) || is_listed(hidden, field->name))
			continue;
		view_line(cli, make_label(&scratch, field->name), field_text(&scratch, field, record, cli->now_us),
		          STYLE_NONE);
	}
}

/* --- States --- */

/* Only the message is cut: the states of a run are read from top to bottom, by time and name. */
static const struct table_column state_columns[] = {
	{ .title = "When" },
	{ .title = "State" },
	{ .title = "Message", .minimum = 10 },
};

struct history {
	struct table table;
	struct arena scratch;
};

static int add_state(void *data, const struct state *state)
{
	struct history *history = data;
	const struct table_cell cells[] = {
		{ text_time(&history->scratch, state->timestamp), STYLE_NONE },
		{ state->name, state_style(state->type) },
		{ state->message, STYLE_NONE },
	};
	bool more = table_add(&history->table, cells);

	arena_clear(&history->scratch);
	return more ? 0 : 1;
}

int view_states(struct cli *cli, struct db *db, states_fn *states, struct uuid run_id, struct problem *problem)
{
	struct history history = { 0 };
	int result;

	view_heading(cli, "History");
	table_init(&history.table, &cli->out, state_columns, ARRAY_LENGTH(state_columns));
	result = states(db, run_id, add_state, &history, problem);
	if (result >= 0)
		table_finish(&history.table);
	table_done(&history.table);
	arena_done(&history.scratch);
	return MIN(result, 0);
}

struct json_history {
	struct json_writer *writer;
	struct arena scratch;
};

static int write_one_state(void *data, const struct state *state)
{
	struct json_history *history = data;

	state_write(&history->scratch, state, history->writer);
	arena_clear(&history->scratch);
	return 0;
}

int view_states_json(struct json_writer *writer, struct db *db, states_fn *states, struct uuid run_id,
                     struct problem *problem)
{
	struct json_history history = { .writer = writer };
	int result;

	json_key(writer, "states");
	json_begin_array(writer);
	result = states(db, run_id, write_one_state, &history, problem);
	json_end_array(writer);
	arena_done(&history.scratch);
	return result;
}
