/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "loop/place.h"

#include <stdio.h>
#include <stdlib.h>

static const int constant[4] = { 1, 2, 3, 4 };
static int variable = 5;
static int zero[1000];

static void test_static_data_has_a_place(void **state)
{
	const void *addresses[] = { &constant[2], &variable, &zero[999], "text", stdout };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(addresses); i++) {
		struct place place;

		assert_true(place_find(addresses[i], &place));
		assert_ptr_equal(place_address(&place), addresses[i]);
	}
}

static void test_heap_and_stack_have_none(void **state)
{
	int local = 1;
	int *heap = malloc(sizeof *heap);
	struct place place;

	(void)state;
	assert_false(place_find(&local, &place));
	assert_false(place_find(heap, &place));
	assert_false(place_find(NULL, &place));
	free(heap);
}

static void test_what_is_not_loaded_is_not_found(void **state)
{
	struct place place, other;

	(void)state;
	assert_true(place_find(&variable, &place));
	other = place;
	strcpy(other.build_id, "0123456789");
	assert_null(place_address(&other));
	other = place;
	other.offset = UINT64_MAX - 4096;
	assert_null(place_address(&other));
	/* Of an object without a build id the name tells. */
	other = place;
	other.build_id[0] = '\0';
	strcpy(other.object, "/nowhere/lib.so");
	assert_null(place_address(&other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_static_data_has_a_place),
		cmocka_unit_test(test_heap_and_stack_have_none),
		cmocka_unit_test(test_what_is_not_loaded_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
