/* SPDX-License-Identifier: Apache-2.0 */
/* blocking.c - waiting for what is not Weir's: descriptors, and functions that block. */
#include "base/clock.h"
#include "engine/process_child.h"
#include "loop/coroutine.h"

#include <poll.h>

int attempt_poll(weir_run *attempt, struct pollfd *fds, size_t count, int64_t due_us)
{
	if (process_child_is(attempt))
		return process_child_poll(fds, count, due_us);
	return scope_poll(&attempt->scope, fds, count, due_us);
}

WEIR_API int weir_wait_fd(weir_run *run, int fd, short events, double seconds)
{
	struct pollfd one = { .fd = fd, .events = events };
	int result = attempt_refusal(run);

	if (result == 0 && fd < 0)
		result = WEIR_EINVAL;
	if (result == 0)
		result = attempt_poll(run, &one, 1, clock_due_us(seconds));
	return result < 0 ? result : one.revents;
}

/* On the stack of the coroutine that waits for it. */
struct blocking_call {
	struct work work;
	weir_run *run;
	void *(*function)(void *argument);
	void *argument;
	void *result;
	struct scope_event done;
};

/* What the function prints is the run's. */
static void make_call(struct work *work)
{
	struct blocking_call *call = CONTAINER_OF(work, struct blocking_call, work);

	control_set_local(call->run);
	__atomic_store_n(&call->run->scope.pool, call->run->run->engine->pool, __ATOMIC_RELEASE);
	call->result = call->function(call->argument);
	__atomic_store_n(&call->run->scope.pool, NULL, __ATOMIC_RELEASE);
	control_set_local(NULL);
	scope_signal(&call->run->scope, &call->done);
}

/* Kept out of weir_blocking, for its problem's sake: coroutines have small stacks. */
__attribute__((noinline)) static bool submit(struct blocking_call *call)
{
	struct problem problem;

	if (pool_submit(call->run->run->engine->pool, &call->work, &problem) == 0)
		return true;
	weir_fail(call->run, "%s", problem.message);
	return false;
}

WEIR_API void *weir_blocking(weir_run *run, void *(*function)(void *argument), void *argument)
{
	struct blocking_call call = { .work.run = make_call, .run = run, .function = function, .argument = argument };

	if (!coroutine_current())
		return function(argument);
	if (submit(&call))
		scope_await_event(&run->scope, &call.done);
	return call.result;
}
