/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - runs and their attempts: the engine's two central structs.
 *
 * A weir_future is one run, from its making to its final state. It is counted: its parent's scope holds it until it has
 * ended, the parent's attempt until the attempt ends or weir_release, an attempt of its own as long as its function runs,
 * and each record that is on its way to the store.
 *
 * A weir_run is one attempt. It is counted as well: whoever executes it, and each of its children that has not ended.
 *
 * Locks: parent's scope.mutex before a child's; never a scope's mutex while holding weir_future.mutex.
 */
#ifndef WEIR_ENGINE_RUN_H
#define WEIR_ENGINE_RUN_H

#include "base/vec.h"
#include "engine/callable.h"
#include "engine/engine.h"
#include "engine/gate.h"
#include "loop/scope.h"
#include "model/run.h"

struct pause;      /* core/pause.h */
struct pause_wait; /* engine/pause.h */

/* What all runs under one flow run share. Counted; lives as long as any of them. */
struct flow_context {
	unsigned references;
	struct uuid flow_run_id;
	struct uuid parent_task_run_id; /* of a subflow: the task run that stands for it */
	const weir_flow *definition;
	char *name; /* of the flow run */
	enum weir_toggle log_prints;
	struct pause_wait *pause;             /* the function waits to be resumed (under engine->mutex) */
	weir_future *run;                     /* not counted; NULL once the flow run has ended (under engine->mutex) */
	struct flow_context *next, *previous; /* engine->active */

	pthread_mutex_t mutex; /* guards what follows */
	struct VEC(struct call_counter {
		const void *definition;
		unsigned calls;
	}) counters; /* for names and dynamic keys */
	struct VEC(struct earlier_calls {
		char *task_key;
		unsigned calls;
	}) earlier;         /* of a resumed run, before it was suspended */
	int64_t run_count;  /* attempts of the flow run */
	bool unrecorded;    /* its beginning could not be recorded: atomic */
	char *crash_reason; /* the program is being ended: the run is to end as Crashed */
};

/* Where a run is in its life; guarded by its mutex. */
enum run_phase {
	PHASE_BLOCKED, /* waits for its upstream */
	PHASE_QUEUED,  /* in the pool's queue, in line for it (engine/gate.h), or about to be executed by who made it */
	PHASE_RUNNING, /* an attempt is there */
	PHASE_DELAYED, /* waits for its next attempt: the retry timer runs */
	PHASE_HOOKS,   /* has ended, and its hook is called or about to be */
	PHASE_ENDING,  /* its final state is on its way to the store */
	PHASE_DONE,
};

/* What is recorded of a run. Counted: by the run until it has ended, and by each record on its way to the store. */
struct run_card {
	unsigned references;
	struct arena arena;      /* texts of all below; written by one thread at a time */
	struct task_run row;     /* as last recorded; of a subflow: the task run that stands for it */
	struct state last_state; /* as last recorded */
	struct record *open;     /* the newest record, while it may still take states (record_task.c) */
};

struct run_card *run_card_ref(struct run_card *card);
void run_card_unref(struct run_card *card);

/* A run that another one waits for. */
struct upstream {
	weir_future *run; /* counted */
	bool may_fail;    /* its failure lets the other one start all the same */
};

struct weir_future {
	unsigned references;
	struct engine *engine;
	struct callable what;
	weir_run *parent;    /* counted until this run has ended; NULL: started by the program itself */
	struct scope *scope; /* of the parent, or of who waits for a run without one */
	struct scope_child child;
	struct gate_place place;     /* under the parent's .max_parallel */
	struct work work;            /* in the pool's queue */
	struct loop *loop;           /* WEIR_ASYNC: runs here */
	struct loop_call start_call; /* on its way to the loop */
	struct flow_context *flow;   /* counted: the flow run it belongs to, or, of a flow, its own */
	weir_run *owner;             /* the parent again, not counted: for calls of its function, which outlives them */
	struct run_card *card;       /* counted; NULL once the run has ended */
	struct uuid id;              /* of the flow run or task run */
	char *name;                  /* of the run */
	unsigned call_number;        /* of its definition in the flow run, from 0 */
	bool named_late;             /* its name is made when its arguments are known */
	bool has_outputs;            /* there are placeholders in its arguments that are still to be filled */
	json_t *arguments;           /* bound; with placeholders until the first attempt */
	uint64_t fingerprint;        /* of the arguments (value_check.h) */

	pthread_mutex_t mutex; /* guards what follows */
	enum run_phase phase;
	weir_run *attempt; /* the present one; not counted; under scope->mutex as well */
	int attempts;      /* begun so far */
	int cancelled;     /* 0, or the error: no attempt is to begin any more */
	struct loop_timer retry_timer;
	size_t blockers; /* upstream runs that have not ended */
	struct VEC(struct upstream) upstream;
	struct VEC(weir_future *) dependents; /* counted: told when this one ends */

	bool ended_in_store; /* its final state is recorded already: a pause that nobody ended in time */
	bool resumed;        /* its first attempt here goes on with one that was suspended */

	weir_run *hook_attempt; /* counted: whose hook is called when the store has confirmed the end; NULL: nobody's */

	/* set before PHASE_DONE, constant afterwards */
	json_t *result; /* NULL unless it completed */
	uint64_t result_fingerprint;
	weir_state view;
	char *view_texts;              /* what view's texts point to */
	size_t handle;                 /* place in the owner's handles, from 1; 0: none; guarded by the owner's mutex */
	struct run_cache *cache;       /* engine/cache.h; NULL: it is not cached, or no attempt has begun */
	weir_transaction *transaction; /* counted: what it is part of; NULL: nothing. Constant */
	bool looked_at;                /* atomic: somebody has seen the failure */
};

struct weir_futures {
	weir_run *owner;
	struct scope_group group;
	struct VEC(weir_future *) runs; /* counted */
	struct weir_futures *next;      /* of the owner's */
};

/* How a function said it ends, when it does not return a value. */
enum outcome_kind {
	OUTCOME_NONE,
	OUTCOME_FAILED,
	OUTCOME_FAILED_FINAL,
	OUTCOME_CRASHED, /* its process died */
	OUTCOME_SKIPPED,
	OUTCOME_SUSPENDED, /* the run leaves its program */
	OUTCOME_CHILD,
};

struct outcome {
	enum outcome_kind kind;
	weir_state state;    /* the child's, or what the function said; texts in the attempt's arena */
	const char *message; /* why this run does not complete: names the child as well */
};

enum attempt_phase { ATTEMPT_STARTING, ATTEMPT_RUNNING, ATTEMPT_RETURNED, ATTEMPT_ABANDONED };

/* A state that a run is to enter. Texts are copied when it is recorded. */
struct new_state {
	enum state_type type;
	const char *name;     /* NULL: the type's */
	const char *message;  /* NULL: none */
	int64_t scheduled_us; /* wall clock: when the next attempt is due; 0: not scheduled */
	struct str data;      /* JSON: the reference to its result */
};

struct weir_run {
	unsigned references;
	weir_future *run;   /* counted */
	json_t *arguments;  /* counted: the run lets go of its own when it ends */
	struct scope scope; /* of its children */
	struct gate *gate;  /* of a flow: .max_parallel; NULL: no limit */
	int number;         /* 1, 2, … */
	int phase;          /* enum attempt_phase, atomic: who changes it from RUNNING decides */
	bool owns_thread;   /* executes as the pool's work, not within another attempt */
	struct pool_thread *thread;
	weir_run *outer;            /* the attempt that this thread or coroutine was in before */
	struct loop_timer deadline; /* time limit, then the end of the grace time */
	bool timed_out;             /* atomic: over its time limit */
	bool in_grace;              /* loop's thread only */
	bool cached;                /* its value came from the cache */
	bool in_hook;               /* a hook runs: no children are started */
	unsigned pauses;            /* that it has asked for: the keys of those that have none */
	struct pause *suspension;   /* OUTCOME_SUSPENDED: what it waits for, in the arena */
	struct local *locals;       /* engine/local.h, newest first */
	char id_text[UUID_TEXT_LENGTH + 1];

	pthread_mutex_t mutex; /* guards what follows */
	bool holds_slots;      /* of limits */
	bool slots_closed;     /* it may take no more: what it held was given back */
	struct arena arena;    /* texts of outcomes */
	struct outcome outcome;
	weir_transaction *transactions;    /* that it has open, innermost first */
	json_t *values;                    /* of weir_transaction_set */
	struct strbuf print_line;          /* what was printed since the last line break */
	struct VEC(weir_future *) handles; /* counted: futures given to the user */
	struct weir_futures *maps;
	struct VEC(weir_future *) outputs; /* counted: named by placeholders */
	struct VEC(weir_futures *) output_maps;
};

/* --- run.c: making and ending --- */

weir_future *future_new(struct engine *engine, struct callable what, weir_run *parent, struct scope *scope,
                        struct scope_group *group);
weir_future *future_ref(weir_future *run);
void future_unref(weir_future *run); /* NULL is allowed */

struct flow_context *flow_context_new(struct engine *engine, weir_future *run);
struct flow_context *flow_context_ref(struct flow_context *flow);
void flow_context_unref(struct flow_context *flow);

/* The flow run's name; before it has children. */
void flow_context_set_name(struct flow_context *flow, const char *name);

/* Calls of a task before the flow run was suspended: its next one is counted on from there. Before it has children. */
void flow_context_add_earlier(struct flow_context *flow, struct str task_key, unsigned calls);

/* How often this definition, of this name, has been called in the flow run, counting from 0. */
unsigned flow_context_count_call(struct flow_context *flow, const void *definition, const char *name);

/* The run has come to its end, and its record is made or on its way: keep what it came to (result is taken over), and tell
   dependents and the parent. The run may be gone afterwards. */
void future_keep(weir_future *run, weir_state view, json_t *result);
void future_tell(weir_future *run);
void future_complete(weir_future *run, weir_state view, json_t *result);

/* Is it Completed (a skipped one is)? Only after its end. */
bool future_succeeded(const weir_future *run);

/* --- execute.c: executing --- */

/* A call that runs in its caller's coroutine wants so much of the stack to be left; others get one of their own. */
enum { STACK_FOR_CALL = 96 * 1024 };

/* Queue the run in the pool or on its loop; when that fails the run fails. */
void run_enqueue(weir_future *run);

/* Execute the next attempt on this thread or coroutine, and see to what follows. The caller has the right to: it took the
   run out of the pool's queue or has just made it. */
void run_execute(weir_future *run);

/* The same where this thread or coroutine can run it itself, else queue it: for who waits for it anyway. */
void run_execute_or_enqueue(weir_future *run);

/* Take the run out of the pool's queue, if this thread can execute it. */
bool run_take(weir_future *run);

/* On the loop's own stack: begin the next attempt in a coroutine. */
void run_start_on_loop(weir_future *run);

/* Give back what the attempt holds for itself: slots of limits. From any thread, more than once. */
void attempt_let_go(weir_run *attempt);

/* --- finish.c: ending --- */

/* Start the next attempt after a delay; at once when there is none or the run is to be cancelled. */
void run_start_later(weir_future *run, int64_t delay_us);

/* The run ends without (another) attempt: record the state and complete it. Takes result over. From any thread; does not
   block. */
void run_end(weir_future *run, const struct new_state *state, json_t *result);

/* --- attempt.c --- */

weir_run *attempt_new(weir_future *run, int number);

/* The run's present attempt, NULL when it has returned. When the run is cancelled, so is the attempt. */
void run_set_attempt(weir_future *run, weir_run *attempt);

/* Is the run to begin nothing any more? 0, or the error that cancelled it. */
int run_cancelled(weir_future *run);

/* Cancel an attempt and, down the tree, its children. From any thread. */
void attempt_cancel(weir_run *attempt, int error);
void run_cancel(weir_future *run, int error);

weir_run *attempt_ref(weir_run *attempt);
void attempt_unref(weir_run *attempt);

/* The attempt whose function runs on this thread or coroutine, or NULL. */
weir_run *attempt_current(void);

/* Was it given up? What it still wants to record is nobody's. */
bool attempt_is_abandoned(const weir_run *attempt);

/* scope_poll in the attempt's scope, wherever that executes (blocking.c). */
struct pollfd;
int attempt_poll(weir_run *attempt, struct pollfd *fds, size_t count, int64_t due_us);

/* Why a call on this attempt can't be served: 0, or the error that cancelled or abandoned it. */
int attempt_refusal(const weir_run *attempt);

/* --- outcome.c --- */

/* Keep a child's failure as this attempt's outcome, unless there is one. */
void outcome_of_child(weir_run *attempt, weir_future *child);

/* The process of the attempt has died. */
json_t *outcome_crashed(weir_run *attempt, const char *format, ...) PRINTF_LIKE(2, 3);

/* The attempt fails because something in it ran over its time limit. */
json_t *outcome_timed_out(weir_run *attempt, const char *format, ...) PRINTF_LIKE(2, 3);

/* The run is to be suspended: what it waits for lies in the attempt's arena. */
json_t *outcome_suspended(weir_run *attempt, struct pause *suspension);

/* Nothing has been said. */
void outcome_forget(weir_run *attempt);

/* The message of the attempt's outcome, or NULL; lives as long as the attempt. */
const char *outcome_message(weir_run *attempt);

/* --- logs --- */

/* A log line of the run, at a level of weir's (10 … 50). */
void run_log(weir_future *run, int level, const char *format, ...) PRINTF_LIKE(3, 4);
void run_log_str(weir_future *run, int level, struct str message);

/* Does this run turn printed lines into log lines? */
bool run_logs_prints(const weir_future *run);

/* Log what an attempt printed after its last line break. */
void prints_flush(weir_run *attempt);

/* Add printed text to the attempt's line; whole lines are logged. */
void prints_add(weir_run *attempt, struct str text);

/* Replace stdout by a stream that belongs to the attempt that prints. */
MUST_CHECK int prints_install(struct problem *problem);

#endif
