/* SPDX-License-Identifier: Apache-2.0 */
/* weir flow-run resume */
#include "cli/run_json.h"
#include "cli/runs.h"

#include "core/pause.h"
#include "engine/callable.h"
#include "rules/run_input.h"

#include <stdlib.h>

struct resume_options {
	struct str id;
	struct texts inputs;
	struct str input_json;
};

#define RESUME(member, kind, ...) OPTION(struct resume_options, member, kind, __VA_ARGS__)

static const struct cli_option option_rows[] = {
	RESUME(inputs, OPTION_TEXTS, .name = "input", .letter = 'i', .value = "NAME=VALUE",
	       .help = "a value that the run asks for: text as it is, everything else as JSON"),
	RESUME(input_json, OPTION_TEXT, .name = "input-json", .value = "JSON",
	       .help = "several of them, as an object; --input comes before it"),
};

/* The run that is to go on. */
struct resumption {
	struct cli *cli;
	struct store *store;
	struct db *db;
	struct problem *problem;
	struct flow_run run;
	struct state state;
	struct str name; /* visible */
	struct str schema, description;
	struct str input; /* JSON */
	/* filled by the job, texts in the cli's arena */
	struct set_state_result answer;
};

static int look_at_run(struct resumption *resumption, struct str text)
{
	struct cli *cli = resumption->cli;
	struct uuid id;
	int result = flow_run_resolve(resumption->db, text, &id, resumption->problem);

	if (result == 0)
		result = flow_run_get(resumption->db, id, &cli->arena, &resumption->run, &resumption->state,
		                      resumption->problem);
	if (result < 0)
		return result;
	resumption->name = text_visible(&cli->arena, resumption->run.name);
	if (resumption->state.type != STATE_PAUSED)
		return problem_set(resumption->problem, WEIR_ECONFLICT,
		                   "flow run '%.*s' is not paused: it became %.*s %.*s", STR_ARG(resumption->name),
		                   STR_ARG(resumption->state.name),
		                   STR_ARG(text_ago(&cli->arena, resumption->state.timestamp, cli->now_us)));
	return flow_run_asks(resumption->db, id, &resumption->state, &cli->arena, &resumption->schema,
	                     &resumption->description, resumption->problem);
}

/* --- The input --- */

static const struct {
	const char *word;
	enum weir_type type;
} types[] = {
	{ "string", WEIR_STRING },   { "integer", WEIR_INTEGER }, { "number", WEIR_NUMBER },
	{ "boolean", WEIR_BOOLEAN }, { "array", WEIR_ARRAY },     { "object", WEIR_OBJECT },
};

static enum weir_type type_of_field(const struct input_field *fields, int count, struct str name)
{
	for (int i = 0; i < count; i++) {
		for (size_t t = 0; t < ARRAY_LENGTH(types); t++) {
			if (str_equal(fields[i].name, name) && str_is(fields[i].type, types[t].word))
				return types[t].type;
		}
	}
	return WEIR_ANY_VALUE; /* a name that is not asked for is refused with the others */
}

/* "NAME=VALUE" into the object, by the type that is asked for. */
static int add_input(struct resumption *resumption, const struct input_field *fields, int count, struct str text,
                     json_t *input)
{
	const char *equals = memchr(text.data, '=', text.length);
	struct str name = { text.data, equals ? (size_t)(equals - text.data) : 0 };
	struct arena *arena = &resumption->cli->arena;
	json_t *value;

	if (!equals || name.length == 0)
		return problem_set(resumption->problem, WEIR_EINVAL, "option '--input' needs NAME=VALUE, not '%.*s'",
		                   STR_ARG(text));
	name = arena_str(arena, name);
	value = value_from_text(type_of_field(fields, count, name), name.data, equals + 1, resumption->problem);
	if (!value)
		return WEIR_EINVAL;
	if (json_object_set_new(input, name.data, value) < 0)
		return problem_set(resumption->problem, WEIR_EINVAL, "the name of an input is not UTF-8");
	return 0;
}

static int read_json(struct resumption *resumption, struct str text, json_t **input)
{
	json_error_t error;

	*input = text.data ? json_loadb(text.data, text.length, JSON_ALLOW_NUL, &error) : json_object();
	if (!*input)
		return problem_set(resumption->problem, WEIR_EINVAL, "option '--input-json' is not JSON: %s",
		                   error.text);
	if (!json_is_object(*input))
		return problem_set(resumption->problem, WEIR_EINVAL, "option '--input-json' must be a JSON object");
	return 0;
}

/* Everything that is wrong is said at once, and how it is right. */
static int check_input(struct resumption *resumption)
{
	AUTO(strbuf_done) struct strbuf how = { 0 };
	struct arena *arena = &resumption->cli->arena;
	struct problem wrong;
	struct str completed;
	int result = run_input_check(arena, resumption->schema, resumption->input, &completed, &wrong);

	if (result == 0)
		return 0;
	result = pause_how(arena, resumption->name, resumption->schema, &how, resumption->problem);
	return result < 0 ? result
	                  : problem_set(resumption->problem, WEIR_EINVAL,
	                                "flow run '%.*s' asks for something else: %s. Try: %s",
	                                STR_ARG(resumption->name), wrong.message, how.data);
}

static int read_input(struct resumption *resumption, const struct resume_options *options)
{
	struct arena *arena = &resumption->cli->arena;
	struct input_field *fields;
	json_auto_t *input = NULL;
	char *text;
	int count = run_input_fields(arena, resumption->schema, &fields, resumption->problem);
	int result = count < 0 ? count : read_json(resumption, options->input_json, &input);

	for (size_t i = 0; result == 0 && i < options->inputs.count; i++)
		result = add_input(resumption, fields, count, options->inputs.items[i], input);
	if (result < 0)
		return result;
	text = json_dumps(input, JSON_COMPACT);
	resumption->input = arena_str(arena, str_of(text));
	free(text);
	return check_input(resumption);
}

/* --- Resuming --- */

static int resume(struct tx *tx, void *request)
{
	struct resumption *resumption = request;
	struct arena *arena = &resumption->cli->arena;
	int result = flow_run_resume(tx, resumption->run.id, resumption->input, &resumption->answer);

	if (result < 0)
		return result;
	/* The caller waits, so its arena is used by this thread alone; the transaction's is gone when it has been told. */
	resumption->answer.verdict.reason = arena_str(arena, resumption->answer.verdict.reason);
	return 0;
}

static bool was_suspended(const struct resumption *resumption)
{
	return resumption->answer.state.type == STATE_SCHEDULED;
}

/* Its program waits for a word; without one it looks after a while. */
static int tell_program(struct resumption *resumption)
{
	const struct uuid program = resumption->run.program_id;
	struct str message;
	int result;

	if (uuid_is_nil(program))
		return 0;
	message = arena_printf(&resumption->cli->arena, "resume %s", uuid_text(resumption->run.id).text);
	result = store_send(resumption->store, program, message, resumption->problem);
	if (result == WEIR_ENOTFOUND || result == WEIR_EBUSY) {
		cli_warn("the program that runs '%.*s' does not answer; it goes on when it looks into the store",
		         STR_ARG(resumption->name));
		return 0;
	}
	return result;
}

static int resume_run(struct resumption *resumption)
{
	int result = store_run(resumption->store, resume, resumption, resumption->problem);

	if (result < 0)
		return result;
	if (resumption->answer.verdict.status == VERDICT_ACCEPT)
		return was_suspended(resumption) ? 0 : tell_program(resumption);
	if (resumption->answer.state.type == STATE_FAILED && !was_suspended(resumption))
		(void)!tell_program(resumption); /* it need not wait any longer */
	return problem_set(resumption->problem, WEIR_ECONFLICT, "flow run '%.*s' can't be resumed: %.*s",
	                   STR_ARG(resumption->name), STR_ARG(resumption->answer.verdict.reason));
}

/* --- What is said of it --- */

static int print_json(const struct resumption *resumption)
{
	struct cli *cli = resumption->cli;
	struct flow_run run;
	struct state state;
	struct json_writer writer;
	int result = flow_run_get(resumption->db, resumption->run.id, &cli->arena, &run, &state, resumption->problem);

	if (result < 0)
		return result;
	json_writer_init(&writer, &cli->out.buffer);
	json_begin_object(&writer);
	flow_run_write(&writer, &run, &state, cli->now_us);
	json_end_object(&writer);
	output_puts(&cli->out, "\n");
	return 0;
}

static void print_text(const struct resumption *resumption)
{
	AUTO(strbuf_done) struct strbuf name = { 0 };

	pause_put_name(&name, resumption->name);
	output_printf(&resumption->cli->out, "Flow run '%.*s' ", STR_ARG(resumption->name));
	if (was_suspended(resumption))
		output_printf(&resumption->cli->out, "is resumed; go on with it by: PROGRAM resume %s\n", name.data);
	else
		output_puts(&resumption->cli->out, "goes on.\n");
}

static int run_resume(struct cli *cli, const void *data, struct problem *problem)
{
	const struct resume_options *options = data;
	struct resumption resumption = { .cli = cli, .problem = problem };
	int result = cli_writer(cli, &resumption.store, problem);

	if (result == 0)
		result = cli_reader(cli, &resumption.db, problem);
	if (result == 0)
		result = look_at_run(&resumption, options->id);
	if (result == 0)
		result = read_input(&resumption, options);
	if (result == 0)
		result = resume_run(&resumption);
	if (result < 0)
		return result;
	if (cli_wants_json(cli))
		return print_json(&resumption);
	print_text(&resumption);
	return 0;
}

static const struct cli_argument arguments[] = {
	ARGUMENT(struct resume_options, id, .name = "ID", .help = RUN_ID_HELP),
};

const struct command flow_run_resume_command = {
	.name = "resume",
	.help = "Resume a paused or suspended flow run, with the input that it asks for.",
	.run = run_resume,
	.options = option_rows,
	.option_count = ARRAY_LENGTH(option_rows),
	.arguments = arguments,
	.argument_count = ARRAY_LENGTH(arguments),
	.options_size = sizeof(struct resume_options),
	.description =
	        "A paused run goes on at once, in its program. A suspended one has left its program, which begins it "
	        "anew by 'PROGRAM resume ID'. What a run asks for is shown by 'weir flow-run inspect' and 'weir why'.",
	.example = "weir flow-run resume calm-otter --input approved=yes --input limit=3\n"
	           "weir flow-run resume calm-otter --input-json '{\"names\": [\"a\", \"b\"]}'",
};
