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
 *    and joins. Futures belong to the run that made them and live until it returns, or until weir_release.
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
#define WEIR_VERSION_MINOR 1
#define WEIR_VERSION_PATCH 0
#define WEIR_VERSION "0.1.0"

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
	const char *name;
	enum weir_type type;
	bool required;        /* a call without it fails before the function is entered */
	const char *fallback; /* JSON text: "3", "\"text\"", "[1, 2]" */
	const char *description;
	void *reserved[2];
} weir_parameter;

/* A task: the smallest unit that is retried, timed and recorded. */
typedef struct weir_task {
	const char *name; /* shown everywhere; required, UTF-8 without / % & < > */
	const char *description;
	const char *version; /* recorded with each run; NULL: none */
	const char *tags[WEIR_MAX_TAGS];
	weir_parameter parameters[WEIR_MAX_PARAMETERS];
	json_t *(*run)(weir_run *run);                     /* required */
	int retries;                                       /* further attempts after a failure */
	double retry_delay_seconds[WEIR_MAX_RETRY_DELAYS]; /* before retry 1, 2, ...; the last one set repeats */
	double timeout_seconds;      /* of each attempt; 0: none. Past it the attempt is TimedOut: see weir_cancelled */
	enum weir_toggle log_prints; /* printf becomes log lines; the default is that of the flow */
	enum weir_toggle retry_beside_abandoned; /* WEIR_ON: retry although a timed-out attempt has not returned yet */
	void *reserved[8];
} weir_task;

/* A flow: what is deployed and started; it calls tasks and other flows. */
typedef struct weir_flow {
	const char *name; /* required, UTF-8 without / % & < > */
	const char *description;
	const char *version;
	const char *tags[WEIR_MAX_TAGS];
	weir_parameter parameters[WEIR_MAX_PARAMETERS];
	json_t *(*run)(weir_run *run); /* required */
	int retries;
	double retry_delay_seconds;
	double timeout_seconds; /* of each attempt; 0: none */
	enum weir_toggle log_prints;
	void *reserved[8];
} weir_flow;

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
	enum weir_state_type type;
	const char *name;    /* "Completed", "Skipped", "AwaitingRetry", "TimedOut", ... */
	const char *message; /* NULL when there is none */
} weir_state;

/* --- Starting -------------------------------------------------------------------------------------------------- */

/*
 * The main function of a program of flows: `PROGRAM run FLOW [--param NAME=VALUE ...]`, `PROGRAM ls`, `--help`.
 * With one flow and no command it runs that flow. flows ends with NULL. Returns the exit status: 0 when the flow
 * completed, 1 when it failed, 2 for wrong usage, 130 when it was cancelled.
 */
WEIR_API int weir_main(int argc, char **argv, const weir_flow *const *flows);

/*
 * Run a flow now, on this thread, and wait for it. result, unless NULL, gets a new reference (NULL when the flow did
 * not complete). Returns 0, WEIR_EFAILED when the flow failed, WEIR_ECANCELED when it was cancelled, or the reason why
 * it could not be run or recorded.
 */
WEIR_API WEIR_MUST_CHECK int weir_run_flow(const weir_flow *flow, json_t **result, weir_problem *problem,
                                           const char *format, ...);

/* The same with a built value as arguments, which it takes over; NULL passes nothing. */
WEIR_API WEIR_MUST_CHECK int weir_run_flow_json(const weir_flow *flow, json_t **result, weir_problem *problem,
                                                json_t *arguments);

/* The library's version, "0.1.0". */
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
	const char *name; /* of this run; NULL: the task's name and a number */
	const char *tags[WEIR_MAX_TAGS];
	weir_future *const *wait_for; /* ends with NULL; the child starts after these, and is NotReady when one fails */
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
	json_t *constant; /* object: further arguments, the same for all; lent for the call */
	weir_submit_options submit;
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
 * A placeholder for the result of a child: usable anywhere inside the arguments of another one, which starts when the
 * result is there. It is recorded as that run's input; if the child does not complete, the other one is NotReady.
 * A new reference, as json_pack's "o" takes it.
 */
WEIR_API json_t *weir_output_of(weir_future *future);
WEIR_API json_t *weir_outputs_of(weir_futures *futures);

/* --- Waiting --------------------------------------------------------------------------------------------------- */

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

/* Sleep; wakes early and returns WEIR_ECANCELED or WEIR_ETIMEDOUT when the run is cancelled or over its time limit. */
WEIR_API int weir_sleep(weir_run *run, double seconds);

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
