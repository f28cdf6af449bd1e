/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stack.h - stacks for coroutines, many of them in one mapping (a slab), so that the system's limit of mappings does not
 * count. Only touched pages take memory. Below each stack is a zone that nobody may touch: where the kernel has
 * lightweight guards (Linux 6.13) touching it is a fault; elsewhere the zone is zeroes, which stack_is_whole looks for.
 * A pool belongs to one thread.
 */
#ifndef WEIR_LOOP_STACK_H
#define WEIR_LOOP_STACK_H

#include "base/problem.h"
#include "base/vec.h"

enum { STACK_SIZE = 256 * 1024, STACK_GUARD_SIZE = 16 * 1024 };

struct stack_slab;

struct stack_pool {
	bool canaries; /* no guards of the kernel's */
	struct stack_slab *slabs;
	struct VEC(char *) fresh; /* never used */
	struct VEC(char *) hot;   /* given back, their pages still there */
	struct VEC(char *) cold;  /* given back without pages */
};

/* With guards where the kernel has them, unless canaries is set. */
void stack_pool_init(struct stack_pool *pool, bool canaries);

/* Unmaps all stacks, those in use too. */
void stack_pool_done(struct stack_pool *pool);

/* *low gets the lowest byte of STACK_SIZE bytes, at a page's beginning. WEIR_ENOMEM when there is no room. */
MUST_CHECK int stack_take(struct stack_pool *pool, char **low, struct problem *problem);

/* A few of those given back keep their pages, for the next ones. */
void stack_give_back(struct stack_pool *pool, char *low);

/* Is the end of the zone below the stack as it was? Always true where the kernel guards it. */
static inline bool stack_is_whole(const struct stack_pool *pool, const char *low)
{
	const uint64_t *words = (const uint64_t *)(const void *)low;
	uint64_t sum = 0;

	if (!pool->canaries)
		return true;
	for (int i = 1; i <= 16; i++)
		sum |= words[-i];
	return sum == 0;
}

/* Does the address lie in the zone below this stack? */
static inline bool stack_guards(const char *low, const void *address)
{
	return (const char *)address < low && (const char *)address >= low - STACK_GUARD_SIZE;
}

#endif
