/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/context.h"

#ifdef WEIR_UCONTEXT

void context_init(struct context *context, char *low, size_t size, void (*entry)(void))
{
	int result = getcontext(&context->registers);

	ASSERT(result == 0);
	context->registers.uc_stack.ss_sp = low;
	context->registers.uc_stack.ss_size = size;
	context->registers.uc_link = NULL;
	makecontext(&context->registers, entry, 0);
}

void context_switch(struct context *from, const struct context *to)
{
	int result = swapcontext(&from->registers, &to->registers);

	ASSERT(result == 0);
}

#else

/* Of switch_*.S. */
void switch_stack(void **from, void *to);
void switch_begin(void);

#ifdef __x86_64__

/* What switch_stack takes from the stack of whom it goes to, in that order; then the stack is as after a call. */
struct frame {
	uint32_t mxcsr;
	uint16_t x87_control_word;
	uint16_t unused;
	void *r15, *r14, *r13, *r12;
	void (*rbx)(void); /* where switch_begin looks for its function */
	void *rbp;
	void (*return_address)(void);
};

static void fill_frame(struct frame *frame, void (*entry)(void))
{
	frame->rbx = entry;
	frame->return_address = switch_begin;
	__asm__ volatile("stmxcsr %0" : "=m"(frame->mxcsr));
	__asm__ volatile("fnstcw %0" : "=m"(frame->x87_control_word));
}

#else

struct frame {
	void (*x19)(void); /* where switch_begin looks for its function */
	void *x20_to_x29[10];
	void (*x30)(void); /* the return address */
	double d8_to_d15[8];
};

static void fill_frame(struct frame *frame, void (*entry)(void))
{
	frame->x19 = entry;
	frame->x30 = switch_begin;
}

#endif

void context_init(struct context *context, char *low, size_t size, void (*entry)(void))
{
	char *top = low + (size & ~(size_t)15);
	struct frame *frame = (void *)(top - sizeof *frame);

	ASSERT(((uintptr_t)low & 15) == 0);
	*frame = (struct frame){ 0 };
	fill_frame(frame, entry);
	context->stack_pointer = frame;
}

void context_switch(struct context *from, const struct context *to)
{
	switch_stack(&from->stack_pointer, to->stack_pointer);
}

#endif
