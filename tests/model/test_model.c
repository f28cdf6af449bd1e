/* SPDX-License-Identifier: Apache-2.0 */
/* States, their details and retry policies between text, JSON and structs; the estimates of CONTRACT 3.3. */
#include "../check.h"

#include "model/run.h"

#include <math.h>

static const struct json *must_parse(struct arena *arena, struct str text)
{
	const struct json *root;
	struct problem problem;

	if (json_read(arena, text, JSON_ALLOW_NAN, &root, NULL, &problem) < 0)
		fail_msg("%.*s: %s", STR_ARG(text), problem.message);
	return root;
}

/* --- state types --- */

static void types_have_names_titles_and_an_end(void **state UNUSED)
{
	static const struct {
		enum state_type type;
		const char *name, *title;
		bool terminal;
	} rows[] = {
		{ STATE_SCHEDULED, "SCHEDULED", "Scheduled", false },
		{ STATE_PENDING, "PENDING", "Pending", false },
		{ STATE_RUNNING, "RUNNING", "Running", false },
		{ STATE_COMPLETED, "COMPLETED", "Completed", true },
		{ STATE_FAILED, "FAILED", "Failed", true },
		{ STATE_CANCELLED, "CANCELLED", "Cancelled", true },
		{ STATE_CRASHED, "CRASHED", "Crashed", true },
		{ STATE_PAUSED, "PAUSED", "Paused", false },
		{ STATE_CANCELLING, "CANCELLING", "Cancelling", false },
	};

	assert_int_equal(ARRAY_LENGTH(rows), STATE_TYPE_COUNT - 1);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		check_integer(rows[i].name, enum_value(state_type_names, str_of(rows[i].name)), rows[i].type);
		check_text(rows[i].name, state_type_title(rows[i].type), rows[i].title);
		check_integer(rows[i].name, state_type_is_terminal(rows[i].type), rows[i].terminal);
	}
	assert_false(state_type_is_terminal(STATE_NONE));
}

/* --- details --- */

#define ID "01234567-89ab-cdef-0123-456789abcdef"

static const char *const detail_names[] = {
	"flow_run_id",        "task_run_id",        "child_flow_run_id",
	"scheduled_time",     "cache_key",          "cache_expiration",
	"deferred",           "untrackable_result", "pause_timeout",
	"pause_reschedule",   "pause_key",          "run_input_keyset",
	"refresh_cache",      "retriable",          "transition_id",
	"task_parameters_id", "traceparent",        "deployment_concurrency_lease_id",
};

static void details_round_trip_in_their_compact_form(void **state UNUSED)
{
	static const char *const texts[] = {
		"{}",
		"{\"deferred\":true}",
		"{\"refresh_cache\":false,\"retriable\":true}",
		("{\"flow_run_id\":\"" ID "\",\"task_run_id\":\"" ID "\",\"child_flow_run_id\":\"" ID "\","
		 "\"scheduled_time\":\"2026-01-31T08:00:00Z\",\"cache_key\":\"k\\n\",\"cache_expiration\":"
		 "\"2026-01-31T08:00:00.000001Z\",\"deferred\":true,\"untrackable_result\":true,\"pause_timeout\":"
		 "\"2027-01-31T08:00:00Z\",\"pause_reschedule\":true,\"pause_key\":\"p\",\"run_input_keyset\":"
		 "{\"schema\":\"s\"},\"refresh_cache\":true,\"retriable\":false,\"transition_id\":\"" ID "\","
		 "\"task_parameters_id\":\"" ID "\",\"traceparent\":\"00-x\",\"deployment_concurrency_lease_id\":\"" ID
		 "\"}"),
	};

	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		AUTO(arena_done) struct arena arena = { 0 };
		struct state_details details;
		struct problem problem = { 0 };

		if (state_details_read(&arena, str_of(texts[i]), &details, &problem) < 0)
			fail_msg("%s: %s", texts[i], problem.message);
		check_str(texts[i], state_details_text(&arena, &details), texts[i]);
	}
}

static void no_details_are_the_defaults(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct state_details details;

	memset(&details, 0xAA, sizeof details);
	assert_int_equal(state_details_read(&arena, STR_NULL, &details, NULL), 0);
	assert_true(uuid_is_nil(details.flow_run_id));
	assert_true(details.scheduled_time == TIMESTAMP_NONE);
	assert_false(details.deferred);
	assert_null(details.retriable.data);
	check_str("defaults", state_details_text(&arena, &details), "{}");
}

static void wrong_details_are_refused(void **state UNUSED)
{
	static const struct {
		const char *text;
		int code;
		const char *path;
	} rows[] = {
		{ "{", WEIR_ESYNTAX, "line 1, column 2" },
		{ "[]", WEIR_EINVAL, "" },
		{ "{\"deferred\":1}", WEIR_EINVAL, "deferred" },
		{ "{\"pause_timeout\":\"never\"}", WEIR_EINVAL, "pause_timeout" },
		{ "{\"run_input_keyset\":[]}", WEIR_EINVAL, "run_input_keyset" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		AUTO(arena_done) struct arena arena = { 0 };
		struct state_details details;
		struct problem problem = { 0 };

		check_integer(rows[i].text, state_details_read(&arena, str_of(rows[i].text), &details, &problem),
		              rows[i].code);
		check_text(rows[i].text, problem.path, rows[i].path);
	}
}

/* --- states --- */

static int read_state(struct arena *arena, const char *body, struct state *out, struct problem *problem)
{
	return state_read(arena, must_parse(arena, str_of(body)), out, problem);
}

static void a_proposed_state_is_read(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct state read;

	assert_int_equal(read_state(&arena,
	                            "{\"type\":\"RUNNING\",\"message\":\"go\",\"data\":{\"a\": 1},\"id\":\"" ID
	                            "\",\"timestamp\":\"2020-01-01\",\"state_details\":{\"deferred\":true,\"new\":1}}",
	                            &read, NULL),
	                 0);
	assert_int_equal(read.type, STATE_RUNNING);
	check_str("the name by default", read.name, "Running");
	check_str("message", read.message, "go");
	check_str("data", read.data, "{\"a\": 1}");
	check_str("details", read.details, "{\"deferred\":true}");
	/* Set by whoever stores it, not by the body. */
	assert_true(uuid_is_nil(read.id));
	assert_true(read.timestamp == TIMESTAMP_NONE);
}

static void a_short_state_is_enough(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct state read;

	assert_int_equal(
	        read_state(&arena, "{\"type\":\"FAILED\",\"name\":\"TimedOut\",\"state_details\":null}", &read, NULL),
	        0);
	check_str("name", read.name, "TimedOut");
	assert_null(read.message.data);
	assert_null(read.data.data);
	check_str("details", read.details, "{}");
}

static void wrong_states_are_refused(void **state UNUSED)
{
	static const struct {
		const char *body, *path;
	} rows[] = {
		{ "{}", "type" },
		{ "{\"type\":null}", "type" },
		{ "{\"type\":\"running\"}", "type" },
		{ "{\"type\":\"RUNNING\",\"name\":1}", "name" },
		{ "{\"type\":\"RUNNING\",\"state_details\":{\"deferred\":\"x\"}}", "deferred" },
		{ "[]", "" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		AUTO(arena_done) struct arena arena = { 0 };
		struct problem problem = { 0 };
		struct state read;

		check_integer(rows[i].body, read_state(&arena, rows[i].body, &read, &problem), WEIR_EINVAL);
		check_text(rows[i].body, problem.path, rows[i].path);
	}
}

static const struct json *write_and_read(struct arena *arena, const struct state *written, struct strbuf *out)
{
	struct json_writer writer;

	json_writer_init(&writer, out);
	state_write(arena, written, &writer);
	return must_parse(arena, strbuf_str(out));
}

static void all_18_details_are_written(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	AUTO(strbuf_done) struct strbuf out = { 0 };
	const struct json *written, *details, *member;
	struct state read;

	assert_int_equal(
	        read_state(&arena, "{\"type\":\"PAUSED\",\"state_details\":{\"pause_key\":\"p\"}}", &read, NULL), 0);
	written = write_and_read(&arena, &read, &out);
	details = json_get(written, "state_details");
	assert_int_equal(details->count, 18);
	assert_int_equal(ARRAY_LENGTH(detail_names), 18);
	member = details->child;
	for (size_t i = 0; i < ARRAY_LENGTH(detail_names); i++, member = member->next)
		check_str(detail_names[i], member->key, detail_names[i]);
	check_str("pause_key", json_get(details, "pause_key")->raw, "\"p\"");
	check_str("deferred", json_get(details, "deferred")->raw, "false");
	check_str("untrackable_result", json_get(details, "untrackable_result")->raw, "false");
	check_str("pause_reschedule", json_get(details, "pause_reschedule")->raw, "false");
	check_str("retriable", json_get(details, "retriable")->raw, "null");
}

static void a_state_is_written_as_the_api_shows_it(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	AUTO(strbuf_done) struct strbuf out = { 0 };
	const char *const start =
	        "{\"id\":\"" ID "\",\"type\":\"COMPLETED\",\"name\":\"Cached\",\"timestamp\":"
	        "\"2026-01-31T08:00:00.000001Z\",\"message\":\"a \\\"word\\\"\",\"data\":{\"x\" : 1.0},"
	        "\"state_details\":{\"flow_run_id\":null,";
	struct state written = {
		.type = STATE_COMPLETED,
		.name = STR("Cached"),
		.timestamp = INT64_C(1769846400000001),
		.message = STR("a \"word\""),
		.data = STR("{\"x\" : 1.0}"),
	};

	assert_true(uuid_parse(STR(ID), &written.id));
	assert_int_equal(write_and_read(&arena, &written, &out)->count, 7);
	assert_true(str_starts_with(strbuf_str(&out), str_of(start)));
}

static void persisted_data_is_told_from_none(void **state UNUSED)
{
	static const struct {
		const char *data;
		bool persisted;
	} rows[] = {
		{ NULL, false },
		{ "null", false },
		{ "{\"type\":\"unpersisted\"}", false },
		{ "{ \"type\" : \"unpersisted\" }", false },
		{ "{\"type\":\"reference\",\"storage_key\":\"k\"}", true },
		{ "{\"type\":1}", true },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct state with_data = { .data = str_of(rows[i].data) };

		check_integer(rows[i].data ? rows[i].data : "no data", state_has_persisted_data(&with_data),
		              rows[i].persisted);
	}
}

/* --- policies --- */

static void policies_round_trip_in_their_compact_form(void **state UNUSED)
{
	static const char *const texts[] = {
		"{}",
		"{\"retries\":0}",
		"{\"retries\":3,\"retry_delay\":10}",
		("{\"max_retries\":2,\"retry_delay_seconds\":1.5,\"retries\":3,\"retry_delay\":[1,2.5],\"retry_jitter_factor\":"
		 "0.25,\"pause_keys\":[\"a\",\"b\"],\"resuming\":true,\"retry_type\":\"in_process\"}"),
	};

	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		AUTO(arena_done) struct arena arena = { 0 };
		struct run_policy policy;
		struct problem problem = { 0 };

		if (run_policy_read(&arena, str_of(texts[i]), &policy, &problem) < 0)
			fail_msg("%s: %s", texts[i], problem.message);
		check_str(texts[i], run_policy_text(&arena, &policy), texts[i]);
	}
}

static void no_policy_is_the_default(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct run_policy policy;

	assert_int_equal(run_policy_read(&arena, STR_NULL, &policy, NULL), 0);
	assert_true(policy.retries == INTEGER_NONE);
	assert_true(policy.max_retries == 0);
	assert_true(isnan(policy.retry_jitter_factor));
	assert_null(policy.retry_type.data);
	assert_int_equal(run_policy_read(&arena, STR("{\"pause_keys\":[1]}"), &policy, NULL), WEIR_EINVAL);
	assert_int_equal(run_policy_read(&arena, STR("{\"retries\":true}"), &policy, NULL), WEIR_EINVAL);
	assert_int_equal(run_policy_read(&arena, STR("{"), &policy, NULL), WEIR_ESYNTAX);
}

/* --- all tables --- */

/* What a table writes for a fresh record must be what it reads as nothing set. */
static void fresh_records_have_nothing_to_store(void **state UNUSED)
{
	const struct field_table *const tables[] = {
		&flow_fields,  &flow_run_fields,      &task_run_fields,       &run_policy_fields,     &log_fields,
		&event_fields, &state_details_fields, &flow_run_state_fields, &task_run_state_fields,
	};

	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
		AUTO(arena_done) struct arena arena = { 0 };
		AUTO(strbuf_done) struct strbuf out = { 0 };
		struct json_writer writer;
		void *record = arena_alloc(&arena, tables[i]->record_size);

		assert_true(tables[i]->count <= 64);
		fields_init(tables[i], record);
		json_writer_init(&writer, &out);
		json_begin_object(&writer);
		fields_write_compact(tables[i], record, &writer);
		json_end_object(&writer);
		check_text(tables[i]->name, out.data, "{}");
	}
}

/* --- estimates --- */

static void the_running_stretch_counts(void **state UNUSED)
{
	static const struct {
		int64_t total, since;
		enum state_type type;
		int64_t now, expected;
	} rows[] = {
		{ 0, 0, STATE_SCHEDULED, 100, 0 },
		{ 5, 0, STATE_COMPLETED, 100, 5 },
		{ 5, 90, STATE_RUNNING, 100, 15 },
		{ 5, 110, STATE_RUNNING, 100, 5 }, /* the clock was set back */
		{ 5, TIMESTAMP_NONE, STATE_RUNNING, 100, 5 },
		{ 5, 90, STATE_CANCELLING, 100, 5 },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check_integer("estimated_run_time_us",
		              estimated_run_time_us(rows[i].total, rows[i].type, rows[i].since, rows[i].now),
		              rows[i].expected);
}

static void lateness_counts_until_the_start_or_the_end(void **state UNUSED)
{
	static const struct {
		int64_t expected_start, start;
		enum state_type type;
		int64_t now, delta;
	} rows[] = {
		{ 50, 70, STATE_RUNNING, 100, 20 },
		{ 50, 40, STATE_RUNNING, 100, 0 },
		{ 50, TIMESTAMP_NONE, STATE_SCHEDULED, 100, 50 },
		{ 50, TIMESTAMP_NONE, STATE_PENDING, 100, 50 },
		{ 150, TIMESTAMP_NONE, STATE_SCHEDULED, 100, 0 },
		{ 50, TIMESTAMP_NONE, STATE_CANCELLED, 100, 0 },
		{ 50, 70, STATE_COMPLETED, 100, 20 },
		{ TIMESTAMP_NONE, 70, STATE_RUNNING, 100, 0 },
		{ TIMESTAMP_NONE, TIMESTAMP_NONE, STATE_NONE, 100, 0 },
		{ 50, TIMESTAMP_NONE, STATE_NONE, 100, 50 },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check_integer(
		        "estimated_start_delta_us",
		        estimated_start_delta_us(rows[i].expected_start, rows[i].start, rows[i].type, rows[i].now),
		        rows[i].delta);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_have_names_titles_and_an_end),
		cmocka_unit_test(details_round_trip_in_their_compact_form),
		cmocka_unit_test(no_details_are_the_defaults),
		cmocka_unit_test(wrong_details_are_refused),
		cmocka_unit_test(a_proposed_state_is_read),
		cmocka_unit_test(a_short_state_is_enough),
		cmocka_unit_test(wrong_states_are_refused),
		cmocka_unit_test(all_18_details_are_written),
		cmocka_unit_test(a_state_is_written_as_the_api_shows_it),
		cmocka_unit_test(persisted_data_is_told_from_none),
		cmocka_unit_test(policies_round_trip_in_their_compact_form),
		cmocka_unit_test(no_policy_is_the_default),
		cmocka_unit_test(fresh_records_have_nothing_to_store),
		cmocka_unit_test(the_running_stretch_counts),
		cmocka_unit_test(lateness_counts_until_the_start_or_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
