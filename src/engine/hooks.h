/* SPDX-License-Identifier: Apache-2.0 */
/* hooks.h - the user's functions that are called when a run enters a state. */
#ifndef WEIR_ENGINE_HOOKS_H
#define WEIR_ENGINE_HOOKS_H

#include "engine/run.h"

/* The hook for runs that end in a state of this type, or NULL. */
weir_hook *hook_of_state(const weir_hooks *hooks, enum weir_state_type type);

/* Is there a hook for any of the types that a run can end in? */
bool hook_any_final(const weir_hooks *hooks);

/* Call the attempt's hook for the state that its run has come to, if it has one. On the run's executor. */
void hook_call(weir_run *attempt, const weir_state *state);

/* Call a hook of the attempt's with this state. NULL is allowed. Within a hook no children are started. */
void hook_run(weir_run *attempt, weir_hook *hook, const weir_state *state);

/* Call the hook on_running, if there is one. */
void hook_call_running(weir_run *attempt);

#endif
