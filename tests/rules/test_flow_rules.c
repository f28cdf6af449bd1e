/* SPDX-License-Identifier: Apache-2.0 */
/* What the measured matrix does not show of the rules for flow runs: slots and leases, pauses, retries. */
#include "trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LEASE "\"deployment_concurrency_lease_id\":\"1e000000-0000-0000-0000-000000000000\""
#define NEW_LEASE "\"deployment_concurrency_lease_id\":\"1f000000-0000-0000-0000-000000000000\""
#define PERSISTED "{\"type\":\"reference\",\"storage_key\":\"k\"}"
#define MODERN .client = { .leases = true }
#define DEPLOYED .deployment_id = true

struct flow_case {
	const char *title;
	enum flow_policy policy;
	/* The current state; type STATE_NONE: there is none. */
	enum state_type from;
	const char *from_name, *from_details, *from_data;
	enum state_type to;
	const char *to_name, *to_details, *to_data, *to_message;
	/* The run. */
	bool deployment_id, subflow, program;
	const char *run_policy;
	int64_t run_count;
	/* The world. */
	struct deployment_facts facts;
	struct client_facts client;
	/* What is expected: the trace, and of the run its policy and how many attempts it has then. */
	const char *expect;
	const char *expect_policy;
	int64_t expect_run_count;
};

/* --- Cases: by rule --- */

#define TRANSITION(digit) "{\"transition_id\":\"" digit "0000000-0000-0000-0000-000000000000\"}"

static const struct flow_case duplicate_cases[] = {
	{ .title = "the same transition again",
	  .from = STATE_RUNNING,
	  .from_details = TRANSITION("a"),
	  .to = STATE_RUNNING,
	  .to_details = TRANSITION("a"),
	  .run_count = 1,
	  .expect = "REJECT (no duplicate transition): This run has already made this state transition.; nothing",
	  .expect_run_count = 1 },
	{ .title = "another transition",
	  .from = STATE_PENDING,
	  .from_details = TRANSITION("a"),
	  .to = STATE_RUNNING,
	  .to_details = TRANSITION("b"),
	  .expect = "ACCEPT; RUNNING/Running, details " TRANSITION("b"),
	  .expect_run_count = 1 },
	{ .title = "only the proposed one has an id",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .to_details = TRANSITION("b"),
	  .expect = "ACCEPT; RUNNING/Running, details " TRANSITION("b"),
	  .expect_run_count = 1 },
	{ .title = "a forced repetition is written again",
	  .policy = FLOW_POLICY_MINIMAL,
	  .from = STATE_RUNNING,
	  .from_details = TRANSITION("a"),
	  .to = STATE_RUNNING,
	  .to_details = TRANSITION("a"),
	  .run_count = 1,
	  .expect = "ACCEPT; RUNNING/Running, details " TRANSITION("a"),
	  .expect_run_count = 2 },
};

static const struct flow_case slot_cases[] = {
	{ .title = "no limit",
	  .from = STATE_SCHEDULED,
	  .to = STATE_PENDING,
	  DEPLOYED,
	  MODERN,
	  .expect = "ACCEPT; PENDING/Pending" },
	{ .title = "a free slot is taken, under a new lease",
	  .from = STATE_SCHEDULED,
	  .to = STATE_PENDING,
	  DEPLOYED,
	  MODERN,
	  .facts = { .has_limit = true, .limit = 2, .slot_free = true },
	  .expect = "ACCEPT; PENDING/Pending, details {" NEW_LEASE "}; slots take" },
	{ .title = "also by a run without a state",
	  .from = STATE_NONE,
	  .to = STATE_PENDING,
	  DEPLOYED,
	  MODERN,
	  .facts = { .has_limit = true, .limit = 2, .slot_free = true },
	  .expect = "ACCEPT; PENDING/Pending, details {" NEW_LEASE "}; slots take" },
	{ .title = "but not by force",
	  .policy = FLOW_POLICY_MINIMAL,
	  .from = STATE_SCHEDULED,
	  .to = STATE_PENDING,
	  DEPLOYED,
	  MODERN,
	  .facts = { .has_limit = true, .limit = 2, .slot_free = true },
	  .expect = "ACCEPT; PENDING/Pending" },
	{ .title = "a worker that keeps slots itself",
	  .from = STATE_SCHEDULED,
	  .to = STATE_PENDING,
	  DEPLOYED,
	  .client = { .skips_slots = true },
	  .facts = { .has_limit = true, .limit = 2 },
	  .expect = "ACCEPT; PENDING/Pending" },
	{ .title = "no deployment, whatever the facts say",
	  .from = STATE_SCHEDULED,
	  .to = STATE_PENDING,
	  MODERN,
	  .facts = { .missing = true, .has_limit = true },
	  .expect = "ACCEPT; PENDING/Pending" },
	{ .title = "the deployment is gone",
	  .from = STATE_SCHEDULED,
	  .to = STATE_PENDING,
	  DEPLOYED,
	  MODERN,
	  .facts = { .missing = true },
	  .expect = "ABORT (take deployment slot): Deployment not found.; nothing" },
	{ .title = "limit 0",
	  .from = STATE_SCHEDULED,
	  .to = STATE_PENDING,
	  DEPLOYED,
	  MODERN,
	  .facts = { .has_limit = true },
	  .expect = "ABORT (take deployment slot): The deployment concurrency limit is 0. The flow will deadlock if "
	            "submitted again.; nothing" },
	{ .title = "full: wait in the queue",
	  .from = STATE_SCHEDULED,
	  .to = STATE_PENDING,
	  DEPLOYED,
	  MODERN,
	  .facts = { .has_limit = true, .limit = 2 },
	  .expect = "REJECT (take deployment slot): Deployment concurrency limit reached.; "
	            "SCHEDULED/AwaitingConcurrencySlot, details {\"scheduled_time\":\"2026-01-01T00:00:30Z\"}" },
	{ .title = "full: cancel the new run",
	  .from = STATE_SCHEDULED,
	  .to = STATE_PENDING,
	  DEPLOYED,
	  MODERN,
	  .facts = { .has_limit = true, .limit = 2, .strategy = COLLISION_CANCEL_NEW },
	  .expect = "REJECT (take deployment slot): Deployment concurrency limit reached.; CANCELLED/Cancelled, "
	            "\"Deployment concurrency limit reached.\"" },
	{ .title = "a second worker takes no second slot",
	  .from = STATE_PENDING,
	  .to = STATE_PENDING,
	  DEPLOYED,
	  MODERN,
	  .facts = { .has_limit = true, .limit = 2, .slot_free = true },
	  .expect = "ABORT (no double pending): This run is in a PENDING state and cannot transition to a PENDING "
	            "state.; nothing" },
	{ .title = "the end of the run gives the slot back",
	  .from = STATE_RUNNING,
	  .to = STATE_COMPLETED,
	  DEPLOYED,
	  MODERN,
	  .facts = { .has_limit = true, .limit = 2 },
	  .expect = "ACCEPT; COMPLETED/Completed; slots release" },
	{ .title = "and so does a forced one, of a lease",
	  .policy = FLOW_POLICY_MINIMAL,
	  .from = STATE_CANCELLING,
	  .from_details = "{" LEASE "}",
	  .to = STATE_CANCELLED,
	  DEPLOYED,
	  .expect = "ACCEPT; CANCELLED/Cancelled; slots release" },
	{ .title = "going on within the states that hold it keeps it",
	  .from = STATE_RUNNING,
	  .to = STATE_CANCELLING,
	  DEPLOYED,
	  MODERN,
	  .facts = { .has_limit = true, .limit = 2 },
	  .expect = "ACCEPT; CANCELLING/Cancelling" },
	{ .title = "a failure that is retried gives it back too",
	  .from = STATE_RUNNING,
	  .to = STATE_FAILED,
	  DEPLOYED,
	  MODERN,
	  .run_policy = "{\"retries\":1}",
	  .run_count = 1,
	  .facts = { .has_limit = true, .limit = 2 },
	  .expect = "REJECT (retry): Retrying; SCHEDULED/AwaitingRetry, details "
	            "{\"scheduled_time\":\"2026-01-01T00:00:00Z\"}; slots release",
	  .expect_policy = "{\"retries\":1,\"retry_type\":\"in_process\"}",
	  .expect_run_count = 1 },
};

static const struct flow_case lease_cases[] = {
	{ .title = "a lease goes on from state to state",
	  .from = STATE_RUNNING,
	  .from_details = "{" LEASE "}",
	  .to = STATE_CANCELLING,
	  DEPLOYED,
	  MODERN,
	  .expect = "ACCEPT; CANCELLING/Cancelling, details {" LEASE "}" },
	{ .title = "unless the client brings another",
	  .from = STATE_RUNNING,
	  .from_details = "{" LEASE "}",
	  .to = STATE_CANCELLING,
	  .to_details = "{" NEW_LEASE "}",
	  DEPLOYED,
	  MODERN,
	  .expect = "ACCEPT; CANCELLING/Cancelling, details {" NEW_LEASE "}" },
	{ .title = "a step within PENDING keeps time and lease",
	  .from = STATE_PENDING,
	  .from_details = "{\"scheduled_time\":\"2026-01-01T00:00:00Z\"," LEASE "}",
	  .to = STATE_PENDING,
	  .to_name = "Submitting",
	  .to_details = "{\"scheduled_time\":\"2027-01-01T00:00:00Z\"," NEW_LEASE "}",
	  DEPLOYED,
	  MODERN,
	  .expect = "ACCEPT; PENDING/Submitting, details {\"scheduled_time\":\"2026-01-01T00:00:00Z\"," LEASE "}" },
	{ .title = "start: the lease is renewed",
	  .from = STATE_PENDING,
	  .from_details = "{" LEASE "}",
	  .to = STATE_RUNNING,
	  DEPLOYED,
	  MODERN,
	  .facts = { .has_limit = true, .limit = 1, .lease_alive = true },
	  .expect = "ACCEPT; RUNNING/Running, details {" LEASE "}; slots renew",
	  .expect_run_count = 1 },
	{ .title = "start: a dead lease is replaced while slots are free",
	  .from = STATE_PENDING,
	  .from_details = "{" LEASE "}",
	  .to = STATE_RUNNING,
	  DEPLOYED,
	  MODERN,
	  .facts = { .has_limit = true, .limit = 1, .slot_free = true },
	  .expect = "ACCEPT; RUNNING/Running, details {" NEW_LEASE "}; slots take",
	  .expect_run_count = 1 },
	{ .title = "start: a dead lease and no slot",
	  .from = STATE_PENDING,
	  .from_details = "{" LEASE "}",
	  .to = STATE_RUNNING,
	  DEPLOYED,
	  MODERN,
	  .facts = { .has_limit = true, .limit = 1 },
	  .expect = "REJECT (validate lease): Deployment concurrency limit reached after lease expiry.; "
	            "CANCELLED/Cancelled, \"Deployment concurrency slot lost during provisioning - no slots available "
	            "to continue execution\"; slots release" },
	{ .title = "start: without a limit nothing is asked of the lease",
	  .from = STATE_PENDING,
	  .from_details = "{" LEASE "}",
	  .to = STATE_RUNNING,
	  DEPLOYED,
	  MODERN,
	  .expect = "ACCEPT; RUNNING/Running, details {" LEASE "}",
	  .expect_run_count = 1 },
	{ .title = "start: a client can't bring a lease that the run does not have",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .to_details = "{" NEW_LEASE "}",
	  DEPLOYED,
	  MODERN,
	  .facts = { .has_limit = true, .limit = 1, .slot_free = true },
	  .expect = "ACCEPT; RUNNING/Running",
	  .expect_run_count = 1 },
	{ .title = "start by an old client: the lease ends, the slot stays",
	  .from = STATE_PENDING,
	  .from_details = "{" LEASE "}",
	  .to = STATE_RUNNING,
	  DEPLOYED,
	  .facts = { .has_limit = true, .limit = 1 },
	  .expect = "ACCEPT; RUNNING/Running, details {" LEASE "}; slots revoke",
	  .expect_run_count = 1 },
	{ .title = "a wait takes back the renewal",
	  .from = STATE_PENDING,
	  .from_details = "{\"scheduled_time\":\"2026-01-01T00:01:00Z\"," LEASE "}",
	  .to = STATE_RUNNING,
	  DEPLOYED,
	  MODERN,
	  .facts = { .has_limit = true, .limit = 1, .lease_alive = true },
	  .expect = "WAIT (wait for time): Scheduled time is in the future; wait 60 s; nothing" },
};

static const struct flow_case time_cases[] = {
	{ .title = "half a second is not waited for",
	  .from = STATE_SCHEDULED,
	  .from_details = "{\"scheduled_time\":\"2026-01-01T00:00:00.500000Z\"}",
	  .to = STATE_RUNNING,
	  .expect = "ACCEPT; RUNNING/Running",
	  .expect_run_count = 1 },
	{ .title = "more than half a second is one",
	  .from = STATE_SCHEDULED,
	  .from_details = "{\"scheduled_time\":\"2026-01-01T00:00:00.500001Z\"}",
	  .to = STATE_RUNNING,
	  .expect = "WAIT (wait for time): Scheduled time is in the future; wait 1 s; nothing" },
	{ .title = "the scheduled time goes on to PENDING",
	  .from = STATE_SCHEDULED,
	  .from_details = "{\"scheduled_time\":\"2026-01-01T01:00:00Z\"}",
	  .to = STATE_PENDING,
	  .expect = "ACCEPT; PENDING/Pending, details {\"scheduled_time\":\"2026-01-01T01:00:00Z\"}" },
	{ .title = "unless PENDING has its own",
	  .from = STATE_SCHEDULED,
	  .from_details = "{\"scheduled_time\":\"2026-01-01T01:00:00Z\"}",
	  .to = STATE_PENDING,
	  .to_details = "{\"scheduled_time\":\"2026-01-01T02:00:00Z\"}",
	  .expect = "ACCEPT; PENDING/Pending, details {\"scheduled_time\":\"2026-01-01T02:00:00Z\"}" },
	{ .title = "SCHEDULED without a time is due now",
	  .from = STATE_PENDING,
	  .to = STATE_SCHEDULED,
	  .expect = "ACCEPT; SCHEDULED/Scheduled, details {\"scheduled_time\":\"2026-01-01T00:00:00Z\"}" },
};

#define RANDOM_KEY "c0000000-0000-0000-0000-000000000000"

static const struct flow_case pause_cases[] = {
	{ .title = "a pause leaves its key behind",
	  .from = STATE_RUNNING,
	  .to = STATE_PAUSED,
	  .to_details = "{\"pause_key\":\"ask\"}",
	  .run_policy = "{\"pause_keys\":[\"before\"]}",
	  .expect = "ACCEPT; PAUSED/Paused, details {\"pause_key\":\"ask\"}",
	  .expect_policy = "{\"pause_keys\":[\"before\",\"ask\"]}" },
	{ .title = "a pause without a key gets a random one",
	  .from = STATE_RUNNING,
	  .to = STATE_PAUSED,
	  .expect = "ACCEPT; PAUSED/Paused",
	  .expect_policy = "{\"pause_keys\":[\"" RANDOM_KEY "\"]}" },
	{ .title = "a key fires once, however it is written",
	  .from = STATE_RUNNING,
	  .to = STATE_PAUSED,
	  .to_details = "{\"pause_key\":\"ask\"}",
	  .run_policy = "{\"pause_keys\":[\"\\u0061sk\"]}",
	  .expect = "REJECT (enter pause): This pause has already fired.; nothing",
	  .expect_policy = "{\"pause_keys\":[\"\\u0061sk\"]}" },
	{ .title = "a suspension's words",
	  .from = STATE_RUNNING,
	  .to = STATE_PAUSED,
	  .to_name = "Suspended",
	  .to_details = "{\"pause_key\":\"ask\"}",
	  .run_policy = "{\"pause_keys\":[\"ask\"]}",
	  .expect = "REJECT (enter pause): This suspend has already fired.; nothing",
	  .expect_policy = "{\"pause_keys\":[\"ask\"]}" },
	{ .title = "a subflow can't be suspended",
	  .from = STATE_RUNNING,
	  .to = STATE_PAUSED,
	  .to_name = "Suspended",
	  .to_details = "{\"pause_reschedule\":true}",
	  .subflow = true,
	  DEPLOYED,
	  .expect = "ABORT (enter pause): Cannot suspend subflows.; nothing" },
	{ .title = "but paused",
	  .from = STATE_RUNNING,
	  .to = STATE_PAUSED,
	  .to_details = "{\"pause_key\":\"ask\"}",
	  .subflow = true,
	  .expect = "ACCEPT; PAUSED/Paused, details {\"pause_key\":\"ask\"}",
	  .expect_policy = "{\"pause_keys\":[\"ask\"]}" },
	{ .title = "the run of a program can be suspended without a deployment",
	  .from = STATE_RUNNING,
	  .to = STATE_PAUSED,
	  .to_name = "Suspended",
	  .to_details = "{\"pause_reschedule\":true,\"pause_key\":\"ask\"}",
	  .program = true,
	  .expect = "ACCEPT; PAUSED/Suspended, details {\"pause_reschedule\":true,\"pause_key\":\"ask\"}",
	  .expect_policy = "{\"pause_keys\":[\"ask\"]}" },
	{ .title = "and resumed",
	  .from = STATE_PAUSED,
	  .from_name = "Suspended",
	  .from_details = "{\"pause_reschedule\":true}",
	  .to = STATE_SCHEDULED,
	  .to_name = "Resuming",
	  .program = true,
	  .run_count = 1,
	  .expect = "ACCEPT; SCHEDULED/Resuming, details {\"scheduled_time\":\"2026-01-01T00:00:00Z\"}",
	  .expect_policy = "{\"resuming\":true}",
	  .expect_run_count = 1 },
	{ .title = "no state",
	  .from = STATE_NONE,
	  .to = STATE_PAUSED,
	  .expect = "ABORT (enter pause): Cannot pause flows with no state.; nothing" },
	{ .title = "resuming is remembered",
	  .from = STATE_PAUSED,
	  .from_details = "{\"pause_timeout\":\"2026-01-01T00:00:00Z\",\"pause_reschedule\":true}",
	  .to = STATE_SCHEDULED,
	  .to_name = "Resuming",
	  DEPLOYED,
	  .run_count = 1,
	  .run_policy = "{\"pause_keys\":[\"ask\"]}",
	  .expect = "ACCEPT; SCHEDULED/Resuming, details {\"scheduled_time\":\"2026-01-01T00:00:00Z\"}",
	  .expect_policy = "{\"pause_keys\":[\"ask\"],\"resuming\":true}",
	  .expect_run_count = 1 },
	{ .title = "a resumed run goes on with its attempt",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .run_policy = "{\"resuming\":true}",
	  .run_count = 1,
	  .expect = "ACCEPT; RUNNING/Running",
	  .expect_policy = "{}",
	  .expect_run_count = 1 },
	{ .title = "for clients before 0.8.4 it counts as an attempt",
	  .from = STATE_PENDING,
	  .to = STATE_RUNNING,
	  .run_policy = "{\"resuming\":true}",
	  .run_count = 1,
	  .client = { .no_pause_bookkeeping = true },
	  .expect = "ACCEPT; RUNNING/Running",
	  .expect_policy = "{\"resuming\":true}",
	  .expect_run_count = 2 },
	{ .title = "the end of the run ends resuming",
	  .policy = FLOW_POLICY_MINIMAL,
	  .from = STATE_PENDING,
	  .to = STATE_CRASHED,
	  .run_policy = "{\"resuming\":true}",
	  .expect = "ACCEPT; CRASHED/Crashed",
	  .expect_policy = "{}" },
	{ .title = "a pause that was not resumed in time",
	  .from = STATE_PAUSED,
	  .from_details = "{\"pause_timeout\":\"2025-12-31T23:59:59.999999Z\"}",
	  .to = STATE_RUNNING,
	  .run_count = 1,
	  .expect = "REJECT (leave pause): The flow run pause has timed out and can no longer resume.; FAILED/Failed, "
	            "\"The flow was running and never resumed.\"",
	  .expect_policy = "{\"resuming\":true}",
	  .expect_run_count = 1 },
	{ .title = "a rejected way out of a pause leaves the run alone",
	  .from = STATE_PAUSED,
	  .to = STATE_PENDING,
	  .run_policy = "{\"pause_keys\":[\"ask\"]}",
	  .expect = "REJECT (leave pause): This run cannot transition to the StateType.PENDING state from the "
	            "StateType.PAUSED state.; nothing",
	  .expect_policy = "{\"pause_keys\":[\"ask\"]}" },
};

static const struct flow_case cancel_cases[] = {
	{ .title = "a run that is about to resume runs nowhere",
	  .from = STATE_SCHEDULED,
	  .from_name = "Resuming",
	  .to = STATE_CANCELLING,
	  DEPLOYED,
	  .expect = "REJECT (cancel without infrastructure): Scheduled flow run has no infrastructure to terminate.; "
	            "CANCELLED/Cancelled" },
	{ .title = "also when forced",
	  .policy = FLOW_POLICY_MINIMAL,
	  .from = STATE_PAUSED,
	  .from_details = "{\"pause_reschedule\":true}",
	  .to = STATE_CANCELLING,
	  DEPLOYED,
	  .expect = "REJECT (cancel without infrastructure): Suspended flow run has no infrastructure to terminate.; "
	            "CANCELLED/Cancelled" },
};

static const struct flow_case retry_cases[] = {
	{ .title = "what failed is told to the retry",
	  .from = STATE_RUNNING,
	  .to = STATE_FAILED,
	  .to_message = "the disk is full",
	  .to_data = PERSISTED,
	  .run_policy = "{\"retries\":2,\"retry_delay\":90,\"pause_keys\":[\"ask\"],\"resuming\":true}",
	  .run_count = 2,
	  .expect = "REJECT (retry): Retrying; SCHEDULED/AwaitingRetry, \"the disk is full\", data " PERSISTED
	            ", details {\"scheduled_time\":\"2026-01-01T00:01:30Z\"}",
	  .expect_policy = "{\"retries\":2,\"retry_delay\":90,\"retry_type\":\"in_process\"}",
	  .expect_run_count = 2 },
	{ .title = "flow runs have no jitter",
	  .from = STATE_RUNNING,
	  .to = STATE_FAILED,
	  .run_policy = "{\"retries\":1,\"retry_delay\":10,\"retry_jitter_factor\":1.0}",
	  .run_count = 1,
	  .expect = "REJECT (retry): Retrying; SCHEDULED/AwaitingRetry, details "
	            "{\"scheduled_time\":\"2026-01-01T00:00:10Z\"}",
	  .expect_policy =
	          "{\"retries\":1,\"retry_delay\":10,\"retry_jitter_factor\":1.0,\"retry_type\":\"in_process\"}",
	  .expect_run_count = 1 },
	{ .title = "after the last one the failure stands, and a retry from outside is possible",
	  .from = STATE_RUNNING,
	  .to = STATE_FAILED,
	  .run_policy = "{\"retries\":1,\"retry_type\":\"in_process\"}",
	  .run_count = 2,
	  .expect = "ACCEPT; FAILED/Failed",
	  .expect_policy = "{\"retries\":1}",
	  .expect_run_count = 2 },
	{ .title = "for clients before 0.8.4 the policy is left alone",
	  .from = STATE_RUNNING,
	  .to = STATE_FAILED,
	  .run_policy = "{\"retries\":1,\"pause_keys\":[\"ask\"]}",
	  .run_count = 1,
	  .client = { .no_pause_bookkeeping = true },
	  .expect = "REJECT (retry): Retrying; SCHEDULED/AwaitingRetry, details "
	            "{\"scheduled_time\":\"2026-01-01T00:00:00Z\"}",
	  .expect_policy = "{\"retries\":1,\"pause_keys\":[\"ask\"]}",
	  .expect_run_count = 1 },
	{ .title = "by force a failure is a failure",
	  .policy = FLOW_POLICY_MINIMAL,
	  .from = STATE_RUNNING,
	  .to = STATE_FAILED,
	  .run_policy = "{\"retries\":1}",
	  .run_count = 1,
	  .expect = "ACCEPT; FAILED/Failed",
	  .expect_policy = "{\"retries\":1}",
	  .expect_run_count = 1 },
	{ .title = "a run that is scheduled anew starts with a clean policy",
	  .from = STATE_FAILED,
	  .to = STATE_SCHEDULED,
	  DEPLOYED,
	  .run_policy = "{\"retries\":1,\"pause_keys\":[\"ask\"],\"resuming\":true}",
	  .expect = "ACCEPT; SCHEDULED/Scheduled, details {\"scheduled_time\":\"2026-01-01T00:00:00Z\"}",
	  .expect_policy = "{\"retries\":1,\"retry_type\":\"reschedule\"}" },
	{ .title = "which is undone when it can't be",
	  .from = STATE_FAILED,
	  .to = STATE_SCHEDULED,
	  .to_name = "Late",
	  DEPLOYED,
	  .run_policy = "{\"retries\":1,\"pause_keys\":[\"ask\"],\"resuming\":true}",
	  .expect = "REJECT (late guard): Only scheduled flows can be marked late.; nothing",
	  .expect_policy = "{\"retries\":1,\"pause_keys\":[\"ask\"],\"resuming\":true}" },
	{ .title = "which is undone when another state is put in its place",
	  .from = STATE_FAILED,
	  .to = STATE_PENDING,
	  DEPLOYED,
	  MODERN,
	  .facts = { .has_limit = true, .limit = 1 },
	  .run_policy = "{\"pause_keys\":[\"ask\"]}",
	  .expect = "REJECT (take deployment slot): Deployment concurrency limit reached.; "
	            "SCHEDULED/AwaitingConcurrencySlot, details {\"scheduled_time\":\"2026-01-01T00:00:30Z\"}",
	  .expect_policy = "{\"pause_keys\":[\"ask\"]}" },
};

static const struct flow_case result_cases[] = {
	{ .title = "a result is not lost by force",
	  .policy = FLOW_POLICY_MINIMAL,
	  .from = STATE_COMPLETED,
	  .from_data = PERSISTED,
	  .to = STATE_COMPLETED,
	  .to_data = "{\"type\":\"unpersisted\"}",
	  .expect = "REJECT (keep result): Cannot overwrite a COMPLETED state that carries persisted result data with "
	            "one that does not.; nothing" },
	{ .title = "but replaced by another",
	  .policy = FLOW_POLICY_MINIMAL,
	  .from = STATE_COMPLETED,
	  .from_data = PERSISTED,
	  .to = STATE_COMPLETED,
	  .to_data = PERSISTED,
	  .expect = "ACCEPT; COMPLETED/Completed, data " PERSISTED },
	{ .title = "data that is no reference holds nobody",
	  .from = STATE_COMPLETED,
	  .from_data = "42",
	  .to = STATE_RUNNING,
	  .expect = "ACCEPT; RUNNING/Running",
	  .expect_run_count = 1 },
	{ .title = "a result that was never stored may be computed again",
	  .from = STATE_COMPLETED,
	  .from_data = "{\"type\":\"unpersisted\"}",
	  .to = STATE_RUNNING,
	  .expect = "ACCEPT; RUNNING/Running",
	  .expect_run_count = 1 },
};

static const struct flow_case late_cases[] = {
	{ .title = "late",
	  .policy = FLOW_POLICY_LATE,
	  .from = STATE_SCHEDULED,
	  .to = STATE_SCHEDULED,
	  .to_name = "Late",
	  .to_details = "{\"scheduled_time\":\"2025-12-31T00:00:00Z\"}",
	  DEPLOYED,
	  .facts = { .has_limit = true, .limit = 1 },
	  .expect = "ACCEPT; SCHEDULED/Late, details {\"scheduled_time\":\"2025-12-31T00:00:00Z\"}" },
	{ .title = "too late",
	  .policy = FLOW_POLICY_LATE,
	  .from = STATE_RUNNING,
	  .to = STATE_SCHEDULED,
	  .to_name = "Late",
	  .expect = "REJECT (late guard): Only scheduled flows can be marked late.; nothing" },
	{ .title = "late, and new runs are cancelled while the limit is full",
	  .policy = FLOW_POLICY_LATE,
	  .from = STATE_SCHEDULED,
	  .to = STATE_SCHEDULED,
	  .to_name = "Late",
	  DEPLOYED,
	  .facts = { .has_limit = true, .limit = 1, .strategy = COLLISION_CANCEL_NEW },
	  .expect = "REJECT (cancel late): Deployment concurrency limit is full and uses the CANCEL_NEW strategy.; "
	            "CANCELLED/Cancelled, \"Deployment concurrency limit reached.\"" },
	{ .title = "late with a free slot",
	  .policy = FLOW_POLICY_LATE,
	  .from = STATE_SCHEDULED,
	  .to = STATE_SCHEDULED,
	  .to_name = "Late",
	  .to_details = "{\"scheduled_time\":\"2025-12-31T00:00:00Z\"}",
	  DEPLOYED,
	  .facts = { .has_limit = true, .limit = 1, .slot_free = true, .strategy = COLLISION_CANCEL_NEW },
	  .expect = "ACCEPT; SCHEDULED/Late, details {\"scheduled_time\":\"2025-12-31T00:00:00Z\"}" },
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

static struct flow_run make_run(const struct flow_case *each)
{
	struct flow_run run;

	fields_init(&flow_run_fields, &run);
	run.id = id(1);
	run.state_type = each->from;
	run.run_count = each->run_count;
	run.empirical_policy = str_of(each->run_policy ? each->run_policy : "{}");
	if (each->deployment_id)
		run.deployment_id = id(0xDE);
	if (each->program)
		run.program_id = id(0xAA);
	if (each->subflow)
		run.parent_task_run_id = id(2);
	return run;
}

static void check_case(const struct flow_case *each)
{
	AUTO(arena_done) struct arena arena = { 0 };
	AUTO(strbuf_done) struct strbuf trace = { 0 };
	struct state current = make_state(3, each->from, each->from_name, each->from_details, each->from_data);
	struct state proposed = make_state(0, each->to, each->to_name, each->to_details, each->to_data);
	const char *expect_policy = each->expect_policy ? each->expect_policy : "{}";
	struct flow_run run = make_run(each);
	struct flow_transition transition = {
		.common = { .arena = &arena,
		            .now_us = NOW_US,
		            .current = each->from == STATE_NONE ? NULL : &current,
		            .state_id = id(4),
		            .proposed = proposed },
		.policy = each->policy,
		.pause_key = id(0xC0),
		.deployment = each->facts,
		.client = each->client,
		.run = &run,
	};
	struct flow_run before = run;

	current.timestamp = NOW_US - SECOND_US;
	transition.common.proposed.message = str_of(each->to_message);
	transition.deployment.new_lease_id = id(0x1F);
	assert_int_equal(flow_transition_decide(&transition, NULL), 0);
	trace_decision(&transition.common, &trace);
	if (strcmp(trace.data, each->expect) != 0)
		fail_msg("%s:\nexpected %s\ngot      %s", each->title, each->expect, trace.data);
	if (!str_is(run.empirical_policy, expect_policy) && !(each->run_policy == NULL && !each->expect_policy))
		fail_msg("%s: expected policy %s, got %.*s", each->title, expect_policy, STR_ARG(run.empirical_policy));
	if (run.run_count != each->expect_run_count)
		fail_msg("%s: expected run_count %lld, got %lld", each->title, (long long)each->expect_run_count,
		         (long long)run.run_count);
	if (!transition.common.verdict.writes)
		assert_memory_equal(&run, &before, sizeof run);
}

#define DEFINE_TEST(cases)                                                                                             \
	static void test_##cases(void **state UNUSED)                                                                  \
	{                                                                                                              \
		for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)                                                       \
			check_case(&(cases)[i]);                                                                       \
	}

DEFINE_TEST(duplicate_cases)
DEFINE_TEST(slot_cases)
DEFINE_TEST(lease_cases)
DEFINE_TEST(time_cases)
DEFINE_TEST(pause_cases)
DEFINE_TEST(cancel_cases)
DEFINE_TEST(retry_cases)
DEFINE_TEST(result_cases)
DEFINE_TEST(late_cases)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duplicate_cases), cmocka_unit_test(test_slot_cases),
		cmocka_unit_test(test_lease_cases),     cmocka_unit_test(test_time_cases),
		cmocka_unit_test(test_pause_cases),     cmocka_unit_test(test_cancel_cases),
		cmocka_unit_test(test_retry_cases),     cmocka_unit_test(test_result_cases),
		cmocka_unit_test(test_late_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
