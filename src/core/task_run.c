/* SPDX-License-Identifier: Apache-2.0 */
#include "core/internal.h"

/* --- What the rules want to know --- */

/* Only on the way to RUNNING do rules ask for the flow run around a task run. */
static int load_parent(struct tx *tx, struct uuid flow_run_id, enum state_type proposed, struct parent_facts *parent)
{
	struct flow_run *run;
	struct state *state;
	int result;

	if (uuid_is_nil(flow_run_id) || proposed != STATE_RUNNING)
		return 0;
	run = ARENA_NEW(tx->arena, struct flow_run);
	state = ARENA_NEW(tx->arena, struct state);
	result = flow_run_get(tx->db, flow_run_id, tx->arena, run, state, tx->problem);
	if (result == WEIR_ENOTFOUND)
		return 0;
	*parent = (struct parent_facts){ .exists = result == 0,
		                         .state = state->type == STATE_NONE ? NULL : state,
		                         .run_count = run->run_count,
		                         .id = run->id };
	return result;
}

/* In [0, 1), from the end of an id, which is random. */
static double random_unit(struct uuid id)
{
	uint32_t bits;

	memcpy(&bits, id.bytes + sizeof id.bytes - sizeof bits, sizeof bits);
	return bits / 4294967296.0;
}

/* --- Creation --- */

static void complete_run(struct tx *tx, struct task_run *run)
{
	if (uuid_is_nil(run->id))
		run->id = uuid_new();
	run->created = run->updated = tx->now_us;
	if (run->name.length == 0)
		run->name = made_up_name(tx->arena, run->id);
	if (run->cache_expiration == 0)
		run->cache_expiration = TIMESTAMP_NONE;
	run->empirical_policy = str_or(run->empirical_policy, STR("{}"));
	run->tags = str_or(run->tags, STR("[]"));
	run->labels = str_or(run->labels, STR("{}"));
	run->task_inputs = str_or(run->task_inputs, STR("{}"));
	run->state_type = STATE_NONE;
	run->run_count = run->flow_run_run_count = run->total_run_time = 0;
	run->expected_start_time = run->next_scheduled_start_time = TIMESTAMP_NONE;
	run->start_time = run->end_time = TIMESTAMP_NONE;
}

static int inherit_labels(struct tx *tx, struct task_run *run)
{
	struct flow_run parent;
	int result;

	if (uuid_is_nil(run->flow_run_id))
		return 0;
	result = store_flow_run_find(tx->db, run->flow_run_id, tx->arena, &parent, tx->problem);
	if (result == WEIR_ENOTFOUND)
		return problem_set(tx->problem, WEIR_ECONFLICT, "there is no flow run with the id %s to run a task in",
		                   uuid_text(run->flow_run_id).text);
	if (result < 0)
		return result;
	return labels_merge(tx->arena, parent.labels, "prefect.flow-run.id", parent.id, run->labels, &run->labels,
	                    tx->problem);
}

/* The run with these keys that was made before. WEIR_ENOTFOUND, which the caller does not report. */
static int find_earlier(struct tx *tx, const struct task_run *wanted, struct task_run *out)
{
	return store_task_run_find_keys(tx->db, wanted->flow_run_id, wanted->task_key, wanted->dynamic_key, tx->arena,
	                                out, tx->problem);
}

static int insert(struct tx *tx, const struct task_run *run, const struct state *state)
{
	bool inserted;
	int result = store_task_run_insert(tx->db, run, &inserted, tx->problem);

	if (result < 0)
		return result;
	if (!inserted)
		return problem_set(tx->problem, WEIR_EEXISTS, "there is a task run with the id %s already",
		                   uuid_text(run->id).text);
	return store_state_insert(tx->db, TASK_RUN_STATES, state, tx->problem);
}

int task_run_create(struct tx *tx, const struct task_run_create *in, struct task_run *out, bool *existed)
{
	const struct state pending = { .type = STATE_PENDING };
	const struct state *first = in->state ? in->state : &pending;
	struct task_run run = in->run;
	struct task_transition transition = {
		.common = { .arena = tx->arena, .now_us = tx->now_us, .proposed = proposed_state(first) },
		.policy = TASK_POLICY_MINIMAL,
		.run = &run,
	};
	int result = find_earlier(tx, &run, out);

	if (existed)
		*existed = result == 0;
	if (result != WEIR_ENOTFOUND)
		return result;
	complete_run(tx, &run);
	result = inherit_labels(tx, &run);
	if (result == 0)
		result = load_parent(tx, run.flow_run_id, first->type, &transition.parent);
	if (result < 0)
		return result;
	transition.common.state_id = uuid_is_nil(first->id) ? uuid_new() : first->id;
	result = task_transition_decide(&transition, tx->problem);
	if (result < 0)
		return result;
	*out = run;
	return insert(tx, &run, &transition.common.proposed);
}

/* --- Transitions --- */

static int not_found(struct tx *tx, struct uuid id, int result)
{
	if (result != WEIR_ENOTFOUND)
		return result;
	return problem_set(tx->problem, result, "Task run with id %s not found", uuid_text(id).text);
}

static int apply(struct tx *tx, const struct task_transition *transition)
{
	const struct state *state = &transition->common.proposed;
	const struct slot_query own = { .holder_id = transition->run->id };
	int result = store_task_run_update(tx->db, transition->run, tx->problem);

	if (result == 0)
		result = store_state_insert(tx->db, TASK_RUN_STATES, state, tx->problem);
	if (result == 0 && state->type != STATE_RUNNING && state->type != STATE_CANCELLING)
		result = slots_release_all(tx, &own);
	return result;
}

/* Set a state of a row that was loaded. */
static int transit(struct tx *tx, const struct set_state *in, struct task_run *run, struct set_state_result *out)
{
	struct state current = { 0 };
	struct task_transition transition = {
		.common = { .arena = tx->arena, .now_us = tx->now_us, .proposed = proposed_state(&in->proposed) },
		.policy = in->force ? TASK_POLICY_MINIMAL : TASK_POLICY_CORE,
		.random = random_unit(uuid_new()),
		.run = run,
	};
	int result = load_state(tx->db, TASK_RUN_STATES, run->id, run->state_id, tx->arena, &current, tx->problem);

	if (result == 0)
		result = load_parent(tx, run->flow_run_id, in->proposed.type, &transition.parent);
	if (result < 0)
		return result;
	transition.common.current = current.type == STATE_NONE ? NULL : &current;
	transition.common.state_id = uuid_is_nil(in->proposed.id) ? uuid_new() : in->proposed.id;
	result = task_transition_decide(&transition, tx->problem);
	if (result == 0 && transition.common.verdict.writes)
		result = apply(tx, &transition);
	*out = (struct set_state_result){ .verdict = transition.common.verdict,
		                          .state = transition.common.verdict.writes ? transition.common.proposed
		                                                                    : current };
	out->has_state = out->state.type != STATE_NONE;
	return result;
}

int task_run_set_state(struct tx *tx, const struct set_state *in, struct set_state_result *out)
{
	struct task_run run;
	int result = store_task_run_find(tx->db, in->run_id, tx->arena, &run, tx->problem);

	return result < 0 ? not_found(tx, in->run_id, result) : transit(tx, in, &run, out);
}

int task_run_force(struct tx *tx, struct uuid id, const struct state *state, struct task_run *out)
{
	struct set_state in = { .run_id = id, .proposed = *state, .force = true };
	struct set_state_result ignored;
	int result = store_task_run_find(tx->db, id, tx->arena, out, tx->problem);

	return result < 0 ? not_found(tx, id, result) : transit(tx, &in, out, &ignored);
}

/* --- Recording --- */

/* The row refers to a flow run: when that is gone, the conflict is that it was not found. */
static int explain_conflict(struct tx *tx, const struct task_run *run, int result)
{
	struct flow_run flow_run;

	if (result != WEIR_ECONFLICT || uuid_is_nil(run->flow_run_id) ||
	    store_flow_run_find(tx->db, run->flow_run_id, tx->arena, &flow_run, NULL) != WEIR_ENOTFOUND)
		return result;
	return problem_set(tx->problem, WEIR_ENOTFOUND, "flow run %s of task run %s not found",
	                   uuid_text(run->flow_run_id).text, uuid_text(run->id).text);
}

int task_run_record(struct tx *tx, struct task_run *run, const struct state *states, size_t count)
{
	const struct state *last = &states[count - 1];
	int result;

	ASSERT(count > 0);
	run->state_id = last->id;
	run->state_type = last->type;
	run->state_name = last->name;
	run->state_timestamp = last->timestamp;
	run->created = run->updated = tx->now_us;
	result = explain_conflict(tx, run, store_task_run_upsert(tx->db, run, &run->id, tx->problem));
	for (size_t i = 0; result == 0 && i < count; i++) {
		struct state state = states[i];

		state.run_id = run->id;
		state.details = str_or(state.details, STR("{}"));
		result = store_state_insert(tx->db, TASK_RUN_STATES, &state, tx->problem);
	}
	if (result == 0 && state_type_is_terminal(last->type))
		result = slots_release_all(tx, &(struct slot_query){ .holder_id = run->id });
	return result;
}

/* --- Reading --- */

int task_run_get(struct db *db, struct uuid id, struct arena *arena, struct task_run *run, struct state *state,
                 struct problem *problem)
{
	int result = store_task_run_find(db, id, arena, run, problem);

	return result < 0 ? result : load_state(db, TASK_RUN_STATES, run->id, run->state_id, arena, state, problem);
}

int task_run_list(struct db *db, const struct task_run_query *query, task_run_row_fn *each, void *data,
                  struct problem *problem)
{
	return store_task_run_list(db, query, each, data, problem);
}
