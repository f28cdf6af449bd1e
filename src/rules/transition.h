/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transition.h - may this run enter that state? The orchestration rules of CONTRACT section 5 as tables of pure
 * functions: the clock, random numbers and everything known of the surroundings are arguments, the answer is a verdict
 * that carries its reason.
 *
 * A decision goes: rules whose from and to contain the transition are entered in the order of the table; the first that
 * objects decides. If a state is to be written, the bookkeeping (counts and times) is applied to the run, and entered
 * rules that still hold are left in reverse order; a rule whose transition was changed under it is undone instead.
 */
#ifndef WEIR_RULES_TRANSITION_H
#define WEIR_RULES_TRANSITION_H

#include "model/run.h"
#include "rules/verdict.h"

/* Which table of rules applies (CONTRACT 5.2, 5.3, 5.4). */
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
	bool lease_alive;         /* of the proposed or carried lease */
	struct uuid new_lease_id; /* to use if a slot is taken */
};

/* What is known of the client that asks. */
struct client_facts {
	bool leases;            /* renews deployment leases itself (>= 3.4.11) */
	bool skips_slots;       /* 3.0.0rc20 to 3.0.3: the server leaves slots alone */
	bool pause_bookkeeping; /* API version >= 0.8.4 */
};

/* What the caller must do to slots when it applies the verdict, in the same transaction. */
enum slot_action { SLOT_TAKE = 1 << 0, SLOT_RELEASE = 1 << 1, SLOT_RENEW = 1 << 2, SLOT_REVOKE_LEASE = 1 << 3 };

/* One decision about a flow run. */
struct flow_transition {
	/* in */
	struct arena *arena; /* for texts that the decision makes */
	int64_t now_us;
	enum flow_policy policy;
	const struct state *current; /* NULL: the run has no state yet */
	struct uuid state_id;        /* for the state that is written */
	struct uuid pause_key;       /* random: the key of a pause that was given none */
	struct deployment_facts deployment;
	struct client_facts client;
	/* in and out */
	struct state proposed; /* id, run_id and timestamp are set by the decision */
	struct flow_run *run;  /* a copy of the row; only changed when verdict.writes */
	/* out */
	struct verdict verdict;
	unsigned slots; /* enum slot_action */
};

/* Decide. Never fails: wrong input is refused before. After it, proposed is the state to write if verdict.writes. */
void flow_transition_decide(struct flow_transition *transition);

/* The parent of a task run, as far as the rules ask. */
struct parent_facts {
	bool exists;
	const struct state *state; /* NULL: none */
	int64_t run_count;
	struct uuid id;
};

/* One tag limit that applies to a task run. */
struct tag_limit_facts {
	struct str tag;
	int64_t limit;
	bool full;
};

/* One decision about a task run. */
struct task_transition {
	/* in */
	struct arena *arena;
	int64_t now_us;
	enum task_policy policy;
	const struct state *current;
	struct uuid state_id;
	struct parent_facts parent;
	const struct state *cached; /* the live state under the proposed cache key, or NULL */
	const struct tag_limit_facts *tag_limits;
	size_t tag_limit_count;
	double random; /* in [0, 1): jitter of delays */
	/* in and out */
	struct state proposed;
	struct task_run *run;
	/* out */
	struct verdict verdict;
	unsigned slots;              /* enum slot_action, of the tag limits */
	bool store_cache;            /* a row for the cache table */
	bool enqueue, enqueue_retry; /* a deferred run enters the queue of its task */
};

void task_transition_decide(struct task_transition *transition);

#endif
