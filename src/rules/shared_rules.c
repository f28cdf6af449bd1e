/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of CONTRACT 5.2 that also stand in a table of task runs. */
#include "rules/rule.h"

/*
 * Two workers that submit the same run both propose Pending: the second one gets the abort. Named steps within PENDING
 * (Submitting, InfrastructurePending) may follow each other, and keep what earlier rules stored in the state.
 */
void rule_no_double_pending(struct transition *transition)
{
	const struct state *current = transition->current;
	const struct state *proposed = &transition->proposed;

	if (current->type == STATE_PENDING && !str_equal(current->name, proposed->name) &&
	    !str_is(proposed->name, "Pending")) {
		const struct state_details *before = transition_current_details(transition);
		struct state_details *details = transition_edit_details(transition);

		details->scheduled_time = before->scheduled_time;
		details->deployment_concurrency_lease_id = before->deployment_concurrency_lease_id;
		return;
	}
	transition_abort(transition, arena_printf(transition->arena,
	                                          "This run is in a %s state and cannot transition to a PENDING state.",
	                                          state_type_names[current->type]));
}

void rule_copy_scheduled_time(struct transition *transition)
{
	int64_t scheduled_time = transition_current_details(transition)->scheduled_time;

	if (scheduled_time != TIMESTAMP_NONE &&
	    transition_proposed_details(transition)->scheduled_time == TIMESTAMP_NONE)
		transition_edit_details(transition)->scheduled_time = scheduled_time;
}

/* Whole seconds, the half rounded down, as the reference computes them (it rounds to even between 0 and 1). */
static int64_t round_to_seconds(int64_t interval_us)
{
	int64_t seconds = interval_us / 1000000;
	int64_t rest = interval_us % 1000000;

	return rest > 500000 ? seconds + 1 : seconds;
}

void rule_wait_for_time(struct transition *transition)
{
	int64_t scheduled_time = transition_current_details(transition)->scheduled_time;
	int64_t seconds;

	if (scheduled_time == TIMESTAMP_NONE || scheduled_time <= transition->now_us)
		return;
	seconds = round_to_seconds(scheduled_time - transition->now_us);
	if (seconds > 0)
		transition_delay(transition, seconds, STR("Scheduled time is in the future"));
}
