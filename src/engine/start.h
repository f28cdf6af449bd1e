/* SPDX-License-Identifier: Apache-2.0 */
/* start.h - starting flows from outside of any run. */
#ifndef WEIR_ENGINE_START_H
#define WEIR_ENGINE_START_H

#include "engine/run.h"

/* A suspended run that this program has taken over. Texts are the caller's. */
struct resumption {
	struct flow_run row; /* as it was suspended */
	struct VEC(struct task_calls {
		struct str task_key;
		unsigned calls;
	}) calls; /* its task runs so far */
	void (*adopted)(
	        void *data); /* called when messages about the run reach it, before it executes; NULL: nothing */
	void *data;
};

/*
 * Run a flow on this thread and wait for it, with bound arguments, which it takes over. resumption: the run that is gone on
 * with; NULL: a new one. result, unless NULL, gets a new reference, or is left when the flow does not complete. Returns as
 * weir_run_flow.
 */
MUST_CHECK int flow_run_here(struct engine *engine, const weir_flow *flow, json_t *bound,
                             const struct resumption *resumption, json_t **result, struct problem *problem);

/* Check a flow, bind the arguments (taken over) and run it here, as a new run. */
MUST_CHECK int flow_start(const weir_flow *flow, json_t *arguments, json_t **result, struct problem *problem);

#endif
