/* SPDX-License-Identifier: Apache-2.0 */
/* weir variable … */
#include "core/variable.h"

#include "cli/listing.h"
#include "cli/view.h"

struct variable_options {
	struct str name, value;
	struct texts tags;
	bool overwrite;
	int64_t limit;
};

static const struct cli_argument name_argument[] = {
	ARGUMENT(struct variable_options, name, .name = "NAME", .help = "the variable's name"),
};

static void write_variable(struct json_writer *writer, const struct variable *variable)
{
	json_begin_object(writer);
	fields_write(&variable_fields, variable, writer);
	json_end_object(writer);
}

static void print_json(struct cli *cli, const struct variable *variable)
{
	struct json_writer writer;

	json_writer_init(&writer, &cli->out.buffer);
	write_variable(&writer, variable);
	output_puts(&cli->out, "\n");
}

static int load(struct cli *cli, const void *data, struct variable *out, struct problem *problem)
{
	struct db *db;
	int result = cli_reader(cli, &db, problem);

	if (result < 0)
		return result;
	return variable_find(db, ((const struct variable_options *)data)->name, &cli->arena, out, problem);
}

/* A string as its text, other values as JSON. */
static struct str value_text(struct arena *arena, struct str value)
{
	const struct json *read;

	if (json_read(arena, value, JSON_ALLOW_NAN, &read, NULL, NULL) < 0 || !json_is(read, JSON_TYPE_STRING))
		return value;
	return json_text(arena, read);
}

/* --- get, inspect --- */

static int run_get(struct cli *cli, const void *data, struct problem *problem)
{
	struct variable variable;
	struct str text;
	int result = load(cli, data, &variable, problem);

	if (result < 0)
		return result;
	text = cli_wants_json(cli) ? variable.value : value_text(&cli->arena, variable.value);
	output_str(&cli->out, cli->out.terminal ? text_visible_lines(&cli->arena, text) : text);
	output_puts(&cli->out, "\n");
	return 0;
}

static const struct command get_command = {
	.name = "get",
	.help = "Print the value of a variable.",
	.run = run_get,
	.arguments = name_argument,
	.argument_count = ARRAY_LENGTH(name_argument),
	.options_size = sizeof(struct variable_options),
	.example = "weir variable get greeting",
};

static int run_inspect(struct cli *cli, const void *data, struct problem *problem)
{
	static const char *const hidden[] = { "name", NULL };
	struct variable variable;
	int result = load(cli, data, &variable, problem);

	if (result < 0)
		return result;
	if (cli_wants_json(cli)) {
		print_json(cli, &variable);
		return 0;
	}
	view_title(cli, "Variable", variable.name);
	view_fields(cli, &variable_fields, &variable, hidden);
	return 0;
}

static const struct command inspect_command = {
	.name = "inspect",
	.help = "Show a variable.",
	.run = run_inspect,
	.arguments = name_argument,
	.argument_count = ARRAY_LENGTH(name_argument),
	.options_size = sizeof(struct variable_options),
	.example = "weir variable inspect greeting",
};

/* --- set --- */

static const struct cli_argument set_arguments[] = {
	ARGUMENT(struct variable_options, name, .name = "NAME", .help = "the variable's name"),
	ARGUMENT(struct variable_options, value, .name = "VALUE", .help = "JSON; what is no JSON is taken as text"),
};

static const struct cli_option set_options[] = {
	OPTION(struct variable_options, overwrite, OPTION_FLAG, .name = "overwrite",
	       .help = "replace the value when there is one"),
	OPTION(struct variable_options, tags, OPTION_TEXTS, .name = "tag", .value = "TAG", .help = "a tag"),
};

struct setting_of {
	struct variable variable;
	bool overwrite;
};

static int set(struct tx *tx, void *request)
{
	struct setting_of *setting = request;
	struct variable variable = setting->variable;
	int result = variable_set(tx, &variable, setting->overwrite);

	if (result == 0) { /* its tags may lie in the transaction's arena */
		setting->variable.id = variable.id;
		setting->variable.created = variable.created;
		setting->variable.updated = variable.updated;
	}
	return result;
}

/* "3" is a number, "{…}" an object, "hello" the text "hello". */
static struct str value_json(struct arena *arena, struct str text)
{
	AUTO(strbuf_done) struct strbuf buffer = { 0 };
	const struct json *read;

	if (json_read(arena, text, 0, &read, NULL, NULL) == 0)
		return read->raw;
	json_escape(&buffer, text);
	return arena_str(arena, strbuf_str(&buffer));
}

static struct str tags_json(struct arena *arena, const struct texts *tags)
{
	AUTO(strbuf_done) struct strbuf buffer = { 0 };
	struct json_writer writer;

	if (tags->count == 0)
		return STR_NULL;
	json_writer_init(&writer, &buffer);
	json_begin_array(&writer);
	for (size_t i = 0; i < tags->count; i++)
		json_str(&writer, tags->items[i]);
	json_end_array(&writer);
	return arena_str(arena, strbuf_str(&buffer));
}

static int run_set(struct cli *cli, const void *data, struct problem *problem)
{
	const struct variable_options *options = data;
	struct setting_of setting = {
		.variable = { .name = options->name,
		              .value = value_json(&cli->arena, options->value),
		              .tags = tags_json(&cli->arena, &options->tags) },
		.overwrite = options->overwrite,
	};
	struct store *store;
	int result = cli_maker(cli, &store, problem);

	if (result == 0)
		result = store_run(store, set, &setting, problem);
	if (result == WEIR_EEXISTS)
		return problem_set(problem, result, "there is a variable '%.*s' already: say --overwrite to replace it",
		                   STR_ARG(options->name));
	if (result < 0)
		return result;
	if (cli_wants_json(cli))
		return run_inspect(cli, data, problem);
	output_printf(&cli->out, "Set variable '%.*s'\n", STR_ARG(options->name));
	return 0;
}

static const struct command set_command = {
	.name = "set",
	.help = "Make a variable, or give it another value.",
	.run = run_set,
	.options = set_options,
	.option_count = ARRAY_LENGTH(set_options),
	.arguments = set_arguments,
	.argument_count = ARRAY_LENGTH(set_arguments),
	.options_size = sizeof(struct variable_options),
	.example = "weir variable set greeting hello\nweir variable set limits '{\"rows\": 100}' --overwrite",
};

/* --- unset --- */

static int unset(struct tx *tx, void *request)
{
	return variable_delete(tx, *(const struct str *)request);
}

static int run_unset(struct cli *cli, const void *data, struct problem *problem)
{
	return cli_delete_by_name(cli, "variable", unset, ((const struct variable_options *)data)->name, problem);
}

static const struct command unset_command = {
	.name = "unset",
	.help = "Delete a variable.",
	.run = run_unset,
	.arguments = name_argument,
	.argument_count = ARRAY_LENGTH(name_argument),
	.options_size = sizeof(struct variable_options),
	.example = "weir variable unset greeting",
};

/* --- ls --- */

static const struct cli_option ls_options[] = {
	OPTION(struct variable_options, limit, OPTION_INTEGER, .name = "limit", .minimum = 1, .maximum = INT64_MAX,
	       .value = "N", .setting = "cli.limit", .help = "how many to show"),
};

static const struct table_column columns[] = {
	{ .title = "Name", .minimum = 8 },
	{ .title = "Value", .minimum = 10 },
	{ .title = "Updated" },
};

static int list_variable(void *data, const void *record)
{
	const struct variable *variable = record;
	struct listing *listing = data;

	arena_clear(&listing->scratch);
	if (!cli_wants_json(listing->cli)) {
		const struct table_cell cells[] = {
			{ variable->name, STYLE_BOLD },
			{ variable->value, STYLE_NONE },
			{ text_ago(&listing->scratch, variable->updated, listing->cli->now_us), STYLE_NONE },
		};

		return table_add(&listing->table, cells) ? 0 : 1;
	}
	write_variable(json_list_item(&listing->json), variable);
	return output_flush_full(&listing->cli->out) ? 0 : 1;
}

static int run_ls(struct cli *cli, const void *data, struct problem *problem)
{
	struct listing listing;
	int64_t limit;
	int result = cli_limit(cli, ((const struct variable_options *)data)->limit, &limit, problem);

	if (result < 0)
		return result;
	result = listing_init(&listing, cli, columns, ARRAY_LENGTH(columns), problem);
	if (result == 0 && listing.db)
		result = store_variable_list(listing.db, limit, list_variable, &listing, problem);
	return listing_finish(&listing, result);
}

static const struct command ls_command = {
	.name = "ls",
	.help = "List variables by name.",
	.run = run_ls,
	.options = ls_options,
	.option_count = ARRAY_LENGTH(ls_options),
	.options_size = sizeof(struct variable_options),
	.example = "weir variable ls",
};

static const struct command *const commands[] = {
	&ls_command, &get_command, &inspect_command, &set_command, &unset_command,
};

const struct command_group variable_group = { "variable", "Variables:", commands, ARRAY_LENGTH(commands), NULL };
