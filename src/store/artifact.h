/* SPDX-License-Identifier: Apache-2.0 */
/* artifact.h - the rows of artifacts. */
#ifndef WEIR_STORE_ARTIFACT_H
#define WEIR_STORE_ARTIFACT_H

#include "model/artifact.h"
#include "store/db.h"
#include "store/record.h"

MUST_CHECK int store_artifact_insert(struct db *db, const struct artifact *artifact, struct problem *problem);
MUST_CHECK int store_artifact_update(struct db *db, const struct artifact *artifact, struct problem *problem);
MUST_CHECK int store_artifact_delete(struct db *db, struct uuid id, bool *deleted, struct problem *problem);

/* All of a key. *count: how many that were. */
MUST_CHECK int store_artifact_delete_key(struct db *db, struct str key, int64_t *count, struct problem *problem);

/* WEIR_ENOTFOUND, without a word; so all that find. */
MUST_CHECK int store_artifact_find(struct db *db, struct uuid id, struct arena *arena, struct artifact *out,
                                   struct problem *problem);

/* The newest of a key. */
MUST_CHECK int store_artifact_find_key(struct db *db, struct str key, struct arena *arena, struct artifact *out,
                                       struct problem *problem);

/* The newest that a run has made of a type under a key (STR_NULL: without one). task_run_id nil: the flow run itself. */
MUST_CHECK int store_artifact_find_run(struct db *db, struct uuid flow_run_id, struct uuid task_run_id, struct str type,
                                       struct str key, struct arena *arena, struct artifact *out,
                                       struct problem *problem);

struct artifact_query {
	struct str key;          /* STR_NULL: any; else its history */
	struct uuid flow_run_id; /* nil: any */
	bool latest;             /* only the newest of each key, and none without a key */
	int64_t limit, offset;   /* limit 0: 200 */
};

/* Newest first. The records are struct artifact. */
MUST_CHECK int store_artifact_list(struct db *db, const struct artifact_query *query, record_row_fn *each, void *data,
                                   struct problem *problem);

#endif
