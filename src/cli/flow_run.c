/* SPDX-License-Identifier: Apache-2.0 */
/* weir flow-run …: the group, and `ls` */
#include "cli/flow.h"
#include "cli/listing.h"
#include "cli/runs.h"

struct ls_options {
	int64_t limit;
	struct texts states;
	struct texts state_types;
	struct str flow;
};

#define LS(member, kind, ...) OPTION(struct ls_options, member, kind, __VA_ARGS__)

static const struct cli_option ls_option_rows[] = {
	LS(limit, OPTION_INTEGER, .name = "limit", .minimum = 1, .maximum = INT64_MAX, .value = "N",
	   .setting = "cli.limit", .help = "how many to show"),
	LS(states, OPTION_TEXTS, .name = "state", .value = "NAME", .help = "runs in a state of this name"),
	LS(state_types, OPTION_TEXTS, .name = "state-type", .value = "TYPE", .words = state_type_names + 1,
	   .help = "runs in a state of this type"),
	LS(flow, OPTION_TEXT, .name = "flow", .alias = "flow-name", .value = "NAME", .help = "runs of this flow"),
};

/* On 80 columns an id is shown whole, and the names take what is left. */
static const struct table_column columns[] = {
	{ .title = "ID", .minimum = 13, .last = true },
	{ .title = "Flow", .minimum = 6 },
	{ .title = "Name", .minimum = 6 },
	{ .title = "State", .minimum = 9 },
	{ .title = "When" },
};

/* False when nobody reads the table any more. */
static bool show_row(struct listing *listing, const struct flow_run *run, struct str flow_name)
{
	struct uuid_text id = uuid_text(run->id);
	int64_t when =
	        listing_when(run->state_type, run->next_scheduled_start_time, run->state_timestamp, run->created);
	const struct table_cell cells[] = {
		{ str_of(id.text), STYLE_NONE },
		{ flow_name, STYLE_NONE },
		{ run->name, STYLE_BOLD },
		{ run->state_name, state_style(run->state_type) },
		{ text_ago(&listing->scratch, when, listing->cli->now_us), STYLE_NONE },
	};

	return table_add(&listing->table, cells);
}

/* The list has no states, so for JSON each is looked up: in the same snapshot, as the list is still being read. */
static int list_run(void *data, const struct flow_run *run, struct str flow_name)
{
	struct listing *listing = data;
	struct json_writer *writer;
	struct flow_run again;
	struct state state;
	int result;

	arena_clear(&listing->scratch);
	if (!cli_wants_json(listing->cli))
		return show_row(listing, run, flow_name) ? 0 : 1;
	result = flow_run_get(listing->db, run->id, &listing->scratch, &again, &state, listing->problem);
	if (result < 0)
		return result;
	writer = json_list_item(&listing->json);
	json_begin_object(writer);
	flow_run_write(writer, run, &state, listing->cli->now_us);
	json_key(writer, "flow_name");
	json_str(writer, flow_name);
	json_end_object(writer);
	return output_flush_full(&listing->cli->out) ? 0 : 1;
}

static int run_ls(struct cli *cli, const void *data, struct problem *problem)
{
	const struct ls_options *options = data;
	struct flow_run_query query = {
		.state_names = listing_state_names(cli, &options->states),
		.state_name_count = options->states.count,
		.sort = FLOW_RUN_BY_EXPECTED_START_DESC,
	};
	struct listing listing;
	int result = cli_limit(cli, options->limit, &query.limit, problem);

	if (result < 0)
		return result;
	query.state_types = listing_state_types(cli, &options->state_types, &query.state_type_count);
	result = listing_init(&listing, cli, columns, ARRAY_LENGTH(columns), problem);
	if (result == 0 && listing.db && options->flow.data)
		result = flow_find(cli, listing.db, options->flow, &query.flow_id, problem);
	if (result == 0 && listing.db)
		result = flow_run_list(listing.db, &query, list_run, &listing, problem);
	return listing_finish(&listing, result);
}

static const struct command ls_command = {
	.name = "ls",
	.help = "List runs of flows, the latest start first.",
	.run = run_ls,
	.options = ls_option_rows,
	.option_count = ARRAY_LENGTH(ls_option_rows),
	.options_size = sizeof(struct ls_options),
	.description = "When: how long ago the run entered its state, or when a scheduled run is to start.",
	.example = "weir flow-run ls --state Failed --state Crashed\nweir flow-run ls --flow etl --limit 5 -o json",
};

static const struct command *const commands[] = {
	&ls_command,
	&flow_run_inspect_command,
	&flow_run_logs_command,
	&flow_run_cancel_command,
	&flow_run_resume_command,
	&flow_run_delete_command,
};

const struct command_group flow_run_group = { "flow-run", "Runs of flows:", commands, ARRAY_LENGTH(commands) };
