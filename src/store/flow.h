/* SPDX-License-Identifier: Apache-2.0 */
/* flow.h - the rows of flows. */
#ifndef WEIR_STORE_FLOW_H
#define WEIR_STORE_FLOW_H

#include "model/run.h"
#include "store/db.h"

/* Called for each row in order; stops and returns its value when that is not 0. Texts live for the call only. */
typedef int flow_row_fn(void *data, const struct flow *flow);

/* *inserted is false when there is a flow of that name. */
MUST_CHECK int store_flow_insert(struct db *db, const struct flow *flow, bool *inserted, struct problem *problem);

/* WEIR_ENOTFOUND, with the problem. */
MUST_CHECK int store_flow_find(struct db *db, struct uuid id, struct arena *arena, struct flow *out,
                               struct problem *problem);
MUST_CHECK int store_flow_find_name(struct db *db, struct str name, struct arena *arena, struct flow *out,
                                    struct problem *problem);

struct flow_query {
	struct str name_like;  /* case-insensitive part; STR_NULL: all */
	int64_t limit, offset; /* limit 0: 200 */
};

/* By name. */
MUST_CHECK int store_flow_list(struct db *db, const struct flow_query *query, flow_row_fn *each, void *data,
                               struct problem *problem);

#endif
