/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir.h - flows and tasks as C functions.
 *
 * A task is a function with a name and a policy; a flow is a function that calls tasks. Both are const structs: fill in
 * what you need, zero is the sensible default, nothing is registered. A running function gets one handle, its
 * weir_run, and returns a JSON value (jansson's json_t): that is success. It returns NULL after weir_fail, weir_skip or
 * the failure of a child: that is the outcome.
 *
 *	static json_t *greet(weir_run *run)
 *	{
 *		weir_info(run, "hello, %s", weir_string(run, "name"));
 *		return json_true();
 *	}
 *
 *	static const weir_flow greet_flow = {
 *		.name = "greet",
 *		.parameters = { { .name = "name", .type = WEIR_STRING, .required = true } },
 *		.run = greet,
 *	};
 *
 * Rules that hold everywhere:
 *
 *  - Results (weir_call, weir_result, ...) are new references: give them to a json_auto_t or json_decref them.
 *    Parameters (weir_string, weir_value, weir_params) are borrowed from the run and live until its function returns.
 *  - Arguments are written in jansson's format strings ("s" copies a string, "o" gives a reference away, "O" lends it)
 *    and bind like a call: "{s:s}" an object by parameter name, "[s,i]" an array by position, a scalar to the first
 *    parameter; NULL passes nothing. A value handed to Weir must not be changed afterwards.
 *  - Functions that take a weir_run are called from the function that was given it, or from threads that it has started
 *    and joins (a coroutine: by weir_blocking). Futures belong to the run that made them and live until it returns, or until weir_release.
 *  - Functions that work without a run return 0 or a negative weir_error_code and fill an optional weir_problem.
 *  - Seconds are doubles; 0 tries once, WEIR_FOREVER waits.
 *  - Task and flow structs must outlive their runs: make them static. Exceptions and longjmp must not cross Weir's frames.
 *
 * All runs are recorded in the embedded store, $WEIR_HOME/weir.db (WEIR_HOME defaults to ~/.weir).
 */
#ifndef WEIR_H
#define WEIR_H

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__has_include) && __has_include(<weir/errors.h>)
#include <weir/errors.h>
#else
#include "errors.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WEIR_API __attribute__((visibility("default")))
#define WEIR_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define WEIR_MUST_CHECK __attribute__((warn_unused_result))
#else
#define WEIR_API
#define WEIR_PRINTF(text, first)
#define WEIR_MUST_CHECK
#endif

/* The version of this header; weir_version() gives that of the library. Minor versions only add. */
#define WEIR_VERSION_MAJOR 0
#define WEIR_VERSION_MINOR 2
#define WEIR_VERSION_PATCH 0
#define WEIR_VERSION "0.2.0"

/* Wait without a time limit. */
#define WEIR_FOREVER HUGE_VAL

/* How many entries the arrays in weir_task and weir_flow hold. */
#define WEIR_MAX_PARAMETERS 32
#define WEIR_MAX_TAGS 16
#define WEIR_MAX_RETRY_DELAYS 16

/* One attempt of one run of a flow or a task: the only handle that a running function needs. */
typedef struct weir_run weir_run;

/* A child that was submitted, running or ended. */
typedef struct weir_future weir_future;

/* The children of one weir_map, in the order of its elements. */
typedef struct weir_futures weir_futures;

/* Why a function that works without a run failed. */
typedef struct weir_problem {
	int code;           /* a weir_error_code, 0 when nothing failed */
	char message[1012]; /* one sentence: what failed, where, and what to do */
} weir_problem;

/* "Not said", "yes" and "no", for options whose default is not plain zero. */
enum weir_toggle { WEIR_DEFAULT, WEIR_ON, WEIR_OFF };

/* The types that a parameter or a setting can be declared with. */
enum weir_type {
	WEIR_ANY_VALUE, /* whatever JSON value comes */
	WEIR_STRING,
	WEIR_INTEGER, /* an integer that fits in 64 bits */
	WEIR_NUMBER,  /* an integer or a real */
	WEIR_BOOLEAN,
	WEIR_ARRAY,
	WEIR_OBJECT,
};

/* A declared parameter. Missing ones take the fallback, or JSON null when there is none and it is not required. */
typedef struct weir_parameter {
	const char *name;        /* as weir_string and --param take it */
	enum weir_type type;     /* what other values are refused for */
	bool required;           /* a call without it fails before the function is entered */
	const char *fallback;    /* JSON text: "3", "\"text\"", "[1, 2]" */
	const char *description; /* for people; NULL: none */
	void *reserved[2];
} weir_parameter;

/*
 * How a function executes. The mode alone decides: the function is written the same way, and every call that waits
 * blocks a thread and suspends a coroutine.
 *
 *  WEIR_THREAD   on a thread. A time limit is noticed at the next call of Weir; an attempt that does not return within the
 *                grace time is abandoned (see weir_cancelled). A segfault ends the program; its runs become Crashed.
 *  WEIR_ASYNC    as a coroutine on an event loop, with a stack of 256 KiB: cheap enough for 100,000 that sleep. It shares
 *                the loop's thread and must not block it: use weir_sleep, weir_wait_fd, weir_process and weir_blocking, not
 *                sleep, read and the like. The children of a coroutine run on its loop.
 *  WEIR_PROCESS  in a process of its own, forked from one that holds no threads. Time limits are exact (SIGTERM, the grace
 *                time, SIGKILL for its process group); a segfault, an abort, an exit is that run's Crashed state alone, and
 *                is retried like a failure. Parameters and result cross as JSON. The task struct must be static and complete
 *                from the start, in the program or a library that is loaded before main. The process has what main had set
 *                up before weir_main; in a program that has threads before its first flow, only what constructors do. It can
 *                log, sleep and run programs, but start no other runs, nor use anything else that the store keeps.
 */
enum weir_mode { WEIR_THREAD, WEIR_ASYNC, WEIR_PROCESS };

/* What a run has come to (Prefect's state types). */
enum weir_state_type {
	WEIR_SCHEDULED = 1,
	WEIR_PENDING,
	WEIR_RUNNING,
	WEIR_COMPLETED,
	WEIR_FAILED,
	WEIR_CANCELLED,
	WEIR_CRASHED,
	WEIR_PAUSED,
	WEIR_CANCELLING,
};

/* A look at a state. It is owned by what it was asked of, and lives as long. */
typedef struct weir_state {
	enum weir_state_type type; /* one of the nine above */
	const char *name;          /* "Completed", "Skipped", "AwaitingRetry", "TimedOut", ... */
	const char *message;       /* NULL when there is none */
} weir_state;

/*
 * What is called when a run enters a state: with the attempt that entered it, where that one executed; of a task in mode
 * WEIR_PROCESS in the program, on the thread that waits for the process. A run that ends before its first attempt or
 * between two calls none. It may log, record artifacts and set variables, but start no children, and it can't change the
 * outcome: weir_fail and the like say nothing here.
 */
typedef void weir_hook(weir_run *run, const weir_state *state);

/* The hooks of a task or a flow; NULL: none. */
typedef struct weir_hooks {
	weir_hook *on_running;      /* before each attempt */
	weir_hook *on_completion;   /* Completed; a result from the cache and a skipped run count */
	weir_hook *on_failure;      /* Failed, for good: not before a retry */
	weir_hook *on_crashed;      /* the attempt's process died; not when this program itself dies */
	weir_hook *on_cancellation; /* Cancelled */
	void *reserved[4];
} weir_hooks;

/*
 * What a cache key is made of; add them up. A task run whose key was computed before, and has not expired, is not
 * executed: it is Completed under the name Cached, with the stored result. Of several runs with one key, in all programs
 * that share the result storage, one computes at a time and the others take its result.
 */
enum weir_cache_by {
	WEIR_CACHE_INPUTS = 1,          /* the parameters; the task's name always counts as well */
	WEIR_CACHE_SOURCE = 2,          /* the task's name and version; without a version, the build of its program */
	WEIR_CACHE_RUN = 4,             /* the flow run: its retries find what earlier attempts have done */
	WEIR_CACHE_FLOW_PARAMETERS = 8, /* the parameters of the flow run */
	WEIR_CACHE_DEFAULT = 7,         /* inputs, source and run, as Prefect's */
};

/*
 * A task: the smallest unit that is retried, timed and recorded.
 *
 * run_name may hold {parameter}, {task_name}, {flow_name}, {flow_run_name} and {count} (of this task's calls, from 0);
 * {{ and }} are braces. A value that is no text comes as JSON; long ones are cut, line breaks become blanks. A run whose name
 * holds the result of another one is named when it begins.
 */
typedef struct weir_task {
	const char *name;                /* shown everywhere; required, UTF-8 without / % & < > */
	const char *description;         /* for people; NULL: none */
	const char *version;             /* recorded with each run; NULL: none */
	const char *run_name;            /* a template, "check {source}"; NULL: the task's name and a number */
	const char *tags[WEIR_MAX_TAGS]; /* a limit on the tag (weir_concurrency: "tag:NAME") holds for its runs */
	weir_parameter parameters[WEIR_MAX_PARAMETERS];    /* in the order in which arrays bind */
	json_t *(*run)(weir_run *run);                     /* required */
	enum weir_mode mode;                               /* the default is WEIR_THREAD */
	int retries;                                       /* further attempts after a failure */
	double retry_delay_seconds[WEIR_MAX_RETRY_DELAYS]; /* before retry 1, 2, ...; the last one set repeats */
	double retry_jitter_factor; /* each delay is drawn around its value, up to (1 + this) times it; 0: exact */
	bool (*retry_condition)(weir_run *run,
	                        const weir_state *failed); /* NULL or true: retry. Called where hooks are */
	double timeout_seconds;      /* of each attempt; 0: none. Past it the attempt is TimedOut: see weir_cancelled */
	enum weir_toggle log_prints; /* printf becomes log lines; the default is that of the flow */
	enum weir_toggle retry_beside_abandoned; /* WEIR_ON: retry although a timed-out attempt has not returned yet */
	enum weir_toggle persist_result;         /* keep the result in the result storage; on when there is a cache key;
	                                            else the default is the setting results.persist */
	const char *result_key; /* a template like run_name: the file's name in the storage, slashes make folders; NULL:
	                           made up. With a cache key the name is its hash */
	unsigned cache_by;      /* enum weir_cache_by, added up; 0: no cache, unless cache_key is set */
	json_t *(*cache_key)(weir_run *run); /* a string: the whole key, shared with other tasks that give it; any other
	                                            value is hashed together with the task's name and cache_by; NULL or
	                                            json_null(): this run is not cached. A new reference */
	double cache_expiration_seconds;     /* 0: never */
	enum weir_toggle refresh_cache; /* WEIR_ON: compute, and write over what is stored; the default is the setting
	                                   results.refresh_cache */
	weir_hooks hooks;               /* called when a run enters a state */
	weir_hook *on_commit;           /* the transaction that the run was part of is committed; of a run that was part
	                                   of none: right after its completion */
	weir_hook *on_rollback; /* it is rolled back: undo what this completed run has done. state: the run's own */
	size_t memory_bytes;    /* WEIR_PROCESS: the limit of its address space; 0: none */
	void *reserved[8];
} weir_task;

/* A flow: what is deployed and started; it calls tasks and other flows. */
typedef struct weir_flow {
	const char *name;                /* required, UTF-8 without / % & < > */
	const char *description;         /* for people; NULL: none */
	const char *version;             /* recorded with each run; NULL: none */
	const char *run_name;            /* a template of {parameter}, {flow_name} and {count}; NULL: made up */
	const char *tags[WEIR_MAX_TAGS]; /* of its runs */
	weir_parameter parameters[WEIR_MAX_PARAMETERS]; /* in the order in which arrays bind */
	json_t *(*run)(weir_run *run);                  /* required */
	enum weir_mode mode;                            /* WEIR_THREAD or WEIR_ASYNC */
	int retries;                                    /* further attempts after a failure */
	double retry_delay_seconds;                     /* before each of them */
	double retry_jitter_factor;                     /* as a task's */
	double timeout_seconds;                         /* of each attempt; 0: none */
	enum weir_toggle log_prints;     /* printf becomes log lines; its tasks follow it. Off by default */
	enum weir_toggle persist_result; /* as a task's */
	const char *result_key;          /* as a task's */
	unsigned
	        max_parallel; /* how many of its submitted and mapped children run at once; 0: no limit but the threads' */
	weir_hooks hooks;     /* called when a run enters a state */
	void *reserved[8];
} weir_flow;

/* Retry delays that double: `.retry_delay_seconds = WEIR_EXPONENTIAL_BACKOFF(10)` waits 10, 20, 40, ... seconds. */
#define WEIR_EXPONENTIAL_BACKOFF(seconds)                                                                              \
	{                                                                                                              \
		(seconds) * 1.0, (seconds)*2.0, (seconds)*4.0, (seconds)*8.0, (seconds)*16.0, (seconds)*32.0,          \
		        (seconds)*64.0, (seconds)*128.0, (seconds)*256.0, (seconds)*512.0, (seconds)*1024.0,           \
		        (seconds)*2048.0, (seconds)*4096.0, (seconds)*8192.0, (seconds)*16384.0, (seconds)*32768.0     \
	}

/* --- Starting -------------------------------------------------------------------------------------------------- */

/*
 * The main function of a program of flows: `PROGRAM run FLOW [--param NAME=VALUE ...]`, `PROGRAM resume RUN` (go on with a
 * suspended run), `PROGRAM ls`, `PROGRAM schema FLOW`, `--help`. With one flow and no command it runs that flow. flows ends
 * with NULL. Returns the exit status: 0 when the flow completed or was suspended, 1 when it failed, 2 for wrong usage, 130
 * when it was cancelled. Call it first thing in main, before threads are started: it forks the process that process mode
 * and weir_process start their children from, and it handles SIGINT and SIGTERM.
 */
WEIR_API int weir_main(int argc, char **argv, const weir_flow *const *flows);

/*
 * Run a flow now, on this thread, and wait for it; one in mode WEIR_ASYNC gets an event loop on this thread, which closes
 * when the last run on it has ended (called within a coroutine, it runs on that one's loop). result, unless NULL, gets a
 * new reference (NULL when the flow did not complete). Returns 0, WEIR_EAGAIN when it was suspended, WEIR_EFAILED when it
 * failed, WEIR_ECANCELED when it was cancelled, or the reason why it could not be run or recorded.
 */
WEIR_API WEIR_MUST_CHECK int weir_run_flow(const weir_flow *flow, json_t **result, weir_problem *problem,
                                           const char *format, ...);

/* The same with a built value as arguments, which it takes over; NULL passes nothing. */
WEIR_API WEIR_MUST_CHECK int weir_run_flow_json(const weir_flow *flow, json_t **result, weir_problem *problem,
                                                json_t *arguments);

/* The parameters of a flow as JSON schema, in the form that Prefect calls parameter_openapi_schema. A new reference. */
WEIR_API json_t *weir_parameter_schema(const weir_flow *flow);

/* The library's version, "0.2.0". */
WEIR_API const char *weir_version(void);

/* The text of a weir_error_code. */
WEIR_API const char *weir_strerror(int code);

/* Print "PROGRAM: message" to stderr; returns the exit status that fits, for `return weir_complain(&problem);` in main. */
WEIR_API int weir_complain(const weir_problem *problem);

/* --- Parameters ------------------------------------------------------------------------------------------------ */

/*
 * A parameter by name, already checked against its declaration, so these cannot fail: asking for a name that was not
 * declared, or as another type, is a programmer's error and aborts with the name. Borrowed from the run. A parameter
 * that is neither required nor has a fallback may be null: weir_string gives NULL then, the others 0 or false.
 */
WEIR_API const char *weir_string(const weir_run *run, const char *name);
WEIR_API int64_t weir_integer(const weir_run *run, const char *name);
WEIR_API double weir_number(const weir_run *run, const char *name);
WEIR_API bool weir_boolean(const weir_run *run, const char *name);
WEIR_API json_t *weir_value(const weir_run *run, const char *name);

/* All parameters as one object. Borrowed. */
WEIR_API json_t *weir_params(const weir_run *run);

/* --- Calling tasks --------------------------------------------------------------------------------------------- */

/*
 * Run a task now and wait. Returns its result, or NULL when it did not complete: then that is this run's outcome too
 * if the function returns NULL. A task that skipped itself gives JSON null.
 */
WEIR_API json_t *weir_call(weir_run *run, const weir_task *task, const char *format, ...);

/* The same with a built value as arguments, which it takes over. */
WEIR_API json_t *weir_call_json(weir_run *run, const weir_task *task, json_t *arguments);

/* How a child is started otherwise than by default. */
typedef struct weir_submit_options {
	const char *name;                /* of this run; NULL: the task's name and a number */
	const char *tags[WEIR_MAX_TAGS]; /* of this run, besides the task's */
	weir_future *const *wait_for; /* ends with NULL; the child starts after these, and is NotReady when one fails */
	bool allow_failure;           /* start it after wait_for whatever they came to */
	void *reserved[8];
} weir_submit_options;

/* Start a task, go on. Never NULL: an error in the call becomes a failed future. */
WEIR_API weir_future *weir_submit(weir_run *run, const weir_task *task, const char *format, ...);
WEIR_API weir_future *weir_submit_with(weir_run *run, const weir_task *task, const weir_submit_options *options,
                                       const char *format, ...);
WEIR_API weir_future *weir_submit_json(weir_run *run, const weir_task *task, const weir_submit_options *options,
                                       json_t *arguments);

/* How the children of a map are started. */
typedef struct weir_map_options {
	json_t *constant;           /* object: further arguments, the same for all; lent for the call */
	weir_submit_options submit; /* of each child */
	void *reserved[8];
} weir_map_options;

/*
 * One child for each element. The format builds an array: one argument set for each child, bound like a call's.
 * An element that is weir_output_of or weir_outputs_of is filled when it is there.
 */
WEIR_API weir_futures *weir_map(weir_run *run, const weir_task *task, const char *format, ...);
WEIR_API weir_futures *weir_map_json(weir_run *run, const weir_task *task, const weir_map_options *options,
                                     json_t *elements);

/*
 * Run a task at most once under this key in the whole flow run: when an earlier attempt of it, or the run before it was
 * suspended or its program died, has completed the call, its result is returned and nothing is executed. Else as weir_call,
 * and the result is kept as the flow run's checkpoint of that key. Calls with one key at once wait for each other.
 */
WEIR_API json_t *weir_call_once(weir_run *run, const char *key, const weir_task *task, const char *format, ...);

/*
 * A placeholder for the result of a child: usable anywhere inside the arguments of another one, which starts when the
 * result is there. It is recorded as that run's input; if the child does not complete, the other one is NotReady.
 * A new reference, as json_pack's "o" takes it.
 */
WEIR_API json_t *weir_output_of(weir_future *future);
WEIR_API json_t *weir_outputs_of(weir_futures *futures);

/*
 * The same placeholder, taken over, but a failure lets it pass: the other child starts all the same, and finds an object
 * {"state": {"type": "FAILED", "name": "Failed", "message": "..."}} in place of each result that is not there: such a
 * parameter is best a WEIR_ANY_VALUE. Another value than a placeholder is given back as it is.
 */
WEIR_API json_t *weir_allow_failure(json_t *output);

/* --- Waiting --------------------------------------------------------------------------------------------------- */

/* What weir_wait waits for: the end of all children, or of one. */
enum weir_wait_mode { WEIR_ALL, WEIR_ANY };

/* Wait for a child; its result, or NULL when it did not complete (which then is this run's outcome, as in weir_call). */
WEIR_API json_t *weir_result(weir_future *future);

/* Wait for all; an array of their results in order, or NULL as soon as all have ended and one did not complete. */
WEIR_API json_t *weir_results(weir_futures *futures);

/* Wait at most so many seconds for one or all to end. Returns 0, WEIR_ETIMEDOUT, or WEIR_ECANCELED. */
WEIR_API WEIR_MUST_CHECK int weir_wait(weir_futures *futures, enum weir_wait_mode mode, double seconds);

/* Wait for the next child to end that weir_next has not given yet; NULL after the last, or when the run is cancelled. */
WEIR_API weir_future *weir_next(weir_futures *futures);

/* Look at a child's state, now, without waiting and without failing on it. */
WEIR_API const weir_state *weir_state_of(weir_future *future);

/* How many children a map has, and one of them. */
WEIR_API size_t weir_count(const weir_futures *futures);
WEIR_API weir_future *weir_at(const weir_futures *futures, size_t index);

/* Give a future back before its run ends; the child goes on. For runs with a great many children. NULL is allowed. */
WEIR_API void weir_release(weir_future *future);

/* --- Flows in flows -------------------------------------------------------------------------------------------- */

/* Run another flow now, recorded as a child of this run, and wait. As weir_call. */
WEIR_API json_t *weir_subflow(weir_run *run, const weir_flow *flow, const char *format, ...);
WEIR_API json_t *weir_subflow_json(weir_run *run, const weir_flow *flow, json_t *arguments);

/* Start another flow, go on. As weir_submit. */
WEIR_API weir_future *weir_submit_flow(weir_run *run, const weir_flow *flow, const char *format, ...);
WEIR_API weir_future *weir_submit_flow_json(weir_run *run, const weir_flow *flow, json_t *arguments);

/* --- Outcomes -------------------------------------------------------------------------------------------------- */

/* Fail this attempt; it is retried while retries remain. Returns NULL, for `return weir_fail(run, ...)`. */
WEIR_API json_t *weir_fail(weir_run *run, const char *format, ...) WEIR_PRINTF(2, 3);

/* Fail the run for good: never retried. */
WEIR_API json_t *weir_fail_final(weir_run *run, const char *format, ...) WEIR_PRINTF(2, 3);

/* End the run as Completed under the name Skipped; its result is JSON null. */
WEIR_API json_t *weir_skip(weir_run *run, const char *format, ...) WEIR_PRINTF(2, 3);

/*
 * Take the outcome (a child's failure, or weir_fail's) out of this run, to go on in spite of it. Returns true when
 * there was one; state, unless NULL, then points to it, until the run ends.
 */
WEIR_API bool weir_recover(weir_run *run, const weir_state **state);

/*
 * Keep a value of this flow run under a key, and get it back: in a later attempt of the run too, after it was suspended,
 * and after its program died. One value for each key; setting it again replaces it. weir_checkpoint gives a new reference,
 * or NULL when there is none, or when it can't be read: that is the run's outcome then. weir_checkpoint_set takes the value
 * over and returns 0 when it is durable, or an error code. Keys have 1 to 1,000 bytes.
 */
WEIR_API json_t *weir_checkpoint(weir_run *run, const char *key);
WEIR_API WEIR_MUST_CHECK int weir_checkpoint_set(weir_run *run, const char *key, json_t *value);

/* Sleep; wakes early and returns WEIR_ECANCELED or WEIR_ETIMEDOUT when the run is cancelled or over its time limit. */
WEIR_API int weir_sleep(weir_run *run, double seconds);

/*
 * Wait until a descriptor can be read or written (events: POLLIN, POLLOUT of poll.h; 0 waits for errors only). Returns what
 * has come (as revents), or WEIR_ETIMEDOUT, WEIR_ECANCELED. The descriptor should be non-blocking.
 */
WEIR_API int weir_wait_fd(weir_run *run, int fd, short events, double seconds);

/*
 * Call a function that blocks, and wait for what it returns: on a thread of the pool when a coroutine calls, else here. It
 * is waited for even when the run is cancelled. NULL also when no thread could be started: that is the run's outcome then.
 */
WEIR_API void *weir_blocking(weir_run *run, void *(*function)(void *argument), void *argument);

/*
 * Must this function end? True once its run is cancelled, over its time limit or abandoned. Long computations ask now
 * and then, and return NULL. A timed-out attempt that does not return within the grace time is abandoned: its further
 * weir calls fail with WEIR_EABANDONED, and its memory lives until it returns.
 */
WEIR_API bool weir_cancelled(const weir_run *run);

/* This run's id (36 characters), its name, and which attempt this is (1, 2, ...). Borrowed from the run. */
WEIR_API const char *weir_run_id(const weir_run *run);
WEIR_API const char *weir_run_name(const weir_run *run);
WEIR_API int weir_attempt(const weir_run *run);

/* --- Logs ------------------------------------------------------------------------------------------------------ */

/* Log lines that carry the run's id: `weir flow-run logs` shows them. They never block the run. */
WEIR_API void weir_debug(weir_run *run, const char *format, ...) WEIR_PRINTF(2, 3);
WEIR_API void weir_info(weir_run *run, const char *format, ...) WEIR_PRINTF(2, 3);
WEIR_API void weir_warning(weir_run *run, const char *format, ...) WEIR_PRINTF(2, 3);
WEIR_API void weir_error(weir_run *run, const char *format, ...) WEIR_PRINTF(2, 3);

/* printf, and a log line of the run when its log_prints is on. */
WEIR_API void weir_print(weir_run *run, const char *format, ...) WEIR_PRINTF(2, 3);

/* --- Programs -------------------------------------------------------------------------------------------------- */

/* How weir_process starts a program. */
typedef struct weir_process_options {
	const char *cwd;        /* NULL: this program's */
	const char *const *env; /* "NAME=value" added to the environment; ends with NULL */
	const char *stdin_text; /* NULL: /dev/null */
	enum weir_toggle
	        log_output;     /* its lines become log lines as they come (stdout INFO, stderr ERROR); default on */
	size_t max_bytes;       /* of stdout and of stderr kept in the result; the rest is cut; 0: 1 MiB */
	double timeout_seconds; /* 0: none; past it the program is killed and the call fails as TimedOut */
	double grace_seconds;   /* between SIGTERM and SIGKILL; 0: 5 */
	void *reserved[8];
} weir_process_options;

/*
 * Run a program and wait for it: {"returncode": 0, "stdout": "...", "stderr": "...", "truncated": false}; minus the
 * signal's number when a signal ended it. Whatever its code, that is a result. NULL when it could not be started, ran
 * over its time limit, or the run was cancelled: its whole process group is ended then. Bytes that are not UTF-8 come
 * as U+FFFD. argv ends with NULL; argv[0] is looked up in PATH.
 */
WEIR_API json_t *weir_process(weir_run *run, const char *const *argv, const weir_process_options *options);

/* --- Pausing: wait for a person --------------------------------------------------------------------------------- */

/* What weir_pause and weir_suspend wait for. */
typedef struct weir_pause_options {
	double timeout_seconds; /* 0: 3600. Past it the run fails: "was not resumed in time" */
	const char
	        *key; /* once for each key, whatever the attempt: a pause that was resumed is not repeated. NULL: "1",
	                    "2", ... in the order of the attempt's pauses */
	const weir_parameter *input; /* what is asked for; ends with an entry without name; NULL: nothing */
	const char *description;     /* shown to who resumes it */
	void *reserved[8];
} weir_pause_options;

/*
 * Of a flow's function: be Paused until somebody resumes the run (`weir flow-run resume RUN --input NAME=VALUE`); the
 * function waits here, and keeps its place in memory. Returns the input, checked against its declaration, as an object (a
 * new reference; empty when none is asked for), or NULL when the time is up or the run is cancelled: that is its outcome.
 */
WEIR_API json_t *weir_pause(weir_run *run, const weir_pause_options *options);

/*
 * The same, but the run leaves the program: when nobody has resumed it yet this returns NULL, and the function must return
 * NULL. The run is Suspended then. `PROGRAM resume RUN` begins it anew, under its id, and this call returns the input. What
 * was done before is repeated unless it is kept: weir_call_once, weir_checkpoint, caching by WEIR_CACHE_RUN.
 */
WEIR_API json_t *weir_suspend(weir_run *run, const weir_pause_options *options);

/* --- Transactions ------------------------------------------------------------------------------------------------ */

/* Runs that take effect together or not at all. Belongs to the run that began it. */
typedef struct weir_transaction weir_transaction;

/*
 * Begin a transaction in this run. Runs that this run starts from now on are part of it, and so are those that they start.
 * When one of them fails for good, or this run does, or weir_transaction_rollback is called, the on_rollback hooks of the task
 * runs that have completed are called, newest first, and these runs become Completed under the name RolledBack; on commit,
 * the on_commit hooks in order. Runs that were skipped, or took their result from the cache, have no part in that. A result
 * with a cache key becomes visible to others on commit. The end of a transaction waits for its runs; hooks are called where it
 * was begun.
 * A transaction within another is committed with the outer one; rolled back by itself, it leaves the outer one as it is. With
 * a key (NULL: none) only one transaction of that key is open at a time, in all programs that share the result storage; the
 * others wait here. A run that ends commits what is open when it completes, and rolls it back otherwise. NULL when the run is
 * cancelled, or the storage can't be used: that is its outcome then. When the program dies, nothing is called.
 */
WEIR_API weir_transaction *weir_transaction_begin(weir_run *run, const char *key);

/* End it; it is gone afterwards. Commit returns 0, or WEIR_EFAILED when it had to be rolled back, since a part failed. */
WEIR_API WEIR_MUST_CHECK int weir_transaction_commit(weir_transaction *transaction);
WEIR_API void weir_transaction_rollback(weir_transaction *transaction);

/*
 * Values for the hooks: what a task run sets is found by its own hooks and by runs of the same transaction. set takes the
 * value over; get gives a new reference, or NULL. Without a transaction the run's own hooks find it still.
 */
WEIR_API void weir_transaction_set(weir_run *run, const char *name, json_t *value);
WEIR_API json_t *weir_transaction_get(weir_run *run, const char *name);

/* --- Artifacts, variables, secrets ---------------------------------------------------------------------------------- */

/*
 * Record something for people to look at, with this run: `weir artifact inspect KEY` shows the newest of a key. key: lower
 * case letters, digits and dashes, or NULL. description: Markdown, or NULL. Returns 0 when it is durable, or an error code.
 */
WEIR_API int weir_artifact_table(weir_run *run, const char *key, json_t *rows,
                                 const char *description); /* takes rows */
WEIR_API int weir_artifact_markdown(weir_run *run, const char *key, const char *markdown, const char *description);
WEIR_API int weir_artifact_link(weir_run *run, const char *key, const char *url, const char *text,
                                const char *description);

/* A bar, 0 to 100 per cent; made by the first call of this run with this key, updated by the next ones. */
WEIR_API int weir_artifact_progress(weir_run *run, const char *key, double percent, const char *description);

/*
 * Variables: named values of all flows. Names: lower case letters, digits, dashes and underscores. weir_variable_get gives a
 * new reference, NULL when there is none. weir_variable_set takes the value over (at most 5,000 characters of JSON), makes or
 * replaces it, and returns 0 when that is durable, or an error code.
 */
WEIR_API json_t *weir_variable_get(weir_run *run, const char *name);
WEIR_API int weir_variable_set(weir_run *run, const char *name, json_t *value);

/*
 * A secret by name (`weir secret set NAME`): stored encrypted (AES-256-GCM, key in $WEIR_HOME/secret.key). The text is
 * borrowed and wiped when the run's function has returned. NULL when there is none or it can't be read: that is the run's
 * outcome then. Never written to logs or results by Weir.
 */
WEIR_API const char *weir_secret(weir_run *run, const char *name);

/* --- Limits kept by the store --------------------------------------------------------------------------------------- */

/*
 * Take so many slots of the limit of this name (`weir gcl create NAME --limit N`), waiting up to
 * WEIR_FOREVER until they are free; who waited longest comes first. A slot is held until weir_concurrency_release, at the
 * latest until this run's function returns or its program dies. A name without a limit is not limited. Returns 0,
 * WEIR_ETIMEDOUT, WEIR_ECANCELED, WEIR_ELIMIT when more is asked for than the limit has, or an error of the store.
 */
WEIR_API WEIR_MUST_CHECK int weir_concurrency(weir_run *run, const char *name, int slots);
WEIR_API WEIR_MUST_CHECK int weir_concurrency_within(weir_run *run, const char *name, int slots, double seconds);
WEIR_API void weir_concurrency_release(weir_run *run, const char *name, int slots);

/*
 * Wait until the limit, which must have a decay (slots freed a second), has room for so many, and use them: nothing to give
 * back. Otherwise as weir_concurrency.
 */
WEIR_API WEIR_MUST_CHECK int weir_server_rate_limit(weir_run *run, const char *name, int slots);

/* --- Values of libraries -------------------------------------------------------------------------------------------- */

/* A kind of value that a library binds to runs or loops: the address is the key. Make it static. */
typedef struct weir_local_key {
	const char *name;             /* for messages */
	void *(*make)(void);          /* on first use; may return NULL, which is not kept */
	void (*destroy)(void *value); /* NULL: nothing to do */
} weir_local_key;

/* This attempt's value, made on first use; destroyed when its function has returned, in reverse order of making. */
WEIR_API void *weir_run_local(weir_run *run, const weir_local_key *key);

/* The value of the event loop that this coroutine runs on, found without a lock; destroyed when the loop closes, after the
   last run on it, in reverse order of making. NULL outside of a coroutine. */
WEIR_API void *weir_loop_local(const weir_local_key *key);

/* --- Settings -------------------------------------------------------------------------------------------------- */

/*
 * Read declared settings: for each one the environment variable of its name in upper case, else the line NAME=value of
 * env_file (NULL: none; a file that does not exist is empty), else its fallback. Text becomes the declared type.
 * declared ends with an entry without name. values gets a new object by declared name. Returns 0, or WEIR_EINVAL with
 * every setting that is missing or wrong named in the problem, with the file and the line.
 */
WEIR_API WEIR_MUST_CHECK int weir_settings_read(json_t **values, const weir_parameter *declared, const char *env_file,
                                                weir_problem *problem);

#ifdef __cplusplus
}
#endif

#endif
