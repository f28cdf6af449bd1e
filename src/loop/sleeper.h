/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sleeper.h - waiting in a scope without blocking the loop: a coroutine is suspended, a thread with a loop of its own turns
 * it. On the waiting one's stack, so it is kept small.
 */
#ifndef WEIR_LOOP_SLEEPER_H
#define WEIR_LOOP_SLEEPER_H

#include "loop/loop.h"
#include "loop/scope.h"

struct coroutine;

struct sleeper {
	struct scope_waiter waiter; /* to be filled but for wake, and put among the scope's waiters */
	struct scope *scope;
	struct loop_timer timer;
	struct coroutine *coroutine; /* or: */
	struct loop *turned;
	struct loop_call call; /* that ends the turning */
	bool over;
};

/* Is it this one's way to wait here? Otherwise the thread blocks. */
bool sleeper_is_wanted(void);

void sleeper_init(struct sleeper *sleeper, struct scope *scope);

/* Sleep until woken: by the scope, by due_us of clock_monotonic_us, or by sleeper_wake. The waiter is among the scope's
   and stays there. */
void sleeper_sleep(struct sleeper *sleeper, int64_t due_us);

/* On the loop's thread. Does nothing when it was woken before. */
void sleeper_wake(struct sleeper *sleeper);

#endif
