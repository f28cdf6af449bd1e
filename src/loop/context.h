/* SPDX-License-Identifier: Apache-2.0 */
/* context.h - a flow of control on a stack of its own: by assembly where there is some, by ucontext elsewhere. */
#ifndef WEIR_LOOP_CONTEXT_H
#define WEIR_LOOP_CONTEXT_H

#include "base/problem.h"

#if !defined(WEIR_UCONTEXT) && (defined(__x86_64__) || defined(__aarch64__))
#define CONTEXT_BY_ASSEMBLY 1

/* Where one stopped: its stack's pointer, all else lies on the stack. */
struct context {
	void *stack_pointer;
};
#else
#include <ucontext.h>

struct context {
	ucontext_t ucontext;
};
#endif

/* Make one that, switched to, calls run(argument), which never returns, on the stack that ends at top (aligned to 16). */
void context_make(struct context *context, void *bottom, void *top, void (*run)(void *argument), void *argument);

/* Stop here, keeping it in from, and go on where `to` has stopped. */
void context_change(struct context *from, struct context *to);

#endif
