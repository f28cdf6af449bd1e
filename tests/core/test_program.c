/* SPDX-License-Identifier: Apache-2.0 */
/* The runs of a program that was killed are marked by who opens the store next. */
#include "world.h"

#include "core/recover.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGE "The program that ran it ended without saying how the run ended."

/* --- Programs that die --- */

enum { RUNNING_RUN = 1, CANCELLING_RUN, SUSPENDED_RUN, PAUSED_RUN, DONE_RUN, RETRYING_RUN, RESUMING_RUN };

static int record_task(struct tx *tx, uint8_t byte, struct uuid flow_run_id, enum state_type type)
{
	struct task_run row;
	struct state state = { .id = id(byte), .type = type, .name = STR("x"), .timestamp = NOW_US };

	fields_init(&task_run_fields, &row);
	row.id = id(byte);
	row.flow_run_id = flow_run_id;
	row.task_key = STR("t");
	row.dynamic_key = arena_printf(tx->arena, "%d", byte);
	return task_run_record(tx, &row, &state, 1);
}

static int make_runs(struct tx *tx, void *data)
{
	static const struct {
		uint8_t byte;
		enum state_type type;
		const char *name, *details;
	} rows[] = {
		{ RUNNING_RUN, STATE_RUNNING, NULL, NULL },
		{ CANCELLING_RUN, STATE_CANCELLING, NULL, NULL },
		{ SUSPENDED_RUN, STATE_PAUSED, "Suspended", "{\"pause_reschedule\":true}" },
		{ PAUSED_RUN, STATE_PAUSED, NULL, NULL },
		{ DONE_RUN, STATE_COMPLETED, NULL, NULL },
		{ RETRYING_RUN, STATE_SCHEDULED, "AwaitingRetry", NULL },
		{ RESUMING_RUN, STATE_SCHEDULED, "Resuming", NULL },
	};
	struct flow flow;
	int result = flow_ensure(tx, STR("etl"), STR_NULL, STR_NULL, &flow, NULL);

	for (size_t i = 0; result == 0 && i < ARRAY_LENGTH(rows); i++) {
		const struct state first = { .type = rows[i].type,
			                     .name = str_of(rows[i].name),
			                     .details = str_of(rows[i].details) };
		const struct flow_run_create in = {
			.run = { .id = id(rows[i].byte), .flow_id = flow.id, .program_id = *(const struct uuid *)data },
			.state = &first
		};
		struct flow_run out;

		result = flow_run_create(tx, &in, &out, NULL);
	}
	if (result == 0)
		result = record_task(tx, 0x11, id(RUNNING_RUN), STATE_RUNNING);
	if (result == 0)
		result = record_task(tx, 0x12, id(RUNNING_RUN), STATE_COMPLETED);
	return result < 0 ? result : record_task(tx, 0x13, id(RUNNING_RUN), STATE_PENDING);
}

/* Open the store as a program, write its runs, and die by SIGKILL. */
NORETURN static void live_and_die(const char *path)
{
	struct store_options options = { .path = path, .mode = STORE_PROGRAM };
	struct problem problem;
	struct store *store;
	struct uuid program;

	if (store_open(&options, &store, &problem) < 0)
		_exit(1);
	program = store_program_id(store);
	if (store_run(store, make_runs, &program, &problem) < 0)
		_exit(2);
	raise(SIGKILL);
	_exit(3);
}

static void let_a_program_die(const char *path)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		live_and_die(path);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

/* The world is closed while another program lives, so that no thread of ours is in its fork. */
static void make_dead_program(struct world *world)
{
	store_close(world->store);
	let_a_program_die(world->path);
	world_open(world, STORE_PROGRAM);
}

static void test_runs_of_a_killed_program(void **state)
{
	struct world *world = *state;
	int64_t crashed;

	make_dead_program(world);
	assert_int_equal(store_recover(world->store, &crashed, &world->problem), 0);
	assert_int_equal(crashed, 4);
	check_text("runs", world_rows(world, "SELECT id, state_name, end_time IS NULL FROM flow_run ORDER BY id"),
	           "01000000-0000-0000-0000-000000000000 | Crashed | 0\n"
	           "02000000-0000-0000-0000-000000000000 | Cancelled | 0\n"
	           "03000000-0000-0000-0000-000000000000 | Suspended | 1\n"
	           "04000000-0000-0000-0000-000000000000 | Crashed | 0\n"
	           "05000000-0000-0000-0000-000000000000 | Completed | 0\n"
	           "06000000-0000-0000-0000-000000000000 | Crashed | 0\n"
	           "07000000-0000-0000-0000-000000000000 | Resuming | 1\n");
	check_text("tasks", world_rows(world, "SELECT id, state_name FROM task_run ORDER BY id"),
	           "11000000-0000-0000-0000-000000000000 | Crashed\n"
	           "12000000-0000-0000-0000-000000000000 | x\n"
	           "13000000-0000-0000-0000-000000000000 | Crashed\n");
	check_text("messages",
	           world_rows(world, "SELECT DISTINCT message FROM flow_run_state WHERE message IS NOT NULL"),
	           MESSAGE "\n");

	/* Once: the program is forgotten. */
	assert_int_equal(store_recover(world->store, &crashed, &world->problem), 0);
	assert_int_equal(crashed, 0);
}

/* --- Many --- */

enum { MANY = 1500 };

static int make_many(struct tx *tx, void *data)
{
	const struct state running = { .type = STATE_RUNNING, .timestamp = NOW_US };
	struct flow flow;
	int result = flow_ensure(tx, STR("etl"), STR_NULL, STR_NULL, &flow, NULL);

	for (int i = 0; result == 0 && i < MANY; i++) {
		const struct flow_run_create in = {
			.run = { .flow_id = flow.id, .program_id = *(const struct uuid *)data }, .state = &running
		};
		struct flow_run out;

		result = flow_run_create(tx, &in, &out, NULL);
	}
	return result;
}

struct crash_request {
	struct uuid program;
	int64_t count;
	int steps;
};

static int crash(struct tx *tx, void *data)
{
	struct crash_request *request = data;

	request->steps++;
	return program_runs_crash(tx, request->program, STR("gone"), &request->count);
}

static void test_many_runs_are_marked_in_steps(void **state)
{
	struct world *world = *state;
	struct crash_request request = { .program = id(0x77) };
	struct uuid other = id(0x78);

	world_run(world, make_many, &request.program);
	world_run(world, make_runs, &other);
	world_run(world, crash, &request);
	assert_int_equal(request.count, MANY);
	assert_true(request.steps > 1);
	assert_int_equal(world_count(world, "SELECT count(*) FROM flow_run WHERE state_name = 'Crashed'"), MANY);
	assert_int_equal(world_count(world, "SELECT count(*) FROM flow_run WHERE state_name = 'Running'"), 1);
	/* The newest came first. */
	assert_int_equal(world_count(world,
	                             "SELECT count(*) FROM (SELECT id < lag(id) OVER (ORDER BY sequence) AS down "
	                             "FROM (SELECT e.sequence, s.run_id AS id FROM event AS e "
	                             "JOIN flow_run_state AS s ON s.id = e.id WHERE s.name = 'Crashed')) "
	                             "WHERE down = 0"),
	                 0);
}

static int make_many_tasks(struct tx *tx, void *data)
{
	const struct state running = { .type = STATE_RUNNING, .timestamp = NOW_US };
	struct flow_run_create in = { .run = { .id = id(1), .program_id = *(const struct uuid *)data },
		                      .state = &running };
	struct flow_run out;
	struct flow flow;
	int result = flow_ensure(tx, STR("etl"), STR_NULL, STR_NULL, &flow, NULL);

	in.run.flow_id = flow.id;
	if (result == 0)
		result = flow_run_create(tx, &in, &out, NULL);
	for (int i = 0; result == 0 && i < MANY; i++) {
		struct task_run row;
		struct state state = { .id = uuid_new(),
			               .type = i % 3 == 0 ? STATE_COMPLETED : STATE_PENDING,
			               .name = STR("x"),
			               .timestamp = NOW_US };

		fields_init(&task_run_fields, &row);
		row.id = uuid_new();
		row.flow_run_id = id(1);
		row.task_key = i % 2 ? STR("t") : STR("u");
		row.dynamic_key = arena_printf(tx->arena, "%d", i);
		result = task_run_record(tx, &row, &state, 1);
	}
	return result;
}

static void test_many_tasks_are_marked_in_steps(void **state)
{
	struct world *world = *state;
	struct crash_request request = { .program = id(0x77) };

	world_run(world, make_many_tasks, &request.program);
	world_run(world, crash, &request);
	assert_int_equal(request.count, 1);
	assert_true(request.steps > 1);
	assert_int_equal(world_count(world, "SELECT count(*) FROM task_run WHERE state_name = 'Crashed'"),
	                 MANY * 2 / 3);
	assert_int_equal(world_count(world, "SELECT count(*) FROM task_run WHERE state_name = 'x'"), MANY / 3);
	assert_int_equal(world_count(world, "SELECT count(*) FROM task_run_state"), MANY + MANY * 2 / 3);
	assert_int_equal(world_read_run(world, id(1), NULL).state_type, STATE_CRASHED);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_runs_of_a_killed_program),
		TEST(test_many_runs_are_marked_in_steps),
		TEST(test_many_tasks_are_marked_in_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
