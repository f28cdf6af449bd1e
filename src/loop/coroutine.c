/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/coroutine.h"

#include "loop/context.h"
#include "loop/stack.h"

#if defined(__has_feature)
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define WITH_ASAN 1
#else
#define WITH_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#define WITH_TSAN 1
#else
#define WITH_TSAN 0
#endif

/* Lies at the top of its own stack: so one that sleeps touches one page. */
struct coroutine {
	struct context context; /* where it stopped */
	struct loop *loop;
	struct loop_call wake;
	void (*run)(void *argument);
	void *argument;
	void *local; /* control_local while it does not run */
	void *stack;
	bool ended;
#if WITH_ASAN
	void *fake_stack;
#endif
#if WITH_TSAN
	void *fiber;
#endif
};

/* Of each thread that has a loop. */
static _Thread_local struct {
	struct coroutine *current;
	struct context native; /* the loop's own stack, while a coroutine runs */
	void *local;           /* control_local */
#if WITH_ASAN
	void *fake_stack;
	const void *native_bottom;
	size_t native_size;
#endif
#if WITH_TSAN
	void *fiber;
#endif
} control;

void *control_local(void)
{
	return control.local;
}

void control_set_local(void *value)
{
	control.local = value;
}

struct coroutine *coroutine_current(void)
{
	return control.current;
}

struct loop *coroutine_loop(const struct coroutine *coroutine)
{
	return coroutine->loop;
}

/* --- Changing stacks, and telling the sanitizers --- */

static void change_to_coroutine(struct coroutine *coroutine)
{
#if WITH_ASAN
	__sanitizer_start_switch_fiber(&control.fake_stack, coroutine->stack, STACK_SIZE);
#endif
#if WITH_TSAN
	control.fiber = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(coroutine->fiber, 0);
#endif
	context_change(&control.native, &coroutine->context);
#if WITH_ASAN
	__sanitizer_finish_switch_fiber(control.fake_stack, NULL, NULL);
#endif
}

/* A coroutine has come on this stack: the first time, and after each suspension. */
static void arrive(struct coroutine *coroutine)
{
	(void)coroutine;
#if WITH_ASAN
	__sanitizer_finish_switch_fiber(coroutine->fake_stack, &control.native_bottom, &control.native_size);
#endif
}

static void change_to_native(struct coroutine *coroutine)
{
#if WITH_ASAN
	__sanitizer_start_switch_fiber(coroutine->ended ? NULL : &coroutine->fake_stack, control.native_bottom,
	                               control.native_size);
#endif
#if WITH_TSAN
	__tsan_switch_to_fiber(control.fiber, 0);
#endif
	context_change(&coroutine->context, &control.native);
	arrive(coroutine);
}

/* --- Life --- */

static void free_coroutine(struct coroutine *coroutine)
{
#if WITH_TSAN
	__tsan_destroy_fiber(coroutine->fiber);
#endif
	stack_free(coroutine->stack);
}

/* On the loop's own stack: let it run up to its next suspension or its end. */
static void resume(struct coroutine *coroutine)
{
	void *native_local = control.local;

	ASSERT(!control.current);
	control.current = coroutine;
	control.local = coroutine->local;
	change_to_coroutine(coroutine);
	control.current = NULL;
	coroutine->local = control.local;
	control.local = native_local;
	ASSERT(!stack_overflown(coroutine->stack));
	if (coroutine->ended)
		free_coroutine(coroutine);
}

static void resume_posted(struct loop_call *call)
{
	resume(CONTAINER_OF(call, struct coroutine, wake));
}

static void run_coroutine(void *argument)
{
	struct coroutine *coroutine = argument;

	arrive(coroutine);
	coroutine->run(coroutine->argument);
	coroutine->ended = true;
	change_to_native(coroutine);
}

int coroutine_start(struct loop *loop, void (*run)(void *argument), void *argument, struct problem *problem)
{
	char *stack = stack_new();
	struct coroutine *coroutine;

	ASSERT(loop == loop_current() && !control.current);
	if (!stack)
		return problem_set(problem, WEIR_ENOMEM, "there is no memory for the stack of another coroutine");
	coroutine = (struct coroutine *)(void *)(stack + STACK_SIZE - ((sizeof *coroutine + 63) & ~(size_t)63));
	*coroutine = (struct coroutine){ .loop = loop, .run = run, .argument = argument, .stack = stack };
	coroutine->wake.run = resume_posted;
#if WITH_TSAN
	coroutine->fiber = __tsan_create_fiber(0);
#endif
	context_make(&coroutine->context, stack, coroutine, run_coroutine, coroutine);
	resume(coroutine);
	return 0;
}

void coroutine_suspend(void)
{
	ASSERT(control.current);
	change_to_native(control.current);
}

void coroutine_wake(struct coroutine *coroutine)
{
	/* A loop that is ending runs what was posted before; what waits on it then is forgotten. */
	(void)loop_post(coroutine->loop, &coroutine->wake);
}

void coroutine_yield(void)
{
	coroutine_wake(control.current);
	coroutine_suspend();
}

size_t coroutine_stack_left(void)
{
	if (!control.current)
		return SIZE_MAX;
	return (size_t)((char *)__builtin_frame_address(0) - (char *)control.current->stack);
}
