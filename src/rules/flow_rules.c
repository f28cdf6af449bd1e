/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for flow runs: CONTRACT 5.2 and 5.3. The event of each written state is the caller's (rule 16). */
#include "rules/retry.h"
#include "rules/rule.h"

enum {
	CORE = 1 << FLOW_POLICY_CORE,
	MINIMAL = 1 << FLOW_POLICY_MINIMAL,
	LATE = 1 << FLOW_POLICY_LATE,
};

/* How long a run waits for a slot of its deployment before it asks again. */
static const int64_t SLOT_WAIT_US = INT64_C(30) * 1000000;

static struct flow_transition *flow_of(struct transition *transition)
{
	return CONTAINER_OF(transition, struct flow_transition, common);
}

/* --- The policy --- */

bool flow_policy_may_resume(const struct flow_transition *flow)
{
	static const char mark[] = "resuming";
	struct str text = flow->run->empirical_policy;

	return flow->run_policy_read || (text.data && memmem(text.data, text.length, mark, sizeof mark - 1));
}

const struct run_policy *flow_policy(struct flow_transition *flow)
{
	struct problem problem;

	if (flow->run_policy_read)
		return &flow->run_policy;
	flow->run_policy_read = true;
	if (run_policy_read(flow->common.arena, flow->run->empirical_policy, &flow->run_policy, &problem) < 0) {
		flow->common.error = problem_set(flow->common.problem, WEIR_ECORRUPT,
		                                 "the stored policy of flow run %s can't be read: %s",
		                                 uuid_text(flow->run->id).text, problem.message);
		fields_init(&run_policy_fields, &flow->run_policy);
	}
	return &flow->run_policy;
}

struct run_policy *flow_policy_edit(struct flow_transition *flow)
{
	(void)flow_policy(flow);
	flow->run_policy_changed = true;
	return &flow->run_policy;
}

/* Pauses and retries start anew. */
static void reset_policy(struct flow_transition *flow, struct str retry_type)
{
	struct run_policy *policy;

	if (flow->client.no_pause_bookkeeping)
		return;
	policy = flow_policy_edit(flow);
	policy->resuming = false;
	policy->pause_keys = STR_NULL;
	policy->retry_type = retry_type;
}

/* --- 1: the lease of the deployment's slot goes on from state to state --- */

static void preserve_lease(struct transition *transition)
{
	struct uuid lease;

	if (!transition->current)
		return;
	lease = transition_current_details(transition)->deployment_concurrency_lease_id;
	if (!uuid_is_nil(lease) &&
	    uuid_is_nil(transition_proposed_details(transition)->deployment_concurrency_lease_id))
		transition_edit_details(transition)->deployment_concurrency_lease_id = lease;
}

/* --- 2 --- */

/* A client that got no answer asks again with the same transition_id. */
static void no_duplicate(struct transition *transition)
{
	struct uuid proposed = transition_proposed_details(transition)->transition_id;

	if (!transition->current || uuid_is_nil(proposed))
		return;
	if (uuid_equal(proposed, transition_current_details(transition)->transition_id))
		transition_reject(transition, STR("This run has already made this state transition."));
}

/* --- 3 --- */

static bool loses_result(const struct transition *transition)
{
	return transition->current->type == STATE_COMPLETED && transition->proposed.type == STATE_COMPLETED &&
	       state_has_persisted_data(transition->current) && !state_has_persisted_data(&transition->proposed);
}

static void keep_result(struct transition *transition)
{
	if (loses_result(transition))
		transition_reject(transition, STR("Cannot overwrite a COMPLETED state that carries persisted result "
		                                  "data with one that does not."));
}

static void leave_terminal(struct transition *transition)
{
	struct flow_transition *flow = flow_of(transition);
	const struct state *current = transition->current;
	const enum state_type to = transition->proposed.type;

	if (to == STATE_CANCELLING || to == STATE_PAUSED || to == STATE_CRASHED) {
		transition_abort(transition, arena_printf(transition->arena, "Run is already in terminal state %s.",
		                                          state_type_names[current->type]));
		return;
	}
	if (current->type == STATE_COMPLETED && !state_type_is_terminal(to) && state_has_persisted_data(current)) {
		transition_reject(transition, STR("Run is already COMPLETED."));
		return;
	}
	keep_result(transition);
	if (transition->verdict.status != VERDICT_ACCEPT || state_type_is_terminal(to))
		return;
	if (to == STATE_SCHEDULED && uuid_is_nil(flow->run->deployment_id)) {
		transition_abort(transition, STR("Cannot reschedule a run without an associated deployment."));
		return;
	}
	flow->undo_policy = *flow_policy(flow);
	reset_policy(flow, to == STATE_SCHEDULED ? STR("reschedule") : STR_NULL);
}

static void undo_leave_terminal(struct transition *transition)
{
	struct flow_transition *flow = flow_of(transition);

	if (!flow->run_policy_changed)
		return;
	flow->run_policy = flow->undo_policy;
	flow->run_policy_changed = false;
}

/* --- 4, 5: ways into and out of CANCELLING --- */

static void only_cancelled(struct transition *transition)
{
	transition_reject(transition,
	                  STR("Cannot transition flows that are cancelling to a state other than Cancelled."));
}

/* Where nothing runs there is nobody who could confirm the cancellation. */
static void cancel_without_infrastructure(struct transition *transition)
{
	const struct state *current = transition->current;
	const struct state cancelled = { .type = STATE_CANCELLED };
	bool nowhere = current->type == STATE_SCHEDULED && flow_of(transition)->run->infrastructure_pid.length == 0;

	if (nowhere || str_is(current->name, "Resuming"))
		transition_replace(transition, &cancelled,
		                   STR("Scheduled flow run has no infrastructure to terminate."));
	else if (current->type == STATE_PAUSED && transition_current_details(transition)->pause_reschedule)
		transition_replace(transition, &cancelled,
		                   STR("Suspended flow run has no infrastructure to terminate."));
}

/* --- 7, 8, 9, 17: slots of the deployment's limit --- */

static void take_slot(struct transition *transition)
{
	transition->slots |= SLOT_TAKE;
	transition_edit_details(transition)->deployment_concurrency_lease_id =
	        flow_of(transition)->deployment.new_lease_id;
}

static void undo_slots(struct transition *transition)
{
	transition->slots &= ~(unsigned)(SLOT_TAKE | SLOT_RENEW);
}

static void validate_lease(struct transition *transition)
{
	struct flow_transition *flow = flow_of(transition);
	const struct deployment_facts *deployment = &flow->deployment;
	struct uuid lease = transition_current_details(transition)->deployment_concurrency_lease_id;
	const struct state cancelled = {
		.type = STATE_CANCELLED,
		.message = STR("Deployment concurrency slot lost during provisioning - no slots available to continue "
		               "execution"),
	};

	if (uuid_is_nil(lease)) {
		if (!uuid_is_nil(transition_proposed_details(transition)->deployment_concurrency_lease_id))
			transition_edit_details(transition)->deployment_concurrency_lease_id = lease;
		return;
	}
	transition_edit_details(transition)->deployment_concurrency_lease_id = lease;
	if (!flow->client.leases || uuid_is_nil(flow->run->deployment_id) || deployment->missing ||
	    !deployment->has_limit)
		return;
	if (deployment->lease_alive)
		transition->slots |= SLOT_RENEW;
	else if (deployment->slot_free)
		take_slot(transition);
	else
		transition_replace(transition, &cancelled,
		                   STR("Deployment concurrency limit reached after lease expiry."));
}

static void await_slot(struct transition *transition)
{
	const struct state awaiting = { .type = STATE_SCHEDULED, .name = STR("AwaitingConcurrencySlot") };

	transition_replace(transition, &awaiting, STR("Deployment concurrency limit reached."))->scheduled_time =
	        transition->now_us + SLOT_WAIT_US;
}

static void cancel_new(struct transition *transition, struct str reason)
{
	const struct state cancelled = { .type = STATE_CANCELLED,
		                         .message = STR("Deployment concurrency limit reached.") };

	transition_replace(transition, &cancelled, reason);
}

static void secure_slot(struct transition *transition)
{
	struct flow_transition *flow = flow_of(transition);
	const struct deployment_facts *deployment = &flow->deployment;

	if (uuid_is_nil(flow->run->deployment_id) || flow->client.skips_slots)
		return;
	if (deployment->missing)
		transition_abort(transition, STR("Deployment not found."));
	else if (!deployment->has_limit)
		return;
	else if (deployment->limit == 0)
		transition_abort(transition, STR("The deployment concurrency limit is 0. The flow will deadlock if "
		                                 "submitted again."));
	else if (deployment->slot_free)
		take_slot(transition);
	else if (deployment->strategy == COLLISION_CANCEL_NEW)
		cancel_new(transition, STR("Deployment concurrency limit reached."));
	else
		await_slot(transition);
}

static void drop_lease(struct transition *transition)
{
	if (!flow_of(transition)->client.leases &&
	    !uuid_is_nil(transition_current_details(transition)->deployment_concurrency_lease_id))
		transition->slots |= SLOT_REVOKE_LEASE;
}

/* May a run in a state of this type hold a slot? */
static bool holds_slot(enum state_type type)
{
	return type == STATE_PENDING || type == STATE_RUNNING || type == STATE_CANCELLING;
}

static void release_slot(struct transition *transition)
{
	struct flow_transition *flow = flow_of(transition);

	if (!transition->current || !holds_slot(transition->current->type) || holds_slot(transition->proposed.type) ||
	    uuid_is_nil(flow->run->deployment_id))
		return;
	if (flow->deployment.has_limit ||
	    !uuid_is_nil(transition_current_details(transition)->deployment_concurrency_lease_id))
		transition->slots |= SLOT_RELEASE;
}

/* --- 10, and the late policy --- */

static void late_guard(struct transition *transition)
{
	const struct state *current = transition->current;

	if (!current || !str_is(transition->proposed.name, "Late"))
		return;
	if (current->type != STATE_SCHEDULED)
		transition_reject(transition, STR("Only scheduled flows can be marked late."));
	else if (str_is(current->name, "Late"))
		transition_reject(transition, STR("This flow run is already marked late."));
}

static void cancel_late(struct transition *transition)
{
	struct flow_transition *flow = flow_of(transition);
	const struct deployment_facts *deployment = &flow->deployment;

	if (!str_is(transition->proposed.name, "Late") || uuid_is_nil(flow->run->deployment_id) ||
	    deployment->missing || !deployment->has_limit || deployment->strategy != COLLISION_CANCEL_NEW ||
	    deployment->slot_free)
		return;
	cancel_new(transition, STR("Deployment concurrency limit is full and uses the CANCEL_NEW strategy."));
}

/* --- 11, 12: pauses --- */

/* A run that leaves its process needs somebody who starts it again: a worker, by its deployment, or an embedded program. */
static bool can_be_started_again(const struct flow_run *run)
{
	return !uuid_is_nil(run->deployment_id) || !uuid_is_nil(run->program_id);
}

static const char *pause_verb(const struct state *state)
{
	return str_is(state->name, "Suspended") ? "suspend" : "pause";
}

static struct str pause_key_of(struct transition *transition)
{
	struct str key = transition_proposed_details(transition)->pause_key;

	if (key.data)
		return key;
	return arena_printf(transition->arena, "%s", uuid_text(flow_of(transition)->pause_key).text);
}

static const struct json *read_keys(struct transition *transition)
{
	struct str text = flow_policy(flow_of(transition))->pause_keys;
	const struct json *keys;

	/* The policy was read as JSON, and its pause_keys as an array of strings. */
	if (!text.data || json_read(transition->arena, text, JSON_ALLOW_NAN, &keys, NULL, NULL) < 0)
		return NULL;
	return keys;
}

static bool has_fired(struct transition *transition, struct str key)
{
	const struct json *keys = read_keys(transition);

	for (const struct json *each = keys ? keys->child : NULL; each; each = each->next)
		if (str_equal(json_text(transition->arena, each), key))
			return true;
	return false;
}

static void enter_pause(struct transition *transition)
{
	struct flow_transition *flow = flow_of(transition);
	const char *verb = pause_verb(&transition->proposed);

	if (!transition->current)
		transition_abort(transition, arena_printf(transition->arena, "Cannot %s flows with no state.", verb));
	else if (transition->current->type != STATE_RUNNING)
		transition_reject(transition, arena_printf(transition->arena,
		                                           "Cannot %s flows that are not currently running.", verb));
	else if (has_fired(transition, pause_key_of(transition)))
		transition_reject(transition, arena_printf(transition->arena, "This %s has already fired.", verb));
	else if (!transition_proposed_details(transition)->pause_reschedule)
		return;
	else if (!uuid_is_nil(flow->run->parent_task_run_id))
		transition_abort(transition, arena_printf(transition->arena, "Cannot %s subflows.", verb));
	else if (!can_be_started_again(flow->run))
		transition_abort(transition,
		                 arena_printf(transition->arena, "Cannot %s flows without a deployment.", verb));
}

/* Remember the pause's key: it fires once. */
static void paused(struct transition *transition)
{
	AUTO(strbuf_done) struct strbuf buffer = { 0 };
	const struct json *keys = read_keys(transition);
	struct json_writer writer;

	json_writer_init(&writer, &buffer);
	json_begin_array(&writer);
	for (const struct json *each = keys ? keys->child : NULL; each; each = each->next)
		json_raw(&writer, each->raw);
	json_str(&writer, pause_key_of(transition));
	json_end_array(&writer);
	flow_policy_edit(flow_of(transition))->pause_keys = arena_str(transition->arena, strbuf_str(&buffer));
}

/* In ASCII only: names of states are Weir's and Prefect's own, or what a client made up. */
static struct str lower_case(struct arena *arena, struct str text)
{
	char *copy = arena_alloc(arena, text.length);

	for (size_t i = 0; i < text.length; i++)
		copy[i] = (char)(text.data[i] >= 'A' && text.data[i] <= 'Z' ? text.data[i] - 'A' + 'a' : text.data[i]);
	return (struct str){ copy, text.length };
}

static void pause_timed_out(struct transition *transition)
{
	struct str name = lower_case(transition->arena, transition->proposed.name);
	const char *verb = pause_verb(&transition->proposed);
	const struct state failed = {
		.type = STATE_FAILED,
		.message = arena_printf(transition->arena, "The flow was %.*s and never resumed.", STR_ARG(name)),
	};

	transition_replace(
	        transition, &failed,
	        arena_printf(transition->arena, "The flow run %s has timed out and can no longer resume.", verb));
}

static void leave_pause(struct transition *transition)
{
	const enum state_type to = transition->proposed.type;
	const struct state_details *pause = transition_current_details(transition);
	struct str name = lower_case(transition->arena, transition->proposed.name);

	/* The enumeration's name in Python is part of the reason that clients see. */
	if (to != STATE_RUNNING && to != STATE_SCHEDULED && !state_type_is_terminal(to))
		transition_reject(transition,
		                  arena_printf(transition->arena,
		                               "This run cannot transition to the StateType.%s state from the "
		                               "StateType.%s state.",
		                               state_type_names[to], state_type_names[transition->current->type]));
	else if (pause->pause_reschedule && !can_be_started_again(flow_of(transition)->run))
		transition_reject(transition, arena_printf(transition->arena,
		                                           "Cannot reschedule a %.*s flow run without a deployment.",
		                                           STR_ARG(name)));
	else if (pause->pause_timeout != TIMESTAMP_NONE && pause->pause_timeout < transition->now_us)
		pause_timed_out(transition);
}

static void resumed(struct transition *transition)
{
	flow_policy_edit(flow_of(transition))->resuming = true;
}

/* --- 15 --- */

static void retry(struct transition *transition)
{
	struct flow_transition *flow = flow_of(transition);
	struct run_policy policy = *flow_policy(flow);
	struct state again = { .type = STATE_SCHEDULED, .name = STR("AwaitingRetry") };
	struct str attempts;
	int64_t delay_us;

	policy.retry_jitter_factor = 0; /* task runs have it, flow runs don't */
	if (!retry_decide(transition->arena, &policy, flow->run->run_count, 0, &delay_us, &attempts)) {
		if (policy.retry_type.data)
			flow_policy_edit(flow)->retry_type = STR_NULL;
		return;
	}
	reset_policy(flow, STR("in_process"));
	again.message = transition->proposed.message;
	again.data = transition->proposed.data;
	transition_replace(transition, &again, STR("Retrying"))->scheduled_time = transition->now_us + delay_us;
}

/* --- The table: order is priority --- */

#define SCHEDULED STATE_BIT(STATE_SCHEDULED)
#define PENDING STATE_BIT(STATE_PENDING)
#define RUNNING STATE_BIT(STATE_RUNNING)
#define COMPLETED STATE_BIT(STATE_COMPLETED)
#define FAILED STATE_BIT(STATE_FAILED)
#define CANCELLED STATE_BIT(STATE_CANCELLED)
#define PAUSED STATE_BIT(STATE_PAUSED)
#define CANCELLING STATE_BIT(STATE_CANCELLING)
#define ANY STATES_ANY
#define TERMINAL STATES_TERMINAL
#define BUT(states) ((state_set)(STATES_ANY & ~(states)))

/* clang-format off */
static const struct rule rules[] = {
	{ "preserve lease", CORE, ANY, ANY, true, preserve_lease, NULL, NULL },
	{ "no duplicate transition", CORE, ANY, ANY, false, no_duplicate, NULL, NULL },
	{ "leave terminal", CORE, TERMINAL, ANY, false, leave_terminal, NULL, undo_leave_terminal },
	{ "keep result", MINIMAL, COMPLETED, COMPLETED, false, keep_result, NULL, NULL },
	{ "cancelling only to cancelled", CORE, CANCELLING, BUT(CANCELLED), false, only_cancelled, NULL, NULL },
	{ "cancel without infrastructure", CORE | MINIMAL, SCHEDULED | PAUSED, CANCELLING, false,
	  cancel_without_infrastructure, NULL, NULL },
	{ "no double pending", CORE, PENDING | CANCELLING | RUNNING | CANCELLED, PENDING, false, rule_no_double_pending, NULL, NULL },
	{ "validate lease", CORE, PENDING, RUNNING, false, validate_lease, NULL, undo_slots },
	{ "take deployment slot", CORE, BUT(PENDING | RUNNING | CANCELLING), PENDING, false, secure_slot, NULL, undo_slots },
	{ "drop lease for old clients", CORE, PENDING, RUNNING | CANCELLING, false, NULL, drop_lease, NULL },
	{ "late guard", CORE | LATE, ANY, SCHEDULED, false, late_guard, NULL, NULL },
	{ "cancel late", LATE, SCHEDULED, SCHEDULED, false, cancel_late, NULL, NULL },
	{ "enter pause", CORE, ANY, PAUSED, false, enter_pause, paused, NULL },
	{ "leave pause", CORE, PAUSED, ANY, false, leave_pause, resumed, NULL },
	{ "copy scheduled time", CORE, SCHEDULED, PENDING, false, rule_copy_scheduled_time, NULL, NULL },
	{ "wait for time", CORE, SCHEDULED | PENDING, RUNNING, false, rule_wait_for_time, NULL, NULL },
	{ "retry", CORE, RUNNING, FAILED, false, retry, NULL, NULL },
	{ "release slot", CORE | MINIMAL, ANY, ANY, true, NULL, release_slot, NULL },
};
/* clang-format on */

int flow_transition_decide(struct flow_transition *flow, struct problem *problem)
{
	int result;

	flow->common.problem = problem;
	result = transition_run(&flow->common, rules, ARRAY_LENGTH(rules), 1u << flow->policy, bookkeep_flow_run);
	if (result < 0)
		return result;
	if (flow->common.verdict.writes && flow->run_policy_changed)
		flow->run->empirical_policy = run_policy_text(flow->common.arena, &flow->run_policy);
	return 0;
}
