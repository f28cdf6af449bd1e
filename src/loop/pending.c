/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/coroutine.h"

static _Thread_local void *local;

void *control_local(void)
{
	return local;
}

void control_set_local(void *value)
{
	local = value;
}

struct coroutine *coroutine_current(void)
{
	return NULL;
}

struct loop *coroutine_loop(const struct coroutine *coroutine)
{
	(void)coroutine;
	return NULL;
}

size_t coroutine_stack_left(void)
{
	return SIZE_MAX;
}

int coroutine_start(struct loop *loop, void (*run)(void *argument), void *argument, struct problem *problem)
{
	(void)loop;
	(void)run;
	(void)argument;
	return problem_set(problem, WEIR_ELIMIT, "no coroutines");
}

int loop_new_here(const char *name, struct loop **out, struct problem *problem)
{
	(void)out;
	return problem_set(problem, WEIR_ELIMIT, "no loop '%s'", name);
}
