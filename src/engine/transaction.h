/* SPDX-License-Identifier: Apache-2.0 */
/* transaction.h - runs that take effect together or not at all. */
#ifndef WEIR_ENGINE_TRANSACTION_H
#define WEIR_ENGINE_TRANSACTION_H

#include "engine/run.h"

/* A run that was just made becomes part of its parent's open transaction, if there is one. */
void transaction_join(weir_future *child, weir_run *parent);

/* A task run has ended. attempt: its last one, or NULL when none began. On the run's executor. */
void transaction_child_ended(weir_future *run, weir_run *attempt, const weir_state *state);

/* The function has returned and its children have ended: commit or roll back what it left open. */
void transactions_end(weir_run *attempt, bool completed);

#endif
