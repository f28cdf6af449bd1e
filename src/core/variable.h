/* SPDX-License-Identifier: Apache-2.0 */
/* variable.h - the operations on variables (core/variable.c). */
#ifndef WEIR_CORE_VARIABLE_H
#define WEIR_CORE_VARIABLE_H

#include "store/store.h"
#include "store/variable.h"

enum { VARIABLE_VALUE_MAX = 5000 }; /* characters of JSON */

/*
 * Make the variable, or give it another value; tags STR_NULL: as they are. Without overwrite one that is there is
 * WEIR_EEXISTS. WEIR_EINVAL for a bad name, WEIR_ELIMIT for a value of more than 5,000 characters.
 */
MUST_CHECK int variable_set(struct tx *tx, struct variable *variable, bool overwrite);

/* WEIR_ENOTFOUND. */
MUST_CHECK int variable_delete(struct tx *tx, struct str name);
MUST_CHECK int variable_find(struct db *db, struct str name, struct arena *arena, struct variable *out,
                             struct problem *problem);

#endif
