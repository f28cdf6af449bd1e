/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.h - the rows of checkpoints: values that a flow run keeps under keys. They go with the run. */
#ifndef WEIR_STORE_CHECKPOINT_H
#define WEIR_STORE_CHECKPOINT_H

#include "store/db.h"

/* Insert, or replace what is there. WEIR_ECONFLICT when there is no such flow run. value is JSON. */
MUST_CHECK int store_checkpoint_put(struct db *db, struct uuid flow_run_id, struct str key, struct str value,
                                    int64_t now_us, struct problem *problem);

/* The value, in the arena. WEIR_ENOTFOUND, without a problem, when there is none. */
MUST_CHECK int store_checkpoint_find(struct db *db, struct uuid flow_run_id, struct str key, struct arena *arena,
                                     struct str *value, struct problem *problem);

#endif
