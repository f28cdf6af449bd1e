/* SPDX-License-Identifier: Apache-2.0 */
/* artifact.h - the operations on artifacts (core/artifact.c). */
#ifndef WEIR_CORE_ARTIFACT_H
#define WEIR_CORE_ARTIFACT_H

#include "store/artifact.h"
#include "store/store.h"

/* Insert; it gets its id and times. WEIR_EINVAL for a key of other than lower case letters, digits and dashes. Texts in
   the metadata are cut after 500 characters (CONTRACT 3.11). */
MUST_CHECK int artifact_create(struct tx *tx, struct artifact *artifact);

/* Write over the run's artifact of that type and key; make it when there is none. */
MUST_CHECK int artifact_set(struct tx *tx, struct artifact *artifact);

/* By id, or all of a key. *count: how many were deleted. WEIR_ENOTFOUND. */
MUST_CHECK int artifact_delete(struct tx *tx, struct str key_or_id, int64_t *count);

/* By id, or the newest of a key. WEIR_ENOTFOUND. */
MUST_CHECK int artifact_find(struct db *db, struct str key_or_id, struct arena *arena, struct artifact *out,
                             struct problem *problem);

#endif
