/* SPDX-License-Identifier: Apache-2.0 */
/* outcome.c - how a function says that it does not complete, and takes it back; and what it may ask about itself. */
#include "engine/run.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "engine/process_child.h"

#include <stdlib.h>

static void set_outcome(weir_run *run, enum outcome_kind kind, weir_state state, const char *message)
{
	pthread_mutex_lock(&run->mutex);
	run->outcome.kind = kind;
	run->outcome.state = (weir_state){
		.type = state.type,
		.name = arena_strdup(&run->arena, state.name),
		.message = state.message ? arena_strdup(&run->arena, state.message) : NULL,
	};
	run->outcome.message = message ? arena_strdup(&run->arena, message) : run->outcome.state.message;
	pthread_mutex_unlock(&run->mutex);
}

static bool has_outcome(weir_run *attempt)
{
	bool has;

	pthread_mutex_lock(&attempt->mutex);
	has = attempt->outcome.kind != OUTCOME_NONE;
	pthread_mutex_unlock(&attempt->mutex);
	return has;
}

void outcome_forget(weir_run *attempt)
{
	pthread_mutex_lock(&attempt->mutex);
	attempt->outcome = (struct outcome){ 0 };
	pthread_mutex_unlock(&attempt->mutex);
}

const char *outcome_message(weir_run *attempt)
{
	const char *message;

	pthread_mutex_lock(&attempt->mutex);
	message = attempt->outcome.message;
	pthread_mutex_unlock(&attempt->mutex);
	return message;
}

void outcome_of_child(weir_run *attempt, weir_future *child)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };

	if (has_outcome(attempt))
		return;
	strbuf_printf(&text, "%s run '%s' ended as %s", callable_noun(&child->what), child->name, child->view.name);
	if (child->view.message)
		strbuf_printf(&text, ": %s", child->view.message);
	set_outcome(attempt, OUTCOME_CHILD, child->view, text.data);
}

static PRINTF_LIKE(5, 0) void say_outcome(weir_run *run, enum outcome_kind kind, enum weir_state_type type,
                                          const char *name, const char *format, va_list arguments)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };
	AUTO(arena_done) struct arena scratch = { 0 };

	strbuf_vprintf(&text, format, arguments);
	/* What a program wrote to its stderr is often passed on here, with its last line break. */
	while (text.length && text.data[text.length - 1] == '\n')
		text.length--;
	set_outcome(run, kind,
	            (weir_state){ type, name, arena_str(&scratch, utf8_mend(&scratch, strbuf_str(&text))).data }, NULL);
}

json_t *outcome_timed_out(weir_run *run, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_outcome(run, OUTCOME_FAILED, WEIR_FAILED, "TimedOut", format, arguments);
	va_end(arguments);
	return NULL;
}

json_t *outcome_crashed(weir_run *attempt, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_outcome(attempt, OUTCOME_CRASHED, WEIR_CRASHED, "Crashed", format, arguments);
	va_end(arguments);
	return NULL;
}

json_t *outcome_suspended(weir_run *attempt, struct pause *suspension)
{
	const weir_state suspended = { WEIR_PAUSED, "Suspended", NULL };

	attempt->suspension = suspension;
	set_outcome(attempt, OUTCOME_SUSPENDED, suspended, "it was to be suspended");
	return NULL;
}

#define DEFINE_OUTCOME_CALL(function, kind, type, name)                                                                \
	WEIR_API json_t *function(weir_run *run, const char *format, ...)                                              \
	{                                                                                                              \
		va_list arguments;                                                                                     \
                                                                                                                       \
		va_start(arguments, format);                                                                           \
		say_outcome(run, kind, type, name, format, arguments);                                                 \
		va_end(arguments);                                                                                     \
		return NULL;                                                                                           \
	}

DEFINE_OUTCOME_CALL(weir_fail, OUTCOME_FAILED, WEIR_FAILED, "Failed")
DEFINE_OUTCOME_CALL(weir_fail_final, OUTCOME_FAILED_FINAL, WEIR_FAILED, "Failed")
DEFINE_OUTCOME_CALL(weir_skip, OUTCOME_SKIPPED, WEIR_COMPLETED, "Skipped")

WEIR_API bool weir_recover(weir_run *run, const weir_state **state)
{
	weir_state *copy = NULL;

	pthread_mutex_lock(&run->mutex);
	if (run->outcome.kind != OUTCOME_NONE) {
		copy = arena_alloc(&run->arena, sizeof *copy);
		*copy = run->outcome.state;
		run->outcome.kind = OUTCOME_NONE;
	}
	pthread_mutex_unlock(&run->mutex);
	if (state)
		*state = copy;
	return copy != NULL;
}

WEIR_API int weir_sleep(weir_run *run, double seconds)
{
	int refusal = attempt_refusal(run);

	if (refusal || !(seconds > 0))
		return refusal;
	if (process_child_is(run))
		return process_child_sleep(clock_due_us(seconds));
	return scope_sleep(&run->scope, clock_due_us(seconds));
}

WEIR_API bool weir_cancelled(const weir_run *run)
{
	return attempt_refusal(run) != 0;
}

WEIR_API const char *weir_run_id(const weir_run *run)
{
	return run->id_text;
}

WEIR_API const char *weir_run_name(const weir_run *run)
{
	return run->run->name;
}

WEIR_API int weir_attempt(const weir_run *run)
{
	return run->number;
}
