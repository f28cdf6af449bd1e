/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_child.h - within the process of a task: the little of the engine that its function meets there. There is no store, no
 * loop and no pool; what the run says goes to its program as frames.
 */
#ifndef WEIR_ENGINE_PROCESS_CHILD_H
#define WEIR_ENGINE_PROCESS_CHILD_H

#include "engine/run.h"

#include <poll.h>

/* The guardian's function: call the task's and report what it came to. Ends the process. */
NORETURN void process_child_call(int payload, int report);

/* Is this run executed here, in a process of its own? */
bool process_child_is(const weir_run *run);

/* Then the call can't be served: "a task in process mode can't <what>" is the run's outcome. Nor can it in a copy of the program
   (forked.h), which is told nothing. False elsewhere. To be asked first by every call that needs the store or the pool. */
bool process_child_refuses(weir_run *run, const char *what);

/* The error with which its program has cancelled it, or 0. */
int process_child_cancelled(void);

/* Sleep until then, or until it is cancelled: 0 or the error. */
int process_child_sleep(int64_t due_us);

/* poll until then, or until it is cancelled: how many descriptors are ready (0 < count <= 8), WEIR_ETIMEDOUT, the error with
   which it was cancelled, or one of the system. */
int process_child_poll(struct pollfd *fds, size_t count, int64_t due_us);

/* A log line of the run. */
void process_child_log(int level, struct str message);

/* A value of weir_transaction_set, for the run's hooks. One that is no JSON is not passed on. */
void process_child_tell_value(const char *name, const json_t *value);

#endif
