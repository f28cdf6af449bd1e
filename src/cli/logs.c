/* SPDX-License-Identifier: Apache-2.0 */
/* weir flow-run logs, weir task-run logs */
#include "cli/run_json.h"
#include "cli/runs.h"

#include "base/log.h"

#include <stdlib.h>

/*
 * Lines are read by pages and written between them. A reader of the output that stops reading (a pager) then holds no
 * snapshot of the database, which would keep the file from shrinking its write-ahead log.
 */
enum { PAGE_LINES = 10000, PAGE_BYTES = 1024 * 1024, NAME_SLOTS = 256 };

struct logs_options {
	struct str id;
	int64_t head;
	int64_t tail;
	bool reverse;
};

/* The name of a task run that had a line lately. */
struct name_slot {
	struct uuid id;
	char *name; /* "Task run 'load-0'": visible text, on the heap */
};

struct logs {
	struct cli *cli;
	struct db *db;
	struct problem *problem;
	struct log_query query;
	struct str speaker; /* "Flow run 'calm-otter'": of lines that are not a task's */
	struct json_list json;
	struct arena scratch; /* emptied for each line */
	struct name_slot names[NAME_SLOTS];
	int64_t page_count; /* lines of this page */
};

/* --- One line --- */

/* Fill the slot with the task run's name, or with its id when it has none. */
static int load_name(struct logs *logs, struct name_slot *slot, struct uuid id)
{
	struct task_run run;
	struct state state;
	struct str name = STR_NULL;
	int result = task_run_get(logs->db, id, &logs->scratch, &run, &state, logs->problem);

	if (result < 0 && result != WEIR_ENOTFOUND)
		return result;
	if (result == 0)
		name = text_visible(&logs->scratch, run.name);
	if (name.length == 0)
		name = str_of(arena_strdup(&logs->scratch, uuid_text(id).text));
	free(slot->name);
	slot->name = xstrdup(arena_printf(&logs->scratch, "Task run '%.*s'", STR_ARG(name)).data);
	slot->id = id;
	return 0;
}

static int find_speaker(struct logs *logs, const struct log_line *line, struct str *speaker)
{
	struct name_slot *slot;

	*speaker = logs->speaker;
	/* All lines of a task run's own listing are that run's. */
	if (uuid_is_nil(line->task_run_id) || !uuid_is_nil(logs->query.task_run_id))
		return 0;
	/* The last byte of an id is random. */
	slot = &logs->names[line->task_run_id.bytes[15] % NAME_SLOTS];
	if (!slot->name || !uuid_equal(slot->id, line->task_run_id)) {
		int result = load_name(logs, slot, line->task_run_id);

		if (result < 0)
			return result;
	}
	*speaker = str_of(slot->name);
	return 0;
}

static enum style level_style(int64_t level)
{
	if (level >= LOG_ERROR)
		return STYLE_RED;
	if (level >= LOG_WARNING)
		return STYLE_YELLOW;
	return level < LOG_INFO ? STYLE_DIM : STYLE_NONE;
}

/* "INFO   ": as wide as the names mostly are. */
static struct str level_text(struct arena *arena, int64_t level)
{
	enum { WIDTH = 7 };
	struct str name = str_of(log_level_name((int)level));
	char *text;

	if (name.length >= WIDTH)
		return name;
	text = arena_alloc(arena, WIDTH);
	memset(text, ' ', WIDTH);
	memcpy(text, name.data, name.length);
	return (struct str){ text, WIDTH };
}

static int print_text(struct logs *logs, const struct log_line *line)
{
	struct output *out = &logs->cli->out;
	struct str message = line->message;
	struct str speaker;
	int result = find_speaker(logs, line, &speaker);

	if (result < 0)
		return result;
	/* A file or another program gets the message as it is. */
	if (out->terminal)
		message = text_visible_lines(&logs->scratch, message);
	output_str(out, text_time(&logs->scratch, line->timestamp));
	output_puts(out, " | ");
	output_styled(out, level_style(line->level), level_text(&logs->scratch, line->level));
	output_puts(out, " | ");
	output_str(out, speaker);
	output_puts(out, " - ");
	output_str(out, message);
	output_puts(out, "\n");
	return 0;
}

static void print_json(struct logs *logs, const struct log_line *line)
{
	struct json_writer *writer = json_list_item(&logs->json);

	json_begin_object(writer);
	fields_write(&log_fields, line, writer);
	json_end_object(writer);
}

static int print_line(void *data, const struct log_line *line)
{
	struct logs *logs = data;
	int result = 0;

	arena_clear(&logs->scratch);
	if (cli_wants_json(logs->cli))
		print_json(logs, line);
	else
		result = print_text(logs, line);
	logs->page_count++;
	logs->query.after_timestamp = line->timestamp;
	logs->query.after_id = line->id;
	if (result == 0 && logs->cli->out.buffer.length > PAGE_BYTES)
		return 1;
	return result;
}

/* --- Which lines --- */

static int mark_line(void *data, const struct log_line *line)
{
	struct logs *logs = data;

	logs->query.after_timestamp = line->timestamp;
	logs->query.after_id = line->id;
	return 0;
}

/*
 * The first or the last so many lines. Printed in the order in which they are counted they are a limit; in the other
 * order, they are what comes after the first line that is not among them.
 */
static int select_lines(struct logs *logs, const struct logs_options *options, int64_t *limit)
{
	bool from_end = options->tail != INTEGER_NONE;
	int64_t count = from_end ? options->tail : options->head;
	struct log_query beyond = logs->query;

	*limit = INT64_MAX;
	logs->query.newest_first = options->reverse;
	if (count == INTEGER_NONE)
		return 0;
	if (from_end == options->reverse) {
		*limit = count;
		return 0;
	}
	beyond.newest_first = from_end;
	beyond.offset = count;
	beyond.limit = 1;
	return log_list(logs->db, &beyond, mark_line, logs, logs->problem);
}

static int print_pages(struct logs *logs, int64_t limit)
{
	bool more = true;

	while (limit > 0 && more) {
		int result;

		logs->page_count = 0;
		logs->query.limit = MIN(limit, (int64_t)PAGE_LINES);
		result = log_list(logs->db, &logs->query, print_line, logs, logs->problem);
		if (result < 0)
			return result;
		limit -= logs->page_count;
		more = (result > 0 || logs->page_count == logs->query.limit) && output_flush_full(&logs->cli->out);
	}
	return 0;
}

static int print_logs(struct logs *logs, const struct logs_options *options)
{
	int64_t limit;
	int result = select_lines(logs, options, &limit);

	if (result == 0)
		result = print_pages(logs, limit);
	if (result == 0 && cli_wants_json(logs->cli))
		json_list_finish(&logs->json);
	for (size_t i = 0; i < NAME_SLOTS; i++)
		free(logs->names[i].name);
	arena_done(&logs->scratch);
	return result;
}

static int logs_init(struct logs *logs, struct cli *cli, const struct logs_options *options, struct problem *problem)
{
	*logs = (struct logs){ .cli = cli, .problem = problem, .json = { .output = &cli->out } };
	if (options->head != INTEGER_NONE && options->tail != INTEGER_NONE)
		return problem_set(problem, WEIR_EINVAL, "give --head or --tail, not both");
	return cli_reader(cli, &logs->db, problem);
}

static struct str make_speaker(struct cli *cli, const char *noun, struct str name)
{
	return arena_printf(&cli->arena, "%s '%.*s'", noun, STR_ARG(text_visible(&cli->arena, name)));
}

/* --- The commands --- */

static int run_flow_run_logs(struct cli *cli, const void *data, struct problem *problem)
{
	const struct logs_options *options = data;
	struct flow_run run;
	struct state state;
	struct logs logs;
	int result = logs_init(&logs, cli, options, problem);

	if (result == 0)
		result = flow_run_resolve(logs.db, options->id, &logs.query.flow_run_id, problem);
	if (result == 0)
		result = flow_run_get(logs.db, logs.query.flow_run_id, &cli->arena, &run, &state, problem);
	if (result < 0)
		return result;
	logs.speaker = make_speaker(cli, "Flow run", run.name);
	return print_logs(&logs, options);
}

static int run_task_run_logs(struct cli *cli, const void *data, struct problem *problem)
{
	const struct logs_options *options = data;
	struct task_run run;
	struct state state;
	struct logs logs;
	int result = logs_init(&logs, cli, options, problem);

	if (result == 0)
		result = task_run_resolve(logs.db, options->id, &logs.query.task_run_id, problem);
	if (result == 0)
		result = task_run_get(logs.db, logs.query.task_run_id, &cli->arena, &run, &state, problem);
	if (result < 0)
		return result;
	logs.speaker = make_speaker(cli, "Task run", run.name);
	return print_logs(&logs, options);
}

#define LOGS(member, kind, ...) OPTION(struct logs_options, member, kind, __VA_ARGS__)

static const struct cli_option option_rows[] = {
	LOGS(head, OPTION_INTEGER, .name = "head", .bare = "20", .minimum = 1, .maximum = INT64_MAX, .value = "N",
	     .help = "only the first N lines"),
	LOGS(tail, OPTION_INTEGER, .name = "tail", .letter = 't', .bare = "20", .minimum = 1, .maximum = INT64_MAX,
	     .value = "N", .help = "only the last N lines"),
	LOGS(reverse, OPTION_FLAG, .name = "reverse", .letter = 'r', .help = "the newest line first"),
};

static const struct cli_argument arguments[] = {
	ARGUMENT(struct logs_options, id, .name = "ID", .help = RUN_ID_HELP),
};

const struct command flow_run_logs_command = {
	.name = "logs",
	.help = "Show the log of a flow run and of its tasks.",
	.run = run_flow_run_logs,
	.options = option_rows,
	.option_count = ARRAY_LENGTH(option_rows),
	.arguments = arguments,
	.argument_count = ARRAY_LENGTH(arguments),
	.options_size = sizeof(struct logs_options),
	.description = "Times are those of the local time zone; --output json has them in UTC. On a terminal, control "
	               "characters in messages are shown as escapes.",
	.example = "weir flow-run logs calm-otter --tail 50\nweir flow-run logs calm-otter | grep ERROR",
};

const struct command task_run_logs_command = {
	.name = "logs",
	.help = "Show the log of a task run.",
	.run = run_task_run_logs,
	.options = option_rows,
	.option_count = ARRAY_LENGTH(option_rows),
	.arguments = arguments,
	.argument_count = ARRAY_LENGTH(arguments),
	.options_size = sizeof(struct logs_options),
	.description = "Times are those of the local time zone; --output json has them in UTC. On a terminal, control "
	               "characters in messages are shown as escapes.",
	.example = "weir task-run logs load-0 --tail 50",
};
