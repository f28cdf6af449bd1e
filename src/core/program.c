/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the runs of a program that ended without ending them. */
#include "core/internal.h"

/* How far the work has got: the newest runs come first. All zero at the beginning. */
struct progress {
	struct uuid before;     /* the flow run that was looked at last */
	struct uuid after_task; /* the task run of the next one that was marked last */
	int64_t count;          /* flow runs that were marked */
};

_Static_assert(sizeof(struct progress) <= JOB_CURSOR_BYTES, "the cursor has no room for it");

/* A suspended run left its program on purpose, and waits in the store to be resumed and then to be begun anew. */
static int is_suspended(struct tx *tx, const struct flow_run *run, bool *suspended)
{
	struct state_details details;
	struct state state;
	int result;

	*suspended = run->state_type == STATE_SCHEDULED && str_is(run->state_name, "Resuming");
	if (run->state_type != STATE_PAUSED)
		return 0;
	result = load_state(tx->db, FLOW_RUN_STATES, run->id, run->state_id, tx->arena, &state, tx->problem);
	if (result == 0)
		result = state_details_read(tx->arena, state.details, &details, tx->problem);
	*suspended = result == 0 && details.pause_reschedule;
	return result;
}

/* Mark the unfinished task runs of a run. WEIR_EAGAIN when there are more than the budget allows. */
static int crash_tasks(struct tx *tx, const struct flow_run *run, struct str reason, struct progress *progress)
{
	const struct state crashed = { .type = STATE_CRASHED, .message = reason };
	struct task_run task;
	struct uuid id;
	int result;

	while ((result = store_task_run_unfinished(tx->db, run->id, progress->after_task, &id, tx->problem)) == 0) {
		result = task_run_force(tx, id, &crashed, &task);
		if (result < 0)
			return result;
		progress->after_task = id;
		if (tx_over_budget(tx, 2))
			return WEIR_EAGAIN;
	}
	return result == WEIR_ENOTFOUND ? 0 : result;
}

/* A run that was to be cancelled is: nothing of it runs any more. */
static int crash_run(struct tx *tx, const struct flow_run *run, struct str reason)
{
	const bool cancelling = run->state_type == STATE_CANCELLING;
	const struct set_state in = {
		.run_id = run->id,
		.proposed = { .type = cancelling ? STATE_CANCELLED : STATE_CRASHED, .message = reason },
		.force = true,
	};
	struct set_state_result ignored;

	return flow_run_set_state(tx, &in, &ignored);
}

static int crash_next(struct tx *tx, struct uuid program_id, struct str reason, struct progress *progress)
{
	struct flow_run run;
	bool suspended;
	int result = store_flow_run_of_program(tx->db, program_id, progress->before, tx->arena, &run, tx->problem);

	if (result == 0)
		result = is_suspended(tx, &run, &suspended);
	if (result < 0)
		return result;
	if (!suspended) {
		result = crash_tasks(tx, &run, reason, progress);
		if (result == 0)
			result = crash_run(tx, &run, reason);
		if (result < 0)
			return result;
		progress->count++;
	}
	progress->before = run.id;
	progress->after_task = (struct uuid){ { 0 } };
	return 0;
}

int program_runs_crash(struct tx *tx, struct uuid program_id, struct str reason, int64_t *count)
{
	struct progress progress;
	int result;

	/* The cursor is bytes, aligned for nothing. */
	memcpy(&progress, tx_cursor(tx), sizeof progress);
	do {
		result = crash_next(tx, program_id, reason, &progress);
		if (result == 0 && tx_over_budget(tx, 4))
			result = WEIR_EAGAIN;
	} while (result == 0);
	memcpy(tx_cursor(tx), &progress, sizeof progress);
	*count = progress.count;
	return result == WEIR_ENOTFOUND ? slots_release_program(tx, program_id) : result;
}
