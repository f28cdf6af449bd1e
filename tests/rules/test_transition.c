/* SPDX-License-Identifier: Apache-2.0 */
/* What every decision does, whatever the rules: counts and times, details, errors, the verdict's form. */
#include "trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct flow_run make_run(const char *policy)
{
	struct flow_run run;

	fields_init(&flow_run_fields, &run);
	run.id = id(1);
	run.empirical_policy = str_of(policy);
	return run;
}

/* --- Bookkeeping --- */

/* One state after the other by force, at the given offsets; what the row shows after each. */
static const struct step {
	enum state_type type;
	int64_t at_us;
	const char *expect;
} steps[] = {
	{ STATE_SCHEDULED, 0, "expected +0 next +0 start - end - total 0 count 0" },
	{ STATE_PENDING, 1, "expected +0 next - start - end - total 0 count 0" },
	{ STATE_RUNNING, 10, "expected +0 next - start +10 end - total 0 count 1" },
	{ STATE_RUNNING, 30, "expected +0 next - start +10 end - total 20 count 2" },
	{ STATE_SCHEDULED, 70, "expected +0 next +70 start +10 end - total 60 count 2" },
	{ STATE_RUNNING, 90, "expected +0 next - start +10 end - total 60 count 3" },
	{ STATE_FAILED, 95, "expected +0 next - start +10 end +95 total 65 count 3" },
	{ STATE_CRASHED, 99, "expected +0 next - start +10 end +95 total 65 count 3" },
	{ STATE_PENDING, 100, "expected +0 next - start +10 end - total 65 count 3" },
	{ STATE_RUNNING, 110, "expected +0 next - start +10 end - total 65 count 4" },
	/* Backdated by its client: the stretch counts nothing. */
	{ STATE_COMPLETED, 105, "expected +0 next - start +10 end +105 total 65 count 4" },
};

static struct str offset_of(struct arena *arena, int64_t instant)
{
	return instant == TIMESTAMP_NONE ? STR("-") : arena_printf(arena, "+%lld", (long long)(instant - NOW_US));
}

static void test_bookkeeping(void **unused UNUSED)
{
	int64_t before_us = 0;
	AUTO(arena_done) struct arena arena = { 0 };
	struct flow_run run = make_run("{}");
	struct state current = { 0 };

	for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
		struct flow_transition transition = {
			.common = { .arena = &arena,
			            .now_us = NOW_US + steps[i].at_us,
			            .current = i > 0 ? &current : NULL,
			            .state_id = id((uint8_t)(i + 10)),
			            .proposed = { .type = steps[i].type, .timestamp = NOW_US + steps[i].at_us } },
			.policy = FLOW_POLICY_MINIMAL,
			.run = &run,
		};
		struct str got;

		assert_int_equal(flow_transition_decide(&transition, NULL), 0);
		current = transition.common.proposed;
		got = arena_printf(&arena, "expected %s next %s start %s end %s total %lld count %lld",
		                   offset_of(&arena, run.expected_start_time).data,
		                   offset_of(&arena, run.next_scheduled_start_time).data,
		                   offset_of(&arena, run.start_time).data, offset_of(&arena, run.end_time).data,
		                   (long long)run.total_run_time, (long long)run.run_count);
		assert_string_equal(got.data, steps[i].expect);
		assert_true(uuid_equal(run.state_id, id((uint8_t)(i + 10))));
		assert_true(uuid_equal(current.run_id, run.id));
		assert_int_equal(run.state_type, steps[i].type);
		assert_true(run.state_timestamp >= NOW_US + steps[i].at_us);
		assert_true(i == 0 || run.state_timestamp > before_us);
		before_us = run.state_timestamp;
		assert_int_equal(run.updated, NOW_US + steps[i].at_us);
	}
}

static struct flow_transition plain(struct arena *arena, struct flow_run *run, enum state_type type)
{
	return (struct flow_transition){
		.common = { .arena = arena,
		            .now_us = NOW_US,
		            .state_id = id(4),
		            .proposed = { .type = type, .timestamp = TIMESTAMP_NONE } },
		.run = run,
	};
}

/* What is stamped now comes after the present state, also when the clock has been set back meanwhile. */
static void test_a_clock_that_was_set_back(void **unused UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct flow_run run = make_run("{\"retries\":1}");
	struct state current = { .id = id(3), .type = STATE_RUNNING, .timestamp = NOW_US + SECOND_US };
	struct flow_transition transition = plain(&arena, &run, STATE_FAILED);

	transition.common.current = &current;
	assert_int_equal(flow_transition_decide(&transition, NULL), 0);
	assert_int_equal(transition.common.verdict.status, VERDICT_REJECT);
	assert_int_equal(transition.common.proposed.timestamp, NOW_US + SECOND_US + 1);
	assert_int_equal(run.total_run_time, 1);

	transition = plain(&arena, &run, STATE_CANCELLED);
	transition.common.current = &current;
	assert_int_equal(flow_transition_decide(&transition, NULL), 0);
	assert_int_equal(transition.common.proposed.timestamp, NOW_US + SECOND_US + 1);
}

static void test_timestamps_are_unique(void **unused UNUSED)
{
	static const int64_t taken[] = { NOW_US, NOW_US + 1, NOW_US + 3 };
	AUTO(arena_done) struct arena arena = { 0 };
	struct flow_run run = make_run("{}");
	struct flow_transition transition = plain(&arena, &run, STATE_RUNNING);

	transition.taken_timestamps = taken;
	transition.taken_count = ARRAY_LENGTH(taken);
	assert_int_equal(flow_transition_decide(&transition, NULL), 0);
	assert_int_equal(transition.common.proposed.timestamp, NOW_US + 2);
	assert_int_equal(run.start_time, NOW_US + 2);
	assert_int_equal(run.state_timestamp, NOW_US + 2);
}

/* The form without any other detail is written by hand, past the field table: it must be the same. */
static void test_details_name_the_owner(void **unused UNUSED)
{
	static const char *const proposed[] = { "{}", "{\"untrackable_result\":true}" };
	AUTO(arena_done) struct arena arena = { 0 };

	for (int i = 0; i < 4; i++) {
		struct flow_run run = make_run("{}");
		struct flow_transition transition = plain(&arena, &run, STATE_RUNNING);
		struct state_details details;

		if (i / 2 == 1)
			run.parent_task_run_id = id(2);
		transition.common.proposed.details = str_of(proposed[i % 2]);
		assert_int_equal(flow_transition_decide(&transition, NULL), 0);
		assert_int_equal(state_details_read(&arena, transition.common.proposed.details, &details, NULL), 0);
		assert_true(uuid_equal(details.flow_run_id, run.id));
		assert_true(uuid_equal(details.task_run_id, run.parent_task_run_id));
		assert_true(str_equal(state_details_text(&arena, &details), transition.common.proposed.details));
	}
}

static void test_unreadable_json_is_an_error(void **unused UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct flow_run run = make_run("{\"resuming\":");
	struct flow_transition transition = plain(&arena, &run, STATE_RUNNING);
	struct state current = { .id = id(3),
		                 .type = STATE_SCHEDULED,
		                 .details = STR("{\"scheduled_time\":\"soon\"}") };
	struct problem problem;

	assert_int_equal(flow_transition_decide(&transition, &problem), WEIR_ECORRUPT);
	assert_non_null(strstr(problem.message, "the stored policy of flow run 01000000-"));

	run.empirical_policy = STR("{}");
	transition = plain(&arena, &run, STATE_RUNNING);
	transition.common.current = &current;
	assert_int_equal(flow_transition_decide(&transition, &problem), WEIR_ECORRUPT);
	assert_non_null(strstr(problem.message, "the stored details of state 03000000-"));

	transition = plain(&arena, &run, STATE_RUNNING);
	transition.common.proposed.details = STR("{\"scheduled_time\":\"soon\"}");
	assert_int_equal(flow_transition_decide(&transition, &problem), WEIR_EINVAL);
	transition = plain(&arena, &run, STATE_RUNNING);
	transition.common.proposed.details = STR("{");
	assert_int_equal(flow_transition_decide(&transition, &problem), WEIR_ESYNTAX);
}

static void test_verdict_details(void **unused UNUSED)
{
	static const struct {
		struct verdict verdict;
		const char *expect;
	} rows[] = {
		{ { .status = VERDICT_ACCEPT }, "{\"type\":\"accept_details\"}" },
		{ { .status = VERDICT_REJECT, .reason = { "no", 2 } },
		  "{\"type\":\"reject_details\",\"reason\":\"no\"}" },
		{ { .status = VERDICT_ABORT, .reason = { "no", 2 } },
		  "{\"type\":\"abort_details\",\"reason\":\"no\"}" },
		{ { .status = VERDICT_WAIT, .reason = { "no", 2 }, .delay_seconds = 5 },
		  "{\"type\":\"wait_details\",\"delay_seconds\":5,\"reason\":\"no\"}" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		AUTO(strbuf_done) struct strbuf text = { 0 };
		struct json_writer writer;

		json_writer_init(&writer, &text);
		verdict_write_details(&rows[i].verdict, &writer);
		assert_string_equal(text.data, rows[i].expect);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bookkeeping),
		cmocka_unit_test(test_a_clock_that_was_set_back),
		cmocka_unit_test(test_timestamps_are_unique),
		cmocka_unit_test(test_details_name_the_owner),
		cmocka_unit_test(test_unreadable_json_is_an_error),
		cmocka_unit_test(test_verdict_details),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
