/* SPDX-License-Identifier: Apache-2.0 */
/* limit.h - the rows of concurrency limits, of held slots, and of those who wait. */
#ifndef WEIR_STORE_LIMIT_H
#define WEIR_STORE_LIMIT_H

#include "model/limit.h"
#include "store/db.h"
#include "store/record.h"

/* --- Limits --- */

/* *inserted is false when there is a limit of that name. */
MUST_CHECK int store_limit_insert(struct db *db, const struct concurrency_limit *limit, bool *inserted,
                                  struct problem *problem);
MUST_CHECK int store_limit_update(struct db *db, const struct concurrency_limit *limit, struct problem *problem);

/* With its slots and its waiters. */
MUST_CHECK int store_limit_delete(struct db *db, struct uuid id, struct problem *problem);

/* WEIR_ENOTFOUND, without a word. active_slots is the column's: see store_slot_sum. */
MUST_CHECK int store_limit_find(struct db *db, struct uuid id, struct arena *arena, struct concurrency_limit *out,
                                struct problem *problem);
MUST_CHECK int store_limit_find_name(struct db *db, struct str name, struct arena *arena, struct concurrency_limit *out,
                                     struct problem *problem);

struct limit_query {
	struct str prefix;     /* of the names; STR_NULL: all */
	bool active;           /* only those that are */
	int64_t limit, offset; /* limit 0: 200; below 0: all */
};

/* By name. The records are struct concurrency_limit. */
MUST_CHECK int store_limit_list(struct db *db, const struct limit_query *query, record_row_fn *each, void *data,
                                struct problem *problem);

/* --- Slots --- */

MUST_CHECK int store_slot_insert(struct db *db, const struct slot_row *slot, struct problem *problem);
MUST_CHECK int store_slot_delete(struct db *db, struct uuid id, struct problem *problem);
MUST_CHECK int store_slot_resize(struct db *db, struct uuid id, int64_t slots, struct problem *problem);

/* How many slots of the limit are held whose lease, if it is one, has not ended. */
MUST_CHECK int store_slot_sum(struct db *db, struct uuid limit_id, int64_t now_us, int64_t *out,
                              struct problem *problem);

/* Which slots; exactly one is set, but limit_id may be set beside another. */
struct slot_query {
	struct uuid limit_id, holder_id, lease_id, flow_run_id, program_id;
};

/* The newest of them: WEIR_ENOTFOUND, without a word, when there is none. */
MUST_CHECK int store_slot_newest(struct db *db, const struct slot_query *query, struct arena *arena,
                                 struct slot_row *out, struct problem *problem);

/* Oldest first. The records are struct slot_row. */
MUST_CHECK int store_slot_list(struct db *db, const struct slot_query *query, record_row_fn *each, void *data,
                               struct problem *problem);

/* --- Waiters --- */

MUST_CHECK int store_waiter_insert(struct db *db, const struct slot_waiter *waiter, struct problem *problem);

/* All rows of a waiter. *deleted may be NULL. */
MUST_CHECK int store_waiter_delete(struct db *db, struct uuid id, bool *deleted, struct problem *problem);

/* It can never have what it waits for. */
MUST_CHECK int store_waiter_refuse(struct db *db, struct uuid id, struct str reason, struct problem *problem);

/* The next row of the limit's queue behind a place; refused ones are no longer in it. WEIR_ENOTFOUND, without a word. */
MUST_CHECK int store_waiter_next(struct db *db, struct uuid limit_id, int64_t after, struct arena *arena,
                                 struct slot_waiter *out, struct problem *problem);

/* The next row of this waiter behind a place, refused or not. */
MUST_CHECK int store_waiter_next_of(struct db *db, struct uuid id, int64_t after, struct arena *arena,
                                    struct slot_waiter *out, struct problem *problem);

/* Any row of a program's waiters. */
MUST_CHECK int store_waiter_of_program(struct db *db, struct uuid program_id, struct arena *arena,
                                       struct slot_waiter *out, struct problem *problem);

/* Call each for the waiters of a program that were not refused. */
MUST_CHECK int store_waiter_ids(struct db *db, struct uuid program_id, void (*each)(void *data, struct uuid id),
                                void *data, struct problem *problem);

/* Does somebody before this place in the limit's queue want more than is free? */
MUST_CHECK int store_waiter_blocks(struct db *db, struct uuid limit_id, int64_t before, int64_t free, bool *out,
                                   struct problem *problem);

/* How many wait before this place in the limit's queue, and for how many slots. */
MUST_CHECK int store_waiter_ahead(struct db *db, struct uuid limit_id, int64_t before, int64_t *waiters, int64_t *slots,
                                  struct problem *problem);

/* The rows of a run that waits, in the order of the queue. The records are struct slot_waiter. */
MUST_CHECK int store_waiter_list(struct db *db, struct uuid holder_id, record_row_fn *each, void *data,
                                 struct problem *problem);

#endif
