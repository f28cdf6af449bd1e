/* SPDX-License-Identifier: Apache-2.0 */
/* What every written state does to its run's row: counts and times (CONTRACT 5.2 and 5.4, the paragraph after the table). */
#include "rules/rule.h"

/* The times that flow runs and task runs have in common. */
struct times {
	int64_t start, end, expected, next, total_us;
};

/* scheduled_time is that of the state, when it is SCHEDULED. previous is NULL for the first state. */
static void advance(struct times *times, const struct state *previous, const struct state *state,
                    int64_t scheduled_time)
{
	const bool ends = state_type_is_terminal(state->type);

	if (state->type == STATE_RUNNING && times->start == TIMESTAMP_NONE)
		times->start = state->timestamp;
	if (previous && state_type_is_terminal(previous->type) && !ends)
		times->end = TIMESTAMP_NONE;
	if (ends && times->end == TIMESTAMP_NONE) {
		times->end = state->timestamp;
		if (times->start == TIMESTAMP_NONE)
			times->start = state->timestamp;
	}
	/* The clock may have been set back meanwhile: a run does not get younger by that. */
	if (previous && previous->type == STATE_RUNNING)
		times->total_us += MAX(state->timestamp - previous->timestamp, INT64_C(0));
	if (times->expected == TIMESTAMP_NONE)
		times->expected = state->type == STATE_SCHEDULED ? scheduled_time : state->timestamp;
	if (previous && previous->type == STATE_SCHEDULED)
		times->next = TIMESTAMP_NONE;
	if (state->type == STATE_SCHEDULED)
		times->next = scheduled_time;
}

/* {"flow_run_id":"…","task_run_id":"…"}, without the ids that are nil, as state_details_text would write it. */
static struct str details_of_owner(struct arena *arena, struct uuid flow_run_id, struct uuid task_run_id)
{
	static const char flow_key[] = "\"flow_run_id\":\"", task_key[] = "\"task_run_id\":\"";
	char *text = arena_alloc(arena, sizeof flow_key + sizeof task_key + 2 * (size_t)UUID_TEXT_LENGTH + 8);
	char *end = text;

	*end++ = '{';
	if (!uuid_is_nil(flow_run_id)) {
		end = mempcpy(end, flow_key, sizeof flow_key - 1);
		uuid_write(flow_run_id, end);
		end += UUID_TEXT_LENGTH;
		*end++ = '"';
	}
	if (!uuid_is_nil(task_run_id)) {
		if (end[-1] == '"')
			*end++ = ',';
		end = mempcpy(end, task_key, sizeof task_key - 1);
		uuid_write(task_run_id, end);
		end += UUID_TEXT_LENGTH;
		*end++ = '"';
	}
	*end++ = '}';
	return (struct str){ text, (size_t)(end - text) };
}

/* Fill in whose state it is, and turn the details into the text that is stored. */
static void finish_details(struct transition *transition, struct uuid flow_run_id, struct uuid task_run_id)
{
	struct state_details *details;

	(void)transition_proposed_details(transition);
	details = transition->edited_details;
	if (!details) {
		transition->proposed.details = details_of_owner(transition->arena, flow_run_id, task_run_id);
		return;
	}
	details->flow_run_id = flow_run_id;
	if (!uuid_is_nil(task_run_id))
		details->task_run_id = task_run_id;
	transition->proposed.details = state_details_text(transition->arena, details);
}

static int64_t scheduled_time_of(struct transition *transition)
{
	if (transition->proposed.type != STATE_SCHEDULED)
		return TIMESTAMP_NONE;
	return transition_proposed_details(transition)->scheduled_time;
}

/* The states of a flow run differ in their instants: move on by a microsecond until the place is free. */
static int64_t free_timestamp(const struct flow_transition *flow, int64_t wanted)
{
	for (size_t i = 0; i < flow->taken_count; i++)
		if (flow->taken_timestamps[i] == wanted)
			wanted++;
	return wanted;
}

/*
 * The attempts: each RUNNING begins one, unless the run resumes after a pause. The policy is only read when its text
 * can have the mark.
 */
static void count_flow_attempt(struct flow_transition *flow)
{
	const enum state_type type = flow->common.proposed.type;
	bool resuming;

	if (type != STATE_RUNNING && !state_type_is_terminal(type))
		return;
	resuming = !flow->client.no_pause_bookkeeping && flow_policy_may_resume(flow) && flow_policy(flow)->resuming;
	if (resuming)
		flow_policy_edit(flow)->resuming = false;
	else if (type == STATE_RUNNING)
		flow->run->run_count++;
}

void bookkeep_flow_run(struct transition *transition)
{
	struct flow_transition *flow = CONTAINER_OF(transition, struct flow_transition, common);
	struct state *state = &transition->proposed;
	struct flow_run *run = flow->run;
	struct times times = { run->start_time, run->end_time, run->expected_start_time, run->next_scheduled_start_time,
		               run->total_run_time };

	state->run_id = run->id;
	state->timestamp = free_timestamp(flow, state->timestamp);
	advance(&times, transition->current, state, scheduled_time_of(transition));
	run->start_time = times.start;
	run->end_time = times.end;
	run->expected_start_time = times.expected;
	run->next_scheduled_start_time = times.next;
	run->total_run_time = times.total_us;
	run->state_id = state->id;
	run->state_type = state->type;
	run->state_name = state->name;
	run->state_timestamp = state->timestamp;
	run->updated = transition->now_us;
	count_flow_attempt(flow);
	finish_details(transition, run->id, run->parent_task_run_id);
}

static void apply_to_task_run(struct task_run *run, const struct state *previous, const struct state *state,
                              int64_t scheduled_time)
{
	struct times times = { run->start_time, run->end_time, run->expected_start_time, run->next_scheduled_start_time,
		               run->total_run_time };

	advance(&times, previous, state, scheduled_time);
	run->start_time = times.start;
	run->end_time = times.end;
	run->expected_start_time = times.expected;
	run->next_scheduled_start_time = times.next;
	run->total_run_time = times.total_us;
	run->state_id = state->id;
	run->state_type = state->type;
	run->state_name = state->name;
	run->state_timestamp = state->timestamp;
	if (state->type == STATE_RUNNING)
		run->run_count++;
}

void bookkeep_task_run(struct transition *transition)
{
	struct task_transition *task = CONTAINER_OF(transition, struct task_transition, common);

	transition->proposed.run_id = task->run->id;
	apply_to_task_run(task->run, transition->current, &transition->proposed, scheduled_time_of(transition));
	task->run->updated = transition->now_us;
	finish_details(transition, task->run->flow_run_id, task->run->id);
}

void task_run_enter(struct task_run *run, const struct state *previous, const struct state *state)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	int64_t scheduled_time = TIMESTAMP_NONE;

	if (state->type == STATE_SCHEDULED) {
		struct state_details details;
		int result = state_details_read(&scratch, state->details, &details, NULL);

		ASSERT(result == 0);
		scheduled_time = details.scheduled_time != TIMESTAMP_NONE ? details.scheduled_time : state->timestamp;
	}
	apply_to_task_run(run, previous, state, scheduled_time);
}
