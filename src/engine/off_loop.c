/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/off_loop.h"

#include "loop/coroutine.h"

/* On the stack of the coroutine that waits for it. */
struct call {
	struct work work;
	struct scope *scope;
	void (*function)(void *argument);
	void *argument;
	struct scope_event done;
};

static void make_call(struct work *work)
{
	struct call *call = CONTAINER_OF(work, struct call, work);

	call->function(call->argument);
	scope_signal(call->scope, &call->done);
}

void off_loop(weir_run *attempt, void (*function)(void *argument), void *argument)
{
	struct call call = {
		.work.run = make_call, .scope = &attempt->scope, .function = function, .argument = argument
	};

	if (coroutine_current() && pool_submit(attempt->run->engine->pool, &call.work, NULL) == 0)
		scope_await_event(&attempt->scope, &call.done);
	else
		function(argument);
}
