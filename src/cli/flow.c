/* SPDX-License-Identifier: Apache-2.0 */
/* weir flow … */
#include "cli/flow.h"

#include "cli/listing.h"

/* --- weir flow ls --- */

struct ls_options {
	int64_t limit;
};

static const struct cli_option ls_option_rows[] = {
	OPTION(struct ls_options, limit, OPTION_INTEGER, .name = "limit", .minimum = 1, .maximum = INT64_MAX,
	       .value = "N", .setting = "cli.limit", .help = "how many to show"),
};

static const struct table_column flow_columns[] = {
	{ .title = "ID", .minimum = 13, .last = true },
	{ .title = "Name", .minimum = 6 },
	{ .title = "Created" },
};

static int list_flow(void *data, const struct flow *flow)
{
	struct listing *listing = data;
	struct cli *cli = listing->cli;
	struct uuid_text id = uuid_text(flow->id);
	struct json_writer *writer;

	arena_clear(&listing->scratch);
	if (!cli_wants_json(cli)) {
		const struct table_cell cells[] = {
			{ str_of(id.text), STYLE_NONE },
			{ flow->name, STYLE_BOLD },
			{ text_ago(&listing->scratch, flow->created, cli->now_us), STYLE_NONE },
		};

		return table_add(&listing->table, cells) ? 0 : 1;
	}
	writer = json_list_item(&listing->json);
	json_begin_object(writer);
	fields_write(&flow_fields, flow, writer);
	json_end_object(writer);
	return output_flush_full(&cli->out) ? 0 : 1;
}

static int run_ls(struct cli *cli, const void *data, struct problem *problem)
{
	const struct ls_options *options = data;
	struct flow_query query = { 0 };
	struct listing listing;
	int result = cli_limit(cli, options->limit, &query.limit, problem);

	if (result < 0)
		return result;
	result = listing_init(&listing, cli, flow_columns, ARRAY_LENGTH(flow_columns), problem);
	if (result == 0 && listing.db)
		result = flow_list(listing.db, &query, list_flow, &listing, problem);
	return listing_finish(&listing, result);
}

/* --- Finding a flow by name, for other commands --- */

struct names {
	struct arena *arena;
	struct VEC(const char *) words;
};

static int collect_name(void *data, const struct flow *flow)
{
	struct names *names = data;

	vec_push(&names->words, arena_str(names->arena, flow->name).data);
	return 0;
}

/* With the name that looks most like it, of the first thousand: more names than anybody compares. */
static int refuse_flow(struct cli *cli, struct db *db, struct str name, struct problem *problem)
{
	const struct flow_query all = { .limit = 1000 };
	struct names names = { .arena = &cli->arena };
	int result = flow_list(db, &all, collect_name, &names, problem);

	if (result == 0)
		result = problem_set(problem, WEIR_ENOTFOUND, "no flow is named '%.*s'%s", STR_ARG(name),
		                     did_you_mean(&cli->arena, name, names.words.items, names.words.count, ""));
	vec_done(&names.words);
	return result;
}

int flow_find(struct cli *cli, struct db *db, struct str name, struct uuid *id, struct problem *problem)
{
	struct flow flow;
	int result;

	if (uuid_parse(name, id))
		return 0;
	result = store_flow_find_name(db, name, &cli->arena, &flow, problem);
	if (result == WEIR_ENOTFOUND)
		return refuse_flow(cli, db, name, problem);
	*id = flow.id;
	return result;
}

static const struct command ls_command = {
	.name = "ls",
	.help = "List flows by name.",
	.run = run_ls,
	.options = ls_option_rows,
	.option_count = ARRAY_LENGTH(ls_option_rows),
	.options_size = sizeof(struct ls_options),
	.example = "weir flow ls --limit 5",
};

static const struct command *const commands[] = { &ls_command };

const struct command_group flow_group = { "flow", "Flows:", commands, ARRAY_LENGTH(commands) };
