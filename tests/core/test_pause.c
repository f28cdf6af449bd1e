/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that wait for a person: paused, suspended, resumed, taken over, out of time. */
#include "world.h"

#include "core/pause.h"

#define SCHEMA "{\"properties\":{\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]}"
#define LATER INT64_C(32503680000000000) /* the year 3000 */

static struct flow_run make_running(struct world *world, uint8_t program)
{
	const struct state running = { .type = STATE_RUNNING };
	struct flow flow = world_flow(world, "etl");

	return world_flow_run(
	        world,
	        &(struct flow_run){
	                .id = id(1), .flow_id = flow.id, .name = STR("calm-otter"), .program_id = id(program) },
	        &running);
}

static struct pause make_pause(bool suspend, int64_t timeout)
{
	return (struct pause){ .run_id = id(1),
		               .suspend = suspend,
		               .key = STR("k"),
		               .timeout = timeout,
		               .schema = STR(SCHEMA),
		               .description = STR("how many?") };
}

/* One operation of each kind, in a job of its own; texts are kept in the world's arena. */
struct request {
	struct world *world;
	const struct pause *pause;
	struct str input;
	struct pause_answer answer;
	struct set_state_result result;
	int code;
	enum state_type now;
};

static int pause_run(struct tx *tx, void *data)
{
	struct request *request = data;
	int result = flow_run_pause(tx, request->pause, &request->answer);

	request->answer.input = arena_str(&request->world->arena, request->answer.input);
	request->answer.reason = arena_str(&request->world->arena, request->answer.reason);
	return result;
}

static int look(struct tx *tx, void *data)
{
	struct request *request = data;
	int result = flow_run_pause_look(tx, request->pause, &request->answer);

	request->answer.input = arena_str(&request->world->arena, request->answer.input);
	return result;
}

static int expire(struct tx *tx, void *data)
{
	struct request *request = data;
	int result = flow_run_pause_expire(tx, request->pause, STR("too late"), &request->answer);

	request->answer.input = arena_str(&request->world->arena, request->answer.input);
	return result;
}

static int resume(struct tx *tx, void *data)
{
	struct request *request = data;
	int result = flow_run_resume(tx, id(1), request->input, &request->result);

	request->result.verdict.reason = arena_str(&request->world->arena, request->result.verdict.reason);
	return result;
}

/* A refusal is looked at, so the job does not fail. */
static int take_over(struct tx *tx, void *data)
{
	struct request *request = data;
	struct problem problem;

	tx->problem = &problem;
	request->code = flow_run_take_over(tx, id(1), id(0xB), &request->now);
	if (request->code < 0)
		request->result.verdict.reason = arena_printf(&request->world->arena, "%s", problem.message);
	return 0;
}

static const char *states(struct world *world)
{
	return world_rows(world, "SELECT name, message FROM flow_run_state ORDER BY timestamp");
}

static const char *inputs(struct world *world)
{
	return world_rows(world, "SELECT key, value FROM flow_run_input ORDER BY key");
}

static void test_a_pause_and_its_answer(void **state)
{
	struct world *world = *state;
	const struct pause pause = make_pause(false, LATER);
	struct request request = { .world = world, .pause = &pause };

	make_running(world, 0xA);
	world_run(world, pause_run, &request);
	assert_int_equal(request.answer.status, PAUSE_WAITS);
	assert_int_equal(request.answer.state, STATE_PAUSED);
	world_run(world, look, &request);
	assert_int_equal(request.answer.status, PAUSE_WAITS);
	world_run(world, resume, &request);
	assert_int_equal(request.result.verdict.status, VERDICT_REJECT);
	check_text("reason", request.result.verdict.reason.data, "'n' is missing: it must be an integer");
	request.input = STR("{\"n\":7}");
	world_run(world, resume, &request);
	assert_int_equal(request.result.verdict.status, VERDICT_ACCEPT);
	world_run(world, expire, &request); /* too late to be too late */
	assert_int_equal(request.answer.status, PAUSE_RESUMED);
	check_text("input", request.answer.input.data, "{\"n\":7}");
	world_run(world, resume, &request);
	assert_int_equal(request.result.verdict.status, VERDICT_ABORT);
	check_text("reason", request.result.verdict.reason.data, "Cannot resume a flow run that is not paused.");
	world_run(world, pause_run, &request); /* once for each key */
	assert_int_equal(request.answer.status, PAUSE_RESUMED);
	check_text("states", states(world), "Running | -\nPaused | -\nRunning | -\n");
	check_text("inputs", inputs(world),
	           "paused-k-description | how many?\npaused-k-response | {\"n\":7}\npaused-k-schema | " SCHEMA "\n");
}

static void set_running(struct world *world)
{
	const struct set_state running = { .run_id = id(1), .proposed = { .type = STATE_RUNNING } };

	assert_int_equal(world_set_flow_state(world, &running).verdict.status, VERDICT_ACCEPT);
}

/* Whoever sets states may resume as well, without an answer. */
static void test_a_pause_that_is_set_running(void **state)
{
	struct world *world = *state;
	struct pause pause = make_pause(false, LATER);
	struct request request = { .world = world, .pause = &pause };

	make_running(world, 0xA);
	world_run(world, pause_run, &request);
	set_running(world);
	world_run(world, look, &request);
	assert_int_equal(request.answer.status, PAUSE_REFUSED);
	pause.schema = STR_NULL;
	world_run(world, look, &request);
	assert_int_equal(request.answer.status, PAUSE_RESUMED);
	check_text("input", request.answer.input.data, "{}");
}

/* The attempt of a program's run goes on; that of a client of the server is counted anew, as the reference does. */
static void test_attempts(void **state)
{
	struct world *world = *state;
	const struct pause pause = make_pause(false, LATER);
	struct request request = { .world = world, .pause = &pause, .input = STR("{\"n\":7}") };

	make_running(world, 0xA);
	world_run(world, pause_run, &request);
	world_run(world, resume, &request);
	assert_int_equal(world_count(world, "SELECT run_count FROM flow_run"), 1);
}

static void test_attempts_without_a_program(void **state)
{
	struct world *world = *state;
	const struct pause pause = make_pause(false, LATER);
	struct request request = { .world = world, .pause = &pause, .input = STR("{\"n\":7}") };

	make_running(world, 0);
	world_run(world, pause_run, &request);
	world_run(world, resume, &request);
	assert_int_equal(world_count(world, "SELECT run_count FROM flow_run"), 2);
}

static void test_a_pause_out_of_time(void **state)
{
	struct world *world = *state;
	const struct pause pause = make_pause(false, NOW_US);
	struct request request = { .world = world, .pause = &pause, .input = STR("{\"n\":7}") };

	make_running(world, 0xA);
	world_run(world, pause_run, &request);
	world_run(world, resume, &request);
	assert_int_equal(request.result.verdict.status, VERDICT_REJECT);
	assert_int_equal(request.result.state.type, STATE_FAILED);
	world_run(world, look, &request);
	assert_int_equal(request.answer.status, PAUSE_EXPIRED);
	check_text("states", states(world), "Running | -\nPaused | -\nFailed | The run was not resumed in time.\n");
}

static void test_a_pause_that_expires(void **state)
{
	struct world *world = *state;
	const struct pause pause = make_pause(false, LATER);
	struct request request = { .world = world, .pause = &pause };

	make_running(world, 0xA);
	world_run(world, pause_run, &request);
	world_run(world, expire, &request);
	assert_int_equal(request.answer.status, PAUSE_EXPIRED);
	check_text("states", states(world), "Running | -\nPaused | -\nFailed | too late\n");
}

static void test_a_suspended_run_is_taken_over_once(void **state)
{
	struct world *world = *state;
	const struct pause pause = make_pause(true, TIMESTAMP_NONE);
	struct request request = { .world = world, .pause = &pause };

	make_running(world, 0xA);
	world_run(world, take_over, &request);
	assert_int_equal(request.code, WEIR_ECONFLICT);
	check_text("problem", request.result.verdict.reason.data,
	           "flow run 'calm-otter' is not suspended: it is Running");
	world_run(world, pause_run, &request);
	assert_int_equal(request.answer.status, PAUSE_WAITS);
	world_run(world, take_over, &request);
	assert_int_equal(request.code, WEIR_ECONFLICT);
	check_text("problem", request.result.verdict.reason.data,
	           "flow run 'calm-otter' waits for its input: 'n' is missing: it must be an integer");
	request.input = STR("{\"n\":7}");
	world_run(world, resume, &request);
	assert_int_equal(request.result.verdict.status, VERDICT_ACCEPT);
	world_run(world, take_over, &request);
	assert_int_equal(request.code, 0);
	assert_int_equal(request.now, STATE_RUNNING);
	world_run(world, take_over, &request);
	assert_int_equal(request.code, WEIR_ECONFLICT);
	check_text("states", states(world), "Running | -\nSuspended | -\nResuming | -\nRunning | -\n");
	check_text("run", world_rows(world, "SELECT program_id, run_count FROM flow_run"),
	           "0b000000-0000-0000-0000-000000000000 | 1\n");
}

static void test_what_can_not_be_paused(void **state)
{
	struct world *world = *state;
	const struct pause suspension = make_pause(true, LATER);
	struct request request = { .world = world, .pause = &suspension };

	make_running(world, 0); /* nobody could begin it anew */
	world_run(world, pause_run, &request);
	assert_int_equal(request.answer.status, PAUSE_REFUSED);
	check_text("reason", request.answer.reason.data, "Cannot suspend flows without a deployment.");
	assert_string_equal(inputs(world), "");
}

static void test_names_for_the_shell(void **state)
{
	static const char *const names[][2] = {
		{ "calm-otter", "calm-otter" },
		{ "two words", "'two words'" },
		{ "it's", "'it'\\''s'" },
		{ "$(x)", "'$(x)'" },
		{ "", "''" },
		{ "老王", "'老王'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		AUTO(strbuf_done) struct strbuf out = { 0 };

		pause_put_name(&out, str_of(names[i][0]));
		assert_string_equal(out.data, names[i][1]);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_pause_and_its_answer),
		TEST(test_a_pause_that_is_set_running),
		TEST(test_attempts),
		TEST(test_attempts_without_a_program),
		TEST(test_a_pause_out_of_time),
		TEST(test_a_pause_that_expires),
		TEST(test_a_suspended_run_is_taken_over_once),
		TEST(test_what_can_not_be_paused),
		cmocka_unit_test(test_names_for_the_shell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
