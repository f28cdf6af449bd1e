/* SPDX-License-Identifier: Apache-2.0 */
#include "core/internal.h"

/* --- Applying a verdict --- */

/* A subflow's states are its parent's task run's too (CONTRACT 5.2, at the end). */
static int copy_to_parent(struct tx *tx, const struct flow_run *run, const struct state *state, struct task_run *parent)
{
	struct state copy = *state;
	struct state_details details;
	int result = state_details_read(tx->arena, state->details, &details, tx->problem);

	if (result < 0)
		return result;
	details.child_flow_run_id = run->id;
	copy.id = (struct uuid){ 0 };
	copy.timestamp = TIMESTAMP_NONE;
	copy.details = state_details_text(tx->arena, &details);
	return task_run_force(tx, run->parent_task_run_id, &copy, parent);
}

/* Write the state that was decided on, what it does to the parent, and the event. The run's row is the caller's. */
static int write_state(struct tx *tx, const struct flow *flow, const struct flow_run *run, const struct state *previous,
                       const struct state *state)
{
	const bool is_subflow = !uuid_is_nil(run->parent_task_run_id);
	struct task_run parent;
	int result = store_state_insert(tx->db, FLOW_RUN_STATES, state, tx->problem);

	if (result == 0 && is_subflow)
		result = copy_to_parent(tx, run, state, &parent);
	if (result < 0)
		return result;
	return flow_run_state_event(tx, flow, run, is_subflow ? &parent : NULL, previous, state);
}

/* --- Creation --- */

static int complete_run(struct tx *tx, const struct flow *flow, struct flow_run *run)
{
	if (uuid_is_nil(run->id))
		run->id = uuid_new();
	run->created = run->updated = tx->now_us;
	if (run->name.length == 0)
		run->name = made_up_name(tx->arena, run->id);
	run->parameters = str_or(run->parameters, STR("{}"));
	run->context = str_or(run->context, STR("{}"));
	run->empirical_policy = str_or(run->empirical_policy, STR("{}"));
	run->tags = str_or(run->tags, STR("[]"));
	run->state_type = STATE_NONE;
	run->run_count = run->total_run_time = 0;
	run->expected_start_time = run->next_scheduled_start_time = TIMESTAMP_NONE;
	run->start_time = run->end_time = TIMESTAMP_NONE;
	return labels_merge(tx->arena, flow->labels, "prefect.flow.id", flow->id, run->labels, &run->labels,
	                    tx->problem);
}

/* The run that kept ours from coming in. */
static int find_earlier(struct tx *tx, const struct flow_run *wanted, struct flow_run *out, bool *existed)
{
	int result = WEIR_ENOTFOUND;

	if (wanted->idempotency_key.data)
		result = store_flow_run_find_key(tx->db, wanted->flow_id, wanted->idempotency_key, tx->arena, out,
		                                 tx->problem);
	if (result == WEIR_ENOTFOUND)
		return problem_set(tx->problem, WEIR_EEXISTS, "there is a flow run with the id %s already",
		                   uuid_text(wanted->id).text);
	*existed = true;
	return result;
}

static int find_flow(struct tx *tx, struct uuid id, struct flow *out)
{
	int result = store_flow_find(tx->db, id, tx->arena, out, tx->problem);

	if (result == WEIR_ENOTFOUND)
		return problem_set(tx->problem, WEIR_ECONFLICT, "there is no flow with the id %s to make a run of",
		                   uuid_text(id).text);
	return result;
}

int flow_run_create(struct tx *tx, const struct flow_run_create *in, struct flow_run *out, bool *existed)
{
	const struct state pending = { .type = STATE_PENDING };
	const struct state *first = in->state ? in->state : &pending;
	struct flow_run run = in->run;
	struct flow_transition transition = {
		.common = { .arena = tx->arena, .now_us = tx->now_us, .proposed = proposed_state(first) },
		.policy = FLOW_POLICY_MINIMAL,
		.run = &run,
	};
	bool inserted, ignored;
	struct flow flow;
	int result = find_flow(tx, run.flow_id, &flow);

	if (!existed)
		existed = &ignored;
	*existed = false;
	if (result == 0)
		result = complete_run(tx, &flow, &run);
	if (result < 0)
		return result;
	transition.common.state_id = uuid_is_nil(first->id) ? uuid_new() : first->id;
	result = flow_transition_decide(&transition, tx->problem);
	if (result == 0)
		result = store_flow_run_insert(tx->db, &run, &inserted, tx->problem);
	if (result < 0)
		return result;
	if (!inserted)
		return find_earlier(tx, &run, out, existed);
	*out = run;
	return write_state(tx, &flow, &run, NULL, &transition.common.proposed);
}

/* --- Transitions --- */

static int not_found(struct tx *tx, struct uuid id, int result)
{
	if (result != WEIR_ENOTFOUND)
		return result;
	return problem_set(tx->problem, result, "Flow run with id %s not found", uuid_text(id).text);
}

/* Only instants from the new state's on can be in its way. */
static int load_taken_timestamps(struct tx *tx, struct flow_transition *transition)
{
	int64_t from_us = transition->common.proposed.timestamp;
	int count;

	from_us = from_us == TIMESTAMP_NONE ? tx->now_us : MIN(from_us, tx->now_us);
	count = store_state_timestamps(tx->db, transition->run->id, from_us, tx->arena, &transition->taken_timestamps,
	                               tx->problem);
	transition->taken_count = count < 0 ? 0 : (size_t)count;
	return count < 0 ? count : 0;
}

int flow_run_fill(struct tx *tx, struct uuid id, struct str name, struct str parameters)
{
	struct flow_run run;
	int result = store_flow_run_find(tx->db, id, tx->arena, &run, tx->problem);

	if (result < 0)
		return not_found(tx, id, result);
	run.name = name;
	run.parameters = parameters;
	run.updated = tx->now_us;
	return store_flow_run_update(tx->db, &run, tx->problem);
}

static int apply(struct tx *tx, const struct flow_run *run, const struct state *previous, const struct state *state)
{
	struct flow flow;
	int result = store_flow_run_update(tx->db, run, tx->problem);

	if (result == 0)
		result = store_flow_find(tx->db, run->flow_id, tx->arena, &flow, tx->problem);
	if (result == 0)
		result = write_state(tx, &flow, run, previous, state);
	if (result == 0 && state_type_is_terminal(state->type))
		result = slots_release_all(tx, &(struct slot_query){ .holder_id = run->id });
	return result;
}

int flow_run_set_state(struct tx *tx, const struct set_state *in, struct set_state_result *out)
{
	struct flow_run run;
	struct state current = { 0 };
	struct flow_transition transition = {
		.common = { .arena = tx->arena, .now_us = tx->now_us, .proposed = proposed_state(&in->proposed) },
		.policy = in->force ? FLOW_POLICY_MINIMAL : FLOW_POLICY_CORE,
		.client = in->client,
		.run = &run,
	};
	int result = store_flow_run_find(tx->db, in->run_id, tx->arena, &run, tx->problem);

	if (result < 0)
		return not_found(tx, in->run_id, result);
	result = load_state(tx->db, FLOW_RUN_STATES, run.id, run.state_id, tx->arena, &current, tx->problem);
	if (result == 0)
		result = load_taken_timestamps(tx, &transition);
	if (result < 0)
		return result;
	transition.common.current = current.type == STATE_NONE ? NULL : &current;
	transition.common.state_id = uuid_is_nil(in->proposed.id) ? uuid_new() : in->proposed.id;
	if (in->proposed.type == STATE_PAUSED)
		transition.pause_key = uuid_new();
	result = flow_transition_decide(&transition, tx->problem);
	if (result == 0 && transition.common.verdict.writes)
		result = apply(tx, &run, transition.common.current, &transition.common.proposed);
	*out = (struct set_state_result){ .verdict = transition.common.verdict,
		                          .state = transition.common.verdict.writes ? transition.common.proposed
		                                                                    : current };
	out->has_state = out->state.type != STATE_NONE;
	return result;
}

/* --- Reading --- */

int flow_run_get(struct db *db, struct uuid id, struct arena *arena, struct flow_run *run, struct state *state,
                 struct problem *problem)
{
	int result = store_flow_run_find(db, id, arena, run, problem);

	return result < 0 ? result : load_state(db, FLOW_RUN_STATES, run->id, run->state_id, arena, state, problem);
}

int flow_run_list(struct db *db, const struct flow_run_query *query, flow_run_row_fn *each, void *data,
                  struct problem *problem)
{
	return store_flow_run_list(db, query, each, data, problem);
}

/* --- Deletion --- */

/* The most rows that one statement takes out, so that others get their turn. */
enum { DELETE_STEP_ROWS = 500 };

/* A task run with all that hangs on it, from the leaves to the root. WEIR_EAGAIN when there is more to do. */
static int delete_task(struct tx *tx, struct uuid id)
{
	const struct uuid no_flow_run = { { 0 } };
	int lines, states, result;

	lines = store_log_delete(tx->db, no_flow_run, id, DELETE_STEP_ROWS, tx->problem);
	if (lines < 0 || lines == DELETE_STEP_ROWS)
		return lines < 0 ? lines : WEIR_EAGAIN;
	states = store_state_delete(tx->db, TASK_RUN_STATES, id, DELETE_STEP_ROWS, tx->problem);
	if (states < 0 || states == DELETE_STEP_ROWS)
		return states < 0 ? states : WEIR_EAGAIN;
	result = store_flow_run_orphan(tx->db, id, tx->problem);
	if (result == 0)
		result = store_task_run_delete(tx->db, id, tx->problem);
	if (result == 0 && tx_over_budget(tx, (size_t)(lines + states + 2)))
		return WEIR_EAGAIN;
	return result;
}

static int delete_tasks(struct tx *tx, struct uuid flow_run_id)
{
	struct uuid id;
	int result;

	while ((result = store_task_run_first(tx->db, flow_run_id, &id, tx->problem)) == 0) {
		result = delete_task(tx, id);
		if (result < 0)
			return result;
	}
	return result == WEIR_ENOTFOUND ? 0 : result;
}

static int delete_logs_and_states(struct tx *tx, struct uuid id)
{
	const struct uuid no_task_run = { { 0 } };
	int count;

	do {
		count = store_log_delete(tx->db, id, no_task_run, DELETE_STEP_ROWS, tx->problem);
		if (count == 0)
			count = store_state_delete(tx->db, FLOW_RUN_STATES, id, DELETE_STEP_ROWS, tx->problem);
		if (count > 0 && tx_over_budget(tx, (size_t)count))
			return WEIR_EAGAIN;
	} while (count > 0);
	return count;
}

/* What is gone stays gone, so each step begins anew with what is left. The run itself goes last. */
int flow_run_delete(struct tx *tx, struct uuid id)
{
	struct flow_run run;
	int result = store_flow_run_find(tx->db, id, tx->arena, &run, tx->problem);

	if (result < 0)
		return not_found(tx, id, result);
	result = delete_tasks(tx, id);
	if (result == 0)
		result = delete_logs_and_states(tx, id);
	if (result == 0)
		result = slots_release_all(tx, &(struct slot_query){ .flow_run_id = id });
	return result < 0 ? result : store_flow_run_delete(tx->db, id, tx->problem);
}
