/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - slots of limits that attempts hold. */
#ifndef WEIR_ENGINE_LIMITS_H
#define WEIR_ENGINE_LIMITS_H

#include "engine/run.h"

/* May a limit on one of its tags hold for this run? Quick, without a look at the store. */
bool limits_may_hold(const weir_future *run);

/* Take a slot of each limit on the run's tags; waits, in the run's own executor. Returns 0, the error of a cancelled scope,
   or another one after it has set the attempt's outcome. */
MUST_CHECK int limits_enter(weir_run *attempt);

/* Give back all slots that the attempt still holds. From any thread; does not block. */
void limits_leave(weir_run *attempt);

#endif
