/* SPDX-License-Identifier: Apache-2.0 */
/* Flows and flow runs on a real file: creation, transitions, the events they make, subflows, lists. */
#include "world.h"

#include <stdio.h>

/* --- Flows --- */

struct ensure_request {
	const char *name, *tags, *labels;
	struct str stored_tags;
	struct uuid id;
	bool created;
	struct world *world;
};

static int ensure(struct tx *tx, void *data)
{
	struct ensure_request *request = data;
	struct flow flow = { 0 };
	int result = flow_ensure(tx, str_of(request->name), str_of(request->tags), str_of(request->labels), &flow,
	                         &request->created);

	request->id = flow.id;
	request->stored_tags = arena_str(&request->world->arena, flow.tags);
	return result;
}

static void test_a_flow_is_made_once(void **state)
{
	struct world *world = *state;
	struct ensure_request first = { .name = "etl", .tags = "[\"a\"]", .world = world };
	struct ensure_request second = { .name = "etl", .tags = "[\"b\"]", .world = world };

	world_run(world, ensure, &first);
	world_run(world, ensure, &second);
	assert_true(first.created);
	assert_false(second.created);
	assert_true(uuid_equal(first.id, second.id));
	assert_true(str_is(second.stored_tags, "[\"a\"]")); /* those of the second call don't count */
	check_text("flow", world_rows(world, "SELECT name, tags, labels FROM flow"), "etl | [\"a\"] | {}\n");
}

static void test_names_of_flows_are_checked(void **state)
{
	static const char *const names[] = { "", "a/b", "50%", "a&b", "<a", "a>" };
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		struct ensure_request request = { .name = names[i], .world = world };

		assert_int_equal(store_run(world->store, ensure, &request, &world->problem), WEIR_EINVAL);
	}
	assert_int_equal(world_count(world, "SELECT count(*) FROM flow"), 0);
}

static int add_name(void *data, const struct flow *flow)
{
	strbuf_printf(data, "%.*s ", STR_ARG(flow->name));
	return 0;
}

static void test_flows_are_listed_by_name(void **state)
{
	static const struct {
		struct flow_query query;
		const char *expect;
	} rows[] = {
		{ { .limit = 0 }, "Beta alpha gamma " },         { { .name_like = { "A", 1 } }, "Beta alpha gamma " },
		{ { .name_like = { "ALPHA", 5 } }, "alpha " },   { { .limit = 1 }, "Beta " },
		{ { .limit = 2, .offset = 1 }, "alpha gamma " }, { { .name_like = { "%", 1 } }, "" },
	};
	struct world *world = *state;
	struct db *db;

	world_flow(world, "gamma");
	world_flow(world, "alpha");
	world_flow(world, "Beta");
	db = world_reader(world);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		AUTO(strbuf_done) struct strbuf names = { 0 };

		assert_int_equal(flow_list(db, &rows[i].query, add_name, &names, &world->problem), 0);
		check_text("flow_list", strbuf_str(&names).data, rows[i].expect);
	}
	world_reader_done(world, db);
}

/* --- Creation --- */

static void test_defaults_of_a_new_run(void **state)
{
	struct world *world = *state;
	struct flow flow = world_flow(world, "etl");
	struct flow_run run = world_flow_run(world, &(struct flow_run){ .flow_id = flow.id }, NULL);
	struct state first;
	struct flow_run stored = world_read_run(world, run.id, &first);
	struct state_details details;

	assert_int_equal(stored.state_type, STATE_PENDING);
	assert_int_equal(first.type, STATE_PENDING);
	check_str("state name", first.name, "Pending");
	assert_true(uuid_equal(stored.state_id, first.id));
	assert_int_equal(stored.expected_start_time, first.timestamp);
	assert_int_equal(stored.start_time, TIMESTAMP_NONE);
	assert_int_equal(stored.run_count, 0);
	assert_non_null(memchr(stored.name.data, '-', stored.name.length));
	check_str("parameters", stored.parameters, "{}");
	check_str("tags", stored.tags, "[]");
	check_str("labels", stored.labels,
	          arena_printf(&world->arena, "{\"prefect.flow.id\":\"%s\"}", uuid_text(flow.id).text).data);
	assert_int_equal(state_details_read(&world->arena, first.details, &details, NULL), 0);
	assert_true(uuid_equal(details.flow_run_id, run.id));
}

static void test_labels_are_inherited(void **state)
{
	struct world *world = *state;
	struct ensure_request request = { .name = "etl", .labels = "{\"team\":\"data\",\"level\":1}", .world = world };
	struct flow_run run;

	world_run(world, ensure, &request);
	run = world_flow_run(world,
	                     &(struct flow_run){ .flow_id = request.id, .labels = STR("{\"level\":2.0,\"own\":true}") },
	                     NULL);
	check_str("labels", run.labels,
	          arena_printf(&world->arena,
	                       "{\"team\":\"data\",\"prefect.flow.id\":\"%s\",\"level\":2.0,\"own\":true}",
	                       uuid_text(request.id).text)
	                  .data);
}

struct create_request {
	struct flow_run_create in;
	struct uuid id;
	bool existed;
};

static int create(struct tx *tx, void *data)
{
	struct create_request *request = data;
	struct flow_run out = { 0 };
	int result = flow_run_create(tx, &request->in, &out, &request->existed);

	request->id = out.id;
	return result;
}

static void test_an_idempotency_key_makes_one_run_of_a_flow(void **state)
{
	struct world *world = *state;
	struct flow flow = world_flow(world, "etl"), other = world_flow(world, "other");
	struct create_request requests[4] = { 0 };

	for (int i = 0; i < 4; i++)
		requests[i].in.run = (struct flow_run){ .flow_id = i < 3 ? flow.id : other.id,
			                                .idempotency_key = i == 2 ? STR("b") : STR("a") };
	for (int i = 0; i < 4; i++)
		world_run(world, create, &requests[i]);
	assert_false(requests[0].existed);
	assert_true(requests[1].existed);
	assert_true(uuid_equal(requests[0].id, requests[1].id));
	assert_false(requests[2].existed);
	assert_false(requests[3].existed);
	assert_int_equal(world_count(world, "SELECT count(*) FROM flow_run"), 3);
	assert_int_equal(world_count(world, "SELECT count(*) FROM flow_run_state"), 3);
	assert_int_equal(world_count(world, "SELECT count(*) FROM event"), 3);
}

static void test_creation_can_fail(void **state)
{
	struct world *world = *state;
	struct flow flow = world_flow(world, "etl");
	const struct state unreadable = { .type = STATE_SCHEDULED, .details = STR("{\"scheduled_time\":true}") };
	struct create_request request = { .in.run = { .flow_id = id(9) } };

	assert_int_equal(store_run(world->store, create, &request, &world->problem), WEIR_ECONFLICT);
	check_text("problem", world->problem.message,
	           "there is no flow with the id 09000000-0000-0000-0000-000000000000 to make a run of");

	request = (struct create_request){ .in = { .run = { .id = id(1), .flow_id = flow.id } } };
	world_run(world, create, &request);
	assert_int_equal(store_run(world->store, create, &request, &world->problem), WEIR_EEXISTS);

	request = (struct create_request){ .in = { .run = { .flow_id = flow.id }, .state = &unreadable } };
	assert_int_equal(store_run(world->store, create, &request, &world->problem), WEIR_EINVAL);
	request = (struct create_request){ .in.run = { .flow_id = flow.id, .labels = STR("[1]") } };
	assert_int_equal(store_run(world->store, create, &request, &world->problem), WEIR_EINVAL);
	assert_int_equal(world_count(world, "SELECT count(*) FROM flow_run"), 1);
}

/* --- Transitions --- */

static int set_unknown(struct tx *tx, void *data UNUSED)
{
	struct set_state_result out;

	return flow_run_set_state(tx, &(struct set_state){ .run_id = id(9), .proposed.type = STATE_RUNNING }, &out);
}

static void test_verdicts_are_told_and_written(void **state)
{
	struct world *world = *state;
	struct flow flow = world_flow(world, "etl");
	struct flow_run run = world_flow_run(world, &(struct flow_run){ .flow_id = flow.id }, NULL);
	struct set_state in = { .run_id = run.id, .proposed = { .type = STATE_RUNNING } };
	struct set_state_result out = world_set_flow_state(world, &in);
	struct flow_run before, after;
	struct state stored;

	assert_int_equal(out.verdict.status, VERDICT_ACCEPT);
	before = world_read_run(world, run.id, &stored);
	assert_int_equal(before.run_count, 1);
	assert_true(uuid_equal(stored.id, out.state.id));

	/* An objection leaves no trace: not a state, not an event, not `updated`. */
	in.proposed.type = STATE_PENDING;
	out = world_set_flow_state(world, &in);
	assert_int_equal(out.verdict.status, VERDICT_ABORT);
	assert_false(out.verdict.writes);
	assert_true(out.has_state);
	assert_int_equal(out.state.type, STATE_RUNNING);
	check_str("reason", out.verdict.reason,
	          "This run is in a RUNNING state and cannot transition to a PENDING state.");
	after = world_read_run(world, run.id, NULL);
	assert_int_equal(after.updated, before.updated);
	assert_int_equal(world_count(world, "SELECT count(*) FROM flow_run_state"), 2);
	assert_int_equal(world_count(world, "SELECT count(*) FROM event"), 2);

	/* By force it is possible. */
	in.force = true;
	assert_int_equal(world_set_flow_state(world, &in).verdict.status, VERDICT_ACCEPT);
	assert_int_equal(world_read_run(world, run.id, NULL).state_type, STATE_PENDING);

	assert_int_equal(store_run(world->store, set_unknown, NULL, &world->problem), WEIR_ENOTFOUND);
	check_text("problem", world->problem.message,
	           "Flow run with id 09000000-0000-0000-0000-000000000000 not found");
}

static void test_instants_of_states_are_unique(void **state)
{
	struct world *world = *state;
	struct flow flow = world_flow(world, "etl");
	struct state first = { .type = STATE_PENDING, .timestamp = NOW_US };
	struct flow_run run = world_flow_run(world, &(struct flow_run){ .flow_id = flow.id }, &first);
	struct set_state in = { .run_id = run.id, .proposed = { .type = STATE_RUNNING, .timestamp = NOW_US } };

	for (int i = 1; i <= 3; i++) {
		struct set_state_result out = world_set_flow_state(world, &in);

		assert_int_equal(out.state.timestamp, NOW_US + i);
		assert_int_equal(world_read_run(world, run.id, NULL).state_timestamp, NOW_US + i);
	}
}

/* --- Events --- */

static void make_run_for_events(struct world *world)
{
	struct ensure_request request = { .name = "etl", .tags = "[\"nightly\",\"b\"]", .world = world };
	const struct state first = { .id = id(0x51), .type = STATE_PENDING, .timestamp = NOW_US };

	world_run(world, ensure, &request);
	world_flow_run(world,
	               &(struct flow_run){ .id = id(1),
	                                   .flow_id = request.id,
	                                   .name = STR("calm-otter"),
	                                   .tags = STR("[\"a\",\"nightly\",\"\\u4e2d\"]") },
	               &first);
}

static void set_at(struct world *world, uint8_t state_id, enum state_type type, int64_t seconds, const char *message,
                   const char *details)
{
	const struct set_state in = { .run_id = id(1),
		                      .proposed = { .id = id(state_id),
		                                    .type = type,
		                                    .timestamp = NOW_US + seconds * SECOND_US,
		                                    .message = str_of(message),
		                                    .details = str_of(details) },
		                      .force = true };

	world_set_flow_state(world, &in);
}

static void test_each_written_state_is_an_event(void **state)
{
	struct world *world = *state;

	make_run_for_events(world);
	set_at(world, 0x52, STATE_RUNNING, 2, "off\n\"we\" go", NULL);
	set_at(world, 0x53, STATE_PAUSED, 1000, NULL, "{\"pause_reschedule\":true}");
	check_text("events",
	           world_rows(world, "SELECT sequence, event, id, follows, occurred FROM event ORDER BY sequence"),
	           "1 | prefect.flow-run.Pending | 51000000-0000-0000-0000-000000000000 | - | 1767225600000000\n"
	           "2 | prefect.flow-run.Running | 52000000-0000-0000-0000-000000000000 | "
	           "51000000-0000-0000-0000-000000000000 | 1767225602000000\n"
	           /* The state before it is more than five minutes older. */
	           "3 | prefect.flow-run.Paused | 53000000-0000-0000-0000-000000000000 | - | 1767226600000000\n");
	check_text("resource", world_rows(world, "SELECT resource FROM event WHERE sequence = 2"),
	           "{\"prefect.resource.id\":\"prefect.flow-run.01000000-0000-0000-0000-000000000000\","
	           "\"prefect.resource.name\":\"calm-otter\",\"prefect.run-count\":\"1\","
	           "\"prefect.state-message\":\"off\\n\\\"we\\\" go\",\"prefect.state-name\":\"Running\","
	           "\"prefect.state-timestamp\":\"2026-01-01T00:00:02+00:00\",\"prefect.state-type\":\"RUNNING\"}\n");
	check_text("payload", world_rows(world, "SELECT payload FROM event ORDER BY sequence"),
	           "{\"intended\":{\"from\":null,\"to\":\"PENDING\"},\"initial_state\":null,"
	           "\"validated_state\":{\"type\":\"PENDING\",\"name\":\"Pending\"}}\n"
	           "{\"intended\":{\"from\":\"PENDING\",\"to\":\"RUNNING\"},\"initial_state\":"
	           "{\"type\":\"PENDING\",\"name\":\"Pending\"},\"validated_state\":{\"type\":\"RUNNING\","
	           "\"name\":\"Running\",\"message\":\"off\\n\\\"we\\\" go\"}}\n"
	           "{\"intended\":{\"from\":\"RUNNING\",\"to\":\"PAUSED\"},\"initial_state\":{\"type\":\"RUNNING\","
	           "\"name\":\"Running\",\"message\":\"off\\n\\\"we\\\" go\"},\"validated_state\":{\"type\":\"PAUSED\","
	           "\"name\":\"Paused\",\"pause_reschedule\":\"true\"}}\n");
}

static void test_events_name_what_is_related(void **state)
{
	struct world *world = *state;
	const char *flow_id;

	make_run_for_events(world);
	flow_id = world_rows(world, "SELECT id FROM flow");
	check_text("related", world_rows(world, "SELECT related FROM event"),
	           arena_printf(&world->arena,
	                        "[{\"prefect.resource.id\":\"prefect.flow.%.36s\",\"prefect.resource.role\":\"flow\","
	                        "\"prefect.resource.name\":\"etl\"},"
	                        "{\"prefect.resource.id\":\"prefect.tag.a\",\"prefect.resource.role\":\"tag\"},"
	                        "{\"prefect.resource.id\":\"prefect.tag.b\",\"prefect.resource.role\":\"tag\"},"
	                        "{\"prefect.resource.id\":\"prefect.tag.nightly\",\"prefect.resource.role\":\"tag\"},"
	                        "{\"prefect.resource.id\":\"prefect.tag.中\",\"prefect.resource.role\":\"tag\"}]\n",
	                        flow_id)
	                   .data);
}

static void test_the_creator_is_related_unless_it_is_a_schedule(void **state)
{
	static const struct {
		const char *created_by, *expect;
	} rows[] = {
		{ "{\"id\":\"i\",\"type\":\"SCHEDULE\",\"display_value\":\"hourly\"}", NULL },
		{ "{\"id\":\"i\",\"type\":\"AUTOMATION\",\"display_value\":\"rerun\"}",
		  "{\"prefect.resource.id\":\"prefect.automation.i\",\"prefect.resource.role\":\"creator\","
		  "\"prefect.resource.name\":\"rerun\"}]\n" },
		{ "{\"id\":\"i\",\"type\":\"DEPLOYMENT\",\"display_value\":null}",
		  "{\"prefect.resource.id\":\"prefect.deployment.i\",\"prefect.resource.role\":\"creator\"}]\n" },
	};
	struct world *world = *state;
	struct flow flow = world_flow(world, "etl");

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct flow_run run = { .flow_id = flow.id, .created_by = str_of(rows[i].created_by) };
		const char *related;

		world_flow_run(world, &run, NULL);
		related = world_rows(world, "SELECT related FROM event ORDER BY sequence DESC LIMIT 1");
		if (rows[i].expect)
			assert_non_null(strstr(related, rows[i].expect));
		else
			assert_null(strstr(related, "creator"));
	}
}

static void test_long_messages_are_cut_in_the_middle(void **state)
{
	struct world *world = *state;
	char *message = xmalloc(300001);
	const char *stored;

	memset(message, 'x', 300000);
	memcpy(message, "begin", 5);
	memcpy(message + 299997, "end", 4);
	make_run_for_events(world);
	set_at(world, 0x52, STATE_FAILED, 1, message, NULL);
	stored = world_rows(world, "SELECT resource FROM event WHERE sequence = 2");
	assert_in_range(strlen(stored), 100000, 100600);
	assert_non_null(strstr(stored, "\"begin"));
	assert_non_null(strstr(stored, "x...200000 more bytes...x"));
	assert_non_null(strstr(stored, "xend\""));
	/* The state itself keeps all of it. */
	assert_int_equal(world_count(world, "SELECT max(length(message)) FROM flow_run_state"), 300000);
	free(message);
}

/* --- Subflows --- */

static void test_a_subflows_states_are_its_parents_too(void **state)
{
	struct world *world = *state;
	struct flow flow = world_flow(world, "etl");
	struct flow_run outer = world_flow_run(world, &(struct flow_run){ .flow_id = flow.id }, NULL);
	struct task_run row;
	const struct state pending = { .id = id(0x61), .type = STATE_PENDING, .timestamp = NOW_US };
	struct flow_run inner;
	struct task_run parent;
	struct state copy;
	struct state_details details;

	fields_init(&task_run_fields, &row);
	row.id = id(0x60);
	row.name = STR("inner-0");
	row.flow_run_id = outer.id;
	row.task_key = STR("inner");
	row.dynamic_key = STR("0");
	row.tags = STR("[\"sub\"]");
	world_record(world, &row, &pending);
	inner = world_flow_run(world, &(struct flow_run){ .flow_id = flow.id, .parent_task_run_id = id(0x60) }, NULL);
	world_set_flow_state(world, &(struct set_state){ .run_id = inner.id, .proposed = { .type = STATE_RUNNING } });
	world_set_flow_state(
	        world, &(struct set_state){ .run_id = inner.id,
	                                    .proposed = { .type = STATE_FAILED, .message = STR("no such file") } });
	parent = world_read_task(world, id(0x60), &copy);
	assert_int_equal(parent.state_type, STATE_FAILED);
	assert_int_equal(parent.run_count, 1);
	check_str("message", copy.message, "no such file");
	assert_int_equal(state_details_read(&world->arena, copy.details, &details, NULL), 0);
	assert_true(uuid_equal(details.child_flow_run_id, inner.id));
	assert_true(uuid_equal(details.task_run_id, id(0x60)));
	assert_true(uuid_equal(details.flow_run_id, outer.id));
	assert_int_equal(world_count(world, "SELECT count(*) FROM task_run_state"), 4);
	assert_int_equal(world_count(world, "SELECT count(*) FROM event"), 4); /* none for the task run */
	assert_non_null(strstr(world_rows(world, "SELECT related FROM event WHERE sequence = 4"),
	                       "{\"prefect.resource.id\":\"prefect.task-run.60000000-0000-0000-0000-000000000000\","
	                       "\"prefect.resource.role\":\"task-run\",\"prefect.resource.name\":\"inner-0\"},"
	                       "{\"prefect.resource.id\":\"prefect.tag.sub\""));
	/* The subflow's own states name the task run too. */
	assert_non_null(strstr(world_rows(world, "SELECT details FROM flow_run_state ORDER BY timestamp DESC LIMIT 1"),
	                       "\"task_run_id\":\"60000000-0000-0000-0000-000000000000\""));
}

/* --- Lists --- */

struct listing {
	struct strbuf text;
	int stop_at;
};

static int add_run(void *data, const struct flow_run *run, struct str flow_name)
{
	struct listing *listing = data;

	strbuf_printf(&listing->text, "%.*s/%.*s ", STR_ARG(flow_name), STR_ARG(run->name));
	return --listing->stop_at == 0 ? 7 : 0;
}

static void make_listed_run(struct world *world, struct uuid flow_id, uint8_t byte, const char *name,
                            enum state_type type, const char *state_name, int64_t seconds)
{
	const struct state first = { .type = type,
		                     .name = str_of(state_name),
		                     .timestamp = NOW_US + seconds * SECOND_US };

	world_flow_run(world, &(struct flow_run){ .id = id(byte), .flow_id = flow_id, .name = str_of(name) }, &first);
}

static void test_lists_are_filtered_and_sorted(void **state)
{
	static const struct str names[] = { { "Late", 4 }, { "Running", 7 } };
	static const enum state_type types[] = { STATE_RUNNING, STATE_FAILED };
	struct world *world = *state;
	struct flow a = world_flow(world, "a"), b = world_flow(world, "b");
	const struct {
		struct flow_run_query query;
		const char *expect;
	} rows[] = {
		{ { .limit = 0 }, "a/run a/late b/other a/failed " },
		{ { .sort = FLOW_RUN_BY_ID_DESC }, "b/other a/late a/failed a/run " },
		{ { .flow_id = a.id }, "a/run a/late a/failed " },
		{ { .state_names = names, .state_name_count = 2 }, "a/run a/late b/other " },
		{ { .state_types = types, .state_type_count = 2 }, "a/run b/other a/failed " },
		{ { .state_names = names, .state_name_count = 1, .flow_id = b.id }, "" },
		{ { .state_names = names, .state_name_count = 2, .state_types = types, .state_type_count = 1 },
		  "a/run b/other " },
		{ { .limit = 2 }, "a/run a/late " },
		{ { .limit = 2, .offset = 3 }, "a/failed " },
		{ { .parent_task_run_id = id(0x60) }, "" },
	};
	struct db *db;

	make_listed_run(world, a.id, 1, "run", STATE_RUNNING, NULL, 50);
	make_listed_run(world, a.id, 2, "failed", STATE_FAILED, NULL, 10);
	make_listed_run(world, a.id, 3, "late", STATE_PENDING, "Late", 40);
	make_listed_run(world, b.id, 4, "other", STATE_RUNNING, NULL, 20);
	db = world_reader(world);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct listing listing = { 0 };

		assert_int_equal(flow_run_list(db, &rows[i].query, add_run, &listing, &world->problem), 0);
		check_text("flow_run_list", strbuf_str(&listing.text).data, rows[i].expect);
		strbuf_done(&listing.text);
	}
	world_reader_done(world, db);
}

static void test_a_list_stops_when_it_is_told_to(void **state)
{
	struct world *world = *state;
	struct flow flow = world_flow(world, "a");
	struct listing listing = { .stop_at = 2 };
	struct db *db;

	for (uint8_t i = 1; i <= 4; i++)
		make_listed_run(world, flow.id, i, "run", STATE_RUNNING, NULL, i);
	db = world_reader(world);
	assert_int_equal(flow_run_list(db, &(struct flow_run_query){ 0 }, add_run, &listing, &world->problem), 7);
	check_text("flow_run_list", listing.text.data, "a/run a/run ");
	strbuf_done(&listing.text);
	world_reader_done(world, db);
}

static int add_state(void *data, const struct state *state)
{
	strbuf_printf(data, "%.*s ", STR_ARG(state->name));
	return 0;
}

static void test_states_are_listed_in_their_order(void **state)
{
	AUTO(strbuf_done) struct strbuf names = { 0 };
	struct world *world = *state;
	struct db *db;

	make_run_for_events(world);
	set_at(world, 0x53, STATE_RUNNING, 20, NULL, NULL);
	set_at(world, 0x52, STATE_COMPLETED, 30, NULL, NULL);
	set_at(world, 0x54, STATE_FAILED, 10, NULL, NULL); /* backdated */
	db = world_reader(world);
	assert_int_equal(flow_run_states(db, id(1), add_state, &names, &world->problem), 0);
	check_text("flow_run_states", names.data, "Pending Failed Running Completed ");
	world_reader_done(world, db);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_flow_is_made_once),
		TEST(test_names_of_flows_are_checked),
		TEST(test_flows_are_listed_by_name),
		TEST(test_defaults_of_a_new_run),
		TEST(test_labels_are_inherited),
		TEST(test_an_idempotency_key_makes_one_run_of_a_flow),
		TEST(test_creation_can_fail),
		TEST(test_verdicts_are_told_and_written),
		TEST(test_instants_of_states_are_unique),
		TEST(test_each_written_state_is_an_event),
		TEST(test_events_name_what_is_related),
		TEST(test_the_creator_is_related_unless_it_is_a_schedule),
		TEST(test_long_messages_are_cut_in_the_middle),
		TEST(test_a_subflows_states_are_its_parents_too),
		TEST(test_lists_are_filtered_and_sorted),
		TEST(test_a_list_stops_when_it_is_told_to),
		TEST(test_states_are_listed_in_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
