/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context.h - where a flow of control stopped, and going from one to another. In assembly for the processors that most
 * people have (switch_*.S), by ucontext elsewhere, which makes two system calls for each switch.
 */
#ifndef WEIR_LOOP_CONTEXT_H
#define WEIR_LOOP_CONTEXT_H

#include "base/base.h"

#if !defined(WEIR_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define WEIR_UCONTEXT 1
#endif

#ifdef WEIR_UCONTEXT
#include <ucontext.h>
#endif

struct context {
#ifdef WEIR_UCONTEXT
	ucontext_t registers;
#else
	void *stack_pointer; /* below it are the registers that a function must keep */
#endif
};

/* One that begins by calling entry, which must not return, on the stack of size bytes from low up. Rounding mode and the
   like of floating point are those of the caller. */
void context_init(struct context *context, char *low, size_t size, void (*entry)(void));

/* Stop here, and go on there. Returns when somebody goes to from. */
void context_switch(struct context *from, const struct context *to);

#endif
