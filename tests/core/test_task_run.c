/* SPDX-License-Identifier: Apache-2.0 */
/* Task runs on a real file: creation, transitions, and the recorder of what clients have orchestrated themselves. */
#include "world.h"

#include <stdio.h>

static struct uuid make_parent(struct world *world, enum state_type type)
{
	const struct state first = { .type = type, .timestamp = NOW_US };
	struct flow flow = world_flow(world, "etl");

	return world_flow_run(world, &(struct flow_run){ .flow_id = flow.id, .labels = STR("{\"team\":\"data\"}") },
	                      &first)
	        .id;
}

/* --- Creation --- */

struct create_request {
	struct world *world;
	struct task_run_create in;
	struct task_run out;
	bool existed;
};

static int create(struct tx *tx, void *data)
{
	struct create_request *request = data;
	int result = task_run_create(tx, &request->in, &request->out, &request->existed);

	request->out.labels = arena_str(&request->world->arena, request->out.labels);
	request->out.name = arena_str(&request->world->arena, request->out.name);
	return result;
}

static struct create_request create_in(struct world *world, struct uuid parent, const char *dynamic_key,
                                       const struct state *first)
{
	struct create_request request = {
		.world = world,
		.in = { .run = { .flow_run_id = parent, .task_key = STR("add"), .dynamic_key = str_of(dynamic_key) },
		        .state = first }
	};

	world_run(world, create, &request);
	return request;
}

static void test_creation(void **state)
{
	struct world *world = *state;
	struct uuid parent = make_parent(world, STATE_RUNNING);
	struct create_request made = create_in(world, parent, "1", NULL);
	struct state first;
	struct task_run stored = world_read_task(world, made.out.id, &first);

	assert_false(made.existed);
	assert_int_equal(stored.state_type, STATE_PENDING);
	assert_true(uuid_equal(stored.state_id, first.id));
	assert_int_equal(stored.expected_start_time, first.timestamp);
	assert_int_equal(stored.cache_expiration, TIMESTAMP_NONE);
	assert_non_null(memchr(stored.name.data, '-', stored.name.length));
	check_str("labels", stored.labels,
	          arena_printf(&world->arena,
	                       "{\"prefect.flow.id\":%s,\"team\":\"data\",\"prefect.flow-run.id\":\"%s\"}",
	                       arena_printf(&world->arena, "\"%.36s\"", world_rows(world, "SELECT id FROM flow")).data,
	                       uuid_text(parent).text)
	                  .data);
	assert_int_equal(world_count(world, "SELECT count(*) FROM event"), 1); /* the flow run's */
}

static void test_the_same_call_is_made_once(void **state)
{
	struct world *world = *state;
	struct uuid parent = make_parent(world, STATE_RUNNING), other = make_parent(world, STATE_RUNNING);
	struct create_request first = create_in(world, parent, "1", NULL);
	struct create_request again = create_in(world, parent, "1", NULL);
	struct create_request alone = create_in(world, (struct uuid){ 0 }, "1", NULL);
	struct create_request alone_again = create_in(world, (struct uuid){ 0 }, "1", NULL);

	assert_true(again.existed);
	assert_true(uuid_equal(first.out.id, again.out.id));
	assert_false(create_in(world, parent, "2", NULL).existed);
	assert_false(create_in(world, other, "1", NULL).existed);
	assert_false(alone.existed);
	assert_true(alone_again.existed);
	assert_true(uuid_equal(alone.out.id, alone_again.out.id));
	assert_int_equal(world_count(world, "SELECT count(*) FROM task_run"), 4);
	assert_int_equal(world_count(world, "SELECT count(*) FROM task_run_state"), 4);
}

static void test_creation_can_fail(void **state)
{
	struct world *world = *state;
	struct create_request request = {
		.world = world, .in.run = { .flow_run_id = id(9), .task_key = STR("add"), .dynamic_key = STR("1") }
	};

	assert_int_equal(store_run(world->store, create, &request, &world->problem), WEIR_ECONFLICT);
	check_text("problem", world->problem.message,
	           "there is no flow run with the id 09000000-0000-0000-0000-000000000000 to run a task in");
	request.in.run.flow_run_id = (struct uuid){ 0 };
	request.in.run.id = id(1);
	world_run(world, create, &request);
	request.in.run.dynamic_key = STR("2");
	assert_int_equal(store_run(world->store, create, &request, &world->problem), WEIR_EEXISTS);
}

/* --- Transitions --- */

static void test_transitions_ask_for_the_flow_run(void **state)
{
	struct world *world = *state;
	struct uuid parent = make_parent(world, STATE_PAUSED);
	struct uuid run_id = create_in(world, parent, "1", NULL).out.id;
	struct set_state in = { .run_id = run_id, .proposed = { .type = STATE_RUNNING } };
	struct set_state_result out = world_set_task_state(world, &in);

	assert_int_equal(out.verdict.status, VERDICT_REJECT);
	check_str("state", out.state.name, "NotReady");
	assert_int_equal(world_read_task(world, run_id, NULL).state_type, STATE_PAUSED);

	world_set_flow_state(world, &(struct set_state){ .run_id = parent, .proposed = { .type = STATE_RUNNING } });
	assert_int_equal(world_set_task_state(world, &in).verdict.status, VERDICT_ACCEPT);
	assert_int_equal(world_read_task(world, run_id, NULL).flow_run_run_count, 1);

	world_set_flow_state(world, &(struct set_state){ .run_id = parent, .proposed = { .type = STATE_COMPLETED } });
	out = world_set_task_state(world, &in);
	assert_int_equal(out.verdict.status, VERDICT_ABORT);
	assert_int_equal(out.state.type, STATE_RUNNING);
}

static int set_unknown(struct tx *tx, void *data UNUSED)
{
	struct set_state_result out;

	return task_run_set_state(tx, &(struct set_state){ .run_id = id(9), .proposed.type = STATE_RUNNING }, &out);
}

static void test_an_unknown_run(void **state)
{
	struct world *world = *state;

	assert_int_equal(store_run(world->store, set_unknown, NULL, &world->problem), WEIR_ENOTFOUND);
	check_text("problem", world->problem.message,
	           "Task run with id 09000000-0000-0000-0000-000000000000 not found");
}

static void test_a_deferred_run_is_taken_once(void **state)
{
	const struct state scheduled = { .type = STATE_SCHEDULED, .details = STR("{\"deferred\":true}") };
	struct world *world = *state;
	struct uuid run_id = create_in(world, (struct uuid){ 0 }, "1", &scheduled).out.id;
	struct set_state in = { .run_id = run_id,
		                .proposed = { .type = STATE_PENDING, .details = STR("{\"deferred\":true}") } };

	assert_int_equal(world_set_task_state(world, &in).verdict.status, VERDICT_ACCEPT);
	assert_int_equal(world_set_task_state(world, &in).verdict.status, VERDICT_ABORT);
}

/* --- The recorder --- */

struct record_request {
	struct task_run row;
	struct state states[4];
	size_t count;
};

static int record(struct tx *tx, void *data)
{
	struct record_request *request = data;

	return task_run_record(tx, &request->row, request->states, request->count);
}

/* A request for a run in one flow run, with states as "type at second", all with ids of their own. */
static struct record_request make_record(struct uuid run_id, struct uuid flow_run_id, const char *dynamic_key)
{
	struct record_request request = { .count = 0 };

	fields_init(&task_run_fields, &request.row);
	request.row.id = run_id;
	request.row.flow_run_id = flow_run_id;
	request.row.name = STR("add-1");
	request.row.task_key = STR("add");
	request.row.dynamic_key = str_of(dynamic_key);
	return request;
}

static void add_state(struct record_request *request, uint8_t state_id, enum state_type type, int64_t seconds)
{
	struct state *state = &request->states[request->count];

	*state = (struct state){ .id = id(state_id),
		                 .type = type,
		                 .name = str_of(state_type_title(type)),
		                 .timestamp = NOW_US + seconds * SECOND_US };
	task_run_enter(&request->row, request->count > 0 ? state - 1 : NULL, state);
	request->count++;
}

static const char *const rows_sql = "SELECT id, state_name, state_id, run_count, updated >= created FROM task_run "
                                    "ORDER BY id";
static const char *const states_sql = "SELECT run_id, name, details FROM task_run_state ORDER BY run_id, timestamp, id";

#define ROW(byte) #byte "000000-0000-0000-0000-000000000000"

static void test_a_record_makes_row_and_states(void **state)
{
	struct world *world = *state;
	struct record_request request = make_record(id(1), make_parent(world, STATE_RUNNING), "1");

	add_state(&request, 0x11, STATE_PENDING, 0);
	add_state(&request, 0x12, STATE_RUNNING, 1);
	add_state(&request, 0x13, STATE_COMPLETED, 2);
	request.states[2].details = STR("{\"untrackable_result\":true}");
	world_run(world, record, &request);
	check_text("rows", world_rows(world, rows_sql), ROW(01) " | Completed | " ROW(13) " | 1 | 1\n");
	check_text("states", world_rows(world, states_sql),
	           ROW(01) " | Pending | {}\n" ROW(01) " | Running | {}\n" ROW(01) " | Completed | "
	                                                                           "{\"untrackable_result\":true}\n");
	check_text("times", world_rows(world, "SELECT start_time, end_time, total_run_time FROM task_run"),
	           "1767225601000000 | 1767225602000000 | 1000000\n");
	assert_int_equal(world_count(world, "SELECT count(*) FROM event"), 1); /* the flow run's */
}

static void test_repeated_and_late_records_do_no_harm(void **state)
{
	struct world *world = *state;
	struct uuid parent = make_parent(world, STATE_RUNNING);
	struct record_request all = make_record(id(1), parent, "1");
	struct record_request late = make_record(id(1), parent, "1");

	add_state(&all, 0x12, STATE_RUNNING, 1);
	add_state(&all, 0x13, STATE_COMPLETED, 2);
	world_run(world, record, &all);
	world_run(world, record, &all);
	assert_int_equal(world_count(world, "SELECT count(*) FROM task_run_state"), 2);

	/* It comes after what it was before: its state is kept, the row stays. */
	add_state(&late, 0x11, STATE_PENDING, 0);
	late.row.name = STR("older name");
	world_run(world, record, &late);
	check_text("rows", world_rows(world, rows_sql), ROW(01) " | Completed | " ROW(13) " | 1 | 1\n");
	check_text("name", world_rows(world, "SELECT name FROM task_run"), "add-1\n");
	check_text("states", world_rows(world, states_sql),
	           ROW(01) " | Pending | {}\n" ROW(01) " | Running | {}\n" ROW(01) " | Completed | {}\n");
}

static void test_a_call_keeps_its_first_id(void **state)
{
	struct world *world = *state;
	struct uuid parent = make_parent(world, STATE_RUNNING);
	struct record_request first = make_record(id(1), parent, "1");
	struct record_request second = make_record(id(2), parent, "1");
	struct record_request older = make_record(id(3), parent, "1");

	add_state(&first, 0x11, STATE_FAILED, 1);
	world_run(world, record, &first);
	add_state(&second, 0x21, STATE_RUNNING, 2);
	second.row.name = STR("again");
	world_run(world, record, &second);
	assert_true(uuid_equal(second.row.id, id(1)));
	add_state(&older, 0x31, STATE_PENDING, 0);
	world_run(world, record, &older);
	assert_true(uuid_equal(older.row.id, id(1)));
	check_text("rows", world_rows(world, rows_sql), ROW(01) " | Running | " ROW(21) " | 1 | 1\n");
	check_text("name", world_rows(world, "SELECT name FROM task_run"), "again\n");
	check_text("states", world_rows(world, states_sql),
	           ROW(01) " | Pending | {}\n" ROW(01) " | Failed | {}\n" ROW(01) " | Running | {}\n");
}

static void test_runs_without_a_flow_run_go_by_their_id(void **state)
{
	struct world *world = *state;
	struct record_request request = make_record(id(1), (struct uuid){ 0 }, "1");
	struct record_request other = make_record(id(2), (struct uuid){ 0 }, "1");

	add_state(&request, 0x11, STATE_PENDING, 0);
	world_run(world, record, &request);
	request.count = 0;
	add_state(&request, 0x12, STATE_RUNNING, 1);
	world_run(world, record, &request);
	add_state(&other, 0x21, STATE_PENDING, 0);
	world_run(world, record, &other);
	check_text("rows", world_rows(world, rows_sql),
	           ROW(01) " | Running | " ROW(12) " | 1 | 1\n" ROW(02) " | Pending | " ROW(21) " | 0 | 1\n");
}

static void test_created_stays_and_updated_moves(void **state)
{
	struct world *world = *state;
	struct record_request request = make_record(id(1), make_parent(world, STATE_RUNNING), "1");
	int64_t created;

	add_state(&request, 0x11, STATE_PENDING, 0);
	world_run(world, record, &request);
	created = world_count(world, "SELECT created FROM task_run");
	request.count = 0;
	add_state(&request, 0x12, STATE_RUNNING, 1);
	world_run(world, record, &request);
	assert_int_equal(world_count(world, "SELECT created FROM task_run"), created);
	assert_true(world_count(world, "SELECT updated FROM task_run") > created);
}

/* --- Lists --- */

static int add_run(void *data, const struct task_run *run)
{
	strbuf_printf(data, "%.*s ", STR_ARG(run->dynamic_key));
	return 0;
}

static void test_lists_are_filtered_and_sorted(void **state)
{
	static const struct str names[] = { { "Running", 7 } };
	static const enum state_type ended[] = { STATE_FAILED, STATE_COMPLETED };
	struct world *world = *state;
	struct uuid a = make_parent(world, STATE_RUNNING), b = make_parent(world, STATE_RUNNING);
	const struct {
		uint8_t byte;
		struct uuid parent;
		const char *key;
		enum state_type type;
		int64_t seconds;
	} runs[] = {
		{ 1, a, "one", STATE_COMPLETED, 30 },
		{ 2, a, "two", STATE_FAILED, 20 },
		{ 3, a, "three", STATE_RUNNING, 10 },
		{ 4, b, "four", STATE_RUNNING, 5 },
	};
	const struct {
		struct task_run_query query;
		const char *expect;
	} rows[] = {
		{ { .limit = 0 }, "one two three four " },
		{ { .flow_run_id = a }, "one two three " },
		{ { .flow_run_id = a, .state_names = names, .state_name_count = 1 }, "three " },
		{ { .state_names = names, .state_name_count = 1 }, "three four " },
		{ { .state_types = ended, .state_type_count = 2, .sort = TASK_RUN_BY_END }, "two one " },
		{ { .limit = 2, .offset = 1 }, "two three " },
	};
	struct db *db;

	for (size_t i = 0; i < ARRAY_LENGTH(runs); i++) {
		struct record_request request = make_record(id(runs[i].byte), runs[i].parent, runs[i].key);

		add_state(&request, (uint8_t)(0x10 + i), runs[i].type, runs[i].seconds);
		world_run(world, record, &request);
	}
	db = world_reader(world);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		AUTO(strbuf_done) struct strbuf text = { 0 };

		assert_int_equal(task_run_list(db, &rows[i].query, add_run, &text, &world->problem), 0);
		check_text("task_run_list", strbuf_str(&text).data, rows[i].expect);
	}
	world_reader_done(world, db);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_creation),
		TEST(test_the_same_call_is_made_once),
		TEST(test_creation_can_fail),
		TEST(test_transitions_ask_for_the_flow_run),
		TEST(test_an_unknown_run),
		TEST(test_a_deferred_run_is_taken_once),
		TEST(test_a_record_makes_row_and_states),
		TEST(test_repeated_and_late_records_do_no_harm),
		TEST(test_a_call_keeps_its_first_id),
		TEST(test_runs_without_a_flow_run_go_by_their_id),
		TEST(test_created_stays_and_updated_moves),
		TEST(test_lists_are_filtered_and_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
