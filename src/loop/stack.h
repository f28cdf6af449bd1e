/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stack.h - stacks for coroutines: each 256 KiB of address space, cut from slabs. Only touched pages take memory, and a
 * stack that is given back gives most of it back. Below each lies a guard page where the kernel has light guards
 * (MADV_GUARD_INSTALL, Linux 6.13); elsewhere a canary, since pages protected in the old way would use up the system's
 * limit of mappings at some 32,000 stacks.
 */
#ifndef WEIR_LOOP_STACK_H
#define WEIR_LOOP_STACK_H

#include "base/problem.h"

enum { STACK_SIZE = 256 * 1024 };

/* The lowest address of a stack, which grows down from bottom + STACK_SIZE; the guard lies above bottom. NULL when the
   system gives no more memory. From any thread. */
void *stack_new(void);
void stack_free(void *bottom);

/* Has something written over the end of it? Always false where guards stop that. */
bool stack_overflown(const void *bottom);

/* Is this the address of a guard, or just below one: did a stack overflow get there? Async-signal-safe. */
bool stack_is_guard(const void *bottom, const void *address);

#endif
