/* SPDX-License-Identifier: Apache-2.0 */
/* output.h - placeholders for results that are not there yet: made by weir_output_of, found in arguments, filled when the
   run that they are an input of starts. */
#ifndef WEIR_ENGINE_OUTPUT_H
#define WEIR_ENGINE_OUTPUT_H

#include "base/problem.h"
#include "base/strbuf.h"
#include "engine/run.h"

/* Is the value itself a placeholder of this process? */
bool output_is_placeholder(const json_t *value);

/* Is there a placeholder anywhere in the value? */
bool outputs_within(const json_t *value);

/* Find the runs that the arguments name (parent's futures) and keep them as upstream of run; write task_inputs, the JSON
   that says which argument came from which runs. wait_for ends with NULL, or is NULL; may_fail: run starts whatever these
   come to. WEIR_EINVAL for a placeholder that another run made. */
MUST_CHECK int outputs_collect(weir_future *run, weir_run *parent, weir_future *const *wait_for, bool may_fail,
                               struct strbuf *inputs, struct problem *problem);

/* Why the run can't start: the first upstream run that did not complete and had to. NULL when there is none. */
const char *outputs_not_ready(weir_future *run, struct arena *arena);

/* Has it placeholders that are to be filled, or runs that it waited for? */
bool outputs_are_open(const weir_future *run);

/* Put the results in place of the placeholders and check the types again. Once. */
MUST_CHECK int outputs_fill(weir_future *run, struct problem *problem);

#endif
