/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/stack.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* <linux/mman.h> of 6.13; older kernels answer EINVAL */
#endif

enum {
	GUARD_SIZE = 4096,
	SLAB_STACKS = 64,
	HOT_STACKS = 64, /* kept with their touched pages */
};

static const uint64_t canary[2] = { UINT64_C(0x77656972206f766c), UINT64_C(0x9e3779b97f4a7c15) };

/* A free stack, written at its top, where the page has been touched anyway. */
struct free_stack {
	void *bottom;
	struct free_stack *next;
};

static struct {
	pthread_mutex_t mutex;
	struct free_stack *hot, *cold;
	unsigned hot_count;
	char *slab; /* the newest; those before are used up */
	unsigned slab_used;
	int light_guards; /* 0: not known yet, 1: there are, -1: there are none */
} stacks = { .mutex = PTHREAD_MUTEX_INITIALIZER, .slab_used = SLAB_STACKS };

/* --- Cutting a new one; under the mutex --- */

static void guard(char *bottom)
{
	if (stacks.light_guards >= 0)
		stacks.light_guards = madvise(bottom, GUARD_SIZE, MADV_GUARD_INSTALL) == 0 ? 1 : -1;
	if (stacks.light_guards < 0)
		memcpy(bottom, canary, sizeof canary);
}

static bool new_slab(void)
{
	const size_t size = (size_t)STACK_SIZE * SLAB_STACKS;
	void *slab = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (slab == MAP_FAILED)
		return false;
	/* One touched page must not become a huge one. */
	(void)madvise(slab, size, MADV_NOHUGEPAGE);
	stacks.slab = slab;
	stacks.slab_used = 0;
	return true;
}

static void *cut(void)
{
	char *bottom;

	if (stacks.slab_used == SLAB_STACKS && !new_slab())
		return NULL;
	bottom = stacks.slab + (size_t)STACK_SIZE * stacks.slab_used++;
	guard(bottom);
	return bottom;
}

/* --- Handing out and taking back --- */

static void *take(struct free_stack **list)
{
	struct free_stack *first = *list;

	*list = first->next;
	return first->bottom;
}

void *stack_new(void)
{
	void *bottom;

	pthread_mutex_lock(&stacks.mutex);
	if (stacks.hot) {
		bottom = take(&stacks.hot);
		stacks.hot_count--;
	} else if (stacks.cold) {
		bottom = take(&stacks.cold);
	} else {
		bottom = cut();
	}
	pthread_mutex_unlock(&stacks.mutex);
	return bottom;
}

/* The touched pages but the topmost go back to the system. */
static void cool(char *bottom)
{
	(void)madvise(bottom + GUARD_SIZE, STACK_SIZE - 2 * GUARD_SIZE, MADV_DONTNEED);
}

void stack_free(void *bottom)
{
	struct free_stack *entry = (struct free_stack *)(void *)((char *)bottom + STACK_SIZE) - 1;
	bool hot;

	entry->bottom = bottom;
	pthread_mutex_lock(&stacks.mutex);
	hot = stacks.hot_count < HOT_STACKS;
	if (hot) {
		entry->next = stacks.hot;
		stacks.hot = entry;
		stacks.hot_count++;
	}
	pthread_mutex_unlock(&stacks.mutex);
	if (hot)
		return;
	cool(bottom);
	pthread_mutex_lock(&stacks.mutex);
	entry->next = stacks.cold;
	stacks.cold = entry;
	pthread_mutex_unlock(&stacks.mutex);
}

bool stack_overflown(const void *bottom)
{
	return stacks.light_guards < 0 && memcmp(bottom, canary, sizeof canary) != 0;
}

bool stack_is_guard(const void *bottom, const void *address)
{
	uintptr_t from = (uintptr_t)bottom, at = (uintptr_t)address;

	return at >= from && at < from + GUARD_SIZE;
}
