/* SPDX-License-Identifier: Apache-2.0 */
/* weir flow … */
#include "cli/flow.h"

#include "cli/listing.h"

/* --- weir flow ls --- */

struct ls_options {
	int64_t limit;
};

static const struct cli_option ls_option_rows[] = {
	OPTION(struct ls_options, limit, OPTION_INTEGER, .name = "limit", .minimum = 1,
	       .maximum = INT64_MAX, .value = "N", .setting = "cli.limit", .help = "how many to show"),
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

struct flow_search {
	struct arena *arena;
	struct str name;
	struct uuid id; /* when found */
	struct VEC(const char *) names;
};

static int match_flow(void *data, const struct flow *flow)
{
	struct flow_search *search = data;

	if (str_equal(flow->name, search->name)) {
		search->id = flow->id;
		return 1;
	}
	return 0;
}

static int collect_name(void *data, const struct flow *flow)
{
	struct flow_search *search = data;

	vec_push(&search->names, arena_str(search->arena, flow->name).data);
	return 0;
}

static int refuse_flow(struct db *db, struct flow_search *search, struct problem *problem)
{
	const struct flow_query all = { .limit = 1000 };
	int result = flow_list(db, &all, collect_name, search, problem);

	if (result == 0)
		result = problem_set(problem, WEIR_ENOTFOUND, "no flow is named '%.*s'%s", STR_ARG(search->name),
		                     did_you_mean(search->arena, search->name, search->names.items, search->names.count,
		                                  ""));
	vec_done(&search->names);
	return result;
}

int flow_find(struct cli *cli, struct db *db, struct str name, struct uuid *id, struct problem *problem)
{
	const struct flow_query query = { .name_like = name, .limit = INT64_MAX };
	struct flow_search search = { .arena = &cli->arena, .name = name };
	int result;

	if (uuid_parse(name, id))
		return 0;
	result = flow_list(db, &query, match_flow, &search, problem);
	if (result == 0)
		return refuse_flow(db, &search, problem);
	*id = search.id;
	return MIN(result, 0);
}

static const struct command ls_command = {
	.name = "ls",
	.help = "List flows, the newest first.",
	.run = run_ls,
	.options = ls_option_rows,
	.option_count = ARRAY_LENGTH(ls_option_rows),
	.options_size = sizeof(struct ls_options),
	.example = "weir flow ls --limit 5",
};

static const struct command *const commands[] = { &ls_command };

const struct command_group flow_group = { "flow", "Flows:", commands, ARRAY_LENGTH(commands) };
