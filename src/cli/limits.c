/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/limits.h"

#include "base/number.h"
#include "cli/listing.h"
#include "cli/view.h"

#include <inttypes.h>
#include <math.h>

struct limit_change limits_no_change(void)
{
	return (struct limit_change){ .limit = INTEGER_NONE, .decay = (double)NAN, .active_slots = INTEGER_NONE };
}

int limits_read_decay(struct str text, double *out, struct problem *problem)
{
	*out = (double)NAN;
	if (!text.data)
		return 0;
	if (!number_is_valid(text))
		return problem_set(problem, WEIR_EINVAL, "option '--slot-decay-per-second' takes a number, not '%.*s'",
		                   STR_ARG(text));
	*out = real_parse(text);
	return 0;
}

/* --- Changing --- */

static int create(struct tx *tx, struct limits_request *request)
{
	request->made.name = request->name;
	return limit_create(tx, &request->made);
}

static int find(struct tx *tx, struct limits_request *request)
{
	return limit_find(tx->db, request->name, tx->now_us, tx->arena, &request->made, tx->problem);
}

static int update(struct tx *tx, struct limits_request *request)
{
	int result = find(tx, request);

	return result < 0 ? result : limit_update(tx, request->made.id, &request->change, &request->made);
}

static int delete (struct tx *tx, struct limits_request *request)
{
	int result = find(tx, request);

	return result < 0 ? result : limit_delete(tx, request->made.id);
}

static int reset(struct tx *tx, struct limits_request *request)
{
	int result = find(tx, request);

	if (result == 0)
		result = limit_reset(tx, request->made.id, &request->count);
	return result < 0 ? result : find(tx, request);
}

static const struct {
	int (*run)(struct tx *tx, struct limits_request *request);
	const char *done;
} acts[] = {
	[LIMITS_CREATE] = { create, "Created" },
	[LIMITS_UPDATE] = { update, "Updated" },
	[LIMITS_DELETE] = { delete, "Deleted" },
	[LIMITS_RESET] = { reset, "Reset" },
};

static int run_act(struct tx *tx, void *data)
{
	struct limits_request *request = data;
	int result = acts[request->act].run(tx, request);

	if (result == 0)
		request->made.name = arena_str(request->arena, request->made.name);
	return result;
}

static void print_done(struct cli *cli, const struct limits_request *request, const char *label)
{
	struct str visible = text_visible(&cli->arena, request->name);

	output_printf(&cli->out, "%s %s '%.*s'", acts[request->act].done, label, STR_ARG(visible));
	if (request->act == LIMITS_CREATE || request->act == LIMITS_UPDATE)
		output_printf(&cli->out, ": %" PRId64 " slot%s%s", request->made.limit,
		              request->made.limit == 1 ? "" : "s", request->made.active ? "" : ", not active");
	if (request->act == LIMITS_RESET)
		output_printf(&cli->out, ": took %" PRId64 " slot%s back", request->count,
		              request->count == 1 ? "" : "s");
	output_puts(&cli->out, "\n");
}

static void print_json(struct cli *cli, const struct concurrency_limit *limit)
{
	struct json_writer writer;

	json_writer_init(&writer, &cli->out.buffer);
	json_begin_object(&writer);
	fields_write(&concurrency_limit_fields, limit, &writer);
	json_end_object(&writer);
	output_puts(&cli->out, "\n");
}

int limits_do(struct cli *cli, struct limits_request *request, const char *label, struct problem *problem)
{
	struct store *store = cli->store;
	int result = 0;

	request->arena = &cli->arena;
	if (!store)
		result = request->act == LIMITS_CREATE ? cli_maker(cli, &store, problem)
		                                       : cli_writer(cli, &store, problem);
	if (result == 0)
		result = store_run(store, run_act, request, problem);
	if (result < 0)
		return result;
	if (cli_wants_json(cli))
		print_json(cli, &request->made);
	else
		print_done(cli, request, label);
	return 0;
}

/* --- Listing --- */

static const struct table_column columns[] = {
	{ .title = "Name", .minimum = 10 },
	{ .title = "Limit" },
	{ .title = "Held" },
	{ .title = "Decay/s" },
	{ .title = "Active" },
	{ .title = "Updated" },
};

struct limits_listing {
	struct listing listing;
	size_t skip; /* of each name */
};

static int list_limit(void *data, const void *record)
{
	const struct concurrency_limit *limit = record;
	struct limits_listing *limits = data;
	struct listing *listing = &limits->listing;
	struct arena *scratch = &listing->scratch;
	struct json_writer *writer;

	arena_clear(scratch);
	if (!cli_wants_json(listing->cli)) {
		const struct table_cell cells[] = {
			{ { limit->name.data + limits->skip, limit->name.length - limits->skip }, STYLE_BOLD },
			{ arena_printf(scratch, "%" PRId64, limit->limit), STYLE_NONE },
			{ arena_printf(scratch, "%" PRId64, limit->active_slots), STYLE_NONE },
			{ limit->slot_decay_per_second > 0 ? arena_printf(scratch, "%g", limit->slot_decay_per_second)
			                                   : STR(""),
			  STYLE_NONE },
			{ limit->active ? STR("yes") : STR("no"), STYLE_NONE },
			{ text_ago(scratch, limit->updated, listing->cli->now_us), STYLE_NONE },
		};

		return table_add(&listing->table, cells) ? 0 : 1;
	}
	writer = json_list_item(&listing->json);
	json_begin_object(writer);
	fields_write(&concurrency_limit_fields, limit, writer);
	json_end_object(writer);
	return output_flush_full(&listing->cli->out) ? 0 : 1;
}

int limits_list(struct cli *cli, struct str prefix, int64_t limit, struct problem *problem)
{
	struct limit_query query = { .prefix = prefix };
	struct limits_listing limits = { .skip = prefix.length };
	int result = cli_limit(cli, limit, &query.limit, problem);

	if (result < 0)
		return result;
	result = listing_init(&limits.listing, cli, columns, ARRAY_LENGTH(columns), problem);
	if (result == 0 && limits.listing.db)
		result = limit_list(limits.listing.db, &query, cli->now_us, list_limit, &limits, problem);
	return listing_finish(&limits.listing, result);
}

/* --- Inspecting --- */

static const struct table_column holder_columns[] = {
	{ .title = "Slots" },
	{ .title = "Held by", .minimum = 8 },
	{ .title = "ID", .minimum = 13, .last = true },
	{ .title = "Since" },
};

struct holders {
	struct cli *cli;
	struct db *db;
	struct table table;
	struct json_writer *writer;
	struct arena scratch;
	struct problem *problem;
};

/* The name of the run that holds the slots; a holder that is no run, or is gone, has none. */
static int holder_name(const struct holders *holders, struct arena *arena, const struct slot_row *slot, struct str *out)
{
	struct flow_run flow_run;
	struct task_run task_run;
	int result = WEIR_ENOTFOUND;

	*out = STR("");
	if (slot->holder_type == HOLDER_TASK_RUN)
		result = store_task_run_find(holders->db, slot->holder_id, arena, &task_run, holders->problem);
	else if (slot->holder_type == HOLDER_FLOW_RUN)
		result = store_flow_run_find(holders->db, slot->holder_id, arena, &flow_run, holders->problem);
	if (result == 0)
		*out = slot->holder_type == HOLDER_TASK_RUN ? task_run.name : flow_run.name;
	return result == WEIR_ENOTFOUND ? 0 : result;
}

static int view_holder(void *data, const void *record)
{
	const struct slot_row *slot = record;
	struct holders *holders = data;
	struct uuid_text id = uuid_text(slot->holder_id);
	struct str name;
	int result;

	arena_clear(&holders->scratch);
	result = holder_name(holders, &holders->scratch, slot, &name);
	if (result < 0)
		return result;
	if (holders->writer) {
		json_begin_object(holders->writer);
		fields_write(&slot_fields, slot, holders->writer);
		json_key(holders->writer, "holder_name");
		json_str(holders->writer, name);
		json_end_object(holders->writer);
		return 0;
	}
	const struct table_cell cells[] = {
		{ arena_printf(&holders->scratch, "%" PRId64, slot->slots), STYLE_NONE },
		{ name, STYLE_BOLD },
		{ str_of(id.text), STYLE_NONE },
		{ text_ago(&holders->scratch, slot->created, holders->cli->now_us), STYLE_NONE },
	};
	return table_add(&holders->table, cells) ? 0 : 1;
}

static int view_holders(struct cli *cli, struct db *db, const struct concurrency_limit *limit,
                        struct json_writer *writer, struct problem *problem)
{
	const struct slot_query query = { .limit_id = limit->id };
	struct holders holders = { .cli = cli, .db = db, .writer = writer, .problem = problem };
	int result;

	table_init(&holders.table, &cli->out, holder_columns, ARRAY_LENGTH(holder_columns));
	result = store_slot_list(db, &query, view_holder, &holders, problem);
	if (!writer && result >= 0)
		table_finish(&holders.table);
	table_done(&holders.table);
	arena_done(&holders.scratch);
	return MIN(result, 0);
}

static int inspect_json(struct cli *cli, struct db *db, const struct concurrency_limit *limit, int64_t waiting,
                        struct problem *problem)
{
	struct json_writer writer;
	int result;

	json_writer_init(&writer, &cli->out.buffer);
	json_begin_object(&writer);
	fields_write(&concurrency_limit_fields, limit, &writer);
	json_key(&writer, "waiting");
	json_int(&writer, waiting);
	json_key(&writer, "holders");
	json_begin_array(&writer);
	result = view_holders(cli, db, limit, &writer, problem);
	json_end_array(&writer);
	json_end_object(&writer);
	output_puts(&cli->out, "\n");
	return result;
}

int limits_inspect(struct cli *cli, struct str name, struct problem *problem)
{
	static const char *const hidden[] = { "name", NULL };
	struct concurrency_limit limit;
	int64_t waiting, slots;
	struct db *db;
	int result = cli_reader(cli, &db, problem);

	if (result == 0)
		result = limit_find(db, name, cli->now_us, &cli->arena, &limit, problem);
	if (result == 0)
		result = store_waiter_ahead(db, limit.id, INT64_MAX, &waiting, &slots, problem);
	if (result < 0)
		return result;
	if (cli_wants_json(cli))
		return inspect_json(cli, db, &limit, waiting, problem);
	view_title(cli, "Concurrency limit", limit.name);
	view_fields(cli, &concurrency_limit_fields, &limit, hidden);
	view_line(cli, "Waiting", arena_printf(&cli->arena, "%" PRId64, waiting), STYLE_NONE);
	if (limit.active_slots == 0)
		return 0;
	view_heading(cli, "Held");
	return view_holders(cli, db, &limit, NULL, problem);
}
