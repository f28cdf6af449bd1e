/* SPDX-License-Identifier: Apache-2.0 */
/* Every state has its answer. The cases compare the sentence, the causes and what comes next; one compares all of it. */
#include "world.h"

#include "base/json.h"

/* The answer, then a line for each cause ("- …", with the detail's lines under it), then "> " and what comes next. */
static const char *explain(struct world *world, struct uuid run_id)
{
	AUTO(strbuf_done) struct strbuf json = { 0 }, text = { 0 };
	struct db *db = world_reader(world);
	const struct json *why;

	if (why_run(world->store, db, run_id, &json, &world->problem) < 0)
		fail_msg("why_run: %s", world->problem.message);
	world_reader_done(world, db);
	assert_int_equal(json_read(&world->arena, strbuf_str(&json), 0, &why, NULL, &world->problem), 0);
	strbuf_printf(&text, "%.*s\n", STR_ARG(json_text(&world->arena, json_get(why, "answer"))));
	for (const struct json *each = json_get(why, "because")->child; each; each = each->next)
		strbuf_printf(&text, "- %.*s\n", STR_ARG(json_text(&world->arena, json_get(each, "cause"))));
	strbuf_printf(&text, "> %.*s\n", STR_ARG(json_text(&world->arena, json_get(why, "next"))));
	return arena_str(&world->arena, strbuf_str(&text)).data;
}

/* --- What there is to explain --- */

static struct flow_run make_run(struct world *world, const struct flow_run *given)
{
	struct flow flow = world_flow(world, "etl");
	struct flow_run run = *given;
	const struct state first = { .type = STATE_PENDING, .timestamp = NOW_US };

	run.flow_id = flow.id;
	run.name = STR("calm-otter");
	return world_flow_run(world, &run, &first);
}

static void set_flow_state(struct world *world, struct uuid run_id, enum state_type type, const char *name,
                           int64_t seconds, const char *message, const char *details)
{
	world_set_flow_state(world, &(struct set_state){ .run_id = run_id,
	                                                 .force = true,
	                                                 .proposed = { .type = type,
	                                                               .name = str_of(name),
	                                                               .timestamp = NOW_US + seconds * SECOND_US,
	                                                               .message = str_of(message),
	                                                               .details = str_of(details) } });
}

struct task_in {
	uint8_t byte;
	const char *name;
	struct uuid flow_run_id;
	const char *inputs, *policy;
	enum state_type type;
	const char *state_name, *message, *details;
	int64_t seconds;
};

static void make_task(struct world *world, const struct task_in *in)
{
	const struct state state = { .id = id((uint8_t)(in->byte | 0x80)),
		                     .type = in->type,
		                     .name = str_of(in->state_name ? in->state_name : state_type_title(in->type)),
		                     .timestamp = NOW_US + in->seconds * SECOND_US,
		                     .message = str_of(in->message),
		                     .details = in->details ? str_of(in->details) : STR("{}") };
	struct task_run row;

	fields_init(&task_run_fields, &row);
	row.id = id(in->byte);
	row.name = str_of(in->name);
	row.flow_run_id = in->flow_run_id;
	row.task_key = STR("load");
	row.dynamic_key = str_of(in->name);
	if (in->inputs)
		row.task_inputs = str_of(in->inputs);
	if (in->policy)
		row.empirical_policy = str_of(in->policy);
	task_run_enter(&row, NULL, &state);
	world_record(world, &row, &state);
}

static int append_log(struct tx *tx, void *data)
{
	struct log_line lines[7];

	for (int i = 0; i < 7; i++)
		lines[i] = (struct log_line){ .name = STR("weir.task_runs"),
			                      .level = i == 6 ? 40 : 20,
			                      .message = arena_printf(tx->arena, "line %d", i),
			                      .timestamp = NOW_US + i * SECOND_US,
			                      .flow_run_id = *(struct uuid *)data,
			                      .task_run_id = id(0x21) };
	return logs_append(tx, lines, ARRAY_LENGTH(lines));
}

/* --- Flow runs: states that need nothing around them --- */

static void test_flow_runs_by_state(void **state)
{
	static const struct {
		enum state_type type;
		const char *name, *message, *details, *expect;
	} rows[] = {
		{ STATE_SCHEDULED, NULL, NULL, "{\"scheduled_time\":\"2999-01-01T00:00:00Z\"}",
		  "Flow run 'calm-otter' waits for its time, 2999-01-01T00:00:00Z.\n"
		  "> A program or worker that serves it starts it then.\n" },
		{ STATE_SCHEDULED, "Late", NULL, "{\"scheduled_time\":\"2026-01-01T00:00:00Z\"}",
		  "Flow run 'calm-otter' was due at 2026-01-01T00:00:00Z, and nobody has started it.\n"
		  "> Start a program or worker that serves it.\n" },
		{ STATE_SCHEDULED, "AwaitingConcurrencySlot", NULL, "{\"scheduled_time\":\"2026-01-01T00:00:30Z\"}",
		  "Flow run 'calm-otter' waits for a slot: the concurrency limit of its deployment is full.\n"
		  "> It asks again at 2026-01-01T00:00:30Z.\n" },
		{ STATE_SCHEDULED, "Resuming", NULL, NULL,
		  "Flow run 'calm-otter' was resumed at 2026-01-01T00:00:09Z and waits to be started.\n"
		  "> A program or worker that serves it starts it.\n" },
		{ STATE_PENDING, NULL, NULL, NULL,
		  "Flow run 'calm-otter' was taken at 2026-01-01T00:00:09Z, and has not begun to run.\n"
		  "> The program or worker that took it starts it.\n" },
		{ STATE_PENDING, "InfrastructurePending", NULL, NULL,
		  "Flow run 'calm-otter' is being started (InfrastructurePending).\n"
		  "> It runs when its infrastructure is there.\n" },
		{ STATE_RUNNING, NULL, NULL, NULL,
		  "Flow run 'calm-otter' runs since 2026-01-01T00:00:09Z.\n"
		  "> It ends when its function returns.\n" },
		{ STATE_PAUSED, NULL, NULL, NULL,
		  "Flow run 'calm-otter' is paused since 2026-01-01T00:00:09Z, and waits to be resumed.\n"
		  "> Resume it: weir flow-run resume calm-otter\n" },
		{ STATE_PAUSED, "Suspended", NULL,
		  "{\"pause_reschedule\":true,\"pause_timeout\":\"2026-01-02T00:00:00Z\",\"run_input_keyset\":{\"a\":\"b\"}}",
		  "Flow run 'calm-otter' is suspended since 2026-01-01T00:00:09Z, and waits to be resumed.\n"
		  "- it waits for somebody's input\n"
		  "> Its time was up at 2026-01-02T00:00:00Z: resumed now, it fails. Resume it: weir flow-run resume "
		  "calm-otter\n" },
		{ STATE_PAUSED, NULL, NULL, "{\"pause_timeout\":\"2999-01-01T00:00:00Z\"}",
		  "Flow run 'calm-otter' is paused since 2026-01-01T00:00:09Z, and waits to be resumed.\n"
		  "> Resume it before 2999-01-01T00:00:00Z (then it fails): weir flow-run resume calm-otter\n" },
		{ STATE_CANCELLING, NULL, "by anna", NULL,
		  "Flow run 'calm-otter' is being cancelled since 2026-01-01T00:00:09Z.\n"
		  "- its cancellation was asked for: by anna\n"
		  "> It is Cancelled when what still runs of it has stopped.\n" },
		{ STATE_COMPLETED, NULL, NULL, NULL,
		  "Flow run 'calm-otter' completed at 2026-01-01T00:00:09Z, after 0.000 s of running.\n"
		  "> Nothing is left to do.\n" },
		{ STATE_COMPLETED, "Skipped", "no new files\nsecond line", NULL,
		  "Flow run 'calm-otter' was skipped: no new files.\n"
		  "> Nothing is left to do.\n" },
		{ STATE_FAILED, NULL, "division by zero", NULL,
		  "Flow run 'calm-otter' failed at 2026-01-01T00:00:09Z: division by zero.\n"
		  "> Repair the cause, and run it again.\n" },
		{ STATE_FAILED, "TimedOut", NULL, NULL,
		  "Flow run 'calm-otter' ran out of time at 2026-01-01T00:00:09Z: (no message).\n"
		  "> Repair the cause, and run it again.\n" },
		{ STATE_CRASHED, NULL, "killed by signal 11 (SEGV)", NULL,
		  "Flow run 'calm-otter' crashed at 2026-01-01T00:00:09Z: killed by signal 11 (SEGV).\n"
		  "> It did not end by itself. Look at its last log lines, and run it again.\n" },
		{ STATE_CANCELLED, NULL, "by anna", NULL,
		  "Flow run 'calm-otter' was cancelled at 2026-01-01T00:00:09Z: by anna.\n"
		  "> Run it again if it is still wanted.\n" },
	};
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct flow_run run = make_run(world, &(struct flow_run){ .infrastructure_pid = STR("x") });

		set_flow_state(world, run.id, rows[i].type, rows[i].name, 9, rows[i].message, rows[i].details);
		check_text(rows[i].name ? rows[i].name : state_type_title(rows[i].type), explain(world, run.id),
		           rows[i].expect);
	}
}

/* No operation makes such a run; a file that was written by hand may have one. */
static int insert_run_without_state(struct tx *tx, void *data)
{
	struct flow_run run;
	struct flow flow;
	int result = flow_ensure(tx, STR("etl"), STR_NULL, STR_NULL, &flow, NULL);
	bool inserted;

	(void)data;
	fields_init(&flow_run_fields, &run);
	run.id = id(1);
	run.created = run.updated = NOW_US;
	run.name = STR("calm-otter");
	run.flow_id = flow.id;
	return result < 0 ? result : store_flow_run_insert(tx->db, &run, &inserted, tx->problem);
}

static void test_a_run_without_a_state(void **state)
{
	struct world *world = *state;

	world_run(world, insert_run_without_state, NULL);
	check_text("none", explain(world, id(1)),
	           "Flow run 'calm-otter' has no state: it was made, and nothing has been recorded of it since.\n"
	           "> Look at the program that made it.\n");
}

/* --- Flow runs with a history --- */

static void test_a_retry_tells_what_failed(void **state)
{
	struct world *world = *state;
	struct flow_run run = make_run(world, &(struct flow_run){ .empirical_policy = STR("{\"retries\":2}") });
	const char *retry = "{\"scheduled_time\":\"2026-01-01T00:00:40Z\"}";

	set_flow_state(world, run.id, STATE_RUNNING, NULL, 1, NULL, NULL);
	set_flow_state(world, run.id, STATE_SCHEDULED, "AwaitingRetry", 2, "first", retry);
	set_flow_state(world, run.id, STATE_RUNNING, NULL, 3, NULL, NULL);
	set_flow_state(world, run.id, STATE_SCHEDULED, "AwaitingRetry", 4, "second", retry);
	check_text(
	        "awaiting", explain(world, run.id),
	        "Flow run 'calm-otter' waits for its next attempt, due at 2026-01-01T00:00:40Z, after a failure: second.\n"
	        "- it was tried 2 times; 2 retries are allowed\n"
	        "> Its program starts it again when it is due.\n");
	set_flow_state(world, run.id, STATE_RUNNING, NULL, 40, NULL, NULL);
	check_text("running", explain(world, run.id),
	           "Flow run 'calm-otter' runs since 2026-01-01T00:00:40Z (attempt 3).\n"
	           "- it was tried 3 times; 2 retries are allowed\n"
	           "> It ends when its function returns.\n");
	set_flow_state(world, run.id, STATE_COMPLETED, NULL, 41, NULL, NULL);
	check_text("completed", explain(world, run.id),
	           "Flow run 'calm-otter' completed at 2026-01-01T00:00:41Z, after 3.000 s of running.\n"
	           "- it was tried 3 times; 2 retries are allowed\n"
	           "> Nothing is left to do.\n");
}

static void test_a_cancelled_run_tells_who_asked(void **state)
{
	struct world *world = *state;
	struct flow_run run = make_run(world, &(struct flow_run){ 0 });

	set_flow_state(world, run.id, STATE_RUNNING, NULL, 1, NULL, NULL);
	set_flow_state(world, run.id, STATE_CANCELLING, NULL, 2, "asked for by `weir cancel`", NULL);
	make_task(world,
	          &(struct task_in){ .byte = 0x21, .name = "load-0", .flow_run_id = run.id, .type = STATE_RUNNING });
	check_text("cancelling", explain(world, run.id),
	           "Flow run 'calm-otter' is being cancelled since 2026-01-01T00:00:02Z.\n"
	           "- its cancellation was asked for: asked for by `weir cancel`\n"
	           "- task run 'load-0' runs\n"
	           "> It is Cancelled when what still runs of it has stopped.\n");
	set_flow_state(world, run.id, STATE_CANCELLED, NULL, 3, NULL, NULL);
	check_text("cancelled", explain(world, run.id),
	           "Flow run 'calm-otter' was cancelled at 2026-01-01T00:00:03Z.\n"
	           "- its cancellation was asked for: asked for by `weir cancel`\n"
	           "> Run it again if it is still wanted.\n");
}

static void test_a_running_flow_tells_of_its_tasks(void **state)
{
	struct world *world = *state;
	struct flow_run run = make_run(world, &(struct flow_run){ 0 });
	const struct task_in tasks[] = {
		{ .byte = 0x21, .name = "load-0", .type = STATE_COMPLETED },
		{ .byte = 0x22, .name = "load-1", .type = STATE_RUNNING },
		{ .byte = 0x23, .name = "load-2", .type = STATE_PENDING },
		{ .byte = 0x24, .name = "load-3", .type = STATE_FAILED, .message = "no route\nto host" },
		{ .byte = 0x25, .name = "load-4", .type = STATE_PAUSED },
	};

	set_flow_state(world, run.id, STATE_RUNNING, NULL, 1, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(tasks); i++) {
		struct task_in task = tasks[i];

		task.flow_run_id = run.id;
		make_task(world, &task);
	}
	check_text("running", explain(world, run.id),
	           "Flow run 'calm-otter' runs since 2026-01-01T00:00:01Z, and 2 of its 5 task runs have ended.\n"
	           "- task run 'load-1' runs\n"
	           "- task run 'load-2' waits\n"
	           "- task run 'load-4' is paused\n"
	           "- task run 'load-3' failed: no route\n"
	           "> It ends when its function returns.\n");
}

static void test_a_failed_flow_tells_of_its_tasks_and_log(void **state)
{
	struct world *world = *state;
	struct flow_run run = make_run(world, &(struct flow_run){ .empirical_policy = STR("{\"retries\":1}") });

	set_flow_state(world, run.id, STATE_RUNNING, NULL, 1, NULL, NULL);
	make_task(world, &(struct task_in){ .byte = 0x21,
	                                    .name = "load-0",
	                                    .flow_run_id = run.id,
	                                    .type = STATE_FAILED,
	                                    .message = "no such table: orders",
	                                    .seconds = 5 });
	make_task(world, &(struct task_in){ .byte = 0x22,
	                                    .name = "load-1",
	                                    .flow_run_id = run.id,
	                                    .type = STATE_CRASHED,
	                                    .message = "killed by signal 9 (KILL)",
	                                    .seconds = 4 });
	set_flow_state(world, run.id, STATE_FAILED, NULL, 6, "task run 'load-0' failed", NULL);
	world_run(world, append_log, &run.id);
	check_text("failed", explain(world, run.id),
	           "Flow run 'calm-otter' failed at 2026-01-01T00:00:06Z: task run 'load-0' failed.\n"
	           "- task run 'load-1' crashed: killed by signal 9 (KILL)\n"
	           "- task run 'load-0' failed: no such table: orders\n"
	           "- it was tried 1 time; 1 retry is allowed\n"
	           "- the last lines of its log\n"
	           "> Repair the cause, and run it again.\n");
}

static void test_a_program_that_is_gone(void **state)
{
	struct world *world = *state;
	struct flow_run run = make_run(world, &(struct flow_run){ .program_id = id(0x77) });
	struct flow_run own = make_run(world, &(struct flow_run){ .program_id = store_program_id(world->store) });
	const char *gone = "- its program is gone\n"
	                   "> The next program that opens the store marks it as Crashed. Then run it again.\n";

	set_flow_state(world, run.id, STATE_RUNNING, NULL, 1, NULL, NULL);
	set_flow_state(world, own.id, STATE_RUNNING, NULL, 1, NULL, NULL);
	make_task(world,
	          &(struct task_in){ .byte = 0x21, .name = "load-0", .flow_run_id = run.id, .type = STATE_PENDING });
	check_text(
	        "flow run", explain(world, run.id),
	        arena_printf(&world->arena,
	                     "Flow run 'calm-otter' is Running in name only: the program that ran it has ended without "
	                     "saying how.\n%s",
	                     gone)
	                .data);
	check_text("task run", explain(world, id(0x21)),
	           arena_printf(&world->arena,
	                        "Task run 'load-0' is Pending in name only: the program that ran it has ended without "
	                        "saying how.\n%s",
	                        gone)
	                   .data);
	check_text("own", explain(world, own.id),
	           "Flow run 'calm-otter' runs since 2026-01-01T00:00:01Z.\n> It ends when its function returns.\n");
	/* A run that has ended has ended, and a suspended one waits for no program. */
	set_flow_state(world, run.id, STATE_PAUSED, "Suspended", 2, NULL, "{\"pause_reschedule\":true}");
	check_text("suspended", explain(world, run.id),
	           "Flow run 'calm-otter' is suspended since 2026-01-01T00:00:02Z, and waits to be resumed.\n"
	           "> Resume it: weir flow-run resume calm-otter, then PROGRAM resume calm-otter\n");
}

/* --- Task runs --- */

static void test_task_runs_by_state(void **state)
{
	static const struct {
		struct task_in in;
		const char *expect;
	} rows[] = {
		{ { .type = STATE_SCHEDULED,
		    .state_name = "AwaitingRetry",
		    .message = "timeout",
		    .policy = "{\"retries\":3}",
		    .details = "{\"scheduled_time\":\"2026-01-01T00:00:40Z\"}" },
		  "Task run 'load-0' waits for its next attempt, due at 2026-01-01T00:00:40Z, after a failure: timeout.\n"
		  "- it was tried 0 times; 3 retries are allowed\n"
		  "> Its program starts it again when it is due.\n" },
		{ { .type = STATE_PENDING },
		  "Task run 'load-0' is ready, and waits for its turn.\n"
		  "> It starts when its program has a place for it.\n" },
		{ { .type = STATE_PAUSED, .state_name = "NotReady" },
		  "Task run 'load-0' was not started, because its flow run was paused.\n"
		  "> Resume the flow run.\n" },
		{ { .type = STATE_COMPLETED, .state_name = "Cached", .details = "{\"cache_key\":\"k\"}" },
		  "Task run 'load-0' did not run: its result was in the cache.\n"
		  "- the cache had a result under its key\n"
		  "> Nothing is left to do.\n" },
		{ { .type = STATE_FAILED, .message = "no route to host" },
		  "Task run 'load-0' failed at 2026-01-01T00:00:00Z: no route to host.\n"
		  "> Repair the cause, and run it again.\n" },
		{ { .type = STATE_CANCELLED },
		  "Task run 'load-0' was cancelled at 2026-01-01T00:00:00Z.\n"
		  "> Run it again if it is still wanted.\n" },
	};
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct task_in in = rows[i].in;

		in.byte = (uint8_t)(i + 1);
		in.name = "load-0";
		make_task(world, &in);
		check_text(state_type_title(in.type), explain(world, id(in.byte)), rows[i].expect);
	}
}

#define INPUT(byte) "{\"input_type\":\"task_run\",\"id\":\"" byte "000000-0000-0000-0000-000000000000\"}"

static void test_a_task_waits_for_the_limit_of_its_flow(void **state)
{
	struct world *world = *state;
	struct flow_run run = make_run(world, &(struct flow_run){ .labels = STR("{\"weir.max_parallel\":2}") });
	struct task_in tasks[] = {
		{ .byte = 0x21, .name = "load-0", .type = STATE_RUNNING },
		{ .byte = 0x22, .name = "load-1", .type = STATE_PENDING },
		{ .byte = 0x23, .name = "load-2", .type = STATE_RUNNING },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(tasks); i++) {
		tasks[i].flow_run_id = run.id;
		make_task(world, &tasks[i]);
		check_text(
		        "task", explain(world, id(0x22 - (i == 0))),
		        i == 0 ? "Task run 'load-0' runs since 2026-01-01T00:00:00Z.\n"
		                 "> It ends when its function returns.\n"
		        : i == 1
		                ? "Task run 'load-1' is ready, and waits for its turn.\n"
		                  "> It starts when its program has a place for it.\n"
		                : "Task run 'load-1' is ready, and waits for its turn: the limit of its flow run is reached.\n"
		                  "- its flow run lets 2 of its children run at a time (.max_parallel)\n"
		                  "> It starts when one of those before it has ended.\n");
	}
}

static void test_a_task_waits_for_its_upstream(void **state)
{
	struct world *world = *state;
	struct flow_run run = make_run(world, &(struct flow_run){ 0 });
	const char *inputs = "{\"a\":[" INPUT("21") "],\"b\":[" INPUT("22") "," INPUT("23") "],\"c\":[" INPUT(
	        "7f") "],\"n\":[{\"input_type\":\"constant\",\"type\":\"int\"}],\"__parents__\":[" INPUT("24") "]}";
	const struct task_in tasks[] = {
		{ .byte = 0x21, .name = "load-0", .type = STATE_COMPLETED },
		{ .byte = 0x22, .name = "load-1", .type = STATE_RUNNING },
		{ .byte = 0x23, .name = "load-2", .type = STATE_FAILED, .message = "no" },
		{ .byte = 0x24, .name = "load-3", .type = STATE_RUNNING },
		{ .byte = 0x25, .name = "join-0", .type = STATE_PENDING, .inputs = inputs },
		{ .byte = 0x26,
		  .name = "join-1",
		  .type = STATE_PENDING,
		  .state_name = "NotReady",
		  .message = "upstream task run 'load-2' failed",
		  .inputs = inputs },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(tasks); i++) {
		struct task_in task = tasks[i];

		task.flow_run_id = run.id;
		make_task(world, &task);
	}
	check_text("pending", explain(world, id(0x25)),
	           "Task run 'join-0' waits for 2 task runs that it takes arguments from.\n"
	           "- task run 'load-1' is Running\n"
	           "- task run 'load-2' is Failed\n"
	           "> It starts when they have completed.\n");
	check_text("not ready", explain(world, id(0x26)),
	           "Task run 'join-1' was not started: upstream task run 'load-2' failed.\n"
	           "- task run 'load-1' is Running\n"
	           "- task run 'load-2' is Failed\n"
	           "> It stays like this: repair what it depends on, and run the flow again.\n");
}

static void test_a_task_that_stands_for_a_subflow(void **state)
{
	struct world *world = *state;
	struct flow_run outer = make_run(world, &(struct flow_run){ 0 });
	struct flow_run inner;

	make_task(world, &(struct task_in){ .byte = 0x21,
	                                    .name = "inner-0",
	                                    .flow_run_id = outer.id,
	                                    .type = STATE_PENDING,
	                                    .seconds = -1 });
	inner = make_run(world, &(struct flow_run){ .parent_task_run_id = id(0x21) });
	/* The copy is made when the state is written, so the task run's instant is that of today. */
	set_flow_state(world, inner.id, STATE_RUNNING, NULL, 1, NULL, NULL);
	assert_non_null(
	        strstr(explain(world, id(0x21)), "- it stands for the flow run 'calm-otter', which is Running\n"));
}

static void test_a_task_is_cancelled_with_its_flow(void **state)
{
	struct world *world = *state;
	struct flow_run run = make_run(world, &(struct flow_run){ 0 });

	make_task(world,
	          &(struct task_in){ .byte = 0x21, .name = "load-0", .flow_run_id = run.id, .type = STATE_CANCELLED });
	set_flow_state(world, run.id, STATE_CANCELLED, NULL, 3, NULL, NULL);
	check_text("cancelled", explain(world, id(0x21)),
	           "Task run 'load-0' was cancelled at 2026-01-01T00:00:00Z.\n"
	           "- its flow run 'calm-otter' is Cancelled\n"
	           "> Run it again if it is still wanted.\n");
}

/* --- The whole answer --- */

static void test_the_whole_answer(void **state)
{
	AUTO(strbuf_done) struct strbuf json = { 0 };
	struct world *world = *state;
	struct flow_run run = make_run(world, &(struct flow_run){ .id = id(1) });
	struct db *db;

	make_task(world, &(struct task_in){ .byte = 0x21,
	                                    .name = "load-0",
	                                    .flow_run_id = run.id,
	                                    .policy = "{\"retries\":1}",
	                                    .type = STATE_FAILED,
	                                    .message = "no route\nto host",
	                                    .seconds = 3 });
	world_run(world, append_log, &run.id);
	db = world_reader(world);
	assert_int_equal(why_run(world->store, db, id(0x21), &json, &world->problem), 0);
	world_reader_done(world, db);
	check_text(
	        "why", json.data,
	        "{\"run\":{\"kind\":\"task run\",\"id\":\"21000000-0000-0000-0000-000000000000\",\"name\":\"load-0\","
	        "\"task\":\"load\",\"flow\":\"etl\",\"flow_run_id\":\"01000000-0000-0000-0000-000000000000\","
	        "\"flow_run\":\"calm-otter\",\"run_count\":0,\"expected_start_time\":\"2026-01-01T00:00:03Z\","
	        "\"start_time\":\"2026-01-01T00:00:03Z\",\"end_time\":\"2026-01-01T00:00:03Z\"},"
	        "\"state\":{\"id\":\"a1000000-0000-0000-0000-000000000000\",\"type\":\"FAILED\",\"name\":\"Failed\","
	        "\"timestamp\":\"2026-01-01T00:00:03Z\",\"message\":\"no route\\nto host\",\"data\":null,"
	        "\"state_details\":{\"flow_run_id\":null,\"task_run_id\":null,\"child_flow_run_id\":null,"
	        "\"scheduled_time\":null,\"cache_key\":null,\"cache_expiration\":null,\"deferred\":false,"
	        "\"untrackable_result\":false,\"pause_timeout\":null,\"pause_reschedule\":false,\"pause_key\":null,"
	        "\"run_input_keyset\":null,\"refresh_cache\":null,\"retriable\":null,\"transition_id\":null,"
	        "\"task_parameters_id\":null,\"traceparent\":null,\"deployment_concurrency_lease_id\":null}},"
	        "\"answer\":\"Task run 'load-0' failed at 2026-01-01T00:00:03Z: no route.\","
	        "\"because\":[{\"cause\":\"it was tried 0 times; 1 retry is allowed\",\"since\":"
	        "\"2026-01-01T00:00:03Z\",\"detail\":{\"run_count\":0,\"retries\":1,\"failures\":[]}},"
	        "{\"cause\":\"the last lines of its log\",\"since\":\"2026-01-01T00:00:02Z\",\"detail\":{\"lines\":["
	        "{\"timestamp\":\"2026-01-01T00:00:02Z\",\"level\":20,\"message\":\"line 2\"},"
	        "{\"timestamp\":\"2026-01-01T00:00:03Z\",\"level\":20,\"message\":\"line 3\"},"
	        "{\"timestamp\":\"2026-01-01T00:00:04Z\",\"level\":20,\"message\":\"line 4\"},"
	        "{\"timestamp\":\"2026-01-01T00:00:05Z\",\"level\":20,\"message\":\"line 5\"},"
	        "{\"timestamp\":\"2026-01-01T00:00:06Z\",\"level\":40,\"message\":\"line 6\"}]}}],"
	        "\"next\":\"Repair the cause, and run it again.\"}");
}

static void test_an_unknown_run(void **state)
{
	AUTO(strbuf_done) struct strbuf json = { 0 };
	struct world *world = *state;
	struct db *db = world_reader(world);

	assert_int_equal(why_run(world->store, db, id(9), &json, &world->problem), WEIR_ENOTFOUND);
	check_text("problem", world->problem.message, "no run has the id 09000000-0000-0000-0000-000000000000");
	assert_int_equal(json.length, 0);
	world_reader_done(world, db);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_flow_runs_by_state),
		TEST(test_a_run_without_a_state),
		TEST(test_a_retry_tells_what_failed),
		TEST(test_a_cancelled_run_tells_who_asked),
		TEST(test_a_running_flow_tells_of_its_tasks),
		TEST(test_a_failed_flow_tells_of_its_tasks_and_log),
		TEST(test_a_program_that_is_gone),
		TEST(test_task_runs_by_state),
		TEST(test_a_task_waits_for_the_limit_of_its_flow),
		TEST(test_a_task_waits_for_its_upstream),
		TEST(test_a_task_that_stands_for_a_subflow),
		TEST(test_a_task_is_cancelled_with_its_flow),
		TEST(test_the_whole_answer),
		TEST(test_an_unknown_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
