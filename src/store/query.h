/* SPDX-License-Identifier: Apache-2.0 */
/* query.h - what the lists of flow runs and task runs have in common. */
#ifndef WEIR_STORE_QUERY_H
#define WEIR_STORE_QUERY_H

#include "model/state.h"
#include "store/db.h"

enum { QUERY_DEFAULT_LIMIT = 200 };

/* Names and state types as JSON arrays, for `IN (SELECT value FROM json_each(?))`. */
struct str query_names(struct arena *arena, const struct str *names, size_t count);
struct str query_types(struct arena *arena, const enum state_type *types, size_t count);

/* A run as far as it is needed to tell it from others. */
struct run_candidate {
	struct uuid id;
	struct str name;
};

/* Read what a query of id and name gives. Returns how many; out has room for as many as the query's limit. */
MUST_CHECK int query_candidates(struct db_statement *statement, struct arena *arena, struct run_candidate *out,
                                struct problem *problem);

#endif
