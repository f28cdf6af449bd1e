/* SPDX-License-Identifier: Apache-2.0 */
/* The rules decide every measured transition as it was measured. No store, no clock: the world is in this file. */
#include "matrix.h"

#include "base/vec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* A run with its current state. Every run that was made stays, for task runs look at their flow runs. */
struct entity {
	struct flow_run flow;
	struct task_run task;
	struct state state;
};

struct world {
	struct VEC(struct entity) entities; /* an id is the index + 1, in the first bytes */
	int64_t now_us;
};

static const struct uuid deployment_id = { { 0xDE } };

static struct uuid id_of(size_t index)
{
	struct uuid id = { 0 };

	index++;
	memcpy(&id, &index, sizeof index);
	return id;
}

static struct entity *find(struct world *world, struct uuid id)
{
	size_t index;

	memcpy(&index, &id, sizeof index);
	assert_in_range(index, 1, world->entities.count);
	return &world->entities.items[index - 1];
}

static struct uuid fresh_id(struct world *world)
{
	struct uuid id = { { 0x57 } };

	world->now_us += 1000;
	memcpy(id.bytes + 8, &world->now_us, sizeof world->now_us);
	return id;
}

static struct verdict transit_flow(struct world *world, struct arena *arena, struct entity *entity,
                                   const struct state *proposed, enum flow_policy policy)
{
	struct flow_transition transition = {
		.common = { .arena = arena,
		            .state_id = fresh_id(world),
		            .now_us = world->now_us,
		            .current = entity->state.type == STATE_NONE ? NULL : &entity->state,
		            .proposed = *proposed },
		.policy = policy,
		.client = { .leases = true },
		.run = &entity->flow,
	};

	assert_int_equal(flow_transition_decide(&transition, NULL), 0);
	if (transition.common.verdict.writes)
		entity->state = transition.common.proposed;
	return transition.common.verdict;
}

static struct verdict transit_task(struct world *world, struct arena *arena, struct entity *entity,
                                   const struct state *proposed, enum task_policy policy)
{
	struct entity *parent = uuid_is_nil(entity->task.flow_run_id) ? NULL : find(world, entity->task.flow_run_id);
	struct task_transition transition = {
		.common = { .arena = arena,
		            .state_id = fresh_id(world),
		            .now_us = world->now_us,
		            .current = entity->state.type == STATE_NONE ? NULL : &entity->state,
		            .proposed = *proposed },
		.policy = policy,
		.run = &entity->task,
	};

	if (parent)
		transition.parent =
		        (struct parent_facts){ true, &parent->state, parent->flow.run_count, parent->flow.id };
	assert_int_equal(task_transition_decide(&transition, NULL), 0);
	if (transition.common.verdict.writes)
		entity->state = transition.common.proposed;
	return transition.common.verdict;
}

static struct verdict transit(struct world *world, struct arena *arena, const struct matrix_kind *kind,
                              struct entity *entity, const struct state *proposed, bool force)
{
	if (kind->is_task)
		return transit_task(world, arena, entity, proposed, force ? TASK_POLICY_MINIMAL : TASK_POLICY_CORE);
	return transit_flow(world, arena, entity, proposed, force ? FLOW_POLICY_MINIMAL : FLOW_POLICY_CORE);
}

static struct uuid create(void *data, struct arena *arena, const struct matrix_kind *kind, struct uuid parent,
                          const struct state *state)
{
	struct world *world = data;
	struct str policy = kind->retries > 0 ? STR("{\"retries\":2,\"retry_delay\":0}") : STR("{}");
	struct state first = *state;
	struct entity entity = { 0 };
	struct uuid id = id_of(world->entities.count);

	fields_init(&flow_run_fields, &entity.flow);
	fields_init(&task_run_fields, &entity.task);
	entity.flow.id = entity.task.id = id;
	entity.task.flow_run_id = parent;
	entity.flow.empirical_policy = entity.task.empirical_policy = policy;
	if (kind->has_deployment)
		entity.flow.deployment_id = deployment_id;
	if (first.type == STATE_NONE)
		first = (struct state){ .type = kind->has_deployment ? STATE_SCHEDULED : STATE_PENDING,
			                .timestamp = TIMESTAMP_NONE };
	vec_push(&world->entities, entity);
	(void)transit(world, arena, kind, find(world, id), &first, true);
	find(world, id)->flow.infrastructure_pid = str_of(kind->pid);
	return id;
}

static void set_state(void *data, struct arena *arena, const struct matrix_kind *kind, struct uuid id,
                      const struct state *state, bool force, struct matrix_answer *answer)
{
	struct entity *entity = find(data, id);

	answer->verdict = transit(data, arena, kind, entity, state, force);
	answer->state_type = entity->state.type;
	answer->state_name = entity->state.name;
}

#define COPY_RUN(run)                                                                                                  \
	(struct matrix_run)                                                                                            \
	{                                                                                                              \
		(run)->id, (run)->state_type, (run)->state_name, (run)->run_count, (run)->start_time, (run)->end_time, \
		        (run)->expected_start_time, (run)->next_scheduled_start_time, (run)->empirical_policy          \
	}

static void read_run(void *data, struct arena *arena UNUSED, const struct matrix_kind *kind, struct uuid id,
                     struct matrix_run *run)
{
	const struct entity *entity = find(data, id);

	*run = kind->is_task ? COPY_RUN(&entity->task) : COPY_RUN(&entity->flow);
}

static int64_t now_us(void *data)
{
	return ((struct world *)data)->now_us;
}

static void test_all_rows(void **state UNUSED)
{
	struct world world = { .now_us = INT64_C(1767225600000000) };
	const struct matrix_subject subject = { create, set_state, read_run, now_us, &world };
	size_t rows;

	assert_int_equal(matrix_compare(&subject, &rows), 0);
	assert_int_equal(rows, MATRIX_ROWS);
	vec_done(&world.entities);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_all_rows) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
