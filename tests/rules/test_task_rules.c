/* SPDX-License-Identifier: Apache-2.0 */
/* What the measured matrix does not show of the rules for task runs: caching, tag limits, pauses, background tasks. */
#include "trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PARAMETERS "\"task_parameters_id\":\"aa000000-0000-0000-0000-000000000000\""
#define DATA "{\"type\":\"reference\",\"storage_key\":\"k\"}"
#define MANY_A_100                                                                                                     \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define MANY_A_1000                                                                                                    \
	MANY_A_100 MANY_A_100 MANY_A_100 MANY_A_100 MANY_A_100 MANY_A_100 MANY_A_100 MANY_A_100 MANY_A_100 MANY_A_100

#define MANY_A_97 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define MANY_A_900 MANY_A_100 MANY_A_100 MANY_A_100 MANY_A_100 MANY_A_100 MANY_A_100 MANY_A_100 MANY_A_100 MANY_A_100

enum parent { NO_PARENT, PARENT_RUNNING, PARENT_PAUSED, PARENT_WITHOUT_STATE };

struct task_case {
	const char *title;
	enum task_policy policy;
	/* The current state; type STATE_NONE: there is none. */
	enum state_type from;
	const char *from_name, *from_details, *from_data;
	enum state_type to;
	const char *to_name, *to_details, *to_message;
	/* The run. */
	const char *run_policy;
	int64_t run_count, flow_run_run_count;
	/* The world. */
	enum parent parent;
	bool cached;
	struct tag_limit_facts limits[2];
	double random;
	/* What is expected: the trace, and "count, flow count" of the run. */
	const char *expect;
	int64_t expect_count, expect_flow_count;
};

/* --- Cases --- */

static const struct task_case cache_cases[] = {
	{ .title = "a live cached state is copied",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .to_details = "{\"cache_key\":\"k\"}",
	  .cached = true,
	  .parent = PARENT_RUNNING,
	  .expect = "REJECT (look up cache): Retrieved state from cache; COMPLETED/Cached, \"done\", data " DATA
	            ", details {\"cache_key\":\"k\",\"cache_expiration\":\"2027-01-01T00:00:00Z\"}; slots release" },
	{ .title = "also where the flow does not run",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .to_details = "{\"cache_key\":\"k\"}",
	  .cached = true,
	  .parent = PARENT_PAUSED,
	  .expect = "REJECT (look up cache): Retrieved state from cache; COMPLETED/Cached, \"done\", data " DATA
	            ", details {\"cache_key\":\"k\",\"cache_expiration\":\"2027-01-01T00:00:00Z\"}; slots release" },
	{ .title = "to be computed anew",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .to_details = "{\"cache_key\":\"k\",\"refresh_cache\":true}",
	  .cached = true,
	  .expect = "ACCEPT; RUNNING/Running, details {\"cache_key\":\"k\",\"refresh_cache\":true}",
	  .expect_count = 1 },
	{ .title = "refresh_cache false is no refresh",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .to_details = "{\"cache_key\":\"k\",\"refresh_cache\":false}",
	  .cached = true,
	  .expect = "REJECT (look up cache): Retrieved state from cache; COMPLETED/Cached, \"done\", data " DATA
	            ", details {\"cache_key\":\"k\",\"cache_expiration\":\"2027-01-01T00:00:00Z\"}; slots release" },
	{ .title = "nothing cached",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .to_details = "{\"cache_key\":\"k\"}",
	  .expect = "ACCEPT; RUNNING/Running, details {\"cache_key\":\"k\"}",
	  .expect_count = 1 },
	{ .title = "no key",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .cached = true,
	  .expect = "ACCEPT; RUNNING/Running",
	  .expect_count = 1 },
	{ .title = "a result under a key is cached",
	  .from = STATE_RUNNING,
	  .to = STATE_COMPLETED,
	  .to_details = "{\"cache_key\":\"k\"}",
	  .run_count = 1,
	  .expect = "ACCEPT; COMPLETED/Completed, details {\"cache_key\":\"k\"}; slots release; store cache",
	  .expect_count = 1 },
	{ .title = "but not by force",
	  .policy = TASK_POLICY_MINIMAL,
	  .from = STATE_RUNNING,
	  .to = STATE_COMPLETED,
	  .to_details = "{\"cache_key\":\"k\"}",
	  .run_count = 1,
	  .expect = "ACCEPT; COMPLETED/Completed, details {\"cache_key\":\"k\"}; slots release",
	  .expect_count = 1 },
	{ .title = "the longest key",
	  .from = STATE_RUNNING,
	  .to = STATE_COMPLETED,
	  .to_details = "{\"cache_key\":\"" MANY_A_1000 MANY_A_1000 "\"}",
	  .run_count = 1,
	  .expect = "ACCEPT; COMPLETED/Completed, details {\"cache_key\":\"" MANY_A_1000 MANY_A_1000
	            "\"}; slots release; store cache",
	  .expect_count = 1 },
	{ .title = "a key that is too long",
	  .from = STATE_RUNNING,
	  .to = STATE_COMPLETED,
	  .to_details = "{\"cache_key\":\"" MANY_A_1000 MANY_A_1000 "b\"}",
	  .to_message = "done",
	  .run_count = 1,
	  .expect = "REJECT (limit cache key): Cache key exceeded maximum allowed length of 2000 characters.; "
	            "COMPLETED/Completed, \"done\", details {\"cache_key\":\"" MANY_A_1000 MANY_A_1000
	            "b\"}; slots release; store cache",
	  .expect_count = 1 },
	{ .title = "characters count, not bytes",
	  .from = STATE_RUNNING,
	  .to = STATE_COMPLETED,
	  .to_details = "{\"cache_key\":\"" MANY_A_1000 MANY_A_900 MANY_A_97 "äöü\"}",
	  .run_count = 1,
	  .expect = "ACCEPT; COMPLETED/Completed, details {\"cache_key\":\"" MANY_A_1000 MANY_A_900 MANY_A_97
	            "äöü\"}; slots release; store cache",
	  .expect_count = 1 },
};

#define LIMIT(name, slots, taken, seconds)                                                                             \
	{                                                                                                              \
		.tag = { name, sizeof name - 1 }, .limit = (slots), .active_slots = (taken),                           \
		.occupancy_seconds = (seconds)                                                                         \
	}

static const struct task_case tag_cases[] = {
	{ .title = "slots are free",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .limits = { LIMIT("db", 2, 1, 2), LIMIT("api", 1, 0, 2) },
	  .expect = "ACCEPT; RUNNING/Running; slots take",
	  .expect_count = 1 },
	{ .title = "one is full",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .limits = { LIMIT("db", 2, 2, 4), LIMIT("api", 1, 0, 100) },
	  .random = 0.5,
	  .expect = "WAIT (take tag slots): Concurrency limit reached for tags: db, api; wait 4 s; nothing" },
	{ .title = "the fullest one says how long, ten seconds at most on average",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .limits = { LIMIT("db", 2, 2, 4), LIMIT("api", 1, 3, 100) },
	  .random = 0.999,
	  .expect = "WAIT (take tag slots): Concurrency limit reached for tags: db, api; wait 13 s; nothing" },
	{ .title = "nobody knows yet how long slots are held",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .limits = { LIMIT("db", 1, 1, 0) },
	  .random = 0,
	  .expect = "WAIT (take tag slots): Concurrency limit reached for tags: db; wait 8 s; nothing" },
	{ .title = "limit 0 comes before full ones",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .limits = { LIMIT("db", 1, 1, 4), LIMIT("api", 0, 0, 4) },
	  .expect = "ABORT (take tag slots): The concurrency limit on tag \"api\" is 0 and will deadlock if the task "
	            "tries to run again.; nothing" },
	{ .title = "a wait for the time gives them back",
	  .from = STATE_SCHEDULED,
	  .from_details = "{\"scheduled_time\":\"2026-01-01T00:00:09Z\"}",
	  .to = STATE_RUNNING,
	  .limits = { LIMIT("db", 1, 0, 4) },
	  .expect = "WAIT (wait for time): Scheduled time is in the future; wait 9 s; nothing" },
	{ .title = "cancelling keeps them",
	  .from = STATE_RUNNING,
	  .to = STATE_CANCELLING,
	  .limits = { LIMIT("db", 1, 1, 4) },
	  .run_count = 1,
	  .expect = "ACCEPT; CANCELLING/Cancelling",
	  .expect_count = 1 },
	{ .title = "force takes none and gives them back",
	  .policy = TASK_POLICY_MINIMAL,
	  .from = STATE_RUNNING,
	  .to = STATE_PENDING,
	  .limits = { LIMIT("db", 1, 1, 4) },
	  .run_count = 1,
	  .expect = "ACCEPT; PENDING/Pending; slots release",
	  .expect_count = 1 },
};

static const struct task_case parent_cases[] = {
	{ .title = "a paused flow hands on its timeout",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .parent = PARENT_PAUSED,
	  .expect = "REJECT (parent must run): The flow is paused, new tasks can execute after resuming flow run: "
	            "f0000000-0000-0000-0000-000000000000.; PAUSED/NotReady, details "
	            "{\"pause_timeout\":\"2026-01-01T01:00:00Z\",\"pause_reschedule\":true}; slots release" },
	{ .title = "a flow run without a state",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .parent = PARENT_WITHOUT_STATE,
	  .expect = "ABORT (parent must run): The enclosing flow must be running to begin task execution.; nothing" },
	{ .title = "the flow's attempt is noted",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .parent = PARENT_RUNNING,
	  .expect = "ACCEPT; RUNNING/Running",
	  .expect_count = 1,
	  .expect_flow_count = 3 },
	{ .title = "an ended task of an earlier attempt is retried with it",
	  .from = STATE_FAILED,
	  .to = STATE_RUNNING,
	  .run_count = 2,
	  .flow_run_run_count = 2,
	  .parent = PARENT_RUNNING,
	  .expect = "ACCEPT; RUNNING/Retrying",
	  .expect_count = 1,
	  .expect_flow_count = 3 },
	{ .title = "one of the same attempt just runs",
	  .from = STATE_FAILED,
	  .to = STATE_RUNNING,
	  .run_count = 2,
	  .flow_run_run_count = 3,
	  .parent = PARENT_RUNNING,
	  .expect = "ACCEPT; RUNNING/Running",
	  .expect_count = 1,
	  .expect_flow_count = 3 },
	{ .title = "its count comes back when it may not run",
	  .from = STATE_FAILED,
	  .to = STATE_RUNNING,
	  .run_count = 2,
	  .parent = PARENT_WITHOUT_STATE,
	  .expect = "ABORT (parent must run): The enclosing flow must be running to begin task execution.; nothing",
	  .expect_count = 2 },
	{ .title = "or when it pauses with the flow",
	  .from = STATE_FAILED,
	  .to = STATE_RUNNING,
	  .run_count = 2,
	  .parent = PARENT_PAUSED,
	  .expect = "REJECT (parent must run): The flow is paused, new tasks can execute after resuming flow run: "
	            "f0000000-0000-0000-0000-000000000000.; PAUSED/NotReady, details "
	            "{\"pause_timeout\":\"2026-01-01T01:00:00Z\",\"pause_reschedule\":true}; slots release",
	  .expect_count = 2 },
};

static const struct task_case retry_cases[] = {
	{ .title = "the delay of the second attempt, and what failed",
	  .from = STATE_RUNNING,
	  .to = STATE_FAILED,
	  .to_message = "no route to host",
	  .run_policy = "{\"retries\":3,\"retry_delay\":[1,10,60]}",
	  .run_count = 2,
	  .expect = "REJECT (retry): Retrying; SCHEDULED/AwaitingRetry, \"no route to host\", details "
	            "{\"scheduled_time\":\"2026-01-01T00:00:10Z\"}; slots release",
	  .expect_count = 2 },
	{ .title = "with jitter",
	  .from = STATE_RUNNING,
	  .to = STATE_FAILED,
	  .run_policy = "{\"retries\":3,\"retry_delay\":10,\"retry_jitter_factor\":1.0}",
	  .run_count = 1,
	  .random = 0.5,
	  .expect = "REJECT (retry): Retrying; SCHEDULED/AwaitingRetry, details "
	            "{\"scheduled_time\":\"2026-01-01T00:00:09.217421Z\"}; slots release",
	  .expect_count = 1 },
	{ .title = "the task says that it is of no use",
	  .from = STATE_RUNNING,
	  .to = STATE_FAILED,
	  .to_details = "{\"retriable\":false}",
	  .run_policy = "{\"retries\":3}",
	  .run_count = 1,
	  .expect = "ACCEPT; FAILED/Failed, details {\"retriable\":false}; slots release",
	  .expect_count = 1 },
	{ .title = "used up",
	  .from = STATE_RUNNING,
	  .to = STATE_FAILED,
	  .run_policy = "{\"retries\":1}",
	  .run_count = 2,
	  .expect = "ACCEPT; FAILED/Failed; slots release",
	  .expect_count = 2 },
	{ .title = "the retry gets its name",
	  .from = STATE_SCHEDULED,
	  .from_name = "AwaitingRetry",
	  .from_details = "{\"scheduled_time\":\"2026-01-01T00:00:00Z\"}",
	  .to = STATE_RUNNING,
	  .run_count = 1,
	  .expect = "ACCEPT; RUNNING/Retrying",
	  .expect_count = 2 },
	{ .title = "one that was put off runs again",
	  .from = STATE_SCHEDULED,
	  .from_details = "{\"scheduled_time\":\"2026-01-01T00:00:00Z\"}",
	  .to = STATE_RUNNING,
	  .run_count = 1,
	  .expect = "ACCEPT; RUNNING/Rerunning",
	  .expect_count = 2 },
	{ .title = "an ended one counts its attempts anew",
	  .from = STATE_FAILED,
	  .to = STATE_PENDING,
	  .run_count = 4,
	  .expect = "ACCEPT; PENDING/Pending; slots release",
	  .expect_count = 0 },
};

#define DEFERRED "{\"deferred\":true}"

static const struct task_case background_cases[] = {
	{ .title = "creation enters the queue, even though it is forced",
	  .policy = TASK_POLICY_MINIMAL,
	  .from = STATE_NONE,
	  .to = STATE_SCHEDULED,
	  .to_details = "{\"deferred\":true," PARAMETERS "}",
	  .expect =
	          "ACCEPT; SCHEDULED/Scheduled, details {\"scheduled_time\":\"2026-01-01T00:00:00Z\",\"deferred\":true," PARAMETERS
	          "}; slots release; enqueue" },
	{ .title = "a retry enters the queue of retries",
	  .from = STATE_RUNNING,
	  .to = STATE_SCHEDULED,
	  .to_name = "AwaitingRetry",
	  .to_details = "{\"scheduled_time\":\"2026-01-01T00:00:09Z\",\"deferred\":true}",
	  .run_count = 1,
	  .expect =
	          "ACCEPT; SCHEDULED/AwaitingRetry, details {\"scheduled_time\":\"2026-01-01T00:00:09Z\",\"deferred\":true}"
	          "; slots release; enqueue retry",
	  .expect_count = 1 },
	{ .title = "the first worker gets it, and its parameters",
	  .from = STATE_SCHEDULED,
	  .from_details = "{\"scheduled_time\":\"2026-01-01T00:00:00Z\",\"deferred\":true," PARAMETERS "}",
	  .to = STATE_PENDING,
	  .to_details = DEFERRED,
	  .expect =
	          "ACCEPT; PENDING/Pending, details {\"scheduled_time\":\"2026-01-01T00:00:00Z\",\"deferred\":true," PARAMETERS
	          "}; slots release" },
	{ .title = "the second worker does not",
	  .from = STATE_PENDING,
	  .from_details = DEFERRED,
	  .to = STATE_PENDING,
	  .to_details = DEFERRED,
	  .expect = "ABORT (no double pending): This run is in a PENDING state and cannot transition to a PENDING "
	            "state.; nothing" },
	{ .title = "it runs without its flow and without tag slots",
	  .from = STATE_PENDING,
	  .from_details = "{\"deferred\":true," PARAMETERS "}",
	  .to = STATE_RUNNING,
	  .to_details = DEFERRED,
	  .parent = PARENT_PAUSED,
	  .limits = { LIMIT("db", 1, 1, 4) },
	  .expect = "ACCEPT; RUNNING/Running, details {\"deferred\":true," PARAMETERS "}",
	  .expect_count = 1,
	  .expect_flow_count = 3 },
	{ .title = "a state that is not deferred is judged as any other",
	  .from = STATE_PENDING,
	  .from_details = DEFERRED,
	  .to = STATE_PENDING,
	  .expect = "ACCEPT; PENDING/Pending; slots release" },
};

/* --- Running them --- */

static struct state make_state(uint8_t byte, enum state_type type, const char *name, const char *details,
                               const char *data)
{
	return (struct state){ .id = id(byte),
		               .type = type,
		               .name = str_of(name ? name : state_type_title(type)),
		               .timestamp = TIMESTAMP_NONE,
		               .details = str_of(details),
		               .data = str_of(data) };
}

static struct task_run make_run(const struct task_case *each)
{
	struct task_run run;

	fields_init(&task_run_fields, &run);
	run.id = id(1);
	if (each->parent != NO_PARENT)
		run.flow_run_id = id(0xF0);
	run.run_count = each->run_count;
	run.flow_run_run_count = each->flow_run_run_count;
	run.empirical_policy = str_of(each->run_policy ? each->run_policy : "{}");
	return run;
}

static struct parent_facts make_parent(const struct task_case *each, struct state *state)
{
	if (each->parent == NO_PARENT)
		return (struct parent_facts){ 0 };
	*state = each->parent == PARENT_PAUSED
	                 ? make_state(5, STATE_PAUSED, NULL,
	                              "{\"pause_timeout\":\"2026-01-01T01:00:00Z\",\"pause_reschedule\":true}", NULL)
	                 : make_state(5, STATE_RUNNING, NULL, NULL, NULL);
	return (struct parent_facts){ .exists = true,
		                      .state = each->parent == PARENT_WITHOUT_STATE ? NULL : state,
		                      .run_count = 3,
		                      .id = id(0xF0) };
}

static void check_case(const struct task_case *each)
{
	AUTO(arena_done) struct arena arena = { 0 };
	AUTO(strbuf_done) struct strbuf trace = { 0 };
	struct state current = make_state(3, each->from, each->from_name, each->from_details, each->from_data);
	struct state cached = make_state(6, STATE_COMPLETED, NULL,
	                                 "{\"cache_key\":\"k\",\"cache_expiration\":\"2027-01-01T00:00:00Z\"}", DATA);
	struct task_run run = make_run(each), before = run;
	struct state parent_state;
	struct task_transition transition = {
		.common = { .arena = &arena,
		            .now_us = NOW_US,
		            .current = each->from == STATE_NONE ? NULL : &current,
		            .state_id = id(4),
		            .proposed = make_state(0, each->to, each->to_name, each->to_details, NULL) },
		.policy = each->policy,
		.parent = make_parent(each, &parent_state),
		.cached = each->cached ? &cached : NULL,
		.tag_limits = each->limits,
		.random = each->random,
		.run = &run,
	};

	current.timestamp = NOW_US - SECOND_US;
	cached.message = STR("done");
	transition.common.proposed.message = str_of(each->to_message);
	while (transition.tag_limit_count < 2 && each->limits[transition.tag_limit_count].tag.data)
		transition.tag_limit_count++;
	assert_int_equal(task_transition_decide(&transition, NULL), 0);
	trace_decision(&transition.common, &trace);
	strbuf_puts(&trace, transition.store_cache ? "; store cache" : "");
	strbuf_puts(&trace, transition.enqueue ? "; enqueue" : "");
	strbuf_puts(&trace, transition.enqueue_retry ? "; enqueue retry" : "");
	if (strcmp(trace.data, each->expect) != 0)
		fail_msg("%s:\nexpected %s\ngot      %s", each->title, each->expect, trace.data);
	if (run.run_count != each->expect_count || run.flow_run_run_count != each->expect_flow_count)
		fail_msg("%s: got run_count %lld, flow_run_run_count %lld", each->title, (long long)run.run_count,
		         (long long)run.flow_run_run_count);
	if (!transition.common.verdict.writes)
		assert_memory_equal(&run, &before, sizeof run);
}

#define DEFINE_TEST(cases)                                                                                             \
	static void test_##cases(void **state UNUSED)                                                                  \
	{                                                                                                              \
		for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)                                                       \
			check_case(&(cases)[i]);                                                                       \
	}

DEFINE_TEST(cache_cases)
DEFINE_TEST(tag_cases)
DEFINE_TEST(parent_cases)
DEFINE_TEST(retry_cases)
DEFINE_TEST(background_cases)

/* --- Rows that a client orchestrates itself --- */

static void test_enter(void **unused UNUSED)
{
	const struct state states[] = {
		{ .id = id(1), .type = STATE_PENDING, .name = STR("Pending"), .timestamp = NOW_US },
		{ .id = id(2), .type = STATE_RUNNING, .name = STR("Running"), .timestamp = NOW_US + 5 },
		{ .id = id(3),
		  .type = STATE_SCHEDULED,
		  .name = STR("AwaitingRetry"),
		  .timestamp = NOW_US + 7,
		  .details = STR("{\"scheduled_time\":\"2026-01-01T00:00:01Z\"}") },
		{ .id = id(4), .type = STATE_RUNNING, .name = STR("Retrying"), .timestamp = NOW_US + 9 },
		{ .id = id(5), .type = STATE_COMPLETED, .name = STR("Completed"), .timestamp = NOW_US + 10 },
	};
	struct task_run run;

	fields_init(&task_run_fields, &run);
	task_run_enter(&run, NULL, &states[0]);
	assert_int_equal(run.expected_start_time, NOW_US);
	assert_int_equal(run.run_count, 0);
	task_run_enter(&run, &states[0], &states[1]);
	assert_int_equal(run.start_time, NOW_US + 5);
	assert_int_equal(run.run_count, 1);
	task_run_enter(&run, &states[1], &states[2]);
	assert_int_equal(run.next_scheduled_start_time, NOW_US + SECOND_US);
	assert_int_equal(run.total_run_time, 2);
	task_run_enter(&run, &states[2], &states[3]);
	assert_int_equal(run.next_scheduled_start_time, TIMESTAMP_NONE);
	assert_int_equal(run.run_count, 2);
	task_run_enter(&run, &states[3], &states[4]);
	assert_int_equal(run.total_run_time, 3);
	assert_int_equal(run.end_time, NOW_US + 10);
	assert_int_equal(run.state_timestamp, NOW_US + 10);
	assert_int_equal(run.state_type, STATE_COMPLETED);
	assert_true(str_is(run.state_name, "Completed"));
	assert_true(uuid_equal(run.state_id, id(5)));
}

/* Whose state it is stands in the details, whether or not there is a flow run. */
static void test_details_name_the_owner(void **unused UNUSED)
{
	static const struct {
		enum parent parent;
		const char *details;
	} rows[] = {
		{ NO_PARENT, "{\"task_run_id\":\"01000000-0000-0000-0000-000000000000\"}" },
		{ PARENT_RUNNING,
		  "{\"flow_run_id\":\"f0000000-0000-0000-0000-000000000000\",\"task_run_id\":\"01000000-0000-"
		  "0000-0000-000000000000\"}" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		AUTO(arena_done) struct arena arena = { 0 };
		struct task_run run = make_run(&(struct task_case){ .parent = rows[i].parent });
		struct task_transition transition = {
			.common = { .arena = &arena,
			            .now_us = NOW_US,
			            .state_id = id(4),
			            .proposed = { .type = STATE_PENDING, .timestamp = TIMESTAMP_NONE } },
			.run = &run,
		};

		assert_int_equal(task_transition_decide(&transition, NULL), 0);
		assert_true(str_is(transition.common.proposed.details, rows[i].details));
		assert_true(uuid_equal(transition.common.proposed.run_id, run.id));
	}
}

static void test_unreadable_json_is_an_error(void **unused UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct task_run run = make_run(&(struct task_case){ .run_policy = "[]" });
	struct state current = make_state(3, STATE_RUNNING, NULL, NULL, NULL);
	struct task_transition transition = {
		.common = { .arena = &arena,
		            .now_us = NOW_US,
		            .current = &current,
		            .state_id = id(4),
		            .proposed = make_state(0, STATE_FAILED, NULL, NULL, NULL) },
		.run = &run,
	};
	struct task_transition broken = transition;
	struct problem problem;

	assert_int_equal(task_transition_decide(&transition, &problem), WEIR_ECORRUPT);
	assert_non_null(strstr(problem.message, "the stored policy of task run 01000000-"));
	broken.common.proposed.details = STR("{\"deferred\":7}");
	assert_int_equal(task_transition_decide(&broken, &problem), WEIR_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cache_cases),
		cmocka_unit_test(test_tag_cases),
		cmocka_unit_test(test_parent_cases),
		cmocka_unit_test(test_retry_cases),
		cmocka_unit_test(test_background_cases),
		cmocka_unit_test(test_enter),
		cmocka_unit_test(test_details_name_the_owner),
		cmocka_unit_test(test_unreadable_json_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
