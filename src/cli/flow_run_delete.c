/* SPDX-License-Identifier: Apache-2.0 */
/* weir flow-run delete */
#include "cli/run_json.h"
#include "cli/runs.h"

#include <unistd.h>

/* A run that is to be deleted. */
struct deletion {
	struct uuid id;
	struct str name;
};

static int delete_run(struct tx *tx, void *request)
{
	const struct deletion *deletion = request;

	return flow_run_delete(tx, deletion->id);
}

/* A program would go on with a run whose rows are gone, and fail in strange ways. */
static int refuse_running(struct store *store, const struct flow_run *run, struct problem *problem)
{
	if (state_type_is_terminal(run->state_type) || uuid_is_nil(run->program_id) ||
	    !store_program_alive(store, run->program_id))
		return 0;
	return problem_set(problem, WEIR_ECONFLICT,
	                   "flow run '%.*s' is %.*s: a program works on it. Cancel it first: weir flow-run cancel %s",
	                   STR_ARG(run->name), STR_ARG(run->state_name), uuid_text(run->id).text);
}

/* All runs are looked up before the first is deleted: the question on the terminal is about those that exist. */
static int find_run(struct cli *cli, struct str text, struct deletion *deletion, struct problem *problem)
{
	struct flow_run run;
	struct state state;
	struct db *db;
	int result = cli_reader(cli, &db, problem);

	if (result == 0)
		result = flow_run_resolve(db, text, &deletion->id, problem);
	if (result == 0)
		result = flow_run_get(db, deletion->id, &cli->arena, &run, &state, problem);
	if (result == 0)
		result = refuse_running(cli->store, &run, problem);
	if (result == 0)
		deletion->name = run.name;
	return result;
}

static void print_deleted(struct cli *cli, struct json_list *list, const struct deletion *deletion)
{
	struct json_writer *writer;

	if (!cli_wants_json(cli)) {
		struct str name = text_visible(&cli->arena, deletion->name);

		output_printf(&cli->out, "Deleted flow run '%.*s' (%s)\n", STR_ARG(name), uuid_text(deletion->id).text);
		return;
	}
	writer = json_list_item(list);
	json_begin_object(writer);
	json_key(writer, "id");
	json_puts(writer, uuid_text(deletion->id).text);
	json_key(writer, "name");
	json_str(writer, deletion->name);
	json_end_object(writer);
}

/* On a terminal, as Prefect does; a script has said what it wants. */
static int ask(struct cli *cli, const struct deletion *deletions, size_t count, bool *yes, struct problem *problem)
{
	struct str name = text_visible(&cli->arena, deletions[0].name), question;

	*yes = true;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return 0;
	if (count == 1)
		question =
		        arena_printf(&cli->arena, "Delete flow run '%.*s' with its task runs and logs?", STR_ARG(name));
	else
		question = arena_printf(&cli->arena, "Delete %zu flow runs with their task runs and logs?", count);
	return cli_confirm(question.data, "-y", yes, problem);
}

static int run_delete(struct cli *cli, const void *data, struct problem *problem)
{
	const struct runs_options *options = data;
	struct deletion *deletions = arena_alloc(&cli->arena, options->ids.count * sizeof *deletions);
	struct json_list list = { .output = &cli->out };
	size_t count = 0;
	bool yes = true;
	struct store *store;
	int result = cli_writer(cli, &store, problem);

	if (result < 0)
		return result;
	for (size_t i = 0; i < options->ids.count; i++) {
		if (find_run(cli, options->ids.items[i], &deletions[count], problem) < 0)
			cli_fail(cli, problem);
		else
			count++;
	}
	if (count > 0 && !options->yes)
		result = ask(cli, deletions, count, &yes, problem);
	if (result < 0)
		return result;
	if (!yes)
		return problem_set(problem, WEIR_EFAILED, "nothing was deleted");
	for (size_t i = 0; i < count; i++) {
		if (store_run(store, delete_run, &deletions[i], problem) < 0)
			cli_fail(cli, problem);
		else
			print_deleted(cli, &list, &deletions[i]);
	}
	if (cli_wants_json(cli))
		json_list_finish(&list);
	return 0;
}

static const struct cli_option option_rows[] = {
	OPTION(struct runs_options, yes, OPTION_FLAG, .name = "yes", .letter = 'y', .help = "do not ask"),
};

static const struct cli_argument arguments[] = {
	ARGUMENT(struct runs_options, ids, .name = "ID", .repeated = true, .help = RUN_ID_HELP),
};

const struct command flow_run_delete_command = {
	.name = "delete",
	.help = "Delete flow runs with their states, task runs and logs.",
	.run = run_delete,
	.options = option_rows,
	.option_count = ARRAY_LENGTH(option_rows),
	.arguments = arguments,
	.argument_count = ARRAY_LENGTH(arguments),
	.options_size = sizeof(struct runs_options),
	.description = "Asks before, on a terminal. Runs that a program works on are not deleted.",
	.example = "weir flow-run delete calm-otter",
};
