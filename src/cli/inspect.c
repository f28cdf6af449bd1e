/* SPDX-License-Identifier: Apache-2.0 */
/* weir flow-run inspect, weir task-run inspect */
#include "cli/run_json.h"
#include "cli/runs.h"
#include "cli/view.h"
#include "core/pause.h"

#include <inttypes.h>

static const struct cli_argument arguments[] = {
	ARGUMENT(struct run_options, id, .name = "ID", .help = RUN_ID_HELP),
};

/* Fields that the title and the lines of the state say better. */
static const char *const hidden_fields[] = { "name", "state_id", "state_type", "state_name", NULL };

/* --- Counts of task runs --- */

/* "2 Completed, 1 Failed": by type, so that Cached and Skipped count as what they are. */
static int view_counts(struct cli *cli, struct db *db, struct uuid id, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };
	int64_t counts[STATE_TYPE_COUNT];
	int result = store_task_run_count(db, id, counts, problem);

	if (result < 0)
		return result;
	for (int type = 0; type < STATE_TYPE_COUNT; type++) {
		if (counts[type] > 0)
			strbuf_printf(&text, "%s%" PRId64 " %s", text.length ? ", " : "", counts[type],
			              state_type_title((enum state_type)type));
	}
	view_line(cli, "Task runs", strbuf_str(&text), STYLE_NONE);
	return 0;
}

static int view_counts_json(struct json_writer *writer, struct db *db, struct uuid id, struct problem *problem)
{
	int64_t counts[STATE_TYPE_COUNT];
	int result = store_task_run_count(db, id, counts, problem);

	if (result < 0)
		return result;
	json_key(writer, "task_run_counts");
	json_begin_object(writer);
	for (int type = STATE_SCHEDULED; type < STATE_TYPE_COUNT; type++) {
		if (counts[type] > 0) {
			json_key(writer, state_type_names[type]);
			json_int(writer, counts[type]);
		}
	}
	json_end_object(writer);
	return 0;
}

/* --- Flow runs --- */

/* What both forms of the answer are made of. Texts lie in the cli's arena. */
struct flow_run_facts {
	struct flow_run run;
	struct state state;
	struct flow flow;
};

static int load_flow_run(struct cli *cli, struct db *db, struct str text, struct flow_run_facts *facts,
                         struct problem *problem)
{
	struct uuid id;
	int result = flow_run_resolve(db, text, &id, problem);

	if (result == 0)
		result = flow_run_get(db, id, &cli->arena, &facts->run, &facts->state, problem);
	if (result == 0)
		result = store_flow_find(db, facts->run.flow_id, &cli->arena, &facts->flow, problem);
	return result;
}

/* What a paused run asks for, and how it is resumed. */
static int view_input(struct cli *cli, struct db *db, const struct flow_run_facts *facts, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf how = { 0 };
	struct str schema, description;
	int result = 0;

	if (facts->state.type != STATE_PAUSED)
		return 0;
	result = flow_run_asks(db, facts->run.id, &facts->state, &cli->arena, &schema, &description, problem);
	if (result == 0)
		result = pause_how(&cli->arena, facts->run.name, schema, &how, problem);
	if (result < 0)
		return result;
	view_line(cli, "Asks for", description, STYLE_NONE);
	view_line(cli, "Resume it by", strbuf_str(&how), STYLE_NONE);
	return 0;
}

static int view_flow_run(struct cli *cli, struct db *db, const struct flow_run_facts *facts, struct problem *problem)
{
	int result;

	view_title(cli, "Flow run", facts->run.name);
	view_state(cli, &facts->state);
	view_line(cli, "Flow", facts->flow.name, STYLE_NONE);
	result = view_counts(cli, db, facts->run.id, problem);
	if (result == 0)
		result = view_input(cli, db, facts, problem);
	if (result < 0)
		return result;
	view_fields(cli, &flow_run_fields, &facts->run, hidden_fields);
	return view_states(cli, db, flow_run_states, facts->run.id, problem);
}

static int view_input_json(struct json_writer *writer, struct cli *cli, struct db *db,
                           const struct flow_run_facts *facts, struct problem *problem)
{
	struct str schema, description;
	int result = flow_run_asks(db, facts->run.id, &facts->state, &cli->arena, &schema, &description, problem);

	if (result < 0 || (!schema.data && !description.data))
		return result;
	json_key(writer, "input_schema");
	json_raw(writer, schema);
	json_key(writer, "input_description");
	json_str(writer, description);
	return 0;
}

/* The API's object, and what the API has in answers of their own: the flow's name, counts, and all states. */
static int view_flow_run_json(struct cli *cli, struct db *db, const struct flow_run_facts *facts,
                              struct problem *problem)
{
	struct json_writer writer;
	int result;

	json_writer_init(&writer, &cli->out.buffer);
	json_begin_object(&writer);
	flow_run_write(&writer, &facts->run, &facts->state, cli->now_us);
	json_key(&writer, "flow_name");
	json_str(&writer, facts->flow.name);
	result = view_counts_json(&writer, db, facts->run.id, problem);
	if (result == 0)
		result = view_input_json(&writer, cli, db, facts, problem);
	if (result == 0)
		result = view_states_json(&writer, db, flow_run_states, facts->run.id, problem);
	json_end_object(&writer);
	output_puts(&cli->out, "\n");
	return result;
}

static int run_flow_run_inspect(struct cli *cli, const void *data, struct problem *problem)
{
	const struct run_options *options = data;
	struct flow_run_facts facts;
	struct db *db;
	int result = cli_reader(cli, &db, problem);

	if (result == 0)
		result = load_flow_run(cli, db, options->id, &facts, problem);
	if (result < 0)
		return result;
	if (cli_wants_json(cli))
		result = view_flow_run_json(cli, db, &facts, problem);
	else
		result = view_flow_run(cli, db, &facts, problem);
	if (result < 0)
		output_drop(&cli->out);
	return result;
}

const struct command flow_run_inspect_command = {
	.name = "inspect",
	.help = "Show all that is known of a flow run.",
	.run = run_flow_run_inspect,
	.arguments = arguments,
	.argument_count = ARRAY_LENGTH(arguments),
	.options_size = sizeof(struct run_options),
	.description =
	        "Its state, its fields, how many of its task runs are in which state, and the states that it has "
	        "gone through.",
	.example = "weir flow-run inspect calm-otter\nweir flow-run inspect 0196f3a2-7c4d -o json",
};

/* --- Task runs --- */

static int view_task_run(struct cli *cli, struct db *db, const struct task_run *run, const struct state *state,
                         struct problem *problem)
{
	view_title(cli, "Task run", run->name);
	view_state(cli, state);
	view_fields(cli, &task_run_fields, run, hidden_fields);
	return view_states(cli, db, task_run_states, run->id, problem);
}

static int view_task_run_json(struct cli *cli, struct db *db, const struct task_run *run, const struct state *state,
                              struct problem *problem)
{
	struct json_writer writer;
	int result;

	json_writer_init(&writer, &cli->out.buffer);
	json_begin_object(&writer);
	task_run_write(&writer, run, state, cli->now_us);
	result = view_states_json(&writer, db, task_run_states, run->id, problem);
	json_end_object(&writer);
	output_puts(&cli->out, "\n");
	return result;
}

static int run_task_run_inspect(struct cli *cli, const void *data, struct problem *problem)
{
	const struct run_options *options = data;
	struct task_run run;
	struct state state;
	struct uuid id;
	struct db *db;
	int result = cli_reader(cli, &db, problem);

	if (result == 0)
		result = task_run_resolve(db, options->id, &id, problem);
	if (result == 0)
		result = task_run_get(db, id, &cli->arena, &run, &state, problem);
	if (result < 0)
		return result;
	if (cli_wants_json(cli))
		result = view_task_run_json(cli, db, &run, &state, problem);
	else
		result = view_task_run(cli, db, &run, &state, problem);
	if (result < 0)
		output_drop(&cli->out);
	return result;
}

const struct command task_run_inspect_command = {
	.name = "inspect",
	.help = "Show all that is known of a task run.",
	.run = run_task_run_inspect,
	.arguments = arguments,
	.argument_count = ARRAY_LENGTH(arguments),
	.options_size = sizeof(struct run_options),
	.description = "Its state, its fields, and the states that it has gone through.",
	.example = "weir task-run inspect load-0",
};
