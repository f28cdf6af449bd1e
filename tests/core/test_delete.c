/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting a flow run takes out all that hangs on it, in steps, and nothing else. */
#include "world.h"

enum { TASKS = 700, LINES_OF_TASK = 3 };

/* Make task runs with two states and some log lines each, a subflow under the first one. */
struct family {
	struct flow_run run;
	uint8_t byte; /* ids of task runs and states begin with it */
	int tasks;
};

static struct uuid numbered(uint8_t byte, uint8_t kind, int number)
{
	return (struct uuid){ { byte, kind, (uint8_t)(number >> 8), (uint8_t)number } };
}

static int make_task(struct tx *tx, const struct family *family, int number)
{
	struct task_run row;
	struct state states[2] = {
		{ .id = numbered(family->byte, 2, number),
		  .type = STATE_PENDING,
		  .name = STR("Pending"),
		  .timestamp = NOW_US },
		{ .id = numbered(family->byte, 3, number),
		  .type = STATE_RUNNING,
		  .name = STR("Running"),
		  .timestamp = NOW_US + 1 },
	};
	struct log_line lines[LINES_OF_TASK];
	int result;

	fields_init(&task_run_fields, &row);
	row.id = numbered(family->byte, 1, number);
	row.flow_run_id = family->run.id;
	row.task_key = STR("t");
	row.dynamic_key = arena_printf(tx->arena, "%d", number);
	result = task_run_record(tx, &row, states, 2);
	for (int i = 0; i < LINES_OF_TASK; i++)
		lines[i] = (struct log_line){ .name = STR("n"),
			                      .message = STR("m"),
			                      .timestamp = NOW_US,
			                      /* A task's lines need not name the flow run. */
			                      .flow_run_id = i > 0 ? family->run.id : (struct uuid){ { 0 } },
			                      .task_run_id = row.id };
	return result < 0 ? result : logs_append(tx, lines, LINES_OF_TASK);
}

static int make_tasks(struct tx *tx, void *data)
{
	const struct family *family = data;
	int result = 0;

	for (int i = 0; result == 0 && i < family->tasks; i++)
		result = make_task(tx, family, i);
	return result;
}

static struct family make_family(struct world *world, uint8_t byte, int tasks)
{
	struct flow flow = world_flow(world, "etl");
	struct family family = { .run = world_flow_run(world, &(struct flow_run){ .flow_id = flow.id }, NULL),
		                 .byte = byte,
		                 .tasks = tasks };
	struct flow_run child = { .flow_id = flow.id, .parent_task_run_id = numbered(byte, 1, 0) };

	world_run(world, make_tasks, &family);
	world_flow_run(world, &child, NULL);
	return family;
}

struct delete_request {
	struct uuid id;
	int steps;
};

static int delete_run(struct tx *tx, void *data)
{
	struct delete_request *request = data;

	request->steps++;
	return flow_run_delete(tx, request->id);
}

static void test_deletion_goes_on_in_steps(void **state)
{
	struct world *world = *state;
	struct family small = make_family(world, 0xA0, 2);
	struct delete_request request = { .steps = 0 };
	struct family large = make_family(world, 0xB0, TASKS);

	assert_int_equal(world_count(world, "SELECT count(*) FROM task_run_state"),
	                 2 * (TASKS + 2) + 2); /* a subflow's first state is its task run's as well */
	request.id = large.run.id;
	world_run(world, delete_run, &request);
	assert_true(request.steps > 3); /* some 4,200 rows, at most 1,000 in a step */

	/* What is left: the other family, and the subflow, which has no parent any more. */
	assert_int_equal(world_count(world, "SELECT count(*) FROM flow_run"), 3);
	assert_int_equal(world_count(world, "SELECT count(*) FROM flow_run WHERE parent_task_run_id IS NULL"), 2);
	assert_int_equal(world_count(world, "SELECT count(*) FROM flow_run_state"), 3);
	assert_int_equal(world_count(world, "SELECT count(*) FROM task_run"), small.tasks);
	assert_int_equal(world_count(world, "SELECT count(*) FROM task_run_state"), 2 * small.tasks + 1);
	assert_int_equal(world_count(world, "SELECT count(*) FROM log"), LINES_OF_TASK * small.tasks);
	assert_int_equal(store_run(world->store, delete_run, &request, &world->problem), WEIR_ENOTFOUND);
}

static void test_an_orphaned_subflow_goes_on(void **state)
{
	struct world *world = *state;
	struct family family = make_family(world, 0xA0, 1);
	struct delete_request request = { .id = family.run.id };
	struct set_state in = { .proposed = { .type = STATE_RUNNING } };

	world_run(world, delete_run, &request);
	assert_true(
	        uuid_parse((struct str){ world_rows(world, "SELECT id FROM flow_run"), UUID_TEXT_LENGTH }, &in.run_id));
	assert_int_equal(world_set_flow_state(world, &in).verdict.status, VERDICT_ACCEPT);
}

static int log_much(struct tx *tx, void *data)
{
	struct log_line lines[100];
	int result = 0;

	for (int round = 0; result == 0 && round < 13; round++) {
		for (int i = 0; i < 100; i++)
			lines[i] = (struct log_line){ .name = STR("n"),
				                      .message = STR("m"),
				                      .timestamp = NOW_US,
				                      .flow_run_id = *(const struct uuid *)data,
				                      .task_run_id = numbered(0xA0, 1, 0) };
		result = logs_append(tx, lines, 100);
	}
	return result;
}

static void test_a_task_with_a_long_log(void **state)
{
	struct world *world = *state;
	struct family family = make_family(world, 0xA0, 1);
	struct delete_request request = { .id = family.run.id };

	world_run(world, log_much, &request.id);
	world_run(world, delete_run, &request);
	assert_true(request.steps > 2);
	assert_int_equal(world_count(world, "SELECT count(*) FROM log"), 0);
	assert_int_equal(world_count(world, "SELECT count(*) FROM task_run"), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_deletion_goes_on_in_steps),
		TEST(test_a_task_with_a_long_log),
		TEST(test_an_orphaned_subflow_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
