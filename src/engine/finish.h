/* SPDX-License-Identifier: Apache-2.0 */
/* finish.h - what becomes of a run when an attempt has ended, or none begins. */
#ifndef WEIR_ENGINE_FINISH_H
#define WEIR_ENGINE_FINISH_H

#include "engine/run.h"

/* The function has returned a value (taken over) or NULL, and its children have ended: retry the run or end it. */
void attempt_finish(weir_run *attempt, json_t *value);

/* The run does not begin (another) attempt, since it was cancelled. attempt: whose hooks are called; NULL: nobody's. */
void end_cancelled(weir_future *run, weir_run *attempt);

/* The attempt ran over its time limit. attempt as above. */
void end_timed_out(weir_future *run, weir_run *attempt);

/* The store has confirmed the end of a flow run: call its hook, if there is one, then complete it. From any thread; takes
   result over. */
void run_settle(weir_future *run, weir_state view, json_t *result);

/* Call the hook that run_settle has left to the run's executor. */
void run_call_settled_hook(weir_future *run);

/* Its executor can't be had: say so in the log, and complete the run. Nobody else's thread or stack would do: hooks wait. */
void run_miss_settled_hook(weir_future *run, const struct problem *problem);

#endif
