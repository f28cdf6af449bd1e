/* SPDX-License-Identifier: Apache-2.0 */
/* weir artifact … */
#include "core/artifact.h"

#include "cli/listing.h"
#include "cli/view.h"

#include <inttypes.h>

struct artifact_options {
	struct str key;
	int64_t limit;
	bool all;
};

static const struct cli_argument key_argument[] = {
	ARGUMENT(struct artifact_options, key, .name = "KEY", .help = "the artifact's key, or its ID"),
};

static void write_artifact(struct json_writer *writer, const struct artifact *artifact)
{
	json_begin_object(writer);
	fields_write(&artifact_fields, artifact, writer);
	json_end_object(writer);
}

/* --- ls --- */

static const struct cli_option ls_options[] = {
	OPTION(struct artifact_options, limit, OPTION_INTEGER, .name = "limit", .minimum = 1, .maximum = INT64_MAX,
	       .value = "N", .setting = "cli.limit", .help = "how many to show"),
	OPTION(struct artifact_options, all, OPTION_FLAG, .name = "all", .letter = 'a',
	       .help = "all of each key, and those without one"),
};

static const struct table_column columns[] = {
	{ .title = "ID", .minimum = 13, .last = true },
	{ .title = "Key", .minimum = 8 },
	{ .title = "Type" },
	{ .title = "Updated" },
};

static int list_artifact(void *data, const void *record)
{
	const struct artifact *artifact = record;
	struct listing *listing = data;
	struct uuid_text id = uuid_text(artifact->id);

	arena_clear(&listing->scratch);
	if (!cli_wants_json(listing->cli)) {
		const struct table_cell cells[] = {
			{ str_of(id.text), STYLE_NONE },
			{ artifact->key, STYLE_BOLD },
			{ artifact->type, STYLE_NONE },
			{ text_ago(&listing->scratch, artifact->updated, listing->cli->now_us), STYLE_NONE },
		};

		return table_add(&listing->table, cells) ? 0 : 1;
	}
	write_artifact(json_list_item(&listing->json), artifact);
	return output_flush_full(&listing->cli->out) ? 0 : 1;
}

static int run_ls(struct cli *cli, const void *data, struct problem *problem)
{
	const struct artifact_options *options = data;
	struct artifact_query query = { .latest = !options->all };
	struct listing listing;
	int result = cli_limit(cli, options->limit, &query.limit, problem);

	if (result < 0)
		return result;
	result = listing_init(&listing, cli, columns, ARRAY_LENGTH(columns), problem);
	if (result == 0 && listing.db)
		result = store_artifact_list(listing.db, &query, list_artifact, &listing, problem);
	return listing_finish(&listing, result);
}

static const struct command ls_command = {
	.name = "ls",
	.help = "List what runs have recorded: the newest of each key.",
	.run = run_ls,
	.options = ls_options,
	.option_count = ARRAY_LENGTH(ls_options),
	.options_size = sizeof(struct artifact_options),
	.example = "weir artifact ls\nweir artifact ls --all --limit 100",
};

/* --- inspect --- */

/* Text as its text; the rows of a table, which travel as text, as JSON. */
static struct str data_text(struct arena *arena, const struct artifact *artifact)
{
	const struct json *value;

	if (!artifact->data.data || json_read(arena, artifact->data, JSON_ALLOW_NAN, &value, NULL, NULL) < 0)
		return artifact->data;
	return json_is(value, JSON_TYPE_STRING) ? json_text(arena, value) : artifact->data;
}

static int run_inspect(struct cli *cli, const void *data, struct problem *problem)
{
	static const char *const hidden[] = { "key", "data", NULL };
	const struct artifact_options *options = data;
	struct artifact artifact;
	struct json_writer writer;
	struct db *db;
	int result = cli_reader(cli, &db, problem);

	if (result == 0)
		result = artifact_find(db, options->key, &cli->arena, &artifact, problem);
	if (result < 0)
		return result;
	if (cli_wants_json(cli)) {
		json_writer_init(&writer, &cli->out.buffer);
		write_artifact(&writer, &artifact);
		output_puts(&cli->out, "\n");
		return 0;
	}
	view_title(cli, "Artifact", artifact.key.data ? artifact.key : str_of(uuid_text(artifact.id).text));
	view_fields(cli, &artifact_fields, &artifact, hidden);
	view_heading(cli, "Data");
	output_str(&cli->out, text_visible_lines(&cli->arena, data_text(&cli->arena, &artifact)));
	output_puts(&cli->out, "\n");
	return 0;
}

static const struct command inspect_command = {
	.name = "inspect",
	.help = "Show an artifact: of a key the newest.",
	.run = run_inspect,
	.arguments = key_argument,
	.argument_count = ARRAY_LENGTH(key_argument),
	.options_size = sizeof(struct artifact_options),
	.example = "weir artifact inspect daily-report",
};

/* --- delete --- */

struct deletion {
	struct str key;
	int64_t count;
};

static int delete (struct tx *tx, void *request)
{
	struct deletion *deletion = request;

	return artifact_delete(tx, deletion->key, &deletion->count);
}

static int run_delete(struct cli *cli, const void *data, struct problem *problem)
{
	struct deletion deletion = { .key = ((const struct artifact_options *)data)->key };
	struct store *store;
	int result = cli_writer(cli, &store, problem);

	if (result == 0)
		result = store_run(store, delete, &deletion, problem);
	if (result < 0)
		return result;
	if (cli_wants_json(cli))
		output_printf(&cli->out, "{\"deleted\":%" PRId64 "}\n", deletion.count);
	else
		output_printf(&cli->out, "Deleted %" PRId64 " artifact%s '%.*s'\n", deletion.count,
		              deletion.count == 1 ? "" : "s", STR_ARG(text_visible(&cli->arena, deletion.key)));
	return 0;
}

static const struct command delete_command = {
	.name = "delete",
	.help = "Delete an artifact by its ID, or all of a key.",
	.run = run_delete,
	.arguments = key_argument,
	.argument_count = ARRAY_LENGTH(key_argument),
	.options_size = sizeof(struct artifact_options),
	.example = "weir artifact delete daily-report",
};

static const struct command *const commands[] = { &ls_command, &inspect_command, &delete_command };

const struct command_group artifact_group = { "artifact", "Artifacts:", commands, ARRAY_LENGTH(commands), NULL };
