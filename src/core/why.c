/* SPDX-License-Identifier: Apache-2.0 */
/* Why a run is where it is: each state's answer, from what is stored. */
#include "core/why.h"

#include "base/clock.h"
#include "core/internal.h"

/* --- Texts --- */

void why_cause_begin(struct why *why, int64_t since, const char *format, ...)
{
	struct json_writer *writer = &why->causes;
	va_list arguments;

	json_begin_object(writer);
	va_start(arguments, format);
	why_detail(why, "cause", arena_vprintf(why->arena, format, arguments));
	va_end(arguments);
	why_detail_instant(why, "since", since);
	json_key(writer, "detail");
	json_begin_object(writer);
}

void why_cause_end(struct why *why)
{
	json_end_object(&why->causes);
	json_end_object(&why->causes);
}

void why_detail(struct why *why, const char *key, struct str text)
{
	json_key(&why->causes, key);
	json_str(&why->causes, text);
}

void why_detail_id(struct why *why, const char *key, struct uuid id)
{
	json_key(&why->causes, key);
	json_puts(&why->causes, uuid_text(id).text);
}

void why_detail_integer(struct why *why, const char *key, int64_t value)
{
	json_key(&why->causes, key);
	json_int(&why->causes, value);
}

void why_detail_instant(struct why *why, const char *key, int64_t instant)
{
	json_key(&why->causes, key);
	json_puts(&why->causes, instant == TIMESTAMP_NONE ? NULL : timestamp_text(instant).text);
}

struct str why_brief(struct arena *arena, struct str message)
{
	enum { BRIEF_BYTES = 160 };
	const char *end = message.length > 0 ? memchr(message.data, '\n', message.length) : NULL;
	size_t length = end ? (size_t)(end - message.data) : message.length;

	if (length == 0)
		return STR("(no message)");
	if (length <= BRIEF_BYTES)
		return (struct str){ message.data, length };
	length = BRIEF_BYTES;
	while (length > 0 && ((unsigned char)message.data[length] & 0xC0) == 0x80)
		length--;
	return arena_printf(arena, "%.*s…", (int)length, message.data);
}

static const char *when(struct why *why, int64_t instant)
{
	if (instant == TIMESTAMP_NONE)
		return "an unknown time";
	return arena_strdup(why->arena, timestamp_text(instant).text);
}

static struct str message_of(struct why *why)
{
	return why_brief(why->arena, why->subject.state.message);
}

static bool is_named(const struct why *why, const char *name)
{
	return str_is(why->subject.state.name, name);
}

/* --- The answers, by type of state --- */

static void answer_none(struct why *why)
{
	strbuf_puts(&why->answer, "has no state: it was made, and nothing has been recorded of it since");
	strbuf_puts(&why->next, "Look at the program that made it.");
}

static void answer_retry(struct why *why, int64_t due)
{
	strbuf_printf(&why->answer, "waits for its next attempt, due at %s, after a failure: %.*s", when(why, due),
	              STR_ARG(message_of(why)));
	why_attempts(why);
	strbuf_puts(&why->next, "Its program starts it again when it is due.");
}

/* In line for a slot; or, without a place in a line, one that asks again. */
static void answer_slot(struct why *why, int64_t due)
{
	int64_t limits = why_slots(why);

	if (limits > 0) {
		strbuf_printf(&why->answer, "waits for a slot of %lld concurrency limit%s", (long long)limits,
		              limits == 1 ? "" : "s");
		strbuf_puts(&why->next,
		            "It is given one when its turn comes. More slots: weir gcl update NAME --limit N");
	} else if (why->subject.is_task) {
		strbuf_puts(&why->answer, "has waited for a slot of a concurrency limit, and is about to run");
		strbuf_puts(&why->next, "Its program starts it.");
	} else {
		strbuf_printf(&why->answer, "waits for a slot: the concurrency limit of its deployment is full");
		strbuf_printf(&why->next, "It asks again at %s.", when(why, due));
	}
}

static void answer_scheduled(struct why *why)
{
	const int64_t due = why->subject.details.scheduled_time;

	if (is_named(why, "AwaitingRetry")) {
		answer_retry(why, due);
	} else if (is_named(why, "AwaitingConcurrencySlot")) {
		answer_slot(why, due);
	} else if (is_named(why, "Resuming")) {
		strbuf_printf(&why->answer, "was resumed at %s and waits to be started",
		              when(why, why->subject.state.timestamp));
		if (uuid_is_nil(why->subject.flow_run.program_id))
			strbuf_puts(&why->next, "A program or worker that serves it starts it.");
		else
			why_program_resume(why, "Go on with it by: ");
	} else if (due > why->now_us) {
		strbuf_printf(&why->answer, "waits for its time, %s", when(why, due));
		strbuf_puts(&why->next, "A program or worker that serves it starts it then.");
	} else {
		strbuf_printf(&why->answer, "was due at %s, and nobody has started it", when(why, due));
		strbuf_puts(&why->next, "Start a program or worker that serves it.");
	}
}

static void answer_pending_task(struct why *why)
{
	int64_t waiting = why_upstream(why);

	if (is_named(why, "NotReady")) {
		strbuf_printf(&why->answer, "was not started: %.*s", STR_ARG(message_of(why)));
		strbuf_puts(&why->next, "It stays like this: repair what it depends on, and run the flow again.");
	} else if (waiting > 0) {
		strbuf_printf(&why->answer, "waits for %lld task run%s that it takes arguments from",
		              (long long)waiting, waiting == 1 ? "" : "s");
		strbuf_puts(&why->next, "It starts when they have completed.");
	} else if (!why_max_parallel(why)) {
		strbuf_puts(&why->answer, "is ready, and waits for its turn");
		strbuf_puts(&why->next, "It starts when its program has a place for it.");
	}
}

static void answer_pending(struct why *why)
{
	if (why->subject.is_task) {
		answer_pending_task(why);
	} else if (is_named(why, "Pending")) {
		strbuf_printf(&why->answer, "was taken at %s, and has not begun to run",
		              when(why, why->subject.state.timestamp));
		strbuf_puts(&why->next, "The program or worker that took it starts it.");
	} else {
		strbuf_printf(&why->answer, "is being started (%.*s)", STR_ARG(why->subject.state.name));
		strbuf_puts(&why->next, "It runs when its infrastructure is there.");
	}
}

static void count_tasks(struct why *why)
{
	int64_t counts[STATE_TYPE_COUNT], all = 0, ended = 0;

	if (why->error < 0)
		return;
	why->error = store_task_run_count(why->db, why->subject.id, counts, why->problem);
	for (int type = 0; why->error == 0 && type < STATE_TYPE_COUNT; type++) {
		all += counts[type];
		ended += state_type_is_terminal((enum state_type)type) ? counts[type] : 0;
	}
	if (all > 0)
		strbuf_printf(&why->answer, ", and %lld of its %lld task runs have ended", (long long)ended,
		              (long long)all);
}

static void answer_running(struct why *why)
{
	static const enum state_type ended_badly[] = { STATE_FAILED, STATE_CRASHED };
	static const enum state_type unfinished[] = { STATE_RUNNING, STATE_PENDING, STATE_SCHEDULED, STATE_PAUSED };

	strbuf_printf(&why->answer, "runs since %s", when(why, why->subject.state.timestamp));
	if (why_slots(why) > 0)
		strbuf_puts(&why->answer, ", and waits for a slot of a concurrency limit");
	if (why->subject.run_count > 1)
		strbuf_printf(&why->answer, " (attempt %lld)", (long long)why->subject.run_count);
	why_attempts(why);
	if (why->subject.is_task) {
		why_subflow(why);
	} else {
		count_tasks(why);
		why_tasks(why, unfinished, ARRAY_LENGTH(unfinished), TASK_RUN_BY_ID);
		why_tasks(why, ended_badly, ARRAY_LENGTH(ended_badly), TASK_RUN_BY_END);
	}
	strbuf_puts(&why->next, "It ends when its function returns.");
}

static void answer_paused(struct why *why)
{
	const struct why_subject *subject = &why->subject;
	const int64_t timeout = subject->details.pause_timeout;

	if (subject->is_task) {
		strbuf_puts(&why->answer, "was not started, because its flow run was paused");
		strbuf_puts(&why->next, "Resume the flow run.");
		return;
	}
	strbuf_printf(&why->answer, "is %s since %s, and waits to be resumed",
	              subject->details.pause_reschedule ? "suspended" : "paused", when(why, subject->state.timestamp));
	if (timeout == TIMESTAMP_NONE)
		strbuf_puts(&why->next, "Resume it");
	else
		strbuf_printf(&why->next,
		              timeout > why->now_us ? "Resume it before %s (then it fails)"
		                                    : "Its time was up at %s: resumed now, it fails. Resume it",
		              when(why, timeout));
	why_input(why);
}

static void answer_cancelling(struct why *why)
{
	static const enum state_type running[] = { STATE_RUNNING, STATE_PENDING };

	strbuf_printf(&why->answer, "is being cancelled since %s", when(why, why->subject.state.timestamp));
	why_cancellation(why);
	if (!why->subject.is_task)
		why_tasks(why, running, ARRAY_LENGTH(running), TASK_RUN_BY_ID);
	strbuf_puts(&why->next, "It is Cancelled when what still runs of it has stopped.");
}

static void answer_completed(struct why *why)
{
	static const enum state_type ended_badly[] = { STATE_FAILED, STATE_CRASHED };
	const struct why_subject *subject = &why->subject;

	if (is_named(why, "Cached"))
		strbuf_puts(&why->answer, "did not run: its result was in the cache");
	else if (is_named(why, "Skipped"))
		strbuf_printf(&why->answer, "was skipped: %.*s", STR_ARG(message_of(why)));
	else
		strbuf_printf(&why->answer, "completed at %s, after %.3f s of running", when(why, subject->end_time),
		              (double)subject->total_run_time / 1e6);
	if (subject->is_task && is_named(why, "Cached") && subject->details.cache_key.data) {
		why_cause_begin(why, subject->state.timestamp, "the cache had a result under its key");
		why_detail(why, "cache_key", subject->details.cache_key);
		why_detail(why, "message", message_of(why));
		why_cause_end(why);
	}
	why_attempts(why);
	if (!subject->is_task)
		why_tasks(why, ended_badly, ARRAY_LENGTH(ended_badly), TASK_RUN_BY_END);
	strbuf_puts(&why->next, "Nothing is left to do.");
}

/* What FAILED and CRASHED have in common. */
static void answer_bad_end(struct why *why, const char *verb, const char *next)
{
	static const enum state_type ended_badly[] = { STATE_FAILED, STATE_CRASHED };

	strbuf_printf(&why->answer, "%s at %s: %.*s", verb, when(why, why->subject.end_time), STR_ARG(message_of(why)));
	if (why->subject.is_task)
		why_subflow(why);
	else
		why_tasks(why, ended_badly, ARRAY_LENGTH(ended_badly), TASK_RUN_BY_END);
	why_attempts(why);
	why_log(why);
	strbuf_puts(&why->next, next);
}

static void answer_failed(struct why *why)
{
	answer_bad_end(why, is_named(why, "TimedOut") ? "ran out of time" : "failed",
	               "Repair the cause, and run it again.");
}

static void answer_crashed(struct why *why)
{
	answer_bad_end(why, "crashed", "It did not end by itself. Look at its last log lines, and run it again.");
}

static void answer_cancelled(struct why *why)
{
	strbuf_printf(&why->answer, "was cancelled at %s", when(why, why->subject.end_time));
	if (why->subject.state.message.length > 0)
		strbuf_printf(&why->answer, ": %.*s", STR_ARG(message_of(why)));
	why_cancellation(why);
	strbuf_puts(&why->next, "Run it again if it is still wanted.");
}

static void (*const answers[STATE_TYPE_COUNT])(struct why *why) = {
	[STATE_NONE] = answer_none,           [STATE_SCHEDULED] = answer_scheduled,
	[STATE_PENDING] = answer_pending,     [STATE_RUNNING] = answer_running,
	[STATE_COMPLETED] = answer_completed, [STATE_FAILED] = answer_failed,
	[STATE_CANCELLED] = answer_cancelled, [STATE_CRASHED] = answer_crashed,
	[STATE_PAUSED] = answer_paused,       [STATE_CANCELLING] = answer_cancelling,
};

/*
 * The program of an unfinished run is gone, so no answer that the state gives is true any more. A suspended run has left
 * its program.
 */
static bool is_orphan(const struct why *why)
{
	const struct why_subject *subject = &why->subject;

	return subject->has_flow_run && !uuid_is_nil(subject->flow_run.program_id) &&
	       !state_type_is_terminal(subject->state.type) && subject->state.type != STATE_NONE &&
	       !subject->details.pause_reschedule && !is_named(why, "Resuming") &&
	       !store_program_alive(why->store, subject->flow_run.program_id);
}

static void answer_orphan(struct why *why)
{
	strbuf_printf(&why->answer, "is %.*s in name only: the program that ran it has ended without saying how",
	              STR_ARG(why->subject.state.name));
	why_cause_begin(why, why->subject.state.timestamp, "its program is gone");
	why_detail_id(why, "program_id", why->subject.flow_run.program_id);
	why_cause_end(why);
	why_log(why);
	strbuf_puts(&why->next, "The next program that opens the store marks it as Crashed. Then run it again.");
}

/* --- Loading --- */

static int load_flow_run(struct why *why, struct uuid id, struct state *state)
{
	struct why_subject *subject = &why->subject;
	struct flow flow;
	int result = flow_run_get(why->db, id, why->arena, &subject->flow_run, state, why->problem);

	if (result == 0)
		result = store_flow_find(why->db, subject->flow_run.flow_id, why->arena, &flow, why->problem);
	if (result < 0)
		return result;
	subject->has_flow_run = true;
	subject->flow_name = flow.name;
	return 0;
}

static int load_task_run(struct why *why, struct uuid id)
{
	struct why_subject *subject = &why->subject;
	struct task_run run;
	struct state ignored;
	int result = task_run_get(why->db, id, why->arena, &run, &subject->state, why->problem);

	if (result == 0)
		result = run_policy_read(why->arena, run.empirical_policy, &subject->policy, why->problem);
	if (result < 0)
		return result;
	subject->is_task = true;
	subject->id = run.id;
	subject->name = run.name;
	subject->run_count = run.run_count;
	subject->expected_start_time = run.expected_start_time;
	subject->start_time = run.start_time;
	subject->end_time = run.end_time;
	subject->total_run_time = run.total_run_time;
	subject->task_key = run.task_key;
	subject->task_inputs = run.task_inputs;
	if (uuid_is_nil(run.flow_run_id))
		return 0;
	result = load_flow_run(why, run.flow_run_id, &ignored);
	return result == WEIR_ENOTFOUND ? 0 : result;
}

/* The id is that of a flow run, or else of a task run. */
static int load_subject(struct why *why, struct uuid id)
{
	struct why_subject *subject = &why->subject;
	const struct flow_run *run = &subject->flow_run;
	int result = load_flow_run(why, id, &subject->state);

	if (result == WEIR_ENOTFOUND) {
		result = load_task_run(why, id);
	} else if (result == 0) {
		subject->id = run->id;
		subject->name = run->name;
		subject->run_count = run->run_count;
		subject->expected_start_time = run->expected_start_time;
		subject->start_time = run->start_time;
		subject->end_time = run->end_time;
		subject->total_run_time = run->total_run_time;
		result = run_policy_read(why->arena, run->empirical_policy, &subject->policy, why->problem);
	}
	if (result == WEIR_ENOTFOUND)
		return problem_set(why->problem, result, "no run has the id %s", uuid_text(id).text);
	return result < 0 ? result
	                  : state_details_read(why->arena, subject->state.details, &subject->details, why->problem);
}

/* --- Writing --- */

static void write_instant(struct json_writer *writer, const char *key, int64_t instant)
{
	json_key(writer, key);
	json_puts(writer, instant == TIMESTAMP_NONE ? NULL : timestamp_text(instant).text);
}

static void write_text(struct json_writer *writer, const char *key, struct str text)
{
	json_key(writer, key);
	json_str(writer, text);
}

static void write_run(const struct why_subject *subject, struct json_writer *writer)
{
	json_key(writer, "run");
	json_begin_object(writer);
	write_text(writer, "kind", subject->is_task ? STR("task run") : STR("flow run"));
	write_text(writer, "id", str_of(uuid_text(subject->id).text));
	write_text(writer, "name", subject->name);
	if (subject->is_task)
		write_text(writer, "task", subject->task_key);
	if (subject->has_flow_run)
		write_text(writer, "flow", subject->flow_name);
	if (subject->is_task && subject->has_flow_run) {
		write_text(writer, "flow_run_id", str_of(uuid_text(subject->flow_run.id).text));
		write_text(writer, "flow_run", subject->flow_run.name);
	}
	json_key(writer, "run_count");
	json_int(writer, subject->run_count);
	write_instant(writer, "expected_start_time", subject->expected_start_time);
	write_instant(writer, "start_time", subject->start_time);
	write_instant(writer, "end_time", subject->end_time);
	json_end_object(writer);
}

static void write_answer(const struct why *why, struct json_writer *writer)
{
	const struct why_subject *subject = &why->subject;

	json_begin_object(writer);
	write_run(subject, writer);
	json_key(writer, "state");
	if (subject->state.type == STATE_NONE)
		json_none(writer);
	else
		state_write(why->arena, &subject->state, writer);
	write_text(writer, "answer",
	           arena_printf(why->arena, "%s '%.*s' %s.", subject->is_task ? "Task run" : "Flow run",
	                        STR_ARG(subject->name), why->answer.data));
	json_key(writer, "because");
	json_raw(writer, strbuf_str(&why->because));
	write_text(writer, "next", strbuf_str(&why->next));
	json_end_object(writer);
}

static void why_done(struct why *why)
{
	strbuf_done(&why->answer);
	strbuf_done(&why->next);
	strbuf_done(&why->because);
}

/* Fill answer, because and next from what is stored. */
static int find_answer(struct why *why, struct uuid id)
{
	int result = load_subject(why, id);

	if (result < 0)
		return result;
	json_writer_init(&why->causes, &why->because);
	json_begin_array(&why->causes);
	if (is_orphan(why))
		answer_orphan(why);
	else
		answers[why->subject.state.type](why);
	json_end_array(&why->causes);
	return why->error;
}

int why_run(struct store *store, struct db *db, struct uuid id, struct strbuf *json, struct problem *problem)
{
	AUTO(arena_done) struct arena arena = { 0 };
	AUTO(why_done)
	struct why why = { .store = store, .db = db, .arena = &arena, .problem = problem, .now_us = clock_wall_us() };
	struct json_writer writer;
	int result = db->driver->begin(db, false, problem);

	if (result < 0)
		return result;
	/* One snapshot: the run, its states and its tasks belong together. */
	result = find_answer(&why, id);
	db->driver->rollback(db);
	if (result < 0)
		return result;
	json_writer_init(&writer, json);
	write_answer(&why, &writer);
	return 0;
}
