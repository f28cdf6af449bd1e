/* SPDX-License-Identifier: Apache-2.0 */
/* query.h - what the lists of flow runs and task runs have in common. */
#ifndef WEIR_STORE_QUERY_H
#define WEIR_STORE_QUERY_H

#include "model/state.h"

enum { QUERY_DEFAULT_LIMIT = 200 };

/* Names and state types as JSON arrays, for `IN (SELECT value FROM json_each(?))`. */
struct str query_names(struct arena *arena, const struct str *names, size_t count);
struct str query_types(struct arena *arena, const enum state_type *types, size_t count);

#endif
