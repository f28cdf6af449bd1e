/* SPDX-License-Identifier: Apache-2.0 */
/* flow_run_input.h - texts that are kept for a flow run under keys: what a pause asks for, and what it was answered. */
#ifndef WEIR_STORE_FLOW_RUN_INPUT_H
#define WEIR_STORE_FLOW_RUN_INPUT_H

#include "store/db.h"

/* Keep a value under a key; it replaces an earlier one. WEIR_ECONFLICT when there is no such run. */
MUST_CHECK int store_flow_run_input_put(struct db *db, struct uuid flow_run_id, struct str key, struct str value,
                                        int64_t now_us, struct problem *problem);

/* The value of a key, in the arena; STR_NULL when there is none. */
MUST_CHECK int store_flow_run_input_find(struct db *db, struct uuid flow_run_id, struct str key, struct arena *arena,
                                         struct str *value, struct problem *problem);

#endif
