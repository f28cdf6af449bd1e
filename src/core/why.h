/* SPDX-License-Identifier: Apache-2.0 */
/* why.h - how an explanation is put together. Internal to src/core; the operation is why_run of core.h. */
#ifndef WEIR_CORE_WHY_H
#define WEIR_CORE_WHY_H

#include "core/core.h"

/* The run that is explained: what flow runs and task runs have in common. */
struct why_subject {
	bool is_task;
	struct uuid id;
	struct str name;
	struct state state; /* type STATE_NONE: it has none */
	struct state_details details;
	struct run_policy policy;
	int64_t run_count;
	int64_t expected_start_time, start_time, end_time, total_run_time;
	struct str task_key;      /* of a task run */
	struct str task_inputs;   /* of a task run */
	bool has_flow_run;        /* false: a task run without one */
	struct flow_run flow_run; /* the run itself, or the one around the task run */
	struct str flow_name;
};

/* An explanation in the making. The first error is kept, and then nothing more is looked up. */
struct why {
	struct store *store;
	struct db *db;
	struct arena *arena;
	struct problem *problem;
	int64_t now_us;
	int error;
	struct why_subject subject;
	struct strbuf answer; /* a sentence without its subject: "waits for …" */
	struct strbuf next;   /* what happens next, or what to do */
	struct strbuf because;
	struct json_writer causes; /* writes the array `because` */
};

/* --- Causes. Each begins, writes members of its detail with `causes`, and ends --- */

void why_cause_begin(struct why *why, int64_t since, const char *format, ...) PRINTF_LIKE(3, 4);
void why_cause_end(struct why *why);
void why_detail(struct why *why, const char *key, struct str text);
void why_detail_id(struct why *why, const char *key, struct uuid id);
void why_detail_integer(struct why *why, const char *key, int64_t value);
void why_detail_instant(struct why *why, const char *key, int64_t instant);

/* The first line of a message, cut to what fits in a sentence. "(no message)" for none. */
struct str why_brief(struct arena *arena, struct str message);

/* --- Where causes come from (why_causes.c) --- */

/* The task runs that this one takes its arguments from and that have not completed. Returns how many. */
int64_t why_upstream(struct why *why);

/* Task runs of the flow run in states of these types, at most five, in the order of their end or of their making. */
void why_tasks(struct why *why, const enum state_type *types, size_t count, enum task_run_sort sort);

/* Of a paused flow run: what it asks for; and how it is resumed, added to `next`. */
void why_input(struct why *why);

/* Add to `next` how its program goes on with a suspended run. */
void why_program_resume(struct why *why, const char *before);

/* Of a task run that is ready: does its flow run let no more children run at a time? Then that is the answer. */
bool why_max_parallel(struct why *why);

/* The flow run that a task run stands for, if it does. */
void why_subflow(struct why *why);

/* How often it was tried, and what came of it, when that was more than once or could have been. */
void why_attempts(struct why *why);

/* Who asked for the cancellation, as far as the states tell; and that of the flow run around it. */
void why_cancellation(struct why *why);

/* The limits of which it waits for slots, who holds those, and who comes before it (why_slots.c). Returns how many. */
int64_t why_slots(struct why *why);

/* The last lines that it logged. */
void why_log(struct why *why);

#endif
