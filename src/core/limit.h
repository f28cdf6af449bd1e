/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit.h - the operations on concurrency limits (core/limit.c) and on their slots (core/slots.c).
 *
 * Who finds a limit full may stand in its queue: a row for each limit that it needs. Whatever frees slots gives them, in
 * the same transaction, to those who wait: who came first comes first. Somebody who waits for several limits gets all at
 * once, and stands in nobody's way at a limit that has room for it. The program of who was given slots is told
 * "slots <waiter's id> granted" (tx_send), or "slots <waiter's id> refused" when they can't be had any more.
 */
#ifndef WEIR_CORE_LIMIT_H
#define WEIR_CORE_LIMIT_H

#include "model/limit.h"
#include "store/limit.h"
#include "store/store.h"

/* --- Limits --- */

/* Make one: name, limit, active and slot_decay_per_second count, and it gets the rest. WEIR_EINVAL for bad values,
   WEIR_EEXISTS. */
MUST_CHECK int limit_create(struct tx *tx, struct concurrency_limit *limit);

/* What is to change. */
struct limit_change {
	struct str name; /* STR_NULL: as it is; so for the others */
	int64_t limit;   /* INTEGER_NONE */
	enum { LIMIT_AS_IT_IS, LIMIT_ACTIVE, LIMIT_INACTIVE } active;
	double decay;         /* NaN */
	int64_t active_slots; /* INTEGER_NONE; of a limit with decay, whose slots nobody holds */
};

/* WEIR_ENOTFOUND, WEIR_EINVAL, WEIR_EEXISTS. out is the limit as it is then. */
MUST_CHECK int limit_update(struct tx *tx, struct uuid id, const struct limit_change *change,
                            struct concurrency_limit *out);

/* Delete it: who waits for it is let go. WEIR_ENOTFOUND. */
MUST_CHECK int limit_delete(struct tx *tx, struct uuid id);

/* Take all its slots back, whoever holds them. *count: how many slots that were. WEIR_ENOTFOUND. */
MUST_CHECK int limit_reset(struct tx *tx, struct uuid id, int64_t *count);

/* By name, or by id. active_slots and denied_slots are as of now. WEIR_ENOTFOUND. */
MUST_CHECK int limit_find(struct db *db, struct str name_or_id, int64_t now_us, struct arena *arena,
                          struct concurrency_limit *out, struct problem *problem);

/* By name, as of now. The records are struct concurrency_limit. */
MUST_CHECK int limit_list(struct db *db, const struct limit_query *query, int64_t now_us, record_row_fn *each,
                          void *data, struct problem *problem);

/* --- Slots --- */

struct slot_request {
	const struct str *names; /* of limits; those that do not exist or are not active limit nothing */
	size_t count;
	int64_t slots; /* of each, above 0 */
	enum slot_mode mode;
	struct slot_holder holder;
	int64_t lease_us;      /* how long they may be held; 0: until they are given back or the program dies */
	struct uuid waiter_id; /* who waits when there is none; also the lease's id. Nil: a made-up lease, no waiting */
};

/* A limit that has no room. Texts in tx->arena. */
struct full_limit {
	struct str name;
	int64_t limit, active_slots;
	double retry_after_seconds;
};

struct slot_answer {
	bool acquired;
	struct uuid lease_id; /* nil when there was nothing to take: no limit holds */
	const struct full_limit *full;
	size_t full_count;
	double retry_after_seconds; /* of the limit that takes longest */
	int64_t look_at;            /* wall clock: when to call slots_look; INT64_MAX: no time that is known */
};

/*
 * Take slots of all these limits, or of none. Not acquired: see `full`; with a waiter_id it waits in the queue then, and is
 * to withdraw when it gives up. WEIR_ELIMIT: a limit has not so many slots at all; WEIR_EINVAL: rate_limit of a limit
 * without decay, slots below 1.
 */
MUST_CHECK int slots_acquire(struct tx *tx, const struct slot_request *request, struct slot_answer *answer);

/* Is there room by now? For who waits, at look_at or when a message may have been lost. The error is that for which it was
   refused. */
MUST_CHECK int slots_look(struct tx *tx, struct uuid waiter_id, struct slot_answer *answer);

/* It does not wait any more. *granted: it waited no longer, since it has been given its slots. */
MUST_CHECK int slots_withdraw(struct tx *tx, struct uuid waiter_id, bool *granted);

/* Call each for the waiters of a program that still wait; those that were given slots or were refused do not. */
typedef void waiter_fn(void *data, struct uuid waiter_id);
MUST_CHECK int slots_waiters(struct db *db, struct uuid program_id, waiter_fn *each, void *data,
                             struct problem *problem);

/* Give slots of a limit back, the newest first; at most those that the holder has. *released may be NULL. */
MUST_CHECK int slots_release(struct tx *tx, struct uuid holder_id, struct str limit_name, int64_t slots,
                             int64_t *released);

/* Give back all that these hold: a lease, a run, a flow run with its task runs, a program (with its waiters). */
MUST_CHECK int slots_release_all(struct tx *tx, const struct slot_query *whose);
MUST_CHECK int slots_release_program(struct tx *tx, struct uuid program_id);

#endif
