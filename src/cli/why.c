/* SPDX-License-Identifier: Apache-2.0 */
/* weir why: core/why.c answers as JSON; here it is laid out for people */
#include "cli/runs.h"

#include "base/log.h"
#include "core/core.h"

static const struct cli_argument arguments[] = {
	ARGUMENT(struct run_options, id, .name = "ID", .help = RUN_ID_HELP),
};

enum { CAUSE_INDENT = 2, DETAIL_INDENT = 6, VALUE_INDENT = 8 };

struct answer {
	struct cli *cli;
	struct arena *arena;
};

/* --- Details --- */

/* Lines of a text, each indented; the first one by as much as is missing at its place. */
static void print_lines(const struct answer *answer, struct str text, int first_indent)
{
	struct output *out = &answer->cli->out;
	struct str rest = text_visible_lines(answer->arena, text);
	int indent = first_indent;

	do {
		const char *newline = rest.length ? memchr(rest.data, '\n', rest.length) : NULL;
		size_t length = newline ? (size_t)(newline - rest.data) : rest.length;

		output_printf(out, "%*s%.*s\n", indent, "", (int)length, rest.data ? rest.data : "");
		length += newline != NULL;
		rest = (struct str){ rest.data + length, rest.length - length };
		indent = VALUE_INDENT;
	} while (rest.length > 0);
}

/* A string as its text, anything else as it is written. */
static struct str plain_text(const struct answer *answer, const struct json *value)
{
	return json_is(value, JSON_TYPE_STRING) ? json_text(answer->arena, value) : value->raw;
}

/* A member of an object in a list, such as a log line: times are local, levels have names. */
static struct str member_text(const struct answer *answer, const struct json *member)
{
	struct str text = plain_text(answer, member);
	int64_t instant_us, level;

	if ((str_is(member->key, "timestamp") || str_is(member->key, "at")) &&
	    timestamp_parse(text, &instant_us, NULL) == 0)
		return text_time(answer->arena, instant_us);
	if (str_is(member->key, "level") && json_to_integer(member, &level))
		return str_of(log_level_name((int)level));
	return text;
}

/* An object is one line, its members in their order. */
static struct str element_text(const struct answer *answer, const struct json *element)
{
	struct str text = STR("");

	if (!json_is(element, JSON_TYPE_OBJECT))
		return plain_text(answer, element);
	for (const struct json *member = element->child; member; member = member->next)
		text = arena_printf(answer->arena, "%.*s%s%.*s", STR_ARG(text), text.length ? " | " : "",
		                    STR_ARG(member_text(answer, member)));
	return text;
}

static void print_detail(const struct answer *answer, const struct json *member)
{
	struct str label = text_visible(answer->arena, member->key);

	output_printf(&answer->cli->out, "%*s", DETAIL_INDENT, "");
	for (size_t i = 0; i < label.length; i++)
		output_printf(&answer->cli->out, "%c", label.data[i] == '_' ? ' ' : label.data[i]);
	output_puts(&answer->cli->out, ":");
	if (!json_is(member, JSON_TYPE_ARRAY)) {
		print_lines(answer, plain_text(answer, member), 1);
		return;
	}
	output_puts(&answer->cli->out, "\n");
	for (const struct json *element = member->child; element; element = element->next)
		print_lines(answer, element_text(answer, element), VALUE_INDENT);
}

/* --- The answer --- */

/* A sentence: one line, whatever a name in it holds. */
static struct str sentence(const struct answer *answer, const struct json *object, const char *key)
{
	return text_visible(answer->arena, json_text(answer->arena, json_get(object, key)));
}

static struct str since_text(const struct answer *answer, const struct json *since)
{
	struct str text = json_text(answer->arena, since);
	int64_t instant_us;

	if (!text.data || timestamp_parse(text, &instant_us, NULL) < 0)
		return STR_NULL;
	return arena_printf(answer->arena, " (since %s)",
	                    text_time_ago(answer->arena, instant_us, answer->cli->now_us).data);
}

static void print_cause(const struct answer *answer, const struct json *cause)
{
	const struct json *detail = json_get(cause, "detail");
	struct str since = since_text(answer, json_get(cause, "since"));

	output_printf(&answer->cli->out, "%*s- %.*s%.*s\n", CAUSE_INDENT, "", STR_ARG(sentence(answer, cause, "cause")),
	              STR_ARG(since));
	if (!json_is(detail, JSON_TYPE_OBJECT))
		return;
	for (const struct json *member = detail->child; member; member = member->next) {
		if (!json_is_none(member))
			print_detail(answer, member);
	}
}

static int print_answer(struct cli *cli, struct str text, struct problem *problem)
{
	const struct answer answer = { cli, &cli->arena };
	const struct json *json, *because;
	struct str next;
	int result = json_read(&cli->arena, text, JSON_ALLOW_NAN, &json, NULL, problem);

	if (result < 0)
		return result;
	output_styled(&cli->out, STYLE_BOLD, sentence(&answer, json, "answer"));
	output_puts(&cli->out, "\n");
	because = json_get(json, "because");
	for (const struct json *cause = because ? because->child : NULL; cause; cause = cause->next)
		print_cause(&answer, cause);
	next = sentence(&answer, json, "next");
	if (next.length > 0)
		output_printf(&cli->out, "Next: %.*s\n", STR_ARG(next));
	return 0;
}

/* A flow run, else a task run. */
static int resolve(struct db *db, struct str text, struct uuid *id, struct problem *problem)
{
	int result = flow_run_resolve(db, text, id, problem);

	if (result == WEIR_ENOTFOUND)
		result = task_run_resolve(db, text, id, problem);
	if (result == WEIR_ENOTFOUND)
		return problem_set(problem, result,
		                   "there is no flow run or task run '%.*s': weir flow-run ls shows some",
		                   STR_ARG(text));
	return result;
}

static int run_why(struct cli *cli, const void *data, struct problem *problem)
{
	const struct run_options *options = data;
	AUTO(strbuf_done) struct strbuf json = { 0 };
	struct uuid id;
	struct db *db;
	int result = cli_reader(cli, &db, problem);

	if (result == 0)
		result = resolve(db, options->id, &id, problem);
	if (result == 0)
		result = why_run(cli->store, db, id, &json, problem);
	if (result < 0)
		return result;
	if (!cli_wants_json(cli))
		return print_answer(cli, strbuf_str(&json), problem);
	output_str(&cli->out, strbuf_str(&json));
	output_puts(&cli->out, "\n");
	return 0;
}

static const struct command why_command = {
	.name = "why",
	.help = "Explain what a run waits for, or why it ended as it did.",
	.run = run_why,
	.arguments = arguments,
	.argument_count = ARRAY_LENGTH(arguments),
	.options_size = sizeof(struct run_options),
	.description = "For a run in any state: what it waits for and since when, what failed and with which message, "
	               "who cancelled it, how often it was tried, and what happens next.",
	.example = "weir why calm-otter\nweir why 0196f3a2-7c4d -o json",
};

static const struct command *const commands[] = { &why_command };

const struct command_group why_group = { NULL, "Answers:", commands, ARRAY_LENGTH(commands) };
