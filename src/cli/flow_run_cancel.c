/* SPDX-License-Identifier: Apache-2.0 */
/* weir flow-run cancel */
#include "cli/run_json.h"
#include "cli/runs.h"

#include "core/recover.h"

/* One run that is to be cancelled, and what came of it. */
struct cancellation {
	struct cli *cli;
	struct store *store;
	struct db *db;
	struct problem *problem;
	struct uuid id;
	struct str name; /* visible */
	struct uuid program_id;
	/* filled by the job, with texts in the cli's arena: the transaction's is gone when it has been told */
	enum verdict_status status;
	struct str reason;
	enum state_type state_type;
	bool paused; /* in a program that waits */
};

/* The caller waits while this runs on the writer's thread, so the arena is only used by one of them. */
static int propose_cancelling(struct tx *tx, void *request)
{
	struct cancellation *cancellation = request;
	struct set_state in = { .run_id = cancellation->id };
	struct set_state_result out;
	int result;

	fields_init(&flow_run_state_fields, &in.proposed);
	in.proposed.type = STATE_CANCELLING;
	in.proposed.name = str_of(state_type_title(STATE_CANCELLING));
	in.proposed.message = STR("Cancelled from the command line.");
	result = flow_run_set_state(tx, &in, &out);
	cancellation->paused = result == 0 && out.has_state && out.state.type == STATE_PAUSED;
	if (cancellation
	            ->paused) { /* its function only waits: the rules let it end at once, and not by way of CANCELLING */
		in.proposed.type = STATE_CANCELLED;
		in.proposed.name = str_of(state_type_title(STATE_CANCELLED));
		result = flow_run_set_state(tx, &in, &out);
	}
	if (result < 0)
		return result;
	cancellation->status = out.verdict.status;
	cancellation->reason = arena_str(&cancellation->cli->arena, out.verdict.reason);
	cancellation->state_type = out.has_state ? out.state.type : STATE_NONE;
	return 0;
}

/* --- The program that runs it --- */

/* What became of the run when its program was found gone: the rules make Cancelled of what was Cancelling. */
static int look_again(struct cancellation *cancellation)
{
	struct flow_run run;
	struct state state;
	int result = flow_run_get(cancellation->db, cancellation->id, &cancellation->cli->arena, &run, &state,
	                          cancellation->problem);

	if (result < 0)
		return result;
	cancellation->state_type = state.type;
	cancellation->reason = STR("The program that ran it is gone.");
	if (state.type == STATE_CANCELLED)
		return 0;
	return problem_set(cancellation->problem, WEIR_ECONFLICT,
	                   "the program that ran flow run '%.*s' is gone: the run is %.*s", STR_ARG(cancellation->name),
	                   STR_ARG(state.name));
}

/* The program could not be reached: gone, or alive without listening. */
static int handle_silence(struct cancellation *cancellation)
{
	int64_t ended = 0;
	int result;

	if (store_program_alive(cancellation->store, cancellation->program_id)) {
		cli_warn("the program that runs '%.*s' does not answer; it will see the cancellation when it goes on",
		         STR_ARG(cancellation->name));
		return 0;
	}
	result = store_recover_program(cancellation->store, cancellation->program_id, &ended, cancellation->problem);
	return result < 0 ? result : look_again(cancellation);
}

/* The state says what is wanted; the datagram only makes its program look. */
static int tell_program(struct cancellation *cancellation)
{
	struct str message;
	int result;

	if (uuid_is_nil(cancellation->program_id)) {
		cli_warn("no program of this machine runs '%.*s'; it is Cancelled when whoever runs it confirms",
		         STR_ARG(cancellation->name));
		return 0;
	}
	message = arena_printf(&cancellation->cli->arena, "cancel %s", uuid_text(cancellation->id).text);
	result = store_send(cancellation->store, cancellation->program_id, message, cancellation->problem);
	return result == WEIR_ENOTFOUND ? handle_silence(cancellation) : result;
}

/* --- One run --- */

/* Load what the messages need; refuse a run that has ended. */
static int look_at_run(struct cancellation *cancellation, struct str text)
{
	struct cli *cli = cancellation->cli;
	struct flow_run run;
	struct state state;
	struct str ago;
	int result = flow_run_resolve(cancellation->db, text, &cancellation->id, cancellation->problem);

	if (result == 0)
		result = flow_run_get(cancellation->db, cancellation->id, &cli->arena, &run, &state,
		                      cancellation->problem);
	if (result < 0)
		return result;
	cancellation->name = text_visible(&cli->arena, run.name);
	cancellation->program_id = run.program_id;
	if (!state_type_is_terminal(state.type))
		return 0;
	ago = text_ago(&cli->arena, state.timestamp, cli->now_us);
	return problem_set(cancellation->problem, WEIR_ECONFLICT, "flow run '%.*s' is not active: it became %.*s %.*s",
	                   STR_ARG(cancellation->name), STR_ARG(state.name), STR_ARG(ago));
}

/* The rules decide: CANCELLING where a program must end it, CANCELLED where nothing runs, else a reason why not. */
static int cancel(struct cancellation *cancellation, struct str text)
{
	int result = look_at_run(cancellation, text);

	if (result == 0)
		result = store_run(cancellation->store, propose_cancelling, cancellation, cancellation->problem);
	if (result < 0)
		return result;
	if (cancellation->state_type == STATE_CANCELLING ||
	    (cancellation->paused && cancellation->state_type == STATE_CANCELLED))
		return tell_program(cancellation);
	if (cancellation->state_type == STATE_CANCELLED)
		return 0;
	return problem_set(cancellation->problem, WEIR_ECONFLICT, "flow run '%.*s' can't be cancelled: %.*s",
	                   STR_ARG(cancellation->name), STR_ARG(cancellation->reason));
}

/* --- What is said of it --- */

static void print_text(const struct cancellation *cancellation)
{
	const char *what = cancellation->state_type == STATE_CANCELLED ? "is cancelled" : "is being cancelled";
	struct str reason = cancellation->reason;

	output_printf(&cancellation->cli->out, "Flow run '%.*s' %s%s%.*s\n", STR_ARG(cancellation->name), what,
	              reason.length ? ": " : ".", STR_ARG(reason));
}

/* As the API answers a proposed state: status, details and the state afterwards. */
static int print_json(const struct cancellation *cancellation, struct json_list *list)
{
	struct cli *cli = cancellation->cli;
	struct flow_run run;
	struct state state;
	struct json_writer *writer;
	const struct verdict verdict = { .status = cancellation->status, .reason = cancellation->reason };
	int result = flow_run_get(cancellation->db, cancellation->id, &cli->arena, &run, &state, cancellation->problem);

	if (result < 0)
		return result;
	writer = json_list_item(list);
	json_begin_object(writer);
	json_key(writer, "id");
	json_puts(writer, uuid_text(run.id).text);
	json_key(writer, "name");
	json_str(writer, run.name);
	json_key(writer, "status");
	json_puts(writer, verdict_status_name(verdict.status));
	json_key(writer, "details");
	verdict_write_details(&verdict, writer);
	json_key(writer, "state");
	state_write(&cli->arena, &state, writer);
	json_end_object(writer);
	return 0;
}

static int run_cancel(struct cli *cli, const void *data, struct problem *problem)
{
	const struct runs_options *options = data;
	struct json_list list = { .output = &cli->out };
	struct cancellation cancellation = { .cli = cli, .problem = problem };
	int result = cli_writer(cli, &cancellation.store, problem);

	if (result == 0)
		result = cli_reader(cli, &cancellation.db, problem);
	if (result < 0)
		return result;
	for (size_t i = 0; i < options->ids.count; i++) {
		result = cancel(&cancellation, options->ids.items[i]);
		if (result == 0 && cli_wants_json(cli))
			result = print_json(&cancellation, &list);
		else if (result == 0)
			print_text(&cancellation);
		if (result < 0)
			cli_fail(cli, problem);
	}
	if (cli_wants_json(cli))
		json_list_finish(&list);
	return 0;
}

static const struct cli_argument arguments[] = {
	ARGUMENT(struct runs_options, ids, .name = "ID", .repeated = true, .help = RUN_ID_HELP),
};

const struct command flow_run_cancel_command = {
	.name = "cancel",
	.help = "Cancel flow runs that have not ended.",
	.run = run_cancel,
	.arguments = arguments,
	.argument_count = ARRAY_LENGTH(arguments),
	.options_size = sizeof(struct runs_options),
	.description =
	        "A run that a program works on is told to end, and is Cancelled when it has; one that only waits "
	        "is Cancelled at once.",
	.example = "weir flow-run cancel calm-otter\nweir flow-run cancel 0196f3a2-7c4d 0196f3a2-9b01",
};
