/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks: where they lie, that they are used again, what guards them, and what happens when there is no room. */
#include "in_child.h"
#include "loop/stack.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

enum { PAGE_SIZE = 4096 };

static char *take(struct stack_pool *pool)
{
	struct problem problem;
	char *low = NULL;

	assert_int_equal(stack_take(pool, &low, &problem), 0);
	return low;
}

/* In pages that are in memory. */
static size_t count_resident(char *low)
{
	unsigned char pages[STACK_SIZE / PAGE_SIZE];
	size_t count = 0;

	assert_int_equal(mincore(low, STACK_SIZE, pages), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(pages); i++)
		count += pages[i] & 1;
	return count;
}

static int compare(const void *a, const void *b)
{
	const char *left = *(char *const *)a, *right = *(char *const *)b;

	return (left > right) - (left < right);
}

static void stacks_lie_apart(void **state)
{
	struct stack_pool pool;
	char *stacks[300];

	(void)state;
	stack_pool_init(&pool, false);
	for (size_t i = 0; i < ARRAY_LENGTH(stacks); i++) {
		stacks[i] = take(&pool);
		assert_int_equal((uintptr_t)stacks[i] % PAGE_SIZE, 0);
		assert_int_equal(count_resident(stacks[i]), 0);
		stacks[i][0] = stacks[i][STACK_SIZE - 1] = 'x';
		assert_int_equal(count_resident(stacks[i]), 2);
	}
	qsort(stacks, ARRAY_LENGTH(stacks), sizeof *stacks, compare);
	for (size_t i = 1; i < ARRAY_LENGTH(stacks); i++)
		assert_true(stacks[i] - stacks[i - 1] >= STACK_SIZE + STACK_GUARD_SIZE);
	stack_pool_done(&pool);
}

/* Most of the memory of many that are given back at once goes back to the system. */
static void given_back_stacks_cost_little(void **state)
{
	char *stacks[200];
	struct stack_pool pool;
	size_t resident = 0;

	(void)state;
	stack_pool_init(&pool, false);
	for (size_t i = 0; i < ARRAY_LENGTH(stacks); i++) {
		stacks[i] = take(&pool);
		memset(stacks[i], 'x', STACK_SIZE);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(stacks); i++)
		stack_give_back(&pool, stacks[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(stacks); i++)
		resident += count_resident(stacks[i]) > 0;
	assert_in_range(resident, 1, 64);
	/* All of them are handed out again before new ones are made, and can be used. */
	for (size_t i = 0; i < ARRAY_LENGTH(stacks); i++) {
		char *low = take(&pool);
		size_t known = 0;

		while (known < ARRAY_LENGTH(stacks) && stacks[known] != low)
			known++;
		assert_true(known < ARRAY_LENGTH(stacks));
		memset(low, 'y', STACK_SIZE);
	}
	stack_pool_done(&pool);
}

static void zone_below_is_known(void **state)
{
	struct stack_pool pool;
	char *low;

	(void)state;
	stack_pool_init(&pool, false);
	low = take(&pool);
	assert_false(stack_guards(low, low));
	assert_true(stack_guards(low, low - 1));
	assert_true(stack_guards(low, low - STACK_GUARD_SIZE));
	assert_false(stack_guards(low, low - STACK_GUARD_SIZE - 1));
	assert_false(stack_guards(low, NULL));
	stack_pool_done(&pool);
}

static void canaries_find_what_was_written_below(void **state)
{
	struct stack_pool pool;
	char *first, *second;

	(void)state;
	stack_pool_init(&pool, true);
	assert_true(pool.canaries);
	first = take(&pool);
	second = take(&pool);
	memset(first, 'x', STACK_SIZE);
	assert_true(stack_is_whole(&pool, first));
	for (size_t offset = 1; offset <= 128; offset += 9) {
		first[-(ptrdiff_t)offset] = 1;
		assert_false(stack_is_whole(&pool, first));
		first[-(ptrdiff_t)offset] = 0;
	}
	assert_true(stack_is_whole(&pool, first));
	assert_true(stack_is_whole(&pool, second));
	/* Looking took no memory: the pages below the second one were never written. */
	assert_int_equal(count_resident(second), 0);
	stack_pool_done(&pool);
}

static void write_below(void)
{
	struct stack_pool pool;
	char *low;

	stack_pool_init(&pool, false);
	low = take(&pool);
	for (size_t i = 0; i < 100; i++)
		stack_give_back(&pool, take(&pool));
	*(volatile char *)(low - 1) = 'x';
}

/* Where the kernel has guards, touching them is a fault. */
static void kernel_guards_the_zone(void **state)
{
	struct stack_pool pool;
	bool canaries;
	int status;

	(void)state;
	stack_pool_init(&pool, false);
	canaries = pool.canaries;
	stack_pool_done(&pool);
	if (canaries)
		skip();
	status = run_in_child(write_below);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
}

static void take_until_there_is_no_room(void)
{
	struct rlimit limit = { .rlim_cur = (rlim_t)1 << 30, .rlim_max = (rlim_t)1 << 30 };
	struct problem problem = { 0 };
	struct stack_pool pool;
	int result = 0, count;
	char *low;

	setrlimit(RLIMIT_AS, &limit);
	stack_pool_init(&pool, false);
	for (count = 0; result == 0 && count < 10000; count++)
		result = stack_take(&pool, &low, &problem);
	if (result != WEIR_ENOMEM || count < 100 || !strstr(problem.message, "stack"))
		_exit(1);
	/* The pool is as good as before: what is given back can be taken. */
	stack_give_back(&pool, pool.slabs ? low : NULL);
	if (stack_take(&pool, &low, &problem) != 0)
		_exit(2);
	stack_pool_done(&pool);
}

static void no_room_is_an_error(void **state)
{
	(void)state;
	if (has_sanitizer())
		skip(); /* they need more address space themselves */
	assert_int_equal(run_in_child(take_until_there_is_no_room), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_lie_apart),       cmocka_unit_test(given_back_stacks_cost_little),
		cmocka_unit_test(zone_below_is_known),    cmocka_unit_test(canaries_find_what_was_written_below),
		cmocka_unit_test(kernel_guards_the_zone), cmocka_unit_test(no_room_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
