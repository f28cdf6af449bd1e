/* SPDX-License-Identifier: Apache-2.0 */
/* scope_internal.h - what waiting needs of a scope. */
#ifndef WEIR_LOOP_SCOPE_INTERNAL_H
#define WEIR_LOOP_SCOPE_INTERNAL_H

#include "loop/scope.h"

/* With the scope's mutex held: */

/* Is there nothing to wait for (any more)? */
bool scope_is_over(const struct scope *scope, const struct scope_waiter *waiter);

/* How a wait ended, or would end now: 0, the error of a cancelled scope, or WEIR_ETIMEDOUT. */
int scope_wait_result(const struct scope *scope, const struct scope_waiter *waiter);

void scope_add_waiter(struct scope *scope, struct scope_waiter *waiter);
void scope_remove_waiter(struct scope *scope, struct scope_waiter *waiter);

/* Without: */

bool scope_is_past(int64_t due_us);

/* This thread is about to wait in the scope, and has waited: it gives up its place in the pool, or, when it is none of the
   pool's, the one of the pool's thread that has started it and joins it. begin gives what end takes. */
struct pool *scope_place_begin(struct scope *scope);
void scope_place_end(struct scope *scope, struct pool *lent);

/* To be called before a wait in a cancelled scope returns without having waited: a function that ignores its cancellation
   and waits in a loop must not keep everything else on its event loop from running. */
void scope_let_others_run(int64_t due_us);

#endif
