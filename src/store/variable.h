/* SPDX-License-Identifier: Apache-2.0 */
/* variable.h - the rows of variables. */
#ifndef WEIR_STORE_VARIABLE_H
#define WEIR_STORE_VARIABLE_H

#include "model/variable.h"
#include "store/db.h"
#include "store/record.h"

/* *inserted is false when there is one of that name. */
MUST_CHECK int store_variable_insert(struct db *db, const struct variable *variable, bool *inserted,
                                     struct problem *problem);
MUST_CHECK int store_variable_update(struct db *db, const struct variable *variable, struct problem *problem);
MUST_CHECK int store_variable_delete(struct db *db, struct uuid id, struct problem *problem);

/* WEIR_ENOTFOUND, without a word. */
MUST_CHECK int store_variable_find_name(struct db *db, struct str name, struct arena *arena, struct variable *out,
                                        struct problem *problem);

/* By name. limit 0: 200. The records are struct variable. */
MUST_CHECK int store_variable_list(struct db *db, int64_t limit, record_row_fn *each, void *data,
                                   struct problem *problem);

#endif
