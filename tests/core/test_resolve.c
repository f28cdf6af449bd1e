/* SPDX-License-Identifier: Apache-2.0 */
/* Which run a person means. */
#include "world.h"

static struct uuid parse(const char *text)
{
	struct uuid parsed;

	assert_true(uuid_parse(str_of(text), &parsed));
	return parsed;
}

#define FIRST "abcd1234-0000-7000-8000-000000000001"
#define SECOND "abcd5678-0000-7000-8000-000000000002"
#define THIRD "abcd5678-0000-7000-8000-000000000003"
#define ZEROS "00000000-0000-0000-0000-000000000004"

static void make_runs(struct world *world)
{
	static const struct {
		const char *id, *name;
	} rows[] = {
		{ FIRST, "calm-otter" },
		{ SECOND, "calm-otter" },
		{ THIRD, "beef" },
		{ ZEROS, "zeros" },
	};
	struct flow flow = world_flow(world, "etl");

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		world_flow_run(
		        world,
		        &(struct flow_run){ .id = parse(rows[i].id), .flow_id = flow.id, .name = str_of(rows[i].name) },
		        NULL);
}

static void test_flow_runs(void **state)
{
	static const struct {
		const char *text;
		const char *expect; /* the id, or what the problem says */
		int result;
	} rows[] = {
		{ FIRST, FIRST, 0 },
		{ "ABCD1234-0000-7000-8000-000000000001", FIRST, 0 },
		{ "abcd1234000070008000000000000001", FIRST, 0 },
		{ "abcd1", FIRST, 0 },
		{ "ABCD1", FIRST, 0 },
		{ "abcd1234-", FIRST, 0 },
		{ "abcd1234-00", FIRST, 0 },
		{ "abcd123400", FIRST, 0 },
		{ "0000", ZEROS, 0 },
		/* Too short for a prefix, too long, or with hyphens in other places. */
		{ "abc", "no flow run has the id", WEIR_ENOTFOUND },
		{ "abcd-1234", "no flow run has the id", WEIR_ENOTFOUND },
		{ FIRST "0", "no flow run has the id", WEIR_ENOTFOUND },
		{ "abcd9", "or the name \"abcd9\"", WEIR_ENOTFOUND },
		{ "", "no flow run has the id", WEIR_ENOTFOUND },
		/* The newest of a name; a name that could be a prefix. */
		{ "calm-otter", SECOND, 0 },
		{ "beef", THIRD, 0 },
		{ "abcd",
		  "\"abcd\" is the beginning of several flow runs: " FIRST " (calm-otter), " SECOND
		  " (calm-otter), " THIRD " (beef); give more of the id",
		  WEIR_ECONFLICT },
		{ "abcd5678", SECOND " (calm-otter), " THIRD " (beef)", WEIR_ECONFLICT },
	};
	struct world *world = *state;
	struct db *db;

	make_runs(world);
	db = world_reader(world);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct uuid found;

		check_integer(rows[i].text, flow_run_resolve(db, str_of(rows[i].text), &found, &world->problem),
		              rows[i].result);
		if (rows[i].result == 0)
			check_text(rows[i].text, uuid_text(found).text, rows[i].expect);
		else if (!strstr(world->problem.message, rows[i].expect))
			fail_msg("%s: %s", rows[i].text, world->problem.message);
	}
	world_reader_done(world, db);
}

static void test_only_some_candidates_are_named(void **state)
{
	struct world *world = *state;
	struct flow flow = world_flow(world, "etl");
	struct uuid found;
	struct db *db;

	for (uint8_t i = 1; i <= 7; i++)
		world_flow_run(world, &(struct flow_run){ .id = { { 0xAA, 0xAA, i } }, .flow_id = flow.id }, NULL);
	db = world_reader(world);
	assert_int_equal(flow_run_resolve(db, STR("aaaa"), &found, &world->problem), WEIR_ECONFLICT);
	assert_non_null(strstr(world->problem.message, "aaaa0500-"));
	assert_null(strstr(world->problem.message, "aaaa0600-"));
	assert_non_null(strstr(world->problem.message, "and more; give more of the id"));
	world_reader_done(world, db);
}

static void test_task_runs(void **state)
{
	struct world *world = *state;
	const struct state pending = { .id = id(1), .type = STATE_PENDING, .timestamp = NOW_US };
	struct task_run row;
	struct uuid found;
	struct db *db;

	fields_init(&task_run_fields, &row);
	row.id = parse(FIRST);
	row.name = STR("add-0");
	row.task_key = row.dynamic_key = STR("add");
	world_record(world, &row, &pending);
	db = world_reader(world);
	assert_int_equal(task_run_resolve(db, STR("abcd1"), &found, &world->problem), 0);
	check_text("abcd1", uuid_text(found).text, FIRST);
	assert_int_equal(task_run_resolve(db, STR("add-0"), &found, &world->problem), 0);
	assert_int_equal(task_run_resolve(db, STR("add-1"), &found, &world->problem), WEIR_ENOTFOUND);
	assert_non_null(strstr(world->problem.message, "no task run has"));
	assert_int_equal(flow_run_resolve(db, STR("abcd1"), &found, &world->problem), WEIR_ENOTFOUND);
	world_reader_done(world, db);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_flow_runs),
		TEST(test_only_some_candidates_are_named),
		TEST(test_task_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
