/* SPDX-License-Identifier: Apache-2.0 */
/* run.h - flows, flow runs, task runs and their retry policies, as rows (CONTRACT 3.2, 3.3, 3.5). */
#ifndef WEIR_MODEL_RUN_H
#define WEIR_MODEL_RUN_H

#include "model/state.h"

/* A flow: unique by name. */
struct flow {
	struct uuid id;
	int64_t created;
	int64_t updated;
	struct str name;
	struct str tags;   /* JSON array of strings */
	struct str labels; /* JSON object */
};

extern const struct field_table flow_fields;

/* A run of a flow. Times are microseconds UTC. */
struct flow_run {
	struct uuid id;
	int64_t created;
	int64_t updated;
	struct str name;
	struct uuid flow_id;
	struct uuid state_id;
	enum state_type state_type;
	struct str state_name;
	int64_t state_timestamp; /* in the table only */
	struct uuid deployment_id;
	struct str deployment_version;
	struct uuid work_queue_id;
	struct str work_queue_name;
	struct str flow_version;
	struct str parameters;       /* JSON object */
	struct str idempotency_key;  /* unique within the flow */
	struct str context;          /* JSON object */
	struct str empirical_policy; /* JSON of struct run_policy */
	struct str tags;             /* JSON array of strings */
	struct str labels;           /* JSON object */
	struct uuid parent_task_run_id;
	int64_t run_count; /* how many attempts have begun */
	int64_t expected_start_time;
	int64_t next_scheduled_start_time;
	int64_t start_time;
	int64_t end_time;
	int64_t total_run_time; /* duration: completed stretches of RUNNING */
	bool auto_scheduled;
	struct uuid infrastructure_document_id;
	struct str infrastructure_pid;
	struct str job_variables; /* JSON object or null */
	struct str created_by;    /* JSON object or null */
	struct uuid program_id;   /* in the table only: the embedded program that runs it (store/share.h) */
};

extern const struct field_table flow_run_fields;

/* A run of a task. */
struct task_run {
	struct uuid id;
	int64_t created;
	int64_t updated;
	struct str name;
	struct uuid flow_run_id;
	struct str task_key;    /* which task */
	struct str dynamic_key; /* which call of it within the flow run */
	struct str cache_key;
	int64_t cache_expiration;
	struct str task_version;
	struct str empirical_policy; /* JSON of struct run_policy */
	struct str tags;
	struct str labels;
	struct uuid state_id;
	enum state_type state_type;
	struct str state_name;
	int64_t state_timestamp; /* in the table only */
	struct str task_inputs;  /* JSON: {argument: [{"input_type": …, "id": …}]} */
	int64_t run_count;
	int64_t flow_run_run_count; /* the flow run's run_count when this run last began */
	int64_t expected_start_time;
	int64_t next_scheduled_start_time;
	int64_t start_time;
	int64_t end_time;
	int64_t total_run_time;
};

extern const struct field_table task_run_fields;

/* empirical_policy: how a run is retried, and what its pauses have done. */
struct run_policy {
	int64_t max_retries;        /* deprecated, kept for old clients */
	double retry_delay_seconds; /* deprecated */
	int64_t retries;            /* INTEGER_NONE: unset */
	struct str retry_delay;     /* JSON: null, seconds, or an array of seconds (task runs) */
	double retry_jitter_factor; /* NaN: unset */
	struct str pause_keys;      /* JSON array of strings or null */
	bool resuming;
	struct str retry_type; /* "in_process", "reschedule" or none */
};

extern const struct field_table run_policy_fields;

MUST_CHECK int run_policy_read(struct arena *arena, struct str json, struct run_policy *out, struct problem *problem);
struct str run_policy_text(struct arena *arena, const struct run_policy *policy);

/* A log line of a run. */
struct log_line {
	struct uuid id;
	int64_t created;
	struct str name; /* the logger: "prefect.flow_runs", "prefect.task_runs", … */
	int64_t level;   /* Python's numbers: 20 is INFO */
	struct str message;
	int64_t timestamp;
	struct uuid flow_run_id;
	struct uuid task_run_id;
};

extern const struct field_table log_fields;

/* A row of the outbox: what happened, in the order of its commits. */
struct event {
	int64_t sequence; /* given by the store, ascending */
	struct uuid id;
	int64_t occurred;
	struct str event;    /* "prefect.flow-run.Completed" */
	struct str resource; /* JSON object: labels, with prefect.resource.id */
	struct str related;  /* JSON array of the same */
	struct str payload;  /* JSON object */
	struct uuid follows;
};

extern const struct field_table event_fields;

/* total_run_time plus the running stretch, and how late the start is (CONTRACT 3.3). Microseconds. */
int64_t estimated_run_time_us(int64_t total_us, enum state_type type, int64_t state_timestamp, int64_t now_us);
int64_t estimated_start_delta_us(int64_t expected, int64_t start, enum state_type type, int64_t now_us);

#endif
