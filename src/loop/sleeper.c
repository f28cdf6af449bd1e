/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/sleeper.h"

#include "loop/coroutine.h"
#include "loop/loop_internal.h"

bool sleeper_is_wanted(void)
{
	struct loop *loop = loop_current();

	return coroutine_current() || (loop && loop->here);
}

static void end_turning(struct loop_call *call)
{
	CONTAINER_OF(call, struct sleeper, call)->over = true;
}

/* Under the scope's mutex, from any thread. */
static void wake(struct scope_waiter *waiter)
{
	struct sleeper *sleeper = CONTAINER_OF(waiter, struct sleeper, waiter);

	if (sleeper->coroutine) {
		coroutine_wake(sleeper->coroutine);
	} else {
		bool taken = loop_post(sleeper->turned, &sleeper->call);

		ASSERT(taken);
	}
}

void sleeper_wake(struct sleeper *sleeper)
{
	pthread_mutex_lock(&sleeper->scope->mutex);
	if (!sleeper->waiter.woken) {
		sleeper->waiter.woken = true;
		wake(&sleeper->waiter);
	}
	pthread_mutex_unlock(&sleeper->scope->mutex);
}

static void on_time(struct loop_timer *timer)
{
	sleeper_wake(CONTAINER_OF(timer, struct sleeper, timer));
}

void sleeper_init(struct sleeper *sleeper, struct scope *scope)
{
	sleeper->waiter.wake = wake;
	sleeper->waiter.woken = false;
	sleeper->scope = scope;
	sleeper->timer = (struct loop_timer){ .fire = on_time };
	sleeper->coroutine = coroutine_current();
	sleeper->turned = sleeper->coroutine ? NULL : loop_current();
	sleeper->call.run = end_turning;
	sleeper->over = false;
}

void sleeper_sleep(struct sleeper *sleeper, int64_t due_us)
{
	struct loop *loop = loop_current();

	if (due_us != INT64_MAX)
		loop_timer_start(loop, &sleeper->timer, due_us);
	if (sleeper->coroutine)
		coroutine_suspend();
	else
		loop_turn_until(loop, &sleeper->over);
	if (due_us != INT64_MAX)
		loop_timer_stop(loop, &sleeper->timer);
}
