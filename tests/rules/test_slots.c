/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of concurrency limits, with the figures of CONTRACT 3.10. */
#include "../check.h"

#include "rules/slots.h"

#include <math.h>

enum { SECOND_US = 1000000 };

/* --- decay --- */

static void counts_decay_by_whole_slots(void **state UNUSED)
{
	static const struct {
		const char *what;
		double decay, average;
		int64_t active, denied;
		int64_t passed_us;
		int64_t active_after, denied_after, updated_after;
	} rows[] = {
		{ "no time", 1, 2, 5, 3, 0, 5, 3, 0 },
		{ "the clock stepped back", 1, 2, 5, 3, -5 * SECOND_US, 5, 3, 0 },
		{ "half a slot", 1, 2, 5, 3, SECOND_US / 2, 5, 3, 0 },
		{ "a slot and a half: the half is kept", 1, 2, 5, 3, 3 * SECOND_US / 2, 4, 2, SECOND_US },
		{ "a fast one", 10, 2, 50, 3, SECOND_US, 40, 0, SECOND_US },
		{ "down to nothing, not below", 1, 2, 5, 3, 100 * SECOND_US, 0, 0, 100 * SECOND_US },
		{ "slow: a slot in ten seconds", 0.1, 2, 5, 0, 25 * SECOND_US, 3, 0, 20 * SECOND_US },
		{ "without decay only what was denied", 0, 2, 5, 3, 4 * SECOND_US, 5, 1, 4 * SECOND_US },
		{ "an average below the least", 0, 0.01, 5, 30, SECOND_US, 5, 20, SECOND_US },
		{ "an average above the longest wait", 0, 1000, 5, 3, 60 * SECOND_US, 5, 1, 60 * SECOND_US },
		{ "for ever", 1e9, 2, INT32_MAX, INT32_MAX, INT64_MAX, 0, 0, INT64_MAX },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct concurrency_limit limit = {
			.name = STR("db"),
			.limit = 10,
			.active_slots = rows[i].active,
			.denied_slots = rows[i].denied,
			.slot_decay_per_second = rows[i].decay,
			.avg_slot_occupancy_seconds = rows[i].average,
		};

		slots_decay(&limit, rows[i].passed_us);
		check_integer(rows[i].what, limit.active_slots, rows[i].active_after);
		check_integer(rows[i].what, limit.denied_slots, rows[i].denied_after);
		check_integer(rows[i].what, limit.updated, rows[i].updated_after);
	}
}

/* Somebody who asks a thousand times a second must not keep a slow limit full. */
static void looking_often_does_not_stop_the_decay(void **state UNUSED)
{
	struct concurrency_limit limit = { .limit = 4, .active_slots = 4, .slot_decay_per_second = 0.5 };

	for (int64_t now = 0; now <= 4 * SECOND_US; now += 1000)
		slots_decay(&limit, now);
	assert_int_equal(limit.active_slots, 2);
}

/* --- room --- */

static void room_comes_with_the_decay(void **state UNUSED)
{
	static const struct {
		const char *what;
		double decay;
		int64_t active, slots, at;
	} rows[] = {
		{ "there is room", 1, 9, 1, 0 },
		{ "one too few", 1, 10, 1, SECOND_US },
		{ "three too few", 2, 10, 3, 3 * SECOND_US / 2 },
		{ "more than the limit, as when it was lowered", 1, 15, 1, 6 * SECOND_US },
		{ "no decay", 0, 10, 1, INT64_MAX },
		{ "too slow to count", 1e-18, 10, 1, INT64_MAX },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct concurrency_limit limit = {
			.limit = 10,
			.active_slots = rows[i].active,
			.slot_decay_per_second = rows[i].decay,
		};
		int64_t at = slots_free_at(&limit, rows[i].slots);

		check_integer(rows[i].what, at, rows[i].at);
		if (at == INT64_MAX)
			continue;
		slots_decay(&limit, at);
		assert_true(slots_free(&limit) >= rows[i].slots); /* it is true then, not a moment later */
	}
}

/* --- occupancy --- */

static void averages_move_slowly(void **state UNUSED)
{
	static const struct {
		const char *what;
		int64_t limit;
		double average, held;
		int64_t slots;
		double after;
	} rows[] = {
		{ "a limit of one: half way", 1, 2, 4, 1, 3 },
		{ "a limit of ten: a twentieth", 10, 2, 4, 1, 2.1 },
		{ "several slots count as one after the other", 1, 2, 4, 2, 2 },
		{ "very short ones count as a tenth of a second", 1, 2, 0, 1, 1.05 },
		{ "a limit of nothing", 0, 2, 4, 1, 2 },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct concurrency_limit limit = {
			.limit = rows[i].limit,
			.avg_slot_occupancy_seconds = rows[i].average,
		};
		double after = slots_average(&limit, rows[i].held, rows[i].slots);

		if (fabs(after - rows[i].after) > 1e-9)
			fail_msg("%s: %g, expected %g", rows[i].what, after, rows[i].after);
	}
}

/* --- asking again --- */

static void waits_are_those_of_the_reference(void **state UNUSED)
{
	static const struct {
		const char *what;
		const char *name;
		int64_t limit;
		double decay, average;
		int64_t denied, slots;
		double around; /* the value that the random draw is around */
	} rows[] = {
		{ "one slot of one", "db", 1, 0, 2, 0, 1, 2 },
		{ "shared by the slots", "db", 4, 0, 2, 0, 1, 0.5 },
		{ "those before us", "db", 4, 0, 2, 7, 1, 4 },
		{ "never longer than 30 s", "db", 1, 0, 2, 1000, 1, 30 },
		{ "a long average counts as 30 s", "db", 10, 0, 500, 0, 1, 3 },
		{ "of a tag never longer than 10 s", "tag:db", 1, 0, 2, 1000, 1, 10 },
		{ "a long average counts as 10 s for a tag", "tag:db", 10, 0, 500, 0, 1, 1 },
		{ "with decay", "db", 10, 2, 2, 3, 1, 2 },
		{ "with a slow decay, as long as it takes", "db", 10, 0.01, 2, 0, 1, 100 },
		{ "a limit of nothing", "db", 0, 0, 2, 0, 1, 2 },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct concurrency_limit limit = {
			.name = str_of(rows[i].name),
			.limit = rows[i].limit,
			.denied_slots = rows[i].denied,
			.slot_decay_per_second = rows[i].decay,
			.avg_slot_occupancy_seconds = rows[i].average,
		};
		double least = slots_retry_after(&limit, rows[i].slots, 0);
		double most = slots_retry_after(&limit, rows[i].slots, 1);

		/* The clamps of the draw: 1.3 times the value, and what belongs to that (test_retry.c has them). */
		if (fabs(most - 1.3 * rows[i].around) > 1e-6 || !(least > 0 && least < rows[i].around))
			fail_msg("%s: %g to %g, expected them around %g", rows[i].what, least, most, rows[i].around);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_decay_by_whole_slots),
		cmocka_unit_test(looking_often_does_not_stop_the_decay),
		cmocka_unit_test(room_comes_with_the_decay),
		cmocka_unit_test(averages_move_slowly),
		cmocka_unit_test(waits_are_those_of_the_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
