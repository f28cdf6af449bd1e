/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.h - the process's engine: one store, one loop for timers and messages, one thread pool, and the flow runs that
 * are active. It starts with the first flow and ends with weir_main or the process.
 *
 *	weir_flow / weir_task ──callable──► weir_future (one run, all its attempts) ──► weir_run (one attempt)
 *
 * A run goes: future_new → (its upstream ends) → execute on a thread → the function returns → its children are joined →
 * retried or finished. Whatever it becomes is recorded through engine/record.h; flows ask the rules in the store, tasks
 * are orchestrated here and recorded (as the Prefect 3 SDK does).
 */
#ifndef WEIR_ENGINE_ENGINE_H
#define WEIR_ENGINE_ENGINE_H

#include "engine/limited_tags.h"
#include "engine/log_spool.h"
#include "engine/results.h"
#include "engine/slot_queue.h"
#include "loop/loop.h"
#include "loop/pool.h"
#include "store/store.h"
#include "weir/weir.h"

struct flow_context;

struct engine {
	struct store *store;
	struct loop *loop;
	struct pool *pool;
	struct log_spool logs;
	struct results results;
	struct limited_tags limited_tags;
	struct slot_queue slot_queue;
	struct loop *async_loop;  /* for coroutines whose parent is none; started on first use, under mutex */
	int64_t grace_us;         /* between a time limit and abandoning the attempt */
	unsigned abandoned_limit; /* attempts that may be abandoned at a time */
	bool check_values;        /* see value_check.h */
	int log_level;            /* below it log lines of runs are not kept */
	bool in_child;            /* of a task's own process: there is nothing but log_level then (process_child.h) */
	bool console;             /* log lines of runs also go to the program's log (weir_main) */
	char output_key[48];      /* member name of placeholders, made up anew by each process: no data looks like it */

	pthread_mutex_t mutex;       /* guards what follows */
	struct flow_context *active; /* flow runs that have begun and not ended */
	unsigned abandoned;          /* attempts whose function has not returned yet */
	unsigned lost_records;       /* states that could not be recorded */
	struct problem lost_problem; /* why, the last time */
};

/* The engine, started on first use. */
MUST_CHECK int engine_get(struct engine **out, struct problem *problem);

/* The engine if it has been started, else NULL. */
struct engine *engine_peek(void);

/* End it: records and logs are flushed, the store is closed. No flow may be running. */
void engine_close(void);

/* The runs' log lines go to the program's log as well. To be set before the first flow. */
void engine_use_console(void);

/* Cancel the active flow run of this id, if it is one of this program's. */
void engine_cancel_flow_run(struct engine *engine, struct uuid id);

/* Cancel every active top-level flow run; with a reason they end as Crashed rather than Cancelled. */
void engine_cancel_all(struct engine *engine, const char *crash_reason);

/* The loop for a new coroutine run of this parent (NULL: the program itself): the parent's own, that of the coroutine or of
   the thread that starts it, else the engine's. NULL when none could be started, with the problem. */
struct loop *engine_loop_for(struct engine *engine, const struct weir_run *parent, struct problem *problem);

/* A state could not be recorded: remember why, say so once. From any thread. */
void engine_lost_record(struct engine *engine, const struct problem *problem);

/*
 * This process is not to have an engine: engine_get fails with the reason (a static text), and what the engine would do at the
 * process's exit is not done.
 */
void engine_disown(const char *reason);

/* Copy a problem to a caller's weir_problem (NULL allowed), with its path; returns its code. */
int problem_export(weir_problem *out, const struct problem *problem);

#endif
