/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/context.h"

#ifdef CONTEXT_BY_ASSEMBLY

void context_switch(void **from, void *to);
void context_entry(void);

#ifdef __x86_64__
/* As context_switch leaves a stack, from the lowest address. */
struct frame {
	uint32_t mxcsr;
	uint16_t fpu_control;
	void *r15, *r14;
	void *argument; /* r13 */
	void *run;      /* r12 */
	void *rbx, *rbp;
	void (*back)(void);
	void *align[2]; /* so that context_entry calls with an aligned stack */
};

static void fill(struct frame *frame, void (*run)(void *argument), void *argument)
{
	*frame = (struct frame){ .argument = argument, .run = (void *)(uintptr_t)run, .back = context_entry };
	__asm__("stmxcsr %0" : "=m"(frame->mxcsr));
	__asm__("fnstcw %0" : "=m"(frame->fpu_control));
}
#else
struct frame {
	void *run;      /* x19 */
	void *argument; /* x20 */
	void *x21_to_x29[9];
	void (*back)(void); /* x30 */
	double d8_to_d15[8];
};

static void fill(struct frame *frame, void (*run)(void *argument), void *argument)
{
	*frame = (struct frame){ .argument = argument, .run = (void *)(uintptr_t)run, .back = context_entry };
}
#endif

void context_make(struct context *context, void *bottom, void *top, void (*run)(void *argument), void *argument)
{
	struct frame *frame = (struct frame *)top - 1;

	(void)bottom;
	fill(frame, run, argument);
	context->stack_pointer = frame;
}

void context_change(struct context *from, struct context *to)
{
	context_switch(&from->stack_pointer, to->stack_pointer);
}

#else

/* makecontext passes ints, so the pointers go in halves. */
static void enter(unsigned run_high, unsigned run_low, unsigned argument_high, unsigned argument_low)
{
	void (*run)(void *) = (void (*)(void *))(uintptr_t)((uint64_t)run_high << 32 | run_low);

	run((void *)(uintptr_t)((uint64_t)argument_high << 32 | argument_low));
}

void context_make(struct context *context, void *bottom, void *top, void (*run)(void *argument), void *argument)
{
	uint64_t function = (uintptr_t)run, data = (uintptr_t)argument;
	int result = getcontext(&context->ucontext);

	ASSERT(result == 0);
	context->ucontext.uc_stack.ss_sp = bottom;
	context->ucontext.uc_stack.ss_size = (size_t)((char *)top - (char *)bottom);
	context->ucontext.uc_link = NULL;
	makecontext(&context->ucontext, (void (*)(void))(uintptr_t)enter, 4, (unsigned)(function >> 32),
	            (unsigned)function, (unsigned)(data >> 32), (unsigned)data);
}

void context_change(struct context *from, struct context *to)
{
	int result = swapcontext(&from->ucontext, &to->ucontext);

	ASSERT(result == 0);
}

#endif
