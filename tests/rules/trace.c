/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

static void trace_verdict(const struct verdict *verdict, struct strbuf *out)
{
	strbuf_puts(out, verdict_status_name(verdict->status));
	if (verdict->rule)
		strbuf_printf(out, " (%s)", verdict->rule);
	if (verdict->reason.data)
		strbuf_printf(out, ": %.*s", STR_ARG(verdict->reason));
	if (verdict->status == VERDICT_WAIT)
		strbuf_printf(out, "; wait %lld s", (long long)verdict->delay_seconds);
}

static void trace_state(const struct transition *transition, struct strbuf *out)
{
	const struct state *state = &transition->proposed;
	struct state_details details;
	struct str text;

	strbuf_printf(out, "; %s/%.*s", state_type_names[state->type], STR_ARG(state->name));
	if (state->timestamp != transition->now_us)
		strbuf_printf(out, " at %+lld us", (long long)(state->timestamp - transition->now_us));
	if (state->message.data)
		strbuf_printf(out, ", \"%.*s\"", STR_ARG(state->message));
	if (state->data.data)
		strbuf_printf(out, ", data %.*s", STR_ARG(state->data));
	ASSERT(state_details_read(transition->arena, state->details, &details, NULL) == 0);
	details.flow_run_id = details.task_run_id = (struct uuid){ 0 };
	text = state_details_text(transition->arena, &details);
	if (!str_is(text, "{}"))
		strbuf_printf(out, ", details %.*s", STR_ARG(text));
}

void trace_decision(const struct transition *transition, struct strbuf *out)
{
	static const char *const slot_names[] = { "take", "release", "renew", "revoke" };

	trace_verdict(&transition->verdict, out);
	if (transition->verdict.writes)
		trace_state(transition, out);
	else
		strbuf_puts(out, "; nothing");
	if (transition->slots)
		strbuf_puts(out, "; slots");
	for (size_t i = 0; i < ARRAY_LENGTH(slot_names); i++)
		if (transition->slots & 1u << i)
			strbuf_printf(out, " %s", slot_names[i]);
}
