/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transition.h - may this run enter that state? The orchestration rules of CONTRACT section 5 as tables of pure
 * functions: the clock, random numbers and everything known of the surroundings are arguments, the answer is a verdict
 * that carries its reason.
 *
 * A decision goes: rules whose from and to contain the transition are entered in the order of the table; the first that
 * objects decides. If a state is to be written, the bookkeeping (counts and times) is applied to the run, and entered
 * rules that still hold are left in reverse order; a rule whose transition was changed under it is undone instead. If
 * nothing is to be written, all entered rules are undone: the run is as it was.
 */
#ifndef WEIR_RULES_TRANSITION_H
#define WEIR_RULES_TRANSITION_H

#include "model/run.h"
#include "rules/verdict.h"

/* Which table of rules applies (CONTRACT 5.2, 5.3, 5.4). MINIMAL is for creation and force. */
enum flow_policy { FLOW_POLICY_CORE, FLOW_POLICY_MINIMAL, FLOW_POLICY_LATE };
enum task_policy { TASK_POLICY_CORE, TASK_POLICY_MINIMAL, TASK_POLICY_BACKGROUND };

/* What a full deployment limit does to a new run. */
enum collision_strategy { COLLISION_ENQUEUE, COLLISION_CANCEL_NEW };

/* What is known of the deployment and its concurrency limit. All zero: no deployment row, no limit. */
struct deployment_facts {
	bool missing; /* the run names one that is gone */
	bool has_limit;
	int64_t limit;
	bool slot_free; /* a slot could be taken now */
	enum collision_strategy strategy;
	bool lease_alive;         /* of the lease that the current state carries */
	struct uuid new_lease_id; /* to use if a slot is taken */
};

/* What is known of the client that asks. All zero: one of today that leaves leases to the server. */
struct client_facts {
	bool leases;               /* renews deployment leases itself (>= 3.4.11) */
	bool skips_slots;          /* 3.0.0rc20 to 3.0.3: the server leaves slots alone */
	bool no_pause_bookkeeping; /* API version < 0.8.4: pause keys and resuming are left alone */
};

/* What the caller must do to slots when it applies the verdict, in the same transaction. */
enum slot_action {
	SLOT_TAKE = 1 << 0,         /* flow run: under new_lease_id; task run: one of each tag limit */
	SLOT_RELEASE = 1 << 1,      /* flow run: of the current state's lease, or one without; task run: all it holds */
	SLOT_RENEW = 1 << 2,        /* the lease of the current state */
	SLOT_REVOKE_LEASE = 1 << 3, /* of the current state; the slot itself stays taken */
};

/* The part that decisions about flow runs and task runs share. */
struct transition {
	/* in */
	struct arena *arena; /* for texts that the decision makes */
	int64_t now_us;
	const struct state *current; /* NULL: the run has no state yet */
	struct uuid state_id;        /* for the state that is written */
	/* in and out: the state that is asked for; afterwards, when verdict.writes, the one to write */
	struct state proposed; /* timestamp TIMESTAMP_NONE: now_us; name null: the type's. id and run_id are set */
	/* out */
	struct verdict verdict;
	unsigned slots; /* enum slot_action */
	/* the rules' own: details that were read, and what went wrong */
	const struct state_details *current_details, *proposed_details;
	struct state_details *edited_details;
	struct problem *problem;
	int error;
};

/* One decision about a flow run. */
struct flow_transition {
	struct transition common;
	/* in */
	enum flow_policy policy;
	struct uuid pause_key; /* random: the key of a pause that was given none */
	struct deployment_facts deployment;
	struct client_facts client;
	/* Instants of the run's states from proposed.timestamp (and now_us) on, ascending: a new state takes the next free
	   microsecond. */
	const int64_t *taken_timestamps;
	size_t taken_count;
	/* in and out */
	struct flow_run *run; /* a copy of the row; only changed when verdict.writes */
	/* the rules' own */
	struct run_policy run_policy, undo_policy;
	bool run_policy_read, run_policy_changed;
};

/*
 * Decide. An error means that the JSON of a policy or of state details can't be read, and then nothing is decided:
 * WEIR_EINVAL or WEIR_ESYNTAX for the proposed state, WEIR_ECORRUPT for what is stored.
 */
MUST_CHECK int flow_transition_decide(struct flow_transition *transition, struct problem *problem);

/* The parent of a task run, as far as the rules ask. */
struct parent_facts {
	bool exists;
	const struct state *state; /* NULL: none */
	int64_t run_count;
	struct uuid id;
};

/* One active tag limit that applies to a task run. */
struct tag_limit_facts {
	struct str tag;
	int64_t limit;
	int64_t active_slots;
	double occupancy_seconds; /* how long a slot is held on average */
};

/* One decision about a task run. A proposed state that is deferred is always judged by TASK_POLICY_BACKGROUND. */
struct task_transition {
	struct transition common;
	/* in */
	enum task_policy policy;
	struct parent_facts parent;
	const struct state *cached; /* the live state under the proposed cache key, or NULL */
	const struct tag_limit_facts *tag_limits;
	size_t tag_limit_count;
	double random; /* in [0, 1): jitter of delays */
	/* in and out */
	struct task_run *run;
	/* out */
	bool store_cache;            /* a row for the cache table: cache_key, cache_expiration, the state's id */
	bool enqueue, enqueue_retry; /* a deferred run enters the queue of its task, or its queue of retries */
	/* the rules' own */
	int64_t undo_run_count;
};

MUST_CHECK int task_transition_decide(struct task_transition *transition, struct problem *problem);

/*
 * Apply the bookkeeping of a state to a row that a client orchestrates itself: counts, times, state_*. No rule runs.
 * previous is NULL for the first state. The state's details must be readable.
 */
void task_run_enter(struct task_run *run, const struct state *previous, const struct state *state);

#endif
