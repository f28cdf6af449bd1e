/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/vec.h"

struct point {
	int x, y;
};

static void items_stay_in_order_as_it_grows(void **state UNUSED)
{
	struct VEC(struct point) points = { 0 };

	for (int i = 0; i < 1000; i++) {
		vec_push(&points, ((struct point){ i, -i }));
		assert_int_equal(points.count, i + 1);
		assert_true(points.capacity >= points.count);
	}
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(points.items[i].x, i);
		assert_int_equal(points.items[i].y, -i);
	}
	vec_done(&points);
}

static void a_done_vector_is_empty_and_usable(void **state UNUSED)
{
	struct VEC(const char *) words = { 0 };

	vec_done(&words);
	vec_push(&words, "one");
	vec_done(&words);
	assert_null(words.items);
	assert_int_equal(words.count + words.capacity, 0);
	vec_push(&words, "two");
	assert_string_equal(words.items[0], "two");
	vec_done(&words);
}

static void a_push_evaluates_the_item_once(void **state UNUSED)
{
	struct VEC(int) numbers = { 0 };
	int next = 0;

	for (int i = 0; i < 20; i++)
		vec_push(&numbers, next++);
	assert_int_equal(next, 20);
	assert_int_equal(numbers.items[19], 19);
	vec_done(&numbers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_stay_in_order_as_it_grows),
		cmocka_unit_test(a_done_vector_is_empty_and_usable),
		cmocka_unit_test(a_push_evaluates_the_item_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
