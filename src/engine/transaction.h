/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transaction.h - runs that take effect together or not at all.
 *
 * A run is part of the innermost transaction that its parent has open when it is made, or else of the one that its parent is
 * part of. A part that completes is kept with its last attempt, for its hooks; one that fails for good has the transaction
 * rolled back. A transaction ends when all its parts have ended, on the executor of the run that began it.
 */
#ifndef WEIR_ENGINE_TRANSACTION_H
#define WEIR_ENGINE_TRANSACTION_H

#include "engine/run.h"
#include "store/result_storage.h"

/* A run that was just made becomes part of its parent's open transaction, if there is one. */
void transaction_join(weir_future *child, weir_run *parent);

/* A task run has ended. attempt: its last one, or NULL when none began. On the run's executor. */
void transaction_child_ended(weir_future *run, weir_run *attempt, const weir_state *state);

/* What the run came to is known: its transaction need not wait for it any more. From any thread. */
void transaction_leave(weir_future *run);

/* The function has returned and its children have ended: commit or roll back what it left open. */
void transactions_end(weir_run *attempt, bool completed);

/* --- Results that become visible on commit --- */

/* Is the run part of an open transaction? */
bool transaction_is_open(const weir_future *run);

/* Keep the result of this part until the transaction ends. Takes staged over. */
void transaction_stage(weir_future *run, struct str key, struct staged_result *staged);

/* The newest result of that key that the run's transaction, or one around it, has staged; NULL: none. Good while the run
   has not ended. */
struct staged_result *transaction_find(const weir_future *run, struct str key);

/* All values that the run's transaction, and those around it, have set: a new object, or NULL when there are none. */
json_t *transaction_values(const weir_future *run);

void transaction_unref(weir_transaction *transaction); /* NULL is allowed */

#endif
