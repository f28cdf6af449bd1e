/* SPDX-License-Identifier: Apache-2.0 */
#include "matrix.h"

#include <stdio.h>
#include <stdlib.h>

/* --- The table --- */

enum column {
	RUN_KIND,
	FROM,
	TO,
	STATUS,
	RESULTING_STATE_TYPE,
	RESULTING_STATE_NAME,
	DETAILS_TYPE,
	REASON,
	DELAY_SECONDS,
	HTTP_STATUS,
	STORED_STATE_TYPE,
	STORED_STATE_NAME,
	RUN_COUNT_BEFORE,
	RUN_COUNT_AFTER,
	START_TIME,
	END_TIME,
	EXPECTED_START_TIME,
	NEXT_SCHEDULED_START_TIME,
	RETRY_TYPE,
	COLUMN_COUNT,
};

static const char header[] =
        "run_kind,from,to,status,resulting_state_type,resulting_state_name,details_type,reason,delay_seconds,"
        "http_status,stored_state_type,stored_state_name,run_count_before,run_count_after,start_time,end_time,"
        "expected_start_time,next_scheduled_start_time,retry_type";

struct row {
	struct str columns[COLUMN_COUNT];
};

static const char *const column_names[COLUMN_COUNT] = {
	"run_kind",
	"from",
	"to",
	"status",
	"resulting_state_type",
	"resulting_state_name",
	"details_type",
	"reason",
	"delay_seconds",
	"http_status",
	"stored_state_type",
	"stored_state_name",
	"run_count_before",
	"run_count_after",
	"start_time",
	"end_time",
	"expected_start_time",
	"next_scheduled_start_time",
	"retry_type",
};

/* Where Weir does better than what was measured, on purpose (CONTRACT 10): creation in a state that carries result data
   is 201 with the state, where the reference stores it and answers 500. */
static const struct deviation {
	const char *kind, *from, *to;
	const char *columns[COLUMN_COUNT];
} deviations[] = {
#define CREATION_WITH_DATA(kind)                                                                                       \
	{                                                                                                              \
		kind, "(none)", "Completed+data",                                                                      \
		{                                                                                                      \
			[STATUS] = "CREATE", [RESULTING_STATE_TYPE] = "COMPLETED",                                     \
			[RESULTING_STATE_NAME] = "Completed", [DETAILS_TYPE] = "create", [HTTP_STATUS] = "201",        \
			[STORED_STATE_TYPE] = "COMPLETED", [STORED_STATE_NAME] = "Completed", [RUN_COUNT_AFTER] = "0", \
			[START_TIME] = "set", [END_TIME] = "set", [EXPECTED_START_TIME] = "set",                       \
			[NEXT_SCHEDULED_START_TIME] = "null"                                                           \
		}                                                                                                      \
	}
	CREATION_WITH_DATA("flow_run"),
	CREATION_WITH_DATA("flow_run_deployment"),
	CREATION_WITH_DATA("task_run"),
	CREATION_WITH_DATA("task_run_no_flow"),
};

static const struct matrix_kind kinds[] = {
	{ .name = "flow_run" },
	{ .name = "flow_run_deployment", .has_deployment = true },
	{ .name = "flow_run_retries", .retries = 2 },
	{ .name = "flow_run_infra_pid", .pid = "host:1" },
	{ .name = "task_run", .is_task = true, .parent = "Running" },
	{ .name = "task_run_no_flow", .is_task = true },
	{ .name = "task_run_retries", .is_task = true, .parent = "Running", .retries = 2 },
	{ .name = "task_run_parent_pending", .is_task = true, .parent = "Pending" },
	{ .name = "task_run_parent_paused", .is_task = true, .parent = "Paused" },
	{ .name = "task_run_parent_cancelled", .is_task = true, .parent = "Cancelled" },
};

/* What the labels of states mean. */
static const struct label {
	const char *label;
	enum state_type type;
	const char *name;
	bool in_an_hour, reschedule, has_data;
} labels[] = {
	{ "Scheduled", STATE_SCHEDULED },    { "Scheduled+1h", STATE_SCHEDULED, .in_an_hour = true },
	{ "Late", STATE_SCHEDULED, "Late" }, { "AwaitingRetry", STATE_SCHEDULED, "AwaitingRetry" },
	{ "Pending", STATE_PENDING },        { "Submitting", STATE_PENDING, "Submitting" },
	{ "Running", STATE_RUNNING },        { "Retrying", STATE_RUNNING, "Retrying" },
	{ "Paused", STATE_PAUSED },          { "Suspended", STATE_PAUSED, "Suspended", .reschedule = true },
	{ "Cancelling", STATE_CANCELLING },  { "Cancelled", STATE_CANCELLED },
	{ "Completed", STATE_COMPLETED },    { "Completed+data", STATE_COMPLETED, .has_data = true },
	{ "Failed", STATE_FAILED },          { "Crashed", STATE_CRASHED },
};

/* --- Reading it --- */

static struct str read_file(struct arena *arena)
{
	const char *folder = getenv("WEIR_TEST_DATA");
	struct str path = arena_printf(arena, "%s/orchestration.csv", folder ? folder : "tests/data");
	AUTO(strbuf_done) struct strbuf text = { 0 };
	FILE *file = fopen(path.data, "re");
	char part[4096];
	size_t got;

	if (!file) {
		fprintf(stderr, "%s: can't be opened; set WEIR_TEST_DATA to the folder\n", path.data);
		abort();
	}
	while ((got = fread(part, 1, sizeof part, file)) > 0)
		strbuf_add(&text, part, got);
	fclose(file);
	return arena_str(arena, strbuf_str(&text));
}

static struct str next_line(struct str *text)
{
	const char *end = memchr(text->data, '\n', text->length);
	struct str line = { text->data, end ? (size_t)(end - text->data) : text->length };
	size_t used = line.length + (end ? 1 : 0);

	text->data += used;
	text->length -= used;
	return line;
}

/* A cell: bare, or in quotes with "" for a quote. */
static struct str next_cell(struct arena *arena, struct str *line)
{
	char *cell = arena_alloc(arena, line->length + 1);
	size_t length = 0, at = 0;
	bool quoted = line->length > 0 && line->data[0] == '"';

	for (at = quoted ? 1 : 0; at < line->length; at++) {
		if (quoted && line->data[at] == '"' && !(at + 1 < line->length && line->data[++at] == '"'))
			quoted = false;
		if (!quoted && line->data[at] == ',')
			break;
		if (quoted || line->data[at] != '"')
			cell[length++] = line->data[at];
	}
	at = MIN(at + 1, line->length);
	line->data += at;
	line->length -= at;
	return (struct str){ cell, length };
}

static struct row parse_row(struct arena *arena, struct str line)
{
	struct row row;

	for (int i = 0; i < COLUMN_COUNT; i++)
		row.columns[i] = next_cell(arena, &line);
	return row;
}

static void apply_deviation(struct row *expected)
{
	for (size_t i = 0; i < ARRAY_LENGTH(deviations); i++) {
		const struct deviation *each = &deviations[i];

		if (!str_is(expected->columns[RUN_KIND], each->kind) || !str_is(expected->columns[FROM], each->from) ||
		    !str_is(expected->columns[TO], each->to))
			continue;
		ASSERT(str_is(expected->columns[HTTP_STATUS], "500"));
		for (int column = STATUS; column < COLUMN_COUNT; column++)
			expected->columns[column] = str_of(each->columns[column] ? each->columns[column] : "");
	}
}

/* --- Measuring --- */

static const struct label *find_label(struct str name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(labels); i++)
		if (str_is(name, labels[i].label))
			return &labels[i];
	return NULL;
}

static const struct matrix_kind *find_kind(struct str name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
		if (str_is(name, kinds[i].name))
			return &kinds[i];
	fprintf(stderr, "unknown run_kind %.*s\n", STR_ARG(name));
	abort();
}

/* The state that a client would propose. */
static struct state make_state(const struct matrix_subject *subject, struct arena *arena, const struct label *label)
{
	struct state state = { .type = label->type,
		               .name = str_of(label->name),
		               .timestamp = TIMESTAMP_NONE,
		               .data = label->has_data ? STR("{\"type\":\"reference\",\"storage_key\":\"k\"}")
		                                       : STR_NULL };
	int64_t in_an_hour = subject->now_us(subject->world) + INT64_C(3600) * 1000000;

	if (label->in_an_hour)
		state.details = arena_printf(arena, "{\"scheduled_time\":\"%s\"}", timestamp_text(in_an_hour).text);
	if (label->reschedule)
		state.details = STR("{\"pause_reschedule\":true}");
	return state;
}

/* Runs with the same kind of parent share one. */
static struct uuid find_parent(const struct matrix_subject *subject, struct arena *arena,
                               const struct matrix_kind *kind, struct uuid *parents)
{
	const struct matrix_kind flow_run = { .name = "flow_run" };
	const struct label *label;
	struct state state;

	if (!kind->parent)
		return (struct uuid){ 0 };
	label = find_label(str_of(kind->parent));
	if (uuid_is_nil(parents[label - labels])) {
		state = make_state(subject, arena, label);
		parents[label - labels] = subject->create(subject->world, arena, &flow_run, (struct uuid){ 0 }, &state);
	}
	return parents[label - labels];
}

static struct uuid create(const struct matrix_subject *subject, struct arena *arena, const struct matrix_kind *kind,
                          struct uuid parent, const struct label *label)
{
	const struct label *running = find_label(STR("Running"));
	const bool in_two_steps = label && label->has_data;
	struct state state = { 0 }, final;
	struct matrix_answer ignored;
	struct uuid id;

	if (label)
		state = make_state(subject, arena, in_two_steps ? running : label);
	id = subject->create(subject->world, arena, kind, parent, &state);
	if (in_two_steps) {
		final = make_state(subject, arena, label);
		subject->set_state(subject->world, arena, kind, id, &final, true, &ignored);
	}
	return id;
}

static struct str set_or_null(int64_t instant)
{
	return instant == TIMESTAMP_NONE ? STR("null") : STR("set");
}

static struct str number(struct arena *arena, int64_t value)
{
	return arena_printf(arena, "%lld", (long long)value);
}

/* Ids differ from run to run. */
static struct str mask_ids(struct arena *arena, struct str text)
{
	AUTO(strbuf_done) struct strbuf masked = { 0 };

	for (size_t i = 0; i < text.length;) {
		struct str part = { text.data + i, MIN(text.length - i, (size_t)UUID_TEXT_LENGTH) };
		struct uuid id;

		if (part.length == UUID_TEXT_LENGTH && uuid_parse(part, &id)) {
			strbuf_puts(&masked, "<uuid>");
			i += UUID_TEXT_LENGTH;
		} else {
			strbuf_putc(&masked, text.data[i++]);
		}
	}
	return arena_str(arena, strbuf_str(&masked));
}

static void fill_stored(struct arena *arena, const struct matrix_run *run, struct row *row)
{
	struct run_policy policy;
	struct problem problem;
	int result = run_policy_read(arena, run->empirical_policy, &policy, &problem);

	ASSERT(result == 0);
	row->columns[STORED_STATE_TYPE] = str_of(state_type_names[run->state_type]);
	row->columns[STORED_STATE_NAME] = run->state_name;
	row->columns[RUN_COUNT_AFTER] = number(arena, run->run_count);
	row->columns[START_TIME] = set_or_null(run->start_time);
	row->columns[END_TIME] = set_or_null(run->end_time);
	row->columns[EXPECTED_START_TIME] = set_or_null(run->expected_start_time);
	row->columns[NEXT_SCHEDULED_START_TIME] = set_or_null(run->next_scheduled_start_time);
	row->columns[RETRY_TYPE] = policy.retry_type;
}

static void fill_answer(struct arena *arena, const struct matrix_answer *answer, struct row *row)
{
	const struct verdict *verdict = &answer->verdict;

	row->columns[STATUS] = str_of(verdict_status_name(verdict->status));
	row->columns[DETAILS_TYPE] = str_of(verdict_details_type(verdict->status));
	row->columns[REASON] = mask_ids(arena, verdict->reason);
	row->columns[HTTP_STATUS] = verdict->writes ? STR("201") : STR("200");
	row->columns[RESULTING_STATE_TYPE] = str_of(state_type_names[answer->state_type]);
	row->columns[RESULTING_STATE_NAME] = answer->state_name;
	if (verdict->status == VERDICT_WAIT)
		row->columns[DELAY_SECONDS] = verdict->delay_seconds >= 3590 && verdict->delay_seconds <= 3600
		                                      ? STR("~3600")
		                                      : number(arena, verdict->delay_seconds);
}

static void measure_creation(const struct matrix_subject *subject, struct arena *arena, const struct matrix_kind *kind,
                             struct uuid parent, const struct label *to, struct row *row)
{
	struct state state = { 0 };
	struct matrix_run run;
	struct uuid id;

	if (to)
		state = make_state(subject, arena, to);
	id = subject->create(subject->world, arena, kind, parent, &state);
	subject->read(subject->world, arena, kind, id, &run);
	row->columns[STATUS] = STR("CREATE");
	row->columns[DETAILS_TYPE] = STR("create");
	row->columns[HTTP_STATUS] = STR("201");
	row->columns[RESULTING_STATE_TYPE] = str_of(state_type_names[run.state_type]);
	row->columns[RESULTING_STATE_NAME] = run.state_name;
	fill_stored(arena, &run, row);
}

static void measure_transition(const struct matrix_subject *subject, struct arena *arena,
                               const struct matrix_kind *kind, struct uuid parent, const struct label *from,
                               const struct label *to, struct row *row)
{
	struct state proposed = make_state(subject, arena, to);
	struct matrix_answer answer;
	struct matrix_run run;
	struct uuid id = create(subject, arena, kind, parent, from);

	subject->read(subject->world, arena, kind, id, &run);
	row->columns[RUN_COUNT_BEFORE] = number(arena, run.run_count);
	subject->set_state(subject->world, arena, kind, id, &proposed, false, &answer);
	fill_answer(arena, &answer, row);
	subject->read(subject->world, arena, kind, id, &run);
	fill_stored(arena, &run, row);
}

/* --- Comparing --- */

static bool print_differences(const struct row *expected, const struct row *measured)
{
	bool differ = false;

	for (int i = STATUS; i < COLUMN_COUNT; i++) {
		if (str_equal(expected->columns[i], measured->columns[i]))
			continue;
		if (!differ)
			fprintf(stderr, "%.*s: %.*s -> %.*s\n", STR_ARG(expected->columns[RUN_KIND]),
			        STR_ARG(expected->columns[FROM]), STR_ARG(expected->columns[TO]));
		fprintf(stderr, "    %s: expected \"%.*s\", got \"%.*s\"\n", column_names[i],
		        STR_ARG(expected->columns[i]), STR_ARG(measured->columns[i]));
		differ = true;
	}
	return differ;
}

size_t matrix_compare(const struct matrix_subject *subject, size_t *rows)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct uuid parents[ARRAY_LENGTH(labels)] = { 0 };
	struct str text = read_file(&arena);
	size_t differing = 0;

	*rows = 0;
	ASSERT(str_is(next_line(&text), header));
	while (text.length > 0) {
		struct row expected = parse_row(&arena, next_line(&text));
		struct row measured = expected;
		const struct matrix_kind *kind = find_kind(expected.columns[RUN_KIND]);
		const struct label *from = find_label(expected.columns[FROM]);
		const struct label *to = find_label(expected.columns[TO]);
		struct uuid parent = find_parent(subject, &arena, kind, parents);

		for (int i = STATUS; i < COLUMN_COUNT; i++)
			measured.columns[i] = STR("");
		if (from && to)
			measure_transition(subject, &arena, kind, parent, from, to, &measured);
		else
			measure_creation(subject, &arena, kind, parent, to, &measured);
		apply_deviation(&expected);
		differing += print_differences(&expected, &measured);
		(*rows)++;
	}
	return differing;
}
