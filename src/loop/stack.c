/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/stack.h"

#include <errno.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define WEIR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEIR_ASAN 1
#endif
#endif

#ifdef WEIR_ASAN
#include <sanitizer/asan_interface.h>
#define FORGET_REDZONES(low, size) __asan_unpoison_memory_region(low, size)
#else
#define FORGET_REDZONES(low, size) ((void)(low), (void)(size))
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum {
	SLAB_STACKS = 64,
	HOT_MAX = 64,
	STRIDE = STACK_GUARD_SIZE + STACK_SIZE,
	SLAB_SIZE = SLAB_STACKS * STRIDE,
};

struct stack_slab {
	struct stack_slab *next;
	char *memory;
};

static bool install_guard(char *low)
{
	return madvise(low - STACK_GUARD_SIZE, STACK_GUARD_SIZE, MADV_GUARD_INSTALL) == 0;
}

static char *map_slab(void)
{
	char *memory = mmap(NULL, SLAB_SIZE, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	/* A huge page would be memory for eight stacks at the first touch of one. Kernels without them refuse: all is well. */
	(void)!madvise(memory, SLAB_SIZE, MADV_NOHUGEPAGE);
	return memory;
}

/* Ask the kernel once whether it has guards. */
static bool kernel_guards(void)
{
	static int answer; /* 0: not asked, 1: no, 2: yes; whoever asks at the same time hears the same */
	char *memory;

	if (__atomic_load_n(&answer, __ATOMIC_RELAXED) == 0) {
		memory = mmap(NULL, STACK_GUARD_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			return false;
		__atomic_store_n(&answer, install_guard(memory + STACK_GUARD_SIZE) ? 2 : 1, __ATOMIC_RELAXED);
		munmap(memory, STACK_GUARD_SIZE);
	}
	return __atomic_load_n(&answer, __ATOMIC_RELAXED) == 2;
}

void stack_pool_init(struct stack_pool *pool, bool canaries)
{
	*pool = (struct stack_pool){ .canaries = canaries || !kernel_guards() };
}

void stack_pool_done(struct stack_pool *pool)
{
	while (pool->slabs) {
		struct stack_slab *slab = pool->slabs;

		pool->slabs = slab->next;
		FORGET_REDZONES(slab->memory, SLAB_SIZE);
		munmap(slab->memory, SLAB_SIZE);
		free(slab);
	}
	vec_done(&pool->fresh);
	vec_done(&pool->hot);
	vec_done(&pool->cold);
}

static bool add_slab(struct stack_pool *pool)
{
	char *memory = map_slab();
	struct stack_slab *slab;

	if (!memory)
		return false;
	slab = xmalloc(sizeof *slab);
	*slab = (struct stack_slab){ .next = pool->slabs, .memory = memory };
	pool->slabs = slab;
	for (size_t i = SLAB_STACKS; i-- > 0;)
		vec_push(&pool->fresh, memory + i * STRIDE + STACK_GUARD_SIZE);
	return true;
}

/* The last one given back has the best chance to be in the caches. */
static char *take_used(struct stack_pool *pool)
{
	if (pool->hot.count)
		return pool->hot.items[--pool->hot.count];
	if (pool->cold.count)
		return pool->cold.items[--pool->cold.count];
	return NULL;
}

/* A stack gets its guard when it is first used. */
static char *take_fresh(struct stack_pool *pool)
{
	char *low;

	if (pool->fresh.count == 0 && !add_slab(pool))
		return NULL;
	low = pool->fresh.items[pool->fresh.count - 1];
	if (!pool->canaries && !install_guard(low))
		return NULL;
	pool->fresh.count--;
	return low;
}

int stack_take(struct stack_pool *pool, char **low, struct problem *problem)
{
	char *stack = take_used(pool);

	if (!stack)
		stack = take_fresh(pool);
	if (!stack)
		return problem_set(problem, WEIR_ENOMEM, "no memory for another coroutine's stack: %s",
		                   strerror(errno));
	FORGET_REDZONES(stack, STACK_SIZE);
	*low = stack;
	return 0;
}

void stack_give_back(struct stack_pool *pool, char *low)
{
	if (pool->hot.count < HOT_MAX) {
		vec_push(&pool->hot, low);
		return;
	}
	(void)!madvise(low, STACK_SIZE, MADV_DONTNEED);
	vec_push(&pool->cold, low);
}
