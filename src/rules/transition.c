/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/rule.h"

/* A rule that was entered, and the type of the state it governs: what was proposed, or what the rule put in its place. */
struct entered {
	const struct rule *rule;
	enum state_type to;
};

static const struct state_details no_details = {
	.scheduled_time = TIMESTAMP_NONE,
	.cache_expiration = TIMESTAMP_NONE,
	.pause_timeout = TIMESTAMP_NONE,
};

/* --- State details --- */

static bool skip(struct str *text, struct str prefix)
{
	if (!str_starts_with(*text, prefix))
		return false;
	text->data += prefix.length;
	text->length -= prefix.length;
	return true;
}

static bool skip_id(struct str *text, struct str key)
{
	struct str rest = *text;

	if (!skip(&rest, key) || rest.length <= UUID_TEXT_LENGTH || rest.data[UUID_TEXT_LENGTH] != '"' ||
	    memchr(rest.data, '"', UUID_TEXT_LENGTH) || memchr(rest.data, '\\', UUID_TEXT_LENGTH))
		return false;
	rest.data += UUID_TEXT_LENGTH + 1;
	rest.length -= UUID_TEXT_LENGTH + 1;
	*text = rest;
	return true;
}

/*
 * Do the details tell nothing but whose state it is? That is what most states store, in the form that
 * details_of_owner (bookkeeping.c) writes; it is recognised without reading JSON, which costs ten times as much.
 */
static bool only_owner(struct str text)
{
	if (!text.data || str_is(text, "{}"))
		return true;
	if (!skip(&text, STR("{")))
		return false;
	if (skip_id(&text, STR("\"flow_run_id\":\"")))
		return str_is(text, "}") || (skip_id(&text, STR(",\"task_run_id\":\"")) && str_is(text, "}"));
	return skip_id(&text, STR("\"task_run_id\":\"")) && str_is(text, "}");
}

const struct state_details *transition_stored_details(struct transition *transition, const struct state *state)
{
	struct state_details *details;
	struct problem problem;

	if (only_owner(state->details))
		return &no_details;
	details = ARENA_NEW(transition->arena, struct state_details);
	if (state_details_read(transition->arena, state->details, details, &problem) == 0)
		return details;
	transition->error =
	        problem_set(transition->problem, WEIR_ECORRUPT, "the stored details of state %s can't be read: %s",
	                    uuid_text(state->id).text, problem.message);
	return &no_details;
}

const struct state_details *transition_current_details(struct transition *transition)
{
	if (!transition->current_details)
		transition->current_details = transition_stored_details(transition, transition->current);
	return transition->current_details;
}

const struct state_details *transition_proposed_details(struct transition *transition)
{
	struct str text = transition->proposed.details;
	struct state_details *details;
	int result;

	if (transition->proposed_details)
		return transition->proposed_details;
	transition->proposed_details = &no_details;
	if (!text.data || str_is(text, "{}"))
		return &no_details;
	details = ARENA_NEW(transition->arena, struct state_details);
	result = state_details_read(transition->arena, text, details, transition->problem);
	if (result < 0)
		transition->error = result;
	else
		transition->proposed_details = transition->edited_details = details;
	return transition->proposed_details;
}

struct state_details *transition_edit_details(struct transition *transition)
{
	const struct state_details *details = transition_proposed_details(transition);

	if (!transition->edited_details) {
		transition->edited_details = ARENA_NEW(transition->arena, struct state_details);
		*transition->edited_details = *details;
		transition->proposed_details = transition->edited_details;
	}
	return transition->edited_details;
}

/* --- The verbs --- */

static void object(struct transition *transition, enum verdict_status status, struct str reason)
{
	transition->verdict.status = status;
	transition->verdict.reason = reason;
	transition->verdict.writes = false;
}

void transition_reject(struct transition *transition, struct str reason)
{
	/* The client is answered with the current state, so there must be one. */
	ASSERT(transition->current);
	object(transition, VERDICT_REJECT, reason);
}

/* The time of a state that is entered now: later than the present one's, also when somebody has set the clock back. */
static int64_t stamp(const struct transition *transition)
{
	if (!transition->current)
		return transition->now_us;
	return MAX(transition->now_us, transition->current->timestamp + 1);
}

struct state_details *transition_replace(struct transition *transition, const struct state *replacement,
                                         struct str reason)
{
	object(transition, VERDICT_REJECT, reason);
	transition->verdict.writes = true;
	transition->proposed = (struct state){
		.id = transition->state_id,
		.type = replacement->type,
		.name = replacement->name.data ? replacement->name : str_of(state_type_title(replacement->type)),
		.timestamp = stamp(transition),
		.message = replacement->message,
		.data = replacement->data,
	};
	transition->proposed_details = transition->edited_details = NULL;
	return transition_edit_details(transition);
}

void transition_abort(struct transition *transition, struct str reason)
{
	object(transition, VERDICT_ABORT, reason);
}

void transition_delay(struct transition *transition, int64_t seconds, struct str reason)
{
	object(transition, VERDICT_WAIT, reason);
	transition->verdict.delay_seconds = seconds;
}

/* --- The machine --- */

/* What every state gets that does not say otherwise. */
static void complete_proposed(struct transition *transition)
{
	struct state *proposed = &transition->proposed;

	proposed->id = transition->state_id;
	if (!proposed->name.data)
		proposed->name = str_of(state_type_title(proposed->type));
	if (proposed->timestamp == TIMESTAMP_NONE)
		proposed->timestamp = stamp(transition);
	if (proposed->type == STATE_SCHEDULED &&
	    transition_proposed_details(transition)->scheduled_time == TIMESTAMP_NONE)
		transition_edit_details(transition)->scheduled_time = transition->now_us;
}

static bool applies(const struct rule *rule, const struct transition *transition, enum state_type intended)
{
	return rule->universal || transition->proposed.type == intended;
}

static void enter(struct transition *transition, const struct rule *rule)
{
	bool objected = transition->verdict.status != VERDICT_ACCEPT;

	if (!rule->enter)
		return;
	rule->enter(transition);
	if (!objected && transition->verdict.status != VERDICT_ACCEPT)
		transition->verdict.rule = rule->name;
}

static size_t enter_rules(struct transition *transition, const struct rule *rules, size_t count, unsigned policy,
                          struct entered *entered)
{
	const enum state_type intended = transition->proposed.type;
	const state_set from = STATE_BIT(transition->current ? transition->current->type : STATE_NONE);
	const state_set to = STATE_BIT(intended);
	size_t depth = 0;

	for (size_t i = 0; i < count && transition->verdict.writes && transition->error == 0; i++) {
		const struct rule *rule = &rules[i];

		if (!(rule->policies & policy) || !(rule->from & from) || !(rule->to & to) ||
		    !applies(rule, transition, intended))
			continue;
		enter(transition, rule);
		entered[depth++] = (struct entered){ rule, transition->proposed.type };
	}
	return depth;
}

static void leave_rules(struct transition *transition, const struct entered *entered, size_t depth)
{
	const enum state_type written = transition->proposed.type;

	while (depth-- > 0) {
		const struct rule *rule = entered[depth].rule;

		if (!rule->universal && entered[depth].to != written) {
			if (rule->undo)
				rule->undo(transition);
		} else if (rule->leave && (rule->to & STATE_BIT(written))) {
			rule->leave(transition);
		}
	}
}

static void undo_rules(struct transition *transition, const struct entered *entered, size_t depth)
{
	while (depth-- > 0)
		if (entered[depth].rule->undo)
			entered[depth].rule->undo(transition);
}

int transition_run(struct transition *transition, const struct rule *rules, size_t count, unsigned policy,
                   void (*bookkeep)(struct transition *transition))
{
	struct entered entered[RULES_MAX];
	size_t depth;

	ASSERT(count <= RULES_MAX);
	ASSERT(transition->proposed.type > STATE_NONE && transition->proposed.type < STATE_TYPE_COUNT);
	transition->verdict = (struct verdict){ .status = VERDICT_ACCEPT, .writes = true };
	transition->slots = 0;
	complete_proposed(transition);
	depth = enter_rules(transition, rules, count, policy, entered);
	if (!transition->verdict.writes || transition->error < 0) {
		undo_rules(transition, entered, depth);
		transition->slots = 0;
		return transition->error;
	}
	bookkeep(transition);
	leave_rules(transition, entered, depth);
	return transition->error;
}
