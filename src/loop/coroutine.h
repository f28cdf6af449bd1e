/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coroutine.h - stackful coroutines. A coroutine lives and dies on the thread of one loop: it runs until it waits
 * (coroutine_suspend, mostly by way of loop/scope.h), and goes on when somebody wakes it.
 *
 * A stack has 256 KiB of address space of which only touched pages count, below it a guard: a lightweight one where the
 * kernel has them, a canary that is looked at on each switch elsewhere. Running into a guard ends the program; the crash
 * file (loop/crash.h) tells which run it was.
 */
#ifndef WEIR_LOOP_COROUTINE_H
#define WEIR_LOOP_COROUTINE_H

#include "loop/loop.h"

struct coroutine;

/*
 * Start one, on the loop's thread and not within another coroutine: it runs at once, up to its first wait or its end, then
 * this returns. WEIR_ENOMEM when no stack is to be had: it was not started.
 */
MUST_CHECK int coroutine_start(struct loop *loop, void (*run)(void *argument), void *argument, struct problem *problem);

/* The coroutine that runs on this thread, or NULL. */
struct coroutine *coroutine_current(void);

/* The loop that a coroutine runs on. */
struct loop *coroutine_loop(const struct coroutine *coroutine);

/* Of the current one: stop here until coroutine_wake. No lock may be held. */
void coroutine_suspend(void);

/* Have it go on, soon, from any thread; also when it is about to suspend itself. Once for each suspension. */
void coroutine_wake(struct coroutine *coroutine);

/* Let everything else that is ready on the loop have its turn, then go on. */
void coroutine_yield(void);

/* How many bytes of the current one's stack are left; SIZE_MAX outside of coroutines. */
size_t coroutine_stack_left(void);

/* Does an address lie in the guard below the current one's stack, or has its canary been found dead? For handlers of
   signals. */
bool coroutine_overflows_at(const void *address);

/* Has a coroutine of this loop not ended? On its thread. Looks at each: for the end of a loop. */
bool coroutine_is_left(const struct loop *loop);

/* A pointer that follows the flow of control: each coroutine has its own, NULL at first, and each thread outside of one. Handlers of
   signals may read it. */
void *control_local(void);
void control_set_local(void *value);

#endif
