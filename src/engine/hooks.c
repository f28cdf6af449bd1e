/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/hooks.h"

#include "engine/local.h"
#include "loop/coroutine.h"

weir_hook *hook_of_state(const weir_hooks *hooks, enum weir_state_type type)
{
	switch (type) {
	case WEIR_COMPLETED:
		return hooks->on_completion;
	case WEIR_FAILED:
		return hooks->on_failure;
	case WEIR_CRASHED:
		return hooks->on_crashed;
	case WEIR_CANCELLED:
		return hooks->on_cancellation;
	default:
		return NULL;
	}
}

bool hook_any_final(const weir_hooks *hooks)
{
	return hooks->on_completion || hooks->on_failure || hooks->on_crashed || hooks->on_cancellation;
}

/* The attempt is the current one while its hook runs: what it prints is its own. */
void hook_run(weir_run *attempt, weir_hook *hook, const weir_state *state)
{
	void *outer = control_local();

	if (!hook)
		return;
	control_set_local(attempt);
	attempt->in_hook = true;
	hook(attempt, state);
	attempt->in_hook = false;
	prints_flush(attempt);
	control_set_local(outer);
}

void hook_call(weir_run *attempt, const weir_state *state)
{
	weir_hook *hook = hook_of_state(attempt->run->what.hooks, state->type);

	if (!hook)
		return;
	hook_run(attempt, hook, state);
	locals_destroy(attempt); /* those of its function are gone already; these are the hook's */
}

void hook_call_running(weir_run *attempt)
{
	const weir_state running = { WEIR_RUNNING, attempt->number > 1 ? "Retrying" : "Running", NULL };

	hook_run(attempt, attempt->run->what.hooks->on_running, &running);
	outcome_forget(attempt); /* what the hook has said is not the function's word */
}
