/* SPDX-License-Identifier: Apache-2.0 */
/* off_loop.h - what reads and writes files for a run does not hold up its event loop. */
#ifndef WEIR_ENGINE_OFF_LOOP_H
#define WEIR_ENGINE_OFF_LOOP_H

#include "engine/run.h"

/* Call the function and wait for it: on a thread of the pool when a coroutine calls, else here. When no thread is to be had
   it is called here all the same. */
void off_loop(weir_run *attempt, void (*function)(void *argument), void *argument);

#endif
