/* SPDX-License-Identifier: Apache-2.0 */
/* ask_store.h - a job for the store from within a run, waited for. */
#ifndef WEIR_ENGINE_ASK_STORE_H
#define WEIR_ENGINE_ASK_STORE_H

#include "engine/run.h"

/*
 * Have the store's writer run a job, and wait until it is durable: a thread blocks, a coroutine is suspended. The run being
 * cancelled does not cut it short. While the disk is full it is tried again as states are (JOB_HOLD). Returns what the job
 * returned, with the problem filled. run may run more than once (store/executor.h) and must not call this in turn; what
 * it gives back goes into the request, copied out of tx->arena.
 */
MUST_CHECK int ask_store(weir_run *attempt, job_fn *run, void *request, struct problem *problem);

#endif
