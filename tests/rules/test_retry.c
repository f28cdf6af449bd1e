/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/retry.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct retry_case {
	const char *policy;
	int64_t run_count;
	double random;
	int64_t delay_us; /* -1: no retry */
	const char *reason;
} cases[] = {
	{ "{}", 1, 0, -1, "no retries are set" },
	{ "{\"retries\":0}", 1, 0, -1, "no retries are set" },
	{ "{\"retries\":2}", 1, 0, 0, "attempt 1 of 3 failed" },
	{ "{\"retries\":2}", 2, 0, 0, "attempt 2 of 3 failed" },
	{ "{\"retries\":2}", 3, 0, -1, "all 2 retries are used up" },
	{ "{\"retries\":2,\"retry_delay\":10}", 1, 0, 10000000, "attempt 1 of 3 failed" },
	{ "{\"retries\":2,\"retry_delay\":0.25}", 1, 0, 250000, "attempt 1 of 3 failed" },
	/* The last element of a list repeats; an attempt that never ran takes the first. */
	{ "{\"retries\":9,\"retry_delay\":[1,10,60]}", 0, 0, 1000000, "attempt 0 of 10 failed" },
	{ "{\"retries\":9,\"retry_delay\":[1,10,60]}", 1, 0, 1000000, "attempt 1 of 10 failed" },
	{ "{\"retries\":9,\"retry_delay\":[1,10,60]}", 3, 0, 60000000, "attempt 3 of 10 failed" },
	{ "{\"retries\":9,\"retry_delay\":[1,10,60]}", 8, 0, 60000000, "attempt 8 of 10 failed" },
	{ "{\"retries\":9,\"retry_delay\":[0,10]}", 1, 0, 0, "attempt 1 of 10 failed" },
	{ "{\"retries\":9,\"retry_delay\":[]}", 1, 0, 0, "attempt 1 of 10 failed" },
	/* Delays that make no sense. */
	{ "{\"retries\":1,\"retry_delay\":-5}", 1, 0, 0, "attempt 1 of 2 failed" },
	{ "{\"retries\":1,\"retry_delay\":NaN}", 1, 0, 0, "attempt 1 of 2 failed" },
	{ "{\"retries\":1,\"retry_delay\":Infinity}", 1, 0, INT64_C(3155760000000000), "attempt 1 of 2 failed" },
	{ "{\"retries\":1,\"retry_delay\":\"soon\"}", 1, 0, 0, "attempt 1 of 2 failed" },
	/* The deprecated fields count when the new ones are unset. */
	{ "{\"max_retries\":1,\"retry_delay_seconds\":7.0}", 1, 0, 7000000, "attempt 1 of 2 failed" },
	{ "{\"max_retries\":5,\"retries\":1,\"retry_delay_seconds\":7.0,\"retry_delay\":3}", 2, 0, -1,
	  "all 1 retries are used up" },
	{ "{\"retries\":1,\"retry_delay_seconds\":7.0,\"retry_delay\":3}", 1, 0, 3000000, "attempt 1 of 2 failed" },
	/* Jitter: from the lower clamp (random 0) to just under 1 + factor times (random towards 1). */
	{ "{\"retries\":1,\"retry_delay\":10,\"retry_jitter_factor\":1.0}", 1, 0, 4150375, "attempt 1 of 2 failed" },
	{ "{\"retries\":1,\"retry_delay\":10,\"retry_jitter_factor\":1.0}", 1, 0.5, 9217421, "attempt 1 of 2 failed" },
	{ "{\"retries\":1,\"retry_delay\":10,\"retry_jitter_factor\":1.0}", 1, 0.999999999, 20000000,
	  "attempt 1 of 2 failed" },
	{ "{\"retries\":1,\"retry_delay\":0,\"retry_jitter_factor\":1.0}", 1, 0.5, 0, "attempt 1 of 2 failed" },
	{ "{\"retries\":1,\"retry_delay\":10,\"retry_jitter_factor\":-1.0}", 1, 0.5, 10000000,
	  "attempt 1 of 2 failed" },
	{ "{\"retries\":1,\"retry_delay\":10,\"retry_jitter_factor\":0.0}", 1, 0.5, 10000000, "attempt 1 of 2 failed" },
};

static void test_cases(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(arena_done) struct arena arena = { 0 };
		const struct retry_case *each = &cases[i];
		struct run_policy policy;
		int64_t delay_us;
		struct str reason;
		bool again;

		assert_int_equal(run_policy_read(&arena, str_of(each->policy), &policy, NULL), 0);
		again = retry_decide(&arena, &policy, each->run_count, each->random, &delay_us, &reason);
		if (again != (each->delay_us >= 0) || (again && delay_us != each->delay_us) ||
		    !str_is(reason, each->reason))
			fail_msg("%s after %lld attempts: %s, delay %lld us, %.*s", each->policy,
			         (long long)each->run_count, again ? "again" : "not again", (long long)delay_us,
			         STR_ARG(reason));
	}
}

static void test_spread_stays_within_its_bounds(void **state UNUSED)
{
	static const double spreads[] = { 0.01, 0.3, 1, 10, 49, 100 };

	for (size_t i = 0; i < ARRAY_LENGTH(spreads); i++) {
		double before = 0, sum = 0;

		for (int step = 0; step < 1000; step++) {
			double interval = interval_spread(8, spreads[i], step / 1000.0);

			assert_true(interval >= before); /* a growing function of the random number */
			assert_true(interval <= 8 * (1 + spreads[i]) + 1e-9);
			before = interval;
			sum += interval;
		}
		assert_true(fabs(sum / 1000 - 8) < 1); /* the average stays about where it was */
	}
	assert_true(interval_spread(0, 0.3, 0.5) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_spread_stays_within_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
