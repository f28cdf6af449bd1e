/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations on a real file do with every measured transition what was measured. All rows run in one transaction, so
 * that they don't wait for 3,000 commits; its clock stands still, so that every instant of a run's states is asked for
 * twice.
 */
#include "../rules/matrix.h"
#include "world.h"

struct measurement {
	struct tx *tx;
	struct uuid flow_id;
	size_t rows, differing;
};

static const struct uuid deployment_id = { { 0xDE } };

static struct uuid create_flow_run(struct measurement *measurement, const struct matrix_kind *kind,
                                   const struct state *state)
{
	struct flow_run_create in = { .state = state->type == STATE_NONE ? NULL : state };
	const struct state scheduled = { .type = STATE_SCHEDULED };
	struct flow_run run;
	bool existed;

	in.run.flow_id = measurement->flow_id;
	if (kind->retries > 0)
		in.run.empirical_policy = STR("{\"retries\":2,\"retry_delay\":0}");
	if (kind->has_deployment) {
		in.run.deployment_id = deployment_id;
		in.state = in.state ? in.state : &scheduled;
	}
	assert_int_equal(flow_run_create(measurement->tx, &in, &run, &existed), 0);
	assert_false(existed);
	if (kind->pid) {
		run.infrastructure_pid = str_of(kind->pid);
		assert_int_equal(store_flow_run_update(measurement->tx->db, &run, NULL), 0);
	}
	return run.id;
}

static struct uuid create_task_run(struct measurement *measurement, const struct matrix_kind *kind, struct uuid parent,
                                   const struct state *state)
{
	struct task_run_create in = { .state = state->type == STATE_NONE ? NULL : state };
	struct task_run run;
	bool existed;

	in.run.flow_run_id = parent;
	in.run.task_key = STR("t");
	in.run.dynamic_key = arena_printf(measurement->tx->arena, "%s", uuid_text(uuid_new()).text);
	if (kind->retries > 0)
		in.run.empirical_policy = STR("{\"retries\":2,\"retry_delay\":0}");
	assert_int_equal(task_run_create(measurement->tx, &in, &run, &existed), 0);
	assert_false(existed);
	return run.id;
}

static struct uuid create(void *data, struct arena *arena UNUSED, const struct matrix_kind *kind, struct uuid parent,
                          const struct state *state)
{
	return kind->is_task ? create_task_run(data, kind, parent, state) : create_flow_run(data, kind, state);
}

static void set_state(void *data, struct arena *arena UNUSED, const struct matrix_kind *kind, struct uuid run_id,
                      const struct state *state, bool force, struct matrix_answer *answer)
{
	struct measurement *measurement = data;
	const struct set_state in = {
		.run_id = run_id, .proposed = *state, .force = force, .client = { .leases = true }
	};
	struct set_state_result out;

	assert_int_equal((kind->is_task ? task_run_set_state : flow_run_set_state)(measurement->tx, &in, &out), 0);
	assert_true(out.has_state);
	answer->verdict = out.verdict;
	answer->state_type = out.state.type;
	answer->state_name = out.state.name;
}

#define COPY_RUN(run)                                                                                                  \
	(struct matrix_run)                                                                                            \
	{                                                                                                              \
		(run).id, (run).state_type, (run).state_name, (run).run_count, (run).start_time, (run).end_time,       \
		        (run).expected_start_time, (run).next_scheduled_start_time, (run).empirical_policy             \
	}

static void read_run(void *data, struct arena *arena, const struct matrix_kind *kind, struct uuid run_id,
                     struct matrix_run *run)
{
	struct measurement *measurement = data;
	struct flow_run flow_run;
	struct task_run task_run;
	struct state state;

	if (kind->is_task) {
		assert_int_equal(task_run_get(measurement->tx->db, run_id, arena, &task_run, &state, NULL), 0);
		*run = COPY_RUN(task_run);
	} else {
		assert_int_equal(flow_run_get(measurement->tx->db, run_id, arena, &flow_run, &state, NULL), 0);
		*run = COPY_RUN(flow_run);
	}
	/* The row and the state that it points to say the same. */
	assert_int_equal(state.type, run->state_type);
	assert_true(str_equal(state.name, run->state_name));
}

static int64_t now_us(void *data)
{
	return ((struct measurement *)data)->tx->now_us;
}

static int measure(struct tx *tx, void *data)
{
	struct measurement *measurement = data;
	const struct matrix_subject subject = { create, set_state, read_run, now_us, measurement };
	struct flow flow;
	int result = flow_ensure(tx, STR("matrix"), STR_NULL, STR_NULL, &flow, NULL);

	if (result < 0)
		return result;
	measurement->tx = tx;
	measurement->flow_id = flow.id;
	measurement->differing = matrix_compare(&subject, &measurement->rows);
	return 0;
}

static void test_all_rows(void **state)
{
	struct measurement measurement = { 0 };

	world_run(*state, measure, &measurement);
	assert_int_equal(measurement.differing, 0);
	assert_int_equal(measurement.rows, MATRIX_ROWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_rows, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
