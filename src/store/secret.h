/* SPDX-License-Identifier: Apache-2.0 */
/* secret.h - the rows of secrets. */
#ifndef WEIR_STORE_SECRET_H
#define WEIR_STORE_SECRET_H

#include "model/secret.h"
#include "store/db.h"
#include "store/record.h"

/* *inserted is false when there is one of that name. */
MUST_CHECK int store_secret_insert(struct db *db, const struct secret *secret, bool *inserted, struct problem *problem);
MUST_CHECK int store_secret_update(struct db *db, const struct secret *secret, struct problem *problem);
MUST_CHECK int store_secret_delete(struct db *db, struct uuid id, struct problem *problem);

/* WEIR_ENOTFOUND, without a word. */
MUST_CHECK int store_secret_find_name(struct db *db, struct str name, struct arena *arena, struct secret *out,
                                      struct problem *problem);

/* By name. limit 0: 200. The records are struct secret. */
MUST_CHECK int store_secret_list(struct db *db, int64_t limit, record_row_fn *each, void *data,
                                 struct problem *problem);

#endif
