/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/coroutine.h"

#include "loop/context.h"
#include "loop/fiber.h"
#include "loop/loop_internal.h"
#include "loop/stack.h"

#include <stdlib.h>

enum { CHUNK_COROUTINES = 64 };

#ifdef WEIR_STACK_CANARIES
static const bool only_canaries = true;
#else
static const bool only_canaries = false;
#endif

/* A flow of control: a coroutine, or what the loop's thread does outside of them. */
struct strand {
	struct context context;
	struct fiber fiber;
	void *local;                 /* control_local while it does not run */
	struct coroutine *coroutine; /* NULL: the thread's */
};

enum coroutine_state { RUNNING, SUSPENDED, READY, ENDED };

/* All of it belongs to the loop's thread. */
struct coroutine {
	struct strand strand;
	struct loop *loop;
	struct scheduler *scheduler;
	char *stack;            /* lowest byte */
	struct coroutine *next; /* among the ready, the yielded or the free */
	struct loop_call waken; /* by another thread */
	void (*run)(void *argument);
	void *argument;
	enum coroutine_state state;
	bool woken; /* before it was suspended */
};

struct coroutine_list {
	struct coroutine *first, *last;
};

struct coroutine_chunk {
	struct coroutine_chunk *next;
	struct coroutine coroutines[CHUNK_COROUTINES];
};

/* The coroutines of one loop. */
struct scheduler {
	struct loop *loop;
	struct strand thread;
	struct strand *running, *previous;
	struct coroutine_list ready, yielded, free;
	struct coroutine *ended; /* to be put among the free ones when its stack is not in use any more */
	unsigned budget;         /* so many may be resumed before the thread's strand goes on */
	struct stack_pool stacks;
	struct coroutine_chunk *chunks;
};

/* Of this thread. Read by signal handlers too, so it must not be allocated at its first use. */
static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
	struct coroutine *coroutine;
	void *local;
	bool overflowed; /* found by a canary: no address tells it */
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
	return control.coroutine;
}

struct loop *coroutine_loop(const struct coroutine *coroutine)
{
	return coroutine->loop;
}

size_t coroutine_stack_left(void)
{
	struct coroutine *self = control.coroutine;

	return self ? (size_t)((char *)__builtin_frame_address(0) - self->stack) : SIZE_MAX;
}

bool coroutine_overflows_at(const void *address)
{
	struct coroutine *self = control.coroutine;

	return self && (control.overflowed || stack_guards(self->stack, address));
}

/* --- Lists --- */

static void append(struct coroutine_list *list, struct coroutine *coroutine)
{
	coroutine->next = NULL;
	if (list->first)
		list->last->next = coroutine;
	else
		list->first = coroutine;
	list->last = coroutine;
}

static struct coroutine *take_first(struct coroutine_list *list)
{
	struct coroutine *first = list->first;

	if (first)
		list->first = first->next;
	return first;
}

/* The next one that may be resumed now. */
static struct coroutine *take_ready(struct scheduler *scheduler)
{
	if (scheduler->budget == 0 || loop_is_over(scheduler->loop))
		return NULL;
	scheduler->budget--;
	return take_first(&scheduler->ready);
}

/* --- Going from one to another --- */

static void go(struct scheduler *scheduler, struct strand *to, bool ends)
{
	struct strand *from = scheduler->running;

	from->local = control.local;
	control.local = to->local;
	control.coroutine = to->coroutine;
	scheduler->previous = from;
	scheduler->running = to;
	fiber_leave(&from->fiber, &to->fiber, ends);
	context_switch(&from->context, &to->context);
	fiber_arrive(&from->fiber, &scheduler->previous->fiber);
}

/* Let a coroutine run, from the thread's strand. */
static void resume(struct scheduler *scheduler, struct coroutine *coroutine)
{
	struct coroutine *ended;

	coroutine->state = RUNNING;
	go(scheduler, &coroutine->strand, false);
	ended = scheduler->ended;
	if (!ended)
		return;
	scheduler->ended = NULL;
	fiber_done(&ended->strand.fiber);
	stack_give_back(&scheduler->stacks, ended->stack);
	append(&scheduler->free, ended);
}

static void check_stack(const struct coroutine *self)
{
	if (stack_is_whole(&self->scheduler->stacks, self->stack))
		return;
	control.overflowed = true;
	assert_failed("a coroutine keeps within its stack of 256 KiB", __FILE__, __LINE__);
}

/* Stop the running coroutine and let the next one run, or the thread's strand. */
static void leave(struct coroutine *self, enum coroutine_state state)
{
	struct scheduler *scheduler = self->scheduler;
	struct coroutine *next = take_ready(scheduler);

	check_stack(self);
	self->state = state;
	if (next)
		next->state = RUNNING;
	go(scheduler, next ? &next->strand : &scheduler->thread, false);
}

/* What a new stack begins with. */
static void enter(void)
{
	struct coroutine *self = control.coroutine;
	struct scheduler *scheduler = self->scheduler;

	fiber_arrive(&self->strand.fiber, &scheduler->previous->fiber);
	self->run(self->argument);
	check_stack(self);
	self->state = ENDED;
	scheduler->ended = self;
	go(scheduler, &scheduler->thread, true);
}

/* --- For coroutines --- */

void coroutine_suspend(void)
{
	struct coroutine *self = control.coroutine;

	ASSERT(self);
	if (self->woken)
		self->woken = false;
	else
		leave(self, SUSPENDED);
}

void coroutine_yield(void)
{
	struct coroutine *self = control.coroutine;

	ASSERT(self);
	append(&self->scheduler->yielded, self);
	leave(self, READY);
}

static void wake_here(struct coroutine *coroutine)
{
	if (coroutine->state == SUSPENDED) {
		coroutine->state = READY;
		append(&coroutine->scheduler->ready, coroutine);
	} else {
		coroutine->woken = true;
	}
}

static void run_wake(struct loop_call *call)
{
	wake_here(CONTAINER_OF(call, struct coroutine, waken));
}

void coroutine_wake(struct coroutine *coroutine)
{
	if (coroutine->loop == loop_current())
		wake_here(coroutine);
	else
		(void)!loop_post(coroutine->loop, &coroutine->waken); /* false: it is forgotten anyway */
}

/* --- Beginning and end --- */

static struct scheduler *scheduler_of(struct loop *loop)
{
	struct scheduler *scheduler = loop->scheduler;

	if (!scheduler) {
		scheduler = xcalloc(1, sizeof *scheduler);
		scheduler->loop = loop;
		scheduler->running = &scheduler->thread;
		stack_pool_init(&scheduler->stacks, only_canaries);
		loop->scheduler = scheduler;
	}
	return scheduler;
}

static void add_chunk(struct scheduler *scheduler)
{
	struct coroutine_chunk *chunk = xcalloc(1, sizeof *chunk);

	chunk->next = scheduler->chunks;
	scheduler->chunks = chunk;
	for (size_t i = 0; i < CHUNK_COROUTINES; i++) {
		struct coroutine *coroutine = &chunk->coroutines[i];

		coroutine->state = ENDED;
		coroutine->loop = scheduler->loop;
		coroutine->scheduler = scheduler;
		coroutine->strand.coroutine = coroutine;
		coroutine->waken.run = run_wake;
		append(&scheduler->free, coroutine);
	}
}

static struct coroutine *take_free(struct scheduler *scheduler, char *stack)
{
	struct coroutine *coroutine;

	if (!scheduler->free.first)
		add_chunk(scheduler);
	coroutine = take_first(&scheduler->free);
	coroutine->stack = stack;
	coroutine->woken = false;
	coroutine->strand.local = NULL;
	fiber_init(&coroutine->strand.fiber, stack, STACK_SIZE);
	context_init(&coroutine->strand.context, stack, STACK_SIZE, enter);
	return coroutine;
}

int coroutine_start(struct loop *loop, void (*run)(void *argument), void *argument, struct problem *problem)
{
	struct scheduler *scheduler;
	struct coroutine *coroutine;
	char *stack;
	int result;

	ASSERT(loop == loop_current() && !control.coroutine);
	scheduler = scheduler_of(loop);
	result = stack_take(&scheduler->stacks, &stack, problem);
	if (result < 0)
		return result;
	coroutine = take_free(scheduler, stack);
	coroutine->run = run;
	coroutine->argument = argument;
	resume(scheduler, coroutine);
	return 0;
}

/* --- For the loop --- */

void scheduler_run(struct scheduler *scheduler, unsigned budget)
{
	struct coroutine *coroutine;

	if (!scheduler)
		return;
	scheduler->budget = budget;
	while ((coroutine = take_ready(scheduler)))
		resume(scheduler, coroutine);
	scheduler->budget = 0;
}

void scheduler_next_turn(struct scheduler *scheduler)
{
	struct coroutine *coroutine;

	while (scheduler && (coroutine = take_first(&scheduler->yielded)))
		append(&scheduler->ready, coroutine);
}

bool scheduler_has_ready(const struct scheduler *scheduler)
{
	return scheduler && scheduler->ready.first;
}

bool scheduler_has_any(const struct scheduler *scheduler)
{
	return scheduler && (scheduler->ready.first || scheduler->yielded.first);
}

static bool all_have_ended(const struct scheduler *scheduler)
{
	for (const struct coroutine_chunk *chunk = scheduler->chunks; chunk; chunk = chunk->next) {
		for (size_t i = 0; i < CHUNK_COROUTINES; i++) {
			if (chunk->coroutines[i].state != ENDED)
				return false;
		}
	}
	return true;
}

bool scheduler_free(struct scheduler *scheduler)
{
	if (!scheduler)
		return true;
	if (!all_have_ended(scheduler))
		return false;
	while (scheduler->chunks) {
		struct coroutine_chunk *chunk = scheduler->chunks;

		scheduler->chunks = chunk->next;
		free(chunk);
	}
	stack_pool_done(&scheduler->stacks);
	free(scheduler);
	return true;
}
