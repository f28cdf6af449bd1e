/* SPDX-License-Identifier: Apache-2.0 */
/* rule.h - what a rule is, and the verbs with which it objects. Internal to src/rules. */
#ifndef WEIR_RULES_RULE_H
#define WEIR_RULES_RULE_H

#include "rules/transition.h"

#define STATES_ANY ((state_set)((1u << STATE_TYPE_COUNT) - 1)) /* "no state" included */
#define STATES_TERMINAL                                                                                                \
	((state_set)(STATE_BIT(STATE_COMPLETED) | STATE_BIT(STATE_FAILED) | STATE_BIT(STATE_CANCELLED) |               \
	             STATE_BIT(STATE_CRASHED)))

/* A row of a table of rules. Any of the functions may be NULL. */
struct rule {
	const char *name;
	unsigned policies; /* a bit for each policy that has the rule */
	state_set from, to;
	bool universal; /* it holds for every state that is written, whatever other rules have put in its place */
	void (*enter)(struct transition *transition); /* may object, and change the proposed state and the run */
	void (*leave)(
	        struct transition *transition); /* after the bookkeeping, when the transition still is the rule's */
	void (*undo)(struct transition *transition); /* take back what enter did to the run and the slots */
};

enum { RULES_MAX = 24 };

/* Run a table. bookkeep applies the written state to the run. */
MUST_CHECK int transition_run(struct transition *transition, const struct rule *rules, size_t count, unsigned policy,
                              void (*bookkeep)(struct transition *transition));

/* --- The verbs. reason is a literal or lies in the transition's arena --- */

/* Refuse; nothing is written. */
void transition_reject(struct transition *transition, struct str reason);

/*
 * Refuse, and put another state in place of the proposed one: its type, name (null: the type's), message and data are
 * taken; its details are the defaults until transition_edit_details changes them. Their struct is returned.
 */
struct state_details *transition_replace(struct transition *transition, const struct state *replacement,
                                         struct str reason);

/* Refuse for good; nothing is written. */
void transition_abort(struct transition *transition, struct str reason);

/* Not yet: the client asks again after so long. */
void transition_delay(struct transition *transition, int64_t seconds, struct str reason);

/* --- State details, read when first asked for --- */

/* Of the current state, which there must be. */
const struct state_details *transition_current_details(struct transition *transition);

/* Of the proposed state: to look at, and to change. */
const struct state_details *transition_proposed_details(struct transition *transition);
struct state_details *transition_edit_details(struct transition *transition);

/* Of any stored state. What can't be read gives the defaults and sets transition->error. */
const struct state_details *transition_stored_details(struct transition *transition, const struct state *state);

/* --- The policy of a flow run, read when first asked for, stored when it was changed --- */

/* Could it be resuming? False is certain; true asks for a look at flow_policy. */
bool flow_policy_may_resume(const struct flow_transition *flow);
const struct run_policy *flow_policy(struct flow_transition *flow);
struct run_policy *flow_policy_edit(struct flow_transition *flow);

/* --- Rules that flow runs and task runs share (shared_rules.c) --- */

void rule_no_double_pending(struct transition *transition);
void rule_copy_scheduled_time(struct transition *transition);
void rule_wait_for_time(struct transition *transition);

/* --- Bookkeeping (bookkeeping.c) --- */

void bookkeep_flow_run(struct transition *transition);
void bookkeep_task_run(struct transition *transition);

#endif
